#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The device model's limits: memory that a guest can make it take, and the time until it answers while
# the longest jobs run; with nothing beside, which would take part in that time.
# timeout: 900
# on: QEMU without a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/qtest/chosen.sh
. tests/qtest/chosen.sh

tools/qemu/build --tests
export QTEST_QEMU_BINARY=$PWD/build/qemu/qemu-system-x86_64

cd build/qemu/firmware
tap limits chosen /limits/
finish
