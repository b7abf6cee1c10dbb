/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * snnq_program.h - the program format: what the coprocessor executes.
 *
 * A program is one little-endian blob: a header, `region_count` region
 * descriptors, `layer_count` layer descriptors, then a table area of int32
 * constants (thresholds, biases, multipliers) that layers refer to by index.
 * Nothing may follow or lie between these parts.
 *
 * Rules:
 *  - Programs hold no addresses. An operand is (region, offset); the kernel
 *    supplies the region table with each job and the device checks each access.
 *  - Layout is identical for 32- and 64-bit and for C and C++: fixed-width
 *    types, natural alignment, no implicit padding, no unions, no bitfields.
 *  - A reserved or unused field must be zero; an unknown operation, flag, format,
 *    scheme or mode is refused (default deny). New meaning is announced by a
 *    capability bit and a value that older validators refuse.
 *  - The arithmetic of every operation is in Documentation/numerics.md.
 */
#ifndef SNNQ_PROGRAM_H
#define SNNQ_PROGRAM_H

#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define SNNQ_PROGRAM_MAGIC	0x51504e53u	/* "SNPQ" in memory order */
#define SNNQ_PROGRAM_VERSION	1u

/* Compile-time limits. A device may state smaller ones in its capabilities. */
#define SNNQ_MAX_PROGRAM_BYTES	(8u << 20)
#define SNNQ_MAX_LAYERS		1024u
#define SNNQ_MAX_USER_REGIONS	32u
#define SNNQ_MAX_REGIONS	(SNNQ_MAX_USER_REGIONS + SNNQ_REGION_USER)
#define SNNQ_MAX_DIM		4096u		/* height and width of a tensor */
#define SNNQ_MAX_CHANNELS	65536u
#define SNNQ_MAX_PLANES		16u
#define SNNQ_MAX_STEPS		65536u		/* time steps in one job */
#define SNNQ_MAX_TILE_STEPS	256u
#define SNNQ_MAX_DELAY		63u		/* time steps */
#define SNNQ_MAX_SHIFT		16u		/* neuron input shift F */
#define SNNQ_MAX_REQUANT_SHIFT	31u
#define SNNQ_MAX_REGION_BYTES	(1ull << 40)

/*
 * Regions. The first three belong to the kernel: stream state is double
 * buffered (a job reads version n and writes n + 1), scratch holds activations
 * between layers. Programs refer to state only by offset and to the others by
 * number; region numbers are those of the device's region table.
 */
#define SNNQ_REGION_STATE_IN	0u
#define SNNQ_REGION_STATE_OUT	1u
#define SNNQ_REGION_SCRATCH	2u
#define SNNQ_REGION_USER	3u	/* first region bound by the user */
#define SNNQ_REGION_NONE	0xffffu	/* in fault records: no region */
#define SNNQ_LAYER_NONE		0xffffu	/* in fault records: no layer */

/* Rights of a region. */
#define SNNQ_ACCESS_READ	(1u << 0)
#define SNNQ_ACCESS_WRITE	(1u << 1)

/*
 * The state region starts with struct snnq_state_header; layer state follows.
 * All-zero memory is a valid fresh state.
 */
struct snnq_state_header {
	__u64 seq;		/* state version; a job must name the version it reads */
	__u64 step;		/* time steps done since the last reset */
	__u64 reserved[6];
};

#define SNNQ_STATE_TORN		(~0ull)	/* seq while the state is being written; no job reads it */

/**
 * struct snnq_program_header - start of a program
 * @magic: SNNQ_PROGRAM_MAGIC.
 * @version: SNNQ_PROGRAM_VERSION.
 * @total_bytes: size of the whole blob; must equal the size handed over.
 * @layer_count: 1..SNNQ_MAX_LAYERS.
 * @region_count: number of user regions, 0..SNNQ_MAX_USER_REGIONS.
 * @table_count: number of int32 constants behind the layers.
 * @max_steps: most time steps of one job, 1..SNNQ_MAX_STEPS.
 * @tile_steps: steps that layers run before the next layer does (and slots of
 *	scratch), 1..SNNQ_MAX_TILE_STEPS. The result does not depend on it.
 * @scratch_step_bytes: scratch bytes per step slot, multiple of 8.
 * @state_bytes: state region size with its header, multiple of 8;
 *	at least sizeof(struct snnq_state_header).
 * @flags: MBZ.
 * @reserved: MBZ.
 */
struct snnq_program_header {
	__u32 magic;
	__u32 version;
	__u32 total_bytes;
	__u32 layer_count;
	__u32 region_count;
	__u32 table_count;
	__u32 max_steps;
	__u32 tile_steps;
	__u64 scratch_step_bytes;
	__u64 state_bytes;
	__u32 flags;
	__u32 reserved[3];
};

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

#define SNNQ_ROLE_WEIGHTS	1u	/* read, no time axis */
#define SNNQ_ROLE_INPUT		2u	/* read, time axis */
#define SNNQ_ROLE_EVENTS	3u	/* read, no time axis; @bytes is a minimum (>= 8) */
#define SNNQ_ROLE_OUTPUT	4u	/* write, time axis: a spike or int32 tensor per step */
#define SNNQ_ROLE_READOUT	5u	/* write, no time axis */

/*
 * Tensors. Row-major [height][width][channel], channel fastest; tokens are
 * height 1, width N. Bit-plane formats hold one bit per element and plane,
 * each position's channels padded to 64-bit words, plane outermost:
 * [plane][height][width][ceil(channels / 64)] words; bit c % 64 of word c / 64
 * is channel c. Pad bits are written as zero and ignored when read.
 */
#define SNNQ_FORMAT_NONE	0u
#define SNNQ_FORMAT_UNSIGNED	1u	/* bit-planes, unsigned; 1 plane = spikes */
#define SNNQ_FORMAT_SIGNED	2u	/* bit-planes, two's complement, >= 2 planes */
#define SNNQ_FORMAT_INT32	3u	/* int32 per element, unpadded; planes MBZ */
#define SNNQ_FORMAT_EVENTS	4u	/* 64-bit event records; planes MBZ; dims bound them */

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
	__u32 reserved;
};

/*
 * Event record: time step within the job in bits 63..40, y in 39..28, x in
 * 27..16, channel in 15..0. Sorted by step. The list ends with the region or
 * with SNNQ_EVENT_END.
 */
#define SNNQ_EVENT_STEP_SHIFT	40
#define SNNQ_EVENT_Y_SHIFT	28
#define SNNQ_EVENT_X_SHIFT	16
#define SNNQ_EVENT_XY_MASK	0xfffull
#define SNNQ_EVENT_CHANNEL_MASK	0xffffull
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

#define SNNQ_SCHEME_NONE	0u
#define SNNQ_SCHEME_UNIFORM	1u	/* symmetric with zero; 1 bit means -1, +1 */
#define SNNQ_SCHEME_ODD		2u	/* 2c + 1, all codes, no zero */
#define SNNQ_SCHEME_POT		3u	/* 0, +-2^i */
#define SNNQ_SCHEME_APOT	4u	/* 0, +-(2^i + 2^j) of a table */
#define SNNQ_SCHEME_TERNARY	5u	/* 0, +1, -1 */

#define SNNQ_TERNARY_PER_BYTE	5u

/**
 * struct snnq_neuron - neuron descriptor
 * @model: SNNQ_NEURON_*.
 * @compare: SNNQ_COMPARE_*: fire when the potential is >= or > the threshold.
 * @reset: SNNQ_RESET_*.
 * @leak: SNNQ_LEAK_* of the membrane potential; @leak_param its parameter.
 * @current_leak: SNNQ_LEAK_* of the synaptic current (CUBA only).
 * @shift: F, 0..SNNQ_MAX_SHIFT: the input is accumulator << F.
 * @delay: output delay in time steps, 0..SNNQ_MAX_DELAY.
 * @requant_shift: S of a layer without neuron, 0..SNNQ_MAX_REQUANT_SHIFT.
 * @leak_param: DIVN: n, 1..65536. Q16: lambda * 2^16, 0..65536. TZ12: decay, 0..4096.
 *	NONE: MBZ.
 * @current_leak_param: likewise, of @current_leak.
 * @reset_value: potential after a hard reset.
 * @refractory: steps after a spike's step in which the neuron stays reset and
 *	does not fire, 0..65535.
 * @flags: SNNQ_NEURON_FLAG_*.
 * @threshold_index: first of the thresholds in the int32 table. Values >= 1.
 * @threshold_count: 1 (all channels) or the layer's output channels.
 * @bias_index: likewise of the biases.
 * @bias_count: likewise; 0 means no bias.
 * @mult_index: likewise of the multipliers M of a layer without neuron.
 * @mult_count: likewise; 0 means that M is 1.
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
	__u32 leak_param;
	__u32 current_leak_param;
	__s32 reset_value;
	__u16 refractory;
	__u16 flags;
	__u32 threshold_index;
	__u32 threshold_count;
	__u32 bias_index;
	__u32 bias_count;
	__u32 mult_index;
	__u32 mult_count;
	__u32 reserved[3];
};

#define SNNQ_NEURON_NONE	0u	/* requantize instead */
#define SNNQ_NEURON_LIF		1u	/* one state variable; IF is LIF with no leak */
#define SNNQ_NEURON_CUBA	2u	/* synaptic current and membrane potential */

#define SNNQ_COMPARE_GE		0u
#define SNNQ_COMPARE_GT		1u

#define SNNQ_RESET_HARD		0u
#define SNNQ_RESET_SOFT		1u	/* subtract the threshold */
#define SNNQ_RESET_NONE		2u

#define SNNQ_LEAK_NONE		0u	/* lambda = 1 */
#define SNNQ_LEAK_DIVN		1u	/* floor(u / n) */
#define SNNQ_LEAK_Q16		2u	/* floor(lambda_q * u / 2^16) */
#define SNNQ_LEAK_TZ12		3u	/* sgn(u) * (|u| * (4096 - d) >> 12) */

/* Keep what DIVN's floor drops as one bit, so that GT is exact. */
#define SNNQ_NEURON_FLAG_STICKY		(1u << 0)
/* CUBA: the membrane integrates the current of the previous step. */
#define SNNQ_NEURON_FLAG_OLD_CURRENT	(1u << 1)
#define SNNQ_NEURON_FLAGS		0x3u

/**
 * struct snnq_geometry - window of a convolution or pooling
 * @kernel_h: rows of the kernel, 1..SNNQ_MAX_DIM.
 * @kernel_w: its columns, 1..SNNQ_MAX_DIM.
 * @stride_h: rows from one window to the next, 1..255.
 * @stride_w: columns, 1..255.
 * @pad_h: rows of padding on each side, less than the kernel (in dilated units).
 * @pad_w: columns of padding, likewise.
 * @dilation_h: rows from one of the kernel's to the next, 1..255.
 * @dilation_w: columns, 1..255.
 * @groups: divides input and output channels.
 *
 * Output size: floor((in + 2 pad - dilation (kernel - 1) - 1) / stride) + 1.
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
};

/**
 * struct snnq_layer - layer descriptor
 * @op: SNNQ_OP_*.
 * @flags: SNNQ_LAYER_FLAG_*.
 * @in: operands; unused ones are all zero.
 * @out: result.
 * @quant: weights (CONV2D, LINEAR).
 * @geometry: window (CONV2D, POOL_*); all zero for other operations.
 * @neuron: neuron or requantization of the accumulator.
 * @state_offset: bytes from the start of the state region to this layer's
 *	state, multiple of 8; 0 when it has none. Layer states do not overlap.
 * @param: POOL_SUM: the weight of each input, 1..32767. ATTENTION: heads,
 *	dividing the channels. READOUT: SNNQ_READOUT_*. Otherwise MBZ.
 * @loop: MBZ (loop groups).
 * @tag: free for the owner, reported nowhere; any value.
 * @reserved: MBZ.
 */
struct snnq_layer {
	__u16 op;
	__u16 flags;
	__u32 param;
	struct snnq_tensor in[3];
	struct snnq_tensor out;
	struct snnq_quant quant;
	struct snnq_geometry geometry;
	__u32 loop;
	struct snnq_neuron neuron;
	__u64 state_offset;
	__u32 tag;
	__u32 reserved[3];
};

#define SNNQ_OP_EVENTS		1u	/* event list -> spikes or counts */
#define SNNQ_OP_CONV2D		2u
#define SNNQ_OP_LINEAR		3u	/* at each position, over channels */
#define SNNQ_OP_POOL_MAX	4u	/* OR for spikes */
#define SNNQ_OP_POOL_SUM	5u	/* also average: fold 1/k into what follows */
#define SNNQ_OP_ADD		6u	/* in[0] + in[1], saturating to the output's planes */
#define SNNQ_OP_ATTENTION	7u	/* (Q K^T) V of in[0], in[1], in[2], per head */
#define SNNQ_OP_READOUT		8u	/* over positions and steps, to int32 */
#define SNNQ_OP_COUNT		9u

/* The neuron is not updated and does not fire in the first step after a reset. */
#define SNNQ_LAYER_FLAG_SKIP_FIRST	(1u << 0)
#define SNNQ_LAYER_FLAGS		0x1u

#define SNNQ_READOUT_SUM	1u	/* of all steps since the reset; mean is this over steps */
#define SNNQ_READOUT_LAST	2u	/* of the last step of the job */

/**
 * struct snnq_layer_stats - exact counters of one layer in one job
 * @input_spikes: set bits of all input planes read (each element once per step).
 * @input_possible: elements times planes times steps.
 * @synops: synaptic operations performed: one per (set input bit, existing
 *	connection); ATTENTION: set bits of Q AND K, plus count-weighted adds of V
 *	(see numerics.md).
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
#define SNNQ_STATUS_OK			0u
#define SNNQ_STATUS_BAD_PROGRAM		1u	/* the device's own check refused it */
#define SNNQ_STATUS_BAD_REGION		2u	/* region table entry wrong or too small */
#define SNNQ_STATUS_ACCESS		3u	/* outside a region or without the right */
#define SNNQ_STATUS_DMA			4u	/* no answer; offset = DMA address */
#define SNNQ_STATUS_BAD_EVENT		5u	/* out of order or bounds; offset in region */
#define SNNQ_STATUS_BAD_STATE		6u	/* state version is not the one named */
#define SNNQ_STATUS_CANCELLED		7u
#define SNNQ_STATUS_WATCHDOG		8u
#define SNNQ_STATUS_INTERNAL		9u
#define SNNQ_STATUS_BAD_ENTRY		10u	/* submission entry wrong */
#define SNNQ_STATUS_COUNT		11u

#if defined(__cplusplus)
}
#endif

#endif /* SNNQ_PROGRAM_H */
