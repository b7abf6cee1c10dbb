#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Published networks as float models: the float run, and what `snnq quantize` makes of them.

Each network gets random weights and normalization that has seen its input. With weights on a grid
all sums are exact: the float run must put out the spikes and scores of PyTorch in double precision,
and the engine, of the same quantized to 8 bits, scores that are as good as equal. With real weights,
which the float run has as F32, few of its spikes may differ, and scores of 8 bits, calibrated, are
near. Prints a TAP line for each network."""
import argparse
import copy
import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "train"))

# pylint: disable=wrong-import-position
import eventcam  # noqa: E402
import snnqfile  # noqa: E402
from compare_networks import accustomed, recording  # noqa: E402
from networks import integers  # noqa: E402
from networks.floats import FloatExport  # noqa: E402
from networks.net import Net  # noqa: E402
from networks.table import NETWORKS  # noqa: E402

RECORDINGS = 4
SPIKES = 0.002          # that differ of those of a layer, float run and PyTorch, at most
# Error of scores of 8 bits, by their spread over classes, at most; 1 is what equal scores have.
SAME = 0.001            # of weights on a coarser grid
# Of real ones, by half more than was measured: a spike more or less early in a random network changes many.
NEAR = {"spikformer": 0.1, "spikingformer": 0.2, "spike-driven": 0.05, "spike-driven-gesture": 0.05, "qkformer": 0.15,
        "qkformer-gesture": 0.2, "sew-resnet": 0.45, "sew-resnet-iand": 0.4, "sew-resnet-gesture": 0.45, "vgg": 0.17,
        "sew-resnet-and": 0.9,          # loses most spikes, so that each of the others counts more
        "meta-spikeformer": 0.35, "e-spikeformer": 0.35, "spiking-resformer": 0.25, "spiking-resformer-gesture": 0.17,
        "recurrent": 0.5}


class Problem(Exception):
    """What is not as it should be."""


class Case:
    """A network at its small size, with recordings, in a folder."""

    def __init__(self, name, snnq, folder):
        family = NETWORKS[name]
        torch.manual_seed(1)
        self.name, self.snnq, self.folder = name, snnq, folder
        self.graph = family.build(**family.small)
        spec = self.graph.input
        self.events = [recording(spec, np.random.default_rng(1 + i)) for i in range(RECORDINGS)]
        colours = spec["polarities"] > 2
        self.paths = [folder / (f"{i}.bs3" if colours else f"{i}.bin") for i in range(RECORDINGS)]
        for path, events in zip(self.paths, self.events):
            (eventcam.write_bs3 if colours else eventcam.write_atis)(path, events)
        counts = np.stack([eventcam.to_counts(e, spec) for e in self.events])
        self.x = torch.from_numpy(counts.transpose(1, 0, 4, 2, 3).astype(np.float64))
        self.net = accustomed(Net(self.graph), self.x[:, :1].float())

    def run(self, *arguments, code=0):
        """What the program prints; of an error, its message."""
        done = subprocess.run([self.snnq, *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode != code:
            raise Problem(f"snnq {arguments[0]}: exit {done.returncode}: {done.stderr.strip()[-200:]}")
        return done.stderr if code else done.stdout

    def write(self, net):
        """The float model of a network."""
        export, path = FloatExport(net), self.folder / "float.snnq"
        snnqfile.write(path, export.graph(self.name), export.tensors)
        return path

    def scores(self, model, which, *arguments):
        """Real scores of a recording."""
        out = json.loads(self.run("run", model, self.paths[which], "--device", "sim", "--json", *arguments))
        scale = 1 if "float" in model.name else snnqfile.read(model)[0]["readout"]["scale"]
        return np.array(out["scores"]) * scale

    def outputs(self, model):
        """Scores and outputs by layer of the first recording."""
        folder = self.folder / "outputs"
        scores = self.scores(model, 0, "--raster", folder)
        return scores, {p.stem: np.load(p) for p in folder.glob("*.npy")}


def expected(net, x):
    """The same of PyTorch in double precision."""
    record = {}
    with torch.no_grad():
        scores = net(x[:, :1], record)[0].numpy()
    return scores, {name: v[:, 0].permute(0, 2, 3, 1).numpy() for name, v in record.items()}


def unlike(case, got, want):
    """The largest share of outputs of a layer that differ; layers compared."""
    worst, compared = 0, 0
    for layer in case.graph.layers:
        name = layer["name"]
        if case.graph.most[name] is None:
            continue                        # real outputs are not written
        if name not in got or got[name].shape != want[name].shape:
            raise Problem(f"layer {name}: no output of this shape")
        means = np.prod(layer["kernel"]) if layer["op"] == "avgpool" else 1
        worst = max(worst, float((got[name] != want[name] * means).mean()))
        compared += 1
    return worst, compared


def error(case, model, quantized):
    """Root mean square of the difference of scores, by their spread."""
    wrong, spread = 0, 0
    for i in range(RECORDINGS):
        want, have = case.scores(model, i), case.scores(quantized, i)
        wrong += np.square(have - want).sum()
        spread += np.square(want - want.mean()).sum()
    return (wrong / spread) ** 0.5


def quantized(case, model, most, *arguments):
    """Error of the model with 8 bits, which must not be larger."""
    path = case.folder / "quantized.snnq"
    case.run("quantize", model, "-o", path, "--default", "uniform:8", *arguments)
    is_ = error(case, model, path)
    if is_ > most:
        raise Problem(f"scores of 8 bits {' '.join(map(str, arguments[:2]))} differ by {is_:.3f} of their "
                      f"spread, expected at most {most}")
    return is_


def exact(case):
    """On numbers of few bits the float run and PyTorch are one; layers compared, error of 8 bits."""
    net = copy.deepcopy(case.net)
    integers.FRACTION = 1                   # of a step, so that biases are exact in 8 bits, too
    # Of powers of two the scale that the quantizer finds for a channel is one, too.
    integers.Export(net, itertools.repeat(("pot", 3)))
    for layer in net.graph.layers:          # nothing is rounded in float models
        if "x-rounded" in layer:
            layer["x-rounded"] = 0
    model = case.write(net)
    scores, got = case.outputs(model)
    want_scores, want = expected(net, case.x)
    share, layers = unlike(case, got, want)
    if share:
        raise Problem(f"{100 * share:.3f} % of a layer's spikes differ where all sums are exact")
    if not np.allclose(scores, want_scores, rtol=1e-12, atol=1e-12):
        raise Problem(f"scores {scores}, expected {want_scores}")
    return layers, quantized(case, model, SAME, "--method", "round")


def near(case):
    """With real weights few spikes differ, and 8 bits are near; the two differences."""
    model = case.write(case.net)
    share, _ = unlike(case, case.outputs(model)[1], expected(case.net, case.x)[1])
    if share > SPIKES:
        raise Problem(f"{100 * share:.3f} % of a layer's spikes differ from PyTorch's")
    recordings = case.folder / "list.tsv"
    recordings.write_text("".join(f"{p.name}\t0\n" for p in case.paths))
    return share, quantized(case, model, NEAR[case.name], "--calib", recordings)


def check(case):
    """What was compared."""
    layers, same = exact(case)
    share, other = near(case)
    return (f"{layers} layers equal, scores of 8 bits but for {100 * same:.2f} %; of real weights at most "
            f"{100 * share:.3f} % of spikes differ, scores of 8 bits by {100 * other:.0f} % of their spread")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snnq", default=ROOT / "build" / "snnq")
    parser.add_argument("--network", action="append", choices=NETWORKS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    failed = 0
    for number, name in enumerate(args.network or NETWORKS, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                text, good = check(Case(name, args.snnq, pathlib.Path(folder))), True
            except Problem as problem:
                text, good = str(problem), False
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name}: {text}", flush=True)
    print(f"1..{len(args.network or NETWORKS)}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
