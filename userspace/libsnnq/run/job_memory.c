// SPDX-License-Identifier: MIT
/*
 * job_memory.c - the engine's access to memory of this process.
 */
#include "job_memory.h"

#include <string.h>

static const struct job_region *find(const struct job_memory *m, uint32_t region)
{
	static const struct job_region none;

	if (region == SNNQ_REGION_STATE_IN)
		return &m->state_in;
	if (region == SNNQ_REGION_STATE_OUT)
		return &m->state_out;
	if (region < SNNQ_REGION_USER || region - SNNQ_REGION_USER >= SNNQ_MAX_USER_REGIONS)
		return &none;
	return &m->user[region - SNNQ_REGION_USER];
}

/* The bytes [offset, offset + bytes) of a region, or NULL when they are not all there. */
static uint8_t *at(const struct job_memory *m, uint32_t region, uint64_t offset, size_t bytes)
{
	const struct job_region *r = find(m, region);

	return r->base && offset <= r->bytes && bytes <= r->bytes - offset ? r->base + offset :
									     NULL;
}

static int read_memory(void *ctx, uint32_t region, uint64_t offset, void *buf, size_t bytes)
{
	const uint8_t *from = at(ctx, region, offset, bytes);

	if (!from)
		return SNNQ_STATUS_ACCESS;
	memcpy(buf, from, bytes);
	return SNNQ_STATUS_OK;
}

static int write_memory(void *ctx, uint32_t region, uint64_t offset, const void *buf, size_t bytes)
{
	uint8_t *to = at(ctx, region, offset, bytes);

	if (!to)
		return SNNQ_STATUS_ACCESS;
	memcpy(to, buf, bytes);
	return SNNQ_STATUS_OK;
}

static const void *view_memory(void *ctx, uint32_t region, uint64_t offset, size_t bytes)
{
	return at(ctx, region, offset, bytes);
}

static void *edit_memory(void *ctx, uint32_t region, uint64_t offset, size_t bytes)
{
	return at(ctx, region, offset, bytes);
}

struct snnq_memory job_memory_of(struct job_memory *memory)
{
	return (struct snnq_memory){ read_memory, write_memory, view_memory, edit_memory, memory };
}
