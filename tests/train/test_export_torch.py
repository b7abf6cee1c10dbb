#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Modules with the attributes of snnTorch's, SpikingJelly's and sinabs' neurons, exported and run: the
scores are those of their own equations in PyTorch; what is not known is refused with its path.

    python3 tests/train/test_export_torch.py [SNNQ]
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/train"))
import export_torch  # noqa: E402  pylint: disable=wrong-import-position

SNNQ = os.environ.get("SNNQ", str(ROOT / "build/snnq"))
STEPS = 20
SPEC = {"width": 6, "height": 6, "polarities": 2, "on_channel": 1, "layout": "hwc", "planes": 2, "binning": "duration",
        "steps": STEPS, "step_us": 1000, "rounding": "floor", "origin": "zero"}


class MultiSpike:
    """By name."""


class MembraneSubtract:
    """By name."""


class MembraneReset:
    """By name."""


class Leaky(nn.Module):
    """snnTorch: the reset comes in the next step."""

    def __init__(self, beta, threshold, alpha=None):
        super().__init__()
        self.beta, self.threshold, self.reset_mechanism = torch.tensor(beta), torch.tensor(threshold), "subtract"
        if alpha is not None:
            self.alpha = torch.tensor(alpha)
        self.u = self.i = self.kept = 0

    def step(self, x):
        if hasattr(self, "alpha"):
            self.i = self.i * self.alpha.item() + x
            x = self.i
        self.u = self.u * self.beta.double() + x - self.kept * self.threshold
        spikes = (self.u > self.threshold).double()
        self.kept = spikes
        return spikes


class Zeroed(nn.Module):
    """snnTorch, reset to zero: the input of the step behind a spike is lost, or kept, or the reset does not wait."""

    def __init__(self, way):
        super().__init__()
        self.register_buffer("beta", torch.tensor(0.9))
        self.threshold, self.reset_mechanism, self.reset_delay, self.way = nn.Parameter(torch.tensor(1.0)), "zero", way != "now", way
        self.graded_spikes_factor, self.inhibition, self.state_quant = torch.tensor(1.0), False, False
        self.u = 0

    def step(self, x):
        leak = round(self.beta.item() * 65536) / 65536
        fired = torch.as_tensor(self.u) > self.threshold
        if self.way == "loses":
            self.u = (leak * self.u + x) * ~fired
        else:
            self.u = leak * (self.u * ~fired) + x
        spikes = (self.u > self.threshold).double()
        if self.way == "now":
            self.u = self.u * (1 - spikes)
        return spikes


class Lapicque(nn.Module):
    """snnTorch, by resistance and capacity."""

    def __init__(self):
        super().__init__()
        self.beta, self.threshold, self.reset_mechanism = torch.tensor(0.8), torch.tensor(0.4), "none"
        self.R, self.C, self.time_step, self.u = torch.tensor(2.0), torch.tensor(2.5), torch.tensor(1), 0

    def step(self, x):
        self.u = round((1 - 1 / 5) * 65536) / 65536 * self.u + x / 2.5
        return (self.u > self.threshold).double()


class LeakyParallel(nn.Module):
    """snnTorch: weights and neurons that are never reset nor below zero."""

    def __init__(self, inputs, outputs, bias=True):
        super().__init__()
        self.rnn = nn.RNN(inputs, outputs, nonlinearity="relu", bias=bias)
        self.beta, self.threshold, self.h = torch.tensor([0.5]), torch.tensor(0.6), 0
        self.rnn.weight_hh_l0.data = torch.diag(torch.linspace(0, 1, outputs))
        self.rnn.weight_ih_l0.data *= 3

    def step(self, x):
        rnn = self.rnn
        leak = torch.round(torch.diag(rnn.weight_hh_l0) * 65536) / 65536
        bias = rnn.bias_ih_l0 + rnn.bias_hh_l0 if rnn.bias else 0
        self.h = torch.relu(x @ rnn.weight_ih_l0.T + bias + leak * self.h)
        return (self.h > self.threshold).double()


class SumPool2d(nn.LPPool2d):
    """sinabs."""

    def __init__(self, kernel_size):
        super().__init__(1, kernel_size)


class Dropout(nn.Module):
    """SpikingJelly's is none of torch.nn's."""

    def __init__(self):
        super().__init__()
        self.p = 0.5

    def forward(self, x):
        return x


class LIFNode(nn.Module):
    """SpikingJelly, with tau, a learnt w or neither."""

    def __init__(self, v_reset, decay_input=True, **how):
        super().__init__()
        self.v_threshold, self.v_reset, self.decay_input, self.u = 0.8, v_reset, decay_input, 0
        for key, value in how.items():
            setattr(self, key, nn.Parameter(torch.tensor(value)) if key == "w" else value)

    def step(self, x):
        rate = 1 / self.tau if hasattr(self, "tau") else 1 / (1 + math.exp(-self.w.item())) if hasattr(self, "w") else None
        leak = 1 if rate is None else round((1 - rate) * 65536) / 65536
        gain = rate if rate is not None and self.decay_input else 1
        rest = 0 if self.v_reset is None else self.v_reset
        if isinstance(self.u, int):
            self.u = torch.full_like(x, rest)
        self.u = leak * (self.u - rest) + rest + gain * x
        spikes = (self.u >= self.v_threshold).double()
        self.u = self.u - self.v_threshold * spikes if self.v_reset is None else self.u * (1 - spikes) + rest * spikes
        return spikes


class Sinabs(nn.Module):
    """sinabs: several spikes in a step, a least potential."""

    def __init__(self, reset, tau=None, least=None):
        super().__init__()
        self.spike_threshold, self.spike_fn, self.reset_fn = torch.tensor(0.7), MultiSpike, reset()
        self.min_v_mem, self.tau_mem, self.norm_input, self.u = least, None if tau is None else torch.tensor(tau), True, 0

    def step(self, x):
        leak = 1 if self.tau_mem is None else round(math.exp(-1 / self.tau_mem.item()) * 65536) / 65536
        gain = 1 if self.tau_mem is None else 1 - math.exp(-1 / self.tau_mem.item())
        self.u = leak * self.u + gain * x
        if self.min_v_mem is not None:
            self.u = self.u.clamp(min=self.min_v_mem)
        if self.spike_fn is None:
            return self.u
        threshold = float(self.spike_threshold)
        spikes = torch.floor(self.u / threshold).clamp(min=0)
        self.u = self.u - spikes * threshold if isinstance(self.reset_fn, MembraneSubtract) else torch.where(
            spikes > 0, torch.zeros_like(self.u), self.u)
        return spikes


def network(make, bias=True):
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 5, 3, padding=1, bias=bias), nn.BatchNorm2d(5) if bias else nn.Identity(), make()), nn.AvgPool2d(2),
        nn.Conv2d(5, 6, 2, bias=False), nn.MaxPool2d(2, 1), make(), nn.Dropout2d(), nn.Flatten(), nn.Linear(6, 7, bias=bias), make(),
        nn.Linear(7, 3))
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.05, 0.3)
            nn.init.uniform_(part.weight, -1, 1)
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            part.weight.data *= 4
    return net.eval()


def flat(net):
    for part in net:
        if isinstance(part, nn.Sequential):
            yield from flat(part)
        else:
            yield part


def odd_layers(which):
    """Networks with layers where others put them."""
    torch.manual_seed(7)
    node, pool = lambda: LIFNode(0.0, tau=2.0), nn.MaxPool2d(2)
    leak = Sinabs(MembraneSubtract, 3.0)
    leak.spike_fn = None
    nets = {
        "pools of currents": lambda: nn.Sequential(
            nn.Conv2d(2, 4, 4, padding="same"), nn.BatchNorm2d(4), nn.AvgPool2d(3, 1, 1), node(), nn.Conv2d(4, 4, 3, padding="valid"),
            SumPool2d(2), node(), nn.Flatten(), nn.Linear(16, 3)),
        "normalization anywhere": lambda: nn.Sequential(
            nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.BatchNorm2d(4), node(), nn.BatchNorm2d(4), nn.Flatten(),
            nn.Linear(16, 8), nn.BatchNorm1d(8), node(), Dropout(), nn.Linear(8, 3)),
        "adaptive pools and sums of spikes": lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), node(), SumPool2d(2), nn.Conv2d(4, 4, 1), nn.AdaptiveAvgPool2d((3, 1)), node(),
            nn.AdaptiveMaxPool2d((1, None)), nn.Flatten(), nn.Linear(4, 3)),
        "layers in several places": lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), node(), pool, nn.Conv2d(4, 4, 2, padding=1), node(), pool, nn.Sequential(nn.Sequential(
                nn.Identity(), nn.Flatten())), nn.Linear(16, 6), nn.Linear(6, 3)),
        "potentials": lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), node(), nn.AvgPool2d(3), nn.Flatten(), nn.Linear(16, 6), leak, nn.Linear(6, 5), node(),
            nn.Linear(5, 3)),
        "LeakyParallel": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), node(), nn.AvgPool2d(4), nn.Flatten(), LeakyParallel(4, 8),
                                               LeakyParallel(8, 3, False)),
    }
    net = nets[which]()
    for part in net.modules():
        if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm1d)):
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.2, 0.6)
            nn.init.uniform_(part.weight, -1, 1)
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            part.weight.data *= 4
    return net.eval()


ODD = ("pools of currents", "normalization anywhere", "adaptive pools and sums of spikes", "layers in several places", "potentials",
       "LeakyParallel")


def compare(folder, make, bias=True, dtype=np.float32, zero_reset=None):
    net = odd_layers(make) if isinstance(make, str) else network(make, bias)
    told = export_torch.export(net, folder / "net.snnq", SPEC, dtype=dtype, zero_reset=zero_reset)
    frames, rows = np.random.default_rng(1).poisson(0.4, (STEPS, 2, 6, 6)).clip(0, 3), b""
    for step, c, y, x in np.argwhere(frames > 0):
        for _ in range(frames[step, c, y, x]):
            rows += bytes([x, y, c << 7 | step * 1000 >> 16, step * 1000 >> 8 & 255, step * 1000 & 255])
    (folder / "in.bs2").write_bytes(rows)
    out = json.loads(subprocess.run([SNNQ, "run", folder / "net.snnq", folder / "in.bs2", "-d", "sim", "--json"], check=True,
                                    capture_output=True).stdout)
    check_scores(net, frames, out)
    return told


def check_scores(net, frames, out):
    """The scores of a document are those of a module."""
    net, total, spikes = net.double(), 0, 0
    with torch.no_grad():
        for frame in frames:
            x = torch.tensor(frame, dtype=torch.float64)[None]
            for part in flat(net):
                x = part.step(x) if hasattr(part, "step") else part(x)
                spikes += float(x.sum()) if hasattr(part, "step") else 0
            total = total + x[0]
    error = float(np.abs(np.array(out["scores"]) - total.numpy()).max())
    if error > 1e-4 or spikes < 50:
        raise ValueError(f"scores differ by {error}, {spikes} spikes")


def pictures(folder):
    """A module that sees real numbers, which files of images have."""
    spec = {"kind": "values", "width": 6, "height": 6, "channels": 2, "planes": 8, "steps": STEPS}
    padded = lambda: network(lambda: LIFNode(0.0, tau=2.0))
    bare = lambda: nn.Sequential(*list(padded()[0]), nn.Flatten(), nn.Linear(180, 3)).eval()
    def moved():
        torch.manual_seed(5)
        net = bare()
        net[0] = nn.Conv2d(2, 5, 3)
        net[4] = nn.Linear(80, 3)
        net[0].weight.data *= 4
        return net.eval()
    for make, scale, zero in ((padded, 1 / 255, 0), (bare, 0.5, 0), (moved, 2 ** -6, 128)):
        spec.update(scale=scale, zero=zero)
        levels = np.random.default_rng(2).integers(0, 256, (2, 6, 6))
        image = (levels - zero) * scale
        np.save(folder / "x.npy", image)
        told = export_torch.export(make(), folder / "net.snnq", spec)
        if not any("scale and zero of the input folded" in line for line in told):
            raise ValueError(f"nothing of the scale is told: {told}")
        out = json.loads(subprocess.run([SNNQ, "run", folder / "net.snnq", folder / "x.npy", "-d", "sim", "--json"], check=True,
                                        capture_output=True).stdout)
        check_scores(make(), [image] * STEPS, out)
    refused("padding: expected none, as the input's zero is 128", padded(), spec)
    refused("expected a layer with weights first", nn.Sequential(LIFNode(0.0, tau=2.0), nn.Conv2d(2, 3, 3)), spec)


def refused(says, net, spec=None):
    try:
        export_torch.export(net.eval(), "/nowhere", spec or SPEC)
    except ValueError as error:
        if says not in str(error):
            raise ValueError(f"expected {says!r}, found {error}") from error
        return
    raise ValueError(f"expected {says!r}, found nothing")


CASES = (
    ("snnTorch, Leaky", lambda: Leaky(0.9, 1.0), {}),
    ("snnTorch, Synaptic", lambda: Leaky(0.75, 1.0, 0.5), {"bias": False}),
    ("SpikingJelly, LIF to zero", lambda: LIFNode(0.0, tau=2.0), {}),
    ("SpikingJelly, LIF by subtraction, input as it is", lambda: LIFNode(None, False, tau=3.0), {}),
    ("SpikingJelly, IF", lambda: LIFNode(None), {}),
    ("SpikingJelly, parametric", lambda: LIFNode(0.0, w=-0.3), {}),
    ("SpikingJelly, reset to another potential", lambda: LIFNode(-0.4, tau=3.0), {}),
    ("snnTorch, reset to zero that loses an input", lambda: Zeroed("loses"), {"zero_reset": "loses"}),
    ("snnTorch, reset to zero that keeps it", lambda: Zeroed("keeps"), {"zero_reset": "keeps"}),
    ("snnTorch, reset to zero that does not wait", lambda: Zeroed("now"), {}),
    ("snnTorch, Lapicque", Lapicque, {}),
    ("sinabs, IAF", lambda: Sinabs(MembraneSubtract, least=-1.0), {}),
    ("sinabs, LIF to zero", lambda: Sinabs(MembraneReset, 5.0), {}),
)


def hostile():
    conv = nn.Conv2d(2, 3, 3)
    class Lstm(nn.Module):
        """Unknown, without children."""
    refused("1.0.x: expected a layer or neuron that is known, found Lstm", nn.Sequential(conv, nn.Sequential(nn.ModuleDict({"x": Lstm()}))))
    refused("0: weight: expected 2 inputs, found 4", nn.Sequential(nn.Conv2d(4, 3, 3)))
    refused("1: expected Flatten between a map", nn.Sequential(conv, nn.Linear(48, 2)))
    refused("module: expected an output of 1 x 1 positions, found 2 x 2", nn.Sequential(conv, nn.AvgPool2d(2)))
    refused("0: expected an input that holds its window", nn.Sequential(nn.Conv2d(2, 3, 9)))
    refused("0: expected 3 channels, found [2, 6, 6]", nn.Sequential(nn.BatchNorm2d(3)))
    refused("0: expected kept statistics", nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False)))
    refused('1: reset_mechanism: expected zero_reset="loses" or "keeps"', nn.Sequential(conv, Zeroed("keeps")))
    refused("1: v_reset: expected less than v_threshold, found 1.0", nn.Sequential(conv, LIFNode(1.0)))
    twice = LIFNode(0.0)
    refused("2: expected a neuron of its own, found that of 1", nn.Sequential(conv, twice, twice))
    for key, value in (("tau_alpha", 1.0), ("rec_connect", conv), ("a0", 1.0), ("delta_T", 1.0), ("v_rest", 0.0),
                       ("scale_reset", True), ("b0", 1.0), ("inhibition", True), ("state_quant", abs),
                       ("graded_spikes_factor", torch.tensor(2.0))):
        for other in (Leaky(0.9, 1.0), LIFNode(0.0), Sinabs(MembraneSubtract)):
            setattr(other, key, value)
            refused(f"1: {key}: expected", nn.Sequential(conv, other))
    refused("1: expected neurons before Flatten", nn.Sequential(nn.Flatten(), LIFNode(0.0)))
    refused("1: expected a pool before Flatten", nn.Sequential(nn.Flatten(), nn.AvgPool2d(2)))
    refused("0: expected all axes from 1 on, found 2 to -1", nn.Sequential(nn.Flatten(2)))
    refused("0: output_size: expected sizes that divide [6, 6], found [4, 4]", nn.Sequential(nn.AdaptiveAvgPool2d(4)))
    refused("0: norm_type: expected 1, found 2", nn.Sequential(nn.LPPool2d(2, 2)))
    refused("0: expected no ceil_mode", nn.Sequential(nn.MaxPool2d(2, ceil_mode=True)))
    refused("0: expected a plain mean", nn.Sequential(nn.AvgPool2d(2, padding=1, count_include_pad=False)))
    flat = nn.Flatten()
    full = LeakyParallel(72, 3)
    full.rnn.weight_hh_l0.data[0, 1] = 0.5
    refused("1: rnn.weight_hh_l0: expected a diagonal", nn.Sequential(flat, full))
    full = LeakyParallel(72, 3)
    full.rnn.nonlinearity = "tanh"
    refused("1: rnn: expected one layer of one direction, with relu", nn.Sequential(flat, full))
    few = LIFNode(0.0, tau=torch.tensor([2.0, 3.0]))
    refused("1: expected parameters of one number, or of 3 channels, found 2", nn.Sequential(conv, few))
    refused("1: expected no bias before a neuron with a current", nn.Sequential(conv, Leaky(0.9, 1.0, 0.5)))
    low = Sinabs(MembraneSubtract, least=torch.tensor([-1.0, -1.0, -2.0]))
    refused("1: min_v_mem: expected one for all channels", nn.Sequential(conv, low))
    broken = nn.Conv2d(2, 3, 3)
    broken.weight.data[0] = math.nan
    refused("0: weight: expected finite numbers", nn.Sequential(broken))
    refused("module: expected layers", nn.Sequential(nn.Flatten()))


def main():
    failed, tests = 0, [(name, lambda folder, m=make, k=keys: compare(folder, m, **k)) for name, make, keys in CASES]
    tests += [(name, lambda folder, n=name: compare(folder, n)) for name in ODD]
    tests.append(("pictures", pictures))
    tests.append(("what is refused", lambda folder: hostile()))
    for name, test in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
            except (ValueError, subprocess.CalledProcessError) as error:
                failed += 1
                print(f"not ok export, {name}: {error} {getattr(error, 'stderr', '')}")
                continue
        print(f"ok export, {name}", flush=True)
    print(f"1..{len(tests)}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
