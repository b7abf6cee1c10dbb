// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memory.c - access to the memory of a job. Each failure becomes the job's
 * outcome, with the layer that runs, the region and the offset.
 */
#include "engine.h"

/* Always true, so that callers can return it. */
bool fault(struct job *job, int status, uint32_t region, uint64_t offset)
{
	struct snnq_outcome *o = job->outcome;

	o->status = status > 0 && (unsigned int)status < SNNQ_STATUS_COUNT ?
		    (uint16_t)status : SNNQ_STATUS_INTERNAL;
	o->layer = (uint16_t)job->layer;
	o->region = (uint16_t)region;
	o->offset = offset;
	return true;
}

bool job_read(struct job *job, uint32_t region, uint64_t offset, void *buf, uint64_t bytes)
{
	const struct snnq_memory *m = &job->run->memory;
	int status = m->read(m->ctx, region, offset, buf, bytes);

	return status ? fault(job, status, region, offset) : false;
}

bool job_write(struct job *job, uint32_t region, uint64_t offset, const void *buf,
	       uint64_t bytes)
{
	const struct snnq_memory *m = &job->run->memory;
	int status = m->write(m->ctx, region, offset, buf, bytes);

	return status ? fault(job, status, region, offset) : false;
}

/* NULL: use job_read(). */
const void *job_view(struct job *job, uint32_t region, uint64_t offset, uint64_t bytes)
{
	const struct snnq_memory *m = &job->run->memory;

	return m->view ? m->view(m->ctx, region, offset, bytes) : NULL;
}
