#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Events in MATLAB files of version 5: those of ST-MNIST and ASL-DVS, as variables and in structures.

SciPy writes them, and reads the real one, whose digests are here; damaged ones end with a line, whatever
becomes of the library that reads them in a process of its own."""
import hashlib
import json
import os
import pathlib
import resource
import struct
import subprocess
import zlib

import numpy as np
import scipy.io

from common import DEMO, SNNQ, equal, main, need, recording, refused, snnq
from hdf5_process import with_helper

MODEL = DEMO / "digits.snnq"
SAMPLE = pathlib.Path(os.environ.get("SNNQ_DATA", "../shared/data")) / "events/tonic/sample_stmnist.mat"
# sha256 of t as i64, x and y as u16, p as u8, by SciPy and NumPy
DIGESTS = {"t": "10ddff35bfbdd0318df5d7025450963355547d3a7e94a0e646b74b70582b3a8c",
           "x": "04343749c772750459e8b06abcda3fa6e9226be4f2d619a9f0545d140e87303b",
           "y": "e261c9eb9d30f71f8ac911110a7caee571ff4e4cba45b2a39b2675070320bd31",
           "p": "5c3fe309848160d6f4dfab14a30818ae516116d6b302842e16b8fb94a48230f4"}
WIDTH, HEIGHT, COUNT = 240, 180, 30000
SIZE = ("--width", WIDTH, "--height", HEIGHT)


def events(seed=1, count=COUNT, width=WIDTH, height=HEIGHT):
    """Columns t, x, y, p in the order of time."""
    rng = np.random.default_rng(seed)
    return {"t": np.sort(rng.integers(0, 1 << 20, count)), "x": rng.integers(0, width, count),
            "y": rng.integers(0, height, count), "p": rng.integers(0, 2, count)}


def converted(path, *options):
    """The recording as AEDAT 4."""
    snnq("convert", path, path.parent / "out.aedat4", *SIZE, *options)
    return (path.parent / "out.aedat4").read_bytes()


def wanted(folder, e):
    """The same of a recording without a container."""
    return converted(recording(folder / "want.bs3", zip(*(e[c].tolist() for c in "xypt"))))


def info(path, *options):
    return json.loads(snnq("info", path, "--json", *options)[0])


def spiketrain(e):
    """ST-MNIST's matrix: a column for each event."""
    m = np.zeros((101, len(e["t"])))
    m[e["y"] * 10 + e["x"], np.arange(len(e["t"]))] = 2 * e["p"] - 1
    m[100] = e["t"] * 1e-6
    return m


# ---- what is read

def columns(folder):
    """Rows and columns of any type, stored or deflated, as variables or members; others are passed over."""
    e = events()
    want = wanted(folder, e)
    path = folder / "e.mat"
    for i, (t, x, y, p) in enumerate(("dddd", "IHHB", "qhhb", "ifIL")):
        v = {"ts": e["t"].astype(t), "x": e["x"].astype(x), "y": e["y"].astype(y), "pol": e["p"].astype(p)}
        for form in ("column", "row"):
            for packed in (False, True):
                scipy.io.savemat(path, {"note": "words", "other": np.zeros((3, 4, 5)), **v}, oned_as=form, do_compression=packed)
                need(converted(path) == want, f"{i}: {form}, deflated: {packed}")
    equal(info(path)["format"], "mat", "format")
    scipy.io.savemat(path, {"TD": {"x": e["x"], "y": e["y"], "p": 2.0 * e["p"] - 1, "ts": e["t"]}})
    need(converted(path) == want, "members of a structure")
    scipy.io.savemat(path, {"t": e["t"] * 1e-6, "x": e["x"], "y": e["y"], "p": e["p"]})
    need(converted(path, "-f", "mat:s") == want, "seconds by option")
    refused("info", path, says=("mat: offset 10: header: t: expected integers of microseconds, found floats", "as mat:s, mat:ms or mat:us"))
    scipy.io.savemat(path, {"t": (e["t"] * 1e-3).astype("f4"), "x": e["x"], "y": e["y"], "p": e["p"]})
    refused("info", path, says="t: expected integers of microseconds, found floats")
    scipy.io.savemat(path, {c: v[:0] for c, v in e.items()})
    equal(info(path)["events"], 0, "no events")


def taxels(folder):
    """ST-MNIST's matrices: seconds; samples with several events, and with none."""
    e = events(count=5000, width=10, height=10)
    path = folder / "e.mat"
    for packed in (False, True):
        scipy.io.savemat(path, {"spiketrain": spiketrain(e)}, do_compression=packed)
        need(converted(path) == wanted(folder, e), f"deflated: {packed}")
    m = np.zeros((101, 3))
    m[100] = [.1, .2, .3]
    m[7, 1], m[99, 1], m[0, 2] = -1, 1, 1
    scipy.io.savemat(path, {"spiketrain": m})
    rows = {"t": np.array([200000, 200000, 300000]), "x": np.array([7, 9, 0]), "y": np.array([0, 9, 0]), "p": np.array([0, 1, 1])}
    need(converted(path) == wanted(folder, rows), "several in a sample, none in another")
    m[5, 2] = .5
    scipy.io.savemat(path, {"spiketrain": m})
    refused("info", path, says=("e.mat: spiketrain(6,3): expected -1, 0 or 1, found 0.5",))
    scipy.io.savemat(path, {"spiketrain": np.zeros((100, 3))})
    refused("info", path, says="spiketrain: expected a matrix of doubles, 101 x N")


def the_real_one(folder):
    """The file of the data set."""
    if not SAMPLE.exists():
        return
    out = folder / "out.aedat4"
    snnq("convert", SAMPLE, out, "--width", 10, "--height", 10)
    m = scipy.io.loadmat(SAMPLE)["spiketrain"]
    n, k = np.nonzero(m[:100].T)
    e = {"t": np.rint(m[100][n] * 1e6).astype("<i8"), "x": (k % 10).astype("<u2"), "y": (k // 10).astype("<u2"),
         "p": (m[k, n] > 0).astype("u1")}
    equal({c: hashlib.sha256(v.tobytes()).hexdigest() for c, v in e.items()}, DIGESTS, "digests of SciPy's")
    np.save(folder / "e.npy", np.rec.fromarrays([e[c] for c in "txyp"], names="t,x,y,p"))
    snnq("convert", folder / "e.npy", folder / "want.aedat4", "--width", 10, "--height", 10)
    need(out.read_bytes() == (folder / "want.aedat4").read_bytes(), "events of ST-MNIST")


def verbs(folder):
    """run and eval as of the recording itself; not from a pipe."""
    name, label = (DEMO / "test.tsv").read_text().splitlines()[0].split("\t")
    data = np.frombuffer((DEMO / name).read_bytes(), np.uint8).reshape(-1, 5).astype(int)
    scipy.io.savemat(folder / "e.mat", {"x": data[:, 0], "y": data[:, 1], "pol": data[:, 2] >> 7,
                                        "ts": (data[:, 2] & 127) << 16 | data[:, 3] << 8 | data[:, 4]}, do_compression=True)
    both = [json.loads(snnq("run", MODEL, p, "-d", "sim", "--json")[0]) for p in (folder / "e.mat", DEMO / name)]
    equal(both[0]["scores"], both[1]["scores"], "run")
    (folder / "list").write_text(f"e.mat\t{label}\n")
    equal(json.loads(snnq("eval", MODEL, "--data", folder / "list", "-d", "sim", "--json")[0])["samples"], 1, "eval")
    done = subprocess.run([SNNQ, "run", MODEL, "-", "-d", "sim"], input=(folder / "e.mat").read_bytes(), check=False, capture_output=True)
    equal(done.returncode, 4, "a pipe")
    need(b"mat: expected a file, which is read at several places at once, found a pipe" in done.stderr, f"{done.stderr}")


# ---- what is not

def wrong(folder):
    """Variables that are others, do not fit together, or hold numbers that are none."""
    e = events(count=100)
    path = folder / "e.mat"

    def says(variables, *texts, **options):
        scipy.io.savemat(path, variables, **options)
        refused("info", path, says=("e.mat: ", *texts))

    says({"a": 1.0, "b": "words"}, "expected variables spiketrain, or t, x, y and p (ts, pol)", "found a, b")
    says({**e, "x": e["x"][:-1]}, "x: expected 100 elements, as t has, found 99")
    says({**e, "x": np.zeros((10, 10))}, "x: expected a column of integers or floats")
    says({**e, "y": "word"}, "y: expected a column of integers or floats")
    says({**e, "p": np.array([{}] * 100, object)}, "p: expected a column of integers or floats")
    says({**e, "p": e["p"] * 1j}, "p: expected a column of integers or floats")
    says({**e, "x": e["x"] - 1000.5}, "event 0: x: expected an integer from 0 to 65535, found -")
    says({**e, "y": e["y"] + 65536}, "event 0: y: expected an integer from 0 to 65535, found 65")
    says({**e, "p": e["p"] + 5}, "event 0: p: expected -1, 0 or 1, found ")
    says({**e, "t": e["t"] * np.nan}, "event 0: t: expected a time of less than 2^62 us, found nan")
    scipy.io.savemat(path, {c: v[::-1] for c, v in e.items()})
    need(info(path)["nonmonotonic"] > 90, "times that decrease are counted")
    scipy.io.savemat(path, {"x": 1}, format="4")
    refused("info", path, says="no known format in content or extension")


def damaged(folder):
    """Cut off anywhere, or changed where there is a check sum: a line that names the file, or the same events."""
    e = events(count=300)
    path = folder / "e.mat"
    codes = {}
    for packed in (False, True):
        scipy.io.savemat(path, e, do_compression=packed)
        want, data = converted(path), path.read_bytes()
        for at in (*range(116, 200, 9), *range(200, len(data), len(data) // 9)):
            for cut, bad in ((True, data[:at]), (False, data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:])):
                path.write_bytes(bad)
                out = folder / "out.aedat4"
                done = subprocess.run([SNNQ, "convert", path, out, *map(str, SIZE)], capture_output=True, check=False, timeout=60)
                same = done.returncode == 0 and out.read_bytes() == want
                said = done.returncode == 4 and b"e.mat: " in done.stderr
                need(same or said or not (cut or packed) and done.returncode in (0, 4),
                     f"packed: {packed}, byte {at}, cut: {cut}: {done}")
                codes.setdefault((packed, cut), set()).add(done.returncode)
        path.write_bytes(data[:126] + b"XX" + data[128:])
        refused("info", path, says="offset 124: expected a MATLAB file of version 5")
        path.write_bytes(data[:124] + b"\0\2" + data[126:])
        refused("info", path, says="offset 124: expected a MATLAB file of version 5")
        path.write_bytes(data[:127])
        refused("info", path, says="offset 0: expected a MATLAB file, of at least 128 bytes, found one of 127")
        path.write_bytes(data + b"1234567")
        refused("info", path, says=f"offset {len(data)}: expected the 8 bytes of a variable's beginning, found the end of the file behind 7")
        path.write_bytes(data[:-1])
        refused("info", path, says=("e.mat: offset ", "expected a variable of ", "found the end of the file behind "))
        path.write_bytes(data + struct.pack("<II", 13, 0))
        refused("info", path, says=f"offset {len(data)}: expected a variable, of type 14 or 15, found type 13")
        path.write_bytes(data + struct.pack("<II", 14, 0))
        refused("info", path, says="variable 5 of 5: cannot be read: the file is damaged")
    equal([codes[False, True], codes[True, True]], [{4}, {4}], "what became of those cut off")
    equal(codes[True, False], {0, 4}, "what became of those changed")


def compressed(folder):
    """Variables that unfold to more or less than they say, to something else, or behind which there is more."""
    e = events(count=100)
    path = folder / "e.mat"
    scipy.io.savemat(path, e)
    data = path.read_bytes()
    head, body, at = data[:128], [], 128
    while at < len(data):
        n = 8 + struct.unpack("<I", data[at + 4:at + 8])[0]
        body.append(data[at:at + n])
        at += n

    def write(change, end=b""):
        packed = [zlib.compress(change(v)) + end for v in body]
        path.write_bytes(head + b"".join(struct.pack("<II", 15, len(v)) + v for v in packed))

    want = converted(path)
    write(lambda v: v)
    need(converted(path) == want, "compressed by hand")
    for change, end, says in ((lambda v: v[:-8], b"", "as many bytes as the variable in it has"),
                              (lambda v: v + bytes(8), b"", "as many bytes as the variable in it has"),
                              (lambda v: v[:5], b"", "as many bytes as the variable in it has"),
                              (lambda v: v + bytes(1 << 20), b"", "as many bytes as the variable in it has"),
                              (lambda v: b"\x0f" + v[1:], b"", "a variable in it"),
                              (lambda v: v, b"1", "nothing behind the end of its data")):
        write(change, end)
        refused("info", path, says=("offset 128: compressed element of ", f"expected {says}, found something else: the file is damaged"))
    write(lambda v: v)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    refused("info", path, says="expected data that unfold and their check sum")


def structures(folder):
    """One structure has events, an array of them does not; others with such names are passed over."""
    e = events(count=100)
    path = folder / "e.mat"
    want = wanted(folder, e)
    one = np.zeros((1, 1), [(c, object) for c in "txyp"])
    for c in "txyp":
        one[c][0, 0] = e[c]
    scipy.io.savemat(path, {"TD": one})
    need(converted(path) == want, "one")
    for shape in ((1, 2), (2, 1), (2, 3)):
        scipy.io.savemat(path, {"TD": np.tile(one, shape)})
        refused("info", path, says=f"e.mat: TD: expected one structure, found an array of {shape[0] * shape[1]}")
    scipy.io.savemat(path, {"TD": one[:, :0]})
    refused("info", path, says="e.mat: TD: expected one structure, found an array of 0")
    two = np.zeros((1, 2), [("p", object), ("name", object)])
    two["p"][0], two["name"][0] = [1, 2], ["a", "b"]
    scipy.io.savemat(path, {"about": two, "more": {"p": "word"}, "TD": one})
    need(converted(path) == want, "beside others")
    scipy.io.savemat(path, {"about": two, "more": {"p": "word"}, **{c: v for c, v in e.items() if c != "p"}})
    need(converted(path) == wanted(folder, {**e, "p": 0 * e["p"] + 1}), "beside variables")
    scipy.io.savemat(path, {"time": "noon", "x": 3.0, "TD": one, "y": [1, 2]})
    refused("info", path, says="expected variables t, x, y and p, or a structure with these members, found both, in TD")
    scipy.io.savemat(path, {"p": 3.0, "TD": {c: e[c] for c in "txy"}, "x": "word"})
    need(converted(path) == wanted(folder, {**e, "p": 0 * e["p"] + 1}), "beside variables of some names")
    scipy.io.savemat(path, {"EM": one, "TD": one})
    refused("info", path, says="e.mat: expected one structure with members t, x, y and p, found EM and TD")
    scipy.io.savemat(path, {"TD": {**e, "times": e["t"] + 1}})
    refused("info", path, says="e.mat: TD.times: expected numbers, and one member of t")
    scipy.io.savemat(path, {**e, "pol": e["p"]})
    refused("info", path, says="e.mat: expected one variable of p, found p and pol")


def other_ends(folder):
    """The process is killed, says half of it or nonsense, does not start, or comes to no end."""
    path = folder / "e.mat"
    scipy.io.savemat(path, events(count=3000))
    real = pathlib.Path(SNNQ).resolve().parents[1] / "libsnnq" / "snnq-mat"
    for script, texts in (
            ("kill -SEGV $$", "the matio library failed on this file (signal 11, Segmentation fault)"),
            ("kill -XCPU $$", "the matio library came to no end on this file"),
            ("exit 12", "the matio library failed on this file (Cannot allocate memory)"),
            (f"{real} | head -c 3000", "the matio library failed on this file"),
            ("cat /dev/zero", "expected events from snnq-mat, found something else"),
            ("exit 0", "the matio library failed on this file")):
        refused("info", path, says=("e.mat: ", texts), env=with_helper(folder, script, "snnq-mat"))
    refused("info", path, code=1, env=with_helper(folder, "exit 127", "snnq-mat"),
            says="e.mat: snnq-mat, which reads MATLAB files, does not start: is the matio library there?")
    equal(snnq("info", path, env=with_helper(folder, f"exec {real}", "snnq-mat"))[0], snnq("info", path)[0], "the program itself")
    m = np.zeros((101, 500000))
    scipy.io.savemat(path, {"spiketrain": m}, do_compression=True)
    need(path.stat().st_size < 1 << 20, "a small file")

    def little_memory():
        resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))

    refused("info", path, says="spiketrain: cannot be read: the file is damaged, or the variable needs more memory than there is",
            preexec_fn=little_memory)
    equal(info(path)["events"], 0, "with more memory")


if __name__ == "__main__":
    main(columns, taxels, the_real_one, verbs, wrong, damaged, compressed, structures, other_ends)
