# SPDX-License-Identifier: Apache-2.0
"""Is Stagecoach usable from Python? The package needs the standard library only.

    python3 python_test.py PROGRAM"""

import importlib.util
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from sweep_case import REAL, ROOT, SweepCase

import stagecoach


class PackageTest(SweepCase):
    def test_a_sweep_gives_points_as_objects(self):
        swept = stagecoach.sweep(
            self.folder / "hw.json", self.folder / "workload.json",
            {"hw/width": [1, 2, 0], "workload/p": [{"cuts": ["a"]}]}, out=self.out,
            program=self.program, objectives="min:cycles")
        self.assertEqual([p.cycles for p in swept.points], [100, 200, None])
        self.assertEqual(swept.points[1].settings, {"hw/width": 2, "workload/p": {"cuts": ["a"]}})
        self.assertEqual([p["hw/width"] for p in swept.front], [1])
        self.assertTrue(repr(swept).endswith(" points, 1 on the front)"), repr(swept))
        self.assertEqual(swept.points[0].result.timing.cycles, 100)
        self.assertEqual(swept.manifest.objectives[0].column, "cycles")
        self.assertIn("found 0", swept.points[2].message)
        self.assertEqual([p.cycles for p in stagecoach.load(self.out).points], [100, 200, None])

    def test_files_may_be_dicts(self):
        first = stagecoach.run({"a": 1}, {"b": 2}, {"hw/width": 2}, out=self.out / "p/1",
                               program=self.program)
        self.assertEqual(first.timing.cycles, 200)
        swept = stagecoach.sweep({"a": 1}, {}, {"hw/width": [1]}, out=self.out,
                                 program=self.program)
        stagecoach.sweep({"a": 2}, {}, {"hw/width": [1]}, out=self.out, program=self.program)
        self.assertEqual((len(swept.points), self.runs()), (1, 3))

    def test_what_the_program_refuses_is_an_error_with_its_words(self):
        files = (self.folder / "hw.json", self.folder / "workload.json")
        with self.assertRaisesRegex(stagecoach.InputError, "found 0, must be at least 1"):
            stagecoach.run(*files, {"hw/width": 0}, out=self.out / "p/1", program=self.program)
        with self.assertRaisesRegex(stagecoach.ProgramError, "last word") as caught:
            stagecoach.run(*files, {"hw/width": 5}, out=self.out / "p/2", program=self.program)
        self.assertEqual(caught.exception.exit_status, 70)
        with self.assertRaisesRegex(stagecoach.InputError, "--hw: found 'nothing', which is neither"):
            stagecoach.run("nothing", files[1], program=self.program)
        with self.assertRaisesRegex(stagecoach.InputError, "set: found a list; allowed: a dict"):
            stagecoach.run(*files, ["hw/width=1"], program=self.program)
        with self.assertRaisesRegex(stagecoach.InputError, "no such file; give the folder"):
            stagecoach.load(self.folder)
        (self.folder / "summary.json").write_text('{"schema": "x"}')
        with self.assertRaisesRegex(stagecoach.InputError, "the schema is 'x'"):
            stagecoach.load(self.folder)
        diverged = stagecoach.run(*files, {"hw/width": 3}, out=self.out / "p/3",
                                  program=self.program)
        self.assertTrue(diverged.diverged)
        self.assertIsNone(diverged.test_accuracy)

    def test_a_signal_raises_stopped(self):
        code = ("import stagecoach, sys\ntry: stagecoach.sweep(*sys.argv[1:3], {'hw/seconds': "
                "[0.1, 30]}, out=sys.argv[3], program=sys.argv[4])\n"
                "except stagecoach.Stopped as stop: print('stopped by', stop.signal)")
        process = subprocess.Popen(
            [sys.executable, "-c", code, self.folder / "hw.json", self.folder / "workload.json",
             self.out, self.program], stdout=subprocess.PIPE, text=True,
            env={"PYTHONPATH": str(ROOT / "tools/python"), "PATH": "/usr/bin:/bin"})
        self.wait_for(lambda: self.runs() == 2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate(timeout=30)[0], "stopped by 2\n")

    def test_frames_where_pandas_is(self):
        swept = stagecoach.sweep(self.folder / "hw.json", self.folder / "workload.json",
                                 {"hw/width": [1, 2]}, out=self.out, program=self.program)
        if importlib.util.find_spec("pandas") is None:
            with self.assertRaisesRegex(stagecoach.InputError, "python3-pandas"):
                swept.to_frame()
        else:
            self.assertEqual(list(swept.to_frame()["cycles"]), [100, 200])


@unittest.skipUnless(REAL, "no program given")
class ProgramTest(unittest.TestCase):
    def test_a_run_gives_the_summarys_figures_and_tables(self):
        result = stagecoach.run(ROOT / "hw/small_mesh.json", "lenet5-glyphs",
                                {"hw/clock_mhz": 250}, program=REAL, samples=100, epochs=2, seed=3)
        self.assertEqual((result.timing.clock_mhz, result.provenance.seed), (250, 3))
        self.assertEqual(len(result.training.epochs), 2)
        self.assertGreater(result.stages[0].staleness.mean, 0)
        self.assertEqual(result.summary["timing"]["cycles"], result.timing.cycles)
        epochs = result.table("epochs")
        self.assertEqual([e["test_accuracy"] for e in epochs],
                         [e.test_accuracy for e in result.training.epochs])
        self.assertIsNone(result.folder)
        with self.assertRaisesRegex(AttributeError, "no field 'cylces'; there are: cycles"):
            print(result.timing.cylces)
        json.dumps(result.summary)

    def test_a_run_that_keeps_its_files_can_be_loaded(self):
        with self.assertRaises(stagecoach.InputError):
            stagecoach.run("small_mesh", "lenet5-glyphs", {"hw/clok_mhz": 1}, program=REAL)
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "out")
            made = stagecoach.run("small_mesh", "lenet5-glyphs", out=out, program=REAL,
                                  timing_only=True, samples=50)
            self.assertEqual(stagecoach.load(out).timing.cycles, made.timing.cycles)
            self.assertIsNone(made.test_accuracy)
            with self.assertRaises(stagecoach.InputError):  # an existing result, no force
                stagecoach.run("small_mesh", "lenet5-glyphs", out=out, program=REAL,
                               timing_only=True, samples=50)


if __name__ == "__main__":
    unittest.main()
