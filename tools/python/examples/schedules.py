# SPDX-License-Identifier: Apache-2.0
# %% [markdown]
# # Which schedule, and how many packets may wait between stages?
#
# A script in cells (VS Code, Spyder and Jupyter with jupytext run them one by one; so does
# `/usr/bin/python3 tools/python/examples/schedules.py`). It needs python3-matplotlib, and
# python3-pandas for its table. Pictures go to the folder that it is given, else to out/schedules.

# %%
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools/python"))

import matplotlib  # noqa: E402

matplotlib.use("Agg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "schedules"})  # same bytes
import matplotlib.pyplot as plt  # noqa: E402

import stagecoach  # noqa: E402

OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "out/schedules")
PROGRAM = sys.argv[2] if len(sys.argv) > 2 else None  # None: the checkout's build

# %% [markdown]
# One run without numbers: where does the time go, and how stale are the weights?

# %%
result = stagecoach.run("small_mesh", "lenet5-glyphs", program=PROGRAM, timing_only=True,
                        samples=1000, epochs=1)
print(f"{result.timing.steady_cycles_per_sample:.0f} cycles a sample, limited by "
      f"{result.timing.limited_by}")
for stage in result.stages:
    print(f"  {stage.name:6} busy {100 * stage.utilization:5.1f} %, "
          f"delay {stage.staleness.mean:.2f} updates (formula: {stage.staleness.closed_form})")

# %% [markdown]
# A sweep: three schedules, each with short and long queues between stages, two seeds. What is done
# is not run again, so that this cell may be changed and run as often as one likes.

# %%
SCHEDULES = ["pipelined", "one_f_one_b", "sequential"]
sweep = stagecoach.sweep(
    "small_mesh", "lenet5-glyphs",
    {"workload/pipeline/schedule": SCHEDULES, "hw/input_queue_micro_batches": [1, 4]},
    out=OUT, program=PROGRAM, arguments=["--samples", "2000", "--epochs", "4"], replicas=2, jobs=2,
    stream=sys.stderr)
try:
    print(sweep.to_frame().groupby(["workload/pipeline/schedule", "hw/input_queue_micro_batches"])[
        ["test_accuracy", "simulated_seconds", "first_stage_staleness"]].mean())
except stagecoach.InputError as missing:
    print(missing)

# %% [markdown]
# Accuracy against the chip's time: learning per sample is much the same, time is not.

# %%
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for point in sweep.points:
    if point["hw/input_queue_micro_batches"] == 4 and point["workload/training/seed"] == 1:
        epochs = point.result.table("epochs")
        axes.plot([1000 * e["simulated_seconds"] for e in epochs],
                  [100 * e["test_accuracy"] for e in epochs], marker="o",
                  label=point["workload/pipeline/schedule"])
axes.set(xlabel="simulated time, ms", ylabel="test accuracy, %",
         title="LeNet-5 on drawn digits, small_mesh, four epochs of 2,000 samples")
axes.grid(alpha=0.3)
axes.legend()
figure.savefig(OUT / "schedules.svg", metadata={"Date": None})
print(OUT / "schedules.svg")
