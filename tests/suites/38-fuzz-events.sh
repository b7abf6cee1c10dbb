#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Recordings made of damaged bytes: libFuzzer with ASan and UBSan, FUZZ_RUNS of them (default
# 40000) in at most FUZZ_SECONDS (default 300). It begins with what all runs before have found:
# tests/fuzz/corpus-events. What it finds beyond is kept in build/check/fuzz-events/corpus; to add it:
# build/check/fuzz-events/fuzz_events -merge=1 tests/fuzz/corpus-events build/check/fuzz-events/corpus
# beside: others
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

out=$PWD/build/check/fuzz-events
mkdir -p "$out/corpus"
if ! command -v clang >/dev/null; then
  skip "fuzzing of recordings" "clang is not installed"
  finish
fi
read -r -a libraries <<<"$(pkg-config --cflags --libs libcjson liblz4 libzstd expat zlib)"
clang -g -O1 -std=gnu11 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  -Iuserspace/libsnnq -Itests/unit tests/fuzz/fuzz_events.c userspace/libsnnq/events/*.c \
  userspace/libsnnq/base/*.c "${libraries[@]}" -o "$out/fuzz_events"
rc=0 least=${FUZZ_RUNS:-40000}
"$out/fuzz_events" -runs="$least" -max_total_time="${FUZZ_SECONDS:-300}" -max_len=8192 -timeout=20 \
  -artifact_prefix="$out/" "$out/corpus" tests/fuzz/corpus-events >"$out/log" 2>&1 || rc=$?
runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$out/log")
if [ $rc -eq 0 ] && [ "${runs:-0}" -ge "$least" ]; then
  ok "fuzzing of recordings: $runs runs"
else
  tail -n 40 "$out/log" | note
  bad "fuzzing of recordings: status $rc, ${runs:-0} of $least runs"
fi
finish
