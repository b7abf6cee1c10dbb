/* SPDX-License-Identifier: MIT */
/* folder.h - a folder of a test's own, gone after it with all that is in it. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

/* For cmocka_run_group_tests(). */
int folder_make(void **state);
int folder_remove(void **state);
/* The path of @name in it, until eight others were asked for; NULL: its own. */
const char *folder_path(const char *name);

#endif /* TESTS_FOLDER_H */
