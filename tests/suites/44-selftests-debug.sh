#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 4800
# needs: userspace modules qemu
# beside: others
#
# The driver's kselftests and KUnit tests on a kernel with KASAN, lockdep, kmemleak, UBSAN,
# DMA_API_DEBUG: no report, and no skip but of the 32-bit program where it cannot be built, and of
# network namespaces, which this kernel does not have. Removal is a matter of 65-lifetime. With
# SNNQ_KERNELS=all removal here, too, each allocation of a probe that fails, and sequences of calls,
# made from those that reached new code of the driver, for SNNQ_FUZZ_SECONDS or ten minutes; what was
# kept comes to build/fuzz-ioctls.
# on: checking kernel in a guest
set -euo pipefail

# shellcheck source=tests/tap.sh
. tests/tap.sh
may_skip '.*debug: telemetry_test: telemetry\.other_network_namespaces_have_no_family # SKIP .*'
may_skip '.*debug: ioctl32_test # SKIP no 32-bit C library .*'
may_skip '.*debug: power_test: power\.resets_of_the_function_lose_nothing # SKIP the bus has no reset of a function'

guided_fuzz() {
  local seconds=${SNNQ_FUZZ_SECONDS:-600}
  export SNNQ_COVERAGE=kcov
  tap fuzz tests/selftests/run debug --timeout $((seconds + 400)) --share tests/fuzz/corpus-ioctls \
    --out build/fuzz-ioctls \
    --cmd "cp /share/kept.bin /out; /selftests/fuzz $seconds ${SNNQ_FUZZ_SEED:-1} /out/kept.bin | tee /out/log"
  check "the kernel told what was executed" grep -q " [1-9][0-9]* points" build/fuzz-ioctls/log
  readelf -rW build/modules/*-snnq-debug-kcov/snnq.ko | awk '
    /^Relocation section/ { text = /\.rela\.text/ }
    text && / __sanitizer_cov_trace_pc / { points++ }
    END { print points " points in the driver" }' | note
}

without=-remove_test
[ "${SNNQ_KERNELS-}" != all ] || without=''
tap selftests tests/selftests/run debug --timeout 2900 --may-skip '.*' --tests "$without"
if [ "${SNNQ_KERNELS-}" = all ]; then
  tap probe tests/selftests/run debug --timeout 900 --tests failprobe
  guided_fuzz
fi
finish
