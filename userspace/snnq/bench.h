/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what `snnq bench` measures of a model.
 */
#ifndef SNNQ_BENCH_H
#define SNNQ_BENCH_H

#include "cli.h"

/* Times of one kind, in milliseconds, sorted. */
struct bench_times {
	double *ms;
	uint32_t count;
};

struct bench {
	double load_ms;	  /* file to ready model */
	double first_ms;  /* first window, which decodes the weights */
	double memory_mb; /* most that the process had */
	double density;	  /* share of input bits that are set */
	uint64_t synops;  /* of a window */
	uint32_t steps, streams;
	struct bench_times windows; /* all steps in one job, on all streams at once */
	struct bench_times single;  /* a step at a time */
};

/* The time that a share of them do not exceed: 0.5 is the median. */
double bench_quantile(const struct bench_times *times, double share);

int bench_print(const struct cli_session *s, const struct bench *b, bool json);
int bench_print_speeds(bool json);

#endif /* SNNQ_BENCH_H */
