#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""snnq export: what is imported of NIR graphs comes back as it was, and so do float models of other
origin; the files are as the specification has them, and mean the same to a reader that knows
nothing of this project; what NIR cannot say is refused with the layer, or told."""
import json
import sys

import h5py
import numpy as np

import nir
import nir_graphs
from common import DEMO, ROOT, equal, main, need, recording, refused, snnq
from nir_graphs import DT, STEPS, affine, chain, ends, lif

sys.path.insert(0, str(ROOT / "tools" / "train"))
import snnqfile  # noqa: E402  pylint: disable=wrong-import-position

# Of each node the type of its data sets (None: numbers of neurons, F64), their axes, "?": may lack.
KINDS = {
    "Input": {"shape": "i"}, "Output": {"shape": "i"}, "Linear": {"weight": "f"}, "Affine": {"weight": "f", "bias": "f"},
    "Conv2d": {"weight": "f", "bias": "f", "stride": "i", "padding": "i", "dilation": "i", "groups": "i", "input_shape": "i"},
    "SumPool2d": {"kernel_size": "i", "stride": "i", "padding": "i"},
    "AvgPool2d": {"kernel_size": "i", "stride": "i", "padding": "i"},
    "Flatten": {"start_dim": "i", "end_dim": "i", "input_type": "i"}, "Scale": {"scale": "f"}, "Delay": {"delay": "d"},
    "Threshold": {"threshold": "d"}, "IF": {"r": "d", "v_threshold": "d", "v_reset": "?"},
    "LIF": {"tau": "d", "r": "d", "v_leak": "d", "v_threshold": "d", "v_reset": "?"},
    "CubaLIF": {"tau_mem": "d", "tau_syn": "d", "r": "d", "v_leak": "d", "v_threshold": "d", "w_in": "d", "v_reset": "?"},
    "I": {"r": "d"}, "LI": {"tau": "d", "r": "d", "v_leak": "d"},
    "CubaLI": {"tau_mem": "d", "tau_syn": "d", "r": "d", "v_leak": "d", "w_in": "d"},
}
DTYPES = {"i": "int64", "f": "float32", "d": "float64", "?": "float64"}
AXES = {("Linear", "weight"): 2, ("Affine", "weight"): 2, ("Affine", "bias"): 1, ("Conv2d", "weight"): 4,
        ("Conv2d", "bias"): 1, ("Conv2d", "groups"): 0, ("Flatten", "start_dim"): 0, ("Flatten", "end_dim"): 0}


# ---- reading as others do

def read(path):
    """The graph of a file: {"nodes": {name: parameters}, "edges": [...]}; its structure is checked."""
    with h5py.File(path) as f:
        equal(sorted(f), ["node", "version"], "members of the file")
        need(h5py.check_string_dtype(f["version"].dtype) and f["version"].shape == (), "version is a string")
        equal(sorted(f["node"]), ["edges", "nodes", "type"], "members of the graph")
        equal(f["node/type"][()].decode(), "NIRGraph", "type")
        edges = f["node/edges"]
        need(h5py.check_string_dtype(edges.dtype).encoding == "utf-8" and edges.ndim == 2 and edges.shape[1] == 2,
             f"edges are pairs of names: {edges.dtype}, {edges.shape}")
        graph = {"nodes": {}, "edges": [(a.decode(), b.decode()) for a, b in edges[()]]}
        for name, group in f["node/nodes"].items():
            kind = group["type"][()].decode()
            want = KINDS[kind]
            lacks = {k for k in want if k not in group}
            need(all(want[k] == "?" for k in lacks), f"{name}: a {kind} without {lacks}")
            equal(set(group) - set(want), {"type"}, f"{name}: members that a {kind} has not")
            for key in set(group) - {"type"}:
                equal(str(group[key].dtype), DTYPES[want[key]], f"{name}/{key}: type")
                axes = AXES.get((kind, key), 1 if want[key] == "i" else None)
                need(axes is None or group[key].ndim == axes, f"{name}/{key}: {group[key].ndim} axes, expected {axes}")
            graph["nodes"][name] = {"type": kind, **{k: group[k][()] for k in group if k != "type"}}
    equal({n for e in graph["edges"] for n in e}, set(graph["nodes"]), "nodes that edges name")
    return graph


def in_order(graph, back):
    """The same graph with nodes behind what they read."""
    left, nodes = dict(graph["nodes"]), {}
    while left:
        ready = [n for n in left if all(a in nodes or (a, b) in back for a, b in graph["edges"] if b == n)]
        need(ready, f"a cycle in {sorted(left)}")
        nodes.update((n, left.pop(n)) for n in ready)
    return {"nodes": nodes, "edges": graph["edges"]}


def inputs_of(path, shape):
    """Counts [step][C][y][x] and their recording, .bs3; time begins with the first event."""
    rng = np.random.default_rng(3)
    x = rng.poisson(0.35, (STEPS, *shape)).clip(0, 3)
    x[0].reshape(-1)[0] = x[-1].reshape(-1)[0] = 1
    rows = [(col, y, c, round(s * DT * 1e6)) for s, c, y, col in np.argwhere(x > 0) for _ in range(x[s, c, y, col])]
    return x, recording(path, rows)


def export(model, path):
    """Exported; what it says as JSON, and its notes."""
    text, told = snnq("export", model, "-o", path, "--json")
    said = json.loads(text)
    equal((said["kind"], said["format"], said["bytes"]), ("export", "nir", path.stat().st_size), "document")
    return said, told


def types(graph, **alike):
    """Kinds of its nodes."""
    return sorted(alike.get(p["type"], p["type"]) for p in graph["nodes"].values())


def scores(model, events):
    return json.loads(snnq("run", model, events, "-d", "sim", "--json")[0])["scores"]


def round_trip(folder, shape, back=(), equations=True, model="a.snnq"):
    """Export, import: the same scores, and again the same file; for @equations, that a reader who
    goes by the equations comes to them too. Returns the graph that was written."""
    first, second = folder / "one.nir", folder / "two.nir"
    said, _ = export(folder / model, first)
    graph = read(first)
    equal((said["nodes"], said["edges"]), (len(graph["nodes"]), len(graph["edges"])), "what was written")
    snnq("import", first, "-o", folder / "b.snnq", *said["import_options"].split())
    x, events = inputs_of(folder / "in.bs3", shape)
    want = scores(folder / model, events)
    equal(scores(folder / "b.snnq", events), want, "scores")
    need(any(want), "scores that are not all zero")
    again, _ = export(folder / "b.snnq", second)
    equal(again["import_options"], said["import_options"], "options")
    equal(types(read(second)), types(graph), "nodes of the second file")
    if equations:
        named = {n: p for n, p in graph["nodes"].items() if p["type"] == "Input"}
        equal(len(named), 1, "inputs")
        size = next(iter(named.values()))["shape"]
        sums = nir_graphs.simulate(in_order(graph, set(back)), set(back), x.reshape(STEPS, *size),
                                   "--reset subtract" in said["import_options"])["output"].sum(0).reshape(-1)
        need(np.allclose(want, sums, rtol=2e-4, atol=1e-4), f"scores: {want}, by the equations {sums}")
    return graph


# ---- what came from NIR

def chains(folder):
    """A chain of many nodes, with both resets and both currents."""
    nir.write(folder / "a.nir", nir.nodes(np.random.default_rng(5)))
    for more in ((), ("--reset", "subtract"), ("--old-current",), ("--compare-ge",)):
        snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS, "--planes", "2", *more)
        graph = round_trip(folder, (2, 6, 6), equations=more in ((), ("--reset", "subtract")))
    # what comes behind the current of a CubaLIF is its leak, no bias before it
    equal(types(graph), sorted("Input Conv2d LIF SumPool2d Flatten Linear CubaLIF Affine IF Output".split()), "nodes")
    snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS)
    one, two = (export(folder / "a.snnq", folder / f"{n}.nir") and (folder / f"{n}.nir").read_bytes() for n in "xy")
    equal(one == two, True, "the same model gives the same file")


def recurrences(folder):
    """Recurrence, subgraphs dissolved, delays that go back."""
    for bias in (True, False):
        nodes = nir_graphs.recurrent_parts(2, bias)
        edges = chain("input", "fc1", "lif", "fc2", "lif2", "output") + [("lif", "rec"), ("rec", "lif")]
        nir_graphs.write(folder / "a.nir", {"nodes": nodes, "edges": edges})
        snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS, "--planes", "2",
             "--reset", "subtract" if bias else "zero", "--width", 5, "--height", 1, "--polarities", 1)
        graph = round_trip(folder, (1, 1, 5), {("lif", "rec")})
        equal(graph["nodes"]["input"]["shape"].tolist(), [5], "a flat input")
        need({("lif", "rec"), ("rec", "lif")} <= set(graph["edges"]), f"what goes back: {graph['edges']}")
    rng = np.random.default_rng(12)
    first, last = ends([4], 5)
    nodes = {"input": first, "in": affine(rng, 5, 4, False), "d": {"type": "Delay", "delay": np.array([1, 2, 3, 4, 9]) * DT},
             "rec": affine(rng, 5, 5, True, 0.8), "a": lif(5), "output": last}
    edges = chain("input", "in", "a", "output") + [("a", "d"), ("d", "rec"), ("rec", "a")]
    nir_graphs.write(folder / "a.nir", {"nodes": nodes, "edges": edges})
    snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS, "--width", 4, "--height", 1, "--polarities", 1)
    graph = round_trip(folder, (1, 1, 4), equations=False)
    need(np.allclose(graph["nodes"]["d"]["delay"], np.array([1, 2, 3, 4, 9]) * DT), f"delays: {graph['nodes']['d']}")


def kinds(folder):
    """Sums, potentials, Scale, Threshold, Delay, one dimension, dilation, groups, means."""
    rng = np.random.default_rng(5)
    first, last = ends([1, 1, 6], 3)
    front = {"input": first, "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1}}
    nodes = {**front, "l": affine(rng, 6, 6), "r": affine(rng, 6, 6), "n": lif(6), "m": affine(rng, 6, 6, False),
             "if": {"type": "IF", "r": np.full(6, 0.5), "v_threshold": np.linspace(0.8, 2, 6)},
             "s": affine(rng, 6, 6, False), "t": lif(6, threshold=0.5), "fc": affine(rng, 3, 6), "output": last}
    edges = chain("input", "flat") + [("flat", "l"), ("flat", "r"), ("flat", "m"), ("l", "n"), ("r", "n"), ("m", "n"),
                                      ("n", "if"), ("if", "s"), ("n", "s"), ("s", "t"), ("t", "fc"), ("fc", "output")]
    line = {**front, "c": affine(rng, 6, 6), "th": {"type": "Threshold", "threshold": np.linspace(0.2, 1.2, 6)},
            "d": {"type": "Delay", "delay": np.array([0, 1, 2, 3, 10, 1]) * DT},
            "g": {"type": "Scale", "scale": np.linspace(-1, 4, 6)}, "k": lif(6, threshold=0.6, v_reset=np.linspace(-0.3, 0.2, 6)),
            "fc": affine(rng, 3, 6, False)}
    potentials = ({"type": "LI", "tau": np.array([2, 3.5, 9]) * DT, "r": np.array([1, 2, 0.5]), "v_leak": np.array([.1, 0, -1])},
                  {"type": "I", "r": np.array([1, 0.5, 0.1])},
                  {"type": "CubaLI", "tau_mem": np.full(3, 4 * DT), "tau_syn": np.array([2, 3, 4]) * DT,
                   "r": np.array([1, 2, 0.3]), "v_leak": np.array([0, 0.2, -0.1]), "w_in": np.array([1, 3, 2.0])})
    graphs = [{"nodes": nodes, "edges": edges}]
    graphs += [{"nodes": {**line, "read": p, "output": last}, "edges": chain(*line, "read", "output")} for p in potentials]
    for graph in graphs:
        nir_graphs.write(folder / "a.nir", graph)
        snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS, "--planes", "2")
        got = round_trip(folder, (1, 1, 6))
        # a leak to another potential is the bias of the weights before it
        equal(types(got, Linear="Affine"), types(graph, Linear="Affine"), "the same nodes")
    first, last = ends([4, 6, 7], 2)
    two = {"type": "Conv2d", "weight": rng.normal(0.1, 1, (6, 2, 3, 2)).astype(np.float32), "bias": np.full(6, 0.1),
           "stride": np.array([1, 2]), "padding": np.array([2, 1]), "dilation": np.array([2, 1]), "groups": 2,
           "input_shape": np.array([6, 7])}
    pool = {"type": "AvgPool2d", "kernel_size": np.array([2, 2]), "stride": np.array([2, 2]), "padding": np.array([0, 0])}
    nodes = {"input": first, "c": two, "n": lif(1), "p": pool, "f": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
             "fc": {"type": "Linear", "weight": rng.normal(0.05, 0.3, (2, 36)).astype(np.float32)},
             "if": {"type": "IF", "r": np.ones(2), "v_threshold": np.ones(2)}, "output": last}
    nir_graphs.write(folder / "a.nir", {"nodes": nodes, "edges": chain(*nodes)})
    snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS, "--planes", "2")
    got = round_trip(folder, (4, 6, 7))
    equal(got["nodes"]["c_neuron"]["tau"].shape, (6, 6, 4), "a number for each neuron")


# ---- what did not

class Net:
    """A float model under construction."""

    def __init__(self):
        self.rng, self.layers, self.tensors, self.graph = np.random.default_rng(4), [], {}, {}
        self.input = {"width": 6, "height": 6, "polarities": 2, "on_channel": 1, "layout": "hwc", "planes": 2,
                      "binning": "duration", "steps": STEPS, "step_us": 1000, "rounding": "floor", "origin": "first"}
        self.readout = {"input": "head", "mode": "sum", "scale": 1}

    def add(self, name, op, inputs, weight=None, **keys):
        """A layer; of weights their shape."""
        entry = {"name": name, "op": op, "inputs": inputs, **keys}
        if weight:
            self.tensors[f"{name}.w"] = self.rng.normal(0.15, 0.6, weight).astype(np.float32)
            entry.update(weight={"tensor": f"{name}.w", "scheme": "float"}, out_channels=weight[0])
        self.layers.append(entry)
        return self

    def bias(self, name, count):
        self.tensors[f"{name}.b"] = self.rng.normal(0, 0.2, count).astype(np.float32)
        return f"{name}.b"

    def write(self, path):
        snnqfile.write(path, {"format": "snnq", "version": 1, "arithmetic": "float", "name": "n", "input": self.input,
                              "layers": self.layers, "readout": self.readout, **self.graph}, self.tensors)


def fires(threshold=1.0, leak=None, **more):
    return {"model": "lif", "leak": leak or {"kind": "div", "n": 2}, "compare": "ge", "reset": "hard",
            "threshold": threshold, **more}


def model():
    """Leaks of all kinds, a residual sum, weights at each position, delays, a layer over the whole map."""
    net = Net()
    net.add("conv", "conv2d", ["input"], (4, 2, 3, 3), kernel=[3, 3], padding=[1, 1], bias=net.bias("conv", 4), neuron=fires(0.9))
    net.add("point", "linear", ["conv"], (4, 4), neuron={"model": "none"})
    net.add("both", "add", ["point", "conv"], neuron=fires(1.1, {"kind": "tz12", "decay": 500}))
    net.add("sum", "add", ["both", "conv"], planes=2)
    net.add("pool", "sumpool", ["sum"], kernel=[2, 2], stride=[2, 2], planes=4)
    net.add("deep", "conv2d", ["pool"], (8, 1, 1, 1), kernel=[1, 1], groups=4, neuron=fires(2, delay=3))
    net.add("all", "conv2d", ["deep"], (5, 8, 3, 3), kernel=[3, 3], bias=net.bias("all", 5),
            neuron={**fires(1.5), "model": "cuba", "current_leak": {"kind": "q16", "lambda": 30000}})
    net.add("rest", "sumpool", ["all"], kernel=[1, 1], neuron=fires(1, {"kind": "none"}))
    net.add("head", "linear", ["rest"], (3, 5), bias=net.bias("head", 3), neuron={"model": "none"})
    return net


def others(folder):
    """A float model with leaks of all kinds, sums, positions, delays."""
    net = model()
    net.write(folder / "a.snnq")
    graph = round_trip(folder, (2, 6, 6), equations=False)
    equal(types(graph), sorted(("Input Conv2d LIF Conv2d LIF SumPool2d Conv2d LIF Delay Flatten "
                                "Linear CubaLIF IF Affine Output").split()), "nodes")
    equal(graph["nodes"]["conv_neuron"]["tau"].reshape(-1)[0], 2 * DT, "tau of u / 2")
    equal(graph["nodes"]["deep_delay"]["delay"].reshape(-1)[0], 3 * DT, "a delay of 3 steps")
    net.input.update(layout="flat", width=3, height=4, planes=1, step_us=500)
    net.layers, net.tensors = [], {}
    net.add("one", "linear", ["input"], (6, 24), bias=net.bias("one", 6), neuron=fires(0.7, reset="soft"))
    net.add("é" * 90 + ".weights", "conv2d", ["one"], (6, 2, 1, 1), kernel=[1, 1], groups=3, neuron=fires(0.4, {"kind": "q16", "lambda": 0}))
    net.add("input_neuron", "linear", ["é" * 90 + ".weights"], (4, 6), neuron=fires(0.8, reset="soft"))
    net.add("head", "linear", ["input_neuron"], (3, 4), neuron={"model": "none"})
    net.write(folder / "a.snnq")
    graph = round_trip(folder, (2, 4, 3), equations=False)
    need(all(len(n.encode()) <= 166 for n in graph["nodes"]), f"names: {list(graph['nodes'])}")


def told(folder):
    """What a NIR file does not say is told, and what it needs to be read again."""
    net = model()
    net.input.update(binning="count", origin="zero", on_channel=0, planes=3,
                     sensor={"width": 12, "height": 12, "crop": [0, 0], "downscale": 2})
    del net.input["step_us"]
    net.readout["scale"] = 0.25
    net.graph["classes"] = ["cat", "dog", "cow"]
    net.write(folder / "a.snnq")
    said, text = export(folder / "a.snnq", folder / "a.nir")
    for words in ("classes: NIR has no names", "multiplied by 0.25", "split into 40 steps", "cropped and scaled",
                  "ON events are channel 0"):
        need(words in text and any(words in w for w in said["warnings"]), f"{words!r} is told: {text}")
    equal(said["import_options"], "--steps 40 --planes 3 --compare-ge", "options")
    text, _ = snnq("export", folder / "a.snnq", "-o", folder / "b.nir")
    need("15 nodes, 16 edges" in text and f"back: snnq import {folder / 'b.nir'} --steps 40" in text, f"text: {text}")
    equal((folder / "a.nir").read_bytes() == (folder / "b.nir").read_bytes(), True, "the same file")


# A change of a layer of model() by its name, and what is said of it.
def changed(name, **keys):
    def change(net):
        entry = next(e for e in net.layers if e["name"] == name)
        neuron = keys.get("neuron")
        entry.update({k: v for k, v in keys.items() if k != "neuron"})
        if neuron:
            entry["neuron"] = {**entry["neuron"], **neuron}
        if "kernel" in keys and name == "conv":
            net.tensors["conv.w"] = np.ones((4, 2, *keys["kernel"]), np.float32)
        if entry["op"] == "maxpool":
            del entry["planes"]
    return change


def inserted(op, inputs, **keys):
    """A layer before the head, which reads it."""
    def change(net):
        net.layers.insert(len(net.layers) - 1, {"name": "new", "op": op, "inputs": inputs, **keys})
        net.layers[-1]["inputs"] = ["new"]
        if op == "concat":
            net.tensors["head.w"] = np.ones((3, 10), np.float32)
    return change


def readout(**keys):
    def change(net):
        net.readout.update(keys)
    return change


def looped(net):
    """A step before that no cycle needs."""
    for entry in net.layers:
        if entry["name"] in ("all", "rest"):
            entry["loop"] = {"number": 1}
    net.layers[-2]["inputs"] = [{"layer": "all", "previous": True, "shape": [1, 1, 5], "planes": 1}]
    net.layers[-2]["neuron"]["threshold"] = 1.5


FOREIGN = (
    (changed("conv", neuron={"levels": 3}), "layer conv (conv2d): neurons of NIR fire once"),
    (changed("conv", neuron={"refractory": 2}), "conv (conv2d): neurons of NIR have no refractory time"),
    (changed("conv", neuron={"low": -1.0}), "conv (conv2d): potentials of NIR have no lower end"),
    (changed("conv", neuron={"skip_first": True}), "conv (conv2d): neurons of NIR take the first step"),
    (changed("conv", neuron={"restart": {"period": 4}}), "conv (conv2d): neurons of NIR do not restart"),
    (changed("conv", neuron={"reset": "soft", "delayed_reset": True}), "reset in the step in which they fire"),
    (changed("conv", neuron={"reset": "none"}), "conv (conv2d): neurons of NIR that fire are reset"),
    (changed("both", neuron={"reset": "soft"}), "layer both (add): reset: expected the same as of layer conv"),
    (changed("both", neuron={"compare": "gt"}), "layer both (add): compare: expected the same as of layer conv"),
    (changed("conv", neuron={"reset": "soft", "reset_value": 0.5}), "to a value or by subtraction, not both"),
    (changed("all", neuron={"current_leak": {"kind": "none"}}), "all (conv2d): neurons of NIR with a current"),
    (changed("conv", padding=[1, 1, 1, 2], kernel=[3, 4]), "layer conv (conv2d): windows of NIR have the same padding"),
    (changed("pool", value=2, planes=5), "pool (sumpool): pools of NIR have no weight"),
    (changed("pool", dilation=[2, 2], kernel=[2, 2], padding=[1, 1]), "pool (sumpool): pools of NIR have no dilation"),
    (changed("pool", op="maxpool"), "layer pool (maxpool): NIR has no pool of the largest"),
    (changed("pool", planes=3), "pool (sumpool): NIR has no sums that saturate"),
    (changed("sum", planes=1), "sum (add): NIR has no sums that saturate"),
    (changed("rest", bias="all.b"), "rest (sumpool): neurons of NIR without a leak have no bias"),
    (inserted("and", ["all", "rest"]), "layer new (and): NIR has no such operation"),
    (inserted("concat", ["all", "rest"], axis="channels", planes=1), "layer new (concat): NIR has no such operation"),
    (inserted("add", ["rest", "rest"], planes=2), "layer head: expected what rest puts out once"),
    (inserted("copy", ["rest"], axes="whc", planes=1), "layer new (copy): NIR has no such operation"),
    (readout(mode="last"), "readout: mode: expected sum"),
    (looped, "layer rest: reads what all_neuron puts out in the step before"),
)


def foreign(folder):
    """What NIR has not is refused with the layer, and nothing is written."""
    out = folder / "out.nir"
    for change, says in FOREIGN:
        net = model()
        change(net)
        net.write(folder / "bad.snnq")
        refused("export", folder / "bad.snnq", "-o", out, says=("bad.snnq", says))
        need(not out.exists(), f"no file: {says}")
    refused("export", DEMO / "digits-float.snnq", "-o", out, says="digits-float.snnq: layer ")
    snnq("quantize", DEMO / "digits-float.snnq", "-o", folder / "q.snnq", "--default", "uniform:8")
    refused("export", folder / "q.snnq", "-o", out, says="arithmetic: expected float, found integer")
    refused("export", folder / "none.snnq", "-o", out, says="none.snnq: No such file")
    refused("export", folder / "q.snnq", says="-o is missing", code=2)
    refused("export", folder / "q.snnq", "-o", folder / "q.snnq", says="expected another file to write", code=2)
    need(not out.exists(), "no file")


if __name__ == "__main__":
    sys.exit(main(chains, recurrences, kinds, others, told, foreign))
