#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The device model's qtests under ThreadSanitizer, but for damaged streams of migration, which one thread
# reads; with SNNQ_KERNELS=all those, too.
# beside: others
# timeout: 2700
# on: QEMU without a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/qtest/sanitized.sh
. tests/qtest/sanitized.sh

alone='/save/fuzz$'
[ "${SNNQ_KERNELS-}" != all ] || alone=
sanitized thread "$alone"
finish
