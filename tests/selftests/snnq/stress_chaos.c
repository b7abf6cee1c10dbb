// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stress program's clients without manners: random calls on two files, from several
 * threads at once, with handles that may be anything. Their errors do not matter.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snnq_test.h"
#include "stress.h"

#define THREADS 3
#define BOS	24
#define MODELS	4
#define STREAMS 8
#define SYNCS	6
#define JOBS	16

/* One file and the handles that its threads fight over. */
struct file {
	int fd;
	volatile uint32_t bo[BOS], model[MODELS], stream[STREAMS], sync[SYNCS];
};

static struct file files[2];
static const volatile sig_atomic_t *stop;

struct thread {
	uint32_t random;
	struct file *file; /* of this call */
	struct test_program program;
};

static uint32_t below(struct thread *t, uint32_t limit)
{
	return stress_random(&t->random) % limit;
}

static void close_bo(int fd, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	if (handle)
		snnq_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &arg);
}

static void new_bo(struct thread *t)
{
	struct drm_snnq_bo_create arg = { .size = page_bytes() << below(t, 6) };
	uint32_t i = below(t, BOS), old = t->file->bo[i];

	if (snnq_ioctl(t->file->fd, DRM_IOCTL_SNNQ_BO_CREATE, &arg))
		return;
	t->file->bo[i] = arg.handle;
	close_bo(t->file->fd, old);
}

static void new_model(struct thread *t)
{
	struct drm_snnq_model_destroy old = {};
	uint32_t i = below(t, MODELS), handle;

	if (model_create(t->file->fd, &t->program, t->program.header.total_bytes, &handle))
		return;
	old.handle = t->file->model[i];
	t->file->model[i] = handle;
	if (old.handle)
		snnq_ioctl(t->file->fd, DRM_IOCTL_SNNQ_MODEL_DESTROY, &old);
}

static void new_stream(struct thread *t)
{
	struct drm_snnq_stream_destroy old = {};
	uint32_t i = below(t, STREAMS), handle;

	if (stream_create(t->file->fd, t->file->model[below(t, MODELS)], &handle))
		return;
	old.handle = t->file->stream[i];
	t->file->stream[i] = handle;
	if (old.handle)
		snnq_ioctl(t->file->fd, DRM_IOCTL_SNNQ_STREAM_DESTROY, &old);
}

static void new_syncobj(struct thread *t)
{
	uint32_t i = below(t, SYNCS), old = t->file->sync[i], handle;

	if (syncobj_create(t->file->fd, &handle))
		return;
	t->file->sync[i] = handle;
	if (old)
		syncobj_destroy(t->file->fd, old);
}

static void use_stream(struct thread *t)
{
	uint32_t stream = t->file->stream[below(t, STREAMS)];
	struct drm_snnq_stream_query query;

	if (below(t, 2))
		stream_reset(t->file->fd, stream);
	else
		stream_query(t->file->fd, stream, &query);
}

/* Export a buffer and import it into one of the files. */
static void share_bo(struct thread *t)
{
	struct drm_prime_handle out = {
		.handle = t->file->bo[below(t, BOS)], .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1,
	}, in = { };
	struct file *to = &files[below(t, 2)];
	struct pollfd p = { .events = POLLIN | POLLOUT };

	if (snnq_ioctl(t->file->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &out))
		return;
	p.fd = in.fd = out.fd;
	poll(&p, 1, 0);
	if (!snnq_ioctl(to->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &in))
		to->bo[below(t, BOS)] = in.handle;
	close(out.fd);
}

static void map_bo(struct thread *t)
{
	struct drm_snnq_bo_info arg = { .handle = t->file->bo[below(t, BOS)] };
	uint64_t bytes = page_bytes();
	volatile char *map;
	void *moved;

	if (snnq_ioctl(t->file->fd, DRM_IOCTL_SNNQ_BO_INFO, &arg))
		return;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, t->file->fd,
		   (off_t)arg.mmap_offset);
	if (map == MAP_FAILED)
		return;
	map[below(t, (uint32_t)bytes)]++;
	moved = mremap((void *)map, bytes, bytes, MREMAP_MAYMOVE);
	munmap(moved == MAP_FAILED ? (void *)map : moved, bytes);
}

static void sync_bo(struct thread *t)
{
	struct drm_snnq_bo_sync arg = {
		.handle = t->file->bo[below(t, BOS)],
		.flags = 1 + below(t, 2),
		.offset = below(t, 4096),
		.size = 1 + below(t, 8192),
	};

	snnq_ioctl(t->file->fd, DRM_IOCTL_SNNQ_BO_SYNC, &arg);
}

static void wait_for_point(struct thread *t)
{
	timeline_wait(t->file->fd, t->file->sync[below(t, SYNCS)], 1 + below(t, 50), below(t, 20));
}

static void random_job(struct thread *t, struct test_job *j)
{
	const uint64_t size[3] = { WEIGHT_BYTES, CHANNELS / 8, READOUT_BYTES };
	uint32_t steps = 1 + below(t, 16), syncs = below(t, 4);

	memset(j, 0, sizeof(*j));
	for (int i = 0; i < 3; i++)
		j->binding[i] = (struct drm_snnq_binding){
			.handle = t->file->bo[below(t, BOS)],
			.offset = below(t, 8) ? 0 : 64 * below(t, 64),
			.size = i == 1 ? steps * size[i] : size[i],
		};
	for (uint32_t i = 0; i < syncs; i++) {
		bool timeline = below(t, 2);

		j->sync[i] = (struct drm_snnq_sync){
			.handle = t->file->sync[below(t, SYNCS)],
			.flags = (below(t, 3) ? DRM_SNNQ_SYNC_SIGNAL : DRM_SNNQ_SYNC_WAIT) |
				 (timeline ? DRM_SNNQ_SYNC_TIMELINE : 0),
			.point = timeline ? 1 + below(t, 50) : 0,
		};
	}
	j->job = (struct drm_snnq_job){
		.stream = t->file->stream[below(t, STREAMS)],
		.steps = steps,
		.flags = below(t, 4) ? 0 : DRM_SNNQ_JOB_RESET,
		.bindings = { (uintptr_t)j->binding, 3, sizeof(j->binding[0]) },
		.syncs = { (uintptr_t)j->sync, syncs, sizeof(j->sync[0]) },
	};
	if (!below(t, 4))
		job_profile(&j->job, t->file->bo[below(t, BOS)], 64 * below(t, 8),
			    128 + 8 * below(t, 8));
}

static void submit_jobs(struct thread *t)
{
	struct drm_snnq_job jobs[JOBS];
	struct test_job j[JOBS];
	uint32_t count = 1 + below(t, JOBS);

	for (uint32_t i = 0; i < count; i++) {
		random_job(t, &j[i]);
		jobs[i] = j[i].job;
	}
	submit(t->file->fd, jobs, count, NULL);
}

static const struct {
	void (*call)(struct thread *t);
	uint32_t weight; /* of 100 */
} calls[] = {
	{ new_bo, 8 },	       { new_model, 4 },    { new_stream, 10 }, { new_syncobj, 4 },
	{ use_stream, 8 },     { share_bo, 6 },	    { map_bo, 4 },	{ sync_bo, 4 },
	{ wait_for_point, 4 }, { submit_jobs, 48 },
};

static void *work(void *seed)
{
	struct thread t = { .random = (uint32_t)(uintptr_t)seed * 2654435761u + 12345 };

	program_fill(&t.program, MAX_TEST_STEPS);
	/* until another process takes its place, with new files */
	for (int i = 0; i < 4000 && !*stop; i++) {
		uint32_t pick = below(&t, 100), kind = 0;

		t.file = &files[below(&t, 2)];
		while (pick >= calls[kind].weight)
			pick -= calls[kind++].weight;
		calls[kind].call(&t);
		stress_called();
	}
	return NULL;
}

void stress_chaos(uint32_t seed, const volatile sig_atomic_t *stop_flag)
{
	pthread_t thread[THREADS];

	stop = stop_flag;
	for (int i = 0; i < 2; i++) {
		files[i].fd = snnq_test_open();
		/* between unbind and bind: try again as another process */
		if (files[i].fd < 0)
			return;
	}
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)(seed * THREADS + i)))
			return;
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}
