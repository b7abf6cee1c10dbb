/* SPDX-License-Identifier: MIT */
/* report_html.h - what `quantize --report` writes: one page that needs nothing else. */
#ifndef SNNQ_CLI_REPORT_HTML_H
#define SNNQ_CLI_REPORT_HTML_H

/*
 * Write @json (the report's document, see report.html) as a page to @path, through a
 * temporary name. 0 or -errno.
 */
int report_write(const char *json, const char *path);

#endif /* SNNQ_CLI_REPORT_HTML_H */
