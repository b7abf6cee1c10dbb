#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Float models with currents between layers, views, loops and all neurons: where all numbers are
integers, outputs and scores equal those of the same integer model, which the engine runs, and of what
the quantizer makes of them; and what has no meaning in a float model, or none that the quantizer
knows, is refused by name."""
import json
import re
import sys

import numpy as np

from common import ROOT, equal, main, near, need, recording, refused, snnq

sys.path.insert(0, str(ROOT / "tools" / "train"))
import snnqfile  # noqa: E402  pylint: disable=wrong-import-position

STEPS, SIZE = 12, (4, 6)
MEMORY = {"kind": "none"}


def lif(threshold, **more):
    return {"model": "lif", "leak": MEMORY, "compare": "ge", "reset": "hard", "threshold": threshold, **more}


def layer(name, op, inputs, **keys):
    return {"name": name, "op": op, "inputs": inputs.split() if isinstance(inputs, str) else inputs, **keys}


class Net:
    """A model under construction: its layers, weights as integers and tables."""

    def __init__(self, seed):
        self.rng, self.layers, self.weights, self.tables = np.random.default_rng(seed), [], {}, {}
        self.levels, self.fed = range(-3, 5), ()

    def add(self, name, op, inputs, **keys):
        self.layers.append(layer(name, op, inputs, **keys))
        return self

    def weighted(self, name, inputs, channels, out, kernel=None, neuron=None, **keys):
        shape = (out, channels, *(kernel or ()))
        self.weights[name] = self.rng.choice(self.levels, shape)
        window = {"kernel": list(kernel), "padding": [k // 2 for k in kernel]} if kernel else {}
        return self.add(name, "conv2d" if kernel else "linear", inputs, out_channels=out, **window,
                        neuron=neuron or {"model": "none"}, **keys)

    def table(self, name, values, real):
        self.tables[name] = (np.asarray(values), real)
        return name

    def write(self, path, integer, readout):
        graph = {"format": "snnq", "version": 1, "arithmetic": "integer" if integer else "float", "name": "n",
                 "input": {"width": SIZE[1], "height": SIZE[0], "polarities": 2, "on_channel": 1, "layout": "hwc",
                           "planes": 2, "binning": "duration", "steps": STEPS, "step_us": 1000,
                           "rounding": "floor", "origin": "zero"},
                 "layers": json.loads(json.dumps(self.layers)), "readout": {"input": readout, "mode": "sum", "scale": 1}}
        tensors = {}
        for entry in graph["layers"]:
            if integer and entry.get("neuron", {}).get("output") in ("potential", "graded"):
                entry.update(planes=12, signed=True)  # sums of them must have a bound
            if integer and entry["name"] in self.fed:
                entry.update(planes=14, signed=True)  # weights read bit-planes
            w = self.weights.get(entry["name"])
            if w is None:
                continue
            entry["weight"] = {"tensor": f"{entry['name']}.w", "scheme": "uniform" if integer else "float"}
            if integer:
                entry["weight"]["bits"] = 8
                full = w.reshape(*w.shape[:2], *(w.shape[2:] or (1, 1)))
                tensors[f"{entry['name']}.w"] = snnqfile.pack(full, "uniform", 8, entry.get("groups", 1))
            else:
                tensors[f"{entry['name']}.w"] = w.astype(np.float32)
        for name, (values, real) in self.tables.items():
            tensors[name] = values.astype(np.int32 if integer or not real else np.float32)
        snnqfile.write(path, graph, tensors)

    def events(self, folder):
        """A recording by chance."""
        rows = []
        for _ in range(260):
            rows.append((int(self.rng.integers(SIZE[1])), int(self.rng.integers(SIZE[0])),
                         int(self.rng.integers(2)), int(self.rng.integers(STEPS * 1000))))
        return recording(folder / "in.bs3", sorted(rows, key=lambda r: r[3]))

    def quantize(self, folder, readout, most=0):
        """Scores with 8 bits are those of the float model: rounded, exactly or nearly, and compensated; returns them."""
        self.write(folder / "m.snnq", False, readout)
        events, outs = self.events(folder), {}
        (folder / "list.tsv").write_text("in.bs3\t0\n")
        for name, more in (("m", None), ("r", ["--method", "round"]), ("c", ["--calib", folder / "list.tsv"])):
            model = folder / f"{name}.snnq"
            if more:
                snnq("quantize", folder / "m.snnq", "-o", model, "--default", "uniform:8", *more)
            scale = snnqfile.read(model)[0]["readout"]["scale"] if more else 1
            out = json.loads(snnq("run", model, events, "-d", "sim", "--json")[0])
            outs[name] = [v * scale for v in out["scores"]]
        need(any(outs["m"]), "scores that are not all zero")
        error = max(abs(a - b) for a, b in zip(outs["r"], outs["m"]))
        need(error <= most * max(map(abs, outs["m"])), f"scores of {readout}: expected {outs['m']}, found {outs['r']}")
        error = max(abs(a - b) for a, b in zip(outs["c"], outs["m"]))
        need(error <= max(most, 1e-4) * max(map(abs, outs["m"])), f"scores of {readout}: compensated, they differ by {error}")
        return outs["m"]

    def compare(self, folder, readout):
        """All outputs in bit-planes, and the scores, of both models; returns how much there is."""
        events = self.events(folder)
        got = {}
        for kind in (True, False):
            self.write(folder / "m.snnq", kind, readout)
            out = json.loads(snnq("run", folder / "m.snnq", events, "-d", "sim", "--json", "--raster",
                                  folder / f"r{kind}")[0])
            got[kind] = out["scores"]
        equal(got[False], [float(s) for s in got[True]], f"scores of {readout}")
        need(any(got[True]), "scores that are not all zero")
        count = 0
        for entry in self.layers:
            path = folder / "rFalse" / f"{entry['name']}.npy"
            if not path.exists():
                continue
            a, b = np.load(path), np.load(folder / "rTrue" / f"{entry['name']}.npy")
            equal(a.tolist(), b.tolist(), f"output of {entry['name']}")
            need(a.any(), f"{entry['name']} puts something out")
            count += 1
        return count


def streams(folder):
    """Currents are added, multiplied, pooled, reduced, moved and read out."""
    net = Net(1)
    net.weighted("a", "input", 2, 6, (3, 3)).weighted("b", "input", 2, 6, (1, 1))
    net.add("sum", "add", "a b").add("spikes", "maxpool", "sum", kernel=[1, 1], neuron=lif(9))
    net.weighted("c", "spikes", 6, 6).add("more", "add", "sum c", neuron=lif(14, reset="soft"))
    net.add("seen", "add", "sum c").add("gain", "multiply", "seen spikes")
    net.add("pooled", "maxpool", "gain", kernel=[3, 2], stride=[1, 2], padding=[1, 0])
    net.add("fires", "maxpool", "pooled", kernel=[1, 1], neuron=lif(11))
    net.add("wide", "concat", "seen sum", axis="channels").add("tall", "concat", "seen c", axis="height")
    net.add("turned", "copy", "wide", axes="wch").add("back", "copy", "turned", axes="cwh")
    net.add("up", "upsample", "tall", factor=[1, 2])
    net.add("best", "reduce", "up", mode="max", axes=["width"])
    net.add("all", "reduce", "best", mode="sum", axes=["height", "channels"], groups=3, neuron=lif(40))
    net.add("total", "reduce", "wide", mode="sum", axes=["height", "width"])
    net.add("one", "add", "seen spikes").add("mixed", "concat", "one spikes", axis="width")
    need(net.compare(folder, "total") >= 4, "layers compared")
    for name in ("back", "mixed", "tall"):
        net.compare(folder, name)
    net.compare(folder, "all")


def weights(folder):
    """Weights and products read currents."""
    net = Net(10)
    net.weighted("a", "input", 2, 6, (3, 3)).weighted("s", "input", 2, 6, (3, 3), lif(7)).add("own", "copy", "a")
    net.fed = ("own", "each")
    net.weighted("w", "own", 6, 5, (3, 3), lif(40)).weighted("deep", "own", 6, 6)
    net.weighted("each", "own", 1, 6, (3, 3), groups=6).weighted("last", "each", 6, 3)
    net.add("map", "matmul", "a s", heads=2, transpose=[False, True], neuron=lif(9))
    net.add("rows", "matmul", "s a", heads=3, transpose=[True, False], size=[2, 1], neuron=lif(9))
    net.add("seen", "matmul", "a s", heads=1, transpose=[True, False], neuron={"model": "none"})
    need(net.compare(folder, "last") == 4, "layers compared")
    for name in ("deep", "seen"):
        net.compare(folder, name)


def quantized(folder):
    """Quantized, what is exact stays so: sums, pools, moves, counts and products of currents."""
    net = Net(11)
    net.levels = (-4, -2, -1, 0, 1, 2, 4)
    net.weighted("a", "input", 2, 6, (3, 3)).weighted("b", "input", 2, 6, (1, 1))
    # No sum meets a threshold: a scale of 15 bits must not decide.
    net.table("bias", [3, -2, 0, 1, 5, -4], True)
    net.add("sum", "add", "a b", bias="bias").add("spikes", "maxpool", "sum", kernel=[1, 1], neuron=lif(8.5))
    net.weighted("c", "spikes", 6, 6).add("more", "add", "sum c", neuron=lif(13.5, reset="soft"))
    net.add("seen", "add", "sum c").add("pooled", "maxpool", "seen", kernel=[3, 2], stride=[1, 2], padding=[1, 0])
    net.add("fires", "maxpool", "pooled", kernel=[1, 1], neuron=lif(3.5, levels=3, output="counts", reset="soft"))
    net.add("wide", "concat", "seen sum", axis="channels").add("turned", "copy", "wide", axes="wch")
    net.add("up", "upsample", "turned", factor=[1, 2]).add("best", "reduce", "up", mode="max", axes=["width"])
    net.add("all", "reduce", "best", mode="sum", axes=["height"], neuron=lif(39.5))
    net.add("total", "reduce", "wide", mode="sum", axes=["height", "width"])
    net.add("one", "add", "seen spikes").add("mixed", "concat", "one spikes", axis="width")
    net.add("number", "reduce", "spikes", mode="sum", axes=["height", "width"]).add("plus", "add", "seen number")
    net.add("thrice", "sumpool", "spikes", kernel=[2, 2], value=3).add("tripled", "maxpool", "thrice", kernel=[1, 1],
                                                                    neuron=lif(6.5))
    net.add("map", "matmul", "a spikes", heads=2, transpose=[False, True], neuron=lif(8.5))
    net.add("stream", "copy", "seen").weighted("scores", "stream", 6, 3)
    for name in ("total", "mixed", "plus", "tripled", "all", "map", "fires", "more", "scores", "seen", "up"):
        net.quantize(folder, name)
    scores = []
    for factor in (0, 1):
        other = Net(12)
        other.levels = (-4, -2, -1, 0, 1, 2, 4)
        other.weighted("a", "input", 2, 6, (3, 3)).weighted("b", "input", 2, 6, (1, 1))
        other.table("bias", [factor * b for b in (3, -2, 0, 1, 5, -4)], True)
        scores.append(other.add("sum", "add", "a b", bias="bias").quantize(folder, "sum"))
    need(scores[0] != scores[1], "scores that tell of a bias")
    net, loop = Net(12), {"number": 1}
    net.levels = (-4, -2, -1, 0, 1, 2, 4)
    last = {"layer": "back", "previous": True, "shape": [4, 6, 5], "planes": 1}
    net.weighted("in", "input", 2, 5, (3, 3)).weighted("far", [last], 5, 5, loop=loop)
    net.add("spikes", "add", "in far", neuron=lif(5.5), loop=loop)
    net.weighted("back", "spikes", 5, 5, neuron=lif(2.5, reset="soft"), loop=loop).weighted("head", "back", 5, 3)
    net.quantize(folder, "head")


def thresholds(folder):
    """Thresholds behind products stay what they are, however fine the currents are, or are refused; biases too."""
    quantize = ("quantize", folder / "m.snnq", "-o", folder / "q.snnq", "--method", "round", "--default", "uniform:8")

    def write(threshold):
        net = Net(15)
        net.weighted("s", "input", 2, 1, (1, 1), lif(1)).weighted("a", "s", 1, 1)
        net.weights.update(s=np.ones((1, 2, 1, 1)), a=np.full((1, 1), 0.1))
        net.add("map", "matmul", "a s", heads=1, transpose=[True, False], neuron=lif(threshold))
        net.add("number", "reduce", "map", mode="sum", axes=["height"], planes=1)
        net.write(folder / "m.snnq", False, "number")

    events = recording(folder / "in.bs3", [(x, y, 1, 1000 * t) for t in range(STEPS) for y in range(SIZE[0])
                                           for x in range(SIZE[1]) if 5 * y + x <= 2 * t])
    for threshold in (0.3, 1.3, 5.3):
        write(threshold)
        snnq(*quantize)
        scores = [json.loads(snnq("run", folder / f"{m}.snnq", events, "-d", "sim", "--json")[0])["scores"] for m in "mq"]
        equal(scores[1], scores[0], f"spikes of threshold {threshold}")
        need(0 < scores[0][0] < STEPS, f"spikes of threshold {threshold}: {scores[0]}")
    net = Net(13)
    net.weighted("s", "input", 2, 6, (3, 3), lif(7)).table("b", [0, 2.0 ** 45, 0, 0, 0, 0], True)
    net.add("p", "reduce", "s", mode="sum", axes=["height"], bias="b").write(folder / "m.snnq", False, "p")
    says = snnq(*quantize, code=4)[1]
    need("layer p: channel 1: bias 3.51844e+13: expected at most 2^31 steps of 1" in says, says)
    write(1e30)
    says = snnq(*quantize, code=1)[1]
    need("layer map: channel 0: threshold 1e+30: expected at most 2^30 accumulator steps" in says, says)


def magnitudes(folder):
    """How large currents and weights are changes nothing but the scores, and those as much."""
    def scores(*factors):
        net = Net(16)
        net.weighted("s", "input", 2, 6, (3, 3), lif(3)).weighted("a", "s", 6, 6).weighted("b", "a", 6, 6, (3, 3))
        net.weighted("head", "b", 6, 3)
        for name, factor in zip("a b head".split(), factors):
            net.weights[name] = np.random.default_rng(3).uniform(-1, 1, net.weights[name].shape) * factor
        net.write(folder / "m.snnq", False, "head")
        net.events(folder)
        (folder / "list.tsv").write_text("in.bs3\t0\n")
        snnq("quantize", folder / "m.snnq", "-o", folder / "q.snnq", "--default", "uniform:8", "--calib", folder / "list.tsv")
        scale = snnqfile.read(folder / "q.snnq")[0]["readout"]["scale"]
        m, q = (json.loads(snnq("run", folder / f"{name}.snnq", folder / "in.bs3", "-d", "sim", "--json")[0])["scores"]
                for name in "mq")
        return np.array(m) / np.prod(factors), np.array(q) * scale / np.prod(factors)

    want, base = scores(1, 1, 1)
    need(np.abs(base - want).max() < 0.01 * np.abs(want).max(), f"scores of 8 bits are {base}, of float {want}")
    for factors in ((2.0 ** -20, 1, 1), (1, 2.0 ** -20, 1), (1, 1, 2.0 ** -30), (2.0 ** 15, 2.0 ** 10, 2.0 ** 10)):
        equal(scores(*factors)[1].tolist(), base.tolist(), f"scores with factors {factors}")


def small(folder):
    """Layers of small weights, or of nothing but zeros, are quantized as others."""
    def case(factor, zeros, large, readout):
        net = Net(22)
        net.levels = (-4, -2, -1, 1, 2, 4)
        net.weighted("a", "input", 2, 6, (3, 3)).weighted("b", "input", 2, 6).weighted("z", "input", 2, 6, (1, 1))
        net.weighted("w", "z", 6, 6).add("far", "add", "b w").add("near", "add", "a far")
        net.add("fires", "maxpool", "near", kernel=[1, 1], neuron=lif(8.5 * factor * large))
        net.weights.update(a=net.weights["a"] * factor * large, b=net.weights["b"] * factor * large)
        for name in zeros:
            net.weights[name] = net.weights[name] * 0
        net.weights["w"] = net.weights["w"] * factor
        return net.quantize(folder, readout)

    want = case(1, "z", 1, "fires")
    for factor, zeros, large in ((2.0 ** -40, "z", 1), (1, "zb", 1), (1, "zw", 2.0 ** 30), (1, "zb", 2.0 ** 30)):
        got = case(factor, zeros, large, "fires")
        need(len(zeros) > 1 or got == want, f"scores {got} with factor {factor}, expected {want}")


def searches(folder):
    """Searches know layers of zeros, and what means cost; counts that leave 32 bits are refused."""
    def search(net):
        net.write(folder / "m.snnq", False, "head")
        net.events(folder)
        (folder / "list.tsv").write_text("in.bs3\t0\n")
        snnq("quantize", folder / "m.snnq", "-o", folder / "q.snnq", "--calib", folder / "list.tsv", "--target-bits", "8",
             "--schemes", "uniform,odd", "--report", folder / "r.html")
        text = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', (folder / "r.html").read_text(), re.S)
        return json.loads(text.group(1))

    net = Net(17)
    net.weighted("a", "input", 2, 6, (3, 3)).weighted("b", "input", 2, 6).add("c", "add", "a b", neuron=lif(3))
    net.weights["b"] = np.zeros((6, 2))
    search(net.weighted("head", "c", 6, 3))
    for output in ("spikes", "counts"):
        net = Net(18)
        net.table("low", [-1.5e9] * 6, True)
        net.weighted("c", "input", 2, 6, neuron=lif(100, levels=3, output=output, reset="soft"), bias="low")
        net.weights["c"] = np.full((6, 2), 127)
        net.weighted("head", "c", 6, 3).write(folder / "m.snnq", False, "head")
        says = snnq("quantize", folder / "m.snnq", "-o", folder / "q.snnq", "--default", "uniform:8", "--calib",
                    folder / "list.tsv", code=1)[1]
        need("layer c: sums leave 32 bits in a recording" in says, says)
    net = Net(14)
    net.add("mean", "avgpool", "input", kernel=[2, 2]).weighted("c", "mean", 2, 4, neuron=lif(2))
    found = search(net.weighted("head", "c", 4, 3))
    near(found["front"][found["chosen"]]["energy_uj"], found["result"]["energy"]["result"]["total"], "energy", 1e-6)


def declared(folder):
    """Calibrated, a network has the planes that layers declare, and means those that they need."""
    def case(op, inputs, planes, **keys):
        net = Net(14)
        net.weighted("s", "input", 2, 6, (3, 3), lif(7)).add("mean", "avgpool", "input", kernel=[3, 3])
        net.add("twice", "avgpool", "mean", kernel=[2, 2]).add("most", "maxpool", "mean", kernel=[2, 2])
        net.add("p", op, inputs, **keys, **({"planes": planes} if planes else {}))
        net.weighted("q", "p", 6 if '"s"' in json.dumps(inputs) else 2, 4, neuron=lif(2)).weighted("head", "q", 4, 3)
        net.write(folder / "m.snnq", False, "head")
        net.events(folder)
        (folder / "list.tsv").write_text("in.bs3\t0\n")
        snnq("quantize", folder / "m.snnq", "-o", folder / "q.snnq", "--default", "uniform:8", "--calib", folder / "list.tsv")
        made = {entry["name"]: entry for entry in snnqfile.read(folder / "q.snnq")[0]["layers"]}
        equal([made[name].get("planes") for name in ("mean", "twice", "p")], [5, 7, planes], f"planes of {op}")

    for planes in (1, 3, 16):
        case("sumpool", "input", planes, kernel=[2, 2])
        case("sumpool", "mean", planes, kernel=[1, 1])
        case("add", "mean mean", planes)
        case("copy", "mean", planes)
        case("concat", "mean mean", planes, axis="width")
        case("reduce", "mean", planes, mode="sum", axes=["width"])
        case("copy", [{"layer": "s", "first": [0, 0, 0], "size": [2, 3, 6]}], planes)
    case("maxpool", "mean", None, kernel=[2, 2])
    case("upsample", "most", None, factor=[2, 1])
    case("reduce", "mean", None, mode="max", axes=["height"])
    case("maxpool", [{"layer": "mean", "shape": [1, 8, 2]}], None, kernel=[1, 2])


def chain(net, count, weight):
    """Layers w0, w1 ... without neurons, each of which reads the one before, with like weights."""
    for i in range(count):
        net.weighted(f"w{i}", f"w{i - 1}" if i else "s", 6, 6)
        net.weights[f"w{i}"] = np.full((6, 6), weight)
    return net


def wide(net, factor):
    """Currents that are so much larger than those of layer a, and have one step with them."""
    net.weighted("large", "input", 2, 6, (1, 1))
    net.weights["large"] = net.weights["large"] * factor
    return net.add("far", "add", "a large")


def steps(folder):
    """Copies for weights fit their readers whatever step they copy; products of means fit 32 bits."""
    net = Net(20)
    wide(net.weighted("a", "input", 2, 6, (3, 3)), 2.0 ** 14).add("own", "copy", "a")
    net.weighted("w", "own", 6, 6).add("two", "add", "w a")
    scores = net.quantize(folder, "two", 1e-3)
    need(max(map(abs, scores)) > 100, f"scores {scores}")
    net = Net(21)
    net.weighted("a", "input", 2, 6, (3, 3)).add("mean", "avgpool", "input", kernel=[3, 5], padding=[1, 2])
    net.levels = (-4, -2, -1, 0, 1, 2, 4)
    net.weights["a"] = net.rng.choice(net.levels, (6, 2, 3, 3))
    net.add("map", "matmul", "a mean", heads=1, transpose=[True, False], neuron=lif(3.3)).quantize(folder, "map")


def unknown(folder):
    """What the quantizer does not know it refuses by name."""
    def case(says, build):
        net = Net(13)
        net.weighted("a", "input", 2, 6, (3, 3)).weighted("s", "input", 2, 6, (3, 3), lif(7))
        readout = build(net)
        net.write(folder / "m.snnq", False, readout)
        refused("quantize", folder / "m.snnq", "-o", folder / "q.snnq", "--method", "round", "--default",
                "uniform:8", says=("m.snnq", says))

    def put(says, name, op, inputs, **keys):
        case(says, lambda net: (net.add(name, op, inputs, **keys), name)[1])

    own = {"layer": "w", "previous": True, "shape": [4, 6, 6], "planes": 1}
    case("layer w (linear): expected no loops of more rounds than one", lambda net: (net.weighted(
        "w", [own], 6, 6, neuron=lif(3), loop={"number": 1, "rounds": 2}), "w")[1])
    case("layer w (linear): expected no views before weights", lambda net: (net.weighted(
        "w", [{"layer": "s", "shape": [1, 1, 144]}], 144, 2), "w")[1])
    put("layer p (add): expected no output of potentials", "p", "add", "a s", neuron=lif(2, output="graded"))
    put("layer p (add): expected no level_thresholds, low, delayed_reset or restart", "p", "add", "a s",
        neuron=lif(2, low=-3))
    case("layer p (add): expected no parameters by channel", lambda net: (net.add(
        "p", "add", "a s", neuron=lif(2, leak={"kind": "q16", "lambda": net.table("t", [0] * 6, False)})), "p")[1])
    put("layer p (multiply): expected no elementwise product or attention of currents", "p", "multiply", "a s")
    put("layer p (matmul): expected a product of currents with spikes, and neurons behind", "p", "matmul", "a s",
        heads=1, transpose=[True, False], neuron={"model": "none"})
    put("layer p (matmul): expected a product of currents with spikes", "p", "matmul", "a a",
        heads=1, transpose=[True, False], neuron=lif(3))
    put("layer p (add): expected a real output of real inputs, found bit-planes", "p", "add", "a s", planes=4)
    put("layer p (maxpool): expected no mult and no requant_shift in a float model", "p", "maxpool", "a",
        kernel=[1, 1], neuron={"model": "none", "mult": 3})
    put("threshold: expected a positive number, found 0", "p", "add", "a s", neuron=lif(0))
    for value in (np.nan, np.inf):
        case(f"channel 1: bias: expected a finite number, found {value}", lambda net, value=value: (net.add(
            "p", "add", "a s", bias=net.table("b", [0, value, 0, 0, 0, 0], True)), "p")[1])
    case("layer w7 (linear): expected sums of finite currents", lambda net: (chain(net, 9, 3e38), "w8")[1])
    coarse = "expected currents that 32 bits hold in steps of 1/16 of the threshold"
    put(f"layer p (maxpool): {coarse}", "p", "maxpool", "a", kernel=[1, 1], neuron=lif(1e-6))
    put(f"layer p (matmul): {coarse}", "p", "matmul", "a s", heads=1, transpose=[True, False], neuron=lif(1e-6))
    case(f"layer p (maxpool): {coarse} 0.01", lambda net: (wide(net, 2.0 ** 24).add("own", "copy", "a").add(
        "p", "maxpool", "own", kernel=[1, 1], neuron=lif(0.01)), "p")[1])


def views(folder):
    """Boxes and other shapes of spikes and of currents."""
    net = Net(2)
    net.weighted("a", "input", 2, 6, (3, 3)).weighted("s", "input", 2, 6, (3, 3), lif(7))
    box = {"first": [1, 2, 1], "size": [2, 3, 4]}
    net.add("cut", "add", [{"layer": "a", **box}, {"layer": "s", **box}], neuron=lif(5))
    net.weighted("long", [{"layer": "s", "shape": [1, 1, 144]}], 144, 5)
    net.add("other", "maxpool", [{"layer": "a", "shape": [6, 4, 6]}], kernel=[2, 2], neuron=lif(9))
    net.add("plain", "maxpool", [{"layer": "s", "shape": [8, 3, 6]}], kernel=[2, 1])
    need(net.compare(folder, "long") == 4, "layers compared")
    net.compare(folder, "other")


def loops(folder):
    """Recurrence: spikes of the step before, of a layer itself and of a later one; rounds."""
    for rounds in (1, 3):
        net = Net(3)
        loop = {"number": 1, "rounds": rounds}
        last = {"layer": "back", "previous": True, "shape": [4, 6, 5], "planes": 1}
        own = {"layer": "spikes", "previous": True, "shape": [4, 6, 5], "planes": 1}
        net.weighted("in", "input", 2, 5, (3, 3))
        net.weighted("rec", [own], 5, 5, loop=loop).weighted("far", [last], 5, 5, loop=loop)
        net.add("two", "add", "rec far", loop=loop)
        net.add("spikes", "add", "in two", neuron=lif(6, refractory=1), loop=loop)
        delay = {} if rounds > 1 else {"delay": 2}
        net.weighted("back", "spikes", 5, 5, neuron=lif(3, reset="soft", skip_first=True, **delay), loop=loop)
        net.weighted("head", "back", 5, 3)
        need(net.compare(folder, "head") == 2, "layers compared")
    net = Net(4)
    net.weighted("in", [{"layer": "in", "previous": True, "shape": [4, 6, 2], "planes": 1}], 2, 2,
                 neuron=lif(1, reset="none"), loop={"number": 1})
    net.layers[0]["neuron"]["threshold"] = 1
    net.weights["in"] = np.array([[1, 0], [0, 1]])
    net.layers.insert(0, layer("x", "maxpool", "input", kernel=[1, 1]))
    net.add("or", "add", "x in", planes=3)
    net.write(folder / "quiet.snnq", False, "or")
    recording(folder / "q.bs3", [(1, 1, 0, 5), (2, 1, 1, 5000)])
    out = json.loads(snnq("run", folder / "quiet.snnq", folder / "q.bs3", "-d", "sim", "--json")[0])
    equal(out["scores"], [1.0, 1.0], "nothing comes of nothing")


def neurons(folder):
    """Levels, counts, potentials, clamps, resets of all kinds, parameters by channel."""
    kinds = [
        lif(5, levels=4, output="counts"),
        lif(5, levels=4, output="counts", reset="soft"),
        lif(4, levels=7, output="counts", reset="soft", compare="gt", half_levels=True),
        lif(4, levels=7, output="counts", tie="even", reset="soft"),
        lif(4, levels=6, output="counts", tie="even", half_levels=True, reset="soft", delayed_reset=True),
        lif(6, reset="soft", delayed_reset=True, delay=1),
        lif(6, reset="soft", low=-3),
        lif(9, restart={"period": 5, "offset": 2}),
        lif(9, levels=3, reset="soft", delayed_reset=True, refractory=2, output="counts"),
        lif(8, reset_value=-4),
        lif(8, refractory=2, reset_value=3, delay=2),
        {**lif(8), "model": "cuba", "current_leak": {"kind": "tz12", "decay": 4096}, "old_current": True},
        lif(3, leak={"kind": "tz12", "decay": 4096}),
    ]
    for neuron in kinds:
        net = Net(5)
        net.weighted("n", "input", 2, 7, (3, 3), neuron).weighted("head", "n", 7, 3)
        need(net.compare(folder, "head") == 1, "layers compared")
    net = Net(6)
    tables = {"leak": {"kind": "tz12", "decay": net.table("d", [0, 4096] * 3, False)},
              "delay": net.table("late", [0, 3, 1, 0, 5, 2], False),
              "reset_value": net.table("to", [0, 1, -2, 3, 0, -5], True), "refractory": 1}
    net.weighted("n", "input", 2, 6, (3, 3), lif(9, **tables)).weighted("head", "n", 6, 3)
    net.compare(folder, "head")
    net = Net(7)
    rising = net.table("l", np.cumsum(net.rng.integers(1, 5, (6, 3)), 1).reshape(-1), True)
    steps = lif(0, levels=3, level_thresholds=rising, output="counts", reset="soft", delayed_reset=True)
    del steps["threshold"]
    net.weighted("n", "input", 2, 6, (3, 3), steps).weighted("head", "n", 6, 3)
    net.compare(folder, "head")


def potentials(folder):
    """Potentials are currents: read out, compared, added; graded spikes too."""
    quiet = {"model": "lif", "leak": {"kind": "tz12", "decay": 4096}, "compare": "ge", "reset": "none",
             "output": "potential"}
    net = Net(8)
    net.weighted("s", "input", 2, 6, (3, 3), lif(7)).weighted("n", "s", 6, 4, neuron=quiet)
    net.compare(folder, "n")
    net.weighted("m", "s", 6, 4, neuron={**quiet, "leak": MEMORY})
    net.add("both", "add", "n m", neuron=lif(12))
    net.weighted("g", "s", 6, 4, neuron=lif(9, output="graded"))
    net.add("seen", "add", "g n", neuron={"model": "none"})
    for name in ("both", "seen", "g"):
        net.compare(folder, name)


def hostile(folder):
    """What a float model has no meaning for."""
    def case(says, build):
        net = Net(9)
        net.table("ones", [1] * 6, True)
        net.weighted("a", "input", 2, 6, (3, 3)).weighted("s", "input", 2, 6, (3, 3), lif(7))
        readout = build(net)
        net.write(folder / "m.snnq", False, readout)
        recording(folder / "in.bs3", [(0, 0, 0, 1)])
        refused("run", folder / "m.snnq", folder / "in.bs3", "-d", "sim", says=("m.snnq", says))

    def put(says, name, op, inputs, **keys):
        case(says, lambda net: (net.add(name, op, inputs, **keys), name)[1])

    put("layer p (sumpool): expected spikes or counts as its input, not real numbers", "p", "sumpool", "a",
        kernel=[2, 2])
    put("layer p (avgpool): expected spikes", "p", "avgpool", "a", kernel=[2, 2])
    for key, value in (("bias", "ones"), ("signed", True), ("planes", 2), ("neuron", lif(2))):
        for op, of, keys in (("reduce", "s", {"mode": "max", "axes": ["height"]}), ("reduce", "a", {"mode": "or", "axes": [
                "width"]}), ("attention", "s s", {"mode": "token", "heads": 2})):
            put("p: neuron, bias, planes, signed: expected none", "p", op, of, **keys, **{key: value})
    put('p: avgpool: key "planes" is not known here', "p", "avgpool", "s", kernel=[2, 2], planes=16)
    put('p: avgpool: key "signed" is not known here', "p", "avgpool", "s", kernel=[2, 2], signed=True)
    put("p: bias: expected none without a neuron", "p", "avgpool", "s", kernel=[2, 2], bias="ones")
    for pooled in ("m", "a"):
        case("p: planes, signed: expected none in a float model", lambda net, of=pooled: (net.add(
            "m", "avgpool", "s", kernel=[2, 2]).add("p", "maxpool", of, kernel=[1, 1], planes=4), "p")[1])
    case("layer p (maxpool): expected no bias, as there are neither weights nor neurons", lambda net: (net.add(
        "m", "avgpool", "s", kernel=[2, 2]).add("p", "maxpool", "m", kernel=[1, 1], bias="ones"), "p")[1])
    put("layer p (attention): expected spikes", "p", "attention", "a a a", heads=2, neuron=lif(2))
    put("layer p (add): expected a real output of real inputs, found bit-planes", "p", "add", "a s", planes=4)
    put("layer p (copy): expected a real output of real inputs", "p", "copy", "a", planes=4)
    put("expected none in a float model", "p", "add", "a s", scales=[{"mult": 2}, None])
    put("layer p (add): expected no mult and no requant_shift in a float model", "p", "add", "a s",
        neuron={"model": "none", "mult": 2})
    put("threshold: expected a positive number, found 0", "p", "add", "a s", neuron=lif(0))
    put("bit-planes", "p", "add", "a s", planes=8, neuron=lif(2, output="graded"))
    put("delay: expected none of real outputs", "p", "add", "a s", neuron=lif(2, output="graded", delay=1))
    case("layer a (conv2d): weights and others read its real numbers: expected a copy", lambda net: (net.weighted(
        "w", "a", 6, 2).add("p", "add", "a s"), "w")[1])
    case("layer p (upsample): weights read its real numbers: expected sums without neurons, or a copy",
         lambda net: (net.add("p", "upsample", "a", factor=[1, 1]).weighted("w", "p", 6, 2), "w")[1])
    case("layer w (linear): expected all that its input puts out, found a view", lambda net: (net.weighted(
        "w", [{"layer": "a", "shape": [1, 1, 144]}], 144, 2), "w")[1])
    put("layer p (matmul): expected two inputs, as some are real", "p", "matmul", "a s s", heads=1,
        transpose=[False, True, False], neuron=lif(3))
    case("threshold: expected a larger number, found 2", lambda net: (net.weighted(
        "w", "s", 6, 1, neuron={**{k: v for k, v in lif(1).items() if k != "threshold"}, "levels": 2,
                                "level_thresholds": net.table("t", [3, 2], True)}), "w")[1])
    case("channel 1: reset_value: expected a finite number, found nan", lambda net: (net.weighted(
        "w", "s", 6, 2, neuron=lif(3, reset_value=net.table("t", [0, np.nan], True))), "w")[1])
    case("lambda: channel 1: expected 0 to 65536, found 65537", lambda net: (net.weighted(
        "w", "s", 6, 2, neuron=lif(3, leak={"kind": "q16", "lambda": net.table("t", [0, 65537], False)})), "w")[1])


if __name__ == "__main__":
    sys.exit(main(streams, weights, quantized, thresholds, magnitudes, small, searches, declared, steps, unknown, views, loops,
                  neurons, potentials, hostile))
