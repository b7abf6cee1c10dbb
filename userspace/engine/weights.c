// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * weights.c - levels of weights: decoding, encoding, and where a layer has them decoded.
 *
 * All levels fit int16, and int8 unless the layer is "wide". A group's outputs are cut
 * into columns of LANES, or one of NARROW_LANES, and what is decoded is
 * [group][column][row][lane] with zeros in lanes that do not exist: what a row kernel
 * adds up lies together. Depthwise convolutions (one channel in and out per group) have
 * rows of one weight; they are transposed to int16 [kernel position][channel], whole words.
 */
#include <string.h>

#include "engine.h"

static int32_t sign_extend(uint32_t code, uint32_t bits)
{
	int32_t half = (int32_t)(1u << (bits - 1));

	return ((int32_t)code ^ half) - half;
}

/* Magnitudes of POT and APOT: the code without its sign bit. */
static int32_t pot_magnitude(uint32_t index)
{
	return index ? (int32_t)(1u << (index - 1)) : 0;
}

static int32_t apot_magnitude(uint32_t bits, uint32_t index)
{
	static const uint8_t magnitudes[][16] = {
		{ 0, 4, 9, 16 },
		{ 0, 1, 4, 8, 9, 12, 16, 24 },
		{ 0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48 },
	};

	return magnitudes[bits - 3][index];
}

int32_t snnq_weight_decode(uint32_t scheme, uint32_t bits, uint32_t code)
{
	static const int8_t ternary[4] = { 0, 1, -1, 0 };
	uint32_t index;
	int32_t sign;

	if (!snnq_scheme_ok(&snnq_caps_all, scheme, bits))
		return 0;
	code &= (1u << bits) - 1;
	index = code & ((1u << (bits - 1)) - 1);
	sign = code >> (bits - 1) ? -1 : 1;
	switch (scheme) {
	case SNNQ_SCHEME_UNIFORM:
		return bits == 1 ? sign : sign_extend(code, bits);
	case SNNQ_SCHEME_ODD:
		return bits == 1 ? sign : 2 * sign_extend(code, bits) + 1;
	case SNNQ_SCHEME_POT:
		return sign * pot_magnitude(index);
	case SNNQ_SCHEME_APOT:
		return sign * apot_magnitude(bits, index);
	default:
		return ternary[code];
	}
}

uint32_t snnq_weight_code(uint32_t scheme, uint32_t bits, const uint8_t *row, uint32_t i)
{
	static const uint8_t powers[SNNQ_TERNARY_PER_BYTE] = { 1, 3, 9, 27, 81 };
	uint64_t bit = (uint64_t)i * bits;
	uint32_t window;

	if (scheme == SNNQ_SCHEME_TERNARY)
		return row[i / SNNQ_TERNARY_PER_BYTE] / powers[i % SNNQ_TERNARY_PER_BYTE] % 3u;
	window = row[bit / 8];
	if (bit % 8 + bits > 8)
		window |= (uint32_t)row[bit / 8 + 1] << 8;
	return window >> bit % 8 & ((1u << bits) - 1);
}

static double magnitude(double v)
{
	return v < 0 ? -v : v;
}

uint32_t snnq_weight_encode(uint32_t scheme, uint32_t bits, double value)
{
	bool lowest_unused = scheme == SNNQ_SCHEME_UNIFORM && bits > 1;
	uint32_t best = 0, code;
	double best_distance;

	if (value != value)
		value = 0;
	if (magnitude(value) > 1e6) /* beyond all levels; keeps distances finite */
		value = value < 0 ? -1e6 : 1e6;
	best_distance = magnitude(value - snnq_weight_decode(scheme, bits, 0));
	for (code = 1; code < 1u << bits; code++) {
		int32_t level = snnq_weight_decode(scheme, bits, code);
		double distance = magnitude(value - level);

		if (lowest_unused && code == 1u << (bits - 1))
			continue;
		if (distance < best_distance ||
		    (distance == best_distance &&
		     magnitude(level) < magnitude(snnq_weight_decode(scheme, bits, best)))) {
			best = code;
			best_distance = distance;
		}
	}
	return best;
}

static uint32_t largest_level(const struct snnq_quant *q)
{
	uint32_t largest = 1, code;

	for (code = 0; code < 1u << q->bits; code++) {
		int32_t v = snnq_weight_decode(q->scheme, q->bits, code);
		uint32_t m = (uint32_t)(v < 0 ? -v : v);

		if (m > largest)
			largest = m;
	}
	return largest;
}

uint32_t weights_level(const struct layer *l)
{
	return largest_level(&l->desc->quant);
}

static uint64_t row_count(const struct layer *l)
{
	return (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w * l->desc->in[0].channels;
}

static uint32_t group_outputs(const struct layer *l)
{
	return l->desc->out.channels / l->geometry.groups;
}

void weights_lay_out(struct snnq_plan *plan, struct layer *l)
{
	const struct snnq_layer *d = l->desc;
	uint32_t outputs = group_outputs(l), taps;
	uint64_t count;

	taps = (uint32_t)l->geometry.kernel_h * l->geometry.kernel_w;
	l->inputs = d->in[0].channels / l->geometry.groups;
	l->depthwise = outputs == 1 && l->inputs == 1;
	l->rows = (uint64_t)taps * l->inputs;
	l->lanes = outputs <= NARROW_LANES ? NARROW_LANES : LANES;
	l->columns = (outputs + l->lanes - 1) / l->lanes;
	l->wide = l->depthwise || largest_level(&d->quant) > 128;
	count = l->depthwise ? (uint64_t)taps * tensor_words(&d->out) * 64 :
			       l->rows * l->geometry.groups * l->columns * l->lanes;
	l->packed_bytes = snnq_weight_bytes(d);
	l->decoded = arena_part(&plan->shared, 1, sizeof(*l->decoded));
	l->packed = arena_part(&plan->shared, l->packed_bytes, 1);
	l->weights = arena_part(&plan->shared, count, l->wide ? 2 : 1);
	plan_needs(&plan->needs.row, outputs * sizeof(int16_t));
}

bool weights_prepare(struct layer *l, struct snnq_pace *pace)
{
	int64_t input = tensor_bound(&l->desc->in[0]);
	uint32_t level;

	if (snnq_work(pace, 1u << l->desc->quant.bits))
		return true;
	level = largest_level(&l->desc->quant);
	l->few_rows = l->wide ? INT16_MAX / level : level > INT8_MAX ? 1 : INT8_MAX / level;
	l->many_rows = INT16_MAX / level;
	l->acc_bound = (int64_t)(row_count(l) / l->geometry.groups) * level * input;
	return false;
}

/* Where a decoded weight is; @row counts those of its group. */
static uint64_t weight_at(const struct layer *l, uint32_t group, uint64_t row, uint32_t output)
{
	uint64_t column = (uint64_t)group * l->columns + output / l->lanes;

	if (l->depthwise)
		return row * tensor_words(&l->desc->out) * 64 + group;
	return (column * l->rows + row) * l->lanes + output % l->lanes;
}

const int8_t *weights_at(const struct layer *l, uint64_t row, uint32_t output)
{
	return (const int8_t *)l->weights + weight_at(l, 0, row, output);
}

int32_t weight(const struct layer *l, uint32_t group, uint32_t ky, uint32_t kx, uint32_t input,
	       uint32_t output)
{
	uint64_t at = weight_at(
		l, group, ((uint64_t)ky * l->geometry.kernel_w + kx) * l->inputs + input, output);

	return l->wide ? ((const int16_t *)l->weights)[at] : ((const int8_t *)l->weights)[at];
}

bool weights_same(struct job *job, struct layer *l, bool *same)
{
	const struct snnq_quant *q = &l->desc->quant;
	uint64_t done, n;

	*same = true;
	for (done = 0; done < l->packed_bytes && *same; done += n) {
		const void *p;

		n = chunk_at(q->offset + done, l->packed_bytes - done);
		if (work(job, (uint32_t)((n + 7) / 8)))
			return true;
		p = job_view(job, q->region, q->offset + done, n);
		if (!p) {
			if (job_read(job, q->region, q->offset + done, job->plan->chunk, n))
				return true;
			p = job->plan->chunk;
		}
		*same = !memcmp(l->packed + done, p, n);
	}
	return false;
}

static void decode_ternary(const uint8_t *packed, uint32_t width, const int16_t *levels,
			   int16_t *weights)
{
	uint32_t digits = 0, have = 0, j;

	for (j = 0; j < width; j++) {
		if (!have--) {
			digits = *packed++;
			have = SNNQ_TERNARY_PER_BYTE - 1;
		}
		weights[j] = levels[digits % 3];
		digits /= 3;
	}
}

/* Decode one packed row: eight weights, which are whole bytes, at a time. */
static void decode_row(const uint8_t *packed, uint32_t width, uint32_t bits, const int16_t *levels,
		       int16_t *weights)
{
	uint32_t mask = (1u << bits) - 1, j, k;
	uint64_t eight = 0;

	for (j = 0; j + 8 <= width; j += 8, packed += bits) {
		memcpy(&eight, packed, bits);
		for (k = 0; k < 8; k++)
			*weights++ = levels[eight >> k * bits & mask];
	}
	if (j == width)
		return;
	memcpy(&eight, packed, ((width - j) * bits + 7) / 8);
	for (k = 0; j < width; j++, k++)
		*weights++ = levels[eight >> k * bits & mask];
}

/* Put a decoded row where kernels want it. */
static void place_row(struct layer *l, uint64_t r, const int16_t *row)
{
	uint32_t group = (uint32_t)(r / l->rows), outputs = group_outputs(l), first, n, j;

	for (first = 0; first < outputs; first += n) {
		uint64_t at = weight_at(l, group, r % l->rows, first);

		n = outputs - first < l->lanes ? outputs - first : l->lanes;
		if (l->wide)
			memcpy((int16_t *)l->weights + at, row + first, n * sizeof(*row));
		else
			for (j = 0; j < n; j++)
				((int8_t *)l->weights)[at + j] = (int8_t)row[first + j];
	}
}

static bool decode(struct job *job, struct layer *l)
{
	const struct snnq_layer *d = l->desc;
	uint64_t rows = row_count(l), r;
	uint64_t row_bytes = snnq_weight_row_bytes(d);
	uint32_t width = group_outputs(l);
	int16_t levels[256], *row = job->plan->row;
	uint32_t code;

	if (work(job, 1u << d->quant.bits))
		return true;
	for (code = 0; code < 1u << d->quant.bits; code++)
		levels[code] = (int16_t)snnq_weight_decode(d->quant.scheme, d->quant.bits, code);
	for (r = 0; r < rows; r++) {
		if (work(job, width) || work(job, width)) /* decoded, and put in place */
			return true;
		if (d->quant.scheme == SNNQ_SCHEME_TERNARY)
			decode_ternary(l->packed + r * row_bytes, width, levels, row);
		else
			decode_row(l->packed + r * row_bytes, width, d->quant.bits, levels, row);
		place_row(l, r, row);
	}
	return false;
}

bool weights_decode(struct job *job, struct layer *l)
{
	const struct snnq_quant *q = &l->desc->quant;

	return job_read(job, q->region, q->offset, l->packed, l->packed_bytes) || decode(job, l);
}
