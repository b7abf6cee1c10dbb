/* SPDX-License-Identifier: MIT */
/*
 * modelfile.h - .snnq files: a safetensors container with a graph in JSON.
 *
 * The graph stays JSON here, so that keys nobody knows survive a rewrite;
 * graph.h turns it into checked structures. Tensor data points into the mapped
 * file or into memory that the model file owns.
 */
#ifndef SNNQ_MODELFILE_H
#define SNNQ_MODELFILE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODELFILE_MAX_DIMS   8
#define MODELFILE_MAX_HEADER (16u << 20)

enum dtype {
	DTYPE_F32,
	DTYPE_F16,
	DTYPE_BF16,
	DTYPE_U8,
	DTYPE_I8,
	DTYPE_I16,
	DTYPE_I32,
	DTYPE_OTHER
};

struct tensor {
	char *name;
	enum dtype dtype;
	uint32_t dims;
	uint64_t shape[MODELFILE_MAX_DIMS];
	const void *data;
	uint64_t bytes;
	void *owned; /* data, when it is ours */
	char type_name[8];
};

struct modelfile {
	cJSON *graph;
	struct tensor *tensors;
	size_t count;
	uint64_t file_bytes; /* size on disk; 0 when never read */
	void *map;
	size_t map_bytes;
};

/* Read and check the container. 0, -ENOENT and the like, -EBADMSG for bad content. */
int modelfile_open(const char *path, struct modelfile **file);
/* An empty one; takes over @graph. */
int modelfile_new(cJSON *graph, struct modelfile **file);
/* Add a tensor; copies @data. */
int modelfile_add(struct modelfile *file, const char *name, enum dtype dtype, uint32_t dims,
		  const uint64_t *shape, const void *data);
/* Drop the tensors whose flag is set, one flag for each. */
void modelfile_remove(struct modelfile *file, const bool *remove);
const struct tensor *modelfile_find(const struct modelfile *file, const char *name);
/* Bytes that modelfile_write() would write. */
int modelfile_size(const struct modelfile *file, uint64_t *bytes);
/* Write it, complete or not at all. Sets file_bytes. */
int modelfile_write(struct modelfile *file, const char *path);
void modelfile_free(struct modelfile *file);

uint64_t tensor_elements(const struct tensor *t);
/* Element @i of an integer tensor. */
int32_t tensor_int(const struct tensor *t, uint64_t i);
/* F32, F16 or BF16, all of whose values are those of a float. */
bool tensor_is_real(const struct tensor *t);
/* Element @i of such a tensor, which may lie at any byte. */
float tensor_real(const struct tensor *t, uint64_t i);

#endif /* SNNQ_MODELFILE_H */
