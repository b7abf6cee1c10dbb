#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Recordings and lists of them as users have them: none is lost, cut or misread without a word.

All files are made here: ATIS records, AEDAT 4 of one packet, lists with what spreadsheets, other
systems and accidents put into them."""
import json
import os
import resource
import struct
import sys
import zipfile

import h5py
import numpy as np

from common import DEMO, equal, main, need, recording, refused, snnq

MODEL, FLOAT = DEMO / "digits.snnq", DEMO / "digits-float.snnq"


def demo_recordings(count=2):
    """(bytes, label) of recordings of the demo."""
    lines = [line.split("\t") for line in (DEMO / "test.tsv").read_text().splitlines()[:count]]
    return [((DEMO / path).read_bytes(), int(label)) for path, label in lines]


def records(rows):
    """ATIS records of rows (x, y, polarity, microseconds)."""
    return b"".join(bytes([x, y, p << 7 | t >> 16 & 127, t >> 8 & 255, t & 255])
                    for x, y, p, t in rows)


def rows_of(data):
    """Rows (x, y, polarity, microseconds) of ATIS records."""
    return [(r[0], r[1], r[2] >> 7, (r[2] & 127) << 16 | r[3] << 8 | r[4])
            for r in (data[i:i + 5] for i in range(0, len(data), 5))]


def aedat4(rows, tail=b""):
    """A file without compression and data table: one packet of events, and what follows it."""
    def buffer(name, fields):
        """A FlatBuffer of one table of (size, value) fields; a vector comes last."""
        vtable = struct.pack("<HH", 4 + 2 * len(fields), 4 + sum(n for n, _ in fields))
        body, at = b"", 4
        for size, value in fields:
            vtable += struct.pack("<H", at)
            body, at = body + value, at + size
        vtable += bytes(-len(vtable) % 4)
        start = 8 + len(vtable)
        content = struct.pack("<I", start) + name + vtable + struct.pack("<i", len(vtable)) + body
        return struct.pack("<I", len(content)) + content

    header = buffer(b"IOHE", [(4, struct.pack("<i", 0)), (8, struct.pack("<q", -1))])
    events = b"".join(struct.pack("<qhhB3x", t, x, y, p) for x, y, p, t in rows)
    packet = buffer(b"EVTS", [(4, struct.pack("<I", 4) + struct.pack("<I", len(rows)) + events)])
    return b"#!AER-DAT4.0\r\n" + header + struct.pack("<II", 0, len(packet)) + packet + tail


def run(path, *options, model=MODEL):
    return json.loads(snnq("run", model, path, "-d", "sim", "--json", *options)[0])


def info(path, *options):
    return json.loads(snnq("info", path, "--json", *options)[0])


# ---- lists

def evaluate(path):
    """(path, label) of what eval classified."""
    j = json.loads(snnq("eval", MODEL, "--data", path, "-d", "sim", "--json")[0])
    return [(p["path"], p["label"]) for p in j["predictions"]]


def fill(folder):
    """Recordings under names that lists have trouble with."""
    (data, label), (other, other_label) = demo_recordings()
    for name in ("a.bin", "x,y.bin", 'say "hi".bin', "tab\tin.bin", " lead.bin", "ü.bin"):
        (folder / name).write_bytes(data)
    (folder / "b.bin").write_bytes(other)
    return label, other_label


def good_lists(folder):
    """Lists in all the forms that are one list."""
    label, other = fill(folder)
    want = [("a.bin", label), ("b.bin", other)]
    lists = {
        "tabs": f"a.bin\t{label}\nb.bin\t{other}\n",
        "commas": f"a.bin,{label}\nb.bin,{other}\n",
        "blanks": f"a.bin, {label}\nb.bin,  {other}\n",
        "no line end": f"a.bin,{label}\nb.bin,{other}",
        "other line ends": f"a.bin,{label}\r\nb.bin,{other}\r\n",
        "old line ends": f"a.bin,{label}\rb.bin,{other}\r",
        "mixed line ends": f"a.bin,{label}\r\r\nb.bin,{other}",
        "byte order mark": f"\ufeffa.bin,{label}\nb.bin,{other}\n",
        "heading": f"path,label\na.bin,{label}\nb.bin,{other}\n",
        "heading after a mark": f"\ufeffpath\tlabel\na.bin\t{label}\nb.bin\t{other}\n",
        "heading in quotes": f'"path","label"\n"a.bin","{label}"\n"b.bin",{other}\n',
        "quotes": f'"a.bin",{label}\r\nb.bin,"{other}"\r\n',
        "comments": f"# all\n\na.bin,{label}\n#x\nb.bin,{other}\n\n",
    }
    for name, text in lists.items():
        (folder / "list").write_bytes(text.encode())
        equal(evaluate(folder / "list"), want, name)


def odd_names(folder):
    """Names with commas, quotes, tabs, blanks and other letters."""
    label, _ = fill(folder)
    for line, name in ((f"x,y.bin,{label}", "x,y.bin"), (f"x,y.bin\t{label}", "x,y.bin"),
                       (f'"x,y.bin",{label}', "x,y.bin"),
                       (f'"say ""hi"".bin",{label}', 'say "hi".bin'),
                       (f'say "hi".bin\t{label}', 'say "hi".bin'),
                       (f"tab\tin.bin\t{label}", "tab\tin.bin"),
                       (f" lead.bin,{label}", " lead.bin"), (f"ü.bin,{label}", "ü.bin"),
                       (f"{folder}/a.bin,{label}", f"{folder}/a.bin")):
        (folder / "list").write_text(line + "\n")
        equal(evaluate(folder / "list"), [(name, label)], line)


def bad_lists(folder):
    """Lists that are damaged are refused with the line; none of it vanishes."""
    label, other = fill(folder)
    first = f"a.bin,{label}\n".encode()
    for text, says in (
            (first + b"\0\0b.bin,1\n", "line 2: expected text, found a zero byte"),
            (first + b"b.bin,1\0\n", "line 2: expected text, found a zero byte"),
            (first.decode().encode("utf-16"), "line 1: expected text, found a zero byte"),
            (first[:-1] + b"\rb.bin\r", "line 2: expected a path and a label"),
            (first[:-1] + b"\rb.bin,1\0\r", "line 2: expected text, found a zero byte"),
            (first + b"b.bin\n", "line 2: expected a path and a label"),
            (first + b"   \n", "line 2: expected a path and a label"),
            (first + b",3\n", "line 2: expected a path and a label"),
            (first + b'"b.bin,1\n', "line 2: expected a closing quote"),
            (first + b'"b.bin" x,1\n', "line 2: expected a comma after the quoted path"),
            (first + b'b.bin,"1\n', "line 2: expected a label in closed quotes"),
            (first + b"b.bin,10\n", 'line 2: label: expected a class name or 0..9, found "10"'),
            (first + b"b.bin,4294967296\n", 'found "4294967296"'),
            (first + b"b.bin,18446744073709551617\n", 'found "18446744073709551617"'),
            (first + b"b.bin,-1\n", 'found "-1"'), (first + b"b.bin,1x\n", 'found "1x"'),
            (first + b"b.bin,\n", 'found ""'), (first + b"path,label\n", 'found "label"'),
            (b"", "expected at least one recording"),
            (b"path,label\n# none\n", "expected at least one recording")):
        (folder / "list").write_bytes(text)
        refused("eval", MODEL, "--data", folder / "list", "-d", "sim", says=("list", says))
    need(other >= 0, "labels")


def bare_lists(folder):
    """Where labels do not count, a list may do without them."""
    fill(folder)
    models = set()
    for text in ("a.bin\nb.bin\n", "a.bin\t3\nb.bin\tsome word\n", "path,label\na.bin,3\nb.bin,4\n"):
        (folder / "list").write_text(text)
        snnq("quantize", FLOAT, "-o", folder / "q.snnq", "--default", "uniform:4", "--layer",
             "conv1=uniform:3", "--calib", folder / "list")
        models.add((folder / "q.snnq").read_bytes())
        snnq("energy", MODEL, "--data", folder / "list")
    equal(len(models), 1, "models from lists with labels and without")


def foreign_names(folder):
    """Bytes that are no UTF-8, and control characters, in names: JSON and tables stay whole."""
    data, label = demo_recordings()[0]
    for name in (b"caf\xe9.bin", b"\xff\xfe.bin", b"\xed\xa0\x80.bin", b"esc\x1b[31m.bin",
                 b"bell\x07.bin", b"\xc2\x9b31m.bin", "l\u2028ine.bin".encode(),
                 "turn\u202e.bin".encode(), "turn\u2066.bin".encode()):
        with open(os.fsencode(folder) + b"/" + name, "wb") as f:
            f.write(data)
        (folder / "list").write_bytes(name + b"\t%d\n" % label)
        out = snnq("eval", MODEL, "--data", folder / "list", "-d", "sim", "--json")[0]
        out.encode()  # a byte that is no UTF-8 is a lone surrogate here
        need(all(c in "\t\n" or c.isprintable() for c in out), f"control characters: {out!r}")
        j = json.loads(out)
        equal(j["samples"], 1, "samples")
        need(j["predictions"][0]["path"].endswith(".bin"), "name in JSON")
        out = snnq("eval", MODEL, "--data", folder / "list", "-d", "sim", "--tsv")[0]
        out.encode()
        equal(len(out.splitlines()), 2, "lines of the table")
        need(all(c in "\t\n" or c.isprintable() for c in out), f"control characters: {out!r}")
        with open(os.fsencode(folder) + b"/" + name, "wb"):
            pass
        error = refused("eval", MODEL, "--data", folder / "list", "-d", "sim", says="no events")
        need(all(c == "\n" or c.isprintable() for c in error), f"control characters: {error!r}")


# ---- recordings

def magic(folder):
    """A format's magic is longer than coordinates; what has one is not read as something else."""
    data, _ = demo_recordings()[0]
    path = folder / "a.bin"
    for start in ((37, 32), (35, 33)):  # "% " and "#!"
        for t in (0, 10, 0x4142):
            path.write_bytes(records([(*start, 1, t)]) + data)
            j = info(path)
            equal((j["format"], j["events"]), ("atis", len(data) // 5 + 1), f"first event {start}")
    for text, name, words in (
            (b"% Date 2014\n% Version 2\n" + data, "a header that names no format", None),
            (b"#!AER-DAT1.0\r\n" + data, "aedat1", "AEChip: expected DVS128 in"),
            (b"#!AER-DAT3.0\r\n" + data, "a version of AEDAT", None),
            (b"#!AER-DAT2.0\r\n" + data, "aedat2", "AEChip: expected DVS128"),
            (b"#!AER-DAT3.1\r\n" + data, "aedat3", "expected the line #!END-HEADER"),
            (b"Event Stream" + data, "es", "version: expected 2"),
            (b"\x89HDF\r\n\x1a\n" + data, "hdf5", "expected an HDF5 file"), (b"\x93NUMPY\1\0" + data, "values, in NumPy's format", None),
            (b"MATLAB 5.0 MAT-file" + data, "mat", "expected a MATLAB file of version 5"),
            (b"MATLAB 7.3 MAT-file" + data, "mat73", "expected an HDF5 file"),
            (b"#ROSBAG V2.0\n" + data, "a ROS bag", None), (MODEL.read_bytes(), "a model", None)):
        path.write_bytes(text)
        says = ("offset", words or name)
        refused("run", MODEL, path, "-d", "sim", says=says)
        refused("run", MODEL, path, "-d", "sim", "-f", "atis", says=("expected atis",
                                                                     f"found {name}"))
        if name.startswith("values"):
            refused("info", path, says="expected a .npy header")
        elif name != "a model":
            refused("info", path, says=says)
            refused("info", path, "-f", "atis", says=("expected atis", f"found {name}"))
    path.write_bytes(aedat4(rows_of(data)))
    (folder / "list").write_text("a.bin\t0\n")
    for arguments in (("info", path), ("inspect", path), ("convert", path, folder / "b.raw"),
                      ("run", MODEL, path, "-d", "sim"), ("run", MODEL, "-", "-d", "sim"),
                      ("eval", MODEL, "--data", folder / "list", "-d", "sim"),
                      ("compare", MODEL, MODEL, "--data", folder / "list")):
        refused(*arguments, "-f", "evt9", code=2, says=('unknown format "evt9"', "known: atis, bs1"))
    equal(info(path)["format"], "aedat4", "AEDAT 4 under another name")
    for form in ("bs2", "bs3", "atis"):
        refused("run", MODEL, path, "-d", "sim", "-f", form, says=(f"expected {form}", "found aedat4"))
    equal(info(path, "-f", "aedat4")["events"], len(data) // 5, "events")


def other_files(folder):
    """What is put in the place of something else is named, with the way on where there is one."""
    data = records([(1, 1, 1, 5), (2, 2, 0, 9)])
    network, zipped, plain = folder / "a.net", folder / "a.pt", folder / "a.bin"
    with h5py.File(network, "w") as f:
        f["layer/0/x"] = [1]
    with h5py.File(folder / "a.nir", "w") as f:
        f["node/x"] = [1]
    with zipfile.ZipFile(zipped, "w") as z:
        z.writestr("a/data.pkl", b"x")
        z.writestr("a/version", b"3")
    plain.write_bytes(data)
    aedat = folder / "a.aedat4"
    aedat.write_bytes(b"#!AER-DAT4.0\r\n" + data)
    np.save(folder / "a.npy", np.zeros(3))
    for path in (network, folder / "a.nir"):
        for verb in ("info", "inspect"):
            refused(verb, path, says="found a network: snnq import makes a model")
        refused("run", path, plain, "-d", "sim", says="expected a .snnq file, found an HDF5 file (snnq import")
        refused("quantize", path, "-o", folder / "q", "--default", "uniform:4", says="found an HDF5 file (snnq import")
    refused("info", zipped, says="found a checkpoint of PyTorch: tools/train")
    for path, says in ((zipped, "a zip archive (tools/train"), (aedat, "a recording in AEDAT"),
                       (folder / "a.npy", "an array of NumPy's"), (plain, None)):
        refused("run", path, MODEL, "-d", "sim",
                says=f"expected a .snnq file, found {says}" if says else "or no .snnq file")
        refused("import", path, "-o", folder / "q", says=f"a NIR graph or a .net, found {says or 'something else'}")
    refused("import", MODEL, "-o", folder / "q", says="found a model of snnq")
    refused("convert", MODEL, folder / "q.raw", says="found a model")


def seen_losses(folder):
    """inspect tells what its pictures lack, as run does."""
    path = recording(folder / "a.bs3", [(1, 1, 1, 5), (30, 2, 0, 9), (2, 2, 0, 3)])
    path.write_bytes(path.read_bytes() + b"abc")
    for options in ((), ("--json",), ("-o", folder / "a.svg")):
        error = snnq("inspect", path, "--width", 20, "--height", 20, *options)[1]
        for says in ("1 event in 1 of 1 recording goes back", "3 bytes at the end of 1 of 1", "2 events are dropped"):
            need(f"{path}: note: {says}" in error, f"{says}: {error}")


def order(folder):
    """Events out of order give the same result, and are reported."""
    data, label = demo_recordings()[0]
    rows = rows_of(data)
    swapped = rows[:]
    for i in (10, 200, 400):
        swapped[i], swapped[-i] = swapped[-i], swapped[i]
    turned = sum(b[3] < a[3] for a, b in zip(swapped, swapped[1:]))
    need(turned > 2, "events out of order")
    for write, name in ((records, "a.bin"), (aedat4, "a.aedat4")):
        path = folder / name
        path.write_bytes(write(rows))
        want = run(path)
        equal(want["nonmonotonic"], 0, "events in order")
        path.write_bytes(write(swapped))
        got = run(path)
        equal((got["scores"], got["nonmonotonic"]), (want["scores"], turned), name)
        times = [r[3] for r in rows]
        j = info(path)
        equal((j["first_us"], j["last_us"], j["duration_us"], j["nonmonotonic"]),
              (min(times), max(times), max(times) - min(times), turned), f"info of {name}")
        need("go back in time" in snnq("run", MODEL, path, "-d", "sim")[1], "a note")
        (folder / "list").write_text(f"{name}\t{label}\n{name}\t{label}\n")
        out, error = snnq("eval", MODEL, "--data", folder / "list", "-d", "sim", "--json")
        equal(json.loads(out)["nonmonotonic"], 2 * turned, "nonmonotonic in eval")
        need(f"{2 * turned} events in 2 of 2 recordings go back in time" in error, "a note of eval")


def wrapped(folder):
    """Clocks of 23 and 24 bits that start over, once or often, in and out of order, are undone."""
    data, _ = demo_recordings()[0]
    rows = rows_of(data)
    times = [r[3] for r in rows]
    (folder / "want.bin").write_bytes(data)
    want = run(folder / "want.bin")
    for name, write, size in (("a.bin", records, 1 << 23), ("a.bs2", records, 1 << 23), ("a.bs1", records, 1 << 23),
                              ("a.bs3", records7, 1 << 24)):
        path = folder / name
        path.write_bytes(write([(x, y, p, (t + size - 100000) % size) for x, y, p, t in rows]))
        j = info(path)
        equal((j["duration_us"], j["nonmonotonic"]), (max(times) - min(times), 0), name)
        equal(j["last_us"], max(times) + size - 100000, f"{name}: end")
        need(" in -" not in snnq("info", path)[0], "no negative duration")
        often = [(1, 2, 1, t) for t in range(0, 5 * size, size // 4 + 7)]
        path.write_bytes(write([(x, y, p, t % size) for x, y, p, t in often]))
        j = info(path)
        equal((j["first_us"], j["last_us"], j["nonmonotonic"]), (0, often[-1][3], 0), f"{name}: often")
        late = [(1, 2, 1, size - 50), (1, 2, 1, size + 10), (1, 2, 1, size - 5), (1, 2, 1, size + 30)]
        path.write_bytes(write([(x, y, p, t % size) for x, y, p, t in late]))
        j = info(path)
        equal((j["first_us"], j["last_us"], j["nonmonotonic"]), (size - 50, size + 30, 1),
              f"{name}: late event")
        gap = [(1, 2, 1, 10), (1, 2, 1, size - 10)]
        path.write_bytes(write(gap))
        equal(info(path)["duration_us"], size - 20, f"{name}: a long silence")
    model = from_first(folder)
    rows = [(x, y, p, (t - min(times) + (1 << 23) - 1000) % (1 << 23)) for x, y, p, t in rows]
    (folder / "a.bin").write_bytes(records(rows))
    (folder / "b.bin").write_bytes(records([(r[0], r[1], r[2], t - min(times))
                                            for r, t in zip(rows, times)]))
    equal(run(folder / "a.bin", model=model)["scores"], run(folder / "b.bin")["scores"],
          "scores with a clock that starts over")
    equal(want["dropped_events"], 0, "dropped")


def records7(rows):
    """BS3 records of rows."""
    return b"".join(bytes([x >> 4, x << 4 & 255 | y >> 8, y & 255, p]) + t.to_bytes(3, "big")
                    for x, y, p, t in rows)


def far(folder):
    """Recordings that start behind the model's first window are told, by all that run them."""
    data, label = demo_recordings()[0]
    rows = rows_of(data)
    epoch = 1700000000000000
    window = 8 * 30000
    for start, far_away in ((0, 0), (epoch, 1), (-epoch, 0), (window, 1), (100, 0)):
        path = folder / "a.aedat4"
        first = min(r[3] for r in rows)
        path.write_bytes(aedat4([(x, y, p, t - first + start) for x, y, p, t in rows]))
        if start < 0:
            refused("run", MODEL, path, "-d", "sim", says="no events")
            continue
        out, error = snnq("run", MODEL, path, "-d", "sim", "--json")
        j = json.loads(out)
        equal((j["far_from_origin"], j["first_step"]), (far_away, start // window * 8), f"from {start}")
        equal("behind the model's first window" in error, far_away > 0, f"a warning from {start}")
        (folder / "list").write_text(f"a.aedat4\t{label}\na.aedat4\t{label}\n")
        out, error = snnq("eval", MODEL, "--data", folder / "list", "-d", "sim", "--json")
        equal(json.loads(out)["far_from_origin"], 2 * far_away, "eval")
        equal("2 of 2 recordings start behind" in error, far_away > 0, "a warning of eval")
        equal("2 of 2 recordings start behind" in snnq("eval", MODEL, "--data", folder / "list", "-d",
                                                       "sim")[1], far_away > 0, "in text")
        equal(run(path, model=from_first(folder))["far_from_origin"], 0, "a model that counts from "
              "the first event")


def told(folder):
    """What quantize reads is told as by run: order, losses, a damaged end, a far origin."""
    data, _ = demo_recordings()[0]
    rows = rows_of(data)
    (folder / "list").write_text("a.aedat4\nb.bin\n")
    (folder / "b.bin").write_bytes(data)
    arguments = ("quantize", FLOAT, "-o", folder / "q.snnq", "--default", "uniform:4", "--calib",
                 folder / "list", "--method", "round", "--json")
    keys = ("nonmonotonic", "damaged_bytes", "dropped_events", "far_from_origin")
    swapped = rows[1:2] + rows[:1] + rows[2:]
    late = [(x, y, p, t + 1000000) for x, y, p, t in rows]
    outside = rows + [(200, 3, 1, rows[-1][3])]
    for content, tail, want, says in (
            (rows, b"", (0, 0, 0, 0), None), (swapped, b"", (1, 0, 0, 0), "1 event in 1 of 2"),
            (rows, bytes(100), (0, 100, 1, 0), "100 bytes at the end of 1 of 2"),
            (outside, b"", (0, 0, 1, 0), "1 event is dropped"),
            (late, b"", (0, 0, 0, 1), "1 of 2 recordings start behind")):
        (folder / "a.aedat4").write_bytes(aedat4(content, tail))
        out, error = snnq(*arguments)
        j = json.loads(out)
        equal(tuple(j[k] for k in keys), want, "what quantize read")
        equal([w for w in j["warnings"] if "different recording" in w] != [], True, f"few recordings: {j['warnings']}")
        # that two recordings are few is another matter
        words = [line for line in error.splitlines()
                 if ("note: " in line or "warning: " in line) and "calibration" not in line]
        equal(words != [], says is not None, "words")
        need(says is None or says in error, f"quantize says {says}: {error}")
        j = run(folder / "a.aedat4")
        equal(tuple(j[k] for k in keys), want, "what run read")
        for list_of in ("list", "twice"):
            (folder / "twice").write_text("a.aedat4\na.aedat4\n")
            out, error = snnq("energy", MODEL, "--data", folder / list_of, "--json")
            n = 2 if list_of == "twice" else 1
            equal(tuple(json.loads(out)["models"][0][k] for k in keys), tuple(n * w for w in want),
                  "what energy read")
            equal("note: " in error or "warning: " in error, says is not None, "words of energy")


def from_first(folder):
    """The demo's model, counting from the first event."""
    data = bytearray(MODEL.read_bytes())
    size = struct.unpack_from("<Q", data)[0]
    text = bytes(data[8:8 + size])
    changed = text.replace(b'\\"origin\\":\\"zero\\"', b'\\"origin\\":\\"first\\"').rstrip(b" ")
    need(changed != text.rstrip(b" "), "the model says its origin")
    changed += b" " * (-len(changed) % 8)
    model = folder / "first.snnq"
    model.write_bytes(struct.pack("<Q", len(changed)) + changed + data[8 + size:])
    return model


def origin(folder):
    """A model that counts from the first event means the earliest."""
    model = from_first(folder)
    rows = [(x, y, p, t + 1000000) for x, y, p, t in rows_of(demo_recordings()[0][0])]
    (folder / "a.bin").write_bytes(records(rows))
    want = run(folder / "a.bin", model=model)
    equal(want["dropped_events"], 0, "dropped")
    first = min(r[3] for r in rows)
    (folder / "b.bin").write_bytes(records([(x, y, p, t - first) for x, y, p, t in rows]))
    equal(want["scores"], run(folder / "b.bin")["scores"], "scores at another time")
    rows[0], rows[-1] = rows[-1], rows[0]
    (folder / "a.bin").write_bytes(records(rows))
    got = run(folder / "a.bin", model=model)
    equal((got["scores"], got["dropped_events"]), (want["scores"], 0), "last event first")


def tails(folder):
    """Recordings that end early or in zeros keep what is whole, and count the rest."""
    data, _ = demo_recordings()[0]
    count = len(data) // 5
    path = folder / "a.aedat4"
    for tail, dropped in ((b"", 0), (bytes(1), 1), (bytes(7), 1), (bytes(8), 1), (bytes(4096), 1),
                          (struct.pack("<II", 0, 99), 1)):
        path.write_bytes(aedat4(rows_of(data), tail))
        j = info(path)
        equal((j["events"], j["dropped"], j["damaged_bytes"]), (count, dropped, len(tail)),
              f"a tail of {len(tail)} bytes")
        equal(run(path)["dropped_events"], dropped, "dropped in run")
    path.write_bytes(aedat4(rows_of(data), bytes(8) + b"x"))
    refused("info", path, says="expected a FlatBuffer EVTS")
    path = folder / "a.bin"
    path.write_bytes(data + b"abc")
    equal((info(path)["events"], info(path)["dropped"]), (count, 1), "a record that is cut")
    for name, whole, size in (("a.bin", data, 5), ("a.bs2", data, 5), ("a.bs1", data, 5),
                              ("a.bs3", records7(rows_of(data)), 7)):
        for tail in (bytes(1), bytes(size), bytes(5000 * size), bytes(3 * size + 2), bytes(size) + b"ab"):
            path = folder / name
            path.write_bytes(whole + tail)
            j = info(path)
            equal((j["events"], j["dropped"], j["damaged_bytes"], j["nonmonotonic"]),
                  (count, 1, len(tail), 0), f"{name}: a tail of {len(tail)} bytes")
        path.write_bytes(bytes(3 * size))
        equal(info(path)["events"], 3, f"{name}: events at time 0 only")


def half_written(folder):
    """The last packet of a recording that was being written keeps the events that are there."""
    data, _ = demo_recordings()[0]
    rows = rows_of(data)
    path = folder / "a.aedat4"
    whole = aedat4(rows)
    for keep in (len(rows) - 1, len(rows) // 2, 1):
        cut = len(whole) - 16 * (len(rows) - keep)
        for zeros in (0, 512):
            path.write_bytes(whole[:cut] + bytes(len(whole) - cut + zeros))
            j = info(path)
            equal((j["events"], j["dropped"] > 0, j["nonmonotonic"]), (keep, True, 0),
                  f"{keep} events were written")
            need(j["damaged_bytes"] >= 16 * (len(rows) - keep) + zeros, "damaged bytes")
    second = aedat4(rows[:5])[whole.index(b"EVTS") - 16:]
    for cut in range(9, len(second) - 80):
        path.write_bytes(whole + second[:cut] + bytes(len(second) - cut + 64))
        j = info(path)
        need(0 <= j["events"] - len(rows) <= max(0, cut - 24) // 16 and j["dropped"] > 0,
             f"a second packet of which {cut} bytes were written")


def little_memory():
    """For programs that may not hold a recording."""
    resource.setrlimit(resource.RLIMIT_AS, (500 << 20, 500 << 20))


def sizes(folder):
    """Files of any size are read, in memory that does not depend on it."""
    count = 40 << 20
    for name, record in (("a.bin", 5), ("a.bs3", 7)):
        path = folder / name
        with open(path, "wb") as f:
            f.truncate(count * record + 1)
        j = json.loads(snnq("info", path, "--json", preexec_fn=little_memory)[0])
        equal((j["events"], j["damaged_bytes"]), (count, 1), name)
    equal(json.loads(snnq("run", MODEL, path, "-d", "sim", "--json", preexec_fn=little_memory)[0])
          ["dropped_events"], 1, "dropped by run")
    data, _ = demo_recordings()[0]
    path = folder / "a.aedat4"
    path.write_bytes(aedat4(rows_of(data)))
    whole, size = path.stat().st_size, 5 << 30
    want = run(path)
    os.truncate(path, size)
    out = snnq("run", MODEL, path, "-d", "sim", "--json", preexec_fn=little_memory)[0]
    equal((json.loads(out)["scores"], json.loads(out)["damaged_bytes"]),
          (want["scores"], size - whole), "5 GiB, most of them never written")


def encodings(folder):
    """One recording in all formats gives the same scores."""
    data, _ = demo_recordings()[0]
    rows = rows_of(data)
    want = run(DEMO / (DEMO / "test.tsv").read_text().split("\t")[0])["scores"]
    files = {"a.bin": data, "a.bs2": data, "a.aedat4": aedat4(rows),
             "a.bs3": b"".join(bytes([x >> 4, (x & 15) << 4 | y >> 8, y & 255, p, t >> 16,
                                      t >> 8 & 255, t & 255]) for x, y, p, t in rows)}
    for name, content in files.items():
        (folder / name).write_bytes(content)
        equal(run(folder / name)["scores"], want, name)
    need(len(np.unique(want)) > 5, "scores that differ")


if __name__ == "__main__":
    sys.exit(main(good_lists, odd_names, bad_lists, bare_lists, foreign_names, magic, other_files, seen_losses, order,
                  wrapped, far, told, origin, tails, half_written, sizes, encodings))
