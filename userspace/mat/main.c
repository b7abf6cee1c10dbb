// SPDX-License-Identifier: MIT
/*
 * main.c - snnq-mat <FILE >EVENTS
 *
 * matio writes outside its memory on some files. So libsnnq runs it here, as it does with HDF5
 * (userspace/hdf5). A variable is read whole: in a file of version 5 it has at most 2 GiB, and the
 * process at most this memory beside the file. answer.h says what comes out.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elements.h"
#include "helpers/answer_put.h"
#include "helpers/enclose.h"
#include "variables.h"
#include "version.h"

#define MOST_MEMORY ((uint64_t)4 << 30)

/* The file in memory; NULL: it is none of version 5, which was said. 0 or an errno. */
static int map_file(uint64_t bytes, const uint8_t **file)
{
	void *image;

	*file = NULL;
	if (bytes < VERSION_HEADER)
		return put_fault("offset 0: expected a MATLAB file, of at least %d bytes, found "
				 "one of %llu",
				 VERSION_HEADER, (unsigned long long)bytes);
	image = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, 0, 0);
	if (image == MAP_FAILED)
		return errno;
	if (!version_is_5(image))
		return put_fault("offset 124: expected a MATLAB file of version 5, found another");
	*file = image;
	return 0;
}

static int put_events(const uint8_t *file, uint64_t bytes)
{
	/* It reads no more than the header. */
	mat_t *mat = Mat_Open("/dev/stdin", MAT_ACC_RDONLY);
	uint32_t count;

	enclose(MOST_MEMORY + bytes, bytes);
	if (!mat)
		return put_fault("cannot be opened by the matio library: is /dev/stdin there?");
	return elements_check(file, bytes, &count) ? variables_put(mat, count) : 0;
}

int main(void)
{
	const uint8_t *file;
	struct stat st;
	int ret;

	closefrom(3);
	if (fstat(0, &st))
		return errno;
	Mat_LogInitFunc("snnq-mat", variables_log);
	ret = map_file((uint64_t)st.st_size, &file);
	if (file)
		ret = put_events(file, (uint64_t)st.st_size);
	if (!ret && fflush(stdout))
		ret = errno;
	_exit(ret); /* whatever state the library is in */
}
