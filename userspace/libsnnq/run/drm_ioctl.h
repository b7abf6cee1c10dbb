/* SPDX-License-Identifier: MIT */
/* drm_ioctl.h - where the drm backend meets the kernel; tests replace it. */
#ifndef SNNQ_DRM_IOCTL_H
#define SNNQ_DRM_IOCTL_H

extern int (*drm_ioctl_hook)(int fd, unsigned long request, void *arg);

#endif /* SNNQ_DRM_IOCTL_H */
