#!/bin/sh
# SPDX-License-Identifier: MIT
# Eject one device for each way in, in the guest: way SLOT BAR OFFSET VALUE NAME.
echo "1..$(grep -c "^way [0-9]" "$0")"
failed=0

for device in /sys/bus/pci/drivers/snnq/0000:*; do
	echo "${device##*/}" >/sys/bus/pci/drivers/snnq/unbind
done

way() {
	echo "# $5"
	if /share/eject "0000:00:$1.0" "$2" "$3" "$4"; then
		echo "ok eject during: $5"
	else
		echo "not ok eject during: $5"
		failed=1
	fi
}

way 04 0 0x1040 2 'reset of a core'
way 05 0 0x100c 0 'doorbell'
way 06 0 0x0080 1 'control of the device'
way 07 0 0x1050 0x10001 'coalescing, with its timer'
way 08 0 0x0f20 0 'injected interrupt'
way 09 2 0x000c 1 'table of interrupts'
exit $failed
