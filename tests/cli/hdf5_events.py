#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Events in HDF5 files as data sets lay them out: DSEC, MVSEC, v2e, Prophesee, DVS Gesture, SHD, MATLAB 7.3.

h5py writes them. Filters that are not there, parts that are not chosen, columns that do not fit and damage
are refused by name; long recordings take the memory of a piece."""
import json
import resource
import struct
import subprocess

import h5py
import numpy as np

from common import DEMO, SNNQ, equal, main, need, refused, snnq
from matlab import HEIGHT, WIDTH, converted, events, info, wanted

MODEL = DEMO / "digits.snnq"


def write(path, sets, userblock=0, **how):
    """A file of data sets by path; how they are stored."""
    with h5py.File(path, "w", userblock_size=userblock) as f:
        for name, value in sets.items():
            f.create_dataset(name, data=value, **(how if np.ndim(value) else {}))
    return path


def dsec(e, offset=49599300523):
    """Its sets; times count from an offset."""
    return {"events/t": e["t"].astype("<u4"), "events/x": e["x"].astype("<u2"), "events/y": e["y"].astype("<u2"),
            "events/p": e["p"].astype("u1"), "t_offset": np.int64(offset), "ms_to_idx": np.arange(100, dtype="<u8")}


def compound(e):
    """Prophesee's elements."""
    a = np.zeros(len(e["t"]), [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
    for c in "xypt":
        a[c] = e[c]
    return a


def matrix(e, order, kind):
    return np.stack([e[c] for c in order], 1).astype(kind)


# ---- what is read

def layouts(folder):
    """Each data set's, contiguous, in chunks, deflated and shuffled."""
    e = events()
    want = wanted(folder, e)
    path = folder / "e.h5"
    seconds = {**e, "t": e["t"] * 1e-6}
    for how in ({}, {"chunks": True}, {"compression": "gzip", "shuffle": True, "fletcher32": True}):
        for name, sets in (
                ("DSEC", dsec(e, 0)), ("without an offset", {k: v for k, v in dsec(e).items() if k != "t_offset"}),
                ("Prophesee", {"CD/events": compound(e), "CD/indexes": np.zeros(5)}), ("compound", {"events": compound(e)}),
                ("v2e", {"events": matrix(e, "txyp", "<u4")}), ("MVSEC", {"davis/left/events": matrix(seconds, "xytp", "<f8")}),
                ("gesture", {"g/time": e["t"].astype("<u4"), "g/addrs": matrix(e, "xyp", "<u2"), "g/label": np.array([3])}),
                ("booleans", {"events/t": e["t"], "events/x": e["x"].astype(">i4"), "events/y": e["y"].astype("u1"), "events/p": e["p"] > 0}),
                ("columns", {"x": e["x"], "y": e["y"], "t": e["t"], "p": 2 * e["p"] - 1})):
            write(path, sets, **how)
            need(converted(path, *(("-f", "hdf5:part=g") if name == "gesture" else ())) == want, f"{name}, {how}")
    equal(info(path)["format"], "hdf5", "format")
    write(path, dsec(e))
    j = info(path)
    equal((j["events"], j["first_us"], j["last_us"]), (len(e["t"]), e["t"][0] + 49599300523, e["t"][-1] + 49599300523), "t_offset")
    write(path, {"events/ts": seconds["t"], "events/xs": e["x"], "events/ys": e["y"], "events/ps": e["p"]})
    refused("info", path, says="t: expected integers of microseconds, found floats")
    need(converted(path, "-f", "hdf5:s") == want, "seconds by option")
    write(path, {"events/x": e["x"], "events/t": e["t"] * 1000})
    equal(info(path, "-f", "hdf5:ns")["last_us"], e["t"][-1], "nanoseconds by option")


def matlab(folder):
    """MATLAB 7.3: a file of HDF5 behind a header, rows for columns."""
    e = events()
    path = folder / "e.mat"
    write(path, {"ts": e["t"][None].astype(float), "x": e["x"][None].astype(float), "y": e["y"][None], "pol": e["p"][None]}, userblock=512)
    with h5py.File(path, "a") as f:
        for name in f:
            f[name].attrs["MATLAB_class"] = np.bytes_("double")
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM"
    path.write_bytes(head.ljust(512, b"\0") + path.read_bytes()[512:])
    equal(info(path)["format"], "mat73", "format")
    need(converted(path) == wanted(folder, e), "events")
    need(converted(path, "-f", "hdf5") == wanted(folder, e), "events of HDF5")
    with h5py.File(path, "a") as f:
        f["ts"][:] = e["t"][None] * 1e-6
    refused("info", path, says=("t: expected integers of microseconds, found floats", "as mat73:s, mat73:ms or mat73:us"))
    need(converted(path, "-f", "mat73:s") == wanted(folder, e), "seconds by option")
    with h5py.File(path, "a") as f:
        for name in "g", "h":
            for c in ("x", "y", "pol"):
                f[f"{name}/{c}"] = f[c][()]
            f[f"{name}/ts"] = e["t"].astype("<u4")[None]
    (folder / "list").write_text("e.mat[g]\t0\ne.mat[h]\t0\n")
    equal(json.loads(snnq("eval", MODEL, "--data", folder / "list", "-d", "sim", "--json")[0])["samples"], 2, "parts in a list")


def parts(folder):
    """One of several cameras, gestures and samples, by option."""
    e = [events(i, 2000 + i) for i in range(3)]
    path = folder / "e.h5"
    write(path, {f"davis/{side}/events": matrix({**v, "t": v["t"] * 1e-6}, "xytp", "<f8") for side, v in zip(("left", "right"), e)})
    refused("info", path, says=("expected a part to be chosen, as hdf5:part=davis/left", "davis/right"))
    for side, v in zip(("left", "right"), e):
        need(converted(path, "-f", f"hdf5:part=davis/{side}") == wanted(folder, v), side)
    refused("info", path, "-f", "hdf5:part=davis/middle", says='expected a group "davis/middle", found none')
    sets = {}
    for i, v in enumerate(e):
        sets |= {f"{i}/times": v["t"], f"{i}/pos": matrix(v, "xyp", "<i2"), f"{i}/label": np.array(i)}
    write(path, sets)
    refused("info", path, says="expected a part to be chosen, as hdf5:part=NAME, of 3: 0, 1, 2")
    for i, v in enumerate(e):
        need(converted(path, "-f", f"hdf5:part={i}") == wanted(folder, v), f"gesture {i}")
    (folder / "list").write_text("e.h5\t0\n")
    equal(json.loads(snnq("eval", MODEL, "--data", folder / "list", "-d", "sim", "--json", "-f", "hdf5:part=1")[0])["samples"], 1, "eval")


def spikes(folder):
    """SHD: a channel is a column of the picture, and a sample is chosen."""
    rng = np.random.default_rng(1)
    path, rows = folder / "e.h5", []
    with h5py.File(path, "w") as f:
        times = f.create_dataset("spikes/times", (5,), h5py.vlen_dtype(np.float32))
        units = f.create_dataset("spikes/units", (5,), h5py.vlen_dtype(np.uint16))
        f["labels"] = np.arange(5)
        for i in range(5):
            t, x = np.sort(rng.random(300 * i).astype(np.float32)), rng.integers(0, 700, 300 * i)
            times[i], units[i] = t, x
            rows.append((t, x))
    for text in ("", ":part=5", ":part=-1", ":part=1x", ":part=+1", ":part=99999999999999999999"):
        refused("info", path, "-f", f"hdf5{text}", says="expected a sample to be chosen, as hdf5:part=0, of 5, found")
    for i, (t, x) in enumerate(rows):
        np.save(folder / "e.npy", np.rec.fromarrays([t.astype(float), x], names="t,x"))
        got = []
        for p, form in ((path, f"hdf5:part={i}"), (folder / "e.npy", "npy:s")):
            snnq("convert", p, folder / "o.aedat4", "-f", form, "--width", 700, "--height", 1)
            got.append((folder / "o.aedat4").read_bytes())
        need(got[0] == got[1], f"sample {i}")
    with h5py.File(path, "a") as f:
        f["spikes/units"][2] = np.arange(7)
    refused("info", path, "-f", "hdf5:part=2", says="spikes/units: sample 2: expected 600 elements, as times has, found 7")


def lists(folder):
    """Parts of a file in a list: eval, compare, quantize and energy take each for a recording."""
    names = [line.split("\t") for line in (DEMO / "test.tsv").read_text().splitlines()[:5]]
    sets = {}
    for i, (name, _) in enumerate(names):
        data = np.frombuffer((DEMO / name).read_bytes(), np.uint8).reshape(-1, 5).astype(int)
        sets |= {f"{i}/time": (data[:, 2] & 127) << 16 | data[:, 3] << 8 | data[:, 4],
                 f"{i}/addrs": np.stack([data[:, 0], data[:, 1], data[:, 2] >> 7], 1)}
    write(folder / "all.h5", sets, compression="gzip")
    (folder / "parts").write_text("".join(f"all.h5[{i}]\t{label}\n" for i, (_, label) in enumerate(names)))
    (folder / "files").write_text("".join(f"{DEMO / name}\t{label}\n" for name, label in names))
    got = []
    for name in ("parts", "files"):
        out = json.loads(snnq("eval", MODEL, "--data", folder / name, "-d", "sim", "--json")[0])
        energy = json.loads(snnq("energy", MODEL, "--data", folder / name, "--json")[0])["models"][0]["total"]
        snnq("quantize", DEMO / "digits-float.snnq", "-o", folder / f"{name}.snnq", "--default", "uniform:4", "--calib", folder / name)
        scores = json.loads(snnq("run", folder / f"{name}.snnq", DEMO / names[0][0], "-d", "sim", "--json")[0])["scores"]
        got.append(([(p["label"], p["class"]) for p in out["predictions"]], energy, scores))
    equal(got[0], got[1], "eval, energy, quantize")
    equal([p["path"] for p in json.loads(snnq("eval", MODEL, "--data", folder / "parts", "-d", "sim", "--json")[0])["predictions"]],
          [f"all.h5[{i}]" for i in range(5)], "names")
    for line, says in (("all.h5[7]\t1\n", 'all.h5[7]: expected a group "7", found none'), ("none.h5[1]\t1\n", "none.h5: No such file"),
                       ("all.h5[]\t1\n", "all.h5[]: No such file")):
        (folder / "parts").write_text(line)
        refused("eval", MODEL, "--data", folder / "parts", "-d", "sim", says=says)
    (folder / "parts").write_text("all.h5[1]\t1\n")
    refused("eval", MODEL, "--data", folder / "parts", "-d", "sim", "-f", "hdf5:part=1", code=2,
            says="all.h5[1]: --format hdf5:part=1: expected one part, found another behind the file")
    with h5py.File(folder / "all.h5", "a") as f:
        for name in ("a:s", "[b]", "c[1]", "d]e", ":"):
            for k in ("time", "addrs"):
                f[f"{name}/{k}"] = f[f"0/{k}"][()]
        for k in ("time", "addrs"):
            f[f"none/{k}"] = f[f"0/{k}"][:0]
    for name in ("a:s", "[b]", "c[1]", ":"):
        (folder / "parts").write_text(f"all.h5[{name}]\t{names[0][1]}\n")
        out = json.loads(snnq("eval", MODEL, "--data", folder / "parts", "-d", "sim", "--json", "-f", "hdf5:us")[0])
        equal(out["predictions"][0]["class"], got[0][0][0][1], f"a part called {name}")
    equal(info(folder / "all.h5", "-f", "hdf5:us:part=d]e")["events"], info(folder / "all.h5", "-f", "hdf5:part=0")["events"], "a part called d]e")
    (folder / "parts").write_text("all.h5[none]\t1\n")
    for verb, says in ((("eval", MODEL, "-d", "sim", "--data"), "all.h5[none]: recording has no events"),
                       (("quantize", DEMO / "digits-float.snnq", "-o", folder / "q.snnq", "--default", "uniform:4", "--calib"),
                        "all.h5: hdf5:part=none: expected events, found none"),
                       (("energy", MODEL, "--data"), "all.h5: hdf5:part=none: expected events, found none")):
        refused(*verb, folder / "parts", says=says)
    (folder / "parts").write_text("all.h5[0]\t1\nall.h5[1]\t1\n")
    (folder / "check").write_text("all.h5[1]\t1\n")
    refused("quantize", DEMO / "digits-float.snnq", "-o", folder / "q.snnq", "--default", "uniform:4", "--calib", folder / "parts",
            "--check", folder / "check", code=2, says="all.h5: hdf5:part=1: is a recording for calibration, too")


def verbs(folder):
    """run as of the recording itself; not from a pipe."""
    name = (DEMO / "test.tsv").read_text().split("\t")[0]
    data = np.frombuffer((DEMO / name).read_bytes(), np.uint8).reshape(-1, 5).astype(int)
    e = {"x": data[:, 0], "y": data[:, 1], "p": data[:, 2] >> 7, "t": (data[:, 2] & 127) << 16 | data[:, 3] << 8 | data[:, 4]}
    path = write(folder / "e.h5", dsec(e, 0), compression="gzip")
    both = [json.loads(snnq("run", MODEL, p, "-d", "sim", "--json")[0]) for p in (path, DEMO / name)]
    equal(both[0]["scores"], both[1]["scores"], "run")
    done = subprocess.run([SNNQ, "run", MODEL, "-", "-d", "sim"], input=path.read_bytes(), check=False, capture_output=True)
    equal(done.returncode, 4, "a pipe")
    need(b"hdf5: expected a file, which is read at several places at once, found a pipe" in done.stderr, f"{done.stderr}")
    for option, says in (("hdf5:", 'found ""'), ("hdf5:part=", "expected a name behind part="), ("hdf5:s:s", "found more than one unit"),
                         ("npy:part=1", "a part is of no use for npy")):
        source = path
        if option.startswith("npy"):
            source = folder / "e.npy"
            np.save(source, compound(e))
        refused("info", source, "-f", option, code=2, says=says)


# ---- what is not

def filters(folder):
    """Filters that are not there, by number and name."""
    e = events(count=1000)
    path = folder / "e.h5"
    for number, name in ((32001, "Blosc"), (0x8ecf, "ECF, Prophesee's"), (32015, "Zstandard"), (12345, "of another library")):
        with h5py.File(path, "w") as f:
            for c, value in e.items():
                plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                plan.set_chunk((100,))
                plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
                h5py.h5d.create(f.require_group("events").id, c.encode(), h5py.h5t.STD_I64LE, h5py.h5s.create_simple((1000,)), plan)
        refused("info", path, says=("e.h5: t: filter: expected deflate, shuffle or Fletcher-32", f"found {number} (0x{number:x}, {name})",
                                    "h5repack -f NONE"))


def wrong(folder):
    """Sets that do not fit, hold no numbers, are elsewhere, or are none."""
    e = events(count=1000)
    path = folder / "e.h5"

    def says(sets, *texts):
        write(path, sets)
        refused("info", path, says=("e.h5: ", *texts))

    says({"a": np.zeros(3)}, "expected events of DSEC", "found none")
    says({**dsec(e), "events/x": e["x"][:-1]}, "x: expected 1000 elements, as t has, found 999")
    says({**dsec(e), "events/x": np.array([b"a"] * 1000)}, "x: expected a column of integers or floats")
    says({**dsec(e), "events/x": np.zeros((10, 10))}, "x: expected a column of integers or floats")
    says({**dsec(e), "events/x": e["x"] - 300}, "event ", "x: expected an integer from 0 to 65535, found -")
    says({**dsec(e), "events/p": e["p"] + 2}, "event 0: p: expected -1, 0 or 1, found ")
    says({**dsec(e), "t_offset": np.int64(2**63 - 1)}, "t: expected times of 64 bits, found more with t_offset 9223372036854775807")
    says({**dsec(e), "t_offset": np.zeros(3)}, "t_offset: expected one integer")
    says({**dsec(e), "t_offset": np.float64(3)}, "t_offset: expected one integer")
    says({**dsec(e), "t_offset": np.uint64(1 << 63)}, "t_offset: expected an integer of less than 2^63, found 9223372036854775808")
    says({**dsec(e), "events/t": e["t"] * 1e-6}, "t: expected integers, beside t_offset, found floats")
    far = e["t"].astype("<u8") + np.uint64(1 << 63)
    says({**dsec(e, 0), "events/t": far}, "t: expected times of 64 bits, found more with t_offset 0")
    write(path, {**dsec(e, -(1 << 63)), "events/t": far})
    equal((info(path)["first_us"], info(path)["last_us"]), (e["t"][0], e["t"][-1]), "times without a sign")
    says({"events": np.zeros((5, 3))}, "events: expected a column of integers or floats")
    says({"events": np.zeros(5, [("a", "<i4")])}, "events: expected members t, x, y and p")
    for declared in (1 << 40, 1 << 45):
        with h5py.File(path, "w") as f:
            for c in "txyp":
                f.create_dataset(f"events/{c}", (declared,), "<u8", chunks=(1 << 16,))
        refused("info", path, says=(f"t: expected {declared} elements in the file, found fewer",))
    other = write(folder / "other.h5", {"t": e["t"]})
    with h5py.File(path, "w") as f:
        for c in "xyp":
            f[f"events/{c}"] = e[c]
        f["events/t"] = h5py.ExternalLink(other, "t")
    refused("info", path, says="e.h5: t: expected a data set, found something else, a link that leads nowhere, or damage")
    with h5py.File(path, "w") as f:
        layout = h5py.VirtualLayout((1000,), "<i8")
        layout[:] = h5py.VirtualSource(other, "t", (1000,))
        f.create_virtual_dataset("events/t", layout)
        for c in "xyp":
            f[f"events/{c}"] = e[c]
    refused("info", path, says="t: expected 1000 elements in the file, found fewer")
    write(path, {**dsec(e), "events/t": e["t"][::-1].astype("<u4")})
    need(info(path)["nonmonotonic"] > 900, "times that decrease are counted")
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    refused("info", path, says="expected an HDF5 file, found something else, or damage")


def links(folder):
    """A column, or what times count from, that is there and no data set is not taken for one that is absent."""
    e = events(count=1000)
    path = folder / "e.h5"
    nowhere = {"soft": h5py.SoftLink("/none"), "external": h5py.ExternalLink("none.h5", "t"), "a group": None}
    for what, link in nowhere.items():
        for name in ("events/t", "events/x", "events/y", "events/p", "t_offset"):
            write(path, {k: v for k, v in dsec(e).items() if k != name})
            with h5py.File(path, "a") as f:
                if link:
                    f[name] = link
                else:
                    f.create_group(name)
            refused("info", path, says=f"e.h5: {name.split('/')[-1]}: expected a data set, found something else")
        for sets, name in (({"time": e["t"]}, "addrs"), ({"addrs": matrix(e, "xyp", "<i2")}, "time"),
                           ({"davis/left/events": matrix({**e, "t": e["t"] * 1e-6}, "xytp", "<f8")}, "davis/right/events"),
                           ({}, "davis/left/events"), ({}, "CD/events"), ({"events": compound(e)}, "CD/events")):
            write(path, sets)
            with h5py.File(path, "a") as f:
                if link:
                    f[name] = link
                else:
                    f.create_group(name)
            refused("info", path, says="expected a part to be chosen" if "right" in name else f"e.h5: {name}: expected a data set")
    write(path, {k: v for k, v in dsec(e, 0).items() if k != "events/p"})
    with h5py.File(path, "a") as f:
        f["hidden"] = e["p"].astype("u1")
        f["events/p"] = h5py.SoftLink("/hidden")
    need(converted(path) == wanted(folder, e), "a link inside the file")


def offsets(folder):
    """What times count from is beside them or above, of a part too, and in every layout."""
    e = events(count=1000)
    path = folder / "e.h5"
    want = wanted(folder, {**e, "t": e["t"] + 70000})
    columns = {c: e[c] for c in "txyp"}
    for sets, options in ((dsec(e, 70000), ("-f", "hdf5:part=events")), (dsec(e, 70000), ("-f", "hdf5:part=events/")),
                          ({**{f"a/b/{c}": v for c, v in columns.items()}, "a/t_offset": np.int32(70000)}, ("-f", "hdf5:part=a/b")),
                          ({**{f"a/events/{c}": v for c, v in columns.items()}, "t_offset": 70000}, ("-f", "hdf5:part=a")),
                          ({**{f"a/events/{c}": v for c, v in columns.items()}, "a/events/t_offset": 70000, "t_offset": 9}, ("-f", "hdf5:part=a")),
                          ({**columns, "t_offset": np.uint32(70000)}, ()), ({"CD/events": compound(e), "t_offset": [70000]}, ()),
                          ({"events": matrix(e, "txyp", "<u4"), "t_offset": 70000}, ()),
                          ({"g/time": e["t"], "g/addrs": matrix(e, "xyp", "<u2"), "t_offset": 70000}, ("-f", "hdf5:part=g"))):
        write(path, sets)
        need(converted(path, *options) == want, f"{list(sets)}")
    write(path, {"davis/left/events": matrix({**e, "t": e["t"] * 1e-6}, "xytp", "<f8"), "t_offset": 1})
    refused("info", path, says="davis/left/events: expected integers, beside t_offset, found floats")
    write(path, {**dsec(e, 0), "spikes/other": np.zeros(3)})
    refused("info", path, "-f", "hdf5:part=none", says='expected a group "none", found none')
    write(path, {**{f"a/{c}": v for c, v in columns.items()}, "x": e["x"], "t": e["t"] + 9, "spikes/other": np.zeros(3)})
    need(converted(path, "-f", "hdf5:part=a") == wanted(folder, e), "a part beside a group called spikes")


def rows(folder):
    """Samples of several axes, or of other counts."""
    path = folder / "e.h5"

    def write_rows(times, units, kind=h5py.vlen_dtype(np.float32)):
        with h5py.File(path, "w") as f:
            for name, shape in (("times", times), ("units", units)):
                a = f.create_dataset(f"spikes/{name}", shape, kind)
                for i in np.ndindex(shape if kind.kind == "O" else (0,)):
                    a[i] = np.arange(3)

    write_rows((4,), (4,))
    equal(info(path, "-f", "hdf5:part=3")["events"], 3, "a sample")
    for times, units, says in (((2, 2), (2, 2), "spikes/times: expected an axis of rows of numbers"),
                               ((4,), (2, 2), "spikes/units: expected an axis of rows of numbers"),
                               ((), (), "spikes/times: expected an axis of rows of numbers"),
                               ((4,), (3,), "spikes/units: expected 4 rows, as times has, found 3"),
                               ((3,), (4,), "spikes/units: expected 3 rows, as times has, found 4")):
        write_rows(times, units)
        for part in "023":
            refused("info", path, "-f", f"hdf5:part={part}", says=f"e.h5[{part}]: {says}")
    write_rows((4,), (4,), np.dtype("<f4"))
    refused("info", path, "-f", "hdf5:part=1", says="spikes/times: expected an axis of rows of numbers")


def damaged(folder):
    """Cut off or changed: events, or a line that names the file."""
    path = write(folder / "e.h5", dsec(events(count=300)), compression="gzip")
    data, codes = path.read_bytes(), set()
    for at in (*range(8, 96, 12), *range(96, len(data), len(data) // 16)):
        for bad in (data[:at], data[:at] + struct.pack("B", data[at] ^ 0xff) + data[at + 1:]):
            path.write_bytes(bad)
            done = subprocess.run([SNNQ, "info", path, "-f", "hdf5"], capture_output=True, check=False, timeout=60)
            need(done.returncode in (0, 4), f"byte {at}: {done}")
            need(done.returncode == 0 or b"e.h5: " in done.stderr, f"byte {at}: {done}")
            codes.add(done.returncode)
    equal(codes, {0, 4}, "what became of them")


def memory(folder):
    """Six million events, of which a piece is in memory at a time; chunks of any length."""
    count = 6_000_000
    e = {"t": np.arange(count) // 3, "x": np.arange(count) % WIDTH, "y": np.arange(count) % HEIGHT, "p": np.arange(count) % 2}
    for chunk in (10_000, 2_000_000):
        path = write(folder / "e.h5", {k: v for k, v in dsec(e, 0).items() if k != "ms_to_idx"}, chunks=(chunk,), compression="gzip", compression_opts=1)

        def little_memory():
            resource.setrlimit(resource.RLIMIT_AS, (450 << 20, 450 << 20))

        out = json.loads(snnq("info", path, "--json", preexec_fn=little_memory)[0])
        equal((out["events"], out["last_us"]), (count, (count - 1) // 3), f"chunks of {chunk}")


if __name__ == "__main__":
    main(layouts, matlab, parts, spikes, lists, verbs, filters, wrong, links, offsets, rows, damaged, memory)
