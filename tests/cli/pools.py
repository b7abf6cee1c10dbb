#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Average pools: the quantizer makes sums of them and folds the factor into what follows.

Networks whose weights lie on a grid are computed here in floating point and, quantized, by
the engine. All scores must be equal: with a neuron in the pool, with counts out of it, and
for a recording that saturates the input's planes."""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

SNNQ = os.environ.get("SNNQ", "build/snnq")
DEVICE = os.environ.get("SNNQ_DEVICE", "sim")
STEPS, SIDE, PLANES = 5, 4, 2
INPUT = {"width": SIDE, "height": SIDE, "polarities": 2, "on_channel": 1, "layout": "hwc",
         "planes": PLANES, "binning": "duration", "steps": STEPS, "step_us": 1000,
         "rounding": "floor", "origin": "zero"}


def lif(threshold):
    return {"model": "lif", "leak": {"kind": "div", "n": 2}, "compare": "ge", "reset": "hard",
            "threshold": threshold}


def layers(pool_neuron):
    pool = {"name": "pool", "op": "avgpool", "inputs": ["input"], "kernel": [2, 2],
            "stride": [2, 2]}
    if pool_neuron:
        pool["neuron"] = lif(0.75)
    return [pool,
            {"name": "fc", "op": "conv2d", "inputs": ["pool"], "out_channels": 6,
             "kernel": [2, 2], "weight": {"tensor": "w", "scheme": "float"}, "neuron": lif(1.0)},
            {"name": "head", "op": "linear", "inputs": ["fc"], "out_channels": 3,
             "weight": {"tensor": "v", "scheme": "float"}, "neuron": {"model": "none"}}]


def write_model(path, pool_neuron, tensors):
    graph = {"format": "snnq", "version": 1, "arithmetic": "float", "name": "pools",
             "input": INPUT, "layers": layers(pool_neuron),
             "readout": {"input": "head", "mode": "sum", "scale": 1.0}}
    header, data = {"__metadata__": {"snnq": json.dumps(graph)}}, b""
    for name, values in tensors.items():
        raw = values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_recording(path, rng):
    """A random recording; returns the counts that it puts into each step."""
    x, records = np.zeros((STEPS, SIDE, SIDE, 2)), b""
    for i in range(100):
        t, (col, row), p = i * STEPS // 100, rng.integers(0, SIDE, 2), int(rng.integers(0, 2))
        us = t * 1000 + i
        records += bytes([col, row, p << 7 | us >> 16, us >> 8 & 255, us & 255])
        x[t, row, col, p] = min(x[t, row, col, p] + 1, 2 ** PLANES - 1)
    path.write_bytes(records)
    return x


def float_scores(x, w, v, pool_neuron):
    pooled, hidden, scores = np.zeros((2, 2, 2)), np.zeros(6), np.zeros(3)
    for frame in x:
        out = frame.reshape(2, 2, 2, 2, 2).mean((1, 3))
        if pool_neuron:
            pooled = pooled / 2 + out
            out = (pooled >= 0.75).astype(float)
            pooled[out > 0] = 0
        hidden = hidden / 2 + np.einsum("oiyx,yxi->o", w, out)
        fired = hidden >= 1
        hidden[fired] = 0
        scores += v @ fired
    return scores


def engine_scores(folder):
    quantized = folder / "int.snnq"
    subprocess.run([SNNQ, "quantize", folder / "float.snnq", "-o", quantized, "--default",
                    "uniform:4"], check=True, capture_output=True)
    out = subprocess.run([SNNQ, "run", quantized, folder / "in.bs2", "--device", DEVICE, "--json"],
                         check=True, capture_output=True).stdout
    data = quantized.read_bytes()
    header = json.loads(data[8:8 + struct.unpack_from("<Q", data)[0]])
    graph = json.loads(header["__metadata__"]["snnq"])
    return np.array(json.loads(out)["scores"]) * graph["readout"]["scale"]


def check(folder, pool_neuron):
    rng, distinct = np.random.default_rng(3), set()
    for _ in range(8):
        w = 0.25 * rng.integers(-7, 8, (6, 2, 2, 2))
        w[:, 0, 0, 0] = 7 * 0.25
        v = 0.5 * rng.integers(-7, 8, (3, 6))
        v[0, 0] = 3.5
        write_model(folder / "float.snnq", pool_neuron, {"w": w, "v": v})
        x = write_recording(folder / "in.bs2", rng)
        want, got = float_scores(x, w, v, pool_neuron), engine_scores(folder)
        distinct.add(tuple(want))
        if not np.array_equal(want, got):
            return f"expected {want}, found {got}"
    return None if len(distinct) > 4 else "the networks hardly fire"


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, pool_neuron in (("with a neuron", True), ("of counts", False)):
            problem = check(pathlib.Path(folder), pool_neuron)
            failed += problem is not None
            print(f"{'not ok' if problem else 'ok'} average pools {name}"
                  f"{': ' + problem if problem else ''}")
    print("1..2")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
