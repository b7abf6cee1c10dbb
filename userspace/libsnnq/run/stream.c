// SPDX-License-Identifier: MIT
/*
 * stream.c - streams, jobs and results.
 *
 * A job owns the buffers that the device writes for it (readout, counters) and
 * keeps its stream, and so model and device, alive. Freeing a job waits for it,
 * because the device may still write.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bins.h"
#include "base/error.h"
#include "base/host.h"
#include "stream.h"
#include "values.h"

struct snnq_stream {
	struct snnq_model *model;
	atomic_uint references; /* the handle and each job */
	void *backend;
	bool profile, reset_next;
	uint64_t steps;			      /* submitted since the reset */
	struct snnq_tensor_buf *input, *taps; /* of windows that are pushed */
	int32_t *scores;
	double *real_scores;
	struct floatnet_record record;	/* of a float model */
	struct snnq_layer_stats *stats; /* of the last finished job */
	uint32_t tap_steps;
};

struct snnq_job {
	struct snnq_stream *stream;
	struct backend_job backend;
	struct snnq_tensor_buf *readout;
	uint64_t steps; /* since the reset, when done */
	bool waited;
};

static const struct compiled *compiled_of(const struct snnq_stream *s)
{
	return &s->model->compiled;
}

static uint32_t classes_of(const struct snnq_stream *s)
{
	return s->model->graph.readout_channels;
}

struct snnq_stream *stream_get(struct snnq_stream *s)
{
	atomic_fetch_add(&s->references, 1);
	return s;
}

void stream_put(struct snnq_stream *s)
{
	struct snnq_model *model = s->model;

	if (atomic_fetch_sub(&s->references, 1) != 1)
		return;
	if (s->backend)
		model->dev->ops->stream_destroy(model->dev, s->backend);
	snnq_tensor_free(s->input);
	snnq_tensor_free(s->taps);
	free(s->scores);
	free(s->real_scores);
	if (model->floatnet)
		floatnet_record_free(model->floatnet, &s->record);
	free(s->stats);
	free(s);
	model_put(model);
}

static int create_float(struct snnq_stream *s)
{
	s->stats = calloc(s->model->graph.layer_count, sizeof(*s->stats));
	if (!s->stats)
		return error_set(-ENOMEM, "no memory");
	return floatnet_record_alloc(s->model->floatnet, &s->record);
}

static int create_integer(struct snnq_stream *s, enum snnq_priority priority)
{
	struct snnq_model *m = s->model;

	s->scores = calloc(classes_of(s), sizeof(*s->scores));
	s->real_scores = calloc(classes_of(s), sizeof(*s->real_scores));
	s->stats = calloc(m->compiled.info.layer_count, sizeof(*s->stats));
	if (!s->scores || !s->real_scores || !s->stats)
		return error_set(-ENOMEM, "no memory");
	return m->dev->ops->stream_create(m->dev, m->program, priority, &s->backend);
}

int snnq_stream_create(struct snnq_model *model, const struct snnq_stream_opts *opts,
		       struct snnq_stream **stream)
{
	enum snnq_priority priority = opts ? opts->priority : SNNQ_PRIO_NORMAL;
	struct snnq_stream *s;
	int ret;

	if (opts && opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_stream_create: unknown size of options");
	if (priority < SNNQ_PRIO_LOW || priority > SNNQ_PRIO_HIGH)
		return error_set(-EINVAL, "snnq_stream_create: priority %d, expected %d to %d",
				 priority, SNNQ_PRIO_LOW, SNNQ_PRIO_HIGH);
	s = calloc(1, sizeof(*s));
	if (!s)
		return error_set(-ENOMEM, "no memory");
	atomic_init(&s->references, 1);
	s->model = model_get(model);
	s->profile = opts && opts->profile;
	ret = model->floatnet ? create_float(s) : create_integer(s, priority);
	if (ret)
		stream_put(s);
	else
		*stream = s;
	return ret;
}

void snnq_stream_destroy(struct snnq_stream *stream)
{
	if (stream)
		stream_put(stream);
}

int snnq_stream_reset(struct snnq_stream *stream)
{
	stream->reset_next = true;
	return 0;
}

size_t snnq_stream_input_bytes(const struct snnq_stream *stream)
{
	return compiled_of(stream)->input_step_bytes;
}

const struct graph_input *stream_input(const struct snnq_stream *s)
{
	return &s->model->graph.input;
}

/* ---- jobs ---- */

static void bind(struct snnq_job *j, int region, struct snnq_tensor_buf *buf, uint64_t bytes)
{
	if (region >= 0)
		j->backend.bindings[region] = (struct backend_binding){ buf, 0, bytes };
}

static int job_buffers(struct snnq_job *j, struct snnq_tensor_buf *input, uint32_t steps,
		       struct snnq_tensor_buf *taps)
{
	const struct snnq_stream *s = j->stream;
	const struct compiled *c = compiled_of(s);
	struct snnq_device *dev = s->model->dev;
	uint64_t record = (c->readout_bytes + BACKEND_RECORD_ALIGN - 1) / BACKEND_RECORD_ALIGN *
			  BACKEND_RECORD_ALIGN;
	int ret = snnq_tensor_alloc(dev, record + BACKEND_RECORD_BYTES, &j->readout);

	j->backend.record = j->readout;
	j->backend.record_offset = record;
	if (!ret && s->profile)
		ret = snnq_tensor_alloc(dev, c->info.layer_count * sizeof(*s->stats),
					&j->backend.profile);
	bind(j, c->weights_region, s->model->weights, c->weights_bytes);
	bind(j, c->input_region, input, steps * c->input_step_bytes);
	bind(j, c->readout_region, j->readout, c->readout_bytes);
	bind(j, c->taps_region, taps, steps * c->taps_step_bytes);
	j->backend.binding_count = c->info.region_count;
	return ret;
}

static void job_release(struct snnq_job *j)
{
	struct snnq_device *dev = j->stream->model->dev;

	if (dev->ops->drop)
		dev->ops->drop(dev, &j->backend);
	snnq_tensor_free(j->readout);
	snnq_tensor_free(j->backend.profile);
	stream_put(j->stream);
	free(j);
}

static int job_submit(struct snnq_stream *s, struct snnq_tensor_buf *input, uint32_t steps,
		      struct snnq_tensor_buf *taps, struct snnq_job **job)
{
	struct snnq_device *dev = s->model->dev;
	struct snnq_job *j = calloc(1, sizeof(*j));
	int ret;

	if (!j)
		return error_set(-ENOMEM, "no memory");
	j->stream = stream_get(s);
	j->backend.steps = steps;
	j->backend.event_fd = -1;
	j->backend.reset = s->reset_next;
	ret = job_buffers(j, input, steps, taps);
	if (!ret)
		ret = dev->ops->submit(dev, s->backend, &j->backend);
	if (ret) {
		job_release(j);
		return ret;
	}
	s->steps = (s->reset_next ? 0 : s->steps) + steps;
	s->reset_next = false;
	j->steps = s->steps;
	*job = j;
	return 0;
}

int snnq_stream_submit(struct snnq_stream *stream, struct snnq_tensor_buf *input, uint32_t steps,
		       struct snnq_job **job)
{
	uint64_t need = steps * compiled_of(stream)->input_step_bytes;

	if (stream->model->floatnet)
		return error_set(-EOPNOTSUPP, "a float model takes recordings or values only");
	if (stream->model->taps)
		return error_set(-EINVAL,
				 "a model loaded with taps takes recordings or values only");
	if (!steps || input->bytes < need)
		return error_set(-EINVAL, "input of %zu bytes for %u steps, expected %llu",
				 input->bytes, steps, (unsigned long long)need);
	return job_submit(stream, input, steps, NULL, job);
}

static int read_counters(struct snnq_job *j, struct snnq_result *r)
{
	struct snnq_stream *s = j->stream;
	uint32_t layers = compiled_of(s)->info.layer_count;
	int ret;

	if (!j->backend.profile)
		return 0;
	ret = snnq_tensor_sync_for_cpu(j->backend.profile);
	if (ret)
		return ret;
	memcpy(s->stats, j->backend.profile->map, layers * sizeof(*s->stats));
	r->cycles = 0;
	for (uint32_t i = 0; i < layers; i++) {
		r->synops += i < s->model->graph.layer_count ? s->stats[i].synops : 0;
		r->cycles += s->stats[i].compute_cycles + s->stats[i].stall_cycles;
	}
	return 0;
}

static int read_result(struct snnq_job *j, struct snnq_result *r)
{
	struct snnq_stream *s = j->stream;
	const struct graph *g = &s->model->graph;
	int ret = snnq_tensor_sync_for_cpu(j->readout);

	if (ret)
		return ret;
	memcpy(s->scores, j->readout->map, classes_of(s) * sizeof(*s->scores));
	*r = (struct snnq_result){
		.count = classes_of(s),
		.scores = s->scores,
		.real_scores = s->real_scores,
		.scale = g->readout_scale,
		.steps = j->steps,
		.latency_ns = j->backend.end_ns - j->backend.start_ns,
		.cycles = j->backend.cycles,
	};
	/* ties go to the lowest index */
	for (uint32_t i = 1; i < r->count; i++)
		if (r->scores[i] > r->scores[r->class_index])
			r->class_index = i;
	for (uint32_t i = 0; i < r->count; i++)
		s->real_scores[i] = r->scores[i] * r->scale;
	r->class_name = snnq_model_class_name(s->model, r->class_index);
	return read_counters(j, r);
}

static int64_t deadline(int64_t timeout_ns)
{
	int64_t at;

	if (timeout_ns < 0 || __builtin_add_overflow(now_ns(), timeout_ns, &at))
		return INT64_MAX;
	return at;
}

int snnq_job_wait(struct snnq_job *job, int64_t timeout_ns, struct snnq_result *result)
{
	struct snnq_device *dev = job->stream->model->dev;
	int ret = 0;

	if (!job->waited)
		ret = dev->ops->wait(dev, job->stream->backend, &job->backend,
				     deadline(timeout_ns));
	if (ret == -ETIME)
		return error_set(ret, "job of %u steps: not done in time", job->backend.steps);
	if (ret)
		return ret;
	job->waited = true;
	if (job->backend.error)
		return error_set(job->backend.error, "%s", job->backend.message);
	return result ? read_result(job, result) : 0;
}

int snnq_job_fd(struct snnq_job *job)
{
	struct snnq_device *dev = job->stream->model->dev;

	return dev->ops->job_fd(dev, job->stream->backend, &job->backend);
}

int snnq_job_timeline(struct snnq_job *job, uint32_t *syncobj, uint64_t *point)
{
	return job->stream->model->dev->ops->job_timeline(job->stream->backend, &job->backend,
							  syncobj, point);
}

void snnq_job_free(struct snnq_job *job)
{
	if (!job)
		return;
	snnq_job_wait(job, -1, NULL);
	job_release(job);
}

/* ---- recordings, values ---- */

static int run_integer(struct snnq_stream *s, struct snnq_tensor_buf *input,
		       struct snnq_result *result)
{
	uint64_t steps = s->model->graph.input.steps;
	struct snnq_job *job;
	int ret = snnq_tensor_sync_for_device(input);

	if (!ret && !s->taps && s->model->taps)
		ret = snnq_tensor_alloc(s->model->dev, steps * compiled_of(s)->taps_step_bytes,
					&s->taps);
	s->reset_next = true;
	if (!ret)
		ret = job_submit(s, input, (uint32_t)steps, s->taps, &job);
	if (ret)
		return ret;
	ret = snnq_job_wait(job, -1, result);
	snnq_job_free(job);
	return ret;
}

/* A float model runs here and now. */
static int run_float(struct snnq_stream *s, struct snnq_tensor_buf *input, struct snnq_result *r)
{
	const struct graph *g = &s->model->graph;
	int64_t start = now_ns();
	int ret = floatnet_run(s->model->floatnet, input->map, &s->record,
			       s->profile ? s->stats : NULL);

	if (ret)
		return ret;
	*r = (struct snnq_result){
		.count = classes_of(s),
		.real_scores = s->record.scores,
		.scale = 1,
		.steps = g->input.steps,
		.latency_ns = (uint64_t)(now_ns() - start),
	};
	for (uint32_t i = 1; i < r->count; i++)
		if (r->real_scores[i] > r->real_scores[r->class_index])
			r->class_index = i;
	r->class_name = snnq_model_class_name(s->model, r->class_index);
	for (uint32_t i = 0; s->profile && i < g->layer_count; i++)
		r->synops += s->stats[i].synops;
	return 0;
}

int stream_window_alloc(struct snnq_stream *s, struct snnq_tensor_buf **input)
{
	return snnq_tensor_alloc(s->model->dev,
				 s->model->graph.input.steps * compiled_of(s)->input_step_bytes,
				 input);
}

int stream_window(struct snnq_stream *s, struct snnq_tensor_buf *input, struct snnq_result *r)
{
	int ret = s->model->floatnet ? run_float(s, input, r) : run_integer(s, input, r);

	if (!ret)
		s->tap_steps = s->model->graph.input.steps;
	return ret;
}

static int make_input(struct snnq_stream *s, bool values)
{
	int ret = values_wanted(stream_input(s), values);

	return ret || s->input ? ret : stream_window_alloc(s, &s->input);
}

int snnq_stream_push_events(struct snnq_stream *stream, struct snnq_events *events,
			    struct snnq_result *result)
{
	uint64_t dropped;
	int ret = make_input(stream, false);

	if (ret)
		return ret;
	ret = bins_fill(&stream->model->graph.input, events, stream->input->map, &dropped);
	if (ret <= 0)
		return ret;
	ret = stream_window(stream, stream->input, result);
	if (ret)
		return ret;
	result->dropped_events = dropped;
	result->first_step = events->window_step;
	return 1;
}

int snnq_stream_push_values(struct snnq_stream *stream, struct snnq_values *values, uint64_t sample,
			    struct snnq_result *result)
{
	uint64_t clamped;
	int ret = make_input(stream, true);

	if (ret)
		return ret;
	ret = values_fill(stream_input(stream), values, sample, stream->input->map, &clamped);
	if (ret <= 0)
		return ret;
	ret = stream_window(stream, stream->input, result);
	if (ret)
		return ret;
	result->clamped_values = clamped;
	return 1;
}

/* ---- counters and taps ---- */

int snnq_stream_counters(struct snnq_stream *stream, uint32_t layer, struct snnq_layer_counters *c)
{
	const struct snnq_layer_stats *s = &stream->stats[layer];

	if (layer >= stream->model->graph.layer_count || !stream->profile)
		return error_set(-EINVAL, "no counters of layer %u: %s", layer,
				 stream->profile ? "no such layer" : "stream without profile");
	*c = (struct snnq_layer_counters){
		.name = stream->model->graph.layers[layer].name,
		.input_spikes = s->input_spikes,
		.input_possible = s->input_possible,
		.synops = s->synops,
		.neuron_updates = s->neuron_updates,
		.output_spikes = s->output_spikes,
		.weight_bytes = s->weight_bytes,
		.input_bytes = s->input_bytes,
		.output_bytes = s->output_bytes,
		.state_bytes = s->state_bytes,
		.sram_bytes = s->sram_bytes,
		.compute_cycles = s->compute_cycles,
		.memory_cycles = s->memory_cycles,
		.stall_cycles = s->stall_cycles,
		.saturations = s->saturations,
		.steps = s->steps,
	};
	return 0;
}

static int32_t packed_element(const struct snnq_tensor *t, const uint64_t *data, uint64_t pos,
			      uint32_t c)
{
	uint64_t words = (t->channels + 63) / 64, positions = (uint64_t)t->height * t->width;
	int32_t v = 0;

	for (uint32_t p = 0; p < t->planes; p++) {
		uint64_t word = data[(p * positions + pos) * words + c / 64];
		int32_t weight = (int32_t)(1u << p);

		if (t->format == SNNQ_FORMAT_SIGNED && p == t->planes - 1u)
			weight = -weight;
		v += (int32_t)(word >> c % 64 & 1) * weight;
	}
	return v;
}

static int32_t *tap_step(const struct snnq_tensor *t, const void *data, int32_t *values)
{
	uint64_t positions = (uint64_t)t->height * t->width;

	if (t->format == SNNQ_FORMAT_INT32) {
		memcpy(values, data, positions * t->channels * sizeof(*values));
		return values + positions * t->channels;
	}
	for (uint64_t pos = 0; pos < positions; pos++)
		for (uint32_t c = 0; c < t->channels; c++)
			*values++ = packed_element(t, data, pos, c);
	return values;
}

/* Where a layer's output is: slots of @tensor, @step_bytes apart. */
struct tap {
	struct snnq_tensor tensor;
	const char *slots;
	uint64_t step_bytes;
};

static int float_tap(const struct snnq_stream *s, uint32_t layer, struct tap *tap)
{
	const struct graph_shape *shape = floatnet_shape(s->model->floatnet, (int)layer);

	if (!shape->planes)
		return error_set(-EOPNOTSUPP,
				 "layer %s: its output is real, expected spikes or "
				 "counts",
				 s->model->graph.layers[layer].name);
	*tap = (struct tap) {
		.tensor = {
			.format = shape->format, .planes = shape->planes,
			.height = (uint16_t)shape->height, .width = (uint16_t)shape->width,
			.channels = shape->channels,
		},
		.slots = (const char *)s->record.spikes[layer],
		.step_bytes = 8 * floatnet_words(s->model->floatnet, (int)layer),
	};
	return 0;
}

static int find_tap(const struct snnq_stream *s, uint32_t layer, struct tap *tap)
{
	const struct compiled *c = compiled_of(s);

	if (!s->model->taps || !s->tap_steps || layer >= s->model->graph.layer_count)
		return error_set(-EINVAL, "no output of layer %u: %s", layer,
				 s->model->taps ? "no such layer, or nothing has run" :
						  "the model was loaded without taps");
	if (s->model->floatnet)
		return float_tap(s, layer, tap);
	*tap = (struct tap){
		.tensor = c->taps[layer],
		.step_bytes = c->taps_step_bytes,
		.slots = (const char *)s->taps->map + c->taps[layer].offset,
	};
	return 0;
}

int64_t snnq_stream_tap(struct snnq_stream *stream, uint32_t layer, int32_t *values,
			size_t capacity)
{
	struct tap tap = { 0 };
	uint64_t count;
	int ret = find_tap(stream, layer, &tap);

	if (ret)
		return ret;
	count = stream->tap_steps * snnq_tensor_elements(&tap.tensor);
	if (!values)
		return (int64_t)count;
	if (capacity < count)
		return error_set(-EINVAL, "room for %zu elements, expected %llu", capacity,
				 (unsigned long long)count);
	ret = stream->taps ? snnq_tensor_sync_for_cpu(stream->taps) : 0;
	if (ret)
		return ret;
	for (uint32_t i = 0; i < stream->tap_steps; i++)
		values = tap_step(&tap.tensor, tap.slots + i * tap.step_bytes, values);
	return (int64_t)count;
}
