// SPDX-License-Identifier: MIT
/*
 * import_nir.c - NIR graphs (HDF5) as float models.
 *
 * /node/nodes/<name> has a type and its parameters, /node/edges pairs of names in any order.
 * A linear map or a pool, and the neuron behind it, make a layer; what flows into a node from
 * several others is added up.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "import_nir.h"

/* A size that an option gives too is the same there. */
static bool agrees(uint32_t option, uint64_t size)
{
	return !option || option == size;
}

/* One size alone is split as the options say. */
static int split_size(const struct nir *n, const struct nir_node *node, uint64_t channels,
		      uint64_t map[3])
{
	const struct snnq_import_opts *o = n->opts;

	map[0] = o->polarities ? o->polarities : 1;
	map[1] = o->height ? o->height : 1;
	map[2] = channels / map[0] / map[1];
	if (map[0] * map[1] * map[2] == channels && agrees(o->width, map[2]))
		return 0;
	return error_set(-EBADMSG,
			 "%s: %s/shape: expected polarities x height x width as the options say, "
			 "found %" PRIu64 " channels",
			 n->h->path, node->path, channels);
}

/* Polarities, height and width; of two sizes, channels and positions in a row. */
static int read_map(const struct nir *n, const struct nir_node *node, uint64_t map[3], bool *flat)
{
	const struct snnq_import_opts *o = n->opts;
	struct import_array a = { .values = NULL };
	int ret = nir_read_array(n, node, "shape", &a);

	if (!ret && a.count == 4 && a.values[0] == 1) {
		memmove(a.values, a.values + 1, 3 * sizeof(*a.values));
		a.count = 3;
		import_note(n->opts, "%s: %s/shape: its first axis is taken for that of a batch",
			    n->h->path, node->path);
	}
	if (!ret && (!a.count || a.count > 3))
		ret = nir_bad(
			n, node, "shape",
			"one size, two (channels, length) or three (channels, height, width)");
	for (size_t i = 0; !ret && i < a.count; i++)
		if (a.values[i] != trunc(a.values[i]) || a.values[i] < 1 || a.values[i] > 65536)
			ret = nir_bad(n, node, "shape", "sizes from 1 to 65536");
	*flat = a.count == 1;
	if (!ret && *flat) {
		ret = split_size(n, node, (uint64_t)a.values[0], map);
	} else if (!ret) {
		map[0] = (uint64_t)a.values[0];
		map[1] = a.count == 2 ? 1 : (uint64_t)a.values[1];
		map[2] = (uint64_t)a.values[a.count - 1];
		if (!agrees(o->polarities, map[0]) || !agrees(o->height, map[1]) ||
		    !agrees(o->width, map[2]))
			ret = nir_bad(n, node, "shape", "the sizes that the options say");
	}
	if (!ret && o->input == SNNQ_IMPORT_AS_FOUND && map[0] > GRAPH_MAX_POLARITIES)
		ret = error_set(-EBADMSG,
				"%s: %s/shape: expected at most %u channels, found %" PRIu64,
				n->h->path, node->path, GRAPH_MAX_POLARITIES, map[0]);
	import_array_free(&a);
	return ret;
}

static void put_events(const struct snnq_import_opts *o, const uint64_t map[3], bool flat,
		       uint32_t planes, cJSON *input)
{
	json_put_number(input, "width", (double)map[2]);
	json_put_number(input, "height", (double)map[1]);
	json_put_number(input, "polarities", (double)map[0]);
	if (map[0] <= 2)
		json_put_number(input, "on_channel", (double)map[0] - 1);
	json_put_string(input, "layout", flat ? "flat" : "hwc");
	json_put_number(input, "planes", planes);
	json_put_string(input, "binning", "duration");
	json_put_number(input, "steps", o->steps);
	json_put_number(input, "step_us", o->step_us);
	json_put_string(input, "rounding", "floor");
	json_put_string(input, "origin", "first");
}

static int read_input(struct nir *n, struct nir_node *node)
{
	cJSON *input = json_put_object(n->file->graph, "input");
	const struct snnq_import_opts *o = n->opts;
	bool events = o->input == SNNQ_IMPORT_AS_FOUND, flat;
	uint32_t planes = o->planes ? o->planes : events ? 1 : IMPORT_VALUE_PLANES;
	uint64_t map[3];
	int ret = read_map(n, node, map, &flat);

	if (ret)
		return ret;
	node->out = (struct nir_value){
		.layer = "input",
		.channels = (uint32_t)(flat ? map[0] * map[1] * map[2] : map[0]),
		.height = flat ? 1 : (uint32_t)map[1],
		.width = flat ? 1 : (uint32_t)map[2],
		.most = (1ull << planes) - 1,
	};
	if (events)
		put_events(o, map, flat, planes, input);
	else
		import_put_values(input, map, flat, o->input == SNNQ_IMPORT_FRAMES, planes,
				  o->steps);
	return 0;
}

/* What the file says of a shape is what flows there. */
static int check_shape(const struct nir *n, const struct nir_node *node, const struct nir_value *v)
{
	struct import_array a = { .values = NULL };
	uint64_t all = (uint64_t)v->channels * v->height * v->width;
	double said = 1;
	int ret = nir_read_array(n, node, "shape", &a);

	for (size_t i = 0; i < a.count; i++)
		said *= a.values[i];
	if (!ret && said != (double)all)
		ret = error_set(-EBADMSG, "%s: %s/shape: expected %u x %u x %u, found %g values",
				n->h->path, node->path, v->channels, v->height, v->width, said);
	import_array_free(&a);
	return ret;
}

static int read_output(struct nir *n, int index)
{
	cJSON *readout = json_put_object(n->file->graph, "readout");
	const struct nir_node *node = &n->nodes[index];
	struct nir_value v = { .channels = 0 };
	int ret = nir_gather(n, index, &v);

	if (!ret && !strcmp(v.layer, "input"))
		ret = error_set(-EBADMSG, "%s: %s: expected layers before it, found the input",
				n->h->path, node->path);
	if (!ret)
		ret = check_shape(n, node, &v);
	if (!ret && (v.height > 1 || v.width > 1)) {
		import_note(n->opts,
			    "%s: %s: %u x %u x %u values (channels, height, width) are as many "
			    "classes, in this order",
			    n->h->path, node->path, v.channels, v.height, v.width);
		ret = nir_flatten(n, node, &v);
	}
	if (!ret)
		ret = nir_settle(n, node, &v);
	import_put_classes(n->file->graph, v.channels);
	json_put_string(readout, "input", v.layer);
	json_put_string(readout, "mode", "sum");
	json_put_number(readout, "scale", 1);
	return ret;
}

static int read_layers(struct nir *n)
{
	int ret = 0;

	for (int i = 0; !ret && i < n->ordered; i++) {
		int at = n->order[i];

		if (n->nodes[at].kind->role == NIR_INPUT) {
			ret = read_input(n, &n->nodes[at]);
			n->layers = json_put_array(n->file->graph, "layers");
		} else if (n->nodes[at].kind->role == NIR_OUTPUT) {
			ret = read_output(n, at);
		} else {
			ret = nir_lower(n, at);
		}
	}
	for (int i = 0; !ret && i < n->count; i++) {
		int from = n->nodes[i].stands_for;

		while (from >= 0 && n->nodes[from].gone)
			from = n->nodes[from].stands_for;
		if (n->nodes[i].inner && from >= 0)
			ret = check_shape(n, &n->nodes[i], &n->nodes[from].out);
	}
	return ret;
}

static int read_graph(struct nir *n, const char *name)
{
	char version[32], type[32];
	int ret = h5_members(n->h, "/", " version node metadata ");

	if (ret)
		return ret;
	if (!h5_text(n->h, "/version", version) ||
	    (strncmp(version, "0.", 2) && strncmp(version, "1.", 2)))
		return error_set(-EBADMSG, "%s: /version: expected 0.x or 1.x", n->h->path);
	if (!h5_text(n->h, "/node/type", type) || strcmp(type, "NIRGraph"))
		return error_set(-EBADMSG, "%s: /node/type: expected NIRGraph", n->h->path);
	import_put_head(n->file->graph, "float", name, "NIR");
	ret = nir_read_nodes(n);
	if (!ret)
		ret = nir_arrange(n);
	return ret ? ret : read_layers(n);
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
	modelfile_free(n->file);
	free(n);
	return ret;
}
