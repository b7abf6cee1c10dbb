# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# On the host, for suites: what the device says of its resets.

# traced FILE: options of tools/guest/run, a line each, that have it said there.
traced() {
  mkdir -p "${1%/*}"
  rm -f "$1"
  printf '%s\n' --qemu -trace --qemu snnq_reset --qemu -trace --qemu snnq_core_enable --qemu -D --qemu "$1"
}

# reset_once FILE: the device was reset once, as a whole (level 3), before its first core was started.
reset_once() {
  local resets
  resets=$(sed -n '/core_enable/q;/core 0: reset, level 3/p' "$1" | wc -l)
  note <<<"$resets resets"
  [ "$resets" -eq 1 ] && grep -q core_enable "$1"
}
