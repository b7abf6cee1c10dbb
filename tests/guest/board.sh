#!/bin/sh
# SPDX-License-Identifier: MIT
# In a guest whose device tree is that of dts/virt-npu.dtso: the device has a clock, a supply whose driver
# comes when this script says so, and a reset line; a bit in a page of memory shows the line.
export TMPDIR=/tmp
. /selftests/tap.sh

device=/sys/bus/platform/devices/c000000.npu
clock=/sys/kernel/debug/clk/npu-clock/clk_enable_count

driven() { [ -e $device/driver ]; }
waits() { ! driven && grep -q c000000.npu /sys/kernel/debug/devices_deferred; }
# comes COMMAND: true within five seconds.
comes() {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		"$@" && return
		usleep 500000
	done
	return 1
}
supply() {
	awk '$1 == "c000000.npu-vdd" { n += $2 } END { print n + 0 }' /sys/kernel/debug/regulator/regulator_summary
}
reset_line() { echo $(($(devmem 0x7ffff000 32) >> 5 & 1)); }
# Supply in use, clock running, line deasserted (1) or all of it not.
state() { echo "$(supply) $(cat "$clock") $(reset_line)"; }
is() { [ "$(state)" = "$1" ] || { echo "# state is $(state), expected $1"; return 1; }; }
asleep() { [ "$(cat $device/power/runtime_status)" = suspended ]; }
computes() { /selftests/submit_test -t one_job >/tmp/said 2>&1 || { note </tmp/said; return 1; }; }

check "without its supply the device waits" waits
insmod /modules/fixed.ko
check "with it, it has its driver" comes driven
check "it computes" computes
echo on >$device/power/control
check "awake it has power" is "1 1 1"
echo auto >$device/power/control
check "idle it sleeps" comes asleep
check "asleep it has none" is "0 0 0"
check "it wakes to compute" computes
echo 100 >$device/power/autosuspend_delay_ms
for i in 1 2 3 4 5; do comes asleep && computes || bad "it sleeps and wakes, round $i"; done

# All of suspend to idle but the idling, at work and asleep.
if echo devices >/sys/power/pm_test; then
	check "it is asleep" comes asleep
	check "the system sleeps with it" sh -c 'echo freeze >/sys/power/state'
	check "it computes after that" computes
	/selftests/submit_test >/tmp/said 2>&1 &
	sleep 1
	check "the system sleeps while it works" sh -c 'echo freeze >/sys/power/state'
	check "its clients do not notice" wait $!
	check "it computes after that, too" computes
	echo none >/sys/power/pm_test
fi

rmmod snnq
check "without its driver it has no power" is "0 0 0"
insmod /modules/snnq.ko
check "the supply may be there first" comes driven
check "it computes then, too" computes
echo c000000.npu >/sys/bus/platform/drivers/snnq/unbind
rmmod fixed
echo c000000.npu >/sys/bus/platform/drivers/snnq/bind 2>/dev/null
check "when its supply went it has no driver" sh -c "! [ -e $device/driver ]"
insmod /modules/fixed.ko
check "and comes again" comes driven
check "and computes" computes
finish
