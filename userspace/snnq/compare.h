/* SPDX-License-Identifier: MIT */
/*
 * compare.h - two models on the same recordings: what they answer, and where their spikes part.
 */
#ifndef SNNQ_COMPARE_H
#define SNNQ_COMPARE_H

#include "cli.h"

#define COMPARE_NAME 200

/* A layer of either model, or of both. */
struct compare_layer {
	char name[COMPARE_NAME];
	bool in[2];		/* which of the models have it */
	uint32_t index[2];	/* there */
	const char *unlike;	/* why it is not compared though both have it; or NULL */
	uint64_t neurons;	/* of what follows only those that are compared have something */
	int64_t *sums[2];	/* [neurons] spikes of all recordings */
	uint64_t differing;	/* values: neurons by steps by recordings */
	uint64_t recordings;	/* in which a value differs, */
	size_t first_recording; /*	the first of them, */
	uint32_t first_step;	/*	and where in it */
};

struct comparison {
	struct cli_session sessions[2];
	struct cli_dataset data;
	uint32_t *classes[2]; /* [data.count] answers */
	struct compare_layer *layers;
	uint32_t layer_count;
	uint32_t steps;
	struct snnq_recordings seen;
};

static inline bool compare_is_compared(const struct compare_layer *l)
{
	return l->in[0] && l->in[1] && !l->unlike;
}

/* ---- compare_run.c ---- */

/* Find the layers of both models, which are loaded. Returns an exit code, as the next. */
int compare_layers(struct comparison *c);
/* Run both on all recordings, @threads at a time. */
int compare_run(struct comparison *c, uint32_t threads);
void compare_free(struct comparison *c);

/* ---- compare_report.c ---- */

/* What the comparison says, as Documentation/compare.schema.json has it; NULL: no memory. */
cJSON *compare_document(const struct comparison *c, char **paths);
/* The same for people. */
void compare_print(const cJSON *document);

#endif /* SNNQ_COMPARE_H */
