// SPDX-License-Identifier: MIT
/*
 * quantize.c - `snnq quantize`: a float model to an integer one, scheme and bits by layer.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "describe.h"
#include "snnq_tools.h"

static const char *out, *calib, *general, *method = "round";
static struct cli_list layers;
static bool json;

static const struct cli_option options[] = {
	{ "output", 'o', "OUT", "the integer .snnq file to write", .text = &out },
	{ "layer", 'l', "NAME=SCHEME:BITS", "grid of a layer; may be repeated", .list = &layers },
	{ "default", 0, "SCHEME:BITS", "grid of all other layers with weights", .text = &general },
	{ "calib", 0, "LIST", "recordings that show which inputs matter", .text = &calib },
	{ "method", 0, "NAME", "round (the only one so far)", .text = &method },
	{ "json", 0, NULL, "describe the result as one JSON document", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"quantize IN.snnq -o OUT.snnq [options]",
	"Round a float model to integers. Schemes: uniform:1..8 (with zero), pot:2..5\n"
	"(powers of two), odd:1..8 (no zero). Size is proportional to the bits; expect about\n"
	"6 dB of weight precision per bit of uniform and odd, pot stays near 14 dB above 3 bits.",
	"snnq quantize float.snnq -o digits.snnq --default uniform:4\n"
	"snnq quantize float.snnq -o digits.snnq --default uniform:3 --layer head=uniform:8 \\\n"
	"              --layer conv1=pot:4 --calib train.tsv\n",
	options, 1,
};

/* Split SCHEME:BITS in place. */
static bool parse_grid(char *text, struct snnq_layer_choice *choice)
{
	char *colon = strchr(text, ':'), *end;
	unsigned long bits;

	if (!colon)
		return false;
	*colon = 0;
	bits = strtoul(colon + 1, &end, 10);
	choice->scheme = text;
	choice->bits = (uint32_t)bits;
	return end != colon + 1 && !*end && bits <= 64;
}

/* Choices from the options; the texts that they point into are in @texts. */
static int parse_choices(struct snnq_layer_choice *choices, char **texts, size_t *count)
{
	for (size_t i = 0; i < layers.count + (general != NULL); i++) {
		const char *value = i < layers.count ? layers.values[i] : general;
		char *grid = texts[i] = strdup(value);

		choices[i].layer = NULL;
		if (i < layers.count && grid) {
			grid = strchr(texts[i], '=');
			if (grid)
				*grid++ = 0;
			choices[i].layer = texts[i];
		}
		if (!grid || !parse_grid(grid, &choices[i]))
			return cli_fail(CLI_USAGE, "quantize: expected %sSCHEME:BITS, found \"%s\"",
					i < layers.count ? "NAME=" : "", value);
		*count = i + 1;
	}
	return CLI_OK;
}

static void report(void *ctx, const struct snnq_quantize_layer *l, uint32_t done, uint32_t total)
{
	(void)ctx;
	fprintf(stderr, "[%3u/%u] %-20s %-7s %u bits  F %u  SQNR ", done, total, l->name, l->scheme,
		l->bits, l->shift);
	if (isfinite(l->sqnr_db))
		fprintf(stderr, "%5.1f dB", l->sqnr_db);
	else
		fprintf(stderr, "exact   ");
	fprintf(stderr, "  %" PRIu64 " bytes\n", l->weight_bytes);
}

static int quantize(const char *in, const struct snnq_layer_choice *choices, size_t count)
{
	struct cli_dataset data = { NULL };
	const char **paths = NULL;
	int code = CLI_OK, ret;

	if (calib)
		code = cli_dataset_read(calib, NULL, 0, &data);
	if (code)
		return code;
	paths = calloc(data.count + 1, sizeof(*paths));
	for (size_t i = 0; paths && i < data.count; i++)
		paths[i] = data.samples[i].path;
	ret = !paths ? -ENOMEM :
		snnq_quantize(in, out, SNNQ_OPTS(struct snnq_quantize_opts, .choices = choices,
						 .choice_count = count, .calibration = paths,
						 .calibration_count = data.count,
						 .calibration_name = calib, .report = report));
	free(paths);
	cli_dataset_free(&data);
	if (ret == -EINVAL)
		return cli_fail(CLI_USAGE, "%s", snnq_last_error(NULL));
	if (ret)
		return cli_fail(cli_file_code(ret), "%s", snnq_last_error(NULL));
	return describe_model(out, json);
}

int verb_quantize(int argc, char **argv)
{
	struct snnq_layer_choice *choices;
	size_t count = 0;
	char **args, **texts;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	if (!out)
		return cli_fail(CLI_USAGE, "quantize: -o is missing\nusage: snnq %s",
				command.usage);
	if (strcmp(method, "round"))
		return cli_fail(CLI_USAGE, "quantize: method: expected round, found %s", method);
	choices = calloc(layers.count + 1, sizeof(*choices));
	texts = calloc(layers.count + 1, sizeof(*texts));
	code = choices && texts ? parse_choices(choices, texts, &count) :
				  cli_fail(CLI_FAILED, "no memory");
	if (!code)
		code = quantize(args[0], choices, count);
	for (size_t i = 0; texts && i <= layers.count; i++)
		free(texts[i]);
	free(texts);
	free(choices);
	free(layers.values);
	return code;
}
