#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What is written: complete or not at all, never over what is not a regular file or is read, and
known to be possible before the work. Special files are made here, none of the system is touched."""
import json
import os
import pathlib
import resource
import stat
import subprocess
import sys

import numpy as np

from common import DEMO, SNNQ, Skipped, equal, main, need, refused, snnq
from quality import prepare

RECORDING = DEMO / (DEMO / "test.tsv").read_text().split("\t")[0]
MODEL, FLOAT = DEMO / "digits.snnq", DEMO / "digits-float.snnq"


def slayer(folder):
    """A network to import."""
    (folder / "slayer").mkdir()
    (folder / "slayer" / "network.yaml").write_text(
        "neuron: {type: LOIHI, vThMant: 80, vDecay: 128, iDecay: 1024, wgtExp: 0, refDelay: 1}\n"
        "simulation: {Ts: 1.0, tSample: 10}\n")
    np.save(folder / "slayer" / "fc1.npy", np.arange(24).astype(np.int8).reshape(3, 8))
    return folder / "slayer"


def writers(folder):
    """(name of the output, arguments before it, after it) of all that writes a named file."""
    prepare(folder, 1)
    in_file, calib = folder / "float.snnq", ("--calib", folder / "list.tsv")
    search = (*calib, "--schemes", "ternary", "--target-bits", 3)
    return {
        "round": (("quantize", in_file, "--default", "uniform:4", "-o"), ()),
        "compensate": (("quantize", in_file, *calib, "--default", "uniform:4", "-o"), ()),
        "search": (("quantize", in_file, *search, "-o"), ()),
        "report": (("quantize", in_file, *search, "-o", folder / "q.snnq", "--report"), ()),
        "journal": (("quantize", in_file, *search, "-o", folder / "q.snnq", "--journal"), ()),
        "import": (("import", slayer(folder), "-o"), ()),
    }


def litter(folder):
    return [p.name for p in folder.rglob(".snnq-*")]


def special(folder):
    """Devices, pipes, sockets and folders are refused and stay what they are."""
    nodes = {"pipe": folder / "pipe", "folder": folder / "folder", "device": folder / "device",
             "link": folder / "link"}
    os.mkfifo(nodes["pipe"])
    nodes["folder"].mkdir()
    os.symlink("pipe", nodes["link"])
    try:
        os.mknod(nodes["device"], 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        del nodes["device"]
    for name, (before, after) in writers(folder).items():
        for kind, path in nodes.items():
            mode = path.lstat().st_mode
            refused(*before, path, *after, code=1, timeout=20,
                    says=("is a folder" if kind == "folder" else "is no regular file", str(path)))
            equal(path.lstat().st_mode, mode, f"{name}: type of the {kind}")
    equal(litter(folder), [], "litter")
    need(not (folder / "q.snnq").exists(), "no model beside a report that cannot be written")
    raster = folder / "spikes"
    raster.mkdir()
    os.mkfifo(raster / "conv1.npy")
    refused("run", MODEL, RECORDING, "-d", "sim", "--raster", raster, code=1, timeout=20,
            says="conv1.npy: is no regular file")
    equal([p.name for p in raster.iterdir()], ["conv1.npy"], "rasters")
    refused("run", MODEL, RECORDING, "-d", "sim", "--raster", raster / "conv1.npy", code=1)


def dash(folder):
    """A dash is no file that is written; a file of this name can be."""
    for name, (before, after) in writers(folder).items():
        refused(*before, "-", *after, code=2, says="-: expected the name of a file", cwd=folder)
        if name != "journal":
            snnq(*before, "./-", *after, cwd=folder)
            need((folder / "-").stat().st_size > 99, f"{name}: it is there")
            (folder / "-").unlink()
    need(not (folder / "-").exists(), "no file")


def early(folder):
    """Places that cannot be written are known before recordings are read."""
    for name, (before, after) in writers(folder).items():
        out = snnq(*before, folder / "none" / "x", *after, code=1)[1]
        need("none/x: cannot be written: No such file or directory" in out, f"{name}: {out}")
        need("SQNR" not in out, f"{name}: the work was done: {out}")
        refused(*before, f"{folder}/dir/", *after, code=1, says="dir/")
    error = refused("quantize", folder / "float.snnq", "-o", folder / "q.snnq", "--calib",
                    folder / "list.tsv", "--target-bits", 3, "--also", f"{folder}/none/y=4",
                    code=1, says="none/y: cannot be written")
    need("warning" not in error, "nothing was calibrated")
    need(not (folder / "q.snnq").exists() and not litter(folder), "nothing is left")


def links(folder):
    """Links are followed, also to files that do not exist yet, and keep their targets' modes."""
    for number, (name, (before, after)) in enumerate(writers(folder).items()):
        if name == "journal":
            continue
        there = folder / f"to{number}"
        there.mkdir()
        for at, target in ((folder / f"l{number}", there / "new"),
                           (folder / f"a{number}", there / "new2")):
            os.symlink(target.relative_to(folder) if at.name[0] == "l" else target, at)
            snnq(*before, at, *after)
            need(at.is_symlink() and target.is_file() and target.stat().st_size > 99, name)
        target = there / "new"
        target.write_bytes(b"old")
        target.chmod(0o640)
        snnq(*before, folder / f"l{number}", *after)
        need(target.stat().st_size > 99, f"{name}: through the link to a file")
        equal(stat.S_IMODE(target.stat().st_mode), 0o640, f"{name}: mode")
    loop = folder / "loop"
    os.symlink("loop", loop)
    refused("import", folder / "slayer", "-o", loop, code=1, says="cannot be written")


def one_file(folder):
    """A file is not written twice, nor written and read, under whatever name."""
    prepare(folder, 1)
    source, calib = folder / "float.snnq", folder / "list.tsv"
    search = ("quantize", source, "--calib", calib, "--schemes", "ternary", "--target-bits", 3)
    os.link(source, folder / "hard")
    os.symlink("float.snnq", folder / "soft")
    os.symlink(".", folder / "here")
    contents = {p: p.read_bytes() for p in (source, calib, folder / "0.bs2")}
    for path in (source, folder / "hard", folder / "soft", folder / "here/float.snnq",
                 f"{folder}/./float.snnq", calib, folder / "0.bs2", folder / "here/0.bs2"):
        refused("quantize", source, "-o", path, "--calib", calib, "--default", "uniform:4", code=2,
                says="is read as")
        for option in ("--report", "--journal"):
            refused(*search, "-o", folder / "q", option, path, code=2, says="is read as")
        refused(*search, "-o", folder / "q", "--also", f"{path}=2", code=2, says="is read as")
    refused("quantize", source, "-o", source, "--default", "uniform:4", code=2, says="is read as")
    for a, b in (("q", "q"), ("q", "here/q"), ("q", "./q")):
        for option in ("--report", "--journal"):
            refused(*search, "-o", folder / a, option, f"{folder}/{b}", code=2,
                    says="expected different files")
        refused(*search, "-o", folder / a, "--also", f"{folder}/{b}=2", code=2,
                says="expected different files")
    (folder / "m").write_text("x")
    refused(*search, "-o", folder / "m", "--journal", folder / "j", "--merge", folder / "m", code=2,
            says="is read as")
    for path, content in contents.items():
        equal(path.read_bytes() == content, True, f"{path} is as it was")
    need(not (folder / "q").exists() and not litter(folder), "nothing is written")
    net = slayer(folder)
    for name in ("network.yaml", "fc1.npy"):
        refused("import", net, "-o", net / name, code=2, says="is read as")
    os.symlink("slayer/fc1.npy", folder / "weights")
    refused("import", net, "-o", folder / "weights", code=2, says="is read as")
    copy = folder / "conv1.npy"
    copy.write_bytes(MODEL.read_bytes())
    refused("run", copy, RECORDING, "-d", "sim", "--raster", folder, code=2, says="is read as")
    equal(copy.read_bytes() == MODEL.read_bytes(), True, "the model is as it was")


def full(folder):
    """A disk that fills up is an error, and what was there stays."""
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))}
    for name, (before, after) in writers(folder).items():
        out = folder / "old"
        out.write_bytes(b"old")
        if name == "journal":
            out.unlink()
        if name in ("report", "journal"):
            snnq(*before[:-1])
            need((folder / "q.snnq").stat().st_size > 500, "a model that is larger")
        error = snnq(*before, out, *after, code=1, **limit)[1]
        need("cannot be written: " in error, f"{name}: {error}")
        need(name == "journal" or out.read_bytes() == b"old", f"{name}: the old file is gone")
        equal(litter(folder), [], "litter")
    error = snnq("run", MODEL, RECORDING, "-d", "sim", "--raster", folder / "r", code=1, **limit)[1]
    need("cannot be written: File too large" in error, error)
    equal(litter(folder), [], "litter of rasters")


def named(folder):
    """Without /proc files cannot be without a name until they are whole; they appear all the same."""
    run = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
           'mount -t tmpfs none /proc && exec "$@"', "sh")
    # libraries beside the program are found by /proc
    libraries = pathlib.Path(SNNQ).resolve().parents[1] / "libsnnq"
    env = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    try:
        subprocess.run([*run, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        words = (getattr(error, "stderr", None) or str(error).encode()).decode().split()
        raise Skipped(f"no namespaces of users and mounts: {' '.join(words)}") from error
    for name, (before, after) in writers(folder).items():
        out = folder / "old"
        out.write_bytes(b"")
        out.chmod(0o640)
        if name == "journal":
            out.unlink()
        done = subprocess.run([*run, SNNQ, *map(str, (*before, out, *after))], capture_output=True,
                              check=False, timeout=120, env=env)
        equal(done.returncode, 0, f"{name}: {done.stderr}")
        need(out.stat().st_size > 99, f"{name}: it is there")
        need(name == "journal" or stat.S_IMODE(out.stat().st_mode) == 0o640, f"{name}: mode")
        equal(litter(folder), [], "litter")


def full_text(folder):
    """Text that does not arrive is an error, of every verb."""
    one = folder / "one.tsv"
    one.write_text(f"{RECORDING}\t0\n")
    for command in (("--help",), ("--version",), ("info", MODEL), ("info", RECORDING),
                    ("info", "sim"), ("run", MODEL, RECORDING, "-d", "sim"),
                    ("eval", MODEL, "--data", one, "-d", "sim"),
                    ("eval", MODEL, "--data", one, "-d", "sim", "--tsv"),
                    ("eval", MODEL, "--data", one, "-d", "sim", "--json"),
                    ("energy", MODEL, "--data", one), ("energy", MODEL, "--data", one, "--json"),
                    ("import", "--help"), ("quantize", FLOAT, "--default", "uniform:4", "-o",
                                           folder / "q")):
        with open(folder / "text", "wb") as out:
            limit = 10 if command[0] != "quantize" else 100000
            if limit > 10:
                out.write(bytes(limit))
            done = subprocess.run([SNNQ, *map(str, command)], stdout=out, stderr=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, check=False, timeout=60,
                                  preexec_fn=lambda n=limit: resource.setrlimit(
                                      resource.RLIMIT_FSIZE, (n, n)))
        words = " ".join(map(str, command))
        equal(done.returncode, 1, f"snnq {words}: exit status")
        need(b"writ" in done.stderr, f"snnq {words}: {done.stderr!r}")
    version = snnq("--version")[0].split()
    equal((version[0], len(version[1].split("."))), ("snnq", 3), "--version")
    need(json.loads(snnq("info", MODEL, "--json")[0]), "JSON")


if __name__ == "__main__":
    sys.exit(main(special, dash, early, links, one_file, full, named, full_text))
