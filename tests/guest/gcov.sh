#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: the selftests, those that TESTS names or all, and then what of the driver they have
# executed, as gcov's files in /out/gcov. The driver has to be built with SNNQ_COVERAGE=gcov.
status=0
# shellcheck disable=SC2086  # names are words
sh /selftests/guest-run.sh $TESTS || status=$?
cd /sys/kernel/debug/gcov || exit 1
find . -name '*.gcda' | while read -r file; do
	mkdir -p "/out/gcov/${file%/*}"
	cat "$file" >"/out/gcov/$file"
done
exit $status
