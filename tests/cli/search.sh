#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Searches of grids as a user runs them: targets are met, and the result is the same for any number
# of threads, after an interruption, and from shards. A few recordings and schemes.
set -euo pipefail

SNNQ=${SNNQ:-build/snnq}
DEMO=tools/train/demo
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# shellcheck source=tests/tap.sh
. tests/tap.sh
same() { if cmp -s "$2" "$3"; then ok "$1"; else bad "$1"; fi; }

# expect STATUS NAME ARGUMENTS...: of quantize
expect() {
  local want=$1 name=$2 rc=0
  shift 2
  "$SNNQ" quantize "$DEMO/digits-float.snnq" --calib "$WORK/calib.tsv" --schemes uniform,ternary \
    "$@" >"$WORK/out" 2>"$WORK/err" || rc=$?
  if [ $rc -eq "$want" ]; then ok "$name"; else bad "$name"; tail -n 3 "$WORK/err" | note; fi
}

says() { if grep -qF -- "$1" "$WORK/err"; then ok "says: $1"; else bad "says: $1"; fi; }
# json NAME CONDITION on the model described in out
json() {
  if /usr/bin/python3 -c "import json, sys; j = json.load(open('$WORK/out')); sys.exit(not ($2))"; then
    ok "$1"
  else
    bad "$1"
  fi
}
# What `report.html` holds, as JSON.
document() {
  /usr/bin/python3 - "$1" <<'EOF'
import json, re, sys
page = open(sys.argv[1]).read()
text = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.S).group(1)
d = json.loads(text)
energy = d["result"]["energy"]
front = d["front"]
checks = (
    d["kind"] == "quantization" and len(d["layers"]) == 17,
    all(a["avg_bits"] <= b["avg_bits"] for a, b in zip(front[:-1], front[1:-1])),
    all(a["predicted"] >= b["predicted"] for a, b in zip(front[:-1], front[1:-1])),
    sum(p["measured"] is not None for p in front) >= 3,
    energy["result"]["total"] < energy["uniform8"]["total"] < energy["fp32"]["total"],
    d["result"]["avg_weight_bits"] <= 3)
if not all(checks):
    sys.exit(f"checks of the report: {checks}")
EOF
}

# Every fifth recording: all classes come in turn.
while IFS=$'\t' read -r path label; do printf '%s\t%s\n' "$PWD/$DEMO/$path" "$label"; done \
  <"$DEMO/calib.tsv" | sed -n '1~5p' >"$WORK/calib.tsv"

expect 0 "search for 3 bits" -o "$WORK/a.snnq" --target-bits 3 -j 1 --report "$WORK/a.html" --json
json "3 bits are not exceeded" "2.5 < j['avg_weight_bits'] <= 3 and j['quantization']['method'] == 'search'"
check "the report has the whole search" document "$WORK/a.html"
expect 0 "the same on two threads" -o "$WORK/b.snnq" --target-bits 3 -j 2
same "threads do not matter" "$WORK/a.snnq" "$WORK/b.snnq"

for i in 1 2 3; do
  expect 0 "shard $i of 3" --journal "$WORK/$i.journal" --shard "$i/3"
done
expect 0 "merge" -o "$WORK/c.snnq" --target-bits 3 --journal "$WORK/all.journal" \
  --merge "$WORK/3.journal" --merge "$WORK/1.journal" --merge "$WORK/2.journal"
same "shards do not matter" "$WORK/a.snnq" "$WORK/c.snnq"

# With a folder of quantized layers, damaged or not, and half of the shards' own.
for i in 1 2; do
  expect 0 "shard $i of 2, with layers kept" --journal "$WORK/kept$i.journal" --shard "$i/2" --cache "$WORK/layers"
done
for file in $(find "$WORK/layers" -type f | sort | sed -n '1~7p'); do truncate -s -1 "$file"; done
expect 0 "merge with layers kept" -o "$WORK/k.snnq" --target-bits 3 --journal "$WORK/kept.journal" \
  --cache "$WORK/layers" --merge "$WORK/kept1.journal" --merge "$WORK/kept2.journal"
same "layers that are kept do not matter" "$WORK/a.snnq" "$WORK/k.snnq"
touch "$WORK/stamp"
expect 0 "again with all of them" -o "$WORK/k.snnq" --target-bits 3 --cache "$WORK/layers"
same "nor do they without a journal" "$WORK/a.snnq" "$WORK/k.snnq"
check "nothing is kept twice" test -z "$(find "$WORK/layers" -newer "$WORK/stamp")"

# A device with few grids: what is in the journal is not done again.
"$SNNQ" info sim --json | sed 's/"scheme_uniform":.*/"scheme_uniform": 20,/' >"$WORK/device.json"
expect 0 "search for a device" -o "$WORK/e.snnq" --target-bits 3 --journal "$WORK/all.journal" \
  --device "$WORK/device.json" --json
json "it gets only what it has" "{(l['scheme'], l['bits']) for l in j['layers'] if l['params'] and l['bits']} <= \
  {('uniform', 2), ('uniform', 4), ('ternary', 2)} and j['avg_weight_bits'] <= 3"
sed -i 's/"scheme_uniform":.*/"scheme_uniform": 0,/; s/"scheme_ternary":.*/"scheme_ternary": 0,/' "$WORK/device.json"
expect 3 "a device without any of the schemes" -o "$WORK/f.snnq" --target-bits 3 --device "$WORK/device.json"
says "the device has none of the schemes"

# Kill it when some evaluations are on the disk.
"$SNNQ" quantize "$DEMO/digits-float.snnq" --calib "$WORK/calib.tsv" --schemes uniform,ternary \
  -o "$WORK/d.snnq" --target-bits 3 --journal "$WORK/d.journal" >/dev/null 2>&1 & pid=$!
while kill -0 $pid 2>/dev/null && [ "$(wc -l 2>/dev/null <"$WORK/d.journal" || echo 0)" -lt 30 ]; do
  sleep 0.05
done
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
check "an interrupted search leaves no model" test ! -e "$WORK/d.snnq"
expect 0 "resume" -o "$WORK/d.snnq" --target-bits 3 --journal "$WORK/d.journal"
same "interruption does not matter" "$WORK/a.snnq" "$WORK/d.snnq"

expect 0 "search for bytes" -o "$WORK/e.snnq" --target-bytes 60000 --journal "$WORK/d.journal"
size=$(stat -c %s "$WORK/e.snnq")
check "the file keeps to its bytes ($size)" test "$size" -le 60000 -a "$size" -gt 52000
expect 0 "search for energy and bits" -o "$WORK/f.snnq" --target-energy 12 --target-bits 3.5 \
  --journal "$WORK/d.journal" --json
json "both targets are kept" "j['avg_weight_bits'] <= 3.5"
expect 0 "smallest with few changed classes" -o "$WORK/g.snnq" --max-drop 30 --journal "$WORK/d.journal"
expect 1 "too few bits" -o "$WORK/q.snnq" --target-bits 0.5 --journal "$WORK/d.journal"
expect 1 "too few bytes" -o "$WORK/q.snnq" --target-bytes 3000 --journal "$WORK/d.journal"
says "besides weights"
expect 0 "a layer keeps its grid" -o "$WORK/h.snnq" --target-bits 3 --layer head=pot:4 --json
json "pot:4 it is" "[l['scheme'] + str(l['bits']) for l in j['layers'] if l['name'] == 'head'] == ['pot4']"
expect 0 "models at other bits" -o "$WORK/i.snnq" --target-bits 3 --journal "$WORK/d.journal" \
  --also "$WORK/4.snnq=4" --also "$WORK/2.snnq=2"
same "other models do not matter" "$WORK/a.snnq" "$WORK/i.snnq"
check "more bits, larger files" test "$(stat -c %s "$WORK/4.snnq")" -gt "$size" -a \
  "$(stat -c %s "$WORK/2.snnq")" -lt "$size"
sed -i 1d "$WORK/calib.tsv"
expect 4 "a journal of other recordings" -o "$WORK/q.snnq" --target-bits 3 --journal "$WORK/d.journal"
expect 4 "a journal of other moments" -o "$WORK/q.snnq" --target-bits 3 --journal "$WORK/d.journal" \
  --moments traces
expect 2 "a shard that is not there" --journal "$WORK/x" --shard 4/3
expect 2 "a shard without journal" --shard 1/3
touch "$WORK/file"
expect 4 "a cache in a file" -o "$WORK/q.snnq" --target-bits 3 --cache "$WORK/file/layers"
expect 2 "unknown schemes" -o "$WORK/q.snnq" --target-bits 3 --schemes uniform,cubic
expect 2 "a report of nothing" -o "$WORK/q.snnq" --default uniform:4 --report "$WORK/q.html"
check "failures leave no model" test ! -e "$WORK/q.snnq"
finish
