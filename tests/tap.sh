# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# How tests count: sourced by tests/run, by every suite and test script, and in the guest. POSIX sh.
#
#   ok NAME; bad NAME; skip NAME REASON   one result
#   check NAME COMMAND...                 ok if the command succeeds, else bad
#   note                                  standard input as comments, so that nothing in it counts
#   tap NAME COMMAND...                   run a program that prints TAP; its results become ours
#   may_skip REGEX                        a program's "NAME: TEST # SKIP REASON" that is no failure
#   finish                                the plan, and the exit status: nonzero if anything failed
#
# A program passes by results, not by silence: one that ends with a nonzero status, prints no plan,
# or prints fewer or more results than planned has failed, whatever it printed. A skip that no
# may_skip foresees is a failure. A skip never counts as passed. A plan may come first or last; a line
# "RESULT passed=N failed=N skipped=N" is one, too.

tap_passed=0 tap_failed=0 tap_skipped=0 tap_foreseen=''

tap_total() { echo $((tap_passed + tap_failed + tap_skipped)); }

ok() { tap_passed=$((tap_passed + 1)); echo "ok $(tap_total) - $1"; }
tap_fail() { tap_failed=$((tap_failed + 1)); echo "not ok $(tap_total) - $1"; }
bad() { tap_fail "$1"; } # a script may have its own, which says more
skip() { tap_skipped=$((tap_skipped + 1)); echo "ok $(tap_total) - $1 # SKIP $2"; }
note() { sed 's/^/# /'; }

check() {
  tap_what=$1
  shift
  if "$@"; then ok "$tap_what"; else bad "$tap_what"; fi
}

may_skip() { tap_foreseen="${tap_foreseen:+$tap_foreseen|}$1"; }

tap_skip() {
  if [ -n "$tap_foreseen" ] && echo "$1 # SKIP $2" | grep -Eqx "$tap_foreseen"; then
    skip "$1" "$2"
  else
    bad "$1: skipped, which its suite does not foresee: $2"
  fi
}

# The description of a result line: without its number and dash.
tap_description() {
  tap_text=${1# }
  case ${tap_text%% *} in
  *[!0-9]*|'') ;;
  *)
    tap_text=${tap_text#"${tap_text%% *}"}
    tap_text=${tap_text# }
    ;;
  esac
  echo "${tap_text#- }"
}

tap_result() {
  tap_text=$(tap_description "$3")
  case $3 in
  *'# SKIP'*)
    tap_reason=${tap_text##*# SKIP}
    tap_text=${tap_text%%# SKIP*}
    tap_skip "$1: ${tap_text% }" "${tap_reason# }"
    ;;
  *) "$2" "$1: $tap_text" ;;
  esac
}

# Standard error is no result. It goes by a way of its own, since both it and the results come in pieces
# of lines; where they meet, each line is one write.
tap_errors() {
  while IFS= read -r tap_line || [ -n "$tap_line" ]; do printf '# %.900s\n' "$tap_line"; done
}

# Standard input is what the program NAME prints, its last line its exit status.
tap_read() {
  tap_planned='' tap_begin="$(tap_total) $tap_failed $tap_skipped" tap_status=none
  tap_cr=$(printf '\r')
  while IFS= read -r tap_line || [ -n "$tap_line" ]; do
    tap_line=${tap_line%"$tap_cr"}
    case $tap_line in
    'ok '*) tap_result "$1" ok "${tap_line#ok}" ;;
    'not ok '*) tap_result "$1" bad "${tap_line#not ok}" ;;
    'Bail out!'*) bad "$1: $tap_line" ;;
    '1..0 # SKIP '*) tap_planned=1; tap_skip "$1: all" "${tap_line#*# SKIP }" ;;
    'RESULT passed='*) tap_planned=$(($(echo "${tap_line#RESULT }" | sed 's/[a-z]*=/+/g; s/ //g'))) ;;
    1..*[!0-9]*) echo "# $tap_line" ;;
    1..[0-9]*) tap_planned=$((${tap_planned:-0} + ${tap_line#1..})) ;;
    tap-status\ *) tap_status=${tap_line#tap-status } ;;
    ''|'#'*) [ -z "$tap_line" ] || echo "$tap_line" ;;
    *) echo "# $tap_line" ;;
    esac
  done
  # shellcheck disable=SC2086 # three numbers
  tap_judge "$1" $tap_begin
}

# What the results themselves do not tell; the counts before them are in $2 to $4.
tap_judge() {
  tap_count=$(($(tap_total) - $2))
  if [ -z "$tap_planned" ]; then
    bad "$1: no plan after $tap_count results, status $tap_status"
  elif [ "$tap_planned" -ne $tap_count ]; then
    bad "$1: $tap_count results, $tap_planned planned, status $tap_status"
  elif [ $tap_count -eq 0 ]; then
    bad "$1: no results, status $tap_status"
  elif [ "$tap_status" = 4 ] && [ $tap_count -eq $((tap_skipped - $4)) ]; then
    : # what a kselftest says that only skips
  elif [ "$tap_status" != 0 ] && [ "$tap_failed" -eq "$3" ]; then
    bad "$1: status $tap_status although no result is bad"
  fi
}

tap() {
  tap_name=$1 tap_begin=$(date +%s)
  shift
  tap_counts=$(mktemp "${TMPDIR:-/tmp}/snnq-tap.XXXXXX")
  {
    {
      {
        tap_status=0
        "$@" 2>&4 3>&- 4>&- 5>&- || tap_status=$?
        printf '\ntap-status %d\n' "$tap_status"
      } 4>&1 >&3 | tap_errors >&5
    } 3>&1 | {
      tap_read "$tap_name"
      echo "$tap_passed $tap_failed $tap_skipped" >"$tap_counts"
    }
  } 5>&1
  read -r tap_passed tap_failed tap_skipped <"$tap_counts"
  rm -f "$tap_counts"
  tap_seconds=$(($(date +%s) - tap_begin))
  [ "$tap_seconds" -lt 10 ] || echo "# $tap_name: $tap_seconds s"
}

finish() {
  [ "$(tap_total)" -gt 0 ] || bad "no results"
  echo "1..$(tap_total)"
  [ "$tap_failed" -eq 0 ]
  exit
}
