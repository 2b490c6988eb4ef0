# SPDX-License-Identifier: Apache-2.0
"""One linear weight with stages behind it: a convex quadratic that the engine trains with a delay."""

import math
import struct

MOMENTUM = 0.9


def write_idx(path, kind, shape, data):
    path.write_bytes(bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data)


def workload(lab, delay, rate, pacing="lockstep"):
    """One weight, input 1, target 0: the loss is w^2/2 and its curvature 1. Every epoch is a sample
    and an update; `delay` is twice the number of stages behind the weight's."""
    folder = lab.out.resolve()
    write_idx(folder / "one.idx", 0x0D, [1, 1], struct.pack(">f", 1))
    write_idx(folder / "zero.idx", 0x0D, [1, 1], struct.pack(">f", 0))
    layers = [{"name": "weight", "type": "linear", "out_features": 1, "bias": False}]
    layers += [{"type": "identity"} for _ in range(delay // 2 - 1)]
    return {
        "dataset": {"format": "idx", "train_images": str(folder / "one.idx"),
                    "train_labels": str(folder / "zero.idx")},
        "network": {"input": [1], "layers": layers},
        "pipeline": {"partition": "per_module" if delay else {"cuts": []}, "pacing": pacing},
        "training": {"loss": "mean_squared_error",
                     "optimizer": {"learning_rate": rate, "momentum": MOMENTUM}},
    }


def stages(delay):
    """Names of the workload's stages."""
    return ["weight", *(f"identity{k}" for k in range(1, delay // 2)), "loss"]


def half_life(summary):
    """In updates, from the first and the last peak of the loss in the second half of the run (it
    oscillates where the largest root is complex), or from that half's ends if it has no peaks.
    None if the loss does not fall."""
    epochs = summary["training"]["epochs"]
    assert epochs[-1]["epoch"] + 1 == len(epochs), "a summary lists every epoch up to 4096"
    losses = [e["train_loss"] for e in epochs]
    ends = range(len(losses) // 2, len(losses) - 1)
    peaks = [t for t in ends if losses[t - 1] < losses[t] >= losses[t + 1]]
    first, last = (peaks[0], peaks[-1]) if len(peaks) > 2 else (ends[0], ends[-1])
    if summary["training"]["diverged"] or losses[last] >= losses[first]:
        return None
    return 2 * math.log(2) * (last - first) / math.log(losses[first] / losses[last])
