/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* vec_x86.h - the inner loops compiled for VEC_TARGET, whatever the rest is compiled for. */
#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__)
/* GCC bug 105593: registers that intrinsics leave undefined on purpose. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#include <string.h>

#include "vec.h"

#define VEC_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define VEC_BEGIN(target_) \
	VEC_PRAGMA(clang attribute push(__attribute__((target(target_))), apply_to = function))
#define VEC_END _Pragma("clang attribute pop")
#else
#define VEC_BEGIN(target_) VEC_PRAGMA(GCC target(target_))
#define VEC_END
#endif

VEC_BEGIN(VEC_TARGET)
#include "vec_body.h"
VEC_END
#else
typedef int nothing_to_compile;
#endif
