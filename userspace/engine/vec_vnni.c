// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_vnni.c - the inner loops for AVX-512 with VNNI. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "vec.h"

#define VEC_NAME	vnni
#define VEC_LEVEL	3

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))), apply_to = function)
#else
#pragma GCC target("avx2,bmi,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")
#endif

#include "vec_body.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#else
typedef int nothing_to_compile;
#endif
