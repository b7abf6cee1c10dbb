# SPDX-License-Identifier: MIT
"""Write a PyTorch module as a float .snnq model:

    import export_torch
    for line in export_torch.export(module, "net.snnq", input_spec, steps=100):
        print(line)

The module is a chain: a Sequential, or any module whose children run in the order in which they are
registered. Layers are those of torch.nn: Conv1d, Conv2d, Linear, BatchNorm1d and 2d, AvgPool, MaxPool and
their adaptive forms, LPPool2d of norm 1 (sinabs' SumPool2d), Flatten, Dropout and Identity. Neurons are
recognised by their attributes, so that no package of spiking neurons is needed here:

    snnTorch        beta, threshold, reset_mechanism; alpha, beta: Synaptic; R, C: Lapicque; rnn: LeakyParallel
    SpikingJelly    v_threshold, v_reset, and tau, or w of a parametric neuron, or neither (IFNode)
    sinabs          spike_threshold, and tau_mem or none (IAF), min_v_mem, spike_fn (None: ExpLeak), reset_fn

snnTorch's reset to zero loses the input of the step after a spike, or keeps it, as its version and neuron
have it: export(..., zero_reset="loses") or "keeps".

What is not known is refused with its path in the module. The lines that export() returns tell what was
folded: batch normalization, gains of inputs, decays (which become multiples of 1/65536).
"""

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


# What makes another neuron of one that looks like those below: attribute, whose.
OTHERS = (("tau_alpha", "Alpha"), ("syn_exc", "Alpha"), ("V", "a recurrent neuron"), ("all_to_all", "a recurrent neuron"),
          ("rec_connect", "a recurrent neuron"), ("a0", "QIFNode"), ("delta_T", "EIFNode"), ("v_rest", "a node with v_rest"),
          ("scale_reset", "KLIFNode"), ("threshold_related", "LIAFNode"), ("tau_w", "IzhikevichNode"), ("b0", "ALIF"),
          ("tau_adapt", "ALIF"), ("adapt_scale", "ALIF"))
SWITCHES = ("inhibition", "state_quant")


def check_kind(module, path):
    """Refuse what has attributes that change what a neuron does."""
    for name, whose in OTHERS:
        if has(module, name):
            raise ValueError(f"{path}: {name}: expected no attribute of {whose}, whose neurons are others")
    for name in SWITCHES:
        if getattr(module, name, False):
            raise ValueError(f"{path}: {name}: expected False, found {getattr(module, name)}")
    if np.any(number(getattr(module, "graded_spikes_factor", 1), path, "graded_spikes_factor") != 1):
        raise ValueError(f"{path}: graded_spikes_factor: expected 1, found {module.graded_spikes_factor}")


def snntorch(module, path, zero_reset):
    kind = getattr(module, "reset_mechanism", "subtract")
    late = getattr(module, "reset_delay", True)
    rules = {"compare": "gt", "reset": {"subtract": "soft", "zero": "hard", "none": "none"}.get(kind)}
    if rules["reset"] is None:
        raise ValueError(f"{path}: reset_mechanism: expected subtract, zero or none, found {kind}")
    if kind == "subtract" and late:
        rules["delayed_reset"] = True
    if kind == "zero" and late:
        if zero_reset not in ("loses", "keeps"):
            raise ValueError(f'{path}: reset_mechanism: expected zero_reset="loses" or "keeps", as a reset to zero loses the '
                             "input of the step behind a spike or keeps it, by snnTorch's version")
        if zero_reset == "loses":
            rules["refractory"] = 1
    neuron = Neuron(number(module.threshold, path, "threshold"), **rules)
    if has(module, "R", "C", "time_step"):
        step, capacity = number(module.time_step, path, "time_step"), number(module.C, path, "C")
        neuron.leak = np.asarray(1 - step / (number(module.R, path, "R") * capacity))
        neuron.gain = step / capacity
        if np.any(neuron.leak < 0) or np.any(neuron.leak > 1):
            raise ValueError(f"{path}: R, C: expected a time constant of at least a step, found a leak of {neuron.leak}")
    else:
        neuron.leak = np.clip(number(module.beta, path, "beta"), 0, 1)
    if has(module, "alpha"):
        neuron.current = np.clip(number(module.alpha, path, "alpha"), 0, 1)
    return neuron


def spikingjelly(module, path):
    soft = module.v_reset is None
    # all potentials of a reset to something else are that much lower here
    shift = 0.0 if soft else number(module.v_reset, path, "v_reset")
    threshold = number(module.v_threshold, path, "v_threshold")
    if np.any(np.asarray(threshold) <= shift):
        raise ValueError(f"{path}: v_reset: expected less than v_threshold, found {shift}")
    neuron = Neuron(threshold - shift, reset="soft" if soft else "hard")
    rate = None
    if has(module, "w"):
        rate = 1 / (1 + np.exp(-np.asarray(number(module.w, path, "w"))))
    elif has(module, "tau"):
        rate = 1 / np.asarray(number(module.tau, path, "tau"))
    if rate is not None:
        neuron.leak = 1 - rate
        neuron.gain = rate if getattr(module, "decay_input", True) else 1.0
    return neuron


def sinabs(module, path):
    if not has(module, "spike_fn"):
        raise ValueError(f"{path}: spike_fn: expected MultiSpike, SingleSpike or None, found nothing")
    spike_fn = module.spike_fn
    fires, resets = name_of(spike_fn), name_of(getattr(module, "reset_fn", "MembraneSubtract"))
    if spike_fn is not None and fires not in ("MultiSpike", "SingleSpike"):
        raise ValueError(f"{path}: spike_fn: expected MultiSpike, SingleSpike or None, found {fires}")
    if spike_fn is not None and resets not in ("MembraneSubtract", "MembraneReset"):
        raise ValueError(f"{path}: reset_fn: expected MembraneSubtract or MembraneReset, found {resets}")
    many = {"levels": LEVELS, "output": "counts"} if fires == "MultiSpike" else {}
    if spike_fn is None:
        neuron = Neuron(1.0, reset="none", output="potential")
    else:
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


def parallel(module, path):
    """snnTorch's LeakyParallel: weights, and a potential that does not fall below 0 and is never reset."""
    rnn = module.rnn
    if rnn.num_layers != 1 or rnn.bidirectional or rnn.nonlinearity != "relu":
        raise ValueError(f"{path}: rnn: expected one layer of one direction, with relu")
    recurrent = rnn.weight_hh_l0.detach().double().cpu().numpy()
    if np.any(recurrent - np.diag(np.diag(recurrent))):
        raise ValueError(f"{path}: rnn.weight_hh_l0: expected a diagonal, as neurons do not hear each other")
    neuron = Neuron(number(module.threshold, path, "threshold"), compare="gt", reset="none")
    neuron.leak, neuron.low = number(np.diag(recurrent).copy(), path, "rnn.weight_hh_l0"), 0.0
    if np.any(np.asarray(neuron.leak) < 0) or np.any(np.asarray(neuron.leak) > 1):
        raise ValueError(f"{path}: rnn.weight_hh_l0: expected decays from 0 to 1")
    linear = nn.Linear(rnn.input_size, rnn.hidden_size, bias=rnn.bias)
    linear.weight = rnn.weight_ih_l0
    if rnn.bias:
        linear.bias = nn.Parameter(rnn.bias_ih_l0.detach() + rnn.bias_hh_l0.detach())
    return linear, neuron


def is_parallel(module):
    return has(module, "rnn", "threshold") and isinstance(module.rnn, nn.RNN)


def find_neuron(module, path, zero_reset=None):
    """A Neuron, or None."""
    found = None
    if has(module, "spike_threshold") or has(module, "tau_mem", "norm_input"):
        found = sinabs
    elif has(module, "v_threshold", "v_reset"):
        found = spikingjelly
    elif has(module, "beta", "threshold"):
        def found(module, path):
            return snntorch(module, path, zero_reset)
    if found is None:
        return None
    check_kind(module, path)
    return found(module, path)


POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
         nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.LPPool2d)
NOTHING = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.Identity)
KNOWN = (nn.Conv1d, nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.Flatten, *POOLS, *NOTHING)


def does_nothing(module):
    """SpikingJelly's Dropout is none of torch.nn's."""
    return isinstance(module, NOTHING) or type(module).__name__ in ("Dropout", "Dropout2d")


def walk(module, path="", zero_reset=None, seen=None):
    """(path, module) of all that does something, in order; what stands in several places, in each of them."""
    seen = {} if seen is None else seen
    if isinstance(module, KNOWN) or does_nothing(module):
        yield path, module
        return
    if is_parallel(module) or find_neuron(module, path, zero_reset) is not None:
        if id(module) in seen:
            raise ValueError(f"{path}: expected a neuron of its own, found that of {seen[id(module)]}")
        seen[id(module)] = path
        yield path, module
        return
    children = [(name, child) for name, child in module._modules.items() if child is not None]
    if not children:
        raise ValueError(f"{path or 'module'}: expected a layer or neuron that is known, found {type(module).__name__}")
    for name, child in children:
        yield from walk(child, f"{path}.{name}" if path else name, zero_reset, seen)


def pair(value):
    return list(value) if isinstance(value, (tuple, list)) else [value, value]


class Writer:
    """A model under construction."""

    def __init__(self, spec, dtype):
        flat = spec.get("layout") == "flat"
        depth = spec["channels" if spec.get("kind") == "values" else "polarities"]
        channels = depth * (spec["height"] * spec["width"] if flat else 1)
        self.shape = [channels, 1, 1] if flat else [channels, spec["height"], spec["width"]]
        self.layers, self.tensors, self.told, self.dtype = [], {}, [], dtype
        self.flat, self.waiting, self.last = False, None, "input"
        self.most = (1 << spec["planes"]) - 1  # of a count in bit-planes
        self.scale, self.zero = spec.get("scale"), spec.get("zero", 0)

    def put(self, name, part, values, dtype=None):
        self.tensors[f"{name}.{part}"] = np.asarray(values, dtype or self.dtype)
        return f"{name}.{part}"

    def channels(self, name, part, values):
        """A number, or a tensor of them."""
        values = np.broadcast_to(np.asarray(values, float), self.shape[0])
        return float(values[0]) if (values == values[0]).all() else self.put(name, part, values)

    def real(self):
        """Whether the last layer puts out potentials, or the largest of currents, which weights read through a copy."""
        if self.waiting or not self.layers:
            return False
        neuron = self.layers[-1].get("neuron", {})
        return neuron.get("output") == "potential" or (self.layers[-1]["op"] == "maxpool" and neuron.get("model") == "none")

    def layer(self, path, op, **keys):
        if self.scale:
            raise ValueError(f"{path}: expected a layer with weights first, which take the input's scale")
        if self.waiting:
            self.end({"model": "none"})
        name = path.replace("/", "_")
        if name == "input" or any(entry["name"] == name for entry in self.layers):
            name += ".layer"
        if op in ("conv2d", "linear") and self.real():
            self.layers.append({"name": f"{name}.in", "op": "copy", "inputs": [self.last]})
            self.last = f"{name}.in"
        self.layers.append({"name": name, "op": op, "inputs": [self.last], **keys})
        self.last = name
        return self.layers[-1]

    def window(self, path, kernel, stride, padding, dilation=(1, 1)):
        """@padding: of both ends of the two axes, or a name of it."""
        if isinstance(padding, str):
            spans = [d * (k - 1) if padding == "same" else 0 for k, d in zip(kernel, dilation)]
            near, far = [n // 2 for n in spans], [n - n // 2 for n in spans]
        else:
            near = far = list(padding)
        size = [(n + a + b - d * (k - 1) - 1) // s + 1
                for n, k, s, a, b, d in zip(self.shape[1:], kernel, stride, near, far, dilation)]
        if min(size) < 1:
            raise ValueError(f"{path}: expected an input that holds its window, found {self.shape}")
        self.shape[1:] = size
        return {"kernel": list(kernel), "stride": list(stride), "padding": near if near == far else near + far,
                "dilation": list(dilation)}

    def each_channel(self, path, weight, **window):
        """Weights of one channel each: one for all of its window."""
        side = window.setdefault("kernel", [1, 1])
        entry = self.layer(path, "conv2d", out_channels=self.shape[0], groups=self.shape[0], **window)
        values = np.broadcast_to(np.asarray(weight, float), self.shape[0])
        self.waiting = [entry, np.ones((self.shape[0], 1, *side)) * values.reshape(-1, 1, 1, 1), np.zeros(self.shape[0])]

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
            if self.flat or module.padding_mode != "zeros" or module.transposed:
                raise ValueError(f"{path}: expected padding by zeros, before Flatten")
            if isinstance(module, nn.Conv1d):
                weight = weight[:, :, None]
                named = isinstance(module.padding, str)
                geometry = [(1, module.kernel_size[0]), (1, module.stride[0]),
                            module.padding if named else (0, module.padding[0]), (1, module.dilation[0])]
            else:
                geometry = [module.kernel_size, module.stride, module.padding, module.dilation]
            op, keys = "conv2d", {**self.window(path, *geometry), "groups": groups}
        self.shape[0], self.flat = len(weight), False
        bias = np.zeros(len(weight)) if module.bias is None else module.bias.detach().double().cpu().numpy()
        if self.scale:
            weight, bias = self.absorb(path, weight, bias, keys)
        entry = self.layer(path, op, out_channels=len(weight), **keys)
        self.waiting = [entry, weight, bias]

    def absorb(self, path, weight, bias, keys):
        """The module sees scale * (q - zero), the first layer of the model q."""
        if self.zero and np.any(keys.get("padding", 0)):
            raise ValueError(f"{path}: padding: expected none, as the input's zero is {self.zero}")
        weight, self.scale = weight * self.scale, None
        self.told.append(f"{path}: scale and zero of the input folded into it")
        return weight, bias - self.zero * weight.reshape(len(weight), -1).sum(1)

    def norm(self, path, module):
        if not module.track_running_stats:
            raise ValueError(f"{path}: expected kept statistics")
        if module.num_features != (int(np.prod(self.shape)) if self.flat else self.shape[0]):
            raise ValueError(f"{path}: expected {module.num_features} channels, found {self.shape}")
        if self.flat and self.shape[1:] != [1, 1]:
            raise ValueError(f"{path}: expected normalization before Flatten, or behind a linear layer")
        if not self.waiting or self.waiting[1] is None:  # of spikes, or of a pool: weights of their own
            self.each_channel(path, 1)
        entry, weight, bias = self.waiting
        scale = 1 / np.sqrt(module.running_var.double().cpu().numpy() + module.eps)
        shift = -module.running_mean.double().cpu().numpy() * scale
        if module.affine:
            gamma, beta = (p.detach().double().cpu().numpy() for p in (module.weight, module.bias))
            scale, shift = gamma * scale, gamma * shift + beta
        self.waiting = [entry, weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), bias * scale + shift]
        if entry["name"] != path.replace("/", "_"):
            self.told.append(f"{path}: folded into {entry['name']}")

    def pool_window(self, path, module):
        """Kernel, stride, padding and dilation, of one or two dimensions, or of what comes out."""
        one = type(module).__name__.endswith("1d")

        def two(value, rest):
            return [rest, pair(value)[-1]] if one else pair(value)

        if "Adaptive" not in type(module).__name__:
            stride = module.kernel_size if module.stride is None else module.stride
            return (two(module.kernel_size, 1), two(stride, 1), two(getattr(module, "padding", 0), 0),
                    two(getattr(module, "dilation", 1), 1))
        out = [n if o is None else o for n, o in zip(self.shape[1:], two(module.output_size, 1))]
        if any(o < 1 or n % o for n, o in zip(self.shape[1:], out)):
            raise ValueError(f"{path}: output_size: expected sizes that divide {self.shape[1:]}, found {out}")
        kernel = [n // o for n, o in zip(self.shape[1:], out)]
        return kernel, kernel, [0, 0], [1, 1]

    def pool(self, path, module):
        if self.flat and self.shape[1:] != [1, 1]:
            raise ValueError(f"{path}: expected a pool before Flatten")
        if getattr(module, "ceil_mode", False) or getattr(module, "return_indices", False):
            raise ValueError(f"{path}: expected no ceil_mode and no return_indices")
        if isinstance(module, nn.LPPool2d) and module.norm_type != 1:
            raise ValueError(f"{path}: norm_type: expected 1, found {module.norm_type}")
        if getattr(module, "divisor_override", None) or (
                not getattr(module, "count_include_pad", True) and any(pair(module.padding))):
            raise ValueError(f"{path}: expected a plain mean")
        geometry = self.pool_window(path, module)
        keys, most = self.window(path, *geometry), isinstance(module, (nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveMaxPool1d,
                                                                        nn.AdaptiveMaxPool2d))
        if (self.waiting or self.real()) and not most:  # a mean or sum of currents: weights that are all the same
            self.each_channel(path, 1 if isinstance(module, nn.LPPool2d) else 1 / np.prod(keys["kernel"]), **keys)
        elif self.waiting or self.real():  # a pool of currents, whose neuron comes next
            self.waiting = [self.layer(path, "maxpool", **keys), None, np.zeros(self.shape[0])]
        else:
            self.most *= 1 if most else int(np.prod(keys["kernel"]))
            planes = {"planes": self.most.bit_length()} if isinstance(module, nn.LPPool2d) else {}
            if self.most >= 1 << 16:
                raise ValueError(f"{path}: expected sums below 65536, found {self.most}")
            self.layer(path, "maxpool" if most else "sumpool" if planes else "avgpool", **keys, **planes)

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

    def neuron(self, path, n):
        if self.flat and self.shape[1:] != [1, 1]:
            raise ValueError(f"{path}: expected neurons before Flatten, or behind a linear layer")
        if not self.waiting:  # of spikes as they are: sums of one position
            self.waiting = [self.layer(path, "maxpool" if self.real() else "sumpool", kernel=[1, 1]), None,
                            np.zeros(self.shape[0])]
        if np.min(n.threshold) <= 0 or np.min(n.gain) <= 0:
            raise ValueError(f"{path}: expected positive thresholds and decays")
        for what in (n.threshold, n.leak, n.gain, n.current):
            if what is not None and np.size(what) not in (1, self.shape[0]):
                raise ValueError(f"{path}: expected parameters of one number, or of {self.shape[0]} channels, found {np.size(what)}")
        name, seen = self.waiting[0]["name"], n.rules.get("output") == "potential"
        entry = {"model": "lif" if n.current is None else "cuba", "leak": self.decay(name, "leak", n.leak, path), **n.rules}
        if seen and np.any(np.asarray(n.gain) != 1):  # in its own units
            if self.waiting[1] is None:
                raise ValueError(f"{path}: expected weights before neurons whose potential is read")
            gain = np.broadcast_to(np.asarray(n.gain, float), self.shape[0])
            self.waiting[1] = self.waiting[1] * gain.reshape(-1, *[1] * (self.waiting[1].ndim - 1))
            self.waiting[2] = self.waiting[2] * gain
            self.told.append(f"{path}: gain of the input folded into {name}")
            n.gain = 1.0
        if not seen:
            entry["threshold"] = self.channels(name, "threshold", np.asarray(n.threshold) / n.gain)
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
        self.most = LEVELS if "levels" in n.rules else 1
        self.end(entry, n.gain, path)


def put(w, where, part, zero_reset):
    """A part of a module as layers."""
    if does_nothing(part):
        return
    if isinstance(part, (nn.Conv1d, nn.Conv2d, nn.Linear)):
        w.weighted(where, part)
    elif isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
        w.norm(where, part)
    elif isinstance(part, POOLS):
        w.pool(where, part)
    elif isinstance(part, nn.Flatten):
        if part.start_dim != 1 or part.end_dim not in (-1, 3):
            raise ValueError(f"{where}: expected all axes from 1 on, found {part.start_dim} to {part.end_dim}")
        w.flat = True
    elif is_parallel(part):
        check_kind(part, where)
        linear, neuron = parallel(part, where)
        w.weighted(where, linear)
        w.neuron(where, neuron)
    else:
        w.neuron(where, find_neuron(part, where, zero_reset))


def export(module, path, spec, name="network", classes=None, scale=1.0, dtype=np.float32, zero_reset=None):
    """Write @module; @spec: the section input of the model, of events or, for images, of values, whose
    scale and zero go into the first weights. Returns what was folded."""
    w = Writer(spec, dtype)
    for where, part in walk(module, zero_reset=zero_reset):
        put(w, where, part, zero_reset)
    if w.waiting:
        w.end({"model": "none"})
    if not w.layers:
        raise ValueError("module: expected layers")
    if w.shape[1:] != [1, 1]:
        raise ValueError(f"module: expected an output of 1 x 1 positions, found {w.shape[1]} x {w.shape[2]}")
    graph = {"format": "snnq", "version": 1, "arithmetic": "float", "name": name,
             "classes": classes or [str(i) for i in range(w.shape[0])], "input": spec, "layers": w.layers,
             "readout": {"input": w.last, "mode": "sum", "scale": scale}, "imported_from": "PyTorch"}
    snnqfile.write(path, graph, w.tensors)
    return w.told
