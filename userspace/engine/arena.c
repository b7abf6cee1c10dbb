// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * arena.c - one allocation in parts. A layout is gone through twice: without a base, to
 * know the size, and then to say where everything is. Sanitizers see who leaves a part.
 */
#include <stdlib.h>

#include "engine.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(p, bytes) ASAN_POISON_MEMORY_REGION(p, bytes)
#else
#define POISON(p, bytes)       \
	do {                   \
		(void)(p);     \
		(void)(bytes); \
	} while (0)
#endif

#define BLOCK_ALIGN 64u
#define GUARD	    64u /* behind each part; ASan sees who touches it */

void *arena_part(struct arena *arena, uint64_t count, uint64_t size)
{
	uint64_t at = arena->bytes, bytes, end;

	if (__builtin_mul_overflow(count, size, &bytes) ||
	    __builtin_add_overflow(at, bytes, &end) || end > UINT64_MAX - GUARD - BLOCK_ALIGN) {
		arena->bytes = UINT64_MAX;
		return NULL;
	}
	arena->bytes = (end + GUARD + BLOCK_ALIGN - 1) & ~(uint64_t)(BLOCK_ALIGN - 1);
	if (!arena->base)
		return NULL;
	POISON(arena->base + end, arena->bytes - end);
	return arena->base + at;
}

uint64_t arena_block_bytes(const struct arena *arena)
{
	return arena->bytes > UINT64_MAX - BLOCK_ALIGN ? UINT64_MAX : arena->bytes + BLOCK_ALIGN;
}

void *arena_allocate(struct arena *arena, uint64_t bytes)
{
	void *block = bytes <= SIZE_MAX ? calloc(1, (size_t)bytes) : NULL;

	arena->base =
		(void *)(((uintptr_t)block + BLOCK_ALIGN - 1) & ~(uintptr_t)(BLOCK_ALIGN - 1));
	arena->bytes = 0;
	return block;
}
