# SPDX-License-Identifier: MIT
"""The short form of .snnq graphs (Documentation/model-format.md): expand() restores
the long form after reading, shorten() leaves out what readers fill in."""
import copy
import json
import math

import numpy as np

GEOMETRY = {"kernel": None, "stride": 1, "padding": 0, "dilation": 1}
POOLS = ("maxpool", "sumpool", "avgpool")
SHARED = {"weights": np.uint8, "numbers": np.int16}
MAX_DEFAULTS = 16384


def neuronal(layer):
    """Whether a layer has a neuron even if it does not say so; attention in its
    modes token and channel masks spikes and has none."""
    if layer["op"] == "attention":
        return layer.get("mode", "values") == "values"
    return layer["op"] in ("conv2d", "linear")


# ---- long ----

def merge(node, defaults):
    """Give node what it lacks of defaults; null says that it shall lack it."""
    for key, value in defaults.items():
        if key not in node:
            node[key] = copy.deepcopy(value)
        elif node[key] is None:
            del node[key]
        elif isinstance(node[key], dict) and isinstance(value, dict):
            merge(node[key], value)


def expand_neuron(layer, defaults):
    """Neurons of the defaults' model take them, as do those not mentioned."""
    if defaults is None:
        return
    if neuronal(layer):
        layer.setdefault("neuron", {})
    neuron = layer.get("neuron")
    if isinstance(neuron, dict) and neuron.get(
            "model", defaults.get("model")) == defaults.get("model"):
        merge(neuron, defaults)


def expand_layer(layer, before):
    """Inputs, geometry and weight of a layer in full."""
    layer.setdefault("inputs", [before])
    if layer["op"] in POOLS or layer["op"] == "conv2d":
        for key, absent in GEOMETRY.items():
            value = layer.get(key, absent)
            layer[key] = [value] * 2 if isinstance(value, int) else value
    if isinstance(layer.get("weight"), str):
        scheme, bits = layer["weight"].split(":")
        layer["weight"] = {"scheme": scheme, "bits": int(bits)}


class Shared:
    """A tensor of which layers take their part in order."""

    def __init__(self, name, tensors):
        self.name, self.at, self.all = name, 0, tensors.get(name)

    def take(self, layer, count):
        have = 0 if self.all is None else self.all.size - self.at
        if self.all is None or self.all.dtype != SHARED[self.name] or count > have:
            raise ValueError(f"{layer}: expected {count} elements from "
                             f"{self.at} of tensor {self.name}, found {have}")
        self.at += count
        return self.all[self.at - count:self.at]


def weight_count(layer, inputs, row_bytes):
    """Bytes of a layer's packed weights."""
    entry, height, width = layer["weight"], *layer.get("kernel", [1, 1])
    row = row_bytes(entry["scheme"], entry["bits"],
                    layer["out_channels"] // layer.get("groups", 1))
    return height * width * inputs * row


def take_layer(layer, inputs, channels, shared, row_bytes):
    """(name, array) of what a layer takes from shared tensors; names them in it."""
    name = layer["name"]
    weight, neuron = layer.get("weight"), layer.get("neuron", {})
    if weight is not None and "tensor" not in weight:
        weight["tensor"] = f"{name}.weight"
        yield weight["tensor"], shared["weights"].take(
            name, weight_count(layer, inputs, row_bytes))
    for node, key in ((neuron, "threshold"), (neuron, "mult"), (layer, "bias")):
        if node.get(key) is True:
            node[key] = f"{name}.{key}"
            yield node[key], shared["numbers"].take(name, channels)


def operand_shape(entry, shapes):
    """[height, width, channels] of an input, which may be a view."""
    if isinstance(entry, str):
        return shapes[entry]
    return entry.get("size") or entry.get("shape") or shapes[entry["layer"]]


def slid(size, layer, axis):
    """Positions that a layer's window has along an axis."""
    reach = (layer["kernel"][axis] - 1) * layer["dilation"][axis] + 1
    padding = layer["padding"]              # [y, x], or [top, left, bottom, right]
    return (size + padding[axis] + padding[axis - 2] - reach) // layer["stride"][axis] + 1


def reduced(shape, layer):
    """Shape of a reduction."""
    kept = dict(zip(("height", "width", "channels"), shape))
    kept.update({axis: layer.get("groups", 1) if axis == "channels" else 1
                 for axis in layer["axes"]})
    return list(kept.values())


def product_shape(layer, operands):
    """Shape of a product: positions are rows, channels the columns of each head."""
    heads, turned = layer.get("heads", 1), layer.get("transpose", [False] * 3)
    first, last = operands[0], operands[-1]
    columns = last[0] * last[1] if turned[len(operands) - 1] else last[2] // heads
    size = [1, first[2] // heads] if turned[0] else first[:2]
    return [*layer.get("size", size), heads * columns]


def output_shape(layer, operands):
    """[height, width, channels] of a layer's output."""
    op, first = layer["op"], operands[0]
    if op in POOLS or op == "conv2d":
        return [slid(first[0], layer, 0), slid(first[1], layer, 1),
                layer.get("out_channels", first[2])]
    if op == "linear":
        return [*first[:2], layer["out_channels"]]
    if op == "attention":
        return [*first[:2], first[2] if layer.get("mode") else operands[-1][2]]
    if op == "matmul":
        return product_shape(layer, operands)
    if op == "reduce":
        return reduced(first, layer)
    if op == "concat":
        axis = ("height", "width", "channels").index(layer["axis"])
        total = sum(shape[axis] for shape in operands)
        return [total if i == axis else n for i, n in enumerate(first)]
    if op == "copy":
        return [first["hwc".index(a)] for a in layer.get("axes", "hwc")]
    if op == "upsample":
        return [first[0] * layer["factor"][0], first[1] * layer["factor"][1], first[2]]
    return [max(sizes) for sizes in zip(*operands)]


def expand_tensors(graph, tensors, row_bytes):
    """Give each layer tensors of its own."""
    shared = {name: Shared(name, tensors) for name in SHARED}
    size = graph["input"]
    shape = [size["height"], size["width"], size["channels" if size.get("kind") == "values" else "polarities"]]
    shapes = {"input": [1, 1, math.prod(shape)] if size.get("layout") == "flat" else shape}
    for layer in graph["layers"]:
        operands = [operand_shape(entry, shapes) for entry in layer["inputs"]]
        shapes[layer["name"]] = output_shape(layer, operands)
        inputs, channels = operands[0][2], shapes[layer["name"]][2]
        for name, part in take_layer(layer, inputs, channels, shared, row_bytes):
            if name in tensors:
                raise ValueError(f"{name}: a tensor has this name already")
            tensors[name] = part
    for pool in shared.values():
        if not pool.at:
            continue
        if pool.at != pool.all.size:
            raise ValueError(f"{pool.name}: expected {pool.at} elements by the "
                             f"layers, found {pool.all.size}")
        del tensors[pool.name]


def expand(graph, tensors, row_bytes):
    """Restore the long form, in place."""
    if "layers" not in graph:
        return
    defaults = graph.pop("defaults", {})
    if len(json.dumps(defaults)) > MAX_DEFAULTS:
        raise ValueError(f"defaults: expected at most {MAX_DEFAULTS} bytes")
    before = "input"
    for layer in graph["layers"]:
        merge(layer, defaults.get(layer["op"], {}))
        expand_neuron(layer, defaults.get("neuron"))
        expand_layer(layer, before)
        before = layer["name"]
    graph["readout"].setdefault("input", before)
    if graph["arithmetic"] == "integer":
        expand_tensors(graph, tensors, row_bytes)


# ---- short ----

def constants(layer):
    """(node, key) of what a layer may take from "numbers", in order."""
    neuron = layer.get("neuron", {})
    places = ((neuron, "threshold"), (neuron, "mult"), (layer, "bias"))
    return [(n, k) for n, k in places if isinstance(n.get(k), str)]


def move_tensors(layers, tensors):
    """Replace tensors that one layer uses by shared ones."""
    uses = [layer["weight"].get(key) for layer in layers if "weight" in layer
            for key in ("tensor", "scales")]
    uses += [node[key] for layer in layers for node, key in constants(layer)]
    kept = {n: t for n, t in tensors.items() if not n.startswith("pad.")}
    if set(SHARED) & set(kept):
        return kept
    pools = {name: [] for name in SHARED}

    def move(name, kind):
        array, limits = kept[name], np.iinfo(SHARED[kind])
        fits = limits.min <= array.min(initial=0) and array.max(initial=0) <= limits.max
        if uses.count(name) == 1 and fits:
            pools[kind].append(kept.pop(name).astype(SHARED[kind]).ravel())
            return True
        return False

    for layer in layers:
        weight = layer.get("weight")
        if weight and move(weight["tensor"], "weights"):
            del weight["tensor"]
            if set(weight) == {"scheme", "bits"}:
                layer["weight"] = f"{weight['scheme']}:{weight['bits']}"
        for node, key in constants(layer):
            if move(node[key], "numbers"):
                node[key] = True
    kept.update({n: np.concatenate(p) for n, p in pools.items() if p})
    return kept


def shorten_layer(layer, before):
    """Leave out inputs and geometry that need no saying."""
    if layer["inputs"] == [before]:
        del layer["inputs"]
    if layer["op"] not in POOLS and layer["op"] != "conv2d":
        return
    for key, absent in GEOMETRY.items():
        first, second = layer.get(key, (0, 1))
        if first == second:
            layer[key] = first
            if first == absent:
                del layer[key]
    if layer["op"] == "conv2d" and layer.get("groups") == 1:
        del layer["groups"]


def common_value(nodes, key, defaults):
    """Make the most frequent value the default if the text gets shorter by it."""
    texts = [json.dumps(n[key]) if key in n else None for n in nodes]
    present = [t for t in texts if t]
    best = max(present, key=present.count)
    name = len(key) + 6
    gain = (present.count(best) - 1) * (name + len(best))
    mixed = best[0] == "{" and any(t[0] == "{" and t != best for t in present)
    if gain <= (len(texts) - len(present)) * (name + 4) or mixed:
        return
    defaults[key] = json.loads(best)
    for node, text in zip(nodes, texts):
        if text is None:
            node[key] = None
        elif text == best:
            del node[key]


def common(nodes):
    """Take out of nodes what they have in common."""
    defaults = {}
    keys = dict.fromkeys(key for node in nodes for key in node)
    for key in keys:
        values = [node.get(key, ()) for node in nodes]
        if key in ("name", "op", "inputs") or None in values:
            continue
        if all(isinstance(value, dict) for value in values):
            part = common(values)
            if part:
                defaults[key] = part
            for node in nodes:
                if not node[key] and part:
                    del node[key]
        else:
            common_value(nodes, key, defaults)
    return defaults


def common_neurons(layers):
    """Defaults of the neurons with the most frequent model."""
    models = [layer["neuron"]["model"] for layer in layers
              if layer.get("neuron", {}).get("model", "none") != "none"]
    if len(models) < 2:
        return {}
    most = max(models, key=models.count)
    part = common([layer["neuron"] for layer in layers
                   if layer.get("neuron", {}).get("model") == most])
    for layer in layers:
        if neuronal(layer) and layer["neuron"] == {}:
            del layer["neuron"]
    return part


def shorten(graph, tensors):
    """(graph, tensors) in the short form; a float model keeps its tensors."""
    graph = json.loads(json.dumps(graph))  # nothing in it twice, as a copy may have
    layers = graph["layers"]
    if graph["arithmetic"] == "integer":
        tensors = move_tensors(layers, tensors)
    for before, layer in zip(["input"] + [n["name"] for n in layers], layers):
        shorten_layer(layer, before)
    if graph["readout"].get("input") == layers[-1]["name"]:
        del graph["readout"]["input"]
    defaults = {"neuron": common_neurons(layers)}
    for op in dict.fromkeys(layer["op"] for layer in layers):
        defaults[op] = common([layer for layer in layers if layer["op"] == op])
    graph["defaults"] = {key: part for key, part in defaults.items() if part}
    return graph, tensors
