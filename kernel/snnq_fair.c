// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fairness: whose job a core takes next, when several clients have some.
 *
 * drm_sched takes streams in turn, so whoever has more of them gets more. Here each
 * place at a core, which is one of its ring, goes to the client that has had the least
 * time, and among its streams to the one that came first. Time is counted for each core
 * apart, as start-time fair queueing does: who was idle starts where the others are. What
 * a client has elsewhere counts, too, or one with streams at all cores would get more; but
 * only so far, or who had another core for itself for an hour would then wait for one here.
 * Higher levels go first, but let lower ones pass now and then.
 *
 * Somebody waits at a core only while all its places are taken, and what has a place
 * ends, whatever becomes of core and device. So resets, sleep and removal need not
 * know of those who wait.
 *
 * Fences signal under the lock, which snnq_fair_leave() takes: drm_sched is done with
 * them, and with the entities that wait for them, before jobs end.
 */
#include "snnq_fair.h"

#define SNNQ_MEAN_JOBS 8

static const char *snnq_fair_name(struct dma_fence *fence)
{
	return "snnq-fair";
}

static const struct dma_fence_ops snnq_fair_ops = {
	.get_driver_name = snnq_fair_name,
	.get_timeline_name = snnq_fair_name,
};

static const u32 snnq_fair_patience[SNNQ_LEVELS] = {
	[SNNQ_LEVEL_NORMAL] = SNNQ_PATIENCE_NORMAL,
	[SNNQ_LEVEL_LOW] = SNNQ_PATIENCE_LOW,
};

/* @places: of each core. */
void snnq_fair_init(struct snnq_fair *fair, u32 places)
{
	u32 core, level;

	spin_lock_init(&fair->lock);
	for (core = 0; core < SNNQ_MAX_CORES; core++) {
		fair->gates[core].places = places;
		for (level = 0; level < SNNQ_LEVELS; level++)
			fair->gates[core].waiting[level] = RB_ROOT_CACHED;
	}
}

void snnq_account_init(struct snnq_account *account, enum snnq_level level)
{
	u32 core;

	account->level = level;
	for (core = 0; core < SNNQ_MAX_CORES; core++) {
		account->turns[core].account = account;
		RB_CLEAR_NODE(&account->turns[core].node);
		INIT_LIST_HEAD(&account->turns[core].passes);
	}
}

static bool snnq_fair_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct snnq_turn, node)->ns < rb_entry(b, struct snnq_turn, node)->ns;
}

/* Let a turn have @ns, and put it where it belongs: behind those that have the same. */
static void snnq_fair_set(struct snnq_gate *gate, struct snnq_turn *turn, u64 ns)
{
	struct rb_root_cached *waiting = &gate->waiting[turn->account->level];

	if (!RB_EMPTY_NODE(&turn->node))
		rb_erase_cached(&turn->node, waiting);
	RB_CLEAR_NODE(&turn->node);
	turn->ns = ns;
	if (!list_empty(&turn->passes))
		rb_add_cached(&turn->node, waiting, snnq_fair_less);
}

/*
 * The account had @ns at the core of @turn; at the others it is ahead by what a full ring
 * takes at most.
 */
static void snnq_fair_elsewhere(struct snnq_fair *fair, const struct snnq_turn *turn, u64 ns)
{
	struct snnq_account *account = turn->account;
	struct snnq_gate *gate = fair->gates;
	struct snnq_turn *other = account->turns;
	u64 now, most;

	for (; gate < fair->gates + SNNQ_MAX_CORES; gate++, other++) {
		now = gate->now[account->level];
		most = now + gate->places * fair->mean_ns;
		if (other != turn && other->ns < most)
			snnq_fair_set(gate, other, min(max(other->ns, now) + ns, most));
	}
}

static struct snnq_turn *snnq_fair_first(struct snnq_gate *gate, u32 level)
{
	struct rb_node *node = rb_first_cached(&gate->waiting[level]);

	return node ? rb_entry(node, struct snnq_turn, node) : NULL;
}

/*
 * Nobody is behind the others by more than a full ring takes, or those whose jobs counted
 * for much and took little would have all places for as long.
 */
static u64 snnq_fair_least(const struct snnq_fair *fair, const struct snnq_gate *gate, u32 level)
{
	u64 ring = gate->places * fair->mean_ns;

	return gate->now[level] > ring ? gate->now[level] - ring : 0;
}

/* Whose turn it is: the highest level's, or a lower one's that was passed over too often. */
static struct snnq_turn *snnq_fair_pick(struct snnq_gate *gate)
{
	struct snnq_turn *first[SNNQ_LEVELS], *pick = NULL;
	u32 level;

	for (level = 0; level < SNNQ_LEVELS; level++) {
		first[level] = snnq_fair_first(gate, level);
		if (first[level] && (!pick || gate->passed[level] >= snnq_fair_patience[level]))
			pick = first[level];
	}
	for (level = 0; pick && level < SNNQ_LEVELS; level++) {
		if (!first[level] || first[level] == pick)
			gate->passed[level] = 0;
		else if (level > pick->account->level)
			gate->passed[level]++;
	}
	return pick;
}

/* Give away what places there are. A file whose jobs are not known yet has such as the others. */
static void snnq_fair_grant(struct snnq_fair *fair, struct snnq_gate *gate)
{
	struct snnq_turn *turn;
	struct snnq_pass *pass;
	u64 *now;

	lockdep_assert_held(&fair->lock);
	while (gate->taken < gate->places && (turn = snnq_fair_pick(gate))) {
		pass = list_first_entry(&turn->passes, struct snnq_pass, link);
		list_del(&pass->link);
		gate->taken++;
		now = &gate->now[turn->account->level];
		*now = max(*now, turn->ns);
		pass->ns = max(turn->account->mean_ns ?: fair->mean_ns, 1ull);
		snnq_fair_set(gate, turn, turn->ns + pass->ns);
		pass->granted = true;
		if (pass->waits)
			dma_fence_signal_locked(&pass->fence);
	}
}

/**
 * snnq_fair_enter() - ask for a place at a core
 * @fair: device.
 * @core: which.
 * @account: who asks.
 * @pass: the job's, zeroed before.
 *
 * Allocates nothing.
 *
 * Return: NULL, it has one; or a fence to wait for, with a reference, before the next call.
 */
struct dma_fence *snnq_fair_enter(struct snnq_fair *fair, u32 core, struct snnq_account *account,
				  struct snnq_pass *pass)
{
	struct dma_fence *fence = NULL;
	unsigned long flags;

	spin_lock_irqsave(&fair->lock, flags);
	if (!pass->gate) {
		pass->gate = &fair->gates[core];
		pass->turn = &account->turns[core];
		list_add_tail(&pass->link, &pass->turn->passes);
		snnq_fair_set(pass->gate, pass->turn,
			      max(pass->turn->ns, pass->gate->now[account->level]));
		snnq_fair_grant(fair, pass->gate);
	}
	if (!pass->granted && !pass->waits) {
		dma_fence_init(&pass->fence, &snnq_fair_ops, &fair->lock,
			       dma_fence_context_alloc(1), 1);
		pass->waits = true;
	}
	if (!pass->granted)
		fence = dma_fence_get(&pass->fence);
	spin_unlock_irqrestore(&fair->lock, flags);
	return fence;
}

static void snnq_fair_mean(u64 *mean, u64 ns)
{
	*mean = *mean ? (*mean * (SNNQ_MEAN_JOBS - 1) + ns) / SNNQ_MEAN_JOBS : ns;
}

/**
 * snnq_fair_leave() - give a place back, if the job has one
 * @fair: device.
 * @pass: the job's.
 * @ns: time that it took of the core; 0: it did not run.
 *
 * Any context.
 */
void snnq_fair_leave(struct snnq_fair *fair, struct snnq_pass *pass, u64 ns)
{
	struct snnq_turn *turn = pass->turn;
	struct snnq_gate *gate = pass->gate;
	unsigned long flags;
	u32 level;
	u64 had;

	spin_lock_irqsave(&fair->lock, flags);
	if (pass->granted) {
		level = turn->account->level;
		had = turn->ns - pass->ns + ns; /* what it was taken for was added before */
		if (ns) {
			snnq_fair_mean(&turn->account->mean_ns, ns);
			snnq_fair_mean(&fair->mean_ns, ns);
			snnq_fair_elsewhere(fair, turn, ns);
		} else { /* the level had nothing of its turn */
			gate->passed[level] = snnq_fair_patience[level];
		}
		snnq_fair_set(gate, turn, max(had, snnq_fair_least(fair, gate, level)));
		gate->taken--;
		snnq_fair_grant(fair, gate);
	}
	spin_unlock_irqrestore(&fair->lock, flags);
}
