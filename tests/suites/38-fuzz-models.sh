#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Model files made of damaged bytes: libFuzzer with ASan and UBSan, FUZZ_SECONDS (default 30), from
# the kept corpus. What it finds beyond that stays in build/check/fuzz-models/corpus for the next run.
set -euo pipefail

out=$PWD/build/check/fuzz-models
library=userspace/libsnnq
mkdir -p "$out/corpus"
if ! command -v clang >/dev/null; then
  echo "ok fuzzing of models # SKIP clang is not installed"
  echo "RESULT passed=0 failed=0 skipped=1"
  exit 0
fi
read -r -a libraries <<<"$(pkg-config --cflags --libs libcjson)"
clang -g -O1 -std=gnu11 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  -Iuapi -Ikernel -Iuserspace/engine -I"$library" tests/fuzz/fuzz_model.c \
  "$library"/{modelfile,graph,graph_units,compact,expand,json,error,compile,describe}.c \
  "$library"/floatnet*.c "$library/quantize/grid.c" userspace/engine/*.c kernel/snnq_validate*.c \
  "${libraries[@]}" -lm -o "$out/fuzz_model"
rc=0
"$out/fuzz_model" -max_total_time="${FUZZ_SECONDS:-30}" -dict=tests/fuzz/model.dict -max_len=4096 \
  -timeout=20 -artifact_prefix="$out/" "$out/corpus" tests/fuzz/corpus-models >"$out/log" 2>&1 || rc=$?
runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$out/log")
if [ $rc -eq 0 ] && [ "${runs:-0}" -gt 1000 ]; then
  echo "ok fuzzing of models: $runs runs"
  echo "RESULT passed=1 failed=0 skipped=0"
else
  tail -n 40 "$out/log"
  echo "not ok fuzzing of models: status $rc, ${runs:-0} runs"
  echo "RESULT passed=0 failed=1 skipped=0"
  exit 1
fi
