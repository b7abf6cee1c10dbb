#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The numbers that the command line shows: JSON, tables and text say the same, and sums are those
that the test makes itself, from recordings, rasters and single runs."""
import json
import re
import struct
import subprocess
import sys

import numpy as np

from common import DEMO, Failed, ROOT, SNNQ, equal, main, near, need, recording, refused, snnq

sys.path.insert(0, str(ROOT / "tools" / "train"))
import snnqfile  # noqa: E402  pylint: disable=wrong-import-position

MODEL, FLOAT, LIST = DEMO / "digits.snnq", DEMO / "digits-float.snnq", DEMO / "test.tsv"
COUNT = 9


def document(*arguments, code=0):
    """The JSON document of a command."""
    return json.loads(snnq(*arguments, "--json", code=code)[0])


def graph_of(path):
    """The graph of a model file, as its format describes it."""
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    return json.loads(json.loads(data[8:8 + size])["__metadata__"]["snnq"])


def samples():
    """Paths and labels of the first recordings of the demo."""
    lines = [line.split("\t") for line in LIST.read_text().splitlines()[:COUNT]]
    return [(DEMO / path, int(label)) for path, label in lines]


def events(path):
    """x, y, polarity, microseconds of a recording without markers."""
    r = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 5).astype(int)
    return r[:, 0], r[:, 1], r[:, 2] >> 7, (r[:, 2] & 127) << 16 | r[:, 3] << 8 | r[:, 4]


def binned_spikes(path, rule):
    """Set bits of all planes of the binned input: those of counts, limited by the planes."""
    x, y, p, t = events(path)
    inside = (x < rule["width"]) & (y < rule["height"]) & (t < rule["steps"] * rule["step_us"])
    counts = np.zeros((rule["steps"], rule["height"], rule["width"], 2), int)
    np.add.at(counts, (t[inside] // rule["step_us"], y[inside], x[inside], p[inside]), 1)
    counts = np.minimum(counts, 2 ** rule["planes"] - 1)
    return sum(int((counts >> i & 1).sum()) for i in range(rule["planes"]))


def table(text):
    """Rows of a table by the names of its columns."""
    lines = [line.split("\t") for line in text.splitlines()]
    return [dict(zip(lines[0], line)) for line in lines[1:]]


def evaluations(folder):
    """eval: JSON, table, text and sums over single runs agree."""
    for model in (MODEL, FLOAT):
        base = ("eval", model, "--data", LIST, "--limit", COUNT, "-d", "sim")
        j = document(*base, "--counts")
        compare_table(j, table(snnq(*base, "--counts", "--tsv")[0]))
        text = snnq(*base)[0]
        found = re.fullmatch(r"(\d+) of (\d+) right \(([\d.]+) %\) on (\S+), (\w+) arithmetic, "
                             r"(\d+) synaptic operations per sample\n", text)
        need(found, f"text of eval: {text!r}")
        equal(found.groups(), (str(j["correct"]), str(j["samples"]), f"{100 * j['accuracy']:.2f}",
                               j["device"], j["arithmetic"], f"{j['synops_per_sample']:.0f}"),
              "text of eval")
        compare_runs(folder, model, j)


def compare_table(j, rows):
    equal(len(rows), COUNT, "rows of the table")
    equal(j["samples"], COUNT, "samples")
    equal(j["correct"], sum(p["class"] == p["label"] for p in j["predictions"]), "correct")
    equal(j["correct"], sum(r["label"] == r["class"] for r in rows), "correct in the table")
    near(j["accuracy"], j["correct"] / COUNT, "accuracy")
    for p, row in zip(j["predictions"], rows):
        equal(row["path"], p["path"], "path")
        for key in ("label", "class"):
            equal(int(row[key]), p[key], key)
        for got, want in zip(row["scores"].split(","), p["scores"]):
            near(float(got), want, "score", 1e-9)
        equal(int(row["input"]), p["input_spikes"], "input spikes")
        equal({k: int(row[k]) for k in p["layer_spikes"]}, p["layer_spikes"], "spikes of layers")


def compare_runs(folder, model, j):
    """Each prediction is that of a run, with spikes as the rasters and the recording have them."""
    rule, synops = graph_of(model)["input"], []
    for (path, label), p in zip(samples(), j["predictions"]):
        r = document("run", model, path, "-d", "sim", "--raster", folder / "spikes")
        equal((p["label"], p["class"], p["scores"]), (label, r["class"], r["scores"]), str(path))
        equal(r["class"], r["scores"].index(max(r["scores"])), "class of the largest score")
        equal(p["input_spikes"], binned_spikes(path, rule), f"{path}: input spikes")
        for name in ("conv1", "pool1"):
            raster = np.load(folder / "spikes" / f"{name}.npy")
            equal(p["layer_spikes"][name], int(raster.sum()), f"{path}: spikes of {name}")
        synops.append(r["synops"])
    need(len(set(synops)) > 1, "recordings that differ")
    near(j["synops_per_sample"], sum(synops) / len(synops), "synops per sample")


def drops(_folder):
    """Events outside a smaller sensor are counted, in run, eval and their text."""
    total = 0
    for path, _ in samples():
        x, y, _, _ = events(path)
        outside = int(((x >= 20) | (y >= 24)).sum())
        size = ("--width", 20, "--height", 24, "-d", "sim")
        equal(document("run", MODEL, path, *size)["dropped_events"], outside, f"{path}: dropped")
        need(f"  dropped {outside}\n" in snnq("run", MODEL, path, *size)[0], "dropped in the text")
        total += outside
    need(total > 100, "events outside")
    base = ("eval", MODEL, "--data", LIST, "--limit", COUNT, *size)
    equal(document(*base)["dropped_events"], total, "dropped by eval")
    need(snnq(*base)[0].endswith(f", {total} events dropped\n"), "dropped in the text of eval")
    equal(document("eval", MODEL, "--data", LIST, "--limit", 1, "-d", "sim")["dropped_events"], 0,
          "dropped with the whole sensor")


def limits(folder):
    """--limit takes the first recordings; more than there are, and 0, take all."""
    few = folder / "few.tsv"
    few.write_text("".join(f"{path}\t{label}\n" for path, label in samples()[:3]))
    every = document("eval", MODEL, "--data", few, "-d", "sim")["predictions"]
    for limit, count in ((1, 1), (2, 2), (3, 3), (4, 3), (4294967295, 3)):
        j = document("eval", MODEL, "--data", few, "-d", "sim", "--limit", limit)
        equal(j["samples"], count, f"samples with --limit {limit}")
        equal(j["predictions"], every[:count], f"predictions with --limit {limit}")


def kinds(folder):
    """Every document says what it is."""
    path = samples()[0][0]
    few = folder / "few.tsv"
    few.write_text(f"{path}\t0\n")
    for kind, *command in (
            ("model", "info", MODEL), ("recording", "info", path), ("device", "info", "sim"), ("activity", "inspect", path),
            ("result", "run", MODEL, path, "-d", "sim"), ("evaluation", "eval", MODEL, "--data", few, "-d", "sim"),
            ("comparison", "compare", MODEL, MODEL, "--data", few), ("energy", "energy", MODEL, "--data", few),
            ("benchmark", "bench", MODEL, "-d", "sim", "--runs", 1), ("validation", "validate", "-d", "sim", "--vectors", ROOT / "tests" / "golden" / "golden.bin"),
            ("conversion", "convert", path, folder / "a.raw", "--width", 34, "--height", 34)):
        equal(document(*command)["kind"], kind, f"kind of {command[0]}")
    done = subprocess.run([SNNQ, "doctor", "--json"], capture_output=True, check=False)
    equal(json.loads(done.stdout)["kind"], "diagnosis", "kind of doctor")


def options(_folder):
    """Numbers that do not fit are refused, never cut."""
    for text in ("4294967296", "4294967297", "18446744073709551616", "18446744073709551617", "-1",
                 "+1", " 1", "1 ", "0x1", "1e3", "", "1.0", "one"):
        for option in ("--limit", "--threads"):
            refused("eval", MODEL, "--data", LIST, option, text, code=2,
                    says=(option, "expected a number 1..4294967295"))
    for text in ("65536", "65546", "4294967306"):
        for option in ("--width", "--height"):
            for verb in (("run", MODEL, samples()[0][0]), ("eval", MODEL, "--data", LIST),
                         ("energy", MODEL, "--data", LIST)):
                refused(*verb, option, text, code=2, says=(option, "1..65535", text))
    snnq("run", MODEL, samples()[0][0], "--width", 65535, "--height", 65535, "-d", "sim")


def model_text(folder):
    """info, import and quantize: the text has the figures of the JSON document."""
    out = folder / "q.snnq"
    commands = [("info", MODEL), ("info", FLOAT),
                ("quantize", FLOAT, "-o", out, "--default", "pot:4", "--layer", "head=uniform:8")]
    for command in commands:
        j, text = document(*command), snnq(*command)[0]
        rows = {words[0]: words[1:] for words in (line.split() for line in text.splitlines())
                if len(words) > 2}
        for layer in j["layers"]:
            row = rows[layer["name"]]
            shape = "x".join(str(n) for n in layer["output"])
            equal(row[:2], [layer["op"], shape], f"text of {layer['name']}")
            if layer["bits"]:
                equal(row[2:], [layer["scheme"], str(layer["bits"]), "bits", str(layer["params"]),
                                "params", str(layer["weight_bytes"]), "bytes",
                                f"{100 * layer['sparsity']:.1f}", "%", "zero"],
                      f"text of {layer['name']}")
        equal(j["params"], sum(layer["params"] for layer in j["layers"]), "parameters")
        numbers = {"parameters": f"{j['params']} parameters",
                   "bits": f"{j['avg_weight_bits']:.3f} bits on average, "
                           f"{j['weight_compression_ratio']:.2f}x smaller",
                   "file": f"{j['effective_bits']:.3f} bits per weight, "
                           f"{j['compression_ratio']:.2f}x smaller than fp32; {j['model_bytes']} "
                           f"bytes, {j['metadata_bytes']} ({j['metadata_percent']:.2f} %)",
                   "steps": f"{j['input']['steps']} steps of {j['input']['step_us']} us",
                   "model": f"{j['arithmetic']} model, {j['classes']} classes"}
        for name, part in numbers.items():
            need(part in text, f"{command}: {name}: expected {part!r} in {text}")
    equal(document("info", MODEL)["model_bytes"], MODEL.stat().st_size, "bytes of the file")
    step = graph_of(MODEL)["input"]["step_us"]
    equal(document("info", MODEL)["input"]["step_us"], step, "microseconds of a step")


def shared_bias(folder):
    """Parameters and bits of a model whose layers have biases, by hand."""
    rng = np.random.default_rng(1)
    tensors = {"w": rng.normal(size=(6, 8)), "v": rng.normal(size=(3, 6)), "b": np.ones(6)}
    neuron = {"model": "lif", "leak": {"kind": "none"}, "compare": "ge", "reset": "hard",
              "threshold": 1}
    layers = [{"name": "fc", "op": "linear", "inputs": ["input"], "out_channels": 6,
               "weight": {"tensor": "w", "scheme": "float"}, "bias": "b", "neuron": neuron},
              {"name": "head", "op": "linear", "inputs": ["fc"], "out_channels": 3,
               "weight": {"tensor": "v", "scheme": "float"}, "neuron": {"model": "none"}}]
    rule = {"width": 2, "height": 2, "polarities": 2, "on_channel": 1, "layout": "flat",
            "planes": 1, "binning": "duration", "steps": 4, "step_us": 1000, "rounding": "floor",
            "origin": "zero"}
    graph = {"format": "snnq", "version": 1, "arithmetic": "float", "name": "biased",
             "input": rule, "layers": layers,
             "readout": {"input": "head", "mode": "sum", "scale": 1}}
    header, data = {"__metadata__": {"snnq": json.dumps(graph)}}, b""
    for name, values in tensors.items():
        raw = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    words = json.dumps(header).encode()
    words += b" " * (-len(words) % 8)
    path = folder / "biased.snnq"
    path.write_bytes(struct.pack("<Q", len(words)) + words + data)
    j = document("info", path)
    equal((j["params"], [layer["params"] for layer in j["layers"]]), (48 + 6 + 18, [54, 18]),
          "parameters")
    equal((j["weight_bytes"], j["input"]["step_us"]), (4 * 66, 1000), "bytes of weights, step")


def recording_text(_folder):
    """info of a recording: the text has the figures of the file."""
    for path, _ in samples()[:2]:
        x, _, _, t = events(path)
        j = document("info", path)
        equal([j[k] for k in ("events", "first_us", "last_us", "duration_us", "dropped",
                              "nonmonotonic", "format")],
              [len(x), int(t.min()), int(t.max()), int(t.max() - t.min()), 0, 0, "atis"],
              f"info of {path}")
        text = snnq("info", path)[0]
        equal(text, f"{path}: atis recording, {len(x)} events in {(t.max() - t.min()) / 1e6:.3f} s, "
                    f"sensor not said\n0 dropped, 0 backwards in time\n", "text")


def device_text(_folder):
    """info of a device and doctor: the text has the figures of the JSON document."""
    j, text = document("info", "sim:cores=3"), snnq("info", "sim:cores=3")[0]
    lines = text.splitlines(keepends=True)
    equal("".join(lines[:2]), f"{j['name']}: driver {j['driver']}, hardware version {j['hw_version']:#x}, "
                f"{j['cores']} core{'' if j['cores'] == 1 else 's'}\n{j['sram_bytes'] // 1024} KiB of memory per core, "
                f"{j['lanes']} lanes, {j['clock_khz'] // 1000} MHz, queue of {j['queue_depth']}, "
                f"{j['dma_bits']} DMA bits\n", "text of a device")
    said = {line[:14].strip(): line[15:].split() for line in lines[2:-4]}
    limits = "".join(lines[-4:]).split()
    for key, label in (("ops", "operations"), ("neurons", "neurons"), ("leaks", "leak"), ("needs", "features"),
                       ("resets", "reset"), ("compares", "compare"), ("formats", "tensors"),
                       ("neuron_flags", "neuron flags"), ("attention", "attention")):
        equal(len(said[label]), j[key].bit_count(), f"words of {label}")
    equal(sorted(int(n.strip(",")) for n in limits if n.strip(",").isdigit()),
          sorted(j[k] for k in j if k.startswith("max_")), "limits of a device")
    equal(j["cores"], 3, "cores")
    try:
        checks, code = document("doctor")["checks"], 0
    except Failed:  # where the driver does not work
        checks, code = document("doctor", code=1)["checks"], 1
    text, want = snnq("doctor", code=code)[0], []
    for check in checks:
        want.append(f"{'ok' if check['ok'] else 'FAIL':<4} {check['name']:<14} {check['detail']}")
        if check["fix"]:
            want.append(f"     fix: {check['fix']}")
    if code:
        want += ["", "Without a device everything runs with --device sim."]
    equal(text.splitlines(), want, "text of doctor")


def run_text(_folder):
    """run: the text has the figures of the JSON document."""
    for model in (MODEL, FLOAT):
        for path, _ in samples()[:2]:
            j, text = document("run", model, path, "-d", "sim"), snnq("run", model, path, "-d", "sim")[0]
            found = re.fullmatch(r"class (\d+)(?: \((.*)\))?  scores((?: \S+)+)  steps (\d+)  "
                                 r"synops (\d+)  latency \d+ us\n", text)
            need(found, f"text of run: {text!r}")
            equal((int(found[1]), found[2], int(found[4]), int(found[5])),
                  (j["class"], j.get("class_name"), j["steps"], j["synops"]), "text of run")
            equal(len(found[3].split()), len(j["scores"]), "scores")
            for got, want in zip(found[3].split(), j["scores"]):
                near(float(got), want, "score")


def energy_text(_folder):
    """energy: the text has the figures of the JSON document, and they add up."""
    command = ("energy", FLOAT, MODEL, "--data", LIST, "--limit", 2)
    j, lines = document(*command)["models"], snnq(*command, "--layers")[0].splitlines()
    keys = ("compute_uj", "sram_uj", "dram_uj", "total_uj", "paper_uj")
    for m, name in zip(j, (FLOAT.name, MODEL.name)):
        at = next(i for i, line in enumerate(lines) if line.startswith(name[:22]))
        words = lines[at].split()
        equal(words[1], f"{m['avg_weight_bits']:.3f}", "bits")
        equal(words[4:], [f"{m['total'][k]:.3f}" for k in keys] + [f"{m['ratio']:.2f}x"],
              f"total of {name}")
        for layer, line in zip(m["layers"], lines[at + 1:]):
            equal(line.split()[0], layer["name"][:16], "layer")
            equal(line.split()[-5:], [f"{layer[k]:.3f}" for k in keys], layer["name"])
        for key in keys:
            near(m["total"][key], sum(layer[key] for layer in m["layers"]), key)
    near(j[1]["ratio"], j[0]["total"]["total_uj"] / j[1]["total"]["total_uj"], "ratio")


def validate_text(_folder):
    """validate: the text counts as the JSON document does."""
    command = ("validate", "-d", "sim", "--vectors", ROOT / "tests/golden/golden.bin")
    j, text = document(*command), snnq(*command, "--verbose")[0].splitlines()
    count = {word: sum(c["result"] == word for c in j["cases"])
             for word in ("passed", "failed", "skipped")}
    equal(count, {k: j[k] for k in count}, "counts")
    equal(text[-1], f"{j['device']}: {count['passed']} passed, {count['failed']} failed, "
                    f"{count['skipped']} skipped", "text of validate")
    equal([line.split()[:2] for line in text[:-1]],
          [[c["result"], c["name"] + (":" if c["detail"] else "")] for c in j["cases"]], "cases")


def full_disk(_folder):
    """Output that cannot be written is a failure, in every form."""
    path = samples()[0][0]
    commands = (("--help",), ("info", MODEL), ("info", path), ("info", "sim"),
                ("run", MODEL, path, "-d", "sim"),
                ("eval", MODEL, "--data", LIST, "--limit", 1, "-d", "sim"),
                ("energy", MODEL, "--data", LIST, "--limit", 1), ("eval", "--help"))
    for command in commands:
        for form in ((), ("--json",), ("--tsv",)):
            if form and (command[-1] == "--help" or (form == ("--tsv",) and command[0] != "eval")):
                continue
            with open("/dev/full", "wb") as full:
                run_full(command + form, full)


def run_full(command, full):
    done = subprocess.run([SNNQ, *map(str, command)], stdin=subprocess.DEVNULL, stdout=full,
                          stderr=subprocess.PIPE, check=False, timeout=60)
    equal(done.returncode, 1, f"exit of {command} on a full disk")
    need(b"written" in done.stderr or b"write" in done.stderr, f"error of {command}: {done.stderr}")


def tiny(path, integer=True):
    """A network that has one of everything."""
    weight = {"tensor": "w", "scheme": "uniform", "bits": 1} if integer else {"tensor": "w", "scheme": "float"}
    graph = {"format": "snnq", "version": 1, "arithmetic": "integer" if integer else "float", "name": "tiny", "classes": ["only"],
             "input": {"width": 1, "height": 1, "polarities": 1, "layout": "hwc", "planes": 1, "binning": "duration",
                       "steps": 1, "step_us": 1000, "rounding": "floor", "origin": "zero"},
             "layers": [{"name": "head", "op": "linear", "inputs": ["input"], "out_channels": 1, "weight": weight,
                         "neuron": {"model": "none"}}],
             "readout": {"input": "head", "mode": "sum", "scale": 1.0 if not integer else 1}}
    w = np.ones((1, 1, 1, 1), int)
    snnqfile.write(path, graph, {"w": snnqfile.pack(w - 1, "uniform", 1) if integer else w.reshape(1, 1).astype(np.float32)})
    return path


def singular(folder):
    """One of a thing is called so, in all that is said of a model, a recording, an array and a device."""
    model, real = tiny(folder / "m.snnq"), tiny(folder / "f.snnq", False)
    one, outside = recording(folder / "one.bs3", [(0, 0, 0, 0)]), recording(folder / "two.bs3", [(0, 0, 0, 0), (9, 9, 0, 0)])
    back = recording(folder / "back.bs3", [(0, 0, 0, 300), (0, 0, 0, 0), (0, 0, 0, 400)])
    cut = folder / "cut.bs3"
    cut.write_bytes(one.read_bytes() + b"\0")
    recording(folder / "late.bs3", [(0, 0, 0, 5000)])
    for name in ("one", "two", "back", "cut", "late"):
        (folder / f"{name}.tsv").write_text(f"{name}.bs3\t0\n")
    (folder / "both.tsv").write_text("one.bs3\t0\ntwo.bs3\t0\n")
    np.save(folder / "x.npy", np.array([np.nan, 1], np.float32))
    np.save(folder / "y.npy", np.array([1.]))
    said = ""
    for verb in (("info", model), ("info", one), ("info", cut), ("info", folder / "x.npy"), ("info", folder / "y.npy"), ("info", "sim:cores=1"),
                 ("bench", model, "--runs", 1), ("inspect", one), ("inspect", one, "-o", folder / "p.svg"), ("inspect", cut),
                 ("run", model, one, "-d", "sim"), ("run", model, outside, "-d", "sim"), ("run", model, back, "-d", "sim"),
                 ("convert", outside, folder / "a.raw", "--width", 1, "--height", 1), ("convert", one, folder / "b.aedat4", "--width", 1, "--height", 1),
                 *(("eval", model, "--data", folder / f"{name}.tsv", "-d", "sim") for name in ("one", "two", "back", "cut", "late", "both")),
                 ("compare", model, model, "--data", folder / "one.tsv"), ("energy", model, "--data", folder / "two.tsv"),
                 ("quantize", real, "-o", folder / "q", "--default", "uniform:1"),
                 ("quantize", real, "-o", folder / "q", "--calib", folder / "one.tsv", "--default", "uniform:1"),
                 ("info", folder / "q")):
        said += "".join(snnq(*verb))
    for bad in (("info", tiny(folder / "n.snnq", False)), ("convert", cut, folder / "c.raw", "--width", 1, "--height", 1)):
        done = subprocess.run([SNNQ, *map(str, bad)], capture_output=True, text=True, check=False)
        said += done.stdout + done.stderr
    said += (folder / "p.svg").read_text()
    for line in said.splitlines():
        found = re.search(r"(?<![\d.,:x\[] )(?<![\d.])\b1 (?!us |ms |is |was )[a-z]+(s|ies|\(s\)|classes)\b", re.sub(r"[-+]?\d*\.\d+|\d+ of 1 ", "", line))
        need(not found or found[0] in ("1 us", "1 ms"), f"{found and found[0]}: {line}")
    for text in ("1 class\n", "1 polarity, 1 step of", "1 plane\n", "1 parameter", "1 event in", "1 damaged byte ", "1 core\n", "1 event is dropped", "1 synaptic operation per sample",
                 "1 event in 1 of 1 recording goes back", "1 is not finite", "of 1 recording,", "mean of 1 recording"):
        need(text in said, f"expected {text!r} in {said}")


if __name__ == "__main__":
    sys.exit(main(evaluations, drops, limits, options, model_text, shared_bias, recording_text,
                  device_text, kinds, run_text, energy_text, validate_text, full_disk, singular))
