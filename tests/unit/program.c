// SPDX-License-Identifier: MIT
/*
 * program.c - building programs; see program.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

void program_init(struct program *p, uint32_t max_steps, uint32_t tile_steps)
{
	memset(p, 0, sizeof(*p));
	p->h.magic = SNNQ_PROGRAM_MAGIC;
	p->h.version = SNNQ_PROGRAM_VERSION;
	p->h.header_bytes = sizeof(struct snnq_program_header);
	p->h.region_bytes = sizeof(struct snnq_region_desc);
	p->h.layer_bytes = sizeof(struct snnq_layer);
	p->h.max_steps = max_steps;
	p->h.tile_steps = tile_steps;
	p->h.state_bytes = sizeof(struct snnq_state_header);
}

static bool role_is_timed(uint32_t role)
{
	return role == SNNQ_ROLE_INPUT || role == SNNQ_ROLE_OUTPUT;
}

static bool role_is_written(uint32_t role)
{
	return role == SNNQ_ROLE_OUTPUT || role == SNNQ_ROLE_READOUT;
}

uint16_t add_region(struct program *p, uint32_t role, uint64_t bytes)
{
	struct snnq_region_desc *r = &p->regions[p->h.region_count++];

	r->role = role;
	r->access = role_is_written(role) ? SNNQ_ACCESS_WRITE : SNNQ_ACCESS_READ;
	if (role_is_timed(role))
		r->step_bytes = (bytes + 7) & ~7ull;
	else
		r->bytes = bytes;
	return (uint16_t)(SNNQ_REGION_USER + p->h.region_count - 1);
}

uint32_t add_table(struct program *p, uint32_t count, const int32_t *values)
{
	uint32_t at = p->h.table_count;

	memcpy(&p->table[at], values, count * sizeof(*values));
	p->h.table_count += count;
	return at;
}

struct snnq_tensor make_tensor(uint16_t region, uint64_t offset, uint8_t format, uint8_t planes,
			       uint16_t height, uint16_t width, uint32_t channels)
{
	return (struct snnq_tensor){
		.offset = offset,
		.region = region,
		.format = format,
		.planes = planes,
		.height = height,
		.width = width,
		.channels = channels,
	};
}

struct snnq_tensor in_scratch(struct program *p, struct snnq_tensor t)
{
	t.region = SNNQ_REGION_SCRATCH;
	t.offset = p->h.scratch_step_bytes;
	p->h.scratch_step_bytes += (snnq_tensor_bytes(&t) + 7) & ~7ull;
	return t;
}

struct snnq_tensor in_region(struct program *p, struct snnq_tensor t, uint32_t role)
{
	t.region = add_region(p, role, snnq_tensor_bytes(&t));
	t.offset = 0;
	return t;
}

struct snnq_layer *add_layer(struct program *p, uint16_t op)
{
	struct snnq_layer *l = &p->layers[p->h.layer_count++];

	l->op = op;
	return l;
}

void place_state(struct program *p, struct snnq_layer *l)
{
	uint64_t bytes = snnq_layer_state_bytes(l);

	l->state_offset = bytes ? p->h.state_bytes : 0;
	p->h.state_bytes += bytes;
}

void set_lif(struct program *p, struct snnq_layer *l, int32_t threshold)
{
	l->neuron.model = SNNQ_NEURON_LIF;
	l->neuron.threshold_index = add_table(p, 1, &threshold);
	l->neuron.threshold_count = 1;
}

void set_weights(struct program *p, struct snnq_layer *l, uint8_t scheme, uint8_t bits)
{
	l->quant.scheme = scheme;
	l->quant.bits = bits;
	l->quant.region = add_region(p, SNNQ_ROLE_WEIGHTS, snnq_weight_bytes(l));
}

void *pack(const struct program *p, size_t *size)
{
	size_t regions = (size_t)p->h.region_count * p->h.region_bytes;
	size_t layers = (size_t)p->h.layer_count * p->h.layer_bytes;
	size_t table = p->h.table_count * sizeof(p->table[0]);
	struct snnq_program_header *h;
	uint32_t i;
	char *blob;

	*size = p->h.header_bytes + regions + layers + table;
	blob = calloc(1, *size);
	if (!blob)
		abort();
	memcpy(blob, &p->h, sizeof(*h));
	for (i = 0; i < p->h.region_count; i++)
		memcpy(blob + p->h.header_bytes + (size_t)i * p->h.region_bytes, &p->regions[i],
		       sizeof(p->regions[0]));
	for (i = 0; i < p->h.layer_count; i++)
		memcpy(blob + p->h.header_bytes + regions + (size_t)i * p->h.layer_bytes,
		       &p->layers[i], sizeof(p->layers[0]));
	memcpy(blob + p->h.header_bytes + regions + layers, p->table, table);
	h = (void *)blob;
	h->total_bytes = (uint32_t)*size;
	return blob;
}

struct snnq_plan *make_plan(const struct program *p)
{
	struct snnq_plan *plan;
	struct snnq_diag diag;
	size_t size;
	void *blob = pack(p, &size);
	int ret = snnq_plan_create(blob, size, &snnq_caps_all, UINT64_MAX, NULL, &plan, &diag);

	free(blob);
	if (ret) {
		fprintf(stderr, "program refused: %d, layer %u, %s: %s\n", ret, diag.layer,
			diag.field, snnq_check_text(diag.check));
		abort();
	}
	return plan;
}

static uint64_t *word_of(const struct snnq_tensor *t, void *data, uint32_t plane, uint32_t y,
			 uint32_t x, uint32_t c)
{
	uint64_t words = (t->channels + 63) / 64;
	uint64_t at = (uint64_t)plane * t->height + y;

	return (uint64_t *)data + (at * t->width + x) * words + c / 64;
}

int32_t get_element(const struct snnq_tensor *t, const void *data, uint32_t y, uint32_t x,
		    uint32_t c)
{
	int32_t v = 0;
	uint32_t p;

	if (t->format == SNNQ_FORMAT_INT32)
		return ((const int32_t *)data)[((uint64_t)y * t->width + x) * t->channels + c];
	for (p = 0; p < t->planes; p++)
		v |= (int32_t)(*word_of(t, (void *)(uintptr_t)data, p, y, x, c) >> c % 64 & 1) << p;
	if (t->format == SNNQ_FORMAT_SIGNED && v >> (t->planes - 1))
		v -= 1 << t->planes;
	return v;
}

void set_element(const struct snnq_tensor *t, void *data, uint32_t y, uint32_t x, uint32_t c,
		 int32_t value)
{
	uint32_t p;

	for (p = 0; p < t->planes; p++) {
		uint64_t *w = word_of(t, data, p, y, x, c);
		uint64_t bit = 1ull << c % 64;

		*w = (uint32_t)value >> p & 1 ? *w | bit : *w & ~bit;
	}
}
