/* SPDX-License-Identifier: MIT */
/*
 * text.h - texts from outside on their way to people and documents.
 */
#ifndef SNNQ_TEXT_H
#define SNNQ_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character that begins at @s; 0: none does. */
size_t text_character(const unsigned char *s);
bool text_is_utf8(const char *text, size_t bytes);
/*
 * Whether a character controls terminals or lines: those of ASCII and, in UTF-8, of ISO 8859, the
 * ends of lines and paragraphs, and what turns the direction of writing.
 */
bool text_is_control(const unsigned char *s);
/* The number of a character of up to 3 bytes. */
unsigned int text_code_point(const unsigned char *s, size_t bytes);
/* @s with all that is no UTF-8, or controls terminals or columns, replaced; in @buffer. */
const char *text_printable(const char *s, char *buffer, size_t bytes);

/* "s", or nothing, behind the name of so many things. */
static inline const char *text_s(double count)
{
	return count == 1 ? "" : "s";
}

#endif /* SNNQ_TEXT_H */
