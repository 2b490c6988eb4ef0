# SPDX-License-Identifier: Apache-2.0
"""results.csv: one row a point, complete while points still run, and the marks of its front."""

import csv
import dataclasses
import io
import json
import pathlib
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .columns import Column, Objective, figures, number
from .files import write_text
from .front import Cost, Front
from .points import Status

_SHARE_OF_TIME = 0.03  # writing costs no more than this part of a long sweep
_LATEST_SECONDS = 5.0


@dataclasses.dataclass
class Row:
    settings: dict[str, Any]
    status: Status
    folder: str
    figures: dict[str, Any]
    fidelity: str = ""
    verdict: str = ""
    weighs: bool = True  # may it be on the front? (a search: full fidelity only)
    trained_as: str = ""  # folder of the point whose training it shares


class Table:
    """Rows by place. `replicas`: the seeds' field, and how many a setting has."""

    def __init__(self, path: pathlib.Path, fields: Sequence[str], columns: Sequence[Column],
                 objectives: Sequence[Objective], replicas: Optional[tuple[str, int]] = None,
                 search: bool = False) -> None:
        self._path = path
        self._fields = list(fields)
        self._columns = columns
        self._objectives = objectives
        self._replicas = replicas
        self._search = search
        self._rows: dict[int, Row] = {}
        self._lines: dict[int, str] = {}
        self._groups: dict[str, list[int]] = {}
        self._group_of: dict[int, str] = {}
        self._front = Front()
        self._costs: dict[str, Optional[Cost]] = {}
        self._measured: set[str] = set()  # objectives that some row has
        self._changed = True
        self._due = 0.0

    @property
    def rows(self) -> list[Row]:
        return [self._rows[place] for place in sorted(self._rows)]

    def row(self, place: int) -> Row:
        return self._rows[place]

    def put(self, place: int, row: Row) -> None:
        """Adds a row, or puts another in its place."""
        again = place in self._rows
        weighed = again and self._costs.get(self._group_of[place]) is not None
        self._rows[place] = row
        self._lines[place] = self._line(row)
        group = self._group(row)
        self._group_of[place] = group
        if not again:
            self._groups.setdefault(group, []).append(place)
        self._changed = True
        measured = {o.column.name for o in self._objectives
                    if number(row.figures.get(o.column.name)) is not None}
        if weighed or not measured <= self._measured:
            self._measured |= measured
            self._weigh_all()
        else:
            self._weigh(group)

    def mark(self, place: int) -> str:
        """On the front: yes, no, or empty where an objective is missing."""
        group = self._group_of[place]
        if self._costs.get(group) is None or not self._rows[place].weighs:
            return ""
        return "yes" if group in self._front else "no"

    def write(self) -> None:
        """Swaps the file, if anything has changed."""
        if not self._changed:
            return
        began = time.monotonic()
        header = io.StringIO()
        csv.writer(header, lineterminator="").writerow(self.names())
        lines = [f"{self._lines[place]},{self.mark(place)}" for place in sorted(self._rows)]
        write_text(self._path, "\n".join([header.getvalue(), *lines]) + "\n")
        self._changed = False
        took = time.monotonic() - began
        self._due = time.monotonic() + min(took / _SHARE_OF_TIME, _LATEST_SECONDS)

    def write_if_due(self) -> None:
        """As write(), but not so often that it costs: a table of thousands of rows waits up to
        seconds."""
        if time.monotonic() >= self._due:
            self.write()

    def names(self) -> list[str]:
        return [*self._fields, *self._of_search("fidelity"), "exit_status", "message",
                *self._of_search("verdict"), "folder", *self._of_search("trained_as"),
                "wall_seconds", *(c.name for c in self._columns), "pareto"]

    def _of_search(self, cell: str) -> list[str]:
        """The cell, in the table of a search."""
        return [cell] if self._search else []

    def _line(self, row: Row) -> str:
        settings = [_cell(row.settings[f]) if f in row.settings else "" for f in self._fields]
        cells = [*settings, *self._of_search(row.fidelity), row.status.exit_status,
                 " ".join(row.status.message.split()), *self._of_search(row.verdict), row.folder,
                 *self._of_search(row.trained_as), row.status.wall_seconds,
                 *(row.figures[c.name] for c in self._columns)]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(cells)
        return line.getvalue()

    def _group(self, row: Row) -> str:
        """Rows that differ in their seed alone belong together."""
        seed = self._replicas[0] if self._replicas else None
        return json.dumps([row.fidelity, {k: v for k, v in row.settings.items() if k != seed}],
                          sort_keys=True)

    def _cost(self, group: str) -> Optional[Cost]:
        """Means over the seeds; None where a seed or a figure is missing."""
        rows = [self._rows[place] for place in self._groups[group]]
        if (not self._measured or len(rows) < (self._replicas[1] if self._replicas else 1)
                or any(row.status.exit_status != 0 or not row.weighs for row in rows)):
            return None
        cost = []
        for objective in self._objectives:
            if objective.column.name in self._measured:
                values = [number(row.figures.get(objective.column.name)) for row in rows]
                if None in values:
                    return None
                cost.append(objective.cost(statistics.fmean(v for v in values if v is not None)))
        return tuple(cost)

    def _weigh(self, group: str) -> None:
        cost = self._costs[group] = self._cost(group)
        if cost is not None:
            self._front.add(group, cost)

    def _weigh_all(self) -> None:
        self._front = Front()
        for group in self._groups:
            self._weigh(group)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def row_of(status: Status, summary: Optional[Mapping[str, Any]], folder: str,
           columns: Sequence[Column], **more: Any) -> Row:
    """The row of a point; `summary` is None where it has no result. Raises InputError for a column
    that no result has."""
    for column in columns if summary else ():
        if not column.unit:  # a path that the user wrote
            column.require_in(summary)
    return Row(status.settings, status, folder, figures(summary or {}, columns), **more)
