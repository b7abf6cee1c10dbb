#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The N-MNIST sample of the test data: a fixed split, copies with other views.

Folder: $SNNQ_DATA/nmnist, or shared/data/nmnist beside the repository. Its
`train.tsv` numbers 1000 recordings; of each class the first 30 in the order
of a fixed hash of the number are kept for the test, together with the 50 of
`test.tsv`. Training copies look at the same events from elsewhere: turned,
sheared, scaled and shifted in time.

As a program it writes the lists that the C tools read: train.tsv, test.tsv and
calib.tsv (the first training recordings of each class) into a folder."""
import argparse
import os
import pathlib
import sys

import numpy as np

import eventcam
import recorder

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_PER_CLASS = 30
SEED = 34340
COPIES = 12
CALIBRATION_PER_CLASS = 10
CENTRE = 16.5


def folder():
    """Where the recordings are, or an error that says what is missing."""
    base = os.environ.get("SNNQ_DATA", ROOT.parent / "shared" / "data")
    found = pathlib.Path(base) / "nmnist"
    if not (found / "train.tsv").is_file():
        raise FileNotFoundError(f"{found}: no N-MNIST recordings (SNNQ_DATA)")
    return found


def listed(part):
    """(path, label) of the recordings that PART.tsv numbers."""
    base = folder()
    rows = (base / f"{part}.tsv").read_text().splitlines()
    pairs = [row.split("\t") for row in rows if row]
    return [(base / part / f"{number}.bs2", int(label)) for number, label in pairs]


def split():
    """(training, test) lists of (path, label)."""
    numbered = listed("train")
    # Knuth's multiplicative hash: an order that owes nothing to the file.
    order = sorted(numbered, key=lambda p: int(p[0].stem) * 2654435761 % (1 << 32))
    train, test = [], []
    for label in range(10):
        members = [p for p in order if p[1] == label]
        test += members[:TEST_PER_CLASS]
        train += members[TEST_PER_CLASS:]
    return train, test + listed("test")


def view(events, seed):
    """The events as a camera slightly elsewhere would have seen them."""
    rng = np.random.default_rng(seed)
    angle, shear = np.deg2rad(rng.normal(0, 7)), rng.normal(0, 0.1)
    scale = rng.uniform(0.88, 1.1, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, shear], [0, 1]]) @ np.diag(scale)
    at = np.stack([events["x"], events["y"]]) + rng.uniform(-0.5, 0.5, (2, len(events)))
    x, y = np.rint(matrix @ (at - CENTRE) + CENTRE).astype(np.int64)
    t = events["t"] + int(rng.uniform(-8000, 8000))
    inside = (x >= 0) & (x < 34) & (y >= 0) & (y < 34) & (t >= 0)
    moved = events[inside].copy()
    moved["x"], moved["y"], moved["t"] = x[inside], y[inside], t[inside]
    return moved


def training(_workers):
    """Events and labels: COPIES of each recording, the first as it is."""
    train, _ = split()
    original = [eventcam.read_atis(path) for path, _ in train]
    events = [e if c == 0 else view(e, (SEED, int(path.stem), c))
              for c in range(COPIES) for e, (path, _) in zip(original, train)]
    return events, np.tile([label for _, label in train], COPIES)


def testing(_workers):
    """Events and labels of the test recordings."""
    _, test = split()
    return [eventcam.read_atis(path) for path, _ in test], np.array([n for _, n in test])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    try:
        train, test = split()
    except FileNotFoundError as error:
        sys.exit(str(error))
    out.mkdir(parents=True, exist_ok=True)
    recorder.write_list(out / "train.tsv", train)
    recorder.write_list(out / "test.tsv", test)
    recorder.write_list(out / "calib.tsv", [
        pair for label in range(10)
        for pair in [p for p in train if p[1] == label][:CALIBRATION_PER_CLASS]])


if __name__ == "__main__":
    main()
