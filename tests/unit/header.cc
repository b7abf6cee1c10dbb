// SPDX-License-Identifier: MIT
/* The public headers from C++: they compile, link and mean the same. */
#include "snnq.h"
#include "snnq_tools.h"

int main()
{
	struct snnq_open_opts opts = {};
	struct snnq_device_info info = {};
	struct snnq_device *dev = nullptr;

	opts.size = sizeof(opts);
	opts.cores = 2;
	if (snnq_open("sim", &opts, &dev) || snnq_device_info(dev, &info))
		return 1;
	snnq_close(dev);
	/* of the tools, too, the names are those of C */
	if (snnq_import("/nonexistent", "/nonexistent", nullptr) >= 0 || !*snnq_last_error(nullptr))
		return 1;
	return info.cores == 2 ? 0 : 1;
}
