# SPDX-License-Identifier: Apache-2.0
"""Trainings that points of a search share. A chip affects the weights only through the order of its
stages' operations. Points with the same workload settings and the same order (`training.order_hash` of
summary.json) train the same weights, bit for bit. One of them is trained; the others get its accuracy,
and keep the times and energies of their own clock."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Optional

from .columns import figures
from .fidelity import Fidelity, Trial
from .plan import Plan
from .points import Task, read_summary
from .table import Row

Summary = Mapping[str, Any]
_CLOCK = ("cycles", "end_cycle", "simulated_seconds", "joules")  # of an epoch


def key_of(settings: Mapping[str, Any], summary: Optional[Summary]) -> Optional[str]:
    """What points that share a training have in common. `summary`: of the point's run without
    numbers, over all epochs. None if it has no hash: the program is an older one, or the run ended
    early."""
    order = (summary or {}).get("training", {}).get("order_hash")
    if order is None:
        return None
    own = {k: v for k, v in settings.items() if not k.startswith("hw/")}
    return json.dumps([order, own], sort_keys=True)


class Trainings:
    """Knows which trial trains each order at each fidelity."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, str], Trial] = {}

    def owner(self, trial: Trial, fidelity: Fidelity) -> Trial:
        """Who trains for it: itself, if nobody did before. One that failed trains for nobody."""
        if trial.shares is None or not fidelity.trains:
            return trial
        key = trial.shares, fidelity.name
        found = self._owners.setdefault(key, trial)
        if found.evaluation.verdict == "failed":
            found = self._owners[key] = trial
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
