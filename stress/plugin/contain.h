/* SPDX-License-Identifier: MIT */
/*
 * contain.h - how code ended that nobody vouches for: what its process leaves in shared memory before it exits
 */
#ifndef STRESS_CONTAIN_H
#define STRESS_CONTAIN_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "words.h"

/* The signal by which code that goes on is looked at. */
#define CONTAIN_TICK SIGPROF

struct contained {
	uint32_t any;            /* 0: it did not end so */
	uint32_t told;           /* and all of this is there */
	uint32_t kind;           /* CRASH or HANG */
	int32_t signal;          /* that was raised; of a hang 0 */
	uint32_t by_reader;      /* in the reader's thread */
	uint32_t level;          /* of the write that it happened in: so many others had been interrupted */
	uint64_t pc;             /* 0: not known */
	uint64_t struck[LEVELS]; /* where each of those was, the outermost first */
};

/* Where it is told; NULL: nowhere, and then a crash is a crash. */
extern struct contained *contain_into;

/* The violation that it is, as the two numbers of a finding. */
static inline uint64_t contain_before(const struct contained *ended)
{
	return (uint64_t)ended->signal;
}

/* Tell it, once. Context: any, signal handlers too. Return: whether there is anybody to be told. */
bool contain_tell(enum violation kind, int signal, const void *context);

/* The same, and end the process. Returns when there is nobody to be told. */
void contain_end(enum violation kind, int signal, const void *context);

/* One of the process's threads ended itself, in code that ought to have returned: a crash. Context: who joined it. */
void contain_thread_gone(bool reader);

/* The wait status of a process that exited although nobody asked it to. */
#define CONTAIN_EXITED (1 << 8)

/* How a process ended, as its parent sees it, where it did not tell. @status: as waitpid() gave it. One that had to be
 * killed (-ETIME) may only have had no time. Return: whether that is a crash or a hang. */
bool contain_take_status(struct contained *ended, int status);

/* Have signals that end a process end it by contain_end(). Context: a process of its own, before it has threads. */
void contain_crashes(void);
/*
 * Look at this process a few times a second from now on, and end it as one that hangs when it does not move on; that it
 * does, contain_moved tells, by changing. Context: a process without other threads; once, or more often.
 */
void contain_watch(void);
void contain_watch_end(void);
extern uint64_t contain_moved;
/* One look, by who handles CONTAIN_TICK meanwhile. @context: a ucontext_t. */
void contain_look(const void *context);
/* Look at a thread that ought to have ended, and end the process as one that hangs when it runs but does not.
 * Returns when it does not run, or has ended meanwhile. Context: who waits for that thread, after contain_crashes(). */
void contain_thread_late(pthread_t thread);
/* Time that whoever waits for such a process leaves it for that, twice over: this machine may be busy. */
#define CONTAIN_LATE_NS UINT64_C(1500000000)
/* And give the calling thread a stack on which its handler runs; it is never freed. */
void contain_thread(bool reader);

#endif /* STRESS_CONTAIN_H */
