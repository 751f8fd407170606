/* SPDX-License-Identifier: MIT */
/*
 * inject.h - ways to interrupt a writer, as tables of functions; a file each
 */
#ifndef STRESS_INJECT_H
#define STRESS_INJECT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "words.h"

struct writer;

struct injector {
	enum tier tier;
	/* Strikes where code runs into known boundaries: nothing for a target of which none is known. */
	bool aims;
	/* Where its handlers begin: an interrupt found there struck together with the one whose handler that is. NULL:
	 * none ever strikes there. */
	const void *entry;
	/*
	 * Context: a process that is about to end. Whether it can exist on this machine: if not, says in @reason why,
	 * and what would help. NULL: anywhere.
	 */
	void (*probe)(char *reason, size_t size);
	/* Once per process, before any thread exists: signal dispositions. */
	int (*prepare)(void);
	/* Context: the writer's thread, its signals blocked. Return: 0, or -errno with writer->message. */
	int (*attach)(struct writer *writer);
	/* Context: the writer's thread: let interrupts come. */
	void (*start)(struct writer *writer);
	/* Context: handler of @level, at its end: have the next one come. May be NULL. */
	void (*resume)(struct writer *writer, unsigned level);
	/* Context: the base, between writes, every few of them. May be NULL. */
	void (*tend)(struct writer *writer);
	/* Context: any thread, at any time: no interrupt is to come until start. May be called again and again. */
	void (*disarm)(struct writer *writer);
	/* Context: the writer's thread, its signals blocked, for the last time. */
	void (*detach)(struct writer *writer);
};

extern const struct injector injector_aim;
extern const struct injector injector_timer;
extern const struct injector injector_kick;

/* The one of a tier; NULL for the step tier, which works otherwise. */
const struct injector *injector_of(enum tier tier);

/* Have @handler handle the signals of all levels, each with those up to its own blocked. Return: 0 or -errno. */
int inject_handle_levels(void (*handler)(int, siginfo_t *, void *));

/* How long until @level strikes again, as steered, at random; 0: disarmed. Context: handler of @level. */
uint64_t inject_interval_ns(struct writer *writer, unsigned level);

/* Have all levels resume: a start hook for those that strike by signals. */
void inject_start_levels(struct writer *writer);

/*
 * inject_strike - what every signal that stands for an interrupt does
 * @writer: whom it struck
 * @level: its own
 * @context: the interrupted registers; slow motion may be set in them
 *
 * Writes nested records, counts, steers the rate, and has its injector resume.
 *
 * Context: signal handler of @level. Keeps errno.
 */
void inject_strike(struct writer *writer, unsigned level, void *context);

#endif /* STRESS_INJECT_H */
