// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * conv.c - accumulators of CONV2D and LINEAR (a 1x1 convolution), for some time steps
 * at once.
 *
 * EVENT lists the weight rows of the set bits under a window, for each step and plane,
 * and sums them for LANES outputs at a time. DENSE (dense.c) multiplies all inputs, LOOKUP
 * (lookup.c) takes the sums of four weights at a time from tables.
 * Depthwise convolutions spread the bits of a word over its channels.
 */
#include <string.h>

#include "engine.h"

#define PIECE_UNITS  32u /* of windows that are listed at once */
#define PIECE_ROWS   (PIECE_UNITS * 64)
#define LIST_ROWS    (65536u / LIST_SCALE) /* that lists can name */
#define LIST_SLACK   32u		   /* what vec->list() writes behind the end */
#define LIST_ENTRIES (1u << 18)
#define ROWS_AT_ONCE (SNNQ_SAFE_POINT_OPS / LANES)

static uint32_t least(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* Words that hold channels of a group, at most. */
static uint32_t group_words(const struct layer *l)
{
	uint32_t words = (l->inputs + 62) / 64 + 1;

	return l->geometry.groups == 1 ? tensor_words(&l->desc->in[0]) :
					 least(words, tensor_words(&l->desc->in[0]));
}

/*
 * How many steps and positions lists are made for at once. Where a window is more than
 * one piece, or outputs of groups share words, accumulators of all outputs are kept.
 */
static void lay_out_event(struct snnq_plan *plan, struct layer *l)
{
	const struct snnq_tensor *in = &l->desc->in[0], *out = &l->desc->out;
	uint64_t units = (uint64_t)l->geometry.kernel_h * l->geometry.kernel_w * group_words(l);
	uint64_t tile = ((const struct snnq_program_header *)plan->program)->tile_steps;
	uint64_t per_step;

	l->whole = l->geometry.groups == 1 && units <= PIECE_UNITS;
	per_step = in->planes * (l->whole ? l->rows : PIECE_ROWS) + LIST_SLACK;
	l->block_steps = least(least(tile, BLOCK_STEPS), LIST_ENTRIES / per_step);
	l->event_steps = in->region >= SNNQ_REGION_USER && in->planes > 1 ? 1 : l->block_steps;
	l->band = l->whole ? least(BAND, LIST_ENTRIES / (per_step * l->block_steps)) : 1;
	l->band = least(l->band, tensor_positions(out));
	plan_needs(&plan->needs.list,
		   (l->band * l->block_steps * per_step + LIST_SLACK) * sizeof(uint16_t));
	plan_needs(&plan->needs.acc, (l->whole ? LANES : tensor_words(out) * 64ull) *
					     l->block_steps * sizeof(int32_t));
}

void conv_lay_out(struct snnq_plan *plan, struct layer *l)
{
	if (l->desc->op == SNNQ_OP_LINEAR)
		l->geometry = (struct snnq_geometry){
			.kernel_h = 1,
			.kernel_w = 1,
			.stride_h = 1,
			.stride_w = 1,
			.dilation_h = 1,
			.dilation_w = 1,
			.groups = 1,
		};
	window_lay_out(plan, l);
	weights_lay_out(plan, l);
	if (l->depthwise)
		return;
	lay_out_event(plan, l);
	dense_lay_out(plan, l);
	lookup_lay_out(plan, l);
}

bool conv_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	(void)plan;
	return window_prepare(l, pace) || weights_prepare(l, pace) ||
	       (l->dense && dense_prepare(l, pace));
}

ACCUMULATE(conv_generic)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t o, ky, kx, i;

	for (o = 0; o < l->desc->out.channels; o++) {
		uint32_t group = o / outputs;

		for (ky = rows.first; ky < rows.end; ky++)
			for (kx = columns.first; kx < columns.end; kx++)
				for (i = 0; i < l->inputs; i++) {
					if (work(job, in->planes))
						return true;
					acc[o] += weight(l, group, ky, kx, i, o % outputs) *
						  tensor_get(in, s->in[0],
							     window_position(l, y, x, ky, kx),
							     group * l->inputs + i);
				}
	}
	return false;
}

ACCUMULATE(conv_depthwise)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	struct span rows = window_rows(l, y), columns = window_columns(l, x);
	uint32_t words = tensor_words(in), p, ky, kx, w;

	for (p = 0; p < in->planes; p++)
		for (ky = rows.first; ky < rows.end; ky++)
			for (kx = columns.first; kx < columns.end; kx++) {
				uint64_t pos = window_position(l, y, x, ky, kx);
				const uint64_t *in_words = s->in[0] + tensor_index(in, p, pos, 0);
				uint32_t tap = ky * l->geometry.kernel_w + kx;
				const int16_t *weights = (const int16_t *)l->weights +
							 (uint64_t)tap * words * 64;

				if (work(job, words) || work(job, words * 32) ||
				    work(job, words * 32))
					return true;
				for (w = 0; w < words; w++)
					if (in_words[w])
						job->plan->vec->spread(acc + w * 64, in_words[w],
								       weights + w * 64,
								       tensor_plane_value(in, p));
			}
	return false;
}

/* ---- event ---- */

/* Units of a window, from the first one that is not done. */
struct piece {
	struct unit units[PIECE_UNITS];
	uint32_t count;
	uint32_t first_row;
};

/* Where in a window the next piece starts. */
struct cursor {
	struct span rows, columns;
	uint32_t y, x, group;
	uint32_t ky, kx, word; /* word: of the group's */
};

static struct cursor window_begin(const struct layer *l, uint32_t group, uint32_t y, uint32_t x)
{
	struct cursor c = { .rows = window_rows(l, y),
			    .columns = window_columns(l, x),
			    .y = y,
			    .x = x,
			    .group = group };

	c.ky = c.columns.first < c.columns.end ? c.rows.first : c.rows.end;
	c.kx = c.columns.first;
	return c;
}

/* Add the units of a kernel position; returns whether all of them found room. */
static bool add_tap(const struct layer *l, struct cursor *c, struct piece *p)
{
	uint32_t first = c->group * l->inputs, end = first + l->inputs;
	uint32_t words = (end + 63) / 64 - first / 64;
	uint32_t row = (c->ky * l->geometry.kernel_w + c->kx) * l->inputs;
	size_t at = window_position(l, c->y, c->x, c->ky, c->kx) * tensor_words(&l->desc->in[0]);

	if (!p->count)
		p->first_row = row + (c->word ? c->word * 64 - first % 64 : 0);
	for (; c->word < words; c->word++) {
		uint32_t w = first / 64 + c->word;
		uint64_t mask = range_mask(first, end, w);

		if (p->count == PIECE_UNITS || row + c->word * 64 - p->first_row > LIST_ROWS - 64)
			return false;
		p->units[p->count++] = (struct unit){
			.at = at + w,
			.mask = mask,
			.bytes = (uint16_t)((71 - __builtin_clzll(mask)) / 8),
			.row = (uint16_t)((row + w * 64 - first - p->first_row) * LIST_SCALE),
		};
	}
	return true;
}

/* The next piece of a window; false when there is none. */
static bool next_piece(const struct layer *l, struct cursor *c, struct piece *p)
{
	p->count = 0;
	for (; c->ky < c->rows.end; c->ky++, c->kx = c->columns.first) {
		for (; c->kx < c->columns.end; c->kx++) {
			if (!add_tap(l, c, p))
				return true;
			c->word = 0;
		}
	}
	return p->count;
}

/* Lists of a position: of step t and plane p, from start[t * planes + p] to the next. */
struct lists {
	uint16_t *entries;
	uint32_t start[BLOCK_STEPS * SNNQ_MAX_PLANES + 1];
	uint32_t first_row;
};

static bool make_lists(struct job *job, struct layer *l, const struct block *b,
		       const struct piece *piece, struct lists *lists)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	size_t plane_words = tensor_positions(in) * tensor_words(in);
	uint32_t outputs = l->desc->out.channels / l->geometry.groups;
	uint32_t t, p, k = 0, end = 0;

	lists->first_row = piece->first_row;
	for (t = 0; t < b->count; t++) {
		if (work(job, in->planes * piece->count))
			return true;
		for (p = 0; p < in->planes; p++) {
			lists->start[k++] = end;
			end += job->plan->vec->list(&job->plan->bits,
						    b->steps[t].in[0] + p * plane_words,
						    piece->units, piece->count,
						    lists->entries + end);
		}
	}
	lists->start[k] = end;
	job->stats->synops += (uint64_t)end * outputs;
	return false;
}

/* Rows of LANES or NARROW_LANES outputs, and the loop that sums them. */
static void add_rows(struct job *job, const struct layer *l, int32_t *acc, const struct rows *r)
{
	const struct vec *v = job->plan->vec;

	if (l->wide)
		(l->lanes == LANES ? v->add16 : v->add16_narrow)(acc, r);
	else
		(l->lanes == LANES ? v->add8 : v->add8_narrow)(acc, r);
}

/*
 * Sums of block @column of the outputs of a group over the lists of a position: instead of
 * what is in the accumulators of its steps, @stride further each, or added to it.
 */
static bool sum_lists(struct job *job, const struct layer *l, const struct lists *lists,
		      uint32_t steps, uint64_t column, int32_t *acc, size_t stride, bool add)
{
	const struct snnq_tensor *in = &l->desc->in[0];
	uint64_t first = (column * l->rows + lists->first_row) * l->lanes;
	struct rows r = {
		.base = l->wide ? (const void *)((const int16_t *)l->weights + first) :
				  (const void *)((const int8_t *)l->weights + first),
		.few = l->few_rows,
		.many = l->many_rows,
	};
	uint32_t t, p, k = 0, left;

	for (t = 0; t < steps; t++, acc += stride) {
		r.add = add;
		for (p = 0; p < in->planes; p++, k++) {
			r.factor = tensor_plane_value(in, p);
			r.list = lists->entries + lists->start[k];
			left = lists->start[k + 1] - lists->start[k];
			do {
				r.count = left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE;
				if (!r.count && r.add)
					break;
				if (work(job, r.count * l->lanes))
					return true;
				add_rows(job, l, acc, &r);
				r.add = true;
				r.list += r.count;
				left -= r.count;
			} while (left);
		}
	}
	return false;
}

/* Windows of one piece each: all outputs of a band of positions. */
static bool event_band(struct job *job, struct layer *l, const struct block *b, uint64_t pos,
		       uint32_t count)
{
	const struct snnq_tensor *out = &l->desc->out;
	struct lists lists[BAND];
	uint16_t *entries = job->hand.list;
	struct cursor c;
	struct piece piece;
	uint32_t i, w;

	for (i = 0; i < count; i++) {
		c = window_begin(l, 0, (uint32_t)((pos + i) / out->width),
				 (uint32_t)((pos + i) % out->width));
		piece.first_row = 0;
		next_piece(l, &c, &piece);
		lists[i].entries = entries;
		if (make_lists(job, l, b, &piece, &lists[i]))
			return true;
		entries += lists[i].start[b->count * l->desc->in[0].planes];
	}
	for (w = 0; w < tensor_words(out); w++)
		for (i = 0; i < count; i++)
			if (sum_lists(job, l, &lists[i], b->count, w, job->hand.acc, LANES,
				      false) ||
			    neuron_stage(job, l, b, pos + i, w, job->hand.acc, LANES))
				return true;
	return false;
}

/* Sums of one group's outputs that do not start at a word. */
static bool add_group(struct job *job, struct layer *l, const struct lists *lists, uint32_t steps,
		      uint32_t group, int32_t *acc, size_t stride)
{
	uint32_t outputs = l->desc->out.channels / l->geometry.groups, first, t, j;
	int32_t sums[BLOCK_STEPS * LANES];

	for (first = 0; first < outputs; first += l->lanes) {
		uint32_t n = least(outputs - first, l->lanes);
		int32_t *to = acc + group * outputs + first;

		if (sum_lists(job, l, lists, steps, (uint64_t)group * l->columns + first / l->lanes,
			      sums, LANES, false) ||
		    work(job, steps * n))
			return true;
		for (t = 0; t < steps; t++)
			for (j = 0; j < n; j++)
				to[t * stride + j] += sums[t * LANES + j];
	}
	return false;
}

/* Any windows: all outputs of one position. */
static bool event_position(struct job *job, struct layer *l, const struct block *b, uint32_t y,
			   uint32_t x)
{
	const struct snnq_tensor *out = &l->desc->out;
	size_t stride = tensor_words(out) * 64;
	int32_t *acc = job->hand.acc;
	struct lists lists = { .entries = job->hand.list };
	struct piece piece;
	uint32_t group, w;

	if (job_zero(job, acc, b->count * stride * sizeof(*acc)))
		return true;
	for (group = 0; group < l->geometry.groups; group++) {
		struct cursor c = window_begin(l, group, y, x);

		while (next_piece(l, &c, &piece))
			if (make_lists(job, l, b, &piece, &lists) ||
			    add_group(job, l, &lists, b->count, group, acc, stride))
				return true;
	}
	for (w = 0; w < tensor_words(out); w++)
		if (neuron_stage(job, l, b, (uint64_t)y * out->width + x, w, acc + w * 64, stride))
			return true;
	return false;
}

static bool event_block(struct job *job, struct layer *l, const struct block *b, struct range r)
{
	const struct snnq_tensor *out = &l->desc->out;
	uint64_t pos;
	uint32_t n;

	for (pos = r.first; pos < r.end; pos += n) {
		n = least(r.end - pos, l->band);
		if (l->whole ? event_band(job, l, b, pos, n) :
			       event_position(job, l, b, (uint32_t)(pos / out->width),
					      (uint32_t)(pos % out->width)))
			return true;
	}
	return false;
}

/* Synaptic operations of EVENT are the lengths of its lists. */
bool conv_count(struct job *job, struct layer *l, const struct step *s)
{
	if (l->kernel == SNNQ_KERNEL_EVENT && !l->depthwise)
		return tensor_count(job, &l->desc->in[0], s->in[0], &job->stats->input_spikes);
	return window_count(job, l, s);
}

bool conv_begin_block(struct job *job, struct layer *l, const struct block *b)
{
	return l->kernel == SNNQ_KERNEL_LOOKUP && lookup_begin(job, l, b);
}

bool conv_block(struct job *job, struct layer *l, const struct block *b, struct range r)
{
	switch (l->kernel) {
	case SNNQ_KERNEL_DENSE:
		return dense_block(job, l, b, r);
	case SNNQ_KERNEL_LOOKUP:
		return lookup_block(job, l, b, r);
	default:
		return event_block(job, l, b, r);
	}
}
