# SPDX-License-Identifier: MIT
"""SpikingResformer: a stream of currents, and attention that multiplies currents
with spikes.

Shi et al., SpikingResformer, CVPR 2024. Published for event cameras at 64 x 64 with
a third channel that has the events of both polarities.
"""
from .graph import Graph, lif

TAU2 = lif(2.0)                     # tau 2, threshold 1


def dual_attention(g, name, x, heads, patch, rates):
    """x + dual spike self-attention: currents y of patches, multiplied with the
    spikes s they come from to a map of attention, and with that map.

    The published scales 1/sqrt(rate d) and 1/sqrt(rate N), with the mean rates of s
    and of the map, are folded into thresholds."""
    height, width, channels = g.shape[x]
    s = g.fire(f"{name}.fire", x, TAU2)
    y = g.conv(f"{name}.patches", s, 2 * channels, patch, patch, 0)
    y = g.copy(f"{name}.rounded", y, **{"x-rounded": 0})
    keys, values = g.part(y, 0, channels), g.part(y, channels, channels)
    tokens = g.shape[y][0] * g.shape[y][1]
    a = g.matmul(f"{name}.map", [keys, s], heads, [False, True],
                 lif(2.0 * (rates[0] * channels / heads) ** 0.5))
    o = g.matmul(f"{name}.attn", [a, values], heads, [True, False],
                 lif(2.0 * (rates[1] * tokens) ** 0.5), (height, width))
    return g.add(f"{name}.res1", x, g.linear(f"{name}.proj", o, channels))


def grouped_perceptron(g, name, x, group):
    """x + a perceptron with a convolution of groups, and its own residual, inside."""
    channels = g.shape[x][2]
    u = g.linear(f"{name}.fc1", g.fire(f"{name}.fire1", x, TAU2), 4 * channels)
    w = g.conv(f"{name}.each", g.fire(f"{name}.fire2", u, TAU2), 4 * channels,
               groups=4 * channels // group)
    w = g.add(f"{name}.inner", u, w)
    w = g.linear(f"{name}.fc2", g.fire(f"{name}.fire3", w, TAU2), channels)
    return g.add(f"{name}.res2", x, w)


def spiking_resformer(size=64, steps=16, channels=3, widths=(64, 192, 384), group=64,
                      heads=(1, 3, 6), depths=(1, 2, 3), patches=(4, 2, 1),
                      rates=(0.25, 0.25), classes=10):
    """`group`: channels of a group; `rates`: of spikes and of attention."""
    g = Graph(size, steps, channels)
    x = g.conv("conv0", "input", widths[0])
    for stage, (width, depth) in enumerate(zip(widths, depths)):
        if stage:
            s = g.fire(f"down{stage}.fire", x, TAU2)
            x = g.conv(f"down{stage}", s, width, stride=2)
        for i in range(depth):
            name = f"block{stage}.{i}"
            x = dual_attention(g, name, x, heads[stage], patches[stage], rates)
            x = grouped_perceptron(g, name, x, group)
    return g.head(g.copy("stream", x, planes=16, signed=True), classes, bias=False)
