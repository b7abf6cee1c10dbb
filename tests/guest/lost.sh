#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: an error of the bus (lost-host.sh) that its recovery does not mend, as its port says that
# it has no link. Nobody waits for ever.
export TMPDIR=/tmp
. /selftests/tap.sh
. /selftests/clients.sh

given_up() { dmesg | grep -q 'snnq.*given up'; }

clients_start
check "the device is given up" seconds_until given_up
clients_end
dmesg | grep -E 'AER|snnq' | note
finish
