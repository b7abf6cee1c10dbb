// SPDX-License-Identifier: MIT
/*
 * export.c - float models as NIR graphs, so that people can leave.
 *
 * A NIR file has neurons, weights and edges. It says neither how long a step is, nor how events
 * become its input, nor what is done with its output: what is lost of that is told, with the words
 * by which snnq import gets it back.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/output.h"
#include "export_nir.h"
#include "float/floatnet.h"
#include "snnq_program.h"

#define DEFAULT_STEP_US 1000 /* where events are split by their number */

static void note(const struct export *e, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(const struct export *e, const char *format, ...)
{
	char text[512];
	va_list args;

	if (!e->opts->note)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	e->opts->note(e->opts->note_ctx, text);
}

/* ---- the ends of the graph ---- */

static int put_input(struct export *e)
{
	const struct graph_input *in = &e->graph->input;
	const int64_t map[3] = { in->channels, in->height, in->width };
	const int64_t all = in->shape.channels;
	int node = nir_file_add(&e->f, "input", "", "Input");

	if (node < 0)
		return node;
	nir_file_integers(&e->f, "shape", in->flat ? 1 : 3, in->flat ? &all : map);
	e->flows[0] = (struct export_flow){ .sources = { node },
					    .count = 1,
					    .fires = -1,
					    .flat = -1,
					    .map = !in->flat,
					    .most = (1ull << in->planes) - 1,
					    .shape = in->shape };
	return 0;
}

static int put_output(struct export *e)
{
	const struct graph *g = e->graph;
	const struct graph_layer *l = &g->layers[g->readout];
	const int64_t channels = l->out.channels;
	int node;

	if (l->out.height != 1 || l->out.width != 1)
		return export_refuse(e, l,
				     "readout: expected one position: sums over more a NIR file "
				     "cannot say");
	if (g->readout_mode != SNNQ_READOUT_SUM)
		return error_set(-EBADMSG,
				 "%s: readout: mode: expected sum, as a NIR file does not say what "
				 "is done with its output",
				 e->path);
	node = nir_file_add(&e->f, "output", "", "Output");
	if (node < 0)
		return node;
	nir_file_integers(&e->f, "shape", 1, &channels);
	return export_output(e, g->readout, node);
}

/* ---- what a NIR file does not say ---- */

static bool are_numbers(const struct graph *g)
{
	char number[16];

	for (uint32_t i = 0; i < g->class_count; i++) {
		snprintf(number, sizeof(number), "%" PRIu32, i);
		if (strcmp(g->classes[i], number))
			return false;
	}
	return true;
}

/* Of events. */
static void tell_binning(const struct export *e, const struct graph_input *in)
{
	if (in->by_count)
		note(e,
		     "%s: input: NIR does not say that recordings are split into %u steps of as "
		     "many events; time constants are for steps of %d us",
		     e->path, in->steps, DEFAULT_STEP_US);
	else if (in->half_even || !in->from_first)
		note(e, "%s: input: NIR does not say that steps %s%s%s", e->path,
		     in->half_even ? "are rounded to" : "",
		     in->half_even && !in->from_first ? " and " : "",
		     in->from_first ? "" : "count from time 0");
	if (in->downscale != 1 || in->crop_x || in->crop_y)
		note(e, "%s: input: sensor: NIR does not say how recordings are cropped and scaled",
		     e->path);
	if (in->polarities <= 2 && in->on_channel != in->polarities - 1)
		note(e, "%s: input: NIR does not say that ON events are channel %u", e->path,
		     in->on_channel);
}

/* What snnq import cannot be told either. */
static void tell_losses(const struct export *e)
{
	const struct graph *g = e->graph;
	const struct graph_input *in = &g->input;

	if (!are_numbers(g))
		note(e, "%s: classes: NIR has no names of them", e->path);
	if (g->readout_scale != 1)
		note(e,
		     "%s: readout: scale: NIR has none: what comes out is to be multiplied by "
		     "%.9g",
		     e->path, g->readout_scale);
	if (!in->values)
		tell_binning(e, in);
	if (in->scale)
		note(e,
		     "%s: input: NIR does not say that numbers of files are divided by %.9g, and %u "
		     "is added",
		     e->path, in->scale, in->zero);
	if (in->values && in->channels_last)
		note(e, "%s: input: NIR does not say that files end in the axis of channels",
		     e->path);
}

/* What it can be told. */
static void find_options(const struct export *e, char *text, size_t bytes)
{
	const struct graph_input *in = &e->graph->input;
	const struct graph_layer *c = e->compares, *r = e->resets, *i = e->currents;
	char planes[24] = "", size[64] = "", step[24] = "";
	const char *values = !in->values ? "" : in->frames ? " --values steps" : " --values repeat";

	if (in->planes > 1 || in->values)
		snprintf(planes, sizeof(planes), " --planes %u", in->planes);
	if (in->flat)
		snprintf(size, sizeof(size), " --width %u --height %u --polarities %u", in->width,
			 in->height, in->channels);
	if (in->step_us && in->step_us != DEFAULT_STEP_US)
		snprintf(step, sizeof(step), " --step-us %u", in->step_us);
	snprintf(text, bytes, "--steps %u%s%s%s%s%s%s%s", in->steps, step, values, planes, size,
		 c && c->neuron.compare == SNNQ_COMPARE_GE ? " --compare-ge" : "",
		 r && r->neuron.reset == SNNQ_RESET_SOFT ? " --reset subtract" : "",
		 i && i->neuron.flags & SNNQ_NEURON_FLAG_OLD_CURRENT ? " --old-current" : "");
}

/* ---- the export ---- */

static int put_layers(struct export *e)
{
	const struct graph *g = e->graph;
	int ret = put_input(e);

	for (uint32_t i = 0; !ret && i < g->layer_count; i++)
		ret = export_layer(e, (int)i);
	if (!ret)
		ret = put_output(e);
	for (int i = 0; !ret && i < e->back_count; i++)
		ret = export_back(e, &e->backs[i]);
	return ret ? ret : nir_file_finish(&e->f);
}

static int take_room(struct export *e)
{
	const struct graph *g = e->graph;

	e->flows = calloc(1 + (size_t)g->layer_count, sizeof(*e->flows));
	e->backs = calloc((size_t)g->layer_count * SNNQ_MAX_OPERANDS, sizeof(*e->backs));
	return e->flows && e->backs ? 0 : error_set(-ENOMEM, "%s: no memory", e->path);
}

static int write_graph(struct export *e, const char *out)
{
	struct snnq_export_info *info = e->opts->info;
	int ret = take_room(e);

	if (!ret)
		ret = nir_file_open(e->path, &e->f);
	if (!ret) {
		ret = put_layers(e);
		if (!ret)
			ret = nir_file_write(&e->f, out);
		nir_file_close(&e->f);
	}
	if (!ret) {
		tell_losses(e);
		if (info) {
			info->nodes = (uint32_t)e->f.count;
			info->edges = (uint32_t)e->f.edge_count;
			find_options(e, info->import_options, sizeof(info->import_options));
		}
	}
	free(e->flows);
	free(e->backs);
	return ret;
}

/* A model that runs: then shapes, units and what neurons read are sound. */
static int check_model(const char *in, const struct graph *graph)
{
	struct floatnet *net;
	int ret;

	if (graph->integer)
		return error_set(
			-EBADMSG,
			"%s: arithmetic: expected float, found integer: NIR has no weights "
			"in few bits",
			in);
	ret = floatnet_create(in, graph, &net);
	if (!ret)
		floatnet_destroy(net);
	return ret;
}

static int export_model(const char *in, const struct modelfile *file, const char *out,
			const struct snnq_export_opts *opts)
{
	struct graph graph;
	struct export e = { .path = in, .graph = &graph, .opts = opts };
	int ret = graph_parse(in, file, &graph);

	if (ret)
		return ret;
	e.dt = (graph.input.step_us ? graph.input.step_us : DEFAULT_STEP_US) * 1e-6;
	ret = check_model(in, &graph);
	if (!ret)
		ret = write_graph(&e, out);
	graph_free(&graph);
	return ret;
}

int snnq_export(const char *in, const char *out, const struct snnq_export_opts *opts)
{
	static const struct snnq_export_opts none = { .size = sizeof(none) };
	struct modelfile *file;
	int ret;

	if (opts && opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_export: unknown size of options");
	ret = output_check(&out, 1, &in, 1);
	if (ret)
		return error_set(ret, "%s", output_problem());
	ret = modelfile_open(in, &file);
	if (ret)
		return ret;
	ret = export_model(in, file, out, opts ? opts : &none);
	modelfile_free(file);
	return ret;
}
