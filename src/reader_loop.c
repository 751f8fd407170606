/* SPDX-License-Identifier: MIT */
/*
 * reader_loop.c - read records as they come, at as little cost to the writer as the reader can do with
 *
 * What a reader costs the writer is the cache line with data_head and data_tail: each look takes it away from the
 * writer's CPU, and so does each store of data_tail. So the loop looks as seldom as the latency that it was given
 * allows, unless the ring would fill up meanwhile; and it gives room back a quarter of the ring at a time, or when
 * nothing came, or after a millisecond.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <time.h>

#include "order.h"
#include "reader_state.h"
#include "wakeup.h"

/* Between two looks, at least: half of the time that a line travels between far CPUs and back would be too little. */
#define PAUSE_MIN_NS 1000u
/* A sleep may last so much longer than asked for: the kernel's timer slack, and the way back. */
#define SLEEP_SLACK_NS 60000u
/* More cannot be slept in one go, so that whoever wants to end the loop gets to say so. */
#define PAUSE_MAX_NS 100000000u
/* At a look so long after it was found nothing is held back. */
#define HOLD_MAX_NS 1000000u

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/*
 * Let time pass until @pause_ns after @look, when the last look was; less if the writer wakes us, or a signal comes.
 * But no less than PAUSE_MIN_NS: the descriptor may be one that is always readable.
 */
static void let_pass(const struct nrb_reader *reader, uint64_t look, uint64_t pause_ns)
{
	uint64_t now = now_ns(), end = look + pause_ns;

	if (end > now && end - now > SLEEP_SLACK_NS) {
		struct timespec sleep = { .tv_nsec = (long)(end - now - SLEEP_SLACK_NS) };

		if (reader->wakeup_fd >= 0 ? nrb_wakeup_wait(reader->wakeup_fd, sleep.tv_nsec)
					   : nanosleep(&sleep, NULL))
			end = look + (pause_ns < PAUSE_MIN_NS ? pause_ns : PAUSE_MIN_NS);
	}
	while (now_ns() < end)
		nrb_cpu_relax();
}

/*
 * How long to wait after a look that found @bytes, @took_ns after the one before: so that the next one finds an eighth
 * of the ring, at the rate of this one; and no longer than allowed. @pause_ns is how long it was to be: a wakeup or a
 * signal makes it less, a busy machine more.
 */
static uint64_t next_pause(const struct nrb_reader *reader, uint64_t pause_ns, uint64_t took_ns, uint64_t bytes,
			   uint64_t latency_ns)
{
	uint64_t wanted = reader->data_size / 8, next = 2 * (took_ns < pause_ns ? took_ns : pause_ns);

	if (bytes > wanted / 2)
		next = (uint64_t)((double)took_ns * (double)wanted / (double)bytes);
	if (next < PAUSE_MIN_NS)
		next = PAUSE_MIN_NS;
	return next < latency_ns ? next : latency_ns;
}

/* All that the last look found. Return: 0, -EBADMSG, or what the user's function returned. */
static int deliver(struct nrb_reader *reader, const struct nrb_loop *loop)
{
	struct nrb_record record;
	int rc, ended;

	while ((rc = nrb_reader_next(reader, &record)) == 1) {
		ended = loop->record ? loop->record(loop->context, &record) : 0;
		if (ended)
			return ended;
	}
	return rc;
}

int nrb_reader_loop(struct nrb_reader *reader, const struct nrb_loop *loop)
{
	uint64_t latency, pause = PAUSE_MIN_NS, last = now_ns(), held = 0, held_since = 0;
	int rc = 0;

	if (!loop || loop->struct_size != sizeof(*loop))
		return -EINVAL;
	latency = loop->latency_ns < PAUSE_MAX_NS ? loop->latency_ns : PAUSE_MAX_NS;
	for (;;) {
		uint64_t look = now_ns();
		int64_t bytes = nrb_reader_poll(reader, NULL);

		if (bytes > 0)
			rc = deliver(reader, loop);
		else if (bytes < 0)
			rc = (int)bytes;
		if (!held)
			held_since = look;
		held += bytes > 0 ? (uint64_t)bytes : 0;
		/* A writer that waits for room writes nothing, and then there is nothing to be found either; but its
		 * handlers may go on with what is smaller. */
		if (rc || (held && (!bytes || held >= reader->data_size / 4 || look - held_since >= HOLD_MAX_NS))) {
			nrb_reader_release(reader);
			held = 0;
		}
		if (!rc && loop->looked)
			rc = loop->looked(loop->context, bytes);
		if (rc) {
			nrb_reader_release(reader);
			return rc;
		}
		pause = next_pause(reader, pause, look - last, (uint64_t)bytes, latency);
		last = look;
		let_pass(reader, look, pause);
	}
}
