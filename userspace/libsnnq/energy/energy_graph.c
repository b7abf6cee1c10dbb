// SPDX-License-Identifier: MIT
/*
 * energy_graph.c - the counts that energy.c wants, from a model and its counters.
 *
 * Shapes give what is dense (positions, bits moved, MACs), the counters of real runs
 * give what depends on spikes.
 */
#include "energy.h"
#include "model/grid.h"

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static uint64_t positions_of(const struct graph_shape *s)
{
	return (uint64_t)s->height * s->width;
}

static uint64_t shape_bits(const struct graph_shape *s)
{
	return times(times(positions_of(s), s->channels), s->planes ? s->planes : 32);
}

static uint64_t input_max(const struct graph_shape *s)
{
	return s->planes ? (1ull << s->planes) - 1 : INT32_MAX;
}

/* Stored bits of constants; a number for all channels counts as one word. */
static uint64_t numbers_bits(const struct graph_numbers *n)
{
	return n->tensor ? n->tensor->bytes * 8 : n->count * 32;
}

static uint64_t largest_level(const struct graph_layer *l)
{
	struct grid grid;

	return grid_init(&grid, l->scheme, l->bits) ? (uint64_t)grid.largest : 0;
}

/* Inputs of one output. */
static uint64_t fan_in(const struct graph_layer *l)
{
	uint64_t window = (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w;

	switch (l->op) {
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_LINEAR:
		return graph_layer_params(l) / l->out_channels;
	case SNNQ_OP_ATTENTION:
		return times(positions_of(&l->out), l->out.channels / l->heads);
	case SNNQ_OP_MATMUL:
		return l->mode & SNNQ_MATMUL_TRANSPOSE_0 ? positions_of(&l->from[0]) :
							   l->from[0].channels / l->heads;
	case SNNQ_OP_ELEMENTWISE:
		return l->in_count;
	case SNNQ_OP_REDUCE:
		return times(positions_of(&l->from[0]), l->from[0].channels) /
		       times(positions_of(&l->out), l->out.channels);
	default:
		return window ? window : 1;
	}
}

static uint32_t width_of(const struct graph_shape *s)
{
	return s->format == SNNQ_FORMAT_INT32 ? 32 : s->planes;
}

/* Width of the sums; pools and adders of spikes compute integers in float models too. */
static uint32_t sum_bits(const struct graph *g, const struct graph_layer *l)
{
	const struct graph_shape *in = &l->from[0];

	switch (l->op) {
	case SNNQ_OP_CONV2D:
	case SNNQ_OP_LINEAR:
		return g->integer ? energy_acc_bits(largest_level(l), fan_in(l), input_max(in)) : 0;
	case SNNQ_OP_POOL_MAX:
		return width_of(in);
	case SNNQ_OP_ELEMENTWISE:
		return width_of(&l->out);
	case SNNQ_OP_MATMUL:
		return energy_acc_bits(input_max(&l->from[1]), fan_in(l), input_max(in));
	case SNNQ_OP_POOL_SUM:
		return energy_acc_bits(l->value, fan_in(l), input_max(in));
	default:
		return energy_acc_bits(1, fan_in(l), input_max(in));
	}
}

/*
 * Papers charge attention T h N d^2 (min(r_k, r_v) + r_q); with rates as spikes per
 * T N h d this is d (min(spikes of K, of V) + spikes of Q).
 */
static uint64_t attention_acs(const struct graph_layer *l, const struct snnq_layer_stats *stats)
{
	uint64_t spikes[3];

	if (l->mode != SNNQ_ATTENTION_QK_FIRST)
		return 0; /* gates add nothing up */
	for (int i = 0; i < 3; i++)
		spikes[i] = l->in[i] == GRAPH_INPUT ? 0 : stats[l->in[i]].output_spikes;
	return times(l->out.channels / l->heads,
		     spikes[0] + (spikes[1] < spikes[2] ? spikes[1] : spikes[2]));
}

static void add_dense(const struct graph *g, const struct graph_layer *l,
		      struct energy_layer_in *in)
{
	bool uses_frame = false;

	for (uint32_t i = 0; i < l->in_count; i++) {
		in->input_bits += shape_bits(&l->from[i]);
		uses_frame = uses_frame || l->in[i] == GRAPH_INPUT;
	}
	in->output_bits = shape_bits(&l->out);
	if (uses_frame)
		in->frame_bits = times(shape_bits(&g->input.shape), g->input.steps);
	if (l->weight) {
		in->weight_bits = times(l->weight->bytes, 8);
		in->macs =
			times(times(fan_in(l), l->out.channels), times(in->positions, in->steps));
	}
	in->metadata_bits = numbers_bits(&l->bias) + numbers_bits(&l->threshold) +
			    numbers_bits(&l->mult);
}

void energy_graph_layer(const struct graph *g, uint32_t index, const struct snnq_layer_stats *stats,
			uint64_t inferences, struct energy_layer_in *in)
{
	const struct graph_layer *l = &g->layers[index];
	const struct graph_shape *shape = &l->from[0];
	uint64_t updates = times(times(positions_of(&l->out), l->out.channels),
				 times(g->input.steps, inferences));

	*in = (struct energy_layer_in){
		.inferences = inferences,
		.steps = g->input.steps,
		.positions = positions_of(&l->out),
		.acc_bits = sum_bits(g, l),
		.fp32 = !g->integer,
		.states = l->neuron.model == SNNQ_NEURON_CUBA ? 2 : 1,
		.input_planes = shape->planes,
		.adds = stats[index].synops,
		.neurons = stats[index].neuron_updates,
		.input_spikes = stats[index].input_spikes,
		.input_possible = stats[index].input_possible,
		.binary_input = shape->planes == 1,
	};
	add_dense(g, l, in);
	if (l->mult.count)
		in->requants = updates;
	if (g->readout == (int)index)
		in->readouts = updates;
	if (l->op == SNNQ_OP_ATTENTION) {
		in->ands = times(positions_of(shape), updates);
		in->attention_acs = attention_acs(l, stats);
	}
}

void energy_graph(const struct energy_constants *k, const struct energy_dataflow *flow,
		  const struct graph *g, const struct snnq_layer_stats *stats, uint64_t inferences,
		  struct energy_out *layers, struct energy_out *total)
{
	struct energy_layer_in in;
	struct energy_out out;

	*total = (struct energy_out){ 0 };
	for (uint32_t i = 0; i < g->layer_count; i++) {
		energy_graph_layer(g, i, stats, inferences, &in);
		energy_layer(k, flow, &in, &out);
		energy_add(total, &out);
		if (layers)
			layers[i] = out;
	}
}
