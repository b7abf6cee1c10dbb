/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * snnq_engine.h - the compute engine: executes a program on memory, bit-exactly.
 *
 * No I/O, no global state but what was measured of the machine, no threads but those
 * of a crew. libsnnq's sim backend and the device model both run it; the memory they
 * give it differs. The semantics are in Documentation/numerics.md, an independent
 * reference in tests/reference/.
 *
 * A plan belongs to one thread at a time. It holds the kernel chosen for each layer
 * and work buffers. Weights hold a copy of the program and its decoded weights; any
 * number of plans share them, in any threads. What is decoded is a cache of the packed
 * bits: it is compared with memory at each run and decoded anew when these changed.
 */
#ifndef SNNQ_ENGINE_H
#define SNNQ_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq_validate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Cycle model, Documentation/cycle-model.md. */
#define SNNQ_LANES	64u /* synaptic operations or neuron updates per cycle */
#define SNNQ_PORT_BYTES 16u /* host memory bytes per cycle */

struct snnq_plan;
struct snnq_weights;
struct snnq_crew;

/**
 * struct snnq_memory - memory of one job
 * @read, @write: move @bytes between @buf and [offset, offset + bytes) of a
 *	region (numbers as in the device's region table). Return SNNQ_STATUS_OK,
 *	_ACCESS or _DMA.
 * @view: optional (may be NULL, may return NULL): a pointer through which the
 *	range can be read until the run ends, for memory that needs no copy.
 * @edit: likewise for reading and writing; asked for STATE_OUT only.
 * @ctx: passed back.
 *
 * The content may change under the engine at any time (guests and users can
 * write to it); the engine then computes something else, but stays in bounds.
 */
struct snnq_memory {
	int (*read)(void *ctx, uint32_t region, uint64_t offset, void *buf, size_t bytes);
	int (*write)(void *ctx, uint32_t region, uint64_t offset, const void *buf, size_t bytes);
	const void *(*view)(void *ctx, uint32_t region, uint64_t offset, size_t bytes);
	void *(*edit)(void *ctx, uint32_t region, uint64_t offset, size_t bytes);
	void *ctx;
};

/**
 * struct snnq_run - one job
 * @steps: 1..max_steps.
 * @reset: start from zero state (STATE_IN is not read).
 * @state_seq: version that STATE_IN must have; STATE_OUT gets + 1. With @reset
 *	it is only written. SNNQ_STATE_TORN is nobody's version.
 * @event_bytes: size of the user regions with role EVENTS as bound, by user
 *	region number (0-based); others ignored. Bounds event lists.
 * @first_layer: layers before it do not run; their outputs are what scratch holds, see
 *	snnq_plan_scratch(). 0: all run.
 * @memory: see there.
 * @stats: NULL, or struct snnq_layer_stats[layer_count], filled on success.
 * @tick: NULL, or called at each safe point: at the first operation, then at least
 *	each SNNQ_SAFE_POINT_OPS elementary operations; @layer may be SNNQ_LAYER_NONE.
 *	Returning true ends the job with SNNQ_STATUS_CANCELLED. Has to be fast.
 * @tick_ctx: passed back.
 */
struct snnq_run {
	uint32_t steps;
	bool reset;
	uint64_t state_seq;
	uint64_t event_bytes[SNNQ_MAX_USER_REGIONS];
	uint32_t first_layer;
	struct snnq_memory memory;
	struct snnq_layer_stats *stats;
	bool (*tick)(void *ctx, uint32_t layer);
	void *tick_ctx;
};

/**
 * struct snnq_outcome - how a run ended
 * @status: SNNQ_STATUS_*.
 * @layer, @region, @offset: of a fault; else SNNQ_LAYER_NONE, SNNQ_REGION_NONE, 0.
 * @steps: time steps done (all or, after a fault, whole tiles).
 * @cycles: by the cycle model of Documentation/hardware.md.
 */
struct snnq_outcome {
	uint16_t status;
	uint16_t layer;
	uint16_t region;
	uint32_t steps;
	uint64_t offset;
	uint64_t cycles;
};

/*
 * Memory for a validated program: a plan with weights of its own has both, one that
 * shares weights has snnq_plan_share_bytes() besides theirs.
 */
uint64_t snnq_weights_bytes(const void *program);
uint64_t snnq_plan_share_bytes(const void *program);
uint64_t snnq_plan_bytes(const void *program);

/**
 * snnq_weights_create() - validate a program and make room for its decoded weights
 * @program, @size: as for snnq_program_validate(); copied.
 * @caps: what to accept.
 * @max_bytes: most memory that they may have; looked at before any is allocated.
 * @pace: safe points, or NULL.
 * @weights: out; given back with snnq_weights_put().
 * @diag: out; may be NULL. Says OK unless the program is refused.
 *
 * A layer is decoded by the first job that runs it. Other jobs that need it then wait,
 * asleep; those with a tick ask it meanwhile. A job whose memory has other weights than
 * those decoded waits until no other job runs and decodes its own instead: right but
 * slow, so plans had better share where memory has the same ones. Plans that share may
 * have different instruction sets and kernels: what is decoded does not depend on them.
 *
 * Return: 0, -EFBIG (snnq_weights_bytes() says how much it would need), -ENOMEM, -EINTR
 * (ended at a safe point), or an error of snnq_program_validate().
 */
int snnq_weights_create(const void *program, size_t size, const struct snnq_caps *caps,
			uint64_t max_bytes, struct snnq_pace *pace, struct snnq_weights **weights,
			struct snnq_diag *diag);
struct snnq_weights *snnq_weights_get(struct snnq_weights *weights);
void snnq_weights_put(struct snnq_weights *weights);

/**
 * snnq_plan_share() - prepare to run the program of some weights
 * @weights: the plan holds them too.
 * @max_bytes: most memory that the plan may have besides; looked at before any is allocated.
 * @pace: safe points, or NULL.
 * @plan: out; free with snnq_plan_destroy().
 *
 * Return: 0, -EFBIG (snnq_plan_share_bytes() says how much it would need), -ENOMEM, or
 * -EINTR (ended at a safe point).
 */
int snnq_plan_share(struct snnq_weights *weights, uint64_t max_bytes, struct snnq_pace *pace,
		    struct snnq_plan **plan);

/*
 * The same for a program whose weights nobody shares: @max_bytes is for weights and plan,
 * and -EFBIG means snnq_plan_bytes().
 */
int snnq_plan_create(const void *program, size_t size, const struct snnq_caps *caps,
		     uint64_t max_bytes, struct snnq_pace *pace, struct snnq_plan **plan,
		     struct snnq_diag *diag);
void snnq_plan_destroy(struct snnq_plan *plan);

#define SNNQ_MAX_HELPERS 63u

/*
 * A crew: @helpers threads, 0 to SNNQ_MAX_HELPERS, that sleep until a job of a plan that
 * uses the crew has something for them to do. Jobs of any number of plans may run at once;
 * each also does its own work, so a crew of none is fine. Returns 0, -EINVAL, -ENOMEM or
 * what pthread_create() fails with. Plans that use it are destroyed first.
 */
int snnq_crew_create(uint32_t helpers, struct snnq_crew **crew);
void snnq_crew_destroy(struct snnq_crew *crew);

/**
 * snnq_plan_use_crew() - let threads help with the plan's jobs
 * @plan: has no crew yet, and no job runs.
 * @max_bytes: most memory for what each of them needs; looked at before any is allocated.
 *
 * Results and counters are the same as without. tick of a job is called by the
 * thread that runs it, and so is what accesses its memory.
 *
 * Return: 0, -EFBIG (snnq_plan_crew_bytes() says how much it would need), or -ENOMEM.
 */
int snnq_plan_use_crew(struct snnq_plan *plan, struct snnq_crew *crew, uint64_t max_bytes);
uint64_t snnq_plan_crew_bytes(const void *program, uint32_t helpers);

/* Whether the plan was made from exactly these bytes. */
bool snnq_plan_matches(const struct snnq_plan *plan, const void *program, size_t size);

const struct snnq_program_info *snnq_plan_info(const struct snnq_plan *plan);

/*
 * Where outputs between layers are held: info.tile_steps slots of *slot_bytes each,
 * tensors in them at their offsets. For those who supply outputs of layers that they
 * do not run.
 */
void *snnq_plan_scratch(struct snnq_plan *plan, size_t *slot_bytes);

/*
 * A job in parts, for those who have to look after other things between them. @outcome is
 * filled when it is over, and stays in use until then, as does what @run points to.
 *
 * Each step computes snnq_job_layer() over the steps of a tile. Begin and step return
 * whether there is more to do; a job that has more is gone on with or cancelled. Meanwhile
 * it holds the weights as they are: see snnq_weights_create().
 */
bool snnq_job_begin(struct snnq_plan *plan, const struct snnq_run *run,
		    struct snnq_outcome *outcome);
uint32_t snnq_job_layer(const struct snnq_plan *plan);
bool snnq_job_step(struct snnq_plan *plan);
/* Ends with SNNQ_STATUS_CANCELLED. */
void snnq_job_cancel(struct snnq_plan *plan);

/* All parts of a job; always fills @outcome. */
void snnq_plan_run(struct snnq_plan *plan, const struct snnq_run *run,
		   struct snnq_outcome *outcome);

/*
 * Kernel choice, for tests and benchmarks: by default each layer uses what is
 * fastest for its shape and density; all give identical bits and counters.
 */
enum snnq_kernel_choice {
	SNNQ_KERNEL_AUTO,
	SNNQ_KERNEL_GENERIC, /* slow and plain */
	SNNQ_KERNEL_EVENT,   /* one weight row per spike */
	SNNQ_KERNEL_DENSE,   /* every weight, where a layer has such a kernel */
	SNNQ_KERNEL_LOOKUP,  /* sums of four weights at once, likewise */
	SNNQ_KERNEL_CHOICES
};
void snnq_plan_force_kernel(struct snnq_plan *plan, enum snnq_kernel_choice choice);
/* The plan's crew is asked for each position, however small the layer is. */
void snnq_plan_force_bands(struct snnq_plan *plan);

/*
 * Instruction sets that inner loops are compiled for, likewise: by default the best that
 * the machine has, or the one that SNNQ_ISA in the environment names.
 */
enum snnq_isa {
	SNNQ_ISA_GENERIC,
	SNNQ_ISA_AVX2,
	SNNQ_ISA_AVX512,
	SNNQ_ISA_AVX512_VNNI,
	SNNQ_ISA_AVX512_VBMI2,
	SNNQ_ISA_NEON,
	SNNQ_ISA_NEON_DOTPROD,
	SNNQ_ISA_COUNT
};
/* NULL: the machine has it not. */
const char *snnq_isa_name(enum snnq_isa isa);
/* The one of this name; SNNQ_ISA_COUNT: the machine has none. */
enum snnq_isa snnq_isa_find(const char *name);
/* What plans use, if nothing is forced. */
enum snnq_isa snnq_isa_default(void);
/* False: the machine has it not, and nothing changes. */
bool snnq_plan_force_isa(struct snnq_plan *plan, enum snnq_isa isa);

/**
 * struct snnq_costs - picoseconds that inner loops take on this machine
 * @unit: EVENT: listing the set bits of a word.
 * @call: starting to sum; @row: a row of 64 weights of int8.
 * @dot: DENSE: two inputs times their weights for 16 outputs.
 * @unpack: a bit of inputs with few channels; @load: of others.
 * @table: LOOKUP: tables of four inputs for 8 outputs and 64 lanes; @table4: where four of
 *	them can be looked at together.
 * @image: four inputs in 16 steps; @turn: a sum.
 * @neuron: a step of a LIF neuron with leak 1/2.
 * @match: attention: common bits of two words.
 */
struct snnq_costs {
	double unit, call, row;
	double dot, unpack, load;
	double table, table4, image, turn;
	double neuron, match;
};
/* Measured at the first call in a process, in a few milliseconds at most; NULL as above. */
const struct snnq_costs *snnq_isa_costs(enum snnq_isa isa);
/* What kernels are chosen by, so that the choice can be foreseen; stays the caller's. */
void snnq_plan_force_costs(struct snnq_plan *plan, const struct snnq_costs *costs);

/* Value of a weight code (its low @bits bits) under a scheme; numerics.md. */
int32_t snnq_weight_decode(uint32_t scheme, uint32_t bits, uint32_t code);
/* Code of the level nearest to @value, ties to the smaller magnitude. */
uint32_t snnq_weight_encode(uint32_t scheme, uint32_t bits, double value);
/* Code of weight @i of a packed row. */
uint32_t snnq_weight_code(uint32_t scheme, uint32_t bits, const uint8_t *row, uint32_t i);

#ifdef __cplusplus
}
#endif

#endif /* SNNQ_ENGINE_H */
