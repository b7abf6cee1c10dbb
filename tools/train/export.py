#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Write a trained checkpoint as a float .snnq model.

Batch normalization y = alpha * (w * x) + beta in front of a neuron with
threshold t disappears exactly: divided by |alpha|, it is the bias
beta / |alpha| and the threshold t / |alpha| of a neuron fed by
sign(alpha) * w * x. A network trained on grids is written with the weights that
it used, so that rounding them again loses nothing."""
import argparse

import numpy as np
import torch

import snnqfile
from model import NETWORKS
from train import parse_grid


def fold(synapse):
    """(weight, bias, threshold or None) without normalization, in float64."""
    weight = synapse.rounded().detach().double()
    norm = synapse.norm
    if norm is None:
        return weight, synapse.bias.detach().double(), None
    gamma, beta = norm.weight.detach().double(), norm.bias.detach().double()
    alpha = gamma / (norm.running_var.double() + norm.eps).sqrt()
    if (alpha == 0).any():
        raise ValueError(f"layer {synapse.layer['name']}: a channel has gain 0")
    bias = (beta - alpha * norm.running_mean.double()) / alpha.abs()
    threshold = synapse.threshold.double() / alpha.abs()
    return weight * alpha.sign().view(-1, 1, 1, 1), bias, threshold


def model_file(net, name):
    """(graph, tensors) of the float model of a network."""
    tensors = {}
    for layer in net.layers:
        if "weight" not in layer:
            continue
        weight, bias, threshold = fold(net.synapse(layer["name"]))
        if layer["op"] == "linear":
            weight = weight.flatten(1)
        tensors[layer["weight"]["tensor"]] = weight
        tensors[layer["bias"]] = bias
        if threshold is not None:
            tensors[layer["neuron"]["threshold"]] = threshold
    graph = {"format": "snnq", "version": 1, "arithmetic": "float",
             "name": name, "classes": [str(d) for d in range(10)],
             "input": net.input_spec, "layers": net.layers,
             "readout": net.readout}
    return graph, {n: t.numpy().astype(np.float32) for n, t in tensors.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--network", choices=NETWORKS, default="demo")
    parser.add_argument("--grid", action="append", default=[], type=parse_grid)
    args = parser.parse_args()
    network = NETWORKS[args.network]
    net = network.build()
    net.load_state_dict(torch.load(args.checkpoint))
    net.eval()
    for name, grid in args.grid:
        net.synapse(name).grid = grid
    snnqfile.write(args.output, *model_file(net, network.name))


if __name__ == "__main__":
    main()
