#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The driver on another processor and another bus: Arm's virt machine with the device on its system bus,
# found in the device tree; Debian's kernel, which has no accel nodes. What users get, some of the
# kselftests; the same as a board describes it, with supply, clock, reset and caches. With SNNQ_KERNELS=all
# all kselftests, the demonstration, the device on PCI, behind an IOMMU and with bounce buffers, and a
# kernel with pages of 16 KiB.
# timeout: 3600
# needs: userspace qemu arm64
# beside: others
# on: arm64: 6.12 in guests
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
# shellcheck source=tests/guest/trace.sh
. tests/guest/trace.sh
kernel=debian limit=400 trace=$PWD/build/check/arm64/trace
tests='ioctl_test bo_test submit_test close_test power_test reload.sh'
[ "${SNNQ_KERNELS-}" != all ] || tests=''

arm64() { tap "$1" tests/selftests/run $kernel --arch arm64 --timeout "$limit" "${@:2}"; }

may_skip '.*: failnth_test: failnth\.(opening|buffers_models_and_streams|submitting|fragmented_memory|sharing) # SKIP .*'
may_skip '.*: power_test: power\.resets_of_the_function_lose_nothing # SKIP the bus has no reset of a function'
may_skip '.*: device_test: device\.memory_is_open_to_it_while_it_has_a_driver # SKIP only PCI closes memory to a device'
may_skip '.*: ioctl32_test # SKIP no 32-bit C library .*'

mapfile -t traced < <(traced "$trace")
arm64 "system bus, users" "${traced[@]}" --script tests/guest/users.sh
check "reset once when it is probed" reset_once "$trace"
arm64 "board" --overlay dts/virt-npu.dtso --script tests/guest/board.sh
limit=1700
arm64 "system bus" --tests "$tests" --may-skip '.*'
if [ "${SNNQ_KERNELS-}" = all ]; then
  some='ioctl_test bo_test submit_test close_test fault_test'
  arm64 "PCI, SMMU" --bus pci --iommu --tests "$some"
  arm64 "PCI" --bus pci --tests "$some"
  arm64 "bounce buffers" --append swiotlb=65536,force --tests "$some"
  arm64 "memory out of reach" --memory 5G --append swiotlb=65536 --device-opts cores=2,dma-bits=32,inject-regs=on \
    --tests "$some"
  kernel=6.12-16k
  arm64 "16 KiB pages" --tests "$tests" --may-skip '.*'
  arm64 "16 KiB pages, PCI, SMMU" --bus pci --iommu --tests "$some"
  tools/demo arm64 >build/check/demo-arm64.txt 2>&1 || note <build/check/demo-arm64.txt
  check "demo: device and sim are identical" \
    grep -q 'device and sim identical: .* all 360' build/check/demo-arm64.txt
fi
finish
