// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_avx2.c - the inner loops for AVX2. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "vec.h"

#define VEC_NAME	avx2
#define VEC_LEVEL	1

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,popcnt")
#endif

#include "vec_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int nothing_to_compile;
#endif
