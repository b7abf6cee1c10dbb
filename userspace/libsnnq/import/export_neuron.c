// SPDX-License-Identifier: MIT
/*
 * export_neuron.c - neurons of a float model as those of NIR: the way back of nir_neuron.c.
 *
 * Resistances and weights of currents are chosen so that the gain of the input is exactly 1; then
 * weights, biases, thresholds and resets are written as they are, and come back as they were. Leaks
 * become time constants; whoever rounds them to 1/65536 gets those of the model.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "export_nir.h"
#include "snnq_program.h"

#define NEIGHBOURS 200 /* numbers that are tried for one that gives an exact product */

int export_refuse(const struct export *e, const struct graph_layer *l, const char *what)
{
	return error_set(-EBADMSG, "%s: layer %s (%s): %s", e->path, l->name, l->op_name, what);
}

/* ---- which neurons ---- */

static bool shows_potential(const struct graph_layer *l)
{
	return l->neuron.output == SNNQ_OUTPUT_POTENTIAL;
}

static const char *find_foreign(const struct graph_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;

	if (n->levels > 1 || n->output == SNNQ_OUTPUT_COUNTS)
		return "neurons of NIR fire once in a step";
	if (n->output == SNNQ_OUTPUT_GRADED)
		return "neurons of NIR put out spikes or their potential, not both";
	if (shows_potential(l) && n->reset != SNNQ_RESET_NONE)
		return "neurons of NIR whose potential is put out have no reset";
	if (!shows_potential(l) && n->reset == SNNQ_RESET_NONE)
		return "neurons of NIR that fire are reset";
	if (n->flags & SNNQ_NEURON_FLAG_DELAYED_RESET)
		return "neurons of NIR are reset in the step in which they fire";
	if (n->flags & SNNQ_NEURON_FLAG_CLAMP_LOW)
		return "potentials of NIR have no lower end";
	if (n->refractory)
		return "neurons of NIR have no refractory time";
	if (n->reset_period)
		return "neurons of NIR do not restart";
	if (l->skip_first)
		return "neurons of NIR take the first step as any other";
	if (n->reset == SNNQ_RESET_SOFT && l->reset.count)
		return "neurons of NIR are reset to a value or by subtraction, not both";
	return NULL;
}

/* Part of the equation that is left in a step: lambda. */
static double kept_of(uint8_t kind, uint32_t param)
{
	switch (kind) {
	case SNNQ_LEAK_DIVN:
		return 1.0 / param;
	case SNNQ_LEAK_Q16:
		return param / 65536.0;
	case SNNQ_LEAK_TZ12:
		return (4096 - (double)param) / 4096;
	default:
		return 1;
	}
}

static double kept(const struct graph_layer *l, bool current, uint32_t channel)
{
	const struct graph_numbers *table = current ? &l->current_leak : &l->leak;
	uint8_t kind = current ? l->neuron.current_leak : l->neuron.leak;
	uint32_t all = current ? l->neuron.current_leak_param : l->neuron.leak_param;

	return kept_of(kind, table->count ? (uint32_t)graph_number(table, channel) : all);
}

/* Whether all channels keep just so much. */
static bool all_keep(const struct graph_layer *l, bool current, double value)
{
	for (uint32_t c = 0; c < l->out.channels; c++)
		if (kept(l, current, c) != value)
			return false;
	return true;
}

static bool some_keeps(const struct graph_layer *l, bool current, double value)
{
	for (uint32_t c = 0; c < l->out.channels; c++)
		if (kept(l, current, c) == value)
			return true;
	return false;
}

/* It fires at once or not at all, and forgets. */
static bool is_threshold(const struct graph_layer *l)
{
	return l->neuron.model == SNNQ_NEURON_LIF && !shows_potential(l) && all_keep(l, false, 0);
}

static bool is_cuba(const struct graph_layer *l)
{
	return l->neuron.model == SNNQ_NEURON_CUBA;
}

bool export_keeps_bias(const struct graph_layer *l)
{
	return is_cuba(l);
}

static bool has_bias(const struct graph_layer *l)
{
	for (uint32_t c = 0; c < l->out.channels; c++)
		if (graph_real(&l->bias, l->bias.count > 1 ? c : 0) != 0)
			return true;
	return false;
}

bool export_repeats(const struct graph_layer *l, uint64_t most)
{
	double limit = l->neuron.compare == SNNQ_COMPARE_GE ? 1 : nextafter(1, 0);

	if (!is_threshold(l) || most != 1 || has_bias(l))
		return false;
	for (uint32_t c = 0; c < l->out.channels; c++)
		if (graph_real(&l->threshold, l->threshold.count > 1 ? c : 0) > limit)
			return false;
	return true;
}

/* The first neuron decides for all. */
static int check_same(struct export *e, const struct graph_layer *l,
		      const struct graph_layer **first, bool same, const char *what)
{
	if (!*first)
		*first = l;
	else if (!same)
		return error_set(-EBADMSG,
				 "%s: layer %s (%s): %s: expected the same as of layer %s: a NIR "
				 "file does not say it, and its readers do one for all neurons",
				 e->path, l->name, l->op_name, what, (*first)->name);
	return 0;
}

int export_check_neuron(struct export *e, const struct graph_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	const char *foreign = find_foreign(l);
	int ret = foreign ? export_refuse(e, l, foreign) : 0;

	if (!ret && is_cuba(l))
		ret = check_same(e, l, &e->currents,
				 !e->currents || (n->flags & SNNQ_NEURON_FLAG_OLD_CURRENT) ==
							 (e->currents->neuron.flags &
							  SNNQ_NEURON_FLAG_OLD_CURRENT),
				 "old_current");
	if (ret || shows_potential(l))
		return ret;
	ret = check_same(e, l, &e->compares,
			 !e->compares || n->compare == e->compares->neuron.compare, "compare");
	if (!ret && !is_threshold(l))
		ret = check_same(e, l, &e->resets,
				 !e->resets || n->reset == e->resets->neuron.reset, "reset");
	return ret;
}

/* ---- numbers whose products are exact ---- */

/* x with x * by == product, the quotient if there is none; whether there is one. */
static bool divide(double product, double by, double *x)
{
	double up = product / by, down = up;

	*x = up;
	for (int i = 0; i < 4; i++) {
		if (up * by == product || down * by == product) {
			*x = up * by == product ? up : down;
			return true;
		}
		up = nextafter(up, INFINITY);
		down = nextafter(down, -INFINITY);
	}
	return false;
}

/* A time constant near dt / (1 - kept), whose quotient has an exact inverse. */
static double time_constant(double dt, double kept, double *decay, double *inverse)
{
	double tau = dt / (1 - kept);

	for (int i = 0; i < NEIGHBOURS; i++) {
		*decay = dt / tau;
		if (tau >= dt && divide(1, *decay, inverse))
			break;
		tau = nextafter(tau, INFINITY);
	}
	return tau;
}

/* ---- parameters ---- */

/* Values for all neurons, of those of channels. */
struct parameters {
	uint32_t dims, channels;
	uint64_t shape[3], positions;
	double *row, *all;
};

static int take_room(const struct export *e, const struct graph_layer *l, bool map,
		     struct parameters *p)
{
	const struct graph_shape *s = &l->out;

	*p = (struct parameters){ .dims = map ? 3 : 1,
				  .channels = s->channels,
				  .shape = { s->channels, s->height, s->width },
				  .positions = (uint64_t)s->height * s->width };
	p->row = calloc(p->channels, sizeof(*p->row));
	p->all = calloc(p->channels * p->positions, sizeof(*p->all));
	if (p->row && p->all)
		return 0;
	free(p->row);
	free(p->all);
	return error_set(-ENOMEM, "%s: no memory", e->path);
}

static void put_row(struct export *e, struct parameters *p, const char *key)
{
	for (uint64_t i = 0; i < p->channels * p->positions; i++)
		p->all[i] = p->row[i / p->positions];
	nir_file_doubles(&e->f, key, p->dims, p->shape, p->all);
}

static void put_numbers(struct export *e, struct parameters *p, const struct graph_numbers *n,
			const char *key)
{
	for (uint32_t c = 0; c < p->channels; c++)
		p->row[c] = graph_real(n, n->count > 1 ? c : 0);
	put_row(e, p, key);
}

/* tau, and what makes its gain 1. */
static void put_leak(struct export *e, const struct graph_layer *l, struct parameters *p,
		     bool current, const char *tau, const char *gain)
{
	double decay, inverse;

	for (uint32_t c = 0; c < p->channels; c++)
		p->row[c] = time_constant(e->dt, kept(l, current, c), &decay, &inverse);
	put_row(e, p, tau);
	for (uint32_t c = 0; c < p->channels; c++) {
		time_constant(e->dt, kept(l, current, c), &decay, &inverse);
		p->row[c] = inverse;
	}
	put_row(e, p, gain);
}

/* What the neuron adds in each step, as a leak to another potential. */
static void put_v_leak(struct export *e, const struct graph_layer *l, struct parameters *p,
		       bool biased)
{
	double decay, inverse, leak = 0;

	for (uint32_t c = 0; c < p->channels; c++) {
		time_constant(e->dt, kept(l, false, c), &decay, &inverse);
		if (biased)
			divide(graph_real(&l->bias, l->bias.count > 1 ? c : 0), decay, &leak);
		p->row[c] = leak;
	}
	put_row(e, p, "v_leak");
}

static const char *type_of(const struct graph_layer *l, bool leaks)
{
	if (is_cuba(l))
		return shows_potential(l) ? "CubaLI" : "CubaLIF";
	if (is_threshold(l))
		return "Threshold";
	if (leaks)
		return shows_potential(l) ? "LI" : "LIF";
	return shows_potential(l) ? "I" : "IF";
}

/* IF never leaks, LIF always. */
static int check_leaks(const struct export *e, const struct graph_layer *l, bool leaks, bool biased)
{
	if (leaks && (some_keeps(l, false, 1) || (is_cuba(l) && some_keeps(l, true, 1))))
		return export_refuse(e, l,
				     "neurons of NIR with a current, or with a leak in some "
				     "channels, leak in all");
	if (biased && (!leaks || is_threshold(l)))
		return export_refuse(e, l,
				     "neurons of NIR without a leak have no bias where there are "
				     "no weights");
	return 0;
}

static void put_firing(struct export *e, const struct graph_layer *l, struct parameters *p)
{
	put_numbers(e, p, &l->threshold, is_threshold(l) ? "threshold" : "v_threshold");
	if (l->reset.count && !is_threshold(l))
		put_numbers(e, p, &l->reset, "v_reset");
}

int export_put_neuron(struct export *e, const struct graph_layer *l, const char *suffix,
		      bool weights, bool map)
{
	bool leaks = is_cuba(l) || !all_keep(l, false, 1);
	bool biased = has_bias(l) && (!weights || export_keeps_bias(l));
	const char *type = type_of(l, leaks);
	struct parameters p;
	int ret = check_leaks(e, l, leaks, biased), node;

	if (!ret)
		ret = take_room(e, l, map, &p);
	if (ret)
		return ret;
	node = nir_file_add(&e->f, l->name, suffix, type);
	if (node >= 0 && leaks && !is_threshold(l)) {
		put_leak(e, l, &p, false, is_cuba(l) ? "tau_mem" : "tau", "r");
		if (is_cuba(l))
			put_leak(e, l, &p, true, "tau_syn", "w_in");
		put_v_leak(e, l, &p, biased);
	} else if (node >= 0 && !leaks) {
		for (uint32_t c = 0; c < p.channels; c++)
			p.row[c] = 1;
		put_row(e, &p, "r");
	}
	if (node >= 0 && !shows_potential(l))
		put_firing(e, l, &p);
	free(p.row);
	free(p.all);
	return node;
}

int export_put_delay(struct export *e, const struct graph_layer *l, int more, bool map)
{
	struct parameters p;
	int ret = take_room(e, l, map, &p), node;

	if (ret)
		return ret;
	node = nir_file_add(&e->f, l->name, export_repeats(l, 1) ? "" : "_delay", "Delay");
	for (uint32_t c = 0; c < p.channels; c++)
		p.row[c] = e->dt * (more + (l->delay.count ? graph_number(&l->delay, c) :
							     (int32_t)l->neuron.delay));
	if (node >= 0)
		put_row(e, &p, "delay");
	free(p.row);
	free(p.all);
	return node;
}
