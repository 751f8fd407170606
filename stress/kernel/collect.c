/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "clock.h"
#include "kernel/kernel_slice.h"

static void check_rest(struct kernel_slice *slice, unsigned index)
{
	struct kernel_ring *ring = &slice->ring[index];
	const struct oracle_stream *stream = &ring->watch.stream;
	uint64_t comm_lost = kernel_events_lost(&ring->events, KERNEL_COMM);
	uint64_t other_lost = kernel_events_lost(&ring->events, KERNEL_CLOCK) +
			      kernel_events_lost(&ring->events, KERNEL_COUNTER) +
			      kernel_events_lost(&ring->events, KERNEL_BREAKPOINT);
	uint64_t head = kernel_watch_head(&ring->watch);
	struct findings findings = { .count = 0 };
	struct observed_rest rest = { .published_head = head, .reserved_head = head };

	/* Without their own counts the LOST records are all that is known. */
	if (!ring->events.lost_told)
		comm_lost = stream->lost;
	rest.attempts[0] = ring->writer.number * KERNEL_COMMS;
	rest.failed[0] = comm_lost;
	rest.attempts[1] = stream->received[1] + other_lost;
	rest.failed[1] = other_lost;
	slice->sum->lost += comm_lost + other_lost;
	slice->result->counts.refused[0] += comm_lost;
	slice->result->counts.refused[1] += other_lost;
	slice->result->counts.attempts[0] += rest.attempts[0];
	slice->result->counts.attempts[1] += rest.attempts[1];
	if (slice->backward)
		return;
	kernel_watch_woken(&ring->watch, ring->settled_head, &findings);
	oracle_rest(&ring->watch.stream, &rest, &findings);
	kernel_slice_tell(&slice->reader[0], index, &findings);
}

/* What one ring saw, for the verdict: in the words that it has for our own. */
static void count_ring(struct kernel_slice *slice, struct kernel_ring *ring)
{
	struct counts *counts = &slice->result->counts;
	const struct kernel_watch *watch = &ring->watch;
	struct class_counts *class = &counts->by_class[STRIKE_PLAIN];
	struct kernel_result *sum = slice->sum;

	counts->records += watch->comms + watch->samples + watch->swept;
	counts->records_read += watch->records;
	counts->lost_records += watch->stream.lost_records;
	counts->polls += watch->polls;
	counts->elapsed_ns += clock_ns() - slice->start_ns;
	counts->strikes_by_level[1] += watch->samples + watch->swept;
	counts->strikes_by_depth[1] += watch->samples - watch->in_family;
	counts->strikes_by_depth[2] += watch->in_family + watch->swept;
	class->strikes += watch->samples;
	class->in_write += watch->in_family;
	class->exposed += watch->in_family;
	counts->by_class[STRIKE_SLOW].strikes += watch->swept;
	counts->by_class[STRIKE_SLOW].in_write += watch->swept;
	sum->elapsed_ns += clock_ns() - slice->start_ns;
	sum->comm_records += watch->comms;
	sum->samples += watch->samples;
	sum->in_kernel += watch->in_kernel;
	sum->in_family += watch->in_family;
	sum->in_handle += watch->in_handle;
	sum->throttles += watch->throttles;
	sum->sweep_hits += watch->swept;
}

static void tell_displaced(struct kernel_slice *slice, const char *who, unsigned cpu)
{
	slice->result->end = SLICE_ERROR;
	snprintf(slice->result->message, sizeof(slice->result->message),
		 "CPU %u was taken away while a %s was pinned to it: bring it back online, or name others with --cpus",
		 cpu, who);
}

void kernel_slice_collect(struct kernel_slice *slice, bool rested)
{
	struct slice_result *result = slice->result;
	struct kernel_result *sum = slice->sum;
	uint64_t mean;

	for (unsigned i = 0; i < slice->rings; i++) {
		struct kernel_ring *ring = &slice->ring[i];

		if (rested)
			check_rest(slice, i);
		count_ring(slice, ring);
		sum->lost_told = ring->events.lost_told;
		sum->counters |= ring->events.counters;
		if (!sum->size_min || ring->events.size < sum->size_min)
			sum->size_min = ring->events.size;
		if (ring->events.size > sum->size_max)
			sum->size_max = ring->events.size;
		if (ring->writer.displaced)
			tell_displaced(slice, "writer", ring->writer.cpu);
	}
	for (unsigned i = 0; i < slice->readers; i++) {
		const struct kernel_reader *reader = &slice->reader[i];

		if (reader->first_violation_ns < result->first_violation_ns)
			result->first_violation_ns = reader->first_violation_ns;
		if (reader->poll)
			result->counts.polls += reader->poll->polls;
		if (reader->displaced)
			tell_displaced(slice, "reader", reader->cpu);
	}
	/* Which instructions publish is not known here, but all were struck alike: so one's share is what counts. */
	kernel_sweep_instructions(sum, &mean);
	if (sum->sweeps && mean > sum->sweep_exposed) {
		result->counts.by_class[STRIKE_SLOW].exposed += mean - sum->sweep_exposed;
		sum->sweep_exposed = mean;
	}
	result->interval_ns[1] = sum->period_ns = slice->steer.fixed ? slice->steer.period_ns : slice->steer.best_ns;
	sum->comms = KERNEL_COMMS;
	sum->clocks = KERNEL_CLOCKS;
	sum->swept |= slice->sweeps;
	sum->backward += slice->backward;
	sum->forward += !slice->backward;
}
