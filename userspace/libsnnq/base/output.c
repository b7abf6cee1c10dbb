// SPDX-License-Identifier: MIT
/* See output.h. */
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "part.h"

#define MAX_LINKS 40

static _Thread_local char problem[512];

const char *output_problem(void)
{
	return problem;
}

static int fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, sizeof(problem), format, args);
	va_end(args);
	return -error;
}

static int cannot_write(const char *path, int error)
{
	return fail(error, "%s: cannot be written: %s", path, strerror(error));
}

/* ---- where an output goes ---- */

/* Where a path leads to: @path without links; @there: a file is there, of which @file tells. */
struct place {
	char *path;
	bool there;
	struct stat file, folder;
};

/* Bytes of the folder's part of @path, with the slash. */
static int folder_bytes(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash + 1 - path) : 0;
}

/* Follow links, also one whose target does not exist yet. NULL with @error. */
static char *follow(const char *path, int *error)
{
	char *at = strdup(path), link[PATH_MAX], *next;
	ssize_t n;

	for (int i = 0; at && i < MAX_LINKS; i++) {
		n = readlink(at, link, sizeof(link) - 1);
		if (n < 0)
			return at;
		link[n] = 0;
		if (asprintf(&next, "%.*s%s", *link == '/' ? 0 : folder_bytes(at), at, link) < 0)
			next = NULL;
		free(at);
		at = next;
	}
	*error = at ? ELOOP : ENOMEM;
	free(at);
	return NULL;
}

static int stat_folder(struct place *p)
{
	char *folder = strndup(p->path, (size_t)folder_bytes(p->path));
	int error = 0;

	if (!folder)
		return ENOMEM;
	if (stat(*folder ? folder : ".", &p->folder))
		error = errno;
	free(folder);
	return error;
}

/* Only a regular file may be replaced, and only one that could be written to. */
static int check_file(const char *path, const struct place *p)
{
	if (S_ISDIR(p->file.st_mode))
		return fail(EISDIR, "%s: is a folder, expected a file to write", path);
	if (!S_ISREG(p->file.st_mode))
		return fail(EPERM, "%s: is no regular file and will not be replaced", path);
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) ? cannot_write(path, errno) : 0;
}

/* On success p->path is the caller's to free. */
static int find_place(const char *path, struct place *p)
{
	int error = 0, ret = 0;

	p->path = NULL;
	if (!strcmp(path, "-"))
		return fail(EINVAL,
			    "-: expected the name of a file to write, which standard output "
			    "has not (./- is a file)");
	p->there = !stat(path, &p->file);
	if (p->there)
		ret = check_file(path, p);
	else if (errno != ENOENT)
		ret = cannot_write(path, errno);
	else if (!path[folder_bytes(path)])
		ret = fail(ENOENT, "%s: expected the name of a file to write", path);
	if (ret)
		return ret;
	p->path = follow(path, &error);
	if (p->path)
		error = stat_folder(p);
	if (!error)
		return 0;
	free(p->path);
	p->path = NULL;
	return cannot_write(path, error);
}

/* ---- writing ---- */

/* A name beside the place; NULL: no memory. Somebody may have it. */
static char *name_beside(const char *path)
{
	static atomic_uint serial;
	char *name;

	return asprintf(&name, "%.*s.snnq-%ld-%u", folder_bytes(path), path, (long)getpid(),
			atomic_fetch_add(&serial, 1)) < 0 ?
		       NULL :
		       name;
}

/* Where a file without a name can be given one. */
static const char *open_name(int fd, char text[32])
{
	snprintf(text, 32, "/proc/self/fd/%d", fd);
	return text;
}

/* Nothing is left of a file without a name, whatever ends the program. -1: not here. */
static int create_nameless(const struct place *p)
{
	char *folder = strndup(p->path, (size_t)folder_bytes(p->path)), name[32];
	int fd = -1;

	if (folder)
		fd = open(*folder ? folder : ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
	free(folder);
	if (fd < 0 || !access(open_name(fd, name), F_OK))
		return fd;
	close(fd);
	return -1;
}

/* Create or, with @fd, link a file under a name beside the place that nobody has: a descriptor. */
static int name_file(const char *path, int fd, char **name)
{
	char link[32];
	int ret;

	do {
		*name = name_beside(path);
		if (!*name)
			return -ENOMEM;
		if (fd < 0)
			ret = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		else
			ret = linkat(AT_FDCWD, open_name(fd, link), AT_FDCWD, *name,
				     AT_SYMLINK_FOLLOW) ?
				      -1 :
				      fd;
		if (ret >= 0)
			return ret;
		ret = -errno;
		free(*name);
		*name = NULL;
	} while (ret == -EEXIST);
	return ret;
}

/* Create what becomes the file of a place; *@name is NULL as long as it has none. */
static int create_for(const struct place *p, char **name)
{
	int fd = create_nameless(p);

	*name = NULL;
	if (fd < 0)
		fd = name_file(p->path, -1, name);
	/* What replaces a file keeps its owner, where that is allowed, and its mode. */
	if (fd >= 0 && p->there && fchown(fd, p->file.st_uid, p->file.st_gid))
		errno = 0;
	if (fd >= 0 && p->there && fchmod(fd, p->file.st_mode & 07777))
		errno = 0;
	return fd;
}

int output_open(const char *path, struct output *o)
{
	struct place p;
	int fd, ret = find_place(path, &p);

	*o = (struct output){ NULL };
	if (ret)
		return ret;
	o->path = p.path;
	fd = create_for(&p, &o->temporary);
	if (fd >= 0) {
		o->file = fdopen(fd, "w");
		if (o->file)
			return 0;
		close(fd);
		fd = -ENOMEM;
	}
	ret = cannot_write(path, -fd);
	output_cancel(o);
	return ret;
}

/* Some file systems cannot do it. */
int output_sync_folder(const char *path)
{
	char *folder = strndup(path, (size_t)folder_bytes(path));
	int fd = folder ? open(*folder ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int error = fd >= 0 && fsync(fd) && errno != EINVAL ? errno : 0;

	if (fd >= 0)
		close(fd);
	free(folder);
	return -error;
}

/* Put all of it on the disk, under a name beside the place. 0 or an errno. */
static int complete(struct output *o)
{
	int fd = fileno(o->file);

	if (ferror(o->file))
		return errno ? errno : EIO;
	if (fflush(o->file) || fsync(fd))
		return errno;
	if (!o->temporary)
		fd = name_file(o->path, fd, &o->temporary);
	return fd < 0 ? -fd : 0;
}

int output_commit(struct output *o)
{
	int error = complete(o), ret = 0;

	if (fclose(o->file) && !error)
		error = errno;
	o->file = NULL;
	if (!error && rename(o->temporary, o->path))
		error = errno;
	if (!error) {
		free(o->temporary);
		o->temporary = NULL;
		error = -output_sync_folder(o->path);
	}
	if (error)
		ret = cannot_write(o->path, error);
	output_cancel(o);
	return ret;
}

void output_cancel(struct output *o)
{
	if (o->file)
		fclose(o->file);
	if (o->temporary)
		unlink(o->temporary);
	free(o->temporary);
	free(o->path);
	*o = (struct output){ NULL };
}

/* ---- before the work ---- */

static bool same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool same_place(const struct place *a, const struct place *b)
{
	if (a->there || b->there)
		return a->there && b->there && same_inode(&a->file, &b->file);
	return same_inode(&a->folder, &b->folder) &&
	       !strcmp(a->path + folder_bytes(a->path), b->path + folder_bytes(b->path));
}

/* Of an archive, all of it is read. */
static int check_input(const char *output, const struct place *p, const char *input)
{
	struct stat st;
	char *file;
	int missing;

	if (!p->there || !input)
		return 0;
	file = strdup(input);
	if (!file)
		return fail(ENOMEM, "%s: no memory", input);
	part_split(file);
	missing = stat(file, &st);
	free(file);
	if (missing ||
	    (!same_inode(&p->file, &st) && !(S_ISDIR(st.st_mode) && same_inode(&p->folder, &st))))
		return 0;
	return fail(EINVAL, "%s: is read as %s, expected another file to write", output, input);
}

static int try_to_create(const char *path, const struct place *p)
{
	char *name;
	int fd = create_for(p, &name);

	if (fd < 0)
		return cannot_write(path, -fd);
	close(fd);
	if (name)
		unlink(name);
	free(name);
	return 0;
}

static int check_one(const char *const *outputs, struct place *places, size_t i,
		     const char *const *inputs, size_t input_count)
{
	int ret = find_place(outputs[i], &places[i]);

	if (ret)
		return ret;
	for (size_t k = 0; k < i; k++)
		if (places[k].path && same_place(&places[k], &places[i]))
			return fail(EINVAL, "%s and %s: expected different files to write",
				    outputs[k], outputs[i]);
	for (size_t k = 0; !ret && k < input_count; k++)
		ret = check_input(outputs[i], &places[i], inputs[k]);
	return ret ? ret : try_to_create(outputs[i], &places[i]);
}

int output_check(const char *const *outputs, size_t count, const char *const *inputs,
		 size_t input_count)
{
	struct place *places = calloc(count + 1, sizeof(*places));
	int ret = places ? 0 : fail(ENOMEM, "no memory");

	for (size_t i = 0; !ret && i < count; i++)
		if (outputs[i])
			ret = check_one(outputs, places, i, inputs, input_count);
	for (size_t i = 0; places && i < count; i++)
		free(places[i].path);
	free(places);
	return ret;
}
