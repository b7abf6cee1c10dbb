// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_avx512.c - the inner loops for AVX-512 F, BW, VL and DQ. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "vec.h"

#define VEC_NAME	avx512
#define VEC_LEVEL	2

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,popcnt,avx512f,avx512bw,avx512vl,avx512dq"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,popcnt,avx512f,avx512bw,avx512vl,avx512dq")
#endif

#include "vec_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int nothing_to_compile;
#endif
