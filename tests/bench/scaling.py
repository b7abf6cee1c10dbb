#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Time and memory over steps, tokens, width, threads and streams:  tests/bench/scaling.py

snnq bench of Spikformers (tools/train/published.py, random weights) in sim, one thing varied at a
time, the rest as published; one thread unless threads are what varies. Needs what make userspace
setup-train makes.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNNQ = os.environ.get("SNNQ", ROOT / "build" / "snnq")
RUNS = 20
PUBLISHED = {"steps": 16, "size": 128, "width": 256}
TOKEN = 16  # pixels of a token's side
PROCESSORS = os.cpu_count() or 1


def rows():
    """(what varies, its value, sizes of the network, options of snnq bench)."""
    for steps in (4, 8, 16, 32, 64):
        yield "steps", steps, {"steps": steps}, []
    for size in (64, 128, 192, 256):
        yield "tokens", (size // TOKEN) ** 2, {"size": size}, []
    for width in (64, 128, 256, 512):
        yield "width", width, {"width": width}, []
    threads = 1
    while threads <= PROCESSORS:
        yield "threads", threads, {}, ["--threads", threads]
        threads *= 2
    for streams in (1, 2, 4, 8, 16):
        yield "streams", streams, {}, ["--streams", streams]


def bench(model, options):
    """What snnq bench says of it."""
    if "--threads" not in options:
        options = [*options, "--threads", 1]
    command = [SNNQ, "bench", model, "--device", "sim", "--runs", RUNS, "--json", *options]
    return json.loads(subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE).stdout)


def make(folder, sizes):
    """The network of these sizes, made once."""
    sizes = dict(PUBLISHED, **sizes)
    path = folder / ("-".join(f"{k}{v}" for k, v in sizes.items()) + ".snnq")
    if not path.exists():
        settings = [word for k, v in sizes.items() for word in ("--set", f"{k}={v}")]
        subprocess.run([sys.executable, ROOT / "tools" / "train" / "published.py", "make", "spikformer", "-o", path,
                        *settings], check=True, stdout=subprocess.DEVNULL)
    return path


def main():
    with tempfile.TemporaryDirectory() as folder:
        for what, value, sizes, options in rows():
            b = bench(make(pathlib.Path(folder), sizes), options)
            print(f"{what:8} {value:4}  window {b['window']['p50_ms']:8.2f} ms  step {b['step']['p50_ms']:7.2f} ms  "
                  f"{b['synops'] / 1e9:7.3f} G operations  {b['memory_mb']:5.0f} MB", flush=True)
            if "SNNQ_BENCH_RESULTS" in os.environ:
                with open(os.environ["SNNQ_BENCH_RESULTS"], "a", encoding="utf-8") as f:
                    f.write(json.dumps({"name": f"scaling, {what}, {value}", "unit": "ms",
                                        "value": b["window"]["p50_ms"], "bench": b}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
