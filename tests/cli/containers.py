#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Events in containers that data sets use: arrays of NumPy's with fields or columns, archives of them.

Each file is written by NumPy, or damaged here, and must hold what a .bs3 recording of the same rows
holds, bit by bit after conversion; whatever is wrong is refused with the place, what was expected and
what was found."""
import io
import json
import struct
import subprocess
import sys
import zipfile

import numpy as np

from common import DEMO, SNNQ, archive, equal, main, member, need, recording, refused, snnq

WIDTH, HEIGHT, COUNT = 1280, 720, 9000
SIZE = ("--width", WIDTH, "--height", HEIGHT)
MODEL = DEMO / "digits.snnq"


def events(seed=1, count=COUNT):
    """Columns t, x, y, p of events in the order of time."""
    rng = np.random.default_rng(seed)
    return {"t": np.sort(rng.integers(0, 1 << 20, count)), "x": rng.integers(0, WIDTH, count),
            "y": rng.integers(0, HEIGHT, count), "p": rng.integers(0, 2, count)}


def converted(path, *options):
    """The recording as AEDAT 4."""
    out = path.parent / "out.aedat4"
    snnq("convert", path, out, *SIZE, *options)
    return out.read_bytes()


def wanted(folder, e):
    """The same of a recording without a container."""
    rows = zip(*(e[c].tolist() for c in "xypt"))
    return converted(recording(folder / "want.bs3", rows))


def records(e, descr):
    """A structured array; fields that are none of an event's are filled, too."""
    a = np.zeros(len(e["t"]), descr)
    for name in a.dtype.names:
        column = {"timestamp": "t", "polarity": "p"}.get(name, name)
        if column in e:
            a[name] = e[column]
        elif a.dtype[name].kind in "iufc":
            a[name] = 7
    return a


def info(path, *options):
    return json.loads(snnq("info", path, "--json", *options)[0])


# ---- .npy

def fields(folder):
    """Fields in any order, of any width, with gaps, of either order of bytes, and others beside them."""
    e = events()
    want = wanted(folder, e)
    path = folder / "e.npy"
    for descr in ([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "?")],
                  [("x", "<u2"), ("y", "<u2"), ("t", "<u4"), ("p", "i1")],
                  [("p", ">i4"), ("y", ">i8"), ("x", ">f4"), ("t", ">u8")],
                  [("x", "<f8"), ("t", "<i4"), ("y", ">u4"), ("p", "<f2")],
                  [("timestamp", "<i8"), ("x", "<i2"), ("y", "<i2"), ("polarity", "u1")],
                  [("id", "S5"), ("t", "<u8"), ("name", "<U3"), ("x", "<u2"), ("box", "<f4", (2, 3)), ("y", "<u2"),
                   ("when", "<M8[us]"), ("p", "u1"), ("more", "<c16")],
                  np.dtype({"names": list("txyp"), "formats": ["<i8", "<i2", "<i2", "u1"], "itemsize": 16}),
                  np.dtype({"names": list("xytp"), "formats": ["<u2", "<u2", "<u4", "u1"],
                            "offsets": [2, 4, 8, 17], "itemsize": 24})):
        np.save(path, records(e, descr))
        equal(info(path)["format"], "npy", "format")
        need(converted(path) == want, f"events of {np.dtype(descr)}")
        version = path.read_bytes()
        if version[6] == 1:
            n = struct.unpack("<H", version[8:10])[0]
            path.write_bytes(b"\x93NUMPY\2\0" + struct.pack("<I", n) + version[10:])
            need(converted(path) == want, "header of version 2")
    signed = {**e, "p": 2 * e["p"] - 1}
    np.save(path, records(signed, [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "i1")]))
    need(converted(path) == want, "polarity -1 and 1")
    with open(path, "rb") as f:
        done = subprocess.run([SNNQ, "convert", "-", folder / "out.aedat4", *map(str, SIZE)], stdin=f, check=False,
                              capture_output=True)
    equal(done.returncode, 0, f"from a pipe: {done.stderr}")
    need((folder / "out.aedat4").read_bytes() == want, "events of a pipe")


def absent(folder):
    """Without y there is one row, without p all events are ON; none at all is a recording of none."""
    e = events()
    np.save(folder / "e.npy", records(e, [("t", "<i8"), ("x", "<i2")]))
    need(converted(folder / "e.npy") == wanted(folder, {**e, "y": 0 * e["y"], "p": 0 * e["p"] + 1}), "t and x")
    np.save(folder / "e.npy", records(events(count=0), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")]))
    equal(info(folder / "e.npy")["events"], 0, "no events")
    np.savez(folder / "e.npz", **events(count=0))
    equal(info(folder / "e.npz")["events"], 0, "no events in an archive")


def columns(folder):
    """Arrays of four columns are events when it is said what the columns are."""
    e = events()
    want = wanted(folder, e)
    path = folder / "e.npy"
    for order in ("txyp", "xytp", "xypt"):
        for kind in ("<i8", "<u4", ">i4"):
            np.save(path, np.stack([e[c] for c in order], 1).astype(kind))
            need(converted(path, "-f", f"npy-{order}") == want, f"{order} of {kind}")
        np.save(path, np.stack([e[c] for c in order], 1).astype(np.float64))
        need(converted(path, "-f", f"npy-{order}:us") == want, f"{order} of floats")
    refused("inspect", path, says="found values, in NumPy's format")
    equal(info(path)["kind"], "values", "without a word they are values")
    equal(info(path, "-f", "npy-xypt:us")["format"], "npy-xypt", "format")
    refused("info", path, "-f", "npy", says=("expected npy, as the option says", "found values"))
    refused("info", path, "-f", "npy-xypt", says=("t: expected integers of microseconds, found floats", "as npy-xypt:s, npy-xypt:ms or npy-xypt:us"))
    np.save(path, np.zeros((5, 3), np.int32))
    refused("info", path, "-f", "npy-txyp", says="shape: expected two axes, the second of 4")
    np.save(path, np.zeros((4, 5), np.int32).T)
    refused("info", path, "-f", "npy-txyp", says=("expected fortran_order: False", 'found "True'))
    np.save(path, records(e, [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")]))
    refused("info", path, "-f", "npy-txyp", says=("expected npy-txyp", "found npy"))


def units(folder):
    """Times in seconds, milliseconds and nanoseconds, to the nearest microsecond; floats need a unit."""
    e = events()
    want = wanted(folder, e)
    path = folder / "e.npy"
    layout = [("t", "<f8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")]
    for unit, scale in (("s", 1e-6), ("ms", 1e-3), ("us", 1), ("ns", 1e3)):
        np.save(path, records({**e, "t": e["t"] * scale}, layout))
        need(converted(path, "-f", f"npy:{unit}") == want, f"floats in {unit}")
        np.savez(folder / "e.npz", **{**e, "t": e["t"] * scale})
        need(converted(folder / "e.npz", "-f", f"npz:{unit}") == want, f"floats in {unit} in an archive")
    refused("info", folder / "e.npz", says=("npz: offset 10: header: t: expected integers of microseconds, found floats", "as npz:s, npz:ms or npz:us"))
    refused("info", path, says=("offset 10: header: t: expected integers of microseconds, found floats", "npy:s"))
    ints = [("t", "<i8"), *layout[1:]]
    for unit, t, back in (("s", e["t"], e["t"] * 1000000), ("ms", e["t"], e["t"] * 1000), ("ns", e["t"] * 1000 + 499, e["t"]),
                          ("ns", e["t"] * 1000 - 500, e["t"])):
        np.save(path, records({**e, "t": t}, ints))
        j = info(path, "-f", f"npy:{unit}")
        equal((j["first_us"], j["last_us"]), (back.min(), back.max()), f"integers in {unit}")
    refused("info", path, "-f", "npy:min", code=2, says=("expected a unit of time (s, ms, us, ns)", 'found "min"'))
    refused("info", DEMO / "test/0006.bin", "-f", "atis:ms", code=2, says="a unit of time is of no use for atis")
    np.save(path, records({**e, "t": e["t"] * 0 + (1 << 62)}, ints))
    refused("info", path, "-f", "npy:s", says="event 0: t: expected a time of less than 2^62 us, found 4611686018427387904")


def changed(e, column, at, value):
    """The same with another value."""
    other = e[column].astype(np.float64 if isinstance(value, float) else np.int64)
    other[at] = value
    return {**e, column: other}


def bad_numbers(folder):
    """Coordinates, polarities and times that are none: which event, what was expected and found."""
    e = events()
    layout = [("t", "<i8"), ("x", "<f8"), ("y", "<i8"), ("p", "<i2")]
    for column, at, value, says in (
            ("x", 17, -1.0, "event 17: x: expected an integer from 0 to 65535, found -1"),
            ("x", 8999, 1.5, "event 8999: x: expected an integer from 0 to 65535, found 1.5"),
            ("x", 0, float("nan"), "event 0: x: expected an integer from 0 to 65535, found nan"),
            ("y", 1, 65536, "event 1: y: expected an integer from 0 to 65535, found 65536"),
            ("p", 2, 2, "event 2: p: expected -1, 0 or 1, found 2")):
        np.save(folder / "e.npy", records(changed(e, column, at, value), layout))
        refused("info", folder / "e.npy", says=("e.npy: npy: ", says))
        np.savez_compressed(folder / "e.npz", **changed(e, column, at, value))
        refused("info", folder / "e.npz", says=("e.npz: npz: ", says))
    np.save(folder / "e.npy", records({**e, "t": e["t"] + 0x8000000000000000 * np.uint64(1)}, [("t", "<u8"), *layout[1:]]))
    refused("info", folder / "e.npy", says="event 0: t: expected a time of less than 2^62 us, found 9.2233720368547")
    np.savez(folder / "e.npz", **changed(e, "t", 5, float("inf")))
    refused("info", folder / "e.npz", "-f", "npz:s", says="event 5: t: expected a time of less than 2^62 us, found inf")
    back = e["t"].copy()
    back[100], back[4000] = back[4000], back[100]
    np.savez(folder / "e.npz", **{**e, "t": back})
    need(info(folder / "e.npz")["nonmonotonic"] > 0, "times that decrease are counted")


def header(text, rest=b""):
    text = text.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + rest


def bad_headers(folder):
    """Headers that say something else, or too much."""
    path = folder / "e.npy"
    good = "{'descr': [('t', '<i8'), ('x', '<i2')], 'fortran_order': False, 'shape': (3,), }"
    rows = bytes(30)
    path.write_bytes(header(good, rows))
    equal(info(path)["events"], 3, "a header made by hand")
    for old, new, says in (
            ("'<i8'", "'|O'", "expected numbers (Python's objects are never made), found \"'|O')"),
            ("'<i8'", "'<U8'", "expected an integer or a float, found \"'<U8'"),
            ("'<i8'", "'<i3'", "expected an integer or a float"), ("'<i8'", "'i8'", "expected a type, as '<i8'"),
            ("'<i8'", "'<i8', (2,)", "expected one number in a field of an event"),
            ("'<i8'", "[('a', '<i8')]", "expected a type, as '<i8'"),
            ("'t'", "'x'", "expected each of t, x, y and p once"), ("'t'", "'u'", "expected descr: fields t, x, y and p"),
            ("'t'", "('title', 't')", "expected a field, as ('x', '<i2')"),
            ("'t'", "'a\\'b'", "expected a field, as ('x', '<i2')"),
            ("('x', '<i2')", "('x', '<i2'), ('z', '|V70000')", "expected elements of at most 65536 bytes"),
            ("('x', '<i2')", "('x', '<i2'), ('z', '<i8', (99999, 99999))", "expected"),
            ("('x', '<i2')", "('x', '<i2'", "expected an end of the field"),
            ("False", "True", "expected fortran_order: False"), ("(3,)", "(3, 1)", "shape: expected one axis"),
            ("(3,)", "(1099511627777,)", "expected shape: at most 2^40 elements"),
            ("(3,)", "(99999999999999999999999999,)", "expected shape: at most 2^40 elements"),
            ("(3,)", "(4,)", "expected 4 elements of 10 bytes, found the end of the file in element 3"),
            ("(3,)", "(1099511627776,)", "expected 1099511627776 elements of 10 bytes, found the end of the file in element 3"),
            ("(3,)", "(2,)", "expected the end of the file behind 2 elements, found more")):
        path.write_bytes(header(good.replace(old, new), rows))
        refused("info", path, says=("e.npy: npy: offset ", says))
    for cut in (20, 60):
        path.write_bytes(header(good)[:cut])
        refused("inspect", path, says="offset 0: ")
    path.write_bytes(b"\x93NUMPY\1\0\xff\xff" + header(good, rows)[10:])
    refused("inspect", path, says="offset 0: ")


# ---- .npz

def archives(folder):
    """Stored and deflated, an array for each number or one with fields; and more members beside them."""
    e = events()
    want = wanted(folder, e)
    path = folder / "e.npz"
    small = {"t": e["t"], "x": e["x"].astype(np.int16), "y": e["y"].astype(">u2"), "p": e["p"].astype(bool)}
    for save in (np.savez, np.savez_compressed):
        for columns_of in (e, small, {**small, "label": np.array([3]), "extra": np.zeros(5)},
                           {**small, "y": small["y"][:, None]},
                           {"ts": e["t"], "x": e["x"], "y": e["y"], "pol": e["p"]},
                           {"events": records(e, [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "u1")])}):
            save(path, **columns_of)
            equal(info(path)["format"], "npz", "format")
            need(converted(path) == want, f"{save.__name__} of {list(columns_of)}")
    (folder / "e").write_bytes(path.read_bytes())
    need(converted(folder / "e") == want, "found without the extension")
    with open(path, "rb") as f:
        done = subprocess.run([SNNQ, "convert", "-", folder / "out.aedat4", *map(str, SIZE)], stdin=f, check=False,
                              capture_output=True)
    equal((done.returncode, (folder / "out.aedat4").read_bytes() == want), (0, True), f"standard input: {done.stderr}")
    done = subprocess.run([SNNQ, "convert", "-", folder / "out.aedat4", *map(str, SIZE)], input=path.read_bytes(),
                          check=False, capture_output=True)
    equal(done.returncode, 4, "a pipe")
    need(b"npz: expected a file, which is read at several places at once, found a pipe" in done.stderr, f"a pipe: {done.stderr}")


def large_sizes(folder):
    """An archive whose directory has sizes of 64 bits, and one with a comment and data before it."""
    e = events()
    want = wanted(folder, e)
    path = folder / "e.npz"
    np.savez(path, **e)
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    count, size, at = struct.unpack("<HII", data[end + 10:end + 20])
    directory, out, p = data[at:at + size], b"", 0
    while p < size:
        packed, full = struct.unpack("<II", directory[p + 20:p + 28])
        name, extra, comment = struct.unpack("<HHH", directory[p + 28:p + 34])
        offset = struct.unpack("<I", directory[p + 42:p + 46])[0]
        field = struct.pack("<HH", 0x9999, 3) + b"abc" + struct.pack("<HHQQQ", 1, 24, full, packed, offset)
        entry = bytearray(directory[p:p + 46] + directory[p + 46:p + 46 + name] + field)
        entry[20:28], entry[42:46] = b"\xff" * 8, b"\xff" * 4
        entry[30:34] = struct.pack("<HH", len(field), 0)
        out, p = out + bytes(entry), p + 46 + name + extra + comment
    end64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(out), at)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at + len(out), 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 5) + b"words"
    path.write_bytes(data[:at] + out + end64 + locator + last)
    equal(sorted(np.load(path)), list("ptxy"), "NumPy reads it, too")
    need(converted(path) == want, "sizes of 64 bits")
    for where, value, says in ((8, 1 << 63, "expected a place of the directory's end"), (8, 0, "expected the end of a directory of 64 bits")):
        damaged_locator = locator[:where] + struct.pack("<Q", value) + locator[where + 8:]
        path.write_bytes(data[:at] + out + end64 + damaged_locator + last)
        refused("info", path, says=("e.npz: offset ", says))
    second = out.index(b"PK\1\2", 4)
    for value in (1 << 62, len(data) * 2):
        path.write_bytes(data[:at] + out[:second - 8] + struct.pack("<Q", value) + out[second:] + end64 + locator + last)
        refused("info", path, says="t.npy: expected its header in")


def other_versions(path):
    """Headers of versions that there are, and of others, of arrays and of one that has fields."""
    def write(names, begin):
        with zipfile.ZipFile(path, "w") as z:
            for name in names:
                z.writestr(f"{name}.npy", begin(header("{'descr': %s, 'fortran_order': False, 'shape': (2,), }" % names[name], bytes(32))[6:]))

    arrays, whole = {"t": "'<i8'", "x": "'<i8'"}, {"e": "[('t', '<i8'), ('x', '<i8')]"}
    cut = {"t": 16, "x": 16, "e": 32}
    for names, first in ((arrays, "t"), (whole, "e")):
        def end(rest):
            return rest[:len(rest) - 32 + cut[first]]

        for version in (2, 3):
            write(names, lambda r: end(b"\x93NUMPY" + bytes([version, 0]) + r[2:4] + b"\0\0" + r[4:]))
            equal(info(path)["events"], 2, f"version {version} of {first}")
        for version in (b"\1\1", b"\0\0", b"\4\0", b"\2\1", b"\xff\xff"):
            write(names, lambda r: end(b"\x93NUMPY" + version + r[2:]))
            refused("info", path, "-f", "npz", says=("e.npz: ", f"{first}.npy: expected a .npy header of at most 4096 bytes, found something else"))
        for begin in (b"", b"\x93NUMPY", b"\x93NUMPY\1\0\0", b"\x93NUMPY\1\0\1\0", b"\x93NUMPY\2\0\0\0", b"\x93NUMPY\2\0\0\0\0\1"):
            write(names, lambda r: begin)
            refused("info", path, "-f", "npz", says=f"{first}.npy: expected a .npy header")
            refused("info", path, says="expected a .npy header")


def damaged_archives(folder):
    """Cut off, changed, encrypted, of other methods, of arrays that do not fit together."""
    e = events()
    path = folder / "e.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, **e)
        data = path.read_bytes()
        for cut in (3, 100, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:cut])
            refused("info", path, says=("e.npz: offset ", "expected the end of a ZIP archive's directory, found none"))
        for n, name in enumerate(("t.npy", "x.npy")):
            at = [i for i in range(len(data)) if data[i:i + 4] == b"PK\1\2"][n] + 16
            path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
            refused("info", path, says=(f"{name}: CRC-32: expected", "found"))
    at = data.index(b"PK\1\2")
    for where, new, says in ((8, b"\1", "t.npy: expected a member that is not encrypted"),
                             (10, b"\x0c", "t.npy: method: expected 0 (stored) or 8 (deflated), found 12"),
                             (10, b"\0", "t.npy: expected as many bytes stored as it has"),
                             (42, b"\1", "t.npy: offset 1: expected the header of a member, found something else"),
                             (24, struct.pack("<I", 0x7fffffff), "t.npy: offset 0: expected 2147483647 bytes, "),
                             (20, struct.pack("<I", 0x7fffffff), "t.npy: offset"), (0, b"X", "expected entry 0 of 4 of the directory"),
                             (28, b"\xff\xff", "expected entry 0 of 4 of the directory")):
        path.write_bytes(data[:at + where] + new + data[at + where + len(new):])
        refused("info", path, says=("e.npz: ", says))
    body = data.index(b"PK\3\4") + 200
    path.write_bytes(data[:body] + bytes(300) + data[body + 300:])
    refused("info", path, says="t.npy: ")
    np.savez(path, **{**e, "x": e["x"][:-1]})
    refused("info", path, says="x: expected 9000 elements, as t has, found 8999")
    np.savez(path, **{**e, "x": np.stack([e["x"], e["x"]], 1)})
    refused("info", path, says="x.npy: shape: expected one axis, found 2")
    np.savez(path, **{**e, "p": e["p"].astype("S1")})
    refused("info", path, says=("p.npy: offset ", "header: expected descr: an integer or a float, found \"'|S1'"))
    np.savez(path, **{**e, "p": np.array([{}] * COUNT, object)})
    refused("info", path, says=("p.npy: offset ", "header: expected descr: an integer or a float, found \"'|O'"))
    np.savez(path, x=e["x"])
    refused("info", path, "-f", "npz", says="expected arrays t, x, y and p, or one whose fields these are, found x")
    np.savez(path, frames=np.zeros((4, 2, 34, 34)))
    refused("info", path, "-f", "npz", says="found frames, which are for models that take values")
    np.savez(path, np.zeros((5, 4)))
    refused("info", path, "-f", "npz", says="expected arrays t, x, y and p, or one whose fields these are, found arr_0")
    with zipfile.ZipFile(path, "w") as z:
        for i in range(65):
            z.writestr(f"{i}.npy", b"")
    refused("info", path, says="expected at most 64 members, found 65")
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("word/document.xml", "<a/>")
    refused("info", path, says="word/document.xml: expected a .npy header")
    other_versions(path)
    path.write_bytes(b"no archive at all")
    refused("info", path, says="expected the end of a ZIP archive's directory")


def saved(array):
    """A .npy file."""
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()


def names(folder):
    """Names that are there twice are refused, with and without .npy; long ones are kept to their last letter."""
    e = events()
    path, want = folder / "e.npz", wanted(folder, e)
    for deflate in (False, True):
        whole = [member(f"{c}.npy", saved(e[c]), deflate=deflate) for c in "txyp"]
        one = saved(e["t"])
        for other, name in (("t.npy", "t"), ("t", "t"), ("p.npy", "p")):
            archive(path, *whole, member(other, one))
            refused("info", path, says=f"e.npz: expected members of different names, found two called {name}")
        for other in ("extra.npy", "a" * 101 + ".npy", "b" * 255):
            archive(path, *whole, member(other, one))
            need(converted(path) == want, f"beside {other}")
            archive(path, *whole, member(other, one), member("c", one), member(other, b""))
            refused("info", path, says=f"found two called {other.removesuffix('.npy')}")
    archive(path, *whole, *(member("l" * 250 + str(i), b"") for i in range(60)))
    need(converted(path) == want, "beside many that differ in their last letters")
    archive(path, *whole, member("d" * 256, one))
    refused("info", path, says="e.npz: entry 4 of the directory: expected a name of at most 255 bytes, found 256: ddd")
    archive(path, member("x.npy", one), member("y.npy", one), member("no\nname\x1b.npy", one))
    refused("info", path, "-f", "npz", says="found x, y, no?name?")
    archive(path, *(member(f"{c}{'.npy' * (c == 'x')}", one) for c in ("x", "a" * 95 + "\xe9" * 9, "b")))
    refused("info", path, "-f", "npz", says=("found x, aaa", "a..."))


def lying_archives(folder):
    """Members that hold more than is said, with the CRC of what is said: nothing is taken for the whole."""
    path = folder / "e.npz"
    whole = {c: saved(v) for c, v in events(count=500).items()}
    for part in (slice(500), slice(0)):
        said = {c: saved(v[part]) for c, v in events(count=500).items()}
        for name in "txyp":
            n, good = len(said[name]), [member(f"{c}.npy", said[c], deflate=True) for c in "txyp" if c != name]

            def bad(*says, n=n, good=good, name=name, **options):
                archive(path, *good, member(f"{name}.npy", said[name], **options))
                refused("info", path, says=(f"e.npz: {name}.npy: ", *says))

            archive(path, *good, member(f"{name}.npy", said[name] + b"1"))
            refused("info", path, says=f"{name}.npy: offset {0x80}: expected {part.stop} elements of")
            for more in (b"\0", bytes(70000), whole[name]):
                bad(f"expected {n} bytes, found more of deflated data", held=said[name] + more, deflate=True)
            for more in (b"\0", bytes(70000)):
                bad(f"expected deflated data that ends with the member, found {len(more)} bytes behind its end", more=more, deflate=True)
            for own in ({"bytes": n + 1}, {"packed": n + 1}, {"bytes": n + 9, "packed": n + 9}):
                bad("offset ", f"expected {n} bytes, {n} in the archive, as the directory has it, found {own.get('bytes', n)}, "
                    f"{own.get('packed', n)}", **own)
    # a header that leaves sizes to what follows says nothing
    archive(path, *(member(f"{c}.npy", whole[c], deflate=c == "x", flags=8, packed=0, bytes=0) for c in "txyp"))
    equal(info(path)["events"], 500, "sizes behind the data")


def unfolds_much(folder):
    """Deflated zeros: millions of events of some kilobytes are read in memory for a part of them."""
    path, count = folder / "e.npz", 9_000_000
    np.savez_compressed(path, t=np.zeros(count, np.int8), x=np.zeros(count, np.int8))
    need(path.stat().st_size < 50_000, "an archive that is small")
    script = f"import resource, os; resource.setrlimit(resource.RLIMIT_AS, (200 << 20,) * 2); os.execv({SNNQ!r}, {[SNNQ, 'info', str(path), '--json']!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    equal(done.returncode, 0, f"{done.stderr}")
    equal(json.loads(done.stdout)["events"], count, "events")


# ---- through the front door

def verbs(folder):
    """run, eval, inspect, compare and quantize give what they give of the recording itself."""
    lines = [line.split("\t") for line in (DEMO / "test.tsv").read_text().splitlines()[:4]]
    kinds = ("npy", "npz", "npy", "npz")
    text = []
    for (name, label), kind in zip(lines, kinds):
        data = np.frombuffer((DEMO / name).read_bytes(), np.uint8).reshape(-1, 5).astype(int)
        e = {"x": data[:, 0], "y": data[:, 1], "p": data[:, 2] >> 7, "t": (data[:, 2] & 127) << 16 | data[:, 3] << 8 | data[:, 4]}
        path = folder / f"{len(text)}.{kind}"
        if kind == "npz":
            np.savez_compressed(path, **e)
        else:
            np.save(path, records(e, [("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "i1")]))
        text.append(f"{path.name}\t{label}\n")
        for verb in (("run", MODEL), ("inspect",)):
            both = [json.loads(snnq(*verb, p, "--json")[0]) for p in (path, DEMO / name)]
            for j in both:
                for key in ("recording", "path", "file", "format", "latency_us", "windows", "origin", "time_us"):
                    j.pop(key, None)
            need(both[0].get("scores") == both[1].get("scores"), f"{verb[0]}: {both}")
            equal(both[0].get("events"), both[1].get("events"), verb[0])
    (folder / "list").write_text("".join(text))
    (folder / "bin").write_text("".join(f"{DEMO / name}\t{label}\n" for name, label in lines))
    results = [json.loads(snnq("eval", MODEL, "--data", folder / f, "-d", "sim", "--json")[0]) for f in ("list", "bin")]
    equal([p["class"] for p in results[0]["predictions"]], [p["class"] for p in results[1]["predictions"]], "eval")
    models = []
    for f in ("list", "bin"):
        snnq("quantize", DEMO / "digits-float.snnq", "-o", folder / "q.snnq", "--default", "uniform:4", "--calib", folder / f)
        models.append([s["scores"] for s in json.loads(snnq("run", folder / "q.snnq", DEMO / lines[0][0], "--json")[0])["windows"]])
    equal(models[0], models[1], "quantize")


if __name__ == "__main__":
    sys.exit(main(fields, absent, columns, units, bad_numbers, bad_headers, archives, large_sizes, damaged_archives,
                  names, lying_archives, unfolds_much, verbs))
