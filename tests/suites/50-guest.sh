#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The guest runner's verdicts, on which every test in the guest relies: a job's exit status and files
# come back, shared data arrives intact, and a kernel warning, a crash or a hang is never a success.
# And its callers heed them: tests/selftests/run, and through it tests/run.
# needs: userspace modules qemu
# beside: others
# on: 6.12 in a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

device=(--no-device)

# expect NAME STATUS OPTION...: the runner ends with that status.
expect() {
  local rc=0
  tools/guest/run "${device[@]}" --out "$work/out" "${@:3}" >"$work/stdout" 2>"$work/stderr" || rc=$?
  if [ $rc -eq "$2" ]; then
    ok "$1"
  else
    tail -n 20 "$work/stderr" | note
    bad "$1: exit status $rc, expected $2"
  fi
}

# heeded NAME 'PASSED FAILED SKIPPED' MESSAGE OPTION...: what tests/run says of a suite that runs
# tests/selftests/run with these options; the kernel is Debian's.
heeded() {
  local rc=0 found
  mkdir -p "$work/suites"
  { echo '#!/usr/bin/env bash'; printf '%q ' exec tests/selftests/run debian "${@:4}"; } >"$work/suites/10-verdict.sh"
  chmod +x "$work/suites/10-verdict.sh"
  SNNQ_SUITES=$work/suites tests/run >"$work/log" 2>&1 || rc=$?
  found=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$work/log")
  if [[ $found =~ ^$2$ ]] && [ $rc -eq 1 ] && grep -q "^not ok .*$3" "$work/log"; then
    ok "$1"
  else
    note <"$work/log"
    bad "$1: exit status $rc, $found, expected 1, $2 and $3"
  fi
}

mkdir "$work/data"
head -c 40000000 /dev/urandom >"$work/data/big"
expect "a job gets shared data and leaves files" 0 --share "$work/data" \
  --cmd 'cat /share/big | md5sum; tail -c 300000 /share/big >/out/tail'
check "40 MB arrive intact" cmp <(md5sum <"$work/data/big") "$work/stdout"
check "a file of the job arrives intact" cmp <(tail -c 300000 "$work/data/big") "$work/out/tail"
check "the kernel log is kept" grep -q 'Linux version' "$work/out/console.log"

expect "the job's exit status is the runner's, also where instructions are counted" 3 --count --cmd 'exit 3'
expect "a warning in the kernel log fails a good job" 126 --cmd 'echo "<4>WARNING: CPU: 0 PID: 1" >/dev/kmsg'
expect "a leak reported by kmemleak fails a good job" 126 --cmd 'echo "unreferenced object 0xffff" >/dev/kmsg'
expect "a crash is found" 125 --cmd 'echo c >/proc/sysrq-trigger; sleep 60'
expect "a hang is ended" 124 --timeout 20 --cmd 'sleep 600'

# A script of the host, which pulls the device out when the guest says so.
printf '#!/bin/sh\nset -e\ntools/guest/qmp wait snnq-test: ready\ntools/guest/qmp device_del id=snnq0\n' >"$work/pull"
chmod +x "$work/pull"
# shellcheck disable=SC2016 # for the guest's shell
gone='i=0; while [ -e /sys/bus/pci/drivers/snnq/0000:* ]; do i=$((i + 1)); [ $i -lt 60 ] || exit 9; sleep 1; done'
device=()
expect "a script of the host pulls the device" 0 --host-script "$work/pull" \
  --cmd "ls /sys/bus/pci/drivers/snnq/0000:* || exit 8; echo '<6>snnq-test: ready' >/dev/kmsg; $gone"
device=(--no-device)
expect "a script of the host that fails fails a good job" 123 --host-script /bin/false --cmd 'sleep 1'
expect "a script of the host that does not end fails a good job" 123 --host-script "$work/pull" --cmd true
expect "the other machine, with an IOMMU" 0 --iommu --cmd 'ls /sys/class/iommu/* && [ -e /sys/class/iommu/dmar0 ]'

# A job that passes, and leaves somebody behind who waits for the driver to go, which happens before
# the files in /out are sent. None of that is the job's business, but it is ours.
good='echo 1..1; echo ok 1 - job'
# after COMMAND: do it once the driver is gone.
after() {
  echo "head -c 1000000 /dev/zero >/out/file
    (while [ -e /sys/module/snnq ]; do :; done; $1) >/dev/null 2>&1 </dev/null &
    $good"
}
heeded "a kernel that dies with the driver" '1 1 0' 'status 125' --cmd "$(after 'echo c >/proc/sysrq-trigger')"
heeded "a kernel that hangs with the driver" '1 1 0' 'status 124' --timeout 60 \
  --cmd "$(after 'echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger')"
heeded "a driver that cannot be removed" '1 1 0' 'status 126' \
  --cmd "sleep 600 </dev/accel/accel0 >/dev/null 2>&1 & $good"
heeded "a warning beside a good job" '1 1 0' 'status 126' \
  --cmd "$good; echo '<4>WARNING: CPU: 0 PID: 1' >/dev/kmsg"
heeded "a job that fails after its results" '1 1 0' 'status 3' --cmd "$good; exit 3"
heeded "a guest that dies amid the results" '1 1 0' '1 results, 2 planned' \
  --cmd 'echo 1..2; echo ok 1 - a; sleep 1; echo c >/proc/sysrq-trigger'
heeded "a guest that says nothing" '0 1 0' 'no plan' --cmd true
heeded "a driver without a device skips all" '0 [0-9]+ 0' 'no snnq device' --no-device --tests submit_test
rm -f build/check/10-verdict.log
finish
