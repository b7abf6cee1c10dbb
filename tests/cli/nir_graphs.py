#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""NIR graphs that are no chains: recurrence, subgraphs, sums, all kinds of nodes. Spikes and
potentials equal those of the equations, by Euler steps in double precision; what cannot be executed
is refused by its path in the file.

The reference walks the nodes of a graph in the order in which they are listed; edges that go back
carry what was put out a step before."""
import json
import sys

import h5py
import numpy as np

from common import equal, main, need, refused, snnq

STEPS, DT = 40, 1e-3


# ---- files

def write_graph(group, graph):
    """{"nodes": {name: parameters or a graph}, "edges": [...]} as the nir package writes it."""
    group["type"] = "NIRGraph"
    group.create_dataset("edges", data=np.array(graph["edges"], dtype=object), dtype=h5py.string_dtype())
    for name, node in graph["nodes"].items():
        inside = group.create_group(f"nodes/{name}")
        if "edges" in node:
            write_graph(inside, node)
        else:
            for key, value in node.items():
                inside[key] = value


def write(path, graph):
    with h5py.File(path, "w") as f:
        f["version"] = "1.0.4"
        write_graph(f.create_group("node"), graph)


def chain(*names):
    return list(zip(names, names[1:]))


# ---- the equations

class State:
    """A node: what it puts out for what comes in, step by step."""

    def __init__(self, p, subtract):
        self.p = {k: v if isinstance(v, str) else np.asarray(v, np.float64) for k, v in p.items() if k != "type"}
        self.type, self.subtract, self.v, self.i, self.past = p["type"], subtract, 0.0, 0.0, []

    def integrate(self, x):
        p = self.p
        if self.type.startswith("Cuba"):
            self.i = self.i + DT / p["tau_syn"] * (-self.i + p.get("w_in", 1) * x)
            x = self.i
        if self.type in ("I", "IF"):
            self.v = self.v + p["r"] * x
        else:
            self.v = self.v + DT / p["tau_mem" if "tau_mem" in p else "tau"] * (p["v_leak"] - self.v + p["r"] * x)

    def fire(self):
        p = self.p
        spikes = self.v > p["v_threshold"]
        self.v = np.where(spikes, self.v - p["v_threshold"] if self.subtract else p.get("v_reset", 0), self.v)
        return spikes.astype(float)

    def window(self, x):
        p, kind = self.p, self.type
        one = kind == "Conv1d"
        if one:
            x = x[:, None, :]
        named = p["padding"] if isinstance(p.get("padding"), str) else None
        stride, pad, dilation = (np.broadcast_to(p.get(k, d), 2).astype(int)
                                 for k, d in (("stride", 1), ("none" if named else "padding", 0), ("dilation", 1)))
        if one:
            stride, pad, dilation = (np.array([d, v[1]]) for v, d in ((stride, 1), (pad, 0), (dilation, 1)))
        w = p["weight"][:, :, None] if one else p.get("weight")
        kernel = w.shape[2:] if w is not None else p["kernel_size"].astype(int)
        sides = [(n, n) for n in pad]
        if named == "same":
            sides = [(d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2) for k, d in zip(kernel, dilation)]
        x = np.pad(x, ((0, 0), *sides))
        span = [(k - 1) * d + 1 for k, d in zip(kernel, dilation)]
        seen = np.lib.stride_tricks.sliding_window_view(x, span, (1, 2))
        seen = seen[:, ::stride[0], ::stride[1], ::dilation[0], ::dilation[1]]
        if w is None:
            return seen.sum((3, 4)) / (np.prod(kernel) if kind == "AvgPool2d" else 1)
        groups = int(p["groups"])
        parts = [np.einsum("cyxij,ocij->oyx", a, b) for a, b in zip(np.split(seen, groups), np.split(w, groups))]
        out = np.concatenate(parts) + p["bias"][:, None, None]
        return out[:, 0] if one else out

    def step(self, x):
        p = self.p
        if self.type in ("Linear", "Affine"):
            return p["weight"] @ x + p.get("bias", 0)
        if self.type in ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"):
            return self.window(x)
        if self.type == "Flatten":
            return x.reshape(-1)
        if self.type == "Scale":
            return p["scale"] * x
        if self.type == "Threshold":
            return (x > p["threshold"]).astype(float)
        if self.type == "Delay":
            self.past.append(x.reshape(-1))
            late = np.rint(np.broadcast_to(p["delay"], x.shape) / DT).astype(int).reshape(-1)
            return np.array([self.past[-1 - n][c] if n < len(self.past) else 0 for c, n in enumerate(late)]).reshape(x.shape)
        if self.type == "Output":
            return x
        self.integrate(x)
        return self.v + 0 * x if self.type in ("I", "LI", "CubaLI") else self.fire()


def simulate(graph, back, x, subtract=False, sizes=None):
    """{node: [step]} of a flat graph for inputs [step]; sizes of nodes whose parameters do not tell."""
    states = {name: State(p, subtract) for name, p in graph["nodes"].items() if p["type"] != "Input"}
    out, before = {name: [] for name in graph["nodes"]}, {}
    for step in range(STEPS):
        now = {name: x[step].astype(float) for name, p in graph["nodes"].items() if p["type"] == "Input"}
        for name, state in states.items():
            parts = [before.get(a, np.zeros((sizes or {}).get(a) or shape_of(graph["nodes"][a]))) if (a, b) in back else now[a]
                     for a, b in graph["edges"] if b == name]
            now[name] = state.step(sum(parts[1:], parts[0]))
        before = now
        for name, value in now.items():
            out[name].append(value)
    return {name: np.array(v) for name, v in out.items()}


def shape_of(node):
    return np.shape(node.get("v_threshold", node.get("threshold")))


# ---- running

def events(path, x, width):
    """Counts [step][flat] of one polarity as .bs3 of that width."""
    rows = b""
    for step, at in np.argwhere(x.reshape(STEPS, -1) > 0):
        t = int(step * DT * 1e6)
        for _ in range(int(x.reshape(STEPS, -1)[step, at])):
            c, y, col = np.unravel_index(at, width)
            rows += bytes([col >> 4, (col & 15) << 4 | y >> 8, y & 255, c, t >> 16, t >> 8 & 255, t & 255])
    path.write_bytes(rows)


def inputs(seed, shape, rate=0.3):
    rng = np.random.default_rng(seed)
    x = rng.poisson(rate, (STEPS, *shape)).clip(0, 3)
    x[0].reshape(-1)[0] = x[-1].reshape(-1)[0] = 1  # time counts from the first event
    return x


def check(folder, graph, x, want, layers, arguments=(), exact=True):
    """Imported and run: spikes of layers {layer: node}, and the sums of the output."""
    write(folder / "a.nir", graph)
    size = x.shape[1:]
    events(folder / "in.bs3", x, (1, 1, size[0]) if len(size) == 1 else (size[0], 1, size[1]) if len(size) == 2 else size)
    _, told = snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS, "--planes", "2", *arguments)
    out = json.loads(snnq("run", folder / "a.snnq", folder / "in.bs3", "-d", "sim", "--json", "--raster",
                          folder / "r")[0])
    for layer, node in layers.items():
        got = np.load(folder / "r" / f"{layer}.npy").transpose(0, 3, 1, 2).reshape(want[node].shape)
        equal(got.tolist(), want[node].tolist(), f"spikes of {layer}")
        need(got.any() and not got.all(), f"{layer} spikes")
    sums = want["output"].sum(0).reshape(-1)
    if exact:
        equal(out["scores"], sums.tolist(), "scores")
    else:
        need(np.allclose(out["scores"], sums, rtol=2e-4, atol=1e-4), f"scores: {out['scores']}, expected {sums}")
    need(np.any(sums), "scores that are not all zero")
    return told


# ---- nodes

def cuba(n, threshold=1.0, **more):
    return {"type": "CubaLIF", "tau_mem": np.full(n, 4 * DT), "tau_syn": np.full(n, 2 * DT), "r": np.full(n, 4.0),
            "v_leak": np.zeros(n), "v_threshold": np.full(n, threshold), "w_in": np.full(n, 2.0), **more}


def lif(n, tau=4 * DT, threshold=1.0, **more):
    return {"type": "LIF", "tau": np.full(n, tau), "r": np.full(n, 4.0), "v_leak": np.zeros(n),
            "v_threshold": np.full(n, threshold), **more}


def affine(rng, out, inside, bias=True, scale=1.0):
    w = {"weight": rng.normal(0, scale, (out, inside)).astype(np.float32)}
    return {"type": "Affine", **w, "bias": rng.normal(0, 0.2, out).astype(np.float32)} if bias else {"type": "Linear", **w}


def ends(shape, count):
    return {"type": "Input", "shape": np.array(shape)}, {"type": "Output", "shape": np.array([count])}


def recurrent_parts(seed, bias):
    rng = np.random.default_rng(seed)
    first, last = ends([5], 3)
    return {"input": first, "fc1": affine(rng, 8, 5, bias), "rec": affine(rng, 8, 8, bias, 0.7), "lif": cuba(8),
            "fc2": affine(rng, 3, 8, bias), "lif2": cuba(3, 0.7), "output": last}


def recurrence(folder):
    """A recurrent layer, in the graph itself and in a subgraph: one network."""
    x = inputs(1, (5,), 0.5)
    for bias in (True, False):
        for subtract in (True, False):
            nodes = recurrent_parts(2, bias)
            graph = {"nodes": nodes, "edges": chain("input", "fc1", "lif", "fc2", "lif2", "output") +
                     [("lif", "rec"), ("rec", "lif")]}
            arguments = ("--reset", "subtract" if subtract else "zero")
            want = simulate(graph, {("lif", "rec")}, x, subtract)
            # without a bias the last neurons are part of their layer
            told = check(folder, graph, x, want, {"lif": "lif", "lif2" if bias else "fc2": "lif2"}, arguments)
            need("from lif to rec: goes back" in told, f"what goes back is told: {told}")
            inner = {"nodes": {"input": {"type": "Input", "shape": np.array([8])}, "lif": nodes["lif"],
                               "lin": nodes["rec"], "output": {"type": "Output", "shape": np.array([8])}},
                     "edges": chain("input", "lif", "lin", "lif", "output")}
            outer = {"nodes": {"input": nodes["input"], "fc1": nodes["fc1"], "lif1": inner, "fc2": nodes["fc2"],
                               "lif2": nodes["lif2"], "output": nodes["output"]},
                     "edges": chain("input", "fc1", "lif1", "fc2", "lif2", "output")}
            check(folder, outer, x, want, {"lif1.lif": "lif"}, arguments)
    inner["edges"] = chain("input", "li", "lin", "li", "output")
    told = check(folder, outer, x, want, {"lif1.lif": "lif"}, arguments)
    equal(told.count('"li" is taken for lif'), 1, "what is taken for what")
    for names in (("li", "lim"), ("lib", "lin"), ("", "lin"), ("li", "output")):
        inner["edges"] = chain("input", names[0], names[1], names[0], "output")
        write(folder / "b.nir", outer)
        refused("import", folder / "b.nir", "-o", folder / "o", "--steps", 9,
                says=f'/node/nodes/lif1/edges: expected names of nodes, found "{names[0]}"')


def stacked(folder):
    """Two recurrent layers that talk to each other and to themselves, deep in subgraphs."""
    rng = np.random.default_rng(3)
    first, last = ends([4], 2)
    nodes = {"input": first, "in": affine(rng, 6, 4, False), "self": affine(rng, 6, 6, True, 0.5),
             "down": affine(rng, 6, 5, False, 0.5), "a": lif(6), "up": affine(rng, 5, 6, False),
             "own": affine(rng, 5, 5, True, 0.5), "b": lif(5, threshold=0.8), "out": affine(rng, 2, 5, False),
             "c": lif(2, threshold=0.6), "output": last}
    edges = chain("input", "in", "a", "up", "b", "out", "c", "output") + \
        [("a", "self"), ("self", "a"), ("b", "own"), ("own", "b"), ("b", "down"), ("down", "a")]
    graph = {"nodes": nodes, "edges": edges}
    x = inputs(4, (4,), 0.6)
    want = simulate(graph, {("a", "self"), ("b", "own"), ("b", "down")}, x)
    check(folder, graph, x, want, {"a": "a", "b": "b", "out": "c"})
    def box(inside, size):
        return {"nodes": {"input": {"type": "Input", "shape": np.array([size[0]])}, "x": inside,
                          "output": {"type": "Output", "shape": np.array([size[1]])}},
                "edges": chain("input", "x", "output")}
    deep = box(box(box(nodes["up"], (6, 5)), (6, 5)), (6, 5))
    check(folder, {"nodes": {**nodes, "up": deep}, "edges": edges}, x, want, {"a": "a", "b": "b", "out": "c"})


def sums(folder):
    """What flows together is added: currents, spikes, the input itself."""
    rng = np.random.default_rng(5)
    first, last = ends([6], 3)
    nodes = {"input": first, "l": affine(rng, 6, 6), "r": affine(rng, 6, 6), "m": affine(rng, 6, 6, False),
             "n": lif(6), "if": {"type": "IF", "r": np.full(6, 0.5), "v_threshold": np.linspace(0.8, 2, 6)},
             "s": affine(rng, 6, 6, False), "t": lif(6, threshold=0.5), "fc": affine(rng, 3, 6), "output": last}
    edges = [("input", "l"), ("input", "r"), ("input", "m"), ("l", "n"), ("r", "n"), ("m", "n"),
             ("n", "if"), ("input", "if"), ("if", "s"), ("n", "s"), ("input", "s"), ("s", "t"), ("t", "fc"),
             ("fc", "output")]
    graph, x = {"nodes": nodes, "edges": edges}, inputs(6, (6,))
    check(folder, graph, x, simulate(graph, (), x), {"n": "n", "if": "if", "s": "t"}, exact=False)


def readouts(folder):
    """Neurons that do not fire: potentials of all kinds, in their units."""
    rng = np.random.default_rng(7)
    first, last = ends([5], 3)
    kinds = ({"type": "LI", "tau": np.array([2, 3.5, 9]) * DT, "r": np.array([1, 2, -0.5]), "v_leak": np.array([0.1, 0, -1])},
             {"type": "I", "r": np.array([1, 0.5, 0.1])},
             {"type": "CubaLI", "tau_mem": np.full(3, 4 * DT), "tau_syn": np.array([2, 3, 4]) * DT, "r": np.array([1, 2, 0.3]),
              "v_leak": np.array([0, 0.2, -0.1]), "w_in": np.array([1, 3, 2.0])})
    for kind in kinds:
        for bias in (False, True):
            nodes = {"input": first, "a": affine(rng, 6, 5), "lif": lif(6), "b": affine(rng, 3, 6, bias),
                     "read": kind, "output": last}
            graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(8, (5,))
            check(folder, graph, x, simulate(graph, (), x), {"a": "lif"}, exact=False)
    nodes["b2"] = affine(rng, 3, 6)
    order = {k: nodes[k] for k in ("input", "a", "lif", "b", "b2", "read", "output")}
    graph = {"nodes": order, "edges": chain(*nodes)[:-1] + [("lif", "b2"), ("b2", "read")]}
    check(folder, graph, x, simulate(graph, (), x), {"a": "lif"}, exact=False)


def kinds(folder):
    """Scale, Threshold, Delay, one dimension, dilation, groups, resets and time constants by channel."""
    rng = np.random.default_rng(9)
    first, last = ends([2, 9], 3)
    conv = {"type": "Conv1d", "weight": rng.normal(0.1, 1, (4, 2, 3)).astype(np.float32), "bias": np.full(4, 0.1),
            "stride": 2, "padding": 1, "dilation": 1, "groups": 1, "input_shape": 9}
    scale = np.array([0.5, 2, 1, 3])[:, None] * np.ones((4, 5))
    nodes = {"input": first, "c": conv, "s": {"type": "Scale", "scale": scale},
             "n": {k: (v if k == "type" else np.broadcast_to(v[:, None], (4, 5)))
                   for k, v in {**lif(4), "tau": np.array([3, 4, 5, 9]) * DT,
                                "v_reset": np.array([0, -0.5, 0.2, 0])}.items()},
             "f": {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array([4, 1, 5])},
             "fc": affine(rng, 6, 20), "t": {"type": "Threshold", "threshold": np.linspace(0.2, 1.2, 6)},
             "d": {"type": "Delay", "delay": np.array([0, 1, 2, 3, 10, 1]) * DT},
             "g": {"type": "Scale", "scale": np.linspace(-1, 2, 6)}, "i": {"type": "IF", "r": np.ones(6),
                                                                           "v_threshold": np.full(6, 2.5)},
             "fc2": affine(rng, 3, 6), "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(10, (2, 9))
    flat = simulate(graph, (), x)
    told = check(folder, graph, x, flat, {"c": "n", "fc": "t", "d": "d", "g": "i"}, exact=False)
    need("/node/nodes/s: folded into the weights of /node/nodes/c" in told, f"a scale: {told}")
    first, last = ends([4, 6, 7], 2)
    two = {"type": "Conv2d", "weight": rng.normal(0.1, 1, (6, 2, 3, 2)).astype(np.float32), "bias": np.full(6, 0.1),
           "stride": np.array([1, 2]), "padding": np.array([2, 1]), "dilation": np.array([2, 1]), "groups": 2,
           "input_shape": np.array([6, 7])}
    pool = {"type": "AvgPool2d", "kernel_size": np.array([2, 2]), "stride": np.array([2, 2]), "padding": np.array([0, 0])}
    nodes = {"input": first, "c": two, "n": lif(1), "p": pool, "f": {"type": "Flatten", "start_dim": 0, "end_dim": -1},
             "fc": affine(rng, 2, 36), "if": {"type": "IF", "r": np.ones(2), "v_threshold": np.ones(2)}, "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(11, (4, 6, 7), 0.1)
    check(folder, graph, x, simulate(graph, (), x), {"c": "n", "fc": "if"})


def paddings(folder):
    """Padding by name, of one and two dimensions, even and odd windows; the far side gets the odd one."""
    rng = np.random.default_rng(17)

    def conv(kind, shape, padding, **more):
        return {"type": kind, "weight": rng.normal(0.1, 1, shape).astype(np.float32), "bias": np.full(shape[0], 0.1),
                "stride": 1, "padding": padding, "dilation": 1, "groups": 1, **more}

    first, last = ends([2, 5, 6], 3)
    nodes = {"input": first, "c": conv("Conv2d", (3, 2, 4, 3), "same", dilation=np.array([1, 2])), "n": lif(1),
             "v": conv("Conv2d", (4, 3, 2, 3), "valid"), "m": lif(1, threshold=2.0),
             "f": {"type": "Flatten", "start_dim": 0, "end_dim": -1}, "fc": affine(rng, 3, 64, scale=0.3), "o": lif(3),
             "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(18, (2, 5, 6), 0.2)
    check(folder, graph, x, simulate(graph, (), x), {"c": "n", "v": "m", "fc": "o"})
    first, last = ends([3, 8], 2)
    nodes = {"input": first, "c": conv("Conv1d", (4, 3, 4), "same"), "n": lif(1), "v": conv("Conv1d", (2, 4, 8), "valid"),
             "m": lif(1), "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(19, (3, 8))
    want = simulate(graph, (), x)
    check(folder, graph, x, {**want, "output": want["output"]}, {"c": "n", "v": "m"})
    for key, value, says in (("stride", 2, "/node/nodes/c/stride: expected 1, as padding is same, found 1, 2"),
                             ("padding", "full", "/node/nodes/c/padding: expected numbers, same or valid, found full")):
        write(folder / "b.nir", {**graph, "nodes": {**nodes, "c": {**nodes["c"], key: value}}})
        refused("import", folder / "b.nir", "-o", folder / "o", "--steps", 9, says=says)


def names(folder):
    """Long names, a layer called input, edges that are listed several times."""
    rng = np.random.default_rng(20)
    first, last = ends([4], 3)
    far = "encoder.blocks.0.self_attention.projection.neuron." * 3
    inner = {"nodes": {"input": {"type": "Input", "shape": np.array([6])}, "n": lif(6),
                       "output": {"type": "Output", "shape": np.array([6])}}, "edges": chain("input", "n", "output")}
    parts = {"in": first, "fc": affine(rng, 6, 4), "n": lif(6), "fc2": affine(rng, 3, 6), "input": lif(3), "output": last}
    x = inputs(21, (4,))
    want = simulate({"nodes": parts, "edges": chain(*parts)}, (), x)
    nodes = {"in": first, "fc": parts["fc"], far: inner, "fc2": parts["fc2"], "input": parts["input"], "output": last}
    edges = chain(*nodes) + chain(*nodes)[1:3]
    told = check(folder, {"nodes": nodes, "edges": edges}, x, want, {"fc": "n", "fc2": "input"})
    need(f"/node/edges: from fc to {far}: listed several times, taken once" in told, f"edges: {told}")
    edges = [e for e in chain(*nodes) if e[0] != "fc2"] + [("fc2", "input"), ("in", "other"), ("other", "input")]
    nodes["other"] = affine(rng, 3, 4)
    sums = {**{k: v for k, v in parts.items() if k not in ("input", "output")}, "other": nodes["other"],
            "input": parts["input"], "output": last}
    want = simulate({"nodes": sums, "edges": chain("in", "fc", "n", "fc2", "input", "output") +
                     [("in", "other"), ("other", "input")]}, (), x)
    check(folder, {"nodes": nodes, "edges": edges}, x, want, {"input.layer": "input"})


def late(folder):
    """A delay within a loop counts the step that goes back."""
    rng = np.random.default_rng(12)
    first, last = ends([4], 5)
    nodes = {"input": first, "in": affine(rng, 5, 4, False), "d": {"type": "Delay", "delay": np.array([1, 2, 3, 4, 9]) * DT},
             "rec": affine(rng, 5, 5, True, 0.8), "a": lif(5), "output": last}
    edges = chain("input", "in", "a", "output") + [("a", "d"), ("d", "rec"), ("rec", "a")]
    graph, x = {"nodes": nodes, "edges": edges}, inputs(13, (4,), 0.5)
    plain = State

    class Early(plain):
        """A delay that is a step shorter."""

        def step(self, x):
            if self.type == "Delay":  # what comes is a step old already
                self.past.append(x)
                late = np.rint(self.p["delay"] / DT).astype(int) - 1
                return np.array([self.past[-1 - n][c] if n < len(self.past) else 0 for c, n in enumerate(late)])
            return plain.step(self, x)

    globals()["State"] = Early
    try:
        want = simulate(graph, {("a", "d")}, x)
    finally:
        globals()["State"] = plain
    check(folder, graph, x, want, {"a": "a", "d": "d"})


def transposed(folder):
    """Weights as (in, out), which some write, need a word."""
    rng = np.random.default_rng(14)
    first, last = ends([5], 3)
    nodes = {"input": first, "a": affine(rng, 6, 5), "lif": lif(6), "b": affine(rng, 3, 6), "c": lif(3), "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(15, (5,))
    want = simulate(graph, (), x)
    turned = {"nodes": {k: {**p, "weight": p["weight"].T} if "weight" in p else p for k, p in nodes.items()},
              "edges": graph["edges"]}
    check(folder, turned, x, want, {"a": "lif", "b": "c"}, ("--transposed",))
    refused("import", folder / "a.nir", "-o", folder / "o", "--steps", 9,
            says=("/node/nodes/a/weight: expected (out, 5), found 2 axes, the last of 6", "--transposed"))


def hostile(folder):
    """What cannot be executed, by its path."""
    rng = np.random.default_rng(16)
    first, last = ends([4], 3)
    base = {"input": first, "a": affine(rng, 5, 4, False), "n": lif(5), "b": affine(rng, 3, 5, False), "m": lif(3),
            "output": last}
    line = chain(*base)

    def case(says, nodes=None, edges=None, more=()):
        write(folder / "b.nir", {"nodes": {**base, **(nodes or {})}, "edges": line + list(more) if edges is None else edges})
        refused("import", folder / "b.nir", "-o", folder / "o", "--steps", 9, says=("b.nir", says))
        need(not (folder / "o").exists(), "no model")

    free = [e for e in line if e != ("n", "b")]
    case("/node/nodes/x: expected to be on a way from Input to Output", {"x": lif(3)})
    case("/node/nodes/x: expected to be on a way", {"x": lif(3)}, more=[("x", "m")])
    case("/node/nodes/x: expected to be on a way", {"x": lif(3)}, more=[("m", "x")])
    case("expected neurons that fire in each cycle of edges",
         {"x": affine(rng, 3, 3), "y": affine(rng, 3, 3)}, more=[("b", "x"), ("x", "y"), ("y", "x"), ("y", "m")])
    ring = {"nodes": {"i": {"type": "Input", "shape": np.array([5])}, "o": {"type": "Output", "shape": np.array([5])}},
            "edges": chain("i", "o")}
    around = [e for e in line if e != ("a", "n")]
    for edges in ([("a", "x"), ("x", "x"), ("x", "n")], [("x", "x"), ("a", "x"), ("x", "n")],
                  [("a", "x"), ("x", "y"), ("y", "x"), ("x", "n")]):
        used = {k: ring for k in ("x", "y") if any(k in e for e in edges)}
        case("expected neurons that fire in each cycle of edges", used, edges + around)
    case("d/type: expected spikes or counts before a delay", {"d": {"type": "Delay", "delay": np.full(3, DT)}},
         [e for e in line if e != ("b", "m")] + [("b", "d"), ("d", "m")])
    case("/node/nodes/m: expected inputs of the same size, found 3 x 1 x 1 and 5 x 1 x 1", more=[("n", "m")])
    case("one Input and one Output", {"x": first}, more=[("x", "a")])
    case("one Input and one Output", {"x": last}, more=[("m", "x")])
    case("no edges", more=[("output", "a")])
    case("no edges", more=[("m", "input")])
    case("/node/nodes/output/shape: expected 3 x 1 x 1, found 4 values", {"output": ends([4], 4)[1]})
    case("d/delay: channel 1: expected 0 to 63 time steps of 0.001 s, found 0.0015 s",
         {"d": {"type": "Delay", "delay": np.array([0, 1.5, 0, 0, 0]) * DT}}, free + [("n", "d"), ("d", "b")])
    case("d/delay: channel 0: expected 0 to 63", {"d": {"type": "Delay", "delay": np.full(5, 64 * DT)}},
         free + [("n", "d"), ("d", "b")])
    case("d/delay: channel 0: expected 0 to 63", {"d": {"type": "Delay", "delay": np.full(5, -DT)}},
         free + [("n", "d"), ("d", "b")])
    case("/node/nodes/x/type: expected a node of NIR, found Dropout", {"x": {"type": "Dropout"}})
    box = {"nodes": {"input": {"type": "Input", "shape": np.array([9])}, "n": lif(5),
                     "output": {"type": "Output", "shape": np.array([5])}}, "edges": chain("input", "n", "output")}
    case("/node/nodes/n/nodes/input/shape: expected 5 x 1 x 1, found 9 values", {"n": box})
    case("/node/nodes/n/nodes/n/w: not known", {"n": {**box, "nodes": {**box["nodes"], "n": {**lif(5), "w": 1}}}})
    case("/node/nodes/n: expected one Input and one Output", {"n": {**box, "nodes": {"input": box["nodes"]["input"],
                                                                                   "n": lif(5)}, "edges": chain("input", "n")}})
    for _ in range(9):
        box = {"nodes": {"input": {"type": "Input", "shape": np.array([5])}, "x": box,
                         "output": {"type": "Output", "shape": np.array([5])}}, "edges": chain("input", "x", "output")}
    case("expected at most 8 graphs in each other", {"n": box})
    conv = {"type": "Conv1d", "weight": np.ones((2, 2, 3)), "bias": np.zeros(2), "stride": 1, "padding": 1, "dilation": 1, "groups": 1}
    write(folder / "b.nir", {"nodes": {"input": ends([2, 4], 8)[0], "c": conv, "n": lif(1), "output": ends([2, 4], 8)[1]},
                             "edges": chain("input", "c", "n", "output") + [("n", "c")]})
    refused("import", folder / "b.nir", "-o", folder / "o", "--steps", 9,
            says="/node/nodes/n: expected parameters with a number for each neuron, as its spikes go back")
    write(folder / "b.nir", {"nodes": {**base, "n": {**lif(5), "v_reset": np.full(5, 0.1)}}, "edges": line})
    refused("import", folder / "b.nir", "-o", folder / "o", "--steps", 9, "--reset", "subtract",
            says="n/v_reset: expected 0, as thresholds are subtracted")


if __name__ == "__main__":
    sys.exit(main(recurrence, stacked, sums, readouts, kinds, paddings, names, late, transposed, hostile))
