# SPDX-License-Identifier: Apache-2.0
"""Do the experiments still run, and do their tables show what the documents say? Runs the short form
of every script in tools/reproduce and reads what it leaves."""

import csv
import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "tools/reproduce"
PROGRAM = sys.argv.pop(1)
HAS_OPTUNA = (importlib.util.find_spec("optuna") is not None
              or os.path.isdir("/usr/lib/python3/dist-packages/optuna"))
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))

import figure  # noqa: E402


class FigureTest(unittest.TestCase):
    def drawn(self, **options):
        """The elements of a chart of two series over three seeds, one of which diverged at 3."""
        svg = figure.line_chart("title", "x", "y", [1, 2, 3], [
            figure.over_seeds("first", [[0.5, 0.6, 0.7], [0.6, 0.7, 0.8], [0.7, None, 0.8]], 100),
            figure.over_seeds("second", [[0.3], [0.3], [0.3]], 100)], **options)
        return svg, list(xml.etree.ElementTree.fromstring(svg).iter())

    def test_means_have_whiskers_and_a_diverged_training_is_a_cross_and_not_a_mean(self):
        first = figure.over_seeds("first", [[0.5, 0.7], [0.7, None], [0.6]], 100)
        self.assertEqual(first.ys, [60, figure.DIVERGED, 60])
        self.assertAlmostEqual(first.errors[0], 14.142, places=3)
        self.assertEqual(first.errors[1:], [0, 0])
        svg, elements = self.drawn()
        self.assertEqual(sum(e.tag.endswith("circle") and e.get("r") == "3" for e in elements),
                         2 + 3 + 2)  # two of the legend
        words = [e.text for e in elements]
        self.assertIn("standard deviation over seeds", words)
        self.assertIn("diverged, with one seed or more", words)
        self.assertEqual(svg.count("l8 8m0 -8l-8 8"), 2)  # the cross, and in the legend

    def test_marks_stay_inside_the_axes_also_when_they_are_spread(self):
        for spread in (0, 30):
            _, elements = self.drawn(spread=spread)
            right = figure.WIDTH - figure.GAP
            marks = [float(e.get("cx")) for e in elements if e.tag.endswith("circle")][:5]
            self.assertTrue(all(figure.LEFT <= x <= right for x in marks), marks)

    def test_curves_that_would_hide_each_other_are_one_with_the_words_of_all(self):
        found = figure.merged([figure.Series("a", [1, 2]), figure.Series("b", [2, 2]),
                               figure.Series("c", [1, 2])])
        self.assertEqual([s.words for s in found], ["a; c", "b"])

    def test_noise_does_not_fill_an_axis_that_has_a_least_span(self):
        panel = figure.Panel("", "", "", [1, 2], [figure.Series("", [97.9, 98.1])], y_least=10)
        self.assertGreaterEqual(panel.high - panel.low, 10)
        self.assertTrue(panel.low < 97.9 < 98.1 < panel.high)


TABLES_ONLY = {"deviations", "eyeriss", "nvdla", "usc_fpga", "vta"}  # comparisons that no figure makes clearer


class ReproduceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)

    def short(self, script):
        """Runs a script; returns (its output, its folder)."""
        folder = pathlib.Path(self.temporary.name) / script
        done = subprocess.run(
            [sys.executable, SCRIPTS / script, "--short", "--program", PROGRAM, "--out", folder],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{script}:\n{done.stdout}\n{done.stderr}")
        self.assertIn("holds: ", done.stdout, f"{script} claims nothing")
        figures = list(folder.glob("*.svg"))
        if script not in TABLES_ONLY:
            self.assertTrue(figures, f"{script} drew nothing")
        for figure in figures:
            xml.etree.ElementTree.parse(figure)
            for broken in ("nan", "inf"):
                self.assertNotIn(f'"{broken}', figure.read_text(encoding="utf-8"))
        self.assertTrue(list(folder.glob("*.csv")), f"{script} left no data")
        return done.stdout, folder

    def rows(self, path):
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def run_in(self, folder, script, *arguments, program=PROGRAM):
        return subprocess.run([sys.executable, SCRIPTS / script, "--short", "--program", program,
                               "--out", folder, *arguments],
                              capture_output=True, text=True, check=False)

    def test_results_of_another_program_or_of_other_settings_are_not_taken_for_the_own(self):
        folder = pathlib.Path(self.temporary.name) / "identity"
        sgd = ("--methods", "sgd")
        first = self.run_in(folder, "compare_mitigations", *sgd)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(self.run_in(folder, "compare_mitigations", *sgd).stdout, first.stdout)
        constant = 'workload/training/optimizer/learning_rate_schedule={"type":"constant"}'
        other = self.run_in(folder, "compare_mitigations", *sgd, "--set", constant)
        self.assertEqual(other.returncode, 0, other.stderr)
        self.assertNotEqual(other.stdout, first.stdout)
        self.assertNotEqual(
            self.run_in(folder, "compare_mitigations", *sgd, program="/bin/false").returncode, 0)

    def test_bad_arguments_are_told_in_a_line_that_names_what_was_meant(self):
        folder = pathlib.Path(self.temporary.name) / "bad"
        a_file = pathlib.Path(self.temporary.name) / "file"
        a_file.touch()
        for script, arguments, words in (
                ("placement", ["--networks", "Lenet5"], "did you mean LeNet-5?"),
                ("compare_mitigations", ["--methods", "sgd,pb_stach"], "did you mean pb_stash?"),
                ("compare_mitigations", ["--workload", "nothing.json"], "nothing.json: no such"),
                ("compare_mitigations", ["--epochs", "0"], "'0', must be a whole number, at least"),
                ("horizon", ["--seeds", "1,a"], "'1,a', must be whole numbers"),
                ("horizon", ["--data", "nowhere"], "nowhere: no such folder"),
                ("schemes", ["--jobs", "0"], "'0', must be"),
                ("schemes", ["--program", "nothing"], "nothing: no such file"),
                ("schemes", ["--program", str(a_file)], "cannot be run"),
                ("schemes", ["--out", str(a_file / "out")], f"{a_file}")):
            with self.subTest(script=script, arguments=arguments):
                done = self.run_in(folder, script, *arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertNotIn("Traceback", done.stderr)

    def test_the_short_form_says_which_options_it_ignores(self):
        done = self.run_in(pathlib.Path(self.temporary.name) / "ignored", "placement", "--epochs=3",
                           "--seeds", "4", "--rate", "0.005")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.splitlines(),
                         [f"placement: {flag} is ignored: --short has its own"
                          for flag in ("--seeds", "--epochs")])

    def test_a_run_that_was_interrupted_is_made_again(self):
        folder = pathlib.Path(self.temporary.name) / "interrupted"
        first = self.run_in(folder, "compare_mitigations", "--methods", "sgd")
        self.assertEqual(first.returncode, 0, first.stderr)
        paths = list(folder.glob("runs/*/summary.json"))
        self.assertTrue(paths)
        for path in paths:
            summary = json.loads(path.read_text(encoding="utf-8"))
            summary["training"].update(interrupted=True, epochs=summary["training"]["epochs"][:1])
            summary["training"]["epochs"][0]["test_accuracy"] = 0
            path.write_text(json.dumps(summary), encoding="utf-8")
        shutil.rmtree(folder / "results")  # where it would be recorded
        again = self.run_in(folder, "compare_mitigations", "--methods", "sgd")
        self.assertEqual(again.stdout, first.stdout)

    def test_fill_and_drain_takes_the_closed_forms_ticks(self):
        _, folder = self.short("fill_and_drain")
        rows = self.rows(folder / "fill_and_drain.csv")
        self.assertGreater(len(rows), 10)
        for row in rows:
            stages, batch = int(row["S"]), int(row["N"])
            self.assertEqual(int(row["ticks"]), batch + 2 * stages - 2)
            self.assertAlmostEqual(float(row["utilization"]), batch / (batch + 2 * stages - 2))

    def test_a_finite_buffer_costs_rate_and_staleness_as_the_law_says(self):
        _, folder = self.short("finite_buffers")
        rows = {int(r["B"]): r for r in self.rows(folder / "finite_buffers.csv")}
        self.assertEqual(sorted(rows), list(range(1, 16)))
        for places, row in rows.items():
            self.assertEqual(row["samples per tick"], f"{places / 15:.4f}")
        self.assertEqual((rows[15]["ticks for 400"], rows[1]["ticks for 400"]), ("414", "6000"))
        self.assertEqual(rows[15]["staleness by stage"], "14 12 10 8 6 4 2 0")
        self.assertEqual(rows[1]["staleness by stage"], "0 0 0 0 0 0 0 0")

    def test_every_known_deviation_is_what_the_page_says(self):
        printed, _ = self.short("deviations")
        page = (ROOT / "docs/deviations.md").read_text(encoding="utf-8")
        shown = page.split("<!-- output: deviations -->\n")[1].split("<!-- end -->")[0]
        self.assertEqual(shown, printed.replace("\nholds:", "\n- holds:"))

    def test_every_other_experiment_runs_and_its_claims_hold(self):
        own = {"fill_and_drain", "finite_buffers", "campaign", "deviations"}
        scripts = sorted(path.name for path in SCRIPTS.iterdir()
                         if path.suffix != ".py" and os.access(path, os.X_OK) and path.is_file())
        self.assertTrue(own < set(scripts))
        for script in scripts:
            if script == "search_front" and not HAS_OPTUNA:
                print("search_front is skipped: no Optuna (apt-get install python3-optuna)",
                      file=sys.stderr)
            elif script not in own:
                with self.subTest(script):
                    self.short(script)


if __name__ == "__main__":
    unittest.main()
