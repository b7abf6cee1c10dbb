/* SPDX-License-Identifier: MIT */
/* refusal.h - what a device lacks for a program, in the words of the model file. */
#ifndef SNNQ_REFUSAL_H
#define SNNQ_REFUSAL_H

#include "graph.h"
#include "snnq_validate.h"

/*
 * @layer: as in the model file, NULL where it has none. @program: what was refused. @field:
 * of it. Writes what was found and what the device has, as far as both can be said.
 */
void refusal_explain(char *text, size_t size, const struct graph_layer *layer,
		     const struct snnq_program_header *program, const struct snnq_diag *diag,
		     const struct snnq_caps *caps);

#endif /* SNNQ_REFUSAL_H */
