#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of tools/train/networks: parameters, gradients, neurons, grids, files."""
import copy
import pathlib
import sys
import tempfile
import unittest

import numpy as np
import torch

TRAIN = pathlib.Path(__file__).resolve().parents[2] / "tools" / "train"
sys.path.insert(0, str(TRAIN))

# pylint: disable=wrong-import-position
import snnqfile  # noqa: E402
from grids import levels_of, nearest  # noqa: E402
from networks import families  # noqa: E402
from networks.graph import Graph, integer_neuron, lif  # noqa: E402
from networks.integers import Export, on_grid  # noqa: E402
from networks.net import Chain, Net, Neuron  # noqa: E402
from networks.table import NETWORKS, setting  # noqa: E402


def tau_form(currents, tau, threshold):
    """Spikes of u += (X - u) / tau, as the papers write the neuron."""
    u, spikes = torch.zeros_like(currents[0]), []
    for x in currents:
        u = u + (x - u) / tau
        spikes.append((u >= threshold).double())
        u = u * (1 - spikes[-1])
    return torch.stack(spikes)


class Published(unittest.TestCase):
    def test_parameters(self):
        for name, family in NETWORKS.items():
            if family.parameters is None:
                continue
            net = Net(family.build(**family.published))
            with self.subTest(name):
                self.assertEqual(net.parameter_count() + family.unused, family.parameters)

    def test_every_parameter_learns(self):
        for name, family in NETWORKS.items():
            torch.manual_seed(2)
            net = Net(family.build(**family.small))
            spec = net.input_spec
            x = torch.randint(0, 4, (spec["steps"], 2, spec["polarities"],
                                     spec["height"], spec["width"])).float()
            for module in net.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    torch.nn.init.uniform_(module.bias, 0.0, 1.2)
            net(x).square().sum().backward()
            with self.subTest(name):
                idle = [n for n, p in net.named_parameters()
                        if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()]
                self.assertEqual(idle, [])


class Neurons(unittest.TestCase):
    def test_form_of_the_papers(self):
        generator = torch.Generator().manual_seed(3)
        x = torch.randint(-8, 9, (40, 500), generator=generator).double() / 4
        for tau, n in ((2.0, 2), (1.5, 3)):
            for threshold in (1.0, 0.5):
                got = Neuron(lif(tau * threshold, n)).run(x)
                differ = (got != tau_form(x, tau, threshold)).sum()
                # The form of the papers rounds thirds; ties may fall either way.
                self.assertLessEqual(int(differ), 0 if n == 2 else got.numel() // 1000)

    def test_strict_neurons_do_not_fire_at_the_threshold(self):
        x = torch.tensor([[1.0], [0.5], [0.75]]).double()
        self.assertEqual(Neuron(lif(1.0, 2, "gt")).run(x).flatten().tolist(), [0, 0, 1])
        self.assertEqual(Neuron(lif(1.0, 2)).run(x).flatten().tolist(), [1, 0, 1])

    def test_integer_neurons_round_half_to_even_and_keep_the_rest(self):
        x = torch.tensor([[0.5], [0.0], [1.0], [9.0], [0.0]]).double()
        got = Neuron(integer_neuron(1.0, 4)).run(x).flatten().tolist()
        self.assertEqual(got, [0, 0, 2, 4, 4])


class Folding(unittest.TestCase):
    def test_chain_is_one_convolution(self):
        torch.manual_seed(4)
        chain = Chain({"out_channels": 5}, 3).double()
        x = torch.randn(2, 3, 3, 6, 7).double()
        for _ in range(3):
            chain.train()(x + 1)
        want = chain.eval()(x)
        chain.settle(*chain.folded())
        self.assertTrue(torch.allclose(chain(x), want, atol=1e-12))

    def test_grid_step_is_the_best_power_of_two(self):
        weight = torch.randn(64, 9, generator=torch.Generator().manual_seed(5)).double()
        for scheme, bits in (("uniform", 4), ("pot", 4), ("ternary", 2)):
            grid = torch.tensor(levels_of(scheme, bits), dtype=weight.dtype)
            levels, step = on_grid(weight, scheme, bits)
            error = ((levels * step - weight) ** 2).sum()
            for other in (step / 2, step * 2):
                rounded = nearest(weight / other, grid) * other
                self.assertLessEqual(error, ((rounded - weight) ** 2).sum())
            self.assertEqual(np.log2(step) % 1, 0)

    def test_silent_layer(self):
        levels, step = on_grid(torch.zeros(3, 4), "uniform", 4)
        self.assertEqual(float(levels.abs().sum()), 0)
        self.assertGreater(step, 0)

    def refused(self, value, grid, says):
        family = NETWORKS["spikformer"]
        net = Net(family.build(**family.small)).eval().double()
        key, affine = next(iter(net.affine.items()))
        affine.weight.data[:] = value
        with self.assertRaisesRegex(ValueError, f"layer {key.replace('/', '.')}: {says}"):
            Export(net, [grid] * 99)

    def test_weights_that_have_no_grid_are_refused_by_name(self):
        self.refused(float("nan"), ("uniform", 4), "expected finite weights")
        self.refused(0, ("odd", 4), "all its weights are zero, which odd does not have")


class Files(unittest.TestCase):
    def test_long_form_returns(self):
        for name, family in NETWORKS.items():
            torch.manual_seed(6)
            net = Net(family.build(**family.small)).eval().double()
            export = Export(net, iter([("uniform", 4), ("pot", 3)] * 200))
            graph, tensors = copy.deepcopy(export.graph(name)), dict(export.tensors)
            with tempfile.TemporaryDirectory() as folder, self.subTest(name):
                path = pathlib.Path(folder) / "model.snnq"
                snnqfile.write(path, graph, tensors)
                again, arrays = snnqfile.read(path)
                for got, want in zip(again["layers"], export.graph(name)["layers"], strict=True):
                    self.assertEqual(got, want)
                for key, array in export.tensors.items():
                    np.testing.assert_array_equal(arrays[key], array)

    def test_units_must_be_whole(self):
        g = Graph(4, 2)
        g.head(g.fire("fire", g.conv("conv", "input", 2), lif(2.0 ** -40)), 2)
        with self.assertRaisesRegex(ValueError, "layer fire: "):
            Export(Net(g).double().eval(), iter([("uniform", 4)] * 2))

    def test_settings(self):
        self.assertEqual(setting("widths=[8,16]"), ("widths", [8, 16]))
        spec = dict(Graph(32, 8).input, planes=1)
        graph = NETWORKS["vgg"].on(spec, [("widths", [4, 4])])
        self.assertEqual((graph.input, graph.shape["conv1"]), (spec, (32, 32, 4)))

    def test_unknown_settings_are_named(self):
        with self.assertRaisesRegex(ValueError, "depth: no size of this network"):
            NETWORKS["vgg"].sized({"depth": 3})
        with self.assertRaisesRegex(ValueError, "size=x: expected"):
            setting("size=x")

    def test_masks_of_sew_residuals(self):
        for residual, op in (("and", "and"), ("iand", "andnot")):
            graph = families.sew_resnet(32, 2, (4, 4), residual=residual)
            self.assertIn(op, [layer["op"] for layer in graph.layers])


if __name__ == "__main__":
    unittest.main()
