#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Grids by patterns, limits of bits and schemes, estimates, fronts to pick from, explanations, and
energies with other constants: on a small network."""
import json
import os
import subprocess
import sys
from itertools import permutations

from common import SNNQ, equal, main, near, need, refused, snnq
from quality import LAYERS, prepare


def command(folder, *options):
    return ("quantize", folder / "float.snnq", "-o", folder / "q.snnq", "--calib",
            folder / "list.tsv", *options)


def grids(folder, *options):
    """{layer: grid} of what comes out."""
    j = json.loads(snnq(*command(folder, *options, "--json"))[0])
    return {l["name"]: f"{l['scheme']}:{l['bits']}" for l in j["layers"] if l["bits"]}


def patterns(folder):
    """A pattern names layers; names go before patterns, later ones before earlier ones."""
    prepare(folder, 1)
    general = ("--default", "uniform:4")
    equal(grids(folder, *general, "--layer", "fc?=odd:3"),
          {"fc1": "odd:3", "fc2": "odd:3", "head": "uniform:4"}, "a pattern")
    equal(grids(folder, *general, "--layer", "fc2=pot:3", "--layer", "fc*=odd:3"),
          {"fc1": "odd:3", "fc2": "pot:3", "head": "uniform:4"}, "a name before a pattern")
    equal(grids(folder, "--layer", "*=odd:3", "--layer", "f*[12]=odd:4", "--exclude", "head"),
          {"fc1": "odd:4", "fc2": "odd:4", "head": "uniform:8"}, "the later pattern")
    equal(grids(folder, *general, "--exclude", "*c1")["fc1"], "uniform:8", "excluded")
    # a name goes before patterns, --exclude before patterns of --layer, in any order
    for options, want in (
            ((("--exclude", "fc*"), ("--layer", "fc1=odd:3")), ("odd:3", "uniform:8", "uniform:4")),
            ((("--exclude", "fc*"), ("--layer", "f*=odd:3")),
             ("uniform:8", "uniform:8", "uniform:4")),
            ((("--exclude", "f*"), ("--layer", "fc*=odd:3")),
             ("uniform:8", "uniform:8", "uniform:4")),
            ((("--exclude", "fc1"), ("--layer", "fc*=odd:3")), ("uniform:8", "odd:3", "uniform:4"))):
        for order in permutations((*options, general)):
            found = grids(folder, *(o for option in order for o in option))
            equal(found, dict(zip(LAYERS, want)), f"excluded, {order}")
    for option in (("--layer", "block*.fc?=odd:3"), ("--exclude", "fc3"), ("--layer", "FC1=odd:3")):
        refused(*command(folder, *general, *option), code=2,
                says=("no layer with weights is named", "expected one of fc1, fc2, head"))
    refused(*command(folder, *general, "--layer", "fc1=odd:3", "--exclude", "fc1"), code=2,
            says="fc1 twice")


def without_grids(folder):
    """Who says neither grids nor a target has used the command wrongly."""
    prepare(folder, 1)
    refused("quantize", folder / "float.snnq", "-o", folder / "q", code=2,
            says=("expected grids (--default, --layer, --pick), or a target", "found neither"))
    for method in ("round", "compensate", "gptq", "sbc"):
        refused(*command(folder, "--method", method), code=2, says="expected grids")
    for some in (("--layer", "fc1=odd:3"), ("--exclude", "fc1")):
        refused(*command(folder, *some), code=2,
                says="layer fc2 (linear): no scheme and bits were chosen for it, and no default")


def nothing_to_do(folder):
    """A search of no layers, and shards without a journal to merge them into, are named."""
    prepare(folder, 1)
    for method in ("search", "greedy", "random"):
        refused(*command(folder, "--method", method, "--target-bits", 3, "--default", "uniform:4"),
                code=2, says="--default: gives all layers grids and leaves none to")
    refused(*command(folder, "--target-bits", 3, "--merge", folder / "j"), code=2,
            says="--merge: expected --journal")


def least(folder):
    """Bits that no grids can have are told as bits of weights, whatever chooses the grids."""
    prepare(folder, 1)
    for method in ("search", "greedy", "beam", "random"):
        refused(*command(folder, "--method", method, "--target-bits", 1.5, "--min-bits", 2), code=1,
                says="target of 1.5 bits: expected at least 1.6")
        low = refused(*command(folder, "--method", method, "--target-bits", 0.5), code=1,
                      says="target of 0.5 bits: expected at least 1.000, the least that its grids")
        snnq(*command(folder, "--method", method, "--target-bits", low.split("least ")[1][:5]))


def checks(folder):
    """Recordings to check with: others of the same list, so many of them, and enough for a target."""
    prepare(folder, 1)
    grid = ("--default", "uniform:4")
    lines = (folder / "list.tsv").read_text().splitlines(keepends=True)
    (folder / "first.tsv").write_text("".join(lines[:10]))
    (folder / "others.tsv").write_text("".join(lines[10:]))

    def quality(*options):
        j = json.loads(snnq("quantize", folder / "float.snnq", "-o", folder / "q", *grid, *options,
                            "--json")[0])
        return {k: v for k, v in j["quality"].items() if k in ("calibration", "check")}

    (folder / "by").mkdir()
    for i, line in enumerate(lines):
        (folder / "by" / str(i % 4)).mkdir(exist_ok=True)
        name = line.split("\t")[0]
        (folder / "by" / str(i % 4) / name).write_bytes((folder / name).read_bytes())
    want = quality("--calib", folder / "first.tsv", "--check", folder / "others.tsv")
    equal((want["calibration"]["recordings"], want["check"]["recordings"]), (10, 6), "recordings")
    equal(quality("--calib", folder / "list.tsv", "--limit", 10, "--check", folder / "list.tsv"),
          want, "those that --limit leaves")
    few = quality("--calib", folder / "list.tsv", "--limit", 10, "--check", folder / "list.tsv",
                  "--check-limit", 2)
    equal((few["calibration"], few["check"]["recordings"]), (want["calibration"], 2), "two of them")
    equal(quality("--check", folder / "list.tsv", "--check-limit", 3)["check"]["recordings"], 3,
          "nothing but --check")
    counts = quality("--calib", folder / "by", "--limit", 5, "--check", folder / "by")
    equal((counts["calibration"]["recordings"], counts["check"]["recordings"]), (5, 11), "a folder")
    base = ("quantize", folder / "float.snnq", "-o", folder / "r", *grid)
    for options, says in (
            (("--check", folder / "list.tsv", "--limit", 3), "expected --check-limit for --check"),
            (("--check-limit", 3), "expected --check beside it"),
            (("--calib", folder / "list.tsv", "--check", folder / "list.tsv"),
             "--calib takes all of its recordings; expected --limit"),
            (("--calib", folder / "by", "--limit", 16, "--check", folder / "by"),
             "--calib takes all of its recordings; expected --limit")):
        refused(*base, *options, code=2, says=says)
    both = command(folder, "--limit", 10, "--check", folder / "list.tsv")
    error = refused(*both, "--max-drop", 0, code=2, says="no number of recordings to check with shows")
    need("at least 0" not in error, error)
    refused(*both, "--max-drop", 1, code=2, says="expected at least 368 recordings to check with, found 6")


def limits(folder):
    """A search keeps to bits and schemes of all layers, and of those of patterns."""
    prepare(folder, 1)
    target = ("--target-bits", 4)
    bits = {n: int(g.split(":")[1]) for n, g in
            grids(folder, *target, "--min-bits", 3, "--max-bits", "fc*=4", "--max-bits", 6).items()}
    need(all(b >= 3 for b in bits.values()) and bits["fc1"] <= 4 and bits["fc2"] <= 4
         and bits["head"] <= 6, f"bits: {bits}")
    found = grids(folder, *target, "--schemes", "uniform", "--schemes", "fc2=pot,apot",
                  "--exclude", "head")
    need(found["fc1"].startswith("uniform") and found["fc2"].split(":")[0] in ("pot", "apot"),
         f"schemes: {found}")
    equal(found["head"], "uniform:8", "excluded from the search")
    for option, says in ((("--min-bits", 9), "1 to 8 bits"), (("--min-bits", "fc1=0"), "1 to 8"),
                         (("--max-bits", "x=3"), "no layer"), (("--schemes", "fc1=cubic"), "cubic"),
                         (("--min-bits", 5, "--max-bits", "fc1=3"), "layer fc1")):
        refused(*command(folder, *target, *option), code=2, says=says)
    # whose fault it is: the user's limits leave nothing, or what they leave the device has not
    for method in ((), ("--method", "random")):
        refused(*command(folder, *target, *method, "--schemes", "pot", "--min-bits", 6), code=2,
                says=("layer fc1", "expected limits that leave it a grid: none of pot has 6 to 8"))
    device = json.loads(snnq("info", "sim", "--json")[0])
    (folder / "device.json").write_text(json.dumps({**device, "scheme_pot": 0}))
    refused(*command(folder, *target, "--schemes", "pot", "--device", folder / "device.json"),
            code=3, says="the device has none of the schemes with 1 to 8 bits (pot)")
    # names go before patterns, patterns before all, wherever they stand

    def exactly(name, bits):
        return "--min-bits", f"{name}{bits}", "--max-bits", f"{name}{bits}"

    for order in permutations(((*exactly("fc1=", 2), "--schemes", "fc1=odd"), exactly("fc*=", 4),
                               (*exactly("", 7), "--schemes", "uniform"))):
        found = grids(folder, "--target-bits", 8, *(o for options in order for o in options))
        equal(found, {"fc1": "odd:2", "fc2": "uniform:4", "head": "uniform:7"}, f"limits {order}")
    refused(*command(folder, "--default", "uniform:4", "--min-bits", 3), code=2, says="--min-bits")


def estimates(folder):
    """An estimate has the size of what would be written, and writes nothing."""
    prepare(folder, 1)
    grid = ("--default", "uniform:3")
    plain = ("quantize", folder / "float.snnq")
    j = json.loads(snnq(*plain, *grid, "--estimate", "--json")[0])["quality"]
    snnq(*plain, *grid, "-o", folder / "r.snnq")
    equal(j["bytes"], (folder / "r.snnq").stat().st_size, "bytes")
    near(j["avg_weight_bits"], 3, "bits")
    for options in (grid, ("--target-bits", 3)):
        q = json.loads(snnq(*command(folder, *options, "--estimate", "--json"))[0])["quality"]
        need(not (folder / "q.snnq").exists(), "nothing is written")
        need(q["energy_uj"] > q["energy_resident_uj"] > 0 and q["bytes"] > 500, f"quality: {q}")
        need("estimate: " in snnq(*command(folder, *options, "--estimate"))[0], "text")
    refused(*command(folder, "--target-bits", 3, "--estimate", "--front", folder / "f"), code=2,
            says="writes nothing")


def fronts(folder):
    """Any point of a front can be picked later, for the model that it is of."""
    prepare(folder, 1)
    front = folder / "front.json"
    text = snnq(*command(folder, "--target-bits", 2.5, "--front", front, "--explain"))[0]
    searched = json.loads(snnq("info", folder / "q.snnq", "--json")[0])
    document = json.loads(front.read_text())
    points = document["front"]
    need(len(points) > 5 and all(name in text for name in LAYERS), "points, and explanations")
    for n in (0, len(points) // 2, len(points) - 1):
        want = dict(zip(LAYERS, points[n]["choice"]))
        equal(grids(folder, "--pick", front, "--point", n), want, f"point {n}")
    # the last is what the search chose
    equal([l["bits"] for l in json.loads(snnq("info", folder / "q.snnq", "--json")[0])["layers"]],
          [l["bits"] for l in searched["layers"]], "the choice")
    j = json.loads(snnq(*command(folder, "--pick", front, "--target-bits", 2, "--json"))[0])
    need(1.5 < j["avg_weight_bits"] <= 2, f"bits: {j['avg_weight_bits']}")
    refused(*command(folder, "--pick", front, "--target-bits", 0.5), code=1, says="no point meets")
    refused(*command(folder, "--pick", front, "--point", 10**6), code=2, says="expected a point")
    refused(*command(folder, "--pick", front), code=2, says="expected --point or a target")
    refused(*command(folder, "--pick", front, "--point", 0, "--default", "odd:2"), code=2,
            says="no other grids")
    for bad in ("", "{}", "[1]", text, json.dumps({**document, "front": [{"avg_bits": 1}]}),
                json.dumps({**document, "layers": document["layers"][:-1]})):
        front.write_text(bad)
        refused(*command(folder, "--pick", front, "--point", 0), says="expected what --front wrote")
    front.write_text(json.dumps(document).replace("uniform:", "uniform;"))
    refused(*command(folder, "--pick", front, "--point", 0), says="expected SCHEME:BITS")
    front.write_text(json.dumps(document))
    prepare(folder, 2)
    refused(*command(folder, "--pick", front, "--point", 0), says="chosen for another model")


def picked(folder):
    """What is picked within targets keeps to them, however far points are from what comes of them."""
    prepare(folder, 1)
    front, model = folder / "front.json", folder / "q.snnq"
    (folder / "k.json").write_text('{"name": "other DRAM", "constants": {"dram_bit": {"pj": 9, '
                                   '"source": "none"}}}')
    snnq(*command(folder, "--target-bits", 2.5, "--front", front))
    document = json.loads(front.read_text())
    points = document["front"]
    equal(points[document["chosen"]]["bytes"], model.stat().st_size, "bytes of what was written")
    need(document["base_loss"] >= 0, "the loss that others are held against")
    for name, value in (("constants", "45 nm model"), ("weights", "streamed"), ("schemes", "all")):
        equal(document["options"][name], value, name)
    for target in sorted(p["bytes"] for p in points)[5::5]:
        for method in ("round", "compensate"):
            model.unlink(missing_ok=True)
            out = snnq(*command(folder, "--pick", front, "--target-bytes", target, "--method",
                                method, "--json"))[0]
            need(model.stat().st_size <= target, f"{model.stat().st_size} bytes, of {target}")
            equal(json.loads(out)["quality"]["bytes"], model.stat().st_size, "bytes told")
    for target in sorted(p["energy_uj"] for p in points)[5::5]:
        j = json.loads(snnq(*command(folder, "--pick", front, "--target-energy", target,
                                     "--json"))[0])
        need(j["quality"]["energy_uj"] <= target + 1e-9, f"{j['quality']}, {target}")
    # a front that tells too little is not believed
    for p in points:
        p["bytes"] -= 200
        p["energy_uj"] /= 2
    front.write_text(json.dumps(document))
    least, most = min(p["bytes"] for p in points), max(p["bytes"] for p in points)
    err = snnq(*command(folder, "--pick", front, "--target-bytes", most))[1]
    need(model.stat().st_size <= most and "another point" in err, "bytes of a front that is wrong")
    model.unlink()
    err = snnq(*command(folder, "--pick", front, "--target-bytes", least + 10), code=1)[1]
    need("no point meets" in err and not model.exists(), f"nothing fits: {err}")
    # energies are those of what the search was told
    energy = ("--pick", front, "--target-energy", points[-1]["energy_uj"])
    for option, says in ((("--weights", "resident"), "expected the same, found resident"),
                         (("--constants", folder / "k.json"), 'found "other DRAM"')):
        refused(*command(folder, *energy, *option), code=2, says=says)
    refused("quantize", folder / "float.snnq", "-o", model, *energy, code=2,
            says="expected recordings")
    snnq(*command(folder, "--target-bits", 4, "--front", front, "--constants", folder / "k.json",
                  "--weights", "resident", "--schemes", "odd,pot", "--schemes", "fc2=apot",
                  "--min-bits", 2, "--layer", "head=uniform:5"))
    document = json.loads(front.read_text())
    found = document["options"]
    equal([found[k] for k in ("constants", "weights", "schemes", "grids")],
          ["other DRAM", "resident", "odd,pot", ["head=uniform:5"]], "options of a search")
    need({"layer": "fc2", "schemes": "apot"} in found["limits"] and {"min_bits": 2} in
         found["limits"], f"limits: {found['limits']}")
    refused(*command(folder, *energy), code=2, says=("--weights resident", "found streamed"))
    energy = (*energy[:3], max(p["energy_uj"] for p in document["front"]))
    snnq(*command(folder, *energy, "--weights", "resident", "--constants", folder / "k.json"))


def special_files(folder):
    """What is no regular file is refused by name, and nothing waits for it."""
    prepare(folder, 1)
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    target = ("--target-bits", 3)
    for special in (pipe, folder, "/dev/null"):
        for option in (("--pick", special, *target), (*target, "--constants", special),
                       (*target, "--journal", special), (*target, "--cache", pipe),
                       (*target, "--journal", folder / "j", "--merge", special),
                       (*target, "--report", pipe), (*target, "--front", pipe),
                       (*target, "--device", pipe)):
            done = subprocess.run([SNNQ, *map(str, command(folder, *option))], check=False,
                                  capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
            need(done.returncode in (1, 2, 3, 4), f"{option}: exit {done.returncode}")
            need(str(option[-1] if option[0] != "--pick" else special) in done.stderr.decode(),
                 f"{option}: {done.stderr}")
            need(not (folder / "j").exists(), f"{option}: a journal is left")
    # before recordings are read
    broken = ("quantize", folder / "float.snnq", "-o", folder / "q", *target, "--calib")
    (folder / "broken.tsv").write_text("nowhere.bs2\t1\n")
    refused(*broken, folder / "broken.tsv", says="nowhere.bs2")
    for cache, says in ((pipe, "pipe: expected a folder"), (folder / "list.tsv", "expected a folder"),
                        (folder / "no" / "layers", "no layers can be kept"),
                        (folder / "list.tsv" / "layers", "no layers can be kept")):
        refused(*broken, folder / "broken.tsv", "--cache", cache, says=says)
    refused(*broken, folder / "broken.tsv", "--cache", folder / "layers", says="nowhere.bs2")
    need(not (folder / "layers").exists(), "trying leaves nothing")
    for option in ("--calib", "--check"):
        refused("quantize", folder / "float.snnq", "-o", folder / "q", *target, option, pipe,
                says="pipe")
    refused("quantize", pipe, "-o", folder / "q", "--default", "odd:2", says="pipe")
    os.mkfifo(folder / "a")
    (folder / "l.tsv").write_text("a\t1\n")
    refused("quantize", folder / "float.snnq", "-o", folder / "q", *target, "--calib",
            folder / "l.tsv", says="a: ")


def journals(folder):
    """A journal of other work is named, with what differs; the one that it is merged into stays."""
    prepare(folder, 1)
    own, other = folder / "own", folder / "other"
    target = ("--target-bits", 3)
    shard = ("quantize", folder / "float.snnq", "--shard", "1/1", "--calib")
    lines = (folder / "list.tsv").read_text().splitlines(keepends=True)
    (folder / "fewer.tsv").write_text("".join(lines[:12]))
    (folder / "swapped.tsv").write_text("".join(lines[:12] + lines[13:12:-1] + lines[12:13] + lines[14:]))
    snnq(*command(folder, *target, "--journal", own))
    kept = own.read_bytes()
    for calib, more, says in (("fewer.tsv", (), "recordings for calibration: expected 16, found 12"),
                              ("swapped.tsv", (), "recordings for calibration: number 13: expected"),
                              ("list.tsv", ("--moments", "traces"),
                               "moments: expected spikes, found traces")):
        other.unlink(missing_ok=True)
        snnq(*shard, folder / calib, *more, "--journal", other)
        empty = other.read_bytes().split(b"\n")[0] + b"\n"
        for content in (other.read_bytes(), empty):
            other.write_bytes(content)
            refused(*command(folder, *target, "--journal", other), says=("other: belongs to", says))
            for journal in (own, folder / "new"):
                refused(*command(folder, *target, "--journal", journal, "--merge", other),
                        says=("other: belongs to other work: ", says))
            equal(own.read_bytes(), kept, "the journal")
            need(not (folder / "new").exists(), "no journal of other work")
    header = kept.split(b"\n")[0] + b"\n"
    other.write_bytes(header)
    snnq(*command(folder, *target, "--journal", folder / "new", "--merge", other))
    equal(sorted((folder / "new").read_bytes().split(b"\n")), sorted(kept.split(b"\n")),
          "an empty journal merged")


def explanations(folder):
    """What a bit more or less costs has an error, and names real grids."""
    prepare(folder, 1)
    j = json.loads(snnq(*command(folder, "--target-bits", 3, "--explain", "--json"))[0])
    equal([l["name"] for l in j["explain"]], list(LAYERS), "layers")
    steps = [(l, l[k], k) for l in j["explain"] for k in ("less", "more") if k in l]
    need(len(steps) >= 4, "steps")
    for layer, step, kind in steps:
        need((step["bits"] < layer["bits"]) == (kind == "less"), f"{kind}: {step}")
        need((step["bytes"] < 0) == (kind == "less") or not step["bytes"], f"bytes: {step}")
        need(step["error"] >= 0, f"error: {step}")


def energies(folder):
    """Constants and where weights are count in a search for energy."""
    prepare(folder, 1)
    (folder / "k.json").write_text('{"name": "free DRAM", "constants": {"dram_bit": {"pj": 0, '
                                   '"source": "none"}}}')
    base = json.loads(snnq(*command(folder, "--default", "uniform:8", "--json"))[0])["quality"]
    free = json.loads(snnq(*command(folder, "--default", "uniform:8", "--constants",
                                    folder / "k.json", "--json"))[0])["quality"]
    need(free["energy_uj"] < base["energy_resident_uj"] < base["energy_uj"], f"{base}, {free}")
    target = 0.9 * base["energy_resident_uj"]
    refused(*command(folder, "--target-energy", target / 9), code=1)
    j = json.loads(snnq(*command(folder, "--target-energy", f"{target:.9f}", "--weights",
                                 "resident", "--json"))[0])
    need(j["quality"]["energy_resident_uj"] <= target, f"energy: {j['quality']}, {target}")
    run = ("energy", folder / "q.snnq", "--data", folder / "list.tsv", "--resident")
    found = json.loads(snnq(*run, "--json")[0])["models"][0]["total"]
    near(found["total_uj"], j["quality"]["energy_resident_uj"], "energy of resident weights")
    equal(found["weight_dram_uj"], 0, "weights from DRAM")
    need("stay on the chip" in snnq(*run)[0], "text")
    refused(*run, "--reload", code=2, says="--resident")
    refused(*command(folder, "--target-bits", 3, "--weights", "here"), code=2, says='"here"')
    refused("quantize", folder / "float.snnq", "-o", folder / "q", "--default", "uniform:4",
            "--weights", "resident", code=2, says="expected recordings")
    refused(*command(folder, "--target-bits", 3, "--constants", "/nowhere"), says="/nowhere")


if __name__ == "__main__":
    sys.exit(main(patterns, without_grids, nothing_to_do, least, checks, limits, estimates, fronts, picked, special_files, journals, explanations, energies))
