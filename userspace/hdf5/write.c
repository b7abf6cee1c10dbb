// SPDX-License-Identifier: MIT
/*
 * write.c - an HDF5 file of objects. It is made in memory: the same objects are the same bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5_file.h"
#include "import/h5_tree.h"

#define GROWTH (1 << 20) /* bytes by which the file in memory grows */

static bool put_values(hid_t at, const struct tree_object *o, hid_t stored, hid_t memory,
		       const void *values)
{
	hid_t plan = H5Pcreate(H5P_DATASET_CREATE), space, set;
	hsize_t shape[TREE_MOST_AXES];
	bool good;

	for (uint32_t i = 0; i < o->dims; i++)
		shape[i] = o->shape[i];
	space = o->dims ? H5Screate_simple((int)o->dims, shape, NULL) : H5Screate(H5S_SCALAR);
	H5Pset_obj_track_times(plan, 0);
	set = H5Dcreate2(at, o->name, stored, space, H5P_DEFAULT, plan, H5P_DEFAULT);
	good = set >= 0 && H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
	if (set >= 0)
		H5Dclose(set);
	H5Sclose(space);
	H5Pclose(plan);
	return good;
}

static bool put_texts(hid_t at, const struct tree_object *o)
{
	const char **texts = calloc(o->count, sizeof(*texts)), *text = o->values;
	hid_t type = H5Tcopy(H5T_C_S1);
	bool good;

	H5Tset_size(type, H5T_VARIABLE);
	H5Tset_cset(type, H5T_CSET_UTF8);
	for (uint64_t i = 0; texts && i < o->count; i++, text += strlen(text) + 1)
		texts[i] = text;
	good = texts && put_values(at, o, type, type, texts);
	free(texts);
	H5Tclose(type);
	return good;
}

static bool put_members(hid_t at, const struct tree_object *group);

static bool put_object(hid_t at, const struct tree_object *o)
{
	hid_t group;
	bool good;

	switch (o->kind) {
	case TREE_FLOATS:
		return put_values(at, o, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, o->values);
	case TREE_DOUBLES:
		return put_values(at, o, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, o->values);
	case TREE_INTEGERS:
		return put_values(at, o, H5T_STD_I64LE, H5T_NATIVE_INT64, o->values);
	case TREE_TEXTS:
		return put_texts(at, o);
	case TREE_GROUP:
		group = H5Gcreate2(at, o->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
		good = group >= 0 && put_members(group, o);
		if (group >= 0)
			H5Gclose(group);
		return good;
	default:
		return false;
	}
}

static bool put_members(hid_t at, const struct tree_object *group)
{
	bool good = true;

	for (const struct tree_object *o = group->first; good && o; o = o->next)
		good = put_object(at, o);
	return good;
}

/* Its length is known before its bytes: whoever reads them knows whether these are all. */
static int put_image(hid_t file, FILE *out)
{
	struct tree_head head = { .magic = TREE_MAGIC, .kind = TREE_END };
	ssize_t bytes = -1;
	void *image;

	if (H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0)
		bytes = H5Fget_file_image(file, NULL, 0);
	image = bytes > 0 ? malloc((size_t)bytes) : NULL;
	if (!image || H5Fget_file_image(file, image, (size_t)bytes) != bytes)
		return ENOMEM;
	head.bytes = (uint64_t)bytes;
	fwrite(&head, 1, sizeof(head), out);
	fwrite(image, 1, (size_t)bytes, out);
	free(image);
	return 0;
}

int hdf5_write(FILE *in, FILE *out)
{
	struct tree_object *root;
	const char *wrong;
	hid_t plan = H5Pcreate(H5P_FILE_ACCESS), file;

	if (tree_read(in, &root, &wrong))
		return EBADMSG;
	H5Pset_fapl_core(plan, GROWTH, 0);
	file = H5Fcreate("/file", H5F_ACC_TRUNC, H5P_DEFAULT, plan);
	if (file < 0 || !put_members(file, root))
		return ENOMEM;
	return put_image(file, out);
}
