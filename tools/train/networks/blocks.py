# SPDX-License-Identifier: MIT
"""Encoder blocks that several families share."""


def spike_attention(g, name, x, neuron, heads, scaled):
    """Spiking self-attention (Zhou et al. 2023) on spikes or counts and the
    projection behind it. `scaled`: the neuron of (Q K^T) V, scale folded in."""
    width = g.shape[x][2]
    qkv = [g.linear(f"{name}.{p}", x, width, neuron=neuron) for p in "qkv"]
    return g.attention(f"{name}.attn", qkv, heads, scaled)


def counting_block(g, name, x, attended, neuron, ratio):
    """x + projection, then + perceptron, all spikes: the sums are counts."""
    width = g.shape[x][2]
    o = g.linear(f"{name}.proj", attended, width, bias=True, neuron=neuron)
    x = g.add(f"{name}.res1", x, o)
    h = g.linear(f"{name}.fc1", x, width * ratio, bias=True, neuron=neuron)
    return g.add(f"{name}.res2", x,
                 g.linear(f"{name}.fc2", h, width, bias=True, neuron=neuron))


def membrane_perceptron(g, name, x, neuron, ratio):
    """x + a perceptron whose neurons come first: the sum is of currents."""
    width = g.shape[x][2]
    s = g.fire(f"{name}.fire1", x, neuron)
    h = g.linear(f"{name}.fc1", s, width * ratio, bias=True, neuron=neuron)
    return g.add(f"{name}.res2", x, g.linear(f"{name}.fc2", h, width, bias=True))


def membrane_projection(g, name, x, attended):
    """x + projection, of currents."""
    return g.add(f"{name}.res1", x,
                 g.linear(f"{name}.proj", attended, g.shape[x][2], bias=True))
