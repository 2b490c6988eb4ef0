# SPDX-License-Identifier: Apache-2.0
"""Does a sweep on a cluster lose nothing and run nothing twice? Against a real Slurm on loopback
(start_slurm), with a fake program. Skipped, saying so, with exit status 77 where
Slurm is not installed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))

from sweep_case import SweepCase  # noqa: E402

NOT_INSTALLED = 77


class Cluster:
    """The daemons, for all tests."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="slurm-")
        started = subprocess.run([HERE / "start_slurm", self.folder.name], text=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        self.missing = started.stderr.strip() if started.returncode == NOT_INSTALLED else None
        if started.returncode not in (0, NOT_INSTALLED):
            raise RuntimeError(started.stderr)
        os.environ["SLURM_CONF"] = f"{self.folder.name}/slurm.conf"
        os.environ["PATH"] += ":/usr/sbin"

    def end(self):
        if not self.missing:
            subprocess.run([HERE / "stop_slurm", self.folder.name], check=True)
        self.folder.cleanup()

    def kill_node_daemon(self):
        os.kill(int(pathlib.Path(self.folder.name, "slurmd.pid").read_text()), signal.SIGKILL)

    @staticmethod
    def start_node_daemon():
        subprocess.run(["slurmd", "-N", "node0"], check=True)

    @staticmethod
    def preempt(seconds):
        """Takes all of the node for some seconds, from whatever runs there."""
        subprocess.run(["sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null",
                        f"--wrap=sleep {seconds}"], stdout=subprocess.DEVNULL, check=True)

    @staticmethod
    def release_requeued():
        """Tasks that were requeued start now and not after Slurm's two minutes. Were there any?"""
        shown = subprocess.run(["squeue", "--noheader", "--array", "--states=PENDING",
                                "--format=%F_%K %r"], text=True, capture_output=True, check=True)
        late = [line.split()[0] for line in shown.stdout.splitlines() if "BeginTime" in line]
        for task in late:
            subprocess.run(["scontrol", "update", f"JobId={task}", "StartTime=now"], check=True)
        return bool(late)

    @staticmethod
    def queue():
        return subprocess.run(["squeue", "--noheader", "--array", "--format=%F_%K %T"], text=True,
                              capture_output=True, check=True).stdout.splitlines()


class SlurmTest(SweepCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)
        if cls.cluster.missing:
            raise unittest.SkipTest(cls.cluster.missing)

    def setUp(self):
        super().setUp()
        self.addCleanup(subprocess.run, ["scancel", "--full", "--user", str(os.getuid())],
                        check=False)

    SLURM = ("--executor", "slurm", "--poll-seconds", "0.3")

    def preempt(self):
        """Takes the node until a task was requeued: one may end just before it would be."""
        for _ in range(10):
            self.cluster.preempt(0.5)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                if self.cluster.release_requeued():
                    return  # more may be requeued later
                time.sleep(0.1)
        self.fail("no task was requeued")

    def finish(self, process):
        """Waits for a sweep that ends well. What it said."""
        deadline = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < deadline:
            self.cluster.release_requeued()
            time.sleep(0.3)
        output, errors = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 0, output + errors)
        return errors

    def finished_once(self, count, killed=0):
        """`killed`: tasks that a signal may have hit between a program's end and the record of it:
        such a point is run again."""
        finished = self.lines("finished.log")
        self.assertEqual(len(set(finished)), count)
        self.assertLessEqual(len(finished), count + killed)
        self.assertEqual(self.lines("again.log"), [])

    def test_nothing_is_lost_and_nothing_runs_twice(self):
        grid = {"hw/seconds": [0.4], "hw/depth": list(range(1, 31)), "hw/width": [1, 2]}
        call = [*self.SLURM, "--points-per-task", "4", *self.grid(grid)]
        process = self.start(*call, grid=None)
        self.wait_for(lambda: len(self.lines("finished.log")) > 6)
        self.cluster.kill_node_daemon()  # tasks that run go on
        before = len(self.lines("finished.log"))
        self.wait_for(lambda: len(self.lines("finished.log")) > before)
        self.cluster.start_node_daemon()
        self.wait_for(lambda: len(self.lines("finished.log")) > 18)
        process.kill()  # the tasks stay in the queue
        process.communicate()
        self.assertGreater(len(self.cluster.queue()), 5)
        self.preempt()
        errors = self.finish(self.start(*call, grid=None))
        self.assertNotIn("job array", errors)  # found them there, submitted none
        self.assertEqual(len(self.rows()), 60)
        self.assertEqual(set(self.column("exit_status")), {"0"})
        tasks_at_a_time = 4
        self.finished_once(60, killed=tasks_at_a_time)
        runs = self.runs()
        self.sweep(*call, grid=None, status=0)
        self.assertEqual(self.runs(), runs)

    def test_a_preempted_point_goes_on_from_its_checkpoint(self):
        process = self.start(*self.SLURM, grid="hw/seconds=[4]")
        self.wait_for(lambda: self.runs() == 1)
        time.sleep(0.7)
        self.preempt()
        errors = self.finish(process)
        self.assertEqual(len(self.lines("stopped.log")), 1)
        steps = int(next(self.out.glob("points/*/checkpoint/steps")).read_text())
        self.assertGreater(steps, 5)
        self.assertIn("--resume", self.lines("arguments.log")[1])
        self.assertEqual(errors.count("job array"), 1)  # Slurm requeued it; nobody submitted anew
        self.finished_once(1)

    def test_what_is_missing_is_submitted_again_and_nothing_else(self):
        process = self.start(*self.SLURM, "--set", "hw/width=[1, 2, 4]",
                             grid="hw/stuck_once=[true]")
        self.wait_for(lambda: sum(stuck.read_text() != "" for stuck in
                                  self.out.glob("points/*/stuck")) == 3)
        for stuck in self.out.glob("points/*/stuck"):
            if '"hw/width": 4' not in stuck.read_text():
                stuck.write_text("go on")
        self.wait_for(lambda: len(self.lines("finished.log")) == 2)
        job = json.loads((self.out / "slurm/jobs.json").read_text())
        subprocess.run(["scancel", "--signal=KILL", "--full", *job], check=True)
        errors = self.finish(process)
        self.assertRegex(errors, r"job array \d+: 1 tasks, 1 points")
        self.assertEqual(self.column("exit_status"), ["0"] * 3)
        self.finished_once(3)

    def test_a_failed_point_has_its_row_and_message(self):
        self.sweep(*self.SLURM, "--jobs", "2", grid="hw/width=[0, 1, 3]", status=1)
        self.assertEqual(self.column("exit_status"), ["2", "0", "3"])
        self.assertIn("found 0, must be at least 1", self.column("message")[0])
        self.sweep(*self.SLURM, "--retry-failed", grid="hw/width=[0, 1, 3]", status=1)
        self.assertEqual(self.runs(), 4)

    def test_a_signal_leaves_the_queue_and_says_how_to_end_it(self):
        process = self.start(*self.SLURM, grid="hw/seconds=[1, 1.1]")
        self.wait_for(lambda: self.runs() == 2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn("2 points stay in the queue. The same call waits for them again; scancel ",
                      errors)
        self.sweep(*self.SLURM, grid="hw/seconds=[1, 1.1]", status=0)
        self.finished_once(2)

    def test_options_are_handed_on_and_refusals_are_shown(self):
        done = self.sweep(*self.SLURM, "--slurm", "partition=nowhere", status=2)
        self.assertIn("sbatch refused the job array", done.stderr)
        self.assertIn("invalid partition", done.stderr)
        for option, words in (("array=1-3", "sets array itself"), ("=3", "an option of sbatch")):
            self.assertIn(words, self.sweep(*self.SLURM, "--slurm", option, status=2).stderr)
        self.sweep(*self.SLURM, "--slurm", "partition=urgent", "--slurm", "time=5", status=0)


if __name__ == "__main__":
    done = unittest.main(exit=False).result
    if done.skipped:
        print(done.skipped[0][1], file=sys.stderr)
    sys.exit(not done.wasSuccessful() or (NOT_INSTALLED if done.skipped else 0))
