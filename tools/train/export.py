#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Write a trained checkpoint as a .snnq model.

Batch normalization y = alpha * (w * x) + beta in front of a neuron with
threshold t disappears exactly: divided by |alpha|, it is the bias
beta / |alpha| and the threshold t / |alpha| of a neuron fed by
sign(alpha) * w * x. A network with real weights becomes a float model. One
trained on grids (--grid as in training) becomes an integer model: levels as
they are, biases and thresholds in units of a level's real value."""
import argparse
import copy
import sys

import numpy as np
import torch

import snnqfile
from learned import parse_grid, put_on_grids
from model import NETWORKS

MAX_SHIFT = 8
KEPT_THRESHOLD = 64     # below, a fraction bit matters more than 16-bit tables
HEAD_MULT = 256


def fold(synapse):
    """(sign, bias, threshold or None) without normalization, in float64."""
    norm = synapse.norm
    if norm is None:
        threshold = synapse.threshold
        return (torch.ones(len(synapse.weight)).double(),
                synapse.bias.detach().double(),
                None if threshold is None else threshold.double())
    gamma, beta = norm.weight.detach().double(), norm.bias.detach().double()
    alpha = gamma / (norm.running_var.double() + norm.eps).sqrt()
    if (alpha == 0).any():
        raise ValueError(f"layer {synapse.layer['name']}: a channel has gain 0")
    bias = (beta - alpha * norm.running_mean.double()) / alpha.abs()
    return alpha.sign(), bias, synapse.threshold.double() / alpha.abs()


def graph_of(net, name, arithmetic, layers, readout):
    """Graph of a model file."""
    return {"format": "snnq", "version": 1, "arithmetic": arithmetic,
            "name": name, "classes": [str(d) for d in range(10)],
            "input": net.input_spec, "layers": layers, "readout": readout}


def float_file(net, name):
    """(graph, tensors) of the float model of a network."""
    tensors = {}
    for layer in net.layers:
        if "weight" not in layer:
            continue
        synapse = net.synapse(layer["name"])
        sign, bias, threshold = fold(synapse)
        weight = synapse.rounded().detach().double() * sign.view(-1, 1, 1, 1)
        if layer["op"] == "linear":
            weight = weight.flatten(1)
        tensors[layer["weight"]["tensor"]] = weight
        tensors[layer["bias"]] = bias
        if threshold is not None:
            tensors[layer["neuron"]["threshold"]] = threshold
    graph = graph_of(net, name, "float", net.layers, net.readout)
    return graph, {n: t.numpy().astype(np.float32) for n, t in tensors.items()}


def halved(tensors):
    """Tensors of a float model, rounded to F16."""
    short = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    for name, tensor in short.items():
        if not np.isfinite(tensor).all():
            raise ValueError(f"tensor {name}: {np.abs(tensors[name]).max():.3g} is "
                             "beyond F16")
    return short


def integers(values, shift, layer):
    """Values in units of 2^-shift as the smallest integers of a file."""
    rounded = torch.round(values * 2.0 ** shift)
    if rounded.abs().max() >= 1 << 30:
        raise ValueError(f"layer {layer['name']}: {float(rounded.abs().max()):.0f}"
                         " steps, expected fewer than 2^30")
    small = rounded.abs().max() < 1 << 15
    return rounded.numpy().astype(np.int16 if small else np.int32)


def fraction_bits(bias, threshold):
    """As many as the format allows while 16 bits hold biases and thresholds,
    unless that would make thresholds coarse."""
    largest = max(float(bias.abs().max()), float(threshold.max()))
    shift = MAX_SHIFT
    while (shift and largest * 2 ** shift >= (1 << 15) - 1
           and float(threshold.min()) * 2 ** (shift - 1) >= KEPT_THRESHOLD):
        shift -= 1
    return shift


def map_size(net, name):
    """Positions of a layer's output, or of the input."""
    if name == "input":
        return net.input_spec["height"], net.input_spec["width"]
    layer = next(entry for entry in net.layers if entry["name"] == name)
    size = map_size(net, layer["inputs"][0])
    if "kernel" not in layer:
        return size
    one = (1, 1)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(
        size, layer["kernel"], layer.get("stride", one), layer.get("padding", (0, 0)),
        layer.get("dilation", one)))


def head_multiplier(levels, bias, planes, outputs, layer):
    """Largest power of two up to HEAD_MULT with which no input makes a score, the sum
    of so many outputs, leave 32 bits; biases are in steps, and will be rounded."""
    rows = levels.reshape(len(levels), -1).astype(np.float64)
    sums = np.maximum(np.clip(rows, 0, None).sum(1), -np.clip(rows, None, 0).sum(1))
    most = float((sums * ((1 << planes) - 1) + np.abs(bias)).max())
    mult = HEAD_MULT
    while mult and not outputs * (most * mult + 0.5) <= (1 << 31) - 1:
        mult //= 2
    if not mult:
        raise ValueError(f"layer {layer['name']}: scores can leave 32 bits; expected a "
                         "grid of smaller levels, or smaller biases")
    return mult


def check_weights(layer, weight):
    """A grid's step follows from weights, which must be some."""
    if not torch.isfinite(weight).all():
        raise ValueError(f"layer {layer['name']}: expected finite weights")
    if not weight.any():
        raise ValueError(f"layer {layer['name']}: all its weights are zero, from which "
                         "no grid's step follows")


def planes_of(layers, name):
    """Bit-planes of a layer's output."""
    layer = next(entry for entry in layers if entry["name"] == name)
    if layer["op"] == "maxpool":
        return planes_of(layers, layer["inputs"][0])
    return layer.get("planes", 1)


def integer_layer(net, layer, readout, tensors):
    """Turn a weighted layer's entry into integers; adds its tensors."""
    synapse = net.synapse(layer["name"])
    scheme, bits = synapse.grid.scheme, synapse.grid.bits
    check_weights(layer, synapse.weight.detach())
    sign, bias, threshold = fold(synapse)
    step = synapse.grid.step().detach().double().flatten()
    levels = (synapse.grid.levels(synapse.weight).detach()
              * sign.view(-1, 1, 1, 1)).numpy().astype(np.int64)
    entry, neuron = layer["weight"], layer["neuron"]
    tensors[entry["tensor"]] = snnqfile.pack(levels, scheme, bits,
                                             layer.get("groups", 1))
    entry.update(scheme=scheme, bits=bits)
    if threshold is None:
        height, width = map_size(net, layer["name"])
        mult = head_multiplier(
            levels, (bias / step).numpy(), planes_of(net.layers, layer["inputs"][0]),
            height * width * net.input_spec["steps"], layer)
        neuron.update(mult=mult, requant_shift=0)
        readout["scale"] *= float(step) / mult
        tensors[layer["bias"]] = integers(bias * mult / step, 0, layer)
        return
    bias, threshold = bias / step, threshold / step
    neuron["shift"] = fraction_bits(bias, threshold)
    tensors[layer["bias"]] = integers(bias, neuron["shift"], layer)
    tensors[neuron["threshold"]] = np.maximum(
        1, integers(threshold, neuron["shift"], layer))


def integer_file(net, name):
    """(graph, tensors) of the integer model of a network on grids."""
    layers, readout = copy.deepcopy(net.layers), dict(net.readout)
    tensors = {}
    for layer in layers:
        if "weight" in layer:
            integer_layer(net, layer, readout, tensors)
    return graph_of(net, name, "integer", layers, readout), tensors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--network", choices=NETWORKS, default="demo")
    parser.add_argument("--grid", action="append", default=[], type=parse_grid)
    parser.add_argument("--half", action="store_true")
    args = parser.parse_args()
    if args.half and args.grid:
        parser.error("--half: an integer model has no floats")
    network = NETWORKS[args.network]
    net = network.build()
    put_on_grids(net, args.grid)
    net.load_state_dict(torch.load(args.checkpoint))
    write = integer_file if args.grid else float_file
    try:
        graph, tensors = write(net.eval(), network.name)
        if args.half:
            tensors = halved(tensors)
    except ValueError as error:
        sys.exit(f"{args.checkpoint}: {error}")
    snnqfile.write(args.output, graph, tensors)


if __name__ == "__main__":
    main()
