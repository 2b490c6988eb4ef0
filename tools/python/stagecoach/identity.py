# SPDX-License-Identifier: Apache-2.0
"""What decides a result, as one hash: program, files, every file that those name, settings and
arguments. What never changes a result (threads, checkpoints, the folder's name) is left out."""

import hashlib
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

from .files import Digests, read_json
from .program import instruction_set_here, libraries_of, value_of

_FREE = ("$comment", "$source", "$uncertainty", "$schema", "name")  # keys whose texts name no file


class NamedFiles:
    """The files and folders that the texts of a JSON value name. `roots`: kind of value -> where they
    may lie."""

    def __init__(self, roots: Mapping[str, Sequence[pathlib.Path]], digests: Digests) -> None:
        self._roots = roots
        self._digests = digests

    def of(self, kind: str, value: Any) -> list[list[str]]:
        """Each text that names one, with the digest of what it names."""
        found = []
        for text in dict.fromkeys(_texts(value)):
            path = self._find(kind, text)
            if path:
                found.append([text, self._digests.of(path)])
        return found

    def _find(self, kind: str, text: str) -> Optional[pathlib.Path]:
        if not text or len(text) > 1024 or "\0" in text or text in (".", ".."):
            return None
        for root in self._roots.get(kind, []):
            for path in (root / text, root / f"{text}.json"):
                # A folder is data only if its name says so: a bare word may be one by chance.
                if path.is_file() or (path.is_dir() and kind != "hw" and "/" in text):
                    return path
        return None


class Identity:
    """Of the points of one sweep."""

    def __init__(self, program: str, hardware: str, workload: str, arguments: Sequence[str],
                 digests: Digests) -> None:
        """Reads both files and what they name. Raises OSError or InputError."""
        self._digests = digests
        self._program = program
        folder = pathlib.Path(workload).parent
        data = value_of(arguments, "--data")
        self._files = NamedFiles({"hw": [pathlib.Path(hardware).parent,
                                         pathlib.Path(hardware).parent / "technologies"],
                                  "workload": [pathlib.Path(data) if data else folder, folder]},
                                 digests)
        deciding = [program, *map(str, libraries_of(program)), hardware, workload]
        files = [digests.of(path) for path in deciding]
        named = [self._files.of("hw", read_json(hardware)),
                 self._files.of("workload", read_json(workload))]
        self._base = json.dumps([files, named], sort_keys=True)

    def instruction_set(self, arguments: Sequence[str]) -> list[str]:
        """Words that name the set that numbers are computed with, where nobody has: last bits
        depend on it, and on a cluster each node would choose its own."""
        named = value_of(arguments, "--instruction-set")
        if "--timing-only" in arguments or named not in (None, "auto"):
            return []
        here = instruction_set_here(self._program)
        return ["--instruction-set", here] if here else []

    def of(self, settings: Mapping[str, Any], arguments: Sequence[str]) -> str:
        """Sixteen hexadecimal digits, the same at every call and on every computer with the same
        best instruction set, or with one that is named."""
        arguments = [*arguments, *self.instruction_set(arguments)]
        named = [self._files.of(path.split("/")[0], value) for path, value in sorted(settings.items())]
        files = [self._digests.of(path) for path in map(_file_of, arguments) if path]
        text = json.dumps([self._base, dict(settings), list(arguments), named, files],
                          sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key not in _FREE:
                yield from _texts(one)


def _file_of(word: str) -> Optional[str]:
    """The file that an argument names: FILE, or --option=FILE."""
    name = word.partition("=")[2] if word.startswith("--") and "=" in word else word
    return name if name and len(name) < 4096 and pathlib.Path(name).is_file() else None
