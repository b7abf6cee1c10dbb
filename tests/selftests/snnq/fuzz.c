// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz SECONDS [SEED [CORPUS]]: sequences of ioctls and of what else goes with them,
 * made of numbers (fuzz.h). One in which a call ends as none of its kind did before, or
 * in which the calling task executes code of the driver that none did, is kept, and others
 * are made from it. CORPUS is a file of kept sequences, read at the begin and written at
 * the end.
 * Catches: calls that never end, processes that die, a device that is lost; the
 * kernel's checkers see the rest.
 *
 * What is executed is known where the kernel has KCOV and the module was built for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcov.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "fuzz.h"
#include "snnq_life.h"

#define WORKERS	   2
#define TRACE	   (1u << 17) /* points of one call that are seen */
#define POINTS	   (1u << 22) /* bytes of code, more than the driver has */
#define EDGES	   (1u << 20)
#define OUTCOMES   (1u << 16) /* kinds of calls, and how they ended */
#define MAX_KEPT   4000
#define ENOUGH	   20 /* kept by a run that is none too short */
#define STUCK_S	   60
#define CORPUS_TAG 0x515a4601u

/* How a worker ends by itself. */
enum { WORKER_DONE, WORKER_LOST = 10 };

/* Of all workers. Bits and counters are set atomically, kept sequences never change. */
static struct {
	volatile uint32_t stop, kept;
	uint64_t sequences, calls, good;
	uint64_t points, edges;
	uint64_t beat[WORKERS];
	uint32_t point[POINTS / 32], edge[EDGES / 32], outcome[OUTCOMES / 32];
	uint32_t ready[MAX_KEPT];
	struct fuzz_sequence corpus[MAX_KEPT];
} * all;

struct worker {
	uint32_t random;
	uint64_t *trace; /* the kernel's: how many points, and the points; NULL: it has none */
};

static uint32_t next_random(uint32_t *state)
{
	/* xorshift32, Marsaglia 2003 */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static uint32_t below(uint32_t *random, uint32_t limit)
{
	return next_random(random) % limit;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

/* What the task executes of the driver from now on; NULL: the kernel does not tell. */
static uint64_t *trace_begin(void)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	void *map;

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, (unsigned long)TRACE))
		return NULL;
	map = mmap(NULL, TRACE * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return map == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC) ? NULL : map;
}

/* Whether the bit was not set before. */
static bool set(uint32_t *bits, uint32_t bit)
{
	uint32_t mask = 1u << bit % 32;

	return !(bits[bit / 32] & mask) &&
	       !(__atomic_fetch_or(&bits[bit / 32], mask, __ATOMIC_RELAXED) & mask);
}

/* Add what was executed since the last time. Whether there is something new in it. */
static bool trace_merge(uint64_t *trace)
{
	uint64_t points = 0, edges = 0, before = 0, n;

	if (!trace)
		return false;
	n = __atomic_load_n(&trace[0], __ATOMIC_RELAXED);
	n = n < TRACE ? n : TRACE - 1;
	for (uint64_t i = 1; i <= n; i++) {
		points += set(all->point, (uint32_t)trace[i] % POINTS);
		edges += set(all->edge, (uint32_t)((trace[i] ^ before * 0x9e3779b1) % EDGES));
		before = trace[i];
	}
	__atomic_store_n(&trace[0], 0, __ATOMIC_RELAXED);
	add(&all->points, points);
	add(&all->edges, edges);
	return points || edges;
}

static void keep(const struct fuzz_sequence *s)
{
	uint32_t at = __atomic_load_n(&all->kept, __ATOMIC_RELAXED);

	do {
		if (at >= MAX_KEPT)
			return;
	} while (!__atomic_compare_exchange_n(&all->kept, &at, at + 1, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	all->corpus[at] = *s;
	__atomic_store_n(&all->ready[at], 1, __ATOMIC_RELEASE);
}

static const struct fuzz_sequence *some_kept(uint32_t *random)
{
	uint32_t kept = all->kept, at = kept ? below(random, kept) : 0;

	return kept && __atomic_load_n(&all->ready[at], __ATOMIC_ACQUIRE) ? &all->corpus[at] : NULL;
}

static uint32_t new_choice(uint32_t *random)
{
	return next_random(random) << 4 | (below(random, 4) ? 0 : 12);
}

static void new_call(uint32_t *random, struct fuzz_call *call)
{
	uint32_t changes = below(random, 4);

	memset(call, 0, sizeof(*call));
	call->kind = (uint8_t)below(random, fuzz_kinds());
	call->file = !below(random, 4);
	while (changes--)
		call->choice[below(random, 20)] = new_choice(random);
}

static void insert(struct fuzz_sequence *s, uint32_t at, const struct fuzz_call *call)
{
	struct fuzz_call copy = *call;

	if (s->count == FUZZ_CALLS)
		s->count--;
	memmove(&s->call[at + 1], &s->call[at], (s->count - at) * sizeof(copy));
	s->call[at] = copy;
	s->count++;
}

static void drop(struct fuzz_sequence *s, uint32_t at)
{
	s->count--;
	memmove(&s->call[at], &s->call[at + 1], (s->count - at) * sizeof(s->call[0]));
}

/* The begin of one, then the end of another. */
static void cross(struct fuzz_sequence *s, uint32_t at, const struct fuzz_sequence *other)
{
	uint32_t from = other->count / 2, n = other->count - from;

	n = n < FUZZ_CALLS - at ? n : FUZZ_CALLS - at;
	memcpy(&s->call[at], &other->call[from], n * sizeof(s->call[0]));
	s->count = at + n;
}

static void change_choice(uint32_t *random, struct fuzz_call *call)
{
	uint32_t *choice = &call->choice[below(random, call->used ? call->used : FUZZ_CHOICES)];

	*choice = below(random, 4) ? new_choice(random) : *choice ^ 1u << below(random, 32);
}

static void mutate(uint32_t *random, struct fuzz_sequence *s)
{
	const struct fuzz_sequence *other = some_kept(random);
	uint32_t at = below(random, s->count);
	struct fuzz_call call;

	switch (below(random, 12)) {
	case 0:
	case 1:
		new_call(random, &call);
		insert(s, at, &call);
		break;
	case 2:
		insert(s, at, &s->call[at]);
		break;
	case 3:
		if (s->count > 1)
			drop(s, at);
		break;
	case 4:
		if (other)
			cross(s, at, other);
		break;
	case 5:
		s->call[at].file ^= 1;
		break;
	default:
		change_choice(random, &s->call[at]);
	}
}

/* What all need, in the order in which they do. */
static void seed(struct fuzz_sequence *s)
{
	static const char *const names[] = {
		"BO_CREATE", "BO_CREATE",    "MODEL_CREATE", "STREAM_CREATE", "SYNCOBJ_CREATE",
		"SUBMIT",    "SYNCOBJ_WAIT", "BO_SYNC",	     "DEV_QUERY",     "STREAM_QUERY",
	};

	memset(s, 0, sizeof(*s));
	for (; s->count < sizeof(names) / sizeof(names[0]); s->count++)
		s->call[s->count].kind = (uint8_t)fuzz_kind(names[s->count]);
}

static void make(uint32_t *random, struct fuzz_sequence *s)
{
	const struct fuzz_sequence *kept = some_kept(random);
	uint32_t changes = 1 + below(random, 5);

	if (kept)
		*s = *kept;
	else
		seed(s);
	while (changes--)
		mutate(random, s);
}

/* Whether it did something new. Ends the worker when the device is lost. */
static bool run(struct worker *w, struct fuzz_sequence *s)
{
	bool fresh = false;

	if (fuzz_open())
		_exit(WORKER_LOST);
	for (uint32_t i = 0; i < s->count; i++) {
		int ret = fuzz_make(&s->call[i]);

		fresh |= trace_merge(w->trace);
		fresh |= set(all->outcome, s->call[i].kind << 8 | (ret < 0 ? -ret & 0xff : 0));
		add(&all->calls, 1);
		add(&all->good, ret >= 0);
		if (ret == -EIO || ret == -ENODEV)
			_exit(WORKER_LOST);
	}
	fuzz_close();
	fresh |= trace_merge(w->trace);
	add(&all->sequences, 1);
	return fresh;
}

/* A call that waits is interrupted. */
static void interrupt(int signal)
{
}

static void work(uint32_t who, uint32_t random)
{
	struct sigaction action = { .sa_handler = interrupt };
	struct itimerval timer = { { 0, 300000 }, { 0, 300000 } };
	struct worker w = { .random = random * 2654435761u + 12345 };
	struct fuzz_sequence s;

	if (fuzz_prepare())
		_exit(WORKER_LOST);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	w.trace = trace_begin();
	/* what was kept before, then what comes of it */
	for (uint32_t i = who, kept = all->kept; i < kept && !all->stop; i += WORKERS) {
		struct fuzz_sequence old = all->corpus[i];

		run(&w, &old);
		add(&all->beat[who], 1);
	}
	while (!all->stop) {
		make(&w.random, &s);
		if (run(&w, &s))
			keep(&s);
		add(&all->beat[who], 1);
	}
	_exit(WORKER_DONE);
}

/* Zeros at a call's end need not be told. */
static void write_corpus(FILE *f)
{
	uint32_t kept = all->kept, head[2] = { CORPUS_TAG, 0 };

	for (uint32_t i = 0; i < kept; i++)
		head[1] += all->ready[i];
	fwrite(head, sizeof(head), 1, f);
	for (uint32_t i = 0; i < kept; i++) {
		const struct fuzz_sequence *s = &all->corpus[i];

		if (!all->ready[i])
			continue;
		fwrite(&s->count, sizeof(s->count), 1, f);
		for (uint32_t c = 0; c < s->count; c++) {
			const struct fuzz_call *call = &s->call[c];
			uint16_t n = FUZZ_CHOICES;

			while (n && !call->choice[n - 1])
				n--;
			fwrite(&call->kind, 1, 1, f);
			fwrite(&call->file, 1, 1, f);
			fwrite(&n, sizeof(n), 1, f);
			fwrite(call->choice, sizeof(call->choice[0]), n, f);
		}
	}
}

static bool read_call(FILE *f, struct fuzz_call *call)
{
	uint16_t n;

	memset(call, 0, sizeof(*call));
	return fread(&call->kind, 1, 1, f) == 1 && fread(&call->file, 1, 1, f) == 1 &&
	       fread(&n, sizeof(n), 1, f) == 1 && n <= FUZZ_CHOICES &&
	       fread(call->choice, sizeof(call->choice[0]), n, f) == n;
}

/* As far as it is one. */
static void read_corpus(FILE *f)
{
	struct fuzz_sequence s;
	uint32_t head[2];

	if (fread(head, sizeof(head), 1, f) != 1 || head[0] != CORPUS_TAG)
		return;
	while (head[1]--) {
		uint32_t count;

		if (fread(&count, sizeof(count), 1, f) != 1 || !count || count > FUZZ_CALLS)
			return;
		for (s.count = 0; s.count < count; s.count++)
			if (!read_call(f, &s.call[s.count]))
				return;
		keep(&s);
	}
}

static void corpus(const char *path, const char *mode, void (*with)(FILE *f))
{
	FILE *f = path ? fopen(path, mode) : NULL;

	if (f) {
		with(f);
		fclose(f);
	}
}

/* What happened to the workers. */
static struct {
	pid_t pid[WORKERS];
	uint64_t beat[WORKERS];
	double since[WORKERS];
	uint32_t died, stuck, lost, rebinds, started;
} watch;

static void start(uint32_t who, uint32_t random)
{
	fflush(stdout);
	watch.since[who] = now();
	watch.pid[who] = fork();
	if (!watch.pid[who])
		work(who, random + WORKERS * watch.started + who);
	watch.started++;
}

static void judge(int status)
{
	if (!WIFEXITED(status))
		watch.died++;
	else if (WEXITSTATUS(status) == WORKER_LOST)
		watch.lost++;
}

/* A worker that ended, or does not get on; whether it is gone. */
static bool look_at(uint32_t who)
{
	int status;

	if (waitpid(watch.pid[who], &status, WNOHANG) == watch.pid[who]) {
		judge(status);
		watch.pid[who] = 0;
		return true;
	}
	if (all->beat[who] != watch.beat[who]) {
		watch.beat[who] = all->beat[who];
		watch.since[who] = now();
	} else if (now() > watch.since[who] + STUCK_S) {
		printf("# worker %u does not get on\n", who);
		watch.stuck++;
		kill(watch.pid[who], SIGKILL);
		watch.since[who] = now();
	}
	return false;
}

/* All end, or are stuck. */
static void end_workers(void)
{
	double begin = now();
	uint32_t left = 0;

	all->stop = 1;
	do {
		left = 0;
		for (uint32_t i = 0; i < WORKERS; i++)
			left += watch.pid[i] && !look_at(i);
		usleep(20000);
	} while (left && now() < begin + 2 * STUCK_S);
	watch.stuck += left;
	all->stop = 0;
}

/* What was given up comes back when it is bound anew. */
static bool rebind(const char *name)
{
	uint32_t lost = watch.lost;

	end_workers();
	watch.lost = lost;
	watch.rebinds++;
	return !watch.stuck && device_unbind(name) && device_bind(name);
}

static bool fuzz(const char *name, double end, uint32_t random)
{
	double next = now() + 10;
	bool bound = true;

	while (now() < end && bound && !watch.stuck && watch.died < 10) {
		uint32_t lost = watch.lost;

		for (uint32_t i = 0; i < WORKERS; i++)
			if (!watch.pid[i] || look_at(i))
				start(i, random);
		if (watch.lost > lost)
			bound = rebind(name);
		usleep(100000);
		if (now() > next) {
			next += 10;
			printf("# %llu sequences, %llu calls, %llu points, %llu edges, %u kept\n",
			       (unsigned long long)all->sequences, (unsigned long long)all->calls,
			       (unsigned long long)all->points, (unsigned long long)all->edges,
			       all->kept);
		}
	}
	end_workers();
	return bound;
}

static void result(int number, bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", number, what);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 20, fd = snnq_test_open();
	uint32_t random = argc > 2 ? (uint32_t)atoi(argv[2]) : 1, before;
	const char *path = argc > 3 ? argv[3] : NULL;
	bool bound, works;
	char name[32];

	setvbuf(stdout, NULL, _IOLBF, 0);
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("TAP version 13\n1..5\n");
	if (all == MAP_FAILED || fd < 0 || !pci_name(fd, name)) {
		printf("Bail out! no device\n");
		return 1;
	}
	close(fd);
	corpus(path, "rb", read_corpus);
	before = all->kept;
	bound = fuzz(name, now() + seconds, random);
	unmap_registers(map_registers()); /* no fault of a worker's is left to come */
	works = bound && device_works(snnq_test_open());
	corpus(path, "wb", write_corpus);
	result(1, fuzz_table_complete(), "the table has all calls, and their structures whole");
	result(2, all->kept >= ENOUGH, "what does something new is kept");
	result(3, !watch.stuck, "every call ends");
	result(4, !watch.died, "nobody dies of a call");
	result(5, works, "the device computes after all that");
	printf("# %d s, seed %u: %llu sequences, %llu calls, %llu of them good, %llu points, %llu edges, %u kept and %u before, %u times lost, %u rebinds\n",
	       seconds, random, (unsigned long long)all->sequences, (unsigned long long)all->calls,
	       (unsigned long long)all->good, (unsigned long long)all->points,
	       (unsigned long long)all->edges, all->kept - before, before, watch.lost,
	       watch.rebinds);
	return !fuzz_table_complete() || all->kept < ENOUGH || watch.stuck || watch.died || !works;
}
