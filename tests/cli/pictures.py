#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""snnq inspect: its figures against counts made here, its pictures dot by dot, and its drawings in
terminals that are narrow, without colours or without other letters than ASCII."""
import base64
import fcntl
import json
import os
import pty
import random
import re
import resource
import struct
import subprocess
import sys
import termios
import unicodedata
import xml.etree.ElementTree as xml
import zlib

from common import SNNQ, equal, event_stream, main, near, need, recording, refused, snnq

DARK = (24, 27, 34)
SVG = "{http://www.w3.org/2000/svg}"


def random_rows(count=3000, width=50, height=40, last=200000, seed=1):
    dice = random.Random(seed)
    # at the ends of the windows below, and beside them
    times = [1000, last, 10999, 11000, 20999, 21000, 31499, 31500, 50999, 51000]
    times = sorted(times + [dice.randint(1000, last) for _ in range(count - len(times))])
    return [(dice.randrange(width), dice.randrange(height), dice.randrange(2), t) for t in times]


def read_png(data):
    """Rows of (r, g, b) of a PNG of 8 bits a channel."""
    equal(data[:8], b"\x89PNG\r\n\x1a\n", "begin of a PNG")
    at, pixels = 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        equal(struct.unpack_from(">I", data, at + 8 + size)[0], zlib.crc32(kind + body), "CRC")
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", body)
            equal(rest, [8, 2, 0, 0, 0], "kind of PNG")
        pixels += body if kind == b"IDAT" else b""
        at += 12 + size
    raw, rows, before = zlib.decompress(pixels), [], bytearray(3 * width)
    for y in range(height):
        method, *line = raw[y * (3 * width + 1):(y + 1) * (3 * width + 1)]
        for i, value in enumerate(line):
            left, above = line[i - 3] if i > 2 else 0, before[i]
            corner = before[i - 3] if i > 2 else 0
            distance = [abs(left + above - corner - n) for n in (left, above, corner)]
            paeth = (left, above, corner)[distance.index(min(distance))]
            line[i] = value + (0, left, above, (left + above) // 2, paeth)[method] & 255
        before = line
        rows.append([tuple(line[i:i + 3]) for i in range(0, 3 * width, 3)])
    return rows


def inspect(path, *options):
    return json.loads(snnq("inspect", path, "--json", *options)[0])


# ---- figures

def figures(folder):
    """Counts, rates and hottest pixels of windows and polarities."""
    rows = random_rows()
    path = recording(folder / "a.bs3", rows)
    for options, begin, end, kept in (
            ((), 1000, 200001, (0, 1)), (("--polarity", "on"), 1000, 200001, (1,)),
            (("--polarity", "off"), 1000, 200001, (0,)), (("--polarity", "both"), 1000, 200001, (0, 1)),
            (("--from", "0.05s"), 51000, 200001, (0, 1)), (("--to", "10ms"), 1000, 11000, (0, 1)),
            (("--from", "20ms", "--to", "30500us"), 21000, 31500, (0, 1)),
            (("--from", "199ms"), 200000, 200001, (0, 1)),
            (("--to", "9s", "--polarity", "on"), 1000, 9001000, (1,))):
        for bins in (1, 7, 100):
            j = inspect(path, "--bins", bins, "--top", 7, *options)
            seen = [r for r in rows if begin <= r[3] < end and r[2] in kept]
            what = f"{options} in {bins} bins"
            equal((j["events"], j["on"], j["off"]),
                  (len(seen), sum(r[2] for r in seen), sum(1 - r[2] for r in seen)), what)
            equal((j["window"], j["recording_events"], j["width"], j["height"], j["format"]),
                  ({"first_us": begin, "duration_us": end - begin}, len(rows), 50, 40, "bs3"), what)
            near(j["events_per_second"], len(seen) / (end - begin) * 1e6, what)
            near(j["bin_us"], (end - begin) / bins, what)
            want = [{"on": 0, "off": 0} for _ in range(bins)]
            for r in seen:
                want[(r[3] - begin) * bins // (end - begin)][("off", "on")[r[2]]] += 1
            equal(j["bins"], want, what)
            pixels = {}
            for r in seen:
                pixels.setdefault((r[1], r[0]), [0, 0])[r[2]] += 1
            want = sorted(pixels, key=lambda at: (-sum(pixels[at]), at))[:7]
            equal([(p["y"], p["x"]) for p in j["hottest"]], want, f"hottest: {what}")
            equal([[p["off"], p["on"]] for p in j["hottest"]], [pixels[at] for at in want], what)


def far_times(folder):
    """One event, and events at the ends of what a file can hold."""
    path = folder / "a.bs3"
    j = inspect(recording(path, [(1, 2, 1, 5)]), "--bins", 4)
    equal((j["events"], j["window"]["duration_us"], [b["on"] for b in j["bins"]]), (1, 1, [1, 0, 0, 0]),
          "one event")
    for width, height, t in ((4095, 4095, (1 << 24) - 1), (0, 4095, 0), (4095, 0, 1)):
        j = inspect(recording(path, [(0, 0, 0, 0), (width, height, 1, t)]))
        equal((j["width"], j["height"], j["events"]), (width + 1, height + 1, 2), "a far corner")
        snnq("inspect", path, "-o", folder / "a.png", "--frames", 64)
        snnq("inspect", path, "--frames", 64)


# ---- pictures

def cells(image, left, top, scale, width, height):
    """Colours of cells, each of one colour."""
    found = []
    for y in range(height):
        for x in range(width):
            dots = {image[top + y * scale + j][left + x * scale + i]
                    for i in range(scale) for j in range(scale)}
            equal(len(dots), 1, f"colours of cell {x},{y}")
            found.append(dots.pop())
    return found


def check_cells(got, rows, width, flip=False, height=16):
    """Cells without events are dark, others blue, red, or both."""
    for at, colour in enumerate(got):
        y = at // width
        kinds = {p for x, row, p, _ in rows if (x, height - 1 - row if flip else row) == (at % width, y)}
        r, g, b = (c - d for c, d in zip(colour, DARK))
        equal((r > 0 or g > 0 or b > 0, b > r, min(r, b) > 100),
              (bool(kinds), kinds == {1}, kinds == {0, 1}), f"cell {at % width},{y}: {colour}")


def picture_rows():
    return [(i, i, 1, 10 * i) for i in range(16)] + [(i, 3, 0, 200) for i in range(16)] + \
           [(8, 12, p, 300) for p in (0, 1)]


def png(folder):
    """A PNG has the events at their places, in the colours of their polarities."""
    rows, out = picture_rows(), folder / "a.png"
    snnq("inspect", recording(folder / "a.bs3", rows), "--frames", 1, "-o", out)
    image = read_png(out.read_bytes())
    equal(len(image[0]), 640 + 48, "width")
    check_cells(cells(image, 24, 80, 40, 16, 16), rows, 16)
    snnq("inspect", event_stream(folder / "a.es", 16, 16, rows), "--frames", 1, "-o", out)
    check_cells(cells(read_png(out.read_bytes()), 24, 80, 40, 16, 16), rows, 16, flip=True)
    snnq("inspect", folder / "a.bs3", "--frames", 1, "--polarity", "off", "-o", out)
    check_cells(cells(read_png(out.read_bytes()), 24, 80, 40, 16, 16), [r for r in rows if not r[2]], 16)
    # two frames side by side: each has its half of the time
    snnq("inspect", folder / "a.bs3", "--frames", 2, "-o", out)
    image = read_png(out.read_bytes())
    for frame in (0, 1):
        seen = [r for r in rows if r[3] * 2 // 301 == frame]
        check_cells(cells(image, 24 + frame * (640 + 16), 80, 40, 16, 16), seen, 16)


def svg(folder):
    """An SVG is XML, with the same cells and with names that XML must escape."""
    rows = picture_rows()
    path = recording(folder / 'a<b>&"c".bs3', rows)
    for name in ("a.svg", "a.SVG"):
        snnq("inspect", path, "--frames", 1, "-o", folder / name)
        tree = xml.parse(folder / name).getroot()
        equal(tree.tag, SVG + "svg", "root")
        equal(tree.find(SVG + "text").text, path.name, "title")
        image = tree.find(SVG + "image")
        equal((image.get("width"), image.get("height")), ("640", "640"), "size of the frame")
        kind, data = image.get("href").split(",")
        equal(kind, "data:image/png;base64", "kind of the frame")
        dots = read_png(base64.b64decode(data, validate=True))
        check_cells([dot for line in dots for dot in line], rows, 16)
    # bars are as high as the bins' share of the fullest
    bars = [r for r in tree.iter(SVG + "rect") if r.get("width") == "4"]
    equal(max(int(r.get("height")) for r in bars), 160, "highest bar")


def thin(folder):
    """Sensors of a row, a column or one element: frames that are seen, with times below all."""
    for width, height in ((128, 1), (1, 128), (1280, 1), (1, 720), (1, 1), (2, 300)):
        rows = [(i % width, i % height, i & 1, 1000 * i) for i in range(3000)]
        path = event_stream(folder / "a.es", width, height, rows)
        snnq("inspect", path, "-o", folder / "a.svg")
        text = (folder / "a.svg").read_text()
        sizes = [(int(w), int(h)) for w, h in re.findall(r'<image [^>]*width="(\d+)" height="(\d+)"', text)]
        need(len(sizes) >= 4 and min(w for w, _ in sizes) >= 90 and min(h for _, h in sizes) >= 24, f"{width} x {height}: {sizes}")
        begins = [float(t) for t in re.findall(r">(\d+\.\d\d) s(?:  [^<]* events)?<", text)]
        need(len(begins) >= len(sizes) + 2, f"{width} x {height}: {begins}")
        snnq("inspect", path, "-o", folder / "a.png")
        image = read_png((folder / "a.png").read_bytes())
        equal((len(image[0]), len(image)), tuple(map(int, re.search(r'width="(\d+)" height="(\d+)"', text).groups())), "both kinds")
        for options, variables in (((), {"LC_ALL": "C"}), ((), {"LC_ALL": "C.UTF-8"}), (("--color", "always"), {"LC_ALL": "C.UTF-8"})):
            out = snnq("inspect", path, *options, env={**os.environ, "COLUMNS": "80", **variables})[0]
            need(len(re.findall(r"\b\d\.\d\d s  \d+", out)) >= 4, f"{width} x {height}: times of frames: {out}")


def letters(folder):
    """Each letter of a name has a shape of its own; what is none of ASCII is a box."""
    shapes = []
    for name in ("".join(map(chr, range(33, 80))).replace("/", ""), "".join(map(chr, range(80, 127))),
                 "ü "):
        recording(folder / (name + ".bs3"), [(49, 49, 1, 0)])
        snnq("inspect", folder / (name + ".bs3"), "--frames", 1, "-o", folder / "a.png")
        image = read_png((folder / "a.png").read_bytes())
        for i in range(len(name)):
            shapes.append(tuple(image[24 + 2 * y][24 + 12 * i + 2 * x][0] > 100
                                for y in range(8) for x in range(5)))
    equal(len(set(shapes)), 93 + 2, "shapes")
    equal(sum(shapes[-1]), 0, "dots of a blank")
    equal("".join(".#"[dot] for dot in shapes[ord("T") - 80 + 46]), "#####" + "..#.." * 6 + ".....", "T")
    equal("".join(".#"[dot] for dot in shapes[-2]), "#####" + "#...#" * 5 + "#####.....", "a box")


def large(folder):
    """A sensor that is larger than a frame is shrunk: no event is lost."""
    rows = [(x, y, 1, 5) for x, y in ((0, 0), (2879, 0), (0, 1439), (2879, 1439), (1440, 720))]
    out = folder / "a.png"
    snnq("inspect", recording(folder / "a.bs3", rows), "--frames", 1, "-o", out)
    image = read_png(out.read_bytes())
    equal(len(image[0]), 1440 + 48, "width")
    lit = {(x, y) for y in range(720) for x in range(1440) if image[80 + y][24 + x] != DARK}
    equal(lit, {(0, 0), (1439, 0), (0, 719), (1439, 719), (720, 360)}, "lit cells")


# ---- terminals

def long(folder):
    """A recording that memory does not hold is drawn as the same events in a short one are."""
    rows = random_rows(40000, 50, 40, 2000000)
    short = folder / "short.bs3"
    recording(short, rows)
    size = ("--width", 50, "--height", 40)
    every = 750
    with open(folder / "long.bs3", "wb") as f:
        f.write((every + 1) * short.read_bytes())  # 30 million, 480 MB as events
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))}
    want = json.loads(snnq("inspect", short, "--json", *size)[0])
    got = json.loads(snnq("inspect", folder / "long.bs3", "--json", *size, **limit)[0])
    equal(got["events"], (every + 1) * want["events"], "events")
    for key in ("bins", "hottest"):
        equal([(p["on"], p["off"]) for p in got[key]],
              [((every + 1) * p["on"], (every + 1) * p["off"]) for p in want[key]], key)
    for name in ("short", "long"):
        snnq("inspect", folder / f"{name}.bs3", "-o", folder / f"{name}.svg", *size, **limit)
        snnq("inspect", folder / f"{name}.bs3", *size, **limit)


def columns_of(line):
    """What a line takes of a terminal."""
    line = re.sub(r"\x1b\[[0-9;]*m", "", line)
    need(not re.search(r"[\x00-\x1f\x7f]", line), f"controls: {line!r}")
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def drawn(path, *options, **variables):
    env = {"PATH": os.environ["PATH"], **variables}
    out = snnq("inspect", path, "--top", 0, *options, env=env)[0]
    return out.encode(errors="surrogateescape").decode().splitlines()[2:]


def widths(folder):
    """Drawings fit into any width, with and without colours and UTF-8."""
    for size in ((34, 34), (346, 260), (1, 1), (3, 4000), (4000, 3)):
        rows = [(size[0] - 1, size[1] - 1, 1, 10 * i) for i in range(50)] + [(0, 0, 0, 600)]
        path = recording(folder / "a.bs3", rows)
        for width in (16, 20, 39, 133):
            for colour in ((), ("--color", "always")):
                for locale in ({"LANG": "C.UTF-8"}, {"LANG": "C"},
                               {"LANG": "C.UTF-8", "LC_ALL": "C", "COLORTERM": "truecolor"}):
                    lines = drawn(path, *colour, COLUMNS=str(width), **locale)
                    worst = max(columns_of(line) for line in lines)
                    need(worst <= width, f"{size} at {width} {colour} {locale}: {worst} columns")
                    equal(any("\x1b" in line for line in lines), bool(colour), "colours")
                    need("C" not in locale.values() or all(map(str.isascii, lines)), "ASCII")
                    equal(lines[-1].split()[0], "0", "the chart's times")
    for width, want in (("1", 16), ("0", 16), ("x", 80), ("", 80), ("99999999999", 80)):
        equal(max(map(columns_of, drawn(path, COLUMNS=width))), want, f"COLUMNS={width}")


def frames(folder):
    """A frame in a terminal has the cells of its events."""
    rows = [(i, i, 1, 1000 * i) for i in range(20)]
    path = recording(folder / "a.bs3", rows)
    lines = drawn(path, "--frames", 1, LANG="C.UTF-8", COLUMNS="60")
    equal(lines[1], "┌" + "─" * 20 + "┐", "edge")
    equal([line[1:-1] for line in lines[2:12]],
          [" " * 2 * i + "██" + " " * (18 - 2 * i) for i in range(10)], "cells")
    lines = drawn(path, "--frames", 2, LANG="C", COLUMNS="60")
    equal([line.count("@") for line in lines[2:12]], [2] * 10, "cells of two frames")
    equal(lines[2].index("@"), 1, "first half")
    need(lines[11].rindex("@") > 22, "second half")


def on_terminal(folder):
    """On a terminal there are colours and its width; NO_COLOR and dumb terminals have none."""
    path = recording(folder / "a.bs3", random_rows())
    for variables, options, coloured in (
            ({"TERM": "xterm"}, (), True), ({"TERM": "dumb"}, (), False), ({}, (), False),
            ({"TERM": "xterm", "NO_COLOR": "1"}, (), False), ({"TERM": "xterm"}, ("--color", "never"), False),
            ({"TERM": "xterm", "NO_COLOR": ""}, (), True)):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 47, 0, 0))
        child = subprocess.Popen([SNNQ, "inspect", path, "--top", "0", *options], stdout=slave,
                                 env={"COLUMNS": "200", "LANG": "C.UTF-8", **variables})
        os.close(slave)
        out = b""
        try:
            while piece := os.read(master, 65536):
                out += piece
        except OSError:  # the other end is closed
            pass
        os.close(master)
        equal(child.wait(), 0, "exit")
        lines = out.decode().replace("\r\n", "\n").splitlines()
        equal(max(map(columns_of, lines[2:])), 47, "columns")
        equal(b"\x1b[38;5;" in out, coloured, f"colours with {variables} {options}")


# ---- refusals

def refusals(folder):
    """What cannot be done is refused before or without a file."""
    path = recording(folder / "a.bs3", random_rows())
    for option, value, says in (
            ("--from", "20", "expected a time as 20ms"), ("--from", "ms", "expected a time"),
            ("--to", "-1s", "expected a time"), ("--to", "1e99s", "expected a time"),
            ("--from", "nans", "expected a time"), ("--to", "0s", "expected a time after --from"),
            ("--to", "1 s", "expected a time"), ("--polarity", "up", "expected on, off or both"),
            ("--color", "blue", "expected auto, always or never"), ("--frames", "65", "1..64"),
            ("--bins", "0", "1..100000"), ("--output", folder / "a.gif", "FILE.png or FILE.svg"),
            ("--output", folder / "png", "FILE.png or FILE.svg")):
        refused("inspect", path, option, value, code=2, says=(option, says))
    refused("inspect", path, "--from", "20ms", "--to", "20ms", code=2, says="--to: expected a time after")
    refused("inspect", path, "--from", "200ms", says="begins behind the last event")
    (folder / "empty.bs3").write_bytes(b"")
    refused("inspect", folder / "empty.bs3", "-o", folder / "b.png", says="has no events")
    refused("inspect", folder / "none.bs3", says="none.bs3")
    wide = folder / "a.dat"
    wide.write_bytes(struct.pack("<II", 0, 16383 << 14 | 16383))
    refused("inspect", wide, "-f", "dat", says="at most 16777216 pixels; --width and --height cut it")
    wide.write_bytes(wide.read_bytes() + struct.pack("<II", 1, 5 << 14 | 6 | 1 << 28))
    j = inspect(wide, "-f", "dat", "--width", 640, "--height", 480)
    equal((j["events"], j["dropped"]), (1, 1), "with the advice taken")
    linked = folder / "same.png"
    os.symlink("a.bs3", linked)
    refused("inspect", path, "-o", linked, code=2, says="expected another file to write")
    refused("inspect", path, "-o", folder / "no" / "a.png", code=1, says="cannot be written")
    equal([p.name for p in folder.iterdir() if p.suffix in (".png", ".svg")], ["same.png"], "files")
    need(path.read_bytes()[:7] == recording(folder / "b.bs3", random_rows()).read_bytes()[:7], "input")


if __name__ == "__main__":
    sys.exit(main(figures, far_times, png, svg, thin, letters, large, long, widths, frames, on_terminal, refusals))
