#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Model files, arrays, journals and dumps made of damaged bytes: libFuzzer with ASan and UBSan, FUZZ_SECONDS
# (default 30) for each harness, from the kept corpora. What is found beyond these stays in
# build/check/fuzz-files for the next run.
# beside: others
set -euo pipefail

out=$PWD/build/check/fuzz-files
library=userspace/libsnnq
# shellcheck source=tests/tap.sh
. tests/tap.sh

# fuzz NAME "OPTIONS" SOURCE...: tests/fuzz/fuzz_NAME.c, seeds in tests/fuzz/corpus-NAME.
fuzz() {
  local name=$1 rc=0 runs options libraries
  read -r -a options <<<"$2"
  read -r -a libraries <<<"$(pkg-config --cflags --libs libcjson libmd libdrm)"
  shift 2
  mkdir -p "$out/$name"
  clang -g -O1 -std=gnu11 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -Iuapi -Ikernel -Ivalidator -Iuserspace/engine -Iuserspace/snnq -I"$library" "tests/fuzz/fuzz_$name.c" "$library"/base/*.c "$@" \
    "${libraries[@]}" -lm -o "$out/fuzz_$name"
  "$out/fuzz_$name" -max_total_time="${FUZZ_SECONDS:-30}" -timeout=20 "${options[@]}" \
    -artifact_prefix="$out/" "$out/$name" "tests/fuzz/corpus-$name" >"$out/$name.log" 2>&1 || rc=$?
  runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$out/$name.log")
  if [ $rc -eq 0 ] && [ "${runs:-0}" -gt 1000 ]; then
    ok "fuzzing of $name: $runs runs"
  else
    tail -n 40 "$out/$name.log" | note
    bad "fuzzing of $name: status $rc, ${runs:-0} runs"
  fi
}

mkdir -p "$out"
if command -v clang >/dev/null; then
  fuzz models "-dict=tests/fuzz/model.dict -max_len=4096" \
    "$library"/{model,float}/*.c userspace/engine/*.c validator/snnq_validate*.c
  fuzz dumps "-max_len=16384" userspace/snnq/dump.c userspace/snnq/dump_show.c
  fuzz files "-max_len=1024" "$library/import/import_npy.c" "$library/quantize/journal.c"
else
  skip "fuzzing of files" "clang is not installed"
fi
finish
