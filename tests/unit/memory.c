// SPDX-License-Identifier: MIT
/*
 * memory.c - memory of test jobs; see program.h. Each region is an allocation of
 * its exact size, so that sanitizers see any access beyond it.
 */
#include <stdlib.h>
#include <string.h>

#include "program.h"

static int check(struct memory *m, uint32_t region, uint64_t offset, size_t bytes, uint32_t right)
{
	if (m->fail_status && m->accesses >= m->fail_after)
		return m->fail_status;
	m->accesses++;
	if (region >= m->count || !(m->access[region] & right) || bytes > m->size[region] ||
	    offset > m->size[region] - bytes)
		return SNNQ_STATUS_ACCESS;
	return SNNQ_STATUS_OK;
}

static int memory_read(void *ctx, uint32_t region, uint64_t offset, void *buf, size_t bytes)
{
	struct memory *m = ctx;
	int status = check(m, region, offset, bytes, SNNQ_ACCESS_READ);

	if (!status)
		memcpy(buf, m->bytes[region] + offset, bytes);
	return status;
}

static int memory_write(void *ctx, uint32_t region, uint64_t offset, const void *buf, size_t bytes)
{
	struct memory *m = ctx;
	int status = check(m, region, offset, bytes, SNNQ_ACCESS_WRITE);

	if (!status)
		memcpy(m->bytes[region] + offset, buf, bytes);
	return status;
}

static const void *memory_view(void *ctx, uint32_t region, uint64_t offset, size_t bytes)
{
	struct memory *m = ctx;

	if (!m->use_view || check(m, region, offset, bytes, SNNQ_ACCESS_READ))
		return NULL;
	return m->bytes[region] + offset;
}

static void *memory_edit(void *ctx, uint32_t region, uint64_t offset, size_t bytes)
{
	struct memory *m = ctx;

	if (!m->use_view || region != SNNQ_REGION_STATE_OUT || offset + bytes > m->size[region])
		return NULL;
	return m->bytes[region] + offset;
}

static void add(struct memory *m, uint64_t bytes, uint32_t access)
{
	m->bytes[m->count] = calloc(1, bytes ? bytes : 1);
	if (!m->bytes[m->count])
		abort();
	m->size[m->count] = bytes;
	m->access[m->count++] = access;
}

void memory_init(struct memory *m, const struct snnq_program_info *info, uint32_t steps)
{
	uint32_t r;

	memset(m, 0, sizeof(*m));
	add(m, info->state_bytes, SNNQ_ACCESS_READ);
	add(m, info->state_bytes, SNNQ_ACCESS_WRITE);
	add(m, info->scratch_bytes, SNNQ_ACCESS_READ | SNNQ_ACCESS_WRITE);
	for (r = 0; r < info->region_count; r++)
		add(m, snnq_region_required(info, r, steps), info->regions[r].access);
}

void memory_free(struct memory *m)
{
	while (m->count)
		free(m->bytes[--m->count]);
}

void memory_advance(struct memory *m)
{
	uint8_t *p = m->bytes[SNNQ_REGION_STATE_IN];

	m->bytes[SNNQ_REGION_STATE_IN] = m->bytes[SNNQ_REGION_STATE_OUT];
	m->bytes[SNNQ_REGION_STATE_OUT] = p;
}

/* A sorted list of events that ends early with the end mark, or with the region. */
static void fill_events(struct memory *m, const struct snnq_tensor *t, uint32_t steps,
			uint64_t *seed)
{
	uint64_t n = (m->size[t->region] - t->offset) / 8, i;
	uint64_t *list = (void *)(m->bytes[t->region] + t->offset);
	uint64_t used = random_below(seed, (uint32_t)n + 1);

	for (i = 0; i < n; i++) {
		uint64_t step = i * steps / (n + 1);

		list[i] = step << SNNQ_EVENT_STEP_SHIFT |
			  (uint64_t)random_below(seed, t->height) << SNNQ_EVENT_Y_SHIFT |
			  (uint64_t)random_below(seed, t->width) << SNNQ_EVENT_X_SHIFT |
			  random_below(seed, t->channels);
	}
	if (used < n)
		list[used] = SNNQ_EVENT_END;
}

void memory_fill(struct memory *m, const struct program *p, uint32_t steps, uint64_t seed)
{
	uint64_t state = seed;
	uint32_t r, i;

	for (r = 0; r < p->h.region_count; r++) {
		uint32_t region = SNNQ_REGION_USER + r;
		uint32_t sparse = random_below(&state, 3);
		uint64_t k;

		for (k = 0; k < m->size[region]; k++) {
			uint8_t v = (uint8_t)random_next(&state);

			/* Inputs of different densities. */
			if (p->regions[r].role == SNNQ_ROLE_INPUT && sparse)
				v &= (uint8_t)random_next(&state);
			if (p->regions[r].role == SNNQ_ROLE_INPUT && sparse > 1)
				v &= (uint8_t)random_next(&state);
			m->bytes[region][k] = v;
		}
	}
	for (i = 0; i < p->h.layer_count; i++)
		if (p->layers[i].op == SNNQ_OP_EVENTS)
			fill_events(m, &p->layers[i].in[0], steps, &state);
}

void run_init(struct snnq_run *run, struct memory *m, uint32_t steps)
{
	uint32_t r;

	memset(run, 0, sizeof(*run));
	run->steps = steps;
	run->reset = true;
	for (r = SNNQ_REGION_USER; r < m->count; r++)
		run->event_bytes[r - SNNQ_REGION_USER] = m->size[r];
	run->memory.read = memory_read;
	run->memory.write = memory_write;
	run->memory.view = memory_view;
	run->memory.edit = memory_edit;
	run->memory.ctx = m;
}
