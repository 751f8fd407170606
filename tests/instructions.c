/* SPDX-License-Identifier: MIT */
/*
 * instructions - write records, each way and size in a function of its own, so that instructions can be counted
 *
 *   instructions         write them, for callgrind, which tells what count_WAY_SIZE() took in all
 *   instructions --pmu   count them by the processor's own counter, and print "WAY SIZE INSTRUCTIONS" of one record;
 *                        exit status 77: there is none, or no leave to use it
 *
 * instructions.sh makes a test of both.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nrb.h"

/* Few enough for the ring to hold them all, since who makes room would be counted, too. */
#define RECORDS 1000

static const unsigned char payload[256];
/* Known at run time only, as a user's. */
static volatile size_t size_of_record;

static inline __attribute__((always_inline)) int by_write(struct nrb_ring *ring, size_t size)
{
	return nrb_write(ring, NRB_RECORD_SAMPLE, payload, size);
}

static inline __attribute__((always_inline)) int by_reserve(struct nrb_ring *ring, size_t size)
{
	struct nrb_reservation r;
	int rc = nrb_reserve(ring, &r, NRB_RECORD_SAMPLE, size);

	if (rc)
		return rc;
	memcpy(r.payload, payload, size);
	nrb_commit(ring, &r);
	return 0;
}

/* Return: how many were refused. */
#define COUNT(way, bytes)                                                                                              \
	static __attribute__((noinline)) int count_##way##_##bytes(struct nrb_ring *ring)                              \
	{                                                                                                              \
		size_t size = size_of_record;                                                                          \
		int refused = 0;                                                                                       \
                                                                                                                       \
		for (int i = 0; i < RECORDS; i++)                                                                      \
			refused += by_##way(ring, size) != 0;                                                          \
		return refused;                                                                                        \
	}

COUNT(write, 8)
COUNT(write, 40)
COUNT(write, 120)
COUNT(write, 248)
COUNT(reserve, 8)
COUNT(reserve, 40)
COUNT(reserve, 120)
COUNT(reserve, 248)

static const struct {
	const char *way;
	size_t size;
	int (*count)(struct nrb_ring *ring);
} cell[] = {
	{ "write", 8, count_write_8 },         { "write", 40, count_write_40 },
	{ "write", 120, count_write_120 },     { "write", 248, count_write_248 },
	{ "reserve", 8, count_reserve_8 },     { "reserve", 40, count_reserve_40 },
	{ "reserve", 120, count_reserve_120 }, { "reserve", 248, count_reserve_248 },
};

/* Return: a descriptor, or -1. */
static int open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Return: 0, or 1 after a message. */
static int count_cell(unsigned number, int counter)
{
	struct nrb_attr attr = NRB_ATTR_INIT;
	struct nrb_ring *ring = nrb_create(&attr);
	uint64_t instructions = 0;
	int refused;

	if (!ring) {
		perror("instructions: nrb_create");
		return 1;
	}
	size_of_record = cell[number].size;
	/* Whatever is done only once. */
	refused = by_write(ring, 8) != 0;
	if (counter >= 0)
		ioctl(counter, PERF_EVENT_IOC_ENABLE, 0);
	refused += cell[number].count(ring);
	if (counter >= 0) {
		ioctl(counter, PERF_EVENT_IOC_DISABLE, 0);
		if (read(counter, &instructions, sizeof(instructions)) == sizeof(instructions))
			printf("%s %zu %.1f\n", cell[number].way, cell[number].size, (double)instructions / RECORDS);
		ioctl(counter, PERF_EVENT_IOC_RESET, 0);
	}
	nrb_destroy(ring);
	if (refused)
		fprintf(stderr, "instructions: %d writes were refused\n", refused);
	return refused != 0;
}

int main(int argc, char **argv)
{
	const bool by_pmu = argc > 1 && !strcmp(argv[1], "--pmu");
	int counter = by_pmu ? open_counter() : -1, failed = 0;

	if (by_pmu && counter < 0)
		return 77;
	for (unsigned i = 0; i < sizeof(cell) / sizeof(cell[0]); i++)
		failed |= count_cell(i, counter);
	return failed;
}
