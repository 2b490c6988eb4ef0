# SPDX-License-Identifier: Apache-2.0
"""What may go wrong, by whose hand; and words for it."""

import difflib
from collections.abc import Iterable

DIVERGED = 3  # exit status: a result, but of a training that met a NaN or infinite loss
DONE = (0, DIVERGED)  # exit statuses with a result
REFUSED = 2  # exit status: the user's input, or a design that does not fit its chip


class StagecoachError(Exception):
    """Of this package. Its text is a sentence for the user."""


class InputError(StagecoachError, ValueError):
    """The user's input is wrong, or the program refused it (exit status 2)."""


class ProgramError(StagecoachError):
    """The program failed in another way; `exit_status` is its own, or 128 + its signal."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Words for a name that is not among those known."""
    known = list(known)
    nearest = difflib.get_close_matches(name.lower(), [k.lower() for k in known], 1, 0.5)
    meant = [k for k in known if k.lower() in nearest]
    return (f"unknown {what} {name!r}" + (f"; did you mean {meant[0]}?" if meant else "")
            + "; known: " + ", ".join(known))


def reason(error: BaseException) -> str:
    """An OSError or another error as a person reads it: the file and what is wrong with it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
