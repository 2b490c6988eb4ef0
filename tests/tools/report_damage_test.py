# SPDX-License-Identifier: Apache-2.0
"""Does tools/report say which file is broken, and what is wrong with it?

    report_damage_test.py PROGRAM
"""

import json
import re
import unittest

from report_support import Pages, report
from reporting import result
from reporting.run import page as run_page

LACKING = object()


def places(value, steps=()):
    """The way to every value inside a JSON value."""
    items = (value.items() if isinstance(value, dict) else
             enumerate(value) if isinstance(value, list) else ())
    for key, item in items:
        yield (*steps, key)
        yield from places(item, (*steps, key))


def put(value, steps, new):
    for step in steps[:-1]:
        value = value[step]
    if new is LACKING:
        del value[steps[-1]]
    else:
        value[steps[-1]] = new


class DamageTest(Pages):
    """Broken results: exit status 2, the file and the fault, no traceback."""

    def refused(self, folder, path, *said):
        made = report(folder)
        self.assertEqual(made.returncode, 2, made.stdout + made.stderr)
        self.assertEqual(made.stderr.count("\n"), 1, made.stderr)
        for word in (str(path), *said):
            self.assertIn(word, made.stderr)

    def test_broken_files_are_named_with_their_fault(self):
        whole = {name: (self.timed / name).read_bytes() for name in
                 ("summary.json", "trace.json.gz", "memory.csv", "utilization.csv")}
        header, first = whole["memory.csv"].split(b"\n")[:2]
        cases = (
            ("summary.json", whole["summary.json"][:100], "no JSON"),
            ("summary.json", b"\xff\xfe", "no JSON"), ("summary.json", b"", "no JSON"),
            ("summary.json", b"[]", "the schema is None"),
            ("summary.json", b'{"schema": "other"}', "the schema is 'other'"),
            ("summary.json", b'{"schema": "stagecoach.summary/1"}', "lacks 'provenance'"),
            ("summary.json", None, "no such file; give the folder"),
            ("trace.json.gz", whole["trace.json.gz"][:200], "no whole trace"),
            ("trace.json.gz", b"{}", "no whole trace"),
            ("memory.csv", b"", "lacks the column 'stage'"),
            ("memory.csv", header + b"\n" + first[:9], "line 2: found"),
            ("memory.csv", header + b"\n" + re.sub(b"conv1,[0-9]+", b"conv1,nan", first),
             "line 2, column cycle: found 'nan', must be a number"),
            ("memory.csv", header + b"\n9" + first[1:], "column stage: found 9, must be below 5"),
            ("memory.csv", b"\x00\xff\n", "memory.csv"),
            ("utilization.csv", whole["utilization.csv"].replace(b"idle_cycles", b"idle"),
             "lacks the column 'idle_cycles'"),
            ("epochs.csv", b"epoch\n", "lacks the column 'samples'"),
            ("config.json", b'{"hw": {}}', "/hw: lacks 'interconnect'"),
            ("config.json", b'{"hw": {"interconnect": {"kind": 5}}, "workload": {}}',
             "/hw/interconnect/kind: found 5, must be a string"))
        for i, (name, content, said) in enumerate(cases):
            with self.subTest(f"{name}: {said}"):
                out = self.copy(self.timed, name=f"run{i}")
                (out / name).write_bytes(content) if content is not None else (out / name).unlink()
                self.refused(out, out / name, said)

    def test_a_wrong_value_anywhere_in_a_summary_is_refused_or_drawn(self):
        """Every value of the summary is replaced by values of other kinds, or taken away."""
        source = json.loads((self.trained / "summary.json").read_text(encoding="utf-8"))
        for part in ("stages", "layers"):
            source[part] = source[part][:1]
        source["interconnect"]["links"] = source["interconnect"]["links"][:1]
        out = self.copy(self.trained)
        for name in ("staleness.csv", "utilization.csv", "memory.csv", "epochs.csv"):
            (out / name).unlink()
        refused = 0
        for i, steps in enumerate(places(source)):
            for value in (("word", -1.5, [], {"1": None})[i % 4], None, LACKING):
                damaged = json.loads(json.dumps(source))
                put(damaged, steps, value)
                (out / "summary.json").write_text(json.dumps(damaged), encoding="utf-8")
                try:
                    run_page.make(result.load(out), None, 8)
                except ValueError as error:
                    refused += 1
                    self.assertIn(str(out / "summary.json"), str(error))
        self.assertGreater(refused, 250)

    def test_a_torn_table_is_refused_or_drawn(self):
        out = self.copy(self.timed)
        for name in ("staleness.csv", "utilization.csv", "memory.csv", "epochs.csv"):
            whole = (out / name).read_bytes()
            for length in range(0, min(len(whole), 400), 7):
                (out / name).write_bytes(whole[:length])
                try:
                    run_page.make(result.load(out), None, 8)
                except ValueError as error:
                    self.assertIn(str(out / name), str(error))
            (out / name).write_bytes(whole)

if __name__ == "__main__":
    unittest.main()
