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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "inject/context.h"
#include "inject/inject.h"
#include "levels.h"
#include "order.h"
#include "plugin/contain.h"
#include "section_list.h"
#include "step/explore.h"
#include "step/forked.h"
#include "step/play.h"
#include "step/scenario.h"

/* For each target, on a machine that is not busy; and of the run's time one part in so many for all of them. */
#define EXPOSURE_TIME_NS (300 * NS_PER_MS)
#define EXPOSURE_ONE_OF 10
#define EXPOSURE_MIN_NS (400 * NS_PER_MS)

/* Beyond its time, before it is killed. */
#define PLUGIN_GRACE_NS (300 * NS_PER_MS)

/* So many boundaries before the last store of data_head. */
#define WINDOW 24

/* The two ways of writing: what else a ring's state changes does not matter here. */
#define WAYS 2

/* Signals timed to learn what one costs, and how far apart. */
#define COST_SIGNALS 64u
#define COST_INTERVAL_NS (50 * NS_PER_US)
/* A machine that is so busy that they take longer gets along with fewer. */
#define COST_TIME_NS (200 * NS_PER_MS)

/* Where data_head was stored last. */
struct last_store {
	uint64_t head;
	uint32_t boundary;
};

static void note_store(const struct play_event *event, void *context)
{
	struct last_store *last = context;

	if (event->what == PLAY_STEP && event->head != last->head)
		last->boundary = event->boundary;
	last->head = event->head;
}

/* Exposed boundaries lie in a row before the store: so the search begins there. Return: the boundary to begin at. */
static uint32_t find_window(const struct target *target, const struct stepper *stepper, const struct scenario *scenario)
{
	static const struct witness unstruck;
	struct last_store last = { .head = scenario_start(scenario) };
	struct play_result played;

	play(target, scenario, stepper, &unstruck, note_store, &last, &played);
	return last.boundary > WINDOW ? last.boundary - WINDOW : 0;
}

static bool search(const struct target *target, const struct stepper *stepper, const struct scenario *scenario,
		   uint64_t deadline_ns, unsigned strikes, uint32_t from, struct boundaries *map)
{
	struct explore_result *result = calloc(1, sizeof(*result));
	struct explore_plan plan = { .stepper = stepper,
				     .depth = 1,
				     .strikes = strikes,
				     .from = from,
				     .accelerations = EXPLORE_FAST,
				     .deadline_ns = deadline_ns };
	bool complete;

	if (!result)
		return false;
	explore(target, scenario, &plan, result, map);
	complete = result->complete;
	free(result);
	return complete;
}

/*
 * Strike where data_head is about to be stored; then twice, which reaches the round that a first strike causes; and
 * then everywhere else, for the boundaries where a strike breaks a target otherwise.
 */
void survey_exposure(const struct target *target, const struct stepper *stepper, uint64_t deadline_ns,
		     struct exposure *exposure)
{
	struct boundaries *map = calloc(1, sizeof(*map));
	uint32_t from[WAYS] = { 0 };

	memset(exposure, 0, sizeof(*exposure));
	if (!map)
		return;
	exposure->complete = true;
	for (unsigned i = 0; i < 3 * WAYS; i++) {
		const struct scenario *scenario = &scenarios[i % WAYS];
		unsigned round = i / WAYS;

		if (scenario->in_place && !target->reserve)
			continue;
		if (!round)
			from[i] = find_window(target, stepper, scenario);
		if (!search(target, stepper, scenario, deadline_ns, 1 + (round == 1), round < 2 ? from[i % WAYS] : 0,
			    map))
			exposure->complete &= round > 0;
	}
	exposure_take(exposure, map);
	/* Whose rings we know, we know where to strike. */
	if (target->file)
		exposure_aim_anywhere(exposure, map);
	free(map);
}

static void add_abort(void *exposure, uint64_t pc)
{
	exposure_add(exposure, pc);
}

/* Single steps do not get into restartable sequences: what is to be known of those, the same code without the kernel's
 * help tells. */
static void survey_sections(const struct target *target, const struct stepper *stepper, uint64_t deadline_ns,
			    struct exposure *exposure)
{
	struct exposure *bare = calloc(1, sizeof(*bare));

	if (!bare)
		return;
	survey_exposure(target->bare, stepper, deadline_ns, bare);
	exposure_aim_at(exposure, bare);
	section_list_aborts(target, add_abort, exposure);
	free(bare);
}

/* A plug-in: in a process of its own, by who is patient a little longer. What that found until it ended, stands. */
static void survey_plugin(const struct target *target, const struct stepper *stepper, uint64_t deadline_ns,
			  struct exposure *exposure)
{
	const struct timespec period = clock_timespec(NS_PER_MS);
	struct contained unused = { .any = 0 };
	pid_t child = fork();

	if (!child) {
		contain_into = &unused;
		contain_crashes();
		if (target->regions)
			survey_exposure(target, stepper, deadline_ns, exposure);
		else
			forked_survey(target, stepper, deadline_ns, exposure);
		_exit(0);
	}
	while (child > 0 && !waitpid(child, NULL, WNOHANG)) {
		nanosleep(&period, NULL);
		if (clock_ns() < deadline_ns + PLUGIN_GRACE_NS)
			continue;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		break;
	}
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
	uint64_t gap[COST_SIGNALS], deadline = clock_ns() + COST_TIME_NS;
	unsigned count = 0;
	timer_t timer;

	sigemptyset(&action.sa_mask);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
		return 0;
	sigaction(level_signal(1), &action, &old);
	for (; count < COST_SIGNALS && (!count || clock_ns() < deadline); count++) {
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

uint64_t survey_target_ns(const struct options *options)
{
	uint64_t all = options->duration_ns / EXPOSURE_ONE_OF, share;

	all = all < EXPOSURE_MIN_NS ? EXPOSURE_MIN_NS : all;
	share = all / options->targets;
	return share < EXPOSURE_TIME_NS ? share : EXPOSURE_TIME_NS;
}

void survey_run(const struct options *options, unsigned cpu, struct survey *survey)
{
	const struct stepper *stepper;
	char message[192];
	uint64_t deadline;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	survey->summary.signal_cost_ns = survey_signal_cost_ns();
	/* Slow motion steps by the trap flag too. */
	stepper = stepper_choose(message, sizeof(message));
	survey->summary.slow_motion = stepper == &stepper_trap;
	if (!survey->summary.slow_motion)
		snprintf(survey->summary.slow_motion_reason, sizeof(survey->summary.slow_motion_reason), "%s",
			 CONTEXT_CAN_STEP ? "the trap flag brings no SIGTRAP here"
					  : "single-stepping from within the process needs x86-64");
	deadline = clock_ns();
	for (unsigned i = 0; i < options->targets && stepper; i++) {
		deadline += survey_target_ns(options);
		if (options->target[i]->driver == DRIVER_SELF ||
		    (options->target[i]->missing && options->target[i]->missing()))
			continue;
		if (options->target[i]->file)
			survey_plugin(options->target[i], stepper, deadline, &survey->exposure[i]);
		else
			survey_exposure(options->target[i], stepper, deadline, &survey->exposure[i]);
		/* What that took less than its share is enough for most. */
		if (options->target[i]->bare)
			survey_sections(options->target[i], stepper, deadline, &survey->exposure[i]);
	}
	look_for_obstacles(options, survey);
	survey->done = true;
}
