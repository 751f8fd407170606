/* SPDX-License-Identifier: MIT */
/*
 * kernel_result.h - what the kernel tier finds out beside violations, as plain data: filled by slices, all of them in
 * turn, in memory shared with who reports it
 */
#ifndef STRESS_KERNEL_RESULT_H
#define STRESS_KERNEL_RESULT_H

#include <stdbool.h>
#include <stdint.h>

/* Functions of the kernel that a write into a ring goes through, and bytes of each that are told apart. */
#define KERNEL_FUNCTIONS 24
#define KERNEL_OFFSETS 1024

/* One of them, and what struck there. */
struct kernel_function {
	char name[64];
	uint64_t start, end;            /* addresses; end: of the first byte behind it */
	bool handle;                    /* it puts the handle: there data_head is published */
	uint64_t hits;                  /* clock samples that found the kernel in here */
	uint32_t at[KERNEL_OFFSETS];    /* of these by offset */
	uint32_t swept[KERNEL_OFFSETS]; /* strikes of breakpoints by offset */
};

/* What the version says of the fix; what is measured outranks it. */
enum kernel_age {
	KERNEL_HAS_FIX,  /* it is in this version */
	KERNEL_LACKS_FIX /* it is older, unless somebody has put the fix in by hand */
};

struct kernel_result {
	unsigned functions;
	struct kernel_function function[KERNEL_FUNCTIONS];
	char release[72]; /* as uname(2) tells it */
	enum kernel_age age;

	/* Where records come from. */
	unsigned forward, backward; /* slices with rings that are written so */
	unsigned comms, clocks;     /* events of each ring */
	bool counters;              /* and a hardware counter, whose interrupt is an NMI */
	bool lost_told;             /* events count what they lost: since Linux 6.0 */
	uint64_t size_min, size_max;
	uint64_t period_ns; /* of the first clock, as steered */

	/* What came. */
	uint64_t elapsed_ns; /* of rings under stress, summed over rings */
	uint64_t comm_records, samples;
	uint64_t in_kernel; /* samples that found the kernel, and not user space */
	uint64_t in_family; /* of these in the functions above */
	uint64_t in_handle; /* and in those that put the handle */
	uint64_t throttles; /* records of the kernel that it holds a clock back */
	uint64_t lost;
	uint64_t snapshots; /* of backward rings, paused */

	/* Breakpoints. */
	bool swept;        /* they were asked for, and set */
	unsigned sweep_at; /* offset that is next, counted over all functions that put the handle */
	uint64_t sweeps;   /* times that all of them have been gone through */
	uint64_t sweep_hits;
	uint64_t sweep_exposed; /* strikes at each instruction, on average, once all have been gone through */
};

#endif /* STRESS_KERNEL_RESULT_H */
