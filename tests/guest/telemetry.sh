#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: snnq top and snnq monitor beside clients that work, as root and as another user, and
# when the driver goes and comes back.
. /selftests/tap.sh
. /selftests/clients.sh

echo 'user:x:1000:1000::/tmp:/bin/sh' >/etc/passwd
as_user() { su user -c "$1"; }
count() { grep -c "$1" /tmp/out; }

# No client is killed at the end.
clients=3
clients_start
# On a slow machine a client may not have got to its first job yet.
all_seen() { snnq top "$@" >/tmp/out; [ "$(grep -cE '  stress$|"command":	"stress"' /tmp/out)" -eq $clients ]; }
seconds_until all_seen --once -d 2000
note </tmp/out
check "top shows each core" [ "$(count '^  core .*%')" -eq 2 ]
check "top shows each client" [ "$(grep -c '  stress$' /tmp/out)" -eq $clients ]
# How busy they are is the machine's; that what clients use is what cores do is not.
check "clients' shares are what the cores do" awk '
  /^  core .*%/ { sub(/%.*/, ""); cores += $NF }
  / stress$/ { shares += $4 }
  END { exit !(cores > 2 && cores <= 201 && shares > 0.9 * cores - 1 && shares < 1.1 * cores + 1) }' /tmp/out
seconds_until all_seen --json -d 1000
check "as JSON, too" [ "$(count '"command":	"stress"')" -eq $clients ]
check "with all that there is to know" grep -q '"complete":	true' /tmp/out

as_user 'snnq top --json -d 100' >/tmp/out
check "another user sees that they are there" grep -q '"complete":	false' /tmp/out
check "and nobody's clients" [ "$(count '"command"')" -eq 0 ]
as_user 'snnq top --once -d 100' >/tmp/out
check "and is told so" grep -q 'hidden without CAP_PERFMON' /tmp/out
as_user 'timeout 3 snnq monitor' >/tmp/out 2>&1
check "monitor tells users what they will not be told" grep -q 'need CAP_SYS_ADMIN' /tmp/out

mkdir /tmp/metrics
snnq monitor --prom /tmp/metrics/snnq.prom --once
check "metrics can be written" [ "$(ls /tmp/metrics)" = snnq.prom ]
note </tmp/metrics/snnq.prom
check "metrics have the form that collectors read" sh -c '! grep -vE "^(# (HELP|TYPE) snnq_[a-z_]+ .*|snnq_[a-z_]+(\{([a-z_]+=\"[^\"]*\",?)+\})? -?[0-9.]+)$" /tmp/metrics/snnq.prom'
check "of each core" [ "$(grep -c '^snnq_core_busy_seconds_total{' /tmp/metrics/snnq.prom)" -eq 2 ]
check "metrics into no folder are refused" [ "$(snnq monitor --once --prom /nowhere/x.prom >/dev/null 2>&1; echo $?)" -eq 1 ]

snnq monitor --json --prom /tmp/metrics/snnq.prom --interval 1 >/tmp/events 2>/tmp/said &
monitor=$!
sleep 2
device=$(basename "$(ls -d /sys/bus/pci/drivers/snnq/0000:*)")
echo "$device" >/sys/bus/pci/drivers/snnq/unbind
clients_end
snnq top --once -d 10 >/tmp/out
check "without devices top says so" grep -q 'no devices' /tmp/out
rmmod snnq
check "without a driver top says so" [ "$(snnq top --once >/dev/null 2>&1; echo $?)" -eq 3 ]
sleep 3
insmod /modules/snnq.ko
sleep 3
echo "$device" >/sys/bus/pci/drivers/snnq/unbind
echo "$device" >/sys/bus/pci/drivers/snnq/bind
sleep 2
kill $monitor
wait $monitor
check "the monitor ends as it is asked to" [ $? -eq 0 ]
note </tmp/events
note </tmp/said
check "it told of the removal, of this driver and the next" [ "$(grep -c '"event":"removed"' /tmp/events)" -eq 2 ]
check "and of a device that came" grep -q '"event":"added"' /tmp/events
check "and that the driver was away" grep -q 'the driver is back' /tmp/said
check "each event is a line" sh -c '! grep -vE "^\{.*\}$" /tmp/events'
check "metrics count events" grep -q '^snnq_events_total{event="removed"} 2$' /tmp/metrics/snnq.prom
finish
