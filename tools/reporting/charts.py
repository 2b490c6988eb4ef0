# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of charts: each function returns a figure that assets/*.js draws with ECharts.

A figure holds its data as JSON and nothing of how it looks. Colours are names (assets/style.css has
their values, light and dark): forward backward update input output memory interconnect idle heat,
run0 to run7, and "stage" for a colour by the place in the pipeline. Units are those of words.py.
`stages` gives the stage behind each row, so that a stage picked in one chart is picked in all.
"""

import json

from .words import escape


def compact(value):
    """Numbers with six significant digits: a page must stay light."""
    if isinstance(value, float):
        rounded = float(f"{value:.6g}")
        return int(rounded) if rounded.is_integer() else rounded
    if isinstance(value, dict):
        return {key: compact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [compact(item) for item in value]
    return value


def data(value):
    """JSON that may stand inside a script element."""
    text = json.dumps(compact(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def figure(kind, title, spec):
    return (f'<figure class="chart {kind}"><figcaption>{escape(title)}</figcaption>'
            f'<div class="plot" role="img" aria-label="{escape(title)}"></div>'
            f'<script type="application/json">{data({"kind": kind, "title": title, **spec})}'
            "</script></figure>")


def grid(*figures):
    """Small figures beside each other where there is room."""
    shown = [f for f in figures if f]
    return f'<div class="grid">{"".join(shown)}</div>' if shown else ""


def bars(title, rows, series, unit, stages=None, marks=None, largest=None):
    """Stacked bars, one a row. series: (name, colour, value of each row). marks: (name, value or
    None of each row), drawn as a line across the bar."""
    return figure("bars", title, {
        "rows": rows, "unit": unit, "stages": stages, "largest": largest,
        "series": [{"name": n, "color": c, "values": v} for n, c, v in series],
        "marks": marks and {"name": marks[0], "values": marks[1]}})


def heat(title, rows, columns, values, unit, column_name, stages=None, frames=None,
         column_unit=None):
    """One coloured field a row and column; values[row][column], None for nothing. columns: words,
    or the ends of windows in column_unit (one more than there are columns). frames: (name, column
    or None of each row)."""
    return figure("heat", title, {
        "rows": rows, "columns": columns, "values": values, "unit": unit, "stages": stages,
        "column_name": column_name, "column_unit": column_unit,
        "frames": frames and {"name": frames[0], "columns": frames[1]}})


def line(name, color, points, stage=None, dashed=False, dots=False):
    """A series of lines(): points are (x, y); y None breaks the line."""
    return {"name": name, "color": color, "points": points, "stage": stage, "dashed": dashed,
            "dots": dots}


def lines(title, x, y, series, step=False, small=False):
    """x, y: (name, unit). series: of line()."""
    return figure("lines", title, {"x": {"name": x[0], "unit": x[1]},
                                   "y": {"name": y[0], "unit": y[1]},
                                   "series": series, "step": step, "small": small})


def areas(title, x, y, xs, stages, series, values, first=0):
    """Stacked areas over x of one stage, which the reader picks. values[stage][series][x]; stages:
    names; series: (name, colour); first: the stage shown at first."""
    return figure("areas", title, {"x": {"name": x[0], "unit": x[1]},
                                   "y": {"name": y[0], "unit": y[1]}, "xs": xs, "names": stages,
                                   "series": [{"name": n, "color": c} for n, c in series],
                                   "values": values, "first": first})


def timeline(title, tracks, stages, classes, slices, flows):
    """Tracks of slices. slices: (track, begin, end, class, sample, [words of the hover]); classes:
    (name, colour); flows: lists of (track, cycle)."""
    return figure("timeline", title, {
        "tracks": tracks, "stages": stages, "slices": slices, "flows": flows,
        "classes": [{"name": n, "color": c} for n, c in classes]})


def chip(title, cells, units, links, measures):
    """Cores and links where they lie, coloured by one of the measures, which the reader picks.

    cells: {"x", "y", "unit": index of the unit or None}. units: {"name", "stages": indices,
    "stageNames", "hover": words}. links: {"name", "from": (x, y), "to": (x, y), "both": in both
    directions}. measures: {"name", "unit", "cells": a value of each unit, "links": a value of each
    link or None, "most": the full colour's value or None}."""
    return figure("chip", title, {"cells": cells, "units": units, "links": links,
                                  "measures": measures})


def fronts(title, points, columns, fields, x, y):
    """Points over two columns that the reader picks, and their Pareto front. points: {"name",
    "fields": values, "means", "spreads" (one of each column), "seeds", "href"}; columns: {"name",
    "unit", "better": "min" or "max"}; fields: names, to colour by; x, y: columns shown at first."""
    return figure("fronts", title, {"points": points, "columns": columns, "fields": fields,
                                    "x": x, "y": y})


def parallel(title, axes, rows, table):
    """One line a row over all axes; ranges marked on axes filter the lines and the rows of the
    table with that id. axes: {"name", "unit"} or {"name", "words": [...]}; rows: values."""
    return figure("parallel", title, {"axes": axes, "rows": rows, "table": table})
