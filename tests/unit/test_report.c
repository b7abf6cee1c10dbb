// SPDX-License-Identifier: MIT
/*
 * test_report.c - the page of a report: its document can be taken out again whatever names are
 * in it, and nothing in it refers to anything outside.
 */
#define _GNU_SOURCE /* strcasestr */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "report_html.h"

#define BEGIN "<script type=\"application/json\" id=\"document\">"

static char folder[] = "/tmp/snnq-report-XXXXXX", path[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/page.html", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder); /* fails if a temporary file was left */
}

static char *page_of(const char *json)
{
	char *text = calloc(1, 1 << 20);
	FILE *f;

	assert_int_equal(report_write(json, path), 0);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(text);
	assert_in_range(fread(text, 1, (1 << 20) - 1, f), 5000, (1 << 20) - 2);
	fclose(f);
	return text;
}

static unsigned int count_of(const char *text, const char *word)
{
	unsigned int n = 0;

	for (; (text = strcasestr(text, word)); text += strlen(word))
		n++;
	return n;
}

/* What the page's script would parse: up to the first thing that ends a script element. */
static cJSON *document_of(const char *page)
{
	const char *begin = strstr(page, BEGIN), *end;

	assert_non_null(begin);
	begin += strlen(BEGIN);
	end = strcasestr(begin, "</script");
	assert_non_null(end);
	return cJSON_ParseWithLength(begin, (size_t)(end - begin));
}

static void check(const char *name)
{
	cJSON *json = cJSON_CreateObject(), *layers, *layer, *back;
	unsigned int scripts, comments;
	char *text, *page;

	page = page_of("{}");
	scripts = count_of(page, "<script") + count_of(page, "</script");
	comments = count_of(page, "<!--");
	free(page);
	cJSON_AddStringToObject(json, "model", name);
	layers = cJSON_AddArrayToObject(json, "layers");
	layer = cJSON_CreateObject();
	cJSON_AddStringToObject(layer, name, name);
	cJSON_AddItemToArray(layers, layer);
	text = cJSON_Print(json);
	page = page_of(text);
	assert_int_equal(count_of(page, "<script") + count_of(page, "</script"), scripts);
	assert_int_equal(count_of(page, "<!--"), comments);
	back = document_of(page);
	assert_true(cJSON_Compare(json, back, true));
	assert_string_equal(cJSON_GetObjectItem(back, "model")->valuestring, name);
	cJSON_Delete(back);
	cJSON_Delete(json);
	cJSON_free(text);
	free(page);
}

static void names_cannot_leave_the_document(void **state)
{
	(void)state;
	check("plain");
	check("</script><script>alert(1)</script>");
	check("</SCRIPT \t><img src=x onerror=alert(1)>");
	check("<!-- <script> ");
	check("]]> & &lt; &amp; \" ' \\ \\u003c @DOCUMENT@ \x01\x1f\x7f");
	check("\xe2\x80\xa8 \xe2\x80\xa9 \xc3\xa4 \xf0\x9f\xa7\xa0");
}

static void the_page_needs_nothing_else(void **state)
{
	static const char *const words[] = { "src=",	       "href=",	    "url(",
					     "@import",	       "fetch(",    "import(",
					     "XMLHttpRequest", "innerHTML", "document.write",
					     "@DOCUMENT@",     "eval(" };
	char *page = page_of("{\"kind\":\"quantization\"}");

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (count_of(page, words[i]))
			fail_msg("the page has \"%s\"", words[i]);
	/* the name of SVG's elements is not an address */
	assert_int_equal(count_of(page, "://"), 1);
	assert_non_null(strstr(page, "\"http://www.w3.org/2000/svg\""));
	assert_non_null(strstr(page, "default-src 'none'"));
	assert_non_null(strstr(page, "</html>\n"));
	free(page);
}

static void what_is_no_document_is_refused(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(report_write("{", path), -EINVAL);
	assert_int_equal(report_write("[]", path), -EINVAL);
	assert_int_equal(report_write("", path), -EINVAL);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(report_write("{}", "/nowhere/page.html"), -ENOENT);
	assert_int_equal(report_write("{}", folder), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_cannot_leave_the_document),
		cmocka_unit_test(the_page_needs_nothing_else),
		cmocka_unit_test(what_is_no_document_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
