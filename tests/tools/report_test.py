# SPDX-License-Identifier: Apache-2.0
"""Does the page of a run show what the result holds, and stand alone?

    report_test.py PROGRAM      runs the program for a moment
"""

import json
import re
import shutil
import subprocess
import unittest

from report_support import PROGRAM, ROOT, Pages, Reader, report, run
from reporting import result
from reporting.run import limits
from reporting.run import page as run_page
from reporting.words import size


class RunPageTest(Pages):
    def test_a_run_has_every_chart_and_its_whole_name(self):
        read = self.page(self.copy(self.timed))
        self.assertEqual(read.title, "lenet5-glyphs on small_mesh, pipelined, elastic, "
                                     "no mitigation, batch 1")
        self.assertEqual({spec["kind"] for spec in read.specs},
                         {"bars", "areas", "heat", "lines", "chip", "timeline"})
        for heading in ("What was run", "What limits the rate", "Where each stage's time went",
                        "Stalls and work over simulated time", "Staleness", "Map of the chip",
                        "Timeline", "Memory", "Energy and area", "Links", "Layers", "Provenance"):
            self.assertIn(heading, read.words())
        self.assertNotIn("Training figures", read.words())

    def test_bars_hold_the_cycles_of_the_summary(self):
        summary = json.loads((self.timed / "summary.json").read_text(encoding="utf-8"))
        bars = self.page(self.copy(self.timed)).charts("bars")[0]
        self.assertEqual(bars["rows"][1], "1 conv2")
        self.assertEqual(bars["stages"], [0, 1, 2, 3, 4])
        for r, stage in enumerate(summary["stages"]):
            self.assertEqual(sum(s["values"][r] for s in bars["series"]),
                             summary["timing"]["cycles"])
            self.assertEqual(bars["series"][0]["values"][r], stage["cycles"]["forward"])

    def test_the_map_has_every_core_and_the_links_of_the_mesh(self):
        summary = json.loads((self.timed / "summary.json").read_text(encoding="utf-8"))
        chip = self.page(self.copy(self.timed)).charts("chip")[0]
        self.assertEqual(len(chip["cells"]), 16)
        # Cores run along the rows, back and forth: core 4 to 10 are conv2's.
        conv2 = {(c["x"], c["y"]) for c in chip["cells"] if c["unit"] == 1}
        self.assertEqual(conv2, {(3, 1), (2, 1), (1, 1), (0, 1), (0, 2), (1, 2), (2, 2)})
        mesh = [link for link in summary["interconnect"]["links"] if "->" in link["name"]]
        self.assertEqual([link["name"] for link in chip["links"]], [m["name"] for m in mesh])
        self.assertEqual(chip["links"][0]["name"], "tile(0,1)->tile(0,0)")
        self.assertEqual((chip["links"][0]["from"], chip["links"][0]["to"]), ([1, 0], [0, 0]))
        self.assertEqual([m["name"] for m in chip["measures"]], ["utilization", "stalls", "energy"])

    def test_energy_is_shown_by_place_and_adds_up(self):
        summary = json.loads((self.timed / "summary.json").read_text(encoding="utf-8"))
        read = self.page(self.copy(self.timed))
        measure = read.charts("chip")[0]["measures"][2]
        for drawn, stage in zip(measure["cells"], summary["stages"]):
            self.assertAlmostEqual(drawn / stage["joules"], 1, 5)
        self.assertGreater(min(measure["links"]), 0)
        places = next(s for s in read.charts("bars") if s["title"].startswith("Energy by place"))
        self.assertEqual(places["stages"], [0, 1, 2, 3, 4, None, None])
        self.assertEqual(places["rows"][4:], ["4 fc3", "all links", "host and chip"])
        total = sum(sum(s["values"]) for s in places["series"])
        self.assertAlmostEqual(total / summary["energy"]["total_joules"], 1, 4)

    def test_a_chip_without_energies_has_a_page_and_a_comparison(self):
        chip = json.loads((ROOT / "hw/small_mesh.json").read_text(encoding="utf-8"))
        del chip["energy"]
        (self.root / "hw.json").write_text(json.dumps(chip), encoding="utf-8")
        out = self.root / "bare"
        subprocess.run([PROGRAM, "--hw", self.root / "hw.json", "--workload",
                        ROOT / "workloads/lenet5-glyphs.json", "--out", out, "--samples", "60",
                        "--epochs", "2"], capture_output=True, check=True)
        read = self.page(out)
        words = read.words()
        self.assertEqual(words.count('Energy is not known: the hardware file has no "energy".'), 1)
        self.assertNotRegex(words, r"[0-9] [mµn]?J\b")
        self.assertNotIn("Accuracy against energy", words)
        self.assertEqual([m["name"] for m in read.charts("chip")[0]["measures"]],
                         ["utilization", "stalls"])
        words = self.page(self.copy(self.trained, name="base"), out).words()
        self.assertIn("hw/energy/mac_pj 4.6 –", words)

    def test_the_channel_to_dram_is_shown_where_it_is_simulated(self):
        out = self.root / "channel"
        spill = ["--set", "hw/cores/0/buffer/capacity_kib=8", "--samples", "30"]
        command = [PROGRAM, "--hw", ROOT / "hw/eyeriss.json", "--workload",
                   ROOT / "workloads/lenet5-glyphs.json", "--timing-only", "--epochs", "1",
                   "--force", "--out", out, *spill]
        subprocess.run(command, capture_output=True, check=True)
        summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
        channel = summary["memory"]["dram_channel"]
        self.assertGreater(channel["bytes"], 0)
        words = self.page(out).words()
        self.assertIn(f"The channel to DRAM carried {size(channel['bytes'])}; it was busy for "
                      f"{channel['busy_cycles']:,} cycles "
                      f"({100 * channel['utilization']:.1f} % of the run), and requests waited for "
                      f"one another {channel['wait_cycles']:,} cycles.", words)
        summary["memory"]["dram_channel"]["busy_cycles"] = "many"
        (out / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
        with self.assertRaisesRegex(ValueError, "/memory/dram_channel/busy_cycles"):
            result.load(out)
        subprocess.run([*command, "--set", "hw/dram/arbitration=equal_shares"],
                       capture_output=True, check=True)
        self.assertNotIn("The channel to DRAM", self.page(out).words())

    def test_without_energies_the_map_offers_none(self):
        out = self.root / "ideal"
        subprocess.run([PROGRAM, "--hw", ROOT / "hw/ideal.json", "--workload",
                        ROOT / "workloads/lenet5-glyphs.json", "--out", out, "--timing-only",
                        "--samples", "30", "--epochs", "1"], capture_output=True, check=True)
        chip = self.page(out).charts("chip")[0]
        self.assertEqual([m["name"] for m in chip["measures"]], ["utilization", "stalls"])

    def test_every_preset_has_a_map(self):
        for preset in ("ideal", "gemmini16", "tpu_like", "nvdla_small", "two_gpus", "eyeriss",
                       "wse2_like"):
            with self.subTest(preset):
                out = self.root / preset
                done = subprocess.run(
                    [PROGRAM, "--hw", ROOT / f"hw/{preset}.json", "--workload",
                     ROOT / "workloads/lenet5-glyphs.json", "--out", out, "--timing-only",
                     "--samples", "30", "--epochs", "1"], capture_output=True, check=False)
                self.assertEqual(done.returncode, 0)
                summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
                chip = Reader(run_page.make(result.load(out), None, 8)).charts("chip")[0]
                self.assertEqual(len(chip["units"]), len({s["core"] for s in summary["stages"]}))
                drawn = {link["name"] for link in chip["links"]}
                for link in summary["interconnect"]["links"]:
                    name = link["name"]
                    inside = "region" in name or "copies" in name
                    self.assertEqual(name in drawn, not inside, name)

    def test_links_to_the_host_are_drawn_as_ports(self):
        out = self.root / "host"
        subprocess.run(
            [PROGRAM, "--hw", ROOT / "hw/two_gpus.json", "--set",
             "hw/interconnect/copies=by_engine", "--workload",
             ROOT / "workloads/lenet5-glyphs.json", "--out", out, "--timing-only", "--samples",
             "30", "--epochs", "1", "--quiet"], capture_output=True, check=True)
        chip = self.page(out).charts("chip")[0]
        self.assertEqual({link["name"] for link in chip["links"]},
                         {"gpu0->host", "host->gpu0", "gpu1->host", "host->gpu1"})

    def test_the_timeline_is_what_its_label_says(self):
        run_ = result.load(self.timed)
        slices = [e for e in run_.trace if e["ph"] == "X"]
        for schedule in (None, "gpipe"):
            if schedule:
                out = run(self.root / "gpipe", "--timing-only", "--trace", "--set",
                          "workload/pipeline/schedule=gpipe", "--set",
                          "workload/training/batch_size=8", samples="120")
                slices = [e for e in result.load(out).trace if e["ph"] == "X"]
            read = self.page(out if schedule else self.copy(self.timed))
            self.assertEqual(len(read.charts("timeline")), 2)
            for chart in read.charts("timeline"):
                begin, end, first, last = (int(n.replace(",", "")) for n in re.search(
                    r"cycles ([\d,]+) to ([\d,]+), samples ([\d,]+) to ([\d,]+)$",
                    chart["title"]).groups())
                inside = [e for e in slices if e["ts"] < end and e["ts"] + e["dur"] > begin]
                self.assertEqual(len(chart["slices"]), len(inside))
                samples = [e["args"]["sample"] for e in inside]
                self.assertEqual((min(samples), max(samples)), (first, last))
            self.assertGreater(first, 50, "the second timeline shows the steady state")

    def test_a_short_trace_has_no_steady_state(self):
        out = run(self.root / "run", "--timing-only", "--trace", "--trace-samples", "9")
        charts = self.page(out).charts("timeline")
        self.assertEqual(len(charts), 1)
        self.assertIn("The first traced samples", charts[0]["title"])

    def test_curves_stand_against_samples_time_and_energy_once_each(self):
        read = self.page(self.copy(self.trained))
        titles = [s["title"] for s in read.charts("lines") if "against" in s["title"]]
        self.assertEqual(titles, [f"{kind} against {what}" for kind in ("Accuracy", "Loss")
                                  for what in ("samples", "simulated time", "energy")])
        accuracy = next(s for s in read.specs if s["title"] == "Accuracy against samples")
        self.assertEqual([p[0] for p in accuracy["series"][0]["points"]], [60, 120])
        self.assertRegex(read.words(), r"The target of 0[.0]* ?% was reached with epoch 1 after "
                                       r"\S+ \S*s and \S+ \S*J")

    def test_a_target_that_was_missed_is_told(self):
        read = self.page(run(self.root / "run", "--set", "workload/training/target_accuracy=1",
                             "--epochs", "1"))
        self.assertIn("The target of 100.0 % was not reached.", read.words())

    def test_what_the_command_changed_is_told_with_its_default(self):
        read = self.page(run(self.root / "run", "--timing-only", "--set",
                             "workload/pipeline/pacing=lockstep", "--set",
                             "workload/training/mitigation/weight_stashing=true", "--set",
                             "workload/pipeline/schedule=pipelined"))
        # A field that the command sets to its default is named, too: the file may say otherwise.
        self.assertIn("workload/pipeline/schedule pipelined pipelined the command", read.words())
        self.assertIn("60 samples simulated", read.words())
        self.assertIn("lockstep, weight stashing, batch 1", read.title)
        self.assertIn("workload/pipeline/pacing lockstep elastic the command", read.words())
        self.assertIn("workload/dataset/train_samples 60", read.words())

    def test_the_results_own_configuration_is_taken_wherever_the_files_went(self):
        files = {part: self.root / f"{part}.json" for part in ("hw", "workload")}
        shutil.copy(ROOT / "hw/small_mesh.json", files["hw"])
        shutil.copy(ROOT / "workloads/lenet5-glyphs.json", files["workload"])
        out = self.root / "made"
        subprocess.run([PROGRAM, "--hw", files["hw"], "--workload", files["workload"], "--out", out,
                        "--samples", "60", "--timing-only", "--set",
                        "workload/pipeline/schedule=gpipe"], capture_output=True, check=True)
        for path in files.values():
            path.unlink()
        read = self.page(out)
        self.assertIn("gpipe, elastic", read.title)
        self.assertIn("workload/pipeline/schedule gpipe pipelined the command", read.words())

    def test_a_result_without_its_configuration_says_so(self):
        out = self.copy(self.timed)
        (out / "config.json").unlink()
        read = self.page(out)
        self.assertEqual(read.title, "lenet5-glyphs on small_mesh")
        self.assertIn("Not in the result folder: config.json", read.words())
        self.assertIn("only what the run's command says is known", read.words())
        self.assertIn("the result has no config.json", read.words())

    def test_what_would_help_is_asked_with_the_runs_own_settings(self):
        read = self.page(run(self.root / "run", "--timing-only", "--set",
                             "hw/interconnect/link_bytes_per_cycle=1"))
        asked = subprocess.run(
            [PROGRAM, "--check", "--json", "--hw", ROOT / "hw/small_mesh.json", "--workload",
             ROOT / "workloads/lenet5-glyphs.json", "--set",
             "hw/interconnect/link_bytes_per_cycle=1", "--samples", "60", "--timing-only"],
            capture_output=True, text=True, check=True).stdout
        best = json.loads(asked)["rate"]["what_if"][0]
        self.assertLess(best["relative"], 0)
        self.assertIn(f"{best['field']} {best['change']}", read.words())
        self.assertIn(f"{100 * best['relative']:+.1f} %", read.words())

    def test_fields_without_effect_and_cores_that_would_not_help_are_left_out(self):
        rate = {"what_if": [{"field": field, "change": "1 -> 2", "cycles_per_micro_batch": 1,
                             "relative": relative, "caution": None}
                            for field, relative in (("much", -0.5), ("nothing", -0.0004))]}
        shown = Reader(limits._helps(rate)).words()
        self.assertIn("much 1 -> 2 1.00 -50.0 %", shown)
        self.assertTrue(shown.endswith("Fields without effect nothing"), shown)
        self.assertNotIn("caution", shown)

    def test_banners(self):
        def unfinished(summary):
            summary["training"].update(complete=False)
        cases = ((self.timed, unfinished, "This run is not finished: it has trained "),
                 (self.timed, lambda s: s["training"].update(interrupted=True, complete=False),
                  "The run was interrupted after "),
                 (self.trained, lambda s: s["training"].update(
                     diverged=True, diverged_at={"epoch": 1, "sample": 1234}),
                  "The training diverged at sample 1,234 of epoch 2: results end there."))
        for i, (folder, change, said) in enumerate(cases):
            with self.subTest(said):
                words = self.page(self.copy(folder, change, f"run{i}")).words()
                self.assertIn(said, words)
                self.assertNotIn("not finished" if "interrupted" in said else "was interrupted",
                                 words)

    def test_a_run_that_has_only_begun_is_drawn(self):
        def begun(summary):
            summary["training"].update(complete=False)
            summary["timing"].update({key: None for key in summary["timing"]})
            for stage in summary["stages"]:
                stage["cycles"] = {cause: None for cause in stage["cycles"]}
        out = self.copy(self.trained, begun)
        for name in ("staleness.csv", "utilization.csv", "memory.csv"):
            (out / name).unlink()
        read = self.page(out)
        self.assertIn("This run is not finished", read.words())
        self.assertIn("come with the end of the run", read.words())
        self.assertNotIn("had no clock", read.words())
        self.assertIn("Accuracy against samples", read.words())

    def test_a_diverged_run_is_drawn(self):
        out = run(self.root / "run", "--set",
                  'workload/training/optimizer={"type":"sgd","learning_rate":20}', status=3)
        self.assertIn("The training diverged at sample ", self.page(out).words())

    def test_a_replay_says_so(self):
        recording = self.root / "order.rec"
        run(self.root / "first", "--record-schedule", recording)
        self.assertNotIn("replayed", self.page(self.root / "first").words())
        read = self.page(run(self.root / "second", "--replay", recording))
        self.assertIn(f"This run replayed the schedule recorded in {recording}", read.words())

    def test_a_run_without_a_clock_says_so(self):
        read = self.page(run(self.root / "run", "--functional-only", "--epochs", "2"))
        self.assertIn("This run had no clock.", read.words())
        self.assertNotIn("Accuracy against simulated time", read.words())
        self.assertNotIn("Not in the result folder", read.words())

    def test_missing_files_are_named_on_the_page(self):
        out = self.copy(self.timed)
        for name in ("memory.csv", "staleness.csv", "trace.json.gz"):
            (out / name).unlink()
        read = self.page(out)
        self.assertIn("Not in the result folder: staleness.csv, memory.csv, trace.json.gz",
                      read.words())
        self.assertIn("Most bytes held per class", read.words())

    def test_a_trace_of_another_format_is_not_missed(self):
        for name, words in (("a", ["--trace-format", "perfetto"]), ("b", ["--trace-format=perfetto"])):
            read = self.page(run(self.root / name, "--timing-only", "--trace", *words))
            self.assertNotIn("Not in the result folder", read.words())

    def test_names_are_text(self):
        evil = '</script><script>alert("x")</script>'

        def rename(summary):
            summary["stages"][0]["name"] = evil
            summary["provenance"]["workload"] = evil
        read = self.page(self.copy(self.timed, rename))
        self.assertEqual(read.charts("bars")[0]["rows"][0], f"0 {evil}")
        self.assertIn(evil, read.words())

    def test_a_page_goes_where_it_is_told(self):
        page = self.root / "page.html"
        self.assertEqual(report(self.timed, "--out", page).stdout.strip(), str(page))
        self.assertTrue(page.read_text(encoding="utf-8").startswith("<!doctype html>"))
        made = report(self.timed, "--out", self.root / "none/page.html")
        self.assertEqual(made.returncode, 2)
        self.assertIn(f"no such folder to write to: {self.root / 'none'}", made.stderr)

    def test_an_earlier_page_stays_if_the_new_one_fails(self):
        out = self.copy(self.timed)
        (out / "report.html").write_text("earlier", encoding="utf-8")
        (out / "summary.json").write_text("{", encoding="utf-8")
        self.assertEqual(report(out).returncode, 2)
        self.assertEqual((out / "report.html").read_text(encoding="utf-8"), "earlier")
        self.assertEqual(list(out.glob(".report-*")), [])

if __name__ == "__main__":
    unittest.main()
