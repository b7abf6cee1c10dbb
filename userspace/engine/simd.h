/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* simd.h - loops compiled for what the processor has. */
#ifndef SNNQ_SIMD_H
#define SNNQ_SIMD_H

/*
 * Compiled for several instruction sets, chosen when the program starts: before the
 * sanitizers are ready.
 */
#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define SIMD_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SIMD_CLONES
#endif

#endif /* SNNQ_SIMD_H */
