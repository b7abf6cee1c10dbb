# SPDX-License-Identifier: MIT
"""Put a network on grids and write it as an integer model.

Normalization is folded, each layer's weights become step * level with the power
of two as step that errs least, biases multiples of a fraction of it. Every
current of the network then is an integer times a power of two, its unit.
Where currents meet, the integer model multiplies them into the smaller unit.
The module is changed to these numbers, so that it and the file are one network.
"""
import copy
import math

import numpy as np
import torch

import snnqfile
from grids import levels_of, nearest

FRACTION = 8            # bits of thresholds and biases below a step
FINE = 2.0 ** -10       # unit of currents with a bias, unless their weights' is finer
SUMMED = 2.0 ** -6      # unit of currents that are summed over positions, to fit 32 bits
LIMIT = 1 << 30


def on_grid(weight, scheme, bits):
    """(levels, step): the power of two with the least squared error."""
    grid = torch.tensor(levels_of(scheme, bits), dtype=weight.dtype)
    largest = float(weight.abs().max()) or 1.0
    top = math.ceil(math.log2(largest / float(grid[-1])))
    best = None
    for exponent in range(top - 3, top + 1):
        step = 2.0 ** exponent
        levels = nearest(weight / step, grid)
        error = float(((levels * step - weight) ** 2).sum())
        if best is None or error < best[0]:
            best = error, levels, step
    return best[1], best[2]


def whole(name, value):
    """A number that must be an integer of the file."""
    if value != int(value) or not 1 <= value < LIMIT:
        raise ValueError(f"layer {name}: {value} is no integer from 1 to 2^30")
    return int(value)


class Export:
    """Graph and tensors of the integer model; units by layer."""

    def __init__(self, net, grids):
        self.net, self.grids = net, iter(grids)
        self.layers = [copy.deepcopy(layer) for layer in net.graph.layers]
        self.tensors = {}
        # Spikes and counts are integers as they are; some are read before they are made.
        self.units = {name: 1.0 for name in net.graph.most}
        for layer in self.layers:
            self.units[layer["name"]] = self.layer(layer)

    def sources(self, layer):
        """Layers that the operands come from."""
        return [self.net.source(entry) for entry in layer["inputs"]]

    def layer(self, layer):
        """Turn an entry into integers; returns the unit of its output."""
        name = layer["name"]
        if layer.pop("x-train", None):
            return self.weighted(layer)
        units = [self.units[s] for s in self.sources(layer)]
        if layer.pop("x-rounded", None) is not None and units[0] < SUMMED:
            layer["scales"] = [{"mult": 1, "shift": round(math.log2(SUMMED / units[0]))}]
            self.net.graph.layer(name)["x-rounded"] = SUMMED
            return SUMMED
        most = [self.net.graph.most[s] for s in self.sources(layer)]
        result = self.net.graph.most[name]
        neuron = layer.get("neuron")
        if layer["op"] == "avgpool":
            layer["op"] = "sumpool"
            layer.update(planes=result.bit_length(), neuron={"model": "none"})
            return units[0] / math.prod(layer["kernel"])
        if layer["op"] == "add" and neuron is None and None not in most:
            layer["planes"] = result.bit_length()
            return 1.0
        if layer["op"] == "copy":
            if result is not None:
                layer["planes"] = result.bit_length()
            return units[0]
        if layer["op"] in ("and", "andnot", "or") or layer["op"] == "attention" and not neuron:
            return 1.0
        unit = min(units)
        if layer["op"] == "matmul":
            unit = math.prod(units)
        elif len(set(units)) > 1:
            layer["scales"] = [{"mult": whole(name, u / unit), "shift": 0} for u in units]
        if neuron is None:
            if layer["op"] in ("add", "reduce"):
                layer["neuron"] = {"model": "none"}
            return unit
        self.threshold(layer, unit)
        return 1.0

    def threshold(self, layer, unit):
        """A neuron's threshold in units, or fractions of them where it must be."""
        neuron = layer["neuron"]
        value = neuron["threshold"] / unit
        if value != int(value):
            neuron["shift"] = FRACTION
            value = round(value * 2 ** FRACTION)
            self.net.graph.layer(layer["name"])["neuron"]["threshold"] = value * unit / 2 ** FRACTION
        neuron["threshold"] = whole(layer["name"], value)

    def weighted(self, layer):
        """The same for a layer with weights, which the module gets too."""
        name, neuron = layer["name"], layer.get("neuron")
        affine = self.net.affine[self.net.key(layer)]
        scheme, bits = next(self.grids)
        weight, bias = affine.folded()
        if not weight.isfinite().all():
            raise ValueError(f"layer {name}: expected finite weights")
        if not weight.any() and 0 not in levels_of(scheme, bits):
            raise ValueError(f"layer {name}: all its weights are zero, which {scheme} does not have")
        levels, step = on_grid(weight, scheme, bits)
        layer["weight"] = {"tensor": name + ".weight", "scheme": scheme, "bits": bits}
        self.tensors[name + ".weight"] = snnqfile.pack(
            levels.numpy().astype(np.int64), scheme, bits, layer.get("groups", 1))
        unit = step * self.units[self.sources(layer)[0]]
        gain = 1
        if neuron is not None:
            gain = 2 ** FRACTION
            neuron.update(threshold=whole(name, neuron["threshold"] / unit * gain),
                          shift=FRACTION)
        elif bias.any():
            gain = max(1, int(unit / FINE))
        bias = torch.round(bias / unit * gain)
        affine.settle(levels * step, bias * unit / gain)
        if bias.any():
            self.bias(layer, bias)
        if neuron is not None:
            return 1.0
        layer["neuron"] = {"model": "none", "mult": gain, "requant_shift": 0}
        return unit / gain

    def bias(self, layer, bias):
        """Store a bias, an integer for each channel."""
        if bias.abs().max() >= LIMIT:
            raise ValueError(f"layer {layer['name']}: a bias of {float(bias.abs().max()):.0f} steps")
        layer["bias"] = layer["name"] + ".bias"
        self.tensors[layer["bias"]] = bias.numpy().astype(np.int32)

    def graph(self, name):
        """Graph of the model file."""
        graph = self.net.graph
        classes = graph.shape[graph.readout["input"]][2]
        readout = dict(graph.readout)
        readout["scale"] *= self.units[readout["input"]]
        return {"format": "snnq", "version": 1, "arithmetic": "integer",
                "name": name, "classes": [str(c) for c in range(classes)],
                "input": graph.input, "layers": self.layers, "readout": readout}
