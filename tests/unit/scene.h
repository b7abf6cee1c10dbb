/* SPDX-License-Identifier: MIT */
/*
 * scene.h - what tests of the quantizer calibrate on: inputs of random counts in front of a
 * convolution.
 */
#ifndef SCENE_H
#define SCENE_H

#include <stdint.h>

#include "quantize/quantize.h"

#define SCENE_RECORDINGS 3
#define SCENE_STEPS	 5

struct scene {
	struct graph_shape in, out;
	struct weight_shape shape;
	struct patch_source source;
	uint64_t *slots[SCENE_RECORDINGS];
};

void scene_seed(uint64_t seed);
/* In [0, 1), and in 0..n-1; the same sequence in each run of a program. */
double scene_uniform(void);
uint32_t scene_below(uint32_t n);

/* A convolution on @channels (two groups of half of them each), at most 64 of them. */
void scene_open(struct scene *s, uint32_t channels, uint32_t planes, uint32_t group);
void scene_close(struct scene *s);
/* Have inputs of a position nearly always fire together. */
void scene_correlate(struct scene *s);
/* Words of 64 channels; the value of an input. */
uint32_t scene_words(const struct graph_shape *s);
uint32_t scene_value(const struct scene *s, uint32_t recording, uint32_t step, int64_t y, int64_t x,
		     uint32_t channel);
/* [patches][inputs] from the lists, to be freed; fails the test when an input is in them twice. */
uint32_t *scene_dense(const struct patches *p);

#endif /* SCENE_H */
