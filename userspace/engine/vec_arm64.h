/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* vec_arm64.h - the inner loops compiled for VEC_ARM, whatever the rest is compiled for. */
#include "vec.h"

#if VEC_ARM == 1 ? VEC_HAS_NEON : VEC_HAS_DOTPROD
#include <arm_neon.h>
#include <string.h>

#if VEC_ARM > 1 && !defined(__clang__)
#pragma GCC target("arch=armv8.2-a+dotprod")
#endif
#include "vec_body.h"
#else
typedef int nothing_to_compile;
#endif
