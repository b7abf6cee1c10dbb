// SPDX-License-Identifier: MIT
/*
 * caps.c - a program of one layer that was accepted and passes snnq_check_caps() asks for nothing that the
 * device, any device, does not have.
 */
#define PARTS_APART
#include "prove.h"

static const struct snnq_layer *first;

static const struct snnq_layer *prove_layer(__u32 i)
{
	assert_that("a layer is there", i == 0);
	return first;
}

static const struct snnq_region_desc *prove_region(__u32 i)
{
	(void)i;
	assert_that("no region is looked at", false);
	return NULL;
}

static bool has(__u64 mask, __u32 bit)
{
	return bit < 64 && mask >> bit & 1;
}

static void assert_tensor(const struct snnq_tensor *t, const struct snnq_caps *caps)
{
	if (t->format == SNNQ_FORMAT_NONE)
		return;
	assert_that("format", has(caps->formats, t->format));
	assert_that("planes", t->planes <= caps->max_planes);
	assert_that("height", t->height <= caps->max_dim);
	assert_that("width", t->width <= caps->max_dim);
	assert_that("channels", t->channels <= caps->max_channels);
}

static void assert_neuron(const struct snnq_neuron *n, const struct snnq_caps *caps)
{
	assert_that("neuron", has(caps->neurons, n->model));
	if (n->model == SNNQ_NEURON_NONE)
		return;
	assert_that("leak", has(caps->leaks, n->leak));
	assert_that("leak of the current",
		    n->model != SNNQ_NEURON_CUBA || has(caps->leaks, n->current_leak));
	assert_that("reset", has(caps->resets, n->reset));
	assert_that("comparison", has(caps->compares, n->compare));
	assert_that("flags of neurons", !(n->flags & ~caps->neuron_flags));
	assert_that("delay", n->delay <= caps->max_delay);
}

static void assert_window(const struct snnq_layer *l, const struct snnq_caps *caps)
{
	const struct snnq_geometry *g = &l->geometry;
	__u32 most = l->op == SNNQ_OP_CONV2D ? caps->max_kernel : caps->max_window;

	assert_that("kernel or window", g->kernel_h <= most && g->kernel_w <= most);
	assert_that("stride", g->stride_h <= caps->max_stride && g->stride_w <= caps->max_stride);
	assert_that("dilation",
		    g->dilation_h <= caps->max_dilation && g->dilation_w <= caps->max_dilation);
}

static void assert_layer(const struct snnq_layer *l, const struct snnq_caps *caps)
{
	__u32 widths = 0, k;

	assert_that("operation", has(caps->ops, l->op));
	assert_that("flags of layers", !(l->flags & ~caps->layer_flags));
	assert_that("mode of ELEMENTWISE",
		    l->op != SNNQ_OP_ELEMENTWISE || has(caps->elementwise, l->mode));
	assert_that("mode of ATTENTION",
		    l->op != SNNQ_OP_ATTENTION || has(caps->attention, l->mode));
	assert_that("readout", l->op != SNNQ_OP_READOUT || has(caps->readouts, l->param));
	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		assert_tensor(&l->in[k], caps);
	assert_tensor(&l->out, caps);
	assert_window(l, caps);
	if (snnq_has_neuron_stage(l))
		assert_neuron(&l->neuron, caps);
	widths = l->quant.scheme == SNNQ_SCHEME_UNIFORM ? caps->scheme_uniform :
		 l->quant.scheme == SNNQ_SCHEME_ODD	? caps->scheme_odd :
		 l->quant.scheme == SNNQ_SCHEME_POT	? caps->scheme_pot :
		 l->quant.scheme == SNNQ_SCHEME_APOT	? caps->scheme_apot :
							  caps->scheme_ternary;
	assert_that("weights", !l->quant.scheme || has(widths, l->quant.bits));
}

/* What is in range of a valid program. */
static bool layer_holds(const struct snnq_layer *l)
{
	return l->op >= SNNQ_OP_EVENTS && l->op < SNNQ_OP_COUNT &&
	       l->quant.scheme <= SNNQ_SCHEME_TERNARY && l->quant.bits <= 8 && l->mode < 16 &&
	       l->neuron.model <= SNNQ_NEURON_CUBA && l->neuron.leak < 4 &&
	       l->neuron.current_leak < 4 && l->neuron.reset < 3 && l->neuron.compare < 2 &&
	       (l->op != SNNQ_OP_READOUT || l->param < SNNQ_READOUT_COUNT) &&
	       (l->in[0].format | l->in[1].format | l->in[2].format | l->in[3].format |
		l->out.format) < 8;
}

int main(void)
{
	struct snnq_program_header header;
	struct check c = { .header = &header };
	struct snnq_layer layer;
	struct snnq_caps caps;

	assume(header_holds(&header) && header.layer_count == 1 && layer_holds(&layer) &&
	       header.tile_steps <= STEPS);
	first = &layer;
	if (snnq_check_caps(&c, &caps))
		return 0;
	assert_that("size", header.total_bytes <= caps.max_program_bytes);
	assert_that("layers", header.layer_count <= caps.max_layers);
	assert_that("steps", header.max_steps <= caps.max_steps);
	assert_that("steps of a tile", header.tile_steps <= caps.max_tile_steps);
	assert_that("state", header.state_bytes <= caps.max_state_bytes);
	assert_that("scratch",
		    header.scratch_step_bytes * header.tile_steps <= caps.max_scratch_bytes);
	assert_that("features", !(header.needs & ~caps.needs));
	assert_layer(&layer, &caps);
	return 0;
}
