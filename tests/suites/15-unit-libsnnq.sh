#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# libsnnq under ASan and UBSan: all its unit tests; under TSan those that have threads. And what it
# shows to others: exported symbols, headers, the example of the README.
set -euo pipefail

out=$PWD/build/check/unit-libsnnq
passed=0 failed=0 skipped=0
export CMOCKA_MESSAGE_OUTPUT=TAP UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export SNNQ_DATA=${SNNQ_DATA:-$PWD/../shared/data}

ok() { echo "ok $1"; passed=$((passed + 1)); }
bad() { echo "not ok $1"; failed=$((failed + 1)); }
skip() { echo "ok $1 # SKIP $2"; skipped=$((skipped + 1)); }
check() { if "${@:2}"; then ok "$1"; else bad "$1"; fi; }

# configure DIR SANITIZERS
configure() {
  test -e "$1/build.ninja" || meson setup "$1" -Db_sanitize="$2" -Db_lundef=false >"$1.log"
}

# build DIR TARGET...
build() {
  ninja -C "$1" -j"${JOBS:-$(nproc)}" "${@:2}" >"$out/ninja.log" 2>&1 && return
  cat "$out/ninja.log"
  return 1
}

# Count the cases of one program; one that dies, or says nothing, is a failure.
run_test() {
  local name=$2 log=$out/$2.log status=0 bad_cases
  "$1/tests/libsnnq/test_$2" >"$log" 2>&1 || status=$?
  passed=$((passed + $(grep '^ok ' "$log" | grep -vc '# SKIP' || true)))
  skipped=$((skipped + $(grep -c '^ok .*# SKIP' "$log" || true)))
  bad_cases=$(grep -c '^not ok ' "$log" || true)
  failed=$((failed + bad_cases))
  grep '^SKIP:\|^ok \|^not ok ' "$log" | sed "s/^\(not ok\|ok\) [0-9]*/\1 $name/" || true
  if [ $status -ne 0 ] || ! grep -q '^ok ' "$log"; then
    cat "$log"
    [ "$bad_cases" -ne 0 ] || bad "$name: exit status $status"
  fi
}

# The names of all tests come from the build, so that none is forgotten.
tests_of() {
  ninja -C "$1" -t targets all | sed -n 's|^tests/libsnnq/test_\([a-z_]*\): .*|\1|p' | sort
}

# run_tests DIR NAME...
run_tests() {
  local name
  for name in "${@:2}"; do
    if build "$1" "tests/libsnnq/test_$name"; then run_test "$1" "$name"
    else bad "build of test_$name in $1"; fi
  done
}

unit_tests() {
  local names
  configure "$out/asan" address,undefined
  mapfile -t names < <(tests_of "$out/asan")
  [ ${#names[@]} -ge 15 ] || bad "the list of tests"
  run_tests "$out/asan" "${names[@]}"
  configure "$out/tsan" thread
  TSAN_OPTIONS=halt_on_error=1 run_tests "$out/tsan" libsnnq_stream libsnnq_floatnet compensate quantize
}

# Declared in the headers, named in the map and exported by the library: three equal lists.
symbols() {
  nm -D --defined-only "$1" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort >"$out/exported.txt"
  sed -n 's/^\t\(snnq_[a-z0-9_]*\);$/\1/p' userspace/libsnnq/libsnnq.map | sort >"$out/map.txt"
  cat userspace/libsnnq/snnq.h userspace/libsnnq/snnq_tools.h |
    sed -n 's/^[a-z].*[ *]\(snnq_[a-z0-9_]*\)(.*/\1/p' | sort >"$out/declared.txt"
  [ -s "$out/exported.txt" ] && diff "$out/map.txt" "$out/exported.txt" && diff "$out/declared.txt" "$out/map.txt"
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
    -L"$1" -lsnnq -Wl,-rpath,"$1" -o "$out/header" && "$out/header"
}

# The README shows what is compiled here, and it does what the README says.
# shellcheck disable=SC2016 # the backquotes are those of Markdown
example_text() {
  sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' | diff - <(sed 1,2d tests/examples/classify.c)
}

example_runs() {
  "$1/tests/libsnnq/write_example" "$out/net.snnq" "$out/two.bin" || return 1
  ASAN_OPTIONS=detect_leaks=0 "$1/tests/libsnnq/classify" "$out/net.snnq" "$out/two.bin" >"$out/classes.txt" || return 1
  cat "$out/classes.txt"
  [ "$(grep -cxE '0 yes|1 no' "$out/classes.txt")" -eq 2 ]
}

mkdir -p "$out"
if ! pkg-config --exists cmocka; then
  skip "unit tests of libsnnq" "cmocka is not installed"
else
  unit_tests
  if build "$out/asan" userspace/libsnnq/libsnnq.so.0.1.0 tests/libsnnq/{classify,write_example}; then
    check "exported symbols" symbols "$out/asan/userspace/libsnnq/libsnnq.so.0.1.0"
    check "C++" cxx "$out/asan/userspace/libsnnq"
    check "example runs" example_runs "$out/asan"
  else
    bad "build of the library and the example"
  fi
fi
check "headers" headers
check "example in the README" example_text
echo "RESULT passed=$passed failed=$failed skipped=$skipped"
[ $failed -eq 0 ]
