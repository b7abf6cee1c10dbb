// SPDX-License-Identifier: MIT
/*
 * graph_read.c - values of a graph's JSON, and the tensors that they name, each checked as it is read.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "graph_read.h"

#define MAX_NAME 200u

void complain(struct parser *p, const char *format, ...)
{
	char text[300];
	va_list args;

	if (p->error)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	p->error = error_set(-EBADMSG, "%s: %s: %s", p->path, p->where, text);
}

const cJSON *member(const cJSON *node, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(node, key);
}

const char *found(struct parser *p, const cJSON *item)
{
	size_t size = sizeof(p->found);

	if (!item)
		snprintf(p->found, size, "nothing");
	else if (cJSON_IsNumber(item))
		snprintf(p->found, size, "%.10g", item->valuedouble);
	else if (cJSON_IsString(item))
		snprintf(p->found, size, "\"%.40s\"", item->valuestring);
	else if (cJSON_IsArray(item))
		snprintf(p->found, size, "an array of %d", cJSON_GetArraySize(item));
	else
		snprintf(p->found, size,
			 cJSON_IsObject(item) ? "an object" : "true, false or null");
	return p->found;
}

static int64_t read_integer_of(struct parser *p, const cJSON *item, const char *key, int64_t low,
			       int64_t high)
{
	if (!cJSON_IsNumber(item) || item->valuedouble != floor(item->valuedouble) ||
	    item->valuedouble < (double)low || item->valuedouble > (double)high) {
		complain(p, "%s: expected an integer from %" PRId64 " to %" PRId64 ", found %s",
			 key, low, high, found(p, item));
		return low;
	}
	return (int64_t)item->valuedouble;
}

int64_t read_integer(struct parser *p, const cJSON *node, const char *key, int64_t low,
		     int64_t high)
{
	return read_integer_of(p, member(node, key), key, low, high);
}

int64_t read_default(struct parser *p, const cJSON *node, const char *key, int64_t low,
		     int64_t high, int64_t absent)
{
	return member(node, key) ? read_integer(p, node, key, low, high) : absent;
}

bool read_flag(struct parser *p, const cJSON *node, const char *key)
{
	const cJSON *item = member(node, key);

	if (item && !cJSON_IsBool(item))
		complain(p, "%s: expected true or false, found %s", key, found(p, item));
	return cJSON_IsTrue(item);
}

const char *read_string(struct parser *p, const cJSON *node, const char *key)
{
	const cJSON *item = member(node, key);

	if (cJSON_IsString(item))
		return item->valuestring;
	complain(p, "%s: expected a string, found %s", key, found(p, item));
	return "";
}

const char *read_name(struct parser *p, const char *name)
{
	size_t length = strlen(name);

	if (length > MAX_NAME)
		complain(p, "name: expected at most %u bytes, found %zu", MAX_NAME, length);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			complain(p, "name: byte %zu is a control character", i);
	return name;
}

uint32_t read_word(struct parser *p, const cJSON *node, const char *key, const struct word *words,
		   bool optional)
{
	const char *text;

	if (optional && !member(node, key))
		return words[0].value;
	text = read_string(p, node, key);
	for (const struct word *w = words; w->name; w++)
		if (!strcmp(w->name, text))
			return w->value;
	complain(p, "%s: \"%s\" is not known", key, text);
	return 0;
}

/* A list that is known to have so many elements. */
void read_list(struct parser *p, const cJSON *node, const char *key, int64_t low, int64_t high,
	       int count, uint32_t *list)
{
	for (int i = 0; i < count; i++)
		list[i] = (uint32_t)read_integer_of(p, cJSON_GetArrayItem(member(node, key), i),
						    key, low, high);
}

void read_pair(struct parser *p, const cJSON *node, const char *key, int64_t low, int64_t high,
	       int64_t absent, uint32_t pair[2])
{
	const cJSON *item = member(node, key);

	pair[0] = pair[1] = (uint32_t)absent;
	if (!item && absent >= 0)
		return;
	if (!cJSON_IsArray(item) || cJSON_GetArraySize(item) != 2) {
		complain(p, "%s: expected a pair [vertical, horizontal], found %s", key,
			 found(p, item));
		return;
	}
	read_list(p, node, key, low, high, 2, pair);
}

const struct tensor *read_tensor(struct parser *p, const char *name, const char *key)
{
	const struct tensor *t = modelfile_find(p->file, name);

	if (!t)
		complain(p, "%s: there is no tensor \"%s\"", key, name);
	p->weights.named |= !strcmp(name, p->weights.name);
	p->numbers.named |= !strcmp(name, p->numbers.name);
	return t;
}

/* "[6, 8]" */
static const char *shape_text(char text[80], uint32_t dims, const uint64_t *shape)
{
	size_t n = 1;

	strcpy(text, "[");
	for (uint32_t i = 0; i < dims && n < 56; i++)
		n += (size_t)snprintf(text + n, 80 - n, "%s%" PRIu64, i ? ", " : "", shape[i]);
	snprintf(text + n, 80 - n, "]");
	return text;
}

void check_shape(struct parser *p, const char *key, const struct tensor *t, uint32_t dims,
		 const uint64_t *shape)
{
	char want[80], is[80];

	if (!p->error && (t->dims != dims || memcmp(t->shape, shape, dims * sizeof(*shape))))
		complain(p, "%s: tensor %s: expected shape %s, found %s", key, t->name,
			 shape_text(want, dims, shape), shape_text(is, t->dims, t->shape));
}

void only_keys(struct parser *p, const cJSON *node, const char *what, const char *keys)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, node) {
		const char *key = item->string ? item->string : "", *at = keys;
		size_t n = strlen(key);

		while (at && (strncmp(at, key, n) || (at[n] && at[n] != ' '))) {
			at = strchr(at, ' ');
			if (at)
				at++;
		}
		if (strncmp(key, "x-", 2) && (!n || !at))
			complain(p, "%s: key \"%.40s\" is not known here; expected some of %s",
				 what, key, keys);
	}
}

/* ---- parts of shared tensors ---- */

const struct tensor *take_part(struct parser *p, struct shared *s, const char *key, uint64_t count)
{
	const struct tensor *all = modelfile_find(p->file, s->name);
	struct tensor *part = &p->graph->parts[p->graph->part_count];
	uint64_t bytes;

	if (!all || all->dtype != s->dtype) {
		complain(p, "%s: expected a tensor \"%s\" of %s to take it from, found %s", key,
			 s->name, s->dtype == DTYPE_U8 ? "U8" : "I16",
			 all ? all->type_name : "nothing");
		return NULL;
	}
	if (__builtin_mul_overflow(count, s->element, &bytes) || bytes > all->bytes - s->taken) {
		complain(p,
			 "%s: expected %" PRIu64 " elements from byte %" PRIu64 " of tensor %s, "
			 "found %" PRIu64,
			 key, count, s->taken, s->name, (all->bytes - s->taken) / s->element);
		return NULL;
	}
	*part = *all;
	part->dims = 1;
	part->shape[0] = count;
	part->data = (const char *)all->data + s->taken;
	part->bytes = bytes;
	s->taken += bytes;
	p->graph->part_count++;
	return part;
}

void check_taken(struct parser *p, const struct shared *s)
{
	const struct tensor *all = modelfile_find(p->file, s->name);

	p->where = s->name;
	if (all && (s->taken || !s->named) && s->taken != all->bytes)
		complain(p, "expected %" PRIu64 " bytes by the layers, found %" PRIu64, s->taken,
			 all->bytes);
}

/* ---- numbers per channel ---- */

static bool is_integer_type(const struct tensor *t)
{
	return t->dtype == DTYPE_I16 || t->dtype == DTYPE_I32;
}

void read_numbers(struct parser *p, const cJSON *node, const char *key, uint32_t channels,
		  bool required, struct graph_numbers *n)
{
	read_table(p, node, key, channels, required, p->graph->integer, n);
}

void read_table(struct parser *p, const cJSON *node, const char *key, uint32_t channels,
		bool required, bool integer, struct graph_numbers *n)
{
	const cJSON *item = member(node, key);

	*n = (struct graph_numbers){ 0 };
	if (!item && !required)
		return;
	if (cJSON_IsNumber(item)) {
		n->count = 1;
		n->value = item->valuedouble;
		if (integer && (n->value != floor(n->value) || fabs(n->value) > INT32_MAX))
			complain(p, "%s: expected a 32-bit integer, found %g", key, n->value);
		return;
	}
	if (p->graph->integer && cJSON_IsTrue(item)) {
		n->tensor = take_part(p, &p->numbers, key, channels);
		n->count = channels;
		return;
	}
	if (!cJSON_IsString(item)) {
		complain(p, "%s: expected a number or the name of a tensor, found %s", key,
			 found(p, item));
		return;
	}
	n->tensor = read_tensor(p, item->valuestring, key);
	if (!n->tensor)
		return;
	n->count = channels;
	if (integer ? !is_integer_type(n->tensor) : !tensor_is_real(n->tensor))
		complain(p, "%s: tensor %s: expected %s, found %s", key, n->tensor->name,
			 integer ? "I16 or I32" : "F32, F16 or BF16", n->tensor->type_name);
	check_shape(p, key, n->tensor, 1, &(uint64_t){ channels });
}

/* ---- of what was read ---- */

int32_t graph_number(const struct graph_numbers *n, uint32_t channel)
{
	return n->tensor ? tensor_int(n->tensor, channel) : (int32_t)n->value;
}

double graph_real(const struct graph_numbers *n, uint32_t channel)
{
	if (!n->count)
		return 0;
	return n->tensor ? tensor_real(n->tensor, channel) : n->value;
}

const struct graph_shape *graph_shape(const struct graph *g, int layer)
{
	return layer == GRAPH_INPUT ? &g->input.shape : &g->layers[layer].out;
}
