/* SPDX-License-Identifier: MIT */
/*
 * instructions - write records, each way and size in a function of its own, so that instructions can be counted
 *
 *   instructions         write them, for callgrind, which tells what count_WAY_SIZE() took in all
 *   instructions --pmu   count them by the processor's own counter, and print "WAY SIZE INSTRUCTIONS" of one record
 *   instructions --steps  the same by single steps of the restartable sequences, which the kernel is not told of, so
 *                        that they do not begin anew at each
 *
 * Exit status 77: there is no counter, or no leave to use it; or there are no such sequences here.
 *
 * instructions.sh makes a test of both.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject/context.h"
#include "nrb.h"
#include "targets/rseq_target.h"

/* Few enough for the ring to hold them all, since who makes room would be counted, too. */
#define RECORDS 1000
/* Each instruction is a signal here. */
#define RECORDS_STEPPED 16

static const unsigned char payload[256];
/* Known at run time only, as a user's. */
static volatile size_t size_of_record;
static volatile int records = RECORDS;

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
		int count = records, refused = 0;                                                                      \
                                                                                                                       \
		for (int i = 0; i < count; i++)                                                                        \
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

/* ---- by the processor's counter ---- */

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

/* ---- by single steps ---- */

#if defined(NRB_HAVE_SECTIONS) && CONTEXT_CAN_STEP
static volatile sig_atomic_t stepping;
static uint64_t steps;

static void on_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	if (stepping)
		steps++;
	else
		context_set_step(context, false);
}

/* What begins and ends it is counted with it. @refused: so many writes more. */
static uint64_t steps_of(unsigned number, struct nrb_ring *ring, int wanted, int *refused)
{
	records = wanted;
	steps = 0;
	stepping = 1;
	context_step_here();
	*refused += cell[number].count(ring);
	stepping = 0;
	return steps;
}

static int count_steps(void)
{
	const struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	const struct target_attr attr = { .data_size = 1 << 16, .id = 1 };

	if (rseq_missing())
		return 77;
	sigaction(SIGTRAP, &action, NULL);
	for (unsigned i = 0; i < sizeof(cell) / sizeof(cell[0]); i++) {
		struct nrb_ring *ring = (struct nrb_ring *)rseq_open_bare(&attr);
		uint64_t none, all;
		int refused;

		if (!ring) {
			perror("instructions: cannot make a ring");
			return 1;
		}
		size_of_record = cell[i].size;
		refused = by_write(ring, 8) != 0;
		none = steps_of(i, ring, 0, &refused);
		all = steps_of(i, ring, RECORDS_STEPPED, &refused);
		if (refused) {
			fprintf(stderr, "instructions: %d writes were refused\n", refused);
			return 1;
		}
		printf("%s %zu %.1f\n", cell[i].way, cell[i].size, (double)(all - none) / RECORDS_STEPPED);
		ring_close((struct target_ring *)ring);
	}
	return 0;
}
#else
static int count_steps(void)
{
	return 77;
}
#endif

int main(int argc, char **argv)
{
	const bool by_pmu = argc > 1 && !strcmp(argv[1], "--pmu");
	int counter = by_pmu ? open_counter() : -1, failed = 0;

	if (argc > 1 && !strcmp(argv[1], "--steps"))
		return count_steps();
	if (by_pmu && counter < 0)
		return 77;
	for (unsigned i = 0; i < sizeof(cell) / sizeof(cell[0]); i++)
		failed |= count_cell(i, counter);
	return failed;
}
