// SPDX-License-Identifier: MIT
/*
 * values.c - how arrays of values become time steps; the rules are in model-format.md.
 */
#include "values.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/npy.h"
#include "values_file.h"

#define MAX_ELEMENTS (1ull << 40)
#define SAMPLE_AXES  4 /* steps, channels, height, width */

struct snnq_values {
	struct npy npy;
	const char *format; /* of the file */
	uint8_t *copy;	    /* of an array in memory; or NULL */
	double *numbers;    /* of an image */
	uint16_t *levels;   /* the same as the model takes them */
	uint64_t room;	    /* for so many */
};

/* ---- arrays ---- */

static int no_memory(const struct snnq_values *v)
{
	return error_set(-ENOMEM, "%s: no memory", v->npy.path ? v->npy.path : "values");
}

int snnq_values_open(const char *path, struct snnq_values **values)
{
	struct snnq_values *v;
	int ret;

	if (!path || !values)
		return error_set(-EINVAL, "snnq_values_open: bad argument");
	v = calloc(1, sizeof(*v));
	if (!v)
		return error_set(-ENOMEM, "%s: no memory", path);
	ret = values_file_open(path, MAX_ELEMENTS, &v->npy, &v->format);
	if (ret)
		free(v);
	else
		*values = v;
	return ret;
}

static int check_array(const struct npy_type *type, uint32_t dims, const uint64_t *shape,
		       struct npy *npy)
{
	if (!type)
		return error_set(-EINVAL, "snnq_values_from_array: expected a type as NumPy names "
					  "it: |u1, <f4");
	if (dims > NPY_MAX_DIMS)
		return error_set(-EINVAL,
				 "snnq_values_from_array: expected at most %u axes, found %u",
				 NPY_MAX_DIMS, dims);
	*npy = (struct npy){ .fd = -1, .type = type, .dims = dims, .count = 1 };
	for (uint32_t i = 0; i < dims; i++) {
		if (!shape[i] || shape[i] > UINT32_MAX || shape[i] > MAX_ELEMENTS / npy->count)
			return error_set(
				-EINVAL,
				"snnq_values_from_array: axis %u: expected 1 to %u, and at "
				"most 2^40 elements, found %" PRIu64,
				i, UINT32_MAX, shape[i]);
		npy->shape[i] = (uint32_t)shape[i];
		npy->count *= shape[i];
	}
	return 0;
}

int snnq_values_from_array(const char *type, const void *data, uint32_t dims, const uint64_t *shape,
			   struct snnq_values **values)
{
	struct snnq_values *v;
	struct npy npy;
	int ret;

	if (!type || !data || (dims && !shape) || !values)
		return error_set(-EINVAL, "snnq_values_from_array: bad argument");
	ret = check_array(npy_type_find(type), dims, shape, &npy);
	if (ret)
		return ret;
	v = calloc(1, sizeof(*v));
	if (!v)
		return error_set(-ENOMEM, "values: no memory");
	v->npy = npy;
	v->copy = malloc(npy.count * npy.type->bytes);
	v->npy.path = strdup("array");
	if (!v->copy || !v->npy.path) {
		ret = no_memory(v);
		snnq_values_close(v);
		return ret;
	}
	memcpy(v->copy, data, npy.count * npy.type->bytes);
	v->npy.memory = v->copy;
	*values = v;
	return 0;
}

void snnq_values_close(struct snnq_values *v)
{
	if (!v)
		return;
	npy_close(&v->npy);
	free(v->copy);
	free(v->numbers);
	free(v->levels);
	free(v);
}

int snnq_values_info(const struct snnq_values *v, struct snnq_values_info *info)
{
	*info = (struct snnq_values_info){
		.type = v->npy.type->name,
		.dims = v->npy.dims,
		.count = v->npy.count,
		.format = v->format,
	};
	for (uint32_t i = 0; i < v->npy.dims; i++)
		info->shape[i] = v->npy.shape[i];
	return 0;
}

int64_t snnq_values_read(struct snnq_values *v, uint64_t first, size_t count, double *numbers)
{
	uint64_t left = first < v->npy.count ? v->npy.count - first : 0;
	int ret;

	if (left > count)
		left = count;
	ret = left ? npy_read(&v->npy, first, left, numbers) : 0;
	return ret ? ret : (int64_t)left;
}

/* ---- samples ---- */

int values_wanted(const struct graph_input *in, bool values)
{
	if (in->values == values)
		return 0;
	return error_set(-EINVAL, "the model takes %s, found %s",
			 values ? "events of a recording" : "values, as arrays (.npy) have them",
			 values ? "values" : "events");
}

int values_check_options(const char *path, const struct snnq_events_opts *how)
{
	const char *option = !how	 ? NULL :
			     how->format ? "format" :
			     how->width	 ? "width" :
			     how->height ? "height" :
			     how->cut	 ? "part" :
					   NULL;

	if (!option)
		return 0;
	return error_set(-EINVAL, "%s: %s of events: of no use: the model takes values", path,
			 option);
}

/* The axes of one, outermost first. Their number. */
static uint32_t sample_axes(const struct graph_input *in, uint32_t axes[SAMPLE_AXES])
{
	uint32_t n = 0;

	if (in->frames)
		axes[n++] = in->steps;
	if (!in->channels_last)
		axes[n++] = in->channels;
	axes[n++] = in->height;
	axes[n++] = in->width;
	if (in->channels_last)
		axes[n++] = in->channels;
	return n;
}

/* Axes of 1 may be missing; what is left in front are samples. */
static bool matches(const struct npy *npy, const uint32_t *axes, uint32_t n, uint64_t *samples)
{
	uint32_t left = npy->dims;

	while (n--) {
		if (left && npy->shape[left - 1] == axes[n])
			left--;
		else if (axes[n] != 1)
			return false;
	}
	*samples = left ? npy->shape[0] : 1;
	return left <= 1;
}

/* "3 x 33 x 100" */
static const char *axes_text(char text[80], const uint32_t *axes, uint32_t n)
{
	size_t at = 0;

	snprintf(text, 80, "one number");
	for (uint32_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, 80 - at, "%s%" PRIu32, i ? " x " : "", axes[i]);
	return text;
}

static int64_t misfit(const struct graph_input *in, const struct npy *npy, const uint32_t *axes,
		      uint32_t n)
{
	char want[80], is[80];

	return error_set(
		-EBADMSG,
		"%s: shape: expected %s (%s%s), as the model says, with an axis of samples "
		"before it or none, found %s",
		npy->path, axes_text(want, axes, n), in->frames ? "steps x " : "",
		in->channels_last ? "height x width x channels" : "channels x height x width",
		axes_text(is, npy->shape, npy->dims));
}

int64_t values_samples(const struct graph_input *in, const struct snnq_values *v)
{
	uint32_t axes[SAMPLE_AXES], n = sample_axes(in, axes), flat[2];
	uint64_t samples;

	if (matches(&v->npy, axes, n, &samples))
		return (int64_t)samples;
	/* What the network takes as a row may be one. */
	flat[0] = in->steps;
	flat[1] = in->shape.channels;
	if (in->flat &&
	    matches(&v->npy, in->frames ? flat : flat + 1, in->frames ? 2 : 1, &samples))
		return (int64_t)samples;
	return misfit(in, &v->npy, axes, n);
}

/* The number of @number as the model counts. */
static int find_level(const struct graph_input *in, double number, uint16_t *level,
		      uint64_t *clamped)
{
	double most = (double)((1u << in->planes) - 1), q = number;

	if (!isfinite(number))
		return -ERANGE;
	if (in->scale) {
		q = rint(number / in->scale) + in->zero;
		*clamped += q < 0 || q > most;
		q = q < 0 ? 0 : q > most ? most : q;
	}
	if (q < 0 || q > most || q != trunc(q))
		return -ERANGE;
	*level = (uint16_t)q;
	return 0;
}

static int find_levels(const struct graph_input *in, struct snnq_values *v, uint64_t first,
		       uint64_t count, uint64_t *clamped)
{
	int ret = npy_read(&v->npy, first, count, v->numbers);

	for (uint64_t i = 0; !ret && i < count; i++) {
		if (!find_level(in, v->numbers[i], &v->levels[i], clamped))
			continue;
		if (in->scale)
			return error_set(-EBADMSG,
					 "%s: element %" PRIu64
					 ": expected a finite number, found %g",
					 v->npy.path, first + i, v->numbers[i]);
		return error_set(-EBADMSG,
				 "%s: element %" PRIu64
				 ": expected an integer from 0 to %u, as the "
				 "model's input has %u planes and no scale, found %.9g",
				 v->npy.path, first + i, (1u << in->planes) - 1, in->planes,
				 v->numbers[i]);
	}
	return ret;
}

/* Where in an image a channel of a position of the tensor is. */
static uint64_t place_of(const struct graph_input *in, uint64_t position, uint64_t channel)
{
	uint64_t area = (uint64_t)in->height * in->width;

	if (in->flat) {
		position = channel % area;
		channel /= area;
	}
	return in->channels_last ? position * in->channels + channel : channel * area + position;
}

static void pack(const struct graph_input *in, const uint16_t *levels, uint64_t *slot)
{
	const struct graph_shape *s = &in->shape;
	uint64_t words = (s->channels + 63) / 64, positions = (uint64_t)s->height * s->width;

	memset(slot, 0, positions * words * s->planes * sizeof(*slot));
	for (uint64_t pos = 0; pos < positions; pos++)
		for (uint32_t c = 0; c < s->channels; c++) {
			uint64_t *at = slot + pos * words + c / 64;
			uint32_t level = levels[place_of(in, pos, c)];

			for (uint32_t p = 0; level; p++, level >>= 1)
				at[p * positions * words] |= (uint64_t)(level & 1) << c % 64;
		}
}

static int make_room(struct snnq_values *v, uint64_t count)
{
	if (v->room >= count)
		return 0;
	free(v->numbers);
	free(v->levels);
	v->room = 0;
	v->numbers = malloc(count * sizeof(*v->numbers));
	v->levels = malloc(count * sizeof(*v->levels));
	if (!v->numbers || !v->levels)
		return no_memory(v);
	v->room = count;
	return 0;
}

int values_fill(const struct graph_input *in, struct snnq_values *v, uint64_t sample,
		uint64_t *slots, uint64_t *clamped)
{
	uint64_t image = (uint64_t)in->channels * in->height * in->width;
	uint64_t words = (uint64_t)in->shape.height * in->shape.width * in->planes *
			 ((in->shape.channels + 63) / 64);
	uint32_t images = in->frames ? in->steps : 1;
	int64_t samples = values_samples(in, v);
	int ret;

	*clamped = 0;
	if (samples <= 0)
		return (int)samples;
	if (sample >= (uint64_t)samples)
		return 0;
	ret = make_room(v, image);
	for (uint32_t t = 0; !ret && t < images; t++) {
		ret = find_levels(in, v, (sample * images + t) * image, image, clamped);
		if (!ret)
			pack(in, v->levels, slots + t * words);
	}
	for (uint32_t t = images; !ret && t < in->steps; t++)
		memcpy(slots + t * words, slots, words * sizeof(*slots));
	return ret ? ret : 1;
}
