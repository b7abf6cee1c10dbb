#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: another kernel takes the machine over while clients work. The old one stops the device;
# the new one finds it at rest, and no DMA goes where memory is not the device's any more.
export TMPDIR=/tmp
. /selftests/tap.sh
. /selftests/clients.sh

dma_faults() { dmesg | grep -c 'DMAR.*fault'; }

if ! grep -q snnq_again /proc/cmdline; then
	(cd / && find . -xdev ! -path './tmp/*' ! -path './out/*' | cpio -o -H newc) >/tmp/initrd 2>/dev/null
	clients_start
	/selftests/kexec /share/bzImage /tmp/initrd "$(cat /proc/cmdline) snnq_again"
	exit 1
fi
check "the other kernel's device computes" /selftests/submit_test -t one_job
check "and sleeps, and wakes" /selftests/power_test -t an_idle_device_sleeps_and_wakes
check "no DMA of before" [ "$(dma_faults)" -eq 0 ]
finish
