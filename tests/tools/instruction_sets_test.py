#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a small training under every instruction set that the program and this processor allow: the
summary says which ran, the same bits come from any number of threads, losses of two sets agree to
rounding, and what cannot run, or would go on with another's checkpoint, is refused. Where the program
has engine libraries, nothing but their door is visible, no code has wider registers than its set, and
(with qemu-x86_64, of Debian's qemu-user) processors without AVX and without AVX-512 run it.

  instruction_sets_test.py PROGRAM"""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SETS = ("avx512", "avx2", "baseline")  # best first
INPUTS = ("--hw", "small_mesh", "--workload", "lenet5-glyphs", "--quiet")
LESS = ("--epochs", "1", "--set", "workload/dataset/test_samples=100")


def check(condition, what):
    if not condition:
        sys.exit(f"instruction_sets_test: {what}")


def run(program, folder, name, *arguments):
    return subprocess.run([program, *INPUTS, *arguments, "--force", "--out", name,
                           "--save-weights", f"{name}.weights"], cwd=folder, capture_output=True,
                          text=True, check=False)


def result_of(program, folder, name, *arguments):
    """Summary and weights of a run that must end well."""
    done = run(program, folder, name, *LESS, "--samples", "300", *arguments)
    check(done.returncode == 0, f"{arguments}: exit status {done.returncode}\n{done.stderr}")
    return (json.loads((folder / name / "summary.json").read_text(encoding="utf-8")),
            (folder / f"{name}.weights").read_bytes())


def allowed_sets(program, folder):
    """Asks for each set; a refusal must list the others as they are."""
    answers = {name: run(program, folder, "asked", "--instruction-set", name, "--check")
               for name in SETS}
    allowed = [name for name in SETS if answers[name].returncode == 0]
    check(allowed, "no instruction set is allowed")
    for name in set(SETS) - set(allowed):
        said = answers[name].stderr
        check(answers[name].returncode == 2 and f'--instruction-set: found "{name}"' in said
              and re.findall(r'"(\w+)"', said.partition("allowed here")[2]) == ["auto", *allowed],
              f"{name} is refused with: {said}")
    return allowed


def check_results(program, folder, allowed):
    losses = {}
    for name in allowed:
        summary, weights = result_of(program, folder, name, "--instruction-set", name,
                                     "--threads", "1")
        check(summary["host"]["instruction_set"] == name,
              f"{name} was asked for and {summary['host']['instruction_set']} ran")
        check(result_of(program, folder, f"{name}_2", "--instruction-set", name,
                        "--threads", "2")[1] == weights, f"{name}: threads change the weights")
        losses[name] = summary["training"]["epochs"][0]["train_loss"]
        if name == allowed[0]:
            by_itself, same = result_of(program, folder, "auto")
            check(by_itself["host"]["instruction_set"] == name and same == weights,
                  f"by itself the program takes {by_itself['host']['instruction_set']}, not {name}")
    check(max(losses.values()) - min(losses.values()) < 1e-3 * max(losses.values()),
          f"losses differ by more than rounding: {losses}")
    timing = run(program, folder, "timing", *LESS, "--timing-only", "--instruction-set", allowed[0])
    check(timing.returncode == 2 and "no numbers are computed" in timing.stderr,
          "--timing-only takes an instruction set and ignores it")


def check_resume(program, folder, allowed):
    """A checkpoint of one set is none for another."""
    one, other = allowed[:2]
    endless = ("--checkpoint-every", "0.0005", "--functional-only", "--epochs", "1000")
    command = [program, *INPUTS, *endless, "--instruction-set", one, "--out", "cut"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while not list(folder.glob("cut/checkpoint/*")) and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
    done = subprocess.run([*(other if word == one else word for word in command), "--resume"],
                          cwd=folder, capture_output=True, text=True, check=False)
    check(done.returncode == 2 and "instruction_set" in done.stderr and
          f'"{one}" there, "{other}" here' in done.stderr,
          f"{other} goes on where {one} was: {done.stderr}")


def lines_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def check_code(program):
    """What is visible in libraries, and which registers each file uses."""
    wide = {program: "[yz]mm", program.parent / "libstagecoach_avx2.so": "zmm",
            program.parent / "libstagecoach_avx512.so": None}
    for file, register in wide.items():
        if file != program:
            visible = [line.split()[-1] for line in lines_of("nm", "-D", "--defined-only", file)]
            check(visible == ["stagecoach_engine_door"], f"{file} shows {visible[:9]}")
        if register:
            used = [line for line in lines_of("objdump", "-d", "--no-show-raw-insn", file)
                    if re.search(f"%{register}", line)]
            check(not used, f"{file} uses wider registers than its set: {used[:3]}")


def check_older_processors(program, folder):
    """Emulated ones: the program chooses what they have, and meets no instruction that they lack."""
    for processor, best in (("Nehalem", "baseline"), ("Haswell", "avx2")):
        emulated = (shutil.which("qemu-x86_64"), "-cpu", processor, program, *INPUTS)
        ran = subprocess.run([*emulated, *LESS, "--samples", "20", "--force", "--out", processor],
                             cwd=folder, capture_output=True, text=True, check=False)
        check(ran.returncode == 0, f"{processor}: exit status {ran.returncode}\n{ran.stderr}")
        summary = json.loads((folder / processor / "summary.json").read_text(encoding="utf-8"))
        check(summary["host"]["instruction_set"] == best,
              f"{processor} computes with {summary['host']['instruction_set']}")
        asked = subprocess.run([*emulated, "--check", "--instruction-set", "avx512"], cwd=folder,
                               capture_output=True, text=True, check=False)
        check(asked.returncode == 2 and "which this processor lacks" in asked.stderr,
              f"{processor} takes avx512: {asked.stderr}")


def main():
    program = pathlib.Path(shutil.which(sys.argv[1])).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        allowed = allowed_sets(program, folder)
        check_results(program, folder, allowed)
        if len(allowed) > 1:
            check_resume(program, folder, allowed)
        if list(program.parent.glob("libstagecoach_*.so")) and "baseline" in allowed:
            check_code(program)
            if shutil.which("qemu-x86_64"):
                check_older_processors(program, folder)
    print("each by its name:", ", ".join(allowed))


if __name__ == "__main__":
    main()
