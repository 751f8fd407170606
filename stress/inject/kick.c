/* SPDX-License-Identifier: MIT */
/*
 * kick.c - signals from a thread on another core, as one CPU interrupts another
 *
 * The handler says at its end when the next one of its level is due, as with timers; the kicker looks at its own clock.
 * So the moment has nothing to do with what the writer's core does, and the interrupt comes from outside it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "levels.h"
#include "writer.h"

#define KICKER_STACK (64u << 10)

/* A handler may set a time at any moment, so the kicker sleeps no longer than this: short while one is out. */
#define NAP_NS (20 * NS_PER_US)
#define NAP_DISARMED_NS (1 * NS_PER_MS)
/* No slot for a queued signal: somebody else has them. */
#define RETRY_NS (1 * NS_PER_MS)

static pid_t own_pid;

static void on_kick(int signal, siginfo_t *info, void *context)
{
	struct writer *writer = this_writer;

	/* Sent by somebody else, and landed on a thread that does not write. */
	if (!writer)
		return;
	if (info->si_code != SI_TKILL || info->si_pid != own_pid) {
		nrb_local_add(&writer->counts.stray_signals, 1);
		return;
	}
	inject_strike(writer, (unsigned)(signal - SIGRTMIN), context);
}

/* ---- the kicker's side ---- */

static void kick(struct kicker *kicker, unsigned level)
{
	/* Before it is sent, since the handler may set it again at once. */
	nrb_store_relaxed(&kicker->due_ns[level], 0);
	if (!syscall(SYS_tgkill, own_pid, kicker->writer, level_signal(level))) {
		kicker->sent++;
		return;
	}
	kicker->error = errno;
	nrb_store_relaxed(&kicker->due_ns[level], clock_ns() + RETRY_NS);
}

/* Kick what is due. Return: when to look again. */
static uint64_t kick_due(struct writer *writer)
{
	uint64_t now = clock_ns(), next = now + NAP_NS;

	if (nrb_load_relaxed(&writer->disarmed))
		return now + NAP_DISARMED_NS;
	for (unsigned level = 1; level < LEVELS; level++) {
		uint64_t due = nrb_load_relaxed(&writer->kicker.due_ns[level]);

		if (due && due <= now)
			kick(&writer->kicker, level);
		else if (due && due < next)
			next = due;
	}
	return next;
}

static void *kicker_main(void *argument)
{
	struct writer *writer = argument;

	/* Sleep as exactly as the machine can. */
	prctl(PR_SET_TIMERSLACK, 1);
	while (!nrb_load_relaxed(&writer->kicker.stop)) {
		struct timespec until = clock_timespec(kick_due(writer));

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
	return NULL;
}

/* ---- the writer's side ---- */

static int kick_prepare(void)
{
	own_pid = getpid();
	return inject_handle_levels(on_kick);
}

static int kick_attach(struct writer *writer)
{
	unsigned cpu = writer->kicker_cpu;
	pthread_attr_t attr;
	cpu_set_t set;
	int rc;

	writer->kicker.writer = (pid_t)syscall(SYS_gettid);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, KICKER_STACK);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	rc = pthread_create(&writer->kicker.thread, &attr, kicker_main, writer);
	pthread_attr_destroy(&attr);
	if (rc) {
		snprintf(writer->message, sizeof(writer->message),
			 "cannot start a thread on CPU %u that interrupts the writer: %s", cpu, strerror(rc));
		return -rc;
	}
	writer->kicker.running = true;
	pthread_setname_np(writer->kicker.thread, "kicker");
	return 0;
}

/* Context: writer, or handler of @level. */
static void kick_resume(struct writer *writer, unsigned level)
{
	uint64_t interval = inject_interval_ns(writer, level);

	if (interval)
		nrb_store_relaxed(&writer->kicker.due_ns[level], clock_ns() + interval);
}

static void kick_disarm(struct writer *writer)
{
	nrb_store_relaxed(&writer->disarmed, 1);
	for (unsigned level = 1; level < LEVELS; level++)
		nrb_store_relaxed(&writer->kicker.due_ns[level], 0);
}

static void kick_detach(struct writer *writer)
{
	struct kicker *kicker = &writer->kicker;
	struct rlimit limit = { 0 };

	if (!kicker->running)
		return;
	nrb_store_relaxed(&kicker->stop, 1);
	pthread_join(kicker->thread, NULL);
	kicker->running = false;
	/* Now and then there may be no slot for a signal; but never one is something to be told. */
	if (kicker->sent || !kicker->error || writer->error)
		return;
	getrlimit(RLIMIT_SIGPENDING, &limit);
	writer->error = -kicker->error;
	snprintf(writer->message, sizeof(writer->message),
		 "no signal could be sent to a writer: %s; this user's limit of queued signals is %llu (ulimit -i): "
		 "raise it, or end what uses them",
		 strerror(kicker->error), (unsigned long long)limit.rlim_cur);
}

const struct injector injector_kick = {
	.tier = TIER_KICK,
	.entry = (const void *)on_kick,
	.prepare = kick_prepare,
	.attach = kick_attach,
	.start = inject_start_levels,
	.resume = kick_resume,
	.disarm = kick_disarm,
	.detach = kick_detach,
};
