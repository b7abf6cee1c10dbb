// SPDX-License-Identifier: MIT
/*
 * test_libsnnq_energy.c - the energy model against the worked example of
 * Documentation/energy.md, each cell to four decimals, and tables from files.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "energy/energy.h"
#include "models.h"

/* Spikformer-2-256, block MLP fc2, 16 steps, one input in eight fires. */
#define FAN_IN	1024
#define OUTPUTS 256
#define TOKENS	64
#define STEPS	16
#define WEIGHTS (FAN_IN * OUTPUTS)
#define MACS	((uint64_t)WEIGHTS * TOKENS * STEPS)

static const struct energy_dataflow example_flow = { .reuse = 64, .activity = 1 };

/* @largest 0: fp32. */
static struct energy_layer_in example(uint32_t bits, uint32_t largest)
{
	return (struct energy_layer_in){
		.inferences = 1,
		.steps = STEPS,
		.positions = TOKENS,
		.acc_bits = largest ? energy_acc_bits(largest, FAN_IN, 1) : 0,
		.fp32 = !largest,
		.states = 1,
		.input_planes = 1,
		.weight_bits = (uint64_t)WEIGHTS * bits,
		.metadata_bits = (largest ? 32 : 64) * OUTPUTS,
		.input_bits = FAN_IN * TOKENS,
		.output_bits = OUTPUTS * TOKENS,
		.adds = MACS / 8,
		.neurons = (uint64_t)OUTPUTS * TOKENS * STEPS,
		.input_spikes = (uint64_t)FAN_IN * TOKENS * STEPS / 8,
		.input_possible = (uint64_t)FAN_IN * TOKENS * STEPS,
		.macs = MACS,
		.binary_input = true,
	};
}

static struct energy_out example_out(uint32_t bits, uint32_t largest, uint64_t reuse,
				     double activity)
{
	struct energy_dataflow flow = { .reuse = reuse, .activity = activity };
	struct energy_layer_in in = example(bits, largest);
	struct energy_out out;

	energy_layer(&energy_45nm, &flow, &in, &out);
	return out;
}

/* @pj in uJ, as printed. */
static void assert_uj(double pj, const char *expected)
{
	char text[32];

	snprintf(text, sizeof(text), "%.4f", pj * 1e-6);
	assert_string_equal(text, expected);
}

static void assert_number(double value, int decimals, const char *expected)
{
	char text[32];

	snprintf(text, sizeof(text), "%.*f", decimals, value);
	assert_string_equal(text, expected);
}

static const struct row {
	uint32_t bits, largest, acc_bits, state_bits;
	const char *cells[9]; /* adds neurons compute weights state spikes SRAM DRAM total */
	const char *ratio, *compute_ratio;
	const char *event_driven, *event_weights, *read_once; /* R = 1, p = 1/8; R = 1024 */
} rows[] = {
	{ 32,
	  0,
	  0,
	  32,
	  { "30.1990", "1.4418", "31.6408", "41.9430", "5.2429", "0.4096", "47.5955", "170.7264",
	    "249.9627" },
	  "1.000",
	  "1.00",
	  "543.5640",
	  "335.5443",
	  "210.6411" },
	{ 8,
	  127,
	  18,
	  24,
	  { "1.8874", "0.0590", "1.9464", "10.4858", "3.9322", "0.4096", "14.8275", "42.7648",
	    "59.5387" },
	  "4.198",
	  "16.26",
	  NULL,
	  NULL,
	  NULL },
	{ 4,
	  7,
	  14,
	  16,
	  { "1.4680", "0.0393", "1.5073", "5.2429", "2.6214", "0.4096", "8.2739", "21.4656",
	    "31.2468" },
	  "8.000",
	  "20.99",
	  "67.9470",
	  "41.9430",
	  "26.3316" },
	{ 4,
	  64,
	  18,
	  24, /* powers of two */
	  { "1.8874", "0.0590", "1.9464", "5.2429", "3.9322", "0.4096", "9.5846", "21.4656",
	    "32.9967" },
	  "7.575",
	  "16.26",
	  "69.6968",
	  "41.9430",
	  "28.0815" },
};

static void test_example(void **state)
{
	struct energy_out fp32 = example_out(32, 0, 64, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct energy_out o = example_out(r->bits, r->largest, 64, 1);
		double cells[] = { o.adds,	 o.neurons, o.compute, o.weight_sram, o.state_sram,
				   o.spike_sram, o.sram,    o.dram,    o.total };

		assert_int_equal(o.acc_bits, r->acc_bits);
		assert_int_equal(o.state_bits, r->state_bits);
		for (size_t c = 0; c < sizeof(cells) / sizeof(cells[0]); c++)
			assert_uj(cells[c], r->cells[c]);
		assert_number(fp32.total / o.total, 3, r->ratio);
		assert_number(fp32.compute / o.compute, 2, r->compute_ratio);
		assert_uj(o.paper, "30.1990");
		assert_uj(o.ann, "77.1752");
	}
}

static void test_dataflow(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct energy_out o;

		if (!r->event_driven)
			continue;
		o = example_out(r->bits, r->largest, 1, 0.125);
		assert_uj(o.total, r->event_driven);
		assert_uj(o.weight_sram, r->event_weights);
		assert_uj(example_out(r->bits, r->largest, 1024, 1).total, r->read_once);
		/* 0 and what is more than all: read once */
		assert_uj(example_out(r->bits, r->largest, 0, 1).total, r->read_once);
		assert_uj(example_out(r->bits, r->largest, 5000, 1).total, r->read_once);
		/* with R = 1 the activity is the rate */
		assert_uj(example_out(r->bits, r->largest, 1, -1).total, r->event_driven);
	}
	/* 1 - (7/8)^2, exact in binary */
	assert_true(example_out(4, 7, 2, -1).activity == 1 - 0.765625);
	/* a part of a bundle reads the weights too: 1024 / 1000 -> 2 */
	assert_true(example_out(4, 7, 1000, 1).weight_sram ==
		    2 * example_out(4, 7, 1024, 1).weight_sram);
}

static void test_whole_network(void **state)
{
	static const struct {
		uint64_t bits;
		const char *uj;
	} sizes[] = {
		{ 2552896ull * 32, "1659.38" },
		{ 2552896ull * 8, "414.85" },
		{ 2552896ull * 4, "207.42" },
		{ 2552896ull * 314 / 100, "162.83" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct energy_layer_in in = {
			.inferences = 1, .steps = 1, .positions = 1, .weight_bits = sizes[i].bits
		};
		struct energy_out o;

		energy_layer(&energy_45nm, &example_flow, &in, &o);
		assert_number(o.dram * 1e-6, 2, sizes[i].uj);
	}
}

/* Options of the dataflow change exactly their terms. */
static void test_options(void **state)
{
	struct energy_dataflow flow = example_flow;
	struct energy_layer_in in = example(4, 7);
	struct energy_out plain, o;

	(void)state;
	energy_layer(&energy_45nm, &flow, &in, &plain);
	flow.tick_batching = true;
	energy_layer(&energy_45nm, &flow, &in, &o);
	assert_true(o.state_sram == 0 && o.dram == plain.dram && o.compute == plain.compute);
	flow.reload = true;
	energy_layer(&energy_45nm, &flow, &in, &o);
	assert_true(o.weight_dram == 16 * plain.weight_dram);
	in.states = 2;
	energy_layer(&energy_45nm, &example_flow, &in, &o);
	assert_true(o.state_sram == 2 * plain.state_sram);
	assert_true(fabs(o.neurons / plain.neurons - 5.0 / 3) < 1e-12);
	/* counts are charged as MACs by papers */
	in.binary_input = false;
	energy_layer(&energy_45nm, &example_flow, &in, &o);
	assert_number(o.paper * 1e-6, 4, "1234.8031");
}

/* Totals over inferences give the mean of one. */
static void test_mean(void **state)
{
	struct energy_layer_in one = example(4, 64), many = one;
	struct energy_out a, b;

	(void)state;
	many.inferences = 8;
	many.adds *= 8;
	many.neurons *= 8;
	many.input_spikes *= 8;
	many.input_possible *= 8;
	energy_layer(&energy_45nm, &example_flow, &one, &a);
	energy_layer(&energy_45nm, &example_flow, &many, &b);
	assert_memory_equal(&a, &b, sizeof(a));
}

static void test_acc_bits(void **state)
{
	(void)state;
	assert_int_equal(energy_acc_bits(127, 1024, 1), 18);
	assert_int_equal(energy_acc_bits(15, 1024, 1), 15);    /* odd, 4 bits: b + 1 */
	assert_int_equal(energy_acc_bits(16384, 1025, 1), 27); /* pot, 5 bits; log2 rounds up */
	assert_int_equal(energy_acc_bits(1, 1, 1), 2);
	assert_int_equal(energy_acc_bits(7, 27, 255), 17); /* 8 planes */
	assert_int_equal(energy_acc_bits(1, UINT64_MAX, 3), 66);
}

/* ---- graphs ---- */

static struct snnq_layer_stats *net_stats(void)
{
	static struct snnq_layer_stats s[8];

	for (int i = 0; i < 8; i++)
		s[i] = (struct snnq_layer_stats){
			.input_spikes = 100,
			.input_possible = 1000,
			.synops = 300,
			.neuron_updates = 50,
			.output_spikes = 10u * (unsigned int)i,
		};
	return s;
}

static void test_graph_counts(void **state)
{
	struct modelfile *file = network_model();
	struct energy_layer_in in;
	struct graph g;

	(void)state;
	assert_int_equal(graph_parse("net", file, &g), 0);
	energy_graph_layer(&g, 0, net_stats(), 2, &in); /* conv1: 4x4x2 -> 4x4x3 */
	assert_int_equal(in.macs, 3 * 3 * 2 * 3 * 16 * 8);
	assert_int_equal(in.weight_bits, 36 * 8);
	assert_int_equal(in.metadata_bits, 3 * 16);
	assert_int_equal(in.frame_bits, 4 * 4 * 2 * 8);
	assert_int_equal(in.acc_bits, 4 + 5); /* 18 inputs */
	assert_true(in.binary_input && !in.fp32);
	energy_graph_layer(&g, 1, net_stats(), 2, &in); /* pool1 */
	assert_int_equal(in.weight_bits + in.macs + in.frame_bits, 0);
	assert_int_equal(in.acc_bits, 1);
	energy_graph_layer(&g, 5, net_stats(), 2, &in); /* attn: 4 tokens, 2 heads of 2 */
	assert_int_equal(in.ands, 4 * 4 * 4 * 8 * 2);
	assert_int_equal(in.attention_acs, 2 * (30 + 20)); /* k fires less than v */
	assert_int_equal(in.input_bits, 3 * 16);
	energy_graph_layer(&g, 6, net_stats(), 2, &in); /* res: spikes and spikes to 2 planes */
	assert_int_equal(in.acc_bits, 2);
	assert_int_equal(in.weight_bits, 0);
	energy_graph_layer(&g, 7, net_stats(), 2, &in); /* head on counts of 2 planes */
	assert_false(in.binary_input);
	assert_int_equal(in.readouts, 2 * 4 * 8 * 2);
	assert_int_equal(in.acc_bits, 8 + 4); /* 4 inputs up to 3 */
	assert_int_equal(in.metadata_bits, 64);
	graph_free(&g);
	modelfile_free(file);
}

/* Levels decide widths, packed bytes decide traffic: of each scheme. */
static void test_schemes(void **state)
{
	static const struct {
		const char *scheme;
		uint32_t bits, weight_bits, level_bits;
	} s[] = {
		{ "\"uniform\"", 2, 24, 2 }, { "\"odd\"", 2, 24, 3 }, { "\"pot\"", 2, 24, 2 },
		{ "\"ternary\"", 2, 24, 2 }, { "\"odd\"", 1, 24, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
		struct modelfile *file = network_model();
		struct energy_layer_in in;
		struct graph g;
		char bits[4];

		snprintf(bits, sizeof(bits), "%u", s[i].bits);
		edit(file, "layers.2.weight.scheme", s[i].scheme);
		edit(file, "layers.2.weight.bits", bits);
		assert_int_equal(graph_parse("net", file, &g), 0);
		energy_graph_layer(&g, 2, net_stats(), 1, &in); /* q: 3 inputs, 4 outputs */
		assert_int_equal(in.weight_bits, s[i].weight_bits);
		assert_int_equal(in.acc_bits, s[i].level_bits + 2);
		graph_free(&g);
		modelfile_free(file);
	}
}

static void test_graph_sum(void **state)
{
	struct modelfile *file = network_model();
	struct energy_out layers[8], total, again;
	double sum = 0;
	struct graph g;

	(void)state;
	assert_int_equal(graph_parse("net", file, &g), 0);
	energy_graph(&energy_45nm, &example_flow, &g, net_stats(), 2, layers, &total);
	for (int i = 0; i < 8; i++) {
		assert_true(layers[i].total > 0);
		sum += layers[i].total;
	}
	assert_true(total.total == sum);
	assert_true(fabs(total.compute + total.sram + total.dram - sum) < 1e-9 * sum);
	energy_graph(&energy_45nm, &example_flow, &g, net_stats(), 2, NULL, &again);
	assert_memory_equal(&total, &again, sizeof(total));
	graph_free(&g);
	modelfile_free(file);
}

/* ---- tables ---- */

static const char *table(const char *text)
{
	const char *path = temporary_path();
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

static void test_table(void **state)
{
	struct energy_constants k;
	const char *path = table("{\"name\": \"28 nm\", \"constants\": {\"sram_bit\": "
				 "{\"pj\": 0.125, \"source\": \"a data sheet\"}}}");

	(void)state;
	assert_int_equal(energy_constants_read(path, &k), 0);
	assert_string_equal(k.name, "28 nm");
	assert_true(k.pj[ENERGY_SRAM_BIT] == 0.125);
	assert_string_equal(k.source[ENERGY_SRAM_BIT], "a data sheet");
	assert_true(k.pj[ENERGY_DRAM_BIT] == 20.3125);
}

static void test_all_constants_have_sources(void **state)
{
	(void)state;
	for (int i = 0; i < ENERGY_CONSTANTS; i++) {
		assert_non_null(energy_constant_name((enum energy_constant)i));
		assert_true(energy_45nm.pj[i] > 0);
		assert_true(strlen(energy_45nm.source[i]) > 40);
	}
}

static void test_bad_tables(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "[]", "expected a JSON object" },
		{ "{\"name\"", "not JSON" },
		{ "{\"name\": \"x\", \"constants\": {}} x", "not JSON" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": [1]}}",
		  "sram_bit: expected an object with "
		  "pj and source" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": 1}}",
		  "sram_bit: expected an object with pj "
		  "and source" },
		{ "{\"name\": \"x\", \"name\": \"x\", \"constants\": {}}", "a key appears twice" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": {\"pj\": 1, \"pj\": 2, "
		  "\"source\": \"s\"}}}",
		  "sram_bit: a key appears twice" },
		{ "{\"constants\": {}}", "name: expected a text of 1 to 63 bytes" },
		{ "{\"name\": \"x\"}", "constants: expected an object" },
		{ "{\"name\": \"x\", \"constants\": {}, \"unit\": 1}", "\"unit\" is not known" },
		{ "{\"name\": \"x\", \"constants\": {\"sram\": {}}}",
		  "constants: \"sram\" is not known" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": {\"pj\": -1}}}",
		  "sram_bit: pj: expected a number from 0 to 1e+06" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": {\"pj\": 1e7}}}",
		  "sram_bit: pj: expected a number from 0 to 1e+06" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": 3}}",
		  "sram_bit: expected an object with pj and source" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": {\"pj\": 1}}}",
		  "sram_bit: source: expected a text of 1 to 159 bytes" },
		{ "{\"name\": \"x\", \"constants\": {\"sram_bit\": {\"pj\": 1, \"nJ\": 1}}}",
		  "sram_bit: \"nJ\" is not known" },
		{ "{\"name\": \"x\", \"constants\": {"
		  "\"sram_bit\": {\"pj\": 1, \"source\": \"s\"},"
		  "\"sram_bit\": {\"pj\": 2, \"source\": \"s\"}}}",
		  "constants: \"sram_bit\" appears twice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct energy_constants k = { .name = "untouched" };
		const char *path = table(bad[i].text);

		assert_int_equal(energy_constants_read(path, &k), -EBADMSG);
		assert_string_equal(error_of(path), bad[i].error);
		assert_string_equal(k.name, "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_dataflow),
		cmocka_unit_test(test_whole_network),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_acc_bits),
		cmocka_unit_test(test_graph_counts),
		cmocka_unit_test(test_schemes),
		cmocka_unit_test(test_graph_sum),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_all_constants_have_sources),
		cmocka_unit_test(test_bad_tables),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	models_cleanup();
	return failed;
}
