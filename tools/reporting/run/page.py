# SPDX-License-Identifier: Apache-2.0
"""The page of one run."""

from .. import layout
from ..words import NOTHING, count, number, percent, quantity, si, size
from . import chip, limits, memory, setting, spending, stages, staleness, timeline, training


def make(result, program, samples):
    """The page as text. program: the simulator or None; samples: of the timeline."""
    parts = setting.title_parts(result)
    sections = [
        setting.setting(result), limits.limits(result, program), stages.stage_time(result),
        stages.over_time(result), staleness.staleness(result), chip.chip(result),
        timeline.timeline(result, samples), memory.memory(result), training.training(result),
        spending.energy_and_area(result), spending.links(result), stages.layers(result),
        setting.provenance(result)]
    names = [result.stage_name(i) for i in range(len(result.summary["stages"]))]
    return layout.page(f"{parts[0]} on {parts[1]}", parts[2:],
                       layout.banners(banners(result)) + tiles(result.summary), sections,
                       stages=names)


def tiles(summary):
    epochs = summary["training"]["epochs"]
    last = epochs[-1] if epochs else {}
    timing, area = summary["timing"], summary.get("area") or {}
    return layout.tiles([(value, words) for value, words in (
        (percent(last.get("test_accuracy"), 2), "test accuracy"),
        (count(summary["training"]["samples"]), "samples " + (
            "simulated" if summary["training"]["diverged"] is None else "trained")),
        (count(timing["cycles"]), "cycles"),
        (number(timing["steady_cycles_per_sample"]), "cycles per sample, steady state"),
        (si(timing["simulated_seconds"], "s"), "simulated time"),
        (percent(summary["utilization"]["mean"]), "of stages' time busy"),
        (size(summary["memory"]["peak_bytes"]), "memory at most"),
        (si(summary["energy"]["total_joules"], "J"), "energy"),
        (si(summary["energy"]["per_sample_joules"], "J"), "energy per sample"),
        (quantity(area.get("total_mm2"), "mm2"), "of chip")) if value != NOTHING])


def sample_words(at):
    """A training that was seen to have diverged at the end of an epoch has no sample."""
    return "the end of" if at["sample"] is None else f"sample {count(at['sample'])} of"


def banners(result):
    """What a reader must know about the whole page."""
    training = result.summary["training"]
    at = training.get("diverged_at")
    words = []
    if not result.complete and not training.get("interrupted"):
        words.append(f"This run is not finished: it has trained {count(training['samples'])} "
                     "samples so far, and everything below ends there.")
    if training["diverged"]:
        words.append("The training diverged" + (
            f" at {sample_words(at)} epoch {at['epoch'] + 1}" if at else "")
            + ": results end there.")
    if training.get("interrupted"):
        words.append(f"The run was interrupted after {count(training['samples'])} samples: "
                     "results end there.")
    if result.recording:
        words.append(f"This run replayed the schedule recorded in {result.recording}: delays are "
                     "those of the run that recorded it, which also has time, memory and energy.")
    if result.missing:
        yet = "" if result.complete else "yet "
        words.append(f"Not {yet}in the result folder: {', '.join(result.missing)}. What it would "
                     "show is left out.")
    return words
