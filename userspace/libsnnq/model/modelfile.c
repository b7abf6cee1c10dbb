// SPDX-License-Identifier: MIT
/*
 * modelfile.c - read and write the safetensors container.
 *
 * Format: u64 little-endian header length, JSON header, data. Each header entry
 * but "__metadata__" is a tensor: dtype, shape, data_offsets [begin, end).
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compact.h"
#include "base/content.h"
#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "base/json.h"
#include "base/output.h"
#include "base/text.h"

static const struct {
	const char *name;
	uint64_t bytes;
} dtypes[] = {
	[DTYPE_F32] = { "F32", 4 }, [DTYPE_F16] = { "F16", 2 }, [DTYPE_BF16] = { "BF16", 2 },
	[DTYPE_U8] = { "U8", 1 },   [DTYPE_I8] = { "I8", 1 },	[DTYPE_I16] = { "I16", 2 },
	[DTYPE_I32] = { "I32", 4 },
};

uint64_t tensor_elements(const struct tensor *t)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < t->dims; i++)
		n *= t->shape[i];
	return n;
}

bool tensor_is_real(const struct tensor *t)
{
	return t->dtype == DTYPE_F32 || t->dtype == DTYPE_F16 || t->dtype == DTYPE_BF16;
}

float tensor_real(const struct tensor *t, uint64_t i)
{
	uint16_t half;
	float value;

	if (t->dtype == DTYPE_F32) {
		memcpy(&value, (const char *)t->data + i * 4, 4);
		return value;
	}
	memcpy(&half, (const char *)t->data + i * 2, 2);
	return t->dtype == DTYPE_F16 ? float_of_half(half) : float_of_bfloat(half);
}

int32_t tensor_int(const struct tensor *t, uint64_t i)
{
	int32_t v32;
	int16_t v16;

	switch (t->dtype) {
	case DTYPE_I32:
		memcpy(&v32, (const char *)t->data + i * 4, 4);
		return v32;
	case DTYPE_I16:
		memcpy(&v16, (const char *)t->data + i * 2, 2);
		return v16;
	case DTYPE_I8:
		return ((const int8_t *)t->data)[i];
	default:
		return ((const uint8_t *)t->data)[i];
	}
}

static bool json_u64(const cJSON *item, uint64_t *value)
{
	/* doubles are exact to 2^53 */
	if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 0x1p53 ||
	    item->valuedouble != floor(item->valuedouble))
		return false;
	*value = (uint64_t)item->valuedouble;
	return true;
}

static int bad(const char *path, const char *tensor, const char *what)
{
	return error_set(-EBADMSG, "%s: tensor %s: %s", path, tensor, what);
}

static int read_shape(const char *path, const cJSON *entry, struct tensor *t)
{
	const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape"), *dim;
	uint64_t count = 1;

	if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) > MODELFILE_MAX_DIMS)
		return bad(path, t->name, "shape: expected an array of at most 8 sizes");
	cJSON_ArrayForEach(dim, shape) {
		if (!json_u64(dim, &t->shape[t->dims]) ||
		    __builtin_mul_overflow(count, t->shape[t->dims], &count) ||
		    count > UINT64_MAX / 8)
			return bad(path, t->name, "shape: size out of range");
		t->dims++;
	}
	return 0;
}

static int read_type(const char *path, const cJSON *entry, struct tensor *t)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(entry, "dtype");

	if (!cJSON_IsString(type))
		return bad(path, t->name, "dtype: expected a string");
	if (strlen(type->valuestring) >= sizeof(t->type_name))
		return bad(path, t->name, "dtype: expected a name of at most 7 bytes");
	snprintf(t->type_name, sizeof(t->type_name), "%s", type->valuestring);
	t->dtype = DTYPE_OTHER;
	for (unsigned int i = 0; i < DTYPE_OTHER; i++)
		if (!strcmp(type->valuestring, dtypes[i].name))
			t->dtype = i;
	return 0;
}

/* Bytes of an element of the types that no model uses; 0: there is no such type. */
static uint64_t other_bytes(const char *type)
{
	static const struct {
		const char *name;
		uint64_t bytes;
	} others[] = {
		{ "BOOL", 1 }, { "F8_E4M3", 1 }, { "F8_E5M2", 1 }, { "U16", 2 },
		{ "U32", 4 },  { "F64", 8 },	 { "I64", 8 },	   { "U64", 8 },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(type, others[i].name))
			return others[i].bytes;
	return 0;
}

static int read_tensor(const char *path, const cJSON *entry, const char *data, uint64_t bytes,
		       struct tensor *t)
{
	const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
	uint64_t begin, end, element;
	int ret = read_type(path, entry, t);

	if (!ret)
		ret = read_shape(path, entry, t);
	if (ret)
		return ret;
	if (cJSON_GetArraySize(offsets) != 2 || !json_u64(cJSON_GetArrayItem(offsets, 0), &begin) ||
	    !json_u64(cJSON_GetArrayItem(offsets, 1), &end))
		return bad(path, t->name, "data_offsets: expected two offsets");
	if (begin > end || end > bytes)
		return error_set(-EBADMSG,
				 "%s: tensor %s: data_offsets: %" PRIu64 "..%" PRIu64
				 " leave the %" PRIu64 " bytes of data",
				 path, t->name, begin, end, bytes);
	t->data = data + begin;
	t->bytes = end - begin;
	if (cJSON_GetArraySize(entry) != 3)
		return bad(path, t->name, "expected dtype, shape and data_offsets only");
	element = t->dtype == DTYPE_OTHER ? other_bytes(t->type_name) : dtypes[t->dtype].bytes;
	if (!element)
		return error_set(-EBADMSG, "%s: tensor %s: dtype: \"%s\" is not known", path,
				 t->name, t->type_name);
	if (t->bytes != tensor_elements(t) * element)
		return error_set(-EBADMSG,
				 "%s: tensor %s: expected %" PRIu64 " bytes by its shape, "
				 "found %" PRIu64,
				 path, t->name, tensor_elements(t) * element, t->bytes);
	return 0;
}

static int by_begin(const void *a, const void *b)
{
	const struct tensor *const *x = a, *const *y = b;

	if ((*x)->data != (*y)->data)
		return (*x)->data < (*y)->data ? -1 : 1;
	return (*x)->bytes < (*y)->bytes ? -1 : (*x)->bytes > (*y)->bytes;
}

static int no_tensor(const char *path, ptrdiff_t begin, ptrdiff_t end)
{
	return error_set(-EBADMSG, "%s: bytes %td..%td of the data belong to no tensor", path,
			 begin, end);
}

/* Each byte of @data belongs to one tensor. */
static int check_layout(const char *path, const struct modelfile *f, const char *data,
			uint64_t bytes)
{
	const char *at = data;
	const struct tensor **sorted = malloc((f->count + 1) * sizeof(*sorted));
	int ret = 0;

	if (!sorted)
		return error_set(-ENOMEM, "%s: no memory", path);
	for (size_t i = 0; i < f->count; i++)
		sorted[i] = &f->tensors[i];
	qsort(sorted, f->count, sizeof(*sorted), by_begin);
	for (size_t i = 0; i < f->count && !ret; i++) {
		const char *begin = sorted[i]->data;

		if (begin < at)
			ret = error_set(-EBADMSG, "%s: tensors %s and %s overlap", path,
					sorted[i - 1]->name, sorted[i]->name);
		else if (begin > at)
			ret = no_tensor(path, at - data, begin - data);
		at = begin + sorted[i]->bytes;
	}
	free(sorted);
	if (!ret && at != data + bytes)
		ret = no_tensor(path, at - data, (ptrdiff_t)bytes);
	return ret;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* cJSON keeps both of two equal keys; other readers take one of them. Refuse, at all depths. */
static int check_keys(const char *path, const cJSON *node)
{
	size_t n = 0, count = (size_t)cJSON_GetArraySize(node);
	const char **keys = malloc((count + 1) * sizeof(*keys));
	const cJSON *child;
	int ret = 0;

	if (!keys)
		return error_set(-ENOMEM, "%s: no memory", path);
	cJSON_ArrayForEach(child, node) {
		if (child->string)
			keys[n++] = child->string;
		if (!ret && child->child)
			ret = check_keys(path, child);
	}
	qsort(keys, n, sizeof(*keys), by_key);
	for (size_t i = 1; i < n && !ret; i++)
		if (!strcmp(keys[i - 1], keys[i]))
			ret = error_set(-EBADMSG, "%s: key \"%s\" appears twice", path, keys[i]);
	free(keys);
	return ret;
}

static int read_entries(const char *path, const cJSON *header, const char *data, uint64_t bytes,
			struct modelfile *f)
{
	const cJSON *entry;

	f->tensors = calloc((size_t)cJSON_GetArraySize(header) + 1, sizeof(*f->tensors));
	if (!f->tensors)
		return error_set(-ENOMEM, "%s: no memory", path);
	cJSON_ArrayForEach(entry, header) {
		struct tensor *t = &f->tensors[f->count];
		int ret;

		if (!strcmp(entry->string, "__metadata__"))
			continue;
		t->name = strdup(entry->string);
		if (!t->name)
			return error_set(-ENOMEM, "%s: no memory", path);
		f->count++;
		ret = read_tensor(path, entry, data, bytes, t);
		if (ret)
			return ret;
	}
	return 0;
}

static int read_graph(const char *path, const cJSON *header, struct modelfile *f)
{
	const cJSON *meta = cJSON_GetObjectItemCaseSensitive(header, "__metadata__");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(meta, "snnq");
	int ret;

	if (!cJSON_IsString(text))
		return error_set(-EBADMSG, "%s: no model: __metadata__.snnq is missing", path);
	ret = json_parse(text->valuestring, strlen(text->valuestring), &f->graph);
	if (ret)
		return error_set(
			ret, ret == -ENOMEM ? "%s: no memory" : "%s: __metadata__.snnq is not JSON",
			path);
	ret = check_keys(path, f->graph);
	return ret ? ret : graph_expand(path, f->graph);
}

static int parse(const char *path, struct modelfile *f)
{
	const char *bytes = f->map, *found;
	uint64_t length;
	cJSON *header;
	int ret;

	if (f->map_bytes < 8)
		return error_set(-EBADMSG, "%s: expected a .snnq file, found %zu bytes", path,
				 f->map_bytes);
	memcpy(&length, bytes, 8);
	found = content_name(f->map, f->map_bytes);
	if (length > MODELFILE_MAX_HEADER && found)
		return error_set(-EBADMSG, "%s: offset 0: expected a .snnq file, found %s", path,
				 found);
	if (length > MODELFILE_MAX_HEADER || length > f->map_bytes - 8)
		return error_set(-EBADMSG,
				 "%s: offset 0: header of %" PRIu64
				 " bytes in a file of %zu: it is "
				 "cut off, or no .snnq file",
				 path, length, f->map_bytes);
	if (!text_is_utf8(bytes + 8, length))
		return error_set(-EBADMSG, "%s: offset 8: the header is not UTF-8", path);
	ret = json_parse(bytes + 8, length, &header);
	if (ret == -ENOMEM)
		return error_set(ret, "%s: no memory", path);
	if (header && bytes[8] != '{') { /* nothing may come first */
		cJSON_Delete(header);
		header = NULL;
	}
	if (!cJSON_IsObject(header)) {
		cJSON_Delete(header);
		return error_set(-EBADMSG, "%s: offset 8: the header is not a JSON object", path);
	}
	ret = check_keys(path, header);
	if (!ret)
		ret = read_entries(path, header, bytes + 8 + length, f->map_bytes - 8 - length, f);
	if (!ret)
		ret = read_graph(path, header, f);
	if (!ret)
		ret = check_layout(path, f, bytes + 8 + length, f->map_bytes - 8 - length);
	cJSON_Delete(header);
	return ret;
}

static int map_file(const char *path, struct modelfile *f)
{
	uint64_t bytes;
	int fd = file_open(path, &bytes);

	if (fd < 0)
		return fd;
	if (bytes < 8) {
		close(fd);
		return error_set(-EBADMSG, "%s: expected a .snnq file", path);
	}
	f->map_bytes = (size_t)bytes;
	f->file_bytes = f->map_bytes;
	f->map = mmap(NULL, f->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		return error_set(-errno, "%s: cannot be mapped: %s", path, strerror(errno));
	}
	return 0;
}

int modelfile_open(const char *path, struct modelfile **file)
{
	struct modelfile *f = calloc(1, sizeof(*f));
	int ret = f ? map_file(path, f) : error_set(-ENOMEM, "%s: no memory", path);

	if (!ret)
		ret = parse(path, f);
	if (ret) {
		modelfile_free(f);
		return ret;
	}
	*file = f;
	return 0;
}

int modelfile_new(cJSON *graph, struct modelfile **file)
{
	*file = graph ? calloc(1, sizeof(**file)) : NULL;
	if (!*file) {
		cJSON_Delete(graph);
		return error_set(-ENOMEM, "no memory");
	}
	(*file)->graph = graph;
	return 0;
}

int modelfile_add(struct modelfile *f, const char *name, enum dtype dtype, uint32_t dims,
		  const uint64_t *shape, const void *data)
{
	struct tensor *grown = realloc(f->tensors, (f->count + 1) * sizeof(*grown));
	struct tensor *t;

	if (!grown)
		return error_set(-ENOMEM, "no memory");
	f->tensors = grown;
	t = &grown[f->count];
	memset(t, 0, sizeof(*t));
	t->dtype = dtype;
	t->dims = dims;
	memcpy(t->shape, shape, dims * sizeof(*shape));
	snprintf(t->type_name, sizeof(t->type_name), "%s", dtypes[dtype].name);
	t->bytes = tensor_elements(t) * dtypes[dtype].bytes;
	t->name = strdup(name);
	t->owned = malloc(t->bytes + 1);
	if (!t->name || !t->owned) {
		free(t->name);
		free(t->owned);
		return error_set(-ENOMEM, "no memory");
	}
	memcpy(t->owned, data, t->bytes);
	t->data = t->owned;
	f->count++;
	return 0;
}

const struct tensor *modelfile_find(const struct modelfile *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->tensors[i].name, name))
			return &f->tensors[i];
	return NULL;
}

static void tensor_free(struct tensor *t)
{
	free(t->name);
	free(t->owned);
}

void modelfile_remove(struct modelfile *f, const bool *remove)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		if (remove[i])
			tensor_free(&f->tensors[i]);
		else
			f->tensors[kept++] = f->tensors[i];
	}
	f->count = kept;
}

void modelfile_free(struct modelfile *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		tensor_free(&f->tensors[i]);
	free(f->tensors);
	cJSON_Delete(f->graph);
	if (f->map)
		munmap(f->map, f->map_bytes);
	free(f);
}

/* ---- writing ---- */

static cJSON *entry_json(const char *type, const uint64_t *shape, uint32_t dims, uint64_t begin,
			 uint64_t end)
{
	cJSON *entry = cJSON_CreateObject(), *list;

	json_put_string(entry, "dtype", type);
	list = json_put_array(entry, "shape");
	for (uint32_t i = 0; i < dims; i++)
		json_append(list, cJSON_CreateNumber((double)shape[i]));
	list = json_put_array(entry, "data_offsets");
	json_append(list, cJSON_CreateNumber((double)begin));
	json_append(list, cJSON_CreateNumber((double)end));
	return entry;
}

static bool is_fill(const struct tensor *t)
{
	return !strncmp(t->name, "pad.", 4);
}

static uint64_t to_multiple_of_8(uint64_t bytes)
{
	return -bytes & 7;
}

/*
 * Bytes behind tensor @i: fillers keep what follows aligned and the data free of
 * holes, which other readers insist on.
 */
static uint64_t fill_after(const struct modelfile *f, size_t i)
{
	uint64_t fill = to_multiple_of_8(f->tensors[i].bytes);

	while (++i < f->count)
		if (!is_fill(&f->tensors[i]))
			return fill;
	return 0;
}

static cJSON *header_json(const struct modelfile *f)
{
	cJSON *header = cJSON_CreateObject(), *meta = json_put_object(header, "__metadata__");
	char *graph = cJSON_PrintUnformatted(f->graph), name[32];
	uint64_t at = 0;

	json_put(meta, "snnq", graph ? cJSON_CreateString(graph) : NULL);
	free(graph);
	for (size_t i = 0; i < f->count; i++) {
		const struct tensor *t = &f->tensors[i];
		uint64_t end = at + t->bytes, fill = fill_after(f, i);

		if (is_fill(t))
			continue;
		json_put(header, t->name, entry_json(t->type_name, t->shape, t->dims, at, end));
		at = end + fill;
		if (!fill)
			continue;
		snprintf(name, sizeof(name), "pad.%" PRIu64, end);
		json_put(header, name, entry_json("U8", &fill, 1, end, at));
	}
	return header;
}

/* NULL: no memory for all of it. */
static char *header_text(const struct modelfile *f, size_t *length)
{
	uint64_t losses = json_losses();
	cJSON *header = header_json(f);
	char *text = json_losses() == losses ? cJSON_PrintUnformatted(header) : NULL, *padded;

	cJSON_Delete(header);
	if (!text)
		return NULL;
	*length = strlen(text);
	padded = realloc(text, *length + 8);
	if (!padded) {
		free(text);
		return NULL;
	}
	memset(padded + *length, ' ', 8);
	*length += to_multiple_of_8(*length);
	return padded;
}

static void write_all(const struct modelfile *f, FILE *out, const char *header, uint64_t length)
{
	static const char zero[8];
	bool good = fwrite(&length, 8, 1, out) == 1 && fwrite(header, length, 1, out) == 1;

	for (size_t i = 0; i < f->count && good; i++) {
		const struct tensor *t = &f->tensors[i];

		if (is_fill(t))
			continue;
		good = (!t->bytes || fwrite(t->data, t->bytes, 1, out) == 1) &&
		       fwrite(zero, 1, fill_after(f, i), out) == fill_after(f, i);
	}
}

int modelfile_size(const struct modelfile *f, uint64_t *bytes)
{
	size_t length = 0;
	char *header = header_text(f, &length);

	free(header);
	if (!header)
		return error_set(-ENOMEM, "no memory for the header");
	*bytes = sizeof(uint64_t) + length;
	for (size_t i = 0; i < f->count; i++)
		if (!is_fill(&f->tensors[i]))
			*bytes += f->tensors[i].bytes + fill_after(f, i);
	return 0;
}

int modelfile_write(struct modelfile *f, const char *path)
{
	size_t length = 0;
	char *header = header_text(f, &length);
	struct output out;
	int ret;

	if (!header)
		return error_set(-ENOMEM, "%s: no memory", path);
	ret = output_open(path, &out);
	if (!ret) {
		write_all(f, out.file, header, length); /* failures are told at the end */
		f->file_bytes = (uint64_t)ftello(out.file);
		ret = output_commit(&out);
	}
	free(header);
	return ret ? error_set(ret, "%s", output_problem()) : 0;
}
