/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * simd.h - loops over floating-point numbers compiled for what the processor has: on
 * x86-64 they exist twice, and the program picks when it starts. That is before the
 * sanitizers are ready, and clang has it not. The engine's loops are in its vec.h.
 */
#ifndef SNNQ_SIMD_H
#define SNNQ_SIMD_H

#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define SIMD_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SIMD_CLONES
#endif

#endif /* SNNQ_SIMD_H */
