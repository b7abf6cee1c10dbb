#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Engine and validator under ASan and UBSan: every operation, every refusal, properties on random
# programs; under TSan what threads share. And the layout of uapi/ and of the device's registers: as checked in, in C and C++ and on
# each ABI, and without holes.
# timeout: 1800
# beside: others
set -euo pipefail

out=$PWD/build/check/unit-engine
export CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# shellcheck source=tests/tap.sh
. tests/tap.sh

unit_tests() {
  local name
  if ! pkg-config --exists cmocka; then
    skip "unit tests of the engine" "cmocka is not installed"
    return
  fi
  if ! [ -e "$out/build/build.ninja" ] &&
    ! meson setup "$out/build" -Db_sanitize=address,undefined -Db_lundef=false >"$out/meson.log" 2>&1; then
    note <"$out/meson.log"
    bad "configuration"
    return
  fi
  for name in caps crew engine hostile neuron plan property validate weights; do
    if ninja -C "$out/build" -j"${JOBS:-$(nproc)}" "tests/unit/test_$name" >"$out/ninja.log" 2>&1; then
      tap "$name" "$out/build/tests/unit/test_$name"
    else
      note <"$out/ninja.log"
      bad "build of test_$name"
    fi
  done
  if ninja -C "$out/build" tests/unit/test_golden >"$out/ninja.log" 2>&1; then golden "$out/build" sanitized
  else bad "build of test_golden"; fi
}

# golden BUILD NAME: golden vectors with each instruction set that the engine and the processor have.
golden() {
  local pair isa flag
  for pair in generic: avx2:avx2 avx512:avx512dq vnni:avx512_vnni vbmi2:avx512_vbmi2; do
    isa=${pair%:*} flag=${pair#*:}
    if [ -n "$flag" ] && ! grep -qw "$flag" /proc/cpuinfo; then
      skip "golden, $isa, $2" "the processor has no $flag"
    else
      tap "golden, $isa, $2" env SNNQ_ISA="$isa" "$1/tests/unit/test_golden"
    fi
  done
}

# As for users: without sanitizers, and with all that the optimizer makes of the loops.
optimized() {
  local build=$out/optimized name
  if ! [ -e "$build/build.ninja" ] && ! meson setup "$build" >"$out/meson.log" 2>&1; then
    note <"$out/meson.log"
    bad "configuration without sanitizers"
  elif ! ninja -C "$build" -j"${JOBS:-$(nproc)}" tests/unit/test_{golden,property,safe_points} >"$out/ninja.log" 2>&1; then
    note <"$out/ninja.log"
    bad "build without sanitizers"
  else
    golden "$build" optimized
    for name in property safe_points; do tap "$name, optimized" "$build/tests/unit/test_$name"; done
  fi
}

# Plans in several threads that share weights, and threads within a job.
threads() {
  local build=$out/tsan name
  if ! [ -e "$build/build.ninja" ] &&
    ! meson setup "$build" -Db_sanitize=thread -Db_lundef=false >"$out/meson.log" 2>&1; then
    note <"$out/meson.log"
    bad "configuration for TSan"
  elif ! ninja -C "$build" -j"${JOBS:-$(nproc)}" tests/unit/test_{crew,weights} >"$out/ninja.log" 2>&1; then
    note <"$out/ninja.log"
    bad "build for TSan"
  else
    for name in crew weights; do
      tap "$name, TSan" env TSAN_OPTIONS=halt_on_error=1 "$build/tests/unit/test_$name"
    done
  fi
}

# layout NAME COMPILER...: the sizes, offsets and constants that the compiler puts into the assembly
# are those checked in. Nothing is executed, so any ABI that the compiler knows will do.
layout() {
  local name=$1 compile
  # Debian keeps the asm/ headers of all ABIs of this machine here.
  compile=("${@:2}" -Wall -Wextra -Werror -Iuapi -Ikernel "${drm[@]}" -isystem /usr/include/x86_64-linux-gnu -S)
  if ! "${compile[@]}" -include stddef.h -include drm.h -x c /dev/null -o /dev/null 2>"$out/layout.log"; then
    skip "layout $name" "$1: $(head -n 1 "$out/layout.log")"
  elif ! "${compile[@]}" "$out/abi.c" -o "$out/abi-$name.s"; then
    bad "layout $name"
  else
    tools/abi text "$out/abi-$name.s" >"$out/abi-$name.txt"
    if diff uapi/abi.txt "$out/abi-$name.txt"; then ok "layout $name"; else bad "layout $name"; fi
  fi
}

# Bytes between fields or behind the last would be copied to users, and differ between ABIs.
holes() {
  if awk '
    function close_struct() { if (name && end != size) { print name " ends at " end ", not " size; bad = 1 } }
    /^\t/ { if ($4 != end) { print name " " $1 " at " $4 ", expected " end; bad = 1 } end = $4 + $2; fields++; next }
    { close_struct(); name = "" }
    /^struct/ { name = $2; size = $3; end = 0; structs++ }
    END { close_struct(); exit bad || structs < 20 || fields < 200 }' uapi/abi.txt
  then ok "structures without holes"; else bad "structures without holes"; fi
}

layouts() {
  local target drm
  tools/abi source >"$out/abi.c"
  holes
  read -r -a drm <<<"$(pkg-config --cflags-only-I libdrm)"
  layout c64 gcc -std=gnu11
  layout c32 gcc -std=gnu11 -m32
  layout cxx64 gcc -x c++
  layout cxx32 gcc -x c++ -m32
  for target in i386-linux-gnu armv7-linux-gnueabihf aarch64-linux-gnu riscv32-linux-gnu riscv64-linux-gnu; do
    if command -v clang >/dev/null; then
      layout "${target%%-*}" clang -std=gnu11 --target="$target"
    else
      skip "layout ${target%%-*}" "clang is not installed"
    fi
  done
}

# strict NAME COMPILER...: the validator is compiled in places with their own ideas of warnings.
strict() {
  local name=$1 file
  shift
  for file in validator/snnq_validate*.c; do
    if "$@" -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Werror \
      -Iuapi -Ivalidator -c "$file" -o "$out/validate.o"; then
      ok "${file##*/} without warnings: $name"
    else
      bad "${file##*/} without warnings: $name"
    fi
  done
}

mkdir -p "$out"
unit_tests
optimized
threads
layouts
strict gcc gcc -std=gnu11
if command -v clang >/dev/null; then
  strict clang clang -std=gnu11
else
  skip "validator without warnings: clang" "not installed"
fi
finish
