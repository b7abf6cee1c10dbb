// SPDX-License-Identifier: MIT
/*
 * main.c - snnq-hdf5 read NAME... <FILE >OBJECTS, snnq-hdf5 write <OBJECTS >LENGTH-AND-FILE,
 * snnq-hdf5 events PART <FILE >EVENTS
 *
 * The HDF5 library crashes on some files and stands still on others. So the libraries run it here,
 * in a process that has its input and output, little time, and no system calls but those for memory and for
 * reading and writing what is open already. h5_tree.h says what the objects are, answer.h what
 * events are.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hdf5_file.h"
#include "helpers/enclose.h"

#define MOST_MEMORY ((uint64_t)4 << 30) /* beside the file, or what becomes one */

/* The library's own preparations may still look around; it has seen no file yet. */
static bool prepare(uint64_t bytes, uint32_t copies)
{
	H5E_auto2_t silent = NULL;

	closefrom(3);
	H5dont_atexit();
	if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, silent, NULL) < 0)
		return false;
	H5PLset_loading_state(0);
	enclose(copies * bytes + MOST_MEMORY, bytes);
	return true;
}

int main(int argc, char *argv[])
{
	bool writes = argc > 1 && !strcmp(argv[1], "write");
	bool events = argc == 3 && !strcmp(argv[1], "events");
	void *image = NULL;
	struct stat st;
	int ret;

	if (!writes && !events && (argc < 2 || strcmp(argv[1], "read")))
		return EINVAL;
	if (fstat(0, &st))
		return errno;
	if (!writes) {
		image = mmap(NULL, (size_t)(st.st_size ? st.st_size : 1), PROT_READ, MAP_PRIVATE, 0,
			     0);
		if (image == MAP_FAILED)
			return errno;
	}
	/* Written: objects, the file, and once more what goes out. */
	if (!prepare((uint64_t)st.st_size, writes ? 3 : 1))
		return ENOMEM;
	if (writes)
		ret = hdf5_write(stdin, stdout);
	else if (events)
		ret = hdf5_events(image, (size_t)st.st_size, argv[2]);
	else
		ret = hdf5_read(image, (size_t)st.st_size, argv + 2, stdout);
	if (!ret && fflush(stdout))
		ret = errno;
	if (!ret && ferror(stdout))
		ret = EIO;
	_exit(ret); /* whatever state the library is in */
}
