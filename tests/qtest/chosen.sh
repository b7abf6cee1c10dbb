# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# chosen OPTION...: the qtests whose names grep -E with these selects, from build/qemu/firmware; for suites.

# The program's own plan is wrong for tests that are chosen one by one.
chosen() {
  local tests
  mapfile -t tests < <(../snnq-test -l | grep -E "$@" | sed -n 's,^/.*,-p\n&,p')
  echo "1..$((${#tests[@]} / 2))"
  ../snnq-test --tap -k "${tests[@]}" | grep -v '^1\.\.'
}
