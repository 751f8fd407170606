/* SPDX-License-Identifier: MIT */
/*
 * perf_data.h - a file that perf script and perf report read (part of the profiler example)
 *
 * A header, one attribute, then records as they stand in a ring whose sample_id is PERF_TRAILER. One thread writes.
 */
#ifndef PERF_DATA_H
#define PERF_DATA_H

#include <nrb.h>
#include <stdbool.h>
#include <sys/types.h>

/* What stands at the end of each record but samples, and within these. */
#define PERF_TRAILER (NRB_SAMPLE_TID | NRB_SAMPLE_TIME | NRB_SAMPLE_CPU)

struct perf_trailer {
	uint32_t pid, tid;
	uint64_t time; /* ns of CLOCK_MONOTONIC */
	uint32_t cpu, reserved;
};

struct perf_data {
	uint64_t config; /* which event of PERF_TYPE_SOFTWARE it is said to be */
	uint64_t sample_type, period_ns;
	int file;
	int error; /* errno of a write that failed; nothing is written since */
	uint64_t data_size;
	size_t buffered;
	unsigned char buffer[1 << 17];
};

/* ns of CLOCK_MONOTONIC. Context: any, handlers included. */
uint64_t perf_data_now(void);
/* Begin the file at @path with the settings in @data. Return: 0 or -errno. */
int perf_data_open(struct perf_data *data, const char *path);
/* A record: its type, and what follows its header, the trailer included; in bytes, a multiple of 8. */
void perf_data_put(struct perf_data *data, uint32_t type, const void *body, size_t size);
/* Tell which code lies where in this process, as far as that was not told before. Now and then, and at the end. */
void perf_data_put_maps(struct perf_data *data);
/* Hand over to the kernel what was put. */
void perf_data_flush(struct perf_data *data);
/* Return: 0 or -errno, of earlier writes too. */
int perf_data_close(struct perf_data *data);

#endif /* PERF_DATA_H */
