// SPDX-License-Identifier: MIT
/*
 * fuzz_files.c - libFuzzer harness: any bytes as the smaller files that the library reads.
 *
 * The first byte chooses: a .npy array, as weights and as values for some inputs of models, or a
 * journal, with its header given or not. A refusal has a text that names the file; a journal that is
 * accepted can be gone on with.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "import/import.h"
#include "quantize/journal.h"
#include "run/values.h"

static const char path[] = "/proc/self/fd/200", header[] = "{\"work\": 1}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void put_file(const char *first, const uint8_t *data, size_t size)
{
	static int fd = -1;
	size_t before = strlen(first);

	if (fd < 0) {
		fd = memfd_create("file", 0);
		must(fd >= 0 && dup2(fd, 200) == 200);
	}
	must(!ftruncate(fd, 0) && pwrite(fd, first, before, 0) == (ssize_t)before &&
	     pwrite(fd, data, size, (off_t)before) == (ssize_t)size);
}

static void check_refusal(int ret)
{
	must(ret != -ENOMEM && !strncmp(error_get(), path, strlen(path)));
}

/* An image of at most 3 x 4 x 5 numbers, whose sides are those of the array where they can be. */
static struct graph_input input_for(const struct snnq_values_info *info, uint8_t kind)
{
	struct graph_input in = {
		.values = true,
		.width = 5,
		.height = 4,
		.channels = 3,
		.planes = 1 + kind % 16,
		.steps = 2,
		.flat = kind & 16,
		.channels_last = kind & 32,
		.frames = kind & 64,
		.scale = kind & 128 ? 0.3 : 0,
		.zero = kind & 1,
	};
	uint32_t d = info->dims;

	if (d && info->shape[d - 1] <= 5)
		in.width = (uint32_t)info->shape[d - 1];
	if (d > 1 && info->shape[d - 2] <= 4)
		in.height = (uint32_t)info->shape[d - 2];
	if (d > 2 && info->shape[d - 3] <= 3)
		in.channels = (uint32_t)info->shape[d - 3];
	in.shape = (struct graph_shape){ in.height, in.width, in.channels, SNNQ_FORMAT_UNSIGNED,
					 (uint8_t)in.planes };
	if (in.flat)
		in.shape = (struct graph_shape){ 1, 1, in.height * in.width * in.channels,
						 SNNQ_FORMAT_UNSIGNED, (uint8_t)in.planes };
	return in;
}

static void fill(struct snnq_values *v, uint8_t kind)
{
	uint64_t slots[2 * 60 * 16], clamped;
	struct snnq_values_info info;
	struct graph_input in;
	int64_t samples;

	must(!snnq_values_info(v, &info));
	in = input_for(&info, kind);
	samples = values_samples(&in, v);
	must(samples < 0 ? samples == -EBADMSG : samples > 0 && samples <= (int64_t)info.count);
	for (int64_t i = 0; i <= samples && i < 4; i++) {
		int ret = values_fill(&in, v, (uint64_t)i, slots, &clamped);

		must(ret == (i < samples) || ret == -EBADMSG);
		must(in.scale || !clamped);
	}
}

static void read_values(void)
{
	struct snnq_values *v;
	int ret = snnq_values_open(path, &v);

	if (ret) {
		check_refusal(ret);
		return;
	}
	for (int kind = 0; kind < 256; kind += 13)
		fill(v, (uint8_t)kind);
	snnq_values_close(v);
}

static void read_npy(const uint8_t *data, size_t size)
{
	struct import_array a;
	volatile double last = 0;
	int ret;

	put_file("", data, size);
	ret = import_npy_read(path, &a);
	if (ret)
		check_refusal(ret);
	for (size_t i = 0; i < a.count; i++)
		last = a.values[i];
	(void)last;
	import_array_free(&a);
	read_values();
}

static void read_journal(const char *first, const uint8_t *data, size_t size)
{
	const double value = 0.1;
	struct journal *j;
	size_t count;
	double found;
	int ret;

	put_file(first, data, size);
	ret = journal_open(path, header, &j);
	if (ret) {
		check_refusal(ret);
		return;
	}
	count = journal_count(j);
	ret = journal_add(j, "fuzz", &value, 1);
	must(ret == -EEXIST || (!ret && journal_find(j, "fuzz", &found, 1) && found == value));
	must(ret || journal_count(j) - count <= 1);
	journal_close(j);
	must(!journal_open(path, header, &j));
	must(ret || journal_find(j, "fuzz", &found, 1));
	journal_close(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	if (data[0] % 3 == 0)
		read_npy(data + 1, size - 1);
	else
		read_journal(data[0] % 3 == 1 ? "{\"work\": 1}\n" : "", data + 1, size - 1);
	return 0;
}
