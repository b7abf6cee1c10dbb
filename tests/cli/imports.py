#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Importers of SLAYER folders, on networks that are made here: every spike of every layer equals that
of the reference (lava.py), and damaged sources are refused; what all importers have in common.
"""
import json
import os
import struct
import subprocess
import sys

import numpy as np

from common import DEMO, ROOT, SNNQ, equal, main, need, refused, snnq
from lava import STEPS, Layer, compare, neuron, nothing_written


# ---- SLAYER

SLAYER = {"Ts": "1.0", "tSample": str(STEPS), "vThMant": "30", "vDecay": "700",
          "iDecay": "1500", "refDelay": "1", "wgtExp": "1"}


def yaml_text(**changes):
    v = {**SLAYER, **changes}
    return (f"simulation:\n    Ts: {v['Ts']}\n    tSample: {v['tSample']}\nneuron:\n"
            f"    type: LOIHI\n    vThMant: {v['vThMant']} # a comment\n    vDecay: {v['vDecay']}\n"
            f"    iDecay: {v['iDecay']}\n    refDelay: {v['refDelay']}\n    wgtExp: {v['wgtExp']}\n")


def write_slayer(folder):
    """A folder as SLAYER's examples have it: pool, conv, pool, fc, fc; its layers."""
    rng = np.random.default_rng(21)
    folder.mkdir(exist_ok=True)
    (folder / "network.yaml").write_text(yaml_text())
    n = neuron(30, 1500, 700, 1)
    arrays = {"pool1": np.full((2, 2), 12, np.int8),
              "conv1": rng.integers(-7, 10, (4, 2, 3, 3)).astype("<i2"),
              "pool2": np.full((2, 2), 14, np.uint8),
              "fc1": rng.integers(-10, 14, (9, 16)).astype("<f4"),
              "fc2": (2 * rng.integers(-8, 12, (5, 9))).astype("<f8")}
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", values)
    kinds = {"pool": {"stride": (2, 2)}, "conv": {"padding": (1, 1)}, "fc": {}}
    return [Layer("dense" if name[:-1] == "fc" else name[:-1], values, n, **kinds[name[:-1]])
            for name, values in arrays.items()]


def slayer_network(folder):
    """A SLAYER folder: all spikes of all layers."""
    layers = write_slayer(folder / "net")
    compare(folder, folder / "net", layers, ("pool1", "conv1", "pool2", "fc1", "fc2"), (2, 8, 8),
            skip_first=True)


def npy(descr, data, shape, order="False", version=(1, 0), header=None):
    """Bytes of a .npy file with any header."""
    words = header or f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"
    size = struct.pack("<H" if version[0] == 1 else "<I", len(words))
    return b"\x93NUMPY" + bytes(version) + size + words.encode() + data


def npy_types(folder):
    """The same weights as .npy of every type and header version give the same model."""
    write_slayer(folder / "net")
    weight = np.arange(-20, 25).reshape(5, 9)
    models = set()
    for kind in ("|i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8"):
        for version in ((1, 0), (2, 0), (3, 0)):
            (folder / "net" / "fc2.npy").write_bytes(
                npy(kind, weight.astype(kind).tobytes(), "(5, 9)", version=version))
            snnq("import", folder / "net", "-o", folder / "a.snnq")
            models.add((folder / "a.snnq").read_bytes())
    for kind in ("|u1", "<u2", "<u4"):
        (folder / "net" / "fc2.npy").write_bytes(
            npy(kind, abs(weight).astype(kind).tobytes(), "(5, 9)"))
        snnq("import", folder / "net", "-o", folder / "a.snnq")
        models.add((folder / "a.snnq").read_bytes())
    equal(len(models), 2, "models of signed and of unsigned weights")


VALUES = np.ones((5, 9), "<f4").tobytes()
HOSTILE_NPY = (
    (b"", "expected a .npy header"),
    (b"\x93NUMPX" + npy("<f4", VALUES, "(5, 9)")[6:], "expected a .npy header"),
    (npy("<f4", VALUES, "(5, 9)", version=(4, 0)), "expected a .npy header"),
    (npy("<f4", VALUES, "(5, 9)")[:8] + b"\xff\xff" + VALUES, "expected a .npy header"),
    (npy(">f4", VALUES, "(5, 9)"), "descr"),
    (npy("<c8", VALUES, "(5, 9)"), "descr"),
    (npy("|O", VALUES, "(5, 9)"), "descr"),
    (npy("|b1", VALUES, "(5, 9)"), "descr"),
    (npy(">f2", VALUES, "(5, 9)"), "descr"),
    (npy("<f16", VALUES, "(5, 9)"), "descr"),
    (npy("<f2", VALUES, "(5, 9)"), "expected 45 elements of 2 bytes, found 180"),
    (npy("<f4", VALUES, "(5, 9)", "True"), "expected fortran_order: False"),
    (npy("<f4", VALUES, "(5, 9"), "shape"),
    (npy("<f4", VALUES, "5, 9"), "shape"),
    (npy("<f4", VALUES, "(5, -9)"), "shape"),
    (npy("<f4", VALUES, "(0, 9)"), "shape"),
    (npy("<f4", VALUES, "(5, 9, 1, 1, 1, 1, 1)"), "shape"),
    (npy("<f4", VALUES, "(65536, 65536)"), "shape"),
    (npy("<f4", VALUES, "(4294967297, 9)"), "shape"),
    (npy("<f4", VALUES, "(99999999999999999999, 9)"), "shape"),
    (npy("<f4", VALUES, "(9223372036854775808, 2)"), "shape"),
    (npy("<f4", VALUES, "(16384, 16384)"), "expected 268435456 elements of 4 bytes, found 180"),
    (npy("<f4", VALUES, "(5, 9, 1)"), "shape: expected 2 axes, found 3"),
    (npy("<f4", VALUES, "()"), "expected 1 elements"),
    (npy("<f4", VALUES, "(45)"), "shape"), (npy("<f4", VALUES, "(5 9)"), "shape"),
    (npy("<f4", VALUES, "(5,, 9)"), "shape"), (npy("<f4", VALUES, "(5, 0x9)"), "shape"),
    (npy("<f4", VALUES, "(5, +9)"), "shape"), (npy("<f4", VALUES, "(5.0, 9)"), "shape"),
    (npy("<f4", VALUES, "(5, 9)", version=(0, 0)), "expected a .npy header"),
    (npy("<f4", VALUES, "(5, 9)", version=(1, 1)), "expected a .npy header"),
    (npy("<f4", VALUES, "(5, 9), 'shape': (9, 5)"), "each once"),
    (npy("<f4", VALUES, "(5, 9), 'descr': '<i4'"), "each once"),
    (npy("<f4", VALUES, "(5, 9), 'scale': 2"), "each once"),
    (npy("<f4", VALUES, "(5, 9)} {"), "nothing behind"),
    (npy("<f4", VALUES, "(5, 9)", header="[('descr', '<f4')]"), "a dictionary"),
    (npy("", VALUES, "", header="{'descr': '<f4', 'fortran_order': False, 'shape': (5, 9)}\0x"),
     "a dictionary"),
    (npy("", VALUES, "", header="{'descr': '<f4' 'fortran_order': False, 'shape': (5, 9)}"),
     "a comma"),
    (npy("", VALUES, "", header="{'descr': '<f4', 'fortran_order': Falsehood, 'shape': (5, 9)}"),
     "a comma"),
    (npy("<f4", VALUES[:-1], "(5, 9)"), "expected 45 elements of 4 bytes, found 179 bytes"),
    (npy("<f4", VALUES + b"x", "(5, 9)"), "expected 45 elements of 4 bytes, found 181 bytes"),
    (npy("", VALUES, "", header="{}"), "descr"),
    (npy("", VALUES, "", header="{'descr': '<f4', 'shape': (5, 9), }"), "fortran_order"),
    (npy("<f4", VALUES, "(9, 5)"), "fc2.weight: expected 9 inputs (9 channels x 1 x 1), found 5"),
    (npy("<f4", VALUES[:-4] + struct.pack("<f", np.nan), "(5, 9)"),
     "fc2.weight: element 44: expected an integer below 2^30, found nan"),
    (npy("<f4", struct.pack("<f", -np.inf) + VALUES[4:], "(5, 9)"), "element 0: "),
    (npy("<f4", VALUES[:4] + struct.pack("<f", 0.5) + VALUES[8:], "(5, 9)"), "found 0.5"),
)


def hostile_npy(folder):
    """Damaged .npy files are refused, with the place; one cut anywhere too."""
    write_slayer(folder / "net")
    path = folder / "net" / "fc2.npy"
    for data, says in HOSTILE_NPY:
        path.write_bytes(data)
        nothing_written(folder, folder / "net", ("fc2", says))
    whole = npy("<f4", VALUES, "(5, 9)")
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        nothing_written(folder, folder / "net", "fc2.npy")


def changed(**changes):
    return yaml_text(**changes).encode()


HOSTILE_YAML = (
    (b"", "expected LOIHI, found nothing"),
    (b"\0\1\2", "line 1"),
    (b"- a\n- b\n", "expected LOIHI"),
    (b"[" * 20000, "line "),
    (b"a: &a [*a, *a]\n", "line 1: a: not known"),
    (b"training: &a [*a, *a]\n", "neuron.type"),
    (yaml_text().encode() + b"    vMinExp: 0\n", "line 11: vMinExp: not known"),
    (yaml_text().encode() + b"    threshold delay: 0\n", "threshold delay: not known"),
    (yaml_text().encode() + b"    vThMant iDecay: 0\n", "vThMant iDecay: not known"),
    (yaml_text().encode() + b"    [a]: 0\n", "line 11: ?: not known"),
    (yaml_text().encode() + b"    ? {}\n    : 0\n", "?: not known"),
    (yaml_text().replace("neuron:", "    delay: 2\nneuron:").encode(), "delay: not known"),
    (yaml_text().encode() + b"layer:\n  - {dim: 10, delay: true}\n", "layer: not known"),
    (yaml_text().encode() + b"<<: {neuron: {vThMant: 9}}\n", "<<: not known"),
    (yaml_text().encode() + b"---\nneuron: {vThMant: 9}\n", "expected one document"),
    (yaml_text().encode() + b"...\n%", "expected one document"),
    (b"x: 1\n" * 20000, "expected at most 65536 bytes"),
    (yaml_text().replace("LOIHI", "SRMALPHA").encode(), "expected LOIHI, found SRMALPHA"),
    (yaml_text().encode() + b"    vThMant: 9\n", "line 11: vThMant: expected each key once"),
    (yaml_text().encode() + b"neuron: {}\n", "line 11: neuron: expected each key once"),
    (yaml_text().encode() + b"training:\n  error: {a: 1, b: {c: 1, c: 2}}\n",
     "line 12: c: expected each key once"),
    (changed(vThMant="nan"), "neuron.vThMant: expected a multiple of 1 in 1..131071, found nan"),
    (changed(vThMant="inf"), "neuron.vThMant"), (changed(vThMant="80.7"), "found 80.7"),
    (changed(vThMant="0"), "neuron.vThMant"), (changed(vThMant="[80]"), "neuron.vThMant"),
    (changed(vThMant="80 81"), "found 80 81"), (changed(vThMant="''"), "neuron.vThMant"),
    (changed(vThMant="1,5"), "found 1,5"), (changed(vThMant="80.00000001"), "found 80.00000001"),
    (changed(vThMant="0x50"), "found 0x50"), (changed(vThMant="0120"), "found 0120"),
    (changed(vThMant="1_000"), "found 1_000"), (changed(vThMant="+-80"), "found +-80"),
    (changed(vThMant="0x1p6"), "found 0x1p6"), (changed(vThMant="infinity"), "neuron.vThMant"),
    (changed(refDelay="1.0000000001"), "neuron.refDelay"), (changed(wgtExp="-0.1"), "found -0.1"),
    (changed(vDecay="4097"), "neuron.vDecay: expected a multiple of 1 in 0..4096, found 4097"),
    (changed(vDecay="-1"), "found -1"), (changed(iDecay="0.5"), "neuron.iDecay"),
    (changed(refDelay="2"), "neuron.refDelay"), (changed(wgtExp="8"), "neuron.wgtExp"),
    (changed(wgtExp="-7"), "neuron.wgtExp"), (changed(Ts="0"), "simulation.Ts"),
    (changed(Ts="0.0015"), "simulation.Ts: expected a multiple of 0.001"),
    (changed(Ts="nan"), "simulation.Ts"), (changed(tSample="0"), "simulation.tSample"),
    (changed(tSample="40.5"), "simulation.tSample: expected a multiple of 1"),
    (changed(tSample="1e30"), "simulation.tSample"),
    (changed(Ts="0.001", tSample="1e7"), "simulation.tSample"),
)


def hostile_yaml(folder):
    """Damaged and contradictory network.yaml files are refused, with the place."""
    write_slayer(folder / "net")
    for data, says in HOSTILE_YAML:
        (folder / "net" / "network.yaml").write_bytes(data)
        nothing_written(folder, folder / "net", ("network.yaml", says))
    (folder / "net" / "network.yaml").unlink()
    nothing_written(folder, folder / "net", "network.yaml: No such file")


def slayer_holes(folder):
    """Weight files that are missing or do not fit are named."""
    write_slayer(folder / "net")
    net = folder / "net"
    for source, copy, says in (("fc2", "fc4", "fc3.npy is missing"),
                               ("fc2", "fc100", "fc3.npy is missing"),
                               ("conv1", "conv4", "conv3.npy and pool3.npy are missing"),
                               ("fc2", "fc3", "fc3.weight: expected 5 inputs"),
                               ("conv1", "conv2", "conv2.weight: expected 4 input channels")):
        (net / f"{copy}.npy").write_bytes((net / f"{source}.npy").read_bytes())
        nothing_written(folder, net, says)
        (net / f"{copy}.npy").unlink()
    for name in ("fc0", "fc01", "fc", "fc1_delay", "delay1", "Fc3", "fc 3", "fc+3", "fc3.5", "conv-1",
                 "bias1", "fc4294967299", "fc99999999999999999999", ""):
        for ending in ("npy", "NPY", "npz"):
            np.save(folder / "kept.npy", np.ones((5, 5)))
            (folder / "kept.npy").rename(net / f"{name}.{ending}")
            nothing_written(folder, net, f"/{name}.{ending}: not known")
            (net / f"{name}.{ending}").unlink()
    np.save(net / "fc1.npy", np.ones((9, 17)))
    nothing_written(folder, net, ("fc1.weight: expected ", "inputs (4 channels", "found 17"))
    (net / "fc1.npy").unlink()
    nothing_written(folder, net, "fc1.npy is missing")
    for name in os.listdir(net):
        if name.endswith(".npy"):
            (net / name).unlink()
    nothing_written(folder, net, "expected fc1.npy, conv1.npy or pool1.npy")


def not_files(folder):
    """Pipes and folders in place of files are refused at once."""
    write_slayer(folder / "net")
    os.mkfifo(folder / "pipe")
    for name in ("network.yaml", "fc2.npy"):
        (folder / "net" / name).rename(folder / "kept")
        os.mkfifo(folder / "net" / name)
        nothing_written(folder, folder / "net", (name, "expected a regular file"))
        (folder / "net" / name).unlink()
        (folder / "net" / name).mkdir()
        nothing_written(folder, folder / "net", (name, "expected a regular file"))
        (folder / "net" / name).rmdir()
        (folder / "kept").rename(folder / "net" / name)
    nothing_written(folder, folder / "pipe", "expected a folder or a regular file")
    model, recording = DEMO / "digits.snnq", DEMO / "test.tsv"
    for arguments in (("run", folder / "pipe", recording), ("run", model, folder / "pipe"),
                      ("eval", model, "--data", folder / "pipe"), ("info", folder / "pipe"),
                      ("quantize", folder / "pipe", "-o", folder / "q", "--default", "uniform:4"),
                      ("energy", model, "--data", folder / "pipe"),
                      ("energy", model, "--data", recording, "--limit", 1, "--constants",
                       folder / "pipe"),
                      ("validate", "-d", "sim", "--vectors", folder / "pipe")):
        if arguments[0] in ("run", "eval"):
            arguments += ("-d", "sim")
        refused(*arguments, says=("pipe", "expected a regular file"), timeout=20)


def locales(folder):
    """An application's locale with a decimal comma changes nothing."""
    program = folder / "import"
    flags = ["-I", ROOT / "userspace/libsnnq", "-L", os.path.dirname(SNNQ), "-lsnnq-tools", "-lsnnq",
             f"-Wl,-rpath,{os.path.dirname(SNNQ)}"]
    subprocess.run(["gcc", ROOT / "tests/cli/import_locale.c", "-o", program, *flags], check=True)
    subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", folder / "de_DE.UTF-8"], check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    write_slayer(folder / "net")
    (folder / "constants").write_text('{"name": "x", "constants": {"sram_bit": {"pj": 0.125, '
                                      '"source": "test"}}}')
    model, recording = DEMO / "digits.snnq", DEMO / (DEMO / "test.tsv").read_text().split("\t")[0]
    (folder / "list").write_text(f"{recording}\t0\n")
    snnq("import", folder / "net", "-o", folder / "a.snnq")
    snnq("quantize", DEMO / "digits-float.snnq", "-o", folder / "aq.snnq", "--default", "uniform:4")
    want = json.loads(snnq("energy", model, "--data", folder / "list", "--constants",
                           folder / "constants", "--json")[0])["models"][0]
    done = subprocess.run([program, folder / "net", folder / "b.snnq", DEMO / "digits-float.snnq",
                           folder / "bq.snnq", model, recording, folder / "constants"],
                          env={**os.environ, "LOCPATH": str(folder), "LC_ALL": "de_DE.UTF-8"},
                          capture_output=True, check=False, text=True)
    equal(done.returncode, 0, f"work with a decimal comma: {done.stdout}{done.stderr}")
    for name in (".snnq", "q.snnq"):
        need((folder / f"a{name}").read_bytes() == (folder / f"b{name}").read_bytes(),
             f"models differ: {name}")
    del want["ratio"]
    equal(json.loads(done.stdout), want, "energy")
    equal(want["constants"]["sram_bit"]["pj"], 0.125, "a constant")


def round_checks(folder):
    """Rounding refuses what other methods refuse: scales and thresholds that are no such thing."""
    data = (DEMO / "digits-float.snnq").read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + size])
    for section, key, value, says in (("readout", "scale", 0, "scale: expected a positive number"),
                                      ("readout", "scale", -1, "scale: expected a positive number"),
                                      ("neuron", "threshold", 0, "threshold: expected a positive"),
                                      ("neuron", "threshold", -2, "threshold: expected a positive")):
        graph = json.loads(header["__metadata__"]["snnq"])
        at = graph["readout"] if section == "readout" else graph["layers"][0]["neuron"]
        at[key] = value
        words = json.dumps({**header, "__metadata__": {"snnq": json.dumps(graph)}}).encode()
        words += b" " * (-len(words) % 8)
        (folder / "bad.snnq").write_bytes(struct.pack("<Q", len(words)) + words + data[8 + size:])
        refused("quantize", folder / "bad.snnq", "-o", folder / "q", "--default", "uniform:4", says=says)
        need(not (folder / "q").exists(), "no model")


if __name__ == "__main__":
    sys.exit(main(slayer_network, npy_types, hostile_npy, hostile_yaml, slayer_holes, not_files, locales, round_checks))
