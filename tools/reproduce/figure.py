# SPDX-License-Identifier: Apache-2.0
"""Line charts as standalone SVG files, for documents."""

import html
import math

COLOURS = ["#16160f", "#cc3f3f", "#e2b33b", "#2a6fd0", "#169c74", "#7a5cd0", "#d977a6", "#8a6a4a",
           "#5fb3c9", "#9a9a90"]
LEFT, TOP, BOTTOM = 64, 34, 50
MARKS_ONLY, LINE_ONLY, BOTH = "marks", "line", "both"


def round_numbers(low, high):
    """Five or so round numbers between two."""
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 2.5, 5, 10), key=lambda f: abs(f * power - rough))
    return [step * i for i in range(math.ceil(low / step - 1e-9),
                                    math.floor(high / step + 1e-9) + 1)]


class Panel:
    """One chart. series: (words, [y or None]), one y per x value of the panel; or (words, ys, xs)
    with its own x values; a fourth element is one of MARKS_ONLY, LINE_ONLY, BOTH, a fifth the
    number of the colour. Equal words are named once."""

    def __init__(self, title, x_label, y_label, x_values, series, y_format="{:g}", log_x=False,
                 log_y=False, x_ticks=None, x_range=None, y_range=None, width=560, height=300):
        self.title, self.x_label, self.y_label = title, x_label, y_label
        self.y_format, self.width, self.height = y_format, width, height
        self.log_x, self.log_y = log_x, log_y
        self.series = []
        for number, (words, ys, *rest) in enumerate(series):
            xs = rest[0] if rest and rest[0] is not None else x_values
            style = rest[1] if len(rest) > 1 else BOTH
            colour = COLOURS[(rest[2] if len(rest) > 2 else number) % len(COLOURS)]
            points = [(x, y) for x, y in zip(xs, ys) if y is not None]
            self.series.append((words, points, style, colour))
        ys = [y for _, points, _, _ in self.series for _, y in points] or [0, 1]
        self.xs = x_range or [x for _, points, _, _ in self.series for x, _ in points] or [0, 1]
        every = max(1, math.ceil(len(x_values) / 11))
        self.ticks = list(x_values)[::every] if x_ticks is None else x_ticks
        self.low, self.high = y_range or self._with_margin(min(ys), max(ys))

    def _with_margin(self, low, high):
        if self.log_y:
            return low / 1.2, high * 1.2
        margin = 0.05 * ((high - low) or 1)
        return (0 if 0 <= low < (high - low) / 4 else low - margin), high + margin

    def _x(self, x):
        scale = math.log if self.log_x else float
        low, high = scale(min(self.xs)), scale(max(self.xs))
        return LEFT + (scale(x) - low) / ((high - low) or 1) * self.width

    def _y(self, y):
        scale = math.log if self.log_y else float
        low, high = scale(self.low), scale(self.high)
        return TOP + self.height - (scale(y) - low) / (high - low) * self.height

    def _levels(self):
        """Round numbers between low and high, five or so."""
        if self.log_y:
            found = [base * 10.0 ** e for e in range(math.floor(math.log10(self.low)),
                                                     math.ceil(math.log10(self.high)) + 1)
                     for base in (1, 2, 5)]
            found = [v for v in found if self.low <= v <= self.high]
            return found if len(found) < 9 else found[::3]
        return round_numbers(self.low, self.high)

    def body(self):
        parts = [f'<text x="{LEFT}" y="18" font-weight="600">{html.escape(self.title)}</text>']
        for value in self._levels():
            y = self._y(value)
            parts.append(f'<path d="M{LEFT} {y:.1f}h{self.width}" stroke="#e4e3dc"/>'
                         f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
                         f"{self.y_format.format(value)}</text>")
        for x in self.ticks:
            parts.append(f'<text x="{self._x(x):.1f}" y="{TOP + self.height + 18}" '
                         f'text-anchor="middle">{x:g}</text>')
        parts.append(f'<text x="{LEFT + self.width / 2}" y="{TOP + self.height + 38}" '
                     f'text-anchor="middle">{html.escape(self.x_label)}</text>'
                     f'<text transform="translate(14 {TOP + self.height / 2}) rotate(-90)" '
                     f'text-anchor="middle">{html.escape(self.y_label)}</text>')
        for _, points, style, colour in self.series:
            places = [(self._x(x), self._y(y)) for x, y in points
                      if self.low <= y <= self.high]
            path = " ".join("%.1f,%.1f" % p for p in places)
            if style != MARKS_ONLY:
                parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                             'stroke-width="2"/>')
            if style != LINE_ONLY:
                parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                          for x, y in places]
        return "".join(parts)

    def legend(self):
        """(words, colour), each once."""
        return list(dict.fromkeys((words, colour) for words, _, _, colour in self.series if words))


def _svg(width, height, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" font-family="system-ui, sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="#fff"/>{body}</svg>\n')


def _legend(entries, x, y):
    rows = []
    for i, (words, colour) in enumerate(entries):
        row = y + 20 * i
        rows.append(f'<path d="M{x} {row - 4}h18" stroke="{colour}" stroke-width="3"/>'
                    f'<text x="{x + 24}" y="{row}">{html.escape(words)}</text>')
    return "".join(rows)


def _legend_width(entries):
    return 60 + max([0, *(7 * len(words) for words, _ in entries)])


def panels(charts, columns=2, legends=True):
    """Several charts in a grid, each with its legend at its right (or, without `legends`, one for
    all, the first chart's, at the right of the grid). Returns the SVG's text."""
    body, x, y, row_height, total = [], 0, 0, 0, 0
    for number, chart in enumerate(charts):
        if number and number % columns == 0:
            x, y, row_height = 0, y + row_height, 0
        entries = chart.legend() if legends else []
        inner = chart.body() + _legend(entries, LEFT + chart.width + 20, TOP + 14)
        body.append(f'<g transform="translate({x} {y})">{inner}</g>')
        x += LEFT + chart.width + (_legend_width(entries) if entries else 30)
        row_height = max(row_height, TOP + chart.height + BOTTOM)
        total = max(total, x)
    if not legends:
        entries = charts[0].legend()
        body.append(_legend(entries, total, TOP + 14))
        total += _legend_width(entries)
    return _svg(total, y + row_height, "".join(body))


def bar_chart(title, y_label, groups, series):
    """groups: names along the x axis; series: (words, [y or None]), a bar in every group. Returns the
    SVG's text."""
    chart = Panel(title, "", y_label, [0, len(groups)],
                  [("", [max(y or 0 for _, ys in series for y in ys), 0])], x_ticks=[],
                  x_range=(0, len(groups)))
    chart.series = []
    slot = chart.width / len(groups)
    bar = 0.8 * slot / len(series)
    parts = [chart.body()]
    for g, name in enumerate(groups):
        left = LEFT + g * slot + 0.1 * slot
        parts.append(f'<text x="{left + 0.4 * slot:.1f}" y="{TOP + chart.height + 18}" '
                     f'text-anchor="middle">{html.escape(name)}</text>')
        for i, (_, ys) in enumerate(series):
            if ys[g] is None:
                continue
            top, foot = chart._y(ys[g]), chart._y(0)
            parts.append(f'<rect x="{left + i * bar:.1f}" y="{top:.1f}" width="{bar - 2:.1f}" '
                         f'height="{foot - top:.1f}" fill="{COLOURS[i % len(COLOURS)]}"/>'
                         f'<text x="{left + i * bar + bar / 2 - 1:.1f}" y="{top - 4:.1f}" '
                         f'text-anchor="middle" font-size="10">{ys[g]:.0f}</text>')
    entries = [(words, COLOURS[i % len(COLOURS)]) for i, (words, _) in enumerate(series)]
    parts.append(_legend(entries, LEFT + chart.width + 20, TOP + 14))
    return _svg(LEFT + chart.width + _legend_width(entries), TOP + chart.height + BOTTOM,
                "".join(parts))


def line_chart(title, x_label, y_label, x_values, series, **options):
    """One chart with its legend; arguments as of Panel. Returns the SVG's text."""
    return panels([Panel(title, x_label, y_label, x_values, series, **options)])
