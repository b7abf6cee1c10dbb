#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""lava-dl's networks, made here: every spike of every layer equals that of a reference that computes
with the weights as they were, and damaged files are refused.

The reference is the definition of Loihi's neuron in int64, with no code of the project: current
and potential decay towards zero by d / 4096, spikes arrive as weight * 2^(6 + wgtExp), biases and
thresholds are multiples of 64, and each layer's spikes are seen one step late.
"""
import json
import os
import struct
import sys

import h5py
import numpy as np

from common import equal, main, near, need, refused, snnq

STEPS = 40


# ---- the reference

def decay(value, rate):
    """Towards zero."""
    return np.sign(value) * (np.abs(value) * (4096 - rate) >> 12)


def windows(x, kernel, stride, padding, dilation):
    """[C, out y, out x, ky, kx] of a map [C, y, x], zero outside."""
    x = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    size = [(x.shape[1 + a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1)]
    out = np.zeros((x.shape[0], *size, *kernel), np.int64)
    for i in range(size[0]):
        for j in range(size[1]):
            for k in range(kernel[0]):
                for m in range(kernel[1]):
                    out[:, i, j, k, m] = x[:, i * stride[0] + k * dilation[0],
                                           j * stride[1] + m * dilation[1]]
    return out


class Layer:
    """A layer as its source describes it."""

    def __init__(self, kind, weight, neuron, bias=None, **geometry):
        self.kind, self.weight, self.neuron, self.bias = kind, weight, neuron, bias
        self.stride = geometry.get("stride", (1, 1))
        self.padding = geometry.get("padding", (0, 0))
        self.dilation = geometry.get("dilation", (1, 1))
        self.groups = geometry.get("groups", 1)
        self.delay = geometry.get("delay")
        self.recurrent = geometry.get("recurrent")
        self.current = self.voltage = self.fired = 0

    def drive(self, x):
        """Weighted sum of the spikes x [C, y, x]."""
        w = self.weight.astype(np.int64)
        if self.kind == "dense":
            return (w @ x.reshape(-1)).reshape(-1, 1, 1)
        seen = windows(x, w.shape[-2:], self.stride, self.padding, self.dilation)
        if self.kind == "pool":
            return np.einsum("cyxkm,km->cyx", seen, w)
        inputs, outputs = w.shape[1], w.shape[0] // self.groups
        return np.concatenate([
            np.einsum("cyxkm,ockm->oyx", seen[g * inputs:(g + 1) * inputs],
                      w[g * outputs:(g + 1) * outputs]) for g in range(self.groups)])

    def step(self, x, at_threshold):
        """Spikes of one step."""
        n = self.neuron
        rates = [np.asarray(n[key]).reshape(-1, 1, 1) for key in ("iDecay", "vDecay")]
        drive = self.drive(x)
        if self.recurrent is not None:  # of the step before, whatever the axon does with them
            drive = drive + (self.recurrent @ np.broadcast_to(self.fired, drive.shape).reshape(-1)).reshape(drive.shape)
        self.current = decay(self.current, rates[0]) + drive * 2 ** (6 + n["wgtExp"])
        self.voltage = decay(self.voltage, rates[1]) + self.current
        if self.bias is not None:
            self.voltage = self.voltage + np.asarray(self.bias, np.int64).reshape(-1, 1, 1) * 64
        limit = n["vThMant"] * 64 - (1 if at_threshold else 0)
        fired = self.voltage > limit
        self.voltage = np.where(fired, 0, self.voltage)
        self.fired = fired.astype(np.int64)
        return self.fired


def simulate(layers, frames, at_threshold=False, delay=True, skip_first=False, restart=None):
    """Spikes [step, C, y, x] of each layer for frames [step, C, y, x]; restart: (period, offset)."""
    seen, out = frames, []
    for k, layer in enumerate(layers):
        layer.current = layer.voltage = layer.fired = 0
        spikes = []
        for t, x in enumerate(seen):
            # netx counts steps from 1, and layer k has the offset 1 + k beside the given one
            if restart and (t + 1) % restart[0] == (restart[1] + 1 + (k if delay else 0)) % restart[0]:
                layer.current = layer.voltage = 0
            spikes.append(layer.step(x, at_threshold) if t or not skip_first else 0 * layer.drive(x))
        spikes = np.array(spikes)
        late = np.zeros(spikes.shape[1], int) + (0 if layer.delay is None else layer.delay) + bool(delay)
        spikes = np.stack([np.concatenate([0 * s[:n], s[:len(s) - n]])
                           for s, n in zip(spikes.transpose(1, 0, 2, 3), late)], 1)
        out.append(spikes)
        seen = spikes
    return out


# ---- running

def record(path, rng, channels, height, width, rate):
    """A random recording, some times exactly between two steps; its frames."""
    frames = rng.random((STEPS, channels, height, width)) < rate
    data = b""
    for step in range(STEPS):
        for c, y, x in np.argwhere(frames[step]):
            us = step * 1000 + int(rng.integers(-400, 400)) if step else 3
            if rng.random() < 0.2:  # ties go to the even step
                us = step * 1000 + (500 if step % 2 == 0 else 499)
            on = 1 if channels == 1 else int(c)
            data += bytes([x, y, on << 7 | us >> 16, us >> 8 & 255, us & 255])
    path.write_bytes(data)
    return frames.astype(np.int64)


def compare(folder, source, layers, names, shape, arguments=(), **rules):
    """Import a source, run it, and compare all spikes with the reference's."""
    model, recording = folder / "model.snnq", folder / "in.bs2"
    snnq("import", source, "-o", model, *arguments)
    frames = record(recording, np.random.default_rng(5), *shape, 0.2)
    snnq("run", model, recording, "--device", "sim", "--raster", folder / "spikes")
    rates = []
    for name, want in zip(names, simulate(layers, frames, **rules)):
        got = np.load(folder / "spikes" / f"{name}.npy").transpose(0, 3, 1, 2)
        equal(got.shape, want.shape, f"{name}: shape")
        need(np.array_equal(got, want),
             f"{name}: {int((got != want).sum())} of {want.size} spikes differ")
        rates.append(want[2:].mean())
    need(all(0.02 < r < 0.9 for r in rates), f"the layers hardly do anything: rates {rates}")


# ---- lava-dl

def neuron(threshold, current=1024, voltage=300, exponent=0):
    return {"vThMant": threshold, "iDecay": current, "vDecay": voltage, "wgtExp": exponent}


def lava_layers(rng):
    """Convolutions with groups, padding, dilation and strides that differ by axis; biases of
    both kinds; a pool; dense layers. Weights have common factors and odd ones."""
    return [
        Layer("conv", rng.integers(-6, 10, (4, 1, 3, 2)), neuron(9, 900, 500), padding=(1, 2),
              dilation=(1, 2), groups=2, bias=[3, -2, 0, 1]),
        Layer("pool", np.full((2, 3), 11), neuron(20, 2000, 700), stride=(2, 3), padding=(0, 1)),
        Layer("conv", 4 * rng.integers(-7, 12, (6, 2, 2, 3)), neuron(50, 1500, 600, 1),
              padding=(0, 1), dilation=(2, 1), groups=2, bias=[5]),
        Layer("dense", rng.integers(-7, 9, (8, 18)), neuron(11, 3000, 200, -2)),
        Layer("dense", 2 * rng.integers(-15, 18, (5, 8)), neuron(30, 1100, 250, 2),
              bias=[1, 2, -3, 4, 0]),
    ]


def text(group, name, value):
    group.create_dataset(name, data=np.array([value.encode()], "S10"))


def write_lava(path, layers, shape=(2, 6, 5), change=None):
    """A .net file as lava-dl writes it; change(file) may spoil it."""
    with h5py.File(path, "w") as f:
        f["simulation/Ts"], f["simulation/tSample"] = 1, STEPS
        first = f.create_group("layer/0")
        text(first, "type", "input")
        first["shape"] = np.array(shape)
        group = first
        at = 1
        for layer in layers:
            if layer.kind == "dense" and "outFeatures" not in group:
                text(f.create_group(f"layer/{at}"), "type", "flatten")
                at += 1
            group = f.create_group(f"layer/{at}")
            at += 1
            text(group, "type", layer.kind if layer.recurrent is None else "dense_rec")
            write_lava_layer(group, layer)
        if change:
            change(f)


def write_lava_layer(group, layer):
    weight = layer.weight.astype(np.float32)
    if layer.kind == "dense":
        group["outFeatures"], group["inFeatures"] = weight.shape
        group["shape"] = weight.shape[:1]
    elif layer.kind == "conv":
        weight = weight[..., None]
        group["inChannels"] = weight.shape[1] * layer.groups
        group["outChannels"], group["groups"] = weight.shape[0], layer.groups
    if layer.kind == "pool":
        group["kernelSize"], weight = np.array(weight.shape), weight.reshape(-1)
    if layer.kind != "dense":
        for key in ("stride", "padding", "dilation"):
            group[key] = np.array(getattr(layer, key))
    group["weight"] = weight
    if layer.recurrent is not None:
        group["weight_rec"] = layer.recurrent.astype(np.float32)
    if layer.delay is not None:
        group["delay"] = np.array(layer.delay, np.float32)
    if layer.bias is not None:
        group["bias"] = np.array(layer.bias, np.float32)
    n = group.create_group("neuron")
    n["type"] = "CUBA"
    for key, value in {**layer.neuron, "refDelay": 1, "gradedSpike": False,
                       "theta": layer.neuron["vThMant"] * 64}.items():
        n[key] = value


LAVA_NAMES = ("layer1", "layer2", "layer3", "layer5", "layer6")


def lava_network(folder):
    """A lava-dl network: all spikes of all layers."""
    layers = lava_layers(np.random.default_rng(11))
    write_lava(folder / "a.net", layers)
    compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5))


def lava_rules(folder):
    """A lava-dl network with other rules: fires at the threshold, without delay, empty step 0."""
    layers = lava_layers(np.random.default_rng(12))
    write_lava(folder / "a.net", layers)
    for arguments, rules in ((["--compare-ge"], {"at_threshold": True}),
                             (["--no-delay"], {"delay": False}),
                             (["--skip-first"], {"skip_first": True}),
                             (["--compare-ge", "--no-delay", "--skip-first"],
                              {"at_threshold": True, "delay": False, "skip_first": True})):
        compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5), arguments, **rules)
    outcomes = {simulate(layers, record(folder / "x", np.random.default_rng(5), 2, 6, 5, 0.2),
                         **rules)[-1].tobytes()
                for rules in ({}, {"at_threshold": True}, {"delay": False}, {"skip_first": True})}
    equal(len(outcomes), 4, "rules that give different spikes")


def lava_delays(folder):
    """Delays of axons: one for all channels of a layer, or one for each, of all kinds of layers."""
    layers = lava_layers(np.random.default_rng(14))
    for layer, delay in zip(layers, ([0, 3, 1, 7], [5, 0, 1, 2], 2, None, [0, 1, 2, 3, 30])):
        layer.delay = delay if delay is None or isinstance(delay, int) else np.array(delay)
    write_lava(folder / "a.net", layers)
    compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5))
    compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5), ["--no-delay"], delay=False)


def lava_restarts(folder):
    """Neurons that start over, layer by layer, as netx does it; also those that hear themselves."""
    rng = np.random.default_rng(19)
    for recurrent in (False, True):
        layers = lava_layers(rng)
        if recurrent:
            layers[3].recurrent = rng.integers(-20, 30, (8, 8))
        write_lava(folder / "a.net", layers)
        for options, rules in ((["--restart", 4], {"restart": (4, 0)}), (["--restart", 3, "--restart-offset", 1], {"restart": (3, 1)}),
                               (["--restart", 3, "--restart-offset", 7], {"restart": (3, 1)}),
                               (["--restart", 4, "--restart-offset", 3, "--no-delay"], {"restart": (4, 3), "delay": False})):
            compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5), options, **rules)
    frames = record(folder / "x", np.random.default_rng(5), 2, 6, 5, 0.2)
    equal(len({simulate(layers, frames, restart=r)[-1].tobytes() for r in (None, (4, 0), (4, 1), (3, 0))}), 4,
          "restarts that give different spikes")
    refused("import", folder / "a.net", "-o", folder / "q", "--restart-offset", 1, code=2, says="expected their period, too")
    refused("import", folder / "a.net", "-o", folder / "q", "--restart", 0, code=2, says="1..4294967295")


def lava_decays(folder):
    """Neurons that share no parameters: decays of each channel."""
    rng = np.random.default_rng(17)
    layers = lava_layers(rng)
    for layer, channels in zip(layers, (4, 4, 6, 8, 5)):
        layer.neuron = {**layer.neuron, "iDecay": rng.integers(600, 3000, channels), "vDecay": rng.integers(150, 900, channels)}
    layers[3].neuron["iDecay"] = layers[3].neuron["iDecay"][:1]
    write_lava(folder / "a.net", layers)
    compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5))


def lava_recurrent(folder):
    """Layers that hear their own spikes, behind a map and behind others, whatever axons delay."""
    rng = np.random.default_rng(11)
    layers = lava_layers(rng)
    layers[3].recurrent = 4 * rng.integers(-5, 4, (8, 8))
    layers[4].recurrent = rng.integers(-9, 8, (5, 5)) * 2 + 1
    layers[4].delay = np.array([0, 2, 1, 0, 4])
    write_lava(folder / "a.net", layers)
    compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5))
    compare(folder, folder / "a.net", layers, LAVA_NAMES, (2, 6, 5), ["--compare-ge", "--no-delay", "--skip-first"],
            at_threshold=True, delay=False, skip_first=True)
    flat = [Layer("dense", rng.integers(-9, 12, (7, 12)), neuron(14), recurrent=rng.integers(-9, 3, (7, 7)))]
    write_lava(folder / "a.net", flat, (1, 3, 4), put("layer/2/weight_rec", flat[0].recurrent.reshape(-1)))
    compare(folder, folder / "a.net", flat, ("layer2",), (1, 3, 4))
    for value, says in ((np.ones((7, 6)), "expected 7 x 7 weights, one row for each output, found 42"),
                        (np.ones((1, 49)), "expected 7 x 7 weights"), (np.full((7, 7), 0.5), "layer2.weight_rec: element 0"),
                        (None, "/layer/2/weight_rec: missing")):
        write_lava(folder / "b.net", flat, (1, 3, 4), without("layer/2/weight_rec") if value is None else put("layer/2/weight_rec", value))
        nothing_written(folder, folder / "b.net", says)


def lava_readouts(folder):
    """A last layer that never fires is read as a potential; one without neurons as its sums."""
    rng = np.random.default_rng(19)
    hidden = Layer("dense", rng.integers(-7, 9, (8, 12)), neuron(9))
    for last, change, note in ((neuron(131071, 4096, 100), put("layer/3/neuron/theta", 1600), "theta: is 1600, but vThMant"),
                               (neuron(9), without("layer/3/neuron"), "/layer/3: has no neurons: what it sums is read out")):
        out = Layer("dense", 4 * rng.integers(-15, 18, (5, 8)), last)
        write_lava(folder / "a.net", [hidden, out], (1, 3, 4), change)
        _, told = snnq("import", folder / "a.net", "-o", folder / "a.snnq")
        need(note in told, f"{note!r} is told: {told}")
        frames = record(folder / "in.bs2", np.random.default_rng(5), 1, 3, 4, 0.3)
        got = json.loads(snnq("run", folder / "a.snnq", folder / "in.bs2", "-d", "sim", "--json")[0])
        spikes = simulate([hidden], frames)[0].reshape(STEPS, -1)
        if "neurons" in note:
            want = (out.weight @ spikes.sum(0)).tolist()
        else:
            out.current = out.voltage = 0
            for x in spikes:
                out.step(x.reshape(-1, 1, 1), False)
            want = out.voltage.reshape(-1).tolist()
            need("do not fire: their potential in the last step is read out" in told, f"what is read: {told}")
        scale = read_graph(folder / "a.snnq")["readout"]["scale"]
        equal([score * scale for score in got["scores"]], want, "scores")
        need(len(set(want)) == 5, f"scores differ: {want}")


def read_graph(path):
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    return json.loads(json.loads(data[8:8 + size])["__metadata__"]["snnq"])


def lava_average(folder):
    """Classes that are means of neighbours; of a dense layer and of a map."""
    rng = np.random.default_rng(15)
    for count, layers, flat in ((3, [Layer("dense", rng.integers(-9, 12, (12, 12)), neuron(9))], 12),
                                (2, [Layer("conv", rng.integers(-9, 12, (6, 1, 2, 2)), neuron(9))], 36)):
        def change(f):
            at = f"layer/{len(f['layer'])}"
            if flat == 36:
                text(f.create_group(at), "type", "flatten")
                f[f"{at}/shape"] = np.array([flat, 1, 1])
                at = f"layer/{len(f['layer'])}"
            text(f.create_group(at), "type", "average")
            f[f"{at}/shape"] = np.array([count, 1, 1])

        write_lava(folder / "a.net", layers, (1, 3, 4), change)
        snnq("import", folder / "a.net", "-o", folder / "a.snnq")
        frames = record(folder / "in.bs2", np.random.default_rng(5), 1, 3, 4, 0.3)
        got = json.loads(snnq("run", folder / "a.snnq", folder / "in.bs2", "-d", "sim", "--json")[0])
        want = simulate(layers, frames)[-1].sum(0).reshape(count, -1)
        need(len(set(want.sum(1))) == count and want.sum(1).min() > 0, f"means differ: {want}")
        equal(got["scores"], want.sum(1).tolist(), "sums of neighbours")
        graph = read_graph(folder / "a.snnq")
        near(graph["readout"]["scale"], 1 / want.shape[1], "what a sum is worth")


def lava_sizes(folder):
    """Sizes of one input or flat layer, as lava-dl's versions write them, give one model."""
    layers = [Layer("dense", np.random.default_rng(16).integers(-9, 12, (7, 300)), neuron(14))]
    models = set()
    for shape, own, weight in (((300, 1, 1), (7,), (7, 300)), ((1, 1, 300), (7, 1, 1), (7, 300, 1)),
                               ((300,), (7, 1, 1), (7, 300, 1, 1, 1)), ((1, 1, 300), (7, 1, 1), (2100,))):
        def change(f):
            for key, value in (("shape", np.array(own)),
                               ("weight", layers[0].weight.reshape(weight).astype("f4"))):
                put(f"layer/2/{key}", value)(f)

        write_lava(folder / "a.net", layers, shape, change)
        snnq("import", folder / "a.net", "-o", folder / "a.snnq")
        said = json.loads(snnq("info", folder / "a.snnq", "--json")[0])["layers"]
        models.add((str(said), (folder / "a.snnq").read_bytes()[-1500:]))
    equal(len(models), 1, "models")


def lava_flat(folder):
    """A lava-dl network of flat weights, sized by its options."""
    rng = np.random.default_rng(13)
    layers = [Layer("dense", rng.integers(-9, 12, (7, 12)), neuron(14))]

    def change(f):
        flat = f["layer/2/weight"][...].reshape(-1)
        del f["layer/2/weight"]
        f["layer/2/weight"] = flat
        del f["layer/0"], f["layer/1"]
        f.move("layer/2", "layer/0")

    write_lava(folder / "a.net", layers, change=change)
    compare(folder, folder / "a.net", layers, ("layer0",), (1, 3, 4),
            ["--width", "4", "--height", "3", "--polarities", "1"])


def lava_guesses(folder):
    """The size of an input that the file does not say: what fits is told, and what does not how to say it."""
    rng = np.random.default_rng(20)

    def cut(f):
        for at in ("layer/0", "layer/1"):
            if f[at + "/type"][0] in (b"input", b"flatten"):
                del f[at]
        for at, name in enumerate(sorted(f["layer"])):
            f.move(f"layer/{name}", f"layer/{at}")

    for inputs, fits in ((18, "3 x 3 with 2"), (16, "4 x 4 with 1"), (15, None)):
        layers = [Layer("dense", rng.integers(-9, 12, (7, inputs)), neuron(14))]
        write_lava(folder / "a.net", layers, (1, 1, inputs), cut)
        if fits:
            _, told = snnq("import", folder / "a.net", "-o", folder / "a.snnq")
            need(f"a: does not say the size of its input: {fits} channels fits" in told, f"a guess: {told}")
        else:
            nothing_written(folder, folder / "a.net", "a: layer0.weight: expected inputs of a square map, found 15 inputs: its size")
            snnq("import", folder / "a.net", "-o", folder / "a.snnq", "--width", 5, "--height", 3, "--polarities", 1)
    layers = [Layer("conv", rng.integers(-9, 12, (4, 3, 3, 3)), neuron(14)), Layer("dense", rng.integers(-9, 12, (5, 16)), neuron(14))]
    write_lava(folder / "a.net", layers, (3, 4, 4), lambda f: (f.__delitem__("layer/0"), [f.move(f"layer/{n + 1}", f"layer/{n}")
                                                                                         for n in range(3)]))
    _, told = snnq("import", folder / "a.net", "-o", folder / "a.snnq")
    need("4 x 4 with 3 channels fits" in told, f"channels of a convolution: {told}")


def put(name, value):
    """A change: one data set replaced."""
    def change(f):
        if name in f:
            del f[name]
        f[name] = value
    return change


def without(name):
    def change(f):
        del f[name]
    return change


def huge(name, shape):
    """A data set of that shape which takes no room in the file."""
    def change(f):
        if name in f:
            del f[name]
        f.create_dataset(name, shape=shape, dtype="f4", chunks=tuple(min(n, 64) for n in shape))
    return change


def spoiled(name, index, value):
    def change(f):
        f[name][index] = value
    return change


def group_at(name):
    def change(f):
        del f[name]
        f.create_group(name)
    return change


def attribute(name, key):
    def change(f):
        f[name].attrs[key] = 2
    return change


def linked(name, link):
    def change(f):
        if name in f:
            del f[name]
        f[name] = link
    return change


def many_layers(f):
    for n in range(7, 80):
        f.copy("layer/6", f"layer/{n}")


def averages(shape, more=False):
    def change(f):
        f.copy("layer/4", "layer/7")
        del f["layer/7/type"]
        text(f["layer/7"], "type", "average")
        put("layer/7/shape", np.array(shape))(f)
        if more:
            f.copy("layer/4", "layer/8")
    return change


# What is changed in the file that lava_network() imports; what the error says.
HOSTILE_LAVA = (
    (without("layer/1/type"), ("/layer/1/type", "expected a string")),
    (put("layer/1/type", 7), ("/layer/1/type", "expected a string")),
    (put("layer/1/type", np.array([b"convT"], "S10")), ("/layer/1/type", "convT")),
    (without("layer/1/weight"), ("/layer/1/weight", "missing")),
    (group_at("layer/1/weight"), ("/layer/1/weight", "expected numbers")),
    (put("layer/1/weight", "text"), ("/layer/1/weight", "expected numbers")),
    (put("layer/1/weight", np.zeros((4, 1, 0, 2), "f4")), ("/layer/1/weight", "expected numbers")),
    (put("layer/1/weight", np.zeros((4, 1, 1, 1, 1, 1, 1), "f4")), ("/layer/1/weight", "6 axes")),
    (huge("layer/1/weight", (1 << 14, 1 << 15)), ("/layer/1/weight", "2^28")),
    (huge("layer/1/weight", (1 << 40, 1, 1, 1)), ("/layer/1/weight", "2^28")),
    (huge("layer/1/weight", (1 << 32, 1 << 32)), ("/layer/1/weight", "2^28")),
    (put("layer/1/weight", np.zeros((4, 3), "f4")), ("layer1.weight", "expected 4 axes, found 2")),
    (put("layer/3/weight", np.ones((6, 3, 2, 3), "f4")), ("/layer/3/inChannels", "expected 6")),
    (put("layer/5/weight", np.ones((8, 17), "f4")), ("/layer/5/inFeatures", "expected 17")),
    (put("layer/5/outFeatures", 9), ("/layer/5/outFeatures", "expected 8", "found 9")),
    (spoiled("layer/1/weight", (0, 0, 1, 1, 0), np.nan), ("layer1.weight", "element 3", "nan")),
    (spoiled("layer/5/weight", (1, 2), 0.5), ("layer5.weight", "element 20", "0.5")),
    (spoiled("layer/5/weight", (0, 0), np.inf), ("layer5.weight", "element 0", "inf")),
    (spoiled("layer/5/weight", (0, 0), 3e9), ("layer5.weight", "element 0", "3e+09")),
    (spoiled("layer/5/weight", (0, 0), 4097), ("layer5.weight", "8 bits")),
    (spoiled("layer/2/weight", 2, 12), ("/layer/2/weight", "equal weights")),
    (put("layer/2/weight", np.full(6, -3.0)), ("layer2", "1..32767", "-3")),
    (put("layer/2/kernelSize", np.array([0, 3])), ("/layer/2/weight", "0 x 3", "found 6")),
    (put("layer/2/kernelSize", np.array([2, 2])), ("/layer/2/weight", "2 x 2", "found 6")),
    (put("layer/2/weight", np.full((3, 2, 1), 11.0)), ("/layer/2/weight", "2 x 3", "found 6")),
    (without("layer/2/weight"), ("/layer/2/weight", "missing")),
    (put("layer/2/groups", 2), ("/layer/2/groups", "not known")),
    (put("layer/5/stride", 2), ("/layer/5/stride", "not known")),
    (put("layer/5/weight bias", 2), ("/layer/5/weight bias", "not known")),
    (put("layer/1/inFeatures", 2), ("/layer/1/inFeatures", "not known")),
    (put("layer/0/weight", np.array([36.0])), ("/layer/0/weight", "not known")),
    (put("layer/0/bias", np.array([34.0])), ("/layer/0/bias", "not known")),
    (put("layer/0/neuron/vThMant", 9), ("/layer/0/neuron/type", "expected a string")),
    (put("layer/0/delay", np.zeros(3)), ("/layer/0/delay", "not known")),
    (put("layer/4/delay", np.ones(18)), ("/layer/4/delay", "not known")),
    (put("layer/5/delay", np.ones(7)), ("layer5.delay", "expected one number or 8", "found 7")),
    (put("layer/2/delay", np.ones(2)), ("layer2.delay", "expected one number or 4", "found 2")),
    (put("layer/5/delay", np.full(8, 63)), ("/layer/5/delay", "element 0", "0..62", "found 63")),
    (put("layer/5/delay", np.array([0, -1.0])), ("/layer/5/delay", "element 1", "found -1")),
    (put("layer/5/delay", np.array([0.5])), ("/layer/5/delay", "found 0.5")),
    (put("layer/5/delay", np.array([np.nan])), ("/layer/5/delay", "found nan")),
    (put("layer/5/type", np.array([b"average"], "S10")), ("/layer/5/", "not known")),
    (put("layer/7/type", np.array([b"average"], "S10")), ("/layer/7/shape", "a number of outputs")),
    (averages((2, 1, 1)), ("average", "divide 5 channels", "found 2")),
    (averages((5, 2, 1)), ("/layer/7/shape", "a number of outputs")),
    (averages((5, 1, 1), more=True), ("/layer/8/type", "nothing behind average", "flatten")),
    (put("layer/5/type", np.array([b"recurrent"], "S10")), ("/layer/5/type", "found recurrent")),
    (put("layer/5/weight_rec", np.zeros((8, 8))), ("/layer/5/weight_rec", "not known")),
    (put("layer/4/shape", np.array([17])), ("/layer/5", "expected 17 inputs", "found 18")),
    (put("layer/4/shape", np.array([6, 2, 3])), ("/layer/5", "expected 36 inputs", "found 18")),
    (put("layer/4/shape", np.array([1.5])), ("/layer/4/shape", "integers")),
    (put("layer/1/type", np.array([b"flatten"], "S10")), ("/layer/1/", "not known")),
    (put("layer/4/type", np.array([b"input"], "S10")), ("/layer/4/type", "first layer only")),
    (put("layer/7/type", np.array([b"flatten"], "S10")), ("behind flatten", "found nothing")),
    (put("simulation/nSample", 2), ("/simulation/nSample", "not known")),
    (put("simulation/Ts", 1.5), ("/simulation/Ts", "1..1000")),
    (put("quantization", 2), ("/quantization", "not known")),
    (attribute("/", "version"), ("attribute version",)),
    (attribute("/simulation", "scale"), ("/simulation: ", "attribute scale")),
    (attribute("/simulation/tSample", "scale"), ("/simulation/tSample: ", "attribute scale")),
    (attribute("/layer", "reset"), ("/layer: ", "attribute reset")),
    (attribute("/layer/2", "ceil_mode"), ("/layer/2: ", "attribute ceil_mode")),
    (attribute("/layer/5/weight", "scale"), ("/layer/5/weight: ", "attribute scale")),
    (attribute("/layer/5/neuron", "a" * 99), ("/layer/5/neuron: ", "attribute aaa")),
    (attribute("/layer/5/neuron/vThMant", "x"), ("/layer/5/neuron/vThMant: ", "attribute x")),
    (linked("layer/5/weight", h5py.SoftLink("/layer/6/weight")), ("/layer/5/weight", "link")),
    (linked("layer/5/bias", h5py.ExternalLink("other.net", "/x")), ("/layer/5/bias", "link")),
    (put("layer/3/kernelSize", np.array([3, 2])), ("/layer/3/kernelSize", "expected 2, 3")),
    (put("layer/1/groups", 0), ("/layer/1/groups", "1..65536")),
    (put("layer/1/groups", 3), ("/layer/1/inChannels", "expected 3")),
    (put("layer/1/stride", 0), ("layer1", "window")),
    (put("layer/1/padding", 300), ("/layer/1/padding", "0..255")),
    (put("layer/1/padding", np.nan), ("/layer/1/padding", "0..255")),
    (put("layer/1/dilation", 255), ("layer1", "window", "5 x 6")),
    (put("layer/1/dilation", np.array([1, 1, 1])), ("/layer/1/dilation", "one or two")),
    (put("layer/1/bias", np.ones((2, 2))), ("layer1.bias", "one axis")),
    (put("layer/1/bias", np.ones(3)), ("layer1.bias", "expected 4", "found 3")),
    (spoiled("layer/1/bias", 2, 0.25), ("layer1.bias[2]", "0.25")),
    (spoiled("layer/1/bias", 2, np.nan), ("layer1.bias[2]", "nan")),
    (put("layer/2/bias", np.ones(1)), ("layer2.bias",)),
    (put("layer/1/shape", np.array([4, 6, 8])), ("layer1.shape", "4 x 6 x 7", "4 x 6 x 8")),
    (put("layer/5/shape", np.array([99])), ("layer5.shape", "8 x 1 x 1", "99")),
    (put("layer/5/shape", np.array([8, 1])), ("/layer/5/shape", "one or three")),
    (put("layer/0/shape", np.array([2, 6])), ("/layer/0/shape", "three")),
    (put("layer/0/shape", np.array([2, 6.5, 5])), ("/layer/0/shape", "integers")),
    (put("layer/0/shape", np.array([300, 6, 5])), ("polarities", "300")),
    (put("layer/0/shape", np.array([2, 5, 5])), ("layer3", "window", "3 x 2")),
    (put("layer/0/shape", np.array([2, 8, 5])), ("layer5.weight", "inputs (6 channels", "18")),
    (put("layer/5/delay", np.full(8, np.nan)), ("/layer/5/delay", "nan")),
    (put("layer/5/mask", np.ones(8)), ("/layer/5/mask", "not known")),
    (put("layer/5/" + "w" * 100, 1), ("/layer/5/www", "not known")),
    (put("layer/5/neuron/dVTh", 5), ("/layer/5/neuron/dVTh", "not known")),
    (put("layer/5/neuron/type", "ALIF"), ("/layer/5/neuron/type", "LOIHI or CUBA, found ALIF")),
    (without("layer/5/neuron/type"), ("/layer/5/neuron/type", "expected a string")),
    (put("layer/5/neuron/vDecay", np.full(7, 9)), ("layer5.vDecay", "expected one number or 8", "found 7")),
    (put("layer/5/neuron/iDecay", np.array([9] * 7 + [4097])), ("/layer/5/neuron/iDecay", "element 7", "found 4097")),
    (put("layer/5/neuron/theta", 6.5), ("/layer/5/neuron/theta", "expected an integer")),
    (without("layer/5/neuron"), ("layer5: expected neurons, but in a last layer",)),
    (without("layer/1/neuron"), ("/layer/1/neuron/type", "expected a string")),
    (without("layer/5/neuron/vDecay"), ("/layer/5/neuron/vDecay", "nothing")),
    (put("layer/5/neuron/vDecay", 4097), ("/layer/5/neuron/vDecay", "0..4096")),
    (put("layer/5/neuron/iDecay", 0.5), ("/layer/5/neuron/iDecay", "0..4096")),
    (put("layer/5/neuron/iDecay", np.nan), ("/layer/5/neuron/iDecay", "0..4096")),
    (put("layer/5/neuron/vThMant", 0), ("/layer/5/neuron/vThMant", "1..131071")),
    (put("layer/5/neuron/vThMant", np.array([9, 9])), ("/layer/5/neuron/vThMant", "1..131071")),
    (put("layer/5/neuron/wgtExp", 8), ("/layer/5/neuron/wgtExp", "-6..7")),
    (put("layer/5/neuron/refDelay", 2), ("/layer/5/neuron/refDelay", "1..1")),
    (put("layer/5/neuron/gradedSpike", 1), ("/layer/5/neuron/gradedSpike", "0..0")),
    (without("layer/3"), ("/layer/3", "missing")),
    (put("layer/x/type", "dense"), ("/layer/7", "missing")),
    (without("layer"), ("/layer/0",)),
    (many_layers, ("more than 64",)),
    (put("simulation/tSample", 65537), ("/simulation/tSample", "1..65536")),
    (put("simulation/Ts", 0.5), ("/simulation/Ts", "1..1000")),
    (without("simulation/tSample"), ("steps", "found 0")),
)


def nothing_written(folder, source, says):
    """Importing the source is refused and leaves the folder as it was."""
    before = sorted(os.listdir(folder))
    error = refused("import", source, "-o", folder / "out.snnq", says=says)
    equal(sorted(os.listdir(folder)), before, f"files after {error.strip()}")


def hostile_lava(folder):
    """Damaged and contradictory .net files are refused, with the place."""
    for change, says in HOSTILE_LAVA:
        write_lava(folder / "bad.net", lava_layers(np.random.default_rng(11)), change=change)
        nothing_written(folder, folder / "bad.net", ("bad", *says))


def cut_lava(folder):
    """A .net file that was cut anywhere is refused."""
    write_lava(folder / "a.net", lava_layers(np.random.default_rng(11)))
    whole = (folder / "a.net").read_bytes()
    for size in (*range(0, 200, 7), *range(200, len(whole), len(whole) // 40)):
        (folder / "cut.net").write_bytes(whole[:size])
        nothing_written(folder, folder / "cut.net", "cut.net: offset 0: expected an HDF5 file")


if __name__ == "__main__":
    sys.exit(main(lava_network, lava_rules, lava_delays, lava_restarts, lava_decays, lava_recurrent, lava_readouts, lava_guesses, lava_average,
                  lava_sizes, lava_flat, hostile_lava, cut_lava))
