#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The qtests once more, with the device on the system bus of Arm's virt machine: all that looks at
# registers, interrupts and memory. What no bus changes, programs and their results, is left to
# SNNQ_KERNELS=all; what is of PCI is not there, nor are the limits.
# beside: others
# timeout: 900
# on: QEMU without a guest, arm64 machine
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/qtest/chosen.sh
. tests/qtest/chosen.sh

same='/golden$|/program/|/job/less-capable$'
[ "${SNNQ_KERNELS-}" != all ] || same='^$'

tools/qemu/build --tests
export SNNQ_GOLDEN=$PWD/tests/golden/golden.bin
export QTEST_QEMU_BINARY=$PWD/build/qemu/qemu-system-aarch64

cd build/qemu/firmware
tap qtest-mmio chosen -v "$same"
finish
