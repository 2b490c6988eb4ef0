# SPDX-License-Identifier: Apache-2.0
"""Does a browser draw the pages: hover, legends, picking, zoom, tables, paper; and is its console
empty? Exit status 77 (skipped) where there is no Chromium.

    report_browser_test.py PROGRAM
"""

import csv
import pathlib
import sys
import tempfile
import time
import unittest

from report_support import run
import browser
from reporting import write

VARIABLE = ("const variable = name => getComputedStyle(document.documentElement)"
            ".getPropertyValue(name).trim();")
ROW_1 = -44  # of the first chart, from its middle: the second of five rows


class Arguments:
    """What tools/report hands on."""

    def __init__(self, *paths, out):
        self.path, self.out = list(paths), out
        self.timeline_samples, self.program, self.point_pages = 8, None, False


class BrowserTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = pathlib.Path(cls.folder.name)
        one = run(root / "one", "--epochs", "2", "--trace")
        other = run(root / "other", "--epochs", "2", "--set", "workload/pipeline/schedule=gpipe")
        cls.pages = {"run": write.report(Arguments(one, out=root / "run.html")),
                     "runs": write.report(Arguments(one, other, out=root / "runs.html")),
                     "sweep": write.report(Arguments(sweep(root), out=root / "sweep.html"))}
        cls.browser = browser.Browser().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__(None, None, None)
        cls.folder.cleanup()

    def open(self, name, width=1280, dark=False):
        self.browser.show(width, 900, dark)
        self.browser.open(self.pages[name])
        return self.browser

    def figure(self, kind, selector="", index=0):
        """An element of the first figure of a kind, in the middle of the window."""
        found = self.browser.find(f"figure.{kind} {selector}".strip())[index]
        self.browser.run("arguments[0].scrollIntoView({block: 'center'})",
                         {browser.ELEMENT: found})
        return found

    def comes_true(self, page, script, expected, seconds=10):
        """Waits for a value: charts are drawn a frame after what changes them."""
        deadline = time.monotonic() + seconds
        while (found := page.run(script)) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(found, expected)

    def hovered(self, kind, x=0, y=0, index=0):
        """The words of the hover over a place of a figure, from its middle."""
        plot = self.figure(kind, ".plot", index)
        for step in (3, 0):  # a mouse that comes from somewhere
            self.browser.move(plot, x + step, y)
        for _ in range(20):
            words = self.browser.run(
                "return [...arguments[0].children].slice(1).map(e => e.innerText).join(' ')",
                {browser.ELEMENT: plot})
            if words.strip():
                return " ".join(words.split())
            time.sleep(0.05)
        return ""

    def test_pages_draw_without_a_word_in_the_console(self):
        for name in self.pages:
            for width, dark in ((1280, False), (400, True)):
                with self.subTest(name, width=width):
                    page = self.open(name, width, dark)
                    figures = len(page.find("figure.chart"))
                    self.assertGreater(figures, 0)
                    self.assertEqual(page.run("return document.documentElement.dataset.drawn"),
                                     str(figures))
                    self.assertEqual(len(page.find("figure.chart .plot svg,"
                                                   "figure.chart .plot canvas")), figures)
                    self.assertLessEqual(page.run("return document.documentElement.scrollWidth"),
                                         width, "nothing is wider than the window")
                    self.assertEqual(page.messages(), [])

    def test_colours_follow_the_readers_setting(self):
        ground = "return getComputedStyle(document.body).backgroundColor"
        text = ("return [...document.querySelectorAll('figure.bars svg text')]"
                ".map(e => e.getAttribute('fill')).join()")
        light = [self.open("run").run(script) for script in (ground, text)]
        dark = [self.open("run", dark=True).run(script) for script in (ground, text)]
        self.assertNotEqual(light[0], dark[0])
        self.assertNotEqual(light[1], dark[1])

    def test_hover_says_values_with_units(self):
        self.open("run")
        self.assertRegex(self.hovered("bars", y=ROW_1), r"1 conv2")
        self.assertRegex(self.hovered("bars", y=ROW_1), r"forward [\d,]+ cycles, [\d.]+ %")
        self.assertRegex(self.hovered("chip", -20, -20), r"utilization [\d.]+ %")
        self.assertRegex(self.hovered("areas"), r"simulated time [\d,]+ cycles")
        self.assertRegex(self.hovered("timeline", y=-20), r"of sample \d+ at \w+, cycles [\d,]+ to")

    def test_a_key_of_the_legend_hides_and_shows(self):
        page = self.open("run")
        bars = (VARIABLE + "const c = variable('--forward'); return [...document.querySelector('figure.bars').querySelectorAll('svg path')]"
                ".filter(p => p.getAttribute('fill') === c).length")
        pressed = ("return document.querySelector('figure.bars button.key')"
                   ".getAttribute('aria-pressed')")
        self.comes_true(page, bars, 5)
        self.assertEqual(page.run(pressed), "true")
        page.click(self.figure("bars", "button.key"))
        self.comes_true(page, bars, 0)
        self.assertEqual(page.run(pressed), "false")
        self.assertNotIn("forward", self.hovered("bars", y=ROW_1))
        page.click(self.figure("bars", "button.key"))
        self.comes_true(page, bars, 5)
        self.assertEqual(page.run(pressed), "true")

    def test_a_picked_stage_is_picked_everywhere(self):
        page = self.open("run")
        pale = ("return [...document.querySelectorAll('figure.lines')].map(f =>"
                "[...f.querySelectorAll('svg path')].filter(p =>"
                "p.getAttribute('stroke-opacity') === '0.13').length).reduce((a, b) => a + b, 0)")
        self.assertEqual(page.run(pale), 0)
        plot = self.figure("bars", ".plot")
        page.move(plot, -200, ROW_1, press=True)
        self.assertEqual(page.run("return document.querySelector('#stage').value"), "1")
        self.assertGreater(page.run(pale), 0)
        self.assertGreater(len(page.find("tr.picked")), 0)
        self.assertIn("1 conv2", page.run(
            "return document.querySelector('figure.areas figcaption').innerText"))
        self.assertEqual(page.messages(), [])

    def test_the_map_takes_another_colour(self):
        page = self.open("run")
        fills = ("return [...document.querySelectorAll('figure.chip svg path')]"
                 ".map(p => p.getAttribute('fill')).join()")
        before = page.run(fills)
        page.run("const s = document.querySelector('figure.chip select'); s.value = 'stalls';"
                 "s.dispatchEvent(new Event('change'))")
        self.assertNotEqual(page.run(fills), before)

    def test_a_chart_over_time_zooms(self):
        page = self.open("run")
        axis = ("return [...document.querySelectorAll('figure.areas svg text')]"
                ".map(t => t.textContent).join()")
        before = page.run(axis)
        plot = self.figure("areas", ".plot")
        height = page.run("return document.querySelector('figure.areas .plot').clientHeight")
        slider = height / 2 - 9
        left = page.run("return -document.querySelector('figure.areas .plot').clientWidth / 2")
        page.drag(plot, left + 40, slider, -100, slider)
        self.assertNotEqual(page.run(axis), before)

    def test_tables_sort(self):
        page = self.open("sweep")
        column = ("return [...document.querySelectorAll('#settings tbody tr')]"
                  ".map(r => r.cells[1].dataset.value)")
        head = page.find("#settings th")[1]
        page.click(head)
        self.assertEqual(page.run(column), ["0.5", "0.8", "0.9"])
        page.click(head)
        self.assertEqual(page.run(column), ["0.9", "0.8", "0.5"])

    def test_a_front_follows_the_columns_and_their_sides(self):
        page = self.open("sweep")
        front = "return document.querySelector('figure.fronts .below').innerText"
        # 0.9 at 3 s and 0.8 at 1 s; 0.5 at 2 s is beaten.
        self.assertEqual(page.run(front), "On the front (2 of 3): clock_mhz 1000; clock_mhz 250.")
        page.run("const s = document.querySelector('figure.fronts select[name=betterX]');"
                 "s.value = 'max'; s.dispatchEvent(new Event('change'))")
        self.assertEqual(page.run(front), "On the front (1 of 3): clock_mhz 250.")
        self.assertRegex(self.hovered_mark(), r"clock_mhz \d+ .*simulated time")
        self.assertEqual(page.messages(), [])

    def hovered_mark(self):
        """The hover over a mark."""
        x, y = self.browser.run(
            VARIABLE + "const plot = document.querySelector('figure.fronts .plot');"
            "plot.scrollIntoView({block: 'center'});"
            "const c = variable('--run0');"
            "const p = [...plot.querySelectorAll('svg path')].filter("
            "p => p.getAttribute('fill') === c)[0];"
            "const a = p.getBoundingClientRect(), b = plot.getBoundingClientRect();"
            "return [a.x + a.width / 2 - b.x - b.width / 2,"
            "a.y + a.height / 2 - b.y - b.height / 2]")
        return self.hovered("fronts", x, y)

    def test_a_range_on_an_axis_filters_the_table(self):
        page = self.open("sweep")
        rows = ("return [...document.querySelectorAll('#settings tbody tr')]"
                ".filter(r => !r.hidden).length")
        self.assertEqual(page.run(rows), 3)
        plot = self.figure("parallel", ".plot")
        # The last axis: simulated time from 1 to 3; around its middle lies the setting of 2 s.
        right = page.run("return document.querySelector('figure.parallel .plot').clientWidth / 2")
        height = page.run("return document.querySelector('figure.parallel .plot').clientHeight")
        middle = (64 + height - 24) / 2 - height / 2
        page.drag(plot, right - 60, middle - 40, right - 60, middle + 40)
        self.assertEqual(page.run(rows), 1)
        self.assertIn("1 of 3 settings", page.run(
            "return document.querySelector('#settings-shown').innerText"))

    def test_paper_is_light(self):
        page = self.open("run", dark=True)
        self.assertTrue(page.pdf().startswith(b"%PDF"))
        page.run("dispatchEvent(new Event('beforeprint'))")
        fills = page.run("return [...document.querySelectorAll('figure.bars svg text')]"
                         ".map(e => e.getAttribute('fill'))")
        self.assertEqual(set(fills) & {"#f1f0ea"}, set())
        page.run("dispatchEvent(new Event('afterprint'))")
        self.assertEqual(page.messages(), [])

    def test_numbers_read_the_same_in_python_and_in_the_browser(self):
        """The hover of a bar holds what words.py writes; here: the page's own table."""
        self.open("run")
        shown = self.hovered("bars", x=-200, y=ROW_1)
        cell = self.browser.run("return document.querySelectorAll("
                                "'section table.sortable tr[data-stage=\"1\"]')[0].cells[1]"
                                ".textContent")
        self.assertIn(f"forward {cell} cycles", shown)


def sweep(root):
    """A sweep of three settings without seeds."""
    folder = root / "sweep"
    folder.mkdir()
    with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["hw/clock_mhz", "exit_status", "message", "folder", "test_accuracy",
                         "simulated_seconds", "pareto"])
        writer.writerows([[250, 0, "", "points/a", 0.9, 3.0, "yes"],
                          [500, 0, "", "points/b", 0.5, 2.0, "no"],
                          [1000, 0, "", "points/c", 0.8, 1.0, "yes"]])
    return folder


if __name__ == "__main__":
    if browser.missing():
        print(f"skipped: {browser.missing()}")
        sys.exit(77)
    unittest.main()
