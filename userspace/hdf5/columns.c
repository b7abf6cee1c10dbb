// SPDX-License-Identifier: MIT
/*
 * columns.c - some thousand events at a time, a number of each column beside the others.
 *
 * A chunk of a set is unfolded once: pieces are as long as the longest chunk, and the library keeps
 * one of each set.
 */
#include "columns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/answer_put.h"

#define PIECE	   65536 /* events, at least */
#define MOST_PIECE (16u << 20)
#define ECF	   0x8ecf

/* ---- what a set is ---- */

static const char *filter_name(int id)
{
	return id == 32001 ? "Blosc" :
	       id == ECF   ? "ECF, Prophesee's" :
	       id == 32004 ? "LZ4" :
	       id == 32008 ? "Bitshuffle" :
	       id == 32015 ? "Zstandard" :
	       id == 4	   ? "Szip" :
			     "of another library";
}

bool column_is_readable(hid_t set, const char *name)
{
	hid_t plan = H5Dget_create_plist(set);
	int filters = H5Pget_nfilters(plan), missing = -1;

	for (int i = 0; i < filters && missing < 0; i++) {
		unsigned int flags, config;
		size_t values = 0;
		int id = H5Pget_filter2(plan, (unsigned int)i, &flags, &values, NULL, 0, NULL,
					&config);

		if (id < 0 || H5Zfilter_avail(id) <= 0)
			missing = id;
	}
	H5Pclose(plan);
	if (missing < 0)
		return true;
	put_fault("%s: filter: expected deflate, shuffle or Fletcher-32, found %d (0x%x, %s), "
		  "which is not there: h5repack -f NONE, where it is, makes a file without",
		  name, missing, (unsigned int)missing, filter_name(missing));
	return false;
}

/* The type in which numbers go out; 0: they are none. */
static hid_t numbers_of(hid_t type, char name[4], uint32_t *bytes)
{
	static const struct {
		uint32_t bytes;
		const char *sign, *none;
	} integers[] = {
		{ 1, "|i1", "|u1" }, { 2, "<i2", "<u2" }, { 4, "<i4", "<u4" }, { 8, "<i8", "<u8" }
	};
	const hid_t with_sign[] = { H5T_STD_I8LE, H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE };
	const hid_t without[] = { H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE };
	H5T_class_t class = H5Tget_class(type);
	size_t size = H5Tget_size(type);

	if (class == H5T_FLOAT && (size == 2 || size == 4 || size == 8)) {
		*bytes = size == 8 ? 8 : 4;
		memcpy(name, size == 8 ? "<f8" : "<f4", 4);
		return size == 8 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
	}
	for (int i = 0; i < 4 && class == H5T_INTEGER; i++)
		if (integers[i].bytes == size) {
			bool sign = H5Tget_sign(type) == H5T_SGN_2;

			*bytes = (uint32_t)size;
			memcpy(name, sign ? integers[i].sign : integers[i].none, 4);
			return sign ? with_sign[i] : without[i];
		}
	return 0;
}

/* Of its elements, or of their member; enumerations, as of booleans, are integers. */
static hid_t type_of(const struct set_column *c)
{
	hid_t type = H5Dget_type(c->set), member = type, super;
	int index;

	if (c->member) {
		index = H5Tget_class(type) == H5T_COMPOUND ? H5Tget_member_index(type, c->member) :
							     -1;
		member = index < 0 ? -1 : H5Tget_member_type(type, (unsigned int)index);
		H5Tclose(type);
	}
	if (member < 0 || H5Tget_class(member) != H5T_ENUM)
		return member;
	super = H5Tget_super(member);
	H5Tclose(member);
	return super;
}

/* Its long axis. False: it has other ones. */
static bool take_axes(struct set_column *c)
{
	hid_t space = H5Dget_space(c->set);
	int dims = H5Sget_simple_extent_ndims(space);
	hsize_t shape[2] = { 0, 1 };

	if (dims == 1 || dims == 2)
		H5Sget_simple_extent_dims(space, shape, NULL);
	H5Sclose(space);
	c->across = dims == 2 && c->index < 0 && shape[0] == 1 && shape[1] != 1;
	c->count = c->across ? shape[1] : shape[0];
	if (c->index >= 0)
		return dims == 2 && (hsize_t)c->index < shape[1];
	return dims == 1 || (dims == 2 && (shape[0] == 1 || shape[1] == 1));
}

/* Of all axes. */
static uint64_t all_elements(hid_t set)
{
	hid_t space = H5Dget_space(set);
	hssize_t n = H5Sget_simple_extent_npoints(space);

	H5Sclose(space);
	return n < 0 ? UINT64_MAX : (uint64_t)n;
}

bool column_take(struct set_column *c, hid_t set, const char *name, const char *member, int index)
{
	hid_t type;

	*c = (struct set_column){ .set = set, .member = member, .index = index };
	snprintf(c->name, sizeof(c->name), "%s", name);
	type = type_of(c);
	c->memory = type < 0 ? 0 : numbers_of(type, c->type, &c->bytes);
	if (type >= 0)
		H5Tclose(type);
	if (!c->memory || !take_axes(c)) {
		put_fault("%s: expected a column of integers or floats, found something else",
			  name);
		return false;
	}
	if (!column_is_readable(set, name))
		return false;
	type = H5Dget_type(set);
	if (!hdf5_is_inside(set, type, all_elements(set))) {
		put_fault("%s: expected %llu elements in the file, found fewer", name,
			  (unsigned long long)c->count);
		return false;
	}
	H5Tclose(type);
	return true;
}

/* ---- pieces ---- */

static bool read_piece(const struct set_column *c, uint64_t first, uint64_t count, void *to)
{
	hsize_t start[2] = { c->across ? 0 : first, c->across	 ? first :
						    c->index > 0 ? (hsize_t)c->index :
								   0 };
	hsize_t size[2] = { c->across ? 1 : count, c->across ? count : 1 }, n = count;
	hid_t file = H5Dget_space(c->set), memory = H5Screate_simple(1, &n, NULL), type = c->memory;
	bool good;

	if (c->member) {
		type = H5Tcreate(H5T_COMPOUND, c->bytes);
		H5Tinsert(type, c->member, 0, c->memory);
	}
	good = H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
	       H5Dread(c->set, type, memory, file, H5P_DEFAULT, to) >= 0;
	if (c->member)
		H5Tclose(type);
	H5Sclose(memory);
	H5Sclose(file);
	return good;
}

/* Elements of the longest chunk along the long axis, or 0: one is too large. */
static uint64_t piece_of(const struct set_columns *c)
{
	uint64_t piece = PIECE;

	for (int i = 0; i < COLUMNS; i++) {
		hsize_t chunk[2] = { 1, 1 };
		hid_t plan;
		int dims;

		if (!c->of[i].set)
			continue;
		plan = H5Dget_create_plist(c->of[i].set);
		dims = H5Pget_layout(plan) == H5D_CHUNKED ? H5Pget_chunk(plan, 2, chunk) : 0;
		H5Pclose(plan);
		if (dims > 0 && chunk[c->of[i].across] > piece)
			piece = chunk[c->of[i].across];
	}
	return piece <= MOST_PIECE ? piece : 0;
}

/* Times and what they count from, in 64 bits. */
static bool shift(const struct set_columns *c, int64_t *times, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (c->without_sign ?
			    __builtin_add_overflow((uint64_t)times[i], c->offset, &times[i]) :
			    __builtin_add_overflow(times[i], c->offset, &times[i])) {
			put_fault("%s: expected times of 64 bits, found more with t_offset %lld",
				  c->of[COLUMN_T].name, (long long)c->offset);
			return false;
		}
	return true;
}

static bool check_counts(const struct set_columns *c)
{
	for (int i = 0; i < COLUMNS; i++)
		if (c->of[i].set && c->of[i].count != c->of[COLUMN_T].count) {
			put_fault("%s: expected %llu elements, as %s has, found %llu",
				  c->of[i].name, (unsigned long long)c->of[COLUMN_T].count,
				  c->of[COLUMN_T].name, (unsigned long long)c->of[i].count);
			return false;
		}
	return true;
}

/* Whether times are whole numbers. What cannot be read is told when it is put out. */
static bool are_whole(const struct set_columns *c, uint64_t piece, void *numbers)
{
	const struct set_column *t = &c->of[COLUMN_T];

	if (t->type[1] != 'f')
		return true;
	for (uint64_t first = 0, n; first < t->count; first += n) {
		n = t->count - first < piece ? t->count - first : piece;
		if (!read_piece(t, first, n, numbers))
			return true;
		if (!columns_are_whole(numbers, t->bytes, n))
			return false;
	}
	return true;
}

static bool put_pieces(const struct set_columns *c, const struct put_column *columns,
		       uint64_t piece, void *const *numbers)
{
	uint64_t count = c->of[COLUMN_T].count;

	for (uint64_t first = 0, n; first < count; first += n) {
		n = count - first < piece ? count - first : piece;
		for (int i = 0; i < COLUMNS; i++)
			if (numbers[i] && !read_piece(&c->of[i], first, n, numbers[i])) {
				put_fault("%s: element %llu: cannot be read: the file is damaged",
					  c->of[i].name, (unsigned long long)first);
				return false;
			}
		if (c->shifted && !shift(c, numbers[COLUMN_T], n))
			return false;
		put_side_by_side(columns, COLUMNS, (const void *const *)numbers, n);
	}
	return true;
}

int columns_put(struct set_columns *c)
{
	struct put_column columns[COLUMNS] = { { .name = NULL } };
	void *numbers[COLUMNS] = { NULL };
	uint64_t piece = piece_of(c);

	if (!check_counts(c))
		return 0;
	if (!piece)
		return put_fault("%s: expected chunks of at most %u elements, found longer ones",
				 c->of[COLUMN_T].name, MOST_PIECE);
	if (c->shifted) {
		c->without_sign = c->of[COLUMN_T].type[1] == 'u';
		c->of[COLUMN_T].memory = c->without_sign ? H5T_STD_U64LE : H5T_STD_I64LE;
		memcpy(c->of[COLUMN_T].type, "<i8", 4);
		c->of[COLUMN_T].bytes = 8;
	}
	for (int i = 0; i < COLUMNS; i++) {
		if (!c->of[i].set)
			continue;
		columns[i].name = column_names[i];
		memcpy(columns[i].type, c->of[i].type, sizeof(columns[i].type));
		columns[i].bytes = c->of[i].bytes;
		numbers[i] = malloc(piece * c->of[i].bytes);
		if (!numbers[i])
			return ENOMEM;
	}
	if (c->whole && !are_whole(c, piece, numbers[COLUMN_T]))
		c->unit_ns = 0;
	put_begin(c->unit_ns, columns, COLUMNS, c->of[COLUMN_T].count);
	if (put_pieces(c, columns, piece, numbers))
		put_end();
	for (int i = 0; i < COLUMNS; i++)
		free(numbers[i]);
	return 0;
}
