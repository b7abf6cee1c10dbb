#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 3000
# needs: userspace modules qemu
# beside: others
#
# The driver's kselftests and KUnit tests on a kernel with KASAN, lockdep, kmemleak, UBSAN,
# DMA_API_DEBUG: no report, and no skip but of the 32-bit program where it cannot be built, and of
# network namespaces, which this kernel does not have.
set -euo pipefail

exec tests/selftests/run debug --timeout 2900 \
  --may-skip 'debug: telemetry_test: telemetry\.other_network_namespaces_have_no_family # SKIP .*' \
  --may-skip 'debug: ioctl32_test # SKIP no 32-bit C library .*' \
  --may-skip 'debug: power_test: power\.resets_of_the_function_lose_nothing # SKIP the bus has no reset of a function'
