#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The reference: its own tests, the published networks, and the committed golden vectors, which
# must be what the reference writes today.
# timeout: 1800
set -euo pipefail

out=build/check/reference
passed=0 failed=0 skipped=0

ok() { echo "ok $1"; passed=$((passed + 1)); }
bad() { echo "not ok $1"; failed=$((failed + 1)); }

# Each Python test counts by its own line, "name (where) ... ok".
python_tests() {
  local log=$out/$1.log rc=0 line
  # Debian's interpreter, because Debian's NumPy belongs to it.
  /usr/bin/python3 "tests/reference/$1.py" -v >"$log" 2>&1 || rc=$?
  while read -r line; do
    case $line in
      *'... ok') ok "$line" ;;
      *'... skipped'*) echo "ok $1 # SKIP $line"; skipped=$((skipped + 1)) ;;
      *'... FAIL' | *'... ERROR') bad "$line" ;;
    esac
  done < <(grep -E '\.\.\. (ok|FAIL|ERROR|skipped)' "$log")
  [ $rc -eq 0 ] || { cat "$log"; bad "$1 exit status $rc"; }
}

mkdir -p "$out"
export PYTHONDONTWRITEBYTECODE=1
if ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  echo "ok reference # SKIP no NumPy: install python3-numpy"
  echo "RESULT passed=0 failed=0 skipped=1"
  exit 0
fi
python_tests test_reference
if ! /usr/bin/python3 tests/reference/golden.py "$out/golden.bin"; then
  bad "golden vectors can be generated"
elif cmp "$out/golden.bin" tests/golden/golden.bin; then
  ok "golden vectors are those of the reference"
else
  bad "golden vectors are those of the reference"
fi
python_tests test_real
echo "RESULT passed=$passed failed=$failed skipped=$skipped"
[ $failed -eq 0 ]
