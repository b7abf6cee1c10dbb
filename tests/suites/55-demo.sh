#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `make demo`, the README's first command: both halves run, what it prints is what was measured, and a
# device that differs from sim in one figure is found.
# timeout: 1500
# needs: userspace modules qemu
# beside: others
# on: 6.12 in a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
out=build/demo
log=build/check/demo.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# says FIGURE...: the last table has a row with this name and, for sim and device, these values.
says() { tac "$log" | grep -m 1 -F "  $1 " | grep -qE "$2"; }

# figures: name and pattern of each row, from the program's own output, into a file.
figures() {
  /usr/bin/python3 - "$out" >"$work/figures" <<'END'
import json, pathlib, re, statistics, sys

def need(condition, found):
    if not condition:
        sys.exit(f"unexpected: {found}")

out = pathlib.Path(sys.argv[1])
row = {"accuracy": [], "latency, one recording": [], "synaptic operations": []}
for side in "sim", "device":
    result = json.loads((out / side / "eval.json").read_text())
    need(result["samples"] == len(result["predictions"]) == 360, result["samples"])
    right = sum(p["class"] == p["label"] for p in result["predictions"])
    need(right == result["correct"] and right > 0.95 * 360, right)
    us = [json.loads(p.read_text())["latency_us"] for p in (out / side).glob("run*.json")]
    need(len(us) == 5 and min(us) > 0, us)
    row["accuracy"].append(f"{100 * right / 360:.1f} % ({right} of 360)")
    row["latency, one recording"].append(f"{statistics.median(us) / 1000:.1f} ms")
    row["synaptic operations"].append(f"{result['synops_per_sample'] / 1e6:.2f} M per recording")
for name, values in row.items():
    print(name + "\t" + " +".join(map(re.escape, values)))
END
}

# changed PYTHON: what the report says of a device whose results were changed so.
changed() {
  rm -rf "$work/demo"
  cp -r "$out" "$work/demo"
  /usr/bin/python3 -c "
import json, sys
path = sys.argv[1]
j = json.load(open(path))
$1
json.dump(j, open(path, 'w'))" "$work/demo/device/eval.json"
  tools/demo-report "$work/demo" >"$work/report"
}

rc=0
tools/demo >"$log" 2>&1 || rc=$?
note <"$log"
check "make demo ends well (status $rc)" [ $rc -eq 0 ]
check "both halves were measured" figures
while IFS=$'\t' read -r name pattern; do
  check "the table has what was measured: $name" says "$name" "$pattern"
done <"$work/figures"
check "device and sim are identical" grep -q 'device and sim identical: .* all 360' "$log"
if changed 'j["predictions"][7]["scores"][3] += 1'; then bad "one other score is found"; else ok "one other score is found"; fi
if changed 'del j["predictions"][359]'; then bad "a missing recording is found"; else ok "a missing recording is found"; fi
finish
