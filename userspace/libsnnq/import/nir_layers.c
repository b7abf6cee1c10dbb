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

/* What @node puts out is that of its own layer. */
static void put_out(const struct nir_node *node, struct nir_value *v)
{
	snprintf(v->layer, sizeof(v->layer), "%s", node->name);
	v->previous = v->seen = v->shared = v->mean = v->shaped = false;
}

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
	if (!ret && next >= 0 && n->nodes[next].kind->role == NIR_POTENTIAL &&
	    node->kind->role != NIR_POOL && nir_gain_before(n, next))
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
	out->seen = false;
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
	put_out(node, v);
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

	/* a map of one channel and row has the order of a vector, whatever the axis of 1 is */
	if (map && !v->flat && (v->channels > 1 || v->height > 1))
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
	put_out(node, v);
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
	put_out(node, v);
	ret = ret ? ret : end_weighted(n, node, layer, &bias, v);
	nir_gather_up(v);
	return ret;
}

static int lower_weighted(struct nir *n, int index, struct nir_value *v)
{
	const struct nir_node *node = &n->nodes[index];
	bool scale = node->kind->role == NIR_SCALE, conv = !strncmp(node->kind->type, "Conv", 4);
	struct import_array w = { .values = NULL }, bias = { .values = NULL };
	int ret = 0;

	if (conv && v->flat)
		return nir_bad(n, node, "type", "Linear or Affine behind Flatten");
	if (scale && v->flat)
		ret = nir_flatten(n, node, v);
	if (!ret && scale && nir_varies(n, node))
		ret = nir_spread(n, node, v);
	if (!ret)
		ret = nir_feed_weights(n, node, v);
	if (ret)
		return ret;
	if (scale)
		ret = lower_scale(n, index, v, &w);
	else if (conv)
		ret = lower_conv(n, index, node->kind->type[4] == '1', v, &w, &bias);
	else
		ret = lower_linear(n, index, v, &w, &bias);
	import_array_free(&w);
	import_array_free(&bias);
	return ret;
}

/* ---- pools ---- */

/* Of real numbers: weights of one channel each, all the same. */
static int lower_real_pool(struct nir *n, int index, const uint32_t kernel[2], bool sums,
			   struct nir_value *v)
{
	struct nir_node *node = &n->nodes[index];
	uint64_t taps = (uint64_t)kernel[0] * kernel[1];
	uint64_t shape[4] = { v->channels, 1, kernel[0], kernel[1] };
	struct import_array w = { .count = v->channels * taps }, none = { .count = 0 };
	cJSON *layer;
	int ret = nir_feed_weights(n, node, v);

	if (!ret && (!taps || w.count > IMPORT_MAX_ELEMENTS))
		ret = nir_bad(n, node, "kernel_size",
			      "a window with positions, and at most 2^28 "
			      "of them in all channels");
	w.values = ret ? NULL : malloc(w.count * sizeof(*w.values));
	if (!ret && !w.values)
		ret = error_set(-ENOMEM, "%s: no memory", n->h->path);
	if (ret)
		return ret;
	for (size_t i = 0; i < w.count; i++)
		w.values[i] = sums ? 1 : 1 / (double)taps;
	layer = nir_begin_layer(n, node, node->name, "conv2d", v);
	json_put_number(layer, "groups", v->channels);
	ret = put_window(n, node, layer, kernel, false, false, v);
	if (!ret)
		ret = add_weight(n, index, layer, 4, shape, &w, &none, v);
	import_array_free(&w);
	put_out(node, v);
	return ret ? ret : end_weighted(n, node, layer, &none, v);
}

static int lower_pool(struct nir *n, int index, struct nir_value *v)
{
	static const struct import_array none = { .count = 0 };
	struct nir_node *node = &n->nodes[index];
	bool sums = *node->kind->type == 'S', mean = !sums || v->mean;
	uint32_t kernel[2];
	cJSON *layer;
	int ret;

	if (v->flat)
		return nir_bad(n, node, "type", "Linear or Affine behind Flatten");
	ret = h5_pair(n->h, node->path, "kernel_size", 0, kernel);
	if (ret)
		return ret;
	if (!v->most)
		return lower_real_pool(n, index, kernel, sums, v);
	layer = nir_begin_layer(n, node, node->name, sums ? "sumpool" : "avgpool", v);
	ret = put_window(n, node, layer, kernel, false, false, v);
	v->most *= (uint64_t)kernel[0] * kernel[1];
	put_out(node, v);
	v->mean = mean;
	if (!ret && node->neuron >= 0)
		return nir_put_neuron(n, &n->nodes[node->neuron], layer, &none, v);
	/* A mean's follow from its input. */
	return ret ? ret : nir_put_planes(n, node, sums ? layer : NULL, v->most);
}

/* ---- without weights ---- */

/* Whether all axes of a map become one; some writers count that of a batch, too. */
static bool takes_all(const struct nir_value *v, double first, double last)
{
	int least = v->height > 1 ? 3 : v->width > 1 ? 2 : 1;

	for (int axes = least; axes <= 3; axes++) {
		if ((first == 0 || first == -axes) && (last == -1 || last == axes - 1))
			return true;
		if (first == 1 && (last == -1 || last == axes))
			return true;
	}
	return false;
}

/* The input that Flatten says it has; zeros say nothing, and an axis of a batch is 1. */
static int check_flattened(const struct nir *n, const struct nir_node *node,
			   const struct nir_value *v)
{
	const uint32_t map[3] = { v->channels, v->height, v->width };
	const char *keys[] = { "input_type/input", "input_type" };
	struct import_array a = { .values = NULL };
	bool zero = true, same = false;
	char path[H5_PATH];
	int ret;

	nir_path(path, node, keys[0]);
	if (!h5_exists(n->h, path))
		nir_path(path, node, keys[1]);
	ret = h5_numbers(n->h, path, &a);
	if (ret <= 0)
		return ret;
	for (size_t i = 0; i < a.count; i++)
		zero &= a.values[i] == 0;
	for (size_t skip = 0; !same && skip < a.count; skip++) {
		size_t axes = a.count - skip;
		size_t left = axes == 1 || axes == 2 ? 3 - axes : 0; /* of one row, or position */

		same = axes <= 3 && a.values[skip] == map[0];
		for (size_t i = 1; same && i < 3; i++)
			same = i <= left ? map[i] == 1 : a.values[skip + i - left] == map[i];
		if (a.values[skip] != 1)
			break;
	}
	import_array_free(&a);
	return zero || same ?
		       0 :
		       error_set(-EBADMSG,
				 "%s: %s: expected %u x %u x %u, as the nodes before it give",
				 n->h->path, path, map[0], map[1], map[2]);
}

static int lower_flatten(struct nir *n, const struct nir_node *node, struct nir_value *v)
{
	double first, last;
	char path[H5_PATH];
	int ret;

	nir_path(path, node, "start_dim");
	ret = h5_integer(n->h, path, -3, 1, 0, &first);
	if (ret)
		return ret;
	nir_path(path, node, "end_dim");
	ret = h5_integer(n->h, path, -3, 3, 2, &last);
	if (!ret && !takes_all(v, first, last))
		ret = nir_bad(n, node, "end_dim", "all axes behind start_dim");
	if (!ret)
		ret = check_flattened(n, node, v);
	v->flat = true;
	return ret;
}

/* Its gain as weights, where there are none before it; @gain: NULL if it is 1. */
static int find_gain(const struct nir *n, const struct nir_node *node, const struct nir_value *v,
		     double **gain)
{
	bool one = true;
	int ret;

	*gain = malloc(v->channels * sizeof(**gain));
	if (!*gain)
		return error_set(-ENOMEM, "%s: no memory", n->h->path);
	for (uint32_t c = 0; c < v->channels; c++)
		(*gain)[c] = 1;
	ret = nir_potential_gain(n, node, v, *gain);
	for (uint32_t c = 0; c < v->channels; c++)
		one &= (*gain)[c] == 1;
	if (!ret && !one)
		return 0;
	free(*gain);
	*gain = NULL;
	return ret;
}

static int put_gain(struct nir *n, const struct nir_node *node, const double *gain,
		    struct nir_value *v, cJSON **layer)
{
	uint64_t shape[4] = { v->channels, 1, 1, 1 };
	int ret = nir_feed_weights(n, node, v);
	cJSON *weight;

	if (ret)
		return ret;
	*layer = nir_begin_layer(n, node, node->name, "conv2d", v);
	import_put_pair(*layer, "kernel", 1, 1);
	json_put_number(*layer, "groups", v->channels);
	json_put_number(*layer, "out_channels", v->channels);
	weight = json_put_object(*layer, "weight");
	json_put_string(weight, "scheme", "float");
	return nir_add_floats(n, node->name, "weight", 4, shape, gain, weight, "tensor");
}

/*
 * A layer of its own for a neuron or a delay: of the sum before it, or of one input as it is; with
 * weights where its gain needs some.
 */
static int lower_neuron(struct nir *n, int index, struct nir_value *v, cJSON *sum)
{
	static const struct import_array none = { .count = 0 };
	struct nir_node *node = &n->nodes[index];
	bool gains = node->kind->role == NIR_POTENTIAL && !nir_gain_before(n, index);
	bool varies = nir_varies(n, node), alone = v->flat || varies || gains, old = v->previous;
	double *gain = NULL;
	int ret = 0;

	if (node->kind->role == NIR_DELAY && (!v->most || v->mean))
		return nir_bad(n, node, "type", "spikes or counts before a delay");
	if (alone && sum && v->most)
		ret = nir_put_planes(n, node, sum, v->most);
	if (alone)
		sum = NULL;
	if (!ret && v->flat)
		ret = nir_flatten(n, node, v);
	if (!ret && varies)
		ret = nir_spread(n, node, v);
	if (!ret && gains)
		ret = find_gain(n, node, v, &gain);
	if (!ret && gain) {
		ret = put_gain(n, node, gain, v, &sum);
	} else if (!ret && !sum) {
		sum = nir_begin_layer(n, node, node->name, v->most ? "sumpool" : "maxpool", v);
		import_put_pair(sum, "kernel", 1, 1);
	} else if (!ret) {
		json_replace(sum, "name", cJSON_CreateString(node->name));
	}
	free(gain);
	if (ret)
		return ret;
	if (node->kind->role == NIR_DELAY) {
		ret = nir_put_delay(n, node, sum, old, v);
		put_out(node, v);
	} else {
		put_out(node, v);
		ret = nir_put_neuron(n, node, sum, &none, v);
	}
	nir_gather_up(v);
	return ret;
}

int nir_lower(struct nir *n, int index)
{
	struct nir_node *node = &n->nodes[index];
	struct nir_value v = { .channels = 0 };
	bool own_sum = node->kind->role == NIR_SPIKING || node->kind->role == NIR_POTENTIAL;
	cJSON *sum;
	int ret;

	if (node->host >= 0) {
		node->out = n->nodes[node->host].out;
		node->out.shared = nir_next(n, index) < 0;
		return 0;
	}
	ret = nir_gather_open(n, index, &v, &sum);
	if (!ret && sum && v.most && !own_sum)
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
	node->out.shared |= nir_next(n, index) < 0;
	/* within the loop of a neuron that it goes back from, what flows on is of the step before */
	if (node->kind->role != NIR_FLATTEN)
		node->out.previous = false;
	return ret;
}
