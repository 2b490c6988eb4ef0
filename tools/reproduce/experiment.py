# SPDX-License-Identifier: Apache-2.0
"""What the experiments share: command line, runs that are not made twice, tables, claims, files.

An experiment prints its tables as Markdown and what they show as lines that begin with "holds:" or
"FAILS:"; it exits with 1 if one fails. Tables stay in --out as CSV, figures as SVG. Needs Python 3
and nothing else."""

import argparse
import concurrent.futures
import csv
import dataclasses
import functools
import hashlib
import json
import pathlib
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import command_line  # noqa: E402
from stagecoach import errors, files  # noqa: E402
from stagecoach.points import read_summary  # noqa: E402
from stagecoach.program import words_of  # noqa: E402
from stagecoach.runs import call  # noqa: E402

PACING = "workload/pipeline/pacing"
SCHEDULE = "workload/pipeline/schedule"
PARTITION = "workload/pipeline/partition"
MITIGATION = "workload/training/mitigation"
LOCKSTEP = {PACING: "lockstep"}


@dataclasses.dataclass
class Run:
    """One call of the program. Hardware and workload: a file's name in hw/ and workloads/, or the
    file's content as a dict. Settings: path -> value of --set. `label` heads the name of the result's
    folder; a hash of all that makes the result, the program and the data's place ends it."""
    hardware: object
    workload: object
    settings: dict = dataclasses.field(default_factory=dict)
    arguments: list = dataclasses.field(default_factory=list)
    label: str = "run"


def timing(samples):
    """Arguments of a run that computes no number."""
    return ["--timing-only", "--samples", str(samples)]


class Experiment:
    """One script: its arguments, and what it leaves in its folder."""

    def __init__(self, name, description, trains=False, seeds="1", options=(),
                 full_only=()):
        """`trains`: takes --seeds and the root of real data. `options`: further arguments, as
        (flag, keywords of add_argument); `full_only`: those without a meaning for --short."""
        p = argparse.ArgumentParser(description=description, allow_abbrev=False,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)
        p.add_argument("--program", type=command_line.program, default=command_line.PROGRAM)
        p.add_argument("--out", default=f"out/{name}", help=f"results (default: out/{name})")
        p.add_argument("--jobs", type=command_line.count, default=2,
                       help="runs at a time, one thread each")
        p.add_argument("--short", action="store_true",
                       help="the form for tests: seconds, generated data")
        if trains:
            full_only = [
                ("--data", {"type": command_line.existing_folder,
                            "help": "root of the workload's data set paths"}),
                ("--seeds", {"type": command_line.whole_numbers, "default": seeds,
                             "help": f"default: {seeds}"}), *full_only]
        for flag, keywords in [*full_only, *options]:
            p.add_argument(flag, **keywords)
        self.arguments = p.parse_args()
        self.short = self.arguments.short
        for flag, _ in full_only:
            if self.short and any(word.split("=")[0] == flag for word in sys.argv[1:]):
                print(f"{p.prog}: {flag} is ignored: --short has its own", file=sys.stderr)
        if trains and not self.short and not self.arguments.data:
            p.error("give --data DIR, or --short for generated data")
        self.seeds = []
        if trains:
            self.seeds = [1] if self.short else self.arguments.seeds
        self.out = command_line.make_folder(p, "--out", self.arguments.out)
        self.claims = []

    def _file(self, kind, content):
        """Path of a hardware or workload file; a dict is written to one."""
        if not isinstance(content, dict):
            path = pathlib.Path(content)
            return path if path.is_absolute() else ROOT / kind / content
        text = json.dumps(content, indent=1, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        path = self.out / "inputs" / f"{kind}-{name}.json"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            files.write_text(path, text + "\n")
        return path

    def command(self, run):
        """Arguments of the program without --out, and the run's folder."""
        hardware, workload = self._file("hw", run.hardware), self._file("workloads", run.workload)
        command = ["--hw", str(hardware), "--workload", str(workload), "--quiet", "--threads", "1"]
        data = None if self.short else getattr(self.arguments, "data", None)
        if data:
            command += ["--data", data]
        command += [*words_of(run.settings), *run.arguments]
        identity = [hardware.read_text(encoding="utf-8"), workload.read_text(encoding="utf-8"),
                    run.settings, run.arguments, data, self._program_sha256]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
        return command, self.out / f"runs/{run.label}-{digest}"

    @functools.cached_property
    def _program_sha256(self):
        """Another build may give other bits: its results are others."""
        return hashlib.sha256(pathlib.Path(self.arguments.program).read_bytes()).hexdigest()

    def run(self, run):
        """The run's summary.json. A result that is there is not made again; a training that
        diverged is a result, one that was interrupted is none. Anything else that fails ends the
        script."""
        command, folder = self.command(run)
        summary = read_summary(folder)
        if summary is None:
            command = [self.arguments.program, *command, "--out", str(folder), "--force"]
            try:
                call(command)
            except errors.StagecoachError as error:
                raise SystemExit(f"{' '.join(command)}\nended: {error}") from error
            summary = command_line.read_json(folder / "summary.json")
        return summary

    def run_all(self, runs):
        """Summaries of several runs, --jobs at a time, in the order of `runs`."""
        with concurrent.futures.ThreadPoolExecutor(self.arguments.jobs) as pool:
            return list(pool.map(self.run, runs))

    def train(self, cases):
        """Runs every case with every seed; cases: key -> Run. Returns key -> summaries."""
        points = [(key, seed) for seed in self.seeds for key in cases]
        summaries = self.run_all([
            dataclasses.replace(cases[key], arguments=[*cases[key].arguments, "--seed", str(seed)])
            for key, seed in points])
        found = {key: [] for key in cases}
        for (key, _), summary in zip(points, summaries):
            found[key].append(summary)
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
        """Prints the claims and ends the script."""
        for words, holds in self.claims:
            print(("holds: " if holds else "FAILS: ") + words)
        sys.exit(0 if all(holds for _, holds in self.claims) else 1)


def staleness(summary):
    """Measured staleness per stage: (least, mean, most)."""
    return [(s["staleness"]["min"], s["staleness"]["mean"], s["staleness"]["max"])
            for s in summary["stages"]]


def steady_delays(summary):
    """Per stage the delay that most samples met (in a long run: the one past the warm-up)."""
    return [int(max(s["staleness"]["histogram"].items(), key=lambda item: item[1])[0])
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
    return [[run[i] if i < len(run) else None for run in runs] for i in range(max(map(len, runs)))]


def loss(summaries):
    """Mean training loss of the last epoch, as text."""
    value = mean(finals(summaries, "train_loss"))
    return "-" if value is None else f"{value:.3f}"


def percent(values, digits=2):
    """Mean and, of several, standard deviation of ratios, in percent."""
    if any(v is None for v in values):
        gone = sum(v is None for v in values)
        return "diverged" if gone == len(values) else f"{gone} of {len(values)} diverged"
    spread = f" ± {100 * statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{100 * statistics.mean(values):.{digits}f}{spread}"


def mean(values):
    """None if a value is missing."""
    return None if any(v is None for v in values) else statistics.mean(values)
