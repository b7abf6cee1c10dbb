// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vec_generic.c - the inner loops for any machine. */
#define VEC_NAME  generic
#define VEC_LEVEL 0

#include "vec_body.h"
