#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: errors of the bus (aer-host.sh) reach no client, until the device is pulled out.
export TMPDIR=/tmp
. /selftests/tap.sh
. /selftests/clients.sh

# As often as the kernel enabled it, it must be disabled: sampled up to the end.
enabled=''
gone() { enabled=$(cat /sys/bus/pci/drivers/snnq/0000:*/enable 2>/dev/null || echo "$enabled"); ! ls /sys/bus/pci/drivers/snnq/0000:* >/dev/null 2>&1; }
recovered() { dmesg | grep -c 'AER: device recovery successful'; }
given_up() { dmesg | grep -q 'snnq.*given up'; }

clients_start
check "the device goes" seconds_until gone
clients_end
dmesg | grep -E 'AER|snnq' | note
check "four errors, four recoveries" [ "$(recovered)" -eq 4 ]
check "the device is not given up before" [ "$(given_up; echo $?)" -ne 0 ]
check "the device is enabled once" [ "$enabled" = 1 ]
finish
