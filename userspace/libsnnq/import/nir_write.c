// SPDX-License-Identifier: MIT
/*
 * nir_write.c - NIR files, made in memory and written at once by snnq-hdf5.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/output.h"
#include "h5_process.h"
#include "nir_write.h"

#define VERSION "1.0" /* of NIR, whose nodes these are */

static int no_memory(const struct nir_file *f)
{
	return error_set(-ENOMEM, "%s: no memory", f->path);
}

/* ---- data sets ---- */

static void put_set(struct nir_file *f, struct tree_object *at, const char *key,
		    enum tree_kind kind, uint32_t dims, const uint64_t *shape, const void *values,
		    size_t bytes)
{
	struct tree_object *o = at ? tree_add(at, key, kind) : NULL;

	if (!o || !tree_put(o, dims, shape, values, bytes))
		f->failed = true;
}

static void put_text(struct nir_file *f, struct tree_object *at, const char *key, const char *text)
{
	put_set(f, at, key, TREE_TEXTS, 0, NULL, text, strlen(text) + 1);
}

static size_t count_of(uint32_t dims, const uint64_t *shape)
{
	size_t count = 1;

	for (uint32_t i = 0; i < dims; i++)
		count *= shape[i];
	return count;
}

void nir_file_floats(struct nir_file *f, const char *key, uint32_t dims, const uint64_t *shape,
		     const float *values)
{
	put_set(f, f->node, key, TREE_FLOATS, dims, shape, values,
		count_of(dims, shape) * sizeof(*values));
}

void nir_file_doubles(struct nir_file *f, const char *key, uint32_t dims, const uint64_t *shape,
		      const double *values)
{
	put_set(f, f->node, key, TREE_DOUBLES, dims, shape, values,
		count_of(dims, shape) * sizeof(*values));
}

void nir_file_integers(struct nir_file *f, const char *key, uint32_t count, const int64_t *values)
{
	uint64_t shape = count;

	put_set(f, f->node, key, TREE_INTEGERS, count ? 1 : 0, &shape, values,
		(count ? count : 1) * sizeof(*values));
}

/* ---- nodes and edges ---- */

static bool is_taken(const struct nir_file *f, const char *name)
{
	for (int i = 0; i < f->count; i++)
		if (!strcmp(f->names[i], name))
			return true;
	return false;
}

/* @name and @suffix in the bytes of a name, whole letters, nothing that HDF5 reads as a path. */
static void find_name(const struct nir_file *f, const char *name, const char *suffix,
		      char found[NIR_MOST_NAME + 1])
{
	char end[24];
	size_t room;

	for (int i = 1; i == 1 || is_taken(f, found); i++) {
		snprintf(end, sizeof(end), i > 1 ? "%.12s_%d" : "%.12s", suffix, i);
		room = NIR_MOST_NAME - strlen(end);
		if (strlen(name) < room)
			room = strlen(name);
		while (room && ((unsigned char)name[room] & 0xc0) == 0x80)
			room--;
		snprintf(found, NIR_MOST_NAME + 1, "%.*s%s", (int)room, name, end);
		for (char *c = found; *c; c++)
			if (*c == '/' || (*c == '.' && !found[1]))
				*c = '_';
	}
}

static struct tree_object *make_group(struct nir_file *f, struct tree_object *at, const char *name)
{
	struct tree_object *group = at ? tree_add(at, name, TREE_GROUP) : NULL;

	f->failed |= !group;
	return group;
}

int nir_file_add(struct nir_file *f, const char *name, const char *suffix, const char *type)
{
	int index = f->count;

	if (index == NIR_MOST_NODES)
		return error_set(-EBADMSG, "%s: expected a network of at most %d nodes of NIR",
				 f->path, NIR_MOST_NODES);
	find_name(f, name, suffix, f->names[index]);
	f->count++;
	f->node = make_group(f, f->nodes, f->names[index]);
	put_text(f, f->node, "type", type);
	return f->failed ? no_memory(f) : index;
}

int nir_file_edge(struct nir_file *f, int from, int to, bool previous)
{
	for (int i = 0; i < f->edge_count; i++)
		if (f->edges[i].from == from && f->edges[i].to == to)
			return error_set(-EBADMSG,
					 "%s: layer %s: expected what %s puts out once: edges of "
					 "NIR have no number",
					 f->path, f->names[to], f->names[from]);
	if (f->edge_count == NIR_MOST_EDGES)
		return error_set(-EBADMSG, "%s: expected a network of at most %d edges of NIR",
				 f->path, NIR_MOST_EDGES);
	f->edges[f->edge_count++] = (struct nir_edge){ from, to, previous };
	return 0;
}

static int put_edges(struct nir_file *f)
{
	const uint64_t shape[2] = { (uint64_t)f->edge_count, 2 };
	char *names = malloc(2 * NIR_MOST_EDGES * sizeof(f->names[0])), *end = names;

	for (int i = 0; names && i < f->edge_count; i++) {
		end = stpcpy(end, f->names[f->edges[i].from]) + 1;
		end = stpcpy(end, f->names[f->edges[i].to]) + 1;
	}
	if (names)
		put_set(f, tree_find(f->root, "/node"), "edges", TREE_TEXTS, 2, shape, names,
			(size_t)(end - names));
	f->failed |= !names;
	free(names);
	return f->failed ? no_memory(f) : 0;
}

/* ---- the file ---- */

void nir_file_close(struct nir_file *f)
{
	tree_free(f->root);
	f->root = NULL;
}

int nir_file_open(const char *path, struct nir_file *f)
{
	struct tree_object *graph;

	*f = (struct nir_file){ .path = path, .root = tree_root() };
	f->failed = !f->root;
	if (f->root)
		put_text(f, f->root, "version", VERSION);
	graph = make_group(f, f->root, "node");
	put_text(f, graph, "type", "NIRGraph");
	f->nodes = make_group(f, graph, "nodes");
	if (!f->failed)
		return 0;
	nir_file_close(f);
	return no_memory(f);
}

/* Which edges go back readers find out; they have to come to the same. */
static int compare_edges(const struct nir_file *f, const struct nir *read)
{
	for (int i = 0; i < f->edge_count; i++)
		if (i >= read->edge_count || read->edges[i].previous != f->edges[i].previous)
			return error_set(-EBADMSG,
					 "%s: layer %s: reads what %s puts out in the %s, which "
					 "the edges of NIR cannot say",
					 f->path, f->names[f->edges[i].to],
					 f->names[f->edges[i].from],
					 f->edges[i].previous ? "step before" : "same step");
	return 0;
}

int nir_file_finish(struct nir_file *f)
{
	const struct h5 h = { .path = f->path, .root = f->root };
	static const struct snnq_import_opts silent = { .size = sizeof(silent) };
	struct nir *read = calloc(1, sizeof(*read));
	int ret = read ? put_edges(f) : no_memory(f);

	if (!ret) {
		read->h = &h;
		read->opts = &silent;
		ret = nir_read_nodes(read);
	}
	if (!ret)
		ret = nir_arrange(read);
	if (!ret)
		ret = compare_edges(f, read);
	free(read);
	return ret;
}

int nir_file_write(struct nir_file *f, const char *out)
{
	struct output o;
	int ret = output_open(out, &o);

	if (ret)
		return error_set(ret, "%s", output_problem());
	ret = h5_process_write(out, f->root, o.file);
	if (ret) {
		output_cancel(&o);
		return ret;
	}
	ret = output_commit(&o);
	return ret ? error_set(ret, "%s", output_problem()) : 0;
}
