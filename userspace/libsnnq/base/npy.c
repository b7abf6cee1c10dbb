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
#include "text.h"

#define HEADER_MAX  4096
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

struct header {
	char text[HEADER_MAX + 1];
	size_t bytes, offset; /* of the text */
	const char *at;	      /* what is not read yet */
};

static void skip_blanks(struct header *h)
{
	h->at += strspn(h->at, " ");
}

/* Move over @text and blanks; false: something else is there. */
static bool take(struct header *h, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(h->at, text, n))
		return false;
	h->at += n;
	skip_blanks(h);
	return true;
}

static bool take_type(struct header *h, struct npy *npy)
{
	for (size_t i = 0; i < TYPES; i++) {
		size_t n = strlen(types[i].name);

		if (h->at[0] != '\'' || strncmp(h->at + 1, types[i].name, n) ||
		    h->at[1 + n] != '\'')
			continue;
		h->at += n + 2;
		skip_blanks(h);
		npy->type = &types[i];
		return true;
	}
	return false;
}

/* A tuple: (), (n,), (n, n), ... */
static bool take_shape(struct header *h, uint64_t most, struct npy *npy)
{
	bool comma = true;

	npy->count = 1;
	if (!take(h, "("))
		return false;
	while (*h->at >= '0' && *h->at <= '9') {
		char *end;
		unsigned long long n = strtoull(h->at, &end, 10);

		if (!comma || !n || n > UINT32_MAX || n > most / npy->count ||
		    npy->dims == NPY_MAX_DIMS)
			return false;
		npy->count *= n;
		npy->shape[npy->dims++] = (uint32_t)n;
		h->at = end;
		skip_blanks(h);
		comma = take(h, ",");
	}
	return take(h, ")") && (npy->dims != 1 || comma);
}

/* The dictionary: each key once, no other, nothing behind it. NULL, or what was expected. */
static const char *take_dictionary(struct header *h, uint64_t most, struct npy *npy)
{
	unsigned int seen = 0, key;

	if (strlen(h->text) != h->bytes || !take(h, "{"))
		return "a dictionary";
	while (*h->at == '\'') {
		const char *start = h->at;

		key = take(h, "'descr'")	 ? 1 :
		      take(h, "'fortran_order'") ? 2 :
		      take(h, "'shape'")	 ? 4 :
						   0;
		if (!key || (seen & key) || !take(h, ":")) {
			h->at = start;
			return "descr, fortran_order and shape, each once";
		}
		seen |= key;
		if (key == 1 && !take_type(h, npy))
			return "descr: a little-endian integer or float";
		if (key == 2 && !take(h, "False"))
			return "fortran_order: False";
		if (key == 4 && !take_shape(h, most, npy))
			return most >> 28 > 1 ?
				       "shape: at most 6 axes, none of 0, and 2^40 elements" :
				       "shape: at most 6 axes, none of 0, and 2^28 elements";
		if (!take(h, ",") && *h->at != '}')
			return "a comma between entries";
	}
	if (seen != 7)
		return "descr, fortran_order and shape";
	return take(h, "}") && !h->at[strspn(h->at, " \n")] ? NULL :
							      "nothing behind the dictionary";
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

/* The header's text; false when it is not there. */
static bool read_header(int fd, struct header *h)
{
	uint8_t fixed[12];

	if (!read_bytes(fd, 0, fixed, 10) || memcmp(fixed, "\x93NUMPY", 6) || !fixed[6] ||
	    fixed[6] > 3 || fixed[7])
		return false;
	h->bytes = fixed[8] | (size_t)fixed[9] << 8;
	h->offset = 10;
	if (fixed[6] > 1) {
		if (!read_bytes(fd, 10, fixed + 10, 2))
			return false;
		h->bytes |= (size_t)fixed[10] << 16 | (size_t)fixed[11] << 24;
		h->offset = 12;
	}
	if (h->bytes > HEADER_MAX || !read_bytes(fd, h->offset, h->text, h->bytes))
		return false;
	h->text[h->bytes] = 0;
	h->at = h->text;
	return true;
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

/* What is not understood of a header, without the blanks that fill it. */
static const char *what_is_there(const struct header *h, char shown[128])
{
	char text[41];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", h->at);

	n = n < sizeof(text) ? n : sizeof(text) - 1;
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\n'))
		text[--n] = 0;
	return text_printable(text, shown, 128);
}

static int read_all_of_header(const char *path, uint64_t bytes, uint64_t most, struct npy *npy)
{
	const char *expected;
	char shown[128];
	struct header h;
	uint64_t rest;

	if (!read_header(npy->fd, &h))
		return no_header(path, npy->fd);
	expected = take_dictionary(&h, most, npy);
	if (expected)
		return error_set(-EBADMSG, "%s: offset %zu: header: expected %s, found \"%s\"",
				 path, h.offset + (size_t)(h.at - h.text), expected,
				 what_is_there(&h, shown));
	npy->offset = h.offset + h.bytes;
	rest = bytes < npy->offset ? 0 : bytes - npy->offset;
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
	int ret;

	*npy = (struct npy){ .fd = file_open(path, &bytes) };
	if (npy->fd < 0)
		return npy->fd;
	npy->path = strdup(path);
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
