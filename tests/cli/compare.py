#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""snnq compare: every figure is computed again from evaluations, rasters, energies and sizes; the
document keeps to its schema; what cannot be compared is refused or named."""
import json
import math
import sys

import jsonschema
import numpy as np

from common import DEMO, ROOT, equal, main, near, need, refused, snnq
from quality import prepare
from schema import read, write

SCHEMA = json.loads((ROOT / "Documentation/compare.schema.json").read_text())
FLOAT, INTEGER, DATA = DEMO / "digits-float.snnq", DEMO / "digits.snnq", DEMO / "test.tsv"
LIMIT = 9


def compare(*arguments):
    """The document, which keeps to its schema."""
    j = json.loads(snnq("compare", *arguments, "--json")[0])
    jsonschema.validate(j, SCHEMA)
    return j


def edit(source, target, change):
    """A copy of a model whose graph is changed."""
    graph, header, data = read(source)
    change(graph)
    write(target, graph, header, data)
    return target


def rasters(folder, model, path):
    """{layer: [step, neuron]} of a recording."""
    snnq("run", model, path, "-d", "sim", "--raster", folder)
    found = {}
    for file in folder.glob("*.npy"):
        values = np.load(file).astype(np.int64)
        found[file.stem] = values.reshape(len(values), -1)
        file.unlink()
    return found


def mcnemar(lost, won):
    """By counting all outcomes of the coin."""
    n, k = lost + won, min(lost, won)
    return min(1, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n)


def coarse(folder):
    """A model of few bits, whose answers differ."""
    snnq("quantize", FLOAT, "-o", folder / "coarse.snnq", "--default", "odd:2")
    return folder / "coarse.snnq"


def answers(folder):
    """Accuracies, changed answers, interval and p follow from two evaluations."""
    models = FLOAT, coarse(folder)
    j = compare(*models, "--data", DATA, "--limit", 60)
    a, b = (json.loads(snnq("eval", m, "--data", DATA, "--limit", 60, "-d", "sim", "--json")[0])
            for m in models)
    pairs = list(zip(a["predictions"], b["predictions"]))
    lost = sum(x["class"] == x["label"] != y["class"] for x, y in pairs)
    won = sum(x["class"] != x["label"] == y["class"] for x, y in pairs)
    need(lost > 3, f"the models must differ: lost {lost}, won {won}")
    g = j["accuracy"]
    equal((g["lost"], g["won"]), (lost, won), "lost and won")
    near(g["difference"], (won - lost) / 60, "difference")
    near(g["p"], mcnemar(lost, won), "p")
    # Agresti and Min: half a recording more in each of four cells
    p, q = (won + 0.5) / 62, (lost + 0.5) / 62
    half = 1.959963984540054 * math.sqrt((p + q - (p - q) ** 2) / 62)
    near(g["least"], p - q - half, "least")
    near(g["most"], p - q + half, "most")
    equal([m["correct"] for m in j["models"]], [a["correct"], b["correct"]], "correct")
    equal([(c["recording"], c["path"], c["label"], c["classes"]) for c in j["changed"]],
          [(i, x["path"], x["label"], [x["class"], y["class"]])
           for i, (x, y) in enumerate(pairs) if x["class"] != y["class"]], "changed answers")


def layers(folder):
    """Rates, drifts, distances and first differences follow from the rasters."""
    j = compare(FLOAT, INTEGER, "--data", DATA, "--limit", LIMIT, "--threads", 3)
    equal(compare(FLOAT, INTEGER, "--data", DATA, "--limit", LIMIT, "--threads", 1), j,
          "with one thread")
    (folder / "r").mkdir()
    names = [line.split("\t")[0] for line in DATA.read_text().splitlines()[:LIMIT]]
    outputs = [[rasters(folder / "r", m, DEMO / n) for m in (FLOAT, INTEGER)] for n in names]
    equal(len(j["layers"]), 26, "layers")
    for layer in j["layers"]:
        name = layer["name"]
        a, b = (np.stack([o[m][name] for o in outputs]) for m in (0, 1))
        equal(layer["neurons"], a.shape[2], f"{name}: neurons")
        equal(layer["spikes"], [a.sum(), b.sum()], f"{name}: spikes")
        near(layer["rates"][1], b.mean(), f"{name}: rate")
        need(abs(layer["drift"] - (b.mean() - a.mean())) < 1e-12, f"{name}: drift")
        x, y = (np.sort(v.mean((0, 1))) for v in (a, b))
        need(abs(layer["distance"] - np.abs(x - y).mean()) < 1e-12, f"{name}: distance")
        near(layer["differing"], (a != b).mean(), f"{name}: differing")
        where = np.argwhere((a != b).any(2))
        equal(layer["recordings"], len(set(where[:, 0])), f"{name}: recordings that differ")
        equal(layer["first"], {"recording": where[0, 0], "path": names[where[0, 0]],
                               "step": where[0, 1]}, f"{name}: first difference")
    equal(j["first_difference"], {"layer": "conv1", **j["layers"][0]["first"]}, "first layer")
    equal(j["not_compared"], [{"name": "head", "reason": "its output is not spikes in both models"}],
          "not compared")
    equal(j["only"], [[], []], "only in one")


def costs(_folder):
    """Sizes are those of info, energies those of both dataflows."""
    j = compare(FLOAT, INTEGER, "--data", DATA, "--limit", 3)
    of = [json.loads(snnq("energy", FLOAT, INTEGER, "--data", DATA, "--limit", 3, "--json", *flow)[0])
          for flow in ((), ("--resident",))]
    for i, path in enumerate((FLOAT, INTEGER)):
        info = json.loads(snnq("info", path, "--json")[0])
        model = j["models"][i]
        equal(model["model_bytes"], path.stat().st_size, "bytes")
        equal(model["avg_weight_bits"], info["avg_weight_bits"], "bits")
        equal(model["energy_uj"], of[0]["models"][i]["total"]["total_uj"], "energy")
        near(model["energy_resident_uj"], of[1]["models"][i]["total"]["total_uj"], "resident")
        need(model["energy_resident_uj"] < model["energy_uj"] - 1, "weights on the chip cost less")


def alike(_folder):
    """A model and itself: nothing differs, and that is said."""
    j = compare(INTEGER, INTEGER, "--data", DATA, "--limit", 3)
    equal((j["changed"], j["first_difference"]), ([], None), "differences")
    equal((j["accuracy"]["difference"], j["accuracy"]["p"]), (0, 1), "accuracy")
    need(j["accuracy"]["least"] < 0 < j["accuracy"]["most"], "an interval has a width")
    need(all(l["differing"] == l["distance"] == l["recordings"] == 0 and l["first"] is None
             for l in j["layers"]), "layers")
    text = snnq("compare", INTEGER, INTEGER, "--data", DATA, "--limit", 3)[0]
    need("no layer that both have differs" in text and "0 of 3 answers changed" in text, text)


def words(folder):
    """The table says what the document says; long lists of answers are cut."""
    arguments = FLOAT, coarse(folder), "--data", DATA, "--limit", 60
    j, text = compare(*arguments), snnq("compare", *arguments)[0]
    g, first, changed = j["accuracy"], j["first_difference"], j["changed"]
    need(len(changed) > 10, f"many answers: {len(changed)}")
    for part in (f"lost {g['lost']}, won {g['won']}", f"{100 * g['least']:+.2f} to {100 * g['most']:+.2f}",
                 f"{len(changed)} of 60 answers changed", f"and {len(changed) - 10} more",
                 f"{changed[0]['path']:40} label {changed[0]['label']}: {changed[0]['classes'][0]} -> ",
                 f"from layer {first['layer']} on: first in step {first['step']}",
                 f"{j['models'][1]['energy_resident_uj']:.3f}", "layer head is not compared"):
        need(part in text, f"expected {part!r} in:\n{text}")
    need(changed[10]["path"] not in text, "the eleventh answer is not shown")


def named(folder):
    """Layers that only one model has, or that have other shapes, are named."""
    prepare(folder, 1)
    source = folder / "float.snnq"

    def rename(graph):
        graph["layers"][0]["name"] = graph["layers"][1]["inputs"][0] = "other"

    b = edit(source, folder / "b.snnq", rename)
    j = compare(source, b, "--data", folder / "list.tsv")
    equal(j["only"], [["fc1"], ["other"]], "only in one")
    equal([l["name"] for l in j["layers"]], ["fc2"], "compared")
    equal(j["first_difference"], None, "they are the same")
    text = snnq("compare", source, b, "--data", folder / "list.tsv")[0]
    need("only A has layer fc1\nonly B has layer other\n" in text, text)

    def swap(graph):
        graph["layers"][0]["name"], graph["layers"][1]["name"] = "fc2", "fc1"
        graph["layers"][1]["inputs"], graph["layers"][2]["inputs"] = ["fc2"], ["fc1"]

    j = compare(source, edit(source, folder / "b.snnq", swap), "--data", folder / "list.tsv")
    equal([n["name"] for n in j["not_compared"] if n["reason"] == "its shapes differ"], ["fc1", "fc2"],
          "shapes")


def refusals(folder):
    """Other inputs, other classes, no recordings and no labels are refused with what differs."""
    prepare(folder, 1)
    a, data = folder / "float.snnq", folder / "list.tsv"

    def steps(graph):
        graph["input"]["steps"] = 5

    def length(graph):
        graph["input"]["step_us"] = 2000

    def classes(graph):
        graph["classes"] = [*"abcd"]

    def others(graph):
        graph["classes"] = [*"abdd"]

    b = folder / "b.snnq"
    refused("compare", a, edit(a, b, steps), "--data", data,
            says=(f"{b}: input: steps: expected 6, as {a} has, found 5",))
    refused("compare", a, edit(a, b, length), "--data", data, says="input: step_us: expected 1000")
    refused("compare", edit(a, folder / "c.snnq", classes), edit(a, b, others), "--data", data,
            says='class 2: expected "c"')
    compare(a, folder / "c.snnq", "--data", data)  # one has no names
    refused("compare", a, INTEGER, "--data", data, says="input: width: expected 4")
    refused("compare", a, a, code=2, says="--data is missing")
    refused("compare", a, folder / "none", "--data", data, says="none")
    refused("compare", a, a, "--data", folder / "none", says="none")
    (folder / "empty.tsv").write_text("# nothing\n")
    refused("compare", a, a, "--data", folder / "empty.tsv", says="expected at least one recording")
    (folder / "bare.tsv").write_text("0.bs2\n")
    refused("compare", a, a, "--data", folder / "bare.tsv", says="line 1: expected a path and a label")
    (folder / "wrong.tsv").write_text("0.bs2\t4\n")
    refused("compare", a, a, "--data", folder / "wrong.tsv", says="label: expected")
    (folder / "gone.tsv").write_text("gone.bs2\t0\n")
    refused("compare", a, a, "--data", folder / "gone.tsv", says="gone.bs2")
    (folder / "silent.bs2").write_bytes(b"")
    (folder / "silent.tsv").write_text("silent.bs2\t0\n")
    refused("compare", a, a, "--data", folder / "silent.tsv", says="silent.bs2")


def counts(folder):
    """Classes must be as many."""
    prepare(folder, 1)

    def fewer(graph):
        graph["layers"][2]["inputs"] = ["fc1"]
        graph["layers"][2]["out_channels"] = 5
        graph["layers"][2]["weight"]["tensor"] = "w5"

    graph, header, data = read(folder / "float.snnq")
    fewer(graph)
    extra = np.ones((5, 12), "<f4")
    header["w5"] = {"dtype": "F32", "shape": [5, 12], "data_offsets": [len(data), len(data) + extra.nbytes]}
    del graph["layers"][1]
    write(folder / "b.snnq", graph, header, data + extra.tobytes())
    refused("compare", folder / "float.snnq", folder / "b.snnq", "--data", folder / "list.tsv",
            says="expected 4 classes")


if __name__ == "__main__":
    sys.exit(main(answers, layers, costs, alike, words, named, refusals, counts))
