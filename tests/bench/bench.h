/* SPDX-License-Identifier: MIT */
/*
 * bench.h - parts of the engine's benchmark.
 */
#ifndef SNNQ_BENCH_H
#define SNNQ_BENCH_H

#include <time.h>

#include "program.h"

static inline double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Others may use the machine. */
static inline double cpu_seconds(void)
{
	return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* For what several threads do. */
static inline double wall_seconds(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

/* A network end to end: spikformer.c */
void measure_spikformer(void);

#endif /* SNNQ_BENCH_H */
