#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Import a network, quantize it, and see what that costs:
#
#   quantize.sh NETWORK CALIBRATION TEST BITS [option of snnq import...]
#
# NETWORK is what snnq import takes, or a float .snnq model; CALIBRATION and TEST are lists of
# recordings, a path, a tab and a label per line, with no recording in both. Into the folder at hand
# go float.snnq, quantized.snnq with BITS bits a weight on average, and report.html.
set -eu

[ $# -ge 4 ] || { sed -n '4,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
network=$1 calibration=$2 test=$3 bits=$4
shift 4

case $network in
  *.snnq) cp "$network" float.snnq ;;
  *) snnq import "$network" -o float.snnq "$@" ;;
esac
snnq quantize float.snnq -o quantized.snnq --calib "$calibration" --target-bits "$bits" --report report.html
for model in float quantized; do
  echo "$model:"
  snnq eval "$model.snnq" --data "$test"
done
snnq info quantized.snnq
