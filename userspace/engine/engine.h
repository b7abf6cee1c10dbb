/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * engine.h - inside the engine: plans, layers, jobs and the table of operations. The
 * design is in Documentation/engine.md.
 *
 * Invariants:
 *  - Every size and index bound comes from the plan's own copy of the validated
 *    program. Memory of regions is copied into the plan's buffers before use,
 *    each byte once, or read once where DENSE unpacks it (in_view), so what others
 *    do to it meanwhile changes values only.
 *  - Activations in buffers have zero pad bits.
 *  - All memory is two blocks, the weights' and the plan's, allocated when these are
 *    made; a run allocates nothing. Their sizes are known before from the program alone.
 *  - What is in the weights' block is written by one job only: while it decodes a layer
 *    that no other looks at (shared.c).
 *  - All work is announced to work() in pieces of at most SNNQ_SAFE_POINT_OPS
 *    elementary operations, as defined in Documentation/hardware.md.
 *
 * An operation is one row in ops.c, or some for its forms. A new operation is a new row;
 * a new inner loop belongs into vec_body.h.
 */
#ifndef SNNQ_ENGINE_INTERNAL_H
#define SNNQ_ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "neuron.h"
#include "snnq_engine.h"
#include "vec.h"

#define CHUNK_BYTES  65536u /* read, written, compared or copied at once */
#define EVENT_CHUNK  1024u  /* event records read at once */
#define BLOCK_STEPS  16u    /* most steps that a layer runs at once */
#define LOOKUP_STEPS BLOCK_STEPS
#define BAND	     16u /* most positions that EVENT runs at once */

/* One step of a layer: buffers of its operands and its result. */
struct step {
	const uint64_t *in[SNNQ_MAX_OPERANDS];
	uint64_t *out;
	uint32_t t; /* in the job */
	bool first; /* first step after a reset */
};

/**
 * struct block - steps of a layer that run at once
 * @steps: [count]; their outputs are @out_stride words apart.
 * @skip: how many of them, 0 or 1, the neurons do not see: SKIP_FIRST.
 */
struct block {
	struct step *steps;
	uint32_t count;
	uint32_t skip;
	size_t out_stride;
};

/* An allocation, taken part by part: @bytes so far, from @base (NULL: only counted) on. */
struct arena {
	uint8_t *base;
	uint64_t bytes;
};

struct layer;
struct job;

/* Add the accumulators of output position (y, x) to @acc, which is zero. */
typedef bool accumulate_fn(struct job *job, struct layer *l, const struct step *s, uint32_t y,
			   uint32_t x, int32_t *acc);
#define ACCUMULATE(name)                                                                          \
	bool name(struct job *job, struct layer *l, const struct step *s, uint32_t y, uint32_t x, \
		  int32_t *acc)

/* Positions [first, end) of an output. */
struct range {
	uint64_t first, end;
};

/* Compute a range of positions in the steps of a block. */
typedef bool band_fn(struct job *job, struct layer *l, const struct block *b, struct range r);

/**
 * struct op - an operation
 * @lay_out: say what memory of the plan and of its weights a layer needs, see
 *	arena_part(); may be NULL.
 * @prepare: fill the plan's data of a layer; may be NULL.
 * @begin_job: read and check what the job needs before its first step; may be NULL.
 * @count: add input_spikes and synops of a step; may be NULL.
 * @run: operations without a neuron stage: compute a step.
 * @end_job: write what is written once per job; may be NULL.
 * @generic: operations with a neuron stage: the GENERIC kernel.
 * @sum: the same, fast; where there is @begin_block, of the first step of a block, which
 *	without @block is the only one.
 * @choose: which kernel is best; NULL: EVENT.
 * @take: DENSE: take over the input of step k of a block.
 * @begin_block: what comes before the positions of some steps, unless GENERIC; may be NULL.
 * @block: a range of positions in some steps and their neurons; may be NULL.
 *
 * The functions returning bool return true when work is to end: prepare when the
 * pace says so, the others after a fault().
 */
struct op {
	void (*lay_out)(struct snnq_plan *plan, struct layer *l);
	bool (*prepare)(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
	bool (*begin_job)(struct job *job, struct layer *l);
	bool (*count)(struct job *job, struct layer *l, const struct step *s);
	bool (*run)(struct job *job, struct layer *l, const struct step *s);
	bool (*end_job)(struct job *job, struct layer *l);
	accumulate_fn *generic;
	accumulate_fn *sum;
	enum snnq_kernel_choice (*choose)(const struct job *job, const struct layer *l);
	bool (*take)(struct job *job, struct layer *l, const struct step *s, uint32_t k);
	bool (*begin_block)(struct job *job, struct layer *l, const struct block *b);
	band_fn *block;
};

/* How far the weights of a layer are. Guarded by the lock of the weights. */
enum decoded {
	DECODED_NOT,
	DECODED_BUSY, /* one job decodes them; no other may look at them */
	DECODED,      /* nobody writes to them but a job that is alone */
};

/**
 * struct snnq_weights - weights of a program, decoded for all plans that share them
 * @program: copy, validated. @info: of it.
 * @block: the allocation; @arena: the parts of it that layers point to.
 * @references: holders, plans among them.
 * @lock: guards what follows and the state of each layer. Nobody computes or reads memory
 *	of a job while holding it. @changed: told when any of these changes.
 * @jobs: that use weights now, and so rely on those that are decoded.
 * @waiting: jobs that want to be alone; none joins meanwhile.
 * @alone: the only job is about to decode other weights in the place of some.
 */
struct snnq_weights {
	uint8_t *program;
	struct snnq_program_info info;
	void *block;
	struct arena arena;
	atomic_uint references;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t jobs;
	uint32_t waiting;
	bool alone;
};

/**
 * struct lookups - what LOOKUP has of a layer, see lookup.c
 * @groups: of four input channels; @count: of them under a window.
 * @fours: tables of four groups lie together; @together: and are looked up so.
 * @height, @width: of the image.
 * @at: where in the image those under a window are: bytes, if there was one step.
 * @digits: of levels. @tables: of each of them, each block of outputs, each group and each
 *	output.
 * @bias: what makes their entries positive; @few: how many of them add up in a byte.
 */
struct lookups {
	uint32_t groups;
	uint32_t count;
	bool fours;
	bool together;
	uint32_t height;
	uint32_t width;
	uint32_t *at;
	uint32_t digits;
	uint8_t *tables;
	uint32_t bias;
	uint32_t few;
};

/**
 * struct layer - a layer of a plan
 * @desc: descriptor, in the plan's program.
 * @geometry: its window; LINEAR is a 1x1 convolution here.
 * @kernel: choice for the current steps.
 * @spikes: set input bits of a step, as last @measured.
 * @decoded: how far weights are; NULL: it has none. This, @packed, @weights and @pairs
 *	point into what plans share.
 * @loaded: in this job, they are known to be those in its memory.
 * @packed: weights as last read.
 * @weights: levels, int16 when @wide, else int8: weights.c says where each is.
 * @inputs: input channels of a group; @rows: its weight rows; @columns, @lanes: of outputs.
 * @few_rows, @many_rows: see struct rows.
 * @whole: all of a window is listed at once, see conv.c.
 * @block_steps: steps at once, and @event_steps with the EVENT kernel; @band: positions.
 * @dense: there is a DENSE kernel, with @pairs of weights in @runs of @run_pairs, which
 *	start @run_at in the image. @few: few channels; @in_view: it reads each word of its
 *	input once and looks at no pad bits, so that no copy is needed.
 * @looks: there is a LOOKUP kernel, with @look.
 * @threshold, @bias, @mult: expanded to all channels. @narrow: what goes to no neuron, times
 *	@mult, fits int32.
 * @acc_bound: most that the magnitude of an accumulator can be.
 * @table: the program's constants.
 * @any: neurons are those of neuron_any.c; else @neurons, without pointers.
 * @u, @i, @aux, @line, @sum: parts of the running job's state; @sum may be the plan's.
 * @line_slot: oldest slot of the delay line, a ring while a job runs.
 * @previous: of operands that have the flag PREVIOUS, what they were; in the state too.
 * @fan_h, @fan_w: number of windows that contain an input row or column.
 * @events: event records read ahead, from offset @event_start of the region up to
 *	@event_fill; @event_next is that of the next record, @event_end that of the
 *	end of the list, @event_step the step of the previous record.
 */
struct layer {
	const struct snnq_layer *desc;
	const struct op *op;
	struct snnq_geometry geometry;
	enum snnq_kernel_choice kernel;
	uint64_t spikes;
	bool measured;

	enum decoded *decoded;
	bool loaded;
	uint8_t *packed;
	void *weights;
	uint64_t packed_bytes;
	uint64_t rows;
	uint32_t inputs;
	uint32_t columns;
	uint32_t lanes;
	uint32_t few_rows;
	uint32_t many_rows;
	bool wide;
	bool depthwise;

	bool whole;
	uint32_t block_steps;
	uint32_t event_steps;
	uint32_t band;

	bool dense;
	bool few;
	bool in_view;
	int16_t *pairs;
	uint32_t *run_at;
	uint32_t runs;
	uint32_t run_pairs;

	bool looks;
	struct lookups look;

	int32_t *threshold;
	int32_t *bias;
	int32_t *mult;
	bool narrow;
	int64_t acc_bound;
	const int32_t *table;
	bool any;
	struct neuron_lanes neurons;
	int32_t *u;
	int32_t *i;
	uint32_t *aux;
	uint64_t *line;
	uint64_t *previous[SNNQ_MAX_OPERANDS];
	uint32_t line_slot;
	int64_t *sum;

	uint32_t *fan_h;
	uint32_t *fan_w;
	uint64_t *events;
	uint64_t event_start;
	uint64_t event_fill;
	uint64_t event_next;
	uint64_t event_end;
	uint32_t event_step;

	struct snnq_layer_stats stats;
};

/**
 * struct hand - what a thread needs for itself
 * @list: weight rows of spikes, or a row of values.
 * @acc: accumulators, a multiple of 64 for each step.
 */
struct hand {
	uint16_t *list;
	int32_t *acc;
};

/* Largest need of any layer for the buffers that layers share, in bytes. */
struct needs {
	uint64_t stage[SNNQ_MAX_OPERANDS], whole, out, list, values, attention, acc, row;
};

/**
 * struct job - a job, or as much of it as a thread does
 * @layer: that runs, or SNNQ_LAYER_NONE; @stats: its counters, or those of the thread.
 * @first_step: since the reset.
 * @state: where the new state grows; @old_state: see state_fetch().
 * @hand: the thread's.
 * @tile: steps of the tile that it is at; @next: layer to run on it; @round: of its loop.
 * @alone: with the weights.
 */
struct job {
	struct snnq_plan *plan;
	struct snnq_run run;
	struct snnq_outcome *outcome;
	uint32_t layer;
	struct snnq_layer_stats *stats;
	uint64_t first_step;
	uint8_t *state;
	const uint8_t *old_state;
	struct hand hand;
	uint32_t tile;
	uint32_t next;
	uint32_t round;
	struct snnq_pace pace;
	bool alone;
};

/**
 * struct snnq_plan - a program made ready
 * @program: validated; that of the weights.
 * @block: the allocation; @own: its parts, the first of which is the plan.
 * @weights: maybe shared; @shared: their parts.
 * @state: that of the running job, where it is not in the job's memory.
 * @tight_state: layers leave no gaps in it.
 * @scratch: tile_steps slots of activations between layers; nobody else needs
 *	them, so they stay here and the scratch region is not touched.
 * @vec: inner loops. @costs: of them; NULL where no layer has a choice.
 * @bits: for vec->list().
 * @needs: sizes of the buffers that follow.
 * @stage: operands that come from user regions or are views, as many steps as run at once.
 * @whole: what a view of a user region is a view of.
 * @out: results that go to user regions, likewise.
 * @values: operands as DENSE and LOOKUP kernels want them.
 * @attention: see attention.c.
 * @hand: of the job's thread; @hands: of the helpers in @crew, in @hands_block.
 * @row: weights of a row.
 * @chunk: CHUNK_BYTES of weights.
 * @job: the one that runs.
 */
struct snnq_plan {
	const void *program;
	struct snnq_program_info info;
	enum snnq_kernel_choice choice;
	void *block;
	struct arena own;
	struct arena shared;
	struct snnq_weights *weights;
	struct layer *layers;
	uint8_t *state;
	bool tight_state;
	uint8_t *scratch;
	uint64_t *stage[SNNQ_MAX_OPERANDS];
	uint64_t *whole;
	const struct vec *vec;
	const struct snnq_costs *costs;
	struct byte_bits bits;
	struct needs needs;
	uint64_t *out;
	int16_t *values;
	void *attention;
	struct hand hand;
	int16_t *row;
	uint8_t *chunk;
	struct snnq_crew *crew;
	bool force_bands;
	struct hand *hands;
	void *hands_block;
	struct job job;
};

/* The job comes to layer @i. */
static inline struct layer *enter_layer(struct job *job, uint32_t i)
{
	struct layer *l = &job->plan->layers[i];

	job->layer = i;
	job->stats = &l->stats;
	return l;
}

/* arena.c */
/*
 * The next part, aligned and zero. While only sizes are wanted, NULL, so that nothing
 * may be put into it: that is what prepare is for.
 */
void *arena_part(struct arena *arena, uint64_t count, uint64_t size);
/* What to allocate for the parts so far; UINT64_MAX: more than there can be. */
uint64_t arena_block_bytes(const struct arena *arena);
/* Start with an allocation of so many bytes; returns what to free, or NULL. */
void *arena_allocate(struct arena *arena, uint64_t bytes);

static inline void *plan_part(struct snnq_plan *plan, uint64_t count, uint64_t size)
{
	return arena_part(&plan->own, count, size);
}

static inline void plan_needs(uint64_t *largest, uint64_t bytes)
{
	if (bytes > *largest)
		*largest = bytes;
}

/* memory.c */
bool fault(struct job *job, int status, uint32_t region, uint64_t offset);

/*
 * To be asked before @ops elementary operations, at most SNNQ_SAFE_POINT_OPS: whether
 * the job is to end instead.
 */
static inline bool work(struct job *job, uint32_t ops)
{
	return snnq_work(&job->pace, ops);
}

/* Bytes until the next boundary of chunks, at most @left. */
static inline uint64_t chunk_at(uint64_t offset, uint64_t left)
{
	uint64_t n = CHUNK_BYTES - offset % CHUNK_BYTES;

	return n < left ? n : left;
}

bool job_zero(struct job *job, void *to, uint64_t bytes);
bool job_copy(struct job *job, void *to, const void *from, uint64_t bytes);
bool job_read(struct job *job, uint32_t region, uint64_t offset, void *buf, uint64_t bytes);
bool job_write(struct job *job, uint32_t region, uint64_t offset, const void *buf, uint64_t bytes);
const void *job_view(struct job *job, uint32_t region, uint64_t offset, uint64_t bytes);

/* tensor.c */
bool tensor_mask(struct job *job, const struct snnq_tensor *t, uint64_t *data);
/* Clamp elements to the declared bound. */
bool tensor_limit(struct job *job, const struct snnq_tensor *t, uint64_t *data, __u64 *saturations);
/* Add the number of set bits, or of int32 elements that are not zero. */
bool tensor_count(struct job *job, const struct snnq_tensor *t, const uint64_t *data, __u64 *count);
int32_t tensor_get(const struct snnq_tensor *t, const uint64_t *data, uint64_t position,
		   uint32_t channel);
void tensor_load64(const struct snnq_tensor *t, const uint64_t *data, uint64_t position,
		   uint32_t word, int32_t v[64]);
void tensor_store64(const struct snnq_tensor *t, uint64_t *data, uint64_t position, uint32_t word,
		    const int32_t v[64]);
void tensor_range(const struct snnq_tensor *t, int64_t *low, int64_t *high);
int32_t tensor_clamp(const struct snnq_tensor *t, int64_t v, __u64 *saturations);

/* view.c */
/* What an operand is a view of; itself, if it is none. */
struct snnq_tensor view_whole(const struct snnq_tensor *t);
/* A view of what lies at @from as a tensor at @to. */
bool view_copy(struct job *job, const struct snnq_tensor *t, const uint64_t *from, uint64_t *to);

/* scale.c */
/* To be called before operand @k is scaled; @bound: most that its magnitude then is. */
bool scale_prepare(struct snnq_plan *plan, struct layer *l, uint32_t k, struct snnq_pace *pace,
		   int64_t *bound);
int64_t scale_get(const struct layer *l, uint32_t k, const uint64_t *data, uint64_t position,
		  uint32_t channel);
/* Scale channels 64 @word ... of an operand. */
void scale_64(const struct layer *l, uint32_t k, uint32_t word, int32_t v[64]);

/* window.c */
void window_lay_out(struct snnq_plan *plan, struct layer *l);
bool window_prepare(struct layer *l, struct snnq_pace *pace);
bool window_count(struct job *job, struct layer *l, const struct step *s);
/* Kernel positions [first, end) of output coordinate @o that lie inside the image. */
struct span {
	uint32_t first, end;
};
static inline struct span window_span(uint32_t o, uint32_t in, uint32_t kernel, uint32_t stride,
				      uint32_t pad, uint32_t dilation)
{
	uint32_t start = o * stride; /* of the window, in padded coordinates */
	struct span s = { 0, 0 };

	if (start >= pad && start - pad + (kernel - 1) * dilation < in)
		return (struct span){ 0, kernel };
	if (start < pad)
		s.first = (pad - start + dilation - 1) / dilation;
	if (start < in + pad)
		s.end = (in + pad - start - 1) / dilation + 1;
	if (s.end > kernel)
		s.end = kernel;
	if (s.first > s.end)
		s.first = s.end;
	return s;
}

static inline struct span window_rows(const struct layer *l, uint32_t y)
{
	const struct snnq_geometry *g = &l->geometry;

	return window_span(y, l->desc->in[0].height, g->kernel_h, g->stride_h, g->pad_h,
			   g->dilation_h);
}

static inline struct span window_columns(const struct layer *l, uint32_t x)
{
	const struct snnq_geometry *g = &l->geometry;

	return window_span(x, l->desc->in[0].width, g->kernel_w, g->stride_w, g->pad_w,
			   g->dilation_w);
}

/* Rows of the image with its padding; columns. */
static inline uint64_t window_padded_height(const struct layer *l)
{
	return (uint64_t)(l->desc->in[0].height + 2 * l->geometry.pad_h + l->geometry.more_h);
}

static inline uint64_t window_padded_width(const struct layer *l)
{
	return (uint64_t)(l->desc->in[0].width + 2 * l->geometry.pad_w + l->geometry.more_w);
}

/* Input position under kernel position (ky, kx), which must be inside. */
static inline uint64_t window_position(const struct layer *l, uint32_t y, uint32_t x, uint32_t ky,
				       uint32_t kx)
{
	const struct snnq_geometry *g = &l->geometry;
	uint32_t iy = y * g->stride_h + ky * g->dilation_h - g->pad_h;
	uint32_t ix = x * g->stride_w + kx * g->dilation_w - g->pad_w;

	return (uint64_t)iy * l->desc->in[0].width + ix;
}

/* weights.c */
void weights_lay_out(struct snnq_plan *plan, struct layer *l);
bool weights_prepare(struct layer *l, struct snnq_pace *pace);
/* Whether those in memory are the ones that were read last. */
bool weights_same(struct job *job, struct layer *l, bool *same);
/* Read and decode. After a failure they are neither old nor new. */
bool weights_decode(struct job *job, struct layer *l);
/* The largest magnitude of any. */
uint32_t weights_level(const struct layer *l);
/* Weight of a layer with one group that is not wide; the next row's is l->lanes further. */
const int8_t *weights_at(const struct layer *l, uint64_t row, uint32_t output);
int32_t weight(const struct layer *l, uint32_t group, uint32_t ky, uint32_t kx, uint32_t input,
	       uint32_t output);

/* shared.c */
/* The parts in front of those of layers; returns where the copy of the program is. */
void *weights_lay_out_head(struct arena *arena, const struct snnq_program_header *h);
/* Of a program that is valid. */
int weights_new(const void *program, const struct snnq_program_info *info, uint64_t bytes,
		struct snnq_pace *pace, struct snnq_weights **weights);
/* Until weights_leave(), the layers that run have the weights that are in the job's memory. */
bool weights_use(struct job *job);
void weights_leave(struct job *job);

/* state.c */
bool state_is_tight(const struct snnq_plan *plan);
/* Check the old state, and say where the new one grows. */
bool state_begin(struct job *job);
bool state_begin_layer(struct job *job, struct layer *l);
/*
 * Put into a part of the new state what the old one has there: at @old_state, which may be
 * the same memory; NULL: zero.
 */
void state_fetch(const struct job *job, void *part, size_t bytes);
/* The same of @count neurons from element @at on, in the first steps of a job. */
bool state_fetch_neurons(struct job *job, const struct layer *l, uint64_t at, uint32_t count);
/* After everything else succeeded. */
bool state_end(struct job *job);

/* neuron.c */
void neuron_lay_out(struct snnq_plan *plan, struct layer *l);
bool neuron_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
/* Accumulators of outputs 64 @w ... of a position to what a block's steps give out. */
bool neuron_stage(struct job *job, struct layer *l, const struct block *b, uint64_t pos, uint32_t w,
		  const int32_t *acc, size_t stride);
bool neuron_run(struct job *job, struct layer *l, struct block *b);
/* neuron_any.c */
bool neuron_is_any(const struct snnq_layer *l);
/* What is left of @u, a leak of SNNQ_LEAK_*. */
int64_t neuron_leak_value(uint32_t kind, uint32_t param, int32_t u);
bool neuron_any_stage(struct job *job, struct layer *l, const struct block *b, uint64_t pos,
		      uint32_t w, const int32_t *acc, size_t stride);
bool neuron_any_delay(struct job *job, struct layer *l, uint64_t *out);
bool neuron_end_job(struct job *job, struct layer *l);

/* wait.c */
/* A condition for wait_a_little(), which says whether it was told; else a millisecond is over. */
void wait_init(pthread_cond_t *changed);
bool wait_a_little(pthread_cond_t *changed, pthread_mutex_t *lock);

/* crew.c */
/**
 * struct crew_work - work that can be cut into items
 * @item: do one, as @hand 0 (the owner of the work) to @helpers; true: begin no more.
 * @wait: called by the owner each millisecond while helpers end their last items.
 * @ctx: passed back.
 * @helpers: how many may help.
 */
struct crew_work {
	bool (*item)(void *ctx, uint32_t item, uint32_t hand);
	void (*wait)(void *ctx);
	void *ctx;
	uint32_t helpers;
};

/* Do @count items, in any order; returns when no thread is at any. */
void crew_do(struct snnq_crew *crew, const struct crew_work *work, uint32_t count);
uint32_t crew_helpers(const struct snnq_crew *crew);

/* bands.c */
/* All positions of a block, with the help of the plan's crew where that pays. */
bool run_bands(struct job *job, struct layer *l, const struct block *b, band_fn *fn);

/* stats.c */
bool count_all_inputs(struct job *job, struct layer *l, const struct step *s);
bool count_spikes_as_synops(struct job *job, struct layer *l, const struct step *s);
void stats_finish(struct layer *l, uint32_t steps, uint32_t tiles);
uint64_t stats_cycles(const struct snnq_layer_stats *s);

/* ops.c and the operations */
const struct op *op_of(const struct snnq_layer *desc);
void conv_lay_out(struct snnq_plan *plan, struct layer *l);
bool conv_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
ACCUMULATE(conv_generic);
ACCUMULATE(conv_depthwise);
bool conv_count(struct job *job, struct layer *l, const struct step *s);
band_fn conv_block;
enum snnq_kernel_choice conv_choose(const struct job *job, const struct layer *l);
void dense_lay_out(struct snnq_plan *plan, struct layer *l);
bool dense_prepare(struct layer *l, struct snnq_pace *pace);
bool conv_has(const struct layer *l, enum snnq_kernel_choice kernel);
bool conv_begin_block(struct job *job, struct layer *l, const struct block *b);
void lookup_lay_out(struct snnq_plan *plan, struct layer *l);
/* Those of an instruction set that the machine has. True: ended at a safe point. */
bool costs_of(enum snnq_isa isa, struct snnq_pace *pace, const struct snnq_costs **costs);
/* For these loops. True: ended at a safe point. */
bool lookup_use(struct layer *l, const struct vec *vec, struct snnq_pace *pace);
bool lookup_decode(struct job *job, struct layer *l);
bool lookup_begin(struct job *job, struct layer *l, const struct block *b);
band_fn lookup_block;
/* Tables that LOOKUP_LANES lanes look up for a block of steps, in units of LOOKUP_OUTPUTS. */
uint64_t lookup_count(const struct layer *l);
bool dense_decode(struct job *job, struct layer *l);
bool dense_take(struct job *job, struct layer *l, const struct step *s, uint32_t k);
band_fn dense_block;
bool pool_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
ACCUMULATE(pool_sum_generic);
ACCUMULATE(pool_sum);
bool pool_max_run(struct job *job, struct layer *l, const struct step *s);
bool pool_max_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
ACCUMULATE(pool_max_generic);
ACCUMULATE(pool_max_sum);
bool attention_count(struct job *job, struct layer *l, const struct step *s);
void attention_lay_out(struct snnq_plan *plan, struct layer *l);
bool attention_begin(struct job *job, struct layer *l, const struct block *b);
bool attention_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
ACCUMULATE(attention_generic);
ACCUMULATE(attention_sum);
band_fn attention_block;
bool gate_run(struct job *job, struct layer *l, const struct step *s);
void gate_lay_out(struct snnq_plan *plan, struct layer *l);
void values_lay_out(struct snnq_plan *plan, struct layer *l);
bool values_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
bool values_begin(struct job *job, struct layer *l, const struct block *b);
bool values_count(struct job *job, struct layer *l, const struct step *s);
ACCUMULATE(values_generic);
ACCUMULATE(values_sum);
void matmul_lay_out(struct snnq_plan *plan, struct layer *l);
bool matmul_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
bool matmul_begin(struct job *job, struct layer *l, const struct block *b);
bool matmul_count(struct job *job, struct layer *l, const struct step *s);
ACCUMULATE(matmul_generic);
ACCUMULATE(matmul_sum);
bool add_run(struct job *job, struct layer *l, const struct step *s);
bool logic_run(struct job *job, struct layer *l, const struct step *s);
bool elementwise_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
ACCUMULATE(elementwise_generic);
ACCUMULATE(elementwise_sum);
bool reduce_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
bool reduce_max_run(struct job *job, struct layer *l, const struct step *s);
ACCUMULATE(reduce_generic);
ACCUMULATE(reduce_sum);
bool upsample_run(struct job *job, struct layer *l, const struct step *s);
bool move_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace);
void concat_lay_out(struct snnq_plan *plan, struct layer *l);
bool concat_run(struct job *job, struct layer *l, const struct step *s);
bool copy_run(struct job *job, struct layer *l, const struct step *s);
void events_lay_out(struct snnq_plan *plan, struct layer *l);
bool events_begin(struct job *job, struct layer *l);
bool events_run(struct job *job, struct layer *l, const struct step *s);
void readout_lay_out(struct snnq_plan *plan, struct layer *l);
bool readout_run(struct job *job, struct layer *l, const struct step *s);
bool readout_end(struct job *job, struct layer *l);

/* Channels [first, end) of a head of ATTENTION. */
struct head {
	uint32_t first, end;
};

static inline struct head head_channels(const struct layer *l, uint32_t h)
{
	uint32_t d = l->desc->in[0].channels / l->desc->param;

	return (struct head){ h * d, (h + 1) * d };
}

static inline uint32_t tensor_words(const struct snnq_tensor *t)
{
	return (t->channels + 63) / 64;
}

static inline uint64_t tensor_positions(const struct snnq_tensor *t)
{
	return (uint64_t)t->height * t->width;
}

/* Word of @plane that holds channels 64 @word ... of a position. */
static inline uint64_t tensor_index(const struct snnq_tensor *t, uint32_t plane, uint64_t position,
				    uint32_t word)
{
	return (plane * tensor_positions(t) + position) * tensor_words(t) + word;
}

/* The largest magnitude of an element, bit-plane formats. */
static inline int64_t tensor_bound(const struct snnq_tensor *t)
{
	return snnq_tensor_largest(t);
}

/* What a bit of a plane is worth. */
static inline int32_t tensor_plane_value(const struct snnq_tensor *t, uint32_t plane)
{
	int32_t v = (int32_t)(1u << plane);

	return t->format == SNNQ_FORMAT_SIGNED && plane + 1u == t->planes ? -v : v;
}

/* Channels [64 word, 64 word + 64) that exist, as a mask. */
static inline uint64_t word_mask(uint32_t channels, uint32_t word)
{
	uint32_t left = channels - word * 64;

	return left >= 64 ? ~0ull : (1ull << left) - 1;
}

/* Bits of @word that lie in channels [first, end), which it must meet. */
static inline uint64_t range_mask(uint32_t first, uint32_t end, uint32_t word)
{
	uint64_t mask = word_mask(end, word);

	return first > word * 64 ? mask & (~0ull << (first - word * 64)) : mask;
}

static inline int32_t sat32(int64_t v, __u64 *saturations)
{
	if (v > INT32_MAX || v < INT32_MIN) {
		++*saturations;
		return v > 0 ? INT32_MAX : INT32_MIN;
	}
	return (int32_t)v;
}

/* Add the bits of @w, each worth @value, to 64 elements. */
static inline void spread64(uint64_t w, int32_t value, int32_t *v)
{
	uint32_t low = (uint32_t)w, high = (uint32_t)(w >> 32), j;

	for (j = 0; j < 32; j++)
		v[j] += (int32_t)(-(low >> j & 1)) & value;
	for (j = 0; j < 32; j++)
		v[32 + j] += (int32_t)(-(high >> j & 1)) & value;
}

#endif /* SNNQ_ENGINE_INTERNAL_H */
