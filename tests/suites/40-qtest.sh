#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The device model without a guest: registers, rings, faults, resets and the golden vectors, by the
# qtest program of tests/qtest. Its limits are those of 89-qtest-limits.
# timeout: 2700
# beside: others
# on: QEMU without a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/qtest/chosen.sh
. tests/qtest/chosen.sh

golden=$PWD/tests/golden/golden.bin

tools/qemu/build --tests
[ ! -e "$golden" ] || export SNNQ_GOLDEN=$golden
export QTEST_QEMU_BINARY=$PWD/build/qemu/qemu-system-x86_64

cd build/qemu/firmware
tap qtest chosen -v /limits/
finish
