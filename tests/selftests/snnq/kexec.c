// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec KERNEL INITRD COMMAND-LINE: boot that kernel, without a reset of the machine.
 * Devices see their drivers' shutdown, and then another kernel's probe.
 */
#include <fcntl.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int kernel, initrd;

	if (argc != 4)
		return fprintf(stderr, "usage: kexec KERNEL INITRD COMMAND-LINE\n"), 2;
	kernel = open(argv[1], O_RDONLY | O_CLOEXEC);
	initrd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (kernel < 0 || initrd < 0 ||
	    syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[3]) + 1, argv[3], 0UL))
		return perror("kexec"), 1;
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	return perror("kexec"), 1;
}
