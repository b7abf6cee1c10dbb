// SPDX-License-Identifier: MIT
/* See error.h. */
#include <stdarg.h>
#include <stdio.h>

#include "error.h"
#include "snnq.h"

static _Thread_local char line[512];

int error_set(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	return code;
}

const char *error_get(void)
{
	return line;
}

const char *snnq_last_error(struct snnq_device *dev)
{
	/* Devices are used by many threads; an error belongs to the caller's. */
	(void)dev;
	return line;
}
