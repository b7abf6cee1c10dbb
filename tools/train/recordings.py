#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Write the demo's recordings: all test digits and some training digits.

OUT/test/*.bin with OUT/test.tsv, and OUT/calib/*.bin with OUT/calib.tsv
(class balanced, for calibration): ATIS files and path<TAB>label lines.

With --development instead OUT/development: of 40 training digits of each class that
are not for calibration a recording that nobody has trained on. The network knows the
digits, but not this noise and motion: methods are chosen by them, and nothing else.
With --draw N instead OUT/calibN: as many training digits by chance, none of them for
development; to see how much a result hangs on those that calibrate."""
import argparse
import pathlib

import dataset
import eventcam


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
    parser.add_argument("--draw", type=int, metavar="N",
                        help="instead only OUT/calibN: another draw for calibration (from 2)")
    args = parser.parse_args()
    if args.development:
        write(args.out, "development", dataset.development_digits(), dataset.COPIES)
        return
    if args.draw:
        write(args.out, f"calib{args.draw}", dataset.calibration_digits(args.draw))
        return
    write(args.out, "test", dataset.split()[1])
    write(args.out, "calib", dataset.calibration_digits())


if __name__ == "__main__":
    main()
