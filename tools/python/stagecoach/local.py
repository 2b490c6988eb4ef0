# SPDX-License-Identifier: Apache-2.0
"""Runs points on this computer: some processes at a time, one thread that waits for them."""

import os
import pathlib
import select
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Optional

from .errors import DONE
from .interrupts import Interrupts, Stopped
from .points import Status, Task
from .program import ended_by

GRACE_SECONDS = 20.0  # from SIGTERM to SIGKILL: time to write a checkpoint
_SETTLE_SECONDS = 2.0
_TICK_SECONDS = 0.5
_ENDED_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP,
                       128 + signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGHUP)


class _Process:
    """A running point. Its errors go to a file without a name, so that no pipe can fill."""

    def __init__(self, task: Task, threads: int, keep_open: Sequence[int],
                 stop: signal.Signals) -> None:
        self.task = task
        self.errors: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        task.folder.mkdir(parents=True, exist_ok=True)
        command = [*ended_by(stop), *task.command, "--threads", str(threads)]
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # a session of its own: Ctrl-C reaches it through us only
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors,
            pass_fds=keep_open, start_new_session=True)
        yield_as_we_do(self.process.pid)
        self.descriptor = os.pidfd_open(self.process.pid)

    def end(self) -> tuple[int, float]:
        """Exit status and wall seconds of a process that has ended."""
        status = self.process.wait()
        seconds = time.monotonic() - self.started
        os.close(self.descriptor)
        self.errors.seek(0)
        self.message = self.errors.read()
        self.errors.close()
        return status, seconds

    def finish(self, status: int, seconds: float) -> tuple[Task, Status]:
        """Writes down what became of the point."""
        return self.task, self.task.finish(status, self.message, seconds)


def yield_as_we_do(pid: int) -> None:
    """A session of its own is also a scheduling group of its own, which begins at nice 0 and would
    weigh as much as a user's work: it gets the nice value of ours."""
    try:
        own = pathlib.Path("/proc/self/autogroup").read_text(encoding="ascii").split()
        if own[-1] != "0":
            pathlib.Path(f"/proc/{pid}/autogroup").write_text(own[-1], encoding="ascii")
    except (OSError, IndexError):
        pass  # a kernel without such groups, or a process that has ended


class LocalExecutor:
    """`keep_open`: descriptors, such as a lock's, that live as long as the last process.
    `threads`: of each process; default: the cores shared out. It never changes a result. `stop`:
    the signal that asks a process to end (SIGINT: it then ignores SIGTERM)."""

    def __init__(self, jobs: int = 1, keep_open: Sequence[int] = (),
                 grace_seconds: float = GRACE_SECONDS, threads: Optional[int] = None,
                 stop: signal.Signals = signal.SIGTERM) -> None:
        self.jobs = jobs
        self._threads = threads or max(1, (os.cpu_count() or 1) // jobs)
        self._keep_open = keep_open
        self._grace_seconds = grace_seconds
        self._stop_signal = stop

    def run(self, tasks: Iterable[Task], tick: Callable[[], None] = lambda: None
            ) -> Iterator[tuple[Task, Status]]:
        """Yields what became of each, as they end; calls `tick` now and then while it waits. On a
        signal every process is asked to end, and killed after a grace or at a second signal; then
        Stopped is raised."""
        waiting = iter(tasks)
        running: dict[int, _Process] = {}
        with Interrupts() as interrupts, selectors.DefaultSelector() as selector:
            selector.register(interrupts.descriptor, selectors.EVENT_READ)
            try:
                self._fill(running, waiting, selector)
                while running and not interrupts.count:
                    ended = self._ended(running, selector, _TICK_SECONDS)
                    if not ended:
                        tick()
                    if not interrupts.count:
                        self._fill(running, waiting, selector)  # first: no core waits for us
                    for process, (status, seconds) in ended:
                        if status in DONE or not self._stops(status, interrupts):
                            yield process.finish(status, seconds)
                if interrupts.count:
                    yield from self._stop(running, selector, interrupts)
                    raise Stopped(interrupts.signal)
            finally:
                for process in running.values():
                    process.process.kill()
                    process.end()

    @staticmethod
    def _stops(status: int, interrupts: Interrupts) -> bool:
        """Are we being ended too? Who ends a process from outside often ends us next, and then
        the point has not failed."""
        if not interrupts.count and status in _ENDED_FROM_OUTSIDE:
            select.select([interrupts.descriptor], [], [], _SETTLE_SECONDS)
        return interrupts.count > 0

    def _fill(self, running: dict[int, _Process], waiting: Iterator[Task],
              selector: selectors.BaseSelector) -> None:
        while len(running) < self.jobs:
            task = next(waiting, None)
            if task is None:
                return
            process = _Process(task, self._threads, self._keep_open, self._stop_signal)
            running[process.descriptor] = process
            selector.register(process.descriptor, selectors.EVENT_READ)

    @staticmethod
    def _ended(running: dict[int, _Process], selector: selectors.BaseSelector,
               timeout: float) -> list[tuple[_Process, tuple[int, float]]]:
        ended = []
        for key, _ in selector.select(timeout):
            process = running.pop(key.fd, None)
            if process is not None:  # else: the interrupts'
                selector.unregister(key.fd)
                ended.append((process, process.end()))
        return ended

    def _stop(self, running: dict[int, _Process], selector: selectors.BaseSelector,
              interrupts: Interrupts) -> Iterator[tuple[Task, Status]]:
        """Ends all. One that was about to be done is kept."""
        asked = interrupts.count
        interrupts.drain()
        for process in running.values():
            process.process.send_signal(self._stop_signal)
        deadline = time.monotonic() + self._grace_seconds
        while running:
            left = deadline - time.monotonic()
            if left <= 0 or interrupts.count > asked:
                for process in running.values():
                    process.process.kill()
                deadline, asked = time.monotonic() + 60, interrupts.count
            for process, (status, seconds) in self._ended(running, selector, max(0.0, left)):
                if status in DONE:
                    yield process.finish(status, seconds)
