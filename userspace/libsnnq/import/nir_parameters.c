// SPDX-License-Identifier: MIT
/*
 * nir_parameters.c - numbers that nodes of a NIR graph have: one, one for each channel, or one for
 * each neuron.
 */
#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "import_nir.h"

int nir_bad(const struct nir *n, const struct nir_node *node, const char *key, const char *expected)
{
	return error_set(-EBADMSG, "%s: %s%s%s: expected %s", n->h->path, node->path,
			 *key ? "/" : "", key, expected);
}

int nir_read_array(const struct nir *n, const struct nir_node *node, const char *key,
		   struct import_array *a)
{
	char path[H5_PATH];
	int ret;

	nir_path(path, node, key);
	ret = h5_numbers(n->h, path, a);
	if (ret < 0)
		return ret;
	if (!ret)
		return nir_bad(n, node, key, "numbers, found nothing");
	for (size_t i = 0; i < a->count; i++)
		if (!isfinite(a->values[i]) || fabs(a->values[i]) > NIR_MOST)
			return nir_bad(n, node, key, "finite numbers");
	return 0;
}

const char *const nir_neuron_keys[NIR_NEURON_KEYS] = {
	"v_threshold", "threshold", "r",    "tau",   "tau_mem", "tau_syn",
	"v_leak",      "v_reset",   "w_in", "scale", "delay",
};

bool nir_varies(const struct nir *n, const struct nir_node *node)
{
	bool varies = false;

	for (size_t k = 0; !varies && k < NIR_NEURON_KEYS; k++) {
		struct import_array a;
		uint32_t batch = 0;
		char path[H5_PATH];
		size_t row;

		nir_path(path, node, nir_neuron_keys[k]);
		if (h5_numbers(n->h, path, &a) <= 0)
			continue;
		while (a.dims - batch > 3 && a.shape[batch] == 1)
			batch++;
		if (a.dims == 2 && a.shape[0] == 1)
			batch++;
		row = a.dims ? a.count / a.shape[batch] : 1;
		for (size_t i = 0; a.dims > batch + 1 && i < a.count; i++)
			varies |= a.values[i] != a.values[i / row * row];
		import_array_free(&a);
	}
	return varies;
}

/* The number of channel @c, of one number, or one for each channel or position of @at. */
static double number_of(const struct import_array *a, const struct nir_value *at, uint32_t c)
{
	size_t positions = at->rows ? (size_t)at->rows * at->columns :
				      (size_t)at->height * at->width;
	size_t channels = at->rows ? at->channels / positions : at->channels;
	size_t channel = c % channels;

	if (a->count == 1)
		return a->values[0];
	if (a->count == channels)
		return a->values[channel];
	return a->values[channel * positions + c / channels]; /* (C, H, W) of (H, W, C) */
}

int nir_read_channels(const struct nir *n, const struct nir_node *node, const char *key,
		      double absent, const struct nir_value *at, double *values)
{
	size_t positions = (size_t)at->height * at->width, channels = at->channels;
	struct import_array a = { .values = NULL };
	char path[H5_PATH];
	int ret = 0;

	nir_path(path, node, key);
	if (isnan(absent) || h5_exists(n->h, path))
		ret = nir_read_array(n, node, key, &a);
	if (!ret && at->rows && a.count == channels / ((size_t)at->rows * at->columns))
		positions = 1; /* one for each channel of the map */
	else if (!ret && a.count && a.count != 1 && a.count != channels &&
		 a.count != channels * positions)
		ret = error_set(-EBADMSG,
				"%s: %s: expected %zu numbers, one for each channel or neuron, "
				"found %zu",
				n->h->path, path, channels, a.count);
	for (size_t i = 0; !ret && a.count > channels && i < a.count; i++)
		if (a.values[i] != a.values[i / positions * positions])
			ret = nir_bad(n, node, key,
				      "the same number at all positions of a channel");
	for (uint32_t c = 0; !ret && c < channels; c++)
		values[c] = a.count ? number_of(&a, at, c) : absent;
	import_array_free(&a);
	return ret;
}
