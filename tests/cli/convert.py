#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""snnq convert: what it writes, decoded here from the descriptions of the formats, is what was read;
and what it refuses leaves no file."""
import fcntl
import json
import os
import random
import signal
import struct
import subprocess
import termios
import time

from common import SNNQ, catches, equal, event_stream, main, need, recording, refused, snnq

WIDTH, HEIGHT = 50, 40
TURN = 1 << 24


def random_rows(count, last, seed, crowded=False):
    """In the order of time; crowded: many at a time, neighbours in a row."""
    dice, rows = random.Random(seed), []
    while len(rows) < count:
        t, y, p = dice.randint(0, last), dice.randrange(HEIGHT), dice.randrange(2)
        columns = sorted(dice.sample(range(WIDTH), dice.randint(1, WIDTH))) if crowded else [dice.randrange(WIDTH)]
        rows += [(x, y, p, t) for x in columns]
    return sorted(rows, key=lambda r: r[3])


def upright(rows):
    return [(x, HEIGHT - 1 - y, p, t) for x, y, p, t in rows]


# ---- the formats, as they are described

def read_evt3(data):
    """(header lines, rows, words)"""
    lines = []
    while data.startswith(b"% "):
        line, _, data = data.partition(b"\n")
        lines.append(line.decode())
    rows, high, turns, low, y, base, on = [], None, 0, None, None, None, 0
    words = struct.unpack(f"<{len(data) // 2}H", data)
    for word in words:
        kind, value = word >> 12, word & 0xfff
        if kind == 8:
            if high is not None and value < high:
                need(high == 4095 and value == 0, f"turn of the time from {high} to {value}")
                turns += 1
            high, low = value, None
        elif kind == 6:
            low = value
        elif kind == 0:
            need(value < 2048, "row")
            y = value
        elif kind == 2:
            rows.append((value & 2047, y, value >> 11, turns * TURN + (high << 12) + low))
        elif kind == 3:
            base, on = value & 2047, value >> 11
        elif kind == 4:
            rows += [(base + i, y, on, turns * TURN + (high << 12) + low) for i in range(12) if value >> i & 1]
            base += 12
        else:
            need(False, f"word {word:#x}")
    return lines, rows, len(words)


class Flat:
    """A FlatBuffer with its size in front, at the beginning of bytes."""

    def __init__(self, data, identifier):
        size, = struct.unpack_from("<I", data)
        self.data, self.bytes = data[:4 + size], 4 + size
        equal(data[8:12], identifier, "identifier")
        self.root = 4 + struct.unpack_from("<I", data, 4)[0]

    def field(self, table, number, kind):
        """Where a field is, aligned; None: absent."""
        vtable = table - struct.unpack_from("<i", self.data, table)[0]
        size, = struct.unpack_from("<H", self.data, vtable)
        at = struct.unpack_from("<H", self.data, vtable + 4 + 2 * number)[0] if size > 4 + 2 * number else 0
        if not at:
            return None
        need((table + at) % struct.calcsize("<" + kind[-1]) == 0, f"field {number} is aligned")
        return struct.unpack_from("<" + kind, self.data, table + at)

    def vector(self, table, number):
        """(where it begins, its length) of a vector."""
        vtable = table - struct.unpack_from("<i", self.data, table)[0]
        at = table + struct.unpack_from("<H", self.data, vtable + 4 + 2 * number)[0]
        at += struct.unpack_from("<I", self.data, at)[0]
        return at + 4, struct.unpack_from("<I", self.data, at)[0]


def unfold(data, compression):
    """What a program for the compression makes of it."""
    tool = {0: None, 1: "lz4", 3: "zstd"}[compression]
    if not tool:
        return data
    return subprocess.run([tool, "-d", "-c"], input=data, capture_output=True, check=True).stdout


def read_aedat4(data, compression):
    """Rows, each packet as the table at the end says it."""
    need(data.startswith(b"#!AER-DAT4.0\r\n"), "magic")
    head = Flat(data[14:], b"IOHE")
    equal((head.field(head.root, 0, "i") or (0,))[0], compression, "compression")
    end, = head.field(head.root, 1, "q")
    at, size = head.vector(head.root, 2)
    text = head.data[at:at + size].decode()
    need(f'"sizeX" type="int">{WIDTH}<' in text and f'"sizeY" type="int">{HEIGHT}<' in text, "size")
    table = Flat(unfold(data[end:], compression), b"FTAB")
    first, entries = table.vector(table.root, 0)
    at, rows = 14 + head.bytes, []
    for i in range(entries):
        entry = first + 4 * i
        entry += struct.unpack_from("<I", table.data, entry)[0]
        stream, size = struct.unpack_from("<ii", data, at)
        equal(table.field(entry, 0, "q"), (at + 8,), "place of a packet")
        equal(table.field(entry, 1, "ii"), (stream, size), "its header")
        packet = Flat(unfold(data[at + 8:at + 8 + size], compression), b"EVTS")
        begin, count = packet.vector(packet.root, 0)
        equal((begin % 8, begin + 16 * count), (0, packet.bytes), "place of events")
        events = [struct.unpack_from("<qhh?", packet.data, begin + 16 * k) for k in range(count)]
        equal([table.field(entry, n, "q")[0] for n in (2, 3, 4)], [count, events[0][0], events[-1][0]], "entry")
        need(events[-1][0] - events[0][0] < 10000 and count <= 16384, "length of a packet")
        rows += [(x, y, int(on), t) for t, x, y, on in events]
        at += 8 + size
    equal(at, end, "end of the packets")
    return rows


def has(tool):
    return subprocess.run(["which", tool], capture_output=True, check=False).returncode == 0


# ---- tests

def evt3(folder):
    """EVT 3.0: turns of the time, vectors, header."""
    for seed, (count, last, crowded) in enumerate([(3000, 100000, False), (3000, 2000, True), (400, 10 * TURN, True),
                                                   (30, 3 * TURN, False), (1, 5, False)]):
        rows = random_rows(count, last, seed, crowded)
        source = event_stream(folder / "a.es", WIDTH, HEIGHT, rows)
        out, err = snnq("convert", source, folder / "a.raw")
        need(f"{len(rows)} event{'s' * (len(rows) > 1)}, " in out and not err, f"what is said: {out} {err}")
        data = (folder / "a.raw").read_bytes()
        lines, got, words = read_evt3(data)
        start = rows[0][3] // TURN * TURN
        equal(got, [(x, y, p, t - start) for x, y, p, t in upright(rows)], f"events of {seed}")
        equal(lines[0], "% evt 3.0", "first line")
        need(f"% format EVT3;height={HEIGHT};width={WIDTH}" in lines and lines[-1] == "% end", "header")
        if crowded and last < 10000:
            need(words < len(rows), f"{words} words for {len(rows)} events that are neighbours")


def aedat4(folder):
    """AEDAT 4: packets, alignment, the table at the end, each compression."""
    rows = random_rows(40000, 300000, 7) + [(1, 2, 1, 10 ** 8)]
    source = event_stream(folder / "a.es", WIDTH, HEIGHT, rows)
    for name, number in (("none", 0), ("lz4", 1), ("zstd", 3)):
        out = folder / f"{name}.aedat4"
        snnq("convert", source, out, "--compression", name)
        if number == 0 or has(name):
            equal(read_aedat4(out.read_bytes(), number), upright(rows), f"events, {name}")
        # and back, by the readers that other tests judge
        snnq("convert", out, folder / "back.aedat4", "--compression", "none")
        equal(read_aedat4((folder / "back.aedat4").read_bytes(), 0), upright(rows), f"events back, {name}")
    snnq("convert", source, folder / "usual.aedat4")
    equal((folder / "usual.aedat4").read_bytes(), (folder / "lz4.aedat4").read_bytes(), "lz4 is usual")


def order(folder):
    """Events out of order get their place; from a pipe they are refused."""
    rows = random_rows(2000, 100000, 3)
    mixed = rows[:]
    random.Random(4).shuffle(mixed)
    recording(folder / "a.bs3", mixed)
    size = ("--width", WIDTH, "--height", HEIGHT)
    j = json.loads(snnq("convert", folder / "a.bs3", folder / "a.raw", *size, "--json")[0])
    equal((j["events"], j["complete"], j["format"]), (2000, True, "bs3"), "report")
    need(j["nonmonotonic"] > 100 and j["bytes"] == os.path.getsize(folder / "a.raw"), f"report: {j}")
    _, got, _ = read_evt3((folder / "a.raw").read_bytes())
    equal([r[3] for r in got], [r[3] for r in rows], "times")
    equal(sorted(got), sorted(rows), "events")
    for name, code in (("a.bs3", 4), ("b.bs3", 0)):
        recording(folder / "b.bs3", rows)
        with open(folder / name, "rb") as f:
            done = subprocess.run([SNNQ, "convert", "-", folder / "p.raw", "-f", "bs3", *map(str, size)], stdin=f,
                                  capture_output=True, text=True, timeout=60, check=False)
        equal(done.returncode, code, f"exit of a pipe: {done.stderr}")
        equal((folder / "p.raw").exists(), not code, "output of a pipe")
    need("time of an event: expected at least" in done.stderr or not code, done.stderr)
    equal(sorted(read_evt3((folder / "p.raw").read_bytes())[1]), sorted(rows), "events of a pipe")


def damage(folder):
    """Damaged recordings leave nothing, or what is before the damage."""
    rows = random_rows(30000, 300000, 5)
    snnq("convert", event_stream(folder / "a.es", WIDTH, HEIGHT, rows), folder / "a.aedat4", "--compression", "none")
    data = bytearray((folder / "a.aedat4").read_bytes())
    data[len(data) * 3 // 4:len(data) * 3 // 4 + 40000] = b"\x5a" * 40000
    (folder / "bad.aedat4").write_bytes(data)
    before = sorted(p.name for p in folder.iterdir())
    refused("convert", folder / "bad.aedat4", folder / "out.raw", says="offset")
    equal(sorted(p.name for p in folder.iterdir()), before, "files")
    out, err = snnq("convert", folder / "bad.aedat4", folder / "out.raw", "--partial", code=4)
    need("up to the damage" in out and "offset" in err, out + err)
    got = read_evt3((folder / "out.raw").read_bytes())[1]
    need(10000 < len(got) < 30000 and got == upright(rows)[:len(got)], f"{len(got)} events before the damage")


def cut(folder):
    """A cut end is damage, too: nothing is written, or all that is whole, and the status tells it."""
    rows = random_rows(1000, 100000, 8)
    size = ("--width", WIDTH, "--height", HEIGHT)
    path, out = recording(folder / "a.bs3", rows), folder / "a.raw"
    path.write_bytes(path.read_bytes() + b"abc")
    for source, options in ((path, ()), ("-", ("-f", "bs3"))):
        with open(path, "rb") as f:
            run = [SNNQ, "convert", source, out, *options, *size]
            done = subprocess.run([*map(str, run)], stdin=f, capture_output=True, text=True, timeout=60, check=False)
        equal((done.returncode, done.stdout, out.exists()), (4, "", False), f"{source}: {done.stderr}")
        need("3 bytes are damaged; --partial" in done.stderr, done.stderr)
        with open(path, "rb") as f:
            done = subprocess.run([*map(str, run), "--partial", "--json"], stdin=f, capture_output=True, text=True,
                                  timeout=60, check=False)
        j = json.loads(done.stdout)
        equal((done.returncode, j["events"], j["complete"], j["damaged_bytes"]), (4, 1000, False, 3), f"{source}")
        equal(read_evt3(out.read_bytes())[1], rows, "whole events")
        out.unlink()


def fed(folder, source, stop, code, *options):
    """Convert a pipe that stays open until a signal; (standard output, standard error)"""
    # pylint: disable=consider-using-with
    process = subprocess.Popen([SNNQ, "convert", "-", str(folder / "out.raw"), *map(str, options)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    if stop != signal.SIGKILL:
        catches(process, stop)
    process.stdin.write(source)
    until = time.monotonic() + 60
    while unread(process.stdin) and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(stop)
    out, err = process.stdout.read(), process.stderr.read().decode()
    equal(process.wait(60), code, f"exit after signal {stop}: {err}")
    process.stdin.close()
    return out.decode(), err


def unread(pipe):
    """Bytes in a pipe."""
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"    "))[0]


def interrupted(folder):
    """A signal ends a pipe: what came is written, whole; nothing else is left, not even of a kill."""
    rows = random_rows(9000, 100000, 9)
    data = recording(folder / "a.bs3", rows).read_bytes()
    size, out = ("-f", "bs3", "--width", WIDTH, "--height", HEIGHT), folder / "out.raw"
    for stop in (signal.SIGINT, signal.SIGTERM):
        for tail in (b"", b"abc"):
            said, err = fed(folder, data + tail, stop, 0, *size, "--json")
            j = json.loads(said)
            equal((j["events"], j["complete"]), (len(rows), True), f"report: {err}")
            equal(read_evt3(out.read_bytes())[1], rows, "events")
            out.unlink()
        es = event_stream(folder / "a.es", WIDTH, HEIGHT, rows).read_bytes() + b"\x10"
        said, err = fed(folder, es, stop, 0)
        equal(read_evt3(out.read_bytes())[1], upright(rows), f"events before half of one: {err}")
        out.unlink()
        said, err = fed(folder, b"", stop, 4)
        need("before its format was known" in err and not said, err)
    before = sorted(p.name for p in folder.iterdir())
    if not nameless(folder):
        print("# a kill: this file system has no files without a name")
        return
    fed(folder, data, signal.SIGKILL, -signal.SIGKILL, *size)
    equal(sorted(p.name for p in folder.iterdir()), before, "nothing is left")


def nameless(folder):
    """Whether a file system has files without a name."""
    try:
        os.close(os.open(folder, os.O_WRONLY | os.O_TMPFILE))
    except OSError:
        return False
    return True


def refusals(folder):
    """What cannot be written is refused, and nothing is left of it."""
    rows = random_rows(100, 1000, 6)
    es, bs3 = event_stream(folder / "a.es", WIDTH, HEIGHT, rows), recording(folder / "a.bs3", rows)
    event_stream(folder / "wide.es", 4000, 40, rows)
    (folder / "link.raw").symlink_to(bs3)
    before = sorted(p.name for p in folder.iterdir())
    for arguments, code, says in (
            ((es, folder / "b.bin"), 2, "expected the extension .raw"),
            ((es, folder / "b.raw", "--into", "dat"), 2, "unknown format to write"),
            ((es, folder / "b.raw", "--compression", "lz4"), 2, "no compression to choose"),
            ((es, folder / "b.aedat4", "--compression", "gzip"), 2, "expected none, lz4 or zstd"),
            ((bs3, folder / "b.raw"), 4, "expected the width and height"),
            ((folder / "wide.es", folder / "b.raw"), 4, "at most 2048 x 2048"),
            ((bs3, folder / "b.raw", "--width", 2049, "--height", 40), 2, "at most 2048 x 2048"),
            ((folder / "none.es", folder / "b.raw"), 4, "none.es"),
            ((es, folder / "no" / "b.raw"), 1, "cannot be written"),
            ((bs3, folder / "link.raw", "--width", 50, "--height", 40), 2, "expected another file")):
        refused("convert", *arguments, code=code, says=says)
        equal(sorted(p.name for p in folder.iterdir()), before, f"files after {says}")
    # outside the sensor: told, and the others are there
    j = json.loads(snnq("convert", bs3, folder / "cut.raw", "--width", 20, "--height", 40, "--json")[0])
    inside = [r for r in rows if r[0] < 20]
    equal((j["events"], j["dropped"]), (len(inside), len(rows) - len(inside)), "events inside")
    equal(read_evt3((folder / "cut.raw").read_bytes())[1], inside, "they")


if __name__ == "__main__":
    raise SystemExit(main(evt3, aedat4, order, damage, cut, interrupted, refusals))
