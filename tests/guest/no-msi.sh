#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: without MSI the driver works, or refuses and says what it misses; the device has no
# other interrupt.
export TMPDIR=/tmp
. /selftests/tap.sh
driver=/sys/bus/pci/drivers/snnq

bound() {
  for device in "$driver"/0000:*; do [ -e "$device" ] && return; done
  return 1
}
refuses() { dmesg | grep -q 'snnq 0000:.*interrupt'; }

if bound; then
  check "computes without MSI" /selftests/submit_test -t one_job
else
  check "says what it misses" refuses
  check "and offers no node" eval '! ls /dev/accel/accel* 2>/dev/null'
fi
finish
