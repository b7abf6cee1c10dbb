// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * events.c - EVENTS: event lists to spikes or counts.
 *
 * A list is read twice: to check all of it before the first layer runs, and
 * again, a step at a time, to use it. It may have changed in between, so the
 * same checks are made again; each record is used as it was read into the
 * layer's buffer.
 */
#include "engine.h"

void events_lay_out(struct snnq_plan *plan, struct layer *l)
{
	l->events = plan_part(plan, EVENT_CHUNK, sizeof(*l->events));
}

static void rewind_list(struct layer *l)
{
	l->event_next = l->desc->in[0].offset;
	l->event_start = l->event_next;
	l->event_fill = l->event_next;
	l->event_step = 0;
}

static bool read_ahead(struct job *job, struct layer *l)
{
	uint64_t left = l->event_end - l->event_next;
	uint64_t bytes = left < EVENT_CHUNK * 8 ? left : EVENT_CHUNK * 8;
	uint32_t region = l->desc->in[0].region;

	if (job_read(job, region, l->event_next, l->events, bytes))
		return true;
	l->event_start = l->event_next;
	l->event_fill = l->event_next + bytes;
	return false;
}

/* The next record, without passing it; SNNQ_EVENT_END also at the end of the region. */
static bool peek(struct job *job, struct layer *l, uint64_t *record)
{
	*record = SNNQ_EVENT_END;
	if (work(job, 1))
		return true;
	if (l->event_next >= l->event_end)
		return false;
	if (l->event_next >= l->event_fill && read_ahead(job, l))
		return true;
	*record = l->events[(l->event_next - l->event_start) / 8];
	return false;
}

static uint32_t record_step(uint64_t record)
{
	return (uint32_t)(record >> SNNQ_EVENT_STEP_SHIFT);
}

static uint32_t record_y(uint64_t record)
{
	return record >> SNNQ_EVENT_Y_SHIFT & SNNQ_EVENT_XY_MASK;
}

static uint32_t record_x(uint64_t record)
{
	return record >> SNNQ_EVENT_X_SHIFT & SNNQ_EVENT_XY_MASK;
}

static uint32_t record_channel(uint64_t record)
{
	return record & SNNQ_EVENT_CHANNEL_MASK;
}

/* Check a record and pass it. */
static bool accept(struct job *job, struct layer *l, uint64_t record)
{
	const struct snnq_tensor *t = &l->desc->in[0];
	uint32_t step = record_step(record);

	if (step < l->event_step || step >= job->run.steps || record_y(record) >= t->height ||
	    record_x(record) >= t->width || record_channel(record) >= t->channels)
		return fault(job, SNNQ_STATUS_BAD_EVENT, t->region, l->event_next);
	l->event_step = step;
	l->event_next += 8;
	return false;
}

bool events_begin(struct job *job, struct layer *l)
{
	uint32_t r = l->desc->in[0].region - SNNQ_REGION_USER;
	uint64_t bytes = job->run.event_bytes[r];
	uint64_t record;

	if (bytes < job->plan->info.regions[r].bytes)
		return fault(job, SNNQ_STATUS_BAD_REGION, l->desc->in[0].region, bytes);
	l->event_end = l->desc->in[0].offset + ((bytes - l->desc->in[0].offset) & ~7ull);
	rewind_list(l);
	for (;;) {
		if (peek(job, l, &record))
			return true;
		if (record == SNNQ_EVENT_END)
			break;
		if (accept(job, l, record))
			return true;
	}
	rewind_list(l);
	return false;
}

/* Add one to an element of bit-planes, unless it is at its largest value. */
static void count_up(struct job *job, const struct layer *l, uint64_t *out, uint64_t record)
{
	const struct snnq_tensor *t = &l->desc->out;
	uint64_t pos = (uint64_t)record_y(record) * t->width + record_x(record);
	uint32_t channel = record_channel(record), p;
	uint64_t bit = 1ull << (channel % 64);

	if (tensor_get(t, out, pos, channel) == tensor_bound(t)) {
		job->stats->saturations += t->planes > 1;
		return;
	}
	for (p = 0; p < t->planes; p++) {
		uint64_t *w = &out[tensor_index(t, p, pos, channel / 64)];

		*w ^= bit;
		if (*w & bit)
			return;
	}
}

bool events_run(struct job *job, struct layer *l, const struct step *s)
{
	uint64_t record;

	if (job_zero(job, s->out, snnq_tensor_bytes(&l->desc->out)))
		return true;
	for (;;) {
		if (peek(job, l, &record))
			return true;
		if (record == SNNQ_EVENT_END) {
			if (l->event_next < l->event_end)
				job->stats->input_bytes += 8;
			l->event_end = l->event_next;
			return false;
		}
		if (record_step(record) > s->t)
			return false;
		if (record_step(record) < s->t)
			return fault(job, SNNQ_STATUS_BAD_EVENT, l->desc->in[0].region,
				     l->event_next);
		if (accept(job, l, record) || work(job, l->desc->out.planes))
			return true;
		count_up(job, l, s->out, record);
		job->stats->input_spikes++;
		job->stats->synops++;
		job->stats->input_bytes += 8;
	}
}
