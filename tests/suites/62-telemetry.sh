#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Telemetry: the netlink family is what its specification says; snnq top and snnq monitor in a guest
# with Debian's kernel, as root and as another user. The family itself is a matter of the selftests.
# needs: userspace modules qemu
# beside: others
# on: 6.12 in a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

tap "netlink" tests/netlink/spec "$(tools/guest/kernel-source)"
tap "guest" tests/selftests/run debian --timeout 400 --script tests/guest/telemetry.sh
finish
