/* SPDX-License-Identifier: MIT */
/*
 * watch.h - who reads a kernel's ring: its mapping, and what it holds, put before the oracle
 *
 * It knows a ring by its mapping alone, so that one can be imitated. Positions count up, whichever way it is written.
 */
#ifndef STRESS_KERNEL_WATCH_H
#define STRESS_KERNEL_WATCH_H

#include <linux/perf_event.h>

#include "kernel/kernel_result.h"
#include "kernel/record.h"
#include "oracle.h"

struct kernel_watch {
	/* Set by who makes it. */
	struct perf_event_mmap_page *page;
	bool backward;              /* written downwards and over what is there: nobody consumes */
	struct kernel_facts *facts; /* one consumer changes them */
	struct kernel_result *sum;  /* its functions; receives what struck there. May be NULL */
	/* Kept by kernel_watch_...() */
	const unsigned char *data;
	uint64_t size;
	struct oracle_watch watch;
	struct oracle_stream stream;
	uint64_t polls, records, comms, samples, in_kernel, in_family, in_handle, swept, throttles;
	uint64_t counted_ns; /* backward: samples that are no younger were counted in an earlier snapshot */
	uint64_t youngest_ns;
	uint64_t quiet_number; /* a COMM record with a smaller number, or a sample, ends below late_end: it came late */
	uint64_t late_end;
	bool resting;
};

void kernel_watch_init(struct kernel_watch *watch, struct perf_event_mmap_page *page, bool backward,
		       struct kernel_facts *facts, struct kernel_result *sum);

/* Load the head once, as one who does not consume. Any number of these, each with a struct of its own. */
void kernel_watch_poll(struct kernel_watch *watch, struct findings *findings);

/*
 * kernel_watch_look - load the head, and read what there is, some records at most; the one consumer
 *
 * @hold_back: leave what there is unless the ring is nearly full
 *
 * Return: whether there was anything. Of a backward ring never: it is not consumed.
 */
bool kernel_watch_look(struct kernel_watch *watch, bool hold_back, struct findings *findings);

/*
 * kernel_watch_snapshot - read all of a backward ring, the oldest record first
 *
 * Context: it is paused, and nobody but a write that had begun before is still in it.
 */
void kernel_watch_snapshot(struct kernel_watch *watch, struct findings *findings);

/*
 * kernel_watch_ranks - learn in which order events tell of one name, from the records of the first
 *
 * Context: one name was set, and nothing else has been written. Return: 0, or -EPROTO: that is not what is there.
 */
int kernel_watch_ranks(struct kernel_watch *watch);

/*
 * kernel_watch_quiet - all writers rest and everything was read; what was published by then is @head
 * @number: of the next name. Whatever is found from here on and is older has been invisible until then.
 */
void kernel_watch_quiet(struct kernel_watch *watch, uint64_t number);
/* And the next name was set, and everything was read: stuck_head. @head: data_head as it stood before it. */
void kernel_watch_woken(const struct kernel_watch *watch, uint64_t head, struct findings *findings);

/* The head, as a position that counts up. */
uint64_t kernel_watch_head(const struct kernel_watch *watch);

#endif /* STRESS_KERNEL_WATCH_H */
