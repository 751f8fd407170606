/* SPDX-License-Identifier: MIT */
/*
 * record.h - the kernel's records, and whether they are what they must be (pure)
 *
 * They do not verify themselves as ours do. But all of them are ordered by us: which events write, on which CPU, for
 * which thread, and what name it has; so there is little in one that is not known beforehand.
 */
#ifndef STRESS_KERNEL_RECORD_H
#define STRESS_KERNEL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_COMMS 16
#define KERNEL_EVENTS 24

/* No record of ours is longer, nor is a LOST record beside one. */
#define KERNEL_RECORD_MAX 128

/* A thread's name: these letters, then a number of twelve hexadecimal digits, and the end. */
#define KERNEL_NAME_PREFIX "nrb"
#define KERNEL_NAME_FIRST 3 /* place of the first digit */
#define KERNEL_NAME_SIZE 16

enum kernel_event_kind {
	KERNEL_COMM,      /* side-band: a COMM record for each prctl() */
	KERNEL_CLOCK,     /* samples, from a timer's interrupt */
	KERNEL_COUNTER,   /* samples, from a hardware counter's */
	KERNEL_BREAKPOINT /* samples, from the instruction that it stands on */
};

/* What is known of all records of one ring. */
struct kernel_facts {
	uint32_t pid, tid, cpu;
	uint64_t start_ns; /* CLOCK_MONOTONIC; nothing is older */
	unsigned events;
	uint64_t id[KERNEL_EVENTS];
	enum kernel_event_kind kind[KERNEL_EVENTS];
	unsigned comms;                 /* events that tell of names */
	unsigned rank[KERNEL_EVENTS];   /* of these: their order for one name, from 0 */
	uint64_t latest[KERNEL_EVENTS]; /* time of each one's latest record; kept by kernel_record_check() */
};

enum kernel_record_state {
	KERNEL_RECORD_WHOLE,
	KERNEL_RECORD_TORN, /* its header may be one; what follows is not what belongs to it */
	KERNEL_RECORD_BAD   /* no header that the kernel writes here */
};

struct kernel_record {
	uint32_t type;  /* PERF_RECORD_... */
	uint16_t size;  /* bytes, the header included */
	unsigned event; /* which; its place in struct kernel_facts */
	uint64_t time_ns;
	uint64_t pc;       /* SAMPLE: the interrupted instruction */
	uint64_t sequence; /* COMM: number of the record, over all events that tell of names */
	uint64_t number;   /* COMM: that the name carries */
	uint64_t lost;     /* LOST */
};

/* Bytes of a record with this @header, 8 bytes of it; 0: none is known that begins so. */
uint16_t kernel_record_size(uint64_t header);

/*
 * kernel_record_check - take a record apart, and see whether it is one
 * @facts: of its ring; the latest times are kept in it
 * @bytes: of the record, kernel_record_size() of them, aligned to 8
 * @now_ns: it is no younger
 */
enum kernel_record_state kernel_record_check(struct kernel_facts *facts, const void *bytes, uint64_t now_ns,
					     struct kernel_record *record);

#endif /* STRESS_KERNEL_RECORD_H */
