#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Write the demo's recordings: all test digits and some training digits.

OUT/test/*.bin with OUT/test.tsv, and OUT/calib/*.bin with OUT/calib.tsv
(class balanced, for calibration): ATIS files and path<TAB>label lines."""
import argparse
import pathlib

import numpy as np
from sklearn.datasets import load_digits

import dataset
import eventcam

CALIBRATION_PER_CLASS = 4


def balanced(numbers, labels, each):
    """The first `each` numbers of every class."""
    picked = [numbers[labels[numbers] == c][:each] for c in range(10)]
    return np.sort(np.concatenate(picked))


def write(out, name, numbers):
    """Record the numbered digits into OUT/NAME and list them in OUT/NAME.tsv."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    events, labels = dataset.recordings(numbers, 1, 2)
    lines = []
    for number, recorded, label in zip(numbers, events, labels):
        file = folder / f"{number:04d}.bin"
        eventcam.write_atis(file, recorded)
        lines.append(f"{name}/{file.name}\t{label}\n")
    (out / f"{name}.tsv").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    out = parser.parse_args().out
    train, test = dataset.split()
    write(out, "test", test)
    labels = load_digits().target
    write(out, "calib", balanced(train, labels, CALIBRATION_PER_CLASS))


if __name__ == "__main__":
    main()
