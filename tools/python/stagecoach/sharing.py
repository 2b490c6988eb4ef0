# SPDX-License-Identifier: Apache-2.0
"""Trainings that points of a search share. A chip reaches the weights only through the order of its
stages' operations: points whose workload's settings and whose order are the same (`training.order_hash`
of summary.json) train the same weights, bit for bit. One of them trains; the others have its accuracy
beside their own clock."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Generic, Optional, Protocol, TypeVar

from .columns import figures
from .fidelity import Evaluation, Fidelity
from .plan import Plan
from .points import Task, read_summary
from .table import Row

Summary = Mapping[str, Any]
_CLOCK = ("cycles", "end_cycle", "simulated_seconds", "joules")  # of an epoch


class _Evaluated(Protocol):
    evaluation: Evaluation


T = TypeVar("T", bound=_Evaluated)


class Trainings(Generic[T]):
    """Knows which trial trains each order at each fidelity."""

    def __init__(self) -> None:
        self._keys: dict[int, str] = {}  # by the trial's identity
        self._owners: dict[tuple[str, str], T] = {}

    def order(self, trial: T, settings: Mapping[str, Any], summary: Optional[Summary]) -> None:
        """Notes what others must have in common with it. `summary`: of its run without numbers,
        over all epochs; it has no hash where the program is an older one or the run ended early."""
        order = (summary or {}).get("training", {}).get("order_hash")
        if order is not None:
            own = {k: v for k, v in settings.items() if not k.startswith("hw/")}
            self._keys[id(trial)] = json.dumps([order, own], sort_keys=True)

    def owner(self, trial: T, fidelity: Fidelity) -> T:
        """Who trains for it: itself, if nobody did before. One that failed trains for nobody."""
        key = self._keys.get(id(trial))
        if key is None or not fidelity.trains:
            return trial
        found = self._owners.setdefault((key, fidelity.name), trial)
        if found.evaluation.verdict == "failed":
            found = self._owners[key, fidelity.name] = trial
        return found


def shared_row(owner: Row, plan: Plan, task: Task, clock: Task, fidelity: Fidelity) -> Row:
    """The row of a point that shares its owner's training; `clock`: its own run without numbers. At a
    lower fidelity the training's figures are an estimate, for a shorter run may end in another order,
    and the clock's are left out."""
    known = figures({}, plan.columns)
    if not fidelity.full:
        known.update({c.name: owner.figures[c.name] for c in plan.columns if c.trains})
    elif owner.status.done:
        mine, theirs = read_summary(clock.folder), read_summary(plan.out / owner.folder)
        known = figures(joined(mine or {}, theirs or {}), plan.columns)
    status = dataclasses.replace(owner.status, settings=task.settings, wall_seconds=0.0)
    return dataclasses.replace(
        owner, settings=task.settings, status=status, figures=known, verdict="",
        folder=str(clock.folder.relative_to(plan.out)), trained_as=owner.folder)


def joined(clock: Summary, trained: Summary) -> dict[str, Any]:
    """The summary of a point whose clock's figures are `clock`'s and whose training's are
    `trained`'s; of what both have a part in (epochs, what is reached when) each gives its own."""
    training = dict(trained.get("training", {}))
    mine = {epoch["epoch"]: epoch for epoch in clock.get("training", {}).get("epochs", [])}
    training["epochs"] = [
        {name: mine.get(epoch["epoch"], {}).get(name) if name in _CLOCK else value
         for name, value in epoch.items()} for epoch in training.get("epochs", [])]
    target = training.get("to_target")
    if target is not None:
        at = mine.get(target["epoch"], {})
        training["to_target"] = {**target, "simulated_seconds": at.get("simulated_seconds"),
                                 "joules": at.get("joules")}
    return {**clock, "training": training}
