#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests of tools/train: simulator, model files, grids, neuron, folds, data."""
import json
import pathlib
import struct
import sys
import tempfile
import unittest

import numpy as np
import torch

TRAIN = pathlib.Path(__file__).resolve().parents[2] / "tools" / "train"
sys.path.insert(0, str(TRAIN))

# pylint: disable=wrong-import-position
import dataset  # noqa: E402
import eventcam  # noqa: E402
import export  # noqa: E402
import grids  # noqa: E402
import model  # noqa: E402
import quantgrid  # noqa: E402
import recordings  # noqa: E402
import shortform  # noqa: E402
import snnqfile  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402

FORMATS = ([("uniform", b) for b in range(1, 9)]
           + [("odd", b) for b in range(1, 9)]
           + [("pot", b) for b in range(2, 6)]
           + [("apot", b) for b in range(3, 6)] + [("ternary", 2)])


class EventCamera(unittest.TestCase):
    quiet = eventcam.Camera(noise_hz=0.0, mismatch=0.0)

    def test_same_seed_same_events(self):
        digit = load_digits().images[7]
        first, again = (eventcam.record(digit, 3) for _ in range(2))
        self.assertTrue(np.array_equal(first, again))
        self.assertFalse(np.array_equal(first, eventcam.record(digit, 4)))

    def test_events_are_ordered_and_inside(self):
        camera = eventcam.Camera()
        events = eventcam.record(load_digits().images[8], 1)
        self.assertTrue((np.diff(events["t"]) >= 0).all())
        self.assertTrue((events["t"] >= 0).all())
        self.assertLess(events["t"].max(), camera.duration)
        self.assertLess(events["x"].max(), camera.width)
        self.assertLess(events["y"].max(), camera.height)

    def test_pixels_rest_for_their_refractory_time(self):
        events = eventcam.record(load_digits().images[0], 2, self.quiet)
        pixel = events["y"].astype(int) * 32 + events["x"]
        gaps = [np.diff(events["t"][pixel == p]) for p in np.unique(pixel)]
        # Times are cut to whole microseconds, hence one less.
        self.assertGreaterEqual(np.concatenate(gaps).min(),
                                self.quiet.refractory - 1)

    def test_slow_ramp_gives_one_event_per_threshold(self):
        pixels = eventcam.Pixels(np.zeros(4), np.random.default_rng(0),
                                 eventcam.Camera(mismatch=0.0, refractory=0.0))
        pixels.memory[:] = 0
        slope = np.array([1.0, -1.0, 0.25, 0.0]) / 1e3
        found = []
        for start in range(0, 4000, 1000):
            found += pixels.advance(start, start + 1000, slope * start,
                                    slope * (start + 1000))
        when, pixel, polarity = (np.concatenate(c) for c in zip(*found))
        self.assertTrue(np.allclose(np.sort(when[pixel == 0]),
                                    np.arange(500, 4000, 500)))
        self.assertEqual((pixel == 1).sum(), 7)
        self.assertEqual((pixel == 2).sum(), 1)
        self.assertEqual((pixel == 3).sum(), 0)
        self.assertTrue(polarity[pixel == 0].all())
        self.assertFalse(polarity[pixel == 1].any())

    def test_projection_conserves_light_and_centre(self):
        share = eventcam.projection(np.array([16.0, 17.25]), 32, 8, 2.6)
        self.assertTrue(np.allclose(share[:, 10:20].sum(axis=2), 1))
        middle = share.sum(axis=2) @ (np.arange(32) + 0.5)
        self.assertTrue(np.allclose(middle / share.sum(axis=(1, 2)),
                                    [16.0, 17.25], atol=1e-2))

    def test_files_keep_events(self):
        events = eventcam.record(load_digits().images[5], 9)
        with tempfile.NamedTemporaryFile(suffix=".bin") as file:
            eventcam.write_atis(file.name, events)
            self.assertTrue(np.array_equal(eventcam.read_atis(file.name), events))
        late = events.copy()
        late["t"][-1] = 1 << 23
        with self.assertRaises(ValueError):
            eventcam.write_atis("/dev/null", late)

    def test_record_bytes(self):
        events = np.array([(0x12345, 3, 4, 1), (0x54321, 31, 30, 0)],
                          eventcam.EVENT)
        with tempfile.NamedTemporaryFile() as file:
            eventcam.write_atis(file.name, events)
            self.assertEqual(pathlib.Path(file.name).read_bytes(),
                             bytes.fromhex("0304812345" "1f1e054321"))

    def test_counts_follow_the_input_section(self):
        spec = dict(model.INPUT, steps=2, step_us=100, planes=1)
        events = np.array([(99, 1, 2, 1), (99, 1, 2, 1), (100, 1, 2, 0),
                           (200, 5, 5, 1)], eventcam.EVENT)
        counts = eventcam.to_counts(events, spec)
        self.assertEqual(counts.sum(), 2)
        self.assertEqual(counts[0, 2, 1, 1], 1)
        self.assertEqual(counts[1, 2, 1, 0], 1)


class ModelFiles(unittest.TestCase):
    def test_packing_of_every_grid(self):
        rng = np.random.default_rng(0)
        for scheme, bits in FORMATS:
            for groups in (1, 3):
                levels = rng.choice(grids.levels_of(scheme, bits),
                                    (9, 2, 3, 2))
                packed = snnqfile.pack(levels, scheme, bits, groups)
                back = snnqfile.unpack(packed, scheme, bits, levels.shape, groups)
                self.assertTrue(np.array_equal(back, levels), (scheme, bits))

    def test_bits_lie_where_the_numerics_page_says(self):
        levels = np.arange(-3, 4).repeat(4)[:26].reshape(13, 2, 1, 1)
        packed = snnqfile.pack(levels, "uniform", 3)
        row_bytes = (13 * 3 + 7) // 8
        for (o, i, _, _), level in np.ndenumerate(levels):
            code = 0
            for b in range(3):
                bit = o * 3 + b
                code |= (packed[i * row_bytes + bit // 8] >> bit % 8 & 1) << b
            self.assertEqual(code, level & 7)

    def test_codes_of_the_numerics_page(self):
        table = [("uniform", 1, [1, -1]), ("uniform", 2, [0, 1, -2, -1]),
                 ("odd", 1, [1, -1]), ("odd", 2, [1, 3, -3, -1]),
                 ("pot", 2, [0, 1, 0, -1]),
                 ("pot", 3, [0, 1, 2, 4, 0, -1, -2, -4]),
                 ("apot", 3, [0, 4, 9, 16, 0, -4, -9, -16]),
                 ("apot", 4, [0, 1, 4, 8, 9, 12, 16, 24,
                              0, -1, -4, -8, -9, -12, -16, -24]),
                 ("ternary", 2, [0, 1, -1])]
        for scheme, bits, levels in table:
            got = snnqfile.decode(np.arange(len(levels)), scheme, bits)
            self.assertEqual(got.tolist(), levels, (scheme, bits))

    def test_ternary_rows_are_digits(self):
        levels = np.array([1, 0, -1, 0, 1, -1]).reshape(6, 1, 1, 1)
        packed = snnqfile.pack(levels, "ternary", 2)
        self.assertEqual(packed.tolist(), [1 + 2 * 9 + 81, 2])
        noise = np.array([243 + 12, 242], np.uint8)  # what no encoder writes
        back = snnqfile.unpack(noise, "ternary", 2, levels.shape)
        self.assertEqual(back.ravel().tolist(), [0, 1, 1, 0, 0, -1])

    def test_other_widths_are_refused(self):
        for scheme, bits in (("pot", 6), ("apot", 2), ("ternary", 3), ("log", 4)):
            with self.assertRaises(ValueError):
                grids.levels_of(scheme, bits)
            with self.assertRaises(ValueError):
                snnqfile.pack(np.zeros((5, 1, 1, 1)), scheme, bits)

    def test_damaged_files_are_refused(self):
        def file_of(entries, data):
            graph = json.dumps({"format": "snnq", "version": 1})
            header = {"__metadata__": {"snnq": graph}} | {
                name: {"dtype": "U8", "shape": shape, "data_offsets": span}
                for name, (shape, span) in entries.items()}
            text = json.dumps(header).encode()
            return struct.pack("<Q", len(text)) + text + data

        good = {"a": ([2, 2], [0, 4]), "b": ([3], [4, 7])}
        cases = {"hole": good | {"b": ([2], [5, 7])}, "overlap": good | {"b": ([4], [3, 7])},
                 "late begin": {"a": ([6], [1, 7])}, "tail": {"a": ([6], [0, 6])},
                 "beyond": {"a": ([8], [0, 8])}, "shape": good | {"a": ([5], [0, 4])},
                 "negative": good | {"a": ([-2, -2], [0, 4])},
                 "product": good | {"a": ([1 << 62, 4, 4], [0, 4])}, "good": good}
        for what, entries in cases.items():
            with tempfile.NamedTemporaryFile() as file, self.subTest(what):
                pathlib.Path(file.name).write_bytes(file_of(entries, bytes(7)))
                if what == "good":
                    self.assertEqual(snnqfile.read(file.name)[1]["a"].shape, (2, 2))
                    continue
                with self.assertRaises(ValueError):
                    snnqfile.read(file.name)

    def test_short_floats(self):
        bits = np.arange(1 << 16, dtype=np.uint16)
        bits = bits[bits.view(np.float16) == bits.view(np.float16)]
        graph = json.dumps({"format": "snnq", "version": 1})
        wide = (bits.astype(np.uint32) << 16).view(np.float32)
        for kind, want in (("F16", bits.view(np.float16)), ("BF16", wide)):
            header = {"__metadata__": {"snnq": graph}, "a": {
                "dtype": kind, "shape": [len(bits) // 2, 2],
                "data_offsets": [0, 2 * len(bits)]}}
            text = json.dumps(header).encode()
            with tempfile.NamedTemporaryFile() as file, self.subTest(kind):
                pathlib.Path(file.name).write_bytes(
                    struct.pack("<Q", len(text)) + text + bits.tobytes())
                got = snnqfile.read(file.name)[1]["a"]
                np.testing.assert_array_equal(got, want.reshape(-1, 2))
                snnqfile.write(file.name, json.loads(graph), {"a": got})
                again = snnqfile.read(file.name)[1]["a"]
                self.assertEqual(again.dtype, got.dtype)
                np.testing.assert_array_equal(again, got)

    def test_write_and_read(self):
        tensors = {"a": np.arange(3, dtype=np.uint8),
                   "b": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3)}
        graph = {"format": "snnq", "version": 1, "other": ["kept"]}
        with tempfile.NamedTemporaryFile() as file:
            snnqfile.write(file.name, graph, tensors)
            raw = pathlib.Path(file.name).read_bytes()
            again, back = snnqfile.read(file.name)
        self.assertEqual(again, graph)
        for name, array in tensors.items():
            self.assertTrue(np.array_equal(back[name], array))
        (length,) = struct.unpack("<Q", raw[:8])
        header = json.loads(raw[8:8 + length])
        del header["__metadata__"]
        spans = sorted(e["data_offsets"] for e in header.values())
        self.assertEqual(length % 8, 0)
        self.assertEqual(header["b"]["data_offsets"][0] % 8, 0)
        self.assertEqual([a[1] for a in spans[:-1]], [b[0] for b in spans[1:]])
        self.assertEqual(spans[-1][1], len(raw) - 8 - length)

    def test_bad_files_are_refused(self):
        graph = '{"format":"snnq","version":1}'
        meta = f'"__metadata__":{{"snnq":{json.dumps(graph)}}}'
        entry = '"t":{"dtype":"U8","shape":[4],"data_offsets":[%d,%d]}'
        bad = {"beyond the end": "{%s,%s}" % (meta, entry % (6, 10)),
               "wrong size": "{%s,%s}" % (meta, entry % (0, 5)),
               "duplicate": "{%s,%s,%s}" % (meta, entry % (0, 4), entry % (4, 8)),
               "overlap": "{%s,%s,%s}" % (meta, entry % (0, 4),
                                          (entry % (3, 7)).replace("t", "u", 1))}
        for reason, text in bad.items():
            with tempfile.NamedTemporaryFile() as file, self.subTest(reason):
                file.write(struct.pack("<Q", len(text)) + text.encode() + bytes(8))
                file.flush()
                with self.assertRaises(ValueError):
                    snnqfile.read(file.name)


NEURON = {"model": "lif", "leak": {"kind": "div", "n": 2}, "compare": "ge",
          "reset": "hard"}


def dense(name, inputs, channels, scheme, bits, **neuron):
    """A linear layer with its tensors named after it."""
    return {"name": name, "op": "linear", "inputs": inputs,
            "out_channels": channels,
            "weight": {"tensor": f"{name}.weight", "scheme": scheme, "bits": bits},
            "neuron": {**NEURON, "threshold": f"{name}.threshold", **neuron},
            "bias": f"{name}.bias"}


def long_model():
    """An integer model in the long form with a bit of everything."""
    window = {"kernel": [3, 3], "stride": [1, 2], "padding": [1, 1],
              "dilation": [1, 1], "groups": 2}
    layers = [
        {**dense("conv", ["input"], 4, "odd", 3, shift=3), "op": "conv2d", **window},
        {"name": "pool", "op": "maxpool", "inputs": ["conv"], "kernel": [2, 2],
         "stride": [2, 2], "padding": [0, 0], "dilation": [1, 1]},
        dense("q", ["pool"], 6, "ternary", 2, shift=4),
        dense("k", ["pool"], 6, "uniform", 3, shift=4),
        dense("v", ["pool"], 6, "pot", 3, shift=4, note=None),
        {"name": "attn", "op": "attention", "inputs": ["q", "k", "v"], "heads": 2,
         "neuron": {**NEURON, "threshold": 4}},
        {"name": "head", "op": "linear", "inputs": ["attn"], "out_channels": 3,
         "weight": {"tensor": "head.weight", "scheme": "uniform", "bits": 8},
         "bias": "head.bias", "neuron": {"model": "none", "mult": "head.mult"}}]
    graph = {"format": "snnq", "version": 1, "arithmetic": "integer",
             "input": {"width": 8, "height": 8, "polarities": 2, "layout": "hwc"},
             "layers": layers, "readout": {"input": "head", "mode": "sum"}}
    rng = np.random.default_rng(5)
    tensors = {"head.weight": rng.integers(0, 256, 18).astype(np.uint8),
               "head.bias": np.array([70000, 1, -1], np.int32),
               "head.mult": np.array([1, 2, 3], np.int32)}
    sizes = {"conv": 9 * 2 * 1, "q": 4 * 2, "k": 4 * 3, "v": 4 * 3}
    for layer in layers[:1] + layers[2:5]:
        name, channels = layer["name"], layer["out_channels"]
        tensors[f"{name}.weight"] = rng.integers(0, 256, sizes[name]).astype(np.uint8)
        for part in "threshold", "bias":
            values = rng.integers(1, 30000, channels)
            tensors[f"{name}.{part}"] = values.astype(np.int16)
    return graph, tensors


class ShortForm(unittest.TestCase):
    def rewritten(self, graph, tensors):
        with tempfile.NamedTemporaryFile() as file:
            snnqfile.write(file.name, graph, tensors)
            return snnqfile.read(file.name)

    def test_long_form_comes_back(self):
        graph, tensors = long_model()
        again, back = self.rewritten(graph, tensors)
        self.assertEqual(again, graph)
        names = {name for name in back if not name.startswith("pad.")}
        self.assertEqual(names, set(tensors))
        for name, array in tensors.items():
            self.assertTrue(np.array_equal(back[name], array), name)

    def test_what_is_written(self):
        graph, tensors = shortform.shorten(*long_model())
        self.assertEqual(set(tensors), {"head.bias", "weights", "numbers"})
        self.assertEqual(tensors["numbers"].dtype, np.int16)
        self.assertEqual(tensors["numbers"].size, 2 * (4 + 3 * 6) + 3)
        self.assertEqual(graph["layers"][1], {"name": "pool", "op": "maxpool",
                                              "kernel": 2, "stride": 2})
        self.assertEqual(graph["layers"][2]["weight"], "ternary:2")
        self.assertEqual(graph["defaults"]["neuron"]["compare"], "ge")
        self.assertNotIn("input", graph["readout"])
        order = [(layer.get("neuron", {}).get("threshold", True),
                  layer.get("bias", True)) for layer in graph["layers"]]
        self.assertEqual(order[0], (True, True))

    def test_a_tensor_of_two_layers_stays(self):
        graph, tensors = long_model()
        graph["layers"][4]["weight"] = dict(graph["layers"][3]["weight"])
        _, kept = shortform.shorten(graph, tensors)
        self.assertIn("k.weight", kept)
        self.assertEqual(self.rewritten(graph, tensors)[0], graph)

    def test_sizes_are_checked(self):
        for pool in shortform.SHARED:
            for change in (-1, 1):
                graph, tensors = shortform.shorten(*long_model())
                tensors[pool] = np.resize(tensors[pool], tensors[pool].size + change)
                with self.assertRaises(ValueError):
                    shortform.expand(graph, tensors, snnqfile.row_bytes)
            graph, tensors = shortform.shorten(*long_model())
            tensors[pool] = tensors[pool].astype(np.int32)
            with self.assertRaises(ValueError):
                shortform.expand(graph, tensors, snnqfile.row_bytes)

    def test_defaults_are_bounded(self):
        graph, tensors = shortform.shorten(*long_model())
        graph["defaults"]["linear"]["note"] = "x" * 20000
        with self.assertRaises(ValueError):
            shortform.expand(graph, tensors, snnqfile.row_bytes)

    def test_demo_is_short(self):
        path = TRAIN / "demo" / "digits.snnq"
        graph, tensors = snnqfile.read(path)
        packed = sum(tensors[layer["weight"]["tensor"]].size
                     for layer in graph["layers"] if "weight" in layer)
        self.assertLess(path.stat().st_size - packed, 9000)


class Grids(unittest.TestCase):
    def test_nearest_level(self):
        values = torch.linspace(-9, 9, 721, dtype=torch.float64)
        for scheme, bits in [("uniform", 4), ("pot", 3), ("odd", 3)]:
            grid = torch.tensor(grids.levels_of(scheme, bits)).double()
            got = grids.nearest(values, grid)
            best = (values[:, None] - grid).abs().min(dim=1).values
            self.assertTrue(torch.equal((values - got).abs(), best))
        pot = torch.tensor([-4.0, -2, -1, 0, 1, 2, 4])
        ties = grids.nearest(torch.tensor([1.5, -1.5, 3.0, 0.5]), pot)
        self.assertEqual(ties.tolist(), [1, -1, 2, 0])

    def test_weights_on_a_grid_stay(self):
        rng = torch.Generator().manual_seed(0)
        for scheme, bits in [("uniform", 3), ("uniform", 8), ("pot", 4)]:
            all_levels = torch.tensor(grids.levels_of(scheme, bits)).double()
            pick = torch.randint(len(all_levels), (5, 40), generator=rng)
            levels = all_levels[pick]
            levels[:, 0] = all_levels[-1]
            weight = levels * torch.tensor([[.1], [.2], [.3], [1.], [7.]])
            got, scale = grids.quantize(weight, scheme, bits)
            self.assertTrue(torch.allclose(got * scale, weight), (scheme, bits))


class Network(unittest.TestCase):
    def test_gradient_of_the_neuron(self):
        """The hand-written backward pass against a plain autograd loop."""
        torch.manual_seed(0)
        x = torch.randn(6, 50, dtype=torch.float64)
        theta = torch.rand(50, dtype=torch.float64) + 0.5
        weight = torch.randn(6, 50, dtype=torch.float64)

        def plain(current):
            u, spikes = torch.zeros(50, dtype=torch.float64), []
            for step in current:
                u = u / 2 + step
                s = (u >= theta).double()
                # Forward: s; backward: integral of 1 / (1 + (pi d)^2).
                soft = torch.atan(torch.pi * (u / theta - 1)) / torch.pi * theta
                spikes.append(s + soft / 1.0 - soft.detach())
                u = u * (1 - s)
            return torch.stack(spikes)

        grads = []
        for spikes in (plain, lambda c: model.LeakyFire.apply(c, theta, 2)):
            leaf = x.clone().requires_grad_()
            out = spikes(leaf)
            (out * weight).sum().backward()
            grads.append((out.detach(), leaf.grad))
        self.assertTrue(torch.allclose(grads[0][0], grads[1][0]))
        self.assertTrue(torch.allclose(grads[0][1], grads[1][1]))

    def test_floor_leak_fires_as_the_real_one(self):
        rng = np.random.default_rng(5)
        x = rng.integers(-40, 60, (12, 4000))
        theta = rng.integers(1, 50, 4000)
        u, spikes = np.zeros(4000, np.int64), []
        for step in x:
            u = (u >> 1) + step
            spikes.append(u >= theta)
            u[spikes[-1]] = 0
        real = model.fire(torch.from_numpy(x).double(), model.lif(0),
                          torch.from_numpy(theta).double())
        self.assertTrue(np.array_equal(real.numpy() == 1, np.stack(spikes)))
        self.assertGreater(real.mean(), 0.05)

    def test_attention_is_q_kt_v(self):
        torch.manual_seed(1)
        q, k, v = torch.randint(0, 2, (3, 2, 3, 8, 2, 3)).double()
        out = model.attention(q, k, v, heads=4)
        for n in range(6):
            for c in range(8):
                head = slice(c // 2 * 2, c // 2 * 2 + 2)
                flat = [t.flatten(3)[1, 2] for t in (q, k, v)]
                want = sum(float(flat[0][head, n] @ flat[1][head, m])
                           * float(flat[2][c, m]) for m in range(6))
                self.assertEqual(float(out.flatten(3)[1, 2, c, n]), want)

    def network(self):
        """Small untrained net with normalization of both signs."""
        torch.manual_seed(2)
        layers = model.spikformer((4, 6, 8), heads=2, blocks=2, ratio=2)
        net = model.SpikingNet(layers, model.INPUT, {
            "input": "head", "mode": "sum", "scale": 1 / 128})
        for synapse in net.synapses.values():
            if synapse.norm is not None:
                torch.nn.init.normal_(synapse.norm.weight, 0.0, 4.0)
                torch.nn.init.normal_(synapse.norm.bias, 1.0, 1.0)
                synapse.norm.running_mean.normal_(0, 0.2)
                synapse.norm.running_var.uniform_(0.5, 2.0)
        return net.eval()

    def test_fold_keeps_every_spike(self):
        net = self.network()
        with tempfile.NamedTemporaryFile() as file:
            snnqfile.write(file.name, *export.float_file(net, "small"))
            folded = quantgrid.network(*snnqfile.read(file.name))
        x = torch.randint(0, 4, (8, 5, 2, 32, 32)).double()
        one, two = {}, {}
        with torch.no_grad():
            scores = net.double()(x, one), folded(x, two)
        self.assertTrue(torch.allclose(*scores, atol=1e-5))
        for layer in net.layers[:-1]:
            name = layer["name"]
            # The file holds float32: a neuron at its threshold may differ.
            self.assertLess((one[name] != two[name]).double().mean(), 2e-4, name)
            self.assertGreater(one[name].mean(), 0, name)

    def test_planes_hold_the_counts(self):
        net = self.network()
        record = {}
        with torch.no_grad():
            net(torch.randint(0, 4, (8, 5, 2, 32, 32)).float(), record)
        for layer in net.layers:
            if layer["op"] == "add":
                self.assertLess(record[layer["name"]].max(), 1 << layer["planes"])


class Demo(unittest.TestCase):
    """The data that the repository carries."""

    def test_recordings_are_those_of_the_simulator(self):
        train, test = dataset.split()
        digits = load_digits()
        for name, numbers in (("test", test), ("calib", train)):
            for path, label in quantgrid.read_list(TRAIN / f"demo/{name}.tsv")[::40]:
                number = int(path.stem)
                self.assertIn(number, numbers)
                self.assertEqual(label, digits.target[number])
                self.assertTrue(np.array_equal(
                    eventcam.read_atis(path),
                    dataset.recording((digits.images[number], number, 0))))

    def test_lists(self):
        test = quantgrid.read_list(TRAIN / "demo/test.tsv")
        calib = quantgrid.read_list(TRAIN / "demo/calib.tsv")
        self.assertEqual(len(test), 360)
        self.assertEqual({label for _, label in test}, set(range(10)))
        self.assertFalse({p.stem for p, _ in test} & {p.stem for p, _ in calib})
        for path, _ in test + calib:
            self.assertTrue(100 < path.stat().st_size < 12000, path)


class Development(unittest.TestCase):
    def test_recordings_are_nobody_elses(self):
        """Neither trained nor calibrated on, nor of the test's digits; balanced."""
        asked = {}

        def record(numbers, copies, _workers):
            asked.setdefault(tuple(copies), set()).update(numbers)
            return [np.zeros(0, eventcam.EVENT)] * len(numbers), np.zeros(len(numbers), int)

        real, dataset.recordings = dataset.recordings, record
        try:
            with tempfile.TemporaryDirectory() as folder:
                for options in ((), ("--development",)):
                    sys.argv = ["recordings.py", folder, *options]
                    recordings.main()
                rows = (pathlib.Path(folder) / "development.tsv").read_text().splitlines()
        finally:
            dataset.recordings = real
        copy = (dataset.COPIES,)
        self.assertEqual(set(asked), {(0,), copy})  # a copy that training does not have
        self.assertFalse(asked[copy] & asked[(0,)])
        self.assertTrue(asked[copy] <= set(dataset.split()[0]))
        counts = np.bincount(load_digits().target[sorted(asked[copy])])
        self.assertEqual(counts.tolist(), [dataset.DEVELOPMENT_PER_CLASS] * 10)
        self.assertEqual(len(rows), 10 * dataset.DEVELOPMENT_PER_CLASS)

    def test_draws_for_calibration(self):
        """Others each time, balanced, of training digits of which none is for development."""
        digits, labels = dataset.development_digits(), load_digits().target
        draws = [dataset.calibration_digits(n) for n in (1, 2, 3)]
        for draw in draws:
            self.assertEqual(np.bincount(labels[draw]).tolist(), [dataset.CALIBRATION_PER_CLASS] * 10)
            self.assertTrue(set(draw) <= set(dataset.split()[0]) - set(digits))
        self.assertEqual(len({tuple(draw) for draw in draws}), 3)
        self.assertFalse(set(draws[0]) & (set(draws[1]) | set(draws[2])))
        self.assertEqual(dataset.calibration_digits(2).tolist(), draws[1].tolist())


if __name__ == "__main__":
    torch.set_num_threads(1)
    unittest.main()
