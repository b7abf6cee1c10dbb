// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * readout.c - READOUT: sums over positions, and over steps or of the last one,
 * written when the job ends. Sums wrap around in 64 bits.
 */
#include "engine.h"

void readout_lay_out(struct snnq_plan *plan, struct layer *l)
{
	if (l->desc->param == SNNQ_READOUT_LAST)
		l->sum = plan_part(plan, l->desc->out.channels, sizeof(*l->sum));
}

static void accumulate(int64_t *sum, int64_t v)
{
	*sum = (int64_t)((uint64_t)*sum + (uint64_t)v);
}

static bool sum_planes(struct job *job, struct layer *l, const uint64_t *data)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), p, w;
	uint64_t pos;

	for (p = 0; p < t->planes; p++)
		for (pos = 0; pos < tensor_positions(t); pos++) {
			if (work(job, t->channels))
				return true;
			for (w = 0; w < words; w++) {
				uint64_t bits = data[tensor_index(t, p, pos, w)];

				for (; bits; bits &= bits - 1)
					accumulate(
						&l->sum[w * 64 + (uint32_t)__builtin_ctzll(bits)],
						tensor_plane_value(t, p));
			}
		}
	return false;
}

static bool sum_integers(struct job *job, struct layer *l, const int32_t *data)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint64_t pos;
	uint32_t c;

	for (pos = 0; pos < tensor_positions(t); pos++, data += t->channels) {
		if (work(job, t->channels))
			return true;
		for (c = 0; c < t->channels; c++)
			accumulate(&l->sum[c], data[c]);
	}
	return false;
}

static bool sum_elements(struct job *job, struct layer *l, const uint64_t *data)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint64_t pos;
	uint32_t c;

	for (pos = 0; pos < tensor_positions(t); pos++)
		for (c = 0; c < t->channels; c++) {
			if (work(job, 1u + t->planes))
				return true;
			accumulate(&l->sum[c], tensor_get(t, data, pos, c));
		}
	return false;
}

bool readout_run(struct job *job, struct layer *l, const struct step *s)
{
	if (l->desc->param == SNNQ_READOUT_LAST &&
	    job_zero(job, l->sum, l->desc->out.channels * sizeof(*l->sum)))
		return true;
	if (l->kernel == SNNQ_KERNEL_GENERIC)
		return sum_elements(job, l, s->in[0]);
	if (l->desc->in[0].format == SNNQ_FORMAT_INT32)
		return sum_integers(job, l, (const int32_t *)(const void *)s->in[0]);
	return sum_planes(job, l, s->in[0]);
}

bool readout_end(struct job *job, struct layer *l)
{
	const struct snnq_tensor *out = &l->desc->out;
	int32_t *v = (int32_t *)(void *)job->plan->out;
	uint32_t c;

	if (work(job, out->channels))
		return true;
	for (c = 0; c < out->channels; c++) {
		v[c] = tensor_clamp(out, l->sum[c], &job->stats->saturations);
		job->stats->output_spikes += v[c] != 0;
	}
	job->stats->output_bytes += snnq_tensor_bytes(out);
	return job_write(job, out->region, out->offset, v, snnq_tensor_bytes(out));
}
