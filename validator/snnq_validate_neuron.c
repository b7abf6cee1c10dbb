// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * snnq_validate_neuron.c - what the validator knows about neurons: which fields belong
 * together, their tables, and the size of a layer's state.
 */
#include "snnq_validate_internal.h"

/* Layers that have a neuron stage without a neuron: all but requantization unused. */
static const struct rule requant_rules[] = {
	L(neuron.compare, 0, 0, RESERVED),
	L(neuron.reset, 0, 0, RESERVED),
	L(neuron.leak, 0, 0, RESERVED),
	L(neuron.current_leak, 0, 0, RESERVED),
	L(neuron.shift, 0, 0, RESERVED),
	L(neuron.delay, 0, 0, RESERVED),
	L(neuron.leak_param, 0, 0, RESERVED),
	L(neuron.current_leak_param, 0, 0, RESERVED),
	L(neuron.reset_value, 0, 0, RESERVED),
	L(neuron.refractory, 0, 0, RESERVED),
	L(neuron.flags, 0, 0, RESERVED),
	L(neuron.output, 0, 0, RESERVED),
	L(neuron.tie, 0, 0, RESERVED),
	L(neuron.levels, 0, 0, RESERVED),
	L(neuron.low, 0, 0, RESERVED),
	L(neuron.reset_period, 0, 0, RESERVED),
	L(neuron.reset_offset, 0, 0, RESERVED),
	L(neuron.leak_index, 0, 0, RESERVED),
	L(neuron.leak_count, 0, 0, RESERVED),
	L(neuron.current_leak_index, 0, 0, RESERVED),
	L(neuron.current_leak_count, 0, 0, RESERVED),
	L(neuron.reset_index, 0, 0, RESERVED),
	L(neuron.reset_count, 0, 0, RESERVED),
	L(neuron.delay_index, 0, 0, RESERVED),
	L(neuron.delay_count, 0, 0, RESERVED),
	L(neuron.threshold_index, 0, 0, RESERVED),
	L(neuron.threshold_count, 0, 0, RESERVED),
	L(flags, 0, 0, FLAGS),
};

/* Neurons whose potential is not seen do not requantize. */
static const struct rule spiking_rules[] = {
	L(neuron.requant_shift, 0, 0, RESERVED),
	L(neuron.mult_index, 0, 0, RESERVED),
	L(neuron.mult_count, 0, 0, RESERVED),
};

/* LIF has no synaptic current. */
static const struct rule lif_rules[] = {
	L(neuron.current_leak, 0, 0, RESERVED),
	L(neuron.current_leak_param, 0, 0, RESERVED),
	L(neuron.current_leak_index, 0, 0, RESERVED),
	L(neuron.current_leak_count, 0, 0, RESERVED),
};

/* Tables. */

static int needs(struct check *c, __u64 feature, const char *field)
{
	return c->header->needs & feature ? 0 : fail(c, SNNQ_CHECK_NEEDS, field);
}

/* One value for all, one for each channel or one for each element; absent if @optional. */
static int check_table(struct check *c, const struct snnq_layer *l, __u32 index, __u32 count,
		       bool optional, const char *field)
{
	if (optional && !count)
		return index ? fail(c, SNNQ_CHECK_RESERVED, field) : 0;
	if (count != 1 && count != l->out.channels && count != snnq_tensor_elements(&l->out))
		return fail(c, SNNQ_CHECK_TABLE, field);
	if (!fits(index, count, c->header->table_count))
		return fail(c, SNNQ_CHECK_TABLE, field);
	return count == 1 || count == l->out.channels ? 0 :
							needs(c, SNNQ_PROGRAM_NEEDS_TABLES, field);
}

/* A table in place of a field: all values in [@low, @high]. */
static int check_values(struct check *c, const struct snnq_layer *l, __u32 index, __u32 count,
			__s64 low, __s64 high, const char *field)
{
	int ret = check_table(c, l, index, count, false, field);
	__u32 i;

	if (!ret)
		ret = needs(c, SNNQ_PROGRAM_NEEDS_TABLES, field);
	for (i = 0; i < count && !ret; i++) {
		__s64 v = c->table[SNNQ_INDEX(index + i, c->header->table_count)];

		ret = paced_turn(c, i, count);
		if (!ret && (v < low || v > high))
			ret = fail(c, SNNQ_CHECK_NEURON, field);
	}
	return ret;
}

static __u32 least_leak(__u32 leak)
{
	return leak == SNNQ_LEAK_DIVN;
}

static __u32 most_leak(__u32 leak)
{
	switch (leak) {
	case SNNQ_LEAK_NONE:
		return 0;
	case SNNQ_LEAK_TZ12:
		return 4096;
	default:
		return 65536;
	}
}

/* Leak @leak with parameter @param, or with the table that takes its place. */
static int check_leak(struct check *c, const struct snnq_layer *l, __u32 leak, __u32 param,
		      __u32 index, __u32 count, const char *field, const char *table)
{
	if (!count && index)
		return fail(c, SNNQ_CHECK_RESERVED, table);
	if (!count)
		return param >= least_leak(leak) && param <= most_leak(leak) ?
			       0 :
			       fail(c, SNNQ_CHECK_NEURON, field);
	if (param)
		return fail(c, SNNQ_CHECK_RESERVED, field);
	if (leak == SNNQ_LEAK_NONE)
		return fail(c, SNNQ_CHECK_RESERVED, table);
	return check_values(c, l, index, count, least_leak(leak), most_leak(leak), table);
}

static int check_leaks(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret = check_leak(c, l, n->leak, n->leak_param, n->leak_index, n->leak_count,
			     "neuron.leak_param", "neuron.leak_count");

	return ret ? ret :
		     check_leak(c, l, n->current_leak, n->current_leak_param, n->current_leak_index,
				n->current_leak_count, "neuron.current_leak_param",
				"neuron.current_leak_count");
}

static int check_delay(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;

	if (!n->delay_count)
		return n->delay_index ? fail(c, SNNQ_CHECK_RESERVED, "neuron.delay_count") : 0;
	return check_values(c, l, n->delay_index, n->delay_count, 0, n->delay,
			    "neuron.delay_count");
}

/* Thresholds. */

/* D values that rise, or as many for each channel. */
static int check_level_table(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret = 0;
	__u32 i;

	if ((n->threshold_count != n->levels &&
	     n->threshold_count != (__u64)n->levels * l->out.channels) ||
	    !fits(n->threshold_index, n->threshold_count, c->header->table_count))
		return fail(c, SNNQ_CHECK_TABLE, "neuron.threshold");
	for (i = 0; i < n->threshold_count && !ret; i++) {
		__u32 at = SNNQ_INDEX(n->threshold_index + i, c->header->table_count);

		ret = paced_turn(c, i, n->threshold_count);
		if (!ret &&
		    (c->table[at] < 1 || (i % n->levels && c->table[at] <= c->table[at - 1])))
			ret = fail(c, SNNQ_CHECK_THRESHOLD, "neuron.threshold");
	}
	return ret;
}

static int check_thresholds(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	__u32 i;
	int ret;

	if (n->flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS)
		return check_level_table(c, l);
	ret = check_table(c, l, n->threshold_index, n->threshold_count, false, "neuron.threshold");
	for (i = 0; i < n->threshold_count && !ret; i++) {
		__u32 at = SNNQ_INDEX(n->threshold_index + i, c->header->table_count);

		ret = paced_turn(c, i, n->threshold_count);
		if (!ret && c->table[at] < 1)
			ret = fail(c, SNNQ_CHECK_THRESHOLD, "neuron.threshold");
	}
	return ret;
}

/* More than one level, and what comes with it. */
static int check_levels(struct check *c, const struct snnq_layer *l)
{
	const __u32 flags = SNNQ_NEURON_FLAG_HALF_LEVELS | SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS;
	const struct snnq_neuron *n = &l->neuron;

	if (!n->levels) {
		if (n->flags & flags)
			return fail(c, SNNQ_CHECK_NEURON, "neuron.flags");
		return n->tie ? fail(c, SNNQ_CHECK_NEURON, "neuron.tie") : 0;
	}
	if ((n->flags & flags) == flags)
		return fail(c, SNNQ_CHECK_NEURON, "neuron.flags");
	return needs(c, SNNQ_PROGRAM_NEEDS_LEVELS, "neuron.levels");
}

/* Resets. */

static int check_resets(struct check *c, const struct snnq_layer *l)
{
	const __u32 flags = SNNQ_NEURON_FLAG_DELAYED_RESET | SNNQ_NEURON_FLAG_CLAMP_LOW;
	const struct snnq_neuron *n = &l->neuron;
	bool resets = n->reset == SNNQ_RESET_HARD || n->refractory;

	if ((n->reset_value || n->reset_count) && !resets)
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.reset_value");
	if (n->reset_count && n->reset_value)
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.reset_value");
	if (!n->reset_count && n->reset_index)
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.reset_count");
	if (n->flags & SNNQ_NEURON_FLAG_DELAYED_RESET && n->reset != SNNQ_RESET_SOFT)
		return fail(c, SNNQ_CHECK_NEURON, "neuron.flags");
	if (n->low && !(n->flags & SNNQ_NEURON_FLAG_CLAMP_LOW))
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.low");
	if (n->reset_offset && n->reset_offset >= n->reset_period)
		return fail(c, SNNQ_CHECK_NEURON, "neuron.reset_offset");
	if ((n->flags & flags || n->reset_period) &&
	    !(c->header->needs & SNNQ_PROGRAM_NEEDS_RESETS))
		return fail(c, SNNQ_CHECK_NEEDS,
			    n->reset_period ? "neuron.reset_period" : "neuron.flags");
	if (!n->reset_count)
		return 0;
	return check_values(c, l, n->reset_index, n->reset_count, -0x80000000ll, 0x7fffffffll,
			    "neuron.reset_count");
}

/* What neurons put out. */

/* A potential that is seen; without thresholds it is all there is. */
static int check_potential(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret = needs(c, SNNQ_PROGRAM_NEEDS_POTENTIALS, "neuron.output");

	if (!ret)
		ret = check_table(c, l, n->mult_index, n->mult_count, true, "neuron.mult");
	if (ret)
		return ret;
	if (n->threshold_count || n->output == SNNQ_OUTPUT_GRADED)
		return check_thresholds(c, l);
	if (n->threshold_index || n->levels)
		return fail(c, SNNQ_CHECK_RESERVED, "neuron.threshold");
	if (n->reset != SNNQ_RESET_NONE || n->refractory)
		return fail(c, SNNQ_CHECK_NEURON, "neuron.reset");
	return 0;
}

static int check_output(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	bool counts = n->output == SNNQ_OUTPUT_COUNTS;
	int ret;

	if (n->output == SNNQ_OUTPUT_POTENTIAL || n->output == SNNQ_OUTPUT_GRADED)
		return check_potential(c, l);
	ret = snnq_check_rules(c, l, spiking_rules, COUNT(spiking_rules));
	if (ret)
		return ret;
	if (counts && !n->levels)
		return fail(c, SNNQ_CHECK_NEURON, "neuron.output");
	if (l->out.format != SNNQ_FORMAT_UNSIGNED || (!counts && l->out.planes != 1) ||
	    (counts && snnq_tensor_largest(&l->out) < n->levels))
		return fail(c, SNNQ_CHECK_TENSOR_FORMAT, "out.format");
	return check_thresholds(c, l);
}

static int check_flags(struct check *c, const struct snnq_neuron *n)
{
	if (n->flags & ~NEURON_FLAGS_SUPPORTED)
		return fail(c, SNNQ_CHECK_UNSUPPORTED, "neuron.flags");
	if (n->flags & SNNQ_NEURON_FLAG_OLD_CURRENT && n->model != SNNQ_NEURON_CUBA)
		return fail(c, SNNQ_CHECK_FLAGS, "neuron.flags");
	if (n->flags & SNNQ_NEURON_FLAG_STICKY &&
	    (n->model != SNNQ_NEURON_LIF || n->leak != SNNQ_LEAK_DIVN ||
	     (n->compare != SNNQ_COMPARE_GT && n->tie != SNNQ_TIE_EVEN)))
		return fail(c, SNNQ_CHECK_NEURON, "neuron.flags");
	return 0;
}

static int check_spiking(struct check *c, const struct snnq_layer *l)
{
	int ret = l->neuron.model == SNNQ_NEURON_LIF ?
			  snnq_check_rules(c, l, lif_rules, COUNT(lif_rules)) :
			  0;

	if (!ret)
		ret = check_flags(c, &l->neuron);
	if (!ret)
		ret = check_leaks(c, l);
	if (!ret)
		ret = check_levels(c, l);
	if (!ret)
		ret = check_resets(c, l);
	if (!ret)
		ret = check_delay(c, l);
	return ret ? ret : check_output(c, l);
}

int snnq_check_neuron(struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	int ret;

	if (n->model != SNNQ_NEURON_NONE) {
		ret = check_spiking(c, l);
	} else {
		ret = snnq_check_rules(c, l, requant_rules, COUNT(requant_rules));
		if (!ret)
			ret = check_table(c, l, n->mult_index, n->mult_count, true, "neuron.mult");
	}
	if (ret)
		return ret;
	return check_table(c, l, n->bias_index, n->bias_count, true, "neuron.bias");
}

/* State. */

static __u64 round8(__u64 v)
{
	return (v + 7) & ~7ull;
}

static __u64 own_state_bytes(const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;
	__u64 part = round8(snnq_tensor_elements(&l->out) * 4);
	__u64 parts;

	if (l->op == SNNQ_OP_READOUT)
		return l->param == SNNQ_READOUT_LAST ? 0 : (__u64)l->out.channels * 8;
	if (n->model == SNNQ_NEURON_NONE)
		return 0;
	parts = n->model == SNNQ_NEURON_CUBA ? 2 : 1;
	if (snnq_neuron_has_counter(n))
		parts++;
	return parts * part + n->delay * round8(snnq_tensor_bytes(&l->out));
}

__u64 snnq_layer_state_bytes(const struct snnq_layer *l)
{
	__u64 bytes = own_state_bytes(l);
	__u32 k;

	for (k = 0; k < SNNQ_MAX_OPERANDS; k++)
		if (l->in[k].flags & SNNQ_TENSOR_FLAG_PREVIOUS)
			bytes += round8(snnq_tensor_bytes(&l->in[k]));
	return bytes;
}
