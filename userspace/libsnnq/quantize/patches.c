// SPDX-License-Identifier: MIT
/*
 * patches.c - collect what a layer's neurons see.
 */
#include "quantize/patches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct collector {
	const struct patch_source *src;
	struct patches *out;
	size_t words, plane_words, slot_words; /* of a position, a plane, a step */
	size_t used, capacity;
};

static int grow(struct collector *c)
{
	size_t capacity = c->capacity ? 2 * c->capacity : 1 << 16;
	uint32_t *entry = realloc(c->out->entry, capacity * sizeof(*entry));
	uint16_t *value;

	if (!entry)
		return -ENOMEM;
	c->out->entry = entry;
	value = realloc(c->out->value, capacity * sizeof(*value));
	if (!value)
		return -ENOMEM;
	c->out->value = value;
	c->capacity = capacity;
	return 0;
}

/* Channels [first, end) of a 64-bit word of channels. */
static uint64_t channel_mask(uint32_t word, uint32_t first, uint32_t end)
{
	uint64_t mask = ~0ull;

	if (word * 64 < first)
		mask &= ~0ull << (first - word * 64);
	if (word * 64 + 64 > end)
		mask &= ~0ull >> (word * 64 + 64 - end);
	return mask;
}

/* Active inputs of one word of channels at one position of the input. */
static int add_word(struct collector *c, const uint64_t *at, uint64_t mask, uint32_t first,
		    uint32_t tap)
{
	uint32_t window = c->src->shape->kernel_h * c->src->shape->kernel_w;
	uint64_t any = 0;

	for (uint32_t p = 0; p < c->out->planes; p++)
		any |= at[p * c->plane_words];
	for (any &= mask; any; any &= any - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(any), value = 0;

		for (uint32_t p = 0; p < c->out->planes; p++)
			value |= (uint32_t)(at[p * c->plane_words] >> bit & 1) << p;
		if (c->used == c->capacity && grow(c))
			return -ENOMEM;
		c->out->entry[c->used] = (bit - first) * window + tap;
		c->out->value[c->used++] = (uint16_t)value;
	}
	return 0;
}

static int add_position(struct collector *c, const uint64_t *at, uint32_t tap)
{
	uint32_t channels = c->src->shape->inputs, first = c->src->group * channels;

	for (uint32_t w = first / 64; w <= (first + channels - 1) / 64; w++) {
		uint64_t mask = channel_mask(w, first, first + channels);

		/* Modular arithmetic: bit - (first - 64 w) is the channel of the group. */
		if (add_word(c, at + w, mask, first - 64 * w, tap))
			return -ENOMEM;
	}
	return 0;
}

static int add_patch(struct collector *c, const struct place *place, uint32_t step)
{
	const struct snnq_geometry *g = &c->src->geometry;
	const struct graph_shape *in = c->src->in;
	const uint64_t *slot;

	if (c->src->late && !step--)
		return 0;
	slot = c->src->slots[place->recording] + step * c->slot_words;
	for (uint32_t ky = 0; ky < g->kernel_h; ky++)
		for (uint32_t kx = 0; kx < g->kernel_w; kx++) {
			int64_t y = (int64_t)place->y * g->stride_h + ky * g->dilation_h - g->pad_h;
			int64_t x = (int64_t)place->x * g->stride_w + kx * g->dilation_w - g->pad_w;

			if (y < 0 || x < 0 || y >= in->height || x >= in->width)
				continue;
			if (add_position(c, slot + ((size_t)y * in->width + (size_t)x) * c->words,
					 ky * g->kernel_w + kx))
				return -ENOMEM;
		}
	return 0;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	return b ? common_divisor(b, a % b) : a;
}

/*
 * Every n-th position, counted through all recordings, n having no divisor in
 * common with the number of positions: all of them appear equally often.
 */
static int choose_places(struct collector *c, size_t most)
{
	const struct patch_source *s = c->src;
	uint64_t positions = (uint64_t)s->out->height * s->out->width;
	uint64_t all = positions * s->recordings, every = all * s->steps / (most ? most : 1) + 1;
	struct patches *out = c->out;

	if (all * s->steps <= most)
		every = 1;
	while (common_divisor(positions, every) != 1)
		every++;
	out->place_count = (uint32_t)((all + every - 1) / every);
	out->places = malloc(out->place_count * sizeof(*out->places));
	if (!out->places)
		return -ENOMEM;
	for (uint64_t i = 0; i < out->place_count; i++) {
		uint64_t at = i * every, position = at % positions;

		out->places[i] = (struct place){ (uint32_t)(at / positions),
						 (uint16_t)(position / s->out->width),
						 (uint16_t)(position % s->out->width) };
	}
	return 0;
}

static int collect(struct collector *c, size_t most)
{
	struct patches *out = c->out;

	if (choose_places(c, most))
		return -ENOMEM;
	out->start = malloc((patch_count(out) + 1) * sizeof(*out->start));
	if (!out->start)
		return -ENOMEM;
	out->start[0] = 0;
	for (uint32_t p = 0; p < out->place_count; p++)
		for (uint32_t t = 0; t < out->steps; t++) {
			if (add_patch(c, &out->places[p], t))
				return -ENOMEM;
			out->start[(size_t)p * out->steps + t + 1] = c->used;
		}
	return 0;
}

int patches_collect(const struct patch_source *s, size_t most, struct patches *patches)
{
	struct collector c = { .src = s, .out = patches };

	c.words = (s->in->channels + 63) / 64;
	c.plane_words = (size_t)s->in->height * s->in->width * c.words;
	c.slot_words = c.plane_words * s->in->planes;
	*patches = (struct patches){
		.inputs = s->shape->inputs * s->shape->kernel_h * s->shape->kernel_w,
		.steps = s->steps,
		.planes = s->in->planes,
	};
	if (!collect(&c, most))
		return 0;
	patches_free(patches);
	return error_set(-ENOMEM, "calibration: no memory for what a layer sees");
}

void patches_free(struct patches *p)
{
	free(p->places);
	free(p->start);
	free(p->entry);
	free(p->value);
	memset(p, 0, sizeof(*p));
}
