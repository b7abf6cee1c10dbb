#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page of benchmarks from results that make bench kept:  tests/bench/page.py RESULTS...

RESULTS are files of build/bench/results, of one machine: of all benchmarks, of peers, of models and
of the driver. Writes Documentation/benchmarks.md and the plot beside it.
"""
import io
import json
import pathlib
import re
import sys

import matplotlib
from matplotlib import pyplot

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "Documentation" / "benchmarks.md"
PLOT = ROOT / "Documentation" / "benchmarks-rates.svg"
GOAL = 5 # times as fast as ONNX Runtime fp32

HEAD = """# Benchmarks

Made by `tests/bench/page.py` from what `make bench` kept, with `BENCH=peers`, `models` and `driver`
where it has their parts: {processor}, {processors} processors, Linux {kernel}, {compiler}; commit {commit}. To see two
runs side by side: `tools/bench-compare BEFORE AFTER`.

"""

PEERS = """## Beside PyTorch and ONNX Runtime

Spikformer 2-256 for event cameras (128 × 128 × 2 counts, 16 steps, 2.55 M weights of 3 bits; the
network of `tests/bench/spikformer.c`, with weights and input that are always the same), one
recording at a time. The peers run it in float32 with all steps of a layer as a batch, neurons
unrolled, KᵀV first, and a leak that costs them least; the int8 row has the products of bytes,
exact, with ONNX Runtime's ConvInteger and MatMulInteger. Before anything is timed, the spikes of
each layer and the scores of the engine are those of PyTorch with the engine's own leak. All
programs stay loaded and take turns, {rounds} rounds after two that warm up; a turn is a rest of a
tenth of a second, so that threads that spin do not take another program's processor, a run that
does not count and three that do. Wall times, milliseconds; × is the median over the engine's, with
95 % of what resampled rounds give. The goal is {goal} times ONNX Runtime's speed in float32 where
20 % or fewer of the neurons fire. In the first rows layers fire as the network's thresholds make
them; in the others each as often as the rate says, at most.

"""

DRIVER = """
## What the driver adds

In the guest, under emulation: medians of 300 calls, the median of some runs, with all that is
compared taken in the same run. The device computes the smallest jobs there are. The load is chains
of 24 jobs from so many processes.

| cores | figure | µs | × | of |
|---|---|---|---|---|
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
    if not rows:
        return []
    out = [PEERS.format(rounds=rows[0]["rounds"], goal=GOAL),
           "| firing | threads | program | median | least..most | × engine |\n|---|---|---|---|---|---|\n"]
    for row in rows:
        program = row["name"].rsplit(", ", 1)[1]
        times = "" if program == "engine" else f"{row['ratio']:.2f} ({row['low']:.2f}..{row['high']:.2f})"
        out.append(f"| {row['mean_rate']:.1f} % | {row['threads']} | {program} | {row['median_ms']:.1f} | "
                   f"{row['least_ms']:.1f}..{row['most_ms']:.1f} | {times} |\n")
    out.append("\n![times ONNX Runtime's speed by firing rate](benchmarks-rates.svg)\n")
    plot([row for row in rows if row["name"].endswith("ONNX Runtime fp32")])
    return out


def plot(rows):
    """The engine's speed over ONNX Runtime's, by firing rate."""
    matplotlib.rcParams["svg.hashsalt"] = "snnq"
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for threads in sorted({row["threads"] for row in rows}):
        points = sorted((row["mean_rate"], row["ratio"], row["low"], row["high"])
                        for row in rows if row["threads"] == threads)
        x, y, low, high = zip(*points)
        errors = [[b - a for a, b in zip(low, y)], [b - a for a, b in zip(y, high)]]
        axes.errorbar(x, y, yerr=errors, marker="o", capsize=3,
                      label=f"{threads} thread{'s' if threads > 1 else ''}")
    axes.axhline(GOAL, color="grey", linestyle="--", linewidth=1, label="goal, up to 20 %")
    axes.set_xlabel("neurons that fire in a step, %")
    axes.set_ylabel("times as fast as ONNX Runtime fp32")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.grid(alpha=.3)
    axes.legend()
    figure.tight_layout()
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    PLOT.write_text("".join(line.rstrip() + "\n" for line in text.getvalue().splitlines()), encoding="utf-8")


def value(lines, name):
    return lines[name]["value"] if name in lines else float("nan")


def network(lines):
    sets = [s for s in ("generic", "avx2", "avx512", "vnni", "vbmi2", "neon", "dotprod")
            if f"spikformer 2-256 u/2, {s}, jobs of 16 steps" in lines]
    if not sets:
        return []
    best = sets[-1]
    out = ["\n## The same network, layer by layer\n\nCPU time of one thread for 16 steps in one job, the best of "
           "eight, in milliseconds. *Of its peak*: of a layer with\nweights, by the best set, how much of the time its "
           "operations and neurons need at the rates that\nthe loops alone reach (`snnq bench --peak`).\n\n",
           "| layer | " + " | ".join(sets) + " | of its peak |\n|---|" + "---|" * (len(sets) + 1) + "\n"]
    for name in lines:
        found = re.fullmatch(rf"spikformer 2-256, {best}, (layer \d+ \w+)", name)
        if not found:
            continue
        layer = found.group(1)
        share = 100 * value(lines, f"spikformer 2-256, {best}, {layer}, least") / lines[name]["value"]
        out.append(f"| {layer.split(' ', 2)[2]} | " + " | ".join(
            f"{value(lines, f'spikformer 2-256, {s}, {layer}'):.2f}" for s in sets)
            + (f" | {share:.0f} % |\n" if share == share else " | |\n"))
    out.append("| all | " + " | ".join(f"{value(lines, f'spikformer 2-256 u/2, {s}, jobs of 16 steps'):.1f}"
                                      for s in sets) + " | |\n")
    out.append(f"\nWith {best}: 16 jobs of one step "
               f"{value(lines, f'spikformer 2-256 u/2, {best}, jobs of 1 steps'):.1f} ms; leak u/3 "
               f"{value(lines, f'spikformer 2-256 u/3, {best}, jobs of 16 steps'):.1f} ms; CUBA neurons "
               f"{value(lines, f'spikformer 2-256 CUBA, {best}, jobs of 16 steps'):.1f} ms.\n")
    return out


def models(lines):
    rows = [line for name, line in lines.items() if name.startswith("model,")]
    if not rows:
        return []
    out = ["\n## Models, in sim\n\n`snnq bench`: random spikes in 5 % of the input, all processors; milliseconds. "
           "*Step*: one step at a\ntime, from the submission to the result.\n\n| model | parameters | steps | load | first "
           "window | window | step: median | p99 | most | MB |\n|---|---|---|---|---|---|---|---|---|---|\n"]
    for row in rows:
        b = row["bench"]
        out.append(f"| {row['name'].split(', ', 1)[1]} | {b['params']:,} | {b['steps']} | {b['load_ms']:.0f} | "
                   f"{b['first_window_ms']:.1f} | {b['window']['p50_ms']:.2f} | {b['step']['p50_ms']:.2f} | "
                   f"{b['step']['p99_ms']:.2f} | {b['step']['most_ms']:.2f} | {b['memory_mb']:.0f} |\n")
    return out


def driver(lines):
    rows = [line for name, line in lines.items() if name.startswith("driver,")]
    out = [DRIVER] if rows else []
    for row in rows:
        _, cores, figure = row["name"].split(", ", 2)
        us = f"{row['value']:.2f}" if row["unit"] == "us" else ""
        ratio = row.get("ratio", row["value"] if row["unit"] == "1" else None)
        out.append(f"| {cores.split()[0]} | {figure} | {us} | {'' if ratio is None else f'{ratio:.2f}'} | "
                   f"{row.get('than', '')} |\n")
    return out


def decoding(lines):
    rows = [(name, line) for name, line in lines.items() if name.startswith("EVT 3")]
    out = ["\n## Decoding EVT 3\n\n| stream | M events/s |\n|---|---|\n"] if rows else []
    return out + [f"| {name.removesuffix(', an event')} | {1e3 / line['value']:.0f} |\n" for name, line in rows]


def main():
    machine, lines = read(sys.argv[1:])
    if not lines:
        sys.exit("expected results of make bench")
    parts = [HEAD.format(**machine)]
    for part in (peers, network, models, driver, decoding):
        parts += part(lines)
    PAGE.write_text("".join(parts).replace("\n\n\n", "\n\n"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
