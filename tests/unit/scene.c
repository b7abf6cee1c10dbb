// SPDX-License-Identifier: MIT
/*
 * scene.c - random inputs of a convolution; see scene.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"
#include "snnq_engine.h"

static uint64_t random_state = 7;

void scene_seed(uint64_t seed)
{
	random_state = seed;
}

double scene_uniform(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(random_state >> 11) * 0x1p-53;
}

uint32_t scene_below(uint32_t n)
{
	return (uint32_t)(scene_uniform() * n);
}

uint32_t scene_words(const struct graph_shape *s)
{
	return (s->channels + 63) / 64;
}

uint32_t scene_value(const struct scene *s, uint32_t recording, uint32_t step, int64_t y, int64_t x,
		     uint32_t channel)
{
	size_t plane = (size_t)s->in.height * s->in.width * scene_words(&s->in);
	size_t at = ((size_t)y * s->in.width + (size_t)x) * scene_words(&s->in) + channel / 64;
	uint32_t value = 0;

	for (uint32_t p = 0; p < s->in.planes; p++)
		value |= (uint32_t)(s->slots[recording][(step * s->in.planes + p) * plane + at] >>
					    channel % 64 &
				    1)
			 << p;
	return value;
}

void scene_open(struct scene *s, uint32_t channels, uint32_t planes, uint32_t group)
{
	size_t bytes;

	memset(s, 0, sizeof(*s));
	s->in = (struct graph_shape){ 6, 5, channels, SNNQ_FORMAT_UNSIGNED, (uint8_t)planes };
	s->out = (struct graph_shape){ 3, 5, 8, SNNQ_FORMAT_UNSIGNED, 1 };
	s->shape = (struct weight_shape){ 8, channels / 2, 3, 2, 2 };
	s->source = (struct patch_source){
		.in = &s->in,
		.out = &s->out,
		.geometry = { 3, 2, 2, 1, 1, 1, 1, 2, 2 },
		.shape = &s->shape,
		.group = group,
		.steps = SCENE_STEPS,
		.recordings = SCENE_RECORDINGS,
		.slots = (const uint64_t *const *)s->slots,
	};
	bytes = (size_t)SCENE_STEPS * planes * 6 * 5 * scene_words(&s->in) * 8;
	for (int r = 0; r < SCENE_RECORDINGS; r++) {
		s->slots[r] = malloc(bytes);
		for (size_t i = 0; i < bytes; i++)
			((uint8_t *)s->slots[r])[i] =
				(uint8_t)(scene_below(256) & scene_below(256));
	}
}

void scene_close(struct scene *s)
{
	for (int r = 0; r < SCENE_RECORDINGS; r++)
		free(s->slots[r]);
}

void scene_correlate(struct scene *s)
{
	size_t count = (size_t)SCENE_STEPS * s->in.planes * 6 * 5 * scene_words(&s->in);

	for (int r = 0; r < SCENE_RECORDINGS; r++)
		for (size_t i = 0; i < count; i++) {
			uint64_t all = scene_below(2) ? (1ull << s->in.channels) - 1 : 0;

			s->slots[r][i] = all ^ 1ull << scene_below(s->in.channels);
		}
}

uint32_t *scene_dense(const struct patches *p)
{
	uint32_t *values = calloc(patch_count(p) * p->inputs, sizeof(*values));

	for (size_t m = 0; m < patch_count(p); m++)
		for (size_t e = p->start[m]; e < p->start[m + 1]; e++) {
			uint32_t *v = &values[m * p->inputs + p->entry[e]];

			assert_int_equal(*v, 0); /* each input once */
			*v = p->value[e];
		}
	return values;
}
