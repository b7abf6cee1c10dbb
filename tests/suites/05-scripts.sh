#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every shell script passes shellcheck, every Python file pyflakes: unquoted words, unused names,
# typing errors in branches that no run takes. C is formatted as .clang-format says, the device model
# and its tests as QEMU wants. Folders of sources include one another one way. What is described for
# syzkaller is what uapi/ has.
# beside: others
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

plain=() # scripts that cannot be called
while read -r file; do
  [ -f "$file" ] || continue
  line=$(head -n 1 "$file")
  [[ $line != '#!'* || -x $file || $file = tests/fuzz/corpus* ]] || plain+=("$file")
  case $line in
    '#!'*python3) check "$file" /usr/bin/python3 -m pyflakes "$file" ;;
    '#!'*sh) check "$file" shellcheck -S warning "$file" ;;
    *)
      case $file in # what others source or import
        *.py) check "$file" /usr/bin/python3 -m pyflakes "$file" ;;
        *.sh) check "$file" shellcheck -S warning "$file" ;;
      esac ;;
  esac
done < <(git ls-files --cached --others --exclude-standard | grep -vE '\.(c|h|md|yaml|build|npy|tsv|bin|snnq)$')

[ ${#plain[@]} -eq 0 ] || note <<<"not executable: ${plain[*]}"
check "scripts are executable" test ${#plain[@]} -eq 0

# finds_none COMMAND...: a search that works and finds nothing; one that fails is no good news.
finds_none() {
  local status=0
  "$@" || status=$?
  [ "$status" -eq 1 ]
}

# An assert statement is no check: PYTHONOPTIMIZE turns it off.
no_asserts() { finds_none git grep -nE '^ *assert ' -- 'tests/*.py' 'tests/*.sh'; }
check "no test checks by an assert statement" no_asserts

# No blanks at the end of a line or of a file.
empty=$(git hash-object -t tree /dev/null)
spaces() { git diff --check "$empty" -- . ':!tests/fuzz/corpus*' ':!*.patch' ':!LICENSES' | { ! grep -v '^+'; }; }
check "no blanks at ends" spaces
qemu_style=(tools/qemu/snnq tests/qtest)
tabs() { finds_none git grep -nP '^ *\t' -- "${qemu_style[@]/%//*.[ch]}"; }
check "QEMU's C is indented by spaces" tabs

formatted() {
  git ls-files -z '*.c' '*.h' "${qemu_style[@]/#/:!}" | xargs -0 clang-format --dry-run -Werror >build/check/format.txt 2>&1 && return
  note < <(grep error: build/check/format.txt)
  return 1
}
check "C is formatted (clang-format -i)" formatted

wrapped() { git ls-files -z '*.md' | xargs -0 tests/doc-wrap >build/check/doc-wrap.txt || { note <build/check/doc-wrap.txt; return 1; }; }
check "documents are wrapped (tests/doc-wrap)" wrapped

# A line that begins with a dot is a request; one that is none, a formatter drops with its text.
requests() { grep -nE "^[.']" Documentation/man/*.1 | finds_none grep -vE ':(\.(B|BI|BR|I|IP|IR|PP|RB|RI|SH|TH|TP|br|fi|nf)( |$)|\.\\")'; }
check "manual pages lose no line" requests

arrows() { /usr/bin/python3 tests/include-graph >build/check/include-graph.txt || { note <build/check/include-graph.txt; return 1; }; }
check "folders include one way" arrows

described() { tests/fuzz/syzkaller/check >build/check/syzkaller.txt || { note <build/check/syzkaller.txt; return 1; }; }
check "the description for syzkaller is that of uapi/" described

finish
