/* SPDX-License-Identifier: MIT */
/*
 * measure.h - time a writer at full speed
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdint.h>

#include "targets/target.h"

/* Who looks on while the writer writes. */
enum bench_mode {
	MODE_ALONE, /* nobody: the writer gives the space back itself, half a ring at a time */
	MODE_POLLED /* a reader on another CPU, which loads data_head without pause and gives space back likewise */
};

struct bench_setup {
	enum bench_mode mode;
	unsigned writer_cpu, reader_cpu;
	uint64_t data_size;   /* bytes */
	uint32_t payload;     /* bytes, a multiple of 8 */
	uint64_t duration_ns; /* of one repetition */
};

/*
 * bench_measure - one repetition: a new ring, written for @setup->duration_ns
 *
 * Return: ns per record, or a negative number: -errno.
 */
double bench_measure(const struct target *target, const struct bench_setup *setup);

/* The median of @count values; sorts them. */
double bench_median(double *values, unsigned count);

#endif /* BENCH_MEASURE_H */
