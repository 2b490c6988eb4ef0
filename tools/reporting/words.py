# SPDX-License-Identifier: Apache-2.0
"""Numbers as a person reads them, and HTML tables.

Units of values, here and in assets/format.js: cycles, samples, updates and count (whole numbers),
bytes, s, J, ratio (0..1, read as percent), mm2, number. Three significant digits, thousands apart.
"""

import html
import math

NOTHING = "–"  # where a result has null
LONG = 40  # characters of a cell that may be broken into lines
WHOLE = ("cycles", "samples", "updates", "count")  # units of whole numbers
SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"),
      (1e-9, "n"), (1e-12, "p"))
BINARY = ((1024.0**4, "TiB"), (1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB"), (1.0, "B"))


def escape(text):
    return html.escape(str(text), quote=True)


def number(value):
    """Three significant digits; from 1000 on whole, with thousands apart."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "not finite"
    if value == 0 or abs(value) >= 999.5:
        return f"{value:,.0f}"
    if abs(value) < 1e-4:
        return f"{value:.2e}"
    rounded = float(f"{value:.2e}")
    return f"{rounded:.{max(0, 2 - math.floor(math.log10(abs(rounded))))}f}"


def count(value):
    return NOTHING if value is None else f"{value:,.0f}"


def percent(ratio, digits=1):
    return NOTHING if ratio is None else f"{100 * ratio:.{digits}f} %"


def size(value):
    if value is None:
        return NOTHING
    factor, unit = next((f for f in BINARY if abs(value) >= f[0]), BINARY[-1])
    return f"{number(value / factor)} {unit}"


def si(value, unit):
    if value is None:
        return NOTHING
    if value == 0 or not math.isfinite(value):
        return f"{number(value)} {unit}"
    factor, prefix = next((f for f in SI if abs(value) >= f[0] * 0.9995), SI[-1])
    return f"{number(value / factor)} {prefix}{unit}"


def quantity(value, unit):
    """A value with its unit."""
    if value is None:
        return NOTHING
    if unit == "bytes":
        return size(value)
    if unit in ("s", "J"):
        return si(value, unit)
    if unit == "ratio":
        return f"{round(100 * value, 2):.10g} %"
    if unit == "mm2":
        return f"{number(value)} mm²"
    if unit in WHOLE:
        words = count(value) if value == int(value) else number(value)
        return words if unit == "count" else f"{words} {unit}"
    return number(value)


def plain(value, unit):
    """As quantity(), in a column whose heading names what is counted."""
    if unit == "ratio":
        return percent(value, 2)  # as many digits in every row
    return quantity(value, "count" if unit in WHOLE else unit)


UNIT_WORDS = {"s": ("seconds", "time"), "bytes": ("bytes", "memory"), "J": ("joules", "energy"),
              "mm2": ("mm2", "")}


def column_name(name, unit):
    """What a column of a table of results is called where values have their units: "simulated
    time" for simulated_seconds."""
    of_unit, word = UNIT_WORDS.get(unit, ("", ""))
    steps = [word if step == of_unit else step for step in name.split("_")]
    return " ".join(step for step in steps if step)


def with_spread(mean, spread, unit):
    """"4.28 ± 0.12 J": a mean and its spread in the mean's unit."""
    if mean is None or not spread:
        return plain(mean, unit)
    words = plain(mean, unit).split(" ")
    if unit == "ratio":
        factor = 100.0
    elif unit in ("s", "J", "bytes"):
        scales = BINARY if unit == "bytes" else [(f, p + unit) for f, p in SI]
        factor = 1 / next((f for f, name in scales if name == words[-1]), 1)
    else:
        factor = 1.0
    return f"{words[0]} ± {number(spread * factor)}" + (f" {words[1]}" if len(words) > 1 else "")


def plural(number_of, word):
    """"1 run", "2 runs"."""
    return f"{number_of:,} {word}{'' if number_of == 1 else 's'}"


def _cell(tag, cell, name):
    """A cell: text, or (text, value to sort by), or (HTML, value, True)."""
    text, value, raw = (cell, None, False) if not isinstance(cell, tuple) else (*cell, False)[:3]
    shown = text if raw else escape(text)
    key = "" if value is None else f' data-value="{escape(value)}"'
    kinds = (["name"] if name else []) + (["long"] if len(str(text)) > LONG and not raw else [])
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<{tag}{kind}{key}>{shown}</{tag}>"


def table(columns, rows, names=1, stages=None, sortable=False, ident=None):
    """Columns of names stand left: the first `names`, or those in a set. A cell is text, or (text,
    value to sort by), or (HTML, value, True). stages: the stage of each row, to link it to the
    charts. ident: a name for scripts; rows are then numbered."""
    left = set(range(names)) if isinstance(names, int) else names
    head = "".join(_cell("th", column, i in left) for i, column in enumerate(columns))
    body = []
    for r, row in enumerate(rows):
        stage = "" if stages is None or stages[r] is None else f' data-stage="{stages[r]}"'
        stage += f' data-row="{r}"' if ident else ""
        body.append(f"<tr{stage}>" + "".join(_cell("td", cell, i in left)
                                             for i, cell in enumerate(row)) + "</tr>")
    kind = (' class="sortable"' if sortable else "") + (f' id="{ident}"' if ident else "")
    return (f'<div class="scroll"><table{kind}><thead><tr>{head}</tr></thead>'
            f'<tbody>{"".join(body)}</tbody></table></div>')


def folded(title, content):
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def note(text):
    return f'<p class="note">{escape(text)}</p>' if text else ""


def section(title, text, *content):
    """A heading, a sentence or two about what is seen, and what follows."""
    anchor = "".join(c if c.isalnum() else "-" for c in title.lower())
    return (f'<section id="{escape(anchor)}"><h2>{escape(title)}</h2>{note(text)}'
            f'{"".join(content)}</section>')
