# SPDX-License-Identifier: Apache-2.0
"""The frame of every page: title, contents, stage picker, style and scripts, all in one file."""

import functools
import pathlib
import re

from .words import escape

FOLDER = pathlib.Path(__file__).parent
LIBRARY = "../vendor/echarts.min.js"
SCRIPTS = ("format.js", "theme.js", "stage_charts.js", "machine_charts.js", "sweep_charts.js",
           "tables.js", "page.js")


@functools.cache
def _asset(name):
    return (FOLDER / "assets" / name).read_text(encoding="utf-8")


def tiles(entries):
    """entries: (value, words)."""
    return '<div class="tiles">' + "".join(
        f"<div><b>{escape(value)}</b><span>{escape(words)}</span></div>"
        for value, words in entries) + "</div>"


def banners(texts):
    return "".join(f'<p class="warning" role="status">{escape(text)}</p>' for text in texts)


def _contents(sections):
    heads = [re.match(r'<section id="([^"]*)"><h2>(.*?)</h2>', s) for s in sections]
    return "".join(f'<a href="#{m.group(1)}">{m.group(2)}</a>' for m in heads if m)


def _picker(stages):
    if not stages:
        return ""
    options = "".join(f'<option value="{i}">{escape(name)}</option>'
                      for i, name in enumerate(stages))
    return (f'<label class="picker">Stage <select id="stage"><option value="">all</option>{options}'
            "</select></label>")


def page(title, parts, head, sections, stages=None):
    """The whole page as text. title: what it is about; parts: what else belongs to its name;
    sections: of words.section(), empty ones are left out; stages: names, for the picker."""
    shown = [s for s in sections if s]
    name = ", ".join([title, *parts])
    scripts = "\n".join(_asset(file) for file in SCRIPTS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f'<title>{escape(name)}</title><style>{_asset("style.css")}</style></head><body>'
        f'<header><h1>{escape(title)}</h1><p class="parts">{escape(", ".join(parts))}</p>{head}'
        f'</header><nav>{_picker(stages)}<div class="contents">{_contents(shown)}</div></nav>'
        f'<main>{"".join(shown)}</main>'
        f'<script>{_asset(LIBRARY)}</script>'
        f'<script>(() => {{ "use strict";\n{scripts}\n}})();</script></body></html>\n')
