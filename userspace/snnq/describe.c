// SPDX-License-Identifier: MIT
/*
 * describe.c - show a model file as text or JSON.
 */
#include "describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "snnq_tools.h"

static double number(const cJSON *o, const char *key)
{
	return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static const char *text(const cJSON *o, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static void print_layer(const cJSON *l)
{
	const cJSON *out = cJSON_GetObjectItemCaseSensitive(l, "output");
	char shape[40], name[256];

	snprintf(shape, sizeof(shape), "%gx%gx%g", cJSON_GetNumberValue(cJSON_GetArrayItem(out, 0)),
		 cJSON_GetNumberValue(cJSON_GetArrayItem(out, 1)),
		 cJSON_GetNumberValue(cJSON_GetArrayItem(out, 2)));
	printf("  %-20s %-10s %-14s", text_printable(text(l, "name"), name, sizeof(name)),
	       text(l, "op"), shape);
	if (number(l, "bits"))
		printf(" %-7s %2.0f %-4s %10.0f %-6s %9.0f %-5s  %4.1f %% zero", text(l, "scheme"),
		       number(l, "bits"), number(l, "bits") == 1 ? "bit" : "bits",
		       number(l, "params"), number(l, "params") == 1 ? "param" : "params",
		       number(l, "weight_bytes"), number(l, "weight_bytes") == 1 ? "byte" : "bytes",
		       100 * number(l, "sparsity"));
	printf("\n");
}

static void print_input(const cJSON *in)
{
	bool values = !strcmp(text(in, "kind"), "values");
	double steps = number(in, "steps");

	printf("input %.0fx%.0f, ", number(in, "width"), number(in, "height"));
	if (!values)
		printf("%.0f polarit%s, %.0f step%s of %.0f us", number(in, "polarities"),
		       number(in, "polarities") == 1 ? "y" : "ies", steps, text_s(steps),
		       number(in, "step_us"));
	else
		printf("%.0f channel%s of values (%s), %s for %s %.0f step%s",
		       number(in, "channels"), text_s(number(in, "channels")), text(in, "axes"),
		       strcmp(text(in, "frames"), "repeat") ? "an image" : "one image",
		       strcmp(text(in, "frames"), "repeat") ? "each of" : "all", steps,
		       text_s(steps));
	printf(", %.0f plane%s", number(in, "planes"), text_s(number(in, "planes")));
	if (cJSON_GetObjectItemCaseSensitive(in, "scale"))
		printf(", scale %.9g, zero %.0f", number(in, "scale"), number(in, "zero"));
	printf("\n");
}

static void print_text(const cJSON *o)
{
	const cJSON *in = cJSON_GetObjectItemCaseSensitive(o, "input"), *l;
	char name[256];

	printf("%s: %s model, %.0f class%s\n", text_printable(text(o, "name"), name, sizeof(name)),
	       text(o, "arithmetic"), number(o, "classes"), number(o, "classes") == 1 ? "" : "es");
	print_input(in);
	cJSON_ArrayForEach(l, cJSON_GetObjectItemCaseSensitive(o, "layers"))
		print_layer(l);
	printf("%.0f parameter%s\n", number(o, "params"), text_s(number(o, "params")));
	printf("weights: %.3f bits on average, %.2fx smaller than fp32\n",
	       number(o, "avg_weight_bits"), number(o, "weight_compression_ratio"));
	printf("file:    %.3f bits per weight, %.2fx smaller than fp32; %.0f bytes, %.0f (%.2f %%) "
	       "of them not weights\n",
	       number(o, "effective_bits"), number(o, "compression_ratio"),
	       number(o, "model_bytes"), number(o, "metadata_bytes"),
	       number(o, "metadata_percent"));
}

int describe_result(const char *path, bool json, const cJSON *more)
{
	char *document;
	int ret = snnq_describe(path, &document);
	cJSON *o;

	if (ret)
		return cli_fail(cli_file_code(ret), "%s", snnq_last_error(NULL));
	if (json && more) {
		const cJSON *member;

		o = cJSON_Parse(document);
		if (!o) {
			free(document);
			return cli_fail(CLI_FAILED, "no memory");
		}
		cJSON_ArrayForEach(member, more)
			cJSON_AddItemToObject(o, member->string, cJSON_Duplicate(member, true));
		ret = cli_print_json(o);
	} else if (json) {
		ret = cli_print_json_text(document);
	} else {
		o = cJSON_Parse(document);
		print_text(o);
		cJSON_Delete(o);
	}
	free(document);
	return ret;
}

int describe_model(const char *path, bool json)
{
	return describe_result(path, json, NULL);
}
