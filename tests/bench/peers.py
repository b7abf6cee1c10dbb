#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The engine beside PyTorch and ONNX Runtime: Spikformer 2-256, 16 steps, one recording at a time.

    tests/bench/peers.py --engine ENGINE_BENCH --node-modules FOLDER
                         [--rates PERCENT,...] [--threads N,...] [--rounds N]

The same network and input for all: engine_bench writes weights, counts and results. What the
peers run has the leak that costs them least, u / 2 + x, instead of the engine's floor(u / 2) + x;
before anything is timed the latter is run too, and its spikes, layer by layer, and its scores have
to be the engine's. Peers go over all steps of a layer at once, the steps being their batch, and
unroll the neurons; K^T V comes first in their attention, as it is the lesser work. Each program
stays loaded; all take turns, some runs each, so that what else the machine does meets all of them.
The first run of a turn warms up what the others took from caches; the mean of the rest counts.
Times are wall times; ratios are those of medians, with an interval of 95 % from resampling rounds.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
import torch
from onnx import numpy_helper
from torch.nn.functional import conv2d, linear, max_pool2d

STEPS = 16
HEADS = 16
TURN = 4 # runs of a program in a row
HERE = pathlib.Path(__file__).resolve().parent


class Spikformer(torch.nn.Module):
    """[step][channel][y][x] counts to scores, and the number of spikes of each neuron layer."""

    def __init__(self, folder, floor):
        super().__init__()
        self.layers = json.loads((folder / "network.json").read_text())["layers"]
        self.levels = numpy.fromfile(folder / "weights.i8", dtype=numpy.int8).astype(numpy.float32)
        self.floor = floor
        self.spikes = []
        self.at = 0
        self.neuron = 0
        channels = [2, 32, 64, 128, 256]
        for i in range(4):
            self.weights(f"conv{i}", 3, channels[i], channels[i + 1])
        self.weights("rpe", 3, 256, 256)
        for b in range(2):
            for name, inputs, outputs in (("q", 256, 256), ("k", 256, 256), ("v", 256, 256),
                                          ("proj", 256, 256), ("fc1", 256, 1024), ("fc2", 1024, 256)):
                self.weights(f"{name}_{b}", 1, inputs, outputs)
        self.weights("head", 1, 256, 10)

    def weights(self, name, kernel, inputs, outputs):
        """The next weights: [kernel y][kernel x][input][output] in the file."""
        n = kernel * kernel * inputs * outputs
        w = self.levels[self.at:self.at + n].reshape(kernel, kernel, inputs, outputs)
        self.at += n
        w = w.transpose(3, 2, 0, 1) if kernel > 1 else w[0, 0].T
        self.register_buffer(name, torch.from_numpy(numpy.ascontiguousarray(w)))

    def lif(self, x):
        """Spikes of all steps; hard reset to 0 where u >= threshold."""
        threshold = float(self.layers[self.neuron]["threshold"])
        self.neuron += 1
        u, out, zero = None, [], torch.zeros(())
        for current in x.split(1):
            if u is None:
                u = current
            else:
                u = (torch.floor(u * 0.5) if self.floor else u * 0.5) + current
            fires = u >= threshold
            u = torch.where(fires, zero, u)
            out.append(fires.to(x.dtype))
        s = torch.cat(out)
        self.spikes.append(s)
        return s

    def attention(self, q, k, v):
        """Q (K^T V) of each head, tokens x channels."""
        def heads(x):
            return x.reshape(STEPS, 64, HEADS, 16).transpose(1, 2)
        a = heads(q) @ (heads(k).transpose(2, 3) @ heads(v))
        return self.lif(a.transpose(1, 2).reshape(STEPS, 64, 256))

    def forward(self, x):
        self.neuron, self.spikes = 0, []
        for i in range(4):
            x = max_pool2d(self.lif(conv2d(x, getattr(self, f"conv{i}"), padding=1)), 3, 2, 1)
        x = x + self.lif(conv2d(x, self.rpe, padding=1))
        x = x.flatten(2).transpose(1, 2)
        for b in range(2):
            def layer(name, y, b=b):
                return self.lif(linear(y, getattr(self, f"{name}_{b}")))
            x = x + layer("proj", self.attention(layer("q", x), layer("k", x), layer("v", x)))
            x = x + layer("fc2", layer("fc1", x))
        return linear(x, self.head).sum((0, 1))


def counts_of(folder):
    """The input."""
    x = numpy.fromfile(folder / "input.u8", dtype=numpy.uint8).reshape(STEPS, 2, 128, 128)
    return torch.from_numpy(x.astype(numpy.float32))


def check(folder, x):
    """Spikes and scores of the network with the engine's leak are the engine's."""
    network = json.loads((folder / "network.json").read_text())
    model = Spikformer(folder, floor=True)
    with torch.no_grad():
        scores = model(x)
    for layer, spikes in zip(network["layers"], model.spikes):
        if int(spikes.sum()) != layer["spikes"]:
            sys.exit(f"peers: {layer['name']}: expected {layer['spikes']} spikes, "
                     f"PyTorch has {int(spikes.sum())}")
    if [int(s) for s in scores] != network["scores"]:
        sys.exit(f"peers: expected scores {network['scores']}, PyTorch has {scores.tolist()}")


def make_onnx(folder, x):
    """The network as peers run it; what it gives, to be compared."""
    model = Spikformer(folder, floor=False).eval()
    with torch.no_grad():
        scores = model(x)
        torch.onnx.export(model, (x,), str(folder / "network.onnx"), input_names=["counts"],
                          output_names=["scores"], opset_version=13)
    x.numpy().tofile(folder / "counts.f32")
    scores.numpy().tofile(folder / "scores.f32")


def make_int8(folder):
    """The same with products of bytes, which are exact here: levels, counts and spikes are small."""
    model = onnx.load(str(folder / "network.onnx"))
    weights = {w.name: w for w in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type not in ("Conv", "MatMul"):
            nodes.append(node)
            continue
        operands = []
        for name in node.input:
            if name in weights:
                values = numpy_helper.to_array(weights[name]).astype(numpy.int8)
                model.graph.initializer.append(numpy_helper.from_array(values, name + "_i8"))
                operands.append(name + "_i8")
            else:
                operands.append(f"{node.output[0]}_{len(operands)}_u8")
                nodes.append(onnx.helper.make_node("Cast", [name], [operands[-1]], to=onnx.TensorProto.UINT8))
        product = onnx.helper.make_node(node.op_type + "Integer", operands, [node.output[0] + "_i32"])
        product.attribute.extend(node.attribute)
        nodes += [product, onnx.helper.make_node("Cast", [node.output[0] + "_i32"], [node.output[0]],
                                                 to=onnx.TensorProto.FLOAT)]
    kept = [w for w in model.graph.initializer if any(w.name in n.input for n in nodes)]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, str(folder / "network-int8.onnx"))


class Peer:
    """A program that says "ready", and then the milliseconds of a run for each line it gets."""

    def __init__(self, name, command, threads):
        self.name, self.threads, self.times = name, threads, []
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=env)
        if self.line() != "ready":
            sys.exit(f"peers: {name} does not start")

    def line(self):
        return self.process.stdout.readline().strip()

    def run(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.line())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def serve_torch(folder, threads):
    """PyTorch as such a program."""
    torch.set_num_threads(threads)
    x = counts_of(folder)
    with torch.no_grad():
        model = torch.jit.freeze(torch.jit.trace(Spikformer(folder, floor=False).eval(), (x,)))
        for _ in range(3):
            scores = model(x)
        if not numpy.array_equal(scores.numpy(), numpy.fromfile(folder / "scores.f32", "float32")):
            sys.exit("peers: the traced network has other scores")
        print("ready", flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            model(x)
            print((time.perf_counter() - start) * 1e3, flush=True)


def median_ratio(a, b, draws=2000):
    """Median of @a over that of @b, and 95 % of what resampled rounds give."""
    rng = random.Random(1)
    ratios = []
    for _ in range(draws):
        picks = [rng.randrange(len(a)) for _ in a]
        ratios.append(statistics.median(a[i] for i in picks) / statistics.median(b[i] for i in picks))
    ratios.sort()
    return {"ratio": statistics.median(a) / statistics.median(b),
            "low": ratios[draws // 40], "high": ratios[-draws // 40 - 1]}


def measure(options, rate, threads, folder):
    """Rows of one firing rate and number of threads."""
    node = ["node", HERE / "peers.mjs", options.node_modules, folder]
    peers = [Peer("engine", [options.engine, "--time", rate, threads], threads),
             Peer("ONNX Runtime fp32", [*node, "network.onnx", threads], threads)]
    if not rate:
        peers.append(Peer("ONNX Runtime int8", [*node, "network-int8.onnx", threads], threads))
        peers.append(Peer("PyTorch fp32", [sys.executable, __file__, "--serve-torch", folder,
                                           "--threads", threads], threads))
    for r in range(options.rounds + 2):
        for p in peers:
            time.sleep(0.1) # threads of the one before go on spinning for a while
            ms = statistics.fmean([p.run() for _ in range(TURN)][1:])
            if r >= 2: # the first two warm up
                p.times.append(ms)
    rows = []
    for p in peers:
        p.close()
        rows.append({"rate": rate, "threads": threads, "name": p.name,
                     "median_ms": statistics.median(p.times), "least_ms": min(p.times),
                     "most_ms": max(p.times), "rounds": len(p.times), **median_ratio(p.times, peers[0].times)})
    return rows


def mean_rate(folder):
    """Firing neurons of all, in percent."""
    layers = json.loads((folder / "network.json").read_text())["layers"]
    return 100 * sum(l["spikes"] for l in layers) / sum(l["outputs"] for l in layers)


def report(row):
    """The row for people, and for the results."""
    print(f"{row['mean_rate']:5.1f} %  {row['threads']:7}  {row['name']:18} "
          f"{row['median_ms']:11.2f}   ({row['least_ms']:.2f} .. {row['most_ms']:.2f})"
          f"    {row['ratio']:.2f} ({row['low']:.2f} .. {row['high']:.2f})", flush=True)
    if "SNNQ_BENCH_RESULTS" in os.environ:
        name = f"peers, firing {row['mean_rate']:.1f} %, {row['threads']} threads, {row['name']}"
        line = {**row, "name": name, "unit": "ms", "value": row["median_ms"]}
        with open(os.environ["SNNQ_BENCH_RESULTS"], "a", encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--engine", help="engine_bench")
    parser.add_argument("--node-modules", help="where onnxruntime-node is")
    parser.add_argument("--rates", default="0", help="of all layers, in percent; 0: as usual")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve-torch", type=pathlib.Path, help=argparse.SUPPRESS)
    o = parser.parse_args()
    if o.serve_torch:
        return serve_torch(o.serve_torch, int(o.threads))
    print("  rate  threads  program              median ms   (least .. most)    x engine (95 %)")
    for rate in [float(r) for r in o.rates.split(",")]:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            subprocess.run([o.engine, "--write", folder, str(rate)], check=True)
            x = counts_of(folder)
            check(folder, x)
            make_onnx(folder, x)
            make_int8(folder)
            for threads in [int(n) for n in o.threads.split(",")]:
                for row in measure(o, rate, threads, folder):
                    report({**row, "mean_rate": mean_rate(folder)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
