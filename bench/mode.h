/* SPDX-License-Identifier: MIT */
/*
 * mode.h - what goes on while a contestant's writer writes
 */
#ifndef BENCH_MODE_H
#define BENCH_MODE_H

#include <stdbool.h>
#include <stddef.h>

enum bench_mode {
	MODE_ALONE,
	MODE_POLLED,
	MODE_LOOP,
	MODE_PACED,
	MODE_LOSSLESS,
	MODE_DROPPING,
	MODE_OVERWRITE,
	MODE_NESTED,
	MODE_LATENCY,
	MODE_WRITERS,
	MODES
};

struct mode {
	const char *name;
	const char *summary;
	bool reader; /* one on another CPU takes part */
};

extern const struct mode mode_table[MODES];

/* Return: the mode whose name the @length characters at @name are, or MODES. */
enum bench_mode mode_find(const char *name, size_t length);

#endif /* BENCH_MODE_H */
