#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of the statistics of tools/reproduce."""
import importlib.machinery
import importlib.util
import itertools
import math
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOADER = importlib.machinery.SourceFileLoader("reproduce", str(ROOT / "tools" / "reproduce"))
SPEC = importlib.util.spec_from_loader("reproduce", LOADER)
reproduce = importlib.util.module_from_spec(SPEC)
sys.modules["reproduce"] = reproduce
sys.dont_write_bytecode = True
LOADER.exec_module(reproduce)


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
            _, low, high = reproduce.difference(n, k, count)
            total += math.exp(log) * (low <= won - lost <= high)
        return total

    def test_intervals_hold_the_difference(self):
        for count, lost, won in ((60, 0.1, 0.05), (60, 0.02, 0.02), (120, 0.2, 0.1),
                                 (120, 0.05, 0.01)):
            with self.subTest(count=count, lost=lost, won=won):
                self.assertTrue(0.935 < self.coverage(count, lost, won) < 0.999)

    def test_differences(self):
        gain, low, high = reproduce.difference(30, 10, 10000)
        self.assertAlmostEqual(gain, -0.002)
        self.assertTrue(-0.0035 < low < gain < high < -0.0005)
        self.assertEqual(reproduce.difference(0, 0, 100)[0], 0)
        mirrored = reproduce.difference(10, 30, 10000)
        self.assertAlmostEqual(mirrored[1], -high)
        self.assertAlmostEqual(reproduce.mcnemar(1, 4), 0.375)
        self.assertAlmostEqual(reproduce.wilson(344, 360)[0], 0.929, 3)

    def test_what_is_as_good_is_in_bold(self):
        for lost, won, good in ((60, 10, True), (100, 10, False), (10, 60, True)):
            gain, low, high = reproduce.difference(lost, won, 10000)
            text = reproduce.against({"lost": lost, "won": won, "gain": gain, "gain_low": low,
                                      "gain_high": high, "as_good": low > -reproduce.MARGIN})
            self.assertEqual(text.startswith("**"), good)
        self.assertEqual(reproduce.against({"lost": 0, "won": 0}), "0")


class Networks(unittest.TestCase):
    def test_models_have_names_of_their_own(self):
        for net in reproduce.networks().values():
            rows, commands = reproduce.search_rows(net)
            models = [m for _, m in rows] + [m for _, m, _ in reproduce.simple_rows(net)]
            self.assertEqual(len(set(models)), len(models))
            self.assertIn(f"search-{net.tuned}", models)
            self.assertEqual([m for some, _ in commands for m in some], [m for _, m in rows])
            self.assertTrue(net.make[0].is_file())


if __name__ == "__main__":
    unittest.main()
