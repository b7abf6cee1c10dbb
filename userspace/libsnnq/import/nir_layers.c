// SPDX-License-Identifier: MIT
/*
 * nir_layers.c - nodes of a NIR graph as layers of a model.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "import_nir.h"
#include "model/model.h"
#include "snnq_program.h"

/* ---- windows ---- */

struct window {
	uint32_t kernel[2], stride[2], dilation[2];
	uint32_t near[2], far[2]; /* padding before the first and behind the last position */
};

/* Of convolutions also by name, as PyTorch has them: with "same" the far side gets the odd one. */
static int read_padding(const struct nir *n, const struct nir_node *node, bool by_name,
			struct window *w)
{
	char path[H5_PATH], name[32];
	int ret = 0;

	nir_path(path, node, "padding");
	if (!by_name || !h5_text(n->h, path, name)) {
		ret = h5_pair(n->h, node->path, "padding", 0, w->near);
		memcpy(w->far, w->near, sizeof(w->far));
		return ret;
	}
	if (strcmp(name, "same") && strcmp(name, "valid"))
		return error_set(-EBADMSG, "%s: %s: expected numbers, same or valid, found %s",
				 n->h->path, path, name);
	for (int i = 0; i < 2; i++) {
		uint32_t all = *name == 's' ? w->dilation[i] * (w->kernel[i] - 1) : 0;

		w->near[i] = all / 2;
		w->far[i] = all - w->near[i];
	}
	if (*name == 's' && (w->stride[0] != 1 || w->stride[1] != 1))
		ret = error_set(-EBADMSG,
				"%s: %s/stride: expected 1, as padding is same, found %u, %u",
				n->h->path, node->path, w->stride[0], w->stride[1]);
	return ret;
}

static int read_window(const struct nir *n, const struct nir_node *node, bool dilates, bool one,
		       struct window *w)
{
	int ret = h5_pair(n->h, node->path, "stride", 1, w->stride);

	w->dilation[0] = w->dilation[1] = 1;
	if (!ret && dilates)
		ret = h5_pair(n->h, node->path, "dilation", 1, w->dilation);
	if (!ret && one)
		w->stride[0] = w->dilation[0] = 1;
	if (!ret)
		ret = read_padding(n, node, dilates, w);
	if (one)
		w->near[0] = w->far[0] = 0;
	return ret;
}

static void put_padding(cJSON *layer, const struct window *w)
{
	int sides[] = { (int)w->near[0], (int)w->near[1], (int)w->far[0], (int)w->far[1] };

	if (!memcmp(w->near, w->far, sizeof(w->near)))
		import_put_pair(layer, "padding", w->near[0], w->near[1]);
	else
		json_put(layer, "padding", cJSON_CreateIntArray(sides, 4));
}

/* Kernel, stride, padding and dilation, and what comes out; @one: of one dimension. */
static int put_window(struct nir *n, const struct nir_node *node, cJSON *layer,
		      const uint32_t kernel[2], bool dilates, bool one, struct nir_value *v)
{
	struct window win = { .kernel = { kernel[0], kernel[1] } };
	bool small = kernel[0] <= SNNQ_MAX_DIM && kernel[1] <= SNNQ_MAX_DIM;
	int ret = small ? read_window(n, node, dilates, one, &win) : 0;
	uint64_t h, w;

	if (ret)
		return ret;
	h = graph_window(v->height, kernel[0], win.stride[0], win.near[0] + win.far[0],
			 win.dilation[0]);
	w = graph_window(v->width, kernel[1], win.stride[1], win.near[1] + win.far[1],
			 win.dilation[1]);
	if (!small || !h || !w || h > SNNQ_MAX_DIM || w > SNNQ_MAX_DIM)
		return error_set(-EBADMSG, "%s: %s: expected a window that fits %u x %u positions",
				 n->h->path, node->path, v->height, v->width);
	import_put_pair(layer, "kernel", kernel[0], kernel[1]);
	import_put_pair(layer, "stride", win.stride[0], win.stride[1]);
	put_padding(layer, &win);
	import_put_pair(layer, "dilation", win.dilation[0], win.dilation[1]);
	v->height = (uint32_t)h;
	v->width = (uint32_t)w;
	return 0;
}

/* What a file says of the map that it expects: its last @dims sizes. */
static int check_map(const struct nir *n, const struct nir_node *node, const char *key,
		     uint32_t dims, const struct nir_value *v)
{
	const uint32_t map[3] = { v->channels, v->height, v->width };
	struct import_array a = { .values = NULL };
	char path[H5_PATH];
	int ret;

	nir_path(path, node, key);
	if (!h5_exists(n->h, path))
		return 0;
	ret = nir_read_array(n, node, key, &a);
	/* of one position, channels alone will do */
	if (!ret && dims == 1 && v->height == 1 && v->width == 1 && a.count &&
	    a.values[0] == map[0])
		dims = 0;
	for (uint32_t i = 0; !ret && i < dims; i++)
		if (a.count != dims || a.values[i] != map[3 - dims + i])
			ret = error_set(
				-EBADMSG,
				"%s: %s: expected %u x %u x %u, as the nodes before it give",
				n->h->path, path, map[0], map[1], map[2]);
	import_array_free(&a);
	return ret;
}

/* ---- weights ---- */

static int read_bias(const struct nir *n, const struct nir_node *node, uint32_t outputs,
		     bool required, struct import_array *bias)
{
	char path[H5_PATH];
	int ret;

	nir_path(path, node, "bias");
	if (!required && !h5_exists(n->h, path))
		return 0;
	ret = nir_read_array(n, node, "bias", bias);
	if (!ret && bias->count != outputs)
		ret = nir_bad(n, node, "bias", "one number for each output");
	return ret;
}

/* Factors of rows: of nodes that scale them, and of potentials that are seen. */
static int read_factors(const struct nir *n, int index, const struct nir_value *out,
			double *factors)
{
	const struct nir_node *node = &n->nodes[index];
	int next = nir_next(n, index), ret = 0;
	double *scale = calloc(out->channels, sizeof(*scale));

	if (!scale)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (uint32_t c = 0; c < out->channels; c++)
		factors[c] = 1;
	for (int i = 0; !ret && i < node->scale_count; i++) {
		ret = nir_read_channels(n, &n->nodes[node->scales[i]], "scale", NAN, out, scale);
		for (uint32_t c = 0; !ret && c < out->channels; c++)
			factors[c] *= scale[c];
	}
	free(scale);
	if (!ret && next >= 0 && n->nodes[next].kind->role == NIR_POTENTIAL)
		ret = nir_potential_gain(n, &n->nodes[next], out, factors);
	return ret;
}

static int add_weight(struct nir *n, int index, cJSON *layer, uint32_t dims, const uint64_t *shape,
		      struct import_array *w, struct import_array *bias, struct nir_value *out)
{
	const struct nir_node *node = &n->nodes[index];
	cJSON *weight = json_put_object(layer, "weight");
	double *factors = calloc(out->channels, sizeof(*factors));
	size_t per = w->count / out->channels;
	int ret = factors ? read_factors(n, index, out, factors) :
			    error_set(-ENOMEM, "%s: no memory", n->h->path);

	for (size_t i = 0; !ret && i < w->count; i++) {
		w->values[i] *= factors[i / per];
		if (!(fabs(w->values[i]) <= NIR_MOST))
			ret = nir_bad(n, node, "weight", "numbers that scales leave below 1e30");
	}
	for (size_t c = 0; !ret && c < bias->count; c++)
		bias->values[c] *= factors[c];
	free(factors);
	json_put_string(weight, "scheme", "float");
	json_put_number(layer, "out_channels", out->channels);
	return ret ? ret :
		     nir_add_floats(n, node->name, "weight", dims, shape, w->values, weight,
				    "tensor");
}

/* The neuron of a layer with weights, or its bias alone. */
static int end_weighted(struct nir *n, struct nir_node *node, cJSON *layer,
			const struct import_array *bias, struct nir_value *out)
{
	uint64_t channels = out->channels;

	if (node->neuron >= 0)
		return nir_put_neuron(n, &n->nodes[node->neuron], layer, bias, out);
	json_put_string(json_put_object(layer, "neuron"), "model", "none");
	out->most = 0;
	for (size_t c = 0; c < bias->count; c++)
		if (bias->values[c] != 0)
			return nir_add_floats(n, out->layer, "bias", 1, &channels, bias->values,
					      layer, "bias");
	return 0;
}

static int lower_conv(struct nir *n, int index, bool one, struct nir_value *v,
		      struct import_array *w, struct import_array *bias)
{
	struct nir_node *node = &n->nodes[index];
	uint32_t dims = one ? 3 : 4, kernel[2] = { 1, 1 };
	uint64_t shape[4] = { 0 };
	double groups = 1;
	char path[H5_PATH];
	cJSON *layer;
	int ret = check_map(n, node, "input_shape", one ? 1 : 2, v);

	nir_path(path, node, "groups");
	if (!ret)
		ret = h5_integer(n->h, path, 1, 65536, 1, &groups);
	if (!ret)
		ret = nir_read_array(n, node, "weight", w);
	if (!ret && (w->dims != dims || (uint64_t)w->shape[1] * (uint32_t)groups != v->channels ||
		     w->shape[0] % (uint32_t)groups || w->shape[0] > SNNQ_MAX_CHANNELS ||
		     (one && v->height != 1)))
		ret = error_set(-EBADMSG,
				"%s: %s/weight: expected (out, %g, %s) for %u "
				"channels in %g groups",
				n->h->path, node->path, v->channels / groups,
				one ? "width" : "height, width", v->channels, groups);
	if (ret)
		return ret;
	for (uint32_t i = 0; i < 4; i++)
		shape[i] = i < 2 ? w->shape[i] : one ? (i == 2 ? 1 : w->shape[2]) : w->shape[i];
	kernel[0] = (uint32_t)shape[2];
	kernel[1] = (uint32_t)shape[3];
	layer = nir_begin_layer(n, node, node->name, "conv2d", v);
	ret = put_window(n, node, layer, kernel, true, one, v);
	v->channels = w->shape[0];
	json_put_number(layer, "groups", groups);
	if (!ret)
		ret = read_bias(n, node, v->channels, false, bias);
	if (!ret)
		ret = add_weight(n, index, layer, 4, shape, w, bias, v);
	snprintf(v->layer, sizeof(v->layer), "%s", node->name);
	return ret ? ret : end_weighted(n, node, layer, bias, v);
}

/* (in, out), which the standard has not, to (out, in). */
static int transpose(const struct nir *n, struct import_array *w)
{
	uint32_t rows = w->shape[0], columns = w->shape[1];
	double *values = malloc(w->count * sizeof(*values));

	if (!values)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (size_t i = 0; i < w->count; i++)
		values[i % columns * rows + i / columns] = w->values[i];
	free(w->values);
	w->values = values;
	w->shape[0] = columns;
	w->shape[1] = rows;
	return 0;
}

/* Over a whole map it is a convolution whose window is the map. */
static int lower_linear(struct nir *n, int index, struct nir_value *v, struct import_array *w,
			struct import_array *bias)
{
	struct nir_node *node = &n->nodes[index];
	bool map = v->height > 1 || v->width > 1;
	uint64_t inputs = (uint64_t)v->channels * v->height * v->width;
	uint64_t shape[4] = { 0, v->channels, v->height, v->width };
	cJSON *layer;
	int ret;

	if (map && !v->flat)
		return nir_bad(n, node, "type", "Flatten between a map and a linear layer");
	ret = nir_read_array(n, node, "weight", w);
	if (!ret && w->dims == 2 && n->opts->transposed)
		ret = transpose(n, w);
	if (!ret && (w->dims != 2 || w->shape[1] != inputs || w->shape[0] > SNNQ_MAX_CHANNELS))
		ret = error_set(-EBADMSG,
				"%s: %s/weight: expected (out, %" PRIu64
				"), found %u axes, the last of %u%s",
				n->h->path, node->path, inputs, w->dims,
				w->dims ? w->shape[w->dims - 1] : 0,
				w->dims == 2 && w->shape[0] == inputs ? " (see --transposed)" : "");
	if (ret)
		return ret;
	layer = nir_begin_layer(n, node, node->name, map ? "conv2d" : "linear", v);
	if (map) {
		import_put_pair(layer, "kernel", v->height, v->width);
		import_put_pair(layer, "stride", 1, 1);
		import_put_pair(layer, "padding", 0, 0);
		import_put_pair(layer, "dilation", 1, 1);
	}
	shape[0] = w->shape[0];
	v->channels = w->shape[0];
	v->height = v->width = 1;
	v->flat = false;
	ret = read_bias(n, node, v->channels, !strcmp(node->kind->type, "Affine"), bias);
	if (!ret)
		ret = add_weight(n, index, layer, map ? 4 : 2, shape, w, bias, v);
	snprintf(v->layer, sizeof(v->layer), "%s", node->name);
	return ret ? ret : end_weighted(n, node, layer, bias, v);
}

/* Each channel by a number: weights of one position and one channel. */
static int lower_scale(struct nir *n, int index, struct nir_value *v, struct import_array *w)
{
	struct nir_node *node = &n->nodes[index];
	struct import_array bias = { .values = NULL };
	uint64_t shape[4] = { v->channels, 1, 1, 1 };
	cJSON *layer;
	int ret;

	w->values = calloc(v->channels, sizeof(*w->values));
	w->count = v->channels;
	ret = w->values ? nir_read_channels(n, node, "scale", NAN, v, w->values) :
			  error_set(-ENOMEM, "%s: no memory", n->h->path);
	if (ret)
		return ret;
	layer = nir_begin_layer(n, node, node->name, "conv2d", v);
	import_put_pair(layer, "kernel", 1, 1);
	json_put_number(layer, "groups", v->channels);
	ret = add_weight(n, index, layer, 4, shape, w, &bias, v);
	snprintf(v->layer, sizeof(v->layer), "%s", node->name);
	return ret ? ret : end_weighted(n, node, layer, &bias, v);
}

static int lower_weighted(struct nir *n, int index, struct nir_value *v)
{
	const struct nir_node *node = &n->nodes[index];
	struct import_array w = { .values = NULL }, bias = { .values = NULL };
	bool flat = v->flat;
	int ret;

	if (!v->most)
		return nir_bad(
			n, node, "",
			"neurons that fire before weights, whose inputs are spikes or counts");
	if (node->kind->role == NIR_SCALE)
		ret = lower_scale(n, index, v, &w);
	else if (!strncmp(node->kind->type, "Conv", 4))
		ret = flat ? nir_bad(n, node, "type", "Linear or Affine behind Flatten") :
			     lower_conv(n, index, node->kind->type[4] == '1', v, &w, &bias);
	else
		ret = lower_linear(n, index, v, &w, &bias);
	import_array_free(&w);
	import_array_free(&bias);
	return ret;
}

/* ---- without weights ---- */

static int lower_pool(struct nir *n, int index, struct nir_value *v)
{
	static const struct import_array none = { .count = 0 };
	struct nir_node *node = &n->nodes[index];
	bool sums = *node->kind->type == 'S';
	uint32_t kernel[2];
	cJSON *layer;
	int ret;

	if (!v->most)
		return nir_bad(n, node, "",
			       "neurons that fire before a pool, which takes spikes or counts");
	if (v->flat)
		return nir_bad(n, node, "type", "Linear or Affine behind Flatten");
	ret = h5_pair(n->h, node->path, "kernel_size", 0, kernel);
	if (ret)
		return ret;
	layer = nir_begin_layer(n, node, node->name, sums ? "sumpool" : "avgpool", v);
	ret = put_window(n, node, layer, kernel, false, false, v);
	v->most *= (uint64_t)kernel[0] * kernel[1];
	snprintf(v->layer, sizeof(v->layer), "%s", node->name);
	if (!ret && node->neuron >= 0)
		return nir_put_neuron(n, &n->nodes[node->neuron], layer, &none, v);
	/* A mean's follow from its input. */
	return ret ? ret : nir_put_planes(n, node, sums ? layer : NULL, v->most);
}

static int lower_flatten(struct nir *n, const struct nir_node *node, struct nir_value *v)
{
	double first, last;
	char path[H5_PATH];
	int ret;

	nir_path(path, node, "start_dim");
	ret = h5_integer(n->h, path, 0, 1, 0, &first);
	if (ret)
		return ret;
	nir_path(path, node, "end_dim");
	ret = h5_integer(n->h, path, -3, 3, 2, &last);
	if (!ret && ((last != -1 && last != first + 2) || last == first))
		ret = nir_bad(n, node, "end_dim", "all axes behind start_dim");
	if (!ret)
		ret = check_map(n, node, "input_type", v->height > 1 || v->width > 1 ? 3 : 1, v);
	v->flat = true;
	return ret;
}

/* A layer of its own for a neuron or a delay: of the sum before it, or of one input as it is. */
static int lower_neuron(struct nir *n, int index, struct nir_value *v, cJSON *sum)
{
	static const struct import_array none = { .count = 0 };
	struct nir_node *node = &n->nodes[index];
	bool delays = node->kind->role == NIR_DELAY;
	struct nir_value in = *v;

	if (v->flat && (v->height > 1 || v->width > 1))
		return nir_bad(n, node, "type", "Linear or Affine behind Flatten");
	if (delays && v->most != 1)
		return nir_bad(n, node, "type", "spikes before a delay");
	if (!sum) {
		sum = nir_begin_layer(n, node, node->name, v->most ? "sumpool" : "maxpool", &in);
		import_put_pair(sum, "kernel", 1, 1);
	} else {
		json_replace(sum, "name", cJSON_CreateString(node->name));
	}
	snprintf(v->layer, sizeof(v->layer), "%s", node->name);
	if (delays)
		return nir_put_delay(n, node, sum, v);
	v->previous = false;
	return nir_put_neuron(n, node, sum, &none, v);
}

/* Potentials are shown in their units only where what is before them is, too. */
static int check_potential(const struct nir *n, int index)
{
	for (int i = 0; i < n->edge_count; i++) {
		const struct nir_edge *e = &n->edges[i];
		enum nir_role role = n->nodes[e->from].kind->role;

		if (e->to == index &&
		    ((role != NIR_WEIGHTED && role != NIR_SCALE) || nir_next(n, e->from) != index))
			return nir_bad(n, &n->nodes[index], "type",
				       "layers with weights before it, that go nowhere else");
	}
	return 0;
}

int nir_lower(struct nir *n, int index)
{
	struct nir_node *node = &n->nodes[index];
	struct nir_value v = { .channels = 0 };
	cJSON *sum;
	int ret;

	if (node->host >= 0) {
		node->out = n->nodes[node->host].out;
		return 0;
	}
	ret = nir_gather_open(n, index, &v, &sum);
	if (!ret && node->kind->role == NIR_POTENTIAL)
		ret = check_potential(n, index);
	if (!ret && sum && v.most && node->kind->role != NIR_SPIKING &&
	    node->kind->role != NIR_POTENTIAL)
		ret = nir_put_planes(n, node, sum, v.most);
	if (ret)
		return ret;
	switch (node->kind->role) {
	case NIR_WEIGHTED:
	case NIR_SCALE:
		ret = lower_weighted(n, index, &v);
		break;
	case NIR_POOL:
		ret = lower_pool(n, index, &v);
		break;
	case NIR_FLATTEN:
		ret = lower_flatten(n, node, &v);
		break;
	case NIR_DELAY:
		ret = lower_neuron(n, index, &v, NULL);
		break;
	case NIR_SPIKING:
	case NIR_POTENTIAL:
		ret = lower_neuron(n, index, &v, sum);
		break;
	default:
		break; /* the file's Input and Output */
	}
	node->out = v;
	/* within the loop of a neuron that it goes back from, what flows on is of the step before */
	if (node->kind->role != NIR_FLATTEN)
		node->out.previous = false;
	return ret;
}
