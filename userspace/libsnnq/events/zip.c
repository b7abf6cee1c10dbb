// SPDX-License-Identifier: MIT
/* See zip.h. */
#include "zip.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/text.h"
#include "bytes.h"

#define END_BYTES	  22 /* of the last record, without the comment behind it */
#define MOST_COMMENT	  65535
#define LOCATOR_BYTES	  20 /* says where the record of 64 bits is */
#define END64_BYTES	  56
#define ENTRY_BYTES	  46
#define HEADER_BYTES	  30
#define MOST_DIRECTORY	  (1u << 20)
#define FLAG_ENCRYPTED	  1
#define FLAG_SIZES_FOLLOW 8
#define STORED		  0
#define DEFLATED	  8
#define EXTRA_64	  1
#define NOT_HERE_32	  0xffffffffu /* but in the extra field */
#define PACKED_BYTES	  32768

/* All of it, which is in the file. */
static int read_at(const struct zip *z, uint64_t offset, void *to, size_t bytes)
{
	while (bytes) {
		ssize_t n = pread(z->fd, to, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(-EIO, "%s: offset %" PRIu64 ": cannot be read: %s",
					 z->path, offset, strerror(errno));
		if (!n)
			return error_set(-EBADMSG,
					 "%s: offset %" PRIu64
					 ": expected %zu bytes, found the end of the file",
					 z->path, offset, bytes);
		to = (uint8_t *)to + n;
		offset += (uint64_t)n;
		bytes -= (size_t)n;
	}
	return 0;
}

static bool is_inside(const struct zip *z, uint64_t offset, uint64_t bytes)
{
	return offset <= z->bytes && bytes <= z->bytes - offset;
}

/* ---- the directory ---- */

struct directory {
	uint64_t offset, bytes, count;
};

/* Where the last record begins in the file's @tail; NULL: there is none. */
static const uint8_t *find_end(const uint8_t *tail, size_t size)
{
	for (size_t n = END_BYTES; n <= size; n++) {
		const uint8_t *p = tail + size - n;

		if (!memcmp(p, "PK\5\6", 4) && get_le16(p + 20) == n - END_BYTES)
			return p;
	}
	return NULL;
}

/* What the record of 64 bits says, where there is one before the last at @end. */
static int take_end64(const struct zip *z, uint64_t end, struct directory *d)
{
	uint8_t locator[LOCATOR_BYTES], record[END64_BYTES];
	uint64_t at;
	int ret;

	if (end < LOCATOR_BYTES)
		return 0;
	ret = read_at(z, end - LOCATOR_BYTES, locator, sizeof(locator));
	if (ret || memcmp(locator, "PK\6\7", 4))
		return ret;
	at = get_le64(locator + 8);
	if (!is_inside(z, at, END64_BYTES))
		return error_set(-EBADMSG,
				 "%s: offset %" PRIu64 ": expected a place of the directory's end "
				 "in %" PRIu64 " bytes of file, found %" PRIu64,
				 z->path, end - LOCATOR_BYTES + 8, z->bytes, at);
	ret = read_at(z, at, record, sizeof(record));
	if (ret)
		return ret;
	if (memcmp(record, "PK\6\6", 4))
		return error_set(-EBADMSG,
				 "%s: offset %" PRIu64 ": expected the end of a directory of 64 "
				 "bits, found something else",
				 z->path, at);
	*d = (struct directory){ .count = get_le64(record + 32),
				 .bytes = get_le64(record + 40),
				 .offset = get_le64(record + 48) };
	return 0;
}

static int find_directory(const struct zip *z, struct directory *d)
{
	size_t size = z->bytes < END_BYTES + MOST_COMMENT ? (size_t)z->bytes :
							    END_BYTES + MOST_COMMENT;
	uint8_t *tail = malloc(size ? size : 1);
	const uint8_t *end;
	uint64_t at = 0;
	int ret;

	if (!tail)
		return error_set(-ENOMEM, "%s: no memory", z->path);
	ret = read_at(z, z->bytes - size, tail, size);
	end = ret ? NULL : find_end(tail, size);
	if (end) {
		at = z->bytes - size + (uint64_t)(end - tail);
		*d = (struct directory){ .count = get_le16(end + 10),
					 .bytes = get_le32(end + 12),
					 .offset = get_le32(end + 16) };
	}
	free(tail);
	if (ret)
		return ret;
	if (!end)
		return error_set(-EBADMSG,
				 "%s: offset %" PRIu64 ": expected the end of a ZIP archive's "
				 "directory, found none: is the file whole?",
				 z->path, z->bytes);
	ret = take_end64(z, at, d);
	if (ret)
		return ret;
	if (!is_inside(z, d->offset, d->bytes) || d->bytes > MOST_DIRECTORY)
		return error_set(-EBADMSG,
				 "%s: expected a directory in %" PRIu64 " bytes of file, of at "
				 "most %u, found %" PRIu64 " at offset %" PRIu64,
				 z->path, z->bytes, MOST_DIRECTORY, d->bytes, d->offset);
	if (d->count > ZIP_MOST_MEMBERS)
		return error_set(-EBADMSG, "%s: expected at most %u members, found %" PRIu64,
				 z->path, ZIP_MOST_MEMBERS, d->count);
	return 0;
}

/* Sizes that had no room, in their order. False: they are not there. */
static bool take_extra(const uint8_t *extra, size_t size, struct zip_member *m)
{
	uint64_t *const wanted[] = { &m->bytes, &m->packed, &m->offset };
	size_t at = 0, n, field;

	while (size - at >= 4) {
		n = get_le16(extra + at + 2);
		at += 4;
		if (n > size - at)
			return false;
		if (get_le16(extra + at - 4) != EXTRA_64) {
			at += n;
			continue;
		}
		field = at;
		for (size_t i = 0; i < 3; i++) {
			if (*wanted[i] != NOT_HERE_32)
				continue;
			if (at + n - field < 8)
				return false;
			*wanted[i] = get_le64(extra + field);
			field += 8;
		}
		return true;
	}
	return m->bytes != NOT_HERE_32 && m->packed != NOT_HERE_32 && m->offset != NOT_HERE_32;
}

static void take_name(const uint8_t *name, size_t bytes, struct zip_member *m)
{
	size_t n;

	memcpy(m->name, name, bytes < ZIP_MOST_NAME ? bytes : ZIP_MOST_NAME);
	n = strlen(m->name);
	m->stem = n > 4 && !strcmp(m->name + n - 4, ".npy") ? n - 4 : n;
}

/*
 * One entry of @left bytes of directory, of whose name as much as there is room for. Its bytes, 0: it
 * is damaged.
 */
static size_t take_entry(const uint8_t *entry, size_t left, struct zip_member *m)
{
	size_t name, extra, comment;

	if (left < ENTRY_BYTES || memcmp(entry, "PK\1\2", 4))
		return 0;
	name = get_le16(entry + 28);
	extra = get_le16(entry + 30);
	comment = get_le16(entry + 32);
	if (name + extra + comment > left - ENTRY_BYTES)
		return 0;
	*m = (struct zip_member){
		.flags = get_le16(entry + 8),
		.method = get_le16(entry + 10),
		.crc = get_le32(entry + 16),
		.packed = get_le32(entry + 20),
		.bytes = get_le32(entry + 24),
		.offset = get_le32(entry + 42),
	};
	take_name(entry + ENTRY_BYTES, name, m);
	if (!take_extra(entry + ENTRY_BYTES + name, extra, m))
		return 0;
	return ENTRY_BYTES + name + extra + comment;
}

static const struct zip_member *find(const struct zip *z, const char *name, size_t bytes)
{
	for (uint32_t i = 0; i < z->count; i++)
		if (z->members[i].stem == bytes && !memcmp(z->members[i].name, name, bytes))
			return &z->members[i];
	return NULL;
}

/* Entry z->count, which is one: @name bytes of name. Compared with each before: they are few. */
static int add_member(struct zip *z, size_t name)
{
	struct zip_member *m = &z->members[z->count];
	char shown[ZIP_SHOWN_BYTES];

	if (name > ZIP_MOST_NAME)
		return error_set(-EBADMSG,
				 "%s: entry %u of the directory: expected a name of at most %d "
				 "bytes, found %zu: %s",
				 z->path, z->count, ZIP_MOST_NAME, name,
				 text_printable(m->name, shown, sizeof(shown)));
	if (find(z, m->name, m->stem)) {
		m->name[m->stem] = 0;
		return error_set(-EBADMSG,
				 "%s: expected members of different names, found two called %s",
				 z->path, text_printable(m->name, shown, sizeof(shown)));
	}
	z->count++;
	return 0;
}

static int take_directory(struct zip *z, const struct directory *d, const uint8_t *bytes)
{
	size_t at = 0;

	while (z->count < d->count) {
		size_t n = take_entry(bytes + at, d->bytes - at, &z->members[z->count]);
		int ret;

		if (!n)
			return error_set(-EBADMSG,
					 "%s: offset %" PRIu64 ": expected entry %u of %" PRIu64
					 " of the directory, found something else",
					 z->path, d->offset + at, z->count, d->count);
		ret = add_member(z, get_le16(bytes + at + 28));
		if (ret)
			return ret;
		at += n;
	}
	return 0;
}

static int read_directory(struct zip *z, const struct directory *d)
{
	uint8_t *bytes = malloc(d->bytes ? d->bytes : 1);
	int ret;

	if (!bytes)
		return error_set(-ENOMEM, "%s: no memory", z->path);
	ret = read_at(z, d->offset, bytes, d->bytes);
	if (!ret)
		ret = take_directory(z, d, bytes);
	free(bytes);
	return ret;
}

int zip_open(int fd, const char *path, struct zip *z)
{
	struct directory d = { .count = 0 };
	struct stat st;
	int ret;

	*z = (struct zip){ .fd = fd, .path = path };
	if (fstat(fd, &st))
		return error_set(-errno, "%s: %s", path, strerror(errno));
	z->bytes = (uint64_t)st.st_size;
	ret = find_directory(z, &d);
	return ret ? ret : read_directory(z, &d);
}

const struct zip_member *zip_find(const struct zip *zip, const char *name)
{
	return find(zip, name, strlen(name));
}

const char *zip_names(const struct zip *zip, char *text, size_t size)
{
	size_t n = 0;

	snprintf(text, size, "none");
	for (uint32_t i = 0; i < zip->count && n < size; i++) {
		const struct zip_member *m = &zip->members[i];
		char name[ZIP_MOST_NAME + 1], shown[ZIP_SHOWN_BYTES];

		snprintf(name, sizeof(name), "%.*s", (int)m->stem, m->name);
		n += (size_t)snprintf(text + n, size - n, "%s%s", i ? ", " : "",
				      text_printable(name, shown, sizeof(shown)));
	}
	if (n >= size) {
		n = size - 4;
		while (n && (text[n] & 0xc0) == 0x80) /* within a character */
			n--;
		memcpy(text + n, "...", 4);
	}
	return text;
}

/* ---- a member ---- */

struct zip_stream {
	const struct zip *zip;
	const struct zip_member *member;
	char name[ZIP_SHOWN_BYTES]; /* for messages */
	z_stream z;
	bool begun, end;	/* of zlib's */
	uint64_t at;		/* of packed bytes in the file */
	uint64_t packed, bytes; /* that are left */
	uint32_t crc;
	uint8_t in[PACKED_BYTES];
};

static int check_member(const struct zip_stream *s)
{
	const struct zip_member *m = s->member;
	const char *path = s->zip->path;

	if (m->flags & FLAG_ENCRYPTED)
		return error_set(-EBADMSG, "%s: %s: expected a member that is not encrypted", path,
				 s->name);
	if (m->method != STORED && m->method != DEFLATED)
		return error_set(-EBADMSG,
				 "%s: %s: method: expected 0 (stored) or 8 (deflated), found %u",
				 path, s->name, m->method);
	if (m->method == STORED && m->packed != m->bytes)
		return error_set(-EBADMSG,
				 "%s: %s: expected as many bytes stored as it has, %" PRIu64
				 ", found %" PRIu64,
				 path, s->name, m->bytes, m->packed);
	return 0;
}

/* What a member's own @header says of its sizes, where it says something, is what the directory says. */
static int check_sizes(const struct zip_stream *s, const uint8_t header[HEADER_BYTES])
{
	const struct zip_member *m = s->member;
	struct zip_member own = { .packed = get_le32(header + 18), .bytes = get_le32(header + 22) };
	size_t size = get_le16(header + 28);
	uint8_t *extra;
	bool whole;
	int ret;

	if (get_le16(header + 6) & FLAG_SIZES_FOLLOW)
		return 0;
	extra = malloc(size ? size : 1);
	if (!extra)
		return error_set(-ENOMEM, "%s: no memory", s->zip->path);
	ret = read_at(s->zip, s->at - size, extra, size);
	whole = !ret && take_extra(extra, size, &own);
	free(extra);
	if (ret || (whole && own.packed == m->packed && own.bytes == m->bytes))
		return ret;
	return error_set(-EBADMSG,
			 "%s: %s: offset %" PRIu64 ": expected %" PRIu64 " bytes, %" PRIu64
			 " in the archive, as the directory has it, found %" PRIu64 ", %" PRIu64,
			 s->zip->path, s->name, m->offset, m->bytes, m->packed, own.bytes,
			 own.packed);
}

/* Where its bytes are: behind its header, which is believed about lengths alone. */
static int find_bytes(struct zip_stream *s)
{
	const struct zip_member *m = s->member;
	uint8_t header[HEADER_BYTES];
	int ret;

	if (!is_inside(s->zip, m->offset, HEADER_BYTES))
		return error_set(-EBADMSG,
				 "%s: %s: expected its header in %" PRIu64
				 " bytes of file, found offset %" PRIu64,
				 s->zip->path, s->name, s->zip->bytes, m->offset);
	ret = read_at(s->zip, m->offset, header, sizeof(header));
	if (ret)
		return ret;
	if (memcmp(header, "PK\3\4", 4))
		return error_set(-EBADMSG,
				 "%s: %s: offset %" PRIu64
				 ": expected the header of a member, found something else",
				 s->zip->path, s->name, m->offset);
	s->at = m->offset + HEADER_BYTES + get_le16(header + 26) + get_le16(header + 28);
	if (!is_inside(s->zip, s->at, m->packed))
		return error_set(-EBADMSG,
				 "%s: %s: offset %" PRIu64 ": expected %" PRIu64
				 " bytes, found %" PRIu64,
				 s->zip->path, s->name, s->at, m->packed,
				 s->at > s->zip->bytes ? 0 : s->zip->bytes - s->at);
	return check_sizes(s, header);
}

int zip_stream_open(const struct zip *zip, const struct zip_member *member,
		    struct zip_stream **stream)
{
	struct zip_stream *s = calloc(1, sizeof(*s));
	int ret;

	*stream = s;
	if (!s)
		return error_set(-ENOMEM, "%s: no memory", zip->path);
	s->zip = zip;
	s->member = member;
	s->packed = member->packed;
	s->bytes = member->bytes;
	text_printable(member->name, s->name, sizeof(s->name));
	ret = check_member(s);
	if (!ret)
		ret = find_bytes(s);
	if (ret || member->method == STORED)
		return ret;
	/* no header of zlib's */
	s->begun = inflateInit2(&s->z, -MAX_WBITS) == Z_OK;
	return s->begun ? 0 : error_set(-ENOMEM, "%s: no memory", zip->path);
}

void zip_stream_close(struct zip_stream *s)
{
	if (!s)
		return;
	if (s->begun)
		inflateEnd(&s->z);
	free(s);
}

/* More of what is packed, when zlib has used up what it had. */
static int refill(struct zip_stream *s)
{
	size_t n = s->packed < sizeof(s->in) ? (size_t)s->packed : sizeof(s->in);
	int ret;

	if (s->z.avail_in || !n)
		return 0;
	ret = read_at(s->zip, s->at, s->in, n);
	s->at += n;
	s->packed -= n;
	s->z.next_in = s->in;
	s->z.avail_in = (uInt)n;
	return ret;
}

static int damaged(const struct zip_stream *s)
{
	uint64_t at = s->at - s->z.avail_in, done = s->member->bytes - s->bytes;

	if (s->end)
		return error_set(-EBADMSG,
				 "%s: %s: expected %" PRIu64
				 " bytes, found the end of the deflated data behind %" PRIu64,
				 s->zip->path, s->name, s->member->bytes, done);
	return error_set(-EBADMSG, "%s: %s: offset %" PRIu64 ": expected deflated data, found %s",
			 s->zip->path, s->name, at, s->z.msg ? s->z.msg : "its end");
}

/* More of the member, or the end of its stream. */
static int step(struct zip_stream *s)
{
	int ret = refill(s), code;

	if (ret)
		return ret;
	code = inflate(&s->z, Z_NO_FLUSH);
	s->end = code == Z_STREAM_END;
	return code == Z_OK || s->end ? 0 : damaged(s);
}

/* @bytes is at most 2^30. */
static int unfold(struct zip_stream *s, uint8_t *to, size_t bytes)
{
	int ret = 0;

	s->z.next_out = to;
	s->z.avail_out = (uInt)bytes;
	while (!ret && s->z.avail_out && !s->end)
		ret = step(s);
	s->bytes -= bytes - s->z.avail_out;
	return ret || !s->z.avail_out ? ret : damaged(s);
}

/* Behind the last byte nothing is left, neither unfolded nor packed. */
static int check_stream(struct zip_stream *s)
{
	uint8_t more;
	int ret = 0;

	s->z.next_out = &more;
	s->z.avail_out = 1;
	while (!ret && s->z.avail_out && !s->end)
		ret = step(s);
	if (ret)
		return ret;
	if (!s->z.avail_out)
		return error_set(-EBADMSG,
				 "%s: %s: expected %" PRIu64 " bytes, found more of deflated data",
				 s->zip->path, s->name, s->member->bytes);
	if (s->packed + s->z.avail_in)
		return error_set(-EBADMSG,
				 "%s: %s: expected deflated data that ends with the member, found "
				 "%" PRIu64 " bytes behind its end",
				 s->zip->path, s->name, s->packed + s->z.avail_in);
	return 0;
}

static int check_end(struct zip_stream *s)
{
	int ret = s->begun ? check_stream(s) : 0;

	if (ret || s->crc == s->member->crc)
		return ret;
	return error_set(-EBADMSG, "%s: %s: CRC-32: expected %08x, found %08x", s->zip->path,
			 s->name, s->member->crc, s->crc);
}

static int copy(struct zip_stream *s, uint8_t *to, size_t bytes)
{
	int ret = read_at(s->zip, s->at, to, bytes);

	s->at += bytes;
	s->bytes -= bytes;
	return ret;
}

int zip_stream_read(struct zip_stream *s, uint8_t *to, size_t bytes)
{
	int ret;

	if (bytes > s->bytes)
		return error_set(-EBADMSG,
				 "%s: %s: expected %zu more bytes in the member of %" PRIu64
				 ", found %" PRIu64,
				 s->zip->path, s->name, bytes, s->member->bytes, s->bytes);
	ret = s->begun ? unfold(s, to, bytes) : copy(s, to, bytes);
	if (ret)
		return ret;
	s->crc = (uint32_t)crc32(s->crc, to, (uInt)bytes);
	return s->bytes ? 0 : check_end(s);
}
