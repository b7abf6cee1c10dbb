// SPDX-License-Identifier: MIT
/*
 * import_npy.c - .npy arrays of plain numbers, C order, any shape up to six axes.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "import.h"

#define HEADER_MAX 4096

static const struct npy_type {
	const char *name;
	size_t bytes;
} types[] = {
	{ "|i1", 1 }, { "|u1", 1 }, { "<i2", 2 }, { "<u2", 2 }, { "<i4", 4 }, { "<u4", 4 },
	{ "<i8", 8 }, { "<f4", 4 }, { "<f8", 8 },
};

static double value_of(const struct npy_type *type, const uint8_t *p)
{
	uint64_t bits = 0;
	float f;
	double d;

	memcpy(&bits, p, type->bytes);
	bits = le64toh(bits);
	if (type->name[1] == 'f' && type->bytes == 4) {
		uint32_t low = (uint32_t)bits;

		memcpy(&f, &low, sizeof(f));
		return f;
	}
	if (type->name[1] == 'f') {
		memcpy(&d, &bits, sizeof(d));
		return d;
	}
	if (type->name[1] == 'u')
		return (double)bits;
	return (double)((int64_t)(bits << (64 - 8 * type->bytes)) >> (64 - 8 * type->bytes));
}

/* Text after 'key': in the header's dictionary, or NULL. */
static const char *entry(const char *header, const char *key)
{
	const char *at = strstr(header, key);

	if (!at)
		return NULL;
	at += strlen(key);
	return *at == ':' ? at + 1 + strspn(at + 1, " ") : NULL;
}

static const struct npy_type *parse_type(const char *header)
{
	const char *descr = entry(header, "'descr'");

	for (size_t i = 0; descr && i < sizeof(types) / sizeof(types[0]); i++)
		if (descr[0] == '\'' && !strncmp(descr + 1, types[i].name, 3) && descr[4] == '\'')
			return &types[i];
	return NULL;
}

static bool parse_shape(const char *header, struct import_array *a)
{
	const char *at = entry(header, "'shape'");
	uint64_t count = 1;

	if (!at || *at++ != '(')
		return false;
	while (*at != ')') {
		char *end;
		unsigned long n = strtoul(at, &end, 10);

		if (end == at || !n || n > UINT32_MAX || a->dims == IMPORT_MAX_DIMS)
			return false;
		count *= n;
		if (count > IMPORT_MAX_ELEMENTS)
			return false;
		a->shape[a->dims++] = (uint32_t)n;
		at = end + strspn(end, ", ");
	}
	a->count = count;
	return true;
}

/* The header's text; false when it is not there. */
static bool read_header(FILE *f, char text[HEADER_MAX + 1])
{
	uint8_t fixed[12];
	size_t bytes, n = 10;

	if (fread(fixed, 1, 10, f) != 10 || memcmp(fixed, "\x93NUMPY", 6))
		return false;
	bytes = fixed[8] | fixed[9] << 8;
	if (fixed[6] != 1) {
		if (fixed[6] > 3 || fread(fixed + n, 1, 2, f) != 2)
			return false;
		bytes |= (size_t)fixed[10] << 16 | (size_t)fixed[11] << 24;
	}
	if (bytes > HEADER_MAX || fread(text, 1, bytes, f) != bytes)
		return false;
	text[bytes] = 0;
	return true;
}

static bool read_values(FILE *f, const struct npy_type *type, const struct import_array *a)
{
	uint8_t element[8];

	for (size_t i = 0; i < a->count; i++) {
		if (fread(element, type->bytes, 1, f) != 1)
			return false;
		a->values[i] = value_of(type, element);
	}
	return true;
}

static int read_array(FILE *f, const char *path, uint64_t bytes, struct import_array *a)
{
	char header[HEADER_MAX + 1];
	const struct npy_type *type;
	const char *order;
	uint64_t rest;

	if (!read_header(f, header))
		return error_set(-EBADMSG, "%s: offset 0: expected a .npy header", path);
	type = parse_type(header);
	if (!type)
		return error_set(-EBADMSG, "%s: descr: expected a little-endian integer or float, "
				 "found %.60s", path, header);
	order = entry(header, "'fortran_order'");
	if (!order || strncmp(order, "False", 5))
		return error_set(-EBADMSG, "%s: fortran_order: expected False", path);
	if (!parse_shape(header, a))
		return error_set(-EBADMSG, "%s: shape: expected 1 to %d axes and at most 2^28 "
				 "elements, found %.100s", path, IMPORT_MAX_DIMS, header);
	/* before memory is asked for */
	rest = bytes - (uint64_t)ftello(f);
	if (rest != (uint64_t)a->count * type->bytes)
		return error_set(-EBADMSG, "%s: expected %zu elements of %zu bytes, found %" PRIu64
				 " bytes", path, a->count, type->bytes, rest);
	a->values = malloc(a->count * sizeof(*a->values));
	if (!a->values)
		return error_set(-ENOMEM, "%s: no memory", path);
	if (!read_values(f, type, a))
		return error_set(-EIO, "%s: cannot be read", path);
	return 0;
}

int import_npy_read(const char *path, struct import_array *a)
{
	uint64_t bytes;
	int ret;
	FILE *f = file_stream(path, &bytes, &ret);

	memset(a, 0, sizeof(*a));
	if (!f)
		return ret;
	ret = read_array(f, path, bytes, a);
	fclose(f);
	if (ret)
		import_array_free(a);
	return ret;
}

void import_array_free(struct import_array *a)
{
	free(a->values);
	memset(a, 0, sizeof(*a));
}
