# SPDX-License-Identifier: Apache-2.0
"""Checks JSON against a shape that is written down, so that damage is told by file and place.

A shape is a word (number, text, flag, any; with "?" null is allowed too), a dict (an object with
these keys; a key that ends in "?" may be missing; further keys are free), a list of one shape (an
array of such), or a Map of one shape (an object with any keys).
"""

import dataclasses
import math

WORDS = {"number": "a number", "text": "a string", "flag": "true or false"}


@dataclasses.dataclass
class Map:
    values: object


def _is(word, value):
    if word == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool) and (
            isinstance(value, int) or math.isfinite(value))
    return isinstance(value, {"text": str, "flag": bool}[word])


def _show(value):
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def check(path, value, shape, place=""):
    """Raises ValueError with the file, the JSON pointer, what was found and what must be there."""
    def fault(wanted):
        raise ValueError(f"{path}: {place or '/'}: found {_show(value)}, must be {wanted}")

    if isinstance(shape, str):
        word = shape.rstrip("?")
        if word == "any" or (shape.endswith("?") and value is None):
            return
        if not _is(word, value):
            fault(WORDS[word] + (" or null" if shape.endswith("?") else ""))
    elif isinstance(shape, list):
        if not isinstance(value, list):
            fault("an array")
        for i, item in enumerate(value):
            check(path, item, shape[0], f"{place}/{i}")
    elif isinstance(shape, Map):
        if not isinstance(value, dict):
            fault("an object")
        for key, item in value.items():
            check(path, item, shape.values, f"{place}/{key}")
    else:
        if not isinstance(value, dict):
            fault("an object")
        for key, inner in shape.items():
            name, may_miss = key.rstrip("?"), key.endswith("?")
            if name in value:
                check(path, value[name], inner, f"{place}/{name}")
            elif not may_miss:
                raise ValueError(f"{path}: {place or '/'}: lacks {name!r}: another version of "
                                 "stagecoach wrote it, or another program")
