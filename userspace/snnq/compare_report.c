// SPDX-License-Identifier: MIT
/*
 * compare_report.c - what a comparison says, as a document and for people.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "pairs.h"

#define SHOWN_ANSWERS 10

/* ---- the document ---- */

static void add_pair(cJSON *o, const char *key, double a, double b)
{
	const double pair[] = { a, b };

	cJSON_AddItemToObject(o, key, cJSON_CreateDoubleArray(pair, 2));
}

static uint64_t count_right(const struct comparison *c, int m)
{
	uint64_t right = 0;

	for (size_t i = 0; i < c->data.count; i++)
		right += c->classes[m][i] == c->data.samples[i].label;
	return right;
}

static cJSON *model_json(const struct comparison *c, int m, const char *path)
{
	const struct snnq_model_info *info = &c->sessions[m].model_info;
	cJSON *o = cJSON_CreateObject();
	uint64_t right = count_right(c, m);

	cJSON_AddStringToObject(o, "path", path);
	cJSON_AddStringToObject(o, "name", info->name);
	cJSON_AddStringToObject(o, "arithmetic", info->arithmetic);
	cJSON_AddNumberToObject(o, "correct", (double)right);
	cJSON_AddNumberToObject(o, "accuracy", (double)right / (double)c->data.count);
	return o;
}

static void add_accuracy(const struct comparison *c, cJSON *o)
{
	cJSON *accuracy = cJSON_AddObjectToObject(o, "accuracy");
	uint64_t lost = 0, won = 0;
	struct pairs_gain gain;

	for (size_t i = 0; i < c->data.count; i++) {
		uint32_t label = c->data.samples[i].label;

		lost += c->classes[0][i] == label && c->classes[1][i] != label;
		won += c->classes[0][i] != label && c->classes[1][i] == label;
	}
	gain = pairs_gain(lost, won, c->data.count);
	cJSON_AddNumberToObject(accuracy, "difference", gain.mean);
	cJSON_AddNumberToObject(accuracy, "least", gain.least);
	cJSON_AddNumberToObject(accuracy, "most", gain.most);
	cJSON_AddNumberToObject(accuracy, "lost", (double)lost);
	cJSON_AddNumberToObject(accuracy, "won", (double)won);
	cJSON_AddNumberToObject(accuracy, "p", pairs_mcnemar(lost, won));
}

static void add_answers(const struct comparison *c, cJSON *o)
{
	cJSON *list = cJSON_AddArrayToObject(o, "changed");

	for (size_t i = 0; i < c->data.count; i++) {
		cJSON *answer;

		if (c->classes[0][i] == c->classes[1][i])
			continue;
		answer = cJSON_CreateObject();
		cJSON_AddNumberToObject(answer, "recording", (double)i);
		cJSON_AddStringToObject(answer, "path", c->data.samples[i].shown);
		cJSON_AddNumberToObject(answer, "label", c->data.samples[i].label);
		add_pair(answer, "classes", c->classes[0][i], c->classes[1][i]);
		cJSON_AddItemToArray(list, answer);
	}
}

static cJSON *place_json(const struct comparison *c, const struct compare_layer *l)
{
	cJSON *o;

	if (!l->recordings)
		return cJSON_CreateNull();
	o = cJSON_CreateObject();
	cJSON_AddNumberToObject(o, "recording", (double)l->first_recording);
	cJSON_AddStringToObject(o, "path", c->data.samples[l->first_recording].shown);
	cJSON_AddNumberToObject(o, "step", l->first_step);
	return o;
}

/* Spikes of all recordings; @rates: of each neuron by step. */
static double add_up(const struct comparison *c, const int64_t *sums, uint64_t neurons,
		     double *rates)
{
	double all = 0, steps = (double)c->steps * (double)c->data.count;

	for (uint64_t i = 0; i < neurons; i++) {
		all += (double)sums[i];
		rates[i] = (double)sums[i] / steps;
	}
	return all;
}

static cJSON *layer_json(const struct comparison *c, const struct compare_layer *l, double *rates)
{
	double values = (double)l->neurons * c->steps * (double)c->data.count;
	double spikes[2];
	cJSON *o = cJSON_CreateObject();

	for (int m = 0; m < 2; m++)
		spikes[m] = add_up(c, l->sums[m], l->neurons, rates + m * l->neurons);
	cJSON_AddStringToObject(o, "name", l->name);
	cJSON_AddNumberToObject(o, "neurons", (double)l->neurons);
	add_pair(o, "spikes", spikes[0], spikes[1]);
	add_pair(o, "rates", spikes[0] / values, spikes[1] / values);
	cJSON_AddNumberToObject(o, "drift", (spikes[1] - spikes[0]) / values);
	cJSON_AddNumberToObject(o, "distance",
				pairs_distance(rates, rates + l->neurons, l->neurons));
	cJSON_AddNumberToObject(o, "differing", (double)l->differing / values);
	cJSON_AddNumberToObject(o, "recordings", (double)l->recordings);
	cJSON_AddItemToObject(o, "first", place_json(c, l));
	return o;
}

static bool add_layers(const struct comparison *c, cJSON *o)
{
	cJSON *list = cJSON_AddArrayToObject(o, "layers"), *first = NULL;
	bool good = true;

	for (uint32_t i = 0; good && i < c->layer_count; i++) {
		const struct compare_layer *l = &c->layers[i];
		double *rates;

		if (!compare_is_compared(l))
			continue;
		rates = malloc((2 * l->neurons + 1) * sizeof(*rates));
		good = rates != NULL;
		if (good)
			cJSON_AddItemToArray(list, layer_json(c, l, rates));
		free(rates);
		if (l->recordings && !first) {
			first = place_json(c, l);
			cJSON_AddStringToObject(first, "layer", l->name);
		}
	}
	cJSON_AddItemToObject(o, "first_difference", first ? first : cJSON_CreateNull());
	return good;
}

static void add_others(const struct comparison *c, cJSON *o)
{
	cJSON *only = cJSON_AddArrayToObject(o, "only"), *lists[2], *unlike;

	for (int m = 0; m < 2; m++)
		cJSON_AddItemToArray(only, lists[m] = cJSON_CreateArray());
	unlike = cJSON_AddArrayToObject(o, "not_compared");
	for (uint32_t i = 0; i < c->layer_count; i++) {
		const struct compare_layer *l = &c->layers[i];

		for (int m = 0; m < 2; m++)
			if (l->in[m] && !l->in[!m])
				cJSON_AddItemToArray(lists[m], cJSON_CreateString(l->name));
		if (l->unlike) {
			cJSON *item = cJSON_CreateObject();

			cJSON_AddStringToObject(item, "name", l->name);
			cJSON_AddStringToObject(item, "reason", l->unlike);
			cJSON_AddItemToArray(unlike, item);
		}
	}
}

cJSON *compare_document(const struct comparison *c, char **paths)
{
	cJSON *o = cJSON_CreateObject(), *models;
	bool good;

	cJSON_AddStringToObject(o, "kind", "comparison");
	cJSON_AddNumberToObject(o, "recordings", (double)c->data.count);
	cJSON_AddNumberToObject(o, "steps", c->steps);
	models = cJSON_AddArrayToObject(o, "models");
	for (int m = 0; m < 2; m++)
		cJSON_AddItemToArray(models, model_json(c, m, paths[m]));
	add_accuracy(c, o);
	add_answers(c, o);
	good = add_layers(c, o);
	add_others(c, o);
	cli_put_recordings(o, &c->seen);
	if (good)
		return o;
	cJSON_Delete(o);
	return NULL;
}

/* ---- text ---- */

static const cJSON *get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

static double number(const cJSON *o, const char *key)
{
	return cJSON_GetNumberValue(get(o, key));
}

static double item(const cJSON *o, const char *key, int index)
{
	return cJSON_GetNumberValue(cJSON_GetArrayItem(get(o, key), index));
}

static const char *text(const cJSON *o, const char *key)
{
	return cJSON_GetStringValue(get(o, key));
}

static void print_row(const char *what, const char *format, double a, double b)
{
	char first[32], second[32];

	snprintf(first, sizeof(first), format, a);
	snprintf(second, sizeof(second), format, b);
	printf("%-28s %14s %14s", what, first, second);
}

/* How many times the first is the second's, where that says something. */
static void print_ratio(double a, double b)
{
	if (a > 0 && b > 0)
		printf("   %.2fx", a / b);
	printf("\n");
}

static void print_models(const cJSON *document)
{
	static const struct {
		const char *what, *key, *format;
	} rows[] = {
		{ "bytes", "model_bytes", "%.0f" },
		{ "bits per weight", "avg_weight_bits", "%.3f" },
		{ "uJ, weights from DRAM", "energy_uj", "%.3f" },
		{ "uJ, weights on the chip", "energy_resident_uj", "%.3f" },
	};
	const cJSON *a = cJSON_GetArrayItem(get(document, "models"), 0), *b = a->next;
	const cJSON *accuracy = get(document, "accuracy");
	char name[256];

	printf("A: %s (%s)\n", text_printable(text(a, "path"), name, sizeof(name)),
	       text(a, "arithmetic"));
	printf("B: %s (%s)\n\n", text_printable(text(b, "path"), name, sizeof(name)),
	       text(b, "arithmetic"));
	printf("%-28s %14s %14s   B against A\n", "", "A", "B");
	snprintf(name, sizeof(name), "right of %.0f", number(document, "recordings"));
	print_row(name, "%.0f", number(a, "correct"), number(b, "correct"));
	printf("   %+.2f %% (95 %%: %+.2f to %+.2f), lost %.0f, won %.0f, p = %.2g\n",
	       100 * number(accuracy, "difference"), 100 * number(accuracy, "least"),
	       100 * number(accuracy, "most"), number(accuracy, "lost"), number(accuracy, "won"),
	       number(accuracy, "p"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double first = number(a, rows[i].key), second = number(b, rows[i].key);

		print_row(rows[i].what, rows[i].format, first, second);
		print_ratio(first, second);
	}
}

static void print_answers(const cJSON *document)
{
	const cJSON *list = get(document, "changed"), *answer;
	int all = cJSON_GetArraySize(list), shown = 0;
	char name[256];

	printf("\n%d of %.0f answer%s changed%s\n", all, number(document, "recordings"),
	       text_s(number(document, "recordings")), all ? ":" : "");
	cJSON_ArrayForEach(answer, list) {
		if (shown++ == SHOWN_ANSWERS) {
			printf("  and %d more (--json has all)\n", all - SHOWN_ANSWERS);
			break;
		}
		printf("  %-40s label %.0f: %.0f -> %.0f\n",
		       text_printable(text(answer, "path"), name, sizeof(name)),
		       number(answer, "label"), item(answer, "classes", 0),
		       item(answer, "classes", 1));
	}
}

static void print_first(const cJSON *first)
{
	char layer[256], path[256];

	if (cJSON_IsNull(first)) {
		printf("\nno layer that both have differs in any spike\n");
		return;
	}
	printf("\nspikes differ from layer %s on: first in step %.0f of recording %.0f (%s)\n",
	       text_printable(text(first, "layer"), layer, sizeof(layer)), number(first, "step"),
	       number(first, "recording"), text_printable(text(first, "path"), path, sizeof(path)));
}

static void print_layers(const cJSON *document)
{
	const cJSON *l;
	char name[256];

	if (!cJSON_GetArraySize(get(document, "layers")))
		return;
	printf("\n%-20s %9s %9s %9s %9s %10s %12s  first at\n%-20s %9s %9s %9s %9s %10s %12s  "
	       "recording, step\n",
	       "layer", "neurons", "rate A", "rate B", "drift", "distance", "differing", "", "",
	       "%", "%", "%", "%", "%");
	cJSON_ArrayForEach(l, get(document, "layers")) {
		const cJSON *first = get(l, "first");

		printf("%-20.20s %9.0f %9.3f %9.3f %+9.3f %10.3f %12.4f",
		       text_printable(text(l, "name"), name, sizeof(name)), number(l, "neurons"),
		       100 * item(l, "rates", 0), 100 * item(l, "rates", 1),
		       100 * number(l, "drift"), 100 * number(l, "distance"),
		       100 * number(l, "differing"));
		if (cJSON_IsNull(first))
			printf("  -\n");
		else
			printf("  %.0f, %.0f\n", number(first, "recording"), number(first, "step"));
	}
}

static void print_others(const cJSON *document)
{
	const cJSON *o;
	char name[256];

	for (int m = 0; m < 2; m++)
		cJSON_ArrayForEach(o, cJSON_GetArrayItem(get(document, "only"), m))
			printf("only %c has layer %s\n", 'A' + m,
			       text_printable(o->valuestring, name, sizeof(name)));
	cJSON_ArrayForEach(o, get(document, "not_compared"))
		printf("layer %s is not compared: %s\n",
		       text_printable(text(o, "name"), name, sizeof(name)), text(o, "reason"));
}

void compare_print(const cJSON *document)
{
	print_models(document);
	print_answers(document);
	print_first(get(document, "first_difference"));
	print_layers(document);
	print_others(document);
}
