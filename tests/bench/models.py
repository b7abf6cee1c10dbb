#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""snnq bench of published networks at their published sizes, and of the demo:  tests/bench/models.py

The networks have random weights (tools/train/published.py); the demo's are trained. Needs what
make userspace setup-train makes.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNNQ = os.environ.get("SNNQ", ROOT / "build" / "snnq")
FAMILIES = ("spikformer", "spike-driven", "spike-driven-gesture", "qkformer", "qkformer-gesture", "vgg")
RUNS = 20


def bench(name, path):
    """Measure in sim, print a line, keep the result."""
    out = subprocess.run([SNNQ, "bench", path, "--device", "sim", "--runs", str(RUNS), "--json"],
                         check=True, stdout=subprocess.PIPE).stdout
    b = json.loads(out)
    print(f"{name:22} load {b['load_ms']:7.1f} ms  first {b['first_window_ms']:7.1f}  window {b['window']['p50_ms']:8.2f}  "
          f"step {b['step']['p50_ms']:7.2f} p99 {b['step']['p99_ms']:7.2f} most {b['step']['most_ms']:7.2f}  "
          f"{b['memory_mb']:5.0f} MB", flush=True)
    if "SNNQ_BENCH_RESULTS" in os.environ:
        with open(os.environ["SNNQ_BENCH_RESULTS"], "a", encoding="utf-8") as f:
            f.write(json.dumps({"name": f"model, {name}", "unit": "ms", "value": b["window"]["p50_ms"], "bench": b}) + "\n")


def main():
    bench("digits", ROOT / "tools" / "train" / "demo" / "digits.snnq")
    with tempfile.TemporaryDirectory() as folder:
        for family in FAMILIES:
            path = pathlib.Path(folder) / f"{family}.snnq"
            subprocess.run([sys.executable, ROOT / "tools" / "train" / "published.py", "make", family, "-o", path],
                           check=True, stdout=subprocess.DEVNULL)
            bench(family, path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
