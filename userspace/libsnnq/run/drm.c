// SPDX-License-Identifier: MIT
/*
 * drm.c - the backend for a coprocessor: ioctls of snnq_drm.h.
 *
 * libdrm lists primary and render nodes only, so accel nodes are found here, by
 * scanning sysfs; what a node is, is decided by the driver's name, never by its
 * number. Everything else that libdrm has (restarted ioctls, syncobjs, prime) is
 * taken from it. Each stream has a timeline syncobj; job n signals point n. How the
 * job ended the driver notes beside its readout.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#include "backend.h"
#include "drm_ioctl.h"
#include "base/error.h"
#include "base/host.h"
#include "snnq_drm.h"

struct drm_stream {
	uint32_t handle, syncobj;
	uint64_t point;
};

/* For tests, which put a scripted kernel here. */
int (*drm_ioctl_hook)(int fd, unsigned long request, void *arg) = drmIoctl;

static int call(struct snnq_device *dev, unsigned long request, void *arg, const char *what)
{
	int fd = (int)(intptr_t)dev->private;

	if (!drm_ioctl_hook(fd, request, arg))
		return 0;
	return error_set(-errno, "%s: %s: %s", dev->info.name, what, strerror(errno));
}

static int fd_of(const struct snnq_device *dev)
{
	return (int)(intptr_t)dev->private;
}

/* ---- finding nodes ---- */

static bool is_ours(int fd)
{
	char name[16] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !drm_ioctl_hook(fd, DRM_IOCTL_VERSION, &version) &&
	       version.name_len == strlen(SNNQ_DRIVER_NAME) && !strcmp(name, SNNQ_DRIVER_NAME);
}

/* -ENOENT: another driver's node. */
static int open_node(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (is_ours(fd))
		return fd;
	close(fd);
	return -ENOENT;
}

static int add_path(char ***list, int count, const char *path)
{
	char **grown = realloc(*list, ((size_t)count + 2) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[count] = strdup(path);
	grown[count + 1] = NULL;
	return grown[count] ? 0 : -ENOMEM;
}

/* Whether a sysfs entry belongs to our driver; needs no permission on the node. */
static bool bound_to_driver(const char *class, const char *name)
{
	char path[512], target[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/%s/%s/device/driver", class, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return !strcmp(strrchr(target, '/') ? strrchr(target, '/') + 1 : target, SNNQ_DRIVER_NAME);
}

static int scan(const char *class, const char *prefix, const char *folder, char ***list, int count)
{
	char path[512];
	DIR *dir;
	const struct dirent *e;

	snprintf(path, sizeof(path), "/sys/class/%s", class);
	dir = opendir(path);
	if (!dir)
		return count;
	while (count >= 0 && (e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) ||
		    !bound_to_driver(class, e->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s/%s", folder, e->d_name);
		count = add_path(list, count, path) ? -ENOMEM : count + 1;
	}
	closedir(dir);
	return count;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int snnq_list_devices(char ***paths)
{
	int count;

	*paths = calloc(1, sizeof(**paths));
	count = *paths ? scan("accel", "accel", "accel", paths, 0) : -ENOMEM;
	if (count >= 0)
		count = scan("drm", "renderD", "dri", paths, count);
	if (count < 0) {
		snnq_free_list(*paths);
		return error_set(count, "no memory");
	}
	qsort(*paths, (size_t)count, sizeof(**paths), by_name);
	return count;
}

void snnq_free_list(char **list)
{
	for (char **at = list; at && *at; at++)
		free(*at);
	free(list);
}

static int open_first(char name[64])
{
	char **paths;
	int count = snnq_list_devices(&paths), fd = -ENOENT;

	for (int i = 0; i < count; i++) {
		fd = open_node(paths[i]);
		snprintf(name, 64, "%s", paths[i]);
		if (fd >= 0)
			break;
	}
	if (count >= 0)
		snnq_free_list(paths);
	return fd;
}

/* ---- buffers ---- */

static void gem_close(struct snnq_device *dev, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	drm_ioctl_hook(fd_of(dev), DRM_IOCTL_GEM_CLOSE, &arg);
}

static int map_buffer(struct snnq_tensor_buf *buf, uint64_t offset)
{
	buf->map = mmap(NULL, buf->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_of(buf->dev),
			(off_t)offset);
	if (buf->map != MAP_FAILED)
		return 0;
	buf->map = NULL;
	return error_set(-errno, "%s: mmap: %s", buf->dev->info.name, strerror(errno));
}

static int drm_bo_create(struct snnq_device *dev, size_t bytes, struct snnq_tensor_buf *buf)
{
	struct drm_snnq_bo_create arg = { .size = bytes };
	int ret = call(dev, DRM_IOCTL_SNNQ_BO_CREATE, &arg, "BO_CREATE");

	if (ret)
		return ret;
	buf->handle = arg.handle;
	buf->bytes = bytes;
	ret = map_buffer(buf, arg.mmap_offset);
	if (ret)
		gem_close(dev, buf->handle);
	return ret;
}

static int drm_bo_import(struct snnq_device *dev, int fd, struct snnq_tensor_buf *buf)
{
	struct drm_prime_handle prime = { .fd = fd };
	struct drm_snnq_bo_info info = { .handle = 0 };
	int ret = call(dev, DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime, "PRIME_FD_TO_HANDLE");

	if (ret)
		return ret;
	buf->handle = info.handle = prime.handle;
	ret = call(dev, DRM_IOCTL_SNNQ_BO_INFO, &info, "BO_INFO");
	if (ret) {
		gem_close(dev, buf->handle);
		return ret;
	}
	buf->bytes = info.size;
	/* memory of others is mapped through their dma-buf, if it can be at all */
	buf->map = mmap(NULL, buf->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (buf->map == MAP_FAILED)
		buf->map = NULL;
	return 0;
}

static int drm_bo_export(struct snnq_tensor_buf *buf)
{
	struct drm_prime_handle prime = {
		.handle = buf->handle,
		.flags = DRM_CLOEXEC | DRM_RDWR,
		.fd = -1,
	};
	int ret = call(buf->dev, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime, "PRIME_HANDLE_TO_FD");

	return ret ? ret : prime.fd;
}

static int drm_bo_sync(struct snnq_tensor_buf *buf, bool for_cpu)
{
	struct drm_snnq_bo_sync arg = {
		.handle = buf->handle,
		.size = buf->bytes,
		.flags = for_cpu ? DRM_SNNQ_BO_SYNC_FOR_CPU : DRM_SNNQ_BO_SYNC_FOR_DEVICE,
	};

	return call(buf->dev, DRM_IOCTL_SNNQ_BO_SYNC, &arg, "BO_SYNC");
}

static void drm_bo_free(struct snnq_tensor_buf *buf)
{
	if (buf->map)
		munmap(buf->map, buf->bytes);
	gem_close(buf->dev, buf->handle);
}

static int create_syncobj(struct snnq_device *dev, uint32_t *handle)
{
	struct drm_syncobj_create create = { .flags = 0 };
	int ret = call(dev, DRM_IOCTL_SYNCOBJ_CREATE, &create, "SYNCOBJ_CREATE");

	*handle = create.handle;
	return ret;
}

static void destroy_syncobj(struct snnq_device *dev, uint32_t handle)
{
	struct drm_syncobj_destroy destroy = { .handle = handle };

	if (handle)
		drm_ioctl_hook(fd_of(dev), DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
}

/* ---- programs and streams ---- */

static int drm_program_create(struct snnq_device *dev, const void *program, size_t bytes,
			      void **handle)
{
	struct drm_snnq_model_create arg = {
		.program = (uintptr_t)program,
		.size = (uint32_t)bytes,
	};

	if (drm_ioctl_hook(fd_of(dev), DRM_IOCTL_SNNQ_MODEL_CREATE, &arg))
		return error_set(-errno, "%s: MODEL_CREATE: %s (layer %d: %s)", dev->info.name,
				 strerror(errno), (int)arg.error_layer,
				 snnq_check_text(arg.error_code));
	*handle = (void *)(uintptr_t)arg.handle;
	return 0;
}

static void drm_program_destroy(struct snnq_device *dev, void *program)
{
	struct drm_snnq_model_destroy arg = { .handle = (uint32_t)(uintptr_t)program };

	drm_ioctl_hook(fd_of(dev), DRM_IOCTL_SNNQ_MODEL_DESTROY, &arg);
}

static uint32_t priority_of(enum snnq_priority priority)
{
	return priority == SNNQ_PRIO_LOW  ? DRM_SNNQ_PRIORITY_LOW :
	       priority == SNNQ_PRIO_HIGH ? DRM_SNNQ_PRIORITY_HIGH :
					    DRM_SNNQ_PRIORITY_NORMAL;
}

static int drm_stream_create(struct snnq_device *dev, void *program, enum snnq_priority priority,
			     void **stream)
{
	struct drm_snnq_stream_create arg = {
		.model = (uint32_t)(uintptr_t)program,
		.priority = priority_of(priority),
	};
	struct drm_stream *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return error_set(-ENOMEM, "no memory");
	ret = create_syncobj(dev, &s->syncobj);
	if (!ret)
		ret = call(dev, DRM_IOCTL_SNNQ_STREAM_CREATE, &arg, "STREAM_CREATE");
	if (ret) {
		destroy_syncobj(dev, s->syncobj);
		free(s);
		return ret;
	}
	s->handle = arg.handle;
	*stream = s;
	return 0;
}

static void drm_stream_destroy(struct snnq_device *dev, void *stream)
{
	struct drm_stream *s = stream;
	struct drm_snnq_stream_destroy arg = { .handle = s->handle };

	drm_ioctl_hook(fd_of(dev), DRM_IOCTL_SNNQ_STREAM_DESTROY, &arg);
	destroy_syncobj(dev, s->syncobj);
	free(s);
}

/* ---- jobs ---- */

static int submit_job(struct snnq_device *dev, struct drm_stream *s, struct backend_job *job)
{
	struct drm_snnq_binding bindings[BACKEND_MAX_BINDINGS];
	struct drm_snnq_sync sync = {
		.handle = s->syncobj,
		.point = s->point + 1,
		.flags = DRM_SNNQ_SYNC_SIGNAL | DRM_SNNQ_SYNC_TIMELINE,
	};
	struct drm_snnq_job j = {
		.stream = s->handle,
		.steps = job->steps,
		.flags = job->reset ? DRM_SNNQ_JOB_RESET : 0,
		.profile_handle = job->profile ? job->profile->handle : 0,
		.profile_size = job->profile ? (uint32_t)job->profile->bytes : 0,
		.profile_stride = job->profile ? sizeof(struct snnq_layer_stats) : 0,
		.result_handle = job->record->handle,
		.result_offset = job->record_offset,
		.result_size = sizeof(struct drm_snnq_result),
		.bindings = { (uintptr_t)bindings, job->binding_count, sizeof(*bindings) },
		.syncs = { (uintptr_t)&sync, 1, sizeof(sync) },
	};
	struct drm_snnq_submit submit = { .jobs = { (uintptr_t)&j, 1, sizeof(j) } };

	for (uint32_t i = 0; i < job->binding_count; i++)
		bindings[i] = (struct drm_snnq_binding){
			.handle = job->bindings[i].buf->handle,
			.offset = job->bindings[i].offset,
			.size = job->bindings[i].bytes,
		};
	job->start_ns = (uint64_t)now_ns();
	return call(dev, DRM_IOCTL_SNNQ_SUBMIT, &submit, "SUBMIT");
}

static int drm_submit(struct snnq_device *dev, void *stream, struct backend_job *job)
{
	struct drm_stream *s = stream;
	int ret = submit_job(dev, s, job);

	if (!ret)
		job->point = ++s->point;
	return ret;
}

/* What there is to say about a fault. */
static void fault_text(const struct drm_snnq_result *r, char *text, size_t bytes)
{
	int n = snprintf(text, bytes, "status %u", r->status);

	if (r->layer != SNNQ_LAYER_NONE)
		n += snprintf(text + n, bytes - (size_t)n, ", layer %u", r->layer);
	if (r->region != SNNQ_REGION_NONE)
		snprintf(text + n, bytes - (size_t)n, ", region %u, offset %" PRIu64, r->region,
			 (uint64_t)r->offset);
}

/* The job ended: what does its record say? */
static int read_record(struct snnq_device *dev, struct backend_job *job)
{
	const struct drm_snnq_result *r;
	char fault[100];
	int ret = drm_bo_sync(job->record, true);

	if (ret)
		return ret;
	r = (const void *)((const char *)job->record->map + job->record_offset);
	if (!r->seq)
		return error_set(-ENODEV, "%s: the device was removed", dev->info.name);
	job->end_ns = r->end_ns;
	job->cycles = r->cycles;
	if (!r->error)
		return 0;
	/* -ETIME is for waits that were too short; this is a job that hung */
	job->error = r->error == -ETIME ? -EIO : r->error;
	fault_text(r, fault, sizeof(fault));
	snprintf(job->message, sizeof(job->message), "%s: job %" PRIu64 " failed: %s (%s)",
		 dev->info.name, (uint64_t)r->seq, strerror(-r->error), fault);
	return 0;
}

static int drm_wait(struct snnq_device *dev, void *stream, struct backend_job *job,
		    int64_t deadline_ns)
{
	struct drm_stream *s = stream;
	struct drm_syncobj_timeline_wait arg = {
		.handles = (uintptr_t)&s->syncobj,
		.points = (uintptr_t)&job->point,
		.count_handles = 1,
		.timeout_nsec = deadline_ns,
	};

	if (drm_ioctl_hook(fd_of(dev), DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg)) {
		if (errno == ETIME)
			return -ETIME;
		return error_set(-errno, "%s: waiting: %s", dev->info.name, strerror(errno));
	}
	return read_record(dev, job);
}

/* A sync_file of the fence in a syncobj. */
static int sync_file(struct snnq_device *dev, uint32_t syncobj)
{
	struct drm_syncobj_handle file = {
		.handle = syncobj,
		.fd = -1,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};
	int ret = call(dev, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &file, "SYNCOBJ_HANDLE_TO_FD");

	return ret ? ret : file.fd;
}

/* Timelines cannot be exported as sync_files, so the job's point is copied to a binary syncobj. */
static int drm_job_fd(struct snnq_device *dev, void *stream, struct backend_job *job)
{
	const struct drm_stream *s = stream;
	struct drm_syncobj_transfer transfer = {
		.src_handle = s->syncobj,
		.src_point = job->point,
	};
	int ret = create_syncobj(dev, &transfer.dst_handle);

	if (ret)
		return ret;
	ret = call(dev, DRM_IOCTL_SYNCOBJ_TRANSFER, &transfer, "SYNCOBJ_TRANSFER");
	if (!ret)
		ret = sync_file(dev, transfer.dst_handle);
	destroy_syncobj(dev, transfer.dst_handle);
	return ret;
}

static int drm_job_timeline(void *stream, struct backend_job *job, uint32_t *syncobj,
			    uint64_t *point)
{
	const struct drm_stream *s = stream;

	*syncobj = s->syncobj;
	*point = job->point;
	return 0;
}

static void drm_close(struct snnq_device *dev)
{
	close(fd_of(dev));
}

static const struct backend_ops drm_ops = {
	.name = "drm",
	.close = drm_close,
	.bo_create = drm_bo_create,
	.bo_import = drm_bo_import,
	.bo_export = drm_bo_export,
	.bo_sync = drm_bo_sync,
	.bo_free = drm_bo_free,
	.program_create = drm_program_create,
	.program_destroy = drm_program_destroy,
	.stream_create = drm_stream_create,
	.stream_destroy = drm_stream_destroy,
	.submit = drm_submit,
	.wait = drm_wait,
	.job_fd = drm_job_fd,
	.job_timeline = drm_job_timeline,
};

/* ---- opening ---- */

static int query(struct snnq_device *dev)
{
	struct drm_snnq_dev_info i = { .hw_version = 0 };
	struct drm_snnq_dev_query q = {
		.type = DRM_SNNQ_QUERY_DEV_INFO,
		.size = sizeof(i),
		.ptr = (uintptr_t)&i,
	};
	struct snnq_device_info *d = &dev->info;
	int ret = call(dev, DRM_IOCTL_SNNQ_DEV_QUERY, &q, "DEV_QUERY");

	if (ret)
		return ret;
	snprintf(d->driver, sizeof(d->driver), "%s", SNNQ_DRIVER_NAME);
	d->hw_version = i.hw_version;
	d->cores = i.cores;
	d->sram_bytes = i.sram_bytes;
	d->dma_bits = i.dma_bits;
	d->queue_depth = i.queue_depth;
	d->lanes = i.lanes;
	d->port_bytes = i.port_bytes;
	d->clock_khz = i.clock_khz;
#define TAKE(member, name) dev->caps.member = i.member;
	SNNQ_CAPS(TAKE)
#undef TAKE
	return 0;
}

/* What a path leads to that is no node; NULL: it may be one, or nothing is there. */
static const char *other_kind(const char *path)
{
	static const struct {
		mode_t type;
		const char *name;
	} kinds[] = {
		{ S_IFIFO, "a pipe" },	  { S_IFREG, "a regular file" }, { S_IFDIR, "a folder" },
		{ S_IFSOCK, "a socket" }, { S_IFBLK, "a block device" },
	};
	struct stat st;

	for (size_t i = 0; !stat(path, &st) && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((st.st_mode & S_IFMT) == kinds[i].type)
			return kinds[i].name;
	return NULL;
}

/* @error is open_node()'s. */
static int cannot_open(const char *path, int error)
{
	const char *kind = other_kind(path);

	if (kind)
		return error_set(-ENODEV, "device %s: is %s, expected a device node of %s, or sim",
				 path, kind, SNNQ_DRIVER_NAME);
	if (error == -ENOENT && !access(path, F_OK))
		return error_set(-ENODEV, "device %s: another driver's node, expected %s", path,
				 SNNQ_DRIVER_NAME);
	return error_set(error, "device %s: %s", path, strerror(-error));
}

int drm_open(const char *path, struct snnq_device *dev)
{
	int fd, ret;

	if (path)
		snprintf(dev->info.name, sizeof(dev->info.name), "%s", path);
	fd = path ? open_node(path) : open_first(dev->info.name);
	if (fd < 0 && path)
		return cannot_open(path, fd);
	if (fd < 0)
		return error_set(fd, "device auto: %s", strerror(-fd));
	dev->ops = &drm_ops;
	dev->private = (void *)(intptr_t)fd;
	ret = query(dev);
	if (ret)
		close(fd);
	return ret;
}
