# SPDX-License-Identifier: Apache-2.0
"""The page of a sweep: fronts over means, parallel axes, tables, failures."""

import os
import urllib.parse

import command_line

from .. import charts, layout
from ..words import (NOTHING, column_name, escape, folded, note, plain, plural, section, table,
                     with_spread)
from . import DONE, message_of

MOST_AXES = 9
MOST_WORDS = 8  # on an axis
FILE = "the file's value"  # of a field that a point does not set


def make(sweep, output):
    """The page as text; `output`: where it will lie, for links to the points."""
    manifest = sweep.manifest
    title = " on ".join(_names(sweep)) or sweep.path.resolve().name
    parts = ["sweep over " + (", ".join(short(f) for f in sweep.fields) or "no field")]
    known = len(sweep.settings if sweep.searched else sweep.points)
    asked = manifest.get("points")
    waiting = [] if asked is None or asked <= known else [
        f"This sweep is not finished: {known:,} of {asked:,} points have a row."]
    tiles = layout.tiles([(f"{value:,}", words) for value, words in _counts(sweep)])
    return layout.page(title, parts, layout.banners(waiting) + tiles, [
        fronts(sweep, output), parallel(sweep), settings(sweep, output), failures(sweep, output),
        points(sweep, output), asked_for(sweep)])


def _counts(sweep):
    """(number, what of) for the tiles. A search's points are settings, each with up to one run for
    each fidelity."""
    diverged = sum(p.status == 3 for p in sweep.points)
    failed = sum(p.status not in DONE for p in sweep.points)
    ends = [(diverged, "diverged"), (failed, "failed")]
    if sweep.searched:
        return [(len(sweep.settings), "settings tried"), (len(sweep.points), "runs"),
                (sum(s.whole for s in sweep.settings), "went through"),
                (sum(any(p.verdict for p in s.points) for s in sweep.settings),
                 "went no further"), *ends]
    done = sum(p.status == 0 for p in sweep.points)
    return [(len(sweep.points), "points"), (len(sweep.settings), "settings"), (done, "done"), *ends]


def _names(sweep):
    """Workload and hardware: of the manifest, else of the first result."""
    found = [sweep.manifest.get(key) for key in ("workload", "hardware")]
    if all(found):
        return [os.path.basename(name).removesuffix(".json") for name in found]
    for folder in sweep.finished_folders():
        try:
            provenance = command_line.read_json(folder / "summary.json")["provenance"]
            return [str(provenance["workload"]), str(provenance["hardware"])]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a point's own page tells what is wrong with it
    return []


def short(path):
    """The last part of a path; the one before too where the last says little."""
    steps = path.split("/")
    return "/".join(steps[-2:]) if steps[-1].isdecimal() or steps[-1] in ("type", "name") else (
        steps[-1])


def href(sweep, point, output):
    """From the page to the point's own page, or to its folder where it has none."""
    folder = sweep.path / point.folder
    own = folder / "report.html"
    target = os.path.relpath(own if own.exists() else folder, output.resolve().parent)
    return urllib.parse.quote(target + ("" if own.exists() else "/"))


def name_of(setting):
    return ", ".join(f"{short(f)} {v or FILE}" for f, v in setting.fields.items()) or "all as filed"


def fronts(sweep, output):
    shown = [c for c in sweep.columns if any(s.mean(c.name) is not None for s in sweep.settings)]
    whole = [s for s in sweep.settings if s.whole]
    if len(shown) < 2 or not whole:
        return section("Pareto fronts", "No setting has two figures to weigh against each other.")
    names = [c.name for c in shown]
    wanted = [c for c in sweep.objectives if c in names] + names
    x = names.index(next((c for c in wanted if c != wanted[0]), names[0]))
    drawn = [{"name": name_of(s), "fields": list(s.fields.values()),
              "means": [s.mean(c.name) for c in shown],
              "spreads": [s.spread(c.name) for c in shown], "seeds": len(s.points),
              "href": href(sweep, s.points[0], output)} for s in whole]
    left_out = len(sweep.settings) - len(whole)
    words = ("Each mark is a setting" + (", at the mean over its seeds; the bars are one standard "
                                         "deviation" if sweep.seed_field else "")
             + ". Pale settings are beaten: another one is as good or better in both. A click on a "
             f"mark opens {'the result of its first seed' if sweep.seed_field else 'its result'}.")
    if left_out:
        words += (f" {plural(left_out, 'setting')} of which a seed is missing, failed, diverged or "
                  "went no further than a cheaper run are not drawn." if sweep.seed_field else
                  f" {plural(left_out, 'setting')} that failed, diverged or went no further than "
                  "a cheaper run are not drawn.")
    return section("Pareto fronts", words, charts.fronts(
        "Two figures against each other", drawn,
        [{"name": column_name(c.name, c.unit), "unit": c.unit, "better": c.better} for c in shown],
        [short(f) for f in sweep.fields], x, names.index(wanted[0])))


def parallel(sweep):
    varied = [f for f in sweep.fields if len({s.fields[f] for s in sweep.settings}) > 1]
    columns = [c for c in sweep.columns if c.name in sweep.objectives] or sweep.columns[:4]
    axes, places = [], []
    for path in varied:
        values = [s.fields[path] for s in sweep.settings]
        axis, numbers = _field_axis(short(path), values)
        axes.append(axis)
        places.append(numbers)
    for column in columns:
        means = [s.mean(column.name) for s in sweep.settings]
        if any(v is not None for v in means):
            axes.append({"name": column_name(column.name, column.unit), "unit": column.unit})
            places.append(means)
    axes, places = axes[-MOST_AXES:], places[-MOST_AXES:]
    if len(axes) < 2:
        return ""
    return section(
        "Fields and figures side by side",
        "One line a setting. Draw along an axis to mark a range (a click beside it unmarks): lines "
        "outside grow pale, and the table of settings below shows those inside only.",
        charts.parallel("Settings over all axes", axes, list(map(list, zip(*places))), "settings"))


def _field_axis(name, values):
    """An axis of words (few values), by size if they are numbers, or of numbers (many values)."""
    words = list(dict.fromkeys(v or FILE for v in values))
    try:
        words.sort(key=float)
        if len(words) > MOST_WORDS:
            return {"name": name, "unit": "number"}, [float(v) for v in values]
    except ValueError:
        pass  # not all are numbers: in order of appearance
    return {"name": name, "words": words}, [words.index(v or FILE) for v in values]


def _figure(setting, column):
    mean, spread = setting.mean(column.name), setting.spread(column.name)
    return with_spread(mean, spread, column.unit), "" if mean is None else mean


def _links(sweep, points, output):
    links = " ".join(
        f'<a href="{escape(href(sweep, p, output))}">'
        f'{escape(p.fields.get(sweep.seed_field) or "open")}</a>' for p in points)
    return links, "", True


def settings(sweep, output):
    if not sweep.settings:
        return section("Settings", "No point is finished.")
    fidelity = sweep.searched
    rows = []
    for s in sweep.settings:
        good = sum(p.status == 0 for p in s.points)
        rows.append([v or FILE for v in s.fields.values()] + ([s.fidelity] if fidelity else []) +
                    [_figure(s, c) for c in sweep.columns] +
                    [_texts(s, c) for c in sweep.texts] +
                    [(f"{good} of {len(s.points)}", good), _links(sweep, s.points, output)])
    columns = ([short(f) for f in sweep.fields] + (["fidelity"] if fidelity else []) +
               [column_name(c.name, c.unit) for c in sweep.columns] +
               [c.replace("_", " ") for c in sweep.texts] + ["done", "results"])
    words = ("Mean ± standard deviation over the seeds. " if sweep.seed_field else "") + (
        "A click on a column sorts.")
    return section("Settings", words,
                   f'<p class="note" id="settings-shown">all {len(rows)} settings</p>',
                   table(columns, rows, names=len(sweep.fields) + fidelity, sortable=True,
                         ident="settings"))


def _texts(setting, column):
    found = dict.fromkeys(p.texts[column] for p in setting.points if p.texts[column])
    return "; ".join(found) or NOTHING


def failures(sweep, output):
    """Points without a whole result, by reason."""
    reasons = {}
    for point in sweep.points:
        if point.status not in DONE:
            reasons.setdefault((f"exit status {point.status}", message_of(sweep, point)),
                               []).append(point)
        elif point.status == 3:
            reasons.setdefault(("the training diverged", message_of(sweep, point)),
                               []).append(point)
        elif point.verdict:
            reasons.setdefault(("went no further", point.verdict), []).append(point)
    if not reasons:
        return ""
    rows = [[kind, (f"<pre>{escape(message)}</pre>", "", True), (f"{len(found):,}", len(found)),
             (_folded_points(sweep, found, output), "", True)]
            for (kind, message), found in reasons.items()]
    given_up = all(p.status == 0 for p in sweep.points)
    return section("Settings that went no further" if given_up else "Failures",
                   "Points without a whole result, by reason.", table(
        ["what", "reason", "points", "which"], rows, names={0, 1, 3}, sortable=True))


def _folded_points(sweep, found, output):
    items = "".join(
        f'<li><a href="{escape(href(sweep, p, output))}">'
        f'{escape(", ".join(f"{short(f)} {v or FILE}" for f, v in p.fields.items()))}</a></li>'
        for p in found)
    return folded(plural(len(found), "point"), f"<ul>{items}</ul>")


def points(sweep, output):
    paths = sweep.fields + ([sweep.seed_field] if sweep.seed_field else [])
    if len(sweep.points) == len(sweep.settings):
        return ""
    fidelity = ["fidelity"] if sweep.searched else []
    rows = [[p.fields[f] or FILE for f in paths] + [p.fidelity for _ in fidelity] +
            [(plain(p.figures[c.name], c.unit), "" if p.figures[c.name] is None
              else p.figures[c.name]) for c in sweep.columns] +
            [str(p.status), (f'<a href="{escape(href(sweep, p, output))}">open</a>', "", True)]
            for p in sweep.points]
    words = "Every seed of every setting" + (
        ", its cheaper runs too." if sweep.searched else ".")
    return section("Points", words, folded(
        plural(len(rows), "point"), table(
            [short(f) for f in paths] + fidelity +
            [column_name(c.name, c.unit) for c in sweep.columns] +
            ["exit status", "result"], rows, names=len(paths) + len(fidelity), sortable=True)))


def asked_for(sweep):
    m = sweep.manifest
    if not m:
        return ""
    rows = [[f["path"], ", ".join(map(str, f["values"]))] for f in m["fields"]
            if isinstance(f.get("values"), list)]
    for key in ("hardware", "workload", "program", "arguments", "constraints", "replicas",
                "search"):
        if m.get(key):
            value = m[key]
            rows.append([key, value if isinstance(value, str) else " ".join(map(str, value))
                         if isinstance(value, list) else
                         ", ".join(f"{k} {v}" for k, v in value.items())])
    return section("What was asked", "", folded("Fields and files", note(str(sweep.path)) + table(
        ["field", "values"], rows, names=2)))
