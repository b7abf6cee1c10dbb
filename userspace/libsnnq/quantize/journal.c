// SPDX-License-Identifier: MIT
/*
 * journal.c - see journal.h.
 *
 * A line is only read if it is, byte for byte, what would be written: what is accepted can be
 * merged and written again without a change. Numbers are formatted here, since printf and
 * strtod follow the locale.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/error.h"
#include "base/output.h"
#include "base/text.h"
#include "journal.h"

#define MAX_BYTES   (1l << 30)
#define NUMBER_SIZE 32
#define SUM_SIZE    9 /* of a line, as hex, with its end */

struct entry {
	char *key;
	double *values;
	size_t count;
};

struct journal {
	char *path, *header; /* header: without the end of its line */
	int fd;		     /* -1: only read */
	off_t bytes;	     /* up to the end of the last whole line */
	bool broken;	     /* a write failed and could not be undone */
	struct entry *entries;
	size_t count, capacity;
	size_t *slots, slot_count; /* hash table of 1 + index; 0 is free */
	pthread_mutex_t lock;
};

/* ---- numbers: C99 hexadecimal, all digits ---- */

static void format_number(double value, char text[NUMBER_SIZE])
{
	uint64_t bits, fraction;
	int exponent;

	memcpy(&bits, &value, sizeof(bits));
	fraction = bits & 0xfffffffffffff;
	exponent = (int)(bits >> 52 & 0x7ff);
	if (exponent == 0x7ff)
		snprintf(text, NUMBER_SIZE, "%sinf", bits >> 63 ? "-" : "");
	else
		snprintf(text, NUMBER_SIZE, "%s0x%d.%013" PRIx64 "p%+d", bits >> 63 ? "-" : "",
			 exponent > 0, fraction, (exponent ? exponent : 1) - 1023);
}

/* Only what format_number() writes. */
static bool parse_number(const char *text, double *value)
{
	const char *s = text + (*text == '-');
	char again[NUMBER_SIZE], end;
	unsigned int whole;
	uint64_t fraction;
	int exponent;

	if (!strcmp(s, "inf"))
		*value = INFINITY;
	else if (sscanf(s, "0x%1u.%13" SCNx64 "p%5d%c", &whole, &fraction, &exponent, &end) == 3)
		*value = ldexp((double)((uint64_t)(whole & 1) << 52 | fraction), exponent - 52);
	else
		return false;
	*value = s > text ? -*value : *value;
	format_number(*value, again);
	return !strcmp(text, again);
}

/* ---- entries ---- */

static uint64_t hash(const char *key)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3;
	return h ^ h >> 32;
}

/* The slot that has the key or would have it. */
static size_t *slot_of(const struct journal *j, const char *key)
{
	size_t i = hash(key) & (j->slot_count - 1);

	while (j->slots[i] && strcmp(j->entries[j->slots[i] - 1].key, key))
		i = (i + 1) & (j->slot_count - 1);
	return &j->slots[i];
}

static const struct entry *find(const struct journal *j, const char *key)
{
	size_t at = j->slot_count ? *slot_of(j, key) : 0;

	return at ? &j->entries[at - 1] : NULL;
}

static bool same_values(const struct entry *e, const double *values, size_t count)
{
	return e->count == count && !memcmp(e->values, values, count * sizeof(*values));
}

/* Room for one more entry in both tables. */
static int grow(struct journal *j)
{
	size_t capacity = j->capacity ? 2 * j->capacity : 64;
	struct entry *entries;
	size_t *slots;

	if (j->count < j->capacity)
		return 0;
	entries = reallocarray(j->entries, capacity, sizeof(*entries));
	j->entries = entries ? entries : j->entries;
	slots = calloc(2 * capacity, sizeof(*slots));
	if (!entries || !slots) {
		free(slots);
		return -ENOMEM;
	}
	free(j->slots);
	j->slots = slots;
	j->slot_count = 2 * capacity;
	j->capacity = capacity;
	for (size_t i = 0; i < j->count; i++)
		*slot_of(j, entries[i].key) = i + 1;
	return 0;
}

static int remember(struct journal *j, const char *key, const double *values, size_t count)
{
	struct entry e = { strdup(key), malloc(count * sizeof(*values)), count };

	if (!e.key || !e.values || grow(j)) {
		free(e.key);
		free(e.values);
		return error_set(-ENOMEM, "%s: no memory", j->path);
	}
	memcpy(e.values, values, count * sizeof(*values));
	*slot_of(j, key) = j->count + 1;
	j->entries[j->count++] = e;
	return 0;
}

/* Of a line without its sum, and of the header: a line stands only in journals of its work. */
static bool sum_of(const struct journal *j, const cJSON *line, char sum[SUM_SIZE])
{
	char *text = cJSON_PrintUnformatted(line), all[JOURNAL_HASH_SIZE];
	SHA2_CTX c;

	if (!text)
		return false;
	SHA256Init(&c);
	SHA256Update(&c, (const uint8_t *)j->header, strlen(j->header) + 1);
	SHA256Update(&c, (const uint8_t *)text, strlen(text));
	SHA256End(&c, all);
	snprintf(sum, SUM_SIZE, "%.8s", all);
	cJSON_free(text);
	return true;
}

/* The line of an entry, with its end; NULL: no memory. */
static char *format_line(const struct journal *j, const char *key, const double *values,
			 size_t count)
{
	cJSON *line = cJSON_CreateObject(), *list;
	char number[NUMBER_SIZE], sum[SUM_SIZE], *text = NULL, *ended = NULL;

	cJSON_AddStringToObject(line, "key", key);
	list = cJSON_AddArrayToObject(line, "values");
	for (size_t i = 0; i < count; i++) {
		format_number(values[i], number);
		cJSON_AddItemToArray(list, cJSON_CreateString(number));
	}
	if (sum_of(j, line, sum) && cJSON_AddStringToObject(line, "sum", sum))
		text = cJSON_PrintUnformatted(line);
	if (text && (size_t)cJSON_GetArraySize(list) == count && cJSON_HasObjectItem(line, "key"))
		ended = malloc(strlen(text) + 2);
	if (ended)
		sprintf(ended, "%s\n", text);
	cJSON_free(text);
	cJSON_Delete(line);
	return ended;
}

/* ---- reading ---- */

static int bad_line(const struct journal *j, size_t number, const char *what)
{
	return error_set(-EBADMSG, "%s: line %zu: %s", j->path, number, what);
}

static int read_values(const struct journal *j, size_t number, const cJSON *list, double *values)
{
	const cJSON *item;
	size_t n = 0;

	cJSON_ArrayForEach(item, list)
		if (!cJSON_IsString(item) || !parse_number(item->valuestring, &values[n++]))
			return bad_line(j, number, "expected hexadecimal numbers as values");
	return 0;
}

static int read_entry(struct journal *j, size_t number, const char *line, size_t length,
		      const char *key, const cJSON *list)
{
	size_t count = (size_t)cJSON_GetArraySize(list);
	double *values = malloc((count + 1) * sizeof(*values));
	int ret = values ? read_values(j, number, list, values) :
			   error_set(-ENOMEM, "%s: no memory", j->path);
	char *again = ret ? NULL : format_line(j, key, values, count);
	const struct entry *e = ret ? NULL : find(j, key);

	if (!ret && !again)
		ret = error_set(-ENOMEM, "%s: no memory", j->path);
	else if (!ret && (strlen(again) != length || memcmp(again, line, length)))
		ret = bad_line(j, number, "damaged: its sum, or how it is written, is another");
	else if (!ret && e && !same_values(e, values, count))
		ret = bad_line(j, number, "a key that is there already, with other values");
	else if (!ret && !e)
		ret = remember(j, key, values, count);
	free(again);
	free(values);
	return ret;
}

/* @length with the end of the line. */
static int read_line(struct journal *j, size_t number, const char *line, size_t length)
{
	cJSON *json = cJSON_ParseWithLength(line, length);
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(json, "key");
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "values");
	int ret;

	if (!cJSON_IsString(key) || !*key->valuestring || !cJSON_IsArray(list) ||
	    !cJSON_GetArraySize(list))
		ret = bad_line(j, number,
			       "expected {\"key\":\"..\",\"values\":[\"..\"],\"sum\":\"..\"}");
	else
		ret = read_entry(j, number, line, length, key->valuestring, list);
	cJSON_Delete(json);
	return ret;
}

/* What people call a key of a header, and what its absence means. */
struct header_word {
	const char *key, *name, *absent;
};

static struct header_word word_of(const char *key)
{
	static const struct header_word words[] = {
		{ "model", "model (SHA-256)", "none" },
		{ "recordings", "recordings for calibration", "none" },
		{ "samples", "samples for calibration", "no limit" },
		{ "moments", "moments", "spikes" },
		{ "revision", "revision of the quantizer", "none" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].key, key))
			return words[i];
	return (struct header_word){ key, key, "none" };
}

/* A value for a message; @text: [64]. */
static void print_value(const cJSON *value, const char *absent, char *text)
{
	char *json = NULL;

	if (cJSON_IsString(value))
		text_printable(value->valuestring, text, 24);
	else if (value)
		json = cJSON_PrintUnformatted(value);
	if (json)
		text_printable(json, text, 24);
	else if (!cJSON_IsString(value))
		snprintf(text, 64, "%s", absent);
	cJSON_free(json);
}

/* The values of a key that differ: which of a list, or how many it has. */
static int other_value(const struct journal *j, const char *key, const cJSON *want,
		       const cJSON *found)
{
	struct header_word w = word_of(key);
	int n = cJSON_GetArraySize(want), m = cJSON_GetArraySize(found), at = 0;
	char name[64], expected[64], is[64], which[32] = "";

	if (cJSON_IsArray(want) && cJSON_IsArray(found) && n == m) {
		while (cJSON_Compare(cJSON_GetArrayItem(want, at), cJSON_GetArrayItem(found, at),
				     true))
			at++;
		want = cJSON_GetArrayItem(want, at);
		found = cJSON_GetArrayItem(found, at);
		snprintf(which, sizeof(which), ": number %d", at + 1);
	} else if (cJSON_IsArray(want) && cJSON_IsArray(found)) {
		return error_set(-ESTALE, "%s: belongs to other work: %s: expected %d, found %d",
				 j->path, text_printable(w.name, name, sizeof(name)), n, m);
	}
	print_value(want, w.absent, expected);
	print_value(found, w.absent, is);
	return error_set(-ESTALE, "%s: belongs to other work: %s%s: expected %s, found %s", j->path,
			 text_printable(w.name, name, sizeof(name)), which, expected, is);
}

/* Another header: say what differs first. */
static int other_header(const struct journal *j, const char *line, size_t length)
{
	cJSON *want = cJSON_Parse(j->header), *found = cJSON_ParseWithLength(line, length);
	const cJSON *item, *other;
	int ret =
		cJSON_IsObject(found) ?
			0 :
			error_set(-ESTALE, "%s: line 1: expected the header of a journal", j->path);

	cJSON_ArrayForEach(item, want) {
		other = cJSON_GetObjectItemCaseSensitive(found, item->string);
		if (!ret && !cJSON_Compare(item, other, true))
			ret = other_value(j, item->string, item, other);
	}
	cJSON_ArrayForEach(item, found)
		if (!ret && !cJSON_GetObjectItemCaseSensitive(want, item->string))
			ret = other_value(j, item->string, NULL, item);
	cJSON_Delete(want);
	cJSON_Delete(found);
	return ret ? ret :
		     error_set(-ESTALE, "%s: line 1: the header is written in another way",
			       j->path);
}

/* Header, lines, and perhaps a torn line. */
static int parse(struct journal *j, const char *text, size_t bytes)
{
	const char *end = memchr(text, '\n', bytes);
	size_t length = end ? (size_t)(end - text) : bytes;
	int ret = 0;

	if (end ? length != strlen(j->header) || memcmp(text, j->header, length) :
		  length > strlen(j->header) || memcmp(text, j->header, length))
		return other_header(j, text, length);
	for (size_t number = 2; end && !ret; number++) {
		const char *line = end + 1;

		j->bytes = line - text;
		end = memchr(line, '\n', bytes - (size_t)j->bytes);
		if (end)
			ret = read_line(j, number, line, (size_t)(end + 1 - line));
	}
	return ret;
}

static int read_file(struct journal *j, int fd)
{
	struct stat st;
	size_t done = 0;
	char *text;
	int ret;

	if (fstat(fd, &st))
		return error_set(-errno, "%s: %s", j->path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(-EBADMSG, "%s: expected a regular file", j->path);
	if (st.st_size > MAX_BYTES)
		return error_set(-EBADMSG, "%s: expected a file of at most %ld bytes", j->path,
				 MAX_BYTES);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return error_set(-ENOMEM, "%s: no memory", j->path);
	while (done < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + done, (size_t)st.st_size - done, (off_t)done);

		if (n <= 0) {
			ret = error_set(n ? -errno : -EIO, "%s: cannot be read: %s", j->path,
					n ? strerror(errno) : "it became shorter");
			free(text);
			return ret;
		}
		done += (size_t)n;
	}
	ret = parse(j, text, done);
	free(text);
	return ret;
}

/* ---- writing ---- */

static int write_failed(struct journal *j, int error)
{
	/* Half a line must not stay in front of the next. */
	if (ftruncate(j->fd, j->bytes))
		j->broken = true;
	return error_set(-error, "%s: cannot be written: %s", j->path, strerror(error));
}

static int append(struct journal *j, const char *line)
{
	size_t length = strlen(line);
	ssize_t n;

	if (j->broken)
		return error_set(-EIO, "%s: an earlier write failed", j->path);
	n = write(j->fd, line, length);
	if (n != (ssize_t)length)
		return write_failed(j, n < 0 ? errno : ENOSPC);
	if (fdatasync(j->fd))
		return write_failed(j, errno);
	j->bytes += (off_t)length;
	return 0;
}

static int write_header(struct journal *j)
{
	char *line = malloc(strlen(j->header) + 2);
	int ret;

	if (!line)
		return error_set(-ENOMEM, "%s: no memory", j->path);
	sprintf(line, "%s\n", j->header);
	ret = append(j, line);
	free(line);
	if (ret)
		return ret;
	ret = output_sync_folder(j->path);
	return ret ? error_set(ret, "%s: its folder cannot be written: %s", j->path,
			       strerror(-ret)) :
		     0;
}

/* ---- journals ---- */

static struct journal *journal_new(const char *path, const char *header)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->fd = -1;
	pthread_mutex_init(&j->lock, NULL);
	j->path = strdup(path);
	j->header = strdup(header);
	if (j->path && j->header)
		return j;
	journal_close(j);
	return NULL;
}

static int check_header(const char *path, const char *header)
{
	cJSON *json = strchr(header, '\n') ? NULL : cJSON_Parse(header);
	bool fine = cJSON_IsObject(json);

	cJSON_Delete(json);
	return fine ? 0 : error_set(-EINVAL, "%s: a journal's header is one line of JSON", path);
}

/*
 * Only a lock that another has means another writer. A network file system may want @fd to be
 * writable for an exclusive lock, and have no locks at all.
 */
static int lock(int fd, int how, const char *path)
{
	int ret;

	do {
		ret = flock(fd, how | LOCK_NB) ? -errno : 0;
	} while (ret == -EINTR);
	if (ret == -EWOULDBLOCK)
		return error_set(-EBUSY, "%s: another process writes it", path);
	return ret ? error_set(ret, "%s: its file system cannot lock it: %s", path,
			       strerror(-ret)) :
		     0;
}

static int open_locked(struct journal *j)
{
	int ret;

	j->fd = open(j->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
	if (j->fd < 0)
		return error_set(-errno, "%s: %s", j->path, strerror(errno));
	ret = lock(j->fd, LOCK_EX, j->path);
	if (!ret)
		ret = read_file(j, j->fd);
	if (ret)
		return ret;
	if (ftruncate(j->fd, j->bytes)) /* a torn line */
		return error_set(-errno, "%s: cannot be written: %s", j->path, strerror(errno));
	return j->bytes ? 0 : write_header(j);
}

int journal_open(const char *path, const char *header, struct journal **journal)
{
	struct journal *j;
	int ret = check_header(path, header);

	if (ret)
		return ret;
	j = journal_new(path, header);
	ret = j ? open_locked(j) : error_set(-ENOMEM, "%s: no memory", path);
	if (ret) {
		journal_close(j);
		return ret;
	}
	*journal = j;
	return 0;
}

bool journal_find(const struct journal *journal, const char *key, double *values, size_t count)
{
	struct journal *j = (struct journal *)journal; /* the lock is not part of its value */
	const struct entry *e;
	bool found;

	pthread_mutex_lock(&j->lock);
	e = find(j, key);
	found = e && e->count == count;
	if (found)
		memcpy(values, e->values, count * sizeof(*values));
	pthread_mutex_unlock(&j->lock);
	return found;
}

static int add_locked(struct journal *j, const char *key, const double *values, size_t count)
{
	const struct entry *e = find(j, key);
	char *line;
	int ret;

	if (e && same_values(e, values, count))
		return 0;
	if (e)
		return error_set(-EEXIST, "%s: key \"%s\": there with other values", j->path, key);
	line = format_line(j, key, values, count);
	if (!line)
		return error_set(-ENOMEM, "%s: no memory", j->path);
	ret = append(j, line);
	free(line);
	return ret ? ret : remember(j, key, values, count);
}

int journal_add(struct journal *journal, const char *key, const double *values, size_t count)
{
	int ret;

	if (!*key || !count)
		return error_set(-EINVAL, "%s: expected a key and values", journal->path);
	for (size_t i = 0; i < count; i++)
		if (isnan(values[i]))
			return error_set(-EINVAL, "%s: key \"%s\": value %zu is not a number",
					 journal->path, key, i);
	pthread_mutex_lock(&journal->lock);
	ret = add_locked(journal, key, values, count);
	pthread_mutex_unlock(&journal->lock);
	return ret;
}

size_t journal_count(const struct journal *journal)
{
	struct journal *j = (struct journal *)journal;
	size_t count;

	pthread_mutex_lock(&j->lock);
	count = j->count;
	pthread_mutex_unlock(&j->lock);
	return count;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	for (size_t i = 0; i < j->count; i++) {
		free(j->entries[i].key);
		free(j->entries[i].values);
	}
	free(j->entries);
	free(j->slots);
	free(j->header);
	free(j->path);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

/* ---- merging ---- */

/* Read a finished journal, which must have this header. */
static int read_shard(const char *path, const char *header, struct journal **shard)
{
	struct journal *j = journal_new(path, header);
	int ret, fd = j ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;

	*shard = j;
	if (!j)
		return error_set(-ENOMEM, "%s: no memory", path);
	if (fd < 0)
		return error_set(-errno, "%s: %s", path, strerror(errno));
	ret = lock(fd, LOCK_SH, path);
	if (!ret)
		ret = read_file(j, fd);
	if (!ret && !j->bytes)
		ret = error_set(-EBADMSG, "%s: line 1: no header", path);
	close(fd);
	return ret;
}

static int merge_into(struct journal *all, const struct journal *shard)
{
	for (size_t i = 0; i < shard->count; i++) {
		const struct entry *e = &shard->entries[i], *known = find(all, e->key);
		int ret = known ? 0 : remember(all, e->key, e->values, e->count);

		if (known && !same_values(known, e->values, e->count))
			ret = error_set(-EEXIST, "%s: key \"%s\": another journal has other values",
					shard->path, e->key);
		if (ret)
			return ret;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int write_merged(struct journal *j, const char *path)
{
	struct output out;
	int ret = output_open(path, &out);

	if (ret)
		return error_set(ret, "%s", output_problem());
	fprintf(out.file, "%s\n", j->header); /* failures are told at the end */
	if (j->count)			      /* its table is not used again */
		qsort(j->entries, j->count, sizeof(*j->entries), by_key);
	for (size_t i = 0; i < j->count; i++) {
		const struct entry *e = &j->entries[i];
		char *line = format_line(j, e->key, e->values, e->count);

		if (!line) {
			output_cancel(&out);
			return error_set(-ENOMEM, "%s: no memory", path);
		}
		fputs(line, out.file);
		free(line);
	}
	ret = output_commit(&out);
	return ret ? error_set(ret, "%s", output_problem()) : 0;
}

/* Nobody may be writing what is to be replaced. */
static int replace(struct journal *all, const char *out)
{
	int fd = open(out, O_RDWR | O_CLOEXEC | O_NONBLOCK), ret = 0;

	if (fd < 0 && errno != ENOENT)
		return error_set(-errno, "%s: %s", out, strerror(errno));
	if (fd >= 0)
		ret = lock(fd, LOCK_EX, out);
	if (!ret)
		ret = write_merged(all, out);
	if (fd >= 0)
		close(fd);
	return ret;
}

int journal_merge(const char *out, const char *header, const char *const *paths, size_t count)
{
	struct journal *all = NULL, *shard;
	int ret = count ? check_header(out, header) :
			  error_set(-EINVAL, "%s: no journals to merge", out);

	for (size_t i = 0; i < count && !ret; i++) {
		ret = read_shard(paths[i], header, &shard);
		if (!ret && !all) {
			all = shard;
			continue;
		}
		if (!ret)
			ret = merge_into(all, shard);
		journal_close(shard);
	}
	if (!ret)
		ret = replace(all, out);
	journal_close(all);
	return ret;
}

int journal_hash_file(const char *path, char text[JOURNAL_HASH_SIZE])
{
	errno = 0;
	if (SHA256File(path, text))
		return 0;
	return error_set(errno ? -errno : -EIO, "%s: %s", path, strerror(errno ? errno : EIO));
}
