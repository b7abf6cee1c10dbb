// SPDX-License-Identifier: MIT
/*
 * front.c - see front.h.
 */
#include "front.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/number.h"
#include "base/output.h"
#include "cli.h"

#define MOST_BYTES (64l << 20)

static const cJSON *get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static double number(const cJSON *o, const char *key)
{
	return cJSON_GetNumberValue(get(o, key));
}

int front_write(const char *document, const char *path)
{
	struct output out;

	if (output_open(path, &out))
		return cli_fail(CLI_FAILED, "%s", output_problem());
	fprintf(out.file, "%s\n", document); /* failures are told at the end */
	return output_commit(&out) ? cli_fail(CLI_FAILED, "%s", output_problem()) : CLI_OK;
}

/* ---- a bit more or less ---- */

static void print_step(const cJSON *step)
{
	char grid[32];

	if (!step) {
		printf("  %-10s %9s %22s", "-", "", "");
		return;
	}
	snprintf(grid, sizeof(grid), "%.12s:%.0f", cJSON_GetStringValue(get(step, "scheme")),
		 number(step, "bits"));
	printf("  %-10s %+9.0f %+11.5f", grid, number(step, "bytes"), number(step, "loss"));
	if (get(step, "error"))
		printf(" +- %.5f", number(step, "error"));
	else
		printf(" +- %7s", "?");
}

void front_explain(const cJSON *document)
{
	const cJSON *l;

	printf("\nwhat each layer's next grids cost, others at 8 bits: bytes, and loss on the "
	       "recordings for calibration\nwith its standard error; below two of them it may be "
	       "chance\n%-18s %-10s  %-43s  %s\n",
	       "layer", "grid", "fewer bits", "more bits");
	cJSON_ArrayForEach(l, get(document, "layers")) {
		char name[256], grid[32];

		snprintf(grid, sizeof(grid), "%.12s:%.0f", cJSON_GetStringValue(get(l, "scheme")),
			 number(l, "bits"));
		printf("%-18.18s %-10s",
		       text_printable(cJSON_GetStringValue(get(l, "name")), name, sizeof(name)),
		       grid);
		print_step(get(l, "less"));
		print_step(get(l, "more"));
		printf("\n");
	}
}

cJSON *front_explained(const cJSON *document)
{
	static const char *const keys[] = { "name", "scheme", "bits", "bytes", "less", "more" };
	cJSON *list = cJSON_CreateArray();
	const cJSON *l;

	cJSON_ArrayForEach(l, get(document, "layers")) {
		cJSON *o = cJSON_CreateObject();

		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			if (get(l, keys[i]))
				cJSON_AddItemToObject(o, keys[i],
						      cJSON_Duplicate(get(l, keys[i]), true));
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

/* ---- picking ---- */

static int read_document(const char *path, cJSON **document)
{
	FILE *file = fopen(path, "r");
	struct stat st;
	char *text = NULL;
	int code = CLI_OK;

	*document = NULL;
	if (!file || fstat(fileno(file), &st))
		code = cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_size > MOST_BYTES)
		code = cli_fail(CLI_FILE, "%s: expected a file of at most %ld bytes", path,
				MOST_BYTES);
	else
		text = calloc(1, (size_t)st.st_size + 1);
	if (!code && !text)
		code = cli_fail(CLI_FAILED, "no memory");
	if (!code && fread(text, 1, (size_t)st.st_size, file) != (size_t)st.st_size)
		code = cli_fail(CLI_FILE, "%s: cannot be read", path);
	if (!code)
		*document = cJSON_Parse(text);
	if (file)
		fclose(file);
	free(text);
	return code;
}

/* The document is one of a search: layers with names, points with a grid for each. */
static bool is_front(const cJSON *d)
{
	const cJSON *layers = get(d, "layers"), *front = get(d, "front"), *o, *grid;
	int n = cJSON_GetArraySize(layers);

	if (!cJSON_IsString(get(d, "model_sha256")) || !n || !cJSON_IsArray(layers) ||
	    !cJSON_IsArray(front) || !cJSON_GetArraySize(front))
		return false;
	cJSON_ArrayForEach(o, layers)
		if (!cJSON_IsString(get(o, "name")))
			return false;
	cJSON_ArrayForEach(o, front) {
		if (!cJSON_IsNumber(get(o, "avg_bits")) || !cJSON_IsNumber(get(o, "bytes")) ||
		    !cJSON_IsNumber(get(o, "energy_uj")) || !cJSON_IsNumber(get(o, "predicted")) ||
		    !cJSON_IsArray(get(o, "choice")) || cJSON_GetArraySize(get(o, "choice")) != n)
			return false;
		cJSON_ArrayForEach(grid, get(o, "choice"))
			if (!cJSON_IsString(grid))
				return false;
	}
	return true;
}

static bool fits(const cJSON *point, const struct snnq_quantize_opts *t)
{
	return (!(t->target_bits > 0) || number(point, "avg_bits") <= t->target_bits + 1e-9) &&
	       (!t->target_bytes || number(point, "bytes") <= (double)t->target_bytes) &&
	       (!(t->target_energy > 0) || number(point, "energy_uj") <= t->target_energy + 1e-9);
}

static int find_point(const char *path, const cJSON *front, int64_t wanted,
		      const struct snnq_quantize_opts *targets, const cJSON **found)
{
	const cJSON *point;

	*found = NULL;
	if (wanted >= cJSON_GetArraySize(front))
		return cli_fail(CLI_USAGE, "%s: expected a point from 0 to %d, found %" PRId64,
				path, cJSON_GetArraySize(front) - 1, wanted);
	if (wanted >= 0) {
		*found = cJSON_GetArrayItem(front, (int)wanted);
		return CLI_OK;
	}
	cJSON_ArrayForEach(point, front)
		if (fits(point, targets) &&
		    (!*found || number(point, "predicted") < number(*found, "predicted")))
			*found = point;
	point = cJSON_GetArrayItem(front, 0);
	return *found ? CLI_OK :
			cli_fail(CLI_FAILED,
				 "%s: no point meets the targets; the first has %.3f bits, %.0f "
				 "bytes and %.3f uJ",
				 path, number(point, "avg_bits"), number(point, "bytes"),
				 number(point, "energy_uj"));
}

/* "SCHEME:BITS", which is split in place. */
static bool split_grid(char *text, struct snnq_layer_choice *choice)
{
	char *colon = strchr(text, ':');
	uint64_t bits;

	if (!colon || !number_parse_u64(colon + 1, 64, &bits))
		return false;
	*colon = 0;
	choice->scheme = text;
	choice->bits = (uint32_t)bits;
	return true;
}

static int take_point(const char *path, const cJSON *point, struct front_pick *p)
{
	const cJSON *layers = get(p->document, "layers"), *grid = get(point, "choice")->child, *l;

	p->choices = calloc((size_t)cJSON_GetArraySize(layers) + 1, sizeof(*p->choices));
	if (!p->choices)
		return cli_fail(CLI_FAILED, "no memory");
	cJSON_ArrayForEach(l, layers) {
		struct snnq_layer_choice *c = &p->choices[p->count++];

		c->layer = get(l, "name")->valuestring;
		if (!split_grid(grid->valuestring, c))
			return cli_fail(CLI_FILE,
					"%s: layer %s: expected SCHEME:BITS, found \"%s\"", path,
					c->layer, grid->valuestring);
		grid = grid->next;
	}
	p->model_hash = get(p->document, "model_sha256")->valuestring;
	return CLI_OK;
}

int front_pick(const char *path, int64_t wanted, const struct snnq_quantize_opts *targets,
	       struct front_pick *p)
{
	const cJSON *point;
	int code;

	*p = (struct front_pick){ NULL };
	code = read_document(path, &p->document);
	if (!code && !is_front(p->document))
		code = cli_fail(CLI_FILE, "%s: expected what --front wrote", path);
	if (!code)
		code = find_point(path, get(p->document, "front"), wanted, targets, &point);
	return code ? code : take_point(path, point, p);
}

void front_pick_free(struct front_pick *p)
{
	cJSON_Delete(p->document);
	free(p->choices);
	*p = (struct front_pick){ NULL };
}
