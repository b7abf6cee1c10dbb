// SPDX-License-Identifier: MIT
/*
 * nir_neuron.c - neurons of a NIR graph.
 *
 * They are differential equations; with an Euler step dt they are the neurons of
 * numerics.md, up to a gain of the input that goes into threshold and bias:
 *
 *	LIF	tau v' = v_leak - v + r x	lambda = 1 - dt/tau, gain dt/tau r
 *	IF	v' = r x			lambda = 1, gain r (x counts per step), or r dt where
 *						that is 1: of a writer of equations in seconds
 *	CubaLIF	tau_syn i' = -i + w_in x, tau_mem v' = v_leak - v + r i
 *	LI, CubaLI, I: the same, whose potential is seen: the gain goes into the weights
 *	Threshold	fires while x is above it: lambda = 0
 *
 * (Pedersen et al., "Neuromorphic intermediate representation", 2024.) The file says neither dt
 * nor how long a step is, nor what reset does beyond v_reset; options do.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "import_nir.h"
#include "snnq_program.h"

#define ONE	   65536 /* of lambda */
#define ROUNDED	   1e-6	 /* of what was a float: a time constant of one step may be a bit less */
#define LONG_STEPS 1e-3	 /* decays below this are worth a word */

/* Of a neuron, for each channel; decays are dt / tau. */
struct neuron {
	double *gain, *threshold, *leak, *reset, *decay, *current_decay, *w_in;
	bool per_second; /* r was */
	bool endless;	 /* tau and r were */
};

static int take_room(const struct nir *n, struct neuron *p, uint32_t channels)
{
	double **rows[] = { &p->gain,  &p->threshold,	  &p->leak, &p->reset,
			    &p->decay, &p->current_decay, &p->w_in };
	double *block = calloc(channels, sizeof(rows) / sizeof(rows[0]) * sizeof(*block));

	if (!block)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		*rows[i] = block + i * channels;
	return 0;
}

/* dt / tau of each channel. */
static int read_decay(const struct nir *n, const struct nir_node *node, const char *key,
		      const struct nir_value *at, double *decay)
{
	double dt = nir_dt(n);
	int ret = nir_read_channels(n, node, key, NAN, at, decay);

	for (uint32_t c = 0; !ret && c < at->channels; c++) {
		if (!(decay[c] >= dt * (1 - ROUNDED)))
			ret = error_set(-EBADMSG,
					"%s: %s/%s: channel %u: expected at least the time step of "
					"%g s, found %g (see --dt)",
					n->h->path, node->path, key, c, dt, decay[c]);
		decay[c] = fmin(dt / decay[c], 1);
	}
	return ret;
}

/*
 * Most writers have an r of 1 for a neuron without a leak, whose input counts in each step;
 * SpikingJelly's have 1/dt.
 */
static bool is_per_second(const struct nir *n, const struct nir_value *at, const double *r)
{
	for (uint32_t c = 0; c < at->channels; c++)
		if (r[c] == 1 || fabs(r[c] * nir_dt(n) - 1) > ROUNDED)
			return false;
	return true;
}

static bool is_infinite(const struct nir *n, const struct nir_node *node, const char *key)
{
	struct import_array a;
	char path[H5_PATH];
	bool all;

	nir_path(path, node, key);
	all = h5_numbers(n->h, path, &a) > 0;
	for (size_t i = 0; all && i < a.count; i++)
		all = isinf(a.values[i]) && a.values[i] > 0;
	import_array_free(&a);
	return all;
}

/* The gain of the input, in steps of dt, and what belongs to it. */
static int read_equations(const struct nir *n, const struct nir_node *node,
			  const struct nir_value *at, struct neuron *p)
{
	const char *type = node->kind->type;
	bool membrane = !strcmp(type, "LIF") || !strcmp(type, "LI");
	const char *tau = membrane ? "tau" : "tau_mem";
	int ret = 0;

	for (uint32_t c = 0; c < at->channels; c++)
		p->gain[c] = p->decay[c] = p->current_decay[c] = p->w_in[c] = 1;
	if (!strcmp(type, "Threshold"))
		return 0;
	/* r = tau / dt of a membrane that does not leak: its gain is 1 all the same */
	p->endless = (membrane || node->kind->current) && is_infinite(n, node, tau) &&
		     is_infinite(n, node, "r");
	if (!p->endless)
		ret = nir_read_channels(n, node, "r", NAN, at, p->gain);
	p->per_second = !ret && !membrane && !node->kind->current && is_per_second(n, at, p->gain);
	for (uint32_t c = 0; p->per_second && c < at->channels; c++)
		p->gain[c] = 1;
	if (!ret && (membrane || node->kind->current)) {
		ret = nir_read_channels(n, node, "v_leak", NAN, at, p->leak);
		if (!ret && !p->endless)
			ret = read_decay(n, node, tau, at, p->decay);
	}
	if (!ret && node->kind->current)
		ret = read_decay(n, node, "tau_syn", at, p->current_decay);
	if (!ret && node->kind->current)
		ret = nir_read_channels(n, node, "w_in", 1, at, p->w_in);
	for (uint32_t c = 0; !ret && c < at->channels; c++)
		p->gain[c] = (p->gain[c] * p->decay[c]) * (p->current_decay[c] * p->w_in[c]);
	for (uint32_t c = 0; p->endless && c < at->channels; c++)
		p->decay[c] = 0;
	return ret;
}

static uint32_t lambda_of(double decay)
{
	return (uint32_t)lround(ONE * (1 - decay));
}

/* One number, or a table. Numbers are 1/65536: the note tells how far that is from the file's. */
static int put_leak(const struct nir *n, const struct nir_node *node, cJSON *neuron,
		    const char *layer, const char *key, const double *decay, uint32_t channels)
{
	cJSON *leak = json_put_object(neuron, key);
	int32_t *values = calloc(channels, sizeof(*values));
	double worst = 0, fastest = 0;
	bool same = true;
	int ret = 0;

	if (!values)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (uint32_t c = 0; c < channels; c++) {
		values[c] = (int32_t)lambda_of(decay[c]);
		same &= values[c] == values[0];
		worst = fmax(worst, fabs(values[c] - ONE * (1 - decay[c])));
		fastest = fmax(fastest, decay[c]);
	}
	json_put_string(leak, "kind", "q16");
	if (same)
		json_put_number(leak, "lambda", values[0]);
	else
		ret = nir_add_integers(n, layer, key, values, channels, leak, "lambda");
	if (worst > 0.01)
		import_note(n->opts, "%s: %s: %s rounded to 1/65536, by at most %.2g of that",
			    n->h->path, node->path, key, worst);
	if (fastest > 0 && fastest < LONG_STEPS)
		import_note(
			n->opts,
			"%s: %s: %s: time constants are %g steps of %g s, or more; of files that "
			"count in steps --dt is 1",
			n->h->path, node->path, key, 1 / fastest, nir_dt(n));
	free(values);
	return ret;
}

/* Leaks: none, of the membrane, of the current before it. */
static int put_leaks(const struct nir *n, const struct nir_node *node, cJSON *neuron,
		     const char *layer, const struct neuron *p, uint32_t channels)
{
	const char *type = node->kind->type;
	int ret = 0;

	json_put_string(neuron, "model", node->kind->current ? "cuba" : "lif");
	if (!strcmp(type, "IF") || !strcmp(type, "I") || p->endless)
		json_put_string(json_put_object(neuron, "leak"), "kind", "none");
	else
		ret = put_leak(n, node, neuron, layer, "leak", p->decay, channels);
	if (!ret && node->kind->current) {
		ret = put_leak(n, node, neuron, layer, "current_leak", p->current_decay, channels);
		if (n->opts->old_current)
			json_put(neuron, "old_current", cJSON_CreateTrue());
	}
	return ret;
}

/* v_leak is an input of the membrane in each step; of the potential in units of the gain. */
static int put_bias(const struct nir *n, cJSON *layer, const char *name, const struct neuron *p,
		    const struct import_array *bias, uint32_t channels, bool seen)
{
	double *sums = calloc(channels, sizeof(*sums));
	bool any = false;
	int ret = 0;

	if (!sums)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (uint32_t c = 0; c < channels; c++) {
		sums[c] = p->leak[c] * p->decay[c];
		if (!seen)
			sums[c] /= p->gain[c];
		sums[c] += bias->count ? bias->values[c] : 0;
		any |= sums[c] != 0;
		if (!(fabs(sums[c]) <= NIR_MOST))
			ret = error_set(-EBADMSG,
					"%s: layer %s: expected parameters whose ratios are below "
					"1e30",
					n->h->path, name);
	}
	if (!ret && any)
		ret = nir_add_channels(n, name, sums, channels, layer, "bias");
	free(sums);
	return ret;
}

/* The gain goes into threshold and reset. */
static int put_firing(const struct nir *n, const struct nir_node *node, cJSON *neuron,
		      const char *layer, const struct nir_value *at, struct neuron *p)
{
	bool plain = !strcmp(node->kind->type, "Threshold"), moved = false;
	int ret = nir_read_channels(n, node, plain ? "threshold" : "v_threshold", NAN, at,
				    p->threshold);

	if (!ret && !plain)
		ret = nir_read_channels(n, node, "v_reset", 0, at, p->reset);
	for (uint32_t c = 0; !ret && c < at->channels; c++) {
		if (!(p->gain[c] > 0) || !(p->threshold[c] > 0))
			return nir_bad(n, node, "", "a positive threshold and input resistance");
		if (n->opts->reset_subtract && p->reset[c] != 0)
			return nir_bad(n, node, "v_reset", "0, as thresholds are subtracted");
		p->threshold[c] /= p->gain[c];
		p->reset[c] /= p->gain[c];
		moved |= p->reset[c] != 0;
		if (!(p->threshold[c] <= NIR_MOST) || !(fabs(p->reset[c]) <= NIR_MOST))
			return nir_bad(n, node, "", "parameters whose ratios are below 1e30");
	}
	if (ret)
		return ret;
	json_put_string(neuron, "compare", n->opts->compare_ge ? "ge" : "gt");
	json_put_string(neuron, "reset", plain || !n->opts->reset_subtract ? "hard" : "soft");
	ret = nir_add_channels(n, layer, p->threshold, at->channels, neuron, "threshold");
	if (!ret && moved)
		ret = nir_add_channels(n, layer, p->reset, at->channels, neuron, "reset_value");
	return ret;
}

int nir_potential_gain(const struct nir *n, const struct nir_node *node, const struct nir_value *at,
		       double *gain)
{
	struct neuron p = { .per_second = false };
	int ret = take_room(n, &p, at->channels);

	if (ret)
		return ret;
	ret = read_equations(n, node, at, &p);
	for (uint32_t c = 0; !ret && c < at->channels; c++)
		gain[c] *= p.gain[c];
	free(p.gain);
	return ret;
}

int nir_put_neuron(struct nir *n, struct nir_node *node, cJSON *layer,
		   const struct import_array *bias, struct nir_value *out)
{
	bool seen = node->kind->role == NIR_POTENTIAL;
	cJSON *neuron = json_put_object(layer, "neuron");
	struct neuron p = { .per_second = false };
	int ret = take_room(n, &p, out->channels);

	if (ret)
		return ret;
	ret = read_equations(n, node, out, &p);
	if (!ret && p.per_second)
		import_note(n->opts,
			    "%s: %s/r: is 1 in a step of %g s: inputs count once, as they are",
			    n->h->path, node->path, nir_dt(n));
	if (!ret && p.endless)
		import_note(n->opts, "%s: %s: tau and r are infinite: no leak, and a gain of 1",
			    n->h->path, node->path);
	if (!ret)
		ret = put_leaks(n, node, neuron, out->layer, &p, out->channels);
	if (!ret && !seen)
		ret = put_firing(n, node, neuron, out->layer, out, &p);
	if (!ret)
		ret = put_bias(n, layer, out->layer, &p, bias, out->channels, seen);
	if (seen) {
		json_put_string(neuron, "compare", "ge");
		json_put_string(neuron, "reset", "none");
		json_put_string(neuron, "output", "potential");
	}
	free(p.gain);
	out->most = seen ? 0 : 1;
	out->seen = seen;
	out->mean = false;
	return ret;
}

/* Counts are as many levels, spikes one of them. */
static int put_repeating(const struct nir *n, const struct nir_node *node, cJSON *neuron,
			 uint64_t most)
{
	json_put_string(neuron, "model", "lif");
	json_put_number(json_put_object(neuron, "leak"), "lambda", 0);
	json_put_string(cJSON_GetObjectItem(neuron, "leak"), "kind", "q16");
	json_put_string(neuron, "compare", "ge");
	json_put_string(neuron, "reset", "hard");
	json_put_number(neuron, "threshold", 1);
	if (most == 1)
		return 0;
	if (most > SNNQ_MAX_LEVELS)
		return error_set(-EBADMSG, "%s: %s: expected counts up to %u, found %" PRIu64,
				 n->h->path, node->path, SNNQ_MAX_LEVELS, most);
	json_put_number(neuron, "levels", (double)most);
	json_put_string(neuron, "output", "counts");
	return 0;
}

int nir_put_delay(struct nir *n, struct nir_node *node, cJSON *layer, bool old,
		  struct nir_value *out)
{
	cJSON *neuron = json_put_object(layer, "neuron");
	double *seconds = calloc(out->channels, sizeof(*seconds));
	int32_t *steps = calloc(out->channels, sizeof(*steps));
	int32_t already = old ? 1 : 0;
	int ret = seconds && steps ? nir_read_channels(n, node, "delay", NAN, out, seconds) :
				     error_set(-ENOMEM, "%s: no memory", n->h->path);

	for (uint32_t c = 0; !ret && c < out->channels; c++) {
		double s = seconds[c] / nir_dt(n);

		if (!(s >= already && s <= SNNQ_MAX_DELAY + already) || fabs(s - rint(s)) > 1e-3)
			ret = error_set(-EBADMSG,
					"%s: %s/delay: channel %u: expected %d to %d time steps of "
					"%g s, found %g s (see --dt)",
					n->h->path, node->path, c, already,
					SNNQ_MAX_DELAY + already, nir_dt(n), seconds[c]);
		else
			steps[c] = (int32_t)rint(s) - already;
	}
	if (!ret)
		ret = put_repeating(n, node, neuron, out->most);
	if (!ret)
		ret = nir_add_integers(n, node->name, "delay", steps, out->channels, neuron,
				       "delay");
	free(seconds);
	free(steps);
	return ret;
}
