// SPDX-License-Identifier: MIT
/*
 * test_validate.c - the validator: a program with every operation is valid, each
 * single corruption of it is refused for the stated reason, and no corruption of
 * bits makes validator or engine misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bad_programs.h"

static struct snnq_tensor tensor(uint8_t format, uint8_t planes, uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, format, planes, h, w, c);
}

static int validate(const void *blob, size_t size, struct snnq_diag *diag)
{
	struct snnq_program_info info;

	return snnq_program_validate(blob, size, &snnq_caps_all, &info, diag);
}

static int code_of(enum snnq_check check)
{
	if (check == SNNQ_CHECK_OK)
		return 0;
	if (check == SNNQ_CHECK_UNSUPPORTED)
		return -EOPNOTSUPP;
	return check == SNNQ_CHECK_OVERFLOW ? -EOVERFLOW : -EINVAL;
}

/* What was said must be this, down to layer and field. */
static void expect_diag(const void *blob, size_t size, const struct corruption *e, const char *name,
			size_t i)
{
	uint32_t layer = e->check ? e->layer : NOT_IN_LAYER;
	const char *field = e->check ? e->field : "";
	struct snnq_diag diag;
	int ret = validate(blob, size, &diag);

	if (diag.check != e->check || diag.layer != layer || strcmp(diag.field, field))
		fail_msg("%s %zu: %s, layer %d, \"%s\"; expected: %s, layer %d, \"%s\"", name, i,
			 snnq_check_text(diag.check), (int)diag.layer, diag.field,
			 snnq_check_text(e->check), (int)layer, field);
	assert_int_equal(ret, code_of(e->check));
}

static void corrupt_fields(void **context)
{
	const struct corruption fine = { .check = SNNQ_CHECK_OK };
	struct program p;
	size_t size, s, i;

	(void)context;
	full_program(&p);
	assert_int_equal(p.h.region_count, R_END - 3);
	for (s = 0; s < CORRUPTION_SETS; s++)
		for (i = 0; i < corruption_sets[s].count; i++) {
			const struct corruption *bad = &corruption_sets[s].bad[i];
			char *blob = pack(&p, &size);

			expect_diag(blob, size, &fine, "unchanged", i);
			memcpy(blob + bad->at, &bad->value, bad->size);
			expect_diag(blob, size, bad, corruption_sets[s].name, i);
			free(blob);
		}
}

static void sizes(void **context)
{
	struct snnq_diag diag;
	struct program p;
	size_t size, n;
	char *blob;

	(void)context;
	full_program(&p);
	blob = pack(&p, &size);
	for (n = 0; n < size; n++) {
		assert_int_equal(validate(blob, n, &diag), -EINVAL);
		assert_int_equal(diag.check, SNNQ_CHECK_SIZE);
	}
	assert_int_equal(validate(blob, SNNQ_MAX_PROGRAM_BYTES + 1, &diag), -EINVAL);
	assert_int_equal(diag.check, SNNQ_CHECK_LIMIT);
	free(blob);
}

static void refused(const struct program *p, enum snnq_check check, uint32_t layer,
		    const char *field)
{
	const struct corruption e = { .check = check, .layer = layer, .field = field };
	size_t size;
	void *blob = pack(p, &size);

	expect_diag(blob, size, &e, "program", 0);
	free(blob);
}

static void accepted(const struct program *p)
{
	refused(p, SNNQ_CHECK_OK, 0, NULL);
}

/* What this version does not execute is refused before the rest is looked at, on any device. */
static void needed_features(void **context)
{
	struct snnq_caps caps = snnq_caps_all;
	struct snnq_program_info info;
	struct snnq_diag diag;
	struct program p;
	uint64_t need;
	size_t size;
	void *blob;

	(void)context;
	caps.needs = ~0ull;
	for (need = 1; need <= SNNQ_PROGRAM_NEEDS; need <<= 1) {
		bool supported = snnq_caps_all.needs & need;

		full_program(&p);
		p.h.needs |= need;
		blob = pack(&p, &size);
		assert_int_equal(snnq_program_validate(blob, size, &caps, &info, &diag),
				 supported ? 0 : -EOPNOTSUPP);
		free(blob);
		p.layers[0].op = SNNQ_OP_COUNT;
		if (supported)
			refused(&p, SNNQ_CHECK_OP, 0, "op");
		else
			refused(&p, SNNQ_CHECK_UNSUPPORTED, NOT_IN_LAYER, "needs");
	}
}

/* A device that lacks just this width of just this scheme. */
static void expect_unsupported(const struct program *p, uint32_t scheme, uint32_t bits)
{
	struct snnq_caps caps = snnq_caps_all;
	uint32_t *widths[] = { NULL,
			       &caps.scheme_uniform,
			       &caps.scheme_odd,
			       &caps.scheme_pot,
			       &caps.scheme_apot,
			       &caps.scheme_ternary };
	struct snnq_program_info info;
	struct snnq_diag diag;
	size_t size;
	void *blob = pack(p, &size);

	*widths[scheme] &= ~(1u << bits);
	assert_int_equal(snnq_program_validate(blob, size, &caps, &info, &diag), -EOPNOTSUPP);
	assert_string_equal(diag.field, "quant.bits");
	caps = snnq_caps_all;
	caps.scheme_uniform = 0;
	caps.scheme_odd = 0;
	caps.scheme_pot = 0;
	caps.scheme_apot = 0;
	caps.scheme_ternary = 0;
	*widths[scheme] = 1u << bits;
	assert_int_equal(snnq_program_validate(blob, size, &caps, &info, &diag), 0);
	free(blob);
}

/* Every scheme and width: the bytes of a row, and nothing but the listed widths. */
static void schemes(void **context)
{
	static const uint32_t widths[] = { 0, 0x1fe, 0x1fe, 0x3c, 0x38, 0x04, 0, 0 };
	struct snnq_layer *l;
	struct program p;
	uint32_t scheme, bits, n;

	(void)context;
	for (scheme = 1; scheme < 8; scheme++)
		for (bits = 0; bits < 256; bits++) {
			bool ok = bits < 32 && widths[scheme] >> bits & 1;

			n = 1 + (bits * 7 + scheme) % 13;
			program_init(&p, 1, 1);
			l = add_layer(&p, SNNQ_OP_LINEAR);
			l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 3),
					     SNNQ_ROLE_INPUT);
			l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, n),
					   SNNQ_ROLE_OUTPUT);
			set_weights(&p, l, (uint8_t)scheme, (uint8_t)bits);
			p.regions[2].bytes += !bits;
			if (!ok) {
				refused(&p, SNNQ_CHECK_SCHEME, 0,
					widths[scheme] ? "quant.bits" : "quant.scheme");
				continue;
			}
			accepted(&p);
			expect_unsupported(&p, scheme, bits);
			assert_int_equal(p.regions[2].bytes,
					 3 * (scheme == SNNQ_SCHEME_TERNARY ? (n + 4) / 5 :
									      (n * bits + 7) / 8));
			p.regions[2].bytes--;
			if (p.regions[2].bytes)
				refused(&p, SNNQ_CHECK_WEIGHTS, 0, "quant.offset");
		}
	assert_int_equal(snnq_row_bytes(SNNQ_SCHEME_TERNARY, 2, ~0u), 858993459);
	assert_int_equal(snnq_row_bytes(SNNQ_SCHEME_UNIFORM, 8, ~0u), 0xffffffff);
}

/* The bound of the accumulator takes the largest level of each grid, which the engine knows. */
static void largest_levels(void **context)
{
	const uint64_t limit = 0x7fffffff, input = 0xffff;
	struct snnq_layer *l;
	struct program p;
	uint32_t scheme, bits, code;

	(void)context;
	for (scheme = SNNQ_SCHEME_UNIFORM; scheme <= SNNQ_SCHEME_TERNARY; scheme++)
		for (bits = 1; bits <= 8; bits++) {
			uint64_t largest = 0, terms;

			for (code = 0; code < 1u << bits; code++) {
				uint64_t m = (uint64_t)abs(snnq_weight_decode(scheme, bits, code));

				largest = m > largest ? m : largest;
			}
			if (!largest)
				continue; /* no such grid */
			terms = limit / (input * largest);
			program_init(&p, 1, 1);
			l = add_layer(&p, SNNQ_OP_LINEAR);
			l->in[0] = in_region(
				&p, tensor(SNNQ_FORMAT_UNSIGNED, 16, 1, 1, (uint32_t)terms + 1),
				SNNQ_ROLE_INPUT);
			l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 1),
					   SNNQ_ROLE_OUTPUT);
			set_weights(&p, l, (uint8_t)scheme, (uint8_t)bits);
			refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
			l->in[0].channels--;
			if (terms)
				accepted(&p);
			else
				refused(&p, SNNQ_CHECK_TENSOR_DIMS, 0, "in[0].channels");
		}
}

/* The largest accumulators that are allowed, and the next ones. */
static void accumulators(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	/* 65535 * 32768 = 2^31 - 32768 fits; one channel more does not. */
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_SIGNED, 16, 1, 1, 65535), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 1), SNNQ_ROLE_OUTPUT);
	set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 1);
	accepted(&p);
	p.regions[0].step_bytes += 16 * 8;
	l->in[0].channels++;
	p.regions[2].bytes++;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	/* Products beyond 64 bits. */
	l->quant.scheme = SNNQ_SCHEME_POT;
	l->quant.bits = 5;
	p.regions[2].bytes = 1 << 20;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_POOL_SUM);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 16, 1, 1, 1), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 1), SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	l->param = 32767;
	accepted(&p);
	l->geometry.kernel_w = 3;
	l->geometry.pad_w = 1;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
}

/* Descriptors of other programs may be longer; what is not known there must be zero. */
static void longer_descriptors(void **context)
{
	const struct corruption fine = { .check = SNNQ_CHECK_OK };
	struct program p;
	size_t size, at, i;
	char *blob;

	(void)context;
	full_program(&p);
	p.h.header_bytes += 24;
	p.h.region_bytes += 8;
	p.h.layer_bytes = SNNQ_MAX_DESC_BYTES;
	blob = pack(&p, &size);
	expect_diag(blob, size, &fine, "longer", 0);
	for (i = 0; i < p.h.region_count + p.h.layer_count + 1u; i++) {
		bool layer = i > p.h.region_count;
		uint32_t n = (uint32_t)(layer ? i - p.h.region_count - 1 : NOT_IN_LAYER);
		struct corruption bad = {
			.check = SNNQ_CHECK_RESERVED,
			.layer = n,
			.field = !i    ? "header_bytes" :
				 layer ? "layer_bytes" :
					 "region_bytes",
		};

		/* The first byte of the tail, and the last. */
		at = !i ? sizeof(p.h) :
		     layer ?
			  (size_t)((char *)(uintptr_t)snnq_program_layer(blob, n) - blob) +
				     sizeof(p.layers[0]) :
			  (size_t)((char *)(uintptr_t)snnq_program_region(blob, (uint32_t)i - 1) -
				   blob) +
				     sizeof(p.regions[0]);
		blob[at] = 1;
		expect_diag(blob, size, &bad, "first byte", i);
		blob[at] = 0;
		at += !i ? 23 : layer ? p.h.layer_bytes - sizeof(p.layers[0]) - 1 : 7;
		blob[at] = 1;
		expect_diag(blob, size, &bad, "last byte", i);
		blob[at] = 0;
	}
	expect_diag(blob, size, &fine, "as before", 0);
	free(blob);
}

/* What a declared bound may be, and what follows from it. */
static void value_bounds(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	/* Counts up to 4 may come from more channels than counts up to 7. */
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_CONV2D);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 3, 64, 1, 65536), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 1), SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 64, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 8);
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator"); /* 2^22 * 7 * 128 */
	l->in[0].bound = 4;
	refused(&p, SNNQ_CHECK_NEEDS, 0, "in[0].bound");
	p.h.needs = SNNQ_PROGRAM_NEEDS_BOUNDS;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator"); /* 2^22 * 4 * 128 = 2^31 */
	l->in[0].channels--;
	p.regions[2].bytes -= 64;
	accepted(&p);
	l->in[0].bound = 5;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[0].bound = 8;
	refused(&p, SNNQ_CHECK_BOUND, 0, "in[0].bound");
	l->in[0].bound = ~0u;
	refused(&p, SNNQ_CHECK_BOUND, 0, "in[0].bound");
	l->in[0].bound = 4;
	l->out.bound = 1000;
	accepted(&p);
	l->out.bound = 1u << 31;
	refused(&p, SNNQ_CHECK_BOUND, 0, "out.bound");
	l->out.bound = 0;
	l->in[0].format = SNNQ_FORMAT_SIGNED;
	refused(&p, SNNQ_CHECK_UNSUPPORTED, 0, "in[0].bound");
}

/* Two operands of ELEMENTWISE: shapes that are repeated, formats, scales and bounds. */
static void elementwise(void **context)
{
	static const int32_t mult[70] = { -7, 3, -0x7fffffff - 1 };
	struct snnq_layer *l;
	struct program p;
	uint32_t table;

	(void)context;
	program_init(&p, 1, 1);
	p.h.needs = SNNQ_PROGRAM_NEEDS_BOUNDS;
	l = add_layer(&p, SNNQ_OP_ELEMENTWISE);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 3, 4, 70), SNNQ_ROLE_INPUT);
	l->in[1] = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 3, 4, 70), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 3, 4, 70), SNNQ_ROLE_OUTPUT);
	table = add_table(&p, 70, mult);
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[0].bound = 1u << 30;
	l->in[1].bound = 1u << 30;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[1].bound--;
	accepted(&p);
	l->mode = SNNQ_ELEMENTWISE_MULTIPLY;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[0].bound = 2;
	accepted(&p);
	l->mode = SNNQ_ELEMENTWISE_OR;
	refused(&p, SNNQ_CHECK_TENSOR_FORMAT, 0, "in[0].format");
	l->mode = SNNQ_ELEMENTWISE_ADD;

	l->scale[0] = (struct snnq_scale){ table, 70, 1, 0 };
	refused(&p, SNNQ_CHECK_NEEDS, 0, "scale");
	p.h.needs |= SNNQ_PROGRAM_NEEDS_SCALES;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "scale"); /* 2 * 2^31 / 2 */
	l->scale[0].shift = 2;
	accepted(&p); /* 2^30, and a half that is cut off, + 2^30 - 1 */
	l->in[1].bound++;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[1].bound--;
	l->scale[0].mult_count = 69;
	refused(&p, SNNQ_CHECK_TABLE, 0, "scale.mult");
	l->scale[0].mult_count = 1;
	accepted(&p);
	l->scale[0].mult_index = 70;
	refused(&p, SNNQ_CHECK_TABLE, 0, "scale.mult");
	l->scale[0].mult_count = 0;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "scale");
	l->scale[0].mult_index = 0;
	l->scale[0].shift = 32;
	refused(&p, SNNQ_CHECK_PARAM, 0, "scale.shift");
	l->scale[0] = (struct snnq_scale){ 0 };

	l->in[1].height = l->in[1].width = 1;
	accepted(&p);
	l->in[1].channels = 1;
	accepted(&p);
	l->in[0].channels = 1;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "out");
	l->in[1].channels = 70;
	accepted(&p);
	l->in[0].height = l->in[0].width = 1;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "out");
	l->in[0].height = 3;
	l->in[0].width = 1;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "in[0]");
}

/* Maxima of integers go through a scale, which does not turn them around, and a neuron. */
static void integer_maxima(void **context)
{
	static const int32_t mult[2] = { 5, -1 };
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	p.h.needs = SNNQ_PROGRAM_NEEDS_BOUNDS | SNNQ_PROGRAM_NEEDS_SCALES;
	l = add_layer(&p, SNNQ_OP_POOL_MAX);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 4, 4, 3), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 2, 2, 3), SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 2, 2, 2, 2, 0, 0, 1, 1, 1, 0, 0, 0 };
	set_lif(&p, l, 1);
	place_state(&p, l);
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator"); /* 2^31 */
	l->in[0].bound = 0x7fffffff;
	accepted(&p);
	l->scale[0] = (struct snnq_scale){ add_table(&p, 2, mult), 1, 3, 0 };
	accepted(&p);
	l->scale[0].mult_index++;
	refused(&p, SNNQ_CHECK_PARAM, 0, "scale.mult");
	l->scale[0].mult_index--;
	l->scale[1].mult_count = 9;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "scale");
	l->scale[1].mult_count = 0;
	l->scale[0].shift = 2;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "scale");
	l->in[0].format = SNNQ_FORMAT_UNSIGNED;
	l->in[0].planes = 1;
	l->in[0].bound = 0;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "neuron");
}

/* Gates, counts, and values of another width. */
static void attention_forms(void **context)
{
	struct snnq_tensor t = tensor(SNNQ_FORMAT_UNSIGNED, 2, 2, 3, 24);
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_ATTENTION);
	l->in[0] = l->in[1] = l->in[2] = in_region(&p, t, SNNQ_ROLE_INPUT);
	l->in[2] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 2, 2, 3, 60), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 2, 3, 60), SNNQ_ROLE_OUTPUT);
	l->param = 12;
	accepted(&p);
	l->param = 8;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "in[2].channels");
	l->param = 12;
	l->out.channels = 24;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "out");
	l->out.channels = 60;
	l->mode = SNNQ_ATTENTION_TOKEN;
	refused(&p, SNNQ_CHECK_TENSOR_FORMAT, 0, "in[0].format");
	l->in[0].planes = l->in[1].planes = 1;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "in[2].format");
	memset(&l->in[2], 0, sizeof(l->in[2]));
	refused(&p, SNNQ_CHECK_TENSOR_FORMAT, 0, "out.format");
	l->out.format = SNNQ_FORMAT_UNSIGNED;
	l->out.planes = 1;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "out");
	l->out.channels = 24;
	accepted(&p);
	l->mode = SNNQ_ATTENTION_CHANNEL;
	refused(&p, SNNQ_CHECK_TENSOR_FORMAT, 0, "in[2].format");
	l->in[2] = l->in[1];
	accepted(&p);
	l->mode = SNNQ_ATTENTION_QK_FIRST;
	accepted(&p);
	memset(&l->in[2], 0, sizeof(l->in[2]));
	refused(&p, SNNQ_CHECK_TENSOR_FORMAT, 0, "in[2].format");
}

/* What a view looks at lies in its place, is what was written there, and holds it. */
static void views(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	p.h.needs = SNNQ_PROGRAM_NEEDS_VIEWS;
	l = add_layer(&p, SNNQ_OP_UPSAMPLE);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 2, 6, 5, 70), SNNQ_ROLE_INPUT);
	l->out = in_scratch(&p, tensor(SNNQ_FORMAT_UNSIGNED, 2, 6, 5, 70));
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	l = add_layer(&p, SNNQ_OP_COPY);
	l->in[0] = p.layers[0].out;
	l->in[0].height = 2;
	l->in[0].width = 3;
	l->in[0].channels = 64;
	l->in[0].flags = SNNQ_TENSOR_FLAG_SLICE;
	l->in[0].whole_height = 6;
	l->in[0].whole_width = 5;
	l->in[0].whole_channels = 70;
	l->in[0].first_y = 4;
	l->in[0].first_x = 2;
	l->in[0].first_channel = 6;
	l->out = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 2, 2, 3, 64), SNNQ_ROLE_OUTPUT);
	accepted(&p);
#define WRONG(member, value, check, name)                 \
	do {                                              \
		struct snnq_tensor good = l->in[0];       \
		l->in[0].member = (value);                \
		refused(&p, SNNQ_CHECK_##check, 1, name); \
		l->in[0] = good;                          \
	} while (0)
	WRONG(first_y, 5, TENSOR_DIMS, "in[0].whole");
	WRONG(first_y, 65535, TENSOR_DIMS, "in[0].whole");
	WRONG(first_x, 3, TENSOR_DIMS, "in[0].whole");
	WRONG(first_channel, 7, TENSOR_DIMS, "in[0].whole");
	WRONG(first_channel, ~0u, TENSOR_DIMS, "in[0].whole");
	WRONG(whole_height, 7, TENSOR_EXTENT, "in[0].offset");
	WRONG(whole_height, 4097, TENSOR_DIMS, "in[0].whole");
	WRONG(whole_width, 6, TENSOR_EXTENT, "in[0].offset");
	WRONG(whole_channels, 71, TENSOR_SOURCE, "in[0].offset");
	WRONG(whole_channels, ~0u, TENSOR_DIMS, "in[0].whole");
	WRONG(planes, 1, TENSOR_SOURCE, "in[0].offset");
	WRONG(offset, 8, TENSOR_EXTENT, "in[0].offset");
	WRONG(flags, SNNQ_TENSOR_FLAG_RESHAPE, RESERVED, "in[0].whole");
	l->in[0].first_y = l->in[0].first_x = l->in[0].first_channel = 0;
	l->in[0].flags = SNNQ_TENSOR_FLAG_RESHAPE;
	refused(&p, SNNQ_CHECK_TENSOR_DIMS, 1, "in[0].whole");
	l->in[0].height = 30;
	l->in[0].width = 1;
	l->in[0].channels = 70;
	refused(&p, SNNQ_CHECK_SHAPE, 1, "out");
	l->out = p.layers[0].out;
	l->out.region = SNNQ_REGION_SCRATCH;
	l->out.height = 30;
	l->out.width = 1;
	refused(&p, SNNQ_CHECK_TENSOR_ALIAS, 1, "out.offset");
#undef WRONG
}

/* Operands of the step before, and the groups that need them. */
static void loops(void **context)
{
	struct snnq_layer *l, *next;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	p.h.needs = SNNQ_PROGRAM_NEEDS_PREVIOUS | SNNQ_PROGRAM_NEEDS_LOOPS;
	l = add_layer(&p, SNNQ_OP_ELEMENTWISE);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 2, 1, 1, 70), SNNQ_ROLE_INPUT);
	l->out = in_scratch(&p, tensor(SNNQ_FORMAT_UNSIGNED, 3, 1, 1, 70));
	l->in[1] = l->out;
	l->in[1].flags = SNNQ_TENSOR_FLAG_PREVIOUS;
	l->loop = 7;
	l->loop_count = 2;
	refused(&p, SNNQ_CHECK_STATE, 0, "state_offset");
	place_state(&p, l);
	assert_int_equal(p.h.state_bytes, sizeof(struct snnq_state_header) + 3 * 16);
	accepted(&p);
	p.h.needs = SNNQ_PROGRAM_NEEDS_LOOPS;
	refused(&p, SNNQ_CHECK_NEEDS, 0, "in[1].flags");
	p.h.needs = SNNQ_PROGRAM_NEEDS_PREVIOUS;
	refused(&p, SNNQ_CHECK_NEEDS, 0, "loop");
	p.h.needs |= SNNQ_PROGRAM_NEEDS_LOOPS;
	l->loop_count = 0;
	refused(&p, SNNQ_CHECK_PARAM, 0, "loop_count");
	l->loop = 0;
	refused(&p, SNNQ_CHECK_PARAM, 0, "loop");
	l->loop_count = 1;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "loop_count");
	l->loop = 7;
	l->in[1].planes = 2;
	refused(&p, SNNQ_CHECK_TENSOR_SOURCE, 0, "in[1].offset");
	l->in[1].planes = 3;
	l->in[1].region = l->in[0].region;
	refused(&p, SNNQ_CHECK_TENSOR_EXTENT, 0, "in[1].offset");
	l->in[1].region = SNNQ_REGION_SCRATCH;
	l->in[1].flags |= SNNQ_TENSOR_FLAG_SLICE;
	refused(&p, SNNQ_CHECK_UNSUPPORTED, 0, "in[1].flags");
	l->in[1].flags = SNNQ_TENSOR_FLAG_PREVIOUS;

	/* The last writer counts, and it must be of the group. */
	next = add_layer(&p, SNNQ_OP_UPSAMPLE);
	next->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 2, 1, 1, 70), SNNQ_ROLE_INPUT);
	next->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	next->out = l->out;
	next->out.planes = 2;
	accepted(&p);
	next->loop = 7;
	next->loop_count = 1;
	refused(&p, SNNQ_CHECK_TENSOR_SOURCE, 0, "in[1].offset");
	next->loop_count = 3;
	refused(&p, SNNQ_CHECK_PARAM, 1, "loop_count");
	next->loop = 8;
	accepted(&p);
	next = add_layer(&p, SNNQ_OP_UPSAMPLE);
	*next = p.layers[1];
	next->loop = 7;
	next->loop_count = 1;
	refused(&p, SNNQ_CHECK_PARAM, 2, "loop");
}

/* What neurons can have, one field after the other; the table is 1, 2 ... */
static void any_neurons(void **context)
{
	int32_t numbers[64];
	struct snnq_neuron good;
	struct snnq_layer *l;
	struct program p;
	uint32_t table;

	(void)context;
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_LINEAR);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 3, 8), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 3, 1, 3, 4), SNNQ_ROLE_OUTPUT);
	set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 3);
	for (uint32_t i = 0; i < 64; i++)
		numbers[i] = (int32_t)i + 1;
	table = add_table(&p, 64, numbers);
	l->neuron = (struct snnq_neuron){
		.model = SNNQ_NEURON_CUBA,
		.reset = SNNQ_RESET_SOFT,
		.output = SNNQ_OUTPUT_COUNTS,
		.levels = 7,
		.threshold_index = table,
		.threshold_count = 1,
	};
	place_state(&p, l);
	p.h.state_bytes += 1024; /* for what comes and goes */
	good = l->neuron;
	refused(&p, SNNQ_CHECK_NEEDS, 0, "neuron.levels");
	p.h.needs = SNNQ_PROGRAM_NEEDS_LEVELS;
	accepted(&p);
	l->neuron.levels = 8; /* three planes hold 7 */
	refused(&p, SNNQ_CHECK_TENSOR_FORMAT, 0, "out.format");
	l->neuron.output = SNNQ_OUTPUT_SPIKES;
	refused(&p, SNNQ_CHECK_TENSOR_FORMAT, 0, "out.format");
	l->neuron = good;
	l->neuron.flags = SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS;
	refused(&p, SNNQ_CHECK_TABLE, 0, "neuron.threshold");
	l->neuron.threshold_count = 7;
	accepted(&p);
	l->neuron.threshold_count = 4 * 7;
	accepted(&p);
	l->neuron.threshold_index = table + 64 - 27;
	refused(&p, SNNQ_CHECK_TABLE, 0, "neuron.threshold");
	l->neuron.threshold_index = table;
	p.table[table + 10] = p.table[table + 9];
	refused(&p, SNNQ_CHECK_THRESHOLD, 0, "neuron.threshold");
	p.table[table + 10] = 11;
	l->neuron.flags |= SNNQ_NEURON_FLAG_HALF_LEVELS;
	refused(&p, SNNQ_CHECK_NEURON, 0, "neuron.flags");
	l->neuron = good;
	l->neuron.tie = SNNQ_TIE_EVEN;
	accepted(&p);

	l->neuron = good;
	l->neuron.flags = SNNQ_NEURON_FLAG_DELAYED_RESET;
	refused(&p, SNNQ_CHECK_NEEDS, 0, "neuron.flags");
	p.h.needs |= SNNQ_PROGRAM_NEEDS_RESETS;
	accepted(&p);
	l->neuron.reset = SNNQ_RESET_NONE;
	refused(&p, SNNQ_CHECK_NEURON, 0, "neuron.flags");
	l->neuron = good;
	l->neuron.low = -5;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "neuron.low");
	l->neuron.flags = SNNQ_NEURON_FLAG_CLAMP_LOW;
	accepted(&p);
	l->neuron.reset_period = 3;
	l->neuron.reset_offset = 3;
	refused(&p, SNNQ_CHECK_NEURON, 0, "neuron.reset_offset");
	l->neuron.reset_offset = 2;
	accepted(&p);

	l->neuron = good;
	l->neuron.leak = SNNQ_LEAK_TZ12;
	l->neuron.leak_index = table;
	l->neuron.leak_count = 4;
	refused(&p, SNNQ_CHECK_NEEDS, 0, "neuron.leak_count");
	p.h.needs |= SNNQ_PROGRAM_NEEDS_TABLES;
	accepted(&p);
	l->neuron.leak_count = 12;
	accepted(&p);
	l->neuron.leak_count = 11;
	refused(&p, SNNQ_CHECK_TABLE, 0, "neuron.leak_count");
	l->neuron.leak_count = 4;
	p.table[table + 3] = 4097;
	refused(&p, SNNQ_CHECK_NEURON, 0, "neuron.leak_count");
	p.table[table + 3] = 4;
	l->neuron.leak = SNNQ_LEAK_NONE;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "neuron.leak_count");
	l->neuron = good;
	l->neuron.delay_index = table;
	l->neuron.delay_count = 4;
	l->neuron.delay = 3;
	refused(&p, SNNQ_CHECK_NEURON, 0, "neuron.delay_count");
	l->neuron.delay = 4;
	accepted(&p);
	l->neuron = good;
	l->neuron.reset_index = table;
	l->neuron.reset_count = 4;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "neuron.reset_value");
	l->neuron.refractory = 1;
	accepted(&p);

	l->neuron = good;
	l->neuron.output = SNNQ_OUTPUT_POTENTIAL;
	refused(&p, SNNQ_CHECK_NEEDS, 0, "neuron.output");
	p.h.needs |= SNNQ_PROGRAM_NEEDS_POTENTIALS;
	accepted(&p);
	l->neuron.threshold_count = 0;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "neuron.threshold");
	l->neuron.threshold_index = 0;
	refused(&p, SNNQ_CHECK_RESERVED, 0, "neuron.threshold");
	l->neuron.levels = 0;
	refused(&p, SNNQ_CHECK_NEURON, 0, "neuron.reset");
	l->neuron.reset = SNNQ_RESET_NONE;
	accepted(&p);
	l->neuron.output = SNNQ_OUTPUT_GRADED;
	refused(&p, SNNQ_CHECK_TABLE, 0, "neuron.threshold");
}

/* Sums along axes have a bound too. */
static void reductions(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	p.h.needs = SNNQ_PROGRAM_NEEDS_BOUNDS;
	l = add_layer(&p, SNNQ_OP_REDUCE);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 16, 16, 32), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 8), SNNQ_ROLE_OUTPUT);
	l->axes = SNNQ_AXIS_HEIGHT | SNNQ_AXIS_WIDTH | SNNQ_AXIS_CHANNELS;
	l->geometry.groups = 8;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[0].bound = 1u << 21; /* times 1024 */
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[0].bound--;
	accepted(&p);
	l->mode = SNNQ_REDUCE_MAX;
	refused(&p, SNNQ_CHECK_BOUND, 0, "out.bound");
	l->out.bound = l->in[0].bound;
	accepted(&p);
	set_lif(&p, l, 1);
	refused(&p, SNNQ_CHECK_RESERVED, 0, "neuron");
}

/* A bound belongs to what is in scratch; maxima have that of their operand. */
static void bounds_of_sources(void **context)
{
	struct snnq_tensor t = tensor(SNNQ_FORMAT_UNSIGNED, 3, 1, 1, 64), in;
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	p.h.needs = SNNQ_PROGRAM_NEEDS_BOUNDS;
	in = in_region(&p, t, SNNQ_ROLE_INPUT);
	l = add_layer(&p, SNNQ_OP_ELEMENTWISE);
	l->in[0] = l->in[1] = in;
	t.bound = 6;
	l->out = in_scratch(&p, t);
	l = add_layer(&p, SNNQ_OP_POOL_MAX);
	l->in[0] = p.layers[0].out;
	l->out = in_region(&p, t, SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
	accepted(&p);
	l->out.bound = 0;
	refused(&p, SNNQ_CHECK_BOUND, 1, "out.bound");
	l->in[0].bound = 0; /* as a wider one than was written: not the same tensor */
	refused(&p, SNNQ_CHECK_TENSOR_SOURCE, 1, "in[0].offset");
	p.layers[0].out.bound = 0;
	accepted(&p);
	l->in[0].bound = l->out.bound = 7;
	refused(&p, SNNQ_CHECK_TENSOR_SOURCE, 1, "in[0].offset");
}

/* Convolution: window times channels of a group; attention: tokens times channels of a head. */
static void accumulators_of_windows(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_CONV2D);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 3, 3, 29128), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 2), SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 3, 3, 1, 1, 0, 0, 1, 1, 2, 0, 0, 0 };
	set_weights(&p, l, SNNQ_SCHEME_POT, 5);
	/* 9 * 14564 * 2^14 is beyond 2^31 - 1; 9 * 14563 * 2^14 is not. */
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[0].channels -= 2;
	accepted(&p);
	l->geometry.groups = 1;
	p.regions[2].bytes = snnq_weight_bytes(l);
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");

	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_ATTENTION);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 4096, 8, 65536), SNNQ_ROLE_INPUT);
	l->in[1] = l->in[0];
	l->in[2] = l->in[0];
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 4096, 8, 65536), SNNQ_ROLE_OUTPUT);
	l->param = 1;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->param = 2;
	accepted(&p);
	l->param = 1;
	l->in[0].channels--;
	l->in[1] = l->in[0];
	l->in[2] = l->in[0];
	l->out.channels--;
	accepted(&p);
}

/* MATMUL: each product is proven in the order that is stated. */
static void matrix_products(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	p.h.needs = SNNQ_PROGRAM_NEEDS_BOUNDS;
	l = add_layer(&p, SNNQ_OP_MATMUL);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 3, 8), SNNQ_ROLE_INPUT);
	l->in[1] = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 2, 2, 64), SNNQ_ROLE_INPUT);
	l->in[2] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 32, 10), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 3, 1, 10), SNNQ_ROLE_OUTPUT);
	l->param = 2;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[0].bound = 1u << 12; /* 4 * 2^12 * 2^12 = 2^26, times 32 */
	l->in[1].bound = 1u << 12;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->in[1].bound--;
	accepted(&p);
	l->mode = SNNQ_MATMUL_RIGHT_FIRST; /* 32 * 4095, then 4 * 2^12 times that */
	accepted(&p);
	l->in[1].bound++;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	/* The product that comes first may be beyond what the second makes of it. */
	l->in[0].bound = 1;
	l->in[1].bound = 1u << 26;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator");
	l->mode = 0;
	refused(&p, SNNQ_CHECK_OVERFLOW, 0, "accumulator"); /* 4 * 2^26 * 32 */
	l->in[1].bound = (1u << 24) - 1;
	accepted(&p);
	l->in[2].channels = 11;
	refused(&p, SNNQ_CHECK_PARAM, 0, "param");
	l->in[2].channels = 10;
	l->in[2].width = 31;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "in[2].channels");
	l->in[2] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 5, 64), SNNQ_ROLE_INPUT);
	refused(&p, SNNQ_CHECK_SHAPE, 0, "in[2].channels");
	l->mode = SNNQ_MATMUL_TRANSPOSE_2;
	accepted(&p);
	l->in[2] = (struct snnq_tensor){ 0 };
	refused(&p, SNNQ_CHECK_PARAM, 0, "mode");
	l->mode = 0;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "out");
	l->out.channels = 64;
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 3, 1, 64), SNNQ_ROLE_OUTPUT);
	accepted(&p);
}

/* The lower and right side may have other padding than the upper and left one. */
static void padding_of_sides(void **context)
{
	static const struct {
		int16_t more_h, more_w;
		uint16_t height, width;
		const char *field;
	} cases[] = {
		{ 0, 0, 5, 6, NULL },
		{ 1, -2, 6, 4, NULL },
		{ -1, 4, 4, 10, NULL },
		{ 1, 0, 5, 6, "out.height" },
		{ 0, -1, 5, 6, "out.width" },
		{ 2, 0, 7, 6, "geometry.more_h" },
		{ -2, 0, 3, 6, "geometry.more_h" },
		{ 0, 5, 5, 11, "geometry.more_w" },
		{ 0, -3, 5, 3, "geometry.more_w" },
		{ 0x7fff, 0, 5, 6, "geometry.more_h" },
		{ -0x8000, 0, 5, 6, "geometry.more_h" },
		{ 0, 0x7fff, 5, 6, "geometry.more_w" },
		{ 0, -0x8000, 5, 6, "geometry.more_w" },
	};
	struct snnq_layer *l;
	struct program p;
	size_t i;

	(void)context;
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_POOL_SUM);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 5, 8, 3), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 12, 12, 3), SNNQ_ROLE_OUTPUT);
	l->param = 1;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Spans of 3 and 7 positions, padded with 1 and 2. */
		l->geometry = (struct snnq_geometry){
			3, 4, 1, 1, 1, 2, 1, 2, 1, cases[i].more_h, cases[i].more_w, 0
		};
		l->out.height = cases[i].height;
		l->out.width = cases[i].width;
		p.h.needs = SNNQ_PROGRAM_NEEDS_PADDING;
		if (!cases[i].field) {
			accepted(&p);
			continue;
		}
		refused(&p, cases[i].field[0] == 'o' ? SNNQ_CHECK_SHAPE : SNNQ_CHECK_GEOMETRY, 0,
			cases[i].field);
		p.h.needs = 0;
		refused(&p, SNNQ_CHECK_NEEDS, 0,
			cases[i].more_h ? "geometry.more_h" : "geometry.more_w");
	}
	/* All of the padding on one side. */
	l->geometry = (struct snnq_geometry){ 3, 4, 1, 1, 0, 0, 1, 2, 1, 2, 6, 0 };
	l->out.height = 5;
	l->out.width = 8;
	p.h.needs = SNNQ_PROGRAM_NEEDS_PADDING;
	accepted(&p);
}

/* VOTE: groups of channels of one size. */
static void votes(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_READOUT);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 110), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 11), SNNQ_ROLE_READOUT);
	l->param = SNNQ_READOUT_VOTE;
	place_state(&p, l);
	accepted(&p);
	l->out.channels = 7;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "out");
	l->out.channels = 11;
	l->param = SNNQ_READOUT_MAX;
	refused(&p, SNNQ_CHECK_SHAPE, 0, "out");
	l->in[0].channels = 11;
	accepted(&p);
}

/* POOL_MAX: no window may lie in the padding only. */
static void empty_windows(void **context)
{
	struct snnq_layer *l;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_POOL_MAX);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 3, 1), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 3, 1), SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 1, 3, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0 };
	accepted(&p);
	/* Two taps 4 apart, padding 4: windows at -4, -3, ... 2; -1 misses 0, 1, 2. */
	l->geometry = (struct snnq_geometry){ 1, 2, 1, 1, 0, 4, 1, 4, 1, 0, 0, 0 };
	l->out.width = 7;
	p.regions[1].step_bytes = 56;
	refused(&p, SNNQ_CHECK_GEOMETRY, 0, "geometry.pad_w");
	/* The same for a sum is fine: it is zero. */
	l->op = SNNQ_OP_POOL_SUM;
	l->param = 1;
	l->out.format = SNNQ_FORMAT_INT32;
	l->out.planes = 0;
	accepted(&p);
}

/* A layer that copies @in to @out. */
static void add_copy(struct program *p, struct snnq_tensor in, struct snnq_tensor out)
{
	struct snnq_layer *l = add_layer(p, SNNQ_OP_POOL_MAX);

	l->in[0] = in;
	l->out = out;
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
}

/* Scratch is read as it was last written; outputs are written once. */
static void sources(void **context)
{
	struct snnq_tensor t = tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 64), in, out, a, b;
	struct program p;

	(void)context;
	program_init(&p, 1, 1);
	a = in_scratch(&p, t);
	b = in_scratch(&p, t);
	in = in_region(&p, t, SNNQ_ROLE_INPUT);
	out = in_region(&p, t, SNNQ_ROLE_OUTPUT);
	add_copy(&p, in, a);
	add_copy(&p, a, b);
	add_copy(&p, b, a); /* reuse */
	add_copy(&p, a, out);
	accepted(&p);
	p.layers[0].in[0] = a; /* never written */
	refused(&p, SNNQ_CHECK_TENSOR_SOURCE, 0, "in[0].offset");
	p.layers[0].in[0] = in;
	p.layers[2].out = out; /* two layers, one output */
	refused(&p, SNNQ_CHECK_TENSOR_ALIAS, 3, "out.offset");
	p.layers[2].out = a;
	/* Overwritten as something else: what layer 0 wrote there is no longer whole. */
	p.layers[1].in[0] = in;
	p.layers[1].in[0].channels = 32;
	p.layers[1].out.channels = 32;
	p.layers[2].in[0].channels = 32;
	p.layers[2].out.channels = 32;
	refused(&p, SNNQ_CHECK_TENSOR_SOURCE, 3, "in[0].offset");
	p.layers[3].in[0].channels = 32;
	p.layers[3].out.channels = 32;
	accepted(&p);
	/* The first layer's output counts as well. */
	p.layers[0].out = out;
	refused(&p, SNNQ_CHECK_TENSOR_ALIAS, 3, "out.offset");
}

/* A result overlaps none of the operands, whichever. */
static void aliases(void **context)
{
	struct snnq_tensor t = tensor(SNNQ_FORMAT_UNSIGNED, 1, 2, 1, 64), operands[3], in, out;
	static const uint16_t ops[] = { SNNQ_OP_ELEMENTWISE, SNNQ_OP_ATTENTION };
	struct snnq_layer *l;
	struct program p;
	uint32_t i, k, n;

	(void)context;
	for (i = 0; i < 2; i++) {
		n = 2 + i;
		program_init(&p, 1, 1);
		in = in_region(&p, t, SNNQ_ROLE_INPUT);
		for (k = 0; k < n; k++) {
			operands[k] = in_scratch(&p, t);
			add_copy(&p, in, operands[k]);
		}
		out = in_scratch(&p, t);
		l = add_layer(&p, ops[i]);
		memcpy(l->in, operands, n * sizeof(*operands));
		l->out = out;
		if (ops[i] == SNNQ_OP_ATTENTION) {
			l->param = 1;
			set_lif(&p, l, 1);
			place_state(&p, l);
		}
		accepted(&p);
		for (k = 0; k < n; k++) {
			l->out = operands[k];
			refused(&p, SNNQ_CHECK_TENSOR_ALIAS, n, "out.offset");
			if (k + 1 == n)
				break;
			l->out.offset += 8; /* the second half, and half of the next one */
			refused(&p, SNNQ_CHECK_TENSOR_ALIAS, n, "out.offset");
		}
	}
}

/* Each threshold of a table is looked at, and a reset value only where something resets to it. */
static void neurons(void **context)
{
	struct snnq_neuron *n;
	struct program p;
	uint32_t i;

	(void)context;
	full_program(&p);
	n = &p.layers[CONV].neuron;
	for (i = 0; i < n->threshold_count; i++) {
		p.table[n->threshold_index + i] = 0;
		refused(&p, SNNQ_CHECK_THRESHOLD, CONV, "neuron.threshold");
		p.table[n->threshold_index + i] = INT32_MIN;
		refused(&p, SNNQ_CHECK_THRESHOLD, CONV, "neuron.threshold");
		p.table[n->threshold_index + i] = i % 2 ? 1 : INT32_MAX;
		accepted(&p);
	}
	n = &p.layers[ATTENTION].neuron;
	for (i = SNNQ_RESET_HARD; i <= SNNQ_RESET_NONE; i++) {
		n->reset = (uint8_t)i;
		n->reset_value = -1;
		if (i == SNNQ_RESET_HARD)
			accepted(&p);
		else
			refused(&p, SNNQ_CHECK_RESERVED, ATTENTION, "neuron.reset_value");
		n->refractory = 1;
		accepted(&p);
		n->refractory = 0;
	}
}

/* State of any two layers lies apart, the first layer's too. */
static void states(void **context)
{
	struct snnq_tensor t = tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 6);
	struct program p;
	uint64_t bytes;
	uint32_t i, k;

	(void)context;
	program_init(&p, 1, 1);
	for (i = 0; i < 3; i++) {
		struct snnq_layer *l = add_layer(&p, SNNQ_OP_POOL_SUM);

		l->in[0] = in_region(&p, t, SNNQ_ROLE_INPUT);
		l->out = in_region(&p, t, SNNQ_ROLE_OUTPUT);
		l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0 };
		l->param = 1;
		set_lif(&p, l, 1);
		place_state(&p, l);
	}
	accepted(&p);
	bytes = p.layers[1].state_offset - p.layers[0].state_offset;
	assert_int_equal(bytes, 6 * 4);
	for (i = 1; i < 3; i++)
		for (k = 0; k < i; k++) {
			__u64 *at = &p.layers[i].state_offset, good = *at;

			*at = p.layers[k].state_offset;
			refused(&p, SNNQ_CHECK_STATE, i, "state_offset");
			*at = p.layers[k].state_offset + bytes - 8;
			refused(&p, SNNQ_CHECK_STATE, i, "state_offset");
			*at = good;
		}
	accepted(&p);
}

static void program_info(void **context)
{
	struct snnq_program_info info;
	struct program p;
	size_t size;
	void *blob;

	(void)context;
	full_program(&p);
	blob = pack(&p, &size);
	assert_int_equal(snnq_program_validate(blob, size, &snnq_caps_all, &info, NULL), 0);
	assert_int_equal(info.layer_count, LAYERS);
	assert_int_equal(info.region_count, R_END - 3);
	assert_int_equal(info.scratch_bytes, 5 * p.h.scratch_step_bytes);
	assert_int_equal(info.state_bytes, p.h.state_bytes);
	assert_int_equal(snnq_region_required(&info, R_KEYS - 3, 20), 20 * 128);
	assert_int_equal(snnq_region_required(&info, R_EVENTS - 3, 20), 80);
	/* events 128, conv 8 8 64 (9 2 + 1) - groups 2, pool, attention, sum, add, linear, readout;
	 * before it upsample, concat, copy, reduce, matmul of 4 heads */
	assert_int_equal(info.work_per_step,
			 (128 * 1 + 128) + (4096 * 9 * 1 * 2 + 4096) + (1024 * 4 + 1024) +
				 (1024 * 2 * 16 + 1024) + (256 * 4 + 256) + (256 * (4 + 3) + 256) +
				 (40 * 64 * 5 + 40) + (40 + 10) + (256 * 5 + 1536) +
				 (256 * (5 + 4) + 512) + (1536 * 5 + 1536) + (512 * 5 + 64) +
				 (4 * 4 * 16 * 4 * (4 * 5) + 64));
	free(blob);
}

/* What passes after a bit was flipped must also run. */
static void run_program(const void *blob, size_t size)
{
	struct snnq_program_info info;
	struct snnq_outcome outcome;
	struct snnq_plan *plan;
	struct snnq_run run;
	struct memory m;

	if (snnq_program_validate(blob, size, &snnq_caps_all, &info, NULL))
		fail();
	if (info.work_per_step > 10000000 || info.scratch_bytes > 1 << 24 ||
	    info.state_bytes > 1 << 24)
		return;
	for (uint32_t r = 0; r < info.region_count; r++)
		if (snnq_region_required(&info, r, 1) > 1 << 24)
			return;
	assert_int_equal(
		snnq_plan_create(blob, size, &snnq_caps_all, UINT64_MAX, NULL, &plan, NULL), 0);
	memory_init(&m, &info, 1);
	run_init(&run, &m, 1);
	snnq_plan_run(plan, &run, &outcome);
	assert_int_equal(outcome.status, SNNQ_STATUS_OK);
	memory_free(&m);
	snnq_plan_destroy(plan);
}

static void flip_bits(void **context)
{
	uint32_t accepted = 0;
	struct snnq_diag diag;
	struct program p;
	size_t size, i;
	char *blob;

	(void)context;
	full_program(&p);
	blob = pack(&p, &size);
	for (i = 0; i < size * 8; i++) {
		int ret;

		blob[i / 8] ^= (char)(1 << i % 8);
		ret = validate(blob, size, &diag);
		if (!ret) {
			accepted++;
			run_program(blob, size);
		} else {
			assert_int_not_equal(diag.check, SNNQ_CHECK_OK);
		}
		blob[i / 8] ^= (char)(1 << i % 8);
	}
	free(blob);
	/* Tags, table values, sizes and step counts may vary; little else. */
	assert_in_range(accepted, LAYERS * 32, size * 8 / 2);
}

static void texts(void **context)
{
	uint32_t i;

	(void)context;
	for (i = 0; i < SNNQ_CHECK_COUNT; i++)
		assert_true(*snnq_check_text(i));
	assert_true(*snnq_check_text(SNNQ_CHECK_COUNT));
	assert_true(*snnq_check_text((enum snnq_check) - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corrupt_fields),
		cmocka_unit_test(sizes),
		cmocka_unit_test(needed_features),
		cmocka_unit_test(schemes),
		cmocka_unit_test(largest_levels),
		cmocka_unit_test(accumulators),
		cmocka_unit_test(accumulators_of_windows),
		cmocka_unit_test(longer_descriptors),
		cmocka_unit_test(value_bounds),
		cmocka_unit_test(elementwise),
		cmocka_unit_test(integer_maxima),
		cmocka_unit_test(attention_forms),
		cmocka_unit_test(views),
		cmocka_unit_test(reductions),
		cmocka_unit_test(loops),
		cmocka_unit_test(any_neurons),
		cmocka_unit_test(bounds_of_sources),
		cmocka_unit_test(matrix_products),
		cmocka_unit_test(padding_of_sides),
		cmocka_unit_test(votes),
		cmocka_unit_test(empty_windows),
		cmocka_unit_test(sources),
		cmocka_unit_test(aliases),
		cmocka_unit_test(neurons),
		cmocka_unit_test(states),
		cmocka_unit_test(program_info),
		cmocka_unit_test(flip_bits),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
