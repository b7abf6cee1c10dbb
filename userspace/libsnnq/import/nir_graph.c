// SPDX-License-Identifier: MIT
/*
 * nir_graph.c - a graph of nodes in the order of layers, as few of them as say the same.
 *
 * Cycles are recurrence: all of their nodes become one loop, and what neurons that fire put out a
 * step before goes back. Where a cycle is cut the file does not say: an edge goes back when it
 * leads, through nodes that do not fire, only to neurons that are not further from the input.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import_nir.h"

bool nir_has_edge(const struct nir *n, int from, int to)
{
	for (int i = 0; i < n->edge_count; i++)
		if (n->edges[i].from == from && n->edges[i].to == to)
			return true;
	return false;
}

int nir_add_edge(struct nir *n, int from, int to)
{
	if (nir_has_edge(n, from, to)) /* ways through names of subgraphs */
		return error_set(-EBADMSG, "%s: /node/edges: %s to %s: expected one way",
				 n->h->path, n->nodes[from].name, n->nodes[to].name);
	if (n->edge_count == NIR_MOST_EDGES)
		return error_set(-EBADMSG, "%s: /node/edges: expected at most %d edges", n->h->path,
				 NIR_MOST_EDGES);
	n->edges[n->edge_count++] = (struct nir_edge){ from, to, false };
	return 0;
}

/* The only node behind @node or, backwards, before it; -1: none, or several. */
static int only(const struct nir *n, int node, bool backwards)
{
	int other = -1;

	for (int i = 0; i < n->edge_count; i++) {
		const struct nir_edge *e = &n->edges[i];

		if ((backwards ? e->to : e->from) != node)
			continue;
		if (other >= 0)
			return -1;
		other = backwards ? e->from : e->to;
	}
	return other;
}

int nir_next(const struct nir *n, int node)
{
	return only(n, node, false);
}

int nir_before(const struct nir *n, int node)
{
	return only(n, node, true);
}

static bool fires(const struct nir *n, int node)
{
	return n->nodes[node].kind->role == NIR_SPIKING;
}

/* ---- dissolving ---- */

static void remove_edges(struct nir *n, int node)
{
	int kept = 0;

	for (int i = 0; i < n->edge_count; i++)
		if (n->edges[i].from != node && n->edges[i].to != node)
			n->edges[kept++] = n->edges[i];
	n->edge_count = kept;
}

/* What comes to @node goes to those behind it. */
static int dissolve(struct nir *n, int node)
{
	int ret = 0, edges = n->edge_count;

	/* Others that stand for nothing may have been between. */
	if (nir_has_edge(n, node, node))
		return error_set(-EBADMSG,
				 "%s: %s: expected neurons that fire in each cycle of edges, "
				 "found one without",
				 n->h->path, n->nodes[node].path);
	for (int i = 0; i < edges; i++)
		for (int k = 0; !ret && k < edges; k++)
			if (n->edges[i].to == node && n->edges[k].from == node &&
			    n->edges[i].from != node && n->edges[k].to != node)
				ret = nir_add_edge(n, n->edges[i].from, n->edges[k].to);
	for (int i = 0; i < edges; i++)
		if (n->edges[i].to == node)
			n->nodes[node].stands_for = n->edges[i].from;
	remove_edges(n, node);
	n->nodes[node].gone = true;
	return ret;
}

static int dissolve_names(struct nir *n)
{
	int ret = 0;

	for (int i = 0; !ret && i < n->count; i++)
		if (n->nodes[i].inner)
			ret = dissolve(n, i);
	return ret;
}

/* Rows of weights that nobody else sees are scaled before anybody sees them. */
static int fold_scales(struct nir *n)
{
	int ret = 0;

	for (int i = 0; !ret && i < n->count; i++) {
		int next = nir_next(n, i);
		struct nir_node *node = &n->nodes[i];

		if (node->gone || node->kind->role != NIR_WEIGHTED)
			continue;
		while (!ret && next >= 0 && n->nodes[next].kind->role == NIR_SCALE &&
		       nir_before(n, next) == i && node->scale_count < NIR_SCALES &&
		       !nir_varies(n, &n->nodes[next])) {
			node->scales[node->scale_count++] = next;
			import_note(n->opts, "%s: %s: folded into the weights of %s", n->h->path,
				    n->nodes[next].path, node->path);
			ret = dissolve(n, next);
			next = nir_next(n, i);
		}
	}
	return ret;
}

/* ---- loops ---- */

struct reach {
	uint64_t from[NIR_MOST_NODES][NIR_MOST_NODES / 64];
};

static bool reaches(const struct reach *r, int a, int b)
{
	return r->from[a][b / 64] >> b % 64 & 1;
}

static void find_reach(const struct nir *n, struct reach *r)
{
	for (int i = 0; i < n->edge_count; i++)
		r->from[n->edges[i].from][n->edges[i].to / 64] |= 1ull << n->edges[i].to % 64;
	for (int via = 0; via < n->count; via++)
		for (int i = 0; i < n->count; i++)
			for (int w = 0; reaches(r, i, via) && w < NIR_MOST_NODES / 64; w++)
				r->from[i][w] |= r->from[via][w];
}

/* Edges from the input to each node, the fewest; INT_MAX: there is no way. */
static void find_distances(const struct nir *n, int distance[NIR_MOST_NODES])
{
	bool changed = true;

	for (int i = 0; i < n->count; i++)
		distance[i] = n->nodes[i].kind->role == NIR_INPUT && !n->nodes[i].gone ? 0 :
											 INT_MAX;
	while (changed) {
		changed = false;
		for (int i = 0; i < n->edge_count; i++) {
			int a = distance[n->edges[i].from];

			if (a != INT_MAX && a + 1 < distance[n->edges[i].to]) {
				distance[n->edges[i].to] = a + 1;
				changed = true;
			}
		}
	}
}

static bool further(const int *distance, int a, int b)
{
	return distance[a] != distance[b] ? distance[a] > distance[b] : a > b;
}

/* Neurons of the loop that fire and hear of @at without another between; @seen: nodes on the way. */
static void find_ahead(const struct nir *n, int loop, int at, bool *seen)
{
	if (seen[at] || n->nodes[at].loop != loop)
		return;
	seen[at] = true;
	if (fires(n, at))
		return;
	for (int i = 0; i < n->edge_count; i++)
		if (n->edges[i].from == at)
			find_ahead(n, loop, n->edges[i].to, seen);
}

static int cut_edge(struct nir *n, struct nir_edge *e, const int *distance)
{
	bool seen[NIR_MOST_NODES] = { false }, back = false, ahead = false;

	if (!fires(n, e->from) || !n->nodes[e->from].loop ||
	    n->nodes[e->from].loop != n->nodes[e->to].loop)
		return 0;
	find_ahead(n, n->nodes[e->from].loop, e->to, seen);
	for (int i = 0; i < n->count; i++) {
		if (!seen[i] || !fires(n, i))
			continue;
		if (further(distance, i, e->from))
			ahead = true;
		else
			back = true;
	}
	if (back && ahead)
		return error_set(
			-EBADMSG,
			"%s: /node/edges: from %s to %s: expected to go either back or on, "
			"found both",
			n->h->path, n->nodes[e->from].name, n->nodes[e->to].name);
	e->previous = back;
	if (back)
		import_note(n->opts,
			    "%s: /node/edges: from %s to %s: goes back, the spikes of the step "
			    "before",
			    n->h->path, n->nodes[e->from].name, n->nodes[e->to].name);
	return 0;
}

static int find_loops(struct nir *n, struct reach *r, const int *distance)
{
	int loops = 0, ret = 0;

	find_reach(n, r);
	for (int i = 0; i < n->count; i++) {
		if (n->nodes[i].gone || n->nodes[i].loop || !reaches(r, i, i))
			continue;
		loops++;
		for (int k = i; k < n->count; k++)
			if (reaches(r, i, k) && reaches(r, k, i))
				n->nodes[k].loop = loops;
	}
	for (int i = 0; !ret && i < n->edge_count; i++)
		ret = cut_edge(n, &n->edges[i], distance);
	return ret;
}

/* ---- neurons of layers ---- */

static bool is_zero(const struct nir *n, const struct nir_node *node, const char *key)
{
	struct import_array a;
	char path[H5_PATH];
	bool zero = true;

	nir_path(path, node, key);
	if (h5_numbers(n->h, path, &a) <= 0)
		return true; /* whoever reads it next says what is wrong */
	for (size_t i = 0; i < a.count; i++)
		zero &= a.values[i] == 0;
	import_array_free(&a);
	return zero;
}

bool nir_gain_before(const struct nir *n, int node)
{
	for (int i = 0; i < n->edge_count; i++) {
		const struct nir_edge *e = &n->edges[i];
		enum nir_role role = n->nodes[e->from].kind->role;

		if (e->to == node &&
		    ((role != NIR_WEIGHTED && role != NIR_SCALE) || nir_next(n, e->from) != node))
			return false;
	}
	return !nir_varies(n, &n->nodes[node]);
}

/*
 * A neuron is part of the layer before it if they see nobody else. A bias would be added behind the
 * current of a neuron that has one, not before it. Where neurons differ within a channel they have a
 * layer of their own, and those whose potential is seen need weights for their gain.
 */
static void find_hosts(struct nir *n)
{
	for (int i = 0; i < n->count; i++) {
		struct nir_node *node = &n->nodes[i];
		int next = nir_next(n, i);
		enum nir_role role;

		if (node->gone || next < 0 || nir_before(n, next) != i || next == i)
			continue;
		if (node->kind->role != NIR_WEIGHTED && node->kind->role != NIR_POOL &&
		    node->kind->role != NIR_SCALE)
			continue;
		role = n->nodes[next].kind->role;
		if ((role != NIR_SPIKING && role != NIR_POTENTIAL) ||
		    (role == NIR_POTENTIAL && node->kind->role == NIR_POOL) ||
		    nir_varies(n, &n->nodes[next]) ||
		    (node->kind->role == NIR_SCALE && nir_varies(n, node)) ||
		    (n->nodes[next].kind->current && !is_zero(n, node, "bias")))
			continue;
		node->neuron = next;
		n->nodes[next].host = i;
	}
}

/* ---- order ---- */

/* Whether all is done that @node needs in the same step; @outside: but for what is in its loop. */
static bool is_ready(const struct nir *n, const bool *done, int node, bool outside)
{
	for (int i = 0; i < n->edge_count; i++) {
		const struct nir_edge *e = &n->edges[i];
		bool together = n->nodes[node].loop &&
				n->nodes[e->from].loop == n->nodes[node].loop;

		if (e->to == node && !done[e->from] && !e->previous && !(outside && together))
			return false;
	}
	return true;
}

static bool loop_is_ready(const struct nir *n, const bool *done, int node)
{
	for (int i = 0; i < n->count; i++)
		if (i == node || (n->nodes[node].loop && n->nodes[i].loop == n->nodes[node].loop))
			if (!n->nodes[i].gone && !is_ready(n, done, i, true))
				return false;
	return true;
}

static int next_node(const struct nir *n, const bool *done, int loop)
{
	for (int i = 0; i < n->count; i++) {
		if (n->nodes[i].gone || done[i])
			continue;
		if (loop ? n->nodes[i].loop == loop && is_ready(n, done, i, false) :
			   is_ready(n, done, i, false) && loop_is_ready(n, done, i))
			return i;
	}
	return -1;
}

static bool loop_is_done(const struct nir *n, const bool *done, int loop)
{
	for (int i = 0; i < n->count; i++)
		if (n->nodes[i].loop == loop && !n->nodes[i].gone && !done[i])
			return false;
	return true;
}

static int put_in_order(struct nir *n)
{
	bool done[NIR_MOST_NODES] = { false };
	int loop = 0, at;

	while ((at = next_node(n, done, loop)) >= 0) {
		done[at] = true;
		n->order[n->ordered++] = at;
		loop = n->nodes[at].loop;
		if (loop && loop_is_done(n, done, loop))
			loop = 0;
	}
	for (int i = 0; i < n->count; i++)
		if (!n->nodes[i].gone && !done[i])
			return error_set(-EBADMSG,
					 "%s: %s: expected neurons that fire in each cycle of "
					 "edges, found one without",
					 n->h->path, n->nodes[i].path);
	return 0;
}

/* One Input, one Output, and all others on a way from one to the other. */
static int check_ways(const struct nir *n, const struct reach *r, const int *distance)
{
	int ends[2] = { -1, -1 };

	for (int i = 0; i < n->count; i++) {
		enum nir_role role = n->nodes[i].kind->role;

		if (n->nodes[i].gone || (role != NIR_INPUT && role != NIR_OUTPUT))
			continue;
		if (ends[role == NIR_OUTPUT] >= 0)
			return nir_bad(n, &n->nodes[i], "type", "one Input and one Output");
		ends[role == NIR_OUTPUT] = i;
		if (role == NIR_INPUT ? distance[i] : nir_next(n, i) >= 0)
			return nir_bad(n, &n->nodes[i], "type", "no edges behind Output");
	}
	if (ends[0] < 0 || ends[1] < 0)
		return error_set(-EBADMSG, "%s: /node/nodes: expected a node of type %s",
				 n->h->path, ends[0] < 0 ? "Input" : "Output");
	for (int i = 0; i < n->count; i++) {
		if (n->nodes[i].gone || i == ends[0] || i == ends[1])
			continue;
		if (distance[i] == INT_MAX || !reaches(r, i, ends[1]))
			return nir_bad(n, &n->nodes[i], "", "to be on a way from Input to Output");
	}
	for (int i = 0; i < n->edge_count; i++)
		if (n->edges[i].to == ends[0] || n->edges[i].from == ends[1])
			return nir_bad(n, &n->nodes[n->edges[i].to], "",
				       "no edges to Input or from Output");
	return 0;
}

int nir_arrange(struct nir *n)
{
	struct reach *r = calloc(1, sizeof(*r));
	int distance[NIR_MOST_NODES];
	int ret = r ? 0 : error_set(-ENOMEM, "%s: no memory", n->h->path);

	if (!ret)
		ret = dissolve_names(n);
	if (!ret)
		ret = fold_scales(n);
	if (!ret) {
		find_distances(n, distance);
		ret = find_loops(n, r, distance);
	}
	if (!ret)
		ret = check_ways(n, r, distance);
	if (!ret) {
		find_hosts(n);
		ret = put_in_order(n);
	}
	free(r);
	return ret;
}
