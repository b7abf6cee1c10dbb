#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Published networks in PyTorch and in the engine, layer by layer.

Each network gets random weights, normalization that has seen its input, and
grids of both kinds; then `snnq run --raster` and PyTorch in double precision run
the same recording. Every layer's output must be equal, currents too: those of
the engine are integers in units that are powers of two. Prints a TAP line for
each network."""
import argparse
import itertools
import pathlib
import sys
import tempfile

import numpy as np
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "train"))

# pylint: disable=wrong-import-position
import eventcam  # noqa: E402
import snnqfile  # noqa: E402
from compare_engine import engine_outputs  # noqa: E402
from networks.integers import Export  # noqa: E402
from networks.net import Net  # noqa: E402
from networks.table import NETWORKS  # noqa: E402

GRIDS = [("uniform", 4), ("pot", 4), ("uniform", 3), ("pot", 3), ("ternary", 2)]
EVENTS_PER_PIXEL = 0.5      # and step


def recording(spec, rng):
    """Random events that fill every step of a model's input."""
    span = spec["steps"] * spec["step_us"]
    count = int(spec["width"] * spec["height"] * spec["steps"] * EVENTS_PER_PIXEL)
    events = np.zeros(count, eventcam.EVENT)
    events["t"] = np.sort(rng.integers(0, span, count))
    events["t"][-1] = span - 1
    # A blob that moves, so that layers see more than noise.
    middle = events["t"] / span * spec["width"]
    events["x"] = (middle + rng.normal(0, spec["width"] / 4, count)).astype(int) % spec["width"]
    events["y"] = rng.integers(0, spec["height"], count)
    events["p"] = rng.integers(0, spec["polarities"], count)
    return events


def accustomed(net, counts):
    """The network with normalization as after training on this input."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.bias, 0.2, 1.4)
    with torch.no_grad():
        net.train()(counts)
    return net.eval().double()


def difference(layers, units, expected, got):
    """Text about the first difference, or None."""
    for layer in layers:
        name = layer["name"]
        want = expected[name][:, 0].permute(0, 2, 3, 1).numpy()
        if name not in got:
            return f"layer {name}: the engine wrote no output"
        have = got[name] * units[name]
        if have.shape != want.shape:
            return f"layer {name}: shape {have.shape}, expected {want.shape}"
        wrong = np.argwhere(have != want)
        if len(wrong):
            at = tuple(wrong[0])
            return (f"layer {name}: {len(wrong)} of {want.size} differ, first at step, y, x, "
                    f"channel {at}: {have[at]}, expected {want[at]}")
    return None


def compare(family, full, args, folder):
    """(problem or None, what was compared) of one network."""
    torch.manual_seed(1)
    graph = family.build(**(family.published if full else family.small))
    net = Net(graph)
    events = recording(graph.input, np.random.default_rng(1))
    x = eventcam.to_counts(events, graph.input).transpose(0, 3, 1, 2)[:, None]
    accustomed(net, torch.from_numpy(x.astype(np.float32)))
    export = Export(net, itertools.chain([("uniform", 8)], itertools.cycle(GRIDS)))
    colours = graph.input["polarities"] > 2
    model, path = folder / "model.snnq", folder / ("input.bs3" if colours else "input.bin")
    snnqfile.write(model, export.graph("network"), export.tensors)
    (eventcam.write_bs3 if colours else eventcam.write_atis)(path, events)
    record = {}
    with torch.no_grad():
        net(torch.from_numpy(x.astype(np.float64)), record)
    got = engine_outputs(args.snnq, args.device, model, path, folder / "outputs")
    quiet = [l["name"] for l in graph.layers if not record[l["name"]].any()]
    if quiet:
        return f"nothing in {', '.join(quiet)}", ""
    rates = [float(record[l["name"]].double().mean()) for l in graph.layers if l.get("neuron")]
    return (difference(graph.layers, export.units, record, got),
            f"{len(graph.layers)} layers, {sum(record[l['name']].numel() for l in graph.layers)} values, "
            f"firing {min(rates):.2f} to {max(rates):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snnq", default=ROOT / "build" / "snnq")
    parser.add_argument("--device", default="sim")
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--keep", type=pathlib.Path, metavar="DIR",
                        help="leave model, events and outputs of each in DIR/NETWORK")
    parser.add_argument("--published", action="store_true", help="at the published size")
    args = parser.parse_args()
    torch.set_num_threads(1)
    failed = 0
    for number, name in enumerate(args.network or NETWORKS, 1):
        with tempfile.TemporaryDirectory() as folder:
            if args.keep:
                folder = args.keep / name
                folder.mkdir(parents=True)
            problem, compared = compare(NETWORKS[name], args.published, args, pathlib.Path(folder))
        failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {number} - {name}: {problem or compared}", flush=True)
    print(f"1..{len(args.network or NETWORKS)}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
