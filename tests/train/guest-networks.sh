#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: each network that compare_networks.py and values.py left with --keep in a folder runs on
# the device, and every layer's output is the one kept, which is PyTorch's or NumPy's.
#   guest-networks.sh FOLDER
set -eu
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

# same FOLDER OUTPUT: as many layers, all of them equal.
same() {
  for kept in "$1"/*.npy; do cmp "$kept" "$2/${kept##*/}" || return; done
  [ "$(ls "$2" | wc -l)" -eq "$(ls "$1"/*.npy | wc -l)" ]
}

for folder in "$1"/*/; do
  name=$(basename "$folder") out=$(mktemp -d)
  if snnq run "$folder/model.snnq" "$folder"/input.* --device /dev/accel/accel0 --raster "$out" >"$out.txt" 2>&1; then
    check "$name" same "$folder/outputs" "$out"
  else
    note <"$out.txt"
    bad "$name"
  fi
  rm -r "$out"
done
finish
