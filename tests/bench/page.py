#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page of benchmarks from results that make bench kept:  tests/bench/page.py RESULTS... > PAGE

RESULTS are files of build/bench/results, of one machine: of all benchmarks, and of peers.
"""
import json
import pathlib
import re
import sys

HEAD = """# Benchmarks

Made by `tests/bench/page.py` from what `make bench` and `make bench BENCH=peers` kept:
{processor}, {processors} processors, Linux {kernel}, {compiler}; commit {commit}.

## Beside PyTorch and ONNX Runtime

Spikformer 2-256 for event cameras (128 × 128 × 2 counts, 16 steps, 2.55 M weights of 3 bits; the
network of `tests/bench/spikformer.c`, with weights and input that are always the same), one
recording at a time. The peers run it in float32 with all steps of a layer as a batch, neurons
unrolled, KᵀV first, and a leak that costs them least; the int8 row has the products of bytes, exact,
with ONNX Runtime's ConvInteger and MatMulInteger. Before anything is timed, the spikes of each layer
and the scores of the engine are those of PyTorch with the engine's own leak. All programs stay
loaded and take turns, a run each, {rounds} rounds after two that warm up; wall times. × is the
median over the engine's, with 95 % of what resampled rounds give. Before each run everything rests
for a tenth of a second, so that threads that spin do not take another program's processor; caches
are cold then, so times are longer than those of jobs back to back (below). The goal, five times
ONNX Runtime's speed, is not reached where a row says less.

"""


def read(paths):
    """(machine, {name: line}) of all files."""
    machine, lines = None, {}
    for path in paths:
        first, *rest = map(json.loads, pathlib.Path(path).read_text(encoding="utf-8").splitlines())
        machine = machine or first
        if first["processor"] != machine["processor"]:
            sys.exit(f"{path}: results of another machine")
        lines.update((line["name"], line) for line in rest)
    return machine, lines


def peers(lines):
    rows = [line for name, line in lines.items() if name.startswith("peers,")]
    print("| firing | threads | program | median ms | least..most | × engine |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        program = row["name"].rsplit(", ", 1)[1]
        times = "" if program == "engine" else f"{row['ratio']:.2f} ({row['low']:.2f}..{row['high']:.2f})"
        print(f"| {row['mean_rate']:.1f} % | {row['threads']} | {program} | {row['median_ms']:.1f} | "
              f"{row['least_ms']:.1f}..{row['most_ms']:.1f} | {times} |")
    return rows[0]["rounds"] if rows else 0


def value(lines, name):
    return lines[name]["value"] if name in lines else float("nan")


def network(lines):
    sets = [s for s in ("generic", "avx2", "avx512", "vnni", "vbmi2", "neon", "dotprod")
            if f"spikformer 2-256 u/2, {s}, jobs of 16 steps" in lines]
    if not sets:
        sys.exit("expected results of the network too: make bench BENCH=spikformer")
    print("\n## The same network, layer by layer\n")
    print("CPU time of one thread for 16 steps in one job, the best of eight, in milliseconds.\n")
    print("| layer | " + " | ".join(sets) + " |")
    print("|---|" + "---|" * len(sets))
    layers = []
    for name in lines:
        found = re.fullmatch(rf"spikformer 2-256, {sets[-1]}, (layer \d+ \w+)", name)
        if found:
            layers.append(found.group(1))
    for layer in layers:
        print(f"| {layer.split(' ', 2)[2]} | " + " | ".join(
            f"{value(lines, f'spikformer 2-256, {s}, {layer}'):.2f}" for s in sets) + " |")
    print("| all | " + " | ".join(f"{value(lines, f'spikformer 2-256 u/2, {s}, jobs of 16 steps'):.1f}"
                                 for s in sets) + " |")
    best = sets[-1]
    print(f"\nWith {best}: 16 jobs of one step "
          f"{value(lines, f'spikformer 2-256 u/2, {best}, jobs of 1 steps'):.1f} ms; leak u/3 "
          f"{value(lines, f'spikformer 2-256 u/3, {best}, jobs of 16 steps'):.1f} ms; CUBA neurons "
          f"{value(lines, f'spikformer 2-256 CUBA, {best}, jobs of 16 steps'):.1f} ms.")


def decoding(lines):
    print("\n## Decoding EVT 3\n\n| stream | M events/s |\n|---|---|")
    for name, line in lines.items():
        if name.startswith("EVT 3"):
            print(f"| {name.removesuffix(', an event')} | {1e3 / line['value']:.0f} |")


def main():
    machine, lines = read(sys.argv[1:])
    rounds = max((line.get("rounds", 0) for line in lines.values()), default=0)
    print(HEAD.format(rounds=rounds, **machine), end="")
    peers(lines)
    network(lines)
    decoding(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
