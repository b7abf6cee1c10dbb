// SPDX-License-Identifier: MIT
/*
 * allocate.c - see allocate.h.
 *
 * Dynamic programming over layers, from the last to the first, on lists of partial
 * configurations from which the dominated ones are dropped (pareto.h). When only the best one
 * is wanted, a Lagrangian bound drops those that cannot become it as well. A front with budgets
 * beside its axis is that without them, as far as they hold there; the ranges between are
 * searched one by one, where the bound drops what cannot beat the point below the range.
 *
 * Costs are permuted: first those that count (the front's axis, then budgets that can be
 * exceeded), then the others, which only decide ties.
 */
#define _GNU_SOURCE /* qsort_r */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "allocate_internal.h"
#include "base/error.h"

/* States of one layer; more are thinned out. Candidates are filtered when twice as many. */
#define MAX_STATES (1u << 19)
/* Ranges of a front: more states than this, and the range is halved; after so many
 * candidates, ranges in which the loss changes by less than the tolerance are left out. */
#define RANGE_STATES	(1u << 13)
#define RANGE_WORK	(1u << 20)
#define RANGE_TOLERANCE 0.05

static const char *const cost_names[ALLOCATE_COSTS] = {
	"tenths of weight bits",
	"bytes",
	"femtojoules",
};

/* ---- the problem ---- */

static int check_option(const struct allocate_option *o, uint32_t layer, uint32_t index)
{
	if (isfinite(o->loss) && o->loss >= 0)
		return 0;
	return error_set(-EINVAL,
			 "allocation: layer %u, option %u: expected a finite loss of at "
			 "least 0, found %g",
			 layer, index, o->loss);
}

/* Sums of the largest costs, in their own order; they must exist. */
static int check_problem(const struct allocate_problem *p, uint64_t most[ALLOCATE_COSTS])
{
	double loss = 0;

	if (!p->count)
		return error_set(-EINVAL, "allocation: no layers");
	for (uint32_t l = 0; l < p->count; l++) {
		const struct allocate_layer *layer = &p->layers[l];
		uint64_t largest[ALLOCATE_COSTS] = { 0 };
		double worst = 0;

		if (!layer->count || layer->count > ALLOCATE_MAX_OPTIONS)
			return error_set(-EINVAL,
					 "allocation: layer %u: expected 1 to %u options, "
					 "found %u",
					 l, ALLOCATE_MAX_OPTIONS, layer->count);
		for (uint32_t i = 0; i < layer->count; i++) {
			if (check_option(&layer->options[i], l, i))
				return -EINVAL;
			worst = fmax(worst, layer->options[i].loss);
			for (int c = 0; c < ALLOCATE_COSTS; c++)
				if (layer->options[i].cost[c] > largest[c])
					largest[c] = layer->options[i].cost[c];
		}
		loss += worst;
		for (int c = 0; c < ALLOCATE_COSTS; c++)
			if (__builtin_add_overflow(most[c], largest[c], &most[c]) ||
			    most[c] == ALLOCATE_NO_BUDGET)
				return error_set(-EINVAL,
						 "allocation: layer %u: the sum of %s "
						 "leaves 64 bits",
						 l, cost_names[c]);
	}
	return isfinite(loss) ? 0 : error_set(-EINVAL, "allocation: the sum of losses is infinite");
}

/* @axis: of a front, or ALLOCATE_COSTS. */
static void order_costs(struct allocation *s, unsigned int axis,
			const uint64_t most[ALLOCATE_COSTS])
{
	const uint64_t *budget = s->problem->budget;
	unsigned int n = 0;

	if (axis < ALLOCATE_COSTS)
		s->order[n++] = axis;
	for (unsigned int c = 0; c < ALLOCATE_COSTS; c++)
		if (c != axis && most[c] > budget[c])
			s->order[n++] = c;
	s->dims = n;
	for (unsigned int c = 0; c < ALLOCATE_COSTS; c++)
		if (c != axis && most[c] <= budget[c])
			s->order[n++] = c;
	for (unsigned int d = 0; d < ALLOCATE_COSTS; d++)
		s->budget[d] = budget[s->order[d]] < most[s->order[d]] ? budget[s->order[d]] :
									 most[s->order[d]];
}

static int by_order(const void *a, const void *b, void *dims)
{
	return pareto_compare(a, b, *(unsigned int *)dims);
}

static int reduce_options(struct allocation *s, uint32_t l)
{
	const struct allocate_layer *layer = &s->problem->layers[l];
	struct level *level = &s->levels[l];
	int64_t kept;

	level->options = calloc(layer->count, sizeof(*level->options));
	if (!level->options)
		return -ENOMEM;
	for (uint32_t i = 0; i < layer->count; i++) {
		level->options[i].loss = layer->options[i].loss;
		level->options[i].option = i;
		for (unsigned int d = 0; d < ALLOCATE_COSTS; d++)
			level->options[i].cost[d] = layer->options[i].cost[s->order[d]];
	}
	qsort_r(level->options, layer->count, sizeof(*level->options), by_order, &s->dims);
	kept = pareto_filter(level->options, layer->count, s->dims, 0);
	if (kept < 0)
		return (int)kept;
	level->count = (uint32_t)kept;
	return 0;
}

/* Sums of least costs up to each level; s->levels has one more than there are layers. */
static void sum_least(struct allocation *s)
{
	for (uint32_t l = 0; l < s->problem->count; l++)
		for (unsigned int d = 0; d < ALLOCATE_COSTS; d++) {
			uint64_t least = UINT64_MAX;

			for (uint32_t i = 0; i < s->levels[l].count; i++)
				if (s->levels[l].options[i].cost[d] < least)
					least = s->levels[l].options[i].cost[d];
			s->levels[l + 1].least[d] = s->levels[l].least[d] + least;
		}
}

static int check_budgets(const struct allocation *s)
{
	const uint64_t *least = s->levels[s->problem->count].least;

	for (unsigned int d = 0; d < s->dims; d++)
		if (least[d] > s->budget[d])
			return error_set(-EDOM,
					 "allocation: the budget is %" PRIu64 " %s, the "
					 "smallest possible cost %" PRIu64,
					 s->budget[d], cost_names[s->order[d]], least[d]);
	return 0;
}

static int search_init(struct allocation *s, const struct allocate_problem *p, unsigned int axis)
{
	uint64_t most[ALLOCATE_COSTS] = { 0 };
	int ret = check_problem(p, most);

	*s = (struct allocation){ .problem = p,
				  .most_states = MAX_STATES,
				  .thinned = 1,
				  .left_out = 1,
				  .limit = INFINITY };
	if (ret)
		return ret;
	order_costs(s, axis, most);
	s->levels = calloc((size_t)p->count + 1, sizeof(*s->levels));
	if (!s->levels)
		return error_set(-ENOMEM, "allocation: no memory");
	for (uint32_t l = 0; l < p->count; l++)
		if (reduce_options(s, l))
			return error_set(-ENOMEM, "allocation: no memory");
	sum_least(s);
	return check_budgets(s);
}

static void forget_steps(struct allocation *s)
{
	for (uint32_t l = 0; s->levels && l < s->problem->count; l++) {
		free(s->levels[l].steps);
		s->levels[l].steps = NULL;
	}
}

static void search_free(struct allocation *s)
{
	forget_steps(s);
	for (uint32_t l = 0; s->levels && l < s->problem->count; l++)
		free(s->levels[l].options);
	free(s->levels);
	free(s->list.states);
	free(s->next.states);
}

/* ---- bound ---- */

/* States that cannot lead to @loss or less are dropped; the margin is far above rounding. */
static void set_limit(struct allocation *s, double loss)
{
	s->limit = loss + 1e-9 * loss + s->margin;
}

/* ---- lists of states ---- */

/* Can this state of level @l still become an answer? */
static bool hopeful(const struct allocation *s, uint32_t l, const struct pareto_state *state)
{
	double bound = state->loss + s->levels[l].least_penalized;

	for (unsigned int d = 0; d < s->dims; d++) {
		if (state->cost[d] + s->levels[l].least[d] > s->budget[d])
			return false;
		bound += s->multiplier[d] * ((double)state->cost[d] - (double)s->budget[d]);
	}
	return bound <= s->limit;
}

/* Drop what is dominated; if too much is left, what is nearly. */
static int filter_next(struct allocation *s)
{
	int64_t kept = pareto_filter(s->next.states, s->next.count, s->dims, 0);

	if (kept > (int64_t)s->most_states && s->most_states < MAX_STATES)
		return -EAGAIN;
	for (double slack = 1e-6; kept > MAX_STATES; slack *= 4) {
		if (slack > 1)
			return error_set(-E2BIG,
					 "allocation: more than %u states that do not "
					 "compare",
					 MAX_STATES);
		kept = pareto_filter(s->next.states, (size_t)kept, s->dims, slack);
		s->thinned *= 1 + slack;
	}
	if (kept < 0)
		return error_set(-ENOMEM, "allocation: no memory for states");
	s->next.count = (size_t)kept;
	return 0;
}

static int append(struct allocation *s, const struct pareto_state *state)
{
	struct list *n = &s->next;
	int ret;

	if (s->dims < 2 && n->count && n->states[n->count - 1].loss <= state->loss)
		return 0;
	if (n->count == 2 * s->most_states) {
		ret = filter_next(s);
		if (ret)
			return ret;
	}
	if (n->count == n->capacity) {
		size_t capacity = n->capacity ? 2 * n->capacity : 1024;
		struct pareto_state *grown = realloc(n->states, capacity * sizeof(*grown));

		if (!grown)
			return error_set(-ENOMEM, "allocation: no memory for states");
		n->states = grown;
		n->capacity = capacity;
	}
	n->states[n->count++] = *state;
	return 0;
}

/* One option on top of every state: a sorted list, of which this is the head. */
struct cursor {
	struct pareto_state head;
	const struct pareto_state *option;
};

static void extend(const struct allocation *s, struct cursor *c, uint32_t parent)
{
	const struct pareto_state *state = &s->list.states[parent];

	for (unsigned int d = 0; d < ALLOCATE_COSTS; d++)
		c->head.cost[d] = state->cost[d] + c->option->cost[d];
	c->head.loss = state->loss + c->option->loss;
	c->head.parent = parent;
	c->head.option = c->option->option;
}

static void sift(const struct allocation *s, struct cursor *heap, uint32_t count, uint32_t at)
{
	struct cursor moving = heap[at];

	for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count &&
		    pareto_compare(&heap[child + 1].head, &heap[child].head, s->dims) < 0)
			child++;
		if (pareto_compare(&moving.head, &heap[child].head, s->dims) <= 0)
			break;
		heap[at] = heap[child];
	}
	heap[at] = moving;
}

/* All states of the list with all options of level @l, in order, into the next list. */
static int merge_options(struct allocation *s, uint32_t l, struct cursor *heap)
{
	uint32_t count = s->levels[l].count;
	int ret = 0;

	for (uint32_t i = 0; i < count; i++) {
		heap[i].option = &s->levels[l].options[i];
		extend(s, &heap[i], 0);
	}
	for (uint32_t i = count / 2; i-- > 0;)
		sift(s, heap, count, i);
	s->next.count = 0;
	while (count && !ret) {
		s->work++;
		if (hopeful(s, l, &heap[0].head))
			ret = append(s, &heap[0].head);
		if (heap[0].head.parent + 1 < s->list.count)
			extend(s, &heap[0], heap[0].head.parent + 1);
		else
			heap[0] = heap[--count];
		sift(s, heap, count, 0);
	}
	return ret ? ret : filter_next(s);
}

static int add_level(struct allocation *s, uint32_t l)
{
	struct level *level = &s->levels[l];
	struct cursor *heap = malloc(level->count * sizeof(*heap));
	int ret = heap ? merge_options(s, l, heap) : error_set(-ENOMEM, "allocation: no memory");
	struct list old = s->list;

	free(heap);
	if (ret)
		return ret;
	if (!s->next.count)
		return error_set(-EDOM, "allocation: each budget can be met, but not all at once");
	level->steps = malloc(s->next.count * sizeof(*level->steps));
	if (!level->steps)
		return error_set(-ENOMEM, "allocation: no memory for states");
	for (size_t i = 0; i < s->next.count; i++)
		level->steps[i] =
			(struct step){ s->next.states[i].parent, s->next.states[i].option };
	s->list = s->next;
	s->next = old;
	return 0;
}

/* 0; -EDOM: nothing fits; -EAGAIN: more than most_states, and that less than MAX_STATES. */
static int run(struct allocation *s)
{
	struct list empty = s->list;
	int ret;

	forget_steps(s);
	s->next.count = 0;
	ret = append(s, &(struct pareto_state){ 0 });
	s->list = s->next;
	s->next = empty;
	for (uint32_t l = s->problem->count; l-- > 0 && !ret;)
		ret = add_level(s, l);
	return ret;
}

/* ---- answers ---- */

static void tell(const struct allocation *s, const struct pareto_state *state, uint16_t *choice,
		 struct allocate_point *point)
{
	uint32_t option = state->option, parent = state->parent;

	for (unsigned int d = 0; d < ALLOCATE_COSTS; d++)
		point->cost[s->order[d]] = state->cost[d];
	point->loss = state->loss;
	point->excess = s->thinned - 1;
	point->choice = choice;
	choice[0] = (uint16_t)option;
	for (uint32_t l = 1; l < s->problem->count; l++) {
		const struct step *step = &s->levels[l].steps[parent];

		choice[l] = (uint16_t)step->option;
		parent = step->parent;
	}
}

static const struct pareto_state *least_loss(const struct list *list)
{
	const struct pareto_state *least = &list->states[0];

	for (size_t i = 1; i < list->count; i++)
		if (list->states[i].loss < least->loss)
			least = &list->states[i];
	return least;
}

int allocate_best(const struct allocate_problem *problem, struct allocate_point *best)
{
	struct allocation s;
	int ret = search_init(&s, problem, ALLOCATE_COSTS);
	uint16_t *choice;
	double loss;

	if (!ret)
		ret = allocation_bound(&s, &loss);
	if (!ret) {
		set_limit(&s, loss);
		ret = run(&s);
	}
	if (!ret) {
		choice = malloc(problem->count * sizeof(*choice));
		if (choice)
			tell(&s, least_loss(&s.list), choice, best);
		else
			ret = error_set(-ENOMEM, "allocation: no memory");
	}
	search_free(&s);
	return ret;
}

/* ---- fronts ---- */

struct front {
	struct allocate_point *points;
	uint16_t *choices; /* one block for all */
	size_t count, capacity;
};

static int front_grow(struct front *f, size_t more, uint32_t layers)
{
	size_t capacity = f->count + more;
	struct allocate_point *points;
	uint16_t *choices;

	if (capacity <= f->capacity)
		return 0;
	capacity += capacity / 2;
	points = reallocarray(f->points, capacity, sizeof(*points));
	f->points = points ? points : f->points;
	choices = reallocarray(f->choices, capacity, layers * sizeof(*choices));
	f->choices = choices ? choices : f->choices;
	if (!points || !choices)
		return error_set(-ENOMEM, "allocation: no memory for the front");
	f->capacity = capacity;
	return 0;
}

/* The list's points of less loss than @limit, which is that of the points so far. */
static int front_add(struct front *f, const struct allocation *s, double limit)
{
	const struct pareto_state *state = s->list.states;
	uint32_t layers = s->problem->count;
	size_t begin = f->count;
	int ret = front_grow(f, s->list.count, layers);

	for (size_t i = 0; i < s->list.count && !ret; i++) {
		if (state[i].loss >= limit)
			continue;
		/* Other budgets make states of the same cost on the axis; the last is best. */
		if (f->count > begin &&
		    f->points[f->count - 1].cost[s->order[0]] == state[i].cost[0])
			f->count--;
		tell(s, &state[i], f->choices + f->count * layers, &f->points[f->count]);
		limit = state[i].loss;
		f->count++;
	}
	return ret;
}

/* A point that is known, unless the front has it or a better one already. */
static int front_add_point(struct front *f, const struct allocate_point *p, uint32_t layers)
{
	int ret = front_grow(f, 1, layers);

	if (ret || (f->count && f->points[f->count - 1].loss <= p->loss))
		return ret;
	memcpy(f->choices + f->count * layers, p->choice, layers * sizeof(*f->choices));
	f->points[f->count++] = *p;
	return 0;
}

/*
 * The best of at most @most on the axis, if its loss is less than @limit. @point->choice has
 * room for it; @point->loss is @limit if there is none.
 */
static int best_below(struct allocation *s, uint64_t most, double limit,
		      struct allocate_point *point)
{
	const struct pareto_state *best;
	double loss;
	int ret;

	s->budget[0] = most;
	s->most_states = MAX_STATES;
	point->loss = limit;
	if (most < s->levels[s->problem->count].least[0])
		return 0;
	ret = allocation_bound(s, &loss);
	if (ret)
		return ret;
	set_limit(s, fmin(loss, limit));
	ret = run(s);
	if (ret)
		return ret == -EDOM ? 0 : ret;
	best = least_loss(&s->list);
	if (best->loss < limit)
		tell(s, best, point->choice, point);
	return 0;
}

/* Points that cost at most @high and have less loss than @limit, as one list. */
static int add_list(struct allocation *s, struct front *f, uint64_t high, size_t most_states,
		    double limit)
{
	double loss;
	int ret;

	s->budget[0] = high;
	s->most_states = most_states;
	ret = allocation_bound(s, &loss);
	if (ret)
		return ret;
	set_limit(s, limit);
	ret = run(s);
	if (!ret)
		ret = front_add(f, s, limit);
	return ret == -EDOM ? 0 : ret;
}

static int add_range(struct allocation *s, struct front *f, uint64_t low, uint64_t high,
		     double limit, double least);

static int add_halves(struct allocation *s, struct front *f, uint64_t low, uint64_t high,
		      double limit, double least)
{
	uint64_t middle = low + (high - low) / 2;
	uint32_t layers = s->problem->count;
	struct allocate_point p = { .choice = malloc(layers * sizeof(*p.choice)) };
	int ret = p.choice ? best_below(s, middle, limit, &p) :
			     error_set(-ENOMEM, "allocation: no memory");

	if (!ret && p.loss < limit) {
		ret = add_range(s, f, low, middle, limit, p.loss);
		if (!ret)
			ret = front_add_point(f, &p, layers);
	}
	if (!ret)
		ret = add_range(s, f, middle, high, p.loss, least);
	free(p.choice);
	return ret;
}

/*
 * Points that cost more than @low and at most @high and have less loss than @limit, the least
 * up to @low; @least or more is what there is up to @high.
 */
static int add_range(struct allocation *s, struct front *f, uint64_t low, uint64_t high,
		     double limit, double least)
{
	bool narrow = high - low < 2;
	int ret = -EAGAIN;

	if (limit <= least)
		return 0;
	if (s->work < RANGE_WORK)
		ret = add_list(s, f, high, narrow ? MAX_STATES : RANGE_STATES, limit);
	if (ret != -EAGAIN)
		return ret;
	if (limit <= least * (1 + RANGE_TOLERANCE)) {
		s->left_out = fmax(s->left_out, limit / least);
		return 0;
	}
	return narrow ? add_list(s, f, high, MAX_STATES, limit) :
			add_halves(s, f, low, high, limit, least);
}

/* The last range, up to the axis' budget; its end shall be there in any case. */
static int add_last(struct allocation *s, struct front *f, uint64_t low, uint64_t high,
		    double limit)
{
	uint32_t layers = s->problem->count;
	struct allocate_point p = { .choice = malloc(layers * sizeof(*p.choice)) };
	int ret = p.choice ? best_below(s, high, limit, &p) :
			     error_set(-ENOMEM, "allocation: no memory");

	if (!ret && p.loss < limit) {
		ret = add_range(s, f, low, high, limit, p.loss);
		if (!ret)
			ret = front_add_point(f, &p, layers);
	}
	free(p.choice);
	return ret;
}

/* The front as if there were no budgets beside the axis. */
static int relaxed_front(struct allocation *s, struct front *f)
{
	unsigned int dims = s->dims;
	int ret;

	s->dims = 1;
	ret = run(s);
	s->dims = dims;
	return ret ? ret : front_add(f, s, INFINITY);
}

static bool point_fits(const struct allocation *s, const struct allocate_point *p)
{
	for (unsigned int d = 1; d < s->dims; d++)
		if (p->cost[s->order[d]] > s->budget[d])
			return false;
	return true;
}

/* Points of @relaxed that fit are on the front; between them it may have others. */
static int fill_front(struct allocation *s, const struct front *relaxed, struct front *f)
{
	uint32_t layers = s->problem->count;
	uint64_t least = s->levels[layers].least[0], low = least ? least - 1 : 0;
	uint64_t most = s->budget[0];
	double limit = INFINITY;
	bool gap = false;
	int ret = 0;

	for (size_t i = 0; i < relaxed->count && !ret; i++) {
		struct allocate_point p = relaxed->points[i];

		if (!point_fits(s, &p)) {
			gap = true;
			continue;
		}
		if (gap)
			ret = add_range(s, f, low, p.cost[s->order[0]] - 1, limit,
					relaxed->points[i - 1].loss);
		p.choice = relaxed->choices + i * layers;
		if (!ret)
			ret = front_add_point(f, &p, layers);
		low = p.cost[s->order[0]];
		limit = p.loss;
		gap = false;
	}
	return ret || !gap ? ret : add_last(s, f, low, most, limit);
}

static int find_front(struct allocation *s, struct front *f)
{
	struct front relaxed = { 0 };
	int ret;

	if (s->dims < 2)
		return relaxed_front(s, f);
	ret = relaxed_front(s, &relaxed);
	if (!ret)
		ret = fill_front(s, &relaxed, f);
	free(relaxed.points);
	free(relaxed.choices);
	if (!ret && !f->count)
		ret = error_set(-EDOM, "allocation: each budget can be met, but not all at once");
	return ret;
}

int allocate_front(const struct allocate_problem *problem, enum allocate_cost axis,
		   struct allocate_point **points, size_t *count)
{
	struct front f = { 0 };
	struct allocation s;
	int ret;

	if (axis >= ALLOCATE_COSTS)
		return error_set(-EINVAL, "allocation: no cost has number %u", axis);
	ret = search_init(&s, problem, axis);
	if (!ret)
		ret = find_front(&s, &f);
	search_free(&s);
	if (ret) {
		free(f.points);
		free(f.choices);
		return ret;
	}
	for (size_t i = 0; i < f.count; i++) {
		f.points[i].choice = f.choices + i * problem->count;
		f.points[i].excess = s.thinned * s.left_out - 1;
	}
	*points = f.points;
	*count = f.count;
	return 0;
}

void allocate_point_clear(struct allocate_point *point)
{
	free(point->choice);
	point->choice = NULL;
}

void allocate_front_free(struct allocate_point *points, size_t count)
{
	if (count)
		free(points[0].choice); /* one block for all */
	free(points);
}
