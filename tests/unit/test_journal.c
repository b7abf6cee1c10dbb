// SPDX-License-Identifier: MIT
/*
 * test_journal.c - journals: bit-exact, resumed after a cut at every byte, one writer, merged
 * to the same bytes in every order; what else is in a file is refused by line.
 */
#define _GNU_SOURCE /* syscall() */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"
#include "quantize/journal.h"
#include "snnq.h"

#define HEADER "{\"model\":\"12ab\",\"options\":{\"bits\":4}}"

static void write_file(const char *path, const char *text, size_t bytes)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, bytes, f), bytes);
	assert_int_equal(fclose(f), 0);
}

static char *read_whole(const char *path, size_t *bytes)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(text);
	*bytes = fread(text, 1, (1 << 20) - 1, f);
	fclose(f);
	return text;
}

static struct journal *open_ok(const char *path)
{
	struct journal *j;

	if (journal_open(path, HEADER, &j))
		fail_msg("%s", snnq_last_error(NULL));
	return j;
}

static void assert_error(int got, int expected, const char *text)
{
	assert_int_equal(got, expected);
	if (!strstr(snnq_last_error(NULL), text))
		fail_msg("error \"%s\" does not say \"%s\"", snnq_last_error(NULL), text);
}

/* ---- values ---- */

static void values_come_back_bit_for_bit(void **state)
{
	static const double hard[] = {
		0,
		-0.0,
		1,
		-1.5,
		0.1,
		1 / 3.0,
		5e-324,
		-2.2250738585072009e-308,
		2.2250738585072014e-308,
		1.7976931348623157e308,
		INFINITY,
		-INFINITY,
		M_PI,
	};
	const size_t n = sizeof(hard) / sizeof(hard[0]);
	const char *path = folder_path("values"), *key = "layer \"q\"\n\\ \x01 \xc3\xa4:uniform:3";
	double got[sizeof(hard) / sizeof(hard[0])];
	struct journal *j = open_ok(path);
	uint64_t random = 7;

	(void)state;
	assert_int_equal(journal_add(j, key, hard, n), 0);
	for (int i = 0; i < 300; i++) { /* the table grows */
		double v;
		char name[16];

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		memcpy(&v, &random, 8);
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(journal_add(j, name, &v, 1), isnan(v) ? -EINVAL : 0);
	}
	journal_close(j);
	j = open_ok(path);
	assert_true(journal_find(j, key, got, n));
	assert_memory_equal(got, hard, sizeof(hard));
	assert_false(journal_find(j, key, got, n - 1));
	assert_false(journal_find(j, "other", got, n));
	random = 7;
	for (int i = 0; i < 300; i++) {
		double v, w = 0;
		char name[16];

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		memcpy(&v, &random, 8);
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(journal_find(j, name, &w, 1), !isnan(v));
		assert_true(isnan(v) || !memcmp(&v, &w, 8));
	}
	journal_close(j);
}

static void a_known_key_takes_the_same_values_only(void **state)
{
	const char *path = folder_path("known");
	struct journal *j = open_ok(path);
	size_t bytes, again;
	double v[2] = { 1, 2 };

	(void)state;
	assert_int_equal(journal_add(j, "a", v, 2), 0);
	free(read_whole(path, &bytes));
	assert_int_equal(journal_add(j, "a", v, 2), 0);
	free(read_whole(path, &again));
	assert_int_equal(again, bytes);
	assert_error(journal_add(j, "a", v, 1), -EEXIST, "key \"a\"");
	v[1] = 2.0000000000000004;
	assert_error(journal_add(j, "a", v, 2), -EEXIST, "other values");
	assert_error(journal_add(j, "", v, 2), -EINVAL, "expected a key");
	assert_error(journal_add(j, "b", v, 0), -EINVAL, "expected a key and values");
	v[1] = NAN;
	assert_error(journal_add(j, "b", v, 2), -EINVAL, "value 1 is not a number");
	assert_int_equal(journal_count(j), 1);
	journal_close(j);
}

/* ---- being killed ---- */

#define KEYS 12

static void add_some(struct journal *j, int from, int to)
{
	char key[32];

	for (int i = from; i < to; i++) {
		double v[2] = { sqrt(i), -i / 7.0 };

		snprintf(key, sizeof(key), "layer%d:pot:%d", i * 5 % KEYS, i % 4 + 2);
		assert_int_equal(journal_add(j, key, v, 2), 0);
	}
}

/* They are as add_some() made them. */
static void check_some(struct journal *j, int from, int to)
{
	char key[32];

	for (int i = from; i < to; i++) {
		double v[2];

		snprintf(key, sizeof(key), "layer%d:pot:%d", i * 5 % KEYS, i % 4 + 2);
		assert_true(journal_find(j, key, v, 2));
		assert_true(v[0] == sqrt(i) && v[1] == -i / 7.0);
	}
}

static void a_cut_at_every_byte_is_resumed(void **state)
{
	const char *path = folder_path("cut");
	struct journal *j = open_ok(path);
	char *whole, *again;
	size_t bytes, length;

	(void)state;
	add_some(j, 0, KEYS);
	journal_close(j);
	whole = read_whole(path, &bytes);
	for (size_t cut = 0; cut <= bytes; cut++) {
		size_t lines = 0;

		for (size_t i = 0; i < cut; i++)
			lines += whole[i] == '\n';
		write_file(path, whole, cut);
		j = open_ok(path);
		assert_int_equal(journal_count(j), lines ? lines - 1 : 0);
		add_some(j, 0, KEYS); /* what is there already is not written again */
		journal_close(j);
		again = read_whole(path, &length);
		assert_int_equal(length, bytes);
		assert_memory_equal(again, whole, bytes);
		free(again);
	}
	free(whole);
}

static void a_killed_writer_leaves_whole_lines(void **state)
{
	const char *path = folder_path("killed");
	struct journal *j;
	pid_t child = fork();
	int status;
	double v[2];

	(void)state;
	if (!child) {
		if (journal_open(path, HEADER, &j))
			_exit(1);
		for (int i = 0; i < 5; i++) {
			v[0] = i;
			journal_add(j, (const char *[]){ "a", "b", "c", "d", "e" }[i], v, 1);
		}
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	j = open_ok(path);
	assert_int_equal(journal_count(j), 5);
	assert_true(journal_find(j, "e", v, 1));
	assert_true(v[0] == 4);
	journal_close(j);
}

static void a_failed_write_leaves_no_half_line(void **state)
{
	const char *path = folder_path("full");
	struct journal *j = open_ok(path);
	struct rlimit old, small;
	double v = 0.1;
	struct stat st;

	(void)state;
	assert_int_equal(journal_add(j, "fits", &v, 1), 0);
	stat(path, &st);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ (rlim_t)st.st_size + 10, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	assert_error(journal_add(j, "does not fit", &v, 1), -ENOSPC, "cannot be written");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(journal_add(j, "fits again", &v, 1), 0);
	journal_close(j);
	j = open_ok(path);
	assert_int_equal(journal_count(j), 2);
	journal_close(j);
}

/* ---- who may write ---- */

static void a_second_writer_is_refused(void **state)
{
	const char *path = folder_path("two");
	struct journal *j = open_ok(path), *k;

	(void)state;
	add_some(j, 0, 3);
	assert_error(journal_open(path, HEADER, &k), -EBUSY, "another process writes it");
	assert_error(journal_merge(folder_path("out"), HEADER, &path, 1), -EBUSY,
		     "another process writes it");
	assert_int_equal(access(folder_path("out"), F_OK), -1);
	journal_close(j);
	k = open_ok(path);
	assert_int_equal(journal_count(k), 3);
	journal_close(k);
}

static void *add_from_thread(void *journal)
{
	for (int i = 0; i < 50; i++) {
		double v = i, w;
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		if (journal_add(journal, key, &v, 1) || !journal_find(journal, key, &w, 1) ||
		    w != v)
			return journal;
	}
	return NULL;
}

static void threads_share_a_journal(void **state)
{
	const char *path = folder_path("threads");
	struct journal *j = open_ok(path);
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_from_thread, j), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	journal_close(j);
	j = open_ok(path);
	assert_int_equal(journal_count(j), 50);
	journal_close(j);
}

/* ---- other content ---- */

static void another_header_is_refused(void **state)
{
	const char *path = folder_path("header");
	struct journal *j = open_ok(path);
	size_t bytes, after;
	char *text;

	(void)state;
	add_some(j, 0, 2);
	journal_close(j);
	free(read_whole(path, &bytes));
	assert_error(journal_open(path, "{\"model\":\"12ab\",\"options\":{\"bits\":3}}", &j),
		     -ESTALE, "options: expected {");
	assert_error(journal_open(path, "{}", &j), -ESTALE,
		     "model (SHA-256): expected none, found 12ab");
	assert_error(journal_open(path, HEADER " ", &j), -ESTALE, "written in another way");
	text = read_whole(path, &after);
	assert_int_equal(after, bytes); /* and nothing happened to it */
	free(text);
	assert_error(journal_open(path, "no json", &j), -EINVAL, "one line of JSON");
	assert_error(journal_open(path, "{\n}", &j), -EINVAL, "one line of JSON");
	write_file(path, "something else", 14);
	assert_error(journal_open(path, HEADER, &j), -ESTALE, "header of a journal");
	write_file(path, HEADER "\0\n", sizeof(HEADER) + 1);
	assert_error(journal_open(path, HEADER, &j), -ESTALE, "written in another way");
	assert_error(journal_open(folder_path(NULL), HEADER, &j), -EISDIR, folder_path(NULL));
}

/* Sums by another program: SHA-256 of the header, a byte 0, and the line without its sum. */
#define GOOD "{\"key\":\"a\",\"values\":[\"0x1.0000000000000p+0\"],\"sum\":\"97fef6c8\"}\n"

static void damage_is_told_by_line(void **state)
{
	static const char *const lines[] = {
		"\n",
		"{}\n",
		"[]\n",
		"null\n",
		"\"\n",
		"{\"key\":\"b\"}\n",
		"{\"key\":\"\",\"values\":[\"0x1.0000000000000p+0\"]}\n",
		"{\"key\":\"b\",\"values\":[]}\n",
		"{\"key\":\"b\",\"values\":[1]}\n",
		"{\"key\":\"b\",\"values\":[\"\"]}\n",
		"{\"key\":\"b\",\"values\":[\"nan\"]}\n",
		"{\"key\":\"b\",\"values\":[\"1\"]}\n",
		"{\"key\":\"b\",\"values\":[\"0x1p+0\"]}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+1024\"]}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+99999\"]}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.000000000000p+0\"]}\n",
		"{\"key\":\"b\",\"values\":[\" 0x1.0000000000000p+0\"]}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+0x\"]}\n",
		"{\"key\": \"b\",\"values\":[\"0x1.0000000000000p+0\"]}\n",
		"{\"values\":[\"0x1.0000000000000p+0\"],\"key\":\"b\"}\n",
		"{\"key\":\"b\",\"key\":\"c\",\"values\":[\"0x1.0000000000000p+0\"]}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+0\"]}{}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+0\"],\"more\":1}\n",
		"{\"key\":\"a\",\"values\":[\"0x1.0000000000001p+0\"]}\n",
		/* without a sum, with that of another line, with one written otherwise, twice */
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+0\"]}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+0\"],\"sum\":\"97fef6c8\"}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+0\"],\"sum\":\"63FAF641\"}\n",
		"{\"key\":\"b\",\"values\":[\"0x1.0000000000000p+0\"],\"sum\":\"63faf641\",\"sum\":\"63faf641\"}"
		"\n",
		"{\"key\":\"a\",\"values\":[\"0x1.0000000000000p+0\",\"0x1.0000000000000p+0\"]}\n",
	};
	const char *path = folder_path("damage");
	char text[512];
	struct journal *j;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(text, sizeof(text), HEADER "\n" GOOD "%s", lines[i]);
		write_file(path, text, strlen(text));
		assert_error(journal_open(path, HEADER, &j), -EBADMSG, "damage: line 3: ");
	}
	snprintf(text, sizeof(text), HEADER "\n" GOOD GOOD); /* twice the same is fine */
	write_file(path, text, strlen(text));
	j = open_ok(path);
	assert_int_equal(journal_count(j), 1);
	journal_close(j);
	memcpy(text + strlen(HEADER) + 10, "\0", 1);
	write_file(path, text, strlen(HEADER "\n" GOOD GOOD));
	assert_error(journal_open(path, HEADER, &j), -EBADMSG, "line 2: ");
}

/* Nesting, and every single byte changed: an error or a journal, never a crash. */
static void hostile_content_is_survived(void **state)
{
	const char *path = folder_path("hostile");
	struct journal *j = open_ok(path);
	char *deep = malloc(300000), *text;
	size_t bytes;

	(void)state;
	add_some(j, 0, 2);
	journal_close(j);
	text = read_whole(path, &bytes);
	for (size_t i = 0; i < bytes; i++)
		for (int change = 0; change < 3; change++) {
			char old = text[i];
			int ret;

			text[i] = (const char[]){ 0, '"', (char)(old ^ 1) }[change];
			write_file(path, text, bytes);
			ret = journal_open(path, HEADER, &j);
			if (!ret) {
				assert_true(journal_count(j) <= 2);
				check_some(j, 0, (int)journal_count(j));
				journal_close(j);
			} else {
				assert_true(ret == -EBADMSG || ret == -ESTALE);
			}
			text[i] = old;
		}
	free(text);
	assert_non_null(deep);
	memset(deep, '[', 300000);
	memcpy(deep, HEADER "\n", sizeof(HEADER));
	deep[299999] = '\n';
	write_file(path, deep, 300000);
	assert_error(journal_open(path, HEADER, &j), -EBADMSG, "line 2: ");
	free(deep);
}

/* Any digit of a number, of a key or of the header changed, as a bad disk or an editor does. */
static void a_changed_digit_is_found(void **state)
{
	const char *path = folder_path("digit"), *out = folder_path("digit-merged");
	struct journal *j = open_ok(path);
	size_t bytes;
	char *text;

	(void)state;
	add_some(j, 0, 3);
	journal_close(j);
	text = read_whole(path, &bytes);
	for (size_t i = 0; i < bytes; i++) {
		char old = text[i];

		if (old < '0' || old > '9')
			continue;
		text[i] = (char)('0' + (old - '0' + 1) % 10);
		write_file(path, text, bytes);
		if (i > strlen(HEADER)) {
			assert_error(journal_open(path, HEADER, &j), -EBADMSG, "digit: line ");
			assert_error(journal_merge(out, HEADER, &path, 1), -EBADMSG,
				     "digit: line ");
		} else {
			assert_error(journal_open(path, HEADER, &j), -ESTALE, "belongs to other");
			assert_error(journal_merge(out, HEADER, &path, 1), -ESTALE,
				     "digit: belongs to other work: ");
		}
		text[i] = old;
	}
	free(text);
	assert_int_equal(access(out, F_OK), -1);
}

/* ---- locks ---- */

/* As a network file system has them: exclusive ones want a writable file, or there are none. */
static enum { LOCKS_LOCAL, LOCKS_NFS, LOCKS_NONE } locks;

int flock(int fd, int how)
{
	if (locks == LOCKS_NONE ||
	    (locks == LOCKS_NFS && how & LOCK_EX && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY)) {
		errno = locks == LOCKS_NONE ? ENOLCK : EBADF;
		return -1;
	}
	return (int)syscall(SYS_flock, fd, how);
}

static void network_file_systems_have_other_locks(void **state)
{
	const char *paths[2] = { folder_path("nfs0"), folder_path("nfs1") },
		   *out = folder_path("nfs");
	struct journal *j;

	(void)state;
	for (int i = 0; i < 2; i++) {
		j = open_ok(paths[i]);
		add_some(j, i, i + 2);
		journal_close(j);
	}
	locks = LOCKS_NFS;
	for (int i = 0; i < 2; i++) /* the second time it replaces a file */
		assert_int_equal(journal_merge(out, HEADER, paths, 2), 0);
	j = open_ok(out);
	assert_error(journal_merge(out, HEADER, paths, 2), -EBUSY,
		     "nfs: another process writes it");
	journal_close(j);
	locks = LOCKS_NONE;
	assert_error(journal_open(out, HEADER, &j), -ENOLCK, "nfs: its file system cannot lock it");
	assert_error(journal_merge(out, HEADER, paths, 2), -ENOLCK,
		     "nfs0: its file system cannot lock it");
	locks = LOCKS_LOCAL;
}

/* ---- merging ---- */

static void merging_does_not_depend_on_order(void **state)
{
	static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					  { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
	const char *paths[3] = { folder_path("s0"), folder_path("s1"), folder_path("s2") };
	const char *out = folder_path("merged");
	size_t bytes, length;
	char *first = NULL, *text;
	struct journal *j;

	(void)state;
	for (int i = 0; i < 3; i++) { /* one after the other, and some twice */
		j = open_ok(paths[i]);
		add_some(j, i * 4, i * 4 + 4);
		add_some(j, 0, 2);
		journal_close(j);
	}
	for (int i = 0; i < 6; i++) {
		const char *list[3];

		for (int k = 0; k < 3; k++)
			list[k] = paths[orders[i][k]];
		assert_int_equal(journal_merge(out, HEADER, list, 3), 0);
		text = read_whole(out, &length);
		if (first) {
			assert_int_equal(length, bytes);
			assert_memory_equal(text, first, bytes);
			free(text);
		} else {
			first = text;
			bytes = length;
		}
	}
	free(first);
	j = open_ok(out);
	assert_int_equal(journal_count(j), KEYS);
	assert_error(journal_merge(out, HEADER, paths, 3), -EBUSY,
		     "merged: another process writes it");
	journal_close(j);
	assert_int_equal(journal_merge(out, HEADER, (const char *[]){ out, paths[1] }, 2), 0);
}

static void journals_that_differ_are_not_merged(void **state)
{
	const char *a = folder_path("a"), *b = folder_path("b"), *out = folder_path("none");
	struct journal *j = open_ok(a);
	double v = 1;

	(void)state;
	assert_int_equal(journal_add(j, "k", &v, 1), 0);
	journal_close(j);
	j = open_ok(b);
	v = 2;
	assert_int_equal(journal_add(j, "k", &v, 1), 0);
	journal_close(j);
	assert_error(journal_merge(out, HEADER, (const char *[]){ a, b }, 2), -EEXIST,
		     "b: key \"k\": another journal has other values");
	unlink(b);
	assert_int_equal(journal_open(b, "{\"other\":1}", &j), 0);
	journal_close(j);
	/* whichever comes first, and however little is in it */
	assert_error(journal_merge(out, HEADER, (const char *[]){ a, b }, 2), -ESTALE,
		     "b: belongs to");
	assert_error(journal_merge(out, HEADER, (const char *[]){ b, a }, 2), -ESTALE,
		     "b: belongs to");
	assert_error(journal_merge(out, HEADER, (const char *[]){ b }, 1), -ESTALE,
		     "b: belongs to");
	assert_error(journal_merge(out, HEADER, (const char *[]){ a, "/nowhere" }, 2), -ENOENT,
		     "/nowhere");
	assert_error(journal_merge(out, HEADER, NULL, 0), -EINVAL, "no journals");
	write_file(b, "", 0);
	assert_error(journal_merge(out, HEADER, (const char *[]){ b }, 1), -EBADMSG, "no header");
	assert_error(journal_merge(out, HEADER, (const char *[]){ a, b }, 2), -EBADMSG,
		     "no header");
	write_file(b, "text\n", 5);
	assert_error(journal_merge(out, HEADER, (const char *[]){ b }, 1), -ESTALE,
		     "line 1: expected the header");
	assert_int_equal(access(out, F_OK), -1);
}

/* What a user did otherwise, in words. */
static void other_headers_are_explained(void **state)
{
	static const struct {
		const char *has, *wants, *says;
	} cases[] = {
		{ "{\"model\":\"a\"}", "{\"model\":\"b\"}",
		  "model (SHA-256): expected b, found a" },
		{ "{\"recordings\":[\"a\",\"b\"]}", "{\"recordings\":[\"a\"]}",
		  "recordings for calibration: expected 1, found 2" },
		{ "{\"recordings\":[\"a\",\"c\"]}", "{\"recordings\":[\"a\",\"b\"]}",
		  "recordings for calibration: number 2: expected b, found c" },
		{ "{\"a\":1,\"moments\":\"traces\"}", "{\"a\":1}",
		  "moments: expected spikes, found traces" },
		{ "{\"a\":1}", "{\"a\":1,\"moments\":\"traces\"}",
		  "moments: expected traces, found spikes" },
		{ "{\"revision\":1}", "{\"revision\":2}",
		  "revision of the quantizer: expected 2, found 1" },
		{ "{\"samples\":64}", "{}",
		  "samples for calibration: expected no limit, found 64" },
		{ "{\"model\":[\"\\u001b[31m\"]}", "{\"model\":7}", "expected 7, found [" },
		{ "{ \"a\":1}", "{\"a\":1}", "written in another way" },
		{ "{\"\\u001b\":1}", "{}", ": expected none, found 1" },
	};
	const char *path = folder_path("explained");
	struct journal *j;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unlink(path);
		assert_int_equal(journal_open(path, cases[i].has, &j), 0);
		journal_close(j);
		assert_error(journal_open(path, cases[i].wants, &j), -ESTALE, cases[i].says);
		assert_null(strchr(snnq_last_error(NULL), 0x1b));
	}
}

static void an_empty_journal_is_merged(void **state)
{
	const char *path = folder_path("empty"), *out = folder_path("of-empty");
	struct journal *j = open_ok(path);

	(void)state;
	journal_close(j);
	assert_int_equal(journal_merge(out, HEADER, &path, 1), 0);
	j = open_ok(out);
	assert_int_equal(journal_count(j), 0);
	journal_close(j);
}

static void files_are_hashed(void **state)
{
	char hash[JOURNAL_HASH_SIZE];
	const char *path = folder_path("abc");

	(void)state;
	write_file(path, "abc", 3);
	assert_int_equal(journal_hash_file(path, hash), 0); /* FIPS 180-2, appendix B.1 */
	assert_string_equal(hash,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_error(journal_hash_file("/nowhere", hash), -ENOENT, "/nowhere");
	assert_int_equal(journal_hash_file(folder_path(NULL), hash), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_headers_are_explained),
		cmocka_unit_test(an_empty_journal_is_merged),
		cmocka_unit_test(values_come_back_bit_for_bit),
		cmocka_unit_test(a_known_key_takes_the_same_values_only),
		cmocka_unit_test(a_cut_at_every_byte_is_resumed),
		cmocka_unit_test(a_killed_writer_leaves_whole_lines),
		cmocka_unit_test(a_failed_write_leaves_no_half_line),
		cmocka_unit_test(a_second_writer_is_refused),
		cmocka_unit_test(threads_share_a_journal),
		cmocka_unit_test(another_header_is_refused),
		cmocka_unit_test(damage_is_told_by_line),
		cmocka_unit_test(hostile_content_is_survived),
		cmocka_unit_test(a_changed_digit_is_found),
		cmocka_unit_test(network_file_systems_have_other_locks),
		cmocka_unit_test(merging_does_not_depend_on_order),
		cmocka_unit_test(journals_that_differ_are_not_merged),
		cmocka_unit_test(files_are_hashed),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
