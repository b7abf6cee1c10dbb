// SPDX-License-Identifier: MIT
/*
 * speed.c - what sim's inner loops reach on this machine.
 */
#include "isa.h"
#include "snnq.h"
#include "snnq_engine.h"

/* What a loop takes, in picoseconds, and what it does in that time: LANES of the engine. */
#define ROW_SUMS     64
#define TABLE_SUMS   (8 * 64 * 4)
#define DOT_PRODUCTS (16 * 2)
#define MATCH_BITS   64

static double giga_per_second(double count, double picoseconds)
{
	return count * 1e3 / picoseconds;
}

int snnq_sim_speeds(void (*each)(void *ctx, const struct snnq_sim_speed *speed), void *ctx)
{
	int count = 0, ret = isa_check();

	if (ret)
		return ret;

	for (enum snnq_isa isa = 0; isa < SNNQ_ISA_COUNT; isa++) {
		const struct snnq_costs *c = snnq_isa_costs(isa);
		struct snnq_sim_speed s;

		if (!c)
			continue;
		s = (struct snnq_sim_speed){
			.isa = snnq_isa_name(isa),
			.used = isa == snnq_isa_default(),
			.event = giga_per_second(ROW_SUMS, c->row),
			.lookup = giga_per_second(TABLE_SUMS, c->table4 > 0 ? c->table4 : c->table),
			.dense = giga_per_second(DOT_PRODUCTS, c->dot),
			.attention = giga_per_second(MATCH_BITS, c->match),
			.neurons = giga_per_second(1, c->neuron),
		};
		each(ctx, &s);
		count++;
	}
	return count;
}
