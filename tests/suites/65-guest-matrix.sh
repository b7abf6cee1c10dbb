#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The driver on machines and devices of other kinds than the selftests' own: one core and four, a
# ring of two, few operations or neurons, 32-bit DMA, an IOMMU, bounce buffers, no MSI; and a device
# that is pulled out, or gone from its bus and back, while it works.
# timeout: 2400
# needs: userspace modules qemu
# beside: others
# on: 6.12 in guests
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/guest/trace.sh
. tests/guest/trace.sh
limit=400 trace=$PWD/build/check/guest-matrix/trace

# kind NAME 'TESTS' OPTION...: these selftests in such a guest.
kind() { tap "$1" tests/selftests/run debian --timeout $limit --tests "$2" "${@:3}"; }

# job NAME OPTION...: one script, which prints TAP.
job() { tap "$1" tests/selftests/run debian --timeout $limit "${@:2}"; }

# lacks WORDS OPTIONS: a network whose layers need what such a device lacks.
lacks() { job "lacks: $1" --device-opts "$2" --cmd "lacks='$1'; $(cat tests/guest/lacks.sh)"; }

# The selftests' network needs LINEAR (3) and READOUT (8).
kind "one core, ring of 2, 32-bit DMA" 'bo_test submit_test close_test' \
  --device-opts cores=1,ring-size=2,dma-bits=32
kind "four cores, two operations" 'ioctl_test submit_test' --device-opts cores=4,ops=$((1 << 3 | 1 << 8))
kind "IOMMU" 'bo_test submit_test close_test reload.sh' --iommu
kind "bounce buffers" 'bo_test submit_test close_test' --append swiotlb=force
mapfile -t traced < <(traced "$trace")
job "no MSI" "${traced[@]}" --append pci=nomsi --script tests/guest/no-msi.sh
check "reset once when it is probed" reset_once "$trace"
lacks 'op: this device has no "conv2d"' ops=$((1 << 3 | 1 << 8))
lacks 'neuron.model: this device has no "lif"' neurons=0x5
job "pulled out while it works" --host-script tests/guest/pull-host.sh --script tests/guest/pull.sh
job "gone from its bus" --host-script tests/guest/vanish-host.sh --script tests/guest/vanish.sh
finish
