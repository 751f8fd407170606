/* SPDX-License-Identifier: MIT */
/*
 * aim.c - a hardware breakpoint in the window: whoever runs into it is interrupted right there, at full speed
 *
 * The kernel's perf events bring SIGTRAP before the instruction runs (sigtrap = 1). What a strike writes runs into the
 * same breakpoint, and so does the interrupted write when it goes round once more. Three things bound that:
 *
 * - A strike at level k blocks the levels up to k, as signals do, and only a level that the interrupted code has not
 *   blocked can strike: three nest. This also keeps strikes out of slow motion, and out of writes that block signals.
 * - The base's write is struck once: then the breakpoint is off until the base has gone on. So it goes on at full
 *   speed, as after any other interrupt; a hit in the next round would hold up just what readers are to catch. A
 *   handler's write, of which no exposure is counted, is struck so many times at most.
 * - The watchdog can disable the breakpoint from outside.
 */
#define _GNU_SOURCE
#include "inject/aim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "inject/context.h"
#include "inject/perf_trap.h"
#include "levels.h"
#include "writer.h"

/* Strikes into one and the same write of a handler; each after the first only half of the time. */
#define STRIKES_A_WRITE 3u

/* The breakpoint stands on one boundary until it was hit so often, or for so long. */
#define MOVE_HITS 300u
#define MOVE_NS (3 * NS_PER_MS)

#if CONTEXT_CAN_STEP && defined(HAVE_STRUCT_PERF_EVENT_ATTR_SIGTRAP)
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

static struct perf_event_attr breakpoint_at(uint64_t pc, bool disabled)
{
	return (struct perf_event_attr) {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(struct perf_event_attr),
		.bp_type = HW_BREAKPOINT_X,
		.bp_addr = pc,
		.bp_len = sizeof(long),
		.sample_period = 1,
		.disabled = disabled,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.sigtrap = 1,
		.remove_on_exec = 1, /* sigtrap asks for it */
	};
}

/* On the calling thread, disabled. Return: a file descriptor, or -errno. */
static int open_breakpoint(uint64_t pc)
{
	struct perf_event_attr attr = breakpoint_at(pc, true);
	long fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

static int enable_breakpoint(int fd)
{
	return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) ? -errno : 0;
}

static void disable_breakpoint(int fd)
{
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
}

/* Leaves it enabled. */
static void move_breakpoint(int fd, uint64_t pc)
{
	struct perf_event_attr attr = breakpoint_at(pc, false);

	ioctl(fd, PERF_EVENT_IOC_MODIFY_ATTRIBUTES, &attr);
}
#else
static int open_breakpoint(uint64_t pc)
{
	(void)pc;
	return CONTEXT_CAN_STEP ? -EINVAL : -ENOENT;
}

static int enable_breakpoint(int fd)
{
	(void)fd;
	return -ENOENT;
}

static void disable_breakpoint(int fd)
{
	(void)fd;
}

static void move_breakpoint(int fd, uint64_t pc)
{
	(void)fd;
	(void)pc;
}
#endif

/* ---- whether it can be had ---- */

/* What @error of open_breakpoint() means, and what helps. */
static const char *explain(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "no permission for a breakpoint: set /proc/sys/kernel/perf_event_paranoid to 2 or less, give "
		       "CAP_PERFMON, or in a container allow the system call perf_event_open";
	case ENOENT:
	case ENODEV:
	case ENOSYS:
	case EOPNOTSUPP: return "no hardware breakpoints here: they need x86-64 and a kernel with perf events";
	case EINVAL:
	case E2BIG: return "breakpoints that bring a signal need Linux 5.13, when running and when building";
	case ENOSPC:
	case EBUSY: return "all debug registers are in use: is a debugger attached?";
	default: return strerror(error);
	}
}

static uint64_t landed;

static void on_landing(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_code == TRAP_PERF && !(trap_perf_flags(info) & TRAP_PERF_FLAG_ASYNC))
		nrb_local_add(&landed, 1);
}

static __attribute__((noinline)) void landing(void)
{
	/* Nothing may be left out that has a side effect. */
	__asm__ volatile("" ::: "memory");
}

static void aim_probe(char *reason, size_t size)
{
	struct sigaction action = { .sa_sigaction = on_landing, .sa_flags = SA_SIGINFO }, old;
	int fd = open_breakpoint((uint64_t)(uintptr_t)landing), rc;

	if (fd < 0) {
		snprintf(reason, size, "%s", explain(-fd));
		return;
	}
	sigemptyset(&action.sa_mask);
	landed = 0;
	rc = sigaction(SIGTRAP, &action, &old) ? -errno : enable_breakpoint(fd);
	for (unsigned i = 0; !rc && i < 4; i++)
		landing();
	if (rc)
		snprintf(reason, size, "%s", explain(-rc));
	else if (nrb_local_load(&landed) != 4)
		snprintf(reason, size,
			 "a breakpoint was set and hit %u of 4 times: this machine or its emulator has none",
			 (unsigned)nrb_local_load(&landed));
	close(fd);
	sigaction(SIGTRAP, &old, NULL);
}

/* ---- striking ---- */

/* The lowest level that the interrupted code lets in; 0: none. */
static unsigned free_level(const ucontext_t *frame)
{
	for (unsigned level = 1; level < LEVELS; level++)
		if (!sigismember(&frame->uc_sigmask, level_signal(level)))
			return level;
	return 0;
}

/* Whether @level is to strike the write in progress below it: always the first time, then less and less. */
static bool draw_strike(struct writer *writer, unsigned level)
{
	struct aim *aim = &writer->aim;
	uint64_t write = writer->counts.attempts[level - 1] + 1;

	if (aim->struck[level] != write) {
		aim->struck[level] = write;
		aim->strikes[level] = 0;
	} else if (aim->strikes[level] >= STRIKES_A_WRITE || random_below(&writer->random[level], 2)) {
		return false;
	}
	aim->strikes[level]++;
	return true;
}

void aim_trap(struct writer *writer, siginfo_t *info, void *context)
{
	unsigned level = free_level(context);
	sigset_t set;

	if (trap_perf_flags(info) & TRAP_PERF_FLAG_ASYNC) {
		nrb_local_add(&writer->counts.late_hits, 1);
		return;
	}
	nrb_local_add(&writer->aim.hits, 1);
	/* A function that a write calls may be called by others as well. */
	if (!level || !nrb_local_load(&writer->in_write) || !draw_strike(writer, level)) {
		nrb_local_add(&writer->counts.passed_hits, 1);
		return;
	}
	/* As the mask of a signal of that level; the old one comes back with the frame. */
	level_signals(&set, level);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	inject_strike(writer, level, context);
	if (level == 1) {
		disable_breakpoint(writer->aim.fd);
		nrb_local_store(&writer->aim.off, true);
	}
}

/* ---- the breakpoint ---- */

static struct exposure_list boundaries_of(const struct writer *writer)
{
	return exposure_aims(writer->config->exposure);
}

static int aim_prepare(void)
{
	/* SIGTRAP is trap.c's; the levels' signals serve as marks in masks alone. */
	return 0;
}

static int aim_attach(struct writer *writer)
{
	struct exposure_list list = boundaries_of(writer);
	struct aim *aim = &writer->aim;

	if (!list.count) {
		snprintf(writer->message, sizeof(writer->message), "there is no boundary to aim at");
		return -ENOENT;
	}
	/* Slices are short: they do not all begin with the same one. */
	aim->at = (unsigned)((writer->config->seed + writer->index) % list.count);
	aim->fd = open_breakpoint(list.boundary[aim->at].pc);
	if (aim->fd < 0) {
		snprintf(writer->message, sizeof(writer->message), "%s", explain(-aim->fd));
		return aim->fd;
	}
	nrb_store_relaxed(&aim->open, 1);
	return 0;
}

/* On the next boundary. Context: the base, outside any write. */
static void move_on(struct writer *writer)
{
	struct exposure_list list = boundaries_of(writer);
	struct aim *aim = &writer->aim;

	/* Only to skip those that are no aim; if there is no other, on it. */
	for (unsigned i = 0; i < list.count; i++) {
		aim->at = (aim->at + 1) % list.count;
		if (!list.boundary[aim->at].landing)
			break;
	}
	aim->hits = 0;
	aim->moved_ns = clock_ns();
	/* Whoever disarms repeats itself, so a stale 0 here does no harm. */
	if (!nrb_load_relaxed(&writer->disarmed))
		move_breakpoint(aim->fd, list.boundary[aim->at].pc);
}

static void aim_start(struct writer *writer)
{
	/* After a starvation not on the boundary that brought it about. */
	move_on(writer);
	enable_breakpoint(writer->aim.fd);
}

static void aim_tend(struct writer *writer)
{
	bool off = nrb_local_load(&writer->aim.off);

	nrb_local_store(&writer->aim.off, false);
	if (off && !nrb_load_relaxed(&writer->disarmed))
		enable_breakpoint(writer->aim.fd);
	if (nrb_local_load(&writer->aim.hits) >= MOVE_HITS || clock_ns() - writer->aim.moved_ns >= MOVE_NS)
		move_on(writer);
}

static void aim_disarm(struct writer *writer)
{
	nrb_store_relaxed(&writer->disarmed, 1);
	if (nrb_load_relaxed(&writer->aim.open))
		disable_breakpoint(writer->aim.fd);
}

static void aim_detach(struct writer *writer)
{
	if (!nrb_load_relaxed(&writer->aim.open))
		return;
	/* The descriptor stays until the process ends, so that a late disarm finds no other file in its place. */
	disable_breakpoint(writer->aim.fd);
}

const struct injector injector_aim = {
	.tier = TIER_AIM,
	.aims = true,
	.probe = aim_probe,
	.prepare = aim_prepare,
	.attach = aim_attach,
	.start = aim_start,
	.tend = aim_tend,
	.disarm = aim_disarm,
	.detach = aim_detach,
};
