# SPDX-License-Identifier: MIT
"""What the benchmarks of published networks share: the networks, snnq, and where results go."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SNNQ = os.environ.get("SNNQ", ROOT / "build" / "snnq")
FIRING = 5  # percent of a layer's neurons in a step, at most; pools of random spikes make more of it


def make(family, path, sizes=(), *options):
    """Write a network with random weights, of pairs of (KEY, VALUE) as size; options: of published.py."""
    settings = [word for key, value in sizes for word in ("--set", f"{key}={value}")]
    subprocess.run([sys.executable, ROOT / "tools" / "train" / "published.py", "make", family, "-o", path,
                    "--firing", str(FIRING), *settings, *options], check=True, stdout=subprocess.DEVNULL)


def bench(model, *options):
    """What snnq bench says of a model in sim."""
    command = [SNNQ, "bench", model, "--device", "sim", "--json", *map(str, options)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def keep(name, unit, value, **more):
    """Append a result where make bench keeps them."""
    if "SNNQ_BENCH_RESULTS" in os.environ:
        with open(os.environ["SNNQ_BENCH_RESULTS"], "a", encoding="utf-8") as f:
            f.write(json.dumps({"name": name, "unit": unit, "value": value, **more}) + "\n")
