# SPDX-License-Identifier: Apache-2.0
"""Are runs laid side by side, and sweeps drawn, with the figures that they hold?

    report_comparison_test.py PROGRAM
"""

import csv
import json
import shutil
import unittest

from report_support import Pages, Reader, report, run
from reporting import comparison


class ComparisonTest(Pages):
    def test_runs_stand_side_by_side(self):
        other = run(self.root / "other", "--epochs", "2", "--set",
                    "workload/pipeline/schedule=sequential", "--set", "hw/clock_mhz=250")
        read = self.page(self.copy(self.trained, name="base"), other)
        text = read.words()
        self.assertEqual(read.title, "lenet5-glyphs on small_mesh, 2 runs compared: base | other")
        self.assertIn("hw/clock_mhz 500 250", text)
        self.assertIn("workload/pipeline/schedule pipelined sequential", text)
        self.assertNotIn("workload/training/epochs", text)
        base, slow = (json.loads((folder / "summary.json").read_text(encoding="utf-8"))
                      for folder in (self.trained, other))
        change = 100 * (slow["timing"]["cycles"] / base["timing"]["cycles"] - 1)
        self.assertIn(f"{change:+.1f} %", text)
        rate = (slow["timing"]["samples_per_simulated_second"]
                / base["timing"]["samples_per_simulated_second"])
        self.assertIn(f"{100 * (1 - rate):.1f} % slower", text)
        curves = next(s for s in read.specs if s["title"] == "Accuracy against energy")
        self.assertEqual([s["name"] for s in curves["series"]],
                         ["base", "base, training", "other", "other, training"])
        stairs = next(s for s in read.specs if s["title"] == "Delay by stage")
        self.assertEqual(stairs["series"][1]["points"], [[0, 8], [1, 6], [2, 4], [3, 2], [4, 0]])
        self.assertEqual([p[1] for p in stairs["series"][2]["points"]], [0, 0, 0, 0, 0])

    def test_equal_runs_do_not_differ(self):
        text = self.page(self.copy(self.trained, name="a"), self.copy(self.trained, name="b"),
                         "--out", self.root / "page.html").words()
        self.assertIn("There is none.", text)
        self.assertIn("b against a: the same in all figures below.", text)

    def test_runs_of_different_networks_have_a_table_each(self):
        out = self.root / "cuts"
        run(out, "--timing-only", "--set", 'workload/pipeline/partition={"cuts":["conv2"]}')
        text = self.page(self.copy(self.timed, name="base"), out).words()
        self.assertIn("The runs cut the network into different stages.", text)

    def test_differences_in_words(self):
        joules = ("less energy", "more energy")
        for base, value, names, said in (
                (4.0, 3.08, joules, "23.0 % less energy"), (4.0, 5.0, joules, "25.0 % more energy"),
                (4.0, 4.0001, joules, ""), (0, 4.0, joules, ""), (None, 4.0, joules, ""),
                (2.0, 5.0, joules, "2.50 times as much: more energy"),
                (10, 18, ("slower", "faster"), "1.80 times as fast"),
                (10, 9, ("slower", "faster"), "10.0 % slower")):
            with self.subTest(said):
                self.assertEqual(comparison.in_words(base, value, names), said)


class SweepTest(Pages):
    """A sweep's folder in the format of docs/sweeps.md, made here: nothing is run."""

    FIGURES = ("test_accuracy", "simulated_seconds", "total_joules", "limited_by")
    ROWS = (  # clock, seed, exit status, accuracy, seconds, joules
        (500, 1, 0, 0.90, 1.0, 2.0), (500, 2, 0, 0.80, 1.2, 2.2),
        (1000, 1, 0, 0.95, 0.5, 3.0), (1000, 2, 0, 0.97, 0.5, 3.0),
        (2000, 1, 0, 0.99, 0.1, 1.0), (2000, 2, 3, "", "", ""),
        (4000, 1, 2, "", "", ""), (4000, 2, 2, "", "", ""))

    def sweep(self, manifest=True, rows=ROWS):
        folder = self.root / "sweep"
        folder.mkdir()
        header = ["hw/clock_mhz", "workload/training/seed", "exit_status", "message", "folder",
                  *self.FIGURES, "pareto"]
        with (folder / "results.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for clock, seed, status, *figures in rows:
                place = folder / f"points/p{clock}-{seed}"
                place.mkdir(parents=True)
                message = "line one\nline two <b>" if status == 2 else ""
                (place / "point.json").write_text(json.dumps({"message": message}),
                                                  encoding="utf-8")
                writer.writerow([clock, seed, status, message.replace("\n", " "),
                                 f"points/p{clock}-{seed}", *figures,
                                 "core0" if status == 0 else "", ""])
        if manifest:
            columns = [{"name": n, "unit": u} for n, u in zip(
                self.FIGURES, ("ratio", "seconds", "joules", "text"))]
            (folder / "sweep.json").write_text(json.dumps({
                "schema": "stagecoach.sweep/1", "hardware": "hw/small_mesh.json",
                "workload": "workloads/lenet5-glyphs.json", "program": "build/stagecoach",
                "arguments": [], "fields": [{"path": "hw/clock_mhz", "values": [500]}],
                "replicas": {"field": "workload/training/seed", "seeds": [1, 2]},
                "columns": columns, "objectives": [
                    {"direction": "max", "column": "test_accuracy"},
                    {"direction": "min", "column": "simulated_seconds"}],
                "constraints": [], "search": None, "points": 10}), encoding="utf-8")
        return folder

    def test_a_front_is_over_means_of_whole_settings(self):
        for manifest in (True, False):
            with self.subTest(manifest=manifest):
                folder = self.sweep(manifest)
                read = self.page(folder)
                fronts = read.charts("fronts")[0]
                self.assertEqual([p["name"] for p in fronts["points"]],
                                 ["clock_mhz 500", "clock_mhz 1000"])
                self.assertEqual(fronts["points"][0]["means"], [0.85, 1.1, 2.1])
                self.assertEqual(fronts["points"][0]["spreads"], [0.0707107, 0.141421, 0.141421])
                self.assertEqual([(c["name"], c["unit"], c["better"]) for c in fronts["columns"]],
                                 [("test accuracy", "ratio", "max"),
                                  ("simulated time", "s", "min"), ("total energy", "J", "min")])
                self.assertEqual((fronts["x"], fronts["y"]), (1, 0))
                self.assertIn("2 settings of which a seed is missing, failed, diverged",
                              read.words())
                shutil.rmtree(folder)

    def test_tables_have_means_and_spreads_and_links(self):
        read = self.page(self.sweep())
        self.assertIn("85.00 ± 7.07 % 1.10 ± 0.141 s 2.10 ± 0.141 J core0 2 of 2 1 2", read.words())
        self.assertIn("points/p500-1/", read.links)
        self.assertIn("This sweep is not finished: 8 of 10 points have a row.", read.words())
        self.assertEqual(read.title, "lenet5-glyphs on small_mesh, sweep over clock_mhz")

    def test_failures_stand_with_their_whole_reason(self):
        folder = self.sweep()
        text = (folder / "report.html")
        read = self.page(folder)
        self.assertIn("exit status 2 line one line two <b> 2", read.words())
        self.assertIn("the training diverged", read.words())
        self.assertIn("line one\nline two &lt;b&gt;", text.read_text(encoding="utf-8"))

    def test_parallel_axes_are_of_fields_and_objectives(self):
        chart = self.page(self.sweep()).charts("parallel")[0]
        self.assertEqual([a["name"] for a in chart["axes"]],
                         ["clock_mhz", "test accuracy", "simulated time"])
        self.assertEqual(chart["axes"][0]["words"], ["500", "1000", "2000", "4000"])
        self.assertEqual(chart["rows"][3], [3, None, None])

    def test_a_point_links_to_its_own_page(self):
        folder = self.sweep()
        shutil.copytree(self.timed, folder / "points/p500-1", dirs_exist_ok=True)
        made = report(folder, "--point-pages", "--out", self.root / "page.html")
        self.assertEqual(made.returncode, 0, made.stderr)
        links = Reader((self.root / "page.html").read_text(encoding="utf-8")).links
        self.assertIn("sweep/points/p500-1/report.html", links)
        self.assertIn("sweep/points/p500-2/", links)
        self.assertTrue((folder / "points/p500-1/report.html").exists())

    def test_an_empty_sweep_says_so(self):
        folder = self.sweep(rows=())
        (folder / "results.csv").unlink()
        self.assertIn("No point is finished.", self.page(folder).words())

    def test_broken_sweeps_are_named_with_their_fault(self):
        folder = self.sweep()
        table = (folder / "results.csv").read_text(encoding="utf-8")
        manifest = (folder / "sweep.json").read_text(encoding="utf-8")
        for name, content, said in (
                ("results.csv", "a,b\n", "lacks the column 'exit_status'"),
                ("results.csv", table[:-20], "line 9: found"),
                ("results.csv", table.replace("500,1,0", "500,1,x"), "column exit_status"),
                ("sweep.json", manifest[:50], "no JSON"), ("sweep.json", "[]", "schema is None"),
                ("sweep.json", manifest.replace('"max"', '"up"'), "/objectives/0/direction"),
                ("sweep.json", manifest.replace('"seeds": [1, 2]', '"seeds": 2'),
                 "/replicas/seeds")):
            with self.subTest(said):
                (folder / "results.csv").write_text(table, encoding="utf-8")
                (folder / "sweep.json").write_text(manifest, encoding="utf-8")
                (folder / name).write_text(content, encoding="utf-8")
                made = report(folder)
                self.assertEqual(made.returncode, 2, made.stdout)
                self.assertIn(str(folder / name), made.stderr)
                self.assertIn(said, made.stderr)

    def test_of_a_search_only_whole_runs_count_for_the_front(self):
        folder = self.root / "search"
        folder.mkdir()
        (folder / "results.csv").write_text(
            "hw/clock_mhz,fidelity,exit_status,message,verdict,folder,test_accuracy,"
            "simulated_seconds,pareto\n"
            "250,epochs 1,0,,cannot reach the front,points/a,0.99,0.1,\n"
            "500,epochs 1,0,,,points/c,0.5,0.2,\n"
            "500,full,0,,,points/b,0.9,0.5,yes\n"
            "1000,epochs 1,0,,,points/d,0.6,0.2,\n", encoding="utf-8")
        read = self.page(folder)
        self.assertEqual([p["name"] for p in read.charts("fronts")[0]["points"]],
                         ["clock_mhz 500"])
        self.assertIn("went no further cannot reach the front 1", read.words())
        self.assertIn("250 epochs 1 99.00 % 100 ms 1 of 1", read.words())
        # A setting is one row: of the last fidelity that it reached.
        self.assertIn("3 settings tried 4 runs 1 went through 1 went no further", read.words())
        self.assertIn("all 3 settings", read.words())
        self.assertIn("2 settings that failed, diverged or went no further", read.words())
        self.assertNotIn("seed", read.words().split("Points")[0])

    def test_a_sweep_stands_alone(self):
        made = report(self.sweep(), self.timed)
        self.assertEqual(made.returncode, 2)
        self.assertIn("give one sweep alone", made.stderr)

if __name__ == "__main__":
    unittest.main()
