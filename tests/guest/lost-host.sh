#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On the host: a fatal error of the bus.
set -euo pipefail

tools/guest/qmp wait snnq-test: at work
tools/guest/qmp human-monitor-command command-line="pcie_aer_inject_error snnq0 MALF_TLP"
