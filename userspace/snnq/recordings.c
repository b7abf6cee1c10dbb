// SPDX-License-Identifier: MIT
/*
 * recordings.c - what is wrong with recordings, said on standard error and in JSON.
 */
#include <inttypes.h>

#include "cli.h"

void cli_add_recordings(struct snnq_recordings *r, const struct snnq_recordings *more)
{
	r->count += more->count;
	r->dropped_events += more->dropped_events;
	r->nonmonotonic += more->nonmonotonic;
	r->damaged_bytes += more->damaged_bytes;
	r->unordered += more->unordered;
	r->damaged += more->damaged;
	r->far_from_origin += more->far_from_origin;
	r->clamped_values += more->clamped_values;
}

static const char *is_or_are(uint64_t count)
{
	return count == 1 ? "is" : "are";
}

void cli_note_recordings(const char *what, const struct snnq_recordings *r)
{
	const char *more = text_s((double)r->count);

	if (r->nonmonotonic)
		cli_fail(CLI_OK,
			 "%s: note: %" PRIu64 " event%s in %" PRIu64 " of %" PRIu64
			 " recording%s %s back in time; all are taken in the order of time",
			 what, r->nonmonotonic, text_s((double)r->nonmonotonic), r->unordered,
			 r->count, more, r->nonmonotonic == 1 ? "goes" : "go");
	if (r->damaged)
		cli_fail(CLI_OK,
			 "%s: note: %" PRIu64 " byte%s at the end of %" PRIu64 " of %" PRIu64
			 " recording%s %s damaged; what is before is taken",
			 what, r->damaged_bytes, text_s((double)r->damaged_bytes), r->damaged,
			 r->count, more, is_or_are(r->damaged_bytes));
	if (r->dropped_events)
		cli_fail(CLI_OK,
			 "%s: note: %" PRIu64 " event%s %s dropped: outside the sensor, before "
			 "the first step, not valid, of a reserved type, or at a damaged end",
			 what, r->dropped_events, text_s((double)r->dropped_events),
			 is_or_are(r->dropped_events));
	if (r->clamped_values)
		cli_fail(CLI_OK,
			 "%s: note: %" PRIu64 " value%s %s outside of what the model takes; the "
			 "nearest that it takes is in place of each",
			 what, r->clamped_values, text_s((double)r->clamped_values),
			 is_or_are(r->clamped_values));
	if (r->far_from_origin)
		cli_fail(
			CLI_OK,
			"%s: warning: %" PRIu64 " of %" PRIu64 " recording%s start behind the "
			"model's first window; it expects times from 0, and results depend on them",
			what, r->far_from_origin, r->count, more);
}

void cli_put_recordings(cJSON *o, const struct snnq_recordings *r)
{
	cJSON_AddNumberToObject(o, "dropped_events", r->dropped_events);
	cJSON_AddNumberToObject(o, "nonmonotonic", r->nonmonotonic);
	cJSON_AddNumberToObject(o, "damaged_bytes", r->damaged_bytes);
	cJSON_AddNumberToObject(o, "far_from_origin", r->far_from_origin);
	cJSON_AddNumberToObject(o, "clamped_values", r->clamped_values);
}
