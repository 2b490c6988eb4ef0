# SPDX-License-Identifier: Apache-2.0
"""Reads a sweep's folder: results.csv, and sweep.json (what was asked) where it is there.

Format: docs/sweeps.md. Without sweep.json, fields and figures are told apart by their place in
results.csv: fields stand before `exit_status`, figures behind `folder`.
"""

import csv
import dataclasses
import json
import math
import pathlib
import statistics

import command_line

from .. import shape

DONE = (0, 3)  # the program's exit status where there is a result: done, diverged
STATUS = ("fidelity", "exit_status", "message", "verdict", "folder", "trained_as",
          "wall_seconds", "pareto")
FULL = ("", "full")  # fidelities whose figures count for a front
SHAPE = {"schema": "text", "fields": [{"path": "text"}],
         "columns": [{"name": "text", "unit?": "any"}],
         "objectives": [{"direction": "text", "column": "text"}], "replicas?": "any",
         "hardware?": "text", "workload?": "text", "points?": "number?"}
SCHEMA = "stagecoach.sweep/1"
UNITS = {"seconds": "s", "joules": "J"}  # other names of units
KNOWN_UNITS = ("cycles", "samples", "updates", "count", "bytes", "s", "J", "ratio", "mm2")
ENDINGS = (("accuracy", "ratio"), ("utilization", "ratio"), ("seconds", "s"), ("bytes", "bytes"),
           ("joules", "J"), ("mm2", "mm2"), ("cycles", "cycles"), ("cycles_per_sample", "cycles"),
           ("staleness", "updates"))
MORE_IS_BETTER = ("accuracy", "utilization", "samples_per_simulated_second")


@dataclasses.dataclass
class Column:
    name: str
    unit: str
    better: str  # "min" or "max"


@dataclasses.dataclass
class Point:
    fields: dict  # path -> text, empty: the file's value
    status: int
    message: str
    verdict: str
    fidelity: str
    folder: str
    figures: dict  # column -> number or None
    texts: dict  # column -> text


@dataclasses.dataclass
class Setting:
    """Points that differ in their seed only."""

    fields: dict
    fidelity: str
    points: list
    whole: bool  # every seed is there and done: its means count for a front

    def values(self, column):
        return [p.figures[column] for p in self.points
                if p.status == 0 and p.figures[column] is not None]

    def mean(self, column):
        values = self.values(column)
        return statistics.fmean(values) if values else None

    def spread(self, column):
        """Standard deviation over the seeds (of a sample), None for fewer than two."""
        values = self.values(column)
        return statistics.stdev(values) if len(values) > 1 else None


@dataclasses.dataclass
class Sweep:
    path: pathlib.Path
    manifest: dict  # sweep.json, or {}
    fields: list  # paths, without the seed's
    seed_field: str  # or ""
    columns: list  # of Column: figures
    texts: list  # names of columns that hold words
    objectives: list  # names of columns
    points: list
    settings: list  # of a search: with the points of the last fidelity that each reached
    searched: bool

    def finished_folders(self):
        """Folders of the points that have a result."""
        return [self.path / p.folder for p in self.points if p.status in DONE
                and (self.path / p.folder / "summary.json").exists()]


def is_sweep(path):
    return not (path / "summary.json").exists() and any(
        (path / name).exists() for name in ("results.csv", "sweep.json", "points"))


def load(path):
    """Raises OSError if a file cannot be read, ValueError if it is not one of ours."""
    manifest = _manifest(path / "sweep.json")
    header, rows = _table(path / "results.csv")
    fields, seed_field = _fields(manifest, header)
    named = [c["name"] for c in manifest.get("columns", [])]
    behind = header[header.index("folder") + 1:] if header else []
    figures = named or [c for c in behind if c not in STATUS]
    figures = [c for c in figures if c in header and any(row[c] for row in rows)]
    texts = [c for c in figures if any(row[c] and _number(row[c]) is None for row in rows)]
    objectives = [(o["column"], o["direction"]) for o in manifest.get("objectives", [])]
    columns = [Column(c, _unit(manifest, c), _better(c, dict(objectives)))
               for c in figures if c not in texts]
    points = [_point(row, fields, seed_field, columns, texts) for row in rows]
    return Sweep(path, manifest, fields, seed_field, columns, texts,
                 [c for c, _ in objectives] or _usual([c.name for c in columns], points), points,
                 _settings(points, fields, seed_field, manifest),
                 any(p.fidelity for p in points))


def _manifest(path):
    if not path.exists():
        return {}
    manifest = command_line.read_json(path)
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema != SCHEMA:
        raise ValueError(f"{path}: the schema is {schema!r}, this tool reads {SCHEMA!r}")
    shape.check(path, manifest, SHAPE)
    for i, objective in enumerate(manifest["objectives"]):
        if objective["direction"] not in ("min", "max"):
            raise ValueError(f"{path}: /objectives/{i}/direction: found "
                             f"{objective['direction']!r}, must be 'min' or 'max'")
    if manifest.get("replicas") is not None:
        shape.check(path, manifest["replicas"], {"field": "text", "seeds": ["any"]}, "/replicas")
    return manifest


def _table(path):
    """Header and rows of results.csv; both empty while no point is finished."""
    if not path.exists():
        return [], []
    rows = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader, [])
            lacking = [c for c in ("exit_status", "message", "folder") if c not in header]
            if lacking:
                raise ValueError(f"{path}: line 1: lacks the column {lacking[0]!r}")
            for cells in reader:
                if len(cells) != len(header):
                    raise ValueError(f"{path}: line {reader.line_num}: found {len(cells)} cells, "
                                     f"must be {len(header)}")
                row = dict(zip(header, cells))
                if not row["exit_status"].lstrip("-").isdecimal():
                    raise ValueError(f"{path}: line {reader.line_num}, column exit_status: found "
                                     f"{row['exit_status']!r}, must be a whole number")
                rows.append(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no CSV table: {error}") from error
    return header, rows


def _fields(manifest, header):
    """Paths of the fields that vary, and the path of the seed."""
    before = header[:header.index("exit_status")] if header else []
    fields = [f["path"] for f in manifest.get("fields", [])] or before
    fields = [f for f in fields if f not in STATUS and f in before]
    replicas = manifest.get("replicas")
    seed = replicas["field"] if replicas else next(
        (f for f in before if f.endswith("/training/seed")), "")
    return [f for f in fields if f != seed], seed


def _number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _unit(manifest, column):
    given = next((c.get("unit") for c in manifest.get("columns", []) if c["name"] == column), None)
    if given:
        unit = UNITS.get(str(given), str(given))
        return unit if unit in KNOWN_UNITS else "number"
    return next((unit for ending, unit in ENDINGS if column.endswith(ending)), "number")


def _better(column, objectives):
    return objectives.get(column) or (
        "max" if any(column.endswith(word) for word in MORE_IS_BETTER) else "min")


def _usual(columns, points):
    """Objectives where none are named: those of tools/sweep that some point has."""
    return [c for c in ("test_accuracy", "simulated_seconds", "peak_bytes", "total_joules")
            if c in columns and any(p.figures[c] is not None for p in points)]


def _point(row, fields, seed_field, columns, texts):
    paths = fields + ([seed_field] if seed_field else [])
    return Point({f: row.get(f, "") for f in paths}, int(row["exit_status"]), row["message"],
                 row.get("verdict", ""), row.get("fidelity", ""), row["folder"],
                 {c.name: _number(row[c.name]) for c in columns}, {c: row[c] for c in texts})


def _ranks(points, manifest):
    """Fidelities, the cheapest first: as they were asked for, else as they first appear."""
    asked = (manifest.get("search") or {}).get("fidelities") or []
    seen = list(dict.fromkeys(p.fidelity for p in points))
    ranks = [f for f in asked if f in seen]
    return sorted(ranks + [f for f in seen if f not in ranks], key=lambda f: f in FULL)


def _settings(points, fields, seed_field, manifest):
    found = {}  # values of the fields -> fidelity -> points
    for point in points:
        key = tuple(point.fields[f] for f in fields)
        found.setdefault(key, {}).setdefault(point.fidelity, []).append(point)
    ranks = _ranks(points, manifest)
    groups = {key: of_key[max(of_key, key=ranks.index)] for key, of_key in found.items()}
    replicas = manifest.get("replicas")
    wanted = len(replicas["seeds"]) if replicas else max(map(len, groups.values()), default=1)
    return [Setting({f: group[0].fields[f] for f in fields}, group[0].fidelity, group,
                    group[0].fidelity in FULL and all(p.status == 0 for p in group)
                    and (len(group) >= wanted or not seed_field))
            for group in groups.values()]


def message_of(sweep, point):
    """The program's error, whole: from point.json if that is there and in order."""
    try:
        told = json.loads((sweep.path / point.folder / "point.json").read_text(encoding="utf-8"))
        return str(told["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return point.message
