// SPDX-License-Identifier: MIT
/* See values_file.h. */
#define _GNU_SOURCE /* O_TMPFILE, asprintf */
#include "values_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/content.h"
#include "base/error.h"
#include "base/file.h"
#include "base/npy_header.h"
#include "base/part.h"
#include "events/columns.h"
#include "events/zip.h"
#include "snnq.h"

#define MOST_BYTES (4ull << 30)
#define PIECE	   65536u

static const char usual[] = "frames";

/* What a path names. */
struct place {
	const char *path; /* as it was given */
	char *file, *part;
	int fd;
	uint64_t bytes;
	struct zip zip; /* count 0: it is no archive */
};

static void place_close(struct place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->file);
}

/* The file alone is opened and, if it is one, its archive. */
static int place_open(const char *path, struct place *p)
{
	char magic[4];
	int ret;

	*p = (struct place){ .path = path, .file = strdup(path), .fd = -1 };
	if (!p->file)
		return error_set(-ENOMEM, "%s: no memory", path);
	p->part = part_split(p->file);
	p->fd = file_open(p->file, &p->bytes);
	if (p->fd < 0)
		return p->fd;
	if (pread(p->fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	    !memcmp(magic, "PK\x03\x04", sizeof(magic))) {
		ret = zip_open(p->fd, p->file, &p->zip);
		if (ret)
			return ret;
	}
	if (p->part && !p->zip.count)
		return error_set(-EBADMSG, "%s: expected an archive of arrays, of which %s is one",
				 p->file, p->part);
	return 0;
}

/* ---- the array ---- */

static int no_array(const struct place *p)
{
	char names[160];

	zip_names(&p->zip, names, sizeof(names));
	if (p->part)
		return error_set(-EBADMSG, "%s: expected an array %s, found %s", p->file, p->part,
				 names);
	return error_set(-EBADMSG,
			 "%s: expected one array, or one called %s, or FILE[ARRAY], found %s",
			 p->file, usual, names);
}

static const struct zip_member *choose(const struct place *p)
{
	if (p->part)
		return zip_find(&p->zip, p->part);
	return p->zip.count == 1 ? p->zip.members : zip_find(&p->zip, usual);
}

/* ---- unfolding ---- */

static int cannot_unfold(const struct place *p, const char *folder, int error)
{
	return error_set(-error, "%s: cannot be unfolded into %s: %s", p->path, folder,
			 strerror(error));
}

/* Nothing is left of it. */
static int open_temporary(const char *folder)
{
	int fd = open(folder, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	char *name;

	if (fd >= 0 || asprintf(&name, "%s/snnq-XXXXXX", folder) < 0)
		return fd;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	free(name);
	return fd;
}

static bool write_all(int fd, const uint8_t *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, data, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		bytes -= (size_t)n;
	}
	return true;
}

static int copy(const struct place *p, const struct zip_member *m, int to, const char *folder)
{
	struct zip_stream *stream = NULL;
	uint8_t *piece = malloc(PIECE);
	int ret = piece ? zip_stream_open(&p->zip, m, &stream) :
			  error_set(-ENOMEM, "%s: no memory", p->path);

	for (uint64_t left = m->bytes; !ret && left;) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		ret = zip_stream_read(stream, piece, n);
		if (!ret && !write_all(to, piece, n))
			ret = cannot_unfold(p, folder, errno);
		left -= n;
	}
	zip_stream_close(stream);
	free(piece);
	return ret;
}

static int unfold(const struct place *p, uint64_t most, struct npy *npy)
{
	const struct zip_member *m = choose(p);
	const char *folder = getenv("TMPDIR");
	int ret, fd;

	if (!m)
		return no_array(p);
	if (m->bytes > MOST_BYTES)
		return error_set(
			-EFBIG,
			"%s: expected an array of at most 4 GiB in an archive, found %" PRIu64
			" bytes; alone (.npy) it may have any size",
			p->path, m->bytes);
	folder = folder && *folder ? folder : "/tmp";
	fd = open_temporary(folder);
	if (fd < 0)
		return cannot_unfold(p, folder, errno);
	ret = copy(p, m, fd, folder);
	if (!ret)
		return npy_open_fd(fd, p->path, m->bytes, most, npy);
	close(fd);
	return ret;
}

int values_file_open(const char *path, uint64_t most, struct npy *npy, const char **format)
{
	struct place p;
	int ret = place_open(path, &p);

	*format = p.zip.count ? "npz" : "npy";
	if (!ret && p.zip.count) {
		ret = unfold(&p, most, npy);
	} else if (!ret) {
		ret = npy_open_fd(p.fd, path, p.bytes, most, npy);
		p.fd = -1;
	}
	place_close(&p);
	return ret;
}

/* ---- what is in a file ---- */

/* An array of NumPy's, without fields, which are events'. */
static bool is_values(const uint8_t *begin, size_t bytes)
{
	return bytes >= strlen(NPY_MAGIC) && !memcmp(begin, NPY_MAGIC, strlen(NPY_MAGIC)) &&
	       !npy_has_fields(begin, bytes);
}

static size_t read_begin(const struct zip *zip, const struct zip_member *m,
			 uint8_t begin[NPY_BEGIN_BYTES])
{
	size_t n = m->bytes < NPY_BEGIN_BYTES ? (size_t)m->bytes : NPY_BEGIN_BYTES;
	struct zip_stream *stream = NULL;

	if (zip_stream_open(zip, m, &stream) || zip_stream_read(stream, begin, n))
		n = 0;
	zip_stream_close(stream);
	return n;
}

/* Events have times and columns, or are one array. */
static bool has_values(const struct place *p)
{
	bool columns[COLUMNS + 1] = { false }, arrays = false;
	uint8_t begin[NPY_BEGIN_BYTES];
	ssize_t n;

	if (p->part)
		return true;
	for (uint32_t i = 0; i < p->zip.count; i++) {
		const struct zip_member *m = &p->zip.members[i];

		arrays |= m->name[m->stem] != 0;
		columns[column_find(m->name, m->stem)] = true;
	}
	if (p->zip.count > 1)
		return arrays && !(columns[COLUMN_T] && columns[COLUMN_X]);
	n = p->zip.count ? (ssize_t)read_begin(&p->zip, p->zip.members, begin) :
			   pread(p->fd, begin, sizeof(begin), 0);
	return n > 0 && is_values(begin, (size_t)n);
}

bool snnq_values_in(const char *path)
{
	struct place p;
	bool found = path && !place_open(path, &p) && has_values(&p);

	if (path)
		place_close(&p);
	return found;
}
