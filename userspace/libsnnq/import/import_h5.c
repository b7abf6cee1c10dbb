// SPDX-License-Identifier: MIT
/*
 * import_h5.c - numbers, texts and names in HDF5 files. HDF5 checks its own structure.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import_h5.h"

#define MOST_FILLED (1u << 20) /* values that need not be stored, being all alike */
#define MOST_PACKED 1100       /* bytes in one; deflate comes to 1032 */

/* Like H5Lexists, for a path whose groups may be missing too. */
bool h5_exists(const struct h5 *h, const char *name)
{
	char part[H5_PATH];

	for (const char *slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		if (H5Lexists(h->file, part, H5P_DEFAULT) <= 0)
			return false;
	}
	return H5Lexists(h->file, name, H5P_DEFAULT) > 0;
}

static bool read_space(hid_t set, struct import_array *a)
{
	hid_t space = H5Dget_space(set);
	hsize_t shape[IMPORT_MAX_DIMS];
	int dims = H5Sget_simple_extent_ndims(space);
	uint64_t count = 1;

	/* what has no values at all has no axes either */
	if (dims < 0 || dims > IMPORT_MAX_DIMS || H5Sget_simple_extent_type(space) == H5S_NULL) {
		H5Sclose(space);
		return false;
	}
	H5Sget_simple_extent_dims(space, shape, NULL);
	H5Sclose(space);
	a->dims = (uint32_t)dims;
	for (int i = 0; i < dims; i++) {
		if (!shape[i] || shape[i] > IMPORT_MAX_ELEMENTS)
			return false;
		a->shape[i] = (uint32_t)shape[i];
		count *= shape[i];
		if (count > IMPORT_MAX_ELEMENTS)
			return false;
	}
	a->count = count;
	return true;
}

bool h5_is_inside(hid_t set, uint64_t count)
{
	hid_t plan = H5Dget_create_plist(set), type = H5Dget_type(set);
	uint64_t stored = H5Dget_storage_size(set);
	bool inside = plan >= 0 && H5Pget_layout(plan) != H5D_VIRTUAL &&
		      !H5Pget_external_count(plan);

	if (count > MOST_FILLED && stored < count * H5Tget_size(type) / MOST_PACKED)
		inside = false;
	H5Tclose(type);
	H5Pclose(plan);
	return inside;
}

/* Read numbers. 1 read, 0 absent, -errno. */
int h5_numbers(const struct h5 *h, const char *name, struct import_array *a)
{
	hid_t set;
	bool ok;

	memset(a, 0, sizeof(*a));
	if (!h5_exists(h, name))
		return 0;
	set = H5Dopen2(h->file, name, H5P_DEFAULT);
	ok = set >= 0 && read_space(set, a);
	if (ok && !h5_is_inside(set, a->count)) {
		H5Dclose(set);
		a->count = 0;
		return error_set(-EBADMSG, "%s: %s: expected numbers that are in the file", h->path,
				 name);
	}
	if (ok) {
		a->values = malloc(a->count * sizeof(*a->values));
		ok = a->values &&
		     H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->values) >= 0;
	}
	if (set >= 0)
		H5Dclose(set);
	if (ok)
		return 1;
	import_array_free(a);
	return error_set(-EBADMSG, "%s: %s: expected numbers, at most 2^28 in %d axes", h->path,
			 name, IMPORT_MAX_DIMS);
}

/* One string, of fixed or variable length, alone or in an array of one. */
bool h5_text(const struct h5 *h, const char *name, char text[32])
{
	hid_t set, type, memory, space;
	char *pointer = NULL, fixed[256] = "";
	bool ok = false, one;

	if (!h5_exists(h, name))
		return false;
	set = H5Dopen2(h->file, name, H5P_DEFAULT);
	if (set < 0)
		return false;
	type = H5Dget_type(set);
	space = H5Dget_space(set);
	one = H5Sget_simple_extent_npoints(space) == 1 && h5_is_inside(set, 1);
	H5Sclose(space);
	memory = H5Tcopy(H5T_C_S1);
	if (one && H5Tis_variable_str(type) > 0) {
		H5Tset_size(memory, H5T_VARIABLE);
		H5Tset_cset(memory, H5Tget_cset(type));
		ok = H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, &pointer) >= 0 && pointer;
	} else if (one && H5Tget_class(type) == H5T_STRING && H5Tget_size(type) < sizeof(fixed)) {
		H5Tset_size(memory, H5Tget_size(type) + 1);
		ok = H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, fixed) >= 0;
	}
	snprintf(text, 32, "%s", pointer ? pointer : fixed);
	H5free_memory(pointer);
	H5Tclose(memory);
	H5Tclose(type);
	H5Dclose(set);
	return ok;
}

/* One integer in min..max, or @absent; a negative @absent: it must be there. */
int h5_integer(const struct h5 *h, const char *name, double min, double max, double absent,
	       double *value)
{
	struct import_array a;
	int ret = h5_numbers(h, name, &a);

	if (ret < 0)
		return ret;
	*value = ret ? a.values[0] : absent;
	if (ret ? a.count != 1 || *value != trunc(*value) || *value < min || *value > max :
		  absent < 0)
		ret = error_set(-EBADMSG, "%s: %s: expected an integer %g..%g, found %s", h->path,
				name, min, max, ret ? "something else" : "nothing");
	import_array_free(&a);
	return ret < 0 ? ret : 0;
}

/* One or two small integers (height, width). */
int h5_pair(const struct h5 *h, const char *group, const char *key, uint32_t absent,
	    uint32_t pair[2])
{
	struct import_array a;
	char name[H5_PATH];
	int ret;

	snprintf(name, sizeof(name), "%s/%s", group, key);
	ret = h5_numbers(h, name, &a);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < 2; i++) {
		double v = ret ? a.values[a.count > 1 ? i : 0] : absent;

		if (!(v >= 0 && v <= 255) || v != trunc(v) || a.count > 2) {
			import_array_free(&a);
			return error_set(-EBADMSG, "%s: %s: expected one or two integers 0..255",
					 h->path, name);
		}
		pair[i] = (uint32_t)v;
	}
	import_array_free(&a);
	return 0;
}

static herr_t keep_name(hid_t object, const char *name, const H5A_info_t *info, void *text)
{
	(void)object;
	(void)info;
	snprintf(text, 33, "%s", name);
	return 1;
}

/* Attributes are not read: one of them may change what the network does. */
static int check_attributes(const struct h5 *h, const char *group, const char *name)
{
	hid_t object = H5Oopen(h->file, group, H5P_DEFAULT), inside = object;
	char text[33];
	herr_t found;

	if (object >= 0 && *name)
		inside = H5Oopen(object, name, H5P_DEFAULT);
	found = inside < 0 ? -1 :
			     H5Aiterate2(inside, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_name, text);
	if (inside >= 0 && inside != object)
		H5Oclose(inside);
	if (object >= 0)
		H5Oclose(object);
	if (!found)
		return 0;
	return error_set(-EBADMSG, "%s: %s%s%s: %s%s", h->path, group, *name ? "/" : "", name,
			 found < 0 ? "cannot be opened" :
				     "not known, and the network may need it: "
				     "attribute ",
			 found < 0 ? "" : text);
}

/* Every member of @group is one of @known (a list with spaces): what is not known may change what
 * the network does. Links to other places and files are not followed.
 */
int h5_members(const struct h5 *h, const char *group, const char *known)
{
	H5G_info_t info;
	char name[34] = " ", *end;
	int ret = check_attributes(h, group, "");

	if (ret)
		return ret;
	if (H5Gget_info_by_name(h->file, group, &info, H5P_DEFAULT) < 0)
		return error_set(-EBADMSG, "%s: %s: expected a group", h->path, group);
	for (hsize_t i = 0; i < info.nlinks; i++) {
		ssize_t n = H5Lget_name_by_idx(h->file, group, H5_INDEX_NAME, H5_ITER_INC, i,
					       name + 1, 32, H5P_DEFAULT);
		H5L_info_t link;

		if (n <= 0 || H5Lget_info_by_idx(h->file, group, H5_INDEX_NAME, H5_ITER_INC, i,
						 &link, H5P_DEFAULT) < 0)
			return error_set(-EBADMSG, "%s: %s: cannot be listed", h->path, group);
		end = name + strlen(name);
		memcpy(end, " ", 2);
		if (!strstr(known, name) || strchr(name + 1, ' ') != end) {
			*end = 0;
			return error_set(-EBADMSG,
					 "%s: %s/%s: not known, and the network may need "
					 "it; expected only:%s",
					 h->path, group, name + 1, known);
		}
		*end = 0;
		if (link.type != H5L_TYPE_HARD)
			return error_set(-EBADMSG,
					 "%s: %s/%s: expected an object, found a link to "
					 "one",
					 h->path, group, name + 1);
		ret = check_attributes(h, group, name + 1);
		if (ret)
			return ret;
	}
	return 0;
}

int h5_open(const char *path, int (*use)(const struct h5 *h, void *ctx), void *ctx)
{
	struct h5 h = { .path = path };
	H5E_auto2_t printer;
	void *printer_data;
	int ret;

	/* HDF5 prints its errors unless told otherwise; leave the process as it was. */
	H5Eget_auto2(H5E_DEFAULT, &printer, &printer_data);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	h.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
	if (h.file < 0) {
		ret = error_set(-EBADMSG, "%s: offset 0: expected an HDF5 file", path);
	} else {
		ret = use(&h, ctx);
		H5Fclose(h.file);
	}
	H5Eset_auto2(H5E_DEFAULT, printer, printer_data);
	return ret;
}
