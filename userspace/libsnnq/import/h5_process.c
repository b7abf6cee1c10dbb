// SPDX-License-Identifier: MIT
/*
 * h5_process.c - starts snnq-hdf5, the program in which the HDF5 library does what it likes.
 *
 * It has nothing of the caller's but a file on its input and a pipe on its output; limits and a filter
 * of system calls it puts on itself. A process that is only forked would be no substitute: in
 * callers with threads nothing may be called in one that takes memory.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "h5_process.h"

#ifndef SNNQ_HDF5
#define SNNQ_HDF5 "/usr/libexec/snnq/snnq-hdf5"
#endif

#define PROGRAM	    "snnq-hdf5"
#define PATH_BYTES  4096
#define LEAST_TIME  120	       /* seconds; it gives itself less of the processor's */
#define TIME_A_BYTE (1u << 20) /* bytes for which there is a second more */
#define NOT_STARTED 127	       /* of the dynamic linker */

extern char **environ;

/* ---- one run ---- */

struct run {
	const char *path;
	pid_t pid;
	int answer;
	struct timespec end;
	bool late;
};

/* Beside the library, as in a folder where it was built, or where it is installed. */
static const char *find_program(char beside[PATH_BYTES])
{
	Dl_info info;
	const char *slash;
	int bytes;

	/* A relative name is one of the folder where the caller began, and may be no more. */
	if (!dladdr((void *)(uintptr_t)find_program, &info) || !info.dli_fname ||
	    info.dli_fname[0] != '/')
		return SNNQ_HDF5;
	slash = strrchr(info.dli_fname, '/');
	bytes = snprintf(beside, PATH_BYTES, "%.*s/" PROGRAM, (int)(slash - info.dli_fname),
			 info.dli_fname);
	return bytes > 0 && bytes < PATH_BYTES && !access(beside, X_OK) ? beside : SNNQ_HDF5;
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
static int spawn(struct run *r, int in, int out, const char *const arguments[])
{
	char beside[PATH_BYTES];
	const char *program = find_program(beside);
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int ret = posix_spawn_file_actions_init(&actions);

	if (ret)
		return error_set(-ENOMEM, "%s: no memory", r->path);
	ret = posix_spawnattr_init(&attributes);
	if (!ret) {
		if (posix_spawn_file_actions_adddup2(&actions, in, 0) ||
		    posix_spawn_file_actions_adddup2(&actions, out, 1) ||
		    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) ||
		    set_signals(&attributes))
			ret = ENOMEM;
		else
			ret = posix_spawn(&r->pid, program, &actions, &attributes,
					  (char *const *)arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	if (ret)
		error_set(-ret, "%s: %s, which reads and writes HDF5: %s", r->path, program,
			  strerror(ret));
	return -ret;
}

/*
 * End it and say how it ended; -1 if somebody else took that, who may have given its number away.
 * Who has ended keeps the status that it ended with.
 */
static int end(const struct run *r)
{
	siginfo_t info;
	int status;

	if (!waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT))
		kill(r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* A copy of a descriptor that none of the standard ones is. */
static int above_standard(int file)
{
	return fcntl(file, F_DUPFD_CLOEXEC, 3);
}

static int no_descriptor(const char *path)
{
	return error_set(-errno, "%s: " PROGRAM ": %s", path, strerror(errno));
}

/* ---- what it answers ---- */

static int left_ms(const struct run *r)
{
	struct timespec now;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (int64_t)(r->end.tv_sec - now.tv_sec) * 1000 +
	       (r->end.tv_nsec - now.tv_nsec) / 1000000;
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static ssize_t read_answer(void *cookie, char *to, size_t bytes)
{
	struct run *r = cookie;
	struct pollfd wait = { .fd = r->answer, .events = POLLIN };
	ssize_t n;
	int ready;

	do {
		ready = poll(&wait, 1, left_ms(r));
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0) {
		r->late = !ready;
		errno = ETIMEDOUT;
		return -1;
	}
	do {
		n = read(r->answer, to, bytes);
	} while (n < 0 && errno == EINTR);
	return n;
}

static int failed(const struct run *r, int status)
{
	if (r->late)
		return error_set(-EBADMSG,
				 "%s: the HDF5 library came to no end on this file in time",
				 r->path);
	if (status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return error_set(-EBADMSG, "%s: the HDF5 library came to no end on this file",
				 r->path);
	if (status >= 0 && WIFSIGNALED(status))
		return error_set(-EBADMSG,
				 "%s: the HDF5 library failed on this file (signal %d, %s)",
				 r->path, WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
	if (status >= 0 && WEXITSTATUS(status) == NOT_STARTED)
		return error_set(-ENOENT,
				 "%s: " PROGRAM ", which reads and writes HDF5, does not start: "
				 "is the HDF5 library there?",
				 r->path);
	if (status >= 0 && WEXITSTATUS(status) == E2BIG)
		return error_set(-EBADMSG, "%s: expected at most %d objects", r->path,
				 TREE_MOST_OBJECTS);
	if (status >= 0 && WEXITSTATUS(status))
		return error_set(-EBADMSG, "%s: the HDF5 library failed on this file (%s)", r->path,
				 strerror(WEXITSTATUS(status)));
	return error_set(-EBADMSG, "%s: the HDF5 library failed on this file", r->path);
}

/* What an answer becomes: 0, -ENOMEM, -EBADMSG with what is wrong, others: it is not all there. */
typedef int taker(FILE *answer, void *ctx, const char **wrong);

static int take_answer(struct run *r, uint64_t seconds, taker *take, void *ctx)
{
	FILE *f = fopencookie(r, "r", (cookie_io_functions_t){ .read = read_answer });
	const char *wrong = NULL;
	int ret = -ENOMEM, status;

	clock_gettime(CLOCK_MONOTONIC, &r->end);
	r->end.tv_sec += (time_t)seconds;
	if (f) {
		ret = take(f, ctx, &wrong);
		fclose(f);
	}
	status = end(r);
	if (ret == -ENOMEM)
		return error_set(ret, "%s: no memory", r->path);
	if (ret == -EBADMSG)
		return error_set(ret, "%s: expected objects from " PROGRAM ", found %s", r->path,
				 wrong);
	return ret ? failed(r, status) : 0;
}

/* The program with @in as its input; its output goes to @take. */
static int run(const char *path, int in, const char *const arguments[], uint64_t seconds,
	       taker *take, void *ctx)
{
	struct run r = { .path = path };
	int ends[2], out, ret;

	if (pipe2(ends, O_CLOEXEC))
		return no_descriptor(path);
	out = above_standard(ends[1]);
	close(ends[1]);
	ret = out < 0 ? no_descriptor(path) : spawn(&r, in, out, arguments);
	if (out >= 0)
		close(out);
	r.answer = ends[0];
	if (!ret)
		ret = take_answer(&r, seconds, take, ctx);
	close(ends[0]);
	return ret;
}

/* ---- reading ---- */

static int take_tree(FILE *answer, void *ctx, const char **wrong)
{
	return tree_read(answer, ctx, wrong);
}

int h5_process_read(const char *path, int file, uint64_t bytes, struct tree_object **root)
{
	static const char *const arguments[] = { PROGRAM,    "read",  "version",    "node",
						 "metadata", "layer", "simulation", NULL };
	int in = above_standard(file), ret;

	if (in < 0)
		return no_descriptor(path);
	ret = run(path, in, arguments, LEAST_TIME + bytes / TIME_A_BYTE, take_tree, root);
	close(in);
	return ret;
}

/* ---- writing ---- */

/* A file in memory with the bytes of @root, to be read from its begin. */
static int put_in_memory(const struct tree_object *root)
{
	int memory = memfd_create(PROGRAM, MFD_CLOEXEC), in;
	FILE *f = memory < 0 ? NULL : fdopen(memory, "w");
	bool good;

	if (!f) {
		if (memory >= 0)
			close(memory);
		return -1;
	}
	tree_write(f, root);
	good = !fflush(f) && !ferror(f) && !lseek(memory, 0, SEEK_SET);
	in = good ? above_standard(memory) : -1;
	fclose(f);
	return in;
}

/* What cannot be written is found out by whoever ends @ctx. */
static int take_file(FILE *answer, void *ctx, const char **wrong)
{
	struct tree_head head;
	char part[4096];
	size_t n;

	if (fread(&head, 1, sizeof(head), answer) != sizeof(head))
		return -EPIPE;
	*wrong = "no head of a file";
	if (head.magic != TREE_MAGIC || head.kind != TREE_END)
		return -EBADMSG;
	for (; head.bytes; head.bytes -= n) {
		n = head.bytes < sizeof(part) ? (size_t)head.bytes : sizeof(part);
		if (fread(part, 1, n, answer) != n)
			return -EPIPE;
		fwrite(part, 1, n, ctx);
	}
	return 0;
}

int h5_process_write(const char *path, const struct tree_object *root, FILE *out)
{
	static const char *const arguments[] = { PROGRAM, "write", NULL };
	int in = put_in_memory(root), ret;
	off_t bytes = in < 0 ? 0 : lseek(in, 0, SEEK_END);

	if (in < 0)
		return error_set(-ENOMEM, "%s: no memory", path);
	lseek(in, 0, SEEK_SET);
	ret = run(path, in, arguments, LEAST_TIME + (uint64_t)bytes / TIME_A_BYTE, take_file, out);
	close(in);
	return ret;
}
