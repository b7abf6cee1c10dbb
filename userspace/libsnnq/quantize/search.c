// SPDX-License-Identifier: MIT
/*
 * search.c - which grid for which layer: single losses, fitted to whole configurations,
 * an exact allocation, exchange of pairs, and at last quantization layer after layer.
 */
#include "quantize/search.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "quantize/fit.h"
#include "quantize/result.h"
#include "quantize/target.h"

#define FIT_POINTS	 12u /* of the front, spread over its bits */
#define FIT_VARIANTS	 3u  /* of each, with some layers changed */
#define FIT_ROUNDS	 3u  /* allocate, measure, fit again */
#define EXCHANGE_BATCH	 8u  /* moves tried at once: part of the result, so no number of CPUs */
#define EXCHANGE_BATCHES 12u
#define SIZE_ROUNDS	 6u /* corrections of what options' costs do not say */

/* ---- configurations ---- */

static uint32_t layers(const struct search *x)
{
	return x->s->weighted_count;
}

static int no_memory(const struct search *x)
{
	return error_set(-ENOMEM, "%s: no memory", x->s->path);
}

/* Remember measured configurations. */
static int add_samples(struct search *x, const uint16_t *choices, uint32_t count,
		       const struct option_result *results)
{
	uint32_t all = x->sample_count + count;
	uint16_t *choice = realloc(x->sample_choices, (size_t)all * layers(x) * sizeof(*choice));
	double *loss, *errors;

	if (!choice)
		return no_memory(x);
	x->sample_choices = choice;
	loss = realloc(x->sample_losses, all * sizeof(*loss));
	if (!loss)
		return no_memory(x);
	memcpy(choice + (size_t)x->sample_count * layers(x), choices,
	       (size_t)count * layers(x) * sizeof(*choice));
	x->sample_losses = loss;
	errors = realloc(x->sample_errors, all * sizeof(*errors));
	if (!errors)
		return no_memory(x);
	x->sample_errors = errors;
	for (uint32_t i = 0; i < count; i++) {
		loss[x->sample_count + i] = results[i].loss;
		errors[x->sample_count + i] = results[i].error;
	}
	x->sample_count = all;
	return 0;
}

static int measure(struct search *x, const uint16_t *choices, uint32_t count, const char *what,
		   struct option_result *results)
{
	int ret = options_judge(&x->options, x->journal, choices, count, what, results);

	return ret ? ret : add_samples(x, choices, count, results);
}

static int refit(struct search *x)
{
	size_t n = (size_t)x->sample_count * layers(x);
	double *single = malloc((n + 1) * sizeof(*single));
	struct fit_sample *samples = malloc((x->sample_count + 1) * sizeof(*samples));
	int ret = single && samples ? 0 : no_memory(x);
	uint32_t count = 0;

	for (uint32_t i = 0; !ret && i < x->sample_count; i++) {
		double *row = single + (size_t)count * layers(x);

		if (!isfinite(x->sample_losses[i])) /* its sums leave 32 bits */
			continue;
		for (uint32_t l = 0; l < layers(x); l++)
			row[l] = x->options.layers[l]
					 .options[x->sample_choices[(size_t)i * layers(x) + l]]
					 .costs.loss;
		samples[count++] = (struct fit_sample){ row, x->sample_losses[i] };
	}
	if (!ret)
		ret = fit_coefficients(samples, count, layers(x), x->coefficients);
	free(samples);
	free(single);
	return ret;
}

/* ---- allocation ---- */

/* Fill x->problem with the options' costs and their losses times the coefficients. */
static void set_problem(struct search *x)
{
	uint32_t at = 0;

	for (uint32_t l = 0; l < layers(x); l++) {
		const struct option_layer *o = &x->options.layers[l];

		x->problem_layers[l] = (struct allocate_layer){ x->problem_options + at, o->count };
		for (uint32_t k = 0; k < o->count; k++, at++) {
			x->problem_options[at] = o->options[k].costs;
			x->problem_options[at].loss *= x->coefficients[l];
		}
	}
	x->problem.layers = x->problem_layers;
	x->problem.count = layers(x);
}

static int allocate_problem(struct search *x)
{
	uint64_t weights = 0, options = 0;

	for (uint32_t l = 0; l < layers(x); l++) {
		weights += x->options.layers[l].weights;
		options += x->options.layers[l].count;
	}
	x->weights = weights;
	x->coefficients = malloc(layers(x) * sizeof(*x->coefficients));
	x->choice = calloc(layers(x), sizeof(*x->choice));
	x->problem_layers = calloc(layers(x), sizeof(*x->problem_layers));
	x->problem_options = calloc(options, sizeof(*x->problem_options));
	if (!x->coefficients || !x->choice || !x->problem_layers || !x->problem_options)
		return no_memory(x);
	for (uint32_t l = 0; l < layers(x); l++)
		x->coefficients[l] = 1;
	return 0;
}

static int best_choice(struct search *x)
{
	struct allocate_point best;
	int ret;

	set_problem(x);
	ret = allocate_best(&x->problem, &best);
	if (ret == -EDOM)
		return error_set(ret,
				 "%s: each target can be met, but no choice of grids meets all "
				 "at once",
				 x->s->path);
	if (ret)
		return ret;
	memcpy(x->choice, best.choice, layers(x) * sizeof(*x->choice));
	allocate_point_clear(&best);
	return 0;
}

/* The front over average bits without budgets. */
static int find_front(struct search *x)
{
	struct allocate_problem free_of_budgets;

	set_problem(x);
	free_of_budgets = x->problem;
	for (int i = 0; i < ALLOCATE_COSTS; i++)
		free_of_budgets.budget[i] = ALLOCATE_NO_BUDGET;
	allocate_front_free(x->front, x->front_count);
	x->front = NULL;
	x->front_count = 0;
	return allocate_front(&free_of_budgets, ALLOCATE_BITS, &x->front, &x->front_count);
}

/* ---- fitting ---- */

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* Points of the front, evenly over its bits. */
static void spread_points(const struct search *x, uint16_t *choices, uint32_t points)
{
	uint64_t low = x->front[0].cost[ALLOCATE_BITS];
	uint64_t high = x->front[x->front_count - 1].cost[ALLOCATE_BITS];

	for (uint32_t i = 0; i < points; i++) {
		uint64_t wanted = low + (high - low) * i / (points > 1 ? points - 1 : 1);
		size_t at = 0;

		while (at + 1 < x->front_count && x->front[at].cost[ALLOCATE_BITS] < wanted)
			at++;
		memcpy(choices + (size_t)i * layers(x), x->front[at].choice,
		       layers(x) * sizeof(*choices));
	}
}

/* What whole networks lose: points of the front, and each with every third layer changed. */
static int measure_variants(struct search *x)
{
	uint32_t all = FIT_POINTS * (1 + FIT_VARIANTS), n = layers(x);
	uint16_t *choices = malloc((size_t)all * n * sizeof(*choices));
	struct option_result *results = malloc(all * sizeof(*results));
	uint64_t random = 1;
	int ret = choices && results ? find_front(x) : no_memory(x);

	if (!ret) {
		spread_points(x, choices, FIT_POINTS);
		for (uint32_t i = FIT_POINTS; i < all; i++)
			for (uint32_t l = 0; l < n; l++)
				choices[(size_t)i * n + l] =
					next_random(&random) % 3 ?
						choices[(size_t)(i % FIT_POINTS) * n + l] :
						(uint16_t)(next_random(&random) %
							   x->options.layers[l].count);
		ret = measure(x, choices, all, "fitting", results);
	}
	free(results);
	free(choices);
	x->variant_count = x->sample_count;
	return ret ? ret : refit(x);
}

/* Allocate, measure what comes out, fit again, until it stays. */
static int settle(struct search *x)
{
	for (uint32_t round = 0; round < FIT_ROUNDS; round++) {
		struct option_result result;
		uint16_t *before = malloc(layers(x) * sizeof(*before));
		bool same;
		int ret = before ? 0 : no_memory(x);

		if (ret)
			return ret;
		memcpy(before, x->choice, layers(x) * sizeof(*before));
		ret = best_choice(x);
		same = !memcmp(before, x->choice, layers(x) * sizeof(*before));
		free(before);
		if (!ret && !same)
			ret = measure(x, x->choice, 1, "fitting", &result);
		if (!ret && !same)
			ret = refit(x);
		if (ret || same)
			return ret;
	}
	return best_choice(x);
}

/* ---- exchange ---- */

struct move {
	uint32_t layer[2];
	uint16_t option[2];
	double gain; /* predicted */
};

static double predicted(const struct search *x, uint32_t l, uint32_t option)
{
	return x->coefficients[l] * x->options.layers[l].options[option].costs.loss;
}

static bool fits(const struct search *x, const struct move *m)
{
	for (int c = 0; c < ALLOCATE_COSTS; c++) {
		uint64_t sum = 0;

		for (uint32_t l = 0; l < layers(x); l++) {
			uint32_t o = l == m->layer[0] ? m->option[0] :
				     l == m->layer[1] ? m->option[1] :
							x->choice[l];

			sum += x->options.layers[l].options[o].costs.cost[c];
		}
		if (sum > x->problem.budget[c])
			return false;
	}
	return true;
}

static int by_gain(const void *a, const void *b)
{
	const struct move *x = a, *y = b;

	if (x->gain != y->gain)
		return x->gain > y->gain ? -1 : 1;
	return memcmp(x->layer, y->layer, sizeof(x->layer)) ?
		       memcmp(x->layer, y->layer, sizeof(x->layer)) :
		       memcmp(x->option, y->option, sizeof(x->option));
}

/* Moves of two layers (the same twice: of one) that fit, the most promising first. */
static int list_moves(const struct search *x, struct move **moves, size_t *count)
{
	size_t capacity = 0;

	*moves = NULL;
	*count = 0;
	for (uint32_t a = 0; a < layers(x); a++)
		for (uint32_t b = a; b < layers(x); b++)
			for (uint16_t i = 0; i < x->options.layers[a].count; i++)
				for (uint16_t k = 0; k < x->options.layers[b].count; k++) {
					struct move m = { { a, b }, { i, k }, 0 }, *grown;

					if (i == x->choice[a] || (a == b && k != i) ||
					    (a != b && k == x->choice[b]) || !fits(x, &m))
						continue;
					m.gain = predicted(x, a, x->choice[a]) - predicted(x, a, i);
					if (a != b)
						m.gain += predicted(x, b, x->choice[b]) -
							  predicted(x, b, k);
					if (*count == capacity) {
						capacity = capacity ? 2 * capacity : 1024;
						grown = realloc(*moves, capacity * sizeof(m));
						if (!grown)
							return no_memory(x);
						*moves = grown;
					}
					(*moves)[(*count)++] = m;
				}
	if (*count)
		qsort(*moves, *count, sizeof(**moves), by_gain);
	return 0;
}

static int try_moves(struct search *x, const struct move *moves, uint32_t count, double *loss,
		     bool *better)
{
	uint32_t n = layers(x), best = count;
	uint16_t *choices = malloc((size_t)count * n * sizeof(*choices));
	struct option_result results[EXCHANGE_BATCH];
	int ret = choices ? 0 : no_memory(x);

	for (uint32_t i = 0; !ret && i < count; i++) {
		uint16_t *c = choices + (size_t)i * n;

		memcpy(c, x->choice, n * sizeof(*c));
		c[moves[i].layer[0]] = moves[i].option[0];
		c[moves[i].layer[1]] = moves[i].option[1];
	}
	if (!ret)
		ret = measure(x, choices, count, "exchanging", results);
	for (uint32_t i = 0; !ret && i < count; i++)
		if (results[i].loss < *loss) {
			*loss = results[i].loss;
			best = i;
		}
	*better = best < count;
	if (*better)
		memcpy(x->choice, choices + (size_t)best * n, n * sizeof(*choices));
	free(choices);
	return ret;
}

/*
 * Exchange layers' options as long as what is measured becomes better; by how much does not
 * matter: to ask for more than chance makes it was worse on other recordings.
 */
static int exchange(struct search *x)
{
	struct option_result now;
	struct move *moves = NULL;
	size_t count = 0, at = 0;
	int ret = measure(x, x->choice, 1, "exchanging", &now);

	for (uint32_t batch = 0; !ret && batch < EXCHANGE_BATCHES; batch++) {
		uint32_t n;
		bool better;

		if (!moves)
			ret = list_moves(x, &moves, &count);
		n = count - at < EXCHANGE_BATCH ? (uint32_t)(count - at) : EXCHANGE_BATCH;
		if (ret || !n)
			break;
		ret = try_moves(x, moves + at, n, &now.loss, &better);
		at += n;
		if (!ret && better) {
			ret = refit(x);
			free(moves);
			moves = NULL;
			at = 0;
		}
	}
	free(moves);
	return ret;
}

/* ---- materialising ---- */

static int take_measured(struct search *x, struct quantized *results)
{
	int ret = 0;

	for (uint32_t l = 0; !ret && l < layers(x); l++) {
		struct quantized *q = &results[x->options.layers[l].layer];

		quantized_free(q);
		ret = quantized_copy(&x->options.layers[l].options[x->choice[l]].quantized, q);
	}
	return ret;
}

static int take_sequential(struct search *x, struct quantized *results)
{
	uint32_t all = x->s->graph.layer_count;
	struct grid_choice *grids = calloc(all, sizeof(*grids));
	const struct quantized **start = calloc(all, sizeof(*start));
	int ret = grids && start ? 0 : no_memory(x);

	for (uint32_t l = 0; !ret && l < layers(x); l++) {
		const struct option *o = &x->options.layers[l].options[x->choice[l]];
		uint32_t layer = x->options.layers[l].layer;

		grids[layer] = (struct grid_choice){ o->grid.scheme, o->grid.bits };
		start[layer] = &o->quantized;
	}
	if (!ret)
		ret = session_quantize(x->s, grids, start, results);
	free(start);
	free(grids);
	return ret;
}

/* Make the choice's model and measure it: layer after layer, or as it was measured before. */
static int make(struct search *x, bool measured, struct quantized *results)
{
	int ret = measured ? take_measured(x, results) : take_sequential(x, results);

	return ret ? ret : quality_measure(x->s, results, &x->final);
}

/* Quantize with the choice; choose less when the result is larger than its targets. */
static int make_within(struct search *x, struct quantized *results)
{
	bool over = true;
	int ret = 0;

	for (uint32_t round = 0; !ret && over; round++) {
		if (round == SIZE_ROUNDS)
			return error_set(-EDOM, "%s: the result stays above its targets",
					 x->s->path);
		ret = round ? best_choice(x) : 0;
		if (!ret)
			ret = make(x, x->s->opts->estimate, results);
		if (!ret)
			ret = target_excess(x, &over);
	}
	return ret;
}

/*
 * Does the choice keep its classes, quantized layer after layer or, if the recordings for
 * calibration then tell otherwise, as it was measured? What was made last is in @results.
 */
static int make_keeping(struct search *x, struct quantized *results, bool *keeps)
{
	int ret = make(x, x->s->opts->estimate, results);

	if (ret == -ERANGE || (!ret && !target_keeps_calibration(x)))
		ret = make(x, true, results);
	*keeps = !ret && target_keeps(x);
	return ret;
}

/* ---- choosing ---- */

/* The best within the budgets. */
static int make_best(struct search *x, struct quantized *results)
{
	bool over;
	int ret = settle(x);

	if (!ret)
		ret = exchange(x);
	if (!ret)
		ret = make_within(x, results);
	if (!ret && !target_keeps_calibration(x)) {
		ret = make(x, true, results);
		if (!ret)
			ret = target_excess(x, &over);
		if (!ret && over)
			ret = target_dropped(x);
	}
	return ret || target_keeps(x) ? ret : target_dropped(x);
}

/*
 * The smallest point of the front that keeps its classes, from the smallest on: networks that
 * keep them and such that do not lie between each other. When what was made of a point misses on
 * the recordings to check with, the next one is larger by 1 %, then by 2, 4, ...: the more models
 * are held against them, the less each may change.
 */
static int make_smallest(struct search *x, struct quantized *results)
{
	double step = 0.01;
	uint64_t least = 0;
	bool keeps = false;
	int ret = find_front(x);

	for (size_t i = 0; !ret && i < x->front_count; i++) {
		uint64_t bits = x->front[i].cost[ALLOCATE_BITS];

		session_progress(x->s, "smallest", i, x->front_count);
		if (bits < least && i + 1 < x->front_count)
			continue;
		ret = options_keep(&x->options, x->journal, x->front[i].choice, target_allowed(x),
				   &keeps);
		if (ret || (!keeps && i + 1 < x->front_count))
			continue;
		memcpy(x->choice, x->front[i].choice, layers(x) * sizeof(*x->choice));
		ret = make_keeping(x, results, &keeps);
		if (!ret && keeps)
			break;
		least = bits + (uint64_t)(step * (double)bits);
		step *= 2;
	}
	session_progress(x->s, "smallest", x->front_count, x->front_count);
	return ret ? ret : keeps ? 0 : target_dropped(x);
}

static int make_model(struct search *x, struct quantized *results)
{
	int ret = target_budgets(x);

	x->tries = 0;
	if (ret)
		return ret;
	return target_is_budget(x) ? make_best(x, results) : make_smallest(x, results);
}

/* Measure some of the front, for people to compare with what was predicted. */
static int measure_front(struct search *x)
{
	uint16_t *choices = malloc((size_t)FIT_POINTS * layers(x) * sizeof(*choices));
	struct option_result results[FIT_POINTS];
	int ret = choices ? find_front(x) : no_memory(x);

	if (!ret) {
		spread_points(x, choices, FIT_POINTS);
		ret = measure(x, choices, FIT_POINTS, "measuring", results);
	}
	free(choices);
	return ret;
}

/* ---- the search ---- */

/* Back to what does not depend on targets: each model is what a search for it alone finds. */
static int begin(struct search *x)
{
	x->sample_count = x->variant_count;
	memset(x->choice, 0, layers(x) * sizeof(*x->choice));
	return refit(x);
}

/* Models at other bits. */
static int run_also(struct search *x)
{
	const struct snnq_quantize_opts *o = x->s->opts;
	struct quantized *results = calloc(x->s->graph.layer_count + 1, sizeof(*results));
	int ret = results ? 0 : no_memory(x);

	for (size_t i = 0; !ret && i < o->also_count; i++) {
		x->target =
			(struct search_target){ .bits = o->also[i].target_bits, .max_drop = -1 };
		ret = begin(x);
		if (!ret)
			ret = make_model(x, results);
		if (!ret && !o->estimate)
			ret = session_write(x->s, results, o->also[i].out);
	}
	for (uint32_t i = 0; results && i < x->s->graph.layer_count; i++)
		quantized_free(&results[i]);
	free(results);
	return ret;
}

static int run(struct search *x, const struct grid_choice *fixed, struct quantized *results)
{
	int ret = options_open(x->s, fixed, &x->cache, &x->options);

	if (!ret && x->s->opts->shards) { /* it ends with its evaluations */
		calibration_doubts(x->s->calibration, x->s->opts);
		return options_judge_each(&x->options, x->journal);
	}
	if (!ret)
		ret = result_metadata(x, &x->metadata);
	if (!ret)
		ret = allocate_problem(x);
	if (!ret)
		ret = target_check(x);
	if (ret)
		return ret;
	calibration_doubts(x->s->calibration, x->s->opts);
	ret = options_judge_each(&x->options, x->journal);
	if (!ret)
		ret = measure_variants(x);
	if (!ret)
		ret = make_model(x, results);
	if (!ret && !x->s->opts->estimate) /* first of all: what follows may fail */
		ret = session_write(x->s, results, x->out);
	if (!ret && x->s->opts->quality)
		*x->s->opts->quality = x->final.told;
	if (!ret && x->s->opts->result)
		ret = measure_front(x);
	if (!ret && x->s->opts->result)
		ret = result_document(x, results, x->s->opts->result);
	return ret ? ret : run_also(x);
}

static void close_search(struct search *x)
{
	options_close(&x->options);
	allocate_front_free(x->front, x->front_count);
	journal_close(x->journal);
	quality_free(&x->final);
	free(x->sample_errors);
	free(x->sample_choices);
	free(x->sample_losses);
	free(x->coefficients);
	free(x->choice);
	free(x->problem_layers);
	free(x->problem_options);
}

int search_run(const struct session *s, const struct grid_choice *fixed, const char *out,
	       struct quantized *results)
{
	const struct snnq_quantize_opts *o = s->opts;
	struct search x = { .s = s,
			    .out = out,
			    .options = { .s = s },
			    .target = { o->target_bits, o->target_energy,
					o->limit_drop ? o->max_drop : -1, o->target_bytes } };
	int ret = 0;

	if (!(o->target_bits > 0) && !o->target_bytes && !(o->target_energy > 0) &&
	    !o->limit_drop && !o->shards)
		ret = error_set(-EINVAL, "%s: expected a target for the search, found none",
				s->path);
	if (!ret && s->weighted_count == 0)
		ret = error_set(-EINVAL, "%s: expected layers with weights, found none", s->path);
	if (!ret)
		ret = result_journal(&x);
	if (!ret)
		ret = run(&x, fixed, results);
	close_search(&x);
	return ret;
}
