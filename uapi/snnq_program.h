/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * snnq_program.h - the program format: what the coprocessor executes.
 *
 * A program is one little-endian blob: a header, `region_count` region
 * descriptors, `layer_count` layer descriptors, then a table area of int32
 * constants (thresholds, biases, multipliers) that layers refer to by index.
 * Nothing may follow or lie between these parts. Header and descriptors state
 * their sizes: what a longer one has behind the fields that a reader knows must
 * be zero, and one shorter than those of version 1 is refused.
 *
 * The format is wider than what is executed today: what is marked "defined" in
 * Documentation/program-format.md has its exact meaning there and is refused as
 * unsupported, not as unknown, by those that do not execute it.
 *
 * Rules:
 *  - Programs hold no addresses. An operand is (region, offset); the kernel
 *    supplies the region table with each job and the device checks each access.
 *  - Layout is identical for 32- and 64-bit and for C and C++: fixed-width
 *    types, natural alignment, no implicit padding, no unions, no bitfields.
 *  - A reserved or unused field must be zero; an unknown operation, flag, format,
 *    scheme, mode or required feature is refused (default deny). New meaning is
 *    announced by a capability bit and a value that older validators refuse.
 *  - The arithmetic of every operation is in Documentation/numerics.md.
 */
#ifndef SNNQ_PROGRAM_H
#define SNNQ_PROGRAM_H

#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define SNNQ_PROGRAM_MAGIC   0x51504e53u /* "SNPQ" in memory order */
#define SNNQ_PROGRAM_VERSION 1u

/* Least sizes of header and descriptors: those of version 1. */
#define SNNQ_PROGRAM_HEADER_BYTES 96u
#define SNNQ_REGION_DESC_BYTES	  32u
#define SNNQ_LAYER_BYTES	  544u
#define SNNQ_MAX_DESC_BYTES	  4096u

/* Compile-time limits. A device may state smaller ones in its capabilities. */
#define SNNQ_MAX_PROGRAM_BYTES (8u << 20)
#define SNNQ_MAX_LAYERS	       1024u
#define SNNQ_MAX_USER_REGIONS  32u
#define SNNQ_MAX_REGIONS       (SNNQ_MAX_USER_REGIONS + SNNQ_REGION_USER)
#define SNNQ_MAX_DIM	       4096u /* height and width of a tensor */
#define SNNQ_MAX_CHANNELS      65536u
#define SNNQ_MAX_PLANES	       16u
#define SNNQ_MAX_STEPS	       65536u /* time steps in one job */
#define SNNQ_MAX_TILE_STEPS    256u
#define SNNQ_MAX_DELAY	       63u /* time steps */
#define SNNQ_MAX_SHIFT	       16u /* neuron input shift F */
#define SNNQ_MAX_REQUANT_SHIFT 31u
#define SNNQ_MAX_LEVELS	       32767u /* spikes of a neuron in a step */
#define SNNQ_MAX_REGION_BYTES  (1ull << 40)
#define SNNQ_MAX_OPERANDS      4u

/*
 * Regions. The first three belong to the kernel: stream state is double
 * buffered (a job reads version n and writes n + 1), scratch holds activations
 * between layers. Programs refer to state only by offset and to the others by
 * number; region numbers are those of the device's region table.
 */
#define SNNQ_REGION_STATE_IN  0u
#define SNNQ_REGION_STATE_OUT 1u
#define SNNQ_REGION_SCRATCH   2u
#define SNNQ_REGION_USER      3u      /* first region bound by the user */
#define SNNQ_REGION_NONE      0xffffu /* in fault records: no region */
#define SNNQ_LAYER_NONE	      0xffffu /* in fault records: no layer */

/* Rights of a region. */
#define SNNQ_ACCESS_READ  (1u << 0)
#define SNNQ_ACCESS_WRITE (1u << 1)

/*
 * The state region starts with struct snnq_state_header; layer state follows.
 * All-zero memory is a valid fresh state.
 */
struct snnq_state_header {
	__u64 seq;  /* state version; a job must name the version it reads */
	__u64 step; /* time steps done since the last reset */
	__u64 reserved[6];
};

#define SNNQ_STATE_TORN (~0ull) /* seq while the state is being written; no job reads it */

/**
 * struct snnq_program_header - start of a program
 * @magic: SNNQ_PROGRAM_MAGIC.
 * @version: SNNQ_PROGRAM_VERSION.
 * @total_bytes: size of the whole blob; must equal the size handed over.
 * @header_bytes: size of this header, SNNQ_PROGRAM_HEADER_BYTES or more, multiple of 8,
 *	at most SNNQ_MAX_DESC_BYTES.
 * @region_bytes: size of a region descriptor, likewise from SNNQ_REGION_DESC_BYTES on.
 * @layer_bytes: size of a layer descriptor, likewise from SNNQ_LAYER_BYTES on.
 * @layer_count: 1..SNNQ_MAX_LAYERS.
 * @region_count: number of user regions, 0..SNNQ_MAX_USER_REGIONS.
 * @table_count: number of int32 constants behind the layers.
 * @max_steps: most time steps of one job, 1..SNNQ_MAX_STEPS.
 * @tile_steps: steps that layers run before the next layer does (and slots of
 *	scratch), 1..SNNQ_MAX_TILE_STEPS. The result does not depend on it.
 * @flags: MBZ.
 * @needs: SNNQ_PROGRAM_NEEDS_* of all that the program uses; unknown ones are refused.
 * @scratch_step_bytes: scratch bytes per step slot, multiple of 8.
 * @state_bytes: state region size with its header, multiple of 8;
 *	at least sizeof(struct snnq_state_header).
 * @reserved: MBZ.
 */
struct snnq_program_header {
	__u32 magic;
	__u32 version;
	__u32 total_bytes;
	__u32 header_bytes;
	__u32 region_bytes;
	__u32 layer_bytes;
	__u32 layer_count;
	__u32 region_count;
	__u32 table_count;
	__u32 max_steps;
	__u32 tile_steps;
	__u32 flags;
	__u64 needs;
	__u64 scratch_step_bytes;
	__u64 state_bytes;
	__u64 reserved[3];
};

/* Required features. Operations need none of these: their number says it. */
#define SNNQ_PROGRAM_NEEDS_BOUNDS     (1ull << 0)  /* tensors with a @bound */
#define SNNQ_PROGRAM_NEEDS_VIEWS      (1ull << 1)  /* SNNQ_TENSOR_FLAG_SLICE, _RESHAPE */
#define SNNQ_PROGRAM_NEEDS_PREVIOUS   (1ull << 2)  /* SNNQ_TENSOR_FLAG_PREVIOUS */
#define SNNQ_PROGRAM_NEEDS_LOOPS      (1ull << 3)  /* loop groups */
#define SNNQ_PROGRAM_NEEDS_DENSE      (1ull << 4)  /* SNNQ_FORMAT_INT8, _INT16 */
#define SNNQ_PROGRAM_NEEDS_SCALES     (1ull << 5)  /* scaled operands */
#define SNNQ_PROGRAM_NEEDS_ACC64      (1ull << 6)  /* SNNQ_LAYER_FLAG_ACC64 */
#define SNNQ_PROGRAM_NEEDS_LEVELS     (1ull << 7)  /* neurons that count */
#define SNNQ_PROGRAM_NEEDS_POTENTIALS (1ull << 8)  /* SNNQ_OUTPUT_POTENTIAL, _GRADED */
#define SNNQ_PROGRAM_NEEDS_TABLES     (1ull << 9)  /* more tables, or by element */
#define SNNQ_PROGRAM_NEEDS_RESETS     (1ull << 10) /* delayed, periodic; lower clamp */
#define SNNQ_PROGRAM_NEEDS_STATE16    (1ull << 11) /* SNNQ_NEURON_FLAG_STATE16 */
#define SNNQ_PROGRAM_NEEDS_PADDING    (1ull << 12) /* padding that differs between the sides */
#define SNNQ_PROGRAM_NEEDS	      0x1fffull

/**
 * struct snnq_region_desc - what the program needs of a user region
 * @bytes: size in bytes; with @step_bytes != 0 MBZ (the size follows from the steps).
 * @step_bytes: bytes per time step, multiple of 8, or 0 for a region without a
 *	time axis (weights, event lists, readouts). Step t of a job lies at
 *	t * step_bytes; a job of n steps needs n * step_bytes.
 * @access: SNNQ_ACCESS_READ or SNNQ_ACCESS_WRITE, exactly one of them.
 * @role: SNNQ_ROLE_*; informative, but checked: it fixes @access and whether
 *	@step_bytes may be set.
 * @reserved: MBZ.
 */
struct snnq_region_desc {
	__u64 bytes;
	__u64 step_bytes;
	__u32 access;
	__u32 role;
	__u64 reserved;
};

#define SNNQ_ROLE_WEIGHTS 1u /* read, no time axis */
#define SNNQ_ROLE_INPUT	  2u /* read, time axis */
#define SNNQ_ROLE_EVENTS  3u /* read, no time axis; @bytes is a minimum (>= 8) */
#define SNNQ_ROLE_OUTPUT  4u /* write, time axis: a spike or int32 tensor per step */
#define SNNQ_ROLE_READOUT 5u /* write, no time axis */

/*
 * Tensors. Row-major [height][width][channel], channel fastest; tokens are
 * height 1, width N. Bit-plane formats hold one bit per element and plane,
 * each position's channels padded to 64-bit words, plane outermost:
 * [plane][height][width][ceil(channels / 64)] words; bit c % 64 of word c / 64
 * is channel c. Pad bits are written as zero and ignored when read.
 */
#define SNNQ_FORMAT_NONE     0u
#define SNNQ_FORMAT_UNSIGNED 1u /* bit-planes, unsigned; 1 plane = spikes */
#define SNNQ_FORMAT_SIGNED   2u /* bit-planes, two's complement, >= 2 planes */
#define SNNQ_FORMAT_INT32    3u /* int32 per element, unpadded; planes MBZ */
#define SNNQ_FORMAT_EVENTS   4u /* 64-bit event records; planes MBZ; dims bound them */
#define SNNQ_FORMAT_INT8     5u /* int8 per element, unpadded; planes MBZ */
#define SNNQ_FORMAT_INT16    6u /* int16 likewise */
#define SNNQ_FORMAT_COUNT    7u

/**
 * struct snnq_tensor - an operand
 * @offset: bytes from the start of the region (of the step's slot, for regions
 *	with a time axis), multiple of 8.
 * @region: SNNQ_REGION_SCRATCH or a user region.
 * @format: SNNQ_FORMAT_*; NONE means absent, then every field is zero.
 * @planes: 1..SNNQ_MAX_PLANES for bit-plane formats.
 * @height: 1..SNNQ_MAX_DIM.
 * @width: 1..SNNQ_MAX_DIM.
 * @channels: 1..SNNQ_MAX_CHANNELS.
 * @bound: the largest magnitude of an element, or 0: what the format holds. Results are
 *	clamped to it, and so are operands that come from user regions.
 * @flags: SNNQ_TENSOR_FLAG_*, of operands.
 * @whole_height: SLICE, RESHAPE: height of the tensor that lies at @offset; else MBZ.
 * @whole_width: likewise its width.
 * @first_y: SLICE: row of it where the operand begins; else MBZ.
 * @first_x: likewise the column.
 * @reserved16: MBZ.
 * @whole_channels: SLICE, RESHAPE: channels of the tensor at @offset; else MBZ.
 * @first_channel: SLICE: channel of it where the operand begins; else MBZ.
 * @reserved: MBZ.
 */
struct snnq_tensor {
	__u64 offset;
	__u16 region;
	__u8 format;
	__u8 planes;
	__u16 height;
	__u16 width;
	__u32 channels;
	__u32 bound;
	__u16 flags;
	__u16 whole_height;
	__u16 whole_width;
	__u16 first_y;
	__u16 first_x;
	__u16 reserved16;
	__u32 whole_channels;
	__u32 first_channel;
	__u32 reserved;
};

#define SNNQ_TENSOR_FLAG_PREVIOUS (1u << 0) /* as at the end of the step before */
#define SNNQ_TENSOR_FLAG_SLICE	  (1u << 1) /* a box of what the last writer left */
#define SNNQ_TENSOR_FLAG_RESHAPE  (1u << 2) /* its elements in another shape */
#define SNNQ_TENSOR_FLAGS	  0x7u

/*
 * Event record: time step within the job in bits 63..40, y in 39..28, x in
 * 27..16, channel in 15..0. Sorted by step. The list ends with the region or
 * with SNNQ_EVENT_END.
 */
#define SNNQ_EVENT_STEP_SHIFT	40
#define SNNQ_EVENT_Y_SHIFT	28
#define SNNQ_EVENT_X_SHIFT	16
#define SNNQ_EVENT_XY_MASK	0xfffull
#define SNNQ_EVENT_CHANNEL_MASK 0xffffull
#define SNNQ_EVENT_END		(~0ull)

/**
 * struct snnq_quant - quantization descriptor of a weight tensor
 * @offset: bytes from the start of the region to the first weight row.
 * @region: a user region with role SNNQ_ROLE_WEIGHTS.
 * @scheme: SNNQ_SCHEME_*; NONE for layers without weights, then all zero.
 * @bits: bits per weight: UNIFORM 1..8, ODD 1..8, POT 2..5, APOT 3..5, TERNARY 2.
 * @reserved: MBZ.
 *
 * Weights are packed little-endian, `bits` each, in rows: one row per
 * (group, kernel y, kernel x, input channel of the group), in that order, group
 * outermost; a row holds the output channels of the group in order and starts
 * on a byte boundary. TERNARY packs five weights into each byte of a row instead:
 * its base-3 digits, lowest first. The levels of each scheme, and what byte values
 * of 243 and more mean, are in numerics.md.
 */
struct snnq_quant {
	__u64 offset;
	__u16 region;
	__u8 scheme;
	__u8 bits;
	__u32 reserved;
};

#define SNNQ_SCHEME_NONE    0u
#define SNNQ_SCHEME_UNIFORM 1u /* symmetric with zero; 1 bit means -1, +1 */
#define SNNQ_SCHEME_ODD	    2u /* 2c + 1, all codes, no zero */
#define SNNQ_SCHEME_POT	    3u /* 0, +-2^i */
#define SNNQ_SCHEME_APOT    4u /* 0, +-(2^i + 2^j) of a table */
#define SNNQ_SCHEME_TERNARY 5u /* 0, +1, -1 */

#define SNNQ_TERNARY_PER_BYTE 5u

/**
 * struct snnq_neuron - neuron descriptor
 * @model: SNNQ_NEURON_*.
 * @compare: SNNQ_COMPARE_*: fire when the potential is >= or > the threshold.
 * @reset: SNNQ_RESET_*.
 * @leak: SNNQ_LEAK_* of the membrane potential; @leak_param its parameter.
 * @current_leak: SNNQ_LEAK_* of the synaptic current (CUBA only).
 * @shift: F, 0..SNNQ_MAX_SHIFT: the input is accumulator << F.
 * @delay: output delay in time steps, 0..SNNQ_MAX_DELAY; with a table the longest.
 * @requant_shift: S of what is requantized, 0..SNNQ_MAX_REQUANT_SHIFT.
 * @output: SNNQ_OUTPUT_*.
 * @tie: SNNQ_TIE_*.
 * @levels: D, the most spikes in a step, 2..SNNQ_MAX_LEVELS; 0: one.
 * @refractory: steps after a spike's step in which the neuron stays reset and
 *	does not fire, 0..65535.
 * @reserved16: MBZ.
 * @flags: SNNQ_NEURON_FLAG_*.
 * @leak_param: DIVN: n, 1..65536. Q16: lambda * 2^16, 0..65536. TZ12: decay, 0..4096.
 *	NONE, or with a table: MBZ.
 * @current_leak_param: likewise, of @current_leak.
 * @reset_value: potential after a hard reset; with a table MBZ.
 * @low: CLAMP_LOW: the least potential.
 * @reset_period: steps from one reset of the neurons to the next; 0: none.
 * @reset_offset: step of the first one, less than @reset_period.
 * @threshold_index: first of the thresholds in the int32 table. Values >= 1.
 * @threshold_count: 1 (all channels) or the layer's output channels, or its output
 *	elements [height][width][channel]; see LEVEL_THRESHOLDS.
 * @bias_index: likewise of the biases.
 * @bias_count: likewise; 0 means no bias.
 * @mult_index: likewise of the multipliers M of what is requantized.
 * @mult_count: likewise; 0 means that M is 1.
 * @leak_index: likewise of parameters of the leak.
 * @leak_count: likewise; 0: @leak_param.
 * @current_leak_index: likewise of parameters of the current's leak.
 * @current_leak_count: likewise; 0: @current_leak_param.
 * @reset_index: likewise of reset values.
 * @reset_count: likewise; 0: @reset_value.
 * @delay_index: likewise of delays, each 0..@delay.
 * @delay_count: likewise; 0: @delay.
 * @reserved: MBZ.
 */
struct snnq_neuron {
	__u8 model;
	__u8 compare;
	__u8 reset;
	__u8 leak;
	__u8 current_leak;
	__u8 shift;
	__u8 delay;
	__u8 requant_shift;
	__u8 output;
	__u8 tie;
	__u16 levels;
	__u16 refractory;
	__u16 reserved16;
	__u32 flags;
	__u32 leak_param;
	__u32 current_leak_param;
	__s32 reset_value;
	__s32 low;
	__u32 reset_period;
	__u32 reset_offset;
	__u32 threshold_index;
	__u32 threshold_count;
	__u32 bias_index;
	__u32 bias_count;
	__u32 mult_index;
	__u32 mult_count;
	__u32 leak_index;
	__u32 leak_count;
	__u32 current_leak_index;
	__u32 current_leak_count;
	__u32 reset_index;
	__u32 reset_count;
	__u32 delay_index;
	__u32 delay_count;
	__u32 reserved[7];
};

#define SNNQ_NEURON_NONE 0u /* requantize instead */
#define SNNQ_NEURON_LIF	 1u /* one state variable; IF is LIF with no leak */
#define SNNQ_NEURON_CUBA 2u /* synaptic current and membrane potential */

#define SNNQ_COMPARE_GE 0u
#define SNNQ_COMPARE_GT 1u

#define SNNQ_RESET_HARD 0u
#define SNNQ_RESET_SOFT 1u /* subtract the threshold */
#define SNNQ_RESET_NONE 2u

#define SNNQ_LEAK_NONE 0u /* lambda = 1 */
#define SNNQ_LEAK_DIVN 1u /* floor(u / n) */
#define SNNQ_LEAK_Q16  2u /* floor(lambda_q * u / 2^16) */
#define SNNQ_LEAK_TZ12 3u /* sgn(u) * (|u| * (4096 - d) >> 12) */

#define SNNQ_OUTPUT_SPIKES    0u
#define SNNQ_OUTPUT_COUNTS    1u /* levels passed */
#define SNNQ_OUTPUT_POTENTIAL 2u /* requantized */
#define SNNQ_OUTPUT_GRADED    3u /* the same where the neuron fires, else 0 */

#define SNNQ_TIE_COMPARE 0u /* @compare decides */
#define SNNQ_TIE_EVEN	 1u /* a potential at level j passes it when j is even */

/* Keep what DIVN's floor drops as one bit, so that GT is exact. */
#define SNNQ_NEURON_FLAG_STICKY (1u << 0)
/* CUBA: the membrane integrates the current of the previous step. */
#define SNNQ_NEURON_FLAG_OLD_CURRENT (1u << 1)
/* SOFT: subtract in the step after, from the leaked potential. */
#define SNNQ_NEURON_FLAG_DELAYED_RESET (1u << 2)
/* The potential does not fall below @low. */
#define SNNQ_NEURON_FLAG_CLAMP_LOW (1u << 3)
/* Potential and current are int16, in the state too. */
#define SNNQ_NEURON_FLAG_STATE16 (1u << 4)
/* Level j lies at (2 j - 1) thresholds / 2 instead of at j thresholds. */
#define SNNQ_NEURON_FLAG_HALF_LEVELS (1u << 5)
/* A threshold for each level, rising: D of them, or D for each channel in turn. */
#define SNNQ_NEURON_FLAG_LEVEL_THRESHOLDS (1u << 6)
#define SNNQ_NEURON_FLAGS		  0x7fu

/**
 * struct snnq_geometry - window of a convolution or pooling
 * @kernel_h: rows of the kernel, 1..SNNQ_MAX_DIM.
 * @kernel_w: its columns, 1..SNNQ_MAX_DIM.
 * @stride_h: rows from one window to the next, 1..255.
 * @stride_w: columns, 1..255.
 * @pad_h: rows of padding on each side, at most dilation (kernel - 1).
 * @pad_w: columns of padding, likewise.
 * @dilation_h: rows from one of the kernel's to the next, 1..255.
 * @dilation_w: columns, 1..255.
 * @groups: divides input and output channels.
 * @more_h: rows of padding that the lower side has more than the upper, or less.
 * @more_w: columns that the right side has, likewise.
 * @reserved: MBZ.
 *
 * Output size: floor((in + 2 pad + more - dilation (kernel - 1) - 1) / stride) + 1.
 */
struct snnq_geometry {
	__u16 kernel_h;
	__u16 kernel_w;
	__u8 stride_h;
	__u8 stride_w;
	__u16 pad_h;
	__u16 pad_w;
	__u8 dilation_h;
	__u8 dilation_w;
	__u32 groups;
	__s16 more_h;
	__s16 more_w;
	__u32 reserved;
};

/**
 * struct snnq_scale - what an operand is brought to before it is used
 * @mult_index: first of the multipliers M in the int32 table.
 * @mult_count: 1 (all channels) or the operand's channels; 0 means that M is 1.
 * @shift: S, 0..SNNQ_MAX_REQUANT_SHIFT: the operand is (a M + 2^(S - 1)) >> S.
 * @reserved: MBZ.
 */
struct snnq_scale {
	__u32 mult_index;
	__u32 mult_count;
	__u32 shift;
	__u32 reserved;
};

/**
 * struct snnq_layer - layer descriptor
 * @op: SNNQ_OP_*.
 * @flags: SNNQ_LAYER_FLAG_*.
 * @param: POOL_SUM: the weight of each input, 1..32767. ATTENTION, MATMUL: heads,
 *	dividing the channels. READOUT: SNNQ_READOUT_*. Otherwise MBZ.
 * @mode: what the operation does in particular: SNNQ_ELEMENTWISE_*, SNNQ_ATTENTION_*,
 *	SNNQ_MATMUL_* flags, SNNQ_REDUCE_*, SNNQ_COPY_*. Otherwise MBZ.
 * @axes: SNNQ_AXIS_* flags of REDUCE; one of them for CONCAT. Otherwise MBZ.
 * @in: operands; unused ones are all zero.
 * @out: result.
 * @quant: weights (CONV2D, LINEAR).
 * @geometry: window (CONV2D, POOL_*), factors as strides (UPSAMPLE), groups of channels
 *	(REDUCE); all zero for other operations.
 * @scale: of each operand (ELEMENTWISE, POOL_MAX, CONCAT, COPY); otherwise all zero.
 * @neuron: neuron or requantization of the accumulator.
 * @state_offset: bytes from the start of the state region to this layer's
 *	state, multiple of 8; 0 when it has none. Layer states do not overlap.
 * @loop: number of the loop group, the same for neighbours that loop together; 0: none.
 * @loop_count: rounds of the loop in a time step, 1 or more; without a loop MBZ.
 * @tag: free for the owner, reported nowhere; any value.
 * @reserved: MBZ.
 */
struct snnq_layer {
	__u16 op;
	__u16 flags;
	__u32 param;
	__u32 mode;
	__u32 axes;
	struct snnq_tensor in[4];
	struct snnq_tensor out;
	struct snnq_quant quant;
	struct snnq_geometry geometry;
	struct snnq_scale scale[4];
	struct snnq_neuron neuron;
	__u64 state_offset;
	__u16 loop;
	__u16 loop_count;
	__u32 tag;
	__u32 reserved[10];
};

#define SNNQ_OP_EVENTS	    1u /* event list -> spikes or counts */
#define SNNQ_OP_CONV2D	    2u
#define SNNQ_OP_LINEAR	    3u	/* at each position, over channels */
#define SNNQ_OP_POOL_MAX    4u	/* OR for spikes; on INT32 before a neuron */
#define SNNQ_OP_POOL_SUM    5u	/* also average: fold 1/k into what follows */
#define SNNQ_OP_ELEMENTWISE 6u	/* of in[0] and in[1], element by element */
#define SNNQ_OP_ATTENTION   7u	/* (Q K^T) V of in[0], in[1], in[2], per head */
#define SNNQ_OP_READOUT	    8u	/* over positions and steps, to int32 */
#define SNNQ_OP_MATMUL	    9u	/* of two or three operands, per head */
#define SNNQ_OP_CONCAT	    10u /* operands behind each other along an axis */
#define SNNQ_OP_COPY	    11u /* of a view, axes in another order, into a format */
#define SNNQ_OP_UPSAMPLE    12u /* each position several times */
#define SNNQ_OP_REDUCE	    13u /* along axes */
#define SNNQ_OP_COUNT	    14u

/* The neuron is not updated and does not fire in the first step after a reset. */
#define SNNQ_LAYER_FLAG_SKIP_FIRST (1u << 0)
/* Accumulators have 64 bits; the bound that the validator proves is 2^63 - 1. */
#define SNNQ_LAYER_FLAG_ACC64 (1u << 1)
#define SNNQ_LAYER_FLAGS      0x3u

#define SNNQ_ELEMENTWISE_ADD	  0u /* saturating to the output's format */
#define SNNQ_ELEMENTWISE_AND	  1u /* spikes, bit by bit */
#define SNNQ_ELEMENTWISE_ANDN	  2u /* in[0] and not in[1] */
#define SNNQ_ELEMENTWISE_OR	  3u
#define SNNQ_ELEMENTWISE_MULTIPLY 4u
#define SNNQ_ELEMENTWISE_COUNT	  5u

/* The result of the first two is the same; their order fixes what synops counts. */
#define SNNQ_ATTENTION_QK_FIRST 0u
#define SNNQ_ATTENTION_KV_FIRST 1u
#define SNNQ_ATTENTION_TOKEN	2u /* K where a channel of the head spikes in Q */
#define SNNQ_ATTENTION_CHANNEL	3u /* Q where K and V spike together in any token */
#define SNNQ_ATTENTION_COUNT	4u

#define SNNQ_MATMUL_TRANSPOSE_0 (1u << 0) /* in[0] is taken transposed */
#define SNNQ_MATMUL_TRANSPOSE_1 (1u << 1)
#define SNNQ_MATMUL_TRANSPOSE_2 (1u << 2)
#define SNNQ_MATMUL_RIGHT_FIRST (1u << 3) /* in[0] (in[1] in[2]) */

#define SNNQ_REDUCE_SUM 0u
#define SNNQ_REDUCE_OR	1u
#define SNNQ_REDUCE_MAX 2u

#define SNNQ_AXIS_HEIGHT   (1u << 0)
#define SNNQ_AXIS_WIDTH	   (1u << 1)
#define SNNQ_AXIS_CHANNELS (1u << 2)

/* Which axis of the operand (height, width, channels) becomes height, width and channels. */
#define SNNQ_COPY_HWC 0u
#define SNNQ_COPY_HCW 1u
#define SNNQ_COPY_WHC 2u
#define SNNQ_COPY_WCH 3u
#define SNNQ_COPY_CHW 4u
#define SNNQ_COPY_CWH 5u

#define SNNQ_READOUT_SUM   1u /* of all steps since the reset; mean is this over steps */
#define SNNQ_READOUT_LAST  2u /* of the last step of the job */
#define SNNQ_READOUT_MAX   3u /* the largest of the steps since the reset */
#define SNNQ_READOUT_VOTE  4u /* SUM over groups of neighbouring channels */
#define SNNQ_READOUT_COUNT 5u

/**
 * struct snnq_layer_stats - exact counters of one layer in one job
 * @input_spikes: set bits of all input planes read (each element once per step).
 * @input_possible: elements times planes times steps.
 * @synops: synaptic operations: one per (set input bit, existing connection);
 *	ATTENTION: by the order that its mode states (see numerics.md).
 * @neuron_updates: neurons times steps.
 * @output_spikes: set bits of all output planes (after the delay).
 * @weight_bytes: weight bytes read from host memory.
 * @input_bytes: activation bytes read.
 * @output_bytes: activation bytes written.
 * @state_bytes: state bytes read and written.
 * @sram_bytes: bytes moved in local memory by the cycle model.
 * @compute_cycles: cycles of computing, by the cycle model of hardware.md.
 * @memory_cycles: cycles of moving, by the same.
 * @stall_cycles: max(compute, memory) - compute.
 * @saturations: results clamped to their format, membranes clamped to int32,
 *	and event counts beyond the planes.
 * @steps: time steps.
 * @reserved: 0.
 */
struct snnq_layer_stats {
	__u64 input_spikes;
	__u64 input_possible;
	__u64 synops;
	__u64 neuron_updates;
	__u64 output_spikes;
	__u64 weight_bytes;
	__u64 input_bytes;
	__u64 output_bytes;
	__u64 state_bytes;
	__u64 sram_bytes;
	__u64 compute_cycles;
	__u64 memory_cycles;
	__u64 stall_cycles;
	__u64 saturations;
	__u64 steps;
	__u64 reserved;
};

/* Completion status of a job. */
#define SNNQ_STATUS_OK		0u
#define SNNQ_STATUS_BAD_PROGRAM 1u /* the device's own check refused it */
#define SNNQ_STATUS_BAD_REGION	2u /* region table entry wrong or too small */
#define SNNQ_STATUS_ACCESS	3u /* outside a region or without the right */
#define SNNQ_STATUS_DMA		4u /* no answer; offset = DMA address */
#define SNNQ_STATUS_BAD_EVENT	5u /* out of order or bounds; offset in region */
#define SNNQ_STATUS_BAD_STATE	6u /* state version is not the one named */
#define SNNQ_STATUS_CANCELLED	7u
#define SNNQ_STATUS_WATCHDOG	8u
#define SNNQ_STATUS_INTERNAL	9u
#define SNNQ_STATUS_BAD_ENTRY	10u /* submission entry wrong */
#define SNNQ_STATUS_COUNT	11u

#if defined(__cplusplus)
}
#endif

#endif /* SNNQ_PROGRAM_H */
