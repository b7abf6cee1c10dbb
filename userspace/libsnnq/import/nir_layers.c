// SPDX-License-Identifier: MIT
/*
 * nir_layers.c - nodes of a NIR graph as layers and neurons of a model.
 *
 * Neurons are differential equations; with an Euler step dt they are the neurons of
 * numerics.md, up to a gain of the input that goes into threshold and bias:
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
#include "import_nir.h"
#include "snnq_program.h"

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
int nir_add_channels(const struct nir *n, const double *values, cJSON *node, const char *key)
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
int nir_end_layer(struct nir *n)
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

static int begin_layer(struct nir *n, const struct nir_node *node, const char *op, bool weighted)
{
	const char *input = n->last;
	int ret = 0;

	if (n->layer && n->weighted)
		return nir_bad(n, node, "type", "a neuron behind a layer with weights");
	if (n->flat && !weighted)
		return nir_bad(n, node, "type", "Linear or Affine behind Flatten");
	ret = nir_end_layer(n);
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
static int put_window(struct nir *n, const struct nir_node *node, const uint32_t kernel[2],
		      bool dilates)
{
	uint32_t stride[2], padding[2], dilation[2] = { 1, 1 };
	uint64_t h, w;
	char group[96];
	int ret;

	nir_path(group, node, "");
	ret = h5_pair(n->h, group, "stride", 1, stride);
	if (!ret)
		ret = h5_pair(n->h, group, "padding", 0, padding);
	if (!ret && dilates)
		ret = h5_pair(n->h, group, "dilation", 1, dilation);
	if (ret)
		return ret;
	h = graph_window(n->height, kernel[0], stride[0], 2 * padding[0], dilation[0]);
	w = graph_window(n->width, kernel[1], stride[1], 2 * padding[1], dilation[1]);
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
static int check_map(const struct nir *n, const struct nir_node *node, const char *key,
		     uint32_t dims)
{
	const uint32_t map[3] = { n->channels, n->height, n->width };
	struct import_array a = { .values = NULL };
	char path[96];
	int ret = 0;

	nir_path(path, node, key);
	if (!h5_exists(n->h, path))
		return 0;
	ret = nir_read_array(n, node, key, &a);
	for (uint32_t i = 0; !ret && i < dims; i++)
		if (a.count != dims || a.values[i] != map[3 - dims + i])
			ret = error_set(
				-EBADMSG,
				"%s: %s: expected %u x %u x %u, as the nodes before it give",
				n->h->path, path, map[0], map[1], map[2]);
	import_array_free(&a);
	return ret;
}

static int read_bias(struct nir *n, const struct nir_node *node, bool required)
{
	char path[96];
	int ret;

	nir_path(path, node, "bias");
	if (!required && !h5_exists(n->h, path))
		return 0;
	ret = nir_read_array(n, node, "bias", &n->bias);
	if (ret)
		return ret;
	return n->bias.count == n->channels ?
		       0 :
		       nir_bad(n, node, "bias", "one number for each output");
}

/* The weights' own axes, as numbers of 64 bits. */
static int add_weight(struct nir *n, const struct nir_node *node, uint32_t dims,
		      const uint64_t *shape, const struct import_array *w)
{
	cJSON *weight = json_put_object(n->layer, "weight");

	json_put_string(weight, "scheme", "float");
	json_put_number(n->layer, "out_channels", w->shape[0]);
	n->channels = w->shape[0];
	return add_floats(n, node->name, "weight", dims, shape, w->values, weight, "tensor");
}

int nir_read_conv(struct nir *n, const struct nir_node *node)
{
	struct import_array w = { .values = NULL };
	uint64_t shape[4];
	double groups = 1;
	char path[96];
	int ret = begin_layer(n, node, "conv2d", true);

	if (!ret)
		ret = check_map(n, node, "input_shape", 2);
	nir_path(path, node, "groups");
	if (!ret)
		ret = h5_integer(n->h, path, 1, 65536, 1, &groups);
	if (!ret)
		ret = nir_read_array(n, node, "weight", &w);
	if (!ret && (w.dims != 4 || (uint64_t)w.shape[1] * (uint32_t)groups != n->channels ||
		     w.shape[0] % (uint32_t)groups || w.shape[0] > SNNQ_MAX_CHANNELS))
		ret = error_set(-EBADMSG,
				"%s: " NIR_NODES
				"/%s/weight: expected (out, %g, height, width) for %u "
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
int nir_read_linear(struct nir *n, const struct nir_node *node, bool affine)
{
	static const uint32_t one[2] = { 1, 1 }, none[2] = { 0, 0 };
	bool map = n->height > 1 || n->width > 1;
	uint64_t inputs = (uint64_t)n->channels * n->height * n->width;
	uint64_t shape[4] = { 0, n->channels, n->height, n->width };
	struct import_array w = { .values = NULL };
	int ret;

	if (map && !n->flat)
		return nir_bad(n, node, "type", "Flatten between a map and a linear layer");
	ret = begin_layer(n, node, map ? "conv2d" : "linear", true);
	if (!ret)
		ret = nir_read_array(n, node, "weight", &w);
	if (!ret && (w.dims != 2 || w.shape[1] != inputs || w.shape[0] > SNNQ_MAX_CHANNELS))
		ret = error_set(-EBADMSG,
				"%s: " NIR_NODES "/%s/weight: expected (out, %" PRIu64
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

int nir_read_pool(struct nir *n, const struct nir_node *node, const char *op)
{
	uint32_t kernel[2];
	char group[96];
	int ret = begin_layer(n, node, op, false);

	nir_path(group, node, "");
	if (!ret)
		ret = h5_pair(n->h, group, "kernel_size", 0, kernel);
	if (!ret)
		ret = put_window(n, node, kernel, false);
	if (!ret)
		n->most *= (uint64_t)kernel[0] * kernel[1];
	return ret;
}

int nir_read_flatten(struct nir *n, const struct nir_node *node)
{
	double first, last;
	char path[96];
	int ret;

	if (n->layer && n->weighted)
		return nir_bad(n, node, "type", "a neuron behind a layer with weights");
	nir_path(path, node, "start_dim");
	ret = h5_integer(n->h, path, 0, 1, 0, &first);
	if (ret)
		return ret;
	nir_path(path, node, "end_dim");
	ret = h5_integer(n->h, path, -3, 3, 2, &last);
	if (!ret && ((last != -1 && last != first + 2) || last == first))
		ret = nir_bad(n, node, "end_dim", "all axes behind start_dim");
	if (!ret)
		ret = check_map(n, node, "input_type", 3);
	if (!ret)
		ret = nir_end_layer(n);
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
static int read_equations(struct nir *n, const struct nir_node *node, cJSON *neuron,
			  struct neuron *p)
{
	bool cuba = !strcmp(node->type, "CubaLIF"), leaks = cuba || !strcmp(node->type, "LIF");
	uint32_t lambda = 65536, c;
	int ret = nir_read_channels(n, node, "v_threshold", NAN, p->threshold);

	if (!ret)
		ret = nir_read_channels(n, node, "r", NAN, p->gain);
	if (!ret)
		ret = nir_read_channels(n, node, "v_reset", 0, p->reset);
	if (!ret && leaks)
		ret = nir_read_channels(n, node, "v_leak", NAN, p->leak);
	if (!ret && leaks)
		ret = nir_read_decay(n, node, cuba ? "tau_mem" : "tau", p->decay, &lambda);
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
			return nir_bad(n, node, "type", "a neuron without current behind a bias");
	ret = nir_read_decay(n, node, "tau_syn", p->decay, &lambda);
	if (!ret)
		ret = nir_read_channels(n, node, "w_in", 1, p->r);
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
static int put_neuron(struct nir *n, const struct nir_node *node, cJSON *neuron, struct neuron *p)
{
	bool biased = false;
	int ret;

	for (uint32_t c = 0; c < n->channels; c++) {
		if (!(p->gain[c] > 0) || !(p->threshold[c] > 0))
			return nir_bad(n, node, "", "a positive threshold and input resistance");
		if (p->reset[c] != 0)
			return nir_bad(n, node, "v_reset", "0");
		p->threshold[c] /= p->gain[c];
		p->leak[c] += n->bias.count ? n->bias.values[c] : 0;
		if (!(p->threshold[c] <= NIR_MOST) || !(fabs(p->leak[c]) <= NIR_MOST))
			return nir_bad(n, node, "", "parameters whose ratios are below 1e30");
		biased |= p->leak[c] != 0;
	}
	json_put_string(neuron, "compare", n->opts->compare_ge ? "ge" : "gt");
	json_put_string(neuron, "reset", n->opts->reset_subtract ? "soft" : "hard");
	ret = nir_add_channels(n, p->threshold, neuron, "threshold");
	return ret || !biased ? ret : nir_add_channels(n, p->leak, n->layer, "bias");
}

int nir_read_neuron(struct nir *n, const struct nir_node *node)
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
		return nir_bad(n, node, "type", "a layer or a pool before a neuron");
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
