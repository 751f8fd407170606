/* SPDX-License-Identifier: MIT */
/*
 * guard.h - read a mapped file that somebody may make shorter meanwhile
 *
 * What is beyond the end of a mapped file raises SIGBUS when touched. A library cannot own that signal; a program can.
 */
#ifndef DUMP_GUARD_H
#define DUMP_GUARD_H

#include <signal.h>

/* Handle SIGBUS from now on, and as before. @old: keeps what was. */
void guard_begin(struct sigaction *old);
void guard_end(const struct sigaction *old);

/**
 * guard_call - call @function(@argument), and come back when it touches what is gone
 * @function: takes no lock and holds nothing: it may be left at any access to mapped memory
 * @gone: receives the address that it touched
 *
 * Context: thread; one at a time, between guard_begin() and guard_end().
 * Return: what @function does, or -EFAULT: it was left
 */
int guard_call(int (*function)(void *argument), void *argument, const void **gone);

#endif /* DUMP_GUARD_H */
