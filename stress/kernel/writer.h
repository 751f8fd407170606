/* SPDX-License-Identifier: MIT */
/*
 * writer.h - the thread whose names the kernel writes records of
 */
#ifndef STRESS_KERNEL_WRITER_H
#define STRESS_KERNEL_WRITER_H

#include <linux/perf_event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum kernel_order {
	KERNEL_REST, /* do nothing */
	KERNEL_ONE,  /* set the next name, and rest */
	KERNEL_RUN,  /* set one name after the other */
	KERNEL_LEAVE /* end */
};

struct kernel_writer {
	unsigned cpu; /* set by who starts it */
	/* Set while it rests: where it looks for room. */
	struct perf_event_mmap_page *page;
	struct kernel_sweep *sweep; /* before each name, tended; may be NULL */
	bool waits;                 /* while the ring is more than 3/4 full; else records are lost */
	/* Its own. */
	pthread_t thread;
	clockid_t cpu_clock; /* its processor time */
	bool started, displaced;
	uint32_t tid;
	uint32_t order, done; /* enum kernel_order, and the latest that was carried out */
	uint64_t progress;    /* grows while it runs, or waits for room. Another thread may look */
	uint64_t number;      /* of the next name; names set so far. Another thread may look */
};

/* Start it, pinned, and wait until it rests. Return: 0 or -errno; -EINVAL: it cannot run on that CPU. */
int kernel_writer_start(struct kernel_writer *writer);

/* Give an order, and wait until it is carried out, or begun. Return: 0, or -ETIME: it does not answer. */
int kernel_writer_order(struct kernel_writer *writer, enum kernel_order order);

/* Have it end. Return: as kernel_writer_order(); then it still runs. */
int kernel_writer_stop(struct kernel_writer *writer);

#endif /* STRESS_KERNEL_WRITER_H */
