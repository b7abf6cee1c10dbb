/* SPDX-License-Identifier: MIT */
/* format.h - the formats of recordings. */
#ifndef SNNQ_EVENTS_FORMAT_H
#define SNNQ_EVENTS_FORMAT_H

#include "events.h"

#define FORMAT_HEAD_BYTES 4096 /* what tells formats apart */

struct events_format {
	const char *name, *magic, *extension;
	const char *reading_of; /* content that says this name may be read so */
	const struct events_decoder *decoder;
	const char *refusal; /* recognized, but not read */
};

/* Whether the first bytes tell what the format is, so that none need be waited for. */
bool events_format_tells(const uint8_t *head, size_t size);
/*
 * The format of a file that begins with @head, behind which is a 0, and that the caller calls
 * @name or NULL. NULL with the error set and the code in @ret.
 */
const struct events_format *events_format_find(const char *path, const char *name,
					       const uint8_t *head, size_t size, int *ret);

#endif /* SNNQ_EVENTS_FORMAT_H */
