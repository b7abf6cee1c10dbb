/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snnq_fair.h - whose job a core takes next.
 *
 * A job that waits for nothing else asks for a place at its core by snnq_fair_enter(),
 * and gives it back by snnq_fair_leave(), however it ended.
 */
#ifndef SNNQ_FAIR_H
#define SNNQ_FAIR_H

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "snnq_regs.h"

/* Priorities, in the order in which they are looked at. */
enum snnq_level { SNNQ_LEVEL_HIGH, SNNQ_LEVEL_NORMAL, SNNQ_LEVEL_LOW, SNNQ_LEVELS };

/* Places that jobs of higher levels get while one of these waits; then it is its turn. */
#define SNNQ_PATIENCE_NORMAL 16u
#define SNNQ_PATIENCE_LOW    64u

/**
 * struct snnq_turn - an account at one core, and its jobs that wait there
 * @node: in the core's tree, while there are some.
 * @ns: what it had of the core, moved on as in snnq_fair.c. Jobs that have a place count
 *	as if they took the account's @mean_ns. Changed while in the tree by snnq_fair_set().
 * @account: whose.
 * @passes: the jobs, in order.
 */
struct snnq_turn {
	struct rb_node node;
	u64 ns;
	struct snnq_account *account;
	struct list_head passes;
};

/**
 * struct snnq_account - a client's jobs of one level
 * @level: which.
 * @mean_ns: time of a job, of late; 0: none has ended yet.
 * @turns: by core.
 */
struct snnq_account {
	enum snnq_level level;
	u64 mean_ns;
	struct snnq_turn turns[SNNQ_MAX_CORES];
};

/**
 * struct snnq_gate - the places at a core
 * @places: how many there are.
 * @taken: and how many are taken; when somebody waits, all.
 * @waiting: turns, by level.
 * @now: most time that a turn had when it was given a place, by level.
 * @passed: places that went to higher levels since this one waits or last had one.
 */
struct snnq_gate {
	u32 places;
	u32 taken;
	struct rb_root_cached waiting[SNNQ_LEVELS];
	u64 now[SNNQ_LEVELS];
	u32 passed[SNNQ_LEVELS];
};

/**
 * struct snnq_fair - the gates of a device
 * @lock: all of it, and accounts and passes; taken in interrupts.
 * @mean_ns: time of a job of anybody, of late.
 * @gates: by core.
 */
struct snnq_fair {
	spinlock_t lock; /* all of it */
	u64 mean_ns;
	struct snnq_gate gates[SNNQ_MAX_CORES];
};

/**
 * struct snnq_pass - a job's part
 * @gate: where it is, or NULL.
 * @turn: whose.
 * @link: in the list of the turn, while it waits.
 * @ns: what it counts while it has a place.
 * @granted: it has one.
 * @waits: @fence is somebody's.
 * @fence: signals when it gets one. It is gone with the job, which ends later.
 */
struct snnq_pass {
	struct snnq_gate *gate;
	struct snnq_turn *turn;
	struct list_head link;
	u64 ns;
	bool granted;
	bool waits;
	struct dma_fence fence;
};

void snnq_fair_init(struct snnq_fair *fair, u32 places);
void snnq_account_init(struct snnq_account *account, enum snnq_level level);
struct dma_fence *snnq_fair_enter(struct snnq_fair *fair, u32 core, struct snnq_account *account,
				  struct snnq_pass *pass);
void snnq_fair_leave(struct snnq_fair *fair, struct snnq_pass *pass, u64 ns);

#endif /* SNNQ_FAIR_H */
