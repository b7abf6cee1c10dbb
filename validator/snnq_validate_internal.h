/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * snnq_validate_internal.h - between the parts of the validator: what all need
 * to check a field (snnq_validate_base.c), and what the walk over a program
 * (snnq_validate.c) asks about one operation (snnq_validate_ops.c) and about the device
 * (snnq_validate_caps.c, which knows operations too). For no other file.
 */
#ifndef SNNQ_VALIDATE_INTERNAL_H
#define SNNQ_VALIDATE_INTERNAL_H

#include "snnq_validate.h"

/*
 * Of concern to the kernel alone: indices out of range that a processor tries in
 * advance, and others who want to run while a large program is checked.
 */
#ifdef __KERNEL__
#include <linux/nospec.h>
#include <linux/sched.h>
#define SNNQ_INDEX(index, size) array_index_nospec(index, size)
#define snnq_breathe()		cond_resched()
#else
#define SNNQ_INDEX(index, size) (index)
#define snnq_breathe()		((void)0)
#endif

#define SATURATED    (1ull << 63)
#define NOT_IN_LAYER 0xffffffffu
#define INT32_MAX_U  0x7fffffffull

/* What of all that is defined this version executes. */
#define NEEDS_SUPPORTED                                                                          \
	(SNNQ_PROGRAM_NEEDS_BOUNDS | SNNQ_PROGRAM_NEEDS_SCALES | SNNQ_PROGRAM_NEEDS_VIEWS |      \
	 SNNQ_PROGRAM_NEEDS_PREVIOUS | SNNQ_PROGRAM_NEEDS_LOOPS | SNNQ_PROGRAM_NEEDS_LEVELS |    \
	 SNNQ_PROGRAM_NEEDS_POTENTIALS | SNNQ_PROGRAM_NEEDS_TABLES | SNNQ_PROGRAM_NEEDS_RESETS | \
	 SNNQ_PROGRAM_NEEDS_PADDING)
#define NEURON_FLAGS_SUPPORTED (SNNQ_NEURON_FLAGS & ~SNNQ_NEURON_FLAG_STATE16)

struct check {
	const struct snnq_program_header *header; /* the program */
	const __s32 *table;
	struct snnq_pace *pace; /* or NULL */
	__u32 layer;
	struct snnq_diag diag;
};

/* Record what is wrong; the return value is that of the whole validation. */
static inline int fail(struct check *c, enum snnq_check check, const char *field)
{
	c->diag.check = check;
	c->diag.layer = c->layer;
	c->diag.field = field;
	if (check == SNNQ_CHECK_UNSUPPORTED)
		return -EOPNOTSUPP;
	return check == SNNQ_CHECK_OVERFLOW ? -EOVERFLOW : -EINVAL;
}

/* Before @ops operations; an error when they are not to be done. */
static inline int paced(struct check *c, __u32 ops)
{
	snnq_breathe();
	return c->pace && snnq_work(c->pace, ops) ? -EINTR : 0;
}

/* In turn @i of a loop of @count: before each piece of it that is as long as may be. */
static inline int paced_turn(struct check *c, __u32 i, __u32 count)
{
	if (i % SNNQ_SAFE_POINT_OPS)
		return 0;
	count -= i;
	return paced(c, count < SNNQ_SAFE_POINT_OPS ? count : SNNQ_SAFE_POINT_OPS);
}

static inline __u64 mul_sat(__u64 a, __u64 b)
{
	__u64 r;

	return __builtin_mul_overflow(a, b, &r) || r > SATURATED ? SATURATED : r;
}

static inline __u64 add_sat(__u64 a, __u64 b)
{
	__u64 r;

	return __builtin_add_overflow(a, b, &r) || r > SATURATED ? SATURATED : r;
}

static inline bool all_zero(const void *p, size_t bytes)
{
	const unsigned char *b = p;
	size_t i;

	for (i = 0; i < bytes; i++)
		if (b[i])
			return false;
	return true;
}

static inline bool fits(__u64 offset, __u64 bytes, __u64 limit)
{
	return bytes <= limit && offset <= limit - bytes;
}

/* Range of one field of a structure. */
struct rule {
	__u16 offset;
	__u8 size;
	__u8 check;
	__u64 min;
	__u64 max;
	const char *field;
};

#define RULE(type, member, lo, hi, code)                                               \
	{                                                                              \
		.offset = offsetof(type, member), .size = sizeof(((type *)0)->member), \
		.check = SNNQ_CHECK_##code, .min = (lo), .max = (hi), .field = #member \
	}

#define L(...) RULE(struct snnq_layer, __VA_ARGS__)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int snnq_check_rules(struct check *c, const void *base, const struct rule *rules, size_t n);

struct tensor_names {
	const char *offset, *region, *format, *planes, *height, *width, *channels;
	const char *bound, *flags, *view, *reserved;
};

extern const struct tensor_names snnq_input_names[SNNQ_MAX_OPERANDS];
extern const struct tensor_names snnq_output_names;

/* The descriptor of a user region, or NULL. */
static inline const struct snnq_region_desc *user_region(const struct check *c, __u32 region)
{
	if (region < SNNQ_REGION_USER || region - SNNQ_REGION_USER >= c->header->region_count)
		return NULL;
	region = SNNQ_INDEX(region - SNNQ_REGION_USER, c->header->region_count);
	return snnq_program_region(c->header, region);
}

static inline bool same_shape(const struct snnq_tensor *a, const struct snnq_tensor *b)
{
	return a->height == b->height && a->width == b->width && a->channels == b->channels;
}

#define USES_PARAM    (1u << 0)
#define USES_QUANT    (1u << 1)
#define USES_GEOMETRY (1u << 2)
#define USES_NEURON   (1u << 3)
#define USES_MODE     (1u << 4)
#define USES_SCALE    (1u << 5)
#define USES_AXES     (1u << 6)

/*
 * What an operation is made of; @check looks at what is special about it. Without @check
 * it is defined, but not supported; @later says what of a supported one is. @optional of
 * its @inputs may be absent, the last ones.
 */
struct op_rule {
	int (*check)(struct check *c, const struct snnq_layer *l);
	__u32 inputs;
	__u32 uses;
	__u32 in_formats;
	__u32 out_formats; /* with a neuron: spikes, see check_spiking() */
	__u32 in_role;
	__u32 out_role;
	__u32 optional;
	struct {
		__u32 inputs;
		__u32 uses;
		__u32 in_formats;
		__u32 out_formats;
	} later;
};

extern const struct op_rule snnq_op_rules[SNNQ_OP_COUNT];

/* Whether the results of a valid layer are accumulators, which go through a neuron stage. */
bool snnq_has_neuron_stage(const struct snnq_layer *l);

/* The neuron descriptor of a layer whose operation may have a neuron stage. */
int snnq_check_neuron(struct check *c, const struct snnq_layer *l);

/* A valid program against what the device can do. */
int snnq_check_caps(struct check *c, const struct snnq_caps *caps);

/* Upper bound of synaptic operations and neuron updates of a layer in a step. */
__u64 snnq_layer_work(const struct snnq_layer *l);

#endif /* SNNQ_VALIDATE_INTERNAL_H */
