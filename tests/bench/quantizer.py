#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What snnq quantize costs:  tests/bench/quantizer.py [shards] [growth] [large] [--svg FILE]

shards: a search of the digits and of a Spikformer by 1, 2, 4 and 8 machines: processor time of all,
and of the longest shard and the run that merges, one after the other. growth: processor time and
most memory over width, depth and recordings. large: Spikformer 8-768, 66 million parameters, rounded
and compensated. Spikformers are those of tools/train/published.py, with random weights, and read
random events. All runs have one thread, so that processor time is what a machine of their own would
take; it hardly depends on what else this one does. Prints tables; --svg draws growth.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from published import ROOT, SNNQ, keep, make

sys.path.insert(0, str(ROOT / "tools" / "train"))
import numpy as np  # noqa: E402  pylint: disable=wrong-import-position
import eventcam  # noqa: E402  pylint: disable=wrong-import-position
import snnqfile  # noqa: E402  pylint: disable=wrong-import-position

DEMO = ROOT / "tools" / "train" / "demo"
SHARDS = (1, 2, 4, 8)
SHAPE = {"size": 64, "steps": 4, "width": 128, "depth": 2, "heads": 8}      # of the Spikformer in shards
GROWN = {**SHAPE, "width": 64}      # in growth, but for what varies
RECORDINGS = 8
LARGE = {"size": 224, "steps": 4, "width": 768, "depth": 8, "heads": 12, "classes": 1000}
BITS = 3
FIRING = 0.05       # of the pixels, in a step
SAMPLE = 0.02       # seconds between looks at a process's memory


def peak(pid):
    """Most memory of a process so far, in KB; 0: it has ended. What wait4() tells counts its parent, too."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")), 0)


def measured(*arguments):
    """Run the program with one thread: (seconds of processor time, most memory in MB)."""
    most, done = 0, 0
    with subprocess.Popen([SNNQ, "quantize", *map(str, arguments), "--threads", "1"],
                          stdout=subprocess.DEVNULL) as child:
        while not done:
            most = max(most, peak(child.pid))
            time.sleep(SAMPLE)
            done, status, usage = os.wait4(child.pid, os.WNOHANG)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"quantize {' '.join(map(str, arguments))}: status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, most / 1024


def recordings(folder, count, size, steps, ms=30):
    """A list of recordings of random events, each pixel in a share of the steps."""
    folder.mkdir()
    lines = []
    for number in range(count):
        random = np.random.default_rng((size, number))
        some = int(FIRING * 2 * size * size * steps)
        events = np.zeros(some, eventcam.EVENT)
        for field, end in (("t", steps * ms * 1000), ("x", size), ("y", size), ("p", 2)):
            events[field] = random.integers(0, end, some)
        events.sort(order="t")
        eventcam.write_atis(folder / f"{number}.bin", events)
        lines.append(f"{number}.bin\t{number % 10}\n")
    (folder / "list.tsv").write_text("".join(lines), encoding="utf-8")
    return folder / "list.tsv"


def spikformer(folder, shape, count):
    """(float model, list of recordings) of such a Spikformer; what is there is not made again."""
    folder.mkdir(exist_ok=True)
    name = "-".join(f"{k}{v}" for k, v in shape.items())
    model, events = folder / f"{name}.snnq", folder / f"events-{shape['size']}-{shape['steps']}-{count}"
    if not model.exists():
        make("spikformer", model, tuple(shape.items()), "--float")
    return model, events / "list.tsv" if events.exists() else recordings(events, count, shape["size"], shape["steps"])


# ---- shards ----

def sharded(folder, search, count):
    """(processor times of the shards, of the run that merges them, the model it writes)."""
    shutil.rmtree(folder, ignore_errors=True)   # journals would make it shorter
    folder.mkdir()
    journals = [folder / f"{i}.jsonl" for i in range(1, count + 1)]
    search += ("--cache", folder / "layers")
    times = [measured(*search, "--shard", f"{i}/{count}", "--journal", journal)[0]
             for i, journal in enumerate(journals, 1)]
    out = folder / "out.snnq"
    last, _ = measured(*search, "--target-bits", BITS, "-o", out, "--journal", folder / "all.jsonl",
                       *(word for journal in journals for word in ("--merge", journal)))
    return times, last, out.read_bytes()


def shards_of(name, model, calib, folder):
    """Lines of a network's table."""
    search, alone = (model, "--calib", calib), folder / "alone.snnq"
    whole, _ = measured(*search, "--target-bits", BITS, "-o", alone)
    print(f"| {name} | none | | | {whole:.1f} (1) | {whole:.1f} (1) |", flush=True)
    for count in SHARDS:
        times, last, written = sharded(folder / f"{model.stem}-{count}", search, count)
        if written != alone.read_bytes():
            sys.exit(f"{name}: the model of {count} shards is another one")
        path, total = max(times) + last, sum(times) + last
        print(f"| {name} | {count} | {max(times):.1f} | {last:.1f} | {path:.1f} ({path / whole:.2f}) "
              f"| {total:.1f} ({total / whole:.2f}) |", flush=True)
        keep(f"quantizer, shards, {name}, {count}", "s", path, alone=whole, shards=times, merging=last)


def shards(folder):
    """The table of both networks."""
    print("| network | shards | longest shard, s | merging, s | one after the other, s (×) | all processor time, s (×) |\n"
          + "|---" * 6 + "|")
    shards_of("digits, 40 recordings", DEMO / "digits-float.snnq", DEMO / "calib.tsv", folder)
    shards_of(f"Spikformer 2-128, {RECORDINGS} recordings", *spikformer(folder, SHAPE, RECORDINGS), folder)


# ---- growth ----

def grown():
    """(what varies, its value, shape of the network, recordings)."""
    for width in (32, 64, 128, 256):
        yield "width", width, {**GROWN, "width": width}, RECORDINGS
    for depth in (1, 2, 4, 8):
        yield "depth", depth, {**GROWN, "depth": depth}, RECORDINGS
    for count in (4, 8, 16, 32):
        yield "recordings", count, GROWN, count


def weights_of(model):
    """(parameters, layers with weights) of a model."""
    graph, tensors = snnqfile.read(model)
    return (sum(t.size for t in tensors.values()), sum("weight" in layer for layer in graph["layers"]))


def grow(folder, what, value, shape, count):
    """A row: what a search takes, and rounding to given grids with compensation."""
    model, calib = spikformer(folder, shape, count)
    parameters, layers = weights_of(model)
    row = {"what": what, "value": value, "parameters": parameters, "layers": layers}
    for way, options in (("search", ("--target-bits", BITS)), ("compensated", ("--default", f"uniform:{BITS}"))):
        seconds, memory = measured(model, "--calib", calib, *options, "-o", folder / "out.snnq")
        row[way] = {"seconds": seconds, "memory": memory}
    return row


def growth(folder):
    """The table; its rows."""
    rows = []
    print("| what varies | | parameters | layers with weights | search: s | MB | compensated: s | MB |\n" + "|---" * 8 + "|")
    for what, value, shape, count in grown():
        rows.append(grow(folder, what, value, shape, count))
        r = rows[-1]
        print(f"| {what} | {value} | {r['parameters']:,} | {r['layers']} | "
              + " | ".join(f"{r[way]['seconds']:.1f} | {r[way]['memory']:.0f}" for way in ("search", "compensated"))
              + " |", flush=True)
        keep(f"quantizer, growth, {what}, {value}", "s", r["search"]["seconds"], row=r)
    return rows


def draw(rows, path):
    """Above time, below memory, over what varies, both logarithmic."""
    from matplotlib import pyplot
    from page import save
    kinds = {"width": "parameters (width 32 to 256)", "depth": "layers with weights (depth 1 to 8)",
             "recordings": "recordings"}
    figure, panels = pyplot.subplots(2, len(kinds), figsize=(10, 6), sharex="col", sharey="row")
    for column, (what, title) in enumerate(kinds.items()):
        some = [r for r in rows if r["what"] == what]
        x = [r[{"width": "parameters", "depth": "layers"}.get(what, "value")] for r in some]
        for way, colour, marker in (("search", "black", "*"), ("compensated", "tab:blue", "o")):
            for axes, key in zip(panels[:, column], ("seconds", "memory")):
                y = [r[way][key] for r in some]
                axes.loglog(x, y, marker=marker, color=colour, base=2, label=way)
                if key == "seconds":
                    axes.loglog(x, [y[0] * v / x[0] for v in x], color=colour, linestyle="--", linewidth=1,
                                alpha=.4, base=2, label="in proportion" if way == "search" else None)
        for axes in panels[:, column]:
            axes.grid(alpha=.3)
            axes.yaxis.set_major_formatter("{x:g}")
            axes.set_xticks(x, [f"{v / 1000:.0f} k" if v > 9999 else str(v) for v in x])
            axes.set_xticks([], minor=True)
        panels[1, column].set_xlabel(title)
    panels[0, 0].set_ylabel("processor time, s")
    panels[1, 0].set_ylabel("most memory, MB")
    panels[0, 1].legend(loc="upper left")
    save(figure, path)


def large(folder):
    """Spikformer 8-768, without a search."""
    model, calib = spikformer(folder, LARGE, 2)
    params, layers = weights_of(model)
    for name, options in (("rounded", ("--method", "round")), ("compensated", ("--calib", calib))):
        seconds, memory = measured(model, "--default", f"uniform:{BITS}", *options, "-o", folder / "out.snnq")
        print(f"Spikformer 8-768, {params:,} parameters in {layers} layers, {name}: {seconds:.0f} s, {memory:.0f} MB",
              flush=True)
        keep(f"quantizer, large, {name}", "s", seconds, memory=memory, parameters=params)


PARTS = {"shards": shards, "growth": growth, "large": large}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["shards", "growth"], metavar="|".join(PARTS))
    parser.add_argument("--svg", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path, help="folder for models and recordings, to go on with")
    args = parser.parse_args()
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        parser.error(f"{unknown[0]}: expected {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as folder:
        folder = args.keep or pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for part in args.parts:
            rows = PARTS[part](folder)
            if part == "growth" and args.svg:
                draw(rows, args.svg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
