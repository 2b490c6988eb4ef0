# SPDX-License-Identifier: Apache-2.0
"""The simulator: where it is, what it can do, how it is called."""

import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .errors import InputError, unknown
from .files import Path

_HERE = pathlib.Path(__file__).resolve().parent
ROOT = _HERE.parents[2]  # of a checkout
_FOLDERS = {"hw": "hw", "workload": "workloads"}


def find_program(given: Optional[Path] = None) -> str:
    """The program's path: the one given, else the checkout's build, else the installed one.
    Raises InputError."""
    if given is None:
        built = ROOT / "build/stagecoach"
        given = built if built.exists() else "stagecoach"
    found = shutil.which(os.fspath(given))
    if found is None:
        raise InputError(f"{given}: " + ("cannot be run" if os.path.exists(given)
                                         else "no such file")
                         + "; tools/build makes build/stagecoach")
    return found


def find_input(kind: str, name: Path, program: str) -> str:
    """A hardware or workload file (kind: hw, workload): a path, or a preset's bare name.
    Raises InputError."""
    if pathlib.Path(name).is_file():
        return str(name)
    found = f"--{kind}: found {os.fspath(name)!r}"
    if os.sep in str(name):
        raise InputError(f"{found}, no such file")
    share = pathlib.Path(program).resolve().parents[1] / "share/stagecoach"
    presets = {preset.stem: preset for root in (share, ROOT)  # those of a checkout go first
               for preset in (root / _FOLDERS[kind]).glob("*.json")}
    if str(name) in presets:
        return str(presets[str(name)])
    raise InputError(f"{found}, which is neither a file nor a preset: " + unknown(
        "preset", str(name).removesuffix(".json"), sorted(presets.keys() - {"TEMPLATE"})))


def words_of(settings: Mapping[str, Any]) -> list[str]:
    """--set of every field."""
    return [word for path, value in settings.items()
            for word in ("--set", f"{path}={json.dumps(value)}")]


def words_of_options(options: Mapping[str, Any]) -> list[str]:
    """`timing_only=True, samples=100` as `--timing-only --samples 100`; None and False are left
    out, a list repeats its option."""
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is True:
                words.append(flag)
            elif one is not None and one is not False:
                words += [flag, str(one)]
    return words


def value_of(arguments: Sequence[str], option: str) -> Optional[str]:
    """What `--option VALUE` or `--option=VALUE` gives; the last one counts; else None."""
    found = None
    for place, word in enumerate(arguments):
        if word == option and place + 1 < len(arguments):
            found = arguments[place + 1]
        elif word.startswith(option + "="):
            found = word[len(option) + 1:]
    return found


def without(arguments: Sequence[str], option: str) -> list[str]:
    """The arguments without `--option VALUE` and `--option=VALUE`."""
    kept: list[str] = []
    skip = False
    for word in arguments:
        if skip or word.startswith(option + "="):
            skip = False
        elif word == option:
            skip = True
        else:
            kept.append(word)
    return kept


@functools.lru_cache(maxsize=None)
def _help(program: str) -> str:
    return subprocess.run([program, "--help"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False).stdout


def has_option(program: str, option: str) -> bool:
    return option in _help(program).replace("=", " ").split()


@functools.lru_cache(maxsize=None)
def ended_by(stop: signal.Signals) -> tuple[str, ...]:
    """Head of a command that gets this signal when the process that started it is gone. Of SIGINT:
    SIGTERM is ignored, so that it cannot come as a second signal, from someone who sends it to all
    processes of a job."""
    found = shutil.which("setpriv")
    head = (found, "--pdeathsig", stop.name.removeprefix("SIG")) if found else ()
    if stop == signal.SIGINT:
        return ("/bin/sh", "-c", "trap '' TERM; exec \"$@\"", "sh", *head)
    return head


@functools.lru_cache(maxsize=None)
def instruction_set_here(program: str) -> Optional[str]:
    """What this computer would compute with; None of a program that has but one, or cannot say."""
    if not has_option(program, "--instruction-set"):
        return None
    told = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False).stdout
    found = re.search(r"^instruction set here: (\w+)$", told, re.MULTILINE)
    return found[1] if found else None


def libraries_of(program: str) -> list[pathlib.Path]:
    """The program's own shared libraries, beside it or under ../lib: they decide results too."""
    folder = pathlib.Path(program).resolve().parent
    places = [folder, folder.parent / "lib", folder.parent / "lib/stagecoach"]
    return sorted({p.resolve() for place in places for p in place.glob("libstagecoach*.so*")})
