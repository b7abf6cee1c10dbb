// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * snnq_validate_ops.c - what the validator knows about operations: windows, weights, the
 * bound of accumulators, and their work.
 *
 * Tensors of a layer were checked one by one before (snnq_validate.c); here is
 * what they and the other fields mean together. Fields in range keep every
 * product of at most four of them below 2^63; longer products saturate.
 */
#include "snnq_validate_internal.h"

/* Operations with a window. */
static const struct rule geometry_rules[] = {
	L(geometry.kernel_h, 1, SNNQ_MAX_DIM, GEOMETRY),
	L(geometry.kernel_w, 1, SNNQ_MAX_DIM, GEOMETRY),
	L(geometry.stride_h, 1, 255, GEOMETRY),
	L(geometry.stride_w, 1, 255, GEOMETRY),
	L(geometry.dilation_h, 1, 255, GEOMETRY),
	L(geometry.dilation_w, 1, 255, GEOMETRY),
	L(geometry.groups, 1, SNNQ_MAX_CHANNELS, GEOMETRY),
};

/* Windows. */

static __u32 groups_of(const struct snnq_layer *l)
{
	return l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
}

/* Number of kernel positions: 1 for operations without a window. */
static __u64 window_size(const struct snnq_layer *l)
{
	return l->geometry.kernel_h ? mul_sat(l->geometry.kernel_h, l->geometry.kernel_w) : 1;
}

/* Output size as computed; @padding of both sides together. */
static bool axis_ok(__u32 in, __u32 out, __u32 kernel, __u32 stride, __u32 padding, __u32 dilation)
{
	__u32 span = dilation * (kernel - 1) + 1;

	return in + padding >= span && (in + padding - span) / stride + 1 == out;
}

/* Padding of both sides is less than what a window spans. */
static int check_padding(struct check *c, const struct snnq_geometry *g)
{
	__s32 most_h = g->dilation_h * (g->kernel_h - 1), far_h = g->pad_h + g->more_h;
	__s32 most_w = g->dilation_w * (g->kernel_w - 1), far_w = g->pad_w + g->more_w;

	if (g->pad_h > most_h)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_h");
	if (g->pad_w > most_w)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.pad_w");
	if ((g->more_h || g->more_w) && !(c->header->needs & SNNQ_PROGRAM_NEEDS_PADDING))
		return fail(c, SNNQ_CHECK_NEEDS, g->more_h ? "geometry.more_h" : "geometry.more_w");
	if (far_h < 0 || far_h > most_h)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.more_h");
	if (far_w < 0 || far_w > most_w)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.more_w");
	return 0;
}

static int check_geometry(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;
	int ret = snnq_check_rules(c, l, geometry_rules, COUNT(geometry_rules));

	if (!ret)
		ret = check_padding(c, g);
	if (ret)
		return ret;
	if (l->in[0].channels % g->groups || l->out.channels % g->groups)
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.groups");
	if (!axis_ok(l->in[0].height, l->out.height, g->kernel_h, g->stride_h,
		     (__u32)(2 * g->pad_h + g->more_h), g->dilation_h))
		return fail(c, SNNQ_CHECK_SHAPE, "out.height");
	if (!axis_ok(l->in[0].width, l->out.width, g->kernel_w, g->stride_w,
		     (__u32)(2 * g->pad_w + g->more_w), g->dilation_w))
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
	return mul_sat(mul_sat(window_size(l), l->in[0].channels), snnq_weight_row_bytes(l));
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

/* The largest magnitude of the multipliers of a scale, which are @least or more. */
static int check_multipliers(struct check *c, const struct snnq_scale *s, __s64 least, __u64 *most)
{
	int ret = 0;
	__u32 i;

	*most = s->mult_count ? 0 : 1;
	for (i = 0; i < s->mult_count && !ret; i++) {
		__s64 m = c->table[SNNQ_INDEX(s->mult_index + i, c->header->table_count)];
		__u64 size = (__u64)(m < 0 ? -m : m);

		ret = paced_turn(c, i, s->mult_count);
		if (!ret && m < least)
			ret = fail(c, SNNQ_CHECK_PARAM, "scale.mult");
		*most = size > *most ? size : *most;
	}
	return ret;
}

/* What operand @k is brought to: its largest magnitude, saturated. */
static int check_scale(struct check *c, const struct snnq_layer *l, __u32 k, __s64 least,
		       __u64 *most)
{
	const struct snnq_scale *s = &l->scale[k];
	__u64 mult;
	int ret;

	*most = snnq_tensor_largest(&l->in[k]);
	if (all_zero(s, sizeof(*s)))
		return 0;
	if (!(c->header->needs & SNNQ_PROGRAM_NEEDS_SCALES))
		return fail(c, SNNQ_CHECK_NEEDS, "scale");
	if (s->reserved || (s->mult_index && !s->mult_count))
		return fail(c, SNNQ_CHECK_RESERVED, "scale");
	if (s->shift > SNNQ_MAX_REQUANT_SHIFT)
		return fail(c, SNNQ_CHECK_PARAM, "scale.shift");
	if ((s->mult_count > 1 && s->mult_count != l->in[k].channels) ||
	    !fits(s->mult_index, s->mult_count, c->header->table_count))
		return fail(c, SNNQ_CHECK_TABLE, "scale.mult");
	ret = check_multipliers(c, s, least, &mult);
	if (ret)
		return ret;
	*most = mul_sat(*most, mult);
	if (s->shift)
		*most = add_sat(*most, 1ull << (s->shift - 1)) >> s->shift;
	if (*most > INT32_MAX_U)
		return fail(c, SNNQ_CHECK_OVERFLOW, "scale");
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
	return check_accumulator(c, mul_sat(window_size(l), l->in[0].channels / groups_of(l)),
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

static bool asks_for_neuron(const struct snnq_layer *l)
{
	return l->flags || !all_zero(&l->neuron, sizeof(l->neuron));
}

/* What is moved without a change of values. */
static int check_same_format(struct check *c, const struct snnq_layer *l)
{
	if (asks_for_neuron(l))
		return fail(c, SNNQ_CHECK_RESERVED, "neuron");
	if (!all_zero(l->scale, sizeof(l->scale)))
		return fail(c, SNNQ_CHECK_RESERVED, "scale");
	if (l->in[0].format != l->out.format || l->in[0].planes != l->out.planes)
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "out.format");
	if (l->in[0].bound != l->out.bound)
		return fail(c, SNNQ_CHECK_BOUND, "out.bound");
	return 0;
}

/* Accumulators are compared, and then go to neurons; planes stay what they are. */
static int check_compared(struct check *c, const struct snnq_layer *l)
{
	__u64 most;
	int ret;

	if (l->in[0].format != SNNQ_FORMAT_INT32)
		return check_same_format(c, l);
	if (!all_zero(&l->scale[1], 3 * sizeof(l->scale[1])))
		return fail(c, SNNQ_CHECK_RESERVED, "scale");
	ret = check_scale(c, l, 0, 0, &most);
	return ret ? ret : check_accumulator(c, 1, most, 1);
}

static int check_pool_max(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;
	int ret = check_pool(c, l);

	if (!ret)
		ret = check_compared(c, l);
	if (ret)
		return ret;
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

#define S32_LEAST (-0x80000000ll)

static int check_mode(struct check *c, const struct snnq_layer *l, __u32 supported, __u32 count)
{
	if (l->mode >= count)
		return fail(c, SNNQ_CHECK_PARAM, "mode");
	return l->mode >= supported ? fail(c, SNNQ_CHECK_UNSUPPORTED, "mode") : 0;
}

static bool is_spikes(const struct snnq_tensor *t)
{
	return t->format == SNNQ_FORMAT_UNSIGNED && t->planes == 1;
}

static bool same_positions(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->height == b->height && a->width == b->width;
}

/* Whether an operand has the result's shape, or is repeated along positions or channels. */
static bool is_repeated(const struct snnq_tensor *t, const struct snnq_tensor *out)
{
	return (same_positions(t, out) || (t->height == 1 && t->width == 1)) &&
	       (t->channels == out->channels || t->channels == 1);
}

static int check_repeated(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_tensor *a = &l->in[0], *b = &l->in[1], *out = &l->out;

	if (!is_repeated(a, out) && (same_shape(a, b) || !is_repeated(b, out)))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	if (!is_repeated(a, out))
		return fail(c, SNNQ_CHECK_SHAPE, "in[0]");
	if (!is_repeated(b, out))
		return fail(c, SNNQ_CHECK_SHAPE, "in[1]");
	if ((!same_positions(a, out) && !same_positions(b, out)) ||
	    (a->channels != out->channels && b->channels != out->channels))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

/* AND, ANDN, OR: of spikes as they are. */
static int check_logic(struct check *c, const struct snnq_layer *l)
{
	__u32 i;

	for (i = 0; i < 2; i++)
		if (!is_spikes(&l->in[i]))
			return fail(c, SNNQ_CHECK_TENSOR_FORMAT, snnq_input_names[i].format);
	if (!all_zero(l->scale, sizeof(l->scale)))
		return fail(c, SNNQ_CHECK_RESERVED, "scale");
	return 0;
}

static int check_elementwise(struct check *c, const struct snnq_layer *l)
{
	__u64 most[2];
	int ret = check_mode(c, l, SNNQ_ELEMENTWISE_COUNT, SNNQ_ELEMENTWISE_COUNT);

	if (!ret)
		ret = check_repeated(c, l);
	if (ret)
		return ret;
	if (l->mode == SNNQ_ELEMENTWISE_AND || l->mode == SNNQ_ELEMENTWISE_ANDN ||
	    l->mode == SNNQ_ELEMENTWISE_OR)
		return check_logic(c, l);
	if (!all_zero(&l->scale[2], 2 * sizeof(l->scale[2])))
		return fail(c, SNNQ_CHECK_RESERVED, "scale");
	ret = check_scale(c, l, 0, S32_LEAST, &most[0]);
	if (!ret)
		ret = check_scale(c, l, 1, S32_LEAST, &most[1]);
	if (ret)
		return ret;
	if (l->mode == SNNQ_ELEMENTWISE_MULTIPLY)
		return check_accumulator(c, 1, most[0], most[1]);
	return check_accumulator(c, 1, add_sat(most[0], most[1]), 1);
}

/* Q, K and V have the same tokens, Q and K the same channels, V those of the result. */
static int check_attention_operand(struct check *c, const struct snnq_layer *l, __u32 i)
{
	const struct snnq_tensor *q = &l->in[0], *t = &l->in[i];

	if (!same_positions(q, t) || (i == 2 ? t->channels % l->param : t->channels != q->channels))
		return fail(c, SNNQ_CHECK_SHAPE, snnq_input_names[i].channels);
	return 0;
}

/* Of spikes and to spikes, without neurons: TOKEN of Q and K, CHANNEL of Q, K and V. */
static int check_gate(struct check *c, const struct snnq_layer *l)
{
	__u32 inputs = l->mode == SNNQ_ATTENTION_TOKEN ? 2 : 3, i;

	if (asks_for_neuron(l))
		return fail(c, SNNQ_CHECK_RESERVED, "neuron");
	for (i = 0; i < inputs; i++) {
		if (!is_spikes(&l->in[i]))
			return fail(c, SNNQ_CHECK_TENSOR_FORMAT, snnq_input_names[i].format);
		if (!same_shape(&l->in[0], &l->in[i]))
			return fail(c, SNNQ_CHECK_SHAPE, snnq_input_names[i].channels);
	}
	if (inputs == 2 && l->in[2].format != SNNQ_FORMAT_NONE)
		return fail(c, SNNQ_CHECK_RESERVED, "in[2].format");
	if (!is_spikes(&l->out))
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "out.format");
	return same_shape(&l->in[0], &l->out) ? 0 : fail(c, SNNQ_CHECK_SHAPE, "out");
}

static int check_attention(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_tensor *q = &l->in[0], *v = &l->in[2];
	int ret = check_mode(c, l, SNNQ_ATTENTION_COUNT, SNNQ_ATTENTION_COUNT);
	__u32 i;

	if (ret)
		return ret;
	if (!l->param || q->channels % l->param)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	if (l->mode == SNNQ_ATTENTION_TOKEN || l->mode == SNNQ_ATTENTION_CHANNEL)
		return check_gate(c, l);
	if (v->format == SNNQ_FORMAT_NONE)
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "in[2].format");
	for (i = 1; i < 3 && !ret; i++)
		ret = check_attention_operand(c, l, i);
	if (ret)
		return ret;
	if (!same_shape(v, &l->out))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return check_accumulator(c, mul_sat(mul_sat(q->height, q->width), q->channels / l->param),
				 mul_sat(snnq_tensor_largest(q), snnq_tensor_largest(&l->in[1])),
				 snnq_tensor_largest(v));
}

/* Operand @k of MATMUL as a matrix of each head. */
static __u64 matrix_rows(const struct snnq_layer *l, __u32 k)
{
	const struct snnq_tensor *t = &l->in[k];

	return l->mode & SNNQ_MATMUL_TRANSPOSE_0 << k ? t->channels / l->param :
							(__u64)t->height * t->width;
}

static __u64 matrix_columns(const struct snnq_layer *l, __u32 k)
{
	const struct snnq_tensor *t = &l->in[k];

	return l->mode & SNNQ_MATMUL_TRANSPOSE_0 << k ? (__u64)t->height * t->width :
							t->channels / l->param;
}

/* The result is rows of the first operand, and for each head columns of the last. */
static int check_matrices(struct check *c, const struct snnq_layer *l, __u32 inputs)
{
	__u32 k;

	for (k = 0; k < inputs; k++)
		if (!l->param || l->in[k].channels % l->param)
			return fail(c, SNNQ_CHECK_PARAM, "param");
	for (k = 1; k < inputs; k++)
		if (matrix_columns(l, k - 1) != matrix_rows(l, k))
			return fail(c, SNNQ_CHECK_SHAPE, snnq_input_names[k].channels);
	if ((__u64)l->out.height * l->out.width != matrix_rows(l, 0) ||
	    l->out.channels != matrix_columns(l, inputs - 1) * l->param)
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

static int check_matmul(struct check *c, const struct snnq_layer *l)
{
	__u32 three = l->in[2].format != SNNQ_FORMAT_NONE, flags = three ? 0xf : 0x3, k;
	__u32 right = !!(l->mode & SNNQ_MATMUL_RIGHT_FIRST);
	__u64 most[3];
	int ret;

	if (l->mode & ~flags)
		return fail(c, SNNQ_CHECK_PARAM, "mode");
	ret = check_matrices(c, l, 2 + three);
	if (ret)
		return ret;
	for (k = 0; k < 2 + three; k++)
		most[k] = snnq_tensor_largest(&l->in[k]);
	ret = check_accumulator(c, matrix_columns(l, right), most[right], most[right + 1]);
	if (ret || !three)
		return ret;
	most[1] = mul_sat(mul_sat(matrix_columns(l, right), most[right]), most[right + 1]);
	return check_accumulator(c, matrix_columns(l, !right), most[1], most[right ? 0 : 2]);
}

/* Moving and reducing. */

/* All of the geometry but what is given is @rest. */
static bool geometry_is(const struct snnq_layer *l, __u32 stride_h, __u32 stride_w, __u32 groups,
			__u32 rest)
{
	struct snnq_geometry want = {
		.kernel_h = (__u16)rest,
		.kernel_w = (__u16)rest,
		.stride_h = (__u8)stride_h,
		.stride_w = (__u8)stride_w,
		.dilation_h = (__u8)rest,
		.dilation_w = (__u8)rest,
		.groups = groups,
	};
	const struct snnq_geometry *g = &l->geometry;

	return g->kernel_h == want.kernel_h && g->kernel_w == want.kernel_w &&
	       g->stride_h == want.stride_h && g->stride_w == want.stride_w &&
	       g->dilation_h == want.dilation_h && g->dilation_w == want.dilation_w &&
	       g->groups == want.groups && !g->pad_h && !g->pad_w && !g->more_h && !g->more_w;
}

static int check_upsample(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;

	if (!g->stride_h || !g->stride_w || !geometry_is(l, g->stride_h, g->stride_w, 1, 1))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry");
	if ((__u32)l->in[0].height * g->stride_h != l->out.height)
		return fail(c, SNNQ_CHECK_SHAPE, "out.height");
	if ((__u32)l->in[0].width * g->stride_w != l->out.width)
		return fail(c, SNNQ_CHECK_SHAPE, "out.width");
	if (l->in[0].channels != l->out.channels)
		return fail(c, SNNQ_CHECK_SHAPE, "out.channels");
	return check_same_format(c, l);
}

/* The size along an axis, 0 height, 1 width, 2 channels. */
static __u32 dim_of(const struct snnq_tensor *t, __u32 axis)
{
	return axis == 0 ? t->height : axis == 1 ? t->width : t->channels;
}

static int check_reduce(struct check *c, const struct snnq_layer *l)
{
	static const char *const names[] = { "out.height", "out.width", "out.channels" };
	bool channels = l->axes & SNNQ_AXIS_CHANNELS;
	__u64 terms = 1;
	__u32 i;

	if (!l->axes || l->axes > (SNNQ_AXIS_HEIGHT | SNNQ_AXIS_WIDTH | SNNQ_AXIS_CHANNELS))
		return fail(c, SNNQ_CHECK_PARAM, "axes");
	if (l->mode > SNNQ_REDUCE_MAX)
		return fail(c, SNNQ_CHECK_PARAM, "mode");
	if (!geometry_is(l, 0, 0, channels ? l->geometry.groups : 0, 0))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry");
	if (channels && (!l->geometry.groups || l->in[0].channels % l->geometry.groups))
		return fail(c, SNNQ_CHECK_GEOMETRY, "geometry.groups");
	for (i = 0; i < 3; i++) {
		__u32 in = dim_of(&l->in[0], i), left = in;

		if (l->axes & 1u << i)
			left = i == 2 ? l->geometry.groups : 1;
		if (dim_of(&l->out, i) != left)
			return fail(c, SNNQ_CHECK_SHAPE, names[i]);
		terms *= in / left;
	}
	if (l->mode == SNNQ_REDUCE_SUM)
		return check_accumulator(c, terms, snnq_tensor_largest(&l->in[0]), 1);
	if (l->mode == SNNQ_REDUCE_OR && !is_spikes(&l->in[0]))
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "in[0].format");
	return check_same_format(c, l);
}

static int check_concat(struct check *c, const struct snnq_layer *l)
{
	__u32 axis = l->axes >> 1, sum = 0, i, k;
	__u64 most;
	int ret = 0;

	if (l->axes != SNNQ_AXIS_HEIGHT && l->axes != SNNQ_AXIS_WIDTH &&
	    l->axes != SNNQ_AXIS_CHANNELS)
		return fail(c, SNNQ_CHECK_PARAM, "axes");
	for (k = 0; k < SNNQ_MAX_OPERANDS && !ret; k++) {
		if (l->in[k].format == SNNQ_FORMAT_NONE) {
			if (!all_zero(&l->scale[k], sizeof(l->scale[k])))
				return fail(c, SNNQ_CHECK_RESERVED, "scale");
			continue;
		}
		for (i = 0; i < 3; i++)
			if (i != axis && dim_of(&l->in[k], i) != dim_of(&l->out, i))
				return fail(c, SNNQ_CHECK_SHAPE, snnq_input_names[k].format);
		sum += dim_of(&l->in[k], axis);
		ret = check_scale(c, l, k, S32_LEAST, &most);
	}
	if (ret)
		return ret;
	return sum == dim_of(&l->out, axis) ? 0 : fail(c, SNNQ_CHECK_SHAPE, "out");
}

static int check_copy(struct check *c, const struct snnq_layer *l)
{
	__u32 i;
	__u64 most;

	if (l->mode > SNNQ_COPY_CWH)
		return fail(c, SNNQ_CHECK_PARAM, "mode");
	for (i = 0; i < 3; i++)
		if (dim_of(&l->out, i) != dim_of(&l->in[0], snnq_copy_axes[l->mode][i]))
			return fail(c, SNNQ_CHECK_SHAPE, "out");
	if (!all_zero(&l->scale[1], 3 * sizeof(l->scale[1])))
		return fail(c, SNNQ_CHECK_RESERVED, "scale");
	return check_scale(c, l, 0, S32_LEAST, &most);
}

static int check_readout(struct check *c, const struct snnq_layer *l)
{
	if (!l->param || l->param >= SNNQ_READOUT_COUNT)
		return fail(c, SNNQ_CHECK_PARAM, "param");
	if (l->out.height != 1 || l->out.width != 1 ||
	    (l->param == SNNQ_READOUT_VOTE ? l->in[0].channels % l->out.channels :
					     l->in[0].channels != l->out.channels))
		return fail(c, SNNQ_CHECK_SHAPE, "out");
	return 0;
}

#define FORMATS(f)     (1u << SNNQ_FORMAT_##f)
#define FORMATS_PLANES (FORMATS(UNSIGNED) | FORMATS(SIGNED))
#define FORMATS_ALL    (FORMATS_PLANES | FORMATS(INT32))
#define FORMATS_DENSE  (FORMATS(INT8) | FORMATS(INT16))
#define FORMATS_LATER  .later = { .in_formats = FORMATS_DENSE, .out_formats = FORMATS_DENSE }
#define ACTIVATIONS    .in_role = SNNQ_ROLE_INPUT, .out_role = SNNQ_ROLE_OUTPUT
const struct op_rule snnq_op_rules[SNNQ_OP_COUNT] = {
	[SNNQ_OP_EVENTS] = { check_events, 1, 0, FORMATS(EVENTS), FORMATS(UNSIGNED),
			     .in_role = SNNQ_ROLE_EVENTS, .out_role = SNNQ_ROLE_OUTPUT,
			     .later = { .out_formats = FORMATS_DENSE } },
	[SNNQ_OP_CONV2D] = { check_conv2d, 1, USES_QUANT | USES_GEOMETRY | USES_NEURON,
			     FORMATS_PLANES, FORMATS_ALL, ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_LINEAR] = { check_linear, 1, USES_QUANT | USES_NEURON, FORMATS_PLANES, FORMATS_ALL,
			     ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_POOL_MAX] = { check_pool_max, 1, USES_GEOMETRY | USES_NEURON | USES_SCALE,
			       FORMATS_ALL, FORMATS_ALL, ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_POOL_SUM] = { check_pool_sum, 1, USES_PARAM | USES_GEOMETRY | USES_NEURON,
			       FORMATS_PLANES, FORMATS_ALL, ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_ELEMENTWISE] = { check_elementwise, 2, USES_MODE | USES_NEURON | USES_SCALE,
				  FORMATS_ALL, FORMATS_ALL, ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_ATTENTION] = { check_attention, 3, USES_PARAM | USES_MODE | USES_NEURON,
				FORMATS(UNSIGNED), FORMATS_ALL, ACTIVATIONS, .optional = 1,
				.later = { .inputs = 4, .out_formats = FORMATS_DENSE } },
	[SNNQ_OP_MATMUL] = { check_matmul, 3, USES_PARAM | USES_MODE | USES_NEURON, FORMATS_ALL,
			     FORMATS_ALL, ACTIVATIONS, .optional = 1, FORMATS_LATER },
	[SNNQ_OP_CONCAT] = { check_concat, 4, USES_AXES | USES_SCALE, FORMATS_ALL, FORMATS_ALL,
			     ACTIVATIONS, .optional = 2, FORMATS_LATER },
	[SNNQ_OP_COPY] = { check_copy, 1, USES_MODE | USES_SCALE, FORMATS_ALL, FORMATS_ALL,
			   ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_UPSAMPLE] = { check_upsample, 1, USES_GEOMETRY, FORMATS_ALL, FORMATS_ALL,
			       ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_REDUCE] = { check_reduce, 1, USES_MODE | USES_AXES | USES_GEOMETRY | USES_NEURON,
			     FORMATS_ALL, FORMATS_ALL, ACTIVATIONS, FORMATS_LATER },
	[SNNQ_OP_READOUT] = { check_readout, 1, USES_PARAM, FORMATS_ALL, FORMATS(INT32),
			      .in_role = SNNQ_ROLE_INPUT, .out_role = SNNQ_ROLE_READOUT,
			      .later = { .in_formats = FORMATS_DENSE } },
};

bool snnq_has_neuron_stage(const struct snnq_layer *l)
{
	switch (l->op) {
	case SNNQ_OP_POOL_MAX:
		return l->in[0].format == SNNQ_FORMAT_INT32;
	case SNNQ_OP_ATTENTION:
		return l->mode == SNNQ_ATTENTION_QK_FIRST || l->mode == SNNQ_ATTENTION_KV_FIRST;
	case SNNQ_OP_REDUCE:
		return l->mode == SNNQ_REDUCE_SUM;
	default:
		return snnq_op_rules[SNNQ_INDEX(l->op, SNNQ_OP_COUNT)].uses & USES_NEURON;
	}
}

/* Work. */

/* Every pair of tokens, or of channels of a head, once with K and once with V. */
static __u64 attention_work(const struct snnq_layer *l)
{
	__u64 all = snnq_tensor_elements(&l->in[0]) + snnq_tensor_elements(&l->out);
	__u64 pairs = (__u64)l->in[0].height * l->in[0].width;

	if (l->mode != SNNQ_ATTENTION_QK_FIRST)
		pairs = add_sat(pairs, l->in[0].channels / l->param);
	return mul_sat(mul_sat(all, pairs), (__u64)l->in[0].planes * l->in[1].planes);
}

/* Each element of the left matrix with a row of the right one, bit by bit, for each product. */
static __u64 matmul_work(const struct snnq_layer *l)
{
	__u32 last = l->in[2].format != SNNQ_FORMAT_NONE ? 2 : 1, k;
	__u64 outer = mul_sat(matrix_rows(l, 0), matrix_columns(l, last)), work = 0;
	__u64 planes = 1;

	for (k = 0; k <= last; k++)
		planes *= l->in[k].planes ? l->in[k].planes : 1;
	if (last == 1) {
		work = mul_sat(outer, matrix_columns(l, 0));
	} else if (l->mode & SNNQ_MATMUL_RIGHT_FIRST) {
		work = mul_sat(outer, matrix_columns(l, 0));
		work = add_sat(work, mul_sat(snnq_tensor_elements(&l->in[1]) / l->param,
					     matrix_columns(l, 2)));
	} else {
		work = mul_sat(outer, matrix_columns(l, 1));
		work = add_sat(work, mul_sat(snnq_tensor_elements(&l->in[1]) / l->param,
					     matrix_rows(l, 0)));
	}
	return mul_sat(mul_sat(work, l->param), planes);
}

__u64 snnq_layer_work(const struct snnq_layer *l)
{
	__u64 out = snnq_tensor_elements(&l->out);
	__u64 planes = l->in[0].planes ? l->in[0].planes : 1;
	__u64 work;
	__u32 k;

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
		work = attention_work(l);
		break;
	case SNNQ_OP_MATMUL:
		work = matmul_work(l);
		break;
	default:
		for (work = 0, k = 0; k < SNNQ_MAX_OPERANDS; k++)
			work = add_sat(work, snnq_tensor_elements(&l->in[k]) *
						     (l->in[k].planes ? l->in[k].planes : 1u));
	}
	return add_sat(work, out);
}
