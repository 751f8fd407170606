/* SPDX-License-Identifier: MIT */
/*
 * check_kernel.c - the kernel tier's oracle is not blind: an imitated mapping, into which a decrease, a gap, a torn
 * record are planted, and each is told by its name
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "kernel/watch.h"
#include "suite.h"

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

/* ---- an imitated ring ---- */

static struct perf_event_mmap_page *page;
static unsigned char *data;
static struct kernel_facts facts;
static struct kernel_result sum;
static struct kernel_watch watch;
static struct findings findings;
static uint64_t head; /* as the kernel counts it */
static uint64_t now;
static bool downwards;

static void map_make(void)
{
	page = aligned_alloc(PAGE, PAGE + SIZE);
	ck_assert_ptr_nonnull(page);
}

static void map_remove(void)
{
	free(page);
}

static void begin_ring(bool backward)
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

static void put(const void *record, uint32_t size)
{
	if (downwards)
		head -= size;
	for (uint32_t i = 0; i < size; i++)
		data[(head + i) % SIZE] = ((const unsigned char *)record)[i];
	if (!downwards)
		head += size;
}

static void publish(void)
{
	page->data_head = head;
}

static uint64_t header(uint32_t type, uint16_t size)
{
	struct perf_event_header value = { .type = type, .size = size };
	uint64_t word;

	memcpy(&word, &value, sizeof(word));
	return word;
}

static uint64_t pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

static void make_comm(uint64_t *record, uint64_t number, unsigned event)
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

static void put_comm(uint64_t number, unsigned event)
{
	uint64_t record[COMM_BYTES / 8];

	make_comm(record, number, event);
	put(record, sizeof(record));
}

/* One name, as both events tell it. */
static void put_name(uint64_t number)
{
	put_comm(number, 0);
	put_comm(number, 1);
}

static void put_sample(uint64_t pc)
{
	const uint64_t record[] = { header(PERF_RECORD_SAMPLE, SAMPLE_BYTES), CLOCK_ID, pc, pair(PID, TID), now, CPU };

	put(record, sizeof(record));
}

static void put_lost(uint64_t lost)
{
	const uint64_t record[] = {
		header(PERF_RECORD_LOST, LOST_BYTES), 50, lost, pair(PID, TID), now, CPU, CLOCK_ID
	};

	put(record, sizeof(record));
}

static void put_throttle(void)
{
	const uint64_t record[] = {
		header(PERF_RECORD_THROTTLE, 64), now, CLOCK_ID, CLOCK_ID, pair(PID, TID), now, CPU, CLOCK_ID
	};

	put(record, sizeof(record));
}

static void read_all(void)
{
	while (kernel_watch_look(&watch, false, &findings) && findings.count < ORACLE_FINDINGS)
		;
}

static void expect_clean(void)
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

START_TEST(good_history)
{
	begin_ring(false);
	/* Round the end several times. */
	for (uint64_t number = 0; number < 200; number++) {
		put_name(number);
		if (number % 3 == 0)
			put_sample(PUT_HANDLE + 8);
		if (number % 5 == 0)
			put_sample(0x1000);
		publish();
		read_all();
	}
	put_throttle();
	put_sample(0xffffffff90000000u);
	publish();
	read_all();
	expect_clean();
	ck_assert_uint_eq(page->data_tail, head);
	ck_assert_uint_eq(watch.comms, 400);
	ck_assert_uint_eq(watch.samples, 67 + 40 + 1);
	ck_assert_uint_eq(watch.in_kernel, 67 + 1);
	ck_assert_uint_eq(watch.in_family, 67);
	ck_assert_uint_eq(watch.in_handle, 67);
	ck_assert_uint_eq(watch.throttles, 1);
	ck_assert_uint_eq(sum.function[0].at[8], 67);
	ck_assert_uint_eq(sum.function[0].hits, 67);
}
END_TEST

START_TEST(head_goes_back)
{
	begin_ring(false);
	put_name(0);
	publish();
	read_all();
	expect_clean();
	/* What an interrupted writer publishes last: what it had seen before. */
	page->data_head = head - COMM_BYTES;
	kernel_watch_look(&watch, false, &findings);
	ck_assert_uint_eq(findings.count, 2);
	ck_assert_int_eq(findings.at[0].kind, HEAD_BACKWARD);
	ck_assert_int_eq(findings.at[1].kind, HEAD_BELOW_TAIL);
	ck_assert_uint_eq(findings.at[0].before - findings.at[0].after, COMM_BYTES);
	/* Nothing has been read because of it, and it goes on as if nothing had been. */
	findings.count = 0;
	put_name(1);
	publish();
	read_all();
	expect_clean();
	ck_assert_uint_eq(watch.comms, 4);
}
END_TEST

START_TEST(head_goes_back_before_a_poller)
{
	struct kernel_watch poller;

	begin_ring(false);
	kernel_watch_init(&poller, page, false, &facts, NULL);
	put_name(0);
	publish();
	kernel_watch_poll(&poller, &findings);
	page->data_head = 0;
	kernel_watch_poll(&poller, &findings);
	expect(HEAD_BACKWARD);
}
END_TEST

START_TEST(gap)
{
	begin_ring(false);
	put_name(0);
	put_name(2);
	publish();
	read_all();
	expect(SEQUENCE_GAP);
}
END_TEST

/* And not where the kernel says so itself, in whatever order. */
START_TEST(lost)
{
	begin_ring(false);
	put_name(0);
	put_lost(0);
	put_name(2);
	put_lost(3);
	put_sample(PUT_HANDLE);
	publish();
	read_all();
	expect_clean();
	ck_assert_uint_eq(watch.stream.lost, 3);
	ck_assert_uint_eq(watch.stream.lost_records, 2);
	/* Three were told, and the events say that there were four. */
	oracle_rest(&watch.stream,
		    &(struct observed_rest) {
			    .published_head = head, .reserved_head = head, .attempts = { 6, 2 }, .failed = { 2, 1 } },
		    &findings);
	expect_clean();
	oracle_rest(&watch.stream,
		    &(struct observed_rest) {
			    .published_head = head, .reserved_head = head, .attempts = { 6, 3 }, .failed = { 2, 2 } },
		    &findings);
	expect(LOST_MISMATCH);
}
END_TEST

START_TEST(repeat)
{
	begin_ring(false);
	put_name(0);
	put_comm(0, 1);
	publish();
	read_all();
	expect(SEQUENCE_REPEAT);
}
END_TEST

/* A field of the first of three records is wrong; the others are read. */
static void plant(unsigned word, uint64_t value)
{
	uint64_t record[COMM_BYTES / 8];

	begin_ring(false);
	make_comm(record, 0, 0);
	record[word] = value;
	put(record, sizeof(record));
	put_comm(0, 1);
	put_name(1);
	publish();
	read_all();
}

START_TEST(torn)
{
	static const char names[][17] = { "nrb00000000000g", "nrb0000000000000", "mrb000000000000", "nrb" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint64_t record[COMM_BYTES / 8];

		begin_ring(false);
		make_comm(record, 0, 0);
		memcpy(&record[2], names[i], 16);
		put(record, sizeof(record));
		publish();
		read_all();
		expect(TORN_RECORD);
	}
	plant(1, pair(PID, TID + 1));
	expect(TORN_RECORD);
	plant(4, pair(PID + 1, TID));
	expect(TORN_RECORD);
	plant(5, now - 20 * NS_PER_MS);
	expect(TORN_RECORD);
	plant(5, now + NS_PER_S * 60);
	expect(TORN_RECORD);
	plant(6, CPU + 1);
	expect(TORN_RECORD);
	/* Of nobody; and of a clock, which knows no names. */
	plant(7, 99);
	expect(TORN_RECORD);
	plant(7, CLOCK_ID);
	expect(TORN_RECORD);
	ck_assert_uint_eq(watch.comms, 3);
}
END_TEST

START_TEST(time_goes_back)
{
	begin_ring(false);
	facts.start_ns -= NS_PER_S;
	put_name(0);
	now -= 5 * NS_PER_MS;
	/* Another event may: what nests has its time later, and its place before. */
	put_sample(PUT_HANDLE);
	publish();
	read_all();
	expect_clean();
	put_comm(1, 0);
	publish();
	read_all();
	expect(TORN_RECORD);
}
END_TEST

START_TEST(bad_headers)
{
	const uint64_t headers[] = { 0, header(PERF_RECORD_COMM, COMM_BYTES + 8), header(PERF_RECORD_SAMPLE, 8),
				     header(PERF_RECORD_FORK, 64), header(PERF_RECORD_LOST, 0) };

	for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		plant(0, headers[i]);
		expect(BAD_RECORD);
		/* What was published is given up; the next is read again. */
		ck_assert_uint_eq(page->data_tail, head);
		put_name(2);
		publish();
		read_all();
		expect_clean();
	}
}
END_TEST

/* A record that reaches beyond what is published. */
START_TEST(covered_in_part)
{
	begin_ring(false);
	put_comm(0, 0);
	page->data_head = head - 8;
	read_all();
	expect(BAD_RECORD);
}
END_TEST

START_TEST(overrun)
{
	begin_ring(false);
	page->data_head = SIZE + 8;
	kernel_watch_look(&watch, false, &findings);
	expect(OVERRUN);
	begin_ring(false);
	page->data_head = 12;
	kernel_watch_look(&watch, false, &findings);
	expect(BAD_RECORD);
}
END_TEST

/* What shows only when something else is written was invisible until then. */
START_TEST(stuck)
{
	uint64_t before;

	begin_ring(false);
	put_name(0);
	publish();
	read_all();
	kernel_watch_quiet(&watch, 1);
	before = head;
	put_name(1);
	publish();
	read_all();
	kernel_watch_woken(&watch, before, &findings);
	expect_clean();

	begin_ring(false);
	put_name(0);
	publish();
	read_all();
	kernel_watch_quiet(&watch, 2);
	before = head;
	put_name(1);
	put_name(2);
	publish();
	read_all();
	kernel_watch_woken(&watch, before, &findings);
	expect(STUCK_HEAD);
}
END_TEST

START_TEST(held_back)
{
	begin_ring(false);
	for (uint64_t number = 0; number < 10; number++)
		put_name(number);
	publish();
	ck_assert(!kernel_watch_look(&watch, true, &findings));
	ck_assert_uint_eq(page->data_tail, 0);
	for (uint64_t number = 10; number < 32; number++)
		put_name(number);
	publish();
	ck_assert(kernel_watch_look(&watch, true, &findings));
	expect_clean();
}
END_TEST

/* ---- written backwards ---- */

START_TEST(snapshots)
{
	begin_ring(true);
	for (uint64_t number = 0; number < 100; number++) {
		put_name(number);
		if (number % 4 == 0)
			put_sample(PUT_HANDLE + 4);
		publish();
		kernel_watch_look(&watch, false, &findings);
		if (number % 10 == 0)
			kernel_watch_snapshot(&watch, &findings);
		expect_clean();
		now++;
	}
	/* Each once, though snapshots overlap. */
	ck_assert_uint_ge(watch.samples, 22);
	ck_assert_uint_le(watch.samples, 25);
	ck_assert_uint_eq(sum.function[0].hits, watch.samples);
	page->data_head += COMM_BYTES;
	kernel_watch_look(&watch, false, &findings);
	expect(HEAD_BACKWARD);
}
END_TEST

START_TEST(snapshot_of_what_is_wrong)
{
	uint64_t record[COMM_BYTES / 8];

	begin_ring(true);
	put_name(0);
	put_name(2);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect(SEQUENCE_GAP);

	begin_ring(true);
	put_name(0);
	put_lost(2);
	put_name(2);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect_clean();

	begin_ring(true);
	put_name(0);
	make_comm(record, 1, 0);
	record[7] = 1;
	put(record, sizeof(record));
	put_comm(1, 1);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect(TORN_RECORD);

	begin_ring(true);
	put_name(0);
	memset(record, 0x55, sizeof(record));
	put(record, sizeof(record));
	put_name(1);
	publish();
	kernel_watch_snapshot(&watch, &findings);
	expect(BAD_RECORD);
}
END_TEST

/* ---- in which order events tell of a name ---- */

START_TEST(ranks)
{
	for (unsigned backward = 0; backward < 2; backward++) {
		begin_ring(backward);
		facts.rank[0] = facts.rank[1] = 7;
		put_comm(0, 1);
		put_comm(0, 0);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), 0);
		ck_assert_uint_eq(facts.rank[1], 0);
		ck_assert_uint_eq(facts.rank[0], 1);
		/* One is missing; something else is there. */
		begin_ring(backward);
		put_comm(0, 1);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), -EPROTO);
		begin_ring(backward);
		put_comm(0, 1);
		put_sample(1);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), -EPROTO);
		begin_ring(backward);
		publish();
		ck_assert_int_eq(kernel_watch_ranks(&watch), -EPROTO);
	}
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("kernel");
	TCase *forward = suite_case(suite, "forward"), *backward = suite_case(suite, "backward");

	tcase_add_checked_fixture(forward, map_make, map_remove);
	tcase_add_checked_fixture(backward, map_make, map_remove);
	tcase_add_test(forward, good_history);
	tcase_add_test(forward, head_goes_back);
	tcase_add_test(forward, head_goes_back_before_a_poller);
	tcase_add_test(forward, gap);
	tcase_add_test(forward, lost);
	tcase_add_test(forward, repeat);
	tcase_add_test(forward, torn);
	tcase_add_test(forward, time_goes_back);
	tcase_add_test(forward, bad_headers);
	tcase_add_test(forward, covered_in_part);
	tcase_add_test(forward, overrun);
	tcase_add_test(forward, stuck);
	tcase_add_test(forward, held_back);
	tcase_add_test(backward, snapshots);
	tcase_add_test(backward, snapshot_of_what_is_wrong);
	tcase_add_test(backward, ranks);
	return suite;
}
