// SPDX-License-Identifier: MIT
/*
 * nir_write.c - NIR files, made in memory and written at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/output.h"
#include "nir_write.h"

#define VERSION "1.0"	  /* of NIR, whose nodes these are */
#define GROWTH	(1 << 20) /* bytes by which the file in memory grows */

static int no_memory(const struct nir_file *f)
{
	return error_set(-ENOMEM, "%s: no memory", f->path);
}

/* ---- data sets ---- */

static void put_set(struct nir_file *f, hid_t at, const char *key, hid_t stored, hid_t type,
		    hid_t space, const void *values)
{
	hid_t plan = H5Pcreate(H5P_DATASET_CREATE), set;

	H5Pset_obj_track_times(plan, false); /* the same model is the same file */
	set = H5Dcreate2(at, key, stored, space, H5P_DEFAULT, plan, H5P_DEFAULT);
	if (set < 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
		f->failed = true;
	if (set >= 0)
		H5Dclose(set);
	H5Pclose(plan);
	H5Sclose(space);
}

static hid_t text_type(void)
{
	hid_t type = H5Tcopy(H5T_C_S1);

	H5Tset_size(type, H5T_VARIABLE);
	H5Tset_cset(type, H5T_CSET_UTF8);
	return type;
}

static void put_text(struct nir_file *f, hid_t at, const char *key, const char *text)
{
	hid_t type = text_type();

	put_set(f, at, key, type, type, H5Screate(H5S_SCALAR), &text);
	H5Tclose(type);
}

static hid_t space_of(uint32_t dims, const uint64_t *shape)
{
	hsize_t sizes[4] = { 0 };

	for (uint32_t i = 0; i < dims; i++)
		sizes[i] = shape[i];
	return dims ? H5Screate_simple((int)dims, sizes, NULL) : H5Screate(H5S_SCALAR);
}

void nir_file_floats(struct nir_file *f, const char *key, uint32_t dims, const uint64_t *shape,
		     const float *values)
{
	put_set(f, f->node, key, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, space_of(dims, shape), values);
}

void nir_file_doubles(struct nir_file *f, const char *key, uint32_t dims, const uint64_t *shape,
		      const double *values)
{
	put_set(f, f->node, key, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space_of(dims, shape), values);
}

void nir_file_integers(struct nir_file *f, const char *key, uint32_t count, const int64_t *values)
{
	uint64_t shape = count;

	put_set(f, f->node, key, H5T_STD_I64LE, H5T_NATIVE_INT64, space_of(count ? 1 : 0, &shape),
		values);
}

/* ---- nodes and edges ---- */

static bool is_taken(const struct nir_file *f, const char *name)
{
	for (int i = 0; i < f->count; i++)
		if (!strcmp(f->names[i], name))
			return true;
	return false;
}

/* @name and @suffix in 31 bytes, whole letters, nothing that HDF5 reads as a path. */
static void find_name(const struct nir_file *f, const char *name, const char *suffix,
		      char found[32])
{
	char end[24];
	size_t room;

	for (int i = 1; i == 1 || is_taken(f, found); i++) {
		snprintf(end, sizeof(end), i > 1 ? "%.12s_%d" : "%.12s", suffix, i);
		room = 31 - strlen(end);
		if (strlen(name) < room)
			room = strlen(name);
		while (room && ((unsigned char)name[room] & 0xc0) == 0x80)
			room--;
		snprintf(found, 32, "%.*s%s", (int)room, name, end);
		for (char *c = found; *c; c++)
			if (*c == '/' || (*c == '.' && !found[1]))
				*c = '_';
	}
}

static hid_t make_group(struct nir_file *f, hid_t at, const char *name)
{
	hid_t group = H5Gcreate2(at, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);

	f->failed |= group < 0;
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
	if (f->node >= 0)
		H5Gclose(f->node);
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
	const char **names = calloc(2 * (size_t)f->edge_count + 1, sizeof(*names));
	hid_t type = text_type(), graph = H5Gopen2(f->file, "node", H5P_DEFAULT);

	for (int i = 0; names && i < f->edge_count; i++) {
		names[2 * i] = f->names[f->edges[i].from];
		names[2 * i + 1] = f->names[f->edges[i].to];
	}
	if (names)
		put_set(f, graph, "edges", type, type,
			space_of(2, (uint64_t[]){ (uint64_t)f->edge_count, 2 }), names);
	f->failed |= !names;
	free(names);
	H5Tclose(type);
	H5Gclose(graph);
	return f->failed ? no_memory(f) : 0;
}

/* ---- the file ---- */

void nir_file_close(struct nir_file *f)
{
	if (f->node >= 0)
		H5Gclose(f->node);
	if (f->nodes >= 0)
		H5Gclose(f->nodes);
	if (f->file >= 0)
		H5Fclose(f->file);
	f->file = f->nodes = f->node = -1;
	H5Eset_auto2(H5E_DEFAULT, f->printer, f->printer_data);
}

int nir_file_open(const char *path, struct nir_file *f)
{
	hid_t plan = H5Pcreate(H5P_FILE_ACCESS), graph;

	*f = (struct nir_file){ .path = path, .nodes = -1, .node = -1 };
	H5Eget_auto2(H5E_DEFAULT, &f->printer, &f->printer_data);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	H5Pset_fapl_core(plan, GROWTH, false);
	f->file = H5Fcreate("snnq-export.nir", H5F_ACC_TRUNC, H5P_DEFAULT, plan);
	H5Pclose(plan);
	f->failed = f->file < 0;
	if (!f->failed) {
		put_text(f, f->file, "version", VERSION);
		graph = make_group(f, f->file, "node");
		put_text(f, graph, "type", "NIRGraph");
		f->nodes = make_group(f, graph, "nodes");
		H5Gclose(graph);
	}
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
	const struct h5 h = { .path = f->path, .file = f->file };
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

static int write_image(const void *image, size_t bytes, const char *out)
{
	struct output o;
	int ret = output_open(out, &o);

	if (!ret) {
		fwrite(image, 1, bytes, o.file);
		ret = output_commit(&o);
	}
	return ret ? error_set(ret, "%s", output_problem()) : 0;
}

int nir_file_write(struct nir_file *f, const char *out)
{
	ssize_t bytes = -1;
	void *image = NULL;
	int ret;

	if (H5Fflush(f->file, H5F_SCOPE_GLOBAL) >= 0)
		bytes = H5Fget_file_image(f->file, NULL, 0);
	if (bytes > 0)
		image = malloc((size_t)bytes);
	if (!image || H5Fget_file_image(f->file, image, (size_t)bytes) != bytes)
		ret = no_memory(f);
	else
		ret = write_image(image, (size_t)bytes, out);
	free(image);
	return ret;
}
