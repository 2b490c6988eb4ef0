# SPDX-License-Identifier: Apache-2.0
"""Stagecoach from Python: runs, sweeps and their results as objects.

    import stagecoach
    result = stagecoach.run("small_mesh", "lenet5-glyphs", {"hw/clock_mhz": 250}, timing_only=True)
    print(result.timing.cycles, [stage.staleness.mean for stage in result.stages])

    sweep = stagecoach.sweep("small_mesh", "lenet5-glyphs", {"hw/clock_mhz": [250, 500]},
                             out="out/clocks", arguments=["--timing-only"])
    print([point.total_joules for point in sweep.front])

Needs Python 3.9 and, at its core, nothing else; to_frame() needs pandas, a search Optuna."""

from .errors import InputError, ProgramError, StagecoachError
from .interrupts import Stopped
from .result import Record, Result
from .runs import run
from .search import SearchPlan
from .slurm import SlurmPlan
from .sweeps import SweepPoint, SweepResult, load, sweep

__all__ = ["InputError", "ProgramError", "Record", "Result", "SearchPlan", "SlurmPlan",
           "StagecoachError", "Stopped", "SweepPoint", "SweepResult", "load", "run", "sweep"]
