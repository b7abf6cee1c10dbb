#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# beside: others
#
# Instructions that the engine takes for a job, counted by callgrind: a hot loop that got longer is
# seen without a clock. The expected numbers are those of the compiler of Debian 12; whoever changes
# the engine on purpose writes down the new ones (tests/bench/instructions.txt).
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/tap.sh
. tests/tap.sh

out=build/check/instructions
expected=tests/bench/instructions.txt
percent=3

# count ISA JOBS: instructions of the whole program.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    "$out/tests/bench/engine_bench" --jobs "$2" "$1" 2>&1 | sed -n 's/.*Collected : *//p'
}

# As many as expected, give or take; fewer is to be written down too, or it could be lost again.
measure() {
  local isa=$1 usual=$2 one two job
  one=$(count "$isa" 1)
  two=$(count "$isa" 2)
  job=$((two - one))
  note <<<"$isa: $job instructions a job, expected $usual"
  [ $((job * 100)) -le $((usual * (100 + percent))) ] && [ $((job * 100)) -ge $((usual * (100 - percent))) ]
}

mkdir -p "$out"
[ -e "$out/build.ninja" ] || meson setup "$out" >"$out/setup.log"
if ninja -C "$out" tests/bench/engine_bench >"$out/build.log" 2>&1; then ok build; else note <"$out/build.log"; bad build; finish; fi
while read -r isa usual; do
  if [ "$isa" = avx2 ] && ! grep -qw avx2 /proc/cpuinfo; then
    may_skip "instructions of a job, avx2"
    skip "instructions of a job, $isa" "this machine has no AVX2"
  else
    check "instructions of a job, $isa" measure "$isa" "$usual"
  fi
done < <(grep -v '^#' "$expected")
finish
