# SPDX-License-Identifier: Apache-2.0
"""How old the weights were: the staircase of delays, and delays over simulated time."""

from .. import charts, series
from ..words import count, folded, number, section, table
from .stages import names_of

MOST_COLUMNS = 400  # of the staircase


def staleness(result):
    stages = [s for s in result.summary["stages"] if s["staleness"]["histogram"]]
    if not stages:
        return ""
    names = [result.stage_name(s["index"]) for s in stages]
    rows = [[name, *((show(s["staleness"][field]), s["staleness"][field]) for field, show in (
        ("closed_form", count), ("min", count), ("mean", number), ("max", count),
        ("backward_mean", number)))] for name, s in zip(names, stages)]
    numbers = [s["index"] for s in stages]
    return section(
        "Staleness",
        "Weight updates that a stage made between a sample's forward pass and the sample's own "
        "update. Colour: the share of samples that met this delay. The frame is the schedule's "
        "closed form.",
        _staircase(stages, names, numbers), _over_time(result),
        folded("As a table", table(["stage", "closed form", "least", "mean", "most",
                                    "mean, forward to backward"], rows, stages=numbers,
                                   sortable=True)))


def _staircase(stages, names, numbers):
    """Columns are delays; where there are very many, some delays share a column."""
    largest = max(max(max(map(int, s["staleness"]["histogram"])) for s in stages),
                  max(s["staleness"]["closed_form"] or 0 for s in stages))
    wide = int(largest) // MOST_COLUMNS + 1  # delays in a column
    values = []
    for s in stages:
        histogram = s["staleness"]["histogram"]
        total = sum(histogram.values()) or 1
        row = [0] * (int(largest) // wide + 1)
        for delay, samples in histogram.items():
            row[int(delay) // wide] += samples
        values.append([samples / total if samples else None for samples in row])
    columns = [str(i) if wide == 1 else f"{i * wide} to {(i + 1) * wide - 1}"
               for i in range(len(values[0]))]
    frames = [None if s["staleness"]["closed_form"] is None
              else int(s["staleness"]["closed_form"]) // wide for s in stages]
    return charts.heat("Delay of each stage, measured and by closed form", names, columns, values,
                       "ratio", "delay in updates", numbers, frames=("closed form", frames))


def _over_time(result):
    found = series.by_stage(result.tables.get("staleness.csv", []),
                            len(result.summary["stages"]))
    if max((len(rows) for rows in found), default=0) < 2:
        return ""
    most = series.points_each(len(found))
    names = names_of(result)
    return charts.lines(
        "Mean delay of each stage over simulated time", ("simulated time", "cycles"),
        ("mean delay", "updates"),
        [charts.line(names[i], "stage", series.staleness_mean(rows, most), stage=i)
         for i, rows in enumerate(found)])
