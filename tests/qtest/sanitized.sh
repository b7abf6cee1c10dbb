# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# sanitized address|thread [REGEX]: the qtests, but for those whose name matches, on a QEMU whose device
# model and engine are compiled with that sanitizer (tools/qemu/build); for suites, which source
# tests/tap.sh before. Limits of time and of memory are for the real program. Every report is kept;
# which of them count is said below.

# shellcheck source=tests/qtest/chosen.sh
. tests/qtest/chosen.sh

sanitized() {
  local kind=$1 reports=$PWD/build/check/qtest-$1 golden=$PWD/tests/golden/golden.bin
  rm -rf "$reports"
  mkdir -p "$reports"
  tools/qemu/build --tests --sanitize "$kind"
  [ ! -e "$golden" ] || export SNNQ_GOLDEN=$golden
  export QTEST_QEMU_BINARY=$PWD/build/qemu/$kind/qemu-system-x86_64
  # The judgement is ours: a report must not look like a test that failed.
  # Whole stacks, so that a leak of QEMU's own can be told by its name.
  export ASAN_OPTIONS=log_path=$reports/log:fast_unwind_on_malloc=0
  export LSAN_OPTIONS=exitcode=0:print_suppressions=0:suppressions=$PWD/tests/qtest/address.supp
  export UBSAN_OPTIONS=log_path=$reports/log:print_stacktrace=1
  export TSAN_OPTIONS=log_path=$reports/log:exitcode=0:suppressions=$PWD/tests/qtest/thread.supp
  cd build/qemu/firmware || return
  tap "qtest-$kind" chosen -v "/limits/${2:+|$2}"
  cd - >/dev/null || return
  cat /dev/null "$reports"/log.* 2>/dev/null | "reports_$kind" >"$reports/ours"
  note <"$reports/ours"
  check "$kind: no report" test ! -s "$reports/ours"
}

# All but a warning that ASan does not follow every change of stacks.
reports_address() { grep -E -A 30 'ERROR: |SUMMARY: |runtime error: ' || true; }

# Those that name our code. TSan does not see the atomics of QEMU's own, which is not compiled for it,
# and takes what they order for races.
reports_thread() { awk 'BEGIN { RS = "==================\n" } /hw\/misc\/snnq\/|CHECK failed/'; }
