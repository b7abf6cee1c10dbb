#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: run the kselftests, all or those named, and the KUnit tests of the kernel that has
# them; one TAP stream.
export TMPDIR=/tmp
cd /selftests || exit 1
. ./tap.sh
# Whoever started the guest judges the skips.
may_skip '.*'

# What KUnit has to say: its results lie one level below the suite's own.
kunit() {
	insmod /modules/snnq_kunit.ko || return
	sed -n 's/^    //p' /sys/kernel/debug/kunit/snnq/results
	rmmod snnq_kunit
}

if [ $# -eq 0 ]; then
	[ ! -d /sys/kernel/debug/kunit ] || tap kunit kunit
	set -- ./*_test reload.sh
fi
for t in "$@"; do
	[ "$t" != reload.sh ] || export SNNQ_MODULE=/modules/snnq.ko
	name=${t#./}
	tap "${name%.sh}" "./$name"
done
finish
