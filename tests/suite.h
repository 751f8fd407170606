/* SPDX-License-Identifier: MIT */
/*
 * suite.h - what all Check programs have in common: main, cases that are skipped and say so, a scratch folder, rings
 */
#ifndef TESTS_SUITE_H
#define TESTS_SUITE_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "nrb.h"

/* Whether this build carries a sanitizer, which takes time, instructions and address space of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Whether this build counts what is reached, in make coverage: each instruction takes several then. */
#ifdef NRB_COVERAGE
#define COUNTED 1
#else
#define COUNTED 0
#endif

/* The suite of this program; each defines its own. */
Suite *suite_make(void);

/* A case of @suite, with a timeout that holds on a slow and busy machine as well. */
TCase *suite_case(Suite *suite, const char *name);

/* Add @test; when @reason is not NULL, add in its place an empty one that TAP reports as skipped for that reason. */
void suite_add(TCase *tcase, const TTest *test, const char *reason);

/* The same of a test that runs for each number below @times. */
void suite_add_loop(TCase *tcase, const TTest *test, int times, const char *reason);

/*
 * suite_full - whether NRB_CHECK=full is in the environment: then everything is tried to its end, and not as far as the
 * minute that make check has allows
 */
bool suite_full(void);

/* A remark for the log. To standard error, because standard output may be carrying TAP. */
#define suite_note(...) fprintf(stderr, "# " __VA_ARGS__)

/* As ck_assert, for inner loops: that one makes a system call each time, to remember the line for a crash. */
#define require(condition)                                                                                             \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			ck_abort_msg("required: %s", #condition);                                                      \
	} while (0)

/* Random numbers that are the same in every run (xorshift64*). @state: not 0. */
uint64_t suite_random(uint64_t *state);

/* ---- a folder for files; add both as an unchecked fixture, so that it goes away even when a test fails ---- */

void scratch_make(void);
void scratch_remove(void);
/* The path of @name in there; valid until the fourth next call. */
const char *scratch_path(const char *name);

/* ---- rings ---- */

/* An anonymous ring, or the test fails. */
struct nrb_ring *ring_make(uint64_t data_size, uint64_t start);

/* A reader of @ring, or the test fails. */
struct nrb_reader *reader_make(const struct nrb_ring *ring);

/* All of @fd, mapped as a stranger would, or the test fails; @size receives its bytes. */
unsigned char *map_whole(int fd, size_t *size);

/* A payload of no interest, for records of any size. */
extern const char suite_zeros[1 << 16];

#endif /* TESTS_SUITE_H */
