#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills training runs with SIGKILL at random moments, lets each go on with --resume until it ends,
and compares every file that it leaves with those of the run that was never killed, byte for byte;
of summary.json all but `host`. Cases take turns: LeNet-5 and a small residual network, every
schedule, both pacings, every mitigation, with a clock, without one and replayed. Runs are killed one
to four times in a row; checkpoints follow each other so closely that many a kill meets one that is
being written.

  kill_test.py PROGRAM [--kills 20] [--seed 1]"""

import argparse
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MINUTES = "0.0003"  # between checkpoints: about what it takes to write one
SAVED = ("weights", "order")


def settings(**fields):
    """--set for every field: a__b=1 sets workload/a/b."""
    words = []
    for name, value in fields.items():
        words += ["--set", f"workload/{name.replace('__', '/')}={json.dumps(value)}"]
    return words


def optimizer(momentum=0.9):
    return {"type": "sgd", "learning_rate": 0.01, "momentum": momentum, "weight_decay": 1e-4}


LENET = ["--samples", "250", "--epochs", "3", *settings(dataset__test_samples=50)]
RESNET = ["--epochs", "3", "--set", "hw/memory_policy=stall", *settings(
    dataset={"format": "random", "shape": [3, 16, 16], "classes": 10, "train_samples": 60,
             "test_samples": 8, "shuffle": True,
             "augment": {"pad": 2, "random_crop": True, "horizontal_flip": True}},
    network={"family": "resnet_cifar", "depth": 8, "norm": "batch_norm2d", "input": [3, 16, 16]})]

CHUNKS = ["--set", "hw/mapping=one_core_per_stage",
          "--set", "hw/cores/0/weight_buffer/capacity_kib=1024",
          "--set", "hw/cores/0/activation_buffer/capacity_kib=256"]


def batched(schedule, size=8, **pipeline):
    return settings(pipeline={"partition": "per_layer", "schedule": schedule, **pipeline},
                    training__batch_size=size)


def cases():
    """(name, arguments); a case that replays has the word "replay" in its name."""
    stash = {"weight_stashing": True, "spike_compensation": True}
    yield "pipelined", LENET
    yield "pipelined, lockstep, stashing, spike compensation", [
        *LENET, *settings(pipeline__pacing="lockstep", training__mitigation=stash,
                          training__optimizer=optimizer())]
    for kind in ("velocity", "weight_difference", "spectrain"):
        yield f"pipelined, {kind}", [*LENET, *settings(
            training__mitigation={"weight_prediction": kind}, training__optimizer=optimizer())]
    yield "residual, batch norm, augmented", RESNET
    yield "residual, without a clock", [*RESNET, "--functional-only"]
    for schedule in ("sequential", "fill_drain", "gpipe", "one_f_one_b_flush", "zero_bubble"):
        yield schedule, [*LENET, *batched(schedule)]
    for schedule in ("interleaved_one_f_one_b", "zero_bubble_v"):
        yield schedule, [*LENET, *CHUNKS, *settings(
            pipeline={"partition": {"cuts": ["conv2", "fc1", "fc2"]}, "schedule": schedule},
            training__batch_size=8)]
    yield "residual, gpipe", [*RESNET, *batched("gpipe", 2)]
    yield "one_f_one_b", [*LENET, *settings(pipeline__schedule="one_f_one_b")]
    yield "one_f_one_b, vertical sync", [*LENET, *settings(
        pipeline={"partition": "per_layer", "schedule": "one_f_one_b", "vertical_sync": True})]
    yield "two_buffered_weights", [*LENET, *batched("two_buffered_weights", 16)]
    yield "hybrid", [*LENET, *settings(pipeline={
        "partition": "per_layer", "schedule": "hybrid", "switch_epoch": 1.5})]
    yield "turnaround", [*LENET, *settings(
        pipeline={"partition": "per_layer", "turnaround": 1})]
    yield "recompute", [*LENET, *settings(
        pipeline={"partition": "per_layer", "recompute": "all"})]
    yield "replay", LENET
    yield "lockstep, without a clock, f64", [*LENET, "--functional-only", "--precision", "f64",
                                             *settings(pipeline__pacing="lockstep")]


class Case:
    """One command, its folder, and the files of its run that nobody killed."""

    def __init__(self, program, folder, name, arguments, threads):
        self.name, self.folder, self.program, self.threads = name, folder, program, threads
        folder.mkdir(parents=True)
        self.arguments = ["--hw", str(ROOT / "hw/small_mesh.json"),
                          "--workload", str(ROOT / "workloads/lenet5-glyphs.json"),
                          "--quiet", *arguments]
        if "replay" in name:
            order = str(folder / "recorded")
            self.run("recording", ["--timing-only", "--record-schedule", order])
            self.arguments += ["--replay", order]
        elif "--functional-only" not in arguments:
            self.arguments += ["--record-schedule", "{}/order", "--trace", "--trace-samples", "50"]
        self.arguments += ["--save-weights", "{}/weights"]
        begin = time.monotonic()
        self.run("reference", [])
        self.seconds = time.monotonic() - begin
        self.expected = self.files("reference")

    def command(self, name, more):
        place = self.folder / name
        return [self.program, *(a.format(place) if a.startswith("{}") else a
                                for a in self.arguments),
                "--threads", str(self.threads), "--out", str(place / "out"), *more]

    def run(self, name, more):
        (self.folder / name).mkdir()
        subprocess.run(self.command(name, more), check=True, stdout=subprocess.DEVNULL)

    def files(self, name):
        place = self.folder / name
        found = {str(file.relative_to(place)): file.read_bytes()
                 for file in sorted(place.rglob("*")) if file.is_file()}
        summary = json.loads(found.pop("out/summary.json"))
        del summary["host"]
        found["summary"] = json.dumps(summary)
        return found

    def killed(self, name, kills, chance):
        """Kills and resumes the run. Returns what is wrong with its files; "" if nothing is."""
        (self.folder / name).mkdir()
        command = self.command(name, ["--checkpoint-every", MINUTES, "--resume"])
        for _ in range(kills):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                time.sleep(chance.uniform(0.02, 1.1) * self.seconds)
                process.send_signal(signal.SIGKILL)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"exit status {done.returncode}: {done.stderr}"
        found = self.files(name)
        return ", ".join(file for file in sorted({*found, *self.expected})
                         if found.get(file) != self.expected.get(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the simulator")
    parser.add_argument("--kills", type=int, default=20, help="at least so many (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    a = parser.parse_args()
    chance = random.Random(a.seed)
    kills, runs, wrong = 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        available = [(name, arguments, threads) for threads in (1, 2)
                     for name, arguments in cases()]
        chance.shuffle(available)
        while kills < a.kills:
            name, arguments, threads = available[runs % len(available)]
            key = f"{len(made)}"
            if (name, threads) not in made:
                made[name, threads] = Case(a.program, pathlib.Path(folder, key), name, arguments,
                                           threads)
            case = made[name, threads]
            here = chance.choice((1, 1, 2, 4))
            difference = case.killed(f"run{runs}", here, chance)
            kills, runs = kills + here, runs + 1
            if difference:
                wrong.append(f"{name}, {threads} threads, killed {here} times: {difference}")
                print(wrong[-1], file=sys.stderr)
    print(f"{kills} kills in {runs} runs of {len(made)} cases: {len(wrong)} went wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
