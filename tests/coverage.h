/* SPDX-License-Identifier: MIT */
/*
 * coverage.h - included before all else where coverage is counted, by make coverage: who leaves by _exit(), as children
 * of tests do, writes his counters down first
 */
#ifndef TESTS_COVERAGE_H
#define TESTS_COVERAGE_H

/* For tests that would take too long to count. */
#define NRB_COVERAGE 1

/* As the sources have it; the declaration of _exit() must come before the macro. */
#define _GNU_SOURCE
#include <unistd.h>

/* Of libgcov. */
void __gcov_dump(void);

#define _exit(status) (__gcov_dump(), _exit(status))

#endif /* TESTS_COVERAGE_H */
