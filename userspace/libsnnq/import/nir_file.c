// SPDX-License-Identifier: MIT
/*
 * nir_file.c - nodes, edges and parameters of a NIR file.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "import_nir.h"

int nir_bad(const struct nir *n, const struct nir_node *node, const char *key, const char *expected)
{
	return error_set(-EBADMSG, "%s: %s/%s%s%s: expected %s", n->h->path, NIR_NODES, node->name,
			 *key ? "/" : "", key, expected);
}

void nir_path(char path[96], const struct nir_node *node, const char *key)
{
	snprintf(path, 96, NIR_NODES "/%s%s%s", node->name, *key ? "/" : "", key);
}

/* ---- nodes and edges ---- */

static int find_node(const struct nir *n, const char *name)
{
	for (int i = 0; i < n->count; i++)
		if (!strcmp(n->nodes[i].name, name))
			return i;
	return -1;
}

int nir_read_nodes(struct nir *n)
{
	H5G_info_t info;

	if (H5Gget_info_by_name(n->h->file, NIR_NODES, &info, H5P_DEFAULT) < 0)
		return error_set(-EBADMSG, "%s: " NIR_NODES ": expected a group", n->h->path);
	if (info.nlinks > sizeof(n->nodes) / sizeof(n->nodes[0]))
		return error_set(-EBADMSG,
				 "%s: " NIR_NODES ": expected at most %zu nodes, found %llu",
				 n->h->path, sizeof(n->nodes) / sizeof(n->nodes[0]),
				 (unsigned long long)info.nlinks);
	for (hsize_t i = 0; i < info.nlinks; i++) {
		struct nir_node *node = &n->nodes[n->count++];
		char path[96];
		H5L_info_t link;
		ssize_t bytes = H5Lget_name_by_idx(n->h->file, NIR_NODES, H5_INDEX_NAME,
						   H5_ITER_INC, i, node->name, sizeof(node->name),
						   H5P_DEFAULT);

		if (bytes <= 0 || bytes >= (ssize_t)sizeof(node->name) ||
		    H5Lget_info_by_idx(n->h->file, NIR_NODES, H5_INDEX_NAME, H5_ITER_INC, i, &link,
				       H5P_DEFAULT) < 0 ||
		    link.type != H5L_TYPE_HARD)
			return error_set(-EBADMSG,
					 "%s: " NIR_NODES
					 ": member %llu: expected a group with a name "
					 "of at most 31 bytes",
					 n->h->path, (unsigned long long)i);
		node->next = node->before = -1;
		nir_path(path, node, "type");
		if (!h5_text(n->h, path, node->type))
			return nir_bad(n, node, "type", "a string");
	}
	return 0;
}

/* Exactly one edge to each node and from it. */
static int add_edge(struct nir *n, const char *from, const char *to)
{
	int a = find_node(n, from), b = find_node(n, to);

	if (a < 0 || b < 0)
		return error_set(-EBADMSG,
				 "%s: /node/edges: expected names of nodes, found \"%.40s\"",
				 n->h->path, a < 0 ? from : to);
	if (n->nodes[a].next >= 0 || n->nodes[b].before >= 0)
		return error_set(
			-EBADMSG,
			"%s: /node/edges: from %s to %s: branches and recurrence cannot be "
			"executed",
			n->h->path, from, to);
	n->nodes[a].next = b;
	n->nodes[b].before = a;
	return 0;
}

int nir_read_edges(struct nir *n)
{
	hid_t set = H5Dopen2(n->h->file, "/node/edges", H5P_DEFAULT);
	hid_t type = set < 0 ? -1 : H5Dget_type(set), space = set < 0 ? -1 : H5Dget_space(set);
	hid_t memory = H5Tcopy(H5T_C_S1);
	char *names[2 * NIR_MOST_EDGES] = { NULL };
	hsize_t shape[2] = { 0, 0 };
	int ret = 0;

	if (set < 0 || H5Tis_variable_str(type) <= 0 || H5Sget_simple_extent_ndims(space) != 2 ||
	    H5Sget_simple_extent_dims(space, shape, NULL) < 0 || shape[1] != 2 ||
	    shape[0] > NIR_MOST_EDGES) {
		ret = error_set(-EBADMSG, "%s: /node/edges: expected at most %d pairs of names",
				n->h->path, NIR_MOST_EDGES);
	} else {
		H5Tset_size(memory, H5T_VARIABLE);
		H5Tset_cset(memory, H5Tget_cset(type));
		if (H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, names) < 0)
			ret = error_set(-EBADMSG, "%s: /node/edges: cannot be read", n->h->path);
		for (hsize_t i = 0; !ret && i < shape[0]; i++)
			ret = add_edge(n, names[2 * i] ? names[2 * i] : "",
				       names[2 * i + 1] ? names[2 * i + 1] : "");
		for (hsize_t i = 0; i < 2 * shape[0]; i++)
			H5free_memory(names[i]);
	}
	H5Tclose(memory);
	if (type >= 0)
		H5Tclose(type);
	if (space >= 0)
		H5Sclose(space);
	if (set >= 0)
		H5Dclose(set);
	return ret;
}

/* ---- parameters ---- */

int nir_read_array(const struct nir *n, const struct nir_node *node, const char *key,
		   struct import_array *a)
{
	char path[96];
	int ret;

	nir_path(path, node, key);
	ret = h5_numbers(n->h, path, a);
	if (ret < 0)
		return ret;
	if (!ret)
		return nir_bad(n, node, key, "numbers, found nothing");
	for (size_t i = 0; i < a->count; i++)
		if (!isfinite(a->values[i]) || fabs(a->values[i]) > NIR_MOST)
			return nir_bad(n, node, key, "finite numbers");
	return 0;
}

int nir_read_channels(const struct nir *n, const struct nir_node *node, const char *key,
		      double absent, double *values)
{
	size_t positions = (size_t)n->height * n->width, channels = n->channels;
	struct import_array a = { .values = NULL };
	char path[96];
	int ret = 0;

	nir_path(path, node, key);
	if (isnan(absent) || h5_exists(n->h, path))
		ret = nir_read_array(n, node, key, &a);
	if (!ret && a.count && a.count != 1 && a.count != channels &&
	    a.count != channels * positions)
		ret = error_set(-EBADMSG,
				"%s: %s: expected %zu numbers, one for each channel or neuron, "
				"found %zu",
				n->h->path, path, channels, a.count);
	for (size_t i = 0; !ret && a.count > channels && i < a.count; i++)
		if (a.values[i] != a.values[i / positions * positions])
			ret = nir_bad(n, node, key,
				      "the same number at all positions of a channel");
	for (size_t c = 0; !ret && c < channels; c++)
		values[c] = !a.count ? absent :
				       a.values[a.count == 1	    ? 0 :
						a.count == channels ? c :
								      c * positions];
	import_array_free(&a);
	return ret;
}

int nir_read_decay(const struct nir *n, const struct nir_node *node, const char *key, double *tau,
		   uint32_t *lambda)
{
	double dt = n->opts->dt > 0 ? n->opts->dt : n->opts->step_us * 1e-6;
	int ret = nir_read_channels(n, node, key, NAN, tau);

	for (uint32_t c = 1; !ret && c < n->channels; c++)
		if (tau[c] != tau[0])
			ret = nir_bad(n, node, key, "the same number for all channels");
	if (!ret && !(tau[0] >= dt))
		ret = error_set(-EBADMSG,
				"%s: " NIR_NODES "/%s/%s: expected at least the time step of %g s, "
				"found %g (see --dt)",
				n->h->path, node->name, key, dt, tau[0]);
	*lambda = ret ? 0 : (uint32_t)lround(65536 * (1 - dt / tau[0]));
	for (uint32_t c = 0; !ret && c < n->channels; c++)
		tau[c] = dt / tau[c];
	return ret;
}
