// SPDX-License-Identifier: MIT
/* See answer_put.h. */
#include "answer_put.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "events/columns.h"

#define ROWS_BYTES 65536

static void put(enum answer_kind kind, uint64_t value)
{
	struct answer_head head = { .magic = ANSWER_MAGIC, .kind = kind, .value = value };

	fwrite(&head, 1, sizeof(head), stdout);
}

void put_rows(const void *rows, size_t bytes)
{
	while (bytes) {
		size_t n = bytes < ANSWER_MOST ? bytes : ANSWER_MOST;

		put(ANSWER_BYTES, n);
		fwrite(rows, 1, n, stdout);
		rows = (const char *)rows + n;
		bytes -= n;
	}
}

void put_begin(uint64_t unit_ns, const struct put_column *columns, int n, uint64_t count)
{
	const char *names[COLUMNS], *types[COLUMNS];
	char header[COLUMNS_HEADER_BYTES];

	for (int i = 0; i < n; i++) {
		names[i] = columns[i].name;
		types[i] = columns[i].name ? columns[i].type : NULL;
	}
	if (unit_ns)
		put(ANSWER_UNIT, unit_ns);
	put_rows(header, columns_header(names, types, n, count, header));
}

void put_side_by_side(const struct put_column *columns, int n, const void *const *numbers,
		      size_t count)
{
	static char rows[ROWS_BYTES];
	size_t row = 0, step, offset;

	for (int i = 0; i < n; i++)
		row += numbers[i] ? columns[i].bytes : 0;
	step = sizeof(rows) / (row ? row : 1);
	for (size_t first = 0; first < count; first += step) {
		size_t some = count - first < step ? count - first : step;

		offset = 0;
		for (int i = 0; i < n; i++) {
			size_t bytes = columns[i].bytes;
			const char *from = (const char *)numbers[i] + first * bytes;

			if (!numbers[i])
				continue;
			for (size_t k = 0; k < some; k++)
				memcpy(rows + k * row + offset, from + k * bytes, bytes);
			offset += bytes;
		}
		put_rows(rows, some * row);
	}
}

int put_fault(const char *format, ...)
{
	char text[ANSWER_MOST_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(ANSWER_FAULT, strlen(text));
	fwrite(text, 1, strlen(text), stdout);
	return 0;
}

void put_end(void)
{
	put(ANSWER_END, 0);
}
