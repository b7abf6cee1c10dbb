# SPDX-License-Identifier: MIT
"""Weights rounded to a grid while they are trained, with learned steps.

A weight w is replaced by step * level, level the nearest of its grid to
w / step. Gradients pass straight through to weights inside the grid's range;
the step of each output channel learns by the rule of LSQ (Esser et al. 2020).
It is kept as its logarithm, so that it stays positive and one rate fits all.
"""
import torch
from torch import nn
from torch.nn import functional as F

from grids import levels_of, nearest, quantize


class LearnedStep(torch.autograd.Function):
    """step * nearest level; `step` is [out, 1, ...] or [1, 1, ...]."""

    @staticmethod
    def forward(ctx, weight, step, grid):
        ratio = weight / step
        level = nearest(ratio, grid)
        ctx.save_for_backward(ratio, level, step)
        ctx.top = float(grid[-1])
        return level * step

    @staticmethod
    def backward(ctx, grad):
        ratio, level, step = ctx.saved_tensors
        inside = ratio.abs() <= ctx.top
        # d(step * level)/d(step): level outside, level - ratio inside.
        slope = level - ratio * inside
        steps = step.numel()
        scale = (ratio.numel() / steps * ctx.top) ** -0.5
        along = tuple(range(0 if steps == 1 else 1, grad.dim()))
        to_step = (grad * slope).sum(dim=along, keepdim=True) * scale
        return grad * inside, to_step.reshape(step.shape), None


class LearnedGrid(nn.Module):
    """Rounds a layer's weights; steps start at the least squared error."""

    def __init__(self, weight, scheme, bits, per_channel=True):
        super().__init__()
        self.scheme, self.bits = scheme, bits
        _, step = quantize(weight.detach(), scheme, bits, per_channel)
        self.log_step = nn.Parameter(step.log())
        self.register_buffer("grid", torch.tensor(
            levels_of(scheme, bits), dtype=weight.dtype), persistent=False)

    def start_from(self, levels, step):
        """Steps of a finished quantization; returns the weights to train.

        Each stands in the middle of its level's cell. A quantizer chose levels that
        make up for one another's errors; weights that remembered where they came from
        would stand at the border of theirs, and go back in the first batches."""
        self.log_step.data = step.log()
        return levels * step

    def step(self):
        return self.log_step.exp()

    def levels(self, weight):
        """Levels that forward() uses."""
        return nearest(weight / self.step(), self.grid)

    def forward(self, weight):
        return LearnedStep.apply(weight, self.step(), self.grid)


class MixedGrid(nn.Module):
    """Weights as a random mixture of several grids, to find the best one.

    The shares are a Gumbel-softmax of `logits`: at a low temperature nearly
    one grid at a time, and differentiable at any. In evaluation the likeliest
    grid is used alone."""

    def __init__(self, weight, candidates, per_channel=True):
        super().__init__()
        self.grids = nn.ModuleList(
            LearnedGrid(weight, scheme, bits, per_channel)
            for scheme, bits in candidates)
        self.logits = nn.Parameter(torch.zeros(len(candidates)))
        self.register_buffer("bits", torch.tensor(
            [weight_bits(*c) for c in candidates]), persistent=False)
        self.temperature = 1.0

    def expected_bits(self):
        """Bits per weight of the mixture without noise."""
        return self.logits.softmax(0) @ self.bits

    def forward(self, weight):
        if not self.training:
            return self.grids[int(self.logits.argmax())](weight)
        shares = F.gumbel_softmax(self.logits, tau=self.temperature)
        return sum(share * grid(weight)
                   for share, grid in zip(shares, self.grids))


def weight_bits(scheme, bits):
    """Stored bits of one weight: five ternary ones share a byte."""
    return 1.6 if scheme == "ternary" else float(bits)


def parse_scheme(text):
    """(scheme, bits) of SCHEME:BITS."""
    scheme, _, bits = text.partition(":")
    if not bits.isdigit():
        raise ValueError(f"{text}: expected SCHEME:BITS")
    return scheme, int(bits)


def parse_grid(text):
    """(layer, (scheme, bits)) of NAME=SCHEME:BITS."""
    name, _, grid = text.partition("=")
    try:
        return name, parse_scheme(grid)
    except ValueError:
        raise ValueError(f"{text}: expected NAME=SCHEME:BITS") from None


def put_on_grids(net, pairs):
    """Round the weights of the named layers to (scheme, bits) from now on.

    A scale per channel vanishes in bias and threshold; the head has one."""
    for name, (scheme, bits) in pairs:
        synapse = net.synapse(name)
        synapse.grid = LearnedGrid(synapse.weight, scheme, bits,
                                   synapse.threshold is not None)


def average_bits(net):
    """Bits per weight over all layers, real weights counting 32."""
    pairs = [(s.weight.numel(),
              weight_bits(s.grid.scheme, s.grid.bits) if s.grid else 32.0)
             for s in net.synapses.values()]
    return sum(n * b for n, b in pairs) / sum(n for n, _ in pairs)
