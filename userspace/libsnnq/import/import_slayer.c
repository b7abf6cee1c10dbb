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
#include <strings.h>
#include <yaml.h>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "import.h"
#include "snnq_program.h"

#define MAX_YAML (64 << 10)

enum { POOL, CONV, FC, PREFIXES };
static const char *const prefixes[PREFIXES] = { "pool", "conv", "fc" };

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
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value :
							NULL;
}

/* Decimal digits: YAML reads 0x10 and 010 as other numbers than strtod() does. */
static bool is_decimal(const char *text)
{
	size_t sign = strspn(text, "+-");

	return sign <= 1 && strspn(text, "0123456789+-.eE") == strlen(text) &&
	       (text[sign] != '0' || !text[sign + 1] || strchr(".eE", text[sign + 1]));
}

/* Whole numbers exactly; fractions but for how decimals are stored. */
static bool is_multiple(double value, double unit)
{
	double n = value / unit;

	return fabs(n - rint(n)) <= (unit == 1 ? 0 : 1e-9 * fabs(n));
}

/* A multiple of @unit. */
static int number(yaml_document_t *doc, const char *path, const char *section, const char *key,
		  double min, double max, double unit, double *value)
{
	const char *text = scalar(doc, section, key);

	if (!text || !is_decimal(text) || !number_parse(text, value) ||
	    !(*value >= min && *value <= max) || !is_multiple(*value, unit))
		return error_set(-EBADMSG,
				 "%s: %s.%s: expected a multiple of %g in %g..%g, found "
				 "%s",
				 path, section, key, unit, min, max, text ? text : "nothing");
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
					return error_set(-EBADMSG,
							 "%s: line %zu: %s: expected each "
							 "key once",
							 path, key->start_mark.line + 1,
							 key->data.scalar.value);
			}
		}
	}
	return 0;
}

/* Each key of @node is one of @known (a list with spaces): others may change what it does. */
static int only_keys(yaml_document_t *doc, const char *path, yaml_node_t *node, const char *known)
{
	char word[36];

	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *key = yaml_document_get_node(doc, p->key);
		const char *text =
			key->type == YAML_SCALAR_NODE ? (const char *)key->data.scalar.value : "?";

		snprintf(word, sizeof(word), " %.32s ", text);
		if (!strstr(known, word) || strlen(text) > 32 || strchr(text, ' '))
			return error_set(-EBADMSG,
					 "%s: line %zu: %.32s: not known, and the network may "
					 "need it; expected only:%s",
					 path, key->start_mark.line + 1, text, known);
	}
	return 0;
}

/* Only what is known at the top, and in the two sections that say what the network does. */
static int check_known(yaml_document_t *doc, const char *path)
{
	yaml_node_t *root = yaml_document_get_root_node(doc);
	int ret;

	if (!root || root->type != YAML_MAPPING_NODE)
		return 0; /* there is no neuron either */
	ret = only_keys(doc, path, root, " simulation neuron training ");
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     !ret && p < root->data.mapping.pairs.top; p++) {
		const char *section =
			(const char *)yaml_document_get_node(doc, p->key)->data.scalar.value;
		yaml_node_t *node = yaml_document_get_node(doc, p->value);

		if (!strcmp(section, "training") || node->type != YAML_MAPPING_NODE)
			continue;
		ret = only_keys(
			doc, path, node,
			!strcmp(section, "neuron") ?
				" type vThMant vDecay iDecay refDelay wgtExp tauRho scaleRho " :
				" Ts tSample nSample ");
	}
	return ret;
}

static int parse_document(yaml_document_t *doc, const char *path, struct import_net *net,
			  struct import_neuron *neuron)
{
	const char *type = scalar(doc, "neuron", "type");
	double v[7];
	int ret = check_keys(doc, path);

	if (!ret)
		ret = check_known(doc, path);
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
	if (!ret) /* longer ones need a refractory counter; no such network is known */
		ret = number(doc, path, "neuron", "refDelay", 1, 1, 1, &v[6]);
	if (ret)
		return ret;
	net->step_us = (uint32_t)rint(v[0] * 1000);
	net->steps = (uint32_t)rint(v[1] / v[0]);
	*neuron = (struct import_neuron){ (uint32_t)v[2], (uint32_t)v[4], (uint32_t)v[3],
					  (int32_t)v[5] };
	return 0;
}

/* Nothing may follow the document that was read. */
static int check_end(yaml_parser_t *parser, const char *path)
{
	yaml_document_t doc;
	bool good = yaml_parser_load(parser, &doc);

	if (good && !yaml_document_get_root_node(&doc)) {
		yaml_document_delete(&doc);
		return 0;
	}
	if (good)
		yaml_document_delete(&doc);
	return error_set(-EBADMSG, "%s: line %zu: expected one document", path,
			 parser->mark.line + 1);
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
		if (!ret)
			ret = check_end(&parser, path);
	} else {
		ret = error_set(parser.error == YAML_MEMORY_ERROR ? -ENOMEM : -EBADMSG,
				"%s: line %zu: %s", path, parser.problem_mark.line + 1,
				parser.error == YAML_MEMORY_ERROR ? "no memory" :
				parser.problem			  ? parser.problem :
								    "malformed YAML");
	}
	yaml_parser_delete(&parser);
	fclose(f);
	return ret;
}

/* The n of PREFIXn.npy, 0: @name is not such a name. */
static uint32_t number_of(const char *name, const char *prefix)
{
	size_t bytes = strlen(prefix);
	char same[32];
	uint32_t n;

	if (strncmp(name, prefix, bytes) || sscanf(name + bytes, "%9u", &n) != 1)
		return 0;
	snprintf(same, sizeof(same), "%s%u.npy", prefix, n);
	return strcmp(same, name) ? 0 : n;
}

/* The largest n of the folder's files PREFIXn.npy, for each prefix. Other arrays are refused: they
 * may be weights or delays that the network needs.
 */
static int find_highest(const char *folder, uint32_t most[PREFIXES])
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int ret = dir ? 0 : error_set(-errno, "%s: %s", folder, strerror(errno));

	while (dir && !ret && (e = readdir(dir))) {
		const char *dot = strrchr(e->d_name, '.');
		bool known = false;

		if (!dot || (strcasecmp(dot, ".npy") && strcasecmp(dot, ".npz")))
			continue;
		for (int i = 0; i < PREFIXES; i++) {
			uint32_t n = number_of(e->d_name, prefixes[i]);

			known |= n > 0;
			most[i] = n > most[i] ? n : most[i];
		}
		if (!known)
			ret = error_set(-EBADMSG,
					"%s/%.64s: not known, and the network may need it; "
					"expected fcN.npy, convN.npy and poolN.npy, N from 1",
					folder, e->d_name);
	}
	if (dir)
		closedir(dir);
	return ret;
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
	uint32_t most[PREFIXES] = { 0 }, maps, dense;
	int ret = find_highest(folder, most), pool;

	if (ret)
		return ret;
	maps = most[POOL] > most[CONV] ? most[POOL] : most[CONV];
	dense = most[FC];
	for (uint32_t n = 1; n <= maps; n++) {
		pool = read_layer(folder, "pool", n, IMPORT_POOL, neuron, net);
		if (pool && pool != -ENOENT)
			return pool;
		ret = read_layer(folder, "conv", n, IMPORT_CONV, neuron, net);
		if (ret == -ENOENT && pool)
			return error_set(-EBADMSG,
					 "%s: conv%u.npy and pool%u.npy are missing, but "
					 "there are files up to number %u",
					 folder, n, n, maps);
		if (ret && ret != -ENOENT)
			return ret;
	}
	for (uint32_t n = 1; n <= dense; n++) {
		ret = read_layer(folder, "fc", n, IMPORT_DENSE, neuron, net);
		if (ret == -ENOENT)
			return error_set(-EBADMSG,
					 "%s: fc%u.npy is missing, but there are files up "
					 "to number %u",
					 folder, n, dense);
		if (ret)
			return ret;
	}
	return net->layer_count ? 0 :
				  error_set(-EBADMSG,
					    "%s: expected fc1.npy, conv1.npy or "
					    "pool1.npy",
					    folder);
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
