#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of the statistics of tools/reproduce."""
import importlib.machinery
import importlib.util
import itertools
import math
import os
import pathlib
import sys
import tempfile
import time
import types
import unittest
import unittest.mock
from xml.etree import ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOADER = importlib.machinery.SourceFileLoader("reproduce", str(ROOT / "tools" / "reproduce"))
SPEC = importlib.util.spec_from_loader("reproduce", LOADER)
reproduce = importlib.util.module_from_spec(SPEC)
sys.modules["reproduce"] = reproduce
sys.dont_write_bytecode = True
LOADER.exec_module(reproduce)
import ablation  # noqa: E402  pylint: disable=wrong-import-position
import figure  # noqa: E402  pylint: disable=wrong-import-position
import paired  # noqa: E402  pylint: disable=wrong-import-position
import seeds  # noqa: E402  pylint: disable=wrong-import-position


class Statistics(unittest.TestCase):
    def coverage(self, count, lost, won):
        """How often the interval holds the true difference, summed over all outcomes."""
        total, same = 0.0, 1 - lost - won
        for n, k in itertools.product(range(count + 1), repeat=2):
            if n + k > count:
                continue
            log = (math.lgamma(count + 1) - math.lgamma(n + 1) - math.lgamma(k + 1)
                   - math.lgamma(count - n - k + 1) + n * math.log(lost)
                   + k * math.log(won) + (count - n - k) * math.log(same))
            _, low, high = paired.difference(n, k, count)
            total += math.exp(log) * (low <= won - lost <= high)
        return total

    def test_intervals_hold_the_difference(self):
        for count, lost, won in ((60, 0.1, 0.05), (60, 0.02, 0.02), (120, 0.2, 0.1),
                                 (120, 0.05, 0.01)):
            with self.subTest(count=count, lost=lost, won=won):
                self.assertTrue(0.935 < self.coverage(count, lost, won) < 0.999)

    def test_differences(self):
        gain, low, high = paired.difference(30, 10, 10000)
        self.assertAlmostEqual(gain, -0.002)
        self.assertTrue(-0.0035 < low < gain < high < -0.0005)
        self.assertEqual(paired.difference(0, 0, 100)[0], 0)
        mirrored = paired.difference(10, 30, 10000)
        self.assertAlmostEqual(mirrored[1], -high)
        self.assertAlmostEqual(paired.mcnemar(1, 4), 0.375)
        self.assertAlmostEqual(paired.wilson(344, 360)[0], 0.929, 3)

    def test_what_is_as_good_is_in_bold(self):
        for lost, won, good in ((60, 10, True), (100, 10, False), (10, 60, True)):
            gain, low, high = paired.difference(lost, won, 10000)
            text = reproduce.against({"lost": lost, "won": won, "gain": gain, "gain_low": low,
                                      "gain_high": high, "as_good": low > -reproduce.MARGIN})
            self.assertEqual(text.startswith("**"), good)
        self.assertEqual(reproduce.against({"lost": 0, "won": 0}), "0")


    def test_loss_is_a_divergence(self):
        reference = [{"real": [1.0, 0.0, -1.0]}, {"real": [0.0, 2.0, 0.0]}]
        self.assertEqual(paired.divergences(reference, reference), [0, 0])
        shifted = [{"real": [s + 5 for s in p["real"]]} for p in reference]
        for loss in paired.divergences(reference, shifted):
            self.assertAlmostEqual(loss, 0)
        other = [{"real": [0.0, 0.0, 0.0]}, reference[1]]
        t = paired.temperature(reference)
        p = [math.exp(s / t) for s in reference[0]["real"]]
        want = sum(x / sum(p) * math.log(3 * x / sum(p)) for x in p)
        self.assertAlmostEqual(paired.divergences(reference, other)[0], want)

    def test_mean_differences(self):
        mean, low, high = paired.mean_difference([1, 2, 3, 4], [2, 2, 4, 6])
        self.assertEqual(mean, 1)
        half = 1.96 * math.sqrt((0 + 1 + 0 + 1) / (4 * 3))
        self.assertAlmostEqual(high - mean, half)
        self.assertAlmostEqual(mean - low, half)


class Ablation(unittest.TestCase):
    def predictions(self, wrong, blur):
        """20 recordings of two classes, of which some are answered wrongly."""
        return [{"class": int(i in wrong), "label": 0, "real": [blur + i / 40, -blur]}
                for i in range(20)]

    def test_rows_compare_with_the_whole_method(self):
        reference, whole, less = (self.predictions(w, b) for w, b in
                                  (((), 2), ((1,), 1.9), ((2, 3), 1.0)))
        grids = ablation.grids_of("conv1")[0]
        row = ablation.row(grids, ("descent",), reference, whole, less)
        self.assertEqual((row["right"], row["lost"], row["won"]), (18, 2, 1))
        self.assertAlmostEqual(row["gain"], -0.05)
        self.assertGreater(row["loss_low"], 0)
        same = ablation.row(grids, (), reference, whole, whole)
        self.assertEqual((same["loss_gain"], same["lost"], same["won"]), (0, 0, 0))
        text = ablation.markdown([same, row])
        self.assertIn("| uniform 4 | descent | 18 | 2, 1 (1) | -5.00 %", text)
        self.assertIn("**+", text)

    def test_verdicts_name_what_adds_nothing(self):
        rows = [{"grids": g.name, "without": list(parts),
                 "loss_low": 0.1 if parts == ("descent",) and g.short == "odd2" else -0.1,
                 "loss_high": -0.01 if parts == ("sort",) else 0.2}
                for g in ablation.grids_of("a") for parts in ablation.PARTS]
        found = dict(ablation.verdicts(rows))
        self.assertEqual(found[("descent",)], "earns its place: odd 2, ends 8 bits")
        self.assertEqual(found[("bias",)], "adds nothing that shows")
        self.assertIn("adds nothing that shows; harms: uniform 4", found[("sort",)])

    def test_models_have_names_of_their_own(self):
        names = [m for g in ablation.grids_of("a") for m, _ in ablation.models_of(g)]
        self.assertEqual(len(set(names)), len(names))


class Seeds(unittest.TestCase):
    def cells(self, losses):
        """Three seeds with two draws: a float network, a row, a search as far below it as `losses` say."""
        def row(model, loss, right):
            return {"model": model, "bits": 3.0, "bytes": 100, "loss": loss, "right": right, "count": 200}
        return {(seed, draw): [row("float", 0, 190), row("compensated-rule3", 0.1, 180),
                               row("search-3.14", 0.1 - losses[seed], 180 + 2 * draw)]
                for seed in (1, 2, 3) for draw in (1, 2)}

    def test_intervals_are_of_the_means_of_seeds(self):
        """[1, 2, 3] has a deviation of 1; t of 2 degrees of freedom is 4.303."""
        mean, low, high = seeds.interval({1: [0, 2], 2: [1, 3], 3: [3, 3]})
        self.assertAlmostEqual(mean, 2)
        self.assertAlmostEqual(high - mean, 4.303 / 3 ** 0.5)
        self.assertAlmostEqual(mean - low, high - mean)

    def test_students_t(self):
        """Beyond it lies 2.5 %: F(t) is known for two degrees of freedom, for one it is that of Cauchy."""
        for freedom, tail in ((1, lambda t: math.atan(1 / t) / math.pi),
                              (2, lambda t: (1 - t / math.sqrt(2 + t * t)) / 2)):
            self.assertAlmostEqual(tail(seeds.STUDENT[freedom]), 0.025, 4)

    def test_deviations_tell_seeds_from_draws(self):
        between, within = seeds.deviations({1: [1, 3], 2: [2, 4], 3: [3, 5]})
        self.assertAlmostEqual(between, 1)
        self.assertAlmostEqual(within, 2 ** 0.5)

    def test_table(self):
        lines = seeds.table(self.cells({1: 0.01, 2: 0.02, 3: 0.03}),
                            [("float", "float"), ("search", "search-3.14")]).splitlines()
        self.assertEqual(lines[2], "| float | 3.00 | 100 | 95.00 (95.00..95.00) | 0 | |")
        self.assertEqual(lines[3], "| search | 3.00 | 100 | 91.50 (91.00..92.00) | 0.0800 (0.0700..0.0900) "
                                   "| 0.0100, 0.0000 |")

    def test_differences_are_bold_where_they_leave_out_zero(self):
        names = [("rule", "compensated-rule3"), ("search", "search-3.14")]
        pairs = [("compensated-rule3", "search-3.14")]
        sure, open_ = (seeds.differences(self.cells(losses), names, pairs).splitlines()[2] for losses in
                       ({1: 0.02, 2: 0.021, 3: 0.022}, {1: -0.02, 2: 0.02, 3: 0.03}))
        self.assertIn("| **-0.0210 (-0.0235 to -0.0185)** | 6 of 6 | **+1.50 (+1.50 to +1.50)** | 6, 0, 0 |", sure)
        self.assertIn("| -0.0100 (", open_)
        self.assertIn("| 4 of 6 |", open_)

    def test_a_single_seed_has_no_interval(self):
        self.assertEqual(seeds.interval({1: [1, 3]}), (2, None, None))
        cells = {(1, draw): rows for (seed, draw), rows in self.cells({1: 0.01, 2: 0, 3: 0}).items() if seed == 1}
        self.assertIn("| -0.0100 | 2 of 2 | +1.50 | 2, 0, 0 |", seeds.differences(
            cells, [("rule", "compensated-rule3")], [("compensated-rule3", "search-3.14")]))
        self.assertIn("| , 0.0000 |", seeds.table(cells, [("search", "search-3.14")]))

    def test_cells_are_apart_and_have_searches_to_compare_with(self):
        cells = [reproduce.cell(seed, draw) for seed in reproduce.SEEDS for draw in reproduce.DRAWS]
        self.assertEqual(len({c.folder for c in cells}), len(cells))
        self.assertEqual(len({(c.model, c.calibration) for c in cells}), len(cells))
        self.assertEqual({c.development for c in cells}, {reproduce.networks()["demo"].development})
        searches = {m for _, m in reproduce.search_rows(cells[0])[0]}
        rows = [m for _, m, _ in reproduce.simple_rows(cells[0])]
        self.assertEqual({reproduce.nearest_search(m) for m in rows}, searches - {"search-3.14", "search-2.5"})
        self.assertEqual({reproduce.nearest_search(m) for m in (*searches, "float")}, {None})


class Figure(unittest.TestCase):
    def row(self, name, size, right, low, high):
        gain = (right - 85) / 100
        return {"name": name, "bytes": size, "right": right, "count": 100, "low": low,
                "high": high, "gain_low": gain - 0.008, "gain_high": gain + 0.008,
                "as_good": gain - 0.008 > -reproduce.MARGIN}

    def table(self):
        return [self.row("float", 400000, 85, 0.78, 0.9),
                self.row("uniform 4, rounding", 60000, 80, 0.7, 0.86),
                self.row("uniform 4, <GPTQ>", 60000, 84, 0.75, 0.88),
                self.row("heterogeneous, search at 3", 40000, 85, 0.78, 0.9)]

    def test_points(self):
        series, deep = figure.points_of([*self.table(), self.row("uniform 2, rounding", 9, 72, 0.6, 0.8)])
        self.assertEqual({name: [r["bytes"] for r in rows] for name, rows in series.items()},
                         {"rounding": [60000], "<GPTQ>": [60000], "search": [40000]})
        self.assertEqual([r["right"] for r in deep], [72])
        x, y, (below, above) = figure.bars(series["rounding"])
        self.assertEqual((x, y), ([60000], [80]))
        self.assertAlmostEqual(below[0], 10)
        self.assertAlmostEqual(above[0], 6)

    def test_picture(self):
        deep = self.row("uniform 2, rounding", 9000, 20, 0.1, 0.3)
        first, second = (figure.draw([*self.table(), deep], "a < b") for _ in range(2))
        self.assertEqual(first, second)
        words = {t.text.strip() for t in ElementTree.fromstring(first).iter(
            "{http://www.w3.org/2000/svg}text")}
        self.assertTrue({"a < b", "float", "rounding", "<GPTQ>", "search"} <= words)
        self.assertTrue(any("1 below 12 % less than float not shown" in w for w in words))

    def test_series(self):
        for name, want in (("float, trained as much longer", None), ("odd 2 with ends of 8, SBC", "SBC"),
                           ("heterogeneous, search at 2, fine-tuned (QAT)", "search, fine-tuned"),
                           ("uniform only, search at 3", "search, uniform only"),
                           ("3 bits, random 2, random", "random"), ("2 bits, greedy", "greedy")):
            self.assertEqual(figure.series_of(name), want)

    def test_what_is_shown(self):
        good, worse, neither = reproduce.non_inferior(self.table())
        self.assertTrue(good.startswith("1 lose certainly less than 1 %: heterogeneous"))
        self.assertTrue(worse.startswith("1 lose certainly more than 1 %: uniform 4, rounding"))
        self.assertTrue(neither.endswith("either: uniform 4, <GPTQ>"))


class Beside(unittest.TestCase):
    def test_the_nearest_search_is_compared(self):
        right, wrong = {"class": 1, "label": 1}, {"class": 0, "label": 1}
        table = [{"name": n, "bytes": size, "right": k, "count": 4} for n, size, k in (
            ("float", 400, 4), ("heterogeneous, search at 3", 105, 3),
            ("heterogeneous, search at 2", 100, 3), ("odd 2, GPTQ", 101, 1),
            ("heterogeneous, search at 2, fine-tuned (QAT)", 100, 4), ("odd 1, GPTQ", 90, 1))]
        classes = [[right] * r["right"] + [wrong] * (4 - r["right"]) for r in table]
        losses = [[r["right"] / 10, 0.1, 0.2, 0.3] for r in table]
        reproduce.beside_search(table, classes, losses)
        self.assertEqual([i for i, r in enumerate(table) if "search" in r], [3, 4])
        found = table[3]["search"]
        self.assertEqual((found["bytes"], found["lost"], found["won"]), (100, 0, 2))
        self.assertAlmostEqual(found["gain"], 0.5)
        self.assertAlmostEqual(found["loss"], 0.05)
        lines = reproduce.beside(table).splitlines()
        self.assertEqual(len(lines), 4)
        self.assertIn("| odd 2, GPTQ | 101 | 2 | 100 | 1, 3 | 0, 2 (0.5) | +50.00 %", lines[2])


class Kept(unittest.TestCase):
    def test_answers_are_asked_for_again_when_the_model_changed(self):
        with tempfile.TemporaryDirectory() as name:
            folder, asked = pathlib.Path(name), []
            model, data = folder / "m.snnq", folder / "test.tsv"
            model.write_text("")
            data.write_text("")
            net = types.SimpleNamespace(folder=folder)
            with unittest.mock.patch.object(
                    reproduce, "snnq", lambda *a: asked.append(a) or f"[{len(asked)}]"):
                self.assertEqual(reproduce.answers(net, model, data), [1])
                self.assertEqual(reproduce.answers(net, model, data), [1])
                later = time.time() + 10
                os.utime(model, (later, later))
                self.assertEqual(reproduce.answers(net, model, data), [2])


class Networks(unittest.TestCase):
    def test_models_have_names_of_their_own(self):
        for net in reproduce.networks().values():
            if not net.model.exists():
                continue  # it is trained first
            rows, commands = reproduce.search_rows(net)
            models = [m for _, m in rows] + [m for _, m, _ in reproduce.simple_rows(net)]
            self.assertEqual(len(set(models)), len(models))
            for bits in net.tuned:
                self.assertIn(f"search-{bits}", models)
            self.assertEqual([m for some, _ in commands for m in some], [m for _, m in rows])
            self.assertTrue(net.make[0].is_file())


if __name__ == "__main__":
    unittest.main()
