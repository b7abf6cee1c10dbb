/* SPDX-License-Identifier: MIT */
/*
 * snnq_tools.h - libsnnq for tools: making models.
 *
 * Conventions as in snnq.h: 0 or -errno, the text of a failure in
 * snnq_last_error(NULL). Output files appear complete or not at all.
 */
#ifndef SNNQ_TOOLS_H
#define SNNQ_TOOLS_H

#include "snnq.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Describe a model file, float or integer, as a JSON document (product keys:
 * params, layers[], sizes, ratios). @json is freed with free().
 */
int snnq_describe(const char *path, char **json);

struct snnq_import_opts {
	size_t size;
	const char *name;	/* of the model; NULL: from the file's name */
	uint32_t width, height;	/* of the input; 0: as the source says, or square */
	uint32_t polarities;	/* of the input, 0 = 2 */
	uint32_t steps;		/* time steps; 0: as the source says */
	/*
	 * What .net files do not say: how their producer computes. All false is the
	 * chip: fire above the threshold, spikes one step late, all steps alike.
	 */
	bool compare_ge;	/* fire at the threshold, as the training code does */
	bool no_delay;		/* layers see spikes in the same step */
	bool skip_first;	/* the first step is empty */
};

/*
 * Import a network: a SLAYER folder (network.yaml and .npy weights) or a lava-dl
 * .net file. Integer weights are kept exactly, in the smallest scheme that holds them.
 */
int snnq_import(const char *in, const char *out, const struct snnq_import_opts *opts);

/* Scheme and bits of a layer; @layer NULL: of all layers that are not named. */
struct snnq_layer_choice {
	const char *layer, *scheme;
	uint32_t bits;
};

struct snnq_quantize_layer {
	const char *name, *scheme;
	uint32_t bits, shift;		/* shift: F of the neuron, or S without one */
	double sqnr_db;			/* of the weights, weighted as the grid was chosen */
	uint64_t weight_bytes;
};

struct snnq_quantize_opts {
	size_t size;
	const struct snnq_layer_choice *choices;
	size_t choice_count;
	/* Recordings for calibration; none: all inputs weigh the same. */
	const char *const *calibration;
	size_t calibration_count;
	const char *calibration_name;	/* for the record in the model; may be NULL */
	/* Called for each layer when it is done; may be NULL. */
	void (*report)(void *ctx, const struct snnq_quantize_layer *layer, uint32_t done,
		       uint32_t total);
	void *report_ctx;
};

/* Round a float model to integers; see Documentation/man/snnq-quantize.1. */
int snnq_quantize(const char *in, const char *out, const struct snnq_quantize_opts *opts);

enum snnq_validate_result {
	SNNQ_VALIDATE_PASSED, SNNQ_VALIDATE_FAILED,
	SNNQ_VALIDATE_SKIPPED,	/* the device does not support what the case needs */
};

struct snnq_validate_opts {
	size_t size;
	/* Called for each case. @detail: why it did not pass. */
	void (*report)(void *ctx, const char *name, enum snnq_validate_result result,
		       const char *detail, uint32_t done, uint32_t total);
	void *report_ctx;
};

/* Run a file of golden vectors on a device. 0 when all ran (passed or not), or -errno. */
int snnq_validate(struct snnq_device *dev, const char *path,
		  const struct snnq_validate_opts *opts);

#ifdef __cplusplus
}
#endif

#endif /* SNNQ_TOOLS_H */
