#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The reference: its own tests, the published networks, and the committed golden vectors, which
# must be what the reference writes today.
# timeout: 1800
# beside: others
set -euo pipefail

out=build/check/reference
# shellcheck source=tests/tap.sh
. tests/tap.sh

mkdir -p "$out"
export PYTHONDONTWRITEBYTECODE=1
# Debian's interpreter, because Debian's NumPy belongs to it.
if ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  skip "reference" "no NumPy: install python3-numpy"
  finish
fi
tap reference tests/unittest-tap tests/reference/test_reference.py
if /usr/bin/python3 tests/reference/golden.py "$out/golden.bin"; then
  check "golden vectors are those of the reference" cmp "$out/golden.bin" tests/golden/golden.bin
else
  bad "golden vectors can be generated"
fi
may_skip '.* # SKIP no (.*: set SNNQ_DATA|h5py: .*)'
tap "published networks" tests/unittest-tap tests/reference/test_real.py
finish
