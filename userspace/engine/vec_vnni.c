// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_vnni.c - the inner loops for AVX-512 with VNNI. */
#define VEC_NAME   vnni
#define VEC_LEVEL  3
#define VEC_TARGET "avx2,bmi,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"
#include "vec_x86.h"
