#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On the host: stop and go, a slow device, a lost interrupt; then the device is pulled out.
set -euo pipefail

tools/guest/qmp wait snnq-test: at work
tools/guest/qmp stop
sleep 1
tools/guest/qmp cont
tools/guest/qmp qom-set path=/machine/peripheral/snnq0 property=inject-slow-ns value=200000
tools/guest/qmp qom-set path=/machine/peripheral/snnq0 property=inject-lost-irq value=1
sleep 2
tools/guest/qmp device_del id=snnq0
