// SPDX-License-Identifier: MIT
/*
 * read.c - an HDF5 file as objects.
 *
 * What cannot be read is said to be there. The library may be wrong about all that it says, or end
 * the process: who reads the objects knows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5_file.h"
#include "import/h5_tree.h"

#define MOST_FILLED (1u << 20) /* values that need not be stored, being all alike */
#define MOST_PACKED 1100       /* bytes in one; deflate comes to 1032 */

struct walk {
	FILE *out;
	haddr_t groups[TREE_MOST_DEPTH + 1]; /* that are open, by their depth */
	uint32_t objects;
	uint64_t bytes;
};

/* ---- the file, which is in memory already: no copy is made of it ---- */

static const void *mapped;

static void *image_malloc(size_t bytes, H5FD_file_image_op_t op, void *udata)
{
	(void)bytes;
	(void)op;
	(void)udata;
	return (void *)(uintptr_t)mapped;
}

static void *image_copy(void *to, const void *from, size_t bytes, H5FD_file_image_op_t op,
			void *udata)
{
	(void)from;
	(void)bytes;
	(void)op;
	(void)udata;
	return to;
}

static herr_t image_free(void *image, H5FD_file_image_op_t op, void *udata)
{
	(void)image;
	(void)op;
	(void)udata;
	return 0;
}

hid_t hdf5_open_image(const void *image, size_t bytes)
{
	H5FD_file_image_callbacks_t calls = {
		.image_malloc = image_malloc,
		.image_memcpy = image_copy,
		.image_free = image_free,
	};
	hid_t plan = H5Pcreate(H5P_FILE_ACCESS);

	mapped = image;
	H5Pset_fapl_core(plan, 1 << 16, 0);
	if (!bytes || H5Pset_file_image_callbacks(plan, &calls) < 0 ||
	    H5Pset_file_image(plan, (void *)(uintptr_t)image, bytes) < 0)
		return -1;
	return H5Fopen("/file", H5F_ACC_RDONLY, plan);
}

/* ---- values ---- */

static bool take_shape(hid_t set, struct tree_object *o)
{
	hid_t space = H5Dget_space(set);
	hsize_t shape[TREE_MOST_AXES];
	int dims = H5Sget_simple_extent_ndims(space);
	bool good = dims >= 0 && dims <= TREE_MOST_AXES &&
		    H5Sget_simple_extent_type(space) != H5S_NULL;

	if (good)
		H5Sget_simple_extent_dims(space, shape, NULL);
	H5Sclose(space);
	o->count = 1;
	for (int i = 0; good && i < dims; i++) {
		good = shape[i] && shape[i] <= TREE_MOST_ELEMENTS / o->count;
		o->shape[i] = shape[i];
		o->count *= good ? shape[i] : 1;
	}
	o->dims = good ? (uint32_t)dims : 0;
	return good;
}

/*
 * Whether values lie in the file: not in another one that it names, and as many of them as it says,
 * beside small sets that are all fill value. Otherwise a small file could ask for any memory.
 */
bool hdf5_is_inside(hid_t set, hid_t type, uint64_t count)
{
	hid_t plan = H5Dget_create_plist(set);
	uint64_t stored = H5Dget_storage_size(set), bytes;
	bool inside = plan >= 0 && H5Pget_layout(plan) != H5D_VIRTUAL &&
		      !H5Pget_external_count(plan);

	if (__builtin_mul_overflow(count, (uint64_t)H5Tget_size(type), &bytes) ||
	    (count > MOST_FILLED && stored < bytes / MOST_PACKED))
		inside = false;
	H5Pclose(plan);
	return inside;
}

static bool read_numbers(hid_t set, hid_t type, struct tree_object *o)
{
	bool floats = H5Tequal(type, H5T_IEEE_F32LE) > 0 || H5Tequal(type, H5T_IEEE_F32BE) > 0;

	o->kind = floats ? TREE_FLOATS : TREE_DOUBLES;
	o->bytes = o->count * (floats ? sizeof(float) : sizeof(double));
	o->values = malloc(o->bytes);
	return o->values && H5Dread(set, floats ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE, H5S_ALL,
				    H5S_ALL, H5P_DEFAULT, o->values) >= 0;
}

/* Texts one behind the other, from one buffer of each @step bytes or from pointers (@step 0). */
static bool join(struct tree_object *o, const void *texts, size_t step)
{
	char *to = malloc(TREE_MOST_TEXT);

	o->kind = TREE_TEXTS;
	o->values = to;
	for (uint64_t i = 0; to && i < o->count; i++) {
		const char *text = step ? (const char *)texts + i * step :
					  ((char *const *)texts)[i];
		size_t bytes = text ? strlen(text) + 1 : 1;

		if (bytes > TREE_MOST_TEXT - o->bytes)
			return false;
		memcpy(to + o->bytes, text ? text : "", bytes);
		o->bytes += bytes;
	}
	return to;
}

static bool read_texts(hid_t set, hid_t type, struct tree_object *o)
{
	bool variable = H5Tis_variable_str(type) > 0;
	size_t step = variable ? 0 : H5Tget_size(type) + 1;
	hid_t memory = H5Tcopy(H5T_C_S1);
	void *texts;
	bool good;

	if (o->count > TREE_MOST_TEXT || step > TREE_MOST_TEXT / o->count)
		return false;
	texts = calloc(o->count, step ? step : sizeof(char *));
	H5Tset_size(memory, variable ? H5T_VARIABLE : step);
	H5Tset_cset(memory, H5Tget_cset(type));
	good = texts && H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) >= 0 &&
	       join(o, texts, step);
	for (uint64_t i = 0; texts && variable && i < o->count; i++)
		H5free_memory(((char **)texts)[i]);
	free(texts);
	H5Tclose(memory);
	return good;
}

static void read_set(hid_t set, struct walk *w, struct tree_object *o)
{
	hid_t type = H5Dget_type(set);

	if (!take_shape(set, o))
		o->kind = TREE_OTHER;
	else if (!hdf5_is_inside(set, type, o->count))
		o->kind = TREE_OUTSIDE;
	else if (H5Tget_class(type) == H5T_STRING ? !read_texts(set, type, o) :
						    !read_numbers(set, type, o))
		o->kind = TREE_OTHER;
	else if (o->bytes > TREE_MOST_BYTES - w->bytes)
		o->kind = TREE_OTHER;
	if (o->kind == TREE_OTHER || o->kind == TREE_OUTSIDE)
		o->bytes = o->dims = 0;
	w->bytes += o->bytes;
	H5Tclose(type);
}

/* ---- objects ---- */

static herr_t keep_name(hid_t object, const char *name, const H5A_info_t *info, void *text)
{
	(void)object;
	(void)info;
	snprintf(text, TREE_MOST_NAME + 1, "%s", *name ? name : "?");
	for (char *slash = text; (slash = strchr(slash, '/'));)
		*slash = '?';
	return 1;
}

static int walk(hid_t group, struct walk *w, uint32_t depth, char *const *names);

/* An object that is open; it and its members go out. */
static int put_object(hid_t object, struct walk *w, struct tree_object *o, uint32_t depth)
{
	char attribute[TREE_MOST_NAME + 1];
	H5I_type_t type = H5Iget_type(object);
	herr_t found = H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_name, attribute);

	o->attribute = found > 0 ? attribute : NULL;
	if (found < 0)
		o->kind = TREE_OTHER;
	else if (type == H5I_DATASET)
		read_set(object, w, o);
	else
		o->kind = type == H5I_GROUP && depth < TREE_MOST_DEPTH ? TREE_GROUP : TREE_OTHER;
	tree_write_object(w->out, o, depth);
	free(o->values);
	return o->kind == TREE_GROUP ? walk(object, w, depth + 1, NULL) : 0;
}

static bool is_wanted(const char *name, char *const *names)
{
	while (names && *names && strcmp(*names, name))
		names++;
	return !names || *names;
}

/* A second name of a group that it lies in: there is no end of it. */
static bool is_above(const struct walk *w, uint32_t depth, haddr_t address)
{
	for (uint32_t i = 0; i < depth; i++)
		if (w->groups[i] == address)
			return true;
	return false;
}

static int put_member(hid_t group, hsize_t index, struct walk *w, uint32_t depth,
		      char *const *names)
{
	char name[TREE_MOST_NAME + 1];
	struct tree_object o = { .name = name, .kind = TREE_OTHER };
	hid_t object = -1;
	H5L_info_t link;
	int ret = 0;

	if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, name, sizeof(name),
			       H5P_DEFAULT) <= 0 ||
	    H5Lget_info_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, &link, H5P_DEFAULT) <
		    0)
		return EIO;
	if (link.type != H5L_TYPE_HARD || is_above(w, depth, link.u.address))
		o.kind = TREE_LINK;
	else if (is_wanted(name, names))
		object = H5Oopen(group, name, H5P_DEFAULT);
	if (depth <= TREE_MOST_DEPTH)
		w->groups[depth] = link.type == H5L_TYPE_HARD ? link.u.address : HADDR_UNDEF;
	if (++w->objects >= TREE_MOST_OBJECTS)
		return E2BIG;
	if (object < 0) {
		tree_write_object(w->out, &o, depth);
	} else {
		ret = put_object(object, w, &o, depth);
		H5Oclose(object);
	}
	return ret;
}

static int walk(hid_t group, struct walk *w, uint32_t depth, char *const *names)
{
	H5G_info_t info;
	int ret = H5Gget_info(group, &info) < 0 ? EIO : 0;

	for (hsize_t i = 0; !ret && i < info.nlinks; i++)
		ret = put_member(group, i, w, depth, names);
	return ret;
}

int hdf5_read(const void *image, size_t bytes, char *const *names, FILE *out)
{
	char attribute[TREE_MOST_NAME + 1];
	struct tree_object root = { .name = (char[]){ "" }, .kind = TREE_OTHER };
	struct walk w = { .out = out };
	hid_t file = hdf5_open_image(image, bytes),
	      group = file < 0 ? -1 : H5Gopen2(file, "/", H5P_DEFAULT);
	H5O_info_t info;
	int ret = 0;

	if (group >= 0 && H5Oget_info(group, &info) >= 0) {
		w.groups[0] = info.addr;
		root.kind = TREE_GROUP;
		if (H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_name, attribute) > 0)
			root.attribute = attribute;
	}
	tree_write_object(out, &root, 0);
	if (root.kind == TREE_GROUP)
		ret = walk(group, &w, 1, names);
	if (!ret)
		tree_write_end(out);
	return ret;
}
