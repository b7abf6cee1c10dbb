/* SPDX-License-Identifier: MIT */
/*
 * patches.h - what a layer's neurons see of recordings, as lists of active inputs.
 *
 * A patch is the input window of one output position in one time step (im2col).
 * Patches of one place follow each other in time; places are taken from all
 * recordings and positions evenly, borders included, up to a number.
 */
#ifndef SNNQ_PATCHES_H
#define SNNQ_PATCHES_H

#include "model/graph.h"
#include "model/grid.h"

struct place {
	uint32_t recording;
	uint16_t y, x;
};

/**
 * struct patches - active inputs of patches
 * @inputs: size of a window, K. Input (i, ky, kx) has number (i * kh + ky) * kw + kx,
 *	as weights of an output are ordered.
 * @steps: patches of a place.
 * @planes: bits of a value.
 * @place_count, @places: patch m belongs to place m / steps.
 * @start: [place_count * steps + 1] first entry of each patch.
 * @entry: number of an active input; @value: its value, 1 for a spike.
 */
struct patches {
	uint32_t inputs, steps, planes;
	uint32_t place_count;
	struct place *places;
	size_t *start;
	uint32_t *entry;
	uint16_t *value;
};

/**
 * struct patch_source - where patches come from
 * @in, @out: shapes of the layer's input and output.
 * @geometry: its window.
 * @shape: of its weights; @group: which group of channels.
 * @slots: [recordings] packed input tensors, @steps each.
 * @late: each step sees that of the step before, the first one nothing.
 */
struct patch_source {
	const struct graph_shape *in, *out;
	struct snnq_geometry geometry;
	const struct weight_shape *shape;
	uint32_t group, steps, recordings;
	const uint64_t *const *slots;
	bool late;
};

/* At most @most patches (at least one place). 0 or -ENOMEM. */
int patches_collect(const struct patch_source *source, size_t most, struct patches *patches);
void patches_free(struct patches *patches);

static inline size_t patch_count(const struct patches *p)
{
	return (size_t)p->place_count * p->steps;
}

#endif /* SNNQ_PATCHES_H */
