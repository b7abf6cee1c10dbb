#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The counting itself: each way in which a program can fail without saying so is a failure of the
# suite and of the run. What the guest adds to this is in 50-guest.sh.
# beside: others
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
work=$(mktemp -d)
trap 'rm -rf "$work" build/check/10-case.*' EXIT
mkdir "$work/suites"

# verdict NAME 'PASSED FAILED SKIPPED' SCRIPT: what tests/run makes of a suite of this text, and its
# exit status; each case in both shells that count.
verdict() {
  local shell p f s rc
  for shell in bash busybox\ sh; do
    printf '#!/bin/sh\n%s\n' "$3" >"$work/program"
    printf '#!/usr/bin/env -S %s\n. tests/tap.sh\n%s\ntap program sh %q\nfinish\n' "$shell" \
      "may_skip 'program: known # SKIP why'" "$work/program" >"$work/suites/10-case.sh"
    chmod +x "$work/suites/10-case.sh"
    rc=0
    SNNQ_SUITES=$work/suites tests/run >"$work/log" 2>&1 || rc=$?
    read -r p f s < <(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$work/log")
    if [ "$p $f $s" = "$2" ] && [ $rc -eq $((f > 0)) ]; then
      ok "$1 ($shell)"
    else
      note <"$work/log"
      bad "$1 ($shell): status $rc, $p passed, $f failed, $s skipped; expected $2"
    fi
  done
}

# Two that may run beside others meet; one that says nothing has the machine for itself.
meeting() {
  local name
  rm -f "$work"/suites/* "$work"/*.meets
  for name in 10-case 11-case; do
    printf '#!/bin/sh\n%s\n. tests/tap.sh\n: >%q\nsleep 1\ncheck met test -e %q\nsleep 1\nrm %q\nfinish\n' "$1" \
      "$work/$name.meets" "$work/$([ $name = 10-case ] && echo 11 || echo 10)-case.meets" "$work/$name.meets" \
      >"$work/suites/$name.sh"
    chmod +x "$work/suites/$name.sh"
  done
  SNNQ_SUITES=$work/suites LANES=2 tests/run >"$work/log" 2>&1 || true
  rm -f "$work"/suites/* build/check/11-case.*
  tail -n 1 "$work/log"
}

# run_verdict NAME 'PASSED FAILED SKIPPED' SUITE-TEXT: a suite as it stands.
run_verdict() {
  local rc=0 found
  printf '%s\n' "$3" >"$work/suites/10-case.sh"
  SNNQ_SUITES=$work/suites tests/run >"$work/log" 2>&1 || rc=$?
  found=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$work/log")
  [ "$found" = "$2" ] && [ $rc -eq 1 ] && { ok "$1"; return; }
  note <"$work/log"
  bad "$1: status $rc, $found; expected $2"
}

verdict "results are counted" '2 0 0' 'echo 1..2; echo ok 1 - a; echo "ok 2 - 3 b"'
verdict "the plan may come last" '1 0 0' 'echo ok a; echo 1..1'
verdict "a line RESULT is a plan" '1 1 0' 'echo ok a; echo RESULT passed=2 failed=0 skipped=0'
verdict "plans of several groups add up" '2 0 0' 'echo 1..1; echo ok 1 a; echo 1..1; echo ok 1 b'
verdict "a bad result" '1 1 0' 'echo 1..2; echo ok 1 a; echo not ok 2 b; exit 1'
verdict "a bad result of a program that ends well" '0 1 0' 'echo 1..1; echo not ok 1 b'
verdict "a foreseen skip is no pass" '1 0 1' 'echo 1..2; echo ok 1 a; echo "ok 2 known # SKIP why"'
verdict "cmocka's skips" '0 0 1' 'echo 1..1; echo "not ok 1 - known # SKIP why"'
verdict "an unforeseen skip is a failure" '0 1 0' 'echo 1..1; echo "ok 1 other # SKIP why"'
verdict "skipping all is a failure" '0 1 0' 'echo "1..0 # SKIP why"; exit 4'
verdict "results beside half a line of errors" '2 0 0' \
  'echo 1..2; printf half >&2; echo ok 1 a; printf "a line" >&2; echo ok 2 b; echo >&2'
verdict "half a line of results beside an error" '2 0 0' \
  'echo 1..2; printf o; echo error >&2; sleep 0.2; echo k 1 a; echo ok 2 b'
verdict "results among errors do not count" '1 1 0' 'echo 1..2; echo ok 1 a; echo ok 2 b >&2'
verdict "silence" '0 1 0' ''
verdict "an empty plan" '0 1 0' 'echo 1..0'
verdict "results without a plan" '1 1 0' 'echo ok a'
verdict "fewer results than planned" '1 1 0' 'echo 1..2; echo ok 1 a'
verdict "more results than planned" '2 1 0' 'echo 1..1; echo ok 1 a; echo ok 2 b'
verdict "a status that is not 0" '1 1 0' 'echo 1..1; echo ok 1 a; exit 124'
verdict "death" '1 1 0' 'echo 1..1; echo ok 1 a; kill -9 $$'
verdict "Bail out" '0 1 0' 'echo 1..1; echo "Bail out! no more"; exit 1'
verdict "an unfinished line" '1 0 0' 'echo 1..1; printf "ok 1 a\r"'
verdict "comments do not count" '1 0 0' 'echo 1..1; echo "# ok 2 b"; echo "  ok c"; echo ok 1 a'

check "suites that may run beside others do" test "$(meeting '# beside: others')" = '2 passed, 0 failed, 0 skipped'
check "others run alone" test "$(meeting '#')" = '0 passed, 2 failed, 0 skipped'

cp /dev/null "$work/suites/10-case.sh"
chmod +x "$work/suites/10-case.sh"
run_verdict "a suite that ends early keeps what passed" '1 1 0' '#!/bin/bash
. tests/tap.sh; set -e; ok a; false; finish'
run_verdict "a suite out of time" '1 1 0' '#!/bin/bash
# timeout: 2
. tests/tap.sh; ok a; sleep 30; finish'
run_verdict "what cannot be built is not tested" '0 1 0' '#!/bin/bash
# needs: no-such-target
. tests/tap.sh; ok a; finish'
finish
