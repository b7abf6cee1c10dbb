// SPDX-License-Identifier: MIT
/*
 * operation.c - any layer of operation OPERATION, whose tensors were accepted: what the check of this
 * operation accepts keeps every index within the tensors, and every sum within 32 bits.
 */
#define PRODUCTS_APART
#include "any.h"

#define WINDOWS 4

static bool weights_hold(const struct snnq_layer *l)
{
	const struct snnq_quant *q = &l->quant;
	const struct snnq_region_desc *r;

	if (q->scheme == SNNQ_SCHEME_NONE)
		return l->op != SNNQ_OP_CONV2D && l->op != SNNQ_OP_LINEAR;
	if (q->region < SNNQ_REGION_USER || q->region >= SNNQ_REGION_USER + program->region_count)
		return false;
	r = regions[q->region - SNNQ_REGION_USER];
	return r->role == SNNQ_ROLE_WEIGHTS && snnq_scheme_ok(&snnq_caps_all, q->scheme, q->bits) &&
	       lies_within(q->offset, snnq_weight_bytes(l), r->bytes);
}

#include "layer_ops.h"

/* Those of a valid layer, as operand.c and result.c show them. */
static bool tensors_hold(const struct snnq_layer *l, const struct op_rule *r)
{
	__u32 n = operands_of(l, r), k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (k < n && !(tensor_holds(&l->in[k]) && r->in_formats & 1u << l->in[k].format))
			return false;
	return tensor_holds(&l->out) && r->out_formats & 1u << l->out.format;
}

/* Solvers do not compare large quotients. */
#ifdef DIGIT
static bool is_small(const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;

	const struct snnq_tensor *t;
	__u32 k;

	for (k = 0; k <= SNNQ_MAX_OPERANDS; k++) {
		t = k < SNNQ_MAX_OPERANDS ? &l->in[k] : &l->out;
		if (t->height > DIGIT || t->width > DIGIT || t->channels > DIGIT)
			return false;
	}
	return l->param <= DIGIT && g->kernel_h <= DIGIT && g->kernel_w <= DIGIT &&
	       g->dilation_h <= DIGIT && g->dilation_w <= DIGIT && g->groups <= DIGIT &&
	       g->stride_h <= DIGIT && g->stride_w <= DIGIT && g->pad_h <= DIGIT &&
	       g->pad_w <= DIGIT && g->more_h <= DIGIT && g->more_w <= DIGIT &&
	       g->more_h >= -DIGIT && g->more_w >= -DIGIT;
}
#endif

int main(void)
{
	struct snnq_program_header header;
	struct snnq_pace pace;
	struct check c;
	struct snnq_layer *l = any_layer(&c, &header, &pace);
	const struct op_rule *r = &snnq_op_rules[OPERATION];

	assume(l->op == OPERATION);
	assume(!check_unused(&c, l, r) && tensors_hold(l, r));
#ifdef DIGIT
	assume(is_small(l));
#endif
	/* It tries each window. */
	assume(OPERATION != SNNQ_OP_POOL_MAX ||
	       (l->out.height <= WINDOWS && l->out.width <= WINDOWS));
	if (r->check(&c, l))
		return 0;
	assert_that("weights of a known width lie in their region", weights_hold(l));
	assert_operation(&c, l);
	return 0;
}
