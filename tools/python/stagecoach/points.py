# SPDX-License-Identifier: Apache-2.0
"""One point of a sweep: its command, its folder, and what became of it."""

import dataclasses
import json
import pathlib
import signal
from typing import Any, Callable, Optional

from .errors import DIVERGED, DONE
from .files import write_text
from .result import SCHEMA

STATUS = "point.json"
_MOST_OF_A_MESSAGE = 1 << 15  # characters kept at either end


@dataclasses.dataclass(frozen=True)
class Status:
    """What became of a point. `exit_status`: the program's own, or 128 + its signal."""
    settings: dict[str, Any]
    arguments: list[str]
    exit_status: int
    message: str
    wall_seconds: Optional[float]

    @property
    def done(self) -> bool:
        """Is there a result, be it of a training that diverged?"""
        return self.exit_status in DONE


@dataclasses.dataclass(frozen=True)
class Task:
    """A point to run. `command` lacks what depends on where it runs (program head, threads)."""
    settings: dict[str, Any]
    arguments: list[str]  # beside files and settings: identity's
    folder: pathlib.Path
    command: list[str]

    def finish(self, exit_status: int, message: str, wall_seconds: float) -> Status:
        """Writes what became of it. A result that cannot be read is a failure."""
        if exit_status < 0:
            name = signal.Signals(-exit_status).name
            message = f"{message.strip()} ended by {name}".strip()
            exit_status = 128 - exit_status
        if exit_status in DONE and read_summary(self.folder) is None:
            message = (f"exit status {exit_status}, but there is no whole summary.json. "
                       + message).strip()
            exit_status = 70
        if exit_status == 0:
            message = ""
        elif not message:
            message = ("the training diverged" if exit_status == DIVERGED else
                       f"exit status {exit_status} without a word")
        status = Status(self.settings, self.arguments, exit_status, shortened(message),
                        round(wall_seconds, 6))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / STATUS, json.dumps(dataclasses.asdict(status)) + "\n")
        return status


def shortened(message: str) -> str:
    """Whole, unless a program runs wild."""
    if len(message) <= 2 * _MOST_OF_A_MESSAGE:
        return message.strip()
    gone = len(message) - 2 * _MOST_OF_A_MESSAGE
    return (f"{message[:_MOST_OF_A_MESSAGE]}\n[{gone} characters left out]\n"
            f"{message[-_MOST_OF_A_MESSAGE:]}").strip()


def read_status(folder: pathlib.Path, tell: Callable[[str], None]) -> Optional[Status]:
    """What is known of a point; None if nothing is. What is broken is named, and made again."""
    file = folder / STATUS
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        wall = known.get("wall_seconds")
        status = Status(dict(known["settings"]), list(known.get("arguments", [])),
                        int(known["exit_status"]), str(known["message"]),
                        None if wall is None else float(wall))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        tell(f"{file}: broken; the point is made again")
        return None
    if status.done and read_summary(folder) is None:
        tell(f"{folder / 'summary.json'}: missing or broken; the point is made again")
        return None
    return status


def read_summary(folder: pathlib.Path) -> Optional[dict[str, Any]]:
    """The result, or None if it is not there, not whole, or of another format."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(summary, dict) or summary.get("schema") != SCHEMA:
        return None
    training = summary.get("training")
    if not isinstance(training, dict) or training.get("interrupted"):
        return None
    if training.get("complete") is False and not training.get("diverged"):
        return None  # of a run that was killed: its epochs so far
    return summary
