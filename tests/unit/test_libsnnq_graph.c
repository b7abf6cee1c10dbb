// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_graph.c - graphs: shapes that follow from a good one, and one edit
 * each for what is refused, with the words that name place, key and reason.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models.h"

static const char path[] = "edited.snnq";

static void expect_shape(const struct graph *g, int layer, struct graph_shape want)
{
	const struct graph_shape *s = graph_shape(g, layer);

	assert_int_equal(s->height, want.height);
	assert_int_equal(s->width, want.width);
	assert_int_equal(s->channels, want.channels);
	assert_int_equal(s->format, want.format);
	assert_int_equal(s->planes, want.planes);
}

static void test_shapes(void **state)
{
	struct modelfile *file = network_model();
	struct graph g;

	(void)state;
	edit(file, "x-unknown", "{\"op\": \"teleport\"}");
	edit(file, "layers.0.x-unknown", "1");
	if (graph_parse(path, file, &g))
		fail_msg("%s", snnq_last_error(NULL));
	assert_true(g.integer);
	assert_int_equal(g.layer_count, 8);
	expect_shape(&g, GRAPH_INPUT, (struct graph_shape){ 4, 4, 2, SNNQ_FORMAT_UNSIGNED, 1 });
	expect_shape(&g, 0, (struct graph_shape){ 4, 4, 3, SNNQ_FORMAT_UNSIGNED, 1 });
	expect_shape(&g, 1, (struct graph_shape){ 2, 2, 3, SNNQ_FORMAT_UNSIGNED, 1 });
	expect_shape(&g, 5, (struct graph_shape){ 2, 2, 4, SNNQ_FORMAT_UNSIGNED, 1 });
	expect_shape(&g, 6, (struct graph_shape){ 2, 2, 4, SNNQ_FORMAT_UNSIGNED, 2 });
	expect_shape(&g, 7, (struct graph_shape){ 2, 2, 2, SNNQ_FORMAT_INT32, 0 });
	assert_int_equal(g.readout, 7);
	assert_float_equal(g.readout_scale, 0.5, 0);
	assert_int_equal(graph_number(&g.layers[0].threshold, 1), 400);
	assert_int_equal(graph_number(&g.layers[7].bias, 0), -70000);
	assert_int_equal(graph_layer_params(&g.layers[0]), 54);
	graph_free(&g);
	modelfile_free(file);
}

/* Strides, dilation and padding that differ in both directions. */
static void test_window_shape(void **state)
{
	struct modelfile *file = network_model();
	struct graph g;

	(void)state;
	edit(file, "layers.1.kernel", "[2, 1]");
	edit(file, "layers.1.stride", "[1, 3]");
	edit(file, "layers.1.dilation", "[3, 1]");
	if (graph_parse(path, file, &g))
		fail_msg("%s", snnq_last_error(NULL));
	/* (4 - 3 - 1) / 1 + 1 = 1, (4 - 1) / 3 + 1 = 2 */
	expect_shape(&g, 1, (struct graph_shape){ 1, 2, 3, SNNQ_FORMAT_UNSIGNED, 1 });
	graph_free(&g);
	modelfile_free(file);
}

static void test_flat_input(void **state)
{
	struct modelfile *file = network_model();
	struct graph g;

	(void)state;
	edit(file, "input.layout", "\"flat\"");
	edit(file, "layers.0.kernel", "[1, 1]");
	edit(file, "layers.0.padding", "[0, 0]");
	edit(file, "layers.0.weight.tensor", "\"wide\"");
	assert_int_equal(modelfile_add(file, "wide", DTYPE_U8, 1, (const uint64_t[]){ 64 },
				       (uint8_t[64]){ 0 }),
			 0);
	edit(file, "layers.1.kernel", "[1, 1]");
	if (graph_parse(path, file, &g))
		fail_msg("%s", snnq_last_error(NULL));
	expect_shape(&g, GRAPH_INPUT, (struct graph_shape){ 1, 1, 32, SNNQ_FORMAT_UNSIGNED, 1 });
	graph_free(&g);
	modelfile_free(file);
}

#define TEN(text) text text text text text text text text text text
#define LONG_NAME "\"" TEN(TEN("nn")) "n\""

static const struct {
	const char *key, *json; /* edit; json NULL: the key is removed */
	const char *error;	/* behind the file's name */
} refused[] = {
	{ "format", "\"onnx\"", "model: format: \"onnx\" is not known" },
	{ "format", NULL, "model: format: expected a string, found nothing" },
	{ "version", "2", "model: version: expected an integer from 1 to 1, found 2" },
	{ "arithmetic", "\"complex\"", "model: arithmetic: \"complex\" is not known" },
	{ "name", "[]", "model: name: expected a string, found an array of 0" },
	{ "classes", "[\"yes\", 1]", "classes: expected names, found 1" },
	{ "input", NULL, "input: width: expected an integer from 1 to 4096, found nothing" },
	{ "input.width", "0", "input: width: expected an integer from 1 to 4096, found 0" },
	{ "input.height", "4097", "input: height: expected an integer from 1 to 4096, found 4097" },
	{ "input.polarities", "256",
	  "input: polarities: expected an integer from 1 to 255, found 256" },
	{ "input.polarities", "3",
	  "input: on_channel: expected nothing, as there are 3 polarities" },
	{ "input.on_channel", "2", "input: on_channel: expected an integer from 0 to 1, found 2" },
	{ "input.planes", "17", "input: planes: expected an integer from 1 to 16, found 17" },
	{ "input.layout", "\"chw\"", "input: layout: \"chw\" is not known" },
	{ "input.binning", "\"voxel\"", "input: binning: \"voxel\" is not known" },
	{ "input.steps", "65537",
	  "input: steps: expected an integer from 1 to 65536, found 65537" },
	{ "input.steps", "1.5", "input: steps: expected an integer from 1 to 65536, found 1.5" },
	{ "input.step_us", "0",
	  "input: step_us: expected an integer from 1 to 1000000000, found 0" },
	{ "input.rounding", "\"up\"", "input: rounding: \"up\" is not known" },
	{ "input.origin", "\"last\"", "input: origin: \"last\" is not known" },
	{ "layers", "[]", "layers: expected 1 to 512 layers, found an array of 0" },
	{ "layers", "{}", "layers: expected 1 to 512 layers, found an object" },
	{ "layers.0.name", NULL, "layers: name: expected a string, found nothing" },
	{ "layers.0.name", "\"../etc\"",
	  "layers: name: expected one without \"/\", found \"../etc\"" },
	{ "layers.0.name", "\"\"", "layers: name: expected one without \"/\", found \"\"" },
	{ "layers.1.name", "\"a\\u001b[31m\"", "layers: name: byte 1 is a control character" },
	{ "layers.1.name", "\"\\u007f\"", "layers: name: byte 0 is a control character" },
	{ "layers.1.name", LONG_NAME, "layers: name: expected at most 200 bytes, found 201" },
	{ "name", "\"net\\n\"", "model: name: byte 3 is a control character" },
	{ "name", LONG_NAME, "model: name: expected at most 200 bytes, found 201" },
	{ "classes", "[\"yes\", \"n\\to\"]", "classes: name: byte 1 is a control character" },
	{ "layers.1.name", "\"conv1\"", "conv1: name: used twice" },
	{ "layers.1.name", "\"input\"", "input: name: used twice" },
	{ "layers.0.op", "\"conv3d\"", "conv1: op: \"conv3d\" is not known" },
	{ "layers.1.op", "\"avgpool\"", "pool1: op: \"avgpool\" in an integer model" },
	{ "layers.0.inputs", "[]", "conv1: inputs: expected 1 names, found an array of 0" },
	{ "layers.6.inputs", "[\"q\"]", "res: inputs: expected 2 names, found an array of 1" },
	{ "layers.5.inputs", "[\"q\", \"k\"]",
	  "attn: inputs: expected 3 names, found an array of 2" },
	{ "layers.0.inputs", "[1]", "conv1: inputs: expected names, found 1" },
	{ "layers.0.inputs", "[\"pool1\"]",
	  "conv1: inputs: \"pool1\" is neither \"input\" nor an earlier layer" },
	{ "layers.0.inputs", "[\"conv1\"]",
	  "conv1: inputs: \"conv1\" is neither \"input\" nor an earlier layer" },
	{ "layers.6.inputs", "[\"q\", \"pool1\"]", "res: inputs: shapes 2x2x4 and 2x2x3 differ" },
	{ "layers.5.inputs", "[\"q\", \"k\", \"conv1\"]",
	  "attn: inputs: shapes 2x2x4 and 4x4x3 differ" },
	{ "layers.0.out_channels", "0",
	  "conv1: out_channels: expected an integer from 1 to 65536, found 0" },
	{ "layers.0.kernel", "3",
	  "conv1: kernel: expected a pair [vertical, horizontal], found 3" },
	{ "layers.0.kernel", "[7, 3]", "conv1: kernel: 7 positions do not fit an input of 4" },
	{ "layers.1.kernel", NULL,
	  "pool1: kernel: expected a pair [vertical, horizontal], found nothing" },
	{ "layers.0.stride", "[0, 1]",
	  "conv1: stride: expected an integer from 1 to 255, found 0" },
	{ "layers.0.padding", "[-1, 1]",
	  "conv1: padding: expected an integer from 0 to 4096, found -1" },
	{ "layers.0.dilation", "[1, 256]",
	  "conv1: dilation: expected an integer from 1 to 255, found 256" },
	{ "layers.0.groups", "2", "conv1: groups: 2 does not divide 2 and 3 channels" },
	{ "layers.0.weight.tensor", "\"gone\"", "conv1: weight: there is no tensor \"gone\"" },
	{ "layers.0.weight.scheme", "\"log\"", "conv1: scheme: \"log\" is not known" },
	{ "layers.0.weight.scheme", "\"float\"",
	  "conv1: weight.scheme: \"float\" in a model whose arithmetic is integer" },
	{ "layers.0.weight.bits", "9", "conv1: bits: expected an integer from 1 to 8, found 9" },
	{ "layers.0.weight.bits", "2",
	  "conv1: weight: tensor conv1.weight: expected U8 with 18 bytes (18 rows of 1), "
	  "found U8 with 36" },
	{ "layers.0.weight.scheme", "\"ternary\"",
	  "conv1: weight.bits: 4 is no width of scheme \"ternary\"" },
	{ "layers.0.weight.tensor", "\"conv1.threshold\"",
	  "conv1: weight: tensor conv1.threshold: expected U8 with 36 bytes (18 rows of "
	  "2), found I16 with 6" },
	{ "layers.0.weight.scales", "\"gone\"",
	  "conv1: weight.scales: there is no tensor \"gone\"" },
	{ "layers.0.neuron", NULL, "conv1: neuron: expected an object, found nothing" },
	{ "layers.0.neuron.model", "\"izhikevich\"", "conv1: model: \"izhikevich\" is not known" },
	{ "layers.0.neuron.leak.kind", "\"exp\"", "conv1: kind: \"exp\" is not known" },
	{ "layers.0.neuron.leak.n", "0", "conv1: n: expected an integer from 1 to 65536, found 0" },
	{ "layers.0.neuron.leak", "{\"kind\": \"q16\", \"lambda\": 65537}",
	  "conv1: lambda: expected an integer from 0 to 65536, found 65537" },
	{ "layers.0.neuron.leak", "{\"kind\": \"tz12\", \"decay\": 4097}",
	  "conv1: decay: expected an integer from 0 to 4096, found 4097" },
	{ "layers.0.neuron.compare", "\"lt\"", "conv1: compare: \"lt\" is not known" },
	{ "layers.0.neuron.reset", NULL, "conv1: reset: expected a string, found nothing" },
	{ "layers.0.neuron.shift", "17",
	  "conv1: shift: expected an integer from 0 to 16, found 17" },
	{ "layers.0.neuron.delay", "64",
	  "conv1: delay: expected an integer from 0 to 63, found 64" },
	{ "layers.0.neuron.refractory", "-1",
	  "conv1: refractory: expected an integer from 0 to 65535, found -1" },
	{ "layers.0.neuron.sticky", "1", "conv1: sticky: expected true or false, found 1" },
	{ "layers.0.neuron.threshold", NULL,
	  "conv1: threshold: expected a number or the name of a tensor, found nothing" },
	{ "layers.0.neuron.threshold", "1.5",
	  "conv1: threshold: expected a 32-bit integer, found 1.5" },
	{ "layers.0.neuron.threshold", "3e9",
	  "conv1: threshold: expected a 32-bit integer, found 3e+09" },
	{ "layers.0.neuron.threshold", "\"head.bias\"",
	  "conv1: threshold: tensor head.bias: expected shape [3], found [2]" },
	{ "layers.0.neuron.threshold", "\"q.weight\"",
	  "conv1: threshold: tensor q.weight: expected I16 or I32, found U8" },
	{ "layers.5.heads", "0", "attn: heads: expected an integer from 1 to 65536, found 0" },
	{ "layers.6.planes", NULL, "res: planes: expected an integer from 1 to 16, found nothing" },
	{ "layers.7.bias", "\"gone\"", "head: bias: there is no tensor \"gone\"" },
	{ "layers.7.neuron.requant_shift", "32",
	  "head: requant_shift: expected an integer from 0 to 31, found 32" },
	{ "unknown", "1",
	  "model: graph: key \"unknown\" is not known here; expected some of format "
	  "version arithmetic name classes input layers readout imported_from quantization" },
	{ "input.step", "1",
	  "input: input: key \"step\" is not known here; expected some of kind width "
	  "height polarities on_channel layout planes binning steps step_us rounding origin sensor" },
	{ "input.sensor", "{\"crops\": [1, 1]}",
	  "input: sensor: key \"crops\" is not known here; "
	  "expected some of width height crop downscale" },
	{ "layers.1.ceil_mode", "true",
	  "pool1: maxpool: key \"ceil_mode\" is not known here; "
	  "expected some of name op inputs loop kernel stride padding dilation scales bias neuron "
	  "planes signed" },
	{ "layers.1.neuron", "{}",
	  "pool1: neuron, scales: expected none, as its input is spikes or counts" },
	{ "layers.1.bias", "1",
	  "pool1: planes, signed, bias: expected none, as its input is spikes or counts" },
	{ "layers.6.neuron", "{}", "res: model: expected a string, found nothing" },
	{ "layers.6.mode", "\"sum\"",
	  "res: add: key \"mode\" is not known here; expected some of name "
	  "op inputs loop scales bias neuron planes signed" },
	{ "layers.6.scales", "[]", "res: scales: expected 2 of them, found an array of 0" },
	{ "layers.6.scales", "[null, 3]", "res: scales: expected null or an object, found 3" },
	{ "layers.6.scales", "[null, {\"shift\": 32}]",
	  "res: shift: expected an integer from 0 to 31, found 32" },
	{ "layers.6.scales", "[{\"mul\": 3}, null]",
	  "res: scales: key \"mul\" is not known here; expected some of mult shift" },
	{ "layers.6.inputs", "[\"q\", \"pool1\"]", "res: inputs: shapes 2x2x4 and 2x2x3 differ" },
	{ "layers.6.inputs", "[\"q\", {\"layer\": \"k\", \"size\": [1, 1, 4]}]",
	  "res: inputs: first: expected [vertical, horizontal, channels], found nothing" },
	{ "layers.6.inputs",
	  "[\"q\", {\"layer\": \"k\", \"first\": [1, 0, 0], \"size\": [2, 2, 4]}]",
	  "res: inputs: size: 2x2x4 from 1, 0, 0 on does not fit 2x2x4" },
	{ "layers.6.inputs", "[\"q\", {\"layer\": \"k\", \"shape\": [4, 1, 5]}]",
	  "res: inputs: shape: 4x1x5 is no other shape of 2x2x4" },
	{ "layers.6.inputs", "[\"q\", {\"layer\": \"k\", \"shape\": [0.5, 8, 4]}]",
	  "res: inputs: shape: expected integers, found 0.5" },
	{ "layers.6.inputs",
	  "[\"q\", {\"layer\": \"k\", \"shape\": [2, 2, 4], \"first\": [0, 0, 0]}]",
	  "res: inputs: key \"first\" is not known here; expected some of layer shape" },
	{ "layers.5.mode", "\"tokens\"", "attn: mode: \"tokens\" is not known" },
	{ "layers.5.mode", "\"token\"", "attn: inputs: expected 2 names, found an array of 3" },
	{ "layers.5.mode", "\"channel\"",
	  "attn: neuron, bias, planes, signed: expected none, as mode \"channel\" passes spikes on" },
	{ "layers.7.kernel", "[1, 1]",
	  "head: linear: key \"kernel\" is not known here; expected some "
	  "of name op inputs loop out_channels weight bias neuron planes signed" },
	{ "layers.0.planes", "2",
	  "conv1: planes, signed: expected none, as the neuron's output is spikes" },
	{ "layers.0.weight.scale", "1",
	  "conv1: weight: key \"scale\" is not known here; expected "
	  "some of scheme bits tensor scales" },
	{ "layers.0.weight.scales", "\"head.bias\"",
	  "conv1: weight.scales: tensor head.bias: expected F32, found I32" },
	{ "layers.0.neuron.leak.m", "2",
	  "conv1: leak: key \"m\" is not known here; expected some of kind n" },
	{ "layers.0.neuron.leek", "{}",
	  "conv1: neuron: key \"leek\" is not known here; expected some "
	  "of model leak current_leak compare reset threshold shift delay refractory reset_value "
	  "skip_first sticky old_current output levels tie half_levels level_thresholds low "
	  "delayed_reset restart mult requant_shift" },
	{ "layers.0.neuron.output", "\"rates\"", "conv1: output: \"rates\" is not known" },
	{ "layers.0.neuron.mult", "3",
	  "conv1: requant_shift, mult: expected none, as no potential is put out" },
	{ "layers.0.neuron.levels", "1",
	  "conv1: levels: expected an integer from 2 to 32767, found 1" },
	{ "layers.0.neuron.level_thresholds", "\"conv1.threshold\"",
	  "conv1: threshold: expected none beside level_thresholds" },
	{ "layers.0.neuron.tie", "\"odd\"", "conv1: tie: \"odd\" is not known" },
	{ "layers.0.neuron.restart", "{\"offset\": 3}",
	  "conv1: period: expected an integer from 1 to 4294967295, found nothing" },
	{ "layers.0.neuron.restart", "{\"period\": 3, \"start\": 1}",
	  "conv1: restart: key \"start\" is not known here; expected some of period offset" },
	{ "layers.0.neuron.delay", "\"conv1.threshold\"",
	  "conv1: delay: channel 1: expected 0 to 63, found 400" },
	{ "layers.0.neuron.leak.n", "\"head.bias\"",
	  "conv1: n: tensor head.bias: expected shape [3], found [2]" },
	{ "layers.7.neuron.threshold", "1",
	  "head: neuron: key \"threshold\" is not known here; "
	  "expected some of model mult requant_shift" },
	{ "readout.scales", "1",
	  "readout: readout: key \"scales\" is not known here; expected some "
	  "of input mode votes scale" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\"], \"neuron\": {\"model\": \"none\"}, \"heads\": 3}",
	  "attn: heads: 3 do not divide 4 channels" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\"], \"neuron\": {\"model\": \"none\"}, \"heads\": 2}",
	  "attn: inputs: 2 columns of the first matrix meet 4 rows" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\", \"v\"], \"neuron\": {\"model\": \"none\"}, \"heads\": 2, \"transpose\": [false, true, true]}",
	  "attn: inputs: 4 columns of the second matrix meet 2 rows" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\"], \"neuron\": {\"model\": \"none\"}, \"first\": \"right\"}",
	  "attn: first: expected nothing, as there is one product" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\"], \"neuron\": {\"model\": \"none\"}, \"transpose\": [true]}",
	  "attn: transpose: expected 2 times true or false, found an array of 1" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\"], \"neuron\": {\"model\": \"none\"}, \"transpose\": [1, true]}",
	  "attn: transpose: expected true or false, found 1" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\"], \"neuron\": {\"model\": \"none\"}, \"size\": [3, 1]}",
	  "attn: size: expected 4 positions in at most 4096 columns, found 3 x 1" },
	{ "layers.5", "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\", \"k\"]}",
	  "attn: neuron: expected an object, found nothing" },
	{ "layers.5",
	  "{\"name\": \"attn\", \"op\": \"matmul\", \"inputs\": [\"q\"], \"neuron\": {\"model\": \"none\"}}",
	  "attn: inputs: expected 2 to 3 names, found an array of 1" },
	{ "layers.0.padding", "[1, 1, 1]",
	  "conv1: padding: expected a pair [vertical, horizontal], found an array of 3" },
	{ "layers.0.padding", "[1, 1, 1, -1]",
	  "conv1: padding: expected an integer from 0 to 4096, found -1" },
	{ "readout", "{\"input\": \"head\", \"mode\": \"vote\"}",
	  "readout: votes: expected an integer from 1 to 65536, found nothing" },
	{ "readout", "{\"input\": \"head\", \"mode\": \"vote\", \"votes\": 3}",
	  "readout: votes: 3 do not divide the 2 channels of layer head" },
	{ "readout", "{\"input\": \"head\", \"mode\": \"vote\", \"votes\": 1}",
	  "readout: input: 2 classes, but layer head has 1 votes" },
	{ "readout", "{\"input\": \"head\", \"mode\": \"max\", \"votes\": 2}",
	  "readout: votes: expected nothing, as the mode is not \"vote\"" },
	{ "readout", NULL, "readout: mode: expected a string, found nothing" },
	{ "readout.mode", "\"mean\"", "readout: mode: \"mean\" is not known" },
	{ "readout.input", "\"tail\"",
	  "readout: inputs: \"tail\" is neither \"input\" nor an earlier layer" },
	{ "readout.input", "\"input\"", "readout: input: expected a layer, found \"input\"" },
	{ "readout.input", "\"res\"", "readout: input: 2 classes, but layer res has 4 channels" },
	{ "readout.scale", "\"big\"", "readout: scale: expected a number, found \"big\"" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct modelfile *file = network_model();
		struct graph g;

		edit(file, refused[i].key, refused[i].json);
		if (graph_parse(path, file, &g) != -EBADMSG)
			fail_msg("accepted: %s = %s", refused[i].key, refused[i].json);
		if (strcmp(error_of(path), refused[i].error))
			fail_msg("%s = %s: expected \"%s\", found \"%s\"", refused[i].key,
				 refused[i].json, refused[i].error, snnq_last_error(NULL));
		modelfile_free(file);
	}
}

/* Float models have float tensors only. */
static void test_float(void **state)
{
	static const float weights[54], thresholds[3] = { 0.5f, 1, 2 };
	struct modelfile *file = network_model();
	struct graph g;

	(void)state;
	for (int i = 7; i > 0; i--)
		cJSON_DeleteItemFromArray(cJSON_GetObjectItem(file->graph, "layers"), i);
	edit(file, "arithmetic", "\"float\"");
	edit(file, "readout.input", "\"conv1\"");
	edit(file, "classes", NULL);
	assert_int_equal(graph_parse(path, file, &g), -EBADMSG);
	assert_string_equal(error_of(path), "conv1: weight.scheme: \"uniform\" in a model whose "
					    "arithmetic is float");
	edit(file, "layers.0.weight.scheme", "\"float\"");
	assert_int_equal(graph_parse(path, file, &g), -EBADMSG);
	assert_string_equal(error_of(path),
			    "conv1: weight: key \"bits\" is not known here; expected "
			    "some of scheme tensor");
	edit(file, "layers.0.weight.bits", NULL);
	assert_int_equal(graph_parse(path, file, &g), -EBADMSG);
	assert_string_equal(error_of(path),
			    "conv1: weight: tensor conv1.weight: expected F32, F16 or BF16, found "
			    "U8");
	modelfile_add(file, "w", DTYPE_F32, 4, (const uint64_t[]){ 3, 2, 3, 3 }, weights);
	modelfile_add(file, "t", DTYPE_F32, 1, (const uint64_t[]){ 3 }, thresholds);
	edit(file, "layers.0.weight.tensor", "\"w\"");
	assert_int_equal(graph_parse(path, file, &g), -EBADMSG);
	assert_string_equal(error_of(path),
			    "conv1: threshold: tensor conv1.threshold: expected F32, F16 or BF16, "
			    "found I16");
	edit(file, "layers.0.neuron.threshold", "\"t\"");
	if (graph_parse(path, file, &g))
		fail_msg("%s", snnq_last_error(NULL));
	assert_false(g.integer);
	graph_free(&g);
	modelfile_free(file);
}

/* The right number of elements in another shape is refused, for each kind of tensor. */
static void test_tensor_shapes(void **state)
{
	static const struct {
		const char *key;
		enum dtype dtype;
		uint32_t dims;
		uint64_t shape[4];
		const char *error;
	} cases[] = {
		{ "layers.0.weight.tensor",
		  DTYPE_U8,
		  2,
		  { 18, 2 },
		  "conv1: weight: tensor t: expected shape [36], found [18, 2]" },
		{ "layers.0.neuron.threshold",
		  DTYPE_I32,
		  2,
		  { 3, 1 },
		  "conv1: threshold: tensor t: expected shape [3], found [3, 1]" },
		{ "layers.0.weight.scales",
		  DTYPE_F32,
		  2,
		  { 1, 3 },
		  "conv1: weight.scales: tensor t: expected shape [3], found [1, 3]" },
		{ "layers.0.weight.scales",
		  DTYPE_F32,
		  0,
		  { 0 },
		  "conv1: weight.scales: tensor t: expected shape [1], found []" },
		{ "layers.7.bias",
		  DTYPE_I16,
		  4,
		  { 1, 2, 1, 1 },
		  "head: bias: tensor t: expected shape [2], found [1, 2, 1, 1]" },
		{ "layers.7.neuron.mult",
		  DTYPE_I16,
		  2,
		  { 2, 1 },
		  "head: mult: tensor t: expected shape [2], found [2, 1]" },
	};
	static const uint8_t zeros[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct modelfile *file = network_model();
		struct graph g;

		modelfile_add(file, "t", cases[i].dtype, cases[i].dims, cases[i].shape, zeros);
		edit(file, cases[i].key, "\"t\"");
		assert_int_equal(graph_parse(path, file, &g), -EBADMSG);
		assert_string_equal(error_of(path), cases[i].error);
		modelfile_free(file);
	}
}

/* [in, out] is not [out, in], and kernels have an order too. */
static void test_float_shapes(void **state)
{
	static const struct {
		uint32_t dims;
		uint64_t shape[5];
		const char *found;
	} conv[] = {
		{ 4, { 2, 3, 3, 3 }, "[2, 3, 3, 3]" },
		{ 4, { 3, 3, 3, 2 }, "[3, 3, 3, 2]" },
		{ 2, { 3, 18 }, "[3, 18]" },
		{ 1, { 54 }, "[54]" },
		{ 5, { 3, 2, 3, 3, 1 }, "[3, 2, 3, 3, 1]" },
	};
	static const float weights[54] = { 1 };
	char want[160];

	(void)state;
	for (size_t i = 0; i < sizeof(conv) / sizeof(*conv); i++) {
		struct modelfile *file = network_model();
		struct graph g;

		edit(file, "arithmetic", "\"float\"");
		edit(file, "layers.0.weight", "{\"scheme\": \"float\", \"tensor\": \"t\"}");
		modelfile_add(file, "t", DTYPE_F32, conv[i].dims, conv[i].shape, weights);
		assert_int_equal(graph_parse(path, file, &g), -EBADMSG);
		snprintf(want, sizeof(want),
			 "conv1: weight: tensor t: expected shape [3, 2, 3, 3], "
			 "found %s",
			 conv[i].found);
		assert_string_equal(error_of(path), want);
		modelfile_free(file);
	}
}

static int cleanup(void **state)
{
	(void)state;
	models_cleanup();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),	     cmocka_unit_test(test_window_shape),
		cmocka_unit_test(test_flat_input),   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_float),	     cmocka_unit_test(test_tensor_shapes),
		cmocka_unit_test(test_float_shapes),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
