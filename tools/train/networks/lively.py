# SPDX-License-Identifier: MIT
"""An untrained network that fires as often as a trained one would.

With the weights that training starts from, spikes die out over the layers, and what a
network costs is mostly what fires. Here normalization sees random spikes, and each
layer's threshold becomes the one at which a wanted share of its neurons fires.
"""
import math

import torch

from .net import Net, Neuron

DENSITY = .05   # of the input's first bits that are set: what snnq bench does by default
HALVINGS = 12   # of the interval that a threshold is in
PART = 2. ** -6 # thresholds are multiples, so that grids of weights divide them


class Lively(Net):
    """A Net whose next forward() sets thresholds."""

    def __init__(self, graph, share):
        super().__init__(graph)
        self.share = share

    def fire(self, layer, currents):
        if layer.get("neuron") and currents.max() > 0:
            low, high = 0., currents.clamp(min=0).sum(0).max().item()
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                if self.fired(layer, currents, middle) > self.share:
                    low = middle
                else:
                    high = middle
            self.fired(layer, currents, math.ceil(high / PART) * PART)
        return super().fire(layer, currents)

    @staticmethod
    def fired(layer, currents, threshold):
        """Share of a layer's outputs that are not 0 with this threshold, which it keeps."""
        layer["neuron"] = dict(layer["neuron"], threshold=threshold)
        return (Neuron(layer["neuron"]).run(currents) > 0).double().mean()


def lively(graph, share):
    """A Net of a graph, whose thresholds are changed: this share of each layer's
    neurons, or less, fires in a step of random input. Neurons of a loop stay as they are."""
    net = Lively(graph, share).train()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    spec = graph.input
    spikes = torch.rand(spec["steps"], 1, spec["polarities"], spec["height"], spec["width"]) < DENSITY
    with torch.no_grad():
        net(spikes.float())
    settled = Net(graph)
    settled.load_state_dict(net.state_dict())
    return settled
