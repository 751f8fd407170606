/* SPDX-License-Identifier: MIT */
/*
 * inject.c - the ways to interrupt, and what those that use a signal for each level have in common
 */
#define _GNU_SOURCE
#include "inject/inject.h"

#include <errno.h>

#include "levels.h"
#include "writer.h"

const struct injector *injector_of(enum tier tier)
{
	static const struct injector *const injectors[TIERS] = {
		[TIER_AIM] = &injector_aim,
		[TIER_TIMER] = &injector_timer,
		[TIER_KICK] = &injector_kick,
	};

	return injectors[tier];
}

int inject_handle_levels(void (*handler)(int, siginfo_t *, void *))
{
	for (unsigned level = 1; level < LEVELS; level++) {
		struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };

		/* Level k blocks the levels up to k: so depth is bounded, and with it the stack. */
		level_signals(&action.sa_mask, level);
		if (sigaction(level_signal(level), &action, NULL) < 0)
			return -errno;
	}
	return 0;
}

uint64_t inject_interval_ns(struct writer *writer, unsigned level)
{
	uint64_t mean = writer->steer.interval_ns;

	/* Whoever disarms repeats itself, so a stale 0 here only costs one more signal. */
	if (nrb_load_relaxed(&writer->disarmed))
		return 0;
	/* Evenly between half the mean and one and a half of it. */
	return mean / 2 + random_next(&writer->random[level]) % (mean + 1);
}

void inject_start_levels(struct writer *writer)
{
	unsigned depth = writer->target->max_depth;

	/* A depth of 1 is told by who blocks signals: they may strike all the same. */
	for (unsigned level = 1; level < (depth > 1 && depth < LEVELS ? depth : LEVELS); level++) {
		sigset_t set, old;

		/* A handler that is at it already would draw from the same generator. */
		level_signals(&set, level);
		pthread_sigmask(SIG_BLOCK, &set, &old);
		writer->injector->resume(writer, level);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
}
