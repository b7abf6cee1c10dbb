#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: run the kselftests, all, those named or all but those named with a "-", and the KUnit
# tests of the kernel that has them; one TAP stream.
export TMPDIR=/tmp
cd /selftests || exit 1
. ./tap.sh
# Whoever started the guest judges the skips.
may_skip '.*'

# What KUnit has to say: its results lie one level below the suite's own.
kunit() {
	insmod /modules/snnq_kunit.ko || return
	cat /sys/kernel/debug/kunit/snnq*/results | sed -n "s/^    //p"
	rmmod snnq_kunit
}

without=' '
while [ $# -gt 0 ] && [ "${1#-}" != "$1" ]; do
	without="$without${1#-} "
	shift
done
if [ $# -eq 0 ]; then
	[ -e ioctl32_test ] || skip ioctl32_test "no 32-bit C library where it was to be built"
	set -- ./*_test reload.sh
	# the checking kernel
	[ ! -d /sys/kernel/debug/kunit ] || set -- kunit "$@" fuzz
fi
export SNNQ_MODULE=/modules/snnq.ko
for t in "$@"; do
	name=${t#./}
	case $without in *" $name "*) continue ;; esac
	case $name in
	kunit) tap kunit kunit ;;
	*) tap "${name%.sh}" "./$name" ;;
	esac
done
finish
