// SPDX-License-Identifier: MIT
/*
 * import_lava.c - lava-dl .net files (HDF5).
 *
 * /layer/<n> in numeric order: type, weight, bias, geometry and neuron constants.
 * A layer of type input is what the recording already gives, "flatten" only keeps
 * the order (C, H, W) that dense layers have anyway, "average" at the end makes each output of the
 * mean of neighbours. A delay is one of the axon: of the spikes of a channel, beside the step that
 * all spikes take. dense_rec has weights of its own spikes of the step before, too; a dense layer
 * without neurons, at the end, puts out what it sums.
 * Values and shapes are checked here and in import_build().
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import.h"
#include "import_h5.h"
#include "snnq_program.h"

#define PICTURE_WEIGHT 64 /* of an input layer that does not say, as lava-dl has it */

struct lava {
	struct h5 h5;
	struct import_net *net;
	double flat; /* values of the flatten layer just before, 0: there is none */
};

/* What a file says besides its arrays must be what they show. */
static int check_said(struct lava *l, const char *group, const char *key, uint32_t shown)
{
	char name[64];
	double said;
	int ret;

	snprintf(name, sizeof(name), "%s/%s", group, key);
	ret = h5_integer(&l->h5, name, 0, UINT32_MAX, shown, &said);
	if (!ret && said != shown)
		ret = error_set(-EBADMSG, "%s: %s: expected %u, as the other fields say, found %g",
				l->h5.path, name, shown, said);
	return ret;
}

/* Numbers 0..@most, if they are there. */
static int read_integers(struct lava *l, const char *group, const char *key, uint32_t most,
			 struct import_array *a)
{
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/%s", group, key);
	ret = h5_numbers(&l->h5, name, a);
	for (size_t i = 0; ret > 0 && i < a->count; i++)
		if (!(a->values[i] >= 0 && a->values[i] <= most) ||
		    a->values[i] != trunc(a->values[i]))
			return error_set(-EBADMSG,
					 "%s: %s: element %zu: expected an integer 0..%u, found %g",
					 l->h5.path, name, i, most, a->values[i]);
	return ret < 0 ? ret : 0;
}

/* Steps by which the spikes of each channel are late, beside the one that all are. */
static int read_delay(struct lava *l, const char *group, struct import_layer *layer)
{
	return read_integers(l, group, "delay", SNNQ_MAX_DELAY - 1, &layer->delay);
}

/* Where neurons share no parameters: a decay of each channel in place of one. */
static int read_decays(struct lava *l, const char *group, const char *key, struct import_array *a,
		       double *one)
{
	char name[64];
	int ret = read_integers(l, group, key, 4096, a);

	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s/%s", group, key);
	if (!a->count)
		return error_set(-EBADMSG, "%s: %s: expected an integer 0..4096, found nothing",
				 l->h5.path, name);
	*one = a->values[0];
	if (a->count == 1)
		import_array_free(a);
	return 0;
}

/* The size of the layer's output: channels, or channels, height and width. */
static int read_said(struct lava *l, const char *group, struct import_layer *layer)
{
	struct import_array a;
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/shape", group);
	ret = h5_numbers(&l->h5, name, &a);
	for (size_t i = 0; ret > 0 && i < a.count; i++) {
		double v = a.values[i];

		if ((a.count != 1 && a.count != 3) || !(v >= 1 && v <= 65536) || v != trunc(v))
			ret = error_set(-EBADMSG,
					"%s: %s: expected one or three integers "
					"1..65536",
					l->h5.path, name);
		else
			layer->said[i] = (uint32_t)v;
	}
	import_array_free(&a);
	return ret < 0 ? ret : 0;
}

/* lava goes by vThMant; who changes that by hand leaves the threshold of training where it was. */
static int tell_theta(struct lava *l, const char *group, uint32_t shown)
{
	char name[64];
	double said;
	int ret;

	snprintf(name, sizeof(name), "%s/neuron/theta", group);
	ret = h5_integer(&l->h5, name, 0, UINT32_MAX, shown, &said);
	if (!ret && said != shown)
		import_note(l->net->opts,
			    "%s: %s: is %g, but vThMant is what counts: a threshold of %u",
			    l->h5.path, name, said, shown);
	return ret;
}

static int read_neuron(struct lava *l, const char *group, struct import_layer *layer)
{
	static const struct {
		const char *key;
		double min, max, absent;
	} fields[] = {
		{ "vThMant", 1, 131071, -1 },
		{ "wgtExp", -6, 7, 0 },
		{ "refDelay", 1, 1, 1 },
		{ "gradedSpike", 0, 0, 0 },
	};
	double v[4], current, voltage;
	char name[64], type[32];
	int ret;

	snprintf(name, sizeof(name), "%s/neuron", group);
	if (!h5_exists(&l->h5, name) && layer->kind == IMPORT_DENSE && !layer->recurrent.count) {
		layer->no_neuron = true;
		import_note(l->net->opts, "%s: %s: has no neurons: what it sums is read out",
			    l->h5.path, group);
		return 0;
	}
	snprintf(name, sizeof(name), "%s/neuron/type", group);
	if (!h5_text(&l->h5, name, type))
		return error_set(-EBADMSG, "%s: %s: expected a string", l->h5.path, name);
	if (strcmp(type, "LOIHI") && strcmp(type, "CUBA"))
		return error_set(-EBADMSG, "%s: %s: expected LOIHI or CUBA, found %s", l->h5.path,
				 name, type);
	snprintf(name, sizeof(name), "%s/neuron", group);
	ret = h5_members(&l->h5, name,
			 " type vThMant iDecay vDecay wgtExp refDelay gradedSpike theta "
			 "tauRho scaleRho ");
	if (ret)
		return ret;
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s/neuron/%s", group, fields[i].key);
		ret = h5_integer(&l->h5, name, fields[i].min, fields[i].max, fields[i].absent,
				 &v[i]);
		if (ret)
			return ret;
	}
	ret = read_decays(l, group, "neuron/iDecay", &layer->current_decays, &current);
	if (!ret)
		ret = read_decays(l, group, "neuron/vDecay", &layer->voltage_decays, &voltage);
	if (ret)
		return ret;
	layer->neuron = (struct import_neuron){ (uint32_t)v[0], (uint32_t)current,
						(uint32_t)voltage, (int32_t)v[1] };
	return tell_theta(l, group, layer->neuron.threshold_mantissa << 6);
}

/*
 * Weights to (out, in) or (out, in, kh, kw), which may have axes of 1 behind them; flat dense ones
 * need the layer's own size.
 */
static int shape_weight(struct lava *l, const char *group, struct import_layer *layer)
{
	struct import_array *w = &layer->weight;
	uint32_t axes = layer->kind == IMPORT_DENSE ? 2 : 4;
	uint64_t out = layer->said[0];

	while (w->dims > axes && w->shape[w->dims - 1] == 1)
		w->dims--;
	if (layer->kind != IMPORT_DENSE || w->dims != 1)
		return 0;
	for (int i = 1; i < 3; i++)
		out *= layer->said[i] ? layer->said[i] : 1;
	if (!out)
		return error_set(-EBADMSG, "%s: %s/shape: missing, the weights are flat",
				 l->h5.path, group);
	if (w->count % out)
		return error_set(-EBADMSG,
				 "%s: %s/weight: %zu elements are no rows for %" PRIu64 " outputs",
				 l->h5.path, group, w->count, out);
	w->dims = 2;
	w->shape[0] = (uint32_t)out;
	w->shape[1] = (uint32_t)(w->count / out);
	return 0;
}

/* Weights of a dense_rec layer's own spikes. */
static int read_recurrent(struct lava *l, const char *group, struct import_layer *layer)
{
	struct import_array *w = &layer->recurrent;
	uint32_t outputs = layer->weight.shape[0];
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/weight_rec", group);
	ret = h5_numbers(&l->h5, name, w);
	if (!ret)
		return error_set(-EBADMSG, "%s: %s: missing", l->h5.path, name);
	while (ret > 0 && w->dims > 2 && w->shape[w->dims - 1] == 1)
		w->dims--;
	if (ret > 0 && (w->count != (uint64_t)outputs * outputs ||
			(w->dims != 1 && (w->dims != 2 || w->shape[0] != outputs))))
		return error_set(-EBADMSG,
				 "%s: %s: expected %u x %u weights, one row for each output, found "
				 "%zu",
				 l->h5.path, name, outputs, outputs, w->count);
	w->dims = 2;
	w->shape[0] = w->shape[1] = outputs;
	return ret < 0 ? ret : 0;
}

/* The numbers of channels that files repeat. */
static int check_channels(struct lava *l, const char *group, const struct import_layer *layer)
{
	const uint32_t *shape = layer->weight.shape;
	bool dense = layer->kind == IMPORT_DENSE;
	int ret;

	if (layer->weight.dims != (dense ? 2 : 4))
		return 0; /* import_build() says so */
	ret = check_said(l, group, dense ? "outFeatures" : "outChannels", shape[0]);
	if (!ret)
		ret = check_said(l, group, dense ? "inFeatures" : "inChannels",
				 shape[1] * layer->groups);
	return ret;
}

static int check_kernel(struct lava *l, const char *group, const struct import_layer *layer)
{
	uint32_t kernel[2];
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/kernelSize", group);
	if (!h5_exists(&l->h5, name) || layer->weight.dims != 4)
		return 0;
	ret = h5_pair(&l->h5, group, "kernelSize", 0, kernel);
	if (!ret && (kernel[0] != layer->weight.shape[2] || kernel[1] != layer->weight.shape[3]))
		ret = error_set(-EBADMSG,
				"%s: %s: expected %u, %u, the last axes of the weight, found "
				"%u, %u",
				l->h5.path, name, layer->weight.shape[2], layer->weight.shape[3],
				kernel[0], kernel[1]);
	return ret;
}

static int read_geometry(struct lava *l, const char *group, struct import_layer *layer)
{
	char name[64];
	double groups;
	int ret = h5_pair(&l->h5, group, "stride", 1, layer->stride);

	if (!ret)
		ret = h5_pair(&l->h5, group, "padding", 0, layer->padding);
	if (!ret)
		ret = h5_pair(&l->h5, group, "dilation", 1, layer->dilation);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s/groups", group);
	ret = h5_integer(&l->h5, name, 1, 65536, 1, &groups);
	layer->groups = (uint32_t)groups;
	return ret;
}

/* The sum pool of @group: kernelSize and one weight for all of the window. */
static int read_pool(struct lava *l, const char *group, struct import_layer *layer)
{
	struct import_array *w = &layer->weight;
	uint32_t kernel[2];
	int ret = h5_pair(&l->h5, group, "kernelSize", 0, kernel);
	double value = w->values[0];
	uint32_t dims = w->dims > 1 && w->shape[w->dims - 1] == 1 ? w->dims - 1 : w->dims;

	for (size_t i = 1; i < w->count; i++)
		if (w->values[i] != value)
			return error_set(-EBADMSG, "%s: %s/weight: a pool needs equal weights",
					 l->h5.path, group);
	if (!ret && w->count != 1 &&
	    (w->count != kernel[0] * kernel[1] ||
	     (dims > 1 && (w->shape[dims - 2] != kernel[0] || w->shape[dims - 1] != kernel[1]))))
		ret = error_set(-EBADMSG,
				"%s: %s/weight: expected one, or %u x %u as kernelSize says, "
				"found %zu",
				l->h5.path, group, kernel[0], kernel[1], w->count);
	import_array_free(w);
	if (ret)
		return ret;
	*w = (struct import_array){ .dims = 2, .shape = { kernel[0], kernel[1] }, .count = 1 };
	w->values = malloc(sizeof(*w->values));
	if (!w->values)
		return error_set(-ENOMEM, "%s: no memory", l->h5.path);
	w->values[0] = value;
	return 0;
}

/* What a flatten layer said is what the layer behind it sees. */
static int check_flat(struct lava *l, const char *group, const struct import_layer *layer)
{
	double flat = l->flat;

	l->flat = 0;
	if (!flat)
		return 0;
	if (layer->kind != IMPORT_DENSE)
		return error_set(-EBADMSG, "%s: %s: expected a dense layer behind flatten",
				 l->h5.path, group);
	if (layer->weight.dims != 2 || flat == layer->weight.shape[1] || flat < 0)
		return 0;
	return error_set(-EBADMSG,
			 "%s: %s: expected %g inputs, as the flatten layer before it says, "
			 "found %u",
			 l->h5.path, group, flat, layer->weight.shape[1]);
}

/* Its output is what comes in, in the order that dense layers have anyway; its shape may say how
 * much: l->flat, or -1.
 */
static int read_flatten(struct lava *l, const char *group)
{
	struct import_layer layer = { .said = { 0 } };
	int ret = read_said(l, group, &layer);

	if (ret)
		return ret;
	l->flat = layer.said[0] ? (double)layer.said[0] : -1;
	for (int i = 1; i < 3; i++)
		if (layer.said[i])
			l->flat *= layer.said[i];
	return 0;
}

static int read_weighted(struct lava *l, const char *group, const char *label,
			 enum import_kind kind, bool recurrent)
{
	struct import_layer *layer;
	char name[64];
	int ret = import_add_layer(l->net, l->h5.path, kind, label, &layer);

	if (!ret)
		ret = read_said(l, group, layer);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s/weight", group);
	ret = h5_numbers(&l->h5, name, &layer->weight);
	if (!ret)
		return error_set(-EBADMSG, "%s: %s: missing", l->h5.path, name);
	snprintf(name, sizeof(name), "%s/bias", group);
	if (ret >= 0)
		ret = h5_numbers(&l->h5, name, &layer->bias);
	if (ret >= 0)
		ret = shape_weight(l, group, layer);
	if (ret >= 0 && recurrent)
		ret = read_recurrent(l, group, layer);
	if (ret >= 0)
		ret = read_neuron(l, group, layer);
	if (ret >= 0 && kind != IMPORT_DENSE)
		ret = read_geometry(l, group, layer);
	if (ret >= 0 && kind == IMPORT_POOL)
		ret = read_pool(l, group, layer);
	else if (ret >= 0)
		ret = check_channels(l, group, layer);
	if (ret >= 0)
		ret = check_flat(l, group, layer);
	if (ret >= 0 && kind == IMPORT_CONV)
		ret = check_kernel(l, group, layer);
	if (ret >= 0)
		ret = read_delay(l, group, layer);
	return ret < 0 ? ret : 0;
}

/* Classes, each the mean of as many neighbours of the last layer. */
static int read_average(struct lava *l, const char *group)
{
	struct import_layer layer = { .said = { 0 } };
	int ret = read_said(l, group, &layer);

	if (ret)
		return ret;
	if (!layer.said[0] || layer.said[1] > 1 || layer.said[2] > 1)
		return error_set(-EBADMSG, "%s: %s/shape: expected a number of outputs", l->h5.path,
				 group);
	l->net->average = layer.said[0];
	l->flat = 0; /* it is on its own the same */
	return 0;
}

static int fill_array(struct lava *l, struct import_array *a, size_t count, double value)
{
	a->values = malloc(count * sizeof(*a->values));
	if (!a->values)
		return error_set(-ENOMEM, "%s: no memory", l->h5.path);
	a->count = count;
	for (size_t i = 0; i < count; i++)
		a->values[i] = value;
	return 0;
}

/* The input layer gives the size of what the first weights see. */
static int read_input(struct lava *l, const char *group)
{
	struct import_array shape;
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/shape", group);
	ret = h5_numbers(&l->h5, name, &shape);
	for (size_t i = 0; ret > 0 && i < shape.count; i++) {
		double v = shape.values[i];

		if ((shape.count != 3 && shape.count != 1) || !(v >= 1 && v <= 4096) ||
		    v != trunc(v))
			ret = error_set(-EBADMSG,
					"%s: %s: expected three integers 1..4096 (channels, "
					"height, width) or one",
					l->h5.path, name);
	}
	if (ret > 0 && shape.count == 1) {
		l->net->polarities = l->net->height = 1;
		l->net->width = (uint32_t)shape.values[0];
	} else if (ret > 0) {
		l->net->polarities = (uint32_t)shape.values[0];
		l->net->height = (uint32_t)shape.values[1];
		l->net->width = (uint32_t)shape.values[2];
	}
	import_array_free(&shape);
	return ret < 0 ? ret : 0;
}

/*
 * Neurons of an input layer turn a picture of numbers x from 0 to 1 into spikes: in each step
 * 2 w x - w + b goes to the potential, as on the chip. Of that 2 w x is the model's input, counted
 * in whole numbers, w and b are a layer's.
 */
static int read_picture(struct lava *l, const char *group, const char *label)
{
	struct import_net *net = l->net;
	struct import_layer *layer;
	double weight, bias;
	char name[64];
	int ret;

	if (!net->polarities)
		return error_set(-EBADMSG, "%s: %s/shape: missing: pictures need their size here",
				 l->h5.path, group);
	snprintf(name, sizeof(name), "%s/weight", group);
	ret = h5_integer(&l->h5, name, 1, 32767, PICTURE_WEIGHT, &weight);
	snprintf(name, sizeof(name), "%s/bias", group);
	if (!ret)
		ret = h5_integer(&l->h5, name, -(1 << 20), 1 << 20, 0, &bias);
	if (!ret)
		ret = import_add_layer(net, l->h5.path, IMPORT_CONV, label, &layer);
	if (!ret)
		ret = read_neuron(l, group, layer);
	if (ret)
		return ret;
	import_array_free(&layer->current_decays);
	layer->neuron.current_decay = 4096;
	layer->groups = net->polarities;
	layer->weight = (struct import_array){ .dims = 4, .shape = { net->polarities, 1, 1, 1 } };
	ret = fill_array(l, &layer->weight, net->polarities, 1);
	layer->bias.dims = layer->bias.shape[0] = 1;
	if (!ret)
		ret = fill_array(l, &layer->bias, 1, bias - weight);
	net->input = SNNQ_IMPORT_IMAGE;
	net->scale = 1 / (2 * weight);
	for (net->planes = 1; 2 * weight >= 1u << net->planes;)
		net->planes++;
	return ret;
}

static int read_layer(struct lava *l, int n)
{
	static const struct {
		const char *type;
		int build; /* enum import_kind, -1: no layer of the model */
		const char *members;
	} kinds[] = {
		{ "input", -1, " type shape " },
		{ "flatten", -1, " type shape " },
		{ "average", -1, " type shape " },
		{ "dense", IMPORT_DENSE, " type shape weight bias delay inFeatures outFeatures neuron " },
		{ "dense_rec", IMPORT_DENSE,
		  " type shape weight weight_rec bias delay inFeatures outFeatures neuron " },
		{ "conv", IMPORT_CONV, " type shape weight bias stride padding dilation groups delay "
				       "kernelSize inChannels outChannels neuron " },
		{ "pool", IMPORT_POOL, " type shape weight bias stride padding dilation delay "
				       "kernelSize neuron " },
		{ NULL },
	}, *kind;
	char group[32], name[64], type[32], label[32], member[64];
	bool neurons;
	int ret;

	snprintf(group, sizeof(group), "/layer/%d", n);
	snprintf(name, sizeof(name), "%s/type", group);
	snprintf(label, sizeof(label), "layer%d", n);
	if (!h5_text(&l->h5, name, type))
		return error_set(-EBADMSG, "%s: %s: expected a string", l->h5.path, name);
	for (kind = kinds; kind->type && strcmp(type, kind->type); kind++)
		;
	if (!kind->type)
		return error_set(-EBADMSG,
				 "%s: %s: expected input, flatten, dense, dense_rec, conv, pool or "
				 "average, found %s",
				 l->h5.path, name, type);
	/* Neurons of an input layer make spikes of pictures, which events may be already. */
	snprintf(member, sizeof(member), "%s/neuron", group);
	neurons = !n && !strcmp(type, "input") && h5_exists(&l->h5, member);
	ret = h5_members(&l->h5, group,
			 neurons ? " type shape weight bias neuron " : kind->members);
	if (ret)
		return ret;
	if (l->net->average)
		return error_set(-EBADMSG, "%s: %s: expected nothing behind average, found %s",
				 l->h5.path, name, type);
	if (kind->build >= 0)
		return read_weighted(l, group, label, (enum import_kind)kind->build,
				     !strcmp(type, "dense_rec"));
	if (!strcmp(type, "flatten"))
		return read_flatten(l, group);
	if (!strcmp(type, "average"))
		return read_average(l, group);
	if (n)
		return error_set(-EBADMSG, "%s: %s: expected input as the first layer only",
				 l->h5.path, name);
	ret = read_input(l, group);
	return ret || !neurons || l->net->spikes_in ? ret : read_picture(l, group, label);
}

static int read_net(struct lava *l)
{
	double steps, ts;
	const struct tree_object *layer;
	char group[32];
	int n = 0, count = 0, ret = h5_members(&l->h5, "/", " layer simulation ");

	if (!ret && h5_exists(&l->h5, "/simulation"))
		ret = h5_members(&l->h5, "/simulation", " Ts tSample ");
	if (!ret)
		ret = h5_integer(&l->h5, "/simulation/tSample", 1, 65536, 0, &steps);
	if (!ret)
		ret = h5_integer(&l->h5, "/simulation/Ts", 1, 1000, 1, &ts);
	if (ret)
		return ret;
	l->net->steps = (uint32_t)steps;
	l->net->step_us = (uint32_t)ts * 1000;
	for (; !ret; n++) {
		snprintf(group, sizeof(group), "/layer/%d", n);
		if (!h5_exists(&l->h5, group))
			break;
		ret = read_layer(l, n);
	}
	if (!ret && l->flat)
		ret = error_set(-EBADMSG,
				"%s: %s: expected a dense layer behind flatten, found nothing",
				l->h5.path, group);
	if (!ret && !l->net->layer_count)
		ret = error_set(-EBADMSG, "%s: expected layers /layer/0, ...", l->h5.path);
	layer = ret ? NULL : tree_find(l->h5.root, "/layer");
	for (layer = layer ? layer->first : NULL; layer; layer = layer->next)
		count++;
	if (!ret && count != n)
		ret = error_set(-EBADMSG, "%s: %s: missing, but there are other members of /layer",
				l->h5.path, group);
	return ret;
}

int import_lava(const struct h5 *h5, struct import_net *net)
{
	struct lava l = { .h5 = *h5, .net = net };

	snprintf(net->source, sizeof(net->source), "lava-dl");
	return read_net(&l);
}
