#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The device model's qtests under AddressSanitizer and UndefinedBehaviorSanitizer.
# beside: others
# timeout: 2700
# on: QEMU without a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/qtest/sanitized.sh
. tests/qtest/sanitized.sh

sanitized address
finish
