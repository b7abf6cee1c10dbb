#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The command line's contract: exit codes, JSON keys, output files, messages, for every verb.
# Uses the demo's float model and recordings, which are in the repository.
set -euo pipefail

SNNQ=${SNNQ:-$PWD/build/snnq}
DEVICE=${SNNQ_DEVICE:-sim}
DEMO=$PWD/tools/train/demo
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# shellcheck source=tests/tap.sh
. tests/tap.sh
bad() { tap_fail "$1"; head -n 12 "$WORK/out" "$WORK/err" 2>/dev/null | note || true; }

# expect CODE NAME ARGUMENT...: run snnq; output in $WORK/out and $WORK/err.
expect() {
  local code=$1 name=$2 rc=0
  shift 2
  "$SNNQ" "$@" >"$WORK/out" 2>"$WORK/err" </dev/null || rc=$?
  if [ $rc -eq "$code" ]; then ok "$name: exit $code"; else bad "$name: exit $rc, expected $code"; fi
}

# The error of the last command contains a text, and nothing went to standard output.
error_says() {
  if grep -qF -- "$1" "$WORK/err" && [ ! -s "$WORK/out" ]; then ok "error says: $1"
  else bad "error says: $1"; fi
}

# json NAME EXPRESSION: a Python expression over the last output, the document j.
json() {
  if /usr/bin/python3 -c "
import json, sys
j = json.load(open(sys.argv[1]))
sys.exit(not ($2))" "$WORK/out" 2>>"$WORK/err"; then ok "json: $1"; else bad "json: $1"; fi
}

recording() { awk -v d="$DEMO" 'NR == 1 { print d "/" $1 }' "$DEMO/test.tsv"; }

# Each option that the help shows is in the manual page.
manual_has_options() {
  local option page=Documentation/man/snnq-$1.1
  while read -r option; do
    if ! sed 's/\\//g' "$page" Documentation/man/snnq.1 | grep -- "$option" >/dev/null; then
      bad "manual of $1: no $option"
      return
    fi
  done < <(grep -o -- '--[a-z-]*' "$WORK/out" | sort -u)
  ok "manual of $1 has all options"
}

# And each option of the manual page's list is one that the help shows.
help_has_options() {
  local option
  while read -r option; do
    if ! grep -qE -- "$option( |$)" "$WORK/out"; then
      bad "help of $1: no $option, which the manual has"
      return
    fi
  done < <(sed 's/\\//g' "Documentation/man/snnq-$1.1" | sed -n '/^\.SH OPTIONS/,/^\.SH EX/p' |
    grep -E '^\.(B|BI|BR) ' | grep -oE -- '--[a-z-]+' | sort -u)
  ok "help of $1 has all options of the manual"
}

usage_tests() {
  local verb
  expect 0 "help" --help
  expect 2 "no verb"
  expect 0 "help of a verb" help run
  grep -q '^usage: snnq run ' "$WORK/out" && ok "it is the verb's" || bad "it is the verb's"
  expect 2 "help of no verb" help frobnicate
  error_says 'help: expected a verb, found "frobnicate"'
  expect 2 "unknown verb" frobnicate
  error_says 'unknown verb "frobnicate"'
  for verb in info inspect convert import export quantize run eval compare energy bench validate top monitor doctor; do
    expect 0 "$verb --help" "$verb" --help
    grep -q '^examples:' "$WORK/out" && ok "$verb has examples" || bad "$verb has examples"
    manual_has_options "$verb"
    help_has_options "$verb"
    expect 2 "$verb: unknown option" "$verb" --no-such-option
    expect 2 "$verb: too many arguments" "$verb" a b c d
    error_says "usage: snnq $verb"
  done
  expect 2 "eval without data" eval m.snnq
  error_says "--data is missing"
  expect 2 "a number that is none" eval m.snnq --data l --threads 1x
  expect 2 "quantize without output" quantize m.snnq
  expect 2 "quantize: malformed grid" quantize "$DEMO/digits-float.snnq" -o "$WORK/q" --default uniform
  expect 2 "quantize: bits out of range" quantize "$DEMO/digits-float.snnq" -o "$WORK/q" --default pot:6
  error_says "expected uniform:1..8, pot:2..5, odd:1..8, apot:3..5 or ternary:2, found pot:6"
  expect 2 "quantize: unknown moments" quantize "$DEMO/digits-float.snnq" -o "$WORK/q" --moments ghosts
  error_says "expected spikes or traces, found \"ghosts\""
  expect 2 "quantize: moments for rounding" quantize "$DEMO/digits-float.snnq" -o "$WORK/q" \
    --default uniform:4 --moments traces
  error_says "expected compensate or search, found round"
  expect 2 "quantize: unknown layer" quantize "$DEMO/digits-float.snnq" -o "$WORK/q" --layer no=uniform:4
}

quantize_tests() {
  expect 0 "quantize" quantize "$DEMO/digits-float.snnq" -o "$WORK/plain.snnq" --json \
    --default uniform:4 --layer conv1=pot:4 --layer head=uniform:8
  json "quantize describes the model" "j['arithmetic'] == 'integer' and j['params'] > 100000 \
    and [l['bits'] for l in j['layers'] if l['name'] == 'head'] == [8] \
    and [l['scheme'] for l in j['layers'] if l['name'] == 'conv1'] == ['pot'] \
    and 3.9 < j['avg_weight_bits'] < 4.2 and j['quantization']['method'] == 'round' \
    and j['model_bytes'] == $(stat -c %s "$WORK/plain.snnq") \
    and abs(j['compression_ratio'] - 4 * j['params'] / j['model_bytes']) < 1e-9 \
    and abs(j['weight_compression_ratio'] - 32 / j['avg_weight_bits']) < 1e-9 \
    and j['metadata_bytes'] == j['model_bytes'] - sum(l['weight_bytes'] for l in j['layers'])"
  grep -q 'SQNR' "$WORK/err" && ok "quantize reports layers" || bad "quantize reports layers"
  expect 0 "quantize with calibration" quantize "$DEMO/digits-float.snnq" -o "$WORK/calibrated.snnq" \
    --default uniform:4 --calib "$DEMO/calib.tsv"
  if cmp -s "$WORK/plain.snnq" "$WORK/calibrated.snnq"; then bad "calibration changes the result"
  else ok "calibration changes the result"; fi
  expect 0 "quantize by traces" quantize "$DEMO/digits-float.snnq" -o "$WORK/traces.snnq" --json \
    --default uniform:4 --calib "$DEMO/calib.tsv" --moments traces
  json "the model says so" "j['quantization']['moments'] == 'traces'"
  if cmp -s "$WORK/traces.snnq" "$WORK/calibrated.snnq"; then bad "traces change the result"
  else ok "traces change the result"; fi
  expect 4 "quantize an integer model" quantize "$WORK/plain.snnq" -o "$WORK/q" --default uniform:4
  error_says "expected float, found integer"
  expect 4 "quantize what is not there" quantize "$WORK/none" -o "$WORK/q" --default uniform:4
  expect 1 "thresholds below one step are an error" quantize "$WORK/weak.snnq" -o "$WORK/q" \
    --default uniform:1
  if [ -z "$(find "$WORK" -name 'q*' -o -name '*.calibration.*')" ]; then
    ok "failures leave no file"
  else
    bad "failures leave no file"
  fi
}

# lesser KEY VALUE: the description of a device that can do less than sim.
lesser() {
  "$SNNQ" info sim --json | sed "s/\"$1\":.*/\"$1\": $2,/" >"$WORK/lesser.json"
}

# quantized_for GRID STATUS NAME: for that device.
quantized_for() {
  expect "$2" "$3" quantize "$DEMO/digits-float.snnq" -o "$WORK/lesser.snnq" --default "$1" --device "$WORK/lesser.json"
}

device_tests() {
  lesser scheme_pot 16
  quantized_for pot:4 0 "quantize for a device that has the grid"
  quantized_for pot:3 3 "quantize for one that has not"
  error_says "default: the device has no pot:3"
  lesser scheme_uniform 0
  quantized_for pot:3 0 "quantize for a device without uniform grids"
  lesser ops 506
  quantized_for pot:4 3 "quantize for a device without conv2d"
  error_says 'conv1: op: this device has no "conv2d"'
  lesser max_kernel 2
  quantized_for pot:4 3 "quantize for one with small kernels"
  error_says 'conv1: kernel: this device takes at most 2, found 3'
  for bad in -1 1.5 '"all"' 4294967296; do
    lesser max_kernel "$bad"
    quantized_for pot:4 4 "max_kernel $bad is refused"
    error_says "lesser.json: max_kernel: expected an integer"
  done
  echo '{"kind": "recording"}' >"$WORK/lesser.json"
  quantized_for pot:4 4 "what describes no device is refused"
  error_says "expected a device"
  lesser scheme_pot 16
  echo '{}' >>"$WORK/lesser.json"
  quantized_for pot:4 4 "what follows a description is refused"
  head -c 2000000 /dev/zero >"$WORK/lesser.json"
  quantized_for pot:4 4 "what is too long is refused"
  expect 3 "quantize for a device that is not there" quantize "$DEMO/digits-float.snnq" -o "$WORK/lesser.snnq" \
    --default pot:4 --device /dev/accel/accel77
}

# A float model whose head has a threshold that no accumulator step is small enough for.
weak_model() {
  /usr/bin/python3 - "$WORK/weak.snnq" <<'EOF'
import json, struct, sys
layer = {"name": "fc", "op": "linear", "inputs": ["input"], "out_channels": 1,
         "weight": {"tensor": "w", "scheme": "float"},
         "neuron": {"model": "lif", "leak": {"kind": "none"}, "compare": "ge", "reset": "hard",
                    "threshold": 1e-6}}
graph = {"format": "snnq", "version": 1, "arithmetic": "float", "name": "weak",
         "input": {"width": 1, "height": 1, "polarities": 2, "on_channel": 1, "layout": "flat",
                   "planes": 1, "binning": "duration", "steps": 1, "step_us": 1000,
                   "rounding": "floor", "origin": "zero"},
         "layers": [layer], "readout": {"input": "fc", "mode": "sum", "scale": 1}}
header = {"__metadata__": {"snnq": json.dumps(graph)},
          "w": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}}
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open(sys.argv[1], "wb").write(struct.pack("<Q", len(text)) + text + struct.pack("<2f", 1, -1))
EOF
}

info_tests() {
  expect 0 "info of a float model" info "$DEMO/digits-float.snnq" --json
  json "info: float model" "j['arithmetic'] == 'float' and j['avg_weight_bits'] == 32 \
    and j['weight_compression_ratio'] == 1 and j['compression_ratio'] < 1 < j['effective_bits'] / 32 \
    and abs(j['metadata_percent'] - 100 * j['metadata_bytes'] / j['model_bytes']) < 1e-9 \
    and j['metadata_bytes'] + j['weight_bytes'] == j['model_bytes'] \
    and all(k in j['layers'][0] for k in ('name', 'op', 'scheme', 'bits', 'params', 'weight_bytes', 'sparsity'))"
  expect 0 "info of a recording" info "$(recording)" --json
  json "info: recording" "j['format'] == 'atis' and j['events'] > 100 and j['duration_us'] > 1000 \
    and 'width' in j and 'height' in j"
  expect 0 "info of a device" info sim --json
  json "info: device" "j['cores'] == 1 and j['driver'] == 'sim' and j['ops'] & 1 << 2 and j['max_steps'] == 65536"
  expect 0 "info of a device in words" info sim
  grep -q '^weights  *uniform:1..8 odd:1..8 pot:2..5 apot:3..5 ternary:2$' "$WORK/out" &&
    grep -q '^neurons  *none lif cuba$' "$WORK/out" && ok "info: capabilities" || bad "info: capabilities"
  expect 4 "info of nothing" info "$WORK/none"
  head -c 100 "$DEMO/digits-float.snnq" >"$WORK/cut.snnq"
  expect 4 "info of a cut model" info "$WORK/cut.snnq"
  error_says "cut.snnq"
  printf 'hello' >"$WORK/text"
  expect 4 "info of a text" info "$WORK/text"
  error_says "offset 0"
}

float_tests() {
  expect 0 "run a float model" run "$DEMO/digits-float.snnq" "$(recording)" --json --device sim --raster "$WORK/real"
  json "run a float model" "len(j['scores']) == 10 and j['class'] == j['scores'].index(max(j['scores'])) \
    and any(s != int(s) for s in j['scores']) and j['steps'] == 8 and j['synops'] > 0"
  if [ -e "$WORK/real/conv1.npy" ] && [ ! -e "$WORK/real/head.npy" ]; then
    ok "rasters of a float model are its spikes and counts"
  else
    bad "rasters of a float model are its spikes and counts"
  fi
  expect 0 "eval of a float model" eval "$DEMO/digits-float.snnq" --data "$DEMO/test.tsv" --device sim --json
  # PyTorch finds as many, see tools/train/README.md
  json "eval of a float model" "j['arithmetic'] == 'float' and j['samples'] == 360 and j['correct'] == 344 \
    and len(j['predictions'][0]['scores']) == 10 and j['synops_per_sample'] > 0"
  cp "$WORK/out" "$WORK/real.json"
  expect 0 "eval of a float model with 3 threads" eval "$DEMO/digits-float.snnq" --data "$DEMO/test.tsv" \
    --device sim --threads 3 --json
  cmp -s "$WORK/out" "$WORK/real.json" && ok "threads do not matter to floats" || bad "threads do not matter to floats"
}

run_tests() {
  expect 0 "run" run "$WORK/plain.snnq" "$(recording)" --device "$DEVICE" --json
  json "run" "len(j['scores']) == 10 and j['class'] == j['scores'].index(max(j['scores'])) \
    and j['latency_us'] > 0 and j['steps'] == 8 and j['synops'] > 0"
  expect 0 "run in words" run "$WORK/plain.snnq" "$(recording)" --device "$DEVICE"
  grep -q '^class [0-9]' "$WORK/out" && ok "run prints the class" || bad "run prints the class"
  expect 0 "run with rasters" run "$WORK/plain.snnq" "$(recording)" --device "$DEVICE" --raster "$WORK/spikes"
  if /usr/bin/python3 -c "
import numpy as np, sys
a, h = (np.load(sys.argv[1] + '/%s.npy' % n) for n in ('conv1', 'head'))
sys.exit(not (a.shape == (8, 32, 32, 16) and a.dtype == np.uint8 and 0 < a.mean() < 1
  and h.shape == (8, 4, 4, 10) and h.dtype == np.int32))" "$WORK/spikes" 2>"$WORK/err"; then
    ok "rasters are NumPy arrays"
  else
    bad "rasters are NumPy arrays"
  fi
  expect 3 "run on a device that is not there" run "$WORK/plain.snnq" "$(recording)" --device /dev/accel/accel77
  error_says "snnq doctor"
  if [[ $DEVICE = sim* ]]; then
    float_tests
  else
    expect 4 "run a float model on a device" run "$DEMO/digits-float.snnq" "$(recording)" --device "$DEVICE"
    error_says "a float model does not run; quantize it first"
  fi
  expect 4 "run without recording" run "$WORK/plain.snnq" "$WORK/none" --device "$DEVICE"
}

eval_tests() {
  head -n 24 "$DEMO/test.tsv" | awk -v d="$DEMO" '{ print d "/" $1 "," $2 }' >"$WORK/list.csv"
  expect 0 "eval" eval "$WORK/calibrated.snnq" --data "$WORK/list.csv" --device "$DEVICE" --counts --json
  json "eval" "j['samples'] == 24 == len(j['predictions']) and j['accuracy'] == j['correct'] / 24 \
    and j['correct'] == sum(p['class'] == p['label'] for p in j['predictions']) and j['correct'] > 18 \
    and j['synops_per_sample'] > 0 and len(j['predictions'][0]['scores']) == 10 \
    and j['predictions'][0]['layer_spikes']['conv1'] > 0"
  cp "$WORK/out" "$WORK/one.json"
  expect 0 "eval with 3 threads" eval "$WORK/calibrated.snnq" --data "$WORK/list.csv" \
    --device "$DEVICE" --threads 3 --counts --json
  cmp -s "$WORK/out" "$WORK/one.json" && ok "threads do not matter" || bad "threads do not matter"
  expect 0 "eval as a table" eval "$WORK/calibrated.snnq" --data "$WORK/list.csv" --device "$DEVICE" --tsv --limit 5
  [ "$(wc -l <"$WORK/out")" -eq 6 ] && ok "--limit" || bad "--limit"
  mkdir -p "$WORK/classes/3" "$WORK/classes/7"
  cp "$(recording)" "$WORK/classes/3/a.bin"
  cp "$(recording)" "$WORK/classes/7/b.bin"
  expect 0 "eval of class folders" eval "$WORK/plain.snnq" --data "$WORK/classes" --device "$DEVICE" --json
  json "class folders" "[p['label'] for p in j['predictions']] == [3, 7]"
  printf 'a.bin\t12\n' >"$WORK/bad.tsv"
  expect 4 "a label that is no class" eval "$WORK/plain.snnq" --data "$WORK/bad.tsv" --device "$DEVICE"
  error_says 'line 1: label: expected a class name or 0..9, found "12"'
  printf 'none.bin\t1\n' >"$WORK/bad.tsv"
  expect 4 "a recording that is not there" eval "$WORK/plain.snnq" --data "$WORK/bad.tsv" --device "$DEVICE"
}

bench_tests() {
  expect 2 "bench without model" bench
  error_says "expected a model, or --peak"
  expect 2 "bench: model and peak" bench "$WORK/plain.snnq" --peak
  error_says 'expected no model with --peak'
  expect 2 "bench: no runs" bench "$WORK/plain.snnq" --runs 0
  error_says "expected a number 1..1000000"
  expect 2 "bench: no streams" bench "$WORK/plain.snnq" --streams 0
  error_says "expected a number 1..256"
  expect 2 "bench: threads of no sim" bench "$WORK/plain.snnq" --threads 1 --device /nowhere
  error_says "expected --device sim"
  expect 4 "bench: a float model" bench "$DEMO/digits-float.snnq" --device sim
  error_says "expected an integer model"
  expect 0 "bench" bench "$WORK/plain.snnq" --device "$DEVICE" --runs 3 --json
  json "bench" "j['window']['count'] == 3 and j['step']['count'] == 3 * j['steps'] and j['synops'] > 0 \
    and all(0 < t['least_ms'] <= t['p50_ms'] <= t['p99_ms'] <= t['most_ms'] for t in (j['window'], j['step'])) \
    and j['load_ms'] > 0 and j['first_window_ms'] > 0 and j['memory_mb'] > 1"
  cp "$WORK/out" "$WORK/five.json"
  expect 0 "bench without spikes" bench "$WORK/plain.snnq" --device "$DEVICE" --runs 1 --density 0 --json
  json "fewer operations for fewer spikes" "j['synops'] < json.load(open('$WORK/five.json'))['synops']"
  expect 0 "bench, three streams" bench "$WORK/plain.snnq" --device "$DEVICE" --runs 2 --streams 3 --json
  json "bench, three streams" "j['streams'] == 3 and j['window']['count'] == 2 and j['step']['count'] == 2 * j['steps'] \
    and j['synops'] == json.load(open('$WORK/five.json'))['synops']"
  expect 0 "bench in words" bench "$WORK/plain.snnq" --device "$DEVICE" --runs 1
  grep -q 'step at a time' "$WORK/out" && ok "bench says what a step takes" || bad "bench says what a step takes"
  expect 0 "bench --peak" bench --peak --json
  json "peak" "[s['used'] for s in j['giga_per_second']].count(True) == 1 and j['giga_per_second'][0]['isa'] == 'generic' \
    and all(s[k] > 0 for s in j['giga_per_second'] for k in ('event', 'lookup', 'dense', 'attention', 'neurons'))"
  SNNQ_ISA=generic expect 0 "bench --peak, generic" bench --peak --json
  json "peak of the set that is asked for" "j['giga_per_second'][0]['used']"
}

doctor_tests() {
  local rc=0
  "$SNNQ" doctor --json >"$WORK/out" 2>"$WORK/err" || rc=$?
  json "doctor" "all(set(c) == {'name', 'ok', 'detail', 'fix'} for c in j['checks']) and len(j['checks']) > 5 \
    and ($rc == 0) == all(c['ok'] for c in j['checks']) \
    and all(c['ok'] != bool(c['fix']) for c in j['checks']) \
    and any(c['name'] == 'sim' and c['ok'] for c in j['checks'])"
}

telemetry_tests() {
  expect 2 "top: an interval of nothing" top --interval 9
  error_says "expected at least 10, found 9"
  expect 2 "monitor: once without metrics" monitor --once
  error_says "expected --prom FILE beside it"
  expect 1 "monitor: metrics into no folder" monitor --once --prom "$WORK/nowhere/x.prom"
  [ ! -d /sys/module/snnq ] || return 0
  expect 3 "top without a driver" top --json
  error_says "the driver snnq is not loaded"
  expect 3 "monitor without a driver" monitor
  error_says "the driver snnq is not loaded"
}

validate_tests() {
  printf 'SNNQGOLD\x01\0\0\0\x01\0\0\0\xff' >"$WORK/vectors"
  expect 4 "validate: malformed vectors" validate --device "$DEVICE" --vectors "$WORK/vectors"
  error_says "case 0 of 1 is malformed"
  [ -e tests/golden/golden.bin ] || { skip validate "no tests/golden/golden.bin"; return; }
  expect 0 "validate" validate --device "$DEVICE" --vectors tests/golden/golden.bin --json
  json "validate" "j['failed'] == 0 and j['passed'] > 100 and len(j['cases']) == j['passed'] + j['skipped']"
  # one bit of the last output changed must be noticed
  /usr/bin/python3 - tests/golden/golden.bin "$WORK/vectors" <<'EOF'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
case = 16
body = case + 8 + 64
program, jobs, regions = struct.unpack_from("<3I", data, body)
at = body + 16 + (program + 7) // 8 * 8 + 24
for _ in range(regions):
    kind, _, size = struct.unpack_from("<IIQ", data, at)
    if kind == 2:
        data[at + 16] ^= 1
        break
    at += 16 + (0 if kind == 1 else (size + 7) // 8 * 8)
open(sys.argv[2], "wb").write(data)
EOF
  expect 1 "validate notices one changed bit" validate --device "$DEVICE" --vectors "$WORK/vectors" --json
  json "one case failed" "j['failed'] == 1 and 'expected' in [c for c in j['cases'] if c['result'] == 'failed'][0]['detail']"
}

import_tests() {
  mkdir "$WORK/slayer"
  expect 4 "import without network.yaml" import "$WORK/slayer" -o "$WORK/q"
  printf 'neuron: {type: LOIHI, vThMant: 80, vDecay: 5000}\nsimulation: {Ts: 1.0, tSample: 10}\n' \
    >"$WORK/slayer/network.yaml"
  expect 4 "import: decay out of range" import "$WORK/slayer" -o "$WORK/q"
  error_says "neuron.vDecay: expected a multiple of 1 in 0..4096, found 5000"
  sed -i 's/vDecay: 5000/vDecay: 128, iDecay: 1024, wgtExp: 0, refDelay: 1/' "$WORK/slayer/network.yaml"
  expect 4 "import: no weights" import "$WORK/slayer" -o "$WORK/q"
  printf '\x93NUMPY\x01\0\x46\0%-69s\n' "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }" >"$WORK/slayer/fc1.npy"
  expect 4 "import: Fortran order" import "$WORK/slayer" -o "$WORK/q"
  error_says "expected fortran_order: False"
  printf 'hello' >"$WORK/net.net"
  expect 4 "import: not HDF5" import "$WORK/net.net" -o "$WORK/q"
  error_says "expected an HDF5 file"
  /usr/bin/python3 -c "
import numpy as np, sys
np.save(sys.argv[1], (2 * (np.arange(3 * 8) % 7 - 3)).astype(np.int8).reshape(3, 8))" "$WORK/slayer/fc1.npy"
  expect 0 "import" import "$WORK/slayer" -o "$WORK/slayer.snnq" --width 2 --height 2 --polarities 2 --json
  json "import" "j['layers'][0]['bits'] == 3 and j['classes'] == 3 and j['input']['width'] == 2 \
    and j['input']['steps'] == 10"
  cp "$WORK/out" "$WORK/imported"
  # both writers and both readers of the short form agree
  tools/train/snnqfile.py "$WORK/slayer.snnq" -o "$WORK/again.snnq"
  expect 0 "info of what Python wrote" info "$WORK/again.snnq" --json
  sed -i '/_bytes"\|_ratio"\|_bits"\|_percent"/d' "$WORK/imported" "$WORK/out"
  cmp -s "$WORK/out" "$WORK/imported" && ok "Python rewrites models" || bad "Python rewrites models"
}

energy_tests() {
  local models=("$DEMO/digits-float.snnq" "$DEMO/digits.snnq")
  expect 2 "energy without data" energy "${models[@]}"
  error_says "--data is missing"
  expect 2 "energy without a model" energy --data "$DEMO/test.tsv"
  expect 4 "energy of no model" energy "$WORK/none" --data "$DEMO/test.tsv"
  expect 0 "energy" energy "${models[@]}" --data "$DEMO/test.tsv" --limit 3 --json
  cp "$WORK/out" "$WORK/energy.json"
  json "energy: keys" "len(j['models']) == 2 and all(m['technology'] == '45 nm model' and m['recordings'] == 3 \
    and len(m['constants']) == 9 and all('2014' in c['source'] or 'Spikformer' in c['source'] for c in m['constants'].values()) \
    and m['dataflow'] == {'reuse': 64, 'tick_batching': False, 'reload': False, 'all_rows': False} for m in j['models'])"
  json "energy: sums" "all(abs(sum(l[k] for l in m['layers']) / m['total'][k] - 1) < 1e-9 \
    for m in j['models'] for k in ('compute_uj', 'sram_uj', 'dram_uj', 'total_uj', 'paper_uj')) \
    and all(abs(t['compute_uj'] + t['sram_uj'] + t['dram_uj'] - t['total_uj']) < 1e-9 for t in [m['total'] for m in j['models']])"
  json "energy: ratio" "j['models'][0]['ratio'] == 1 and 5 < j['models'][1]['ratio'] < 10 \
    and abs(j['models'][0]['total']['total_uj'] / j['models'][1]['total']['total_uj'] - j['models'][1]['ratio']) < 1e-9"
  # a layer by hand: block1.fc2 of the integer model, 256 inputs of one bit, 3-bit weights
  json "energy: one layer" "[abs(l['adds_uj'] - l['synops'] * 11 * 0.003125e-6) < 1e-12 and l['acc_bits'] == 11 \
    and abs(l['weight_dram_uj'] - 256 * 64 * 3 * 20.3125e-6) < 1e-9 and l['neuron_updates'] == 64 * 16 * 8 \
    for l in j['models'][1]['layers'] if l['name'] == 'block1.fc2'] == [True]"
  expect 0 "energy again" energy "${models[@]}" --data "$DEMO/test.tsv" --limit 3 --json
  cmp -s "$WORK/out" "$WORK/energy.json" && ok "energy is reproducible" || bad "energy is reproducible"
  printf '{"name": "free memory", "constants": {"sram_bit": {"pj": 0, "source": "test"},
    "dram_bit": {"pj": 0, "source": "test"}}}' >"$WORK/constants.json"
  expect 0 "energy with constants" energy "$DEMO/digits.snnq" --data "$DEMO/test.tsv" --limit 1 \
    --constants "$WORK/constants.json" --json
  json "energy: constants" "j['models'][0]['technology'] == 'free memory' \
    and j['models'][0]['total']['total_uj'] == j['models'][0]['total']['compute_uj'] > 0"
  printf '{"name": "x", "constants": {"sram": {}}}' >"$WORK/constants.json"
  expect 4 "energy with unknown constants" energy "$DEMO/digits.snnq" --data "$DEMO/test.tsv" \
    --constants "$WORK/constants.json"
  error_says 'constants: "sram" is not known'
  expect 0 "energy in words" energy "${models[@]}" --data "$DEMO/test.tsv" --limit 1 --layers --reuse 0 --tick-batching
  grep -q '^45 nm model' "$WORK/out" && ok "energy names its model" || bad "energy names its model"
  [ "$(grep -c ' rate ' "$WORK/out")" -ge 54 ] && ok "energy of 2 x 27 layers" || bad "energy of 2 x 27 layers"
}

usage_tests
weak_model
quantize_tests
info_tests
device_tests
run_tests
eval_tests
energy_tests
bench_tests
doctor_tests
telemetry_tests
validate_tests
import_tests
finish
