// SPDX-License-Identifier: MIT
/*
 * fuzz_events.c - libFuzzer harness: any bytes as a recording of each format.
 *
 * The first byte chooses the format; the rest is the file, decoded at once and in pieces, which the
 * last byte sizes. Beyond ASan, the decoders must keep their own promises: all pieces come to the
 * same, an error has a text, and every event lies inside the sensor when there is one.
 */
#include <errno.h>
#include <stdlib.h>

#include "chunks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct events_decoder *const decoders[] = {
		&events_aedat4,
		&events_atis,
		&events_bs2,
		&events_bs3,
		&events_aedat2,
		&events_aedat2_dvs128,
		&events_aedat2_tonic,
		&events_aedat2_davis,
		&events_aedat3,
		&events_dat,
		&events_es,
		&events_evt2,
		&events_evt21,
		&events_evt3,
		&events_bs1,
		&events_aedat1,
		&events_aedat1_dvs128,
		&events_aedat1_tonic,
	};
	struct snnq_events *ev = events_new();
	int ret;

	if (!ev || !size) {
		snnq_events_close(ev);
		return 0;
	}
	ret = chunks_same(decoders[data[0] % (sizeof(decoders) / sizeof(decoders[0]))], data + 1,
			  size - 1, 1 + data[size - 1], data[size - 1] % 5, ev);
	if (ret && (ret != -EBADMSG || !ev->error[0]))
		abort();
	for (size_t i = 0; i < ev->count; i++)
		if ((ev->info.width && ev->data[i].x >= ev->info.width) ||
		    (ev->info.height && ev->data[i].y >= ev->info.height) || ev->data[i].p > 1)
			abort();
	snnq_events_close(ev);
	return 0;
}
