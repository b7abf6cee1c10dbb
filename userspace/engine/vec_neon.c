// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_neon.c - the inner loops for NEON, which each arm64 processor has. */
#define VEC_NAME neon
#define VEC_ARM	 1
#include "vec_arm64.h"
