/* SPDX-License-Identifier: MIT */
/*
 * compact.h - the short form of model files; Documentation/model-format.md.
 *
 * Short: "defaults" for neurons and for the layers of an operation, inputs and geometry that need
 * no saying, and one tensor each for all weights and all 16-bit integers.
 * Everything that reads a file sees the long form of the graph, which
 * modelfile_open() restores; the parts of shared tensors are found by graph_parse().
 */
#ifndef SNNQ_COMPACT_H
#define SNNQ_COMPACT_H

#include "modelfile.h"

/*
 * Fill in what @graph leaves out. What makes no sense is left for graph_parse() to
 * refuse, except defaults themselves: -EBADMSG.
 */
int graph_expand(const char *path, cJSON *graph);

/*
 * Turn a model into the short form, to be written next. A float model keeps its
 * tensors. @path is for messages. 0, -ENOMEM, or an error of graph_parse().
 */
int compact_model(const char *path, struct modelfile *file);

#endif /* SNNQ_COMPACT_H */
