// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * matmul.c - MATMUL: products of two or three operands, per head. Once a step operands
 * are unpacked as matrices of int32, the product that comes first is formed, and each position
 * then adds up rows of the right matrix for elements of the left one that are not zero.
 */
#include <string.h>

#include "engine.h"

#define MOST_BYTES (1u << 26) /* of matrices; beyond it everything goes element by element */

/* Operand k as it is used: for each head rows of columns, maybe transposed. */
struct matrix {
	const struct snnq_tensor *t;
	const uint64_t *data;
	uint64_t tokens;
	uint32_t heads, width;
	bool transposed;
};

static struct matrix matrix_of(const struct layer *l, const struct step *s, uint32_t k)
{
	const struct snnq_tensor *t = &l->desc->in[k];

	return (struct matrix){
		.t = t,
		.data = s ? s->in[k] : NULL,
		.tokens = tensor_positions(t),
		.heads = l->desc->param,
		.width = t->channels / l->desc->param,
		.transposed = l->desc->mode & SNNQ_MATMUL_TRANSPOSE_0 << k,
	};
}

static uint64_t rows_of(const struct matrix *m)
{
	return m->transposed ? m->width : m->tokens;
}

static uint64_t columns_of(const struct matrix *m)
{
	return m->transposed ? m->tokens : m->width;
}

static bool has_three(const struct layer *l)
{
	return l->desc->in[2].format != SNNQ_FORMAT_NONE;
}

static bool right_first(const struct layer *l)
{
	return l->desc->mode & SNNQ_MATMUL_RIGHT_FIRST;
}

/* Elements of the product that comes first of three operands. */
static uint64_t middle_elements(const struct layer *l)
{
	struct matrix left = matrix_of(l, NULL, right_first(l));
	struct matrix right = matrix_of(l, NULL, right_first(l) + 1u);

	return has_three(l) ? rows_of(&left) * columns_of(&right) * left.heads : 0;
}

/* Where matrices of int32 lie: those of the operands, one after the other, then the middle. */
static uint64_t matrix_start(const struct layer *l, uint32_t k)
{
	uint64_t at = 0;

	while (k-- > 0)
		at += snnq_tensor_elements(&l->desc->in[k]);
	return at;
}

static bool by_matrices(const struct layer *l)
{
	return middle_elements(l) <= MOST_BYTES / sizeof(int32_t) &&
	       (matrix_start(l, 3) + middle_elements(l)) * sizeof(int32_t) <= MOST_BYTES;
}

static int32_t *matrix_at(const struct job *job, const struct layer *l, uint32_t k)
{
	return (int32_t *)job->plan->attention + matrix_start(l, k);
}

/* Set bits at each inner index of a head; the larger of both sides of a product. */
static uint64_t inner_numbers(const struct layer *l, uint32_t k)
{
	const struct snnq_tensor *t = &l->desc->in[k];
	uint64_t by_token = tensor_positions(t) * l->desc->param;

	return by_token > t->channels ? by_token : t->channels;
}

void matmul_lay_out(struct snnq_plan *plan, struct layer *l)
{
	uint64_t most = 0;
	uint32_t k;

	for (k = 0; k < 3; k++) {
		plan_needs(&plan->needs.list, tensor_words(&l->desc->in[k]) * 64 * sizeof(int32_t));
		plan_needs(&most, inner_numbers(l, k));
	}
	plan_needs(&plan->needs.attention, 2 * most * sizeof(uint64_t));
	if (by_matrices(l))
		plan_needs(&plan->needs.attention,
			   (matrix_start(l, 3) + middle_elements(l)) * sizeof(int32_t));
}

bool matmul_prepare(struct snnq_plan *plan, struct layer *l, struct snnq_pace *pace)
{
	struct matrix a = matrix_of(l, NULL, 0), b = matrix_of(l, NULL, 1);

	(void)plan;
	(void)pace;
	l->acc_bound = (int64_t)columns_of(&a) * tensor_bound(a.t) * tensor_bound(b.t);
	if (has_three(l))
		l->acc_bound *= (int64_t)columns_of(&b) * tensor_bound(&l->desc->in[2]);
	return false;
}

/* ---- element by element ---- */

static int32_t element(const struct matrix *m, uint32_t head, uint64_t row, uint64_t column)
{
	uint64_t token = m->transposed ? column : row, c = m->transposed ? row : column;

	return tensor_get(m->t, m->data, token, head * m->width + (uint32_t)c);
}

/* What an element of a row of the left operands, of which two may be, is worth. */
static bool left_element(struct job *job, const struct matrix *m, bool two, uint32_t head,
			 uint64_t row, uint64_t column, uint32_t *v)
{
	uint64_t j;

	if (!two) {
		*v = (uint32_t)element(m, head, row, column);
		return work(job, 1u + m->t->planes);
	}
	for (j = 0, *v = 0; j < columns_of(m); j++) {
		if (work(job, 2u + m->t->planes + m[1].t->planes))
			return true;
		*v += (uint32_t)element(m, head, row, j) *
		      (uint32_t)element(m + 1, head, j, column);
	}
	return false;
}

/* The order of products makes no difference: sums are exact, or wrap around on their way. */
ACCUMULATE(matmul_generic)
{
	bool three = has_three(l);
	struct matrix m[3] = { matrix_of(l, s, 0), matrix_of(l, s, 1) };
	const struct matrix *right = &m[1 + three];
	uint64_t row = (uint64_t)y * l->desc->out.width + x, k, c, columns;
	uint32_t h, v;

	if (three)
		m[2] = matrix_of(l, s, 2);
	columns = columns_of(right);
	for (h = 0; h < l->desc->param; h++)
		for (k = 0; k < rows_of(right); k++) {
			if (left_element(job, m, three, h, row, k, &v))
				return true;
			for (c = 0; v && c < columns; c++) {
				int32_t *to = &acc[h * columns + c];

				if (work(job, 1u + right->t->planes))
					return true;
				*to = (int32_t)((uint32_t)*to +
						v * (uint32_t)element(right, h, k, c));
			}
		}
	return false;
}

/* ---- by matrices ---- */

/* A row of channels to where its elements lie in the matrix. */
static bool place_row(struct job *job, const struct matrix *m, uint64_t token, const int32_t *row,
		      int32_t *to)
{
	uint64_t size = m->tokens * m->width;
	uint32_t h, c;

	for (h = 0; h < m->heads; h++, row += m->width, to += size) {
		if (work(job, m->width))
			return true;
		if (!m->transposed)
			memcpy(to + token * m->width, row, m->width * sizeof(*row));
		for (c = 0; m->transposed && c < m->width; c++)
			to[c * m->tokens + token] = row[c];
	}
	return false;
}

static bool unpack(struct job *job, const struct layer *l, const struct step *s, uint32_t k)
{
	int32_t *row = (int32_t *)(void *)job->hand.list, *to = matrix_at(job, l, k);
	struct matrix m = matrix_of(l, s, k);
	uint64_t token;
	uint32_t w;

	for (token = 0; token < m.tokens; token++) {
		for (w = 0; w < tensor_words(m.t); w++) {
			if (work(job, 64u * (1u + m.t->planes)))
				return true;
			tensor_load64(m.t, m.data, token, w, row + w * 64);
		}
		if (place_row(job, &m, token, row, to))
			return true;
	}
	return false;
}

/* to[columns] += left[inner] times the matrix right[inner][columns] */
static bool add_rows(struct job *job, int32_t *to, const int32_t *left, const int32_t *right,
		     uint64_t inner, uint64_t columns)
{
	uint64_t k, c, end, n;

	for (k = 0; k < inner; k++) {
		if (work(job, 1))
			return true;
		for (c = 0; left[k] && c < columns; c = end) {
			n = columns - c < SNNQ_SAFE_POINT_OPS ? columns - c : SNNQ_SAFE_POINT_OPS;
			end = c + n;
			if (work(job, (uint32_t)n))
				return true;
			for (; c < end; c++)
				to[c] = (int32_t)((uint32_t)to[c] +
						  (uint32_t)left[k] *
							  (uint32_t)right[k * columns + c]);
		}
	}
	return false;
}

/* The product of three operands that comes first. */
static bool multiply_middle(struct job *job, const struct layer *l)
{
	uint32_t first = right_first(l), h;
	struct matrix a = matrix_of(l, NULL, first), b = matrix_of(l, NULL, first + 1u);
	const int32_t *left = matrix_at(job, l, first), *right = matrix_at(job, l, first + 1u);
	uint64_t rows = rows_of(&a), inner = columns_of(&a), columns = columns_of(&b), r;
	int32_t *to = matrix_at(job, l, 3);

	if (job_zero(job, to, middle_elements(l) * sizeof(*to)))
		return true;
	for (h = 0; h < l->desc->param; h++)
		for (r = 0; r < rows; r++, to += columns, left += inner)
			if (add_rows(job, to, left, right + h * inner * columns, inner, columns))
				return true;
	return false;
}

bool matmul_begin(struct job *job, struct layer *l, const struct block *b)
{
	uint32_t k;

	if (!by_matrices(l))
		return false;
	for (k = 0; k < 2u + has_three(l); k++)
		if (unpack(job, l, b->steps, k))
			return true;
	return has_three(l) && multiply_middle(job, l);
}

/* A row of what is multiplied last. */
ACCUMULATE(matmul_sum)
{
	uint32_t last = 1u + has_three(l), h, left = 0, right = last;
	struct matrix a = matrix_of(l, NULL, 0), b = matrix_of(l, NULL, last);
	uint64_t inner = rows_of(&b), columns = columns_of(&b);
	uint64_t row = (uint64_t)y * l->desc->out.width + x;

	if (!by_matrices(l))
		return matmul_generic(job, l, s, y, x, acc);
	if (has_three(l) && right_first(l)) {
		right = 3;
		inner = columns_of(&a);
	} else if (has_three(l)) {
		left = 3;
	}
	for (h = 0; h < l->desc->param; h++)
		if (add_rows(job, acc + h * columns,
			     matrix_at(job, l, left) + (h * rows_of(&a) + row) * inner,
			     matrix_at(job, l, right) + h * inner * columns, inner, columns))
			return true;
	return false;
}

/* ---- synaptic operations ---- */

/* Bits of 64 channels in a plane; of integers those that are not zero. */
static uint64_t bits_at(const struct matrix *m, uint32_t plane, uint64_t token, uint32_t word)
{
	int32_t v[64];
	uint64_t bits = 0;
	uint32_t j;

	if (m->t->format != SNNQ_FORMAT_INT32)
		return m->data[tensor_index(m->t, plane, token, word)];
	tensor_load64(m->t, m->data, token, word, v);
	for (j = 0; j < 64; j++)
		bits |= (uint64_t)(v[j] != 0) << j;
	return bits;
}

/* For each head and inner index the set bits there: of channels, or of tokens. */
static bool count_inner(struct job *job, const struct matrix *m, bool channels, uint64_t *numbers)
{
	uint32_t planes = m->t->planes ? m->t->planes : 1, p, w, c;
	uint64_t token, bits;

	if (job_zero(job, numbers,
		     (channels ? m->t->channels : m->tokens * m->heads) * sizeof(*numbers)))
		return true;
	for (token = 0; token < m->tokens; token++)
		for (p = 0; p < planes; p++)
			for (w = 0; w < tensor_words(m->t); w++) {
				if (work(job, 128))
					return true;
				bits = bits_at(m, p, token, w);
				for (; bits; bits &= bits - 1) {
					c = w * 64 + (uint32_t)__builtin_ctzll(bits);
					numbers[channels ? c : c / m->width * m->tokens + token]++;
				}
			}
	return false;
}

/* At each inner index, every bit of the left operand meets every bit of the right one. */
static bool count_product(struct job *job, struct layer *l, const struct step *s, uint32_t k)
{
	struct matrix a = matrix_of(l, s, k), b = matrix_of(l, s, k + 1u);
	uint64_t *left = job->plan->attention, n = columns_of(&a) * a.heads, i;
	uint64_t *right = left + n;

	if (count_inner(job, &a, !a.transposed, left) || count_inner(job, &b, b.transposed, right))
		return true;
	for (i = 0; i < n; i++) {
		if (!(i % 1024) && work(job, 1024))
			return true;
		job->stats->synops += left[i] * right[i];
	}
	return false;
}

bool matmul_count(struct job *job, struct layer *l, const struct step *s)
{
	struct matrix first = matrix_of(l, s, 0), last = matrix_of(l, s, 2);
	struct matrix outer = right_first(l) ? first : last;
	__u64 bits = 0;

	if (count_all_inputs(job, l, s))
		return true;
	if (!has_three(l))
		return count_product(job, l, s, 0);
	if (tensor_count(job, outer.t, outer.data, &bits))
		return true;
	job->stats->synops += bits * (right_first(l) ? columns_of(&last) : rows_of(&first));
	return count_product(job, l, s, right_first(l));
}
