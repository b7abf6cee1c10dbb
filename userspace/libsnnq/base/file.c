// SPDX-License-Identifier: MIT
/* See file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

int file_open(const char *path, uint64_t *bytes)
{
	/* Without O_NONBLOCK the open of a pipe waits for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return error_set(-errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return error_set(-EBADMSG, "%s: expected a regular file", path);
	}
	*bytes = (uint64_t)st.st_size;
	return fd;
}

FILE *file_stream(const char *path, uint64_t *bytes, int *ret)
{
	int fd = file_open(path, bytes);
	FILE *f;

	*ret = fd < 0 ? fd : 0;
	if (fd < 0)
		return NULL;
	f = fdopen(fd, "r");
	if (!f) {
		*ret = error_set(-ENOMEM, "%s: no memory", path);
		close(fd);
	}
	return f;
}
