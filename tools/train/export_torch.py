# SPDX-License-Identifier: MIT
"""Write a PyTorch module as a float .snnq model:

    import export_torch
    for line in export_torch.export(module, "net.snnq", input_spec, steps=100):
        print(line)

The module is a chain: a Sequential, or any module whose children run in the order in which they are
registered. Layers are those of torch.nn: Conv1d, Conv2d, Linear, BatchNorm1d and 2d, AvgPool2d, MaxPool2d,
Flatten, Dropout and Identity. Neurons are recognised by their attributes, so that no package of spiking
neurons is needed here:

    snnTorch        beta, threshold, reset_mechanism (subtract or none); alpha, beta: Synaptic
    SpikingJelly    v_threshold, v_reset, and tau, or w of a parametric neuron, or neither (IFNode)
    sinabs          spike_threshold, and tau_mem or none (IAF), min_v_mem, spike_fn, reset_fn

What is not known is refused with its path in the module. The lines that export() returns tell what was
folded: batch normalization, gains of inputs, decays (which become multiples of 1/65536).
"""
import math

import numpy as np
import torch
from torch import nn

import snnqfile

LEVELS = 255  # spikes of a neuron in a step, where it may have several


def number(value, path, what):
    """One number of a parameter, or an array of them by channel."""
    array = np.atleast_1d(torch.as_tensor(value).detach().double().cpu().numpy().reshape(-1))
    if not np.isfinite(array).all():
        raise ValueError(f"{path}: {what}: expected finite numbers, found {array}")
    return float(array[0]) if len(array) == 1 or (array == array[0]).all() else array


def has(module, *names):
    return all(hasattr(module, name) for name in names)


def name_of(function):
    """The name of a class, of an object of it, or of a function."""
    return getattr(function, "__name__", type(function).__name__)


class Neuron:
    """What a neuron does: decays in 0..1 of a step, the gain of its input, and its rules."""

    def __init__(self, threshold, **rules):
        self.threshold, self.leak, self.current, self.gain = threshold, 1.0, None, 1.0
        self.rules = {"compare": "ge", "reset": "hard", **rules}


def snntorch(module, path):
    kind = getattr(module, "reset_mechanism", "subtract")
    if kind not in ("subtract", "none"):
        raise ValueError(f"{path}: reset_mechanism: expected subtract or none, found {kind}: a reset to zero "
                         "there loses the input of the step")
    if has(module, "V") or has(module, "all_to_all"):
        raise ValueError(f"{path}: expected no recurrent neuron")
    rules = {"compare": "gt", "reset": "soft" if kind == "subtract" else "none"}
    if kind == "subtract" and getattr(module, "reset_delay", True):
        rules["delayed_reset"] = True
    neuron = Neuron(number(module.threshold, path, "threshold"), **rules)
    neuron.leak = np.clip(number(module.beta, path, "beta"), 0, 1)
    if has(module, "alpha"):
        neuron.current = np.clip(number(module.alpha, path, "alpha"), 0, 1)
    return neuron


def spikingjelly(module, path):
    soft = module.v_reset is None
    neuron = Neuron(number(module.v_threshold, path, "v_threshold"), reset="soft" if soft else "hard")
    if not soft and number(module.v_reset, path, "v_reset") != 0:
        raise ValueError(f"{path}: v_reset: expected None or 0, found {module.v_reset}")
    rate = None
    if has(module, "w"):
        rate = 1 / (1 + math.exp(-number(module.w, path, "w")))
    elif has(module, "tau"):
        rate = 1 / number(module.tau, path, "tau")
    if rate is not None:
        neuron.leak = 1 - rate
        neuron.gain = rate if getattr(module, "decay_input", True) else 1.0
    return neuron


def sinabs(module, path):
    fires, resets = name_of(getattr(module, "spike_fn", "MultiSpike")), name_of(getattr(module, "reset_fn", "MembraneSubtract"))
    if getattr(module, "spike_fn", None) is None or fires not in ("MultiSpike", "SingleSpike"):
        raise ValueError(f"{path}: spike_fn: expected MultiSpike or SingleSpike, found {fires}")
    if resets not in ("MembraneSubtract", "MembraneReset"):
        raise ValueError(f"{path}: reset_fn: expected MembraneSubtract or MembraneReset, found {resets}")
    many = {"levels": LEVELS, "output": "counts"} if fires == "MultiSpike" else {}
    neuron = Neuron(number(module.spike_threshold, path, "spike_threshold"),
                    reset="soft" if resets == "MembraneSubtract" else "hard", **many)
    least = getattr(module, "min_v_mem", None)
    if least is not None:
        neuron.low = number(least, path, "min_v_mem")
    if getattr(module, "tau_syn", None) is not None:
        raise ValueError(f"{path}: tau_syn: expected None")
    if getattr(module, "tau_mem", None) is not None:
        neuron.leak = np.exp(-1 / number(module.tau_mem, path, "tau_mem"))
        neuron.gain = 1 - neuron.leak if getattr(module, "norm_input", True) else 1.0
    return neuron


def find_neuron(module, path):
    """A Neuron, or None."""
    if has(module, "spike_threshold"):
        return sinabs(module, path)
    if has(module, "v_threshold", "v_reset"):
        return spikingjelly(module, path)
    if has(module, "beta", "threshold"):
        return snntorch(module, path)
    return None


KNOWN = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.AvgPool2d, nn.MaxPool2d, nn.Flatten,
         nn.Dropout, nn.Dropout2d, nn.Identity)


def walk(module, path=""):
    """(path, module) of all that does something, in order."""
    if isinstance(module, KNOWN) or find_neuron(module, path) is not None:
        yield path, module
        return
    children = list(module.named_children())
    if not children:
        raise ValueError(f"{path or 'module'}: expected a layer or neuron that is known, found {type(module).__name__}")
    for name, child in children:
        yield from walk(child, f"{path}.{name}" if path else name)


def pair(value):
    return list(value) if isinstance(value, (tuple, list)) else [value, value]


class Writer:
    """A model under construction."""

    def __init__(self, spec, dtype):
        flat = spec.get("layout") == "flat"
        channels = spec["polarities"] * (spec["height"] * spec["width"] if flat else 1)
        self.shape = [channels, 1, 1] if flat else [channels, spec["height"], spec["width"]]
        self.layers, self.tensors, self.told, self.dtype = [], {}, [], dtype
        self.flat, self.waiting, self.last = False, None, "input"

    def put(self, name, part, values, dtype=None):
        self.tensors[f"{name}.{part}"] = np.asarray(values, dtype or self.dtype)
        return f"{name}.{part}"

    def channels(self, name, part, values):
        """A number, or a tensor of them."""
        values = np.broadcast_to(np.asarray(values, float), self.shape[0])
        return float(values[0]) if (values == values[0]).all() else self.put(name, part, values)

    def layer(self, path, op, **keys):
        if self.waiting:
            self.end({"model": "none"})
        name = path.replace("/", "_")
        self.layers.append({"name": name, "op": op, "inputs": [self.last], **keys})
        self.last = name
        return self.layers[-1]

    def window(self, path, kernel, stride, padding, dilation=(1, 1)):
        size = [(n + 2 * p - d * (k - 1) - 1) // s + 1
                for n, k, s, p, d in zip(self.shape[1:], kernel, stride, padding, dilation)]
        if min(size) < 1:
            raise ValueError(f"{path}: expected an input that holds its window, found {self.shape}")
        self.shape[1:] = size
        return {"kernel": list(kernel), "stride": list(stride), "padding": list(padding), "dilation": list(dilation)}

    def weighted(self, path, module):
        weight = module.weight.detach().double().cpu().numpy()
        if not np.isfinite(weight).all():
            raise ValueError(f"{path}: weight: expected finite numbers")
        inputs = int(np.prod(self.shape)) if isinstance(module, nn.Linear) else self.shape[0]
        groups = getattr(module, "groups", 1)
        if weight.shape[1] * groups != inputs:
            raise ValueError(f"{path}: weight: expected {inputs} inputs, found {weight.shape[1] * groups}")
        if isinstance(module, nn.Linear):
            op = "linear" if self.shape[1:] == [1, 1] else "conv2d"
            if op == "conv2d" and not self.flat:
                raise ValueError(f"{path}: expected Flatten between a map of {self.shape} and a linear layer")
            keys = {}
            if op == "conv2d":
                weight = weight.reshape(-1, *self.shape)
                keys = self.window(path, self.shape[1:], (1, 1), (0, 0))
        else:
            if self.flat or isinstance(module.padding, str) or module.padding_mode != "zeros" or module.transposed:
                raise ValueError(f"{path}: expected padding by zeros and numbers, before Flatten")
            if isinstance(module, nn.Conv1d):
                weight = weight[:, :, None]
                geometry = [(1, module.kernel_size[0]), (1, module.stride[0]), (0, module.padding[0]), (1, module.dilation[0])]
            else:
                geometry = [module.kernel_size, module.stride, module.padding, module.dilation]
            op, keys = "conv2d", {**self.window(path, *geometry), "groups": groups}
        self.shape[0], self.flat = len(weight), False
        bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().double().cpu().numpy()
        entry = self.layer(path, op, out_channels=len(weight), **keys)
        self.waiting = [entry, weight, bias]

    def norm(self, path, module):
        if not self.waiting or not module.track_running_stats:
            raise ValueError(f"{path}: expected a layer with weights before it, and kept statistics")
        entry, weight, bias = self.waiting
        scale = 1 / np.sqrt(module.running_var.double().cpu().numpy() + module.eps)
        shift = -module.running_mean.double().cpu().numpy() * scale
        if module.affine:
            gamma, beta = (p.detach().double().cpu().numpy() for p in (module.weight, module.bias))
            scale, shift = gamma * scale, gamma * shift + beta
        self.waiting = [entry, weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), bias * scale + shift]
        self.told.append(f"{path}: folded into {entry['name']}")

    def pool(self, path, module):
        if isinstance(module, nn.AvgPool2d):
            if self.waiting:
                raise ValueError(f"{path}: expected neurons before a mean")
            if module.ceil_mode or module.divisor_override or (not module.count_include_pad and any(pair(module.padding))):
                raise ValueError(f"{path}: expected a plain mean")
        elif module.ceil_mode or module.return_indices:
            raise ValueError(f"{path}: expected a plain maximum")
        keys = self.window(path, pair(module.kernel_size), pair(module.stride), pair(module.padding),
                           pair(getattr(module, "dilation", 1)))
        if self.waiting:  # a pool of currents, whose neuron comes next
            self.end({"model": "none"})
            self.waiting = [self.layer(path, "maxpool", **keys), None, np.zeros(self.shape[0])]
        else:
            self.layer(path, "avgpool" if isinstance(module, nn.AvgPool2d) else "maxpool", **keys)

    def end(self, neuron, gain=1.0, path=None):
        """The waiting layer is complete."""
        entry, weight, bias = self.waiting
        self.waiting = None
        entry["neuron"] = neuron
        if weight is not None:
            entry["weight"] = {"scheme": "float", "tensor": self.put(entry["name"], "weight", weight)}
        if bias.any():
            entry["bias"] = self.put(entry["name"], "bias", bias)
        if path and np.any(np.asarray(gain) != 1):
            self.told.append(f"{path}: gain of the input folded into threshold and potentials")

    def decay(self, name, key, value, path):
        numbers = np.rint(np.broadcast_to(np.asarray(value, float), self.shape[0]) * 65536)
        error = np.abs(numbers - np.asarray(value) * 65536).max()
        if error > 0.01:
            self.told.append(f"{path}: {key} rounded to 1/65536, by at most {error:.2g} of that")
        if numbers[0] == 65536 and (numbers == 65536).all():
            return {"kind": "none"}
        if (numbers == numbers[0]).all():
            return {"kind": "q16", "lambda": int(numbers[0])}
        return {"kind": "q16", "lambda": self.put(name, key, numbers, np.int32)}

    def neuron(self, path, module):
        n = find_neuron(module, path)
        if not self.waiting:  # of spikes as they are: sums of one position
            self.waiting = [self.layer(path, "sumpool", kernel=[1, 1]), None, np.zeros(self.shape[0])]
        if np.min(n.threshold) <= 0 or np.min(n.gain) <= 0:
            raise ValueError(f"{path}: expected positive thresholds and decays")
        name = self.waiting[0]["name"]
        entry = {"model": "lif" if n.current is None else "cuba", "leak": self.decay(name, "leak", n.leak, path), **n.rules,
                 "threshold": self.channels(name, "threshold", np.asarray(n.threshold) / n.gain)}
        if n.current is not None:
            if self.waiting[2].any():
                raise ValueError(f"{path}: expected no bias before a neuron with a current")
            entry["current_leak"] = self.decay(name, "current_leak", n.current, path)
        if hasattr(n, "low"):
            low = np.unique(np.asarray(n.low) / n.gain)
            if len(low) > 1:
                raise ValueError(f"{path}: min_v_mem: expected one for all channels, after the gain of the input; "
                                 f"found {low}")
            entry["low"] = float(low[0])
        self.end(entry, n.gain, path)


def export(module, path, spec, name="network", classes=None, scale=1.0, dtype=np.float32):
    """Write @module; @spec: the section input of the model. Returns what was folded."""
    w = Writer(spec, dtype)
    for where, part in walk(module):
        if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Linear)):
            w.weighted(where, part)
        elif isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            w.norm(where, part)
        elif isinstance(part, (nn.AvgPool2d, nn.MaxPool2d)):
            w.pool(where, part)
        elif isinstance(part, nn.Flatten):
            w.flat = True
        elif not isinstance(part, (nn.Dropout, nn.Dropout2d, nn.Identity)):
            w.neuron(where, part)
    if w.waiting:
        w.end({"model": "none"})
    if not w.layers:
        raise ValueError("module: expected layers")
    graph = {"format": "snnq", "version": 1, "arithmetic": "float", "name": name,
             "classes": classes or [str(i) for i in range(w.shape[0])], "input": spec, "layers": w.layers,
             "readout": {"input": w.last, "mode": "sum", "scale": scale}, "imported_from": "PyTorch"}
    snnqfile.write(path, graph, w.tensors)
    return w.told
