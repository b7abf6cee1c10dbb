#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`snnq run MODEL -`: events through a pipe give, window by window, the results of the same file,
for every format and however they are cut; as soon as a window is over; until the end or a signal;
and what the device is too slow for is dropped and counted.

The feeder is this program: it writes to the pipe in the cuts and at the pace that a test wants."""
import json
import os
import random
import signal
import struct
import subprocess
import sys
import time

from common import DEMO, SNNQ, catches, equal, main, need, refused, snnq
from recordings import aedat4, demo_recordings, from_first, records, records7, rows_of

MODEL, FLOAT = DEMO / "digits.snnq", DEMO / "digits-float.snnq"
WINDOW = 8 * 30000  # us


def several(count=4):
    """Rows (x, y, polarity, us) of so many windows, one of the demo's recordings in each."""
    rows = []
    for i, (data, _) in enumerate(demo_recordings(count)):
        part = rows_of(data)
        first = min(r[3] for r in part)
        need(max(r[3] for r in part) - first < WINDOW, "a recording of one window")
        rows += [(x, y, p, i * WINDOW + t - first) for x, y, p, t in part]
    return rows


# ---- formats

def evt2(rows):
    """EVT 2 with the time's high part wherever it changes."""
    words, high = [], -1
    for x, y, p, t in rows:
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 28 | high)
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    return b"% evt 2.0\n% geometry 64x64\n% end\n" + struct.pack(f"<{len(words)}I", *words)


def evt21(rows):
    """EVT 2.1, an event in each word."""
    words, high = [], -1
    for x, y, p, t in rows:
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 60 | high << 32)
        words.append(p << 60 | (t & 63) << 54 | (x & ~31) << 43 | y << 32 | 1 << (x & 31))
    return b"% evt 2.1\n% geometry 64x64\n% end\n" + struct.pack(f"<{len(words)}Q", *words)


def evt3(rows):
    """EVT 3, single events and vectors in turns."""
    words, high, low = [], -1, -1
    for i, (x, y, p, t) in enumerate(rows):
        if t >> 12 & 4095 != high:
            high, low = t >> 12 & 4095, 0
            words.append(0x8000 | high)
        if t & 4095 != low:
            low = t & 4095
            words.append(0x6000 | low)
        words.append(y)
        if i % 2:
            words.append(0x2000 | p << 11 | x)
        else:
            base = max(0, x - 5)
            words += [0x3000 | p << 11 | base, 0x4000 | 1 << x - base]
    return b"% format EVT3;height=64;width=64\n% end\n" + struct.pack(f"<{len(words)}H", *words)


def dat(rows):
    """DAT with a header."""
    return b"% Version 2\n% Data file\n\x0c\x08" + b"".join(
        struct.pack("<II", t, p << 28 | y << 14 | x) for x, y, p, t in rows)


def es(rows):
    """Event Stream 2."""
    out, last = b"Event Stream\2\0\0\1" + struct.pack("<HH", 64, 64), 0
    for x, y, p, t in rows:
        while t - last > 126:
            out, last = out + b"\xff", last + 127
        out += bytes([t - last << 1 | p]) + struct.pack("<HH", x, y)
        last = t
    return out


def aedat2(rows):
    """AEDAT 2 of a DVS128, whose x is mirrored."""
    return b"#!AER-DAT2.0\r\n# AEChip: DVS128\r\n" + b"".join(
        struct.pack(">II", y << 8 | 127 - x << 1 | 1 - p, t) for x, y, p, t in rows)


def aedat3(rows):
    """AEDAT 3.1, packets of 100 events."""
    out = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
    for i in range(0, len(rows), 100):
        part = rows[i:i + 100]
        out += struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, *[len(part)] * 3)
        out += b"".join(struct.pack("<II", x << 17 | y << 2 | p << 1 | 1, t) for x, y, p, t in part)
    return out


FORMATS = {"atis": (records, ".bin"), "bs2": (records, ".bs2"), "bs3": (records7, ".bs3"),
           "dat": (dat, ".dat"), "es": (es, ".es"), "evt2": (evt2, ".raw"), "evt21": (evt21, ".raw"),
           "evt3": (evt3, ".raw"), "aedat2": (aedat2, ".aedat"), "aedat3": (aedat3, ".aedat"),
           "aedat4": (aedat4, ".aedat4")}
WITHOUT_HEADER = ("atis", "bs2", "bs3")


# ---- the feeder

class Feed:
    """The program at the end of a pipe."""

    def __init__(self, *options, model=MODEL):
        # pylint: disable=consider-using-with
        self.process = subprocess.Popen(
            [SNNQ, "run", str(model), "-", "-d", "sim", "--json", *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)

    def write(self, data):
        """Into the pipe, whole."""
        while data:
            data = data[self.process.stdin.write(data):]

    def line(self):
        """The next line, which must come without anything more being written."""
        return json.loads(self.process.stdout.readline())

    def end(self, code=0, stop=None):
        """Close the pipe, or send a signal. (the other lines, standard error)"""
        if stop:
            self.process.send_signal(stop)
            lines, error = self.process.stdout.read(), self.process.stderr.read()
            self.process.wait(60)
            self.process.stdin.close()
        else:
            lines, error = self.process.communicate(timeout=300)
        equal(self.process.returncode, code, f"exit code ({error.decode()})")
        return [json.loads(line) for line in lines.splitlines()], error.decode()


def what_counts(windows):
    """Of results: all but the time that they took."""
    return [{k: v for k, v in w.items() if k != "latency_us"} for w in windows]


def as_file(path, *options, model=MODEL):
    """The results of a file."""
    return what_counts(json.loads(snnq("run", model, path, "-d", "sim", "--json", *options)[0])["windows"])


def through(data, *options, model=MODEL, cuts=None, code=0):
    """(results, summary or None, standard error) of bytes in pieces."""
    feed = Feed(*options, model=model)
    at, pieces = 0, random.Random(5)
    while at < len(data):
        n = len(data) if not cuts else pieces.randrange(1, cuts + 1)
        feed.write(data[at:at + n])
        at += n
    lines, error = feed.end(code)
    summary = lines.pop() if lines and "windows" in lines[-1] else None
    return lines, summary, error


# ---- tests

def formats(folder):
    """Every format, in any cuts, gives the results of the file."""
    rows = several()
    want = None
    for name, (write, extension) in FORMATS.items():
        data = write(rows)
        path = folder / f"a{extension}"
        path.write_bytes(data)
        here = as_file(path)
        equal(len(here), 4, f"windows of {name}")
        want = want or here
        equal([w["scores"] for w in here], [w["scores"] for w in want], f"scores of {name}")
        options = ("-f", name) if name in WITHOUT_HEADER else ()
        for cuts in (None, 3000, 50):
            got, summary, error = through(data, "--wait", *options, cuts=cuts)
            equal(what_counts(got), here, f"{name} in cuts of {cuts}")
            equal((summary["format"], summary["events"], summary["windows"], summary["results"],
                   summary["dropped_windows"], summary["dropped_events"], error),
                  (name, len(rows), 4, 4, 0, 0, ""), f"summary of {name}")
    got, _, error = through(data[:5000], cuts=1, code=4)
    need(not got and "standard input: no events" in error, "nothing of half a packet")


def models(folder):
    """Float models, and models that count from the first event."""
    rows = [(x, y, p, t + 12345) for x, y, p, t in several(3)]
    (folder / "a.bin").write_bytes(records(rows))
    for model in (FLOAT, from_first(folder)):
        got, _, _ = through(records(rows), "--wait", "-f", "atis", model=model)
        equal(what_counts(got), as_file(folder / "a.bin", model=model), f"windows of {model.name}")


def at_once(_):
    """A window's result comes with the first event behind it, and nothing more."""
    rows = several()
    feed = Feed("-f", "atis")
    for w in range(3):
        feed.write(records([r for r in rows if w * WINDOW < r[3] < (w + 1) * WINDOW]))
        feed.write(records([(1, 1, 1, (w + 1) * WINDOW)]))
        equal(feed.line()["first_step"], 8 * w, f"result {w}")
    lines, _ = feed.end()
    equal([w.get("first_step") for w in lines], [24, None], "at the end")


def real_time(_):
    """A camera's pace, in pieces of 10 ms: every window has a result, within a window."""
    rows = several()
    feed = Feed("-f", "evt3")
    data = evt3(rows)
    begin, done, pieces = time.monotonic(), 0, rows[-1][3] // 10000 + 1
    for i in range(pieces):
        until = len(data) * (i + 1) // pieces
        time.sleep(max(0, begin + (i + 1) * 0.01 - time.monotonic()))
        feed.write(data[done:until])
        done = until
    lines, error = feed.end()
    summary = lines.pop()
    equal((len(lines), summary["dropped_windows"], error), (4, 0, ""), "all windows")
    need(all(0 < w["latency_us"] < 10 * WINDOW for w in lines), "latencies")


def signals(_):
    """SIGINT and SIGTERM end the input: the open window has its result, and all is summed up."""
    rows = several(2)
    for stop in (signal.SIGINT, signal.SIGTERM):
        for options in ((), ("-f", "atis")):
            feed = Feed(*options)
            catches(feed.process, stop)
            lines, error = feed.end(stop=stop)
            equal([w["windows"] for w in lines], [0] * (len(options) // 2), "nothing yet")
            equal(error, "", "nothing is wrong")
        feed = Feed("-f", "atis")
        feed.write(records(rows) + b"abc")
        equal(feed.line()["first_step"], 0, "the first result")
        lines, _ = feed.end(stop=stop)
        equal((lines[0]["first_step"], lines[-1]["results"], len(lines)), (8, 2, 2), "the second")


def slow(_):
    """Windows that come faster than results: some are dropped, all are counted."""
    count = 3000
    data = b"".join(struct.pack("<II", w * WINDOW % 2**32, 5 << 14 | 5) for w in range(count))
    for options, least in ((("--queue", 1), 1), (("--wait",), 0)):
        got, summary, error = through(data if least else data[:8 * 50], "-f", "dat", *options)
        windows = count if least else 50
        equal((summary["windows"], summary["results"] + summary["dropped_windows"]),
              (windows, windows), f"windows with {options}")
        equal(len(got), summary["results"], "results")
        need(got[-1]["first_step"] == 8 * (windows - 1), "the last window is never dropped")
        steps = [w["first_step"] for w in got]
        equal(steps, sorted(set(steps)), "in order")
        need(summary["dropped_windows"] >= least * count // 2 or not least, "many are dropped")
        said = f"{summary['dropped_windows']} of {windows} windows are dropped"
        equal(said in error, least > 0, f"it says so: {error}")


def late(_):
    """Events for a window that is over are counted; within a window order does not matter."""
    rows = several(2)
    middle = next(i for i, r in enumerate(rows) if r[3] >= WINDOW)
    turned = rows[:middle][::-1] + rows[middle:]
    want, _, _ = through(records(rows), "-f", "atis", "--wait")
    got, summary, error = through(records(turned), "-f", "atis", "--wait")
    equal(what_counts(got), what_counts(want), "turned round")
    need(summary["nonmonotonic"] > 100 and f"{summary['nonmonotonic']} events go back" in error,
         f"it says so: {error}")
    got, summary, error = through(records(rows + rows[:5]), "-f", "atis", "--wait")
    equal([w["scores"] for w in got], [w["scores"] for w in want], "late ones are dropped")
    equal((summary["late_events"], summary["dropped_events"]), (5, 0), "late events")
    need("5 events came after their windows were complete" in error, f"it says so: {error}")


def damaged(_):
    """What is before a damage has its results; then it is told where it is."""
    rows = several(3)
    data = records7(rows)
    got, summary, error = through(data + b"abc", "-f", "bs3", "--wait")
    equal((len(got), summary["damaged_bytes"], summary["dropped_events"]), (3, 3, 1), "a cut end")
    need("3 bytes at the end" in error, f"it says so: {error}")
    at = 7 * (len(rows) - 1) + 3
    got, summary, error = through(data[:at] + b"\7" + data[at + 1:], "-f", "bs3", "--wait", code=4)
    equal((len(got), summary), (3, None), "results before it")
    need(f"standard input: bs3: offset {at}: channel: expected at most 1, found 7" in error,
         f"it says where: {error}")


def wrong(folder):
    """What cannot be fed is refused."""
    for data, says in ((b"\x93NUMPY\1\0" + bytes(30), "NumPy's format, which is not supported"),
                       (b"x" * 40, "no known format"), (b"", "no known format")):
        got, _, error = through(data, code=4)
        need(not got and "standard input: offset 0: " in error and says in error, f"{says}: {error}")
    for name, data in (("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(30)), ("npz", b"PK\3\4" + bytes(30)),
                       ("mat", b"MATLAB 5.0 MAT-file" + bytes(105) + b"\0\1IM" + bytes(30))):
        got, _, error = through(data, code=4)
        need(not got and f"standard input: {name}: expected a file" in error and "found a pipe" in error,
             f"{name} needs a file: {error}")
    got, _, error = through(evt2(several(1)), "-f", "evt3", code=4)
    need("expected evt3, as the option says, found evt2" in error, error)
    got, _, error = through(b"", "-f", "atis", code=4)
    need("standard input: no events" in error, error)
    refused("run", MODEL, "-", "-d", "sim", "--raster", folder, code=2, says="expected a recording")
    (folder / "a.bin").write_bytes(demo_recordings()[0][0])
    for option in (("--queue", "2"), ("--wait",)):
        refused("run", MODEL, folder / "a.bin", "-d", "sim", *option, code=2, says="expected a feed")


def text(_):
    """Lines for people have the same scores."""
    data = records(several(2))
    want, _, _ = through(data, "-f", "atis", "--wait")
    done = subprocess.run([SNNQ, "run", str(MODEL), "-", "-d", "sim", "-f", "atis", "--wait"],
                          input=data, capture_output=True, check=True, timeout=60)
    lines = done.stdout.decode().splitlines()
    equal(len(lines), 2, "lines")
    for line, window in zip(lines, want):
        need(" ".join(map(str, window["scores"])) in line and "latency" in line, line)


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    sys.exit(main(formats, models, at_once, real_time, signals, slow, late, damaged, wrong, text))
