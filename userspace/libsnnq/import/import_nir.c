// SPDX-License-Identifier: MIT
/*
 * import_nir.c - NIR graphs (HDF5) as float models.
 *
 * /node/nodes/<name> has a type and its parameters, /node/edges pairs of names in any order.
 * What is read is one path from Input to Output: a linear map or a pool, and the neuron behind
 * it, make a layer.
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

/* Polarities, height and width; one size alone is split as the options say. */
static int read_map(const struct nir *n, const struct nir_node *node, uint64_t map[3], bool *flat)
{
	const struct snnq_import_opts *o = n->opts;
	struct import_array a = { .values = NULL };
	int ret = nir_read_array(n, node, "shape", &a);

	if (!ret && a.count != 1 && a.count != 3)
		ret = nir_bad(n, node, "shape", "one size or three: channels, height, width");
	for (size_t i = 0; !ret && i < a.count; i++)
		if (a.values[i] != trunc(a.values[i]) || a.values[i] < 1 || a.values[i] > 65536)
			ret = nir_bad(n, node, "shape", "sizes from 1 to 65536");
	*flat = a.count == 1;
	if (!ret && *flat) {
		uint64_t channels = (uint64_t)a.values[0];

		map[0] = o->polarities ? o->polarities : 1;
		map[1] = o->height ? o->height : 1;
		map[2] = channels / map[0] / map[1];
		if (map[0] * map[1] * map[2] != channels || !agrees(o->width, map[2]))
			ret = error_set(-EBADMSG,
					"%s: " NIR_NODES
					"/%s/shape: expected polarities x height x "
					"width as the options say, found %" PRIu64 " channels",
					n->h->path, node->name, channels);
	} else if (!ret) {
		for (int i = 0; i < 3; i++)
			map[i] = (uint64_t)a.values[i];
		if (!agrees(o->polarities, map[0]) || !agrees(o->height, map[1]) ||
		    !agrees(o->width, map[2]))
			ret = nir_bad(n, node, "shape", "the sizes that the options say");
	}
	if (!ret && map[0] > GRAPH_MAX_POLARITIES)
		ret = error_set(-EBADMSG,
				"%s: " NIR_NODES
				"/%s/shape: expected at most %u channels, found %" PRIu64,
				n->h->path, node->name, GRAPH_MAX_POLARITIES, map[0]);
	import_array_free(&a);
	return ret;
}

static int read_input(struct nir *n, const struct nir_node *node)
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
	if (map[0] <= 2)
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

static int read_node(struct nir *n, const struct nir_node *node)
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
				 "%s: " NIR_NODES
				 "/%s/type: expected Conv2d, Linear, Affine, SumPool2d, "
				 "AvgPool2d, Flatten, IF, LIF or CubaLIF, found %s",
				 n->h->path, node->name, node->type);
	nir_path(group, node, "");
	ret = h5_members(n->h, group, known[i].members);
	if (ret)
		return ret;
	if (!strcmp(node->type, "Conv2d"))
		return nir_read_conv(n, node);
	if (!strcmp(node->type, "Linear") || !strcmp(node->type, "Affine"))
		return nir_read_linear(n, node, *node->type == 'A');
	if (!strcmp(node->type, "SumPool2d"))
		return nir_read_pool(n, node, "sumpool");
	if (!strcmp(node->type, "AvgPool2d"))
		return nir_read_pool(n, node, "avgpool");
	if (!strcmp(node->type, "Flatten"))
		return nir_read_flatten(n, node);
	return !strcmp(node->type, "Output") ? 0 : nir_read_neuron(n, node);
}

/* The last layer may have weights and no neuron: its sums are the scores. */
static int read_end(struct nir *n)
{
	cJSON *readout = json_put_object(n->file->graph, "readout");
	int ret = 0;

	if (n->layer && n->weighted) {
		json_put_string(json_put_object(n->layer, "neuron"), "model", "none");
		if (n->bias.count)
			ret = nir_add_channels(n, n->bias.values, n->layer, "bias");
	}
	if (!ret)
		ret = nir_end_layer(n);
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
		return error_set(-EBADMSG, "%s: " NIR_NODES ": expected a node of type Input",
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
	ret = nir_read_nodes(n);
	if (!ret)
		ret = nir_read_edges(n);
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
