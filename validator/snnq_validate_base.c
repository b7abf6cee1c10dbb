// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * snnq_validate_base.c - what the parts of the validator check with: safe points, ranges
 * of fields, names, sizes of tensors, and what this version supports at all.
 */
#include "snnq_validate_internal.h"

const char *snnq_check_text(enum snnq_check check)
{
	static const char *const texts[] = {
#define CHECK_TEXT(name, text) [SNNQ_CHECK_##name] = text,
		SNNQ_CHECKS(CHECK_TEXT)
#undef CHECK_TEXT
	};

	return (unsigned int)check < SNNQ_CHECK_COUNT ? texts[check] : "unknown check";
}

bool snnq_safe_point(struct snnq_pace *pace, __u32 ops)
{
	pace->left = ops < SNNQ_SAFE_POINT_OPS ? SNNQ_SAFE_POINT_OPS - ops : 0;
	return pace->tick && pace->tick(pace->ctx);
}

static __u64 load_field(const void *base, const struct rule *r)
{
	const char *p = (const char *)base + r->offset;

	switch (r->size) {
	case 1:
		return *(const __u8 *)p;
	case 2:
		return *(const __u16 *)(const void *)p;
	case 4:
		return *(const __u32 *)(const void *)p;
	default:
		return *(const __u64 *)(const void *)p;
	}
}

int snnq_check_rules(struct check *c, const void *base, const struct rule *rules, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		__u64 v = load_field(base, &rules[i]);

		if (v < rules[i].min || v > rules[i].max)
			return fail(c, rules[i].check, rules[i].field);
	}
	return 0;
}

#define TENSOR_NAMES(t)                                                                      \
	{                                                                                    \
		t ".offset", t ".region", t ".format", t ".planes", t ".height", t ".width", \
			t ".channels", t ".bound", t ".flags", t ".whole", t ".reserved"     \
	}

const struct tensor_names snnq_input_names[SNNQ_MAX_OPERANDS] = {
	TENSOR_NAMES("in[0]"), TENSOR_NAMES("in[1]"), TENSOR_NAMES("in[2]"), TENSOR_NAMES("in[3]")
};
const struct tensor_names snnq_output_names = TENSOR_NAMES("out");

__u64 snnq_tensor_bytes(const struct snnq_tensor *t)
{
	__u64 positions = (__u64)t->height * t->width;

	switch (t->format) {
	case SNNQ_FORMAT_INT8:
		return positions * t->channels;
	case SNNQ_FORMAT_INT16:
		return positions * t->channels * 2;
	case SNNQ_FORMAT_INT32:
		return positions * t->channels * 4;
	case SNNQ_FORMAT_UNSIGNED:
	case SNNQ_FORMAT_SIGNED:
		return positions * t->planes * (((__u64)t->channels + 63) / 64) * 8;
	default:
		return 0;
	}
}

const __u8 snnq_copy_axes[6][3] = {
	[SNNQ_COPY_HWC] = { 0, 1, 2 }, [SNNQ_COPY_HCW] = { 0, 2, 1 }, [SNNQ_COPY_WHC] = { 1, 0, 2 },
	[SNNQ_COPY_WCH] = { 1, 2, 0 }, [SNNQ_COPY_CHW] = { 2, 0, 1 }, [SNNQ_COPY_CWH] = { 2, 1, 0 },
};

#define BIT_OF(n) (1u << (n))

const struct snnq_caps snnq_caps_all = {
	.max_layers = SNNQ_MAX_LAYERS,
	.max_dim = SNNQ_MAX_DIM,
	.max_channels = SNNQ_MAX_CHANNELS,
	.max_steps = SNNQ_MAX_STEPS,
	.max_program_bytes = SNNQ_MAX_PROGRAM_BYTES,
	.scheme_uniform = 0x1fe, /* 1..8 bits */
	.scheme_odd = 0x1fe,
	.scheme_pot = 0x3c,  /* 2..5 bits */
	.scheme_apot = 0x38, /* 3..5 bits */
	.scheme_ternary = 0x04,
	.neurons = BIT_OF(SNNQ_NEURON_NONE) | BIT_OF(SNNQ_NEURON_LIF) | BIT_OF(SNNQ_NEURON_CUBA),
	.leaks = BIT_OF(SNNQ_LEAK_NONE) | BIT_OF(SNNQ_LEAK_DIVN) | BIT_OF(SNNQ_LEAK_Q16) |
		 BIT_OF(SNNQ_LEAK_TZ12),
	.resets = BIT_OF(SNNQ_RESET_HARD) | BIT_OF(SNNQ_RESET_SOFT) | BIT_OF(SNNQ_RESET_NONE),
	.compares = BIT_OF(SNNQ_COMPARE_GE) | BIT_OF(SNNQ_COMPARE_GT),
	.neuron_flags = NEURON_FLAGS_SUPPORTED,
	.layer_flags = SNNQ_LAYER_FLAG_SKIP_FIRST,
	.formats = BIT_OF(SNNQ_FORMAT_UNSIGNED) | BIT_OF(SNNQ_FORMAT_SIGNED) |
		   BIT_OF(SNNQ_FORMAT_INT32) | BIT_OF(SNNQ_FORMAT_EVENTS),
	.elementwise = BIT_OF(SNNQ_ELEMENTWISE_COUNT) - 1,
	.attention = BIT_OF(SNNQ_ATTENTION_COUNT) - 1,
	.readouts = BIT_OF(SNNQ_READOUT_COUNT) - 2,
	.max_planes = SNNQ_MAX_PLANES,
	.max_kernel = SNNQ_MAX_DIM,
	.max_window = SNNQ_MAX_DIM,
	.max_stride = 255,
	.max_dilation = 255,
	.max_delay = SNNQ_MAX_DELAY,
	.max_tile_steps = SNNQ_MAX_TILE_STEPS,
	.ops = (1ull << SNNQ_OP_COUNT) - 2,
	.needs = NEEDS_SUPPORTED,
	.max_state_bytes = SNNQ_MAX_REGION_BYTES,
	.max_scratch_bytes = SNNQ_MAX_REGION_BYTES,
};
