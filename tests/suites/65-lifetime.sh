#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 2400
# needs: userspace modules qemu
# beside: others
#
# Removal of the device, limits and shared buffers where mistakes show: behind an IOMMU, where freeing
# DMA memory too late hits somebody else's; on the kernel that checks everything, which also lets each
# allocation fail once, those of mappings for the IOMMU too; with two devices;
# and with all DMA through bounce buffers.
# on: 6.12, checking kernel in guests
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh

tap iommu tests/selftests/run debian --tests 'remove_test memory_test share_test' --timeout 1500 --iommu
tap two-devices tests/selftests/run debian --tests two_devices --qemu -device --qemu 'snnq-pci,cores=1' --iommu
tap checked tests/selftests/run debug --tests 'remove_test share_test failnth_test' --timeout 2000 --iommu
tap bounced tests/selftests/run debian --tests share_test --append swiotlb=force
finish
