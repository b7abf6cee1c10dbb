/* SPDX-License-Identifier: MIT */
/*
 * output.h - the one way to write files that users name.
 *
 * A file appears complete or not at all: it is written without a name, or beside its place where
 * the file system has none such, put on the disk, and renamed. Links are followed, and what is not
 * a regular file is never replaced. Shared by the library and the command, whose errors differ:
 * these calls return -errno and leave a line for people in output_problem().
 */
#ifndef SNNQ_OUTPUT_H
#define SNNQ_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

struct output {
	FILE *file;
	char *path;	 /* the place, links followed */
	char *temporary; /* its name until then; NULL: it has none */
};

/* What the last call of this thread that failed has to say. */
const char *output_problem(void);

/*
 * Before the work: whether each of @outputs can be written. -EINVAL when two of them are one
 * file, or one is among @inputs (of a folder: the files in it). NULL paths do not count.
 */
int output_check(const char *const *outputs, size_t count, const char *const *inputs,
		 size_t input_count);

int output_open(const char *path, struct output *output);
/* Finish; earlier errors of the stream count. The output is closed whatever comes of it. */
int output_commit(struct output *output);
/* Leave no trace. */
void output_cancel(struct output *output);
/* Put the folder of @path on the disk, and with it the names of new files. */
int output_sync_folder(const char *path);

#endif /* SNNQ_OUTPUT_H */
