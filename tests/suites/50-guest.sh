#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The guest runner's verdicts, on which every test in the guest relies: a job's exit status and files
# come back, shared data arrives intact, and a kernel warning, a crash or a hang is never a success.
set -euo pipefail

passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# expect NAME STATUS OPTION...: the runner ends with that status.
expect() {
  local rc=0
  tools/guest/run --no-device --out "$work/out" "${@:3}" >"$work/stdout" 2>"$work/stderr" || rc=$?
  if [ $rc -eq "$2" ]; then
    result "$1" true
  else
    echo "# exit status $rc, expected $2"
    tail -n 20 "$work/stderr"
    result "$1" false
  fi
}

result() {
  if "$2" "${@:3}"; then echo "ok $1"; passed=$((passed + 1)); else echo "not ok $1"; failed=$((failed + 1)); fi
}

mkdir "$work/data"
head -c 40000000 /dev/urandom >"$work/data/big"
expect "a job gets shared data and leaves files" 0 --share "$work/data" \
  --cmd 'cat /share/big | md5sum; tail -c 300000 /share/big >/out/tail'
result "40 MB arrive intact" cmp <(md5sum <"$work/data/big") "$work/stdout"
result "a file of the job arrives intact" cmp <(tail -c 300000 "$work/data/big") "$work/out/tail"
result "the kernel log is kept" grep -q 'Linux version' "$work/out/console.log"

expect "the job's exit status is the runner's" 3 --cmd 'exit 3'
expect "a warning in the kernel log fails a good job" 126 --cmd 'echo "<4>WARNING: CPU: 0 PID: 1" >/dev/kmsg'
expect "a leak reported by kmemleak fails a good job" 126 --cmd 'echo "unreferenced object 0xffff" >/dev/kmsg'
expect "a crash is found" 125 --cmd 'echo c >/proc/sysrq-trigger; sleep 60'
expect "a hang is ended" 124 --timeout 20 --cmd 'sleep 600'

echo "RESULT passed=$passed failed=$failed skipped=0"
[ $failed -eq 0 ]
