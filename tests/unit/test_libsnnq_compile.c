// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_compile.c - programs against a layout worked out by hand, and what
 * the validator refuses, told with the layer's name.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/compile.h"
#include "models.h"

static const char path[] = "compiled.snnq";

struct fixture {
	struct modelfile *file;
	struct graph graph;
	struct compiled compiled;
};

static int compile(struct fixture *f, const struct compile_opts *opts)
{
	struct compile_opts o = *opts;

	if (!o.caps)
		o.caps = &snnq_caps_all;
	if (graph_parse(path, f->file, &f->graph))
		fail_msg("%s", snnq_last_error(NULL));
	return compile_graph(path, &f->graph, &o, &f->compiled);
}

static void release(struct fixture *f)
{
	compile_free(&f->compiled);
	graph_free(&f->graph);
	modelfile_free(f->file);
}

/* Every part of the all-operations network where the layout says it must be. */
static void test_layout(void **state)
{
	static const uint16_t ops[9] = {
		SNNQ_OP_CONV2D,	     SNNQ_OP_POOL_MAX, SNNQ_OP_LINEAR,
		SNNQ_OP_LINEAR,	     SNNQ_OP_LINEAR,   SNNQ_OP_ATTENTION,
		SNNQ_OP_ELEMENTWISE, SNNQ_OP_LINEAR,   SNNQ_OP_READOUT,
	};
	struct fixture f = { .file = network_model() };
	const struct snnq_program_header *h;
	const struct snnq_region_desc *r;
	const struct snnq_layer *l;

	(void)state;
	assert_int_equal(compile(&f, &(struct compile_opts){ .caps = NULL }), 0);
	h = f.compiled.program;
	r = snnq_program_region(h, 0);
	l = snnq_program_layer(h, 0);
	assert_int_equal(h->layer_count, 9);
	for (int i = 0; i < 9; i++)
		assert_int_equal(l[i].op, ops[i]);
	assert_int_equal(h->max_steps, 8);
	assert_int_equal(h->region_count, 3);
	/* weights: 36 -> 40, three times 3 -> 8, 8 */
	assert_int_equal(r[0].role, SNNQ_ROLE_WEIGHTS);
	assert_int_equal(r[0].bytes, 72);
	assert_int_equal(l[2].quant.offset, 40);
	assert_int_equal(l[7].quant.offset, 64);
	/* input: a word at each of 16 positions */
	assert_int_equal(r[1].role, SNNQ_ROLE_INPUT);
	assert_int_equal(r[1].step_bytes, 128);
	assert_int_equal(r[2].role, SNNQ_ROLE_READOUT);
	assert_int_equal(r[2].bytes, 8);
	/* scratch: 128 conv, 32 pool, 3 * 32, 32 attention, 2 planes: 64, int32: 2 * 2 * 2 * 4 */
	assert_int_equal(h->scratch_step_bytes, 128 + 32 + 96 + 32 + 64 + 32);
	/* state: header, conv 48 neurons, q k v attention 16 each, readout 2 int64 */
	assert_int_equal(h->state_bytes, 64 + 48 * 4 + 4 * 16 * 4 + 16);
	/* table: 3 thresholds, 1 each for q k v attention, 2 biases */
	assert_int_equal(h->table_count, 3 + 4 + 2);
	assert_int_equal(snnq_program_table(h)[1], 400);
	assert_int_equal(snnq_program_table(h)[l[7].neuron.bias_index], -70000);
	assert_int_equal(l[7].neuron.bias_count, 2);
	assert_int_equal(l[5].param, 2);
	/* Two spikes in two planes. */
	assert_int_equal(l[6].out.bound, 2);
	assert_int_equal(l[7].in[0].bound, 2);
	assert_int_equal(h->needs, SNNQ_PROGRAM_NEEDS_BOUNDS);
	assert_int_equal(h->layer_bytes, sizeof(*l));
	assert_memory_equal(&l[5].in[1], &l[3].out, sizeof(l[3].out));
	assert_int_equal(f.compiled.input_step_bytes, 128);
	release(&f);
}

/* clang-format off */
#define LIF "\"neuron\": {\"model\": \"lif\", \"compare\": \"ge\", \"reset\": \"hard\", \"threshold\": 3}"
static const char operations[] =
	"["
	"{\"name\": \"x\", \"op\": \"sumpool\", \"inputs\": [\"input\"], \"kernel\": [2, 2],"
	" \"stride\": [2, 2], \"value\": 3},"
	"{\"name\": \"y\", \"op\": \"add\", \"inputs\": [\"x\", \"x\"],"
	" \"scales\": [null, {\"mult\": -5, \"shift\": 2}]},"
	"{\"name\": \"z\", \"op\": \"multiply\", \"inputs\": [\"y\", \"x\"], \"planes\": 9,"
	" \"signed\": true, \"bias\": \"head.bias\", \"neuron\": {\"model\": \"none\", \"mult\": 2}},"
	"{\"name\": \"s\", \"op\": \"maxpool\", \"inputs\": [\"y\"], \"kernel\": [1, 1],"
	" \"scales\": [{\"mult\": 7, \"shift\": 1}], " LIF "},"
	"{\"name\": \"and\", \"op\": \"and\", \"inputs\": [\"s\", \"s\"]},"
	"{\"name\": \"andnot\", \"op\": \"andnot\", \"inputs\": [\"s\", \"and\"], " LIF "},"
	"{\"name\": \"or\", \"op\": \"or\", \"inputs\": [\"s\","
	" {\"layer\": \"and\", \"first\": [1, 0, 0], \"size\": [1, 1, 2]}], \"planes\": 2},"
	"{\"name\": \"token\", \"op\": \"attention\", \"mode\": \"token\", \"heads\": 2,"
	" \"inputs\": [\"s\", \"and\"]},"
	"{\"name\": \"channel\", \"op\": \"attention\", \"mode\": \"channel\", \"heads\": 1,"
	" \"inputs\": [\"s\", \"and\", \"token\"]},"
	"{\"name\": \"wide\", \"op\": \"concat\", \"axis\": \"channels\", \"planes\": 1,"
	" \"inputs\": [\"s\", \"and\", \"token\", {\"layer\": \"input\", \"first\": [0, 2, 0],"
	" \"size\": [2, 2, 2]}]},"
	"{\"name\": \"attn\", \"op\": \"attention\", \"inputs\": [\"s\", \"and\", \"wide\"],"
	" \"heads\": 2, \"neuron\": {\"model\": \"none\"}},"
	"{\"name\": \"turned\", \"op\": \"copy\", \"axes\": \"chw\","
	" \"inputs\": [{\"layer\": \"attn\", \"shape\": [1, 8, 4]}]},"
	"{\"name\": \"large\", \"op\": \"upsample\", \"inputs\": [\"turned\"], \"factor\": [2, 3]},"
	"{\"name\": \"most\", \"op\": \"reduce\", \"mode\": \"max\", \"axes\": [\"width\"],"
	" \"inputs\": [\"large\"]},"
	"{\"name\": \"mean\", \"op\": \"reduce\", \"mode\": \"sum\", \"inputs\": [\"most\"],"
	" \"axes\": [\"height\", \"channels\"], \"groups\": 4, " LIF "},"
	"{\"name\": \"head\", \"op\": \"reduce\", \"mode\": \"or\", \"axes\": [\"channels\"],"
	" \"groups\": 2, \"inputs\": [\"mean\"]},"
	"{\"name\": \"product\", \"op\": \"matmul\", \"inputs\": [\"attn\", \"and\", \"and\"],"
	" \"heads\": 2, \"transpose\": [true, false, true], \"first\": \"right\", \"size\": [2, 2],"
	" \"neuron\": {\"model\": \"none\", \"requant_shift\": 3}}"
	"]";
/* clang-format on */

/* What each becomes, and how large int32 results can get: x 12, y 12 + 15. */
static void test_operations(void **state)
{
	struct fixture f = { .file = network_model() };
	const struct snnq_program_header *h;
	const struct snnq_layer *l;
	const int32_t *table;

	(void)state;
	edit(f.file, "layers", operations);
	if (compile(&f, &(struct compile_opts){ .taps = true }))
		fail_msg("%s", snnq_last_error(NULL));
	h = f.compiled.program;
	l = snnq_program_layer(h, 0);
	table = snnq_program_table(h);
	assert_int_equal(h->needs, SNNQ_PROGRAM_NEEDS_BOUNDS | SNNQ_PROGRAM_NEEDS_SCALES |
					   SNNQ_PROGRAM_NEEDS_VIEWS);
	assert_int_equal(l[0].out.bound, 12);
	assert_int_equal(l[1].op, SNNQ_OP_ELEMENTWISE);
	assert_int_equal(l[1].mode, SNNQ_ELEMENTWISE_ADD);
	assert_int_equal(l[1].out.format, SNNQ_FORMAT_INT32);
	assert_int_equal(l[1].out.bound, 27);
	assert_int_equal(l[1].scale[0].mult_count, 0);
	assert_int_equal(l[1].scale[1].mult_count, 1);
	assert_int_equal(table[l[1].scale[1].mult_index], -5);
	assert_int_equal(l[1].scale[1].shift, 2);
	assert_int_equal(l[2].mode, SNNQ_ELEMENTWISE_MULTIPLY);
	assert_int_equal(l[2].out.format, SNNQ_FORMAT_SIGNED);
	assert_int_equal(l[2].out.planes, 9);
	assert_int_equal(l[2].neuron.bias_count, 2);
	assert_int_equal(l[3].op, SNNQ_OP_POOL_MAX);
	assert_int_equal(l[3].neuron.model, SNNQ_NEURON_LIF);
	assert_int_equal(table[l[3].scale[0].mult_index], 7);
	assert_int_equal(l[4].mode, SNNQ_ELEMENTWISE_AND);
	assert_int_equal(l[4].out.planes, 1);
	assert_int_equal(l[5].mode, SNNQ_ELEMENTWISE_ANDN);
	assert_int_equal(l[6].mode, SNNQ_ELEMENTWISE_OR);
	assert_int_equal(l[6].in[1].flags, SNNQ_TENSOR_FLAG_SLICE);
	assert_int_equal(l[6].in[1].first_y, 1);
	assert_int_equal(l[6].in[1].whole_channels, 2);
	assert_int_equal(l[7].mode, SNNQ_ATTENTION_TOKEN);
	assert_int_equal(l[8].mode, SNNQ_ATTENTION_CHANNEL);
	assert_int_equal(l[9].op, SNNQ_OP_CONCAT);
	assert_int_equal(l[9].axes, SNNQ_AXIS_CHANNELS);
	assert_int_equal(l[9].out.channels, 8);
	assert_int_equal(l[9].in[3].region, f.compiled.input_region + SNNQ_REGION_USER);
	assert_int_equal(l[9].in[3].first_x, 2);
	assert_int_equal(l[10].out.channels, 8);
	assert_int_equal(l[10].out.bound, 4); /* four tokens, a channel each */
	assert_int_equal(l[11].mode, SNNQ_COPY_CHW);
	assert_int_equal(l[11].in[0].flags, SNNQ_TENSOR_FLAG_RESHAPE);
	assert_int_equal(l[11].out.height, 4);
	assert_int_equal(l[11].out.width, 1);
	assert_int_equal(l[11].out.channels, 8);
	assert_int_equal(l[12].out.width, 3);
	assert_int_equal(l[12].out.bound, 4);
	assert_int_equal(l[13].mode, SNNQ_REDUCE_MAX);
	assert_int_equal(l[14].geometry.groups, 4);
	assert_int_equal(l[15].mode, SNNQ_REDUCE_OR);
	assert_int_equal(l[16].op, SNNQ_OP_MATMUL);
	assert_int_equal(l[16].mode, SNNQ_MATMUL_TRANSPOSE_0 | SNNQ_MATMUL_TRANSPOSE_2 |
					     SNNQ_MATMUL_RIGHT_FIRST);
	assert_int_equal(l[16].param, 2);
	assert_int_equal(l[16].out.height, 2);
	assert_int_equal(l[16].out.channels, 8);
	assert_int_equal(f.compiled.info.layer_count, 17 + 1 + 17);
	release(&f);
}

static void test_padding(void **state)
{
	struct fixture f = { .file = network_model() };
	const struct snnq_layer *l;

	(void)state;
	edit(f.file, "layers.0.padding", "[0, 2, 2, 0]");
	assert_int_equal(compile(&f, &(struct compile_opts){ .caps = NULL }), 0);
	l = snnq_program_layer(f.compiled.program, 0);
	assert_int_equal(l->geometry.pad_h, 0);
	assert_int_equal(l->geometry.pad_w, 2);
	assert_int_equal(l->geometry.more_h, 2);
	assert_int_equal(l->geometry.more_w, -2);
	assert_int_equal(((const struct snnq_program_header *)f.compiled.program)->needs,
			 SNNQ_PROGRAM_NEEDS_BOUNDS | SNNQ_PROGRAM_NEEDS_PADDING);
	release(&f);
}

static void test_weights_image(void **state)
{
	static const char *const names[] = { "conv1.weight", "", "q.weight", "k.weight",
					     "v.weight",     "", "",	     "head.weight" };
	struct fixture f = { .file = network_model() };
	const struct snnq_layer *l;

	(void)state;
	assert_int_equal(compile(&f, &(struct compile_opts){ .caps = NULL }), 0);
	l = snnq_program_layer(f.compiled.program, 0);
	for (int i = 0; i < 8; i++) {
		const struct tensor *t = modelfile_find(f.file, names[i]);

		if (!t)
			continue;
		assert_int_equal(snnq_weight_bytes(&l[i]), t->bytes);
		assert_memory_equal((char *)f.compiled.weights + l[i].quant.offset, t->data,
				    t->bytes);
	}
	release(&f);
}

/* What neurons can have, and the features that the program then needs. */
static void test_neurons(void **state)
{
	struct fixture f = { .file = network_model() };
	const struct snnq_program_header *h;
	const struct snnq_neuron *n;
	const int32_t *table;

	(void)state;
	edit(f.file, "layers.0.neuron",
	     "{\"model\": \"cuba\", \"leak\": {\"kind\": \"div\", \"n\": \"conv1.threshold\"},"
	     " \"current_leak\": {\"kind\": \"tz12\", \"decay\": \"conv1.threshold\"},"
	     " \"compare\": \"ge\", \"reset\": \"soft\", \"threshold\": 7, \"levels\": 5,"
	     " \"tie\": \"even\", \"half_levels\": true, \"output\": \"counts\", \"low\": -4,"
	     " \"delayed_reset\": true, \"restart\": {\"period\": 8, \"offset\": 1}}");
	edit(f.file, "layers.2.neuron",
	     "{\"model\": \"lif\", \"leak\": {\"kind\": \"div\", \"n\": 2}, \"compare\": \"gt\","
	     " \"reset\": \"none\", \"output\": \"potential\", \"mult\": 3, \"requant_shift\": 1}");
	edit(f.file, "layers.2.planes", "3");
	edit(f.file, "layers.6.planes", "4");
	if (compile(&f, &(struct compile_opts){ .caps = NULL }))
		fail_msg("%s", snnq_last_error(NULL));
	h = f.compiled.program;
	table = snnq_program_table(h);
	assert_int_equal(h->needs, SNNQ_PROGRAM_NEEDS_BOUNDS | SNNQ_PROGRAM_NEEDS_LEVELS |
					   SNNQ_PROGRAM_NEEDS_TABLES | SNNQ_PROGRAM_NEEDS_RESETS |
					   SNNQ_PROGRAM_NEEDS_POTENTIALS);
	n = &snnq_program_layer(h, 0)->neuron;
	assert_int_equal(n->levels, 5);
	assert_int_equal(n->tie, SNNQ_TIE_EVEN);
	assert_int_equal(n->output, SNNQ_OUTPUT_COUNTS);
	assert_int_equal(n->flags, SNNQ_NEURON_FLAG_HALF_LEVELS | SNNQ_NEURON_FLAG_CLAMP_LOW |
					   SNNQ_NEURON_FLAG_DELAYED_RESET);
	assert_int_equal(n->low, -4);
	assert_int_equal(n->reset_period, 8);
	assert_int_equal(n->reset_offset, 1);
	assert_int_equal(n->leak_count, 3);
	assert_int_equal(table[n->leak_index + 1], 400);
	assert_int_equal(n->current_leak_count, 3);
	assert_int_equal(snnq_program_layer(h, 0)->out.planes, 3);
	assert_int_equal(snnq_program_layer(h, 0)->out.bound, 5);
	n = &snnq_program_layer(h, 2)->neuron;
	assert_int_equal(n->output, SNNQ_OUTPUT_POTENTIAL);
	assert_int_equal(n->threshold_count, 0);
	assert_int_equal(table[n->mult_index], 3);
	assert_int_equal(snnq_program_layer(h, 2)->out.planes, 3);
	release(&f);
}

/* Neurons that see their own spikes, and those of a layer behind. */
static void loops_model(struct fixture *f)
{
	static const char layers[] =
		"[{\"name\": \"x\", \"op\": \"sumpool\", \"inputs\": [\"input\"], \"kernel\": [4, 4]},"
		"{\"name\": \"back\", \"op\": \"linear\", \"out_channels\": 2, \"loop\": {\"number\": 4},"
		" \"inputs\": [{\"layer\": \"s\", \"previous\": true, \"shape\": [1, 1, 2], \"planes\": 1}],"
		" \"weight\": {\"tensor\": \"r\", \"scheme\": \"uniform\", \"bits\": 8},"
		" \"neuron\": {\"model\": \"none\"}},"
		"{\"name\": \"s\", \"op\": \"add\", \"inputs\": [\"x\", \"back\"],"
		" \"loop\": {\"number\": 4}, \"neuron\": {\"model\": \"lif\", \"compare\": \"ge\","
		" \"reset\": \"soft\", \"threshold\": 3}}]";

	*f = (struct fixture){ .file = network_model() };
	assert_int_equal(
		modelfile_add(f->file, "r", DTYPE_U8, 1, (const uint64_t[]){ 4 }, "\1\2\3\4"), 0);
	edit(f->file, "layers", layers);
	edit(f->file, "readout.input", "\"s\"");
}

static void loop_refused(const char *key, const char *json, const char *words)
{
	struct fixture f;

	loops_model(&f);
	edit(f.file, key, json);
	assert_int_equal(graph_parse(path, f.file, &f.graph), -EBADMSG);
	assert_string_equal(error_of(path), words);
	modelfile_free(f.file);
}

static void test_loops(void **state)
{
	const struct snnq_layer *l;
	struct fixture f;

	(void)state;
	loops_model(&f);
	if (compile(&f, &(struct compile_opts){ .taps = true }))
		fail_msg("%s", snnq_last_error(NULL));
	l = snnq_program_layer(f.compiled.program, 0);
	assert_int_equal(l[1].loop, 4);
	assert_int_equal(l[1].loop_count, 1);
	assert_int_equal(l[1].in[0].flags, SNNQ_TENSOR_FLAG_PREVIOUS);
	assert_int_equal(l[1].in[0].offset, l[2].out.offset);
	assert_int_equal(l[1].state_offset, 64);
	assert_int_equal(l[2].state_offset, 64 + 8);
	release(&f);
	loop_refused("layers.2.loop.number", "5",
		     "back: inputs: previous: expected a layer of the same loop, found s");
	loop_refused("layers.1.loop", NULL,
		     "back: inputs: previous: expected in a layer with a loop");
	loop_refused("layers.1.inputs.0.planes", "2",
		     "back: inputs: previous: layer s has 1x1x2 and 1 planes, expected as told, "
		     "1x1x2 and 2");
	loop_refused("layers.1.inputs.0.layer", "\"t\"",
		     "back: inputs: \"t\" is neither \"input\" nor an earlier layer");
}

/* A copy of each layer behind the readout. */
static void test_taps(void **state)
{
	struct fixture f = { .file = network_model() };
	const struct snnq_layer *l;

	(void)state;
	assert_int_equal(compile(&f, &(struct compile_opts){ .taps = true }), 0);
	l = snnq_program_layer(f.compiled.program, 0);
	assert_int_equal(f.compiled.info.layer_count, 9 + 8);
	assert_int_equal(f.compiled.info.regions[3].role, SNNQ_ROLE_OUTPUT);
	assert_int_equal(f.compiled.taps_step_bytes, 128 + 32 + 96 + 32 + 64 + 32);
	for (int i = 0; i < 8; i++) {
		const struct snnq_tensor *t = &l[9 + i].out;

		assert_int_equal(l[9 + i].op, i == 7 ? SNNQ_OP_COPY : SNNQ_OP_POOL_MAX);
		assert_int_equal(t->region, SNNQ_REGION_USER + 3);
		assert_int_equal(t->planes, l[i].out.planes);
		assert_memory_equal(t, &f.compiled.taps[i], sizeof(*t));
	}
	release(&f);
}

static void test_steps(void **state)
{
	struct fixture f = { .file = network_model() };

	(void)state;
	assert_int_equal(compile(&f, &(struct compile_opts){ .max_steps = 1000, .tile_steps = 3 }),
			 0);
	assert_int_equal(f.compiled.info.max_steps, 1000);
	assert_int_equal(f.compiled.info.tile_steps, 3);
	release(&f);

	/* never shorter than a window of a recording */
	f.file = network_model();
	assert_int_equal(compile(&f, &(struct compile_opts){ .max_steps = 7 }), 0);
	assert_int_equal(f.compiled.info.max_steps, 8);
	release(&f);
}

static void refused(const char *key, const char *json, const struct compile_opts *opts, int error,
		    const char *words)
{
	struct fixture f = { .file = network_model() };

	if (key)
		edit(f.file, key, json);
	if (compile(&f, opts) != error)
		fail_msg("expected: %s", words);
	assert_string_equal(error_of(path), words);
	assert_null(f.compiled.program);
	release(&f);
}

static void test_refused(void **state)
{
	struct compile_opts all = { .caps = NULL };

	(void)state;
	refused("layers.0.neuron.threshold", "0", &all, -EINVAL,
		"conv1: threshold below 1 (neuron.threshold)");
	refused("layers.0.neuron.sticky", "true", &all, -EINVAL,
		"conv1: neuron descriptor is wrong (neuron.flags)");
	refused("layers.0.neuron.old_current", "true", &all, -EINVAL,
		"conv1: unknown flag (neuron.flags)");
	refused("layers.5.heads", "3", &all, -EINVAL,
		"attn: parameter of the operation out of range (param)");
}

/* What a device lacks is told in the words of the file, each capability in its turn. */
static void test_device_lacks(void **state)
{
	struct snnq_caps caps = snnq_caps_all;

	(void)state;
#define LACKS(member, value, words)                                                               \
	do {                                                                                      \
		caps.member = (value);                                                            \
		refused(NULL, NULL, &(struct compile_opts){ .caps = &caps }, -EOPNOTSUPP, words); \
		caps = snnq_caps_all;                                                             \
	} while (0)
	LACKS(max_layers, 8, "model: layers: this device takes at most 8, found 9");
	LACKS(max_steps, 7, "model: steps: this device takes at most 7, found 8");
	LACKS(max_state_bytes, 527,
	      "model: bytes of state: this device takes at most 527, found 528");
	LACKS(max_scratch_bytes, 383,
	      "model: bytes of scratch: this device takes at most 383, found 384");
	LACKS(max_tile_steps, 0, "model: steps of a tile: this device takes at most 0, found 1");
	LACKS(max_kernel, 2, "conv1: kernel: this device takes at most 2, found 3");
	LACKS(max_window, 1, "pool1: kernel: this device takes at most 1, found 2");
	LACKS(max_stride, 1, "pool1: stride: this device takes at most 1, found 2");
	LACKS(max_planes, 1, "res: planes: this device takes at most 1, found 2");
	LACKS(max_dim, 3, "conv1: height of an input: this device takes at most 3, found 4");
	LACKS(max_channels, 2, "conv1: channels: this device takes at most 2, found 3");
	LACKS(scheme_pot, 0x30, "q: weight: this device has no pot:2");
	LACKS(ops, snnq_caps_all.ops & ~(1ull << SNNQ_OP_CONV2D),
	      "conv1: op: this device has no \"conv2d\"");
	LACKS(ops, snnq_caps_all.ops & ~(1ull << SNNQ_OP_READOUT),
	      "readout: this device does not execute it (op)");
	LACKS(elementwise, 0, "res: op: this device has no \"add\"");
	LACKS(attention, 0, "attn: op: this device has no \"attention\"");
	LACKS(neurons, 1u << SNNQ_NEURON_NONE, "conv1: neuron.model: this device has no \"lif\"");
	LACKS(leaks, 1u << SNNQ_LEAK_NONE, "conv1: neuron.leak: this device has no \"div\"");
	LACKS(resets, 1u << SNNQ_RESET_NONE, "conv1: neuron.reset: this device has no \"hard\"");
	LACKS(compares, 1u << SNNQ_COMPARE_GT, "conv1: neuron.compare: this device has no \"ge\"");
	LACKS(readouts, 0, "readout: this device does not execute it (param)");
#undef LACKS
}

/* Where there is a choice, it is one that the device has. */
static void test_device_choices(void **state)
{
	struct fixture f = { .file = network_model() };
	struct snnq_caps caps = snnq_caps_all;
	const struct snnq_program_header *h;

	(void)state;
	caps.max_tile_steps = 5;
	caps.attention = 1u << SNNQ_ATTENTION_KV_FIRST;
	caps.needs = 0;
	assert_int_equal(compile(&f, &(struct compile_opts){ .caps = &caps }), 0);
	h = f.compiled.program;
	assert_int_equal(h->tile_steps, 5);
	assert_int_equal(h->needs, 0);
	assert_int_equal(snnq_program_layer(h, 5)->mode, SNNQ_ATTENTION_KV_FIRST);
	assert_int_equal(snnq_program_layer(h, 6)->out.bound, 0);
	release(&f);

	f.file = network_model();
	caps.max_scratch_bytes = 3 * 384 + 383;
	assert_int_equal(compile(&f, &(struct compile_opts){ .caps = &caps }), 0);
	assert_int_equal(f.compiled.info.tile_steps, 3);
	release(&f);
}

static void test_float_does_not_run(void **state)
{
	struct compiled compiled;
	struct graph graph = { .integer = false };
	struct compile_opts opts = { .caps = &snnq_caps_all };

	(void)state;
	assert_int_equal(compile_graph(path, &graph, &opts, &compiled), -EINVAL);
	assert_string_equal(error_of(path),
			    "a float model does not run; quantize it first (snnq quantize)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),	       cmocka_unit_test(test_operations),
		cmocka_unit_test(test_neurons),	       cmocka_unit_test(test_loops),
		cmocka_unit_test(test_padding),	       cmocka_unit_test(test_weights_image),
		cmocka_unit_test(test_taps),	       cmocka_unit_test(test_steps),
		cmocka_unit_test(test_refused),	       cmocka_unit_test(test_device_lacks),
		cmocka_unit_test(test_device_choices), cmocka_unit_test(test_float_does_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
