/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "clock.h"
#include "cpu.h"
#include "event.h"
#include "kernel/kernel_slice.h"
#include "order.h"

/* Between two snapshots of a backward ring. */
#define SNAPSHOT_NS (20 * NS_PER_MS)
#define STACK (256u << 10)

void kernel_slice_tell(struct kernel_reader *reader, unsigned ring, struct findings *findings)
{
	struct kernel_slice *slice = reader->slice;
	/* Which interrupt it was nobody can tell; but whether it struck on purpose. */
	const struct strike strike = { .class = slice->sweeps ? STRIKE_SLOW : STRIKE_PLAIN };
	uint64_t now = clock_ns() - slice->start_ns;

	for (unsigned i = 0; i < findings->count; i++) {
		if (!(kernel_target.checks & VIOLATION_BIT(findings->at[i].kind)))
			continue;
		event_report(slice->result, NULL, &strike, &findings->at[i], ring, reader->index, now);
		if (reader->first_violation_ns == UINT64_MAX)
			reader->first_violation_ns = now;
	}
	findings->count = 0;
}

static bool look(struct kernel_reader *reader, unsigned index)
{
	struct kernel_slice *slice = reader->slice;
	struct kernel_ring *ring = &slice->ring[index];
	struct findings findings = { .count = 0 };
	bool any = false;

	if (reader->placed->consumer)
		any = kernel_watch_look(&ring->watch, slice->config->tight && !nrb_load_relaxed(&slice->settle),
					&findings);
	else
		kernel_watch_poll(reader->poll, &findings);
	if (findings.count)
		kernel_slice_tell(reader, index, &findings);
	return any;
}

static void snapshot(struct kernel_reader *reader, unsigned index)
{
	struct kernel_ring *ring = &reader->slice->ring[index];
	struct findings findings = { .count = 0 };

	kernel_events_pause(&ring->events, true);
	kernel_watch_snapshot(&ring->watch, &findings);
	kernel_events_pause(&ring->events, false);
	nrb_add_relaxed(&reader->slice->sum->snapshots, 1);
	kernel_slice_tell(reader, index, &findings);
}

/* Writers rest and nothing is left: whatever comes to light from now on has been invisible. */
static void tell_settled(struct kernel_slice *slice, unsigned index)
{
	struct kernel_ring *ring = &slice->ring[index];

	/* kernel:E  pairs with kernel:F: by the time of the order its writer rested. */
	if (!nrb_load_acquire(&slice->settle) || nrb_load_relaxed(&ring->settled))
		return;
	/* It may have published after the last look. */
	if (!ring->events.backward &&
	    kernel_watch_head(&ring->watch) != nrb_load_relaxed(&ring->events.page->data_tail))
		return;
	ring->settled_head = kernel_watch_head(&ring->watch);
	kernel_watch_quiet(&ring->watch, nrb_load_relaxed(&ring->writer.number));
	/* kernel:G  pairs with kernel:H: the head above is the one before the next name. */
	nrb_store_release(&ring->settled, 1);
}

static void *reader_main(void *argument)
{
	struct kernel_reader *reader = argument;
	struct kernel_slice *slice = reader->slice;
	uint64_t next = clock_ns() + SNAPSHOT_NS;
	bool any, last;

	do {
		bool time = slice->backward && clock_ns() > next;

		/* kernel:I  pairs with kernel:J, and comes before the look: what was written until then is seen. */
		last = nrb_load_acquire(&slice->stop);
		any = false;
		for (unsigned i = reader->placed->first_ring; i < slice->rings; i += reader->placed->stride) {
			any |= look(reader, i);
			if (!reader->placed->consumer)
				break;
			if (time)
				snapshot(reader, i);
			if (!any)
				tell_settled(slice, i);
		}
		if (time)
			next = clock_ns() + SNAPSHOT_NS;
		if (!any)
			nrb_cpu_relax();
		/* Bounded: told to stop, nobody writes any more, and the rings are soon empty. */
	} while (any || !last);
	reader->displaced = !cpu_is_kept(reader->cpu);
	return NULL;
}

int kernel_reader_start(struct kernel_slice *slice, unsigned index)
{
	struct kernel_reader *reader = &slice->reader[index];
	pthread_attr_t attr;
	cpu_set_t set;
	int rc;

	*reader = (struct kernel_reader) { .slice = slice,
					   .index = index,
					   .placed = &slice->config->placement->reader[index],
					   .first_violation_ns = UINT64_MAX };
	reader->cpu = reader->placed->cpu;
	if (!reader->placed->consumer) {
		struct kernel_ring *ring = &slice->ring[reader->placed->first_ring];

		reader->poll = calloc(1, sizeof(*reader->poll));
		if (!reader->poll)
			return kernel_slice_fail(slice, -ENOMEM, "cannot set up a reader");
		kernel_watch_init(reader->poll, ring->events.page, slice->backward, &ring->events.facts, NULL);
	}
	CPU_ZERO(&set);
	CPU_SET(reader->cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	rc = pthread_create(&reader->thread, &attr, reader_main, reader);
	pthread_attr_destroy(&attr);
	reader->running = !rc;
	return rc ? kernel_slice_fail(slice, -rc, "cannot start a reader on its CPU") : 0;
}
