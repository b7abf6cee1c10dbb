#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Published networks on real recordings in sim: every spike count equals the published integers; and one of
# them quantized again.
# SNNQ_DATA names the folder of the third-party data; without it the tests skip.
# timeout: 2400
# needs: userspace
# beside: others
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

export SNNQ=$PWD/build/snnq SNNQ_DEVICE=sim
may_skip '.* # SKIP no .*'
for t in nmnist.sh gesture.sh lava.py nir.py torch_sinabs.py datasets.py requantize.py; do tap "${t%.*}" "tests/real/$t"; done

page() { tools/pretrained >build/check/pretrained.md && diff Documentation/pretrained.md build/check/pretrained.md; }
if [ -e "${SNNQ_DATA:-../shared/data}/nir" ]; then
  check "Documentation/pretrained.md is what tools/pretrained prints" page
else
  skip "Documentation/pretrained.md" "no ${SNNQ_DATA:-../shared/data}/nir"
fi
finish
