// SPDX-License-Identifier: MIT
/*
 * session.c - an open device with a model, as most verbs need it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

int cli_session_open(struct cli_session *s, const char *device, uint32_t threads)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int ret;

	memset(s, 0, sizeof(*s));
	s->threads = threads ? threads : cpus > 0 ? (uint32_t)cpus : 1;
	ret = snnq_open(device, SNNQ_OPTS(struct snnq_open_opts, .cores = s->threads), &s->device);
	if (ret == -EINVAL) /* what is asked for, not what is there */
		return cli_fail(CLI_USAGE, "%s", snnq_last_error(NULL));
	if (ret)
		return cli_fail(CLI_DEVICE, "%s (try: snnq doctor)", snnq_last_error(NULL));
	ret = snnq_device_info(s->device, &s->device_info);
	if (ret) {
		cli_fail(CLI_DEVICE, "device: %s", snnq_last_error(s->device));
		cli_session_close(s);
		return CLI_DEVICE;
	}
	return CLI_OK;
}

int cli_session_load(struct cli_session *s, const char *model, bool taps)
{
	int ret = snnq_model_load(s->device, model, SNNQ_OPTS(struct snnq_model_opts, .taps = taps),
				  &s->model);

	if (ret)
		return cli_fail(cli_file_code(ret), "%s", snnq_last_error(s->device));
	snnq_model_info(s->model, &s->model_info);
	return CLI_OK;
}

void cli_session_close(struct cli_session *s)
{
	if (s->model)
		snnq_model_destroy(s->model);
	if (s->device)
		snnq_close(s->device);
	s->model = NULL;
	s->device = NULL;
}

double cli_score(const struct snnq_result *r, uint32_t index)
{
	return r->scores ? r->scores[index] : r->real_scores[index];
}

const char *cli_class_name(const struct cli_session *s, uint32_t index, char text[64])
{
	const char *name = snnq_model_class_name(s->model, index);
	char safe[48];

	if (name)
		snprintf(text, 64, "%u (%s)", index, text_printable(name, safe, sizeof(safe)));
	else
		snprintf(text, 64, "%u", index);
	return text;
}
