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
#include <string.h>

#include "base/output.h"
#include "report_html.h"

static const unsigned char page[] = {
#include "report.html.inc"
	, 0
};

static const char place[] = "@DOCUMENT@";

static void put_escaped(const char *json, FILE *file)
{
	size_t plain;

	for (; *json; json += plain) {
		plain = strcspn(json, "<");
		fwrite(json, 1, plain, file);
		if (json[plain] == '<') {
			fputs("\\u003c", file);
			plain++;
		}
	}
}

static void write_page(const char *json, FILE *file)
{
	const char *text = (const char *)page, *at = strstr(text, place);

	fwrite(text, 1, (size_t)(at - text), file);
	put_escaped(json, file);
	fputs(at + strlen(place), file);
}

int report_write(const char *json, const char *path)
{
	cJSON *parsed = cJSON_Parse(json);
	bool good = cJSON_IsObject(parsed);
	struct output out;
	int ret;

	cJSON_Delete(parsed);
	if (!good)
		return -EINVAL;
	ret = output_open(path, &out);
	if (ret)
		return ret;
	write_page(json, out.file); /* failures are told at the end */
	return output_commit(&out);
}
