#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""lava-dl's oxford and tinynet networks, imported and run on their inputs, against their published
spikes.

All output spikes are equal when neurons fire at the threshold, as in the training
code; with the chip's rule (above it) exactly 3014 positions differ. A test that passed
with both could not tell them apart."""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

SNNQ = os.environ.get("SNNQ", "build/snnq")
DEVICE = os.environ.get("SNNQ_DEVICE", "sim")
DATA = pathlib.Path(os.environ.get("SNNQ_DATA", "../shared/data"))


def write_recording(path, rows, steps):
    """Spikes (neuron, 0, time in ms) as SLAYER records, one row of pixels."""
    with open(path, "wb") as f:
        for step, neuron in sorted((int(np.rint(t)), int(n)) for n, _, t in rows):
            if step < steps:
                t = step * 1000
                f.write(bytes([neuron, 0, 0x80 | t >> 16, t >> 8 & 255, t & 255]))


def run(folder, arguments, steps):
    """Output spikes [step][neuron] of the imported network."""
    model, recording = folder / "oxford.snnq", folder / "input.bs2"
    source = DATA / "lava-golden" / "oxford"
    subprocess.run([SNNQ, "import", source / "network.net", "-o", model, "--width", "200",
                    "--height", "1", "--polarities", "1", "--steps", str(steps)] + arguments,
                   check=True, stdout=subprocess.DEVNULL)
    write_recording(recording, np.load(source / "input.npy"), steps)
    subprocess.run([SNNQ, "run", model, recording, "--device", DEVICE, "--raster", folder],
                   check=True, stdout=subprocess.DEVNULL)
    return np.load(folder / "layer1.npy").reshape(steps, -1)


def tinynet(folder):
    """Layers of its convolutions (their differences from lava-dl's), from spikes in three channels."""
    source = DATA / "lava-golden" / "tinynet"
    model, recording = folder / "tiny.snnq", folder / "input.bs3"
    spikes = np.argwhere(np.load(source / "input.npy")[0] > 0) # channel, y, x, step
    with open(recording, "wb") as f:
        for c, y, x, step in spikes[np.argsort(spikes[:, 3], kind="stable")]:
            t = int(step) * 1000
            f.write(bytes([x >> 4, (x & 15) << 4 | y >> 8, y & 255, c, t >> 16, t >> 8 & 255, t & 255]))
    subprocess.run([SNNQ, "import", source / "tiny.net", "-o", model, "--spikes-in", "--steps", "16", "--no-delay",
                    "--skip-first"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([SNNQ, "run", model, recording, "--device", DEVICE, "--raster", folder], check=True,
                   stdout=subprocess.DEVNULL)
    for layer, name in (("layer1", "layer1"), ("layer2", "output")):
        want = np.load(source / f"{name}.npy")[0].transpose(3, 1, 2, 0)
        got = np.load(folder / f"{layer}.npy").reshape(want.shape)
        yield f"lava tinynet, {name}: {int(want.sum())} spikes", int((got != want).sum())


def main():
    source = DATA / "lava-golden" / "oxford"
    if not source.exists():
        print(f"1..0 # SKIP no {source}")
        return 0
    truth = np.load(source / "ground_truth.npy")
    steps = int(max(truth[:, 2].max(), np.load(source / "input.npy")[:, 2].max())) + 2
    want = np.zeros((steps, 200), np.uint8)
    want[truth[:, 2].astype(int), truth[:, 0].astype(int)] = 1
    failed = 0
    for name, arguments, differ in (("at the threshold", ["--compare-ge"], 0),
                                    ("above the threshold", [], 3014)):
        with tempfile.TemporaryDirectory() as folder:
            got = run(pathlib.Path(folder), arguments, steps)
        count = int((got != want).sum())
        good = count == differ
        failed += not good
        print(f"{'ok' if good else 'not ok'} lava oxford, fires {name}: {int(want.sum())} spikes, "
              f"{count} positions differ, expected {differ} ({DEVICE})")
    with tempfile.TemporaryDirectory() as folder:
        for name, count in tinynet(pathlib.Path(folder)):
            failed += count > 0
            print(f"{'not ok' if count else 'ok'} {name}, {count} positions differ ({DEVICE})")
    print("1..4")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
