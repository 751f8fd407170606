/* SPDX-License-Identifier: MIT */
/*
 * confined.h - tests that do without: limits of a process, a small file system, another user; and what must not be left
 */
#ifndef TESTS_CONFINED_H
#define TESTS_CONFINED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

uint64_t page_size(void);

/* ---- files ---- */

bool exists(const char *path);
/* The writer's file of the ring at @path; valid until the next call. */
const char *writer_of(const char *path);
/* Neither of the two files of @path is there, or the test fails. */
void nothing_left(const char *path);

/* ---- this process ---- */

/* Set a soft limit, or the test fails. */
void limit(int resource, rlim_t value);
unsigned open_descriptors(void);
unsigned long address_space_kib(void);

/* Become somebody who may not write into other people's folders. */
bool drop_privileges(void);

/* A tmpfs with @options at @path, that nobody else sees. */
bool mount_small(const char *path, const char *options);

/* ---- what cannot be tried everywhere ---- */

/* Whether @attempt succeeds in a process of its own, which it may change as it likes. */
bool can(bool (*attempt)(void));

/* NULL, or why it cannot be tried here: to become another user, to mount, to limit the address space. */
const char *no_other_user(void);
const char *no_mount(void);
const char *no_limit(void);

#endif /* TESTS_CONFINED_H */
