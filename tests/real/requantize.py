#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The published mixed-precision DVS Gesture network as floats, quantized again.

Its integer weights (2, 3, 5 and 4 bits by layer) become real numbers; the quantizer, which
knows nothing of their grids, has to find an allocation that is not larger than
the published one and predicts the same on the recordings that are there. It calibrates
on the first 200 of their 1450 steps. Prints TAP lines; skips where the data are absent."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "train"))
import snnqfile  # noqa: E402

SNNQ = os.environ.get("SNNQ", str(ROOT / "build" / "snnq"))
CALIBRATION_STEPS = 200
DATA = pathlib.Path(os.environ.get("SNNQ_DATA", ROOT.parent / "shared" / "data"))


def snnq(*arguments):
    """Output of the program."""
    return subprocess.run([SNNQ, *map(str, arguments)], stdout=subprocess.PIPE,
                          check=True).stdout.decode()


def real(tensors, value, shift):
    """A number or tensor of an integer model in units of an accumulator step."""
    if isinstance(value, str):
        return (tensors[value] / 2.0 ** shift).astype(np.float32)
    return value / 2.0 ** shift


def to_float(source, target):
    """Write the model at `source` with its weights as real numbers."""
    graph, tensors = snnqfile.read(source)
    result = {}
    inputs = {"input": graph["input"]["polarities"]}
    for layer in graph["layers"]:
        name, neuron = layer["name"], layer.get("neuron", {})
        channels = inputs[layer["inputs"][0]]
        inputs[name] = layer.get("out_channels", channels)
        shift = neuron.pop("shift", 0)
        if "threshold" in neuron:
            value = real(tensors, neuron["threshold"], shift)
            if isinstance(neuron["threshold"], str):
                result[f"{name}.threshold"] = value
                value = f"{name}.threshold"
            neuron["threshold"] = value
        if "weight" not in layer:
            continue
        weight, groups = layer["weight"], layer.get("groups", 1)
        shape = (inputs[name], channels // groups, *layer.get("kernel", (1, 1)))
        levels = snnqfile.unpack(tensors[weight["tensor"]], weight["scheme"],
                                 weight["bits"], shape, groups)
        if layer["op"] == "linear":
            levels = levels.reshape(shape[:2])
        result[f"{name}.weight"] = levels.astype(np.float32)
        layer["weight"] = {"tensor": f"{name}.weight", "scheme": "float"}
        if "bias" in layer:
            result[f"{name}.bias"] = real(tensors, layer["bias"], shift)
            layer["bias"] = f"{name}.bias"
    graph["arithmetic"] = "float"
    steps, graph["input"]["steps"] = graph["input"]["steps"], CALIBRATION_STEPS
    snnqfile.write(target, graph, result)
    return steps


def set_steps(model, steps):
    """Let a model look at `steps` steps of a recording."""
    graph, tensors = snnqfile.read(model)
    graph["input"]["steps"] = steps
    snnqfile.write(model, graph, tensors)


def predictions(model, lists):
    """Class of each recording."""
    found = json.loads(snnq("eval", model, "--data", lists, "--device", "sim", "--json"))
    return [p["class"] for p in found["predictions"]]


def check(name, good):
    print(f"{'ok' if good else 'not ok'} {name}", flush=True)
    return good


def main():
    network, recordings = DATA / "slayer-dvsgesture-cnn", DATA / "dvsgesture"
    if not (network / "network.yaml").is_file() or not recordings.is_dir():
        print(f"1..0 # SKIP no {network} or {recordings}")
        return 0
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        lists, own, real_model, found = (work / n for n in (
            "list.tsv", "own.snnq", "float.snnq", "found.snnq"))
        lists.write_text("".join(f"{recordings / f'{i}.bs2'}\t{i - 1}\n" for i in range(1, 5)))
        snnq("import", network, "-o", own)
        steps = to_float(own, real_model)
        snnq("quantize", real_model, "-o", found, "--calib", lists, "--schemes",
             "uniform,ternary", "--target-bytes", own.stat().st_size)
        set_steps(found, steps)
        before = json.loads(snnq("info", own, "--json"))
        after = json.loads(snnq("info", found, "--json"))
        want, got = predictions(own, lists), predictions(found, lists)
        print(f"# published {before['avg_weight_bits']:.3f} bits, {before['model_bytes']} bytes; "
              f"found {after['avg_weight_bits']:.3f} bits, {after['model_bytes']} bytes")
        for layer in after["layers"]:
            if layer["bits"]:
                print(f"# {layer['name']} {layer['scheme']}:{layer['bits']}")
        good = check("the allocation is not larger than the published one",
                     after["model_bytes"] <= before["model_bytes"] and
                     after["avg_weight_bits"] <= before["avg_weight_bits"])
        good &= check(f"predictions are the published ones ({got})", want == got == [0, 1, 2, 3])
    print("1..2")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
