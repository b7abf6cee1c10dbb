/* SPDX-License-Identifier: MIT */
/*
 * source.h - a file or pipe, decoded piece by piece: memory for what is not yet decoded only.
 */
#ifndef SNNQ_EVENTS_SOURCE_H
#define SNNQ_EVENTS_SOURCE_H

#include "format.h"

struct events_source {
	int fd;
	bool seekable;	   /* read at a place, so that several may share the descriptor */
	char *file, *path; /* as it was opened, and for messages, with its part */
	char *option;	   /* of the format; or NULL */
	struct snnq_events_opts opts; /* with a format option of our own */
	const struct events_format *format;
	void *state;	/* of the decoder */
	void *unpacked; /* of the format's container */
	uint8_t *bytes; /* [room + 1] */
	size_t room, at, held;
	uint64_t offset; /* of what is held */
	bool last;	 /* nothing follows what is held */
	bool end;	 /* all is decoded */
	int error;	 /* for ever, when something could not be read or decoded */
	char message[300];
};

/*
 * Begin: find the format, waiting for as many bytes as that takes. The descriptor stays the
 * caller's. 0 or -errno with the error set; to be closed in either case.
 */
int source_open(struct events_source *source, int fd, bool seekable, const char *path,
		const struct snnq_events_opts *opts, struct snnq_events *sink);
/* Another one from the start of the same file. */
int source_again(const struct events_source *source, struct events_source *other,
		 struct snnq_events *sink);
/*
 * Append events to @sink until it has as many as its limit, or some (@some), or to the end. 0 or
 * -errno with the error set; what was appended before it is good.
 */
int source_read(struct events_source *source, struct snnq_events *sink, bool some);
void source_close(struct events_source *source);

#endif /* SNNQ_EVENTS_SOURCE_H */
