#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every shell script passes shellcheck, every Python file pyflakes: unquoted words, unused names,
# typing errors in branches that no run takes.
set -euo pipefail

passed=0 failed=0

check() {
  if "${@:2}"; then echo "ok $1"; passed=$((passed + 1)); else echo "not ok $1"; failed=$((failed + 1)); fi
}

while read -r file; do
  [ -f "$file" ] || continue
  case $(head -n 1 "$file") in
    '#!'*python3) check "$file" /usr/bin/python3 -m pyflakes "$file" ;;
    '#!'*sh) check "$file" shellcheck -S warning "$file" ;;
    *) case $file in *.py) check "$file" /usr/bin/python3 -m pyflakes "$file" ;; esac ;;
  esac
done < <(git ls-files --cached --others --exclude-standard | grep -vE '\.(c|h|md|yaml|build|npy|tsv|bin|snnq)$')

echo "RESULT passed=$passed failed=$failed skipped=0"
[ $failed -eq 0 ]
