// SPDX-License-Identifier: MIT
/*
 * elements.c - matio takes what it gets where a file ends too early or cannot be unfolded. So the
 * elements are walked, and unfolded once to their check sum, before it reads any.
 */
#include "elements.h"

#include <string.h>
#include <zlib.h>

#include "helpers/answer_put.h"
#include "version.h"

#define TAG	   8 /* bytes: type, and how many follow */
#define MATRIX	   14
#define COMPRESSED 15
#define NO_MEMORY  "as much memory as zlib takes"

struct file {
	const uint8_t *data;
	uint64_t bytes;
	bool high_first;
};

static uint32_t get_u32(const struct file *f, const uint8_t *p)
{
	uint32_t low = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;

	return f->high_first ? __builtin_bswap32(low) : low;
}

/* Unfolds all of it, of which the beginning says how much it is. NULL, or what is wrong. */
static const char *unfold(const struct file *f, z_stream *z)
{
	static uint8_t out[65536];
	uint64_t whole = TAG, done = 0;
	int ret = Z_OK;

	while (ret == Z_OK && done <= whole) {
		z->next_out = out;
		z->avail_out = sizeof(out);
		ret = inflate(z, Z_NO_FLUSH);
		if (!done && z->avail_out <= sizeof(out) - TAG) {
			if (get_u32(f, out) != MATRIX)
				return "a variable in it";
			whole = TAG + (uint64_t)get_u32(f, out + 4);
		}
		done += sizeof(out) - z->avail_out;
	}
	if (ret == Z_MEM_ERROR)
		return NO_MEMORY;
	if (ret != Z_OK && ret != Z_STREAM_END)
		return "data that unfold and their check sum";
	if (ret == Z_OK || done != whole)
		return "as many bytes as the variable in it has";
	return z->avail_in ? "nothing behind the end of its data" : NULL;
}

static bool check_compressed(const struct file *f, uint64_t at, uint32_t bytes)
{
	z_stream z = { .next_in = (uint8_t *)(uintptr_t)(f->data + at + TAG), .avail_in = bytes };
	const char *wrong;

	if (inflateInit(&z) != Z_OK) {
		wrong = NO_MEMORY;
	} else {
		wrong = unfold(f, &z);
		inflateEnd(&z);
	}
	if (wrong)
		put_fault("offset %llu: compressed element of %u bytes: expected %s, found "
			  "something else: the file is damaged",
			  (unsigned long long)at, bytes, wrong);
	return !wrong;
}

static bool check_element(const struct file *f, uint64_t at, uint64_t *end)
{
	uint64_t left = f->bytes - at;
	uint32_t type, bytes;

	if (left < TAG) {
		put_fault("offset %llu: expected the %d bytes of a variable's beginning, found "
			  "the end of the file behind %llu",
			  (unsigned long long)at, TAG, (unsigned long long)left);
		return false;
	}
	type = get_u32(f, f->data + at);
	bytes = get_u32(f, f->data + at + 4);
	if (type != MATRIX && type != COMPRESSED) {
		put_fault("offset %llu: expected a variable, of type %d or %d, found type %u",
			  (unsigned long long)at, MATRIX, COMPRESSED, type);
		return false;
	}
	if (bytes > left - TAG) {
		put_fault("offset %llu: expected a variable of %u bytes, found the end of the file "
			  "behind %llu",
			  (unsigned long long)at, bytes, (unsigned long long)(left - TAG));
		return false;
	}
	*end = at + TAG + bytes;
	return type == MATRIX || check_compressed(f, at, bytes);
}

bool elements_check(const uint8_t *file, uint64_t bytes, uint32_t *count)
{
	struct file f = { file, bytes, version_high_first(file) };

	*count = 0;
	for (uint64_t at = VERSION_HEADER; at < bytes; ++*count)
		if (!check_element(&f, at, &at))
			return false;
	return true;
}
