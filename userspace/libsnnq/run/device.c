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
#include "snnq_engine.h"

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

/* Whoever names an instruction set for the engine gets that one or is told. */
static int check_isa(void)
{
	const char *asked = getenv("SNNQ_ISA");

	if (!asked || snnq_isa_find(asked) != SNNQ_ISA_COUNT)
		return 0;
	return error_set(-EINVAL,
			 "SNNQ_ISA: expected an instruction set that this machine has: "
			 "generic, avx2, avx512 or vnni; found \"%.40s\"",
			 asked);
}

/* "sim" or "sim:cores=N". */
static int open_sim(const char *name, const struct snnq_open_opts *opts, struct snnq_device *dev)
{
	static const char prefix[] = "sim:cores=";
	uint64_t cores = opts && opts->cores ? opts->cores : 1;
	int ret = check_isa();

	if (ret)
		return ret;
	if (strcmp(name, "sim") &&
	    (strncmp(name, prefix, strlen(prefix)) ||
	     !number_parse_u64(name + strlen(prefix), UINT32_MAX, &cores) || !cores))
		return error_set(-EINVAL, "device \"%s\": expected sim or sim:cores=N", name);
	return sim_open((uint32_t)cores, opts && opts->memory ? opts->memory : host_memory(), dev);
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
