/* SPDX-License-Identifier: MIT */
/* prophesee.h - the text before the events of Prophesee's RAW and DAT files. */
#ifndef SNNQ_EVENTS_PROPHESEE_H
#define SNNQ_EVENTS_PROPHESEE_H

#include "events.h"

struct prophesee_header {
	size_t bytes;		/* of the text; 0: there is none */
	char format[8];		/* "evt2", "evt21", "evt3", "dat"; "": not said */
	char usual[8];		/* then that of the camera; "": not known */
	uint32_t width, height; /* 0: not said */
	uint32_t version;	/* of DAT; 0: not said */
	bool swapped;		/* halves of 64-bit words */
	bool ordered;		/* which is said */
	uint32_t system;	/* number of a camera of Prophesee's; 0: not said */
	bool foreign;		/* another company's, whose numbers are its own */
};

/*
 * Lines of text that begin with "% ". 0; 1: it may go on behind what is there, which is not the
 * @last; -EBADMSG with the error line in @events. Takes the sensor's size into @events where it is
 * told, or follows from the camera and the caller said none.
 */
int prophesee_header_read(const uint8_t *data, size_t size, bool last, struct snnq_events *events,
			  struct prophesee_header *header);

#endif /* SNNQ_EVENTS_PROPHESEE_H */
