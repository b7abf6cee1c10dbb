#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The training tools' own tests, and the demo model and the published networks in PyTorch against the
# engine, spike by spike.
# needs: userspace
# beside: others
set -euo pipefail

python=/usr/bin/python3
snnq=$PWD/build/snnq
model=tools/train/demo/digits.snnq
# shellcheck source=tests/tap.sh
. tests/tap.sh

if ! $python -c 'import torch, sklearn, PIL'; then
  skip "training tools" "python3-torch, python3-sklearn or python3-pil is not installed"
  finish
fi

export OMP_NUM_THREADS=1
tap "training tools" tests/unittest-tap tests/train/test_train.py
tap "training on grids" tests/unittest-tap tests/train/test_qat.py
tap "recordings of images" tests/unittest-tap tests/train/test_tasks.py
tap "statistics of tables" tests/unittest-tap tests/train/test_reproduce.py
tap "published networks" tests/unittest-tap tests/train/test_networks.py
tap "export of modules" $python tests/train/test_export_torch.py
tap "published networks, layer by layer" $python tests/train/compare_networks.py --snnq "$snnq"
tap "published networks, quantized" $python tests/train/quantize_networks.py --snnq "$snnq"

data=${SNNQ_DATA:-../shared/data}/nmnist
if [ ! -e "$data/train.tsv" ]; then
  skip "N-MNIST split and network" "$data is absent"
else
  tap "N-MNIST" tests/unittest-tap tests/train/test_nmnist.py
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
qat() {
  $python tests/train/export_qat.py "$work/qat.snnq" &&
    $python tests/train/compare_engine.py --snnq "$snnq" --model "$work/qat.snnq" --every 60
}
fashion() {
  tools/train/fashion.py "$work/fashion" --each 1 &&
    "$snnq" quantize tools/train/weights/fashion-float.snnq -o "$work/fashion.snnq" --default uniform:4 &&
    $python tests/train/compare_engine.py --snnq "$snnq" --model "$work/fashion.snnq" \
      --list "$work/fashion/development.tsv" --every 3
}
check "PyTorch and engine spike by spike" $python tests/train/compare_engine.py --snnq "$snnq" --model "$model"
check "a network trained on grids, spike by spike" qat
if [ -d /usr/share/datasets/fashion-mnist ]; then
  check "Fashion-DVS, spike by spike" fashion
else
  skip "Fashion-DVS, spike by spike" "dataset-fashion-mnist is not installed"
fi
finish
