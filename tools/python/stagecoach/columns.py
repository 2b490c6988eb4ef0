# SPDX-License-Identifier: Apache-2.0
"""The figures of a result that a sweep tables, and what objectives and constraints say of them."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .errors import InputError, unknown

SECTIONS = ("training", "timing", "stages", "layers", "utilization", "memory", "interconnect",
            "energy", "area", "host")


@dataclasses.dataclass(frozen=True)
class Column:
    """A figure: `path` leads to it in summary.json, steps joined by dots, -1 the last of a list."""
    name: str
    path: str
    unit: str

    @property
    def trains(self) -> bool:
        """Does it need numbers, not the clock alone?"""
        return self.path.startswith("training.") and self.unit != "samples"

    def require_in(self, summary: Any) -> None:
        """Raises InputError where the path names a field that a result does not have; a stage that
        this one does not have, and what it leaves empty, is no error."""
        for step in self.path.split("."):
            if isinstance(summary, dict) and step not in summary:
                raise InputError(f"{self.path}: results have no such figure: "
                                 + unknown("field", step, summary))
            summary = Column("", step, "").of(summary)

    def of(self, summary: Any) -> Any:
        """The figure, or None where the path leads nowhere."""
        for step in self.path.split("."):
            try:
                summary = summary[int(step) if isinstance(summary, list) else step]
            except (KeyError, IndexError, TypeError, ValueError):
                return None
        return summary


COLUMNS = (
    Column("test_accuracy", "training.epochs.-1.test_accuracy", "ratio"),
    Column("train_loss", "training.epochs.-1.train_loss", "loss"),
    Column("seconds_to_target", "training.to_target.simulated_seconds", "seconds"),
    Column("joules_to_target", "training.to_target.joules", "joules"),
    Column("simulated_seconds", "timing.simulated_seconds", "seconds"),
    Column("cycles", "timing.cycles", "cycles"),
    Column("steady_cycles_per_sample", "timing.steady_cycles_per_sample", "cycles"),
    Column("samples_per_simulated_second", "timing.samples_per_simulated_second",
           "samples per second"),
    Column("limited_by", "timing.limited_by", "text"),
    Column("utilization", "utilization.mean", "ratio"),
    Column("mac_utilization", "utilization.mac_mean", "ratio"),
    Column("peak_bytes", "memory.peak_bytes", "bytes"),
    Column("total_joules", "energy.total_joules", "joules"),
    Column("area_mm2", "area.total_mm2", "mm2"),
    Column("first_stage_staleness", "stages.0.staleness.mean", "updates"),
)
OBJECTIVES = "max:test_accuracy,min:simulated_seconds,min:peak_bytes,min:total_joules"


def column(name: str, what: str = "column") -> Column:
    """A column by its name, or any other figure by its path. Raises InputError."""
    for known in COLUMNS:
        if name in (known.name, known.path):
            return known
    if "." in name and name.split(".")[0] in SECTIONS:
        return Column(name, name, "")
    raise InputError(unknown(what, name, [c.name for c in COLUMNS])
                     + ", or a path of summary.json such as stages.0.utilization")


@dataclasses.dataclass(frozen=True)
class Objective:
    direction: str  # min or max
    column: Column

    def cost(self, value: float) -> float:
        """To be made small."""
        return value if self.direction == "min" else -value

    def __str__(self) -> str:
        return f"{self.direction}:{self.column.name}"


def parse_objectives(text: str) -> list[Objective]:
    """`max:test_accuracy,min:cycles`. Raises InputError."""
    objectives = []
    for part in text.split(","):
        direction, colon, name = part.strip().partition(":")
        if not colon or direction not in ("min", "max"):
            raise InputError(f"--objectives: found {part!r}; write min:FIGURE or max:FIGURE, such as "
                             "max:test_accuracy")
        try:
            found = column(name, "figure")
        except InputError as error:
            raise InputError(f"--objectives: {error}") from None
        if found.unit == "text":
            raise InputError(f"--objectives: {name} is a text, no figure to make small or large")
        objectives.append(Objective(direction, found))
    return objectives


@dataclasses.dataclass(frozen=True)
class Constraint:
    column: Column
    at_most: bool
    bound: float

    def excess(self, value: float) -> float:
        """By what part of the bound it is broken; 0 or less: it holds."""
        beyond = value - self.bound if self.at_most else self.bound - value
        return beyond / abs(self.bound) if self.bound else beyond

    def __str__(self) -> str:
        return f"{self.column.name}{'<=' if self.at_most else '>='}{self.bound:.12g}"


def parse_constraint(text: str) -> Constraint:
    """`area.total_mm2<=50` or `test_accuracy>=0.9`. Raises InputError."""
    match = re.fullmatch(r"\s*([\w.-]+)\s*(<=|>=)\s*(\S+)\s*", text)
    try:
        if not match:
            raise ValueError
        bound = float(match[3])
    except ValueError:
        raise InputError(f"--constraint {text}: write FIGURE<=NUMBER or FIGURE>=NUMBER") from None
    found = column(match[1], "figure")
    if found.unit == "text":
        raise InputError(f"--constraint {text}: {found.name} is a text, no figure")
    return Constraint(found, match[2] == "<=", bound)


def columns_for(objectives: Sequence[Objective], constraints: Sequence[Constraint]) -> list[Column]:
    """The usual columns, and those that only objectives and constraints name."""
    named = [o.column for o in objectives] + [c.column for c in constraints]
    return list(dict.fromkeys([*COLUMNS, *named]))


def figures(summary: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    return {c.name: c.of(summary) for c in columns}


def number(value: Any) -> Optional[float]:
    """The value if it is a number, else None."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
