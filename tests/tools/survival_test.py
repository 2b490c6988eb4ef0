# SPDX-License-Identifier: Apache-2.0
"""Do the experiments' trainings survive? Stopped and killed they go on, recorded they are not trained
again, no result is taken for another's, and the documents show what the records say."""

import csv
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "tools/reproduce"
PROGRAM = sys.argv.pop(1)
sys.dont_write_bytecode = True
sys.path[:0] = [str(ROOT / "tools/python"), str(SCRIPTS)]

import records  # noqa: E402
from stagecoach.local import LocalExecutor  # noqa: E402
from stagecoach.points import Task  # noqa: E402


def command(script, folder, *arguments):
    return [sys.executable, "-B", str(SCRIPTS / script), "--out", str(folder), *arguments]


def call(*arguments):
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False,
                          cwd=ROOT)


def rows(folder, name, without=("seconds",)):
    with (folder / f"results/{name}.csv").open(newline="", encoding="utf-8") as file:
        return [{k: v for k, v in row.items() if k not in without} for row in csv.DictReader(file)]


class SurvivalTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def long(self, name, *more):
        """A training of some seconds in two runs, recorded in its own folder."""
        out = self.folder / name
        return command("compare_mitigations", out, "--program", PROGRAM, "--workload",
                       str(ROOT / "workloads/lenet5-glyphs.json"), "--data", str(self.folder),
                       "--samples", "4000", "--epochs", "8", "--methods", "sgd,pb", "--seeds", "1",
                       "--results", str(out / "results"), *more), out

    def stop(self, process, out, number):
        """Sends the signal once an epoch is written that was not there before."""
        def epochs():
            return sum(path.stat().st_mtime_ns for path in out.glob("runs/*/epochs.csv"))
        before, deadline = epochs(), time.monotonic() + 60
        while epochs() == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        return process.wait()

    def test_a_stopped_and_a_killed_experiment_go_on_to_the_same_table(self):
        undisturbed, other = self.long("undisturbed")
        reference = subprocess.run(undisturbed, capture_output=True, text=True, check=False)
        self.assertEqual(reference.returncode, 0, reference.stderr)
        disturbed, out = self.long("disturbed")
        for number, statuses in ((signal.SIGTERM, (0, 128 + signal.SIGTERM)),
                                 (signal.SIGKILL, (0, -signal.SIGKILL))):
            process = subprocess.Popen(disturbed, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            self.assertIn(self.stop(process, out, number), statuses)
        again = subprocess.run(disturbed, capture_output=True, text=True, check=False)
        tables = [re.sub(r", .* hours", "", done.stdout) for done in (again, reference)]
        self.assertEqual((again.returncode, tables[0]), (0, tables[1]), again.stderr)
        for name in ("runs", "epochs", "stages"):
            self.assertEqual(rows(out, name), rows(other, name))

    def test_a_training_whose_checkpoint_is_refused_begins_again(self):
        started, out = self.long("started")
        process = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.stop(process, out, signal.SIGTERM)
        folders = sorted(out.glob("runs/*"))
        begun = [f for f in folders if list(f.glob("checkpoint/*"))]
        if len(begun) < 2:
            self.skipTest("a training ended before it was stopped")
        shutil.rmtree(begun[0] / "checkpoint")
        shutil.copytree(begun[1] / "checkpoint", begun[0] / "checkpoint")
        again = subprocess.run(started, capture_output=True, text=True, check=False)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn(f"{begun[0].name}: begins again: ", again.stderr)
        self.assertIn("belongs to another run", again.stderr)
        self.assertNotIn(f"{begun[1].name}: begins again", again.stderr)
        self.assertEqual(len(rows(out, "runs")), 2)

    def test_the_status_tells_what_is_done_and_what_is_left_and_trains_nothing(self):
        begun, out = self.long("begun", "--status")
        before = subprocess.run(begun, capture_output=True, text=True, check=False)
        self.assertEqual(before.returncode, 0, before.stderr)
        self.assertRegex(before.stdout, r"to do  \S+-sgd-seed1, about .* left\n")
        self.assertRegex(before.stdout, r"2 trainings: 0 done, 2 left, about .* of one core\n")
        self.assertFalse((out / "runs").exists())
        short = ("compare_mitigations", self.folder / "short", "--short", "--program", PROGRAM)
        self.assertEqual(call(*short, "--methods", "sgd").returncode, 0)
        after = call(*short, "--methods", "sgd,pb", "--status")
        self.assertIn("done   glyphs-2-sgd-seed1\nto do  glyphs-2-pb-seed1, about", after.stdout)

    def test_what_is_recorded_needs_no_program_and_is_not_trained_again(self):
        for script in ("normalization", "time_to_accuracy", "tradeoff"):
            with self.subTest(script):
                out, kept = self.folder / script, self.folder / f"{script}-kept"
                first = call(script, out, "--short", "--program", PROGRAM)
                self.assertEqual(first.returncode, 0, first.stderr)
                shutil.copytree(out / "results", kept / "results")
                for where, more in ((kept, ["--from-results", "--program", "/bin/false"]),
                                    (kept, ["--program", PROGRAM])):
                    again = call(script, where, "--short", *more)
                    self.assertEqual((again.returncode, again.stdout), (0, first.stdout),
                                     again.stderr)
                    self.assertFalse(list(where.glob("runs/*seed*")))

    def test_what_another_script_recorded_counts_and_is_not_written_to(self):
        scripts = self.folder / "docs/results"
        about = {name: "word" for name in records.ABOUT} | {"id": "one", "seconds": 3}
        summary = {**records.picked_from({}, records.RUN), "stages": []}
        summary["training"]["epochs"] = []
        records.Records(scripts / "first").add(about, summary)
        second = records.Records(scripts / "second", [scripts / "first"])
        self.assertEqual((second.about("one"), second.about("two")), (about, None))
        self.assertEqual(second.summary("one"), summary)
        second.add({**about, "id": "two"}, summary)
        self.assertEqual(second.about("two")["id"], "two")
        self.assertIsNone(records.Records(scripts / "first").about("two"))
        self.assertIsNone(records.Records(scripts / "second").about("one"))

    def test_from_results_leaves_out_what_is_not_recorded_and_names_it(self):
        done = call("normalization", self.folder / "none", "--short", "--from-results")
        self.assertIn("not recorded: glyphs-group_norm-sequential-seed1", done.stderr)
        self.assertIn("| group_norm | not run | - | not run | - |", done.stdout)

    def test_a_result_of_other_data_or_of_a_program_that_computes_otherwise_is_not_taken(self):
        out = self.folder / "other"
        arguments = ("normalization", out, "--short", "--program", PROGRAM)
        first = call(*arguments)
        path = out / "results/runs.csv"
        text = path.read_text(encoding="utf-8")
        own = rows(out, "runs")[0]
        for what, other in (("fingerprint", "1 2 3"), ("data", "0123456789abcdef")):
            path.write_text(text.replace(f",{own[what]},", f",{other},", 1), encoding="utf-8")
            again = call(*arguments)
            self.assertEqual(again.stdout, first.stdout)
            self.assertIn(f"{own['run']}: recorded with another {what} ({other}; here {own[what]});"
                          " made again", again.stderr)
            self.assertEqual(rows(out, "runs")[0], own)

    def test_a_campaign_keeps_each_step_s_table_and_names_an_unknown_step(self):
        out = self.folder / "campaign"
        done = call("campaign", out, "--short", "--program", PROGRAM, "--steps",
                    "norms_cifar,hybrid_lenet")
        self.assertEqual(done.returncode, 0, done.stderr)
        for step in ("norms_cifar", "hybrid_lenet"):
            table = (out / f"{step}.md").read_text(encoding="utf-8")
            self.assertIn("holds: ", table)
            self.assertIn(table, done.stdout)
        status = call("campaign", out, "--short", "--program", PROGRAM, "--status", "--steps",
                      "norms_cifar")
        self.assertIn("4 trainings: 4 done, 0 left\n", status.stdout)
        bad = call("campaign", out, "--short", "--steps", "norms_cifer")
        self.assertEqual(bad.returncode, 2)
        self.assertIn("did you mean norms_cifar?", bad.stderr)

    def test_every_step_of_the_campaign_is_a_call_that_its_script_understands(self):
        listed = re.findall(r'^    "(\w+)": \[', (SCRIPTS / "campaign").read_text(), re.MULTILINE)
        self.assertGreater(len(listed), 10)
        done = subprocess.run(
            command("campaign", self.folder / "all", "--program", "/bin/false", "--data",
                    str(self.folder)), capture_output=True, text=True, check=False)
        self.assertIn("failed: " + ", ".join(listed), done.stderr)  # at the program, not before
        self.assertNotIn("usage:", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_a_child_yields_as_its_parent_does(self):
        own = pathlib.Path("/proc/self/autogroup")
        if not own.exists():
            self.skipTest("this kernel has no scheduling groups of sessions")
        program = self.folder / "program"
        program.write_text("#!/bin/sh\nsleep 0.5\ncat /proc/self/autogroup >&2\nexit 70\n")
        program.chmod(0o755)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.setsid()
            own.write_text("5", encoding="ascii")
            task = Task({}, [], self.folder / "point", [str(program)])
            for _, status in LocalExecutor().run([task]):
                os.write(writer, status.message.encode())
            os._exit(0)
        os.close(writer)
        with open(reader, encoding="utf-8") as told:
            self.assertIn("nice 5", told.read())
        os.waitpid(child, 0)


class DocumentTest(unittest.TestCase):
    BLOCK = re.compile(r"<!-- from results: (.+?) -->\n(.*?)<!-- end -->", re.DOTALL)

    def test_tables_from_records_are_what_their_commands_print(self):
        text = (ROOT / "docs/reproduction.md").read_text(encoding="utf-8")
        blocks = self.BLOCK.findall(text)
        self.assertTrue(blocks)
        for line, shown in blocks:
            with self.subTest(line), tempfile.TemporaryDirectory() as folder:
                script, *arguments = shlex.split(line)
                done = call(script, folder, *arguments, "--from-results")
                self.assertEqual(done.stdout.replace("\nholds:", "\n- holds:"), shown, done.stderr)


if __name__ == "__main__":
    unittest.main()
