/* SPDX-License-Identifier: MIT */
/*
 * check_kernel.c - the kernel tier's oracle is not blind: an imitated mapping, into which a decrease, a gap, a torn
 * record are planted, and each is told by its name
 */
#include "imitated.h"

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

Suite *suite_make(void)
{
	Suite *suite = suite_create("kernel");
	TCase *forward = suite_case(suite, "forward");

	tcase_add_checked_fixture(forward, map_make, map_remove);
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
	return suite;
}
