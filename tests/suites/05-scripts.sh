#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every shell script passes shellcheck, every Python file pyflakes: unquoted words, unused names,
# typing errors in branches that no run takes. Folders of sources include one another one way.
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

while read -r file; do
  [ -f "$file" ] || continue
  case $(head -n 1 "$file") in
    '#!'*python3) check "$file" /usr/bin/python3 -m pyflakes "$file" ;;
    '#!'*sh) check "$file" shellcheck -S warning "$file" ;;
    *)
      case $file in # what others source or import
        *.py) check "$file" /usr/bin/python3 -m pyflakes "$file" ;;
        *.sh) check "$file" shellcheck -S warning "$file" ;;
      esac ;;
  esac
done < <(git ls-files --cached --others --exclude-standard | grep -vE '\.(c|h|md|yaml|build|npy|tsv|bin|snnq)$')

# An assert statement is no check: PYTHONOPTIMIZE turns it off.
no_asserts() { ! git grep -nE '^ *assert ' -- 'tests/*.py' 'tests/*.sh'; }
check "no test checks by an assert statement" no_asserts

arrows() { /usr/bin/python3 tests/include-graph >build/check/include-graph.txt || { note <build/check/include-graph.txt; return 1; }; }
check "folders include one way" arrows

finish
