// SPDX-License-Identifier: MIT
/*
 * import_h5.c - numbers, texts and names in HDF5 files, as snnq-hdf5 read them.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/content.h"
#include "base/error.h"
#include "base/text.h"
#include "base/file.h"
#include "h5_process.h"
#include "import_h5.h"

bool h5_exists(const struct h5 *h, const char *name)
{
	return tree_find(h->root, name);
}

const struct tree_object *h5_group(const struct h5 *h, const char *name)
{
	const struct tree_object *o = tree_find(h->root, name);

	if (o && o->kind == TREE_GROUP)
		return o;
	error_set(-EBADMSG, "%s: %s: expected a group", h->path, name);
	return NULL;
}

static double value_of(const struct tree_object *o, size_t i)
{
	if (o->kind == TREE_FLOATS)
		return ((const float *)o->values)[i];
	if (o->kind == TREE_INTEGERS)
		return (double)((const int64_t *)o->values)[i];
	return ((const double *)o->values)[i];
}

static bool are_numbers(const struct tree_object *o)
{
	return o->kind == TREE_FLOATS || o->kind == TREE_DOUBLES || o->kind == TREE_INTEGERS;
}

/* Copy numbers. 1 there, 0 absent, -errno. */
int h5_numbers(const struct h5 *h, const char *name, struct import_array *a)
{
	const struct tree_object *o = tree_find(h->root, name);

	_Static_assert(TREE_MOST_AXES == IMPORT_MAX_DIMS &&
			       TREE_MOST_ELEMENTS == IMPORT_MAX_ELEMENTS,
		       "what is read is what an array can be");
	memset(a, 0, sizeof(*a));
	if (!o)
		return 0;
	if (o->kind == TREE_OUTSIDE)
		return error_set(-EBADMSG, "%s: %s: expected numbers that are in the file", h->path,
				 name);
	if (!are_numbers(o))
		return error_set(-EBADMSG,
				 "%s: %s: expected numbers, at most 2^28 in %d axes, and 4 GiB in "
				 "a file",
				 h->path, name, IMPORT_MAX_DIMS);
	a->values = malloc(o->count * sizeof(*a->values));
	if (!a->values)
		return error_set(-ENOMEM, "%s: %s: no memory", h->path, name);
	a->count = o->count;
	a->dims = o->dims;
	for (uint32_t i = 0; i < o->dims; i++)
		a->shape[i] = (uint32_t)o->shape[i];
	for (size_t i = 0; i < a->count; i++)
		a->values[i] = value_of(o, i);
	return 1;
}

/* One string, alone or in an array of one. */
bool h5_text(const struct h5 *h, const char *name, char text[32])
{
	const struct tree_object *o = tree_find(h->root, name);

	if (!o || o->kind != TREE_TEXTS || o->count != 1)
		return false;
	snprintf(text, 32, "%s", (const char *)o->values);
	return true;
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

/*
 * Attributes are not read: one of them may change what the network does. @slash and @name are
 * empty for @group itself.
 */
static int check_attributes(const struct h5 *h, const char *group, const char *slash,
			    const char *name, const char *attribute)
{
	if (!attribute)
		return 0;
	return error_set(-EBADMSG,
			 "%s: %s%s%s: not known, and the network may need it: attribute %.32s",
			 h->path, group, slash, name, attribute);
}

/* Every member of @group is one of @known (a list with spaces): what is not known may change what
 * the network does. Links to other places and files are not followed.
 */
int h5_members(const struct h5 *h, const char *name, const char *known)
{
	const struct tree_object *group = h5_group(h, name);
	char word[TREE_MOST_NAME + 3];
	int ret = group ? check_attributes(h, name, "", "", group->attribute) : -EBADMSG;

	for (const struct tree_object *o = ret ? NULL : group->first; !ret && o; o = o->next) {
		snprintf(word, sizeof(word), " %s ", o->name);
		if (strchr(o->name, ' ') || !strstr(known, word))
			ret = error_set(-EBADMSG,
					"%s: %s/%.32s: not known, and the network may need it; "
					"expected only:%.*s",
					h->path, name, o->name, (int)strlen(known) - 1, known);
		else if (o->kind == TREE_LINK)
			ret = error_set(-EBADMSG,
					"%s: %s/%s: expected an object, found a link to one",
					h->path, name, o->name);
		else
			ret = check_attributes(h, name, "/", o->name, o->attribute);
	}
	return ret;
}

/* Names of objects get into models and messages, which are UTF-8. */
static int check_names(const struct h5 *h, const struct tree_object *group)
{
	char name[128];
	int ret = 0;

	for (const struct tree_object *o = group->first; o && !ret; o = o->next) {
		if (!text_is_utf8(o->name, strlen(o->name)))
			return error_set(-EBADMSG, "%s: expected names in UTF-8, found \"%s\"",
					 h->path, text_printable(o->name, name, sizeof(name)));
		ret = check_names(h, o);
	}
	return ret;
}

static int no_hdf5(const char *path, int file)
{
	static const uint8_t magic[] = "\x89HDF\r\n\x1a\n";
	uint8_t head[CONTENT_BYTES] = { 0 };
	ssize_t n = pread(file, head, sizeof(head), 0);
	const char *found = n > 0 ? content_name(head, (size_t)n) : "nothing";

	if (!memcmp(head, magic, sizeof(magic) - 1))
		found = "damage";
	return error_set(-EBADMSG,
			 "%s: offset 0: expected an HDF5 file, of a NIR graph or a .net, found %s",
			 path, found ? found : "something else");
}

int h5_open(const char *path, int (*use)(const struct h5 *h, void *ctx), void *ctx)
{
	struct h5 h = { .path = path };
	uint64_t bytes;
	int file = file_open(path, &bytes), ret;

	if (file < 0)
		return file;
	ret = h5_process_read(path, file, bytes, &h.root);
	if (!ret && h.root->kind != TREE_GROUP)
		ret = no_hdf5(path, file);
	close(file);
	if (!h.root)
		return ret;
	if (!ret)
		ret = check_names(&h, h.root);
	if (!ret)
		ret = use(&h, ctx);
	tree_free(h.root);
	return ret;
}
