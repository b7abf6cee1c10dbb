#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On the host: the machine is saved and goes back to what was saved, at moments that nobody chose; then
# the device is pulled out.
set -euo pipefail

disk=$(mktemp)
trap 'rm -f "$disk"' EXIT
monitor() { # COMMAND: those of the human monitor say nothing when all is well
  local answer
  answer=$(tools/guest/qmp human-monitor-command command-line="$1")
  [ "$answer" = '""' ] || { echo "save-host: $1: $answer"; exit 1; }
}

tools/guest/qmp wait snnq-test: at work
tools/guest/qmp blockdev-add driver=file node-name=file filename="$disk"
tools/guest/qmp blockdev-create job-id=disk options='{"driver": "qcow2", "file": "file", "size": 1048576}'
until tools/guest/qmp query-jobs | grep -q concluded; do sleep 0.1; done
tools/guest/qmp blockdev-add driver=qcow2 node-name=disk file=file
for _ in 1 2 3 4 5; do
  tools/guest/qmp stop
  monitor "savevm s"
  tools/guest/qmp cont
  sleep 0.3
  tools/guest/qmp stop
  monitor "loadvm s"
  tools/guest/qmp cont
  sleep 0.5
done
tools/guest/qmp device_del id=snnq0
