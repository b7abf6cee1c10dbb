/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * snnq_validate.h - the program validator.
 *
 * Free of dependencies and compiled into the driver, libsnnq, the device model, the
 * fuzzer and the unit tests, so that all refuse the same programs for the same reason.
 * Default deny: what is not known is refused. After validation use the numbers in
 * struct snnq_program_info and the helpers below; never recompute sizes from raw
 * fields elsewhere. snnq_validate.c walks over the program, snnq_validate_ops.c knows
 * the operations, snnq_validate_caps.c the devices, snnq_validate_base.c what all
 * check with.
 */
#ifndef SNNQ_VALIDATE_H
#define SNNQ_VALIDATE_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#endif
#include "snnq_program.h"

/*
 * What is wrong with a program; append only (uAPI: error_code). UNSUPPORTED alone says
 * that it may be right: this device, or this version of what checks and executes it,
 * lacks something that the format defines.
 */
#define SNNQ_CHECKS(X)                                                           \
	X(OK, "program is valid")                                                \
	X(SIZE, "size of the program does not match its parts")                  \
	X(MAGIC, "not a program (magic)")                                        \
	X(VERSION, "unknown program version")                                    \
	X(RESERVED, "a reserved or unused field is not zero")                    \
	X(LIMIT, "a count exceeds its limit")                                    \
	X(REGION, "region descriptor is wrong")                                  \
	X(SCRATCH, "scratch size is wrong")                                      \
	X(STATE, "state is misplaced, overlaps or does not fit")                 \
	X(OP, "unknown operation")                                               \
	X(FLAGS, "unknown flag")                                                 \
	X(PARAM, "parameter of the operation out of range")                      \
	X(TENSOR_FORMAT, "tensor format not allowed here")                       \
	X(TENSOR_DIMS, "tensor dimension out of range")                          \
	X(TENSOR_REGION, "tensor in a region that does not allow it")            \
	X(TENSOR_EXTENT, "tensor does not fit its region")                       \
	X(TENSOR_SOURCE, "scratch tensor is read before it was written as such") \
	X(TENSOR_ALIAS, "output overlaps an operand")                            \
	X(SHAPE, "shapes of operands and result do not agree")                   \
	X(SCHEME, "unknown quantization scheme or bit width")                    \
	X(WEIGHTS, "weights are misplaced or do not fit their region")           \
	X(GEOMETRY, "kernel, stride, padding, dilation or groups out of range")  \
	X(NEURON, "neuron descriptor is wrong")                                  \
	X(TABLE, "table index or count out of range")                            \
	X(THRESHOLD, "threshold below 1")                                        \
	X(OVERFLOW, "accumulator may exceed 32 bits")                            \
	X(UNSUPPORTED, "the device does not support this")                       \
	X(NEEDS, "required feature unknown, or used without being required")     \
	X(BOUND, "value bound out of range")

enum snnq_check {
#define SNNQ_CHECK_ENUM(name, text) SNNQ_CHECK_##name,
	SNNQ_CHECKS(SNNQ_CHECK_ENUM)
#undef SNNQ_CHECK_ENUM
		SNNQ_CHECK_COUNT
};

/*
 * All capabilities: member of struct snnq_caps and of DEV_INFO, name of the register
 * (SNNQ_REG_CAP_*). Masks have a bit for each value or flag, limits are the most.
 * 64-bit ones are pairs of registers.
 */
#define SNNQ_CAPS_MASKS(X)            \
	X(scheme_uniform, UNIFORM)    \
	X(scheme_odd, ODD)            \
	X(scheme_pot, POT)            \
	X(scheme_apot, APOT)          \
	X(scheme_ternary, TERNARY)    \
	X(neurons, NEURONS)           \
	X(leaks, LEAKS)               \
	X(resets, RESETS)             \
	X(compares, COMPARES)         \
	X(neuron_flags, NEURON_FLAGS) \
	X(layer_flags, LAYER_FLAGS)   \
	X(formats, FORMATS)           \
	X(elementwise, ELEMENTWISE)   \
	X(attention, ATTENTION)       \
	X(readouts, READOUTS)

#define SNNQ_CAPS_LIMITS(X)           \
	X(max_layers, LAYERS)         \
	X(max_dim, DIM)               \
	X(max_channels, CHANNELS)     \
	X(max_steps, STEPS)           \
	X(max_program_bytes, PROGRAM) \
	X(max_planes, PLANES)         \
	X(max_kernel, KERNEL)         \
	X(max_window, WINDOW)         \
	X(max_stride, STRIDE)         \
	X(max_dilation, DILATION)     \
	X(max_delay, DELAY)           \
	X(max_tile_steps, TILE)

#define SNNQ_CAPS_MASKS64(X) \
	X(ops, OPS)          \
	X(needs, NEEDS)

#define SNNQ_CAPS_LIMITS64(X)     \
	X(max_state_bytes, STATE) \
	X(max_scratch_bytes, SCRATCH)

#define SNNQ_CAPS(X)         \
	SNNQ_CAPS_MASKS(X)   \
	SNNQ_CAPS_LIMITS(X)  \
	SNNQ_CAPS_MASKS64(X) \
	SNNQ_CAPS_LIMITS64(X)

/**
 * struct snnq_caps - what the executing device can do
 * @max_layers: layers of a program; as all limits, at most the compile-time one.
 * @max_dim: height or width of a tensor.
 * @max_channels: channels of a tensor.
 * @max_steps: time steps of a job.
 * @max_program_bytes: size of a program.
 * @scheme_uniform: bit b: weights of SNNQ_SCHEME_UNIFORM with b bits.
 * @scheme_odd: likewise SNNQ_SCHEME_ODD.
 * @scheme_pot: likewise SNNQ_SCHEME_POT.
 * @scheme_apot: likewise SNNQ_SCHEME_APOT.
 * @scheme_ternary: likewise SNNQ_SCHEME_TERNARY.
 * @neurons: bit n: SNNQ_NEURON n; bit 0: requantizing instead.
 * @leaks: bit n: SNNQ_LEAK n, of the potential and of the current.
 * @resets: bit n: SNNQ_RESET n.
 * @compares: bit n: SNNQ_COMPARE n.
 * @neuron_flags: SNNQ_NEURON_FLAG_*.
 * @layer_flags: SNNQ_LAYER_FLAG_*.
 * @formats: bit n: tensors of SNNQ_FORMAT n.
 * @elementwise: bit n: SNNQ_ELEMENTWISE n.
 * @attention: bit n: SNNQ_ATTENTION n.
 * @readouts: bit n: SNNQ_READOUT n.
 * @max_planes: planes of a tensor.
 * @max_kernel: rows or columns of a convolution's kernel.
 * @max_window: rows or columns of a pool's window.
 * @max_stride: stride of either.
 * @max_dilation: dilation of either.
 * @max_delay: output delay of a neuron.
 * @max_tile_steps: time steps that layers run at a time.
 * @ops: bit n: operation SNNQ_OP n.
 * @needs: SNNQ_PROGRAM_NEEDS_*.
 * @max_state_bytes: size of the state.
 * @max_scratch_bytes: size of the scratch, of all steps of a tile.
 */
struct snnq_caps {
	__u32 max_layers;
	__u32 max_dim;
	__u32 max_channels;
	__u32 max_steps;
	__u32 max_program_bytes;
	__u32 scheme_uniform;
	__u32 scheme_odd;
	__u32 scheme_pot;
	__u32 scheme_apot;
	__u32 scheme_ternary;
	__u32 neurons;
	__u32 leaks;
	__u32 resets;
	__u32 compares;
	__u32 neuron_flags;
	__u32 layer_flags;
	__u32 formats;
	__u32 elementwise;
	__u32 attention;
	__u32 readouts;
	__u32 max_planes;
	__u32 max_kernel;
	__u32 max_window;
	__u32 max_stride;
	__u32 max_dilation;
	__u32 max_delay;
	__u32 max_tile_steps;
	__u64 ops;
	__u64 needs;
	__u64 max_state_bytes;
	__u64 max_scratch_bytes;
};

/* Everything this version defines: the sim backend and the device model. */
extern const struct snnq_caps snnq_caps_all;

/* Bit b: @scheme may have b bits. 0: there is no such scheme. */
static inline __u32 snnq_scheme_widths(const struct snnq_caps *caps, __u32 scheme)
{
	switch (scheme) {
	case SNNQ_SCHEME_UNIFORM:
		return caps->scheme_uniform;
	case SNNQ_SCHEME_ODD:
		return caps->scheme_odd;
	case SNNQ_SCHEME_POT:
		return caps->scheme_pot;
	case SNNQ_SCHEME_APOT:
		return caps->scheme_apot;
	case SNNQ_SCHEME_TERNARY:
		return caps->scheme_ternary;
	default:
		return 0;
	}
}

static inline bool snnq_scheme_ok(const struct snnq_caps *caps, __u32 scheme, __u32 bits)
{
	return bits < 32 && snnq_scheme_widths(caps, scheme) >> bits & 1;
}

/*
 * Work that can take long passes a safe point, where it can be ended, after at most
 * this many elementary operations (Documentation/hardware.md says what they are).
 */
#define SNNQ_SAFE_POINT_OPS 65536u

/**
 * struct snnq_pace - safe points of one piece of work
 * @tick: called at each; true ends the work. May be NULL.
 * @ctx: passed back.
 * @left: operations until the next one; 0 at first.
 */
struct snnq_pace {
	bool (*tick)(void *ctx);
	void *ctx;
	__u32 left;
};

bool snnq_safe_point(struct snnq_pace *pace, __u32 ops);

/* To be asked before @ops operations, at most SNNQ_SAFE_POINT_OPS; true: do not do them. */
static inline bool snnq_work(struct snnq_pace *pace, __u32 ops)
{
	if (ops > pace->left)
		return snnq_safe_point(pace, ops);
	pace->left -= ops;
	return false;
}

struct snnq_diag {
	enum snnq_check check;
	__u32 layer;	   /* 0xffffffff: not in a layer */
	const char *field; /* static string: which field, for people */
};

struct snnq_region_info {
	__u64 bytes;
	__u64 step_bytes;
	__u32 access;
	__u32 role;
};

/**
 * struct snnq_program_info - what is left to know after validation
 * @layer_count: as in the header.
 * @region_count: as in the header.
 * @table_count: as in the header.
 * @max_steps: as in the header.
 * @tile_steps: as in the header.
 * @program_bytes: size of the program.
 * @scratch_step_bytes: as in the header.
 * @scratch_bytes: tile_steps * scratch_step_bytes.
 * @state_bytes: as in the header.
 * @work_per_step: upper bound of synaptic operations and neuron updates per
 *	time step, for watchdogs; saturates at 2^63.
 * @regions: user regions.
 */
struct snnq_program_info {
	__u32 layer_count;
	__u32 region_count;
	__u32 table_count;
	__u32 max_steps;
	__u32 tile_steps;
	__u32 program_bytes;
	__u64 scratch_step_bytes;
	__u64 scratch_bytes;
	__u64 state_bytes;
	__u64 work_per_step;
	struct snnq_region_info regions[SNNQ_MAX_USER_REGIONS];
};

/**
 * snnq_program_validate() - check a program against a device
 * @blob: the program, 8-byte aligned, in memory that nobody else can change.
 * @size: its bytes.
 * @caps: the device.
 * @info: out, on success.
 * @diag: out, always; may be NULL.
 *
 * Return: 0, -EINVAL (malformed), -EOPNOTSUPP (beyond @caps, or defined and not
 * executed by this version, in which case the rest is not looked at),
 * -EOVERFLOW (accumulator not provably within 32 bits).
 */
int snnq_program_validate(const void *blob, size_t size, const struct snnq_caps *caps,
			  struct snnq_program_info *info, struct snnq_diag *diag);

/* The same with safe points; -EINTR, with a diag that says OK, when one ended it. */
int snnq_program_validate_paced(const void *blob, size_t size, const struct snnq_caps *caps,
				struct snnq_pace *pace, struct snnq_program_info *info,
				struct snnq_diag *diag);

/* Text for a check, for example "unknown operation". Never NULL. */
const char *snnq_check_text(enum snnq_check check);

/* Parts of a validated program: the only places that know where descriptors lie. */
static inline const struct snnq_region_desc *snnq_program_region(const void *blob, __u32 i)
{
	const struct snnq_program_header *h = blob;

	return (const void *)((const char *)blob + h->header_bytes + (size_t)i * h->region_bytes);
}

static inline const struct snnq_layer *snnq_program_layer(const void *blob, __u32 i)
{
	const struct snnq_program_header *h = blob;
	const char *first = (const void *)snnq_program_region(blob, h->region_count);

	return (const void *)(first + (size_t)i * h->layer_bytes);
}

static inline const __s32 *snnq_program_table(const void *blob)
{
	const struct snnq_program_header *h = blob;

	return (const void *)snnq_program_layer(blob, h->layer_count);
}

/* Bytes of one time step of a tensor; 0 for events. Dims must be in range. */
__u64 snnq_tensor_bytes(const struct snnq_tensor *t);

/* Elements of a tensor. */
static inline __u64 snnq_tensor_elements(const struct snnq_tensor *t)
{
	return (__u64)t->height * t->width * t->channels;
}

/* The largest magnitude of an element of bit-planes or int32. */
static inline __u32 snnq_tensor_largest(const struct snnq_tensor *t)
{
	if (t->bound)
		return t->bound;
	if (t->format == SNNQ_FORMAT_INT32)
		return 1u << 31;
	return t->format == SNNQ_FORMAT_SIGNED ? 1u << (t->planes - 1) : (1u << t->planes) - 1;
}

/* Which axis (0 height, 1 width, 2 channels) of its operand COPY makes height, width, channels. */
extern const __u8 snnq_copy_axes[6][3];

/* Bytes of a row of @n packed weights: the one place that knows. */
static inline __u64 snnq_row_bytes(__u32 scheme, __u32 bits, __u32 n)
{
	if (scheme == SNNQ_SCHEME_TERNARY)
		return n / SNNQ_TERNARY_PER_BYTE + (n % SNNQ_TERNARY_PER_BYTE != 0);
	return ((__u64)n * bits + 7) / 8;
}

/* Bytes of one weight row, and of all weights of a layer. */
__u64 snnq_weight_row_bytes(const struct snnq_layer *l);
__u64 snnq_weight_bytes(const struct snnq_layer *l);

/* Whether the state has a word for refractory steps, the sticky bit and the count to subtract. */
static inline bool snnq_neuron_has_counter(const struct snnq_neuron *n)
{
	return n->refractory ||
	       n->flags & (SNNQ_NEURON_FLAG_STICKY | SNNQ_NEURON_FLAG_DELAYED_RESET);
}

/* How often a layer runs in a time step. */
static inline __u32 snnq_layer_rounds(const struct snnq_layer *l)
{
	return l->loop ? l->loop_count : 1;
}

/* Bytes of a layer's state, multiple of 8. */
__u64 snnq_layer_state_bytes(const struct snnq_layer *l);

/* Bytes that user region @r (0-based) needs for @steps; both in range. */
static inline __u64 snnq_region_required(const struct snnq_program_info *info, __u32 r, __u32 steps)
{
	const struct snnq_region_info *i = &info->regions[r];

	return i->step_bytes ? i->step_bytes * steps : i->bytes;
}

#endif /* SNNQ_VALIDATE_H */
