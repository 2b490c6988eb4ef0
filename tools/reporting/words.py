# SPDX-License-Identifier: Apache-2.0
"""Numbers as a person reads them, and HTML tables."""

from .charts import escape

NOTHING = "–"  # where the summary has null


def count(value):
    return NOTHING if value is None else f"{value:,.0f}"


def decimal(value, digits=2):
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(ratio, digits=1):
    return NOTHING if ratio is None else f"{100 * ratio:.{digits}f} %"


def size(value):
    if value is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def si(value, unit):
    if value is None:
        return NOTHING
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"),
                           (1e-6, "µ"), (1e-9, "n"), (1e-12, "p")):
        if abs(value) >= factor:
            return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value:g} {unit}"


def table(columns, rows, names=1):
    """The first `names` columns hold names and stand left."""
    def cells(tag, row):
        return "".join(f'<{tag}{" class=name" if i < names else ""}>{escape(cell)}</{tag}>'
                       for i, cell in enumerate(row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (f'<div class="scroll"><table><thead><tr>{cells("th", columns)}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>")


def folded(title, content):
    return f"<details><summary>{escape(title)}</summary>{content}</details>"
