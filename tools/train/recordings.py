#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Write the demo's recordings: all test digits and some training digits.

OUT/test/*.bin with OUT/test.tsv, and OUT/calib/*.bin with OUT/calib.tsv
(class balanced, for calibration): ATIS files and path<TAB>label lines.

With --development instead OUT/development: of 40 training digits of each class that
are not for calibration a recording that nobody has trained on. The network knows the
digits, but not this noise and motion: methods are chosen by them, and nothing else."""
import argparse
import pathlib

import numpy as np
from sklearn.datasets import load_digits

import dataset
import eventcam

CALIBRATION_PER_CLASS = 4
DEVELOPMENT_PER_CLASS = 40


def balanced(numbers, labels, each):
    """The first `each` numbers of every class."""
    picked = [numbers[labels[numbers] == c][:each] for c in range(10)]
    return np.sort(np.concatenate(picked))


def write(out, name, numbers, copy=0):
    """Record the numbered digits into OUT/NAME and list them in OUT/NAME.tsv."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    events, labels = dataset.recordings(numbers, [copy], 2)
    lines = []
    for number, recorded, label in zip(numbers, events, labels):
        file = folder / f"{number:04d}.bin"
        eventcam.write_atis(file, recorded)
        lines.append(f"{name}/{file.name}\t{label}\n")
    (out / f"{name}.tsv").write_text("".join(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--development", action="store_true")
    args = parser.parse_args()
    train, test = dataset.split()
    labels = load_digits().target
    calibration = balanced(train, labels, CALIBRATION_PER_CLASS)
    if args.development:
        others = np.setdiff1d(train, calibration)
        write(args.out, "development", balanced(others, labels, DEVELOPMENT_PER_CLASS),
              dataset.COPIES)
        return
    write(args.out, "test", test)
    write(args.out, "calib", calibration)


if __name__ == "__main__":
    main()
