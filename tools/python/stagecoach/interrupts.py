# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM as a flag and a readable descriptor, for loops that wait."""

import os
import signal
import threading
from types import FrameType
from typing import Any, Optional

from .errors import StagecoachError


class Stopped(StagecoachError):
    """A signal ended the work; `signal` is its number. What was done is on disk."""

    def __init__(self, number: int, message: str = "stopped") -> None:
        super().__init__(message)
        self.signal = number


class Interrupts:
    """While entered, SIGINT, SIGTERM and SIGHUP are noted and end nothing. Outside the main
    thread, where Python has no signals, it does nothing."""

    def __init__(self) -> None:
        self.count = 0
        self.signal = 0
        self._before: dict[int, Any] = {}
        self.descriptor, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def _note(self, number: int, _: Optional[FrameType]) -> None:
        self.count += 1
        self.signal = number
        os.write(self._writer, b"\0")

    def drain(self) -> None:
        """Makes the descriptor wait for the next signal."""
        os.read(self.descriptor, 1024)

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self.descriptor)
        os.close(self._writer)
