# SPDX-License-Identifier: Apache-2.0
"""Reads a result directory: summary.json, and the CSV files and the trace if they are there."""

import csv
import dataclasses
import gzip
import json
import shlex
import zlib

import command_line

SCHEMA = "stagecoach.summary/1"


@dataclasses.dataclass
class Result:
    """One run. Tables are lists of rows (text by column name), empty where there is no file."""

    summary: dict
    staleness: list
    utilization: list
    memory: list
    trace: list  # Chrome trace events

    @property
    def recording(self):
        """The recorded schedule that the run replayed, or None."""
        words = shlex.split(self.summary["provenance"]["command"])
        return words[words.index("--replay") + 1] if "--replay" in words else None


def load(directory):
    """Raises OSError if a file cannot be read, ValueError if it is not one of ours."""
    path = directory / "summary.json"
    if not path.exists():
        raise ValueError(f"{path}: no such file; give the folder that --out named, of a run that is "
                         "through")
    summary = command_line.read_json(path)
    schema = summary.get("schema") if isinstance(summary, dict) else None
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
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return json.load(file)["traceEvents"]
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: no whole trace: {error}") from error
