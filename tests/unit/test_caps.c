// SPDX-License-Identifier: MIT
/*
 * test_caps.c - a valid program against devices that can do less: what a device has just
 * enough of is accepted, one step less is refused with layer and field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bad_programs.h"

static struct snnq_tensor tensor(uint8_t format, uint8_t planes, uint16_t h, uint16_t w, uint32_t c)
{
	return make_tensor(0, 0, format, planes, h, w, c);
}

/* What a device with these capabilities says; OK or that it lacks @field of @layer. */
static void expect_caps(const struct program *p, const struct snnq_caps *caps, uint32_t layer,
			const char *field)
{
	struct snnq_program_info info;
	struct snnq_diag diag;
	size_t size;
	void *blob = pack(p, &size);
	int ret = snnq_program_validate(blob, size, caps, &info, &diag);

	free(blob);
	assert_int_equal(ret, field ? -EOPNOTSUPP : 0);
	assert_int_equal(diag.check, field ? SNNQ_CHECK_UNSUPPORTED : SNNQ_CHECK_OK);
	assert_string_equal(diag.field, field ? field : "");
	assert_int_equal(diag.layer, layer);
}

static void capabilities(void **context)
{
	struct snnq_program_info info;
	struct snnq_caps just, caps;
	struct program p;
	size_t size;
	void *blob;

	(void)context;
	full_program(&p);
	blob = pack(&p, &size);
	free(blob);
	just = (struct snnq_caps){
		.max_layers = LAYERS,
		.max_dim = 8,
		.max_channels = 128,
		.max_steps = 20,
		.max_program_bytes = (uint32_t)size,
		.scheme_odd = 1u << 3,
		.scheme_pot = 1u << 4,
		.ops = snnq_caps_all.ops,
		/* What the program asks for, and not a bit more. */
		.neurons = 1u << SNNQ_NEURON_NONE | 1u << SNNQ_NEURON_LIF | 1u << SNNQ_NEURON_CUBA,
		.leaks = 1u << SNNQ_LEAK_DIVN | 1u << SNNQ_LEAK_Q16 | 1u << SNNQ_LEAK_TZ12,
		.resets = 1u << SNNQ_RESET_HARD,
		.compares = 1u << SNNQ_COMPARE_GE | 1u << SNNQ_COMPARE_GT,
		.neuron_flags = SNNQ_NEURON_FLAG_STICKY,
		.formats = 1u << SNNQ_FORMAT_UNSIGNED | 1u << SNNQ_FORMAT_SIGNED |
			   1u << SNNQ_FORMAT_INT32 | 1u << SNNQ_FORMAT_EVENTS,
		.elementwise = 1u << SNNQ_ELEMENTWISE_ADD,
		.attention = 1u << SNNQ_ATTENTION_QK_FIRST,
		.readouts = 1u << SNNQ_READOUT_SUM,
		.max_planes = 8,
		.max_kernel = 3,
		.max_window = 2,
		.max_stride = 3,
		.max_dilation = 1,
		.max_delay = 1,
		.max_tile_steps = p.h.tile_steps,
		.max_state_bytes = p.h.state_bytes,
		.max_scratch_bytes = p.h.scratch_step_bytes * p.h.tile_steps,
	};
	expect_caps(&p, &just, NOT_IN_LAYER, NULL);
#define LESS(member, value, layer, field)             \
	do {                                          \
		caps = just;                          \
		caps.member = value;                  \
		expect_caps(&p, &caps, layer, field); \
	} while (0)
	LESS(max_layers, LAYERS - 1, NOT_IN_LAYER, "layer_count");
	LESS(max_dim, 7, EVENTS, "in[0].height");
	LESS(max_channels, 63, CONV, "out.channels");
	LESS(max_steps, 19, NOT_IN_LAYER, "max_steps");
	LESS(max_program_bytes, (uint32_t)size - 1, NOT_IN_LAYER, "total_bytes");
	LESS(scheme_pot, 0x2c, CONV, "quant.bits");
	LESS(scheme_odd, 0, LINEAR, "quant.bits");
	LESS(max_tile_steps, p.h.tile_steps - 1, NOT_IN_LAYER, "tile_steps");
	LESS(max_state_bytes, p.h.state_bytes - 1, NOT_IN_LAYER, "state_bytes");
	LESS(max_scratch_bytes, just.max_scratch_bytes - 1, NOT_IN_LAYER, "scratch_step_bytes");
	LESS(elementwise, 0, ADD, "mode");
	LESS(attention, 0, ATTENTION, "mode");
	LESS(readouts, 0, READOUT, "param");
	LESS(max_planes, 7, REDUCE, "out.planes");
	LESS(max_planes, 4, ADD, "out.planes");
	LESS(max_channels, 127, CONCAT, "out.channels");
	LESS(max_planes, 1, EVENTS, "out.planes");
	LESS(max_kernel, 2, CONV, "geometry.kernel_h");
	LESS(max_window, 1, POOL_MAX, "geometry.kernel_h");
	LESS(max_stride, 1, POOL_MAX, "geometry.stride_h");
	LESS(max_dilation, 0, CONV, "geometry.dilation_h");
	LESS(max_delay, 0, CONV, "neuron.delay");
	LESS(neuron_flags, 0, ATTENTION, "neuron.flags");
	LESS(resets, 0, CONV, "neuron.reset");
#define WITHOUT(member, bit, layer, field) LESS(member, just.member & ~(1u << (bit)), layer, field)
	WITHOUT(neurons, SNNQ_NEURON_NONE, POOL_SUM, "neuron.model");
	WITHOUT(neurons, SNNQ_NEURON_LIF, ATTENTION, "neuron.model");
	WITHOUT(neurons, SNNQ_NEURON_CUBA, CONV, "neuron.model");
	WITHOUT(leaks, SNNQ_LEAK_DIVN, ATTENTION, "neuron.leak");
	WITHOUT(leaks, SNNQ_LEAK_Q16, CONV, "neuron.current_leak");
	WITHOUT(leaks, SNNQ_LEAK_TZ12, CONV, "neuron.leak");
	WITHOUT(compares, SNNQ_COMPARE_GE, CONV, "neuron.compare");
	WITHOUT(compares, SNNQ_COMPARE_GT, ATTENTION, "neuron.compare");
	WITHOUT(formats, SNNQ_FORMAT_EVENTS, EVENTS, "in[0].format");
	WITHOUT(formats, SNNQ_FORMAT_UNSIGNED, EVENTS, "out.format");
	WITHOUT(formats, SNNQ_FORMAT_SIGNED, POOL_SUM, "out.format");
	WITHOUT(formats, SNNQ_FORMAT_INT32, LINEAR, "out.format");
#undef WITHOUT
	for (uint32_t op = SNNQ_OP_EVENTS; snnq_caps_all.ops >> op; op++) {
		static const uint32_t first[] = {
			[SNNQ_OP_EVENTS] = EVENTS,	 [SNNQ_OP_CONV2D] = CONV,
			[SNNQ_OP_LINEAR] = LINEAR,	 [SNNQ_OP_POOL_MAX] = POOL_MAX,
			[SNNQ_OP_POOL_SUM] = POOL_SUM,	 [SNNQ_OP_ELEMENTWISE] = ADD,
			[SNNQ_OP_ATTENTION] = ATTENTION, [SNNQ_OP_READOUT] = READOUT,
			[SNNQ_OP_CONCAT] = CONCAT,	 [SNNQ_OP_COPY] = COPY,
			[SNNQ_OP_UPSAMPLE] = UPSAMPLE,	 [SNNQ_OP_REDUCE] = REDUCE,
			[SNNQ_OP_MATMUL] = MATMUL,
		};

		if (!(snnq_caps_all.ops >> op & 1))
			continue;

		LESS(ops, just.ops & ~(1ull << op), first[op], "op");
	}
#undef LESS
	/* And what this program does not ask for, one by one. */
#define MORE(place, value, member, bits, layer, field)      \
	do {                                                \
		__typeof__(p.place) good = p.place;         \
		p.place = (value);                          \
		expect_caps(&p, &just, layer, field);       \
		caps = just;                                \
		caps.member |= (bits);                      \
		expect_caps(&p, &caps, NOT_IN_LAYER, NULL); \
		p.place = good;                             \
	} while (0)
	MORE(h.needs, SNNQ_PROGRAM_NEEDS_BOUNDS, needs, SNNQ_PROGRAM_NEEDS_BOUNDS, NOT_IN_LAYER,
	     "needs");
	MORE(layers[CONV].flags, SNNQ_LAYER_FLAG_SKIP_FIRST, layer_flags,
	     SNNQ_LAYER_FLAG_SKIP_FIRST, CONV, "flags");
	MORE(layers[CONV].neuron.flags, SNNQ_NEURON_FLAG_OLD_CURRENT, neuron_flags,
	     SNNQ_NEURON_FLAG_OLD_CURRENT, CONV, "neuron.flags");
	MORE(layers[CONV].neuron.reset, SNNQ_RESET_SOFT, resets, 1u << SNNQ_RESET_SOFT, CONV,
	     "neuron.reset");
	MORE(layers[CONV].neuron.reset, SNNQ_RESET_NONE, resets, 1u << SNNQ_RESET_NONE, CONV,
	     "neuron.reset");
	MORE(layers[ATTENTION].mode, SNNQ_ATTENTION_KV_FIRST, attention,
	     1u << SNNQ_ATTENTION_KV_FIRST, ATTENTION, "mode");
	p.layers[CONV].neuron.leak_param = 0;
	MORE(layers[CONV].neuron.leak, SNNQ_LEAK_NONE, leaks, 1u << SNNQ_LEAK_NONE, CONV,
	     "neuron.leak");
	/* Without the state that SUM has; as the last of all, for it is not put back. */
	p.layers[READOUT].state_offset = 0;
	p.layers[CONV].neuron.leak_param = 100;
	p.layers[READOUT].param = SNNQ_READOUT_LAST;
	expect_caps(&p, &just, READOUT, "param");
	caps = just;
	caps.readouts |= 1u << SNNQ_READOUT_LAST;
	expect_caps(&p, &caps, NOT_IN_LAYER, NULL);
#undef MORE
	/* Malformed is malformed, whatever the device. */
	p.layers[READOUT].param = 9;
	blob = pack(&p, &size);
	assert_int_equal(snnq_program_validate(blob, size, &(struct snnq_caps){ 0 }, &info, NULL),
			 -EINVAL);
	free(blob);
}

/* Height, width and channels of operand and result, each the largest in its turn. */
static void dims_of_device(void **context)
{
	static const struct {
		uint16_t h, w, pad;
		uint32_t in, out; /* channels */
		const char *field;
	} cases[] = {
		{ 9, 5, 0, 1, 1, "in[0].height" },   { 5, 9, 0, 1, 1, "in[0].width" },
		{ 7, 3, 2, 1, 1, "out.height" },     { 3, 7, 2, 1, 1, "out.width" },
		{ 5, 5, 0, 9, 8, "in[0].channels" }, { 5, 5, 0, 8, 9, "out.channels" },
	};
	struct snnq_caps caps = snnq_caps_all;
	struct snnq_layer *l;
	struct program p;
	size_t i;

	(void)context;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int grow = 2 * cases[i].pad - 2;

		program_init(&p, 1, 1);
		l = add_layer(&p, SNNQ_OP_CONV2D);
		l->in[0] = in_region(
			&p, tensor(SNNQ_FORMAT_UNSIGNED, 1, cases[i].h, cases[i].w, cases[i].in),
			SNNQ_ROLE_INPUT);
		l->out = in_region(&p,
				   tensor(SNNQ_FORMAT_INT32, 0, (uint16_t)(cases[i].h + grow),
					  (uint16_t)(cases[i].w + grow), cases[i].out),
				   SNNQ_ROLE_OUTPUT);
		l->geometry = (struct snnq_geometry){ 3, 3, 1, 1, cases[i].pad, cases[i].pad, 1, 1,
						      1, 0, 0, 0 };
		set_weights(&p, l, SNNQ_SCHEME_UNIFORM, 1);
		caps.max_dim = 9;
		caps.max_channels = 9;
		expect_caps(&p, &caps, NOT_IN_LAYER, NULL);
		if (i < 4)
			caps.max_dim = 8;
		else
			caps.max_channels = 8;
		expect_caps(&p, &caps, 0, cases[i].field);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities),
		cmocka_unit_test(dims_of_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
