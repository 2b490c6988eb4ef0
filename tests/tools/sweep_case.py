# SPDX-License-Identifier: Apache-2.0
"""What the tests of sweeps share: files for a fake program, and calls of tools/sweep."""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SWEEP = ROOT / "tools/sweep"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools/python"))
# The real program, the tests' first argument; None: it was not given.
REAL = sys.argv.pop(1) if sys.argv[1:] and pathlib.Path(sys.argv[1]).is_file() else None


class SweepCase(unittest.TestCase):
    python = sys.executable

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        self.out = self.folder / "out"
        (self.folder / "hw.json").write_text("{}")
        (self.folder / "workload.json").write_text("{}")
        self.program = self.folder / "program"
        text = (HERE / "fake_stagecoach").read_text().split("\n", 1)[1]
        self.program.write_text(f"#!{sys.executable} -IS\n{text}")  # starts fast
        self.program.chmod(0o755)

    def command(self, *arguments, grid="hw/width=[1, 2, 4]"):
        return [self.python, SWEEP, "--hw", self.folder / "hw.json", "--workload",
                self.folder / "workload.json", "--out", self.out, "--program", self.program,
                *(["--set", grid] if grid else []), *arguments]

    def sweep(self, *arguments, grid="hw/width=[1, 2, 4]", status=None):
        done = subprocess.run(self.command(*arguments, grid=grid), capture_output=True, text=True,
                              check=False)
        self.assertNotIn("Traceback", done.stderr)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stderr)
        return done

    def start(self, *arguments, grid):
        """A sweep that is running; ended with the test."""
        process = subprocess.Popen(self.command(*arguments, grid=grid), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)

        def end():
            process.terminate()
            process.communicate()
        self.addCleanup(end)
        return process

    def grid(self, content):
        path = self.folder / "grid.json"
        path.write_text(json.dumps(content))
        return ["--grid", str(path)]

    def rows(self):
        with (self.out / "results.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def column(self, name):
        return [row[name] for row in self.rows()]

    def lines(self, name):
        """Of a log of the fake program."""
        path = self.out / name
        return path.read_text().splitlines() if path.exists() else []

    def runs(self):
        return len(self.lines("runs.log"))

    def wait_for(self, condition, seconds=120):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not come true")
            time.sleep(0.02)
