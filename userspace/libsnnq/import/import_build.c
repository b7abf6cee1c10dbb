// SPDX-License-Identifier: MIT
/*
 * import_build.c - a foreign network as an integer .snnq model.
 *
 * Everything stays exact: weights w become w / 2^k, their common power of two moves
 * into the neuron's shift (Loihi adds z << (6 + exponent)); a dense layer over a
 * map is a convolution with the kernel as large as the map, because (C, H, W)
 * flattened is just the order of its weights.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/compact.h"
#include "base/error.h"
#include "import.h"
#include "base/json.h"
#include "model/graph.h"
#include "model/model.h"
#include "snnq_program.h"

#define LOIHI_SHIFT	     6 /* of weights, thresholds and biases */
#define MAX_SIDE	     4096
#define LOIHI_MOST_THRESHOLD 131071 /* mantissa */

struct map {
	uint32_t height, width, channels;
};

static bool window(const struct import_layer *l, int axis, uint32_t in, uint32_t *out)
{
	uint64_t n = graph_window(in, l->weight.shape[l->weight.dims - 2 + axis], l->stride[axis],
				  2 * l->padding[axis], l->dilation[axis]);

	*out = (uint32_t)n;
	return n && n <= MAX_SIDE;
}

/* Size after @l; false when it does not take @m, or the source says another size. */
static bool advance(const struct import_layer *l, struct map *m)
{
	const uint32_t *shape = l->weight.shape;
	struct map out = *m;

	if (l->kind == IMPORT_DENSE) {
		if ((uint64_t)m->height * m->width * m->channels != shape[1])
			return false;
		out = (struct map){ 1, 1, shape[0] };
	} else {
		if (l->kind == IMPORT_CONV) {
			if ((uint64_t)shape[1] * l->groups != m->channels || shape[0] % l->groups)
				return false;
			out.channels = shape[0];
		}
		if (!window(l, 0, m->height, &out.height) || !window(l, 1, m->width, &out.width))
			return false;
	}
	if ((l->said[0] && l->said[0] != out.channels) ||
	    (l->said[1] && l->said[1] != out.height) || (l->said[2] && l->said[2] != out.width))
		return false;
	*m = out;
	return true;
}

/* How many layers take what is before them; @m becomes what the next one sees. */
static uint32_t fitting(const struct import_net *net, struct map *m)
{
	uint32_t i = 0;

	while (i < net->layer_count && advance(&net->layers[i], m))
		i++;
	return i;
}

/* Say why @l does not take @m. */
static int misfit(const struct import_net *net, const struct import_layer *l, const struct map *m)
{
	const uint32_t *shape = l->weight.shape;
	struct import_layer silent = *l;
	struct map out = *m;

	memset(silent.said, 0, sizeof(silent.said));
	if (advance(&silent, &out))
		return error_set(-EBADMSG,
				 "%s: %s.shape: expected %u x %u x %u (channels x height x width), "
				 "as its weights and input make it, found %u x %u x %u",
				 net->name, l->name, out.channels, out.height, out.width,
				 l->said[0], l->said[1], l->said[2]);
	if (l->kind == IMPORT_DENSE)
		return error_set(-EBADMSG,
				 "%s: %s.weight: expected %" PRIu64 " inputs (%u channels x %u x "
				 "%u), found %u",
				 net->name, l->name, (uint64_t)m->channels * m->height * m->width,
				 m->channels, m->height, m->width, shape[1]);
	if (l->kind == IMPORT_CONV &&
	    ((uint64_t)shape[1] * l->groups != m->channels || shape[0] % l->groups))
		return error_set(-EBADMSG,
				 "%s: %s.weight: expected %u input channels and outputs in whole "
				 "groups, found %u x %u groups and %u outputs",
				 net->name, l->name, m->channels, shape[1], l->groups, shape[0]);
	return error_set(-EBADMSG,
			 "%s: %s: expected an input that holds its window, and at most %u x %u "
			 "positions out, found an input of %u x %u",
			 net->name, l->name, MAX_SIDE, MAX_SIDE, m->width, m->height);
}

/* Weights are integers; which grid holds them is seen later. */
static int check_weights(const struct import_net *net, const struct import_layer *l,
			 const struct import_array *a, const char *what)
{
	for (size_t i = 0; i < a->count; i++) {
		double w = a->values[i];

		if (!(fabs(w) < 1 << 30) || w != trunc(w))
			return error_set(-EBADMSG,
					 "%s: %s.%s: element %zu: expected an integer below "
					 "2^30, found %g",
					 net->name, l->name, what, i, w);
	}
	return 0;
}

static int check_layer(const struct import_net *net, const struct import_layer *l)
{
	static const uint32_t dims[] = { [IMPORT_DENSE] = 2, [IMPORT_CONV] = 4, [IMPORT_POOL] = 2 };
	uint32_t outputs = l->weight.shape[0];
	int ret;

	if (l->weight.dims != dims[l->kind])
		return error_set(-EBADMSG, "%s: %s.weight: expected %u axes, found %u", net->name,
				 l->name, dims[l->kind], l->weight.dims);
	for (uint32_t i = 0; i < l->weight.dims; i++)
		if (!l->weight.shape[i] || l->weight.shape[i] > SNNQ_MAX_CHANNELS)
			return error_set(-EBADMSG,
					 "%s: %s.weight: axis %u: expected 1..%u, found %u",
					 net->name, l->name, i, SNNQ_MAX_CHANNELS,
					 l->weight.shape[i]);
	if (l->bias.count &&
	    (l->kind == IMPORT_POOL || (l->bias.count != outputs && l->bias.count != 1)))
		return error_set(-EBADMSG, "%s: %s.bias: expected %u values, found %zu", net->name,
				 l->name, outputs, l->bias.count);
	for (uint32_t i = 0; i < l->bias.dims; i++)
		if (l->bias.shape[i] != 1 && l->bias.shape[i] != l->bias.count)
			return error_set(-EBADMSG,
					 "%s: %s.bias: expected one axis of %u values, "
					 "found %u along axis %u",
					 net->name, l->name, outputs, l->bias.shape[i], i);
	if (l->no_neuron && (l != &net->layers[net->layer_count - 1] || l->bias.count ||
			     l->delay.count || net->average))
		return error_set(
			-EBADMSG,
			"%s: %s: expected neurons, but in a last layer without bias, delay "
			"and average",
			net->name, l->name);
	ret = check_weights(net, l, &l->weight, "weight");
	return ret ? ret : check_weights(net, l, &l->recurrent, "weight_rec");
}

static bool takes_events(const struct import_net *net)
{
	return net->input == SNNQ_IMPORT_AS_FOUND;
}

static uint32_t most_channels(const struct import_net *net)
{
	return takes_events(net) ? GRAPH_MAX_POLARITIES : SNNQ_MAX_CHANNELS;
}

/* The smallest square of @p channels that fits most layers; @m: what the next one sees. */
static uint32_t fit_square(struct import_net *net, uint32_t p, struct map *m)
{
	uint32_t best = 0;

	net->polarities = p;
	for (uint32_t n = 1; !net->width && n <= MAX_SIDE; n++) {
		struct map end = { n, n, p };
		uint32_t count = fitting(net, &end);

		if (count == net->layer_count)
			net->width = net->height = n;
		if (n == 1 || count > best) {
			best = count;
			*m = end;
		}
	}
	return best;
}

/* Nobody says the size of the input. A first convolution has its channels, else there are 2 or 1. */
static int guess_input(struct import_net *net)
{
	const struct import_layer *first = &net->layers[0];
	bool dense = first->kind == IMPORT_DENSE, said = net->polarities;
	uint32_t p = said			? net->polarities :
		     first->kind == IMPORT_CONV ? first->weight.shape[1] * first->groups :
		     takes_events(net)		? 2 :
						  1;
	struct map m = { 0, 0, 0 };
	uint32_t best = p <= most_channels(net) ? fit_square(net, p, &m) : 0;

	if (!best && dense && !said)
		best = fit_square(net, 1, &m);
	if (!best)
		return error_set(-EBADMSG,
				 "%s: %s.weight: expected inputs of a square map, found %u %s: its "
				 "size must be given, with width, height and polarities",
				 net->name, first->name, first->weight.shape[1],
				 dense ? "inputs" : "channels");
	if (best < net->layer_count)
		return misfit(net, &net->layers[best], &m);
	import_note(net->opts,
		    "%s: does not say the size of its input: %u x %u with %u channels fits (see "
		    "--width, --height, --polarities)",
		    net->name, net->width, net->height, net->polarities);
	return 0;
}

/* The input's size: as given, or the smallest square that fits all layers. */
static int find_input(struct import_net *net)
{
	uint32_t p = net->polarities ? net->polarities : takes_events(net) ? 2 : 1, best;
	struct map m;

	if (!net->width)
		return guess_input(net);
	/* More than events can number are rows: for a dense layer the order is the same. */
	if (takes_events(net) && p > GRAPH_MAX_POLARITIES && net->layers[0].kind == IMPORT_DENSE &&
	    (uint64_t)p * net->height <= MAX_SIDE) {
		net->height *= p;
		p = 1;
	}
	if (p > most_channels(net))
		return error_set(-EBADMSG, "%s: polarities: expected at most %u, found %u",
				 net->name, most_channels(net), p);
	net->polarities = p;
	m = (struct map){ net->height, net->width, p };
	best = fitting(net, &m);
	return best == net->layer_count ? 0 : misfit(net, &net->layers[best], &m);
}

/* One integer a channel, each @base more, as a tensor. */
static int add_table(const struct import_net *net, const struct import_layer *l, cJSON *node,
		     const char *key, const char *part, const struct import_array *a, int32_t base,
		     uint32_t channels, struct modelfile *f)
{
	int32_t *values;
	int ret;

	if (a->count != channels)
		return error_set(-EBADMSG,
				 "%s: %s.%s: expected one number or %u, one for each channel, "
				 "found %zu",
				 net->name, l->name, part, channels, a->count);
	values = calloc(channels, sizeof(*values));
	if (!values)
		return error_set(-ENOMEM, "%s: no memory", net->name);
	for (uint32_t c = 0; c < channels; c++)
		values[c] = base + (int32_t)a->values[c];
	ret = model_add_integers(&(struct model_slot){ f, node, key, l->name, part }, values,
				 channels);
	free(values);
	return ret;
}

static int add_leak(const struct import_net *net, const struct import_layer *l, cJSON *neuron,
		    const char *key, uint32_t decay, const struct import_array *decays,
		    uint32_t channels, struct modelfile *f)
{
	cJSON *leak = json_put_object(neuron, key);

	json_put_string(leak, "kind", "tz12");
	if (decays->count)
		return add_table(net, l, leak, "decay", *key == 'l' ? "vDecay" : "iDecay", decays,
				 0, channels, f);
	json_put_number(leak, "decay", decay);
	return 0;
}

/* Spikes are a step late, unless said otherwise, and as late as their axon makes them. */
static int add_delay(const struct import_net *net, const struct import_layer *l, cJSON *neuron,
		     uint32_t channels, struct modelfile *f)
{
	int32_t base = net->no_delay ? 0 : 1;

	if (!l->delay.count) {
		if (base)
			json_put_number(neuron, "delay", base);
		return 0;
	}
	if (l->delay.count == 1) {
		json_put_number(neuron, "delay", base + l->delay.values[0]);
		return 0;
	}
	return add_table(net, l, neuron, "delay", "delay", &l->delay, base, channels, f);
}

/* A last layer with the largest threshold there is never fires: its potential is what counts. */
static bool is_seen(const struct import_net *net, const struct import_layer *l)
{
	return l->neuron.threshold_mantissa == LOIHI_MOST_THRESHOLD && !l->no_neuron &&
	       !net->average && l == &net->layers[net->layer_count - 1] && !l->recurrent.count;
}

/* As lava's netx resets networks: each layer when the first spikes of the period reach it. */
static void find_restarts(struct import_net *net)
{
	for (uint32_t i = 0; net->restart_period && i < net->layer_count; i++)
		net->layers[i].restart_offset =
			(uint32_t)(((uint64_t)net->restart_offset + (net->no_delay ? 0 : i)) %
				   net->restart_period);
}

static void put_restart(const struct import_net *net, const struct import_layer *l, cJSON *neuron)
{
	cJSON *restart;

	if (!net->restart_period)
		return;
	restart = json_put_object(neuron, "restart");
	json_put_number(restart, "period", net->restart_period);
	json_put_number(restart, "offset", l->restart_offset);
}

static int add_neuron(const struct import_net *net, const struct import_layer *l, cJSON *layer,
		      uint32_t factor, uint32_t channels, struct modelfile *f)
{
	cJSON *neuron = json_put_object(layer, "neuron");
	int32_t shift = LOIHI_SHIFT + l->neuron.weight_exponent + (int32_t)factor;
	int ret;

	if (shift > (int32_t)SNNQ_MAX_SHIFT)
		return error_set(-EBADMSG,
				 "%s: %s: expected a weight exponent that gives a shift up "
				 "to %u, found %d",
				 net->name, l->name, SNNQ_MAX_SHIFT, shift);
	json_put_string(neuron, "model", "cuba");
	ret = add_leak(net, l, neuron, "leak", l->neuron.voltage_decay, &l->voltage_decays,
		       channels, f);
	if (!ret)
		ret = add_leak(net, l, neuron, "current_leak", l->neuron.current_decay,
			       &l->current_decays, channels, f);
	if (ret)
		return ret;
	json_put_string(neuron, "compare", net->compare_ge ? "ge" : "gt");
	json_put_number(neuron, "shift", shift);
	if (net->skip_first)
		json_put(neuron, "skip_first", cJSON_CreateTrue());
	put_restart(net, l, neuron);
	if (is_seen(net, l)) {
		json_put_string(neuron, "reset", "none");
		json_put_string(neuron, "output", "potential");
		return 0;
	}
	json_put_string(neuron, "reset", "hard");
	json_put_number(neuron, "threshold",
			(double)l->neuron.threshold_mantissa * (1 << LOIHI_SHIFT));
	return add_delay(net, l, neuron, channels, f);
}

static int add_bias(const struct import_net *net, const struct import_layer *l, cJSON *layer,
		    struct modelfile *f)
{
	uint32_t outputs = l->weight.shape[0];
	int32_t *values;
	int ret;

	if (!l->bias.count)
		return 0;
	values = calloc(outputs, sizeof(*values));
	for (uint32_t i = 0; values && i < outputs; i++) {
		double b = l->bias.values[l->bias.count > 1 ? i : 0];

		if (b != trunc(b) || fabs(b) > 1 << 24) {
			free(values);
			return error_set(-EBADMSG, "%s: %s.bias[%u]: expected an integer, found %g",
					 net->name, l->name, i, b);
		}
		values[i] = (int32_t)b * (1 << LOIHI_SHIFT);
	}
	if (!values)
		return error_set(-ENOMEM, "%s: no memory", net->name);
	ret = model_add_integers(&(struct model_slot){ f, layer, "bias", l->name, "bias" }, values,
				 outputs);
	free(values);
	return ret;
}

static int add_packed(const struct import_net *net, const struct import_layer *l, cJSON *layer,
		      const struct import_array *w, const char *part,
		      const struct weight_shape *shape, const struct grid *grid, uint32_t factor,
		      struct modelfile *f)
{
	struct model_slot slot = { f, json_put_object(layer, "weight"), "tensor", l->name, part };
	uint8_t *indices = malloc(weight_count(shape));
	int ret;

	if (!indices)
		return error_set(-ENOMEM, "%s: %s: no memory", net->name, l->name);
	for (size_t i = 0; i < weight_count(shape); i++)
		indices[i] = (uint8_t)grid_nearest(grid, ldexp(w->values[i], -(int)factor));
	ret = model_add_weight(&slot, shape, grid, indices);
	free(indices);
	return ret;
}

/* Weights @w of @in, and their common power of two. */
static int put_weights(const struct import_net *net, const struct import_layer *l,
		       const struct import_array *w, const char *part, const struct map *in,
		       cJSON *layer, struct modelfile *f, uint32_t *factor)
{
	struct weight_shape shape = { w->shape[0], w->shape[1], 1, 1, l->groups };
	struct grid grid;

	if (l->kind == IMPORT_CONV) {
		shape.kernel_h = w->shape[2];
		shape.kernel_w = w->shape[3];
	} else {
		shape.inputs = in->channels;
		shape.kernel_h = in->height;
		shape.kernel_w = in->width;
	}
	if (!grid_find_exact(w->values, w->count, &grid, factor))
		return error_set(-EBADMSG,
				 "%s: %s.%s: expected integers on a grid of at most 8 "
				 "bits times a power of two",
				 net->name, l->name, part);
	json_put_number(layer, "out_channels", shape.outputs);
	if (shape.kernel_h * shape.kernel_w > 1 || l->kind == IMPORT_CONV) {
		import_put_pair(layer, "kernel", shape.kernel_h, shape.kernel_w);
		import_put_pair(layer, "stride", l->stride[0], l->stride[1]);
		import_put_pair(layer, "padding", l->padding[0], l->padding[1]);
		import_put_pair(layer, "dilation", l->dilation[0], l->dilation[1]);
		json_put_number(layer, "groups", l->groups);
	}
	return add_packed(net, l, layer, w, part, &shape, &grid, *factor, f);
}

static void put_no_neuron(cJSON *layer)
{
	json_put_string(json_put_object(layer, "neuron"), "model", "none");
}

static int add_weights(struct import_net *net, const struct import_layer *l, const struct map *in,
		       cJSON *layer, struct modelfile *f)
{
	uint32_t factor;
	int ret = put_weights(net, l, &l->weight, "weight", in, layer, f, &factor);

	if (!ret && l->no_neuron) {
		put_no_neuron(layer);
		net->readout_scale = ldexp(1, (int)factor);
		return 0;
	}
	if (!ret)
		ret = add_bias(net, l, layer, f);
	return ret ? ret : add_neuron(net, l, layer, factor, l->weight.shape[0], f);
}

/* ---- layers that hear themselves ---- */

static cJSON *begin_layer(cJSON *layers, const char *name, const char *op, cJSON *input, int loop)
{
	cJSON *layer = json_append_object(layers), *inputs;

	json_put_string(layer, "name", name);
	json_put_string(layer, "op", op);
	inputs = json_put_array(layer, "inputs");
	json_append(inputs, input);
	if (loop)
		json_put_number(json_put_object(layer, "loop"), "number", loop);
	return layer;
}

/* What spikes were a step before the neurons fire, whatever the axon does then. */
static cJSON *previous_item(const char *name, uint32_t outputs)
{
	cJSON *item = cJSON_CreateObject();
	int shape[] = { 1, 1, (int)outputs };

	json_put_string(item, "layer", name);
	json_put(item, "previous", cJSON_CreateTrue());
	json_put(item, "shape", cJSON_CreateIntArray(shape, 3));
	json_put_number(item, "planes", 1);
	return item;
}

/* Both sums in units of the smaller power of two. */
static void put_scales(cJSON *layer, const uint32_t factor[2])
{
	cJSON *scales = json_put_array(layer, "scales");
	uint32_t least = factor[0] < factor[1] ? factor[0] : factor[1];

	for (int i = 0; i < 2; i++) {
		cJSON *scale = json_append_object(scales);

		json_put_number(scale, "mult", 1 << (factor[i] - least));
		json_put_number(scale, "shift", 0);
	}
}

/*
 * The input's and its own spikes are summed apart, then the neurons fire in the same step; a layer
 * behind them makes their spikes late, which the neurons themselves do not wait for.
 */
static int add_recurrent(const struct import_net *net, const struct import_layer *l, int number,
			 const char *input, const struct map *in, cJSON *layers,
			 struct modelfile *f)
{
	const struct map own = { 1, 1, l->weight.shape[0] };
	struct import_net at_once = *net;
	struct import_layer plain = *l;
	char names[3][48];
	uint32_t factor[2];
	cJSON *layer;
	int ret;

	snprintf(names[0], sizeof(names[0]), "%s.in", l->name);
	snprintf(names[1], sizeof(names[1]), "%s.rec", l->name);
	snprintf(names[2], sizeof(names[2]), "%s.neuron", l->name);
	layer = begin_layer(layers, names[0], in->height * in->width > 1 ? "conv2d" : "linear",
			    cJSON_CreateString(input), number);
	ret = put_weights(net, l, &l->weight, "weight", in, layer, f, &factor[0]);
	put_no_neuron(layer);
	layer = begin_layer(layers, names[1], "linear", previous_item(names[2], own.channels),
			    number);
	if (!ret)
		ret = put_weights(net, l, &l->recurrent, "weight_rec", &own, layer, f, &factor[1]);
	put_no_neuron(layer);
	if (ret)
		return ret;
	layer = begin_layer(layers, names[2], "add", cJSON_CreateString(names[0]), number);
	json_append(cJSON_GetObjectItem(layer, "inputs"), cJSON_CreateString(names[1]));
	put_scales(layer, factor);
	at_once.no_delay = true;
	memset(&plain.delay, 0, sizeof(plain.delay));
	ret = add_bias(net, l, layer, f);
	if (!ret)
		ret = add_neuron(&at_once, &plain, layer,
				 factor[0] < factor[1] ? factor[0] : factor[1], own.channels, f);
	if (ret)
		return ret;
	layer = begin_layer(layers, l->name, "sumpool", cJSON_CreateString(names[2]), 0);
	import_put_pair(layer, "kernel", 1, 1);
	layer = json_put_object(layer, "neuron");
	json_put_string(layer, "model", "lif");
	json_put_string(json_put_object(layer, "leak"), "kind", "q16");
	json_put_number(cJSON_GetObjectItem(layer, "leak"), "lambda", 0);
	json_put_string(layer, "compare", "ge");
	json_put_string(layer, "reset", "hard");
	json_put_number(layer, "threshold", 1);
	return add_delay(net, l, layer, own.channels, f);
}

static int add_pool(const struct import_net *net, const struct import_layer *l,
		    const struct map *in, cJSON *layer, struct modelfile *f)
{
	double value = l->weight.values[0];

	for (size_t i = 1; i < l->weight.count; i++)
		if (l->weight.values[i] != value)
			return error_set(-EBADMSG, "%s: %s: expected equal weights", net->name,
					 l->name);
	if (value != trunc(value) || value < 1 || value > 32767)
		return error_set(-EBADMSG, "%s: %s: expected a weight 1..32767, found %g",
				 net->name, l->name, value);
	import_put_pair(layer, "kernel", l->weight.shape[0], l->weight.shape[1]);
	import_put_pair(layer, "stride", l->stride[0], l->stride[1]);
	import_put_pair(layer, "padding", l->padding[0], l->padding[1]);
	import_put_pair(layer, "dilation", l->dilation[0], l->dilation[1]);
	json_put_number(layer, "value", value);
	return add_neuron(net, l, layer, 0, in->channels, f);
}

static const char *operation(const struct import_layer *l, const struct map *in)
{
	if (l->kind == IMPORT_POOL)
		return "sumpool";
	if (l->kind == IMPORT_CONV || in->height > 1 || in->width > 1)
		return "conv2d";
	return "linear";
}

static int add_layers(struct import_net *net, cJSON *layers, struct map *m, struct modelfile *f)
{
	const char *input = "input";
	int ret = 0;

	for (uint32_t i = 0; !ret && i < net->layer_count; i++) {
		const struct import_layer *l = &net->layers[i];
		cJSON *layer;

		if (l->recurrent.count) {
			ret = add_recurrent(net, l, (int)i + 1, input, m, layers, f);
			advance(l, m);
			input = l->name;
			continue;
		}
		layer = json_append_object(layers);
		if (!layer)
			return error_set(-ENOMEM, "%s: no memory", net->name);
		json_put_string(layer, "name", l->name);
		json_put_string(layer, "op", operation(l, m));
		json_put(layer, "inputs", cJSON_CreateStringArray(&input, 1));
		ret = l->kind == IMPORT_POOL ? add_pool(net, l, m, layer, f) :
					       add_weights(net, l, m, layer, f);
		advance(l, m);
		input = l->name;
	}
	return ret;
}

static void put_events(const struct import_net *net, bool flat, cJSON *input)
{
	json_put_number(input, "width", net->width);
	json_put_number(input, "height", net->height);
	json_put_number(input, "polarities", net->polarities);
	if (net->polarities <= 2)
		json_put_number(input, "on_channel", net->polarities - 1);
	json_put_string(input, "layout", flat ? "flat" : "hwc");
	json_put_number(input, "planes", 1);
	json_put_string(input, "binning", "duration");
	json_put_number(input, "steps", net->steps);
	json_put_number(input, "step_us", net->step_us);
	json_put_string(input, "rounding", "half_even");
	json_put_string(input, "origin", "zero");
}

/* A network that begins with a dense layer takes the flat order, others the map. */
static void add_input(const struct import_net *net, cJSON *graph, struct map *m)
{
	const uint64_t map[3] = { net->polarities, net->height, net->width };
	cJSON *input = json_put_object(graph, "input");
	bool flat = net->layers[0].kind == IMPORT_DENSE;

	if (takes_events(net))
		put_events(net, flat, input);
	else
		import_put_values(input, map, flat, net->input == SNNQ_IMPORT_FRAMES, net->planes,
				  net->steps);
	if (net->scale)
		json_put_number(input, "scale", net->scale);
	*m = (struct map){ net->height, net->width, net->polarities };
	if (flat)
		*m = (struct map){ 1, 1, net->height * net->width * net->polarities };
}

/* Classes that are means of neighbours, which the readout divides by their number. */
static int add_average(const struct import_net *net, cJSON *layers, struct map *m)
{
	static const char *const axes[] = { "height", "width", "channels" };
	const char *input = net->layers[net->layer_count - 1].name;
	cJSON *layer = json_append_object(layers);

	if (m->channels % net->average)
		return error_set(-EBADMSG,
				 "%s: average: expected outputs that divide %u channels, found %u",
				 net->name, m->channels, net->average);
	json_put_string(layer, "name", "average");
	json_put_string(layer, "op", "reduce");
	json_put(layer, "inputs", cJSON_CreateStringArray(&input, 1));
	json_put_string(layer, "mode", "sum");
	json_put(layer, "axes", cJSON_CreateStringArray(axes, 3));
	json_put_number(layer, "groups", net->average);
	*m = (struct map){ 1, 1, net->average };
	return 0;
}

static void add_readout(const struct import_net *net, cJSON *graph, double scale)
{
	const char *last = net->layers[net->layer_count - 1].name;
	cJSON *readout = json_put_object(graph, "readout");

	bool seen = is_seen(net, &net->layers[net->layer_count - 1]);

	json_put_string(readout, "input", net->average ? "average" : last);
	json_put_string(readout, "mode", seen ? "last" : "sum");
	if (seen)
		import_note(net->opts,
			    "%s: %s: neurons with the largest threshold do not fire: their "
			    "potential in the last step is read out",
			    net->name, last);
	json_put_number(readout, "scale", scale);
}

static int build(struct import_net *net, struct modelfile *f)
{
	double scale;
	struct map m;
	cJSON *layers;
	int ret;

	import_put_head(f->graph, "integer", net->name, net->source);
	add_input(net, f->graph, &m);
	layers = json_put_array(f->graph, "layers");
	net->readout_scale = 1;
	ret = add_layers(net, layers, &m, f);
	scale = net->readout_scale;
	if (!ret && net->average) {
		scale = (double)net->average / ((double)m.channels * m.height * m.width);
		ret = add_average(net, layers, &m);
	}
	if (ret)
		return ret;
	if (m.height != 1 || m.width != 1)
		return error_set(-EBADMSG, "%s: expected an output of 1 x 1, found %u x %u",
				 net->name, m.height, m.width);
	import_put_classes(f->graph, m.channels);
	add_readout(net, f->graph, scale);
	return 0;
}

int import_build(struct import_net *net, const char *out)
{
	uint64_t losses = json_losses();
	struct modelfile *f = NULL;
	int ret = 0;

	if (!net->steps || net->steps > SNNQ_MAX_STEPS)
		return error_set(-EBADMSG,
				 "%s: steps: expected 1..%u, found %u (the source may "
				 "not say: give the number)",
				 net->name, SNNQ_MAX_STEPS, net->steps);
	for (uint32_t i = 0; !ret && i < net->layer_count; i++)
		ret = check_layer(net, &net->layers[i]);
	if (!ret)
		ret = find_input(net);
	if (ret)
		return ret;
	find_restarts(net);
	ret = modelfile_new(cJSON_CreateObject(), &f);
	if (!ret)
		ret = build(net, f);
	if (!ret && json_losses() != losses)
		ret = error_set(-ENOMEM, "%s: no memory", net->name);
	if (!ret)
		ret = compact_model(out, f);
	if (!ret)
		ret = modelfile_write(f, out);
	modelfile_free(f);
	return ret;
}
