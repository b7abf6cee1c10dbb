#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""PyTorch and the engine, spike by spike, on a quantized model.

Runs `snnq run --raster` and the PyTorch network with the model's weights on
their grid on the same recordings, and compares the output of every layer in
every step. Fails on the first recording that differs, naming the first layer,
step, position and channel in execution order."""
import argparse
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
import quantgrid  # noqa: E402
import snnqfile  # noqa: E402


def engine_outputs(snnq, device, model, recording, folder=None):
    """Arrays by layer that the engine wrote for a recording, into a folder."""
    if folder is None:
        with tempfile.TemporaryDirectory() as passing:
            return engine_outputs(snnq, device, model, recording, passing)
    subprocess.run([snnq, "run", model, recording, "--device", device,
                    "--raster", folder], check=True, stdout=subprocess.DEVNULL)
    return {p.stem: np.load(p) for p in pathlib.Path(folder).glob("*.npy")}


def first_difference(layers, expected, got):
    """Text about the first difference, or None. Counts what was compared."""
    compared = 0
    for layer in layers:
        name = layer["name"]
        want = expected[name][:, 0].permute(0, 2, 3, 1).numpy()
        if name not in got:
            return f"layer {name}: the engine wrote no output", compared
        if got[name].shape != want.shape:
            return (f"layer {name}: shape {got[name].shape}, "
                    f"expected {want.shape}"), compared
        wrong = np.argwhere(got[name] != want)
        if len(wrong):
            at = tuple(wrong[0])
            return (f"layer {name}: {len(wrong)} differ, first at step, y, x, "
                    f"channel {at}: {got[name][at]}, expected {want[at]:.0f}"
                    ), compared
        compared += want.size
    return None, compared


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    demo = ROOT / "tools" / "train" / "demo"
    parser.add_argument("--snnq", default=ROOT / "build" / "snnq")
    parser.add_argument("--device", default="sim")
    parser.add_argument("--model", default=demo / "digits.snnq")
    parser.add_argument("--list", default=demo / "test.tsv")
    parser.add_argument("--every", type=int, default=12,
                        help="take each n-th recording of the list")
    args = parser.parse_args()
    torch.set_num_threads(1)
    graph, tensors = snnqfile.read(args.model)
    if graph["arithmetic"] != "integer":
        sys.exit(f"{args.model}: arithmetic {graph['arithmetic']}, not integer")
    net = quantgrid.network(graph, tensors)
    pairs = quantgrid.read_list(args.list)[::args.every]
    total = fired = 0
    for path, _ in pairs:
        _, expected = quantgrid.run(net, [eventcam.read_atis(path)])
        got = engine_outputs(args.snnq, args.device, args.model, path)
        problem, compared = first_difference(graph["layers"], expected, got)
        if problem:
            sys.exit(f"{path.name}: {problem}")
        total += compared
        fired += sum(int((got[layer["name"]] != 0).sum())
                     for layer in graph["layers"])
    if not fired:
        sys.exit("no neuron fired: nothing was compared")
    print(f"{len(pairs)} recordings: {total} values of {len(graph['layers'])} "
          f"layers equal, {fired} of them not zero")


if __name__ == "__main__":
    main()
