# SPDX-License-Identifier: Apache-2.0
"""Does the page show what a real result holds, and stand alone?

    report_test.py PROGRAM      runs the program for a moment
"""

import html.parser
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = sys.argv.pop(1)
VOID = {"meta", "br", "link", "img"}


class Balance(html.parser.HTMLParser):
    """Collects the elements' names; fails on a tag that closes another one."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.seen = set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"


class ReportTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.out = pathlib.Path(temporary.name) / "out"

    def page(self, *arguments, change=None):
        """The page of a run; change: what is done to its summary before."""
        run = subprocess.run(
            [PROGRAM, "--hw", ROOT / "hw/small_mesh.json", "--workload",
             ROOT / "workloads/lenet5-glyphs.json", "--out", self.out, "--samples", "60",
             *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stderr)
        if change:
            summary = json.loads((self.out / "summary.json").read_text(encoding="utf-8"))
            change(summary)
            (self.out / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        made = subprocess.run([sys.executable, ROOT / "tools/report", self.out],
                              capture_output=True, text=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        text = pathlib.Path(made.stdout.strip()).read_text(encoding="utf-8")
        balance = Balance()
        balance.feed(text)
        self.assertEqual(balance.open, [])
        self.assertFalse(re.search(r'(src|href)=|url\(', text), "the page must stand alone")
        self.assertNotIn("script", balance.seen)
        return text

    def headings(self, text):
        return re.findall(r"<h2>(.*?)</h2>", text)

    def test_a_timed_run_with_a_trace_has_every_chart(self):
        text = self.page("--timing-only", "--trace", "--trace-samples", "30")
        for heading in ("Where each stage's time went", "Staleness", "Memory", "Layers"):
            self.assertIn(heading, html.unescape(" ".join(self.headings(text))))
        self.assertIn("Timeline of the first 12 traced samples", text)
        self.assertNotIn("Training", self.headings(text))
        self.assertIn("conv1", text)

    def test_accuracy_is_drawn_against_time_and_energy(self):
        text = self.page("--epochs", "2", "--set", "workload/training/target_accuracy=0")
        self.assertIn("Time and energy to accuracy", self.headings(text))
        self.assertIn("Accuracy against simulated time", text)
        self.assertIn("Accuracy against energy", text)
        self.assertRegex(text, r"The target of 0[.0]* ?% was reached with epoch 1 after \S+ \S*s and \S+ \S*J")

    def test_every_epoch_has_its_time_and_energy(self):
        text = self.page("--epochs", "2", "--set", "workload/training/target_accuracy=1")
        self.assertRegex(text, r"<th>end time</th><th>energy</th>")
        self.assertEqual(len(re.findall(r"<td>\S+ [mµ]?s</td><td>\S+ [mµ]?J</td>", text)), 2)
        self.assertIn("The target of 100.0 % was not reached.", text)

    def test_a_target_is_told_for_a_single_epoch_too(self):
        text = self.page("--epochs", "1", "--set", "workload/training/target_accuracy=0")
        self.assertRegex(text, r"was reached with epoch 1 after \S+ \S*s and \S+ \S*J")

    def test_a_replay_says_so(self):
        recording = self.out.parent / "order.rec"
        self.assertNotIn("replayed", self.page("--record-schedule", recording))
        text = self.page("--replay", recording, "--force")
        self.assertIn(f"This run replayed the schedule recorded in {recording}", text)

    def test_an_interrupted_run_says_so(self):
        text = self.page("--timing-only", change=lambda s: s["training"].update(interrupted=True))
        self.assertRegex(text, r"The run was interrupted after \d+ samples")

    def test_a_run_without_a_clock_says_so(self):
        text = self.page("--functional-only", "--epochs", "2")
        self.assertNotIn("Time and energy to accuracy", self.headings(text))
        self.assertIn("This run had no clock.", text)
        self.assertIn("Training", self.headings(text))
        self.assertNotIn("Staleness", self.headings(text))

    def test_input_that_is_no_result_is_told(self):
        self.page("--timing-only", "--trace")
        summary, trace = self.out / "summary.json", self.out / "trace.json.gz"
        for path, content, words in ((trace, trace.read_bytes()[:200], "no whole trace"),
                                     (summary, b'{"schema": "stagecoach.summary/1"}', "lacks"),
                                     (summary, b'{"schema": "other"}', "the schema is 'other'"),
                                     (summary, b"[]", "the schema is None"),
                                     (summary, summary.read_bytes()[:100], "no JSON"),
                                     (summary, None, "no such file; give the folder")):
            with self.subTest(words):
                path.write_bytes(content) if content is not None else path.unlink()
                made = subprocess.run([sys.executable, ROOT / "tools/report", self.out],
                                      capture_output=True, text=True, check=False)
                self.assertEqual(made.returncode, 2, made.stderr)
                self.assertIn(words, made.stderr)
                self.assertIn(str(path), made.stderr)
                self.assertNotIn("Traceback", made.stderr)
                trace.unlink(missing_ok=True)


if __name__ == "__main__":
    unittest.main()
