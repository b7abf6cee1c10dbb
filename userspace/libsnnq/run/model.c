// SPDX-License-Identifier: MIT
/*
 * model.c - load a model onto a device, and tell about it.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/grid.h"
#include "stream.h"
#include "values.h"

struct snnq_model *model_get(struct snnq_model *model)
{
	atomic_fetch_add(&model->references, 1);
	return model;
}

void model_put(struct snnq_model *model)
{
	struct snnq_device *dev = model->dev;

	if (atomic_fetch_sub(&model->references, 1) != 1)
		return;
	if (model->program)
		dev->ops->program_destroy(dev, model->program);
	snnq_tensor_free(model->weights);
	compile_free(&model->compiled);
	floatnet_destroy(model->floatnet);
	graph_free(&model->graph);
	modelfile_free(model->file);
	free(model);
	device_put(dev);
}

static int upload_weights(struct snnq_model *m)
{
	int ret;

	if (m->compiled.weights_region < 0)
		return 0;
	ret = snnq_tensor_alloc(m->dev, m->compiled.weights_bytes, &m->weights);
	if (ret)
		return ret;
	memcpy(m->weights->map, m->compiled.weights, m->compiled.weights_bytes);
	return snnq_tensor_sync_for_device(m->weights);
}

static int load_float(struct snnq_model *m, const char *path)
{
	int ret = floatnet_create(path, &m->graph, &m->floatnet);

	if (!ret)
		m->compiled.input_step_bytes = 8 * floatnet_words(m->floatnet, GRAPH_INPUT);
	return ret;
}

static int load(struct snnq_model *m, const char *path, const struct snnq_model_opts *opts)
{
	struct compile_opts o = { .caps = &m->dev->caps };
	int ret = modelfile_open(path, &m->file);

	if (opts) {
		o.max_steps = opts->max_steps;
		o.tile_steps = opts->tile_steps;
		o.taps = m->taps = opts->taps;
	}
	if (!ret)
		ret = graph_parse(path, m->file, &m->graph);
	if (!ret && !m->graph.integer && m->dev->ops->float_models)
		return load_float(m, path);
	if (!ret)
		ret = compile_graph(path, &m->graph, &o, &m->compiled);
	if (!ret)
		ret = m->dev->ops->program_create(m->dev, m->compiled.program,
						  m->compiled.program_bytes, &m->program);
	return ret ? ret : upload_weights(m);
}

int snnq_model_load(struct snnq_device *dev, const char *path, const struct snnq_model_opts *opts,
		    struct snnq_model **model)
{
	struct snnq_model *m;
	int ret;

	if (opts && opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_model_load: unknown size of options");
	m = calloc(1, sizeof(*m));
	if (!m)
		return error_set(-ENOMEM, "no memory");
	atomic_init(&m->references, 1);
	m->dev = device_get(dev);
	ret = load(m, path, opts);
	if (ret)
		model_put(m);
	else
		*model = m;
	return ret;
}

void snnq_model_destroy(struct snnq_model *model)
{
	if (model)
		model_put(model);
}

int snnq_model_info(struct snnq_model *m, struct snnq_model_info *info)
{
	const struct graph *g = &m->graph;

	*info = (struct snnq_model_info){
		.name = g->name,
		.arithmetic = g->integer ? "integer" : "float",
		.classes = g->readout_channels,
		.steps = g->input.steps,
		.layers = g->layer_count,
		.input_width = g->input.shape.width,
		.input_height = g->input.shape.height,
		.input_channels = g->input.shape.channels,
		.input_planes = g->input.planes,
		.input_polarities = g->input.polarities,
		.input_values = g->input.values,
		.input_frames = g->input.frames,
		.model_bytes = m->file->file_bytes,
	};
	for (uint32_t i = 0; i < g->layer_count; i++) {
		const struct graph_layer *l = &g->layers[i];
		uint64_t params = graph_layer_params(l);

		info->params += params + (l->bias.tensor ? l->bias.count : 0);
		info->weight_bits +=
			(uint64_t)ceil((double)params * weight_stored_bits(l->scheme, l->bits));
		info->weight_bytes += l->weight ? l->weight->bytes : 0;
	}
	info->metadata_bytes = info->model_bytes - info->weight_bytes;
	return 0;
}

int64_t snnq_values_samples(const struct snnq_values *values, struct snnq_model *m)
{
	int ret = values_wanted(&m->graph.input, true);

	return ret ? ret : values_samples(&m->graph.input, values);
}

const char *snnq_model_class_name(struct snnq_model *m, uint32_t index)
{
	return index < m->graph.class_count ? m->graph.classes[index] : NULL;
}

static double float_sparsity(const struct tensor *t)
{
	uint64_t count = tensor_elements(t), zeros = 0;

	for (uint64_t i = 0; i < count; i++)
		zeros += tensor_real(t, i) == 0;
	return count ? (double)zeros / (double)count : 0;
}

/* Share of weights whose level is 0. */
static double sparsity(const struct graph_layer *l)
{
	uint32_t groups = l->op == SNNQ_OP_CONV2D ? l->geometry.groups : 1;
	uint32_t columns = l->out_channels / groups;
	uint64_t params = graph_layer_params(l);
	uint64_t zeros =
		weight_zeros(l->scheme, l->bits, l->weight->data, params / columns, columns);

	return params ? (double)zeros / (double)params : 0;
}

int snnq_model_layer(struct snnq_model *m, uint32_t index, struct snnq_layer_info *info)
{
	const struct graph_layer *l = &m->graph.layers[index];
	const struct graph_shape *out;

	if (index >= m->graph.layer_count)
		return error_set(-EINVAL, "layer %u: expected less than %u", index,
				 m->graph.layer_count);
	out = m->floatnet ? floatnet_shape(m->floatnet, (int)index) : &l->out;
	*info = (struct snnq_layer_info){
		.name = l->name,
		.op = l->op_name,
		.scheme = l->weight ? l->scheme_name : "",
		.bits = l->weight ? l->bits : 0,
		.params = graph_layer_params(l),
		.weight_bytes = l->weight ? l->weight->bytes : 0,
		.height = out->height,
		.width = out->width,
		.channels = out->channels,
		.planes = out->planes,
	};
	if (l->weight)
		info->sparsity = m->graph.integer ? sparsity(l) : float_sparsity(l->weight);
	return 0;
}
