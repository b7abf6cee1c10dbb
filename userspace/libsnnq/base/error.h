/* SPDX-License-Identifier: MIT */
/* error.h - the line that snnq_last_error() returns. One per thread. */
#ifndef SNNQ_ERROR_H
#define SNNQ_ERROR_H

/* Set this thread's line; returns @code, so that callers can return the result. */
int error_set(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
const char *error_get(void);

#endif /* SNNQ_ERROR_H */
