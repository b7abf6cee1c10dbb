// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_vbmi2.c - the inner loops for AVX-512 with VNNI, VBMI, VBMI2 and VPOPCNTDQ. */
#define VEC_NAME  vbmi2
#define VEC_LEVEL 4
#define VEC_TARGET                                                                  \
	"avx2,bmi,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vbmi," \
	"avx512vbmi2,avx512vpopcntdq"
#include "vec_x86.h"
