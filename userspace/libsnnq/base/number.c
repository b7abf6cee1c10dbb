// SPDX-License-Identifier: MIT
/* See number.h. */
#define _GNU_SOURCE
#include "number.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(const char *text, double *value)
{
	locale_t c;
	char *end;

	if (!text || !*text || text[strspn(text, "0123456789+-.eE")])
		return false;
	c = newlocale(LC_ALL_MASK, "C", NULL);
	if (!c)
		return false;
	*value = strtod_l(text, &end, c);
	freelocale(c);
	return end != text && !*end && isfinite(*value);
}

bool number_parse_u64(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t n = 0;

	if (!text || !*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n) || n > max)
			return false;
	*value = n;
	return true;
}
