# SPDX-License-Identifier: Apache-2.0
"""Lays out the page."""

import pathlib

from . import sections
from .charts import escape
from .words import NOTHING, count, decimal, percent, si, size


def tiles(summary):
    epochs = summary["training"]["epochs"]
    last = epochs[-1] if epochs else {}
    timing = summary["timing"]
    entries = [
        (percent(last.get("test_accuracy"), 2), "test accuracy"),
        (count(summary["training"]["samples"]), "samples trained"),
        (count(timing["cycles"]), "cycles"),
        (decimal(timing["steady_cycles_per_sample"], 1), "cycles per sample, steady state"),
        (si(timing["simulated_seconds"], "s"), "simulated time"),
        (percent(summary["utilization"]["mean"]), "of stages' time busy"),
        (size(summary["memory"]["peak_bytes"]), "memory at most"),
        (si(summary["energy"]["total_joules"], "J"), "energy"),
        (si(summary["energy"]["per_sample_joules"], "J"), "energy per sample"),
        (decimal(summary["area"]["total_mm2"], 1) + " mm²", "of chip"),
    ]
    return '<div class="tiles">' + "".join(
        f"<div><b>{escape(value)}</b><span>{escape(words)}</span></div>"
        for value, words in entries if not value.startswith(NOTHING)) + "</div>"


def warnings(result):
    """What a reader must know about the whole page."""
    training = result.summary["training"]
    at = training["diverged_at"]
    words = []
    if training["diverged"] and at:
        words.append(f'The training diverged at sample {at["sample"]:,} of epoch '
                     f'{at["epoch"] + 1}: results end there.')
    if training["interrupted"]:
        words.append(f'The run was interrupted after {training["samples"]:,} samples: results end '
                     "there.")
    if result.recording:
        words.append("This run replayed the schedule recorded in "
                     f"{result.recording}: delays are those of the run that recorded it, which also "
                     "has time, memory and energy.")
    return "".join(f'<p class="warning">{escape(line)}</p>' for line in words)


def footer(summary):
    p = summary["provenance"]
    h = summary["host"]
    return sections.section(
        "Provenance", f"stagecoach {p['version']}, seed {p['seed']}; this run took "
        f"{decimal(h['wall_seconds'], 1)} s on {h['threads']} threads "
        f"({count(h['samples_per_second'])} samples/s).",
        f"<p><code>{escape(p['command'])}</code></p>",
        f"<p class=note>hardware {escape(p['hardware'])}, SHA-256 <code>"
        f"{escape(p['hardware_sha256'])}</code><br>workload {escape(p['workload'])}, SHA-256 <code>"
        f"{escape(p['workload_sha256'])}</code></p>")


def make(result, packets):
    """The whole page as text. `packets`: samples in the timeline."""
    summary = result.summary
    p = summary["provenance"]
    title = f"{p['workload']} on {p['hardware']}"
    style = (pathlib.Path(__file__).parent / "style.css").read_text(encoding="utf-8")
    body = [f"<h1>{escape(title)}</h1>", warnings(result), tiles(summary),
            sections.stage_time(result), sections.staleness(result),
            sections.timeline(result, packets), sections.memory(result),
            sections.training(result), sections.to_accuracy(result),
            sections.utilization_over_time(result), sections.energy(result),
            sections.links(result), sections.layers(result), footer(summary)]
    return ('<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{style}</style></head>"
            f"<body>{''.join(body)}</body></html>\n")
