# SPDX-License-Identifier: Apache-2.0
"""What limits the rate and what would help: the answers of `stagecoach --check --json`."""

import json
import pathlib
import subprocess
import tempfile

from ..words import folded, number, percent, section, table

SECONDS = 60  # that the program may take
TITLE = "What limits the rate, and what would help"
NEXT_LIMITS, LONGEST = 4, 12  # rows shown
SAME = 0.0005  # relative change below which a field has no effect, as in the text of --check


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
    found, reason = check(result, program)
    if found is None:
        return section(TITLE, f"{words}. {reason}")
    rate = found["rate"]
    if rate is None:
        return section(TITLE, f"{words}.")
    more = rate["with_one_more_core"]
    if more is not None and more < rate["cycles_per_micro_batch"] * (1 - SAME):
        words += (f". One more core would bring it to {number(more)} cycles "
                  "per micro-batch")
    return section(TITLE, f"{words}.", _helps(rate), folded(
        "Where the slowest core spends its cycles, and the next limits",
        _core(rate["limiting_core"]) + _next(rate["limits"])))


def _helps(rate):
    """Fields that would help or harm; those without effect in one line below."""
    telling = [w for w in rate["what_if"] if abs(w["relative"] or 0) > SAME or w["caution"]]
    cautions = any(w["caution"] for w in telling)
    rows = [[w["field"], w["change"],
             (number(w["cycles_per_micro_batch"]), w["cycles_per_micro_batch"]),
             ("–" if w["relative"] is None else f"{100 * w['relative']:+.1f} %", w["relative"]),
             *([w["caution"] or ""] if cautions else [])] for w in telling]
    without = ", ".join(w["field"] for w in rate["what_if"] if w not in telling)
    return (table(["one field twice as good or switched on", "change", "cycles per micro-batch",
                   "difference", *(["caution"] if cautions else [])], rows, names={0, 1, 4},
                  sortable=True)
            if rows else "") + (folded("Fields without effect", without) if without else "")


def _core(core):
    if core is None:  # a link or the host limits
        return ""
    rows = [[f"{p['layer']} {p['pass']}"] + [(number(p[key]), p[key]) for key in (
        "cycles", "compute_cycles", "memory_cycles", "interconnect_cycles")]
            for p in core["passes"][:LONGEST]]
    return table(["pass of the slowest core", "cycles", "of compute alone", "of buffer ports alone",
                  "of links alone"], rows, sortable=True)


def _next(found):
    slowest = found[0]["cycles_per_micro_batch"]
    rows = [[limit["name"], number(limit["cycles_per_micro_batch"]),
             percent(limit["cycles_per_micro_batch"] / slowest if slowest else None)]
            for limit in found[:NEXT_LIMITS + 1]]
    return table(["limit", "cycles per micro-batch", "of the slowest"], rows)


def check(result, program):
    """(what --check --json says of the run's own input, None), or (None, why there is none)."""
    advice = "stagecoach --check with the run's files and settings says what would help."
    if result.config is None:
        return None, f"{advice} It was not asked here: the result has no config.json."
    if program is None:
        return None, f"{advice} It was not asked here: the program is not built."
    try:
        version = subprocess.run([program, "--version"], capture_output=True, text=True,
                                 check=False, timeout=SECONDS)
        if result.summary["provenance"]["version"] not in version.stdout.split():
            return None, f"{advice} It was not asked here: the program is of another version."
        with tempfile.TemporaryDirectory() as folder:
            command = [program, "--check", "--json"]
            for part in ("hw", "workload"):
                path = pathlib.Path(folder, f"{part}.json")
                path.write_text(json.dumps(result.config[part]), encoding="utf-8")
                command += [f"--{part}", str(path)]
            done = subprocess.run(command + ["--timing-only"] * ("--timing-only" in result.words),
                                  capture_output=True, text=True, check=False, timeout=SECONDS)
        return json.loads(done.stdout), None
    except (OSError, subprocess.SubprocessError) as error:
        return None, f"{advice} It gave no answer here: {error}."
    except ValueError:
        return None, f"{advice} It gave no answer here: {done.stderr.strip()}"
