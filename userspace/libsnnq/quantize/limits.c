// SPDX-License-Identifier: MIT
/*
 * limits.c - what the options say about a layer's grid.
 */
#include "quantize/limits.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define MOST_BITS 8u

/* ---- layers ---- */

/* How closely what is said of @pattern (NULL: all layers) concerns a layer; what does more counts. */
enum rank { NOT_MEANT, ALL_LAYERS, BY_PATTERN, BY_NAME };

static enum rank rank_of(const char *pattern, const char *name)
{
	if (!pattern)
		return ALL_LAYERS;
	if (!strcmp(pattern, name))
		return BY_NAME;
	return fnmatch(pattern, name, 0) ? NOT_MEANT : BY_PATTERN;
}

static int check_layer(const struct session *s, const char *pattern)
{
	char names[160] = "";
	size_t at = 0;

	for (uint32_t i = 0; i < s->weighted_count; i++) {
		const char *name = s->graph.layers[s->weighted[i]].name;

		if (rank_of(pattern, name))
			return 0;
		if (at < sizeof(names))
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
					       i ? ", " : "", name);
	}
	if (at >= sizeof(names)) /* cut */
		memcpy(names + sizeof(names) - 4, "...", 4);
	return error_set(-EINVAL, "%s: no layer with weights is named \"%s\", expected one of %s",
			 s->path, pattern, names);
}

const struct snnq_layer_choice *limits_choice(const struct snnq_quantize_opts *o, const char *name)
{
	const struct snnq_layer_choice *found = NULL;
	enum rank best = ALL_LAYERS;

	for (size_t i = 0; i < o->choice_count; i++) {
		enum rank rank = rank_of(o->choices[i].layer, name);

		if (rank < best)
			continue;
		best = rank;
		found = &o->choices[i];
	}
	return found;
}

struct limits limits_of(const struct snnq_quantize_opts *o, const char *name)
{
	struct limits l = { o->schemes, 1, MOST_BITS };

	for (enum rank rank = ALL_LAYERS; rank <= BY_NAME; rank++)
		for (size_t i = 0; i < o->limit_count; i++) {
			const struct snnq_layer_limit *n = &o->limits[i];

			if (rank_of(n->layer, name) != rank)
				continue;
			l.schemes = n->schemes ? n->schemes : l.schemes;
			l.min_bits = n->min_bits ? n->min_bits : l.min_bits;
			l.max_bits = n->max_bits ? n->max_bits : l.max_bits;
		}
	return l;
}

/* ---- schemes ---- */

/* The item of a list that begins at @at is @name. */
static bool is_item(const char *at, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(at, name, n) && (!at[n] || at[n] == ',');
}

static const char *next_item(const char *at)
{
	at = strchr(at, ',');
	return at ? at + 1 : NULL;
}

bool limits_named(const char *list, const char *scheme)
{
	for (const char *at = list; at; at = next_item(at))
		if (is_item(at, scheme))
			return true;
	return !list;
}

static int check_schemes(const struct session *s, const char *list)
{
	for (const char *at = list; at; at = next_item(at)) {
		bool known = false;

		for (uint32_t n = SNNQ_SCHEME_NONE + 1; n <= SNNQ_SCHEME_TERNARY; n++)
			known |= is_item(at, grid_scheme_name(n));
		if (!known)
			return error_set(-EINVAL,
					 "%s: schemes: expected names of uniform, odd, pot, apot "
					 "and ternary, separated by commas, found \"%s\"",
					 s->path, at);
	}
	return 0;
}

/* ---- what was asked for ---- */

static int check_choice(const struct session *s, const struct snnq_layer_choice *c)
{
	const char *name = c->layer ? c->layer : "default";
	struct grid grid;

	if (!c->scheme || !grid_init(&grid, grid_scheme(c->scheme), c->bits))
		return error_set(-EINVAL,
				 "%s: %s: expected uniform:1..8, pot:2..5, "
				 "odd:1..8, apot:3..5 or ternary:2, found %s:%u",
				 s->path, name, c->scheme ? c->scheme : "nothing", c->bits);
	if (!snnq_scheme_ok(&s->caps, grid.scheme, grid.bits))
		return error_set(-EOPNOTSUPP, "%s: %s: the device has no %s:%u", s->path, name,
				 c->scheme, c->bits);
	return c->layer ? check_layer(s, c->layer) : 0;
}

static int check_limit(const struct session *s, const struct snnq_layer_limit *l)
{
	uint32_t most = l->min_bits > l->max_bits ? l->min_bits : l->max_bits;
	int ret = l->layer ? check_layer(s, l->layer) : 0;

	if (!ret && most > MOST_BITS)
		ret = error_set(-EINVAL, "%s: %s: expected limits of 1 to %u bits, found %u",
				s->path, l->layer ? l->layer : "all layers", MOST_BITS, most);
	return ret ? ret : check_schemes(s, l->schemes);
}

int limits_check(const struct session *s)
{
	const struct snnq_quantize_opts *o = s->opts;
	int ret = check_schemes(s, o->schemes);

	for (size_t i = 0; !ret && i < o->choice_count; i++)
		ret = check_choice(s, &o->choices[i]);
	for (size_t i = 0; !ret && i < o->limit_count; i++)
		ret = check_limit(s, &o->limits[i]);
	for (uint32_t i = 0; !ret && i < s->weighted_count; i++) {
		const char *name = s->graph.layers[s->weighted[i]].name;
		struct limits l = limits_of(o, name);

		if (l.min_bits > l.max_bits)
			ret = error_set(-EINVAL,
					"%s: layer %s: expected at least %u and at most %u bits, "
					"which no grid has",
					s->path, name, l.min_bits, l.max_bits);
	}
	return ret;
}
