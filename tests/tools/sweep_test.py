# SPDX-License-Identifier: Apache-2.0
"""Does a sweep run every point once, keep failures, and mark what nothing beats?"""

import csv
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SWEEP = HERE.parent.parent / "tools/sweep"


class SweepTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        (self.folder / "hw.json").write_text("{}")
        (self.folder / "workload.json").write_text("{}")

    def sweep(self, *arguments, grid='hw/width=[1, 2, 4]'):
        return subprocess.run(
            [sys.executable, SWEEP, "--hw", self.folder / "hw.json", "--workload",
             self.folder / "workload.json", "--out", self.folder / "out", "--program",
             HERE / "fake_stagecoach", "--set", grid, *arguments],
            capture_output=True, text=True, check=False)

    def rows(self):
        with (self.folder / "out/results.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def runs(self):
        return (self.folder / "out/runs.log").read_text().count("\n")

    def test_every_point_of_the_product_has_a_row_in_order(self):
        done = self.sweep("--set", 'workload/pacing=["elastic", "lockstep"]', "--jobs", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([(r["hw/width"], r["workload/pacing"]) for r in self.rows()],
                         [(w, p) for w in "124" for p in ("elastic", "lockstep")])
        self.assertEqual([r["cycles"] for r in self.rows()][::2], ["100", "200", "400"])

    def test_what_is_done_is_not_run_again(self):
        self.sweep()
        first = self.rows()
        self.assertEqual(self.runs(), 3)
        self.sweep(grid="hw/width=[1, 2, 4, 8]")
        self.assertEqual(self.runs(), 4)
        self.assertEqual([r["cycles"] for r in self.rows()[:3]], [r["cycles"] for r in first])

    def test_a_changed_input_or_argument_is_run_again(self):
        self.sweep()
        (self.folder / "hw.json").write_text('{"a": 1}')
        self.sweep()
        self.assertEqual(self.runs(), 6)
        self.sweep("--", "--samples", "5")
        self.assertEqual(self.runs(), 9)

    def test_a_failed_point_keeps_its_row_and_is_tried_again(self):
        done = self.sweep(grid="hw/width=[0, 1]")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 failed", done.stdout)
        row = self.rows()[0]
        self.assertEqual(row["exit_status"], "2")
        self.assertIn("must be at least 1", row["message"])
        self.assertEqual((row["cycles"], row["pareto"]), ("", ""))
        self.sweep(grid="hw/width=[0, 1]")
        self.assertEqual(self.runs(), 3)

    def test_pareto_marks_what_no_other_point_beats(self):
        self.sweep()  # seconds rise, bytes fall: all three are worth having
        self.assertEqual([r["pareto"] for r in self.rows()], ["yes"] * 3)
        self.sweep("--objectives", "min:cycles")
        self.assertEqual([r["pareto"] for r in self.rows()], ["yes", "no", "no"])

    def test_bad_arguments_are_told(self):
        for grid, word in (("hw/width=3", "brackets"), ("hw/width", "PATH="),
                           ("hw/width=[1", "JSON"), ("hw/width=[]", "brackets")):
            done = self.sweep(grid=grid)
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)
        done = self.sweep("--objectives", "min:nonsense")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nonsense", done.stderr)


if __name__ == "__main__":
    unittest.main()
