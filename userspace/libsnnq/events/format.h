/* SPDX-License-Identifier: MIT */
/* format.h - the formats of recordings. */
#ifndef SNNQ_EVENTS_FORMAT_H
#define SNNQ_EVENTS_FORMAT_H

#include "container.h"
#include "events.h"

#define FORMAT_HEAD_BYTES 4096 /* what tells formats apart */

struct events_format {
	const char *name, *magic, *extension;
	const char *reading_of; /* content that says this name may be read so */
	const struct events_decoder *decoder;
	const struct events_container *container; /* what the decoder's bytes are in; or NULL */
	bool unit;				  /* of times may be asked for */
	bool part;				  /* and of a file */
	const char *refusal;			  /* recognized, but not read */
};

#define FORMAT_NAME_BYTES 24

#define FORMAT_PART_BYTES 200

/* What a format option asks for: "npy", "npy:ms", "hdf5:s:part=davis/left". */
struct format_option {
	char name[FORMAT_NAME_BYTES];
	int64_t unit_ns;	      /* of times; 0: none is named */
	char part[FORMAT_PART_BYTES]; /* of a file with several recordings; or empty */
};

/* 0 or -EINVAL with the error set. */
int format_option_read(const char *path, const char *text, struct format_option *option);

/* Whether the first bytes tell what the format is, so that none need be waited for. */
bool events_format_tells(const uint8_t *head, size_t size);
/*
 * The format of a file that begins with @head, behind which is a 0, and that the caller calls
 * what @option says or NULL. NULL with the error set and the code in @ret.
 */
const struct events_format *events_format_find(const char *path, const struct format_option *option,
					       const uint8_t *head, size_t size, int *ret);

#endif /* SNNQ_EVENTS_FORMAT_H */
