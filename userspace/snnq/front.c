// SPDX-License-Identifier: MIT
/*
 * front.c - see front.h.
 */
#include "front.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/output.h"
#include "cli.h"

#define MOST_BYTES (64u << 20)
#define TRIED	   "tried" /* a point that did not keep to the targets */

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
	size_t bytes;
	char *text;
	int code = cli_file_text(path, MOST_BYTES, &text, &bytes);

	*document = code ? NULL : cJSON_Parse(text);
	free(text);
	return code;
}

/* The document is one of a search: layers with names, points with a grid for each. */
static bool is_front(const cJSON *d)
{
	const cJSON *layers = get(d, "layers"), *front = get(d, "front"), *o, *grid;
	const cJSON *options = get(d, "options");
	int n = cJSON_GetArraySize(layers);

	if (!cJSON_IsString(get(d, "model_sha256")) || !n || !cJSON_IsArray(layers) ||
	    !cJSON_IsArray(front) || !cJSON_GetArraySize(front) ||
	    !cJSON_IsString(get(options, "weights")) || !cJSON_IsString(get(options, "constants")))
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

static bool fits(const struct front_pick *p, const cJSON *point, const struct snnq_quantize_opts *t)
{
	return !get(point, TRIED) &&
	       (!(t->target_bits > 0) || number(point, "avg_bits") <= t->target_bits + 1e-9) &&
	       (!t->target_bytes ||
		number(point, "bytes") + p->more_bytes <= (double)t->target_bytes) &&
	       (!(t->target_energy > 0) ||
		number(point, "energy_uj") + p->more_energy <= t->target_energy + 1e-9);
}

static int find_numbered(const char *path, int64_t wanted, struct front_pick *p)
{
	const cJSON *front = get(p->document, "front");

	if (wanted >= cJSON_GetArraySize(front))
		return cli_fail(CLI_USAGE, "%s: expected a point from 0 to %d, found %" PRId64,
				path, cJSON_GetArraySize(front) - 1, wanted);
	p->point = cJSON_GetArrayItem(front, (int)wanted);
	return CLI_OK;
}

static int find_within(const char *path, const struct snnq_quantize_opts *targets,
		       struct front_pick *p)
{
	const cJSON *front = get(p->document, "front"), *point;

	p->point = NULL;
	cJSON_ArrayForEach(point, front)
		if (fits(p, point, targets) &&
		    (!p->point || number(point, "predicted") < number(p->point, "predicted")))
			p->point = point;
	point = cJSON_GetArrayItem(front, 0);
	return p->point ? CLI_OK :
			  cli_fail(CLI_FAILED,
				   "%s: no point meets the targets; the first has %.3f bits, %.0f "
				   "bytes and %.3f uJ",
				   path, number(point, "avg_bits"),
				   number(point, "bytes") + p->more_bytes,
				   number(point, "energy_uj") + p->more_energy);
}

/* The energies of points are those of the search. */
static int check_energy(const char *path, const struct snnq_quantize_opts *o, const cJSON *document)
{
	const cJSON *options = get(document, "options");
	const char *weights = get(options, "weights")->valuestring;
	const char *constants = get(options, "constants")->valuestring, *name = "45 nm model";
	const char *now = o->resident ? "resident" : "streamed";
	cJSON *table = NULL;
	int code = o->constants ? read_document(o->constants, &table) : CLI_OK;

	if (cJSON_IsString(get(table, "name")))
		name = get(table, "name")->valuestring;
	if (!code && strcmp(weights, now) != 0)
		code = cli_fail(CLI_USAGE,
				"%s: its energies are those of --weights %s: expected the same, "
				"found %s",
				path, weights, now);
	if (!code && strcmp(constants, name) != 0)
		code = cli_fail(CLI_USAGE,
				"%s: its energies are those of the constants \"%s\": expected the "
				"same, found \"%s\"",
				path, constants, name);
	cJSON_Delete(table);
	return code;
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

static int take_point(const char *path, struct front_pick *p)
{
	const cJSON *layers = get(p->document, "layers"), *l;
	const cJSON *grid = get(p->point, "choice")->child;

	free(p->choices);
	p->count = 0;
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
	int code;

	*p = (struct front_pick){ NULL };
	code = read_document(path, &p->document);
	if (!code && !is_front(p->document))
		code = cli_fail(CLI_FILE, "%s: expected what --front wrote", path);
	if (!code)
		code = targets->target_energy > 0 ? check_energy(path, targets, p->document) :
						    CLI_OK;
	if (!code)
		code = wanted >= 0 ? find_numbered(path, wanted, p) : find_within(path, targets, p);
	return code ? code : take_point(path, p);
}

int front_pick_less(const char *path, const struct snnq_quantize_opts *targets,
		    const struct snnq_quantize_quality *found, struct front_pick *p)
{
	double energy = targets->resident ? found->energy_resident : found->energy;
	int code;

	cJSON_AddTrueToObject((cJSON *)p->point, TRIED);
	p->more_bytes = fmax(p->more_bytes, (double)found->bytes - number(p->point, "bytes"));
	p->more_energy = fmax(p->more_energy, energy - number(p->point, "energy_uj"));
	code = find_within(path, targets, p);
	return code ? code : take_point(path, p);
}

void front_pick_free(struct front_pick *p)
{
	cJSON_Delete(p->document);
	free(p->choices);
	*p = (struct front_pick){ NULL };
}
