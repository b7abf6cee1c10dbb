// SPDX-License-Identifier: MIT
/*
 * options.c - try every grid in every layer.
 */
#include "quantize/options.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "energy/energy.h"
#include "base/error.h"
#include "base/parallel.h"
#include "quantize/limits.h"

#define MOST_OPTIONS 64u

static const char *const scheme_names[] = { "uniform", "odd", "pot", "apot", "ternary" };

/* ---- the list ---- */

static bool same_levels(const struct grid *a, const struct grid *b)
{
	return a->count == b->count && !memcmp(a->levels, b->levels, a->count * sizeof(*a->levels));
}

/* Add a grid that the device has, unless one with the same levels is there that is not larger. */
static void add_option(struct option_layer *l, const struct snnq_caps *caps, uint32_t scheme,
		       uint32_t bits)
{
	struct option *o = &l->options[l->count];

	if (!grid_init(&o->grid, scheme, bits) || !snnq_scheme_ok(caps, scheme, bits))
		return;
	for (uint32_t i = 0; i < l->count; i++) {
		if (!same_levels(&l->options[i].grid, &o->grid))
			continue;
		if (grid_weight_bits(&o->grid) < grid_weight_bits(&l->options[i].grid))
			l->options[i].grid = o->grid;
		return;
	}
	l->count++;
}

static void add_options(struct option_layer *l, const struct snnq_caps *caps,
			const struct limits *limits)
{
	for (size_t n = 0; n < sizeof(scheme_names) / sizeof(*scheme_names); n++)
		for (uint32_t bits = limits->min_bits; bits <= limits->max_bits; bits++)
			if (limits_named(limits->schemes, scheme_names[n]))
				add_option(l, caps, grid_scheme(scheme_names[n]), bits);
}

/* Why a layer has no options: what was asked for, or the device. */
static int no_options(const struct session *s, struct option_layer *l, const struct limits *limits)
{
	const char *name = s->graph.layers[l->layer].name;
	const char *schemes = limits->schemes ? limits->schemes : "all schemes";

	add_options(l, &snnq_caps_all, limits);
	if (!l->count)
		return error_set(-EINVAL,
				 "%s: layer %s: expected limits that leave it a grid: none of %s "
				 "has %u to %u bits",
				 s->path, name, schemes, limits->min_bits, limits->max_bits);
	return error_set(-EOPNOTSUPP,
			 "%s: %s: the device has none of the schemes with %u to %u bits (%s)",
			 s->path, name, limits->min_bits, limits->max_bits, schemes);
}

int options_list(const struct session *s, const struct grid_choice *fixed, struct options *o)
{

	*o = (struct options){ .s = s };
	o->layers = calloc(s->weighted_count + 1, sizeof(*o->layers));
	if (!o->layers)
		return error_set(-ENOMEM, "%s: no memory", s->path);
	for (uint32_t i = 0; i < s->weighted_count; i++) {
		struct option_layer *l = &o->layers[i];
		const struct graph_layer *g = &s->graph.layers[s->weighted[i]];
		const struct grid_choice *f = &fixed[s->weighted[i]];
		struct limits limits = limits_of(s->opts, g->name);

		l->layer = s->weighted[i];
		l->weights = (uint32_t)graph_layer_params(g);
		l->options = calloc(MOST_OPTIONS, sizeof(*l->options));
		if (!l->options)
			return error_set(-ENOMEM, "%s: no memory", s->path);
		if (f->bits)
			add_option(l, &s->caps, f->scheme, f->bits);
		else
			add_options(l, &s->caps, &limits);
		if (!l->count)
			return no_options(s, l, &limits);
	}
	return 0;
}

int options_check_bits(const struct options *o, double bits)
{
	double all = 0, weights = 0;

	for (uint32_t i = 0; i < o->s->weighted_count; i++) {
		const struct option_layer *l = &o->layers[i];
		double least = INFINITY;

		for (uint32_t k = 0; k < l->count; k++)
			least = fmin(least, grid_weight_bits(&l->options[k].grid));
		all += rint(10 * least * l->weights);
		weights += l->weights;
	}
	if (!(bits > 0) || 10 * bits * weights + 1e-6 >= all)
		return 0;
	return error_set(-EDOM,
			 "%s: target of %g bits: expected at least %.3f, the least that its "
			 "grids can have on average",
			 o->s->path, bits, ceil(100 * all / weights) / 1000);
}

/* ---- costs ---- */

static uint64_t femtojoules(const struct session *s, const struct energy_layer_in *in)
{
	struct energy_out out;

	energy_layer(&s->energy, &s->flow, in, &out);
	return (uint64_t)rint(out.total * 1000);
}

/* Of the base network, with the spikes of the float one, which quantization changes little. */
static void find_costs(struct options *o)
{
	const struct session *s = o->s;
	const struct calibration *c = s->calibration;

	for (uint32_t i = 0; i < s->weighted_count; i++) {
		struct option_layer *l = &o->layers[i];
		const struct graph_layer *g = &s->graph.layers[l->layer];
		/* the float graph has none of means and currents */
		uint32_t planes = o->base.layers[l->layer].from[0].planes;
		struct energy_layer_in in;

		energy_graph_layer(&o->base, l->layer, c->stats, c->count, &in);
		for (uint32_t k = 0; k < l->count; k++) {
			struct option *p = &l->options[k];
			double bits = l->weights * grid_weight_bits(&p->grid);
			struct energy_layer_in with = in;

			with.weight_bits = 8 * p->quantized.packed_bytes;
			with.acc_bits = energy_acc_bits((uint64_t)p->grid.largest,
							l->weights / g->out.channels,
							(1ull << (planes ? planes : 1)) - 1);
			p->costs.cost[ALLOCATE_BITS] = (uint64_t)rint(10 * bits);
			p->costs.cost[ALLOCATE_BYTES] = p->quantized.packed_bytes;
			p->costs.cost[ALLOCATE_ENERGY] = femtojoules(s, &with);
		}
	}
	for (uint32_t i = 0; i < s->graph.layer_count; i++) {
		struct energy_layer_in in;

		if (s->graph.layers[i].weight)
			continue;
		energy_graph_layer(&o->base, i, c->stats, c->count, &in);
		o->fixed_energy += femtojoules(s, &in);
	}
}

/* ---- shares ---- */

/* Options that follow each other are one shard's, so that few layers are measured by several. */
static void share_options(struct options *o)
{
	const struct snnq_quantize_opts *opts = o->s->opts;
	double weights = 0, judging, all = 0, at = 0;

	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		weights += o->layers[i].weights;
	/*
	 * Quantizing an option goes with its weights, and judging it with the network, which takes
	 * half as long on average, measured on the digits.
	 */
	judging = weights / o->s->weighted_count / 2;
	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		all += o->layers[i].count * (o->layers[i].weights + judging);
	for (uint32_t i = 0; i < o->s->weighted_count; i++) {
		double cost = o->layers[i].weights + judging;

		for (uint32_t k = 0; k < o->layers[i].count; k++, at += cost) {
			uint32_t shard = (uint32_t)((at + cost / 2) / all * opts->shards);

			o->layers[i].options[k].here = !opts->shards || shard == opts->shard - 1;
		}
	}
}

/* The first layer that has some of this shard. */
static uint32_t first_layer(const struct options *o)
{
	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		for (uint32_t k = 0; k < o->layers[i].count; k++)
			if (o->layers[i].options[k].here)
				return i;
	return 0;
}

/* ---- quantizing and judging ---- */

struct work {
	struct options *o;
	struct journal *journal;
	struct option_layer *l;
	const struct weighted *w;
	atomic_uint done;
	uint32_t all;
	pthread_mutex_t lock; /* of progress */
};

static void count_done(struct work *k, const char *what)
{
	uint32_t done = atomic_fetch_add(&k->done, 1) + 1;

	pthread_mutex_lock(&k->lock);
	session_progress(k->o->s, what, done, k->all);
	pthread_mutex_unlock(&k->lock);
}

static int quantize_option(void *ctx, uint32_t item)
{
	struct work *k = ctx;
	struct option *p = &k->l->options[item];
	int ret;

	if (p->tried || !p->here)
		return 0;
	ret = weighted_quantize(k->w, p->grid.scheme, p->grid.bits, METHOD_COMPENSATE, 1,
				&p->quantized);
	/* A channel may be out of range with few bits: then it is no option. */
	if (!ret || ret == -ERANGE)
		ret = cache_write(&k->o->cache, k->l->layer, "option", &p->grid, &p->quantized);
	p->tried = true;
	count_done(k, "quantizing");
	return ret;
}

static int quantize_base(struct work *k)
{
	const struct option_layer *l = k->l;
	int ret = session_eight_bits(k->o->s, k->w, &k->l->base);

	return ret ? ret : cache_write(&k->o->cache, l->layer, "base", &l->base.grid, &l->base);
}

/* What of a layer the cache has. Whether that is all of it that is wanted here. */
static bool take_cached(struct work *k, struct option_layer *l)
{
	const struct weight_shape shape = weighted_shape(&k->o->s->graph.layers[l->layer]);
	const struct cache *c = &k->o->cache;
	struct grid eight;
	bool all;

	session_eight_grid(&eight);
	all = cache_read(c, l->layer, "base", &eight, &shape, &l->base) && l->base.packed;
	for (uint32_t n = 0; n < l->count; n++) {
		struct option *p = &l->options[n];

		if (!p->here)
			continue;
		p->tried = cache_read(c, l->layer, "option", &p->grid, &shape, &p->quantized);
		if (p->tried)
			count_done(k, "quantizing");
		all = all && p->tried;
	}
	return all;
}

/* What the cache does not have. */
static int quantize_rest(struct work *k, struct option_layer *l)
{
	const struct session *s = k->o->s;
	const uint64_t **slots = calibration_slots(s->calibration, s->calibration->records,
						   s->graph.layers[l->layer].in[0]);
	struct weighted w;
	int ret = slots ? weighted_open(s->path, &s->graph, l->layer, &s->steps, &w) :
			  error_set(-ENOMEM, "%s: no memory", s->path);

	if (!ret) {
		ret = weighted_measure(&w, s->calibration, slots, s->opts->threads);
		k->l = l;
		k->w = &w;
		if (!ret)
			ret = parallel_for(l->count, s->opts->threads, quantize_option, k);
		if (!ret && !l->base.packed)
			ret = quantize_base(k);
		weighted_close(&w);
	}
	free(slots);
	return ret;
}

static int quantize_layer(struct work *k, uint32_t i)
{
	struct option_layer *l = &k->o->layers[i];
	uint32_t kept = 0;
	int ret = take_cached(k, l) ? 0 : quantize_rest(k, l);

	for (uint32_t n = 0; n < l->count; n++)
		if (l->options[n].quantized.packed || !l->options[n].here)
			l->options[kept++] = l->options[n];
	l->count = kept;
	if (!ret && !kept)
		ret = error_set(-ERANGE, "%s: layer %s: no grid can hold its thresholds",
				k->o->s->path, k->o->s->graph.layers[l->layer].name);
	return ret;
}

static void name_option(const struct options *o, uint32_t layer, uint32_t option, char key[300])
{
	const struct grid *g = &o->layers[layer].options[option].grid;

	/* The name is for people; what tells keys apart comes first. */
	snprintf(key, 300, "layer %u %s:%u %s", o->layers[layer].layer, grid_scheme_name(g->scheme),
		 g->bits, o->s->graph.layers[o->layers[layer].layer].name);
}

/* Of a run: recordings whose class stays, what saturated, and the loss of each recording. */
static uint32_t value_count(const struct options *o)
{
	return 2 + o->s->calibration->count;
}

/* Loss of the base network with one layer at one of its options. */
static int run_option(const struct options *o, uint32_t layer, const struct option *p,
		      double *values)
{
	struct judge_opts opts = {
		.threads = 1, .before = o->base_records, .first_layer = layer, .losses = values + 2
	};
	struct candidate_graph g = { 0 };
	struct judgement j = { 0 };
	int ret = candidate_graph_open(&o->base, o->s->graph.readout_scale, &g);

	if (!ret) {
		candidate_graph_set(&g, layer, &p->quantized);
		ret = judge_run(o->s->calibration, &g.graph, &opts, &j);
	}
	candidate_graph_close(&g);
	values[0] = j.agreeing;
	values[1] = j.saturated;
	return ret;
}

static int judge_option(struct work *k, uint32_t layer, uint32_t option)
{
	struct options *o = k->o;
	struct option *p = &o->layers[layer].options[option];
	double *values = malloc(value_count(o) * sizeof(*values));
	char key[300];
	int ret = values ? 0 : error_set(-ENOMEM, "%s: no memory", o->s->path);

	name_option(o, layer, option, key);
	if (!ret && (!k->journal || !journal_find(k->journal, key, values, value_count(o)))) {
		ret = run_option(o, o->layers[layer].layer, p, values);
		if (!ret && k->journal)
			ret = journal_add(k->journal, key, values, value_count(o));
	}
	if (ret) {
		free(values);
		return ret;
	}
	p->saturated = (uint32_t)values[1];
	p->losses = values;
	memmove(values, values + 2, o->s->calibration->count * sizeof(*values));
	p->measured = paired_difference(p->losses, o->base_losses, o->s->calibration->count);
	return 0;
}

static int judge_item(void *ctx, uint32_t item)
{
	struct work *k = ctx;
	uint32_t layer = 0, at = item;
	int ret;

	for (; at >= k->o->layers[layer].count; layer++)
		at -= k->o->layers[layer].count;
	if (!k->o->layers[layer].options[at].here)
		return 0;
	ret = judge_option(k, layer, at);
	count_done(k, "judging");
	return ret;
}

static int assemble_base(struct options *o)
{
	const struct quantized **all = calloc(o->s->graph.layer_count + 1, sizeof(*all));
	int ret;

	if (!all)
		return error_set(-ENOMEM, "%s: no memory", o->s->path);
	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		all[o->layers[i].layer] = &o->layers[i].base;
	ret = session_assemble(o->s, all, &o->base_file, &o->base);
	free(all);
	return ret;
}

static int judge_base(struct options *o)
{
	struct judge_opts opts = { .threads = o->s->opts->threads };
	struct judgement j = { 0 };

	opts.records = o->base_records = calibration_records(o->s->calibration);
	opts.losses = o->base_losses = malloc(o->s->calibration->count * sizeof(*o->base_losses));
	if (!o->base_records || !o->base_losses)
		return error_set(-ENOMEM, "%s: no memory for outputs", o->s->path);
	return judge_run(o->s->calibration, &o->base, &opts, &j);
}

/* ---- losses with less noise ---- */

/* What rounding does to the layer itself: its spikes' distance, or else its weights' error. */
static double own_error(const struct option *p)
{
	const struct quantized *q = &p->quantized;

	if (isfinite(q->distance))
		return q->distance;
	return q->signal > 0 ? q->noise / q->signal : q->noise;
}

/* What was measured; that rounding helps is chance. */
static double loss_of(const struct option *p)
{
	return fmax(p->measured.mean, 0);
}

/* Losses in proportion to own errors: the best factor. */
static double proportion(const struct option_layer *l)
{
	double above = 0, below = 0;

	for (uint32_t k = 0; k < l->count; k++) {
		double e = own_error(&l->options[k]);

		above += e * loss_of(&l->options[k]);
		below += e * e;
	}
	return below > 0 ? above / below : 0;
}

/*
 * Within a scheme more bits lose no more: neighbours that say otherwise share their mean (pool
 * adjacent violators). Options of a scheme follow each other by bits.
 */
static void make_monotone(struct option_layer *l)
{
	for (uint32_t first = 0, end; first < l->count; first = end) {
		uint32_t sizes[MOST_OPTIONS], n = 0;
		double means[MOST_OPTIONS];

		for (end = first;
		     end < l->count && l->options[end].grid.scheme == l->options[first].grid.scheme;
		     end++) {
			means[n] = l->options[end].costs.loss;
			sizes[n++] = 1;
			while (n > 1 && means[n - 1] > means[n - 2]) {
				double sum = sizes[n - 2] * means[n - 2] +
					     sizes[n - 1] * means[n - 1];

				sizes[n - 2] += sizes[n - 1];
				means[n - 2] = sum / sizes[n - 2];
				n--;
			}
		}
		for (uint32_t i = 0, at = first; i < n; i++)
			for (uint32_t k = 0; k < sizes[i]; k++)
				l->options[at++].costs.loss = means[i];
	}
}

/*
 * One changed spike early in the network changes many later, so losses have noise, and the least of
 * many noisy losses is too low. Within a layer they grow with what rounding does to the layer
 * itself, which has little noise: take the mean of the loss and its fit to that, then what is known
 * of bits. Only differences within a layer matter.
 */
static void smooth_layer(struct option_layer *l)
{
	double factor = proportion(l), least = INFINITY;

	for (uint32_t k = 0; k < l->count; k++) {
		struct option *o = &l->options[k];

		o->costs.loss = (loss_of(o) + factor * own_error(o)) / 2;
	}
	make_monotone(l);
	for (uint32_t k = 0; k < l->count; k++)
		least = fmin(least, l->options[k].costs.loss);
	for (uint32_t k = 0; k < l->count; k++)
		l->options[k].costs.loss -= least;
}

static void option_free(struct option *p)
{
	quantized_free(&p->quantized);
	free(p->losses);
}

/* Options with which sums leave 32 bits are none. */
static int drop_saturated(const struct options *o, struct option_layer *l)
{
	uint32_t kept = 0;

	for (uint32_t k = 0; k < l->count; k++)
		if (l->options[k].saturated)
			option_free(&l->options[k]);
		else
			l->options[kept++] = l->options[k];
	l->count = kept;
	return kept ? 0 :
		      error_set(-ERANGE, "%s: layer %s: with every grid sums leave 32 bits",
				o->s->path, o->s->graph.layers[l->layer].name);
}

/* How many are this shard's. */
static uint32_t count_here(const struct options *o)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		for (uint32_t k = 0; k < o->layers[i].count; k++)
			count += o->layers[i].options[k].here;
	return count;
}

int options_open(const struct session *s, const struct grid_choice *fixed,
		 const struct cache *cache, struct options *o)
{
	struct work k = { .o = o, .lock = PTHREAD_MUTEX_INITIALIZER };
	int ret;

	ret = options_list(s, fixed, o);
	o->cache = *cache;
	if (!ret)
		share_options(o);
	k.all = ret ? 0 : count_here(o);
	/* Its own layers first: of the others a shard wants the base, which is then in the cache. */
	for (uint32_t i = 0, first = ret ? 0 : first_layer(o); !ret && i < s->weighted_count; i++)
		ret = quantize_layer(&k, (first + i) % s->weighted_count);
	if (!ret)
		ret = assemble_base(o);
	if (ret)
		options_close(o);
	else if (!s->opts->shards)
		find_costs(o);
	return ret;
}

int options_judge_each(struct options *o, struct journal *journal)
{
	struct work k = { .o = o, .journal = journal, .lock = PTHREAD_MUTEX_INITIALIZER };
	uint32_t items = 0;
	int ret = judge_base(o);

	k.all = count_here(o);
	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		items += o->layers[i].count;
	if (!ret)
		ret = parallel_for(items, o->s->opts->threads, judge_item, &k);
	calibration_records_free(o->s->calibration, o->base_records);
	o->base_records = NULL;
	for (uint32_t i = 0; !ret && !o->s->opts->shards && i < o->s->weighted_count; i++) {
		ret = drop_saturated(o, &o->layers[i]);
		if (!ret)
			smooth_layer(&o->layers[i]);
	}
	return ret;
}

void options_close(struct options *o)
{
	for (uint32_t i = 0; o->layers && i < o->s->weighted_count; i++) {
		for (uint32_t k = 0; k < o->layers[i].count; k++)
			option_free(&o->layers[i].options[k]);
		quantized_free(&o->layers[i].base);
		free(o->layers[i].options);
	}
	free(o->layers);
	free(o->base_losses);
	if (o->base_file)
		graph_free(&o->base);
	modelfile_free(o->base_file);
	*o = (struct options){ .s = o->s };
}

/* ---- whole configurations ---- */

struct configurations {
	const struct options *o;
	struct journal *journal;
	const uint16_t *choices;
	struct option_result *results;
	struct work progress;
	const char *what;
};

/* The options of all layers: "@what u3 p4 ...". */
static char *name_configuration(const struct options *o, const char *what, const uint16_t *choice)
{
	char *key = malloc(strlen(what) + 1 + 6 * (size_t)o->s->weighted_count);
	size_t at = key ? (size_t)sprintf(key, "%s", what) : 0;

	for (uint32_t i = 0; key && i < o->s->weighted_count; i++) {
		const struct grid *g = &o->layers[i].options[choice[i]].grid;

		at += (size_t)sprintf(key + at, " %c%u", grid_scheme_name(g->scheme)[0], g->bits);
	}
	return key;
}

static int run_configuration(const struct options *o, const uint16_t *choice,
			     const struct judge_opts *opts, struct judgement *j)
{
	struct candidate_graph g;
	int ret = candidate_graph_open(&o->base, o->s->graph.readout_scale, &g);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		candidate_graph_set(&g, o->layers[i].layer,
				    &o->layers[i].options[choice[i]].quantized);
	ret = judge_run(o->s->calibration, &g.graph, opts, j);
	candidate_graph_close(&g);
	return ret;
}

/* As value_count() says. */
static int find_or_run(const struct configurations *c, const uint16_t *choice, double *values)
{
	struct judge_opts opts = { .threads = 1, .losses = values + 2 };
	char *key = name_configuration(c->o, "all", choice);
	struct judgement j;
	int ret = key ? 0 : error_set(-ENOMEM, "%s: no memory", c->o->s->path);

	if (!ret && (!c->journal || !journal_find(c->journal, key, values, value_count(c->o)))) {
		ret = run_configuration(c->o, choice, &opts, &j);
		values[0] = j.agreeing;
		values[1] = j.saturated;
		if (!ret && c->journal)
			ret = journal_add(c->journal, key, values, value_count(c->o));
	}
	free(key);
	return ret;
}

static int judge_configuration(void *ctx, uint32_t item)
{
	struct configurations *c = ctx;
	double *values = malloc(value_count(c->o) * sizeof(*values));
	int ret = values ? find_or_run(c, c->choices + (size_t)item * c->o->s->weighted_count,
				       values) :
			   error_set(-ENOMEM, "%s: no memory", c->o->s->path);

	if (!ret) {
		struct paired p = paired_difference(values + 2, c->o->base_losses,
						    c->o->s->calibration->count);

		c->results[item] = (struct option_result){
			.loss = values[1] > 0 ? INFINITY : p.mean,
			.error = p.error,
			.agreeing = (uint32_t)values[0],
		};
	}
	free(values);
	count_done(&c->progress, c->what);
	return ret;
}

int options_judge(const struct options *o, struct journal *journal, const uint16_t *choices,
		  uint32_t count, const char *what, struct option_result *results)
{
	struct configurations c = {
		.o = o,
		.journal = journal,
		.choices = choices,
		.results = results,
		.what = what,
		.progress = { .o = (struct options *)o,
			      .all = count,
			      .lock = PTHREAD_MUTEX_INITIALIZER },
	};

	return parallel_for(count, o->s->opts->threads, judge_configuration, &c);
}

int options_keep(const struct options *o, struct journal *journal, const uint16_t *choice,
		 uint32_t allowed, bool *keeps)
{
	struct judge_opts opts = { .threads = o->s->opts->threads,
				   .limit = true,
				   .allowed = allowed };
	struct judgement j;
	char what[32], *key;
	double value;
	int ret;

	snprintf(what, sizeof(what), "keep %u", allowed);
	key = name_configuration(o, what, choice);
	if (!key)
		return error_set(-ENOMEM, "%s: no memory", o->s->path);
	ret = journal && journal_find(journal, key, &value, 1);
	if (!ret) {
		ret = run_configuration(o, choice, &opts, &j);
		value = !j.saturated && j.agreeing + allowed >= o->s->calibration->count;
		if (!ret && journal)
			ret = journal_add(journal, key, &value, 1);
	} else {
		ret = 0;
	}
	free(key);
	*keeps = !ret && value > 0;
	return ret;
}
