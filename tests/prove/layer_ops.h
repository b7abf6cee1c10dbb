/* SPDX-License-Identifier: MIT */
/*
 * layer_ops.h - what layer.c asserts of each operation: shapes that keep its indices within
 * its tensors, and accumulators that fit 32 bits, by the arithmetic of numerics.md.
 */

/* Products of magnitudes, none of them zero. */
static bool at_most_int32(__u64 a, __u64 b, __u64 c)
{
	return mul_sat(mul_sat(a, b), c) <= 0x7fffffff;
}

/* What axis_ok() says of windows is proved in extent.c. */
static void assert_window(const struct snnq_layer *l)
{
	const struct snnq_geometry *g = &l->geometry;

	assert_that("steps are not zero", g->kernel_h && g->kernel_w && g->stride_h &&
						  g->stride_w && g->dilation_h && g->dilation_w);
	assert_that("padding is less than a window",
		    g->pad_h <= g->dilation_h * (g->kernel_h - 1) &&
			    g->pad_w <= g->dilation_w * (g->kernel_w - 1));
	assert_that("padding of the other side is, too",
		    g->pad_h + g->more_h >= 0 && g->pad_w + g->more_w >= 0 &&
			    g->pad_h + g->more_h <= g->dilation_h * (g->kernel_h - 1) &&
			    g->pad_w + g->more_w <= g->dilation_w * (g->kernel_w - 1));
	assert_that("windows lie in the padded rows",
		    axis_ok(l->in[0].height, l->out.height, g->kernel_h, g->stride_h,
			    (__u32)(2 * g->pad_h + g->more_h), g->dilation_h));
	assert_that("windows lie in the padded columns",
		    axis_ok(l->in[0].width, l->out.width, g->kernel_w, g->stride_w,
			    (__u32)(2 * g->pad_w + g->more_w), g->dilation_w));
	assert_that("groups divide channels", g->groups && l->in[0].channels % g->groups == 0 &&
						      l->out.channels % g->groups == 0);
}

static __u64 window_of(const struct snnq_layer *l)
{
	return mul_sat(l->geometry.kernel_h, l->geometry.kernel_w);
}

static void assert_conv2d(const struct snnq_layer *l)
{
	assert_window(l);
	assert_that("sums of a convolution fit",
		    at_most_int32(mul_sat(window_of(l), l->in[0].channels / l->geometry.groups),
				  snnq_tensor_largest(&l->in[0]), largest_weight(&l->quant)));
}

static void assert_linear(const struct snnq_layer *l)
{
	assert_that("positions are the same", same_positions(&l->in[0], &l->out));
	assert_that("sums of a linear layer fit",
		    at_most_int32(l->in[0].channels, snnq_tensor_largest(&l->in[0]),
				  largest_weight(&l->quant)));
}

static void assert_pool(const struct snnq_layer *l)
{
	assert_window(l);
	assert_that("channels are the same", l->in[0].channels == l->out.channels);
	assert_that("sums of a pool fit",
		    l->op != SNNQ_OP_POOL_SUM ||
			    at_most_int32(window_of(l), snnq_tensor_largest(&l->in[0]), l->param));
}

static void assert_elementwise(const struct snnq_layer *l)
{
	__u32 k;

	for (k = 0; k < 2; k++) {
		const struct snnq_tensor *t = &l->in[k];

		assert_that("an operand is repeated or as large",
			    (t->height == l->out.height || t->height == 1) &&
				    (t->width == l->out.width || t->width == 1) &&
				    (t->channels == l->out.channels || t->channels == 1));
	}
	assert_that("logic is of spikes", l->mode == SNNQ_ELEMENTWISE_ADD ||
						  l->mode == SNNQ_ELEMENTWISE_MULTIPLY ||
						  (is_spikes(&l->in[0]) && is_spikes(&l->in[1])));
}

static void assert_attention(const struct snnq_layer *l)
{
	const struct snnq_tensor *q = &l->in[0], *k = &l->in[1], *v = &l->in[2];

	assert_that("heads divide channels", l->param && q->channels % l->param == 0);
	assert_that("Q and K are alike", same_shape(q, k));
	if (l->mode == SNNQ_ATTENTION_TOKEN || l->mode == SNNQ_ATTENTION_CHANNEL) {
		assert_that("gates are of spikes", is_spikes(q) && is_spikes(k) &&
							   is_spikes(&l->out) &&
							   same_shape(q, &l->out));
		return;
	}
	assert_that("V has the tokens and the result's channels",
		    same_positions(q, v) && same_shape(v, &l->out) && v->channels % l->param == 0);
	assert_that("sums of attention fit",
		    at_most_int32(mul_sat(mul_sat(q->height, q->width), q->channels / l->param),
				  mul_sat(snnq_tensor_largest(q), snnq_tensor_largest(k)),
				  snnq_tensor_largest(v)));
}

static void assert_matmul(const struct snnq_layer *l)
{
	__u32 last = l->in[2].format != SNNQ_FORMAT_NONE ? 2 : 1, k;

	for (k = 0; k <= last; k++)
		assert_that("heads divide channels", l->param && l->in[k].channels % l->param == 0);
	for (k = 1; k <= last; k++)
		assert_that("inner sizes agree", matrix_columns(l, k - 1) == matrix_rows(l, k));
	assert_that("the result has the outer sizes",
		    (__u64)l->out.height * l->out.width == matrix_rows(l, 0) &&
			    l->out.channels == matrix_columns(l, last) * l->param);
	k = !!(l->mode & SNNQ_MATMUL_RIGHT_FIRST);
	assert_that("sums of the first product fit",
		    at_most_int32(matrix_columns(l, k), snnq_tensor_largest(&l->in[k]),
				  snnq_tensor_largest(&l->in[k + 1])));
}

static void assert_reduce(const struct snnq_layer *l)
{
	bool channels = l->axes & SNNQ_AXIS_CHANNELS;

	assert_that("reduced sizes",
		    l->out.height == (l->axes & SNNQ_AXIS_HEIGHT ? 1 : l->in[0].height) &&
			    l->out.width == (l->axes & SNNQ_AXIS_WIDTH ? 1 : l->in[0].width) &&
			    l->out.channels == (channels ? l->geometry.groups : l->in[0].channels));
	assert_that("groups divide channels",
		    !channels ||
			    (l->geometry.groups && l->in[0].channels % l->geometry.groups == 0));
}

static void assert_concat(const struct snnq_layer *l)
{
	__u64 along[3] = { 0 };
	__u32 i, k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		for (i = 0; i < 3; i++)
			along[i] += dim_of(&l->in[k], i);
	for (i = 0; i < 3; i++)
		assert_that("operands fill the result along the axis",
			    l->axes != 1u << i || along[i] == dim_of(&l->out, i));
}

static void assert_copy(const struct snnq_layer *l)
{
	const __u8 *axes = snnq_copy_axes[l->mode];
	__u32 i;

	assert_that("a known order", l->mode <= SNNQ_COPY_CWH);
	for (i = 0; i < 3; i++)
		assert_that("sizes in another order",
			    dim_of(&l->out, i) == dim_of(&l->in[0], axes[i]));
}

static void assert_upsample(const struct snnq_layer *l)
{
	assert_that("each position several times",
		    (__u32)l->in[0].height * l->geometry.stride_h == l->out.height &&
			    (__u32)l->in[0].width * l->geometry.stride_w == l->out.width &&
			    l->in[0].channels == l->out.channels);
}

static void assert_readout(const struct snnq_layer *l)
{
	assert_that("readouts are int32 without positions",
		    l->out.height == 1 && l->out.width == 1 && l->out.format == SNNQ_FORMAT_INT32);
	assert_that("one for each channel or group",
		    l->param == SNNQ_READOUT_VOTE ? l->in[0].channels % l->out.channels == 0 :
						    l->in[0].channels == l->out.channels);
}

static void assert_scale(const struct check *c, const struct snnq_layer *l, __u32 k)
{
	const struct snnq_scale *s = &l->scale[k];

	assert_that("multipliers of a scale are there",
		    table_holds(c, s->mult_index, s->mult_count, S32_LEAST, 0x7fffffff));
	assert_that("one multiplier for each",
		    s->mult_count <= 1 || s->mult_count == l->in[k].channels);
	assert_that("the shift of a scale is in range", s->shift <= SNNQ_MAX_REQUANT_SHIFT);
}

static void assert_operation(const struct check *c, const struct snnq_layer *l)
{
	__u32 k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		assert_scale(c, l, k);
	switch (l->op) {
	case SNNQ_OP_EVENTS:
		assert_that("events are of the result's shape", same_shape(&l->in[0], &l->out));
		break;
	case SNNQ_OP_CONV2D:
		assert_conv2d(l);
		break;
	case SNNQ_OP_LINEAR:
		assert_linear(l);
		break;
	case SNNQ_OP_POOL_MAX:
	case SNNQ_OP_POOL_SUM:
		assert_pool(l);
		break;
	case SNNQ_OP_ELEMENTWISE:
		assert_elementwise(l);
		break;
	case SNNQ_OP_ATTENTION:
		assert_attention(l);
		break;
	case SNNQ_OP_MATMUL:
		assert_matmul(l);
		break;
	case SNNQ_OP_REDUCE:
		assert_reduce(l);
		break;
	case SNNQ_OP_CONCAT:
		assert_concat(l);
		break;
	case SNNQ_OP_COPY:
		assert_copy(l);
		break;
	case SNNQ_OP_UPSAMPLE:
		assert_upsample(l);
		break;
	case SNNQ_OP_READOUT:
		assert_readout(l);
		break;
	default:
		assert_that("a known operation", false);
	}
}
