// SPDX-License-Identifier: MIT
/*
 * report_html.c - see report_html.h.
 *
 * The page is report.html, which the build turns into bytes. In the document every '<' becomes
 * an escape of JSON, so nothing in it can end the script element that holds it.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report_html.h"

static const unsigned char page[] = {
#include "report.html.inc"
	, 0
};

static const char place[] = "@DOCUMENT@";

static bool put_escaped(const char *json, FILE *file)
{
	size_t plain;

	for (; *json; json += plain) {
		plain = strcspn(json, "<");
		if (fwrite(json, 1, plain, file) != plain)
			return false;
		if (json[plain] == '<') {
			if (fputs("\\u003c", file) < 0)
				return false;
			plain++;
		}
	}
	return true;
}

static int write_page(const char *json, const char *path)
{
	const char *text = (const char *)page, *at = strstr(text, place);
	FILE *file = fopen(path, "we");
	bool fine;

	if (!file)
		return -errno;
	errno = 0;
	fine = fwrite(text, 1, (size_t)(at - text), file) == (size_t)(at - text) &&
	       put_escaped(json, file) && fputs(at + strlen(place), file) >= 0 && !fflush(file) &&
	       !fsync(fileno(file));
	if (fclose(file))
		fine = false;
	return fine ? 0 : errno ? -errno : -EIO;
}

int report_write(const char *json, const char *path)
{
	char *temporary = malloc(strlen(path) + 32);
	cJSON *parsed = cJSON_Parse(json);
	int ret = !temporary ? -ENOMEM : cJSON_IsObject(parsed) ? 0 : -EINVAL;

	cJSON_Delete(parsed);
	if (!ret) {
		sprintf(temporary, "%s.%ld.tmp", path, (long)getpid());
		ret = write_page(json, temporary);
		if (!ret && rename(temporary, path))
			ret = -errno;
		if (ret)
			unlink(temporary);
	}
	free(temporary);
	return ret;
}
