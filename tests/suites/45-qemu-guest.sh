#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What a guest must not be able to do to the device model, tried by a guest: a device is ejected by
# one processor while another writes its registers.
# needs: userspace modules qemu
# beside: others
# on: 6.12 in a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

out=$PWD/build/check/qemu-guest
script=tests/selftests/qemu/eject.sh

mkdir -p "$out/share"
${CC:-cc} -O2 -Wall -std=gnu11 -static -Iuapi -Ikernel tests/selftests/qemu/eject.c -o "$out/share/eject"

# One device for each line of the script that ejects one. Many cores: ejecting takes longer.
devices=()
while read -r slot; do
  devices+=(--qemu -device --qemu "snnq-pci,addr=0x$slot,cores=16,inject-regs=on")
done < <(sed -n 's/^way \([0-9]*\) .*/\1/p' "$script")
# What it prints is TAP; the machine lives if the runner says 0.
tap "ejected while it is written to" tools/guest/run --no-device --append iomem=relaxed --timeout 120 \
  --share "$out/share" "${devices[@]}" --script "$script"
finish
