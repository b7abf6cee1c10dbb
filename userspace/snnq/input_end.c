// SPDX-License-Identifier: MIT
/*
 * input_end.c - standard input ends when it does, or when SIGINT or SIGTERM says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static int nothing = -1; /* a file that is at its end */
static volatile sig_atomic_t ended;

/* Whoever reads standard input next, or reads it now and is interrupted, finds its end. */
static void end_input(int signal)
{
	int error = errno;

	(void)signal;
	ended = true;
	dup2(nothing, STDIN_FILENO);
	errno = error;
}

int cli_signals_end_input(void)
{
	struct sigaction action = { .sa_handler = end_input, .sa_flags = SA_RESETHAND };

	nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing < 0)
		return cli_fail(CLI_FAILED, "/dev/null: %s", strerror(errno));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return CLI_OK;
}

bool cli_input_ended(void)
{
	return ended;
}
