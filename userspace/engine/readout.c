// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * readout.c - READOUT: sums over positions, and over steps, of the last one or the largest,
 * written when the job ends. Sums wrap around in 64 bits.
 */
#include "engine.h"

void readout_lay_out(struct snnq_plan *plan, struct layer *l)
{
	uint32_t channels = l->desc->out.channels;

	if (l->desc->param == SNNQ_READOUT_LAST)
		l->sum = plan_part(plan, channels, sizeof(*l->sum));
	if (l->desc->param == SNNQ_READOUT_MAX)
		plan_needs(&plan->needs.attention, channels * sizeof(*l->sum));
}

/* Channels that are added up for a vote; 1 otherwise. */
static uint32_t voters(const struct layer *l)
{
	return l->desc->in[0].channels / l->desc->out.channels;
}

static int64_t add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void accumulate(int64_t *sum, int64_t v)
{
	*sum = add(*sum, v);
}

static bool sum_planes(struct job *job, struct layer *l, const uint64_t *data, int64_t *sum)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t words = tensor_words(t), group = voters(l), p, w, c;
	uint64_t pos;

	for (p = 0; p < t->planes; p++)
		for (pos = 0; pos < tensor_positions(t); pos++) {
			if (work(job, t->channels))
				return true;
			for (w = 0; w < words; w++) {
				uint64_t bits = data[tensor_index(t, p, pos, w)];

				for (; bits; bits &= bits - 1) {
					c = w * 64 + (uint32_t)__builtin_ctzll(bits);
					accumulate(&sum[c / group], tensor_plane_value(t, p));
				}
			}
		}
	return false;
}

static bool sum_integers(struct job *job, struct layer *l, const int32_t *data, int64_t *sum)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t group = voters(l), c;
	uint64_t pos;

	for (pos = 0; pos < tensor_positions(t); pos++, data += t->channels) {
		if (work(job, t->channels))
			return true;
		for (c = 0; c < t->channels; c++)
			accumulate(&sum[c / group], data[c]);
	}
	return false;
}

static bool sum_elements(struct job *job, struct layer *l, const uint64_t *data, int64_t *sum)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t group = voters(l), c;
	uint64_t pos;

	for (pos = 0; pos < tensor_positions(t); pos++)
		for (c = 0; c < t->channels; c++) {
			if (work(job, 1u + t->planes))
				return true;
			accumulate(&sum[c / group], tensor_get(t, data, pos, c));
		}
	return false;
}

static bool sum_step(struct job *job, struct layer *l, const uint64_t *data, int64_t *sum)
{
	if (l->kernel == SNNQ_KERNEL_GENERIC)
		return sum_elements(job, l, data, sum);
	if (l->desc->in[0].format == SNNQ_FORMAT_INT32)
		return sum_integers(job, l, (const int32_t *)(const void *)data, sum);
	return sum_planes(job, l, data, sum);
}

/* The largest sum of a step is kept with 2^31 added, as zero stands for none. */
static bool keep_largest(struct job *job, struct layer *l, const int64_t *sum)
{
	uint32_t channels = l->desc->out.channels, c;

	if (work(job, channels))
		return true;
	for (c = 0; c < channels; c++)
		if (add(sum[c], -(int64_t)INT32_MIN) > l->sum[c])
			l->sum[c] = add(sum[c], -(int64_t)INT32_MIN);
	return false;
}

bool readout_run(struct job *job, struct layer *l, const struct step *s)
{
	bool largest = l->desc->param == SNNQ_READOUT_MAX;
	int64_t *sum = largest ? job->plan->attention : l->sum;

	if ((largest || l->desc->param == SNNQ_READOUT_LAST) &&
	    job_zero(job, sum, l->desc->out.channels * sizeof(*sum)))
		return true;
	if (sum_step(job, l, s->in[0], sum))
		return true;
	return largest && keep_largest(job, l, sum);
}

bool readout_end(struct job *job, struct layer *l)
{
	const struct snnq_tensor *out = &l->desc->out;
	int64_t less = l->desc->param == SNNQ_READOUT_MAX ? INT32_MIN : 0;
	int32_t *v = (int32_t *)(void *)job->plan->out;
	uint32_t c;

	if (work(job, out->channels))
		return true;
	for (c = 0; c < out->channels; c++) {
		v[c] = tensor_clamp(out, add(l->sum[c], less), &job->stats->saturations);
		job->stats->output_spikes += v[c] != 0;
	}
	job->stats->output_bytes += snnq_tensor_bytes(out);
	return job_write(job, out->region, out->offset, v, snnq_tensor_bytes(out));
}
