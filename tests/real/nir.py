#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Published NIR graphs: a convolutional network for N-MNIST against the counts of all its output
neurons, with both kinds of reset, and one LIF neuron against the spikes of Norse."""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

SNNQ = os.environ.get("SNNQ", "build/snnq")
DATA = pathlib.Path(os.environ.get("SNNQ_DATA", "../shared/data"))


def snnq(*arguments):
    return subprocess.run([SNNQ, *arguments], check=True, stdout=subprocess.PIPE).stdout


def counts(folder, recording, reset):
    """Spikes of each output while the recording lasts, in whole steps of a millisecond."""
    info = json.loads(snnq("info", recording, "--json"))
    steps = (info["last_us"] - info["first_us"]) // 1000
    model = folder / "cnn.snnq"
    snnq("import", DATA / "nir/cnn_sinabs.nir", "-o", model, "--steps", str(steps), "--planes", "4",
         "--reset", reset)
    return json.loads(snnq("run", model, recording, "--device", "sim", "--json"))["scores"]


def cnn(folder):
    with open(DATA / "nir/cnn_sinabs-golden-test.tsv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))[::5]
    for reset, column in (("subtract", "sub_single"), ("zero", "zero_single")):
        wrong, spikes = 0, 0
        for row in rows:
            want = [int(n) for n in row[column].split(",")]
            wrong += counts(folder, DATA / f"nmnist/test/{row['sample']}.bs2", reset) != want
            spikes += sum(want)
        yield wrong == 0 and len(rows) == 10, \
            f"NIR convolutional network, reset {reset}: {len(rows)} recordings, {spikes} spikes, {wrong} differ"


def lif(folder):
    """Inputs of step s are events at s times 100 us; time counts from the first of them."""
    table = np.loadtxt(DATA / "nir/lif/lif_norse.csv", delimiter=",")
    steps = np.flatnonzero(table[:, 0])
    recording = folder / "input.bs2"
    recording.write_bytes(b"".join(bytes([0, 0, 0x80 | t >> 16, t >> 8 & 255, t & 255])
                                   for t in (int(s) * 100 for s in steps)))
    snnq("import", DATA / "nir/lif/lif_norse.nir", "-o", folder / "lif.snnq", "--steps", "1000",
         "--step-us", "100", "--width", "1", "--height", "1")
    snnq("run", folder / "lif.snnq", recording, "--device", "sim", "--raster", folder)
    got = np.flatnonzero(np.load(folder / "0.npy").reshape(-1)) + steps[0]
    want = np.flatnonzero(table[:, 2])
    yield list(got) == list(want) and len(want) == 4, \
        f"NIR neuron: spikes at {want.tolist()}, found {got.tolist()}"


def main():
    if not (DATA / "nir").exists():
        print(f"1..0 # SKIP no {DATA / 'nir'}")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for test in (cnn, lif):
            for good, name in test(pathlib.Path(folder)):
                failed += not good
                print(f"{'ok' if good else 'not ok'} {name}")
    print("1..3")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
