#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: the device stops to answer while clients work (vanish-host.sh); they end, the driver can
# be unbound from what is not there, and takes it again when it is back.
export TMPDIR=/tmp
. /selftests/tap.sh
clients=4
device=$(basename "$(ls -d /sys/bus/pci/drivers/snnq/0000:*)")

seconds_until() { # COMMAND...: at most 60
  second=0
  until "$@"; do second=$((second + 1)); [ $second -lt 60 ] || return; sleep 1; done
}
ended() { ! kill -0 "$1" 2>/dev/null; }
given_up() { dmesg | grep -q 'snnq.*given up'; }
works() { snnq run /demo/digits.snnq "/demo/$(head -n 1 /demo/test.tsv | cut -f 1)" --device /dev/accel/accel0; }

i=0
pids=
while [ $i -lt $clients ]; do
  i=$((i + 1))
  /selftests/stress client $i >/tmp/client$i 2>&1 &
  pids="$pids $!"
done
sleep 2
echo '<6>snnq-test: at work' >/dev/kmsg
check "the device is given up" seconds_until given_up
i=0
for pid in $pids; do
  i=$((i + 1))
  check "client $i ends by itself" seconds_until ended "$pid"
  wait "$pid"
  check "client $i lost nothing before" [ $? -eq 0 ]
  note </tmp/client$i
done
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
