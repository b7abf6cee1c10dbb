/* SPDX-License-Identifier: MIT */
/*
 * compile.h - an integer graph as a program for the coprocessor.
 *
 * Layer i of the graph is layer i of the program; the readout and, with taps,
 * copies of layer outputs follow. User regions: weights (when there are any),
 * input, readout, taps (with taps).
 */
#ifndef SNNQ_COMPILE_H
#define SNNQ_COMPILE_H

#include "graph.h"
#include "snnq_validate.h"

struct compiled {
	void *program;
	size_t program_bytes;
	struct snnq_program_info info;
	void *weights; /* image of the weights region */
	__u64 weights_bytes;
	int weights_region, input_region, readout_region, taps_region; /* user numbers or -1 */
	__u64 input_step_bytes, taps_step_bytes, readout_bytes;
	struct snnq_tensor *taps; /* per graph layer: where its copy lies */
	__u64 *offsets;		  /* per graph layer: of its output in scratch */
};

struct compile_opts {
	uint32_t max_steps, tile_steps; /* 0: the model's, chosen */
	bool taps;
	const struct snnq_caps *caps;
};

/* 0, -ENOMEM, or an error of the validator, explained with the layer's name. */
int compile_graph(const char *path, const struct graph *graph, const struct compile_opts *opts,
		  struct compiled *compiled);
void compile_free(struct compiled *compiled);

#endif /* SNNQ_COMPILE_H */
