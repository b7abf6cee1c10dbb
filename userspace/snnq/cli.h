/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the verbs of the snnq command share.
 *
 * Standard output carries results only (text, or one JSON document with --json);
 * everything else goes to standard error. Exit codes are part of the interface.
 */
#ifndef SNNQ_CLI_H
#define SNNQ_CLI_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snnq.h"
#include "base/text.h"
#include "snnq_tools.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the thing asked for failed */
	CLI_USAGE = 2,
	CLI_DEVICE = 3,
	CLI_FILE = 4, /* an input file is bad */
};

/* ---- verbs (verbs.c has the table) ---- */

struct cli_verb {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
};

extern const struct cli_verb cli_verbs[]; /* ends with a NULL name */

int verb_info(int argc, char **argv);
int verb_inspect(int argc, char **argv);
int verb_convert(int argc, char **argv);
int verb_import(int argc, char **argv);
int verb_export(int argc, char **argv);
int verb_quantize(int argc, char **argv);
int verb_run(int argc, char **argv);
int verb_eval(int argc, char **argv);
int verb_compare(int argc, char **argv);
int verb_energy(int argc, char **argv);
int verb_bench(int argc, char **argv);
int verb_validate(int argc, char **argv);
int verb_doctor(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_monitor(int argc, char **argv);

/* ---- options (options.c) ---- */

struct cli_list {
	const char **values;
	size_t count;
};

struct cli_option {
	const char *name;
	char letter;	      /* or 0 */
	const char *argument; /* name for the help; NULL: a flag */
	const char *help;
	/* Where the value goes: exactly one of them. */
	bool *flag;
	const char **text;
	uint32_t *number;
	uint32_t max;	       /* of the number; 0: 2^32 - 1 */
	bool zero;	       /* 0 is a number, too: where it does not stand for "not given" */
	struct cli_list *list; /* may be given several times, as flags may */
};

#define CLI_ONE_OR_MORE (-1)
#define CLI_ZERO_OR_ONE (-2)

struct cli_command {
	const char *usage; /* "eval MODEL --data LIST" */
	const char *summary;
	const char *examples;		  /* one per line */
	const struct cli_option *options; /* ends with a NULL name */
	int arguments;			  /* number of positional arguments, or CLI_ONE_OR_MORE */
};

/*
 * Parse @argv. Returns true with @positional pointing into @argv; false when the
 * verb is over, with its exit code in @code (help shown, or wrong usage told).
 */
bool cli_parse(const struct cli_command *command, int argc, char **argv, char ***positional,
	       int *code);

/* ---- reports (report.c) ---- */

/* One line on standard error; returns @code. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A note of the library: said, and put into the list @ctx, a cJSON array. */
void cli_take_note(void *ctx, const char *text);
/* Print and free a JSON document; returns CLI_OK or CLI_FAILED. */
int cli_print_json(cJSON *json);
/* Print a JSON text; bytes that are not UTF-8 become U+FFFD, control characters escapes. */
int cli_print_json_text(const char *text);
/*
 * Before any work: whether the files can be written, and none is two things at once (output.h).
 * Returns an exit code.
 */
int cli_check_outputs(const char *const *outputs, size_t count, const char *const *inputs,
		      size_t input_count);
/* Exit code for a library call that failed with @error while it read a file. */
int cli_file_code(int error);
/* The same for one that opened a recording: the format that an option names may be none. */
int cli_recording_code(int error);
/* The same for one that ran a recording: both can be at fault. */
int cli_run_code(int error);

/* A progress bar, drawn only on a terminal and only when work takes over a second. */
void cli_progress(const char *what, size_t done, size_t total);

/* ---- files that are read (files.c) ---- */

/* Open a regular file; other things are refused, at once. Returns an exit code. */
int cli_file_open(const char *path, int *fd, size_t *bytes);
/*
 * All of one that has at most @most bytes, and two zeros behind it. @text is to be freed, also
 * after a fault. Returns an exit code.
 */
int cli_file_text(const char *path, size_t most, char **text, size_t *bytes);
/* How many of the first @size bytes there are; 0 of what is no regular file. */
size_t cli_file_head(const char *path, uint8_t *head, size_t size);

/* ---- standard input (input_end.c) ---- */

/*
 * From now on SIGINT and SIGTERM end standard input, so that what came before is kept; a second
 * one ends the program. Returns an exit code.
 */
int cli_signals_end_input(void);
/* Whether one did. */
bool cli_input_ended(void);

/* ---- sessions (session.c): an open device with a model ---- */

struct cli_session {
	struct snnq_device *device;
	struct snnq_model *model;
	struct snnq_device_info device_info;
	struct snnq_model_info model_info;
	uint32_t threads;
};

/* Open @device for @threads (0: all CPUs, or the device's cores). Returns an exit code. */
int cli_session_open(struct cli_session *s, const char *device, uint32_t threads);
/* Load @model into the session. */
int cli_session_load(struct cli_session *s, const char *model, bool taps);
void cli_session_close(struct cli_session *s);
/* A score as it is shown: of the integer readout, or a float model's. */
double cli_score(const struct snnq_result *r, uint32_t index);
/* The result of a window: a JSON object, a line of text. */
cJSON *cli_result_json(const struct snnq_result *r);
void cli_print_result(const struct cli_session *s, const struct snnq_result *r);
/* The sums of @more are added. */
void cli_add_recordings(struct snnq_recordings *r, const struct snnq_recordings *more);
/* Say on standard error what is wrong with recordings; @what: the file, or the list of them. */
void cli_note_recordings(const char *what, const struct snnq_recordings *r);
/* The same as keys of a document. */
void cli_put_recordings(cJSON *o, const struct snnq_recordings *r);
/* "NAME (digit)" of a class, or its number. */
const char *cli_class_name(const struct cli_session *s, uint32_t index, char text[64]);

/* ---- labelled recordings (dataset.c, dataset_named.c) ---- */

/* What the command line says about them. */
struct cli_source {
	const char *path;
	const char *name; /* of the data set that is in the folder @path; NULL: none that is known */
	const char *split;	/* of a data set: "train", "test" or "all"; NULL: @usual */
	const char *usual;	/* split, where none is named */
	const char *format;	/* NULL: the data set's, or by content */
	uint32_t width, height; /* of the sensor; 0: as files say */
	uint32_t limit;		/* at most so many; 0: all */
	const char *labels;	/* array of them, where @path is an array of samples; or NULL */
};

/* Options of a verb that reads @source. */
#define CLI_SOURCE_OPTIONS(source)                                                             \
	{ "dataset", 0, "NAME",                                                                \
	  "the folder is n-mnist, n-caltech101, cifar10-dvs or dvs128-gesture",                \
	  .text = &(source).name },                                                            \
		{ "split", 0, "NAME", "of a data set: train, test or all",                     \
		  .text = &(source).split },                                                   \
		{ "limit", 0, "N", "only the first N recordings", .number = &(source).limit }, \
		{ "format", 'f', "NAME",                                                       \
		  "of the recordings: where content does not tell: see snnq(1)",               \
		  .text = &(source).format },                                                  \
		{ "width",                                                                     \
		  0,                                                                           \
		  "N",                                                                         \
		  "of the sensor, when the files do not say",                                  \
		  .number = &(source).width,                                                   \
		  .max = UINT16_MAX },                                                         \
	{                                                                                      \
		"height", 0, "N", "of the sensor, when the files do not say",                  \
			.number = &(source).height, .max = UINT16_MAX                          \
	}

struct cli_sample {
	char *path;  /* as opened */
	char *shown; /* as written in the list */
	char *part;  /* format option that chooses one of a file's recordings; or NULL */
	uint32_t label;
	struct snnq_events_opts how; /* to open it */
	uint64_t sample;	     /* of an array: which */
};

struct cli_dataset {
	struct cli_sample *samples;
	size_t count, capacity;
};

/*
 * Read a TSV or CSV list of path and label, a directory with one folder per class, or a data set
 * as it is downloaded, or an array of values. Labels are class numbers, or names of @model's classes
 * (NULL: numbers only); with no @classes they are ignored. Of a @model that takes values, each
 * sample of an array is one; without @model an array is one, whatever it holds.
 */
int cli_dataset_read(const struct cli_source *source, struct snnq_model *model, uint32_t classes,
		     struct cli_dataset *dataset);
/* Its files, each once, and ways to open them as arrays, to be freed; false: no memory. */
bool cli_dataset_arrays(const struct cli_dataset *dataset, const char ***paths,
			struct snnq_events_opts **how, size_t *count);
/* Leave out the samples from number @from to before @end. */
void cli_dataset_drop(struct cli_dataset *dataset, size_t from, size_t end);
void cli_dataset_free(struct cli_dataset *dataset);

/* ---- samples (classify.c) ---- */

/* Who runs samples, one after the other: an array stays open for all of its samples. */
struct cli_runner {
	struct snnq_stream *stream;
	const char *path; /* of @values */
	struct snnq_values *values;
};

/* Run one. Returns an exit code, with the fault said; @seen: what it was like. */
int cli_classify(const struct cli_session *s, struct cli_runner *runner,
		 const struct cli_sample *sample, struct snnq_result *result,
		 struct snnq_recordings *seen);
/* The stream, too. */
void cli_runner_close(struct cli_runner *runner);

/* ---- .npy (npy.c) ---- */

/* Write @values as int32 or, when all fit, uint8. */
int cli_npy_write(const char *path, const int32_t *values, const uint32_t *shape, int dims);

#endif /* SNNQ_CLI_H */
