/* SPDX-License-Identifier: MIT */
/*
 * journal.h - a record of evaluations that survives being killed, and can be merged.
 *
 * A file of JSON lines: the header, then one line for each key, {"key": .., "values": [..],
 * "sum": ..}, with values as C99 hexadecimal strings, bit for bit, and 32 bits of a hash of the
 * header and the rest of the line. A line is one write(2) and is on the
 * disk when journal_add() returns. A file has one writer (flock).
 */
#ifndef SNNQ_JOURNAL_H
#define SNNQ_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct journal;

#define JOURNAL_HASH_SIZE 65 /* SHA-256 as hex, with its end */

/*
 * Open or create. @header: one-line JSON object that describes the work (hashes of model and
 * calibration, options). 0; -ESTALE: the file has another header (the error says which key
 * differs); -EBUSY: another writer has it; -EBADMSG: damaged, with the line number. A torn
 * last line, of a writer that was killed, is dropped. Other -errno: of the file system.
 */
int journal_open(const char *path, const char *header, struct journal **journal);
/* Values of a key; false: not there, or not that many. Thread safe. */
bool journal_find(const struct journal *journal, const char *key, double *values, size_t count);
/*
 * Append. The same key with the same values is fine; with others it is -EEXIST. Values are
 * numbers or infinite (-EINVAL), at least one, and keys not empty. Thread safe.
 */
int journal_add(struct journal *journal, const char *key, const double *values, size_t count);
/* Number of keys. */
size_t journal_count(const struct journal *journal);
void journal_close(struct journal *journal);

/*
 * Combine the journals of finished shards, which have this header, into @out (replaced as a
 * whole), sorted by key: the same bytes whatever the order of @paths. -EEXIST: two of them
 * differ in a value; -EBUSY: one is being written.
 */
int journal_merge(const char *out, const char *header, const char *const *paths, size_t count);

/* SHA-256 of a file's content, for headers. */
int journal_hash_file(const char *path, char hash[JOURNAL_HASH_SIZE]);

#endif /* SNNQ_JOURNAL_H */
