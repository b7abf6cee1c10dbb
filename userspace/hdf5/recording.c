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
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "helpers/answer_put.h"

#define SECOND	    1000000000
#define MICROSECOND 1000
#define TAXELS	    100
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

static hid_t open_any(hid_t at, const char *const *names, const char **found)
{
	hid_t set = 0;

	for (; !set && *names; names++) {
		set = open_set(at, *names);
		*found = *names;
	}
	return set;
}

/* ---- columns ---- */

static const char *const names[COLUMNS][7] = {
	{ "t", "ts", "time", "times", "timestamp", "timestamps" },
	{ "x", "xs" },
	{ "y", "ys" },
	{ "p", "ps", "pol", "polarity" },
};

/* What times count from, if it is said; false: it is no number. */
static bool take_offset(hid_t at, struct set_columns *c)
{
	hid_t set = open_set(at, "t_offset");

	if (!set || c->shifted)
		return true;
	c->shifted = true;
	if (H5Sget_simple_extent_npoints(H5Dget_space(set)) == 1 &&
	    column_is_readable(set, "t_offset") &&
	    H5Dread(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &c->offset) >= 0)
		return true;
	put_fault("t_offset: expected one integer, found something else");
	return false;
}

/* Sets of one axis in a group. */
static enum outcome put_sets(hid_t group, hid_t above, int *ret)
{
	struct set_columns c = { .unit_ns = 0 };
	const char *name;
	hid_t set;

	if (!open_any(group, names[COLUMN_T], &name) || !open_any(group, names[COLUMN_X], &name))
		return NONE;
	for (int i = 0; i < COLUMNS; i++) {
		set = open_any(group, names[i], &name);
		if (set && !column_take(&c.of[i], set, name, NULL, -1))
			return DONE;
	}
	if (H5Aexists(c.of[COLUMN_T].set, "MATLAB_class") > 0)
		c.unit_ns = MICROSECOND;
	if (c.of[COLUMN_T].type[1] != 'f' &&
	    (!take_offset(group, &c) || (above && !take_offset(above, &c))))
		return DONE;
	*ret = columns_put(&c);
	return DONE;
}

/* Elements with members. */
static enum outcome put_members(hid_t set, const char *path, int *ret)
{
	struct set_columns c = { .unit_ns = 0 };
	hid_t type = H5Dget_type(set);

	for (int i = 0; i < COLUMNS; i++)
		for (int k = 0; names[i][k] && !c.of[i].set; k++)
			if (H5Tget_member_index(type, names[i][k]) >= 0 &&
			    !column_take(&c.of[i], set, path, names[i][k], -1))
				return DONE;
	if (!c.of[COLUMN_T].set || !c.of[COLUMN_X].set) {
		put_fault("%s: expected members " COLUMN_NAMES ", found others", path);
		return DONE;
	}
	*ret = columns_put(&c);
	return DONE;
}

/* Columns of a matrix in this order. */
static enum outcome put_matrix(hid_t set, const char *path, const enum column *order, int columns,
			       struct set_columns *c, int *ret)
{
	for (int i = 0; i < columns; i++)
		if (!column_take(&c->of[order[i]], set, path, NULL, i))
			return DONE;
	*ret = columns_put(c);
	return DONE;
}

/* ---- data sets ---- */

static bool is_compound(hid_t set)
{
	hid_t type = H5Dget_type(set);
	bool compound = H5Tget_class(type) == H5T_COMPOUND;

	H5Tclose(type);
	return compound;
}

static enum outcome put_events(hid_t base, int *ret)
{
	static const enum column txyp[] = { COLUMN_T, COLUMN_X, COLUMN_Y, COLUMN_P };
	struct set_columns c = { .unit_ns = 0 };
	hid_t cd = open_set(base, "CD/events"), set = open_set(base, "events");
	hid_t group = open_kind(base, "events", H5I_GROUP);

	if (cd)
		return put_members(cd, "CD/events", ret);
	if (set && is_compound(set))
		return put_members(set, "events", ret);
	if (set)
		return put_matrix(set, "events", txyp, COLUMNS, &c, ret);
	return group ? put_sets(group, base, ret) : NONE;
}

static enum outcome put_davis(hid_t base, int *ret)
{
	static const enum column xytp[] = { COLUMN_X, COLUMN_Y, COLUMN_T, COLUMN_P };
	static const char *const paths[] = { "davis/left/events", "davis/right/events" };
	struct set_columns c = { .unit_ns = SECOND };
	hid_t left = open_set(base, paths[0]), right = open_set(base, paths[1]);

	if (left && right) {
		put_fault("expected a part to be chosen, as hdf5:part=davis/left, found davis/left "
			  "and davis/right");
		return DONE;
	}
	if (!left && !right)
		return NONE;
	return put_matrix(left ? left : right, paths[!left], xytp, COLUMNS, &c, ret);
}

/* A group of MVSEC's that was chosen: its events have times in seconds. */
static enum outcome put_camera(hid_t base, int *ret)
{
	static const enum column xytp[] = { COLUMN_X, COLUMN_Y, COLUMN_T, COLUMN_P };
	struct set_columns c = { .unit_ns = SECOND };
	hid_t set = open_set(base, "events"), type;
	bool real;

	if (!set)
		return NONE;
	type = H5Dget_type(set);
	real = H5Tget_class(type) == H5T_FLOAT;
	H5Tclose(type);
	return real ? put_matrix(set, "events", xytp, COLUMNS, &c, ret) : NONE;
}

static enum outcome put_gesture(hid_t base, int *ret)
{
	static const char *const places[] = { "pos", "addrs", "data", NULL };
	static const enum column xyp[] = { COLUMN_X, COLUMN_Y, COLUMN_P };
	struct set_columns c = { .unit_ns = 0 };
	const char *time, *place;
	hid_t times = open_any(base, names[COLUMN_T], &time), set = open_any(base, places, &place);

	if (!times || !set)
		return NONE;
	if (!column_take(&c.of[COLUMN_T], times, time, NULL, -1))
		return DONE;
	return put_matrix(set, place, xyp, 3, &c, ret);
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

static enum outcome put_sample(hid_t times, hid_t units, const char *part, int *ret)
{
	static const struct put_column columns[] = { { "t", "<f8", 8 }, { "x", "<i8", 8 } };
	uint64_t samples = (uint64_t)H5Sget_simple_extent_npoints(H5Dget_space(times)), sample;
	hvl_t row[2] = { { .len = 0 } };
	char *end;

	*ret = 0;
	sample = strtoull(part, &end, 10);
	if (!*part || *end || sample >= samples)
		put_fault(
			"expected a sample to be chosen, as hdf5:part=0, of %llu, found \"%.40s\"",
			(unsigned long long)samples, part);
	else if (!column_is_readable(times, "spikes/times") ||
		 !column_is_readable(units, "spikes/units"))
		;
	else if (!read_row(times, sample, H5T_NATIVE_DOUBLE, &row[0]) ||
		 !read_row(units, sample, H5T_NATIVE_INT64, &row[1]))
		put_fault("spikes: sample %llu: expected rows of numbers, found something else, or "
			  "damage",
			  (unsigned long long)sample);
	else if (row[0].len != row[1].len)
		put_fault(
			"spikes/units: sample %llu: expected %zu elements, as times has, found %zu",
			(unsigned long long)sample, row[0].len, row[1].len);
	else {
		put_begin(SECOND, columns, 2, row[0].len);
		put_side_by_side(columns, 2, (const void *[]){ row[0].p, row[1].p }, row[0].len);
		put_end();
	}
	return DONE;
}

static enum outcome put_spikes(hid_t base, const char *part, int *ret)
{
	hid_t times = open_set(base, "spikes/times"), units = open_set(base, "spikes/units");

	return times && units ? put_sample(times, units, part, ret) : NONE;
}

/* MATLAB's axes are turned in its files of HDF5: a row of 101 for each sample. */
static enum outcome put_taxels(hid_t base, int *ret)
{
	(void)ret;
	if (!open_set(base, "spiketrain"))
		return NONE;
	put_fault("spiketrain: expected a MATLAB file of version 5 to 7.2 (save -v7), found 7.3");
	return DONE;
}

/* ---- parts ---- */

struct parts {
	uint32_t count;
	char first[80]; /* names of some */
};

/* A group with the events of a gesture, or columns. */
static bool is_part(hid_t group)
{
	static const char *const places[] = { "pos", "addrs", "data", "x", "xs", "events", NULL };
	const char *name;

	return open_kind(group, "events", H5I_GROUP) ||
	       (open_any(group, places, &name) &&
		(!strcmp(name, "events") || open_any(group, names[COLUMN_T], &name)));
}

static herr_t look_at(hid_t root, const char *name, const H5L_info_t *info, void *ctx)
{
	struct parts *parts = ctx;
	hid_t group = info->type == H5L_TYPE_HARD ? open_kind(root, name, H5I_GROUP) : 0;
	size_t n = strlen(parts->first);

	if (group && is_part(group)) {
		if (n < sizeof(parts->first) - 24)
			snprintf(parts->first + n, sizeof(parts->first) - n, "%s%.20s",
				 n ? ", " : "", name);
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
				 parts.count, parts.first, parts.count > 3 ? ", ..." : "");
	return put_fault(
		"expected events of DSEC, M3ED, MVSEC, v2e, DVS Gesture, SHD, Prophesee or "
		"MATLAB (CD/events; events/t, x, y, p; spikes/times, units; ...), found "
		"none");
}

static enum outcome put_base(hid_t base, const char *part, bool chosen, int *ret)
{
	if (chosen && put_camera(base, ret))
		return DONE;
	return put_events(base, ret) || put_davis(base, ret) || put_spikes(base, part, ret) ||
	       put_taxels(base, ret) || put_sets(base, 0, ret) || put_gesture(base, ret);
}

int hdf5_events(const void *image, size_t bytes, const char *part)
{
	hid_t file = hdf5_open_image(image, bytes);
	hid_t root = file < 0 ? -1 : H5Gopen2(file, "/", H5P_DEFAULT), base = root;
	bool chosen;
	int ret = 0;

	if (root < 0)
		return put_fault(
			"offset 0: expected an HDF5 file, found something else, or damage");
	chosen = *part && !open_kind(root, "spikes", H5I_GROUP);
	if (chosen)
		base = open_kind(root, part, H5I_GROUP);
	if (!base)
		return put_fault("expected a group \"%.60s\", found none", part);
	return put_base(base, part, chosen, &ret) == DONE ? ret : say_parts(root);
}
