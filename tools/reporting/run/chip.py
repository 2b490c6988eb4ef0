# SPDX-License-Identifier: Apache-2.0
"""A map of the chip: units of cores and links where they lie."""

import math
import re

from .. import charts, inputs
from ..summary_shape import CAUSES
from ..words import percent, section, size

TILE = re.compile(r"tile\((\d+),(\d+)\)->tile\((\d+),(\d+)\)$")
CORES = re.compile(r"^(.*?)(\d+)(?:-(\d+))?$")
ROW = 8  # units in a row where the chip says nothing of places
MOST_CELLS = 4096


def chip(result):
    if not result.timed:
        return ""
    units = _units(result)
    links = result.summary["interconnect"]["links"] or []
    net = inputs.get(result.inputs.config, "hw/interconnect", {})
    cells, place, words = _places(units, links, net)
    measures = _measures(result, units, links)
    drawn = [i for i, link in enumerate(links) if _ends(link["name"], units, place)]
    shown = [{"name": links[i]["name"], "from": ends[0], "to": ends[1],
              "both": links[i]["name"] == "bus"}
             for i in drawn for ends in [_ends(links[i]["name"], units, place)]]
    for measure in measures:
        measure["links"] = measure["links"] and [measure["links"][i] for i in drawn]
    return section("Map of the chip", words, charts.chip(
        "Cores and links where they lie", cells, [
            {"name": u["name"], "stages": [s["index"] for s in u["stages"]],
             "stageNames": _names(u["stages"]), "hover": u["hover"]} for u in units], shown,
        measures))


def _names(stages):
    """Names of up to three stages."""
    names = [s["name"] for s in stages[:3]]
    return ", ".join(names) + (f" and {len(stages) - 3} more" if len(stages) > 3 else "")


# Links of a unit by itself: between its cores, or copies that it makes to and from the host.
INNER = ("_region", "_region_backward", "_copies", "_copies_backward")


def _units(result):
    """Units of cores, in the order of their cores, with the stages that they work for."""
    found = {}
    for stage in result.summary["stages"]:
        found.setdefault(stage["core"] or f'stage {stage["index"]}', []).append(stage)
    inner = {link["name"]: link for link in result.summary["interconnect"]["links"] or []}
    units = []
    for name, stages in found.items():
        matched = CORES.match(name)
        first = int(matched.group(2)) if matched else len(units)
        last = int(matched.group(3) or first) if matched else first
        own = [inner[f'{s["name"]}{end}'] for s in stages
               for end in INNER if f'{s["name"]}{end}' in inner]
        carried = sum(link["bytes"] for link in own)
        units.append({
            "name": name, "stages": stages, "first": first, "last": last,
            "hover": [f"{'copies' if _copies(own) else 'links inside'}: {size(carried)}, "
                      f"{percent(max(link['utilization'] or 0 for link in own))} busy"]
            if own else []})
    return sorted(units, key=lambda u: u["first"])


def _copies(links):
    return any("_copies" in link["name"] for link in links)


def _places(units, links, net):
    """Cells {"x", "y", "unit"}, the place of each unit (where messages enter) and of tiles, and
    what is seen, in words."""
    tiles = [m for m in (TILE.match(link["name"]) for link in links) if m]
    cores = max(u["last"] for u in units) + 1  # a mapping by list may leave some out
    if net.get("kind") == "mesh2d" or tiles:
        regions = net.get("node") == "region"
        nodes = len(units) if regions else cores
        rows, columns = net.get("rows"), net.get("columns")
        if regions or not isinstance(rows, int) or not isinstance(columns, int):  # as needed
            columns = math.ceil(math.sqrt(nodes))
            rows = math.ceil(nodes / columns)
        if not net:
            return _row(units, "The result has no config.json, so that places are not known: units "
                        "stand in a row, and links of the mesh are in the table below only.")
        if rows * columns <= MOST_CELLS:
            return _mesh(units, regions, rows, columns)
        return _row(units, f"The mesh has {rows * columns:,} nodes, too many to draw: units stand "
                    "in a row, and its links are in the table below only.")
    kind = net.get("kind", "")
    return _row(units, {
        "ring": "Each field is the cores of a stage, or a core with its stages. They stand in the "
                "order of the ring.",
        "bus": "Units share one bus, drawn below them.",
        "crossbar": "Units have a port into and a port out of the crossbar.",
        "through_host": "Units have a bus to the host and from it, over which all messages go.",
        "ideal": "Links are ideal: they take no time, and there is nothing to draw."}.get(
            kind, "Units stand in the order of their cores."))


def _mesh(units, regions, rows, columns):
    def at(node):  # nodes run along the rows, back and forth
        row, along = divmod(node, columns)
        return (along if row % 2 == 0 else columns - 1 - along, row)

    cells, owner = [], {}
    place = {}
    for i, u in enumerate(units):
        span = range(i, i + 1) if regions else range(u["first"], u["last"] + 1)
        owner.update({at(node): i for node in span})
        place[i] = at(i if regions else u["first"] + (u["last"] - u["first"]) // 2)
    for y in range(rows):
        for x in range(columns):
            cells.append({"x": x, "y": y, "unit": owner.get((x, y))})
    what = ("each field is a stage's cores, one node of the mesh" if regions
            else "each field is a core")
    return cells, place, (f"A mesh of {rows} x {columns}: {what}. A message enters a stage's cores "
                          "in their middle. Empty fields have no work.")


def _row(units, words):
    def at(i):
        row, along = divmod(i, ROW)
        return (along if row % 2 == 0 else ROW - 1 - along, row * 1.5)

    place = {i: at(i) for i in range(len(units))}
    return ([{"x": x, "y": y, "unit": i} for i, (x, y) in place.items()], place, words)


def _ends(name, units, place):
    """Where a link begins and ends on the map, or None: links inside units are not drawn."""
    tile = TILE.match(name)
    if tile:
        on_mesh = all(float(y).is_integer() for _, y in place.values()) and len(place) > 0
        r1, c1, r2, c2 = (int(g) for g in tile.groups())
        return ((c1, r1), (c2, r2)) if on_mesh else None
    by_name = {u["name"]: place[i] for i, u in enumerate(units)}
    if name == "bus":
        xs = [x for x, _ in place.values()]
        y = max(y for _, y in place.values()) + 0.8
        return (min(xs) - 0.4, y), (max(xs) + 0.4, y)
    begin, arrow, finish = name.partition("->")
    if finish == "host":  # drawn as ports
        name = f"{begin}_out"
    elif begin == "host":
        name = f"{finish}_in"
    for end, at in (("_out", 0.2), ("_in", -0.2)):
        if name.endswith(end) and name[:-len(end)] in by_name:
            x, y = by_name[name[:-len(end)]]
            return ((x + at, y + 0.4), (x + at, y + 0.75)) if end == "_out" else (
                (x + at, y + 0.75), (x + at, y + 0.4))
    if arrow and begin in by_name and finish in by_name:
        return by_name[begin], by_name[finish]
    return None


def _measures(result, units, links):
    """What colours units and links: {"name", "unit", "cells", "links", "most"}."""
    cycles = result.summary["timing"]["cycles"] or 1
    busy = [sum(s["utilization"] or 0 for s in u["stages"]) for u in units]
    stalls = [c for c in CAUSES if c.startswith("stall")]
    waits = []
    for u, share in zip(units, busy):  # a stage also waits while its core works for another one
        waited = min(sum(s["cycles"][c] or 0 for c in stalls) / cycles for s in u["stages"])
        waits.append(min(waited, max(0.0, 1 - share)))
    measures = [
        {"name": "utilization", "unit": "ratio", "cells": busy, "most": 1,
         "links": [link["utilization"] for link in links]},
        {"name": "stalls", "unit": "ratio", "cells": waits, "most": None,
         "links": [link["wait_cycles"] / cycles for link in links]}]
    if result.summary["energy"]["total_joules"]:
        measures.append({
            "name": "energy", "unit": "J",
            "cells": [sum(s["joules"] or 0 for s in u["stages"]) for u in units], "most": None,
            "links": [link["joules"] for link in links]})
    return measures
