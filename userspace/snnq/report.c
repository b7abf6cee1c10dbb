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

#include "cli.h"
#include "base/output.h"

/* Bytes of the UTF-8 character at @s; 0: it is none. */
static size_t utf8_bytes(const unsigned char *s)
{
	static const struct { unsigned char first, last, low, high, bytes; } forms[] = {
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

/*
 * Characters that control terminals or lines: those of ASCII and, in UTF-8, of ISO 8859, the ends
 * of lines and paragraphs, and what turns the direction of writing.
 */
static bool is_control(const unsigned char *s)
{
	if (*s == 0xc2)
		return s[1] >= 0x80 && s[1] <= 0x9f;
	if (*s == 0xe2)
		return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f ||
					 (s[2] >= 0xa8 && s[2] <= 0xae))) ||
		       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
	return *s < 0x20 || *s == 0x7f;
}

/* The number of a character of 2 or 3 bytes, or of 1. */
static unsigned int code_point(const unsigned char *s, size_t bytes)
{
	if (bytes == 3)
		return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return bytes == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu) : s[0];
}

const char *cli_printable(const char *s, char *buffer, size_t bytes)
{
	const unsigned char *from = (const unsigned char *)s;
	size_t at = 0;

	while (*from) {
		size_t n = utf8_bytes(from);

		if (at + 4 >= bytes)
			break;
		if (!n || is_control(from)) {
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

		fprintf(stderr, "%s\n", safe ? cli_printable(line, safe, bytes) : "no memory");
		free(safe);
	}
	free(text);
	return code;
}

int cli_print_json_text(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = utf8_bytes(s);

		if (!n)
			fputs("\\ufffd", stdout);
		else if (is_control(s) && *s >= 0x20)	/* others are between items, or escaped */
			printf("\\u%04x", code_point(s, n));
		else
			fwrite(s, 1, n, stdout);
		s += n ? n : 1;
	}
	putchar('\n');
	return fflush(stdout) || ferror(stdout) ? cli_fail(CLI_FAILED, "cannot write the JSON document") :
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

int cli_file_code(int error)
{
	switch (-error) {
	case ENOMEM:
	case ENOSPC:	/* of outputs only */
	case EDQUOT:
	case EFBIG:
	case EROFS:
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
			cli_printable(what, safe, sizeof(safe)), width,
			"##############################", 30 - width, "", done, total,
			done ? (now - start) / done * (total - done) : 0.0);
		shown = now;
	}
}
