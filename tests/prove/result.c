// SPDX-License-Identifier: MIT
/*
 * result.c - any result of any layer: what check_tensors() accepts is in range, lies in its region, and
 * is apart from an operand and, outside of scratch, from all other results.
 */
#include "any.h"

/* Outside of scratch, results are each layer's own. */
static bool is_own(const struct snnq_layer *l)
{
	__u32 i;

	for (i = 0; i < BEFORE; i++)
		if (!tensors_apart(&layers[i]->out, &l->out))
			return false;
	return true;
}

int main(void)
{
	struct snnq_program_header header;
	struct snnq_pace pace;
	struct check c;
	const struct snnq_layer *l = any_layer(&c, &header, &pace);
	const struct op_rule *r = &snnq_op_rules[l->op];
	struct snnq_tensor whole;

	if (check_flags(&c, &l->out, &snnq_output_names) ||
	    check_format(&c, &l->out, r->out_formats, r->later.out_formats, &snnq_output_names) ||
	    check_dims(&c, &l->out, &snnq_output_names) ||
	    check_place(&c, &l->out, r->out_role, &snnq_output_names))
		return 0;
	assert_that("the result is in range", tensor_holds(&l->out));
	assert_that("the result lies in its region", place_holds(&c, &l->out, SNNQ_ACCESS_WRITE));
	/* Operands are those of operand.c. */
	assume(!check_flags(&c, &l->in[0], &snnq_input_names[0]));
	assume(tensor_holds(&l->in[0]) && view_holds(&l->in[0]));
	whole = whole_of(&l->in[0]);
	if (check_output_alias(&c, l, 1))
		return 0;
	assert_that("the result is apart from the operand",
		    is_previous(&l->in[0]) || tensors_apart(&whole, &l->out));
	assert_that("a result outside of scratch is one layer's",
		    l->out.region == SNNQ_REGION_SCRATCH || is_own(l));
	return 0;
}
