# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
#
# What the comparisons with published networks share. They run under busybox sh, so
# that the guest can run them too. Set SNNQ (program), SNNQ_DEVICE (default sim),
# SNNQ_DATA (third-party data), WORK (scratch folder).
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
SNNQ=${SNNQ:-build/snnq}
SNNQ_DEVICE=${SNNQ_DEVICE:-sim}
SNNQ_DATA=${SNNQ_DATA:-../shared/data}
# Lists name recordings relative to themselves: make the folder absolute.
SNNQ_DATA=$(cd "$SNNQ_DATA" 2>/dev/null && pwd || echo "$SNNQ_DATA")
if [ -z "${WORK:-}" ]; then
  WORK=$(mktemp -d)
  trap 'rm -rf "$WORK"' EXIT
fi

# need NAME FILE: ends the script with a visible skip when the data is not there.
need() {
  [ -e "$SNNQ_DATA/$2" ] && return
  skip "$1" "no $SNNQ_DATA/$2"
  finish
}

# compare NAME EXPECTED GOT: identical files, or the first differences.
compare() {
  if cmp -s "$2" "$3"; then
    ok "$1: $(($(wc -l <"$2") - 1)) recordings exact"
  else
    bad "$1"
    diff "$2" "$3" | head -n 6 | note
  fi
}

# evaluate MODEL LIST OUT: predictions with the spikes of input and layers.
evaluate() {
  if ! "$SNNQ" eval "$1" --data "$2" --device "$SNNQ_DEVICE" --counts --tsv >"$3"; then
    bad "eval $1"
    finish
  fi
}
