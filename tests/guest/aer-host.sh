#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On the host: errors of the bus, correctable, not fatal and fatal; then the device is pulled out.
set -euo pipefail

tools/guest/qmp wait snnq-test: at work
for error in 'snnq0 RCVR' 'snnq0 COMP_TIME' 'snnq0 MALF_TLP' 'snnq0 POISON_TLP' 'snnq0 DLP'; do
  tools/guest/qmp human-monitor-command command-line="pcie_aer_inject_error $error"
  sleep 4
done
tools/guest/qmp device_del id=snnq0
