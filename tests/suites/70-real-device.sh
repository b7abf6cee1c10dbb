#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Published networks on real recordings, through the driver in a guest: every spike count equals the
# published integers, as in sim. SNNQ_DATA names the folder of the third-party data.
# needs: userspace modules qemu
# beside: others
# on: 6.12 in a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

data=$(realpath -m "${SNNQ_DATA:-../shared/data}")
if [ ! -e "$data/nmnist/test.tsv" ]; then
  skip "real networks on the device" "no third-party data in $data"
  finish
fi
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
ln -s "$PWD/tests/real" "$share/real"
ln -s "$PWD/tests/tap.sh" "$share/tap.sh"
mkdir "$share/data"
for set in nmnist slayer-nmnist-mlp slayer-dvsgesture-cnn dvsgesture; do ln -s "$data/$set" "$share/data/$set"; done
may_skip '.* # SKIP no .*'
# The gesture recordings take more than the quarter of this guest's memory that a file may have.
tap "device" tools/guest/run --param 'limit_ms=60000 file_memory_mb=448' --share "$share" --timeout 800 --cmd '
export SNNQ=snnq SNNQ_DEVICE=/dev/accel/accel0 SNNQ_DATA=/share/data WORK=/tmp/work SNNQ_TRAIN=200
mkdir -p $WORK
. /share/tap.sh
may_skip ".*"
for t in nmnist gesture; do tap $t sh /share/real/$t.sh; done
finish'
finish
