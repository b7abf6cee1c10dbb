// SPDX-License-Identifier: MIT
/*
 * import_slayer.c - SLAYER's Loihi networks: network.yaml and .npy weights.
 *
 * The YAML has the neuron's constants and the time; the layers are the weight files:
 * poolN and convN by number with a pool before its convolution, then fcN. Convolutions are padded
 * to keep their size. Conventions of SLAYER: fire above the threshold, nothing in
 * step 0, each layer's spikes one step late; 1 ms steps, rounded half to even.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "error.h"
#include "import.h"

#define MAX_LAYER_NUMBER 32

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

static int number(yaml_document_t *doc, const char *path, const char *section, const char *key,
		  double min, double max, double *value)
{
	const char *text = scalar(doc, section, key);
	char *end;

	*value = text ? strtod(text, &end) : 0;
	if (!text || end == text || *end || *value < min || *value > max)
		return error_set(-EBADMSG, "%s: %s.%s: expected a number %g..%g, found %s", path,
				 section, key, min, max, text ? text : "nothing");
	return 0;
}

static int parse_document(yaml_document_t *doc, const char *path, struct import_net *net,
			  struct import_neuron *neuron)
{
	const char *type = scalar(doc, "neuron", "type");
	double v[7];
	int ret;

	if (!type || strcmp(type, "LOIHI"))
		return error_set(-EBADMSG, "%s: neuron.type: expected LOIHI, found %s", path,
				 type ? type : "nothing");
	ret = number(doc, path, "simulation", "Ts", 0.001, 1000, &v[0]);
	if (!ret)
		ret = number(doc, path, "simulation", "tSample", 1, 1e7, &v[1]);
	if (!ret)
		ret = number(doc, path, "neuron", "vThMant", 1, 131071, &v[2]);
	if (!ret)
		ret = number(doc, path, "neuron", "vDecay", 0, 4096, &v[3]);
	if (!ret)
		ret = number(doc, path, "neuron", "iDecay", 0, 4096, &v[4]);
	if (!ret)
		ret = number(doc, path, "neuron", "wgtExp", -6, 7, &v[5]);
	if (!ret)	/* longer ones need a refractory counter; no such network is known */
		ret = number(doc, path, "neuron", "refDelay", 1, 1, &v[6]);
	if (ret)
		return ret;
	net->step_us = (uint32_t)(v[0] * 1000 + 0.5);
	net->steps = (uint32_t)(v[1] / v[0] + 0.5);
	*neuron = (struct import_neuron){ (uint32_t)v[2], (uint32_t)v[4], (uint32_t)v[3],
					  (int32_t)v[5] };
	return 0;
}

static int read_yaml(const char *path, struct import_net *net, struct import_neuron *neuron)
{
	FILE *f = fopen(path, "re");
	yaml_document_t doc;
	yaml_parser_t parser;
	int ret;

	if (!f)
		return error_set(-errno, "%s: %s", path, strerror(errno));
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

/* Read FOLDER/KINDn.npy as a layer. 1 read, 0 no such file, -errno. */
static int read_layer(const char *folder, const char *prefix, int n, enum import_kind kind,
		      uint32_t dims, const struct import_neuron *neuron, struct import_net *net)
{
	struct import_layer *l;
	char path[4096], name[32];
	int ret;

	snprintf(name, sizeof(name), "%s%d", prefix, n);
	snprintf(path, sizeof(path), "%s/%s.npy", folder, name);
	if (access(path, F_OK))
		return 0;
	ret = import_add_layer(net, folder, kind, name, &l);
	if (!ret)
		ret = import_npy_read(path, &l->weight);
	if (ret)
		return ret;
	if (l->weight.dims != dims)
		return error_set(-EBADMSG, "%s: shape: expected %u axes, found %u", path, dims,
				 l->weight.dims);
	l->neuron = *neuron;
	for (int i = 0; i < 2; i++) {
		uint32_t k = l->weight.shape[dims - 2 + i];

		if (kind == IMPORT_POOL)
			l->stride[i] = k;
		else if (kind == IMPORT_CONV)
			l->padding[i] = k / 2;
	}
	return 1;
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
	for (int n = 1; ret >= 0 && n <= MAX_LAYER_NUMBER; n++) {
		ret = read_layer(folder, "pool", n, IMPORT_POOL, 2, &neuron, net);
		if (ret >= 0)
			ret = read_layer(folder, "conv", n, IMPORT_CONV, 4, &neuron, net);
	}
	for (int n = 1; ret >= 0 && n <= MAX_LAYER_NUMBER; n++)
		ret = read_layer(folder, "fc", n, IMPORT_DENSE, 2, &neuron, net);
	if (ret >= 0 && !net->layer_count)
		ret = error_set(-EBADMSG, "%s: expected fc1.npy, conv1.npy or pool1.npy", folder);
	return ret < 0 ? ret : 0;
}
