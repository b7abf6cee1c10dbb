// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ops.c - operations and their forms: all that plans and jobs know about them.
 */
#include "engine.h"

static const struct op conv = { .lay_out = conv_lay_out,
				.prepare = conv_prepare,
				.count = conv_count,
				.generic = conv_generic,
				.sum = conv_depthwise,
				.choose = conv_choose,
				.take = dense_take,
				.begin_block = conv_begin_block,
				.block = conv_block };
static const struct op pool_of_planes = { .lay_out = window_lay_out,
					  .prepare = pool_prepare,
					  .count = window_count,
					  .run = pool_max_run };
static const struct op pool_of_integers = { .lay_out = window_lay_out,
					    .prepare = pool_max_prepare,
					    .count = window_count,
					    .generic = pool_max_generic,
					    .sum = pool_max_sum };
static const struct op add_of_planes = { .count = count_spikes_as_synops, .run = add_run };
static const struct op logic_of_words = { .count = count_spikes_as_synops, .run = logic_run };
static const struct op elementwise = { .prepare = elementwise_prepare,
				       .count = count_spikes_as_synops,
				       .generic = elementwise_generic,
				       .sum = elementwise_sum };
static const struct op attention_of_spikes = { .lay_out = attention_lay_out,
					       .prepare = attention_prepare,
					       .count = attention_count,
					       .generic = attention_generic,
					       .sum = attention_sum,
					       .begin_block = attention_begin,
					       .block = attention_block };
static const struct op attention_of_values = { .lay_out = values_lay_out,
					       .prepare = values_prepare,
					       .count = values_count,
					       .generic = values_generic,
					       .sum = values_sum,
					       .begin_block = values_begin };
static const struct op gate = { .lay_out = gate_lay_out,
				.count = count_spikes_as_synops,
				.run = gate_run };
static const struct op reduce_to_sums = { .prepare = reduce_prepare,
					  .count = count_spikes_as_synops,
					  .generic = reduce_generic,
					  .sum = reduce_sum };
static const struct op reduce_to_most = { .count = count_spikes_as_synops, .run = reduce_max_run };

static const struct op others[SNNQ_OP_COUNT] = {
	[SNNQ_OP_EVENTS] = { .lay_out = events_lay_out,
			     .begin_job = events_begin,
			     .run = events_run },
	[SNNQ_OP_POOL_SUM] = { .lay_out = window_lay_out,
			       .prepare = pool_prepare,
			       .count = window_count,
			       .generic = pool_sum_generic,
			       .sum = pool_sum },
	[SNNQ_OP_READOUT] = { .lay_out = readout_lay_out,
			      .count = count_spikes_as_synops,
			      .run = readout_run,
			      .end_job = readout_end },
	[SNNQ_OP_MATMUL] = { .lay_out = matmul_lay_out,
			     .prepare = matmul_prepare,
			     .count = matmul_count,
			     .generic = matmul_generic,
			     .sum = matmul_sum,
			     .begin_block = matmul_begin },
	[SNNQ_OP_CONCAT] = { .lay_out = concat_lay_out,
			     .prepare = move_prepare,
			     .count = count_all_inputs,
			     .run = concat_run },
	[SNNQ_OP_COPY] = { .prepare = move_prepare, .count = count_all_inputs, .run = copy_run },
	[SNNQ_OP_UPSAMPLE] = { .count = count_all_inputs, .run = upsample_run },
};

static bool is_planes(const struct snnq_tensor *t)
{
	return t->format != SNNQ_FORMAT_INT32;
}

static bool same_shape(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

/* Accumulators go out as they are, but for the format. */
static bool no_stage(const struct snnq_neuron *n)
{
	return n->model == SNNQ_NEURON_NONE && !n->requant_shift && !n->mult_count &&
	       !n->bias_count;
}

static bool is_scaled(const struct snnq_scale *s)
{
	return s->mult_count || s->shift;
}

static const struct op *op_of_two(const struct snnq_layer *d)
{
	const struct snnq_tensor *a = &d->in[0], *b = &d->in[1];

	if (!is_planes(a) || !is_planes(b) || !is_planes(&d->out) || !no_stage(&d->neuron) ||
	    is_scaled(&d->scale[0]) || is_scaled(&d->scale[1]) || !same_shape(a, b))
		return &elementwise;
	if (d->mode == SNNQ_ELEMENTWISE_ADD)
		return &add_of_planes;
	if (d->mode == SNNQ_ELEMENTWISE_MULTIPLY || d->out.planes > 1)
		return &elementwise;
	return &logic_of_words;
}

static const struct op *op_of_attention(const struct snnq_layer *d)
{
	if (d->mode == SNNQ_ATTENTION_TOKEN || d->mode == SNNQ_ATTENTION_CHANNEL)
		return &gate;
	if (d->in[0].planes > 1 || d->in[1].planes > 1 || d->in[2].planes > 1 ||
	    d->in[2].channels != d->in[0].channels)
		return &attention_of_values;
	return &attention_of_spikes;
}

const struct op *op_of(const struct snnq_layer *d)
{
	switch (d->op) {
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_LINEAR:
		return &conv;
	case SNNQ_OP_POOL_MAX:
		return is_planes(&d->in[0]) ? &pool_of_planes : &pool_of_integers;
	case SNNQ_OP_ELEMENTWISE:
		return op_of_two(d);
	case SNNQ_OP_ATTENTION:
		return op_of_attention(d);
	case SNNQ_OP_REDUCE:
		return d->mode == SNNQ_REDUCE_SUM ? &reduce_to_sums : &reduce_to_most;
	default:
		return &others[d->op];
	}
}
