# SPDX-License-Identifier: Apache-2.0
"""Where the stages' time went, in all and over simulated time."""

from .. import charts, series
from ..summary_shape import CAUSES
from ..words import count, folded, note, percent, section, table

NAMES = (("forward", "forward", "forward"), ("backward", "backward", "backward"),
         ("update", "update", "update"), ("stall_input", "input", "waiting for input"),
         ("stall_output", "output", "waiting for room at the output"),
         ("stall_memory", "memory", "waiting for memory"),
         ("stall_interconnect", "interconnect", "data under way"), ("idle", "idle", "idle"))
STALLS = [name for name in NAMES if name[0].startswith("stall")]
HEAT_CELLS = 8000


def names_of(result):
    return [result.stage_name(i) for i in range(len(result.summary["stages"]))]


def stage_time(result):
    stages = result.summary["stages"]
    if not result.timed:
        return section("Where each stage's time went", "This run had no clock." if result.complete
                       else "Cycles, stalls, staleness and memory come with the end of the run.")
    names, numbers = names_of(result), list(range(len(stages)))
    chart = charts.bars(
        "Cycles of every stage by cause; each bar is the whole run", names,
        [(words, color, [s["cycles"][field] or 0 for s in stages])
         for field, color, words in NAMES], "cycles", numbers,
        largest=result.summary["timing"]["cycles"])
    columns = ["stage"] + [words for _, _, words in NAMES] + ["busy", "MAC units busy"]
    rows = [[name] + [(count(s["cycles"][f]), s["cycles"][f]) for f, _, _ in NAMES] +
            [(percent(s["utilization"]), s["utilization"]),
             (percent(s["mac_utilization"]), s["mac_utilization"])]
            for name, s in zip(names, stages)]
    return section(
        "Where each stage's time went",
        "Cycles of every stage from the start to the end of the run. Pick a stage in any chart, "
        "table or at the top of the page: it is picked everywhere.",
        chart, folded("As a table", table(columns, rows, stages=numbers, sortable=True)))


def over_time(result):
    """Stalls by cause, and how busy the stages were, over simulated time."""
    found = series.by_stage(result.tables.get("utilization.csv", []),
                            len(result.summary["stages"]))
    if not result.timed or max((len(rows) for rows in found), default=0) < 2:
        return ""
    return section("Stalls and work over simulated time",
                   "What held each stage up, and how busy it was, in windows of simulated time.",
                   _stalls(result, found), _busy(result, found))


def _stalls(result, found):
    most = series.points_each(len(found), len(STALLS))
    columns = [f"{cause}_cycles" for cause in CAUSES]
    xs, values = [], []
    for rows in found:
        windows = series.joined(rows, most, columns)
        spans = [sum(w[c] for c in columns) or 1 for w in windows]
        xs = max(xs, [(w["begin_cycle"] + w["end_cycle"]) / 2 for w in windows], key=len)
        values.append([[w[f"{field}_cycles"] / span for w, span in zip(windows, spans)]
                       for field, _, _ in STALLS])
    stages = result.summary["stages"]
    slowest = max(stages, key=lambda s: sum(s["cycles"][f] or 0 for f, _, _ in STALLS))
    return charts.areas("Stalls of a stage by cause", ("simulated time", "cycles"),
                        ("share of the window", "ratio"), xs, names_of(result),
                        [(words, color) for _, color, words in STALLS], values, slowest["index"])


def _busy(result, found):
    most = max(40, min(240, HEAT_CELLS // max(1, len(found))))
    columns = [f"{cause}_cycles" for cause in CAUSES]
    ends, values = [], []
    for rows in found:
        windows = series.joined(rows, most, columns)
        ends = max(ends, [w["begin_cycle"] for w in windows]
                   + [w["end_cycle"] for w in windows[-1:]], key=len)
        values.append([sum(w[f"{f}_cycles"] for f in ("forward", "backward", "update"))
                       / (sum(w[c] for c in columns) or 1) for w in windows])
    return charts.heat("Share of the time in which each stage computed", names_of(result), ends,
                       values, "ratio", "simulated time", list(range(len(found))),
                       column_unit="cycles")


def layers(result):
    rows, stages = [], []
    for layer in result.summary["layers"]:
        p = layer["passes"]
        stages.append(layer["stage"])
        rows.append([layer["name"], layer["type"], str(layer["stage"]),
                     (count(layer["parameters"]), layer["parameters"]),
                     (count(p["forward"]["macs"]), p["forward"]["macs"])] +
                    [(count(p[k]["cycles"]), p[k]["cycles"])
                     for k in ("forward", "input_gradient", "weight_gradient", "update")])
    return section("Layers", "", folded(
        f"{len(rows)} layers", note("Cycles per sample and pass; the update per update.") + table(
            ["layer", "type", "stage", "parameters", "MACs forward", "forward", "input gradient",
             "weight gradient", "update"], rows, names=2, stages=stages, sortable=True)))
