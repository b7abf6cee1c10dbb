/* SPDX-License-Identifier: GPL-2.0-or-later OR MIT */
/*
 * snnq_inject.h - fault injection of the device model, for tests.
 *
 * Not part of the hardware: a real device has no such registers. Each injection
 * is a property of the device (set at start or by qom-set at any time). With the
 * property inject-regs=on they are also registers in the admin page, so that a
 * test inside the guest can arm them through the PCI BAR. Both doors take the
 * same values. No reset changes an injection; those that fire once disarm
 * themselves.
 */
#ifndef SNNQ_INJECT_H
#define SNNQ_INJECT_H

/* Offset of injection n in the admin page; index for the table in the model. */
#define SNNQ_INJECT_BASE        0xf00u
#define SNNQ_INJECT_REG(n)      (SNNQ_INJECT_BASE + 4u * (n))

/* RO: SNNQ_INJECT_MAGIC when the registers exist, else zero. */
#define SNNQ_INJECT_ID          0u
#define SNNQ_INJECT_MAGIC       0x6a6e6971u     /* "qinj" */
/* inject-cores: bit n: the injections below hit core n. Reset value: all. */
#define SNNQ_INJECT_CORES       1u
/* inject-dma-error-at: the n-th DMA access (from 1) of a job fails, once. 0: off. */
#define SNNQ_INJECT_DMA_ERROR   2u
/* inject-hang-layer: hang before this layer runs. SNNQ_INJECT_OFF: off. */
#define SNNQ_INJECT_HANG_LAYER  3u
/* inject-hang-count: so many jobs hang, then hang-layer is switched off. */
#define SNNQ_INJECT_HANG_COUNT  4u
/* inject-hang-level: what ends a hang: SNNQ_INJECT_HANG_UNTIL_*. */
#define SNNQ_INJECT_HANG_LEVEL  5u
/* inject-slow-ns: delay before each layer and tile of steps. */
#define SNNQ_INJECT_SLOW_NS     6u
/* inject-lost-irq: so many interrupts are dropped. */
#define SNNQ_INJECT_LOST_IRQ    7u
/* inject-spurious-irq: writing v raises vector v at once. */
#define SNNQ_INJECT_SPURIOUS    8u
/* inject-vanish: 1: the device is gone: all-ones, no DMA, no interrupts. */
#define SNNQ_INJECT_VANISH      9u
/* inject-bad-completion: SNNQ_INJECT_BAD_*, for one record. */
#define SNNQ_INJECT_BAD_RECORD  10u
/* inject-device-error: writing sets these SNNQ_DEV_ERROR_* bits. */
#define SNNQ_INJECT_DEV_ERROR   11u
/*
 * inject-flip-weights: bit v - 1 of a weights region is flipped in what the next job
 * that reads it finds there; memory stays as it is. 0: off.
 */
#define SNNQ_INJECT_FLIP_WEIGHTS 12u
/* inject-flip-state: likewise in the old state, counted after its header. */
#define SNNQ_INJECT_FLIP_STATE  13u
/* inject-torn-record: the rest of the next record follows its phase by so many us. */
#define SNNQ_INJECT_TORN_RECORD 14u
/* inject-lost-doorbell: so many submission doorbells are dropped. */
#define SNNQ_INJECT_LOST_DOORBELL 15u
/* inject-ring-error: SNNQ_INJECT_RING_*: that ring's memory does not answer, once. */
#define SNNQ_INJECT_RING_ERROR  16u
/* inject-stuck-reset: SNNQ_INJECT_STUCK_*: resets by register do not end meanwhile. */
#define SNNQ_INJECT_STUCK_RESET 17u
/*
 * inject-capability: capability register v - 1 (offset 4 (v - 1)) reads what
 * inject-capability-value says; SNNQ_INJECT_CAP_ALL: all but ID and VERSION. 0: off.
 */
#define SNNQ_INJECT_CAPABILITY  18u
#define SNNQ_INJECT_CAP_VALUE   19u
/*
 * inject-late-record: so many us after the reset of a core that was running a job, a
 * record of that job is written to where the ring was, with an interrupt; once.
 */
#define SNNQ_INJECT_LATE_RECORD 20u
/* inject-storm: raises inject-storm-vector so often, once each inject-storm-ns. */
#define SNNQ_INJECT_STORM       21u
#define SNNQ_INJECT_STORM_NS    22u
#define SNNQ_INJECT_STORM_VECTOR 23u
/* inject-overtaken: the next record is held back for so many us; others overtake it. */
#define SNNQ_INJECT_OVERTAKEN   24u
/* inject-no-start: 1: enabling a core is an error of its rings meanwhile. */
#define SNNQ_INJECT_NO_START    25u
#define SNNQ_INJECT_COUNT       26u

#define SNNQ_INJECT_OFF         0xffffffffu

#define SNNQ_INJECT_HANG_UNTIL_CANCEL           1u
#define SNNQ_INJECT_HANG_UNTIL_CORE_RESET       2u
#define SNNQ_INJECT_HANG_UNTIL_DEVICE_RESET     3u

#define SNNQ_INJECT_RING_NONE           0u
#define SNNQ_INJECT_RING_SUBMISSION     1u
#define SNNQ_INJECT_RING_COMPLETION     2u

#define SNNQ_INJECT_STUCK_NONE          0u
#define SNNQ_INJECT_STUCK_CORE          1u      /* of cores; a device reset ends */
#define SNNQ_INJECT_STUCK_DEVICE        2u      /* of cores and of the device */

#define SNNQ_INJECT_CAP_ALL             0xffffu

#define SNNQ_INJECT_BAD_NONE    0u
#define SNNQ_INJECT_BAD_ID      1u      /* a job id that was never submitted */
#define SNNQ_INJECT_BAD_TWICE   2u      /* the same record twice, if there is room */
#define SNNQ_INJECT_BAD_STATUS  3u      /* an undefined status */
#define SNNQ_INJECT_BAD_LAYER   4u      /* a fault in a layer that does not exist */
#define SNNQ_INJECT_BAD_STEPS   5u      /* more steps than asked for */
#define SNNQ_INJECT_BAD_LOST    6u      /* no record at all */
#define SNNQ_INJECT_BAD_COUNT   7u

#endif /* SNNQ_INJECT_H */
