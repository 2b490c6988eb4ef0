# SPDX-License-Identifier: Apache-2.0
"""Does a sweep run every point once, keep failures, and mark what nothing beats?"""

import json
import os
import unittest
import unittest.mock

from sweep_case import SweepCase


class SweepTest(SweepCase):
    def test_joules_of_a_chip_that_has_no_energies_are_refused(self):
        asked = ("--objectives", "max:test_accuracy,min:total_joules")
        done = self.sweep(*asked, status=2)
        self.assertIn('--objectives: found min:total_joules, but ', done.stderr)
        self.assertIn('hw.json has no "energy", so that a run has no joules', done.stderr)
        (self.folder / "hw.json").write_text('{"energy": {}}', encoding="utf-8")
        self.sweep(*asked, status=0)

    def test_every_point_of_the_product_has_a_row_in_order(self):
        self.sweep("--set", 'workload/pacing=["elastic", "lockstep"]', "--jobs", "2", status=0)
        self.assertEqual([(r["hw/width"], r["workload/pacing"]) for r in self.rows()],
                         [(w, p) for w in "124" for p in ("elastic", "lockstep")])
        self.assertEqual(self.column("cycles")[::2], ["100", "200", "400"])

    def test_what_is_done_is_not_run_again(self):
        self.sweep()
        first = self.column("cycles")
        self.assertEqual(self.runs(), 3)
        self.sweep(grid="hw/width=[1, 2, 4, 8]")
        self.assertEqual(self.runs(), 4)
        self.assertEqual(self.column("cycles")[:3], first)

    def test_points_of_earlier_grids_stay_in_the_results(self):
        self.sweep("--set", 'workload/pacing=["lockstep"]')
        done = self.sweep(grid="hw/width=[8]", status=0)
        self.assertIn("1 points, 0 failed; and 3 of earlier grids", done.stdout)
        rows = self.rows()
        self.assertEqual((rows[0]["hw/width"], rows[0]["workload/pacing"]), ("8", ""))
        self.assertEqual(sorted((r["hw/width"], r["workload/pacing"]) for r in rows[1:]),
                         [(w, "lockstep") for w in "124"])
        self.sweep("--objectives", "min:cycles", grid="hw/width=[8]")
        self.assertEqual([r["hw/width"] for r in self.rows() if r["pareto"] == "yes"], ["1"])

    def test_points_are_told_the_instruction_set_and_another_one_makes_them_again(self):
        def names(line):
            words = line.split()
            return [words[i + 1] for i, word in enumerate(words) if word == "--instruction-set"]

        def sweep(here, *arguments):
            with unittest.mock.patch.dict(os.environ, FAKE_INSTRUCTION_SET=here):
                self.sweep("--", *arguments, grid="hw/width=[1]", status=0)
            return names(self.lines("arguments.log")[-1]), self.runs()

        self.assertEqual(sweep("avx2"), (["avx2"], 1))
        self.assertEqual(sweep("avx2"), (["avx2"], 1))
        self.assertEqual(sweep("avx512"), (["avx512"], 2))
        self.assertEqual(len(self.rows()), 1)  # those of the other set are of no earlier grid
        self.assertEqual(sweep("avx2", "--instruction-set", "baseline"), (["baseline"], 3))
        self.assertEqual(sweep("avx512", "--instruction-set", "baseline"), (["baseline"], 3))
        self.assertEqual(sweep("avx2", "--instruction-set", "auto"), (["avx2"], 4))
        self.assertEqual(sweep("avx2", "--timing-only"), ([], 5))
        self.assertEqual(sweep("avx512", "--timing-only"), ([], 5))

    def test_points_of_other_files_and_failed_ones_do_not(self):
        self.sweep(grid="hw/width=[0, 1]")
        (self.folder / "hw.json").write_text('{"a": 1}')
        self.sweep(grid="hw/width=[2]")
        self.assertEqual(self.column("hw/width"), ["2"])
        (self.folder / "hw.json").write_text("{}")
        self.sweep(grid="hw/width=[2]")
        self.assertEqual(self.column("hw/width"), ["2", "1"])

    def test_a_training_that_diverged_is_done(self):
        done = self.sweep(grid="hw/width=[3, 1]", status=0)
        self.assertIn("the training diverged", done.stderr)
        self.assertEqual(self.column("message"), ["the training diverged", ""])
        self.assertEqual(self.column("pareto"), ["", "yes"])
        self.sweep(grid="hw/width=[3, 1]")
        self.assertEqual(self.runs(), 2)

    def test_a_failed_point_keeps_its_row_and_is_tried_again(self):
        done = self.sweep(grid="hw/width=[0, 1]", status=1)
        self.assertIn("1 failed", done.stdout)
        row = self.rows()[0]
        self.assertEqual(row["exit_status"], "2")
        self.assertIn("must be at least 1", row["message"])
        self.assertEqual((row["cycles"], row["pareto"]), ("", ""))
        self.sweep(grid="hw/width=[0, 1]")
        self.assertEqual(self.runs(), 3)

    def test_what_failed_is_tried_again_alone(self):
        self.sweep(grid="hw/width=[0, 1]")
        self.sweep("--retry-failed", grid="hw/width=[0, 1, 2]", status=1)
        self.assertEqual([json.loads(r)["hw/width"] for r in self.lines("runs.log")][-1:], [0])
        self.assertEqual(self.runs(), 3)
        self.assertEqual(self.column("hw/width"), ["0", "1"])

    def test_an_error_is_shown_whole(self):
        done = self.sweep(grid="hw/width=[5]", status=1)
        message = "first word " + "a long message " * 100 + "last word"
        self.assertEqual(self.column("message"), [message])
        point = json.loads(next(self.out.glob("points/*/point.json")).read_text())
        self.assertEqual(" ".join(point["message"].split()), message)
        self.assertIn("first word", done.stderr)
        self.assertIn("last word", done.stderr)

    def test_pareto_marks_what_no_other_point_beats(self):
        self.sweep()  # seconds rise, bytes fall: all three are worth having
        self.assertEqual(self.column("pareto"), ["yes"] * 3)
        self.sweep("--objectives", "min:cycles")
        self.assertEqual(self.column("pareto"), ["yes", "no", "no"])

    def test_any_figure_may_be_an_objective(self):
        self.sweep("--objectives", "max:memory.peak_bytes,min:area.total_mm2")
        self.assertEqual(self.column("pareto"), ["yes", "no", "no"])
        done = self.sweep("--objectives", "max:timing.cicles,max:cycles", status=2)
        self.assertIn("timing.cicles: results have no such figure: unknown field 'cicles'; did you "
                      "mean cycles?", done.stderr)

    def test_what_every_point_would_refuse_is_told_before_any_runs(self):
        self.sweep()
        for more in ([], ["--dry-run"]):
            done = self.sweep(*more, "--", "--mistyped", status=2)
            self.assertIn("refuses the points of this sweep: --mistyped: unknown", done.stderr)
        self.assertEqual((self.runs(), len(self.rows())), (3, 3))

    def test_a_summary_of_another_format_is_no_result(self):
        self.sweep(grid="hw/width=[1]")
        next(self.out.glob("points/*/summary.json")).write_text('{"schema": "x"}')
        done = self.sweep(grid="hw/width=[1]", status=0)
        self.assertIn("summary.json: missing or broken; the point is made again", done.stderr)
        self.assertEqual((self.runs(), self.column("cycles")), (2, ["100"]))

    def test_a_dry_run_shows_points_and_time_and_runs_none(self):
        self.sweep(grid="hw/width=[1, 0]")
        done = self.sweep("--dry-run", "--jobs", "2", grid="hw/width=[0, 1, 2, 4]", status=0)
        lines = done.stdout.splitlines()
        self.assertEqual([line.split("  ")[1].strip() for line in lines[:4]],
                         ["failed (exit status 2)", "done", "to do", "to do"])
        self.assertIn("4 points: 1 done, 1 failed, 2 to do", lines[4])
        self.assertRegex(lines[5], r"time: about .* 2 at a time \(from 1 done\)")
        self.assertEqual((self.runs(), len(self.rows())), (2, 2))

    def test_a_dry_run_of_nothing_done_times_the_first_point(self):
        done = self.sweep("--dry-run", status=0)
        self.assertIn("from the first point, run aside", done.stdout)
        self.assertEqual(self.lines("runs.log"), [])
        done = self.sweep("--dry-run", grid="hw/width=[0]", status=0)
        self.assertIn("the first point fails: hw/width: found 0", done.stdout)

    def test_bad_arguments_are_told(self):
        for grid, word in (("hw/width=3", "brackets"), ("hw/width", "PATH="),
                           ("hw/width=[1", "JSON"), ("hw/width=[]", "brackets")):
            self.assertIn(word, self.sweep(grid=grid, status=2).stderr)
        (self.folder / "broken.json").write_text("[1, 2")
        for arguments, words in ((["--objectives", "min:cicles"], "did you mean cycles?"),
                                 (["--objectives", "cycles"],
                                  "found 'cycles'; write min:FIGURE or max:FIGURE"),
                                 (["--set", "hw/width=[3]"], "--set hw/width: this field is given "
                                  "twice"),
                                 (["--set", "hw/kind=[a,b]"], 'words have quotes, as in ["'),
                                 (["--objectives", "max:limited_by"], "is a text"),
                                 (["--grid", self.folder / "nothing"], "No such file"),
                                 (["--grid", self.folder / "broken.json"], "no JSON"),
                                 (["--program", "nothing"], "nothing: no such file"),
                                 (["--hw", "smal_mesh"],
                                  "--hw: found 'smal_mesh', which is neither a file nor a preset: "
                                  "unknown preset 'smal_mesh'; did you mean small_mesh?; known: "),
                                 (["--hw", "x/none.json"],
                                  "--hw: found 'x/none.json', no such file"),
                                 (["--jobs", "0"], "'0', must be"),
                                 (["--constraint", "cycles<=5"], "belong to --search"),
                                 (["--slurm", "partition=x"], "belongs to --executor slurm"),
                                 (["--replicas", "2", "--", "--seed", "1"], "same seed"),
                                 (["--", "--threads", "1"], "found --threads: the sweep sets it: "
                                  "the processors divided"),
                                 (["--", "--save-weights", "x"], "would write the same file"),
                                 (["--", "--check"], "found --check: it makes no result"),
                                 (["--", "--out=x"], "found --out: the sweep sets it"),
                                 (["--out", self.folder / "hw.json/out"], "hw.json")):
            self.assertIn(words, self.sweep(*arguments, status=2).stderr)


class ReplicasTest(SweepCase):
    def test_every_point_has_its_seeds_from_the_workloads_on(self):
        (self.folder / "workload.json").write_text('{"training": {"seed": 7}}')
        self.sweep("--replicas", "3", grid="hw/width=[1, 2]", status=0)
        self.assertEqual([(r["hw/width"], r["workload/training/seed"]) for r in self.rows()],
                         [(w, s) for w in "12" for s in "789"])
        manifest = json.loads((self.out / "sweep.json").read_text())
        self.assertEqual(manifest["replicas"],
                         {"field": "workload/training/seed", "seeds": [7, 8, 9]})

    def test_a_front_weighs_means(self):
        self.sweep("--replicas", "2", "--objectives", "max:test_accuracy", grid="hw/width=[1, 2]")
        self.assertEqual(self.column("pareto"), ["yes"] * 4)  # the better seed alone would win
        self.assertEqual(len(set(self.column("test_accuracy"))), 2)

    def test_a_setting_of_which_a_seed_failed_has_no_mark(self):
        self.sweep("--replicas", "2", grid="hw/width=[1, 3, 0]")
        self.assertEqual(self.column("pareto"), ["yes", "yes", "", "", "", ""])

    def test_a_grid_that_sets_the_seed_itself_is_refused(self):
        done = self.sweep("--replicas", "2", grid="workload/training/seed=[1, 2]", status=2)
        self.assertIn("sets workload/training/seed itself", done.stderr)


if __name__ == "__main__":
    unittest.main()
