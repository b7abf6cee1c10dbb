// SPDX-License-Identifier: MIT
/*
 * h5_tree.c - what an HDF5 file holds, in memory and as bytes between processes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "h5_tree.h"

/* ---- in memory ---- */

struct tree_object *tree_root(void)
{
	struct tree_object *root = calloc(1, sizeof(*root));

	if (root)
		root->name = strdup("");
	if (root && root->name)
		return root;
	free(root);
	return NULL;
}

struct tree_object *tree_add(struct tree_object *group, const char *name, enum tree_kind kind)
{
	struct tree_object *o = calloc(1, sizeof(*o)), **at = &group->first;

	if (!o)
		return NULL;
	o->name = strdup(name);
	o->kind = kind;
	if (!o->name) {
		free(o);
		return NULL;
	}
	if (group->last && strcmp(group->last->name, name) < 0)
		at = &group->last->next;
	while (*at && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	o->next = *at;
	*at = o;
	if (!o->next)
		group->last = o;
	return o;
}

void *tree_put(struct tree_object *o, uint32_t dims, const uint64_t *shape, const void *values,
	       size_t bytes)
{
	o->values = malloc(bytes + !bytes);
	if (!o->values)
		return NULL;
	o->dims = dims;
	o->count = 1;
	for (uint32_t i = 0; i < dims; i++) {
		o->shape[i] = shape[i];
		o->count *= shape[i];
	}
	o->bytes = bytes;
	return memcpy(o->values, values, bytes);
}

void tree_free(struct tree_object *o)
{
	struct tree_object *next;

	if (!o)
		return;
	for (struct tree_object *member = o->first; member; member = next) {
		next = member->next;
		tree_free(member);
	}
	free(o->name);
	free(o->attribute);
	free(o->values);
	free(o);
}

static struct tree_object *member_of(const struct tree_object *group, const char *name,
				     size_t bytes)
{
	struct tree_object *o = group->first;

	while (o && (strncmp(o->name, name, bytes) || o->name[bytes]))
		o = o->next;
	return o;
}

struct tree_object *tree_member(const struct tree_object *group, const char *name)
{
	return member_of(group, name, strlen(name));
}

struct tree_object *tree_find(struct tree_object *o, const char *path)
{
	while (o && *path) {
		size_t bytes = strcspn(path, "/");

		if (bytes)
			o = member_of(o, path, bytes);
		path += bytes + (path[bytes] == '/');
	}
	return o;
}

/* ---- bytes ---- */

void tree_write_object(FILE *f, const struct tree_object *o, uint32_t depth)
{
	struct tree_head head = {
		.magic = TREE_MAGIC,
		.kind = o->kind,
		.depth = depth,
		.name = (uint32_t)strlen(o->name),
		.attribute = o->attribute ? (uint32_t)strlen(o->attribute) : 0,
		.dims = o->dims,
		.bytes = o->bytes,
	};

	memcpy(head.shape, o->shape, sizeof(head.shape));
	fwrite(&head, 1, sizeof(head), f);
	fwrite(o->name, 1, head.name, f);
	if (o->attribute)
		fwrite(o->attribute, 1, head.attribute, f);
	if (o->bytes)
		fwrite(o->values, 1, o->bytes, f);
}

void tree_write_end(FILE *f)
{
	const struct tree_head end = { .magic = TREE_MAGIC, .kind = TREE_END };

	fwrite(&end, 1, sizeof(end), f);
}

static void write_from(FILE *f, const struct tree_object *o, uint32_t depth)
{
	tree_write_object(f, o, depth);
	for (o = o->first; o; o = o->next)
		write_from(f, o, depth + 1);
}

void tree_write(FILE *f, const struct tree_object *root)
{
	write_from(f, root, 0);
	tree_write_end(f);
}

struct reader {
	FILE *f;
	struct tree_object *root;
	struct tree_object *open[TREE_MOST_DEPTH + 1]; /* the last object of each depth */
	uint32_t depth;				       /* of the object before */
	uint32_t objects;
	uint64_t bytes;
	const char *wrong;
};

static int bad(struct reader *r, const char *wrong)
{
	r->wrong = wrong;
	return -EBADMSG;
}

static int take(struct reader *r, void *to, size_t bytes)
{
	if (fread(to, 1, bytes, r->f) == bytes)
		return 0;
	return ferror(r->f) ? -EIO : -EPIPE;
}

/* A name of @bytes, which none of the paths made of it can break. */
static int take_name(struct reader *r, uint32_t bytes, char name[TREE_MOST_NAME + 1])
{
	int ret = take(r, name, bytes);

	name[ret ? 0 : bytes] = 0;
	if (!ret && (strlen(name) != bytes || strchr(name, '/')))
		ret = bad(r, "a name with a slash or a zero");
	return ret;
}

static size_t size_of(uint32_t kind)
{
	return kind == TREE_FLOATS ? sizeof(float) : sizeof(double);
}

/* How many values there are, and whether their bytes are as many. */
static int check_shape(struct reader *r, const struct tree_head *h)
{
	uint64_t count = 1;

	if (h->kind < TREE_FLOATS || h->kind > TREE_TEXTS)
		return h->dims || h->bytes ? bad(r, "values of what has none") : 0;
	if (h->dims > TREE_MOST_AXES)
		return bad(r, "too many axes");
	for (uint32_t i = 0; i < h->dims; i++) {
		if (!h->shape[i] || h->shape[i] > TREE_MOST_ELEMENTS / count)
			return bad(r, "a shape of no or too many values");
		count *= h->shape[i];
	}
	if (h->kind == TREE_TEXTS ? h->bytes < count || h->bytes > TREE_MOST_TEXT :
				    h->bytes != count * size_of(h->kind))
		return bad(r, "values that their shape does not have");
	if (h->bytes > TREE_MOST_BYTES - r->bytes)
		return bad(r, "too many values");
	r->bytes += h->bytes;
	return 0;
}

static int check_head(struct reader *r, const struct tree_head *h)
{
	if (h->magic != TREE_MAGIC || h->kind >= TREE_KINDS)
		return bad(r, "no head of an object");
	if (++r->objects > TREE_MOST_OBJECTS)
		return bad(r, "too many objects");
	if (!r->root ? h->depth || h->name || (h->kind != TREE_GROUP && h->kind != TREE_OTHER) :
		       !h->depth || h->depth > r->depth + 1 || h->depth > TREE_MOST_DEPTH ||
			       r->open[h->depth - 1]->kind != TREE_GROUP || !h->name)
		return bad(r, "an object at no place");
	if (h->name > TREE_MOST_NAME || h->attribute > TREE_MOST_NAME)
		return bad(r, "a name that is too long");
	return check_shape(r, h);
}

static int take_values(struct reader *r, const struct tree_head *h, struct tree_object *o)
{
	uint64_t texts = 0;
	int ret;

	o->values = malloc(h->bytes);
	if (!o->values)
		return -ENOMEM;
	o->dims = h->dims;
	o->count = 1;
	memcpy(o->shape, h->shape, h->dims * sizeof(*h->shape));
	for (uint32_t i = 0; i < h->dims; i++)
		o->count *= h->shape[i];
	o->bytes = h->bytes;
	ret = take(r, o->values, h->bytes);
	if (ret || h->kind != TREE_TEXTS)
		return ret;
	for (size_t i = 0; i < o->bytes; i++)
		texts += !((const char *)o->values)[i];
	if (texts != o->count || ((const char *)o->values)[o->bytes - 1])
		ret = bad(r, "texts that do not end");
	return ret;
}

static int take_object(struct reader *r, const struct tree_head *h)
{
	char name[TREE_MOST_NAME + 1], attribute[TREE_MOST_NAME + 1];
	struct tree_object *group, *o;
	int ret = check_head(r, h);

	if (!ret)
		ret = take_name(r, h->name, name);
	if (!ret && h->attribute)
		ret = take_name(r, h->attribute, attribute);
	if (ret)
		return ret;
	group = h->depth ? r->open[h->depth - 1] : NULL;
	if (group && group->last && strcmp(group->last->name, name) >= 0)
		return bad(r, "names in no order");
	o = group ? tree_add(group, name, h->kind) : tree_root();
	if (!o)
		return -ENOMEM;
	o->kind = h->kind;
	r->root = r->root ? r->root : o;
	r->open[h->depth] = o;
	r->depth = h->depth;
	if (h->attribute) {
		o->attribute = strdup(attribute);
		ret = o->attribute ? 0 : -ENOMEM;
	}
	return ret || !h->bytes ? ret : take_values(r, h, o);
}

int tree_read(FILE *f, struct tree_object **root, const char **wrong)
{
	struct reader r = { .f = f };
	struct tree_head head;
	int ret;

	do {
		ret = take(&r, &head, sizeof(head));
		if (!ret && r.root && head.magic == TREE_MAGIC && head.kind == TREE_END)
			break;
		if (!ret)
			ret = take_object(&r, &head);
	} while (!ret);
	*wrong = r.wrong;
	*root = r.root;
	if (!ret)
		return 0;
	tree_free(r.root);
	*root = NULL;
	return ret;
}
