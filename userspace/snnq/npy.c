// SPDX-License-Identifier: MIT
/*
 * npy.c - arrays as NumPy files, format version 1.0.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "base/output.h"

static void write_header(FILE *f, const char *type, const uint32_t *shape, int dims)
{
	char text[192];
	int n, bytes;

	n = snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': (",
		     type);
	for (int i = 0; i < dims; i++)
		n += snprintf(text + n, sizeof(text) - n, "%u,", shape[i]);
	n += snprintf(text + n, sizeof(text) - n, "), }");
	bytes = (10 + n + 1 + 63) / 64 * 64 - 10;
	fwrite("\x93NUMPY\x01\x00", 1, 8, f);
	fputc(bytes & 0xff, f);
	fputc(bytes >> 8, f);
	fprintf(f, "%s%*s\n", text, bytes - n - 1, "");
}

static void write_values(FILE *f, const int32_t *values, size_t count, bool bytes)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t v = htole32((uint32_t)values[i]);

		if (bytes)
			fputc(values[i], f);
		else
			fwrite(&v, sizeof(v), 1, f);
	}
}

int cli_npy_write(const char *path, const int32_t *values, const uint32_t *shape, int dims)
{
	size_t count = 1;
	bool bytes = true;
	struct output out;
	int ret = output_open(path, &out);

	if (ret)
		return cli_fail(CLI_FAILED, "%s", output_problem());
	for (int i = 0; i < dims; i++)
		count *= shape[i];
	for (size_t i = 0; i < count; i++)
		bytes = bytes && values[i] >= 0 && values[i] <= 255;
	write_header(out.file, bytes ? "|u1" : "<i4", shape, dims);
	write_values(out.file, values, count, bytes);
	return output_commit(&out) ? cli_fail(CLI_FAILED, "%s", output_problem()) : CLI_OK;
}
