#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 2400
# needs: userspace modules qemu
#
# Eight processes on two cores of the checking kernel: honest clients beside random calls, killed at
# random, with random injections and rebinds, for SNNQ_STRESS_SECONDS (60). No report, no wrong
# result, nobody stuck.
# on: checking kernel in a guest
set -euo pipefail

seconds=${SNNQ_STRESS_SECONDS:-60}
exec tests/selftests/run debug --timeout $((seconds + 900)) --cmd "/selftests/stress $seconds 8 ${SNNQ_STRESS_SEED:-1}"
