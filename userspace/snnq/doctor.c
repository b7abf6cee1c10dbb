// SPDX-License-Identifier: MIT
/*
 * doctor.c - `snnq doctor`: what is missing for the driver to work, and the
 * command that mends it. Checks go from the hardware up to an answering device.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "cli.h"
#include "snnq_regs.h"

static bool json;

static const struct cli_option options[] = {
	{ "json", 0, NULL, "one JSON document on standard output", .flag = &json },
	{ NULL },
};

static const struct cli_command command = {
	"doctor [options]",
	"Check whether the driver can work here, and say what mends it if not.",
	"snnq doctor\nsnnq doctor --json\n",
	options,
	0,
};

struct checkup {
	cJSON *checks;
	int failed;
	char **nodes;
	int node_count;
};

/* Record a check; @fix is shown only when it failed. */
static void record(struct checkup *c, const char *name, bool ok, const char *fix,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));

static void record(struct checkup *c, const char *name, bool ok, const char *fix,
		   const char *format, ...)
{
	cJSON *o = cJSON_CreateObject();
	char detail[512];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	cJSON_AddStringToObject(o, "name", name);
	cJSON_AddBoolToObject(o, "ok", ok);
	cJSON_AddStringToObject(o, "detail", detail);
	cJSON_AddStringToObject(o, "fix", ok ? "" : fix);
	cJSON_AddItemToArray(c->checks, o);
	c->failed += !ok;
}

static unsigned long read_hex(const char *folder, const char *name)
{
	char path[512], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return strtoul(text, NULL, 16);
}

static bool is_ours_on_pci(const char *folder)
{
	return read_hex(folder, "vendor") == SNNQ_PCI_VENDOR_ID &&
	       read_hex(folder, "device") == SNNQ_PCI_DEVICE_ID;
}

/* A node of the device tree, by what its kind is called there. */
static bool is_ours_in_tree(const char *folder)
{
	char path[512], line[128];
	bool ours = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/uevent", folder);
	f = fopen(path, "re");
	while (f && !ours && fgets(line, sizeof(line), f))
		ours = !strcmp(line, "OF_COMPATIBLE_0=snnq,npu-1.0\n");
	if (f)
		fclose(f);
	return ours;
}

static int count_devices(const char *bus, bool (*is_ours)(const char *folder))
{
	DIR *dir = opendir(bus);
	struct dirent *e;
	char path[300];
	int found = 0;

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", bus, e->d_name);
		found += e->d_name[0] != '.' && is_ours(path);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void check_hardware(struct checkup *c)
{
	int pci = count_devices("/sys/bus/pci/devices", is_ours_on_pci);
	int tree = count_devices("/sys/bus/platform/devices", is_ours_in_tree);

	record(c, "hardware", pci || tree || c->node_count,
	       "add the device, or use the emulator, in the source tree: make shell",
	       "%d coprocessor%s on the PCI bus, %d in the device tree", pci, text_s(pci), tree);
}

/* Value of a kernel option in a (possibly compressed) configuration; 0 when unknown. */
static char config_value(const char *path, const char *option)
{
	gzFile f = gzopen(path, "re");
	size_t n = strlen(option);
	char line[512], value = 'n';

	if (!f)
		return 0;
	while (gzgets(f, line, sizeof(line)))
		if (!strncmp(line, option, n) && line[n] == '=')
			value = line[n + 1];
	gzclose(f);
	return value;
}

static void check_kernel(struct checkup *c)
{
	struct utsname u;
	char path[300], value;

	uname(&u);
	value = config_value("/proc/config.gz", "CONFIG_DRM_ACCEL");
	if (!value) {
		snprintf(path, sizeof(path), "/boot/config-%s", u.release);
		value = config_value(path, "CONFIG_DRM_ACCEL");
	}
	if (!value && !access("/sys/class/accel", F_OK))
		value = 'y';
	/* Without DRM_ACCEL the driver takes a render node instead. */
	record(c, "kernel config", value == 'y' || value == 'm' || c->node_count,
	       "use a kernel with CONFIG_DRM_ACCEL=y (Debian's 6.12 has it)",
	       value ? "%s: CONFIG_DRM_ACCEL=%c" : "%s: configuration not found%c", u.release,
	       value ? value : ' ');
}

static void check_module(struct checkup *c)
{
	struct utsname u;
	char command_line[300];
	bool loaded = !access("/sys/module/snnq", F_OK), installed;

	uname(&u);
	snprintf(command_line, sizeof(command_line), "modinfo -k '%s' snnq >/dev/null 2>&1",
		 u.release);
	installed = !system(command_line);
	record(c, "module", loaded,
	       installed ?
		       "sudo modprobe snnq" :
		       "in the source tree: make modules && sudo modprobe -a gpu-sched drm_shmem_helper && "
		       "sudo insmod build/snnq.ko",
	       "snnq is %s",
	       loaded	 ? "loaded" :
	       installed ? "installed, not loaded" :
			   "neither loaded nor installed");
}

static void check_nodes(struct checkup *c)
{
	record(c, "node", c->node_count, "load the module; then see: sudo dmesg | grep snnq",
	       "%d device node%s%s%s", c->node_count, text_s(c->node_count),
	       c->node_count ? ", first " : "", c->node_count ? c->nodes[0] : "");
}

static void check_permission(struct checkup *c)
{
	const char *path = c->node_count ? c->nodes[0] : NULL;
	struct group *group;
	struct stat st;
	char name[64];
	bool ok;

	if (!path || stat(path, &st))
		return;
	ok = !access(path, R_OK | W_OK);
	group = getgrgid(st.st_gid);
	snprintf(name, sizeof(name), "%s", group ? group->gr_name : "?");
	record(c, "permission", ok, "sudo usermod -aG render \"$USER\", then log in again",
	       "%s: group %s, mode %03o, %s", path, name, st.st_mode & 0777,
	       ok ? "readable and writable" : strerror(errno));
	record(c, "udev group", !strcmp(name, "render") || ok,
	       "sudo udevadm trigger, or: sudo chgrp render /dev/accel/*; sudo chmod 660 /dev/accel/*",
	       "node belongs to group %s (udev's rules say render)", name);
}

static void check_libdrm(struct checkup *c)
{
	void *lib = dlopen("libdrm.so.2", RTLD_NOW);

	record(c, "libdrm", lib, "sudo apt install libdrm2", "libdrm.so.2 %s",
	       lib ? "found" : "not found");
	if (lib)
		dlclose(lib);
}

static void check_answer(struct checkup *c, const char *name, const char *path)
{
	struct snnq_device_info info;
	struct snnq_device *device = NULL;
	bool ok = !snnq_open(path, NULL, &device) && !snnq_device_info(device, &info);

	if (ok)
		record(c, name, true, "", "%s: %u core%s, hardware version %#x", info.name,
		       info.cores, text_s(info.cores), info.hw_version);
	else
		record(c, name, false, "see: sudo dmesg | grep snnq", "%s: %s", path,
		       snnq_last_error(device));
	snnq_close(device);
}

static void print_text(const struct checkup *c)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, c->checks) {
		const char *fix = cJSON_GetObjectItem(o, "fix")->valuestring;

		printf("%-4s %-14s %s\n",
		       cJSON_IsTrue(cJSON_GetObjectItem(o, "ok")) ? "ok" : "FAIL",
		       cJSON_GetObjectItem(o, "name")->valuestring,
		       cJSON_GetObjectItem(o, "detail")->valuestring);
		if (*fix)
			printf("     fix: %s\n", fix);
	}
	if (c->failed)
		printf("\nWithout a device everything runs with --device sim.\n");
}

int verb_doctor(int argc, char **argv)
{
	struct checkup c = { .failed = 0 };
	cJSON *document;
	char **args;
	int code;

	if (!cli_parse(&command, argc, argv, &args, &code))
		return code;
	document = cJSON_CreateObject();
	cJSON_AddStringToObject(document, "kind", "diagnosis");
	c.checks = cJSON_AddArrayToObject(document, "checks");
	c.node_count = snnq_list_devices(&c.nodes);
	if (c.node_count < 0)
		c.node_count = 0;
	check_hardware(&c);
	check_kernel(&c);
	check_module(&c);
	check_libdrm(&c);
	check_nodes(&c);
	check_permission(&c);
	for (int i = 0; i < c.node_count; i++)
		check_answer(&c, "device", c.nodes[i]);
	check_answer(&c, "sim", "sim");
	if (!json)
		print_text(&c);
	code = c.failed ? CLI_FAILED : CLI_OK;
	if (json && cli_print_json(document))
		code = CLI_FAILED;
	else if (!json)
		cJSON_Delete(document);
	snnq_free_list(c.nodes);
	return code;
}
