# SPDX-License-Identifier: MIT
"""Spiking networks as published, each a function of its size.

Written from the equations of the papers named. Defaults are the published
configurations for event cameras; time constants and thresholds are in the form
of graph.lif(). Parameters are counted as published in NETWORKS (table.py).
"""
from .blocks import (counting_block, membrane_perceptron, membrane_projection,
                    spike_attention)
from .graph import Graph, lif

TAU2 = lif(2.0)                     # tau 2, threshold 1
TAU15 = lif(1.5, 3)                 # tau 1.5, threshold 1


def spikformer(size=128, steps=16, width=256, depth=2, heads=16, classes=10):
    """Zhou et al., Spikformer, ICLR 2023: neurons before pools, counts as stream."""
    g = Graph(size, steps)
    x = "input"
    for i, part in enumerate((8, 4, 2, 1)):
        x = g.conv(f"conv{i}", x, width // part, neuron=TAU2)
        x = g.pool(f"pool{i}", x)
    x = g.add("rpe.res", x, g.conv("rpe", x, width, neuron=TAU2))
    for i in range(depth):
        # Threshold 0.5 at tau 2, the scale 1/4 folded in.
        a = spike_attention(g, f"block{i}", x, TAU2, heads, lif(4.0))
        x = counting_block(g, f"block{i}", x, a, TAU2, ratio=4)
    return g.head(x, classes)


def spikingformer(size=128, steps=16, width=256, depth=2, heads=16, classes=10):
    """Zhou et al., Spikingformer, 2023: neurons first, currents as stream."""
    g = Graph(size, steps)
    x = g.conv("conv0", "input", width // 8)
    for i, part in enumerate((4, 2, 1, 1), 1):
        s = g.pool(f"pool{i}", g.fire(f"fire{i}", x, TAU15))
        x = g.conv(f"conv{i}", s, width // part)
    for i in range(depth):
        s = g.fire(f"block{i}.fire0", x, TAU15)
        # Threshold 0.5 at tau 1.5, the scale 1/8 folded in.
        a = spike_attention(g, f"block{i}", s, TAU15, heads, lif(6.0, 3))
        x = membrane_projection(g, f"block{i}", x, a)
        x = membrane_perceptron(g, f"block{i}", x, TAU15, ratio=4)
    return g.head(g.copy("stream", x, planes=16, signed=True), classes)


def dilate(g, name, x, heads):
    """Spikes spread by one token and, inside their head, one channel."""
    height, width, channels = g.shape[x]
    plane = (height * width, heads, channels // heads)
    y = g.copy(f"{name}.plane", x, "hcw", plane)
    y = g.pool(f"{name}.spread", y, 3, 1, 1)
    back = g.copy(f"{name}.back", y, "hcw")
    return g.copy(name, back, shape=(height, width, channels))


def spike_driven(size=64, steps=10, width=256, depth=2, heads=8, classes=10,
                 pools="0011", dilated=True):
    """Yao et al., Spike-driven Transformer, NeurIPS 2023: masks in place of
    products. `dilated`: the form for CIFAR10-DVS, which spreads K, V and both
    masks by maximum pooling."""
    g = Graph(size, steps)
    x = "input"
    for i, (part, pooled) in enumerate(zip((8, 4, 2), pools)):
        x = g.conv(f"conv{i}", x, width // part, neuron=TAU2)
        x = g.pool(f"pool{i}", x) if pooled == "1" else x
    x = g.conv("conv3", x, width)
    x = g.pool("pool3", x) if pools[3] == "1" else x
    x = g.add("rpe.res", g.conv("rpe", g.fire("rpe.fire", x, TAU2), width), x)
    for i in range(depth):
        name = f"block{i}"
        s = g.fire(f"{name}.fire0", x, TAU2)
        q, k, v = (g.linear(f"{name}.{p}", s, width, neuron=TAU2) for p in "qkv")
        if dilated:
            k = g.pool(f"{name}.k.wide", k, 3, 1, 1)
            v = g.pool(f"{name}.v.wide", v, 3, 1, 1)
            kv = dilate(g, f"{name}.kv.wide", g.gate(f"{name}.kv", "and", k, v), heads)
            a = g.attention(f"{name}.mask", [q, kv, kv], heads, mode="channel")
            a = dilate(g, f"{name}.wide", a, heads)
        else:
            a = g.attention(f"{name}.mask", [q, k, v], heads, mode="channel")
        x = membrane_projection(g, name, x, a)
        x = membrane_perceptron(g, name, x, TAU2, ratio=4)
    positions = g.shape[x][0] * g.shape[x][1]
    return g.head(g.total("mean", x, lif(2.0 * positions)), classes)


def qkformer(size=128, steps=16, width=256, heads=16, ratio=1, classes=10):
    """Zhou et al., QKFormer, NeurIPS 2024: token attention, then spiking
    self-attention; pools of currents, before neurons."""
    g = Graph(size, steps)

    def pooled(name, x, channels):
        return g.pool(f"{name}.pool", g.conv(name, x, channels), neuron=TAU2)

    f = pooled("conv1", g.conv("conv0", "input", width // 16, neuron=TAU2), width // 8)
    x = pooled("conv3", pooled("conv2", f, width // 4), width // 2)
    x = g.add("patch1.res", x, g.conv("patch1", f, width // 2, 1, 4, neuron=TAU2))
    q, k = (g.linear(f"stage1.{p}", x, width // 2, neuron=TAU2) for p in "qk")
    x = counting_block(g, "stage1", x, g.attention("stage1.mask", [q, k], heads, mode="token"),
                       TAU2, ratio)
    y = pooled("conv5", g.conv("conv4", x, width, neuron=TAU2), width)
    x = g.add("patch2.res", y, g.conv("patch2", x, width, 1, 2, neuron=TAU2))
    # Threshold 0.5 at tau 2, the scale 1/8 folded in.
    a = spike_attention(g, "stage2", x, TAU2, heads, lif(8.0))
    return g.head(counting_block(g, "stage2", x, a, TAU2, ratio), classes)


def sew_resnet(size=128, steps=16, widths=(64,) * 4 + (128,) * 3, classes=10,
               residual="add"):
    """Fang et al., SEW-ResNet, NeurIPS 2021: residuals of spikes by `add`, `and`
    or `iand` (x and not the block's)."""
    g = Graph(size, steps)
    x = "input"
    for i, width in enumerate(widths):
        if width != g.shape[x][2]:
            x = g.conv(f"stage{i}.widen", x, width, 1, neuron=TAU2)
        y = g.conv(f"stage{i}.conv1", x, width, neuron=TAU2)
        y = g.conv(f"stage{i}.conv2", y, width, neuron=TAU2)
        if residual == "add":
            x = g.add(f"stage{i}.res", y, x)
        elif residual == "and":
            x = g.gate(f"stage{i}.res", "and", y, x)
        else:
            x = g.gate(f"stage{i}.res", "andnot", x, y)
        x = g.pool(f"stage{i}.pool", x, 2, 2, 0)
    return g.head(x, classes, kernel=g.shape[x][0])


def vgg(size=48, steps=10, widths=(64, 128, 256, 256, 512, 512, 512, 512), classes=10):
    """Deng et al., TET, ICLR 2022: a plain spiking VGG; means of 2x2 spikes
    after every second layer, no decay of the input, strict comparison."""
    g = Graph(size, steps)
    x = "input"
    for i, width in enumerate(widths):
        x = g.conv(f"conv{i}", x, width, bias=True, neuron=lif(1.0, 2, "gt"))
        x = g.average(f"pool{i}", x, 2) if i % 2 else x
    return g.head(x, classes, kernel=g.shape[x][0])


def recurrent(size=32, steps=16, width=128, classes=10):
    """Two strided convolutions and a layer that hears its own last spikes."""
    g = Graph(size, steps)
    x = g.conv("conv0", "input", width // 8, stride=2, neuron=TAU2)
    x = g.conv("conv1", x, width // 4, stride=2, neuron=TAU2)
    x = g.conv("in", x, width, g.shape[x][0], padding=0)
    past = {"layer": "hidden", "previous": True, "shape": [1, 1, width], "planes": 1}
    g.shape["hidden"], g.most["hidden"] = (1, 1, width), 1
    loop = {"number": 1}
    y = g.linear("recall", past, width, norm=False, loop=loop)
    return g.head(g.add("hidden", x, y, TAU2, loop=loop), classes)
