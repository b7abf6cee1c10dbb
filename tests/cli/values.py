#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Models that take values: what arrays of every type, order and shape give equals a computation with
NumPy, which has no code of the project; importers make such models; and whatever does not fit, arrays
for events and recordings for values included, is refused with what was found and expected.

With --keep FOLDER it leaves models, an array for each and what all layers put out, for another device."""
import json
import os
import pathlib
import resource
import struct
import sys
import zipfile

import h5py
import numpy as np

from common import DEMO, ROOT, archive, equal, main, member, near, need, refused, snnq
from lava import STEPS as LAVA_STEPS, lava_layers, simulate, write_lava
from nir import STEPS as NIR_STEPS, nodes, run as run_nir, write as write_nir

sys.path.insert(0, str(ROOT / "tools" / "train"))
import snnqfile  # noqa: E402  pylint: disable=wrong-import-position

C, H, W, STEPS, CLASSES, SAMPLES = 3, 5, 7, 6, 4, 9
INPUT = {"kind": "values", "width": W, "height": H, "channels": C, "planes": 8, "steps": STEPS}
LIF = {"model": "lif", "leak": {"kind": "div", "n": 2}, "compare": "ge", "reset": "hard", "threshold": 4000}


# ---- a network, in the file and in NumPy

class Network:
    """A convolution with spikes, and classes; or, of a row, one matrix in place of the first."""

    def __init__(self, seed, flat=False):
        rng = np.random.default_rng(seed)
        self.flat = flat
        self.first = rng.integers(-7, 8, (6, C * H * W) if flat else (6, C, 3, 3))
        self.head = rng.integers(-7, 8, (CLASSES, 6) if flat else (CLASSES, 6, H, W))
        self.bias = rng.integers(-300, 900, 6)

    def write(self, path, integer=True, **changes):
        """Keys of the input change; None takes one away."""
        spec = {**INPUT, "layout": "flat" if self.flat else "hwc", **changes}
        graph = {"format": "snnq", "version": 1, "arithmetic": "integer" if integer else "float", "name": "v",
                 "input": {k: v for k, v in spec.items() if v is not None}, "layers": [], "readout": {
                     "input": "head", "mode": "sum", "scale": 1}}
        tensors = {}
        for name, w, inputs, neuron, window in (
                ("first", self.first, "input", LIF, {"kernel": [3, 3], "padding": [1, 1]}),
                ("head", self.head, "first", {"model": "none"}, {"kernel": [H, W]})):
            weight = {"tensor": f"{name}.w", "scheme": "uniform" if integer else "float", **({"bits": 4} if integer else {})}
            graph["layers"].append({"name": name, "op": "linear" if self.flat else "conv2d", "inputs": [inputs],
                                    "out_channels": len(w), "weight": weight, "neuron": dict(neuron),
                                    **({} if self.flat else window)})
            full = w.reshape(*w.shape[:2], *(w.shape[2:] or (1, 1)))
            tensors[f"{name}.w"] = snnqfile.pack(full, "uniform", 4) if integer else w.astype(np.float32)
        graph["layers"][0]["bias"] = "first.b"
        tensors["first.b"] = self.bias.astype(np.int32 if integer else np.float32)
        snnqfile.write(path, graph, tensors)
        return path

    def run(self, frames):
        """(spikes of the first layer [step][y][x][channel], scores) for integers [step][C][H][W]."""
        u, out, scores = 0, [], np.zeros(CLASSES, np.int64)
        for x in frames.astype(np.int64):
            if self.flat:
                current = (self.first @ x.reshape(-1))[:, None, None] + self.bias[:, None, None]
            else:
                seen = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), (1, 2))
                current = np.einsum("cyxij,ocij->oyx", seen, self.first) + self.bias[:, None, None]
            u = u // 2 + current
            fired = u >= LIF["threshold"]
            u = np.where(fired, 0, u)
            out.append(fired.transpose(1, 2, 0))
            scores += self.head.reshape(CLASSES, -1) @ fired.astype(np.int64).reshape(-1)
        return np.array(out).astype(int), scores.tolist()


def document(*arguments, **options):
    return json.loads(snnq(*arguments, "--json", **options)[0])


def samples(model, path, *more):
    """Scores of each sample of an array."""
    return [w["scores"] for w in document("run", model, path, "-d", "sim", *more)["windows"]]


def images(seed, most=256, count=SAMPLES):
    return np.random.default_rng(seed).integers(0, most, (count, C, H, W))


def repeated(image):
    return np.repeat(image[None], STEPS, 0)


# ---- arrays

def types(folder):
    """Every type and order of axes: all spikes and all scores."""
    net, x = Network(1), images(2)
    want = [net.run(repeated(i)) for i in x]
    model = net.write(folder / "m.snnq")
    need(any(s.any() for s, _ in want) and len({tuple(s) for _, s in want}) > 4, "samples differ")
    for kind in ("|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f4", "<f8"):
        np.save(folder / "x.npy", x.astype(kind))
        equal(samples(model, folder / "x.npy"), [s for _, s in want], kind)
    for kind in ("|i1", "<f2"):  # half of the numbers up to 255 would do for floats of 16 bits, too
        np.save(folder / "x.npy", (x // 2).astype(kind))
        equal(samples(model, folder / "x.npy"), [net.run(repeated(i // 2))[1] for i in x], kind)
    np.save(folder / "one.npy", x[3].astype(np.uint8))
    out = document("run", model, folder / "one.npy", "-d", "sim", "--raster", folder / "r")
    equal((len(out["windows"]), out["scores"], out["clamped_values"]), (1, want[3][1], 0), "one sample")
    equal(np.load(folder / "r" / "first.npy").tolist(), want[3][0].tolist(), "spikes")
    last = net.write(folder / "hwc.snnq", axes="hwc")
    np.save(folder / "x.npy", x.transpose(0, 2, 3, 1).astype(np.uint8))
    equal(samples(last, folder / "x.npy"), [s for _, s in want], "channels last")


def shapes(folder):
    """Axes of length 1 may be missing; rows are images, too; other axes are refused with both shapes."""
    row, x = Network(3, flat=True), images(4)
    want = [row.run(repeated(i))[1] for i in x]
    model = row.write(folder / "flat.snnq")
    for shape in ((SAMPLES, C, H, W), (SAMPLES, C * H * W)):
        np.save(folder / "x.npy", x.reshape(shape).astype(np.uint8))
        equal(samples(model, folder / "x.npy"), want, f"a row of {shape}")
    model = row.write(folder / "flat.snnq", axes="hwc")
    np.save(folder / "x.npy", x.transpose(0, 2, 3, 1).reshape(SAMPLES, -1).astype(np.uint8))
    equal(samples(model, folder / "x.npy"), want, "a row with channels last")
    narrow = row.write(folder / "narrow.snnq", width=C * H * W, height=1, channels=1)
    for shape in ((SAMPLES, 1, 1, C * H * W), (SAMPLES, C * H * W), (SAMPLES, 1, C * H * W)):
        np.save(folder / "x.npy", x.reshape(shape).astype(np.uint8))
        equal(samples(narrow, folder / "x.npy"), want, f"axes of 1: {shape}")
    np.save(folder / "x.npy", x[0].reshape(-1).astype(np.uint8))
    equal(samples(narrow, folder / "x.npy"), want[:1], "one sample, one axis")
    model = Network(1).write(folder / "m.snnq")
    for shape in ((H, W, C), (W, H, C), (SAMPLES, H, W, C), (2, 2, C, H, W), (C * H * W,), (), (C, H), (1,)):
        np.save(folder / "x.npy", np.zeros(shape, np.uint8))
        text = " x ".join(map(str, shape)) or "one number"
        refused("run", model, folder / "x.npy", "-d", "sim",
                says=("x.npy: shape: expected 3 x 5 x 7 (channels x height x width)", f"found {text}"))


def steps(folder):
    """An image for each step; the same one in all is what an image for all gives."""
    net = Network(5)
    x = np.random.default_rng(6).integers(0, 256, (SAMPLES, STEPS, C, H, W))
    x[0] = repeated(x[0, 0])
    model, one = net.write(folder / "m.snnq", frames="steps"), net.write(folder / "one.snnq")
    np.save(folder / "x.npy", x.astype(np.uint8))
    got = samples(model, folder / "x.npy")
    equal(got, [net.run(i)[1] for i in x], "scores")
    np.save(folder / "one.npy", x[0, 0].astype(np.uint8))
    equal(samples(one, folder / "one.npy"), got[:1], "one image in all steps")
    np.save(folder / "short.npy", x[:, :-1].astype(np.uint8))
    refused("run", model, folder / "short.npy", says=("expected 6 x 3 x 5 x 7 (steps x channels", "found 9 x 5 x 3 x 5 x 7"))
    refused("run", one, folder / "x.npy", says="expected 3 x 5 x 7")


def scales(folder):
    """Real numbers: the quotient is rounded to even, moved and clamped, and what is clamped is told."""
    net = Network(7)
    rng = np.random.default_rng(8)
    for scale, zero in ((1 / 255, 0), (0.5, 100), (0.1, 7)):
        x = rng.uniform(-20 * scale, 280 * scale, (SAMPLES, C, H, W))
        x[:, :, 0] = (rng.integers(-40, 300, (SAMPLES, C, W)) + .5) * scale  # ties
        for kind in ("<f8", "<f4"):
            y = x.astype(kind)
            q = np.rint(y.astype(np.float64) / scale) + zero
            inside = np.clip(q, 0, 255)
            model = net.write(folder / "m.snnq", scale=scale, zero=zero)
            np.save(folder / "x.npy", y)
            out = document("run", model, folder / "x.npy", "-d", "sim")
            equal([w["scores"] for w in out["windows"]], [net.run(repeated(i))[1] for i in inside], f"scale {scale}, {kind}")
            equal(out["clamped_values"], int((q != inside).sum()), "clamped values")
            need(out["clamped_values"] > 0, "some are clamped")
    need("values are outside of what the model takes" in snnq("run", model, folder / "x.npy", "-d", "sim")[1], "a note")
    for bad, found in ((np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")):
        y = np.zeros((C, H, W), np.float32)
        y[1, 0, 3] = bad
        np.save(folder / "x.npy", y)
        refused("run", model, folder / "x.npy", says=f"x.npy: element {H * W + 3}: expected a finite number, found {found}")
    model = net.write(folder / "m.snnq", planes=3)
    for kind, value, found in (("<f4", .5, "0.5"), ("<i2", -1, "-1"), ("<u2", 8, "8"), ("<f8", np.nan, "nan")):
        y = np.zeros((C, H, W), kind)
        y[0, 0, 2] = value
        np.save(folder / "x.npy", y)
        refused("run", model, folder / "x.npy", says=("element 2: expected an integer from 0 to 7", "3 planes", f"found {found}"))


def models(folder):
    """What an input of values may not say is refused by name."""
    net = Network(1)
    for key, value, says in (
            ("kind", "pictures", 'kind: "pictures" is not known'), ("channels", 0, "channels: expected an integer from 1 to 65536"),
            ("channels", None, "channels: expected an integer"), ("planes", 17, "planes: expected"), ("frames", "all", "frames:"),
            ("axes", "whc", "axes:"), ("scale", 0, "scale: expected a number above 0"), ("scale", "1", "scale:"),
            ("zero", 1, "zero: expected a scale beside it"), ("step_us", 5, 'key "step_us" is not known here'),
            ("polarities", 2, 'key "polarities"'), ("binning", "count", 'key "binning"')):
        refused("info", net.write(folder / "m.snnq", **{key: value}), says=("m.snnq: input: ", says))
    refused("info", net.write(folder / "m.snnq", scale=.5, zero=256), says="zero: expected an integer from 0 to 255")
    refused("info", Network(1, True).write(folder / "m.snnq", width=4096, height=17),
            says="layout: 208896 channels, expected at most 65536")
    out = snnq("info", net.write(folder / "m.snnq", scale=.5, zero=3))[0]
    need("input 7x5, 3 channels of values (chw), one image for all 6 steps, 8 planes, scale 0.5, zero 3" in out, out)
    need("an image for each of 6 steps" in snnq("info", net.write(folder / "m.snnq", frames="steps"))[0], "frames")
    equal(document("info", net.write(folder / "m.snnq"))["input"],
          {"kind": "values", "width": 7, "height": 5, "channels": 3, "planes": 8, "steps": 6, "frames": "repeat", "axes": "chw"},
          "JSON")


def mistaken(folder):
    """A recording for a model that takes values, and an array for one that takes events, and options of the other."""
    model, events = Network(1).write(folder / "m.snnq"), DEMO / "digits.snnq"
    recording = DEMO / (DEMO / "test.tsv").read_text().split("\t")[0]
    x = folder / "x.npy"
    np.save(x, images(1).astype(np.uint8))
    (folder / "recordings.tsv").write_text(f"{recording}\t0\n")
    (folder / "arrays.tsv").write_text("x.npy\t0\n")
    found = ("expected a .npy header", "the model takes values")
    refused("run", model, recording, says=found)
    refused("eval", model, "--data", folder / "recordings.tsv", says=found)
    found = "found values, in NumPy's format"
    refused("run", events, x, says=found)
    refused("eval", events, "--data", folder / "arrays.tsv", says=found)
    refused("energy", events, "--data", x, says=found)
    refused("energy", model, "--data", folder / "recordings.tsv", says="expected a .npy header")
    refused("inspect", x, says=found)
    refused("convert", x, folder / "x.raw", says=found)
    refused("quantize", DEMO / "digits-float.snnq", "-o", folder / "q", "--calib", x, "--default", "uniform:4", says=found)
    refused("quantize", Network(1).write(folder / "f.snnq", integer=False), "-o", folder / "q", "--calib",
            folder / "recordings.tsv", "--default", "uniform:4", says="expected a .npy header")
    refused("run", model, "-", code=2, says=("the model takes values", "a file (.npy)"))
    for option in (("--format", "atis"), ("--width", 3), ("--height", 3)):
        refused("run", model, x, *option, code=2, says=(option[0], "the model takes values"))
        refused("eval", model, "--data", folder / "arrays.tsv", *option, code=2, says=(option[0], "the model takes values"))
        refused("energy", model, "--data", x, *option, code=2, says=(option[0][2:], "the model takes values"))
        refused("quantize", folder / "f.snnq", "-o", folder / "q", "--calib", x, "--default", "uniform:4", *option, code=2,
                says=(option[0][2:], "the model takes values"))
    refused("compare", events, model, "--data", x, says="input: kind: expected events")
    other = Network(1).write(folder / "scaled.snnq", scale=.5, zero=100)
    refused("compare", model, other, "--data", x, says="input: scale: expected nothing")
    refused("compare", other, model, "--data", x, says=("input: scale: expected 0.5", "found nothing"))


def labels(folder):
    """eval, compare and energy of an array with labels, of lists of arrays, and of folders; limits."""
    net, x = Network(9), images(10)
    model, best = net.write(folder / "m.snnq"), [int(np.argmax(net.run(repeated(i))[1])) for i in x]
    wrong = [b if i % 3 else (b + 1) % CLASSES for i, b in enumerate(best)]
    data, names = folder / "x.npy", folder / "y.npy"
    np.save(data, x.astype(np.uint8))
    np.save(names, np.array(wrong))
    out = document("eval", model, "--data", data, "--labels", names, "-d", "sim")
    equal((out["samples"], out["correct"], out["clamped_values"]), (SAMPLES, sum(map(int.__eq__, best, wrong)), 0), "an array")
    equal([(p["label"], p["class"]) for p in out["predictions"]], list(zip(wrong, best)), "predictions")
    equal([p["path"] for p in out["predictions"]][:2], [f"{data}[0]", f"{data}[1]"], "names")
    equal(document("eval", model, "--data", data, "--labels", names, "--limit", 4, "-d", "sim")["samples"], 4, "a limit")
    table = snnq("eval", model, "--data", data, "--labels", names, "--tsv", "-d", "sim")[0].splitlines()
    equal(len(table), 1 + SAMPLES, "rows")
    for i in range(3):
        (folder / "d" / str(i)).mkdir(parents=True)
        np.save(folder / "d" / str(i) / "a.npy", x[2 * i:2 * i + 2].astype(np.uint8))
    (folder / "list.tsv").write_text("".join(f"d/{i}/a.npy\t{i}\n" for i in range(3)))
    for source in (folder / "list.tsv", folder / "d"):
        out = document("eval", model, "--data", source, "-d", "sim")
        equal([(p["label"], p["class"]) for p in out["predictions"]], [(i // 2, best[i]) for i in range(6)], "files")
    equal(out["predictions"][3]["path"], "1/a.npy[1]", "name of a sample")
    out = document("compare", model, net.write(folder / "b.snnq"), "--data", data, "--labels", names)
    equal((out["recordings"], out["clamped_values"]), (SAMPLES, 0), "compare")
    energy = [document("energy", model, "--data", data, *more)["models"][0] for more in ((), ("--limit", 4))]
    equal([e["recordings"] for e in energy], [SAMPLES, 4], "energy")
    near(out["models"][0]["energy_uj"] if "energy_uj" in out["models"][0] else energy[0]["total"]["total_uj"],
         energy[0]["total"]["total_uj"], "both energies", 1e-6)
    need("expected --labels" in refused("eval", model, "--data", data, code=2), "no labels")
    refused("eval", model, "--data", folder / "list.tsv", "--labels", names, code=2, says="expected an array of samples")
    refused("eval", DEMO / "digits.snnq", "--data", DEMO / "test.tsv", "--labels", names, code=2, says="the model takes events")
    np.save(names, np.array(wrong[1:]))
    refused("eval", model, "--data", data, "--labels", names, says=("y.npy: expected 9 labels", "found 8"))
    for bad in (CLASSES, -1, .5):
        np.save(names, np.array([*wrong[:-1], bad]))
        refused("eval", model, "--data", data, "--labels", names, says=("y.npy: element 8: expected a class from 0 to 3", f"found {bad}"))


def others(folder):
    """info of an array, and bench of a model that takes values."""
    np.save(folder / "x.npy", np.array([[-1.5, 2], [4, 0]], np.float32))
    equal(document("info", folder / "x.npy"),
          {"kind": "values", "format": "npy", "type": "<f4", "shape": [2, 2], "count": 4, "least": -1.5, "most": 4,
           "not_finite": 0}, "info")
    need("type <f4, shape 2 x 2, 4 numbers from -1.5 to 4" in snnq("info", folder / "x.npy")[0], "text")
    np.save(folder / "n.npy", np.array([1, np.nan, 2, np.inf], np.float32))
    out = document("info", folder / "n.npy")
    equal((out["least"], out["most"], out["not_finite"]), (1, 2, 2), "numbers that are not finite")
    refused("info", folder / "x.npy", "--format", "atis", says=("expected atis", "found values"))
    data = (folder / "x.npy").read_bytes()
    for cut in (9, 60, len(data) - 1):
        (folder / "y.npy").write_bytes(data[:cut])
        refused("info", folder / "y.npy", says="offset 0: expected a .npy header" if cut < 128 else
                ("offset 128: expected 4 elements of 4 bytes", "found 15 bytes"))
    for frames in ("repeat", "steps"):
        out = document("bench", Network(1).write(folder / "m.snnq", frames=frames), "-d", "sim", "--runs", 2)
        equal((out["input_density"], out["steps"]), (.5, STEPS), "bench")
        need(out["synops"] > 0, "synaptic operations")


# ---- archives

def archives(folder):
    """Arrays in .npz, stored and deflated, are those in .npy: the only one, frames, or that which is named."""
    net, x = Network(13), images(14)
    model, data = net.write(folder / "m.snnq"), x.astype(np.uint8)
    best = [int(np.argmax(net.run(repeated(i))[1])) for i in x]
    np.save(folder / "x.npy", data)
    want = samples(model, folder / "x.npy")
    path = folder / "a.npz"
    for save in (np.savez, np.savez_compressed):
        for arrays, part in (({"images": data}, ""), ({"frames": data, "y": best}, ""), ({"images": data, "y": best}, "[images]"),
                             ({"x": data, "y": best}, "[x]"), ({"a[b]": data, "y": best}, "[a[b]]")):
            save(path, **arrays)
            equal(samples(model, f"{path}{part}"), want, f"{save.__name__}, {list(arrays)}, {part}")
            out = document("info", f"{path}{part}")
            equal((out["kind"], out["format"], out["type"], out["shape"]), ("values", "npz", "|u1", list(data.shape)), "info")
    save(path, images=data, labels=np.array(best))
    equal(document("info", f"{path}[labels]")["shape"], [SAMPLES], "labels")
    out = document("eval", model, "--data", f"{path}[images]", "--labels", f"{path}[labels]", "-d", "sim", "--threads", 3)
    equal((out["correct"], out["predictions"][2]["path"]), (SAMPLES, f"{path}[images][2]"), "eval")
    (folder / "list").write_text("a.npz[images]\t0\n")
    equal([p["class"] for p in document("eval", model, "--data", folder / "list", "-d", "sim")["predictions"]], best, "a list")
    equal(document("compare", model, net.write(folder / "b.snnq"), "--data", f"{path}[images]", "--labels",
                   f"{path}[labels]")["recordings"], SAMPLES, "compare")
    equal(document("energy", model, "--data", f"{path}[images]")["models"][0]["recordings"], SAMPLES, "energy")
    # a file with all of this name goes before
    np.save(folder / "a.npz[labels].npy", data)
    (folder / "a.npz[labels].npy").rename(folder / "a.npz[labels]")
    equal(samples(model, f"{path}[labels]"), want, "a file with brackets in its name")


def calibrated(folder):
    """Calibration with an array in an archive gives the same model; the archive is read, so it is not written."""
    net, x = Network(15), images(16, count=40)
    real = net.write(folder / "f.snnq", integer=False)
    np.save(folder / "x.npy", x.astype(np.uint8))
    np.savez_compressed(folder / "a.npz", x=x.astype(np.uint8), y=x[:3], z=x[::-1].astype(np.uint8))
    for name, calib in (("p", folder / "x.npy"), ("q", f"{folder}/a.npz[x]")):
        snnq("quantize", real, "-o", folder / name, "--default", "uniform:4", "--calib", calib)
    equal((folder / "q").read_bytes(), (folder / "p").read_bytes(), "models")
    search = ("quantize", real, "-o", folder / "q", "--schemes", "ternary", "--target-bits", 3, "--journal", folder / "j",
              "--calib")
    snnq(*search, f"{folder}/a.npz[x]")
    snnq(*search, f"{folder}/a.npz[x]")
    refused(*search, f"{folder}/a.npz[z]", says="belongs to other work")
    refused("quantize", real, "-o", folder / "a.npz", "--default", "uniform:4", "--calib", f"{folder}/a.npz[x]", code=2,
            says="is read as")


def bad_archives(folder):
    """Archives that are damaged, lie or hold something else are refused by the array's name; nothing is left."""
    model, x = Network(17).write(folder / "m.snnq"), images(18).astype(np.uint8)
    path, spare = folder / "a.npz", folder / "spare"
    spare.mkdir()
    np.save(folder / "x.npy", x)
    want = samples(model, folder / "x.npy")

    def bad(name, *says, **options):
        refused("run", model, name, "-d", "sim", says=("a.npz", *says), env={**os.environ, "TMPDIR": str(spare)}, **options)
        equal(list(spare.iterdir()), [], "temporary files")

    np.savez(path, a=x, b=x)
    bad(path, "expected one array, or one called frames, or FILE[ARRAY], found a, b")
    bad(f"{path}[c]", "expected an array c, found a, b")
    refused("run", model, f"{folder}/no.npz[c]", "-d", "sim", says="No such file")
    refused("run", model, f"{folder}/m.snnq[c]", "-d", "sim", says="expected an archive of arrays, of which c is one")
    np.savez(path, a=np.asfortranarray(x))
    bad(path, "expected fortran_order: False")
    np.savez(path, a=np.array([{}], object))
    bad(path, "descr: a little-endian integer or float")
    np.savez(path, t=np.arange(5), x=np.arange(5))
    bad(path, "found t, x")
    for save in (np.savez, np.savez_compressed):
        save(path, a=x)
        data = path.read_bytes()
        at, body = data.index(b"PK\1\2"), data.index(b"PK\3\4") + 200
        for where, new, says in ((16, b"\0\0\0\0", "a.npy: CRC-32"), (8, b"\1", "not encrypted"), (10, b"\x0c", "found 12"),
                                 (24, struct.pack("<I", 0x7fffffff), "a.npy"), (24, struct.pack("<I", 100), "a.npy")):
            path.write_bytes(data[:at + where] + new + data[at + where + len(new):])
            bad(path, says)
        path.write_bytes(data[:body] + bytes(50) + data[body + 50:])
        bad(path, "a.npy")
        path.write_bytes(data[:-30])
        bad(path, "the end of a ZIP archive's directory")
    # names that are there twice, that are long or hold anything, and more than what is said
    whole = (folder / "x.npy").read_bytes()
    archive(path, member("a.npy", whole), member("b.npy", whole), member("a", whole, deflate=True))
    for part in ("", "[a]", "[b]"):
        bad(f"{path}{part}", "expected members of different names, found two called a")
    archive(path, member("a" * 101, whole), member("a" * 251 + ".npy", whole), member("b\n\u2028c.npy", b""))
    for n in (101, 251):
        equal(samples(model, f"{path}[{'a' * n}]"), want, f"a name of {n} bytes")
    bad(f"{path}[{'a' * 100}]", "found aaa", "aaa...")
    archive(path, member("e.npy", b""), member("b\n\u2028c.npy", b""))
    bad(path, "found e, b??c")
    archive(path, member("a.npy", whole, whole + b"1", deflate=True))
    bad(path, f"a.npy: expected {len(whole)} bytes, found more of deflated data")
    archive(path, member("a.npy", whole, deflate=True, more=b"12"))
    bad(path, "a.npy: expected deflated data that ends with the member, found 2 bytes behind its end")
    # sizes that lie: an array of terabytes, a member of more than is unfolded
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("a.npy", header("|u1", (1 << 20, 1 << 19)))
    bad(path, "expected 549755813888 elements of 1 bytes, found 0 bytes")
    np.savez(path, a=x)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        with z.open("a.npy", "w", force_zip64=True) as f:
            f.write(header("|u1", (5 << 30,)))
            for _ in range(5 << 6):
                f.write(bytes(1 << 24))
    bad(path, "expected an array of at most 4 GiB in an archive, found 53687")
    # no room, no folder
    np.savez(path, a=x)
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))}
    bad(path, "cannot be unfolded into", "File too large", **limit)
    refused("run", model, path, "-d", "sim", says="cannot be unfolded into /none", env={**os.environ, "TMPDIR": "/none"})


def header(kind, shape):
    """What a .npy begins with."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\1\0" + struct.pack("<H", 118) + f"{text:117}\n".encode()


# ---- making models

def quantize(folder):
    """A float network on images is what the integer one of the same numbers is, and is quantized with arrays."""
    net, x = Network(11), images(12, count=40)
    np.save(folder / "x.npy", x.astype(np.uint8))
    exact = [[float(v) for v in net.run(repeated(i))[1]] for i in x]
    real = net.write(folder / "f.snnq", integer=False)
    equal(samples(real, folder / "x.npy"), exact, "the float network")
    scores = {}
    for name, more in (("round", ()), ("calib", ("--calib", folder / "x.npy", "--limit", 36)),
                       ("search", ("--calib", folder / "x.npy", "--target-bits", 5))):
        grid = () if name == "search" else ("--default", "uniform:8")
        err = snnq("quantize", real, "-o", folder / "q.snnq", *grid, *more)[1]
        need("repeat" not in err and "few" not in err, f"warnings: {err}")
        graph = snnqfile.read(folder / "q.snnq")[0]
        equal(graph["input"], snnqfile.read(real)[0]["input"], "the input")
        scale = graph["readout"]["scale"]
        scores[name] = np.array(samples(folder / "q.snnq", folder / "x.npy")) * scale
        same = int((scores[name].argmax(1) == np.array(exact).argmax(1)).sum())
        need(same >= (40 if name != "search" else 36), f"{name}: {same} of 40 classes are the float network's")
    np.save(folder / "few.npy", x[:3].astype(np.uint8))
    err = snnq("quantize", real, "-o", folder / "q.snnq", "--default", "uniform:4", "--calib", folder / "few.npy")[1]
    need("calibration has 3 different recordings" in err, f"few: {err}")
    refused("quantize", real, "-o", folder / "q.snnq", "--default", "uniform:4", "--calib", folder / "x.npy",
            "--check", folder / "few.npy", code=2, says=("few.npy: is a recording for calibration, too",))
    # what --limit leaves, of an array and of a list of them
    for i in range(4):
        np.save(folder / f"{i}.npy", x[10 * i:10 * i + 10].astype(np.uint8))
    (folder / "parts").write_text("".join(f"{i}.npy\n" for i in range(4)))
    base = ("quantize", real, "-o", folder / "q.snnq", "--default", "uniform:4", "--json")
    np.save(folder / "rest.npy", x[12:].astype(np.uint8))
    want = document(*base[:-1], "--calib", folder / "x.npy", "--limit", 12, "--check", folder / "rest.npy")["quality"]
    equal((want["calibration"]["recordings"], want["check"]["recordings"]), (12, 28), "samples")
    for name in ("x.npy", "parts"):
        both = ("--calib", folder / name, "--check", folder / name)
        equal(document(*base[:-1], *both, "--limit", 12)["quality"], want, f"the rest of {name}")
        few = document(*base[:-1], *both, "--limit", 12, "--check-limit", 5)["quality"]["check"]
        equal(few["recordings"], 5, f"a part of the rest of {name}")
        refused(*base, *both, code=2, says="--calib takes all of its recordings")
        refused(*base, *both, "--limit", 40, code=2, says="expected more than 40 samples")


def nir(folder):
    """A NIR graph whose input is images, for all steps and one for each: all spikes, and back to NIR."""
    graph = nodes(np.random.default_rng(13))
    write_nir(folder / "a.nir", graph)
    x = np.random.default_rng(14).integers(0, 8, (NIR_STEPS, 2, 6, 6))
    for frames, seen in (("steps", x), ("repeat", np.repeat(x[:1], NIR_STEPS, 0))):
        snnq("import", folder / "a.nir", "-o", folder / "m.snnq", "--steps", NIR_STEPS, "--values", frames, "--planes", 3)
        np.save(folder / "x.npy", x if frames == "steps" else x[0])
        snnq("run", folder / "m.snnq", folder / "x.npy", "-d", "sim", "--raster", folder / frames)
        for name, want in run_nir(graph, seen, False, False).items():
            got = np.load(folder / frames / f"{name}.npy").transpose(0, 3, 1, 2)
            equal(int((got.reshape(-1) != want.reshape(-1)).sum()), 0, f"{frames}: spikes of {name}")
        out = document("export", folder / "m.snnq", "-o", folder / "b.nir")
        need(f"--values {frames} --planes 3" in out["import_options"], out["import_options"])
        snnq("import", folder / "b.nir", "-o", folder / "b.snnq", *out["import_options"].split())
        equal(samples(folder / "b.snnq", folder / "x.npy"), samples(folder / "m.snnq", folder / "x.npy"), "and back")
    refused("import", folder / "a.nir", "-o", folder / "m.snnq", "--steps", 5, "--values", "all", code=2, says="repeat or steps")
    graph["input"]["shape"] = np.array([300, 6, 6])
    graph["first"]["weight"] = np.ones((3, 300, 3, 3), np.float32)
    write_nir(folder / "a.nir", graph)
    refused("import", folder / "a.nir", "-o", folder / "m.snnq", "--steps", 5, says="at most 255 channels, found 300")
    snnq("import", folder / "a.nir", "-o", folder / "m.snnq", "--steps", 5, "--values", "repeat")
    equal(document("info", folder / "m.snnq")["input"]["channels"], 300, "channels")


def lava(folder):
    """A lava-dl network with an input layer of neurons takes pictures: its spikes, and all behind them."""
    shape, n = (2, 6, 5), {"iDecay": 4096, "vDecay": 300, "vThMant": 90, "wgtExp": 0}
    for weight, bias in ((None, None), (50, None), (90, -7)):
        layers = lava_layers(np.random.default_rng(15))

        def pictured(f, weight=weight, bias=bias):
            for key, value in (("weight", weight), ("bias", bias)):
                if value is not None:
                    f[f"layer/0/{key}"] = np.array([value], np.float32)
            f["layer/0/neuron/type"] = "CUBA"
            for key, value in {**n, "refDelay": 1, "gradedSpike": False, "theta": n["vThMant"] * 64}.items():
                f[f"layer/0/neuron/{key}"] = value

        write_lava(folder / "a.net", layers, shape, pictured)
        w, b = weight or 64, bias or 0
        for values in ("repeat", "steps"):
            x = np.random.default_rng(16).random((LAVA_STEPS, *shape)).astype(np.float32)
            frames = x if values == "steps" else np.repeat(x[:1], LAVA_STEPS, 0)
            np.save(folder / "x.npy", x if values == "steps" else x[0])
            more = ("--values", "steps") if values == "steps" else ()
            err = snnq("import", folder / "a.net", "-o", folder / "m.snnq", *more)[1]
            need("numbers from 0 to 1" in err, f"a note: {err}")
            snnq("run", folder / "m.snnq", folder / "x.npy", "-d", "sim", "--raster", folder / "r")
            # the potential in integers: towards zero by vDecay / 4096, then 64 times the drive
            drive = np.rint(frames.astype(np.float64) / (1 / (2 * w))).astype(np.int64) - w + b
            v, spikes = np.zeros(shape, np.int64), []
            for d in drive:
                v = np.sign(v) * (np.abs(v) * (4096 - n["vDecay"]) >> 12) + 64 * d
                spikes.append(v > n["vThMant"] * 64)
                v = np.where(spikes[-1], 0, v)
            late = np.concatenate([np.zeros((1, *shape), np.int64), np.array(spikes[:-1]).astype(np.int64)])
            need(late.any(), "the input layer fires")
            for name, want in zip(("layer0", "layer1", "layer2", "layer3", "layer5", "layer6"), [late, *simulate(layers, late)]):
                got = np.load(folder / "r" / f"{name}.npy").transpose(0, 3, 1, 2)
                equal(int((got != want).sum()), 0, f"weight {w}, bias {b}, {values}: spikes of {name}")
    refused("import", folder / "a.net", "-o", folder / "m.snnq", "--planes", 4, code=2, says="planes: of no use")
    refused("import", folder / "a.net", "-o", folder / "m.snnq", "--values", "steps", "--spikes-in", code=2, says="of no use")
    snnq("import", folder / "a.net", "-o", folder / "m.snnq", "--spikes-in")
    equal(document("info", folder / "m.snnq")["input"]["kind"], "events", "spikes of an input layer")
    with h5py.File(folder / "a.net", "a") as f:
        del f["layer/0/weight"]
        f["layer/0/weight"] = np.array([-3.0])
    refused("import", folder / "a.net", "-o", folder / "m.snnq", says=("/layer/0/weight", "expected an integer 1..32767"))
    # without such a layer the first weights read what comes
    write_lava(folder / "a.net", lava_layers(np.random.default_rng(15)), shape)
    x = np.random.default_rng(17).integers(0, 2, shape)
    np.save(folder / "x.npy", x)
    snnq("import", folder / "a.net", "-o", folder / "m.snnq", "--values", "repeat", "--planes", 1)
    snnq("run", folder / "m.snnq", folder / "x.npy", "-d", "sim", "--raster", folder / "r")
    want = simulate(lava_layers(np.random.default_rng(15)), np.repeat(x[None], LAVA_STEPS, 0))[0]
    equal(int((np.load(folder / "r" / "layer1.npy").transpose(0, 3, 1, 2) != want).sum()), 0, "without an input layer")


def keep(folder):
    """NETWORK/model.snnq, input.npy and outputs, which equal NumPy's; an image for each step, a row for all."""
    for name, net, frames, changes in (
            ("values", Network(5), np.random.default_rng(6).integers(0, 256, (STEPS, C, H, W)), {"frames": "steps"}),
            ("values-flat", Network(3, flat=True), repeated(images(4)[0]), {})):
        path = folder / name
        path.mkdir(parents=True)
        np.save(path / "input.npy", (frames if changes else frames[0]).astype(np.uint8))
        model = net.write(path / "model.snnq", **changes)
        out = document("run", model, path / "input.npy", "-d", "sim", "--raster", path / "outputs")
        spikes, scores = net.run(frames)
        need(spikes.any(), "spikes")
        equal(out["scores"], scores, name)
        equal(np.load(path / "outputs" / "first.npy").tolist(), spikes.tolist(), f"{name}: spikes")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--keep"]:
        sys.exit(keep(pathlib.Path(sys.argv[2])))
    sys.exit(main(types, shapes, steps, scales, models, mistaken, labels, others, archives, calibrated, bad_archives, quantize,
                  nir, lava))
