# SPDX-License-Identifier: MIT
"""What the Python tests of the command line share.

A test is a function that raises Failed, or anything else; Skipped where something that it needs is
missing, which its suite has to foresee (may_skip). main() runs those given and prints a line for each. Checks are calls, not assert statements, which PYTHONOPTIMIZE turns off.
"""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

SNNQ = os.path.abspath(os.environ.get("SNNQ", "build/snnq"))
ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "tools" / "train" / "demo"


class Failed(Exception):
    """A check that does not hold."""


class Skipped(Exception):
    """What a test needs is not here."""


def need(condition, text):
    """Fail with a text unless the condition holds."""
    if not condition:
        raise Failed(text)


def equal(got, want, text):
    """Fail unless two values are equal."""
    need(got == want, f"{text}: expected {want!r}, found {got!r}")


def near(got, want, text, error=1e-9):
    """Fail unless two numbers differ by at most a part of the expected one."""
    need(abs(got - want) <= error * max(abs(want), 1e-300),
         f"{text}: expected {want!r}, found {got!r}")


def snnq(*arguments, code=0, timeout=120, **options):
    """Run the program; returns (standard output, standard error) of the expected exit code."""
    done = subprocess.run([SNNQ, *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, check=False, **options)
    out, err = (text.decode(errors="surrogateescape") for text in (done.stdout, done.stderr))
    words = " ".join(map(str, arguments))
    need(done.returncode == code, f"snnq {words}: expected exit {code}, found {done.returncode}: "
                                  f"{err.strip() or out.strip()[-300:]}")
    return out, err


def refused(*arguments, says=(), code=4, **options):
    """The program refuses: one line of error that contains all texts, and no output."""
    out, err = snnq(*arguments, code=code, **options)
    words = " ".join(map(str, arguments))
    equal(out, "", f"snnq {words}: standard output")
    need(err.startswith("snnq: ") and err.count("\n") <= 2, f"snnq {words}: error: {err!r}")
    for text in [says] if isinstance(says, str) else says:
        need(text in err, f"snnq {words}: the error does not say {text!r}: {err.strip()}")
    return err


def catches(process, signal):
    """Wait until a process has a handler for a signal."""
    while True:
        with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
            caught = next(line for line in f if line.startswith("SigCgt")).split()[1]
        if int(caught, 16) >> signal - 1 & 1:
            return
        time.sleep(0.01)


def recording(path, rows):
    """A .bs3 file of rows (x, y, polarity, microseconds)."""
    path.write_bytes(b"".join(
        bytes([x >> 4, (x & 15) << 4 | y >> 8, y & 255, p, t >> 16, t >> 8 & 255, t & 255])
        for x, y, p, t in rows))
    return path


def event_stream(path, width, height, rows):
    """An Event Stream of such rows in the order of time, which count from the bottom."""
    data, now = bytearray(b"Event Stream\x02\0\0\x01" + struct.pack("<HH", width, height)), 0
    for x, y, p, t in rows:
        # a byte of 0xff is 127 microseconds alone, and 126 the most beside an event
        waits = max(t - now, 0) // 127
        data += b"\xff" * waits
        now += 127 * waits
        data += struct.pack("<BHH", (t - now) << 1 | p, x, y)
        now = t
    path.write_bytes(data)
    return path


def member(name, said, held=None, *, deflate=False, more=b"", **local):
    """A member for archive() that is said to be some bytes, and holds them or others, and more behind its stream.

    Its own header says what the directory does, but for @local: packed, bytes or flags."""
    held = said if held is None else held
    coder = zlib.compressobj(wbits=-15)
    stream = (coder.compress(held) + coder.flush() if deflate else held) + more
    packed = len(stream) if deflate else len(said)
    return name.encode(), stream, {"method": 8 * deflate, "crc": zlib.crc32(said), "packed": packed, "bytes": len(said)}, local


def archive(path, *members):
    """A ZIP archive of members as member() makes them, true or not."""
    out, directory = b"", b""
    for name, stream, said, local in members:
        own = {"flags": 0, **said, **local}
        directory += (struct.pack("<4sHHHHIIIIHHHHHII", b"PK\1\2", 20, 20, own["flags"], said["method"], 0, said["crc"],
                                  said["packed"], said["bytes"], len(name), 0, 0, 0, 0, 0, len(out)) + name)
        out += struct.pack("<4sHHHIIIIHH", b"PK\3\4", 20, own["flags"], own["method"], 0, own["crc"], own["packed"], own["bytes"],
                           len(name), 0) + name + stream
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(members), len(members), len(directory), len(out), 0)
    path.write_bytes(out + directory + end)


def main(*tests):
    """Run tests, each in an empty folder of its own; returns the exit status."""
    failed = 0
    print(f"1..{len(tests)}")
    for test in tests:
        name = test.__doc__.splitlines()[0].rstrip(".")
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
            except Skipped as reason:
                print(f"ok {name} # SKIP {reason}", flush=True)
                continue
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok {name}: {error}", flush=True)
                if not isinstance(error, Failed):
                    traceback.print_exc(file=sys.stderr)
                continue
        print(f"ok {name}", flush=True)
    return failed > 0
