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
        self.u = leak * self.u + gain * x
        spikes = (self.u >= self.v_threshold).double()
        self.u = self.u - self.v_threshold * spikes if self.v_reset is None else self.u * (1 - spikes)
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


def compare(folder, make, bias=True, dtype=np.float32):
    net = network(make, bias)
    told = export_torch.export(net, folder / "net.snnq", SPEC, dtype=dtype)
    frames, rows = np.random.default_rng(1).poisson(0.4, (STEPS, 2, 6, 6)).clip(0, 3), b""
    for step, c, y, x in np.argwhere(frames > 0):
        for _ in range(frames[step, c, y, x]):
            rows += bytes([x, y, c << 7 | step * 1000 >> 16, step * 1000 >> 8 & 255, step * 1000 & 255])
    (folder / "in.bs2").write_bytes(rows)
    out = json.loads(subprocess.run([SNNQ, "run", folder / "net.snnq", folder / "in.bs2", "-d", "sim", "--json"], check=True,
                                    capture_output=True).stdout)
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
    return told


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
    refused("1: expected neurons before a mean", nn.Sequential(conv, nn.AvgPool2d(2)))
    refused("0: expected an input that holds its window", nn.Sequential(nn.Conv2d(2, 3, 9)))
    refused("0: expected a layer with weights before it", nn.Sequential(nn.BatchNorm2d(2)))
    zero = Leaky(0.9, 1.0)
    zero.reset_mechanism = "zero"
    refused("1: reset_mechanism: expected subtract or none", nn.Sequential(conv, zero))
    refused("1: v_reset: expected None or 0", nn.Sequential(conv, LIFNode(0.5)))
    refused("1: expected no bias before a neuron with a current", nn.Sequential(conv, Leaky(0.9, 1.0, 0.5)))
    low = Sinabs(MembraneSubtract, least=torch.tensor([-1.0, -1.0, -2.0]))
    refused("1: min_v_mem: expected one for all channels", nn.Sequential(conv, low))
    broken = nn.Conv2d(2, 3, 3)
    broken.weight.data[0] = math.nan
    refused("0: weight: expected finite numbers", nn.Sequential(broken))
    refused("module: expected layers", nn.Sequential(nn.Flatten()))


def main():
    failed, tests = 0, [(name, lambda folder, m=make, k=keys: compare(folder, m, **k)) for name, make, keys in CASES]
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
