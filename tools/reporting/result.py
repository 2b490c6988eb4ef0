# SPDX-License-Identifier: Apache-2.0
"""Reads a result directory: summary.json, and the CSV files and the trace if they are there."""

import csv
import dataclasses
import gzip
import json

SCHEMA = "stagecoach.summary/1"


@dataclasses.dataclass
class Result:
    """One run. Tables are lists of rows (text by column name), empty where there is no file."""

    summary: dict
    staleness: list
    utilization: list
    memory: list
    trace: list  # Chrome trace events


def load(directory):
    """Raises OSError if there is no summary, ValueError if it is not one of ours."""
    path = directory / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    schema = summary.get("schema")
    if schema != SCHEMA:
        raise ValueError(f"{path}: the schema is {schema!r}, this tool reads {SCHEMA!r}")
    return Result(summary, _table(directory / "staleness.csv"),
                  _table(directory / "utilization.csv"), _table(directory / "memory.csv"),
                  _trace(directory / "trace.json.gz"))


def _table(path):
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _trace(path):
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)["traceEvents"]
