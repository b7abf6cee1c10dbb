// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_avx512.c - the inner loops for AVX-512 F, BW, VL and DQ. */
#define VEC_NAME   avx512
#define VEC_LEVEL  2
#define VEC_TARGET "avx2,bmi,popcnt,avx512f,avx512bw,avx512vl,avx512dq"
#include "vec_x86.h"
