#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The device model without a guest: registers, rings, faults, resets and the golden vectors, by the
# qtest program of tests/qtest.
# timeout: 2700
# on: QEMU without a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

golden=$PWD/tests/golden/golden.bin

tools/qemu/build --tests
[ ! -e "$golden" ] || export SNNQ_GOLDEN=$golden
export QTEST_QEMU_BINARY=$PWD/build/qemu/qemu-system-x86_64

# -k: go on after a test that only reported its failure; one that aborts ends the run, which counts.
cd build/qemu/firmware
tap qtest ../snnq-test --tap -k
finish
