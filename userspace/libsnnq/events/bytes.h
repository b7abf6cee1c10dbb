/* SPDX-License-Identifier: MIT */
/* bytes.h - numbers in files, at any alignment; words in lines of text. */
#ifndef SNNQ_EVENTS_BYTES_H
#define SNNQ_EVENTS_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

static inline uint16_t get_le16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static inline uint64_t get_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline uint16_t get_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return be16toh(v);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline bool text_begins(const void *text, size_t bytes, const char *with)
{
	return bytes >= strlen(with) && !memcmp(text, with, strlen(with));
}

/* Letters of ASCII in either case are the same, in any locale. */
static inline bool text_begins_with_word(const char *text, size_t bytes, const char *word)
{
	size_t n = 0;

	for (; word[n]; n++) {
		unsigned char a, b;

		if (n == bytes)
			return false;
		a = (unsigned char)text[n];
		b = (unsigned char)word[n];
		a |= a >= 'A' && a <= 'Z' ? 0x20 : 0;
		b |= b >= 'A' && b <= 'Z' ? 0x20 : 0;
		if (a != b)
			return false;
	}
	return true;
}

static inline bool text_contains(const void *text, size_t bytes, const char *word)
{
	for (size_t i = 0; i < bytes; i++)
		if (text_begins_with_word((const char *)text + i, bytes - i, word))
			return true;
	return false;
}

#define TEXT_MAX_BYTES (1u << 20) /* of text before the events: what is longer is none */

/*
 * Bytes of the line that @data begins with, its end included, whatever its letters. 0: it is no
 * line of text. Less: what is there could become one, and more may follow; not when this is the
 * @last.
 */
static inline int64_t text_line_of_letters(const uint8_t *data, size_t size, bool last)
{
	size_t n = 0;

	while (n < size && (data[n] >= ' ' || data[n] == '\t' || data[n] == '\r') &&
	       data[n] != 0x7f)
		n++;
	if (n == size)
		return last || n > TEXT_MAX_BYTES ? 0 : -1;
	return data[n] == '\n' ? (int64_t)n + 1 : 0;
}

/* The same of letters that are UTF-8. */
static inline int64_t text_line(const uint8_t *data, size_t size, bool last)
{
	int64_t n = text_line_of_letters(data, size, last);

	return n > 0 && !text_is_utf8((const char *)data, (size_t)n - 1) ? 0 : n;
}

#endif /* SNNQ_EVENTS_BYTES_H */
