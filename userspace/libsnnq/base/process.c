// SPDX-License-Identifier: MIT
/*
 * process.c - starts programs of the library's own, in which libraries do what they like.
 *
 * They have nothing of the caller's but a file on their input and a pipe on their output; limits and a
 * filter of system calls they put on themselves. A process that is only forked would be no substitute:
 * in callers with threads nothing may be called in one that takes memory.
 */
#define _GNU_SOURCE
#include "process.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"

#ifndef SNNQ_HELPERS
#define SNNQ_HELPERS "/usr/libexec/snnq"
#endif

#define PATH_BYTES 4096

extern char **environ;

/* Beside the library, as in a folder where it was built, or where it is installed. */
static const char *find_program(const char *name, char path[PATH_BYTES])
{
	Dl_info info;
	const char *slash;
	int bytes;

	/* A relative name is one of the folder where the caller began, and may be no more. */
	if (dladdr((void *)(uintptr_t)find_program, &info) && info.dli_fname &&
	    info.dli_fname[0] == '/') {
		slash = strrchr(info.dli_fname, '/');
		bytes = snprintf(path, PATH_BYTES, "%.*s/%s", (int)(slash - info.dli_fname),
				 info.dli_fname, name);
		if (bytes > 0 && bytes < PATH_BYTES && !access(path, X_OK))
			return path;
	}
	snprintf(path, PATH_BYTES, "%s/%s", SNNQ_HELPERS, name);
	return path;
}

/* Signals as a new program expects them, whatever the caller does with its own. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	return posix_spawnattr_setsigmask(attributes, &none) ||
	       posix_spawnattr_setsigdefault(attributes, &all) ||
	       posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* Both descriptors are above those that they become. */
static int spawn(struct process *p, int in, int out, const char *const arguments[])
{
	char path[PATH_BYTES];
	const char *program = find_program(p->program->name, path);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int ret = posix_spawn_file_actions_init(&actions);

	if (ret)
		return error_set(-ENOMEM, "%s: no memory", p->path);
	ret = posix_spawnattr_init(&attributes);
	if (!ret) {
		if (posix_spawn_file_actions_adddup2(&actions, in, 0) ||
		    posix_spawn_file_actions_adddup2(&actions, out, 1) ||
		    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) ||
		    set_signals(&attributes))
			ret = ENOMEM;
		else
			ret = posix_spawn(&p->pid, program, &actions, &attributes,
					  (char *const *)(uintptr_t)arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	if (ret)
		error_set(-ret, "%s: %s, which %s: %s", p->path, program, p->program->does,
			  strerror(ret));
	return ret && ret != ENOMEM ? -PROCESS_MISSING : -ret;
}

int process_above_standard(int file)
{
	return fcntl(file, F_DUPFD_CLOEXEC, 3);
}

static int no_descriptor(const struct process *p)
{
	return error_set(-errno, "%s: %s: %s", p->path, p->program->name, strerror(errno));
}

int process_start(struct process *p, const char *path, const struct process_program *program,
		  int file, const char *const arguments[])
{
	int ends[2], in, out, ret;

	*p = (struct process){ .path = path, .program = program, .answer = -1 };
	if (pipe2(ends, O_CLOEXEC))
		return no_descriptor(p);
	in = process_above_standard(file);
	out = process_above_standard(ends[1]);
	close(ends[1]);
	ret = in < 0 || out < 0 ? no_descriptor(p) : spawn(p, in, out, arguments);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (ret)
		close(ends[0]);
	else
		p->answer = ends[0];
	return ret;
}

int process_end(struct process *p)
{
	siginfo_t info;
	int status;

	close(p->answer);
	p->answer = -1;
	/* Who has ended keeps the status that it ended with. */
	if (!waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT))
		kill(p->pid, SIGKILL);
	while (waitpid(p->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* ---- what it answers ---- */

void process_give(struct process *p, uint64_t seconds)
{
	clock_gettime(CLOCK_MONOTONIC, &p->end);
	p->end.tv_sec += (time_t)seconds;
}

static int left_ms(const struct process *p)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (int64_t)(p->end.tv_sec - now.tv_sec) * 1000 +
	       (p->end.tv_nsec - now.tv_nsec) / 1000000;
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

ssize_t process_read(struct process *p, void *to, size_t bytes)
{
	struct pollfd wait = { .fd = p->answer, .events = POLLIN };
	ssize_t n;
	int ready;

	do {
		ready = poll(&wait, 1, left_ms(p));
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0) {
		p->late = !ready;
		errno = ETIMEDOUT;
		return -1;
	}
	do {
		n = read(p->answer, to, bytes);
	} while (n < 0 && errno == EINTR);
	return n;
}

int process_failed(const struct process *p, int status)
{
	const char *library = p->program->library;

	if (p->late)
		return error_set(-EBADMSG, "%s: the %s library came to no end on this file in time",
				 p->path, library);
	if (status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return error_set(-EBADMSG, "%s: the %s library came to no end on this file",
				 p->path, library);
	if (status >= 0 && WIFSIGNALED(status))
		return error_set(-EBADMSG, "%s: the %s library failed on this file (signal %d, %s)",
				 p->path, library, WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
	if (status >= 0 && WEXITSTATUS(status) == PROCESS_NOT_STARTED)
		return error_set(-PROCESS_MISSING,
				 "%s: %s, which %s, does not start: is the %s library there?",
				 p->path, p->program->name, p->program->does, library);
	if (status >= 0 && WEXITSTATUS(status))
		return error_set(-EBADMSG, "%s: the %s library failed on this file (%s)", p->path,
				 library, strerror(WEXITSTATUS(status)));
	return error_set(-EBADMSG, "%s: the %s library failed on this file", p->path, library);
}
