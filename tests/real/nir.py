#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Published NIR graphs: a convolutional network for N-MNIST against the counts of all its output
neurons, with both kinds of reset; one LIF neuron against the spikes of Norse; recurrent networks
against their equations."""
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import h5py
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


def braille(folder):
    """Recurrent graphs and the same with subgraphs: all outputs and those of the equations, which are
    i = a i + x, v = b v + i here; the spikes of a step before go back."""
    rng, steps, dt = np.random.default_rng(1), 256, 1e-4
    x = rng.random((steps, 12)) < 0.3
    x[0] = True
    recording = folder / "in.bs2"
    recording.write_bytes(b"".join(bytes([int(c), 0, 0x80 | t >> 16, t >> 8 & 255, t & 255])
                                   for s, c in np.argwhere(x) for t in [int(s) * 1000]))
    for name, subtract in (("bias_zero", False), ("noBias_subtract", True)):
        got = []
        for form in ("", "_subgraph"):
            snnq("import", DATA / f"nir/braille_noDelay_{name}{form}.nir", "-o", folder / "b.snnq", "--steps", str(steps),
                 "--dt", str(dt), "--reset", "subtract" if subtract else "zero")
            got.append(json.loads(snnq("run", folder / "b.snnq", recording, "--device", "sim", "--json"))["scores"])
        with h5py.File(DATA / f"nir/braille_noDelay_{name}.nir") as f:
            nodes = {k: {p: v[()].astype(float) for p, v in g.items() if p not in ("type", "shape")}
                     for k, g in f["node/nodes"].items()}
        state = {k: np.zeros((2, len(nodes[k]["r"]))) for k in ("lif1.lif", "lif2")}

        def neuron(key, drive):
            p, (i, v) = nodes[key], state[key]
            i = i + dt / p["tau_syn"] * (p["w_in"] * drive - i)
            v = v + dt / p["tau_mem"] * (p["v_leak"] - v + p["r"] * i)
            spikes = v > p["v_threshold"]
            state[key] = np.array([i, np.where(spikes, v - p["v_threshold"] if subtract else 0, v)])
            return spikes.astype(float)

        def affine(key, value):
            return nodes[key]["weight"] @ value + nodes[key].get("bias", 0)
        back, want, inside = np.zeros(len(nodes["lif1.lif"]["r"])), 0, 0
        for s in range(steps):
            back = neuron("lif1.lif", affine("fc1", x[s]) + affine("lif1.w_rec", back))
            want, inside = want + neuron("lif2", affine("fc2", back)), inside + back.sum()
        yield got[0] == got[1] == want.tolist() and want.any(), \
            f"NIR recurrent network, {name}: {int(inside)} and {int(want.sum())} spikes, both forms of the graph"


def spyx(folder):
    """Weights (in, out), and a neuron that would grow instead of leak: refused by name, both."""
    source = DATA.parent / DATA.name / "spyx-shd/spyx_shd.nir"
    for arguments, says in (((), "linear/weight: expected (out, 128)"),
                            (("--transposed",), "LIF/tau: channel 0: expected at least the time step of 1 s, found -201.819")):
        done = subprocess.run([SNNQ, "import", source, "-o", folder / "s", "--steps", "100", "--dt", "1", *arguments],
                              check=False, capture_output=True, text=True)
        yield done.returncode == 4 and says in done.stderr, f"spyx's network {' '.join(arguments)}: {done.stderr.strip()}"


def main():
    if not (DATA / "nir").exists():
        print(f"1..0 # SKIP no {DATA / 'nir'}")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for test in (cnn, lif, braille, spyx):
            for good, name in test(pathlib.Path(folder)):
                failed += not good
                print(f"{'ok' if good else 'not ok'} {name}")
    print("1..7")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
