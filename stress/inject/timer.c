/* SPDX-License-Identifier: MIT */
/*
 * timer.c - POSIX timers, one for each level, aimed at the writer's thread
 *
 * One-shot, and armed again by the handler at its end, with a random interval: so they sweep over the code, none
 * expires while its own signal is still pending, and the interrupted code runs at least for the interval.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "levels.h"
#include "writer.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Context: writer, or handler of @level. */
static void arm(struct writer *writer, unsigned level)
{
	uint64_t interval = inject_interval_ns(writer, level);
	struct itimerspec when = { .it_value = clock_timespec(interval) };

	if (interval)
		timer_settime(writer->timer[level], 0, &when, NULL);
}

static void on_timer(int signal, siginfo_t *info, void *context)
{
	struct writer *writer = this_writer;
	unsigned level = (unsigned)(signal - SIGRTMIN);

	/* Sent by somebody else, and landed on a thread that does not write. */
	if (!writer)
		return;
	if (info->si_code != SI_TIMER) {
		nrb_local_add(&writer->counts.stray_signals, 1);
		return;
	}
	if (info->si_overrun > 0)
		nrb_local_add(&writer->counts.overruns, (uint64_t)info->si_overrun);
	inject_strike(writer, level, context);
}

static int timer_prepare(void)
{
	return inject_handle_levels(on_timer);
}

static void explain(struct writer *writer, int error)
{
	struct rlimit limit = { 0 };

	getrlimit(RLIMIT_SIGPENDING, &limit);
	if (error == EAGAIN)
		snprintf(writer->message, sizeof(writer->message),
			 "no timer to be had: each holds a slot of this user's queued signals, of which the limit is "
			 "%llu (ulimit -i): raise it, or end what uses them",
			 (unsigned long long)limit.rlim_cur);
	else
		snprintf(writer->message, sizeof(writer->message), "timer_create: %s", strerror(error));
}

static int timer_attach(struct writer *writer)
{
	for (unsigned level = 1; level < LEVELS; level++) {
		struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = level_signal(level) };

		event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
		if (timer_create(CLOCK_MONOTONIC, &event, &writer->timer[level]) < 0) {
			int error = errno;

			explain(writer, error);
			return -error;
		}
		writer->timers = level;
	}
	return 0;
}

static void timer_disarm(struct writer *writer)
{
	static const struct itimerspec never;

	nrb_store_relaxed(&writer->disarmed, 1);
	for (unsigned level = 1; level <= writer->timers; level++)
		timer_settime(writer->timer[level], 0, &never, NULL);
}

static void timer_detach(struct writer *writer)
{
	for (; writer->timers; writer->timers--)
		timer_delete(writer->timer[writer->timers]);
}

const struct injector injector_timer = {
	.tier = TIER_TIMER,
	.entry = (const void *)on_timer,
	.prepare = timer_prepare,
	.attach = timer_attach,
	.start = inject_start_levels,
	.resume = arm,
	.disarm = timer_disarm,
	.detach = timer_detach,
};
