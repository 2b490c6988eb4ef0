# SPDX-License-Identifier: Apache-2.0
"""The page that lays runs side by side. The others are compared with the first one."""

import pathlib

from . import charts, inputs, layout, series
from .run import setting, training
from .run.page import banners
from .words import NOTHING, escape, note, number, percent, plain, plural, quantity, section, table

COLORS = 8  # --run0 .. --run7
SAME = 0.0005  # relative difference below which figures are told as the same


def _last(summary, field):
    epochs = summary["training"]["epochs"]
    return epochs[-1][field] if epochs else None


# (name, unit, which is better: -1 less, 1 more, 0 neither, how to get it from a summary,
#  words for less and more)
FIGURES = (
    ("test accuracy", "ratio", 1, lambda s: _last(s, "test_accuracy"), None),
    ("training loss", "number", -1, lambda s: _last(s, "train_loss"), None),
    ("samples", "count", 0, lambda s: s["training"]["samples"], ("fewer samples", "more samples")),
    ("cycles", "count", -1, lambda s: s["timing"]["cycles"], None),
    ("steady cycles per sample", "number", -1, lambda s: s["timing"]["steady_cycles_per_sample"],
     None),
    ("simulated time", "s", -1, lambda s: s["timing"]["simulated_seconds"],
     ("less simulated time", "more simulated time")),
    ("samples per simulated second", "number", 1,
     lambda s: s["timing"]["samples_per_simulated_second"], ("slower", "faster")),
    ("time busy", "ratio", 1, lambda s: s["utilization"]["mean"], None),
    ("memory at most", "bytes", -1, lambda s: s["memory"]["peak_bytes"],
     ("less memory", "more memory")),
    ("energy", "J", -1, lambda s: s["energy"]["total_joules"], ("less energy", "more energy")),
    ("energy per sample", "J", -1, lambda s: s["energy"]["per_sample_joules"],
     ("less energy per sample", "more energy per sample")),
    ("area", "mm2", -1, lambda s: (s.get("area") or {}).get("total_mm2"),
     ("less area", "more area")),
    ("delay of the first stage", "updates", 0,
     lambda s: s["stages"][0]["staleness"]["mean"] if s["stages"] else None,
     ("less delay at the first stage", "more delay at the first stage")),
)


def label(runs):
    """Short names that tell runs apart: as many of the last parts of their paths as it takes."""
    parts = [run.folder.resolve().parts for run in runs]
    for n in range(1, max(map(len, parts)) + 1):
        names = [str(pathlib.Path(*p[-n:])) for p in parts]
        if len(set(names)) == len(names):
            break
    else:  # the same folder twice
        names = [f"{name} ({i + 1})" for i, name in enumerate(names)]
    for run, name in zip(runs, names):
        run.label = name


def make(runs):
    label(runs)
    warnings = [f"{run.label}: {text}" for run in runs for text in banners(run)]
    workloads = list(dict.fromkeys(r.summary["provenance"]["workload"] for r in runs))
    chips = list(dict.fromkeys(r.summary["provenance"]["hardware"] for r in runs))
    stages = [[s["name"] for s in r.summary["stages"]] for r in runs]
    same = all(names == stages[0] for names in stages)
    picker = [runs[0].stage_name(i) for i in range(len(stages[0]))] if same else None
    return layout.page(
        f"{' and '.join(workloads)} on {' and '.join(chips)}",
        [f"{plural(len(runs), 'run')} compared: {' | '.join(r.label for r in runs)}"],
        layout.banners(warnings) + _names(runs),
        [differences(runs), figures(runs), curves(runs), staircases(runs),
         stage_tables(runs, same)], stages=picker)


def _names(runs):
    rows = [[run.label, ", ".join(setting.title_parts(run))] for run in runs]
    return table(["run", "what"], rows, names=2)


def _short(value):
    """A field's value; a long number (a derived learning rate) with six digits."""
    return f"{value:.6g}" if isinstance(value, float) else setting.show(value)


def differences(runs):
    found = inputs.differences([run.inputs for run in runs])
    unknown = [run.label for run in runs if not run.inputs.config]
    words = ("Every field in which the runs' hardware, workload and options differ, after defaults "
             "and overrides.")
    if unknown:
        words += f" {', '.join(unknown)}: no config.json in the result, so that no field is known."
    if not found:
        return section("What differs in their inputs", words + " There is none.")
    rows = [[path, *(_short(v) for v in values)] for path, values in found]
    return section("What differs in their inputs", words, table(
        ["field", *(run.label for run in runs)], rows, names=len(runs) + 1, sortable=True))


def in_words(base, value, names):
    """How a figure differs: "23.0 % less energy", "1.80 times as fast"; empty for the same."""
    if base in (None, 0) or value is None or abs(value / base - 1) < SAME:
        return ""
    ratio = value / base
    if names == ("slower", "faster"):
        return (f"{number(ratio)} times as fast" if ratio >= 1.5 else
                f"{percent(abs(ratio - 1))} {names[ratio > 1]}")
    if ratio >= 2:
        return f"{number(ratio)} times as much: {names[1]}"
    return f"{percent(abs(ratio - 1))} {names[ratio > 1]}"


def _difference(base, value, unit):
    if base is None or value is None:
        return NOTHING
    if unit == "ratio":
        points = f"{100 * (value - base):+.2f} points"
        return "same" if points[1:] == "0.00 points" else points
    if base == 0:
        return NOTHING if value else "same"
    change = value / base - 1
    return "same" if abs(change) < SAME / 10 else f"{100 * change:+.1f} %"


def figures(runs):
    base = runs[0].summary
    rows, sentences = [], []
    for name, unit, better, get, _ in FIGURES:
        values = [get(run.summary) for run in runs]
        if all(v is None for v in values):
            continue
        row = [name, quantity(values[0], unit)]
        for value in values[1:]:
            change = _difference(values[0], value, unit)
            side = 0 if None in (value, values[0]) or change in ("same", NOTHING) else (
                better if value > values[0] else -better)
            kind = {1: "better", -1: "worse", 0: ""}[side]
            row += [quantity(value, unit),
                    (f'<span class="{kind}">{escape(change)}</span>', change, True)]
        rows.append(row)
    for run in runs[1:]:
        told = [in_words(get(base), get(run.summary), names)
                for _, _, _, get, names in FIGURES if names]
        accuracy = [_last(s, "test_accuracy") for s in (base, run.summary)]
        if None not in accuracy and abs(accuracy[0] - accuracy[1]) >= 5e-5:
            told.insert(0, f"{abs(100 * (accuracy[1] - accuracy[0])):.2f} points "
                        f"{'more' if accuracy[1] > accuracy[0] else 'less'} test accuracy")
        said = ", ".join(t for t in told if t) or "the same in all figures below"
        sentences.append(note(f"{run.label} against {runs[0].label}: {said}."))
    columns = ["figure", runs[0].label] + [
        c for run in runs[1:] for c in (run.label, "difference")]
    return section("Figures", f"Differences are against {runs[0].label}, the first run named. "
                   "Figures are of the end of each run.", *sentences, table(columns, rows))


def curves(runs):
    drawn = []
    for kind in ("accuracy", "loss"):
        row = []
        for field, words, unit in training.AGAINST:
            lines = []
            for i, run in enumerate(runs):
                for key, dashed in (("test", False), ("train", True)):
                    points = [(e[field], e[f"{key}_{kind}"]) for e in run.epochs
                              if e.get(field) is not None
                              and e.get(f"{key}_{kind}") is not None]
                    if points:
                        name = run.label + (", training" if dashed else "")
                        lines.append(charts.line(name, f"run{i % COLORS}", series.thinned(points),
                                                 dashed=dashed, dots=len(points) <= 60))
            if lines:
                row.append(charts.lines(f"{kind.capitalize()} against {words}", (words, unit),
                                        (kind, "ratio" if kind == "accuracy" else "number"),
                                        lines, small=True))
        drawn.append(charts.grid(*row))
    return section("Learning curves", "Lines of test figures are solid. Lines of training figures "
                   "are dashed, their points hollow.",
                   *drawn) if any(drawn) else ""


def staircases(runs):
    lines = []
    for i, run in enumerate(runs):
        stages = run.summary["stages"]
        for field, words, dashed in (("mean", "measured", False),
                                     ("closed_form", "closed form", True)):
            points = [(s["index"], s["staleness"][field]) for s in stages
                      if s["staleness"][field] is not None]
            if points:
                lines.append(charts.line(f"{run.label}, {words}", f"run{i % COLORS}", points,
                                         dashed=dashed, dots=len(points) <= 60))
    if not lines:
        return ""
    return section("Staleness staircases",
                   "Mean weight updates between a sample's forward and its own update, by stage.",
                   charts.lines("Delay by stage", ("stage", "index"), ("mean delay", "updates"),
                                lines, small=True))


STAGE_FIGURES = (("busy", "ratio", lambda s: s["utilization"]),
                 ("delay", "number", lambda s: s["staleness"]["mean"]),
                 ("memory", "bytes", lambda s: s["memory"]["peak_bytes"]))


def stage_tables(runs, same):
    """One table if the stages are the same, else one for each run."""
    groups = [runs] if same else [[run] for run in runs]
    tables = []
    for group in groups:
        stages = range(len(group[0].summary["stages"]))
        rows = [[group[0].stage_name(i)] +
                [(plain(get(run.summary["stages"][i]), unit), get(run.summary["stages"][i]))
                 for _, unit, get in STAGE_FIGURES for run in group] for i in stages]
        columns = ["stage"] + [f"{name}: {run.label}" for name, _, _ in STAGE_FIGURES
                               for run in group]
        tables.append(table(columns, rows, stages=list(stages) if same else None, sortable=True))
    words = "" if same else "The runs cut the network into different stages."
    return section("Stages", words, *tables)
