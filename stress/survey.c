/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "survey.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "inject/context.h"
#include "inject/inject.h"
#include "levels.h"
#include "order.h"
#include "payload.h"

/* For all targets together. */
#define EXPOSURE_TIME_NS (400 * NS_PER_MS)

/* A write that takes more instructions than this is not followed to its end. */
#define STEPS_MAX 16384u

/* The same instructions whatever the size. */
#define PROBE_DATA_SIZE (64u << 10)

/* Exposed boundaries lie in a row before the store; after so many that are not, the search ends. */
#define MISSES 4u

/* Signals timed to learn what one costs, and how far apart. */
#define COST_SIGNALS 64u
#define COST_INTERVAL_NS (50 * NS_PER_US)

/* What one probing write is to do, and what was seen while it was stepped. */
struct probe {
	const struct target *target;
	struct target_ring *ring;
	struct target_reader *reader;
	unsigned strike_at[2]; /* steps at which to strike; UINT32_MAX: not */
	uint32_t stepping;     /* set around the write */
	unsigned step;         /* boundaries seen */
	unsigned strikes;
	uint64_t last_pc;     /* where the last strike struck */
	uint64_t head;        /* data_head as last seen */
	uint64_t struck_head; /* reserved head after the last strike */
	unsigned store[2];    /* boundaries before which data_head was found changed, first and second */
	unsigned stores;
	bool decided; /* data_head was stored since the last strike */
	bool exposed;
	bool decreasing;
};

static struct probe probe;
static unsigned traps;

static void strike(void)
{
	unsigned char payload[PAYLOAD_MIN] = { 0 };

	probe.target->write(probe.ring, payload, sizeof(payload));
	probe.strikes++;
	probe.struck_head = probe.target->reserved_head(probe.ring);
	probe.head = probe.target->head(probe.reader);
	probe.decided = false;
	probe.exposed = false;
	probe.decreasing = false;
}

static void observe(void)
{
	uint64_t head = probe.target->head(probe.reader);

	if (head == probe.head)
		return;
	if (!probe.decided)
		probe.exposed = (int64_t)(head - probe.struck_head) < 0;
	probe.decided = true;
	probe.decreasing |= (int64_t)(head - probe.head) < 0;
	probe.head = head;
	if (probe.stores < 2)
		probe.store[probe.stores++] = probe.step;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	traps++;
	if (!nrb_local_load(&probe.stepping) || probe.step >= STEPS_MAX) {
		context_set_step(context, false);
		return;
	}
	observe();
	if (probe.strikes < 2 && probe.step == probe.strike_at[probe.strikes]) {
		probe.last_pc = context_pc(context);
		strike();
	}
	probe.step++;
}

/* Steps are counted from within run_probe() on, so there must be one copy of it. */
#if defined(__has_attribute) && __has_attribute(noipa)
#define ONE_COPY __attribute__((noipa))
#else
#define ONE_COPY __attribute__((noinline))
#endif

/* One write, stepped, struck at the given boundaries. */
static ONE_COPY void run_probe(bool in_place, unsigned first, unsigned second)
{
	unsigned char payload[PAYLOAD_MIN] = { 0 };
	struct target_reservation reservation;
	uint64_t head;

	/* Make room. */
	probe.target->poll(probe.reader, &head);
	probe.target->skip(probe.reader);
	probe.strike_at[0] = first;
	probe.strike_at[1] = second;
	probe.step = probe.strikes = probe.stores = 0;
	probe.head = head;
	probe.decided = true;
	probe.exposed = probe.decreasing = false;
	nrb_local_store(&probe.stepping, 1);
	nrb_local_fence();
	context_step_here();
	if (!in_place) {
		probe.target->write(probe.ring, payload, sizeof(payload));
	} else if (!probe.target->reserve(probe.ring, &reservation, sizeof(payload))) {
		probe.target->commit(probe.ring, &reservation);
	}
	nrb_local_fence();
	nrb_local_store(&probe.stepping, 0);
	nrb_local_fence();
}

static bool add(struct exposure *exposure, uint64_t pc, bool decreasing)
{
	struct exposure_boundary *known = (struct exposure_boundary *)exposure_find(exposure, pc);

	if (known) {
		known->decreasing |= decreasing;
		return true;
	}
	if (exposure->count == EXPOSURE_MAX)
		return false;
	exposure->boundary[exposure->count++] = (struct exposure_boundary) { .pc = pc, .decreasing = decreasing };
	return true;
}

/* Strike before boundary @store, and before those before it, down to @floor. Return: false when out of time or room. */
static bool walk_back(struct exposure *exposure, bool in_place, unsigned first, unsigned store, unsigned floor,
		      uint64_t deadline)
{
	unsigned misses = 0;

	for (unsigned at = store; at-- > floor && misses < MISSES;) {
		if (clock_ns() > deadline)
			return false;
		if (first == UINT32_MAX)
			run_probe(in_place, at, UINT32_MAX);
		else
			run_probe(in_place, first, at);
		misses++;
		if (!probe.decided || !probe.exposed)
			continue;
		misses = 0;
		if (!add(exposure, probe.last_pc, probe.decreasing))
			return false;
	}
	return true;
}

/* One way of writing: at full length, and then the round that a strike in the window causes. */
static bool walk(struct exposure *exposure, bool in_place, uint64_t deadline)
{
	unsigned store;

	run_probe(in_place, UINT32_MAX, UINT32_MAX);
	if (!probe.stores)
		return false;
	store = probe.store[0];
	if (!walk_back(exposure, in_place, UINT32_MAX, store, 0, deadline))
		return false;
	run_probe(in_place, store - 1, UINT32_MAX);
	if (probe.stores < 2)
		return true;
	return walk_back(exposure, in_place, store - 1, probe.store[1], probe.store[0], deadline);
}

void survey_exposure(const struct target *target, uint64_t deadline_ns, struct exposure *exposure)
{
	const struct target_attr attr = { .data_size = PROBE_DATA_SIZE };
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO }, old;

	memset(exposure, 0, sizeof(*exposure));
	memset(&probe, 0, sizeof(probe));
	probe.target = target;
	probe.ring = target->open(&attr);
	probe.reader = probe.ring ? target->reader_open(probe.ring) : NULL;
	sigemptyset(&action.sa_mask);
	if (probe.reader && !sigaction(SIGTRAP, &action, &old)) {
		exposure->complete = walk(exposure, false, deadline_ns);
		if (target->reserve)
			exposure->complete &= walk(exposure, true, deadline_ns);
		sigaction(SIGTRAP, &old, NULL);
	}
	if (probe.reader)
		target->reader_close(probe.reader);
	if (probe.ring)
		target->close(probe.ring);
}

/* Whether a trap flag set here brings SIGTRAP here: some emulators and sandboxes do not play along. */
static bool stepping_works(void)
{
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO }, old;

	sigemptyset(&action.sa_mask);
	if (!CONTEXT_CAN_STEP || sigaction(SIGTRAP, &action, &old))
		return false;
	traps = 0;
	probe.stepping = 0;
	context_step_here();
	for (volatile int i = 0; i < 4; i++)
		;
	sigaction(SIGTRAP, &old, NULL);
	return traps == 1;
}

static uint32_t ticks;

static void on_tick(int signal)
{
	(void)signal;
	nrb_local_store(&ticks, ticks + 1);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t survey_signal_cost_ns(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = level_signal(1) };
	const struct itimerspec when = { .it_value = clock_timespec(COST_INTERVAL_NS) };
	struct sigaction action = { .sa_handler = on_tick }, old;
	uint64_t gap[COST_SIGNALS];
	unsigned count = 0;
	timer_t timer;

	sigemptyset(&action.sa_mask);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		return 0;
	sigaction(level_signal(1), &action, &old);
	for (; count < COST_SIGNALS; count++) {
		uint64_t last = clock_ns(), start = last, now = last;
		uint32_t before = nrb_local_load(&ticks);

		timer_settime(timer, 0, &when, NULL);
		/* The time between two looks at the clock, of which one signal took its part. */
		while (nrb_local_load(&ticks) == before && now - start < 100 * NS_PER_MS) {
			last = now;
			now = clock_ns();
		}
		now = clock_ns();
		gap[count] = now - last;
	}
	timer_delete(timer);
	sigaction(level_signal(1), &old, NULL);
	qsort(gap, count, sizeof(gap[0]), compare);
	return gap[count / 2];
}

static void look_for_obstacles(const struct options *options, struct survey *survey)
{
	for (unsigned i = 0; i < options->tiers; i++) {
		enum tier tier = options->tier[i];
		const struct injector *injector = injector_of(tier);

		if (injector && injector->probe)
			injector->probe(survey->obstacle[tier], sizeof(survey->obstacle[tier]));
	}
}

void survey_run(const struct options *options, unsigned cpu, struct survey *survey)
{
	uint64_t deadline;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	survey->summary.signal_cost_ns = survey_signal_cost_ns();
	survey->summary.slow_motion = stepping_works();
	if (!survey->summary.slow_motion)
		snprintf(survey->summary.slow_motion_reason, sizeof(survey->summary.slow_motion_reason), "%s",
			 CONTEXT_CAN_STEP ? "the trap flag brings no SIGTRAP here"
					  : "single-stepping from within the process needs x86-64");
	deadline = clock_ns();
	for (unsigned i = 0; i < options->targets && survey->summary.slow_motion; i++) {
		deadline += EXPOSURE_TIME_NS / options->targets;
		survey_exposure(options->target[i], deadline, &survey->exposure[i]);
	}
	look_for_obstacles(options, survey);
	survey->done = true;
}
