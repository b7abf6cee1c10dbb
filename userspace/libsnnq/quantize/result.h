/* SPDX-License-Identifier: MIT */
/*
 * result.h - what a search keeps and tells: its journal, sizes, and the document.
 */
#ifndef SNNQ_RESULT_H
#define SNNQ_RESULT_H

#include "quantize/search.h"

/*
 * Open the journal that the options name, with what was merged in it. Its header describes what
 * evaluations depend on besides their own names: the model and the recordings.
 */
int result_journal(struct search *x);
/* Bytes of a model file besides packed weights, with 8 bits everywhere. */
int result_metadata(const struct search *x, uint64_t *bytes);
/* The search as JSON, see snnq-quantize(1); freed with free(). */
int result_document(const struct search *x, const struct quantized *results, char **text);

#endif /* SNNQ_RESULT_H */
