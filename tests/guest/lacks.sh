#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest, with a device that lacks what a network needs: who runs it is told what, in the words
# of $lacks.
export TMPDIR=/tmp
. /selftests/tap.sh

snnq run /demo/digits.snnq "/demo/$(head -n 1 /demo/test.tsv | cut -f 1)" --device /dev/accel/accel0 >/tmp/out 2>&1
status=$?
note </tmp/out
check "the network is refused" [ $status -ne 0 ]
check "layer and key are named" grep -Fq "conv1: ${lacks:?}" /tmp/out
finish
