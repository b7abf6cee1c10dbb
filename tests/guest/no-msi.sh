#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: without MSI the driver works by the device's line, which is not left asserted.
export TMPDIR=/tmp
. /selftests/tap.sh
driver=/sys/bus/pci/drivers/snnq

device() { for bound in "$driver"/0000:*; do basename "$bound"; done; }
line_only() { grep 'snnq' /proc/interrupts | grep -qi 'fasteoi'; }
quiet() { ! dmesg | grep -Eq 'nobody cared|Disabling IRQ|no interrupts'; }
# What time alone repairs: a driver that polls finds its jobs only after a time-out.
no_hangs() { ! dmesg | grep -Eq 'hangs|is reset'; }
rebind() { echo "$1" >"$driver/unbind" && echo "$1" >"$driver/bind"; }

check "one line, no message" line_only
check "computes" /selftests/submit_test
check "nothing had to be recovered" no_hangs
check "is taken out and in" rebind "$(device)"
check "computes again" /selftests/submit_test -t one_job
check "the line is not left asserted" quiet
check "floods of it are survived" /selftests/recover_test -t floods_of_interrupts_are_survived
check "and of errors" /selftests/recover_test -t floods_of_errors_are_survived
# It is the kernel's to stop what others may share.
check "which the kernel puts an end to" sh -c "dmesg | grep -q 'nobody cared'"
check "until the driver is bound anew" rebind "$(device)"
check "computes once more" /selftests/submit_test -t one_job
finish
