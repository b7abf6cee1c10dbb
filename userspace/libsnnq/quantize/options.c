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

#define MOST_BITS    8u
#define MOST_OPTIONS 64u

static const char *const scheme_names[] = { "uniform", "odd", "pot", "apot", "ternary" };

/* ---- the list ---- */

static bool named(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (!strncmp(at, name, n) && (!at[n] || at[n] == ','))
			return true;
	return !list;
}

static int check_names(const char *list)
{
	for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
		bool known = false;

		for (size_t i = 0; i < sizeof(scheme_names) / sizeof(*scheme_names); i++) {
			size_t n = strlen(scheme_names[i]);

			known |= !strncmp(at, scheme_names[i], n) && (!at[n] || at[n] == ',');
		}
		if (!known)
			return error_set(-EINVAL,
					 "schemes: expected names of uniform, odd, pot, apot "
					 "and ternary, separated by commas, found \"%s\"",
					 at);
	}
	return 0;
}

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

static int list_options(struct options *o, const struct grid_choice *fixed)
{
	const struct session *s = o->s;
	int ret = check_names(s->opts->schemes);

	o->layers = calloc(s->weighted_count + 1, sizeof(*o->layers));
	if (!ret && !o->layers)
		ret = error_set(-ENOMEM, "%s: no memory", s->path);
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		struct option_layer *l = &o->layers[i];
		const struct grid_choice *f = &fixed[s->weighted[i]];

		l->layer = s->weighted[i];
		l->weights = (uint32_t)graph_layer_params(&s->graph.layers[l->layer]);
		l->options = calloc(MOST_OPTIONS, sizeof(*l->options));
		if (!l->options)
			return error_set(-ENOMEM, "%s: no memory", s->path);
		if (f->bits)
			add_option(l, &s->caps, f->scheme, f->bits);
		for (size_t n = 0; !f->bits && n < sizeof(scheme_names) / sizeof(*scheme_names);
		     n++)
			for (uint32_t bits = 1; bits <= MOST_BITS; bits++)
				if (named(s->opts->schemes, scheme_names[n]))
					add_option(l, &s->caps, grid_scheme(scheme_names[n]), bits);
		if (!l->count)
			return error_set(-EOPNOTSUPP, "%s: %s: the device has none of the schemes",
					 s->path, s->graph.layers[l->layer].name);
	}
	return ret;
}

/* ---- costs ---- */

static uint64_t femtojoules(const struct energy_layer_in *in)
{
	struct energy_out out;

	energy_layer(&energy_45nm, &energy_default_flow, in, &out);
	return (uint64_t)rint(out.total * 1000);
}

/* With the spikes of the float network, which quantization changes little. */
static void find_costs(struct options *o)
{
	const struct session *s = o->s;
	const struct calibration *c = s->calibration;

	for (uint32_t i = 0; i < s->weighted_count; i++) {
		struct option_layer *l = &o->layers[i];
		const struct graph_layer *g = &s->graph.layers[l->layer];
		uint32_t planes = g->from[0].planes;
		struct energy_layer_in in;

		energy_graph_layer(&s->graph, l->layer, c->stats, c->count, &in);
		for (uint32_t k = 0; k < l->count; k++) {
			struct option *p = &l->options[k];
			double bits = l->weights * grid_weight_bits(&p->grid);
			struct energy_layer_in with = in;

			with.fp32 = false;
			with.weight_bits = 8 * p->quantized.packed_bytes;
			with.acc_bits = energy_acc_bits((uint64_t)p->grid.largest,
							l->weights / g->out.channels,
							(1ull << (planes ? planes : 1)) - 1);
			p->costs.cost[ALLOCATE_BITS] = (uint64_t)rint(10 * bits);
			p->costs.cost[ALLOCATE_BYTES] = p->quantized.packed_bytes;
			p->costs.cost[ALLOCATE_ENERGY] = femtojoules(&with);
		}
	}
	for (uint32_t i = 0; i < s->graph.layer_count; i++) {
		struct energy_layer_in in;

		if (s->graph.layers[i].weight)
			continue;
		energy_graph_layer(&s->graph, i, c->stats, c->count, &in);
		in.fp32 = false;
		o->fixed_energy += femtojoules(&in);
	}
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
	int ret = weighted_quantize(k->w, p->grid.scheme, p->grid.bits, METHOD_COMPENSATE, 1,
				    &p->quantized);

	count_done(k, "quantizing");
	/* A channel may be out of range with few bits: then it is no option. */
	return ret == -ERANGE ? 0 : ret;
}

static int quantize_layer(struct work *k, uint32_t i)
{
	const struct session *s = k->o->s;
	struct option_layer *l = &k->o->layers[i];
	const struct graph_layer *g = &s->graph.layers[l->layer];
	const uint64_t **slots =
		calibration_slots(s->calibration, s->calibration->records, g->in[0]);
	struct weighted w;
	uint32_t kept = 0;
	int ret = slots ? weighted_open(s->path, &s->graph, l->layer, s->units[g->in[0] + 1], &w) :
			  error_set(-ENOMEM, "%s: no memory", s->path);

	if (!ret) {
		ret = weighted_measure(&w, s->calibration, slots, s->opts->threads);
		k->l = l;
		k->w = &w;
		if (!ret)
			ret = parallel_for(l->count, s->opts->threads, quantize_option, k);
		weighted_close(&w);
	}
	free(slots);
	for (uint32_t n = 0; n < l->count; n++)
		if (l->options[n].quantized.packed)
			l->options[kept++] = l->options[n];
	l->count = kept;
	if (!ret && !kept)
		ret = error_set(-ERANGE, "%s: layer %s: no grid can hold its thresholds", s->path,
				g->name);
	return ret;
}

static void name_option(const struct options *o, uint32_t layer, uint32_t option, char key[300])
{
	const struct grid *g = &o->layers[layer].options[option].grid;

	/* The name is for people; what tells keys apart comes first. */
	snprintf(key, 300, "layer %u %s:%u %s", o->layers[layer].layer, grid_scheme_name(g->scheme),
		 g->bits, o->s->graph.layers[o->layers[layer].layer].name);
}

/* Loss of the base network with one layer at one of its options. */
static int judge_option(struct work *k, uint32_t layer, uint32_t option)
{
	struct options *o = k->o;
	struct option *p = &o->layers[layer].options[option];
	struct candidate_graph g = { 0 };
	struct judgement j = { 0 };
	char key[300];
	double values[2];
	int ret = 0;

	name_option(o, layer, option, key);
	if (!k->journal || !journal_find(k->journal, key, values, 2)) {
		struct judge_opts opts = { .threads = 1,
					   .before = o->base_records,
					   .first_layer = o->layers[layer].layer };

		ret = candidate_graph_open(&o->base, o->s->graph.readout_scale, &g);
		if (!ret) {
			candidate_graph_set(&g, o->layers[layer].layer, &p->quantized);
			ret = judge_run(o->s->calibration, &g.graph, &opts, &j);
		}
		candidate_graph_close(&g);
		values[0] = j.loss;
		values[1] = j.agreeing;
		if (!ret && k->journal)
			ret = journal_add(k->journal, key, values, 2);
	}
	p->costs.loss = fmax(values[0] - o->base_loss, 0);
	p->judged = !ret;
	return ret;
}

static int judge_item(void *ctx, uint32_t item)
{
	struct work *k = ctx;
	const struct snnq_quantize_opts *opts = k->o->s->opts;
	uint32_t layer = 0, at = item;
	int ret = 0;

	for (; at >= k->o->layers[layer].count; layer++)
		at -= k->o->layers[layer].count;
	if (!opts->shards || item % opts->shards == opts->shard - 1)
		ret = judge_option(k, layer, at);
	count_done(k, "judging");
	return ret;
}

static int judge_base(struct options *o)
{
	struct judge_opts opts = { .threads = o->s->opts->threads };
	struct judgement j = { 0 };
	int ret = session_base(o->s, &o->base_file, &o->base);

	if (ret)
		return ret;
	opts.records = o->base_records = calibration_records(o->s->calibration);
	if (!o->base_records)
		return error_set(-ENOMEM, "%s: no memory for outputs", o->s->path);
	ret = judge_run(o->s->calibration, &o->base, &opts, &j);
	o->base_loss = j.loss;
	return ret;
}

/* What rounding does to the layer itself: its spikes' distance, or else its weights' error. */
static double own_error(const struct option *p)
{
	return isfinite(p->quantized.distance) ? p->quantized.distance :
						 p->quantized.noise / p->quantized.signal;
}

/*
 * One changed spike early in the network changes many later, so losses have noise, and the least of
 * many noisy losses is too low. Within a layer they grow with what rounding does to the layer
 * itself, which has little noise: take the mean of the loss and its fit to that.
 */
static void smooth(struct options *o)
{
	for (uint32_t i = 0; i < o->s->weighted_count; i++) {
		struct option_layer *l = &o->layers[i];
		double above = 0, below = 0;

		for (uint32_t k = 0; k < l->count; k++) {
			double e = own_error(&l->options[k]);

			above += e * l->options[k].costs.loss;
			below += e * e;
		}
		for (uint32_t k = 0; k < l->count && below > 0; k++) {
			struct option *p = &l->options[k];

			p->measured = p->costs.loss;
			p->costs.loss = (p->measured + above / below * own_error(p)) / 2;
		}
	}
}

int options_open(const struct session *s, const struct grid_choice *fixed, struct options *o)
{
	struct work k = { .o = o, .lock = PTHREAD_MUTEX_INITIALIZER };
	int ret;

	*o = (struct options){ .s = s };
	ret = list_options(o, fixed);
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++)
		k.all += o->layers[i].count;
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++)
		ret = quantize_layer(&k, i);
	if (ret)
		options_close(o);
	else
		find_costs(o);
	return ret;
}

int options_judge_each(struct options *o, struct journal *journal)
{
	struct work k = { .o = o, .journal = journal, .lock = PTHREAD_MUTEX_INITIALIZER };
	int ret = judge_base(o);

	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		k.all += o->layers[i].count;
	if (!ret)
		ret = parallel_for(k.all, o->s->opts->threads, judge_item, &k);
	calibration_records_free(o->s->calibration, o->base_records);
	o->base_records = NULL;
	if (!ret)
		smooth(o);
	return ret;
}

void options_close(struct options *o)
{
	for (uint32_t i = 0; o->layers && i < o->s->weighted_count; i++) {
		for (uint32_t k = 0; k < o->layers[i].count; k++)
			quantized_free(&o->layers[i].options[k].quantized);
		free(o->layers[i].options);
	}
	free(o->layers);
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

/* The options of all layers: "0 3 17 ...". */
static char *name_configuration(const struct options *o, const uint16_t *choice)
{
	char *key = malloc(16 + 6 * (size_t)o->s->weighted_count);
	size_t at = 0;

	for (uint32_t i = 0; key && i < o->s->weighted_count; i++) {
		const struct grid *g = &o->layers[i].options[choice[i]].grid;

		at += (size_t)sprintf(key + at, i ? " %c%u" : "all %c%u",
				      grid_scheme_name(g->scheme)[0], g->bits);
	}
	return key;
}

static int run_configuration(const struct options *o, const uint16_t *choice, double values[2])
{
	struct candidate_graph g;
	struct judge_opts opts = { .threads = 1 };
	struct judgement j = { 0 };
	int ret = candidate_graph_open(&o->base, o->s->graph.readout_scale, &g);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < o->s->weighted_count; i++)
		candidate_graph_set(&g, o->layers[i].layer,
				    &o->layers[i].options[choice[i]].quantized);
	ret = judge_run(o->s->calibration, &g.graph, &opts, &j);
	candidate_graph_close(&g);
	values[0] = j.loss;
	values[1] = j.agreeing;
	return ret;
}

static int judge_configuration(void *ctx, uint32_t item)
{
	struct configurations *c = ctx;
	const uint16_t *choice = c->choices + (size_t)item * c->o->s->weighted_count;
	char *key = name_configuration(c->o, choice);
	double values[2];
	int ret = key ? 0 : error_set(-ENOMEM, "%s: no memory", c->o->s->path);

	if (!ret && (!c->journal || !journal_find(c->journal, key, values, 2))) {
		ret = run_configuration(c->o, choice, values);
		if (!ret && c->journal)
			ret = journal_add(c->journal, key, values, 2);
	}
	free(key);
	if (!ret)
		c->results[item] = (struct option_result){ fmax(values[0] - c->o->base_loss, 0),
							   (uint32_t)values[1] };
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
