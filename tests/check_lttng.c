/* SPDX-License-Identifier: MIT */
/*
 * check_lttng - LTTng-UST as a contestant: what is written is recorded, and nothing of its daemon stays behind
 *
 * A daemon a case: tried where NRB_LTTNG is set, as CI does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "contestant.h"
#include "suite.h"

#define DATA_SIZE 65536u
#define RECORDS 20000u
#define PATIENCE_NS (30 * NS_PER_S)

static const struct contestant *timed, *counted;

static struct bench_ring *open_as(const struct contestant *contestant, uint64_t data_size)
{
	/* Not in this frame: cppcheck takes what is opened for a part of it. */
	static struct bench_attr attr = { .payload_max = 256, .overwrite = true };

	attr.data_size = data_size;
	attr.stamped = contestant->traits & CONTESTANT_STAMPED;
	return contestant->open(&attr);
}

static struct bench_ring *handled;

static void write_in_handler(int number)
{
	const unsigned char payload[9] = "handler";

	(void)number;
	require(!timed->write(handled, payload, sizeof(payload)));
}

/* Lines of the snapshot of @session that hold @text, or -1: babeltrace2 is not installed. */
static int lines_with(const char *session, const char *text)
{
	char command[512], line[4096] = "";
	FILE *output;

	snprintf(command, sizeof(command),
		 "lttng --no-sessiond snapshot record --session=%s >/dev/null || exit; "
		 "command -v babeltrace2 >/dev/null || { echo -1; exit; }; "
		 "babeltrace2 \"$LTTNG_HOME\"/%s | grep -c -e '%s'",
		 session, session, text);
	output = popen(command, "r");
	ck_assert_ptr_nonnull(output);
	ck_assert_msg(fgets(line, sizeof(line), output), "there is no snapshot of %s", session);
	pclose(output);
	return atoi(line);
}

START_TEST(records_are_recorded)
{
	struct bench_ring *ring = open_as(timed, DATA_SIZE), *other = open_as(counted, DATA_SIZE);
	unsigned char payload[200];
	int lines;

	ck_assert_ptr_nonnull(ring);
	ck_assert_ptr_nonnull(other);
	/* There is one session of each kind. */
	ck_assert_ptr_eq(open_as(timed, DATA_SIZE), ring);
	timed->close(ring);
	ck_assert_ptr_null(open_as(timed, 2 * DATA_SIZE));
	ck_assert_int_eq(errno, EBUSY);
	memset(payload, 0x5a, sizeof(payload));
	for (unsigned i = 0; i < RECORDS; i++) {
		require(!timed->write(ring, payload, 1 + i % sizeof(payload)));
		require(!counted->write(other, payload, 1 + i % sizeof(payload)));
	}
	handled = ring;
	signal(SIGUSR1, write_in_handler);
	for (unsigned i = 0; i < 10; i++)
		raise(SIGUSR1);
	lines = lines_with("nrb-bench-timed", "nrb_bench:timed:.*_payload_length = 200, ");
	if (lines >= 0) {
		ck_assert_int_gt(lines, 0);
		/* The newest are there; and each session has its own. */
		ck_assert_int_eq(
			lines_with("nrb-bench-timed", "nrb_bench:timed:.*_payload_length = 9, payload = .*104"), 10);
		ck_assert_int_eq(lines_with("nrb-bench-timed", "nrb_bench:counted"), 0);
		ck_assert_int_gt(lines_with("nrb-bench-counted", "nrb_bench:counted"), 10);
		ck_assert_int_eq(lines_with("nrb-bench-counted", "nrb_bench:timed"), 0);
	}
	timed->close(ring);
	counted->close(other);
	/* And once more, with the daemon that there is. */
	ring = open_as(timed, 2 * DATA_SIZE);
	ck_assert_ptr_nonnull(ring);
	require(!timed->write(ring, payload, 8));
	timed->close(ring);
}
END_TEST

START_TEST(other_modes_are_refused)
{
	const struct bench_attr attr = { .data_size = DATA_SIZE, .payload_max = 256, .stamped = true };

	ck_assert_ptr_null(timed->open(&attr));
	ck_assert_int_eq(errno, EOPNOTSUPP);
}
END_TEST

/* However who started the daemon ends, it ends too, and its folder goes away. */
START_TEST(nothing_stays_behind)
{
	static const int end_by[] = { 0, SIGKILL, SIGINT };
	char folder[256] = "";
	uint64_t end;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		const struct bench_ring *ring;
		const char *home;

		/* Check's own would end the test. */
		signal(SIGINT, SIG_DFL);
		ring = open_as(counted, DATA_SIZE);
		home = getenv("LTTNG_HOME");

		if (!ring || !home || write(ends[1], home, strlen(home)) < 0 || !end_by[_i])
			exit(!ring);
		for (;;)
			pause();
	}
	close(ends[1]);
	ck_assert_int_gt(read(ends[0], folder, sizeof(folder) - 1), 0);
	if (end_by[_i])
		kill(pid, end_by[_i]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (end = clock_ns() + PATIENCE_NS; !access(folder, F_OK);) {
		require(clock_ns() < end);
		poll(NULL, 0, 10);
	}
	/* A daemon would be heard of. */
	ck_assert_ptr_null(timed->absent());
}
END_TEST

Suite *suite_make(void)
{
	Suite *suite = suite_create("lttng");
	TCase *tcase = suite_case(suite, "lttng");
	const char *reason;

	timed = contestant_find("lttng");
	counted = contestant_find("lttng-noclock");
	reason = timed->absent();
	if (!getenv("NRB_LTTNG"))
		reason = "it starts daemons: set NRB_LTTNG=1";
	suite_add(tcase, other_modes_are_refused, reason);
	suite_add(tcase, records_are_recorded, reason);
	suite_add_loop(tcase, nothing_stays_behind, 3, reason);
	return suite;
}
