#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: clients work until the device is pulled out, by the host (pull-host.sh); they end, and
# the driver can be unloaded.
export TMPDIR=/tmp
. /selftests/tap.sh
clients=4

seconds_until() { # COMMAND...: at most 60
  second=0
  until "$@"; do second=$((second + 1)); [ $second -lt 60 ] || return; sleep 1; done
}
gone() { ! ls /sys/bus/pci/drivers/snnq/0000:* >/dev/null 2>&1; }
ended() { ! kill -0 "$1" 2>/dev/null; }

i=0
pids=
while [ $i -lt $clients ]; do
  i=$((i + 1))
  /selftests/stress client $i >/tmp/client$i 2>&1 &
  pids="$pids $!"
done
sleep 2
echo '<6>snnq-test: at work' >/dev/kmsg
check "the device goes" seconds_until gone
i=0
for pid in $pids; do
  i=$((i + 1))
  check "client $i ends by itself" seconds_until ended "$pid"
  wait "$pid"
  check "client $i lost nothing before" [ $? -eq 0 ]
  note </tmp/client$i
done
finish
