#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of training on grids: learned steps, take-over, export, search."""
import itertools
import pathlib
import sys
import tempfile
import types
import unittest

import numpy as np
import torch

TRAIN = pathlib.Path(__file__).resolve().parents[2] / "tools" / "train"
sys.path.insert(0, str(TRAIN))

# pylint: disable=wrong-import-position
import export  # noqa: E402
import fitting  # noqa: E402
import learned  # noqa: E402
import model  # noqa: E402
import qat  # noqa: E402
import quantgrid  # noqa: E402
import search  # noqa: E402
import snnqfile  # noqa: E402
from grids import levels_of  # noqa: E402

FORMATS = ([("uniform", b) for b in range(1, 9)]
           + [("odd", b) for b in range(1, 9)]
           + [("pot", b) for b in range(2, 6)]
           + [("apot", b) for b in range(3, 6)] + [("ternary", 2)])


def small_network(seed=2):
    """Small untrained net with normalization of both signs."""
    torch.manual_seed(seed)
    layers = model.spikformer((4, 6, 8), heads=2, blocks=1, ratio=2)
    net = model.SpikingNet(layers, model.INPUT, {
        "input": "head", "mode": "sum", "scale": 1 / 128})
    for synapse in net.synapses.values():
        if synapse.norm is not None:
            torch.nn.init.normal_(synapse.norm.weight, 0.0, 4.0)
            torch.nn.init.normal_(synapse.norm.bias, 1.0, 1.0)
            synapse.norm.running_var.uniform_(0.5, 2.0)
    return net.eval()


def any_grids(net):
    """Each layer with another scheme and width."""
    names = [s.layer["name"] for s in net.synapses.values()]
    formats = [f for f in FORMATS if f[1] <= 5]
    picked = [formats[i * len(formats) // len(names)] for i in range(len(names))]
    return list(zip(names, picked))


def counts(samples, seed=0):
    """Random event counts [step, sample, channel, y, x]."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(0, 4, (8, samples, 2, 32, 32), generator=rng).float()


class LearnedSteps(unittest.TestCase):
    def gradients(self, scheme, bits, steps):
        """(weight, step, gradient in, gradients of weight and step)."""
        torch.manual_seed(bits)
        grid = torch.tensor(levels_of(scheme, bits)).double()
        weight = torch.randn(5, 3, 2, 2).double() * float(grid[-1])
        weight.requires_grad_()
        step = (torch.rand(steps, 1, 1, 1).double() + 0.5).requires_grad_()
        grad = torch.randn(weight.shape).double()
        out = learned.LearnedStep.apply(weight, step, grid)
        (out * grad).sum().backward()
        return grid, weight.detach(), step.detach(), grad, weight.grad, step.grad

    def test_gradient_of_the_step_is_that_of_lsq(self):
        """Against finite differences of the function that LSQ differentiates:
        the rounding error of the ratio is held constant."""
        for (scheme, bits), steps in itertools.product(FORMATS, (1, 5)):
            grid, w, s, grad, to_weight, to_step = self.gradients(
                scheme, bits, steps)
            top = float(grid[-1])
            nearest = grid[(w[..., None] / s[..., None] - grid).abs().argmin(-1)]
            inside = (w / s).abs() <= top
            error = torch.where(inside, nearest - w / s, nearest)

            def smooth(weight, step):
                ratio = torch.where(inside, weight / step, torch.zeros(()).double())
                return ((ratio + error) * step * grad).flatten(1).sum(1)

            h = 1e-5
            by_step = (smooth(w, s + h) - smooth(w, s - h)) / (2 * h)
            expected = by_step if steps == 5 else by_step.sum()
            scale = (w.numel() / steps * top) ** -0.5
            self.assertTrue(torch.allclose(to_step.flatten(),
                                           (expected * scale).flatten(),
                                           rtol=1e-6, atol=1e-8), (scheme, bits))
            self.assertTrue(torch.equal(to_weight, grad * inside))
            self.assertTrue(0 < inside.double().mean() < 1, (scheme, bits))

    def test_output_is_the_nearest_level(self):
        for scheme, bits in FORMATS:
            grid, w, s, *_ = self.gradients(scheme, bits, 5)
            out = learned.LearnedStep.apply(w, s, grid)
            best = (w[..., None] - s[..., None] * grid).abs().amin(-1)
            self.assertTrue(torch.allclose((out - w).abs(), best))

    def test_grids_are_the_levels_of_all_codes(self):
        for scheme, bits in FORMATS:
            codes = np.arange(1 << bits)
            if scheme == "uniform" and bits > 1:
                codes = np.delete(codes, 1 << bits - 1)
            if scheme == "ternary":
                codes = np.arange(3)
            found = snnqfile.decode(codes, scheme, bits)
            self.assertEqual(sorted(set(found.tolist())),
                             levels_of(scheme, bits), (scheme, bits))

    def test_learning_a_step_lowers_the_error(self):
        """From a step twice too large, by gradients alone."""
        torch.manual_seed(0)
        weight = torch.randn(4, 60)
        grid = learned.LearnedGrid(weight, "uniform", 3)
        best = float((grid(weight) - weight).square().mean())
        grid.log_step.data += 0.7
        before = float((grid(weight) - weight).square().mean())
        optimizer = torch.optim.Adam(grid.parameters(), 0.02)
        for _ in range(150):
            loss = (grid(weight) - weight).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        after = float((grid(weight) - weight).square().mean())
        self.assertGreater(before, 1.5 * best)
        self.assertLess(after, 1.1 * best)


class Export(unittest.TestCase):
    def start(self):
        """(float network file, network on grids made of it)."""
        file = export.float_file(small_network(), "small")
        net = self.network_of(file)
        learned.put_on_grids(net, any_grids(net))
        return file, net

    def network_of(self, file):
        path = pathlib.Path(self.folder()) / "float.snnq"
        snnqfile.write(path, *file)
        return qat.float_network(path)[1]

    def folder(self):
        """A folder for the time of the test."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        return folder.name

    def fine_tuned(self):
        file, net = self.start()
        teacher = self.network_of(file)
        args = types.SimpleNamespace(kl=1.0, spikes=1.0, smoothing=0.05)
        loss = qat.Distillation(net, teacher, args)
        samples = counts(24).transpose(0, 1).contiguous().numpy()
        plan = fitting.Plan(2, 6, 2e-3, 24, self.folder() + "/p")
        fitting.fit(net, (samples, torch.arange(24) % 10), plan, loss,
                    torch.Generator().manual_seed(0), qat.rates)
        return file, net.eval()

    def test_thresholds_are_normalized_without_changing_spikes(self):
        file = export.float_file(small_network(), "small")
        scaled = self.network_of(file)
        plain = quantgrid.network(*file)
        one, two = {}, {}
        with torch.no_grad():
            plain(counts(3).double(), one)
            scaled(counts(3), two)
        for layer in plain.layers:
            if "neuron" in layer and layer["name"] != "head":
                name = layer["name"]
                different = (one[name] != two[name]).double().mean()
                self.assertLess(different, 1e-3, name)
                self.assertGreater(one[name].mean(), 0, name)

    def test_integer_model_does_what_was_trained(self):
        file, net = self.fine_tuned()
        integer = quantgrid.network(*export.integer_file(net, "small"))
        one, two = {}, {}
        with torch.no_grad():
            scores = net(counts(4, 1), one), integer(counts(4, 1).double(), two)
        for layer in net.layers[:-1]:
            name = layer["name"]
            # Biases and thresholds are rounded to 1/256 of a level or so.
            self.assertLess((one[name] != two[name]).double().mean(), 0.02, name)
            self.assertGreater(two[name].mean(), 0, name)
        self.assertTrue(torch.equal(scores[0].argmax(1), scores[1].argmax(1)))

    def scores(self, bias):
        """(multiplier, largest score for any input) of a head with a bias of so many steps."""
        _, net = self.start()
        head = net.synapse("head")
        head.weight.data[0] = head.weight.abs().max()
        head.bias.data[:] = -bias * float(head.grid.step())
        graph, tensors = export.integer_file(net.eval(), "small")
        layer = graph["layers"][-1]
        levels = snnqfile.unpack(tensors["head.weight"], layer["weight"]["scheme"],
                                 layer["weight"]["bits"], tuple(head.weight.shape))
        most = (1 << export.planes_of(graph["layers"], layer["inputs"][0])) - 1
        sums = np.abs(levels.reshape(10, -1)).sum(1) * most * layer["neuron"]["mult"]
        # 4 x 4 positions, 8 steps
        largest = 16 * 8 * (sums + np.abs(tensors[layer["bias"]].astype(np.int64))).max()
        return layer["neuron"]["mult"], int(largest)

    def test_scores_stay_in_32_bits(self):
        mult, largest = self.scores(0)
        self.assertEqual(mult, export.HEAD_MULT)
        mult, largest = self.scores(1e6)  # 2^31 / (128 outputs * 10^6) is 16.8
        self.assertEqual(mult, 16)
        self.assertLess(largest, 1 << 31)
        self.assertGreater(2 * largest, 1 << 31)
        with self.assertRaisesRegex(ValueError, "layer head: scores can leave 32 bits"):
            self.scores(1e8)

    def test_positions_of_maps(self):
        net = model.NETWORKS["fashion"].build()
        self.assertEqual(export.map_size(net, "input"), (34, 34))
        self.assertEqual(export.map_size(net, "head"), (5, 5))
        self.assertEqual(export.map_size(model.NETWORKS["demo"].build(), "head"), (4, 4))

    def test_weights_that_are_no_weights_are_refused_by_name(self):
        for value, says in ((0, "all its weights are zero"), (float("nan"), "expected finite"),
                            (float("inf"), "expected finite")):
            for name in ("conv2", "head"):
                _, net = self.start()
                net.synapse(name).weight.data[:] = value
                with self.assertRaisesRegex(ValueError, f"layer {name}: {says}"):
                    export.integer_file(net.eval(), "small")

    def test_fine_tuning_moves_levels_and_steps(self):
        _, net = self.fine_tuned()
        _, start = self.start()
        for name, before in start.synapses.items():
            after = net.synapses[name]
            self.assertFalse(torch.equal(before.grid.step(), after.grid.step()))
        moved = sum(int((net.synapses[n].grid.levels(net.synapses[n].weight)
                         != s.grid.levels(s.weight)).sum())
                    for n, s in start.synapses.items())
        self.assertGreater(moved, 0)

    def test_take_over_reproduces_the_integer_model(self):
        file, net = self.fine_tuned()
        graph, tensors = export.integer_file(net, "small")
        path = pathlib.Path(self.folder()) / "integer.snnq"
        snnqfile.write(path, graph, tensors)
        again = self.network_of(file)
        qat.start_from(again, path)
        graph2, tensors2 = export.integer_file(again.eval(), "small")
        self.assertEqual(graph2["layers"], graph["layers"])
        for name, array in tensors.items():
            self.assertTrue(np.array_equal(tensors2[name], array), name)

    def test_weights_start_in_the_middle_of_their_cells(self):
        """Not where the float network left them: no small step takes one to another level."""
        file, net = self.fine_tuned()
        path = pathlib.Path(self.folder()) / "integer.snnq"
        snnqfile.write(path, *export.integer_file(net, "small"))
        again = self.network_of(file)
        qat.start_from(again, path)
        for name, synapse in again.synapses.items():
            levels = synapse.grid.levels(synapse.weight)
            for part in (-0.49, 0.49):
                moved = synapse.weight + part * synapse.grid.step()
                self.assertTrue(torch.equal(synapse.grid.levels(moved), levels), name)

    def test_every_parameter_has_one_rate(self):
        _, net = self.start()
        plan = fitting.Plan(1, 6, 1e-3, 24, "p")
        groups = qat.rates(net, plan)
        self.assertEqual(sorted(id(p) for g in groups for p in g["params"]),
                         sorted(id(p) for p in net.parameters()))
        synapse = next(iter(net.synapses.values()))
        with torch.no_grad():
            synapse.grid.log_step += 10
        coarse = qat.rates(net, plan)
        self.assertGreater(coarse[0]["lr"], 1000 * groups[0]["lr"])
        self.assertEqual([g["lr"] for g in coarse[1:]], [g["lr"] for g in groups[1:]])
        self.assertEqual({g["weight_decay"] for g in groups}, {0.0})

    def test_single_precision_fires_as_the_integers_do(self):
        """Membranes stand at integer thresholds often; none may be missed."""
        file, net = self.fine_tuned()
        path = pathlib.Path(self.folder()) / "integer.snnq"
        snnqfile.write(path, *export.integer_file(net, "small"))
        again, exact = self.network_of(file), quantgrid.network(*snnqfile.read(path))
        qat.start_from(again, path)
        one, two = {}, {}
        with torch.no_grad():
            again.eval()(counts(20, 1), one)
            exact(counts(20, 1).double(), two)
        for layer in net.layers[:-1]:
            wrong = (one[layer["name"]] != two[layer["name"]]).double().mean()
            self.assertLess(wrong, 1e-5, layer["name"])

    def test_interrupted_training_goes_on_as_if_it_had_not_been(self):
        kept = fitting.SAVE_SECONDS
        self.addCleanup(lambda: setattr(fitting, "SAVE_SECONDS", kept))
        fitting.SAVE_SECONDS = 0
        results = []
        for stops in ((2,), (1, 2), (0.5, 2), (1.5, 2)):
            torch.manual_seed(3)
            generator = torch.Generator().manual_seed(3)
            _, net = self.start()
            progress = self.folder() + "/p"
            plan = fitting.Plan(2, 4, 1e-3, 8, progress)
            samples = counts(8).transpose(0, 1).contiguous().numpy()

            def loss_of(x, label, done, net=net, stop=stops[0]):
                if len(stops) > 1 and done * 2 >= stop and not resumed:
                    raise KeyboardInterrupt
                return torch.nn.functional.cross_entropy(net(x), label)

            data = samples, torch.arange(8)
            resumed = False
            try:
                fitting.fit(net, data, plan, loss_of, generator)
            except KeyboardInterrupt:
                resumed = True
                _, net = self.start()
                fitting.fit(net, data, plan, lambda x, label, _:
                            torch.nn.functional.cross_entropy(net(x), label),
                            torch.Generator().manual_seed(9))
            self.assertEqual(resumed, len(stops) > 1)
            with self.assertRaises(ValueError):   # other epochs, other rates
                fitting.fit(net, data, fitting.Plan(3, 4, 1e-3, 8, progress),
                            loss_of, generator)
            results.append(net.state_dict())
        for name, value in results[0].items():
            for other in results[1:]:
                self.assertTrue(torch.equal(value, other[name]), name)

    def test_control_is_the_float_network_trained_on(self):
        """Written as a float model, in F32 and F16, with the spikes it has."""
        path = self.folder() + "/float.snnq"
        snnqfile.write(path, *export.float_file(small_network(), "small"))
        args = types.SimpleNamespace(model=path, start=None, grid=[], control=True,
                                     kl=1.0, spikes=0.5, smoothing=0.05)
        name, net = qat.student(args)
        before = {key: value.clone() for key, value in net.state_dict().items()}
        loss = qat.Distillation(net, qat.student(args)[1], args)
        samples = counts(24).transpose(0, 1).contiguous().numpy()
        fitting.fit(net, (samples, torch.arange(24) % 10),
                    fitting.Plan(1, 6, 1e-3, 24, self.folder() + "/p"), loss,
                    torch.Generator().manual_seed(0))
        self.assertTrue(any(not torch.equal(value, before[key])
                            for key, value in net.state_dict().items()))
        graph, tensors = export.float_file(net.eval(), name)
        with torch.no_grad():
            want = net(counts(6))
            for some, within in ((tensors, 1e-3), (export.halved(tensors), 1.0)):
                snnqfile.write(path, graph, some)
                got = qat.float_network(path)[1].eval()(counts(6))
                self.assertLess((got - want).abs().mean(), within)
        args.kl = args.spikes = 0
        alone = qat.Distillation(net, qat.student(args)[1], args)
        alone.teacher = None  # labels alone teach
        self.assertTrue(alone(counts(6), torch.arange(6), 0).requires_grad)
        args.control = False
        with self.assertRaisesRegex(SystemExit, "no grid for conv1"):
            qat.student(args)

    def test_half_refuses_what_it_cannot_hold(self):
        with self.assertRaisesRegex(ValueError, "tensor a: 7e.04 is beyond F16"):
            export.halved({"a": np.array([1, -7e4], np.float32)})

    def test_fraction_bits(self):
        one = torch.tensor([1.0])
        self.assertEqual(export.fraction_bits(one, one), 8)
        self.assertEqual(export.fraction_bits(one * 1000, one * 20), 5)
        # 16 bits do not suffice: 64 steps for the smallest threshold do.
        self.assertEqual(export.fraction_bits(one * 90000, one), 6)


class Search(unittest.TestCase):
    def test_best_choice_is_the_best(self):
        rng = np.random.default_rng(4)
        for _ in range(50):
            options = [[(float(rng.integers(1, 9)), float(rng.normal()), (i, k))
                        for k in range(4)] for i in range(4)]
            budget = float(rng.integers(8, 24))
            within = [pick for pick in itertools.product(*options)
                      if sum(p[0] for p in pick) <= budget]
            if not within:
                self.assertRaises(ValueError, search.best_choice, options, budget)
                continue
            best = max(sum(p[1] for p in pick) for pick in within)
            got = search.best_choice(options, budget)
            score = sum(options[i][k][1] for i, k in got)
            self.assertAlmostEqual(score, best)
            self.assertLessEqual(sum(options[i][k][0] for i, k in got), budget)

    def test_bits_go_where_they_matter(self):
        """Two layers, only the errors of the second count: it gets the bits."""
        candidates = [("uniform", 2), ("pot", 3), ("uniform", 4), ("odd", 5)]
        for important in (0, 1):
            torch.manual_seed(1)
            layers = [{"name": n, "op": "linear", "inputs": ["input"],
                       "out_channels": 16, "neuron": model.lif(1.0),
                       "weight": {}} for n in ("first", "second")]
            net = model.SpikingNet(layers, dict(model.INPUT, polarities=24), {
                "input": "second", "mode": "sum", "scale": 1.0})
            real = [s.weight.detach().clone() for s in net.synapses.values()]
            search.put_mixtures(net, candidates)

            def task(_x, _label, _done):
                used = list(net.synapses.values())[important].rounded()
                return 3e3 * (used - real[important]).square().mean()

            args = types.SimpleNamespace(hot=2.0, cold=0.2, target=3.5, price=4.0,
                                         decide=0.5)
            optimizer = torch.optim.Adam(
                [p for n, p in net.named_parameters() if "logits" in n], 0.1)
            loss = search.PricedLoss(net, task, args)
            for i in range(80):
                value = loss(None, None, i / 80)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
            chosen = dict(search.choose(net, candidates, args.target))
            bits = [chosen[n][1] for n in ("first", "second")]
            self.assertTrue(set(chosen.values()) <= set(candidates))
            self.assertLessEqual(sum(bits) / 2, args.target)
            self.assertGreater(bits[important], bits[1 - important])
            self.assertLess(search.mean_entropy(net), 0.5)

    def test_impossible_targets_are_refused(self):
        net = small_network()
        candidates = [("uniform", 3), ("uniform", 4)]
        search.put_mixtures(net, candidates)
        with self.assertRaises(ValueError):
            search.choose(net, candidates, 2.9)
        self.assertEqual({g for _, g in search.choose(net, candidates, 3.0)},
                         {("uniform", 3)})

    def test_words_of_the_command_line(self):
        self.assertEqual(learned.parse_grid("block1.q=pot:3"),
                         ("block1.q", ("pot", 3)))
        with self.assertRaises(ValueError):
            learned.parse_grid("block1.q=pot")


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
