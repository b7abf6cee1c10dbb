#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Real recordings laid out as data sets are downloaded: N-MNIST in folders of digits and DVS128 Gesture
as one long AEDAT 3.1 file with its table give the published counts. And what inspect says of
recordings of other cameras is what others decode from them."""
import csv
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from convert import Flat # pylint: disable=wrong-import-position

SNNQ = os.environ.get("SNNQ", "build/snnq")
DATA = pathlib.Path(os.environ.get("SNNQ_DATA", "../shared/data"))


def snnq(*arguments):
    return subprocess.run([SNNQ, *map(str, arguments)], check=True, stdout=subprocess.PIPE).stdout


def table(path):
    with open(path, encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def evaluate(folder, net, *options):
    snnq("import", DATA / net, "-o", folder / "net.snnq")
    return json.loads(snnq("eval", folder / "net.snnq", *options, "--device", "sim", "--counts",
                           "--json"))["predictions"]


def n_mnist(folder):
    """The .bs2 files of the set are the original's records."""
    want = {}
    for row in table(DATA / "slayer-nmnist-mlp/full/golden-test.tsv"):
        place = folder / "Test" / row["label"] / f"{row['sample']}.bin"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((DATA / f"nmnist/test/{row['sample']}.bs2").read_bytes())
        want[str(place.relative_to(folder))] = (
            int(row["label"]), int(row["predicted"]), [int(n) for n in row["out0..out9"].split(",")])
    got = {p["path"]: (p["label"], p["class"], p["scores"])
           for p in evaluate(folder, "slayer-nmnist-mlp/full", "--dataset", "n-mnist", folder)}
    yield got == want and len(want) == 50, f"N-MNIST as downloaded: {len(got)} recordings, {got == want}"


def records(path):
    """(x, y, polarity, microseconds) of a .bs2 file."""
    data = path.read_bytes()
    return [(r[0], r[1], r[2] >> 7, (r[2] & 127) << 16 | r[3] << 8 | r[4])
            for r in (data[i:i + 5] for i in range(0, len(data), 5))]


def gestures(folder):
    """All four recordings in one file, 2 s apart."""
    events, lines = [], "class,startTime_usec,endTime_usec\n"
    for i in range(4):
        start = 80000000 + 2000000 * i
        events += [(x, y, p, t + start) for x, y, p, t in records(DATA / f"dvsgesture/{i + 1}.bs2")]
        lines += f"{i + 1},{start},{start + 1450000}\n"
    data = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
    for at in range(0, len(events), 4096):
        packet = events[at:at + 4096]
        data += struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, *[len(packet)] * 3)
        data += b"".join(struct.pack("<Ii", x << 17 | y << 2 | p << 1 | 1, t) for x, y, p, t in packet)
    (folder / "user24_led.aedat").write_bytes(data)
    (folder / "user24_led_labels.csv").write_text(lines)
    (folder / "trials_to_test.txt").write_text("user24_led.aedat\n")
    got = [(p["label"], p["class"], p["scores"], [p["input_spikes"], *p["layer_spikes"].values()])
           for p in evaluate(folder, "slayer-dvsgesture-cnn", "--dataset", "dvs128-gesture", folder)]
    want = [(i, int(row["predicted"]), [int(n) for n in row["out0..out10"].split(",")],
             [int(row[k]) for k in "spikes_input pool1 conv1 pool2 conv2 pool3 fc1 fc2".split()])
            for i, row in enumerate(table(DATA / "dvsgesture/golden.tsv"))]
    yield got == want and len(want) == 4, f"DVS128 Gesture as downloaded: {len(got)} gestures, {got == want}"


def pictures(folder):
    """Figures of inspect, and pictures that are there."""
    rows = table(DATA / "events/golden.tsv")
    wrong = []
    for row in rows:
        picture = folder / "a.png"
        j = json.loads(snnq("inspect", DATA / "events" / row["file"], "--json", "-o", picture))
        got = [j["events"], j["on"], j["window"]["first_us"], j["window"]["duration_us"],
               sum(b["on"] + b["off"] for b in j["bins"]), picture.read_bytes()[:4]]
        first, events = int(row["t_first"]), int(row["events"])
        if got != [events, int(row["on_events"]), first, int(row["t_last"]) - first + 1, events, b"\x89PNG"]:
            wrong.append(row["file"])
        picture.unlink()
    yield not wrong and len(rows) > 5, f"inspect of {len(rows)} recordings, differs: {wrong}"


def packets(path):
    """Events (t, x, y, p) of an AEDAT 4 file without compression, packet by packet."""
    data = path.read_bytes()
    head = Flat(data[14:], b"IOHE")
    at, (end,) = 14 + head.bytes, head.field(head.root, 1, "q")
    kind, parts = numpy.dtype("<i8, <i2, <i2, ?, V3"), []
    while at < end:
        packet = Flat(data[at + 8:], b"EVTS")
        begin, count = packet.vector(packet.root, 0)
        parts.append(numpy.frombuffer(packet.data, kind, count, begin))
        at += 8 + packet.bytes
    events = numpy.concatenate(parts)
    return [events["f0"], events["f1"].astype("<u2"), events["f2"].astype("<u2"), events["f3"].astype("u1")]


def conversions(folder):
    """Recordings in both formats that are written hold the events whose digests are published."""
    rows, wrong, compared = table(DATA / "events/golden.tsv"), [], 0
    names = ["sha256_t_i64le", "sha256_x_u16le", "sha256_y_u16le", "sha256_p_u8"]
    for row in rows:
        source, plain, raw = DATA / "events" / row["file"], folder / "a.aedat4", folder / "a.raw"
        info = json.loads(snnq("info", source, "--json"))
        height = info["height"] or int(row["y_max"]) + 1
        size = [] if info["width"] else ["--width", int(row["x_max"]) + 1, "--height", height]
        j = json.loads(snnq("convert", source, plain, "--compression", "none", "--json", *size))
        events = packets(plain)
        if info["format"] in ("aedat2", "es"): # rows from the bottom
            events[2] = (height - 1 - events[2]).astype("<u2")
        if len(events[0]) != int(row["events"]):
            wrong.append(f"{row['file']}: {len(events[0])} events")
        if not j["nonmonotonic"]:
            compared += 1
            wrong += [f"{row['file']}: {n}" for n, e in zip(names, events)
                      if hashlib.sha256(e.tobytes()).hexdigest() != row[n]]
        snnq("convert", plain, raw)
        snnq("convert", raw, folder / "b.aedat4", "--compression", "none")
        first = packets(plain), packets(folder / "b.aedat4")
        start = int(first[0][0][0]) >> 24 << 24
        if not all(numpy.array_equal(a - (start if i == 0 else 0), b) for i, (a, b) in enumerate(zip(*first))):
            wrong.append(f"{row['file']}: evt3")
    yield not wrong and compared > 5, f"{len(rows)} recordings converted, {compared} by digest, differs: {wrong}"


TESTS = {"nmnist": [n_mnist], "dvsgesture": [gestures], "events": [pictures, conversions]}


def main():
    failed = 0
    print(f"1..{sum(map(len, TESTS.values()))}")
    for name, test in [(name, test) for name, tests in TESTS.items() for test in tests]:
        if not (DATA / name).exists():
            print(f"ok {name} # SKIP no {DATA / name}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            for good, text in test(pathlib.Path(folder)):
                failed += not good
                print(f"{'ok' if good else 'not ok'} {text}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
