// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_avx2.c - the inner loops for AVX2. */
#define VEC_NAME   avx2
#define VEC_LEVEL  1
#define VEC_TARGET "avx2,bmi,popcnt"
#include "vec_x86.h"
