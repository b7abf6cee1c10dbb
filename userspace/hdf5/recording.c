// SPDX-License-Identifier: MIT
/*
 * recording.c - where data sets keep events in HDF5 files.
 *
 *	CD/events		elements with members t, x, y, p	Prophesee
 *	events/{t,x,y,p}	and t_offset; or with s at their ends	DSEC, M3ED, E2VID
 *	events			N x 4: t, x, y, p			v2e
 *	davis/left/events	N x 4: x, y, t, p, t in seconds		MVSEC
 *	times, addrs		(time; pos, data) N, N x 3: x, y, p	DVS Gesture
 *	spikes/{times,units}	a row for each sample; seconds		SHD, SSC
 *	spiketrain, or t, x, y, p					MATLAB 7.3
 *
 * A part is a group in which one of these is, as the file itself, or the number of a sample.
 */
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "helpers/answer_put.h"

#define SECOND	    1000000000
#define MICROSECOND 1000
#define MOST_PARTS  100000

enum outcome { NONE, DONE }; /* events, or a fault, are put out */

/* An object below @at; 0: there is none. */
static hid_t open_below(hid_t at, const char *path)
{
	hid_t object = H5Oopen(at, path, H5P_DEFAULT);

	return object < 0 ? 0 : object;
}

static hid_t open_kind(hid_t at, const char *path, H5I_type_t kind)
{
	hid_t object = open_below(at, path);

	if (object && H5Iget_type(object) != kind) {
		H5Oclose(object);
		return 0;
	}
	return object;
}

/* The chunk cache has room for one of its chunks. */
static hid_t open_set(hid_t at, const char *path)
{
	hid_t set = open_kind(at, path, H5I_DATASET), plan, access;
	hsize_t chunk[8];
	uint64_t bytes;
	int dims;

	if (!set)
		return 0;
	plan = H5Dget_create_plist(set);
	dims = H5Pget_layout(plan) == H5D_CHUNKED ? H5Pget_chunk(plan, 8, chunk) : 0;
	H5Pclose(plan);
	bytes = 64;
	for (int i = 0; i < dims && i < 8; i++)
		if (__builtin_mul_overflow(bytes, (uint64_t)chunk[i], &bytes))
			return set;
	if (bytes < 1 << 20 || bytes > 1 << 30)
		return set;
	H5Oclose(set);
	access = H5Pcreate(H5P_DATASET_ACCESS);
	H5Pset_chunk_cache(access, 101, (size_t)bytes, 1.0);
	set = H5Dopen2(at, path, access);
	H5Pclose(access);
	return set < 0 ? 0 : set;
}

/* Whether there is a link of this name, wherever it leads, or a name that cannot be looked up. */
static bool is_there(hid_t at, const char *path)
{
	htri_t there = H5Lexists(at, path, H5P_DEFAULT);

	return there > 0 || (there < 0 && !strchr(path, '/'));
}

/* The first of them that is there, or NULL. */
static const char *first_there(hid_t at, const char *const *names)
{
	while (*names && !is_there(at, *names))
		names++;
	return *names;
}

/* What is there must be a set; 0: it is none, which was said. */
static hid_t must_open(hid_t at, const char *path)
{
	hid_t set = open_set(at, path);

	if (!set)
		put_fault("%s: expected a data set, found something else, a link that leads "
			  "nowhere, or damage",
			  path);
	return set;
}

/* The group that is looked into, and those above it, the nearest first; 0: no more. */
struct place {
	hid_t at[3];
};

/* ---- columns ---- */

static bool read_offset(hid_t set, int64_t *offset)
{
	hid_t type = H5Dget_type(set);
	bool integer = H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) <= 8 &&
		       H5Sget_simple_extent_npoints(H5Dget_space(set)) == 1 &&
		       hdf5_is_inside(set, type, 1);
	bool sign = H5Tget_sign(type) == H5T_SGN_2;
	uint64_t n;

	H5Tclose(type);
	if (!integer) {
		put_fault("t_offset: expected one integer, found something else");
		return false;
	}
	if (!column_is_readable(set, "t_offset"))
		return false;
	if (H5Dread(set, sign ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT,
		    &n) < 0) {
		put_fault("t_offset: cannot be read: the file is damaged");
		return false;
	}
	if (!sign && n > INT64_MAX) {
		put_fault("t_offset: expected an integer of less than 2^63, found %llu",
			  (unsigned long long)n);
		return false;
	}
	*offset = (int64_t)n;
	return true;
}

/* What times count from, if it is said beside them or above. False: it is no number. */
static bool take_offset(const struct place *p, struct set_columns *c)
{
	const struct set_column *t = &c->of[COLUMN_T];
	hid_t set;

	for (int i = 0; i < 3 && p->at[i]; i++) {
		if (!is_there(p->at[i], "t_offset"))
			continue;
		set = must_open(p->at[i], "t_offset");
		if (set && t->type[1] == 'f')
			put_fault("%s: expected integers, beside t_offset, found floats", t->name);
		c->shifted = set && t->type[1] != 'f';
		return c->shifted && read_offset(set, &c->offset);
	}
	return true;
}

static enum outcome put_all(const struct place *p, struct set_columns *c, int *ret)
{
	if (take_offset(p, c))
		*ret = columns_put(c);
	return DONE;
}

/* Sets of one axis in a group. */
static enum outcome put_sets(const struct place *p, int *ret)
{
	struct set_columns c = { .unit_ns = 0 };
	hid_t group = p->at[0], set;

	if (!first_there(group, column_known[COLUMN_T]) ||
	    !first_there(group, column_known[COLUMN_X]))
		return NONE;
	for (int i = 0; i < COLUMNS; i++) {
		const char *name = first_there(group, column_known[i]);

		if (!name)
			continue;
		set = must_open(group, name);
		if (!set || !column_take(&c.of[i], set, name, NULL, -1))
			return DONE;
	}
	if (H5Aexists(c.of[COLUMN_T].set, "MATLAB_class") > 0) {
		c.unit_ns = MICROSECOND;
		c.whole = true;
	}
	return put_all(p, &c, ret);
}

/* Elements with members. */
static enum outcome put_members(const struct place *p, hid_t set, const char *path, int *ret)
{
	struct set_columns c = { .unit_ns = 0 };
	hid_t type = H5Dget_type(set);

	for (int i = 0; i < COLUMNS; i++)
		for (const char *const *name = column_known[i]; *name && !c.of[i].set; name++)
			if (H5Tget_member_index(type, *name) >= 0 &&
			    !column_take(&c.of[i], set, path, *name, -1))
				return DONE;
	if (!c.of[COLUMN_T].set || !c.of[COLUMN_X].set) {
		put_fault("%s: expected members " COLUMN_NAMES ", found others", path);
		return DONE;
	}
	return put_all(p, &c, ret);
}

/* Columns of a matrix in this order. */
static enum outcome put_matrix(const struct place *p, hid_t set, const char *path,
			       const enum column *order, int columns, struct set_columns *c,
			       int *ret)
{
	for (int i = 0; i < columns; i++)
		if (!column_take(&c->of[order[i]], set, path, NULL, i))
			return DONE;
	return put_all(p, c, ret);
}

/* ---- data sets ---- */

static bool is_compound(hid_t set)
{
	hid_t type = H5Dget_type(set);
	bool compound = H5Tget_class(type) == H5T_COMPOUND;

	H5Tclose(type);
	return compound;
}

static enum outcome put_events(const struct place *p, int *ret)
{
	static const enum column txyp[] = { COLUMN_T, COLUMN_X, COLUMN_Y, COLUMN_P };
	bool cd = is_there(p->at[0], "CD/events");
	const char *path = cd ? "CD/events" : "events";
	struct set_columns c = { .unit_ns = 0 };
	hid_t set, group;

	if (!is_there(p->at[0], path))
		return NONE;
	group = cd ? 0 : open_kind(p->at[0], path, H5I_GROUP);
	if (group)
		return put_sets(&(struct place){ { group, p->at[0], p->at[1] } }, ret);
	set = must_open(p->at[0], path);
	if (!set)
		return DONE;
	return cd || is_compound(set) ? put_members(p, set, path, ret) :
					put_matrix(p, set, path, txyp, COLUMNS, &c, ret);
}

static enum outcome put_davis(const struct place *p, int *ret)
{
	static const enum column xytp[] = { COLUMN_X, COLUMN_Y, COLUMN_T, COLUMN_P };
	static const char *const paths[] = { "davis/left/events", "davis/right/events" };
	struct set_columns c = { .unit_ns = SECOND };
	bool left = is_there(p->at[0], paths[0]), right = is_there(p->at[0], paths[1]);
	hid_t set;

	if (left && right) {
		put_fault("expected a part to be chosen, as hdf5:part=davis/left, found davis/left "
			  "and davis/right");
		return DONE;
	}
	if (!left && !right)
		return NONE;
	set = must_open(p->at[0], paths[!left]);
	return set ? put_matrix(p, set, paths[!left], xytp, COLUMNS, &c, ret) : DONE;
}

/* A group of MVSEC's that was chosen: its events have times in seconds. */
static enum outcome put_camera(const struct place *p, int *ret)
{
	static const enum column xytp[] = { COLUMN_X, COLUMN_Y, COLUMN_T, COLUMN_P };
	struct set_columns c = { .unit_ns = SECOND };
	hid_t set = open_set(p->at[0], "events"), type;
	bool real;

	if (!set)
		return NONE;
	type = H5Dget_type(set);
	real = H5Tget_class(type) == H5T_FLOAT;
	H5Tclose(type);
	return real ? put_matrix(p, set, "events", xytp, COLUMNS, &c, ret) : NONE;
}

static const char *const addresses[] = { "pos", "addrs", "data", NULL };

static enum outcome put_gesture(const struct place *p, int *ret)
{
	static const enum column xyp[] = { COLUMN_X, COLUMN_Y, COLUMN_P };
	struct set_columns c = { .unit_ns = 0 };
	const char *time = first_there(p->at[0], column_known[COLUMN_T]);
	const char *address = first_there(p->at[0], addresses);
	hid_t times, set;

	if (!time || !address)
		return NONE;
	times = must_open(p->at[0], time);
	set = times ? must_open(p->at[0], address) : 0;
	if (!set || !column_take(&c.of[COLUMN_T], times, time, NULL, -1))
		return DONE;
	return put_matrix(p, set, address, xyp, 3, &c, ret);
}

/* A row of SHD's. The library makes room for what it says it has. */
static bool read_row(hid_t set, uint64_t sample, hid_t number, hvl_t *row)
{
	hsize_t start = sample, one = 1;
	hid_t file = H5Dget_space(set), memory = H5Screate_simple(1, &one, NULL);
	hid_t type = H5Tvlen_create(number);
	bool good = H5Sselect_hyperslab(file, H5S_SELECT_SET, &start, NULL, &one, NULL) >= 0 &&
		    H5Dread(set, type, memory, file, H5P_DEFAULT, row) >= 0;

	H5Tclose(type);
	H5Sclose(memory);
	H5Sclose(file);
	return good;
}

/* Rows of one axis; 0: it is something else, which was said. */
static hid_t take_rows(hid_t base, const char *path, uint64_t *rows)
{
	hid_t set = must_open(base, path), type, space;
	bool good;

	if (!set)
		return 0;
	type = H5Dget_type(set);
	space = H5Dget_space(set);
	*rows = (uint64_t)H5Sget_simple_extent_npoints(space);
	good = H5Tget_class(type) == H5T_VLEN && H5Sget_simple_extent_ndims(space) == 1 &&
	       hdf5_is_inside(set, type, *rows);
	H5Sclose(space);
	H5Tclose(type);
	if (!good)
		put_fault("%s: expected an axis of rows of numbers in the file, found something "
			  "else",
			  path);
	return good && column_is_readable(set, path) ? set : 0;
}

static int put_row(hid_t times, hid_t units, uint64_t sample)
{
	static const struct put_column columns[] = { { "t", "<f8", 8 }, { "x", "<i8", 8 } };
	hvl_t row[2] = { { .len = 0 } };

	if (!read_row(times, sample, H5T_NATIVE_DOUBLE, &row[0]) ||
	    !read_row(units, sample, H5T_NATIVE_INT64, &row[1]))
		return put_fault("spikes: sample %llu: expected rows of numbers, found something "
				 "else, or damage",
				 (unsigned long long)sample);
	if (row[0].len != row[1].len)
		return put_fault("spikes/units: sample %llu: expected %zu elements, as times has, "
				 "found %zu",
				 (unsigned long long)sample, row[0].len, row[1].len);
	put_begin(SECOND, columns, 2, row[0].len);
	put_side_by_side(columns, 2, (const void *[]){ row[0].p, row[1].p }, row[0].len);
	put_end();
	return 0;
}

static bool has_samples(hid_t base)
{
	return is_there(base, "spikes/times") && is_there(base, "spikes/units");
}

static int put_sample(hid_t base, const char *part)
{
	uint64_t samples, others, sample;
	hid_t times = take_rows(base, "spikes/times", &samples);
	hid_t units = times ? take_rows(base, "spikes/units", &others) : 0;

	if (!units)
		return 0;
	if (samples != others)
		return put_fault("spikes/units: expected %llu rows, as times has, found %llu",
				 (unsigned long long)samples, (unsigned long long)others);
	sample = strtoull(part, NULL, 10);
	if (!*part || part[strspn(part, "0123456789")] || sample >= samples)
		return put_fault("expected a sample to be chosen, as hdf5:part=0, of %llu, found "
				 "\"%.40s\"",
				 (unsigned long long)samples, part);
	return put_row(times, units, sample);
}

static enum outcome put_spikes(const struct place *p, int *ret)
{
	if (!has_samples(p->at[0]))
		return NONE;
	*ret = put_sample(p->at[0], "");
	return DONE;
}

/* MATLAB's axes are turned in its files of HDF5: a row of 101 for each sample. */
static enum outcome put_taxels(const struct place *p)
{
	if (!is_there(p->at[0], "spiketrain"))
		return NONE;
	put_fault("spiketrain: expected a MATLAB file of version 5 to 7.2 (save -v7), found 7.3");
	return DONE;
}

/* ---- parts ---- */

struct parts {
	uint32_t count, listed;
	char first[80]; /* names of some */
};

/* A group with the events of a gesture, or columns. */
static bool is_part(hid_t group)
{
	return is_there(group, "events") ||
	       (first_there(group, column_known[COLUMN_T]) &&
		(first_there(group, addresses) || first_there(group, column_known[COLUMN_X])));
}

static herr_t look_at(hid_t root, const char *name, const H5L_info_t *info, void *ctx)
{
	struct parts *parts = ctx;
	hid_t group = info->type == H5L_TYPE_HARD ? open_kind(root, name, H5I_GROUP) : 0;
	size_t n = strlen(parts->first);

	if (group && is_part(group)) {
		if (n < sizeof(parts->first) - 24) {
			snprintf(parts->first + n, sizeof(parts->first) - n, "%s%.20s",
				 n ? ", " : "", name);
			parts->listed++;
		}
		parts->count++;
	}
	if (group)
		H5Oclose(group);
	return parts->count >= MOST_PARTS;
}

static int say_parts(hid_t root)
{
	struct parts parts = { .count = 0 };

	H5Literate(root, H5_INDEX_NAME, H5_ITER_INC, NULL, look_at, &parts);
	if (parts.count)
		return put_fault("expected a part to be chosen, as hdf5:part=NAME, of %u: %s%s",
				 parts.count, parts.first,
				 parts.listed < parts.count ? ", ..." : "");
	if (H5Lexists(root, "node", H5P_DEFAULT) > 0 || H5Lexists(root, "layer", H5P_DEFAULT) > 0)
		return put_fault(
			"expected events, found a network: snnq import makes a model of it");
	return put_fault(
		"expected events of DSEC, M3ED, MVSEC, v2e, DVS Gesture, SHD, Prophesee or "
		"MATLAB (CD/events; events/t, x, y, p; spikes/times, units; ...), found "
		"none");
}

/* The group in which that of a part is. */
static hid_t open_above(hid_t root, const char *part)
{
	size_t n = strlen(part);
	char *path;
	hid_t above;

	while (n && part[n - 1] == '/')
		n--;
	while (n && part[n - 1] != '/')
		n--;
	path = strndup(part, n);
	above = n && path ? open_kind(root, path, H5I_GROUP) : root;
	free(path);
	return above;
}

static enum outcome put_place(const struct place *p, bool chosen, int *ret)
{
	if (chosen && put_camera(p, ret))
		return DONE;
	return put_events(p, ret) || put_davis(p, ret) || put_spikes(p, ret) || put_taxels(p) ||
	       put_sets(p, ret) || put_gesture(p, ret);
}

int hdf5_events(const void *image, size_t bytes, const char *part)
{
	hid_t file = hdf5_open_image(image, bytes);
	struct place p = { { file < 0 ? -1 : H5Gopen2(file, "/", H5P_DEFAULT) } };
	hid_t root = p.at[0];
	int ret = 0;

	if (root < 0)
		return put_fault(
			"offset 0: expected an HDF5 file, found something else, or damage");
	if (*part && has_samples(root))
		return put_sample(root, part);
	if (*part)
		p = (struct place){ { open_kind(root, part, H5I_GROUP), open_above(root, part) } };
	if (!p.at[0])
		return put_fault("expected a group \"%.60s\", found none", part);
	return put_place(&p, *part, &ret) == DONE ? ret : say_parts(root);
}
