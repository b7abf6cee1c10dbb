/* SPDX-License-Identifier: MIT */
/*
 * quantize.h - the parts of the quantizer; Documentation/quantization.md says why.
 *
 * A weight becomes scale * level with one scale per output channel. Scales are
 * not stored: divided by them, thresholds and biases become integers with F
 * fraction bits. Currents are brought to steps that are known before (steps.h). A head, which has no
 * neuron either, has one scale, which goes into the readout.
 *
 *	calibration	recordings, and what the float network does with them
 *	layer		statistics of a layer's input; its weights on a grid
 *	assemble	integer layers -> model file
 *	judge		an integer model on the recordings, compared with float
 *	search		which grid for which layer
 */
#ifndef SNNQ_QUANTIZE_H
#define SNNQ_QUANTIZE_H

#include "energy/energy.h"
#include "float/floatnet.h"
#include "model/graph.h"
#include "quantize/compensate.h"
#include "model/grid.h"
#include "quantize/moment.h"
#include "quantize/patches.h"
#include "quantize/steps.h"
#include "snnq_tools.h"
#include "snnq_validate.h"

/* ---- round.c: scales of least weighted error, and the nearest levels ---- */

struct rounding {
	struct weight_shape shape;
	struct grid grid;
	const float *weights;	  /* [outputs][inputs][kh][kw] */
	const double *importance; /* [groups][window inputs], or NULL: 1 */
	bool one_scale;
	bool spread; /* over the grid: no scale beyond twice that without clipping */
	/* Results, the caller's to free. */
	double *scales;	  /* [outputs] */
	uint8_t *indices; /* of levels, as weights */
};

/* @smallest: bound from below for each scale, [outputs]. 0 or -ENOMEM. */
int rounding_run(struct rounding *r, const double *smallest);

/* ---- fold.c: real thresholds and biases divided by the scale of the accumulator ---- */

struct folding {
	const char *path, *layer;
	uint32_t channels;
	const double *unit;		   /* real value of one accumulator step, [channels] */
	const double *thresholds, *biases; /* real, [channels]; biases may be NULL */
	bool exact;			   /* no weights: look for an F that loses nothing */
	/* Results: integers with shift fraction bits. */
	uint32_t shift;
	int32_t *threshold_out, *bias_out;
};

/* 0, -ENOMEM, or -ERANGE with the channel named. Results are the caller's to free. */
int folding_run(struct folding *f);

/* ---- calibration.c ---- */

struct calibration {
	const struct graph *graph;
	struct floatnet *net;
	uint32_t count;
	uint64_t **inputs; /* [count] packed input slots */
	uint32_t *files;   /* [count] in the list: a file of values has more than one */
	uint32_t room;	   /* of both */
	struct snnq_recordings seen;
	struct floatnet_record *records; /* [count] of the float network */
	struct snnq_layer_stats *stats;	 /* [layers] of the float network, sums */
	double temperature;		 /* of classes, see judge.c */
	bool traces;			 /* moments are those of leaky traces */
	unsigned int parts;		 /* what moments are for */
};

struct recording_list {
	const char *const *paths;
	const struct snnq_events_opts *how; /* [count] to open them; or NULL */
	size_t count;			    /* below 2^32 */
	uint64_t limit;			    /* at most so many samples of values; 0: all */
	uint64_t skip;			    /* of those, the first that are left out */
};

/* Read recordings and run the float network on them. */
int calibration_open(const char *path, const struct graph *graph, const struct recording_list *list,
		     uint32_t threads, struct calibration **calibration);
/* -EINVAL when one of @check, which are those of @list, is among those of @calibration. */
int calibration_separate(const struct calibration *calibration, const struct calibration *check,
			 const struct recording_list *list);
/* Records for outputs of a network of the same shapes, one per recording. NULL: no memory. */
struct floatnet_record *calibration_records(const struct calibration *c);
void calibration_records_free(const struct calibration *c, struct floatnet_record *records);
/*
 * Tell opts->warn what speaks against the recordings: few, silent, repeated, of few classes;
 * @calibration may be NULL.
 */
void calibration_doubts(const struct calibration *calibration,
			const struct snnq_quantize_opts *opts);
void calibration_close(struct calibration *calibration);
/* [count] slots of a layer's output in the float network, or of the input. Free the array. */
const uint64_t **calibration_slots(const struct calibration *c,
				   const struct floatnet_record *records, int layer);

/* ---- layer.c ---- */

/*
 * What is done to a layer: parts of Documentation/quantization.md, "One layer", as bits of
 * enum snnq_quantize_part. None of them is rounding to nearest levels.
 */
#define METHOD_ROUND	  0u
#define METHOD_COMPENSATE SNNQ_QUANTIZE_PARTS
/* Of the second-order methods that others have published; it needs some part to be no rounding. */
#define METHOD_SECOND_ORDER SNNQ_QUANTIZE_FEEDBACK

/* A layer with weights, as floats, with what is known about its input. */
struct weighted {
	const char *path;
	const struct graph *graph;
	const struct graph_layer *layer;
	uint32_t index;
	struct weight_shape shape;
	const float *weights;
	float *copy; /* of weights that lie at an odd place in the file; or NULL */
	const struct steps *steps;
	double unit;		     /* real value of a step of its input; */
	double step;		     /*	of its output, of currents; or 0 */
	double *thresholds, *biases; /* real, [outputs]; thresholds NULL without neuron */
	/* After weighted_measure(): by group. */
	struct patches *patches;
	struct moment *moments;
	double *hw; /* [outputs][window inputs] */
	const struct calibration *calibration;
};

/* Its weights as integers, with what its neurons need. */
struct quantized {
	struct grid grid;
	struct weight_shape shape;
	uint8_t *packed;
	uint64_t packed_bytes;
	uint32_t shift;		   /* F */
	int32_t *threshold, *bias; /* [outputs]; threshold NULL without neuron */
	int32_t mult;		   /* of a head: of the sums, shifted then, */
	double unit;		   /*	and the real value of a step of the result */
	int32_t *mults;		   /* of currents, [outputs]; or NULL */
	uint32_t requant_shift;
	double signal, noise;	/* squares of weights and of their errors */
	double distance, wrong; /* of spikes, per neuron and step; NAN: not known */
	uint64_t level_counts[GRID_MAX_LEVELS];
};

/* Of a layer with weights. */
struct weight_shape weighted_shape(const struct graph_layer *layer);
int weighted_open(const char *path, const struct graph *graph, uint32_t index,
		  const struct steps *steps, struct weighted *weighted);
void weighted_close(struct weighted *weighted);
/*
 * Statistics of the input, @slots [recordings] of the layer before it (in any network);
 * the float network's output is the target. Replaces earlier ones. Of currents there are none:
 * their weights are rounded to nearest.
 */
int weighted_measure(struct weighted *weighted, const struct calibration *calibration,
		     const uint64_t *const *slots, uint32_t threads);
/* Without statistics it rounds, whatever @parts. -EINVAL: no such scheme with these bits. */
int weighted_quantize(const struct weighted *weighted, uint32_t scheme, uint32_t bits,
		      unsigned int parts, uint32_t threads, struct quantized *quantized);
/*
 * Rounded to nearest: the mean square of what errors add to the current, or with traces to a
 * membrane that does not fire, by that of the current itself. Needs statistics.
 */
int weighted_drift(const struct weighted *weighted, const struct grid *grid, uint32_t threads,
		   double *drift);
int quantized_copy(const struct quantized *from, struct quantized *to);
void quantized_free(struct quantized *quantized);

/* ---- assemble.c ---- */

/* The integer model. @quantized: by layer; @record: how it was made, taken over. */
int assemble(const char *path, const struct graph *graph, const struct steps *steps,
	     const struct quantized *const *quantized, cJSON *record, struct modelfile **file);

/* ---- judge.c ---- */

/* An integer graph whose layers with weights can be exchanged. */
struct candidate_graph {
	struct graph graph;
	struct graph_layer *layers;
	struct tensor *tensors; /* three for each layer */
	double float_scale;
};

/* @float_scale: of the float graph's readout. */
int candidate_graph_open(const struct graph *integer, double float_scale,
			 struct candidate_graph *graph);
void candidate_graph_set(struct candidate_graph *graph, uint32_t layer, const struct quantized *q);
void candidate_graph_close(struct candidate_graph *graph);

struct judgement {
	double loss;	    /* judge.c says what */
	uint32_t agreeing;  /* recordings with the float network's class */
	uint32_t saturated; /* 1 + a layer whose sums left 32 bits in one of them, or 0 */
};

/**
 * struct judge_opts - how to run
 * @threads: 0: one per CPU.
 * @first_layer: layers before it are not run but taken from @before, outputs of
 *	the same layers for each recording; 0: all run.
 * @records: NULL, or [count] allocated records for the outputs of layers.
 * @stats: NULL, or [layers]: counters are added.
 * @losses: NULL, or [count]: the loss of each recording.
 * @limit: stop when more than @allowed classes have changed; then only that there are more is
 *	known, from the agreeing ones.
 */
struct judge_opts {
	uint32_t threads, first_layer, allowed;
	bool limit;
	double *losses;
	const struct floatnet_record *before;
	struct floatnet_record *records;
	struct snnq_layer_stats *stats;
};

/* Root mean square of the scores of all recordings around their means. */
double judge_temperature(const struct floatnet_record *records, uint32_t count, uint32_t classes);
/* Sum of p log(p / q), p and q the classes that scores @is and @other give at temperature @t. */
double judge_divergence(const double *is, const double *other, uint32_t n, double t);
/* Run an integer graph on all recordings. */
int judge_run(const struct calibration *calibration, const struct graph *integer,
	      const struct judge_opts *opts, struct judgement *judgement);

/* ---- session.c: a model on its way from float to integer ---- */

struct session {
	const char *path;
	const struct snnq_quantize_opts *opts;
	struct snnq_caps caps; /* of the device that is to run it */
	struct modelfile *file;
	struct graph graph; /* float */
	struct steps steps;
	struct calibration *calibration; /* NULL: no recordings */
	struct calibration *check;	 /* others, for which nothing is chosen; or NULL */
	struct energy_constants energy;
	struct energy_dataflow flow;
	unsigned int parts;	 /* what is done to each layer */
	bool plain;		 /* once, in order, whether or not it is better */
	uint32_t *weighted;	 /* layers with weights, */
	uint32_t weighted_count; /*	in order */
};

/* A grid for each layer, by layer of the graph; unused without weights. */
struct grid_choice {
	uint32_t scheme, bits;
};

/* What layers that are not done yet have: 8 bits. */
void session_eight_grid(struct grid *grid);
/* A layer at that, compensated where @weighted has statistics, rounded otherwise. */
int session_eight_bits(const struct session *s, const struct weighted *weighted,
		       struct quantized *quantized);
/* A network of layers, [layers]; the graph points into the file. */
int session_assemble(const struct session *s, const struct quantized *const *all,
		     struct modelfile **file, struct graph *graph);
/* The same with all layers rounded to 8 bits. */
int session_rounded(const struct session *s, struct modelfile **file, struct graph *graph);
int session_open(const char *path, const struct snnq_quantize_opts *opts, struct session *session);
void session_close(struct session *session);
void session_progress(const struct session *s, const char *what, size_t done, size_t total);
/*
 * Quantize all layers in order, compensating, each on the outputs of those before it as
 * quantized. @start: by layer, what stands for layers not yet done: with the same grids, each
 * quantized on the float network's spikes; NULL: they are made here. Of the layer compensated and
 * just rounded, the latter stays if the network's loss is lower with it by more than chance.
 * @results: by layer, the caller's to free.
 */
int session_quantize(const struct session *s, const struct grid_choice *choices,
		     const struct quantized *const *start, struct quantized *results);
/* The model in memory, in its long form; and written, in its short form. */
int session_model(const struct session *s, const struct quantized *results,
		  struct modelfile **file);
int session_write(const struct session *s, const struct quantized *results, const char *out);

#endif /* SNNQ_QUANTIZE_H */
