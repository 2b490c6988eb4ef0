# SPDX-License-Identifier: Apache-2.0
"""What a finished training leaves: rows in three CSV files, from which every table and figure is made
again without training.

runs.csv has a row a run, epochs.csv and stages.csv have its epochs and its pipeline's stages; `id`
joins them. Columns are paths in summary.json. Scripts see a training through these columns alone,
fresh or recorded, so that both print the same."""

import csv
import fcntl
import io
import json
import os
import pathlib

from stagecoach.files import write_text

RUN = ("training.samples", "training.updates", "training.diverged", "timing.cycles",
       "timing.simulated_seconds", "utilization.mean", "utilization.steady_mean",
       "energy.total_joules")
EPOCH = ("epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "cycles",
         "simulated_seconds", "joules")
STAGE = ("index", "name", "core", "parameters", "utilization", "staleness.min", "staleness.mean",
         "staleness.max", "staleness.mode", "memory.activations_peak_bytes", "memory.peak_bytes")
# Of the making: the script's name for the run, digests of what decides it, the program, the time.
ABOUT = ("run", "id", "data", "fingerprint", "version", "instruction_set", "seconds")
TEXTS = {*ABOUT[:-1], "name", "core"}


def condensed(summary):
    """The part of a summary.json that is recorded, as nested as there. `staleness.mode`: what most
    samples met; `parameters`: of the stage."""
    parameters = {}
    for layer in summary["layers"]:
        parameters[layer["stage"]] = parameters.get(layer["stage"], 0) + layer["parameters"]
    found = picked(summary, RUN)
    found["training"]["epochs"] = [picked(e, EPOCH) for e in summary["training"]["epochs"]]
    found["stages"] = []
    for stage in summary["stages"]:
        histogram = stage["staleness"]["histogram"]
        mode = int(max(histogram, key=histogram.get)) if histogram else None
        found["stages"].append(picked({
            **stage, "parameters": parameters.get(stage["index"], 0),
            "staleness": {**stage["staleness"], "mode": mode}}, STAGE))
    return found


def value_at(record, path):
    """What a dotted path leads to."""
    for step in path.split("."):
        record = record[step]
    return record


def nested(paths, values):
    """{"a": {"b": value}} of paths such as a.b."""
    found = {}
    for path, value in zip(paths, values):
        *groups, last = path.split(".")
        place = found
        for group in groups:
            place = place.setdefault(group, {})
        place[last] = value
    return found


def picked(record, paths):
    return nested(paths, [value_at(record, path) for path in paths])


def picked_from(row, paths):
    """A column that is younger than the file is empty."""
    return nested(paths, [row.get(path) for path in paths])


def cell(value):
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def value_of(column, text):
    return text if column in TEXTS else json.loads(text) if text else None


class Records:
    """Of one script, in a folder. `others`: folders of other scripts, whose records count as well;
    nothing is written there."""

    def __init__(self, folder, others=()):
        self.folder = pathlib.Path(folder)
        self._others = [Records(other) for other in others]
        self._about, self._summaries = {}, {}
        self._read()

    def about(self, identity):
        """Column -> value of ABOUT; None: not recorded."""
        return self._holder(identity)._about.get(identity)

    def summary(self, identity):
        """As `condensed` made it."""
        return self._holder(identity)._summaries[identity]

    def _holder(self, identity):
        """The records that have a run; these if none has it."""
        return next((r for r in (self, *self._others) if identity in r._about), self)

    def add(self, about, summary):
        """Writes a run down; one with the same `id` makes way. Other processes may do so too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._read()
            self._about[about["id"]] = {name: about[name] for name in ABOUT}
            self._summaries[about["id"]] = summary
            self._write()
        finally:
            os.close(lock)

    def _read(self):
        self._about, self._summaries = {}, {}
        for row in self._rows("runs"):
            self._about[row["id"]] = {name: row[name] for name in ABOUT}
            summary = {**picked_from(row, RUN), "stages": []}
            summary["training"]["epochs"] = []
            self._summaries[row["id"]] = summary
        for row in self._rows("epochs"):
            if row["id"] in self._summaries:
                self._summaries[row["id"]]["training"]["epochs"].append(picked_from(row, EPOCH))
        for row in self._rows("stages"):
            if row["id"] in self._summaries:
                self._summaries[row["id"]]["stages"].append(picked_from(row, STAGE))

    def _rows(self, name):
        try:
            with open(self.folder / f"{name}.csv", newline="", encoding="utf-8") as file:
                return [{column: value_of(column, text) for column, text in row.items()}
                        for row in csv.DictReader(file)]
        except FileNotFoundError:
            return []

    def _write(self):
        """runs.csv last: what it names is whole."""
        ordered = sorted(self._about, key=lambda one: (self._about[one]["run"], one))
        tables = {"epochs": [("id", *EPOCH)], "stages": [("id", *STAGE)], "runs": [(*ABOUT, *RUN)]}
        for one in ordered:
            summary = self._summaries[one]
            tables["epochs"] += [(one, *(value_at(e, p) for p in EPOCH))
                                 for e in summary["training"]["epochs"]]
            tables["stages"] += [(one, *(value_at(s, p) for p in STAGE)) for s in summary["stages"]]
            tables["runs"].append((*self._about[one].values(), *(value_at(summary, p) for p in RUN)))
        for name, rows in tables.items():
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(
                [[cell(value) for value in row] for row in rows])
            write_text(self.folder / f"{name}.csv", text.getvalue())
