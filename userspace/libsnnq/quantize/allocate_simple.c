// SPDX-License-Identifier: MIT
/*
 * allocate_simple.c - see allocate_simple.h.
 */
#include "quantize/allocate_simple.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* ---- steps: of each layer the options that no other beats, by falling cost ---- */

struct ladder {
	uint16_t *options;
	uint32_t count;
};

struct ladders {
	const struct allocate_problem *p;
	struct ladder *layers;
};

static uint64_t cost_of(const struct allocate_option *o)
{
	return o->cost[ALLOCATE_BITS];
}

static bool beaten(const struct allocate_layer *l, uint32_t i)
{
	const struct allocate_option *a = &l->options[i];

	for (uint32_t k = 0; k < l->count; k++) {
		const struct allocate_option *b = &l->options[k];

		if (cost_of(b) <= cost_of(a) && b->loss <= a->loss &&
		    (cost_of(b) < cost_of(a) || b->loss < a->loss || k < i))
			return true;
	}
	return false;
}

static void fill_ladder(const struct allocate_layer *l, struct ladder *out)
{
	for (uint32_t i = 0; i < l->count; i++) {
		uint32_t at = out->count;

		if (beaten(l, i))
			continue;
		for (; at && cost_of(&l->options[out->options[at - 1]]) < cost_of(&l->options[i]);
		     at--)
			out->options[at] = out->options[at - 1];
		out->options[at] = (uint16_t)i;
		out->count++;
	}
}

static void ladders_close(struct ladders *l)
{
	for (uint32_t i = 0; l->layers && i < l->p->count; i++)
		free(l->layers[i].options);
	free(l->layers);
}

static int no_memory(void)
{
	return error_set(-ENOMEM, "no memory to allocate bits");
}

static int ladders_open(const struct allocate_problem *p, struct ladders *l)
{
	*l = (struct ladders){ p, calloc(p->count, sizeof(*l->layers)) };
	for (uint32_t i = 0; l->layers && i < p->count; i++) {
		l->layers[i].options = calloc(p->layers[i].count, sizeof(uint16_t));
		if (!l->layers[i].options) {
			ladders_close(l);
			return no_memory();
		}
		fill_ladder(&p->layers[i], &l->layers[i]);
	}
	return l->layers ? 0 : no_memory();
}

static const struct allocate_option *step_of(const struct ladders *l, uint32_t layer, uint32_t step)
{
	return &l->p->layers[layer].options[l->layers[layer].options[step]];
}

/* ---- states: how many steps down each layer is ---- */

struct state {
	double loss;
	uint64_t cost;
	uint16_t *steps;
};

static void add_up(const struct ladders *l, struct state *s)
{
	s->loss = 0;
	s->cost = 0;
	for (uint32_t i = 0; i < l->p->count; i++) {
		const struct allocate_option *o = step_of(l, i, s->steps[i]);

		s->loss += o->loss;
		s->cost += cost_of(o);
	}
}

/* Loss for each bit saved since @top; the less the better. */
static double slope(const struct state *top, const struct state *s)
{
	return (s->loss - top->loss) / (double)(top->cost - s->cost);
}

static int finish(const struct allocate_problem *p, const uint16_t *choice,
		  struct allocate_point *best)
{
	*best = (struct allocate_point){ .choice = malloc(p->count * sizeof(*best->choice)) };
	if (!best->choice)
		return no_memory();
	memcpy(best->choice, choice, p->count * sizeof(*choice));
	for (uint32_t i = 0; i < p->count; i++) {
		const struct allocate_option *o = &p->layers[i].options[choice[i]];

		best->loss += o->loss;
		for (int k = 0; k < ALLOCATE_COSTS; k++)
			best->cost[k] += o->cost[k];
	}
	return 0;
}

static int nothing_fits(const struct allocate_problem *p)
{
	uint64_t least = 0;

	for (uint32_t i = 0; i < p->count; i++) {
		uint64_t smallest = UINT64_MAX;

		for (uint32_t k = 0; k < p->layers[i].count; k++)
			if (cost_of(&p->layers[i].options[k]) < smallest)
				smallest = cost_of(&p->layers[i].options[k]);
		least += smallest;
	}
	return error_set(-EDOM, "expected a budget of at least %.1f bits, found %.1f",
			 (double)least / 10, (double)p->budget[ALLOCATE_BITS] / 10);
}

/* ---- beams ---- */

struct beam {
	const struct ladders *l;
	uint32_t width, count, next_count;
	struct state top, found; /* no step; the best that fits, or steps NULL */
	struct state *now, *next;
	uint16_t *memory;
};

static int beam_open(struct beam *b, const struct ladders *l, uint32_t width)
{
	uint32_t n = l->p->count;

	*b = (struct beam){ .l = l, .width = width, .count = 1 };
	b->memory = calloc((size_t)(2 * width + 3) * n, sizeof(*b->memory));
	b->now = calloc(width, sizeof(*b->now));
	b->next = calloc(width + 1, sizeof(*b->next));
	if (!b->memory || !b->now || !b->next)
		return no_memory();
	for (uint32_t i = 0; i < width; i++)
		b->now[i].steps = b->memory + (size_t)i * n;
	for (uint32_t i = 0; i <= width; i++)
		b->next[i].steps = b->memory + (size_t)(width + i) * n;
	b->top.steps = b->memory + (size_t)(2 * width + 1) * n;
	b->found.steps = b->memory + (size_t)(2 * width + 2) * n;
	b->found.loss = INFINITY;
	add_up(l, &b->top);
	add_up(l, &b->now[0]);
	return 0;
}

static void beam_close(struct beam *b)
{
	free(b->memory);
	free(b->now);
	free(b->next);
}

/* @s one step further down in @layer takes its place among the best, once. */
static void offer(struct beam *b, const struct state *s, uint32_t layer)
{
	uint32_t n = b->l->p->count, at = b->next_count;
	struct state *spare = &b->next[b->next_count], moved;

	memcpy(spare->steps, s->steps, n * sizeof(*s->steps));
	spare->steps[layer]++;
	add_up(b->l, spare);
	for (uint32_t i = 0; i < b->next_count; i++)
		if (!memcmp(b->next[i].steps, spare->steps, n * sizeof(*s->steps)))
			return;
	moved = *spare;
	for (; at && slope(&b->top, &moved) < slope(&b->top, &b->next[at - 1]); at--)
		b->next[at] = b->next[at - 1];
	b->next[at] = moved;
	b->next_count += b->next_count < b->width;
}

/* Those that fit are over; the best of them stays. */
static void take_fitting(struct beam *b)
{
	uint32_t n = b->l->p->count, kept = 0;

	for (uint32_t i = 0; i < b->count; i++) {
		struct state s = b->now[i];

		if (s.cost > b->l->p->budget[ALLOCATE_BITS]) {
			b->now[i] = b->now[kept];
			b->now[kept++] = s;
		} else if (s.loss < b->found.loss) {
			memcpy(b->found.steps, s.steps, n * sizeof(*s.steps));
			b->found.loss = s.loss;
		}
	}
	b->count = kept;
}

static void advance(struct beam *b)
{
	b->next_count = 0;
	for (uint32_t i = 0; i < b->count; i++)
		for (uint32_t k = 0; k < b->l->p->count; k++)
			if (b->now[i].steps[k] + 1u < b->l->layers[k].count)
				offer(b, &b->now[i], k);
	b->count = b->next_count;
	for (uint32_t i = 0; i < b->count; i++) {
		struct state s = b->now[i];

		b->now[i] = b->next[i];
		b->next[i] = s;
	}
}

static int finish_beam(const struct beam *b, struct allocate_point *best)
{
	const struct allocate_problem *p = b->l->p;
	uint16_t *choice;
	int ret;

	if (!isfinite(b->found.loss))
		return nothing_fits(p);
	choice = calloc(p->count, sizeof(*choice));
	for (uint32_t i = 0; choice && i < p->count; i++)
		choice[i] = b->l->layers[i].options[b->found.steps[i]];
	ret = choice ? finish(p, choice, best) : no_memory();
	free(choice);
	return ret;
}

int allocate_beam(const struct allocate_problem *p, uint32_t width, struct allocate_point *best)
{
	struct ladders l;
	struct beam b;
	int ret = ladders_open(p, &l);

	if (ret)
		return ret;
	ret = beam_open(&b, &l, width);
	while (!ret && (take_fitting(&b), b.count))
		advance(&b);
	if (!ret)
		ret = finish_beam(&b, best);
	beam_close(&b);
	ladders_close(&l);
	return ret;
}

/* ---- greedy ---- */

/* The step of least slope from @s: its layer, or -1. */
static int64_t best_step(const struct ladders *l, const struct state *s)
{
	double least = INFINITY;
	int64_t best = -1;

	for (uint32_t i = 0; i < l->p->count; i++) {
		const struct allocate_option *from, *to;
		double loss;

		if (s->steps[i] + 1u >= l->layers[i].count)
			continue;
		from = step_of(l, i, s->steps[i]);
		to = step_of(l, i, s->steps[i] + 1u);
		loss = (to->loss - from->loss) / (double)(cost_of(from) - cost_of(to));
		if (loss < least) {
			least = loss;
			best = i;
		}
	}
	return best;
}

int allocate_greedy(const struct allocate_problem *p, struct allocate_point *best)
{
	struct state s = { .steps = calloc(p->count, sizeof(*s.steps)) };
	struct ladders l;
	int ret = s.steps ? ladders_open(p, &l) : no_memory();

	if (ret) {
		free(s.steps);
		return ret;
	}
	for (add_up(&l, &s); !ret && s.cost > p->budget[ALLOCATE_BITS]; add_up(&l, &s)) {
		int64_t layer = best_step(&l, &s);

		if (layer < 0)
			ret = nothing_fits(p);
		else
			s.steps[layer]++;
	}
	for (uint32_t i = 0; !ret && i < p->count; i++)
		s.steps[i] = l.layers[i].options[s.steps[i]];
	if (!ret)
		ret = finish(p, s.steps, best);
	ladders_close(&l);
	free(s.steps);
	return ret;
}

/* ---- random ---- */

/* Steele, Lea and Flood 2014: splitmix64. */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Give a layer an option at random of those that are cheaper, or dearer by at most @room. */
static bool change(const struct allocate_layer *l, bool cheaper, uint64_t room, uint64_t *state,
		   uint16_t *choice, uint64_t *cost)
{
	uint64_t now = cost_of(&l->options[*choice]);
	uint32_t first = (uint32_t)(draw(state) % l->count);

	for (uint32_t k = 0; k < l->count; k++) {
		uint32_t i = (first + k) % l->count;
		uint64_t then = cost_of(&l->options[i]);

		if (cheaper ? then >= now : then <= now || then - now > room)
			continue;
		*choice = (uint16_t)i;
		*cost = *cost - now + then;
		return true;
	}
	return false;
}

/* Change layers in a random order each time, until @budget lies between, or nothing can change. */
static void change_all(const struct allocate_problem *p, bool cheaper, uint64_t *state,
		       uint16_t *choice, uint64_t *cost)
{
	uint64_t budget = p->budget[ALLOCATE_BITS];
	bool changed = true;

	while (changed && (!cheaper || *cost > budget)) {
		uint32_t first = (uint32_t)(draw(state) % p->count);

		changed = false;
		for (uint32_t k = 0; !changed && k < p->count; k++) {
			uint32_t i = (first + k) % p->count;

			changed = change(&p->layers[i], cheaper, cheaper ? 0 : budget - *cost,
					 state, &choice[i], cost);
		}
	}
}

int allocate_random(const struct allocate_problem *p, uint64_t seed, struct allocate_point *best)
{
	uint16_t *choice = calloc(p->count, sizeof(*choice));
	uint64_t cost = 0;
	int ret = choice ? 0 : no_memory();

	for (uint32_t i = 0; !ret && i < p->count; i++) {
		choice[i] = (uint16_t)(draw(&seed) % p->layers[i].count);
		cost += cost_of(&p->layers[i].options[choice[i]]);
	}
	if (!ret)
		change_all(p, true, &seed, choice, &cost);
	if (!ret && cost > p->budget[ALLOCATE_BITS])
		ret = nothing_fits(p);
	if (!ret) {
		change_all(p, false, &seed, choice, &cost);
		ret = finish(p, choice, best);
	}
	free(choice);
	return ret;
}
