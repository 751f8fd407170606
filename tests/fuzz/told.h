/* SPDX-License-Identifier: MIT */
/*
 * told.h - what a dump puts out, kept, and whether that is whole
 */
#ifndef TESTS_FUZZ_TOLD_H
#define TESTS_FUZZ_TOLD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "dump.h"

/* After so much the dump is asked to end; it may finish the record that it is at. */
#define TOLD_ENOUGH (1u << 20)
#define TOLD_MAX (4u << 20)

struct told {
	bool seekable;      /* as a file; else as a pipe */
	uint64_t room;      /* bytes, then there is no space left; 0: no limit */
	bool failed;        /* it was told so */
	void (*turn)(void); /* called with each piece that is put out */
	volatile sig_atomic_t stop;
	uint64_t size, at, messages_size;
};

void told_begin(struct told *told, bool seekable, void (*turn)(void));

/* Where to put it; the streams are the caller's to close, one dump at a time. */
FILE *told_out(struct told *told);
FILE *told_messages(struct told *told);

/*
 * Text and messages are printable; JSON is JSON; perf's records lie one behind the other, up to their end. And there
 * are as many as the summary says.
 */
void told_check(const struct told *told, const struct dump_options *options, const char *path);

#endif /* TESTS_FUZZ_TOLD_H */
