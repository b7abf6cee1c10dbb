#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Float models whose numbers are F16 or BF16: to run, describe and quantize them is the same as with
the same numbers in F32; numbers that are none are refused by name."""
import json
import struct
import sys

import numpy as np

from common import DEMO, equal, main, near, need, refused, snnq

FLOAT = DEMO / "digits-float.snnq"


def read(path):
    """(header, {name: array}) of a float model."""
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + size])
    body = data[8 + size:]
    return header.pop("__metadata__"), {
        name: np.frombuffer(body[slice(*t["data_offsets"])], "<f4").reshape(t["shape"])
        for name, t in header.items()}


def write(path, metadata, tensors, kinds):
    """Tensors as F32, F16 or BF16, by turns of @kinds; the header's length makes them lie oddly."""
    header, data = {"__metadata__": metadata}, b""
    for i, (name, values) in enumerate(tensors.items()):
        kind = kinds[i % len(kinds)]
        raw = {"F32": lambda v: v.astype("<f4"), "F16": lambda v: v.astype("<f2"),
               "BF16": lambda v: (v.view("<u4") >> 16).astype("<u2")}[kind](values).tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (1 - len(text) % 2)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def shortened(tensors, kinds):
    """The values that the types hold, which F32 holds, too."""
    def near_value(values, kind):
        if kind == "F16":
            return values.astype("<f2").astype("<f4")
        return (values.view("<u4") & 0xffff0000).view("<f4") if kind == "BF16" else values
    return {name: near_value(np.ascontiguousarray(v, "<f4"), kinds[i % len(kinds)])
            for i, (name, v) in enumerate(tensors.items())}


def test_list(folder, count=20):
    lines = (DEMO / "test.tsv").read_text().splitlines()[:count]
    (folder / "list").write_text("".join(f"{DEMO}/{line}\n" for line in lines))
    return folder / "list"


def same(folder):
    """Scores, sparsity and what the quantizer makes of it are those of the same numbers in F32."""
    metadata, tensors = read(FLOAT)
    recordings = test_list(folder)
    scores = []
    for kinds in (("F16",), ("BF16",), ("F16", "BF16", "F32")):
        values = shortened(tensors, kinds)
        files = [write(folder / "short.snnq", metadata, values, kinds),
                 write(folder / "long.snnq", metadata, values, ("F32",))]
        j = [json.loads(snnq("eval", f, "--data", recordings, "-d", "sim", "--json")[0]) for f in files]
        equal(j[0]["predictions"], j[1]["predictions"], f"predictions of {kinds}")
        scores.append([p["scores"] for p in j[0]["predictions"]])
        models = []
        for f in files:
            snnq("quantize", f, "-o", folder / "q.snnq", "--calib", recordings, "--default", "uniform:3")
            models.append((folder / "q.snnq").read_bytes())
        equal(models[0], models[1], f"quantized model of {kinds}")
        d = [json.loads(snnq("info", f, "--json")[0]) for f in files]
        equal([layer["sparsity"] for layer in d[0]["layers"]],
              [layer["sparsity"] for layer in d[1]["layers"]], "sparsity")
    need(scores[0] != scores[1], "the types differ")


def figures(folder):
    """Sizes and bits are those of the file."""
    metadata, tensors = read(FLOAT)
    for kinds, bits in ((("F16",), 16), (("BF16",), 16), (("F32",), 32)):
        path = write(folder / "a.snnq", metadata, shortened(tensors, kinds), kinds)
        j = json.loads(snnq("info", path, "--json")[0])
        weights = sum(v.size for v in tensors.values() if v.ndim > 1)
        equal((j["avg_weight_bits"], j["weight_bytes"], j["model_bytes"]),
              (bits, weights * bits // 8, path.stat().st_size), f"{kinds}")
        equal({layer["bits"] for layer in j["layers"]}, {0, bits}, "bits of layers")
        near(j["compression_ratio"], 4 * j["params"] / j["model_bytes"], "ratio of the file")
        e = json.loads(snnq("energy", path, "--data", test_list(folder, 1), "--json")[0])["models"][0]
        equal(e["avg_weight_bits"], bits, "bits in energy")


def no_numbers(folder):
    """NaN and infinities are refused with the layer and the place, as those of F32."""
    metadata, tensors = read(FLOAT)
    recordings = test_list(folder, 1)
    weight = next(n for n, v in tensors.items() if v.ndim == 4)
    vector = next(n for n, v in tensors.items() if v.ndim == 1)
    for kind in ("F32", "F16", "BF16"):
        for name, says in ((weight, "weight 5: expected a finite number, found "), (vector, "channel 5: ")):
            for value, word in ((np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")):
                values = {n: v.copy() for n, v in shortened(tensors, (kind,)).items()}
                values[name].reshape(-1)[5] = value
                path = write(folder / "a.snnq", metadata, values, (kind,))
                for command in (("eval", path, "--data", recordings, "-d", "sim"),
                                ("quantize", path, "-o", folder / "q.snnq", "--default", "uniform:4")):
                    refused(*command, says=(f"layer {name.split('.')[0]}: ", says, word))


def other_types(folder):
    """Types that are neither are refused by name."""
    metadata, tensors = read(FLOAT)
    name = next(n for n, v in tensors.items() if v.ndim == 4)
    path = write(folder / "a.snnq", metadata, tensors, ("F32",))
    data = path.read_bytes()
    at = data.index(b'"dtype": "F32"', data.index(f'"{name}"'.encode() + b": {"))
    path.write_bytes(data[:at] + data[at:].replace(b'"F32"', b'"I32"', 1))
    refused("info", path, says=(name, "expected F32, F16 or BF16, found I32"))


if __name__ == "__main__":
    sys.exit(main(same, figures, no_numbers, other_types))
