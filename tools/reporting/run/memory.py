# SPDX-License-Identifier: Apache-2.0
"""Bytes held per stage and class, at most and over simulated time."""

from .. import charts, series
from ..words import count, folded, percent, section, size, table
from .stages import names_of

CLASSES = (("weights_bytes", "forward", "weights"),
           ("optimizer_bytes", "update", "optimizer state"),
           ("stashed_weights_bytes", "memory", "stashed weights"),
           ("activations_peak_bytes", "backward", "activations"),
           ("gradients_peak_bytes", "input", "gradients"))


def memory(result):
    stages = [s for s in result.summary["stages"] if s["memory"]["peak_bytes"] is not None]
    if not stages:
        return ""
    names = [result.stage_name(s["index"]) for s in stages]
    numbers = [s["index"] for s in stages]
    peak = max(s["memory"]["peak_bytes"] for s in stages)
    marks = [c if c is not None and c <= 4 * peak else None
             for c in (s["memory"]["capacity_bytes"] for s in stages)]
    peaks = charts.bars(
        "Most bytes held per class, and the capacity", names,
        [(words, color, [s["memory"][field] or 0 for s in stages])
         for field, color, words in CLASSES], "bytes", numbers, marks=("capacity", marks))
    rows = [[name] + [(size(s["memory"][f]), s["memory"][f]) for f in (
        *(field for field, _, _ in CLASSES), "peak_bytes", "capacity_bytes", "spilled_bytes")]
            for name, s in zip(names, stages)]
    return section(
        "Memory", "Most bytes that each class held (not all at the same moment), and the stage's "
        f"capacity where it is on the scale.{_channel(result.summary)}", peaks, _over_time(result),
        folded("As a table", table(["stage"] + [words for _, _, words in CLASSES] +
                                   ["peak", "capacity", "spilled"], rows, stages=numbers,
                                   sortable=True)))


def _channel(summary):
    """Words about the channel to DRAM, if the run simulated it."""
    channel = summary["memory"].get("dram_channel")
    if not channel:
        return ""
    return (f" The channel to DRAM carried {size(channel['bytes'])}; it was busy for "
            f"{count(channel['busy_cycles'])} cycles ({percent(channel['utilization'])} of the "
            f"run), and requests waited for one another {count(channel['wait_cycles'])} cycles.")


def _over_time(result):
    found = series.by_stage(result.tables.get("memory.csv", []), len(result.summary["stages"]))
    if max((len(rows) for rows in found), default=0) < 2:
        return ""
    names, most = names_of(result), series.points_each(len(found))
    total = charts.lines(
        "Bytes that each stage held over simulated time", ("simulated time", "cycles"),
        ("held", "bytes"),
        [charts.line(names[i], "stage", [(row["cycle"], row["total_bytes"])
                                         for row in series.fullest(rows, most)], stage=i)
         for i, rows in enumerate(found)])
    columns = [(f.replace("_peak", ""), color, words) for f, color, words in CLASSES]
    most = series.points_each(len(found), len(columns))
    kept = [series.fullest(rows, most) for rows in found]
    xs = [row["cycle"] for row in max(kept, key=len)]
    largest = max(range(len(found)),
                  key=lambda i: max((row["total_bytes"] for row in kept[i]), default=0))
    classes = charts.areas(
        "Bytes that a stage held by class", ("simulated time", "cycles"), ("held", "bytes"), xs,
        names, [(words, color) for _, color, words in columns],
        [[[row[f] for row in rows] for f, _, _ in columns] for rows in kept], largest)
    return total + classes
