#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Engine and validator under ASan and UBSan: every operation, every refusal, properties on random
# programs. And the layout of the structures of uapi/: the same for C and C++, for 64 and 32 bits.
set -euo pipefail

out=$PWD/build/check/unit-engine
passed=0 failed=0 skipped=0
export CMOCKA_MESSAGE_OUTPUT=TAP ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

ok() { echo "ok $1"; passed=$((passed + 1)); }
bad() { echo "not ok $1"; failed=$((failed + 1)); }
skip() { echo "ok $1 # SKIP $2"; skipped=$((skipped + 1)); }

# Count the cases of one program; one that dies, or says nothing, is a failure.
run_test() {
  local log=$out/$1.log status=0 failures
  "$out/build/tests/unit/test_$1" >"$log" 2>&1 || status=$?
  passed=$((passed + $(grep -c '^ok ' "$log" || true)))
  failures=$(grep -c '^not ok ' "$log" || true)
  failed=$((failed + failures))
  grep '^ok \|^not ok ' "$log" | sed "s/^\(not ok\|ok\) [0-9]*/\1 $1/" || true
  if [ $status -ne 0 ] || ! grep -q '^ok ' "$log"; then
    cat "$log"
    if [ "$failures" -eq 0 ]; then bad "$1: exit status $status"; fi
  fi
}

unit_tests() {
  local name
  test -e "$out/build/build.ninja" ||
    meson setup "$out/build" -Db_sanitize=address,undefined -Db_lundef=false >"$out/meson.log"
  if ! grep -q 'test_validate' "$out/build/build.ninja"; then
    skip "unit tests of the engine" "cmocka is not installed"
    return
  fi
  for name in engine neuron property validate golden; do
    [ -e "tests/unit/test_$name.c" ] || continue
    if ninja -C "$out/build" -j"${JOBS:-$(nproc)}" "tests/unit/test_$name" >"$out/ninja.log" 2>&1; then
      run_test "$name"
    else
      cat "$out/ninja.log"
      bad "build of test_$name"
    fi
  done
}

# layout NAME COMPILER...: compile, run, compare with the first.
layout() {
  local name=$1 drm
  shift
  drm=$(pkg-config --cflags-only-I libdrm)
  # shellcheck disable=SC2086 # $drm is a list of options
  if ! "$@" -Wall -Wextra -Werror -Iuapi $drm tests/unit/layout.c -o "$out/layout" 2>"$out/layout.log"; then
    if grep -q 'cannot find\|bits/libc-header-start.h' "$out/layout.log"; then
      skip "layout $name" "no libraries for it"
    else
      cat "$out/layout.log"
      bad "layout $name"
    fi
    return
  fi
  "$out/layout" >"$out/layout-$name.txt"
  if diff "$out/layout-c64.txt" "$out/layout-$name.txt"; then ok "layout $name"; else bad "layout $name"; fi
}

# strict NAME COMPILER...: the validator is compiled in places with their own ideas of warnings.
strict() {
  local name=$1 file
  shift
  for file in kernel/snnq_validate*.c; do
    if "$@" -O2 -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Werror \
      -Iuapi -Ikernel -c "$file" -o "$out/validate.o"; then
      ok "${file##*/} without warnings: $name"
    else
      bad "${file##*/} without warnings: $name"
    fi
  done
}

mkdir -p "$out"
unit_tests
layout c64 gcc -std=gnu11
layout c32 gcc -std=gnu11 -m32
layout cxx64 gcc -x c++
layout cxx32 gcc -x c++ -m32
strict gcc gcc -std=gnu11
if command -v clang >/dev/null; then
  strict clang clang -std=gnu11
else
  skip "validator without warnings: clang" "not installed"
fi
echo "RESULT passed=$passed failed=$failed skipped=$skipped"
[ $failed -eq 0 ]
