// SPDX-License-Identifier: MIT
/*
 * fuzz_files.c - libFuzzer harness: any bytes as the smaller files that the library reads.
 *
 * The first byte chooses: a .npy array, or a journal, with its header given or not. A refusal has a
 * text that names the file; a journal that is accepted can be gone on with.
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
