/* SPDX-License-Identifier: MIT */
/*
 * imitated.h - an imitated mapping of a perf ring, what the kernel would write into it, and what its watch finds there
 */
#ifndef TESTS_IMITATED_H
#define TESTS_IMITATED_H

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "kernel/watch.h"
#include "suite.h"

/* Not every suite writes everything. */
#define IMITATED static inline

#define PAGE 4096u
#define SIZE 4096u
#define PID 100u
#define TID 101u
#define CPU 3u
#define CLOCK_ID 70u
#define PUT_HANDLE 0xffffffff81000000u
/* Bytes of the records. */
#define COMM_BYTES 64u
#define SAMPLE_BYTES 48u
#define LOST_BYTES 56u

static struct perf_event_mmap_page *page;
static unsigned char *data;
static struct kernel_facts facts;
static struct kernel_result sum;
static struct kernel_watch watch;
static struct findings findings;
static uint64_t head; /* as the kernel counts it */
static uint64_t now;
static bool downwards;

IMITATED void map_make(void)
{
	page = aligned_alloc(PAGE, PAGE + SIZE);
	ck_assert_ptr_nonnull(page);
}

IMITATED void map_remove(void)
{
	free(page);
}

IMITATED void begin_ring(bool backward)
{
	memset(page, 0, PAGE + SIZE);
	page->data_offset = PAGE;
	page->data_size = SIZE;
	data = (unsigned char *)page + PAGE;
	now = clock_ns();
	facts = (struct kernel_facts) { .pid = PID, .tid = TID, .cpu = CPU, .start_ns = now, .events = 3, .comms = 2 };
	facts.id[0] = 50;
	facts.id[1] = 51;
	facts.rank[1] = 1;
	facts.id[2] = CLOCK_ID;
	facts.kind[2] = KERNEL_CLOCK;
	memset(&sum, 0, sizeof(sum));
	sum.functions = 1;
	sum.function[0] = (struct kernel_function) {
		.name = "perf_output_put_handle", .start = PUT_HANDLE, .end = PUT_HANDLE + 100, .handle = true
	};
	head = 0;
	downwards = backward;
	findings.count = 0;
	kernel_watch_init(&watch, page, backward, &facts, &sum);
}

IMITATED void put(const void *record, uint32_t size)
{
	if (downwards)
		head -= size;
	for (uint32_t i = 0; i < size; i++)
		data[(head + i) % SIZE] = ((const unsigned char *)record)[i];
	if (!downwards)
		head += size;
}

IMITATED void publish(void)
{
	page->data_head = head;
}

IMITATED uint64_t header(uint32_t type, uint16_t size)
{
	struct perf_event_header value = { .type = type, .size = size };
	uint64_t word;

	memcpy(&word, &value, sizeof(word));
	return word;
}

IMITATED uint64_t pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

IMITATED void make_comm(uint64_t *record, uint64_t number, unsigned event)
{
	char name[32];

	record[0] = header(PERF_RECORD_COMM, COMM_BYTES);
	record[1] = pair(PID, TID);
	snprintf(name, sizeof(name), "nrb%012llx", (unsigned long long)number);
	memcpy(&record[2], name, 16);
	record[4] = pair(PID, TID);
	record[5] = now;
	record[6] = CPU;
	record[7] = facts.id[event];
}

IMITATED void put_comm(uint64_t number, unsigned event)
{
	uint64_t record[COMM_BYTES / 8];

	make_comm(record, number, event);
	put(record, sizeof(record));
}

/* One name, as both events tell it. */
IMITATED void put_name(uint64_t number)
{
	put_comm(number, 0);
	put_comm(number, 1);
}

IMITATED void put_sample(uint64_t pc)
{
	const uint64_t record[] = { header(PERF_RECORD_SAMPLE, SAMPLE_BYTES), CLOCK_ID, pc, pair(PID, TID), now, CPU };

	put(record, sizeof(record));
}

IMITATED void put_lost(uint64_t lost)
{
	const uint64_t record[] = {
		header(PERF_RECORD_LOST, LOST_BYTES), 50, lost, pair(PID, TID), now, CPU, CLOCK_ID
	};

	put(record, sizeof(record));
}

IMITATED void put_throttle(void)
{
	const uint64_t record[] = {
		header(PERF_RECORD_THROTTLE, 64), now, CLOCK_ID, CLOCK_ID, pair(PID, TID), now, CPU, CLOCK_ID
	};

	put(record, sizeof(record));
}

IMITATED void read_all(void)
{
	while (kernel_watch_look(&watch, false, &findings) && findings.count < ORACLE_FINDINGS)
		;
}

IMITATED void expect_clean(void)
{
	ck_assert_msg(!findings.count, "%s: %llx, %llx", violation_name(findings.at[0].kind),
		      (unsigned long long)findings.at[0].before, (unsigned long long)findings.at[0].after);
}

#define expect(violation)                                                                                              \
	do {                                                                                                           \
		ck_assert_uint_eq(findings.count, 1);                                                                  \
		ck_assert_str_eq(violation_name(findings.at[0].kind), violation_name(violation));                      \
		findings.count = 0;                                                                                    \
	} while (0)

#endif /* TESTS_IMITATED_H */
