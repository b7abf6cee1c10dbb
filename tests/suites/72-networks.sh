#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The published networks at a small size through the driver in a guest: what every layer puts out is
# what PyTorch does; and networks that take values in place of events: what NumPy does.
# needs: userspace modules qemu
# beside: others
# on: 6.12 in a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

if ! /usr/bin/python3 -c 'import torch'; then
  skip "published networks on the device" "python3-torch is not installed"
  finish
fi
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
cp tests/tap.sh tests/train/guest-networks.sh "$share/"
OMP_NUM_THREADS=1 tap "sim" /usr/bin/python3 tests/train/compare_networks.py --keep "$share/networks"
check "networks that take values, sim" tests/cli/values.py --keep "$share/networks"
tap "device" tools/guest/run --param limit_ms=60000 --share "$share" --timeout 500 \
  --cmd 'sh /share/guest-networks.sh /share/networks'
finish
