// SPDX-License-Identifier: MIT
/*
 * nir_file.c - nodes, edges and parameters of a NIR file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import_nir.h"

double nir_dt(const struct nir *n)
{
	return n->opts->dt > 0 ? n->opts->dt : n->opts->step_us * 1e-6;
}

/* ---- nodes ---- */

static const struct nir_kind kinds[] = {
	{ "Input", " type shape metadata ", NIR_INPUT, false },
	{ "Output", " type shape metadata ", NIR_OUTPUT, false },
	{ "Conv1d", " type weight bias stride padding dilation groups input_shape metadata ",
	  NIR_WEIGHTED, false },
	{ "Conv2d", " type weight bias stride padding dilation groups input_shape metadata ",
	  NIR_WEIGHTED, false },
	{ "Linear", " type weight metadata ", NIR_WEIGHTED, false },
	{ "Affine", " type weight bias metadata ", NIR_WEIGHTED, false },
	{ "SumPool2d", " type kernel_size stride padding metadata ", NIR_POOL, false },
	{ "AvgPool2d", " type kernel_size stride padding metadata ", NIR_POOL, false },
	{ "Flatten", " type start_dim end_dim input_type metadata ", NIR_FLATTEN, false },
	{ "Scale", " type scale metadata ", NIR_SCALE, false },
	{ "Delay", " type delay metadata ", NIR_DELAY, false },
	{ "Threshold", " type threshold metadata ", NIR_SPIKING, false },
	{ "IF", " type r v_threshold v_reset metadata ", NIR_SPIKING, false },
	{ "LIF", " type tau r v_leak v_threshold v_reset metadata ", NIR_SPIKING, false },
	{ "CubaLIF", " type tau_mem tau_syn r v_leak v_threshold v_reset w_in metadata ",
	  NIR_SPIKING, true },
	{ "I", " type r metadata ", NIR_POTENTIAL, false },
	{ "LI", " type tau r v_leak metadata ", NIR_POTENTIAL, false },
	{ "CubaLI", " type tau_mem tau_syn r v_leak w_in metadata ", NIR_POTENTIAL, true },
};

/* What edges call a node of a graph, and where they begin and end. */
struct local {
	char name[NIR_MOST_NAME + 1];
	int entry, exit;
	bool named;   /* by an edge */
	bool renamed; /* which was told */
};

struct level {
	struct nir *n;
	const char *path;
	struct local nodes[NIR_MOST_NODES];
	int count;
	const char *alias; /* what edges call @meant */
	struct local *meant;
};

static int read_graph(struct nir *n, const char *path, const char *prefix, int depth,
		      struct local *outside);

static int name_node(struct nir *n, struct nir_node *node, const char *path, const char *prefix,
		     const char *name)
{
	int bytes = snprintf(node->path, sizeof(node->path), "%s/nodes/%s", path, name);
	int letters = snprintf(node->name, sizeof(node->name), "%s%s%s", prefix, *prefix ? "." : "",
			       name);

	if (bytes >= (int)sizeof(node->path) || letters > NIR_MOST_NAME)
		return error_set(-EBADMSG,
				 "%s: %s/nodes/%.40s: expected names of at most %d bytes, "
				 "those of subgraphs included",
				 n->h->path, path, name, NIR_MOST_NAME);
	return 0;
}

/* Shapes that some writers repeat at each node follow from parameters and edges. */
static int check_members(const struct nir *n, const struct nir_node *node)
{
	char known[256];

	snprintf(known, sizeof(known), "%sinput_type output_type ", node->kind->members);
	return h5_members(n->h, node->path, known);
}

static int add_node(struct nir *n, const struct nir_node *like, const char *type, int depth)
{
	const size_t count = sizeof(kinds) / sizeof(kinds[0]);
	struct nir_node *node;
	size_t i = 0;
	int ret;

	if (n->count == NIR_MOST_NODES)
		return error_set(-EBADMSG, "%s: %s: expected at most %d nodes", n->h->path,
				 like->path, NIR_MOST_NODES);
	node = &n->nodes[n->count];
	*node = *like;
	while (i < count && strcmp(kinds[i].type, type))
		i++;
	if (i == count)
		return error_set(-EBADMSG, "%s: %s/type: expected a node of NIR, found %s",
				 n->h->path, node->path, type);
	node->kind = &kinds[i];
	node->inner = depth && (node->kind->role == NIR_INPUT || node->kind->role == NIR_OUTPUT);
	if (!strcmp(node->name, "input") && node->kind->role != NIR_INPUT)
		snprintf(node->name, sizeof(node->name), "input.layer"); /* models have an input */
	node->host = node->neuron = node->stands_for = -1;
	ret = check_members(n, node);
	return ret ? ret : n->count++;
}

/* A member of a graph: a node, or a graph of its own. */
static int read_member(struct level *l, const char *prefix, const char *name, int depth)
{
	struct local *local = &l->nodes[l->count++];
	struct nir_node node = { .name = "" };
	char path[H5_PATH], type[32];
	int ret = name_node(l->n, &node, l->path, prefix, name);

	if (ret)
		return ret;
	snprintf(local->name, sizeof(local->name), "%s", name);
	nir_path(path, &node, "type");
	if (!h5_text(l->n->h, path, type))
		return nir_bad(l->n, &node, "type", "a string");
	if (!strcmp(type, "NIRGraph"))
		return read_graph(l->n, node.path, node.name, depth + 1, local);
	ret = add_node(l->n, &node, type, depth);
	local->entry = local->exit = ret;
	return ret < 0 ? ret : 0;
}

static int read_members(struct level *l, const char *prefix, int depth)
{
	const struct h5 *h = l->n->h;
	const struct tree_object *group;
	char path[H5_PATH];
	int ret = 0, count = 0;

	snprintf(path, sizeof(path), "%s/nodes", l->path);
	group = h5_group(h, path);
	if (!group)
		return -EBADMSG;
	for (const struct tree_object *o = group->first; o; o = o->next)
		count++;
	if (count > NIR_MOST_NODES)
		return error_set(-EBADMSG, "%s: %s: expected at most %d nodes, found %d", h->path,
				 path, NIR_MOST_NODES, count);
	for (const struct tree_object *o = group->first; !ret && o; o = o->next) {
		if (o->kind == TREE_LINK)
			return error_set(-EBADMSG,
					 "%s: %s/%.40s: expected an object, found a link to one",
					 h->path, path, o->name);
		ret = read_member(l, prefix, o->name, depth);
	}
	return ret;
}

/* ---- edges ---- */

static struct local *find_local(struct level *l, const char *name)
{
	for (int i = 0; i < l->count; i++)
		if (!strcmp(l->nodes[i].name, name))
			return &l->nodes[i];
	return NULL;
}

/*
 * A graph of a library that numbered a node and not its edges (lif, and the node is lif1): if all
 * but one name are those of nodes, and all but one node are named, these belong to each other.
 */
static struct local *find_renamed(struct level *l, const char *const *names, int count,
				  const char *name)
{
	struct local *only = NULL;

	for (int i = 0; i < count; i++) {
		struct local *node = find_local(l, names[i]);

		if (node)
			node->named = true;
		else if (strcmp(names[i], name))
			return NULL;
	}
	for (int i = 0; i < l->count; i++) {
		if (l->nodes[i].named)
			continue;
		if (only)
			return NULL;
		only = &l->nodes[i];
	}
	return only && *name && !strncmp(only->name, name, strlen(name)) ? only : NULL;
}

/* Edges of NIR are a set; some writers list one of them several times. */
static int add_edge(struct level *l, const struct local *from, const struct local *to)
{
	if (!nir_has_edge(l->n, from->exit, to->entry))
		return nir_add_edge(l->n, from->exit, to->entry);
	import_note(l->n->opts, "%s: %s/edges: from %s to %s: listed several times, taken once",
		    l->n->h->path, l->path, from->name, to->name);
	return 0;
}

static int add_edges(struct level *l, const char *const *names, int count)
{
	int ret = 0;

	for (int i = 0; !ret && i < count; i += 2) {
		struct local *end[2];

		for (int k = 0; k < 2; k++) {
			const char *name = names[i + k];

			end[k] = find_local(l, name);
			if (!end[k] && l->alias && !strcmp(l->alias, name))
				end[k] = l->meant;
			if (!end[k])
				end[k] = find_renamed(l, names, count, name);
			if (!end[k])
				return error_set(-EBADMSG,
						 "%s: %s/edges: expected names of nodes, found "
						 "\"%.40s\"",
						 l->n->h->path, l->path, name);
			if (strcmp(end[k]->name, name) && !end[k]->renamed)
				import_note(l->n->opts,
					    "%s: %s/edges: \"%.40s\" is taken for %s, the only "
					    "node that no edge names",
					    l->n->h->path, l->path, name, end[k]->name);
			if (strcmp(end[k]->name, name)) {
				end[k]->renamed = true;
				l->alias = name;
				l->meant = end[k];
			}
		}
		ret = add_edge(l, end[0], end[1]);
	}
	return ret;
}

static int read_edges(struct level *l)
{
	const struct h5 *h = l->n->h;
	const struct tree_object *o;
	const char **names, *name;
	char path[H5_PATH];
	int ret;

	snprintf(path, sizeof(path), "%s/edges", l->path);
	o = tree_find(h->root, path);
	if (!o || o->kind != TREE_TEXTS || o->dims != 2 || o->shape[1] != 2 ||
	    o->shape[0] > NIR_MOST_EDGES)
		return error_set(-EBADMSG, "%s: %s: expected at most %d pairs of names", h->path,
				 path, NIR_MOST_EDGES);
	names = calloc(o->count, sizeof(*names));
	if (!names)
		return error_set(-ENOMEM, "%s: no memory", h->path);
	name = o->values;
	for (size_t i = 0; i < o->count; i++, name += strlen(name) + 1)
		names[i] = name;
	ret = add_edges(l, names, (int)o->count);
	free(names);
	return ret;
}

/* Where edges to a subgraph end, and those from it begin. */
static int find_ends(struct nir *n, const char *path, int first, struct local *outside)
{
	size_t inside = strlen(path) + strlen("/nodes/");

	outside->entry = outside->exit = -1;
	for (int i = first; i < n->count; i++) {
		int *end = n->nodes[i].kind->role == NIR_INPUT ? &outside->entry : &outside->exit;

		if (!n->nodes[i].inner || strchr(n->nodes[i].path + inside, '/'))
			continue;
		if (*end >= 0)
			return nir_bad(n, &n->nodes[i], "type", "one Input and one Output");
		*end = i;
	}
	return outside->entry >= 0 && outside->exit >= 0 ?
		       0 :
		       error_set(-EBADMSG, "%s: %s: expected one Input and one Output", n->h->path,
				 path);
}

static int read_graph(struct nir *n, const char *path, const char *prefix, int depth,
		      struct local *outside)
{
	struct level *l;
	int first = n->count, ret;

	if (depth == NIR_MOST_DEPTH)
		return error_set(-EBADMSG, "%s: %s: expected at most %d graphs in each other",
				 n->h->path, path, NIR_MOST_DEPTH);
	ret = h5_members(n->h, path, " type nodes edges metadata input_type output_type ");
	if (ret)
		return ret;
	l = calloc(1, sizeof(*l));
	if (!l)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	l->n = n;
	l->path = path;
	ret = read_members(l, prefix, depth);
	if (!ret)
		ret = read_edges(l);
	if (!ret && depth)
		ret = find_ends(n, path, first, outside);
	free(l);
	return ret;
}

int nir_read_nodes(struct nir *n)
{
	return read_graph(n, "/node", "", 0, NULL);
}
