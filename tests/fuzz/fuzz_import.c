// SPDX-License-Identifier: MIT
/*
 * fuzz_import.c - libFuzzer harness: any bytes as a network of other projects.
 *
 * The first byte chooses what follows two bytes of options:
 *
 *	even	JSON, of which an HDF5 file is made whose structure is sound, so that every mutation
 *		reaches the importers and none the HDF5 library's own parser. An object is a group,
 *		a string or number a scalar, an array a data set, whose axes are nested arrays;
 *		{"of": [SHAPE], "is": NUMBER, "as": "f4"} a larger one; null one without values,
 *		true an attribute, ">PATH" a soft link, "=PATH" a second name of what is there.
 *	odd	a SLAYER folder: network.yaml, NUL, then arrays: a byte for the name, two for the
 *		length, the file.
 *
 * Built with RAW_HDF5, the rest is the HDF5 file itself: for hunts by hand, since what is found is
 * mostly the library's own (Documentation/testing.md).
 *
 * What is imported can be opened, and is what graph_parse() takes; a refusal has a text.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "model/graph.h"
#include "snnq_tools.h"

#define MOST_AXES     8
#define MOST_ELEMENTS (1u << 14)
#define MOST_DEPTH    12

static char folder[64], yaml[80], out[80], path[80];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Models are written for nobody. */
int fsync(int fd)
{
	(void)fd;
	return 0;
}

static void must(bool good)
{
	if (!good)
		abort();
}

static void write_whole(const char *name, const void *data, size_t size)
{
	FILE *f = fopen(name, "wb");

	must(f && fwrite(data, 1, size, f) == size && !fclose(f));
}

/* HDF5 clears a megabyte for each data set that it converts, unless it is told of less. */
static hid_t small_buffer(void)
{
	static hid_t plan = -1;

	if (plan < 0) {
		plan = H5Pcreate(H5P_DATASET_XFER);
		must(plan >= 0 && H5Pset_buffer(plan, 1 << 12, NULL, NULL) >= 0);
	}
	return plan;
}

herr_t H5Dread(hid_t set, hid_t type, hid_t memory, hid_t file, hid_t plan, void *values)
{
	herr_t (*real)(hid_t, hid_t, hid_t, hid_t, hid_t, void *) = dlsym(RTLD_NEXT, "H5Dread");

	(void)plan;
	return real(set, type, memory, file, small_buffer(), values);
}

herr_t H5Dwrite(hid_t set, hid_t type, hid_t memory, hid_t file, hid_t plan, const void *values)
{
	herr_t (*real)(hid_t, hid_t, hid_t, hid_t, hid_t, const void *) =
		dlsym(RTLD_NEXT, "H5Dwrite");

	(void)plan;
	return real(set, type, memory, file, small_buffer(), values);
}

static void clean(void)
{
	unlink(out);
	unlink(yaml);
	unlink(path);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *temporary = getenv("TMPDIR");

	(void)argc;
	(void)argv;
	snprintf(folder, sizeof(folder), "%.40s/snnq-fuzz-XXXXXX", temporary ? temporary : "/tmp");
	must(mkdtemp(folder));
	snprintf(yaml, sizeof(yaml), "%s/network.yaml", folder);
	snprintf(out, sizeof(out), "%s/out", folder);
	/* HDF5 wants to know its real name, which memory has none of */
	snprintf(path, sizeof(path), "%s.h5", folder);
	atexit(clean);
	H5set_free_list_limits(0, 0, 0, 0, 0, 0); /* so that leaks are seen, by the run */
	return 0;
}

/* ---- HDF5 files of JSON ---- */

static void put_member(hid_t at, const char *name, const cJSON *item, int depth);

/* Axes of nested arrays, as their first elements have them. */
static int find_shape(const cJSON *item, hsize_t shape[MOST_AXES], uint64_t *count)
{
	int dims = 0;

	*count = 1;
	for (; cJSON_IsArray(item) && dims < MOST_AXES; item = item->child) {
		shape[dims] = (hsize_t)cJSON_GetArraySize(item);
		*count *= shape[dims++];
		if (*count > MOST_ELEMENTS)
			return -1;
	}
	return dims;
}

static const cJSON *first_leaf(const cJSON *item)
{
	while (cJSON_IsArray(item) && item->child)
		item = item->child;
	return item;
}

/* Leaves in order; what has too few or too many is filled up or cut. */
static void take_leaves(const cJSON *item, double *numbers, const char **texts, uint64_t count,
			uint64_t *at)
{
	const cJSON *child;

	if (cJSON_IsArray(item)) {
		cJSON_ArrayForEach(child, item)
			take_leaves(child, numbers, texts, count, at);
	} else if (*at < count) {
		numbers[*at] = cJSON_IsNumber(item) ? item->valuedouble : 0;
		texts[(*at)++] = cJSON_IsString(item) ? item->valuestring : "";
	}
}

static void put_set(hid_t at, const char *name, hid_t file_type, hid_t type, hid_t space,
		    const void *values)
{
	hid_t set = H5Dcreate2(at, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

	if (set >= 0 && values)
		H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
	if (set >= 0)
		H5Dclose(set);
	H5Sclose(space);
}

static hid_t text_type(void)
{
	hid_t type = H5Tcopy(H5T_C_S1);

	H5Tset_size(type, H5T_VARIABLE);
	return type;
}

static void put_array(hid_t at, const char *name, const cJSON *item)
{
	hsize_t shape[MOST_AXES];
	uint64_t count, found = 0;
	int dims = find_shape(item, shape, &count);
	const cJSON *first = first_leaf(item);
	double *numbers = calloc(count + 1, sizeof(*numbers));
	const char **texts = calloc(count + 1, sizeof(*texts));
	hid_t space, strings = text_type();

	for (uint64_t i = 0; dims >= 0 && i < count; i++)
		texts[i] = "";
	if (dims >= 0) {
		take_leaves(item, numbers, texts, count, &found);
		space = dims ? H5Screate_simple(dims, shape, NULL) : H5Screate(H5S_SCALAR);
		if (cJSON_IsString(first))
			put_set(at, name, strings, strings, space, count ? texts : NULL);
		else
			put_set(at, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space,
				count ? numbers : NULL);
	}
	H5Tclose(strings);
	free(numbers);
	free(texts);
}

/* {"of": [3, 2], "is": 0.5}: all the same; of "as": "f4", multiples of it. */
static void put_filled(hid_t at, const char *name, const cJSON *item, const cJSON *of)
{
	static const struct {
		const char *name;
		const hid_t *type;
	} types[] = { { "f4", &H5T_IEEE_F32LE_g }, { "i8", &H5T_STD_I64LE_g },
		      { "i1", &H5T_STD_I8LE_g },   { "u2", &H5T_STD_U16LE_g },
		      { "b8", &H5T_IEEE_F64BE_g }, { "d8", &H5T_UNIX_D64LE_g } };
	const char *as = cJSON_GetStringValue(cJSON_GetObjectItem(item, "as"));
	double is = cJSON_GetNumberValue(cJSON_GetObjectItem(item, "is")), *numbers;
	hsize_t shape[MOST_AXES];
	hid_t type = H5T_IEEE_F64LE;
	uint64_t count = 1;
	int dims = 0;

	for (const cJSON *n = of->child; n && dims < MOST_AXES; n = n->next) {
		double size = cJSON_IsNumber(n) ? n->valuedouble : 1;

		shape[dims] = size >= 0 && size <= MOST_ELEMENTS ? (hsize_t)size : 1;
		count *= shape[dims++];
		if (count > MOST_ELEMENTS)
			return;
	}
	for (size_t i = 0; as && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(as, types[i].name))
			type = *types[i].type;
	numbers = calloc(count + 1, sizeof(*numbers));
	for (uint64_t i = 0; i < count; i++)
		numbers[i] = as && *as == 'f' ? is * (double)((int)(i * 7 % 5) - 1) : is;
	put_set(at, name, type, H5T_NATIVE_DOUBLE, H5Screate_simple(dims, shape, NULL), numbers);
	free(numbers);
}

static void put_group(hid_t at, const char *name, const cJSON *item, int depth)
{
	const cJSON *of = cJSON_GetObjectItemCaseSensitive(item, "of"), *member;
	hid_t group;

	if (cJSON_IsArray(of)) {
		put_filled(at, name, item, of);
		return;
	}
	group = H5Gcreate2(at, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
	if (group < 0)
		return;
	cJSON_ArrayForEach(member, item)
		put_member(group, member->string, member, depth + 1);
	H5Gclose(group);
}

static void put_member(hid_t at, const char *name, const cJSON *item, int depth)
{
	hid_t attribute;

	if (depth > MOST_DEPTH || !*name)
		return;
	if (cJSON_IsObject(item)) {
		put_group(at, name, item, depth);
	} else if (cJSON_IsString(item) && *item->valuestring == '>') {
		H5Lcreate_soft(item->valuestring + 1, at, name, H5P_DEFAULT, H5P_DEFAULT);
	} else if (cJSON_IsString(item) && *item->valuestring == '=') {
		H5Lcreate_hard(at, item->valuestring + 1, at, name, H5P_DEFAULT, H5P_DEFAULT);
	} else if (cJSON_IsNull(item)) {
		put_set(at, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, H5Screate(H5S_NULL), NULL);
	} else if (cJSON_IsTrue(item)) {
		hid_t space = H5Screate(H5S_SCALAR);

		attribute = H5Acreate2(at, name, H5T_STD_I8LE, space, H5P_DEFAULT, H5P_DEFAULT);
		if (attribute >= 0)
			H5Aclose(attribute);
		H5Sclose(space);
	} else {
		put_array(at, name, item);
	}
}

static bool put_hdf5(const char *text, size_t size)
{
	cJSON *json = cJSON_ParseWithLength(text, size), *member;
	hid_t plan, file;
	ssize_t bytes;
	void *image;

	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return false;
	}
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	plan = H5Pcreate(H5P_FILE_ACCESS);
	H5Pset_fapl_core(plan, 1 << 14, false);
	file = H5Fcreate("made", H5F_ACC_TRUNC, H5P_DEFAULT, plan);
	must(file >= 0);
	cJSON_ArrayForEach(member, json)
		put_member(file, member->string, member, 0);
	cJSON_Delete(json);
	H5Fflush(file, H5F_SCOPE_GLOBAL);
	bytes = H5Fget_file_image(file, NULL, 0);
	image = malloc((size_t)bytes + 1);
	must(bytes > 0 && image && H5Fget_file_image(file, image, (size_t)bytes) == bytes);
	write_whole(path, image, (size_t)bytes);
	free(image);
	H5Fclose(file);
	H5Pclose(plan);
	return true;
}

/* ---- folders ---- */

static void import_folder(const uint8_t *data, size_t size, const struct snnq_import_opts *opts)
{
	static const char *const names[] = { "fc1",   "fc2",   "fc3",	"conv1",
					     "conv2", "pool1", "pool2", "other" };
	const uint8_t *end = memchr(data, 0, size), *at = end ? end + 1 : data + size;
	size_t left = (size_t)(data + size - at), used[8] = { 0 };
	char name[96];

	write_whole(yaml, data, end ? (size_t)(end - data) : size);
	while (left > 3) {
		size_t which = at[0] % 8, bytes = at[1] | (size_t)at[2] << 8;

		bytes = bytes < left - 3 ? bytes : left - 3;
		snprintf(name, sizeof(name), "%s/%s.npy", folder, names[which]);
		write_whole(name, at + 3, bytes);
		used[which] = 1;
		at += 3 + bytes;
		left -= 3 + bytes;
	}
	must(!snnq_import(folder, out, opts) || strlen(snnq_last_error(NULL)) > 5);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "%s/%s.npy", folder, names[i]);
		if (used[i])
			unlink(name);
	}
}

/* ---- the harness ---- */

static void take_note(void *ctx, const char *text)
{
	(void)ctx;
	must(*text);
}

/* What the importer wrote, if it did, is a model. */
static void check_model(void)
{
	struct modelfile *file;
	struct graph graph;

	if (access(out, F_OK))
		return;
	must(!modelfile_open(out, &file));
	must(!file->graph || !graph_parse(out, file, &graph));
	graph_free(&graph);
	modelfile_free(file);
	unlink(out);
}

static void import_hdf5(uint8_t flags, uint8_t more, bool nir)
{
	struct snnq_import_opts opts = {
		.size = sizeof(opts),
		.note = take_note,
		.compare_ge = flags & 1,
		.steps = flags & 2 ? more + 1u : 8,
		.width = flags & 4 ? more & 15 : 0,
		.height = flags & 4 ? more >> 4 : 0,
		.polarities = flags & 8 ? more & 7 : 0,
	};

	if (nir) {
		opts.planes = flags & 16 ? more & 15 : 0;
		opts.reset_subtract = flags & 32;
		opts.old_current = flags & 64;
		opts.transposed = flags & 128;
	} else {
		opts.no_delay = flags & 16;
		opts.skip_first = flags & 32;
		opts.spikes_in = flags & 64;
	}
	must(!snnq_import(path, out, &opts) || strlen(snnq_last_error(NULL)) > 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct snnq_import_opts folder_opts = { .size = sizeof(folder_opts) };

	if (size < 4)
		return 0;
#ifdef RAW_HDF5
	write_whole(path, data + 3, size - 3);
	import_hdf5(data[1], data[2], data[0] % 2);
#else
	if (data[0] % 2) {
		folder_opts.compare_ge = data[1] & 1;
		folder_opts.no_delay = data[1] & 2;
		folder_opts.polarities = data[1] & 4 ? data[2] : 0;
		import_folder(data + 3, size - 3, &folder_opts);
	} else if (put_hdf5((const char *)data + 3, size - 3)) {
		import_hdf5(data[1], data[2], memmem(data, size, "\"node\"", 6));
	}
#endif
	check_model();
	return 0;
}
