// SPDX-License-Identifier: MIT
/* See npy.h. */
#include "npy.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "file.h"
#include "half.h"
#include "npy_header.h"
#include "text.h"

#define MAX_COUNT   (1ull << 40)
#define CHUNK_BYTES 16384u /* whole elements of any type */

static const struct npy_type types[] = {
	{ "|i1", 1 }, { "|u1", 1 }, { "<i2", 2 }, { "<u2", 2 }, { "<i4", 4 }, { "<u4", 4 },
	{ "<i8", 8 }, { "<u8", 8 }, { "<f2", 2 }, { "<f4", 4 }, { "<f8", 8 },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

const struct npy_type *npy_type_find(const char *name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

/* ---- the header ---- */

static const char *take_type(struct npy_header *h, void *ctx)
{
	struct npy *npy = ctx;

	for (size_t i = 0; i < TYPES; i++) {
		size_t n = strlen(types[i].name);

		if (h->at[0] != '\'' || strncmp(h->at + 1, types[i].name, n) ||
		    h->at[1 + n] != '\'')
			continue;
		h->at += n + 2;
		npy_take(h, "");
		npy->type = &types[i];
		return NULL;
	}
	return "descr: a little-endian integer or float";
}

/* False, and errno 0 where the file ended. */
static bool read_bytes(int fd, uint64_t offset, void *to, size_t bytes)
{
	while (bytes) {
		ssize_t n = pread(fd, to, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = 0;
		if (n <= 0)
			return false;
		to = (char *)to + n;
		offset += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return true;
}

/* The header's text. Bytes before the numbers; 0: it is not there. */
static size_t read_header(int fd, uint64_t bytes, struct npy_header *h)
{
	uint8_t begin[NPY_BEGIN_BYTES];
	size_t size = bytes < sizeof(begin) ? (size_t)bytes : sizeof(begin);

	return read_bytes(fd, 0, begin, size) ? npy_header_begin(begin, size, h) : 0;
}

/* What a file begins with, for a message. */
static int no_header(const char *path, int fd)
{
	char bytes[9] = "", shown[64];

	if (pread(fd, bytes, sizeof(bytes) - 1, 0) <= 0)
		return error_set(-EBADMSG, "%s: offset 0: expected a .npy header, found nothing",
				 path);
	return error_set(-EBADMSG, "%s: offset 0: expected a .npy header, found \"%s\"", path,
			 text_printable(bytes, shown, sizeof(shown)));
}

/* What it says, into @npy. */
static int take_header(const char *path, uint64_t most, struct npy_header *h, struct npy *npy)
{
	const struct npy_rules rules = {
		.take_descr = take_type,
		.most = most,
		.most_axis = UINT32_MAX,
		.shape = most >> 28 > 1 ? "shape: at most 6 axes, none of 0, and 2^40 elements" :
					  "shape: at most 6 axes, none of 0, and 2^28 elements",
	};
	const char *expected = npy_header_take(h, &rules, npy);
	char shown[128];

	if (expected)
		return error_set(-EBADMSG, "%s: offset %zu: header: expected %s, found \"%s\"",
				 path, h->offset + (size_t)(h->at - h->text), expected,
				 npy_header_found(h, shown));
	npy->count = h->count;
	npy->dims = h->dims;
	for (uint32_t i = 0; i < h->dims; i++)
		npy->shape[i] = (uint32_t)h->shape[i];
	return 0;
}

static int read_all_of_header(const char *path, uint64_t bytes, uint64_t most, struct npy *npy)
{
	struct npy_header h;
	uint64_t rest;
	int ret;

	npy->offset = read_header(npy->fd, bytes, &h);
	if (!npy->offset)
		return no_header(path, npy->fd);
	ret = take_header(path, most, &h, npy);
	if (ret)
		return ret;
	rest = bytes - npy->offset;
	/* at most 2^40 of 8 bytes */
	if (rest != npy->count * npy->type->bytes)
		return error_set(-EBADMSG,
				 "%s: offset %" PRIu64 ": expected %" PRIu64
				 " elements of %u bytes, "
				 "found %" PRIu64 " bytes",
				 path, npy->offset, npy->count, npy->type->bytes, rest);
	return 0;
}

int npy_open(const char *path, uint64_t most, struct npy *npy)
{
	uint64_t bytes;
	int fd = file_open(path, &bytes);

	return fd < 0 ? fd : npy_open_fd(fd, path, bytes, most, npy);
}

int npy_open_fd(int fd, const char *path, uint64_t bytes, uint64_t most, struct npy *npy)
{
	int ret;

	*npy = (struct npy){ .fd = fd, .path = strdup(path) };
	ret = npy->path ?
		      read_all_of_header(path, bytes, most < MAX_COUNT ? most : MAX_COUNT, npy) :
		      error_set(-ENOMEM, "%s: no memory", path);
	if (ret)
		npy_close(npy);
	return ret;
}

void npy_close(struct npy *npy)
{
	if (npy->fd >= 0)
		close(npy->fd);
	free(npy->path);
	*npy = (struct npy){ .fd = -1 };
}

/* ---- the numbers ---- */

static double value_of(const struct npy_type *type, const uint8_t *p)
{
	uint64_t bits = 0;
	float f;
	double d;

	memcpy(&bits, p, type->bytes);
	bits = le64toh(bits);
	if (type->name[1] == 'f' && type->bytes == 2)
		return float_of_half((uint16_t)bits);
	if (type->name[1] == 'f' && type->bytes == 4) {
		uint32_t low = (uint32_t)bits;

		memcpy(&f, &low, sizeof(f));
		return f;
	}
	if (type->name[1] == 'f') {
		memcpy(&d, &bits, sizeof(d));
		return d;
	}
	if (type->name[1] == 'u')
		return (double)bits;
	return (double)((int64_t)(bits << (64 - 8 * type->bytes)) >> (64 - 8 * type->bytes));
}

static void convert(const struct npy_type *type, const uint8_t *bytes, uint64_t count,
		    double *values)
{
	for (uint64_t i = 0; i < count; i++)
		values[i] = value_of(type, bytes + i * type->bytes);
}

/* It has become shorter since it was opened, or its device fails. */
static int cannot_read(const struct npy *npy, uint64_t at, uint64_t bytes)
{
	if (!errno)
		return error_set(-EBADMSG,
				 "%s: offset %" PRIu64 ": expected %" PRIu64
				 " bytes, found the end of the file",
				 npy->path, at, bytes);
	return error_set(-EIO, "%s: offset %" PRIu64 ": cannot be read: %s", npy->path, at,
			 strerror(errno));
}

int npy_read(const struct npy *npy, uint64_t first, uint64_t count, double *values)
{
	uint64_t size = npy->type->bytes, most = CHUNK_BYTES / size;
	uint8_t chunk[CHUNK_BYTES];

	if (npy->fd < 0) {
		convert(npy->type, npy->memory + first * size, count, values);
		return 0;
	}
	for (uint64_t done = 0, n; done < count; done += n) {
		uint64_t at = npy->offset + (first + done) * size;

		n = count - done < most ? count - done : most;
		if (!read_bytes(npy->fd, at, chunk, n * size))
			return cannot_read(npy, at, n * size);
		convert(npy->type, chunk, n, values + done);
	}
	return 0;
}
