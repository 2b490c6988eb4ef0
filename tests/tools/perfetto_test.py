# SPDX-License-Identifier: Apache-2.0
"""Does trace.perfetto.gz hold what the statistics say, in cycles and in nanoseconds, and do the
queries of docs/traces.md answer?

    perfetto_test.py PROGRAM
"""

import gzip
import json
import re
import tempfile
import pathlib
import subprocess
import unittest

from report_support import PROGRAM, ROOT, run
from perfetto_reader import Trace

STALLS = ("stall_input", "stall_output", "stall_memory", "stall_interconnect")
TRACED = ("--timing-only", "--trace", "--trace-format", "perfetto")


def queries():
    text = (ROOT / "docs/traces.md").read_text(encoding="utf-8")
    return re.findall(r"```sql\n(.*?)```", text, re.S)


class PerfettoTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.root = pathlib.Path(temporary.name)

    def traced(self, *arguments, samples="60", name="run"):
        out = run(self.root / name, *TRACED, "--epochs", "1", *arguments, samples=samples)
        return (json.loads((out / "summary.json").read_text(encoding="utf-8")),
                Trace(out / "trace.perfetto.gz"))

    def test_the_three_queries_give_what_the_summary_says(self):
        summary, trace = self.traced("--set", "hw/interconnect/link_bytes_per_cycle=1")
        stalls, staleness, most = (trace.query(text) for text in queries())
        found = {(stage, cause): cycles for stage, cause, _, cycles, _ in stalls}
        for stage in summary["stages"]:
            for cause in STALLS:
                name = f'{stage["index"]} {stage["name"]} stalls'
                self.assertEqual(found.get((name, cause), 0), stage["cycles"][cause], name)
        for stage, (index, updates, mean, largest) in zip(summary["stages"], staleness):
            self.assertEqual(index, stage["index"])
            self.assertEqual(updates, sum(stage["staleness"]["histogram"].values()))
            self.assertAlmostEqual(mean, stage["staleness"]["mean"])
            self.assertEqual(largest, stage["staleness"]["max"])
        values = dict(most)
        for link in summary["interconnect"]["links"]:
            self.assertEqual(values.get(link["name"], 0), link["busy_cycles"], link["name"])
        for stage in summary["stages"]:
            self.assertEqual(values[f'{stage["index"]} {stage["name"]} activations_bytes'],
                             stage["memory"]["activations_peak_bytes"])

    def test_every_schedule_and_machine_has_a_sound_trace(self):
        for i, more in enumerate((
                ("workload/pipeline/schedule=gpipe", "workload/training/batch_size=8"),
                ("workload/pipeline/schedule=zero_bubble",),
                ("workload/pipeline/schedule=hybrid", "workload/pipeline/switch_epoch=0.5"),
                ("workload/pipeline/pacing=lockstep",), ("hw/clock_mhz=750",),
                ("hw/clock_mhz=3000",),
                ('hw/mapping={"kind": "balanced", "split_forward_backward": true}',))):
            with self.subTest(more):
                settings = [word for setting in more for word in ("--set", setting)]
                summary, trace = self.traced(*settings, name=f"run{i}")
                self.check_operations(summary, trace)
                self.check_times(summary, trace)

    def check_operations(self, summary, trace):
        for stage in summary["stages"]:
            done = dict(trace.query(f"""
                select slice.name, count(*) from slice
                where category = 'operation' and extract_arg(arg_set_id, 'stage') = {stage["index"]}
                group by slice.name"""))
            histogram = sum(stage["staleness"]["histogram"].values())
            self.assertEqual(done["forward"], done["backward"])
            self.assertEqual(done["forward"], histogram)

    def check_times(self, summary, trace):
        """Nanoseconds are the cycles', each end rounded by itself."""
        per_cycle = 1000 / summary["timing"]["clock_mhz"]
        last = 0
        for ts, dur, arguments in trace.query("select ts, dur, arg_set_id from slice"):
            begin, cycles = (trace.arguments[arguments][key] for key in ("begin_cycle", "cycles"))
            self.assertAlmostEqual(ts, begin * per_cycle, delta=0.51)
            self.assertAlmostEqual(ts + dur, (begin + cycles) * per_cycle, delta=0.51)
            last = max(last, begin + cycles)
        self.assertEqual(last, summary["timing"]["cycles"])

    def test_a_flow_follows_a_micro_batch_through_all_stages_and_back(self):
        summary, trace = self.traced()
        self.assertEqual(len(trace.flows), 60)
        self.assertEqual({len(slices) for slices in trace.flows.values()},
                         {2 * len(summary["stages"])})

    def test_counters_end_empty_and_never_go_below_zero(self):
        _, trace = self.traced()
        for track, name in trace.query("select id, name from counter_track"):
            values = [v for v, in trace.query(
                f"select value from counter where track_id = {track} order by rowid")]
            self.assertGreater(len(values), 0, name)
            self.assertGreaterEqual(min(values), 0, name)
            if name.endswith(("samples_held", "activations_bytes")):
                self.assertEqual(values[-1], 0, name)
            if name.endswith("utilization"):
                self.assertLessEqual(max(values), 100)
            if name.endswith("weight_version"):
                self.assertEqual(values, sorted(values))

    def test_a_window_says_where_it_begins_and_ends(self):
        summary, whole = self.traced(samples="300")
        _, part = self.traced("--trace-from", "100", "--trace-samples", "20", samples="300",
                              name="part")
        name = part.query("select name from track where id = 1")[0][0]
        found = re.fullmatch(r"machine: micro-batches 100 to 119 of 300, cycles (\d+) to (\d+) of "
                             rf"{summary['timing']['cycles']}", name)
        begin, end = (int(n) for n in found.groups())
        operations = ("select name, ts, dur, extract_arg(arg_set_id, 'sample') as s, "
                      "extract_arg(arg_set_id, 'stage') from slice where category = 'operation'")
        wanted = whole.query(f"{operations} and s between 100 and 119 order by 2, 5, 1")
        self.assertEqual(part.query(f"{operations} order by 2, 5, 1"), wanted)
        self.assertEqual(begin * 2, min(row[1] for row in wanted))  # 500 MHz
        self.assertEqual(end * 2, max(row[1] + row[2] for row in wanted))
        for track in ("2 fc1 stalls", "0 conv1 stalls"):
            inside = f"""select sum(min(ts + dur, {2 * end}) - max(ts, {2 * begin})) from slice
                where ts < {2 * end} and ts + dur > {2 * begin}
                and track_id = (select id from track where name = '{track}')"""
            self.assertEqual(part.query(inside), whole.query(inside), track)
        for counter in ("1 conv2 samples_held", "1 conv2 weight_version", "3 fc2 gradients_bytes"):
            at = f"""select value from counter where ts <= {2 * (begin + end) // 2}
                and track_id = (select id from track where name = '{counter}')
                order by ts desc, rowid desc limit 1"""
            self.assertEqual(part.query(at), whole.query(at), counter)

    def test_the_cap_is_told(self):
        done = subprocess.run(
            [PROGRAM, "--hw", ROOT / "hw/small_mesh.json", "--workload",
             ROOT / "workloads/lenet5-glyphs.json", "--out", self.root / "long", "--samples",
             "15000", "--epochs", "1", *TRACED], capture_output=True, text=True, check=True)
        self.assertIn("trace: holds 13333 micro-batches, because its limit is 200000 operations",
                      done.stderr)
        # Its bytes, not its tables: millions of rows would take half a minute.
        packed = (self.root / "long/trace.perfetto.gz").read_bytes()
        self.assertRegex(gzip.decompress(packed),
                         b"machine: micro-batches 0 to 13332 of 15000, [^\\n\\0]*, cut at the cap of "
                         b"operations")

    def test_waves_and_a_trace_together_change_neither(self):
        _, alone = self.traced()
        out = run(self.root / "both", *TRACED, "--vcd", "--epochs", "1")
        both = Trace(out / "trace.perfetto.gz")
        everything = "select ts, dur, track_id, name from slice order by rowid"
        self.assertEqual(both.query(everything), alone.query(everything))
        waves = run(self.root / "waves", "--timing-only", "--vcd", "--epochs", "1") / "machine.vcd"
        self.assertEqual(waves.read_bytes(), (out / "machine.vcd").read_bytes())

    def test_a_format_without_a_trace_is_refused(self):
        refused = subprocess.run(
            [PROGRAM, "--hw", "small_mesh", "--workload", "lenet5-glyphs", "--trace-format",
             "perfetto", "--out", self.root / "none"], capture_output=True, text=True, check=False)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("--trace-format: changes nothing without --trace", refused.stderr)


if __name__ == "__main__":
    unittest.main()
