// SPDX-License-Identifier: GPL-2.0-only
/* See snnq_test.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "snnq_test.h"

#include <vgem_drm.h> /* after drm.h */

int snnq_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

static bool is_driver(int fd, const char *driver)
{
	char name[16] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !snnq_ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver);
}

static int open_in(const char *dir, const char *prefix, const char *driver)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char path[300];
	int fd = -1;

	if (!d)
		return -1;
	while (fd < 0 && (e = readdir(d))) {
		if (strncmp(e->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !is_driver(fd, driver)) {
			close(fd);
			fd = -1;
		}
	}
	closedir(d);
	return fd;
}

int snnq_test_open(void)
{
	int fd = open_in("/dev/accel", "accel", SNNQ_DRIVER_NAME);

	return fd >= 0 ? fd : open_in("/dev/dri", "renderD", SNNQ_DRIVER_NAME);
}

struct drm_snnq_dev_info dev_info(int fd)
{
	struct drm_snnq_dev_info info = {};
	struct drm_snnq_dev_query q = {
		.type = DRM_SNNQ_QUERY_DEV_INFO,
		.size = sizeof(info),
		.ptr = (uintptr_t)&info,
	};

	snnq_ioctl(fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q);
	return info;
}

struct drm_snnq_stats stats(int fd, uint32_t type)
{
	struct drm_snnq_stats s = {};
	struct drm_snnq_dev_query q = { .type = type, .size = sizeof(s), .ptr = (uintptr_t)&s };

	if (snnq_ioctl(fd, DRM_IOCTL_SNNQ_DEV_QUERY, &q))
		memset(&s, 0xff, sizeof(s));
	return s;
}

int bo_create(int fd, uint64_t size, uint32_t flags, struct test_bo *bo)
{
	struct drm_snnq_bo_create create = { .size = size, .flags = flags };
	int ret = snnq_ioctl(fd, DRM_IOCTL_SNNQ_BO_CREATE, &create);

	if (ret)
		return ret;
	*bo = (struct test_bo){ .fd = fd, .handle = create.handle, .size = create.size };
	bo->map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)create.mmap_offset);
	return bo->map == MAP_FAILED ? -errno : 0;
}

void bo_destroy(struct test_bo *bo)
{
	struct drm_gem_close arg = { .handle = bo->handle };

	if (bo->map)
		munmap(bo->map, bo->size);
	if (bo->handle)
		snnq_ioctl(bo->fd, DRM_IOCTL_GEM_CLOSE, &arg);
	memset(bo, 0, sizeof(*bo));
}

static int bo_sync_all(const struct test_bo *bo, uint32_t flags)
{
	struct drm_snnq_bo_sync sync = {
		.handle = bo->handle,
		.flags = flags,
		.size = bo->size,
	};

	return snnq_ioctl(bo->fd, DRM_IOCTL_SNNQ_BO_SYNC, &sync);
}

int bo_flush(const struct test_bo *bo)
{
	return bo_sync_all(bo, DRM_SNNQ_BO_SYNC_FOR_DEVICE);
}

int bo_fetch(const struct test_bo *bo)
{
	return bo_sync_all(bo, DRM_SNNQ_BO_SYNC_FOR_CPU);
}

uint64_t page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

bool node_path(int fd, char path[64])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, 63);
	path[n > 0 ? n : 0] = 0;
	return n > 0;
}

static struct snnq_tensor planes(uint16_t region, uint64_t offset)
{
	return (struct snnq_tensor){
		.offset = offset,
		.region = region,
		.format = SNNQ_FORMAT_UNSIGNED,
		.planes = 1,
		.height = 1,
		.width = 1,
		.channels = CHANNELS,
	};
}

void program_fill(struct test_program *p, uint32_t max_steps)
{
	struct snnq_layer *fc = &p->layer[0], *readout = &p->layer[1];

	memset(p, 0, sizeof(*p));
	p->header = (struct snnq_program_header){
		.magic = SNNQ_PROGRAM_MAGIC,
		.version = SNNQ_PROGRAM_VERSION,
		.header_bytes = sizeof(struct snnq_program_header),
		.region_bytes = sizeof(struct snnq_region_desc),
		.layer_bytes = sizeof(struct snnq_layer),
		.total_bytes = sizeof(*p),
		.layer_count = 2,
		.region_count = 3,
		.table_count = 1,
		.max_steps = max_steps,
		.tile_steps = 16,
		.scratch_step_bytes = 8,
		.state_bytes = sizeof(struct snnq_state_header) + CHANNELS * 4 + CHANNELS * 8,
	};
	p->region[0] = (struct snnq_region_desc){
		.bytes = WEIGHT_BYTES,
		.access = SNNQ_ACCESS_READ,
		.role = SNNQ_ROLE_WEIGHTS,
	};
	p->region[1] = (struct snnq_region_desc){
		.step_bytes = CHANNELS / 8,
		.access = SNNQ_ACCESS_READ,
		.role = SNNQ_ROLE_INPUT,
	};
	p->region[2] = (struct snnq_region_desc){
		.bytes = READOUT_BYTES,
		.access = SNNQ_ACCESS_WRITE,
		.role = SNNQ_ROLE_READOUT,
	};
	fc->op = SNNQ_OP_LINEAR;
	fc->in[0] = planes(SNNQ_REGION_USER + 1, 0);
	fc->out = planes(SNNQ_REGION_SCRATCH, 0);
	fc->quant = (struct snnq_quant){
		.region = SNNQ_REGION_USER,
		.scheme = SNNQ_SCHEME_UNIFORM,
		.bits = 8,
	};
	fc->neuron = (struct snnq_neuron){
		.model = SNNQ_NEURON_LIF,
		.leak = SNNQ_LEAK_DIVN,
		.leak_param = 2,
		.threshold_count = 1,
	};
	fc->state_offset = sizeof(struct snnq_state_header);
	readout->op = SNNQ_OP_READOUT;
	readout->param = SNNQ_READOUT_SUM;
	readout->in[0] = fc->out;
	readout->out = planes(SNNQ_REGION_USER + 2, 0);
	readout->out.format = SNNQ_FORMAT_INT32;
	readout->out.planes = 0;
	readout->state_offset = fc->state_offset + CHANNELS * 4;
	p->table[0] = THRESHOLD;
	/* the packed struct ends with the table; nothing may follow it */
	p->header.total_bytes = offsetof(struct test_program, table) + sizeof(p->table);
}

int model_create(int fd, const void *program, uint32_t size, uint32_t *handle)
{
	struct drm_snnq_model_create arg = {
		.program = (uintptr_t)program,
		.size = size,
	};
	int ret = snnq_ioctl(fd, DRM_IOCTL_SNNQ_MODEL_CREATE, &arg);

	*handle = arg.handle;
	return ret;
}

int long_model_create(int fd, uint32_t max_steps, uint32_t bytes, uint32_t *handle)
{
	struct test_program *p = calloc(1, bytes);
	uint32_t entries;
	int ret;

	if (!p)
		return -ENOMEM;
	program_fill(p, max_steps);
	entries = 1 + (bytes - p->header.total_bytes) / 4;
	p->header.table_count = entries;
	p->header.total_bytes += 4 * (entries - 1);
	p->layer[0].neuron.threshold_index = entries - 1;
	p->table[0] = 0;
	memcpy((char *)p + p->header.total_bytes - 4, &(int32_t){ THRESHOLD }, 4);
	ret = model_create(fd, p, p->header.total_bytes, handle);
	free(p);
	return ret;
}

int stream_create(int fd, uint32_t model, uint32_t *handle)
{
	struct drm_snnq_stream_create arg = {
		.model = model,
		.priority = DRM_SNNQ_PRIORITY_NORMAL,
	};
	int ret = snnq_ioctl(fd, DRM_IOCTL_SNNQ_STREAM_CREATE, &arg);

	*handle = arg.handle;
	return ret;
}

int stream_reset(int fd, uint32_t stream)
{
	struct drm_snnq_stream_reset arg = { .handle = stream };

	return snnq_ioctl(fd, DRM_IOCTL_SNNQ_STREAM_RESET, &arg);
}

int stream_query(int fd, uint32_t stream, struct drm_snnq_stream_query *query)
{
	*query = (struct drm_snnq_stream_query){ .handle = stream };
	return snnq_ioctl(fd, DRM_IOCTL_SNNQ_STREAM_QUERY, query);
}

static uint32_t next_random(uint32_t *state)
{
	/* xorshift32, Marsaglia 2003 */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

int net_create(int fd, uint32_t steps, uint32_t seed, struct test_net *net)
{
	struct test_program program;
	uint32_t random = seed * 2654435761u + 1;
	int8_t *weight;
	uint8_t *input;
	int ret;

	memset(net, 0, sizeof(*net));
	net->fd = fd;
	net->steps = steps;
	program_fill(&program, MAX_TEST_STEPS);
	ret = model_create(fd, &program, program.header.total_bytes, &net->model);
	if (!ret)
		ret = bo_create(fd, WEIGHT_BYTES, 0, &net->weights);
	if (!ret)
		ret = bo_create(fd, (uint64_t)steps * (CHANNELS / 8), 0, &net->input);
	if (!ret)
		ret = bo_create(fd, READOUT_BYTES, 0, &net->readout);
	if (ret)
		return ret;
	weight = net->weights.map;
	for (uint32_t i = 0; i < WEIGHT_BYTES; i++)
		weight[i] = (int8_t)(next_random(&random) % 255 - 127);
	input = net->input.map;
	for (uint32_t i = 0; i < steps * (CHANNELS / 8); i++)
		input[i] = (uint8_t)(next_random(&random) & next_random(&random));
	ret = bo_flush(&net->weights);
	return ret ? ret : bo_flush(&net->input);
}

void net_destroy(struct test_net *net)
{
	struct drm_snnq_model_destroy arg = { .handle = net->model };

	bo_destroy(&net->weights);
	bo_destroy(&net->input);
	bo_destroy(&net->readout);
	if (net->model)
		snnq_ioctl(net->fd, DRM_IOCTL_SNNQ_MODEL_DESTROY, &arg);
}

void net_expect_reset(struct test_net *net)
{
	memset(net->potential, 0, sizeof(net->potential));
	memset(net->sum, 0, sizeof(net->sum));
}

static int32_t floor_half(int32_t u)
{
	return (u - (u & 1)) / 2;
}

void net_expect(struct test_net *net, uint32_t first, uint32_t steps)
{
	const int8_t *weight = net->weights.map;
	const uint8_t *input = net->input.map;

	for (uint32_t t = first; t < first + steps; t++)
		for (uint32_t o = 0; o < CHANNELS; o++) {
			int32_t acc = 0;

			for (uint32_t i = 0; i < CHANNELS; i++)
				if (input[t * (CHANNELS / 8) + i / 8] >> i % 8 & 1)
					acc += weight[i * CHANNELS + o];
			net->potential[o] = floor_half(net->potential[o]) + acc;
			if (net->potential[o] >= THRESHOLD) {
				net->potential[o] = 0;
				net->sum[o]++;
			}
		}
}

bool net_matches(const struct test_net *net)
{
	return !bo_fetch(&net->readout) && !memcmp(net->readout.map, net->sum, sizeof(net->sum));
}

void job_fill(struct test_job *j, const struct test_net *net, uint32_t stream, uint32_t first,
	      uint32_t steps, uint32_t syncobj, uint64_t point)
{
	memset(j, 0, sizeof(*j));
	j->binding[0] = (struct drm_snnq_binding){
		.handle = net->weights.handle,
		.size = net->weights.size,
	};
	j->binding[1] = (struct drm_snnq_binding){
		.handle = net->input.handle,
		.offset = (uint64_t)first * (CHANNELS / 8),
		.size = (uint64_t)steps * (CHANNELS / 8),
	};
	j->binding[2] = (struct drm_snnq_binding){
		.handle = net->readout.handle,
		.size = READOUT_BYTES,
	};
	j->sync[0] = (struct drm_snnq_sync){
		.handle = syncobj,
		.flags = DRM_SNNQ_SYNC_SIGNAL | DRM_SNNQ_SYNC_TIMELINE,
		.point = point,
	};
	j->job = (struct drm_snnq_job){
		.stream = stream,
		.steps = steps,
		.bindings = { (uintptr_t)j->binding, 3, sizeof(j->binding[0]) },
		.syncs = { (uintptr_t)j->sync, point ? 1 : 0, sizeof(j->sync[0]) },
	};
}

void job_profile(struct drm_snnq_job *job, uint32_t handle, uint64_t offset, uint32_t stride)
{
	job->profile_handle = handle;
	job->profile_offset = offset;
	job->profile_size = 2 * stride;
	job->profile_stride = stride;
}

void job_result(struct drm_snnq_job *job, uint32_t handle, uint64_t offset)
{
	job->result_handle = handle;
	job->result_offset = offset;
	job->result_size = sizeof(struct drm_snnq_result);
}

int submit(int fd, struct drm_snnq_job *jobs, uint32_t count, uint32_t *failed)
{
	struct drm_snnq_submit arg = {
		.jobs = { (uintptr_t)jobs, count, sizeof(*jobs) },
	};
	int ret = snnq_ioctl(fd, DRM_IOCTL_SNNQ_SUBMIT, &arg);

	if (failed)
		*failed = arg.failed_index;
	return ret;
}

int syncobj_create(int fd, uint32_t *handle)
{
	struct drm_syncobj_create arg = {};
	int ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &arg);

	*handle = arg.handle;
	return ret;
}

int syncobj_destroy(int fd, uint32_t handle)
{
	struct drm_syncobj_destroy arg = { .handle = handle };

	return snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &arg);
}

int64_t test_deadline_ns(int64_t timeout_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec + timeout_ms * 1000000;
}

int timeline_wait(int fd, uint32_t syncobj, uint64_t point, int64_t timeout_ms)
{
	struct drm_syncobj_timeline_wait arg = {
		.handles = (uintptr_t)&syncobj,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.timeout_nsec = test_deadline_ns(timeout_ms),
	};

	return snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg);
}

int job_track(int fd, struct test_job *job, uint32_t *binary)
{
	int ret = syncobj_create(fd, binary);

	if (!ret)
		job->sync[job->job.syncs.count++] = (struct drm_snnq_sync){
			.handle = *binary,
			.flags = DRM_SNNQ_SYNC_SIGNAL,
		};
	return ret;
}

bool job_busy(int fd, uint32_t binary)
{
	struct drm_syncobj_wait arg = { .handles = (uintptr_t)&binary, .count_handles = 1 };

	return snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &arg) == -ETIME;
}

int job_status(int fd, uint32_t binary)
{
	struct drm_syncobj_handle file = {
		.handle = binary,
		.fd = -1,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};
	struct sync_file_info info = {};
	int ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &file);

	if (!ret) {
		ret = snnq_ioctl(file.fd, SYNC_IOC_FILE_INFO, &info);
		close(file.fd);
	}
	syncobj_destroy(fd, binary);
	if (ret)
		return ret;
	/* 1: signalled well, 0: not yet, < 0: error */
	return info.status == 1 ? 0 : info.status ? info.status : -EBUSY;
}

void job_sync(struct test_job *job, uint32_t syncobj, uint32_t flags, uint64_t point)
{
	job->sync[job->job.syncs.count++] = (struct drm_snnq_sync){
		.handle = syncobj,
		.point = point,
		.flags = flags | (point ? DRM_SNNQ_SYNC_TIMELINE : 0),
	};
}

int bo_export(int fd, uint32_t handle)
{
	struct drm_prime_handle arg = {
		.handle = handle,
		.flags = DRM_CLOEXEC | DRM_RDWR,
		.fd = -1,
	};
	int ret = snnq_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

	return ret ? ret : arg.fd;
}

int bo_import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle arg = { .fd = dmabuf };
	int ret = snnq_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	*handle = arg.handle;
	return ret;
}

/* As the kernel's own drivers/dma-buf/sw_sync.c has it, which no header shows. */
struct sw_sync_fence {
	uint32_t value;
	char name[32];
	int32_t fence;
};

#define SW_SYNC_IOC_CREATE_FENCE _IOWR('W', 0, struct sw_sync_fence)
#define SW_SYNC_IOC_INC		 _IOW('W', 1, uint32_t)

/* The first fence of a new timeline; -1 where the kernel has none. */
static int sw_fence(int *timeline)
{
	struct sw_sync_fence arg = { .value = 1, .name = "gate", .fence = -1 };

	*timeline = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);
	if (*timeline < 0 || snnq_ioctl(*timeline, SW_SYNC_IOC_CREATE_FENCE, &arg))
		return -1;
	return arg.fence;
}

int gate_for_jobs(int fd, struct test_gate *gate, uint32_t *syncobj)
{
	struct drm_syncobj_handle import = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};
	int ret;

	*gate = (struct test_gate){ .vgem = -1, .dmabuf = -1 };
	import.fd = sw_fence(&gate->timeline);
	if (import.fd < 0) {
		ret = gate_create(4096, true, gate);
		return ret ? ret : gate_syncobj(fd, gate, syncobj);
	}
	ret = syncobj_create(fd, syncobj);
	import.handle = *syncobj;
	if (!ret)
		ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import);
	close(import.fd);
	return ret;
}

int gate_create(uint64_t size, bool write, struct test_gate *gate)
{
	struct drm_mode_create_dumb dumb = { .width = (uint32_t)size, .height = 1, .bpp = 8 };
	struct drm_vgem_fence_attach attach = { .flags = write ? VGEM_FENCE_WRITE : 0 };
	int ret;

	*gate = (struct test_gate){ .vgem = open_in("/dev/dri", "card", "vgem"), .dmabuf = -1 };
	if (gate->vgem < 0)
		return -ENODEV;
	ret = snnq_ioctl(gate->vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);
	if (ret)
		return ret;
	gate->size = dumb.size;
	gate->dmabuf = bo_export(gate->vgem, dumb.handle);
	if (gate->dmabuf < 0)
		return gate->dmabuf;
	attach.handle = dumb.handle;
	ret = snnq_ioctl(gate->vgem, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach);
	gate->fence = attach.out_fence;
	return ret;
}

int gate_open(struct test_gate *gate)
{
	struct drm_vgem_fence_signal arg = { .fence = gate->fence };
	uint32_t one = 1;
	int ret;

	/* Closing the timeline would do, if sw_sync held the fence while it signals it. */
	if (gate->timeline > 0)
		return snnq_ioctl(gate->timeline, SW_SYNC_IOC_INC, &one);
	ret = gate->fence ? snnq_ioctl(gate->vgem, DRM_IOCTL_VGEM_FENCE_SIGNAL, &arg) : 0;

	gate->fence = 0;
	return ret;
}

void gate_destroy(struct test_gate *gate)
{
	gate_open(gate);
	if (gate->dmabuf >= 0)
		close(gate->dmabuf);
	if (gate->vgem >= 0)
		close(gate->vgem);
	if (gate->timeline > 0)
		close(gate->timeline);
	*gate = (struct test_gate){ .vgem = -1, .dmabuf = -1 };
}

int gate_syncobj(int fd, const struct test_gate *gate, uint32_t *syncobj)
{
	struct dma_buf_export_sync_file file = { .flags = DMA_BUF_SYNC_RW, .fd = -1 };
	struct drm_syncobj_handle import = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};
	int ret = snnq_ioctl(gate->dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &file);

	if (ret)
		return ret;
	ret = syncobj_create(fd, syncobj);
	import.handle = *syncobj;
	import.fd = file.fd;
	if (!ret)
		ret = snnq_ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import);
	close(file.fd);
	return ret;
}

long long fdinfo(int fd, const char *key)
{
	char path[64], line[256];
	long long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			sscanf(line + strlen(key) + 1, "%lld", &value);
	if (f)
		fclose(f);
	return value;
}
