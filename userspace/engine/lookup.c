// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lookup.c - LOOKUP convolutions, which take as long for any number of spikes: those of
 * four input channels say which of 16 sums of their weights an output gets. 64 lanes, some
 * steps of some neighbouring positions, look at the table of an output at once.
 *
 * Larger levels have two digits, each with tables of its own: those of POT with 4 bits, up to
 * 64, are 16 times 0, 1, 2 or 4 and 0 to 7 or -8, either way.
 *
 * The image of a block has a byte for each group of four channels, position and step,
 * with a border: [plane][row][group][column][step], or where four groups are looked up
 * together [plane][row][four groups][column][step][group]. A 1x1 convolution is one of a
 * single long row.
 */
#include <string.h>

#include "engine.h"

#define VECTORS	    8u /* of lanes for which the tables of some outputs are gone through */
#define TWO_VECTORS 2u /* the same of two digits, whose sums take as much again */
#define WORD_SUMS   (LANES * LOOKUP_LANES)
#define DIGIT_SUMS  (TWO_VECTORS * WORD_SUMS)
#define MOST_TABLES (8u << 20) /* bytes; no cache holds more, and other kernels need a fifth */
#define MOST_LEVEL  31	       /* four of them, and what makes them positive, fit a byte */
#define MOST_DIGIT  (LOOKUP_DIGIT / 2)

/* A position has as many bytes as steps, made a power of two. */
static uint32_t step_shift(uint32_t steps)
{
	uint32_t shift = 0;

	while (1u << shift < steps)
		shift++;
	return shift;
}

static bool is_row(const struct layer *l)
{
	const struct snnq_geometry *g = &l->geometry;

	return g->kernel_h == 1 && g->kernel_w == 1 && g->stride_h == 1 && g->stride_w == 1 &&
	       !g->pad_h && !g->pad_w;
}

static uint32_t output_blocks(const struct layer *l)
{
	return (l->desc->out.channels + LOOKUP_OUTPUTS - 1) / LOOKUP_OUTPUTS;
}

/* Of four channels each; made a multiple of four unless many of them would be empty. */
static uint32_t input_groups(const struct layer *l)
{
	uint32_t groups = (l->inputs + 3u) / 4, fours = (groups + 3) / 4;

	return 4 * fours - groups <= fours / 2 ? 4 * fours : groups;
}

/* For a digit of the levels. */
static uint64_t table_bytes(const struct layer *l)
{
	uint64_t taps = (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w;

	return output_blocks(l) * taps * input_groups(l) * LOOKUP_OUTPUTS * LOOKUP_ENTRIES;
}

/* So many that sums of each fit int16; 0: there are none. */
static uint32_t digits_of(const struct layer *l)
{
	int64_t level = weights_level(l), most = (int64_t)l->rows * tensor_bound(&l->desc->in[0]);

	if (level <= MOST_LEVEL && most * level <= INT16_MAX)
		return 1;
	return !l->wide && most * MOST_DIGIT <= INT16_MAX ? 2 : 0;
}

static bool suits(const struct layer *l)
{
	uint32_t digits = digits_of(l);

	return l->desc->in[0].planes && l->geometry.groups == 1 && l->geometry.stride_w == 1 &&
	       digits && l->desc->out.channels >= LOOKUP_OUTPUTS &&
	       digits * table_bytes(l) <= MOST_TABLES;
}

/* Lanes that a row's end leaves empty count as others do. */
uint64_t lookup_count(const struct layer *l)
{
	const struct snnq_tensor *out = &l->desc->out;
	uint64_t width = is_row(l) ? tensor_positions(out) : out->width;
	uint64_t positions = LOOKUP_LANES >> step_shift(l->event_steps);
	uint64_t vectors = tensor_positions(out) / width * ((width + positions - 1) / positions);

	return vectors * l->desc->in[0].planes * output_blocks(l) * l->look.count * l->look.digits;
}

/* Bytes of the image of one plane with as many bytes for each position. */
static uint64_t plane_bytes(const struct layer *l, uint32_t steps)
{
	return (uint64_t)l->look.height * l->look.groups * l->look.width * steps;
}

static uint64_t image_bytes(const struct layer *l, uint32_t steps)
{
	return plane_bytes(l, steps) * l->desc->in[0].planes + 4 * LOOKUP_LANES;
}

/* Of a lane, at each place that @at names. */
static uint32_t index_bytes(const struct lookups *k)
{
	return k->together ? 4 : 1;
}

static uint32_t vectors_of(const struct lookups *k)
{
	return k->digits == 1 ? VECTORS : TWO_VECTORS;
}

void lookup_lay_out(struct snnq_plan *plan, struct layer *l)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t taps = (uint32_t)l->geometry.kernel_h * l->geometry.kernel_w;
	struct lookups *k = &l->look;

	if (!suits(l))
		return;
	l->looks = true;
	k->digits = digits_of(l);
	k->groups = input_groups(l);
	k->fours = k->groups % 4 == 0;
	k->count = taps * k->groups;
	k->height = is_row(l) ? 1 : (uint32_t)window_padded_height(l);
	k->width = (uint32_t)(is_row(l) ? tensor_positions(in) : window_padded_width(l));
	k->at = plan_part(plan, k->count, sizeof(*k->at));
	k->tables = arena_part(&plan->shared, k->digits * table_bytes(l), 1);
	plan_needs(&plan->needs.values, image_bytes(l, 1u << step_shift(l->event_steps)));
	plan_needs(&plan->needs.acc,
		   LOOKUP_LANES * LANES * sizeof(int32_t) +
			   k->digits * vectors_of(k) * WORD_SUMS * sizeof(int16_t));
}

/* The image depends on the loops that look at it. */
bool lookup_use(struct layer *l, const struct vec *vec, struct snnq_pace *pace)
{
	const struct snnq_geometry *g = &l->geometry;
	struct lookups *k = &l->look;
	uint32_t ky, kx, i, *at = k->at;

	k->together = k->fours && vec->lookup4;
	for (ky = 0; ky < g->kernel_h; ky++)
		for (kx = 0; kx < g->kernel_w; kx++) {
			if (snnq_work(pace, k->groups))
				return true;
			for (i = 0; i < k->groups; i++)
				*at++ = (ky * g->dilation_h * k->groups + i) * k->width +
					kx * g->dilation_w * index_bytes(k);
		}
	k->bias = 4u * (k->digits == 1 ? weights_level(l) : MOST_DIGIT);
	k->few = UINT8_MAX / (2 * k->bias);
	return false;
}

typedef uint8_t entries __attribute__((vector_size(LOOKUP_ENTRIES)));

/* What @n channels, up to four, add to an output, for each set of them. */
static void make_table(uint32_t bias, const int8_t *w, uint32_t n, uint8_t *table)
{
	static const entries in_set[4] = {
		{ 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255, 0, 255 },
		{ 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255 },
		{ 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255 },
		{ 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255 },
	};
	entries sums = (uint8_t)bias - (entries){ 0 };
	uint32_t i;

	for (i = 0; i < n; i++)
		sums += in_set[i] & (uint8_t)w[i];
	memcpy(table, &sums, sizeof(sums));
}

/* Digit @digit of a level that has two, 0 the lower one: -8 to 7, and -8 to 8. */
static int8_t digit_of(int8_t level, uint32_t digit)
{
	int32_t low = ((level + MOST_DIGIT) & (LOOKUP_DIGIT - 1)) - MOST_DIGIT;

	return (int8_t)(digit ? (level - low) / LOOKUP_DIGIT : low);
}

/* A digit of the levels of @n channels for an output. */
static void take_digits(const struct layer *l, uint32_t digit, uint32_t row, uint32_t output,
			uint32_t n, int8_t *w)
{
	const int8_t *levels = weights_at(l, row, output);
	uint32_t i;

	for (i = 0; i < n; i++, levels += l->lanes)
		w[i] = l->look.digits == 1 ? *levels : digit_of(*levels, digit);
}

/* Tables of group @at for the outputs from @b on; those that do not exist have no weights. */
static void make_tables(const struct layer *l, uint32_t digit, uint32_t b, uint32_t at)
{
	const struct lookups *k = &l->look;
	uint32_t tap = at / k->groups, first = at % k->groups * 4, o, n = 0;
	uint8_t *table = k->tables + digit * table_bytes(l) +
			 (size_t)b * k->count * LOOKUP_ENTRIES + lookup_table(k->fours, at, 0);
	int8_t w[4];

	if (first < l->inputs)
		n = l->inputs - first < 4 ? l->inputs - first : 4;
	for (o = b; o < b + LOOKUP_OUTPUTS; o++, table += lookup_table(k->fours, 0, 1)) {
		uint32_t some = o < l->desc->out.channels ? n : 0;

		if (some)
			take_digits(l, digit, tap * l->inputs + first, o, some, w);
		make_table(k->bias, w, some, table);
	}
}

bool lookup_decode(struct job *job, struct layer *l)
{
	uint32_t outputs = output_blocks(l) * LOOKUP_OUTPUTS, digit, b, at;

	for (digit = 0; digit < l->look.digits; digit++)
		for (b = 0; b < outputs; b += LOOKUP_OUTPUTS)
			for (at = 0; at < l->look.count; at++) {
				if (work(job, LOOKUP_OUTPUTS * LOOKUP_ENTRIES))
					return true;
				make_tables(l, digit, b, at);
			}
	return false;
}

/* ---- the image ---- */

/* A row of the input, which is row @y of the image, border excluded. */
static bool add_row(struct job *job, const struct layer *l, const struct block *b, uint32_t plane,
		    uint32_t y, uint32_t shift)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	bool row = is_row(l);
	uint32_t n = row ? l->look.width : in->width, words = tensor_words(in), x, w, t;
	uint8_t *to = (uint8_t *)job->plan->values + plane * plane_bytes(l, 1u << shift);
	size_t stride = (size_t)l->look.width << shift;
	uint32_t bytes = index_bytes(&l->look) << shift;
	uint64_t from = tensor_index(in, plane, row ? 0 : (uint64_t)y * n, 0);
	nibbles_fn *take = l->look.together ? job->plan->vec->nibbles4 : job->plan->vec->nibbles;

	if (!row)
		to += ((size_t)(y + l->geometry.pad_h) * l->look.groups * l->look.width << shift) +
		      l->geometry.pad_w * bytes;
	for (x = 0; x < n; x++, to += bytes)
		for (w = 0; w < words; w++, from++) {
			uint64_t steps[LOOKUP_STEPS] = { 0 };
			uint32_t left = l->look.groups - w * 16;

			if (work(job, 16 * LOOKUP_STEPS))
				return true;
			for (t = 0; t < b->count; t++)
				steps[t] = b->steps[t].in[0][from];
			take(to + w * 16 * stride, stride, 1u << shift, steps,
			     left < 16 ? left : 16);
		}
	return false;
}

bool lookup_begin(struct job *job, struct layer *l, const struct block *b)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t rows = is_row(l) ? 1 : in->height, shift = step_shift(b->count), p, y;

	if (job_zero(job, job->plan->values, image_bytes(l, 1u << shift)))
		return true;
	for (p = 0; p < in->planes; p++)
		for (y = 0; y < rows; y++)
			if (add_row(job, l, b, p, y, shift))
				return true;
	return false;
}

/* ---- sums ---- */

/* Lanes of positions that are neighbours in a row. */
struct lanes {
	const uint8_t *index;
	uint64_t pos;
	uint32_t count; /* of positions */
};

/* The next lanes from position @pos on. */
static struct lanes lanes_at(const struct job *job, const struct layer *l, uint64_t pos,
			     uint64_t end, uint32_t shift)
{
	uint32_t width = is_row(l) ? l->look.width : l->desc->out.width;
	uint64_t y = pos / width, x = pos % width;
	struct lanes n = { .pos = pos, .count = LOOKUP_LANES >> shift };

	if (n.count > width - x)
		n.count = (uint32_t)(width - x);
	if (n.count > end - pos)
		n.count = (uint32_t)(end - pos);
	n.index = (const uint8_t *)job->plan->values +
		  ((y * l->geometry.stride_h * l->look.groups * l->look.width +
		    x * index_bytes(&l->look))
		   << shift);
	return n;
}

static void next_plane(int16_t *sums, bool sign)
{
	uint32_t i;

	for (i = 0; i < LOOKUP_OUTPUTS * LOOKUP_LANES; i++)
		sums[i] = (int16_t)(sums[i] * (sign ? -2 : 2));
}

/* Groups of @look under the windows of all lanes: their tables stay in the cache. */
static bool add_groups(struct job *job, const struct layer *l, const struct lanes *n,
		       uint32_t vectors, size_t plane, struct lookup *look, int16_t *sums)
{
	const struct vec *vec = job->plan->vec;
	uint32_t v;

	for (v = 0; v < vectors; v++, sums += WORD_SUMS) {
		if (work(job, look->count * LOOKUP_OUTPUTS * LOOKUP_LANES))
			return true;
		look->index = n[v].index + plane;
		(l->look.together ? vec->lookup4 : vec->lookup)(sums, look);
	}
	return false;
}

/*
 * Sums of a block of outputs for all lanes, of a digit, from the highest plane down: what is
 * so far counts twice for the next one, and that of a sign is negative.
 */
static bool sum_block(struct job *job, const struct layer *l, const struct lanes *n,
		      uint32_t vectors, const uint8_t *tables, uint32_t shift, int16_t *sums)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	const struct lookups *k = &l->look;
	struct lookup look = { .shift = shift, .fours = k->fours, .bias = k->bias, .few = k->few };
	uint32_t p = in->planes, done, v;

	for (v = 0; v < vectors; v++)
		memset(sums + v * WORD_SUMS, 0, LOOKUP_OUTPUTS * LOOKUP_LANES * sizeof(*sums));
	while (p--) {
		for (done = 0; done < k->count; done += look.count) {
			look.count = k->count - done < LOOKUP_GROUPS ? k->count - done :
								       LOOKUP_GROUPS;
			look.at = k->at + done;
			look.tables = tables + (size_t)done * LOOKUP_OUTPUTS * LOOKUP_ENTRIES;
			if (add_groups(job, l, n, vectors, p * plane_bytes(l, 1u << shift), &look,
				       sums))
				return true;
		}
		if (!p)
			break;
		if (work(job, vectors * LOOKUP_OUTPUTS * LOOKUP_LANES))
			return true;
		for (v = 0; v < vectors; v++)
			next_plane(sums + v * WORD_SUMS,
				   p + 1u == in->planes && in->format == SNNQ_FORMAT_SIGNED);
	}
	return false;
}

/* Word @w of the outputs of some lanes, of a digit. */
static bool sum_word(struct job *job, const struct layer *l, const struct lanes *n,
		     uint32_t vectors, uint32_t w, uint32_t digit, uint32_t shift, int16_t *sums)
{
	uint32_t first = w * (LANES / LOOKUP_OUTPUTS), end = output_blocks(l), b;
	size_t bytes = (size_t)l->look.count * LOOKUP_OUTPUTS * LOOKUP_ENTRIES; /* of a block */
	const uint8_t *tables = l->look.tables + digit * table_bytes(l);

	end = end - first < LANES / LOOKUP_OUTPUTS ? end : first + LANES / LOOKUP_OUTPUTS;
	for (b = first; b < end; b++, sums += LOOKUP_OUTPUTS * LOOKUP_LANES)
		if (sum_block(job, l, n, vectors, tables + b * bytes, shift, sums))
			return true;
	return false;
}

/* Of all digits, those of a digit together. */
static bool sum_digits(struct job *job, const struct layer *l, const struct lanes *n,
		       uint32_t vectors, uint32_t w, uint32_t shift, int16_t *sums)
{
	uint32_t digit;

	for (digit = 0; digit < l->look.digits; digit++)
		if (sum_word(job, l, n, vectors, w, digit, shift, sums + digit * DIGIT_SUMS))
			return true;
	return false;
}

/* Accumulators of some lanes. */
static void turn_digits(const struct job *job, const struct layer *l, const int16_t *sums)
{
	const struct vec *vec = job->plan->vec;

	if (l->look.digits == 2)
		vec->turn(job->hand.acc, sums + DIGIT_SUMS, false);
	vec->turn(job->hand.acc, sums, l->look.digits == 2);
}

static bool fire_lanes(struct job *job, struct layer *l, const struct block *b,
		       const struct lanes *n, uint32_t w, uint32_t shift, const int16_t *sums)
{
	int32_t *acc = job->hand.acc;
	uint32_t i;

	if (work(job, l->look.digits * WORD_SUMS))
		return true;
	turn_digits(job, l, sums);
	for (i = 0; i < n->count; i++)
		if (neuron_stage(job, l, b, n->pos + i, w, acc + (i << shift) * LANES, LANES))
			return true;
	return false;
}

bool lookup_block(struct job *job, struct layer *l, const struct block *b, struct range r)
{
	int16_t *sums = (int16_t *)(void *)(job->hand.acc + LOOKUP_LANES * LANES);
	uint32_t shift = step_shift(b->count), count, v, w;
	struct lanes lanes[VECTORS];
	uint64_t pos = r.first;

	while (pos < r.end) {
		for (count = 0; count < vectors_of(&l->look) && pos < r.end; count++) {
			lanes[count] = lanes_at(job, l, pos, r.end, shift);
			pos += lanes[count].count;
		}
		for (w = 0; w < tensor_words(&l->desc->out); w++) {
			if (sum_digits(job, l, lanes, count, w, shift, sums))
				return true;
			for (v = 0; v < count; v++)
				if (fire_lanes(job, l, b, &lanes[v], w, shift,
					       sums + v * WORD_SUMS))
					return true;
		}
	}
	return false;
}
