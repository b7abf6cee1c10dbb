/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * snnq_dump.h - what the driver leaves of a job that failed.
 *
 * The kernel keeps it as /sys/class/devcoredump/devcdN/data, for root; `snnq inspect`
 * shows it. Little-endian. A header of @header_bytes; then sections, each a head and
 * @count entries of @entry_bytes, filled up with zeros to a multiple of 8 bytes.
 *
 * The version changes when an old reader would misunderstand a new dump. Otherwise it
 * grows: sections of unknown type are passed over, and entries longer than known end
 * with fields that are not. None is shorter than those of version 1.
 *
 * There is nothing in it that users computed or computed with: no tensors, weights,
 * thresholds or tables. Of the jobs of other clients there is the fact that they stand
 * in the ring.
 */
#ifndef SNNQ_DUMP_H
#define SNNQ_DUMP_H

#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define SNNQ_DUMP_MAGIC	  0x716e6e73u /* "snnq" */
#define SNNQ_DUMP_KIND	  0x706d7564u /* "dump" */
#define SNNQ_DUMP_VERSION 1u

/**
 * struct snnq_dump_header - begin of a dump
 * @magic: SNNQ_DUMP_MAGIC.
 * @kind: SNNQ_DUMP_KIND.
 * @version: SNNQ_DUMP_VERSION.
 * @header_bytes: size of this.
 * @total_bytes: size of the dump.
 * @section_count: number of sections.
 * @reserved: zero.
 */
struct snnq_dump_header {
	__u32 magic;
	__u32 kind;
	__u32 version;
	__u32 header_bytes;
	__u64 total_bytes;
	__u32 section_count;
	__u32 reserved;
};

/**
 * struct snnq_dump_section - head of a section
 * @type: SNNQ_DUMP_SECTION_*, each at most once.
 * @entry_bytes: size of an entry.
 * @count: number of entries.
 * @reserved: zero.
 */
struct snnq_dump_section {
	__u32 type;
	__u32 entry_bytes;
	__u32 count;
	__u32 reserved;
};

#define SNNQ_DUMP_SECTION_DEVICE    1u	/* one snnq_dump_device */
#define SNNQ_DUMP_SECTION_INFO	    2u	/* one drm_snnq_dev_info */
#define SNNQ_DUMP_SECTION_JOB	    3u	/* one snnq_dump_job */
#define SNNQ_DUMP_SECTION_CORES	    4u	/* snnq_dump_core, of each core */
#define SNNQ_DUMP_SECTION_RING	    5u	/* snnq_dump_slot, of what is in the job's core's ring */
#define SNNQ_DUMP_SECTION_REGISTERS 6u	/* snnq_dump_register; none: the device had no power */
#define SNNQ_DUMP_SECTION_REGIONS   7u	/* snnq_dump_region, the job's region table */
#define SNNQ_DUMP_SECTION_PROGRAM   8u	/* one snnq_program_header */
#define SNNQ_DUMP_SECTION_NEEDS	    9u	/* its snnq_region_desc */
#define SNNQ_DUMP_SECTION_LAYERS    10u /* its snnq_layer */
#define SNNQ_DUMP_SECTION_COUNT	    11u

/**
 * struct snnq_dump_device - which device, which driver
 * @hw_version: major << 16 | minor.
 * @cores: number of them.
 * @driver_major: of the driver's version.
 * @driver_minor: likewise.
 * @time_ns: when the job's end was known, by CLOCK_MONOTONIC.
 * @real_ns: likewise by CLOCK_REALTIME.
 * @name: of the device on its bus; ends with a zero, as the following.
 * @driver: name of the driver.
 * @kernel: release of the kernel.
 */
struct snnq_dump_device {
	__u32 hw_version;
	__u32 cores;
	__u32 driver_major;
	__u32 driver_minor;
	__u64 time_ns;
	__u64 real_ns;
	char name[32];
	char driver[16];
	char kernel[64];
};

/**
 * struct snnq_dump_job - the job that failed
 * @client: number of the open file.
 * @context: its stream's, as in tracepoints.
 * @seq: number in the stream, from 1.
 * @pid: process that opened the file, in the first namespace.
 * @uid: its effective user, likewise.
 * @comm: its name, which ends with a zero.
 * @core: where it ran.
 * @id: id in the ring.
 * @error: errno, negative.
 * @status: SNNQ_STATUS_*; this and the next three as the user is told.
 * @layer: or SNNQ_LAYER_NONE.
 * @region: or SNNQ_REGION_NONE.
 * @offset: in the region.
 * @steps: that were asked for.
 * @flags: DRM_SNNQ_JOB_*.
 * @state: SNNQ_DUMP_JOB_*.
 * @replays: resets of the core while it was the oldest and nobody was blamed.
 * @fatals: errors of the whole device while it was the oldest.
 * @record_steps: steps done, by the device's record; zero without one, as those below.
 * @limit_ns: most time that it might take.
 * @started_ns: when it was put into the ring, by CLOCK_MONOTONIC.
 * @begun_ns: when the core turned to it, as far as is known.
 * @ended_ns: when that was over.
 * @record_cycles: of the device's record.
 * @record_offset: likewise; of SNNQ_STATUS_DMA the address that did not answer.
 * @record_status: likewise.
 * @record_layer: likewise.
 * @record_region: likewise.
 * @reserved: zero.
 */
struct snnq_dump_job {
	__u64 client;
	__u64 context;
	__u64 seq;
	__u32 pid;
	__u32 uid;
	char comm[16];
	__u32 core;
	__u32 id;
	__s32 error;
	__u32 status;
	__u32 layer;
	__u32 region;
	__u64 offset;
	__u32 steps;
	__u32 flags;
	__u32 state;
	__u32 replays;
	__u32 fatals;
	__u32 record_steps;
	__u64 limit_ns;
	__u64 started_ns;
	__u64 begun_ns;
	__u64 ended_ns;
	__u64 record_cycles;
	__u64 record_offset;
	__u32 record_status;
	__u32 record_layer;
	__u32 record_region;
	__u32 reserved;
};

#define SNNQ_DUMP_JOB_HUNG	 (1u << 0) /* it was found hanging */
#define SNNQ_DUMP_JOB_BLAMED	 (1u << 1) /* its core had to be reset for it */
#define SNNQ_DUMP_JOB_CANCELLING (1u << 2) /* it was to end, since nobody wanted it */
/* Ring, cores and registers are from when it was found hanging, not from when it ended. */
#define SNNQ_DUMP_JOB_SEEN (1u << 3)

/**
 * struct snnq_dump_core - state of a core in the driver
 * @index: which.
 * @state: SNNQ_CORE_STATE_* of snnq_netlink.h.
 * @entries: of its rings.
 * @tail: next submission entry.
 * @head: next completion record.
 * @phase: phase bit of a new record.
 * @fruitless: resets since it last completed a job.
 * @reserved: zero.
 * @resets: of this core alone.
 */
struct snnq_dump_core {
	__u32 index;
	__u32 state;
	__u32 entries;
	__u32 tail;
	__u32 head;
	__u32 phase;
	__u32 fruitless;
	__u32 reserved;
	__u64 resets;
};

/**
 * struct snnq_dump_slot - a job in the ring, oldest first
 * @slot: entry of the ring.
 * @flags: SNNQ_DUMP_SLOT_*.
 * @id: id in the ring; this alone is told of other clients' jobs.
 * @steps: that were asked for.
 * @seq: number in its stream, from 1.
 * @context: its stream's.
 * @progress: its progress word.
 */
struct snnq_dump_slot {
	__u32 slot;
	__u32 flags;
	__u32 id;
	__u32 steps;
	__u64 seq;
	__u64 context;
	__u64 progress;
};

#define SNNQ_DUMP_SLOT_JOB   (1u << 0) /* the job that failed */
#define SNNQ_DUMP_SLOT_OTHER (1u << 1) /* another client's */

/**
 * struct snnq_dump_register - a register
 * @offset: in the register window, see hardware.md.
 * @value: read there.
 */
struct snnq_dump_register {
	__u32 offset;
	__u32 value;
};

/**
 * struct snnq_dump_region - entry of the region table, without its address
 * @index: region.
 * @access: SNNQ_ACCESS_*.
 * @pages: in its page list.
 * @reserved: zero.
 * @start: bytes from the first page to the region.
 * @bytes: its size.
 */
struct snnq_dump_region {
	__u32 index;
	__u32 access;
	__u32 pages;
	__u32 reserved;
	__u64 start;
	__u64 bytes;
};

#if defined(__cplusplus)
}
#endif

#endif /* SNNQ_DUMP_H */
