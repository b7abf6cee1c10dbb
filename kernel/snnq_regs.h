/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * snnq_regs.h - registers, rings, region tables and page lists of the
 * coprocessor. Shared by the driver, the device model and their tests.
 *
 * BAR0 (or the platform device's register window) holds the admin page, then
 * one page per core. Everything is little-endian. Registers are 32 bits wide;
 * 64-bit ones are LO/HI pairs, also accessible as one aligned 64-bit access.
 * Unknown registers read as zero and ignore writes. A device that is gone
 * reads all-ones. The text is Documentation/hardware.md.
 */
#ifndef SNNQ_REGS_H
#define SNNQ_REGS_H

#include <linux/types.h>

#define SNNQ_PCI_VENDOR_ID 0x1b36 /* Red Hat, Inc.: QEMU's range for models */
#define SNNQ_PCI_DEVICE_ID 0x5351 /* unassigned there; "SQ" */
#define SNNQ_PCI_CLASS	   0x1200 /* processing accelerator */
#define SNNQ_PCI_BAR_REGS  0
#define SNNQ_PCI_BAR_MSIX  2 /* vector 0 admin, vector 1 + n core n */

#define SNNQ_REG_PAGE	       0x1000u
#define SNNQ_MAX_CORES	       16u
#define SNNQ_CORE_BASE(n)      (SNNQ_REG_PAGE * (1u + (n)))
#define SNNQ_REGS_BYTES(cores) (SNNQ_REG_PAGE * (1u + (cores)))

/* Admin page. */
#define SNNQ_REG_ID		  0x000 /* RO SNNQ_ID */
#define SNNQ_REG_VERSION	  0x004 /* RO major << 16 | minor */
#define SNNQ_REG_CAP_CORES	  0x008 /* RO 1..SNNQ_MAX_CORES */
#define SNNQ_REG_CAP_SRAM	  0x00c /* RO bytes of local memory per core */
#define SNNQ_REG_CAP_DMA_BITS	  0x010 /* RO 32..64 */
#define SNNQ_REG_CAP_LAYERS	  0x014 /* RO most layers of a program */
#define SNNQ_REG_CAP_DIM	  0x018 /* RO largest height or width */
#define SNNQ_REG_CAP_CHANNELS	  0x01c /* RO most channels */
#define SNNQ_REG_CAP_STEPS	  0x020 /* RO most steps per job */
#define SNNQ_REG_CAP_RING	  0x024 /* RO most entries of a ring */
#define SNNQ_REG_CAP_OPS_LO	  0x028 /* RO bit n: operation n */
#define SNNQ_REG_CAP_OPS_HI	  0x02c
#define SNNQ_REG_CAP_UNIFORM	  0x030 /* RO bit b: UNIFORM with b bits */
#define SNNQ_REG_CAP_ODD	  0x034 /* RO */
#define SNNQ_REG_CAP_POT	  0x038 /* RO */
#define SNNQ_REG_CAP_FEATURES	  0x03c /* RO SNNQ_FEATURE_* */
#define SNNQ_REG_CAP_LANES	  0x040 /* RO synaptic additions per cycle */
#define SNNQ_REG_CAP_PORT	  0x044 /* RO host memory bytes per cycle */
#define SNNQ_REG_CAP_CLOCK	  0x048 /* RO nominal clock, kHz */
#define SNNQ_REG_CAP_PROGRAM	  0x04c /* RO most bytes of a program */
#define SNNQ_REG_CAP_APOT	  0x050 /* RO bit b: APOT with b bits */
#define SNNQ_REG_CAP_TERNARY	  0x054 /* RO */
#define SNNQ_REG_CAP_SAFE_POINT	  0x058 /* RO most clock cycles between two safe points */
#define SNNQ_REG_CAP_PLANES	  0x05c /* RO most planes of a tensor */
#define SNNQ_REG_CAP_NEURONS	  0x060 /* RO bit n: SNNQ_NEURON n */
#define SNNQ_REG_CAP_LEAKS	  0x064 /* RO likewise */
#define SNNQ_REG_CAP_RESETS	  0x068 /* RO likewise */
#define SNNQ_REG_CAP_COMPARES	  0x06c /* RO likewise */
#define SNNQ_REG_CAP_NEURON_FLAGS 0x070 /* RO SNNQ_NEURON_FLAG_* */
#define SNNQ_REG_CAP_LAYER_FLAGS  0x074 /* RO SNNQ_LAYER_FLAG_* */
#define SNNQ_REG_CAP_FORMATS	  0x078 /* RO bit n: SNNQ_FORMAT n */
#define SNNQ_REG_CAP_ELEMENTWISE  0x07c /* RO bit n: SNNQ_ELEMENTWISE n */
#define SNNQ_REG_CAP_ATTENTION	  0x080 /* RO bit n: SNNQ_ATTENTION n */
#define SNNQ_REG_CAP_READOUTS	  0x084 /* RO bit n: SNNQ_READOUT n */
#define SNNQ_REG_CAP_KERNEL	  0x088 /* RO most rows or columns of a convolution's kernel */
#define SNNQ_REG_CAP_WINDOW	  0x08c /* RO of a pool's window */
#define SNNQ_REG_CAP_STRIDE	  0x090 /* RO largest stride */
#define SNNQ_REG_CAP_DILATION	  0x094 /* RO largest dilation */
#define SNNQ_REG_CAP_DELAY	  0x098 /* RO most steps of output delay */
#define SNNQ_REG_CAP_TILE	  0x09c /* RO most steps of a tile */
#define SNNQ_REG_CAP_NEEDS_LO	  0x0a0 /* RO SNNQ_PROGRAM_NEEDS_* */
#define SNNQ_REG_CAP_NEEDS_HI	  0x0a4
#define SNNQ_REG_CAP_STATE_LO	  0x0a8 /* RO most bytes of state */
#define SNNQ_REG_CAP_STATE_HI	  0x0ac
#define SNNQ_REG_CAP_SCRATCH_LO	  0x0b0 /* RO most bytes of scratch */
#define SNNQ_REG_CAP_SCRATCH_HI	  0x0b4
#define SNNQ_REG_CAP_END	  0x0b8 /* behind the last capability */
#define SNNQ_REG_CONTROL	  0x100 /* RW SNNQ_CONTROL_* */
#define SNNQ_REG_STATUS		  0x104 /* RO SNNQ_DEV_STATUS_* */
#define SNNQ_REG_ERROR		  0x108 /* W1C SNNQ_DEV_ERROR_*; raises the admin vector */
#define SNNQ_REG_ERROR_CORES	  0x10c /* RO bit n: core n has CORE_ERROR bits */
#define SNNQ_REG_TEMPERATURE	  0x110 /* RO millidegree Celsius, signed */
#define SNNQ_REG_POWER		  0x114 /* RO estimate, microwatt */
#define SNNQ_REG_CYCLES_LO	  0x118 /* RO clock cycles since reset; LO latches HI */
#define SNNQ_REG_CYCLES_HI	  0x11c
#define SNNQ_REG_INT_STATUS	  0x120 /* RW1C SNNQ_INT_*: what happened */
#define SNNQ_REG_INT_ENABLE	  0x124 /* RW SNNQ_INT_*: what interrupts */
#define SNNQ_REG_POWER_STATE	  0x128 /* RW SNNQ_POWER_STATE_* */
#define SNNQ_REG_RESET_TIME	  0x12c /* RO most microseconds of a reset, from a safe point on */

#define SNNQ_ID			0x71716e73u /* "snqq" */
#define SNNQ_HW_VERSION		0x00010000u
#define SNNQ_CONTROL_ENABLE	(1u << 0) /* cores may run */
#define SNNQ_CONTROL_RESET	(1u << 1) /* self-clearing; wait for STATUS_READY */
#define SNNQ_DEV_STATUS_READY	(1u << 0) /* 0 while a device reset is under way */
#define SNNQ_DEV_ERROR_CORE	(1u << 0) /* see ERROR_CORES */
#define SNNQ_DEV_ERROR_SENSOR	(1u << 1)
#define SNNQ_DEV_ERROR_FATAL	(1u << 2)
#define SNNQ_FEATURE_PROFILE	(1u << 0) /* counters of layers */
#define SNNQ_FEATURE_FULL_CHECK (1u << 1) /* jobs check their programs in full */
#define SNNQ_FEATURE_POWER_OFF	(1u << 2) /* POWER_STATE_OFF */

#define SNNQ_INT_ADMIN	    (1u << 0)
#define SNNQ_INT_CORE(n)    (2u << (n))
#define SNNQ_INT_ALL(cores) ((2u << (cores)) - 1u)

#define SNNQ_POWER_STATE_ON  0u
#define SNNQ_POWER_STATE_OFF 1u /* nothing is retained */

/* Core page, offsets from SNNQ_CORE_BASE(n). */
#define SNNQ_CORE_SQ_BASE_LO 0x000 /* RW 64-byte aligned DMA address */
#define SNNQ_CORE_SQ_BASE_HI 0x004
#define SNNQ_CORE_SQ_SIZE    0x008 /* RW entries: power of two, 2..CAP_RING */
#define SNNQ_CORE_SQ_TAIL    0x00c /* RW doorbell: next entry to be written, < SQ_SIZE */
#define SNNQ_CORE_SQ_HEAD    0x010 /* RO next entry to be fetched (debugging) */
#define SNNQ_CORE_CQ_BASE_LO 0x020 /* RW 64-byte aligned */
#define SNNQ_CORE_CQ_BASE_HI 0x024
#define SNNQ_CORE_CQ_SIZE    0x028 /* RW as SQ_SIZE */
#define SNNQ_CORE_CQ_HEAD    0x02c /* RW doorbell: next record to be read, < CQ_SIZE */
#define SNNQ_CORE_CQ_TAIL    0x030 /* RO (debugging) */
#define SNNQ_CORE_CONTROL    0x040 /* RW SNNQ_CORE_CTL_* */
#define SNNQ_CORE_STATUS     0x044 /* RO SNNQ_CORE_ST_* */
#define SNNQ_CORE_CANCEL     0x048 /* WO job id: cancel it if it is running or next */
#define SNNQ_CORE_ERROR	     0x04c /* W1C SNNQ_CORE_ERR_* */
#define SNNQ_CORE_COALESCE   0x050 /* RW COUNT in 15..0, microseconds in 31..16 */

/* Setting ENABLE latches the ring registers; the core starts at entry 0 with phase 1. */
#define SNNQ_CORE_CTL_ENABLE (1u << 0)
/* Self-clearing: stops DMA and forgets the rings; done when RESETTING reads 0. */
#define SNNQ_CORE_CTL_RESET    (1u << 1)
#define SNNQ_CORE_ST_ENABLED   (1u << 0)
#define SNNQ_CORE_ST_BUSY      (1u << 1) /* a job is running */
#define SNNQ_CORE_ST_HALTED    (1u << 2) /* after an error; reset to leave */
#define SNNQ_CORE_ST_RESETTING (1u << 3)
#define SNNQ_CORE_ERR_DOORBELL (1u << 0) /* doorbell value out of range */
#define SNNQ_CORE_ERR_RING     (1u << 1) /* ring base or size wrong at enable */
#define SNNQ_CORE_ERR_DMA      (1u << 2) /* ring memory did not answer */

/*
 * Submission entry. The driver writes entries, then the tail doorbell; ring is
 * empty when head == tail, full at size - 1. Jobs of a core run in order.
 */
struct snnq_sq_entry {
	__u64 program;	    /* page list: DMA address of its first list page */
	__u64 region_table; /* DMA address of snnq_region_entry[], 8-byte aligned */
	__u64 progress;	    /* DMA address of a 64-bit counter, 8-byte aligned */
	__u64 state_seq;    /* version of the state to be read; result gets + 1 */
	__u32 job_id;	    /* not 0 */
	__u32 program_bytes;
	__u32 program_pages;  /* in the list */
	__u32 steps;	      /* 1..max_steps of the program */
	__u16 region_count;   /* 3 + user regions of the program, + 1 with PROFILE */
	__u16 flags;	      /* SNNQ_SQ_FLAG_* */
	__u32 profile_stride; /* bytes from one layer's counters to the next's; else 0 */
	__u64 reserved;	      /* MBZ */
};

#define SNNQ_SQ_FLAG_RESET   (1u << 0) /* start from zero state; state_in is not read */
#define SNNQ_SQ_FLAG_PROFILE (1u << 1) /* write snnq_layer_stats to the last region */
#define SNNQ_SQ_FLAGS	     0x3u

/*
 * Completion record. `phase` is written last, with the last 16 bits; it is 1 in
 * the first pass over the ring and toggles with each pass. The device stalls
 * when tail + 1 == head.
 */
struct snnq_cq_entry {
	__u64 cycles; /* by the cycle model */
	__u64 offset; /* of a fault */
	__u32 job_id;
	__u32 steps;  /* done */
	__u16 status; /* SNNQ_STATUS_* */
	__u16 layer;  /* of a fault, or SNNQ_LAYER_NONE */
	__u16 region; /* of a fault, or SNNQ_REGION_NONE */
	__u16 phase;  /* bit 0; others zero */
};

/*
 * Region table entry. Byte x of the region lies at page (start + x) / 4096 of
 * the page list. A page list is a chain of 4 KiB list pages of 512 addresses
 * each; when more pages remain than the page holds, entry 511 is the address of
 * the next list page instead. All addresses are multiples of 4096. A program
 * begins at byte 0 of its list.
 */
struct snnq_region_entry {
	__u64 page_list; /* DMA address of the first list page */
	__u64 start;	 /* bytes from the first page to the region */
	__u64 bytes;	 /* size of the region */
	__u32 pages;	 /* in the list; start + bytes <= pages * 4096 */
	__u32 access;	 /* SNNQ_ACCESS_* */
};

#define SNNQ_PAGE_SHIFT	  12u
#define SNNQ_PAGE_BYTES	  (1u << SNNQ_PAGE_SHIFT)
#define SNNQ_LIST_ENTRIES 512u
#define SNNQ_LIST_LINK	  511u

/* Of a region table: those of the program, and the profile. */
#define SNNQ_TABLE_ENTRIES (SNNQ_MAX_REGIONS + 1u)

/* The progress word grows at least once per layer and tile of steps. */

#endif /* SNNQ_REGS_H */
