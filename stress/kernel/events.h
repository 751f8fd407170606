/* SPDX-License-Identifier: MIT */
/*
 * events.h - the perf events that write one ring
 */
#ifndef STRESS_KERNEL_EVENTS_H
#define STRESS_KERNEL_EVENTS_H

#include <linux/perf_event.h>

#include "kernel/record.h"

#define KERNEL_CLOCKS 3

struct kernel_events {
	struct kernel_facts facts; /* which they are */
	int fd[KERNEL_EVENTS];
	bool backward;
	bool lost_told; /* read(2) tells what each one lost */
	bool counters;  /* one is a hardware counter */
	uint64_t size;  /* of the ring, bytes */
	struct perf_event_mmap_page *page;
};

/*
 * kernel_events_open - a ring, and all that writes into it, disabled
 * @events: with facts.pid, tid and cpu
 * @size: bytes, a power of two, from a page; halved until the limit of locked memory allows it
 * @backward: written downwards, and over what is there
 *
 * They count for that thread alone, and on that CPU.
 *
 * Return: 0, or -errno with @reason and what would help; kernel_events_close() then has nothing left to do.
 */
int kernel_events_open(struct kernel_events *events, uint64_t size, bool backward, char *reason, size_t length);
void kernel_events_close(struct kernel_events *events);

/* Have all of one kind write, or not. Once it returns with false, none does any more. */
void kernel_events_enable(struct kernel_events *events, enum kernel_event_kind kind, bool on);

/* The clocks' periods: @period_ns for the first, each further one more than a third longer. */
void kernel_events_period(struct kernel_events *events, uint64_t period_ns);

/* No write gets in, and each is counted as lost; or again. */
void kernel_events_pause(struct kernel_events *events, bool on);

/* Writes refused, of one kind, as the events themselves count them. */
uint64_t kernel_events_lost(const struct kernel_events *events, enum kernel_event_kind kind);

/* ---- breakpoints ---- */

/*
 * kernel_events_add_breakpoint - a further event: strikes whoever of the thread executes the instruction at @address
 * @samples: each strike writes into the ring; else it only takes its time
 *
 * One that samples is disabled until it is armed. Return: its place, or -errno.
 */
int kernel_events_add_breakpoint(struct kernel_events *events, uint64_t address, bool samples);
/* The same one, elsewhere. Return: 0 or -errno. */
int kernel_events_move_breakpoint(struct kernel_events *events, unsigned event, uint64_t address, bool samples);

/*
 * kernel_events_arm - let a breakpoint that samples strike @times more, and no more; 0: as many as are left to it
 *
 * Its own write makes the interrupted one look again, which may go through the same instruction again: without a limit
 * that never ends. The kernel disables it by itself.
 */
void kernel_events_arm(struct kernel_events *events, unsigned event, unsigned times);
/* How often it has struck. */
uint64_t kernel_events_strikes(const struct kernel_events *events, unsigned event);

/* Why there can be no event of the kernel's own code, for this caller; 0: there can. -errno with @reason. */
int kernel_events_probe(char *reason, size_t length);
/* The same of a breakpoint at @address. */
int kernel_events_probe_breakpoint(uint64_t address, char *reason, size_t length);

#endif /* STRESS_KERNEL_EVENTS_H */
