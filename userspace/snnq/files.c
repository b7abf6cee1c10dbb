// SPDX-License-Identifier: MIT
/*
 * files.c - files that users name are regular ones: nobody waits for a pipe's writer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

int cli_file_open(const char *path, int *fd, size_t *bytes)
{
	struct stat st;
	int code = CLI_OK;

	/* Without O_NONBLOCK the open of a pipe waits for its writer. */
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0 || fstat(*fd, &st))
		code = cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		code = cli_fail(CLI_FILE, "%s: expected a regular file", path);
	*bytes = code ? 0 : (size_t)st.st_size;
	if (!code)
		return CLI_OK;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return code;
}

/* As many bytes as there are, up to @size. */
static size_t read_up_to(int fd, void *to, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size && (n = read(fd, (char *)to + have, size - have)) > 0)
		have += (size_t)n;
	return have;
}

int cli_file_text(const char *path, size_t most, char **text, size_t *bytes)
{
	int fd, code = cli_file_open(path, &fd, bytes);

	*text = NULL;
	if (code)
		return code;
	if (*bytes > most)
		code = cli_fail(CLI_FILE, "%s: expected at most %zu bytes, found %zu", path, most,
				*bytes);
	else
		*text = calloc(1, *bytes + 2);
	if (!code && !*text)
		code = cli_fail(CLI_FAILED, "no memory for %s", path);
	if (!code && read_up_to(fd, *text, *bytes) != *bytes)
		code = cli_fail(CLI_FILE, "%s: cannot be read", path);
	close(fd);
	return code;
}

size_t cli_file_head(const char *path, uint8_t *head, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t n = 0;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		n = read_up_to(fd, head, size);
	if (fd >= 0)
		close(fd);
	return n;
}
