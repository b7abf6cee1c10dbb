// SPDX-License-Identifier: MIT
/*
 * steps.c - see steps.h.
 *
 * How large currents can get is known from weights and inputs alone, so that steps do not depend on
 * recordings or on the grids that are tried: only the layer that a grid is of changes with it.
 */
#include "quantize/steps.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"

#define FINE	     12 /* bits of a threshold */
#define LEAST	     4	/* of a threshold, if 32 bits do not hold more */
#define FINE_REACH   20 /* bits of the largest current, where there is no threshold */
#define GRID_MARGIN  4	/* levels times scale, by the largest weight: scales may be chosen larger */
#define ERROR_MARGIN 1.25    /* sums of weights on a grid, by those of real ones */
#define PLANE_MARGIN 2.5     /* what planes hold, by what is in them */
#define LEAST_WEIGHT 0x1p-14 /* that of a layer of zeros */
#define WORD	     30	     /* bits of currents */

/**
 * struct finder - at work
 * @reach: what each output can come to, as sums of its weights say; steps->most is what the
 *	program's bound makes of it.
 * @parent: of the groups of currents with one step.
 * @want, @need: by group: the step that would do, and the least that fits.
 * @threshold: by group: the least that a term of its sums is compared with;
 * @least: the same, and of what its products are compared with, by the layer @compares.
 */
struct finder {
	const char *path;
	const struct graph *graph;
	struct steps *steps;
	double *reach, *want, *need, *threshold, *least;
	uint32_t *parent, *compares;
};

static int fail(const struct finder *f, const struct graph_layer *l, const char *what)
{
	return error_set(-EBADMSG, "%s: layer %s (%s): %s", f->path, l->name, l->op_name, what);
}

uint32_t steps_count_planes(const struct graph *g, int layer)
{
	const struct graph_layer *l = &g->layers[layer < 0 ? 0 : layer];
	uint64_t most;
	uint32_t planes = 0;

	if (layer == GRAPH_INPUT || graph_shape(g, layer)->planes)
		return graph_shape(g, layer)->planes;
	planes = steps_count_planes(g, l->in[0]);
	if (planes > SNNQ_MAX_PLANES)
		return planes; /* too many, whatever follows */
	most = (1ull << planes) - 1;
	planes = 0;
	if (l->op == GRAPH_AVGPOOL)
		most *= graph_taps(&l->geometry);
	while (most >> planes)
		planes++;
	return planes;
}

/* ---- how large currents get ---- */

/* The largest value of an operand; @bounds: those of currents. */
static double largest(const struct finder *f, const struct graph_layer *l, uint32_t k,
		      const double *bounds)
{
	if (steps_reads_real(f->steps, l, k))
		return bounds[l->in[k] + 1];
	return (ldexp(1, (int)steps_count_planes(f->graph, l->in[k])) - 1) *
	       f->steps->unit[l->in[k] + 1];
}

static double largest_bias(const struct graph_layer *l)
{
	double most = 0;

	for (uint32_t c = 0; l->bias.count && c < l->out.channels; c++)
		most = fmax(most, fabs(graph_real(&l->bias, c)));
	return most;
}

static void weigh(const struct finder *f, uint32_t index)
{
	const struct graph_layer *l = &f->graph->layers[index];
	uint64_t inputs = graph_layer_params(l) / l->out_channels, at = 0;
	double largest_weight = 0, largest_row = 0;
	bool fed = f->steps->planes[index + 1];

	for (uint32_t o = 0; o < l->out_channels; o++) {
		double row = 0;

		for (uint64_t i = 0; i < inputs; i++, at++) {
			double w = fabs((double)tensor_real(l->weight, at));

			row += w;
			largest_weight = fmax(largest_weight, w);
		}
		largest_row = fmax(largest_row, row);
	}
	if (!(largest_weight > 0)) /* grids and readers need a range */
		largest_weight = largest_row = LEAST_WEIGHT;
	f->reach[index + 1] = ERROR_MARGIN * largest_row * largest(f, l, 0, f->reach) +
			      largest_bias(l);
	f->steps->most[index + 1] = fed ? PLANE_MARGIN * f->reach[index + 1] :
					  GRID_MARGIN * (double)inputs * largest_weight *
							    largest(f, l, 0, f->steps->most) +
						    largest_bias(l);
}

/* Elements of the operand in one of the result. */
static double terms(const struct graph_layer *l)
{
	const struct graph_shape *in = &l->from[0];

	if (l->op == SNNQ_OP_POOL_SUM)
		return (double)graph_taps(&l->geometry) * l->value;
	if (l->op != SNNQ_OP_REDUCE || l->mode != SNNQ_REDUCE_SUM)
		return 1;
	return (double)in->height * in->width * in->channels /
	       ((double)l->out.height * l->out.width * l->out.channels);
}

static double combined(const struct finder *f, const struct graph_layer *l, const double *bounds)
{
	double sum = 0, most = 0;

	for (uint32_t k = 0; k < l->in_count; k++) {
		double x = largest(f, l, k, bounds);

		sum += x;
		most = fmax(most, x);
	}
	if (l->op == SNNQ_OP_ELEMENTWISE)
		most = sum;
	return most * terms(l) + largest_bias(l);
}

static int measure(const struct finder *f, uint32_t index)
{
	const struct graph_layer *l = &f->graph->layers[index];

	if (!f->steps->real[index + 1])
		return 0;
	if (l->weight) {
		weigh(f, index);
	} else {
		f->reach[index + 1] = combined(f, l, f->reach);
		f->steps->most[index + 1] = f->steps->planes[index + 1] ?
						    PLANE_MARGIN * f->reach[index + 1] :
						    combined(f, l, f->steps->most);
	}
	if (isfinite(f->reach[index + 1]) && isfinite(f->steps->most[index + 1]))
		return 0;
	return fail(f, l, "expected sums of finite currents, found some beyond all numbers");
}

/* ---- groups with one step ---- */

static uint32_t group_of(const struct finder *f, uint32_t layer)
{
	while (f->parent[layer] != layer)
		layer = f->parent[layer];
	return layer;
}

static void join(const struct finder *f, int *with, int layer)
{
	if (*with >= 0)
		f->parent[group_of(f, (uint32_t)layer)] = group_of(f, (uint32_t)*with);
	*with = layer;
}

/* What a layer does with currents as they are has one step; a copy and a product do not. */
static void join_layer(const struct finder *f, uint32_t index)
{
	const struct graph_layer *l = &f->graph->layers[index];
	int with = -1;

	if (l->weight || l->op == SNNQ_OP_MATMUL || l->op == SNNQ_OP_COPY)
		return;
	for (uint32_t k = 0; k < l->in_count; k++)
		if (steps_reads_real(f->steps, l, k))
			join(f, &with, l->in[k]);
	if (f->steps->real[index + 1])
		join(f, &with, (int)index);
}

static void at_least(double *most, double value)
{
	*most = fmax(*most, value);
}

/* The least of a layer's thresholds, for one term of its sums. */
static double least_threshold(const struct graph_layer *l)
{
	double least = INFINITY;

	for (uint32_t c = 0; l->threshold.count && c < l->out.channels; c++)
		least = fmin(least, graph_real(&l->threshold, c));
	return least / terms(l);
}

static void note_threshold(const struct finder *f, uint32_t g, const struct graph_layer *l)
{
	double least = least_threshold(l);

	if (l->op != SNNQ_OP_MATMUL)
		f->threshold[g] = fmin(f->threshold[g], least);
	if (least < f->least[g]) {
		f->least[g] = least;
		f->compares[g] = (uint32_t)(l - f->graph->layers);
	}
}

/* The largest sum of products of operand @k, in steps of the other one. */
static double product(const struct finder *f, const struct graph_layer *l, uint32_t k)
{
	bool turned = l->mode & SNNQ_MATMUL_TRANSPOSE_0;
	double inner = turned ? (double)l->from[0].height * l->from[0].width :
				(double)l->from[0].channels / l->heads;

	return inner * f->steps->most[l->in[k] + 1] * largest(f, l, 1 - k, f->steps->most) /
	       f->steps->unit[l->in[1 - k] + 1];
}

/* What a reader asks of the step of operand @k. */
static void read_by(const struct finder *f, const struct graph_layer *l, uint32_t k)
{
	uint32_t g = group_of(f, (uint32_t)l->in[k]);

	if (l->weight || l->op == SNNQ_OP_COPY)
		return;
	if (l->op == SNNQ_OP_MATMUL)
		at_least(&f->need[g], product(f, l, k) / INT32_MAX);
	else
		at_least(&f->need[g], ldexp(combined(f, l, f->steps->most), -WORD));
	if (l->neuron.model != SNNQ_NEURON_NONE)
		note_threshold(f, g, l);
}

/* Scores are sums over positions, steps and, with votes, channels. */
static double readout_terms(const struct graph *g)
{
	const struct graph_shape *s = &g->layers[g->readout].out;

	return (double)s->height * s->width * g->input.steps * s->channels / g->readout_channels;
}

static void ask(const struct finder *f, uint32_t index)
{
	const struct graph_layer *l = &f->graph->layers[index];
	uint32_t planes = f->steps->planes[index + 1], g = group_of(f, index);

	for (uint32_t k = 0; k < l->in_count; k++)
		if (steps_reads_real(f->steps, l, k))
			read_by(f, l, k);
	if (!f->steps->real[index + 1])
		return;
	at_least(&f->need[g], ldexp(f->steps->most[index + 1], -WORD));
	if (planes)
		at_least(&f->need[g], f->reach[index + 1] / (ldexp(1, (int)planes - 1) - 1));
	if (f->graph->readout == (int)index)
		at_least(&f->need[g], readout_terms(f->graph) * f->reach[index + 1] / INT32_MAX);
	at_least(&f->want[g], ldexp(f->reach[index + 1], -FINE_REACH));
}

static double power_below(double x)
{
	int k;

	frexp(x, &k);
	return ldexp(1, k - 1);
}

static double power_above(double x)
{
	double p = power_below(x);

	return p < x ? 2 * p : p;
}

static void choose(const struct finder *f, uint32_t g)
{
	double fine = isfinite(f->threshold[g]) ? ldexp(f->threshold[g], -FINE) : f->want[g];

	/* Of nothing but zeros any step will do. */
	fine = fine > 0 ? power_below(fine) : 1;
	f->want[g] = f->need[g] > fine ? power_above(f->need[g]) : fine;
}

/* A copy is not finer than what it copies. */
static void coarsen_copies(const struct finder *f)
{
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t i = 0; i < f->graph->layer_count; i++) {
			const struct graph_layer *l = &f->graph->layers[i];
			double *to = &f->want[group_of(f, i)], from;

			if (l->op != SNNQ_OP_COPY || !steps_reads_real(f->steps, l, 0))
				continue;
			from = f->want[group_of(f, (uint32_t)l->in[0])];
			again |= from > *to;
			*to = fmax(*to, from);
		}
	}
}

static int check_step(const struct finder *f, uint32_t g)
{
	const struct graph_layer *l = &f->graph->layers[f->compares[g]];

	if (f->want[g] <= ldexp(f->least[g], -LEAST))
		return 0;
	return error_set(-EBADMSG,
			 "%s: layer %s (%s): expected currents that 32 bits hold in steps of 1/%u "
			 "of the threshold %g, found sums that need steps of %g",
			 f->path, l->name, l->op_name, 1u << LEAST, f->least[g], f->want[g]);
}

/* Where the step is coarse, fewer planes hold as much: readers rely on the bound. */
static void trim_planes(const struct steps *s, uint32_t layer)
{
	while (s->planes[layer + 1] > 3 &&
	       ldexp(s->unit[layer + 1], s->planes[layer + 1] - 1) > s->most[layer + 1])
		s->planes[layer + 1]--;
}

/* ---- all of it ---- */

/* As many as products with the widest uniform levels leave room for in 32 bits. */
static uint8_t fed_planes(const struct graph *g, uint32_t layer)
{
	uint64_t inputs = 0;
	uint8_t planes = SNNQ_MAX_PLANES;

	for (uint32_t i = 0; i < g->layer_count; i++) {
		const struct graph_layer *l = &g->layers[i];
		uint64_t n = l->weight && l->in[0] == (int)layer ?
				     graph_layer_params(l) / l->out_channels :
				     0;

		inputs = n > inputs ? n : inputs;
	}
	while (planes > 2 && inputs << (planes - 1 + 7) > INT32_MAX)
		planes--;
	return planes;
}

/* A layer with weights whose sums are the scores. */
static bool is_head(const struct graph *g, uint32_t index)
{
	if (g->readout != (int)index || !g->layers[index].weight)
		return false;
	for (uint32_t i = 0; i < g->layer_count; i++)
		for (uint32_t k = 0; k < g->layers[i].in_count; k++)
			if (g->layers[i].in[k] == (int)index)
				return false;
	return true;
}

static int check_products(const struct finder *f, const struct graph_layer *l)
{
	bool real = f->steps->real[l - f->graph->layers + 1], all = true;

	for (uint32_t k = 0; k < l->in_count; k++) {
		all &= steps_reads_real(f->steps, l, k);
		real |= steps_reads_real(f->steps, l, k);
	}
	if (!real || l->weight)
		return 0;
	if (l->op == SNNQ_OP_MATMUL &&
	    (l->neuron.model == SNNQ_NEURON_NONE || (l->in_count > 1 && all)))
		return fail(f, l,
			    "expected a product of currents with spikes, and neurons behind: "
			    "others are not quantized yet");
	if ((l->op == SNNQ_OP_ELEMENTWISE && l->mode != SNNQ_ELEMENTWISE_ADD) ||
	    l->op == SNNQ_OP_ATTENTION)
		return fail(f, l,
			    "expected no elementwise product or attention of currents: they "
			    "are not quantized yet");
	return 0;
}

static int find(struct finder *f)
{
	const struct graph *g = f->graph;
	struct steps *s = f->steps;
	int ret = 0;

	for (uint32_t i = 0; i < g->layer_count; i++) {
		f->parent[i] = i;
		f->threshold[i] = f->least[i] = INFINITY;
		s->real[i + 1] = s->unit[i + 1] == 0;
		if (graph_feeds_weights(g, (int)i, s->unit))
			s->planes[i + 1] = fed_planes(g, i);
	}
	for (uint32_t i = 0; !ret && i < g->layer_count; i++) {
		ret = check_products(f, &g->layers[i]);
		if (!ret)
			ret = measure(f, i);
		join_layer(f, i);
	}
	for (uint32_t i = 0; !ret && i < g->layer_count; i++)
		ask(f, i);
	for (uint32_t i = 0; !ret && i < g->layer_count; i++)
		if (s->real[i + 1] && f->parent[i] == i && !is_head(g, i))
			choose(f, i);
	if (!ret)
		coarsen_copies(f);
	for (uint32_t i = 0; !ret && i < g->layer_count; i++)
		if (s->real[i + 1] && f->parent[i] == i && !is_head(g, i))
			ret = check_step(f, i);
	for (uint32_t i = 0; !ret && i < g->layer_count; i++)
		if (s->real[i + 1]) {
			s->unit[i + 1] = is_head(g, i) ? 0 : f->want[group_of(f, i)];
			trim_planes(s, i);
		}
	return ret;
}

int steps_find(const char *path, const struct graph *graph, struct steps *steps)
{
	size_t n = graph->layer_count + 1;
	struct finder f = { .path = path, .graph = graph, .steps = steps };
	int ret = -ENOMEM;

	*steps = (struct steps){ .unit = calloc(n, sizeof(*steps->unit)),
				 .most = calloc(n, sizeof(*steps->most)),
				 .planes = calloc(n, sizeof(*steps->planes)),
				 .real = calloc(n, sizeof(*steps->real)) };
	f.reach = calloc(5 * n, sizeof(*f.reach));
	f.parent = calloc(2 * n, sizeof(*f.parent));
	if (steps->unit && steps->most && steps->planes && steps->real && f.reach && f.parent) {
		f.want = f.reach + n;
		f.need = f.want + n;
		f.threshold = f.need + n;
		f.least = f.threshold + n;
		f.compares = f.parent + n;
		ret = graph_units(path, graph, steps->unit);
		if (!ret)
			ret = find(&f);
	} else {
		error_set(ret, "%s: no memory", path);
	}
	free(f.reach);
	free(f.parent);
	if (ret)
		steps_free(steps);
	return ret;
}

void steps_free(struct steps *s)
{
	free(s->unit);
	free(s->most);
	free(s->planes);
	free(s->real);
	*s = (struct steps){ 0 };
}
