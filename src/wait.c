/* SPDX-License-Identifier: MIT */
/*
 * wait.c - a reader that sleeps until there is something to read
 */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "batch.h"
#include "reader_state.h"
#include "wakeup.h"

/* Intervals at which a reader without an eventfd looks. */
#define LOOK_FIRST_NS 50000
#define LOOK_LAST_NS 10000000

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* What is left until @deadline; negative: there is none. */
static int64_t time_left(int64_t deadline)
{
	int64_t left;

	if (deadline < 0)
		return -1;
	left = deadline - clock_now();
	return left > 0 ? left : 0;
}

static int64_t wait_by_looking(struct nrb_reader *reader, int64_t deadline, uint64_t *head)
{
	for (int64_t pause = LOOK_FIRST_NS;; pause = pause * 2 < LOOK_LAST_NS ? pause * 2 : LOOK_LAST_NS) {
		int64_t found = nrb_reader_poll(reader, head), left = time_left(deadline);
		struct timespec sleep = { .tv_nsec = left >= 0 && left < pause ? left : pause };

		if (found || !left)
			return found;
		if (nanosleep(&sleep, NULL) < 0)
			return -EINTR;
	}
}

int64_t nrb_reader_wait(struct nrb_reader *reader, int64_t timeout_ns, uint64_t *head)
{
	int64_t now = clock_now();
	/* Beyond what a clock can tell is for ever. */
	int64_t deadline = timeout_ns < 0 || timeout_ns > INT64_MAX - now ? -1 : now + timeout_ns;
	int rc;

	if (reader->wakeup_fd < 0)
		return wait_by_looking(reader, deadline, head);
	/* A poll that gives what is left of a batch does not look for what a wakeup tells of: that one is for later. */
	if (nrb_is_batched(reader) && nrb_batch_is_left(reader))
		return nrb_reader_poll(reader, head);
	rc = nrb_wakeup_wait(reader->wakeup_fd, time_left(deadline));
	return rc < 0 ? rc : nrb_reader_poll(reader, head);
}
