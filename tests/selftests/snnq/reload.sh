#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Load and unload the module many times, unbind and rebind the device with a file
# open. Catches: leaks and use after free at remove, module references never put.
ksft_skip=4
module=${SNNQ_MODULE:-/lib/snnq.ko}
here=$(dirname "$0")

echo "TAP version 13"
[ -e "$module" ] || { echo "1..0 # SKIP no $module"; exit $ksft_skip; }
echo "1..4"
bad=0
ok() {
	if [ "$1" -eq 0 ]; then echo "ok $2 $3"; else echo "not ok $2 $3"; bad=1; fi
}

ret=0
i=0
while [ $i -lt 10 ]; do
	rmmod snnq || { ret=1; break; }
	insmod "$module" || { ret=1; break; }
	i=$((i + 1))
done
ok $ret 1 "ten times rmmod and insmod"

# The node of a device: other drivers may have some, too.
node_of() {
	(cd "$1" && ls -d accel/accel* drm/renderD* 2>/dev/null) | sed -n '1s,^drm/,dri/,; 1s,^,/dev/,p'
}

ret=1
for dev in /sys/bus/pci/drivers/snnq/0000:* /sys/bus/platform/drivers/snnq/*.npu; do
	[ -e "$dev" ] || continue
	driver=${dev%/*}
	ret=0
	name=${dev##*/}
	node=$(node_of "$dev")
	exec 9<>"$node" || ret=1
	echo "$name" >"$driver/unbind" || ret=1
	exec 9>&-
	echo "$name" >"$driver/bind" || ret=1
done
ok $ret 2 "unbind with a file open, bind again"
node=$(node_of "$driver/$name")

# Users keep the module; it can go as soon as they did.
ret=0
exec 9<>"$node" || ret=1
rmmod snnq 2>/dev/null && ret=1
exec 9>&-
rmmod snnq || ret=1
insmod "$module" || ret=1
ok $ret 3 "rmmod is refused while a file is open, and only then"

"$here/submit_test" -t one_job >/dev/null 2>&1
ok $? 4 "computes after all that"
exit $bad
