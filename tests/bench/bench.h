/* SPDX-License-Identifier: MIT */
/*
 * bench.h - parts of the engine's benchmark.
 */
#ifndef SNNQ_BENCH_H
#define SNNQ_BENCH_H

#include <time.h>

#include "program.h"

static inline double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* others may use the machine */
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A network end to end: spikformer.c */
void measure_spikformer(void);

#endif /* SNNQ_BENCH_H */
