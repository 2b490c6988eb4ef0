# SPDX-License-Identifier: Apache-2.0
"""What is to be swept, checked and ready: files, points, and the command of each."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Optional, Protocol

from .columns import Column, Constraint, Objective, columns_for
from .errors import InputError
from .files import Digests, read_json, write_json
from .grid import Grid, Point
from .identity import Identity
from .points import Status, Task
from .program import has_option, value_of, without, words_of

SEED = "workload/training/seed"
SCHEMA = "stagecoach.sweep/1"
CHECKPOINT_MINUTES = 10.0


class Executor(Protocol):
    """Runs tasks somewhere and yields what became of each, as they end; calls `tick` now and then
    while it waits."""

    def run(self, tasks: Sequence[Task], tick: Callable[[], None]
            ) -> Iterator[tuple[Task, Status]]: ...


@dataclasses.dataclass(frozen=True)
class Plan:
    """Of one sweep. `arguments` go to every run; `seeds` is empty without replicas."""
    program: str
    hardware: str
    workload: str
    out: pathlib.Path
    grid: Grid
    arguments: list[str]
    objectives: list[Objective]
    constraints: list[Constraint]
    seeds: list[int]
    checkpoint_minutes: float

    @property
    def columns(self) -> list[Column]:
        return columns_for(self.objectives, self.constraints)

    @property
    def fields(self) -> list[str]:
        return [*self.grid.fields, *([SEED] if self.seeds else [])]

    @property
    def replicas(self) -> Optional[tuple[str, int]]:
        return (SEED, len(self.seeds)) if self.seeds else None

    def with_seeds(self, point: Point) -> list[Point]:
        """The point once for every seed."""
        return [{**point, SEED: seed} for seed in self.seeds] or [point]

    def points(self) -> list[Point]:
        """Of the whole grid, seeds changing fastest."""
        return [p for point in self.grid.points() for p in self.with_seeds(point)]

    def write_manifest(self, points: int, search: Optional[dict[str, Any]] = None) -> None:
        """sweep.json (docs/sweeps.md)."""
        fields: list[dict[str, Any]] = []
        for field in self.grid.fields:
            dimension = next(d for d in self.grid.dimensions if field in d.fields)
            if dimension.choices:
                values = [c[field] for c in dimension.choices if field in c]
                fields.append({"path": field, "values": [v for i, v in enumerate(values)
                                                         if v not in values[:i]]})
            elif dimension.range:
                fields.append({"path": field, "from": dimension.range.start,
                               "to": dimension.range.stop,
                               "scale": "log" if dimension.range.log else "linear"})
        write_json(self.out / "sweep.json", {
            "schema": SCHEMA, "hardware": self.hardware, "workload": self.workload,
            "program": self.program, "arguments": self.arguments, "fields": fields,
            "replicas": {"field": SEED, "seeds": self.seeds} if self.seeds else None,
            "columns": [dataclasses.asdict(c) for c in self.columns],
            "objectives": [{"direction": o.direction, "column": o.column.name}
                           for o in self.objectives],
            "constraints": [str(c) for c in self.constraints],
            "search": search, "points": points})


def require_energies(plan: Plan) -> None:
    """Refuses to ask for joules of a chip that has none. Raises InputError."""
    content = read_json(plan.hardware)
    there = isinstance(content, dict) and "energy" in content
    words = [*plan.grid.fields, *plan.arguments]
    if there or any(word.removeprefix("--set=").startswith("hw/energy") for word in words):
        return
    asked = [("--objectives", o, o.column) for o in plan.objectives] + [
        ("--constraint", c, c.column) for c in plan.constraints]
    for option, words_of_it, column in asked:
        if "joules" in column.path or column.path.startswith("energy."):
            raise InputError(f'{option}: found {words_of_it}, but {plan.hardware} has no "energy", '
                             "so that a run has no joules; leave it out, or give the chip energies")


class Maker:
    """Makes tasks of points: each has a folder named after what decides its result."""

    def __init__(self, plan: Plan) -> None:
        """Reads and hashes all inputs. Raises OSError or InputError."""
        self._plan = plan
        self._digests = Digests(plan.out / "digests.json")
        self.identity = Identity(plan.program, plan.hardware, plan.workload, plan.arguments,
                                 self._digests)
        self._digests.keep()
        self._head = [plan.program, "--hw", plan.hardware, "--workload", plan.workload]
        self._resumes = (has_option(plan.program, "--checkpoint-every")
                         and has_option(plan.program, "--resume"))

    def task(self, settings: Point, arguments: Optional[Sequence[str]] = None) -> Task:
        """`arguments` in place of the plan's."""
        chosen = list(self._plan.arguments if arguments is None else arguments)
        folder = self._plan.out / "points" / self.identity.of(settings, chosen)
        command = [*self._head, "--out", str(folder), "--force", "--quiet", *words_of(settings),
                   *self._words(chosen), *self._checkpoints(chosen)]
        return Task(settings, chosen, folder, command)

    def tasks(self, points: Sequence[Point]) -> list[Task]:
        made = [self.task(point) for point in points]
        self._digests.keep()
        return made

    def _words(self, arguments: Sequence[str]) -> list[str]:
        """The arguments, with the instruction set where they name none."""
        told = self.identity.instruction_set(arguments)
        return [*without(arguments, "--instruction-set"), *told] if told else list(arguments)

    def _checkpoints(self, arguments: Sequence[str]) -> list[str]:
        """So that a point that was interrupted goes on; a run without numbers is too short."""
        if (not self._resumes or "--timing-only" in arguments
                or value_of(arguments, "--checkpoint-every") is not None):
            return []
        return ["--checkpoint-every", f"{self._plan.checkpoint_minutes:.12g}", "--resume"]


def seeds_of(replicas: int, workload: str, grid: Grid, arguments: Sequence[str]) -> list[int]:
    """The workload's seed and those after it; none for one replica. Raises InputError."""
    if replicas == 1:
        return []
    if SEED in grid.fields:
        raise InputError(f"--replicas: the grid sets {SEED} itself; give one of the two")
    if value_of(arguments, "--seed") is not None:
        raise InputError("--replicas: --seed among the arguments would give every replica the same "
                         f"seed; set {SEED} in the workload file instead")
    content = read_json(workload)
    training = content.get("training", {}) if isinstance(content, dict) else {}
    first = training.get("seed", 1) if isinstance(training, dict) else 1
    if isinstance(first, bool) or not isinstance(first, int):
        raise InputError(f"{workload}: /training/seed: found {first!r}; allowed: a whole number")
    return [first + i for i in range(replicas)]
