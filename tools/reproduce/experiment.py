# SPDX-License-Identifier: Apache-2.0
"""What the experiments share: command line, runs that are not made twice, tables, claims, files.

An experiment prints its tables as Markdown and what they show as lines that begin with "holds:" or
"FAILS:"; it exits with 1 if one fails. Tables stay in --out as CSV, figures as SVG. Needs Python 3
and nothing else."""

import argparse
import csv
import dataclasses
import os
import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import command_line  # noqa: E402
import records  # noqa: E402
import runner  # noqa: E402
from stagecoach.files import write_text  # noqa: E402,F401

RESULTS = ROOT / "docs/results"

PACING = "workload/pipeline/pacing"
SCHEDULE = "workload/pipeline/schedule"
PARTITION = "workload/pipeline/partition"
MITIGATION = "workload/training/mitigation"
LOCKSTEP = {PACING: "lockstep"}
LEARNING_RATE_SCHEDULE = "workload/training/optimizer/learning_rate_schedule"
COSINE = {LEARNING_RATE_SCHEDULE: {"type": "cosine"}}


@dataclasses.dataclass
class Run:
    """One call of the program. Hardware and workload: a file's name in hw/ and workloads/, or the
    file's content as a dict. Settings: path -> value of --set. `label`: its name in tables, and the
    head of its folder's. `kept`: is it recorded? None: if it trains."""
    hardware: object
    workload: object
    settings: dict = dataclasses.field(default_factory=dict)
    arguments: list = dataclasses.field(default_factory=list)
    label: str = "run"
    kept: bool = None

    @property
    def recorded(self):
        return runner.trains(self) if self.kept is None else self.kept


def timing(samples):
    """Arguments of a run that computes no number."""
    return ["--timing-only", "--samples", str(samples)]


def label_of(key, run):
    """Words for a key, as a file's name may have them."""
    parts = key if isinstance(key, tuple) else (key,)
    words = re.sub(r"[^A-Za-z0-9._]+", "-", "-".join(map(str, parts))).strip("-")
    return words if run.label == "run" else f"{run.label}-{words}"


RECORD_OPTIONS = [
    ("--results", {"metavar": "DIR", "help": "where finished trainings are recorded; what is there "
                   "is not trained again (default: docs/results/SCRIPT, and what other scripts "
                   "recorded beside it counts; --short: in --out)"}),
    ("--from-results", {"action": "store_true", "help": "of what is recorded, without program and "
                        "data; nothing is trained"}),
    ("--status", {"action": "store_true", "help": "show what is done and what is left, with an "
                  "estimate; nothing is trained"})]


class Experiment:
    """One script: its arguments, and what it leaves in its folder."""

    def __init__(self, name, description, trains=False, seeds="1", options=(),
                 full_only=()):
        """`trains`: takes --seeds and the root of real data. `options`: further arguments, as
        (flag, keywords of add_argument); `full_only`: those without a meaning for --short."""
        p = argparse.ArgumentParser(description=description, allow_abbrev=False,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
        p.add_argument("--program", type=command_line.program)
        p.add_argument("--out", default=f"out/{name}", help=f"results (default: out/{name})")
        p.add_argument("--jobs", type=command_line.count, default=2,
                       help="runs at a time, one thread each")
        p.add_argument("--short", action="store_true",
                       help="the form for tests: seconds, generated data")
        if trains:
            options = [*RECORD_OPTIONS, *options]
            full_only = [
                ("--data", {"type": command_line.existing_folder,
                            "default": os.environ.get("STAGECOACH_DATA"),
                            "help": "root of the workload's data set paths (default: "
                            "$STAGECOACH_DATA)"}),
                ("--seeds", {"type": command_line.whole_numbers, "default": seeds,
                             "help": f"default: {seeds}"}), *full_only]
        for flag, keywords in [*full_only, *options]:
            p.add_argument(flag, **keywords)
        self.arguments = p.parse_args()
        self.short = self.arguments.short
        for flag, _ in full_only:
            if self.short and any(word.split("=")[0] == flag for word in sys.argv[1:]):
                print(f"{p.prog}: {flag} is ignored: --short has its own", file=sys.stderr)
        self.out = command_line.make_folder(p, "--out", self.arguments.out)
        self.seeds = []
        if trains:
            self.seeds = [1] if self.short else self.arguments.seeds
        self._runner = self._make_runner(p, name, trains)
        self.claims = []

    def _make_runner(self, parser, name, trains):
        a = self.arguments
        self._from_results = trains and a.from_results
        data = a.data if trains and not self.short else None
        if trains and not (self.short or self._from_results or data):
            parser.error("give --data DIR, or --short for generated data")
        own = (a.results if trains else None) or (
            self.out / "results" if self.short or not trains else None)
        kept = (records.Records(own) if own else
                records.Records(RESULTS / name, sorted(set(RESULTS.glob("*")) - {RESULTS / name})))
        if not self._from_results:
            a.program = a.program or command_line.program(command_line.PROGRAM)
        return runner.Runner(ROOT, self.out, kept, a.program, data, a.jobs,
                             from_results=self._from_results, quiet=self.short)

    def run(self, run):
        return self.run_all([run])[0]

    def run_all(self, runs):
        """Summaries of several runs, --jobs at a time, in the order of `runs`: of a training what is
        recorded of it (records.py). A training that diverged is a result; anything else that fails
        ends the script."""
        if any(run.recorded and runner.trains(run) for run in runs) and self.arguments.status:
            self._runner.describe(runs)
            sys.exit(0)
        return self._runner.run_all(runs)

    def train(self, cases):
        """Runs every case with every seed; cases: key -> Run. Returns key -> summaries; with
        --from-results of those that are recorded."""
        points = [(key, seed) for seed in self.seeds for key in cases]
        runs = [dataclasses.replace(
            cases[key], arguments=[*cases[key].arguments, "--seed", str(seed)],
            label=f"{label_of(key, cases[key])}-seed{seed}") for key, seed in points]
        found = {key: [] for key in cases}
        missing = []
        for (key, _), run, summary in zip(points, runs, self.run_all(runs)):
            if summary is None:
                missing.append(run.label)
            else:
                found[key].append(summary)
        if missing:
            print(f"not recorded: {', '.join(missing)}", file=sys.stderr)
        return found

    def table(self, name, headers, rows, title=""):
        """Prints rows as Markdown and writes them to NAME.csv."""
        if title:
            print(f"{title}\n")
        print("| " + " | ".join(headers) + " |")
        print("|---" * len(headers) + "|")
        for row in rows:
            print("| " + " | ".join(str(cell) for cell in row) + " |")
        print()
        self.csv(name, headers, rows)

    def csv(self, name, headers, rows):
        with open(self.out / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([headers, *rows])

    def figure(self, name, svg):
        (self.out / f"{name}.svg").write_text(svg, encoding="utf-8")

    def claim(self, words, holds):
        """What the tables show. finish() prints it; one that does not hold is a failure."""
        self.claims.append((words, bool(holds)))

    def finish(self):
        """Prints what it took and the claims, and ends the script."""
        if self._runner.trainings and not self.short:
            print(f"{self._runner.trainings} trainings, {self._runner.seconds / 3600:.1f} hours of "
                  "one core, which other work may have shared.\n")
        for words, holds in self.claims:
            print(("holds: " if holds else "FAILS: ") + words)
        sys.exit(0 if all(holds for _, holds in self.claims) else 1)


def steady_delays(summary):
    """Per stage the delay that most samples met (in a long run: the one past the warm-up)."""
    return [s["staleness"]["mode"] if "mode" in s["staleness"]
            else int(max(s["staleness"]["histogram"].items(), key=lambda item: item[1])[0])
            for s in summary["stages"]]


def has_closed_form_delays(summary):
    """Is every stage's delay past the warm-up the closed form of pipelined backpropagation?"""
    last = len(summary["stages"]) - 1
    return steady_delays(summary) == [2 * (last - k) for k in range(last + 1)]


def final(summary, figure="test_accuracy"):
    """A figure of the last epoch; None if the training diverged."""
    epochs = summary["training"]["epochs"]
    return None if summary["training"]["diverged"] or not epochs else epochs[-1][figure]


def finals(summaries, figure="test_accuracy"):
    return [final(s, figure) for s in summaries]


def by_epoch(summaries, figure="test_accuracy"):
    """Per epoch the figures of all seeds; None, once more than there are epochs if need be, where a
    training had diverged."""
    runs = [[None if e[figure] is None else e[figure] for e in s["training"]["epochs"]]
            + [None] * bool(s["training"]["diverged"]) for s in summaries]
    return [[run[i] if i < len(run) else None for run in runs]
            for i in range(max(map(len, runs), default=0))]


def to_reach(summary, accuracy, figure):
    """The figure at the end of the first epoch whose test accuracy is so high; None: none is."""
    return next((e[figure] for e in summary["training"]["epochs"]
                 if e["test_accuracy"] is not None and e["test_accuracy"] >= accuracy), None)


def loss(summaries):
    """Mean training loss of the last epoch, as text."""
    value = mean(finals(summaries, "train_loss"))
    return "-" if value is None else f"{value:.3f}"


def percent(values, digits=2):
    """Mean and, of several, standard deviation of ratios, in percent."""
    if not values:
        return "not run"
    if any(v is None for v in values):
        gone = sum(v is None for v in values)
        return "diverged" if gone == len(values) else f"{gone} of {len(values)} diverged"
    spread = f" ± {100 * statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.{digits}f}{spread}"


def mean(values):
    """None if a value is missing, or all."""
    return None if not values or None in values else statistics.mean(values)
