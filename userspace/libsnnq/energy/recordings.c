// SPDX-License-Identifier: MIT
/*
 * recordings.c - what recordings were like that a tool read.
 */
#include "snnq_tools.h"

void snnq_recordings_add(struct snnq_recordings *all, struct snnq_events *events,
			 uint64_t dropped_events, uint64_t first_step)
{
	struct snnq_events_info info;

	snnq_events_info(events, &info);
	all->count++;
	all->dropped_events += dropped_events;
	all->nonmonotonic += info.nonmonotonic;
	all->damaged_bytes += info.damaged_bytes;
	all->unordered += info.nonmonotonic > 0;
	all->damaged += info.damaged_bytes > 0;
	all->far_from_origin += first_step > 0;
}
