#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""snnq bench of published networks at their published sizes, and of the demo:  tests/bench/models.py

The networks have random weights (tools/train/published.py) and are as busy as trained ones; the
demo's are trained. Needs what make userspace setup-train makes.
"""
import pathlib
import sys
import tempfile

from published import ROOT, bench, keep, make

FAMILIES = ("spikformer", "spike-driven", "spike-driven-gesture", "qkformer", "qkformer-gesture", "vgg")


def measure(name, path):
    """Measure in sim, print a line, keep the result."""
    b = bench(path)
    print(f"{name:22} load {b['load_ms']:7.1f} ms  first {b['first_window_ms']:7.1f}  window {b['window']['p50_ms']:8.2f}  "
          f"step {b['step']['p50_ms']:7.2f} p99 {b['step']['p99_ms']:7.2f} most {b['step']['most_ms']:7.2f}  "
          f"{b['synops'] / 1e9:7.3f} G operations  {b['memory_mb']:5.0f} MB", flush=True)
    keep(f"model, {name}", "ms", b["window"]["p50_ms"], bench=b)


def main():
    measure("digits", ROOT / "tools" / "train" / "demo" / "digits.snnq")
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES:
            path = pathlib.Path(folder) / f"{family}.snnq"
            make(family, path)
            measure(family, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
