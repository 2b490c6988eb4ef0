# SPDX-License-Identifier: Apache-2.0
"""A search's fidelities: the clock alone, a few epochs, the whole training; and which points can
still reach the front after the cheaper ones."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .columns import Column, Constraint, Objective, number
from .errors import InputError
from .front import Cost, Front
from .grid import Point
from .program import value_of, without

FULL = "full"
TIMING = "timing-only"
_ENOUGH = 3  # points that are through before one is stopped on their account


@dataclasses.dataclass(frozen=True)
class Fidelity:
    """How a point is run: a name, and the arguments of its runs."""
    name: str
    arguments: list[str]
    trains: bool
    full: bool


def parse_fidelities(text: Optional[str], arguments: Sequence[str], epochs: int) -> list[Fidelity]:
    """`timing-only,1,full`: numbers are epochs; the last is always the whole run. Without a text:
    timing-only, one epoch, full, where each makes sense. Raises InputError."""
    timing = "--timing-only" in arguments
    epochs = int(value_of(arguments, "--epochs") or epochs)
    if text is None:
        text = FULL if timing else f"{TIMING},1,{FULL}" if epochs > 2 else f"{TIMING},{FULL}"
    found = []
    for word in text.split(","):
        if word == TIMING and not timing:
            found.append(Fidelity(TIMING, [*arguments, "--timing-only"], False, False))
        elif word.isdecimal() and 0 < int(word) < epochs and not timing:
            found.append(Fidelity(f"epochs {word}", [*without(arguments, "--epochs"), "--epochs",
                                                     word], True, False))
        elif word == FULL:
            found.append(Fidelity(FULL, list(arguments), not timing, True))
        else:
            raise InputError(f"--fidelities: found {word!r}; allowed: {FULL}" + (
                f", because of the argument --{TIMING}" if timing else
                f", {TIMING}, and numbers of epochs below {epochs}"))
    if [f.full for f in found].count(True) != 1 or not found[-1].full:
        raise InputError(f"--fidelities: the last, and only the last, is {FULL}")
    return found


@dataclasses.dataclass
class Evaluation:
    """What is known of a point: objectives' and constraints' figures by fidelity, means over the
    seeds, and why it went no further (verdict)."""
    figures: dict[str, dict[str, Optional[float]]] = dataclasses.field(default_factory=dict)
    verdict: str = ""
    violation: float = 0.0  # 0: feasible so far

    def known(self, column: Column, fidelities: Sequence[Fidelity]) -> Optional[float]:
        """The figure as it is in the whole run: a training's from the full fidelity only, the
        clock's from any run over all epochs."""
        for fidelity in fidelities:
            if fidelity.full or (not fidelity.trains and not column.trains):
                value = self.figures.get(fidelity.name, {}).get(column.name)
                if value is not None:
                    return value
        return None


@dataclasses.dataclass
class Trial:
    """One of Optuna's trials, with the point that it stands for. `shares`: what other trials must
    have in common with it to train the same weights (stagecoach.sharing)."""
    frozen: Any
    point: Point
    evaluation: Evaluation
    shares: Optional[str] = None


class Judge:
    """Knows the points that are through, and from them what the others may still reach."""

    def __init__(self, objectives: Sequence[Objective], constraints: Sequence[Constraint],
                 fidelities: Sequence[Fidelity]) -> None:
        self._objectives = objectives
        self._constraints = constraints
        self._fidelities = fidelities
        self._front = Front()
        self._through: list[Evaluation] = []

    def add(self, evaluation: Evaluation) -> None:
        """A point that went through all fidelities and is feasible."""
        cost = self.cost(evaluation)
        if cost is not None:
            self._through.append(evaluation)
            self._front.add(len(self._through), cost)

    def cost(self, evaluation: Evaluation) -> Optional[Cost]:
        """None where an objective is missing."""
        values = [evaluation.known(o.column, self._fidelities) for o in self._objectives]
        if None in values:
            return None
        return tuple(o.cost(v) for o, v in zip(self._objectives, values) if v is not None)

    def check_constraints(self, evaluation: Evaluation) -> None:
        """Sets verdict and violation where a figure that is known breaks a constraint."""
        for constraint in self._constraints:
            value = evaluation.known(constraint.column, self._fidelities)
            if value is not None and constraint.excess(value) > 0:
                evaluation.violation += constraint.excess(value)
                evaluation.verdict = (f"infeasible: {constraint.column.name} {value:.6g}, "
                                      f"allowed {constraint}")

    def hopeless(self, evaluation: Evaluation, fidelity: Fidelity) -> bool:
        """Would it be dominated even if it became as good as any point yet has become?"""
        cost = self.hoped(evaluation, fidelity)
        return cost is not None and self._front.beats(cost)

    def hoped(self, evaluation: Evaluation, fidelity: Fidelity) -> Optional[Cost]:
        """What is known, and for the rest the best that the points so far give reason to hope:
        this fidelity's figure, bettered as much as any point's was by the whole run; or, where
        there is none, the best figure of all, bettered by its distance to the median. None while
        few points are through."""
        if len(self._through) < _ENOUGH:
            return None
        cost = []
        for objective in self._objectives:
            name = objective.column.name
            value = evaluation.known(objective.column, self._fidelities)
            mine = evaluation.figures.get(fidelity.name, {}).get(name)
            if value is not None:
                cost.append(objective.cost(value))
            elif mine is None:
                finals = [self._final(e, objective) for e in self._through]
                cost.append(2 * min(finals) - statistics.median(finals))
            else:
                early = [(e, e.figures.get(fidelity.name, {}).get(name)) for e in self._through]
                steps = [self._final(e, objective) - objective.cost(v) for e, v in early
                         if v is not None]
                if len(steps) < _ENOUGH:
                    return None
                cost.append(objective.cost(mine) + min(steps))
        return tuple(cost)

    def _final(self, evaluation: Evaluation, objective: Objective) -> float:
        value = evaluation.known(objective.column, self._fidelities)
        assert value is not None  # add() lets no other in
        return objective.cost(value)


def means(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Optional[float]]:
    """Of each figure over the seeds; None where a seed has none."""
    found: dict[str, Optional[float]] = {}
    for name in names:
        values = [number(row.get(name)) for row in rows]
        known = [v for v in values if v is not None]
        found[name] = statistics.fmean(known) if known and len(known) == len(values) else None
    return found
