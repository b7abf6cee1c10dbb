// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * snnq_validate_caps.c - a program that is valid against what a device can do.
 *
 * Everything that programs can ask for has a capability: a bit of a mask for each
 * value or flag, a limit for each size. So a device says beforehand what it executes,
 * and who compiles for it learns by name what it does not.
 */
#include "snnq_validate_internal.h"

static int lacks(struct check *c, const char *field)
{
	return fail(c, SNNQ_CHECK_UNSUPPORTED, field);
}

static bool caps_has(__u32 mask, __u32 bit)
{
	return bit < 32 && mask >> bit & 1;
}

static int caps_tensor(struct check *c, const struct snnq_tensor *t, const struct snnq_caps *caps,
		       const struct tensor_names *names)
{
	if (t->format == SNNQ_FORMAT_NONE)
		return 0;
	if (!caps_has(caps->formats, t->format))
		return lacks(c, names->format);
	if (t->planes > caps->max_planes)
		return lacks(c, names->planes);
	if (t->height > caps->max_dim)
		return lacks(c, names->height);
	if (t->width > caps->max_dim)
		return lacks(c, names->width);
	return t->channels > caps->max_channels ? lacks(c, names->channels) : 0;
}

static int caps_tensors(struct check *c, const struct snnq_layer *l, const struct snnq_caps *caps)
{
	__u32 k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++) {
		int ret = caps_tensor(c, &l->in[k], caps, &snnq_input_names[k]);

		if (ret)
			return ret;
	}
	return caps_tensor(c, &l->out, caps, &snnq_output_names);
}

static int caps_window(struct check *c, const struct snnq_layer *l, const struct snnq_caps *caps)
{
	__u32 most = l->op == SNNQ_OP_CONV2D ? caps->max_kernel : caps->max_window;
	const struct snnq_geometry *g = &l->geometry;

	if (g->kernel_h > most)
		return lacks(c, "geometry.kernel_h");
	if (g->kernel_w > most)
		return lacks(c, "geometry.kernel_w");
	if (g->stride_h > caps->max_stride)
		return lacks(c, "geometry.stride_h");
	if (g->stride_w > caps->max_stride)
		return lacks(c, "geometry.stride_w");
	if (g->dilation_h > caps->max_dilation)
		return lacks(c, "geometry.dilation_h");
	return g->dilation_w > caps->max_dilation ? lacks(c, "geometry.dilation_w") : 0;
}

/* What an operation does in particular. */
static int caps_mode(struct check *c, const struct snnq_layer *l, const struct snnq_caps *caps)
{
	if (l->op == SNNQ_OP_ELEMENTWISE && !caps_has(caps->elementwise, l->mode))
		return lacks(c, "mode");
	if (l->op == SNNQ_OP_ATTENTION && !caps_has(caps->attention, l->mode))
		return lacks(c, "mode");
	if (l->op == SNNQ_OP_READOUT && !caps_has(caps->readouts, l->param))
		return lacks(c, "param");
	return 0;
}

static int caps_neuron(struct check *c, const struct snnq_neuron *n, const struct snnq_caps *caps)
{
	if (!caps_has(caps->neurons, n->model))
		return lacks(c, "neuron.model");
	if (n->model == SNNQ_NEURON_NONE)
		return 0;
	if (!caps_has(caps->leaks, n->leak))
		return lacks(c, "neuron.leak");
	if (n->model == SNNQ_NEURON_CUBA && !caps_has(caps->leaks, n->current_leak))
		return lacks(c, "neuron.current_leak");
	if (!caps_has(caps->resets, n->reset))
		return lacks(c, "neuron.reset");
	if (!caps_has(caps->compares, n->compare))
		return lacks(c, "neuron.compare");
	if (n->flags & ~caps->neuron_flags)
		return lacks(c, "neuron.flags");
	return n->delay > caps->max_delay ? lacks(c, "neuron.delay") : 0;
}

static int caps_layer(struct check *c, const struct snnq_layer *l, const struct snnq_caps *caps)
{
	const struct snnq_quant *q = &l->quant;
	int ret;

	if (!(caps->ops & (1ull << l->op)))
		return lacks(c, "op");
	if (l->flags & ~caps->layer_flags)
		return lacks(c, "flags");
	ret = caps_mode(c, l, caps);
	if (ret)
		return ret;
	if (q->scheme != SNNQ_SCHEME_NONE && !snnq_scheme_ok(caps, q->scheme, q->bits))
		return lacks(c, "quant.bits");
	ret = caps_tensors(c, l, caps);
	if (!ret)
		ret = caps_window(c, l, caps);
	if (!ret && snnq_has_neuron_stage(l))
		ret = caps_neuron(c, &l->neuron, caps);
	return ret;
}

static int caps_header(struct check *c, const struct snnq_caps *caps)
{
	const struct snnq_program_header *h = c->header;

	if (h->total_bytes > caps->max_program_bytes)
		return lacks(c, "total_bytes");
	if (h->layer_count > caps->max_layers)
		return lacks(c, "layer_count");
	if (h->max_steps > caps->max_steps)
		return lacks(c, "max_steps");
	if (h->tile_steps > caps->max_tile_steps)
		return lacks(c, "tile_steps");
	if (h->state_bytes > caps->max_state_bytes)
		return lacks(c, "state_bytes");
	if (mul_sat(h->scratch_step_bytes, h->tile_steps) > caps->max_scratch_bytes)
		return lacks(c, "scratch_step_bytes");
	return h->needs & ~caps->needs ? lacks(c, "needs") : 0;
}

int snnq_check_caps(struct check *c, const struct snnq_caps *caps)
{
	__u32 i;
	int ret;

	c->layer = NOT_IN_LAYER;
	ret = caps_header(c, caps);
	for (i = 0; i < c->header->layer_count && !ret; i++) {
		c->layer = i;
		ret = paced(c, 32);
		if (!ret)
			ret = caps_layer(c, snnq_program_layer(c->header, i), caps);
	}
	c->layer = NOT_IN_LAYER;
	return ret;
}
