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
#include "base/half.h"
#include "import.h"

#define HEADER_MAX 4096

static const struct npy_type {
	const char *name;
	size_t bytes;
} types[] = {
	{ "|i1", 1 }, { "|u1", 1 }, { "<i2", 2 }, { "<u2", 2 }, { "<i4", 4 },
	{ "<u4", 4 }, { "<i8", 8 }, { "<f2", 2 }, { "<f4", 4 }, { "<f8", 8 },
};

static double value_of(const struct npy_type *type, const uint8_t *p)
{
	uint64_t bits = 0;
	float f;
	double d;

	memcpy(&bits, p, type->bytes);
	bits = le64toh(bits);
	if (type->name[1] == 'f' && type->bytes == 2)
		return float_of_half((uint16_t)bits);
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

/* Move @at over blanks. */
static void skip_blanks(const char **at)
{
	*at += strspn(*at, " ");
}

/* Move @at over @text and blanks; false: something else is there. */
static bool take(const char **at, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*at, text, n))
		return false;
	*at += n;
	skip_blanks(at);
	return true;
}

static bool parse_type(const char **at, const struct npy_type **type)
{
	char quoted[8];

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(quoted, sizeof(quoted), "'%s'", types[i].name);
		if (take(at, quoted)) {
			*type = &types[i];
			return true;
		}
	}
	return false;
}

/* A tuple: (), (n,), (n, n), ... */
static bool parse_shape(const char **at, struct import_array *a)
{
	uint64_t count = 1;
	bool comma = true;

	if (!take(at, "("))
		return false;
	while (**at >= '0' && **at <= '9') {
		char *end;
		unsigned long n = strtoul(*at, &end, 10);

		if (!comma || !n || n > UINT32_MAX || a->dims == IMPORT_MAX_DIMS)
			return false;
		count *= n;
		if (count > IMPORT_MAX_ELEMENTS)
			return false;
		a->shape[a->dims++] = (uint32_t)n;
		*at = end;
		skip_blanks(at);
		comma = take(at, ",");
	}
	a->count = count;
	return take(at, ")") && (a->dims != 1 || comma);
}

/* The dictionary: each key once, no other, nothing behind it. NULL, or what was expected. */
static const char *parse_header(const char *text, size_t bytes, const struct npy_type **type,
				struct import_array *a)
{
	const char *at = text;
	unsigned int seen = 0, key;

	if (strlen(text) != bytes || !take(&at, "{"))
		return "a dictionary";
	while (*at == '\'') {
		key = take(&at, "'descr'")	   ? 1 :
		      take(&at, "'fortran_order'") ? 2 :
		      take(&at, "'shape'")	   ? 4 :
						     0;
		if (!key || (seen & key) || !take(&at, ":"))
			return "descr, fortran_order and shape, each once";
		seen |= key;
		if (key == 1 && !parse_type(&at, type))
			return "descr: a little-endian integer or float";
		if (key == 2 && !take(&at, "False"))
			return "fortran_order: False";
		if (key == 4 && !parse_shape(&at, a))
			return "shape: at most 6 axes and 2^28 elements";
		if (!take(&at, ",") && *at != '}')
			return "a comma between entries";
	}
	if (seen != 7)
		return "descr, fortran_order and shape";
	return take(&at, "}") && !at[strspn(at, " \n")] ? NULL : "nothing behind the dictionary";
}

/* The header's text; false when it is not there. */
static bool read_header(FILE *f, char text[HEADER_MAX + 1], size_t *length)
{
	uint8_t fixed[12];
	size_t bytes, n = 10;

	if (fread(fixed, 1, 10, f) != 10 || memcmp(fixed, "\x93NUMPY", 6) || !fixed[6] || fixed[7])
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
	*length = bytes;
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
	char text[HEADER_MAX + 1];
	const struct npy_type *type = NULL;
	const char *expected;
	size_t length;
	uint64_t rest;

	if (!read_header(f, text, &length))
		return error_set(-EBADMSG, "%s: offset 0: expected a .npy header", path);
	expected = parse_header(text, length, &type, a);
	if (expected)
		return error_set(-EBADMSG, "%s: header: expected %s, found %.100s", path, expected,
				 text);
	/* before memory is asked for */
	rest = bytes - (uint64_t)ftello(f);
	if (rest != (uint64_t)a->count * type->bytes)
		return error_set(-EBADMSG,
				 "%s: expected %zu elements of %zu bytes, found %" PRIu64 " bytes",
				 path, a->count, type->bytes, rest);
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
