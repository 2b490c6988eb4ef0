# SPDX-License-Identifier: Apache-2.0
"""Runs every point of a grid that is not done, and what is left in its folder, as objects."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Optional, TextIO, Union

from . import estimate
from .columns import OBJECTIVES, parse_constraint, parse_objectives
from .errors import InputError, ProgramError
from .files import FolderLock, Path, read_json
from .grid import Grid, parse_grid
from .local import LocalExecutor
from .plan import (CHECKPOINT_MINUTES, SCHEMA, Executor, Maker, Plan, require_energies,
                   seeds_of)
from .points import Status, Task, read_status, read_summary
from .program import find_program
from .progress import Progress
from .result import Record, Result, frame, load_result, read_table
from .runs import Input, call, input_file
from .schema import is_count
from .search import SearchPlan, run_search
from .slurm import SlurmExecutor, SlurmPlan
from .table import Row, Table, row_of


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a sweep did. `earlier`: rows of earlier grids that results.csv still has."""
    points: int
    failed: int
    earlier: int
    words: str = ""


NOT_FOR_POINTS = {  # options of the program that a sweep does not take for every run -> why
    **dict.fromkeys(("--hw", "--workload"), "give it before the --"),
    "--out": "the sweep sets it: each point has a folder of its own",
    **dict.fromkeys(("--force", "--quiet"), "the sweep sets it"),
    "--threads": "the sweep sets it: the processors divided by --jobs (on a cluster: cpus-per-task)",
    "--resume": "the sweep sets it: points that were interrupted go on",
    **dict.fromkeys(("--save-weights", "--record-schedule"), "all points would write the same file"),
    **dict.fromkeys(("--check", "--print-config", "--list-stats", "--print-fields",
                     "--print-schema", "--help", "--version"), "it makes no result")}


def check_arguments(arguments: Sequence[str]) -> None:
    """Raises InputError for an argument that cannot go to every run."""
    for word in arguments:
        option = word.partition("=")[0]
        if option in NOT_FOR_POINTS:
            raise InputError(f"arguments for every run: found {option}: {NOT_FOR_POINTS[option]}")


def make_plan(hw: Input, workload: Input, grid: Union[Grid, Mapping[str, Any]], *, out: Path,
              program: Optional[Path] = None, arguments: Sequence[str] = (),
              objectives: str = OBJECTIVES, constraints: Sequence[str] = (), replicas: int = 1,
              checkpoint_minutes: float = CHECKPOINT_MINUTES) -> Plan:
    """Checks what was asked and makes the folder. Raises InputError or OSError."""
    check_arguments(arguments)
    simulator = find_program(program)
    folder = pathlib.Path(out)
    (folder / "points").mkdir(parents=True, exist_ok=True)
    workload_file = input_file("workload", workload, simulator, folder / "inputs")
    parsed = (grid if isinstance(grid, Grid) else
              parse_grid(grid, is_count=lambda field: is_count(simulator, field)))
    if replicas < 1:
        raise InputError(f"replicas: found {replicas}, must be at least 1")
    plan = Plan(
        program=simulator, hardware=input_file("hw", hw, simulator, folder / "inputs"),
        workload=workload_file, out=folder, grid=parsed, arguments=list(arguments),
        objectives=parse_objectives(objectives),
        constraints=[parse_constraint(c) for c in constraints],
        seeds=seeds_of(replicas, workload_file, parsed, arguments),
        checkpoint_minutes=checkpoint_minutes)
    if objectives != OBJECTIVES or constraints:  # the usual ones count where they are measured
        require_energies(plan)
    return plan


def executor_of(plan: Plan, lock: FolderLock, jobs: Optional[int], slurm: Optional[SlurmPlan],
                progress: Progress) -> Executor:
    """This computer, or a cluster."""
    if slurm is None:
        return LocalExecutor(jobs or 1, (lock.descriptor,))
    return SlurmExecutor(plan.out / "slurm", slurm, jobs, progress.say)


def run_sweep(plan: Plan, *, jobs: Optional[int] = None, slurm: Optional[SlurmPlan] = None,
              search: Optional[SearchPlan] = None, retry_failed: bool = False,
              dry_run: bool = False, stream: Optional[TextIO] = None) -> Outcome:
    """Runs what is not done; `stream` gets progress. Raises InputError, OSError, or Stopped after
    a signal, with all that was done on disk."""
    for note in plan.grid.notes:
        Progress(stream, 0).say(note)
    with FolderLock(plan.out) as lock:
        maker = Maker(plan)
        if search is not None:
            require_energies(plan)
            progress = Progress(stream, search.trials)
            return Outcome(*run_search(plan, search, maker,
                                       executor_of(plan, lock, jobs, slurm, progress), progress))
        tasks = maker.tasks(plan.points())
        known = [read_status(task.folder, Progress(stream, 0).say) for task in tasks]
        _ask_for_refusal([t for t, status in zip(tasks, known) if status is None])
        if dry_run:
            estimate.describe(tasks, known, jobs or (len(tasks) if slurm else 1), sys.stdout)
            return Outcome(len(tasks), 0, 0)
        progress = Progress(stream, len(tasks), sum(s is not None and s.done for s in known))
        return _run_grid(plan, maker, tasks, known, retry_failed,
                         executor_of(plan, lock, jobs, slurm, progress), progress)


def _ask_for_refusal(tasks: Sequence[Task]) -> None:
    """Raises InputError if the program refuses the fields or the arguments of the first point, of
    the last and of the one in the middle: then the request is wrong, and no table is replaced."""
    refusals = []
    for task in [tasks[0], tasks[-1], tasks[len(tasks) // 2]] if tasks else []:
        try:
            call([*task.command, "--print-config"])
            return
        except InputError as error:
            refusals.append(str(error))
        except ProgramError:
            return  # of a point's own making
    if refusals:
        raise InputError(f"the program refuses the points of this sweep: {refusals[0]}")


def _run_grid(plan: Plan, maker: Maker, tasks: Sequence[Task], known: Sequence[Optional[Status]],
              retry_failed: bool, executor: Executor, progress: Progress) -> Outcome:
    plan.write_manifest(len(tasks))
    earlier = _earlier(plan, maker, {task.folder for task in tasks})
    fields = dict.fromkeys([*plan.fields, *(f for row in earlier for f in row.settings)])
    table = Table(plan.out / "results.csv", list(fields), plan.columns, plan.objectives,
                  plan.replicas)
    place = {task.folder: i for i, task in enumerate(tasks)}
    for i, row in enumerate(earlier):
        table.put(len(tasks) + i, row)
    for task, status in zip(tasks, known):
        if status is not None:
            table.put(place[task.folder], _row(plan, task, status))
    todo = [task for task, status in zip(tasks, known)
            if (status is None and not retry_failed) or (status is not None and not status.done)]
    failed = 0

    def tick() -> None:
        table.write_if_due()
        progress.draw()
    try:
        table.write()
        for task, status in executor.run(todo, tick):
            table.put(place[task.folder], _row(plan, task, status))
            table.write_if_due()
            progress.point(task.settings, status)
            failed += not status.done
    finally:
        progress.end()
        table.write()
    return Outcome(len(tasks), failed, len(earlier))


def _row(plan: Plan, task: Task, status: Status) -> Row:
    summary = read_summary(task.folder) if status.done else None
    return row_of(status, summary, str(task.folder.relative_to(plan.out)), plan.columns)


def _earlier(plan: Plan, maker: Maker, mine: set[pathlib.Path]) -> list[Row]:
    """Rows of what earlier grids left for the same program, files and arguments."""
    rows = []
    for folder in sorted((plan.out / "points").iterdir()):
        status = None if folder in mine else read_status(folder, lambda text: None)
        if (status is not None and status.done and status.arguments == plan.arguments
                and folder.name == maker.identity.of(status.settings, status.arguments)):
            rows.append(row_of(status, read_summary(folder), str(folder.relative_to(plan.out)),
                               plan.columns))
    return rows


class SweepPoint(Record):
    """A row of results.csv: `point.test_accuracy`, `point["hw/clock_mhz"]`."""

    def __init__(self, row: Mapping[str, Any], fields: Sequence[str], root: pathlib.Path) -> None:
        super().__init__(row)
        self._names = fields
        self._root = root

    @property
    def settings(self) -> dict[str, Any]:
        """Field -> value."""
        return {f: self[f] for f in self._names if self[f] is not None}

    @property
    def result(self) -> Result:
        """All of the run's figures. Raises InputError if the point failed."""
        return load_result(self._root / self["folder"])


class SweepResult:
    """What a sweep's folder holds: `manifest` (sweep.json) and `points` (results.csv)."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError if it is no sweep's."""
        self.folder = pathlib.Path(folder)
        manifest = read_json(self.folder / "sweep.json")
        if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
            raise InputError(f"{self.folder / 'sweep.json'}: no manifest of schema {SCHEMA!r}")
        self.manifest = Record(manifest)
        rows = read_table(self.folder / "results.csv")
        fields = [name for name in (rows[0] if rows else []) if "/" in name]
        for row in rows:
            for field in fields:
                row[field] = _setting(row[field])
        self.points = [SweepPoint(row, fields, self.folder) for row in rows]

    def __repr__(self) -> str:
        return (f"SweepResult({str(self.folder)!r}: {len(self.points)} points, "
                f"{len(self.front)} on the front)")

    @property
    def front(self) -> list[SweepPoint]:
        """Points that no other point beats in every objective."""
        return [point for point in self.points if point.pareto == "yes"]

    def to_frame(self) -> Any:
        """results.csv as a pandas.DataFrame."""
        return frame([dict(point) for point in self.points])


def _setting(cell: Any) -> Any:
    if isinstance(cell, str):
        try:
            return json.loads(cell)
        except ValueError:
            pass
    return cell


def sweep(hw: Input, workload: Input, grid: Mapping[str, Any], *, out: Path,
          program: Optional[Path] = None, arguments: Sequence[str] = (),
          objectives: str = OBJECTIVES, constraints: Sequence[str] = (), replicas: int = 1,
          jobs: Optional[int] = None, slurm: Optional[SlurmPlan] = None,
          search: Optional[SearchPlan] = None, retry_failed: bool = False,
          checkpoint_minutes: float = CHECKPOINT_MINUTES,
          stream: Optional[TextIO] = None) -> SweepResult:
    """Runs a grid of settings, or searches it, as tools/sweep does; what is done is not run again.

    `grid`: as a grid file holds it (stagecoach.grid). `arguments`: handed to every run.
    `stream`: gets progress (None: silence). Points that failed have rows with their message.

    Raises InputError, OSError, or Stopped after SIGINT or SIGTERM."""
    plan = make_plan(hw, workload, grid, out=out, program=program, arguments=arguments,
                     objectives=objectives, constraints=constraints, replicas=replicas,
                     checkpoint_minutes=checkpoint_minutes)
    run_sweep(plan, jobs=jobs, slurm=slurm, search=search, retry_failed=retry_failed,
              stream=stream)
    return SweepResult(plan.out)


def load(folder: Path) -> Union[Result, SweepResult]:
    """A run's folder as a Result, a sweep's as a SweepResult. Raises InputError or OSError."""
    if (pathlib.Path(folder) / "sweep.json").exists():
        return SweepResult(folder)
    return load_result(folder)
