#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The device model without a guest: registers, rings, faults, resets and the golden vectors, by the
# qtest program of tests/qtest.
# timeout: 2700
set -euo pipefail

log=build/check/qtest.tap
golden=$PWD/tests/golden/golden.bin

mkdir -p build/check
tools/qemu/build --tests
[ ! -e "$golden" ] || export SNNQ_GOLDEN=$golden
export QTEST_QEMU_BINARY=$PWD/build/qemu/qemu-system-x86_64

# -k: go on after a test that only reported its failure; one that aborts ends the run, which counts.
status=0
(cd build/qemu/firmware && ../snnq-test --tap -k) >"$log" 2>"$log.err" || status=$?
grep -E '^(ok|not ok|Bail out)' "$log" || true

passed=$(grep -c '^ok [0-9]* [^#]*$' "$log" || true)
skipped=$(grep -c '^ok .*# SKIP' "$log" || true)
failed=$(grep -c '^not ok ' "$log" || true)
planned=$(sed -n 's/^1\.\.//p' "$log")
if [ $((passed + skipped + failed)) -lt "${planned:-1}" ]; then
  failed=$((failed + ${planned:-1} - passed - skipped - failed))
fi
if [ "$status" -ne 0 ] || [ "$failed" -gt 0 ]; then
  tail -n 20 "$log.err"
  [ "$failed" -gt 0 ] || failed=1
fi
echo "RESULT passed=$passed failed=$failed skipped=$skipped"
[ "$failed" -eq 0 ]
