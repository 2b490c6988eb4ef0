# SPDX-License-Identifier: Apache-2.0
"""Can a sweep be stopped, killed, started twice and damaged without losing or mixing results?"""

import json
import os
import pathlib
import signal
import time
import unittest

from sweep_case import SweepCase

SLOW = 'hw/seconds=[0.2, 0.21, 0.22, 0.23, 30, 31]'


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class StopTest(SweepCase):
    def children(self, process):
        listed = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def started(self, grid=SLOW, *arguments, finished=2):
        process = self.start("--jobs", "2", *arguments, grid=grid)
        self.wait_for(lambda: len(self.lines("finished.log")) >= finished
                      and len(self.children(process)) == 2 and len(self.rows()) >= finished)
        self.wait_for(lambda: all(b"--out" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                                  for pid in self.children(process)))
        time.sleep(0.3)  # until they listen
        return process

    def test_results_grow_while_points_run(self):
        process = self.started()
        self.assertIsNone(process.poll())
        self.assertTrue(all(row["cycles"] == "100" for row in self.rows()))

    def test_a_signal_stops_at_once_and_the_same_call_goes_on(self):
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                process = self.started(finished=4)
                children = self.children(process)
                self.assertEqual(len(children), 2)
                began = time.monotonic()
                process.send_signal(number)
                output, errors = process.communicate(timeout=20)
                self.assertLess(time.monotonic() - began, 10)
                self.assertEqual((process.returncode, output), (status, ""), errors)
                self.assertIn("the same call goes on", errors)
                self.assertNotIn("Traceback", errors)
                self.assertFalse(any(map(alive, children)))
                self.assertEqual(self.column("hw/seconds"), ["0.2", "0.21", "0.22", "0.23"])
                (self.out / "stopped.log").unlink()
        before = self.runs()
        self.sweep("--jobs", "2", grid=SLOW.replace("30, 31", "0"), status=0)
        self.assertEqual(self.runs(), before + 1)

    def test_an_interrupted_point_goes_on_from_its_checkpoint(self):
        process = self.started(finished=4)
        process.terminate()
        process.communicate(timeout=20)
        steps = [int(p.read_text()) for p in self.out.glob("points/*/checkpoint/steps")]
        self.assertEqual(len(steps), 2)
        for path in self.out.glob("points/*/checkpoint/steps"):
            path.write_text("700")  # 35 s are done
        self.sweep("--jobs", "2", grid=SLOW, status=0)
        self.assertEqual(len(self.rows()), 6)
        self.assertIn("--checkpoint-every 10 --resume", self.lines("arguments.log")[-1])

    def test_checkpoints_are_left_out_where_they_do_not_exist_or_serve(self):
        self.sweep("--", "--timing-only", status=0)
        self.program.write_text(self.program.read_text().replace(" --resume\"", "\""))
        self.sweep("--checkpoint-every", "3", status=0)
        self.assertEqual([line for line in self.lines("arguments.log") if "--resume" in line], [])

    def test_a_program_that_does_not_listen_is_killed_by_a_second_signal(self):
        process = self.started("hw/seconds=[0.2, 0.21, 30, 31]", "--set", "hw/deaf=[true]")
        children = self.children(process)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 143)
        self.assertFalse(any(map(alive, children)))
        self.assertEqual(len(self.rows()), 2)

    def test_a_program_that_does_not_listen_is_killed_after_a_grace(self):
        from stagecoach.interrupts import Stopped
        from stagecoach.local import LocalExecutor
        from stagecoach.points import Task
        task = Task({}, [], self.out / "points/1",
                    [str(self.program), "--out", str(self.out / "points/1"), "--set",
                     "hw/seconds=30", "--set", "hw/deaf=true"])
        executor = LocalExecutor(grace_seconds=0.3)
        pid = os.getpid()
        if os.fork() == 0:
            while not self.lines("runs.log"):
                time.sleep(0.02)
            os.kill(pid, signal.SIGTERM)
            os._exit(0)
        began = time.monotonic()
        with self.assertRaises(Stopped):
            list(executor.run([task]))
        self.assertLess(time.monotonic() - began, 10)
        self.assertFalse((self.out / "points/1/point.json").exists())
        os.wait()

    def test_a_point_that_another_hand_ends_has_failed(self):
        process = self.started("hw/seconds=[0.2, 0.21, 30, 31]")
        for pid in self.children(process):
            os.kill(pid, signal.SIGKILL)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 1)
        self.assertEqual(self.column("exit_status"), ["0", "0", "137", "137"])
        self.assertIn("ended by SIGKILL", self.column("message")[2])

    def test_a_second_sweep_in_the_same_folder_is_refused(self):
        process = self.started()
        done = self.sweep(status=2)
        self.assertIn(f"in use by another sweep (process {process.pid} on ", done.stderr)
        self.assertIsNone(process.poll())

    def test_the_lock_and_the_points_die_with_a_killed_sweep(self):
        process = self.started(finished=4)
        children = self.children(process)
        process.kill()
        process.communicate()
        self.sweep("--jobs", "2", grid=SLOW.replace("30, 31", "0"), status=0)
        self.assertFalse(any(map(alive, children)))
        self.assertEqual(len(self.rows()), 5)


class DamageTest(SweepCase):
    def test_what_is_broken_is_named_and_made_again(self):
        self.sweep(grid="hw/width=[1, 2, 4, 8]")
        one, two, three, _ = sorted(self.out.glob("points/*"))
        (one / "point.json").write_text("")
        (two / "summary.json").write_text('{"training": ')
        (three / "summary.json").unlink()
        done = self.sweep(grid="hw/width=[1, 2, 4, 8]", status=0)
        for path in (one / "point.json", two / "summary.json", three / "summary.json"):
            self.assertRegex(done.stderr, f"{path}: .*broken; the point is made again")
        self.assertEqual(self.runs(), 7)
        self.assertEqual(self.column("cycles"), ["100", "200", "400", "800"])

    def test_a_broken_point_of_an_earlier_grid_does_no_harm(self):
        self.sweep()
        next(self.out.glob("points/*/point.json")).write_text("[]")
        self.sweep(grid="hw/width=[8]", status=0)
        self.assertEqual(len(self.rows()), 3)

    def test_success_without_a_result_is_a_failure(self):
        self.program.write_text("#!/bin/sh\nexit 0\n")
        self.sweep(grid="hw/width=[1]", status=1)
        self.assertIn("no whole summary.json", self.column("message")[0])


class IdentityTest(SweepCase):
    def runs_again(self, path, *arguments, grid="hw/width=[1]"):
        """Is the point run again when the file changes, and not when nothing does?"""
        self.sweep(*arguments, grid=grid, status=0)
        before = self.runs()
        self.sweep(*arguments, grid=grid, status=0)
        self.assertEqual(self.runs(), before)
        path.write_bytes(path.read_bytes() + b" ")
        self.sweep(*arguments, grid=grid, status=0)
        self.assertEqual(self.runs(), before + 1, path)

    def test_everything_that_decides_a_result_counts(self):
        for name in ("net.json", "images.gz", "weights.safetensors", "order.rec", "other.json"):
            (self.folder / name).write_text("{}")
        (self.folder / "pictures").mkdir()
        (self.folder / "pictures/cat").write_text("cat")
        (self.folder / "workload.json").write_text(json.dumps(
            {"network": "net.json", "dataset": {"train_images": ["images.gz"],
                                                "train_folder": "./pictures"}}))
        folder = self.folder
        for path, *arguments in (
                (folder / "hw.json",), (folder / "workload.json",), (folder / "net.json",),
                (folder / "images.gz",), (folder / "pictures/cat",), (self.program,),
                (folder / "weights.safetensors", "--", "--init-weights",
                 str(folder / "weights.safetensors")),
                (folder / "order.rec", "--", f"--replay={folder}/order.rec")):
            with self.subTest(path.name):
                self.runs_again(path, *arguments)

    def test_a_network_that_a_setting_names_counts(self):
        (self.folder / "other.json").write_text("{}")
        self.runs_again(self.folder / "other.json", grid='workload/network=["other.json"]')

    def test_data_under_another_root_counts(self):
        (self.folder / "data").mkdir()
        (self.folder / "data/images.gz").write_text("1")
        (self.folder / "workload.json").write_text('{"dataset": {"train_images": "images.gz"}}')
        self.runs_again(self.folder / "data/images.gz", "--", "--data", str(self.folder / "data"))

    def test_arguments_count_and_jobs_do_not(self):
        self.sweep()
        self.sweep("--jobs", "3", "--checkpoint-every", "1")
        self.assertEqual(self.runs(), 3)
        self.sweep("--", "--samples", "5")
        self.assertEqual(self.runs(), 6)


if __name__ == "__main__":
    unittest.main()
