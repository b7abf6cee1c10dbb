// SPDX-License-Identifier: MIT
/*
 * report.c - diagnostics, JSON and progress.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

int cli_fail(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("snnq: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return code;
}

int cli_print_json(cJSON *json)
{
	char *text = cJSON_Print(json);
	bool ok = text && puts(text) >= 0 && !fflush(stdout);

	cJSON_free(text);
	cJSON_Delete(json);
	return ok ? CLI_OK : cli_fail(CLI_FAILED, "cannot write the JSON document");
}

int cli_file_code(int error)
{
	switch (-error) {
	case ENOMEM:
	case ERANGE:	/* a result cannot be represented */
		return CLI_FAILED;
	case EOPNOTSUPP:
	case ENODEV:
	case EIO:
	case ETIME:
	case ETIMEDOUT:
		return CLI_DEVICE;
	default:
		return CLI_FILE;
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

void cli_progress(const char *what, size_t done, size_t total)
{
	static double start, shown;
	static const char *doing = "";
	double now = seconds();
	int width = total ? (int)(30.0 * done / total) : 0;

	if (!isatty(STDERR_FILENO))
		return;
	if (!done || !start || strcmp(what, doing))
		start = now;
	doing = what;
	if (done >= total && shown > start) {
		fprintf(stderr, "\r\033[K");
	} else if (done < total && now - start > 1 && now - shown > 0.1) {
		fprintf(stderr, "\r%s [%.*s%*s] %zu of %zu, %.0f s left ", what, width,
			"##############################", 30 - width, "", done, total,
			done ? (now - start) / done * (total - done) : 0.0);
		shown = now;
	}
}
