// SPDX-License-Identifier: MIT
/*
 * previous.c - what check_all_previous() accepts of LAYERS layers, each valid by itself: what is read
 * of the step before is in scratch, of a layer in a loop, and the last thing that the group
 * of this loop, all its layers and no other, writes there.
 */
#define PARTS_APART
#define SIZES_APART
#include "prove.h"

static struct snnq_layer *layers[LAYERS];
static __u32 looks;

static const struct snnq_layer *prove_layer(__u32 i)
{
	assert_that("a layer is there", i < LAYERS);
	looks++;
	return layers[i];
}

static const struct snnq_region_desc *prove_region(__u32 i)
{
	(void)i;
	assert_that("no region is looked at", false);
	return NULL;
}

/* Layers of a group are neighbours. */
static bool layer_holds(__u32 i)
{
	const struct snnq_layer *l = layers[i];
	__u32 k;

	if (!tensor_holds(&l->out) || l->out.offset > SNNQ_MAX_REGION_BYTES)
		return false;
	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (l->in[k].flags & SNNQ_TENSOR_FLAG_PREVIOUS &&
		    (!tensor_holds(&l->in[k]) || l->in[k].offset > SNNQ_MAX_REGION_BYTES))
			return false;
	return i < 2 || !l->loop || layers[0]->loop != l->loop || layers[1]->loop == l->loop;
}

static bool is_written(const struct snnq_layer *l, const struct snnq_tensor *t)
{
	const struct snnq_tensor *o;
	__u32 i;

	for (i = LAYERS; i > 0; i--) {
		o = &layers[i - 1]->out;
		if (layers[i - 1]->loop != l->loop)
			continue;
		if (o->region == t->region && o->offset == t->offset && o->format == t->format &&
		    o->planes == t->planes && o->bound == t->bound && same_shape(o, t))
			return true;
		if (o->region == t->region &&
		    !apart(o->offset, snnq_tensor_bytes(o), t->offset, snnq_tensor_bytes(t)))
			return false;
	}
	return false;
}

int main(void)
{
	struct snnq_pace pace = { .left = SNNQ_SAFE_POINT_OPS };
	struct snnq_program_header header;
	struct check c = { .header = &header, .pace = &pace };
	const struct snnq_tensor *t;
	__u32 i, k;

	assume(header_holds(&header) && header.tile_steps == 1);
	header.layer_count = LAYERS;
	for (i = 0; i < LAYERS; i++)
		layers[i] = malloc(sizeof(*layers[i]));
	for (i = 0; i < LAYERS; i++)
		assume(layer_holds(i));
	looks = 0;
	if (check_all_previous(&c))
		return 0;
	assert_that("all that is looked at is announced", looks <= SNNQ_SAFE_POINT_OPS - pace.left);
	for (i = 0; i < LAYERS; i++)
		for (k = 0; k < SNNQ_MAX_OPERANDS; k++) {
			t = &layers[i]->in[k];
			if (!(t->flags & SNNQ_TENSOR_FLAG_PREVIOUS))
				continue;
			assert_that("it is in scratch", t->region == SNNQ_REGION_SCRATCH);
			assert_that("its reader loops", layers[i]->loop);
			assert_that("it was written so", is_written(layers[i], t));
		}
	return 0;
}
