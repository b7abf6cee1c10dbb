#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Methods that the quantizer is held against, and parts of its own that are left out, on small
networks made here: they do what their names say, and are refused where they have no use. Bars lie
a few per cent from what was measured."""
import json
import sys

import numpy as np

from common import equal, main, need, refused, snnq
from quality import Judge, prepare

PARTS = ("centre", "sort", "scale", "feedback", "descent", "bias", "neurons", "again", "rounded")


def quantize(folder, *options):
    """The document of a model with these options, in q.snnq."""
    return json.loads(snnq("quantize", folder / "float.snnq", "-o", folder / "q.snnq", "--calib",
                           folder / "list.tsv", "--json", *options)[0])


def second_order(folder):
    """GPTQ and SBC lose less than rounding and more than all of the method, and say what they are."""
    sums = dict.fromkeys(("round", "gptq", "sbc", "compensate"), 0)
    models = {}
    for seed in range(6):
        prepare(folder, seed)
        judge = Judge(folder / "list.tsv", folder / "float.snnq")
        for method in sums:
            j = quantize(folder, "--default", "uniform:3", "--method", method)
            equal(j["quantization"]["method"], method, "what the model says")
            sums[method] += judge.loss(folder / "q.snnq")
            models[method] = (folder / "q.snnq").read_bytes()
        snnq("quantize", folder / "float.snnq", "-o", folder / "q.snnq", "--calib",
             folder / "list.tsv", "--default", "uniform:3", "--method", "gptq", "-j", "3")
        equal((folder / "q.snnq").read_bytes() == models["gptq"], True, "with three threads")
    need(models["gptq"] != models["sbc"], "traces make a difference")
    need(sums["compensate"] < 0.9 * min(sums["gptq"], sums["sbc"]), f"losses: {sums}")
    need(max(sums["gptq"], sums["sbc"]) < sums["round"], f"losses: {sums}")


def allocations(folder):
    """Greedy, beam and random keep to the bits, and by drift they lose less than by chance."""
    sums = dict.fromkeys(("greedy", "beam", "random"), 0)
    for seed in range(4):
        prepare(folder, seed)
        judge = Judge(folder / "list.tsv", folder / "float.snnq")
        for method in sums:
            j = quantize(folder, "--method", method, "--target-bits", 2.5)
            equal(j["quantization"]["method"], method, "what the model says")
            need(2.1 < j["avg_weight_bits"] <= 2.5, f"{method}: {j['avg_weight_bits']} bits")
            sums[method] += judge.loss(folder / "q.snnq")
    need(max(sums["greedy"], sums["beam"]) < sums["random"], f"losses: {sums}")


def drifts(folder):
    """Greedy takes bits from the layer whose membranes drift least."""
    prepare(folder, 5)
    raw = (folder / "float.snnq").read_bytes()
    size = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:8 + size])
    data = bytearray(raw[8 + size:])
    start, end = header["fc2"]["data_offsets"]
    weights = np.frombuffer(bytes(data[start:end]), "<f4")
    data[start:end] = (np.sign(weights) * 0.5).astype("<f4").tobytes()  # one bit holds them
    (folder / "float.snnq").write_bytes(raw[:8 + size] + bytes(data))
    j = quantize(folder, "--method", "greedy", "--target-bits", 3.5)
    bits = {l["name"]: (l["scheme"], l["bits"]) for l in j["layers"]}
    equal(bits["fc2"][1], 1, f"bits of {bits}")
    need(min(bits["fc1"][1], bits["head"][1]) > 3, f"the others have what is left: {bits}")


def seeds(folder):
    """The same seed gives the same grids, others give others; schemes and bits are kept to."""
    prepare(folder, 1)
    found = []
    for seed in (1, 1, 2, 3):
        j = quantize(folder, "--method", "random", "--seed", seed, "--target-bits", 3, "--schemes",
                     "uniform,odd", "--max-bits", 5, "--min-bits", "head=2", "--layer",
                     "fc1=uniform:4")
        equal(j["quantization"]["seed"], seed, "what the model says")
        grids = [(l["scheme"], l["bits"]) for l in j["layers"]]
        equal(grids[0], ("uniform", 4), "a grid that was given")
        need(all(s in ("uniform", "odd") and b <= 5 for s, b in grids) and grids[2][1] >= 2,
             f"limits: {grids}")
        found.append(grids)
    equal(found[0], found[1], "the same seed")
    need(len(set(map(tuple, found))) > 1, f"other seeds: {found}")


def parts(folder):
    """Each part can be left out and changes the model; the model says what was."""
    prepare(folder, 2)
    quantize(folder, "--default", "uniform:3")
    whole = (folder / "q.snnq").read_bytes()
    size = int.from_bytes(whole[:8], "little")
    changed = []
    for i, part in enumerate(PARTS):
        j = quantize(folder, "--default", "uniform:3", "--without", part)
        equal(j["quantization"]["without"], 1 << i, f"what the model says of {part}")
        raw = (folder / "q.snnq").read_bytes()
        if raw[8 + int.from_bytes(raw[:8], "little"):] != whole[8 + size:]:
            changed.append(part)
    need({"feedback", "descent", "bias", "neurons"} <= set(changed), f"they change: {changed}")
    j = quantize(folder, "--default", "uniform:3", *(o for p in PARTS for o in ("--without", p)))
    equal(j["quantization"]["without"], (1 << len(PARTS)) - 1, "all left out")


def refusals(folder):
    """What has no use with a method is refused."""
    prepare(folder, 1)
    command = ("quantize", folder / "float.snnq", "-o", folder / "q.snnq", "--calib",
               folder / "list.tsv")
    grid = ("--default", "uniform:3")
    refused(*command, *grid, "--method", "obq", code=2, says=("gptq, sbc", 'found "obq"'))
    refused(*command, "--method", "gptq", code=2, says="expected grids")
    refused(*command[:4], *grid, "--method", "gptq", code=2, says="expected recordings")
    for method in ("greedy", "beam", "random"):
        refused(*command, "--method", method, code=2, says="--target-bits is missing")
        refused(*command, "--method", method, "--target-bits", 1.5, "--target-bytes", 900, code=2,
                says="--target-bytes: expected a search")
        refused(*command, "--method", method, "--target-bits", 0.9, code=1,
                says="target of 0.9 bits: expected at least 1.000,")
        refused(*command[:4], "--method", method, "--target-bits", 2, code=2,
                says="expected recordings")
    refused(*command, *grid, "--seed", 3, code=2, says="expected random, found compensate")
    refused(*command, "--method", "random", "--target-bits", 2, "--seed", "x", code=2,
            says='expected a number, found "x"')
    refused(*command, *grid, "--without", "luck", code=2, says='found "luck"')
    refused(*command, "--target-bits", 2, "--without", "bias", code=2, says="found search")
    refused(*command, *grid, "--method", "gptq", "--without", "bias", code=2, says="found gptq")
    refused(*command, *grid, "--method", "sbc", "--moments", "traces", code=2,
            says="expected compensate or search, found sbc")


if __name__ == "__main__":
    sys.exit(main(second_order, allocations, drifts, seeds, parts, refusals))
