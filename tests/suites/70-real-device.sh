#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Published networks on real recordings, through the driver in a guest: every spike count equals the
# published integers, as in sim. SNNQ_DATA names the folder of the third-party data.
set -euo pipefail

data=$(realpath -m "${SNNQ_DATA:-../shared/data}")
if [ ! -e "$data/nmnist/test.tsv" ]; then
  echo "ok real networks on the device # SKIP no third-party data in $data"
  echo "RESULT passed=0 failed=0 skipped=1"
  exit 0
fi
share=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$share" "$log"' EXIT
ln -s "$PWD/tests/real" "$share/real"
mkdir "$share/data"
for set in nmnist slayer-nmnist-mlp slayer-dvsgesture-cnn dvsgesture; do ln -s "$data/$set" "$share/data/$set"; done
rc=0
tools/guest/run --share "$share" --timeout 800 --cmd '
export SNNQ=snnq SNNQ_DEVICE=/dev/accel/accel0 SNNQ_DATA=/share/data WORK=/tmp/work SNNQ_TRAIN=200
mkdir -p $WORK
status=0
for t in nmnist gesture; do sh /share/real/$t.sh || status=1; done
exit $status' | tr -d '\r' | tee "$log" || rc=$?
passed=$(grep -c '^ok ' "$log" || true)
failed=$(grep -c '^not ok ' "$log" || true)
if [ $rc -ne 0 ] && [ "$failed" -eq 0 ]; then
  echo "not ok the guest ended with status $rc"
  failed=1
fi
echo "RESULT passed=$passed failed=$failed skipped=0"
[ "$failed" -eq 0 ]
