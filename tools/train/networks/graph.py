# SPDX-License-Identifier: MIT
"""Builder of layer lists: what a network is, once, for PyTorch and for the model file.

A Graph collects the layers of a .snnq file (Documentation/model-format.md) with
real thresholds, and what only training needs under the key `x-train`: whether a
layer has a bias and is followed by batch normalization. Layers without a neuron
put out membrane currents, real numbers. Every method returns the new layer's
name; `shape` knows the [height, width, channels] of each, `most` the largest
count, None for real numbers.
"""
from shortform import product_shape


def lif(threshold, n=2, compare="ge"):
    """Neuron u = u/n + X that fires at a real threshold and is set to 0.

    The usual u + (X - u)/tau with threshold t is this one with n = tau/(tau - 1)
    and threshold tau * t: substitute tau * u."""
    leak = {"kind": "div", "n": n} if n > 1 else {"kind": "none"}
    neuron = {"model": "lif", "leak": leak, "compare": compare, "reset": "hard",
              "threshold": threshold}
    # Where a membrane is strictly compared, what the division loses decides a tie.
    return dict(neuron, sticky=True) if compare == "gt" and n > 1 else neuron


def integer_neuron(threshold, levels):
    """Neuron without leak that gives round-half-even(u/threshold), 0 to
    `levels`, and keeps the rest (integer LIF: Luo et al. 2024)."""
    return {"model": "lif", "leak": {"kind": "none"}, "compare": "ge",
            "reset": "soft", "threshold": threshold, "levels": levels,
            "tie": "even", "half_levels": True, "output": "counts"}


def out_size(size, kernel, stride, padding):
    """Positions that a window has along one axis."""
    return (size + 2 * padding - kernel) // stride + 1


class Graph:
    """Layers in execution order."""

    def __init__(self, size, steps, channels=2, planes=2):
        self.input = {"width": size, "height": size, "polarities": channels,
                      "layout": "hwc", "planes": planes, "binning": "duration",
                      "steps": steps, "step_us": 20000, "rounding": "floor",
                      "origin": "zero"}
        if channels <= 2:
            self.input["on_channel"] = channels - 1
        self.layers, self.readout = [], None
        self.shape = {"input": (size, size, channels)}
        self.most = {"input": (1 << planes) - 1}

    def append(self, name, op, inputs, shape, most, **keys):
        """A layer whose output has this shape and largest count."""
        keys = {k: v for k, v in keys.items() if v is not None}
        self.layers.append({"name": name, "op": op, "inputs": inputs, **keys})
        self.shape[name], self.most[name] = tuple(shape), most
        return name

    def layer(self, name):
        """A layer's entry."""
        return next(layer for layer in self.layers if layer["name"] == name)

    def fired(self, neuron):
        """Largest output of a neuron, None without one."""
        return None if neuron is None else neuron.get("levels", 1)

    def conv(self, name, x, channels, kernel=3, stride=1, padding=None,
             groups=1, bias=False, norm=True, neuron=None, form="plain", **keys):
        """Convolution, normalization, neuron. Padding keeps the size unless said.
        `form`: "rep" is trained as a chain of small convolutions (net.Chain)."""
        padding = kernel // 2 if padding is None else padding
        height, width = (out_size(n, kernel, stride, padding)
                         for n in self.shape[x][:2])
        return self.append(
            name, "conv2d", [x], (height, width, channels), self.fired(neuron),
            out_channels=channels, kernel=[kernel] * 2, stride=[stride] * 2,
            padding=[padding] * 2, dilation=[1, 1],
            groups=groups if groups > 1 else None,
            neuron=neuron, **keys,
            **{"x-train": {"bias": bias, "norm": norm, "form": form}})

    def linear(self, name, x, channels, bias=False, norm=True, neuron=None, **keys):
        """The same over the channels of each position."""
        source = x["layer"] if isinstance(x, dict) else x
        height, width = self.shape[source][:2]
        return self.append(
            name, "linear", [x], (height, width, channels), self.fired(neuron),
            out_channels=channels, neuron=neuron, **keys,
            **{"x-train": {"bias": bias, "norm": norm, "form": "plain"}})

    def pool(self, name, x, kernel=3, stride=2, padding=1, neuron=None):
        """Maximum of counts or, with or without neurons behind it, of currents."""
        height, width, channels = self.shape[x]
        height, width = (out_size(n, kernel, stride, padding) for n in (height, width))
        most = self.most[x] if neuron is None else self.fired(neuron)
        return self.append(name, "maxpool", [x], (height, width, channels), most,
                           kernel=[kernel] * 2, stride=[stride] * 2,
                           padding=[padding] * 2, dilation=[1, 1], neuron=neuron)

    def fire(self, name, x, neuron):
        """Neurons of their own on currents that have other readers too."""
        return self.pool(name, x, 1, 1, 0, neuron)

    def average(self, name, x, kernel):
        """Mean of counts in windows that do not overlap."""
        height, width, channels = self.shape[x]
        return self.append(name, "avgpool", [x],
                           (height // kernel, width // kernel, channels),
                           self.most[x] * kernel ** 2, kernel=[kernel] * 2,
                           stride=[kernel] * 2, padding=[0, 0], dilation=[1, 1])

    def add(self, name, a, b, neuron=None, **keys):
        """Sum of counts, a count, or of currents."""
        most = self.fired(neuron)
        if neuron is None and None not in (self.most[a], self.most[b]):
            most = self.most[a] + self.most[b]
        return self.append(name, "add", [a, b], self.shape[a], most,
                           neuron=neuron, **keys)

    def gate(self, name, op, a, b):
        """`and`, `andnot` (a and not b) or `or` of spikes."""
        return self.append(name, op, [a, b], self.shape[a], 1)

    def attention(self, name, inputs, heads, neuron=None, mode=None):
        """Attention of [Q, K, V] with neurons, or a mask (mode token, channel)."""
        shape = self.shape[inputs[0]][:2] + self.shape[inputs[-1]][2:]
        return self.append(name, "attention", inputs, shape,
                           1 if mode else self.fired(neuron), heads=heads,
                           mode=mode, neuron=neuron)

    def part(self, x, first, channels):
        """View of so many channels."""
        height, width, _ = self.shape[x]
        return {"layer": x, "first": [0, 0, first], "size": [height, width, channels]}

    def matmul(self, name, inputs, heads, transpose, neuron, size=None):
        """Product of two matrices of positions x channels of a head, of which some
        are taken transposed; `size`: how the rows are positions of a map."""
        operands = [x["size"] if isinstance(x, dict) else self.shape[x] for x in inputs]
        entry = {"heads": heads, "transpose": transpose}
        if size is not None:
            entry["size"] = list(size)
        return self.append(name, "matmul", inputs, product_shape(entry, operands),
                           self.fired(neuron), neuron=neuron, **entry)

    def total(self, name, x, neuron=None):
        """Sum over all positions, of currents that were rounded if need be."""
        if self.most[x] is None:
            x = self.copy(f"{name}.rounded", x, **{"x-rounded": 0})
        most = self.fired(neuron)
        return self.append(name, "reduce", [x], (1, 1, self.shape[x][2]), most,
                           mode="sum", axes=["height", "width"], neuron=neuron)

    def copy(self, name, x, axes="hwc", shape=None, **keys):
        """Axes in another order, of the elements seen in another shape."""
        source, had = x, self.shape[x]
        if shape is not None:
            source, had = {"layer": x, "shape": list(shape)}, shape
        sizes = dict(zip("hwc", had))
        return self.append(name, "copy", [source], [sizes[a] for a in axes],
                           self.most[x], axes=axes, **keys)

    def head(self, x, classes, kernel=1, bias=True):
        """Class scores: the mean over positions and steps."""
        self.conv("head", x, classes, kernel, 1, 0, bias=bias, norm=False)
        height, width, _ = self.shape["head"]
        self.readout = {"input": "head", "mode": "sum",
                        "scale": 1 / (height * width * self.input["steps"])}
        return self
