# SPDX-License-Identifier: MIT
"""The digits as recordings: a fixed split, each recording by its own seed.

Digits are numbered as in scikit-learn's copy of the UCI set (1797). The 360
test digits are never trained or calibrated on; a training digit is recorded
several times, with other noise and motion each time."""
from multiprocessing import Pool

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import eventcam

TEST_DIGITS = 360
SEED = 20240
COPIES = 3


def split():
    """Numbers of the training and of the test digits, classes balanced."""
    labels = load_digits().target
    train, test = train_test_split(np.arange(len(labels)), test_size=TEST_DIGITS,
                                   random_state=SEED, stratify=labels)
    return np.sort(train), np.sort(test)


def recording(task):
    """Events of (image, number, copy)."""
    image, number, copy = task
    return eventcam.record(image, (SEED, number, copy))


def recordings(numbers, copies, workers):
    """Event arrays and labels of those copies of the numbered digits."""
    digits = load_digits()
    tasks = [(digits.images[n], n, c) for c in copies for n in numbers]
    with Pool(workers) as pool:
        events = pool.map(recording, tasks, chunksize=16)
    return events, np.tile(digits.target[numbers], len(copies))


def training(workers):
    """Events and labels: COPIES recordings of each training digit."""
    return recordings(split()[0], range(COPIES), workers)


def testing(workers):
    """Events and labels of the test digits."""
    return recordings(split()[1], [0], workers)


def counts(events, spec):
    """Event counts [sample, step, channel, y, x] of recordings."""
    frames = np.empty((len(events), spec["steps"], spec["polarities"],
                       spec["height"], spec["width"]), np.uint8)
    for frame, some in zip(frames, events):
        frame[:] = eventcam.to_counts(some, spec).transpose(0, 3, 1, 2)
    return frames
