#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The training tools' own tests, and the demo model in PyTorch against the engine, spike by spike.
set -euo pipefail

python=/usr/bin/python3
snnq=$PWD/build/snnq
model=tools/train/demo/digits.snnq
passed=0 failed=0 skipped=0

ok() { echo "ok $1"; passed=$((passed + 1)); }
bad() { echo "not ok $1"; failed=$((failed + 1)); }
skip() { echo "ok $1 # SKIP $2"; skipped=$((skipped + 1)); }

finish() {
  echo "RESULT passed=$passed failed=$failed skipped=$skipped"
  [ "$failed" -eq 0 ]
  exit
}

if ! $python -c 'import torch, sklearn'; then
  skip "training tools" "python3-torch or python3-sklearn is not installed"
  finish
fi

if $python tests/train/test_train.py -v; then ok "training tools"; else bad "training tools"; fi
if $python tests/train/test_qat.py -v; then ok "training on grids"; else bad "training on grids"; fi

data=${SNNQ_DATA:-../shared/data}/nmnist
if [ ! -e "$data/train.tsv" ]; then
  skip "N-MNIST split and network" "$data is absent"
elif $python tests/train/test_nmnist.py -v; then
  ok "N-MNIST split and network"
else
  bad "N-MNIST split and network"
fi

if [ ! -x "$snnq" ] || [ ! -e "$model" ]; then
  skip "PyTorch and engine spike by spike" "needs build/snnq and $model"
elif $python tests/train/compare_engine.py --snnq "$snnq"; then
  ok "PyTorch and engine spike by spike"
else
  bad "PyTorch and engine spike by spike"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ ! -x "$snnq" ]; then
  skip "a network trained on grids, spike by spike" "needs build/snnq"
elif $python tests/train/export_qat.py "$work/qat.snnq" &&
  $python tests/train/compare_engine.py --snnq "$snnq" --model "$work/qat.snnq" --every 60; then
  ok "a network trained on grids, spike by spike"
else
  bad "a network trained on grids, spike by spike"
fi
finish
