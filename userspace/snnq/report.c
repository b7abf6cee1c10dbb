// SPDX-License-Identifier: MIT
/*
 * report.c - diagnostics, JSON and progress.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "cli.h"
#include "base/output.h"

int cli_fail(int code, const char *format, ...)
{
	char *text = NULL, *line, *rest;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	fputs("snnq: ", stderr);
	/* names from files must not move the cursor; our own line ends may */
	for (rest = n < 0 ? NULL : text; (line = strsep(&rest, "\n"));) {
		size_t bytes = strlen(line) + 8;
		char *safe = malloc(bytes);

		fprintf(stderr, "%s\n", safe ? text_printable(line, safe, bytes) : "no memory");
		free(safe);
	}
	free(text);
	return code;
}

void cli_take_note(void *ctx, const char *text)
{
	cli_fail(CLI_OK, "note: %s", text);
	cJSON_AddItemToArray(ctx, cJSON_CreateString(text));
}

int cli_print_json_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = text_character(s);

		if (!n)
			fputs("\\ufffd", stdout);
		else if (text_is_control(s) &&
			 *s >= 0x20) /* others are between items, or escaped */
			printf("\\u%04x", text_code_point(s, n));
		else
			fwrite(s, 1, n, stdout);
		s += n ? n : 1;
	}
	putchar('\n');
	return fflush(stdout) || ferror(stdout) ?
		       cli_fail(CLI_FAILED, "cannot write the JSON document") :
		       CLI_OK;
}

int cli_print_json(cJSON *json)
{
	char *text = cJSON_Print(json);
	int code = text ? cli_print_json_text(text) :
			  cli_fail(CLI_FAILED, "no memory for the JSON document");

	cJSON_free(text);
	cJSON_Delete(json);
	return code;
}

int cli_check_outputs(const char *const *outputs, size_t count, const char *const *inputs,
		      size_t input_count)
{
	int ret = output_check(outputs, count, inputs, input_count);

	return ret ? cli_fail(ret == -EINVAL ? CLI_USAGE : CLI_FAILED, "%s", output_problem()) :
		     CLI_OK;
}

/* What no file is to blame for, nor a device: lack of something, or a program of ours that is missing. */
static bool is_lacking(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -ELIBACC;
}

int cli_file_code(int error)
{
	if (is_lacking(error))
		return CLI_FAILED;
	switch (-error) {
	case ENOSPC: /* of outputs only */
	case EDQUOT:
	case EFBIG:
	case EROFS:
	case ERANGE: /* a result cannot be represented */
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

int cli_recording_code(int error)
{
	return error == -EINVAL ? CLI_USAGE : is_lacking(error) ? CLI_FAILED : CLI_FILE;
}

int cli_run_code(int error)
{
	return error == -EBADMSG ? CLI_FILE : is_lacking(error) ? CLI_FAILED : CLI_DEVICE;
}

void cli_progress(const char *what, size_t done, size_t total)
{
	static double start, shown;
	static const char *doing = "";
	double now = (double)now_ns() * 1e-9;
	char safe[128];
	int width = total ? (int)(30.0 * done / total) : 0;

	if (!isatty(STDERR_FILENO))
		return;
	if (!done || !start || strcmp(what, doing))
		start = now;
	doing = what;
	if (done >= total && shown > start) {
		fprintf(stderr, "\r\033[K");
	} else if (done < total && now - start > 1 && now - shown > 0.1) {
		fprintf(stderr, "\r%s [%.*s%*s] %zu of %zu, %.0f s left ",
			text_printable(what, safe, sizeof(safe)), width,
			"##############################", 30 - width, "", done, total,
			done ? (now - start) / done * (total - done) : 0.0);
		shown = now;
	}
}
