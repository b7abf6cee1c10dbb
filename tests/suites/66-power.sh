#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Power and the bus: a device that sleeps when idle, whose function is reset, whose bus has errors that
# recovery mends and one that it does not; a machine that is saved and goes back; another kernel that
# takes it over. All at work.
# timeout: 1800
# needs: userspace modules qemu
# beside: others
# on: 6.12 in guests
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
limit=400

# port LINE: the device below a root port. Only PCI Express's own hotplug tells of the port's link.
port() {
  printf '%s\n' --machine q35 --no-device --qemu -global --qemu "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=$1" \
    --qemu -device --qemu pcie-root-port,id=rp,chassis=1,slot=1 \
    --qemu -device --qemu snnq-pci,id=snnq0,bus=rp,cores=2,inject-regs=on
}

# job NAME SCRIPT OPTION...: clients at work, while the script of that name on the host does something.
job() {
  tap "$1" tests/selftests/run debian --timeout $limit --host-script "tests/guest/$1-host.sh" \
    --script "tests/guest/$2.sh" "${@:3}"
}

mapfile -t linked < <(port off)
mapfile -t unlinked < <(port on)
tap sleep tests/selftests/run debian --timeout $limit --tests power_test --iommu
job save pull
job aer aer "${linked[@]}"
job lost lost "${unlinked[@]}"
mkdir -p build/check/kexec
cp -L "$(tools/guest/kernel debian)/bzImage" build/check/kexec/
tap kexec tests/selftests/run debian --timeout $limit --iommu --share build/check/kexec --script tests/guest/kexec.sh
finish
