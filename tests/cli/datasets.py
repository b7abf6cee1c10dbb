#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Data sets as users download them, in small: what belongs to train and test, labels, the gestures
within recordings, and what is missing or damaged."""
import json
import struct
import sys

from common import DEMO, equal, main, need, refused, snnq
from recordings import demo_recordings, records, rows_of

MODEL, FLOAT = DEMO / "digits.snnq", DEMO / "digits-float.snnq"
CIFAR = "airplane automobile bird cat deer dog frog horse ship truck".split()
HEADING = "class,startTime_usec,endTime_usec\n"


def evaluate(name, folder, *options):
    """Predictions of a data set: path, label, scores, spikes of the input."""
    return json.loads(snnq("eval", MODEL, "--dataset", name, folder, "-d", "sim", "--json", "--counts",
                           *options)[0])


def found(name, folder, *options):
    """(path, label) of all recordings."""
    return [(p["path"], p["label"]) for p in evaluate(name, folder, *options)["predictions"]]


def alone(folder, rows):
    """Scores and spikes of rows that are a file of their own."""
    (folder / "alone.bin").write_bytes(records(rows))
    (folder / "alone.tsv").write_text("alone.bin\t0\n")
    j = json.loads(snnq("eval", MODEL, "--data", folder / "alone.tsv", "-d", "sim", "--json",
                        "--counts")[0])["predictions"][0]
    return j["scores"], j["input_spikes"]


def fill(folder, names):
    """Recordings of the demo under these names, by turns."""
    data = [d for d, _ in demo_recordings(3)]
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data[i % len(data)])


def aedat2(rows):
    """A file of a DVS128 whose header names no camera: x is mirrored, 0 is ON."""
    return b"#!AER-DAT2.0\r\n# made by a test\r\n" + b"".join(
        struct.pack(">II", y << 8 | (127 - x) << 1 | (1 - p), t) for x, y, p, t in rows)


def aedat3(rows):
    """A file of a DVS128 in packets of up to 1000 events."""
    data = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
    for at in range(0, len(rows), 1000):
        packet = rows[at:at + 1000]
        data += struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, len(packet), len(packet), len(packet))
        data += b"".join(struct.pack("<Ii", x << 17 | y << 2 | p << 1 | 1, t) for x, y, p, t in packet)
    return data


# ---- folders of classes

def n_mnist(folder):
    """N-MNIST has folders of train and test; recordings come in turn from all digits."""
    train = [f"Train/{d}/{i:05}.bin" for d in range(10) for i in range(1, 3)]
    test = [f"Test/{d}/{10 * d + i:05}.bin" for d in range(10) for i in range(1 + (d == 4))]
    fill(folder / "N-MNIST", train + test + [".DS_Store", "Train/readme.txt", "Test/3/.x.bin", "Test/3/x.txt"])
    turns = [(f"Test/{d}/{10 * d:05}.bin", d) for d in range(10)] + [("Test/4/00041.bin", 4)]
    train = [(f"Train/{d}/{i:05}.bin", d) for i in range(1, 3) for d in range(10)]
    for root in (folder, folder / "N-MNIST"):
        equal(found("n-mnist", root), turns, "the test set is usual")
        equal(found("n-mnist", root, "--split", "test"), turns, "test")
        equal(found("n-mnist", root, "--split", "train"), train, "train")
        equal(found("n-mnist", root, "--split", "all"), train + turns, "all")
        equal(found("n-mnist", root, "--limit", 10), turns[:10], "one of each digit")
    (folder / "N-MNIST" / "Test" / "12").mkdir()
    refused("eval", MODEL, "--dataset", "n-mnist", folder, says=("Test", "expected 10 folders", "found 11"))


def n_caltech101(folder):
    """N-Caltech101 has a folder for each class, whose tenths are the test set."""
    names = sorted("BACKGROUND_Google Faces_easy Leopards accordion airplanes anchor ant barrel bass yin_yang".split())
    counts = [1, 9, 10, 11, 20, 21, 2, 5, 19, 30]
    fill(folder / "Caltech101", [f"{n}/image_{i:04}.bin" for n, c in zip(names, counts) for i in range(c)])
    (folder / "Caltech101_annotations" / "ant").mkdir(parents=True)
    sets = {}
    for split in ("train", "test", "all"):
        sets[split] = found("n-caltech101", folder, "--split", split)
        for label, (name, count) in enumerate(zip(names, counts)):
            train = -(-9 * count // 10)
            want = range(*{"train": (0, train), "test": (train, count), "all": (0, count)}[split])
            equal([p for p in sets[split] if p[1] == label],
                  [(f"{name}/image_{i:04}.bin", label) for i in want], f"{split} of {name}")
    equal(sorted(sets["train"] + sets["test"]), sorted(sets["all"]), "the splits are all")
    equal([p[1] for p in sets["train"][:10]], list(range(10)), "classes in turn")


def cifar10_dvs(folder):
    """CIFAR10-DVS is read as of a DVS128, whatever its header says; or as told."""
    rows = rows_of(demo_recordings()[0][0])
    for c in CIFAR:
        (folder / c).mkdir()
        for i in range(12):
            (folder / c / f"cifar10_{c}_{i}.aedat").write_bytes(aedat2(rows))
    # in the order of bytes: 0 1 10 11 2 .. 9
    want = [(f"{c}/cifar10_{c}_9.aedat", label) for label, c in enumerate(CIFAR)]
    equal(found("cifar10-dvs", folder), want, "test")
    equal(len(found("cifar10-dvs", folder, "--split", "train")), 110, "train")
    j = evaluate("cifar10-dvs", folder, "--limit", 1)["predictions"][0]
    equal((j["scores"], j["input_spikes"]), alone(folder, rows), "as jAER")
    j = evaluate("cifar10-dvs", folder, "--limit", 1, "-f", "aedat2-tonic")["predictions"][0]
    turned = [(y, 127 - x, 1 - p, t) for x, y, p, t in rows]
    equal((j["scores"], j["input_spikes"]), alone(folder, turned), "as tonic")
    (folder / "truck").rename(folder / ".truck")
    refused("eval", MODEL, "--dataset", "cifar10-dvs", folder, says=("expected 10 folders", "found 9"))


# ---- gestures

def gestures(folder):
    """Three gestures one after the other: rows, and the lines of the table."""
    all_rows, table, parts = [], HEADING, []
    for i, (data, _) in enumerate(demo_recordings(3)):
        rows = rows_of(data)
        start = 5000000 + 1000000 * i
        first, last = rows[0][3], max(r[3] for r in rows)
        rows = sorted(rows, key=lambda r: r[3])
        begin, end = start + (first if i else 0), start + last
        # events before and behind that would be counted, were the ends not where they are
        outside = [(x, y, 1, t) for t in (begin - 1, end + 1) for x in range(3) for y in range(20)]
        all_rows += [(x, y, p, t + start) for x, y, p, t in rows] + outside
        table += f"{i + 3},{begin},{end}\r\n"
        parts.append((f"@{begin}-{end}", i + 2,
                      [(x, y, p, t + start - begin) for x, y, p, t in rows if t + start >= begin]))
    (folder / "DvsGesture").mkdir(exist_ok=True)
    for user in ("user01_fluorescent", "user24_led"):
        (folder / "DvsGesture" / f"{user}.aedat").write_bytes(aedat3(sorted(all_rows, key=lambda r: r[3])))
        (folder / "DvsGesture" / f"{user}_labels.csv").write_bytes(table.encode())
    (folder / "DvsGesture" / "trials_to_train.txt").write_text("user01_fluorescent.aedat\n")
    (folder / "DvsGesture" / "trials_to_test.txt").write_text("user24_led.aedat \n\n")
    return parts


def dvs128_gesture(folder):
    """A gesture is what is between its times, both included, from its beginning on."""
    parts = gestures(folder)
    for split, user in (("train", "user01_fluorescent"), ("test", "user24_led")):
        for root in (folder, folder / "DvsGesture"):
            j = evaluate("dvs128-gesture", root, "--split", split)
            equal([(p["path"], p["label"]) for p in j["predictions"]],
                  [(f"{user}.aedat{ends}", label) for ends, label, _ in parts], split)
            for p, (ends, _, rows) in zip(j["predictions"], parts):
                equal((p["scores"], p["input_spikes"]), alone(folder, rows), f"gesture {ends}")
            equal((j["dropped_events"], j["nonmonotonic"], j["far_from_origin"]), (0, 0, 0), "losses")
    equal(len(found("dvs128-gesture", folder, "--split", "all")), 6, "all")
    equal(len(found("dvs128-gesture", folder, "--split", "all", "--limit", 4)), 4, "limit")


def bad_gestures(folder):
    """Damaged tables and lists are refused with file and line."""
    gestures(folder)
    root = folder / "DvsGesture"
    table, trials = root / "user24_led_labels.csv", root / "trials_to_test.txt"
    row, good = "3,5000000,5000100\n", table.read_bytes()
    for text, says in (
            (b"", "expected text, found none"), (b"\0", "zero byte"), (row, "line 1: expected \"class,"),
            (HEADING + row + "3,1\n", "line 3: expected a class"), (HEADING + "3,1,2,4\n", "line 2"),
            (HEADING + "0,1,2\n", "line 2"), (HEADING + "3,2,1\n", "line 2"),
            (HEADING + "-3,1,2\n", "line 2"), (HEADING + "3,1,9223372036854775808\n", "line 2"),
            (HEADING + "11,1,2\n", "line 2: class: expected 1..10, found 11"),
            (HEADING + row + "3,1\0,2\n", "line 3: expected text, found a zero byte"),
            (HEADING, "expected at least one recording"), (HEADING + "3,1,2\n", "recording has no events")):
        table.write_bytes(text if isinstance(text, bytes) else text.encode())
        refused("eval", MODEL, "--dataset", "dvs128-gesture", folder, "-d", "sim", says=says)
    table.write_bytes(good)
    for text, says in (("user24_led.txt\n", "line 1: expected the name of a recording (.aedat)"),
                       ("user24_led.aedat\n../user24_led.aedat\n", "line 2: expected the name"),
                       ("user25_led.aedat\n", "user25_led_labels.csv: No such file"),
                       ("user24_led.aedat\0\n", "line 1: expected text, found a zero byte"),
                       (f"{'x' * 300}.aedat\n", "line 1: expected the name"),
                       ("", "expected at least one recording")):
        trials.write_text(text)
        refused("eval", MODEL, "--dataset", "dvs128-gesture", folder, "-d", "sim", says=says)
    trials.unlink()
    refused("eval", MODEL, "--dataset", "dvs128-gesture", folder, says="trials_to_test.txt: No such file")


# ---- other verbs, other mistakes

def calibration(folder):
    """quantize takes the train set, gesture by gesture; its journal knows their times."""
    parts = gestures(folder)
    for _, label, rows in parts:
        (folder / f"{label}.bin").write_bytes(records(rows))
    (folder / "list").write_text("".join(f"{label}.bin\n" for _, label, _ in parts))
    grid = ("--default", "uniform:4", "--method", "compensate")
    snnq("quantize", FLOAT, "-o", folder / "a.snnq", "--calib", folder / "list", *grid)
    named = ("--calib", folder, "--dataset", "dvs128-gesture")
    snnq("quantize", FLOAT, "-o", folder / "b.snnq", *named, *grid)
    equal((folder / "a.snnq").read_bytes(), (folder / "b.snnq").read_bytes(), "the models")
    snnq("quantize", FLOAT, "-o", folder / "c.snnq", *named, "--limit", 1, *grid)
    need((folder / "a.snnq").read_bytes() != (folder / "c.snnq").read_bytes(), "of one gesture only")
    j = json.loads(snnq("quantize", FLOAT, "-o", folder / "d.snnq", *named, "--limit", 2, "--check",
                        folder, *grid, "--json")[0])["quality"]
    equal((j["calibration"]["recordings"], j["check"]["recordings"]), (2, len(parts) - 2),
          "gestures of the same data set to check with")
    (folder / "check").write_text(f"{parts[-1][1]}.bin\n")
    j = json.loads(snnq("quantize", FLOAT, "-o", folder / "e.snnq", *named, "--limit", 1, "--check",
                        folder / "check", *grid, "--json")[0])["quality"]
    equal(j["check"]["recordings"], 1, "a list to check with beside a data set")
    refused("quantize", FLOAT, "-o", folder / "f.snnq", *named, "--check", folder, *grid, code=2,
            says="--calib takes all of its recordings")
    search = ("--schemes", "ternary", "--journal", folder / "kept" / "j", "--shard", "1/40")
    (folder / "kept").mkdir()
    snnq("quantize", FLOAT, *named, *search)
    snnq("quantize", FLOAT, *named, *search)
    table = folder / "DvsGesture" / "user01_fluorescent_labels.csv"
    ends = parts[0][0][1:].split("-")
    table.write_text(table.read_text().replace(f",{ends[1]}", f",{int(ends[1]) - 1}"))
    refused("quantize", FLOAT, *named, *search, code=4, says="belongs to other work")
    both = [json.loads(snnq("energy", MODEL, "--json", *options)[0])["models"][0]["total"]
            for options in (("--data", folder / "list"), ("--data", folder, "--dataset", "dvs128-gesture"))]
    equal(both[0] == both[1], True, "energy of the test set, which has the same gestures")


def mistakes(folder):
    """Wrong names, and folders that are none of the data set."""
    fill(folder, ["a.bin"])
    data = ("--dataset", "n-mnist", folder)
    refused("eval", MODEL, "--dataset", "mnist", folder, code=2, says="expected n-mnist, n-caltech101,")
    refused("eval", MODEL, *data, "--split", "val", code=2, says="expected train, test or all")
    refused("eval", MODEL, "--dataset", "n-mnist", code=2, says="the data set's folder is missing")
    refused("eval", MODEL, *data, folder, code=2, says="too many arguments")
    refused("eval", MODEL, "--data", folder, *data, code=2, says="too many arguments")
    refused("eval", MODEL, "--data", folder, "--split", "test", code=2, says="--split: expected --dataset")
    refused("eval", MODEL, *data, says="Test")
    refused("eval", MODEL, "--dataset", "n-mnist", folder / "a.bin", says="expected the folder of n-mnist")
    refused("eval", MODEL, "--dataset", "cifar10-dvs", folder, says="expected a folder for each class")
    for digit in range(10):
        (folder / "Test" / str(digit)).mkdir(parents=True)
    refused("eval", MODEL, *data, says=("Test/0", "expected recordings (.bin), found none"))
    for option in (("--dataset", "n-mnist"), ("--split", "all"), ("--limit", 3), ("-f", "bs2"),
                   ("--width", 3), ("--height", 3)):
        refused("quantize", FLOAT, "-o", folder / "q", "--default", "uniform:4", *option, code=2,
                says="expected --calib")


if __name__ == "__main__":
    sys.exit(main(n_mnist, n_caltech101, cifar10_dvs, dvs128_gesture, bad_gestures, calibration,
                  mistakes))
