#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The driver's kselftests, in a guest with Debian's kernel.
set -euo pipefail

exec tests/selftests/run debian --timeout 800
