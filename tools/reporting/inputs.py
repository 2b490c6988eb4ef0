# SPDX-License-Identifier: Apache-2.0
"""What a run was asked to do: every field of its two files, and which differ from the defaults.

The result's config.json (every field after defaults and overrides) is used where it is there. Else
the two files are looked for by the names in the run's command and taken if their SHA-256 is the
recorded one; the command's --set then stands above them.
"""

import dataclasses
import functools
import hashlib
import json
import pathlib

import command_line

OPTIONS = ("--precision", "--timing-only", "--functional-only", "--init-weights",
           "--replay")  # those that change what a run computes, and are no field
FIELDS = {"--samples": "workload/dataset/train_samples", "--epochs": "workload/training/epochs",
          "--seed": "workload/training/seed"}  # options that stand for a field
FLAGS = ("--timing-only", "--functional-only")


@dataclasses.dataclass
class Inputs:
    config: dict  # {"hw": ..., "workload": ...}, parts that were not found are missing
    whole: bool  # every field, defaults too
    files: dict  # "hw", "workload" -> path of the file found
    settings: dict  # what the command set: path -> value
    options: dict  # option -> value


def read(result):
    settings, options, names = _command(result.words)
    if result.config is not None:
        return Inputs(result.config, True, _files(result, names), settings, options)
    files = _files(result, names)
    config = {}
    for part, path in files.items():
        try:
            config[part] = command_line.read_json(path)
        except (OSError, ValueError):
            continue  # the file of that SHA-256 went away in between
    for path, value in settings.items():
        _put(config, path.split("/"), value)
    return Inputs(config, False, files, settings, options)


def _command(words):
    """The fields that a command sets, its other options, and the names of its files."""
    settings, options, names = {}, {}, {}
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
        elif option in ("--hw", "--workload"):
            names[option[2:]] = value
        elif option in FIELDS and value.isdecimal():
            settings[FIELDS[option]] = int(value)
        elif option in OPTIONS:
            options[option] = value or "yes"
        i += 1
    return settings, options, names


def _files(result, names):
    """Files of the run's command whose content is what the run read."""
    found = {}
    for part, digest, folder in (("hw", "hardware_sha256", "hw"),
                                 ("workload", "workload_sha256", "workloads")):
        name = names.get(part)
        if not name:
            continue
        wanted = result.summary["provenance"][digest]
        for path in (pathlib.Path(name), command_line.ROOT / name,
                     command_line.ROOT / folder / f"{pathlib.Path(name).stem}.json"):
            try:
                if hashlib.sha256(path.read_bytes()).hexdigest() == wanted:
                    found[part] = path
                    break
            except (OSError, ValueError):
                continue
    return found


def _put(config, steps, value):
    """Sets a field as --set does; a path that leads nowhere in what was found is left out."""
    at = config.get(steps[0])
    for step in steps[1:-1]:
        if isinstance(at, list) and step.isdecimal() and int(step) < len(at):
            at = at[int(step)]
        elif isinstance(at, dict):
            at = at.setdefault(step, {})
        else:
            return
    if isinstance(at, dict):
        at[steps[-1]] = value
    elif isinstance(at, list) and steps[-1].isdecimal() and int(steps[-1]) < len(at):
        at[int(steps[-1])] = value


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


def not_default(inputs):
    """(path, value, default or None) of the fields that were given another value than the default,
    and of those that have no default. Layers of the network are left out: they have a table."""
    known = schemas()
    rows = []
    for path, value in leaves(inputs.config):
        if path.startswith("workload/network/layers/"):
            continue
        defaults = default_of(known, path)
        if value not in defaults:
            rows.append((path, value, defaults[0] if defaults else None))
    return rows


def differences(all_inputs):
    """(path, [value or None of each]) of the fields in which runs differ."""
    tables = [dict(leaves(inputs.config)) for inputs in all_inputs]
    for table, inputs in zip(tables, all_inputs):
        table.update({option: value for option, value in inputs.options.items()})
    known = schemas() if not all(inputs.whole for inputs in all_inputs) else None
    rows = []
    for path in dict.fromkeys(p for table in tables for p in table):
        values = [table.get(path) for table in tables]
        if known and not path.startswith("--"):  # a field that a file leaves out has its default
            default = default_of(known, path)[:1] or [None]
            values = [default[0] if v is None else v for v in values]
        if any(v != values[0] for v in values):
            rows.append((path, values))
    return rows
