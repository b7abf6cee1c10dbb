#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: an error of the bus (lost-host.sh) that its recovery does not mend, as its port says that
# it has no link. Nobody waits for ever.
export TMPDIR=/tmp
. /selftests/tap.sh
. /selftests/clients.sh

given_up() { dmesg | grep -q 'snnq.*given up'; }
failing() { dmesg | grep -q 'AER: device recovery failed'; }

mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
clients_start
check "recovery fails" seconds_until failing
# Who looks meanwhile keeps off the registers.
cat /sys/kernel/debug/*/0000:*/cores >/tmp/cores
note </tmp/cores
check "registers rest until the bus is well" grep -q '^at rest$' /tmp/cores
check "the device is given up" seconds_until given_up
clients_end
dmesg | grep -E 'AER|snnq' | note
finish
