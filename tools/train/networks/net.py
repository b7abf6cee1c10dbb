# SPDX-License-Identifier: MIT
"""A Graph as a PyTorch module: trainable, and the reference for the engine.

Activations are [step, sample, channel, y, x]. In double precision, with weights
on dyadic grids (integers.py), every sum and comparison here is exact, so that what
the engine computes in integers must be equal and not only close.
"""
import itertools

import torch
from torch import nn
from torch.nn import functional as F

from model import attention

# A third of an integer is no binary number: such a membrane may miss an integer
# threshold by this share in double precision and is to fire nevertheless.
TIE = 1e-12


class Fire(torch.autograd.Function):
    """1 where u reaches the threshold; the slope is that of an arc tangent."""

    @staticmethod
    def forward(ctx, u, threshold, strict):
        ctx.save_for_backward(u)
        ctx.threshold = threshold
        return (u > threshold if strict else u >= threshold).to(u.dtype)

    @staticmethod
    def backward(ctx, grad):
        (u,) = ctx.saved_tensors
        slope = 1 + (torch.pi * (u / ctx.threshold - 1)) ** 2
        return grad / slope, None, None


class Round(torch.autograd.Function):
    """Nearest of 0 ... levels, ties to even; straight through inside."""

    @staticmethod
    def forward(ctx, u, levels):
        ctx.save_for_backward((u >= 0) & (u <= levels))
        return u.round().clamp(0, levels)

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0], None


class Neuron:
    """Membranes of one layer, step by step."""

    def __init__(self, entry):
        leak, self.threshold = entry["leak"], entry["threshold"]
        self.n = leak.get("n", 1)
        self.strict = entry["compare"] == "gt"
        self.levels = entry.get("levels")
        if self.n & (self.n - 1):
            self.threshold *= 1 - TIE
        self.u = 0

    def step(self, current):
        """Output for the current of one step."""
        u = self.u / self.n + current
        if self.levels:
            out = Round.apply(u / self.threshold, self.levels)
            self.u = u - out.detach() * self.threshold
        else:
            out = Fire.apply(u, self.threshold, self.strict)
            self.u = u * (1 - out.detach())
        return out

    def run(self, currents):
        """Outputs of all steps, from membranes at rest."""
        self.u = 0
        return torch.stack([self.step(x) for x in currents])


def gain_and_shift(norm):
    """What a normalization multiplies each channel with, and what it then adds."""
    gain = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    return gain, norm.bias.detach().double() - gain * norm.running_mean.double()


class Affine(nn.Module):
    """Weights, bias and normalization of a layer."""

    def __init__(self, layer, inputs):
        super().__init__()
        self.layer = layer
        channels, wanted = layer["out_channels"], layer["x-train"]
        self.weight = nn.Parameter(torch.empty(
            channels, inputs // layer.get("groups", 1), *layer.get("kernel", [1, 1])))
        nn.init.kaiming_uniform_(self.weight, a=5 ** 0.5)
        self.bias = nn.Parameter(torch.zeros(channels)) if wanted["bias"] else None
        self.norm = nn.BatchNorm2d(channels) if wanted["norm"] else None

    def forward(self, x):
        layer = self.layer
        y = F.conv2d(x.flatten(0, 1), self.weight, self.bias, layer.get("stride", 1),
                     layer.get("padding", 0), 1, layer.get("groups", 1))
        return (y if self.norm is None else self.norm(y)).unflatten(0, x.shape[:2])

    def folded(self):
        """(weight, bias) that do the same without normalization."""
        weight = self.weight.detach().double()
        bias = (torch.zeros(len(weight)).double() if self.bias is None
                else self.bias.detach().double())
        if self.norm is None:
            return weight, bias
        gain, shift = gain_and_shift(self.norm)
        return weight * gain.view(-1, 1, 1, 1), bias * gain + shift

    def settle(self, weight, bias):
        """Use these from now on, without normalization."""
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.norm = None


class Chain(nn.Module):
    """A re-parameterized 3x3 convolution (Ding et al. 2021, as Yao et al. 2024 use
    it): points, normalization, each channel, points, normalization twice. Nothing
    in it fires, so it is one convolution with zero padding: what the inner map is
    padded with is what its normalization makes of zeros."""

    def __init__(self, layer, inputs):
        super().__init__()
        channels = layer["out_channels"]
        self.dense = None
        self.first = nn.Conv2d(inputs, inputs, 1, bias=False)
        self.inner = nn.BatchNorm2d(inputs)
        self.each = nn.Conv2d(inputs, inputs, 3, groups=inputs, bias=False)
        self.last = nn.Conv2d(inputs, channels, 1, bias=False)
        self.norms = nn.Sequential(nn.BatchNorm2d(channels), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = x.flatten(0, 1)
        if self.dense is not None:
            return F.conv2d(y, *self.dense, padding=1).unflatten(0, x.shape[:2])
        y = self.inner(self.first(y))
        frame = F.pad(torch.zeros_like(y[:1, :1]), [1] * 4, value=1)
        shift = gain_and_shift(self.inner)[1].to(y.dtype)
        framed = F.pad(y, [1] * 4) + frame * shift.view(-1, 1, 1)
        return self.norms(self.last(self.each(framed))).unflatten(0, x.shape[:2])

    def folded(self):
        """(weight, bias) of the one convolution."""
        if self.dense is not None:
            return self.dense
        gain, shift = gain_and_shift(self.inner)
        first = self.first.weight.detach().double()[:, :, 0, 0] * gain.view(-1, 1)
        each = self.each.weight.detach().double()[:, 0]
        last = self.last.weight.detach().double()[:, :, 0, 0]
        weight = torch.einsum("oc,cyx,ci->oiyx", last, each, first)
        bias = last @ (each.sum((1, 2)) * shift)
        for norm in self.norms:
            gain, shift = gain_and_shift(norm)
            weight, bias = weight * gain.view(-1, 1, 1, 1), bias * gain + shift
        return weight, bias

    def settle(self, weight, bias):
        """Use these from now on, as one convolution."""
        self.dense = weight, bias


FORMS = {"plain": Affine, "rep": Chain}


def reshape(x, shape):
    """Elements in the order y, x, channel, in another [height, width, channels]."""
    y = x.permute(0, 1, 3, 4, 2).reshape(*x.shape[:2], *shape)
    return y.permute(0, 1, 4, 2, 3)


def box(x, first, size):
    """Part of a map from [y, x, channel] on, of this [height, width, channels]."""
    rows, columns, channels = (slice(a, a + n) for a, n in zip(first, size))
    return x[:, :, channels, rows, columns]


def window(function, x, layer):
    """A pooling function of torch on all steps."""
    y = function(x.flatten(0, 1), layer["kernel"], layer["stride"], layer["padding"])
    return y.unflatten(0, x.shape[:2])


def mask(x, heads, mode):
    """Q-K token attention (Zhou et al. 2024) of [Q, K], or the channel form of
    spike-driven attention (Yao et al. 2023) of [Q, K, V]."""
    if mode == "token":
        q, k = x
        some = q.unflatten(2, (heads, -1)).amax(3, keepdim=True)
        return (k.unflatten(2, (heads, -1)) * some).flatten(2, 3)
    q, k, v = x
    return q * (k * v).amax((3, 4), keepdim=True)


def product(x, layer, shape):
    """Product of two matrices of each head; rows become positions."""
    matrices = []
    for side, transposed in zip(x, layer["transpose"]):
        m = side.flatten(3).unflatten(2, (layer["heads"], -1))  # [.., head, channel, token]
        matrices.append(m if transposed else m.transpose(3, 4))
    y = matrices[0] @ matrices[1]
    return y.transpose(3, 4).flatten(2, 3).unflatten(3, shape[:2])


def nearest(x, unit):
    """Multiples of a unit, halves up; x as it is where none is known yet."""
    return x if not unit else torch.floor(x / unit + 0.5) * unit


def copied(x, axes):
    """Height, width and channels of the result are these axes of x."""
    place = {"c": 2, "h": 3, "w": 4}
    return x.permute(0, 1, *(place[axes[i]] for i in (2, 0, 1)))


class Net(nn.Module):
    """The module of a Graph; forward() gives class scores."""

    def __init__(self, graph):
        super().__init__()
        self.graph = graph
        self.affine = nn.ModuleDict({
            self.key(layer): FORMS[layer["x-train"]["form"]](
                layer, graph.shape[self.source(layer["inputs"][0])][2])
            for layer in graph.layers if "x-train" in layer})

    @property
    def input_spec(self):
        """How recordings become its input."""
        return self.graph.input

    @staticmethod
    def key(layer):
        """Name of a layer that torch accepts."""
        return layer["name"].replace(".", "/")

    @staticmethod
    def source(entry):
        """Layer that an input or a view of it comes from."""
        return entry["layer"] if isinstance(entry, dict) else entry

    def parameter_count(self):
        """Trainable numbers."""
        return sum(p.numel() for p in self.parameters())

    def current(self, layer, x):
        """Output of a layer without its neurons."""
        op = layer["op"]
        if op in ("conv2d", "linear"):
            return self.affine[self.key(layer)](x[0])
        if op == "add":
            return x[0] + x[1]
        if op == "and":
            return x[0] * x[1]
        if op == "andnot":
            return x[0] * (1 - x[1])
        if op == "or":
            return torch.maximum(x[0], x[1])
        if op == "maxpool":
            return window(F.max_pool2d, x[0], layer)
        if op == "avgpool":
            return window(F.avg_pool2d, x[0], layer)
        if op == "attention" and "mode" in layer:
            return mask(x, layer["heads"], layer["mode"])
        if op == "attention":
            return attention(*x, layer["heads"])
        if op == "matmul":
            return product(x, layer, self.graph.shape[layer["name"]])
        if op == "reduce":
            return x[0].sum((3, 4), keepdim=True)
        if op == "copy":
            return copied(nearest(x[0], layer.get("x-rounded")), layer["axes"])
        raise ValueError(f"layer {layer['name']}: operation {op} unknown")

    def fire(self, layer, currents):
        """Outputs of a layer's neurons, if it has any, for the currents of all steps."""
        neuron = layer.get("neuron")
        return Neuron(neuron).run(currents) if neuron else currents

    def inputs(self, layer, values):
        """Operands, of all steps."""
        for entry in layer["inputs"]:
            x = values[self.source(entry)]
            if isinstance(entry, dict) and "size" in entry:
                x = box(x, entry["first"], entry["size"])
            elif isinstance(entry, dict):
                x = reshape(x, entry["shape"])
            yield x

    def loop(self, layers, values):
        """Layers that read what others of them put out in the step before."""
        count, samples = values["input"].shape[:2]
        names = [l["name"] for l in layers]
        neurons = {l["name"]: Neuron(l["neuron"]) for l in layers if l.get("neuron")}
        for l in layers:
            height, width, channels = self.graph.shape[l["name"]]
            values[l["name"]] = list(values["input"].new_zeros(
                count + 1, samples, channels, height, width))
        for t in range(count):
            for l in layers:
                x = [values[self.source(e)][t if isinstance(e, dict) or
                                            self.source(e) not in names else t + 1][None]
                     for e in l["inputs"]]
                y = self.current(l, x)[0]
                values[l["name"]][t + 1] = (neurons[l["name"]].step(y)
                                            if l["name"] in neurons else y)
        for name in names:
            values[name] = torch.stack(values[name][1:])

    def forward(self, counts, record=None):
        """Scores [sample, class] of counts [step, sample, channel, y, x].

        `record`, a dictionary, receives the output of every layer."""
        values = {"input": counts}
        for number, group in itertools.groupby(
                self.graph.layers, lambda l: l.get("loop", {}).get("number")):
            if number is not None:
                self.loop(list(group), values)
                continue
            for layer in group:
                y = self.current(layer, list(self.inputs(layer, values)))
                values[layer["name"]] = self.fire(layer, y)
        if record is not None:
            record.update(values)
        readout = self.graph.readout
        return values[readout["input"]].sum((0, 3, 4)) * readout["scale"]
