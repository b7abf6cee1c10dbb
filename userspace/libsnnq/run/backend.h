/* SPDX-License-Identifier: MIT */
/*
 * backend.h - what a device is, for the rest of the library.
 *
 * Two backends: sim (the engine on threads of this process) and drm (a
 * coprocessor behind the driver). Models, streams and tensors above know only
 * this table. Functions return 0 or -errno with the error line set.
 */
#ifndef SNNQ_BACKEND_H
#define SNNQ_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include "snnq.h"
#include "snnq_validate.h"

#define BACKEND_MAX_BINDINGS SNNQ_MAX_USER_REGIONS
#define BACKEND_RECORD_BYTES 64u
/* The CPU writes it: no line of a cache may have it and what the device writes. */
#define BACKEND_RECORD_ALIGN 256u

struct snnq_tensor_buf {
	struct snnq_device *dev;
	size_t bytes;
	void *map;	 /* NULL: cannot be mapped */
	uint32_t handle; /* drm */
};

struct backend_binding {
	struct snnq_tensor_buf *buf;
	uint64_t offset, bytes;
};

/* A job as the backend sees it; lives until it is done and dropped. */
struct backend_job {
	uint32_t steps;
	bool reset;
	uint32_t binding_count;
	struct backend_binding bindings[BACKEND_MAX_BINDINGS];
	struct snnq_tensor_buf *profile; /* NULL: none */
	struct snnq_tensor_buf *record;	 /* where the backend may note how it ended, */
	uint64_t record_offset;		 /* BACKEND_RECORD_BYTES from here */
	/* results */
	uint64_t cycles, start_ns, end_ns;
	int error;	   /* of the job: 0 or -errno */
	char message[200]; /* why */
	/* sim */
	struct sim_stream *sim_stream;
	struct backend_job *next;
	bool done;
	int event_fd; /* -1: not asked for */
	/* drm */
	uint64_t point;
};

struct backend_ops {
	const char *name;
	bool float_models; /* they run too: in this process, see floatnet.h */
	void (*close)(struct snnq_device *dev);
	int (*bo_create)(struct snnq_device *dev, size_t bytes, struct snnq_tensor_buf *buf);
	int (*bo_import)(struct snnq_device *dev, int fd, struct snnq_tensor_buf *buf);
	int (*bo_export)(struct snnq_tensor_buf *buf);
	int (*bo_sync)(struct snnq_tensor_buf *buf, bool for_cpu);
	void (*bo_free)(struct snnq_tensor_buf *buf);
	int (*program_create)(struct snnq_device *dev, const void *program, size_t bytes,
			      void **handle);
	void (*program_destroy)(struct snnq_device *dev, void *program);
	int (*stream_create)(struct snnq_device *dev, void *program, enum snnq_priority priority,
			     void **stream);
	void (*stream_destroy)(struct snnq_device *dev, void *stream);
	int (*submit)(struct snnq_device *dev, void *stream, struct backend_job *job);
	/* @deadline_ns: CLOCK_MONOTONIC, INT64_MAX for ever. -ETIME: not done. */
	int (*wait)(struct snnq_device *dev, void *stream, struct backend_job *job,
		    int64_t deadline_ns);
	/* The job is done, or was never submitted; free what the backend has for it. Or NULL. */
	void (*drop)(struct snnq_device *dev, struct backend_job *job);
	int (*job_fd)(struct snnq_device *dev, void *stream, struct backend_job *job);
	int (*job_timeline)(void *stream, struct backend_job *job, uint32_t *syncobj,
			    uint64_t *point);
};

struct snnq_device {
	const struct backend_ops *ops;
	atomic_uint references; /* the handle, and each model, stream and tensor */
	struct snnq_device_info info;
	struct snnq_caps caps;
	void *private;
};

#define SIM_MAX_THREADS 64u

/* Set @dev->ops, private, caps, and of info what caps does not say. */
int sim_open(const struct snnq_open_opts *opts, struct snnq_device *dev);
/* @path NULL: the first coprocessor. -ENOENT when there is none. */
int drm_open(const char *path, struct snnq_device *dev);

struct snnq_device *device_get(struct snnq_device *dev);
void device_put(struct snnq_device *dev);

#endif /* SNNQ_BACKEND_H */
