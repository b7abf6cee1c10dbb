#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run a .snnq model, float or integer, in PyTorch; dump each layer's output.

An integer model runs with its exact levels, biases and thresholds, held in
float64: all values are dyadic and far below 2^53, so this is exact arithmetic
on the real recursion u/2 + X, without the engine's floor. That both fire alike
is the theorem which the comparison with the engine tests.

--dump DIR writes <layer>.npy, uint8 (int32 without a neuron), [step][y][x][channel]."""
import argparse
import pathlib

import numpy as np
import torch

import eventcam
import snnqfile
from model import SpikingNet


def parameter(tensors, value, channels):
    """Per-channel float64 values of a number or a tensor's name."""
    array = tensors[value] if isinstance(value, str) else np.array(value)
    return torch.from_numpy(np.broadcast_to(
        array.astype(np.float64), (channels,)).copy())


def weights(layer, tensors, shape):
    """Real weights or integer levels [out, in, ky, kx] as float64."""
    entry = layer["weight"]
    stored = tensors[entry["tensor"]]
    if entry["scheme"] == "float":
        return torch.from_numpy(stored.astype(np.float64)).reshape(shape)
    levels = snnqfile.unpack(stored, entry["scheme"], entry["bits"],
                             tuple(shape), layer.get("groups", 1))
    return torch.from_numpy(levels.astype(np.float64))


def install(synapse, tensors):
    """Give a synapse the folded parameters of its layer."""
    layer, channels = synapse.layer, synapse.layer["out_channels"]
    neuron = layer["neuron"]
    synapse.weight.data = weights(layer, tensors, synapse.weight.shape)
    synapse.norm = None
    bias = layer.get("bias", 0)
    synapse.bias = torch.nn.Parameter(parameter(tensors, bias, channels))
    if neuron["model"] == "none":
        gain = parameter(tensors, neuron.get("mult", 1), channels)
        synapse.gain = gain.view(-1, 1, 1)
        synapse.requant_shift = neuron.get("requant_shift", 0)
    else:
        synapse.gain = float(1 << neuron.get("shift", 0))
        synapse.threshold = parameter(tensors, neuron["threshold"], channels)


def network(graph, tensors):
    """SpikingNet of a model file, in float64."""
    net = SpikingNet(graph["layers"], graph["input"], graph["readout"]).double()
    for synapse in net.synapses.values():
        install(synapse, tensors)
    return net.eval()


def run(net, recordings):
    """(scores [sample, class], outputs by layer [step, sample, ...])."""
    counts = np.stack([eventcam.to_counts(e, net.input_spec)
                       for e in recordings])
    x = torch.from_numpy(counts.transpose(1, 0, 4, 2, 3).astype(np.float64))
    record = {}
    with torch.no_grad():
        scores = net(x, record)
    return scores, record


def dump(directory, record, sample):
    """Write the outputs of one sample, a file for each layer."""
    for name, values in record.items():
        array = values[:, sample].permute(0, 2, 3, 1).numpy()
        kind = np.uint8 if 0 <= array.min() and array.max() < 256 else np.int32
        np.save(directory / f"{name}.npy", array.astype(kind))


def read_list(path):
    """(path, label) of each line of a list; paths are relative to it."""
    base = pathlib.Path(path).parent
    lines = pathlib.Path(path).read_text().splitlines()
    pairs = [line.split("\t") for line in lines if line]
    return [(base / name, int(label)) for name, label in pairs]


def evaluate(net, pairs, batch=60):
    """Number of right answers on (path, label) pairs."""
    right = 0
    for i in range(0, len(pairs), batch):
        part = pairs[i:i + batch]
        scores, _ = run(net, [eventcam.read_atis(path) for path, _ in part])
        labels = np.array([label for _, label in part])
        right += int((scores.argmax(1).numpy() == labels).sum())
    return right


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--list", help="evaluate path<TAB>label lines")
    parser.add_argument("--recording", help="run one ATIS recording")
    parser.add_argument("--dump", type=pathlib.Path, help="folder for its outputs")
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = network(*snnqfile.read(args.model))
    if args.list:
        pairs = read_list(args.list)
        right = evaluate(net, pairs)
        print(f"{right} of {len(pairs)} right, {100 * right / len(pairs):.2f} %")
    if args.recording:
        scores, record = run(net, [eventcam.read_atis(args.recording)])
        print("class", int(scores[0].argmax()))
        if args.dump:
            args.dump.mkdir(parents=True, exist_ok=True)
            dump(args.dump, record, 0)


if __name__ == "__main__":
    main()
