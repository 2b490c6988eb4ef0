# SPDX-License-Identifier: Apache-2.0
"""Energy and area by part, traffic by link."""

from .. import charts
from ..words import count, folded, percent, quantity, section, si, size, table


def part_name(part):
    return "MACs" if part == "macs" else part.replace("_", " ")


def _parts(title, parts, unit):
    """Parts of a sum, the largest first."""
    rows = sorted(((v, part_name(n)) for n, v in parts.items() if v), reverse=True)
    if not rows:
        return ""
    total = sum(v for v, _ in rows)
    return charts.bars(title, [f"{name}, {percent(v / total)}" for v, name in rows],
                       [(title, "forward", [v for v, _ in rows])], unit)


# Parts of a stage's energy, and what stands beside the stages.
COLORS = (("macs", "forward"), ("vector_unit", "update"), ("registers", "run6"),
          ("accumulators", "run7"), ("weight_buffers", "memory"),
          ("activation_buffers", "input"), ("interconnect", "interconnect"), ("dram", "output"),
          ("host", "backward"), ("static", "idle"))


def _places(summary):
    """Joules of every stage, of all links together and of what belongs to neither."""
    stages, energy = summary["stages"], summary["energy"]
    links = summary["interconnect"]["links"] or []
    if not energy["total_joules"]:
        return ""
    rows = [(f'{s["index"]} {s["name"]}', s["energy_parts"]) for s in stages] + [
        ("all links", {"interconnect": sum(link["joules"] or 0 for link in links)}),
        ("host and chip", energy["shared_parts"])]
    series = [(part_name(part), color, [parts.get(part) or 0 for _, parts in rows])
              for part, color in COLORS]
    return charts.bars("Energy by place; the bars add up to the chip's", [n for n, _ in rows],
                       [s for s in series if any(s[2])], "J",
                       [s["index"] for s in stages] + [None, None])


def energy_and_area(result):
    energy, area = result.summary["energy"], result.summary.get("area") or {}
    words, figures = [], []
    if result.timed and result.complete and energy["total_joules"] is None:
        words.append('Energy is not known: the hardware file has no "energy".')
    for figures_of, total, unit, name in ((energy, "total_joules", "J", "Energy"),
                                          (area, "total_mm2", "mm2", "Area")):
        if figures_of.get(total) is None:
            continue
        low, high = figures_of.get(f"{total}_low"), figures_of.get(f"{total}_high")
        between = "" if low is None or high is None else (
            f", {quantity(low, unit)} to {quantity(high, unit)} with the uncertainty of the "
            "hardware file's constants")
        words.append(f"{name}: {quantity(figures_of[total], unit)} in all{between}.")
        figures.append(_parts(f"{name} by part", figures_of.get("parts") or {}, unit))
    return section("Energy and area", " ".join(words), charts.grid(*figures),
                   _places(result.summary)) if words else ""


def links(result):
    found = result.summary["interconnect"]["links"] or []
    if not found:
        return ""
    rows = [[link["name"], (size(link["bytes"]), link["bytes"]),
             (count(link["busy_cycles"]), link["busy_cycles"]),
             (count(link["wait_cycles"]), link["wait_cycles"]),
             (percent(link["utilization"]), link["utilization"]),
             (si(link["joules"], "J"), link["joules"])] for link in found]
    columns = ["link", "carried", "busy cycles", "waiting", "busy", "energy"]
    return section("Links", "Waiting: cycles that transfers stood ready while the link was taken.",
                   folded(f"{len(rows)} links", table(columns, rows, sortable=True)))
