# SPDX-License-Identifier: Apache-2.0
"""What was run: the name of the page, and the fields that differ from the defaults."""

import json

from .. import inputs
from ..words import escape, folded, note, section, table

PIPELINE = "workload/pipeline"
MITIGATIONS = (("weight_stashing", "weight stashing"), ("spike_compensation", "spike compensation"),
               ("pipemare_learning_rate", "PipeMare learning rate"),
               ("pipemare_discrepancy_correction", "PipeMare discrepancy correction"))


def show(value):
    """A field's value as its file has it."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value)


def mitigation(config):
    """The mitigations that are on, in words."""
    found = inputs.get(config, "workload/training/mitigation", {})
    on = [words for key, words in MITIGATIONS if found.get(key) is True]
    prediction = found.get("weight_prediction", "none")
    if prediction != "none":
        on.append(f"weight prediction ({prediction})")
    if found.get("gradient_shrinking", 1) != 1:
        on.append("gradient shrinking")
    return " + ".join(on) or "no mitigation"


def title_parts(result):
    """Network, chip, schedule, pacing, mitigation, batch; without the files only what is known."""
    p = result.summary["provenance"]
    parts = [p["workload"], p["hardware"]]
    config = result.inputs.config
    if not config:
        return parts
    return parts + [
        inputs.get(config, f"{PIPELINE}/schedule", "pipelined"),
        inputs.get(config, f"{PIPELINE}/pacing", "elastic"), mitigation(config),
        f'batch {inputs.get(config, "workload/training/batch_size", 1)}']


def setting(result):
    """Fields that are not at their defaults."""
    known = result.inputs
    options = [[option, "–" if value == "yes" else value] for option, value in
               known.options.items()]
    if not known.config:
        words = ("The result has no config.json, so that only what the run's command says is "
                 "known.")
        rows = [[path, show(value)] for path, value in known.settings.items()] + options
        return section("What was run", words,
                       table(["field", "value"], rows, names=2) if rows else "")
    by_command = {path: [path, show(value), show(default), "the command"]
                  for path, value, default in inputs.set_by_command(known)}
    changed = [*by_command.values()] + [[o, v, "–", "the command"] for o, v in options]
    rows = [[path, show(value), show(default), "the command" if path in by_command else ""]
            for path, value, default in inputs.not_default(known)]
    columns = ["field", "value", "default", "from"]
    return section(
        "What was run", "Fields that the command set stand first; below, all that differ from "
        "their default or have none.",
        table(columns, changed, names=4) if changed else
        note("The command set none: the files stand as they are."),
        folded(f"{len(rows)} fields", table(columns, rows, names=4, sortable=True)))


def provenance(result):
    p, h = result.summary["provenance"], result.summary["host"]
    spent = "" if h["wall_seconds"] is None else (
        f"; this run took {h['wall_seconds']:.1f} s on {h['threads']} threads")
    return section(
        "Provenance", f"stagecoach {p['version']}, seed {p['seed']}{spent}.",
        f"<p><code>{escape(p['command'])}</code></p>",
        f"<p class=note>hardware {escape(p['hardware'])}, SHA-256 <code>"
        f"{escape(p['hardware_sha256'])}</code><br>workload {escape(p['workload'])}, SHA-256 <code>"
        f"{escape(p['workload_sha256'])}</code></p>")
