# SPDX-License-Identifier: Apache-2.0
"""SVG charts as text: stacked bars, heat maps, lines, a timeline. Colours are CSS classes."""

import html
import math

LABEL_WIDTH = 130  # left of the plot, for names of rows
PLOT_WIDTH = 760
RIGHT_WIDTH = 110  # right of the plot, for values
ROW = 22
BAR = 16


def escape(text):
    return html.escape(str(text), quote=True)


def svg(width, height, body, label):
    return (f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
            f'aria-label="{escape(label)}">{body}</svg>')


def text(x, y, content, style="label", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">'
            f"{escape(content)}</text>")


def rectangle(x, y, width, height, style, title="", extra=""):
    tip = f"<title>{escape(title)}</title>" if title else ""
    return (f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" height="{height:.2f}" '
            f'class="{style}"{extra}>{tip}</rect>')


def line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" class="{style}"/>'


def legend(entries):
    """entries: (class, words)."""
    keys = "".join(f'<span class="key"><i class="{style}"></i>{escape(words)}</span>'
                   for style, words in entries)
    return f'<p class="legend">{keys}</p>'


def ticks(largest, count=5, unit=1):
    """Round multiples of `unit` from 0 up to at most `largest`."""
    if largest <= 0:
        return [0]
    raw = largest / count / unit
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    step *= unit
    return [i * step for i in range(int(largest / step * 1.0001) + 1)]


def stacked_bars(rows, largest, format_value, label, unit=1):
    """rows: (name, [(class, words, value)], text at the right, marker value or None).

    All bars share one scale, 0 to `largest`.
    """
    scale = PLOT_WIDTH / largest if largest > 0 else 0
    body = []
    bottom = len(rows) * ROW
    for value in ticks(largest, unit=unit):
        x = LABEL_WIDTH + value * scale
        body.append(line(x, 0, x, bottom, "grid"))
        body.append(text(x, bottom + 16, format_value(value), "tick", "middle"))
    for i, (name, parts, right, marker) in enumerate(rows):
        top = i * ROW + (ROW - BAR) / 2
        body.append(text(LABEL_WIDTH - 8, top + BAR - 4, name, "label", "end"))
        x = LABEL_WIDTH
        for style, words, value in parts:
            width = value * scale
            if width > 0:
                gap = 1 if width > 3 else 0  # a hairline of background between neighbours
                body.append(rectangle(x, top, width - gap, BAR, style,
                                      f"{name}: {words} {format_value(value)}"))
            x += width
        if marker is not None and marker <= largest:
            at = LABEL_WIDTH + marker * scale
            body.append(line(at, top - 2, at, top + BAR + 2, "marker"))
        body.append(text(LABEL_WIDTH + PLOT_WIDTH + 8, top + BAR - 4, right, "value"))
    return svg(LABEL_WIDTH + PLOT_WIDTH + RIGHT_WIDTH, bottom + 24, "".join(body), label)


def heat_map(names, columns, cell, label, column_text):
    """cell(row, column) -> (share 0..1 or None, title). Ticks below come from column_text(i)."""
    width = PLOT_WIDTH / max(columns, 1)
    body = []
    for r, name in enumerate(names):
        top = r * ROW + 2
        body.append(text(LABEL_WIDTH - 8, top + ROW - 8, name, "label", "end"))
        for c in range(columns):
            share, title = cell(r, c)
            if share is None:
                continue
            body.append(rectangle(LABEL_WIDTH + c * width, top, width + 0.3, ROW - 4, "heat", title,
                                  f' fill-opacity="{0.06 + 0.94 * min(share, 1.0):.3f}"'))
    bottom = len(names) * ROW
    step = max(1, math.ceil(columns / 10))
    for c in range(0, columns, step):
        body.append(text(LABEL_WIDTH + (c + 0.5) * width, bottom + 14, column_text(c), "tick",
                         "middle"))
    return svg(LABEL_WIDTH + PLOT_WIDTH + RIGHT_WIDTH, bottom + 22, "".join(body), label)


def lines(series, x_values, format_x, format_y, label, floor=0.0):
    """series: (class, words, [y or None]). The y axis runs from `floor` to the largest value."""
    known = [y for _, _, ys in series for y in ys if y is not None]
    if not known:
        return ""
    height = 220
    top_value = max(known)
    span = (top_value - floor) or 1.0
    x_span = (x_values[-1] - x_values[0]) or 1

    def place(x, y):
        return (LABEL_WIDTH + (x - x_values[0]) / x_span * PLOT_WIDTH,
                10 + height - (y - floor) / span * height)

    body = []
    for value in (v for v in ticks(top_value, math.ceil(5 * top_value / span)) if v >= floor):
        _, y = place(x_values[0], value)
        body.append(line(LABEL_WIDTH, y, LABEL_WIDTH + PLOT_WIDTH, y, "grid"))
        body.append(text(LABEL_WIDTH - 8, y + 4, format_y(value), "tick", "end"))
    for x in (x_values if len(x_values) <= 12 else x_values[:: len(x_values) // 8]):
        body.append(text(place(x, floor)[0], height + 28, format_x(x), "tick", "middle"))
    ends = []  # heights of the words at the ends of lines, kept apart
    for style, words, ys in series:
        points = [(x, y) for x, y in zip(x_values, ys) if y is not None]
        if not points:
            continue
        path = " ".join("%.1f,%.1f" % place(x, y) for x, y in points)
        body.append(f'<polyline points="{path}" class="line {style}"/>')
        for x, y in points if len(points) <= 60 else []:
            px, py = place(x, y)
            body.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="4" class="dot {style}">'
                        f'<title>{escape(words)} at {escape(format_x(x))}: {escape(format_y(y))}'
                        '</title></circle>')
        px, py = place(*points[-1])
        while any(abs(py - end) < 14 for end in ends):
            py += 1
        ends.append(py)
        body.append(text(px + 10, py + 4, f"{words} {format_y(points[-1][1])}", "value"))
    return svg(LABEL_WIDTH + PLOT_WIDTH + RIGHT_WIDTH + 60, height + 36, "".join(body), label)


def timeline(tracks, slices, arrows, end, label):
    """tracks: {id: name}; slices: (track, begin, end, class, words, title).

    arrows: lists of (track, x)."""
    rows = {track: i for i, track in enumerate(sorted(tracks))}
    begin = min((s[1] for s in slices), default=0)
    scale = (PLOT_WIDTH + RIGHT_WIDTH) / max(end - begin, 1)
    height = 26
    bottom = len(rows) * height

    def x_of(value):
        return LABEL_WIDTH + (value - begin) * scale

    body = []
    for value in ticks(end - begin, 8):
        body.append(line(x_of(begin + value), 0, x_of(begin + value), bottom, "grid"))
        body.append(text(x_of(begin + value), bottom + 16, f"{begin + value:,.0f}", "tick",
                         "middle"))
    for track, name in tracks.items():
        body.append(text(LABEL_WIDTH - 8, rows[track] * height + 17, name, "label", "end"))
    for track, first, last, style, words, title in slices:
        width = (last - first) * scale
        top = rows[track] * height + 3
        body.append(rectangle(x_of(first), top, max(width - 0.6, 0.6), height - 6, style, title))
        if width > 7 * len(words) + 4:
            body.append(text(x_of(first) + width / 2, top + 14, words, "inside", "middle"))
    for points in arrows:
        path = " ".join(f"{x_of(x):.1f},{rows[track] * height + height / 2:.1f}"
                        for track, x in points)
        body.append(f'<polyline points="{path}" class="flow"/>')
    return svg(LABEL_WIDTH + PLOT_WIDTH + RIGHT_WIDTH, bottom + 24, "".join(body), label)
