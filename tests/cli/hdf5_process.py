#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HDF5 files on which the library crashes or stands still, and what else may become of the process
that it runs in: the program names the file and goes on. Callers in any state are served."""
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys

import h5py
import numpy as np

import nir
from common import DEMO, SNNQ, equal, main, need, refused, snnq

HELPER = "snnq-hdf5"
BUILT = pathlib.Path(SNNQ).resolve().parents[1] / "libsnnq"


def graph(folder):
    """A NIR graph of all nodes."""
    path = folder / "good.nir"
    nir.write(path, nir.nodes(np.random.default_rng(1)))
    return path


def damaged(folder, at, value):
    """The same with another byte in the heap of its strings of variable length."""
    data = bytearray(graph(folder).read_bytes())
    data[data.index(b"GCOL") + at] = value
    path = folder / "bad.nir"
    path.write_bytes(data)
    return path


def fails(path, out, says, **options):
    """It is not imported: one line with the file and a text, and no model."""
    refused("import", path, "-o", out, "--steps", 8, says=(f"{path.name}: ", says), **options)
    need(not out.exists(), f"no model: {says}")


def crashes(folder):
    """Sizes in a file that lead the library outside its memory."""
    for at in (25, 29, 31, 53):
        fails(damaged(folder, at, 0xff), folder / "out", "bad.nir: ")


def stands_still(folder):
    """A file on which the library comes to no end; the process has a second of the processor."""
    def little_time():
        resource.setrlimit(resource.RLIMIT_CPU, (1, 20))

    for at, value in ((8, 0x7f), (9, 0x40)):
        fails(damaged(folder, at, value), folder / "out", "bad.nir: ", preexec_fn=little_time)


def with_helper(folder, script, name=HELPER):
    """The environment in which the library finds another program beside itself."""
    beside = folder / "beside"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    for file in BUILT.glob("libsnnq*.so.0"):
        shutil.copy(file, beside / file.name)
    if script:
        (beside / name).write_text(f"#!/bin/sh\n{script}\n")
        (beside / name).chmod(0o755)
    return {**os.environ, "LD_LIBRARY_PATH": str(beside)}


def other_ends(folder):
    """The process is killed, says nothing, half of it, too much or nonsense, or does not end."""
    path, real = graph(folder), BUILT / HELPER
    for script, says in (
            ("kill -9 $$", "the HDF5 library failed on this file (signal 9, Killed)"),
            ("kill -SEGV $$", "the HDF5 library failed on this file (signal 11, Segmentation fault)"),
            ("kill -XCPU $$", "the HDF5 library came to no end on this file"),
            ("exit 0", "the HDF5 library failed on this file"),
            ("exit 12", "the HDF5 library failed on this file (Cannot allocate memory)"),
            ("exit 7", "expected at most 65536 objects"),
            (f"{real} \"$@\" | head -c 3000", "the HDF5 library failed on this file"),
            ("exec >&-; exec sleep 100", "the HDF5 library failed on this file"),
            ("cat /dev/zero", "found no head of an object"),
            ("printf 'snq5%04096d' 0; exec sleep 100", "found no head of an object")):
        fails(path, folder / "out", says, env=with_helper(folder, script), timeout=20)
    snnq("import", path, "-o", folder / "out", "--steps", 8, env=with_helper(folder, f"exec {real} \"$@\""))


def missing(folder):
    """A program that is not there, or lacks its library, is no fault of the file."""
    path, model, out, events = graph(folder), folder / "model", folder / "out", folder / "e.h5"
    snnq("import", path, "-o", model, "--steps", 8)
    with h5py.File(events, "w") as f:
        for name in "txyp":
            f[f"events/{name}"] = np.arange(4) // 2
    snnq("info", events)
    cases = [("exit 127", "does not start: is the HDF5 library there?")]
    if not os.path.exists(f"/usr/local/libexec/snnq/{HELPER}"):
        cases.append(("", f"{HELPER}, which reads and writes HDF5: No such file"))
    for script, says in cases:
        env = with_helper(folder, script)
        for verb in (("import", path, "-o", out, "--steps", 8), ("export", model, "-o", out)):
            refused(*verb, code=1, says=(HELPER, says), env=env)
            need(not out.exists(), "no file")
        for verb in (("info", events), ("inspect", events), ("convert", events, folder / "e.raw"),
                     ("run", DEMO / "digits.snnq", events)):
            refused(*verb, code=1, says=("e.h5: ", f"{HELPER}, which "), env=env)


def export_fails(folder):
    """A file that cannot be written is no file."""
    model, out = folder / "model", folder / "out.nir"
    snnq("import", graph(folder), "-o", model, "--steps", 8)
    for script, says in (("exit 12", "Cannot allocate memory"), ("kill -ABRT $$", "signal 6, Aborted"),
                         (f"{BUILT / HELPER} write | head -c 2000", "the HDF5 library failed"),
                         ("cat", "found no head of a file")):
        refused("export", model, "-o", out, says=says, env=with_helper(folder, script))
        equal([p.name for p in folder.iterdir() if p.name.startswith("out")], [], "files that are left")


def any_caller(folder):
    """Callers without usual files, or that ignore what becomes of processes, are served."""
    path, out = graph(folder), folder / "out"
    snnq("import", path, "-o", out, "--steps", 8)
    want = out.read_bytes()

    def close(*files):
        return lambda: [os.close(file) for file in files]

    for name, prepare in (("no input", close(0)), ("no place for errors", close(0, 2)),
                          ("no processes", lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)),
                          ("no signals", lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()))):
        out.unlink()
        done = subprocess.run([SNNQ, "import", path, "-o", out, "--steps", "8"], preexec_fn=prepare, check=False,
                              stdout=subprocess.DEVNULL, timeout=60)
        equal(done.returncode, 0, f"{name}: exit code")
        equal(out.read_bytes(), want, f"{name}: the model")
        done = subprocess.run([SNNQ, "export", out, "-o", folder / "back.nir"], preexec_fn=prepare, check=False,
                              stdout=subprocess.DEVNULL, timeout=60)
        equal(done.returncode, 0, f"{name}: exit code of export")


if __name__ == "__main__":
    sys.exit(main(crashes, stands_still, other_ends, missing, export_fails, any_caller))
