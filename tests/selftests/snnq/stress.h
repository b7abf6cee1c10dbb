/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the stress program share. */
#ifndef STRESS_H
#define STRESS_H

#include <signal.h>
#include <stdint.h>

uint32_t stress_random(uint32_t *state);
/* One more call was made. */
void stress_called(void);
/* Calls of all kinds, with handles good and bad, by several threads on two files. */
void stress_chaos(uint32_t seed, const volatile sig_atomic_t *stop);

#endif /* STRESS_H */
