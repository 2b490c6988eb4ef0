# SPDX-License-Identifier: Apache-2.0
"""Reads a result folder: summary.json, and the other files if they are there.

A file that is missing is noted, for the page to say. A file that is broken raises ValueError with
its name and its fault.
"""

import csv
import dataclasses
import functools
import gzip
import json
import math
import pathlib
import shlex
import zlib

import command_line

from . import inputs, shape
from .summary_shape import (CAUSES, DIVERGED_AT, DRAM_CHANNEL, HISTOGRAM, LINKS, SCHEMA, SUMMARY,
                            TO_TARGET)

WINDOW = ("stage", "begin_cycle", "end_cycle")
COLUMNS = {  # what a table must hold; "?" may be empty
    "staleness.csv": (*WINDOW, "micro_batches", "staleness_mean?", "staleness_closed_form?"),
    "utilization.csv": (*WINDOW, *(f"{cause}_cycles" for cause in CAUSES), "utilization?"),
    "memory.csv": ("stage", "cycle", "weights_bytes", "optimizer_bytes", "stashed_weights_bytes",
                   "activations_bytes", "gradients_bytes", "total_bytes"),
}
EPOCHS = ("epoch", "samples", "train_loss?", "train_accuracy?", "test_loss?", "test_accuracy?",
          "cycles?", "simulated_seconds?", "joules?")
PERFETTO = {"perfetto", "--trace-format=perfetto"}  # a trace of another format, not drawn here
SLICE = {"tid": "number", "ts": "number", "dur": "number", "name": "text",
         "args": {"pass": "text", "sample": "number", "stage": "number", "stage_name": "text"}}


@dataclasses.dataclass
class Result:
    """One run. Tables are lists of rows (number, or None where empty, by column name)."""

    folder: pathlib.Path
    summary: dict
    tables: dict  # file name -> rows
    epochs: list
    trace: list  # Chrome trace events
    config: dict  # the resolved configuration, {"hw", "workload"}, or None
    missing: list  # names of files that a run like this leaves, and that are not there
    label: str = ""  # in a comparison

    @property
    def words(self):
        """The command as a list of words."""
        try:
            return shlex.split(self.summary["provenance"]["command"])
        except ValueError:
            return []

    @property
    def recording(self):
        """The recorded schedule that the run replayed, or None."""
        for i, word in enumerate(self.words):
            if word == "--replay" and i + 1 < len(self.words):
                return self.words[i + 1]
            if word.startswith("--replay="):
                return word.partition("=")[2]
        return None

    @functools.cached_property
    def inputs(self):
        """The run's configuration, as far as it is known."""
        return inputs.read(self)

    @property
    def timed(self):
        return self.summary["timing"]["cycles"] is not None

    @property
    def complete(self):
        return self.summary["training"].get("complete") is not False

    def stage_name(self, index):
        return f'{index} {self.summary["stages"][index]["name"]}'


def load(folder):
    """Raises OSError if a file cannot be read, ValueError if it is not one of ours."""
    path = folder / "summary.json"
    if not path.exists():
        raise ValueError(f"{path}: no such file; give the folder that --out named, of a run or of "
                         "a sweep")
    summary = _summary(path)
    result = Result(folder, summary, {}, summary["training"]["epochs"], [], None, [])
    expected = ["config.json", *(COLUMNS if result.timed else ())]
    for name in expected[1:]:
        result.tables[name] = _table(folder / name, COLUMNS[name], len(summary["stages"]))
    epochs = folder / "epochs.csv"
    if epochs.exists():
        result.epochs = _table(epochs, EPOCHS, None)
    expected += ["epochs.csv"] if summary["training"]["epochs"] else []
    if "--trace" in result.words and not PERFETTO & set(result.words):
        expected.append("trace.json.gz")
    result.missing = [name for name in expected if not (folder / name).exists()]
    result.trace = _trace(folder / "trace.json.gz", len(summary["stages"]))
    result.config = _config(folder / "config.json")
    return result


def _summary(path):
    summary = command_line.read_json(path)
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema != SCHEMA:
        raise ValueError(f"{path}: the schema is {schema!r}, this tool reads {SCHEMA!r}")
    shape.check(path, summary, SUMMARY)
    for i, stage in enumerate(summary["stages"]):
        if stage["index"] != i:
            raise ValueError(f"{path}: /stages/{i}/index: found {stage['index']!r}, must be {i}")
        histogram = stage["staleness"]["histogram"]
        if histogram is not None:
            place = f"/stages/{i}/staleness/histogram"
            shape.check(path, histogram, HISTOGRAM, place)
            for key in histogram:
                if not key.isdecimal():
                    raise ValueError(f"{path}: {place}: found {key!r}, must be whole numbers")
    for place, wanted in (("interconnect/links", LINKS), ("training/to_target", TO_TARGET),
                          ("training/diverged_at", DIVERGED_AT),
                          ("memory/dram_channel", DRAM_CHANNEL)):
        part, key = place.split("/")
        if summary[part].get(key) is not None:
            shape.check(path, summary[part][key], wanted, f"/{place}")
    for i, layer in enumerate(summary["layers"]):
        if layer["stage"] not in range(len(summary["stages"])):
            raise ValueError(f"{path}: /layers/{i}/stage: found {layer['stage']!r}, must be below "
                             f"{len(summary['stages'])}")
    return summary


def _number(path, line, column, text, may_be_empty):
    if text == "" and may_be_empty:
        return None
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{path}: line {line}, column {column}: found {text!r}, must be a number")
    return int(value) if value == int(value) else value


def _table(path, columns, stages):
    """Rows of a CSV file; stages: how many there are, None for a table without."""
    if not path.exists():
        return []
    rows = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = list(next(reader, []))
            lacking = [c.rstrip("?") for c in columns if c.rstrip("?") not in header]
            if lacking:
                raise ValueError(f"{path}: line 1: lacks the column {lacking[0]!r}")
            places = [(c.rstrip("?"), header.index(c.rstrip("?")), c.endswith("?"))
                      for c in columns]
            for cells in reader:
                line = reader.line_num
                if len(cells) != len(header):
                    raise ValueError(f"{path}: line {line}: found {len(cells)} cells, must be "
                                     f"{len(header)}")
                row = {c: _number(path, line, c, cells[i], empty) for c, i, empty in places}
                if stages is not None and row["stage"] not in range(stages):
                    raise ValueError(f"{path}: line {line}, column stage: found {row['stage']}, "
                                     f"must be below {stages}")
                rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no CSV table: {error}") from error
    return rows


def _trace(path, stages):
    if not path.exists():
        return []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: no whole trace: {error}") from error
    shape.check(path, events, [{"ph": "text"}], "/traceEvents")
    for i, event in enumerate(events):
        if event["ph"] == "X":
            shape.check(path, event, SLICE, f"/traceEvents/{i}")
            if event["args"]["stage"] not in range(stages):
                raise ValueError(f"{path}: /traceEvents/{i}/args/stage: found "
                                 f"{event['args']['stage']}, must be below {stages}")
        elif event["ph"] in "stf":
            shape.check(path, event, {"id": "number", "tid": "number", "ts": "number"},
                        f"/traceEvents/{i}")
        elif event["ph"] == "M" and event.get("name") == "thread_name":
            shape.check(path, event, {"tid": "number", "args": {"name": "text"}},
                        f"/traceEvents/{i}")
    return events


def _config(path):
    if not path.exists():
        return None
    config = command_line.read_json(path)
    shape.check(path, config, {"hw": {"interconnect": {"kind": "text"}},
                               "workload": {"pipeline": {}, "training": {"mitigation": {}}}})
    return config
