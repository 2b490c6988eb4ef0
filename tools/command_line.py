# SPDX-License-Identifier: Apache-2.0
"""What the tools' command lines share: types for argparse whose errors say what was found, what is
allowed, and what was probably meant."""

import argparse
import importlib.util
import os
import pathlib
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = str(ROOT / "build/stagecoach")
sys.path.insert(0, str(ROOT / "tools/python"))

from stagecoach.errors import reason, unknown  # noqa: E402,F401
from stagecoach.files import read_json  # noqa: E402,F401


def names(what, known):
    """Type of a comma-separated list of names."""
    def parse(text):
        found = text.split(",")
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(unknown(what, name, known))
        return found
    return parse


def count(text):
    """Type of a whole number of at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, must be a whole number, at least 1")
    return int(text)


def whole_numbers(text):
    """Type of a comma-separated list of whole numbers, such as seeds."""
    if not all(part.isdecimal() for part in text.split(",")):
        raise argparse.ArgumentTypeError(
            f"found {text!r}, must be whole numbers with commas between them, such as 1,2,3")
    return [int(part) for part in text.split(",")]


def program(text):
    """Type of the path of the simulator."""
    found = shutil.which(text)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text}: " + ("cannot be run" if os.path.exists(text) else "no such file")
            + "; tools/build makes build/stagecoach")
    return found


def existing_file(text):
    if not pathlib.Path(text).is_file():
        raise argparse.ArgumentTypeError(f"{text}: no such file")
    return text


def existing_folder(text):
    if not pathlib.Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text}: no such folder")
    return text


def use_python_with(module):
    """Starts the tool anew under Debian's python3 where that has the module and this one has not:
    another python3 may come first on the path. Where neither has it, who needs it says so."""
    debian = "/usr/bin/python3"
    if (importlib.util.find_spec(module) is None
            and os.path.isdir(f"/usr/lib/python3/dist-packages/{module}")
            and os.path.realpath(sys.executable) != os.path.realpath(debian)):
        os.execv(debian, [debian, *sys.argv])


def make_folder(parser, option, path):
    """The folder for results, made if need be; the parser's error if that fails."""
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            parser.error(f"argument {option}: {folder}: Permission denied")
    except OSError as error:
        parser.error(f"argument {option}: {reason(error)}")
    return folder
