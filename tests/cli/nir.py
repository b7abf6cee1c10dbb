#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""NIR graphs that are made here: all spikes of all layers equal those of their equations, by Euler
steps in double precision, and graphs that cannot be executed are refused by name."""
import json
import os
import struct
import subprocess
import sys

import h5py
import numpy as np

from common import ROOT, SNNQ, equal, main, need, refused, snnq

STEPS, STEP_US = 30, 1000
DT = STEP_US * 1e-6


# ---- graphs

def linear(weight, bias=None):
    return {"type": "Linear" if bias is None else "Affine", "weight": weight,
            **({} if bias is None else {"bias": bias})}


def conv(weight, bias, stride=(1, 1), padding=(1, 1), groups=1):
    return {"type": "Conv2d", "weight": weight, "bias": bias, "stride": np.array(stride),
            "padding": np.array(padding), "dilation": np.array([1, 1]), "groups": groups,
            "input_shape": np.array([6, 6])}


def nodes(rng):
    """Two kinds of everything; parameters with a value for each neuron and for each channel."""
    def per_channel(values):
        return np.broadcast_to(np.array(values)[:, None, None], (3, 6, 6)).astype(np.float32)

    return {
        "input": {"type": "Input", "shape": np.array([2, 6, 6])},
        "first": conv(rng.normal(0, 1, (3, 2, 3, 3)).astype(np.float32),
                      np.array([0.1, -0.2, 0], np.float32)),
        "a.lif": {"type": "LIF", "tau": per_channel([4 * DT] * 3), "r": per_channel([1, 2, 0.5]),
                  "v_leak": per_channel([0.125, 0, -0.25]), "v_threshold": per_channel([0.3, 0.4, 0.2])},
        "pool": {"type": "SumPool2d", "kernel_size": np.array([2, 2]), "stride": np.array([2, 2]),
                 "padding": np.array([0, 0])},
        "flat": {"type": "Flatten", "start_dim": 0, "end_dim": -1, "input_type": np.array([3, 3, 3])},
        "hidden": linear(rng.normal(0, 1, (8, 27)).astype(np.float32), np.zeros(8)),
        "cuba": {"type": "CubaLIF", "tau_mem": np.full(8, 2 * DT), "tau_syn": np.full(8, 8 * DT),
                 "r": np.full(8, 2.0), "v_leak": np.linspace(-.2, .1, 8), "v_threshold": np.linspace(.2, .5, 8),
                 "w_in": np.full(8, 4.0)},
        "last": linear(rng.normal(.3, 1, (4, 8)).astype(np.float32), np.array([.1, 0, -.1, .2], np.float32)),
        "if": {"type": "IF", "r": np.full(4, 0.5), "v_threshold": np.full(4, 0.6)},
        "output": {"type": "Output", "shape": np.array([4])},
    }


def write(path, graph, edges=None, change=None):
    """As the nir package writes it; edges in an order of their own."""
    names = list(graph)
    edges = edges or list(zip(names, names[1:]))[::-1]
    with h5py.File(path, "w") as f:
        f["version"] = "1.0.0"
        node = f.create_group("node")
        node["type"] = "NIRGraph"
        node.create_dataset("edges", data=np.array(edges, dtype=object), dtype=h5py.string_dtype())
        for name, values in graph.items():
            group = node.create_group(f"nodes/{name}")
            for key, value in values.items():
                group[key] = value
        if change:
            change(f)


# ---- the equations

def windows(x, kernel, stride, padding):
    x = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    return np.lib.stride_tricks.sliding_window_view(x, kernel, (1, 2))[:, ::stride[0], ::stride[1]]


class Neuron:
    """A neuron's equations, with gt as the comparison."""

    def __init__(self, p, subtract, old_current):
        self.p = {k: np.asarray(v, np.float64) for k, v in p.items() if k != "type"}
        self.type, self.subtract, self.old = p["type"], subtract, old_current
        self.v = self.i = 0.0

    def step(self, x):
        p, before = self.p, self.i
        if self.type == "CubaLIF":
            self.i = before + DT / p["tau_syn"] * (-before + p["w_in"] * x)
            x = before if self.old else self.i
        if self.type == "IF":
            self.v = self.v + p["r"] * x
        else:
            tau = p["tau" if self.type == "LIF" else "tau_mem"]
            self.v = self.v + DT / tau * (p["v_leak"] - self.v + p["r"] * x)
        spikes = self.v > p["v_threshold"]
        self.v = np.where(spikes, self.v - p["v_threshold"] if self.subtract else 0, self.v)
        return spikes.astype(np.float64)


def apply(p, value):
    """A layer without its neuron."""
    if p["type"] == "Conv2d":
        w = windows(value, p["weight"].shape[2:], p["stride"], p["padding"])
        return np.einsum("cyxij,ocij->oyx", w, p["weight"].astype(np.float64)) + p["bias"][:, None, None]
    if p["type"] == "SumPool2d":
        return windows(value, tuple(p["kernel_size"]), p["stride"], p["padding"]).sum((3, 4))
    return p["weight"].astype(np.float64) @ value + p.get("bias", 0)


def run(graph, x, subtract, old_current):
    """Spikes of the layers by name: [step][channel][y][x] or [step][channel]."""
    state = {n: Neuron(p, subtract, old_current) for n, p in graph.items() if p["type"] in ("IF", "LIF", "CubaLIF")}
    out = {}
    for step in range(STEPS):
        value, layer = x[step].astype(np.float64), None
        for name, p in list(graph.items())[1:-1]:
            if p["type"] == "Flatten":
                value = value.reshape(-1)
                continue
            if name in state:
                value = state[name].step(value)
            else:
                layer, value = name, apply(p, value)
            out.setdefault(layer, {})[step] = value
    return {k: np.array(list(v.values())) for k, v in out.items()}


def events(path, x):
    """Counts [step][channel][y][x] as SLAYER records."""
    with open(path, "wb") as f:
        for step, c, y, col in np.argwhere(x > 0):
            t = int(step) * STEP_US
            for _ in range(int(x[step, c, y, col])):
                f.write(bytes([col, y, c << 7 | t >> 16, t >> 8 & 255, t & 255]))


def compare(folder, graph, x, arguments=(), subtract=False, old_current=False):
    write(folder / "a.nir", graph)
    events(folder / "in.bs2", x)
    snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS, "--planes", "3", *arguments)
    rasters = folder / "spikes"
    snnq("run", folder / "a.snnq", folder / "in.bs2", "-d", "sim", "--raster", rasters)
    want, spikes = run(graph, x, subtract, old_current), 0
    for layer in ("first", "pool", "hidden", "last"):
        got = np.load(rasters / f"{layer}.npy").transpose(0, 3, 1, 2).reshape(want[layer].shape)
        equal(got.tolist(), want[layer].tolist(), f"spikes of {layer}")
        spikes += int(got.sum())
        need(got.any(), f"{layer} spikes")
    return spikes


def recording(rng):
    x = rng.poisson(0.3, (STEPS, 2, 6, 6)).clip(0, 7)
    x[0, 1, 0, 0] = 1  # time counts from the first event
    x[STEPS - 1, 0, 0, 0] = 1
    return x


def networks(folder):
    """A chain of all nodes: reset to zero and by subtraction, both currents."""
    rng = np.random.default_rng(5)
    x, graph = recording(rng), nodes(rng)
    spikes = {compare(folder, graph, x), compare(folder, graph, x, ("--reset", "subtract"), subtract=True),
              compare(folder, graph, x, ("--old-current",), old_current=True)}
    equal(len(spikes), 3, "different rules give different spikes")
    text = (folder / "a.snnq").read_bytes()
    header = json.loads(text[8:8 + struct.unpack_from("<Q", text)[0]])
    model = json.loads(header["__metadata__"]["snnq"])
    equal((model["arithmetic"], model["imported_from"], model["input"]["planes"]), ("float", "NIR", 3), "model")
    snnq("quantize", folder / "a.snnq", "-o", folder / "q.snnq", "--default", "uniform:8")


# ---- what is refused

def bfloat16(f, name, values):
    """Replace a data set by one in the upper halves of the floats."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    shape = values.shape
    del f[name]
    made = h5py.h5d.create(f.id, name.encode(), kind, h5py.h5s.create_simple(shape))
    bits = np.ascontiguousarray(values.astype(np.float32)).view(np.uint32) >> 16
    made.write(h5py.h5s.ALL, h5py.h5s.ALL, bits.astype("<u2"), mtype=kind)


def short_floats(folder):
    """Weights as F16 and BF16 give the model of the same values as F32, byte for byte."""
    graph = nodes(np.random.default_rng(3))
    weighted = [name for name, node in graph.items() if "weight" in node]
    cut = {"half": lambda a: a.astype(np.float16),
           "bfloat": lambda a: (a.view(np.uint32) & 0xffff0000).view(np.float32)}

    def model(values, change=None):
        some = {n: dict(v, weight=values[n]) if n in values else v for n, v in graph.items()}
        write(folder / "a.nir", some, change=change)
        snnq("import", folder / "a.nir", "-o", folder / "a.snnq", "--steps", STEPS)
        return (folder / "a.snnq").read_bytes()

    for kind, short in cut.items():
        values = {n: short(np.float32(graph[n]["weight"])) for n in weighted}
        values[weighted[0]].flat[:4] = np.array([6e-8, -0.0, 3e-6, -65280]).astype(values[weighted[0]].dtype)
        if kind == "bfloat":
            values = {n: short(np.ascontiguousarray(v)) for n, v in values.items()}
        as_float = {n: v.astype(np.float32) for n, v in values.items()}

        def shorten(f, values=values):
            for n, v in values.items():
                bfloat16(f, f"node/nodes/{n}/weight", v)

        got = model(values) if kind == "half" else model(as_float, shorten)
        with h5py.File(folder / "a.nir") as f:
            equal(f[f"node/nodes/{weighted[0]}/weight"].id.get_type().get_size(), 2, f"bytes of a {kind}")
        equal(got == model(as_float), True, f"model of {kind} weights")


def without(*path):
    def change(f):
        del f["/".join(path)]
    return change


def put(path, value):
    def change(f):
        if path in f:
            del f[path]
        f[path] = value
    return change


def put_twice(f):
    """A type that is two strings."""
    del f["node/nodes/if/type"]
    f.create_dataset("node/nodes/if/type", data=np.array(["IF"] * 2, dtype=object), dtype=h5py.string_dtype())


def put_outside(f):
    """Numbers that lie in another file."""
    del f["node/nodes/if/r"]
    f.create_dataset("node/nodes/if/r", (4,), "f8", external=[("/proc/self/exe", 0, 32)])


def put_virtual(f):
    """Numbers that are said to be those of another data set."""
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("other.nir", "r", (4,))
    del f["node/nodes/if/r"]
    f.create_virtual_dataset("node/nodes/if/r", layout)


def put_filled(f):
    """Many numbers that are not stored."""
    del f["node/nodes/if/r"]
    f.create_dataset("node/nodes/if/r", (1 << 14, 1 << 12), "f4", chunks=(64, 64))


def put_bytes(f):
    """A name that is no text."""
    h5py.h5g.create(f.id, b"node/nodes/fc\xe5\xe5")


def put_again(f):
    """Names of the graph itself within it."""
    for name in "xyz":
        f[f"node/nodes/{name}"] = f["node"]


HOSTILE = (
    (put_twice, "if/type: expected a string"),
    (put("node/nodes/if/type", h5py.Empty("S4")), "if/type: expected a string"),
    (put("node/nodes/if/r", h5py.Empty("f8")), "if/r: expected numbers"),
    (put_outside, "if/r: expected numbers that are in the file"),
    (put_virtual, "if/r: expected numbers that are in the file"),
    (put_filled, "if/r: expected numbers that are in the file"),
    (put_again, "/node/nodes/x: expected an object, found a link to one"),
    (without("version"), "/version: expected 0.x or 1.x"),
    (put("version", "2.0"), "/version: expected 0.x or 1.x"),
    (put("other", 1), "/other: not known"),
    (without("node/edges"), "/node/edges: expected at most"),
    (put("node/edges", np.zeros((3, 2))), "/node/edges: expected at most"),
    (put("node/type", "Graph"), "/node/type: expected NIRGraph"),
    (put("node/nodes/if/type", "Delay"), "if/r: not known"),
    (put("node/nodes/if/type", "LI"), "if/v_threshold: not known"),
    (put("node/nodes/if/type", "Sigmoid"), "if/type: expected a node of NIR, found Sigmoid"),
    (put("node/nodes/if/noise", 1.0), "if/noise: not known"),
    (put("node/nodes/extra/type", "IF"), "extra: expected to be on a way from Input to Output"),
    (put("node/nodes/" + "n" * 167 + "/type", "IF"), "expected names of at most 166 bytes"),
    (put_bytes, "expected names in UTF-8, found \"fc"),
    (without("node/nodes/if/r"), "if/r: expected numbers, found nothing"),
    (put("node/nodes/if/r", np.zeros(4)), "expected a positive threshold"),
    (put("node/nodes/if/r", np.full(4, np.nan)), "if/r: expected finite numbers"),
    (put("node/nodes/if/r", np.ones(5)), "if/r: expected 4 numbers"),
    (put("node/nodes/if/v_threshold", -np.ones(4)), "expected a positive threshold"),
    (put("node/nodes/if/r", np.full(4, 1e-31)), "parameters whose ratios are below 1e30"),
    (put("node/nodes/cuba/tau_syn", np.full(8, -3.0)), "tau_syn: channel 0: expected at least the time step"),
    (put("node/nodes/cuba/tau_syn", np.full(8, DT / 2)), "tau_syn: channel 0: expected at least the time step"),
    (put("node/nodes/a.lif/tau", np.random.default_rng(1).random((3, 6, 5))), "a.lif/tau: expected 108 numbers"),
    (put("node/nodes/first/weight", np.ones((3, 3, 3, 3))), "first/weight: expected (out, 2"),
    (put("node/nodes/first/input_shape", np.array([6, 5])), "input_shape: expected 2 x 6 x 6"),
    (put("node/nodes/first/padding", "full"), "padding: expected numbers, same or valid, found full"),
    (put("node/nodes/pool/padding", "same"), "padding: expected numbers"),
    (put("node/nodes/first/groups", 3), "in 3 groups"),
    (put("node/nodes/first/bias", np.ones(2)), "bias: expected one number for each output"),
    (put("node/nodes/pool/kernel_size", np.array([9, 9])), "expected a window that fits"),
    (put("node/nodes/pool/stride", np.array([0, 0])), "expected a window that fits"),
    (put("node/nodes/flat/end_dim", 1), "end_dim: expected all axes"),
    (put("node/nodes/flat/input_type", np.array([3, 9, 1])), "input_type: expected 3 x 3 x 3"),
    (put("node/nodes/hidden/weight", np.ones((27, 8))), "hidden/weight: expected (out, 27), found 2"),
    (put("node/nodes/input/shape", np.array([300, 6, 6])), "expected at most 255 channels, found 300"),
    (put("node/nodes/input/shape", np.array([6, 6])), "input_shape: expected 6 x 1 x 6"),
)


def hostile(folder):
    """Damaged graphs, and such as cannot be executed, are refused with the place."""
    graph, out = nodes(np.random.default_rng(6)), folder / "out.snnq"
    for change, says in HOSTILE:
        write(folder / "bad.nir", graph, change=change)
        refused("import", folder / "bad.nir", "-o", out, "--steps", STEPS, says=("bad.nir", says))
        need(not out.exists(), f"no model: {says}")
    names = list(graph)
    chain = list(zip(names, names[1:]))
    for edges, says in ((chain + [("cuba", "hidden")], "inputs of the same size"),
                        (chain + [("hidden", "hidden")], "neurons that fire in each cycle"),
                        (chain[:-1], "to be on a way from Input to Output"),
                        (chain[:-1] + [("if", "none")], 'found "none"'),
                        ([e for e in chain if "pool" not in e] + [("a.lif", "flat")],
                         "to be on a way from Input to Output"),
                        ([e for e in chain if "a.lif" not in e] + [("first", "pool")],
                         "to be on a way from Input to Output"),
                        ([e for e in chain if "flat" not in e] + [("pool", "hidden")],
                         "to be on a way from Input to Output"),
                        ([("input", "if"), ("if", "output")], "to be on a way from Input to Output")):
        write(folder / "bad.nir", graph, edges=edges)
        refused("import", folder / "bad.nir", "-o", out, "--steps", STEPS, says=("bad.nir", says))
    write(folder / "bad.nir", graph)
    for arguments, says in (((), "steps: expected 1..65536, found 0"),
                            (("--steps", "9", "--no-delay"), "of no use for a NIR graph"),
                            (("--steps", "9", "--restart", "3"), "of no use for a NIR graph"),
                            (("--steps", "9", "--width", "5", "--height", "6"), "shape: expected the sizes"),
                            (("--steps", "9", "--polarities", "1"), "shape: expected the sizes"),
                            (("--steps", "9", "--reset", "soft"), "--reset: expected zero or subtract"),
                            (("--steps", "9", "--dt", "-1"), "--dt: expected seconds"),
                            (("--steps", "9", "--dt", "1"), "expected at least the time step of 1 s")):
        refused("import", folder / "bad.nir", "-o", out, *arguments, says=says,
                code=4 if "time step" in says or "shape" in says else 2)
    flat = {"input": {"type": "Input", "shape": np.array([12])}, "fc": linear(np.ones((2, 12))),
            "if": graph["if"] | {"r": np.ones(2), "v_threshold": np.ones(2)}, "output": {"type": "Output", "shape": np.array([2])}}
    write(folder / "flat.nir", flat)
    snnq("import", folder / "flat.nir", "-o", out, "--steps", "9", "--width", "3", "--height", "2", "--polarities", "2")
    for size in (("4", "2", "2"), ("3", "5", "2"), ("3", "65535", "2")):
        refused("import", folder / "flat.nir", "-o", out, "--steps", "9", "--width", size[0], "--height", size[1],
                "--polarities", size[2], says="expected polarities x height x width as the options say")


def cut(folder):
    """A file that was cut anywhere is refused."""
    write(folder / "a.nir", nodes(np.random.default_rng(7)))
    whole = (folder / "a.nir").read_bytes()
    for size in (*range(0, 200, 23), *range(200, len(whole), len(whole) // 20)):
        (folder / "cut.nir").write_bytes(whole[:size])
        refused("import", folder / "cut.nir", "-o", folder / "o", "--steps", STEPS, says="cut.nir: offset 0")


def example(folder):
    """The example of the documentation imports, quantizes and evaluates."""
    rng = np.random.default_rng(8)
    write(folder / "a.nir", nodes(rng))
    for name, count in (("calib", 6), ("test", 4)):
        lines = []
        for i in range(count):
            events(folder / f"{name}{i}.bs2", recording(rng))
            lines.append(f"{name}{i}.bs2\t{i % 4}\n")
        (folder / f"{name}.tsv").write_text("".join(lines))
    script = ROOT / "Documentation" / "examples" / "quantize.sh"
    env = dict(os.environ, PATH=f"{os.path.dirname(SNNQ)}:{os.environ['PATH']}")
    done = subprocess.run([script, "a.nir", "calib.tsv", "test.tsv", "3", "--steps", str(STEPS), "--planes", "3"],
                          cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    equal(done.returncode, 0, f"exit of the example: {done.stderr}")
    for text in ("float:\n", "quantized:\n"):
        need(text in done.stdout, f"the example says {text!r}: {done.stdout}")
    need((folder / "report.html").stat().st_size > 1000, "report")
    layers = json.loads(snnq("info", folder / "quantized.snnq", "--json")[0])["layers"]
    weights = [(layer["params"], layer["bits"]) for layer in layers if layer["bits"]]
    need(len(weights) == 3 and sum(n * b for n, b in weights) <= 3 * sum(n for n, _ in weights), f"bits: {weights}")
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    need(done.returncode == 2 and "quantize.sh NETWORK" in done.stderr, f"usage: {done.stderr}")


if __name__ == "__main__":
    sys.exit(main(networks, short_floats, hostile, cut, example))
