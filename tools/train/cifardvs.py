#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""CIFAR-DVS: pictures on a screen before a simulated DVS128, as CIFAR10-DVS was made.

Each picture is enlarged to SCENE.side pixels of the sensor and moved six times
around a smooth closed way (Li et al. 2017). A recording's seed comes from the
picture, so it is the same wherever the picture lies.

As a program it records the pictures IMAGES/CLASS/NAME.jpg (a folder or a zip
file; default $SNNQ_DATA/cifar10/images.zip) into OUT/CLASS/NAME.bin. Of each class,
by name, the last 100 are the test, the 90 before them are kept for development,
and the others train: train.tsv, development.tsv, test.tsv and calib.tsv (the first
training recordings of each class). --held-out lists all of them in held-out.tsv
instead. An interrupted run goes on."""
import argparse
import hashlib
import os
import pathlib
import sys

import numpy as np

import eventcam
import pictures
import recorder
import scene

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEED = 128_128
COPIES = 1
DEVELOPMENT, TEST = 90, 100     # of each class
CALIBRATION_PER_CLASS = 10
LOOPS = 6
PERIOD = 216_000
CAMERA = eventcam.Camera(width=128, height=128, duration=LOOPS * PERIOD, substep=4_000,
                         contrast=0.15, mismatch=0.015, dark=0.1, refractory=1000.0,
                         noise_hz=0.2, bandwidth_hz=300.0)
SCENE = scene.Scene(side=112, path=scene.Loop(2.5, PERIOD), ground=0.5, gamma=2.2)
training, development, testing = recorder.readers("cifar-dvs", "cifardvs.py")


def seed_of(image):
    """Seed of a picture's recording."""
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
    return (SEED, *np.frombuffer(digest[:16], "<u4").tolist())


def parts(pairs):
    """{name of a list: its (file, label)} of the recordings, which are sorted."""
    lists = {"train": [], "development": [], "test": [], "calib": []}
    for label in sorted({label for _, label in pairs}):
        of_class = [pair for pair in pairs if pair[1] == label]
        if len(of_class) <= DEVELOPMENT + TEST:
            raise ValueError(f"class {label}: {len(of_class)} pictures, expected more "
                             f"than {DEVELOPMENT + TEST} (or --held-out)")
        train = of_class[:-DEVELOPMENT - TEST]
        lists["train"] += train
        lists["development"] += of_class[-DEVELOPMENT - TEST:-TEST]
        lists["test"] += of_class[-TEST:]
        lists["calib"] += train[:CALIBRATION_PER_CLASS]
    return lists


def make(args):
    """Record the pictures and list them."""
    found = pictures.listed(args.images)
    classes = sorted({kind for kind, _, _ in found})
    images = [read() for _, _, read in found]
    names = [f"{kind}/{pathlib.Path(name).stem}" for kind, name, _ in found]
    if len(set(names)) != len(names):
        raise ValueError(f"{args.images}: two pictures differ in their ending only")
    pairs = [(args.out / f"{name}.bin", classes.index(kind))
             for name, (kind, _, _) in zip(names, found)]
    lists = {"held-out": pairs} if args.held_out else parts(pairs)
    recorder.record(args.out, list(zip(names, images, map(seed_of, images))),
                    SCENE, CAMERA, args.workers)
    for name, some in lists.items():
        recorder.write_list(args.out / f"{name}.tsv", some)


def main():
    data = pathlib.Path(os.environ.get("SNNQ_DATA", ROOT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path, nargs="?", default=recorder.kept("cifar-dvs"))
    parser.add_argument("--images", type=pathlib.Path,
                        default=data / "cifar10" / "images.zip")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    try:
        make(parser.parse_args())
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
