// SPDX-License-Identifier: MIT
/* floats.c - see floats.h. The reference is plain loops over elements, in doubles. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run/bins.h"
#include "floats.h"
#include "models.h"

#define EVENTS 150u

static int32_t random_level(uint32_t *seed, uint32_t most)
{
	return (int32_t)(random32(seed) % (2 * most + 1)) - (int32_t)most;
}

static void add_floats(struct modelfile *file, const char *layer, const char *suffix,
		       uint64_t count, float *values)
{
	char name[80];

	snprintf(name, sizeof(name), "%s.%s", layer, suffix);
	assert_int_equal(modelfile_add(file, name, DTYPE_F32, 1, &count, values), 0);
}

/* Weights as [out, in], or [out, in, kernel, kernel] for a layer that has a kernel. */
static void add_weights(struct modelfile *file, const cJSON *json, uint64_t count, uint64_t outputs,
			const float *values)
{
	const cJSON *kernel = cJSON_GetObjectItem(json, "kernel");
	uint64_t shape[4] = { outputs, count / outputs, 1, 1 };
	char name[80];

	for (int i = 0; kernel && i < 2; i++) {
		shape[2 + i] = (uint64_t)cJSON_GetArrayItem(kernel, i)->valueint;
		shape[1] /= shape[2 + i];
	}
	snprintf(name, sizeof(name), "%s.w", cJSON_GetObjectItem(json, "name")->valuestring);
	assert_int_equal(modelfile_add(file, name, DTYPE_F32, kernel ? 4 : 2, shape, values), 0);
}

/* Random weights, biases, and thresholds where @json names a tensor for them. */
static void add_numbers(struct modelfile *file, cJSON *json, float unit, uint32_t *seed)
{
	const char *name = cJSON_GetObjectItem(json, "name")->valuestring;
	cJSON *elements = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "weight"), "elements");
	cJSON *threshold = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "neuron"), "threshold");
	uint64_t n = elements ? (uint64_t)elements->valueint : 0;
	uint64_t channels = n ? (uint64_t)cJSON_GetObjectItem(json, "out_channels")->valueint :
			    !strcmp(name, "attn") || !strcmp(name, "product") ? 70 :
										20;
	float *v = calloc(n + channels, sizeof(*v));

	for (uint64_t i = 0; i < n; i++)
		v[i] = (float)random_level(seed, 4) * unit;
	if (n)
		add_weights(file, json, n, channels, v);
	cJSON_DeleteItemFromObject(cJSON_GetObjectItem(json, "weight"), "elements");
	for (uint64_t i = 0; i < channels; i++)
		v[i] = (float)random_level(seed, 2) * unit;
	if (cJSON_GetObjectItem(json, "bias"))
		add_floats(file, name, "b", channels, v);
	for (uint64_t i = 0; i < channels; i++)
		v[i] = (float)(2 + random32(seed) % 3);
	if (cJSON_IsString(threshold))
		add_floats(file, name, "t", channels, v);
	free(v);
}

void network_file(struct network *n, const char *text, float unit, uint32_t seed)
{
	cJSON *json = cJSON_Parse(text), *layer;

	assert_non_null(json);
	assert_int_equal(modelfile_new(json, &n->file), 0);
	cJSON_ArrayForEach(layer, cJSON_GetObjectItem(json, "layers"))
		add_numbers(n->file, layer, unit, &seed);
}

void network_open(struct network *n, const char *text, float unit, uint32_t seed)
{
	network_file(n, text, unit, seed);
	if (graph_parse("net", n->file, &n->graph) || floatnet_create("net", &n->graph, &n->net) ||
	    floatnet_record_alloc(n->net, &n->record))
		fail_msg("%s", snnq_last_error(NULL));
}

void network_close(struct network *n)
{
	floatnet_record_free(n->net, &n->record);
	floatnet_destroy(n->net);
	graph_free(&n->graph);
	modelfile_free(n->file);
}

struct snnq_events *random_events(uint32_t seed)
{
	struct snnq_event list[EVENTS] = { 0 };
	struct snnq_events *events;

	for (uint32_t i = 0; i < EVENTS; i++)
		list[i] = (struct snnq_event){ .t = random32(&seed) % (STEPS * 1000),
					       .x = (uint16_t)(random32(&seed) % 6),
					       .y = (uint16_t)(random32(&seed) % 5),
					       .p = random32(&seed) & 1 };
	assert_int_equal(snnq_events_from_array(list, EVENTS, &events), 0);
	return events;
}

uint64_t *input_of(const struct network *n, uint32_t seed)
{
	struct snnq_events *events = random_events(seed);
	uint64_t *slots = calloc(STEPS, floatnet_words(n->net, GRAPH_INPUT) * sizeof(*slots));
	uint64_t dropped;

	assert_int_equal(bins_fill(&n->graph.input, events, slots, &dropped), 1);
	assert_int_equal(dropped, 0);
	snnq_events_close(events);
	return slots;
}

int32_t element(const struct graph_shape *s, const uint64_t *slot, size_t pos, uint32_t c)
{
	size_t words = (s->channels + 63) / 64, plane = (size_t)s->height * s->width * words;
	int32_t v = 0;

	for (uint32_t p = 0; p < s->planes; p++)
		if (slot[p * plane + pos * words + c / 64] >> c % 64 & 1)
			v += p + 1 == s->planes && s->format == SNNQ_FORMAT_SIGNED ? -(1 << p) :
										     1 << p;
	return v;
}

/* ---- the reference ---- */

static double ref_at(const struct reference *r, int layer, uint32_t t, int64_t y, int64_t x,
		     uint32_t c)
{
	const struct graph_shape *s = graph_shape(&r->n->graph, layer);
	const double *v = layer == GRAPH_INPUT ? r->input : r->out[layer];

	if (y < 0 || x < 0 || y >= s->height || x >= s->width)
		return 0;
	return v[((t * s->height + y) * s->width + x) * s->channels + c];
}

static double number(const struct graph_numbers *n, uint32_t c)
{
	return n->tensor ? ((const float *)n->tensor->data)[c] : n->value;
}

struct at {
	uint32_t t, y, x, c;
};

/* Sum (or maximum) over a window of weight * input, [out][in][kh][kw]. */
static double ref_window(const struct reference *r, const struct graph_layer *l, struct at p)
{
	const struct snnq_geometry *g = &l->geometry;
	uint32_t inputs = l->weight ? graph_shape(&r->n->graph, l->in[0])->channels / g->groups : 1;
	uint32_t first = l->weight ? p.c / (l->out_channels / g->groups) * inputs : p.c;
	const float *w = l->weight ? (const float *)l->weight->data : NULL;
	double sum = 0, max = -INFINITY;

	for (uint32_t i = 0; i < inputs; i++)
		for (uint32_t ky = 0; ky < g->kernel_h; ky++)
			for (uint32_t kx = 0; kx < g->kernel_w; kx++) {
				size_t at = ((p.c * (size_t)inputs + i) * g->kernel_h + ky) *
						    g->kernel_w +
					    kx;
				double v = ref_at(
					r, l->in[0], p.t,
					(int64_t)p.y * g->stride_h + ky * g->dilation_h - g->pad_h,
					(int64_t)p.x * g->stride_w + kx * g->dilation_w - g->pad_w,
					first + i);

				sum += w ? w[at] * v : v;
				max = fmax(max, v); /* outside is 0, below no count */
			}
	return l->op == SNNQ_OP_POOL_MAX ? max : sum;
}

static double ref_linear(const struct reference *r, const struct graph_layer *l, struct at p)
{
	uint32_t inputs = graph_shape(&r->n->graph, l->in[0])->channels;
	const float *w = l->weight->data;
	double sum = 0;

	for (uint32_t i = 0; i < inputs; i++)
		sum += w[p.c * inputs + i] * ref_at(r, l->in[0], p.t, p.y, p.x, i);
	return sum;
}

static double ref_attention(const struct reference *r, const struct graph_layer *l, struct at p)
{
	uint32_t d = l->from[0].channels / l->heads;
	uint32_t first = p.c / (l->out.channels / l->heads) * d;
	double sum = 0;

	for (uint32_t y = 0; y < l->out.height; y++)
		for (uint32_t x = 0; x < l->out.width; x++) {
			double a = 0;

			for (uint32_t c = first; c < first + d; c++)
				a += ref_at(r, l->in[0], p.t, p.y, p.x, c) *
				     ref_at(r, l->in[1], p.t, y, x, c);
			sum += a * ref_at(r, l->in[2], p.t, y, x, p.c);
		}
	return sum;
}

/* Element of a matrix, that of a head. */
static double ref_matrix(const struct reference *r, const struct graph_layer *l, uint32_t k,
			 struct at p, uint32_t head, uint32_t row, uint32_t column)
{
	bool turned = l->mode & SNNQ_MATMUL_TRANSPOSE_0 << k;
	uint32_t token = turned ? column : row, c = turned ? row : column;

	return ref_at(r, l->in[k], p.t, token / l->from[k].width, token % l->from[k].width,
		      head * (l->from[k].channels / l->heads) + c);
}

static double ref_matmul(const struct reference *r, const struct graph_layer *l, struct at p)
{
	uint32_t wide = l->out.channels / l->heads, row = p.y * l->out.width + p.x;
	uint32_t inner = l->mode & SNNQ_MATMUL_TRANSPOSE_0 ? l->from[0].height * l->from[0].width :
							     l->from[0].channels / l->heads;
	double sum = 0;

	for (uint32_t k = 0; k < inner; k++)
		sum += ref_matrix(r, l, 0, p, p.c / wide, row, k) *
		       ref_matrix(r, l, 1, p, p.c / wide, k, p.c % wide);
	return sum;
}

static double ref_sum(const struct reference *r, const struct graph_layer *l, struct at p)
{
	switch (l->op) {
	case SNNQ_OP_LINEAR:
		return ref_linear(r, l, p);
	case SNNQ_OP_ATTENTION:
		return ref_attention(r, l, p);
	case SNNQ_OP_MATMUL:
		return ref_matmul(r, l, p);
	case SNNQ_OP_ELEMENTWISE:
		return ref_at(r, l->in[0], p.t, p.y, p.x, p.c) +
		       ref_at(r, l->in[1], p.t, p.y, p.x, p.c);
	case SNNQ_OP_POOL_SUM:
		return l->value * ref_window(r, l, p);
	case GRAPH_AVGPOOL:
		return ref_window(r, l, p) / (l->geometry.kernel_h * l->geometry.kernel_w);
	default:
		return ref_window(r, l, p);
	}
}

static double ref_leak(uint8_t kind, uint32_t param, double u)
{
	return kind == SNNQ_LEAK_DIVN ? u / param :
	       kind == SNNQ_LEAK_Q16  ? u * param / 65536 :
	       kind == SNNQ_LEAK_TZ12 ? u * (4096.0 - param) / 4096 :
					u;
}

struct ref_neuron {
	double u, i;
	uint32_t rest;
};

static bool ref_fires(struct ref_neuron *s, const struct graph_layer *l, uint32_t c, double x)
{
	const struct snnq_neuron *n = &l->neuron;
	double theta = number(&l->threshold, c), old = s->i;
	bool fire;

	if (n->model == SNNQ_NEURON_CUBA) {
		s->i = ref_leak(n->current_leak, n->current_leak_param, s->i) + x;
		x = n->flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? old : s->i;
	}
	if (s->rest) {
		s->rest--;
		s->u = number(&l->reset, c);
		return false;
	}
	s->u = ref_leak(n->leak, n->leak_param, s->u) + (x + number(&l->bias, c));
	fire = n->compare == SNNQ_COMPARE_GE ? s->u >= theta : s->u > theta;
	if (fire) {
		s->u = n->reset == SNNQ_RESET_HARD ? number(&l->reset, c) :
		       n->reset == SNNQ_RESET_SOFT ? s->u - theta :
						     s->u;
		s->rest = n->refractory;
	}
	return fire;
}

/* One output element over all steps. */
static void ref_element(struct reference *r, uint32_t index, struct at p)
{
	const struct graph_layer *l = &r->n->graph.layers[index];
	const struct graph_shape *s = &l->out;
	double *out = r->out[index] + ((size_t)p.y * s->width + p.x) * s->channels + p.c;
	size_t stride = (size_t)s->height * s->width * s->channels;
	bool spiking = l->neuron.model != SNNQ_NEURON_NONE;
	struct ref_neuron neuron = { 0 };

	for (p.t = 0; p.t < STEPS; p.t++) {
		double x = ref_sum(r, l, p);
		uint32_t to = p.t + l->neuron.delay;

		if (spiking)
			x = p.t || !l->skip_first ? ref_fires(&neuron, l, p.c, x) : 0;
		else if (l->weight)
			x += number(&l->bias, p.c);
		else if (s->planes && l->op != GRAPH_AVGPOOL && l->op != SNNQ_OP_POOL_MAX)
			x = fmin(x,
				 r->unit[index] *
					 ((1 << (s->planes - (s->format == SNNQ_FORMAT_SIGNED))) -
					  1));
		if (to < STEPS)
			out[to * stride] = x;
	}
}

static void ref_layer(struct reference *r, uint32_t index)
{
	const struct graph_layer *l = &r->n->graph.layers[index];
	double unit = l->in[0] == GRAPH_INPUT ? 1 : r->unit[l->in[0]];
	struct at p = { 0 };

	if (l->op == GRAPH_AVGPOOL)
		unit /= l->geometry.kernel_h * l->geometry.kernel_w;
	r->unit[index] = l->neuron.model == SNNQ_NEURON_NONE ? unit : 1;
	r->out[index] = calloc((size_t)STEPS * l->out.height * l->out.width * l->out.channels,
			       sizeof(double));
	for (p.y = 0; p.y < l->out.height; p.y++)
		for (p.x = 0; p.x < l->out.width; p.x++)
			for (p.c = 0; p.c < l->out.channels; p.c++)
				ref_element(r, index, p);
}

static void ref_readout(struct reference *r)
{
	const struct graph *g = &r->n->graph;
	const struct graph_shape *s = graph_shape(g, g->readout);
	uint32_t voters = s->channels / g->readout_channels;

	for (uint32_t o = 0; o < g->readout_channels; o++)
		for (uint32_t t = 0; t < STEPS; t++) {
			double sum = 0;

			for (uint32_t i = 0; i < s->height * s->width; i++)
				for (uint32_t c = o * voters; c < (o + 1) * voters; c++)
					sum += ref_at(r, g->readout, t, i / s->width, i % s->width,
						      c) *
					       g->readout_scale;
			if (g->readout_mode == SNNQ_READOUT_MAX)
				r->scores[o] = t ? fmax(r->scores[o], sum) : sum;
			else if (g->readout_mode == SNNQ_READOUT_LAST)
				r->scores[o] = sum;
			else
				r->scores[o] += sum;
		}
}

void reference_run(struct reference *r, const struct network *n, const uint64_t *input)
{
	const struct graph_shape *s = &n->graph.input.shape;
	size_t positions = (size_t)s->height * s->width;
	size_t words = floatnet_words(n->net, GRAPH_INPUT);

	*r = (struct reference){ .n = n };
	r->input = calloc(STEPS * positions * s->channels, sizeof(double));
	for (size_t i = 0; i < STEPS * positions; i++)
		for (uint32_t c = 0; c < s->channels; c++)
			r->input[i * s->channels + c] =
				element(s, input + i / positions * words, i % positions, c);
	for (uint32_t i = 0; i < n->graph.layer_count; i++)
		ref_layer(r, i);
	ref_readout(r);
}

void reference_free(struct reference *r)
{
	for (uint32_t i = 0; i < r->n->graph.layer_count; i++)
		free(r->out[i]);
	free(r->input);
}

static const char small_float_text[] =
	"{\"format\": \"snnq\", \"version\": 1, \"arithmetic\": \"float\", \"input\": {\"width\": 4,"
	" \"height\": 4, \"polarities\": 2, \"planes\": 2, \"binning\": \"duration\", \"steps\": 8,"
	" \"step_us\": 1000}, \"layers\": ["
	"{\"name\": \"c\", \"op\": \"conv2d\", \"inputs\": [\"input\"], \"kernel\": [4, 4],"
	" \"out_channels\": 6, \"weight\": {\"tensor\": \"c.w\", \"scheme\": \"float\", \"elements\": 192},"
	" \"bias\": \"c.b\", \"neuron\": {\"model\": \"lif\", \"leak\": {\"kind\": \"div\", \"n\": 2},"
	" \"compare\": \"ge\", \"reset\": \"hard\", \"threshold\": \"c.t\"}},"
	"{\"name\": \"p\", \"op\": \"avgpool\", \"inputs\": [\"c\"], \"kernel\": [1, 1]},"
	"{\"name\": \"h\", \"op\": \"linear\", \"inputs\": [\"p\"], \"out_channels\": 2, \"weight\":"
	" {\"tensor\": \"h.w\", \"scheme\": \"float\", \"elements\": 12}, \"bias\": \"h.b\","
	" \"neuron\": {\"model\": \"none\"}}],"
	" \"readout\": {\"input\": \"h\", \"mode\": \"sum\"}}";

const char *small_float_write(void)
{
	struct network n;

	network_file(&n, small_float_text, 0.5f, 3);
	return model_write(n.file);
}
