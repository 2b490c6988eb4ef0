# SPDX-License-Identifier: Apache-2.0
"""The sections of the page: each takes a Result and returns HTML, empty if there is nothing."""

from . import charts
from .words import count, decimal, folded, percent, si, size, table

SHARES = (("forward", "forward", "forward"), ("backward", "backward", "backward"),
          ("update", "update", "update"), ("stall_input", "input", "waiting for input"),
          ("stall_output", "output", "waiting for room at the output"),
          ("stall_memory", "memory", "waiting for memory"),
          ("stall_interconnect", "interconnect", "data under way"), ("idle", "idle", "idle"))

MOST_SLICES = 4000  # in the timeline: a page must stay light

MEMORY_CLASSES = (("weights_bytes", "forward", "weights"),
                  ("optimizer_bytes", "update", "optimizer state"),
                  ("stashed_weights_bytes", "memory", "stashed weights"),
                  ("activations_peak_bytes", "backward", "activations"),
                  ("gradients_peak_bytes", "input", "gradients"))


def section(title, note, *content):
    return f'<h2>{charts.escape(title)}</h2><p class="note">{charts.escape(note)}</p>' + "".join(
        content)


def label(stage):
    return f'{stage["index"]} {stage["name"]}'


def stage_time(result):
    total = result.summary["timing"]["cycles"]
    if total is None:
        return section("Where each stage's time went", "This run had no clock.")
    rows = []
    for stage in result.summary["stages"]:
        parts = [(style, words, stage["cycles"][field]) for field, style, words in SHARES]
        rows.append((label(stage), parts, percent(stage["utilization"]) + " busy", None))
    columns = ["stage"] + [words for _, _, words in SHARES] + ["busy", "MAC units busy"]
    cells = [[label(s)] + [count(s["cycles"][f]) for f, _, _ in SHARES] +
             [percent(s["utilization"]), percent(s["mac_utilization"])]
             for s in result.summary["stages"]]
    return section(
        "Where each stage's time went",
        "Cycles of every stage, start to end of the run; each bar is the whole run.",
        charts.legend([(style, words) for _, style, words in SHARES]),
        charts.stacked_bars(rows, total, count, "cycles per stage and cause"),
        folded("As a table", table(columns, cells)))


def utilization_over_time(result):
    by_stage = {}
    for row in result.utilization:
        by_stage.setdefault(int(row["stage"]), []).append(row)
    windows = max((len(rows) for rows in by_stage.values()), default=0)
    if windows < 2:
        return ""
    names = [label(s) for s in result.summary["stages"]]

    def cell(stage, window):
        rows = by_stage.get(stage, [])
        if window >= len(rows) or rows[window]["utilization"] == "":
            return None, ""
        share = float(rows[window]["utilization"])
        return share, (f'{names[stage]}, cycles {int(rows[window]["begin_cycle"]):,} to '
                       f'{int(rows[window]["end_cycle"]):,}: {percent(share)} busy')

    first = by_stage[0]
    return section(
        "Busy over simulated time",
        "Share of each window in which the stage computed; the fuller the colour, the busier.",
        charts.heat_map(names, windows, cell, "utilization over time",
                        lambda c: f'{int(first[c]["begin_cycle"]):,}' if c < len(first) else ""))


def staleness(result):
    stages = [s for s in result.summary["stages"] if s["staleness"]["histogram"]]
    if not stages:
        return ""
    largest = max(max(map(int, s["staleness"]["histogram"])) for s in stages)
    largest = max([largest] + [s["staleness"]["closed_form"] or 0 for s in stages])

    def cell(row, delay):
        counts = stages[row]["staleness"]["histogram"]
        packets = counts.get(str(delay), 0)
        share = packets / sum(counts.values())
        return (share if packets else None), (
            f"{label(stages[row])}: {packets:,} of {sum(counts.values()):,} met weights "
            f"{delay} updates old")

    chart = charts.heat_map([label(s) for s in stages], largest + 1, cell, "delay per stage", str)
    width = charts.PLOT_WIDTH / (largest + 1)
    marks = "".join(
        charts.rectangle(charts.LABEL_WIDTH + s["staleness"]["closed_form"] * width, i * charts.ROW,
                         width, charts.ROW, "formula")
        for i, s in enumerate(stages) if s["staleness"]["closed_form"] is not None)
    cells = [[label(s), count(s["staleness"]["closed_form"]), count(s["staleness"]["min"]),
              decimal(s["staleness"]["mean"]), count(s["staleness"]["max"]),
              decimal(s["staleness"]["backward_mean"])] for s in stages]
    return section(
        "Staleness",
        "Weight updates that a stage made between a sample's forward pass and the sample's own "
        "update. Darker: more samples met this delay. The frame is the schedule's closed form.",
        charts.legend([("heat", "measured"), ("formula", "closed form")]),
        chart.replace("</svg>", marks + "</svg>"),
        folded("As a table", table(
            ["stage", "closed form", "least", "mean", "most", "mean, forward to backward"], cells)))


def memory(result):
    stages = [s for s in result.summary["stages"] if s["memory"]["peak_bytes"] is not None]
    if not stages:
        return ""
    rows = []
    for s in stages:
        m = s["memory"]
        parts = [(style, words, m[field]) for field, style, words in MEMORY_CLASSES]
        rows.append((label(s), parts, size(m["peak_bytes"]), m["capacity_bytes"]))
    largest = max([s["memory"]["peak_bytes"] for s in stages] +
                  [s["memory"]["capacity_bytes"] or 0 for s in stages
                   if (s["memory"]["capacity_bytes"] or 0) <= 4 * s["memory"]["peak_bytes"]])
    cells = [[label(s)] + [size(s["memory"][f]) for f, _, _ in MEMORY_CLASSES] +
             [size(s["memory"]["peak_bytes"]), size(s["memory"]["capacity_bytes"])]
             for s in stages]
    return section(
        "Memory", "Most bytes held per stage and class, and the stage's capacity (off the scale "
        "where it is not drawn).",
        charts.legend([(style, words) for _, style, words in MEMORY_CLASSES] +
                      [("marker", "capacity")]),
        charts.stacked_bars(rows, largest, size, "memory per stage and class",
                            unit=1024 if largest >= 4096 else 1),
        folded("As a table", table(["stage"] + [w for _, _, w in MEMORY_CLASSES] +
                                   ["peak", "capacity"], cells)))


def training(result):
    epochs = [e for e in result.summary["training"]["epochs"] if e["train_loss"] is not None]
    if not epochs:
        return ""
    numbers = list(range(1, len(epochs) + 1))
    accuracy = [("forward", "training", [e["train_accuracy"] for e in epochs]),
                ("backward", "test", [e["test_accuracy"] for e in epochs])]
    known = [y for _, _, ys in accuracy for y in ys if y is not None]
    curve = charts.legend([("forward", "training"), ("backward", "test")]) + charts.lines(
        accuracy, numbers, lambda x: f"epoch {x:.0f}", percent, "accuracy per epoch",
        floor=max(0.0, min(known) - 0.02)) if len(epochs) > 1 and known else ""
    cells = [[str(i), decimal(e["train_loss"], 4), percent(e["train_accuracy"], 2),
              decimal(e["test_loss"], 4), percent(e["test_accuracy"], 2), count(e["cycles"]),
              si(e["simulated_seconds"], "s"), si(e["joules"], "J")]
             for i, e in zip(numbers, epochs)]
    return section(
        "Training", "Training figures are of the outputs seen while training, each under the "
        "weights that it met; test figures of the weights at the end of the epoch. Time and energy "
        "are those from the start of the run.", curve,
        table(["epoch", "training loss", "training accuracy", "test loss", "test accuracy",
               "cycles", "end time", "energy"], cells))


def accuracy_over(result, field, unit, title):
    """Accuracy against what was spent until the end of each epoch."""
    epochs = [e for e in result.summary["training"]["epochs"]
              if e["train_accuracy"] is not None and e[field] is not None]
    if len(epochs) < 2:
        return ""
    series = [("forward", "training", [e["train_accuracy"] for e in epochs]),
              ("backward", "test", [e["test_accuracy"] for e in epochs])]
    known = [y for _, _, ys in series for y in ys if y is not None]
    return f"<h3>{charts.escape(title)}</h3>" + charts.lines(
        series, [e[field] for e in epochs], lambda x: si(x, unit), percent, title,
        floor=max(0.0, min(known) - 0.02))


def to_accuracy(result):
    """Time and energy to accuracy, in the machine's seconds and joules."""
    drawn = [accuracy_over(result, "simulated_seconds", "s", "Accuracy against simulated time"),
             accuracy_over(result, "joules", "J", "Accuracy against energy")]
    words = "The machine's time and energy from the start of the run to the end of each epoch."
    target = to_target(result.summary["training"])
    return section("Time and energy to accuracy", f"{words} {target}", *drawn) if (
        any(drawn) or target) else ""


def to_target(figures):
    """What it took to reach the target accuracy, in words; empty without a target."""
    if figures["target_accuracy"] is None or not figures["epochs"]:
        return ""
    target, reached = percent(figures["target_accuracy"]), figures["to_target"]
    if reached is None:
        return f"The target of {target} was not reached."
    spent = "" if reached["simulated_seconds"] is None else (
        f' after {si(reached["simulated_seconds"], "s")} and {si(reached["joules"], "J")}')
    return f'The target of {target} was reached with epoch {reached["epoch"] + 1}{spent}.'


def stage_of(track):
    """"core0-3 (conv1)" -> "conv1": the core's name can be long."""
    return track[track.index("(") + 1:-1] if track.endswith(")") else track


def timeline(result, packets):
    slices = [e for e in result.trace if e["ph"] == "X"]
    if not slices:
        return ""
    samples = sorted({e["args"]["sample"] for e in slices})[:packets]
    end = max(e["ts"] + e["dur"] for e in slices if e["args"]["sample"] in set(samples))
    chosen = sorted((e for e in slices if e["ts"] < end), key=lambda e: e["ts"])[:MOST_SLICES]
    end = min(end, chosen[-1]["ts"] + chosen[-1]["dur"])
    names = {e["tid"]: e["args"]["name"] for e in result.trace
             if e["ph"] == "M" and e["name"] == "thread_name"}
    used = {e["tid"] for e in chosen}
    drawn = []
    for e in chosen:
        a = e["args"]
        versions = ", ".join(f"{key.replace('_', ' ')} {a[key]}" for key in
                             ("version_read", "version_written", "updates_since_forward",
                              "staleness") if key in a)
        drawn.append((e["tid"], e["ts"], min(e["ts"] + e["dur"], end), a["pass"], e["name"],
                      f'{a["pass"]} of sample {a["sample"]} at {a["stage_name"]}, cycles '
                      f'{e["ts"]:,} to {e["ts"] + e["dur"]:,}: {versions}'))
    last = samples[-1]
    path = [(e["tid"], e["ts"] + e["dur"] / 2) for e in chosen
            if e["args"]["sample"] == last and e["args"]["pass"] != "update"]
    return section(
        f"Timeline of the first {len(samples)} traced samples",
        f"Operations per stage's core from the trace, time in cycles; the line follows sample {last} "
        "forward and back. The whole trace opens in Perfetto (ui.perfetto.dev).",
        charts.legend([(p, p) for p in ("forward", "backward", "update")]),
        charts.timeline({t: stage_of(n) for t, n in names.items() if t in used}, drawn, [path],
                        end, "timeline of operations"))


def energy(result):
    parts = result.summary["energy"]["parts"]
    if not parts or not result.summary["energy"]["total_joules"]:
        return ""
    total = result.summary["energy"]["total_joules"]
    low, high = (si(result.summary["energy"][f"total_joules_{end}"], "J")
                 for end in ("low", "high"))
    rows = [(name, [("forward", "energy", joules)], percent(joules / total), None)
            for name, joules in parts.items()]
    return section("Energy", f"{si(total, 'J')} in all, by what spent it; {low} to {high} "
                   "with the uncertainty of the hardware file's constants.",
                   charts.stacked_bars(rows, max(parts.values()), lambda v: si(v, "J"),
                                       "energy by part"))


def layers(result):
    rows = []
    for layer in result.summary["layers"]:
        p = layer["passes"]
        rows.append([layer["name"], layer["type"], str(layer["stage"]), count(layer["parameters"]),
                     count(p["forward"]["macs"])] +
                    [count(p[k]["cycles"]) for k in ("forward", "input_gradient", "weight_gradient",
                                                     "update")])
    return section("Layers", "Cycles per sample and pass; the update per update.", table(
        ["layer", "type", "stage", "parameters", "MACs forward", "forward", "input gradient",
         "weight gradient", "update"], rows, names=2))


def links(result):
    rows = [[link["name"], size(link["bytes"]), count(link["busy_cycles"]),
             count(link["wait_cycles"]), percent(link["utilization"])]
            for link in result.summary["interconnect"]["links"] or []]
    if not rows:
        return ""
    return section("Links", "Waiting: cycles that transfers stood ready while the link was taken.",
                   folded(f"{len(rows)} links",
                          table(["link", "carried", "busy cycles", "waiting", "busy"], rows)))
