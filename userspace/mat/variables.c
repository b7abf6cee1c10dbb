// SPDX-License-Identifier: MIT
/*
 * variables.c - what variables of data sets hold events, and how.
 *
 * ST-MNIST: spiketrain, a column for each sample of 10 x 10 taxels, whose last number is the time.
 * ASL-DVS and others: a column of numbers for each of t (ts), x, y and p (pol), as variables or as
 * members of one structure. Numbers go out as they are: libsnnq looks at them.
 */
#include "variables.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/columns.h"
#include "helpers/answer_put.h"

#define TAXELS	    100
#define TAXELS_WIDE 10
#define MOST_NAMES  200 /* letters of them in a message */
#define SECOND	    1000000000
#define MICROSECOND 1000

static const struct put_column columns_of_taxels[] = {
	{ "t", "<f8", 8 },
	{ "x", "|u1", 1 },
	{ "y", "|u1", 1 },
	{ "p", "|i1", 1 },
};

struct found {
	matvar_t *spikes;
	matvar_t *columns[COLUMNS], *members[COLUMNS];
	const char *structure; /* whose members these are; or NULL */
	char names[MOST_NAMES];
};

/* The library reads on where it could not read. */
static bool complained;

void variables_log(int level, char *message)
{
	(void)message;
	complained |= level &
		      (MATIO_LOG_LEVEL_ERROR | MATIO_LOG_LEVEL_CRITICAL | MATIO_LOG_LEVEL_WARNING);
}

/* As NumPy has it; false: numbers of no type that is read. */
static bool take_type(const matvar_t *v, struct put_column *c)
{
	static const struct {
		enum matio_classes class;
		enum matio_types stored;
		const char *type;
		uint32_t bytes;
	} types[] = {
		{ MAT_C_DOUBLE, MAT_T_DOUBLE, "<f8", 8 }, { MAT_C_SINGLE, MAT_T_SINGLE, "<f4", 4 },
		{ MAT_C_INT8, MAT_T_INT8, "|i1", 1 },	  { MAT_C_UINT8, MAT_T_UINT8, "|u1", 1 },
		{ MAT_C_INT16, MAT_T_INT16, "<i2", 2 },	  { MAT_C_UINT16, MAT_T_UINT16, "<u2", 2 },
		{ MAT_C_INT32, MAT_T_INT32, "<i4", 4 },	  { MAT_C_UINT32, MAT_T_UINT32, "<u4", 4 },
		{ MAT_C_INT64, MAT_T_INT64, "<i8", 8 },	  { MAT_C_UINT64, MAT_T_UINT64, "<u8", 8 },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (v->class_type == types[i].class && v->data_type == types[i].stored &&
		    v->data_size == (int)types[i].bytes && !v->isComplex) {
			memcpy(c->type, types[i].type, sizeof(c->type));
			c->bytes = types[i].bytes;
			return true;
		}
	return false;
}

/* Of all axes; false: more than there can be. */
static bool product(const matvar_t *v, uint64_t *n)
{
	*n = 1;
	for (int i = 0; i < v->rank; i++)
		if (!v->dims || __builtin_mul_overflow(*n, (uint64_t)v->dims[i], n))
			return false;
	return v->rank > 0;
}

/* Elements; false: they are not all there. */
static bool elements(const matvar_t *v, uint64_t *n)
{
	return product(v, n) &&
	       (!*n || (v->data && v->data_size > 0 && *n <= v->nbytes / (uint64_t)v->data_size));
}

/* ---- ST-MNIST ---- */

struct taxel {
	double t;
	uint8_t x, y;
	int8_t p;
} __attribute__((packed));

static void put_samples(const double *sample, uint64_t samples)
{
	static struct taxel rows[8192];
	size_t held = 0;

	for (; samples--; sample += TAXELS + 1)
		for (uint32_t i = 0; i < TAXELS; i++) {
			if (sample[i] == 0)
				continue;
			rows[held++] = (struct taxel){ .t = sample[TAXELS],
						       .x = (uint8_t)(i % TAXELS_WIDE),
						       .y = (uint8_t)(i / TAXELS_WIDE),
						       .p = (int8_t)sample[i] };
			if (held == sizeof(rows) / sizeof(rows[0])) {
				put_rows(rows, sizeof(rows));
				held = 0;
			}
		}
	put_rows(rows, held * sizeof(rows[0]));
}

static int put_spikes(const matvar_t *v)
{
	uint64_t n, count = 0;
	struct put_column c;
	const double *d = v->data;

	if (!elements(v, &n) || v->rank != 2 || v->dims[0] != TAXELS + 1 || !take_type(v, &c) ||
	    v->class_type != MAT_C_DOUBLE)
		return put_fault(
			"spiketrain: expected a matrix of doubles, 101 x N (100 taxels and "
			"the time), found another variable");
	for (uint64_t i = 0; i < n; i++) {
		bool taxel = i % (TAXELS + 1) < TAXELS;

		if (taxel && d[i] != 0 && d[i] != 1 && d[i] != -1)
			return put_fault("spiketrain(%u,%llu): expected -1, 0 or 1, found %.9g",
					 (unsigned int)(i % (TAXELS + 1)) + 1,
					 (unsigned long long)(i / (TAXELS + 1)) + 1, d[i]);
		count += taxel && d[i] != 0;
	}
	put_begin(SECOND, columns_of_taxels, COLUMNS, count);
	put_samples(d, n / (TAXELS + 1));
	put_end();
	return 0;
}

/* ---- columns ---- */

/* A row or a column of numbers: how they lie in memory is the same. */
static bool is_row(const matvar_t *v)
{
	return v->rank == 2 && v->dims &&
	       (v->dims[0] == 1 || v->dims[1] == 1 || !v->dims[0] || !v->dims[1]);
}

static int put_columns(matvar_t *const *of)
{
	struct put_column columns[COLUMNS] = { { .name = NULL } };
	const void *numbers[COLUMNS] = { NULL };
	uint64_t count = 0, n;
	bool whole;

	for (int i = 0; i < COLUMNS; i++) {
		if (!of[i])
			continue;
		columns[i].name = column_names[i];
		if (!take_type(of[i], &columns[i]) || !is_row(of[i]) || !elements(of[i], &n))
			return put_fault("%s: expected a column of integers or floats, found "
					 "another variable",
					 of[i]->name ? of[i]->name : column_names[i]);
		if (i == COLUMN_T)
			count = n;
		if (n != count)
			return put_fault("%s: expected %llu elements, as t has, found %llu",
					 column_names[i], (unsigned long long)count,
					 (unsigned long long)n);
		numbers[i] = of[i]->data;
	}
	/* Of numbers that are not whole nobody says what they are. */
	whole = columns[COLUMN_T].type[1] != 'f' ||
		columns_are_whole(numbers[COLUMN_T], columns[COLUMN_T].bytes, count);
	put_begin(whole ? MICROSECOND : 0, columns, COLUMNS, count);
	if (count)
		put_side_by_side(columns, COLUMNS, numbers, count);
	put_end();
	return 0;
}

/* ---- the file ---- */

static void add_name(struct found *f, const char *name)
{
	size_t n = strlen(f->names);

	snprintf(f->names + n, sizeof(f->names) - n, "%s%s", n ? ", " : "", name);
}

/* Whether the columns are members of it. */
static bool has_members(matvar_t *v)
{
	bool there[COLUMNS + 1] = { false };
	unsigned int n = Mat_VarGetNumberOfFields(v);
	char *const *names = Mat_VarGetStructFieldnames(v);

	for (unsigned int i = 0; names && i < n; i++)
		there[column_find(names[i], strlen(names[i]))] = true;
	return there[COLUMN_T] && there[COLUMN_X];
}

/* False: what is wrong was said. */
static bool take_members(struct found *f, matvar_t *v)
{
	unsigned int n = Mat_VarGetNumberOfFields(v);
	char *const *names = Mat_VarGetStructFieldnames(v);
	uint64_t count;

	if (f->structure) {
		put_fault("expected one structure with members " COLUMN_NAMES ", found %s and %s",
			  f->structure, v->name);
		return false;
	}
	if (!product(v, &count) || count != 1 || !v->data) {
		put_fault("%s: expected one structure, found an array of %llu", v->name,
			  (unsigned long long)count);
		return false;
	}
	for (unsigned int i = 0; i < n; i++) {
		enum column c = column_find(names[i], strlen(names[i]));
		matvar_t *member;

		if (c == COLUMNS)
			continue;
		member = f->members[c] ? NULL : Mat_VarGetStructFieldByIndex(v, i, 0);
		if (!member) {
			put_fault("%s.%s: expected numbers, and one member of %s", v->name,
				  names[i], column_names[c]);
			return false;
		}
		f->members[c] = member;
	}
	f->structure = v->name;
	return true;
}

static bool is_structure(matvar_t *v)
{
	return v->class_type == MAT_C_STRUCT && has_members(v);
}

static bool is_wanted(matvar_t *v)
{
	return is_structure(v) || !strcmp(v->name, "spiketrain") ||
	       column_find(v->name, strlen(v->name)) != COLUMNS;
}

/* False: what is wrong was said. */
static bool take_variable(struct found *f, mat_t *mat, matvar_t *v)
{
	enum column c = column_find(v->name, strlen(v->name));

	add_name(f, v->name);
	if (!is_wanted(v))
		return true; /* nor read */
	if (Mat_VarReadDataAll(mat, v) || complained) {
		put_fault("%s: cannot be read: the file is damaged, or the variable needs more "
			  "memory than there is",
			  v->name);
		return false;
	}
	if (!strcmp(v->name, "spiketrain")) {
		f->spikes = v;
		return true;
	}
	if (c == COLUMNS)
		return take_members(f, v);
	if (f->columns[c]) {
		put_fault("expected one variable of %s, found %s and %s", column_names[c],
			  f->columns[c]->name, v->name);
		return false;
	}
	f->columns[c] = v;
	return true;
}

/* False: what is wrong was said. */
static bool take_variables(struct found *f, mat_t *mat, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		matvar_t *v;

		complained = false;
		v = Mat_VarReadNextInfo(mat);
		if (!v || complained) {
			put_fault("variable %u of %u: cannot be read: the file is damaged", i + 1,
				  count);
			return false;
		}
		if (v->name && !take_variable(f, mat, v))
			return false;
	}
	return true;
}

int variables_put(mat_t *mat, uint32_t count)
{
	struct found f = { .names = "" };

	if (!take_variables(&f, mat, count))
		return 0;
	if (f.spikes)
		return put_spikes(f.spikes);
	if (f.columns[COLUMN_T] && f.columns[COLUMN_X])
		return f.structure ? put_fault("expected variables " COLUMN_NAMES
					       ", or a structure with these members, found "
					       "both, in %s",
					       f.structure) :
				     put_columns(f.columns);
	if (f.structure)
		return put_columns(f.members);
	return put_fault("expected variables spiketrain, or " COLUMN_NAMES
			 " (ts, pol), or a structure with these members, found %s",
			 f.names[0] ? f.names : "none");
}
