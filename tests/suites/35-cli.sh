#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every verb of the command line: exit codes, JSON keys, messages, files; and what quantize computes
# and searches.
# timeout: 2400
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
rc=0
tests/cli/verbs.sh | tee "$log" || rc=$?
tests/cli/pools.py | tee -a "$log" || rc=$?
tests/cli/search.sh | tee -a "$log" || rc=$?
passed=$(grep '^ok ' "$log" | grep -vc '# SKIP' || true)
failed=$(grep -c '^not ok ' "$log" || true)
skipped=$(grep -c '^ok .*# SKIP' "$log" || true)
if [ $rc -ne 0 ] && [ "$failed" -eq 0 ]; then
  echo "not ok a test of the command line ended early with status $rc"
  failed=1
fi
echo "RESULT passed=$passed failed=$failed skipped=$skipped"
[ "$failed" -eq 0 ]
