/* SPDX-License-Identifier: MIT */
/* live.h - `snnq run MODEL -`. */
#ifndef SNNQ_CLI_LIVE_H
#define SNNQ_CLI_LIVE_H

#include "cli.h"

struct live_opts {
	struct snnq_events_opts events;
	uint32_t queue; /* see snnq_feed_opts */
	bool wait, json;
};

/* Results of standard input, until it ends or SIGINT or SIGTERM comes. Returns an exit code. */
int live_run(const struct cli_session *session, const struct live_opts *opts);

#endif /* SNNQ_CLI_LIVE_H */
