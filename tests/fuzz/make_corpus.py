#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzzing: a folder of small files per target, and a dictionary of the words that
hardware and workload files know.

  make_corpus.py FOLDER"""

import gzip
import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_BYTES = 8000


def idx(code, element, dims, count):
    values = struct.pack(f">{count}{element}", *range(count))
    return bytes([0, 0, code, len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + values


def safetensors(tensors):
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def cifar(label_bytes):
    return b"\0" + bytes(range(label_bytes)) + bytes(3072)


def json_files(folder):
    files = sorted((ROOT / folder).glob("*.json"))
    return [f.read_bytes() for f in files if f.stat().st_size <= MOST_BYTES]


def networks():
    files = [json.loads(text)["network"] for text in json_files("workloads")]
    return [json.dumps(network).encode() for network in files if isinstance(network, dict)]


SETTINGS = ["hw/clock_mhz=400", "hw/core={\"kind\": \"systolic\", \"rows\": 8}", "hw/cores/count=4",
            "workload/training/epochs=3", "workload/pipeline/schedule=gpipe",
            "workload/network/layers/1/out_features=20", "workload/dataset/train_samples=1e3",
            "workload/pipeline/partition={\"balanced\": 2}", "workload/training/mitigation="
            "{\"weight_prediction\": \"spectrain\"}", "workload/a~1b/c=\"text\""]


def seeds():
    order = bytes([0, 0, 0, 2, 2, 2])
    return {
        "hardware": json_files("hw"),
        "workload": json_files("workloads"),
        "network": networks(),
        "idx": [idx(8, "B", [2, 3, 3], 18), gzip.compress(idx(13, "f", [3, 2], 6), mtime=0),
                idx(11, "h", [4], 4), idx(14, "d", [1, 1, 2, 2], 4)],
        "cifar": [cifar(1), b"\1" + cifar(2)[1:]],
        "safetensors": [
            safetensors({"a.weight": ("F32", [2, 2], bytes(16)), "a.bias": ("F64", [1], bytes(8))}),
            safetensors({"h": ("F16", [2], bytes(4)), "b": ("BF16", [1], bytes(2)),
                         "i": ("I64", [], bytes(8)), "u": ("U8", [0, 3], b"")}),
            safetensors({})],
        "set": [s.encode() for s in SETTINGS],
        "recording": [b"\2" + bytes([6]) + order + bytes([6]) + order + bytes([6]) + order,
                      b"\1" + bytes(12), b"\0stagecoach schedule recording 2\nhardware none\n"],
        "checkpoint": [b"\1" + bytes([40]) + b'{"program": {"version": "1"}, "a": [1]} ' + b"\3abc",
                       b"\0stagecoach checkpoint 1\n" + struct.pack("<IQ", 3, 2) + b"run{}"],
    }


def words(schema, found):
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties":
                found.update(value)
            if key in ("enum", "const"):
                found.update(v for v in (value if isinstance(value, list) else [value])
                             if isinstance(v, str))
            words(value, found)
    elif isinstance(schema, list):
        for value in schema:
            words(value, found)


def main():
    folder = pathlib.Path(sys.argv[1])
    for target, contents in seeds().items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(contents):
            (folder / target / f"seed{number}").write_bytes(content)
    found = {"F32", "F64", "BF16", "dtype", "shape", "data_offsets", "hw/", "workload/"}
    for schema in (ROOT / "docs/schemas").glob("*.json"):
        words(json.loads(schema.read_text(encoding="utf-8")), found)
    lines = ["".join(c if c.isalnum() or c in "_-/" else f"\\x{ord(c):02x}" for c in word)
             for word in sorted(found)]
    (folder / "words.dict").write_text("".join(f'"{line}"\n' for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
