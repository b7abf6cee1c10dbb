/* SPDX-License-Identifier: MIT */
/*
 * dataset.h - what readers of lists and of data sets share.
 */
#ifndef SNNQ_DATASET_H
#define SNNQ_DATASET_H

#include "cli.h"

#define DATASET_LIST_BYTES ((size_t)256 << 20) /* most of a list */

/* Append a recording; NULL: no memory. */
struct cli_sample *dataset_add(struct cli_dataset *d, const char *folder, const char *shown,
			       uint32_t label);
/* A class by number or name; false when there is none. Without classes any text will do. */
bool dataset_label(const char *text, struct snnq_model *model, uint32_t classes, uint32_t *label);
/*
 * The next line of @text before @end, which is moved behind it; lines end as any system ends them:
 * LF, CR LF or CR. NULL at the end, or where a zero byte is, which stays.
 */
char *dataset_line(char **text, const char *end);

/* ---- dataset_list.c ---- */

/* Read the list @path; read the folders below @root, one for each class. Return exit codes. */
int dataset_read_list(const char *path, struct snnq_model *model, uint32_t classes,
		      struct cli_dataset *d);
int dataset_read_folders(const char *root, struct snnq_model *model, uint32_t classes,
			 struct cli_dataset *d);

/* ---- dataset_values.c ---- */

/* An array as it is; then, of a model that takes values, each sample of each file in its place. */
int dataset_read_array(const char *path, struct cli_dataset *d);
int dataset_take_samples(const struct cli_source *source, struct snnq_model *model,
			 uint32_t classes, struct cli_dataset *d);

/* ---- dataset_named.c ---- */

/* Read a data set as users download it. Returns an exit code. */
int dataset_read_named(const struct cli_source *source, struct snnq_model *model, uint32_t classes,
		       struct cli_dataset *d);

#endif /* SNNQ_DATASET_H */
