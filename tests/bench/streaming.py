#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""One step at a time, and the largest rate of a live feed:  tests/bench/streaming.py

The demo's network and Spikformer 2-256 (random weights, tools/train/published.py). snnq bench in
sim here and on the device in the guest; then snnq run reads feeds of random events from a pipe, as
fast as it can, and the largest rate is sought at which that takes no longer than the events did.
Needs what make userspace modules qemu setup-train setup-guest makes.
"""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy

from published import ROOT, SNNQ, bench, keep, make

SECONDS = 2         # of a feed
LEAST, HALVINGS = 250_000, 3


def report(where, name, b):
    """Print and keep what snnq bench said."""
    print(f"{name:12} {where:6} step {b['step']['p50_ms']:8.2f} p99 {b['step']['p99_ms']:8.2f} "
          f"most {b['step']['most_ms']:8.2f}  window {b['window']['p50_ms']:8.2f} ms", flush=True)
    keep(f"streaming, {name}, {where}", "ms", b["step"]["p50_ms"], bench=b)


def in_guest(path):
    """snnq bench on the device of the guest."""
    command = [ROOT / "tools" / "guest" / "run", "--share", path.parent, "--timeout", "600", "--cmd",
               f"snnq bench /share/{path.name} --device /dev/accel/accel0 --json"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out[out.index("{"):])


def feed(path, width, height, rate):
    """An EVT 3 stream: random events at so many a second."""
    count = rate * SECONDS
    random = numpy.random.default_rng(1)
    t = (numpy.arange(count) / rate * 1e6).astype(numpy.uint32)
    words = numpy.empty((count, 4), numpy.uint16)
    words[:, 0] = 0x8000 | (t >> 12 & 0xfff)
    words[:, 1] = 0x6000 | (t & 0xfff)
    words[:, 2] = random.integers(0, height, count, numpy.uint16)
    words[:, 3] = 0x2000 | random.integers(0, width, count, numpy.uint16) | random.integers(0, 2, count, numpy.uint16) << 11
    wanted = numpy.ones((count, 4), bool)
    wanted[1:, 0] = t[1:] >> 12 != t[:-1] >> 12
    wanted[1:, 1] = t[1:] != t[:-1]
    words[wanted].tofile(path)


def load(model, spec, folder, rate):
    """Time that snnq run took for a feed, over the feed's own."""
    events = folder / "feed.raw"
    feed(events, spec["width"], spec["height"], rate)
    command = [SNNQ, "run", model, "-", "--device", "sim", "--format", "evt3", "--width", str(spec["width"]),
               "--height", str(spec["height"]), "--wait", "--json"]
    with subprocess.Popen(["cat", events], stdout=subprocess.PIPE) as cat:
        start = time.monotonic()
        subprocess.run(command, stdin=cat.stdout, check=True, stdout=subprocess.DEVNULL)
        return (time.monotonic() - start) / SECONDS


def sustained(name, model, folder):
    """The largest rate, to an eighth of the power of two below it."""
    out = subprocess.run([SNNQ, "info", model, "--json"], check=True, stdout=subprocess.PIPE).stdout
    spec = json.loads(out)["input"]
    rate = LEAST
    while load(model, spec, folder, 2 * rate) <= 1:
        rate *= 2
    for step in (rate >> i for i in range(1, HALVINGS + 1)):
        if load(model, spec, folder, rate + step) <= 1:
            rate += step
    print(f"{name:12} sim    {rate / 1e6:.2f} M events/s live", flush=True)
    keep(f"live, {name}", "events/s", rate)


def main():
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        share = folder / "share"
        share.mkdir()
        shutil.copy(ROOT / "tools" / "train" / "demo" / "digits.snnq", share)
        make("spikformer", share / "spikformer.snnq")
        for name in ("digits", "spikformer"):
            model = share / f"{name}.snnq"
            report("sim", name, bench(model))
            report("guest", name, in_guest(model))
            sustained(name, model, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
