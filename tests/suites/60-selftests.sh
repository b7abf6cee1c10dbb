#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The driver's kselftests, in a guest with Debian's kernel. It has no fault injection.
# needs: userspace modules qemu
# beside: others
# on: 6.12 in a guest
set -euo pipefail

exec tests/selftests/run debian --timeout 800 \
  --may-skip 'debian: failnth_test: failnth\.(opening|buffers_models_and_streams|submitting|fragmented_memory|sharing) # SKIP .*' \
  --may-skip 'debian: ioctl32_test # SKIP no 32-bit C library .*' \
  --may-skip 'debian: power_test: power\.resets_of_the_function_lose_nothing # SKIP the bus has no reset of a function'
