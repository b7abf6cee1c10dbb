#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest, with a device without neurons of type LIF: a program is told so by name.
export TMPDIR=/tmp
. /selftests/tap.sh

snnq run /demo/digits.snnq "/demo/$(head -n 1 /demo/test.tsv | cut -f 1)" --device /dev/accel/accel0 >/tmp/out 2>&1
status=$?
note </tmp/out
check "a network with other neurons is refused" [ $status -ne 0 ]
check "layer and reason are named" grep -q 'conv1: the device does not support this (neuron.model)' /tmp/out
finish
