// SPDX-License-Identifier: MIT
/*
 * energy.c - energy of one layer: compute, SRAM, DRAM, and the convention of papers.
 *
 * Every term is a product of exact counts and constants; the order of sums is fixed
 * and the compiler must not contract them (-ffp-contract=off in meson.build).
 */
#include "energy.h"

const struct energy_dataflow energy_default_flow = { .reuse = 64, .activity = -1 };

#define STATE_GRANULE 8	 /* potentials are stored in whole bytes */
#define STATE_GUARD   2	 /* bits of a potential beyond one step's sum */
#define REQUANT_BITS  16 /* multiplier of a layer without neuron */
#define READOUT_BITS  32
#define HOROWITZ      "M. Horowitz, Computing's Energy Problem, ISSCC 2014, 45 nm, 0.9 V: "
#define PAPERS	      "convention of Spikformer, Spike-driven Transformer, QKFormer: "

const struct energy_constants energy_45nm = {
	.name = "45 nm model",
	.pj = {
		[ENERGY_FP32_ADD] = 0.9,
		[ENERGY_FP32_MUL] = 3.7,
		[ENERGY_INT_ADD_BIT] = 0.003125,
		[ENERGY_INT_MUL_BIT2] = 0.0029948,
		[ENERGY_INT_MUL_BIT] = 0.0010417,
		[ENERGY_SRAM_BIT] = 0.3125,
		[ENERGY_DRAM_BIT] = 20.3125,
		[ENERGY_PAPER_MAC] = 4.6,
		[ENERGY_PAPER_AC] = 0.9,
	},
	.source = {
		[ENERGY_FP32_ADD] = HOROWITZ "fp32 add 0.9 pJ",
		[ENERGY_FP32_MUL] = HOROWITZ "fp32 mul 3.7 pJ",
		[ENERGY_INT_ADD_BIT] = HOROWITZ "32-bit integer add 0.1 pJ, taken linear in bits",
		[ENERGY_INT_MUL_BIT2] = HOROWITZ "fit of 8- and 32-bit integer mul, 0.2 and 3.1 pJ",
		[ENERGY_INT_MUL_BIT] = HOROWITZ "fit of 8- and 32-bit integer mul, 0.2 and 3.1 pJ",
		[ENERGY_SRAM_BIT] = HOROWITZ "32 KB cache, 20 pJ for 64 bits",
		[ENERGY_DRAM_BIT] = HOROWITZ "DRAM, 1.3 nJ (lower end) for 64 bits",
		[ENERGY_PAPER_MAC] = PAPERS "fp32 mul and add",
		[ENERGY_PAPER_AC] = PAPERS "fp32 add",
	},
};

uint32_t energy_acc_bits(uint64_t largest, uint64_t fan_in, uint64_t input_max)
{
	uint64_t terms;
	uint32_t bits = 1; /* the sign */

	if (__builtin_mul_overflow(fan_in, input_max, &terms))
		terms = UINT64_MAX;
	for (; largest; largest /= 2)
		bits++;
	if (terms > 1)
		bits += 64 - (uint32_t)__builtin_clzll(terms - 1);
	return bits;
}

static double count(uint64_t total, const struct energy_layer_in *in)
{
	return (double)total / (double)in->inferences;
}

/* @x to an integer power by squaring: the same everywhere, unlike pow(). */
static double power(double x, uint64_t n)
{
	double result = 1;

	for (; n; n /= 2, x *= x)
		if (n % 2)
			result *= x;
	return result;
}

/* Share of weight rows that a bundle of @reuse positions and steps needs. */
static double row_activity(const struct energy_dataflow *flow, const struct energy_layer_in *in,
			   double rate, uint64_t reuse)
{
	uint64_t bits;

	if (flow->activity >= 0)
		return flow->activity;
	if (__builtin_mul_overflow(reuse, (uint64_t)(in->input_planes ? in->input_planes : 1),
				   &bits))
		bits = UINT64_MAX;
	return 1 - power(1 - rate, bits);
}

static void compute(const struct energy_constants *k, const struct energy_layer_in *in,
		    struct energy_out *o)
{
	double add = in->acc_bits ? k->pj[ENERGY_INT_ADD_BIT] * in->acc_bits :
				    k->pj[ENERGY_FP32_ADD];
	double update = k->pj[ENERGY_INT_ADD_BIT] * o->state_bits * (1 + 2 * in->states);
	double requant = k->pj[ENERGY_INT_MUL_BIT2] * REQUANT_BITS * REQUANT_BITS +
			 k->pj[ENERGY_INT_MUL_BIT] * REQUANT_BITS +
			 k->pj[ENERGY_INT_ADD_BIT] * REQUANT_BITS;
	double readout = k->pj[ENERGY_INT_ADD_BIT] * READOUT_BITS;

	if (in->fp32) {
		requant = k->pj[ENERGY_FP32_MUL] + k->pj[ENERGY_FP32_ADD];
		update = in->states * requant + k->pj[ENERGY_FP32_ADD];
		readout = k->pj[ENERGY_FP32_ADD];
	}
	o->adds = count(in->adds, in) * add;
	/* an AND and a full adder for each pair of bits */
	o->attention = count(in->ands, in) * 2 * k->pj[ENERGY_INT_ADD_BIT];
	o->neurons = count(in->neurons, in) * update;
	o->requants = count(in->requants, in) * requant + count(in->readouts, in) * readout;
	o->compute = o->adds + o->attention + o->neurons + o->requants;
}

static void memory(const struct energy_constants *k, const struct energy_dataflow *flow,
		   const struct energy_layer_in *in, struct energy_out *o)
{
	uint64_t slots = in->positions * in->steps, reuse = flow->reuse;
	double bundles;

	if (!reuse || reuse > slots)
		reuse = slots;
	bundles = reuse ? (double)(slots / reuse + (slots % reuse != 0)) : 0;
	o->activity = row_activity(flow, in, o->rate, reuse);
	o->weight_sram = k->pj[ENERGY_SRAM_BIT] * ((double)in->weight_bits * bundles * o->activity);
	if (!flow->tick_batching)
		o->state_sram = k->pj[ENERGY_SRAM_BIT] * 2 *
				(count(in->neurons, in) * o->state_bits * in->states +
				 count(in->readouts, in) * READOUT_BITS);
	o->spike_sram = k->pj[ENERGY_SRAM_BIT] * in->steps *
			((double)in->input_bits + (double)in->output_bits);
	o->sram = o->weight_sram + o->state_sram + o->spike_sram;
	if (!flow->resident)
		o->weight_dram = k->pj[ENERGY_DRAM_BIT] *
				 ((double)in->weight_bits * (flow->reload ? in->steps : 1));
	o->dram = o->weight_dram +
		  k->pj[ENERGY_DRAM_BIT] * ((flow->resident ? 0 : (double)in->metadata_bits) +
					    (double)in->frame_bits + (double)in->spilled_bits);
}

void energy_layer(const struct energy_constants *k, const struct energy_dataflow *flow,
		  const struct energy_layer_in *in, struct energy_out *o)
{
	uint32_t bits = in->acc_bits + STATE_GUARD;

	*o = (struct energy_out){ .acc_bits = in->acc_bits };
	o->state_bits = in->fp32 ? 32 : (bits + STATE_GRANULE - 1) / STATE_GRANULE * STATE_GRANULE;
	if (in->input_possible)
		o->rate = (double)in->input_spikes / (double)in->input_possible;
	compute(k, in, o);
	memory(k, flow, in, o);
	o->total = o->compute + o->sram + o->dram;
	if (in->binary_input)
		o->paper = k->pj[ENERGY_PAPER_AC] * ((double)in->macs * o->rate);
	else
		o->paper = k->pj[ENERGY_PAPER_MAC] * (double)in->macs;
	o->paper += k->pj[ENERGY_PAPER_AC] * count(in->attention_acs, in);
	if (in->steps)
		o->ann = k->pj[ENERGY_PAPER_MAC] * ((double)in->macs / in->steps);
}

void energy_add(struct energy_out *sum, const struct energy_out *l)
{
	sum->adds += l->adds;
	sum->attention += l->attention;
	sum->neurons += l->neurons;
	sum->requants += l->requants;
	sum->compute += l->compute;
	sum->weight_sram += l->weight_sram;
	sum->state_sram += l->state_sram;
	sum->spike_sram += l->spike_sram;
	sum->sram += l->sram;
	sum->weight_dram += l->weight_dram;
	sum->dram += l->dram;
	sum->total += l->total;
	sum->paper += l->paper;
	sum->ann += l->ann;
}
