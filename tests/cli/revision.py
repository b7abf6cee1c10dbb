#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Journals of the quantizer name its revision: when evaluations of a small network change, so must
the revision, or searches would go on from the losses of another program."""
import hashlib
import json
import sys

from common import ROOT, equal, main, need, refused, snnq
from quality import prepare

GOLDEN = ROOT / "tests" / "golden" / "quantizer.json"


def journal_of(folder):
    """Header and lines of the journal of a search, and the command that made it."""
    prepare(folder, 1)
    command = ("quantize", folder / "float.snnq", "--calib", folder / "list.tsv", "--journal",
               folder / "journal", "-o", folder / "q.snnq", "--target-bits", 2.5)
    snnq(*command)
    header, *lines = (folder / "journal").read_text().splitlines()
    return json.loads(header), sorted(lines), command


def revision(folder):
    """Evaluations are those of the revision that the header names."""
    header, lines, _ = journal_of(folder)
    values = "\n".join(json.dumps([d["key"], d["values"]]) for d in map(json.loads, lines))
    found = {"revision": header["revision"], "evaluations": len(lines),
             "sha256": hashlib.sha256(values.encode()).hexdigest()}
    want = json.loads(GOLDEN.read_text())
    if found["revision"] == want["revision"]:
        equal(found, want, "evaluations changed: raise REVISION in userspace/libsnnq/quantize/"
                           f"result.c, and write what is found then to {GOLDEN.name}")
    equal(found, want, f"another revision: write what is found to {GOLDEN.name}")


def stale(folder):
    """A journal of another revision, or with a changed digit, is refused."""
    header, _, command = journal_of(folder)
    path, model = folder / "journal", folder / "q.snnq"
    text = path.read_text()
    model.unlink()
    revision_text = f'"revision":{header["revision"]}'
    need(revision_text in text, "the header has a revision")
    path.write_text(text.replace(revision_text, '"revision":1', 1))
    refused(*command, says="belongs to other work")
    at = text.index("p-", text.index("\n"))
    digit = "1" if text[at - 1] != "1" else "2"
    path.write_text(text[:at - 1] + digit + text[at:])
    refused(*command, says=("journal: line ", "damaged"))
    need(not model.exists(), "no model of bad losses")
    path.write_text(text)
    snnq(*command)


if __name__ == "__main__":
    sys.exit(main(revision, stale))
