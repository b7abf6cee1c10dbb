// SPDX-License-Identifier: MIT
/*
 * main.c - snnq-mat <FILE >EVENTS
 *
 * matio writes outside its memory on some files. So libsnnq runs it here, as it does with HDF5
 * (userspace/hdf5). A variable is read whole: in a file of version 5 it has at most 2 GiB, and the
 * process at most this memory. answer.h says what comes out.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helpers/answer_put.h"
#include "helpers/enclose.h"
#include "variables.h"

#define MOST_MEMORY ((uint64_t)4 << 30)
#define LEAST_TIME  30	       /* seconds of the processor */
#define TIME_A_BYTE (4u << 20) /* bytes for which there is a second more */
#define HEADER	    128	       /* bytes; its last four say which version it is */

static void say_nothing(int level, char *message)
{
	(void)level;
	(void)message;
}

/* Of versions 5 to 7, that is, with the lowest byte first or last: others bring HDF5. */
static bool is_version_5(void)
{
	unsigned char h[HEADER];

	if (pread(0, h, sizeof(h), 0) != HEADER)
		return false;
	return (!memcmp(h + 126, "IM", 2) && h[124] == 0 && h[125] == 1) ||
	       (!memcmp(h + 126, "MI", 2) && h[124] == 1 && h[125] == 0);
}

int main(void)
{
	struct stat st;
	mat_t *mat;
	int ret = 0;

	closefrom(3);
	if (fstat(0, &st))
		return errno;
	Mat_LogInitFunc("snnq-mat", say_nothing);
	/* It reads no more than this header. */
	mat = is_version_5() ? Mat_Open("/dev/stdin", MAT_ACC_RDONLY) : NULL;
	enclose(MOST_MEMORY, LEAST_TIME + (uint64_t)st.st_size / TIME_A_BYTE);
	if (mat)
		ret = variables_put(mat);
	else
		put_fault("offset 124: expected a MATLAB file of version 5, found another");
	if (!ret && fflush(stdout))
		ret = errno;
	_exit(ret); /* whatever state the library is in */
}
