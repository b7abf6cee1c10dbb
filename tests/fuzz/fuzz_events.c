// SPDX-License-Identifier: MIT
/*
 * fuzz_events.c - libFuzzer harness: any bytes as a recording of each format.
 *
 * The first byte chooses the format; the rest is the file, decoded at once and in pieces, which the
 * last byte sizes. A container is a file in memory, read as recordings are. Beyond ASan, the decoders must keep their own promises: all pieces come to the
 * same, an error has a text, and every event lies inside the sensor when there is one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chunks.h"
#include "events/source.h"

#define ARRAYS	   0xf0 /* first bytes from here on: arrays of NumPy's */
#define CONTAINERS 0xf8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever comes out of it, some thousands at a time. */
static int read_container(const uint8_t *data, size_t size, struct snnq_events *ev)
{
	int fd = memfd_create("container", MFD_CLOEXEC), ret;
	struct events_source source;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	ev->limit = 4096;
	ret = source_open(&source, fd, true, "container",
			  SNNQ_OPTS(struct snnq_events_opts, .format = "npz"), ev);
	while (!ret && !source.end) {
		ev->count = 0;
		ret = source_read(&source, ev, true);
	}
	source_close(&source);
	close(fd);
	snprintf(ev->error, sizeof(ev->error), "%s", snnq_last_error(NULL));
	return ret;
}

static const struct events_decoder *decoder_of(uint8_t first)
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
	static const struct events_decoder *const arrays[] = { &events_npy, &events_npy_txyp,
							       &events_npy_xytp, &events_npy_xypt };

	return first >= ARRAYS ? arrays[first % 4] :
				 decoders[first % (sizeof(decoders) / sizeof(decoders[0]))];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snnq_events *ev = events_new();
	int ret;

	if (!ev || !size) {
		snnq_events_close(ev);
		return 0;
	}
	if (data[0] >= CONTAINERS)
		ret = read_container(data + 1, size - 1, ev);
	else
		ret = chunks_same(decoder_of(data[0]), data + 1, size - 1, 1 + data[size - 1],
				  data[size - 1] % 5, ev);
	if (ret && (ret != -EBADMSG || !ev->error[0]))
		abort();
	for (size_t i = 0; i < ev->count; i++)
		if ((ev->info.width && ev->data[i].x >= ev->info.width) ||
		    (ev->info.height && ev->data[i].y >= ev->info.height) || ev->data[i].p > 1)
			abort();
	snnq_events_close(ev);
	return 0;
}
