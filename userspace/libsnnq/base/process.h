/* SPDX-License-Identifier: MIT */
/* process.h - starts programs of the library's own, in which libraries do what they like. */
#ifndef SNNQ_PROCESS_H
#define SNNQ_PROCESS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define PROCESS_NOT_STARTED 127 /* exit status of the dynamic linker */

/* What is amiss when it does not start: the installation, not the file. */
#define PROCESS_MISSING ELIBACC

/* Seconds for an answer: it gives itself less of the processor's. */
#define PROCESS_LEAST_TIME  120
#define PROCESS_TIME_A_BYTE (1u << 20) /* bytes of its file for which there is a second more */

struct process_program {
	const char *name;    /* of the file */
	const char *does;    /* "reads and writes HDF5" */
	const char *library; /* "HDF5" */
};

struct process {
	const char *path; /* for messages; the caller's */
	const struct process_program *program;
	pid_t pid;
	int answer;
	struct timespec end;
	bool late;
};

/*
 * The program with @file, which stays the caller's, as its input; its output is at p->answer. 0 or
 * -errno with the error set and nothing to end.
 */
int process_start(struct process *p, const char *path, const struct process_program *program,
		  int file, const char *const arguments[]);
/* From now on it has so long to answer. */
void process_give(struct process *p, uint64_t seconds);
/* Some of its answer; 0 at its end, -1 with errno. */
ssize_t process_read(struct process *p, void *to, size_t bytes);
/*
 * End it and say how it ended; -1 if somebody else took that, who may have given its number away.
 * It is called once.
 */
int process_end(struct process *p);
/* Say what became of it, that ended with @status before its answer was complete. -errno. */
int process_failed(const struct process *p, int status);

/* A copy of a descriptor that none of the standard ones is. */
int process_above_standard(int file);

#endif /* SNNQ_PROCESS_H */
