#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: the device stops to answer while clients work (vanish-host.sh); they end, the driver can
# be unbound from what is not there, and takes it again when it is back.
export TMPDIR=/tmp
. /selftests/tap.sh
. /selftests/clients.sh

device=$(basename "$(ls -d /sys/bus/pci/drivers/snnq/0000:*)")

given_up() { dmesg | grep -q 'snnq.*given up'; }
works() { snnq run /demo/digits.snnq "/demo/$(head -n 1 /demo/test.tsv | cut -f 1)" --device /dev/accel/accel0; }

clients_start
check "the device is given up" seconds_until given_up
clients_end
works >/tmp/out 2>&1
status=$?
note </tmp/out
check "a program fails" [ $status -ne 0 ]
check "and says why" grep -q 'SUBMIT: Input/output error' /tmp/out
echo "$device" >/sys/bus/pci/drivers/snnq/unbind
check "the driver leaves it" [ ! -e "/sys/bus/pci/drivers/snnq/$device" ]
echo "$device" >/sys/bus/pci/drivers/snnq/bind 2>/dev/null
check "and does not take it" [ ! -e "/sys/bus/pci/drivers/snnq/$device" ]
echo '<6>snnq-test: come back' >/dev/kmsg
taken() { echo "$device" >/sys/bus/pci/drivers/snnq/bind 2>/dev/null; [ -e "/sys/bus/pci/drivers/snnq/$device" ]; }
check "until it is back" seconds_until taken
check "and works" works
finish
