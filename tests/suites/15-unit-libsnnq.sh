#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# libsnnq under ASan and UBSan: all its unit tests; under TSan those that have threads. And what it
# shows to others: exported symbols, headers, the example of the README.
# timeout: 1800
# beside: others
set -euo pipefail

out=$PWD/build/check/unit-libsnnq
export CMOCKA_MESSAGE_OUTPUT=TAP UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export SNNQ_DATA=${SNNQ_DATA:-$PWD/../shared/data}

# shellcheck source=tests/tap.sh
. tests/tap.sh
# Recordings of third parties.
may_skip 'events: .*'

# configure DIR SANITIZERS
configure() {
  test -e "$1/build.ninja" || meson setup "$1" -Db_sanitize="$2" -Db_lundef=false >"$1.log" 2>&1 && return
  note <"$1.log"
  return 1
}

# build DIR TARGET...
build() {
  ninja -C "$1" -j"${JOBS:-$(nproc)}" "${@:2}" >"$out/ninja.log" 2>&1 && return
  note <"$out/ninja.log"
  return 1
}

# The names of all tests come from the build, so that none is forgotten.
tests_of() {
  ninja -C "$1" -t targets all | sed -n 's|^tests/libsnnq/test_\([a-z_]*\): .*|\1|p' | sort
}

# run_tests DIR NAME...
run_tests() {
  local name
  for name in "${@:2}"; do
    if build "$1" "tests/libsnnq/test_$name"; then tap "$name" "$1/tests/libsnnq/test_$name"
    else bad "build of test_$name in $1"; fi
  done
}

unit_tests() {
  local names
  configure "$out/asan" address,undefined || { bad "configuration for ASan"; return; }
  mapfile -t names < <(tests_of "$out/asan")
  [ ${#names[@]} -ge 15 ] || bad "the list of tests"
  run_tests "$out/asan" "${names[@]}"
  configure "$out/tsan" thread || { bad "configuration for TSan"; return; }
  TSAN_OPTIONS=halt_on_error=1 run_tests "$out/tsan" libsnnq_stream libsnnq_feed libsnnq_floatnet compensate quantize
}

# exports LIBRARY MAP HEADER: declared, named in the map and exported: three equal lists.
exports() {
  nm -D --defined-only "$1" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | grep -v '^snnq_private_' |
    sort >"$out/exported.txt"
  sed -n 's/^\t\(snnq_[a-z0-9_]*\);$/\1/p' "$2" | sort >"$out/map.txt"
  sed -n 's/^[a-z].*[ *]\(snnq_[a-z0-9_]*\)(.*/\1/p' "$3" | sort >"$out/declared.txt"
  [ -s "$out/exported.txt" ] && diff "$out/map.txt" "$out/exported.txt" && diff "$out/declared.txt" "$out/map.txt"
}

# What private.h lists is what one library has and the other uses.
private_names() {
  sed -n 's/^#define [a-z0-9_]*[[:blank:]]*\(snnq_private_.*\)/\1/p' userspace/libsnnq/private.h | sort >"$out/listed.txt"
  nm -D --defined-only "$1" | sed -n 's/.* T \(snnq_private_[a-z0-9_]*\)@.*/\1/p' | sort >"$out/given.txt"
  nm -D --undefined-only "$2" | sed -n 's/.* \(snnq_private_[a-z0-9_]*\)@.*/\1/p' | sort >"$out/used.txt"
  [ -s "$out/listed.txt" ] && diff "$out/listed.txt" "$out/given.txt" && diff "$out/listed.txt" "$out/used.txt"
}

symbols() {
  local source=userspace/libsnnq
  exports "$1/libsnnq.so" $source/libsnnq.map.in $source/snnq.h &&
    exports "$1/libsnnq-tools.so" $source/libsnnq-tools.map $source/snnq_tools.h &&
    private_names "$1/libsnnq.so" "$1/libsnnq-tools.so"
}

one_way() {
  local part objects
  for part in engine libsnnq; do
    mapfile -t objects < <(find "$1/$part" -name '*.o')
    tests/call-circles "${objects[@]}" >"$out/circles.txt" || { note <"$out/circles.txt"; return 1; }
  done
}

# Each header is complete by itself.
headers() {
  local file
  for file in userspace/libsnnq/snnq.h userspace/libsnnq/snnq_tools.h; do
    gcc -std=gnu11 -Wall -Wextra -Wstrict-prototypes -Werror -Iuserspace/libsnnq -fsyntax-only -x c "$file" || return 1
  done
}

cxx() {
  g++ -std=c++17 -Wall -Wextra -Werror -fsanitize=address,undefined -Iuserspace/libsnnq tests/unit/header.cc \
    -L"$1" -lsnnq-tools -lsnnq -Wl,-rpath,"$1" -o "$out/header" && "$out/header"
}

# The README shows what is compiled here, and it does what the README says.
# shellcheck disable=SC2016 # the backquotes are those of Markdown
example_text() {
  sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' | diff - <(sed 1,2d Documentation/examples/classify.c)
}

example_runs() {
  "$1/tests/libsnnq/write_example" "$out/net.snnq" "$out/two.bin" || return 1
  ASAN_OPTIONS=detect_leaks=0 "$1/tests/libsnnq/classify" "$out/net.snnq" "$out/two.bin" >"$out/classes.txt" || return 1
  cat "$out/classes.txt"
  [ "$(grep -cxE '0 yes|1 no' "$out/classes.txt")" -eq 2 ]
}

# The other one, at the end of a pipe; leaks and all.
live_runs() {
  "$1/tests/libsnnq/write_example" "$out/net.snnq" "$out/two.bin" || return 1
  "$1/tests/libsnnq/live" "$out/net.snnq" atis <"$out/two.bin" >"$out/live.txt" 2>"$out/live.err" || return 1
  cat "$out/live.txt" "$out/live.err"
  [ "$(grep -cxE 'step (0|8): (0 yes|1 no), after [0-9.]+ ms' "$out/live.txt")" -eq 2 ] &&
    grep -qx '0 of 2 windows dropped, 0 events late' "$out/live.err"
}

mkdir -p "$out"
if ! pkg-config --exists cmocka; then
  skip "unit tests of libsnnq" "cmocka is not installed"
else
  unit_tests
  if build "$out/asan" userspace/libsnnq/libsnnq{,-tools}.so.0.1.0 tests/libsnnq/{classify,live,write_example}; then
    check "exported symbols" symbols "$out/asan/userspace/libsnnq"
    check "files call each other one way" one_way "$out/asan/userspace"
    check "C++" cxx "$out/asan/userspace/libsnnq"
    check "example runs" example_runs "$out/asan"
    check "live example runs" live_runs "$out/asan"
  else
    bad "build of the library and the example"
  fi
fi
check "headers" headers
check "example in the README" example_text
finish
