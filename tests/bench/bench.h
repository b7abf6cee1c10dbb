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

/* Keep a result for comparison; names and units hold nothing that JSON would escape. */
__attribute__((format(printf, 3, 4))) void bench_result(double value, const char *unit,
							const char *format, ...);

/* ---- spikformer.c: a network end to end ---- */

void measure_spikformer(void);
/* All layers fire at @rate percent, or as usual when it is 0. Write what others run: weights.i8, input.u8, network.json. */
void write_spikformer(const char *folder, double rate);
/* Say "ready", then for each line of the input run a job and say its wall time, in milliseconds. */
void time_spikformer(double rate, uint32_t threads);
/* So many jobs, with this instruction set. */
void run_spikformer(uint32_t jobs, const char *isa);

#endif /* SNNQ_BENCH_H */
