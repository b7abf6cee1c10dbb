#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 3600
# needs: userspace qemu
# beside: others
#
# The driver on the oldest and the newest kernel that it is for: what users get through libsnnq, and
# some of the kselftests; with SNNQ_KERNELS=all all of them, on 6.12 of the next release as well. On
# 6.1 the device is a render node.
# on: 6.1, 7.3 in guests
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

tests='ioctl_test bo_test submit_test close_test trace_test coredump_test observe_test'
kernels='6.1 newest'
if [ "${SNNQ_KERNELS-}" = all ]; then
  tests='' kernels='6.1 6.12 newest'
fi
may_skip '.*: failnth_test: failnth\.(opening|buffers_models_and_streams|submitting|fragmented_memory|sharing) # SKIP .*'
may_skip '.*: power_test: power\.resets_of_the_function_lose_nothing # SKIP the bus has no reset of a function'
may_skip '.*: ioctl32_test # SKIP no 32-bit C library .*'

for kernel in $kernels; do
  tap "$kernel, users" tests/selftests/run "$kernel" --script tests/guest/users.sh
  tap "$kernel" tests/selftests/run "$kernel" --timeout 1700 --tests "$tests" --may-skip '.*'
done
finish
