// SPDX-License-Identifier: MIT
/*
 * events_npy.c - arrays of NumPy's whose elements are events.
 *
 * The header says everything: fields in any order, of any width, with gaps, of either order of bytes.
 * An array without fields is one of events when somebody says what its four columns are. Other
 * containers (container.h) are turned into such arrays, so that what numbers may be is checked here
 * and nowhere else.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/half.h"
#include "base/npy_header.h"
#include "bytes.h"
#include "columns.h"
#include "events.h"

#define MOST_EVENTS (1ull << 40)
#define MOST_ROW    65536 /* bytes of an element */

struct field {
	char kind;  /* b, i, u or f, as NumPy has it; 0: not there */
	bool other; /* order of bytes than this machine's lowest first */
	uint8_t bytes;
	uint32_t offset;
};

struct records {
	struct field fields[COLUMNS];
	uint32_t row;		  /* bytes; 0: the header is not read */
	const enum column *order; /* of columns without names; NULL: fields have names */
	uint64_t count, at;	  /* elements */
};

/* ---- the header ---- */

/* A number of at most 5 digits. */
static bool take_number(struct npy_header *h, uint32_t *number)
{
	size_t digits = strspn(h->at, "0123456789");

	if (!digits || digits > 5)
		return false;
	*number = (uint32_t)strtoul(h->at, NULL, 10);
	h->at += digits;
	return true;
}

static bool is_number(const struct field *f, uint32_t bytes)
{
	bool power = bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8;

	return power && (f->kind == 'i' || f->kind == 'u' || (f->kind == 'f' && bytes > 1) ||
			 (f->kind == 'b' && bytes == 1));
}

/* A type, in quotes, of @f, which is a column of an event or not; and its bytes. */
static const char *take_type(struct npy_header *h, bool column, struct field *f, uint32_t *bytes)
{
	const char *start = h->at;

	if (!npy_take(h, "'") || !*h->at || !strchr("<>|=", *h->at))
		return "a type, as '<i8'";
	f->other = *h->at == '>';
	f->kind = h->at[1];
	if (f->kind == 'O') {
		h->at = start;
		return "numbers (Python's objects are never made)";
	}
	h->at += 2;
	if (!f->kind || !strchr("biufcmMVSaU", f->kind) || !take_number(h, bytes)) {
		h->at = start;
		return "a type, as '<i8'";
	}
	if (strchr("mM", f->kind) && *h->at == '[')
		h->at += strcspn(h->at, "'");
	if (!npy_take(h, "'") || (column && !is_number(f, *bytes))) {
		h->at = start;
		return column ? "an integer or a float" : "a type, as '<i8'";
	}
	*bytes *= f->kind == 'U' ? 4 : 1;
	return NULL;
}

/* The shape of a field that is none of an event's: (2,), (2, 3). */
static bool take_numbers(struct npy_header *h, uint32_t *bytes)
{
	uint32_t n;

	if (!npy_take(h, "("))
		return false;
	while (take_number(h, &n)) {
		if (n && *bytes > MOST_ROW / n)
			return false;
		*bytes *= n;
		npy_take(h, "");
		npy_take(h, ",");
	}
	return npy_take(h, ")");
}

/* One of the list: ('x', '<i2'). */
static const char *take_field(struct npy_header *h, struct records *r)
{
	const char *name, *expected, *start = h->at;
	enum column column;
	uint32_t bytes = 0;
	struct field f;
	size_t n;

	if (!npy_take(h, "(") || *h->at != '\'')
		return "a field, as ('x', '<i2')";
	name = ++h->at;
	n = strcspn(name, "'\\");
	h->at += n;
	column = column_find(name, n);
	if (!npy_take(h, "'") || !npy_take(h, ",")) {
		h->at = start;
		return "a field, as ('x', '<i2')";
	}
	expected = take_type(h, column != COLUMNS, &f, &bytes);
	if (expected)
		return expected;
	if (npy_take(h, ",") && (column != COLUMNS || !take_numbers(h, &bytes)))
		return "one number in a field of an event";
	if (bytes > MOST_ROW - r->row)
		return "elements of at most 65536 bytes";
	if (column != COLUMNS && r->fields[column].kind) {
		h->at = start;
		return "each of " COLUMN_NAMES " once";
	}
	f.bytes = (uint8_t)bytes;
	f.offset = r->row;
	if (column != COLUMNS)
		r->fields[column] = f;
	r->row += bytes;
	return npy_take(h, ")") ? NULL : "an end of the field";
}

static const char *take_fields(struct npy_header *h, struct records *r)
{
	const char *start = h->at, *expected = NULL;

	if (!npy_take(h, "["))
		return "descr: a list of fields";
	while (!expected && *h->at == '(') {
		expected = take_field(h, r);
		if (!expected && !npy_take(h, ",") && *h->at != ']')
			expected = "a comma between fields";
	}
	if (expected)
		return expected;
	if (!npy_take(h, "]"))
		return "a field, as ('x', '<i2')";
	if (r->fields[COLUMN_T].kind && r->fields[COLUMN_X].kind)
		return NULL;
	h->at = start;
	return "descr: fields " COLUMN_NAMES;
}

/* Four columns of one type. */
static const char *take_columns(struct npy_header *h, struct records *r)
{
	const char *expected;
	struct field f;
	uint32_t bytes;

	if (*h->at == '[')
		return "descr: one type, as the format option says, no fields";
	expected = take_type(h, true, &f, &bytes);
	if (expected)
		return expected;
	for (uint32_t i = 0; i < COLUMNS; i++) {
		f.bytes = (uint8_t)bytes;
		f.offset = i * bytes;
		r->fields[r->order[i]] = f;
	}
	r->row = COLUMNS * bytes;
	return NULL;
}

static const char *take_descr(struct npy_header *h, void *ctx)
{
	struct records *r = ctx;

	return r->order ? take_columns(h, r) : take_fields(h, r);
}

static int check_header(const struct npy_header *h, struct records *r, struct snnq_events *events)
{
	const char *name = events->info.format ? events->info.format : "npy";

	if (h->dims != (r->order ? 2 : 1) || (r->order && h->shape[1] != COLUMNS))
		return events_bad(events, h->offset, "header: shape: expected %s",
				  r->order ? "two axes, the second of 4" : "one axis");
	if (r->fields[COLUMN_T].kind == 'f' && !events->unit_ns)
		return events_bad(events, h->offset,
				  "header: t: expected integers of microseconds, found floats: "
				  "their unit is to be named, as %s:s, %s:ms or %s:us",
				  name, name, name);
	r->count = h->shape[0];
	return 0;
}

/* Bytes of the header, 0: there are not enough yet, or -errno. */
static int64_t take_header(struct records *r, const uint8_t *data, size_t size, bool last,
			   struct snnq_events *events)
{
	const struct npy_rules rules = {
		.take_descr = take_descr,
		.most = MOST_EVENTS,
		.most_axis = MOST_EVENTS,
		.empty = true,
		.shape = "shape: at most 2^40 elements",
	};
	const char *expected;
	struct npy_header h;
	size_t n = npy_header_begin(data, size, &h);
	char shown[128];
	int ret;

	if (!n && !last && size < NPY_BEGIN_BYTES)
		return 0;
	if (!n)
		return events_bad(events, 0, "expected a .npy header of at most %u bytes",
				  NPY_HEADER_BYTES);
	expected = npy_header_take(&h, &rules, r);
	if (expected)
		return events_bad(events, h.offset + (size_t)(h.at - h.text),
				  "header: expected %s, found \"%s\"", expected,
				  npy_header_found(&h, shown));
	ret = check_header(&h, r, events);
	return ret ? ret : (int64_t)n;
}

/* ---- the numbers ---- */

struct number {
	bool real;
	int64_t i;
	double d;
};

static uint64_t bits_of(const struct field *f, const uint8_t *p)
{
	switch (f->bytes) {
	case 1:
		return *p;
	case 2:
		return f->other ? get_be16(p) : get_le16(p);
	case 4:
		return f->other ? get_be32(p) : get_le32(p);
	default:
		return f->other ? be64toh(htole64(get_le64(p))) : get_le64(p);
	}
}

static struct number real_of(const struct field *f, uint64_t bits)
{
	uint32_t low = (uint32_t)bits;
	struct number n = { .real = true };
	float single;

	if (f->bytes == 2) {
		n.d = float_of_half((uint16_t)bits);
	} else if (f->bytes == 4) {
		memcpy(&single, &low, sizeof(single));
		n.d = single;
	} else {
		memcpy(&n.d, &bits, sizeof(n.d));
	}
	return n;
}

/* Integers beyond those of 64 bits with a sign are reals: they are refused as all that large. */
static struct number number_of(const struct field *f, const uint8_t *row)
{
	uint64_t bits = bits_of(f, row + f->offset);
	unsigned int above = 64 - 8u * f->bytes;

	if (f->kind == 'f')
		return real_of(f, bits);
	if (f->kind == 'i')
		return (struct number){ .i = (int64_t)(bits << above) >> above };
	if (f->kind == 'b')
		return (struct number){ .i = bits != 0 };
	if (bits > INT64_MAX)
		return (struct number){ .real = true, .d = (double)bits };
	return (struct number){ .i = (int64_t)bits };
}

static int wrong(struct snnq_events *events, uint64_t element, enum column column,
		 const char *expected, const struct number *n)
{
	char found[40];

	if (n->real)
		snprintf(found, sizeof(found), "%.17g", n->d);
	else
		snprintf(found, sizeof(found), "%" PRId64, n->i);
	snprintf(events->error, sizeof(events->error),
		 "event %" PRIu64 ": %s: expected %s, found %s", element, column_names[column],
		 expected, found);
	return -EBADMSG;
}

/* An integer from @least to @most. */
static bool is_from(struct number *n, int64_t least, int64_t most)
{
	if (n->real && !(n->d >= (double)least && n->d <= (double)most && n->d == trunc(n->d)))
		return false;
	if (n->real)
		n->i = (int64_t)n->d;
	return n->i >= least && n->i <= most;
}

/* In microseconds, to the nearest one. */
static bool find_time(const struct number *n, int64_t unit_ns, int64_t *t)
{
	int64_t ns;
	double us;

	if (!n->real && (!unit_ns || unit_ns == 1000)) {
		*t = n->i;
		return true;
	}
	if (!n->real) {
		if (unit_ns >= 1000)
			return !__builtin_mul_overflow(n->i, unit_ns / 1000, t);
		ns = n->i % 1000;
		*t = n->i / 1000 + (ns >= 500) - (ns < -500);
		return true;
	}
	us = rint(n->d * (unit_ns ? (double)unit_ns / 1000 : 1));
	if (!(fabs(us) < 0x1p62))
		return false;
	*t = (int64_t)us;
	return true;
}

static int append(const struct records *r, const uint8_t *row, struct snnq_events *events)
{
	struct number n = number_of(&r->fields[COLUMN_T], row);
	int64_t of[COLUMNS] = { 0, 0, 0, 1 };

	if (!find_time(&n, events->unit_ns, &of[COLUMN_T]))
		return wrong(events, r->at, COLUMN_T, "a time of less than 2^62 us", &n);
	for (enum column c = COLUMN_X; c < COLUMNS; c++) {
		bool p = c == COLUMN_P;

		if (!r->fields[c].kind)
			continue;
		n = number_of(&r->fields[c], row);
		if (!is_from(&n, p ? -1 : 0, p ? 1 : UINT16_MAX))
			return wrong(events, r->at, c,
				     p ? "-1, 0 or 1" : "an integer from 0 to 65535", &n);
		of[c] = n.i;
	}
	return events_append(events, of[COLUMN_T], (uint16_t)of[COLUMN_X], (uint16_t)of[COLUMN_Y],
			     of[COLUMN_P] > 0);
}

/* ---- the decoder ---- */

static int check_end(const struct records *r, size_t left, struct snnq_events *events, size_t pos)
{
	if (r->at < r->count)
		return events_bad(events, pos,
				  "expected %" PRIu64 " elements of %u bytes, found the end of the "
				  "file in element %" PRIu64,
				  r->count, r->row, r->at);
	return left ? events_bad(events, pos,
				 "expected the end of the file behind %" PRIu64
				 " elements, found more",
				 r->count) :
		      0;
}

static int64_t take_records(struct records *r, const uint8_t *data, size_t size, bool last,
			    struct snnq_events *events)
{
	int64_t pos = 0;
	int ret = 0;

	if (!r->row) {
		pos = take_header(r, data, size, last, events);
		if (pos <= 0)
			return pos;
	}
	while (!ret && r->at < r->count && size - (size_t)pos >= r->row && !events_full(events)) {
		ret = append(r, data + pos, events);
		pos += r->row;
		r->at++;
	}
	if (ret || events_full(events))
		return ret ? ret : pos;
	if (last || r->at == r->count)
		ret = check_end(r, size - (size_t)pos, events, (size_t)pos);
	return ret ? ret : pos;
}

static int64_t take(void *state, const uint8_t *data, size_t size, bool last,
		    struct snnq_events *events)
{
	return take_records(state, data, size, last, events);
}

#define COLUMNS_IN_ORDER(name, ...)                                                            \
	static int64_t take_##name(void *state, const uint8_t *data, size_t size, bool last,   \
				   struct snnq_events *events)                                 \
	{                                                                                      \
		static const enum column order[COLUMNS] = { __VA_ARGS__ };                     \
		struct records *r = state;                                                     \
                                                                                               \
		r->order = order;                                                              \
		return take_records(r, data, size, last, events);                              \
	}                                                                                      \
	const struct events_decoder events_npy_##name = { sizeof(struct records), take_##name, \
							  NULL }

COLUMNS_IN_ORDER(txyp, COLUMN_T, COLUMN_X, COLUMN_Y, COLUMN_P);
COLUMNS_IN_ORDER(xytp, COLUMN_X, COLUMN_Y, COLUMN_T, COLUMN_P);
COLUMNS_IN_ORDER(xypt, COLUMN_X, COLUMN_Y, COLUMN_P, COLUMN_T);

const struct events_decoder events_npy = { sizeof(struct records), take, NULL };
