// SPDX-License-Identifier: MIT
/*
 * fuzz_events.c - libFuzzer harness: any bytes as a recording of each format.
 *
 * The first byte chooses the format; the rest is the file. Beyond ASan, the
 * decoders must keep their own promises: an error has a text, and every event
 * lies inside the sensor when there is one.
 */
#include <errno.h>
#include <stdlib.h>

#include "events/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const decoders[])(const uint8_t *, size_t, struct snnq_events *) = {
		events_decode_aedat4,	    events_decode_atis,		events_decode_bs2,
		events_decode_bs3,	    events_decode_aedat2,	events_decode_aedat2_dvs128,
		events_decode_aedat2_tonic, events_decode_aedat2_davis, events_decode_aedat3,
		events_decode_dat,	    events_decode_es,		events_decode_evt2,
		events_decode_evt21,	    events_decode_evt3,
	};
	struct snnq_events *ev = events_new();
	int ret;

	if (!ev || !size) {
		snnq_events_close(ev);
		return 0;
	}
	ret = decoders[data[0] % (sizeof(decoders) / sizeof(decoders[0]))](data + 1, size - 1, ev);
	if (ret && (ret != -EBADMSG || !ev->error[0]))
		abort();
	for (size_t i = 0; i < ev->count; i++)
		if ((ev->info.width && ev->data[i].x >= ev->info.width) ||
		    (ev->info.height && ev->data[i].y >= ev->info.height) || ev->data[i].p > 1)
			abort();
	snnq_events_close(ev);
	return 0;
}
