// SPDX-License-Identifier: MIT
/*
 * import.c - which reader reads what.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "import.h"
#include "base/output.h"
#include "base/text.h"

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
	net->compare_ge |= o->compare_ge;
	net->no_delay |= o->no_delay;
	net->skip_first |= o->skip_first;
}

int snnq_import(const char *in, const char *out, const struct snnq_import_opts *opts)
{
	struct import_net net = { .layers = NULL };
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
	ret = output_check(&out, 1, &in, 1);
	if (ret)
		return error_set(ret, "%s", output_problem());
	name_from_path(in, net.name);
	if (S_ISDIR(st.st_mode))
		ret = import_slayer(in, &net);
	else if (!S_ISREG(st.st_mode))
		ret = error_set(-EBADMSG, "%s: expected a folder or a regular file", in);
	else
		ret = import_lava(in, &net);
	if (!ret && opts)
		apply_options(&net, opts);
	if (!ret)
		ret = import_build(&net, out);
	import_net_free(&net);
	return ret;
}
