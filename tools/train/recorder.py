# SPDX-License-Identifier: MIT
"""Recordings of many images, in parallel, kept in a folder: what is there is not
made again, so that an interrupted run goes on."""
import json
import os
import pathlib
from multiprocessing import Pool

import numpy as np

import eventcam
import scene

SIDE_BY_SIDE = 1 << 21      # pixels times sub-steps that are computed at once


def settle(folder, settings):
    """Say in the folder how its recordings are made; refuse one made otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    file, text = folder / "settings.json", json.dumps(settings, indent=1) + "\n"
    if not file.exists():
        file.write_text(text)
    elif file.read_text() != text:
        raise ValueError(f"{file}: recordings are there that were made otherwise; "
                         "remove the folder, or name another")


def make(work):
    """Record and write (files, images, seeds, scene, camera); each file is whole."""
    files, images, seeds, view, camera = work
    for file, events in zip(files, scene.record(images, seeds, view, camera)):
        fresh = file.with_suffix(".tmp")
        eventcam.write_atis(fresh, events)
        fresh.replace(file)


def record(folder, wanted, view, camera, workers=2):
    """Make FOLDER/NAME.bin of each (name, image, seed) in `wanted` that is missing."""
    settle(folder, {"scene": repr(view), "camera": repr(camera)})
    missing = [(folder / f"{name}.bin", image, seed) for name, image, seed in wanted
               if not (folder / f"{name}.bin").exists()]
    for parent in {file.parent for file, _, _ in missing}:
        parent.mkdir(parents=True, exist_ok=True)
    each = camera.width * camera.height * len(eventcam.times_of(camera))
    some = max(1, SIDE_BY_SIDE // each)
    work = [(*zip(*missing[i:i + some]), view, camera)
            for i in range(0, len(missing), some)]
    with Pool(workers) as pool:
        for i, _ in enumerate(pool.imap_unordered(make, work), 1):
            if i % 100 == 0 or i == len(work):
                print(f"recorded {min(i * some, len(missing))} of {len(missing)}",
                      flush=True)


def write_list(path, pairs):
    """List file for the C tools: path<TAB>label."""
    path.write_text("".join(f"{file.resolve()}\t{label}\n" for file, label in pairs))


class Recordings:
    """Events of listed files, read when they are wanted."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __iter__(self):
        return map(eventcam.read_atis, self.paths)


def kept(task):
    """Where the recordings of a task, or another file of training, are kept."""
    cache = os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")
    return pathlib.Path(cache, "snnq", "train", task)


def readers(task, maker):
    """Functions (of workers, which reading needs none of) that give the events and
    labels for training, of development, by which methods are chosen, and of the test."""
    return [lambda _workers, part=part: listed(kept(task) / f"{part}.tsv", maker)
            for part in ("train", "development", "test")]


def listed(path, maker):
    """Events and labels of a list that MAKER makes."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: {maker} makes it")
    rows = [row.split("\t") for row in path.read_text().splitlines()]
    return (Recordings([pathlib.Path(name) for name, _ in rows]),
            np.array([int(label) for _, label in rows]))
