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

    def test_points_of_earlier_grids_stay_in_the_results(self):
        self.sweep("--set", 'workload/pacing=["lockstep"]')
        done = self.sweep(grid="hw/width=[8]")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 points, 0 failed; and 3 of earlier grids", done.stdout)
        rows = self.rows()
        self.assertEqual((rows[0]["hw/width"], rows[0]["workload/pacing"]), ("8", ""))
        self.assertEqual(sorted((r["hw/width"], r["workload/pacing"]) for r in rows[1:]),
                         [(w, "lockstep") for w in "124"])
        self.sweep("--objectives", "min:cycles", grid="hw/width=[8]")
        self.assertEqual([r["hw/width"] for r in self.rows() if r["pareto"] == "yes"], ["1"])

    def test_points_of_other_files_and_failed_ones_do_not(self):
        self.sweep(grid="hw/width=[0, 1]")
        (self.folder / "hw.json").write_text('{"a": 1}')
        self.sweep(grid="hw/width=[2]")
        self.assertEqual([r["hw/width"] for r in self.rows()], ["2"])
        (self.folder / "hw.json").write_text("{}")
        self.sweep(grid="hw/width=[2]")
        self.assertEqual([r["hw/width"] for r in self.rows()], ["2", "1"])

    def test_a_training_that_diverged_is_done(self):
        done = self.sweep(grid="hw/width=[3, 1]")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("the training diverged", done.stderr)
        self.assertEqual([r["pareto"] for r in self.rows()], ["", "yes"])
        self.sweep(grid="hw/width=[3, 1]")
        self.assertEqual(self.runs(), 2)

    def test_a_changed_input_or_argument_is_run_again(self):
        self.sweep()
        (self.folder / "hw.json").write_text('{"a": 1}')
        self.sweep()
        self.assertEqual(self.runs(), 6)
        self.sweep("--", "--samples", "5")
        self.assertEqual(self.runs(), 9)

    def test_a_failed_point_keeps_its_row_and_is_tried_again(self):
        done = self.sweep(grid="hw/width=[0, 1]")
        self.assertEqual(done.returncode, 1, done.stderr)
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
        (self.folder / "grid.json").write_text("[1, 2")
        for arguments, words in ((["--objectives", "min:cicles"], "did you mean min:cycles?"),
                                 (["--grid", self.folder / "nothing"], "No such file"),
                                 (["--grid", self.folder / "grid.json"], "no JSON"),
                                 (["--program", "nothing"], "nothing: no such file"),
                                 (["--jobs", "0"], "'0', must be"),
                                 (["--out", self.folder / "hw.json/out"], "hw.json")):
            done = self.sweep(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
