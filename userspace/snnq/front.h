/* SPDX-License-Identifier: MIT */
/* front.h - documents of searches: what a bit more or less costs, and points to pick later. */
#ifndef SNNQ_CLI_FRONT_H
#define SNNQ_CLI_FRONT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "snnq_tools.h"

/* Write a document as it is. Returns an exit code. */
int front_write(const char *document, const char *path);
/* A table of what the next option with fewer and with more bits costs in each layer. */
void front_explain(const cJSON *document);
/* The same as JSON. */
cJSON *front_explained(const cJSON *document);

/* A point of a document that front_write() wrote. */
struct front_pick {
	cJSON *document; /* that the choices point into */
	const cJSON *point;
	/* what models turned out to have more than their points say; others will, too */
	double more_bytes, more_energy;
	struct snnq_layer_choice *choices;
	size_t count;
	const char *model_hash;
};

/*
 * The point with number @number (from 0), or without one (negative) that of the least loss within
 * the targets, 0 where there is none. Returns an exit code; then free it.
 */
int front_pick(const char *path, int64_t number, const struct snnq_quantize_opts *targets,
	       struct front_pick *pick);
/* What was made of the point exceeds the targets: another one, likewise. */
int front_pick_less(const char *path, const struct snnq_quantize_opts *targets,
		    const struct snnq_quantize_quality *found, struct front_pick *pick);
void front_pick_free(struct front_pick *pick);

#endif /* SNNQ_CLI_FRONT_H */
