# SPDX-License-Identifier: Apache-2.0
"""What limits the rate and what would help: the table of `stagecoach --check`."""

import re
import subprocess

from ..words import escape, folded, number, section, table

SECONDS = 60  # that the program may take
ROW = re.compile(r"^(\S+)\s{2,}(\S.*?)\s{2,}([\d.,]+)\s+([+-]\d[\d.]*) %\s*(.*)$")


def limits(result, program):
    """program: the simulator, or None."""
    timing = result.summary["timing"]
    if not timing.get("limited_by"):
        return ""
    words = f"The rate is limited by {timing['limited_by']}"
    if timing.get("limit_cycles_per_micro_batch") is not None:
        words += (f": at best one micro-batch every "
                  f"{number(timing['limit_cycles_per_micro_batch'])} cycles")
    if timing["steady_cycles_per_sample"] is not None:
        words += (f". Measured in the steady state: {number(timing['steady_cycles_per_sample'])} "
                  "cycles per sample")
    report, reason = check(result, program)
    if report is None:
        return section("What limits the rate, and what would help", f"{words}. {reason}")
    lines = report.splitlines()
    rows = [m.groups() for m in (ROW.match(line.replace(",", "")) for line in lines) if m]
    rate = [line.strip() for line in lines if line.startswith(("Next limit", "One more core"))]
    helps = table(["one field twice as good or switched on", "change", "cycles per micro-batch",
                   "difference", "why"],
                  [[field, change, (number(float(cycles)), cycles), (f"{percent} %", percent), why]
                   for field, change, cycles, percent, why in rows], names={0, 1, 4},
                  sortable=True) if rows else ""
    return section("What limits the rate, and what would help", f"{words}. {' '.join(rate)}", helps,
                   folded("The whole report of --check", f"<pre>{escape(report)}</pre>"))


def check(result, program):
    """(the text of --check for the run's own input, None), or (None, why there is none)."""
    files = result.inputs.files
    advice = "stagecoach --check with the run's files and settings says what would help."
    if "hw" not in files or "workload" not in files:
        return None, f"{advice} It was not asked here: the run's files are not at hand, or changed."
    if program is None:
        return None, f"{advice} It was not asked here: the program is not built."
    command = [program, "--check", "--hw", str(files["hw"]), "--workload", str(files["workload"])]
    for word in _kept(result.words):
        command.append(word)
    try:
        version = subprocess.run([program, "--version"], capture_output=True, text=True,
                                 check=False, timeout=SECONDS)
        if result.summary["provenance"]["version"] not in version.stdout.split():
            return None, f"{advice} It was not asked here: the program is of another version."
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"{advice} It gave no answer here: {error}."
    if done.returncode != 0:
        return None, f"{advice} It gave no answer here: {done.stderr.strip()}"
    return done.stdout, None


def _kept(words):
    """The options of a run's command that change what --check says."""
    valued = ("--set", "--samples", "--epochs", "--seed", "--data")
    for i, word in enumerate(words):
        if word in valued and i + 1 < len(words):
            yield from (word, words[i + 1])
        elif word.partition("=")[0] in valued and "=" in word:
            yield word
        elif word == "--timing-only":
            yield word


