/* SPDX-License-Identifier: MIT */
/* stream.h - models and streams, as model.c, stream.c and feed.c share them. */
#ifndef SNNQ_STREAM_H
#define SNNQ_STREAM_H

#include "backend.h"
#include "model/compile.h"
#include "float/floatnet.h"

struct snnq_model {
	struct snnq_device *dev;
	atomic_uint references; /* the handle and each stream */
	struct modelfile *file;
	struct graph graph;
	struct floatnet *floatnet;	 /* NULL: an integer model, which has what follows */
	struct compiled compiled;	 /* of a float model: input_step_bytes only */
	void *program;			 /* of the backend */
	struct snnq_tensor_buf *weights; /* NULL: a model without weights */
	bool taps;
};

struct snnq_model *model_get(struct snnq_model *model);
void model_put(struct snnq_model *model);

struct snnq_stream *stream_get(struct snnq_stream *stream);
void stream_put(struct snnq_stream *stream);
const struct graph_input *stream_input(const struct snnq_stream *stream);
/* A buffer for a window: the model's steps of its packed input. */
int stream_window_alloc(struct snnq_stream *stream, struct snnq_tensor_buf **input);
/* Run one from zero state, and wait; what the result has of events is left to the caller. */
int stream_window(struct snnq_stream *stream, struct snnq_tensor_buf *input,
		  struct snnq_result *result);

#endif /* SNNQ_STREAM_H */
