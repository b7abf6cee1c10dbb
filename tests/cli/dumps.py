#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""snnq inspect and dumps of jobs that failed: known by their content, shown whole, refused with the
place of what is wrong.

They are written here, field by field from uapi/abi.txt."""
import json
import re
import struct
import sys

from common import ROOT, equal, main, need, refused, snnq

HEADER, HEAD = struct.Struct("<IIIIQII"), struct.Struct("<IIII")
MAGIC, KIND = 0x716e6e73, 0x706d7564


def layouts():
    """{structure: (bytes, {field: (offset, bytes)})} of uapi/abi.txt."""
    found = {}
    for line in (ROOT / "uapi" / "abi.txt").read_text().splitlines():
        if match := re.fullmatch(r"struct (\w+): (\d+) bytes", line):
            fields = {}
            found[match[1]] = int(match[2]), fields
        elif match := re.fullmatch(r"\t(\w+): (\d+) at (\d+)", line):
            fields[match[1]] = int(match[3]), int(match[2])
    return found


LAYOUTS = layouts()


def entry(struct_name, /, **values):
    """The bytes of a structure."""
    size, fields = LAYOUTS[struct_name]
    data = bytearray(size)
    for key, value in values.items():
        offset, bytes_ = fields[key]
        if isinstance(value, str):
            value = value.encode().ljust(bytes_, b"\0")
        else:
            value = (value % (1 << 8 * bytes_)).to_bytes(bytes_, "little")
        data[offset:offset + bytes_] = value
    return bytes(data)


def dump(path, changes=None):
    """Write a dump; sections are those of the format, but for @changes: {type: entries}."""
    sections = {
        1: [entry("snnq_dump_device", hw_version=1 << 16 | 2, cores=2, driver_major=1,
                  name="0000:00:05.0", driver="snnq", kernel="6.12.1", time_ns=5, real_ns=6)],
        2: [entry("drm_snnq_dev_info", max_layers=77, ops=0x3ffe, timeout_ms=4000)],
        3: [entry("snnq_dump_job", client=9, context=33, seq=4, pid=123, uid=1000, comm="net",
                  core=1, id=0x21, error=-110, status=8, layer=1, region=0xffff, steps=64, state=9,
                  limit_ns=10**10, started_ns=10**9, begun_ns=2 * 10**9, ended_ns=6 * 10**9,
                  record_status=7, record_layer=0xffff, record_region=2, record_offset=1 << 40)],
        4: [entry("snnq_dump_core", index=i, state=1 + i, entries=16, tail=3, head=2, phase=1,
                  resets=i) for i in range(2)],
        5: [entry("snnq_dump_slot", slot=2, flags=1, id=0x21, steps=64, seq=4, progress=17),
            entry("snnq_dump_slot", slot=3, flags=2, id=0x31)],
        6: [entry("snnq_dump_register", offset=o, value=v) for o, v in ((0x104, 1), (0x2044, 3))],
        7: [entry("snnq_dump_region", index=3, access=1, pages=2, start=64, bytes=4096)],
        8: [entry("snnq_program_header", layer_count=1, region_count=1, total_bytes=1000,
                  max_steps=4096, tile_steps=16, state_bytes=784)],
        9: [entry("snnq_region_desc", bytes=4096, access=1, role=1)],
        10: [entry("snnq_layer", op=3)],
    }
    sections.update(changes or {})
    body = b""
    for kind, entries in sections.items():
        data = b"".join(entries)
        body += HEAD.pack(kind, len(entries[0]) if entries else 64, len(entries), 0)
        body += data + bytes(-len(data) % 8)
    path.write_bytes(HEADER.pack(MAGIC, KIND, 1, HEADER.size, HEADER.size + len(body),
                                 len(sections), 0) + body)
    return path


def document(folder):
    """Everything is in the document, under the names of the format."""
    j = json.loads(snnq("inspect", dump(folder / "a"), "--json")[0])
    equal((j["kind"], j["unknown_sections"]), ("dump", 0), "kind")
    equal(j["device"], {"name": "0000:00:05.0", "driver": "snnq", "kernel": "6.12.1",
                        "driver_major": 1, "driver_minor": 0, "hw_version": 65538, "cores": 2,
                        "time_ns": 5, "real_ns": 6}, "device")
    equal([j["info"][k] for k in ("max_layers", "ops", "timeout_ms")], [77, "0x3ffe", 4000], "info")
    job = j["job"]
    equal([job[k] for k in ("client", "context", "seq", "pid", "uid", "comm", "core", "id", "error")],
          [9, 33, 4, 123, 1000, "net", 1, 33, -110], "job")
    equal((job["status"], job["layer"], "region" in job, job["state"]),
          ("watchdog", 1, False, ["hung", "seen"]), "job's fault")
    equal(job["record"], {"status": "cancelled", "steps": 0, "cycles": 0, "region": 2,
                          "offset": "0x10000000000"}, "record")
    equal([(c["index"], c["state"], c["resets"]) for c in j["cores"]],
          [(0, ["enabled"], 0), (1, ["broken"], 1)], "cores")
    equal([(s["id"], s["flags"], s.get("progress")) for s in j["ring"]],
          [(0x21, ["this job"], 17), (0x31, ["another client's"], None)], "ring")
    equal([(r.get("name"), r["value"]) for r in j["registers"]],
          [("STATUS", 1), ("core 1 STATUS", 3)], "registers")
    equal(j["regions"], [{"index": 3, "access": ["read"], "start": 64, "bytes": 4096, "pages": 2}],
          "regions")
    equal((j["program"]["layers"][0]["op"], j["program"]["regions"][0]["role"]), ("linear", 1),
          "program")


def text(folder):
    """What a person reads has no character that controls a terminal."""
    out = snnq("inspect", dump(folder / "a"))[0]
    for line in ("a job that failed on 0000:00:05.0, hardware 1.2", "driver snnq 1.0, kernel 6.12.1",
                 "job 4 of 64 steps, of client 9 (net, process 123, user 1000)",
                 "failed on core 1: Connection timed out, watchdog, layer 1, offset 0",
                 "state: hung, seen; replays 0", "ran for 4000.000 of at most 10000.000 ms",
                 "layer 0    linear", "core 1: broken; rings of 16", "entry 3   job 0x31, another client's",
                 "core 1 STATUS        0x3"):
        need(line in out, f"the text does not say {line!r}:\n{out}")
    bad = entry("snnq_dump_job", comm="\x1b[2J\x07", core=0, error=-5, layer=0xffff, region=0xffff)
    out = snnq("inspect", dump(folder / "b", {3: [bad]}))[0]
    need("\x1b" not in out and "\x07" not in out, "control characters")
    out = snnq("inspect", dump(folder / "c", {5: [], 6: []}))[0]
    need("ring of its core: empty" in out and "registers: none" in out, "nothing to show")
    out = snnq("inspect", dump(folder / "d", {99: [b"12345678"]}))[0]
    need("1 section that this program does not know" in out, "sections of a newer driver")


def refusals(folder):
    """Cut and changed dumps, and options that are for recordings."""
    good = dump(folder / "a").read_bytes()
    bad = folder / "bad"
    for size in (8, 31, 32, 100, len(good) - 1):
        bad.write_bytes(good[:size])
        refused("inspect", bad, says=("bad: dump: header: expected", f"found {size}"))
    bad.write_bytes(good + b"x")
    refused("inspect", bad, says=f"expected {len(good)} bytes in all, found {len(good) + 1}")
    bad.write_bytes(good[:8] + b"\2" + good[9:])
    refused("inspect", bad, says="expected version 1, found 2")
    bad.write_bytes(good[:32] + b"\3" + good[33:])
    refused("inspect", bad, says="byte 32: job: expected entries of at least 168 bytes, found 144")
    refused("inspect", dump(bad, {7: [bytes(8)]}), says="regions: expected entries of at least 32 bytes")
    refused("inspect", dump(bad, {10: [entry("snnq_layer")] * 2}),
            says="program: expected 1 layers and 1 regions, found 2 and 1")
    with open(bad, "wb") as f:
        f.write(good)
        f.truncate(17 << 20)
    refused("inspect", bad, says="expected a dump of at most 16777216 bytes, found more")
    for option in (("-o", folder / "a.png"), ("--from", "1ms"), ("--top", 3), ("-f", "dat")):
        refused("inspect", folder / "a", *option, code=2, says="is a dump: expected no option but --json")
    (folder / "short").write_bytes(good[:7])
    err = refused("inspect", folder / "short")
    need("dump" not in err, f"seven bytes are no dump: {err}")


if __name__ == "__main__":
    sys.exit(main(document, text, refusals))
