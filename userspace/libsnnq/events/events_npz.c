// SPDX-License-Identifier: MIT
/*
 * events_npz.c - archives of NumPy's (.npz): an array for each number of an event, as SpikingJelly
 * writes them, or one array whose elements have fields.
 *
 * Arrays lie one behind the other, and events need a number of each: all are unfolded at once, a
 * piece of each at a time. So it takes a file, not a pipe.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/npy_header.h"
#include "base/text.h"
#include "columns.h"
#include "container.h"
#include "zip.h"

#define MOST_EVENTS (1ull << 40)
#define PIECE	    4096 /* events */
#define MOST_TYPE   8	 /* letters of one: '<i8' */

struct array {
	struct zip_stream *stream; /* NULL: not there */
	char type[MOST_TYPE + 1];
	uint32_t bytes; /* of an element */
	uint64_t count;
	uint8_t piece[PIECE * 8];
};

struct npz {
	char *path;
	struct zip zip;
	struct array arrays[COLUMNS];
	struct zip_stream *whole; /* one array that has fields */
	uint64_t left;		  /* its bytes, or events */
	uint32_t row;
	size_t at, held;
	uint8_t out[PIECE * 8 * COLUMNS]; /* what goes out, from @at on */
};

/* ---- members ---- */

static int no_events(const struct npz *z)
{
	char names[100];

	if (zip_find(&z->zip, "frames"))
		return error_set(-EBADMSG,
				 "%s: frames.npy: found frames, which are for models that take "
				 "values; expected events in arrays " COLUMN_NAMES,
				 z->path);
	for (uint32_t i = 0; i < z->zip.count; i++)
		if (strstr(z->zip.members[i].name, "/data.pkl"))
			return error_set(-EBADMSG,
					 "%s: expected events, found a checkpoint of PyTorch: "
					 "tools/train makes models of them",
					 z->path);
	return error_set(-EBADMSG,
			 "%s: expected arrays " COLUMN_NAMES
			 ", or one whose fields these are, found %s",
			 z->path, zip_names(&z->zip, names, sizeof(names)));
}

/* Where a header ends is only known when it has been read: its text, and nothing behind it. */
static int read_begin(const struct npz *z, const struct zip_member *m, struct zip_stream *s,
		      uint8_t begin[NPY_BEGIN_BYTES], struct npy_header *h)
{
	char shown[ZIP_SHOWN_BYTES];
	size_t n = 0, need;

	for (;;) {
		int ret;

		need = npy_header_bytes(begin, n);
		if (need <= n || need > m->bytes)
			break;
		ret = zip_stream_read(s, begin + n, need - n);
		if (ret)
			return ret;
		n = need;
	}
	if (need == n && npy_header_begin(begin, n, h))
		return 0;
	return error_set(-EBADMSG,
			 "%s: %s: expected a .npy header of at most %u bytes, found something else",
			 z->path, text_printable(m->name, shown, sizeof(shown)), NPY_HEADER_BYTES);
}

/* A number's type, of which only the bytes count here. */
static const char *take_type(struct npy_header *h, void *ctx)
{
	struct array *a = ctx;
	size_t n = *h->at == '\'' ? strcspn(h->at + 1, "'") : 0;

	if (n != 3 || !strchr("<>|", h->at[1]) || !strchr("biuf", h->at[2]) ||
	    !strchr("1248", h->at[3]))
		return "descr: an integer or a float";
	memcpy(a->type, h->at + 1, n);
	a->bytes = (uint32_t)(h->at[3] - '0');
	h->at += n + 1;
	return npy_take(h, "'") ? NULL : "descr: an integer or a float";
}

static int open_array(struct npz *z, const struct zip_member *m, struct array *a)
{
	const struct npy_rules rules = {
		.take_descr = take_type,
		.most = MOST_EVENTS,
		.most_axis = MOST_EVENTS,
		.empty = true,
		.shape = "shape: at most 2^40 elements",
	};
	uint8_t begin[NPY_BEGIN_BYTES];
	struct npy_header h;
	const char *expected;
	char shown[128];
	size_t bytes;
	int ret = zip_stream_open(&z->zip, m, &a->stream);

	if (!ret)
		ret = read_begin(z, m, a->stream, begin, &h);
	if (ret)
		return ret;
	bytes = h.offset + h.bytes;
	expected = npy_header_take(&h, &rules, a);
	if (expected)
		return error_set(-EBADMSG, "%s: %s: offset %zu: header: expected %s, found \"%s\"",
				 z->path, m->name, h.offset + (size_t)(h.at - h.text), expected,
				 npy_header_found(&h, shown));
	if (h.dims != 1 && (h.dims != 2 || h.shape[1] != 1))
		return error_set(-EBADMSG, "%s: %s: shape: expected one axis, found %u", z->path,
				 m->name, h.dims);
	a->count = h.count;
	if (m->bytes - bytes != a->count * a->bytes)
		return error_set(-EBADMSG,
				 "%s: %s: offset %zu: expected %" PRIu64
				 " elements of %u bytes, found %" PRIu64 " bytes",
				 z->path, m->name, bytes, a->count, a->bytes, m->bytes - bytes);
	return 0;
}

/* ---- what goes out ---- */

static int check_counts(const struct npz *z)
{
	const struct array *t = &z->arrays[COLUMN_T];

	for (int i = 0; i < COLUMNS; i++)
		if (z->arrays[i].stream && z->arrays[i].count != t->count)
			return error_set(-EBADMSG,
					 "%s: %s: expected %" PRIu64
					 " elements, as t has, found %" PRIu64,
					 z->path, column_names[i], t->count, z->arrays[i].count);
	return 0;
}

/* A header that says how the numbers of an event follow one another. */
static void put_header(struct npz *z)
{
	const char *types[COLUMNS];

	for (int i = 0; i < COLUMNS; i++) {
		const struct array *a = &z->arrays[i];

		types[i] = a->stream ? a->type : NULL;
		z->row += a->stream ? a->bytes : 0;
	}
	z->left = z->arrays[COLUMN_T].count;
	z->held = columns_header(column_names, types, COLUMNS, z->left, (char *)z->out);
}

/* The next events, a number of each array beside the others. */
static int put_rows(struct npz *z)
{
	size_t n = z->left < PIECE ? (size_t)z->left : PIECE;
	uint32_t offset = 0;

	for (int i = 0; i < COLUMNS; i++) {
		struct array *a = &z->arrays[i];
		int ret = a->stream ? zip_stream_read(a->stream, a->piece, n * a->bytes) : 0;

		if (ret)
			return ret;
		for (size_t k = 0; a->stream && k < n; k++)
			memcpy(z->out + k * z->row + offset, a->piece + k * a->bytes, a->bytes);
		offset += a->stream ? a->bytes : 0;
	}
	z->left -= n;
	z->at = 0;
	z->held = n * z->row;
	return 0;
}

static int put_whole(struct npz *z)
{
	size_t n = z->left < sizeof(z->out) ? (size_t)z->left : sizeof(z->out);

	z->left -= n;
	z->at = 0;
	z->held = n;
	return zip_stream_read(z->whole, z->out, n);
}

/* ---- the container ---- */

static int open_arrays(struct npz *z)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < z->zip.count; i++) {
		const struct zip_member *m = &z->zip.members[i];
		enum column c = column_find(m->name, m->stem);

		if (c == COLUMNS)
			continue;
		if (z->arrays[c].stream)
			return error_set(-EBADMSG, "%s: expected one array of %s, found another",
					 z->path, column_names[c]);
		ret = open_array(z, m, &z->arrays[c]);
	}
	if (ret || (!z->arrays[COLUMN_T].stream && !z->arrays[COLUMN_X].stream))
		return ret;
	if (!z->arrays[COLUMN_T].stream || !z->arrays[COLUMN_X].stream)
		return no_events(z);
	ret = check_counts(z);
	if (!ret)
		put_header(z);
	return ret;
}

/* The one array that there is. */
static int open_whole(struct npz *z)
{
	const struct zip_member *m = z->zip.members;
	uint8_t begin[NPY_BEGIN_BYTES];
	struct npy_header h;
	size_t bytes;
	int ret;

	if (z->zip.count != 1)
		return no_events(z);
	ret = zip_stream_open(&z->zip, m, &z->whole);
	if (!ret)
		ret = read_begin(z, m, z->whole, begin, &h);
	if (ret)
		return ret;
	bytes = h.offset + h.bytes;
	if (!npy_has_fields(begin, bytes))
		return no_events(z);
	memcpy(z->out, begin, bytes);
	z->held = bytes;
	z->left = m->bytes - bytes;
	return 0;
}

static int npz_open(int fd, const char *path, const struct format_option *option, void **state,
		    int64_t *unit_ns)
{
	struct npz *z = calloc(1, sizeof(*z));
	int ret;

	(void)option;
	(void)unit_ns; /* integers are microseconds */
	*state = z;
	if (!z)
		return error_set(-ENOMEM, "%s: no memory", path);
	z->path = strdup(path);
	if (!z->path)
		return error_set(-ENOMEM, "%s: no memory", path);
	ret = zip_open(fd, z->path, &z->zip);
	if (!ret)
		ret = open_arrays(z);
	return ret || z->row ? ret : open_whole(z);
}

static ssize_t npz_read(void *state, uint8_t *to, size_t size)
{
	struct npz *z = state;
	int ret = 0;

	if (z->at == z->held && z->left)
		ret = z->whole ? put_whole(z) : put_rows(z);
	if (ret)
		return ret;
	if (size > z->held - z->at)
		size = z->held - z->at;
	memcpy(to, z->out + z->at, size);
	z->at += size;
	return (ssize_t)size;
}

static void npz_close(void *state)
{
	struct npz *z = state;

	if (!z)
		return;
	for (int i = 0; i < COLUMNS; i++)
		zip_stream_close(z->arrays[i].stream);
	zip_stream_close(z->whole);
	free(z->path);
	free(z);
}

const struct events_container events_npz = { npz_open, npz_read, npz_close };
