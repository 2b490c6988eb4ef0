# SPDX-License-Identifier: Apache-2.0
"""Workloads of the experiments, as dicts, and places for pipeline registers in them."""

import copy
import json

from experiment import ROOT

# Layers of a placement vector are counted as in the second paper: those with weights, projections
# of shortcuts left out. A register stands after the layer's activation and pooling.
LENET5_PLACES = {1: "pool1", 2: "pool2", 3: "relu3", 4: "relu4"}
ALEXNET_PLACES = {1: "pool1", 2: "pool2", 3: "relu3", 4: "relu4", 5: "flatten"}
ALEXNET4096_PLACES = {1: "pool1", 2: "pool2", 3: "relu3", 4: "relu4", 5: "flatten", 6: "relu_fc1",
                      7: "relu_fc2"}
VGG16_PLACES = {1: "relu1_1", 2: "pool1", 3: "relu2_1", 4: "pool2", 5: "relu3_1", 6: "relu3_2",
                7: "pool3", 8: "relu4_1", 9: "relu4_2", 10: "pool4", 11: "relu5_1", 12: "relu5_2",
                13: "flatten", 14: "relu_fc1", 15: "relu_fc2"}


PLACES = {"LeNet-5": "lenet5", "AlexNet": "alexnet", "VGG-16": "vgg16", "ResNet-20": "resnet"}


def resnet_place(layer, depth):
    """Name of the layer that ends layer number `layer` (1: the stem) of resnet_cifar."""
    if layer == 1:
        return "relu1"
    if layer == depth - 1:
        return "pool"
    block, second = divmod(layer - 2, 2)
    group, number = divmod(block, (depth - 2) // 6)
    return f"block{group + 1}_{number + 1}_relu{second + 1}"


def cuts(network, vector, depth=20):
    """The partition of a placement vector. network: lenet5, alexnet, alexnet4096, vgg16 or
    resnet."""
    places = {"lenet5": LENET5_PLACES, "alexnet": ALEXNET_PLACES,
              "alexnet4096": ALEXNET4096_PLACES, "vgg16": VGG16_PLACES}
    return {"cuts": [places[network][n] if network in places else resnet_place(n, depth)
                     for n in vector]}


def load(name):
    """A committed workload as a dict."""
    return json.loads((ROOT / "workloads" / f"{name}.json").read_text(encoding="utf-8"))


def changed(workload, **parts):
    """A copy with parts of its dataset, pipeline and training replaced: part=dict."""
    workload = copy.deepcopy(workload)
    for part, values in parts.items():
        workload.setdefault(part, {}).update(values)
    return workload


def chain_stages(stages):
    return [f"fc{k}" for k in range(stages)]


def chain(stages, features=4, **training):
    """Equal stages: linear layers, one a stage, on random data; lockstep."""
    layers = [{"name": name, "type": "linear", "out_features": features}
              for name in chain_stages(stages)]
    return {
        "name": f"chain of {stages}",
        "dataset": {"format": "random", "shape": [features], "classes": features,
                    "test_samples": 0},
        "network": {"input": [features], "layers": layers},
        "pipeline": {"partition": "per_layer", "schedule": "pipelined", "pacing": "lockstep"},
        "training": {"optimizer": {"learning_rate": 0.01}, **training},
    }


def resnet20(width=1, norm="group_norm", **options):
    """The family in one line; group norm keeps its channels per group when the width changes."""
    network = {"family": "resnet_cifar", "depth": 20, "width": width, "norm": norm, **options}
    if norm == "group_norm":
        network["norm_groups"] = max(1, int(8 * width))
    return network


def cifar10(network, batch=1, samples=10000, test_samples=5000, epochs=5, base="resnet20-cifar10"):
    """A CIFAR-10 training on a subset with the recipe of `base`, its rate falling as a cosine."""
    workload = load(base)
    workload["network"] = network
    workload["dataset"].update(train_samples=samples, test_samples=test_samples)
    workload["training"].update(batch_size=batch, micro_batch_size=batch, epochs=epochs)
    workload["training"]["optimizer"]["learning_rate_schedule"] = {"type": "cosine"}
    workload["pipeline"]["pacing"] = "lockstep"
    return workload


def lenet5(batch, epochs):
    """LeNet-5 on MNIST, mini-batches that travel as one."""
    return changed(load("lenet5-mnist"), pipeline={"pacing": "lockstep"},
                   training={"batch_size": batch, "micro_batch_size": batch, "epochs": epochs})


def with_batch_norm(name, width, batch, samples, test_samples, epochs):
    """A network of the second paper, by its name, on CIFAR-10."""
    network, base = {
        "AlexNet": ({"family": "alexnet"}, "alexnet-cifar10"),
        "VGG-16": ({"family": "vgg", "depth": 16}, "vgg16-cifar10"),
        "ResNet-20": ({"family": "resnet_cifar", "depth": 20}, "resnet20-cifar10"),
    }[name]
    network.update(width=width, norm="batch_norm2d")
    return cifar10(network, batch, samples, test_samples=test_samples, epochs=epochs, base=base)


def deep(short, norm="group_norm", samples=10000, epochs=6):
    """ResNet-20 of a quarter of its width on the first 10,000 digits of MNIST, 22 stages, batch size
    one: deep enough for staleness to hurt, small enough for many runs. The short form: ResNet-8 on
    glyphs, 10 stages."""
    network = {"family": "resnet_cifar", "depth": 8 if short else 20, "input": [1, 28, 28],
               "width": 0.25, "norm": norm}
    if norm == "group_norm":
        network["norm_groups"] = 2
    workload = load("lenet5-glyphs" if short else "lenet5-mnist")
    workload["network"] = network
    workload["dataset"].update(train_samples=300 if short else samples,
                               test_samples=200 if short else 2000)
    workload["training"].update(epochs=1 if short else epochs)
    workload["pipeline"]["pacing"] = "lockstep"
    return workload


def glyphs(samples=1000, test_samples=500, epochs=1, batch=1):
    """LeNet-5 on generated digits: what the short forms train."""
    workload = load("lenet5-glyphs")
    workload["dataset"].update(train_samples=samples, test_samples=test_samples)
    workload["training"].update(batch_size=batch, micro_batch_size=batch, epochs=epochs)
    workload["pipeline"]["pacing"] = "lockstep"
    return workload
