#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a small network from outside: IDX data, first weights from a safetensors file, 64-bit
arithmetic, lockstep; and again here, in plain Python with every stage's queue written out. The
weights after 60 updates must agree to 1e-10 of the largest, for every mitigation and schedule.

  exactness_test.py PROGRAM"""

import json
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

PROGRAM = sys.argv[1]
ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE, CHANNELS, HIDDEN, CLASSES, SAMPLES = 4, 3, 5, 3, 60
RATE, MOMENTUM, DECAY = 0.02, 0.9, 0.001


class Conv:
    """3x3, padding 1, one input channel; then tanh. x: [pixels]; y: [channel * pixels]."""

    def __init__(self, weight, bias):
        self.parameters = [weight, bias]  # flat, PyTorch's order

    def forward(self, x, parameters):
        weight, bias = parameters
        y = []
        for c in range(CHANNELS):
            for pixel in range(SIZE * SIZE):
                y.append(math.tanh(bias[c] + sum(weight[c * 9 + tap] * x[at]
                                                 for tap, at in taps(pixel))))
        return y, (x, y)

    def backward(self, kept, dy, parameters):
        x, y = kept
        weight = parameters[0]
        dx, dweight, dbias = [0.0] * len(x), [0.0] * len(weight), [0.0] * CHANNELS
        for c in range(CHANNELS):
            for pixel in range(SIZE * SIZE):
                i = c * SIZE * SIZE + pixel
                g = dy[i] * (1 - y[i] * y[i])
                dbias[c] += g
                for tap, at in taps(pixel):
                    dweight[c * 9 + tap] += g * x[at]
                    dx[at] += g * weight[c * 9 + tap]
        return dx, [dweight, dbias]


class Linear:
    """Then tanh, if asked for."""

    def __init__(self, weight, bias, tanh):
        self.parameters, self.tanh = [weight, bias], tanh

    def forward(self, x, parameters):
        weight, bias = parameters
        y = [b + sum(weight[o * len(x) + i] * v for i, v in enumerate(x))
             for o, b in enumerate(bias)]
        if self.tanh:
            y = [math.tanh(v) for v in y]
        return y, (x, y)

    def backward(self, kept, dy, parameters):
        x, y = kept
        weight = parameters[0]
        if self.tanh:
            dy = [g * (1 - v * v) for g, v in zip(dy, y)]
        dx = [sum(dy[o] * weight[o * len(x) + i] for o in range(len(dy))) for i in range(len(x))]
        return dx, [[g * v for g in dy for v in x], list(dy)]


def taps(pixel):
    row, column = divmod(pixel, SIZE)
    for tap in range(9):
        a, b = row + tap // 3 - 1, column + tap % 3 - 1
        if 0 <= a < SIZE and 0 <= b < SIZE:
            yield tap, a * SIZE + b


class Stage:
    """One layer, its queue and its rule: w -= rate (a v + b g), v = m v + g."""

    def __init__(self, layer, rule):
        self.layer, self.rule = layer, rule
        self.weights = layer.parameters
        self.before = [list(p) for p in self.weights]
        self.velocity = [[0.0] * len(p) for p in self.weights]
        self.delta = [[0.0] * len(p) for p in self.weights]
        self.queue = []

    def each(self, f):
        return [[f(*values) for values in zip(*tensors)]
                for tensors in zip(self.weights, self.velocity, self.before, self.delta)]

    def forward(self, x):
        r = self.rule
        read = self.each(lambda w, v, old, d: w - RATE * r.get("velocity", 0) * v
                         + r.get("difference", 0) * (w - old))
        y, kept = self.layer.forward(x, read)
        self.queue.append((kept, read))
        return y

    def backward(self, dy):
        r = self.rule
        kept, read = self.queue.pop(0)
        if not r.get("stash"):
            read = self.each(lambda w, v, old, d: w - RATE * r.get("back", 0) * v
                             - r.get("span", 0) * d)
        dx, gradient = self.layer.backward(kept, dy, read)
        rate = RATE * r.get("rate", 1)
        for t, g_tensor in enumerate(gradient):
            for i, g in enumerate(g_tensor):
                w = self.weights[t][i]
                g += DECAY * w
                v = self.velocity[t][i] = MOMENTUM * self.velocity[t][i] + g
                self.weights[t][i] = w - rate * (r.get("a", 1) * v + r.get("b", 0) * g)
                self.before[t][i] = w
                gamma = r.get("gamma", 0)
                self.delta[t][i] = gamma * self.delta[t][i] + (1 - gamma) * (self.weights[t][i] - w)
        return [r.get("shrink", 1) * v for v in dx]


def loss_gradient(logits, label):
    top = max(logits)
    powers = [math.exp(v - top) for v in logits]
    total = sum(powers)
    return [p / total - (o == label) for o, p in enumerate(powers)]


def train(layers, rules, images, labels, delay):
    """Tick by tick; `delay` 2 is pipelined backpropagation, 0 one sample at a time."""
    stages = [Stage(layer, rule) for layer, rule in zip(layers, rules)]
    if delay == 0:
        for image, label in zip(images, labels):
            for stage in stages:
                image = stage.forward(image)
            gradient = loss_gradient(image, label)
            for stage in reversed(stages):
                gradient = stage.backward(gradient)
        return
    last = len(stages) - 1
    down, up = {}, {}
    for tick in range(len(images) + 2 * last):
        for k, stage in enumerate(stages):
            f, b = tick - k, tick - 2 * last + k
            if 0 <= f < len(images):
                y = stage.forward(images[f] if k == 0 else down.pop((k, f)))
                if k == last:
                    up[k, f] = loss_gradient(y, labels[f])
                else:
                    down[k + 1, f] = y
            if 0 <= b < len(images):
                dx = stage.backward(up.pop((k, b)))
                if k > 0:
                    up[k - 1, b] = dx


def spike(d):
    return {"a": MOMENTUM ** d, "b": sum(MOMENTUM ** j for j in range(d))}


M = "workload/training/mitigation/"
STASH = [M + "weight_stashing=true"]
SC = [M + "spike_compensation=true"]
VELOCITY = [M + "weight_prediction=velocity"]
DIFFERENCE = [M + "weight_prediction=weight_difference"]
CASES = {  # settings, rule of a stage with delay d, k from the input, of S
    "sequential": (["workload/pipeline/schedule=sequential"], None),
    "pipelined": ([], lambda d, k, s: {}),
    "stashed": (STASH, lambda d, k, s: {"stash": True}),
    "spike compensation": (SC, lambda d, k, s: spike(d)),
    "velocity": (VELOCITY, lambda d, k, s: {"velocity": d}),
    "velocity, horizon 2": (VELOCITY + [M + "prediction_horizon=2"],
                            lambda d, k, s: {"velocity": 2 * d}),
    "difference": (DIFFERENCE, lambda d, k, s: {"difference": d}),
    "velocity and spike": (VELOCITY + SC, lambda d, k, s: {"velocity": d, **spike(d)}),
    "difference, spike, stashed": (DIFFERENCE + SC + STASH,
                                   lambda d, k, s: {"difference": d, "stash": True, **spike(d)}),
    "spectrain": ([M + "weight_prediction=spectrain"],
                  lambda d, k, s: {"velocity": 2 * (s - 1) - k, "back": k}),
    "gradient shrinking": ([M + "gradient_shrinking=0.7"],
                           lambda d, k, s: {"shrink": 0.7 if k > 0 else 1}),
    "pipemare rate": ([M + "pipemare_learning_rate=true", M + "pipemare_anneal_epochs=1e12"],
                      lambda d, k, s: {"rate": 1 / d if d > 1 else 1}),
    "pipemare correction": ([M + "pipemare_discrepancy_correction=true", M + "pipemare_decay=0.3"],
                            lambda d, k, s: {"span": d, "gamma": 0.3 ** (1 / d)} if d else {}),
}


def write_idx(path, kind, shape, values, code):
    header = bytes([0, 0, kind, len(shape)]) + struct.pack(f">{len(shape)}i", *shape)
    path.write_bytes(header + struct.pack(f">{len(values)}{code}", *values))


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}d", *values)
        header[name] = {"dtype": "F64", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        assert entry["dtype"] == "F64", f"{name}: 64-bit training saved as {entry['dtype']}"
        tensors[name] = struct.unpack(f"<{(end - begin) // 8}d", raw[begin:end])
    return tensors


def main():
    rng = random.Random(7)
    numbers = lambda n, scale: [rng.gauss(0, scale) for _ in range(n)]
    flat = CHANNELS * SIZE * SIZE
    first = {"conv.weight": ([CHANNELS, 1, 3, 3], numbers(CHANNELS * 9, 0.3)),
             "conv.bias": ([CHANNELS], numbers(CHANNELS, 0.1)),
             "fc1.weight": ([HIDDEN, flat], numbers(HIDDEN * flat, 0.2)),
             "fc1.bias": ([HIDDEN], numbers(HIDDEN, 0.1)),
             "fc2.weight": ([CLASSES, HIDDEN], numbers(CLASSES * HIDDEN, 0.4)),
             "fc2.bias": ([CLASSES], numbers(CLASSES, 0.1))}
    images = [numbers(SIZE * SIZE, 1) for _ in range(SAMPLES)]
    labels = [rng.randrange(CLASSES) for _ in range(SAMPLES)]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stagecoach_exactness_"))
    write_idx(folder / "images", 0x0E, [SAMPLES, SIZE, SIZE], sum(images, []), "d")
    write_idx(folder / "labels", 0x08, [SAMPLES], labels, "B")
    write_safetensors(folder / "first.safetensors", first)
    layers = [{"name": "conv", "type": "conv2d", "out_channels": CHANNELS, "kernel": 3, "padding": 1},
              {"type": "tanh"}, {"type": "flatten"},
              {"name": "fc1", "type": "linear", "out_features": HIDDEN}, {"type": "tanh"},
              {"name": "fc2", "type": "linear", "out_features": CLASSES}]
    workload = {"name": "exactness",
                "dataset": {"format": "idx", "train_images": "images", "train_labels": "labels",
                            "shuffle": False},
                "network": {"input": [1, SIZE, SIZE], "layers": layers},
                "pipeline": {"partition": "per_layer", "schedule": "pipelined", "pacing": "lockstep"},
                "training": {"loss": "softmax_cross_entropy", "epochs": 1, "batch_size": 1,
                             "optimizer": {"type": "sgd", "learning_rate": RATE,
                                           "momentum": MOMENTUM, "weight_decay": DECAY}}}
    (folder / "workload.json").write_text(json.dumps(workload))
    failures = 0
    for name, (settings, rule) in CASES.items():
        saved = folder / "saved.safetensors"
        command = [PROGRAM, "--hw", str(ROOT / "hw/small_mesh.json"),
                   "--workload", str(folder / "workload.json"), "--precision", "f64", "--quiet",
                   "--init-weights", str(folder / "first.safetensors"), "--save-weights", str(saved),
                   "--out", str(folder / "out"), "--force"]
        for setting in settings:
            command += ["--set", setting]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = read_safetensors(saved)
        copy = {n: list(values) for n, (_, values) in first.items()}
        network = [Conv(copy["conv.weight"], copy["conv.bias"]),
                   Linear(copy["fc1.weight"], copy["fc1.bias"], True),
                   Linear(copy["fc2.weight"], copy["fc2.bias"], False)]
        rules = [rule(2 * (2 - k), k, 3) if rule else {} for k in range(3)]
        train(network, rules, images, labels, 2 if rule else 0)
        worst = max(abs(a - b) / max(map(abs, values))
                    for n, values in copy.items() for a, b in zip(values, found[n]))
        print(f"{name}: {worst:.1e}")
        failures += worst > 1e-10
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
