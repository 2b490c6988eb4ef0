# SPDX-License-Identifier: Apache-2.0
"""Which points a sweep has: lists of values, ranges, coupled fields, conditions.

A grid is a dict (a grid file holds the same as JSON):

    {"hw/clock_mhz": [250, 500],                                        a list
     "hw/cores/0/tile_rows": {"from": 1, "to": 16, "steps": 5, "scale": "log"},  a range
     "points": [{"hw/a": 1, "hw/b": 2}, {"hw/a": 3, "hw/b": 4}],        coupled fields
     "workload/x": {"values": [1, 2], "when": {"workload/y": ["a", "b"]}},  a condition
     "when": {"hw/clock_mhz": {"from": 300}}}                           keeps a point
"""

import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Optional

from .errors import InputError, unknown

Point = dict[str, Any]  # field -> value
COUPLED = "points"


@dataclasses.dataclass(frozen=True)
class Range:
    """From `start` to `stop`, both included."""
    start: float
    stop: float
    steps: Optional[int]  # None: any value between (a search's)
    log: bool
    whole: bool  # counts: rounded

    def values(self) -> list[Any]:
        """Evenly spaced, or evenly in the logarithm; rounded ones once each."""
        assert self.steps
        last = max(1, self.steps - 1)
        found = []
        for i in range(self.steps):
            part = i / last
            value = (self.start * (self.stop / self.start) ** part if self.log
                     else self.start + (self.stop - self.start) * part)
            value = float(f"{value:.12g}")
            found.append(round(value) if self.whole or value.is_integer() else value)
        return list(dict.fromkeys(found))


@dataclasses.dataclass(frozen=True)
class Dimension:
    """What takes one of several values at each point. A choice sets one field, or several at once
    (coupled)."""
    name: str
    choices: list[Point]  # empty: any value of `range`
    range: Optional[Range] = None
    when: Optional[Mapping[str, Any]] = None

    @property
    def fields(self) -> list[str]:
        return list(dict.fromkeys(f for c in self.choices for f in c)) or [self.name]

    @property
    def numeric(self) -> bool:
        """Are the choices numbers of one field?"""
        return all(isinstance(v, (int, float)) and not isinstance(v, bool)
                   for v in (c.get(self.name) for c in self.choices))

    @property
    def ranked(self) -> list[Point]:
        """The choices, numbers in rising order."""
        def value(choice: Point) -> float:
            return float(choice[self.name])
        return sorted(self.choices, key=value) if self.numeric else self.choices


@dataclasses.dataclass(frozen=True)
class Grid:
    dimensions: list[Dimension]  # one that has a condition comes after those that it asks for
    keep: list[Mapping[str, Any]]  # a point stays if one of them holds, or there is none
    fields: list[str]  # in the order in which they were written
    notes: list[str]  # what the user should know

    def active(self, dimension: Dimension, point: Mapping[str, Any]) -> bool:
        return dimension.when is None or holds(dimension.when, point)

    def keeps(self, point: Mapping[str, Any]) -> bool:
        return not self.keep or any(holds(condition, point) for condition in self.keep)

    def points(self) -> list[Point]:
        """Every point, once, the last dimension changing fastest. Raises InputError for a range
        without steps."""
        for dimension in self.dimensions:
            if not dimension.choices:
                raise InputError(f"{dimension.name}: a grid needs \"steps\" (a search does not)")
        found: dict[str, Point] = {}
        for point in self._expand({}, self.dimensions):
            if self.keeps(point):
                found.setdefault(json.dumps(point, sort_keys=True), point)
        if not found:
            raise InputError("no point of the grid meets \"when\": " + " or ".join(
                json.dumps(condition) for condition in self.keep))
        return list(found.values())

    def _expand(self, point: Point, rest: Sequence[Dimension]) -> Iterator[Point]:
        if not rest:
            yield {f: point[f] for f in self.fields if f in point}
        elif not self.active(rest[0], point):
            yield from self._expand(point, rest[1:])
        else:
            for choice in rest[0].choices:
                yield from self._expand({**point, **choice}, rest[1:])


def holds(condition: Mapping[str, Any], point: Mapping[str, Any]) -> bool:
    """Does every field that the condition names have a value that it allows? A field that the
    point leaves out has none."""
    return all(field in point and _allows(allowed, point[field])
               for field, allowed in condition.items())


def _allows(allowed: Any, value: Any) -> bool:
    if isinstance(allowed, list):
        return value in allowed
    if isinstance(allowed, dict):
        return bool(isinstance(value, (int, float)) and not isinstance(value, bool)
                    and allowed.get("from", -math.inf) <= value <= allowed.get("to", math.inf))
    return bool(value == allowed)


def parse_grid(grid: Mapping[str, Any], where: str = "grid",
               is_count: Callable[[str], Optional[bool]] = lambda field: None) -> Grid:
    """`where` heads the messages. `is_count` says whether a field takes whole numbers only; None:
    not known. Raises InputError."""
    dimensions = []
    notes: list[str] = []
    keep: list[Mapping[str, Any]] = []
    for name, value in grid.items():
        if name == "when":
            keep = value if isinstance(value, list) else [value]
        elif name == COUPLED:
            dimensions.append(Dimension(name, _coupled(value, f"{where}: /{name}")))
        else:
            dimensions.append(_dimension(name, value, f"{where}: {name}", is_count, notes))
    names = list(itertools.chain.from_iterable(d.fields for d in dimensions))
    for field in names:
        if names.count(field) > 1:
            raise InputError(f"{where}: {field} is given twice, alone and in \"points\"")
    for condition in [*keep, *(d.when for d in dimensions if d.when is not None)]:
        _check_condition(condition, names, where)
    return Grid(_sorted(dimensions, where), keep, names, notes)


def _coupled(value: Any, where: str) -> list[Point]:
    if not isinstance(value, list) or not value or not all(isinstance(p, dict) and p
                                                           for p in value):
        raise InputError(f"{where}: found {json.dumps(value)[:80]}; allowed: a list of objects, "
                         "each of fields and their values")
    return value


def _dimension(name: str, value: Any, where: str, is_count: Callable[[str], Optional[bool]],
               notes: list[str]) -> Dimension:
    when = None
    if isinstance(value, dict):
        allowed = ["values", "from", "to", "steps", "scale", "when"]
        for key in value:
            if key not in allowed:
                raise InputError(f"{where}: " + unknown("key", key, allowed))
        when = value.get("when")
        if "values" in value and len(value.keys() - {"when"}) > 1:
            raise InputError(f"{where}: give \"values\", or \"from\" and \"to\", not both")
        if "values" not in value:
            found = _range(name, value, where, is_count)
            if found.steps is None:
                return Dimension(name, [], found, when)
            values = found.values()
            if len(values) < found.steps:
                notes.append(f"{name} takes whole numbers: {found.steps} steps give {len(values)} "
                             "different ones")
            return Dimension(name, [{name: v} for v in values], found, when)
        value = value["values"]
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: give a list of values in brackets, or a range "
                         f"{{\"from\", \"to\", \"steps\"}}, not {json.dumps(value)[:80]}")
    return Dimension(name, [{name: v} for v in value], None, when)


def _range(name: str, value: Mapping[str, Any], where: str,
           is_count: Callable[[str], Optional[bool]]) -> Range:
    ends = []
    for key in ("from", "to"):
        end = value.get(key)
        if isinstance(end, bool) or not isinstance(end, (int, float)) or not math.isfinite(end):
            raise InputError(f"{where}: \"{key}\": found {json.dumps(end)}; allowed: a number")
        ends.append(end)
    steps = value.get("steps")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise InputError(f"{where}: \"steps\": found {json.dumps(steps)}; allowed: a whole number, "
                         "at least 1")
    if steps == 1 and ends[0] != ends[1]:
        raise InputError(f"{where}: \"steps\": found 1; allowed: at least 2, for both ends are "
                         "included")
    scale = value.get("scale", "linear")
    if scale not in ("linear", "log"):
        raise InputError(f"{where}: \"scale\": found {json.dumps(scale)}; allowed: linear, log")
    if ends[0] > ends[1]:
        raise InputError(f"{where}: \"from\" {ends[0]} is above \"to\" {ends[1]}")
    if scale == "log" and ends[0] <= 0:
        raise InputError(f"{where}: a logarithmic range begins above 0, not at {ends[0]}")
    whole = all(isinstance(end, int) for end in ends) and is_count(name) is not False
    return Range(ends[0], ends[1], steps, scale == "log", whole)


def _check_condition(condition: Any, names: Sequence[str], where: str) -> None:
    if not isinstance(condition, dict) or not condition:
        raise InputError(f"{where}: \"when\": found {json.dumps(condition)[:80]}; allowed: an "
                         "object of fields and the values that they must have")
    for field, allowed in condition.items():
        if field not in names:
            raise InputError(f"{where}: \"when\": " + unknown("field of the grid", field, names))
        if isinstance(allowed, dict):
            if not allowed or not allowed.keys() <= {"from", "to"} or not all(
                    isinstance(v, (int, float)) for v in allowed.values()):
                raise InputError(f"{where}: \"when\": {field}: found {json.dumps(allowed)[:80]}; "
                                 "allowed: a value, a list of values, or {\"from\", \"to\"}")


def _sorted(dimensions: Sequence[Dimension], where: str) -> list[Dimension]:
    """In the given order, but a condition after the fields that it asks for."""
    done: list[Dimension] = []
    rest = list(dimensions)
    while rest:
        known = {f for d in done for f in d.fields}
        ready = next((d for d in rest if d.when is None or d.when.keys() <= known), None)
        if ready is None:
            raise InputError(f"{where}: the conditions of " + ", ".join(d.name for d in rest)
                             + " wait for each other")
        done.append(ready)
        rest.remove(ready)
    return done
