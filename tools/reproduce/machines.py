# SPDX-License-Identifier: Apache-2.0
"""Hardware of the experiments, as dicts, made from the committed files."""

import json
import re

from experiment import ROOT


def load(name):
    """A committed hardware file as a dict."""
    return json.loads((ROOT / "hw" / f"{name}.json").read_text(encoding="utf-8"))


def one_cycle_ticks(stages):
    """hw/ideal.json for a network of `stages` (names of the stages, in order) with every tick of
    lockstep one cycle long, as the closed forms count: forward and backward of a stage have a core
    each. The last stage does both in one tick; its forward takes no time."""
    hardware = load("ideal")
    core = hardware["cores"][0]
    last = {**core, "name": "last", "count": 1, "forward_cycles": 0}
    hardware["cores"] = [{**core, "count": 2 * (len(stages) - 1)}, last]
    hardware["mapping"] = {
        "kind": "explicit", "split_forward_backward": True,
        "stages": [{"stage": name, "core": "last" if name == stages[-1] else core["name"]}
                   for name in stages]}
    return hardware


MESH_EDGE = 8
LARGEST_KIB = 512


def mesh_chip(capacity_kib, cores=None):
    """small_mesh.json's cores, 8x8 of them, with activation buffers of a size; `stall`. cores: stage
    -> number of cores; None: shared out by work."""
    hardware = load("small_mesh")
    hardware["cores"][0]["count"] = MESH_EDGE * MESH_EDGE
    hardware["cores"][0]["activation_buffer"]["capacity_kib"] = capacity_kib
    hardware["interconnect"].update(rows=MESH_EDGE, columns=MESH_EDGE)
    hardware["memory_policy"] = "stall"
    if cores:
        hardware["mapping"] = {"kind": "explicit", "stages": [
            {"stage": name, "core": "core", "cores": n} for name, n in cores.items()]}
    return hardware


def larger_mesh(edge):
    """small_mesh.json with edge x edge of its cores."""
    hardware = load("small_mesh")
    hardware["cores"][0]["count"] = edge * edge
    hardware["interconnect"].update(rows=edge, columns=edge)
    return hardware


def cores_of(summary):
    """Cores per stage of a run on mesh_chip; a stage's are named "core3" or "core3-5"."""
    found = {}
    for stage in summary["stages"]:
        first, last = re.fullmatch(r"core(\d+)(?:-(\d+))?", stage["core"]).groups()
        found[stage["name"]] = int(last or first) - int(first) + 1
    return found


def uneven(stages, cycles, slow=None, latency_cycles=0, queue_micro_batches=2):
    """hw/ideal.json with a core of its own kind for every stage: forward and backward take `cycles`
    each, twice that at stage number `slow`; links have a latency."""
    hardware = load("ideal")
    core = hardware["cores"][0]
    hardware["cores"] = [
        {**core, "name": f"core_{k}_", "count": 1,
         **{part: cycles * (1 + (k == slow)) for part in ("forward_cycles", "backward_cycles")}}
        for k in range(len(stages))]
    hardware["mapping"] = {"kind": "explicit", "stages": [
        {"stage": name, "core": f"core_{k}_"} for k, name in enumerate(stages)]}
    if latency_cycles:
        hardware["interconnect"] = {"kind": "point_to_point", "hop_latency_cycles": latency_cycles}
    hardware["input_queue_micro_batches"] = queue_micro_batches
    return hardware
