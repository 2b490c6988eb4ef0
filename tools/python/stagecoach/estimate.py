# SPDX-License-Identifier: Apache-2.0
"""--dry-run: which points there are, which are done, and how long the rest will take."""

import json
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Optional, TextIO

from .files import read_json
from .points import Status, Task
from .progress import duration
from .program import value_of

_TRIAL_SECONDS = 10.0  # of the first point, where no point is done


def describe(tasks: Sequence[Task], known: Sequence[Optional[Status]], jobs: int,
             stream: TextIO) -> None:
    """Prints a line a point, and the estimate."""
    for task, status in zip(tasks, known):
        state = ("to do" if status is None else "done" if status.done
                 else f"failed (exit status {status.exit_status})")
        print(f"{task.folder.name}  {state:10}  {json.dumps(task.settings)}", file=stream)
    rest = [task for task, status in zip(tasks, known) if status is None or not status.done]
    failed = sum(status is not None and not status.done for status in known)
    print(f"{len(tasks)} points: {len(tasks) - len(rest)} done, {failed} failed, "
          f"{len(rest) - failed} to do", file=stream)
    if rest:
        earlier = [s.wall_seconds for s in known if s and s.done and s.wall_seconds is not None]
        print(_estimate(rest, earlier, jobs), file=stream)


def _estimate(rest: Sequence[Task], earlier: Sequence[float], jobs: int) -> str:
    if earlier:
        mean, source = statistics.fmean(earlier), f"{len(earlier)} done"
    else:
        found, source = _first_timing(rest[0])
        if found is None:
            return f"time: not known ({source})"
        mean = found
    total = mean * len(rest) / min(jobs, len(rest))
    return (f"time: about {duration(total)}, {duration(mean)} a point, "
            f"{min(jobs, len(rest))} at a time (from {source})")


def _first_timing(task: Task) -> tuple[Optional[float], str]:
    """Runs the first point aside, some seconds at most. Its whole time, and how it is known."""
    with tempfile.TemporaryDirectory(prefix="stagecoach-") as scratch:
        command = list(task.command)
        folder = pathlib.Path(scratch, "points/first")
        folder.mkdir(parents=True)
        command[command.index("--out") + 1] = str(folder)
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        try:
            _, message = process.communicate(timeout=_TRIAL_SECONDS)
            if process.returncode in (0, 3):
                return time.monotonic() - began, "the first point, run aside"
            return None, f"the first point fails: {message.strip()}"
        except subprocess.TimeoutExpired:
            process.terminate()
        finally:
            _end(process)
        seconds = time.monotonic() - began
        part = _part_done(folder / "summary.json", task)
        if part is None:
            return None, f"the first point takes more than {seconds:.0f} s"
        return seconds / part, f"the first {100 * part:.2g} % of the first point, run aside"


def _end(process: "subprocess.Popen[str]") -> None:
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _part_done(summary: pathlib.Path, task: Task) -> Optional[float]:
    """Samples that were trained before the run was ended, over all; None if it is not known."""
    try:
        made = read_json(summary)["training"]["samples"]
        printed = subprocess.run([*task.command, "--print-config"], capture_output=True, text=True,
                                 check=True).stdout
        workload = json.loads(printed)["workload"]
        samples = int(value_of(task.arguments, "--samples") or workload["dataset"]["train_samples"])
        epochs = int(value_of(task.arguments, "--epochs") or workload["training"]["epochs"])
        return made / (samples * epochs) or None
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError,
            subprocess.CalledProcessError):
        return None
