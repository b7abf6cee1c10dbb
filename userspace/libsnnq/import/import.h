/* SPDX-License-Identifier: MIT */
/*
 * import.h - foreign networks between their readers and the writer of .snnq.
 *
 * Readers (SLAYER folders, lava-dl .net) fill struct import_net from untrusted
 * files; import_build() checks that it makes sense and writes the model. NIR
 * graphs are float networks and become models by themselves.
 */
#ifndef SNNQ_IMPORT_H
#define SNNQ_IMPORT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq_tools.h"

#define IMPORT_MAX_DIMS	    6
#define IMPORT_MAX_LAYERS   64
#define IMPORT_MAX_ELEMENTS ((size_t)1 << 28)
#define IMPORT_VALUE_PLANES 8u /* of values, where nobody says */

/* An array of numbers; integers up to 2^53 are exact. */
struct import_array {
	double *values;
	size_t count;
	uint32_t dims, shape[IMPORT_MAX_DIMS];
};

/* Loihi's neuron constants. */
struct import_neuron {
	uint32_t threshold_mantissa, current_decay, voltage_decay;
	int32_t weight_exponent;
};

struct import_layer {
	enum import_kind { IMPORT_DENSE, IMPORT_CONV, IMPORT_POOL } kind;
	char name[32];
	struct import_array weight;    /* DENSE: out, in. CONV: out, in, kh, kw. POOL: kh, kw */
	struct import_array bias;      /* count 0: none */
	struct import_array recurrent; /* DENSE: out, out, of its spikes the step before; or none */
	bool no_neuron;		       /* its weighted sums are what it puts out */
	struct import_array delay; /* of spikes, in steps: one or one a channel; count 0: none */
	/* in place of the neuron's decays: one a channel; count 0: those hold */
	struct import_array current_decays, voltage_decays;
	uint32_t stride[2], padding[2], dilation[2], groups;
	uint32_t said[3]; /* channels, height, width out, as the source says; 0: not */
	struct import_neuron neuron;
	uint32_t restart_offset; /* of the net's restarts; import_build() sets it */
};

struct import_net {
	char name[64], source[32];
	struct import_layer *layers;
	uint32_t layer_count;
	uint32_t height, width, polarities; /* of the input; 0 = unknown */
	uint32_t steps, step_us;
	uint32_t restart_period,
		restart_offset; /* of the first layer; period 0: neurons never do */
	enum snnq_import_input input;
	uint32_t planes;  /* of values */
	double scale;	  /* of values; 0: integers */
	uint32_t average; /* outputs, each the mean of so many neighbours; 0: the last layer's */
	bool compare_ge, no_delay, skip_first, spikes_in;
	const struct snnq_import_opts *opts; /* for notes */
	double readout_scale;		     /* of the readout */
};

/* Readers: 0 or -errno with the error set. @net is zeroed; free it in any case. */
int import_slayer(const char *folder, struct import_net *net);
int import_npy_read(const char *path, struct import_array *array);
void import_net_free(struct import_net *net);
void import_array_free(struct import_array *array);
/* Add a zeroed layer. @path is for messages: there are too many, or no memory. */
int import_add_layer(struct import_net *net, const char *path, enum import_kind kind,
		     const char *name, struct import_layer **layer);

/* Tell whoever imports what was folded or changed, in a sentence. */
void import_note(const struct snnq_import_opts *opts, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Parts of every model's graph: its first keys; classes named by numbers; "@key": [@h, @w]. */
void import_put_head(cJSON *graph, const char *arithmetic, const char *name, const char *source);
void import_put_classes(cJSON *graph, uint32_t count);
/* The keys of an input of values: an image of @channels x @height x @width. */
void import_put_values(cJSON *input, const uint64_t map[3], bool flat, bool frames, uint32_t planes,
		       uint32_t steps);
void import_put_pair(cJSON *layer, const char *key, uint32_t h, uint32_t w);

/* Check the network and write the model. */
int import_build(struct import_net *net, const char *out);

#endif /* SNNQ_IMPORT_H */
