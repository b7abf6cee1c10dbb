#!/bin/sh
# SPDX-License-Identifier: MIT
# Run every selftest in the guest, as TAP; the last line is what tests/run reads.
cd /selftests || exit 1
passed=0 failed=0 skipped=0
for t in ./*_test ./reload.sh; do
	[ "$t" != ./reload.sh ] || export SNNQ_MODULE=/modules/snnq.ko
	echo "# $t"
	"$t" >/tmp/log 2>&1
	status=$?
	cat /tmp/log
	p=$(grep -c '^ok .*' /tmp/log)
	s=$(grep -c '^ok .*# SKIP' /tmp/log)
	f=$(grep -c '^not ok' /tmp/log)
	# a test program that dies has no "not ok" line of its own
	if [ $status -ne 0 ] && [ $status -ne 4 ] && [ "$f" -eq 0 ]; then
		echo "not ok $t ended with status $status"
		f=1
	fi
	passed=$((passed + p - s)) skipped=$((skipped + s)) failed=$((failed + f))
done
echo "RESULT passed=$passed failed=$failed skipped=$skipped"
[ $failed -eq 0 ]
