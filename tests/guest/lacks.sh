#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest, with a device that lacks what a network needs: the program is told so by name. The
# program's field is in $lacks.
export TMPDIR=/tmp
. /selftests/tap.sh

snnq run /demo/digits.snnq "/demo/$(head -n 1 /demo/test.tsv | cut -f 1)" --device /dev/accel/accel0 >/tmp/out 2>&1
status=$?
note </tmp/out
check "the network is refused" [ $status -ne 0 ]
check "layer and field are named" grep -Fq "conv1: the device does not support this (${lacks:?})" /tmp/out
finish
