/* SPDX-License-Identifier: MIT */
/*
 * slice.c - a slice of the kernel tier: rings, their writers and readers, clocks steered or breakpoints moved, the end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "clock.h"
#include "cpu.h"
#include "event.h"
#include "kernel/breakpoints.h"
#include "kernel/events.h"
#include "kernel/family.h"
#include "kernel/kernel.h"
#include "kernel/steer.h"
#include "kernel/version.h"
#include "kernel/watch.h"
#include "kernel/writer.h"
#include "order.h"

/* Between two looks at how it goes. */
#define WINDOW_NS (25 * NS_PER_MS)
/* A breakpoint stands so long on one byte. */
#define SWEEP_NS (2 * NS_PER_MS)
/* Between two snapshots of a backward ring. */
#define SNAPSHOT_NS (20 * NS_PER_MS)
/* A reader gets so long to read what is left. */
#define DRAIN_NS (500 * NS_PER_MS)
/* In one round in so many rings are written backwards, and in one the kernel's code is swept where that is asked for. */
#define BACKWARD_ONE_IN 4
#define SWEEP_ONE_IN 2
#define STACK (256u << 10)

struct ring {
	struct kernel_events events;
	struct kernel_writer writer;
	struct kernel_sweep sweep;
	struct kernel_watch watch; /* the consumer's */
	uint64_t settled_head;     /* everything up to there has been read, and the writer rests */
	uint32_t settled;
};

struct reader {
	struct slice *slice;
	unsigned index, cpu;
	const struct placed_reader *placed;
	struct kernel_watch *poll; /* a poller's own */
	pthread_t thread;
	bool running, displaced;
	uint64_t first_violation_ns;
};

struct slice {
	const struct slice_config *config;
	struct slice_result *result;
	struct kernel_result *sum;
	struct ring *ring;
	struct reader *reader;
	unsigned rings, readers;
	bool backward, sweeps;
	uint64_t start_ns;
	struct kernel_steer steer;
	uint32_t settle, stop; /* orders to readers: tell when nothing is left; and end */
};

static int fail(struct slice *slice, int error, const char *what)
{
	slice->result->end = SLICE_ERROR;
	snprintf(slice->result->message, sizeof(slice->result->message), "%s: %s", what, strerror(-error));
	return error;
}

/* ---- readers ---- */

static void take_findings(struct reader *reader, unsigned ring, struct findings *findings)
{
	struct slice *slice = reader->slice;
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

static bool look(struct reader *reader, unsigned index)
{
	struct slice *slice = reader->slice;
	struct ring *ring = &slice->ring[index];
	struct findings findings = { .count = 0 };
	bool any = false;

	if (reader->placed->consumer)
		any = kernel_watch_look(&ring->watch, slice->config->tight && !nrb_load_relaxed(&slice->settle),
					&findings);
	else
		kernel_watch_poll(reader->poll, &findings);
	if (findings.count)
		take_findings(reader, index, &findings);
	return any;
}

static void snapshot(struct reader *reader, unsigned index)
{
	struct ring *ring = &reader->slice->ring[index];
	struct findings findings = { .count = 0 };

	kernel_events_pause(&ring->events, true);
	kernel_watch_snapshot(&ring->watch, &findings);
	kernel_events_pause(&ring->events, false);
	nrb_add_relaxed(&reader->slice->sum->snapshots, 1);
	take_findings(reader, index, &findings);
}

/* Writers rest and nothing is left: whatever comes to light from now on has been invisible. */
static void tell_settled(struct slice *slice, unsigned index)
{
	struct ring *ring = &slice->ring[index];

	/* slice:E  pairs with slice:F: by the time of the order its writer rested. */
	if (!nrb_load_acquire(&slice->settle) || nrb_load_relaxed(&ring->settled))
		return;
	/* It may have published after the last look. */
	if (!ring->events.backward &&
	    kernel_watch_head(&ring->watch) != nrb_load_relaxed(&ring->events.page->data_tail))
		return;
	ring->settled_head = kernel_watch_head(&ring->watch);
	kernel_watch_quiet(&ring->watch, nrb_load_relaxed(&ring->writer.number));
	/* slice:G  pairs with slice:H: the head above is the one before the next name. */
	nrb_store_release(&ring->settled, 1);
}

static void *reader_main(void *argument)
{
	struct reader *reader = argument;
	struct slice *slice = reader->slice;
	uint64_t next = clock_ns() + SNAPSHOT_NS;
	bool any = true;

	/* Bounded: told to stop, nobody writes any more, and the ring is soon empty. */
	while (any || !nrb_load_acquire(&slice->stop)) {
		bool time = slice->backward && clock_ns() > next;

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
	}
	reader->displaced = !cpu_is_kept(reader->cpu);
	return NULL;
}

static int start_reader(struct slice *slice, unsigned index)
{
	struct reader *reader = &slice->reader[index];
	pthread_attr_t attr;
	cpu_set_t set;
	int rc;

	*reader = (struct reader) { .slice = slice,
				    .index = index,
				    .placed = &slice->config->placement->reader[index],
				    .first_violation_ns = UINT64_MAX };
	reader->cpu = reader->placed->cpu;
	if (!reader->placed->consumer) {
		struct ring *ring = &slice->ring[reader->placed->first_ring];

		reader->poll = calloc(1, sizeof(*reader->poll));
		if (!reader->poll)
			return fail(slice, -ENOMEM, "cannot set up a reader");
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
	return rc ? fail(slice, -rc, "cannot start a reader on its CPU") : 0;
}

/* ---- setting up ---- */

/* Round after round another size: the one asked for, and smaller ones that go round sooner. */
static uint64_t size_of(const struct slice_config *config, unsigned round)
{
	static const unsigned shift[] = { 0, 4, 8 };
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t size = config->data_size >> shift[round % 3];

	return size < page ? page : size;
}

/* The first name, before anything else writes: it shows in which order the events tell of one. */
static int learn_ranks(struct slice *slice, struct ring *ring)
{
	int rc;

	kernel_events_enable(&ring->events, KERNEL_COMM, true);
	rc = kernel_writer_order(&ring->writer, KERNEL_ONE);
	if (!rc)
		rc = kernel_writer_order(&ring->writer, KERNEL_REST);
	if (!rc)
		rc = kernel_watch_ranks(&ring->watch);
	return rc ? fail(slice, rc, "the first records of a ring are not those that were ordered") : 0;
}

static int set_up_ring(struct slice *slice, unsigned index, unsigned round)
{
	struct ring *ring = &slice->ring[index];
	struct slice_result *result = slice->result;
	int rc;

	ring->writer.cpu = slice->config->placement->writer[index].cpu;
	ring->sweep.strike = -1;
	rc = kernel_writer_start(&ring->writer);
	slice->rings = index + 1;
	if (rc)
		return fail(slice, rc, "cannot start a writer on its CPU");
	ring->events.facts = (struct kernel_facts) {
		.pid = (uint32_t)getpid(), .tid = ring->writer.tid, .cpu = ring->writer.cpu, .start_ns = clock_ns()
	};
	rc = kernel_events_open(&ring->events, size_of(slice->config, round), slice->backward, result->message,
				sizeof(result->message));
	if (rc) {
		result->end = SLICE_ERROR;
		return rc;
	}
	kernel_watch_init(&ring->watch, ring->events.page, slice->backward, &ring->events.facts, slice->sum);
	ring->writer.page = ring->events.page;
	ring->writer.waits = !slice->config->drop && !slice->backward;
	rc = learn_ranks(slice, ring);
	if (rc)
		return rc;
	if (slice->sweeps && kernel_sweep_begin(&ring->sweep, &ring->events, slice->sum))
		slice->sweeps = false;
	kernel_events_period(&ring->events, slice->steer.period_ns);
	kernel_events_enable(&ring->events, KERNEL_CLOCK, true);
	kernel_events_enable(&ring->events, KERNEL_COUNTER, true);
	return 0;
}

static int set_up(struct slice *slice, unsigned round)
{
	const struct placement *placement = slice->config->placement;
	int rc = 0;

	slice->ring = calloc(placement->writers, sizeof(*slice->ring));
	slice->reader = calloc(placement->readers, sizeof(*slice->reader));
	if (!slice->ring || !slice->reader)
		return fail(slice, -ENOMEM, "cannot set up a slice");
	for (unsigned i = 0; i < placement->writers && !rc; i++)
		rc = set_up_ring(slice, i, round);
	slice->start_ns = clock_ns();
	for (unsigned i = 0; i < placement->readers && !rc; i++) {
		rc = start_reader(slice, i);
		slice->readers = i + 1;
	}
	for (unsigned i = 0; i < slice->rings && !rc; i++) {
		rc = kernel_writer_order(&slice->ring[i].writer, KERNEL_RUN);
		if (rc)
			fail(slice, rc, "a writer does not begin");
	}
	return rc;
}

/* ---- while it runs ---- */

static void count_window(const struct slice *slice, uint64_t *strikes, uint64_t *throttles, uint64_t *names)
{
	*strikes = *throttles = *names = 0;
	for (unsigned i = 0; i < slice->rings; i++) {
		const struct ring *ring = &slice->ring[i];

		*strikes += nrb_load_relaxed(&ring->watch.in_family);
		*throttles += nrb_load_relaxed(&ring->watch.throttles);
		*names += nrb_load_relaxed(&ring->writer.number);
	}
}

static void steer(struct slice *slice, uint64_t elapsed_ns, uint64_t *before)
{
	uint64_t now[3], period = slice->steer.period_ns;

	count_window(slice, &now[0], &now[1], &now[2]);
	/* Backward rings show too little of what they held. */
	if (!slice->backward && !slice->config->tight)
		kernel_steer_update(&slice->steer, elapsed_ns, now[0] - before[0], now[2] != before[2],
				    now[1] != before[1]);
	memcpy(before, now, sizeof(now));
	for (unsigned i = 0; i < slice->rings && slice->steer.period_ns != period; i++)
		kernel_events_period(&slice->ring[i].events, slice->steer.period_ns);
}

static enum slice_end run(struct slice *slice)
{
	const struct slice_config *config = slice->config;
	const struct timespec pause = clock_timespec(slice->sweeps ? SWEEP_NS : WINDOW_NS / 5);
	uint64_t window = clock_ns(), before[3] = { 0 }, now;

	count_window(slice, &before[0], &before[1], &before[2]);
	while ((now = clock_ns()) - slice->start_ns < config->duration_ns) {
		if (nrb_load_relaxed(config->stop))
			return SLICE_STOPPED;
		nanosleep(&pause, NULL);
		for (unsigned i = 0; i < slice->rings && slice->sweeps; i++)
			kernel_sweep_next(&slice->ring[i].sweep);
		if (now - window < WINDOW_NS)
			continue;
		if (!slice->sweeps)
			steer(slice, now - window, before);
		window = now;
	}
	return SLICE_DONE;
}

/* ---- the end ---- */

static int order_all(struct slice *slice, enum kernel_order order)
{
	int rc = 0;

	for (unsigned i = 0; i < slice->rings && !rc; i++)
		rc = kernel_writer_order(&slice->ring[i].writer, order);
	return rc;
}

/* Everything that has been published gets read. Return: 0 or -ETIME. */
static int settle(struct slice *slice)
{
	const struct timespec pause = clock_timespec(NS_PER_MS / 5);
	uint64_t deadline = clock_ns() + DRAIN_NS;

	/* slice:F */
	nrb_store_release(&slice->settle, 1);
	for (unsigned i = 0; i < slice->rings; i++) {
		/* slice:H */
		while (!nrb_load_acquire(&slice->ring[i].settled)) {
			if (clock_ns() > deadline)
				return -ETIME;
			nanosleep(&pause, NULL);
		}
	}
	return 0;
}

/* Return: 0 when all came to rest in good order; else what is counted says nothing of the end. */
static int wind_up(struct slice *slice)
{
	int rc = order_all(slice, KERNEL_REST);

	for (unsigned i = 0; i < slice->rings; i++) {
		kernel_events_enable(&slice->ring[i].events, KERNEL_CLOCK, false);
		kernel_events_enable(&slice->ring[i].events, KERNEL_COUNTER, false);
		kernel_events_enable(&slice->ring[i].events, KERNEL_BREAKPOINT, false);
	}
	if (!rc)
		rc = settle(slice);
	/* One more name takes along what was lost last, and shows what was left invisible. */
	if (!rc)
		rc = order_all(slice, KERNEL_ONE);
	if (!rc)
		rc = order_all(slice, KERNEL_REST);
	nrb_store_release(&slice->stop, 1);
	for (unsigned i = 0; i < slice->readers; i++)
		if (slice->reader[i].running)
			pthread_join(slice->reader[i].thread, NULL);
	if (rc && slice->result->end != SLICE_ERROR) {
		slice->result->end = SLICE_STARVED;
		snprintf(slice->result->message, sizeof(slice->result->message),
			 "a writer or a reader was kept from its CPU: this machine is too busy with other things");
	}
	return rc;
}

static void check_rest(struct slice *slice, unsigned index)
{
	struct ring *ring = &slice->ring[index];
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
	take_findings(&slice->reader[0], index, &findings);
}

/* What one ring saw, for the verdict: in the words that it has for our own. */
static void count_ring(struct slice *slice, struct ring *ring)
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

static void tell_displaced(struct slice *slice, const char *who, unsigned cpu)
{
	slice->result->end = SLICE_ERROR;
	snprintf(slice->result->message, sizeof(slice->result->message),
		 "CPU %u was taken away while a %s was pinned to it: bring it back online, or name others with --cpus",
		 cpu, who);
}

static void collect(struct slice *slice, bool rested, uint64_t mean_before)
{
	struct slice_result *result = slice->result;
	struct kernel_result *sum = slice->sum;
	uint64_t mean;

	for (unsigned i = 0; i < slice->rings; i++) {
		struct ring *ring = &slice->ring[i];

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
		const struct reader *reader = &slice->reader[i];

		if (reader->first_violation_ns < result->first_violation_ns)
			result->first_violation_ns = reader->first_violation_ns;
		if (reader->poll)
			result->counts.polls += reader->poll->polls;
		if (reader->displaced)
			tell_displaced(slice, "reader", reader->cpu);
	}
	/* Which instructions publish is not known here, but all were struck alike: so one's share is what counts. */
	kernel_sweep_instructions(sum, &mean);
	result->counts.by_class[STRIKE_SLOW].exposed += mean > mean_before ? mean - mean_before : 0;
	result->interval_ns[1] = sum->period_ns = slice->steer.period_ns;
	sum->steered = slice->steer.done;
	sum->comms = KERNEL_COMMS;
	sum->clocks = KERNEL_CLOCKS;
	sum->swept |= slice->sweeps;
	sum->backward += slice->backward;
	sum->forward += !slice->backward;
}

/* Return: whether everybody has ended, so that what they used may be freed. */
static bool stop_writers(struct slice *slice)
{
	for (unsigned i = 0; i < slice->rings; i++)
		if (slice->ring[i].writer.started && kernel_writer_stop(&slice->ring[i].writer))
			return false;
	return true;
}

static void tear_down(struct slice *slice)
{
	for (unsigned i = 0; i < slice->rings; i++)
		kernel_events_close(&slice->ring[i].events);
	for (unsigned i = 0; i < slice->readers; i++)
		free(slice->reader[i].poll);
	free(slice->ring);
	free(slice->reader);
}

void kernel_slice_run(const struct slice_config *config, unsigned round, struct slice_result *result,
		      struct kernel_result *sum)
{
	struct slice slice = { .config = config, .result = result, .sum = sum };
	bool rested = false;
	uint64_t mean;

	/* Rounds of breakpoints and of clocks alternate; so do those that are written backwards, among the latter. */
	slice.sweeps = config->options->kernel_breakpoints && round % SWEEP_ONE_IN == 0;
	slice.backward = !slice.sweeps && !config->tight && round % BACKWARD_ONE_IN == 1;
	kernel_steer_init(&slice.steer, config->options->rate_hz);
	if (sum->period_ns && !slice.steer.fixed)
		slice.steer = (struct kernel_steer) { .period_ns = sum->period_ns,
						      .best_ns = sum->period_ns,
						      .done = sum->steered };
	result->first_violation_ns = UINT64_MAX;
	kernel_sweep_instructions(sum, &mean);
	if (!set_up(&slice, round))
		result->end = run(&slice);
	rested = !wind_up(&slice);
	if (!stop_writers(&slice)) {
		/* The process is about to end anyway. */
		if (result->end != SLICE_ERROR)
			fail(&slice, -ETIME, "a writer does not end");
		return;
	}
	if (result->end != SLICE_ERROR)
		collect(&slice, rested, mean);
	tear_down(&slice);
}

/* ---- before the first one ---- */

int kernel_prepare(struct kernel_result *result, bool breakpoints, char *reason, size_t size)
{
	struct utsname name;
	FILE *list;
	int rc;

	if (!uname(&name))
		snprintf(result->release, sizeof(result->release), "%.71s", name.release);
	result->age = kernel_age_of(result->release);
	rc = kernel_events_probe(reason, size);
	if (rc)
		return rc;
	list = fopen("/proc/kallsyms", "re");
	if (!list) {
		snprintf(reason, size, "/proc/kallsyms: %s: without it nobody knows where a sample struck",
			 strerror(errno));
		return -EACCES;
	}
	rc = family_read(list, result);
	fclose(list);
	if (rc == -EACCES)
		snprintf(reason, size,
			 "/proc/kallsyms hides the kernel's addresses, so that nobody knows where a sample struck: run "
			 "as "
			 "root, or grant CAP_SYSLOG, or sysctl kernel.kptr_restrict=0");
	else if (rc)
		snprintf(reason, size, "/proc/kallsyms has none of the kernel's functions that write rings");
	if (!rc && breakpoints)
		rc = kernel_events_probe_breakpoint(kernel_sweep_address(result, 0), reason, size);
	return rc;
}
