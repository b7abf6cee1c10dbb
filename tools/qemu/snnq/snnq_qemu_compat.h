/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snnq_qemu_compat.h - what differs between QEMU releases; nothing elsewhere.
 *
 * Written for 10.0; 10.2 makes class data and interface lists const.
 */
#ifndef SNNQ_QEMU_COMPAT_H
#define SNNQ_QEMU_COMPAT_H

#if __has_include("system/memory.h")
#include "system/memory.h"
#define SNNQ_CLASS_DATA const void
#define SNNQ_INTERFACES const InterfaceInfo
#else
#include "exec/memory.h"
#define SNNQ_CLASS_DATA void
#define SNNQ_INTERFACES InterfaceInfo
#endif
#include "system/dma.h"
#include "system/runstate.h"

#if HOST_BIG_ENDIAN
#error "the engine and the device's structures are little-endian"
#endif

#endif /* SNNQ_QEMU_COMPAT_H */
