#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""NIR graphs whose nodes stand where other exporters put them: weights behind weights, potentials and
pools of currents; Flatten before neurons; neurons that differ at each position. Spikes and potentials
equal those of the equations (nir_graphs.py)."""
import sys

import numpy as np

from common import main, need
from nir_graphs import DT, affine, chain, check, ends, inputs, lif, simulate

FLAT = {"type": "Flatten", "start_dim": 0, "end_dim": -1}


def conv(rng, out, inside, side=3, **more):
    return {"type": "Conv2d", "weight": rng.normal(0.1, 0.7, (out, inside, side, side)).astype(np.float32),
            "bias": rng.normal(0, 0.2, out).astype(np.float32), "stride": np.array([1, 1]), "padding": np.array([1, 1]),
            "dilation": np.array([1, 1]), "groups": 1, **more}


def pool(kind, size=2, stride=None, padding=0):
    return {"type": kind, "kernel_size": np.array([size, size]), "stride": np.array([stride or size] * 2),
            "padding": np.array([padding, padding])}


def li(n, tau=3.0, r=2.0):
    return {"type": "LI", "tau": np.full(n, tau * DT), "r": np.full(n, r), "v_leak": np.full(n, 0.05)}


def run(folder, nodes, x, layers, edges=None, back=(), **more):
    graph = {"nodes": nodes, "edges": edges or chain(*nodes)}
    want = simulate(graph, back, x, sizes=more.pop("sizes", None))
    return check(folder, graph, x, want, layers, exact=False, **more)


def weights_in_line(folder):
    """Weights read what weights make, and scales stand before them."""
    rng = np.random.default_rng(1)
    first, last = ends([5], 3)
    run(folder, {"input": first, "a": affine(rng, 7, 5), "b": affine(rng, 6, 7), "n": lif(6), "c": affine(rng, 4, 6),
                 "d": affine(rng, 3, 4), "output": last}, inputs(2, (5,), 0.5), {"b": "n"})
    run(folder, {"input": first, "s": {"type": "Scale", "scale": np.linspace(-1, 2, 5)}, "b": affine(rng, 6, 5), "n": lif(6),
                 "t": {"type": "Scale", "scale": np.linspace(0.5, 2, 6)}, "c": affine(rng, 3, 6), "output": last},
        inputs(3, (5,), 0.5), {"b": "n"})
    first, last = ends([2, 6, 6], 3)
    run(folder, {"input": first, "a": conv(rng, 3, 2), "b": conv(rng, 4, 3, 2), "f": FLAT, "c": affine(rng, 5, 196, scale=0.2),
                 "n": lif(5), "d": affine(rng, 3, 5), "output": last}, inputs(4, (2, 6, 6), 0.1), {"c": "n"})


def pools_of_currents(folder):
    """Pools between weights and neurons, with padding and steps of their own, and shared sums."""
    rng = np.random.default_rng(5)
    first, last = ends([2, 6, 6], 3)
    for kind, size, stride, padding, side in (("AvgPool2d", 2, 2, 0, 3), ("SumPool2d", 3, 2, 1, 3), ("AvgPool2d", 3, 1, 0, 4)):
        nodes = {"input": first, "a": conv(rng, 3, 2), "p": pool(kind, size, stride, padding), "n": lif(1), "f": FLAT,
                 "c": affine(rng, 3, 3 * side * side, scale=0.3), "output": last}
        run(folder, nodes, inputs(6, (2, 6, 6), 0.1), {"p": "n"})
    nodes["q"], nodes["r"] = pool("AvgPool2d"), lif(1, threshold=0.8)
    nodes["g"], nodes["d"] = FLAT, affine(rng, 3, 27, scale=0.3)
    order = {k: nodes[k] for k in ("input", "a", "p", "n", "f", "c", "q", "r", "g", "d", "output")}
    edges = chain("input", "a", "p", "n", "f", "c", "output") + chain("a", "q", "r", "g", "d", "output")
    run(folder, order, inputs(7, (2, 6, 6), 0.1), {"p": "n", "q": "r"}, edges)


def potentials_on(folder):
    """Neurons that do not fire behind spikes, sums and pools; weights behind them."""
    rng = np.random.default_rng(8)
    first, last = ends([5], 3)
    run(folder, {"input": first, "a": affine(rng, 6, 5), "n": lif(6), "l": li(6), "b": affine(rng, 4, 6), "m": lif(4, threshold=0.4),
                 "k": {"type": "CubaLI", "tau_mem": np.full(4, 4 * DT), "tau_syn": np.full(4, 2 * DT), "r": np.full(4, 4.0),
                       "v_leak": np.zeros(4), "w_in": np.full(4, 2.0)}, "c": affine(rng, 3, 4), "output": last},
        inputs(9, (5,), 0.5), {"a": "n", "b": "m"})
    nodes = {"input": first, "a": affine(rng, 6, 5), "b": affine(rng, 6, 5), "n": lif(6), "l": li(6, 4, np.linspace(1, 3, 6)),
             "c": affine(rng, 3, 6), "m": lif(3, threshold=0.4), "output": last}
    edges = chain("input", "a", "n", "l", "c", "m", "output") + chain("input", "b", "l")
    run(folder, nodes, inputs(10, (5,), 0.5), {"a": "n", "c": "m"}, edges)
    first, last = ends([2, 4, 4], 8)
    nodes = {"input": first, "a": conv(rng, 2, 2), "n": lif(1), "p": pool("SumPool2d"), "l": li(1), "output": last}
    told = run(folder, nodes, inputs(11, (2, 4, 4), 0.3), {"a": "n"})
    need("/node/nodes/output: 2 x 2 x 2 values (channels, height, width) are as many classes" in told, f"a map read out: {told}")


def feedback(folder):
    """Spikes go back through a synapse, weights and a delay, as Nengo has it."""
    rng = np.random.default_rng(12)
    first, last = ends([4], 3)
    nodes = {"input": first, "e": affine(rng, 6, 4, False), "r": affine(rng, 6, 3, scale=0.6), "d": affine(rng, 3, 6), "s": li(6, 2),
             "n": lif(6), "o": affine(rng, 3, 6), "output": last}
    order = {k: nodes[k] for k in ("input", "e", "s", "d", "r", "n", "o", "output")}
    edges = chain("input", "e", "n", "o", "output") + chain("n", "s", "d", "r", "n")
    run(folder, order, inputs(13, (4,), 0.5), {"n": "n"}, edges, back={("n", "s")})
    scalar = {"type": "LIF", "tau": 4 * DT, "r": np.array([4.0]), "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0}
    nodes = {"input": first, "e": affine(rng, 6, 4), "w": affine(rng, 6, 6, False, 0.6), "n": scalar, "o": affine(rng, 3, 6),
             "output": last}
    edges = chain("input", "e", "n", "o", "output") + [("n", "w"), ("w", "n")]
    run(folder, nodes, inputs(14, (4,), 0.5), {"n": "n"}, edges, back={("n", "w")}, sizes={"n": (6,)})
    # what comes in goes through the recurrent weights, too
    edges = chain("input", "e", "w", "n", "o", "output") + [("n", "w")]
    run(folder, nodes, inputs(15, (4,), 0.5), {"w": "n"}, edges, back={("n", "w")}, sizes={"n": (6,)})
    one = {"type": "LIF", "tau": np.full((1, 6), 4 * DT), "r": np.full((1, 6), 4.0), "v_leak": np.zeros((1, 6)),
           "v_threshold": np.linspace(0.8, 1.4, 6)[None]}
    nodes["n"] = one
    edges = chain("input", "e", "n", "o", "output") + [("n", "w"), ("w", "n")]
    flat = {**nodes, "n": {k: v if k == "type" else v[0] for k, v in one.items()}}
    want = simulate({"nodes": flat, "edges": edges}, {("n", "w")}, x := inputs(16, (4,), 0.5))
    check(folder, {"nodes": nodes, "edges": edges}, x, want, {"n": "n"}, exact=False)


def late_counts(folder):
    """Delays of counts."""
    rng = np.random.default_rng(17)
    first, last = ends([5], 3)
    delay = {"type": "Delay", "delay": np.array([0, 3, 1, 2, 7, 1]) * DT}
    nodes = {"input": first, "a": affine(rng, 6, 5), "b": affine(rng, 6, 5), "n": lif(6), "m": lif(6), "d": delay,
             "c": affine(rng, 3, 6), "output": last}
    edges = chain("input", "a", "n", "d", "c", "output") + chain("input", "b", "m", "d")
    run(folder, nodes, inputs(19, (5,), 0.5), {"a": "n", "b": "m", "d": "d"}, edges)


def flattened(folder):
    """Flatten before neurons, scales, sums and the output; of all that it may say."""
    rng = np.random.default_rng(21)
    first, last = ends([2, 4, 4], 3)
    own = {**lif(48), "tau": np.linspace(3, 8, 48) * DT, "v_threshold": np.linspace(0.5, 1.5, 48)}
    for start, end, said in ((0, -1, None), (1, -1, np.zeros(4)), (0, 2, np.array([3, 4, 4])), (-3, -1, np.array([1, 3, 4, 4])),
                             (1, 3, np.array([3, 4, 4]))):
        flat = {"type": "Flatten", "start_dim": start, "end_dim": end, **({} if said is None else {"input_type": said})}
        run(folder, {"input": first, "a": conv(rng, 3, 2), "f": flat, "n": own, "c": affine(rng, 3, 48, scale=0.3), "m": lif(3),
                     "output": last}, inputs(22, (2, 4, 4), 0.1), {"n": "n", "c": "m"})
    nodes = {"input": first, "a": conv(rng, 3, 2), "n": lif(1), "f": FLAT, "s": {"type": "Scale", "scale": rng.normal(0, 1, 48)},
             "g": FLAT, "v": affine(rng, 48, 32, scale=0.3), "k": lif(48), "c": affine(rng, 3, 48, scale=0.3), "m": lif(3),
             "output": last}
    order = {k: nodes[k] for k in ("input", "a", "n", "f", "g", "v", "s", "k", "c", "m", "output")}
    edges = chain("input", "a", "n", "f", "s", "k", "c", "m", "output") + chain("input", "g", "v", "k") + [("f", "k")]
    run(folder, order, inputs(23, (2, 4, 4), 0.1), {"a": "n", "k": "k", "c": "m"}, edges)
    first, last = ends([2, 3, 4], 36)
    run(folder, {"input": first, "a": conv(rng, 3, 2), "n": lif(1), "f": FLAT, "output": last}, inputs(24, (2, 3, 4), 0.2), {"a": "n"})
    first, last = ends([1, 8], 3)
    nodes = {"input": first, "a": affine(rng, 5, 8), "n": lif(5), "b": affine(rng, 3, 5), "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(25, (8,), 0.4)
    check(folder, graph, x[:, None], simulate(graph, (), x), {"a": "n"}, exact=False)


def as_written(folder):
    """What writers add: shapes at each node, an axis of a batch, time constants of a step as floats."""
    rng = np.random.default_rng(31)
    first, last = ends([2, 4, 4], 3)
    one = np.full(3, np.float32(DT), np.float32)
    nodes = {"input": first, "a": conv(rng, 2, 2), "n": lif(1), "f": FLAT, "c": affine(rng, 3, 32, False),
             "m": {"type": "CubaLIF", "tau_mem": np.full(3, 4 * DT), "tau_syn": one, "r": np.full(3, 4.0), "v_leak": np.zeros(3),
                   "v_threshold": np.ones(3)}, "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(32, (2, 4, 4), 0.2)
    want = simulate(graph, (), x)
    written = {k: dict(v) for k, v in nodes.items()}
    written["input"]["shape"], written["output"]["shape"] = np.array([1, 2, 4, 4]), np.array([1, 3])
    for name, size in (("n", [2, 4, 4]), ("m", [3])):
        written[name] |= {"input_type/input": np.array(size), "output_type/output": np.array(size)}
    told = check(folder, {"nodes": written, "edges": graph["edges"]}, x, want, {"a": "n", "c": "m"})
    need("/node/nodes/input/shape: its first axis is taken for that of a batch" in told, f"a batch: {told}")


def per_second(folder):
    """Neurons without a leak: r is 1/dt, as SpikingJelly writes it, or with tau infinite, as snnTorch."""
    rng = np.random.default_rng(29)
    first, last = ends([5], 3)
    nodes = {"input": first, "a": affine(rng, 6, 5), "n": {"type": "IF", "r": np.ones(6), "v_threshold": np.full(6, 1.5)},
             "b": affine(rng, 3, 6), "i": {"type": "I", "r": np.ones(3)}, "output": last}
    graph, x = {"nodes": nodes, "edges": chain(*nodes)}, inputs(30, (5,), 0.5)
    want = simulate(graph, (), x)
    for name in ("n", "i"):
        nodes[name]["r"] = nodes[name]["r"] / DT
    told = check(folder, graph, x, want, {"a": "n"}, exact=False)
    endless = {"tau": np.full(6, np.inf, np.float32), "r": np.full(6, np.inf, np.float32), "v_leak": np.zeros(6)}
    for node in ({"type": "LIF", "v_threshold": np.full(6, 1.5), **endless},
                 {"type": "CubaLIF", "v_threshold": np.full(6, 1.5), "tau_mem": endless["tau"], "r": endless["r"],
                  "v_leak": np.zeros(6), "tau_syn": np.full(6, DT), "w_in": np.ones(6)}):
        graph["nodes"] = {**nodes, "a": {**nodes["a"], "bias": np.zeros(6)}, "n": node}
        plain = {**graph["nodes"], "n": {"type": "IF", "r": np.ones(6), "v_threshold": np.full(6, 1.5)}, "i": {"type": "I", "r": np.ones(3)}}
        want = simulate({"nodes": plain, "edges": graph["edges"]}, (), x)
        endless_told = check(folder, graph, x, want, {"a": "n"}, exact=False)
        need("/node/nodes/n: tau and r are infinite: no leak, and a gain of 1" in endless_told, f"endless: {endless_told}")
    for name in ("n", "i"):
        need(told.count(f"/node/nodes/{name}/r: is 1 in a step of 0.001 s: inputs count once") == 1, f"what r means: {told}")


def each(folder, nodes, x, spread, edges, back=()):
    """Layers whose neurons are channels, in the order (H, W, C)."""
    graph = {"nodes": nodes, "edges": edges}
    want = simulate(graph, back, x)
    for name in spread:
        want[name] = want[name].transpose(0, 2, 3, 1).reshape(len(x), -1)
    check(folder, graph, x, want, {name: name for name in spread}, exact=False)


def each_position(folder):
    """Parameters that differ at each position: of neurons, scales, delays, potentials; of what goes back."""
    rng = np.random.default_rng(26)
    first, last = ends([2, 4, 3], 3)
    shape = (3, 4, 3)
    own = {"type": "LIF", "tau": 256 / rng.integers(30, 80, shape) * DT, "r": rng.uniform(2, 5, shape), "v_leak": rng.normal(0, 0.1, shape),
           "v_threshold": rng.uniform(0.5, 1.5, shape), "v_reset": rng.normal(0, 0.2, shape)}
    nodes = {"input": first, "a": conv(rng, 3, 2), "n": own, "s": {"type": "Scale", "scale": rng.uniform(-1, 2, shape)},
             "c": conv(rng, 3, 3), "m": {**own, "v_threshold": np.full(shape, 0.7)},
             "d": {"type": "Delay", "delay": rng.integers(0, 5, shape) * DT}, "p": pool("SumPool2d", 2, 1), "f": FLAT,
             "e": affine(rng, 3, 18), "output": last}
    each(folder, nodes, inputs(27, (2, 4, 3), 0.2), ("n", "m", "d"), chain(*nodes))
    nodes = {"input": first, "a": conv(rng, 3, 2), "w": conv(rng, 3, 3), "n": own,
             "l": {k: own[k] for k in ("tau", "r", "v_leak")} | {"type": "LI"}, "f": FLAT, "e": affine(rng, 3, 36), "output": last}
    edges = chain("input", "a", "n", "l", "f", "e", "output") + [("n", "w"), ("w", "n")]
    each(folder, nodes, inputs(28, (2, 4, 3), 0.2), ("n",), edges, {("n", "w")})
    # one channel, whose axis is no batch's: rows differ, and what goes back
    rows = {k: v if k == "type" else np.broadcast_to(v[:1, :, :1], (1, 4, 3)).copy() for k, v in own.items()}
    nodes = {"input": first, "a": conv(rng, 1, 2), "w": conv(rng, 1, 1), "n": rows, "f": FLAT, "e": affine(rng, 3, 12), "output": last}
    edges = chain("input", "a", "n", "f", "e", "output") + [("n", "w"), ("w", "n")]
    each(folder, nodes, inputs(29, (2, 4, 3), 0.2), ("n",), edges, {("n", "w")})


if __name__ == "__main__":
    sys.exit(main(weights_in_line, pools_of_currents, potentials_on, feedback, late_counts, flattened, as_written, per_second, each_position))
