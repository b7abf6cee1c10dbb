// SPDX-License-Identifier: MIT
/*
 * bench.c - results that are kept: a line of JSON each, appended to the file that
 * SNNQ_BENCH_RESULTS names, for tools/bench-compare.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

void bench_result(double value, const char *unit, const char *format, ...)
{
	const char *path = getenv("SNNQ_BENCH_RESULTS");
	FILE *f = path ? fopen(path, "a") : NULL;
	char name[256];
	va_list ap;

	if (!f) {
		if (path)
			perror(path);
		return;
	}
	va_start(ap, format);
	vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	fprintf(f, "{\"name\": \"%s\", \"unit\": \"%s\", \"value\": %.9g}\n", name, unit, value);
	if (fclose(f))
		perror(path);
}
