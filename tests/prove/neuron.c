// SPDX-License-Identifier: MIT
/*
 * neuron.c - any neuron of any layer: what snnq_check_neuron() accepts has its tables within the
 * program's, one entry for each or one for all, and no value that the arithmetic has no meaning for.
 */
#include "any.h"

static bool per_channel(const struct snnq_layer *l, __u32 count)
{
	return count == 1 || count == l->out.channels || count == snnq_tensor_elements(&l->out);
}

#define ASSERT_TABLE(index, count, low, high)                                             \
	assert_that(#count ": entries are there and in range",                            \
		    !l->neuron.count ||                                                   \
			    table_holds(c, l->neuron.index, l->neuron.count, low, high)); \
	assert_that(#count ": one for each", !l->neuron.count || per_channel(l, l->neuron.count))

static __s64 leak_most(__u32 leak)
{
	return leak == SNNQ_LEAK_NONE ? 0 : leak == SNNQ_LEAK_TZ12 ? 4096 : 65536;
}

static void assert_leak(const struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;

	assert_that("leaks are in range", n->leak_count || n->leak_param <= leak_most(n->leak));
	assert_that("no division by zero",
		    n->leak != SNNQ_LEAK_DIVN || n->leak_count || n->leak_param);
	assert_that("no division by zero in the current", n->current_leak != SNNQ_LEAK_DIVN ||
								  n->current_leak_count ||
								  n->current_leak_param);
	ASSERT_TABLE(leak_index, leak_count, n->leak == SNNQ_LEAK_DIVN, leak_most(n->leak));
	ASSERT_TABLE(current_leak_index, current_leak_count, n->current_leak == SNNQ_LEAK_DIVN,
		     leak_most(n->current_leak));
}

static void assert_neuron(const struct check *c, const struct snnq_layer *l)
{
	const struct snnq_neuron *n = &l->neuron;

	ASSERT_TABLE(bias_index, bias_count, S32_LEAST, 0x7fffffff);
	ASSERT_TABLE(mult_index, mult_count, S32_LEAST, 0x7fffffff);
	assert_that("shifts are in range",
		    n->shift <= SNNQ_MAX_SHIFT && n->requant_shift <= SNNQ_MAX_REQUANT_SHIFT);
	if (n->model == SNNQ_NEURON_NONE)
		return;
	assert_leak(c, l);
	ASSERT_TABLE(reset_index, reset_count, S32_LEAST, 0x7fffffff);
	ASSERT_TABLE(delay_index, delay_count, 0, n->delay);
	assert_that("thresholds are there and at least 1",
		    table_holds(c, n->threshold_index, n->threshold_count, 1, 0x7fffffff));
	assert_that("one threshold for each, or levels",
		    !n->threshold_count || n->flags & SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS ?
			    true :
			    per_channel(l, n->threshold_count));
	assert_that("who fires has a threshold",
		    n->threshold_count || n->output == SNNQ_OUTPUT_POTENTIAL);
	assert_that("reset values belong to resets", (!n->reset_value && !n->reset_count) ||
							     n->reset == SNNQ_RESET_HARD ||
							     n->refractory);
}

int main(void)
{
	struct snnq_program_header header;
	struct snnq_pace pace;
	struct check c;
	const struct snnq_layer *l = any_layer(&c, &header, &pace);

	assume(tensor_holds(&l->out));
	if (snnq_check_neuron(&c, l))
		return 0;
	assert_neuron(&c, l);
	return 0;
}
