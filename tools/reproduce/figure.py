# SPDX-License-Identifier: Apache-2.0
"""A line chart as a standalone SVG file, for documents."""

import html

COLOURS = ["#16160f", "#cc3f3f", "#e2b33b", "#2a6fd0", "#169c74", "#7a5cd0", "#d977a6"]
WIDTH, HEIGHT, LEFT, TOP = 560, 300, 64, 34


def line_chart(title, x_label, y_label, x_values, series, y_format="{:.1f}"):
    """series: [(words, [y or None])], one y per x value. Returns the SVG's text."""
    known = [y for _, ys in series for y in ys if y is not None]
    low, high = min(known), max(known)
    margin = 0.05 * ((high - low) or 1)
    low, high = low - margin, high + margin
    span = (x_values[-1] - x_values[0]) or 1

    def place(x, y):
        return (LEFT + (x - x_values[0]) / span * WIDTH,
                TOP + HEIGHT - (y - low) / (high - low) * HEIGHT)

    body = [f'<text x="{LEFT}" y="18" font-weight="600">{html.escape(title)}</text>']
    for i in range(6):
        value = low + (high - low) * i / 5
        y = place(x_values[0], value)[1]
        body.append(f'<path d="M{LEFT} {y:.1f}h{WIDTH}" stroke="#e4e3dc"/>'
                    f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
                    f"{y_format.format(value)}</text>")
    for x in x_values[:: max(1, len(x_values) // 10)]:
        body.append(f'<text x="{place(x, low)[0]:.1f}" y="{TOP + HEIGHT + 18}" '
                    f'text-anchor="middle">{x:g}</text>')
    body.append(f'<text x="{LEFT + WIDTH / 2}" y="{TOP + HEIGHT + 38}" text-anchor="middle">'
                f"{html.escape(x_label)}</text>")
    body.append(f'<text transform="translate(14 {TOP + HEIGHT / 2}) rotate(-90)" '
                f'text-anchor="middle">{html.escape(y_label)}</text>')
    for i, (words, ys) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        points = [place(x, y) for x, y in zip(x_values, ys) if y is not None]
        path = " ".join("%.1f,%.1f" % p for p in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        row = TOP + 14 + 20 * i
        body.append(f'<path d="M{LEFT + WIDTH + 20} {row - 4}h18" stroke="{colour}" '
                    f'stroke-width="3"/><text x="{LEFT + WIDTH + 44}" y="{row}">'
                    f"{html.escape(words)}</text>")
    total = LEFT + WIDTH + 340
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {TOP + HEIGHT + 50}" '
            f'width="{total}" font-family="system-ui, sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>\n')
