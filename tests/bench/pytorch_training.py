# SPDX-License-Identifier: Apache-2.0
"""PyTorch's side of compare_pytorch: the network, images and optimizer of DIR/workload.json.

    pytorch_training.py DIR initialize        writes DIR/weights.safetensors
    pytorch_training.py DIR train             trains from it on one thread; prints samples per second
                                              of CPU time and the mean loss as JSON
"""

import json
import pathlib
import struct
import sys
import time

import torch
from torch import nn

# Samples before the clock starts.
WARM_UP = 20


def module_of(layer, shape):
    """The layer's module and the shape of its output from the shape of its (first) input."""
    kind = layer["type"]
    if kind == "conv2d":
        kernel, stride, padding = layer["kernel"], layer["stride"], layer["padding"]
        module = nn.Conv2d(shape[0], layer["out_channels"], kernel, stride, padding,
                           groups=layer["groups"], bias=layer["bias"])
        rows, columns = ((n + 2 * padding - kernel) // stride + 1 for n in shape[1:])
        return module, [layer["out_channels"], rows, columns]
    if kind == "linear":
        return (nn.Linear(shape[0], layer["out_features"], layer["bias"]), [layer["out_features"]])
    if kind == "max_pool2d":
        kernel, stride, padding = layer["kernel"], layer["stride"], layer["padding"]
        rows, columns = ((n + 2 * padding - kernel) // stride + 1 for n in shape[1:])
        return nn.MaxPool2d(kernel, stride, padding), [shape[0], rows, columns]
    if kind == "group_norm":
        return nn.GroupNorm(layer["groups"], shape[0], layer["epsilon"]), shape
    if kind == "relu":
        return nn.ReLU(), shape
    if kind == "dropout":
        return nn.Dropout(layer["probability"]), shape
    if kind == "flatten":
        return nn.Flatten(), [shape[0] * shape[1] * shape[2]]
    if kind == "global_avg_pool2d":
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), shape[:1]
    raise SystemExit(f"pytorch_training: no module for layers of type {kind}")


class Network(nn.Module):
    """A graph of layers; each reads the one before it unless it names its inputs."""

    def __init__(self, spec):
        super().__init__()
        self.steps = []
        shapes, before = {"input": spec["input"]}, "input"
        for layer in spec["layers"]:
            name, inputs = layer["name"], layer.get("inputs", [before])
            if layer["type"] == "add":
                module, shapes[name] = None, shapes[inputs[0]]
            else:
                module, shapes[name] = module_of(layer, shapes[inputs[0]])
                self.add_module(name, module)
            self.steps.append((name, module, inputs))
            before = name

    def forward(self, x):
        values = {"input": x}
        for name, module, inputs in self.steps:
            if module is None:
                x = values[inputs[0]]
                for other in inputs[1:]:
                    x = x + values[other]
            else:
                x = module(values[inputs[0]])
            values[name] = x
        return x


def write_weights(network, path):
    """A safetensors file: length of the header, header, numbers."""
    header, data = {}, b""
    for name, tensor in network.state_dict().items():
        numbers = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(numbers)]}
        data += numbers
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_weights(network, path):
    file = path.read_bytes()
    begin = 8 + struct.unpack_from("<Q", file)[0]
    tensors = {}
    for name, entry in json.loads(file[8:begin]).items():
        first, last = entry["data_offsets"]
        tensors[name] = torch.frombuffer(bytearray(file[begin + first:begin + last]),
                                         dtype=torch.float32).reshape(entry["shape"])
    network.load_state_dict(tensors)


def read_samples(dataset, shape):
    """Images and labels as the program reads them."""
    if dataset["format"] == "idx":
        pixels = pathlib.Path(dataset["train_images"]).read_bytes()[16:]
        labels = list(pathlib.Path(dataset["train_labels"]).read_bytes()[8:])
        images = torch.frombuffer(bytearray(pixels), dtype=torch.uint8)
    else:
        records = torch.frombuffer(bytearray(pathlib.Path(dataset["train_images"]).read_bytes()),
                                   dtype=torch.uint8).reshape(-1, 3073)
        labels, images = records[:, 0].tolist(), records[:, 1:]
    scale = dataset["normalize"]
    images = (images.reshape(-1, *shape).float() / 255 - scale["mean"][0]) / scale["std"][0]
    return images.contiguous(), torch.tensor(labels)


def require_fast_products():
    """Debian's reference BLAS, which PyTorch takes where no other is installed, is far slower
    than OpenBLAS: nothing to be compared with."""
    if "/blas/libblas" in pathlib.Path("/proc/self/maps").read_text(encoding="utf-8"):
        raise SystemExit("pytorch_training: PyTorch found no BLAS but the reference; install "
                         "libopenblas0-pthread")


def train(workload, folder):
    require_fast_products()
    torch.set_num_threads(1)
    network = Network(workload["network"])
    read_weights(network, folder / "weights.safetensors")
    images, labels = read_samples(workload["dataset"], workload["network"]["input"])
    fields = workload["training"]["optimizer"]
    optimizer = torch.optim.SGD(network.parameters(), fields["learning_rate"],
                                momentum=fields["momentum"], weight_decay=fields["weight_decay"])
    loss_of = nn.CrossEntropyLoss()
    total, begin = torch.zeros(()), None
    for i in range(len(labels)):
        if i == WARM_UP:
            begin = time.process_time()
        loss = loss_of(network(images[i:i + 1]), labels[i:i + 1])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.detach()
    seconds = time.process_time() - begin
    return {"samples_per_second": (len(labels) - WARM_UP) / seconds,
            "loss": total.item() / len(labels)}


def main():
    folder = pathlib.Path(sys.argv[1])
    workload = json.loads((folder / "workload.json").read_text(encoding="utf-8"))
    if sys.argv[2] == "initialize":
        torch.manual_seed(1)
        write_weights(Network(workload["network"]), folder / "weights.safetensors")
        print("{}")
    else:
        print(json.dumps(train(workload, folder)))


main()
