// SPDX-License-Identifier: MIT
/*
 * import_slayer.c - SLAYER's Loihi networks: network.yaml and .npy weights.
 *
 * The YAML has the neuron's constants and the time; the layers are the weight files:
 * poolN and convN by number with a pool before its convolution, then fcN. Convolutions are padded
 * to keep their size. Conventions of SLAYER: fire above the threshold, nothing in
 * step 0, each layer's spikes one step late; 1 ms steps, rounded half to even.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "base/file.h"
#include "import.h"
#include "base/number.h"
#include "snnq_program.h"

#define MAX_YAML (64 << 10)

/* The scalar under @section: @key: in a document, or NULL. */
static const char *scalar(yaml_document_t *doc, const char *section, const char *key)
{
	yaml_node_t *node = yaml_document_get_root_node(doc);
	const char *path[] = { section, key };

	for (int i = 0; i < 2; i++) {
		yaml_node_t *found = NULL;

		if (!node || node->type != YAML_MAPPING_NODE)
			return NULL;
		for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
		     p < node->data.mapping.pairs.top; p++) {
			yaml_node_t *k = yaml_document_get_node(doc, p->key);

			if (k->type == YAML_SCALAR_NODE &&
			    !strcmp((const char *)k->data.scalar.value, path[i]))
				found = yaml_document_get_node(doc, p->value);
		}
		node = found;
	}
	return node && node->type == YAML_SCALAR_NODE ?
		(const char *)node->data.scalar.value : NULL;
}

/* A multiple of @unit. */
static int number(yaml_document_t *doc, const char *path, const char *section, const char *key,
		  double min, double max, double unit, double *value)
{
	const char *text = scalar(doc, section, key);

	if (!number_parse(text, value) || !(*value >= min && *value <= max) ||
	    fabs(*value / unit - rint(*value / unit)) > 1e-9 * fabs(*value / unit))
		return error_set(-EBADMSG, "%s: %s.%s: expected a multiple of %g in %g..%g, found "
				 "%s", path, section, key, unit, min, max, text ? text : "nothing");
	return 0;
}

static bool same_scalar(const yaml_node_t *a, const yaml_node_t *b)
{
	return a->type == YAML_SCALAR_NODE && b->type == YAML_SCALAR_NODE &&
	       a->data.scalar.length == b->data.scalar.length &&
	       !memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length);
}

/* No mapping of the document gives a key twice: which one would hold? */
static int check_keys(yaml_document_t *doc, const char *path)
{
	yaml_node_t *node, *key, *other;

	for (int i = 1; (node = yaml_document_get_node(doc, i)); i++) {
		if (node->type != YAML_MAPPING_NODE)
			continue;
		for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
		     p < node->data.mapping.pairs.top; p++) {
			key = yaml_document_get_node(doc, p->key);
			for (yaml_node_pair_t *q = node->data.mapping.pairs.start; q < p; q++) {
				other = yaml_document_get_node(doc, q->key);
				if (same_scalar(key, other))
					return error_set(-EBADMSG, "%s: line %zu: %s: expected each "
							 "key once", path, key->start_mark.line + 1,
							 key->data.scalar.value);
			}
		}
	}
	return 0;
}

static int parse_document(yaml_document_t *doc, const char *path, struct import_net *net,
			  struct import_neuron *neuron)
{
	const char *type = scalar(doc, "neuron", "type");
	double v[7];
	int ret = check_keys(doc, path);

	if (ret)
		return ret;
	if (!type || strcmp(type, "LOIHI"))
		return error_set(-EBADMSG, "%s: neuron.type: expected LOIHI, found %s", path,
				 type ? type : "nothing");
	ret = number(doc, path, "simulation", "Ts", 0.001, 1000, 0.001, &v[0]);
	if (!ret)
		ret = number(doc, path, "simulation", "tSample", v[0], SNNQ_MAX_STEPS * v[0], v[0],
			     &v[1]);
	if (!ret)
		ret = number(doc, path, "neuron", "vThMant", 1, 131071, 1, &v[2]);
	if (!ret)
		ret = number(doc, path, "neuron", "vDecay", 0, 4096, 1, &v[3]);
	if (!ret)
		ret = number(doc, path, "neuron", "iDecay", 0, 4096, 1, &v[4]);
	if (!ret)
		ret = number(doc, path, "neuron", "wgtExp", -6, 7, 1, &v[5]);
	if (!ret)	/* longer ones need a refractory counter; no such network is known */
		ret = number(doc, path, "neuron", "refDelay", 1, 1, 1, &v[6]);
	if (ret)
		return ret;
	net->step_us = (uint32_t)rint(v[0] * 1000);
	net->steps = (uint32_t)rint(v[1] / v[0]);
	*neuron = (struct import_neuron){ (uint32_t)v[2], (uint32_t)v[4], (uint32_t)v[3],
					  (int32_t)v[5] };
	return 0;
}

static int read_yaml(const char *path, struct import_net *net, struct import_neuron *neuron)
{
	yaml_document_t doc;
	yaml_parser_t parser;
	uint64_t bytes;
	int ret;
	FILE *f = file_stream(path, &bytes, &ret);

	if (!f)
		return ret;
	if (bytes > MAX_YAML) {
		fclose(f);
		return error_set(-EBADMSG, "%s: expected at most %d bytes, found %" PRIu64, path,
				 MAX_YAML, bytes);
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(f);
		return error_set(-ENOMEM, "%s: no memory", path);
	}
	yaml_parser_set_input_file(&parser, f);
	if (yaml_parser_load(&parser, &doc)) {
		ret = parse_document(&doc, path, net, neuron);
		yaml_document_delete(&doc);
	} else {
		ret = error_set(parser.error == YAML_MEMORY_ERROR ? -ENOMEM : -EBADMSG,
				"%s: line %zu: %s", path, parser.problem_mark.line + 1,
				parser.error == YAML_MEMORY_ERROR ? "no memory" :
				parser.problem ? parser.problem : "malformed YAML");
	}
	yaml_parser_delete(&parser);
	fclose(f);
	return ret;
}

/* The largest n of the folder's files PREFIXn.npy; 0: there is none. */
static uint32_t highest(const char *folder, const char *prefix)
{
	size_t bytes = strlen(prefix);
	struct dirent *e;
	uint32_t most = 0;
	DIR *dir = opendir(folder);

	while (dir && (e = readdir(dir))) {
		uint32_t n = 0;
		int end = 0;

		if (!strncmp(e->d_name, prefix, bytes) &&
		    sscanf(e->d_name + bytes, "%9u.npy%n", &n, &end) == 1 && end &&
		    !e->d_name[bytes + end] && n > most)
			most = n;
	}
	if (dir)
		closedir(dir);
	return most;
}

/* Read FOLDER/PREFIXn.npy as a layer. 0, -ENOENT without a word when there is no such file. */
static int read_layer(const char *folder, const char *prefix, uint32_t n, enum import_kind kind,
		      const struct import_neuron *neuron, struct import_net *net)
{
	static const uint32_t dims[] = { [IMPORT_DENSE] = 2, [IMPORT_CONV] = 4, [IMPORT_POOL] = 2 };
	struct import_array weight;
	struct import_layer *l;
	char path[4096], name[32];
	int ret;

	snprintf(name, sizeof(name), "%s%u", prefix, n);
	snprintf(path, sizeof(path), "%s/%s.npy", folder, name);
	ret = import_npy_read(path, &weight);
	if (ret)
		return ret;
	if (weight.dims != dims[kind]) {
		ret = error_set(-EBADMSG, "%s: shape: expected %u axes, found %u", path, dims[kind],
				weight.dims);
		import_array_free(&weight);
		return ret;
	}
	ret = import_add_layer(net, folder, kind, name, &l);
	if (ret) {
		import_array_free(&weight);
		return ret;
	}
	l->weight = weight;
	l->neuron = *neuron;
	for (int i = 0; i < 2; i++) {
		uint32_t k = weight.shape[weight.dims - 2 + i];

		if (kind == IMPORT_POOL)
			l->stride[i] = k;
		else if (kind == IMPORT_CONV)
			l->padding[i] = k / 2;
	}
	return 0;
}

/* All weight files by number: a hole in the numbers is a file that got lost. */
static int read_layers(const char *folder, const struct import_neuron *neuron,
		       struct import_net *net)
{
	uint32_t pools = highest(folder, "pool"), convs = highest(folder, "conv");
	uint32_t maps = pools > convs ? pools : convs, dense = highest(folder, "fc");
	int ret, pool;

	for (uint32_t n = 1; n <= maps; n++) {
		pool = read_layer(folder, "pool", n, IMPORT_POOL, neuron, net);
		if (pool && pool != -ENOENT)
			return pool;
		ret = read_layer(folder, "conv", n, IMPORT_CONV, neuron, net);
		if (ret == -ENOENT && pool)
			return error_set(-EBADMSG, "%s: conv%u.npy and pool%u.npy are missing, but "
					 "there are files up to number %u", folder, n, n, maps);
		if (ret && ret != -ENOENT)
			return ret;
	}
	for (uint32_t n = 1; n <= dense; n++) {
		ret = read_layer(folder, "fc", n, IMPORT_DENSE, neuron, net);
		if (ret == -ENOENT)
			return error_set(-EBADMSG, "%s: fc%u.npy is missing, but there are files up "
					 "to number %u", folder, n, dense);
		if (ret)
			return ret;
	}
	return net->layer_count ? 0 : error_set(-EBADMSG, "%s: expected fc1.npy, conv1.npy or "
						"pool1.npy", folder);
}

int import_slayer(const char *folder, struct import_net *net)
{
	struct import_neuron neuron;
	char path[4096];
	int ret;

	snprintf(path, sizeof(path), "%s/network.yaml", folder);
	ret = read_yaml(path, net, &neuron);
	if (ret)
		return ret;
	snprintf(net->source, sizeof(net->source), "SLAYER");
	net->skip_first = true;
	return read_layers(folder, &neuron, net);
}
