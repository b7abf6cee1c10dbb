/* SPDX-License-Identifier: MIT */
/*
 * snnq_tools.h - libsnnq-tools: import, export and quantize networks, and what they cost.
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

/* What a network is given; see "values" in Documentation/model-format.md. */
enum snnq_import_input {
	SNNQ_IMPORT_AS_FOUND, /* events, but where a source tells that it is pictures */
	SNNQ_IMPORT_IMAGE,    /* values: an image, the same in all steps */
	SNNQ_IMPORT_FRAMES,   /* values: an image for each step */
};

struct snnq_import_opts {
	size_t size;
	const char *name;	/* of the model; NULL: from the file's name */
	uint32_t width, height; /* of the input; 0: as the source says, or square */
	uint32_t polarities;	/* of the input, 0 = 2; at most 255, but of values */
	uint32_t steps;		/* time steps; 0: as the source says */
	/*
	 * What .net files do not say: how their producer computes. All false is the
	 * chip: fire above the threshold, spikes one step late, all steps alike.
	 */
	bool compare_ge; /* fire at the threshold, as the training code does */
	bool no_delay;	 /* layers see spikes in the same step */
	bool skip_first; /* the first step is empty */
	bool spikes_in;	 /* events are what the input layer's neurons put out */
	/*
	 * Neurons start over before steps with step mod period = offset, each layer as many steps
	 * later as its spikes are; 0: never.
	 */
	uint32_t restart_period, restart_offset;
	/* What NIR graphs do not say. compare_ge is for them, too. */
	uint32_t step_us;    /* length of a step; 0: 1000 */
	uint32_t planes;     /* of the input: 0 and 1: spikes, more: counts; of values 0 is 8 */
	double dt;	     /* step of the equations in seconds; 0: that of step_us */
	bool reset_subtract; /* instead of to zero */
	bool old_current;    /* a membrane gets the current of the step before */
	bool transposed;     /* weights of linear nodes are (in, out) */
	/* What was folded, rounded or understood in one of several ways; NULL: nobody is told. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
	enum snnq_import_input input;
};

/*
 * Import a network: a SLAYER folder (network.yaml and .npy weights) or a lava-dl
 * .net file. Integer weights are kept exactly, in the smallest scheme that holds them.
 */
int snnq_import(const char *in, const char *out, const struct snnq_import_opts *opts);

struct snnq_export_info {
	uint32_t nodes, edges;
	char import_options[256]; /* by which snnq import gets the model back */
};

struct snnq_export_opts {
	size_t size;
	struct snnq_export_info *info; /* out: what was written; or NULL */
	/* What of the model the file does not say; NULL: nobody is told. */
	void (*note)(void *ctx, const char *text);
	void *note_ctx;
};

/*
 * Write a float model as a NIR graph (HDF5). Layers that NIR has no nodes for are refused, by name;
 * snnq_import() gets the same network back.
 */
int snnq_export(const char *in, const char *out, const struct snnq_export_opts *opts);

/*
 * Scheme and bits of a layer; @layer NULL: of all layers that are not named. A name may be a
 * pattern as fnmatch(3) knows them, without flags; whole names go before patterns, later patterns
 * before earlier ones.
 */
struct snnq_layer_choice {
	const char *layer, *scheme;
	uint32_t bits;
};

/* What a search may choose for a layer, or of a pattern, or of all (NULL): in the same order. */
struct snnq_layer_limit {
	const char *layer;
	const char *schemes;	     /* as those of the options; NULL: no limit here */
	uint32_t min_bits, max_bits; /* 0: no limit here */
};

struct snnq_quantize_layer {
	const char *name, *scheme;
	uint32_t bits, shift; /* shift: F of the neuron, or S without one */
	double sqnr_db;	      /* of the weights, signal to rounding noise */
	double wrong;	      /* share of steps with a wrong spike; NAN: not known */
	uint64_t weight_bytes;
};

/* What recordings were like that a tool read: sums, but for the three numbers of recordings. */
struct snnq_recordings {
	uint64_t count;
	uint64_t dropped_events, nonmonotonic, damaged_bytes; /* as of each, see snnq.h */
	/* That go back in time; whose end is damaged; that start behind the model's first window. */
	uint64_t unordered, damaged, far_from_origin;
	uint64_t clamped_values; /* of samples of values */
};

/* Add one: @dropped_events and @first_step are those of its first window's result. */
void snnq_recordings_add(struct snnq_recordings *all, struct snnq_events *events,
			 uint64_t dropped_events, uint64_t first_step);

enum snnq_quantize_method {
	/* To the nearest level; with recordings, scales weigh inputs by their mean square. */
	SNNQ_QUANTIZE_ROUND,
	/* Errors compensated, neurons adjusted to the float network's spikes. */
	SNNQ_QUANTIZE_COMPENSATE,
	/* The same, and the grids are chosen within the targets. */
	SNNQ_QUANTIZE_SEARCH,
	/*
	 * As others do it, to compare with; Documentation/quantization.md has what exactly, and
	 * whose it is. The first two are given grids; the others choose them within target_bits,
	 * and then compensate.
	 */
	SNNQ_QUANTIZE_GPTQ,
	SNNQ_QUANTIZE_SBC,
	SNNQ_QUANTIZE_GREEDY,
	SNNQ_QUANTIZE_BEAM,
	SNNQ_QUANTIZE_RANDOM,
};

/* Parts of compensating that can be left out, to see what each is worth. */
enum snnq_quantize_part {
	SNNQ_QUANTIZE_CENTRE = 1 << 0,	 /* errors weighted by covariances, not second moments */
	SNNQ_QUANTIZE_SORT = 1 << 1,	 /* the largest of them first */
	SNNQ_QUANTIZE_SCALE = 1 << 2,	 /* scales of least weighted error */
	SNNQ_QUANTIZE_FEEDBACK = 1 << 3, /* later weights make up for errors */
	SNNQ_QUANTIZE_DESCENT = 1 << 4,	 /* coordinate descent, scales refitted */
	SNNQ_QUANTIZE_BIAS = 1 << 5,	 /* the mean current stays what it was */
	SNNQ_QUANTIZE_NEURONS = 1 << 6,	 /* biases and thresholds are moved */
	SNNQ_QUANTIZE_AGAIN = 1 << 7,	 /* once more on the spikes of the layers before */
	SNNQ_QUANTIZE_ROUNDED = 1 << 8,	 /* just rounded, where that is better */
	SNNQ_QUANTIZE_PARTS = (1 << 9) - 1,
};

struct snnq_quantize_also {
	double target_bits;
	const char *out;
};

/* How far a model is from the float network on recordings. */
struct snnq_quantize_drop {
	uint64_t recordings, changed; /* of another class than the float network's */
	double least, most;	      /* 95 % interval of the share of changed ones */
	double loss, error;	      /* mean divergence of the classes; its standard error */
};

struct snnq_quantize_quality {
	uint64_t bytes;			       /* of the file */
	double bits;			       /* of a weight on average */
	struct snnq_quantize_drop calibration; /* optimised on: too good; 0 recordings: unknown */
	struct snnq_quantize_drop check;       /* the others */
	double energy, energy_resident; /* microjoule: weights from DRAM, on chip; 0: unknown */
};

struct snnq_quantize_opts {
	size_t size;
	enum snnq_quantize_method method;
	/* Grids of layers. For a search: of those that are not searched. */
	const struct snnq_layer_choice *choices;
	size_t choice_count;
	/*
	 * Recordings for calibration: needed but for rounding. Never test recordings.
	 * Labels are not used.
	 */
	const char *const *calibration;
	size_t calibration_count;
	const struct snnq_events_opts *calibration_events; /* [count] how to open them; or NULL */
	/* Of a model that takes values each sample of a file is one: at most so many; 0: all. */
	uint64_t calibration_limit;
	struct snnq_recordings *recordings; /* out: what they were like; or NULL */
	/*
	 * Other recordings: nothing is fitted to them, but what is written is held against them.
	 * None of those for calibration.
	 */
	const char *const *check;
	size_t check_count;
	const struct snnq_events_opts *check_events; /* [count]; or NULL */
	struct snnq_quantize_quality *quality;	     /* out: of what is written; or NULL */
	/* Weigh errors by what membranes hold of the spikes, not by the spikes alone; slower. */
	bool traces;
	unsigned int without; /* parts that are left out, of compensating to given grids */
	uint64_t seed;	      /* of random grids */
	uint32_t threads;     /* 0: one per CPU; the result does not depend on it */

	/*
	 * The targets, 0 where there is none. A search has at least one. Of grids that are given,
	 * what comes out must keep to them: -EDOM, with @quality and nothing written, where it
	 * does not.
	 */
	double target_bits;    /* on average, of weights */
	uint64_t target_bytes; /* of the model file */
	double target_energy;  /* microjoule per recording, by the energy model */
	const char *constants; /* JSON table of energies; NULL: the 45 nm model */
	bool resident;	       /* weights stay on the chip, and are not read from DRAM */
	bool limit_drop;       /* max_drop is a target; 0 is one, too */
	/*
	 * Share of recordings whose class may differ from float's. With recordings to check:
	 * the upper end of its 95 % interval (Clopper and Pearson) on them.
	 */
	double max_drop;
	const char *schemes; /* names to choose from, separated by commas; NULL: all */
	const struct snnq_layer_limit *limits;
	size_t limit_count;
	/* SHA-256, as hex, of the model that the choices were made for; NULL: any. */
	const char *model_hash;
	/* The device that is to run it: only what it can do is used. NULL: this version's sim. */
	const struct snnq_device_info *device;
	/* Models at other average bits, from the same evaluations, written after the first. */
	const struct snnq_quantize_also *also;
	size_t also_count;
	/* File of evaluations: what is in it is not done again. NULL: none. */
	const char *journal;
	/*
	 * Of the evaluations, do only those of shard 1 <= shard <= shards, and stop: no
	 * model is written. 0 of 0: all.
	 */
	uint32_t shard, shards;
	/* Journals of finished shards, to go on from. */
	const char *const *merge;
	size_t merge_count;
	/* Write nothing, but tell the quality; layers are not quantized one after the other. */
	bool estimate;
	/* Out: the search as a JSON document (see snnq-quantize(1)), freed with free(); or NULL. */
	char **result;

	/* Called for each layer at the end; may be NULL. */
	void (*report)(void *ctx, const struct snnq_quantize_layer *layer, uint32_t done,
		       uint32_t total);
	void *report_ctx;
	/* Called while it works, from one thread; may be NULL. */
	void (*progress)(void *ctx, const char *what, size_t done, size_t total);
	void *progress_ctx;
	/* Called with a line for each doubt about the calibration; may be NULL. */
	void (*warn)(void *ctx, const char *text);
	void *warn_ctx;
	/*
	 * Folder of quantized layers: what is in it is not done again, and what is done comes into
	 * it. Works and shards may share it. NULL: none.
	 */
	const char *cache;
	/* As calibration_limit, of those to check with; and so many samples before them are not. */
	uint64_t check_limit, check_skip;
};

/* Quantize a float model; see Documentation/quantization.md and snnq-quantize(1). */
int snnq_quantize(const char *in, const char *out, const struct snnq_quantize_opts *opts);

struct snnq_energy_opts {
	size_t size;
	const char *const *recordings; /* the first window of each is run; of values, each sample */
	size_t recording_count;
	uint64_t limit;			       /* at most so many samples of values; 0: all */
	const struct snnq_events_opts *events; /* [count] how to open them; or NULL */
	struct snnq_recordings *seen;	       /* out: what they were like; or NULL */
	const char *constants;		       /* JSON file of constants; NULL: the 45 nm model */
	uint64_t reuse;	    /* positions x steps served by a weight read; 0: all */
	bool tick_batching; /* potentials stay in registers */
	bool reload;	    /* weights come from DRAM in each step */
	bool resident;	    /* they never do: they stay on the chip, as do biases */
	bool all_rows;	    /* weights of silent inputs are read too */
	/* Called after each recording; may be NULL. */
	void (*progress)(void *ctx, size_t done, size_t total);
	void *progress_ctx;
};

/*
 * Run a model, float or integer, on sim and compute the energy of an inference from
 * its counters, as a JSON document (see snnq-energy(1)). @json is freed with free().
 */
int snnq_energy(const char *path, const struct snnq_energy_opts *opts, char **json);

#ifdef __cplusplus
}
#endif

#endif /* SNNQ_TOOLS_H */
