// SPDX-License-Identifier: MIT
/* See text.h. */
#include "text.h"

#include <string.h>

size_t text_character(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, low, high, bytes;
	} forms[] = {
		{ 0x00, 0x7f, 0x80, 0xbf, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = 1;

		if (*s < forms[i].first || *s > forms[i].last)
			continue;
		while (n < forms[i].bytes && s[n] >= (n > 1 ? 0x80 : forms[i].low) &&
		       s[n] <= (n > 1 ? 0xbf : forms[i].high))
			n++;
		return n == forms[i].bytes ? n : 0;
	}
	return 0;
}

bool text_is_control(const unsigned char *s)
{
	if (*s == 0xc2)
		return s[1] >= 0x80 && s[1] <= 0x9f;
	if (*s == 0xe2)
		return (s[1] == 0x80 &&
			(s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) ||
		       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
	return *s < 0x20 || *s == 0x7f;
}

unsigned int text_code_point(const unsigned char *s, size_t bytes)
{
	if (bytes == 3)
		return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return bytes == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu) : s[0];
}

const char *text_printable(const char *s, char *buffer, size_t bytes)
{
	const unsigned char *from = (const unsigned char *)s;
	size_t at = 0;

	while (*from) {
		size_t n = text_character(from);

		if (at + 4 >= bytes)
			break;
		if (!n || text_is_control(from)) {
			buffer[at++] = '?';
			from += n ? n : 1;
			continue;
		}
		memcpy(buffer + at, from, n);
		at += n;
		from += n;
	}
	buffer[at] = 0;
	return buffer;
}

bool text_is_utf8(const char *text, size_t bytes)
{
	size_t n;

	for (; bytes; text += n, bytes -= n) {
		/* a character that ends behind the text must not be looked at */
		char last[4] = "";

		if (bytes < sizeof(last))
			memcpy(last, text, bytes);
		n = text_character((const unsigned char *)(bytes < sizeof(last) ? last : text));
		if (!n || n > bytes)
			return false;
	}
	return true;
}
