# SPDX-License-Identifier: MIT
"""Spike-driven Transformer V2 (Meta-SpikeFormer) and V3 (E-SpikeFormer): four
stages of convolution and attention blocks around a stream of currents.

Yao et al., ICLR 2024 and TPAMI 2025. Published sizes are for images, 224 pixels
wide with 3 channels; here an image is a recording whose pixels have as many
events as they are bright.
"""
from .graph import Graph, integer_neuron, lif

TAU2 = lif(2.0)                     # tau 2, threshold 1
LEVELS = 4                          # of V3's neurons; their output is count / 4
EXPANSION = {"separable": 2, "block": 4, "value": 4}


def separable(g, name, x, kernel, first, middle):
    """x + a convolution in three parts: points, each channel, points. Without
    a `middle` neuron the last one reads what the second sums up."""
    width = g.shape[x][2]
    wide = width * EXPANSION["separable"]
    s = g.fire(f"{name}.fire", x, first)
    s = g.linear(f"{name}.points1", s, wide, neuron=first)
    if middle is None:
        s = g.conv(f"{name}.each", s, wide, kernel, groups=wide, norm=False,
                   planes=16, signed=True)
    else:
        s = g.conv(f"{name}.each", s, wide, kernel, groups=wide, neuron=middle)
    return g.add(f"{name}.res", x, g.linear(f"{name}.points2", s, width))


def conv_block(g, name, x, neuron, middle):
    """A separable and two full convolutions, each with its residual."""
    width = g.shape[x][2]
    x = separable(g, f"{name}.sep", x, 7, neuron, middle)
    s = g.fire(f"{name}.fire", x, neuron)
    h = g.conv(f"{name}.conv1", s, width * EXPANSION["block"], neuron=neuron)
    return g.add(f"{name}.res", x, g.conv(f"{name}.conv2", h, width))


def down(g, name, x, width, stride, neuron):
    """Fewer positions, more channels."""
    s = g.fire(f"{name}.fire", x, neuron)
    return g.conv(name, s, width, stride=stride, bias=True)


def perceptron(g, name, x, neuron, ratio=4):
    """x + a perceptron."""
    width = g.shape[x][2]
    s = g.fire(f"{name}.fire2", x, neuron)
    h = g.linear(f"{name}.fc1", s, width * ratio, bias=True, neuron=neuron)
    return g.add(f"{name}.res2", x, g.linear(f"{name}.fc2", h, width, bias=True))


def repeated_attention(g, name, x, heads):
    """V2: Q, K, V and the projection are re-parameterized 3x3 convolutions."""
    width = g.shape[x][2]
    s = g.fire(f"{name}.fire", x, TAU2)
    qkv = [g.conv(f"{name}.{p}", s, width, neuron=TAU2, form="rep") for p in "qkv"]
    # Threshold 0.5 at tau 2, the scale 1/8 folded in.
    a = g.attention(f"{name}.attn", qkv, heads, lif(8.0))
    x = g.add(f"{name}.res1", x, g.conv(f"{name}.proj", a, width, form="rep"))
    return perceptron(g, name, x, TAU2)


def linear_attention(g, name, x, heads, neuron):
    """V3: a separable convolution, then attention on counts with a wider V."""
    x = separable(g, f"{name}.sep", x, 3, neuron, neuron)
    width = g.shape[x][2]
    s = g.fire(f"{name}.fire", x, neuron)
    q, k = (g.linear(f"{name}.{p}", s, width, neuron=neuron) for p in "qk")
    v = g.linear(f"{name}.v", s, width * EXPANSION["value"], neuron=neuron)
    # Counts are quarters, and the scale is 2 / sqrt(d): in counts, this is 1.
    threshold = LEVELS ** 2 * (width // heads) ** 0.5 / 2
    a = g.attention(f"{name}.attn", [q, k, v], heads,
                    integer_neuron(threshold, LEVELS))
    x = g.add(f"{name}.res1", x, g.linear(f"{name}.proj", a, width))
    return perceptron(g, name, x, neuron)


def stages(g, widths, neuron, middle, attention, depths):
    """The four stages, from input to stream."""
    x = g.conv("down1", "input", widths[0] // 2, 7, 2, bias=True)
    x = conv_block(g, "conv1", x, neuron, middle)
    x = down(g, "down2", x, widths[0], 2, neuron)
    x = conv_block(g, "conv2", x, neuron, middle)
    x = down(g, "down3", x, widths[1], 2, neuron)
    for i in range(2):
        x = conv_block(g, f"conv3.{i}", x, neuron, middle)
    for stage, (width, stride, depth) in enumerate(
            zip(widths[2:], (2, 1), depths), 3):
        x = down(g, f"down{stage + 1}", x, width, stride, neuron)
        for i in range(depth):
            x = attention(g, f"block{stage}.{i}", x)
    return x


def finish(g, x, classes, neuron):
    """Head on neurons of the mean over positions."""
    positions = g.shape[x][0] * g.shape[x][1]
    neuron = dict(neuron, threshold=neuron["threshold"] * positions)
    return g.head(g.total("mean", x, neuron), classes)


def meta_spikeformer(size=224, steps=4, channels=3, widths=(128, 256, 512, 640),
                     heads=8, depths=(6, 2), classes=1000):
    """Spike-driven Transformer V2 8-512."""
    g = Graph(size, steps, channels, planes=8)
    x = stages(g, widths, TAU2, None,
               lambda g, name, x: repeated_attention(g, name, x, heads), depths)
    return finish(g, x, classes, TAU2)


def e_spikeformer(size=224, steps=1, channels=3, widths=(64, 128, 256, 360),
                  heads=8, depths=(6, 2), classes=1000):
    """Spike-driven Transformer V3, large."""
    g = Graph(size, steps, channels, planes=8)
    neuron = integer_neuron(1.0, LEVELS)
    x = stages(g, widths, neuron, neuron,
               lambda g, name, x: linear_attention(g, name, x, heads, neuron), depths)
    return finish(g, x, classes, neuron)
