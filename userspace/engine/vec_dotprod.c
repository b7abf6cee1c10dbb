// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_dotprod.c - the inner loops for NEON with dot products of bytes. */
#define VEC_NAME dotprod
#define VEC_ARM	 2
#include "vec_arm64.h"
