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

#include "program.h"

/* Layers of the program, in this order. */
enum { EVENTS, CONV, POOL_MAX, ATTENTION, POOL_SUM, ADD, LINEAR, READOUT, LAYERS };
/* User regions, by what they hold. */
enum { R_EVENTS = 3, R_CONV_WEIGHTS, R_KEYS, R_OTHER, R_LINEAR_WEIGHTS, R_OUT, R_READOUT, R_END };

static struct snnq_tensor tensor(uint8_t format, uint8_t planes, uint16_t h, uint16_t w,
				 uint32_t c)
{
	return make_tensor(0, 0, format, planes, h, w, c);
}

static void make_spiking_layers(struct program *p)
{
	static const int32_t thresholds[64] = { [0 ... 63] = 7 };
	struct snnq_layer *l;

	l = add_layer(p, SNNQ_OP_EVENTS);
	l->in[0] = tensor(SNNQ_FORMAT_EVENTS, 0, 8, 8, 2);
	l->in[0].region = add_region(p, SNNQ_ROLE_EVENTS, 80);
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_UNSIGNED, 2, 8, 8, 2));

	l = add_layer(p, SNNQ_OP_CONV2D);
	l->in[0] = p->layers[EVENTS].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 8, 8, 64));
	l->geometry = (struct snnq_geometry){ 3, 3, 1, 1, 1, 1, 1, 1, 2 };
	set_weights(p, l, SNNQ_SCHEME_POT, 4);
	l->neuron.model = SNNQ_NEURON_CUBA;
	l->neuron.threshold_index = add_table(p, 64, thresholds);
	l->neuron.threshold_count = 64;
	l->neuron.leak = SNNQ_LEAK_TZ12;
	l->neuron.leak_param = 100;
	l->neuron.current_leak = SNNQ_LEAK_Q16;
	l->neuron.current_leak_param = 100;
	l->neuron.delay = 1;
	place_state(p, l);

	l = add_layer(p, SNNQ_OP_POOL_MAX);
	l->in[0] = p->layers[CONV].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 4, 4, 64));
	l->geometry = (struct snnq_geometry){ 2, 2, 2, 2, 0, 0, 1, 1, 1 };

	l = add_layer(p, SNNQ_OP_ATTENTION);
	l->in[0] = p->layers[POOL_MAX].out;
	l->in[1] = in_region(p, l->in[0], SNNQ_ROLE_INPUT);
	l->in[2] = l->in[1];
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_UNSIGNED, 1, 4, 4, 64));
	l->param = 4;
	set_lif(p, l, 3);
	l->neuron.leak = SNNQ_LEAK_DIVN;
	l->neuron.leak_param = 2;
	l->neuron.compare = SNNQ_COMPARE_GT;
	l->neuron.flags = SNNQ_NEURON_FLAG_STICKY;
	place_state(p, l);
}

static void make_other_layers(struct program *p)
{
	static const int32_t mult[10] = { 1, 2, 3 };
	struct snnq_layer *l;

	l = add_layer(p, SNNQ_OP_POOL_SUM);
	l->in[0] = p->layers[ATTENTION].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_SIGNED, 4, 2, 2, 64));
	l->geometry = (struct snnq_geometry){ 2, 2, 2, 2, 0, 0, 1, 1, 1 };
	l->param = 1;

	l = add_layer(p, SNNQ_OP_ADD);
	l->in[0] = p->layers[POOL_SUM].out;
	l->in[1] = in_region(p, tensor(SNNQ_FORMAT_UNSIGNED, 3, 2, 2, 64), SNNQ_ROLE_INPUT);
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_SIGNED, 5, 2, 2, 64));

	l = add_layer(p, SNNQ_OP_LINEAR);
	l->in[0] = p->layers[ADD].out;
	l->out = tensor(SNNQ_FORMAT_INT32, 0, 2, 2, 10);
	set_weights(p, l, SNNQ_SCHEME_ODD, 3);
	l->out = in_scratch(p, l->out);
	l->neuron.mult_index = add_table(p, 10, mult);
	l->neuron.mult_count = 10;
	l->neuron.bias_index = add_table(p, 1, mult);
	l->neuron.bias_count = 1;
	l->neuron.requant_shift = 2;
	add_region(p, SNNQ_ROLE_OUTPUT, 64);

	l = add_layer(p, SNNQ_OP_READOUT);
	l->in[0] = p->layers[LINEAR].out;
	l->out = in_region(p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 10), SNNQ_ROLE_READOUT);
	l->param = SNNQ_READOUT_SUM;
	place_state(p, l);
}

static void make_program(struct program *p)
{
	program_init(p, 20, 5);
	make_spiking_layers(p);
	make_other_layers(p);
}

/* Set @size bytes at @at to @value and see the program refused as @check. */
struct corruption {
	uint32_t layer;		/* or region */
	size_t at;
	uint8_t size;
	uint64_t value;
	enum snnq_check check;
};

#define FIELD(type, member) offsetof(type, member), sizeof(((type *)0)->member)
#define BAD_LAYER(layer, member, value, check) \
	{ layer, FIELD(struct snnq_layer, member), (uint64_t)(value), SNNQ_CHECK_##check }
#define BAD_REGION(region, member, value, check) \
	{ (region) - 3, FIELD(struct snnq_region_desc, member), value, SNNQ_CHECK_##check }
#define BAD_HEADER(member, value, check) \
	{ 0, FIELD(struct snnq_program_header, member), value, SNNQ_CHECK_##check }

static const struct corruption bad_headers[] = {
	BAD_HEADER(magic, 0, MAGIC), BAD_HEADER(version, 2, VERSION),
	BAD_HEADER(version, 0, VERSION), BAD_HEADER(layer_count, 0, LIMIT),
	BAD_HEADER(layer_count, LAYERS - 1, SIZE), BAD_HEADER(layer_count, LAYERS + 1, SIZE),
	BAD_HEADER(layer_count, SNNQ_MAX_LAYERS + 1, LIMIT),
	BAD_HEADER(layer_count, 0xffffffff, LIMIT),
	BAD_HEADER(region_count, SNNQ_MAX_USER_REGIONS + 1, LIMIT),
	BAD_HEADER(region_count, 0, SIZE), BAD_HEADER(table_count, 0, SIZE),
	BAD_HEADER(table_count, 0x40000000, SIZE), BAD_HEADER(table_count, 0xffffffff, SIZE),
	BAD_HEADER(max_steps, 0, LIMIT), BAD_HEADER(max_steps, SNNQ_MAX_STEPS + 1, LIMIT),
	BAD_HEADER(tile_steps, 0, LIMIT), BAD_HEADER(tile_steps, SNNQ_MAX_TILE_STEPS + 1, LIMIT),
	BAD_HEADER(scratch_step_bytes, 12, SCRATCH),
	BAD_HEADER(scratch_step_bytes, SNNQ_MAX_REGION_BYTES, SCRATCH),
	BAD_HEADER(scratch_step_bytes, ~0ull - 7, SCRATCH),
	BAD_HEADER(scratch_step_bytes, 0, TENSOR_EXTENT),
	BAD_HEADER(state_bytes, 56, STATE), BAD_HEADER(state_bytes, 100, STATE),
	BAD_HEADER(state_bytes, 64, STATE), BAD_HEADER(state_bytes, ~0ull - 7, STATE),
	BAD_HEADER(flags, 1, FLAGS), BAD_HEADER(reserved[0], 1, RESERVED),
	BAD_HEADER(reserved[1], 1, RESERVED), BAD_HEADER(reserved[2], 1, RESERVED),
};

static const struct corruption bad_regions[] = {
	BAD_REGION(R_EVENTS, reserved, 1, RESERVED), BAD_REGION(R_EVENTS, role, 0, REGION),
	BAD_REGION(R_EVENTS, role, 6, REGION), BAD_REGION(R_EVENTS, access, 0, REGION),
	BAD_REGION(R_EVENTS, access, 2, REGION), BAD_REGION(R_EVENTS, access, 3, REGION),
	BAD_REGION(R_EVENTS, bytes, 7, REGION), BAD_REGION(R_EVENTS, bytes, 0, REGION),
	BAD_REGION(R_EVENTS, step_bytes, 8, REGION),
	BAD_REGION(R_EVENTS, role, SNNQ_ROLE_WEIGHTS, TENSOR_REGION),
	BAD_REGION(R_CONV_WEIGHTS, bytes, SNNQ_MAX_REGION_BYTES + 1, REGION),
	BAD_REGION(R_CONV_WEIGHTS, bytes, 0, REGION),
	BAD_REGION(R_CONV_WEIGHTS, bytes, 3 * 3 * 2 * 16 - 1, WEIGHTS),
	BAD_REGION(R_CONV_WEIGHTS, step_bytes, 8, REGION),
	BAD_REGION(R_CONV_WEIGHTS, role, SNNQ_ROLE_EVENTS, WEIGHTS),
	BAD_REGION(R_KEYS, step_bytes, 0, REGION), BAD_REGION(R_KEYS, step_bytes, 132, REGION),
	BAD_REGION(R_KEYS, step_bytes, 120, TENSOR_EXTENT),
	BAD_REGION(R_KEYS, step_bytes, SNNQ_MAX_REGION_BYTES, REGION),
	BAD_REGION(R_KEYS, step_bytes, ~0ull - 7, REGION), BAD_REGION(R_KEYS, bytes, 8, REGION),
	BAD_REGION(R_KEYS, access, SNNQ_ACCESS_WRITE, REGION),
	BAD_REGION(R_OUT, access, SNNQ_ACCESS_READ, REGION),
	BAD_REGION(R_OUT, step_bytes, 0, REGION),
	BAD_REGION(R_READOUT, bytes, 39, TENSOR_EXTENT),
	BAD_REGION(R_READOUT, step_bytes, 40, REGION),
	BAD_REGION(R_READOUT, access, SNNQ_ACCESS_READ, REGION),
};

/* Operands, results and their places. */
static const struct corruption bad_tensors[] = {
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_NONE, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_INT32, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_EVENTS, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, 5, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, 37, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_SIGNED, TENSOR_SOURCE),
	BAD_LAYER(CONV, in[0].planes, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].planes, 17, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].planes, 1, TENSOR_SOURCE),
	BAD_LAYER(CONV, in[0].height, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].height, 4097, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].width, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].width, 65535, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].channels, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].channels, 65537, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].channels, 0xffffffff, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].height, 7, TENSOR_SOURCE),
	BAD_LAYER(CONV, in[0].region, R_EVENTS, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, R_CONV_WEIGHTS, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, R_OUT, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, R_END, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, SNNQ_REGION_STATE_IN, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, SNNQ_REGION_NONE, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, R_KEYS, TENSOR_EXTENT),
	BAD_LAYER(CONV, in[0].offset, 4, TENSOR_EXTENT),
	BAD_LAYER(CONV, in[0].offset, 8, TENSOR_SOURCE),
	BAD_LAYER(CONV, in[0].offset, ~0ull - 7, TENSOR_EXTENT),
	BAD_LAYER(CONV, in[0].reserved, 1, RESERVED),
	BAD_LAYER(CONV, out.reserved, 1, RESERVED),
	BAD_LAYER(CONV, out.offset, 0, TENSOR_ALIAS),
	BAD_LAYER(CONV, out.offset, 1016, TENSOR_ALIAS),
	BAD_LAYER(CONV, out.offset, ~0ull - 7, TENSOR_EXTENT),
	BAD_LAYER(CONV, out.region, R_KEYS, TENSOR_REGION),
	BAD_LAYER(CONV, out.region, SNNQ_REGION_STATE_OUT, TENSOR_REGION),
	BAD_LAYER(CONV, out.region, R_READOUT, TENSOR_REGION),
	BAD_LAYER(CONV, out.region, R_OUT, TENSOR_EXTENT),
	BAD_LAYER(CONV, out.format, SNNQ_FORMAT_EVENTS, TENSOR_FORMAT),
	BAD_LAYER(CONV, out.planes, 2, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[1].channels, 1, RESERVED),
	BAD_LAYER(CONV, in[2].offset, 8, RESERVED),
	BAD_LAYER(POOL_MAX, in[0].channels, 63, TENSOR_SOURCE),
	BAD_LAYER(POOL_MAX, out.planes, 2, TENSOR_FORMAT),
	BAD_LAYER(POOL_MAX, out.channels, 63, SHAPE),
	BAD_LAYER(POOL_MAX, out.height, 3, SHAPE),
	BAD_LAYER(ADD, out.planes, 1, TENSOR_DIMS),
	BAD_LAYER(ADD, in[1].planes, 0, TENSOR_DIMS),
	BAD_LAYER(ADD, in[1].format, SNNQ_FORMAT_NONE, TENSOR_FORMAT),
	BAD_LAYER(ADD, in[1].channels, 63, SHAPE), BAD_LAYER(ADD, out.width, 1, SHAPE),
	BAD_LAYER(LINEAR, out.planes, 1, RESERVED), BAD_LAYER(LINEAR, out.height, 1, SHAPE),
	BAD_LAYER(LINEAR, in[0].planes, 4, TENSOR_SOURCE),
	BAD_LAYER(READOUT, out.height, 2, TENSOR_EXTENT),
	BAD_LAYER(READOUT, out.channels, 9, SHAPE),
	BAD_LAYER(READOUT, out.region, R_OUT, TENSOR_REGION),
	BAD_LAYER(READOUT, out.region, SNNQ_REGION_SCRATCH, TENSOR_REGION),
	BAD_LAYER(READOUT, out.format, SNNQ_FORMAT_UNSIGNED, TENSOR_FORMAT),
	BAD_LAYER(EVENTS, in[0].planes, 1, RESERVED),
	BAD_LAYER(EVENTS, in[0].height, 7, SHAPE),
	BAD_LAYER(EVENTS, in[0].region, SNNQ_REGION_SCRATCH, TENSOR_REGION),
	BAD_LAYER(EVENTS, in[0].region, R_KEYS, TENSOR_REGION),
	BAD_LAYER(EVENTS, in[0].offset, 80, TENSOR_EXTENT),
	BAD_LAYER(EVENTS, out.format, SNNQ_FORMAT_SIGNED, TENSOR_FORMAT),
	BAD_LAYER(EVENTS, out.channels, 3, SHAPE),
	BAD_LAYER(ATTENTION, in[1].planes, 2, TENSOR_EXTENT),
	BAD_LAYER(ATTENTION, in[1].height, 2, SHAPE),
	BAD_LAYER(ATTENTION, in[2].channels, 32, SHAPE),
	BAD_LAYER(ATTENTION, in[2].format, SNNQ_FORMAT_SIGNED, TENSOR_FORMAT),
	BAD_LAYER(ATTENTION, out.width, 2, SHAPE),
};

/* Operations, parameters, windows and weights. */
static const struct corruption bad_operations[] = {
	BAD_LAYER(CONV, op, 0, OP), BAD_LAYER(CONV, op, SNNQ_OP_COUNT, OP),
	BAD_LAYER(CONV, op, 0xffff, OP), BAD_LAYER(CONV, flags, 2, FLAGS),
	BAD_LAYER(EVENTS, flags, 1, FLAGS), BAD_LAYER(LINEAR, flags, 1, FLAGS),
	BAD_LAYER(EVENTS, param, 1, RESERVED), BAD_LAYER(CONV, param, 1, RESERVED),
	BAD_LAYER(LINEAR, param, 1, RESERVED), BAD_LAYER(POOL_MAX, param, 1, RESERVED),
	BAD_LAYER(ADD, param, 1, RESERVED), BAD_LAYER(POOL_SUM, param, 0, PARAM),
	BAD_LAYER(POOL_SUM, param, 32768, PARAM), BAD_LAYER(ATTENTION, param, 0, PARAM),
	BAD_LAYER(ATTENTION, param, 3, PARAM), BAD_LAYER(ATTENTION, param, 128, PARAM),
	BAD_LAYER(READOUT, param, 0, PARAM), BAD_LAYER(READOUT, param, 3, PARAM),
	BAD_LAYER(CONV, loop, 1, RESERVED), BAD_LAYER(CONV, reserved[0], 1, RESERVED),
	BAD_LAYER(CONV, reserved[1], 1, RESERVED), BAD_LAYER(CONV, reserved[2], 1, RESERVED),
	BAD_LAYER(CONV, quant.scheme, 0, SCHEME), BAD_LAYER(CONV, quant.scheme, 6, SCHEME),
	BAD_LAYER(CONV, quant.scheme, 255, SCHEME),
	BAD_LAYER(CONV, quant.bits, 1, SCHEME), BAD_LAYER(CONV, quant.bits, 6, SCHEME),
	BAD_LAYER(LINEAR, quant.bits, 0, SCHEME), BAD_LAYER(LINEAR, quant.bits, 9, SCHEME),
	BAD_LAYER(CONV, quant.scheme, SNNQ_SCHEME_TERNARY, SCHEME),	/* 4 bits */
	BAD_LAYER(LINEAR, quant.bits, 255, SCHEME),
	BAD_LAYER(CONV, quant.bits, 5, WEIGHTS), BAD_LAYER(CONV, quant.offset, 1, WEIGHTS),
	BAD_LAYER(CONV, quant.offset, ~0ull, WEIGHTS),
	BAD_LAYER(CONV, quant.region, R_EVENTS, WEIGHTS),
	BAD_LAYER(CONV, quant.region, SNNQ_REGION_SCRATCH, WEIGHTS),
	BAD_LAYER(CONV, quant.region, R_END, WEIGHTS),
	BAD_LAYER(CONV, quant.reserved, 1, RESERVED), BAD_LAYER(ADD, quant.bits, 4, RESERVED),
	BAD_LAYER(POOL_SUM, quant.scheme, 1, RESERVED),
	BAD_LAYER(ATTENTION, quant.offset, 8, RESERVED),
	BAD_LAYER(CONV, geometry.kernel_h, 0, GEOMETRY),
	BAD_LAYER(CONV, geometry.kernel_h, 4097, GEOMETRY),
	BAD_LAYER(CONV, geometry.kernel_h, 11, SHAPE),
	BAD_LAYER(CONV, geometry.kernel_w, 0, GEOMETRY),
	BAD_LAYER(CONV, geometry.kernel_w, 2, SHAPE),
	BAD_LAYER(CONV, geometry.stride_h, 0, GEOMETRY),
	BAD_LAYER(CONV, geometry.stride_w, 2, SHAPE),
	BAD_LAYER(CONV, geometry.dilation_h, 0, GEOMETRY),
	BAD_LAYER(CONV, geometry.dilation_w, 2, SHAPE),
	BAD_LAYER(CONV, geometry.pad_h, 3, GEOMETRY), BAD_LAYER(CONV, geometry.pad_h, 2, SHAPE),
	BAD_LAYER(CONV, geometry.pad_w, 65535, GEOMETRY),
	BAD_LAYER(CONV, geometry.groups, 0, GEOMETRY),
	BAD_LAYER(CONV, geometry.groups, 4, GEOMETRY),
	BAD_LAYER(CONV, geometry.groups, 0xffffffff, GEOMETRY),
	BAD_LAYER(POOL_SUM, geometry.groups, 2, GEOMETRY),
	BAD_LAYER(POOL_MAX, geometry.groups, 64, GEOMETRY),
	BAD_LAYER(LINEAR, geometry.kernel_h, 1, RESERVED),
	BAD_LAYER(LINEAR, geometry.groups, 1, RESERVED),
	BAD_LAYER(ADD, geometry.stride_w, 1, RESERVED),
};

/* Neurons, tables and state. */
static const struct corruption bad_neurons[] = {
	BAD_LAYER(CONV, neuron.model, 3, NEURON), BAD_LAYER(CONV, neuron.model, 0, RESERVED),
	BAD_LAYER(CONV, neuron.model, SNNQ_NEURON_LIF, RESERVED),
	BAD_LAYER(CONV, neuron.compare, 2, NEURON), BAD_LAYER(CONV, neuron.reset, 3, NEURON),
	BAD_LAYER(CONV, neuron.leak, 4, NEURON), BAD_LAYER(CONV, neuron.current_leak, 4, NEURON),
	BAD_LAYER(CONV, neuron.leak, SNNQ_LEAK_NONE, NEURON),
	BAD_LAYER(CONV, neuron.leak_param, 4097, NEURON),
	BAD_LAYER(CONV, neuron.current_leak_param, 65537, NEURON),
	BAD_LAYER(CONV, neuron.current_leak, SNNQ_LEAK_NONE, NEURON),
	BAD_LAYER(ATTENTION, neuron.leak_param, 0, NEURON),
	BAD_LAYER(ATTENTION, neuron.leak_param, 65537, NEURON),
	BAD_LAYER(CONV, neuron.shift, 17, NEURON), BAD_LAYER(CONV, neuron.delay, 64, NEURON),
	BAD_LAYER(CONV, neuron.delay, 63, STATE), BAD_LAYER(CONV, neuron.refractory, 1, STATE),
	BAD_LAYER(CONV, neuron.requant_shift, 1, RESERVED),
	BAD_LAYER(CONV, neuron.requant_shift, 32, NEURON),
	BAD_LAYER(CONV, neuron.flags, 4, FLAGS), BAD_LAYER(CONV, neuron.flags, 0x8000, FLAGS),
	BAD_LAYER(CONV, neuron.flags, SNNQ_NEURON_FLAG_STICKY, NEURON),
	BAD_LAYER(ATTENTION, neuron.flags, SNNQ_NEURON_FLAG_OLD_CURRENT, FLAGS),
	BAD_LAYER(ATTENTION, neuron.compare, SNNQ_COMPARE_GE, NEURON),
	BAD_LAYER(ATTENTION, neuron.leak, SNNQ_LEAK_Q16, NEURON),
	BAD_LAYER(ATTENTION, neuron.current_leak, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.current_leak_param, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.reset, SNNQ_RESET_SOFT, OK),
	BAD_LAYER(ATTENTION, neuron.mult_count, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.mult_index, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.bias_index, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.bias_count, 1, OK),
	BAD_LAYER(ATTENTION, neuron.bias_count, 2, TABLE),
	BAD_LAYER(ATTENTION, neuron.bias_count, 64, OK),
	BAD_LAYER(CONV, neuron.threshold_count, 0, TABLE),
	BAD_LAYER(CONV, neuron.threshold_count, 63, TABLE),
	BAD_LAYER(CONV, neuron.threshold_count, 0xffffffff, TABLE),
	BAD_LAYER(CONV, neuron.threshold_index, 13, TABLE),
	BAD_LAYER(CONV, neuron.threshold_index, 0xffffffff, TABLE),
	BAD_LAYER(ATTENTION, neuron.threshold_index, 75, OK),
	BAD_LAYER(ATTENTION, neuron.threshold_index, 76, TABLE),
	BAD_LAYER(ATTENTION, neuron.threshold_index, 70, THRESHOLD),
	BAD_LAYER(LINEAR, neuron.mult_count, 9, TABLE),
	BAD_LAYER(LINEAR, neuron.mult_index, 67, TABLE),
	BAD_LAYER(LINEAR, neuron.bias_index, 76, TABLE),
	BAD_LAYER(LINEAR, neuron.requant_shift, 31, OK),
	BAD_LAYER(LINEAR, neuron.requant_shift, 32, NEURON),
	BAD_LAYER(LINEAR, neuron.compare, 1, RESERVED), BAD_LAYER(LINEAR, neuron.reset, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.leak, 1, RESERVED), BAD_LAYER(LINEAR, neuron.shift, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.current_leak, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.delay, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.leak_param, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.current_leak_param, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.reset_value, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.refractory, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.flags, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.threshold_index, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.threshold_count, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.model, SNNQ_NEURON_LIF, RESERVED),
	BAD_LAYER(CONV, neuron.reserved[0], 1, RESERVED),
	BAD_LAYER(CONV, neuron.reserved[1], 1, RESERVED),
	BAD_LAYER(CONV, neuron.reserved[2], 1, RESERVED),
	BAD_LAYER(ADD, neuron.requant_shift, 1, RESERVED),
	BAD_LAYER(EVENTS, neuron.threshold_count, 1, RESERVED),
	BAD_LAYER(CONV, state_offset, 0, STATE), BAD_LAYER(CONV, state_offset, 56, STATE),
	BAD_LAYER(CONV, state_offset, 68, STATE), BAD_LAYER(CONV, state_offset, ~0ull - 7, STATE),
	BAD_LAYER(ATTENTION, state_offset, 64, STATE),
	BAD_LAYER(READOUT, state_offset, 0, STATE),
	BAD_LAYER(READOUT, state_offset, 72, STATE),
	BAD_LAYER(LINEAR, state_offset, 64, STATE), BAD_LAYER(ADD, state_offset, 64, STATE),
	BAD_LAYER(CONV, tag, 0xffffffff, OK),
};

static int validate(const void *blob, size_t size, struct snnq_diag *diag)
{
	struct snnq_program_info info;

	return snnq_program_validate(blob, size, &snnq_caps_all, &info, diag);
}

/* @base: where in the blob the structures of @stride bytes begin. */
static void try_corruptions(const struct corruption *bad, size_t count, size_t base,
			    size_t stride, bool in_layers)
{
	struct snnq_diag diag;
	struct program p;
	size_t size, i;

	make_program(&p);
	for (i = 0; i < count; i++) {
		char *blob = pack(&p, &size);
		int ret;

		memcpy(blob + base + bad[i].layer * stride + bad[i].at, &bad[i].value,
		       bad[i].size);
		ret = validate(blob, size, &diag);
		free(blob);
		if (diag.check != bad[i].check)
			fail_msg("%zu (%u, byte %zu = %llu): %s (%s), not %s", i, bad[i].layer,
				 bad[i].at, (unsigned long long)bad[i].value,
				 snnq_check_text(diag.check), diag.field,
				 snnq_check_text(bad[i].check));
		assert_int_equal(ret, diag.check == SNNQ_CHECK_OK ? 0 : -EINVAL);
		if (in_layers && diag.check)
			assert_int_equal(diag.layer, bad[i].layer);
		assert_non_null(diag.field);
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REGIONS_AT sizeof(struct snnq_program_header)
#define LAYERS_AT (REGIONS_AT + (R_END - 3) * sizeof(struct snnq_region_desc))
#define TRY_LAYERS(bad) \
	try_corruptions(bad, COUNT(bad), LAYERS_AT, sizeof(struct snnq_layer), true)

static void corrupt_fields(void **context)
{
	struct snnq_diag diag;
	struct program p;
	size_t size;
	char *blob;

	(void)context;
	make_program(&p);
	assert_int_equal(p.h.region_count, R_END - 3);
	blob = pack(&p, &size);
	assert_int_equal(validate(blob, size, &diag), 0);
	assert_int_equal(diag.check, SNNQ_CHECK_OK);
	free(blob);
	try_corruptions(bad_headers, COUNT(bad_headers), 0, 0, false);
	try_corruptions(bad_regions, COUNT(bad_regions), REGIONS_AT,
			sizeof(struct snnq_region_desc), false);
	TRY_LAYERS(bad_tensors);
	TRY_LAYERS(bad_operations);
	TRY_LAYERS(bad_neurons);
}

static void sizes(void **context)
{
	struct snnq_diag diag;
	struct program p;
	size_t size, n;
	char *blob;

	(void)context;
	make_program(&p);
	blob = pack(&p, &size);
	for (n = 0; n < size; n++) {
		assert_int_equal(validate(blob, n, &diag), -EINVAL);
		assert_int_equal(diag.check, SNNQ_CHECK_SIZE);
	}
	assert_int_equal(validate(blob, SNNQ_MAX_PROGRAM_BYTES + 1, &diag), -EINVAL);
	assert_int_equal(diag.check, SNNQ_CHECK_LIMIT);
	free(blob);
}

static void expect(const struct program *p, int ret, enum snnq_check check)
{
	struct snnq_diag diag;
	size_t size;
	void *blob = pack(p, &size);

	assert_int_equal(validate(blob, size, &diag), ret);
	assert_int_equal(diag.check, check);
	free(blob);
}

/* A device that lacks just this width of just this scheme. */
static void expect_unsupported(const struct program *p, uint32_t scheme, uint32_t bits)
{
	struct snnq_caps caps = snnq_caps_all;
	uint32_t *widths[] = { NULL, &caps.scheme_uniform, &caps.scheme_odd, &caps.scheme_pot,
			       &caps.scheme_apot, &caps.scheme_ternary };
	struct snnq_program_info info;
	struct snnq_diag diag;
	size_t size;
	void *blob = pack(p, &size);

	*widths[scheme] &= ~(1u << bits);
	assert_int_equal(snnq_program_validate(blob, size, &caps, &info, &diag), -EOPNOTSUPP);
	assert_string_equal(diag.field, "quant.bits");
	caps = (struct snnq_caps){ .max_layers = 1, .max_dim = 1, .max_channels = 16,
				   .max_steps = 1, .max_program_bytes = 4096, .ops = ~0ull };
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
			expect(&p, ok ? 0 : -EINVAL, ok ? SNNQ_CHECK_OK : SNNQ_CHECK_SCHEME);
			if (!ok)
				continue;
			expect_unsupported(&p, scheme, bits);
			assert_int_equal(p.regions[2].bytes, 3 * (scheme == SNNQ_SCHEME_TERNARY ?
						(n + 4) / 5 : (n * bits + 7) / 8));
			p.regions[2].bytes--;
			if (p.regions[2].bytes)
				expect(&p, -EINVAL, SNNQ_CHECK_WEIGHTS);
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
				continue;	/* no such grid */
			terms = limit / (input * largest);
			program_init(&p, 1, 1);
			l = add_layer(&p, SNNQ_OP_LINEAR);
			l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 16, 1, 1,
							(uint32_t)terms + 1), SNNQ_ROLE_INPUT);
			l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 1),
					   SNNQ_ROLE_OUTPUT);
			set_weights(&p, l, (uint8_t)scheme, (uint8_t)bits);
			expect(&p, -EOVERFLOW, SNNQ_CHECK_OVERFLOW);
			l->in[0].channels--;
			expect(&p, terms ? 0 : -EINVAL,
			       terms ? SNNQ_CHECK_OK : SNNQ_CHECK_TENSOR_DIMS);
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
	expect(&p, 0, SNNQ_CHECK_OK);
	p.regions[0].step_bytes += 16 * 8;
	l->in[0].channels++;
	p.regions[2].bytes++;
	expect(&p, -EOVERFLOW, SNNQ_CHECK_OVERFLOW);
	/* Products beyond 64 bits. */
	l->quant.scheme = SNNQ_SCHEME_POT;
	l->quant.bits = 5;
	p.regions[2].bytes = 1 << 20;
	expect(&p, -EOVERFLOW, SNNQ_CHECK_OVERFLOW);
	program_init(&p, 1, 1);
	l = add_layer(&p, SNNQ_OP_POOL_SUM);
	l->in[0] = in_region(&p, tensor(SNNQ_FORMAT_UNSIGNED, 16, 1, 1, 1), SNNQ_ROLE_INPUT);
	l->out = in_region(&p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 1), SNNQ_ROLE_OUTPUT);
	l->geometry = (struct snnq_geometry){ 1, 1, 1, 1, 0, 0, 1, 1, 1 };
	l->param = 32767;
	expect(&p, 0, SNNQ_CHECK_OK);
	l->geometry.kernel_w = 3;
	l->geometry.pad_w = 1;
	expect(&p, -EOVERFLOW, SNNQ_CHECK_OVERFLOW);
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
	l->geometry = (struct snnq_geometry){ 1, 3, 1, 1, 0, 1, 1, 1, 1 };
	expect(&p, 0, SNNQ_CHECK_OK);
	/* Two taps 4 apart, padding 4: windows at -4, -3, ... 2; -1 misses 0, 1, 2. */
	l->geometry = (struct snnq_geometry){ 1, 2, 1, 1, 0, 4, 1, 4, 1 };
	l->out.width = 7;
	p.regions[1].step_bytes = 56;
	expect(&p, -EINVAL, SNNQ_CHECK_GEOMETRY);
	/* The same for a sum is fine: it is zero. */
	l->op = SNNQ_OP_POOL_SUM;
	l->param = 1;
	l->out.format = SNNQ_FORMAT_INT32;
	l->out.planes = 0;
	expect(&p, 0, SNNQ_CHECK_OK);
}

/* Scratch is read as it was last written; outputs are written once. */
static void sources(void **context)
{
	const struct snnq_geometry copy = { 1, 1, 1, 1, 0, 0, 1, 1, 1 };
	struct snnq_tensor t = tensor(SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 64), a, b;
	struct program p;
	uint32_t i;

	(void)context;
	program_init(&p, 1, 1);
	a = in_scratch(&p, t);
	b = in_scratch(&p, t);
	for (i = 0; i < 4; i++) {
		add_layer(&p, SNNQ_OP_POOL_MAX);
		p.layers[i].geometry = copy;
	}
	p.layers[0].in[0] = in_region(&p, t, SNNQ_ROLE_INPUT);
	p.layers[0].out = a;
	p.layers[1].in[0] = a;
	p.layers[1].out = b;
	p.layers[2].in[0] = b;
	p.layers[2].out = a;		/* reuse */
	p.layers[3].in[0] = a;
	p.layers[3].out = in_region(&p, t, SNNQ_ROLE_OUTPUT);
	expect(&p, 0, SNNQ_CHECK_OK);
	p.layers[0].in[0] = a;		/* never written */
	expect(&p, -EINVAL, SNNQ_CHECK_TENSOR_SOURCE);
	p.layers[0].in[0] = make_tensor(3, 0, SNNQ_FORMAT_UNSIGNED, 1, 1, 1, 64);
	p.layers[2].out = p.layers[3].out;	/* two layers, one output */
	expect(&p, -EINVAL, SNNQ_CHECK_TENSOR_ALIAS);
	p.layers[2].out = a;
	p.layers[2].out.channels = 32;	/* overwritten as something else */
	p.layers[2].in[0].channels = 32;
	expect(&p, -EINVAL, SNNQ_CHECK_TENSOR_SOURCE);
}

static void capabilities(void **context)
{
	struct snnq_program_info info;
	struct snnq_diag diag;
	struct program p;
	size_t size, i;
	void *blob;

	(void)context;
	make_program(&p);
	blob = pack(&p, &size);
	for (i = 0; i < 10; i++) {
		struct snnq_caps caps = snnq_caps_all;
		bool fits = i == 9;

		caps.max_layers = i == 0 ? LAYERS - 1 : LAYERS;
		caps.max_dim = i == 1 ? 7 : 8;
		caps.max_channels = i == 2 ? 63 : 64;
		caps.max_steps = i == 3 ? 19 : 20;
		caps.max_program_bytes = (uint32_t)size - (i == 4);
		caps.ops &= ~(i == 5 ? 1ull << SNNQ_OP_ATTENTION : 0);
		caps.scheme_pot = i == 6 ? 0x2c : 1u << 4;
		caps.scheme_odd = i == 7 ? 0 : 1u << 3;
		caps.scheme_uniform = 0;
		caps.ops &= ~(i == 8 ? 1ull << SNNQ_OP_READOUT : 0);
		assert_int_equal(snnq_program_validate(blob, size, &caps, &info, &diag),
				 fits ? 0 : -EOPNOTSUPP);
		assert_int_equal(diag.check, fits ? SNNQ_CHECK_OK : SNNQ_CHECK_UNSUPPORTED);
	}
	/* Malformed is malformed, whatever the device. */
	p.layers[READOUT].param = 9;
	free(blob);
	blob = pack(&p, &size);
	assert_int_equal(snnq_program_validate(blob, size, &(struct snnq_caps){ 0 }, &info, NULL),
			 -EINVAL);
	free(blob);
}

static void program_info(void **context)
{
	struct snnq_program_info info;
	struct program p;
	size_t size;
	void *blob;

	(void)context;
	make_program(&p);
	blob = pack(&p, &size);
	assert_int_equal(snnq_program_validate(blob, size, &snnq_caps_all, &info, NULL), 0);
	assert_int_equal(info.layer_count, LAYERS);
	assert_int_equal(info.region_count, R_END - 3);
	assert_int_equal(info.scratch_bytes, 5 * p.h.scratch_step_bytes);
	assert_int_equal(info.state_bytes, p.h.state_bytes);
	assert_int_equal(snnq_region_required(&info, R_KEYS - 3, 20), 20 * 128);
	assert_int_equal(snnq_region_required(&info, R_EVENTS - 3, 20), 80);
	/* events 128, conv 8 8 64 (9 2 + 1) - groups 2, pool, attention, sum, add, linear, readout */
	assert_int_equal(info.work_per_step,
			 (128 * 1 + 128) + (4096 * 9 * 1 * 2 + 4096) + (1024 * 4 + 1024) +
			 (1024 * 2 * 16 + 1024) + (256 * 4 + 256) + (256 * (4 + 3) + 256) +
			 (40 * 64 * 5 + 40) + (40 + 10));
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
	assert_int_equal(snnq_plan_create(blob, size, &snnq_caps_all, UINT64_MAX, NULL, &plan,
					  NULL), 0);
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
	make_program(&p);
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
	assert_true(*snnq_check_text((enum snnq_check)-1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corrupt_fields), cmocka_unit_test(sizes),
		cmocka_unit_test(schemes), cmocka_unit_test(largest_levels),
		cmocka_unit_test(accumulators), cmocka_unit_test(empty_windows),
		cmocka_unit_test(sources), cmocka_unit_test(capabilities),
		cmocka_unit_test(program_info), cmocka_unit_test(flip_bits),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
