/* SPDX-License-Identifier: MIT */
/*
 * zip.h - the members of a ZIP archive, as NumPy writes them: stored or deflated, of any size.
 *
 * Files are untrusted. zlib unfolds them, in the caller's process: it has stood before everything
 * that reads PNG, gzip and ZIP for decades, is fuzzed without end, and takes the same 40 KiB
 * whatever a file claims. Of the archive itself only the directory at its end is believed, as far
 * as the file reaches.
 */
#ifndef SNNQ_EVENTS_ZIP_H
#define SNNQ_EVENTS_ZIP_H

#include <stddef.h>
#include <stdint.h>

#define ZIP_MOST_MEMBERS 64
#define ZIP_MOST_NAME	 255
#define ZIP_SHOWN_BYTES	 (ZIP_MOST_NAME + 5) /* of a name, as text_printable() wants */

struct zip_member {
	char name[ZIP_MOST_NAME + 1]; /* as it is in the file */
	size_t stem;		      /* bytes of it without ".npy": by these no two are the same */
	uint16_t method, flags;
	uint32_t crc;
	uint64_t packed, bytes; /* in the archive, and unfolded */
	uint64_t offset;	/* of its header */
};

struct zip {
	int fd;
	const char *path; /* for messages */
	uint64_t bytes;	  /* of the file */
	uint32_t count;
	struct zip_member members[ZIP_MOST_MEMBERS];
};

/* Read the directory. @fd and @path stay the caller's, and there. 0 or -errno with the error set. */
int zip_open(int fd, const char *path, struct zip *zip);

/* The member of this name, without ".npy". NULL: there is none. */
const struct zip_member *zip_find(const struct zip *zip, const char *name);
/* "a, b": names without ".npy", for messages; what has no room ends in dots. @size is above 4. */
const char *zip_names(const struct zip *zip, char *text, size_t size);

struct zip_stream;

/* Unfold a member. 0 or -errno with the error set. */
int zip_stream_open(const struct zip *zip, const struct zip_member *member,
		    struct zip_stream **stream);
/*
 * The next bytes, all of them, which are in the member as its directory has it. Behind the last it is
 * checked: nothing may be left of it. 0 or -errno with the error set.
 */
int zip_stream_read(struct zip_stream *stream, uint8_t *to, size_t bytes);
void zip_stream_close(struct zip_stream *stream);

#endif /* SNNQ_EVENTS_ZIP_H */
