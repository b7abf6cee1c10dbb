#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How event recordings look: simulated ones beside those of real cameras.

`rates.py NAME=PATH...` prints a row of a table for each PATH, a list of recordings
(path<TAB>label), a folder or an ATIS file: recordings, events of one (mean and
standard deviation), their share that is ON, the recording's length, pixels that
fired, and the time between events of the same pixel (5th, 50th, 95th percentile).
Of a list or folder at most --limit recordings, evenly, are read."""
import argparse
import pathlib

import numpy as np

import eventcam
import quantgrid

HEAD = ("| | recordings | events | ON | ms | pixels | same pixel again after (ms) |\n"
        "|---|---|---|---|---|---|---|")


def files(path, limit):
    """Recordings of a list, a folder or a file."""
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.suffix in (".bin", ".bs2"))
    elif path.suffix == ".tsv":
        found = [p for p, _ in quantgrid.read_list(path)]
    else:
        found = [path]
    return found[::max(1, len(found) // limit)][:limit]


def pauses(events):
    """(pixels that fired, times between events of the same pixel)."""
    pixel = events["y"].astype(np.int64) << 16 | events["x"]
    order = np.lexsort((events["t"], pixel))
    same = np.diff(pixel[order]) == 0
    return len(np.unique(pixel)), np.diff(events["t"][order])[same]


def row(name, paths):
    """A row of the table."""
    counts, on, length, pixels, between = [], [], [], [], []
    for path in paths:
        events = eventcam.read_atis(path)
        some, gaps = pauses(events)
        counts.append(len(events))
        on.append(events["p"].mean())
        length.append((events["t"].max() - events["t"].min()) / 1e3)
        pixels.append(some)
        between.append(gaps)
    low, middle, high = np.percentile(np.concatenate(between), (5, 50, 95)) / 1e3
    return (f"| {name} | {len(paths)} | {np.mean(counts):,.0f} ± {np.std(counts):,.0f} "
            f"| {100 * np.mean(on):.1f} % | {np.mean(length):.0f} | {np.mean(pixels):,.0f} "
            f"| {low:.1f}, {middle:.1f}, {high:.0f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="+", metavar="NAME=PATH")
    parser.add_argument("--limit", type=int, default=200)
    args = parser.parse_args()
    print(HEAD)
    for entry in args.sets:
        name, _, path = entry.rpartition("=")
        print(row(name, files(pathlib.Path(path), args.limit)), flush=True)


if __name__ == "__main__":
    main()
