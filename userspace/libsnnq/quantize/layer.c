// SPDX-License-Identifier: MIT
/*
 * layer.c - one layer: statistics of its input, its weights on a grid, its neurons.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "quantize/quantize.h"
#include "quantize/response.h"

#define MOST_PATCHES	  (1u << 16)
#define HEAD_MULT	  256 /* keeps eight bits of a head's bias below one step */
#define LARGEST_THRESHOLD 22  /* as a power of two, in steps of the accumulator */

static uint32_t window_inputs(const struct weight_shape *s)
{
	return s->inputs * s->kernel_h * s->kernel_w;
}

static uint32_t group_outputs(const struct weight_shape *s)
{
	return s->outputs / s->groups;
}

static int no_memory(const struct weighted *w)
{
	return error_set(-ENOMEM, "%s: layer %s: no memory", w->path, w->layer->name);
}

/* ---- opening ---- */

struct weight_shape weighted_shape(const struct graph_layer *l)
{
	uint32_t inputs = l->from[0].channels;

	if (l->op != SNNQ_OP_CONV2D)
		return (struct weight_shape){ l->out_channels, inputs, 1, 1, 1 };
	return (struct weight_shape){ l->out_channels, inputs / l->geometry.groups,
				      l->geometry.kernel_h, l->geometry.kernel_w,
				      l->geometry.groups };
}

/* What is no number would become any integer. */
static int check_finite(const struct weighted *w)
{
	const char *name = w->layer->name;

	for (size_t i = 0; i < weight_count(&w->shape); i++)
		if (!isfinite(w->weights[i]))
			return error_set(-EBADMSG,
					 "%s: layer %s: weight %zu: expected a finite "
					 "number, found %g",
					 w->path, name, i, w->weights[i]);
	for (uint32_t c = 0; c < w->shape.outputs; c++) {
		if (!isfinite(w->biases[c]))
			return error_set(-EBADMSG,
					 "%s: layer %s: channel %u: bias: expected a "
					 "finite number, found %g",
					 w->path, name, c, w->biases[c]);
		if (w->thresholds && !(w->thresholds[c] > 0 && isfinite(w->thresholds[c])))
			return error_set(-EBADMSG,
					 "%s: layer %s: channel %u: threshold: expected "
					 "a positive number, found %g",
					 w->path, name, c, w->thresholds[c]);
	}
	return 0;
}

/* Floats of a file may lie at any byte, and be shorter. */
static bool align_weights(struct weighted *w)
{
	const struct tensor *t = w->layer->weight;
	uint64_t count = tensor_elements(t);

	w->weights = t->data;
	if (t->dtype == DTYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0)
		return true;
	w->copy = calloc(count + 1, sizeof(*w->copy));
	if (!w->copy)
		return false;
	for (uint64_t i = 0; i < count; i++)
		w->copy[i] = tensor_real(t, i);
	w->weights = w->copy;
	return true;
}

int weighted_open(const char *path, const struct graph *graph, uint32_t index,
		  const struct steps *steps, struct weighted *w)
{
	const struct graph_layer *l = &graph->layers[index];
	int ret;

	*w = (struct weighted){ .path = path,
				.graph = graph,
				.layer = l,
				.index = index,
				.shape = weighted_shape(l),
				.steps = steps,
				.unit = steps->unit[l->in[0] + 1],
				.step = steps->real[index + 1] ? steps->unit[index + 1] : 0 };
	w->biases = calloc(l->out_channels, sizeof(*w->biases));
	if (l->neuron.model != SNNQ_NEURON_NONE)
		w->thresholds = calloc(l->out_channels, sizeof(*w->thresholds));
	if (!align_weights(w) || !w->biases ||
	    (l->neuron.model != SNNQ_NEURON_NONE && !w->thresholds)) {
		weighted_close(w);
		return no_memory(w);
	}
	for (uint32_t c = 0; c < l->out_channels; c++) {
		w->biases[c] = graph_real(&l->bias, c);
		if (w->thresholds)
			w->thresholds[c] = graph_real(&l->threshold, c);
	}
	ret = check_finite(w);
	if (ret)
		weighted_close(w);
	return ret;
}

static void forget(struct weighted *w)
{
	for (uint32_t g = 0; g < w->shape.groups; g++) {
		if (w->patches)
			patches_free(&w->patches[g]);
		if (w->moments)
			moment_free(&w->moments[g]);
	}
	free(w->patches);
	free(w->moments);
	free(w->hw);
	w->patches = NULL;
	w->moments = NULL;
	w->hw = NULL;
}

void weighted_close(struct weighted *w)
{
	forget(w);
	free(w->thresholds);
	free(w->biases);
	free(w->copy);
	w->thresholds = w->biases = NULL;
	w->copy = NULL;
}

/* ---- statistics ---- */

static struct snnq_geometry geometry_of(const struct graph_layer *l)
{
	if (l->op == SNNQ_OP_CONV2D)
		return l->geometry;
	return (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
}

static int measure_group(struct weighted *w, const struct patch_source *source, uint32_t threads)
{
	uint32_t g = source->group, outputs = group_outputs(&w->shape);
	size_t first = (size_t)g * outputs * window_inputs(&w->shape);
	const struct calibration *c = w->calibration;
	const struct moment_how how = {
		.traces = c->traces && w->thresholds ? &w->layer->neuron : NULL,
		.about_zero = !(c->parts & SNNQ_QUANTIZE_CENTRE),
		.unsorted = !(c->parts & SNNQ_QUANTIZE_SORT),
	};
	int ret = patches_collect(source, MOST_PATCHES, &w->patches[g]);

	if (!ret)
		ret = moment_compute(&w->patches[g], &how, threads, &w->moments[g]);
	if (!ret)
		ret = rows_weigh(&w->moments[g], w->weights + first, outputs, threads,
				 w->hw + first);
	return ret;
}

int weighted_measure(struct weighted *w, const struct calibration *c, const uint64_t *const *slots,
		     uint32_t threads)
{
	struct patch_source source = {
		.in = floatnet_shape(c->net, w->layer->in[0]),
		.out = &w->layer->out,
		.geometry = geometry_of(w->layer),
		.shape = &w->shape,
		.steps = w->graph->input.steps,
		.late = w->layer->view[0].previous,
		.recordings = c->count,
		.slots = slots,
	};
	int ret = 0;

	forget(w);
	w->calibration = c;
	if (w->steps->real[w->layer->in[0] + 1])
		return 0;
	w->patches = calloc(w->shape.groups, sizeof(*w->patches));
	w->moments = calloc(w->shape.groups, sizeof(*w->moments));
	w->hw = malloc(weight_count(&w->shape) * sizeof(*w->hw));
	if (!w->patches || !w->moments || !w->hw)
		ret = no_memory(w);
	for (; !ret && source.group < w->shape.groups; source.group++)
		ret = measure_group(w, &source, threads);
	if (ret)
		forget(w);
	return ret;
}

/* ---- weights ---- */

/* A head: scores are compared, so that all its channels have one scale. */
static bool has_one_scale(const struct weighted *w)
{
	return !w->thresholds && w->step == 0;
}

/* What a layer's weights become before they are packed. */
struct levels {
	double *scales, *smallest; /* [outputs] */
	uint8_t *indices;
};

/* What a channel of a head can add to its score: its largest weight by a step, or a bias. */
static double largest_part(const struct weighted *w)
{
	double most = 0;

	for (size_t i = 0; i < weight_count(&w->shape); i++)
		most = fmax(most, fabs((double)w->weights[i]) * w->unit);
	for (uint32_t c = 0; c < w->shape.outputs; c++)
		most = fmax(most, fabs(w->biases[c]));
	return most > 0 ? most : w->unit;
}

/*
 * Scales must not make thresholds larger than 2^22 steps, or they would not fit
 * with their fraction bits: matters for channels whose weights are (nearly) zero. Where there are
 * none, the step of currents or what counts in a head takes their place.
 */
static void find_smallest_scales(const struct weighted *w, double *smallest)
{
	double plain = w->step > 0 ? w->step : largest_part(w);

	for (uint32_t c = 0; c < w->shape.outputs; c++)
		smallest[c] = ldexp(w->thresholds ? w->thresholds[c] : plain, -LARGEST_THRESHOLD) /
			      w->unit;
}

static double *importance_of(const struct weighted *w)
{
	uint32_t n = window_inputs(&w->shape);
	double *h = malloc((size_t)w->shape.groups * n * sizeof(*h)), mean = 0;

	for (uint32_t i = 0; h && i < w->shape.groups * n; i++) {
		h[i] = w->moments[i / n].square[i % n];
		mean += h[i] / (w->shape.groups * n);
	}
	for (uint32_t i = 0; h && i < w->shape.groups * n; i++) /* none is ignored */
		h[i] = mean > 0 ? h[i] + 0.01 * mean : 1;
	return h;
}

static int round_layer(const struct weighted *w, const struct grid *grid, struct levels *l)
{
	double *importance = w->moments ? importance_of(w) : NULL;
	struct rounding r = { .shape = w->shape,
			      .grid = *grid,
			      .weights = w->weights,
			      .importance = importance,
			      .one_scale = has_one_scale(w),
			      .spread = w->step > 0 };
	int ret = w->moments && !importance ? -ENOMEM : rounding_run(&r, l->smallest);

	free(importance);
	free(l->scales);
	free(l->indices);
	l->scales = r.scales;
	l->indices = r.indices;
	return ret ? no_memory(w) : 0;
}

/* @error: [outputs] */
static int round_rows(const struct weighted *w, const struct grid *grid, unsigned int parts,
		      uint32_t threads, const struct levels *l, double *error)
{
	uint32_t outputs = group_outputs(&w->shape), n = window_inputs(&w->shape);
	int ret = 0;

	for (uint32_t g = 0; !ret && g < w->shape.groups; g++) {
		size_t first = (size_t)g * outputs;
		struct rows r = {
			.grid = grid,
			.moment = &w->moments[g],
			.count = outputs,
			.weights = w->weights + first * n,
			.hw = w->hw + first * n,
			.smallest = l->smallest + first,
			.one_scale = has_one_scale(w),
			.plain_scale = !(parts & SNNQ_QUANTIZE_SCALE),
			.feedback = parts & SNNQ_QUANTIZE_FEEDBACK,
			.descent = parts & SNNQ_QUANTIZE_DESCENT,
			.scales = l->scales + first,
			.indices = l->indices + first * n,
			.error = error + first,
		};

		ret = rows_round(&r, threads);
	}
	return ret;
}

static int compensate_layer(const struct weighted *w, const struct grid *grid, unsigned int parts,
			    uint32_t threads, struct levels *l)
{
	double *error = malloc(w->shape.outputs * sizeof(*error));
	int ret = error ? round_rows(w, grid, parts, threads, l, error) : no_memory(w);

	free(error);
	return ret;
}

/* Squares of weights and errors; how often each level appears. */
static void count_levels(const struct weighted *w, const struct levels *l, struct quantized *q)
{
	uint32_t n = window_inputs(&w->shape);

	for (size_t i = 0; i < weight_count(&w->shape); i++) {
		double e = w->weights[i] - l->scales[i / n] * q->grid.levels[l->indices[i]];

		q->signal += (double)w->weights[i] * w->weights[i];
		q->noise += e * e;
		q->level_counts[l->indices[i]]++;
	}
}

/* ---- neurons ---- */

/* Real biases, plus what rounding takes from the mean current. */
static double *corrected_biases(const struct weighted *w, const struct levels *l,
				const struct grid *grid, bool correct)
{
	uint32_t n = window_inputs(&w->shape);
	double *biases = malloc(w->shape.outputs * sizeof(*biases));

	for (uint32_t c = 0; biases && c < w->shape.outputs; c++) {
		biases[c] = w->biases[c];
		for (uint32_t i = 0; correct && w->moments && i < n; i++) {
			size_t at = (size_t)c * n + i;
			double e = w->weights[at] - l->scales[c] * grid->levels[l->indices[at]];

			biases[c] += e * w->unit * w->moments[c / group_outputs(&w->shape)].mean[i];
		}
	}
	return biases;
}

static int fold(const struct weighted *w, const struct levels *l, const double *biases,
		struct quantized *q)
{
	double *unit = malloc(w->shape.outputs * sizeof(*unit));
	struct folding f = { .path = w->path,
			     .layer = w->layer->name,
			     .channels = w->shape.outputs,
			     .unit = unit,
			     .thresholds = w->thresholds,
			     .biases = biases };
	int ret = unit ? 0 : no_memory(w);

	for (uint32_t c = 0; unit && c < w->shape.outputs; c++)
		unit[c] = l->scales[c] * w->unit;
	if (!ret && w->layer->reset.count)
		ret = error_set(-EBADMSG,
				"%s: layer %s: reset_value: expected 0, as thresholds are "
				"scaled by channel",
				w->path, w->layer->name);
	if (!ret)
		ret = folding_run(&f);
	free(unit);
	q->threshold = f.threshold_out;
	q->bias = f.bias_out;
	q->shift = f.shift;
	return ret;
}

/* Compare with the float network's spikes; with @search, come closer to them. */
static int respond(const struct weighted *w, const struct levels *l, bool search, uint32_t threads,
		   struct quantized *q)
{
	uint32_t outputs = group_outputs(&w->shape), n = window_inputs(&w->shape);
	uint64_t *sums = calloc(2 * (size_t)w->shape.outputs, sizeof(*sums));
	const uint64_t **targets =
		calibration_slots(w->calibration, w->calibration->records, (int)w->index);
	int ret = sums && targets ? 0 : no_memory(w);

	for (uint32_t g = 0; !ret && g < w->shape.groups; g++) {
		size_t first = (size_t)g * outputs;
		struct response r = {
			.patches = &w->patches[g],
			.neuron = &w->layer->neuron,
			.shift = q->shift,
			.skip_first = w->layer->skip_first,
			.grid = &q->grid,
			.indices = l->indices + first * n,
			.count = outputs,
			.first = (uint32_t)first,
			.out = &w->layer->out,
			.targets = targets,
			.search = search,
			.threshold = q->threshold + first,
			.bias = q->bias + first,
			.distance = sums + first,
			.wrong = sums + w->shape.outputs + first,
		};

		ret = response_run(&r, threads);
	}
	if (!ret) {
		double all = (double)patch_count(&w->patches[0]) * w->shape.outputs;

		q->distance = q->wrong = 0;
		for (uint32_t c = 0; c < w->shape.outputs; c++) {
			q->distance += (double)sums[c] / all / 4096;
			q->wrong += (double)sums[w->shape.outputs + c] / all;
		}
	}
	free(sums);
	free(targets);
	return ret;
}

/* Outputs that the readout adds up to a score: of all positions, of steps, of channels. */
static double head_outputs(const struct weighted *w)
{
	const struct graph *g = w->graph;
	const struct graph_shape *out = &w->layer->out;
	double positions = (double)out->height * out->width;
	double channels = (double)out->channels / g->readout_channels;

	if (g->readout_mode == SNNQ_READOUT_LAST || g->readout_mode == SNNQ_READOUT_MAX)
		return positions * channels;
	return positions * channels * g->input.steps;
}

/* The largest magnitude of its inputs, in steps. */
static double largest_input(const struct weighted *w)
{
	int in = w->layer->in[0];
	int planes = w->steps->planes[in + 1];

	return planes ? ldexp(1, planes - 1) : ldexp(1, (int)steps_count_planes(w->graph, in)) - 1;
}

/* The largest sum of channel @c, in steps, that any input gives. */
static double largest_sum(const struct weighted *w, const struct levels *l, const struct grid *grid,
			  uint32_t c)
{
	uint32_t n = window_inputs(&w->shape);
	double above = 0, below = 0;

	for (size_t i = (size_t)c * n; i < (size_t)(c + 1) * n; i++) {
		int32_t level = grid->levels[l->indices[i]];

		above += level > 0 ? level : 0;
		below -= level < 0 ? level : 0;
	}
	if (w->steps->planes[w->layer->in[0] + 1]) /* signed: weights of both signs add up */
		return (above + below) * largest_input(w);
	return fmax(above, below) * largest_input(w);
}

/*
 * The largest power of two up to HEAD_MULT with which no input makes a score leave int32: it
 * would be clamped, and the class be the first of those that are. 0: there is none.
 */
static double head_multiplier(const struct weighted *w, const struct levels *l,
			      const struct grid *grid, const double *biases)
{
	double outputs = head_outputs(w), most = 0, mult = HEAD_MULT;
	/* Sums of currents may be shifted, those of spikes have no bits to lose. */
	double least =
		w->steps->planes[w->layer->in[0] + 1] ? ldexp(1, -(int)SNNQ_MAX_REQUANT_SHIFT) : 1;

	for (uint32_t c = 0; c < w->shape.outputs; c++) {
		double bias = fabs(biases[c]) / (l->scales[0] * w->unit);

		most = fmax(most, largest_sum(w, l, grid, c) + bias);
	}
	/* a step more: biases and what is shifted are rounded */
	while (mult >= least && !(outputs * (most * mult + (mult < 1 ? 1 : 0.5)) <= INT32_MAX))
		mult /= 2;
	return mult >= least ? mult : 0;
}

static int set_bias(const struct weighted *w, const double *biases, double unit,
		    struct quantized *q)
{
	q->bias = calloc(w->shape.outputs, sizeof(*q->bias));
	if (!q->bias)
		return no_memory(w);
	for (uint32_t c = 0; c < w->shape.outputs; c++) {
		double b = rint(biases[c] / unit);

		if (!(fabs(b) < 1 << 30))
			return error_set(-EBADMSG,
					 "%s: layer %s: channel %u: bias %g: expected less "
					 "than 2^30 steps of %g",
					 w->path, w->layer->name, c, biases[c], unit);
		q->bias[c] = (int32_t)b;
	}
	return 0;
}

static int check_plain(const struct weighted *w)
{
	const struct graph_layer *layer = w->layer;

	if (!layer->mult.count && !layer->neuron.requant_shift &&
	    layer->out.format == SNNQ_FORMAT_INT32)
		return 0;
	return error_set(-EBADMSG,
			 "%s: layer %s: expected a plain output (int32, no mult) without a neuron",
			 w->path, layer->name);
}

/* The head: its one scale goes into the readout, its bias into units of 1 / mult. */
static int fold_head(const struct weighted *w, const struct levels *l, const double *biases,
		     struct quantized *q)
{
	double mult = head_multiplier(w, l, &q->grid, biases);

	if (!(mult > 0))
		return error_set(-ERANGE,
				 "%s: layer %s: scores with %s:%u can leave 32 bits; expected "
				 "a grid of smaller levels",
				 w->path, w->layer->name, grid_scheme_name(q->grid.scheme),
				 q->grid.bits);
	for (q->requant_shift = 0; mult < 1; mult *= 2)
		q->requant_shift++;
	q->mult = (int32_t)mult;
	q->unit = ldexp(l->scales[0] * w->unit / mult, (int)q->requant_shift);
	return set_bias(w, biases, l->scales[0] * w->unit / mult, q);
}

/*
 * What brings sums of each channel to the layer's step: mult / 2^shift, of as many bits as @largest
 * leaves for the bias.
 */
static uint32_t current_shift(const struct weighted *w, double ratio, const double *biases)
{
	double bias = 0;
	uint32_t shift = SNNQ_MAX_REQUANT_SHIFT;

	for (uint32_t c = 0; c < w->shape.outputs; c++)
		bias = fmax(bias, fabs(biases[c]) / w->step);
	while (shift &&
	       (ldexp(ratio, (int)shift) > INT16_MAX || ldexp(bias, (int)shift) >= 1 << 29))
		shift--;
	return shift;
}

/* Sums and what they become must be those that the step was chosen for. */
static int check_range(const struct weighted *w, const struct quantized *q, double ratio)
{
	double sums = window_inputs(&w->shape) * largest_input(w) * (q->grid.largest + 1.0);
	/* Bit-planes clamp, and the least scales make next to nothing of anything. */
	bool bounded = w->step > 0 && !w->steps->planes[w->index + 1] &&
		       ratio > ldexp(1.5, -LARGEST_THRESHOLD);

	if (sums <= INT32_MAX &&
	    (!bounded || sums * ratio * w->step <= w->steps->most[w->index + 1]))
		return 0;
	return error_set(-ERANGE,
			 "%s: layer %s: currents with %s:%u can leave their range; expected a "
			 "grid of smaller levels",
			 w->path, w->layer->name, grid_scheme_name(q->grid.scheme), q->grid.bits);
}

static int fold_current(const struct weighted *w, const struct levels *l, const double *biases,
			struct quantized *q)
{
	double ratio = 0;

	for (uint32_t c = 0; c < w->shape.outputs; c++)
		ratio = fmax(ratio, l->scales[c] * w->unit / w->step);
	q->requant_shift = current_shift(w, ratio, biases);
	q->unit = w->step;
	q->mults = calloc(w->shape.outputs, sizeof(*q->mults));
	if (!q->mults)
		return no_memory(w);
	for (uint32_t c = 0; c < w->shape.outputs; c++)
		q->mults[c] = (int32_t)rint(
			ldexp(l->scales[c] * w->unit / w->step, (int)q->requant_shift));
	return set_bias(w, biases, ldexp(w->step, -(int)q->requant_shift), q);
}

/* Without a neuron. */
static int fold_sums(const struct weighted *w, const struct levels *l, const double *biases,
		     struct quantized *q)
{
	double ratio = 0;
	int ret = check_plain(w);

	for (uint32_t c = 0; w->step > 0 && c < w->shape.outputs; c++)
		ratio = fmax(ratio, l->scales[c] * w->unit / w->step);
	if (!ret && (w->step > 0 || w->steps->real[w->layer->in[0] + 1]))
		ret = check_range(w, q, ratio);
	if (ret)
		return ret;
	return w->step > 0 ? fold_current(w, l, biases, q) : fold_head(w, l, biases, q);
}

static int quantize_neurons(const struct weighted *w, const struct levels *l, unsigned int parts,
			    uint32_t threads, struct quantized *q)
{
	double *biases = corrected_biases(w, l, &q->grid, parts & SNNQ_QUANTIZE_BIAS);
	int ret = biases ? 0 : no_memory(w);

	if (!ret && !w->thresholds)
		ret = fold_sums(w, l, biases, q);
	else if (!ret && w->steps->planes[w->layer->in[0] + 1])
		ret = check_range(w, q, 0);
	if (!ret && w->thresholds)
		ret = fold(w, l, biases, q);
	if (!ret && w->thresholds && w->moments && !w->layer->neuron.levels)
		ret = respond(w, l, parts & SNNQ_QUANTIZE_NEURONS, threads, q);
	free(biases);
	return ret;
}

static int pack(const struct weighted *w, const struct levels *l, struct quantized *q)
{
	q->packed_bytes = weight_packed_bytes(&w->shape, &q->grid);
	q->packed = calloc(1, q->packed_bytes);
	if (!q->packed)
		return no_memory(w);
	weight_pack(&w->shape, &q->grid, l->indices, q->packed);
	return 0;
}

static int levels_open(const struct weighted *w, struct levels *l)
{
	l->scales = calloc(w->shape.outputs, sizeof(*l->scales));
	l->smallest = calloc(w->shape.outputs, sizeof(*l->smallest));
	l->indices = calloc(1, weight_count(&w->shape));
	if (!l->scales || !l->smallest || !l->indices)
		return no_memory(w);
	find_smallest_scales(w, l->smallest);
	return 0;
}

static void levels_close(struct levels *l)
{
	free(l->scales);
	free(l->smallest);
	free(l->indices);
}

int weighted_drift(const struct weighted *w, const struct grid *grid, uint32_t threads,
		   double *drift)
{
	double *error = calloc(w->shape.outputs, sizeof(*error)), noise = 0, signal = 0;
	struct levels l = { 0 };
	int ret = error ? levels_open(w, &l) : no_memory(w);

	if (!ret && !w->moments)
		ret = round_layer(w, grid, &l);
	else if (!ret)
		ret = round_rows(w, grid, SNNQ_QUANTIZE_SCALE, threads, &l, error);
	for (uint32_t c = 0; !ret && w->moments && c < w->shape.outputs; c++)
		noise += error[c];
	for (size_t i = 0; w->moments && i < weight_count(&w->shape); i++)
		signal += w->weights[i] * w->hw[i];
	if (!ret && !w->moments) {
		struct quantized q = { .grid = *grid };

		count_levels(w, &l, &q);
		noise = q.noise;
		signal = q.signal;
	}
	*drift = signal > 0 ? noise / signal : 0;
	levels_close(&l);
	free(error);
	return ret;
}

int weighted_quantize(const struct weighted *w, uint32_t scheme, uint32_t bits, unsigned int parts,
		      uint32_t threads, struct quantized *q)
{
	struct levels l = { 0 };
	int ret;

	*q = (struct quantized){
		.shape = w->shape, .mult = 1, .unit = 1, .distance = NAN, .wrong = NAN
	};
	if (!grid_init(&q->grid, scheme, bits))
		return error_set(-EINVAL, "%s: layer %s: no scheme %u with %u bits", w->path,
				 w->layer->name, scheme, bits);
	ret = levels_open(w, &l);
	if (!ret)
		ret = parts == METHOD_ROUND || !w->moments ?
			      round_layer(w, &q->grid, &l) :
			      compensate_layer(w, &q->grid, parts, threads, &l);
	if (!ret)
		ret = quantize_neurons(w, &l, parts, threads, q);
	if (!ret)
		ret = pack(w, &l, q);
	if (!ret)
		count_levels(w, &l, q);
	levels_close(&l);
	if (ret)
		quantized_free(q);
	return ret;
}

static void *copy_of(const void *from, size_t bytes)
{
	void *to = from ? malloc(bytes) : NULL;

	return to ? memcpy(to, from, bytes) : NULL;
}

int quantized_copy(const struct quantized *from, struct quantized *to)
{
	size_t numbers = from->shape.outputs * sizeof(*from->bias);

	*to = *from;
	to->packed = copy_of(from->packed, from->packed_bytes);
	to->threshold = copy_of(from->threshold, numbers);
	to->bias = copy_of(from->bias, numbers);
	to->mults = copy_of(from->mults, numbers);
	if (to->packed && to->bias && !to->threshold == !from->threshold &&
	    !to->mults == !from->mults)
		return 0;
	quantized_free(to);
	return error_set(-ENOMEM, "no memory for quantized weights");
}

void quantized_free(struct quantized *q)
{
	free(q->packed);
	free(q->threshold);
	free(q->bias);
	free(q->mults);
	q->packed = NULL;
	q->threshold = q->bias = q->mults = NULL;
}
