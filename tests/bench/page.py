#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The page of benchmarks from results that make bench kept:  tests/bench/page.py RESULTS...

RESULTS are files of build/bench/results, of one machine: of all benchmarks, of peers, of models, of
scaling, of streaming and of the driver. Writes Documentation/benchmarks.md and the plots beside it.
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
RATES = ROOT / "Documentation" / "benchmarks-rates.svg"
SCALING = ROOT / "Documentation" / "benchmarks-scaling.svg"
GOAL = 5 # times as fast as ONNX Runtime fp32

HEAD = """# Benchmarks

Made by `tests/bench/page.py` from what `make bench` kept, with `BENCH=peers`, `models`,
`scaling`, `streaming` and `driver` where it has their parts: {processor}, {processors} processors, Linux {kernel}, {compiler}; commit {commit}. To see two
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

MODELS = """
## Models, in sim

`snnq bench`: random spikes in 5 % of the input, all processors; milliseconds. *Step*: one step at a
time, from the submission to the result. But for the demo's, networks have random weights and
thresholds at which 5 % of a layer's neurons fire, or fewer.

| model | parameters | steps | load | first window | window | step: median | p99 | most | G operations | MB |
|---|---|---|---|---|---|---|---|---|---|---|
"""

SCALE = """
## Scaling, in sim

Spikformer 2-256 as `tools/train/published.py` makes it (128 × 128, 16 steps, width 256, random
weights, thresholds at which 5 % of a layer's neurons fire, or fewer), random spikes in 5 % of the
input, one thread; one thing varies at a time. A window is all steps in one job; with several
streams it is one of each, at once. *×*: over the first row. *Operations* follow what fires; the
dashed lines are what would be in proportion to what varies.

| what | | a window, ms | × | G operations | a step, ms | load, ms | MB |
|---|---|---|---|---|---|---|---|
"""

STREAMING = """
## Streaming

One step at a time, from the submission to the result, milliseconds: `snnq bench`, as above, in
`sim` and on the device in the guest, which computes on the same processors while QEMU emulates
those of the driver and the program.

| model | where | a step: median | p99 | most |
|---|---|---|---|---|
"""

LIVE = """
The largest rate of a live feed, millions of events a second: EVT 3 of random events through a pipe
into `snnq run MODEL -` in `sim`, as many as took no longer than they would have come in,
start and loading included.

| model | M events/s |
|---|---|
"""

DECODING = """
## Decoding EVT 3

Millions of events in a second, one thread, beside a straightforward decoder, which must come to the
same events.

| stream | snnq | straightforward | × |
|---|---|---|---|
"""

DRIVER = """
## What the driver adds

In the guest, under emulation: medians of 300 calls, the median of some runs, with all that is
compared taken in the same run. The device computes the smallest jobs there are. The load is chains
of 24 jobs from so many processes. An ioctl's time is its thread's own, in which an emulated processor
also rings the doorbell: in instructions, a SUBMIT of one job is 8.4 times an empty ioctl
([driver.md](driver.md)).

"""


def read(paths):
    """(machine with all commits, {name: line}) of all files."""
    machine, commits, lines = None, [], {}
    for path in paths:
        first, *rest = map(json.loads, pathlib.Path(path).read_text(encoding="utf-8").splitlines())
        machine = machine or first
        if first["processor"] != machine["processor"]:
            sys.exit(f"{path}: results of another machine")
        lines.update((line["name"], line) for line in rest)
        commits += [first["commit"]] if first["commit"] not in commits else []
    return machine | {"commit": ", ".join(commits)}, lines


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
    save(figure, RATES)


def save(figure, path):
    """As SVG, the same each time, and without blanks at the ends of lines."""
    figure.tight_layout()
    text = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "snnq"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    path.write_text("".join(line.rstrip() + "\n" for line in text.getvalue().splitlines()), encoding="utf-8")


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
    out = [MODELS]
    for row in rows:
        b = row["bench"]
        out.append(f"| {row['name'].split(', ', 1)[1]} | {b['params']:,} | {b['steps']} | {b['load_ms']:.0f} | "
                   f"{b['first_window_ms']:.1f} | {b['window']['p50_ms']:.2f} | {b['step']['p50_ms']:.2f} | "
                   f"{b['step']['p99_ms']:.2f} | {b['step']['most_ms']:.2f} | {b['synops'] / 1e9:.2f} | {b['memory_mb']:.0f} |\n")
    return out


def scaling(lines):
    rows = [(name.split(", ")[1], int(name.split(", ")[2]), line["bench"])
            for name, line in lines.items() if name.startswith("scaling,")]
    if not rows:
        return []
    plot_scaling(rows)
    out = [SCALE]
    for what, value, b in rows:
        first = next(r for r in rows if r[0] == what)
        out.append(f"| {what} | {value} | {b['window']['p50_ms']:.2f} | {b['window']['p50_ms'] / first[2]['window']['p50_ms']:.2f} "
                   f"| {b['synops'] * b['streams'] / 1e9:.2f} | {b['step']['p50_ms']:.2f} | {b['load_ms']:.0f} | "
                   f"{b['memory_mb']:.0f} |\n")
    return out + ["\n![time and memory over what varies](benchmarks-scaling.svg)\n"]


def plot_scaling(rows):
    """A panel for each thing that varies: time of a window, as if it were in proportion, and memory."""
    kinds = list(dict.fromkeys(what for what, _, _ in rows))
    figure, panels = pyplot.subplots(2, len(kinds), figsize=(2.6 * len(kinds), 5), sharex="col", squeeze=False)
    for (time, memory), kind in zip(panels.T, kinds):
        x, b = zip(*((value, bench) for what, value, bench in rows if what == kind))
        y = [one["window"]["p50_ms"] for one in b]
        power = -1 if kind == "threads" else 1
        time.loglog(x, y, marker="o", base=2)
        time.loglog(x, [y[0] * (one / x[0]) ** power for one in x], color="grey", linestyle="--", linewidth=1, base=2)
        time.set_title(kind)
        memory.plot(x, [one["memory_mb"] for one in b], marker="o")
        memory.set_xscale("log", base=2)
        memory.set_xticks(x, [str(one) for one in x])
        memory.set_xticks([], minor=True)
        memory.set_ylim(bottom=0)
        time.yaxis.set_major_formatter("{x:g}")
        time.grid(alpha=.3)
        memory.grid(alpha=.3)
    panels[0][0].set_ylabel("a window, ms")
    panels[1][0].set_ylabel("most memory, MB")
    save(figure, SCALING)


def driver(lines):
    """One row a figure, one column a number of cores."""
    rows, cores = {}, []
    for name, line in lines.items():
        if name.startswith("driver,"):
            _, column, figure = name.split(", ", 2)
            cores += [column] if column not in cores else []
            rows.setdefault(figure, {})[column] = line
    if not rows:
        return []
    titles = [column.replace("1 cores", "1 core") for column in cores]
    out = [DRIVER, f"| figure | {' | '.join(titles)} | × |\n|{'---|' * (len(cores) + 2)}\n"]
    for figure, row in rows.items():
        than = next(iter(row.values())).get("than", "")
        cells = " | ".join(driver_cell(row[column]) if column in row else "" for column in cores)
        out.append(f"| {figure} | {cells} | {than} |\n")
    return out


def driver_cell(line):
    if line["unit"] != "us":
        return f"{line['value']:.2f}"
    return f"{line['value']:.1f} µs" + (f", {line['ratio']:.2f} ×" if "ratio" in line else "")


def streaming(lines):
    out = []
    for name, line in lines.items():
        if name.startswith("streaming,"):
            step = line["bench"]["step"]
            out.append(f"| {name.split(', ')[1]} | {name.split(', ')[2]} | {step['p50_ms']:.2f} | {step['p99_ms']:.2f} | "
                       f"{step['most_ms']:.2f} |\n")
    rates = [f"| {name.split(', ')[1]} | {line['value'] / 1e6:.2f} |\n" for name, line in lines.items()
             if name.startswith("live,")]
    return ([STREAMING, *out] if out else []) + ([LIVE, *rates] if rates else [])


def decoding(lines):
    names = [name for name in lines if name.startswith("EVT 3") and name.endswith(", an event")]
    out = [DECODING] if names else []
    for name in names:
        plain = value(lines, f"{name}, straightforward")
        out.append(f"| {name.removesuffix(', an event')} | {1e3 / value(lines, name):.0f} | {1e3 / plain:.0f} | "
                   f"{plain / value(lines, name):.2f} |\n")
    return out


def main():
    machine, lines = read(sys.argv[1:])
    if not lines:
        sys.exit("expected results of make bench")
    parts = [HEAD.format(**machine)]
    for part in (peers, network, models, scaling, streaming, driver, decoding):
        parts += part(lines)
    PAGE.write_text("".join(parts).replace("\n\n\n", "\n\n"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
