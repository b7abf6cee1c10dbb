#!/bin/sh
# SPDX-License-Identifier: MIT
#
# SLAYER's mixed-precision DVS Gesture network on real recordings: the spikes of the binned
# input and of all seven stages equal the published totals, and the classes' counts too.
set -eu
# shellcheck source=tests/real/common.sh
. "$(dirname "$0")/common.sh"

need "DVS Gesture" slayer-dvsgesture-cnn/network.yaml
need "DVS Gesture" dvsgesture/golden.tsv

"$SNNQ" import "$SNNQ_DATA/slayer-dvsgesture-cnn" -o "$WORK/gesture.snnq" >"$WORK/info.txt"
if [ "$(awk '$1 ~ /^(conv|fc)/ { print $1 ":" $5 }' "$WORK/info.txt" | tr '\n' ' ')" = \
    "conv1:2 conv2:3 fc1:5 fc2:4 " ]; then
  ok "DVS Gesture: layers of 2, 3, 5 and 4 bits"
else
  bad "DVS Gesture: expected 2, 3, 5 and 4 bits"
  note <"$WORK/info.txt"
fi

for i in 1 2 3 4; do
  printf '%s/dvsgesture/%d.bs2\t%d\n' "$SNNQ_DATA" "$i" $((i - 1))
done >"$WORK/list.tsv"
evaluate "$WORK/gesture.snnq" "$WORK/list.tsv" "$WORK/got.tsv"
awk -F'\t' -v OFS='\t' '
  NR == 1 { print "recording", "predicted", "out0..out10", "spikes_input", "pool1", "conv1", "pool2", "conv2", "pool3", "fc1", "fc2"; next }
  { sub(/.*\//, "", $1); sub(/\.bs2$/, "", $1)
    print $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 }' "$WORK/got.tsv" >"$WORK/got-golden.tsv"
compare "DVS Gesture, stage by stage" "$SNNQ_DATA/dvsgesture/golden.tsv" "$WORK/got-golden.tsv"
finish
