#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Documentation/model.schema.json says what the library accepts: the keys of each object are the same,
whatever the library reads the schema takes, and a key or kind of value that the schema does not take
the library refuses. Documents are changed at random to look for others."""
import copy
import json
import random
import re
import struct
import subprocess
import sys

import jsonschema
import numpy as np

from common import DEMO, ROOT, SNNQ, equal, main, need

from currents import MEMORY, Net, lif

SCHEMA = json.loads((ROOT / "Documentation/model.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LAYER = jsonschema.Draft202012Validator({"$ref": "#/$defs/layer", "$defs": SCHEMA["$defs"]})
EVERY = sorted(set(re.findall(r'"([a-z_]+)": ', json.dumps(SCHEMA))) - {key for key in SCHEMA["$defs"] if key[:3] == "op_"})
MUTATIONS = 250


def read(path):
    """(graph, other header entries, data) of a file."""
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + size])
    return json.loads(header.pop("__metadata__")["snnq"]), header, data[8 + size:]


def write(path, graph, header, data):
    """The file of what read() gives."""
    text = json.dumps({"__metadata__": {"snnq": json.dumps(graph)}, **header}).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def refusal(folder, graph, header, data):
    """What the library says of a graph; empty: it takes it."""
    write(folder / "m.snnq", graph, header, data)
    done = subprocess.run([SNNQ, "info", folder / "m.snnq"], capture_output=True, check=False, text=True, timeout=60)
    need(done.returncode in (0, 4), f"info: exit {done.returncode}: {done.stderr}")
    return done.stderr.strip() if done.returncode else ""


def valid(graph):
    return VALIDATOR.is_valid(graph)


def everything(integer):
    """A model with every operation and every kind of object."""
    net = Net(1)
    net.weighted("a", "input", 2, 6, (3, 3), bias=net.table("b", np.arange(6), True))
    net.weighted("s", "input", 2, 6, (3, 3), lif(7, refractory=1, delay=1, skip_first=True, reset_value=0, shift=0))
    net.weighted("l", "s", 6, 6, neuron=lif(3, leak={"kind": "div", "n": 2}, sticky=True, compare="gt"))
    net.weighted("q", "s", 6, 6, neuron={**lif(3, leak={"kind": "q16", "lambda": 9}), "model": "cuba", "old_current": True,
                                        "current_leak": {"kind": "tz12", "decay": 7}})
    net.weighted("v", "s", 6, 6, neuron=lif(3, levels=3, tie="even", half_levels=True, output="counts", reset="soft",
                                            delayed_reset=True, low=-5, restart={"period": 4, "offset": 1}))
    net.weighted("o", "s", 6, 6, neuron={k: v for k, v in lif(3, levels=2, level_thresholds=net.table(
        "t", [1, 2] * 6, True), output="counts").items() if k != "threshold"})
    net.weighted("p", "s", 6, 6, neuron=lif(3, output="graded", reset="none"))
    for op in ("and", "andnot", "or"):
        net.add(op, op, "s l")
    net.add("add", "add", "s l", planes=2).add("mul", "multiply", "s l", planes=2, signed=True)
    net.add("max", "maxpool", "s", kernel=[2, 2], stride=[1, 1], padding=[0, 0], dilation=[1, 1])
    net.add("sum", "sumpool", "s", kernel=[2, 2], value=1, planes=3)
    if not integer:
        net.add("avg", "avgpool", "s", kernel=[2, 2])
    net.add("att", "attention", "s l s", heads=2, mode="values", neuron=lif(2))
    net.add("tok", "attention", "s l", heads=2, mode="token")
    net.add("mat", "matmul", "s l", heads=2, transpose=[False, True], size=[4, 6], neuron=lif(2))
    net.add("red", "reduce", "s", mode="sum", axes=["height", "channels"], groups=2, planes=6)
    net.add("cat", "concat", "s l", axis="width", planes=1).add("cpy", "copy", "s", axes="whc", planes=1, signed=False)
    net.add("up", "upsample", "s", factor=[2, 1])
    net.add("view", "add", [{"layer": "s", "first": [0, 0, 0], "size": [2, 2, 6]}, {"layer": "l", "first": [1, 1, 0], "size": [2, 2, 6]}],
            planes=2)
    net.add("flat", "maxpool", [{"layer": "s", "shape": [1, 24, 6]}], kernel=[1, 2])
    net.add("loop", "add", ["s", {"layer": "loop", "previous": True, "shape": [4, 6, 6], "planes": 1, "signed": False}],
            neuron=lif(2), loop={"number": 1, "rounds": 1})
    if integer:
        net.add("scaled", "add", "s l", scales=[{"mult": 2, "shift": 1}, None], planes=3)
    net.weighted("head", "s", 6, 3)
    return net


def documents(folder):
    """[(graph, header, data)] of models that the library takes."""
    found = [read(DEMO / "digits.snnq"), read(DEMO / "digits-float.snnq")]
    for integer in (False, True):
        everything(integer).write(folder / "all.snnq", integer, "head")
        found.append(read(folder / "all.snnq"))
        graph = found[-1][0]
        graph["input"]["sensor"] = {"width": 6, "height": 4, "crop": [0, 0], "downscale": 1}
        graph["classes"], graph["x-mine"] = ["a", "b", "c"], {"any": 1}
        graph["imported_from"] = "x"
    found.append(copy.deepcopy(found[-1]))
    found[-1][0]["input"] = {"kind": "values", "width": 6, "height": 4, "channels": 2, "axes": "chw", "layout": "hwc",
                             "planes": 2, "frames": "repeat", "steps": 12, "scale": 0.5, "zero": 1}
    return found


def objects(node, path=()):
    """(path, object) of all objects in a document, but in what is free."""
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            if not key.startswith("x-") and key not in ("quantization", "defaults"):
                yield from objects(value, (*path, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from objects(value, (*path, i))


def at(node, path):
    for key in path:
        node = node[key]
    return node


def documents_pass(folder):
    """Models are taken by both."""
    for graph, header, data in documents(folder):
        equal(refusal(folder, graph, header, data), "", "the library")
        errors = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in VALIDATOR.iter_errors(graph)]
        equal(errors, [], "the schema")


def keys(folder):
    """Each object has the keys that the library names when it refuses another one."""
    seen = set()
    for graph, header, data in documents(folder)[1:]:
        for path, node in list(objects(graph)):
            other = copy.deepcopy(graph)
            at(other, path)["zzz"] = 1
            says = refusal(folder, other, header, data)
            need('key "zzz" is not known here; expected some of ' in says, f"{path}: a key that nobody knows: {says!r}")
            told = set(says.rsplit("expected some of ", 1)[1].split())
            kind = (path[0] if path else "", node.get("op", node.get("model", node.get("kind", ""))), tuple(sorted(told)))
            if kind in seen:
                continue
            seen.add(kind)
            need(not valid(other), f"{path}: the schema takes a key that nobody knows")
            taken = set(schema_keys(graph, path))
            # what only the short form has, and what says which kind of view it is
            equal(taken - {"defaults", "previous"}, told - {"previous"}, f"keys at {path}")
    need(len(seen) > 25, f"kinds of objects: {len(seen)}")


def schema_keys(graph, path):
    """The keys that the schema takes there; it is asked for each that it has anywhere."""
    if path[:1] == ("layers",):
        validator, whole, path = LAYER, graph["layers"][path[1]], path[2:]
    else:
        validator, whole = VALIDATOR, {**graph, "layers": graph["layers"][:1]}
    for key in EVERY:
        other = copy.deepcopy(whole)
        node = at(other, path)
        if key in node:
            yield key
            continue
        node[key] = {"zzz": {}}
        told = [e.message for error in validator.iter_errors(other) for e in leaves(error)]
        if not any("the regexes: '^x-'" in m and f"'{key}'" in m.split("match")[0] for m in told):
            yield key


def leaves(error):
    if not error.context:
        yield error
    for inner in error.context or ():
        yield from leaves(inner)


VALUES = (None, True, False, 0, 1, -1, 2, 63, 64, 0.5, 1e9, 65536, 65537, 1e40, "", "x", "input", "s", "hard", "sum", [], [1], [1, 1],
          [0, 0], [1, 1, 1], ["s"], {}, {"kind": "none"}, {"layer": "s", "shape": [1, 24, 6]}, MEMORY, "uniform:4")


def mutate(rng, graph):
    """One change somewhere; what it was."""
    path, node = rng.choice(list(objects(graph)))
    key = rng.choice(sorted(node))
    what = rng.randrange(4)
    if what == 0:
        del node[key]
        return f"{path}: without {key}"
    if what == 1:
        node[key] = rng.choice(VALUES)
        return f"{path}: {key} = {node[key]!r}"
    if what == 2:
        _, other = rng.choice(list(objects(graph)))
        name = rng.choice(sorted(other))
        node[name] = copy.deepcopy(other[name])
        return f"{path}: {name} of another object: {node[name]!r}"
    if isinstance(node[key], list) and node[key]:
        i = rng.randrange(len(node[key]))
        node[key][i] = rng.choice(VALUES)
        return f"{path}: {key}[{i}] = {node[key][i]!r}"
    node[key] = -node[key] if isinstance(node[key], (int, float)) and not isinstance(node[key], bool) else [node[key]]
    return f"{path}: {key} = {node[key]!r}"


def mutations(folder):
    """Changed documents: what the library takes the schema takes, and no other keys."""
    rng, models = random.Random(1), documents(folder)
    taken = refused = 0
    for _ in range(MUTATIONS):
        graph, header, data = rng.choice(models)
        graph = copy.deepcopy(graph)
        what = [mutate(rng, graph) for _ in range(rng.choice((1, 1, 2)))]
        says = refusal(folder, graph, header, data)
        if says:
            refused += 1
            need(not valid(graph) or "is not known here" not in says, f"{what}: the schema takes it, the library: {says}")
        else:
            taken += 1
            errors = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in VALIDATOR.iter_errors(graph)]
            need(not errors, f"{what}: the library takes it, the schema: {errors}")
    need(taken > MUTATIONS / 20 and refused > MUTATIONS / 4, f"{taken} taken, {refused} refused")


if __name__ == "__main__":
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    sys.exit(main(documents_pass, keys, mutations))
