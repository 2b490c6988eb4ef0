# SPDX-License-Identifier: Apache-2.0
"""One run of the program, from Python."""

import hashlib
import json
import pathlib
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any, Optional, Union

from .errors import DONE, REFUSED, InputError, ProgramError
from .files import Path, write_text
from .program import find_input, find_program, words_of, words_of_options
from .result import TABLES, Result, load_result

Input = Union[Path, Mapping[str, Any]]  # a file, a preset's name, or a file's content


def input_file(kind: str, given: Input, program: str, folder: pathlib.Path) -> str:
    """Path of a hardware or workload file (kind: hw, workload); content is written to one below
    `folder`. Files that it names are then relative to that folder."""
    if not isinstance(given, Mapping):
        return find_input(kind, given, program)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(given, indent=1) + "\n"
    path = folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.json"
    write_text(path, text)
    return str(path)


def call(command: list[str]) -> int:
    """Runs the program. Returns 0, or 3 for a training that diverged. Raises InputError with the
    program's words if it refused its input, else ProgramError."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    if done.returncode == REFUSED:
        raise InputError(done.stderr.strip())
    if done.returncode not in DONE:
        status = done.returncode if done.returncode >= 0 else 128 - done.returncode
        raise ProgramError(f"exit status {status}: {done.stderr.strip()}", status)
    return done.returncode


def run(hw: Input, workload: Input, set: Optional[Mapping[str, Any]] = None, *,
        out: Optional[Path] = None, program: Optional[Path] = None, **options: Any) -> Result:
    """Runs the program once and returns its result.

    `hw`, `workload`: a file, a preset's bare name, or a file's content as a dict. `set`: field ->
    value, as --set. `options`: the program's, with underscores: `timing_only=True, samples=100`.
    `out`: where the files go (an existing result is refused unless `force=True`); without it they
    are read and dropped. A training that diverged returns too: `result.diverged`.

    Raises InputError (exit status 2, its message) or ProgramError."""
    simulator = find_program(program)
    if set is not None and not isinstance(set, Mapping):
        raise InputError(f"set: found a {type(set).__name__}; allowed: a dict of fields and values")
    with tempfile.TemporaryDirectory(prefix="stagecoach-") as scratch:
        folder = pathlib.Path(scratch, "out") if out is None else pathlib.Path(out)
        inputs = {"hw": hw, "workload": workload}
        files = {kind: input_file(kind, given, simulator, pathlib.Path(scratch))
                 for kind, given in inputs.items()}
        try:
            call([simulator, "--hw", files["hw"], "--workload", files["workload"], "--out",
                  str(folder), "--quiet", *words_of(set or {}), *words_of_options(options)])
        except InputError as error:
            text = str(error)
            for kind, given in inputs.items():
                if isinstance(given, Mapping):  # the user named no file
                    text = text.replace(files[kind], kind)
            raise InputError(text) from None
        result = load_result(folder)
        if out is not None:
            return result
        return Result(result.summary, {name: result.table(name) for name in TABLES})
