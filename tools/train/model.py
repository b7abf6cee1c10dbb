# SPDX-License-Identifier: MIT
"""PyTorch spiking transformer that executes the graph of a .snnq file.

`spikformer()` builds the graph (the very JSON that the file carries) and
`SpikingNet` executes any such graph: in training with batch normalization in
front of each neuron, after folding with a bias and a threshold per channel,
with real or with integer weights. One forward pass serves all of them, so that
what is trained is what is exported and what is compared with the engine.

Neuron (leaky integrate and fire): u = u / n + X; spike = u >= threshold; a
spike sets u to 0. Activations are [step, sample, channel, y, x].
"""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

INPUT = {"width": 32, "height": 32, "polarities": 2, "on_channel": 1,
         "layout": "hwc", "planes": 2, "binning": "duration", "steps": 8,
         "step_us": 30000, "rounding": "floor", "origin": "zero"}
NMNIST_INPUT = dict(INPUT, width=34, height=34, steps=6, step_us=50000)
FASHION_INPUT = dict(INPUT, width=34, height=34, steps=4, step_us=75000)
CIFAR_INPUT = dict(INPUT, width=64, height=64, planes=4, steps=4, step_us=324000,
                   sensor={"width": 128, "height": 128, "crop": [0, 0], "downscale": 2})

# In training; a membrane with a time constant of 2 steps gains twice its input.
THRESHOLD = 2.0
# Sums in single precision may miss an integer threshold by this share of it; a
# membrane that stands at its threshold is to fire nevertheless.
TIE = 4e-6


def lif(threshold):
    """Neuron entry: time constant of two steps, hard reset, >=."""
    return {"model": "lif", "leak": {"kind": "div", "n": 2}, "compare": "ge",
            "reset": "hard", "threshold": threshold}


class GraphBuilder:
    """Collects layer entries; each method returns the new layer's name."""

    def __init__(self):
        self.layers = []

    def append(self, name, op, inputs, **keys):
        self.layers.append({"name": name, "op": op, "inputs": inputs, **keys})
        return name

    def weighted(self, name, op, source, channels, **keys):
        return self.append(
            name, op, [source], out_channels=channels, **keys,
            weight={"tensor": name + ".weight", "scheme": "float"},
            bias=name + ".bias", neuron=lif(name + ".threshold"))

    def conv(self, name, source, channels, stride=1):
        return self.weighted(name, "conv2d", source, channels, kernel=[3, 3],
                             stride=[stride] * 2, padding=[1, 1], dilation=[1, 1],
                             groups=1)

    def pool(self, name, source):
        return self.append(name, "maxpool", [source], kernel=[3, 3],
                           stride=[2, 2], padding=[1, 1])

    def linear(self, name, source, channels):
        return self.weighted(name, "linear", source, channels)

    def block(self, i, x, width, heads, ratio, level):
        """Encoder block on counts up to `level`; returns the output's name."""
        q, k, v = (self.linear(f"block{i}.{p}", x, width) for p in "qkv")
        # The scale 1/4 of the attention map is folded into the threshold.
        a = self.append(f"block{i}.attn", "attention", [q, k, v], heads=heads,
                        neuron=lif(4))
        o = self.linear(f"block{i}.proj", a, width)
        x = self.append(f"block{i}.res1", "add", [x, o],
                        planes=(level + 1).bit_length())
        h = self.linear(f"block{i}.fc1", x, width * ratio)
        m = self.linear(f"block{i}.fc2", h, width)
        return self.append(f"block{i}.res2", "add", [x, m],
                           planes=(level + 2).bit_length())


def spikformer(stem=(16, 32, 64), pools=(1, 2, 3), strides=(), heads=4, blocks=2,
               ratio=4, classes=10):
    """Layer list: conv stem, of which the layers numbered in `pools` are pooled and
    those in `strides` take every second position, RPE, encoder blocks, head."""
    g = GraphBuilder()
    x = "input"
    for i, channels in enumerate(stem, 1):
        x = g.conv(f"conv{i}", x, channels, 2 if i in strides else 1)
        x = g.pool(f"pool{i}", x) if i in pools else x
    x = g.append("rpe.res", "add", [x, g.conv("rpe", x, stem[-1])], planes=2)
    for i in range(1, blocks + 1):
        x = g.block(i, x, stem[-1], heads, ratio, level=2 * i)
    g.append("head", "linear", [x], out_channels=classes,
             weight={"tensor": "head.weight", "scheme": "float"},
             bias="head.bias", neuron={"model": "none"})
    return g.layers


class LeakyFire(torch.autograd.Function):
    """All steps of LIF neurons; backward in time with the derivative of an arc
    tangent for the step and the reset held constant. One function, written in
    place, because element-wise work is most of the training time."""

    @staticmethod
    def forward(ctx, current, threshold, n):
        potential = torch.empty_like(current)
        spikes = torch.empty_like(current)
        u = torch.zeros_like(current[0])
        for x, before, s in zip(current, potential, spikes):
            torch.add(u.div_(n), x, out=before)
            torch.ge(before, threshold, out=s)
            u.copy_(before).addcmul_(before, s, value=-1)
        ctx.save_for_backward(potential, spikes, threshold)
        ctx.n = n
        return spikes

    @staticmethod
    def backward(ctx, grad):
        potential, spikes, threshold = ctx.saved_tensors
        result = torch.empty_like(grad)
        carried = torch.zeros_like(grad[0])
        for g, u, s, out in reversed(list(
                zip(grad, potential, spikes, result))):
            slope = u.div(threshold).sub_(1).mul_(torch.pi).square_().add_(1)
            torch.addcmul(carried, carried, s, value=-1, out=out)
            out.addcdiv_(g, slope)
            torch.div(out, ctx.n, out=carried)
        return result, None, None


def fire(current, neuron, threshold):
    """Spikes of LIF neurons for their input [step, ...]."""
    if (neuron["model"], neuron["leak"]["kind"], neuron["compare"],
            neuron["reset"]) != ("lif", "div", "ge", "hard"):
        raise ValueError(f"neuron {neuron} is not of this network's kind")
    threshold = torch.as_tensor(threshold, dtype=current.dtype)
    if current.dtype == torch.float32:
        threshold = threshold * (1 - TIE)
    return LeakyFire.apply(current, threshold, neuron["leak"]["n"])


class Synapse(nn.Module):
    """Weights and the affine map between them and the neuron.

    With `norm` (training) the input of the neuron is norm(w * x) and the
    threshold is THRESHOLD;
    without, it is w * x * gain + bias against `threshold`, and where there is
    no neuron it may be divided by 2^requant_shift, halves rounded up. `grid`
    rounds the weights (learned.py), None for real ones."""

    def __init__(self, layer, inputs, spiking):
        super().__init__()
        self.layer, self.grid = layer, None
        kernel = layer.get("kernel", [1, 1])
        channels = layer["out_channels"]
        self.weight = nn.Parameter(torch.empty(
            channels, inputs // layer.get("groups", 1), *kernel))
        nn.init.kaiming_uniform_(self.weight, a=5 ** 0.5)
        self.norm = nn.BatchNorm2d(channels) if spiking else None
        self.bias = None if spiking else nn.Parameter(torch.zeros(channels))
        self.gain = 1.0
        self.requant_shift = 0
        self.threshold = (torch.full((channels,), THRESHOLD) if spiking
                          else None)

    def rounded(self):
        """Weights as used."""
        return self.weight if self.grid is None else self.grid(self.weight)

    def forward(self, x):
        layer = self.layer
        y = F.conv2d(x.flatten(0, 1), self.rounded(), None,
                     layer.get("stride", 1), layer.get("padding", 0),
                     layer.get("dilation", 1), layer.get("groups", 1))
        if self.norm is not None:
            y = self.norm(y)
        else:
            y = y * self.gain + self.bias.view(-1, 1, 1)
        if self.requant_shift:
            y = torch.floor(y / (1 << self.requant_shift) + 0.5)
        return y.unflatten(0, x.shape[:2])


def attention(q, k, v, heads):
    """(Q K^T) V of spikes [step, sample, channel, y, x], heads apart."""
    def split(x):
        return x.flatten(3).unflatten(2, (heads, -1))
    q_, k_, v_ = split(q), split(k), split(v)
    # The product is exact in any order; K^T V first is the cheaper one.
    kv = k_ @ v_.transpose(-1, -2)
    return (kv.transpose(-1, -2) @ q_).reshape(v.shape)


class SpikingNet(nn.Module):
    """The network of a layer list; forward() gives class scores."""

    def __init__(self, layers, input_spec, readout):
        super().__init__()
        self.layers, self.input_spec, self.readout = layers, input_spec, readout
        width = {"input": input_spec["polarities"]}
        synapses = {}
        for layer in layers:
            name, source = layer["name"], layer["inputs"][0]
            width[name] = layer.get("out_channels", width[source])
            if "weight" in layer:
                spiking = layer["neuron"]["model"] != "none"
                synapses[name.replace(".", "/")] = Synapse(
                    layer, width[source], spiking)
        self.synapses = nn.ModuleDict(synapses)

    def synapse(self, name):
        return self.synapses[name.replace(".", "/")]

    def execute(self, layer, x):
        """Output of one layer for its inputs."""
        op = layer["op"]
        if op == "add":
            return x[0] + x[1]
        if op == "maxpool":
            y = F.max_pool2d(x[0].flatten(0, 1), layer["kernel"],
                             layer["stride"], layer["padding"])
            return y.unflatten(0, x[0].shape[:2])
        if op == "attention":
            threshold = layer["neuron"]["threshold"]
            return fire(attention(*x, layer["heads"]), layer["neuron"], threshold)
        if op not in ("conv2d", "linear"):
            raise ValueError(f"layer {layer['name']}: operation {op} unknown")
        synapse = self.synapse(layer["name"])
        y = synapse(x[0])
        if synapse.threshold is None:
            return y
        return fire(y, layer["neuron"], synapse.threshold.view(-1, 1, 1))

    def forward(self, counts, record=None):
        """Scores [sample, class] of counts [step, sample, channel, y, x].

        `record`, a dictionary, receives the output of every layer."""
        values = {"input": counts}
        for layer in self.layers:
            values[layer["name"]] = self.execute(
                layer, [values[name] for name in layer["inputs"]])
        if record is not None:
            record.update(values)
        sums = values[self.readout["input"]].sum(dim=(0, 3, 4))
        return sums * self.readout["scale"]


@dataclass(frozen=True)
class Network:
    """What distinguishes one trained network from another."""
    name: str            # of the model file
    input_spec: dict
    stem: tuple
    pools: tuple         # numbers of the stem's layers that are pooled
    heads: int
    positions: int       # of the last map
    strides: tuple = ()  # numbers of those that halve the map
    blocks: int = 2

    def build(self):
        """The network, untrained."""
        layers = spikformer(self.stem, self.pools, self.strides, self.heads,
                            self.blocks)
        scale = 1.0 / (self.positions * self.input_spec["steps"])
        return SpikingNet(layers, self.input_spec, {
            "input": "head", "mode": "sum", "scale": scale})


NETWORKS = {
    "demo": Network("digits", INPUT, (16, 32, 64), (1, 2, 3), 4, 4 * 4),
    "nmnist": Network("nmnist", NMNIST_INPUT, (32, 64, 128, 256), (1, 2, 3), 16, 5 * 5),
    "fashion": Network("fashion", FASHION_INPUT, (16, 32, 64), (2, 3), 4, 5 * 5,
                       strides=(1,), blocks=1),
    "cifar-dvs": Network("cifar-dvs", CIFAR_INPUT, (32, 64, 128, 256), (1, 2, 3), 16,
                         8 * 8),
}
