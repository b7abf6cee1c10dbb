#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 1800
# beside: others
#
# The engine on arm64, built here and run by QEMU's user mode: its instruction sets have the bits of
# the golden vectors, and of each other with each kernel. A processor without dot products has no
# such set. And the instructions of a job, as in 18-instructions.sh; those expected are in
# tests/bench/instructions-arm64.txt.
# on: arm64, in QEMU's user mode
set -euo pipefail
# shellcheck source=tests/tap.sh
. tests/tap.sh

out=$PWD/build/check/engine-arm64
build=$out/build
percent=3
export CMOCKA_MESSAGE_OUTPUT=TAP

# on CPU COMMAND...: with QEMU's own words for standard error.
on() { qemu-aarch64 -L "$cross/root" -cpu "$@"; }

# The compiler and libraries, and cmocka among them.
prepare() {
  cross=$(tools/debian/cross) || return
  [ -e "$cross/root/usr/include/cmocka.h" ] ||
    SNNQ_DEB_ARCH=arm64 tools/debian/fetch deb host "$cross/root" libcmocka-dev libcmocka0 || return
  [ -e "$build/build.ninja" ] || meson setup "$build" --cross-file "$cross/meson" || return
  ninja -C "$build" -j"${JOBS:-$(nproc)}" tests/bench/engine_bench tests/unit/test_{golden,neuron,property} || return
  gcc -O2 -Wall -Wextra -shared -fPIC tests/bench/insn_plugin.c -o "$out/insn_plugin.so"
}

# The benchmark refuses a set that the processor has not.
has() { on "$1" "$build/tests/bench/engine_bench" --jobs 0 "$2" >"$out/has.log" 2>&1; }
has_not() { ! has "$@" && grep -q "^$2: expected an instruction set" "$out/has.log"; }

# golden CPU SET: the vectors.
golden() {
  check "$2 on $1" has "$1" "$2"
  tap "golden, $2, $1" on "$1" -E SNNQ_ISA="$2" "$build/tests/unit/test_golden"
}

# count SET JOBS: instructions of the whole program.
count() {
  on max -plugin "$out/insn_plugin.so" "$build/tests/bench/engine_bench" --jobs "$2" "$1" 2>&1 |
    sed -n 's/^instructions: //p'
}

measure() {
  local isa=$1 usual=$2 job
  job=$(($(count "$isa" 2) - $(count "$isa" 1)))
  note <<<"$isa: $job instructions a job, expected $usual"
  [ $((job * 100)) -le $((usual * (100 + percent))) ] && [ $((job * 100)) -ge $((usual * (100 - percent))) ]
}

mkdir -p "$out"
if prepare >"$out/prepare.log" 2>&1; then ok build; else tail -n 30 "$out/prepare.log" | note; bad build; finish; fi
golden max dotprod
golden cortex-a53 neon
check "no dotprod on cortex-a53" has_not cortex-a53 dotprod
tap "property, each set" on max "$build/tests/unit/test_property"
for cpu in max cortex-a53; do tap "neuron, $cpu" on "$cpu" "$build/tests/unit/test_neuron"; done
while read -r isa usual; do
  check "instructions of a job, $isa" measure "$isa" "$usual"
done < <(grep -v '^#' tests/bench/instructions-arm64.txt)
finish
