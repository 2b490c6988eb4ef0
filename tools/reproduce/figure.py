# SPDX-License-Identifier: Apache-2.0
"""Charts as standalone SVG files, for documents; all as wide as a page shows them."""

import dataclasses
import html
import math
import statistics
import textwrap

COLOURS = ["#16160f", "#cc3f3f", "#e2b33b", "#2a6fd0", "#169c74", "#7a5cd0", "#d977a6", "#8a6a4a",
           "#5fb3c9", "#9a9a90", "#a4c639", "#f08a3c", "#0b4f6c"]
WIDTH = 900  # of a whole figure; wider ones are shrunk by the page, text and all
LEFT, TOP, BOTTOM, GAP = 64, 34, 50, 24  # around a chart
ROW, LETTER = 18, 6.6  # of a legend: height of a line, width of a letter
MARKS_ONLY, LINE_ONLY, BOTH = "marks", "line", "both"
DIVERGED = "diverged"


@dataclasses.dataclass
class Series:
    """ys: one per x value, of the panel or its own `xs`: a number, None (nothing is drawn) or
    DIVERGED (a cross on the baseline). errors: per y the half length of its whisker; of LINE_ONLY
    half the width of a band. colour: its number. Equal words of a colour are named once."""
    words: str
    ys: list
    xs: list = None
    style: str = BOTH
    errors: list = None
    colour: int = None


def over_seeds(words, samples, factor=1, **options):
    """A Series of means and standard deviations. samples: per x value the figures of all seeds, None
    where a training diverged; `factor`: of what is drawn (100: percent)."""
    ys = [DIVERGED if None in values else factor * statistics.mean(values) for values in samples]
    errors = [factor * statistics.stdev(values) if y != DIVERGED and len(values) > 1 else 0
              for y, values in zip(ys, samples)]
    return Series(words, ys, errors=errors, **options)


def merged(series):
    """Those that would hide each other, having equal values, as one with the words of all."""
    found = {}
    for s in series:
        found.setdefault(tuple(s.ys), []).append(s)
    return [dataclasses.replace(equal[0], words="; ".join(s.words for s in equal))
            for equal in found.values()]


def round_numbers(low, high):
    """Five or so round numbers between two."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda f: abs(f * power - rough))
    return [step * i for i in range(math.ceil(low / step - 1e-9),
                                    math.floor(high / step + 1e-9) + 1)]


def number(x):
    """Of an axis: 20000 as 20k."""
    return next((f"{x / size:g}{letter}" for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k"))
                 if abs(x) >= 10 * size), f"{x:g}")


def log_numbers(low, high):
    """Some round numbers between two, for a logarithmic axis."""
    found = [base * 10.0 ** e for e in range(math.floor(math.log10(low)),
                                             math.ceil(math.log10(high)) + 1)
             for base in (1, 2, 5)]
    found = [v for v in found if low <= v <= high]
    return found if len(found) < 9 else [v for v in found if f"{v:e}"[0] == "1"]


def text(x, y, words, anchor="start", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def cross(x, y, colour):
    return (f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="{colour}" '
            'stroke-width="2"/>')


def whisker(x, top, foot, colour):
    return (f'<path d="M{x - 3:.1f} {top:.1f}h6M{x:.1f} {top:.1f}V{foot:.1f}m-3 0h6" '
            f'stroke="{colour}" fill="none"/>')


class Panel:
    """One chart of some Series. y_least: what the y axis spans at least, lest noise look large.
    spread: pixels between the marks of series at the same x, so that none hides another's."""

    def __init__(self, title, x_label, y_label, x_values, series, log_x=False, log_y=False,
                 x_ticks=None, x_range=None, y_range=None, y_least=0, spread=0, height=300):
        self.title, self.x_label, self.y_label = title, x_label, y_label
        self.log_x, self.log_y = log_x, log_y
        self.y_least, self.height, self.width = y_least, height, WIDTH - LEFT - GAP
        self.series = [dataclasses.replace(
            s, xs=x_values if s.xs is None else s.xs, errors=s.errors or [0] * len(s.ys),
            colour=COLOURS[(number if s.colour is None else s.colour) % len(COLOURS)])
            for number, s in enumerate(series)]
        drawn = [(x, y, e) for s in self.series for x, y, e in zip(s.xs, s.ys, s.errors)
                 if y is not None]
        self.xs = x_range or [x for x, _, _ in drawn] or [0, 1]
        self.ends = [end for _, y, e in drawn if y != DIVERGED for end in (y - e, y + e)] or [0, 1]
        self.has_diverged = any(y == DIVERGED for _, y, _ in drawn)
        self.has_errors = any(e for _, _, e in drawn)
        marked = [i for i, s in enumerate(self.series) if s.style != LINE_ONLY]
        self.shifts = {i: spread * (n - (len(marked) - 1) / 2) for n, i in enumerate(marked)}
        every = max(1, math.ceil(len(x_values) / 11))
        self.ticks = list(x_values)[::every] if x_ticks is None else x_ticks
        self.low, self.high = y_range or self._with_margin(min(self.ends), max(self.ends))

    def _with_margin(self, low, high):
        if self.log_y:
            return low / 1.2, high * 1.2
        low = min(low, max(high - self.y_least, 0))
        high = max(high, low + self.y_least)
        margin = 0.05 * ((high - low) or 1)
        if 0 <= low < (high - low) / 4:
            return 0, high + margin
        return low - (3 if self.has_diverged else 1) * margin, high + margin

    def x(self, x):
        scale = math.log if self.log_x else float
        low, high = scale(min(self.xs)), scale(max(self.xs))
        room = max(map(abs, self.shifts.values()), default=0)
        return LEFT + room + (scale(x) - low) / ((high - low) or 1) * (self.width - 2 * room)

    def y(self, y):
        scale = math.log if self.log_y else float
        low, high = scale(self.low), scale(self.high)
        return TOP + self.height - (scale(y) - low) / (high - low) * self.height

    def axes(self):
        foot = TOP + self.height
        parts = [text(LEFT, 18, self.title, more=' font-weight="600"')]
        for value in (log_numbers if self.log_y else round_numbers)(self.low, self.high):
            y = self.y(value)
            parts.append(f'<path d="M{LEFT} {y:.1f}h{self.width:.1f}" stroke="#e4e3dc"/>'
                         + text(LEFT - 8, y + 4, f"{value:g}", "end"))
        parts += [text(self.x(x), foot + 18, number(x), "middle") for x in self.ticks]
        parts.append(text(LEFT + self.width / 2, foot + 36, self.x_label, "middle"))
        parts.append(f'<g transform="translate(14 {TOP + self.height / 2}) rotate(-90)">'
                     + text(0, 0, self.y_label, "middle") + "</g>")
        return "".join(parts)

    def body(self):
        parts, crosses = [self.axes()], []
        for number, s in enumerate(self.series):
            points = [(self.x(x) + self.shifts.get(number, 0), y, e)
                      for x, y, e in zip(s.xs, s.ys, s.errors) if y is not None]
            places = [(x, self.y(y), self.y(y + e), self.y(y - e)) for x, y, e in points
                      if y != DIVERGED]
            path, pen = "", "M"
            for x, y, _ in points:  # the line ends where a point is missing
                path += "" if y == DIVERGED else f"{pen}{x:.1f} {self.y(y):.1f}"
                pen = "M" if y == DIVERGED else "L"
            if s.style == LINE_ONLY and any(s.errors):
                band = [(x, top) for x, _, top, _ in places]
                band += [(x, foot) for x, _, _, foot in reversed(places)]
                parts.append('<polygon points="' + " ".join("%.1f,%.1f" % p for p in band)
                             + f'" fill="{s.colour}" fill-opacity="0.12"/>')
            else:
                parts += [whisker(x, top, foot, s.colour) for x, _, top, foot in places
                          if top != foot]
            if s.style != MARKS_ONLY:
                parts.append(f'<path d="{path}" fill="none" stroke="{s.colour}" '
                             'stroke-width="2"/>')
            if s.style != LINE_ONLY:
                parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{s.colour}"/>'
                          for x, y, _, _ in places]
            for x in [x for x, y, _ in points if y == DIVERGED]:
                row = sum(abs(x - other) < 9 for other in crosses)  # one above the other
                crosses.append(x)
                parts.append(cross(x, TOP + self.height - 10 * row, s.colour))
        return "".join(parts)

    def legend(self):
        """(words, colour) -> style, each once."""
        found = {}
        for s in self.series:
            style = found.setdefault((s.words, s.colour), s.style)
            found[s.words, s.colour] = style if style == s.style else BOTH
        if self.has_errors:
            found["standard deviation over seeds", "#666"] = "whisker"
        if self.has_diverged:
            found["diverged, with one seed or more", "#666"] = DIVERGED
        return {entry: style for entry, style in found.items() if entry[0]}


def _key(x, y, colour, style):
    """What a legend shows before the words."""
    if style == DIVERGED:
        return cross(x + 9, y, colour)
    if style == "whisker":
        return whisker(x + 9, y - 6, y + 6, colour)
    line = f'<path d="M{x} {y}h18" stroke="{colour}" stroke-width="2"/>'
    mark = f'<circle cx="{x + 9}" cy="{y}" r="3" fill="{colour}"/>'
    return {LINE_ONLY: line, MARKS_ONLY: mark, BOTH: line + mark}[style]


def _legend(entries, x, y, width):
    """Entries side by side while they fit `width`, long ones broken. Returns (SVG, height)."""
    parts, at, row = [], 0, 0
    for (words, colour), style in entries.items():
        lines = textwrap.wrap(words, int((width - 30) / LETTER))
        needed = 48 + LETTER * max(map(len, lines))
        if at and (at + needed > width or len(lines) > 1):
            at, row = 0, row + 1
        parts.append(_key(x + at, y + ROW * row - 4, colour, style))
        parts += [text(x + at + 24, y + ROW * (row + i), line) for i, line in enumerate(lines)]
        at, row = (at + needed, row) if len(lines) == 1 else (0, row + len(lines))
    return "".join(parts), ROW * (row + bool(at)) + 8


def _svg(height, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" font-family="system-ui, sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n')


def panels(charts, columns=2, common_legend=False):
    """Several charts in a grid, below each its legend, or one for all at the foot. Returns the SVG's
    text."""
    body, y = [], 0
    share = WIDTH // min(columns, len(charts))
    for row in (charts[i:i + columns] for i in range(0, len(charts), columns)):
        lowest = y
        for column, chart in enumerate(row):
            chart.width = share - LEFT - GAP
            foot = y + TOP + chart.height + BOTTOM
            entries = {} if common_legend else chart.legend()
            legend, height = _legend(entries, 0, TOP + chart.height + BOTTOM + 12, share - GAP)
            body.append(f'<g transform="translate({column * share} {y})">{chart.body()}'
                        f'<g transform="translate(20 0)">{legend}</g></g>')
            lowest = max(lowest, foot + (height if entries else 0))
        y = lowest + 8
    if common_legend:
        legend, height = _legend({k: v for c in charts for k, v in c.legend().items()}, 20, y + 12,
                                 WIDTH - 40)
        body.append(legend)
        y += height + 8
    return _svg(y, "".join(body))


def bar_chart(title, y_label, groups, series):
    """groups: names along the x axis; series: of one y per group. Returns the SVG's text."""
    chart = Panel(title, "", y_label, range(len(groups)), series, x_ticks=[],
                  x_range=(0, len(groups)))
    chart.low = 0
    slot = chart.width / len(groups)
    bar = 0.8 * slot / len(series)
    parts = [chart.axes()]
    for g, name in enumerate(groups):
        left = LEFT + (g + 0.1) * slot
        parts.append(text(left + 0.4 * slot, TOP + chart.height + 18, name, "middle"))
        for i, s in enumerate(chart.series):
            if s.ys[g] is None:
                continue
            top, foot = chart.y(s.ys[g]), chart.y(0)
            parts.append(f'<rect x="{left + i * bar:.1f}" y="{top:.1f}" width="{bar - 2:.1f}" '
                         f'height="{foot - top:.1f}" fill="{s.colour}"/>'
                         + text(left + (i + 0.5) * bar - 1, top - 4, f"{s.ys[g]:.0f}", "middle"))
    legend, height = _legend(chart.legend(), 20, TOP + chart.height + BOTTOM, WIDTH - 40)
    return _svg(TOP + chart.height + BOTTOM + height, "".join(parts) + legend)


def line_chart(title, x_label, y_label, x_values, series, **options):
    """One chart with its legend; arguments as of Panel. Returns the SVG's text."""
    return panels([Panel(title, x_label, y_label, x_values, series, **options)])
