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
CALIBRATION_PER_CLASS = 4
DEVELOPMENT_PER_CLASS = 40


def split():
    """Numbers of the training and of the test digits, classes balanced."""
    labels = load_digits().target
    train, test = train_test_split(np.arange(len(labels)), test_size=TEST_DIGITS,
                                   random_state=SEED, stratify=labels)
    return np.sort(train), np.sort(test)


def balanced(numbers, labels, each):
    """The first `each` numbers of every class."""
    picked = [numbers[labels[numbers] == c][:each] for c in range(10)]
    return np.sort(np.concatenate(picked))


def calibration_digits(draw=1):
    """Training digits to calibrate with: the first of each class, or from the second
    draw on some by chance; those for development are in no draw."""
    labels = load_digits().target
    first = balanced(split()[0], labels, CALIBRATION_PER_CLASS)
    if draw == 1:
        return first
    others = np.setdiff1d(split()[0], np.concatenate([first, development_digits()]))
    return balanced(np.random.default_rng((SEED, draw)).permutation(others), labels,
                    CALIBRATION_PER_CLASS)


def development_digits():
    """Training digits of which other recordings are for development."""
    labels = load_digits().target
    others = np.setdiff1d(split()[0], balanced(split()[0], labels, CALIBRATION_PER_CLASS))
    return balanced(others, labels, DEVELOPMENT_PER_CLASS)


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


def development(workers):
    """Events and labels of recordings that nobody trains on, of digits that training has."""
    return recordings(development_digits(), [COPIES], workers)


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
