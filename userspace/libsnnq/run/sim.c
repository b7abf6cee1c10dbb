// SPDX-License-Identifier: MIT
/*
 * sim.c - the backend without a device: the engine on threads, one per core.
 *
 * It behaves as the device does: jobs of a stream run in order, one at a time;
 * state is double buffered and carries its version; a failed job leaves the
 * state's version behind, so that what was queued after it fails too.
 *
 * One lock protects queues and results. A program has a plan per core, because
 * a plan belongs to one thread at a time; the plans share its weights.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"
#include "base/error.h"
#include "base/host.h"
#include "base/thread.h"
#include "job_memory.h"
#include "snnq_regs.h"

#define SIM_CLOCK_KHZ 500000

struct sim {
	pthread_mutex_t lock;
	pthread_cond_t work, finished;
	struct backend_job *first, **last;
	bool stop;
	uint64_t memory; /* most bytes of all plans and weights */
	_Atomic uint64_t used;
	uint32_t cores;
	pthread_t threads[SNNQ_MAX_CORES];
};

struct sim_program {
	atomic_uint references; /* the model's and each stream's */
	struct sim *sim;
	uint64_t bytes; /* of its weights and plans, counted in sim->used */
	struct snnq_program_info info;
	struct snnq_weights *weights;
	uint32_t cores;
	struct snnq_plan *plans[SNNQ_MAX_CORES];
};

struct sim_stream {
	struct sim_program *program;
	enum snnq_priority priority;
	uint8_t *state[2];
	uint64_t seq;  /* version that the next job submitted reads */
	uint64_t jobs; /* queued or running */
	bool busy, dead;
	struct snnq_layer_stats *stats;
};

struct sim_core {
	struct snnq_device *dev;
	uint32_t index;
};

/* ---- running ---- */

static int status_errno(uint16_t status)
{
	switch (status) {
	case SNNQ_STATUS_OK:
		return 0;
	case SNNQ_STATUS_ACCESS:
	case SNNQ_STATUS_BAD_REGION:
	case SNNQ_STATUS_BAD_EVENT:
		return -EFAULT;
	case SNNQ_STATUS_BAD_STATE:
	case SNNQ_STATUS_CANCELLED:
		return -ECANCELED;
	default:
		return -EIO;
	}
}

static void run_job(struct backend_job *job, uint32_t core)
{
	struct sim_stream *s = job->sim_stream;
	struct snnq_program_info *info = &s->program->info;
	struct job_memory memory = {
		.state_in = { s->state[job->point & 1], info->state_bytes },
		.state_out = { s->state[(job->point + 1) & 1], info->state_bytes },
	};
	struct snnq_run run = {
		.steps = job->steps,
		.reset = job->reset,
		.state_seq = job->point,
		.memory = job_memory_of(&memory),
		.stats = job->profile ? s->stats : NULL,
	};
	struct snnq_outcome outcome;

	for (uint32_t i = 0; i < info->region_count; i++) {
		const struct backend_binding *b = &job->bindings[i];

		memory.user[i] =
			(struct job_region){ (uint8_t *)b->buf->map + b->offset, b->bytes };
		run.event_bytes[i] = b->bytes;
	}
	snnq_plan_run(s->program->plans[core], &run, &outcome);
	if (job->profile && outcome.status == SNNQ_STATUS_OK)
		memcpy(job->profile->map, s->stats, info->layer_count * sizeof(*s->stats));
	job->cycles = outcome.cycles;
	job->error = status_errno(outcome.status);
	if (job->error)
		snprintf(job->message, sizeof(job->message),
			 "job failed: status %u, layer %u, region %u, offset %llu", outcome.status,
			 outcome.layer, outcome.region, (unsigned long long)outcome.offset);
}

/* The oldest job of the highest priority whose stream is free, taken off the queue. */
static struct backend_job *take_job(struct sim *sim)
{
	struct backend_job **best = NULL, *job;

	for (struct backend_job **at = &sim->first; *at; at = &(*at)->next)
		if (!(*at)->sim_stream->busy &&
		    (!best || (*at)->sim_stream->priority > (*best)->sim_stream->priority))
			best = at;
	if (!best)
		return NULL;
	job = *best;
	*best = job->next;
	if (!*best)
		sim->last = best;
	job->sim_stream->busy = true;
	return job;
}

static void stream_free(struct sim_stream *s);

static void finish_job(struct sim *sim, struct backend_job *job)
{
	struct sim_stream *s = job->sim_stream;
	uint64_t one = 1;

	job->end_ns = (uint64_t)now_ns();
	s->busy = false;
	job->done = true;
	if (job->event_fd >= 0 && write(job->event_fd, &one, sizeof(one)) < 0)
		job->error = job->error ? job->error : -EIO;
	pthread_cond_broadcast(&sim->finished);
	pthread_cond_broadcast(&sim->work);
	if (!--s->jobs && s->dead)
		stream_free(s);
}

static void *core_thread(void *arg)
{
	struct sim_core *core = arg;
	struct sim *sim = core->dev->private;
	struct backend_job *job;

	pthread_mutex_lock(&sim->lock);
	for (;;) {
		while (!(job = take_job(sim)) && !sim->stop)
			pthread_cond_wait(&sim->work, &sim->lock);
		if (!job)
			break;
		pthread_mutex_unlock(&sim->lock);
		run_job(job, core->index);
		pthread_mutex_lock(&sim->lock);
		finish_job(sim, job);
	}
	pthread_mutex_unlock(&sim->lock);
	free(core);
	return NULL;
}

/* ---- the table ---- */

static void sim_close(struct snnq_device *dev)
{
	struct sim *sim = dev->private;

	pthread_mutex_lock(&sim->lock);
	sim->stop = true;
	pthread_cond_broadcast(&sim->work);
	pthread_mutex_unlock(&sim->lock);
	for (uint32_t i = 0; i < sim->cores; i++)
		pthread_join(sim->threads[i], NULL);
	pthread_mutex_destroy(&sim->lock);
	pthread_cond_destroy(&sim->work);
	pthread_cond_destroy(&sim->finished);
	free(sim);
}

static int sim_bo_create(struct snnq_device *dev, size_t bytes, struct snnq_tensor_buf *buf)
{
	(void)dev;
	buf->bytes = bytes;
	buf->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buf->map != MAP_FAILED)
		return 0;
	return error_set(-ENOMEM, "no memory for a tensor of %zu bytes", bytes);
}

static int sim_bo_import(struct snnq_device *dev, int fd, struct snnq_tensor_buf *buf)
{
	(void)dev;
	(void)fd;
	(void)buf;
	return error_set(-EOPNOTSUPP, "sim has no dma-bufs");
}

static int sim_bo_export(struct snnq_tensor_buf *buf)
{
	(void)buf;
	return error_set(-EOPNOTSUPP, "sim has no dma-bufs");
}

static int sim_bo_sync(struct snnq_tensor_buf *buf, bool for_cpu)
{
	(void)buf;
	(void)for_cpu;
	return 0;
}

static void sim_bo_free(struct snnq_tensor_buf *buf)
{
	munmap(buf->map, buf->bytes);
}

static void program_put(struct sim_program *p)
{
	if (atomic_fetch_sub(&p->references, 1) != 1)
		return;
	for (uint32_t i = 0; i < p->cores; i++)
		snnq_plan_destroy(p->plans[i]);
	snnq_weights_put(p->weights);
	atomic_fetch_sub(&p->sim->used, p->bytes);
	free(p);
}

/* Take the memory of a valid program, before any of it is allocated. */
static int take_memory(struct sim *sim, struct sim_program *p, const void *program)
{
	uint64_t weights = snnq_weights_bytes(program), each = snnq_plan_share_bytes(program);
	uint64_t used = atomic_load(&sim->used), left;

	do {
		left = sim->memory - used;
		if (weights > left || each > (left - weights) / sim->cores)
			return error_set(-EFBIG,
					 "model on sim: %llu bytes for its weights and %u cores "
					 "with %llu each, expected at most %llu in all, of which "
					 "%llu are in use",
					 (unsigned long long)weights, sim->cores,
					 (unsigned long long)each, (unsigned long long)sim->memory,
					 (unsigned long long)used);
		p->bytes = weights + each * sim->cores;
	} while (!atomic_compare_exchange_weak(&sim->used, &used, used + p->bytes));
	return 0;
}

static int make_plans(struct snnq_device *dev, struct sim_program *p, const void *program,
		      size_t bytes)
{
	struct sim *sim = dev->private;
	struct snnq_diag diag;
	int ret = snnq_program_validate(program, bytes, &dev->caps, &p->info, &diag);

	if (ret)
		return error_set(ret, "program refused: layer %u: %s (%s)", diag.layer,
				 snnq_check_text(diag.check), diag.field);
	ret = take_memory(sim, p, program);
	if (ret)
		return ret;
	ret = snnq_weights_create(program, bytes, &dev->caps, p->bytes, NULL, &p->weights, NULL);
	while (!ret && p->cores < sim->cores) {
		ret = snnq_plan_share(p->weights, p->bytes, NULL, &p->plans[p->cores]);
		p->cores += !ret;
	}
	return ret ? error_set(ret, "no memory for the model: %llu bytes",
			       (unsigned long long)p->bytes) :
		     0;
}

static int sim_program_create(struct snnq_device *dev, const void *program, size_t bytes,
			      void **handle)
{
	struct sim_program *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return error_set(-ENOMEM, "no memory");
	atomic_init(&p->references, 1);
	p->sim = dev->private;
	ret = make_plans(dev, p, program, bytes);
	if (ret) {
		program_put(p);
		return ret;
	}
	*handle = p;
	return 0;
}

static void sim_program_destroy(struct snnq_device *dev, void *program)
{
	(void)dev;
	program_put(program);
}

static void stream_free(struct sim_stream *s)
{
	program_put(s->program);
	free(s->state[0]);
	free(s->state[1]);
	free(s->stats);
	free(s);
}

static int sim_stream_create(struct snnq_device *dev, void *program, enum snnq_priority priority,
			     void **stream)
{
	struct sim_program *p = program;
	struct sim_stream *s = calloc(1, sizeof(*s));

	(void)dev;
	if (!s)
		return error_set(-ENOMEM, "no memory");
	s->program = p;
	atomic_fetch_add(&p->references, 1);
	s->priority = priority;
	s->state[0] = calloc(1, p->info.state_bytes);
	s->state[1] = calloc(1, p->info.state_bytes);
	s->stats = calloc(p->info.layer_count, sizeof(*s->stats));
	if (!s->state[0] || !s->state[1] || !s->stats) {
		stream_free(s);
		return error_set(-ENOMEM, "no memory for the stream's state");
	}
	*stream = s;
	return 0;
}

static void sim_stream_destroy(struct snnq_device *dev, void *stream)
{
	struct sim *sim = dev->private;
	struct sim_stream *s = stream;

	pthread_mutex_lock(&sim->lock);
	s->dead = true;
	if (!s->jobs)
		stream_free(s);
	pthread_mutex_unlock(&sim->lock);
}

static int check_bindings(const struct sim_stream *s, const struct backend_job *job)
{
	const struct snnq_program_info *info = &s->program->info;

	if (!job->steps || job->steps > info->max_steps)
		return error_set(-EINVAL, "job of %u steps, expected 1 to %u", job->steps,
				 info->max_steps);
	if (job->binding_count != info->region_count)
		return error_set(-EINVAL, "%u regions bound, expected %u", job->binding_count,
				 info->region_count);
	for (uint32_t i = 0; i < info->region_count; i++) {
		const struct backend_binding *b = &job->bindings[i];

		if (b->offset > b->buf->bytes || b->bytes > b->buf->bytes - b->offset)
			return error_set(-EINVAL, "region %u leaves its buffer", i);
		if (b->bytes < snnq_region_required(info, i, job->steps))
			return error_set(-EOVERFLOW, "region %u has %llu bytes, needs %llu", i,
					 (unsigned long long)b->bytes,
					 (unsigned long long)snnq_region_required(info, i,
										  job->steps));
	}
	return 0;
}

static int sim_submit(struct snnq_device *dev, void *stream, struct backend_job *job)
{
	struct sim *sim = dev->private;
	struct sim_stream *s = stream;
	int ret = check_bindings(s, job);

	if (ret)
		return ret;
	pthread_mutex_lock(&sim->lock);
	job->sim_stream = s;
	job->point = s->seq++;
	job->start_ns = (uint64_t)now_ns();
	job->event_fd = -1;
	s->jobs++;
	*sim->last = job;
	sim->last = &job->next;
	pthread_cond_signal(&sim->work);
	pthread_mutex_unlock(&sim->lock);
	return 0;
}

static int sim_wait(struct snnq_device *dev, void *stream, struct backend_job *job,
		    int64_t deadline_ns)
{
	struct sim *sim = dev->private;
	struct timespec t = { deadline_ns / 1000000000, deadline_ns % 1000000000 };
	int ret = 0;

	(void)stream;
	pthread_mutex_lock(&sim->lock);
	while (!job->done && ret != ETIMEDOUT) {
		if (deadline_ns == INT64_MAX)
			pthread_cond_wait(&sim->finished, &sim->lock);
		else
			ret = pthread_cond_timedwait(&sim->finished, &sim->lock, &t);
	}
	ret = job->done ? 0 : -ETIME;
	pthread_mutex_unlock(&sim->lock);
	return ret;
}

static void sim_drop(struct snnq_device *dev, struct backend_job *job)
{
	(void)dev;
	if (job->event_fd >= 0)
		close(job->event_fd);
}

static int sim_job_fd(struct snnq_device *dev, void *stream, struct backend_job *job)
{
	struct sim *sim = dev->private;
	int fd;

	(void)stream;
	pthread_mutex_lock(&sim->lock);
	if (job->event_fd < 0)
		job->event_fd = eventfd(job->done, EFD_CLOEXEC);
	fd = job->event_fd < 0 ? -1 : dup(job->event_fd);
	pthread_mutex_unlock(&sim->lock);
	return fd >= 0 ? fd : error_set(-errno, "no file descriptor for the job");
}

static int sim_job_timeline(void *stream, struct backend_job *job, uint32_t *syncobj,
			    uint64_t *point)
{
	(void)stream;
	(void)job;
	(void)syncobj;
	(void)point;
	return error_set(-EOPNOTSUPP, "sim has no syncobjs");
}

static const struct backend_ops sim_ops = {
	.name = "sim",
	.float_models = true,
	.close = sim_close,
	.bo_create = sim_bo_create,
	.bo_import = sim_bo_import,
	.bo_export = sim_bo_export,
	.bo_sync = sim_bo_sync,
	.bo_free = sim_bo_free,
	.program_create = sim_program_create,
	.program_destroy = sim_program_destroy,
	.stream_create = sim_stream_create,
	.stream_destroy = sim_stream_destroy,
	.submit = sim_submit,
	.wait = sim_wait,
	.drop = sim_drop,
	.job_fd = sim_job_fd,
	.job_timeline = sim_job_timeline,
};

static void fill_info(struct snnq_device *dev, uint32_t cores)
{
	dev->caps = snnq_caps_all;
	dev->info = (struct snnq_device_info){
		.name = "sim",
		.driver = "sim",
		.hw_version = SNNQ_HW_VERSION,
		.cores = cores,
		.dma_bits = 64,
		.queue_depth = 1,
		.lanes = SNNQ_LANES,
		.port_bytes = SNNQ_PORT_BYTES,
		.clock_khz = SIM_CLOCK_KHZ,
	};
}

static int start_threads(struct snnq_device *dev, struct sim *sim, uint32_t cores)
{
	for (sim->cores = 0; sim->cores < cores; sim->cores++) {
		struct sim_core *core = malloc(sizeof(*core));

		if (!core)
			return -ENOMEM;
		core->dev = dev;
		core->index = sim->cores;
		if (thread_start(&sim->threads[sim->cores], core_thread, core)) {
			free(core);
			return -EAGAIN;
		}
	}
	return 0;
}

int sim_open(uint32_t cores, uint64_t memory, struct snnq_device *dev)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	pthread_condattr_t attr;
	int ret;

	if (cores > SNNQ_MAX_CORES)
		cores = SNNQ_MAX_CORES;
	if (!sim)
		return error_set(-ENOMEM, "no memory");
	sim->last = &sim->first;
	sim->memory = memory;
	pthread_mutex_init(&sim->lock, NULL);
	pthread_cond_init(&sim->work, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sim->finished, &attr);
	pthread_condattr_destroy(&attr);
	dev->ops = &sim_ops;
	dev->private = sim;
	fill_info(dev, cores);
	ret = start_threads(dev, sim, cores);
	if (!ret)
		return 0;
	sim_close(dev);
	return error_set(ret,
			 ret == -ENOMEM ? "sim: no memory for %u threads" :
					  "sim: cannot start %u threads",
			 cores);
}
