#!/bin/sh
# SPDX-License-Identifier: MIT
#
# SLAYER's N-MNIST networks on real recordings: hidden and output spike counts of every
# sample equal the published integers. Catches every slip in binning, rounding, leaks and
# delays. SNNQ_TRAIN limits the training samples (default: all 1000).
set -eu
# shellcheck source=tests/real/common.sh
. "$(dirname "$0")/common.sh"

nets=slayer-nmnist-mlp
need "N-MNIST" $nets/full/network.yaml
need "N-MNIST" nmnist/test.tsv

# list SET COUNT: paths and labels of the first COUNT samples.
list() {
  awk -F'\t' -v folder="$SNNQ_DATA/nmnist/$1" -v n="$2" \
    'NR <= n { print folder "/" $1 ".bs2\t" $2 }' "$SNNQ_DATA/nmnist/$1.tsv"
}

# The columns of the golden files from those of `snnq eval --counts --tsv`.
golden_columns() {
  awk -F'\t' -v OFS='\t' '
    NR == 1 { print "sample", "label", "predicted", "hidden_spikes", "out0..out9"; next }
    { sub(/.*\//, "", $1); sub(/\.bs2$/, "", $1); print $1, $2, $3, $6, $4 }' "$1"
}

# check NET SET COUNT
check() {
  list "$2" "$3" >"$WORK/list.tsv"
  evaluate "$WORK/$1.snnq" "$WORK/list.tsv" "$WORK/got.tsv"
  golden_columns "$WORK/got.tsv" >"$WORK/got-golden.tsv"
  head -n $(($3 + 1)) "$SNNQ_DATA/$nets/$1/golden-$2.tsv" >"$WORK/want.tsv"
  compare "N-MNIST $1, $2 set" "$WORK/want.tsv" "$WORK/got-golden.tsv"
}

# bits NET BITS BITS: the imported layers have the fewest bits that hold the weights.
bits() {
  "$SNNQ" import "$SNNQ_DATA/$nets/$1" -o "$WORK/$1.snnq" >"$WORK/info.txt"
  if [ "$(awk '/ bits /{ for (i = 2; i <= NF; i++) if ($i == "bits" && $(i - 1) ~ /^[0-9]+$/) { printf "%s ", $(i - 1) } }' \
      "$WORK/info.txt")" = "$2 $3 " ]; then
    ok "N-MNIST $1: layers of $2 and $3 bits"
  else
    bad "N-MNIST $1: expected $2 and $3 bits"
    note <"$WORK/info.txt"
  fi
}

bits full 6 6
bits small 5 5
check full test 50
check full train "${SNNQ_TRAIN:-1000}"
check small test 50
finish
