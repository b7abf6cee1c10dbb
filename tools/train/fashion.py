#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Fashion-DVS: Fashion-MNIST before the simulated camera, made from packages alone.

The images are those of Debian's package dataset-fashion-mnist (Xiao, Rasul and
Vollgraf 2017; MIT). Of its 60,000 images for training, the first 3000 of each
class are trained on and the last 300 kept for development; its 10,000 for the
test are the test. Each is recorded once, by a seed of its own.

As a program it makes the recordings in OUT and the lists that the C tools read:
train.tsv, development.tsv, test.tsv and calib.tsv (the first training recordings
of each class). An interrupted run goes on."""
import argparse
import gzip
import pathlib
import sys

import numpy as np

import eventcam
import recorder
import scene

IMAGES = pathlib.Path("/usr/share/datasets/fashion-mnist")
SEED = 280_034
COPIES = 1
TRAINING_PER_CLASS = 3000
DEVELOPMENT_PER_CLASS = 300
CALIBRATION_PER_CLASS = 10
CAMERA = eventcam.Camera(width=34, height=34, duration=300_000, substep=4_000,
                         contrast=0.25, mismatch=0.03, dark=0.12, refractory=1700.0,
                         noise_hz=0.5, saccade=4.5)
SCENE = scene.Scene(side=26, path=scene.Saccades())
PARTS = ("train", "development", "test")
training, development, testing = recorder.readers("fashion", "fashion.py")


def idx(name):
    """Array of bytes of an .idx file of the package."""
    path = IMAGES / f"{name}-ubyte.gz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: install dataset-fashion-mnist")
    data = gzip.decompress(path.read_bytes())
    dims = data[3] if data[:3] == b"\0\0\x08" else 0
    shape = np.frombuffer(data, ">u4", dims, 4).astype(int)
    if not dims or len(data) != 4 + 4 * dims + shape.prod():
        raise ValueError(f"{path}: no .idx file of bytes")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def split(name):
    """(numbers, images, labels) of a part."""
    source = "t10k" if name == "test" else "train"
    images, labels = idx(f"{source}-images-idx3"), idx(f"{source}-labels-idx1")
    some = {"train": slice(TRAINING_PER_CLASS),
            "development": slice(-DEVELOPMENT_PER_CLASS, None),
            "test": slice(None)}[name]
    numbers = np.sort(np.concatenate([np.flatnonzero(labels == c)[some]
                                      for c in range(10)]))
    return numbers, images[numbers], labels[numbers]


def make(out, part, each, workers):
    """Record a part, or the first so many of each class, and list it."""
    numbers, images, labels = split(part)
    if each:
        first = np.sort(np.concatenate([np.flatnonzero(labels == c)[:each]
                                        for c in range(10)]))
        numbers, images, labels = numbers[first], images[first], labels[first]
    names = [f"{part}/{n:05}" for n in numbers]
    seeds = [(SEED, int(part == "test"), int(n)) for n in numbers]
    recorder.record(out, list(zip(names, images, seeds)), SCENE, CAMERA, workers)
    pairs = [(out / f"{name}.bin", label) for name, label in zip(names, labels)]
    recorder.write_list(out / f"{part}.tsv", pairs)
    if part == "train":
        recorder.write_list(out / "calib.tsv", [
            pair for c in range(10)
            for pair in [p for p in pairs if p[1] == c][:CALIBRATION_PER_CLASS]])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path, nargs="?", default=recorder.kept("fashion"))
    parser.add_argument("--each", type=int, default=0, metavar="N",
                        help="only the first N of each class and part")
    parser.add_argument("--training", type=int, default=0, metavar="N",
                        help="only the first N of each class for training: with 10, all "
                        "that quantizers need")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    try:
        for part in PARTS:
            some = part == "train" and args.training
            make(args.out, part, some or args.each, args.workers)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
