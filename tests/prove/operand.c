// SPDX-License-Identifier: MIT
/*
 * operand.c - any operand of any layer: what check_flags() and check_operand() accept is in range, lies
 * with all of its view in its region, and was written before as it is read.
 */
#include "any.h"

/* The box or tensor that @t is seen in. */
static struct snnq_tensor seen(const struct snnq_tensor *t)
{
	struct snnq_tensor whole = *t;

	if (t->flags & (SNNQ_TENSOR_FLAG_SLICE | SNNQ_TENSOR_FLAG_RESHAPE)) {
		whole.height = t->whole_height;
		whole.width = t->whole_width;
		whole.channels = t->whole_channels;
	}
	return whole;
}

/* What is read from scratch is what was written there last, whole and as such. */
static bool source_holds(const struct snnq_tensor *t)
{
	const struct snnq_tensor *o;
	__u32 i;

	for (i = BEFORE; i > 0; i--) {
		o = &layers[i - 1]->out;
		if (o->region == t->region && o->offset == t->offset && o->format == t->format &&
		    o->planes == t->planes && o->height == t->height && o->width == t->width &&
		    o->channels == t->channels && o->bound == t->bound)
			return true;
		if (!tensors_apart(o, t))
			return false;
	}
	return false;
}

int main(void)
{
	struct snnq_program_header header;
	struct snnq_pace pace;
	struct check c;
	const struct snnq_layer *l = any_layer(&c, &header, &pace);
	const struct snnq_tensor *t = &l->in[0];
	const struct op_rule *r = &snnq_op_rules[l->op];
	struct snnq_tensor whole;
	bool previous;

	assume(r->inputs);
	if (check_flags(&c, t, &snnq_input_names[0]) || check_operand(&c, l, r, 0))
		return 0;
	whole = seen(t);
	previous = t->flags & SNNQ_TENSOR_FLAG_PREVIOUS;
	assert_that("an operand is in range", tensor_holds(t));
	assert_that("a view lies in what it is of", view_holds(t));
	assert_that("an operand lies in its region", place_holds(&c, &whole, SNNQ_ACCESS_READ));
	assert_that("an operand was written before",
		    previous || whole.region != SNNQ_REGION_SCRATCH || source_holds(&whole));
	assert_that("each layer before is looked at once at most", looks <= BEFORE);
	return 0;
}
