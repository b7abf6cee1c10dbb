/* SPDX-License-Identifier: MIT */
/*
 * job_memory.h - regions of a job that lie in this process.
 */
#ifndef SNNQ_JOB_MEMORY_H
#define SNNQ_JOB_MEMORY_H

#include "snnq_engine.h"

/* Absent: NULL and 0. A region that is only read may be constant memory. */
struct job_region {
	uint8_t *base;
	uint64_t bytes;
};

struct job_memory {
	struct job_region state_in, state_out;
	struct job_region user[SNNQ_MAX_USER_REGIONS];
};

/* Every access is within a region, or ends the job with SNNQ_STATUS_ACCESS. @memory stays. */
struct snnq_memory job_memory_of(struct job_memory *memory);

#endif /* SNNQ_JOB_MEMORY_H */
