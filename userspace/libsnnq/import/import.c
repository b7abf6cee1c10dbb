// SPDX-License-Identifier: MIT
/*
 * import.c - which reader reads what.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "import.h"
#include "import_h5.h"
#include "base/output.h"
#include "base/text.h"
#include "snnq_program.h"

/* The model's name: the last part of the path without its ending. */
static void name_from_path(const char *path, char name[64])
{
	size_t n = strlen(path), start;
	char part[256];

	while (n > 1 && path[n - 1] == '/')
		n--;
	for (start = n; start && path[start - 1] != '/'; start--)
		;
	snprintf(part, sizeof(part), "%.*s", (int)(n - start), path + start);
	if (strrchr(part, '.') > part)
		*strrchr(part, '.') = 0;
	text_printable(part, name, 64); /* names of files need not be UTF-8 */
}

static void apply_options(struct import_net *net, const struct snnq_import_opts *o)
{
	if (o->width && o->height) {
		net->width = o->width;
		net->height = o->height;
	}
	if (o->polarities)
		net->polarities = o->polarities;
	if (o->steps)
		net->steps = o->steps;
	if (o->name)
		snprintf(net->name, sizeof(net->name), "%s", o->name);
	if (o->input != SNNQ_IMPORT_AS_FOUND)
		net->input = o->input;
	if (!net->planes)
		net->planes = o->planes ? o->planes : IMPORT_VALUE_PLANES;
	net->compare_ge |= o->compare_ge;
	net->no_delay |= o->no_delay;
	net->skip_first |= o->skip_first;
	net->restart_period = o->restart_period;
	net->restart_offset = o->restart_offset;
}

/* What an option is for that the source has no use for. */
static int check_uses(const char *in, const struct snnq_import_opts *o, bool nir)
{
	bool values = o->input != SNNQ_IMPORT_AS_FOUND;
	const struct {
		const char *name;
		bool given, nir;
	} options[] = {
		{ "no delay", o->no_delay, false },
		{ "an empty first step", o->skip_first, false },
		{ "spikes of an input layer", o->spikes_in, false },
		{ "a restart", o->restart_period, false },
		{ "dt", o->dt != 0, true },
		{ "planes", o->planes && !values, true },
		{ "the time of a step", o->step_us, true },
		{ "reset by subtraction", o->reset_subtract, true },
		{ "the old current", o->old_current, true },
		{ "transposed weights", o->transposed, true },
	};

	if (o->input > SNNQ_IMPORT_FRAMES)
		return error_set(-EINVAL, "%s: input: expected one of enum snnq_import_input", in);
	if (o->spikes_in && values)
		return error_set(-EINVAL,
				 "%s: spikes of an input layer: of no use for what takes values",
				 in);
	if (o->restart_offset && !o->restart_period)
		return error_set(-EINVAL, "%s: an offset of restarts: expected their period, too",
				 in);
	if (o->planes > SNNQ_MAX_PLANES)
		return error_set(-EINVAL, "%s: planes: expected at most %u, found %u", in,
				 SNNQ_MAX_PLANES, o->planes);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].given && options[i].nir != nir)
			return error_set(-EINVAL, "%s: %s: of no use for %s", in, options[i].name,
					 nir ? "a NIR graph" : "what is no NIR graph");
	return 0;
}

struct job {
	const char *out;
	const struct snnq_import_opts *opts;
	struct import_net *net;
};

static int read_nir(const struct h5 *h, const struct job *job)
{
	struct snnq_import_opts o = *job->opts;

	if (!o.steps || o.steps > SNNQ_MAX_STEPS)
		return error_set(-EINVAL,
				 "%s: steps: expected 1..%u, found %u (NIR does not say: give the "
				 "number)",
				 h->path, SNNQ_MAX_STEPS, o.steps);
	if (!isfinite(o.dt) || o.dt < 0)
		return error_set(-EINVAL, "%s: dt: expected seconds, found %g", h->path, o.dt);
	o.step_us = o.step_us ? o.step_us : 1000;
	return import_nir(h, o.name ? o.name : job->net->name, &o, job->out);
}

/* An input layer with neurons says what pictures are like. */
static int check_picture(const struct h5 *h, const struct job *job)
{
	if (job->opts->planes)
		return error_set(-EINVAL, "%s: planes: of no use: the input layer says how many",
				 h->path);
	import_note(
		job->opts,
		"%s: the input layer has neurons: the model takes pictures of numbers from 0 to "
		"1, rounded to multiples of %.9g",
		h->path, job->net->scale);
	return 0;
}

static int read_file(const struct h5 *h, void *ctx)
{
	const struct job *job = ctx;
	bool nir = h5_exists(h, "/node");
	int ret = check_uses(h->path, job->opts, nir);

	if (ret)
		return ret;
	if (nir)
		return read_nir(h, job);
	job->net->spikes_in = job->opts->spikes_in;
	ret = import_lava(h, job->net);
	if (!ret && job->net->scale)
		ret = check_picture(h, job);
	if (ret)
		return ret;
	apply_options(job->net, job->opts);
	return import_build(job->net, job->out);
}

static int read_folder(const char *in, const struct job *job)
{
	int ret = check_uses(in, job->opts, false);

	if (!ret && job->opts->spikes_in)
		ret = error_set(-EINVAL, "%s: spikes of an input layer: of no use for a folder",
				in);
	if (!ret)
		ret = import_slayer(in, job->net);
	if (ret)
		return ret;
	apply_options(job->net, job->opts);
	return import_build(job->net, job->out);
}

int snnq_import(const char *in, const char *out, const struct snnq_import_opts *opts)
{
	static const struct snnq_import_opts none = { .size = sizeof(none) };
	struct import_net net = { .layers = NULL };
	struct job job = { .out = out, .opts = opts ? opts : &none, .net = &net };
	struct stat st;
	int ret;

	if (opts && opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_import: unknown size of options");
	if (stat(in, &st))
		return error_set(-errno, "%s: %s", in, strerror(errno));
	if (opts && opts->name &&
	    (strlen(opts->name) >= sizeof(net.name) ||
	     !text_is_utf8(opts->name, strlen(opts->name))))
		return error_set(-EILSEQ, "%s: name: expected UTF-8 of at most %zu bytes", in,
				 sizeof(net.name) - 1);
	net.opts = job.opts;
	ret = output_check(&out, 1, &in, 1);
	if (ret)
		return error_set(ret, "%s", output_problem());
	name_from_path(in, net.name);
	if (S_ISDIR(st.st_mode))
		ret = read_folder(in, &job);
	else if (!S_ISREG(st.st_mode))
		ret = error_set(-EBADMSG, "%s: expected a folder or a regular file", in);
	else
		ret = h5_open(in, read_file, &job);
	import_net_free(&net);
	return ret;
}
