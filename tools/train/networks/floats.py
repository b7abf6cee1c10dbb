# SPDX-License-Identifier: MIT
"""A network as a float model, which `snnq quantize` reads.

Normalization is folded into weights and biases in double precision, which then are
rounded to F32. Currents stay real: nothing has a scale, and what integer models
round before they add it up over positions is copied as it is.
"""
import copy

import numpy as np


class FloatExport:
    """Graph and tensors of the float model. The module stays as it is."""

    def __init__(self, net):
        self.net = net
        self.tensors = {}
        self.layers = [self.layer(copy.deepcopy(layer)) for layer in net.graph.layers]

    def layer(self, layer):
        """A layer's entry in the file."""
        layer = {key: value for key, value in layer.items() if value is not None}
        layer.pop("x-rounded", None)
        if layer.pop("x-train", None):
            self.weighted(layer)
        most = self.net.graph.most[layer["name"]]
        if most is None:                    # currents have no bit-planes
            layer.pop("planes", None)
            layer.pop("signed", None)
        elif layer["op"] in ("add", "copy") and "neuron" not in layer:
            layer["planes"] = most.bit_length()
        return layer

    def weighted(self, layer):
        """What a layer with weights has of them."""
        name = layer["name"]
        weight, bias = self.net.affine[self.net.key(layer)].folded()
        layer["weight"] = {"tensor": name + ".weight", "scheme": "float"}
        self.put(name + ".weight", weight.flatten(1) if layer["op"] == "linear" else weight)
        if bias.any():
            layer["bias"] = name + ".bias"
            self.put(layer["bias"], bias)
        layer.setdefault("neuron", {"model": "none"})

    def put(self, name, values):
        """A tensor of the file."""
        if not values.isfinite().all():
            raise ValueError(f"tensor {name}: expected finite numbers")
        self.tensors[name] = values.detach().numpy().astype(np.float32)

    def graph(self, name):
        """Graph of the model file."""
        graph = self.net.graph
        classes = graph.shape[graph.readout["input"]][2]
        return {"format": "snnq", "version": 1, "arithmetic": "float",
                "name": name, "classes": [str(c) for c in range(classes)],
                "input": graph.input, "layers": self.layers, "readout": graph.readout}
