# SPDX-License-Identifier: Apache-2.0
"""Does tools/signatures see every integer that differs, name it, and pass over the rest?"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
SIGNATURES = HERE.parent.parent / "tools/signatures"

# Stands in for the program: writes the results that stand beside it, or fails with their "error".
PROGRAM = """#!/usr/bin/env python3
import json, pathlib, sys
results = json.loads(pathlib.Path(__file__ + ".json").read_text())
if "error" in results:
    sys.exit(results["error"])
arguments = sys.argv[1:]
hardware = arguments[arguments.index("--hw") + 1]
if results.get("hardware", hardware) != hardware:
    sys.exit("reads " + hardware)
out = pathlib.Path(arguments[arguments.index("--out") + 1])
for name, text in results["files"].items():
    (out / name).write_text(text)
if "--save-weights" in arguments:
    pathlib.Path(arguments[arguments.index("--save-weights") + 1]).write_text(results["weights"])
"""
EPOCH = ('{"train_loss": 2.50, "train_accuracy": 0.1, "test_loss": null, "test_accuracy": null,'
         ' "cycles": 70}')
SUMMARY = ('{"training": {"epochs": [%s]}, "stages": [{"idle": 3, "mean": 1.5}, {"idle": 4}],'
           ' "host": {"threads": 2}, "provenance": {"seed": 1}, "interrupted": false}')


class SignaturesTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.runs = {"first": {"hw": "hw/ideal.json", "workload": "workloads/lenet5-glyphs.json",
                               "arguments": ["--samples", "2"],
                               "records": ["timing", "functional"]}}
        self.old = self.program("old")
        self.update()

    def program(self, name, old="", new="", file="summary.json", weights="w", **more):
        """A program whose results are the usual ones, with `old` replaced by `new` in one file."""
        files = {"summary.json": SUMMARY % EPOCH, "epochs.csv": "epoch,cycles,joules\n0,70,0.5\n",
                 "staleness.csv": "stage,staleness_mean\n0,\n1,2.5\n",
                 "utilization.csv": "stage,idle_cycles\n0,5\n1,6\n", "memory.csv": "stage\n0\n"}
        self.assertIn(old, files[file])
        files[file] = files[file].replace(old, new) if old else files[file]
        path = self.folder / name
        path.write_text(PROGRAM)
        path.chmod(0o755)
        pathlib.Path(f"{path}.json").write_text(
            json.dumps({"files": files, "weights": weights, **more}))
        return path

    def signatures(self, *arguments):
        (self.folder / "runs.json").write_text(json.dumps({"runs": self.runs}))
        return subprocess.run(
            [sys.executable, SIGNATURES, "--runs", self.folder / "runs.json", "--table",
             self.folder / "table.json", *arguments], capture_output=True, text=True, check=False)

    def update(self):
        done = self.signatures("--update", self.old)
        self.assertEqual(done.returncode, 0, done.stderr)

    def check(self, program):
        return self.signatures("--check", program).returncode

    def test_the_same_results_have_the_same_signature(self):
        self.assertEqual(self.check(self.old), 0)

    def test_an_altered_hash_is_named_with_the_way_to_update(self):
        table = json.loads((self.folder / "table.json").read_text())
        table["first"] = table["first"][:-1] + ("0" if table["first"][-1] != "0" else "1")
        (self.folder / "table.json").write_text(json.dumps(table))
        done = self.signatures("--check", self.old)
        self.assertEqual(done.returncode, 1)
        self.assertIn("first", done.stderr)
        self.assertIn("--update", done.stderr)

    def test_runs_and_table_must_hold_the_same_names(self):
        self.runs["second"] = self.runs["first"]
        self.assertEqual(self.check(self.old), 1)
        del self.runs["first"]
        self.update()
        self.runs = {"first": self.runs["second"], **self.runs}
        self.update()
        del self.runs["second"]
        self.assertIn("second (in the table", self.signatures("--check", self.old).stderr)

    def test_every_integer_counts(self):
        for file, old, new in (("summary.json", '"idle": 4', '"idle": 5'),
                               ("summary.json", '"idle": 3', '"late": 3'),
                               ("epochs.csv", "0,70", "0,71"), ("staleness.csv", "1,2.5", "2,2.5"),
                               ("utilization.csv", "1,6", "1,7"), ("memory.csv", "0", "-1")):
            self.assertEqual(self.check(self.program("new", old, new, file)), 1, (file, new))

    def test_other_numbers_the_host_and_the_order_of_fields_do_not(self):
        for file, old, new in (("summary.json", "1.5", "1.25"), ("summary.json", "2.50", "null"),
                               ("summary.json", '"threads": 2', '"threads": 4'),
                               ("summary.json", '"seed": 1', '"seed": 2'),
                               ("summary.json", "false", "true"),
                               ("summary.json", '"idle": 3, "mean": 1.5',
                                '"mean": 1.0, "idle": 3'),
                               ("epochs.csv", "0.5", "0.7"), ("staleness.csv", "2.5", "1e-05")):
            self.assertEqual(self.check(self.program("new", old, new, file)), 0, (file, new))

    def test_diff_tells_added_removed_renamed_and_changed_apart(self):
        for file, old, new, line in (
                ("summary.json", '"idle": 4', '"idle": 5',
                 "changed summary.json/stages/*/idle, 1; first: summary.json/stages/1/idle 4 -> 5"),
                ("summary.json", '"mean": 1.5', '"mean": 1.5, "late": 7',
                 "added   summary.json/stages/*/late, 1; first: summary.json/stages/0/late 7"),
                ("utilization.csv", "stage,idle_cycles\n0,5\n1,6", "stage\n0\n1",
                 "removed utilization.csv/*/idle_cycles, 2;"
                 " first: utilization.csv/0/idle_cycles 5"),
                ("utilization.csv", "idle_cycles", "late_cycles",
                 "renamed utilization.csv/*/idle_cycles, 2; now utilization.csv/*/late_cycles")):
            done = self.signatures("--diff", self.old, self.program("new", old, new, file))
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stdout, f"first: differs\n  {line}\n")
        self.assertEqual(self.signatures("--diff", self.old, self.old).stdout, "first: equal\n")

    def test_the_old_program_may_read_another_checkout(self):
        old = self.program("old", hardware=str(self.folder / "hw/ideal.json"))
        for mode in ("--diff", "--functional"):
            self.assertEqual(
                self.signatures(mode, old, self.program("new"), "--old-files", self.folder)
                .returncode, 0)
            self.assertEqual(self.signatures(mode, old, self.program("new")).returncode, 1)

    def test_functional_compares_losses_as_written_and_weights(self):
        record = self.folder / "record.json"
        self.assertEqual(self.signatures("--record-functional", record, self.old).returncode, 0)
        for results, words in (({}, "equal"), ({"old": "2.50", "new": "2.5"}, "losses different"),
                               ({"weights": "v"}, "weights different"),
                               ({"old": '"idle": 4', "new": '"idle": 5'}, "equal")):
            new = self.program("new", **results)
            for done in (self.signatures("--functional", self.old, new),
                         self.signatures("--compare-functional", record, new)):
                self.assertEqual(done.returncode, 0 if words == "equal" else 1, done.stderr)
                self.assertEqual(done.stdout.split(maxsplit=1), ["first", words + "\n"])

    def test_a_run_that_fails_is_told_and_leaves_the_table(self):
        table = (self.folder / "table.json").read_text()
        broken = self.program("broken", error="no such field")
        for mode in (["--check", broken], ["--update", broken], ["--diff", self.old, broken],
                     ["--functional", broken, self.old],
                     ["--record-functional", self.folder / "record.json", broken]):
            done = self.signatures(*mode)
            self.assertEqual(done.returncode, 1, mode)
            self.assertIn("first: exit status 1: no such field", done.stderr)
        self.assertEqual((self.folder / "table.json").read_text(), table)

    def test_bad_arguments_are_told(self):
        for arguments, words in ((["--check", "nothing"], "nothing: no such file"),
                                 (["--record-functional", "record", "nothing"], "no such file"),
                                 (["--update", self.old, "--only", "first"], "leave --only out"),
                                 (["--check", self.old, "--only", "sixth"], "'sixth'"),
                                 (["--check", self.old, "--old-files", "nowhere"], "no such folder"),
                                 (["--compare-functional", "nowhere", self.old],
                                  "nowhere: No such")):
            done = self.signatures(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertNotIn("Traceback", done.stderr)
        for changes, words in (({"records": ["time"]}, "did you mean timing?"),
                               ({"argument": []}, "did you mean arguments?")):
            self.runs["first"] = {**self.runs["first"], **changes}
            self.assertIn(words, self.signatures("--check", self.old).stderr)
            self.runs["first"]["records"] = ["timing"]
        self.runs["first"] = {"hw": "hw/ideal.json"}
        self.assertIn("workload is missing", self.signatures("--check", self.old).stderr)


if __name__ == "__main__":
    unittest.main()
