// SPDX-License-Identifier: MIT
/*
 * make_corpus.c - seeds for fuzz_engine: make_corpus DIRECTORY FIRST LAST writes a
 * small random valid program, followed by memory contents, for each seed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "program.h"

#define CONTENT 64

static int write_seed(const char *directory, uint64_t seed)
{
	static struct program p;
	uint64_t random = seed;
	char name[4096];
	size_t size, i;
	void *blob;
	FILE *f;

	random_program(&p, seed);
	blob = pack(&p, &size);
	snprintf(name, sizeof(name), "%s/seed-%llu", directory, (unsigned long long)seed);
	f = fopen(name, "wb");
	if (!f)
		return -1;
	fwrite(blob, 1, size, f);
	for (i = 0; i < CONTENT; i++)
		fputc((int)(random_next(&random) & 0xff), f);
	free(blob);
	return fclose(f);
}

int main(int argc, char **argv)
{
	unsigned long long seed, last;

	if (argc != 4) {
		fprintf(stderr, "make_corpus DIRECTORY FIRST LAST\n");
		return 2;
	}
	seed = strtoull(argv[2], NULL, 10);
	last = strtoull(argv[3], NULL, 10);
	for (; seed <= last; seed++)
		if (write_seed(argv[1], seed)) {
			perror(argv[1]);
			return 1;
		}
	return 0;
}
