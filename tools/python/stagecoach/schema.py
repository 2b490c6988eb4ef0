# SPDX-License-Identifier: Apache-2.0
"""Does a field take whole numbers only? Read from the JSON Schema that the program prints."""

import functools
import json
import subprocess
from collections.abc import Iterator
from typing import Any, Optional


def is_count(program: str, field: str) -> Optional[bool]:
    """None if the program or its schema does not say."""
    kind, *steps = field.split("/")
    nodes = [_schema(program, kind)] if kind in ("hw", "workload") else []
    for step in steps:
        nodes = [below for node in nodes for below in _below(node, step)]
    types = {node.get("type") for node in map(_leaf, _alternatives(nodes))} - {None}
    if "number" in types:
        return False
    return True if "integer" in types else None


@functools.lru_cache(maxsize=None)
def _schema(program: str, kind: str) -> dict[str, Any]:
    printed = subprocess.run([program, "--print-schema", kind], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=False).stdout
    try:
        schema = json.loads(printed)
        return schema if isinstance(schema, dict) else {}
    except ValueError:
        return {}


def _leaf(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _alternatives(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        yield node
        for word in ("anyOf", "oneOf", "allOf"):
            yield from _alternatives(_leaf(node).get(word, []))
        if "then" in _leaf(node):
            yield from _alternatives([node["then"]])


def _below(node: Any, step: str) -> Iterator[Any]:
    for one in map(_leaf, _alternatives([node])):
        if step in one.get("properties", {}):
            yield one["properties"][step]
        if step.isdecimal() and "items" in one:
            yield one["items"]
