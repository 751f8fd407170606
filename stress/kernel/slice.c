/* SPDX-License-Identifier: MIT */
/*
 * slice.c - a slice of the kernel tier: rings, their writers and readers, clocks steered or breakpoints moved, the end
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "kernel/kernel_slice.h"
#include "order.h"

/* Processor time of a writer between two decisions on its clocks. */
#define WINDOW_NS (40 * NS_PER_MS)
/* A reader gets so long to read what is left. */
#define DRAIN_NS (400 * NS_PER_MS)
/* In one round in so many rings are written backwards; in one the kernel's code is swept, where that is asked for. */
#define BACKWARD_ONE_IN 4
#define SWEEP_ONE_IN 2

int kernel_slice_fail(struct kernel_slice *slice, int error, const char *what)
{
	struct slice_result *result = slice->result;

	result->end = error == -ETIME ? SLICE_STARVED : SLICE_ERROR;
	if (error == -ETIME)
		snprintf(result->message, sizeof(result->message),
			 "a writer or a reader was kept from its CPU: this machine is too busy with other things");
	else
		snprintf(result->message, sizeof(result->message), "%s: %s", what, strerror(-error));
	return error;
}

/* ---- setting up ---- */

/*
 * Round after round another size: the one asked for, and smaller ones that go round sooner. Not in most, since whoever
 * reads those must not be kept from its CPU for long, or the writer waits.
 */
static uint64_t size_of(const struct slice_config *config, unsigned round)
{
	static const unsigned shift[] = { 0, 4, 0, 8, 0 };
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t size = config->data_size >> shift[round % (sizeof(shift) / sizeof(shift[0]))];

	return size < page ? page : size;
}

/* The first name, before anything else writes: it shows in which order the events tell of one. */
static int learn_ranks(struct kernel_slice *slice, struct kernel_ring *ring)
{
	int rc;

	kernel_events_enable(&ring->events, KERNEL_COMM, true);
	rc = kernel_writer_order(&ring->writer, KERNEL_ONE);
	if (!rc)
		rc = kernel_writer_order(&ring->writer, KERNEL_REST);
	if (!rc)
		rc = kernel_watch_ranks(&ring->watch);
	return rc ? kernel_slice_fail(slice, rc, "the first records of a ring are not those that were ordered") : 0;
}

static int set_up_ring(struct kernel_slice *slice, unsigned index, unsigned round)
{
	struct kernel_ring *ring = &slice->ring[index];
	struct slice_result *result = slice->result;
	int rc;

	ring->writer.cpu = slice->config->placement->writer[index].cpu;
	ring->sweep.strike = -1;
	rc = kernel_writer_start(&ring->writer);
	slice->rings = index + 1;
	if (rc)
		return kernel_slice_fail(slice, rc, "cannot start a writer on its CPU");
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
	/* One ring is enough, and the sweep is one for all slices. */
	if (slice->sweeps && !index) {
		rc = kernel_sweep_begin(&ring->sweep, &ring->events, slice->sum);
		ring->writer.sweep = &ring->sweep;
		/* No clocks: in their interrupts a breakpoint could not be disarmed. */
		return rc ? kernel_slice_fail(slice, rc, "cannot set a breakpoint in the kernel") : 0;
	}
	kernel_events_period(&ring->events, slice->steer.period_ns);
	kernel_events_enable(&ring->events, KERNEL_CLOCK, true);
	kernel_events_enable(&ring->events, KERNEL_COUNTER, true);
	return 0;
}

static int set_up(struct kernel_slice *slice, unsigned round)
{
	const struct placement *placement = slice->config->placement;
	int rc = 0;

	slice->ring = calloc(placement->writers, sizeof(*slice->ring));
	slice->reader = calloc(placement->readers, sizeof(*slice->reader));
	if (!slice->ring || !slice->reader)
		return kernel_slice_fail(slice, -ENOMEM, "cannot set up a slice");
	for (unsigned i = 0; i < placement->writers && !rc; i++)
		rc = set_up_ring(slice, i, round);
	slice->start_ns = clock_ns();
	for (unsigned i = 0; i < placement->readers && !rc; i++) {
		rc = kernel_reader_start(slice, i);
		slice->readers = i + 1;
	}
	for (unsigned i = 0; i < slice->rings && !rc; i++) {
		rc = kernel_writer_order(&slice->ring[i].writer, KERNEL_RUN);
		if (rc)
			kernel_slice_fail(slice, rc, "a writer does not begin");
	}
	return rc;
}

/* ---- while it runs ---- */

/* What is looked at again and again. */
struct window {
	uint64_t strikes, throttles, progress, cpu_ns;
};

static struct window look_on(const struct kernel_slice *slice)
{
	struct window now = { .strikes = 0 };

	for (unsigned i = 0; i < slice->rings; i++) {
		const struct kernel_ring *ring = &slice->ring[i];

		now.strikes += nrb_load_relaxed(&ring->watch.in_family);
		now.throttles += nrb_load_relaxed(&ring->watch.throttles);
		now.progress += nrb_load_relaxed(&ring->writer.progress);
		now.cpu_ns += clock_read(ring->writer.cpu_clock);
	}
	return now;
}

/* Each so much of a writer's processor time, so that others who want the CPU do not count. */
static void steer(struct kernel_slice *slice, struct window *before)
{
	struct window now = look_on(slice);
	uint64_t period = slice->steer.period_ns;

	if (now.cpu_ns - before->cpu_ns < WINDOW_NS * slice->rings)
		return;
	/* Backward rings show too little of what they held, and full ones refuse what nests. */
	if (!slice->backward && !slice->config->tight)
		kernel_steer_update(&slice->steer, now.cpu_ns - before->cpu_ns, now.strikes - before->strikes,
				    now.progress != before->progress, now.throttles != before->throttles);
	*before = now;
	for (unsigned i = 0; i < slice->rings && slice->steer.period_ns != period; i++)
		kernel_events_period(&slice->ring[i].events, slice->steer.period_ns);
}

static enum slice_end run(struct kernel_slice *slice)
{
	const struct slice_config *config = slice->config;
	const struct timespec pause = clock_timespec(WINDOW_NS / 5);
	struct window before = look_on(slice);

	while (clock_ns() - slice->start_ns < config->duration_ns) {
		if (nrb_load_relaxed(config->stop))
			return SLICE_STOPPED;
		nanosleep(&pause, NULL);
		if (!slice->sweeps)
			steer(slice, &before);
	}
	return SLICE_DONE;
}

/* ---- the end ---- */

static int order_all(struct kernel_slice *slice, enum kernel_order order)
{
	int rc = 0;

	for (unsigned i = 0; i < slice->rings && !rc; i++)
		rc = kernel_writer_order(&slice->ring[i].writer, order);
	return rc;
}

/* Everything that has been published gets read. Return: 0 or -ETIME. */
static int settle(struct kernel_slice *slice)
{
	const struct timespec pause = clock_timespec(NS_PER_MS / 5);
	uint64_t deadline = clock_ns() + DRAIN_NS;

	/* kernel:F */
	nrb_store_release(&slice->settle, 1);
	for (unsigned i = 0; i < slice->rings; i++) {
		/* kernel:H */
		while (!nrb_load_acquire(&slice->ring[i].settled)) {
			if (clock_ns() > deadline)
				return -ETIME;
			nanosleep(&pause, NULL);
		}
	}
	return 0;
}

/* Return: 0 when all came to rest in good order; else what is counted says nothing of the end. */
static int wind_up(struct kernel_slice *slice)
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
	/* kernel:J */
	nrb_store_release(&slice->stop, 1);
	for (unsigned i = 0; i < slice->readers; i++)
		if (slice->reader[i].running)
			pthread_join(slice->reader[i].thread, NULL);
	/* What went wrong first counts. */
	if (rc && slice->result->end != SLICE_ERROR && slice->result->end != SLICE_STARVED)
		kernel_slice_fail(slice, rc, "rings do not come to rest");
	return rc;
}

/* Return: whether everybody has ended, so that what they used may be freed. */
static bool stop_writers(struct kernel_slice *slice)
{
	for (unsigned i = 0; i < slice->rings; i++)
		if (slice->ring[i].writer.started && kernel_writer_stop(&slice->ring[i].writer))
			return false;
	return true;
}

static void tear_down(struct kernel_slice *slice)
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
	struct kernel_slice slice = { .config = config, .result = result, .sum = sum };
	bool began, rested;

	/* Rounds of breakpoints and of clocks alternate; so do those that are written backwards, among the latter. */
	slice.sweeps = config->options->kernel_breakpoints && round % SWEEP_ONE_IN == 0;
	slice.backward = !slice.sweeps && !config->tight && round % BACKWARD_ONE_IN == 1;
	kernel_steer_init(&slice.steer, config->options->rate_hz);
	if (sum->period_ns)
		kernel_steer_resume(&slice.steer, sum->period_ns, round % 2);
	result->first_violation_ns = UINT64_MAX;
	began = !set_up(&slice, round);
	if (began)
		result->end = run(&slice);
	rested = !wind_up(&slice);
	if (!stop_writers(&slice)) {
		/* The process is about to end anyway. */
		if (result->end != SLICE_ERROR)
			kernel_slice_fail(&slice, -ETIME, "a writer does not end");
		return;
	}
	if (began)
		kernel_slice_collect(&slice, rested);
	tear_down(&slice);
}
