// SPDX-License-Identifier: MIT
/*
 * import_nir.c - NIR graphs (HDF5) as float models.
 *
 * /node/nodes/<name> has a type and its parameters, /node/edges pairs of names in any order.
 * What is read is one path from Input to Output: a linear map or a pool, and the neuron behind
 * it, make a layer. Neurons are differential equations; with an Euler step dt they are the
 * neurons of numerics.md, up to a gain of the input that goes into threshold and bias:
 *
 *	LIF	tau v' = v_leak - v + r x	lambda = 1 - dt/tau, gain dt/tau r
 *	IF	v' = r x			lambda = 1, gain r (x counts per step)
 *	CubaLIF	tau_syn i' = -i + w_in x, tau_mem v' = v_leak - v + r i
 *
 * (Pedersen et al., "Neuromorphic intermediate representation", 2024.) The file says neither dt
 * nor how long a step is, nor what reset does beyond v_reset; options do.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "import_h5.h"
#include "model/graph.h"
#include "snnq_program.h"

#define NODES	   "/node/nodes"
#define MOST	   1e30 /* of a number; floats have more */
#define MOST_EDGES (2 * IMPORT_MAX_LAYERS)

struct node {
	char name[32], type[32];
	int next, before; /* nodes, -1: none */
};

struct nir {
	const struct h5 *h;
	const struct snnq_import_opts *opts;
	struct modelfile *file;
	cJSON *layers;
	struct node nodes[2 * IMPORT_MAX_LAYERS];
	int count;
	uint32_t channels, height, width; /* of what flows here */
	uint64_t most;			  /* its largest value */
	bool flat;			  /* behind Flatten, which keeps the order (C, H, W) */
	char last[32];			  /* layer, or "input" */
	/* The layer that waits for its neuron; NULL: none. */
	cJSON *layer;
	bool weighted;
	struct import_array bias;
};

static int bad(const struct nir *n, const struct node *node, const char *key, const char *expected)
{
	return error_set(-EBADMSG, "%s: %s/%s%s%s: expected %s", n->h->path, NODES, node->name,
			 *key ? "/" : "", key, expected);
}

static void path_of(char path[96], const struct node *node, const char *key)
{
	snprintf(path, 96, NODES "/%s%s%s", node->name, *key ? "/" : "", key);
}

/* ---- nodes and edges ---- */

static int find_node(const struct nir *n, const char *name)
{
	for (int i = 0; i < n->count; i++)
		if (!strcmp(n->nodes[i].name, name))
			return i;
	return -1;
}

static int read_nodes(struct nir *n)
{
	H5G_info_t info;

	if (H5Gget_info_by_name(n->h->file, NODES, &info, H5P_DEFAULT) < 0)
		return error_set(-EBADMSG, "%s: " NODES ": expected a group", n->h->path);
	if (info.nlinks > sizeof(n->nodes) / sizeof(n->nodes[0]))
		return error_set(-EBADMSG, "%s: " NODES ": expected at most %zu nodes, found %llu",
				 n->h->path, sizeof(n->nodes) / sizeof(n->nodes[0]),
				 (unsigned long long)info.nlinks);
	for (hsize_t i = 0; i < info.nlinks; i++) {
		struct node *node = &n->nodes[n->count++];
		char path[96];
		H5L_info_t link;
		ssize_t bytes = H5Lget_name_by_idx(n->h->file, NODES, H5_INDEX_NAME, H5_ITER_INC, i,
						   node->name, sizeof(node->name), H5P_DEFAULT);

		if (bytes <= 0 || bytes >= (ssize_t)sizeof(node->name) ||
		    H5Lget_info_by_idx(n->h->file, NODES, H5_INDEX_NAME, H5_ITER_INC, i, &link,
				       H5P_DEFAULT) < 0 ||
		    link.type != H5L_TYPE_HARD)
			return error_set(-EBADMSG,
					 "%s: " NODES ": member %llu: expected a group with a name "
					 "of at most 31 bytes",
					 n->h->path, (unsigned long long)i);
		node->next = node->before = -1;
		path_of(path, node, "type");
		if (!h5_text(n->h, path, node->type))
			return bad(n, node, "type", "a string");
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

static int read_edges(struct nir *n)
{
	hid_t set = H5Dopen2(n->h->file, "/node/edges", H5P_DEFAULT);
	hid_t type = set < 0 ? -1 : H5Dget_type(set), space = set < 0 ? -1 : H5Dget_space(set);
	hid_t memory = H5Tcopy(H5T_C_S1);
	char *names[2 * MOST_EDGES] = { NULL };
	hsize_t shape[2] = { 0, 0 };
	int ret = 0;

	if (set < 0 || H5Tis_variable_str(type) <= 0 || H5Sget_simple_extent_ndims(space) != 2 ||
	    H5Sget_simple_extent_dims(space, shape, NULL) < 0 || shape[1] != 2 ||
	    shape[0] > MOST_EDGES) {
		ret = error_set(-EBADMSG, "%s: /node/edges: expected at most %d pairs of names",
				n->h->path, MOST_EDGES);
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

/* Numbers that must be there, finite. */
static int read_array(const struct nir *n, const struct node *node, const char *key,
		      struct import_array *a)
{
	char path[96];
	int ret;

	path_of(path, node, key);
	ret = h5_numbers(n->h, path, a);
	if (ret < 0)
		return ret;
	if (!ret)
		return bad(n, node, key, "numbers, found nothing");
	for (size_t i = 0; i < a->count; i++)
		if (!isfinite(a->values[i]) || fabs(a->values[i]) > MOST)
			return bad(n, node, key, "finite numbers");
	return 0;
}

/* One number for each channel; @absent where there is none, unless that is a NaN. */
static int read_channels(const struct nir *n, const struct node *node, const char *key,
			 double absent, double *values)
{
	size_t positions = (size_t)n->height * n->width, channels = n->channels;
	struct import_array a = { .values = NULL };
	char path[96];
	int ret = 0;

	path_of(path, node, key);
	if (isnan(absent) || h5_exists(n->h, path))
		ret = read_array(n, node, key, &a);
	if (!ret && a.count && a.count != 1 && a.count != channels &&
	    a.count != channels * positions)
		ret = error_set(-EBADMSG,
				"%s: %s: expected %zu numbers, one for each channel or neuron, "
				"found %zu",
				n->h->path, path, channels, a.count);
	for (size_t i = 0; !ret && a.count > channels && i < a.count; i++)
		if (a.values[i] != a.values[i / positions * positions])
			ret = bad(n, node, key, "the same number at all positions of a channel");
	for (size_t c = 0; !ret && c < channels; c++)
		values[c] = !a.count ? absent :
				       a.values[a.count == 1	    ? 0 :
						a.count == channels ? c :
								      c * positions];
	import_array_free(&a);
	return ret;
}

/* 1 - dt/tau of all channels alike, as a share of 65536. */
static int read_decay(const struct nir *n, const struct node *node, const char *key, double *tau,
		      uint32_t *lambda)
{
	double dt = n->opts->dt > 0 ? n->opts->dt : n->opts->step_us * 1e-6;
	int ret = read_channels(n, node, key, NAN, tau);

	for (uint32_t c = 1; !ret && c < n->channels; c++)
		if (tau[c] != tau[0])
			ret = bad(n, node, key, "the same number for all channels");
	if (!ret && !(tau[0] >= dt))
		ret = error_set(-EBADMSG,
				"%s: " NODES "/%s/%s: expected at least the time step of %g s, "
				"found %g (see --dt)",
				n->h->path, node->name, key, dt, tau[0]);
	*lambda = ret ? 0 : (uint32_t)lround(65536 * (1 - dt / tau[0]));
	for (uint32_t c = 0; !ret && c < n->channels; c++)
		tau[c] = dt / tau[c];
	return ret;
}

/* ---- layers ---- */

static int add_floats(const struct nir *n, const char *name, const char *part, uint32_t dims,
		      const uint64_t *shape, const double *values, cJSON *node, const char *key)
{
	char tensor[48];
	uint64_t count = 1;
	float *floats;
	int ret;

	for (uint32_t i = 0; i < dims; i++)
		count *= shape[i];
	floats = malloc(count * sizeof(*floats));
	if (!floats)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (uint64_t i = 0; i < count; i++)
		floats[i] = (float)values[i];
	snprintf(tensor, sizeof(tensor), "%s.%s", name, part);
	ret = modelfile_add(n->file, tensor, DTYPE_F32, dims, shape, floats);
	free(floats);
	json_put_string(node, key, tensor);
	return ret;
}

/* A number, or a tensor of them where they differ. */
static int add_channels(const struct nir *n, const double *values, cJSON *node, const char *key)
{
	uint64_t channels = n->channels;
	uint32_t c = 1;

	while (c < channels && values[c] == values[0])
		c++;
	if (c < channels)
		return add_floats(n, n->last, key, 1, &channels, values, node, key);
	json_put_number(node, key, values[0]);
	return 0;
}

/* A layer that nothing but its own neuron can change any more. */
static int end_layer(struct nir *n)
{
	uint32_t planes = 0;

	if (!n->layer || n->weighted) {
		n->layer = NULL;
		return 0;
	}
	while (n->most >> planes)
		planes++;
	if (planes > SNNQ_MAX_PLANES)
		return error_set(-EBADMSG, "%s: %s: expected sums up to %u, found %" PRIu64,
				 n->h->path, n->last, (1u << SNNQ_MAX_PLANES) - 1, n->most);
	json_put_number(n->layer, "planes", planes);
	n->layer = NULL;
	return 0;
}

static int begin_layer(struct nir *n, const struct node *node, const char *op, bool weighted)
{
	const char *input = n->last;
	int ret = 0;

	if (n->layer && n->weighted)
		return bad(n, node, "type", "a neuron behind a layer with weights");
	if (n->flat && !weighted)
		return bad(n, node, "type", "Linear or Affine behind Flatten");
	ret = end_layer(n);
	if (ret)
		return ret;
	n->layer = json_append_object(n->layers);
	if (!n->layer)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	n->weighted = weighted;
	json_put_string(n->layer, "name", node->name);
	json_put_string(n->layer, "op", op);
	json_put(n->layer, "inputs", cJSON_CreateStringArray(&input, 1));
	memcpy(n->last, node->name, sizeof(n->last));
	import_array_free(&n->bias);
	return 0;
}

/* Kernel, stride, padding and dilation of the waiting layer, and what comes out. */
static int put_window(struct nir *n, const struct node *node, const uint32_t kernel[2],
		      bool dilates)
{
	uint32_t stride[2], padding[2], dilation[2] = { 1, 1 };
	uint64_t h, w;
	char group[96];
	int ret;

	path_of(group, node, "");
	ret = h5_pair(n->h, group, "stride", 1, stride);
	if (!ret)
		ret = h5_pair(n->h, group, "padding", 0, padding);
	if (!ret && dilates)
		ret = h5_pair(n->h, group, "dilation", 1, dilation);
	if (ret)
		return ret;
	h = graph_window(n->height, kernel[0], stride[0], padding[0], dilation[0]);
	w = graph_window(n->width, kernel[1], stride[1], padding[1], dilation[1]);
	if (!h || !w || h > SNNQ_MAX_DIM || w > SNNQ_MAX_DIM)
		return error_set(-EBADMSG, "%s: %s: expected a window that fits %u x %u positions",
				 n->h->path, group, n->height, n->width);
	import_put_pair(n->layer, "kernel", kernel[0], kernel[1]);
	import_put_pair(n->layer, "stride", stride[0], stride[1]);
	import_put_pair(n->layer, "padding", padding[0], padding[1]);
	import_put_pair(n->layer, "dilation", dilation[0], dilation[1]);
	n->height = (uint32_t)h;
	n->width = (uint32_t)w;
	return 0;
}

/* What a file says of the map that it expects. */
static int check_map(const struct nir *n, const struct node *node, const char *key, uint32_t dims)
{
	const uint32_t map[3] = { n->channels, n->height, n->width };
	struct import_array a = { .values = NULL };
	char path[96];
	int ret = 0;

	path_of(path, node, key);
	if (!h5_exists(n->h, path))
		return 0;
	ret = read_array(n, node, key, &a);
	for (uint32_t i = 0; !ret && i < dims; i++)
		if (a.count != dims || a.values[i] != map[3 - dims + i])
			ret = error_set(
				-EBADMSG,
				"%s: %s: expected %u x %u x %u, as the nodes before it give",
				n->h->path, path, map[0], map[1], map[2]);
	import_array_free(&a);
	return ret;
}

static int read_bias(struct nir *n, const struct node *node, bool required)
{
	char path[96];
	int ret;

	path_of(path, node, "bias");
	if (!required && !h5_exists(n->h, path))
		return 0;
	ret = read_array(n, node, "bias", &n->bias);
	if (ret)
		return ret;
	return n->bias.count == n->channels ? 0 :
					      bad(n, node, "bias", "one number for each output");
}

/* The weights' own axes, as numbers of 64 bits. */
static int add_weight(struct nir *n, const struct node *node, uint32_t dims, const uint64_t *shape,
		      const struct import_array *w)
{
	cJSON *weight = json_put_object(n->layer, "weight");

	json_put_string(weight, "scheme", "float");
	json_put_number(n->layer, "out_channels", w->shape[0]);
	n->channels = w->shape[0];
	return add_floats(n, node->name, "weight", dims, shape, w->values, weight, "tensor");
}

static int read_conv(struct nir *n, const struct node *node)
{
	struct import_array w = { .values = NULL };
	uint64_t shape[4];
	double groups = 1;
	char path[96];
	int ret = begin_layer(n, node, "conv2d", true);

	if (!ret)
		ret = check_map(n, node, "input_shape", 2);
	path_of(path, node, "groups");
	if (!ret)
		ret = h5_integer(n->h, path, 1, 65536, 1, &groups);
	if (!ret)
		ret = read_array(n, node, "weight", &w);
	if (!ret && (w.dims != 4 || (uint64_t)w.shape[1] * (uint32_t)groups != n->channels ||
		     w.shape[0] % (uint32_t)groups || w.shape[0] > SNNQ_MAX_CHANNELS))
		ret = error_set(-EBADMSG,
				"%s: " NODES "/%s/weight: expected (out, %g, height, width) for %u "
				"channels in %g groups",
				n->h->path, node->name, n->channels / groups, n->channels, groups);
	for (uint32_t i = 0; !ret && i < 4; i++)
		shape[i] = w.shape[i];
	if (!ret)
		ret = put_window(n, node, &w.shape[2], true);
	if (!ret) {
		json_put_number(n->layer, "groups", groups);
		ret = add_weight(n, node, 4, shape, &w);
	}
	import_array_free(&w);
	return ret ? ret : read_bias(n, node, false);
}

/* Over a whole map it is a convolution whose window is the map. */
static int read_linear(struct nir *n, const struct node *node, bool affine)
{
	static const uint32_t one[2] = { 1, 1 }, none[2] = { 0, 0 };
	bool map = n->height > 1 || n->width > 1;
	uint64_t inputs = (uint64_t)n->channels * n->height * n->width;
	uint64_t shape[4] = { 0, n->channels, n->height, n->width };
	struct import_array w = { .values = NULL };
	int ret;

	if (map && !n->flat)
		return bad(n, node, "type", "Flatten between a map and a linear layer");
	ret = begin_layer(n, node, map ? "conv2d" : "linear", true);
	if (!ret)
		ret = read_array(n, node, "weight", &w);
	if (!ret && (w.dims != 2 || w.shape[1] != inputs || w.shape[0] > SNNQ_MAX_CHANNELS))
		ret = error_set(-EBADMSG,
				"%s: " NODES "/%s/weight: expected (out, %" PRIu64
				"), found %u axes, the last of %u",
				n->h->path, node->name, inputs, w.dims,
				w.dims ? w.shape[w.dims - 1] : 0);
	if (!ret && map) {
		const uint32_t kernel[2] = { n->height, n->width };

		import_put_pair(n->layer, "kernel", kernel[0], kernel[1]);
		import_put_pair(n->layer, "stride", one[0], one[1]);
		import_put_pair(n->layer, "padding", none[0], none[1]);
		import_put_pair(n->layer, "dilation", one[0], one[1]);
	}
	if (!ret) {
		shape[0] = w.shape[0];
		ret = add_weight(n, node, map ? 4 : 2, shape, &w);
	}
	import_array_free(&w);
	n->height = n->width = 1;
	n->flat = false;
	return ret ? ret : read_bias(n, node, affine);
}

static int read_pool(struct nir *n, const struct node *node, const char *op)
{
	uint32_t kernel[2];
	char group[96];
	int ret = begin_layer(n, node, op, false);

	path_of(group, node, "");
	if (!ret)
		ret = h5_pair(n->h, group, "kernel_size", 0, kernel);
	if (!ret)
		ret = put_window(n, node, kernel, false);
	if (!ret)
		n->most *= (uint64_t)kernel[0] * kernel[1];
	return ret;
}

static int read_flatten(struct nir *n, const struct node *node)
{
	double first, last;
	char path[96];
	int ret;

	if (n->layer && n->weighted)
		return bad(n, node, "type", "a neuron behind a layer with weights");
	path_of(path, node, "start_dim");
	ret = h5_integer(n->h, path, 0, 1, 0, &first);
	if (ret)
		return ret;
	path_of(path, node, "end_dim");
	ret = h5_integer(n->h, path, -3, 3, 2, &last);
	if (!ret && ((last != -1 && last != first + 2) || last == first))
		ret = bad(n, node, "end_dim", "all axes behind start_dim");
	if (!ret)
		ret = check_map(n, node, "input_type", 3);
	if (!ret)
		ret = end_layer(n);
	n->flat = true;
	return ret;
}

/* ---- neurons ---- */

/* Of a neuron, for each channel. */
struct neuron {
	double *gain, *threshold, *leak, *reset, *decay, *r;
};

static void put_leak(cJSON *neuron, const char *key, uint32_t lambda)
{
	cJSON *leak = json_put_object(neuron, key);

	json_put_string(leak, "kind", lambda == 65536 ? "none" : "q16");
	if (lambda != 65536)
		json_put_number(leak, "lambda", lambda);
}

/* Its equations' parameters; the gain of the input in steps of dt. */
static int read_equations(struct nir *n, const struct node *node, cJSON *neuron, struct neuron *p)
{
	bool cuba = !strcmp(node->type, "CubaLIF"), leaks = cuba || !strcmp(node->type, "LIF");
	uint32_t lambda = 65536, c;
	int ret = read_channels(n, node, "v_threshold", NAN, p->threshold);

	if (!ret)
		ret = read_channels(n, node, "r", NAN, p->gain);
	if (!ret)
		ret = read_channels(n, node, "v_reset", 0, p->reset);
	if (!ret && leaks)
		ret = read_channels(n, node, "v_leak", NAN, p->leak);
	if (!ret && leaks)
		ret = read_decay(n, node, cuba ? "tau_mem" : "tau", p->decay, &lambda);
	if (ret)
		return ret;
	put_leak(neuron, "leak", lambda);
	/* v_leak is an input of 1/r times as much. */
	for (c = 0; leaks && c < n->channels; c++) {
		p->leak[c] /= p->gain[c];
		p->gain[c] *= p->decay[c];
	}
	if (!cuba)
		return 0;
	/* Ours is added to the membrane potential, NIR's is a part of the current's input. */
	for (c = 0; n->bias.count && c < n->channels; c++)
		if (n->bias.values[c] != 0)
			return bad(n, node, "type", "a neuron without current behind a bias");
	ret = read_decay(n, node, "tau_syn", p->decay, &lambda);
	if (!ret)
		ret = read_channels(n, node, "w_in", 1, p->r);
	for (c = 0; !ret && c < n->channels; c++) {
		p->leak[c] /= p->decay[c] * p->r[c];
		p->gain[c] *= p->decay[c] * p->r[c];
	}
	put_leak(neuron, "current_leak", lambda);
	if (n->opts->old_current)
		json_put(neuron, "old_current", cJSON_CreateTrue());
	return ret;
}

/* The gain goes into the threshold; what v_leak adds into the bias. */
static int put_neuron(struct nir *n, const struct node *node, cJSON *neuron, struct neuron *p)
{
	bool biased = false;
	int ret;

	for (uint32_t c = 0; c < n->channels; c++) {
		if (!(p->gain[c] > 0) || !(p->threshold[c] > 0))
			return bad(n, node, "", "a positive threshold and input resistance");
		if (p->reset[c] != 0)
			return bad(n, node, "v_reset", "0");
		p->threshold[c] /= p->gain[c];
		p->leak[c] += n->bias.count ? n->bias.values[c] : 0;
		if (!(p->threshold[c] <= MOST) || !(fabs(p->leak[c]) <= MOST))
			return bad(n, node, "", "parameters whose ratios are below 1e30");
		biased |= p->leak[c] != 0;
	}
	json_put_string(neuron, "compare", n->opts->compare_ge ? "ge" : "gt");
	json_put_string(neuron, "reset", n->opts->reset_subtract ? "soft" : "hard");
	ret = add_channels(n, p->threshold, neuron, "threshold");
	return ret || !biased ? ret : add_channels(n, p->leak, n->layer, "bias");
}

static int read_neuron(struct nir *n, const struct node *node)
{
	double *block = calloc(6 * (size_t)n->channels, sizeof(*block));
	struct neuron p = { block,
			    block + n->channels,
			    block + 2 * (size_t)n->channels,
			    block + 3 * (size_t)n->channels,
			    block + 4 * (size_t)n->channels,
			    block + 5 * (size_t)n->channels };
	cJSON *neuron;
	int ret;

	if (!block)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	if (!n->layer) {
		free(block);
		return bad(n, node, "type", "a layer or a pool before a neuron");
	}
	neuron = json_put_object(n->layer, "neuron");
	json_put_string(neuron, "model", strcmp(node->type, "CubaLIF") ? "lif" : "cuba");
	ret = read_equations(n, node, neuron, &p);
	if (!ret)
		ret = put_neuron(n, node, neuron, &p);
	free(block);
	n->layer = NULL;
	n->most = 1;
	return ret;
}

/* ---- the path ---- */

/* A size that an option gives too is the same there. */
static bool agrees(uint32_t option, uint64_t size)
{
	return !option || option == size;
}

/* Polarities, height and width; one size alone is split as the options say. */
static int read_map(const struct nir *n, const struct node *node, uint64_t map[3], bool *flat)
{
	const struct snnq_import_opts *o = n->opts;
	struct import_array a = { .values = NULL };
	int ret = read_array(n, node, "shape", &a);

	if (!ret && a.count != 1 && a.count != 3)
		ret = bad(n, node, "shape", "one size or three: channels, height, width");
	for (size_t i = 0; !ret && i < a.count; i++)
		if (a.values[i] != trunc(a.values[i]) || a.values[i] < 1 || a.values[i] > 65536)
			ret = bad(n, node, "shape", "sizes from 1 to 65536");
	*flat = a.count == 1;
	if (!ret && *flat) {
		uint64_t channels = (uint64_t)a.values[0];

		map[0] = o->polarities ? o->polarities : 1;
		map[1] = o->height ? o->height : 1;
		map[2] = channels / map[0] / map[1];
		if (map[0] * map[1] * map[2] != channels || !agrees(o->width, map[2]))
			ret = error_set(-EBADMSG,
					"%s: " NODES "/%s/shape: expected polarities x height x "
					"width as the options say, found %" PRIu64 " channels",
					n->h->path, node->name, channels);
	} else if (!ret) {
		for (int i = 0; i < 3; i++)
			map[i] = (uint64_t)a.values[i];
		if (!agrees(o->polarities, map[0]) || !agrees(o->height, map[1]) ||
		    !agrees(o->width, map[2]))
			ret = bad(n, node, "shape", "the sizes that the options say");
	}
	if (!ret && map[0] > 2)
		ret = error_set(-EBADMSG,
				"%s: " NODES
				"/%s/shape: expected 1 or 2 polarities, found %" PRIu64,
				n->h->path, node->name, map[0]);
	import_array_free(&a);
	return ret;
}

static int read_input(struct nir *n, const struct node *node)
{
	cJSON *input = json_put_object(n->file->graph, "input");
	uint32_t planes = n->opts->planes ? n->opts->planes : 1;
	uint64_t map[3];
	bool flat;
	int ret = read_map(n, node, map, &flat);

	if (ret)
		return ret;
	n->channels = (uint32_t)(flat ? map[0] * map[1] * map[2] : map[0]);
	n->height = flat ? 1 : (uint32_t)map[1];
	n->width = flat ? 1 : (uint32_t)map[2];
	json_put_number(input, "width", (double)map[2]);
	json_put_number(input, "height", (double)map[1]);
	json_put_number(input, "polarities", (double)map[0]);
	json_put_number(input, "on_channel", (double)map[0] - 1);
	json_put_string(input, "layout", flat ? "flat" : "hwc");
	json_put_number(input, "planes", planes);
	json_put_string(input, "binning", "duration");
	json_put_number(input, "steps", n->opts->steps);
	json_put_number(input, "step_us", n->opts->step_us);
	json_put_string(input, "rounding", "floor");
	json_put_string(input, "origin", "first");
	n->most = (1ull << planes) - 1;
	strcpy(n->last, "input");
	return 0;
}

static int read_node(struct nir *n, const struct node *node)
{
	static const struct {
		const char *type, *members;
	} known[] = {
		{ "Input", " type shape metadata " },
		{ "Output", " type shape metadata " },
		{ "Conv2d",
		  " type weight bias stride padding dilation groups input_shape metadata " },
		{ "Linear", " type weight metadata " },
		{ "Affine", " type weight bias metadata " },
		{ "SumPool2d", " type kernel_size stride padding metadata " },
		{ "AvgPool2d", " type kernel_size stride padding metadata " },
		{ "Flatten", " type start_dim end_dim input_type metadata " },
		{ "IF", " type r v_threshold v_reset metadata " },
		{ "LIF", " type tau r v_leak v_threshold v_reset metadata " },
		{ "CubaLIF", " type tau_mem tau_syn r v_leak v_threshold v_reset w_in metadata " },
	};
	size_t i = 0, count = sizeof(known) / sizeof(known[0]);
	char group[96];
	int ret;

	while (i < count && strcmp(known[i].type, node->type))
		i++;
	if (i == count)
		return error_set(-EBADMSG,
				 "%s: " NODES
				 "/%s/type: expected Conv2d, Linear, Affine, SumPool2d, "
				 "AvgPool2d, Flatten, IF, LIF or CubaLIF, found %s",
				 n->h->path, node->name, node->type);
	path_of(group, node, "");
	ret = h5_members(n->h, group, known[i].members);
	if (ret)
		return ret;
	if (!strcmp(node->type, "Conv2d"))
		return read_conv(n, node);
	if (!strcmp(node->type, "Linear") || !strcmp(node->type, "Affine"))
		return read_linear(n, node, *node->type == 'A');
	if (!strcmp(node->type, "SumPool2d"))
		return read_pool(n, node, "sumpool");
	if (!strcmp(node->type, "AvgPool2d"))
		return read_pool(n, node, "avgpool");
	if (!strcmp(node->type, "Flatten"))
		return read_flatten(n, node);
	return !strcmp(node->type, "Output") ? 0 : read_neuron(n, node);
}

/* The last layer may have weights and no neuron: its sums are the scores. */
static int read_end(struct nir *n)
{
	cJSON *readout = json_put_object(n->file->graph, "readout");
	int ret = 0;

	if (n->layer && n->weighted) {
		json_put_string(json_put_object(n->layer, "neuron"), "model", "none");
		if (n->bias.count)
			ret = add_channels(n, n->bias.values, n->layer, "bias");
	}
	if (!ret)
		ret = end_layer(n);
	if (!ret && (n->height != 1 || n->width != 1 || !strcmp(n->last, "input") || n->flat))
		ret = error_set(-EBADMSG,
				"%s: expected layers with an output of 1 x 1, found %u x %u",
				n->h->path, n->height, n->width);
	import_put_classes(n->file->graph, n->channels);
	json_put_string(readout, "input", n->last);
	json_put_string(readout, "mode", "sum");
	json_put_number(readout, "scale", 1);
	return ret;
}

/* From the one Input to the one Output, over all nodes. */
static int read_path(struct nir *n)
{
	int at = -1, done = 0, ret;

	for (int i = 0; i < n->count; i++)
		if (!strcmp(n->nodes[i].type, "Input") && n->nodes[i].before < 0)
			at = i;
	if (at < 0)
		return error_set(-EBADMSG, "%s: " NODES ": expected a node of type Input",
				 n->h->path);
	ret = read_input(n, &n->nodes[at]);
	n->layers = json_put_array(n->file->graph, "layers");
	for (done = 1; !ret && n->nodes[at].next >= 0 && done <= n->count; done++) {
		at = n->nodes[at].next;
		ret = read_node(n, &n->nodes[at]);
	}
	if (!ret && (done != n->count || strcmp(n->nodes[at].type, "Output")))
		ret = error_set(
			-EBADMSG,
			"%s: /node/edges: expected one path over all %d nodes to Output, found "
			"%d, the last of type %s",
			n->h->path, n->count, done, n->nodes[at].type);
	return ret ? ret : read_end(n);
}

static int read_graph(struct nir *n, const char *name)
{
	cJSON *graph = n->file->graph;
	char version[32], type[32];
	int ret = h5_members(n->h, "/", " version node metadata ");

	if (!ret)
		ret = h5_members(n->h, "/node",
				 " type nodes edges metadata input_type output_type ");
	if (ret)
		return ret;
	if (!h5_text(n->h, "/version", version) ||
	    (strncmp(version, "0.", 2) && strncmp(version, "1.", 2)))
		return error_set(-EBADMSG, "%s: /version: expected 0.x or 1.x", n->h->path);
	if (!h5_text(n->h, "/node/type", type) || strcmp(type, "NIRGraph"))
		return error_set(-EBADMSG, "%s: /node/type: expected NIRGraph", n->h->path);
	import_put_head(graph, "float", name, "NIR");
	ret = read_nodes(n);
	if (!ret)
		ret = read_edges(n);
	return ret ? ret : read_path(n);
}

int import_nir(const struct h5 *h, const char *name, const struct snnq_import_opts *opts,
	       const char *out)
{
	struct nir *n = calloc(1, sizeof(*n));
	uint64_t losses = json_losses();
	struct graph graph;
	int ret = n ? modelfile_new(cJSON_CreateObject(), &n->file) : -ENOMEM;

	if (ret) {
		free(n);
		return error_set(ret, "%s: no memory", h->path);
	}
	n->h = h;
	n->opts = opts;
	ret = read_graph(n, name);
	if (!ret && json_losses() != losses)
		ret = error_set(-ENOMEM, "%s: no memory", h->path);
	if (!ret)
		ret = graph_parse(h->path, n->file, &graph);
	if (!ret) {
		graph_free(&graph);
		ret = modelfile_write(n->file, out);
	}
	import_array_free(&n->bias);
	modelfile_free(n->file);
	free(n);
	return ret;
}
