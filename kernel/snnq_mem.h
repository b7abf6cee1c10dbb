/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_mem.h - what files may have, and memory that the DMA API gave.
 */
#ifndef SNNQ_MEM_H
#define SNNQ_MEM_H

#include <linux/list.h>
#include <linux/types.h>

struct snnq_device;
struct snnq_file;

/**
 * struct snnq_charge - bytes that a file has
 * @file: the file, with a reference; NULL: nothing is charged.
 * @bytes: how many.
 */
struct snnq_charge {
	struct snnq_file *file;
	u64 bytes;
};

/**
 * struct snnq_mem - a piece of memory that CPU and device see
 * @sdev: device.
 * @node: in the device's list, as long as the memory is there.
 * @charge: whose it is.
 * @cpu: the memory; NULL once the device was removed.
 * @dma: its address for the device.
 * @bytes: its size.
 */
struct snnq_mem {
	struct snnq_device *sdev;
	struct list_head node;
	struct snnq_charge charge;
	void *cpu;
	dma_addr_t dma;
	size_t bytes;
};

void snnq_file_put(struct snnq_file *file);
u64 snnq_memory_budget(void);
u64 snnq_file_budget(void);
int snnq_charge(struct snnq_charge *charge, struct snnq_file *file, u64 bytes);
void snnq_uncharge(struct snnq_charge *charge);

struct snnq_mem *snnq_mem_create(struct snnq_device *sdev, struct snnq_file *file, size_t bytes);
void snnq_mem_destroy(struct snnq_mem *mem);
void snnq_mem_remove(struct snnq_device *sdev);

#endif /* SNNQ_MEM_H */
