// SPDX-License-Identifier: MIT
/*
 * import_lava.c - lava-dl .net files (HDF5).
 *
 * /layer/<n> in numeric order: type, weight, bias, geometry and neuron constants.
 * A layer of type input is what the recording already gives, "flatten" only keeps
 * the order (C, H, W) that dense layers have anyway. HDF5 checks its own structure; values and
 * shapes are checked here and in import_build().
 */
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import.h"

struct lava {
	const char *path;
	hid_t file;
	struct import_net *net;
	double flat; /* values of the flatten layer just before, 0: there is none */
};

/* Like H5Lexists, for a path whose groups may be missing too. */
static bool exists(hid_t file, const char *name)
{
	char part[160];

	for (const char *slash = strchr(name + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		if (H5Lexists(file, part, H5P_DEFAULT) <= 0)
			return false;
	}
	return H5Lexists(file, name, H5P_DEFAULT) > 0;
}

static bool read_space(hid_t set, struct import_array *a)
{
	hid_t space = H5Dget_space(set);
	hsize_t shape[IMPORT_MAX_DIMS];
	int dims = H5Sget_simple_extent_ndims(space);
	uint64_t count = 1;

	if (dims < 0 || dims > IMPORT_MAX_DIMS) {
		H5Sclose(space);
		return false;
	}
	H5Sget_simple_extent_dims(space, shape, NULL);
	H5Sclose(space);
	a->dims = (uint32_t)dims;
	for (int i = 0; i < dims; i++) {
		if (!shape[i] || shape[i] > IMPORT_MAX_ELEMENTS)
			return false;
		a->shape[i] = (uint32_t)shape[i];
		count *= shape[i];
		if (count > IMPORT_MAX_ELEMENTS)
			return false;
	}
	a->count = count;
	return true;
}

/* Read numbers. 1 read, 0 absent, -errno. */
static int read_numbers(struct lava *l, const char *name, struct import_array *a)
{
	hid_t set;
	bool ok;

	memset(a, 0, sizeof(*a));
	if (!exists(l->file, name))
		return 0;
	set = H5Dopen2(l->file, name, H5P_DEFAULT);
	ok = set >= 0 && read_space(set, a);
	if (ok) {
		a->values = malloc(a->count * sizeof(*a->values));
		ok = a->values &&
		     H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, a->values) >= 0;
	}
	if (set >= 0)
		H5Dclose(set);
	if (ok)
		return 1;
	import_array_free(a);
	return error_set(-EBADMSG, "%s: %s: expected numbers, at most 2^28 in %d axes", l->path,
			 name, IMPORT_MAX_DIMS);
}

/* A string: fixed-length in an array of one, or a variable-length scalar. */
static bool read_text(struct lava *l, const char *name, char text[32])
{
	hid_t set, type, memory;
	char *pointer = NULL, fixed[256] = "";
	bool ok = false;

	if (!exists(l->file, name))
		return false;
	set = H5Dopen2(l->file, name, H5P_DEFAULT);
	if (set < 0)
		return false;
	type = H5Dget_type(set);
	memory = H5Tcopy(H5T_C_S1);
	if (H5Tis_variable_str(type) > 0) {
		H5Tset_size(memory, H5T_VARIABLE);
		H5Tset_cset(memory, H5Tget_cset(type));
		ok = H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, &pointer) >= 0 && pointer;
	} else if (H5Tget_class(type) == H5T_STRING && H5Tget_size(type) < sizeof(fixed)) {
		hid_t space = H5Dget_space(set);

		H5Tset_size(memory, H5Tget_size(type) + 1);
		ok = H5Sget_simple_extent_npoints(space) == 1 &&
		     H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, fixed) >= 0;
		H5Sclose(space);
	}
	snprintf(text, 32, "%s", pointer ? pointer : fixed);
	H5free_memory(pointer);
	H5Tclose(memory);
	H5Tclose(type);
	H5Dclose(set);
	return ok;
}

/* One integer in min..max, or @absent; a negative @absent: it must be there. */
static int read_integer(struct lava *l, const char *name, double min, double max, double absent,
			double *value)
{
	struct import_array a;
	int ret = read_numbers(l, name, &a);

	if (ret < 0)
		return ret;
	*value = ret ? a.values[0] : absent;
	if (ret ? a.count != 1 || *value != trunc(*value) || *value < min || *value > max :
		  absent < 0)
		ret = error_set(-EBADMSG, "%s: %s: expected an integer %g..%g, found %s", l->path,
				name, min, max, ret ? "something else" : "nothing");
	import_array_free(&a);
	return ret < 0 ? ret : 0;
}

/* One or two small integers (height, width). */
static int read_pair(struct lava *l, const char *group, const char *key, uint32_t absent,
		     uint32_t pair[2])
{
	struct import_array a;
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/%s", group, key);
	ret = read_numbers(l, name, &a);
	if (ret < 0)
		return ret;
	for (uint32_t i = 0; i < 2; i++) {
		double v = ret ? a.values[a.count > 1 ? i : 0] : absent;

		if (!(v >= 0 && v <= 255) || v != trunc(v) || a.count > 2) {
			import_array_free(&a);
			return error_set(-EBADMSG, "%s: %s: expected one or two integers 0..255",
					 l->path, name);
		}
		pair[i] = (uint32_t)v;
	}
	import_array_free(&a);
	return 0;
}

/* What a file says besides its arrays must be what they show. */
static int check_said(struct lava *l, const char *group, const char *key, uint32_t shown)
{
	char name[64];
	double said;
	int ret;

	snprintf(name, sizeof(name), "%s/%s", group, key);
	ret = read_integer(l, name, 0, UINT32_MAX, shown, &said);
	if (!ret && said != shown)
		ret = error_set(-EBADMSG, "%s: %s: expected %u, as the other fields say, found %g",
				l->path, name, shown, said);
	return ret;
}

static herr_t keep_name(hid_t object, const char *name, const H5A_info_t *info, void *text)
{
	(void)object;
	(void)info;
	snprintf(text, 33, "%s", name);
	return 1;
}

/* Attributes are not read: one of them may change what the network does. */
static int check_attributes(struct lava *l, const char *group, const char *name)
{
	hid_t object = H5Oopen(l->file, group, H5P_DEFAULT), inside = object;
	char text[33];
	herr_t found;

	if (object >= 0 && *name)
		inside = H5Oopen(object, name, H5P_DEFAULT);
	found = inside < 0 ? -1 :
			     H5Aiterate2(inside, H5_INDEX_NAME, H5_ITER_INC, NULL, keep_name, text);
	if (inside >= 0 && inside != object)
		H5Oclose(inside);
	if (object >= 0)
		H5Oclose(object);
	if (!found)
		return 0;
	return error_set(-EBADMSG, "%s: %s%s%s: %s%s", l->path, group, *name ? "/" : "", name,
			 found < 0 ? "cannot be opened" :
				     "not known, and the network may need it: "
				     "attribute ",
			 found < 0 ? "" : text);
}

/* Every member of @group is one of @known (a list with spaces): what is not known may change what
 * the network does. Links to other places and files are not followed.
 */
static int check_members(struct lava *l, const char *group, const char *known)
{
	H5G_info_t info;
	char name[34] = " ", *end;
	int ret = check_attributes(l, group, "");

	if (ret)
		return ret;
	if (H5Gget_info_by_name(l->file, group, &info, H5P_DEFAULT) < 0)
		return error_set(-EBADMSG, "%s: %s: expected a group", l->path, group);
	for (hsize_t i = 0; i < info.nlinks; i++) {
		ssize_t n = H5Lget_name_by_idx(l->file, group, H5_INDEX_NAME, H5_ITER_INC, i,
					       name + 1, 32, H5P_DEFAULT);
		H5L_info_t link;

		if (n <= 0 || H5Lget_info_by_idx(l->file, group, H5_INDEX_NAME, H5_ITER_INC, i,
						 &link, H5P_DEFAULT) < 0)
			return error_set(-EBADMSG, "%s: %s: cannot be listed", l->path, group);
		end = name + strlen(name);
		memcpy(end, " ", 2);
		if (!strstr(known, name) || strchr(name + 1, ' ') != end) {
			*end = 0;
			return error_set(-EBADMSG,
					 "%s: %s/%s: not known, and the network may need "
					 "it; expected only:%s",
					 l->path, group, name + 1, known);
		}
		*end = 0;
		if (link.type != H5L_TYPE_HARD)
			return error_set(-EBADMSG,
					 "%s: %s/%s: expected an object, found a link to "
					 "one",
					 l->path, group, name + 1);
		ret = check_attributes(l, group, name + 1);
		if (ret)
			return ret;
	}
	return 0;
}

/* Delays of single synapses: all of them 0, because there is nothing that could keep them. */
static int check_delay(struct lava *l, const char *group)
{
	struct import_array a;
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/delay", group);
	ret = read_numbers(l, name, &a);
	for (size_t i = 0; ret > 0 && i < a.count; i++)
		if (a.values[i] != 0)
			ret = error_set(-EBADMSG,
					"%s: %s: expected no delays, found %g at element "
					"%zu",
					l->path, name, a.values[i], i);
	import_array_free(&a);
	return ret < 0 ? ret : 0;
}

/* The size of the layer's output: channels, or channels, height and width. */
static int read_said(struct lava *l, const char *group, struct import_layer *layer)
{
	struct import_array a;
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/shape", group);
	ret = read_numbers(l, name, &a);
	for (size_t i = 0; ret > 0 && i < a.count; i++) {
		double v = a.values[i];

		if ((a.count != 1 && a.count != 3) || !(v >= 1 && v <= 65536) || v != trunc(v))
			ret = error_set(-EBADMSG,
					"%s: %s: expected one or three integers "
					"1..65536",
					l->path, name);
		else
			layer->said[i] = (uint32_t)v;
	}
	import_array_free(&a);
	return ret < 0 ? ret : 0;
}

static int read_neuron(struct lava *l, const char *group, struct import_neuron *neuron)
{
	static const struct {
		const char *key;
		double min, max, absent;
	} fields[] = {
		{ "vThMant", 1, 131071, -1 }, { "iDecay", 0, 4096, -1 }, { "vDecay", 0, 4096, -1 },
		{ "wgtExp", -6, 7, 0 },	      { "refDelay", 1, 1, 1 },	 { "gradedSpike", 0, 0, 0 },
	};
	double v[6];
	char name[64], type[32];
	int ret;

	snprintf(name, sizeof(name), "%s/neuron", group);
	ret = check_members(l, name,
			    " type vThMant iDecay vDecay wgtExp refDelay gradedSpike theta "
			    "tauRho scaleRho ");
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s/neuron/type", group);
	if (!read_text(l, name, type) || (strcmp(type, "LOIHI") && strcmp(type, "CUBA")))
		return error_set(-EBADMSG, "%s: %s: expected LOIHI or CUBA", l->path, name);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "%s/neuron/%s", group, fields[i].key);
		ret = read_integer(l, name, fields[i].min, fields[i].max, fields[i].absent, &v[i]);
		if (ret)
			return ret;
	}
	*neuron = (struct import_neuron){ (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2],
					  (int32_t)v[3] };
	return check_said(l, group, "neuron/theta", neuron->threshold_mantissa << 6);
}

/* Weights to (out, in) or (out, in, kh, kw); flat dense ones need the layer's own size. */
static int shape_weight(struct lava *l, const char *group, struct import_layer *layer)
{
	struct import_array *w = &layer->weight;
	char name[64];
	double out;
	int ret;

	if (w->dims == 5 && w->shape[4] == 1)
		w->dims = 4;
	if (layer->kind == IMPORT_DENSE && w->dims == 1) {
		snprintf(name, sizeof(name), "%s/shape", group);
		ret = read_integer(l, name, 1, 65536, -1, &out);
		if (ret)
			return ret;
		if (w->count % (uint32_t)out)
			return error_set(-EBADMSG,
					 "%s: %s/weight: %zu elements are no rows for "
					 "%g outputs",
					 l->path, group, w->count, out);
		w->dims = 2;
		w->shape[0] = (uint32_t)out;
		w->shape[1] = (uint32_t)(w->count / (uint32_t)out);
	}
	return 0;
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
	if (!exists(l->file, name) || layer->weight.dims != 4)
		return 0;
	ret = read_pair(l, group, "kernelSize", 0, kernel);
	if (!ret && (kernel[0] != layer->weight.shape[2] || kernel[1] != layer->weight.shape[3]))
		ret = error_set(-EBADMSG,
				"%s: %s: expected %u, %u, the last axes of the weight, found "
				"%u, %u",
				l->path, name, layer->weight.shape[2], layer->weight.shape[3],
				kernel[0], kernel[1]);
	return ret;
}

static int read_geometry(struct lava *l, const char *group, struct import_layer *layer)
{
	char name[64];
	double groups;
	int ret = read_pair(l, group, "stride", 1, layer->stride);

	if (!ret)
		ret = read_pair(l, group, "padding", 0, layer->padding);
	if (!ret)
		ret = read_pair(l, group, "dilation", 1, layer->dilation);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s/groups", group);
	ret = read_integer(l, name, 1, 65536, 1, &groups);
	layer->groups = (uint32_t)groups;
	return ret;
}

/* The sum pool of @group: kernelSize and one weight for all of the window. */
static int read_pool(struct lava *l, const char *group, struct import_layer *layer)
{
	struct import_array *w = &layer->weight;
	uint32_t kernel[2];
	int ret = read_pair(l, group, "kernelSize", 0, kernel);
	double value = w->values[0];
	uint32_t dims = w->dims > 1 && w->shape[w->dims - 1] == 1 ? w->dims - 1 : w->dims;

	for (size_t i = 1; i < w->count; i++)
		if (w->values[i] != value)
			return error_set(-EBADMSG, "%s: %s/weight: a pool needs equal weights",
					 l->path, group);
	if (!ret && w->count != 1 &&
	    (w->count != kernel[0] * kernel[1] ||
	     (dims > 1 && (w->shape[dims - 2] != kernel[0] || w->shape[dims - 1] != kernel[1]))))
		ret = error_set(-EBADMSG,
				"%s: %s/weight: expected one, or %u x %u as kernelSize says, "
				"found %zu",
				l->path, group, kernel[0], kernel[1], w->count);
	import_array_free(w);
	if (ret)
		return ret;
	*w = (struct import_array){ .dims = 2, .shape = { kernel[0], kernel[1] }, .count = 1 };
	w->values = malloc(sizeof(*w->values));
	if (!w->values)
		return error_set(-ENOMEM, "%s: no memory", l->path);
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
		return error_set(-EBADMSG, "%s: %s: expected a dense layer behind flatten", l->path,
				 group);
	if (layer->weight.dims != 2 || flat == layer->weight.shape[1] || flat < 0)
		return 0;
	return error_set(-EBADMSG,
			 "%s: %s: expected %g inputs, as the flatten layer before it says, "
			 "found %u",
			 l->path, group, flat, layer->weight.shape[1]);
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
			 enum import_kind kind)
{
	struct import_layer *layer;
	char name[64];
	int ret = import_add_layer(l->net, l->path, kind, label, &layer);

	if (!ret)
		ret = check_delay(l, group);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s/weight", group);
	ret = read_numbers(l, name, &layer->weight);
	if (!ret)
		return error_set(-EBADMSG, "%s: %s: missing", l->path, name);
	snprintf(name, sizeof(name), "%s/bias", group);
	if (ret >= 0)
		ret = read_numbers(l, name, &layer->bias);
	if (ret >= 0)
		ret = read_neuron(l, group, &layer->neuron);
	if (ret >= 0)
		ret = shape_weight(l, group, layer);
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
		ret = read_said(l, group, layer);
	return ret < 0 ? ret : 0;
}

/* The input layer gives the size of what the first weights see. */
static int read_input(struct lava *l, const char *group)
{
	struct import_array shape;
	char name[64];
	int ret;

	snprintf(name, sizeof(name), "%s/shape", group);
	ret = read_numbers(l, name, &shape);
	for (size_t i = 0; ret > 0 && i < shape.count; i++) {
		double v = shape.values[i];

		if (shape.count != 3 || !(v >= 1 && v <= 4096) || v != trunc(v))
			ret = error_set(-EBADMSG,
					"%s: %s: expected three integers 1..4096: "
					"channels, height, width",
					l->path, name);
	}
	if (ret > 0) {
		l->net->polarities = (uint32_t)shape.values[0];
		l->net->height = (uint32_t)shape.values[1];
		l->net->width = (uint32_t)shape.values[2];
	}
	import_array_free(&shape);
	return ret < 0 ? ret : 0;
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
		{ "dense", IMPORT_DENSE, " type shape weight bias delay inFeatures outFeatures neuron " },
		{ "conv", IMPORT_CONV, " type shape weight bias stride padding dilation groups delay "
				       "kernelSize inChannels outChannels neuron " },
		{ "pool", IMPORT_POOL, " type shape weight bias stride padding dilation delay "
				       "kernelSize neuron " },
		{ NULL },
	}, *kind;
	char group[32], name[64], type[32], label[32];
	int ret;

	snprintf(group, sizeof(group), "/layer/%d", n);
	snprintf(name, sizeof(name), "%s/type", group);
	snprintf(label, sizeof(label), "layer%d", n);
	if (!read_text(l, name, type))
		return error_set(-EBADMSG, "%s: %s: expected a string", l->path, name);
	for (kind = kinds; kind->type && strcmp(type, kind->type); kind++)
		;
	if (!kind->type)
		return error_set(-EBADMSG,
				 "%s: %s: expected input, flatten, dense, conv or pool, found "
				 "%s",
				 l->path, name, type);
	ret = check_members(l, group, kind->members);
	if (ret)
		return ret;
	if (kind->build >= 0)
		return read_weighted(l, group, label, (enum import_kind)kind->build);
	if (!strcmp(type, "flatten"))
		return read_flatten(l, group);
	if (n)
		return error_set(-EBADMSG, "%s: %s: expected input as the first layer only",
				 l->path, name);
	return read_input(l, group);
}

static int read_net(struct lava *l)
{
	double steps, ts;
	H5G_info_t layers;
	char group[32];
	int n = 0, ret = check_members(l, "/", " layer simulation ");

	if (!ret && exists(l->file, "/simulation"))
		ret = check_members(l, "/simulation", " Ts tSample ");
	if (!ret)
		ret = read_integer(l, "/simulation/tSample", 1, 65536, 0, &steps);
	if (!ret)
		ret = read_integer(l, "/simulation/Ts", 1, 1000, 1, &ts);
	if (ret)
		return ret;
	l->net->steps = (uint32_t)steps;
	l->net->step_us = (uint32_t)ts * 1000;
	for (; !ret; n++) {
		snprintf(group, sizeof(group), "/layer/%d", n);
		if (!exists(l->file, group))
			break;
		ret = read_layer(l, n);
	}
	if (!ret && l->flat)
		ret = error_set(-EBADMSG,
				"%s: %s: expected a dense layer behind flatten, found nothing",
				l->path, group);
	if (!ret && !l->net->layer_count)
		ret = error_set(-EBADMSG, "%s: expected layers /layer/0, ...", l->path);
	if (!ret && (H5Gget_info_by_name(l->file, "/layer", &layers, H5P_DEFAULT) < 0 ||
		     layers.nlinks != (hsize_t)n))
		ret = error_set(-EBADMSG, "%s: %s: missing, but there are other members of /layer",
				l->path, group);
	return ret;
}

int import_lava(const char *path, struct import_net *net)
{
	struct lava l = { .path = path, .net = net };
	H5E_auto2_t printer;
	void *printer_data;
	int ret;

	/* HDF5 prints its errors unless told otherwise; leave the process as it was. */
	H5Eget_auto2(H5E_DEFAULT, &printer, &printer_data);
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	l.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
	snprintf(net->source, sizeof(net->source), "lava-dl");
	if (l.file < 0) {
		ret = error_set(-EBADMSG, "%s: offset 0: expected an HDF5 file", path);
	} else {
		ret = read_net(&l);
		H5Fclose(l.file);
	}
	H5Eset_auto2(H5E_DEFAULT, printer, printer_data);
	return ret;
}
