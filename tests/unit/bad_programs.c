// SPDX-License-Identifier: MIT
/*
 * bad_programs.c - a program with every operation, and its single corruptions;
 * see bad_programs.h.
 */
#include "bad_programs.h"

static struct snnq_tensor tensor(uint8_t format, uint8_t planes, uint16_t h, uint16_t w, uint32_t c)
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
	l->geometry = (struct snnq_geometry){ 3, 3, 1, 1, 1, 1, 1, 1, 2, 0, 0, 0 };
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
	l->geometry = (struct snnq_geometry){ 2, 2, 2, 2, 0, 0, 1, 1, 1, 0, 0, 0 };

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
	l->geometry = (struct snnq_geometry){ 2, 2, 2, 2, 0, 0, 1, 1, 1, 0, 0, 0 };
	l->param = 1;

	l = add_layer(p, SNNQ_OP_ELEMENTWISE);
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

	l = add_layer(p, SNNQ_OP_UPSAMPLE);
	l->in[0] = p->layers[ADD].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_SIGNED, 5, 4, 6, 64));
	l->geometry = (struct snnq_geometry){ 1, 1, 2, 3, 0, 0, 1, 1, 1, 0, 0, 0 };

	l = add_layer(p, SNNQ_OP_CONCAT);
	l->in[0] = p->layers[ADD].out;
	l->in[1] = p->layers[POOL_SUM].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_SIGNED, 5, 2, 2, 128));
	l->axes = SNNQ_AXIS_CHANNELS;

	l = add_layer(p, SNNQ_OP_COPY);
	l->in[0] = p->layers[UPSAMPLE].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_INT32, 0, 6, 4, 64));
	l->mode = SNNQ_COPY_WHC;

	l = add_layer(p, SNNQ_OP_MATMUL);
	l->in[0] = p->layers[POOL_SUM].out;
	l->in[1] = p->layers[ADD].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_INT32, 0, 2, 2, 16));
	l->param = 4;
	l->mode = SNNQ_MATMUL_TRANSPOSE_1;

	l = add_layer(p, SNNQ_OP_REDUCE);
	l->in[0] = p->layers[CONCAT].out;
	l->out = in_scratch(p, tensor(SNNQ_FORMAT_SIGNED, 8, 1, 2, 32));
	l->axes = SNNQ_AXIS_HEIGHT | SNNQ_AXIS_CHANNELS;
	l->geometry.groups = 32;

	l = add_layer(p, SNNQ_OP_READOUT);
	l->in[0] = p->layers[LINEAR].out;
	l->out = in_region(p, tensor(SNNQ_FORMAT_INT32, 0, 1, 1, 10), SNNQ_ROLE_READOUT);
	l->param = SNNQ_READOUT_SUM;
	place_state(p, l);
}

void full_program(struct program *p)
{
	program_init(p, 20, 5);
	make_spiking_layers(p);
	make_other_layers(p);
}

#define LAYER_AT(layer) (REGION_AT(R_END) + (layer) * sizeof(struct snnq_layer))
#define REGION_AT(region)                     \
	(sizeof(struct snnq_program_header) + \
	 ((region)-SNNQ_REGION_USER) * sizeof(struct snnq_region_desc))

/* The member @member of what lies at @base, refused in @where as @field. */
#define BAD(base, type, member, value, check, where, field)                                 \
	{                                                                                   \
		(base) + offsetof(struct type, member), sizeof(((struct type *)0)->member), \
			(uint64_t)(value), SNNQ_CHECK_##check, where, field                 \
	}

#define BAD_LAYER_AS(layer, member, value, check, field) \
	BAD(LAYER_AT(layer), snnq_layer, member, value, check, layer, field)
#define BAD_LAYER(layer, member, value, check) BAD_LAYER_AS(layer, member, value, check, #member)
#define BAD_REGION_AS(region, member, value, check, where, field) \
	BAD(REGION_AT(region), snnq_region_desc, member, value, check, where, field)
#define BAD_REGION(region, member, value, check) \
	BAD_REGION_AS(region, member, value, check, NOT_IN_LAYER, "region." #member)
#define BAD_HEADER_AS(member, value, check, where, field) \
	BAD(0, snnq_program_header, member, value, check, where, field)
#define BAD_HEADER(member, value, check) BAD_HEADER_AS(member, value, check, NOT_IN_LAYER, #member)

static const struct corruption bad_headers[] = {
	BAD_HEADER(magic, 0, MAGIC),
	BAD_HEADER(version, 2, VERSION),
	BAD_HEADER(version, 0, VERSION),
	BAD_HEADER(layer_count, 0, LIMIT),
	BAD_HEADER_AS(layer_count, LAYERS - 1, SIZE, NOT_IN_LAYER, "table_count"),
	BAD_HEADER_AS(layer_count, LAYERS + 1, SIZE, NOT_IN_LAYER, "table_count"),
	BAD_HEADER(layer_count, SNNQ_MAX_LAYERS + 1, LIMIT),
	BAD_HEADER(layer_count, 0xffffffff, LIMIT),
	BAD_HEADER(region_count, SNNQ_MAX_USER_REGIONS + 1, LIMIT),
	BAD_HEADER_AS(region_count, 0, SIZE, NOT_IN_LAYER, "table_count"),
	BAD_HEADER(table_count, 0, SIZE),
	BAD_HEADER(table_count, 0x40000000, SIZE),
	BAD_HEADER(table_count, 0xffffffff, SIZE),
	BAD_HEADER(max_steps, 0, LIMIT),
	BAD_HEADER(max_steps, SNNQ_MAX_STEPS + 1, LIMIT),
	BAD_HEADER(tile_steps, 0, LIMIT),
	BAD_HEADER(tile_steps, SNNQ_MAX_TILE_STEPS + 1, LIMIT),
	BAD_HEADER(scratch_step_bytes, 12, SCRATCH),
	BAD_HEADER(scratch_step_bytes, SNNQ_MAX_REGION_BYTES, SCRATCH),
	BAD_HEADER(scratch_step_bytes, ~0ull - 7, SCRATCH),
	BAD_HEADER_AS(scratch_step_bytes, 0, TENSOR_EXTENT, EVENTS, "out.offset"),
	BAD_HEADER(state_bytes, 56, STATE),
	BAD_HEADER(state_bytes, 100, STATE),
	BAD_HEADER_AS(state_bytes, 64, STATE, CONV, "state_offset"),
	BAD_HEADER(state_bytes, ~0ull - 7, STATE),
	BAD_HEADER(header_bytes, SNNQ_PROGRAM_HEADER_BYTES - 8, SIZE),
	BAD_HEADER(header_bytes, SNNQ_PROGRAM_HEADER_BYTES + 4, SIZE),
	BAD_HEADER_AS(header_bytes, SNNQ_PROGRAM_HEADER_BYTES + 8, SIZE, NOT_IN_LAYER,
		      "table_count"),
	BAD_HEADER(header_bytes, SNNQ_MAX_DESC_BYTES + 8, SIZE),
	BAD_HEADER(header_bytes, 0, SIZE),
	BAD_HEADER(region_bytes, SNNQ_REGION_DESC_BYTES - 8, SIZE),
	BAD_HEADER(region_bytes, 0, SIZE),
	BAD_HEADER(region_bytes, SNNQ_REGION_DESC_BYTES + 1, SIZE),
	BAD_HEADER_AS(region_bytes, SNNQ_REGION_DESC_BYTES + 8, SIZE, NOT_IN_LAYER, "table_count"),
	BAD_HEADER(region_bytes, 0xfffffff8, SIZE),
	BAD_HEADER(layer_bytes, SNNQ_LAYER_BYTES - 8, SIZE),
	BAD_HEADER(layer_bytes, 0, SIZE),
	BAD_HEADER(layer_bytes, SNNQ_LAYER_BYTES + 2, SIZE),
	BAD_HEADER_AS(layer_bytes, SNNQ_LAYER_BYTES + 8, SIZE, NOT_IN_LAYER, "table_count"),
	BAD_HEADER(layer_bytes, 0xfffffff8, SIZE),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_BOUNDS, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_VIEWS, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_SCALES, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_PREVIOUS, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_LOOPS, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_LEVELS, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_POTENTIALS, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_TABLES, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_RESETS, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_DENSE, UNSUPPORTED),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_ACC64, UNSUPPORTED),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_STATE16, UNSUPPORTED),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS_PADDING, OK),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS, UNSUPPORTED),
	BAD_HEADER(needs, SNNQ_PROGRAM_NEEDS + 1, NEEDS),
	BAD_HEADER(needs, 1ull << 63, NEEDS),
	BAD_HEADER(flags, 1, FLAGS),
	BAD_HEADER(reserved[0], 1, RESERVED),
	BAD_HEADER(reserved[1], 1, RESERVED),
	BAD_HEADER(reserved[2], 1, RESERVED),
};

static const struct corruption bad_regions[] = {
	BAD_REGION(R_EVENTS, reserved, 1, RESERVED),
	BAD_REGION(R_EVENTS, role, 0, REGION),
	BAD_REGION(R_EVENTS, role, 6, REGION),
	BAD_REGION(R_EVENTS, access, 0, REGION),
	BAD_REGION(R_EVENTS, access, 2, REGION),
	BAD_REGION(R_EVENTS, access, 3, REGION),
	BAD_REGION(R_EVENTS, bytes, 7, REGION),
	BAD_REGION(R_EVENTS, bytes, 0, REGION),
	BAD_REGION(R_EVENTS, step_bytes, 8, REGION),
	BAD_REGION_AS(R_EVENTS, role, SNNQ_ROLE_WEIGHTS, TENSOR_REGION, EVENTS, "in[0].region"),
	BAD_REGION(R_CONV_WEIGHTS, bytes, SNNQ_MAX_REGION_BYTES + 1, REGION),
	BAD_REGION(R_CONV_WEIGHTS, bytes, 0, REGION),
	BAD_REGION_AS(R_CONV_WEIGHTS, bytes, 3 * 3 * 2 * 16 - 1, WEIGHTS, CONV, "quant.offset"),
	BAD_REGION(R_CONV_WEIGHTS, step_bytes, 8, REGION),
	BAD_REGION_AS(R_CONV_WEIGHTS, role, SNNQ_ROLE_EVENTS, WEIGHTS, CONV, "quant.region"),
	BAD_REGION(R_KEYS, step_bytes, 0, REGION),
	BAD_REGION(R_KEYS, step_bytes, 132, REGION),
	BAD_REGION_AS(R_KEYS, step_bytes, 120, TENSOR_EXTENT, ATTENTION, "in[1].offset"),
	BAD_REGION(R_KEYS, step_bytes, SNNQ_MAX_REGION_BYTES, REGION),
	BAD_REGION(R_KEYS, step_bytes, 1ull << 62, REGION), /* 20 steps: 0 modulo 2^64 */
	BAD_REGION(R_OUT, step_bytes, 1ull << 62, REGION),
	BAD_REGION(R_KEYS, step_bytes, ~0ull - 7, REGION),
	BAD_REGION(R_KEYS, bytes, 8, REGION),
	BAD_REGION(R_KEYS, access, SNNQ_ACCESS_WRITE, REGION),
	BAD_REGION(R_OUT, access, SNNQ_ACCESS_READ, REGION),
	BAD_REGION(R_OUT, step_bytes, 0, REGION),
	BAD_REGION_AS(R_READOUT, bytes, 39, TENSOR_EXTENT, READOUT, "out.offset"),
	BAD_REGION(R_READOUT, step_bytes, 40, REGION),
	BAD_REGION(R_READOUT, access, SNNQ_ACCESS_READ, REGION),
};

/* Operands, results and their places. */
static const struct corruption bad_tensors[] = {
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_NONE, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_INT32, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_EVENTS, TENSOR_FORMAT),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_INT8, UNSUPPORTED),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_INT16, UNSUPPORTED),
	BAD_LAYER(CONV, in[0].format, SNNQ_FORMAT_COUNT, TENSOR_FORMAT),
	BAD_LAYER(CONV, out.format, SNNQ_FORMAT_INT8, UNSUPPORTED),
	BAD_LAYER(EVENTS, out.format, SNNQ_FORMAT_INT8, UNSUPPORTED),
	BAD_LAYER(READOUT, in[0].format, SNNQ_FORMAT_INT16, UNSUPPORTED),
	BAD_LAYER(READOUT, out.format, SNNQ_FORMAT_INT16, TENSOR_FORMAT),
	BAD_LAYER_AS(POOL_MAX, in[0].format, SNNQ_FORMAT_INT32, RESERVED, "in[0].planes"),
	BAD_LAYER(ADD, in[1].format, SNNQ_FORMAT_INT16, UNSUPPORTED),
	BAD_LAYER(ATTENTION, in[1].format, SNNQ_FORMAT_INT8, TENSOR_FORMAT),
	BAD(LAYER_AT(CONV), snnq_layer, in[0].flags, SNNQ_TENSOR_FLAG_PREVIOUS, STATE, ATTENTION,
	    "state_offset"),
	BAD_LAYER(EVENTS, in[0].flags, SNNQ_TENSOR_FLAG_PREVIOUS, FLAGS),
	BAD_LAYER(CONV, in[0].flags, SNNQ_TENSOR_FLAG_SLICE, NEEDS),
	BAD_LAYER(READOUT, in[0].flags, SNNQ_TENSOR_FLAG_RESHAPE, NEEDS),
	BAD_LAYER(EVENTS, in[0].flags, SNNQ_TENSOR_FLAG_RESHAPE, FLAGS),
	BAD_LAYER(CONV, in[0].flags, SNNQ_TENSOR_FLAG_SLICE | SNNQ_TENSOR_FLAG_RESHAPE, FLAGS),
	BAD_LAYER(CONV, in[0].flags, SNNQ_TENSOR_FLAGS + 1, FLAGS),
	BAD_LAYER(CONV, in[3].flags, 0x8000, FLAGS),
	BAD_LAYER(ADD, out.flags, SNNQ_TENSOR_FLAG_SLICE, FLAGS),
	BAD_LAYER_AS(CONV, in[0].whole_height, 8, RESERVED, "in[0].whole"),
	BAD_LAYER_AS(CONV, in[0].whole_width, 8, RESERVED, "in[0].whole"),
	BAD_LAYER_AS(CONV, in[0].whole_channels, 2, RESERVED, "in[0].whole"),
	BAD_LAYER_AS(ADD, in[1].first_y, 1, RESERVED, "in[1].whole"),
	BAD_LAYER_AS(ATTENTION, in[2].first_x, 1, RESERVED, "in[2].whole"),
	BAD_LAYER_AS(CONV, out.first_channel, 1, RESERVED, "out.whole"),
	BAD_LAYER_AS(CONV, in[0].reserved16, 1, RESERVED, "in[0].reserved"),
	/* Bounds; nothing in this program requires them. */
	BAD_LAYER(CONV, in[0].bound, 3, NEEDS),
	BAD_LAYER(EVENTS, out.bound, 2, NEEDS),
	BAD_LAYER(EVENTS, in[0].bound, 1, BOUND),
	BAD_LAYER(POOL_SUM, out.bound, 1, NEEDS),
	BAD_LAYER_AS(CONV, in[1].bound, 1, RESERVED, "in[1].format"),
	BAD_LAYER(CONV, in[0].format, 37, TENSOR_FORMAT),
	BAD_LAYER_AS(CONV, in[0].format, SNNQ_FORMAT_SIGNED, TENSOR_SOURCE, "in[0].offset"),
	BAD_LAYER(CONV, in[0].planes, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].planes, 17, TENSOR_DIMS),
	BAD_LAYER_AS(CONV, in[0].planes, 1, TENSOR_SOURCE, "in[0].offset"),
	BAD_LAYER(CONV, in[0].height, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].height, 4097, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].width, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].width, 65535, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].channels, 0, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].channels, 65537, TENSOR_DIMS),
	BAD_LAYER(CONV, in[0].channels, 0xffffffff, TENSOR_DIMS),
	BAD_LAYER_AS(CONV, in[0].height, 7, TENSOR_SOURCE, "in[0].offset"),
	BAD_LAYER(CONV, in[0].region, R_EVENTS, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, R_CONV_WEIGHTS, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, R_OUT, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, R_END, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, SNNQ_REGION_STATE_IN, TENSOR_REGION),
	BAD_LAYER(CONV, in[0].region, SNNQ_REGION_NONE, TENSOR_REGION),
	BAD_LAYER_AS(CONV, in[0].region, R_KEYS, TENSOR_EXTENT, "in[0].offset"),
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
	BAD_LAYER_AS(CONV, out.region, R_OUT, TENSOR_EXTENT, "out.offset"),
	BAD_LAYER(CONV, out.format, SNNQ_FORMAT_EVENTS, TENSOR_FORMAT),
	BAD_LAYER_AS(CONV, out.planes, 2, TENSOR_FORMAT, "out.format"),
	BAD_LAYER_AS(CONV, in[1].channels, 1, RESERVED, "in[1].format"),
	BAD_LAYER_AS(CONV, in[2].offset, 8, RESERVED, "in[2].format"),
	BAD_LAYER_AS(CONV, in[3].width, 8, RESERVED, "in[3].format"),
	BAD_LAYER(ATTENTION, in[3].format, SNNQ_FORMAT_UNSIGNED, UNSUPPORTED),
	BAD_LAYER_AS(POOL_MAX, in[0].channels, 63, TENSOR_SOURCE, "in[0].offset"),
	BAD_LAYER_AS(POOL_MAX, out.planes, 2, TENSOR_FORMAT, "out.format"),
	BAD_LAYER(POOL_MAX, out.channels, 63, SHAPE),
	BAD_LAYER(POOL_MAX, out.height, 3, SHAPE),
	BAD_LAYER(ADD, out.planes, 1, TENSOR_DIMS),
	BAD_LAYER(ADD, in[1].planes, 0, TENSOR_DIMS),
	BAD_LAYER(ADD, in[1].format, SNNQ_FORMAT_NONE, TENSOR_FORMAT),
	BAD_LAYER_AS(ADD, in[1].channels, 63, SHAPE, "in[1]"),
	BAD_LAYER_AS(ADD, out.width, 1, SHAPE, "out"),
	BAD_LAYER(LINEAR, out.planes, 1, RESERVED),
	BAD_LAYER_AS(LINEAR, out.height, 1, SHAPE, "out"),
	BAD_LAYER_AS(LINEAR, in[0].planes, 4, TENSOR_SOURCE, "in[0].offset"),
	BAD_LAYER_AS(READOUT, out.height, 2, TENSOR_EXTENT, "out.offset"),
	BAD_LAYER_AS(READOUT, out.channels, 9, SHAPE, "out"),
	BAD_LAYER(READOUT, out.region, R_OUT, TENSOR_REGION),
	BAD_LAYER(READOUT, out.region, SNNQ_REGION_SCRATCH, TENSOR_REGION),
	BAD_LAYER(READOUT, out.format, SNNQ_FORMAT_UNSIGNED, TENSOR_FORMAT),
	BAD_LAYER(EVENTS, in[0].planes, 1, RESERVED),
	BAD_LAYER_AS(EVENTS, in[0].height, 7, SHAPE, "out"),
	BAD_LAYER(EVENTS, in[0].region, SNNQ_REGION_SCRATCH, TENSOR_REGION),
	BAD_LAYER(EVENTS, in[0].region, R_KEYS, TENSOR_REGION),
	BAD_LAYER(EVENTS, in[0].offset, 80, TENSOR_EXTENT),
	BAD_LAYER(EVENTS, out.format, SNNQ_FORMAT_SIGNED, TENSOR_FORMAT),
	BAD_LAYER_AS(EVENTS, out.channels, 3, SHAPE, "out"),
	BAD_LAYER_AS(ATTENTION, in[1].planes, 2, TENSOR_EXTENT, "in[1].offset"),
	BAD_LAYER_AS(ATTENTION, in[1].height, 2, SHAPE, "in[1].channels"),
	BAD_LAYER_AS(ATTENTION, in[2].channels, 32, SHAPE, "out"),
	BAD_LAYER(ATTENTION, in[2].channels, 31, SHAPE),
	BAD_LAYER_AS(CONCAT, in[1].channels, 63, TENSOR_SOURCE, "in[1].offset"),
	BAD_LAYER_AS(CONCAT, out.channels, 127, SHAPE, "out"),
	BAD_LAYER_AS(CONCAT, out.height, 1, SHAPE, "in[0].format"),
	BAD_LAYER_AS(CONCAT, in[3].format, SNNQ_FORMAT_SIGNED, RESERVED, "in[3].format"),
	BAD_LAYER(CONCAT, in[1].format, SNNQ_FORMAT_NONE, TENSOR_FORMAT),
	BAD_LAYER_AS(COPY, out.height, 4, SHAPE, "out"),
	BAD_LAYER_AS(COPY, out.channels, 63, SHAPE, "out"),
	BAD_LAYER(UPSAMPLE, out.height, 3, SHAPE),
	BAD_LAYER(UPSAMPLE, out.width, 5, SHAPE),
	BAD_LAYER(UPSAMPLE, out.channels, 63, SHAPE),
	BAD_LAYER_AS(UPSAMPLE, out.planes, 4, TENSOR_FORMAT, "out.format"),
	BAD_LAYER_AS(REDUCE, out.height, 2, TENSOR_EXTENT, "out.offset"),
	BAD_LAYER(REDUCE, out.width, 1, SHAPE),
	BAD_LAYER(REDUCE, out.channels, 31, SHAPE),
	BAD_LAYER(ATTENTION, in[1].channels, 32, SHAPE),
	BAD_LAYER(ATTENTION, in[2].format, SNNQ_FORMAT_SIGNED, TENSOR_FORMAT),
	BAD_LAYER_AS(ATTENTION, out.width, 2, SHAPE, "out"),
};

/* Operations, parameters, windows and weights. */
static const struct corruption bad_operations[] = {
	BAD_LAYER(CONV, op, 0, OP),
	BAD_LAYER(CONV, op, SNNQ_OP_COUNT, OP),
	BAD_LAYER(CONV, op, 0xffff, OP),
	BAD_LAYER(CONV, flags, 4, FLAGS),
	BAD_LAYER_AS(CONV, op, SNNQ_OP_MATMUL, RESERVED, "quant"),
	BAD_LAYER(MATMUL, mode, SNNQ_MATMUL_TRANSPOSE_2, PARAM),
	BAD_LAYER(MATMUL, mode, SNNQ_MATMUL_RIGHT_FIRST, PARAM),
	BAD_LAYER(MATMUL, mode, 16, PARAM),
	BAD_LAYER(MATMUL, mode, 1u << 31, PARAM),
	BAD_LAYER_AS(MATMUL, mode, 0, SHAPE, "in[1].channels"),
	BAD_LAYER_AS(MATMUL, mode, SNNQ_MATMUL_TRANSPOSE_0 | SNNQ_MATMUL_TRANSPOSE_1, SHAPE,
		     "in[1].channels"),
	BAD_LAYER_AS(MATMUL, mode, SNNQ_MATMUL_TRANSPOSE_0, SHAPE, "out"),
	BAD_LAYER(MATMUL, param, 0, PARAM),
	BAD_LAYER(MATMUL, param, 3, PARAM),
	BAD_LAYER(MATMUL, param, 128, PARAM),
	BAD_LAYER_AS(MATMUL, param, 8, SHAPE, "out"),
	BAD_LAYER_AS(MATMUL, out.channels, 15, SHAPE, "out"),
	BAD_LAYER_AS(MATMUL, out.width, 1, SHAPE, "out"),
	BAD_LAYER_AS(MATMUL, scale[0].shift, 1, RESERVED, "scale"),
	BAD_LAYER_AS(MATMUL, geometry.groups, 1, RESERVED, "geometry"),
	BAD_LAYER(MATMUL, in[1].format, SNNQ_FORMAT_NONE, TENSOR_FORMAT),
	BAD_LAYER_AS(MATMUL, in[2].channels, 1, RESERVED, "in[2].format"),
	BAD_LAYER_AS(MATMUL, in[3].format, SNNQ_FORMAT_SIGNED, RESERVED, "in[3].format"),
	BAD_LAYER_AS(CONV, op, SNNQ_OP_CONCAT, RESERVED, "quant"),
	BAD_LAYER(CONV, flags, SNNQ_LAYER_FLAG_ACC64, UNSUPPORTED),
	BAD_LAYER(CONV, flags, 0x8000, FLAGS),
	BAD_LAYER_AS(ADD, mode, SNNQ_ELEMENTWISE_AND, TENSOR_FORMAT, "in[0].format"),
	BAD_LAYER(ADD, mode, SNNQ_ELEMENTWISE_MULTIPLY, OK),
	BAD_LAYER(ADD, mode, SNNQ_ELEMENTWISE_COUNT, PARAM),
	BAD_LAYER(ADD, mode, ~0u, PARAM),
	BAD_LAYER(ATTENTION, mode, SNNQ_ATTENTION_KV_FIRST, OK),
	BAD_LAYER_AS(ATTENTION, mode, SNNQ_ATTENTION_TOKEN, RESERVED, "neuron"),
	BAD_LAYER_AS(ATTENTION, mode, SNNQ_ATTENTION_CHANNEL, RESERVED, "neuron"),
	BAD_LAYER(ATTENTION, mode, SNNQ_ATTENTION_COUNT, PARAM),
	BAD_LAYER(CONV, mode, 1, RESERVED),
	BAD_LAYER(READOUT, mode, 1, RESERVED),
	BAD_LAYER(CONV, axes, 1, RESERVED),
	BAD_LAYER(ADD, axes, SNNQ_AXIS_WIDTH, RESERVED),
	BAD_LAYER_AS(CONV, scale[0].shift, 1, RESERVED, "scale"),
	BAD_LAYER_AS(ADD, scale[1].mult_count, 1, NEEDS, "scale"),
	BAD_LAYER_AS(ADD, scale[2].shift, 1, RESERVED, "scale"),
	BAD_LAYER_AS(POOL_MAX, scale[0].shift, 1, RESERVED, "scale"),
	BAD_LAYER_AS(POOL_MAX, neuron.model, 1, RESERVED, "neuron"),
	BAD_LAYER_AS(POOL_MAX, flags, 1, RESERVED, "neuron"),
	BAD_LAYER_AS(CONCAT, scale[2].shift, 1, RESERVED, "scale"),
	BAD_LAYER_AS(CONCAT, neuron.model, 1, RESERVED, "neuron"),
	BAD_LAYER(CONCAT, axes, 0, PARAM),
	BAD_LAYER(CONCAT, axes, 3, PARAM),
	BAD_LAYER(CONCAT, axes, 8, PARAM),
	BAD_LAYER_AS(CONCAT, axes, SNNQ_AXIS_WIDTH, SHAPE, "in[0].format"),
	BAD_LAYER(COPY, mode, SNNQ_COPY_CWH + 1, PARAM),
	BAD_LAYER_AS(COPY, mode, SNNQ_COPY_HWC, SHAPE, "out"),
	BAD_LAYER_AS(COPY, scale[1].shift, 1, RESERVED, "scale"),
	BAD_LAYER_AS(COPY, scale[0].shift, 1, NEEDS, "scale"),
	BAD_LAYER_AS(UPSAMPLE, geometry.kernel_h, 2, GEOMETRY, "geometry"),
	BAD_LAYER_AS(UPSAMPLE, geometry.stride_h, 0, GEOMETRY, "geometry"),
	BAD_LAYER_AS(UPSAMPLE, geometry.pad_w, 1, GEOMETRY, "geometry"),
	BAD_LAYER_AS(UPSAMPLE, geometry.groups, 2, GEOMETRY, "geometry"),
	BAD_LAYER(REDUCE, axes, 0, PARAM),
	BAD_LAYER(REDUCE, axes, 8, PARAM),
	BAD_LAYER_AS(REDUCE, axes, SNNQ_AXIS_HEIGHT, GEOMETRY, "geometry"),
	BAD_LAYER(REDUCE, geometry.groups, 0, GEOMETRY),
	BAD_LAYER(REDUCE, geometry.groups, 33, GEOMETRY),
	BAD_LAYER_AS(REDUCE, geometry.groups, 64, SHAPE, "out.channels"),
	BAD_LAYER_AS(REDUCE, geometry.kernel_w, 1, GEOMETRY, "geometry"),
	BAD_LAYER(REDUCE, mode, SNNQ_REDUCE_MAX + 1, PARAM),
	BAD_LAYER_AS(REDUCE, mode, SNNQ_REDUCE_OR, TENSOR_FORMAT, "in[0].format"),
	BAD_LAYER_AS(REDUCE, mode, SNNQ_REDUCE_MAX, TENSOR_FORMAT, "out.format"),
	BAD_LAYER(CONV, geometry.more_h, 1, NEEDS),
	BAD_LAYER(POOL_SUM, geometry.more_w, -1, NEEDS),
	BAD_LAYER(CONV, geometry.reserved, 1, RESERVED),
	BAD_LAYER(CONV, loop, 1, NEEDS),
	BAD_LAYER(CONV, loop_count, 1, RESERVED),
	BAD_LAYER(EVENTS, flags, 1, FLAGS),
	BAD_LAYER(LINEAR, flags, 1, FLAGS),
	BAD_LAYER(EVENTS, param, 1, RESERVED),
	BAD_LAYER(CONV, param, 1, RESERVED),
	BAD_LAYER(LINEAR, param, 1, RESERVED),
	BAD_LAYER(POOL_MAX, param, 1, RESERVED),
	BAD_LAYER(ADD, param, 1, RESERVED),
	BAD_LAYER(POOL_SUM, param, 0, PARAM),
	BAD_LAYER(POOL_SUM, param, 32768, PARAM),
	BAD_LAYER(ATTENTION, param, 0, PARAM),
	BAD_LAYER(ATTENTION, param, 3, PARAM),
	BAD_LAYER(ATTENTION, param, 128, PARAM),
	BAD_LAYER(READOUT, param, 0, PARAM),
	BAD_LAYER(READOUT, param, SNNQ_READOUT_MAX, OK),
	BAD_LAYER(READOUT, param, SNNQ_READOUT_VOTE, OK),
	BAD_LAYER(READOUT, param, SNNQ_READOUT_COUNT, PARAM),
	BAD_LAYER_AS(CONV, reserved[0], 1, RESERVED, "reserved"),
	BAD_LAYER_AS(CONV, reserved[9], 1, RESERVED, "reserved"),
	BAD_LAYER(CONV, quant.scheme, 0, SCHEME),
	BAD_LAYER(CONV, quant.scheme, 6, SCHEME),
	BAD_LAYER(CONV, quant.scheme, 255, SCHEME),
	BAD_LAYER(CONV, quant.bits, 1, SCHEME),
	BAD_LAYER(CONV, quant.bits, 6, SCHEME),
	BAD_LAYER(LINEAR, quant.bits, 0, SCHEME),
	BAD_LAYER(LINEAR, quant.bits, 9, SCHEME),
	BAD_LAYER_AS(CONV, quant.scheme, SNNQ_SCHEME_TERNARY, SCHEME, "quant.bits"), /* 4 bits */
	BAD_LAYER(LINEAR, quant.bits, 255, SCHEME),
	BAD_LAYER_AS(CONV, quant.bits, 5, WEIGHTS, "quant.offset"),
	BAD_LAYER(CONV, quant.offset, 1, WEIGHTS),
	BAD_LAYER(CONV, quant.offset, ~0ull, WEIGHTS),
	BAD_LAYER(CONV, quant.region, R_EVENTS, WEIGHTS),
	BAD_LAYER(CONV, quant.region, SNNQ_REGION_SCRATCH, WEIGHTS),
	BAD_LAYER(CONV, quant.region, R_END, WEIGHTS),
	BAD_LAYER(CONV, quant.reserved, 1, RESERVED),
	BAD_LAYER_AS(ADD, quant.bits, 4, RESERVED, "quant"),
	BAD_LAYER_AS(POOL_SUM, quant.scheme, 1, RESERVED, "quant"),
	BAD_LAYER_AS(ATTENTION, quant.offset, 8, RESERVED, "quant"),
	BAD_LAYER(CONV, geometry.kernel_h, 0, GEOMETRY),
	BAD_LAYER(CONV, geometry.kernel_h, 4097, GEOMETRY),
	BAD_LAYER_AS(CONV, geometry.kernel_h, 11, SHAPE, "out.height"),
	BAD_LAYER(CONV, geometry.kernel_w, 0, GEOMETRY),
	BAD_LAYER_AS(CONV, geometry.kernel_w, 2, SHAPE, "out.width"),
	BAD_LAYER(CONV, geometry.stride_h, 0, GEOMETRY),
	BAD_LAYER_AS(CONV, geometry.stride_w, 2, SHAPE, "out.width"),
	BAD_LAYER(CONV, geometry.dilation_h, 0, GEOMETRY),
	BAD_LAYER_AS(CONV, geometry.dilation_w, 2, SHAPE, "out.width"),
	BAD_LAYER(CONV, geometry.pad_h, 3, GEOMETRY),
	BAD_LAYER_AS(CONV, geometry.pad_h, 2, SHAPE, "out.height"),
	BAD_LAYER(CONV, geometry.pad_w, 65535, GEOMETRY),
	BAD_LAYER(CONV, geometry.groups, 0, GEOMETRY),
	BAD_LAYER(CONV, geometry.groups, 4, GEOMETRY),
	BAD_LAYER(CONV, geometry.groups, 0xffffffff, GEOMETRY),
	BAD_LAYER(POOL_SUM, geometry.groups, 2, GEOMETRY),
	BAD_LAYER(POOL_MAX, geometry.groups, 64, GEOMETRY),
	BAD_LAYER_AS(LINEAR, geometry.kernel_h, 1, RESERVED, "geometry"),
	BAD_LAYER_AS(LINEAR, geometry.groups, 1, RESERVED, "geometry"),
	BAD_LAYER_AS(ADD, geometry.stride_w, 1, RESERVED, "geometry"),
};

/* Neurons, tables and state. */
static const struct corruption bad_neurons[] = {
	BAD_LAYER(CONV, neuron.model, 3, NEURON),
	BAD_LAYER_AS(CONV, neuron.model, 0, RESERVED, "neuron.leak"),
	BAD_LAYER_AS(CONV, neuron.model, SNNQ_NEURON_LIF, RESERVED, "neuron.current_leak"),
	BAD_LAYER(CONV, neuron.compare, 2, NEURON),
	BAD_LAYER(CONV, neuron.reset, 3, NEURON),
	BAD_LAYER(CONV, neuron.leak, 4, NEURON),
	BAD_LAYER(CONV, neuron.current_leak, 4, NEURON),
	BAD_LAYER_AS(CONV, neuron.leak, SNNQ_LEAK_NONE, NEURON, "neuron.leak_param"),
	BAD_LAYER(CONV, neuron.leak_param, 4097, NEURON),
	BAD_LAYER(CONV, neuron.current_leak_param, 65537, NEURON),
	BAD_LAYER_AS(CONV, neuron.current_leak, SNNQ_LEAK_NONE, NEURON,
		     "neuron.current_leak_param"),
	BAD_LAYER(ATTENTION, neuron.leak_param, 0, NEURON),
	BAD_LAYER(ATTENTION, neuron.leak_param, 65537, NEURON),
	BAD_LAYER(CONV, neuron.shift, 17, NEURON),
	BAD_LAYER(CONV, neuron.delay, 64, NEURON),
	BAD_LAYER_AS(CONV, neuron.delay, 63, STATE, "state_offset"),
	BAD_LAYER_AS(CONV, neuron.refractory, 1, STATE, "state_offset"),
	BAD_LAYER(CONV, neuron.requant_shift, 1, RESERVED),
	BAD_LAYER(CONV, neuron.requant_shift, 32, NEURON),
	BAD_LAYER(CONV, neuron.flags, 0x80, FLAGS),
	BAD_LAYER(CONV, neuron.flags, 1u << 31, FLAGS),
	/* Hard resets, and nothing that is needed is named. */
	BAD_LAYER(CONV, neuron.flags, SNNQ_NEURON_FLAG_DELAYED_RESET, NEURON),
	BAD_LAYER(CONV, neuron.flags, SNNQ_NEURON_FLAG_CLAMP_LOW, NEEDS),
	BAD_LAYER(CONV, neuron.flags, SNNQ_NEURON_FLAG_STATE16, UNSUPPORTED),
	BAD_LAYER(CONV, neuron.flags, SNNQ_NEURON_FLAG_HALF_LEVELS, NEURON),
	BAD_LAYER(CONV, neuron.flags, SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS, NEURON),
	BAD_LAYER(CONV, neuron.output, SNNQ_OUTPUT_COUNTS, NEURON),
	BAD_LAYER(CONV, neuron.output, SNNQ_OUTPUT_POTENTIAL, NEEDS),
	BAD_LAYER(CONV, neuron.output, SNNQ_OUTPUT_GRADED, NEEDS),
	BAD_LAYER(CONV, neuron.output, SNNQ_OUTPUT_GRADED + 1, NEURON),
	BAD_LAYER(CONV, neuron.tie, SNNQ_TIE_EVEN, NEURON),
	BAD_LAYER(CONV, neuron.tie, 2, NEURON),
	BAD_LAYER(CONV, neuron.levels, 2, NEEDS),
	BAD_LAYER(CONV, neuron.levels, 1, NEURON),
	BAD_LAYER(CONV, neuron.levels, SNNQ_MAX_LEVELS + 1, NEURON),
	BAD_LAYER(CONV, neuron.low, -1, RESERVED),
	BAD_LAYER(CONV, neuron.reserved16, 1, RESERVED),
	BAD_LAYER(CONV, neuron.reset_period, 1, NEEDS),
	BAD_LAYER(CONV, neuron.reset_offset, 1, NEURON),
	BAD_LAYER_AS(CONV, neuron.leak_count, 64, RESERVED, "neuron.leak_param"),
	BAD_LAYER_AS(CONV, neuron.leak_index, 1, RESERVED, "neuron.leak_count"),
	BAD_LAYER_AS(CONV, neuron.current_leak_count, 1, RESERVED, "neuron.current_leak_param"),
	BAD_LAYER_AS(CONV, neuron.current_leak_index, 1, RESERVED, "neuron.current_leak_count"),
	BAD_LAYER(CONV, neuron.reset_count, 64, NEEDS),
	BAD_LAYER_AS(CONV, neuron.reset_index, 1, RESERVED, "neuron.reset_count"),
	BAD_LAYER(CONV, neuron.delay_count, 1, NEEDS),
	BAD_LAYER_AS(CONV, neuron.delay_index, 1, RESERVED, "neuron.delay_count"),
	BAD_LAYER_AS(CONV, neuron.threshold_count, 8 * 8 * 64, TABLE, "neuron.threshold"),
	BAD_LAYER_AS(ATTENTION, neuron.bias_count, 4 * 4 * 64, TABLE, "neuron.bias"),
	BAD_LAYER_AS(LINEAR, neuron.mult_count, 2 * 2 * 10, TABLE, "neuron.mult"),
	BAD_LAYER(LINEAR, neuron.output, SNNQ_OUTPUT_POTENTIAL, RESERVED),
	BAD_LAYER(LINEAR, neuron.levels, 2, RESERVED),
	BAD_LAYER(LINEAR, neuron.reset_period, 2, RESERVED),
	BAD_LAYER(LINEAR, neuron.delay_count, 1, RESERVED),
	BAD_LAYER(CONV, neuron.flags, SNNQ_NEURON_FLAG_STICKY, NEURON),
	BAD_LAYER(ATTENTION, neuron.flags, SNNQ_NEURON_FLAG_OLD_CURRENT, FLAGS),
	BAD_LAYER_AS(ATTENTION, neuron.compare, SNNQ_COMPARE_GE, NEURON, "neuron.flags"),
	BAD_LAYER_AS(ATTENTION, neuron.leak, SNNQ_LEAK_Q16, NEURON, "neuron.flags"),
	BAD_LAYER(ATTENTION, neuron.current_leak, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.current_leak_param, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.reset, SNNQ_RESET_SOFT, OK),
	BAD_LAYER(CONV, neuron.reset_value, -1, OK),
	BAD_LAYER(ATTENTION, neuron.mult_count, 1, RESERVED),
	BAD_LAYER(ATTENTION, neuron.mult_index, 1, RESERVED),
	BAD_LAYER_AS(ATTENTION, neuron.bias_index, 1, RESERVED, "neuron.bias"),
	BAD_LAYER(ATTENTION, neuron.bias_count, 1, OK),
	BAD_LAYER_AS(ATTENTION, neuron.bias_count, 2, TABLE, "neuron.bias"),
	BAD_LAYER(ATTENTION, neuron.bias_count, 64, OK),
	BAD_LAYER_AS(CONV, neuron.threshold_count, 0, TABLE, "neuron.threshold"),
	BAD_LAYER_AS(CONV, neuron.threshold_count, 63, TABLE, "neuron.threshold"),
	BAD_LAYER_AS(CONV, neuron.threshold_count, 0xffffffff, TABLE, "neuron.threshold"),
	BAD_LAYER_AS(CONV, neuron.threshold_index, 13, TABLE, "neuron.threshold"),
	BAD_LAYER_AS(CONV, neuron.threshold_index, 0xffffffff, TABLE, "neuron.threshold"),
	BAD_LAYER(ATTENTION, neuron.threshold_index, 75, OK),
	BAD_LAYER_AS(ATTENTION, neuron.threshold_index, 76, TABLE, "neuron.threshold"),
	BAD_LAYER_AS(ATTENTION, neuron.threshold_index, 70, THRESHOLD, "neuron.threshold"),
	BAD_LAYER_AS(LINEAR, neuron.mult_count, 9, TABLE, "neuron.mult"),
	BAD_LAYER_AS(LINEAR, neuron.mult_index, 67, TABLE, "neuron.mult"),
	BAD_LAYER_AS(LINEAR, neuron.bias_index, 76, TABLE, "neuron.bias"),
	BAD_LAYER(LINEAR, neuron.requant_shift, 31, OK),
	BAD_LAYER(LINEAR, neuron.requant_shift, 32, NEURON),
	BAD_LAYER(LINEAR, neuron.compare, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.reset, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.leak, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.shift, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.current_leak, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.delay, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.leak_param, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.current_leak_param, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.reset_value, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.refractory, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.flags, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.threshold_index, 1, RESERVED),
	BAD_LAYER(LINEAR, neuron.threshold_count, 1, RESERVED),
	BAD_LAYER_AS(LINEAR, neuron.model, SNNQ_NEURON_LIF, RESERVED, "neuron.requant_shift"),
	BAD_LAYER_AS(CONV, neuron.reserved[0], 1, RESERVED, "neuron.reserved"),
	BAD_LAYER_AS(CONV, neuron.reserved[6], 1, RESERVED, "neuron.reserved"),
	BAD_LAYER(ADD, neuron.requant_shift, 1, OK),
	BAD_LAYER_AS(EVENTS, neuron.threshold_count, 1, RESERVED, "neuron"),
	BAD_LAYER(CONV, state_offset, 0, STATE),
	BAD_LAYER(CONV, state_offset, 56, STATE),
	BAD_LAYER(CONV, state_offset, 68, STATE),
	BAD_LAYER(CONV, state_offset, ~0ull - 7, STATE),
	BAD_LAYER(ATTENTION, state_offset, 64, STATE),
	BAD_LAYER(READOUT, state_offset, 0, STATE),
	BAD_LAYER(READOUT, state_offset, 72, STATE),
	BAD_LAYER(LINEAR, state_offset, 64, STATE),
	BAD_LAYER(ADD, state_offset, 64, STATE),
	BAD_LAYER(CONV, tag, 0xffffffff, OK),
};

#define SET(name)                                                             \
	{                                                                     \
#name, bad_##name, sizeof(bad_##name) / sizeof(bad_##name[0]) \
	}

const struct corruption_set corruption_sets[CORRUPTION_SETS] = {
	SET(headers), SET(regions), SET(tensors), SET(operations), SET(neurons),
};
