#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: clients work until the device is pulled out, by the host (pull-host.sh); they end, and
# the driver can be unloaded.
export TMPDIR=/tmp
. /selftests/tap.sh
. /selftests/clients.sh

gone() { ! ls /sys/bus/pci/drivers/snnq/0000:* >/dev/null 2>&1; }

clients_start
check "the device goes" seconds_until gone
clients_end
finish
