# SPDX-License-Identifier: Apache-2.0
"""Does a search find the front, keep to its constraints, and go on as if it had never been ended?

Skipped, with exit status 77, where no Optuna is (Debian: python3-optuna)."""

import importlib.util
import os
import signal
import sys
import unittest

from sweep_case import REAL, ROOT, SweepCase

from stagecoach.columns import parse_constraint, parse_objectives
from stagecoach.errors import InputError
from stagecoach.fidelity import Evaluation, Judge, parse_fidelities

DEBIAN = "/usr/lib/python3/dist-packages/optuna"
PYTHON = (sys.executable if importlib.util.find_spec("optuna") else
          "/usr/bin/python3" if os.path.isdir(DEBIAN) else None)
OBJECTIVES = ["--objectives", "max:test_accuracy,min:cycles"]
GRID = {"hw/width": [1, 2, 4, 6, 7, 8], "hw/depth": {"from": 1, "to": 8, "steps": 8},
        "workload/kind": ["a", "b", "c"],
        "workload/extra": {"values": [1, 2], "when": {"workload/kind": "c"}}}
SMALL = {name: GRID[name] for name in ("hw/width", "hw/depth")}


@unittest.skipUnless(PYTHON, "no Optuna: apt-get install python3-optuna")
class SearchTest(SweepCase):
    python = PYTHON

    def setUp(self):
        super().setUp()
        (self.folder / "workload.json").write_text('{"training": {"epochs": 4}}')

    def search(self, trials, *arguments, grid=None, status=0):
        return self.sweep("--search", str(trials), *self.grid(grid or GRID), *OBJECTIVES,
                          *arguments, grid=None, status=status)

    def points(self, fidelity="timing-only"):
        return [tuple(v for k, v in row.items() if "/" in k and k != "folder")
                for row in self.rows() if row["fidelity"] == fidelity]

    def test_trials_are_different_points_of_the_grid_whatever_the_sampler(self):
        for sampler in ("random", "bayesian", "nsga2"):
            with self.subTest(sampler):
                done = self.search(20, "--sampler", sampler, "--fidelities", "full")
                found = self.points("full")
                self.assertEqual((len(found), len(set(found))), (20, 20))
                self.assertTrue(all(bool(p[3]) == (p[2] == "c") for p in found))
                self.assertRegex(done.stdout, r"20 points, 0 failed; 20 through; cost: .*full: 20 ")

    def test_joules_of_a_chip_that_has_no_energies_are_refused(self):
        for asked in (["--objectives", "max:test_accuracy,min:total_joules"],
                      [*OBJECTIVES, "--constraint", "energy.per_sample_joules<=1"]):
            with self.subTest(asked):
                done = self.sweep("--search", "5", *self.grid(SMALL), *asked, grid=None, status=2)
                self.assertIn('hw.json has no "energy", so that a run has no joules', done.stderr)
        (self.folder / "hw.json").write_text('{"energy": {}}', encoding="utf-8")
        self.sweep("--search", "2", *self.grid(SMALL), "--objectives",
                   "max:test_accuracy,min:total_joules", "--fidelities", "full", grid=None,
                   status=0)

    def test_a_space_that_is_used_up_ends_the_search(self):
        self.search(50, "--fidelities", "full", grid={"hw/width": [1, 2, 4], "hw/depth": [1, 2]})
        self.assertEqual(len(set(self.points("full"))), 6)
        self.assertEqual(sum(m == "yes" for m in self.column("pareto")), 2)

    def test_the_same_seed_gives_the_same_trials_however_many_run_at_a_time(self):
        self.search(20, "--jobs", "1")
        one = self.rows()
        self.out = self.folder / "again"
        self.search(20, "--jobs", "3")
        for a, b in zip(one, self.rows()):
            self.assertEqual({**a, "wall_seconds": ""}, {**b, "wall_seconds": ""})
        self.out = self.folder / "other"
        self.search(20, "--search-seed", "2")
        self.assertNotEqual([r["folder"] for r in one], self.column("folder"))

    def test_a_search_that_was_killed_goes_on_as_if_it_had_not_been(self):
        self.search(24)
        expected = [{**row, "wall_seconds": ""} for row in self.rows()]
        self.out = self.folder / "killed"
        command = ["--search", "24", "--jobs", "2", *self.grid(GRID), *OBJECTIVES]
        for number, runs in ((signal.SIGKILL, 5), (signal.SIGTERM, 15), (signal.SIGKILL, 28)):
            process = self.start(*command, grid=None)
            self.wait_for(lambda: self.runs() >= runs or process.poll() is not None)
            process.send_signal(number)
            process.communicate(timeout=30)
        with (self.out / "search.journal").open("ab") as journal:
            journal.write(b'{"op_code": 4, "wor')  # half a line, as a kill leaves it
        self.search(24)
        self.assertEqual([{**row, "wall_seconds": ""} for row in self.rows()], expected)
        twice = len(self.lines("finished.log")) - len(set(self.lines("finished.log")))
        # Each of the runs at a time may end just as the sweep is killed, before it is recorded.
        self.assertLessEqual(twice, 3 * 2)

    def test_more_trials_go_on_and_run_nothing_twice(self):
        self.search(10, "--fidelities", "full")
        before = self.points("full")
        self.search(16, "--fidelities", "full")
        self.assertEqual((self.points("full")[:8], self.runs()), (before[:8], 16))

    def test_what_breaks_a_constraint_or_is_refused_goes_no_further(self):
        grid = {**GRID, "hw/width": [0, 1, 2, 4]}
        done = self.search(30, "--constraint", "area.total_mm2<=20", grid=grid)
        self.assertIn("30 points, 0 failed", done.stdout)
        self.assertIn(" infeasible", done.stdout)
        for row in self.rows():
            if row["hw/width"] in "04":
                self.assertEqual((row["fidelity"], row["pareto"]), ("timing-only", ""))
                self.assertIn("refused by the program" if row["hw/width"] == "0"
                              else "area_mm2 40, allowed area_mm2<=20", row["verdict"])
        self.assertEqual({r["hw/width"] for r in self.rows() if r["fidelity"] == "full"},
                         {"1", "2"})

    def test_a_constraint_on_a_figure_that_no_result_has_is_refused(self):
        done = self.sweep("--search", "4", *self.grid(GRID), *OBJECTIVES, "--constraint",
                          "timing.cicles<=1", grid=None, status=2)
        self.assertIn("timing.cicles: results have no such figure", done.stderr)

    def test_a_constraint_on_the_training_holds_on_the_front(self):
        self.search(30, "--constraint", "test_accuracy>=0.8")
        front = [float(r["test_accuracy"]) for r in self.rows() if r["pareto"] == "yes"]
        self.assertTrue(front and min(front) >= 0.8)
        self.assertTrue(any("test_accuracy" in v for v in self.column("verdict")))

    def test_what_cannot_reach_the_front_is_stopped_early(self):
        done = self.search(48, "--replicas", "2", "--sampler", "random", "--batch", "12",
                           grid=SMALL)
        self.assertIn(" cannot reach the front", done.stdout)
        runs = {name: len(self.points(name)) for name in ("timing-only", "epochs 1", "full")}
        self.assertEqual(runs["timing-only"], 48)
        self.assertLess(runs["full"], 48)  # of 96
        front = {(r["hw/width"], r["hw/depth"]) for r in self.rows() if r["pareto"] == "yes"}
        self.assertEqual(front, {("1", str(d)) for d in range(1, 9)})  # nothing of it is lost

    @unittest.skipUnless(REAL, "no program given")
    def test_points_of_one_order_share_a_training_and_have_the_figures_of_their_own_run(self):
        self.program = REAL
        grid = self.grid({
            "hw/clock_mhz": [200, 400], "hw/input_queue_micro_batches": [1, 4],
            "points": [{"workload/pipeline/schedule": "pipelined"},
                       {"workload/pipeline/schedule": "gpipe", "workload/training/batch_size": 8}]})
        for name, folder in (("hw", "hw/small_mesh"), ("workload", "workloads/lenet5-glyphs")):
            (self.folder / f"{name}.json").write_text((ROOT / f"{folder}.json").read_text())
        run = ("--replicas", "2", "--", "--samples", "120", "--epochs", "3", "--set",
               "workload/training/target_accuracy=0.12", "--set", "workload/dataset/test_samples=50")

        def figures():
            return {tuple(v for k, v in row.items() if "/" in k):
                    {k: row[k] for k in [*row][[*row].index("test_accuracy"):]}
                    for row in self.rows() if row.get("fidelity", "full") == "full"}
        done = self.sweep("--search", "8", *grid, "--fidelities", "timing-only,1,full", *run, grid=None,
                          status=0)
        shared = [row for row in self.rows() if row["trained_as"] and row["fidelity"] == "full"]
        self.assertGreater(len(shared), 0)
        self.assertRegex(done.stdout, r"; \d+ shared another's\)")
        self.assertTrue(all((self.out / row["trained_as"] / "summary.json").exists()
                            for row in shared))
        searched = figures()
        self.out = self.folder / "grid"
        self.sweep(*grid, *run, grid=None, status=0)
        whole = figures()
        compared = 0
        for point, found in searched.items():
            if found["test_accuracy"]:  # others were stopped
                self.assertEqual({k: v for k, v in found.items() if k != "pareto"},
                                 {k: v for k, v in whole[point].items() if k != "pareto"})
                compared += 1
        self.assertGreaterEqual(compared, len(shared) + 2)
        self.assertTrue(any(found["seconds_to_target"] for found in searched.values()))

    def test_a_space_without_steps_is_searched_between_its_ends(self):
        self.search(12, "--fidelities", "full", grid={
            "hw/width": {"from": 6, "to": 900}, "hw/clock_mhz": {"from": 0.1, "to": 10,
                                                                "scale": "log"}})
        self.assertEqual(len(set(self.points("full"))), 12)
        self.assertTrue(all(6 <= int(w) <= 900 and 0.1 <= float(c) <= 10
                            for w, c in self.points("full")))

    def test_wrong_searches_are_told(self):
        for arguments, words in ((["--sampler", "tpee"], "did you mean tpe?"),
                                 (["--fidelities", "9,full"], "epochs below 4"),
                                 (["--fidelities", "full,1"], "the last"),
                                 (["--constraint", "aera_mm2<=3"], "did you mean area_mm2?")):
            self.assertIn(words, self.search(5, *arguments, status=2).stderr)
        done = self.search(40, grid={"hw/width": [0], "hw/depth": list(range(1, 41))}, status=2)
        self.assertIn("points were all refused; the last: hw/width: found 0", done.stderr)
        self.assertLess(self.runs(), 30)


class FidelityTest(unittest.TestCase):
    def test_default_fidelities_fit_the_run(self):
        def names(text, arguments, epochs):
            return [(f.name, f.arguments) for f in parse_fidelities(text, arguments, epochs)]
        self.assertEqual(names(None, ["--epochs", "5"], 1),
                         [("timing-only", ["--epochs", "5", "--timing-only"]),
                          ("epochs 1", ["--epochs", "1"]), ("full", ["--epochs", "5"])])
        self.assertEqual([n for n, _ in names(None, [], 1)], ["timing-only", "full"])
        self.assertEqual([n for n, _ in names(None, ["--timing-only"], 9)], ["full"])
        with self.assertRaises(InputError):
            parse_fidelities("timing-only,full", ["--timing-only"], 3)

    def test_hope_is_the_early_figure_and_the_largest_gain_seen(self):
        fidelities = parse_fidelities("timing-only,1,full", [], 4)
        judge = Judge(parse_objectives("max:test_accuracy,min:cycles"),
                      [parse_constraint("cycles<=1000")], fidelities)

        def evaluation(cycles, early=None, final=None):
            found = Evaluation({"timing-only": {"cycles": cycles}})
            if early is not None:
                found.figures["epochs 1"] = {"test_accuracy": early, "cycles": cycles / 4}
            if final is not None:
                found.figures["full"] = {"test_accuracy": final, "cycles": cycles}
            return found
        timing, short, _ = fidelities
        for cycles, early, final in ((100, 0.5, 0.6), (200, 0.5, 0.8), (300, 0.8, 0.9)):
            self.assertIsNone(judge.hoped(evaluation(50), timing))  # too few are through
            judge.add(evaluation(cycles, early, final))
        # The best, 0.9, is 0.1 better than the median: so much more may still come.
        self.assertEqual(judge.hoped(evaluation(250), timing), (-1.0, 250))
        self.assertFalse(judge.hopeless(evaluation(310), timing))
        for _ in range(4):  # now the best is the median, too
            judge.add(evaluation(320, 0.8, 0.9))
        self.assertFalse(judge.hopeless(evaluation(250), timing))
        self.assertTrue(judge.hopeless(evaluation(310), timing))
        hoped = judge.hoped(evaluation(250, early=0.49), short)
        self.assertAlmostEqual(hoped[0], -0.79)
        self.assertTrue(judge.hopeless(evaluation(250, early=0.49), short))
        self.assertFalse(judge.hopeless(evaluation(150, early=0.49), short))
        wide = evaluation(1500)
        judge.check_constraints(wide)
        self.assertEqual((wide.violation, wide.verdict),
                         (0.5, "infeasible: cycles 1500, allowed cycles<=1000"))


if __name__ == "__main__":
    done = unittest.main(exit=False).result
    sys.exit(not done.wasSuccessful() or (0 if PYTHON else 77))
