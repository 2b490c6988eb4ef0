# SPDX-License-Identifier: Apache-2.0
"""What a task of a job array does on its node: its points, one after the other.

    python3 -m stagecoach.slurm_task BATCH INDEX

On SIGTERM (preemption, time limit) the running point is asked to write its checkpoint; the task
then waits for its end, after which Slurm, or the sweep, runs it again. A point is locked while it
runs: a task that Slurm believes lost and has started elsewhere waits, then finds the result."""

import fcntl
import os
import pathlib
import signal
import sys
import time

from .interrupts import Stopped
from .local import LocalExecutor
from .points import Task, read_status
from .slurm import read_batch


_LONGEST_GRACE_SECONDS = 300.0  # of a cluster, between SIGTERM and SIGKILL


def run_point(task: Task, locks: int) -> None:
    """Unless it is finished. `locks`: a file of which one byte stands for the point."""
    place = int(task.folder.name, 16) >> 1
    fcntl.lockf(locks, fcntl.LOCK_EX, 1, place)
    if read_status(task.folder, lambda text: print(text, file=sys.stderr)) is None:
        threads = int(os.environ.get("SLURM_CPUS_PER_TASK", "1"))
        for _, status in LocalExecutor(threads=threads, stop=signal.SIGINT).run([task]):
            print(f"{task.folder.name}: exit status {status.exit_status}", flush=True)
    fcntl.lockf(locks, fcntl.LOCK_UN, 1, place)


def main() -> int:
    batch, index = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    locks = os.open(batch.with_name("locks"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        for task in read_batch(batch, index):
            run_point(task, locks)
    except Stopped as stop:
        time.sleep(_LONGEST_GRACE_SECONDS)  # a job that ends by itself is not requeued
        return 128 + stop.signal
    return 0


if __name__ == "__main__":
    sys.exit(main())
