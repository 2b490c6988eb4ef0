# SPDX-License-Identifier: Apache-2.0
"""Runs points as Slurm job arrays, and submits again only what is missing.

A batch is one array: a list of tasks on disk, each of some points, that slurm_task.py works through
on a node. A point is finished when its point.json is there, whoever wrote it and however often its
task was preempted, requeued or lost on the way. A sweep that is ended leaves its arrays in the
queue; the next call with the same folder finds them there."""

import dataclasses
import json
import pathlib
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Container, Iterator, Mapping, Sequence

from .errors import InputError
from .files import read_json, write_json, write_text
from .interrupts import Interrupts, Stopped
from .points import STATUS, Status, Task, read_status

_OURS = ("array", "output", "error", "open-mode", "requeue", "no-requeue", "parsable", "wrap",
         "job-name")
_GONE_SECONDS = 4.0
_ATTEMPTS = 4  # of a point whose tasks end without a result and without a newer checkpoint
# As a step: a job that is preempted hears SIGTERM in its steps alone.
_SCRIPT = """#!/bin/sh
export PYTHONPATH={package}
exec srun --ntasks=1 ${{SLURM_CPUS_PER_TASK:+--cpus-per-task="$SLURM_CPUS_PER_TASK"}} \\
  {python} -B -m stagecoach.slurm_task {batch} "$SLURM_ARRAY_TASK_ID"
"""
_PACKAGE = pathlib.Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class SlurmPlan:
    """`options`: of sbatch, such as `partition=short` or `exclusive`. `poll_seconds`: how often
    the queue is asked."""
    options: Sequence[str] = ()
    points_per_task: int = 1
    poll_seconds: float = 5.0

    def __post_init__(self) -> None:
        for option in self.options:
            name = option.partition("=")[0]
            if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
                raise InputError(f"--slurm {option}: write OPTION=VALUE with an option of sbatch, "
                                 "such as partition=short")
            if name in _OURS:
                raise InputError(f"--slurm {option}: the sweep sets {name} itself")


class SlurmExecutor:
    """`throttle`: most points at a time; None: as many as the cluster lets run. `folder` keeps
    batches and logs and must be seen by the nodes."""

    def __init__(self, folder: pathlib.Path, plan: SlurmPlan, throttle: "int | None",
                 say: Callable[[str], None]) -> None:
        for program in ("sbatch", "squeue"):
            if shutil.which(program) is None:
                raise InputError(f"--executor slurm: there is no {program} here; run it where jobs "
                                 "are submitted from (Debian: slurm-client)")
        self._folder = folder
        self._plan = plan
        self._throttle = throttle
        self._say = say
        self._said: set[str] = set()
        self._missing: dict[pathlib.Path, float] = {}  # since when
        self._attempts: dict[pathlib.Path, int] = {}
        self._submitted: dict[pathlib.Path, float] = {}  # when, in seconds since the epoch
        folder.mkdir(parents=True, exist_ok=True)
        self._jobs: dict[str, str] = {}  # array's job id -> batch file
        if (folder / "jobs.json").exists():
            self._jobs = read_json(folder / "jobs.json")

    def run(self, tasks: Sequence[Task], tick: Callable[[], None] = lambda: None
            ) -> Iterator[tuple[Task, Status]]:
        """Yields what became of each, as they end. On a signal it stops waiting (Stopped); the
        arrays stay in the queue."""
        waiting = {task.folder.resolve(): task for task in tasks}
        queued = self._queued()
        for folder in waiting:
            if folder not in queued:  # a failed point is to be made again
                (folder / STATUS).unlink(missing_ok=True)
        with Interrupts() as interrupts:
            self._submit([t for f, t in waiting.items() if f not in queued])
            while waiting:
                queued = self._queued()  # before the look for results: none is missed between
                for folder, task in list(waiting.items()):
                    status = read_status(folder, self._say) if (folder / STATUS).exists() else None
                    if status is not None:
                        del waiting[folder]
                        yield task, status
                lost = self._lost(waiting, queued)
                self._missing = {f: s for f, s in self._missing.items() if waiting[f] not in lost}
                for task in self._hopeless(lost):
                    del waiting[task.folder.resolve()]
                    yield task, task.finish(1, "its Slurm tasks ended without a result, "
                                            f"{_ATTEMPTS} times; logs: {self._folder}", 0.0)
                self._submit([t for t in lost if t.folder.resolve() in waiting])
                tick()
                if waiting and not interrupts.count:
                    select.select([interrupts.descriptor], [], [], self._plan.poll_seconds)
                if interrupts.count:
                    raise Stopped(interrupts.signal, self._farewell(len(waiting)))

    def _lost(self, waiting: Mapping[pathlib.Path, Task], queued: Container[pathlib.Path]
              ) -> list[Task]:
        """Those of which the queue has known nothing for some time. (A task that is being requeued
        is not shown for a moment.)"""
        now = time.monotonic()
        self._missing = {f: self._missing.get(f, now) for f in waiting if f not in queued}
        return [waiting[f] for f, since in self._missing.items() if now - since > _GONE_SECONDS]

    def _hopeless(self, lost: Sequence[Task]) -> list[Task]:
        """Counts a loss, unless a checkpoint is newer than the submission. Which are given up?"""
        given_up = []
        for task in lost:
            newest = max((f.stat().st_mtime for f in (task.folder / "checkpoint").glob("*")),
                         default=0.0)
            if newest <= self._submitted.get(task.folder, 0.0):
                self._attempts[task.folder] = self._attempts.get(task.folder, 0) + 1
            if self._attempts.get(task.folder, 0) > _ATTEMPTS:
                given_up.append(task)
        return given_up

    def _submit(self, tasks: Sequence[Task]) -> None:
        """As few arrays as the cluster's largest allows."""
        if not tasks:
            return
        n = self._plan.points_per_task
        chunks = [tasks[i:i + n] for i in range(0, len(tasks), n)]
        most = _largest_array()
        for i in range(0, len(chunks), most):
            self._submit_array(chunks[i:i + most])

    def _submit_array(self, chunks: Sequence[Sequence[Task]]) -> None:
        number = 1 + max((int(p.stem[6:]) for p in self._folder.glob("batch-*.json")), default=0)
        batch = self._folder / f"batch-{number:04}.json"
        write_json(batch, [[{**dataclasses.asdict(t), "folder": str(t.folder)} for t in chunk]
                           for chunk in chunks])
        script = batch.with_suffix(".sh")
        write_text(script, _SCRIPT.format(package=shlex.quote(str(_PACKAGE)), python=shlex.quote(
            sys.executable), batch=shlex.quote(str(batch))))
        array = f"0-{len(chunks) - 1}" + (f"%{self._throttle}" if self._throttle else "")
        done = subprocess.run(
            ["sbatch", "--parsable", "--requeue", f"--job-name=stagecoach-{number}",
             f"--array={array}", "--open-mode=append",
             f"--output={self._folder}/batch-{number:04}-%a.log",
             *(f"--{option}" for option in self._plan.options), str(script)],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise InputError(f"sbatch refused the job array: {done.stderr.strip()}")
        job = done.stdout.strip().split(";")[0]
        self._jobs[job] = batch.name
        write_json(self._folder / "jobs.json", self._jobs)
        now = time.time()
        self._submitted.update({task.folder: now for chunk in chunks for task in chunk})
        points = sum(map(len, chunks))
        self._say(f"job array {job}: {len(chunks)} tasks, {points} points")

    def _queued(self) -> set[pathlib.Path]:
        """Folders of the points whose tasks are waiting or running. While the controller does not
        answer: of all that were submitted."""
        done = subprocess.run(["squeue", "--me", "--noheader", "--array", "--format=%F %K %T %r"],
                              capture_output=True, text=True, check=False)
        alive: dict[str, set[int]] = {}
        for line in done.stdout.splitlines():
            job, index, state, *why = line.split(maxsplit=3)
            if job in self._jobs and index.isdecimal():
                alive.setdefault(job, set()).add(int(index))
                if why and "held" in why[0].lower():
                    self._say_once(f"task {job}_{index} is held ({why[0]}): scontrol release "
                                   f"{job}_{index}")
        if done.returncode != 0:
            self._say_once(f"squeue: {done.stderr.strip()}; still waiting")
        found: set[pathlib.Path] = set()
        for job, batch in list(self._jobs.items()):
            chunks = read_json(self._folder / batch) if job in alive or done.returncode else []
            if not chunks:
                del self._jobs[job]
            for place, chunk in enumerate(chunks):
                if done.returncode != 0 or place in alive[job]:
                    found.update(pathlib.Path(t["folder"]).resolve() for t in chunk)
        return found

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def _farewell(self, points: int) -> str:
        jobs = " ".join(self._jobs)
        return (f"{points} points stay in the queue. The same call waits for them again; "
                f"scancel {jobs} ends them")


def _largest_array() -> int:
    """Tasks of an array at most: the cluster's MaxArraySize."""
    shown = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True,
                           check=False).stdout
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", shown, re.MULTILINE)
    return max(1, int(found[1]) - 1) if found else 1000


def read_batch(path: pathlib.Path, index: int) -> list[Task]:
    """The points of one task of an array."""
    return [Task(t["settings"], t["arguments"], pathlib.Path(t["folder"]), t["command"])
            for t in json.loads(path.read_text(encoding="utf-8"))[index]]
