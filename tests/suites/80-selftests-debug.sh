#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 2400
# needs: userspace modules qemu
#
# The driver's kselftests and KUnit tests on a kernel with KASAN, lockdep, kmemleak, UBSAN,
# DMA_API_DEBUG: no report, no skip.
set -euo pipefail

exec tests/selftests/run debug --timeout 2300
