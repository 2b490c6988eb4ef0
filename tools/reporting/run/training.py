# SPDX-License-Identifier: Apache-2.0
"""Learning curves against samples, simulated time and joules."""

from .. import charts, series
from ..words import count, folded, number, percent, section, si, table

AGAINST = (("samples", "samples", "samples"), ("simulated_seconds", "simulated time", "s"),
           ("joules", "energy", "J"))
CURVES = (("train", "training", "forward"), ("test", "test", "backward"))


def curve(epochs, kind, against, fields):
    """A small figure of accuracy or loss against one measure; empty without two points."""
    field, words, unit = against
    drawn = []
    for key, name, color in fields:
        points = [(e[field], e[f"{key}_{kind}"]) for e in epochs
                  if e.get(field) is not None and e.get(f"{key}_{kind}") is not None]
        if points:
            drawn.append(charts.line(name, color, series.thinned(points), dots=len(points) <= 60))
    if not drawn or max(len(s["points"]) for s in drawn) < 2:
        return ""
    return charts.lines(f"{kind.capitalize()} against {words}", (words, unit),
                        (kind, "ratio" if kind == "accuracy" else "number"), drawn, small=True)


def training(result):
    epochs = [e for e in result.epochs
              if any(e.get(f"{key}_{kind}") is not None for key, _, _ in CURVES
                     for kind in ("loss", "accuracy"))]
    if not epochs:
        return ""
    columns = [("training loss", "train_loss", number),
               ("training accuracy", "train_accuracy", lambda v: percent(v, 2)),
               ("test loss", "test_loss", number),
               ("test accuracy", "test_accuracy", lambda v: percent(v, 2)),
               ("cycles", "cycles", count), ("end time", "simulated_seconds", lambda v: si(v, "s")),
               ("energy", "joules", lambda v: si(v, "J"))]
    columns = [c for c in columns if any(e[c[1]] is not None for e in epochs)]
    rows = [[(count(e.get("epoch", i) + 1), i), *((show(e[field]), e[field])
                                                  for _, field, show in columns)]
            for i, e in enumerate(epochs)]
    shown = table(["epoch", *(name for name, _, _ in columns)], series.thinned(rows, 500),
                  sortable=True)
    words = ("Training figures are of the outputs seen while training, each under the weights that "
             "it met; test figures are of the weights at the end of the epoch. Time and energy are "
             "the machine's, from the start of the run.")
    return section(
        "Training", f'{words} {_target(result.summary["training"])}'.strip(),
        *(charts.grid(*(curve(epochs, kind, against, CURVES) for against in AGAINST))
          for kind in ("accuracy", "loss")),
        shown if len(rows) <= 12 else folded("As a table", shown))


def _target(figures):
    """What it took to reach the target accuracy, in words; empty without a target."""
    if figures.get("target_accuracy") is None or not figures["epochs"]:
        return ""
    target, reached = percent(figures["target_accuracy"]), figures.get("to_target")
    if reached is None:
        return f"The target of {target} was not reached."
    spent = " and ".join(si(reached[field], unit) for field, unit in (
        ("simulated_seconds", "s"), ("joules", "J")) if reached[field] is not None)
    spent = f" after {spent}" if spent else ""
    return f'The target of {target} was reached with epoch {reached["epoch"] + 1}{spent}.'
