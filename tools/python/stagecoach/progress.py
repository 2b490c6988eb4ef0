# SPDX-License-Identifier: Apache-2.0
"""What a sweep says while it runs: on a terminal one line with rate and time left, else a line a
point."""

import json
import time
from typing import Any, Optional, TextIO

from .errors import DONE
from .points import Status

_REDRAW_SECONDS = 0.1
_WIDTH = 24


def duration(seconds: float) -> str:
    """12 s, 3 min 20 s, 5 h 12 min, 3 d 4 h."""
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


class Progress:
    """Of `total` points, of which `before` were done when it began."""

    def __init__(self, stream: Optional[TextIO], total: int, before: int = 0) -> None:
        self._stream = stream
        self._total = total
        self._before = self._count = before
        self._failed = 0
        self._began = time.monotonic()
        self._drawn = 0.0
        self._terminal = stream is not None and stream.isatty()

    def point(self, settings: dict[str, Any], status: Status) -> None:
        """One more has ended."""
        self._count += 1
        self._failed += not status.done
        if self._stream is None:
            return
        if not self._terminal:
            what = ("done" if status.exit_status == 0 else "done: the training diverged"
                    if status.exit_status in DONE else
                    f"exit status {status.exit_status}: {status.message}")
            print(f"[{self._count}/{self._total}] {json.dumps(settings)}: {what}",
                  file=self._stream, flush=True)
        else:
            if not status.done:
                self.say(f"{json.dumps(settings)}: exit status {status.exit_status}: "
                         f"{printable(status.message)}")
            self.draw()

    def draw(self) -> None:
        now = time.monotonic()
        if not self._terminal or self._stream is None or (
                now - self._drawn < _REDRAW_SECONDS and self._count < self._total):
            return
        self._drawn = now
        self._stream.write(f"\r\x1b[K{self.line(now - self._began)}")
        self._stream.flush()

    def line(self, seconds: float) -> str:
        filled = _WIDTH * self._count // max(1, self._total)
        made = self._count - self._before
        text = f"[{'#' * filled}{'-' * (_WIDTH - filled)}] {self._count}/{self._total} points"
        if self._failed:
            text += f", {self._failed} failed"
        if made and seconds > 0:
            rate = made / seconds
            text += (f", {rate:.3g} points/s" if rate >= 0.1 else f", {duration(1 / rate)}/point")
            text += f", {duration((self._total - self._count) / rate)} left"
        return text

    def say(self, text: str) -> None:
        """A line that stays."""
        if self._stream is not None:
            print(("\r\x1b[K" if self._terminal else "") + text, file=self._stream, flush=True)

    def end(self) -> None:
        if self._terminal and self._stream is not None and self._drawn:
            self._stream.write("\n")
            self._stream.flush()


def printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)
