#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 2400
#
# The driver's kselftests on a kernel with KASAN, lockdep, kmemleak, UBSAN, DMA_API_DEBUG: no report.
set -euo pipefail

exec tests/selftests/run debug --timeout 2300
