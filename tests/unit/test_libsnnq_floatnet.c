// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_floatnet.c - float models: against a plain reference in doubles, and,
 * where all numbers are integers, spike by spike and counter by counter against the
 * engine running the same model as an integer one.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "floats.h"
#include "models.h"

/* ---- models ---- */

#define MODEL(planes, layers, readout)                                      \
	"{\"format\": \"snnq\", \"version\": 1, \"arithmetic\": \"float\"," \
	" \"input\": {\"width\": 6,"                                        \
	" \"height\": 5, \"polarities\": 2, \"planes\": " #planes ","       \
	" \"binning\": \"duration\", \"steps\": 7, \"step_us\": 1000},"     \
	" \"layers\": [" layers "], \"readout\": " readout "}"
#define SUM_OF(layer)  "{\"input\": \"" layer "\", \"mode\": \"sum\", \"scale\": 0.5}"
#define LAST_OF(layer) "{\"input\": \"" layer "\", \"mode\": \"last\"}"
#define LAYER(name, op, in, rest) \
	"{\"name\": \"" name "\", \"op\": \"" op "\", \"inputs\": [" in "], " rest "}"
/* "elements" is for this test: how many weights to make. */
#define WEIGHTS(name, out, elements)                                           \
	"\"out_channels\": " #out ", \"weight\": {\"tensor\": \"" name ".w\"," \
	" \"scheme\": \"float\", \"elements\": " #elements "}, \"bias\": \"" name ".b\", "
#define NEURON(text) "\"neuron\": {" text "}"
#define LIF(threshold)                                                        \
	NEURON("\"model\": \"lif\", \"leak\": {\"kind\": \"div\", \"n\": 2}," \
	       " \"compare\": \"ge\", \"reset\": \"hard\", \"threshold\": " threshold)
#define NONE NEURON("\"model\": \"none\"")
#define WINDOW(kernel, stride, padding) \
	"\"kernel\": " kernel ", \"stride\": " stride ", \"padding\": " padding ", "

static const char convolutions[] = MODEL(
	2,
	LAYER("a", "conv2d", "\"input\"", WINDOW("[3, 2]", "[1, 2]", "[1, 0]") "\"groups\": 2, " WEIGHTS("a", 6, 36) LIF("\"a.t\"")) "," LAYER(
		"b", "conv2d", "\"a\"",
		WINDOW("[2, 3]", "[1, 1]", "[1, 1]") "\"dilation\": [2, 1], " WEIGHTS("b", 70, 2520) LIF(
			"\"b.t\"")) "," LAYER("deep", "conv2d", "\"b\"",
					      WINDOW(
						      "[3, 3]",
						      "[1, 1]",
						      "[1, 1]") "\"groups\": 70, " WEIGHTS("deep",
											   70,
											   630)
						      LIF("1")) "," LAYER("two", "conv2d",
									  "\"deep\"",
									  WINDOW("[1, 2]", "[1, 1]", "[0, 0]") "\"groups\": 2, " WEIGHTS(
										  "two", 40, 2800)
										  LIF("1")) "," LAYER("wide",
												      "linear",
												      "\"two\"",
												      WEIGHTS("wide", 150, 6000) LIF(
													      "1")) "," LAYER("head",
															      "linear",
															      "\"wide\"",
															      WEIGHTS("head",
																      3,
																      450)
																      NONE),
	SUM_OF("head"));

static const char pools[] = MODEL(
	3,
	LAYER("max", "maxpool", "\"input\"", "\"kernel\": [2, 3], \"padding\": [1, 1]") "," LAYER("sum", "sumpool", "\"max\"", WINDOW("[2, 2]", "[2, 2]", "[0, 0]") "\"value\": 2, \"planes\": 6") "," LAYER(
		"clamped", "sumpool", "\"max\"",
		WINDOW("[2, 2]", "[2, 2]",
		       "[0, 0]") "\"planes\": 3") "," LAYER("add", "add", "\"sum\", \"clamped\"",
							    "\"planes\": 4") "," LAYER("signed",
										       "add",
										       "\"sum\", \"add\"",
										       "\"planes\": 5, \"signed\": true") "," LAYER("c",
																    "conv2d",
																    "\"signed\"",
																    WINDOW("[2, 2]", "[1, 1]", "[1, 0]") WEIGHTS(
																	    "c",
																	    20,
																	    160)
																	    LIF("20")) "," LAYER("fires",
																				 "sumpool",
																				 "\"c\"",
																				 WINDOW("[3, 2]", "[1, 1]", "[2, 1]") "\"bias\": \"fires.b\", " LIF(
																					 "3")),
	SUM_OF("fires"));

static const char attention[] = MODEL(
	1,
	LAYER("q", "linear", "\"input\"", WEIGHTS("q", 70, 140) LIF("1")) "," LAYER(
		"k", "linear", "\"input\"",
		WEIGHTS("k", 70, 140) LIF(
			"2")) "," LAYER("v", "linear", "\"input\"",
					WEIGHTS("v", 70, 140) LIF(
						"1")) "," LAYER("attn", "attention",
								"\"q\", \"k\", \"v\"",
								"\"heads\": 2, \"bias\": \"attn.b\", " LIF(
									"4")) "," LAYER("res",
											"add",
											"\"attn\", \"q\"",
											"\"planes\": 2"),
	LAST_OF("res"));

/* clang-format off */
/* Counts, values of another width, tokens against channels, and how scores are read. */
#define PRODUCTS(readout)                                                                     \
	MODEL(1, LAYER("q", "linear", "\"input\"", WEIGHTS("q", 70, 140) LIF("1")) ","         \
		 LAYER("k", "linear", "\"input\"", WEIGHTS("k", 70, 140) LIF("2")) ","         \
		 LAYER("v", "linear", "\"input\"", WEIGHTS("v", 30, 60) LIF("1")) ","          \
		 LAYER("count", "add", "\"q\", \"k\"", "\"planes\": 2") ","                   \
		 LAYER("attention", "attention", "\"count\", \"k\", \"v\"",                  \
		       "\"heads\": 2, " LIF("9")) ","                                         \
		 LAYER("product", "matmul", "\"k\", \"count\"", "\"heads\": 2,"               \
		       " \"transpose\": [true, false], \"bias\": \"product.b\", " LIF("4")) "," \
		 LAYER("line", "matmul", "\"product\", \"product\"",                         \
		       "\"size\": [5, 7], " NONE ", \"transpose\": [false, true], \"planes\": 7"),  \
	      readout)
/* clang-format on */
static const char read_sums[] = PRODUCTS(SUM_OF("attention"));
static const char read_most[] =
	PRODUCTS("{\"input\": \"line\", \"mode\": \"max\", \"scale\": 0.25}");
static const char read_votes[] =
	PRODUCTS("{\"input\": \"product\", \"mode\": \"vote\", \"votes\": 10}");

static const char sums_read[] =
	MODEL(2,
	      LAYER("a", "linear", "\"input\"", WEIGHTS("a", 5, 10) LIF("2")) "," LAYER(
		      "unused", "linear", "\"a\"",
		      WEIGHTS("unused", 4, 20)
			      NONE) "," LAYER("sum", "sumpool", "\"a\"", "\"kernel\": [5, 6]"),
	      SUM_OF("sum"));

/* Thresholds that no sum of the test meets: means of 9 are not exact. */
static const char averages[] = MODEL(
	2,
	LAYER("mean", "avgpool", "\"input\"", "\"kernel\": [2, 2]") "," LAYER("again", "avgpool", "\"mean\"", WINDOW("[3, 3]", "[1, 1]", "[1, 1]") NONE) "," LAYER(
		"max", "maxpool", "\"again\"",
		"\"kernel\": [2, 2]") "," LAYER("add", "add", "\"again\", \"again\"",
						"\"planes\": 8") "," LAYER("c", "conv2d", "\"max\"",
									   WINDOW("[2, 2]",
										  "[1, 1]",
										  "[0, 0]") WEIGHTS("c",
												    9,
												    72)
										   LIF("0.777123")) "," LAYER("fires",
													      "avgpool",
													      "\"c\"",
													      WINDOW("[2, 1]",
														     "[1, 1]",
														     "[0, 0]")
														      LIF("0.4321")),
	SUM_OF("again"));

/* ---- comparisons ---- */

/* Returns how many elements are not zero. */
static size_t compare_layer(const struct reference *r, uint32_t index)
{
	const struct network *n = r->n;
	const struct graph_layer *l = &n->graph.layers[index];
	const struct graph_shape *s = floatnet_shape(n->net, (int)index);
	size_t positions = (size_t)s->height * s->width, words = floatnet_words(n->net, (int)index);
	double units[32];
	size_t active = 0;

	assert_in_range(n->graph.layer_count, 1, 31);
	assert_int_equal(graph_units("units", &n->graph, units), 0);
	if (!s->planes) {
		assert_null(n->record.spikes[index]);
		return 1;
	}
	assert_true(fabs(units[index + 1] - r->unit[index]) < 1e-15);
	for (size_t i = 0; i < STEPS * positions; i++)
		for (uint32_t c = 0; c < s->channels; c++) {
			const uint64_t *slot = n->record.spikes[index] + i / positions * words;
			double got = element(s, slot, i % positions, c) * units[index + 1];
			double want = r->out[index][i * s->channels + c];

			if (fabs(got - want) > 1e-12)
				fail_msg("layer %s, element %zu, channel %u: expected %g, found %g",
					 l->name, i, c, want, got);
			active += got != 0;
		}
	return active;
}

static void compare(const char *text, uint32_t seed)
{
	struct network n = { 0 };
	struct reference r;
	uint64_t *input;

	network_open(&n, text, 0.5f, seed);
	input = input_of(&n, seed + 1);
	reference_run(&r, &n, input);
	/* twice, as nothing of a run before may be left */
	for (int i = 0; i < 2; i++)
		assert_int_equal(floatnet_run(n.net, input, &n.record, NULL), 0);
	for (uint32_t i = 0; i < n.graph.layer_count; i++)
		if (!compare_layer(&r, i))
			fail_msg("layer %s is silent: nothing was tested", n.graph.layers[i].name);
	for (uint32_t c = 0; c < n.graph.readout_channels; c++)
		if (fabs(n.record.scores[c] - r.scores[c]) > 1e-9)
			fail_msg("score %u: expected %g, found %g", c, r.scores[c],
				 n.record.scores[c]);
	free(input);
	reference_free(&r);
	network_close(&n);
}

static void operations_match_the_reference(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 3; seed++) {
		compare(convolutions, seed);
		compare(pools, seed);
		compare(attention, seed);
		compare(read_sums, seed);
		compare(read_most, seed);
		compare(read_votes, seed);
		compare(sums_read, seed);
		compare(averages, seed);
	}
}

#define VARIANT(neuron)                                                                   \
	MODEL(2, LAYER("a", "linear", "\"input\"", WEIGHTS("a", 70, 140) NEURON(neuron)), \
	      SUM_OF("a"))

static void neurons_match_the_reference(void **state)
{
	static const char *const leaks[] = {
		"{\"kind\": \"none\"}",
		"{\"kind\": \"div\", \"n\": 3}",
		"{\"kind\": \"q16\", \"lambda\": 50000}",
		"{\"kind\": \"tz12\", \"decay\": 1000}",
	};
	static const char *const extras[] = {
		"",
		", \"delay\": 2",
		", \"delay\": 63",
		", \"skip_first\": true",
		", \"refractory\": 2",
		", \"reset_value\": -2",
		", \"delay\": 1, \"skip_first\": true, \"refractory\": 1, \"reset_value\": 1",
	};
	static const char *const models[] = {
		"\"model\": \"lif\"",
		"\"model\": \"cuba\", \"current_leak\": {\"kind\": \"div\","
		" \"n\": 2}",
		"\"model\": \"cuba\", \"current_leak\": {\"kind\": \"q16\","
		" \"lambda\": 40000}, \"old_current\": true",
	};
	static const char *const resets[] = { "hard", "soft", "none" };
	char text[2000];

	(void)state;
	for (uint32_t i = 0; i < 4 * 7 * 3 * 3 * 2; i++) {
		const char *extra = extras[i / 4 % 7];

		snprintf(text, sizeof(text),
			 VARIANT("%s, \"leak\": %s, \"compare\": \"%s\","
				 " \"reset\": \"%s\", \"threshold\": 1%s"),
			 models[i / 28 % 3], leaks[i % 4], i / 252 ? "gt" : "ge",
			 resets[i / 84 % 3], extra);
		if (strstr(extra, "63")) {
			struct network n = { 0 }; /* nothing comes out within the window */
			uint64_t *input;

			network_open(&n, text, 0.25f, 9);
			input = input_of(&n, 8);
			assert_int_equal(floatnet_run(n.net, input, &n.record, NULL), 0);
			for (uint32_t c = 0; c < 70; c++)
				assert_true(n.record.scores[c] == 0);
			free(input);
			network_close(&n);
		} else {
			compare(text, i + 1);
		}
	}
}

/* ---- the engine ---- */

static void replace_integers(struct modelfile *file, const char *name)
{
	struct tensor *t = (struct tensor *)(uintptr_t)modelfile_find(file, name);

	for (uint64_t i = 0; t && i < t->bytes; i += 4) {
		float v;
		int32_t k;

		memcpy(&v, (char *)t->owned + i, sizeof(v));
		k = (int32_t)v;
		assert_true((float)k == v);
		memcpy((char *)t->owned + i, &k, sizeof(k));
	}
	if (!t)
		return;
	t->dtype = DTYPE_I32;
	strcpy(t->type_name, "I32");
}

/* Weights as rows of bytes, [group, ky, kx, in][out]. */
static void replace_weights(const struct graph *g, const struct graph_layer *l)
{
	uint32_t groups = l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
	uint32_t taps = l->op == SNNQ_OP_CONV2D ? l->geometry.kernel_h * l->geometry.kernel_w : 1;
	uint32_t inputs = graph_shape(g, l->in[0])->channels / groups;
	uint32_t outputs = l->out_channels / groups;
	struct tensor *t = (struct tensor *)(uintptr_t)l->weight;
	uint64_t count = t->bytes / 4, at = 0;
	int8_t *rows = malloc(count);
	const float *weights = t->data;

	for (uint32_t o = 0; o < l->out_channels; o++)
		for (uint32_t i = 0; i < inputs; i++)
			for (uint32_t k = 0; k < taps; k++) {
				uint64_t row = ((uint64_t)(o / outputs) * taps + k) * inputs + i;

				rows[row * outputs + o % outputs] = (int8_t)weights[at++];
			}
	free(t->owned);
	t->data = t->owned = rows;
	t->bytes = t->shape[0] = count;
	t->dims = 1;
	t->dtype = DTYPE_U8;
	strcpy(t->type_name, "U8");
}

/* The model of @n, whose numbers are integers, as an integer model in a file. */
static const char *integer_file(const char *text, uint32_t seed)
{
	struct network n = { 0 };
	cJSON *layer;
	uint32_t i = 0;

	network_file(&n, text, 1, seed);
	assert_int_equal(graph_parse("net", n.file, &n.graph), 0);
	edit(n.file, "arithmetic", "\"integer\"");
	cJSON_ArrayForEach(layer, cJSON_GetObjectItem(n.file->graph, "layers")) {
		const struct graph_layer *l = &n.graph.layers[i++];
		cJSON *weight = cJSON_GetObjectItem(layer, "weight");
		char name[80];

		if (l->weight) {
			replace_weights(&n.graph, l);
			cJSON_ReplaceItemInObject(weight, "scheme", cJSON_CreateString("uniform"));
			cJSON_AddNumberToObject(weight, "bits", 8);
		}
		snprintf(name, sizeof(name), "%s.b", l->name);
		replace_integers(n.file, name);
		snprintf(name, sizeof(name), "%s.t", l->name);
		replace_integers(n.file, name);
	}
	graph_free(&n.graph);
	return model_write(n.file);
}

static void same_counters(struct snnq_stream *stream, uint32_t layer,
			  const struct snnq_layer_stats *got)
{
	struct snnq_layer_counters want;

	assert_int_equal(snnq_stream_counters(stream, layer, &want), 0);
	assert_int_equal(got->input_spikes, want.input_spikes);
	assert_int_equal(got->input_possible, want.input_possible);
	assert_int_equal(got->synops, want.synops);
	assert_int_equal(got->neuron_updates, want.neuron_updates);
	assert_int_equal(got->output_spikes, want.output_spikes);
	assert_int_equal(got->steps, want.steps);
}

static void same_output(struct snnq_stream *stream, const struct network *n, uint32_t layer)
{
	const struct graph_shape *s = floatnet_shape(n->net, (int)layer);
	size_t positions = (size_t)s->height * s->width, words = floatnet_words(n->net, (int)layer);
	int64_t count = snnq_stream_tap(stream, layer, NULL, 0);
	int32_t *tap = calloc((size_t)count, sizeof(*tap));

	assert_int_equal(snnq_stream_tap(stream, layer, tap, (size_t)count), count);
	for (size_t i = 0; s->planes && i < (size_t)count; i++) {
		size_t at = i / s->channels;
		const uint64_t *slot = n->record.spikes[layer] + at / positions * words;
		int32_t got = element(s, slot, at % positions, (uint32_t)(i % s->channels));

		if (got != tap[i])
			fail_msg("layer %s, element %zu: engine %d, float %d",
				 n->graph.layers[layer].name, i, tap[i], got);
	}
	free(tap);
}

static void same_as_engine(const char *text, uint32_t seed)
{
	const char *path = integer_file(text, seed);
	struct snnq_events *events = random_events(seed + 1);
	struct snnq_layer_stats stats[16];
	struct network n = { 0 };
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *stream;
	struct snnq_result result;
	uint64_t *input;

	network_open(&n, text, 1, seed);
	input = input_of(&n, seed + 1);
	assert_int_equal(floatnet_run(n.net, input, &n.record, stats), 0);
	assert_int_equal(snnq_open("sim", NULL, &dev), 0);
	if (snnq_model_load(dev, path, SNNQ_OPTS(struct snnq_model_opts, .taps = true), &model))
		fail_msg("%s", snnq_last_error(dev));
	assert_int_equal(snnq_stream_create(model,
					    SNNQ_OPTS(struct snnq_stream_opts, .profile = true),
					    &stream),
			 0);
	assert_int_equal(snnq_stream_push_events(stream, events, &result), 1);
	for (uint32_t i = 0; i < n.graph.layer_count; i++) {
		same_output(stream, &n, i);
		same_counters(stream, i, &stats[i]);
	}
	for (uint32_t c = 0; c < result.count; c++) {
		assert_true(n.record.scores[c] == result.scores[c] * result.scale);
		assert_true(n.record.scores[c] == result.real_scores[c]);
	}
	snnq_stream_destroy(stream);
	snnq_model_destroy(model);
	snnq_close(dev);
	snnq_events_close(events);
	free(input);
	network_close(&n);
}

static void integers_match_the_engine(void **state)
{
	static const char *const neurons[] = {
		"\"model\": \"lif\", \"leak\": {\"kind\": \"div\", \"n\": 3}, \"compare\": \"ge\","
		" \"reset\": \"soft\", \"threshold\": 5",
		"\"model\": \"lif\", \"leak\": {\"kind\": \"div\", \"n\": 2}, \"compare\": \"gt\","
		" \"reset\": \"hard\", \"threshold\": 4, \"sticky\": true",
		"\"model\": \"lif\", \"compare\": \"gt\", \"reset\": \"none\", \"threshold\": 9,"
		" \"skip_first\": true, \"delay\": 3",
		"\"model\": \"cuba\", \"compare\": \"ge\", \"reset\": \"hard\", \"threshold\": 12,"
		" \"refractory\": 1, \"reset_value\": -3",
		"\"model\": \"cuba\", \"leak\": {\"kind\": \"tz12\", \"decay\": 4096},"
		" \"compare\": \"ge\", \"reset\": \"soft\", \"threshold\": 6,"
		" \"old_current\": true, \"skip_first\": true",
	};
	char text[2000];

	(void)state;
	for (uint32_t seed = 11; seed <= 13; seed++) {
		same_as_engine(convolutions, seed);
		same_as_engine(pools, seed);
		same_as_engine(attention, seed);
		same_as_engine(read_sums, seed);
		same_as_engine(read_most, seed);
		same_as_engine(read_votes, seed);
		same_as_engine(sums_read, seed);
		for (size_t i = 0; i < sizeof(neurons) / sizeof(neurons[0]); i++) {
			snprintf(text, sizeof(text), VARIANT("%s"), neurons[i]);
			same_as_engine(text, seed + (uint32_t)i);
		}
	}
}

/* ---- streams ---- */

struct session {
	struct snnq_device *dev;
	struct snnq_model *model;
	struct snnq_stream *stream;
};

static void session_open(struct session *s, const char *path, bool profile)
{
	struct snnq_model_info info;

	assert_int_equal(snnq_open("sim", NULL, &s->dev), 0);
	if (snnq_model_load(s->dev, path, SNNQ_OPTS(struct snnq_model_opts, .taps = profile),
			    &s->model))
		fail_msg("%s", snnq_last_error(s->dev));
	assert_int_equal(snnq_model_info(s->model, &info), 0);
	assert_string_equal(info.arithmetic, "float");
	assert_int_equal(info.weight_bits, 8 * info.weight_bytes);
	assert_int_equal(snnq_stream_create(s->model,
					    SNNQ_OPTS(struct snnq_stream_opts, .profile = profile),
					    &s->stream),
			 0);
}

static void session_close(struct session *s)
{
	snnq_stream_destroy(s->stream);
	snnq_model_destroy(s->model);
	snnq_close(s->dev);
}

static void same_result(const struct network *n, const struct snnq_result *r)
{
	assert_null(r->scores);
	assert_int_equal(r->count, n->graph.readout_channels);
	assert_int_equal(r->steps, STEPS);
	for (uint32_t c = 0; c < r->count; c++) {
		assert_true(r->real_scores[c] == n->record.scores[c]);
		assert_true(r->real_scores[c] < r->real_scores[r->class_index] ||
			    (r->real_scores[c] == r->real_scores[r->class_index] &&
			     c >= r->class_index));
	}
}

static void streams_run_float_models(void **state)
{
	struct snnq_events *events = random_events(6);
	struct snnq_layer_stats stats[16];
	struct network n = { 0 };
	struct snnq_result result;
	uint64_t *input, synops = 0;
	struct session s;
	const char *path;

	(void)state;
	network_open(&n, convolutions, 0.5f, 5);
	path = temporary_path();
	assert_int_equal(modelfile_write(n.file, path), 0);
	input = input_of(&n, 6);
	assert_int_equal(floatnet_run(n.net, input, &n.record, stats), 0);
	session_open(&s, path, true);
	assert_int_equal(snnq_stream_tap(s.stream, 0, NULL, 0), -EINVAL);
	assert_int_equal(snnq_stream_push_events(s.stream, events, &result), 1);
	same_result(&n, &result);
	for (uint32_t i = 0; i + 1 < n.graph.layer_count; i++) {
		same_output(s.stream, &n, i);
		same_counters(s.stream, i, &stats[i]);
		synops += stats[i].synops;
	}
	assert_int_equal(result.synops, synops + stats[n.graph.layer_count - 1].synops);
	assert_int_equal(snnq_stream_tap(s.stream, n.graph.layer_count - 1, NULL, 0), -EOPNOTSUPP);
	assert_string_equal(snnq_last_error(s.dev),
			    "layer head: its output is real, expected spikes or counts");
	assert_int_equal(snnq_stream_push_events(s.stream, events, &result), 0);
	session_close(&s);
	snnq_events_close(events);
	free(input);
	network_close(&n);
}

/* Without taps and counters; packed steps need a device. */
static void streams_take_recordings_only(void **state)
{
	struct snnq_tensor_buf *buf;
	struct snnq_layer_counters c;
	struct network n = { 0 };
	struct snnq_result result;
	struct snnq_events *events = random_events(6);
	struct snnq_job *job;
	struct session s;

	(void)state;
	network_file(&n, attention, 0.5f, 5);
	session_open(&s, model_write(n.file), false);
	assert_int_equal(snnq_tensor_alloc(s.dev, STEPS * snnq_stream_input_bytes(s.stream), &buf),
			 0);
	assert_int_equal(snnq_stream_submit(s.stream, buf, STEPS, &job), -EOPNOTSUPP);
	assert_int_equal(snnq_stream_push_events(s.stream, events, &result), 1);
	assert_int_equal(result.synops, 0);
	assert_int_equal(snnq_stream_counters(s.stream, 0, &c), -EINVAL);
	assert_int_equal(snnq_stream_tap(s.stream, 0, NULL, 0), -EINVAL);
	snnq_tensor_free(buf);
	session_close(&s);
	snnq_events_close(events);
}

/* ---- what is refused ---- */

static void refused(struct network *n, const char *error)
{
	struct floatnet *net;

	if (graph_parse("net", n->file, &n->graph))
		fail_msg("%s", snnq_last_error(NULL));
	assert_int_equal(floatnet_create("net", &n->graph, &net), -EBADMSG);
	assert_string_equal(error_of("net"), error);
	graph_free(&n->graph);
	modelfile_free(n->file);
}

static void refused_edit(const char *text, const char *path, const char *json, const char *error)
{
	struct network n = { 0 };

	network_file(&n, text, 1, 1);
	edit(n.file, path, json);
	refused(&n, error);
}

static void refused_number(const char *tensor, float value, const char *error)
{
	struct network n = { 0 };
	const struct tensor *t;

	network_file(&n, convolutions, 1, 1);
	t = modelfile_find(n.file, tensor);
	assert_non_null(t);
	memcpy((char *)t->owned + 8, &value, sizeof(value));
	refused(&n, error);
}

static void hostile_models_are_refused(void **state)
{
	(void)state;
	refused_number("a.w", NAN, "layer a: weight 2: expected a finite number, found nan");
	refused_number("wide.b", INFINITY,
		       "layer wide: channel 2: bias: expected a finite number, found inf");
	refused_number("b.t", -1,
		       "layer b: channel 2: threshold: expected a positive number, found -1");
	refused_number("b.t", NAN,
		       "layer b: channel 2: threshold: expected a positive number, found nan");
	refused_edit(convolutions, "layers.5.neuron.mult", "2",
		     "layer head (linear): expected no "
		     "mult and no requant_shift in a float model");
	refused_edit(convolutions, "layers.5.planes", "4",
		     "layer head (linear): expected a real "
		     "output without a neuron, found bit-planes");
	refused_edit(sums_read, "layers.2.inputs", "[\"unused\"]",
		     "layer sum (sumpool): expected spikes or counts as its input, not real "
		     "numbers");
	refused_edit(attention, "layers.3.heads", "3",
		     "attn: parameter of the operation out of range (param)");
	refused_edit(pools, "layers.0.padding", "[2, 1]",
		     "max: kernel, stride, padding, dilation or groups out of range "
		     "(geometry.pad_h)");
	refused_edit(sums_read, "layers.2",
		     "{\"name\": \"sum\", \"op\": \"avgpool\","
		     " \"inputs\": [\"unused\"], \"kernel\": [1, 1]}",
		     "layer sum (avgpool): "
		     "expected spikes or counts as its input, not real numbers");
	refused_edit(sums_read, "layers.2.neuron", "{\"model\": \"none\", \"mult\": 3}",
		     "layer sum (sumpool): expected no mult and no requant_shift in a float model");
	refused_edit(averages, "readout.scale", "0",
		     "readout: scale: expected a positive number, found 0");
	refused_edit(averages, "layers.3.inputs", "[\"mean\", \"again\"]",
		     "layer add (add): inputs have different scales");
}

static void records_have_a_limit(void **state)
{
	struct network n = { 0 };

	(void)state;
	network_file(&n, sums_read, 1, 1);
	edit(n.file, "input.width", "2000");
	edit(n.file, "input.height", "1000");
	edit(n.file, "input.steps", "269");
	refused(&n, "input: steps: expected at most 268 of 16000000 bytes each, found 269");
}

static void integer_models_are_refused(void **state)
{
	struct modelfile *file = network_model();
	struct floatnet *net;
	struct graph graph;

	(void)state;
	assert_int_equal(graph_parse("net", file, &graph), 0);
	assert_int_equal(floatnet_create("net", &graph, &net), -EBADMSG);
	assert_string_equal(error_of("net"), "arithmetic: expected float, found integer");
	graph_free(&graph);
	modelfile_free(file);
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
		cmocka_unit_test(operations_match_the_reference),
		cmocka_unit_test(neurons_match_the_reference),
		cmocka_unit_test(integers_match_the_engine),
		cmocka_unit_test(streams_run_float_models),
		cmocka_unit_test(streams_take_recordings_only),
		cmocka_unit_test(hostile_models_are_refused),
		cmocka_unit_test(records_have_a_limit),
		cmocka_unit_test(integer_models_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, cleanup);
}
