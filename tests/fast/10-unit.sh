#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Unit tests and golden vectors, for `make check-fast`: built as for users, without sanitizers, in the
# build folder of everyday work. Suites 10 and 15 run all of them, with sanitizers.
set -euo pipefail

out=$PWD/build/dev
# Each takes longer than all others together.
slow=' property safe_points allocate journal '
export CMOCKA_MESSAGE_OUTPUT=TAP SNNQ_DATA=${SNNQ_DATA:-$PWD/../shared/data}

# shellcheck source=tests/tap.sh
. tests/tap.sh
# Recordings of third parties.
may_skip 'events: .*'

if ! { test -e "$out/build.ninja" || meson setup "$out"; } >build/check/fast.log 2>&1 ||
  ! ninja -C "$out" >>build/check/fast.log 2>&1; then
  tail -n 40 build/check/fast.log | note
  bad "build of the unit tests"
  finish
fi
mapfile -t programs < <(ninja -C "$out" -t targets all | sed -n 's|^\(tests/[a-z]*/test_[a-z_]*\): .*|\1|p' | sort)
if [ ${#programs[@]} -lt 20 ]; then bad "the list of tests: ${#programs[@]}"; fi
for program in "${programs[@]}"; do
  name=${program##*/test_}
  [[ $slow == *" $name "* ]] || tap "$name" "$out/$program"
done
finish
