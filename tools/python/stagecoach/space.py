# SPDX-License-Identifier: Apache-2.0
"""A grid as Optuna's search space. A parameter is a place among a dimension's choices, numbers in
rising order, so that neighbours in the space are neighbours in value."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any, Optional

from .grid import Dimension, Grid, Point

_MOST_LISTED = 100_000  # points of a space that can be listed


def ask(trial: Any, grid: Grid) -> tuple[Point, dict[str, Any]]:
    """A point that the trial suggests, and its parameters."""
    def suggest(dimension: Dimension) -> Any:
        name, span = dimension.name, dimension.range
        if span is not None and not dimension.choices:
            kind = trial.suggest_int if span.whole else trial.suggest_float
            return kind(name, span.start, span.stop, log=span.log)
        last = len(dimension.choices) - 1
        if dimension.numeric:
            return trial.suggest_int(name, 0, last)
        return trial.suggest_categorical(name, list(range(last + 1)))
    return _walk(grid, suggest)


def near(grid: Grid, parameters: Mapping[str, Any], changed: int, chance: random.Random
         ) -> tuple[Point, dict[str, Any]]:
    """A point by chance in which so many of the parameters differ, and its own parameters."""
    names = [d.name for d in grid.dimensions]
    free = set(chance.sample(names, min(changed, len(names))))

    def choose(dimension: Dimension) -> Any:
        if dimension.name in parameters and dimension.name not in free:
            return parameters[dimension.name]
        span = dimension.range
        if span is None or dimension.choices:
            return chance.randrange(len(dimension.choices))
        part = chance.random()
        value = (span.start * (span.stop / span.start) ** part if span.log
                 else span.start + (span.stop - span.start) * part)
        return round(value) if span.whole else value
    return _walk(grid, choose)


def _walk(grid: Grid, choose: Callable[[Dimension], Any]) -> tuple[Point, dict[str, Any]]:
    """Chooses along the dimensions that are active."""
    point: Point = {}
    parameters = {}
    for dimension in grid.dimensions:
        if not grid.active(dimension, point):
            continue
        if len(dimension.choices) == 1:
            point.update(dimension.choices[0])
            continue
        value = parameters[dimension.name] = choose(dimension)
        point.update(dimension.ranked[value] if dimension.choices else {dimension.name: value})
    return {f: point[f] for f in grid.fields if f in point}, parameters


def size(grid: Grid) -> Optional[int]:
    """Points of a space; None if it has ranges without steps, or too many to list."""
    bound = 1
    for dimension in grid.dimensions:
        bound *= len(dimension.choices)
    return len(grid.points()) if 0 < bound <= _MOST_LISTED else None


def key(point: Mapping[str, Any]) -> str:
    return json.dumps(point, sort_keys=True)
