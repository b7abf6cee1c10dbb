// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory: how much of it files may have, and what of it the device sees.
 *
 * All that a file makes counts for that file, until it is freed: it is the thing
 * that counts, not its handle. A file may have a share of what all files, of whichever
 * device, may have together, so none can take everything. Besides, whatever can be is
 * charged to the process's memory cgroup.
 *
 * What the DMA API gave goes back before the driver leaves the device, for the API
 * does not know the way afterwards. So each piece is in a list of its device, and
 * objects that outlive the device find theirs gone. New pieces are made inside
 * drm_dev_enter() only, that is never after the list was emptied.
 */
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "snnq_device.h"
#include "snnq_mem.h"

static unsigned int snnq_file_memory_mb;
module_param_named(file_memory_mb, snnq_file_memory_mb, uint, 0644);
MODULE_PARM_DESC(file_memory_mb,
		 "most memory of an open file, in MiB (default 0: a quarter of the machine's)");

/* Of all files. */
static atomic64_t snnq_memory;

static void snnq_file_release(struct kref *ref)
{
	struct snnq_file *file = container_of(ref, struct snnq_file, ref);

	snnq_client_fini(&file->client);
	mutex_destroy(&file->submit_lock);
	kfree(file);
}

/* It is there as long as anything counts for it. */
void snnq_file_put(struct snnq_file *file)
{
	kref_put(&file->ref, snnq_file_release);
}

/* Of all files together. Buffers are pinned: leave the machine half of its memory. */
u64 snnq_memory_budget(void)
{
	return (u64)totalram_pages() << (PAGE_SHIFT - 1);
}

u64 snnq_file_budget(void)
{
	u64 mb = READ_ONCE(snnq_file_memory_mb);

	return mb ? min(mb << 20, snnq_memory_budget()) : snnq_memory_budget() / 2;
}

static atomic64_t *snnq_memory_of(struct snnq_counters *c)
{
	return &c->value[SNNQ_MEMORY_BYTES];
}

static bool snnq_take(atomic64_t *total, u64 bytes, u64 limit)
{
	if (bytes > limit)
		return false;
	if ((u64)atomic64_add_return(bytes, total) <= limit)
		return true;
	atomic64_sub(bytes, total);
	return false;
}

/**
 * snnq_charge() - count memory, before it is taken
 * @charge: what will know of it; charges nothing yet.
 * @file: whose memory it is, or NULL: the driver's own.
 * @bytes: how much.
 *
 * Return: 0, -ENOSPC beyond what the file may have, -ENOMEM beyond what all may.
 */
int snnq_charge(struct snnq_charge *charge, struct snnq_file *file, u64 bytes)
{
	if (!file)
		return 0;
	if (bytes > SNNQ_MAX_REGION_BYTES)
		return -ENOMEM;
	if (!snnq_take(snnq_memory_of(&file->counters), bytes, snnq_file_budget()))
		return -ENOSPC;
	if (!snnq_take(&snnq_memory, bytes, snnq_memory_budget())) {
		atomic64_sub(bytes, snnq_memory_of(&file->counters));
		return -ENOMEM;
	}
	atomic64_add(bytes, snnq_memory_of(&file->sdev->counters));
	kref_get(&file->ref);
	charge->file = file;
	charge->bytes = bytes;
	return 0;
}

void snnq_uncharge(struct snnq_charge *charge)
{
	struct snnq_file *file = charge->file;

	if (!file)
		return;
	atomic64_sub(charge->bytes, snnq_memory_of(&file->counters));
	atomic64_sub(charge->bytes, snnq_memory_of(&file->sdev->counters));
	atomic64_sub(charge->bytes, &snnq_memory);
	charge->file = NULL;
	snnq_file_put(file);
}

/**
 * snnq_mem_create() - make zeroed memory that CPU and device see, in one piece
 * @sdev: device.
 * @file: for whom, or NULL: the driver itself.
 * @bytes: how much, > 0; counted in whole pages.
 *
 * Inside drm_dev_enter(), or before there are files.
 *
 * Return: the memory or an error pointer.
 */
struct snnq_mem *snnq_mem_create(struct snnq_device *sdev, struct snnq_file *file, size_t bytes)
{
	struct snnq_mem *mem = kzalloc(sizeof(*mem), GFP_KERNEL_ACCOUNT);
	int err;

	if (!mem)
		return ERR_PTR(-ENOMEM);
	mem->sdev = sdev;
	mem->bytes = bytes;
	err = snnq_charge(&mem->charge, file, PAGE_ALIGN((u64)bytes));
	if (!err) {
		mem->cpu = dma_alloc_coherent(sdev->drm.dev, bytes, &mem->dma,
					      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!mem->cpu) {
			snnq_uncharge(&mem->charge);
			err = -ENOMEM;
		}
	}
	if (err) {
		kfree(mem);
		return ERR_PTR(err);
	}
	mutex_lock(&sdev->dma_lock);
	list_add(&mem->node, &sdev->mems);
	mutex_unlock(&sdev->dma_lock);
	return mem;
}

static void snnq_mem_free(struct snnq_mem *mem)
{
	lockdep_assert_held(&mem->sdev->dma_lock);
	list_del_init(&mem->node);
	dma_free_coherent(mem->sdev->drm.dev, mem->bytes, mem->cpu, mem->dma);
	mem->cpu = NULL;
}

/* May sleep. */
void snnq_mem_destroy(struct snnq_mem *mem)
{
	if (IS_ERR_OR_NULL(mem))
		return;
	mutex_lock(&mem->sdev->dma_lock);
	/* Neither when it is gone already, nor while the device may still write to it. */
	if (!list_empty(&mem->node) && !READ_ONCE(mem->sdev->unstoppable))
		snnq_mem_free(mem);
	else
		list_del_init(&mem->node);
	mutex_unlock(&mem->sdev->dma_lock);
	snnq_uncharge(&mem->charge);
	kfree(mem);
}

/* The driver leaves the device, which is quiet. */
void snnq_mem_remove(struct snnq_device *sdev)
{
	struct snnq_mem *mem, *next;

	mutex_lock(&sdev->dma_lock);
	list_for_each_entry_safe(mem, next, &sdev->mems, node) {
		snnq_mem_free(mem);
		cond_resched();
	}
	mutex_unlock(&sdev->dma_lock);
}
