// SPDX-License-Identifier: MIT
/*
 * dump_file.c - the bytes of a file that is a dump, which the kernel's own is, too, though it
 * does not say how long it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "dump.h"

#define CHUNK 65536u

/* As many bytes as there are, at most @size; less than 0: an error. */
static ssize_t read_up_to(int fd, unsigned char *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, to + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* What follows the @have bytes of @bytes, up to the end. CLI_OK, or a code after cli_fail(). */
static int read_rest(int fd, const char *path, unsigned char **bytes, size_t *have)
{
	for (;;) {
		unsigned char *more;
		ssize_t n;

		if (*have > DUMP_MAX_BYTES)
			return cli_fail(CLI_FILE,
					"%s: expected a dump of at most %u bytes, found more", path,
					DUMP_MAX_BYTES);
		more = realloc(*bytes, *have + CHUNK);
		if (!more)
			return cli_fail(CLI_FAILED, "no memory");
		*bytes = more;
		n = read_up_to(fd, more + *have, CHUNK);
		if (n < 0)
			return cli_fail(CLI_FILE, "%s: %s", path, strerror(errno));
		if (!n)
			return CLI_OK;
		*have += (size_t)n;
	}
}

bool dump_read(const char *path, unsigned char **bytes, size_t *size, int *code)
{
	/* Without O_NONBLOCK the open of a pipe waits for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	unsigned char head[8];
	struct stat st;
	bool is = false;

	*bytes = NULL;
	*size = 0;
	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    read_up_to(fd, head, sizeof(head)) == sizeof(head) && dump_is(head, sizeof(head)) &&
	    !lseek(fd, 0, SEEK_SET)) {
		is = true;
		*code = read_rest(fd, path, bytes, size);
	}
	close(fd);
	return is;
}
