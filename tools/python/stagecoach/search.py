# SPDX-License-Identifier: Apache-2.0
"""Searches a grid with Optuna instead of running all of it.

Trials are asked for in batches; a batch is run, some at a time, here or on a cluster, and then told
in its own order. So the same seed gives the same trials, however many run at a time and however often
the search is ended and called again. The journal in the sweep's folder keeps the trials; what a
point gave is kept with the points."""

import collections
import dataclasses
import hashlib
import importlib
import itertools
import json
import pathlib
import random
import warnings
from collections.abc import Container, Sequence
from typing import Any, Optional

from . import space
from .columns import number
from .errors import REFUSED, InputError, unknown
from .fidelity import Evaluation, Fidelity, Judge, Trial, means, parse_fidelities
from .files import read_json
from .grid import Point
from .plan import Executor, Maker, Plan
from .points import Status, Task, read_status, read_summary
from .progress import Progress, duration
from .sharing import Trainings, key_of, shared_row
from .table import Row, Table, row_of

SAMPLERS = ("tpe", "nsga2", "random")
_ALIASES = {"bayesian": "tpe"}
_POPULATION = 24
_BY_CHANCE = 16  # trials before tpe models what it saw
_DRAWS = 20_000  # for a point that is not seen
_DRAWS_A_FIELD = 20  # then one field more is changed
_REFUSED_FROM_THE_START = 20


@dataclasses.dataclass(frozen=True)
class SearchPlan:
    """`trials`: different points to evaluate. `fidelities`: as parse_fidelities() takes them."""
    trials: int
    sampler: str = "tpe"
    seed: int = 1
    batch: int = 8
    fidelities: Optional[str] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "sampler", _ALIASES.get(self.sampler, self.sampler))
        if self.sampler not in SAMPLERS:
            raise InputError("--sampler: " + unknown("sampler", self.sampler, SAMPLERS))
        for name in ("trials", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: found {getattr(self, name)}, must be at least 1")


def optuna() -> Any:
    """The library. Raises InputError, naming the package, where there is none."""
    try:
        found = importlib.import_module("optuna")
    except ImportError:
        raise InputError("--search needs Optuna, which this Python lacks: apt-get install "
                         "python3-optuna, and run /usr/bin/python3 tools/sweep") from None
    found.logging.set_verbosity(found.logging.ERROR)
    warnings.simplefilter("ignore", found.exceptions.ExperimentalWarning)
    return found


def run_search(plan: Plan, search: SearchPlan, maker: Maker, executor: Executor,
               progress: Progress) -> tuple[int, int, int, str]:
    """Points evaluated, points that failed for another reason than not being feasible, 0, and words
    on the cost. Goes on where an earlier call ended."""
    content = read_json(plan.workload)
    epochs = content.get("training", {}).get("epochs", 1) if isinstance(content, dict) else 1
    fidelities = parse_fidelities(search.fidelities, plan.arguments, epochs)
    return _Search(plan, search, maker, executor, progress, fidelities).run()


class _Search:
    def __init__(self, plan: Plan, search: SearchPlan, maker: Maker, executor: Executor,
                 progress: Progress, fidelities: list[Fidelity]) -> None:
        self._plan, self._search, self._maker = plan, search, maker
        self._executor, self._progress, self._fidelities = executor, progress, fidelities
        self._judge = Judge(plan.objectives, plan.constraints, fidelities)
        self._table = Table(plan.out / "results.csv", plan.fields, plan.columns, plan.objectives,
                            plan.replicas, search=True)
        self._places: dict[pathlib.Path, int] = {}
        self._seen: dict[str, Trial] = {}
        self._trainings = Trainings()
        self._failed = 0
        self._refused: list[str] = []
        self._size = space.size(plan.grid)
        self._study = _open_study(plan, search, fidelities, maker)
        self._study.sampler = self._sampler("")  # telling asks it for constraints
        plan.write_manifest(search.trials, {
            "trials": search.trials, "sampler": search.sampler, "seed": search.seed,
            "batch": search.batch, "fidelities": [f.name for f in fidelities]})

    def run(self) -> tuple[int, int, int, str]:
        wanted = min(self._search.trials, self._size or self._search.trials)
        try:
            for number_of_batch in itertools.count():
                count = min(self._search.batch, wanted - len(self._seen))
                batch = self._ask(number_of_batch, count) if count else []
                if not batch:
                    break  # all trials are made, or there is no point that is not seen
                self._evaluate(batch)
                self._tell(batch)
        finally:
            self._progress.end()
            self._table.write()
        return len(self._seen), self._failed, 0, self._cost()

    # Asking

    def _ask(self, batch: int, count: int) -> list[Trial]:
        """Different points, none seen before: those that the journal has for this batch, then what
        the sampler suggests; of a suggestion that is seen, an unseen neighbour."""
        asked = [t for t in self._study.get_trials(deepcopy=False)
                 if t.user_attrs.get("asked", {}).get("batch") == batch]
        found = [Trial(t, t.user_attrs["asked"]["point"], Evaluation())
                 for t in asked if t.user_attrs["asked"]["new"]]
        taken = {space.key(t.point) for t in found}
        repeated = asked[-1].params if asked and not asked[-1].user_attrs["asked"]["new"] else None
        attempt = len(asked)
        while len(found) < count:
            text = f"{self._search.seed} {batch} {attempt}"
            if repeated is not None and not self._enqueue_near(repeated, taken, text):
                break
            self._study.sampler = self._sampler(text)
            trial = self._study.ask()
            point, parameters = space.ask(trial, self._plan.grid)
            new = self._is_new(point, taken)
            trial.set_user_attr("asked", {"batch": batch, "point": point, "new": new})
            attempt += 1
            repeated = None if new else parameters
            if new:
                taken.add(space.key(point))
                found.append(Trial(self._study.trials[trial.number], point, Evaluation()))
            else:
                self._study.tell(trial.number, state=optuna().trial.TrialState.FAIL)
        self._seen.update({space.key(one.point): one for one in found})
        return found

    def _is_new(self, point: Point, taken: Container[str]) -> bool:
        key = space.key(point)
        return key not in self._seen and key not in taken and self._plan.grid.keeps(point)

    def _enqueue_near(self, parameters: dict[str, Any], taken: Container[str], seed: str) -> bool:
        """Makes the next trial a new one, as near these parameters as chance finds one. False if
        there seems to be none."""
        waiting = optuna().trial.TrialState.WAITING
        if self._study.get_trials(deepcopy=False, states=[waiting]):
            return True  # an earlier call was ended just then
        chance = random.Random(seed)
        for draw in range(_DRAWS):
            point, near = space.near(self._plan.grid, parameters, 1 + draw // _DRAWS_A_FIELD,
                                     chance)
            if self._is_new(point, taken):
                self._study.enqueue_trial(near)
                return True
        return False

    def _sampler(self, text: str) -> Any:
        """A new one for every suggestion, its seed a function of where the search stands."""
        seed = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
        samplers = optuna().samplers
        if self._search.sampler == "random":
            return samplers.RandomSampler(seed=seed)
        if self._search.sampler == "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=_POPULATION,
                                          constraints_func=_violation)
        return samplers.TPESampler(seed=seed, n_startup_trials=_BY_CHANCE,
                                   constraints_func=_violation)

    # Evaluating

    def _evaluate(self, batch: Sequence[Trial]) -> None:
        """Fidelity by fidelity; those that are infeasible or cannot reach the front go no
        further."""
        rest = list(batch)
        for fidelity in self._fidelities:
            owners = [self._trainings.owner(trial, fidelity) for trial in rest]
            self._run([t for t, owner in zip(rest, owners) if owner is t], fidelity)
            for trial, owner in zip(rest, owners):
                if owner is not trial:
                    self._share(trial, owner, fidelity)
            still = []
            for trial in rest:
                evaluation = trial.evaluation
                if not evaluation.verdict:
                    self._judge.check_constraints(evaluation)
                if (not evaluation.verdict and not fidelity.full
                        and self._judge.hopeless(evaluation, fidelity)):
                    evaluation.verdict = "cannot reach the front"
                if evaluation.verdict:
                    self._note_verdict(trial, fidelity)
                else:
                    still.append(trial)
            rest = still
        for trial in rest:
            self._judge.add(trial.evaluation)

    def _share(self, trial: Trial, owner: Trial, fidelity: Fidelity) -> None:
        """Gives the trial its owner's training beside its own clock."""
        clock = self._maker.task(self._plan.with_seeds(trial.point)[0], next(
            f.arguments for f in self._fidelities if not f.trains))
        mine = [self._maker.task(p, fidelity.arguments) for p in self._seeds(trial, fidelity)]
        theirs = [self._maker.task(p, fidelity.arguments) for p in self._seeds(owner, fidelity)]
        for task, source in zip(mine, theirs):
            self._table.put(self._places.setdefault(task.folder, len(self._places)), shared_row(
                self._table.row(self._places[source.folder]), self._plan, task, clock, fidelity))
        self._conclude(trial, mine, fidelity)

    def _seeds(self, trial: Trial, fidelity: Fidelity) -> list[Point]:
        """The points of a fidelity: cheap ones take the first seed only."""
        points = self._plan.with_seeds(trial.point)
        return points if fidelity.full else points[:1]

    def _run(self, trials: Sequence[Trial], fidelity: Fidelity) -> None:
        """Runs what is not done."""
        owners = [(trial, self._maker.task(point, fidelity.arguments))
                  for trial in trials for point in self._seeds(trial, fidelity)]
        todo = []
        for trial, task in owners:
            self._places.setdefault(task.folder, len(self._places))
            status = read_status(task.folder, self._progress.say)
            if status is not None and (status.done or status.exit_status == REFUSED):
                self._put(task, status, fidelity)
            else:
                todo.append(task)
        for task, status in self._executor.run(todo, self._tick):
            self._put(task, status, fidelity)
            self._tick()
        for trial in trials:
            mine = [task for owner, task in owners if owner is trial]
            self._conclude(trial, mine, fidelity)
            if not fidelity.trains:
                trial.shares = key_of(trial.point, read_summary(mine[0].folder))

    def _tick(self) -> None:
        self._table.write_if_due()
        self._progress.draw()

    def _put(self, task: Task, status: Status, fidelity: Fidelity) -> None:
        summary = read_summary(task.folder) if status.done else None
        self._table.put(self._places[task.folder], row_of(
            status, summary, str(task.folder.relative_to(self._plan.out)), self._plan.columns,
            fidelity=fidelity.name, weighs=fidelity.full))

    def _rows(self, tasks: Sequence[Task]) -> list[Row]:
        return [self._table.row(self._places[task.folder]) for task in tasks]

    def _conclude(self, trial: Trial, tasks: Sequence[Task], fidelity: Fidelity) -> None:
        """Figures of the point at this fidelity, and a verdict if it failed."""
        rows = self._rows(tasks)
        evaluation = trial.evaluation
        evaluation.figures[fidelity.name] = means([r.figures for r in rows],
                                                  [c.name for c in self._plan.columns])
        for row in rows:
            if row.status.exit_status == 0:
                continue
            if row.status.exit_status == REFUSED:
                evaluation.verdict = "infeasible: refused by the program"
                self._refused.append(row.status.message)
            elif row.status.done:
                evaluation.verdict = "the training diverged"
            else:
                evaluation.verdict = "failed"
                self._failed += 1
            evaluation.violation = max(evaluation.violation, 1.0)
        if len(self._refused) == len(self._seen) >= _REFUSED_FROM_THE_START:
            raise InputError(f"the first {len(self._seen)} points were all refused; the last: "
                             f"{self._refused[-1]}")

    def _note_verdict(self, trial: Trial, fidelity: Fidelity) -> None:
        """In the rows of the fidelity that decided it."""
        for point in self._plan.with_seeds(trial.point):
            place = self._places.get(self._maker.task(point, fidelity.arguments).folder)
            if place is not None:
                row = self._table.row(place)
                self._table.put(place, dataclasses.replace(
                    row, verdict=trial.evaluation.verdict,
                    weighs=row.weighs and not trial.evaluation.violation))

    # Telling

    def _tell(self, batch: Sequence[Trial]) -> None:
        finished = optuna().trial.TrialState.COMPLETE
        for trial in batch:
            last = list(trial.evaluation.figures)[-1]
            task = self._maker.task(self._plan.with_seeds(trial.point)[0], next(
                f.arguments for f in self._fidelities if f.name == last))
            self._progress.point(trial.point, self._rows([task])[0].status)
            if trial.frozen.state == finished:
                continue  # told before an earlier call was ended
            self._study._storage.set_trial_user_attr(
                trial.frozen._trial_id, "violation", trial.evaluation.violation)
            self._study.tell(trial.frozen.number, self._values(trial))

    def _values(self, trial: Trial) -> list[float]:
        """What Optuna hears: the objectives, hoped ones where the point went no further; where
        there is nothing, the worst of the points so far."""
        values = []
        last = list(trial.evaluation.figures)[-1]
        fidelity = next(f for f in self._fidelities if f.name == last)
        hoped = self._judge.hoped(trial.evaluation, fidelity)
        for place, objective in enumerate(self._plan.objectives):
            value = trial.evaluation.known(objective.column, self._fidelities)
            if value is None and hoped is not None:
                value = hoped[place] if objective.direction == "min" else -hoped[place]
            values.append(self._worst(place) if value is None else float(value))
        return values

    def _worst(self, place: int) -> float:
        objective = self._plan.objectives[place]
        known = [value for t in self._seen.values()
                 if (value := t.evaluation.known(objective.column, self._fidelities)) is not None]
        return max(known, key=objective.cost) if known else 0.0

    def _cost(self) -> str:
        """Words on what became of the points, and on the program's time by fidelity."""
        seconds = dict.fromkeys((f.name for f in self._fidelities), 0.0)
        runs = dict.fromkeys(seconds, 0)
        shared = 0
        for row in self._table.rows:
            if row.trained_as:
                shared += 1
                continue
            seconds[row.fidelity] += number(row.status.wall_seconds) or 0.0
            runs[row.fidelity] += 1
        verdicts = collections.Counter(t.evaluation.verdict.split(":")[0] or "through"
                                       for t in self._seen.values())
        return (", ".join(f"{count} {word}" for word, count in sorted(verdicts.items()))
                + f"; cost: {duration(sum(seconds.values()))} of the program's time ("
                + ", ".join(f"{name}: {runs[name]} runs, {duration(spent)}"
                            for name, spent in seconds.items())
                + (f"; {shared} shared another's" if shared else "") + ")")


def _violation(trial: Any) -> tuple[float]:
    return (float(trial.user_attrs.get("violation", 0.0)),)


def _open_study(plan: Plan, search: SearchPlan, fidelities: Sequence[Fidelity],
                maker: Maker) -> Any:
    """The study of just this search: another space, seed or program begins another, in the same
    journal."""
    library = optuna()
    journal = plan.out / "search.journal"
    _cut_torn_line(journal)

    class Held:
        """The sweep's folder is locked already. Optuna's own lock outlives its process."""

        def acquire(self) -> bool:
            return True

        def release(self) -> None:
            pass

    storage = library.storages.JournalStorage(
        library.storages.JournalFileStorage(str(journal), lock_obj=Held()))
    grid = [[d.name, d.choices, d.range and dataclasses.astuple(d.range), d.when]
            for d in plan.grid.dimensions]
    asked = [grid, plan.grid.keep, plan.seeds, [str(o) for o in plan.objectives],
             [str(c) for c in plan.constraints], [f.name for f in fidelities], search.sampler,
             search.seed, search.batch, maker.identity.of({}, plan.arguments)]
    name = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    study = library.create_study(
        storage=storage, study_name=name, load_if_exists=True,
        directions=["minimize" if o.direction == "min" else "maximize" for o in plan.objectives])
    for trial in study.get_trials(states=[library.trial.TrialState.RUNNING]):
        if not trial.user_attrs.get("asked", {}).get("new"):  # ended while it asked
            study.tell(trial.number, state=library.trial.TrialState.FAIL)
    return study


def _cut_torn_line(journal: pathlib.Path) -> None:
    """A killed process may leave half a line at the end; nothing after it could be read."""
    if journal.exists():
        content = journal.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with journal.open("r+b") as file:
                file.truncate(whole)
