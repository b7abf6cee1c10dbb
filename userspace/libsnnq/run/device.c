// SPDX-License-Identifier: MIT
/*
 * device.c - names of devices, their lifetime, and their buffers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "base/error.h"
#include "base/host.h"
#include "base/number.h"
#include "isa.h"

struct snnq_device *device_get(struct snnq_device *dev)
{
	atomic_fetch_add(&dev->references, 1);
	return dev;
}

void device_put(struct snnq_device *dev)
{
	if (atomic_fetch_sub(&dev->references, 1) != 1)
		return;
	dev->ops->close(dev);
	free(dev);
}

/* What users may know of the capabilities. */
static void tell_caps(struct snnq_device *dev)
{
	const struct snnq_caps *c = &dev->caps;
	struct snnq_device_info *i = &dev->info;

#define TELL(member, name) i->member = c->member;
	SNNQ_CAPS(TELL)
#undef TELL
}

/* One of "cores=N" and "threads=N"; false: neither. */
static bool sim_option(const char *text, struct snnq_open_opts *opts)
{
	const char *number = strchr(text, '=');
	uint64_t value;

	if (!number || !number_parse_u64(number + 1, UINT32_MAX, &value) || !value)
		return false;
	if (!strncmp(text, "cores=", 6))
		opts->cores = (uint32_t)value;
	else if (!strncmp(text, "threads=", 8) && value <= SIM_MAX_THREADS)
		opts->threads = (uint32_t)value;
	else
		return false;
	return true;
}

/* "sim", or "sim:" and options with commas between; they override @opts. */
static bool sim_options(const char *name, struct snnq_open_opts *opts)
{
	char text[64], *rest = text, *one;

	if (!strcmp(name, "sim"))
		return true;
	if (strncmp(name, "sim:", 4) || strlen(name) - 4 >= sizeof(text))
		return false;
	strcpy(text, name + 4);
	while ((one = strsep(&rest, ",")))
		if (!sim_option(one, opts))
			return false;
	return true;
}

static int open_sim(const char *name, const struct snnq_open_opts *given, struct snnq_device *dev)
{
	struct snnq_open_opts opts = given ? *given : (struct snnq_open_opts){ 0 };
	int ret = isa_check();

	if (ret)
		return ret;
	if (!sim_options(name, &opts))
		return error_set(
			-EINVAL,
			"device \"%s\": expected sim, sim:cores=N, sim:threads=1 to %u, or "
			"sim:cores=N,threads=N",
			name, SIM_MAX_THREADS);
	if (opts.threads > SIM_MAX_THREADS)
		return error_set(-EINVAL, "snnq_open: threads: found %u, expected at most %u",
				 opts.threads, SIM_MAX_THREADS);
	return sim_open(&opts, dev);
}

static int open_named(const char *name, const struct snnq_open_opts *opts, struct snnq_device *dev)
{
	int ret;

	if (!strncmp(name, "sim", 3))
		return open_sim(name, opts, dev);
	if (strcmp(name, "auto"))
		return drm_open(name, dev);
	ret = drm_open(NULL, dev);
	return ret == -ENOENT ? open_sim("sim", opts, dev) : ret;
}

int snnq_open(const char *name, const struct snnq_open_opts *opts, struct snnq_device **dev)
{
	struct snnq_device *d;
	int ret;

	if (opts && opts->size != sizeof(*opts))
		return error_set(-EINVAL, "snnq_open: unknown size of options");
	d = calloc(1, sizeof(*d));
	if (!d)
		return error_set(-ENOMEM, "no memory");
	atomic_init(&d->references, 1);
	ret = open_named(name ? name : "auto", opts, d);
	if (ret) {
		free(d);
		return ret;
	}
	tell_caps(d);
	*dev = d;
	return 0;
}

void snnq_close(struct snnq_device *dev)
{
	if (dev)
		device_put(dev);
}

int snnq_device_info(struct snnq_device *dev, struct snnq_device_info *info)
{
	*info = dev->info;
	return 0;
}

/* ---- buffers ---- */

static int buffer_new(struct snnq_device *dev, struct snnq_tensor_buf **buf)
{
	*buf = calloc(1, sizeof(**buf));
	if (!*buf)
		return error_set(-ENOMEM, "no memory");
	(*buf)->dev = device_get(dev);
	return 0;
}

static int buffer_done(int ret, struct snnq_tensor_buf **buf)
{
	if (!ret)
		return 0;
	device_put((*buf)->dev);
	free(*buf);
	*buf = NULL;
	return ret;
}

int snnq_tensor_alloc(struct snnq_device *dev, size_t bytes, struct snnq_tensor_buf **buf)
{
	int ret = bytes ? buffer_new(dev, buf) : error_set(-EINVAL, "tensor of 0 bytes");

	return ret ? ret : buffer_done(dev->ops->bo_create(dev, bytes, *buf), buf);
}

int snnq_tensor_import(struct snnq_device *dev, int fd, struct snnq_tensor_buf **buf)
{
	int ret = buffer_new(dev, buf);

	return ret ? ret : buffer_done(dev->ops->bo_import(dev, fd, *buf), buf);
}

int snnq_tensor_export(struct snnq_tensor_buf *buf)
{
	return buf->dev->ops->bo_export(buf);
}

void *snnq_tensor_map(struct snnq_tensor_buf *buf)
{
	return buf->map;
}

size_t snnq_tensor_size(const struct snnq_tensor_buf *buf)
{
	return buf->bytes;
}

int snnq_tensor_sync_for_cpu(struct snnq_tensor_buf *buf)
{
	return buf->dev->ops->bo_sync(buf, true);
}

int snnq_tensor_sync_for_device(struct snnq_tensor_buf *buf)
{
	return buf->dev->ops->bo_sync(buf, false);
}

void snnq_tensor_free(struct snnq_tensor_buf *buf)
{
	struct snnq_device *dev;

	if (!buf)
		return;
	dev = buf->dev;
	dev->ops->bo_free(buf);
	free(buf);
	device_put(dev);
}
