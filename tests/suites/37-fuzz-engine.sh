#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Fuzz validator and engine for FUZZ_SECONDS (60): programs and memory contents, from the kept
# corpus and generated programs. A crash leaves its input in build/check/fuzz-engine.
# beside: others
set -euo pipefail

out=$PWD/build/check/fuzz-engine
seconds=${FUZZ_SECONDS:-60}
include=(-Iuapi -Ivalidator -Iuserspace/engine -Itests/unit)
engine=(userspace/engine/*.c validator/snnq_validate*.c)

# shellcheck source=tests/tap.sh
. tests/tap.sh

fuzz() {
  local log=$out/fuzz.log
  clang -g -O1 -std=gnu11 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    "${include[@]}" tests/fuzz/fuzz_engine.c "${engine[@]}" -o "$out/fuzz_engine"
  gcc -O1 -std=gnu11 "${include[@]}" tests/fuzz/make_corpus.c tests/unit/{program,random}.c \
    "${engine[@]}" -o "$out/make_corpus"
  "$out/make_corpus" "$out/corpus" 13 100
  cp -n tests/fuzz/corpus/engine/* "$out/corpus/"
  if "$out/fuzz_engine" -max_total_time="$seconds" -max_len=16384 -timeout=60 -rss_limit_mb=4096 \
    -print_final_stats=1 -artifact_prefix="$out/crash-" "$out/corpus" >"$log" 2>&1; then
    ok "fuzz engine: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
  else
    tail -n 40 "$log" | note
    bad "fuzz engine"
  fi
}

mkdir -p "$out/corpus"
if command -v clang >/dev/null; then fuzz; else skip "fuzz engine" "no clang"; fi
finish
