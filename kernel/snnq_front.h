/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_front.h - what the front ends have in common.
 *
 * A front end brings the device power and a way to its registers, and calls
 * snnq_front_probe(); from then on files are open and jobs run. It calls the others when
 * its bus takes power away and gives it back, and when the device goes.
 */
#ifndef SNNQ_FRONT_H
#define SNNQ_FRONT_H

#include <linux/types.h>

struct device;
struct snnq_device;

/**
 * struct snnq_front - what buses do in different ways
 * @irqs: request all interrupts; the device is quiet.
 * @free_irqs: free them; the device is mute.
 * @sync_irqs: wait for handlers that run.
 * @allow_dma: let the device at the memory.
 * @stop_dma: last resort to keep the device from memory; whether it helped.
 */
struct snnq_front {
	int (*irqs)(struct snnq_device *sdev);
	void (*free_irqs)(struct snnq_device *sdev);
	void (*sync_irqs)(struct snnq_device *sdev);
	void (*allow_dma)(struct snnq_device *sdev);
	bool (*stop_dma)(struct snnq_device *sdev);
};

int snnq_front_probe(struct snnq_device *sdev, const struct snnq_front *front, size_t regs_bytes);
void snnq_front_remove(struct snnq_device *sdev);
void snnq_front_let_sleep(struct device *dev);
int snnq_front_suspend(struct snnq_device *sdev);
int snnq_front_doze(struct snnq_device *sdev);

/* On a bus that the kernel lacks there are no devices. */
#ifdef CONFIG_PCI
int snnq_pci_register(void);
void snnq_pci_unregister(void);
#else
static inline int snnq_pci_register(void)
{
	return 0;
}

static inline void snnq_pci_unregister(void)
{
}
#endif

#ifdef CONFIG_OF
int snnq_of_register(void);
void snnq_of_unregister(void);
#else
static inline int snnq_of_register(void)
{
	return 0;
}

static inline void snnq_of_unregister(void)
{
}
#endif

#endif /* SNNQ_FRONT_H */
