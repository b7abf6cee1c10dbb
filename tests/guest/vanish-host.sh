#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On the host: the device vanishes from its bus, and comes back.
set -euo pipefail

tools/guest/qmp wait snnq-test: at work
tools/guest/qmp qom-set path=/machine/peripheral/snnq0 property=inject-vanish value=1
tools/guest/qmp wait snnq-test: come back
tools/guest/qmp qom-set path=/machine/peripheral/snnq0 property=inject-vanish value=0
