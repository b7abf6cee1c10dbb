// SPDX-License-Identifier: MIT
/* h5_process.c - networks in HDF5 through snnq-hdf5. */
#define _GNU_SOURCE
#include "h5_process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/process.h"

#define PROGRAM "snnq-hdf5"

/* What an answer becomes: 0, -ENOMEM, -EBADMSG with what is wrong, others: it is not all there. */
typedef int taker(FILE *answer, void *ctx, const char **wrong);

static int failed(const struct process *p, int status)
{
	if (!p->late && status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == E2BIG)
		return error_set(-EBADMSG, "%s: expected at most %d objects", p->path,
				 TREE_MOST_OBJECTS);
	return process_failed(p, status);
}

static ssize_t read_answer(void *cookie, char *to, size_t bytes)
{
	return process_read(cookie, to, bytes);
}

/* The program with @in as its input; its output goes to @take. */
static int run(const char *path, int in, const char *const arguments[], uint64_t seconds,
	       taker *take, void *ctx)
{
	static const struct process_program program = { PROGRAM, "reads and writes HDF5", "HDF5" };
	struct process p;
	const char *wrong = NULL;
	int ret = process_start(&p, path, &program, in, arguments), status;
	FILE *f;

	if (ret)
		return ret;
	process_give(&p, seconds);
	f = fopencookie(&p, "r", (cookie_io_functions_t){ .read = read_answer });
	ret = -ENOMEM;
	if (f) {
		ret = take(f, ctx, &wrong);
		fclose(f);
	}
	status = process_end(&p);
	if (ret == -ENOMEM)
		return error_set(ret, "%s: no memory", path);
	if (ret == -EBADMSG)
		return error_set(ret, "%s: expected objects from " PROGRAM ", found %s", path,
				 wrong);
	return ret ? failed(&p, status) : 0;
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

	return run(path, file, arguments, PROCESS_LEAST_TIME + bytes / PROCESS_TIME_A_BYTE,
		   take_tree, root);
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
	in = good ? process_above_standard(memory) : -1;
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
	ret = run(path, in, arguments, PROCESS_LEAST_TIME + (uint64_t)bytes / PROCESS_TIME_A_BYTE,
		  take_file, out);
	close(in);
	return ret;
}
