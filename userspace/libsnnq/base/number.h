/* SPDX-License-Identifier: MIT */
/*
 * number.h - numbers in texts from outside, read alike whatever the application's locale.
 *
 * The whole text must be the number: no blanks, hexadecimal digits, infinities or NaN.
 */
#ifndef SNNQ_NUMBER_H
#define SNNQ_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* A finite decimal number. @text may be NULL: it is none. */
bool number_parse(const char *text, double *value);
/* Digits without a sign, at most @max. */
bool number_parse_u64(const char *text, uint64_t max, uint64_t *value);

#endif /* SNNQ_NUMBER_H */
