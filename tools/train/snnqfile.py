#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Read and write .snnq files (Documentation/model-format.md) and their weights.

A file is a graph (dictionary) and named NumPy arrays. Weights of integer models
are packed bits; pack() and unpack() translate them from and to the levels
[out, in/groups, kernel y, kernel x] of Documentation/numerics.md.

Run as a program it writes a model once more, in the short form.
"""
import argparse
import json
import math
import struct

import numpy as np

import shortform

DTYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "i1", "U8": "u1", "I16": "<i2",
          "U16": "<u2", "I32": "<i4", "U32": "<u4", "I64": "<i8", "U64": "<u8"}
MAX_HEADER = 16 << 20
# Magnitudes of additive powers of two, by bits.
APOT = {3: (0, 4, 9, 16), 4: (0, 1, 4, 8, 9, 12, 16, 24),
        5: (0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48)}


def aligned(size):
    """The next multiple of 8."""
    return size + 7 & ~7


def write(path, graph, tensors):
    """Write a model, an integer one in the short form. Fillers keep tensors
    aligned and the data without holes, which other safetensors readers insist on."""
    if graph.get("arithmetic") == "integer":
        graph, tensors = shortform.shorten(graph, tensors)
    names = {np.dtype(v): k for k, v in DTYPES.items()}
    metadata = json.dumps(graph, separators=(",", ":"))
    header, data = {"__metadata__": {"snnq": metadata}}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
        fill = aligned(len(data)) - len(data)
        if fill and name != list(tensors)[-1]:
            header[f"pad.{len(data)}"] = {
                "dtype": "U8", "shape": [fill],
                "data_offsets": [len(data), len(data) + fill]}
            data += bytes(fill)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (aligned(len(text)) - len(text))
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def unique(pairs):
    """JSON object whose keys must be distinct."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key in " + ", ".join(k for k, _ in pairs))
    return result


def tensor(name, entry, data):
    """Array of one header entry; BF16, which NumPy does not have, as F32."""
    start, end = entry["data_offsets"]
    short = entry["dtype"] == "BF16"
    dtype = np.dtype("<u2" if short else DTYPES[entry["dtype"]])
    size = math.prod(entry["shape"]) * dtype.itemsize
    if any(n < 0 for n in entry["shape"]) or not 0 <= start <= end <= len(data) or end - start != size:
        raise ValueError(f"tensor {name}: {size} bytes at {start}..{end} "
                         f"of {len(data)}")
    array = np.frombuffer(data[start:end], dtype).reshape(entry["shape"])
    return (array.astype("<u4") << 16).view("<f4") if short else array


def read(path):
    """(graph, tensors) of a file, in the long form."""
    with open(path, "rb") as file:
        raw = file.read()
    if len(raw) < 8:
        raise ValueError(f"{path}: {len(raw)} bytes are no model")
    (length,) = struct.unpack("<Q", raw[:8])
    if length > min(MAX_HEADER, len(raw) - 8):
        raise ValueError(f"{path}: header of {length} bytes in {len(raw)}")
    header = json.loads(raw[8:8 + length], object_pairs_hook=unique)
    graph = json.loads(header.pop("__metadata__")["snnq"],
                       object_pairs_hook=unique)
    if (graph["format"], graph["version"]) != ("snnq", 1):
        raise ValueError(f"{path}: format {graph['format']} "
                         f"version {graph['version']}, expected snnq 1")
    data = raw[8 + length:]
    spans = sorted(e["data_offsets"] for e in header.values())
    for end, start in zip([0] + [s[1] for s in spans], [s[0] for s in spans] + [len(data)]):
        if end != start:
            raise ValueError(f"{path}: tensors leave a hole or overlap: {end}, then {start}")
    tensors = {n: tensor(n, e, data) for n, e in header.items()}
    shortform.expand(graph, tensors, row_bytes)
    return graph, tensors


def widths(scheme):
    """The bits that a scheme may have."""
    ranges = {"uniform": (1, 8), "odd": (1, 8), "pot": (2, 5), "apot": (3, 5),
              "ternary": (2, 2)}
    if scheme not in ranges:
        raise ValueError(f"scheme {scheme} unknown")
    low, high = ranges[scheme]
    return range(low, high + 1)


def row_bytes(scheme, bits, count):
    """Bytes of a packed row of count weights."""
    return -(-count // 5) if scheme == "ternary" else -(-count * bits // 8)


def encode(levels, scheme, bits):
    """Codes of integer levels."""
    if bits not in widths(scheme):
        raise ValueError(f"scheme {scheme} has no {bits} bits")
    if scheme == "uniform" and bits == 1:
        return (levels < 0).astype(np.int64)
    if scheme == "uniform":
        return levels & (1 << bits) - 1
    if scheme == "odd":
        return (levels - 1 >> 1) & (1 << bits) - 1
    if scheme == "pot":
        exponent = np.log2(np.maximum(np.abs(levels), 1)).astype(np.int64) + 1
        return np.where(levels == 0, 0,
                        exponent | (levels < 0).astype(np.int64) << bits - 1)
    if scheme == "apot":
        index = np.searchsorted(APOT[bits], np.abs(levels))
        return index | (levels < 0).astype(np.int64) << bits - 1
    return levels % 3


def decode(codes, scheme, bits):
    """Integer levels of codes."""
    if bits not in widths(scheme):
        raise ValueError(f"scheme {scheme} has no {bits} bits")
    half = 1 << bits - 1
    signed = np.where(codes >= half, codes - 2 * half, codes)
    if scheme == "uniform":
        return 1 - 2 * codes if bits == 1 else signed
    if scheme == "odd":
        return 2 * signed + 1
    if scheme == "pot":
        exponent = codes & half - 1
        magnitude = np.where(exponent == 0, 0, 1 << np.maximum(exponent - 1, 0))
        return np.where(codes >= half, -magnitude, magnitude)
    if scheme == "apot":
        magnitude = np.array(APOT[bits])[codes & half - 1]
        return np.where(codes >= half, -magnitude, magnitude)
    return np.array([0, 1, -1])[codes]


def pack(levels, scheme, bits, groups=1):
    """Packed rows (U8, one dimension) of levels [out, in/groups, ky, kx]."""
    split = levels.reshape(groups, -1, *levels.shape[1:])
    rows = split.transpose(0, 3, 4, 2, 1).reshape(-1, split.shape[1])
    codes = encode(rows.astype(np.int64), scheme, bits)
    if scheme == "ternary":
        digits = np.pad(codes, ((0, 0), (0, -codes.shape[1] % 5)))
        return (digits.reshape(-1, 5) @ 3 ** np.arange(5)).astype(np.uint8)
    single = (codes[..., None] >> np.arange(bits) & 1).astype(np.uint8)
    return np.packbits(single.reshape(len(rows), -1), axis=1,
                       bitorder="little").reshape(-1)


def unpack(packed, scheme, bits, shape, groups=1):
    """Inverse of pack(); shape is [out, in/groups, ky, kx]."""
    out, inputs, height, width = shape
    per_group = out // groups
    rows = groups * height * width * inputs
    size = row_bytes(scheme, bits, per_group)
    if packed.size != rows * size:
        raise ValueError(f"{packed.size} packed bytes, expected "
                         f"{rows} rows of {size}")
    packed = packed.reshape(rows, size)
    if scheme == "ternary":
        digits = packed[..., None].astype(np.int64) // 3 ** np.arange(5) % 3
        codes = digits.reshape(rows, -1)[:, :per_group]
    else:
        single = np.unpackbits(packed, axis=1, count=per_group * bits,
                               bitorder="little")
        codes = (single.reshape(rows, per_group, bits).astype(np.int64)
                 << np.arange(bits)).sum(axis=2)
    split = decode(codes, scheme, bits).reshape(
        groups, height, width, inputs, per_group)
    return split.transpose(0, 4, 3, 1, 2).reshape(shape)


def main():
    parser = argparse.ArgumentParser(description="Write a model in the short form.")
    parser.add_argument("model")
    parser.add_argument("-o", "--output", required=True)
    args = parser.parse_args()
    write(args.output, *read(args.model))


if __name__ == "__main__":
    main()
