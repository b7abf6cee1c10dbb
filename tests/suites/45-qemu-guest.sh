#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What a guest must not be able to do to the device model, tried by a guest: a device is ejected by
# one processor while another writes its registers.
# needs: userspace modules qemu
set -euo pipefail

out=$PWD/build/check/qemu-guest
script=tests/selftests/qemu/eject.sh

mkdir -p "$out/share"
${CC:-cc} -O2 -Wall -std=gnu11 -static -Iuapi tests/selftests/qemu/eject.c -o "$out/share/eject"

# One device for each line of the script that ejects one. Many cores: ejecting takes longer.
devices=()
while read -r slot; do
  devices+=(--qemu -device --qemu "snnq-pci,addr=0x$slot,cores=16,inject-regs=on")
done < <(sed -n 's/^way \([0-9]*\) .*/\1/p' "$script")
ways=$(grep -c '^way [0-9]' "$script")
rc=0
tools/guest/run --no-device --append iomem=relaxed --timeout 120 --share "$out/share" \
  "${devices[@]}" --script "$script" >"$out/log" 2>"$out/log.err" || rc=$?
tr -d '\r' <"$out/log" | tee "$out/log.text"

passed=$(grep -c '^ok ' "$out/log.text" || true)
failed=$((ways - passed))
if [ "$rc" -eq 0 ]; then
  echo "ok the machine lives"
  passed=$((passed + 1))
else
  echo "not ok the machine lives (status $rc)"
  failed=$((failed + 1))
  tail -n 20 "$out/log.err"
fi
echo "RESULT passed=$passed failed=$failed skipped=0"
[ "$failed" -eq 0 ]
