/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * simd.h - loops compiled for what the processor has.
 *
 * On x86-64 they exist several times, and the program picks when it starts. That is
 * before the sanitizers are ready, and clang has it not; so one variant can be chosen
 * when compiling, as tests do with each: SNNQ_SIMD_PLAIN, or SNNQ_SIMD_AVX2 for
 * processors that have it.
 */
#ifndef SNNQ_SIMD_H
#define SNNQ_SIMD_H

#if defined(SNNQ_SIMD_AVX2)
#define SIMD_CLONES __attribute__((target("avx2")))
#elif defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__) && !defined(__clang__) && !defined(SNNQ_SIMD_PLAIN)
#define SIMD_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define SIMD_CLONES
#endif

#endif /* SNNQ_SIMD_H */
