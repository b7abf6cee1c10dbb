// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * gate.c - ATTENTION that lets spikes pass or not: TOKEN those of K where a channel of the
 * head spikes in Q (QKFormer), CHANNEL those of Q where K and V spike together in any
 * token (spike-driven self-attention).
 */
#include <string.h>

#include "engine.h"

void gate_lay_out(struct snnq_plan *plan, struct layer *l)
{
	plan_needs(&plan->needs.attention, tensor_words(&l->desc->out) * sizeof(uint64_t));
}

static bool gate_tokens(struct job *job, struct layer *l, const struct step *s)
{
	uint32_t words = tensor_words(&l->desc->out), h, w;
	uint64_t pos;

	for (pos = 0; pos < tensor_positions(&l->desc->out); pos++) {
		const uint64_t *q = s->in[0] + pos * words, *k = s->in[1] + pos * words;
		uint64_t *out = s->out + pos * words;

		if (work(job, words))
			return true;
		memset(out, 0, words * sizeof(*out));
		for (h = 0; h < l->desc->param; h++) {
			struct head head = head_channels(l, h);
			uint64_t any = 0;

			if (work(job, 2 * ((head.end - head.first) / 64 + 2)))
				return true;
			for (w = head.first / 64; w * 64 < head.end; w++)
				any |= q[w] & range_mask(head.first, head.end, w);
			for (w = head.first / 64; any && w * 64 < head.end; w++)
				out[w] |= k[w] & range_mask(head.first, head.end, w);
		}
	}
	return false;
}

static bool gate_channels(struct job *job, struct layer *l, const struct step *s)
{
	uint32_t words = tensor_words(&l->desc->out), w;
	uint64_t *open = job->plan->attention, pos;

	if (job_zero(job, open, words * sizeof(*open)))
		return true;
	for (pos = 0; pos < tensor_positions(&l->desc->out); pos++) {
		if (work(job, 2 * words))
			return true;
		for (w = 0; w < words; w++)
			open[w] |= s->in[1][pos * words + w] & s->in[2][pos * words + w];
	}
	for (pos = 0; pos < tensor_positions(&l->desc->out); pos++) {
		if (work(job, 2 * words))
			return true;
		for (w = 0; w < words; w++)
			s->out[pos * words + w] = s->in[0][pos * words + w] & open[w];
	}
	return false;
}

bool gate_run(struct job *job, struct layer *l, const struct step *s)
{
	return l->desc->mode == SNNQ_ATTENTION_TOKEN ? gate_tokens(job, l, s) :
						       gate_channels(job, l, s);
}
