# SPDX-License-Identifier: Apache-2.0
"""Hardware of the experiments, as dicts, made from the committed files."""

import json

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
