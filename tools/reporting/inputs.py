# SPDX-License-Identifier: Apache-2.0
"""What a run was asked to do: the fields of its config.json (every one, after defaults and
overrides), what its command set, and which fields differ from the defaults.
"""

import dataclasses
import functools
import json

import command_line

OPTIONS = ("--precision", "--timing-only", "--functional-only", "--init-weights",
           "--replay")  # those that change what a run computes, and are no field
FIELDS = {"--samples": "workload/dataset/train_samples", "--epochs": "workload/training/epochs",
          "--seed": "workload/training/seed"}  # options that stand for a field
FLAGS = ("--timing-only", "--functional-only")


@dataclasses.dataclass
class Inputs:
    config: dict  # {"hw": ..., "workload": ...}; {}: the result has no config.json
    settings: dict  # what the command set: path -> value
    options: dict  # option -> value


def read(result):
    settings, options = _command(result.words)
    return Inputs(result.config or {}, settings, options)


def _command(words):
    """The fields that a command sets, and its other options."""
    settings, options = {}, {}
    i = 1
    while i < len(words):
        option, joined, value = words[i].partition("=")
        if not joined and option not in FLAGS and i + 1 < len(words) and not words[
                i + 1].startswith("--"):
            value = words[i + 1]
            i += 1
        if option == "--set":
            path, _, text = value.partition("=")
            try:
                settings[path] = json.loads(text)
            except ValueError:
                settings[path] = text
        elif option in FIELDS and value.isdecimal():
            settings[FIELDS[option]] = int(value)
        elif option in OPTIONS:
            options[option] = value or "yes"
        i += 1
    return settings, options


def get(config, path, default=None):
    """A field by its path ("workload/pipeline/schedule"); lists are indexed by number."""
    for step in path.split("/"):
        if isinstance(config, dict) and step in config:
            config = config[step]
        elif isinstance(config, list) and step.isdecimal() and int(step) < len(config):
            config = config[int(step)]
        else:
            return default
    return config


def leaves(value, path=""):
    """(path, value) of every field. Free keys ($comment, $source, ...) are left out; a list of
    plain values is one field."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            if not key.startswith("$"):
                yield from leaves(item, f"{path}/{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for i, item in enumerate(value):
            yield from leaves(item, f"{path}/{i}")
    else:
        yield path, value


def _schema_fields(schema, key):
    """The schemas that say something of a key, whichever branch they stand in."""
    found = []
    if not isinstance(schema, dict):
        return found
    if key in schema.get("properties", {}):
        found.append(schema["properties"][key])
    if key.isdecimal() and isinstance(schema.get("items"), dict):
        found.append(schema["items"])
    for word in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(word, []):
            found += _schema_fields(branch, key)
    for word in ("then", "else"):
        found += _schema_fields(schema.get(word), key)
    return found


def default_of(schemas, path):
    """The defaults that the schema of hardware or workload files gives to a field: a list, empty
    where the field has none."""
    part, *steps = path.split("/")
    at = [schemas[part]]
    for step in steps:
        at = [found for schema in at for found in _schema_fields(schema, step)]
    return [schema["default"] for schema in at if isinstance(schema, dict) and "default" in schema]


@functools.cache
def schemas():
    """The JSON Schemas of the two kinds of files, from the documentation."""
    folder = command_line.ROOT / "docs/schemas"
    return {"hw": command_line.read_json(folder / "hardware.schema.json"),
            "workload": command_line.read_json(folder / "workload.schema.json")}


def _with_defaults(inputs):
    """(path, value, defaults) of every field but those of the network's layers, which have a
    table."""
    known = schemas()
    for path, value in leaves(inputs.config):
        if not path.startswith("workload/network/layers/"):
            yield path, value, default_of(known, path)


def not_default(inputs):
    """(path, value, default or None) of the fields that were given another value than the default,
    and of those that have no default."""
    return [(path, value, next(iter(defaults), None))
            for path, value, defaults in _with_defaults(inputs) if value not in defaults]


def set_by_command(inputs):
    """As not_default(): the fields that the command set, alone or with the object around them,
    whether to their default or not."""
    return [(path, value, value if value in defaults else next(iter(defaults), None))
            for path, value, defaults in _with_defaults(inputs)
            if any(path == name or path.startswith(f"{name}/") for name in inputs.settings)]


def differences(all_inputs):
    """(path, [value or None of each]) of the fields in which runs differ."""
    tables = [dict(leaves(inputs.config)) for inputs in all_inputs]
    for table, inputs in zip(tables, all_inputs):
        table.update({option: value for option, value in inputs.options.items()})
    rows = []
    for path in dict.fromkeys(p for table in tables for p in table):
        values = [table.get(path) for table in tables]
        if any(v != values[0] for v in values):
            rows.append((path, values))
    return rows
