#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Model files, networks of other projects, arrays, journals and dumps made of damaged bytes: libFuzzer
# with ASan and UBSan, FUZZ_SECONDS (default 20) for each harness, from the kept corpora. What is found
# beyond these stays in build/check/fuzz-files for the next run.
# beside: others
set -euo pipefail

out=$PWD/build/check/fuzz-files
library=userspace/libsnnq
# shellcheck disable=SC2054 # the commas are those of the compiler
flags=(-g -O1 -std=gnu11 -fsanitize=address,undefined -fno-sanitize-recover=all
  -Iuapi -Ikernel -Ivalidator -Iuserspace/engine -Iuserspace/snnq -I"$library")
export TMPDIR=$out
# shellcheck source=tests/tap.sh
. tests/tap.sh

# What harnesses have in common, once: $out/library.a.
build_library() {
  local source packages
  packages=$(pkg-config --cflags --libs libcjson libmd libdrm yaml-0.1 zlib)
  read -r -a libraries <<<"$packages"
  rm -rf "$out/objects" "$out/library.a"
  mkdir -p "$out/objects"
  for source in "$library"/{base,model,float,import}/*.c userspace/engine/*.c validator/snnq_validate*.c; do
    echo "-c $source -o $out/objects/${source//\//_}.o"
  done | xargs -P "${JOBS:-$(nproc)}" -L 1 clang "${flags[@]}" -fsanitize=fuzzer-no-link \
    -Wno-unused-command-line-argument "${libraries[@]}" >"$out/build.log" 2>&1 &&
    ar rcs "$out/library.a" "$out"/objects/*.o && return
  note <"$out/build.log"
  return 1
}

# fuzz NAME "OPTIONS" SOURCE...: tests/fuzz/fuzz_NAME.c, seeds in tests/fuzz/corpus-NAME.
fuzz() {
  local name=$1 rc=0 runs options
  read -r -a options <<<"$2"
  shift 2
  mkdir -p "$out/$name"
  clang "${flags[@]}" -fsanitize=fuzzer "tests/fuzz/fuzz_$name.c" "$@" "$out/library.a" \
    "${libraries[@]}" -ldl -lm -o "$out/fuzz_$name"
  "$out/fuzz_$name" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=20 "${options[@]}" \
    -artifact_prefix="$out/" "$out/$name" "tests/fuzz/corpus-$name" >"$out/$name.log" 2>&1 || rc=$?
  runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$out/$name.log")
  if [ $rc -eq 0 ] && [ "${runs:-0}" -gt "${least:-500}" ]; then
    ok "fuzzing of $name: $runs runs"
  else
    tail -n 40 "$out/$name.log" | note
    bad "fuzzing of $name: status $rc, ${runs:-0} runs"
  fi
}

# To look for leaks after each takes long: the networks that are sound, and some of the others, are
# enough.
fuzz_import() {
  least=250 fuzz import "-dict=tests/fuzz/import.dict -max_len=12288 -detect_leaks=0"
  if "$out/fuzz_import" tests/fuzz/corpus-import/{answer-*,nir-*,lava-*,slayer*,0*} >"$out/leaks.log" 2>&1; then
    ok "importers leave nothing behind"
  else
    tail -n 40 "$out/leaks.log" | note
    bad "importers leave nothing behind"
  fi
}

mkdir -p "$out"
if ! command -v clang >/dev/null; then
  skip "fuzzing of files" "clang is not installed"
elif build_library; then
  fuzz models "-dict=tests/fuzz/model.dict -max_len=4096"
  fuzz dumps "-max_len=16384" userspace/snnq/dump.c userspace/snnq/dump_show.c
  fuzz files "-max_len=1024" "$library"/{quantize/journal,run/values,run/values_file,events/zip,events/columns}.c
  fuzz_import
else
  bad "build of the library for fuzzing"
fi
finish
