# SPDX-License-Identifier: Apache-2.0
"""Which points does a grid have, what does a front consist of, and how are wrong ones told?"""

import random
import unittest

from sweep_case import SweepCase

from stagecoach.columns import column, parse_constraint
from stagecoach.errors import InputError
from stagecoach.front import Front, dominates, front_of, hypervolume
from stagecoach.grid import parse_grid
from stagecoach.progress import duration, printable


def points(grid, **options):
    return parse_grid(grid, **options).points()


class GridTest(unittest.TestCase):
    def refused(self, grid, *words):
        with self.assertRaises(InputError) as caught:
            points(grid)
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_coupled_fields_are_set_together(self):
        found = points({"hw/a": [1, 2], "points": [{"hw/b": 3, "hw/c": 4}, {"hw/b": 5}]})
        self.assertEqual(found, [{"hw/a": 1, "hw/b": 3, "hw/c": 4}, {"hw/a": 1, "hw/b": 5},
                                 {"hw/a": 2, "hw/b": 3, "hw/c": 4}, {"hw/a": 2, "hw/b": 5}])
        self.refused({"points": [{}]}, "/points", "a list of objects")
        self.refused({"points": [{"hw/a": 1}], "hw/a": [1]}, "hw/a is given twice")

    def test_ranges_are_even_in_value_or_in_logarithm(self):
        self.assertEqual(points({"x": {"from": 0.5, "to": 2, "steps": 4}}),
                         [{"x": v} for v in (0.5, 1, 1.5, 2)])
        self.assertEqual(points({"x": {"from": 1e-4, "to": 0.1, "steps": 4, "scale": "log"}}),
                         [{"x": v} for v in (0.0001, 0.001, 0.01, 0.1)])
        self.assertEqual(points({"x": {"from": 7, "to": 7, "steps": 1}}), [{"x": 7}])

    def test_a_range_of_one_step_and_a_condition_that_nothing_meets_are_refused(self):
        self.refused({"x": {"from": 7, "to": 9, "steps": 1}}, "at least 2")
        with self.assertRaisesRegex(InputError, r'no point .* meets "when": {"x": 3}'):
            points({"x": [1, 2], "when": {"x": 3}})

    def test_counts_are_rounded_each_once_and_it_is_said(self):
        grid = {"x": {"from": 1, "to": 16, "steps": 9, "scale": "log"}}
        parsed = parse_grid(grid, is_count=lambda field: True)
        self.assertEqual([p["x"] for p in parsed.points()], [1, 2, 3, 4, 6, 8, 11, 16])
        self.assertEqual(parsed.notes, ["x takes whole numbers: 9 steps give 8 different ones"])
        self.assertIn({"x": 1.5}, points({"x": {"from": 1, "to": 2, "steps": 3}},
                                         is_count=lambda field: False))

    def test_a_field_is_set_where_its_condition_holds(self):
        found = points({"x": {"values": [7, 8], "when": {"y": "a"}}, "y": ["a", "b"]})
        self.assertEqual(found, [{"x": 7, "y": "a"}, {"x": 8, "y": "a"}, {"y": "b"}])
        found = points({"y": [1, 2, 3], "x": {"from": 0, "to": 1, "steps": 2,
                                              "when": {"y": {"from": 2, "to": 2}}}})
        self.assertEqual(found, [{"y": 1}, {"y": 2, "x": 0}, {"y": 2, "x": 1}, {"y": 3}])

    def test_a_point_stays_where_a_condition_of_the_grid_holds(self):
        grid = {"x": [1, 2, 3], "y": ["a", "b"], "when": [{"x": [1, 2], "y": "a"}, {"x": 3}]}
        self.assertEqual(points(grid), [{"x": 1, "y": "a"}, {"x": 2, "y": "a"}, {"x": 3, "y": "a"},
                                        {"x": 3, "y": "b"}])

    def test_wrong_grids_are_told(self):
        self.refused({"x": 3}, "x: give a list", "not 3")
        self.refused({"x": {"from": 1, "to": 2, "step": 3}}, "did you mean steps?")
        self.refused({"x": {"from": 1, "to": 2}}, "needs \"steps\"")
        self.refused({"x": {"from": 3, "to": 2, "steps": 2}}, "above")
        self.refused({"x": {"from": 0, "to": 2, "steps": 2, "scale": "log"}}, "above 0")
        self.refused({"x": {"from": 0, "to": 2, "steps": 2, "scale": "lin"}}, "linear, log")
        self.refused({"x": {"from": True, "to": 2, "steps": 2}}, "\"from\"", "a number")
        self.refused({"x": {"from": 1, "to": 2, "steps": 0}}, "\"steps\"", "at least 1")
        self.refused({"x": {"values": [1], "from": 1}}, "not both")
        self.refused({"x": [1], "when": {"z": 1}}, "unknown field of the grid 'z'")
        self.refused({"x": [1], "when": {"x": {"least": 1}}}, "{\"from\", \"to\"}")
        self.refused({"x": {"values": [1], "when": {"y": 1}}, "y": {"values": [1], "when": {"x": 1}}},
                     "wait for each other")

    def test_figures_and_constraints(self):
        self.assertEqual(column("area.total_mm2").name, "area_mm2")
        self.assertEqual(column("stages.1.x").of({"stages": [{"x": 1}, {"x": 2}]}), 2)
        self.assertIsNone(column("stages.5.x").of({"stages": []}))
        self.assertEqual(parse_constraint("area_mm2 <= 50").excess(75), 0.5)
        self.assertEqual(parse_constraint("test_accuracy>=0.5").excess(0.25), 0.5)
        for wrong in ("area_mm2<50", "aria_mm2<=50", "cycles<=x", "limited_by<=1"):
            with self.assertRaises(InputError):
                parse_constraint(wrong)

    def test_words(self):
        self.assertEqual([duration(s) for s in (0.5, 12, 200, 18720, 300000)],
                         ["0.5 s", "12 s", "3 min 20 s", "5 h 12 min", "3 d 11 h"])
        self.assertEqual(printable("a\x1b[31mb"), "a?[31mb")


class FrontTest(unittest.TestCase):
    def test_a_front_is_what_nothing_dominates_whatever_the_order(self):
        chance = random.Random(1)
        for size in (1, 2, 3):
            costs = [tuple(chance.randrange(6) for _ in range(size)) for _ in range(60)]
            expected = sorted({c for c in costs if not any(dominates(d, c) for d in costs)})
            self.assertEqual(front_of(costs), expected)
            front = Front()
            for place, cost in enumerate(costs):
                front.add(place, cost)
            self.assertEqual(sorted(set(front.costs)), expected)

    def test_a_hypervolume_is_the_volume_that_is_dominated(self):
        self.assertEqual(hypervolume([(1.0,), (2.0,)], (5.0,)), 4)
        self.assertEqual(hypervolume([(1, 3), (2, 2), (3, 3), (9, 0)], (4, 4)), 5)
        chance = random.Random(2)
        costs = [tuple(chance.randrange(5) for _ in range(3)) for _ in range(8)]
        cells = sum(any(all(c <= x for c, x in zip(cost, (i, j, k))) for cost in costs)
                    for i in range(5) for j in range(5) for k in range(5))
        self.assertEqual(hypervolume(costs, (5, 5, 5)), cells)


class GridFileTest(SweepCase):
    def test_a_grid_file_holds_all_of_it(self):
        done = self.sweep(*self.grid({
            "hw/clock_mhz": {"from": 1, "to": 2, "steps": 3},
            "points": [{"hw/width": 1, "hw/depth": 2}, {"hw/width": 2}],
            "workload/x": {"values": ["u", "v"], "when": {"hw/width": 2}},
            "when": {"hw/clock_mhz": {"to": 1.5}}}), grid=None, status=0)
        rows = [(r["hw/clock_mhz"], r["hw/width"], r["hw/depth"], r["workload/x"])
                for r in self.rows()]
        one = [(w, d, x) for w, d, x in (("1", "2", ""), ("2", "", "u"), ("2", "", "v"))]
        self.assertEqual(rows, [(c, *p) for c in ("1", "1.5") for p in one])
        self.assertNotIn("counts", done.stderr)

    def test_the_programs_schema_says_what_is_a_count(self):
        done = self.sweep(grid='hw/width={"from": 1, "to": 2, "steps": 5}', status=0)
        self.assertIn("hw/width takes whole numbers: 5 steps give 2 different ones", done.stderr)
        self.assertEqual(self.column("hw/width"), ["1", "2"])


if __name__ == "__main__":
    unittest.main()
