// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * snnq_validate_ops.c - what the validator knows about operations: windows,
 * weights, neurons, the bound of accumulators, and the size of a layer's state.
 *
 * Tensors of a layer were checked one by one before (snnq_validate.c); here is
 * what they and the other fields mean together. Fields in range keep every
 * product of at most four of them below 2^63; longer products saturate.
 */
#include "snnq_validate_internal.h"

#define INT32_MAX_U 0x7fffffffull

/* Operations with a window. */
static const struct rule geometry_rules[] = {
	L(geometry.kernel_h, 1, SNNQ_MAX_DIM, GEOMETRY),
	L(geometry.kernel_w, 1, SNNQ_MAX_DIM, GEOMETRY),
	L(geometry.stride_h, 1, 255, GEOMETRY),
	L(geometry.stride_w, 1, 255, GEOMETRY),
	L(geometry.dilation_h, 1, 255, GEOMETRY),
	L(geometry.dilation_w, 1, 255, GEOMETRY),
	L(geometry.groups, 1, SNNQ_MAX_CHANNELS, GEOMETRY),
	L(geometry.more_h, 0, 0, UNSUPPORTED),
	L(geometry.more_w, 0, 0, UNSUPPORTED),
};

/* Layers that have a neuron stage without a neuron: all but requantization unused. */
static const struct rule requant_rules[] = {
	L(neuron.compare, 0, 0, RESERVED),
	L(neuron.reset, 0, 0, RESERVED),
	L(neuron.leak, 0, 0, RESERVED),
	L(neuron.current_leak, 0, 0, RESERVED),
	L(neuron.shift, 0, 0, RESERVED),
	L(neuron.delay, 0, 0, RESERVED),
	L(neuron.leak_param, 0, 0, RESERVED),
	L(neuron.current_leak_param, 0, 0, RESERVED),
	L(neuron.reset_value, 0, 0, RESERVED),
	L(neuron.refractory, 0, 0, RESERVED),
	L(neuron.flags, 0, 0, RESERVED),
	L(neuron.threshold_index, 0, 0, RESERVED),
	L(neuron.threshold_count, 0, 0, RESERVED),
	L(flags, 0, 0, FLAGS),
};

/* Layers with a neuron do not requantize. */
static const struct rule spiking_rules[] = {
	L(neuron.requant_shift, 0, 0, RESERVED),
	L(neuron.mult_index, 0, 0, RESERVED),
	L(neuron.mult_count, 0, 0, RESERVED),
};

/* LIF has no synaptic current. */
static const struct rule lif_rules[] = {
	L(neuron.current_leak, 0, 0, RESERVED),
	L(neuron.current_leak_param, 0, 0, RESERVED),
	L(neuron.flags, 0, SNNQ_NEURON_FLAG_STICKY, FLAGS),
};

/* Windows. */

static __u32 groups_of(const struct snnq_layer *l)
{
	return l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
}

/* Number of kernel positions: 1 for operations without a window. */
static __u64 window_size(const struct snnq_layer *l)
{
	return l->geometry.kernel_h ? (__u64)l->geometry.kernel_h * l->geometry.kernel_w : 1;
}

/* Padding below the kernel and output size as computed; out is the one stated. */
static bool axis_ok(__u32 in, __u32 out, __u32 kernel, __u32 stride, __u32 pad, __u32 dilation)
{
	__u32 span = dilation * (kernel - 1) + 1;

	return in + 2 * pad >= span && (in + 2 * pad - span) / stride + 1 == out;
}

static int check_geometry(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;
	int ret = snnq_check_rules(c, l, geometry_rules, COUNT(geometry_rules));

	if (ret)
		return ret;
	if (g->pad_h > g->dilation_h * (g->kernel_h - 1u))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_h");
	if (g->pad_w > g->dilation_w * (g->kernel_w - 1u))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_w");
	if (l->in[0].channels % g->groups || l->out.channels % g->groups)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.groups");
	if (!axis_ok(l->in[0].height, l->out.height, g->kernel_h, g->stride_h, g->pad_h,
		     g->dilation_h))
		return fail(c, SNNQ_CHECK_SHAPE, "out.height");
	if (!axis_ok(l->in[0].width, l->out.width, g->kernel_w, g->stride_w, g->pad_w,
		     g->dilation_w))
		return fail(c, SNNQ_CHECK_SHAPE, "out.width");
	return 0;
}

/* Whether each window contains a position inside the image, along one axis. */
static bool windows_inside(__u32 in, __u32 out, __u32 kernel, __u32 stride, __u32 pad,
			   __u32 dilation)
{
	__u32 o;

	for (o = 0; o < out; o++) {
		__u32 start = o * stride;
		__u32 k = start < pad ? (pad - start + dilation - 1) / dilation : 0;

		if (k >= kernel || start + k * dilation - pad >= in)
			return false;
	}
	return true;
}

/* Weights and accumulators. */

__u64 snnq_weight_row_bytes(const struct snnq_layer *l)
{
	return snnq_row_bytes(l->quant.scheme, l->quant.bits, l->out.channels / groups_of(l));
}

__u64 snnq_weight_bytes(const struct snnq_layer *l)
{
	if (l->quant.scheme == SNNQ_SCHEME_NONE)
		return 0;
	return window_size(l) * l->in[0].channels * snnq_weight_row_bytes(l);
}

static int check_quant(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_quant *q = &l->quant;
	const struct snnq_region_desc *r = user_region(c, q->region);

	if (!snnq_scheme_widths(&snnq_caps_all, q->scheme))
		return fail(c, SNNQ_CHECK_SCHEME, "quant.scheme");
	if (!snnq_scheme_ok(&snnq_caps_all, q->scheme, q->bits))
		return fail(c, SNNQ_CHECK_SCHEME, "quant.bits");
	if (!r || r->role != SNNQ_ROLE_WEIGHTS)
		return fail(c, SNNQ_CHECK_WEIGHTS, "quant.region");
	if (!fits(q->offset, snnq_weight_bytes(l), r->bytes))
		return fail(c, SNNQ_CHECK_WEIGHTS, "quant.offset");
	return 0;
}

/* The largest magnitude of a level; scheme and bits are known ones. */
static __u64 largest_weight(const struct snnq_quant *q)
{
	static const __u8 apot[] = { [3] = 16, [4] = 24, [5] = 48 };

	switch (q->scheme) {
	case SNNQ_SCHEME_UNIFORM:
		return q->bits == 1 ? 1 : 1ull << (q->bits - 1);
	case SNNQ_SCHEME_ODD:
		return (1ull << q->bits) - 1;
	case SNNQ_SCHEME_POT:
		return 1ull << ((1u << (q->bits - 1)) - 2);
	case SNNQ_SCHEME_APOT:
		return apot[SNNQ_INDEX(q->bits, COUNT(apot))];
	default:
		return 1;
	}
}

/* The largest magnitude of @terms products must fit an int32 accumulator. */
static int check_accumulator(struct check *c, __u64 terms, __u64 input, __u64 weight)
{
	if (mul_sat(mul_sat(terms, input), weight) > INT32_MAX_U)
		return fail(c, SNNQ_CHECK_OVERFLOW, "accumulator");
	return 0;
}

/* Operations: what of the layer descriptor each uses and how it belongs together. */

static int check_events(struct check *c, const struct snnq_layer *l)
{
	if (!same_shape(&l->in[0], &l->out))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

static int check_conv2d(struct check *c, const struct snnq_layer *l)
{
	int ret = check_geometry(c, l);

	if (!ret)
		ret = check_quant(c, l);
	if (ret)
		return ret;
	return check_accumulator(c, window_size(l) * (l->in[0].channels / groups_of(l)),
				 snnq_tensor_largest(&l->in[0]), largest_weight(&l->quant));
}

static int check_linear(struct check *c, const struct snnq_layer *l)
{
	int ret = check_quant(c, l);

	if (ret)
		return ret;
	if (l->in[0].height != l->out.height || l->in[0].width != l->out.width)
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return check_accumulator(c, l->in[0].channels, snnq_tensor_largest(&l->in[0]),
				 largest_weight(&l->quant));
}

static int check_pool(struct check *c, const struct snnq_layer *l)
{
	int ret = check_geometry(c, l);

	if (ret)
		return ret;
	if (l->geometry.groups != 1)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.groups");
	if (l->in[0].channels != l->out.channels)
		return fail(c, SNNQ_CHECK_SHAPE, "out.channels");
	return 0;
}

static int check_pool_max(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;
	int ret = check_pool(c, l);

	if (ret)
		return ret;
	if (l->in[0].format != l->out.format || l->in[0].planes != l->out.planes)
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "out.format");
	if (l->in[0].bound != l->out.bound)
		return fail(c, SNNQ_CHECK_BOUND, "out.bound");
	ret = paced(c, (__u32)l->out.height + l->out.width);
	if (ret)
		return ret;
	if (!windows_inside(l->in[0].height, l->out.height, g->kernel_h, g->stride_h, g->pad_h,
			    g->dilation_h))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_h");
	if (!windows_inside(l->in[0].width, l->out.width, g->kernel_w, g->stride_w, g->pad_w,
			    g->dilation_w))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_w");
	return 0;
}

static int check_pool_sum(struct check *c, const struct snnq_layer *l)
{
	int ret = check_pool(c, l);

	if (ret)
		return ret;
	if (l->param < 1 || l->param > 32767)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	return check_accumulator(c, window_size(l), snnq_tensor_largest(&l->in[0]), l->param);
}

static int check_mode(struct check *c, const struct snnq_layer *l, __u32 supported, __u32 count)
{
	if (l->mode >= count)
		return fail(c, SNNQ_CHECK_PARAM, "mode");
	return l->mode >= supported ? fail(c, SNNQ_CHECK_UNSUPPORTED, "mode") : 0;
}

static int check_elementwise(struct check *c, const struct snnq_layer *l)
{
	if (!same_shape(&l->in[0], &l->in[1]))
		return fail(c, SNNQ_CHECK_SHAPE, "in[1]");
	if (!same_shape(&l->in[0], &l->out))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return check_mode(c, l, SNNQ_ELEMENTWISE_ADD + 1, SNNQ_ELEMENTWISE_COUNT);
}

/* Q, K and V are spikes of one shape; more is defined, V of other width, and counts. */
static int check_attention_operand(struct check *c, const struct snnq_layer *l, __u32 i)
{
	const struct snnq_tensor *q = &l->in[0], *t = &l->in[i];

	if (t->planes != 1)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, snnq_input_names[i].planes);
	if (i == 2 && t->height == q->height && t->width == q->width &&
	    t->channels != q->channels && !(t->channels % l->param))
		return fail(c, SNNQ_CHECK_UNSUPPORTED, snnq_input_names[i].channels);
	if (!same_shape(q, t))
		return fail(c, SNNQ_CHECK_SHAPE, snnq_input_names[i].channels);
	return 0;
}

static int check_attention(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_tensor *q = &l->in[0];
	int ret = check_mode(c, l, SNNQ_ATTENTION_KV_FIRST + 1, SNNQ_ATTENTION_COUNT);
	__u32 i;

	if (ret)
		return ret;
	if (!l->param || q->channels % l->param)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	for (i = 0; i < 3 && !ret; i++)
		ret = check_attention_operand(c, l, i);
	if (ret)
		return ret;
	if (!same_shape(q, &l->out))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return check_accumulator(c, (__u64)q->height * q->width, q->channels / l->param, 1);
}

static int check_readout(struct check *c, const struct snnq_layer *l)
{
	if (!l->param || l->param >= SNNQ_READOUT_COUNT)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	if (l->param != SNNQ_READOUT_SUM && l->param != SNNQ_READOUT_LAST)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, "param");
	if (l->out.height != 1 || l->out.width != 1 || l->out.channels != l->in[0].channels)
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

#define FORMATS(f)     (1u << SNNQ_FORMAT_##f)
#define FORMATS_PLANES (FORMATS(UNSIGNED) | FORMATS(SIGNED))
#define FORMATS_ALL    (FORMATS_PLANES | FORMATS(INT32))
#define FORMATS_DENSE  (FORMATS(INT8) | FORMATS(INT16))
#define ACTIVATIONS    .in_role = SNNQ_ROLE_INPUT, .out_role = SNNQ_ROLE_OUTPUT
#define LATER_DENSE    .later = { .in_formats = FORMATS_DENSE, .out_formats = FORMATS_DENSE }
#define LATER_STAGE                                              \
	.later = { .uses = USES_NEURON | USES_SCALE,             \
		   .in_formats = FORMATS_DENSE | FORMATS(INT32), \
		   .out_formats = FORMATS_DENSE | FORMATS(INT32) }

const struct op_rule snnq_op_rules[SNNQ_OP_COUNT] = {
	[SNNQ_OP_EVENTS] = { check_events, 1, 0, FORMATS(EVENTS), FORMATS(UNSIGNED),
			     .in_role = SNNQ_ROLE_EVENTS, .out_role = SNNQ_ROLE_OUTPUT,
			     .later = { .out_formats = FORMATS_DENSE } },
	[SNNQ_OP_CONV2D] = { check_conv2d, 1, USES_QUANT | USES_GEOMETRY | USES_NEURON,
			     FORMATS_PLANES, FORMATS_ALL, ACTIVATIONS, LATER_DENSE },
	[SNNQ_OP_LINEAR] = { check_linear, 1, USES_QUANT | USES_NEURON, FORMATS_PLANES, FORMATS_ALL,
			     ACTIVATIONS, LATER_DENSE },
	[SNNQ_OP_POOL_MAX] = { check_pool_max, 1, USES_GEOMETRY, FORMATS_PLANES, FORMATS_PLANES,
			       ACTIVATIONS, LATER_STAGE },
	[SNNQ_OP_POOL_SUM] = { check_pool_sum, 1, USES_PARAM | USES_GEOMETRY | USES_NEURON,
			       FORMATS_PLANES, FORMATS_ALL, ACTIVATIONS, LATER_DENSE },
	[SNNQ_OP_ELEMENTWISE] = { check_elementwise, 2, USES_MODE, FORMATS_PLANES, FORMATS_PLANES,
				  ACTIVATIONS, LATER_STAGE },
	[SNNQ_OP_ATTENTION] = { check_attention, 3, USES_PARAM | USES_MODE | USES_NEURON,
				FORMATS(UNSIGNED), FORMATS_ALL, ACTIVATIONS,
				.later = { .inputs = 4, .out_formats = FORMATS_DENSE } },
	[SNNQ_OP_READOUT] = { check_readout, 1, USES_PARAM, FORMATS_ALL, FORMATS(INT32),
			      .in_role = SNNQ_ROLE_INPUT, .out_role = SNNQ_ROLE_READOUT,
			      .later = { .in_formats = FORMATS_DENSE } },
};

/* Neurons. */

static bool leak_ok(__u32 leak, __u32 param)
{
	switch (leak) {
	case SNNQ_LEAK_NONE:
		return param == 0;
	case SNNQ_LEAK_DIVN:
		return param >= 1 && param <= 65536;
	case SNNQ_LEAK_Q16:
		return param <= 65536;
	default:
		return param <= 4096;
	}
}

/* A table of constants: one for all channels or one each; absent if @optional. */
static int check_table(struct check *c, const struct snnq_layer *l, __u32 index, __u32 count,
		       bool optional, const char *field)
{
	if (optional && !count)
		return index ? fail(c, SNNQ_CHECK_RESERVED, field) : 0;
	if (count != 1 && count != l->out.channels && count == snnq_tensor_elements(&l->out))
		return fail(c, SNNQ_CHECK_UNSUPPORTED, field);
	if ((count != 1 && count != l->out.channels) || !fits(index, count, c->header->table_count))
		return fail(c, SNNQ_CHECK_TABLE, field);
	return 0;
}

static int check_thresholds(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret = check_table(c, l, n->threshold_index, n->threshold_count, false,
			      "neuron.threshold");
	__u32 i;

	if (!ret)
		ret = paced(c, n->threshold_count);
	if (ret)
		return ret;
	for (i = 0; i < n->threshold_count; i++)
		if (c->table[SNNQ_INDEX(n->threshold_index + i, c->header->table_count)] < 1)
			return fail(c, SNNQ_CHECK_THRESHOLD, "neuron.threshold");
	return 0;
}

/* A layer with a neuron: its output is spikes. */
static int check_spiking(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret = snnq_check_rules(c, l, spiking_rules, COUNT(spiking_rules));

	if (!ret && n->model == SNNQ_NEURON_LIF)
		ret = snnq_check_rules(c, l, lif_rules, COUNT(lif_rules));
	if (ret)
		return ret;
	if (l->out.format != SNNQ_FORMAT_UNSIGNED || l->out.planes != 1)
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "out.format");
	if (!leak_ok(n->leak, n->leak_param))
		return fail(c, SNNQ_CHECK_NEURON, "neuron.leak_param");
	if (!leak_ok(n->current_leak, n->current_leak_param))
		return fail(c, SNNQ_CHECK_NEURON, "neuron.current_leak_param");
	if ((n->flags & SNNQ_NEURON_FLAG_STICKY) &&
	    (n->model != SNNQ_NEURON_LIF || n->leak != SNNQ_LEAK_DIVN ||
	     n->compare != SNNQ_COMPARE_GT))
		return fail(c, SNNQ_CHECK_NEURON, "neuron.flags");
	if (n->reset_value && n->reset != SNNQ_RESET_HARD && !n->refractory)
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.reset_value");
	return check_thresholds(c, l);
}

int snnq_check_neuron(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret;

	if (n->model != SNNQ_NEURON_NONE) {
		ret = check_spiking(c, l);
	} else {
		ret = snnq_check_rules(c, l, requant_rules, COUNT(requant_rules));
		if (!ret)
			ret = check_table(c, l, n->mult_index, n->mult_count, true, "neuron.mult");
	}
	if (ret)
		return ret;
	return check_table(c, l, n->bias_index, n->bias_count, true, "neuron.bias");
}

/* State and work. */

static __u64 round8(__u64 v)
{
	return (v + 7) & ~7ull;
}

__u64 snnq_layer_state_bytes(const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	__u64 part = round8(snnq_tensor_elements(&l->out) * 4);
	__u64 parts;

	if (l->op == SNNQ_OP_READOUT)
		return l->param == SNNQ_READOUT_SUM ? (__u64)l->out.channels * 8 : 0;
	if (n->model == SNNQ_NEURON_NONE)
		return 0;
	parts = n->model == SNNQ_NEURON_CUBA ? 2 : 1;
	if ((n->flags & SNNQ_NEURON_FLAG_STICKY) || n->refractory)
		parts++;
	return parts * part + n->delay * snnq_tensor_bytes(&l->out);
}

__u64 snnq_layer_work(const struct snnq_layer *l)
{
	__u64 in = snnq_tensor_elements(&l->in[0]);
	__u64 out = snnq_tensor_elements(&l->out);
	__u64 planes = l->in[0].planes ? l->in[0].planes : 1;
	__u64 work;

	switch (l->op) {
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_LINEAR:
		work = mul_sat(mul_sat(out, window_size(l)),
			       l->in[0].channels / groups_of(l) * planes);
		break;
	case SNNQ_OP_POOL_MAX:
	case SNNQ_OP_POOL_SUM:
		work = mul_sat(mul_sat(out, window_size(l)), planes);
		break;
	case SNNQ_OP_ATTENTION:
		/* Every pair of tokens, or of channels of a head, once with K and once with V. */
		work = (__u64)l->in[0].height * l->in[0].width;
		if (l->mode == SNNQ_ATTENTION_KV_FIRST)
			work = add_sat(work, l->in[0].channels / l->param);
		work = mul_sat(in, 2 * work);
		break;
	default:
		work = in * (planes + l->in[1].planes);
	}
	return add_sat(work, out);
}
