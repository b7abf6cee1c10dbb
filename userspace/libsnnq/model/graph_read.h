/* SPDX-License-Identifier: MIT */
/* graph_read.h - how graph.c reads JSON and tensors: every value is checked, every fault has a name. */
#ifndef SNNQ_GRAPH_READ_H
#define SNNQ_GRAPH_READ_H

#include "graph.h"

/* A tensor of which layers take their part in order, instead of naming one of their own. */
struct shared {
	const char *name;
	enum dtype dtype;
	uint64_t element, taken; /* bytes */
	bool named;		 /* by a layer, as its own */
};

/* All calls return something harmless once @error is set, which the first complaint sets. */
struct parser {
	const char *path;
	const struct modelfile *file;
	struct graph *graph;
	const char *where; /* layer's name, "input", ... */
	char found[64];	   /* of the last message */
	struct shared weights, numbers;
	int error;
};

struct word {
	const char *name;
	uint32_t value;
};

/* The first complaint counts: it becomes the error, with file and place before it. */
__attribute__((format(printf, 2, 3))) void complain(struct parser *p, const char *format, ...);
/* NULL where there is none. */
const cJSON *member(const cJSON *node, const char *key);
/* What a message says was found. */
const char *found(struct parser *p, const cJSON *item);
int64_t read_integer(struct parser *p, const cJSON *node, const char *key, int64_t low,
		     int64_t high);
int64_t read_default(struct parser *p, const cJSON *node, const char *key, int64_t low,
		     int64_t high, int64_t absent);
bool read_flag(struct parser *p, const cJSON *node, const char *key);
const char *read_string(struct parser *p, const cJSON *node, const char *key);
/* Names reach terminals and become names of files and tensors. */
const char *read_name(struct parser *p, const char *name);
/* One of @words; the first is the default when @optional. */
uint32_t read_word(struct parser *p, const cJSON *node, const char *key, const struct word *words,
		   bool optional);
/* A pair [vertical, horizontal]; @absent below 0: there must be one. */
void read_list(struct parser *p, const cJSON *node, const char *key, int64_t low, int64_t high,
	       int count, uint32_t *list);
void read_pair(struct parser *p, const cJSON *node, const char *key, int64_t low, int64_t high,
	       int64_t absent, uint32_t pair[2]);
/* A number for all @channels, the name of a tensor of them, or true: the next of the shared one. */
void read_numbers(struct parser *p, const cJSON *node, const char *key, uint32_t channels,
		  bool required, struct graph_numbers *n);
/* The same, whose numbers are @integer or real whatever the model's are. */
void read_table(struct parser *p, const cJSON *node, const char *key, uint32_t channels,
		bool required, bool integer, struct graph_numbers *n);
/* A key that nobody reads would be a setting that silently does nothing. */
void only_keys(struct parser *p, const cJSON *node, const char *what, const char *keys);

const struct tensor *read_tensor(struct parser *p, const char *name, const char *key);
/* As many elements in another shape are other numbers: [in, out] is not [out, in]. */
void check_shape(struct parser *p, const char *key, const struct tensor *t, uint32_t dims,
		 const uint64_t *shape);
/* The next @count elements of a shared tensor. */
const struct tensor *take_part(struct parser *p, struct shared *s, const char *key, uint64_t count);
/* All of a shared tensor is taken; one that only has this name is no matter of ours. */
void check_taken(struct parser *p, const struct shared *s);

#endif /* SNNQ_GRAPH_READ_H */
