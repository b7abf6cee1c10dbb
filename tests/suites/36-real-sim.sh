#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Published networks on real recordings in sim: every spike count equals the published integers; and one of
# them quantized again.
# SNNQ_DATA names the folder of the third-party data; without it the tests skip.
# timeout: 2400
set -euo pipefail

log=$(mktemp)
trap 'rm -f "$log"' EXIT
export SNNQ=$PWD/build/snnq SNNQ_DEVICE=sim
status=0
for t in nmnist.sh gesture.sh lava.py requantize.py; do
  rc=0
  "tests/real/$t" | tee -a "$log" || rc=$?
  if [ $rc -ne 0 ]; then
    echo "# tests/real/$t: status $rc"
    status=1
  fi
done
passed=$(grep '^ok ' "$log" | grep -vc '# SKIP' || true)
failed=$(grep -c '^not ok ' "$log" || true)
skipped=$(grep -c '^ok .*# SKIP' "$log" || true)
if [ $status -ne 0 ] && [ "$failed" -eq 0 ]; then
  echo "not ok a comparison ended early"
  failed=1
fi
echo "RESULT passed=$passed failed=$failed skipped=$skipped"
[ "$failed" -eq 0 ]
