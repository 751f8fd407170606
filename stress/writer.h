/* SPDX-License-Identifier: MIT */
/*
 * writer.h - a writer under stress: one pinned thread, its handlers, and the ring they write into
 */
#ifndef STRESS_WRITER_H
#define STRESS_WRITER_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "inject/aim.h"
#include "inject/inject.h"
#include "inject/kick.h"
#include "inject/slow_motion.h"
#include "inject/steer.h"
#include "oracle.h"
#include "random.h"
#include "result.h"
#include "slice.h"
#include "strike_log.h"

/* Room for a burst of the base's payloads, or one of a handler's. */
#define WRITER_SCRATCH (16u << 10)

/*
 * Interrupts that struck together: the kernel stacks their frames, so that each but the last to run finds itself at the
 * first instruction of another's handler. For what they interrupted they are one.
 */
struct stacked {
	uint32_t any;
	uint32_t taken; /* whether the ring took a record of one of them */
	uint64_t head;  /* reserved head when the first of them ran */
};

/* The most in a slice: each ring may have a second one. */
#define WRITERS_MAX (2 * PLACEMENT_MAX)

/*
 * Who may touch what: the writer's thread and its handlers share everything below "own", each handler nested in what it
 * interrupts; "log" is theirs to write and the readers' to read; "asked" is written by the slice's main thread.
 */
struct writer {
	/* Constant while threads run. */
	const struct slice_config *config;
	const struct target *target;
	const struct injector *injector;
	struct slice_result *result; /* violations that the writer sees itself go there at once */
	struct target_ring *ring;
	struct target_reader *reader; /* opened for its consumer; here for loads of data_head and data_tail only */
	struct writer
		*other; /* the second thread that writes into this ring, each the other's; NULL: nobody shares it */
	unsigned index;
	unsigned cpu, kicker_cpu;
	uint32_t stream;   /* the name that this ring's payloads carry */
	unsigned lane;     /* of its level 0: LEVELS for who writes into another's ring, else 0 */
	uint64_t start_ns; /* of the slice */
	pthread_t thread;
	clockid_t cpu_clock; /* processor time of the thread */
	timer_t timer[LEVELS];
	unsigned timers;                /* how many exist */
	unsigned char *scratch[LEVELS]; /* WRITER_SCRATCH bytes each, for payloads */
	uint32_t payload_max;           /* bytes */

	/* Own. */
	_Alignas(64) uint64_t in_write; /* writes in progress */
	uint64_t depth;                 /* handlers in progress */
	uint64_t struck_pc[LEVELS];     /* where each of them struck */
	uint64_t tail_seen;             /* data_tail as last loaded by the base */
	struct random random[LEVELS];
	struct slow_motion slow;
	struct stacked stacked[LEVELS]; /* on the code at each depth */
	struct aim aim;
	struct steer steer;
	uint64_t steered_ns, steered_slow_ns; /* up to where steering has accounted */
	uint64_t nested_slow_ns;              /* slow motion that lay within handlers */
	uint64_t strikes_checked;             /* by the base: up to here nothing was left unpublished */
	struct oracle_wake wake;              /* what a reader who sleeps would have seen */
	uint64_t progress;                    /* counts up as the base advances; the watchdog looks at it */
	struct counts counts;
	int error; /* -errno: could not run; told by @message */
	char message[256];
	uint64_t swaps; /* of its ring; by the swapper */
	int swap_error; /* -errno: the last one that failed */
	bool displaced; /* not on its CPU any more when it ended */

	/* Read by readers. */
	_Alignas(64) struct strike_log log;

	/* Shared with the thread that kicks it, where there is one. */
	_Alignas(64) struct kicker kicker;

	/* Asked of the writer by the slice's main thread. */
	_Alignas(64) uint32_t stop;
	uint32_t disarmed; /* handlers no longer arm their timers */
	uint32_t rearm;    /* the base is to arm them again, at half the rate */
	uint32_t finished; /* written by the writer: it is past its last write */
};

/* The writer that this thread is; NULL on other threads, whose handlers must not touch anything. */
extern __thread struct writer *this_writer __attribute__((tls_model("initial-exec")));

/*
 * writer_write - one self-verifying record by @level
 * @size: of its payload, bytes
 *
 * Its number within the level is writer->counts.attempts[level].
 *
 * Context: writer, handler of that level. Return: whether the ring took it.
 */
bool writer_write(struct writer *writer, unsigned level, uint32_t size);

/* The same with a payload that was filled before. */
bool writer_write_payload(struct writer *writer, unsigned level, const void *payload, uint32_t size);

/* The same by reserve and commit; between the two it calls @pause, if any. */
bool writer_write_in_place(struct writer *writer, unsigned level, uint32_t size,
			   void (*pause)(struct writer *, unsigned));

/* A violation of @kind is held to follow @strike: tell it of the instruction that was struck. Context: any thread. */
void writer_blame(struct writer *writer, const struct strike *strike, enum violation kind);

#endif /* STRESS_WRITER_H */
