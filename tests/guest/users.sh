#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest, on any kernel: what users get. libsnnq finds the node, which is a render node where
# there are no accel nodes, and another driver's may stand beside it; a network computes the same on
# the device as without; the kernel tells who uses it.
export TMPDIR=/tmp
. /selftests/tap.sh

recording=/demo/$(head -n 1 /demo/test.tsv | cut -f 1)
node=$(snnq info auto --json | sed -n 's/.*"\(\/dev\/[a-z]*\/[a-zA-Z0-9]*\)".*/\1/p' | head -n 1)
if [ -e /sys/class/accel ]; then kind=/dev/accel/accel; else kind=/dev/dri/renderD; fi

snnq info auto >/tmp/info 2>&1
note </tmp/info
check "the device is found" grep -q "$kind" /tmp/info
# Class, scores, steps and synops; not the time.
run() { snnq run /demo/digits.snnq "$recording" --device "$1" 2>&1 | sed 's/ *latency.*//'; }
run sim >/tmp/sim
run auto >/tmp/device
note </tmp/device
check "a network computes" grep -q "^class .*synops" /tmp/device
check "the same as without it" cmp /tmp/sim /tmp/device

snnq doctor >/tmp/doctor 2>&1
note </tmp/doctor
check "the device is among the hardware" grep -q '[1-9] \(coprocessor\|in the device tree\)' /tmp/doctor
exec 9<>"${node:-$(grep -o "${kind}[0-9]*" /tmp/info | head -n 1)}"
pdev=drm-pdev	# of devices on PCI
for device in /sys/bus/platform/drivers/snnq/*.npu; do [ ! -e "$device" ] || pdev=''; done
for key in drm-driver drm-client-id $pdev drm-engine-core drm-total-memory; do
	check "fdinfo has $key" grep -q "^$key:" /proc/$$/fdinfo/9
done
check "fdinfo names the driver" grep -Eq '^drm-driver:[[:space:]]*snnq$' /proc/$$/fdinfo/9
exec 9>&-
check "debugfs shows the cores" sh -c 'cat /sys/kernel/debug/*/*/cores | grep -q "^snnq-.*core0"'
finish
