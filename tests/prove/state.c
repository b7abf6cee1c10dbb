// SPDX-License-Identifier: MIT
/*
 * state.c - any state of any layer: what check_state() accepts lies in the region of states, behind its
 * header, and is apart from the states of all layers before. States are as large as they like;
 * that executors take them for as large is the same function, snnq_layer_state_bytes().
 */
#define STATES_APART
#include "any.h"

/* Of each layer, by its number. */
static __u64 sizes[BEFORE + 1];

static __u64 prove_state_bytes(const struct snnq_layer *l)
{
	__u32 i;

	for (i = 0; i < BEFORE; i++)
		if (layers[i] == l)
			break;
	return sizes[i];
}

static bool state_holds(const struct snnq_layer *l)
{
	__u64 bytes = prove_state_bytes(l);

	if (!bytes)
		return !l->state_offset;
	return l->state_offset >= sizeof(struct snnq_state_header) && l->state_offset % 8 == 0 &&
	       lies_within(l->state_offset, bytes, program->state_bytes);
}

int main(void)
{
	struct snnq_program_header header;
	struct snnq_pace pace;
	struct check c;
	const struct snnq_layer *l;
	__u32 i;

	for (i = 0; i <= BEFORE; i++) {
		sizes[i] = nondet_u64();
		assume(sizes[i] <= MOST_BYTES);
	}
	l = any_layer(&c, &header, &pace);
	if (check_state(&c, l))
		return 0;
	assert_that("the state lies in its region", state_holds(l));
	for (i = 0; i < BEFORE; i++)
		assert_that("states are apart", !sizes[BEFORE] || !layers[i]->state_offset ||
							apart(l->state_offset, sizes[BEFORE],
							      layers[i]->state_offset, sizes[i]));
	return 0;
}
