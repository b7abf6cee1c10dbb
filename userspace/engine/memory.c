// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memory.c - access to the memory of a job. Each failure becomes the job's
 * outcome, with the layer that runs, the region and the offset.
 */
#include <string.h>

#include "engine.h"

/* Always true, so that callers can return it. */
bool fault(struct job *job, int status, uint32_t region, uint64_t offset)
{
	struct snnq_outcome *o = job->outcome;

	o->status = status > 0 && (unsigned int)status < SNNQ_STATUS_COUNT ? (uint16_t)status :
									     SNNQ_STATUS_INTERNAL;
	o->layer = (uint16_t)job->layer;
	o->region = (uint16_t)region;
	o->offset = offset;
	return true;
}

static uint32_t words_of(uint64_t bytes)
{
	return (uint32_t)((bytes + 7) / 8);
}

bool job_zero(struct job *job, void *to, uint64_t bytes)
{
	uint64_t done, n;

	for (done = 0; done < bytes; done += n) {
		n = chunk_at(done, bytes - done);
		if (work(job, words_of(n)))
			return true;
		memset((uint8_t *)to + done, 0, n);
	}
	return false;
}

bool job_copy(struct job *job, void *to, const void *from, uint64_t bytes)
{
	uint64_t done, n;

	for (done = 0; done < bytes; done += n) {
		n = chunk_at(done, bytes - done);
		if (work(job, words_of(n)))
			return true;
		memcpy((uint8_t *)to + done, (const uint8_t *)from + done, n);
	}
	return false;
}

/* NULL: use job_read(). */
const void *job_view(struct job *job, uint32_t region, uint64_t offset, uint64_t bytes)
{
	const struct snnq_memory *m = &job->run.memory;

	return m->view ? m->view(m->ctx, region, offset, bytes) : NULL;
}

static int read_chunk(struct job *job, uint32_t region, uint64_t offset, void *buf, uint64_t bytes)
{
	const struct snnq_memory *m = &job->run.memory;
	const void *p = job_view(job, region, offset, bytes);

	if (!p)
		return m->read(m->ctx, region, offset, buf, bytes);
	memcpy(buf, p, bytes);
	return SNNQ_STATUS_OK;
}

bool job_read(struct job *job, uint32_t region, uint64_t offset, void *buf, uint64_t bytes)
{
	uint64_t done, n;
	int status;

	for (done = 0; done < bytes; done += n) {
		n = chunk_at(offset + done, bytes - done);
		if (work(job, words_of(n)))
			return true;
		status = read_chunk(job, region, offset + done, (uint8_t *)buf + done, n);
		if (status)
			return fault(job, status, region, offset + done);
	}
	return false;
}

bool job_write(struct job *job, uint32_t region, uint64_t offset, const void *buf, uint64_t bytes)
{
	const struct snnq_memory *m = &job->run.memory;
	uint64_t done, n;
	int status;

	for (done = 0; done < bytes; done += n) {
		n = chunk_at(offset + done, bytes - done);
		if (work(job, words_of(n)))
			return true;
		status = m->write(m->ctx, region, offset + done, (const uint8_t *)buf + done, n);
		if (status)
			return fault(job, status, region, offset + done);
	}
	return false;
}
