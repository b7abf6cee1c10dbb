#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of the N-MNIST part of tools/train; needs its recordings."""
import pathlib
import sys
import tempfile
import unittest

import numpy as np
import torch

TRAIN = pathlib.Path(__file__).resolve().parents[2] / "tools" / "train"
sys.path.insert(0, str(TRAIN))

# pylint: disable=wrong-import-position
import eventcam  # noqa: E402
import model  # noqa: E402
import nmnist  # noqa: E402
import quantgrid  # noqa: E402
import recorder  # noqa: E402


class Split(unittest.TestCase):
    def test_parts(self):
        train, test = nmnist.split()
        self.assertEqual((len(train), len(test)), (700, 350))
        self.assertFalse({p for p, _ in train} & {p for p, _ in test})
        self.assertEqual(len({p for p, _ in train + test}), 1050)
        numbered = [label for path, label in test if path.parent.name == "train"]
        self.assertEqual(np.bincount(numbered).tolist(), [30] * 10)

    def test_lists(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "test.tsv"
            _, test = nmnist.split()
            recorder.write_list(path, test)
            back = quantgrid.read_list(path)
        self.assertEqual([label for _, label in back], [n for _, n in test])
        for path, _ in back[::50]:
            self.assertGreater(len(eventcam.read_atis(path)), 500)


class Views(unittest.TestCase):
    def test_views_are_repeatable_and_on_the_sensor(self):
        train, _ = nmnist.split()
        events = eventcam.read_atis(train[0][0])
        one, two, other = (nmnist.view(events, (1, 2, c)) for c in (1, 1, 2))
        self.assertTrue(np.array_equal(one, two))
        self.assertFalse(np.array_equal(one, other))
        for seen in (one, other):
            self.assertGreater(len(seen), 0.9 * len(events))
            self.assertLess(max(seen["x"].max(), seen["y"].max()), 34)
            self.assertGreaterEqual(seen["t"].min(), 0)


class Network(unittest.TestCase):
    def test_size_and_shapes(self):
        net = model.NETWORKS["nmnist"].build().eval()
        sizes = [s.weight.numel() for s in net.synapses.values()]
        self.assertEqual((len(sizes), sum(sizes)), (18, 2_552_896))
        record = {}
        with torch.no_grad():
            net(torch.zeros(6, 1, 2, 34, 34), record)
        self.assertEqual(record["head"].shape, (6, 1, 10, 5, 5))


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
