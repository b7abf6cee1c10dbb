#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Time and memory over steps, tokens, width, threads and streams:  tests/bench/scaling.py

snnq bench of Spikformers (tools/train/published.py, random weights, as busy as trained ones) in
sim, one thing varied at a time, the rest as published; one thread unless threads are what varies.
Needs what make userspace setup-train makes.
"""
import os
import pathlib
import sys
import tempfile

from published import bench, keep, make

PUBLISHED = {"steps": 16, "size": 128, "width": 256}
TOKEN = 16  # pixels of a token's side
PROCESSORS = os.cpu_count() or 1


def rows():
    """(what varies, its value, sizes of the network, options of snnq bench)."""
    for steps in (4, 8, 16, 32, 64):
        yield "steps", steps, {"steps": steps}, ["--threads", 1]
    for size in (64, 128, 192, 256):
        yield "tokens", (size // TOKEN) ** 2, {"size": size}, ["--threads", 1]
    for width in (64, 128, 256, 512):
        yield "width", width, {"width": width}, ["--threads", 1]
    threads = 1
    while threads <= PROCESSORS:
        yield "threads", threads, {}, ["--threads", threads]
        threads *= 2
    for streams in (1, 2, 4, 8, 16):
        yield "streams", streams, {}, ["--threads", 1, "--streams", streams]


def main():
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for what, value, changed, options in rows():
            sizes = tuple(dict(PUBLISHED, **changed).items())
            if sizes not in made:
                made[sizes] = pathlib.Path(folder) / f"{len(made)}.snnq"
                make("spikformer", made[sizes], sizes)
            b = bench(made[sizes], *options)
            print(f"{what:8} {value:4}  window {b['window']['p50_ms']:8.2f} ms  step {b['step']['p50_ms']:7.2f} ms  "
                  f"{b['synops'] / 1e9:7.3f} G operations  {b['memory_mb']:5.0f} MB", flush=True)
            keep(f"scaling, {what}, {value}", "ms", b["window"]["p50_ms"], bench=b)
    return 0


if __name__ == "__main__":
    sys.exit(main())
