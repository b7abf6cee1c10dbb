#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Options do what they say or are refused: those that a method does not use, numbers out of range,
targets that cannot be met; and what calibration has too little of is said."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys

from common import DEMO, ROOT, SNNQ, equal, event_stream, main, need, refused, snnq
from outputs import slayer
from quality import CLASSES, RECORDINGS, prepare

MODEL = DEMO / "digits.snnq"
RECORDING = DEMO / (DEMO / "test.tsv").read_text().split("\t")[0]


def quantize(folder, *options):
    """The command line of quantize with a calibration list."""
    return ("quantize", folder / "float.snnq", "--calib", folder / "list.tsv", *options)


def unused(folder):
    """Options that the method does not use are refused by name."""
    prepare(folder, 1)
    out, grid = ("-o", folder / "q"), ("--default", "uniform:4")
    plain = ("quantize", folder / "float.snnq", *out, *grid)
    of_searches = (("--target-bits", 2), ("--target-bytes", 2000), ("--target-energy", 3),
                   ("--max-drop", 1), ("--max-drop", 0), ("--schemes", "uniform"),
                   ("--also", f"{folder}/r=2"), ("--journal", folder / "j"),
                   ("--cache", folder / "c"), ("--merge", folder / "j"), ("--report", folder / "r"),
                   ("--shard", "1/2"))
    for option in of_searches:
        for method in ("round", "compensate"):
            journal = ("--journal", folder / "j") if option[0] == "--shard" else ()
            error = refused(*quantize(folder, *out, *grid), "--method", method, *option, *journal,
                            code=2, says=("expected a search", method))
            need(option[0] in error or journal, f"{option[0]} is named: {error}")
    for option in (("--schemes", "uniform"), ("--journal", folder / "j"), ("--merge", "j"), ("--cache", folder / "c"),
                   ("--report", folder / "r"), ("--also", f"{folder}/r=2")):
        for command in (plain, quantize(folder, *out, *grid)):
            refused(*command, *option, code=2, says=(option[0], "expected a search"))
    for name in ("spikes", "traces"):
        refused(*plain, "--moments", name, code=2,
                says=("--moments", "expected compensate or search, found round"))
    shard = quantize(folder, "--journal", folder / "j", "--shard", "1/2")
    for option in (*of_searches[:5], ("--also", f"{folder}/r=2"), ("--report", folder / "r"), out,
                   ("--json",)):
        refused(*shard, *option, code=2, says="has no use with --shard")
    refused(*plain, "--layer", "fc1=odd:3", "--layer", "fc1=pot:3", code=2, says="fc1 twice")
    refused("eval", MODEL, "--data", DEMO / "test.tsv", "--counts", code=2, says="--counts needs")
    refused("validate", "--json", "--verbose", code=2, says="--verbose has no use")
    refused("energy", MODEL, "--data", DEMO / "test.tsv", "--layers", "--json", code=2,
            says="--layers has no use")
    for what in (MODEL, "sim"):
        refused("info", what, "-f", "bs2", code=2, says="--format: expected a recording")
    for option in ("--width", "--height"):
        refused("import", folder, "-o", folder / "q", option, 8, code=2, says="go together")
    equal([p.name for p in folder.iterdir() if p.name in "qrj"], [], "files")


def ranges(folder):
    """Numbers that are none, or do not fit where they go, are refused with what is expected."""
    prepare(folder, 1)
    search = quantize(folder, "-o", folder / "q")
    for value in ("0", "-1", "nan", "inf", "1e999", "0x2", " 2", "2 ", "2,5", "", "33", "1e300"):
        refused(*search, "--target-bits", value, code=2, says=("--target-bits", f'"{value}"'))
        refused(*search, "--target-bits", 3, "--also", f"{folder}/r={value}", code=2, says="also")
        if value not in ("2,5", "33", "1e300"):
            refused(*search, "--target-energy", value, code=2, says=("energy", f'"{value}"'))
    for value in ("-1", "100.5", "nan", "1%", ""):
        refused(*search, "--max-drop", value, code=2, says=("--max-drop", "at most 100"))
    for value in ("0", "1.5", "1e6", "-1", "99999999999999999999", "9007199254740993", ""):
        refused(*search, "--target-bytes", value, code=2, says="--target-bytes")
    for value in ("0/2", "3/2", "-1/2", "1/-1", "4294967297/4294967298", "1", "1/2/3", " 1/2",
                  "1/2x", "/", "1/"):
        refused(*quantize(folder, "--journal", folder / "j"), "--shard", value, code=2,
                says=("--shard", "expected I/N"))
    for value in ("uniform:4294967300", "uniform:18446744073709551620", "uniform: 4", "uniform:+4",
                  "uniform:-18446744073709551612", "uniform:4x", "uniform:"):
        refused(*search, "--default", value, code=2, says="expected SCHEME:BITS")
    for value in ("65536", "65546", "4294967297", "-1", "+1", " 1", "1.0", ""):
        for option in ("--width", "--height"):
            for command in (("run", MODEL, RECORDING), ("eval", MODEL, "--data", DEMO / "test.tsv"),
                            ("energy", MODEL, "--data", DEMO / "test.tsv"),
                            ("import", folder, "-o", folder / "q")):
                refused(*command, option, value, code=2, says=(option, "1..65535"))
    refused("import", folder, "-o", folder / "q", "--polarities", 256, code=2, says="1..255")
    for name in ("sim:cores=0", "sim:cores=-1", "sim:cores=4294967297", "sim:cores= 1",
                 "sim:cores=1x", "sim:cores=", "sims", "sim:"):
        refused("info", name, code=2, says="expected sim, sim:cores=N")
    need(not (folder / "q").exists(), "nothing is written")


def words(folder):
    """What is no option, is given twice, or lacks its value, is named as it was written."""
    model = ("eval", MODEL, "--data", DEMO / "test.tsv", "-d", "sim")
    for more, says in (
            (("-x",), "-x: unknown option"), (("-xj",), "-x: unknown option"),
            (("-fx", "-y"), "-y: unknown option"), (("--none",), "--none: unknown option"),
            (("--none=3",), "--none=3: unknown option"), (("--",), "argument missing"),
            (("--wid",), "--wid: expected a value"), (("-f",), "-f: expected a value"),
            (("--width",), "--width: expected a value"), (("--dat", 3), "--dat: several options"),
            (("--json=1",), "--json=1: expected no value"),
            (("--help=1",), "--help=1: expected no value"),
            (("--data", "a", "--data", "a"), "--data: given twice"),
            (("-d", "sim", "--device", "auto"), "--device: given twice"),
            (("--width", 3, "--width", 3), "--width: given twice")):
        refused("eval", *more, code=2, says=(says, "usage: snnq eval"))
    snnq(*model, "--limit", 1, "--json", "--json")
    for verb, option in (("eval", "limit"), ("eval", "threads"), ("run", "width"),
                         ("run", "queue"), ("energy", "height"), ("inspect", "frames"),
                         ("inspect", "bins"), ("import", "steps"), ("import", "planes"),
                         ("convert", "width"), ("bench", "runs"), ("bench", "streams"),
                         ("monitor", "interval"), ("monitor", "count"), ("top", "interval"),
                         ("quantize", "threads"), ("compare", "threads")):
        refused(verb, f"--{option}", 0, code=2, says=(f"--{option}: expected a number 1..", '"0"'))
    path = event_stream(folder / "a.es", 4, 4, [(1, 1, 1, 5), (2, 2, 0, 9)])
    equal(json.loads(snnq("inspect", path, "--top", 0, "--json")[0])["hottest"], [], "none named")


def devices(folder):
    """What is no device is called what it is, by every verb that opens one; nobody waits for a pipe."""
    os.mkfifo(folder / "pipe")
    (folder / "file").write_text("x")
    (folder / "empty").write_text("")
    os.symlink("pipe", folder / "link")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(folder / "socket"))
    for name, kind in (("pipe", "a pipe"), ("file", "a regular file"), ("empty", "a regular file"), ("socket", "a socket"),
                       (".", "a folder"), ("link", "a pipe")):
        for verb in (("run", MODEL, RECORDING), ("eval", MODEL, "--data", DEMO / "test.tsv"), ("bench", MODEL), ("validate",)):
            refused(*verb, "-d", folder / name, code=3, timeout=20,
                    says=f"device {folder / name}: is {kind}, expected a device node of snnq, or sim")
    for name, kind in (("pipe", "a pipe"), ("socket", "a socket"), (".", "a folder"), ("link", "a pipe")):
        refused("quantize", DEMO / "digits-float.snnq", "-o", folder / "q", "--default", "uniform:4", "-d", folder / name, code=3,
                timeout=20, says=f"device {folder / name}: is {kind}")
    refused("quantize", DEMO / "digits-float.snnq", "-o", folder / "q", "--default", "uniform:4", "-d", folder / "file", code=4,
            says="file: expected a device, or what snnq info DEVICE --json writes")
    refused("run", MODEL, RECORDING, "-d", folder / "none", code=3, says="none: No such file or directory")
    refused("run", MODEL, RECORDING, "-d", "/dev/null", code=3, says="/dev/null: another driver's node, expected snnq")


def instructions(folder):
    """An instruction set that there is none of is wrong usage, of every verb that computes."""
    one = folder / "one.tsv"
    one.write_text(f"{RECORDING}\t0\n")
    grids = ("quantize", DEMO / "digits-float.snnq", "-o", folder / "q", "--calib", one)
    for name in ("", "foo", "AVX2", "generic "):
        for verb in (("run", MODEL, RECORDING), ("eval", MODEL, "--data", one), ("compare", MODEL, MODEL, "--data", one),
                     ("energy", MODEL, "--data", one), ("bench", MODEL), ("bench", "--peak"), ("bench", "--peak", "--json"),
                     ("validate",), ("info", "sim"), (*grids, "--default", "uniform:4"), (*grids, "--target-bits", 3)):
            refused(*verb, code=2, env={**os.environ, "SNNQ_ISA": name},
                    says=("SNNQ_ISA: expected an instruction set that this machine has (generic", f'found "{name}"'))
    need(not (folder / "q").exists(), "nothing is written")
    snnq("run", MODEL, RECORDING, env={**os.environ, "SNNQ_ISA": "generic"})
    snnq("info", MODEL, env={**os.environ, "SNNQ_ISA": "foo"})


def targets(folder):
    """Targets that no choice meets are refused in the user's units, before networks are run."""
    prepare(folder, 1)
    journal = folder / "journal"
    for option, value, says in (
            ("--target-bits", 0.1, "target of 0.1 bits: expected at least 1.000,"),
            ("--target-bits", 0.9999, "expected at least 1.000,"),
            ("--target-bytes", 10, "bytes besides weights"),
            ("--target-bytes", None, "bytes: expected at least"),
            ("--target-energy", 1e-7, "uJ")):
        if value is None:
            error = refused(*quantize(folder, "-o", folder / "q", "--target-bytes", 10), code=1)
            value = int(re.search(r"has (\d+) bytes besides", error).group(1)) + 1
        journal.unlink(missing_ok=True)
        refused(*quantize(folder, "-o", folder / "q", "--journal", journal, option, value), code=1,
                says=(str(folder / "float.snnq"), says))
        equal(journal.read_text().count("\n"), 1, "lines of a journal without evaluations")
    error = refused(*quantize(folder, "-o", folder / "q", "--target-bits", 3, "--also",
                              f"{folder}/r=0.5"), code=1, says="target of 0.5 bits")
    need("allocation" not in error, error)
    need(not (folder / "q").exists(), "no model")
    least = re.search(r"at least ([0-9.]+)", error).group(1)
    snnq(*quantize(folder, "-o", folder / "q", "--target-bits", least))


def no_change(folder):
    """--max-drop 0 means that no class may change."""
    prepare(folder, 2)
    snnq(*quantize(folder, "-o", folder / "q", "--max-drop", 0))
    want, got = (json.loads(snnq("eval", folder / name, "--data", folder / "list.tsv", "-d", "sim",
                                 "--json")[0])["predictions"] for name in ("float.snnq", "q"))
    equal([p["class"] for p in got], [p["class"] for p in want], "classes")
    equal(len(want), RECORDINGS, "recordings")


def doubts(folder):
    """Calibration with few, repeated, silent or one-sided recordings is warned of."""
    prepare(folder, 1)
    lines = (folder / "list.tsv").read_text().splitlines()
    out = ("-o", folder / "q", "--default", "uniform:4")
    for method in ("round", "compensate"):
        for count, says in ((1, "1 different recording;"), (5, "5 different recordings;")):
            (folder / "list.tsv").write_text("\n".join(lines[:count]))
            error = snnq(*quantize(folder, *out, "--method", method))[1]
            need(says in error, error)
    (folder / "list.tsv").write_text(lines[0])
    need(f"finds 1 of {CLASSES} classes" in snnq(*quantize(folder, *out))[1], "one class")
    (folder / "list.tsv").write_text("\n".join(lines[:2] * 20))
    error = snnq(*quantize(folder, *out))[1]
    need("2 different recordings;" in error and "38 of 40 recordings for calibration repeat others"
         in error, error)
    (folder / "silent.bs2").write_bytes(bytes([200, 200, 128, 0, 1]))
    (folder / "list.tsv").write_text("\n".join(lines + ["silent.bs2"]))
    need("1 of 17 recordings for calibration have no event" in
         snnq(*quantize(folder, *out))[1], "a silent recording")
    (folder / "list.tsv").write_text("\n".join(lines[:1]))
    need("1 different recording;" in
         snnq(*quantize(folder, "-o", folder / "q", "--target-bits", 3))[1], "warning of a search")
    # recordings that differ, enough and of all classes: no word
    demo = ("quantize", DEMO / "digits-float.snnq", "-o", folder / "q", "--method", "round",
            "--default", "uniform:4", "--calib", DEMO / "calib.tsv")
    need("warning" not in snnq(*demo)[1], "the demo's calibration")


def saturation(folder):
    """Scores do not leave 32 bits, whatever the grid of the head, its inputs and its bias."""
    out = folder / "q.snnq"
    for scheme, bits in (("uniform", 8), ("odd", 8), ("pot", 4), ("pot", 5), ("apot", 5)):
        for calib in ((), ("--calib", DEMO / "calib.tsv")):
            snnq("quantize", DEMO / "digits-float.snnq", "-o", out, "--default", "uniform:8",
                 "--layer", f"head={scheme}:{bits}", "--method", "round", *calib)
            j = json.loads(snnq("eval", out, "--data", DEMO / "test.tsv", "-d", "sim", "--limit",
                                40, "--json")[0])
            largest = max(abs(s) for p in j["predictions"] for s in p["scores"])
            need(largest < 2**31 - 1, f"head={scheme}:{bits}: a score of {largest}")


def dropped(folder):
    """Events outside of the sensor are counted in run, eval and energy, in text and JSON."""
    one = folder / "one.tsv"
    one.write_text(f"{RECORDING}\t0\n{RECORDING}\t0\n")
    sensor = ("--width", 10, "--height", 10)
    all_events = json.loads(snnq("info", RECORDING, "--json")[0])["events"]
    lost = json.loads(snnq("run", MODEL, RECORDING, "-d", "sim", "--json", *sensor)[0])
    lost = lost["dropped_events"]
    need(0 < lost < all_events, f"{lost} of {all_events} dropped")
    need(f"dropped {lost}\n" in snnq("run", MODEL, RECORDING, "-d", "sim", *sensor)[0], "run")
    for verb, base in (("eval", ("eval", MODEL, "--data", one, "-d", "sim")),
                       ("energy", ("energy", MODEL, "--data", one))):
        need(f"{2 * lost} events dropped" in snnq(*base, *sensor)[0], f"text of {verb}")
        need("dropped" not in snnq(*base)[0], f"text of {verb} without losses")
        j = json.loads(snnq(*base, "--json", *sensor)[0])
        equal((j if verb == "eval" else j["models"][0])["dropped_events"], 2 * lost, verb)


def texts(folder):
    """Texts that are no UTF-8, or too long, get into no document and no model."""
    net = os.fsencode(folder) + b"/caf\xe9"
    os.rename(slayer(folder), net)
    snnq("import", os.fsdecode(net), "-o", folder / "q.snnq")
    j = json.loads(snnq("info", folder / "q.snnq", "--json")[0])
    equal(j["name"], "caf?", "name of the model")
    for name in ("x" * 64, os.fsdecode(b"caf\xe9")):
        refused("import", os.fsdecode(net), "-o", folder / "r", "--name", name, code=2,
                says="name: expected UTF-8 of at most 63 bytes")
    for name in ("x" * 63, "café"):
        snnq("import", os.fsdecode(net), "-o", folder / "r", "--name", name)
        equal(json.loads(snnq("info", folder / "r", "--json")[0])["name"], name, "--name")
    data = MODEL.read_bytes()
    for bad in (b"d\xe9gits", b"di\xc3its", b"di\xffits", b"d\xed\xa0\x80ts"):
        need(len(bad) in (6, 7) and data.count(b"digits") > 0, "a name to change")
        (folder / "m.snnq").write_bytes(data.replace(b"digits", bad[:6], 1))
        refused("info", folder / "m.snnq", says="the header is not UTF-8")
    (folder / "constants").write_bytes(b'{"name": "caf\xe9", "constants": {}}')
    refused("energy", MODEL, "--data", DEMO / "test.tsv", "--limit", 1, "--constants",
            folder / "constants", says="not UTF-8")
    (folder / "constants").write_text('{"name": "a\\u001b[31m\\u009bb", "constants": {}}')
    for option in ((), ("--json",)):
        out = snnq("energy", MODEL, "--data", DEMO / "test.tsv", "--limit", 1, "--constants",
                   folder / "constants", *option)[0]
        need(all(c in "\t\n" or c.isprintable() for c in out), f"control characters: {out!r}")


def elsewhere(folder):
    """validate finds its vectors from any folder, or says what to install."""
    j = json.loads(snnq("validate", "-d", "sim", "--json", cwd=folder)[0])
    need(j["failed"] == 0 and j["passed"] > 100, "passed")
    for place in ("share/snnq", "tests/golden"):
        root = folder / place.replace("/", "-")
        (root / "bin").mkdir(parents=True)
        (root / place).mkdir(parents=True)
        shutil.copy(SNNQ, root / "bin" / "snnq")
        shutil.copy(ROOT / "tests" / "golden" / "golden.bin", root / place)
        lib = os.path.dirname(os.path.dirname(os.path.realpath(SNNQ))) + "/libsnnq"
        for done in (True, False):
            result = subprocess.run([root / "bin" / "snnq", "validate", "-d", "sim"], cwd=folder,
                                    env={**os.environ, "LD_LIBRARY_PATH": lib}, check=False,
                                    capture_output=True, timeout=60)
            if done:
                equal(result.returncode, 0, f"{place}: {result.stderr!r}")
                (root / place / "golden.bin").unlink()
            elif not os.path.exists("/usr/local/share/snnq/golden.bin"):
                equal(result.returncode, 4, place)
                need(b"install" in result.stderr and b"--vectors" in result.stderr, "advice")


if __name__ == "__main__":
    sys.exit(main(unused, ranges, words, devices, instructions, targets, no_change, doubts, saturation, dropped, texts,
                  elsewhere))
