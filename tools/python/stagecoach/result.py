# SPDX-License-Identifier: Apache-2.0
"""A run's result as plain objects: `result.timing.cycles`, `result.stages[0].staleness.mean`."""

import csv
import functools
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from .errors import InputError
from .files import Path, read_json

SCHEMA = "stagecoach.summary/1"
TABLES = ("epochs", "staleness", "utilization", "memory")


class Record(Mapping[str, Any]):
    """A JSON object whose fields are attributes too, under summary.json's names. Read-only."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = {name: _plain(value) for name, value in fields.items()}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(f"no field {name!r}; there are: "
                                 + ", ".join(self._fields)) from None

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._fields]

    def __repr__(self) -> str:
        return f"Record({', '.join(self._fields)})"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return Record(value)
    return [_plain(v) for v in value] if isinstance(value, list) else value


class Result(Record):
    """One run: the fields of its summary.json, and its CSV files as lists of rows.

    `folder` is None where the run's files were not kept."""

    def __init__(self, summary: Mapping[str, Any], tables: Mapping[str, list[dict[str, Any]]],
                 folder: Optional[pathlib.Path] = None) -> None:
        super().__init__(summary)
        self._summary = summary
        self._tables = tables
        self.folder = folder

    @property
    def summary(self) -> dict[str, Any]:
        """summary.json as it stands: dicts and lists."""
        return json.loads(json.dumps(self._summary))  # type: ignore[no-any-return]

    @property
    def diverged(self) -> bool:
        """Did the training meet a NaN or an infinite loss?"""
        return bool(self.training.diverged)

    @property
    def test_accuracy(self) -> Optional[float]:
        """Of the last epoch; None if no numbers were computed, or they diverged."""
        epochs = self.training.epochs
        return None if self.diverged or not epochs else epochs[-1].test_accuracy

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of epochs, staleness, utilization or memory over time; numbers are numbers."""
        if name not in TABLES:
            raise InputError(f"no table {name!r}; there are: {', '.join(TABLES)}")
        return self._tables[name]

    def to_frame(self, name: str = "epochs") -> Any:
        """The table as a pandas.DataFrame."""
        return frame(self.table(name))


class _Tables(dict[str, list[dict[str, Any]]]):
    """CSV files of a folder, each read when it is asked for."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> list[dict[str, Any]]:
        self[name] = rows = read_table(self._folder / f"{name}.csv")
        return rows


def read_table(path: Path) -> list[dict[str, Any]]:
    """A CSV file's rows, empty cells None; no rows where there is no file."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return [{name: _value(cell) for name, cell in row.items()}
                    for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []


def _value(cell: str) -> Any:
    for kind in (int, float):
        try:
            return kind(cell)
        except (TypeError, ValueError):
            pass
    return cell or None


def frame(rows: list[dict[str, Any]]) -> Any:
    """A pandas.DataFrame. Raises InputError if there is no pandas."""
    return _pandas().DataFrame(rows)


@functools.lru_cache(maxsize=None)
def _pandas() -> Any:
    try:
        import pandas  # type: ignore[import]
    except ImportError:
        raise InputError("no pandas in this Python: apt-get install python3-pandas, and run "
                         "/usr/bin/python3") from None
    return pandas


def load_result(folder: Path) -> Result:
    """Raises OSError if a file cannot be read, InputError if it is not one of ours."""
    folder = pathlib.Path(folder)
    path = folder / "summary.json"
    if not path.exists():
        raise InputError(f"{path}: no such file; give the folder that --out named")
    summary = read_json(path)
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: the schema is {schema!r}, this reads {SCHEMA!r}")
    return Result(summary, _Tables(folder), folder)
