/* SPDX-License-Identifier: MIT */
/* isa.h - the instruction set that users name in SNNQ_ISA. */
#ifndef SNNQ_ISA_H
#define SNNQ_ISA_H

/* Whoever names one for the engine gets that one or is told: 0, or -EINVAL with the error set. */
int isa_check(void);

#endif /* SNNQ_ISA_H */
