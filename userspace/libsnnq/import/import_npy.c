// SPDX-License-Identifier: MIT
/*
 * import_npy.c - weights in .npy arrays.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/npy.h"
#include "import.h"

static int read_array(const struct npy *npy, struct import_array *a)
{
	a->values = malloc(npy->count * sizeof(*a->values));
	if (!a->values)
		return error_set(-ENOMEM, "%s: no memory", npy->path);
	a->count = npy->count;
	a->dims = npy->dims;
	memcpy(a->shape, npy->shape, npy->dims * sizeof(*a->shape));
	return npy_read(npy, 0, npy->count, a->values);
}

int import_npy_read(const char *path, struct import_array *a)
{
	struct npy npy;
	int ret = npy_open(path, IMPORT_MAX_ELEMENTS, &npy);

	memset(a, 0, sizeof(*a));
	if (ret)
		return ret;
	ret = read_array(&npy, a);
	npy_close(&npy);
	if (ret)
		import_array_free(a);
	return ret;
}

void import_array_free(struct import_array *a)
{
	free(a->values);
	memset(a, 0, sizeof(*a));
}
