/* SPDX-License-Identifier: MIT */
/* stream.h - models and streams, as model.c and stream.c share them. */
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

#endif /* SNNQ_STREAM_H */
