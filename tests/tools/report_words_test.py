# SPDX-License-Identifier: Apache-2.0
"""Numbers in words, joined windows, defaults of fields, the library: the parts of tools/report.

    report_words_test.py [PROGRAM]
"""

import hashlib
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
from reporting import inputs, series, words  # noqa: E402


class WordsTest(unittest.TestCase):
    def test_numbers_as_people_write_them(self):
        for value, unit, said in (
                (50331648, "cycles", "50,331,648 cycles"), (6981.9376, "number", "6,982"),
                (7781.4, "mm2", "7,781 mm²"), (11672.1, "mm2", "11,672 mm²"),
                (25.4389, "mm2", "25.4 mm²"), (814654, "bytes", "796 KiB"),
                (1048576, "bytes", "1.00 MiB"), (0, "bytes", "0 B"), (0.00359, "J", "3.59 mJ"),
                (5.9476e-05, "J", "59.5 µJ"), (0.99996, "s", "1.00 s"), (0, "J", "0 J"),
                (0.9945, "ratio", "99.45 %"), (1, "ratio", "100 %"), (4.742041, "updates",
                                                                       "4.74 updates"),
                (0.000012, "number", "1.20e-05"), (None, "J", "–"), (999.7, "number", "1,000")):
            with self.subTest(said):
                self.assertEqual(words.quantity(value, unit), said)

    def test_a_spread_has_the_unit_of_its_mean(self):
        self.assertEqual(words.with_spread(0.0892, 0.0004, "J"), "89.2 ± 0.400 mJ")
        self.assertEqual(words.with_spread(2048, 512, "bytes"), "2.00 ± 0.500 KiB")
        self.assertEqual(words.with_spread(100, 3, "cycles"), "100 ± 3.00")
        self.assertEqual(words.with_spread(5.0, 0, "J"), "5.00 J")

    def test_the_library_is_the_one_whose_digest_is_written_down(self):
        folder = ROOT / "tools/reporting/vendor"
        digest = hashlib.sha256((folder / "echarts.min.js").read_bytes()).hexdigest()
        self.assertIn(digest, (folder / "README.md").read_text(encoding="utf-8"))


class SeriesTest(unittest.TestCase):
    def test_joined_windows_keep_sums_and_ends(self):
        rows = [{"begin_cycle": 10 * i, "end_cycle": 10 * i + 10, "idle": i} for i in range(7)]
        joined = series.joined(rows, 3, ["idle"])
        self.assertEqual([(w["begin_cycle"], w["end_cycle"], w["idle"]) for w in joined],
                         [(0, 30, 3), (30, 60, 12), (60, 70, 6)])

    def test_a_mean_delay_weighs_micro_batches(self):
        rows = [{"begin_cycle": 0, "end_cycle": 5, "micro_batches": 1, "staleness_mean": 4},
                {"begin_cycle": 5, "end_cycle": 10, "micro_batches": 3, "staleness_mean": 8},
                {"begin_cycle": 10, "end_cycle": 15, "micro_batches": 0, "staleness_mean": None}]
        self.assertEqual(series.staleness_mean(rows, 1), [(7.5, 7.0)])
        self.assertEqual(series.staleness_mean(rows, 3), [(2.5, 4.0), (7.5, 8.0)])

    def test_the_last_point_is_kept(self):
        self.assertEqual(series.thinned(list(range(10)), 4), [0, 3, 6, 9])
        self.assertEqual(series.thinned(list(range(11)), 4), [0, 3, 6, 9, 10])


class InputsTest(unittest.TestCase):
    def test_defaults_come_from_the_schemas(self):
        known = inputs.schemas()
        for path, default in (("workload/pipeline/pacing", "elastic"),
                              ("workload/dataset/shuffle", True),
                              ("workload/training/mitigation/weight_prediction", "none")):
            self.assertEqual(inputs.default_of(known, path), [default], path)
        self.assertEqual(inputs.default_of(known, "workload/no/such"), [])

    def test_fields_of_files_without_their_free_keys(self):
        self.assertEqual(list(inputs.leaves({"a": {"$source": "x", "b": 1}, "c": [{"d": 2}],
                                             "e": [1, 2]})),
                         [("a/b", 1), ("c/0/d", 2), ("e", [1, 2])])

if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
